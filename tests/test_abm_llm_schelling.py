"""Schelling with a chat model: the rule's run if it decides so, and how far it does."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop_lib import errors
from workshop_lib.abm import fast
from workshop_lib.abm.asker import CapReached
from workshop_lib.abm.beside import distance, interval, usable
from workshop_lib.abm.llm_schelling import LLMSchelling
from workshop_lib.abm.rules import EMPTY, Rules, classroom, textbook
from workshop_lib.abm.schelling_prompts import WORDINGS, all_situations, request, sentence
from workshop_lib.labeling.protocol import Answer, StopRun


class Mover:
    """Decides as told, from the like neighbours and all; keeps what it was asked."""

    name, model = "mover", "mover-1"

    def __init__(self, decide, local=True):
        self.decide, self.local, self.asked = decide, local, []

    def settings(self):
        return {"max_tokens": 2}

    def ask(self, request):
        self.asked.append(request)
        like, every = map(int, request.item.id.split(",")[0].split(" of "))
        found = self.decide(like, every)
        if isinstance(found, BaseException):
            raise found
        if isinstance(found, Answer):
            return found
        return Answer("yes" if found else "no", input_tokens=30, output_tokens=1)


def by(rules):
    return lambda like, every: like < rules.needed[every]


@pytest.mark.parametrize(
    "rules", [classroom(), classroom(4), textbook(0.5), Rules((0.5, 0.3, 0.2), happy_count=1)]
)
def test_a_model_that_decides_by_the_rule_gives_the_rule_s_run(rules):
    for seed in range(3):
        model = LLMSchelling(Mover(by(rules)), 8, 7, 0.8, rules, seed).run(100)
        ruled = fast.run(8, 7, 0.8, rules, seed, 100, compiled=False)
        assert (model.board == ruled.board).all()
        assert (model.steps, model.moves, model.stopped) == (
            ruled.steps,
            ruled.moves,
            ruled.stopped,
        )
        pd.testing.assert_frame_equal(model.history, ruled.history)
        found = model.agreement(every=False)
        assert found.attrs["agree"] == 1 and (found["move"] == found["rule"]).all()
        beside = model.beside_rule()
        assert beside.loc["model"].equals(beside.loc["rule"])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 0.7, 0.95]), st.booleans())
def test_agents_are_conserved_whatever_the_model_wants(seed, density, better):
    rules = classroom() if better else textbook()
    odd = Mover(lambda like, every: (like * 7 + every * 3 + seed) % 3 == 0)
    model = LLMSchelling(odd, 6, 6, density, rules, seed)
    before = np.bincount(model.board[model.board != EMPTY], minlength=2)
    model.run(4)
    assert (np.bincount(model.board[model.board != EMPTY], minlength=2) == before).all()
    assert model.stopped in ("all happy", "nobody can gain", "step limit")


def test_each_situation_is_asked_about_once_and_the_folder_remembers(tmp_path):
    mover = Mover(by(classroom()))
    model = LLMSchelling(mover, 20, 20, folder=tmp_path).run()
    model.agreement()
    ids = [request.item.id for request in mover.asked]
    assert len(ids) == len(set(ids)) == 45 and len(model.calls) == 45
    again = Mover(by(classroom()))
    other = LLMSchelling(again, 12, 12, seed=3, rules=classroom(3), folder=tmp_path).run()
    assert again.asked == [] and other.steps > 0
    assert usable(model.calls).loc["all", "usable"] == 45


def test_without_a_usable_answer_one_stays():
    nonsense = LLMSchelling(Mover(lambda *_: Answer("perhaps")), 6, 6).run()
    assert (nonsense.moves, nonsense.stopped) == (0, "all happy")
    found = nonsense.decisions(every=True)
    assert (
        set(found["status"]) == {"invalid"}
        and found["move"].isna().all()
        and found["agree"].isna().all()
    )
    curve = nonsense.agreement()
    assert (
        (curve["situations"] == 0).all()
        and curve["unusable"].sum() == 45
        and np.isnan(curve.attrs["agree"])
    )
    down = LLMSchelling(Mover(lambda *_: TimeoutError("no answer")), 6, 6).run()
    assert down.moves == 0 and set(down.decisions()["status"]) == {"error"}


def test_the_curve_of_one_who_never_moves():
    never = LLMSchelling(Mover(lambda *_: False), 8, 8).run()
    curve = never.agreement()
    assert curve.index.tolist() == list(range(9)) and curve["situations"].tolist() == list(
        range(9, 0, -1)
    )
    assert (curve["move"] == 0).all() and curve["rule"].tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert curve["agree"].tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 1]
    assert curve.attrs["agree"] == curve.attrs["constant"] == pytest.approx(28 / 45)
    assert (
        (curve["low"] <= curve["agree"] + 1e-9) & (curve["agree"] <= curve["high"] + 1e-9)
    ).all()
    beside = never.beside_rule()
    assert beside.loc["model", "moves"] == 0 < beside.loc["rule", "moves"]
    assert beside.loc["model", "share_happy"] < beside.loc["rule", "share_happy"]
    assert np.isnan(curve.attrs["agree_turns"])  # nobody had a turn


def test_turns_weigh_situations():
    always = LLMSchelling(Mover(lambda *_: True), 5, 5, rules=textbook()).run(2)
    assert always.moves > 0 and sum(always.met.values()) == 2 * 20
    curve = always.agreement(every=False)
    found = always.decisions()
    wanted = (found["agree"].astype(int) * found["met"]).sum() / found["met"].sum()
    assert curve.attrs["agree_turns"] == pytest.approx(wanted)


def test_probabilities_are_kept():
    sure = Answer("yes", probabilities={"yes": 0.8, "no": 0.2})
    found = LLMSchelling(Mover(lambda *_: sure), 4, 4).decisions(every=True)
    assert set(found["probability"]) == {0.8}


def test_personas_are_told_and_asked_apart():
    mover = Mover(by(classroom()))
    model = LLMSchelling(mover, 8, 8, personas=("You are young.", "You are old."))
    found = model.run(3).decisions(every=True)
    assert len(found) == 90 and len(mover.asked) == 90
    assert {request.messages[0]["content"] for request in mover.asked} == {
        "You are young.",
        "You are old.",
    }
    assert len({request.item.id for request in mover.asked}) == 90
    for wrong in (("You are young.",), "You are young."):
        with pytest.raises(errors.BadInputError, match="sentence for each of 2 groups"):
            LLMSchelling(mover, personas=wrong)


def test_a_board_of_one_s_own():
    board = [[0, 1, -1], [1, 0, -1], [-1, -1, -1]]
    model = LLMSchelling(Mover(by(classroom(1))), rules=classroom(1), board=board).run()
    assert model.stopped == "all happy" and board[0] == [0, 1, -1]
    assert model.beside_rule()["moves"].nunique() == 1


@pytest.mark.parametrize(
    "change, said",
    [({"density": 0}, "puts no agent"), ({"density": 2}, "density is 2"),
     ({"width": 0}, "0 columns"), ({"seed": -1}, "seed is -1"), ({"wording": 3}, "no wording 3"),
     ({"board": [[-1, -1]]}, "are empty"),
     ({"max_cost": -1}, "max_cost is -1")],
)  # fmt: skip
def test_settings_that_mean_nothing(change, said):
    with pytest.raises(errors.WorkshopError, match=said):
        LLMSchelling(Mover(by(classroom())), **change)


def test_a_full_room_and_one_agent():
    full = LLMSchelling(Mover(lambda *_: True), 4, 4, density=1).run()
    assert (full.moves, full.stopped) == (0, "nobody can gain")
    one = LLMSchelling(Mover(by(classroom())), 4, 4, density=1 / 16).run()
    assert (one.moves, one.stopped) == (0, "nobody can gain")
    assert one.decisions()["neighbours"].tolist() == [0]


def test_the_cap_and_a_wrong_key(tmp_path):
    dear = {"price": (1000.0, 1000.0), "folder": tmp_path}
    mover = Mover(by(classroom()), local=False)
    model = LLMSchelling(mover, max_cost=1.0, **dear)
    with pytest.warns(UserWarning, match=r"cap of \$1.0 is reached"):
        model.run()
    assert model.stopped == "cap" and 0 < model.calls["cost"].sum() <= 1.0
    with pytest.raises(CapReached):
        LLMSchelling(mover, max_cost=1.0, **dear).step()
    whole = LLMSchelling(mover, max_cost=100.0, **dear).run()
    assert whole.stopped == "all happy" and len(mover.asked) == len(
        {one.item.id for one in mover.asked}
    )
    with pytest.raises(StopRun):
        LLMSchelling(Mover(lambda *_: StopRun("wrong key"))).run()


def test_what_is_asked():
    assert len(all_situations(2)) == 90
    assert sentence(1, 5) == "Of your 5 neighbours, 1 is like you and 4 are not."
    assert sentence(4, 5) == "Of your 5 neighbours, 4 are like you and 1 is not."
    assert sentence(3, 3) == "All of your 3 neighbours are like you."
    for wording in range(len(WORDINGS)):
        made = request(all_situations()[7], wording=wording)
        content = made.messages[0]["content"]
        assert sentence(1, 3) in content and "Answer yes or no." in content and "{" not in content
    questions = {
        request(all_situations()[7], wording=wording).question for wording in range(len(WORDINGS))
    }
    assert len(questions) == len(WORDINGS)


# Beside people ----------------------------------------------------------------------------------


def test_distance_by_hand():
    found = distance(
        ["a", "a", "b", "c"], {"a": 0.2, "b": 0.8}, ["a", "b", "c"], ("model", "survey")
    )
    assert found["model"].tolist() == [0.5, 0.25, 0.25] and found["survey"].tolist() == [
        0.2,
        0.8,
        0,
    ]
    assert found.attrs == {"decisions": 4, "distance": pytest.approx(0.55)}
    assert distance(["a"], ["a", "a"], ["a", "b"]).attrs["distance"] == 0
    assert np.isnan(distance([], {"a": 1}, ["a", "b"]).attrs["distance"])
    with pytest.raises(errors.BadInputError, match="'d' is none of the options"):
        distance(["d"], ["a"], ["a", "b"])
    with pytest.raises(errors.BadInputError, match="sum to 0.9"):
        distance(["a"], {"a": 0.9}, ["a", "b"])


@given(st.lists(st.sampled_from("abc"), min_size=1), st.lists(st.sampled_from("abc"), min_size=1))
def test_distance_is_one(one, other):
    there, back = (
        distance(*pair, "abc").attrs["distance"] for pair in ((one, other), (other, one))
    )
    assert there == pytest.approx(back) and -1e-12 <= there <= 1 + 1e-12
    assert distance(one, one, "abc").attrs["distance"] == 0


def test_interval():
    low, high = interval(5, 10)
    assert 0 < low < 0.5 < high < 1 and low + high == pytest.approx(1)
    assert all(np.isnan(end) for end in interval(0, 0))
