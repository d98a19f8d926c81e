"""The town: memories by hand, ticks that nothing stops, a folder that loses and doubles nothing."""

import hashlib
import json
import os
import signal
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop_lib import data, errors
from workshop_lib.abm import asker, chat, memory, town_prompts
from workshop_lib.abm.beside import ByHabit
from workshop_lib.abm.memory import Memory, Vectors, scaled, scored, who_knows
from workshop_lib.abm.town import GenerativeTown
from workshop_lib.abm.town_people import read_town, ties_of
from workshop_lib.labeling.database import Lock
from workshop_lib.labeling.engines.chat import Chat
from workshop_lib.labeling.protocol import Answer, Item, Request, StopRun

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
PRICE = (1000.0, 1000.0)  # dollars per million tokens, so that a call costs cents
PEOPLE = pd.DataFrame(
    {
        "name": ["Ada", "Ben", "Cleo"], "age": [54, 57, 41], "job": ["baker", "driver", "nurse"],
        "work": ["bakery", "bakery", "clinic"], "home": ["Mill Lane", "Mill Lane", "Station Road"],
        "traits": ["warm", "calm", ""],
        "about": ["She bakes.", "He drives.", "She works long shifts."],
        "ties": ["Ben (husband)", "Ada (wife); Cleo", ""],
        "morning": ["work", "work", "work"], "noon": ["food", "food", "food"],
        "afternoon": ["work", "food", "work"], "evening": ["family", "family", "family"],
    }
)  # fmt: skip
PLACES = pd.DataFrame(
    {
        "name": ["bakery", "clinic", "café", "Mill Lane", "Station Road"],
        "activity": ["work", "work", "food", "family", "family"], "about": [""] * 5,
    }
)  # fmt: skip
NEWS, MARKER = "The pool will be shut.", "pool .* shut"


def digits(*values):
    return int(hashlib.sha256(json.dumps(values).encode()).hexdigest()[:8], 16)


def embed(texts):
    """Three numbers a text: enough to tell texts apart."""
    return np.array([[1 + digits(text, axis) % 1000 for axis in range(3)] for text in texts], float)


class Scripted:
    """Answers by rule, logs each call before it answers, and fails as told."""

    name, model = "scripted", "scripted-1"

    def __init__(self, fixed=None, fault=None, log=None, local=False):
        self.fixed, self.fault, self.local = fixed or {}, fault, local
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if log else None
        self.asked = []

    def settings(self):
        return {"max_tokens": 20}

    def ask(self, request):
        label = self.fixed.get(request.question)
        if label is None:
            label = request.options[digits(request.messages) % len(request.options)]
        return self.answered(request, label)

    def write(self, request):
        said = request.messages[-1]["content"]
        return self.answered(
            request, self.fixed.get(request.question, f"Well, {digits(said) % 100} it is.")
        )

    def answered(self, request, label):
        self.asked.append((request.item.id, request.question))
        if self.log is not None:
            os.write(self.log, f"{request.item.id} {request.question}\n".encode())
        fault = self.fault(request, len(self.asked)) if self.fault else None
        if isinstance(fault, BaseException):
            raise fault
        if fault is not None:
            return fault
        return Answer(label, model=self.model, input_tokens=50, output_tokens=3, seconds=0.1)


def make(engine, folder=None, **settings):
    return GenerativeTown(
        PEOPLE, PLACES, engine, folder=folder, **{"embed": embed, "price": PRICE} | settings
    )


def run(engine, folder=None, ticks=6, news=True, **settings):
    town = make(engine, folder, **settings)
    if news:
        town.tell("Ada", NEWS)
    town.run(ticks, progress=False)
    return town


def same(one, other):
    pd.testing.assert_frame_equal(one.log, other.log)
    pd.testing.assert_frame_equal(one.memories(), other.memories())
    assert one._world == other._world


# Memory -----------------------------------------------------------------------------------------


def made(number, tick=1, importance=2.0, text="x", name="Ada", **more):
    return Memory(number, tick, name, "observation", text, importance, **more)


def test_the_three_scores_by_hand():
    memories = [made(0, importance=2), made(1, importance=10), made(2, importance=6)]
    found = scored(memories, [0.1, 0.3, 0.5], hours=[0, 100, 200], decay=0.99)
    by_number = found.set_index("number")
    far, middle = 0.99**200, 0.99**100
    assert by_number.loc[0, "recency"] == 1 and by_number.loc[2, "recency"] == 0
    assert by_number.loc[1, "recency"] == pytest.approx((middle - far) / (1 - far))
    assert by_number["importance"].to_dict() == {0: 0, 1: 1, 2: 0.5}
    assert by_number["relevance"].to_dict() == pytest.approx({0: 0, 1: 0.5, 2: 1})
    assert by_number["score"].to_dict() == pytest.approx(
        (by_number["recency"] + by_number["importance"] + by_number["relevance"]).to_dict()
    )
    assert found["score"].is_monotonic_decreasing


def test_weights_choose_and_newer_goes_first_at_a_tie():
    memories = [made(0, importance=9), made(1, importance=1), made(2, importance=1)]
    only = scored(memories, [0, 0, 1], [9, 9, 9], {"importance": 2})
    assert only["number"].tolist() == [0, 2, 1] and only["score"].tolist() == [2, 0, 0]
    assert scored([], [], []).empty


@pytest.mark.parametrize(
    "weights, said",
    [({"novelty": 1}, "no score 'novelty'"), ({"recency": -1}, "is -1"),
     ({"recency": "1"}, "is '1'"),
     ({"recency": 0}, "All weights are 0"), ({"recency": float("nan")}, "is nan")],
)  # fmt: skip
def test_weights_that_mean_nothing(weights, said):
    with pytest.raises(errors.BadInputError, match=said):
        memory.checked_weights(weights)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_scaled_keeps_order_and_range(values):
    found = scaled(values)
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found[np.argsort(values, kind="stable")]) >= 0).all()


def test_each_text_is_embedded_once_and_alone():
    seen = []

    def counting(texts):
        seen.append(list(texts))
        return embed(texts)

    vectors = Vectors(counting)
    first = vectors.cosines("q", ["a", "b", "a"])
    assert seen == [["a"], ["b"], ["q"]] and first[0] == first[2]
    assert vectors.cosines("q", []).shape == (0,)
    with pytest.raises(errors.BadInputError, match=r"shape \(3,\)"):
        Vectors(lambda texts: np.ones(3)).of("a")


def test_who_knows_since_when_and_from_whom():
    memories = [
        made(0, 0, text=NEWS, said=NEWS),
        made(1, 2, text=f"Ada told Ben: {NEWS}", name="Ben", partner="Ada", said=NEWS),
        made(2, 1, text="The pool is open.", name="Cleo"),
        made(3, 5, text="the POOL might get shut", name="Ben"),
    ]
    found = who_knows(memories, ["Ada", "Ben", "Cleo"], MARKER).set_index("name")
    assert found.loc["Ada", ["tick", "source"]].tolist() == [0, "planted"]
    assert found.loc["Ben", ["tick", "source"]].tolist() == [2, "Ada"]
    assert found["tick"].isna().tolist() == [False, False, True]
    for marker, said in (("", "is ''"), ("a(", "no regular expression"), (None, "is None")):
        with pytest.raises(errors.BadInputError, match=said):
            who_knows(memories, ["Ada"], marker)


# One call ---------------------------------------------------------------------------------------

CHOICE = town_prompts.choice("1:Ada", "move", "Where?", ("work", "food"), "It is noon.")
LINE = Request(Item("1:Ada"), "line", chat.LINE, (), ({"role": "user", "content": "Hello!"},), {})


@pytest.mark.parametrize(
    "text, line",
    [("Good morning!", "Good morning!"), ('Ada: "Good morning."\nBen: Hi.', "Good morning."),
     ("  \n ", ""), ("?!", ""), (None, ""), ("word " * 41, ""),
     ("word " * 40, "word " * 39 + "word"), ("**Yes**", "Yes")],
)  # fmt: skip
def test_a_line_of_words(text, line):
    assert chat.clean_line(text) == line


@pytest.mark.parametrize(
    "fault, status, said",
    [(Answer("pub"), "invalid", "'pub'"), (Answer(None, "refused"), "refused", ""),
     (TimeoutError("no answer"), "error", "TimeoutError: no answer"),
     (Answer("work", "fine"), "error", "'fine'"),
     (ValueError("key sk-abcdefghijklmnopqrstuvwxyz"), "error", "•••")],
)  # fmt: skip
def test_whatever_an_engine_does_is_a_status(fault, status, said):
    answer = chat.answer_of(Scripted(fault=lambda *_: fault), CHOICE)
    assert (answer.label, answer.status) == (None, status) and said in answer.detail
    line = chat.answer_of(Scripted(fault=lambda *_: fault), LINE)
    assert line.status == ("ok" if fault == Answer("pub") else status)


def test_no_call_can_succeed_is_no_status():
    with pytest.raises(StopRun):
        chat.answer_of(Scripted(fault=lambda *_: StopRun("wrong key")), LINE)


@pytest.fixture
def loopback():
    """An OpenAI-compatible server that answers with what stands in ``server.says``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.bodies.append(body)
            code, choice = self.server.says
            reply = json.dumps(
                {
                    "model": "m-1",
                    "choices": [choice],
                    "usage": {"prompt_tokens": 9, "completion_tokens": 4},
                }
            ).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.bodies, server.says = [], (200, {})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.engine = Chat(
        "m", f"http://127.0.0.1:{server.server_port}/v1", retries=0, timeout=5, max_tokens=20
    )
    yield server
    server.shutdown()
    server.server_close()


def said(content, ended="stop", **more):
    return {"message": {"role": "assistant", "content": content, **more}, "finish_reason": ended}


def test_a_chat_engine_of_labeling_writes_lines(loopback):
    loopback.says = (200, said("<think>Hm.</think> Good morning!\nAnd more."))
    answer = chat.answer_of(loopback.engine, LINE)
    assert (answer.label, answer.status) == ("Good morning!", "ok")
    assert (answer.input_tokens, answer.output_tokens, answer.model) == (9, 4, "m-1")
    (body,) = loopback.bodies
    assert body["messages"] == list(LINE.messages) and "response_format" not in body
    for choice, status in (
        (said(None, refusal="No."), "refused"), (said("", "content_filter"), "refused"),
        (said(""), "invalid"),
        (said("x", "error"), "error"), (said("Half a sent", "length"), "ok"), ({}, "error"),
    ):  # fmt: skip
        loopback.says = (200, choice)
        assert chat.answer_of(loopback.engine, LINE).status == status, choice
    loopback.says = (500, {})
    assert chat.answer_of(loopback.engine, LINE).status == "error"
    loopback.says = (401, {})
    with pytest.raises(StopRun):
        chat.answer_of(loopback.engine, LINE)


def test_a_town_on_a_server_that_dies_in_the_middle(loopback, tmp_path):
    loopback.says = (200, said("work"))
    town = make(loopback.engine, tmp_path)
    first = town.tick()
    assert set(first["status"]) == {"ok"} and town.usable().loc["all", "share"] == 1
    loopback.shutdown()
    loopback.server_close()
    with pytest.warns(UserWarning, match="calls failed, and the default was done"):
        second = town.tick()
    assert set(second["status"]) == {"error"} and second["default"].all()
    assert set(second.loc[second["what"] == "move", "choice"]) == {"food"}  # the habit at noon


class TinyTokenizer:
    eos_token_id = 0

    def apply_chat_template(self, messages, **_):
        import torch

        return {"input_ids": torch.tensor([[len(m["content"]) for m in messages]])}

    def decode(self, ids, skip_special_tokens):
        return " ".join({5: "food", 6: "Good", 7: "morning"}[int(i)] for i in ids)


def test_the_course_s_own_chat_model_in_this_process():
    torch = pytest.importorskip("torch")

    def generate(ids, max_new_tokens, do_sample, **_):
        assert max_new_tokens == 4 and not do_sample
        return torch.cat([ids, torch.tensor([model.says])], dim=1)

    model = SimpleNamespace(
        device="cpu", generate=generate, config=SimpleNamespace(max_position_embeddings=9)
    )
    engine = chat.LocalChat(max_tokens=4, profile="mini")
    engine.__dict__["loaded"] = LoadedLike((model, TinyTokenizer(), None))  # no model is read
    model.says = [5]
    answer = chat.answer_of(engine, CHOICE)
    assert (answer.label, answer.status, answer.output_tokens) == ("food", "ok", 1) and engine.local
    model.says = [6, 7]
    assert chat.answer_of(engine, CHOICE).status == "invalid"
    assert chat.answer_of(engine, LINE).label == "Good morning"
    model.config.max_position_embeddings = 3
    assert "the model reads 3" in chat.answer_of(engine, LINE).detail
    assert chat.LocalChat(choose="words", profile="mini").settings() != engine.settings()
    for wrong in ({"choose": "loudly"}, {"max_tokens": 0}):
        with pytest.raises(errors.BadInputError):
            chat.LocalChat(**wrong)


@pytest.mark.parametrize("choose", ["written", "words"])
def test_a_model_that_cannot_be_loaded_stops_the_run(choose, monkeypatch):
    """Otherwise each call would fail by itself, and the town would go on by default."""
    engine = chat.LocalChat(choose=choose, profile="mini")

    def damaged():
        raise errors.DamagedFileError("adapter.safetensors is damaged. Get it again.")

    monkeypatch.setattr(engine, "_chat_model", SimpleNamespace(load=damaged))
    for request in (CHOICE, LINE):
        with pytest.raises(StopRun, match="is damaged"):
            chat.answer_of(engine, request)


class LoadedLike(tuple):
    """As what models.load returns: a tuple with names."""

    model = property(lambda self: self[0])


def test_an_engine_that_only_labels_cannot_talk():
    labeller = SimpleNamespace(name="encoder", model="e", local=True, settings=dict, ask=None)
    with pytest.raises(errors.BadInputError, match="'encoder' gives labels but writes no text"):
        make(labeller)


# Asking and keeping -----------------------------------------------------------------------------


def requests(count):
    return [
        town_prompts.choice(f"{i}:Ada", "move", "Where?", ("work", "food"), f"{i}")
        for i in range(count)
    ]


def asking(engine, folder, **settings):
    return asker.Asker(folder, engine, {"kind": "test"}, **{"price": PRICE} | settings)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_what_was_answered_is_not_asked_again(tmp_path, concurrency):
    engine = Scripted()
    one = asking(engine, tmp_path, concurrency=concurrency)
    with one.session():
        first = one.answers(requests(6))
        assert one.answers(requests(6)) == first
    with asking(engine, tmp_path).session():
        pass
    other = asking(engine, tmp_path)
    with other.session():
        assert [answer.label for answer in other.answers(requests(8))[:6]] == [
            answer.label for answer in first
        ]
    assert sorted(engine.asked) == [(f"{i}:Ada", "move") for i in range(8)]


def test_a_failure_stays_unless_asked_again(tmp_path):
    def fault(request, _):
        return ConnectionError("gone") if request.item.id == "1:Ada" else None

    broken, whole = Scripted(fault=fault), Scripted()
    for engine, again, wanted in (
        (broken, False, "error"),
        (whole, False, "error"),
        (whole, True, "ok"),
    ):
        one = asking(engine, tmp_path, ask_again=again)
        with one.session():
            assert [answer.status for answer in one.answers(requests(3))] == ["ok", wanted, "ok"]
    assert whole.asked == [("1:Ada", "move")]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_the_cap_is_never_passed(tmp_path, concurrency):
    engine = Scripted()
    worst = asking(engine, tmp_path / "x")._worst(len("x"))
    assert worst > 0
    one = asking(engine, tmp_path, max_cost=1.0, concurrency=concurrency)
    with one.session() as store:
        with pytest.raises(asker.CapReached, match=r"The cap of \$1.0 is reached"):
            for i in range(0, 40, 4):
                one.answers(requests(40)[i : i + 4])
        assert 0 < store.ledger()["spent"] <= 1.0 and store.ledger()["reserved"] == 0
    before = len(engine.asked)
    more = asking(engine, tmp_path, max_cost=50.0)
    with more.session():
        assert {answer.status for answer in more.answers(requests(40))} == {"ok"}
    assert before < 40 and len(engine.asked) == len(set(engine.asked)) == 40


def test_a_cap_that_cannot_be_kept(tmp_path):
    engine = Scripted()
    engine.settings = dict
    with pytest.raises(errors.BadInputError, match="sets no limit"):
        asking(engine, tmp_path, max_cost=1.0)
    with pytest.raises(errors.BadInputError, match="concurrency is 0"):
        asking(Scripted(), tmp_path, concurrency=0)


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize(
    "stop, booked", [(StopRun("wrong key"), False), (KeyboardInterrupt(), True)]
)
def test_a_stop_keeps_what_came_before(tmp_path, concurrency, stop, booked):
    def fault(request, _):
        time.sleep(0.02)
        return stop if request.item.id == "2:Ada" else None

    one = asking(Scripted(fault=fault), tmp_path, concurrency=concurrency)
    with one.session() as store, pytest.raises(type(stop)):
        try:
            one.answers(requests(9))
        finally:
            ledger = store.ledger()
    assert ledger["reserved"] == 0 and (ledger["lost"] > 0) is booked
    engine = Scripted()
    with (again := asking(engine, tmp_path)).session():
        assert {answer.status for answer in again.answers(requests(9))} == {"ok"}
    assert ("0:Ada", "move") not in engine.asked and ("2:Ada", "move") in engine.asked


@needs_fork
def test_a_call_that_a_dead_process_was_making_is_made(tmp_path):
    log = tmp_path / "asked.txt"
    child = os.fork()
    if child == 0:
        try:
            slow = asking(Scripted(fault=lambda *_: time.sleep(60), log=log), tmp_path)
            with slow.session():
                slow.answers(requests(1))
        finally:
            os._exit(0)
    while not log.exists() or not log.read_text():
        time.sleep(0.01)
    threading.Timer(0.3, os.kill, (child, signal.SIGKILL)).start()
    engine = Scripted()
    with (one := asking(engine, tmp_path)).session():
        assert [answer.status for answer in one.answers(requests(2))] == ["ok", "ok"]
    os.waitpid(child, 0)
    assert sorted(engine.asked) == [("0:Ada", "move"), ("1:Ada", "move")]


def test_another_engine_needs_another_folder(tmp_path):
    with asking(Scripted(), tmp_path).session():
        pass
    other = Scripted()
    other.model = "scripted-2"
    with (
        pytest.raises(errors.SettingError, match="another model"),
        asking(other, tmp_path).session(),
    ):
        pass


def test_a_full_disk_is_waited_for(monkeypatch, capsys):
    monkeypatch.setattr(asker, "RETRY", 0.001)
    tries = []

    def action():
        tries.append(1)
        if len(tries) < 3:
            raise asker.StoreError("The disk is full.")

    asker.patiently(action)
    assert len(tries) == 3 and capsys.readouterr().out.count("The disk is full.") == 1
    monkeypatch.setattr(asker, "PATIENCE", -1.0)
    tries.clear()
    with pytest.raises(asker.StoreError):
        asker.patiently(action)


# People and places ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, said",
    [({"work": ["bakery", "pub", "clinic"]}, "Ben's work is 'pub', which is no place"),
     ({"noon": ["food", "food", "fun"]}, "Cleo's habit in the noon is 'fun'"),
     ({"name": ["Ada", "Ada", "Cleo"]}, "'Ada' stands twice"),
     ({"name": ["Ada", "", "Cleo"]}, "one is empty"),
     ({"age": ["54", "old", "41"]}, "Ben's age is 'old'"),
     ({"ties": ["Ben (", "", ""]}, "can't be read"),
     ({"ties": None}, "no column ties")],
)  # fmt: skip
def test_people_that_are_no_people(change, said):
    people = PEOPLE.drop(columns="ties") if change == {"ties": None} else PEOPLE.assign(**change)
    with pytest.raises(errors.BadInputError, match=said.replace("(", r"\(")):
        read_town(people, PLACES)


def test_towns_that_are_no_towns():
    with pytest.raises(errors.BadInputError, match="has 1 inhabitant"):
        read_town(PEOPLE.head(1), PLACES)
    with pytest.raises(errors.BadInputError, match="serve 1 activity"):
        read_town(PEOPLE, PLACES.head(2))
    with pytest.raises(errors.BadInputError, match="no column name"):
        read_town(PEOPLE, "places")


def test_places_are_one_s_own_or_everybody_s():
    town = read_town(PEOPLE.assign(traits=[None, float("nan"), "tired"]), PLACES)
    ada, cleo = town.people["Ada"], town.people["Cleo"]
    assert town.activities == ("work", "food", "family")
    assert [town.place_for(cleo, one) for one in town.activities] == [
        "clinic",
        "café",
        "Station Road",
    ]
    assert ada.introduction == "Ada is 54, a baker. She bakes." and ada.ties == {"Ben": "husband"}
    assert [town.places[one].where for one in ("café", "Mill Lane")] == [
        "at the café",
        "at home in Mill Lane",
    ]


def test_the_course_s_town_lets_news_reach_everybody():
    folder = data.root() / "town"
    people, places = (
        pd.read_csv(folder / name, dtype=str) for name in ("people.csv", "places.csv")
    )
    town = read_town(people, places)
    for person in town.people.values():
        for other in person.ties:
            assert person.name in town.people[other].ties, (person.name, other)
    for column in ("home", "work"):
        assert set(people[column].value_counts()) == {2}
    assert len(set(zip(people["home"], people["work"], strict=True))) == 8
    reached, new = set(), {"Ada"}
    while new:
        reached |= new
        met = [p for p in town.people.values() if p.name in new]
        new = {
            q.name
            for p in met
            for q in town.people.values()
            if p.home == q.home or p.work == q.work
        } - reached
    assert reached == set(town.people)
    datasheet = (folder / "DATASHEET.md").read_text(encoding="utf-8")
    assert f"| Rows | {len(people)} people, {len(places)} places |" in datasheet
    assert (
        not people.drop(columns="ties").isna().any().any()
        and people["id"].is_unique
        and places["id"].is_unique
    )


def test_ties():
    assert ties_of("") == {} and ties_of("Ben; Cleo (old friend);") == {
        "Ben": "",
        "Cleo": "old friend",
    }


# A tick -----------------------------------------------------------------------------------------


def test_a_day_of_the_town():
    town = run(Scripted(), ticks=4)
    log, memories = town.log, town.memories()
    assert log["tick"].max() == 4 and set(log.loc[log["tick"] > 0, "part"]) == {
        "morning",
        "noon",
        "afternoon",
        "evening",
    }
    assert (log["what"] == "plan").sum() == 3 and set(log.loc[log["what"] == "plan", "tick"]) == {1}
    assert (log[log["what"] == "move"].groupby("tick").size() == 3).all()
    assert not log["default"].any()
    seen = memories[(memories["kind"] == "observation") & (memories["tick"] > 0)]
    assert (seen.groupby("tick").size() == 3).all()
    for tick in range(1, 5):
        now = log[log["tick"] == tick]
        where = now[now["what"] == "move"].set_index("name")["place"]
        for _, row in now[now["what"].isin(["line", "reply", "tell"])].iterrows():
            assert where[row["name"]] == where[row["other"]]
        for text in seen.loc[seen["tick"] == tick, "text"]:
            name = text.split()[0]
            for other in where.index.drop(name):
                assert (where[other] == where[name]) == (other in text), text
        talkers = [
            *now.loc[now["what"] == "line", "name"],
            *now.loc[now["what"] == "line", "other"],
        ]
        assert len(talkers) == len(set(talkers))
    assert set(memories["kind"]) <= set(memory.KINDS)


def test_prompts_are_short_and_follow_the_labelling_s_form():
    engine = Scripted()
    sent = []
    engine.answered = lambda request, label: (
        sent.append(request) or Scripted.answered(engine, request, label)
    )
    run(engine, ticks=6)
    run(engine, ticks=6, style="lines", rated="asked")
    assert {request.question for request in sent} == set(town_prompts.QUESTIONS)
    for request in sent:
        length = sum(len(message["content"]) for message in request.messages)
        assert length < 900, request  # characters: fewer than 300 tokens
        if request.kind == "choice":
            assert all(option in request.messages[-1]["content"] for option in request.options)


def test_same_seed_same_town_and_chance_is_only_in_who_meets():
    same(run(Scripted(), ticks=3), run(Scripted(), ticks=3))
    fixed = {"plan": "work", "move": "food"}  # all three meet
    pairs = {
        tuple(town.log.loc[town.log["what"] == "line", ["name", "other"]].iloc[0])
        for town in (run(Scripted(fixed), ticks=1, seed=seed) for seed in range(8))
    }
    assert len(pairs) > 1


def test_news_spreads_only_if_the_model_tells_it():
    all_meet = {"plan": "food", "move": "food", "importance": "yes"}
    told = run(Scripted({**all_meet, "tell": "yes"}), ticks=8)
    found = told.spread(MARKER)
    assert found["tick"].notna().all() and found["source"].tolist()[0] == "planted"
    assert found["tick"].iloc[1] == 1 and found["source"].iloc[1] == "Ada"
    second = told.memories(found["name"].iloc[1])
    heard = second[second["partner"] == "Ada"].iloc[0]
    assert heard["text"] == f"Ada told {found['name'].iloc[1]}: {NEWS}" and heard["importance"] == 8
    ada = told.memories("Ada").set_index("number")
    telling = ada[ada["said"] == NEWS].iloc[1]
    assert ada.loc[telling["evidence"][0], "text"] == NEWS  # what one told rests on what one knew
    silent = run(Scripted({**all_meet, "tell": "no"}), ticks=8)
    assert silent.spread(MARKER)["tick"].notna().sum() == 1
    assert "talk" not in set(silent.memories()["kind"])


def test_nobody_tells_the_same_person_the_same_thing_twice():
    town = run(Scripted({"plan": "food", "move": "food", "tell": "yes"}), ticks=8)
    talk = town.memories()[town.memories()["kind"] == "talk"]
    assert not talk.duplicated(["name", "partner", "said"]).any()


def test_reflection_rests_on_one_s_own_memories():
    town = run(Scripted({"reflection": "negative"}), ticks=8, reflect_at=12, k=2)
    memories = town.memories().set_index("number")
    thoughts = memories[memories["kind"] == "reflection"]
    assert len(thoughts) > 2 and (thoughts["evidence"].map(len) == 2).all()
    for number, row in thoughts.iterrows():
        grounds = memories.loc[list(row["evidence"])]
        assert set(grounds["name"]) == {row["name"]} and max(row["evidence"]) < number
        assert (
            row["importance"] == grounds["importance"].max()
            and "feels negative about this:" in row["text"]
        )
    assert "reflection" not in set(run(Scripted(), ticks=4, reflect_at=1e6).memories()["kind"])


def test_importance_is_asked_once_for_each_content_or_set_by_rule():
    engine = Scripted({"plan": "food", "move": "food", "tell": "yes", "importance": "no"})
    town = run(engine, ticks=6)
    asked = [id for id, question in engine.asked if question == "importance"]
    assert asked and len(asked) == len(set(asked))
    assert set(town.memories().loc[town.memories()["kind"] == "talk", "importance"]) == {2}
    ruled = Scripted({"tell": "yes"})
    assert set(run(ruled, ticks=4, rated="rule").memories()["importance"]) <= {2.0, 5.0, 8.0}
    assert "importance" not in {question for _, question in ruled.asked}


def test_in_lines_what_is_said_is_what_is_known():
    engine = Scripted({"plan": "I will swim.", "move": "food", "importance": "9"})
    engine.fixed |= {"line": f"Have you heard? {NEWS}", "reflection": "Things change."}
    town = run(engine, ticks=4, style="lines", reflect_at=20)
    memories = town.memories()
    assert "tell" not in set(town.log["what"])
    assert "Ada plans: I will swim." in set(memories["text"])
    assert set(memories.loc[memories["kind"] == "talk", "importance"]) == {9}
    assert memories["text"].str.endswith("thinks: Things change.").any()
    assert town.spread(MARKER)["tick"].notna().all()
    first = town.log[town.log["what"] == "line"].iloc[0]
    assert first["text"] == f"{first['name']} said to {first['other']}: Have you heard? {NEWS}"


def test_retrieval_weighs_and_looking_changes_nothing():
    town = run(Scripted(), ticks=4)
    before = town._world.copy()
    found = town.retrieve("Ada", NEWS, k=3)
    assert list(found.columns) == [
        "number",
        "tick",
        "kind",
        "text",
        "recency",
        "importance",
        "relevance",
        "score",
    ]
    assert len(found) == 3
    assert (
        town.retrieve("Ada", NEWS, 1, {"relevance": 1})["text"].item() == NEWS
    )  # the same text: cosine 1
    assert town.retrieve("Ada", "x", 1, {"importance": 1})["text"].item() == NEWS
    assert town.retrieve("Ada", "x", 1, {"recency": 1})["tick"].item() == 4
    assert town._world == before
    assert make(Scripted()).retrieve("Ada", "x").empty


def test_a_memory_that_came_to_mind_is_recent_again():
    town = run(Scripted({"tell": "no"}), ticks=5)
    assert any(
        tick > town._world.memories[number].tick for number, tick in town._world.recalled.items()
    )


# Answers that are none --------------------------------------------------------------------------

NONSENSE = {
    "nonsense": Answer("blah blah"),
    "refusal": Answer(None, "refused"),
    "timeout": TimeoutError("60 s"),
}


@pytest.mark.filterwarnings("ignore:In tick")
@pytest.mark.parametrize("kind", list(NONSENSE))
def test_whatever_comes_the_tick_goes_on(kind):
    def fault(request, _):
        if request.kind == chat.LINE and kind == "nonsense":
            return Answer("...")
        return NONSENSE[kind]

    town = run(Scripted(fault=fault), ticks=5)
    log = town.log[town.log["tick"] > 0]
    assert set(log["status"]) == {
        {"nonsense": "invalid", "refusal": "refused", "timeout": "error"}[kind]
    }
    assert log["default"].all() and town.usable().loc["all", "usable"] == 0
    habits = PEOPLE.set_index("name")
    for row in log[log["what"] == "move"].to_dict("records"):
        assert row["choice"] == habits.loc[row["name"], row["part"]]
    assert set(log.loc[log["what"] == "tell", "choice"]) == {"no"}
    assert "reply" not in set(log["what"]) and (log.loc[log["what"] == "line", "text"] == "").all()
    assert set(town.memories()["kind"]) == {"plan", "observation"}
    assert town.beside_habits().attrs["decisions"] == 0


@pytest.mark.filterwarnings("ignore:In tick")
def test_one_reflection_that_fails_is_not_asked_for_each_tick():
    engine = Scripted(
        fault=lambda request, _: Answer("?") if request.question == "reflection" else None
    )
    town = run(engine, ticks=4, reflect_at=12)
    asked = [id for id, question in engine.asked if question == "reflection"]
    assert 0 < len(asked) < 9 and "reflection" not in set(town.memories()["kind"])


# The folder -------------------------------------------------------------------------------------


def test_resume_from_any_tick_gives_the_same_town_at_no_cost(tmp_path):
    whole = run(Scripted(), tmp_path, ticks=6)
    for tick in (0, 1, 3, 6):
        engine = Scripted()
        town = GenerativeTown.resume(tmp_path, engine, tick=tick, embed=embed)
        assert town.tick_number == tick
        part = whole.log[whole.log["tick"] <= tick].reset_index(drop=True)
        pd.testing.assert_frame_equal(town.log, part)
        if tick < 6:
            town.run(6 - tick, progress=False)
        same(town, whole)
        assert engine.asked == []
    later = GenerativeTown.resume(tmp_path, engine, embed=embed)
    assert later.tick_number == 6
    later.tick()
    assert engine.asked and later.tick_number == 7


def test_the_same_cells_again_cost_nothing(tmp_path):
    first = run(Scripted(), tmp_path)
    engine = Scripted()
    same(run(engine, tmp_path), first)
    assert engine.asked == []


def test_news_between_ticks_is_kept_and_changes_what_follows(tmp_path):
    town = run(Scripted(), tmp_path, ticks=3, news=False)
    again = GenerativeTown.resume(tmp_path, Scripted(), tick=1, embed=embed)
    again.tell("Cleo", NEWS, importance=10)
    del again  # as if killed
    back = GenerativeTown.resume(tmp_path, Scripted(), embed=embed)
    assert back.tick_number == 1 and back.memories("Cleo")["text"].iloc[-1] == NEWS
    back.run(2, progress=False)
    assert NEWS not in set(town.memories()["text"]) and back.tick_number == 3
    with pytest.raises(errors.BadInputError, match="importance is 11"):
        back.tell("Cleo", NEWS, 11)
    with pytest.raises(errors.BadInputError, match="news is ''"):
        back.tell("Cleo", "")


def fork(action):
    """Run something in a process of its own, and return how it ended."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        action()
    finally:
        os._exit(0)


@needs_fork
@pytest.mark.parametrize("at", [1, 5, 8, 14, 23])
def test_killed_in_the_middle_of_a_tick(tmp_path, at):
    def kill(_, number):
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)

    log = tmp_path / "asked.txt"
    folder = tmp_path / "town"
    ended = fork(lambda: run(Scripted(fault=kill, log=log), folder, ticks=6, concurrency=1))
    assert os.WIFSIGNALED(ended)
    town = GenerativeTown.resume(folder, Scripted(log=log), embed=embed, concurrency=1)
    town.run(6 - town.tick_number, progress=False)
    same(town, run(Scripted(), ticks=6))
    asked = log.read_text().splitlines()
    twice = {one for one in asked if asked.count(one) > 1}
    assert len(asked) == len(set(asked)) + 1 and twice == {asked[at - 1]}  # only the call under way
    assert (
        town.calls["status"].eq("ok").all() and not town.calls.duplicated(["id", "question"]).any()
    )


def test_the_cap_stops_between_two_ticks(tmp_path):
    engine = Scripted()
    with pytest.warns(
        UserWarning, match=r"The cap of \$1.5 is reached.*The town stands after tick"
    ) as said:
        town = run(engine, tmp_path, ticks=6, max_cost=1.5)
    assert str(said[0].message).endswith("max_cost=…)")
    done = town.tick_number
    assert done < 6 and town.log["tick"].max() == done
    assert town.calls["cost"].sum() <= 1.5 and "skipped for budget" in set(town.calls["status"])
    with pytest.raises(asker.CapReached):
        town.tick()
    paid = len(engine.asked)
    more = GenerativeTown.resume(tmp_path, engine, max_cost=100, embed=embed)
    more.run(6 - done, progress=False)
    same(more, run(Scripted(), ticks=6))
    assert len(engine.asked) == len(set(engine.asked)) > paid


def test_a_wrong_key_leaves_the_town_as_it_was(tmp_path):
    def fault(_, number):
        return StopRun("The key isn't accepted.") if number > 9 else None

    town = make(Scripted(fault=fault), tmp_path)
    town.tell("Ada", NEWS)
    with pytest.raises(StopRun, match="key isn't accepted"):
        town.run(6, progress=False)
    stood = town.tick_number
    assert town.log["tick"].max() == stood
    back = GenerativeTown.resume(tmp_path, Scripted(), embed=embed)
    assert back.tick_number == stood
    back.run(6 - stood, progress=False)
    same(back, run(Scripted(), ticks=6))


def test_failures_stay_unless_asked_again(tmp_path):
    broken = Scripted(
        fault=lambda request, _: OSError("down") if request.item.id.startswith("2:") else None
    )
    with pytest.warns(UserWarning, match="In tick 2, .* calls failed"):
        town = run(broken, tmp_path, ticks=3)
    engine = Scripted()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = GenerativeTown.resume(tmp_path, engine, tick=1, embed=embed)
        kept.run(2, progress=False)
    same(kept, town)
    assert engine.asked == []
    mended = GenerativeTown.resume(tmp_path, engine, tick=1, embed=embed, ask_again=True)
    mended.run(2, progress=False)
    same(mended, run(Scripted(), ticks=3))


def test_two_programs_do_not_run_one_town(tmp_path):
    town = make(Scripted(), tmp_path)
    lock = Lock(tmp_path / "tick.lock")
    with pytest.raises(errors.SettingError, match="Another program is running"):
        town.tick()
    lock.end()
    assert len(town.tick())


def test_a_folder_holds_one_town(tmp_path):
    run(Scripted(), tmp_path, ticks=1)
    with pytest.raises(errors.SettingError, match=r"another town: seed was 7 and is now 8"):
        make(Scripted(), tmp_path, seed=8)
    other = Scripted()
    other.model = "scripted-2"
    with pytest.raises(errors.SettingError, match="another model"):
        GenerativeTown.resume(tmp_path, other, embed=embed)
    with pytest.raises(errors.SettingError, match="another embed"):
        GenerativeTown.resume(tmp_path, Scripted())
    with pytest.raises(errors.UnknownNameError, match="no tick 2. Choose one from 0 to 1"):
        GenerativeTown.resume(tmp_path, Scripted(), tick=2, embed=embed)
    with pytest.raises(errors.MissingFileError, match="No town is stored"):
        GenerativeTown.resume(tmp_path / "elsewhere", Scripted())
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "settings, said",
    [({"seed": -1}, "seed is -1"), ({"style": "poem"}, "no style 'poem'"), ({"k": 0}, "k is 0"),
     ({"reflect_at": 0}, "reflect_at is 0"), ({"rated": "coin"}, "'coin'"),
     ({"max_cost": -1}, "max_cost is -1"),
     ({"weights": {"mood": 1}}, "no score 'mood'")],
)  # fmt: skip
def test_settings_that_mean_nothing(settings, said):
    with pytest.raises(errors.WorkshopError, match=said):
        make(Scripted(), **settings)


def test_names_and_numbers_of_the_views():
    town = make(Scripted(local=True), price=None)
    with pytest.raises(errors.MissingFileError, match="Run one"):
        town.calls  # noqa: B018
    town.tick()
    for wrong in (
        lambda: town.memories("Zoe"),
        lambda: town.retrieve("Zoe", "x"),
        lambda: town.tell("Zoe", "x"),
    ):
        with pytest.raises(errors.UnknownNameError, match="no person 'Zoe'"):
            wrong()
    with pytest.raises(errors.BadInputError, match="ticks is 0"):
        town.run(0)
    assert repr(town) == "GenerativeTown(3 people, 1 ticks done, next: noon of day 1)"
    table = town.usable()
    assert table.index[-1] == "all" and table.loc["all", "calls"] == len(town.calls)
    assert table.loc["move", "cost"] == 0 and table.index[0] == "plan"


def test_beside_habits_by_hand():
    town = run(Scripted({"move": "food"}), ticks=2, news=False)
    found = town.beside_habits()
    assert found["decided"].to_dict() == {"work": 0, "food": 1, "family": 0}
    assert found["habit"].to_dict() == {"work": 0.5, "food": 0.5, "family": 0}
    assert found.attrs == {"decisions": 6, "distance": 0.5, "kept": 0.5}


def test_the_rule_model_of_a_town():
    town = run(ByHabit(), ticks=4, price=None)
    moves = town.log[town.log["what"] == "move"]
    habits = PEOPLE.set_index("name")
    assert [habits.loc[row["name"], row["part"]] for _, row in moves.iterrows()] == list(
        moves["choice"]
    )
    assert town.spread(MARKER)["tick"].tolist() == [0, 1, 2]  # Ben at work, Cleo at lunch
    silent = run(ByHabit("no"), ticks=4, price=None)
    assert silent.spread(MARKER)["tick"].notna().sum() == 1
    with pytest.raises(errors.BadInputError, match="tell is 'maybe'"):
        ByHabit("maybe")
