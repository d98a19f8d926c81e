"""What a learner has solved, kept in one local file that never leaves the machine.

The file is ``progress.json`` in ``~/.workshop_lib``; the environment variable
WORKSHOP_PROGRESS names another. On Colab it lives as long as the session.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import tempfile
from pathlib import Path

from workshop_lib import checks
from workshop_lib.checks import MARKS, SOLVED, UNFINISHED


def file() -> Path:
    """Return the path of the progress file."""
    named = os.environ.get("WORKSHOP_PROGRESS")
    return Path(named) if named else Path.home() / ".workshop_lib" / "progress.json"


def read() -> dict[str, dict]:
    """Return what is recorded: exercise -> {"status": ..., "tries": ...}.

    A file that can't be read is kept under the name ``progress.json.unreadable``, and the
    record starts afresh: a check must never fail because of it.
    """
    path = file()
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {key: dict(value) for key, value in record.items()}
    except (ValueError, TypeError, AttributeError):
        path.replace(path.with_name(path.name + ".unreadable"))
        return {}


def record(exercise: str, status: str) -> None:
    """Note the result of a check. Once solved, an exercise stays solved.

    The file is replaced in one step, so that a kill leaves the old one or the new one. Where
    it can't be written (a full or read-only disk), the verdict still reaches the learner.
    """
    try:
        known = read()
        before = known.get(exercise, {"status": status, "tries": 0})
        if before["tries"] == 0 or before["status"] != SOLVED:
            before["status"] = status
            before["tries"] += status != UNFINISHED
        known[exercise] = before
        path = file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=path.name, delete=False, encoding="utf-8"
        ) as stream:
            json.dump(dict(sorted(known.items())), stream, indent=1)
        os.replace(stream.name, path)
    except OSError as error:
        print(f"(Progress not saved: {error}. Set WORKSHOP_PROGRESS to a file you can write.)")


def show() -> str:
    """Return a line per lesson with the state of its exercises, and how many are solved."""
    known = read()
    lines, solved, total = [], 0, 0
    for lesson, numbers in exercises().items():
        states = [known.get(number, {}).get("status", "not tried") for number in numbers]
        solved += states.count(SOLVED)
        total += len(numbers)
        marked = "  ".join(
            f"{number} {MARKS.get(state, '·')}" for number, state in zip(numbers, states)
        )
        lines.append(f"Lesson {lesson}:  {marked}")
    lines.append(f"{solved} of {total} exercises solved  (✓ solved, ✗ not yet, … started, · not tried)")
    lines.append(f"Kept in {file()}")
    return "\n".join(lines)


def exercises() -> dict[str, list[str]]:
    """Return the exercises that have a check: lesson number -> exercise numbers."""
    found = {}
    for module in pkgutil.iter_modules(checks.__path__):
        if module.name.startswith("lesson_"):
            lesson = importlib.import_module(f"workshop_lib.checks.{module.name}")
            found[module.name.removeprefix("lesson_")] = sorted(
                check.exercise for check in vars(lesson).values() if hasattr(check, "exercise")
            )
    return found
