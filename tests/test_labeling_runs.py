"""Runs: nothing lost, nothing asked twice, nothing mislabelled, the cap never passed."""

import hashlib
import json
import os
import random
import signal
import sys
import threading
import time
import tracemalloc
import warnings
from pathlib import Path

import pandas as pd
import pytest

from workshop_lib import errors
from workshop_lib.labeling import budget, database, prompts, runs, store
from workshop_lib.labeling.codebook import Choice, Codebook, Scale, Tags
from workshop_lib.labeling.protocol import Answer, StopRun

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
BOOK = Codebook("posts", {"topic": Choice({"war": "about a war", "peace": "about peace"}, "What is it about?")})
PRICE = (1000.0, 1000.0)  # dollars per million tokens, so that a call costs cents


def table(n, words="The talks went on."):
    return pd.DataFrame({"id": [f"p{i}" for i in range(n)], "text": [f"{words} {i}" for i in range(n)]})


def digits(*values):
    return int(hashlib.sha256(json.dumps(values).encode()).hexdigest()[:8], 16)


def truth(text):
    """The label that the fake engine gives a text."""
    return ("war", "peace")[digits(text) % 2]


class Fake:
    """Answers by rule, logs each call before it answers, and fails as told."""

    name, model, local = "fake", "fake-1", False

    def __init__(self, log=None, seconds=0.0, faults=None, **settings):
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if log else None
        self.seconds, self.faults = seconds, faults or {}
        self.changes = {"max_tokens": 5} | settings
        self.asked, self.lock, self.at_once, self.most_at_once = [], threading.Lock(), 0, 0

    def settings(self):
        return dict(self.changes)

    def ask(self, request):
        with self.lock:
            self.asked.append((request.item.id, request.question, request.repeat))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        if self.log is not None:
            os.write(self.log, f"{request.item.id}\n".encode())  # one write, so that a kill can't cut it
        if self.seconds:
            time.sleep(random.uniform(0.5, 1.5) * self.seconds)
        with self.lock:
            self.at_once -= 1
        fault = self.faults.get(request.item.id)
        if isinstance(fault, BaseException):
            raise fault
        if fault is not None:
            return fault
        return Answer(truth(request.item.text), model="fake-1", input_tokens=20, output_tokens=3, seconds=0.1)


def label(frame, engine, folder, book=BOOK, **settings):
    return runs.label(book, frame, engine, folder, **{"price": PRICE, "progress": False} | settings)


def fork(action):
    """Run something in a process of its own; return the process's number."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        action()
        code = 0
    finally:
        os._exit(code)


# Tables -----------------------------------------------------------------------------------------


def test_results_table(tmp_path):
    book = Codebook(
        "posts",
        {"topic": BOOK.questions["topic"], "themes": Tags({"a": "", "b": ""}), "tone": Scale(1, 5)},
    )

    class Several(Fake):
        def ask(self, request):
            known = {"choice": truth(request.item.text), "tags": "a|b", "scale": "4"}
            return super().ask(request)._replace(label=known[request.kind], probabilities={"a": 0.75})

    engine = Several()
    results = label(table(3), engine, tmp_path, book, repeats=2)
    assert tuple(results.columns) == store.COLUMNS
    assert results["id"].tolist() == [id for id in ("p0", "p1", "p2") for _ in range(6)]
    assert results["question"].tolist()[:6] == ["topic"] * 2 + ["themes"] * 2 + ["tone"] * 2
    assert results["repeat"].tolist() == [0, 1] * 9
    assert results["label"].tolist()[2:6] == ["a|b", "a|b", "4", "4"]
    assert results["probabilities"][0] == {"a": 0.75}
    assert results["cost"].tolist() == pytest.approx([0.023] * 18)
    assert (results["status"] == "ok").all() and not results["cached"].any()
    requests = prompts.requests(book, prompts.items(table(3)), repeats=2)
    assert results["prompt_hash"].tolist() == [prompts.prompt_hash(request) for request in requests]
    assert len(engine.asked) == len(set(engine.asked)) == 18


def test_again_asks_nothing_and_more_rows_only_those(tmp_path):
    engine = Fake()
    first = label(table(5), engine, tmp_path)
    again = label(table(5), engine, tmp_path)
    assert len(engine.asked) == 5 and again["cached"].all()
    pd.testing.assert_frame_equal(first.drop(columns="cached"), again.drop(columns="cached"))
    more = label(table(8).iloc[::-1], engine, tmp_path)  # in another order
    assert more["id"].tolist() == [f"p{i}" for i in range(7, -1, -1)]
    assert engine.asked[5:] != [] and {id for id, *_ in engine.asked[5:]} == {"p5", "p6", "p7"}
    assert more["cached"].tolist() == [False] * 3 + [True] * 5
    assert label(table(2), engine, tmp_path, repeats=2)["cached"].tolist() == [True, False] * 2


def test_one_capital_letter_misses_the_cache(tmp_path):
    engine = Fake()
    label(table(3), engine, tmp_path)
    changed = table(3)
    changed.loc[1, "text"] = "The Talks went on. 1"
    results = label(changed, engine, tmp_path)
    assert [id for id, *_ in engine.asked[3:]] == ["p1"]
    assert results["label"].tolist() == [truth(text) for text in changed["text"]]
    other = Codebook("posts", {"topic": Choice({"war": "about a War", "peace": "about peace"}, "What is it about?")})
    with pytest.raises(errors.SettingError, match="labels.war was .about a war. and is now .about a War."):
        label(table(3), engine, tmp_path, other)
    labels = {"peace": "about peace", "war": "about a war"}
    turned = Codebook("posts", {"topic": Choice(labels, "What is it about?")})
    with pytest.raises(errors.SettingError, match="the order of questions.topic.labels was"):
        label(table(3), engine, tmp_path, turned)


@pytest.mark.parametrize(
    ("change", "engine", "message"),
    [
        ({"wording": 1}, Fake(), "wording: it was 0 and is now 1"),
        ({"order_seed": 7}, Fake(), "order_seed: it was null and is now 7"),
        ({}, Fake(temperature=1), "settings: temperature was null and is now 1"),
        ({}, Fake(max_tokens=6), "settings: max_tokens was 5 and is now 6"),
        ({"shots": prompts.Shots(table(4).assign(topic="war"), k=1)}, Fake(), "another shots"),
    ],
)
def test_other_settings_are_an_error(tmp_path, change, engine, message):
    label(table(2), Fake(), tmp_path)
    with pytest.raises(errors.SettingError, match=message):
        label(table(2), engine, tmp_path, **change)
    assert engine.asked == []


def test_resume_needs_the_same_engine(tmp_path):
    label(table(2), Fake(), tmp_path)
    with pytest.raises(errors.SettingError, match="max_tokens"):
        runs.resume(tmp_path, Fake(max_tokens=6), progress=False)
    other = Fake()
    other.model = "fake-2"
    with pytest.raises(errors.SettingError, match="another model.*fake-1.*fake-2"):
        runs.resume(tmp_path, other, progress=False)
    with pytest.raises(errors.MissingFileError, match="no run in"):
        runs.resume(tmp_path / "elsewhere", Fake())
    assert runs.read_results(tmp_path)["status"].tolist() == ["ok", "ok"]


def test_shots_and_pictures_survive_a_resume(tmp_path):
    from PIL import Image

    frame = table(2).assign(image=[str(tmp_path / "a.png"), None])
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    seen = []

    class Looks(Fake):
        def ask(self, request):
            seen.append(request)
            return Answer(None, "error") if len(seen) <= 2 else super().ask(request)

    shots = prompts.Shots(table(4, "A shot.").assign(topic="war", day=pd.Timestamp("2026-01-01")), how="random", k=2)
    shots.frame["id"] = [f"s{i}" for i in range(4)]
    with pytest.warns(UserWarning, match="2 calls failed.*resume"):
        label(frame, Looks(), tmp_path / "run", shots=shots, concurrency=1)
    runs.resume(tmp_path / "run", Looks(), progress=False, concurrency=1)
    assert seen[:2] == seen[2:] and "A shot." in json.dumps(seen[3].messages)
    Image.new("RGB", (5, 5)).save(tmp_path / "a.png")  # another picture under the same name
    engine = Looks()
    label(frame, engine, tmp_path / "run", shots=shots)
    assert [id for id, *_ in engine.asked] == ["p0"]


# Faults -----------------------------------------------------------------------------------------


def test_faults_are_statuses(tmp_path):
    faults = {
        "p0": Answer(None, "error", detail="429 too many requests", attempts=3),
        "p1": Answer(None, "error", detail="500"),
        "p2": TimeoutError("no answer in 30 s"),
        "p3": Answer("War and Peace", input_tokens=5),
        "p4": Answer("99"),
        "p5": Answer(None, "refused", detail="I can't help with that."),
        "p6": Answer("war", "invalid"),
        "p7": Answer("war", "fine"),
        "p8": Answer(7),
        "p9": ValueError("key sk-canary0123456789abcdefghij rejected"),
        "p10": None,
        "p11": Answer("WAR"),
    }
    with pytest.warns(UserWarning, match="5 calls failed"):
        results = label(table(12), Fake(faults=faults), tmp_path)
    assert results["status"].tolist() == [
        "error", "error", "error", "invalid", "invalid", "refused", "invalid", "error", "invalid", "error", "ok",
        "invalid",
    ]  # fmt: skip
    assert [name for name in results["label"] if name is not None] == [truth("The talks went on. 10")]
    assert results["label"][0] is None
    assert results["detail"][2] == "TimeoutError: no answer in 30 s" and "99" in results["detail"][4]
    assert results["attempts"][0] == 3 and results["cost"][3] == pytest.approx(0.005)
    assert "canary" not in results["detail"][9]
    healed = Fake()
    final = runs.resume(tmp_path, healed, progress=False)
    assert sorted(id for id, *_ in healed.asked) == ["p0", "p1", "p2", "p7", "p9"]  # errors only
    assert final["status"].value_counts().to_dict() == {"ok": 6, "invalid": 5, "refused": 1}
    assert final["attempts"][0] == 4
    again = Fake()
    runs.resume(tmp_path, again, progress=False)
    assert again.asked == []


@pytest.mark.parametrize(
    ("question", "given", "stored"),
    [
        (Choice(["a", "b"]), "a", "a"), (Choice(["a", "b"]), "A", None), (Choice(["a", "b"]), "", None),
        (Choice(["a", "b"]), None, None), (Choice(["a", "b"]), "a|b", None), (Tags(["a", "b"]), "", ""),
        (Tags(["b", "a"]), "a|b", "b|a"), (Tags(["a", "b"]), "a|a", "a"), (Tags(["a", "b"]), "a|", None),
        (Tags(["a", "b"]), "c", None), (Tags(["a", "b"]), None, None), (Scale(1, 3), "3", "3"),
        (Scale(1, 3), "4", None), (Scale(1, 3), "99", None),
    ],
)  # fmt: skip
def test_only_legal_labels_pass_in_the_codebook_order(question, given, stored):
    checked = runs.checked_answer(Answer(given), question)
    assert checked.label == stored and checked.status == ("invalid" if stored is None else "ok")


def test_tags_stay_in_order_after_a_resume(tmp_path):
    book = Codebook("posts", {"themes": Tags(["work", "health", "art"])})

    class Backwards(Fake):
        def ask(self, request):
            return Answer("|".join(sorted(request.options)))  # the options are shown in another order

    with pytest.warns(UserWarning, match="calls failed"):
        label(table(4), Fake(faults={f"p{i}": TimeoutError() for i in range(4)}), tmp_path, book, order_seed=1)
    results = runs.resume(tmp_path, Backwards(), progress=False)
    assert results["label"].tolist() == ["work|health|art"] * 4


def test_stop_run_stops_at_once_and_keeps_all(tmp_path):
    engine = Fake(seconds=0.01, faults={"p20": StopRun("The key was refused (401).")})
    with pytest.raises(StopRun, match=r"401.*answers are kept in .*calls are missing.*resume\("):
        label(table(500), engine, tmp_path, concurrency=4)
    assert len(engine.asked) < 40
    kept = runs.read_results(tmp_path)
    assert len(kept) == len(engine.asked) - 1 and (kept["status"] == "ok").all()
    before = set(engine.asked)
    healed = Fake()
    assert len(runs.resume(tmp_path, healed, progress=False)) == 500
    assert set(healed.asked) & before == {("p20", "topic", 0)} and len(healed.asked) == 500 - len(kept)


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch, capsys):
    record, failures = store.Store.record, iter(range(3))

    def full(self, answers):
        if next(failures, None) is not None:
            raise store.StoreError("The run can't be written: database or disk is full.")
        record(self, answers)

    monkeypatch.setattr(store.Store, "record", full)
    monkeypatch.setattr(runs, "RETRY", 0.01)
    engine = Fake()
    results = label(table(10), engine, tmp_path)
    assert (results["status"] == "ok").all() and len(engine.asked) == 10
    assert capsys.readouterr().out.count("disk is full") == 1
    monkeypatch.setattr(runs, "PATIENCE", 0)
    failures = iter(range(1000))
    with pytest.raises(store.StoreError, match="disk is full.*answers are lost"):
        label(table(20), engine, tmp_path)


def test_a_mistake_in_the_prompt_leaves_no_run_behind(tmp_path):
    with pytest.raises(errors.BadInputError, match="wording 99"):
        label(table(2), Fake(), tmp_path / "run", wording=99)
    with pytest.raises(errors.WorkshopError):
        label(table(2), Fake(), tmp_path / "run", shots=prompts.Shots(table(4), k=1))  # no column "topic"
    assert not (tmp_path / "run").exists()


def test_a_label_may_be_called_key(tmp_path):
    book = Codebook("posts", {"topic": Choice({"key": "about keys", "token": "about tokens"})})
    results = label(table(1), Fake(faults={"p0": Answer("key")}), tmp_path, book)
    assert results["label"].tolist() == ["key"]


def test_a_silent_change_of_model_is_said(tmp_path):
    with pytest.warns(UserWarning, match="2 models: fake-1, fake-2"):
        label(table(3), Fake(faults={"p1": Answer("war", model="fake-2")}), tmp_path)


def test_bad_arguments(tmp_path):
    for name, value in [("concurrency", 0), ("max_cost", -1), ("repeats", 0)]:
        with pytest.raises(errors.BadInputError, match=f"{name} is {value}"):
            label(table(2), Fake(), tmp_path, **{name: value})
    with pytest.raises(errors.BadInputError, match="no rows"):
        label(table(0), Fake(), tmp_path)
    with pytest.raises(errors.BadInputError, match="more than once"):
        label(pd.concat([table(2), table(2)]), Fake(), tmp_path)
    with pytest.raises(errors.BadInputError, match="no limit"):
        label(table(2), Fake(max_tokens=None), tmp_path, max_cost=1)
    with pytest.raises(errors.BadInputError, match="api_key"):
        label(table(2), Fake(api_key="canary"), tmp_path)
    with pytest.raises(errors.BadInputError, match="k is 0"):
        runs.pilot(BOOK, table(2), Fake(), tmp_path, k=0)


# Money ------------------------------------------------------------------------------------------


def test_cap_is_never_passed_at_concurrency_32(tmp_path):
    class Bills(Fake):
        def ask(self, request):
            return super().ask(request)._replace(input_tokens=200)  # of some 300 at the very worst

    engine = Bills(seconds=0.01)
    frame = table(300).assign(text=[f"All of the same length. {i:03}" for i in range(300)])
    cap = 100 * 0.203 + runs.plan(BOOK, frame, engine, price=PRICE).worst / 300 - 0.001
    with pytest.warns(UserWarning, match="skipped.*cap.*resume"):
        results = label(frame, engine, tmp_path, max_cost=cap, concurrency=32)
    assert engine.most_at_once > 8
    assert results["status"].value_counts().to_dict() == {"skipped for budget": 200, "ok": 100}
    assert len(engine.asked) * 0.203 <= cap and results["cost"].sum() <= cap
    assert results["label"][results["status"] != "ok"].isna().all()
    with pytest.warns(UserWarning, match="200 calls were skipped"):
        runs.resume(tmp_path, engine, progress=False)  # the same cap holds for the whole run
    assert len(engine.asked) == 100
    final = runs.resume(tmp_path, engine, max_cost=None, progress=False)
    assert (final["status"] == "ok").all() and len(engine.asked) == 300
    assert final["cost"].sum() == pytest.approx(60.9)


def test_attempts_without_an_answer_count_at_their_worst(tmp_path):
    class Breaks(Fake):
        most_attempts = 3

        def ask(self, request):
            return super().ask(request)._replace(attempts=3, unanswered=2)

    frame = table(40).assign(text=[f"All of the same length. {i:03}" for i in range(40)])
    worst = runs.plan(BOOK, frame, Breaks(), price=PRICE).worst / 40
    cap = 10 * (0.023 + 2 * worst) + 3 * worst - 0.03  # an eleventh call could pass it
    with pytest.warns(UserWarning, match="30 calls were skipped"):
        results = label(frame, Breaks(), tmp_path, max_cost=cap, concurrency=4)
    assert results["cost"].sum() == pytest.approx(10 * 0.023)
    with store.Store(tmp_path) as kept:
        assert kept.ledger() == {
            "spent": pytest.approx(0.23), "lost": pytest.approx(20 * worst), "reserved": pytest.approx(0, abs=1e-9),
        }  # fmt: skip


def test_cap_of_nothing_asks_nothing(tmp_path):
    engine = Fake()
    with pytest.warns(UserWarning, match="3 calls were skipped"):
        assert (label(table(3), engine, tmp_path, max_cost=0)["status"] == "skipped for budget").all()
    assert engine.asked == []


def test_a_local_engine_costs_nothing_and_needs_no_prices(tmp_path):
    engine = Fake(max_tokens=None)
    engine.local = True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = label(table(3), engine, tmp_path, price=None, max_cost=0)
    assert results["cost"].tolist() == [0, 0, 0]
    assert runs.plan(BOOK, table(3), engine).leaves.startswith("nothing")


def test_without_the_price_list_the_cost_stays_empty(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    budget.linear_rates.cache_clear()
    with pytest.warns(budget.PriceWarning, match="cost column stays empty.*pip install genai-prices"):
        results = label(table(2), Fake(), tmp_path, price=None)
    assert results["cost"].isna().all() and (results["status"] == "ok").all()
    with pytest.raises(errors.MissingPackageError):
        label(table(2), Fake(), tmp_path, price=None, max_cost=1)
    with pytest.raises(errors.MissingPackageError):
        runs.plan(BOOK, table(2), Fake())


def test_plan_and_pilot(tmp_path):
    engine = Fake(address="https://api.example.com/v1")
    frame = table(200).assign(text=lambda rows: rows["text"] * 5)
    before = runs.plan(BOOK, frame, engine, repeats=2, price=PRICE)
    assert (before.rows, before.questions, before.calls, before.measured) == (200, 1, 400, 0)
    assert before.low < before.high == before.worst and engine.asked == []
    assert f"{frame['text'].str.len().sum():,} characters" in before.leaves and "api.example.com" in before.leaves
    after = runs.pilot(BOOK, frame, engine, tmp_path, k=15, repeats=2, price=PRICE, progress=False)
    assert after.measured == 30 and len(after.results) == 30 and len(engine.asked) == 30
    assert after.input_tokens == pytest.approx(400 * 20, rel=0.02) and after.output_tokens == 1200
    assert after.low <= 400 * 0.023 <= after.high < before.high
    assert "measured on 30 calls" in str(after)
    results = label(frame, engine, tmp_path, repeats=2)
    assert len(engine.asked) == 400 and results["cached"].sum() == 30  # the pilot's rows aren't paid twice
    assert results["cost"].sum() <= after.high


# Several processes, kills, interruptions --------------------------------------------------------


@needs_fork
def test_two_processes_on_one_run(tmp_path):
    frame, children = table(120), []
    for name in "ab":
        def work(name=name):
            results = label(frame, Fake(tmp_path / f"log-{name}", 0.01), tmp_path / "run", concurrency=4)
            assert results["label"].tolist() == [truth(text) for text in frame["text"]]

        children.append(fork(work))
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    logs = [(tmp_path / f"log-{name}").read_text().split() for name in "ab"]
    assert all(logs) and sorted(logs[0] + logs[1]) == sorted(frame["id"])  # both worked, nothing twice


def killed_runs(folder, kills, rows, seconds, seed=0):
    """Kill a run again and again at random moments; check after each kill; finish it and check all."""
    chance, frame, concurrency = random.Random(seed), table(rows), 6
    faults = {}
    for number in range(0, rows, 7):
        fault = [Answer(None, "error", detail="429"), TimeoutError("cut off"), Answer("99", input_tokens=20),
                 Answer(None, "refused", input_tokens=20), Answer("war or peace")][number % 5]  # fmt: skip
        faults[f"p{number}"] = fault
    cap, run = rows * 0.023 + kills * 2 * concurrency * 0.5, folder / "run"  # a killed call counts at its worst

    def work(log, faults, **settings):
        warnings.simplefilter("ignore")
        engine = Fake(log, seconds, faults)
        try:
            runs.resume(run, engine, concurrency=concurrency, progress=False, **settings)
        except (errors.MissingFileError, errors.BadInputError):  # killed before the calls were written down
            label(frame, engine, run, concurrency=concurrency, **{"max_cost": cap} | settings)

    def final():
        if not (run / store.FILE).exists():
            return {}
        kept = runs.read_results(run)
        kept = kept[kept["status"].isin(store.FINAL)]
        return dict(zip(kept["id"], zip(kept["label"], kept["status"], strict=True), strict=True))

    asked, known, hit = 0, {}, 0
    for number in range(kills):
        log = folder / f"log-{number}"
        child = fork(lambda: work(log, faults))
        # One kill in four may come before the first call. The others come after some; with more calls than
        # threads, some answers are stored, however slow the machine is.
        wanted = min(chance.randrange(1, 3 * concurrency), rows - len(known)) if number % 4 else 0
        until = time.monotonic() + 20
        while wanted and time.monotonic() < until and not (log.exists() and len(log.read_text().split()) >= wanted):
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.1))
        os.kill(child, signal.SIGKILL)
        hit += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        calls = log.read_text().split() if log.exists() else []
        assert len(calls) == len(set(calls))  # not twice by one process
        assert not set(calls) & set(known)  # what was stored isn't asked again
        asked += len(calls)
        now = final()
        assert known.items() <= now.items()  # nothing lost, nothing changed
        assert len(set(calls) - set(now) - set(faults)) <= concurrency  # at most those under way weren't stored
        known = now
        if now:
            with store.Store(run) as opened:
                opened.begin()
                ledger = opened.ledger()
            # All that can have been billed is booked; a fault costs no more than an answer.
            assert asked * 0.023 <= ledger["spent"] + ledger["lost"] + 0.023 * len(faults) * (number + 1)
            assert ledger["spent"] + ledger["lost"] <= cap and ledger["reserved"] == pytest.approx(0, abs=1e-9)
    assert hit and known  # some kills came while it worked
    last = folder / "log-last"
    child = fork(lambda: work(last, {id: fault for id, fault in faults.items() if id in known}, max_cost=None))
    assert os.waitpid(child, 0)[1] == 0
    assert sorted(last.read_text().split() if last.exists() else []) == sorted(set(frame["id"]) - set(known))
    results = runs.read_results(run)
    assert results["id"].tolist() == frame["id"].tolist()
    right = results["label"].where(results["status"] == "ok", frame["text"].map(truth))
    assert right.tolist() == [truth(text) for text in frame["text"]]
    assert results["status"].isin(store.FINAL).all()
    assert not any(database.is_held(file) for file in run.glob("*.lock"))
    return hit, len(known)


@needs_fork
def test_kills_at_random_moments(tmp_path):
    killed_runs(tmp_path, kills=8, rows=80, seconds=0.02)


@needs_fork
@pytest.mark.slow
def test_200_kills_at_random_moments(tmp_path):
    hits = 0
    for number in range(10):
        folder = tmp_path / str(number)
        folder.mkdir()
        hits += killed_runs(folder, kills=20, rows=300, seconds=0.02, seed=number)[0]
    assert hits > 100


@needs_fork
def test_ctrl_c_keeps_all_and_says_how_to_resume(tmp_path):
    def work():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            label(table(500), Fake(tmp_path / "log", 0.05), tmp_path / "run", concurrency=4)
        except KeyboardInterrupt as stopped:
            (tmp_path / "said").write_text(str(stopped))

    child = fork(work)
    while not (tmp_path / "log").exists() or not (tmp_path / "log").stat().st_size:
        time.sleep(0.01)
    time.sleep(0.1)
    os.kill(child, signal.SIGINT)
    assert os.waitpid(child, 0)[1] == 0
    asked = (tmp_path / "log").read_text().split()
    assert 0 < len(asked) < 400
    said = (tmp_path / "said").read_text()
    assert f"{len(asked)} answers are kept" in said and f"resume('{tmp_path / 'run'}', engine)" in said
    engine = Fake()
    assert len(runs.resume(tmp_path / "run", engine, progress=False)) == 500
    assert not set(asked) & {id for id, *_ in engine.asked} and len(engine.asked) == 500 - len(asked)


def test_memory_stays_flat(tmp_path):
    """Prompts of 6 MB in all are never in memory together."""
    frame = table(60).assign(text=lambda rows: [f"{i} " + "x" * 100_000 for i in range(len(rows))])
    label(table(2), Fake(), tmp_path / "warm")  # imports

    class Forgets(Fake):
        def ask(self, request):
            return Answer("war")

    tracemalloc.start()
    try:
        label(frame, Forgets(), tmp_path / "run", concurrency=2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3e6


# After the run ----------------------------------------------------------------------------------


def results_of(labels, statuses=None, repeats=1, probabilities=None):
    n = len(labels)
    return pd.DataFrame(
        {
            "id": [f"p{i // repeats}" for i in range(n)], "question": "topic",
            "repeat": [i % repeats for i in range(n)], "label": pd.Series(labels, dtype=object),
            "probabilities": pd.Series(probabilities or [None] * n, dtype=object),
            "status": statuses or ["ok" if name is not None else "error" for name in labels], "model": "m",
            "input_tokens": 10, "output_tokens": 1, "cost": 0.5, "seconds": 1.0, "attempts": 1, "prompt_hash": "h",
            "cached": False, "detail": "",
        }
    )  # fmt: skip


def test_vote():
    labels = ["a", "b", "a", "a", "b", None, None, None, None, "b", None, None]
    table_of_votes = runs.vote(results_of(labels, repeats=3))
    assert table_of_votes["id"].tolist() == ["p0", "p1", "p2", "p3"]
    assert table_of_votes["label"].tolist() == ["a", None, None, "b"]
    assert table_of_votes["status"].tolist() == ["ok", "invalid", "error", "ok"]
    assert table_of_votes["share"].tolist()[::3] == [pytest.approx(2 / 3), 1]
    assert table_of_votes["votes"][0] == {"a": 2, "b": 1} and "tie of a, b" in table_of_votes["detail"][1]
    assert table_of_votes["cost"].tolist() == [1.5] * 4 and table_of_votes["input_tokens"].tolist() == [30] * 4
    assert tuple(table_of_votes.columns) == (*store.COLUMNS, "votes", "share")


def test_vote_breaks_ties_by_probability():
    stated = [{"a": 0.6, "b": 0.4}, {"a": 0.1, "b": 0.9}]
    voted = runs.vote(results_of(["a", "b"], repeats=2, probabilities=stated))
    assert voted["label"].tolist() == ["b"] and voted["probabilities"][0] == pytest.approx({"a": 0.35, "b": 0.65})


def test_compare():
    a, b = list("aabbbaabba"), list("aabbaaabbb")
    row = runs.compare(results_of([*a, "a", None, None]), results_of([*b, None, "b", None])).loc["topic"]
    assert (row["rows"], row["only_a"], row["only_b"], row["neither"]) == (10, 1, 1, 1)
    assert row["agreement"] == 0.8 and row["low"] == pytest.approx(0.490, abs=0.001)
    assert row["high"] == pytest.approx(0.943, abs=0.001)  # Wilson, 8 of 10
    assert row["kappa"] == pytest.approx(0.6)  # (0.8 − 0.5) / (1 − 0.5)
    assert row["alpha"] == pytest.approx(0.62)
    assert row["difference"] in ("b → a (1)", "a → b (1)")


def test_compare_puts_repeats_to_the_vote_first():
    one = results_of(["a", "a", "b", "b", "b", "a"], repeats=3)
    assert runs.compare(one, results_of(["a", "b"])).loc["topic", "agreement"] == 1


def test_what_compare_and_vote_refuse():
    with pytest.raises(errors.BadInputError, match="no item and question in common"):
        runs.compare(results_of(["a"]), results_of(["a"]).assign(id="other"))
    with pytest.raises(errors.BadInputError, match="no column status"):
        runs.compare(results_of(["a"]), results_of(["a"]).drop(columns="status"))
    with pytest.raises(errors.BadInputError, match="no column"):
        runs.vote(pd.DataFrame({"id": []}))


def test_the_bar_shows_rows_failures_and_spend(tmp_path, capsys):
    label(table(30), Fake(seconds=0.02, faults={"p1": Answer("99")}), tmp_path, progress=True, concurrency=2)
    shown = capsys.readouterr().err
    assert "30/30" in shown and "1 failed" in shown and "$" in shown and "row" in shown


def test_nothing_of_it_is_written_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    label(table(2), Fake(), Path("run"))
    assert {file.name for file in tmp_path.rglob("*") if file.is_file()} == {"run.sqlite"}
