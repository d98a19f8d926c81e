"""What an engine is asked, and what it answers.

Used in lesson 06.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from workshop_lib.errors import WorkshopError

STATUSES = ("ok", "refused", "invalid", "error", "skipped for budget")


class StopRun(WorkshopError):
    """No further call can succeed: a wrong key, no credit, no such model."""


class Item(NamedTuple):
    """One text, one picture, or both."""

    id: str
    text: str = ""
    image: Path | None = None


class Request(NamedTuple):
    """One question about one item."""

    item: Item
    question: str  # its name in the codebook
    kind: str  # "choice", "tags" or "scale"
    options: tuple[str, ...]  # labels in the order shown
    messages: tuple[dict, ...]  # {"role", "content"}; content is text, or parts of text and image_url
    schema: dict  # JSON schema of the answer object, {"label": ...}
    repeat: int = 0


class Answer(NamedTuple):
    """One answer, or why there is none. A failure is a status, never a label."""

    label: str | None  # None unless the status is "ok"
    status: str = "ok"  # one of STATUSES
    probabilities: dict[str, float] | None = None
    model: str = ""  # as the server named it
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    attempts: int = 1
    detail: str = ""  # the raw answer, or what went wrong; never a key
    unanswered: int = 0  # attempts that broke off after they were sent; they may have been billed


class Engine(Protocol):
    """Anything that can answer a request."""

    name: str  # "chat", "encoder", …
    model: str  # as asked for
    local: bool  # True: nothing leaves this machine

    def settings(self) -> dict:
        """Return everything that changes answers; it goes into the cache key. No keys."""

    def ask(self, request: Request) -> Answer:
        """Return the answer. Raises StopRun if no further call can succeed; all else is a status."""
