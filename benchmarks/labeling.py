"""How near is labelling to what the server allows, and what does it cost beside?

    python -m benchmarks.labeling

A server on this machine, in a process of its own, answers each call after 200 ms, or at once.
Against it: ``labeling.label`` at concurrency 32, LabelGenius 0.1.6's own loop, and the bare OpenAI
client. Then the memory of a run over 100,000 rows, and ``LocalDecisions`` against chat generation
on the shipped assistant. LabelGenius is installed into ``build/labelgenius``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from workshop_lib import data, labeling
from workshop_lib.labeling import Answer, Chat, Choice, Codebook

SECONDS = 0.2  # that the server takes for a call
ROWS, CONCURRENCY = 1_000, 32
INSTANT_ROWS, INSTANT_CONCURRENCY = 3_000, 64
TRIES = 3  # the best of them counts: what else the machine does only makes a run slower
PEER_ROWS = 100  # LabelGenius makes one call at a time
MEMORY_ROWS = 100_000
PEER = "LabelGenius==0.1.6"
PEER_FOLDER = Path(__file__).resolve().parents[1] / "build" / "labelgenius"
BOOK = Codebook("posts", {"topic": Choice({"1": "about a war", "2": "about peace"}, "What is this post about?")})
POLITICAL = Codebook("posts", {"political": Choice(["yes", "no"], "Is this post about politics?")})

# LabelGenius imports torchvision for pictures only; an empty one does for texts.
PEER_LOOP = """
import sys, time, types
from transformers import CLIPModel, CLIPProcessor, get_linear_schedule_with_warmup
for name in ("torchvision", "torchvision.transforms"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["torchvision"].transforms = sys.modules["torchvision.transforms"]
import labelgenius
start = time.perf_counter()
table = labelgenius.classification_GPT(
    text_path="rows.csv", category=["1", "2"], prompt=["about a war", "about peace"], column_4_labeling=["text"],
    model="gpt-4o-mini", api_key="none", temperature=0, mode="text", wait_time=0,
)
took = time.perf_counter() - start
assert list(table["label"]) == [1] * len(table), table["label"]
print("seconds", took)
"""


# ── The server ───────────────────────────────────────────────────────────────────────────


async def answer_all(seconds: float) -> None:
    """Answer chat completions with the label 1, each after some seconds; say the port first."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "1"}}
    usage = {"prompt_tokens": 30, "completion_tokens": 1, "total_tokens": 31}
    body = {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
    text = json.dumps(body).encode()
    reply = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(text), text)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.split(b":")[1]))
                if seconds:
                    await asyncio.sleep(seconds)
                writer.write(reply)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def loopback(seconds: float) -> Iterator[str]:
    """Run the server in a process of its own; yield its address."""
    command = [sys.executable, "-m", "benchmarks.labeling", "--serve", str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()


def posts(count: int) -> pd.DataFrame:
    """Return so many posts: those of the course, again and again, each with an id and a number of its own."""
    texts = data.load("posts")["text"].tolist()
    rows = range(count)
    return pd.DataFrame({"id": [f"r{i}" for i in rows], "text": [f"{texts[i % len(texts)]} ({i})" for i in rows]})


def labelled(address: str, rows: int, concurrency: int) -> float:
    """Return the seconds that ``label`` takes, from the table to the results."""
    engine = Chat("m", address, max_tokens=5)
    with tempfile.TemporaryDirectory() as folder:
        labeling.label(BOOK, posts(8), engine, f"{folder}/warm", progress=False)  # imports, first connections
        start = time.perf_counter()
        results = labeling.label(BOOK, posts(rows), engine, f"{folder}/run", concurrency=concurrency, progress=False)
        took = time.perf_counter() - start
    assert (results["label"] == "1").all()
    return took


def asked_bare(address: str, rows: int, concurrency: int) -> float:
    """Return the seconds that the OpenAI client takes for the same calls from as many threads, storing nothing."""
    engine = Chat("m", address, max_tokens=5)
    bodies = [engine.payload(request) for request in labeling.requests(BOOK, labeling.items(posts(rows)))]
    client = engine.server.client()
    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(lambda body: client.chat.completions.create(**body), bodies[:8]))
        start = time.perf_counter()
        answers = list(pool.map(lambda body: client.chat.completions.create(**body), bodies))
        took = time.perf_counter() - start
    assert {answer.choices[0].message.content for answer in answers} == {"1"}
    return took


# ── Against the ideal, and against the peer ──────────────────────────────────────────────


def against_ideal(rows: int) -> dict:
    """Compare a run with the time that no client can go below."""
    ideal = -(-rows // CONCURRENCY) * SECONDS
    with loopback(SECONDS) as address:
        took = min(labelled(address, rows, CONCURRENCY) for _ in range(TRIES))
    return {
        "name": f"labelling {rows:,} rows at concurrency {CONCURRENCY}, answers after {SECONDS * 1000:.0f} ms",
        "ours": f"{took:.2f} s",
        "peer": f"{ideal:.2f} s (ideal: so many rounds of {SECONDS * 1000:.0f} ms)",
        "ratio": f"{100 * ideal / took:.1f} % of the ideal",
        "target": "≥ 95 %",
        "met": ideal / took >= 0.95,
        "note": f"writing down all calls and reading the results included; best of {TRIES}",
    }


def against_peer(rows: int, peer_rows: int) -> dict:
    """Compare rows a second with LabelGenius' loop, on the same server."""
    row = {"name": f"rows a second, answers after {SECONDS * 1000:.0f} ms", "target": "faster"}
    python = peer_python()
    if python is None:
        return row | {"ours": "–", "peer": "–", "ratio": "–", "note": f"skipped: {PEER} couldn't be installed"}
    with loopback(SECONDS) as address, tempfile.TemporaryDirectory() as folder:
        ours = rows / labelled(address, rows, CONCURRENCY)
        posts(peer_rows).to_csv(Path(folder, "rows.csv"), index=False)
        variables = os.environ | {"OPENAI_BASE_URL": address, "HF_HUB_OFFLINE": "1"}
        command = [str(python), "-c", PEER_LOOP]
        finished = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    if finished.returncode:
        return row | {"ours": "–", "peer": "–", "ratio": "–", "note": f"skipped: {finished.stderr.splitlines()[-1]}"}
    theirs = peer_rows / float(finished.stdout.split("seconds")[-1])
    return row | {
        "ours": f"{ours:.0f} rows/s",
        "peer": f"{theirs:.1f} rows/s ({PEER.replace('==', ' ')})",
        "ratio": f"{ours / theirs:.0f}× as fast",
        "met": ours > theirs,
        "note": f"its own loop, {peer_rows} rows, its pause of 1.2 s between rows set to 0",
    }


def peer_python() -> Path | None:
    """Return the Python of an environment with LabelGenius, made if need be; None if that fails."""
    python = PEER_FOLDER / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = PEER_FOLDER / "complete"
    if not stamp.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEER_FOLDER)], check=True)
        ours = next(path for path in sys.path if path.endswith("site-packages"))
        packages = subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, text=True
        ).stdout.strip()
        Path(packages, "ours.pth").write_text(f"{ours}\n")  # torch, pandas, openai, … are taken from here
        command = [python, "-m", "pip", "install", "-q", "--no-deps", PEER, "sqlitedict", "loguru"]
        if subprocess.run(command, capture_output=True).returncode:
            return None
        stamp.touch()
    return python


def overhead(rows: int) -> dict:
    """Return what a row costs when the server answers at once."""
    with loopback(0) as address:
        pairs = [
            (labelled(address, rows, INSTANT_CONCURRENCY), asked_bare(address, rows, INSTANT_CONCURRENCY))
            for _ in range(TRIES)
        ]
    took, bare = map(min, zip(*pairs, strict=True))
    each, bare_each = 1000 * took / rows, 1000 * bare / rows
    return {
        "name": f"overhead of a row at concurrency {INSTANT_CONCURRENCY}, answers at once",
        "ours": f"{each:.2f} ms",
        "peer": f"{bare_each:.2f} ms (the OpenAI client alone, as many threads)",
        "ratio": f"{each / bare_each:.2f}",
        "target": "under 2 ms",
        "met": each < 2,
        "note": f"{rows:,} rows; prompts, HTTP, reading, storing, results; best of {TRIES} each, in turn",
    }


# ── Memory ───────────────────────────────────────────────────────────────────────────────


class Scripted:
    """An engine that answers at once, and notes the memory of the process on its way."""

    name, model, local = "scripted", "scripted-1", True

    def __init__(self, every: int):
        self.every, self.asked, self.seen = every, 0, []

    def settings(self) -> dict:
        return {"max_tokens": 5}

    def ask(self, request: labeling.Request) -> Answer:
        self.asked += 1
        if self.asked % self.every == 0:
            self.seen.append(resident_mb())
        return Answer("1", model=self.model, input_tokens=30, output_tokens=1)


def resident_mb() -> float:
    """Return the memory of this process in MB, as it is now."""
    import psutil

    return psutil.Process().memory_info().rss / 1e6


def watch_memory(rows: int) -> None:
    """Label so many rows and print the memory at each twentieth of them."""
    engine, frame = Scripted(max(1, rows // 20)), posts(rows)
    with tempfile.TemporaryDirectory() as folder:
        labeling.label(BOOK, frame, engine, folder, concurrency=8, progress=False)
    print(json.dumps(engine.seen))


def memory(rows: int) -> dict:
    """Return how much the memory of a run grows from its first tenth to its end."""
    command = [sys.executable, "-m", "benchmarks.labeling", "--memory", str(rows)]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], check=True)
    seen = json.loads(finished.stdout.splitlines()[-1])
    early, late = max(seen[:2]), max(seen)
    return {
        "name": f"memory of a run over {rows:,} rows",
        "ours": f"{late:.0f} MB at most",
        "peer": f"{early:.0f} MB (over the first tenth)",
        "ratio": f"{late / early:.3f}",
        "target": "flat: at most 1.05",
        "met": late / early <= 1.05,
        "note": "before the results are read into a table",
    }


# ── Decisions against generation ─────────────────────────────────────────────────────────


def deciding(limit: int | None = None) -> dict:
    """Compare ``LocalDecisions`` with a chat engine on the same shipped model: rows a second, accuracy."""
    test = data.load("posts").query("split == 'test'").head(limit or 10_000)
    server = labeling.local_server().start()
    try:
        chat = Chat(server.model, address=server.address, max_tokens=16)
        decisions = labeling.LocalDecisions()
        (fast, right), (slow, chat_right) = (quality(engine, test) for engine in (decisions, chat))
    finally:
        server.stop()
    return {
        "name": f"deciding on {len(test)} posts, shipped assistant",
        "ours": f"{fast:.1f} rows/s, accuracy {right:.3f}",
        "peer": f"{slow:.1f} rows/s, accuracy {chat_right:.3f} (chat generation)",
        "ratio": f"{fast / slow:.1f}× as fast",
        "target": "faster at equal or better accuracy",
        "met": fast > slow and right >= chat_right,
        "note": "political yes or no; generation by `transformers serve`, 4 calls at a time",
    }


def quality(engine: labeling.Engine, test: pd.DataFrame) -> tuple[float, float]:
    """Return an engine's rows a second and its accuracy; an answer that is no label is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        labeling.label(POLITICAL, test.head(4), engine, f"{folder}/warm", progress=False)
        start = time.perf_counter()
        results = labeling.label(POLITICAL, test, engine, f"{folder}/run", concurrency=4, progress=False)
        took = time.perf_counter() - start
    return len(test) / took, float((results["label"].to_numpy() == test["political"].to_numpy()).mean())


def measure(rows: int = ROWS) -> list[dict]:
    """Return a row for each comparison; with fewer rows than usual, a try of all of them."""
    share = rows / ROWS
    return [
        against_ideal(rows),
        against_peer(rows, max(5, int(PEER_ROWS * share))),
        overhead(max(200, int(INSTANT_ROWS * share))),
        memory(max(400, int(MEMORY_ROWS * share))),
        deciding(None if share >= 1 else 20),
    ]


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=ROWS, help="fewer for a try")
    options.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    options.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.serve is not None:
        asyncio.run(answer_all(chosen.serve))
    elif chosen.memory:
        watch_memory(chosen.memory)
    else:
        for row in measure(chosen.rows):
            print(row, flush=True)
