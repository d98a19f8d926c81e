"""A survey of personas: distributions from probabilities or draws, and nonsense answers."""

import threading

import numpy as np
import pandas as pd
import pytest

from workshop_lib import errors
from workshop_lib.labeling.codebook import Choice, Scale, Tags
from workshop_lib.labeling.protocol import Answer, StopRun
from workshop_lib.participants import surveys
from workshop_lib.participants.personas import Persona

VOTE = {"vote": Choice(["Clinton", "Dole"], "Who will you vote for?")}
BOTH = VOTE | {"view": Scale(1, 3, "From left to right?")}
PEOPLE = [Persona("a", {"age": 20}, 1), Persona("b", {"age": 50}, 3)]


class Fake:
    """Answers with what a function says of a request, and remembers the requests."""

    name, model, local = "fake", "fake-1", True

    def __init__(self, say, **attributes):
        self.say, self.asked, self.lock = say, [], threading.Lock()
        vars(self).update(attributes)

    def settings(self):
        return {"max_tokens": 5}

    def ask(self, request):
        with self.lock:
            self.asked.append(request)
        return self.say(request)


def stated(**probabilities):
    """Return an engine that always gives these probabilities."""
    label = max(probabilities, key=probabilities.get)
    return Fake(lambda request: Answer(label, "ok", dict(probabilities)))


def test_probabilities_are_taken_and_asked_for_once(tmp_path):
    def say(request):
        if request.question == "view":
            return Answer("3", "ok", {"1": 0.1, "2": 0.2, "3": 0.7})
        young = "20" in request.item.text
        return Answer(
            "Clinton", "ok", {"Clinton": 0.9 if young else 0.6, "Dole": 0.1 if young else 0.4}
        )

    engine = Fake(say)
    table = surveys.ask(PEOPLE, BOTH, engine, tmp_path / "run")
    assert list(table.columns) == list(surveys.COLUMNS) and len(engine.asked) == 4
    assert table[["id", "question"]].values.tolist() == [
        ["a", "vote"],
        ["a", "view"],
        ["b", "vote"],
        ["b", "view"],
    ]
    assert set(table["source"]) == {"probabilities"} and table["weight"].tolist() == [1, 1, 3, 3]
    assert table["probabilities"][2] == {"Clinton": 0.6, "Dole": 0.4}
    assert surveys.shares(table, "vote", VOTE["vote"])["Clinton"] == pytest.approx(
        (0.9 + 3 * 0.6) / 4
    )
    again = surveys.ask(PEOPLE, BOTH, engine, tmp_path / "run")
    assert (
        len(engine.asked) == 4
        and again["probabilities"].tolist() == table["probabilities"].tolist()
    )
    assert table.attrs["style"] == "first person" and table.attrs["model"] == "fake-1"


def test_without_probabilities_the_draws_are_counted(tmp_path):
    def say(request):
        return Answer("Dole" if request.repeat % 4 == 0 else "Clinton")

    engine = Fake(say)
    table = surveys.ask(PEOPLE, VOTE, engine, tmp_path, draws=8)
    assert len(engine.asked) == 16 and table["source"].tolist() == ["draws"] * 2
    assert table["probabilities"][0] == {"Clinton": 0.75, "Dole": 0.25} and table["draws"][0] == 8
    single = surveys.ask(PEOPLE, VOTE, Fake(say), draws=1)
    assert single["probabilities"][0] == {"Clinton": 0.0, "Dole": 1.0} and single["draws"][0] == 1


def test_what_the_model_reads():
    engine = stated(Clinton=1.0, Dole=0.0)
    surveys.ask(PEOPLE[:1], VOTE, engine, stimuli={"a": "Taxes rise."}, introduction="none")
    (only,) = engine.asked[0].messages
    assert (
        only["content"]
        == "Who will you vote for? Answer Clinton or Dole.\nI am 20 years old.\nTaxes rise."
    )
    engine.asked.clear()
    surveys.ask(PEOPLE[:1], VOTE, engine, style="third person", introduction="Be brief.")
    system, user = engine.asked[0].messages
    assert system["content"] == "Be brief." and "The person is 20" in user["content"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer("Perot"),
        Answer(None, "refused", detail="No."),
        Answer(None, "invalid", detail="Cut off"),
        Answer("Clinton", "ok", {"Clinton": 0.9, "Dole": 0.9}),
        Answer("Clinton", "ok", {"Clinton": 1.2, "Dole": -0.2}),
        Answer("Clinton", "ok", {"Clinton": float("nan"), "Dole": 0.5}),
        Answer("Clinton", "ok", {"Clinton": 1.0}),
        Answer("Clinton", "ok", {"Clinton": "much", "Dole": "little"}),
        Answer("Clinton", "no such status"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*calls failed")
def test_nonsense_is_no_answer(answer, tmp_path):
    def say(request):
        return (
            answer
            if request.item.id == "a"
            else Answer("Dole", "ok", {"Clinton": 0.25, "Dole": 0.75})
        )

    table = surveys.ask(PEOPLE, VOTE, Fake(say), tmp_path).set_index("id")
    assert table.loc["a", "status"] != "ok" and table.loc["a", "label"] is None
    assert table.loc["a", "probabilities"] is None and table.loc["a", "detail"]
    assert table.loc["a", "failed"] == 1 and table.loc["b", "failed"] == 0
    assert surveys.shares(table.reset_index(), "vote", VOTE["vote"])["Dole"] == 0.75


def test_nobody_answers():
    table = surveys.ask(PEOPLE, VOTE, Fake(lambda request: Answer("blah")))
    with pytest.raises(errors.BadInputError, match="No persona has an answer to 'vote'.*'blah'"):
        surveys.shares(table, "vote", VOTE["vote"])
    with pytest.raises(errors.BadInputError, match="0 rows"):
        surveys.draw_answers(table)


def test_an_engine_that_breaks_down_keeps_what_it_has(tmp_path):
    def say(request):
        if request.item.id == "b":
            raise StopRun("No credit.")
        return Answer("Clinton", "ok", {"Clinton": 1.0, "Dole": 0.0})

    with pytest.raises(StopRun, match="No credit"):
        surveys.ask(PEOPLE, VOTE, Fake(say), tmp_path, concurrency=1)
    engine = stated(Clinton=1.0, Dole=0.0)
    surveys.ask(PEOPLE, VOTE, engine, tmp_path)
    assert [request.item.id for request in engine.asked] == ["b"]


def test_draws_that_would_be_wasted_are_refused():
    say = stated(Clinton=1.0, Dole=0.0).say
    for attributes in ({"temperature": 0}, {"temperature": 1, "seed": 3}):
        engine = Fake(say, **attributes)
        with pytest.raises(errors.BadInputError, match="all be alike"):
            surveys.ask(PEOPLE, VOTE, engine)
        assert not engine.asked
        assert len(surveys.ask(PEOPLE, VOTE, engine, draws=1)) == 2
    hosted = Fake(say, local=False)
    with pytest.raises(errors.BadInputError, match="needs a folder"):
        surveys.ask(PEOPLE, VOTE, hosted)
    with pytest.raises(errors.BadInputError, match="draws is 0"):
        surveys.ask(PEOPLE, VOTE, hosted, "x", draws=0)


def test_bad_input():
    engine = stated(Clinton=1.0, Dole=0.0)
    with pytest.raises(errors.BadInputError, match="0 personas"):
        surveys.ask([], VOTE, engine)
    with pytest.raises(errors.BadInputError, match="Give a list"):
        surveys.ask(PEOPLE[0], VOTE, engine)
    with pytest.raises(errors.BadInputError, match="'a' occurs twice"):
        surveys.ask([PEOPLE[0]] * 2, VOTE, engine)
    with pytest.raises(errors.BadInputError, match="Choice and Scale"):
        surveys.ask(PEOPLE, {"topics": Tags(["x", "y"])}, engine)
    with pytest.raises(errors.BadInputError, match="The questions are"):
        surveys.ask(PEOPLE, {}, engine)
    with pytest.raises(errors.BadInputError, match="no such persona"):
        surveys.ask(PEOPLE, VOTE, engine, stimuli={"z": "News"})
    with pytest.raises(errors.SettingError, match="no style 'fourth person'"):
        surveys.ask(PEOPLE, VOTE, engine, style="fourth person")
    with pytest.raises(errors.UnknownNameError, match="wasn't asked"):
        surveys.shares(surveys.ask(PEOPLE, VOTE, engine), "view", BOTH["view"])
    assert not any(request.item.id == "z" for request in engine.asked)


def test_drawn_answers_follow_the_distributions():
    table = surveys.ask(PEOPLE, VOTE, stated(Clinton=0.7, Dole=0.3))
    drawn = surveys.draw_answers(table, times=2000, seed=4)
    assert len(drawn) == 4000 and 0.67 < (drawn["label"] == "Clinton").mean() < 0.73
    pd.testing.assert_frame_equal(drawn, surveys.draw_answers(table, times=2000, seed=4))
    assert (drawn["label"] != surveys.draw_answers(table, times=2000, seed=5)["label"]).any()
    with pytest.raises(errors.BadInputError, match="times is 0"):
        surveys.draw_answers(table, times=0)


def test_values():
    assert surveys.values_of(BOTH["view"]).tolist() == [1, 2, 3]
    with pytest.raises(errors.UnknownNameError, match="Did you mean 'Dole'"):
        surveys.values_of(VOTE["vote"], "Doles")
    with pytest.raises(errors.SettingError, match="no target"):
        surveys.values_of(BOTH["view"], "3")
    ids, rows = surveys.matrix(
        surveys.ask(PEOPLE, VOTE, stated(Clinton=0.7, Dole=0.3)), "vote", VOTE["vote"]
    )
    assert ids == ["a", "b"] and np.allclose(rows, [[0.7, 0.3]] * 2)
