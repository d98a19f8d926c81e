"""What two million posts cost, in money, hours and room, for the page "Beyond one machine".

    python -m benchmarks.two_million tokens     (or price, batches, room, at_once, client, decide, predict)
    python -m benchmarks.two_million --write    all of them, into the page; --untimed leaves out what is timed

Tokens, prices and room are reckoned from the posts of the course; hours of models on this machine
are timed on some of them. Each command prints its figures with a name.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import labeling as bench
from workshop_lib import classify, data, labeling
from workshop_lib.labeling import Chat, Choice, Codebook, batch_api, budget

POSTS = 2_000_000
MODEL = "gpt-5.4-mini"
PAGE = Path(__file__).parents[1] / "workshop_lib" / "course" / "site_source" / "beyond_one_machine.md"
SECONDS, CONCURRENCY = 1.0, 100  # of a hosted call, and calls at a time: taken as given
REQUESTS_PER_MINUTE = 5_000  # a provider's limit: taken as given; the account's page has the real one
MACHINES = 4
BOOK = Codebook(
    "posts",
    {
        "political": Choice(
            {"yes": "it is about government, parties, laws or public money", "no": "anything else"},
            "Is this post about politics?",
        )
    },
)
WORDING = 1  # question, definitions, text

Figures = dict[str, str]


def _requests() -> list:
    return labeling.requests(BOOK, labeling.items(data.load("posts")), wording=WORDING)


def _engine() -> Chat:
    return Chat(MODEL, max_tokens=16)


def _mean_tokens() -> tuple[float, float]:
    plan = labeling.plan(BOOK, data.load("posts"), _engine(), wording=WORDING)
    return plan.input_tokens / plan.calls, plan.output_tokens / plan.calls


def tokens() -> Figures:
    """Tokens, at four bytes each."""
    sent, received = _mean_tokens()
    return {
        "tokens sent, a post": f"{sent:.0f}",
        "tokens sent": f"{sent * POSTS / 1e6:,.0f} million",
        "tokens received": f"{received * POSTS / 1e6:,.0f} million",
    }


def price() -> Figures:
    """The price by today's price list, at once and as batches."""
    sent, received = _mean_tokens()
    dollars = budget.listed_price(MODEL, round(1e6 * sent), round(1e6 * received)) * POSTS / 1e6
    return {
        f"price at once, {MODEL}": f"${dollars:,.0f}",
        "price as batches": f"${batch_api.DISCOUNT * dollars:,.0f}",
    }


def batches() -> Figures:
    """Files of the Batch API."""
    engine, requests = _engine(), _requests()
    size = sum(len(batch_api.request_line("0" * 64, engine.payload(one))) for one in requests) / len(requests)
    count = max(-(-POSTS // batch_api.MOST_CALLS), int(-(-POSTS * size // batch_api.MOST_BYTES)))
    return {"batches": f"{count}", "uploaded in all": f"{POSTS * size / 1e9:.1f} GB"}


def room(rows: int = 4_000) -> Figures:
    """Room on the disk and in memory."""
    frame = bench.posts(rows)
    with tempfile.TemporaryDirectory() as folder:
        results = labeling.label(BOOK, frame, bench.Scripted(rows), folder, wording=WORDING, progress=False)
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
    table = int(results.memory_usage(deep=True).sum())
    return {
        "room of the run on the disk": f"{size * POSTS / rows / 1e9:.1f} GB",
        "results table in memory": f"{table * POSTS / rows / 1e9:.1f} GB",
    }


def at_once() -> Figures:
    """Hours of a hosted model, from the figures that are taken as given."""
    return {
        f"{SECONDS:.0f} s a call, {CONCURRENCY} calls at a time": f"{POSTS * SECONDS / CONCURRENCY / 3600:.1f} h",
        f"{REQUESTS_PER_MINUTE:,} requests a minute at most": f"{POSTS / REQUESTS_PER_MINUTE / 60:.1f} h",
    }


def client(rows: int = 3_000) -> Figures:
    """What one process can ask at most, if the server answers at once."""
    with bench.loopback(0) as address:
        took = bench.labelled(address, rows, bench.INSTANT_CONCURRENCY)
    return {
        "calls that one process can make": f"{rows / took:,.0f} a second",
        "hours at that rate": f"{POSTS * took / rows / 3600:.1f} h",
    }


def decide(rows: int = 200) -> Figures:
    """Hours of the shipped assistant, deciding in this process."""
    fast, _ = bench.quality(labeling.LocalDecisions(), data.load("posts").head(rows))
    hours = POSTS / fast / 3600
    return {
        "shipped assistant, one machine": f"{fast:.0f} posts a second, {hours:,.0f} h",
        f"the same on {MACHINES} machines with Ray": f"{hours / MACHINES:,.0f} h",
    }


def predict(rows: int = 5_000) -> Figures:
    """Hours of a fine-tuned classifier."""
    posts = data.load("posts")
    train = posts[posts["split"] == "train"]
    classifier = classify.fine_tune(train, label="political", epochs=2, progress=False)
    texts = bench.posts(rows)["text"]
    classifier.predict(texts[:64])
    start = time.perf_counter()
    classifier.predict(texts)
    rate = rows / (time.perf_counter() - start)
    hours = POSTS / rate / 3600
    return {
        "fine-tuned encoder, one machine": f"{rate:.0f} posts a second, {hours:.1f} h",
        f"the same on {MACHINES} machines with Ray": f"{hours / MACHINES:.1f} h",
    }


UNTIMED: dict[str, Callable[[], Figures]] = {
    "tokens": tokens, "price": price, "batches": batches, "at_once": at_once, "room": room,
}  # fmt: skip
TIMED: dict[str, Callable[[], Figures]] = {"client": client, "decide": decide, "predict": predict}


def table(timed: bool) -> str:
    """Return all figures as a Markdown table, each with its command."""
    lines = ["| what | number | command: `python -m benchmarks.two_million …` |", "|---|---|---|"]
    for name, figure in (UNTIMED | TIMED).items():
        if timed or name in UNTIMED:
            lines += [f"| {what} | {value} | `{name}` |" for what, value in figure().items()]
        else:
            lines.append(f"| {figure.__doc__.rstrip('.')} | not timed yet | `{name}` |")
    return "\n".join(lines)


def write(timed: bool) -> None:
    """Put the table into the page."""
    text = PAGE.read_text(encoding="utf-8")
    block = f"<!-- two million -->\n{table(timed)}\n<!-- /two million -->"
    made = re.sub(r"<!-- two million -->.*<!-- /two million -->", lambda _: block, text, flags=re.DOTALL)
    PAGE.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("figure", nargs="?", choices=[*UNTIMED, *TIMED])
    options.add_argument("--write", action="store_true")
    options.add_argument("--untimed", action="store_true")
    chosen = options.parse_args()
    if chosen.write:
        write(timed=not chosen.untimed)
    for name, figure in (UNTIMED | TIMED).items():
        if name == chosen.figure:
            for what, value in figure().items():
                print(f"{what}: {value}")
