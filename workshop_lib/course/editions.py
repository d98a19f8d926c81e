"""Make the learner and the solution edition of each lesson from its one source.

A source is a Jupytext percent script, ``notebooks/source/NN_topic.py``. An exercise in it is
a prompt (a Markdown cell whose heading begins "Exercise 1a"), one code cell with three
markers, and a check cell that calls ``check.exercise_1a(...)``:

    ### STUB 1a
    similarity = ...
    ### SOLUTION 1a
    similarity = embeddings.cosine(a, b)
    ### END 1a

The learner edition keeps the lines of the stub, the solution edition those of the solution.
Each ``...`` of the stub stands for what the learner writes, and the tool proves that filling
them can give the solution. It also proves that no line of a solution is left in the learner
edition. ``{{name}}`` in a Markdown or code cell is replaced by a value from pyproject.toml or
from the measured costs.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import re
import tokenize
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from workshop_lib.course import address
from workshop_lib.errors import WorkshopError

if TYPE_CHECKING:
    from nbformat import NotebookNode

MARKER = re.compile(r"^### (STUB|SOLUTION|END)(?: (\S+))?\s*$")
MAGIC = re.compile(r"^( *)# (?=%\w)", re.MULTILINE)  # a source comments out Jupyter's %magics
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


class UnclosedMarkerError(WorkshopError):
    """An exercise has a STUB or SOLUTION marker without the markers that must follow it."""


class NestedMarkerError(WorkshopError):
    """A marker stands where it can't: a stub in a stub, or an END without a STUB."""


class IncompleteExerciseError(WorkshopError):
    """An exercise lacks its prompt, its check cell, or occurs twice."""


class StubMismatchError(WorkshopError):
    """A stub can't be completed into its solution by filling its ``...``."""


class SolutionLeakError(WorkshopError):
    """Text of a solution occurs in the learner edition."""


@dataclass(frozen=True)
class Exercise:
    """One exercise: its number, the learner's starting stub and the solution."""

    number: str
    stub: str
    solution: str


# ── One cell ─────────────────────────────────────────────────────────────────────────────


def split(source: str, place: str) -> tuple[str, str, Exercise | None]:
    """Split a code cell into its learner text, its solution text and its exercise.

    Args:
        source: the text of the cell, with or without markers.
        place: where the cell is, for error messages.

    Returns:
        (learner text, solution text, exercise); without markers both texts are the source.

    Raises:
        UnclosedMarkerError, NestedMarkerError: the markers aren't STUB, SOLUTION, END.
    """
    learner, solved, number, state = [], [], None, "OUTSIDE"
    stub, solution = [], []
    follows = {"OUTSIDE": "STUB", "STUB": "SOLUTION", "SOLUTION": "END"}
    for line in source.splitlines():
        marker = MARKER.match(line)
        if not marker:
            if state in ("OUTSIDE", "STUB"):
                learner.append(line)
            if state in ("OUTSIDE", "SOLUTION"):
                solved.append(line)
            if state != "OUTSIDE":
                (stub if state == "STUB" else solution).append(line)
            continue
        kind, named = marker.groups()
        if kind != follows.get(state) or (number and named != number) or named is None:
            raise NestedMarkerError(
                f"{place}: the marker '{line.strip()}' can't stand here. Write, in this order "
                f"and with one number: ### STUB 1a, ### SOLUTION 1a, ### END 1a"
            )
        if number and kind == "STUB":
            raise NestedMarkerError(f"{place}: a second exercise begins. Give it its own cell.")
        number, state = named, "OUTSIDE" if kind == "END" else kind
    if state != "OUTSIDE":
        raise UnclosedMarkerError(
            f"{place}: the exercise {number} isn't closed. Add the line ### "
            f"{follows[state]} {number}"
        )
    found = Exercise(number, "\n".join(stub), "\n".join(solution)) if number else None
    return "\n".join(learner).strip("\n"), "\n".join(solved).strip("\n"), found


def completes(stub: str, solution: str) -> bool:
    """Return True if filling each ``...`` of the stub can give the solution.

    Both are compared token by token, without comments and blank lines; ``...`` matches one or
    more tokens.

    >>> completes("x = ...", "x = 1 + 1")
    True
    >>> completes("y = ...", "x = 1 + 1")
    False
    """
    pattern, text = _tokens(stub), _tokens(solution)

    @lru_cache(maxsize=None)
    def match(i: int, j: int) -> bool:
        if i == len(pattern):
            return j == len(text)
        if pattern[i] == "...":
            return j < len(text) and (match(i + 1, j + 1) or match(i, j + 1))
        return j < len(text) and pattern[i] == text[j] and match(i + 1, j + 1)

    return match(0, 0)


def _tokens(code: str) -> tuple[str, ...]:
    # Block ends (DEDENT) follow from the lines around them, so that they are left out: a
    # filled gap may open and close blocks of its own.
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    stream = tokenize.generate_tokens(io.StringIO(code).readline)
    return tuple(t.string for t in stream if t.type not in skipped and t.string)


# ── One lesson ───────────────────────────────────────────────────────────────────────────


def editions(source: Path, values: dict[str, str]) -> tuple[NotebookNode, NotebookNode]:
    """Return the learner and the solution edition of a lesson.

    Args:
        source: the percent script.
        values: replacements for ``{{name}}``.

    Raises:
        UnclosedMarkerError, NestedMarkerError, IncompleteExerciseError, StubMismatchError,
        SolutionLeakError: as their names say; the message names the lesson and the cell.
    """
    import jupytext
    from nbformat.v4 import new_notebook

    cells = jupytext.read(source, fmt={"extension": ".py", "comment_magics": False}).cells
    learner, solution, exercises = [], [], []
    for index, cell in enumerate(cells, start=1):
        place = f"{source.name}, cell {index}"
        text = _fill(cell.source, values, place)
        learner_text, solution_text, exercise = text, text, None
        if cell.cell_type == "code":
            text = MAGIC.sub(r"\1", text)
            learner_text, solution_text, exercise = split(text, place)
        if exercise:
            _require(exercise, cells[: index - 1], cells[index:], place)
            exercises.append(exercise)
        learner.append(_cell(cell, learner_text, learner))
        solution.append(_cell(cell, solution_text, solution))
    _require_once(exercises, source.name)
    _require_no_leak(exercises, learner, source.name)
    about = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return (
        new_notebook(cells=learner, metadata={**about, "edition": "learner"}),
        new_notebook(cells=solution, metadata={**about, "edition": "solution"}),
    )


def _fill(text: str, values: dict[str, str], place: str) -> str:
    def value(match: re.Match) -> str:
        if match[1] not in values:
            raise WorkshopError(
                f"{place}: {{{{{match[1]}}}}} has no value. Known: {', '.join(sorted(values))}."
            )
        return values[match[1]]

    return re.sub(r"\{\{(\w+)\}\}", value, text)


def _cell(cell: NotebookNode, text: str, before: list) -> NotebookNode:
    """Return a copy of a cell with a stable id: a digest of its text, made unique."""
    from nbformat.v4 import new_code_cell, new_markdown_cell

    digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
    repeats = sum(other.id.startswith(digest) for other in before)
    kind = new_code_cell if cell.cell_type == "code" else new_markdown_cell
    tags = cell.metadata.get("tags", [])
    return kind(
        text, id=f"{digest}-{repeats}" if repeats else digest, metadata={"tags": tags} if tags else {}
    )


def _require(exercise: Exercise, before: list, after: list, place: str) -> None:
    heading = re.compile(rf"^#+ Exercise {exercise.number}\b", re.MULTILINE)
    if not any(heading.search(cell.source) for cell in before if cell.cell_type == "markdown"):
        raise IncompleteExerciseError(
            f"{place}: exercise {exercise.number} has no prompt. Write a Markdown cell before "
            f"it with the heading 'Exercise {exercise.number}'."
        )
    call = f"check.exercise_{exercise.number}("
    if not any(call in cell.source for cell in after if cell.cell_type == "code"):
        raise IncompleteExerciseError(
            f"{place}: exercise {exercise.number} has no check. Write a code cell after it "
            f"that calls {call}...)"
        )
    if not completes(exercise.stub, exercise.solution):
        raise StubMismatchError(
            f"{place}: filling the ... of stub {exercise.number} can't give its solution. "
            "Every other token of the stub must stand in the solution, in the same order."
        )


def _require_once(exercises: list[Exercise], lesson: str) -> None:
    numbers = [exercise.number for exercise in exercises]
    for number in numbers:
        if numbers.count(number) > 1:
            raise IncompleteExerciseError(
                f"{lesson}: exercise {number} occurs twice. Give each its own letter."
            )


def _require_no_leak(exercises: list[Exercise], learner: list, lesson: str) -> None:
    """Raise an error if a line that only the solution has stands in the learner edition.

    A line of 12 characters or more may not occur anywhere, not inside another line either; a
    shorter one, such as ``n = 4``, may not occur as a line of its own.
    """
    text = "\n".join(cell.source for cell in learner)
    lines = {line.strip() for line in text.splitlines()}
    for exercise in exercises:
        stub_lines = {line.strip() for line in exercise.stub.splitlines()}
        for line in map(str.strip, exercise.solution.splitlines()):
            if not line or line in stub_lines or not re.search(r"\w", line):
                continue
            if line in lines or (len(line) >= 12 and line in text):
                raise SolutionLeakError(
                    f"{lesson}: the line '{line}' of solution {exercise.number} stands in the "
                    "learner edition. Reword that cell, or move the line into the stub."
                )


# ── All lessons ──────────────────────────────────────────────────────────────────────────


def values(root: Path, lesson: str) -> dict[str, str]:
    """Return the replacements for one lesson: the repository's address, badges, cost.

    ``repository`` comes from pyproject.toml, the one place that names it. ``cost`` is a
    sentence from ``benchmarks/lessons.json``, which ``make bench`` measures.
    """
    repository = address(root)
    slug = repository.removeprefix("https://github.com/")
    return {
        "repository": repository,
        # Text, not images: a badge image needs the network, and the room may have none.
        "badges": (
            f"**[Open in Colab](https://colab.research.google.com/github/{slug}/blob/main/"
            f"notebooks/{lesson}.ipynb)** · "
            f"**[Open in Binder](https://mybinder.org/v2/gh/{slug}/main?"
            f"labpath=notebooks%2F{lesson}.ipynb)**"
        ),
        "cost": _cost(root, lesson),
    }


def measured(root: Path) -> dict[str, dict]:
    """Return the measured cost per lesson from benchmarks/lessons.json; empty if not measured."""
    file = root / "benchmarks" / "lessons.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _cost(root: Path, lesson: str) -> str:
    cost = measured(root).get(lesson)
    if not cost:
        return "Cost: not measured yet (`make bench`)."
    return (
        f"Cost in the mini profile, without a GPU: {cost['seconds']:.0f} seconds of computing "
        f"and {cost['peak_mb'] / 1000:.1f} GB of memory on 2 cores (`make bench`)."
    )


def lesson_table(root: Path) -> str:
    """Return the README's table of lessons: link, question, badges, minutes, seconds, memory."""
    rows = [
        "| lesson | open in | teaching + exercises, planned | computing | memory |",
        "|---|---|---|---|---|",
    ]
    for source in sorted((root / "notebooks" / "source").glob("[0-9][0-9]_*.py")):
        text = source.read_text(encoding="utf-8")
        title = re.search(r"^# # (.+)$", text, re.MULTILINE)[1]
        minutes = re.search(r"(\d+) minutes of teaching, (\d+) minutes of exercises", text)
        cost = measured(root).get(source.stem)
        spent = [f"{cost['seconds']:.0f} s", f"{cost['peak_mb'] / 1000:.1f} GB"] if cost else ["–", "–"]
        rows.append(
            f"| [{title}](notebooks/{source.stem}.ipynb) | {values(root, source.stem)['badges']} "
            f"| {minutes[1]} + {minutes[2]} min | {spent[0]} | {spent[1]} |"
        )
    return "\n".join(rows)


def readme(root: Path) -> str:
    """Return the README with its table of lessons renewed between the two marks."""
    text = (root / "README.md").read_text(encoding="utf-8")
    start, end = "<!-- lessons -->", "<!-- /lessons -->"
    if start not in text or end not in text:
        raise WorkshopError(f"README.md lacks the marks {start} and {end} around its table of lessons.")
    before, after = text.split(start)[0], text.split(end)[1]
    return f"{before}{start}\n{lesson_table(root)}\n{end}{after}"


def generate(root: Path) -> dict[Path, str]:
    """Return the text of every generated file by its path, without writing anything.

    These are both editions of each lesson, and the README with its table of lessons.
    """
    import nbformat

    generated = {root / "README.md": readme(root)}
    for source in sorted((root / "notebooks" / "source").glob("[0-9][0-9]_*.py")):
        learner, solution = editions(source, values(root, source.stem))
        name = f"{source.stem}.ipynb"
        for folder, notebook in [("notebooks", learner), ("notebooks/solutions", solution)]:
            nbformat.validate(notebook)
            generated[root / folder / name] = nbformat.writes(notebook) + "\n"
    return generated


def write(root: Path) -> list[Path]:
    """Write every generated file that differs from what is there; return those written.

    All are generated before the first is written: an error in one lesson changes no file. A
    notebook in which somebody has worked is kept first, under the name ``my_NN_topic.ipynb``.
    """
    changed = []
    for path, text in generate(root).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            if path.exists() and re.search(r'"execution_count": \d', path.read_text(encoding="utf-8")):
                changed.append(keep(path))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def keep(path: Path) -> Path:
    """Rename a notebook to ``my_...``, with a number if that name is taken; return the new path."""
    for number in itertools.count(1):
        mine = path.with_name(f"my_{path.stem}{f'_{number}' if number > 1 else ''}.ipynb")
        if not mine.exists():
            return path.rename(mine)
