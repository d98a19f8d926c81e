"""The Batch API against a stand-in of its endpoints: nothing handed over twice, nothing lost."""

import email
import json
import math
import os
import re
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import children
import pandas as pd
import pytest

from workshop_lib import errors
from workshop_lib.labeling import batch, batch_api, runs, store
from workshop_lib.labeling.batch_desk import Desk
from workshop_lib.labeling.codebook import Choice, Codebook
from workshop_lib.labeling.engines.chat import Chat
from workshop_lib.labeling.protocol import Answer, StopRun

BOOK = Codebook("posts", {"topic": Choice({"war": "about a war", "peace": "about peace"}, "What is it about?")})
PRICE = (1000.0, 1000.0)  # dollars per million tokens, so that a call costs cents
COST = 0.5 * (20 + 3) * 1e-3  # of an answer, at half price
CANARY = "sk-proj-CANARY0123456789abcdef"


class Hosted(Chat):
    """A Chat whose server counts as somebody else's, so that calls have a price."""

    local = False


def table(n, words="The talks went on."):
    return pd.DataFrame({"id": [f"p/{i} ü" for i in range(n)], "text": [f"{words} {i}" for i in range(n)]})


def truth(text):
    """The label that the stand-in gives a text: by its number."""
    return ("war", "peace")[int(re.findall(r"\d+", text)[-1]) % 2]


def completion(content, **more):
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content, **more}}
    usage = {"prompt_tokens": 20, "completion_tokens": 3}
    return {"id": "c", "object": "chat.completion", "model": "m-2026", "choices": [choice], "usage": usage}


def answered(line):
    """The line that comes back for a request."""
    text = line["body"]["messages"][-1]["content"]
    body = completion(json.dumps({"label": truth(text)}))
    return {"id": "r", "custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}


class Provider(ThreadingHTTPServer):
    """The files and batches of a provider, in memory."""

    daemon_threads, request_queue_size, page = True, 64, 2

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.batches, self.seen, self.asked = {}, [], [], []
        self.before = self.after = lambda step: None  # what happens to the one who asks
        self.answer, self.cut, self.lock, self.number = answered, False, threading.Lock(), 0
        self.address = f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, *_):
        pass

    def new_id(self, kind):
        with self.lock:
            self.number += 1
            return f"{kind}-{self.number}"

    def add_file(self, name, content):
        file = {"id": self.new_id("file"), "object": "file", "filename": name, "purpose": "batch"}
        self.files[file["id"]] = (file, content)
        return file

    def lines(self, one):
        return [json.loads(line) for line in self.files[one["input_file_id"]][1].splitlines()]

    def work(self, status="completed", only=None, errors=()):
        """Answer all batches that are waiting, or the first lines of each only."""
        for one in self.batches:
            if one["status"] in ("validating", "in_progress"):
                back = [self.answer(line) for line in self.lines(one)[:only]]
                back = [line if isinstance(line, str) else json.dumps(line) for line in reversed(back) if line]
                one |= {"status": status, "output_file_id": None, "error_file_id": None}
                if back:
                    one["output_file_id"] = self.add_file("out", "\n".join(back).encode())["id"]
                if errors:
                    one["error_file_id"] = self.add_file("errors", "\n".join(map(json.dumps, errors)).encode())["id"]
                one["request_counts"] = {"total": len(self.lines(one)), "completed": len(back), "failed": len(errors)}

    def sent_keys(self):
        """The key of each request in each batch that was begun."""
        return [line["custom_id"] for one in self.batches for line in self.lines(one)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server, path = self.server, self.path.partition("?")[0].removeprefix("/v1")
        server.seen.append(f"GET {path}")
        if path == "/files":
            return self.listed([file for file, _ in server.files.values()])
        if path == "/batches":
            return self.listed(server.batches[::-1])
        if path.endswith("/content"):
            content = server.files[path.split("/")[2]][1]
            if server.cut:
                server.cut = False
                return self.say(200, content, cut=True)
            server.before("download")
            return self.say(200, content)
        found = [one for one in server.batches if path == f"/batches/{one['id']}"]
        return self.say(200, found[0]) if found else self.say(404, {"error": {"message": "No batch found"}})

    def do_POST(self):
        server, path = self.server, self.path.removeprefix("/v1")
        raw = self.rfile.read(int(self.headers["content-length"]))
        server.seen.append(f"POST {path}")
        server.asked.append({name.lower(): value for name, value in self.headers.items()})
        if path == "/chat/completions":
            return self.say(200, server.answer({"custom_id": "", "body": json.loads(raw)})["response"]["body"])
        step = {"/files": "upload", "/batches": "create"}[path]
        refusal = server.before(step)
        if refusal:
            return self.say(*refusal)
        if step == "upload":
            parts = email.message_from_bytes(b"Content-Type: %s\n\n" % self.headers["content-type"].encode() + raw)
            [file] = [part for part in parts.get_payload() if part.get_filename()]
            made = server.add_file(file.get_filename(), file.get_payload(decode=True))
        else:
            made = {"id": server.new_id("batch"), "object": "batch", "status": "validating", "created_at": time.time()}
            made |= json.loads(raw)
            server.batches.append(made)
        refusal = server.after(step)
        return self.say(*refusal) if refusal else self.say(200, made)

    def do_DELETE(self):
        self.server.files.pop(self.path.split("/")[-1])
        self.say(200, {"id": "x", "deleted": True})

    def listed(self, entries):
        """Answer with a page of a list."""
        after = re.search(r"after=([\w-]+)", self.path)
        ids = [entry["id"] for entry in entries]
        start = ids.index(after[1]) + 1 if after else 0
        page = entries[start : start + self.server.page]
        self.say(200, {"object": "list", "data": page, "has_more": start + len(page) < len(entries)})

    def say(self, code, body, cut=False):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_):
        pass


@pytest.fixture
def provider(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    with Provider() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def engine(provider, **more):
    return Hosted("m", provider.address, **{"max_tokens": 5, "retries": 1} | more)


def submit(provider, frame, folder, **more):
    return batch.submit(BOOK, frame, engine(provider), folder, **{"price": PRICE, "yes": True} | more)


# The way there and back ---------------------------------------------------------------------


def test_answers_are_those_of_label_at_half_the_price(provider, tmp_path, capsys):
    frame = table(7)
    seen = submit(provider, frame, tmp_path / "batch")
    assert seen["state"].tolist() == ["sent"] and seen["calls"].tolist() == [7]
    said = capsys.readouterr().out
    assert "7 calls to m, in 1 batch or more" in said and provider.address in said and "half the list price" in said
    with pytest.warns(UserWarning, match="7 with the provider"):
        assert len(batch.collect(tmp_path / "batch", engine(provider))) == 0
    provider.work()
    results = batch.collect(tmp_path / "batch", engine(provider))
    at_once = runs.label(BOOK, frame, engine(provider), tmp_path / "label", price=PRICE, progress=False)
    same = ["id", "question", "repeat", "label", "status", "model", "input_tokens", "output_tokens", "prompt_hash"]
    pd.testing.assert_frame_equal(results[same], at_once[same])
    assert results["label"].tolist() == [truth(text) for text in frame["text"]]
    assert results["cost"].tolist() == pytest.approx([COST] * 7)
    assert at_once["cost"].tolist() == pytest.approx([2 * COST] * 7)
    assert batch.poll(tmp_path / "batch", engine(provider)).loc[0, ["state", "completed"]].tolist() == ["back", 7]
    # The folder is an ordinary run's: nothing is asked again, by either way.
    asked = len(provider.seen)
    again = runs.label(BOOK, frame, engine(provider), tmp_path / "batch", price=PRICE, progress=False)
    assert again["cached"].all() and len(provider.seen) == asked
    assert submit(provider, frame, tmp_path / "batch")["state"].tolist() == ["back"]
    assert len(provider.batches) == 1
    assert {file.name for file in (tmp_path / "batch").iterdir()} == {"run.sqlite"}


def test_what_is_sent(provider, tmp_path):
    chat = engine(provider, seed=3, extra={"reasoning_effort": "low"}, key=CANARY)
    frame = table(2)
    batch.submit(BOOK, frame, chat, tmp_path, price=PRICE, yes=True, order_seed=1)
    [one] = provider.batches
    lines = provider.lines(one)
    requests, *_ = runs.drafted(BOOK, frame, chat, None, 1, 0, 1)
    assert [line["body"] for line in lines] == [chat.payload(request) for request in requests]
    assert one["endpoint"] == lines[0]["url"] == "/v1/chat/completions" and lines[0]["method"] == "POST"
    assert one["completion_window"] == "24h"
    assert all(re.fullmatch(r"[0-9a-f]{64}", line["custom_id"]) for line in lines)  # nothing of the item's id
    assert len({line["custom_id"] for line in lines}) == 2
    assert provider.asked[0]["authorization"] == f"Bearer {CANARY}"
    assert CANARY.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert CANARY not in json.dumps([one, lines])


def test_nothing_is_handed_over_without_a_yes(provider, tmp_path, capsys):
    questions = []

    def no(question):
        questions.append(question)
        return "y"

    assert submit(provider, table(3), tmp_path, yes=False, ask=no) is None
    assert submit(provider, table(3), tmp_path, yes=False, ask=lambda _: 1 / 0) is None
    assert provider.seen == [] and "yes" in questions[0] and "Nothing was handed over." in capsys.readouterr().out
    assert len(submit(provider, table(3), tmp_path, yes=False, ask=lambda _: " yes ")) == 1
    assert len(provider.batches) == 1


def test_chunks_stay_under_the_limits(provider, tmp_path, monkeypatch):
    monkeypatch.setattr(batch_api, "MOST_CALLS", 4)
    frame = table(11)
    assert submit(provider, frame, tmp_path / "calls")["calls"].tolist() == [4, 4, 3]
    keys = provider.sent_keys()
    assert len(keys) == len(set(keys)) == 11
    monkeypatch.setattr(batch_api, "MOST_BYTES", 2000)
    provider.batches.clear()
    seen = submit(provider, frame, tmp_path / "bytes")
    assert len(seen) > 3 and seen["calls"].sum() == 11
    assert all(len(provider.files[one["input_file_id"]][1]) <= 2000 for one in provider.batches)
    provider.work()
    results = batch.collect(tmp_path / "bytes", engine(provider))
    assert results["label"].tolist() == [truth(text) for text in frame["text"]]


def test_the_queue_at_the_provider_is_kept_short(provider, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(batch_api, "MOST_CALLS", 3)
    frame = table(10)
    tokens = submit(provider, table(10), tmp_path / "measure", ask=lambda _: "no", yes=False)
    assert tokens is None
    one = float(re.search(r"Tokens: ([\d,.]+) in", capsys.readouterr().out)[1].replace(",", "")) / 10
    seen = submit(provider, frame, tmp_path / "run", queue_tokens=6 * one)
    assert 3 <= seen["calls"].sum() < 10 and "wait here for room" in capsys.readouterr().out
    for _ in range(10):
        provider.work()
        if batch.poll(tmp_path / "run", engine(provider))["calls"].sum() == 10:
            break
        with pytest.warns(UserWarning, match="Calls without an answer"):
            batch.resume(tmp_path / "run", engine(provider), yes=True)
    results = batch.collect(tmp_path / "run", engine(provider))
    assert results["label"].tolist() == [truth(text) for text in frame["text"]]
    assert len(set(provider.sent_keys())) == len(provider.sent_keys()) == 10


def test_wait_hands_over_and_takes_back(provider, tmp_path, monkeypatch):
    monkeypatch.setattr(batch_api, "MOST_CALLS", 3)
    submit(provider, table(8), tmp_path, queue_tokens=100)
    stop = threading.Event()

    def works():
        while not stop.wait(0.05):
            provider.work()

    thread = threading.Thread(target=works)
    thread.start()
    try:
        with pytest.warns(UserWarning, match="Calls without an answer"):
            results = batch.wait(tmp_path, engine(provider), every=0.05, yes=True)
    finally:
        stop.set()
        thread.join()
    assert results["label"].tolist() == [truth(text) for text in table(8)["text"]]
    assert len(provider.batches) > 2


def test_a_pilot_is_not_paid_twice_and_measures_the_tokens(provider, tmp_path, capsys):
    frame = table(40)
    runs.pilot(BOOK, frame, engine(provider), tmp_path, k=10, price=PRICE, progress=False)
    assert submit(provider, frame, tmp_path)["calls"].tolist() == [30]
    said = capsys.readouterr().out
    assert "measured on 10 answers" in said and "90 out" in said and "about $0.3" in said  # 30 · COST
    provider.work()
    results = batch.collect(tmp_path, engine(provider))
    assert len(results) == 40 and results["cost"].sum() == pytest.approx(30 * COST + 10 * 2 * COST)


def test_the_cap_holds_for_what_is_away_too(provider, tmp_path):
    frame = table(20).assign(text=[f"All of the same length. {i:03}" for i in range(20)])
    worst = 0.5 * runs.plan(BOOK, frame, engine(provider), price=PRICE).worst / 20
    with pytest.warns(UserWarning, match="12 calls were skipped.*cap"):
        seen = submit(provider, frame, tmp_path, max_cost=8.5 * worst)
    assert seen["calls"].sum() == 8
    with pytest.warns(UserWarning, match="skipped"):  # the reserved money is nobody else's
        runs.label(BOOK, frame, engine(provider), tmp_path, max_cost=8.5 * worst, price=PRICE, progress=False)
    assert not any("chat" in path for path in provider.seen)
    provider.work()
    results = batch.collect(tmp_path, engine(provider))
    assert results["status"].value_counts().to_dict() == {"skipped for budget": 12, "ok": 8}
    assert results["cost"].sum() == pytest.approx(8 * COST)
    batch.resume(tmp_path, engine(provider), max_cost=None, yes=True)
    provider.work()
    assert (batch.collect(tmp_path, engine(provider))["status"] == "ok").all()
    with store.Store(tmp_path) as kept:
        assert kept.ledger() == {"spent": pytest.approx(20 * COST), "lost": 0, "reserved": pytest.approx(0, abs=1e-9)}


# What comes back wrong ----------------------------------------------------------------------


def test_lines_that_failed_are_statuses(provider, tmp_path):
    frame = table(12)

    def strange(line):
        number = int(re.findall(r"\d+", line["body"]["messages"][-1]["content"])[-1])
        key, good = line["custom_id"], answered(line)
        failed = {"custom_id": key, "response": {"status_code": 500, "body": {"error": {"message": "oops"}}}}
        filtered = {"message": "No.", "code": "content_filter"}
        return {
            0: good | {"response": {"status_code": 200, "body": completion("War and Peace")}},
            1: good | {"response": {"status_code": 200, "body": completion("")}},
            2: good | {"response": {"status_code": 200, "body": completion(None, refusal="I can't.")}},
            3: failed,
            4: {"custom_id": key, "response": {"status_code": 400, "body": {"error": filtered}}},
            5: {"custom_id": key, "response": {"status_code": 0, "body": None}},
            6: {"custom_id": key, "response": None, "error": {"code": "batch_expired", "message": "Too late."}},
            7: json.dumps(good)[:40],  # broken off
            8: None,  # no line at all
            9: good | {"custom_id": "somebody-else"},
            10: good | {"response": "x"},
        }.get(number, good)

    provider.answer = strange
    submit(provider, frame, tmp_path)
    provider.work()
    with pytest.warns(UserWarning, match="answer: 4 failed.*3 not worked on"):
        results = batch.collect(tmp_path, engine(provider))
    by_id = results.set_index("id")
    assert by_id["status"].to_dict() == {
        "p/0 ü": "invalid", "p/1 ü": "invalid", "p/2 ü": "refused", "p/3 ü": "error", "p/4 ü": "refused",
        "p/5 ü": "error", "p/6 ü": "error", "p/10 ü": "error", "p/11 ü": "ok",
    }  # fmt: skip
    assert by_id["label"].dropna().to_dict() == {"p/11 ü": "peace"}
    assert "oops" in by_id["detail"]["p/3 ü"] and "batch_expired" in by_id["detail"]["p/6 ü"]
    assert by_id["cost"]["p/3 ü"] == 0 and by_id["cost"]["p/0 ü"] == pytest.approx(COST)
    with store.Store(tmp_path) as kept:  # three lines are missing although the batch was worked on
        assert kept.ledger()["lost"] > 3 * COST and kept.ledger()["reserved"] == pytest.approx(0, abs=1e-9)
    provider.answer = answered
    batch.resume(tmp_path, engine(provider), yes=True)
    assert len(provider.lines(provider.batches[1])) == 7
    provider.work()
    final = batch.collect(tmp_path, engine(provider))
    assert final["status"].value_counts().to_dict() == {"ok": 8, "invalid": 2, "refused": 2}
    right = final["label"].where(final["status"] == "ok", frame["text"].map(truth))
    assert right.tolist() == [truth(text) for text in frame["text"]]


def test_errors_can_be_asked_again_at_once(provider, tmp_path):
    submit(provider, table(5), tmp_path)
    provider.work("expired", only=2)
    with pytest.warns(UserWarning, match="3 not worked on"):
        assert len(batch.collect(tmp_path, engine(provider))) == 2
    with store.Store(tmp_path) as kept:
        assert kept.ledger()["lost"] == 0  # what a batch doesn't get to isn't paid
    results = runs.resume(tmp_path, engine(provider), progress=False)
    assert results["cost"].tolist() == pytest.approx([COST] * 2 + [2 * COST] * 3)
    assert provider.seen.count("POST /chat/completions") == 3


def test_a_batch_that_is_not_taken(provider, tmp_path):
    submit(provider, table(3), tmp_path)
    provider.batches[0] |= {"status": "failed", "errors": {"data": [{"message": "Enqueued token limit reached."}]}}
    with pytest.warns(UserWarning, match="didn't take batch 1: Enqueued token limit.*queue_tokens"):
        batch.collect(tmp_path, engine(provider))
    with pytest.warns(UserWarning, match="Calls without an answer"):
        assert len(batch.wait(tmp_path, engine(provider), every=0.01, yes=True)) == 0  # not again by itself
    assert len(provider.batches) == 1
    with pytest.warns(UserWarning, match="3 with the provider"):
        batch.resume(tmp_path, engine(provider), yes=True)
    assert len(provider.batches) == 2


def test_a_download_that_breaks_off(provider, tmp_path):
    submit(provider, table(30), tmp_path)
    provider.work()
    provider.cut = True
    with pytest.raises(batch.BatchError, match=r"batch.resume\(\) goes on"):
        batch.collect(tmp_path, engine(provider, retries=0))
    results = batch.collect(tmp_path, engine(provider))
    assert results["label"].tolist() == [truth(text) for text in table(30)["text"]]


def test_files_are_deleted_on_request(provider, tmp_path):
    submit(provider, table(3), tmp_path)
    provider.work()
    batch.collect(tmp_path, engine(provider), delete=True)
    assert provider.files == {}


@pytest.mark.parametrize("step", ["upload", "create"])
def test_a_refusal_begins_nothing_and_is_tried_again_on_request(provider, tmp_path, step):
    codes = iter([(400, {"error": {"message": "Billing hard limit"}}), (401, {"error": {"message": "bad key"}})])
    provider.before = lambda at: next(codes, None) if at == step else None
    with pytest.raises(batch.BatchError, match="Billing hard limit"):
        submit(provider, table(3), tmp_path)
    with pytest.raises(StopRun, match="wants a key"):
        batch.resume(tmp_path, engine(provider), yes=True)
    with pytest.warns(UserWarning, match="3 with the provider"):
        batch.resume(tmp_path, engine(provider), ask=lambda _: "no")  # it was agreed on
    assert len(provider.batches) == len(provider.files) == 1


def test_what_cannot_be(provider, tmp_path):
    with pytest.raises(errors.BadInputError, match="is a dict.*Chat"):
        batch.submit(BOOK, table(2), {}, tmp_path)
    with pytest.raises(errors.BadInputError, match="queue_tokens is 0"):
        submit(provider, table(2), tmp_path, queue_tokens=0)
    with pytest.raises(errors.MissingFileError, match="no run"):
        batch.collect(tmp_path / "none", engine(provider))
    submit(provider, table(2), tmp_path)
    with pytest.raises(errors.SettingError, match="max_tokens was 5 and is now 6"):
        batch.collect(tmp_path, engine(provider, max_tokens=6))
    with batch._alone(store.Store(tmp_path)), pytest.raises(errors.BadInputError, match="Another process"):
        batch.collect(tmp_path, engine(provider))


# Kills --------------------------------------------------------------------------------------


def hands_over(address, folder, rows):
    """What a process does that is killed: submit, go on, take back."""
    batch_api.MOST_CALLS = 4
    chat = Hosted("m", address, max_tokens=5, retries=0)
    if (folder / "run.sqlite").exists():
        try:
            batch.resume(folder, chat, yes=True)
            return
        except errors.BadInputError:  # killed before the calls were written down
            pass
    batch.submit(BOOK, table(rows), chat, folder, price=PRICE, yes=True)


MOMENTS = [("before", "upload"), ("after", "upload"), ("before", "create"), ("after", "create"), ("before", "download")]


def killed_at(provider, folder, moments, rows=10):
    """Kill a process at some moments, one after the other; let the last one end; return the results."""
    for when, step in moments:
        killed = threading.Event()

        def at(now, step=step, killed=killed):
            if now == step and not killed.is_set():
                os.kill(child.pid, signal.SIGKILL)
                killed.set()
            return None

        provider.before = at if when == "before" else lambda _: None
        provider.after = at if when == "after" else lambda _: None
        child = children.start(hands_over, provider.address, folder, rows)
        child.join(30)
        assert killed.is_set() and child.exitcode == -9, (when, step)
        if step == "create":
            provider.work()
    provider.before = provider.after = lambda _: None
    for _ in range(3):
        child = children.start(hands_over, provider.address, folder, rows)
        child.join(30)
        assert child.exitcode == 0
        provider.work()
    return batch.collect(folder, engine(provider))


def test_killed_at_each_step_nothing_is_handed_over_twice(provider, tmp_path):
    moments = MOMENTS
    results = killed_at(provider, tmp_path, moments)
    keys = provider.sent_keys()
    assert len(keys) == len(set(keys)) == 10
    assert results["label"].tolist() == [truth(text) for text in table(10)["text"]]
    assert results["cost"].tolist() == pytest.approx([COST] * 10)
    with store.Store(tmp_path) as kept:
        assert kept.ledger() == {"spent": pytest.approx(10 * COST), "lost": 0, "reserved": pytest.approx(0, abs=1e-9)}
    assert {file.name for file in tmp_path.iterdir()} == {"run.sqlite"}


@pytest.mark.parametrize("step", ["upload", "create"])
def test_no_reply_although_it_arrived(provider, tmp_path, step):
    """A lost reply is looked after, never answered by a second try."""
    lost = iter([(502, {"error": {"message": "bad gateway"}})])
    provider.after = lambda at: next(lost, None) if at == step else None
    with pytest.raises(batch.BatchError, match="bad gateway"):
        submit(provider, table(3), tmp_path)
    for _ in range(3):  # others are begun meanwhile: the list has several pages
        provider.batches.append({"id": provider.new_id("batch"), "status": "completed", "created_at": time.time()})
        provider.add_file("other", b"")
    with pytest.warns(UserWarning, match="3 with the provider"):
        batch.resume(tmp_path, engine(provider))
    begun = [one for one in provider.batches if "input_file_id" in one]
    assert len(begun) == 1 and len([1 for file, _ in provider.files.values() if file["filename"] != "other"]) == 1


def test_the_same_answer_twice_counts_once(provider, tmp_path):
    submit(provider, table(2), tmp_path)
    provider.work()
    one = provider.batches[0]
    file, content = provider.files[one["output_file_id"]]
    provider.files[file["id"]] = (file, content + b"\n" + content)
    one["error_file_id"] = file["id"]
    results = batch.collect(tmp_path, engine(provider))
    assert results["cost"].sum() == pytest.approx(2 * COST) and results["attempts"].tolist() == [1, 1]


def test_offers_without_a_price_say_so(provider, tmp_path, capsys):
    with pytest.warns(UserWarning, match="price list doesn't have"):
        submit(provider, table(2), tmp_path, price=None)
    assert "Cost: unknown" in capsys.readouterr().out
    provider.work()
    assert batch.collect(tmp_path, engine(provider))["cost"].isna().all()
    assert math.isinf(store.Store(tmp_path).facts()["queue_tokens"])


def test_a_line_that_cannot_be_read_is_no_label():
    line = {"response": {"status_code": 200, "body": {"choices": [{"message": None}]}}}
    requests, *_ = runs.drafted(BOOK, table(1), Hosted("m", "http://localhost:1/v1"), None, None, 0, 1)
    assert batch_api.read_answer(line, next(requests))[:2] == (None, "error")
    assert batch_api.read_answer({"error": "x"}, None) == Answer(None, "error", detail="x")


@pytest.mark.parametrize("moment", ["_line", "_send"])
def test_interrupted_before_anything_was_sent(provider, tmp_path, monkeypatch, moment):
    real, times = getattr(Desk, moment), iter(range(2))

    def breaks(self, what):
        if next(times, None) == (1 if moment == "_line" else 0):
            raise KeyboardInterrupt
        return real(self, what)

    monkeypatch.setattr(Desk, moment, breaks)
    with pytest.raises(KeyboardInterrupt):
        submit(provider, table(5), tmp_path)
    assert provider.seen == []
    asked = []
    with pytest.warns(UserWarning, match="5 with the provider|5 not worked on"):
        batch.resume(tmp_path, engine(provider), ask=lambda question: asked.append(question) or "yes")
    assert len(asked) == (moment == "_line")  # a whole file was agreed on, half a one counts for nothing
    assert len(provider.sent_keys()) == len(set(provider.sent_keys())) == 5
