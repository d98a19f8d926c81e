"""Which cell shows which claim: the promise that every claim is an experiment.

``notebooks/claims.yaml`` lists the claims. A code cell shows a claim when it carries the tag
``claim-V1`` and asserts something. A slide shows it with the comment ``<!-- claim: V1 -->``,
and ``practised`` in the list names the exercises that practise it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workshop_lib.errors import MissingFileError, WorkshopError

if TYPE_CHECKING:
    from nbformat import NotebookNode

TAG = "claim-"


class ClaimError(WorkshopError):
    """A claim and the cells that should show it don't fit together."""


@dataclass
class Claim:
    """One claim: what is said, in which lessons, by which deck, and where it is shown."""

    id: str
    claim: str
    lessons: list[str]
    origin: str
    practised: list[str] = field(default_factory=list)
    finding: str = ""  # what the cells find, where the claim holds only in part
    cells: list[tuple[str, str]] = field(default_factory=list)  # (lesson, cell id)
    slides: list[str] = field(default_factory=list)  # lessons whose deck shows it


def read(root: Path) -> list[Claim]:
    """Return the claims of notebooks/claims.yaml, in its order.

    Raises:
        MissingFileError: there is no such file.
        ClaimError: an id occurs twice, or an entry lacks a field.
    """
    import yaml

    file = root / "notebooks" / "claims.yaml"
    if not file.exists():
        raise MissingFileError(f"{file} isn't there. Run: git checkout -- notebooks/claims.yaml")
    claims = []
    for entry in yaml.safe_load(file.read_text(encoding="utf-8"))["claims"]:
        try:
            claims.append(Claim(**entry))
        except TypeError as error:
            raise ClaimError(f"{file}: the entry {entry.get('id', entry)} is wrong: {error}") from None
    ids = [claim.id for claim in claims]
    for one in ids:
        if ids.count(one) > 1:
            raise ClaimError(f"{file}: the claim {one} occurs twice. Give each its own id.")
    return claims


def tagged(notebook: NotebookNode, name: str) -> dict[str, list[str]]:
    """Return the cells that show each claim in one notebook: claim id -> cell ids.

    Args:
        notebook: a solution edition.
        name: its name, for messages.

    Raises:
        ClaimError: a tagged cell isn't code or asserts nothing.
    """
    shown: dict[str, list[str]] = {}
    for cell in notebook.cells:
        for tag in cell.metadata.get("tags", []):
            if not tag.startswith(TAG):
                continue
            if cell.cell_type != "code" or not asserts(cell.source):
                raise ClaimError(
                    f"{name}, cell {cell.id}: it carries the tag {tag} and asserts nothing. "
                    "Add an assert that would fail if the claim were false, or drop the tag."
                )
            shown.setdefault(tag.removeprefix(TAG), []).append(cell.id)
    return shown


def asserts(source: str) -> bool:
    """Return True if the code has an assert statement that can fail.

    >>> asserts("assert x > 1"), asserts("assert True"), asserts("# assert x")
    (True, False, False)
    """
    code = re.sub(r"^\s*[%!].*$", "", source, flags=re.MULTILINE)  # Jupyter's magics
    return any(
        isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant)
        for node in ast.walk(ast.parse(code))
    )


def collect(root: Path) -> list[Claim]:
    """Return all claims with the cells and slides that show them.

    Raises:
        ClaimError: a tag names no claim, or a lesson that exists doesn't show one of its own.
    """
    import nbformat

    claims = {claim.id: claim for claim in read(root)}
    existing = set()
    for path in sorted((root / "notebooks" / "solutions").glob("[0-9][0-9]_*.ipynb")):
        lesson = path.name[:2]
        existing.add(lesson)
        for one, cells in tagged(nbformat.read(path, as_version=4), path.name).items():
            if one not in claims:
                raise ClaimError(f"{path.name}: the tag {TAG}{one} names no claim of claims.yaml.")
            claims[one].cells += [(lesson, cell) for cell in cells]
    for deck in sorted((root / "slides").glob("[0-9][0-9]_*.md")):
        for one in re.findall(r"<!-- claim: (\w+) -->", deck.read_text(encoding="utf-8")):
            if one not in claims:
                raise ClaimError(f"{deck.name}: the claim {one} isn't in claims.yaml.")
            claims[one].slides.append(deck.name[:2])
    for claim in claims.values():
        for lesson in claim.lessons:
            if lesson in existing and lesson not in [shown for shown, _ in claim.cells]:
                raise ClaimError(
                    f"Lesson {lesson} doesn't show its claim {claim.id} ({claim.claim}). "
                    f"Tag the cell that shows it with {TAG}{claim.id}."
                )
    return list(claims.values())


def table(claims: list[Claim]) -> str:
    """Return the claims as text, one a line, with the cells that show them."""
    lines = []
    for claim in claims:
        cells = ", ".join(f"{lesson}:{cell}" for lesson, cell in claim.cells)
        where = cells or f"in lesson {' and '.join(claim.lessons)}, not written yet"
        lines.append(f"{claim.id:<4} {claim.claim}\n     shown by: {where}")
        if claim.finding:
            lines.append(f"     found: {claim.finding}")
    shown = sum(bool(claim.cells) for claim in claims)
    return "\n".join([*lines, f"{shown} of {len(claims)} claims are shown by a cell that asserts them."])
