"""The Batch API's two endpoints, files and batches, and the lines that go there and come back.

A batch is a file of requests, one JSON object a line; the provider answers within 24 hours, at
half the price, with a file of results and a file of errors, in any order. Used in lesson 06.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from workshop_lib.errors import WorkshopError
from workshop_lib.labeling.engines.chat import Reply, read_completion, verdict, what_was_said
from workshop_lib.labeling.privacy import scrub
from workshop_lib.labeling.protocol import Answer, Request, StopRun

if TYPE_CHECKING:
    import openai

    from workshop_lib.labeling.engines.chat import Server

# Source: OpenAI, "Batch API" (developers.openai.com/api/docs/guides/batch), as of November 2026.
MOST_CALLS = 50_000  # in a batch
MOST_BYTES = 200_000_000  # in its file
DISCOUNT = 0.5  # of the list price is paid
WINDOW = "24h"
ENDED = ("completed", "failed", "expired", "cancelled")

ENDPOINT = "/v1/chat/completions"
PATIENCE = 600.0  # seconds of silence while a large file is sent or read
DAY = 86_400


class BatchError(WorkshopError):
    """The Batch API didn't do what it was asked for."""

    def __init__(self, message: str, refused: bool = False):
        super().__init__(message)
        self.refused = refused  # True: the provider said no, so nothing was begun


# ── Lines ────────────────────────────────────────────────────────────────────────────────


def request_line(key: str, body: dict) -> bytes:
    """Return one line of a batch's file.

    Args:
        key: names the call and comes back with its answer. A cache key is safe: it covers id,
            question and repeat, says nothing about the item, and has 64 letters and digits.
        body: what the engine would send.

    >>> request_line("1f", {"model": "m"})
    b'{"custom_id": "1f", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m"}}\\n'
    """
    line = {"custom_id": key, "method": "POST", "url": ENDPOINT, "body": body}
    return (json.dumps(line, ensure_ascii=False) + "\n").encode()


def read_lines(file: Path) -> Iterator[tuple[str, dict]]:
    """Yield the key and the whole of each line that came back; a line without them is left out.

    Args:
        file: results or errors.
    """
    with file.open("rb") as opened:
        for line in opened:
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and isinstance(found.get("custom_id"), str):
                yield found["custom_id"], found


def read_answer(line: dict, request: Request) -> Answer:
    """Return the answer in a line that came back: a label, or the status that says why there is none.

    Args:
        line: of :func:`read_lines`.
        request: what was asked.
    """
    response = line.get("response") if isinstance(line.get("response"), dict) else {}
    body, code = response.get("body"), response.get("status_code")
    if code == 200 and isinstance(body, dict):
        answer = read_completion(Reply(body), request)
        return answer._replace(detail=scrub(answer.detail)[:1000])
    wrong = line.get("error") or (body.get("error") if isinstance(body, dict) else None) or body
    said, names = what_was_said(wrong)
    status = "refused" if isinstance(code, int) and verdict(code, said, names) == "refused" else "error"
    where = f"Status {code}: " if code else ""
    return Answer(None, status, detail=scrub(f"{where}{said} {' '.join(sorted(names))}".strip())[:500])


# ── Calls ────────────────────────────────────────────────────────────────────────────────
# What begins something is tried once only: a second try might begin a second batch. Whether the
# first one arrived is found out by its mark.


def upload(server: Server, file: Path, name: str) -> str:
    """Send a batch's file under a name of its own, and return its id at the provider."""

    def send(client: openai.OpenAI) -> Any:
        with file.open("rb") as stream:
            return _once(client).files.with_raw_response.create(file=(name, stream), purpose="batch")

    return _call(server, send)["id"]


def find_file(server: Server, name: str) -> str | None:
    """Return the id of the file with a name, if one arrived whole."""
    for file in _listed(server, lambda client, **page: client.files.with_raw_response.list(purpose="batch", **page)):
        if file.get("filename") == name and file.get("status") != "error":
            return file["id"]
    return None


def create(server: Server, file_id: str, mark: str) -> dict:
    """Begin a batch that carries a mark, and return it."""
    return _call(
        server,
        lambda client: _once(client).batches.with_raw_response.create(
            completion_window=WINDOW, endpoint=ENDPOINT, input_file_id=file_id, metadata={"workshop_lib": mark}
        ),
    )


def find_batch(server: Server, file_id: str, mark: str, since: float) -> dict | None:
    """Return the batch that carries a mark or reads a file, begun after a time in seconds."""
    for batch in _listed(server, lambda client, **page: client.batches.with_raw_response.list(limit=100, **page)):
        if (batch.get("metadata") or {}).get("workshop_lib") == mark or batch.get("input_file_id") == file_id:
            return batch
        if (batch.get("created_at") or since) < since - DAY:  # the newest come first; clocks may differ
            return None
    return None


def retrieve(server: Server, batch_id: str) -> dict:
    """Return how a batch stands."""
    return _call(server, lambda client: client.batches.with_raw_response.retrieve(batch_id))


def download(server: Server, file_id: str, target: Path) -> None:
    """Write a file of the provider to the disk, piece by piece."""

    def fetch(client: openai.OpenAI) -> Any:
        slow = client.with_options(timeout=PATIENCE)
        with slow.files.with_streaming_response.content(file_id) as response:
            response.stream_to_file(target)
            request, code = response.http_response.request, response.http_response.status_code
        return SimpleNamespace(request=request, status_code=code, json=lambda: {"id": file_id})

    _call(server, fetch)


def delete(server: Server, file_id: str) -> None:
    """Delete a file at the provider; one that is gone already is no error."""
    try:
        _call(server, lambda client: client.files.with_raw_response.delete(file_id))
    except (BatchError, StopRun):
        return


def _once(client: openai.OpenAI) -> openai.OpenAI:
    return client.with_options(max_retries=0, timeout=PATIENCE)


def _listed(server: Server, ask: Callable) -> Iterator[dict]:
    """Yield all entries of a list, page by page."""
    page: dict[str, str] = {}
    while True:
        found = _call(server, lambda client, page=page: ask(client, **page))
        entries = [entry for entry in found.get("data") or [] if isinstance(entry, dict)]
        yield from entries
        if not found.get("has_more") or not entries or page.get("after") == entries[-1].get("id"):
            return
        page = {"after": entries[-1]["id"]}


def _call(server: Server, call: Callable) -> dict:
    """Return the body of a reply, or raise a BatchError that says what the provider said."""
    try:
        reply = server.ask(call)
    except StopRun as error:
        error.refused = True
        raise
    if reply.body is None or not {"id", "data"} & set(reply.body):
        said = reply.detail or f"It answered: {scrub(reply.body, server.key())[:200]}."
        refused = 400 <= reply.code < 500 and reply.code not in (408, 409)
        raise BatchError(
            f"{server.address} didn't do it. {said} What was done is written down: batch.resume() goes on.", refused
        )
    return reply.body


def now() -> float:
    """Return the time in seconds, as the provider's ``created_at`` counts it."""
    return time.time()
