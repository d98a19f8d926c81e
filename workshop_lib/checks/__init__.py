"""What all exercise checks share: how a check answers, and how it is written.

Each lesson has a file of checks, ``lesson_NN.py``. A check is an ordinary function:

    @exercise("1a")
    def exercise_1a(similarity):
        expect(similarity <= 1, "A cosine is at most 1. Did you divide by both lengths?")

In a notebook it is called as ``check.exercise_1a(my_answer)``. It tests properties of the
answer, never compares with a stored one, and answers a typical mistake with its own hint.
"""

from __future__ import annotations

import functools
import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SOLVED, UNFINISHED, WRONG = "solved", "unfinished", "not yet"
MARKS = {SOLVED: "✓", UNFINISHED: "…", WRONG: "✗"}


class Hint(Exception):
    """An answer is wrong; the message says how to come nearer."""


class Unfinished(Exception):
    """An answer still holds the ``...`` of the stub."""


@dataclass(frozen=True)
class Verdict:
    """What a check says: the exercise, its status, and a message for the learner."""

    exercise: str
    status: str
    message: str

    def __str__(self) -> str:
        return f"{MARKS[self.status]} Exercise {self.exercise}: {self.status}. {self.message}".strip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return (
            f'<p role="status"><strong>{MARKS[self.status]} Exercise {self.exercise}: '
            f"{self.status}.</strong> {html.escape(self.message)}</p>"
        )


def expect(condition: Any, hint: str) -> None:
    """Raise a hint unless the condition holds."""
    if not condition:
        raise Hint(hint)


def finished(value: Any) -> Any:
    """Return a value, unless it is the stub's ``...`` or holds it: then say so."""
    if value is ... or (isinstance(value, (tuple, list)) and any(v is ... for v in value)):
        raise Unfinished
    return value


def exercise(number: str) -> Callable[[Callable[..., str | None]], Callable[..., Verdict]]:
    """Turn a function of expectations into a check that returns a verdict and notes progress.

    The function returns None or a sentence for the learner who has solved the exercise. It
    raises :class:`Hint` (through :func:`expect`) for a wrong answer and :class:`Unfinished`
    (through :func:`finished`) for an untouched one. Any other error is the answer's own, and
    is shown with its type.
    """

    def decorate(expectations: Callable[..., str | None]) -> Callable[..., Verdict]:
        @functools.wraps(expectations)
        def check(*answers: Any) -> Verdict:
            verdict = _judge(number, expectations, answers)
            from workshop_lib.checks import progress

            progress.record(number, verdict.status)
            return verdict

        check.exercise = number
        return check

    return decorate


def _judge(number: str, expectations: Callable, answers: tuple) -> Verdict:
    unfinished = Verdict(
        number,
        UNFINISHED,
        "Replace each ... in the cell above, run that cell, then run this one again.",
    )
    try:
        for answer in answers:
            finished(answer)
        message = expectations(*answers)
    except Unfinished:
        return unfinished
    except Hint as hint:
        return Verdict(number, WRONG, str(hint))
    except Exception as error:
        if "ellipsis" in str(error).lower():
            return unfinished
        return Verdict(
            number,
            WRONG,
            f"Your answer stopped with {type(error).__name__}: {error}. "
            "Call it yourself in a new cell to see the line.",
        )
    return Verdict(number, SOLVED, message or "")
