"""Runs against a server that fails in every way, killed at random moments: what it did, and what was stored.

The server writes down each request and each answer that it gave whole, which is what a provider
would bill. Every row must end with the label that belongs to its text, or with the status that
its answer deserves; what was billed must be what the store says was paid, but for the answers
under way when a process was killed or a connection broke, and these must be booked as lost.
"""

import json
import random
import re
import socket
import threading
import time
import warnings
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import children
import pandas as pd
import pytest

from workshop_lib import errors
from workshop_lib.labeling import budget, prompts, runs, store
from workshop_lib.labeling.codebook import Choice, Codebook
from workshop_lib.labeling.engines.chat import Chat

BOOK = Codebook("posts", {"topic": Choice({"war": "about a war", "peace": "about peace"}, "What is it about?")})
PRICE = (1000.0, 1000.0)  # dollars per million tokens, so that a call costs cents
COST = (20 + 3) * 1e-3
CONCURRENCY, RETRIES, TIMEOUT = 6, 2, 2.0

AGAIN = ["429", "429 now", "500", "503", "cut before", "cut within", "no JSON", "nothing"]  # the row isn't done with it
BROKEN = ("cut before", "cut within", "silence")  # a provider may have worked, and bill it
LAST = {  # what a model may answer -> the status that it deserves
    "empty": "invalid", "truncated": "invalid", "sentence": "invalid", "another label": "invalid",
    "half JSON": "invalid", "refusal": "refused", "filtered": "refused",
}  # fmt: skip


class Hosted(Chat):
    """A Chat whose server counts as somebody else's, so that calls have a price."""

    local = False


def table(rows):
    numbers = range(rows)
    return pd.DataFrame({"id": [f"p{i}" for i in numbers], "text": [f"The talks went on. {i}" for i in numbers]})


def truth(number):
    return ("war", "peace")[random.Random(f"label {number}").randrange(2)]


def script(number):
    """What the server does when it is asked about a text for the first time, the second, …; the last stays."""
    chance = random.Random(f"fate {number}")
    steps = [chance.choice(AGAIN) for _ in range(chance.choice([0, 0, 0, 1, 1, 2, 4]))]
    if number % 40 == 7:
        steps.append("silence")
    return [*steps, chance.choice(list(LAST)) if chance.random() < 0.25 else "right"]


class Request(NamedTuple):
    session: int
    number: int  # of the text
    step: str
    billed: bool


class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}/v1"
        self.lock, self.log, self.times = threading.Lock(), [], defaultdict(int)
        self.session, self.under_way = 0, 0

    def handle_error(self, *_):
        pass

    def of(self, session):
        return [one for one in self.log if one.session == session]

    def wait_until_idle(self):
        until = time.monotonic() + 10
        while self.under_way and time.monotonic() < until:
            time.sleep(0.005)
        assert not self.under_way


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        number = int(re.findall(r"\d+", body["messages"][-1]["content"])[-1])
        with server.lock:
            steps = script(number)
            step = steps[min(server.times[number], len(steps) - 1)]
            server.times[number] += 1
            session = server.session
            server.under_way += 1
        billed = False
        try:
            time.sleep(random.uniform(0.002, 0.02))
            billed = bool(self.act(step, number))
        except OSError:
            self.close_connection = True
        finally:
            with server.lock:
                server.log.append(Request(session, number, step, billed))
                server.under_way -= 1

    def act(self, step, number):
        """Do what the script says; return whether a whole answer was given."""
        if step.startswith("429"):
            wait = {"retry-after": "0.02"} if step == "429" else {}
            return self.say(429, {"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}}, wait)
        if step in ("500", "503"):
            return self.say(int(step), {"error": {"message": "Overloaded."}})
        if step == "cut before":
            return self.cut()
        if step == "cut within":
            return self.say(200, self.completion(json.dumps({"label": truth(number)})), cut=True)
        if step == "no JSON":
            return self.say(200, b"<html>peace war</html>", {"content-type": "text/html"})
        if step == "nothing":
            return self.say(200, b"")
        if step == "silence":
            self.connection.settimeout(3 * TIMEOUT)
            self.connection.recv(1, socket.MSG_PEEK)  # until the client hangs up
            return self.cut()
        right = truth(number)
        content = {
            "right": random.choice([json.dumps({"label": right}), right, f"```json\n{{\"label\": \"{right}\"}}\n```"]),
            "empty": "", "truncated": right, "sentence": f"I would say that this is about {right}.",
            "another label": '{"label": "99"}', "half JSON": f'{{"label": "{right}"', "refusal": None, "filtered": "",
        }[step]  # fmt: skip
        finish = {"truncated": "length", "filtered": "content_filter"}.get(step, "stop")
        more = {"refusal": "I can't help with that."} if step == "refusal" else {}
        self.say(200, self.completion(content, finish, **more))
        return True

    def completion(self, content, finish="stop", **more):
        choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **more}}
        usage = {"prompt_tokens": 20, "completion_tokens": 3}
        return {"id": "c", "object": "chat.completion", "model": "m-2026", "choices": [choice], "usage": usage}

    def say(self, code, body, headers=None, cut=False):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        for name, value in {"content-type": "application/json", "content-length": len(data), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        self.wfile.flush()
        if cut:
            self.cut()

    def cut(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def works(address, folder, rows, cap):
    """One session of a run, in a process of its own."""
    import openai._base_client

    openai._base_client.INITIAL_RETRY_DELAY = 0.02
    warnings.simplefilter("ignore")
    chat = Hosted("m", address, max_tokens=5, retries=RETRIES, timeout=TIMEOUT)
    settings = {"max_cost": cap, "concurrency": CONCURRENCY, "progress": False}
    try:
        runs.resume(folder, chat, **settings)
    except (errors.MissingFileError, errors.BadInputError):  # killed before the calls were written down
        runs.label(BOOK, table(rows), chat, folder, price=PRICE, **settings)


def final(folder):
    """What the store has for good: number of the text -> label and status."""
    if not (folder / store.FILE).exists():
        return {}
    kept = runs.read_results(folder)
    kept = kept[kept["status"].isin(store.FINAL)]
    columns = (kept[name].tolist() for name in ("id", "label", "status"))
    return {int(id[1:]): (label, status) for id, label, status in zip(*columns, strict=True)}


def ledger(folder):
    """What the store says was paid, with the claims of the dead buried."""
    if not (folder / store.FILE).exists():
        return {"spent": 0.0, "lost": 0.0, "reserved": 0.0}
    with store.Store(folder) as opened:
        opened.begin(verb="test")
        return opened.ledger()


class Ordeal:
    """One run and its sessions, each checked against what the server did."""

    def __init__(self, server, folder, rows, cap, seed, worst):
        self.worst = worst
        self.server, self.folder, self.rows, self.cap = server, folder, rows, cap
        self.chance, self.known, self.lost = random.Random(seed), {}, 0.0
        self.killed = self.in_flight = 0
        server.log.clear()
        server.times.clear()

    def session(self, kill, cap):
        """Let one process work, kill it perhaps, and check what is left behind."""
        server = self.server
        server.session += 1
        child = children.start(works, server.address, self.folder, self.rows, cap)
        if kill:
            # One kill in four may come before the first request; the others come while answers are coming.
            wanted = self.chance.randrange(1, 4 * CONCURRENCY) if self.chance.random() < 0.75 else 0
            until = time.monotonic() + 30
            while child.is_alive() and time.monotonic() < until and len(server.of(server.session)) < wanted:
                time.sleep(0.002)
            time.sleep(self.chance.uniform(0, 0.1))
            self.killed += children.kill(child)
        else:
            child.join(120)
            assert child.exitcode == 0
        server.wait_until_idle()
        self.check(hit=child.exitcode != 0)

    def check(self, hit):
        requests, now, paid = self.server.of(self.server.session), final(self.folder), ledger(self.folder)
        assert self.known.items() <= now.items()  # nothing lost, nothing changed
        assert not {one.number for one in requests} & set(self.known)  # what is stored isn't asked again
        for number, (label, status) in now.items():  # none mislabelled
            answer = script(number)[-1]
            assert (label, status) == ((truth(number), "ok") if answer == "right" else (None, LAST[answer])), number
        billed = Counter(one.number for one in requests if one.billed)
        stored = set(now) - set(self.known)
        assert stored <= set(billed) and set(billed.values()) <= {1}  # none paid twice
        under_way = set(billed) - stored
        assert len(under_way) <= (CONCURRENCY if hit else 0)
        assert paid["spent"] == pytest.approx(len(now) * COST)  # what the store says was paid
        broken = sum(one.step in BROKEN for one in requests)
        lost = paid["lost"] - self.lost  # and what may have been, beside it
        assert lost >= (len(under_way) + broken) * COST - 1e-9
        assert lost == pytest.approx(broken * self.worst, rel=0.02) or hit
        assert paid["reserved"] == pytest.approx(0, abs=1e-9)
        everything = sum(one.billed or one.step in BROKEN for one in self.server.log) * COST
        assert everything <= paid["spent"] + paid["lost"] + 1e-9
        if self.cap is not None:
            assert paid["spent"] + paid["lost"] <= self.cap + 1e-9  # so the bill is under the cap too
        self.known, self.lost, self.in_flight = now, paid["lost"], self.in_flight + len(under_way)

    def end(self):
        """Let a last process end by itself under the cap, then without one, until no row has an error."""
        self.session(kill=False, cap=self.cap)
        skipped = (runs.read_results(self.folder)["status"] == "skipped for budget").sum()
        self.cap = None
        for _ in range(6):
            self.session(kill=False, cap=None)
            results = runs.read_results(self.folder)
            if not (results["status"] == "error").any():
                break
        assert results["id"].tolist() == table(self.rows)["id"].tolist()  # no row lost
        assert results["status"].isin(store.FINAL).all() and len(self.known) == self.rows
        bill = sum(one.billed for one in self.server.log)
        assert bill == self.rows + self.in_flight
        return skipped


def ordeal(server, folder, kills, rows, seed, tight=False):
    """Kill a run so often while it works, finish it, and return what happened.

    Args:
        tight: whether the cap has no room for all rows, and not for all that kills may have cost.
    """
    [request] = prompts.requests(BOOK, prompts.items(table(rows).tail(1)))
    worst = (budget.most_input_tokens(request) + 5) * 1e-3
    room = rows * (COST + 2 * worst) + 4 * kills * CONCURRENCY * (RETRIES + 1) * worst
    cap = 0.5 * rows * COST + (RETRIES + 1) * worst if tight else room
    one = Ordeal(server, folder, rows, cap, seed, worst)
    for _ in range(2 * kills):
        if one.killed < kills and len(one.known) < rows and not (tight and one.killed > 4):
            one.session(kill=True, cap=cap)
    skipped = one.end()
    steps = Counter(request.step for request in server.log)
    return {"killed": one.killed, "in flight": one.in_flight, "skipped": skipped, "steps": steps}


def test_faults_and_6_kills(server, tmp_path):
    found = ordeal(server, tmp_path / "run", kills=6, rows=60, seed=1)
    assert found["killed"] >= 3
    assert set(found["steps"]) >= {"right", "silence", "429", "cut before", "cut within", "no JSON"}


def test_faults_and_kills_under_a_tight_cap(server, tmp_path):
    found = ordeal(server, tmp_path / "run", kills=2, rows=30, seed=2, tight=True)
    assert found["skipped"] > 0


@pytest.mark.slow
def test_faults_and_200_kills(server, tmp_path):
    total, steps, seed = Counter(), Counter(), 0
    while total["killed"] < 200:
        found = ordeal(server, tmp_path / str(seed), kills=20, rows=400, seed=seed, tight=seed % 4 == 3)
        total += Counter({name: int(found[name]) for name in ("killed", "in flight", "skipped")})
        steps, seed = steps + found["steps"], seed + 1
        assert seed < 40
    print(seed, total, steps)
    assert total["in flight"] > 0 and total["skipped"] > 0  # both kinds of trouble did occur
    assert set(steps) == {*AGAIN, *LAST, "right", "silence"}
