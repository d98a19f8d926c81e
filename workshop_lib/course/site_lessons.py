"""The lessons on the site: each page is an executed notebook, made fit for reading.

Solutions are folded away, every cell and exercise has an anchor, a cell that shows a claim
says so, and figures have alternative text.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workshop_lib.course import claims
from workshop_lib.errors import MissingFileError

if TYPE_CHECKING:
    from nbformat import NotebookNode

LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
EXERCISE = re.compile(r"^(#+ Exercise (\w+)\b)", re.MULTILINE)
WIDGET = "application/vnd.jupyter.widget-view+json"
ALT_LENGTH = 300  # characters of alternative text for a figure


@dataclass(frozen=True)
class Lesson:
    """What the index says of a lesson: its name, and texts taken from its notebook."""

    name: str  # such as "01_embeddings_and_polysemy"
    title: str
    question: str
    time_and_cost: str
    badges: str
    notebook: NotebookNode  # the executed solution edition

    @property
    def number(self) -> str:
        return self.name[:2]

    def section_of(self, cell_id: str) -> str:
        """Return the number of a cell's section, or its heading if it has no number."""
        heading = ""
        for cell in self.notebook.cells:
            if cell.id == cell_id:
                break
            if cell.cell_type == "markdown":
                heading = (re.findall(r"^## (.+)$", cell.source, re.MULTILINE) or [heading])[-1]
        return heading.split(" · ")[0]



def read(root: Path) -> list[Lesson]:
    """Return the executed lessons, in order.

    Raises:
        MissingFileError: there are none, or one that exists hasn't been executed as it is now.
    """
    import nbformat

    found = []
    for path in sorted((root / "notebooks" / "solutions").glob("[0-9][0-9]_*.ipynb")):
        executed = root / "build" / "executed" / "solution" / path.name
        if not executed.exists():
            raise MissingFileError(f"{path.stem} hasn't been executed. Run: make course")
        notebook = nbformat.read(executed, as_version=4)
        written = nbformat.read(path, as_version=4)
        if [cell.source for cell in notebook.cells] != [cell.source for cell in written.cells]:
            raise MissingFileError(
                f"{path.stem} has changed since it was executed. Run: make course"
            )
        found.append(describe(path.stem, notebook))
    if not found:
        raise MissingFileError(
            f"There are no lessons in {root / 'notebooks' / 'solutions'}. Run: make course"
        )
    return found


def describe(name: str, notebook: NotebookNode) -> Lesson:
    """Return what the index says of a lesson, read from the headings that every lesson has."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    text = "\n\n".join(texts)
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    paragraphs = [part.strip() for part in section(text, "Question").split("\n\n")]
    badges = re.search(r"^.*colab\.research\.google\.com.*$", text, re.MULTILINE)
    return Lesson(
        name=name,
        title=title[1].strip() if title else name,
        question=paragraphs[0],
        time_and_cost=section(text, "Time and cost"),
        badges=badges[0] if badges else "",
        notebook=notebook,
    )


def section(text: str, heading: str) -> str:
    """Return what stands below a heading of the second level, up to the next heading.

    >>> section("## Question\\n\\nWhy?\\n\\n## Objectives", "Question")
    'Why?'
    """
    found = re.search(rf"^## {heading}\s*\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def page(root: Path, lesson: Lesson, listed: list[claims.Claim], links: Links) -> NotebookNode:
    """Return a lesson's page: its notebook with an anchor at each cell and solutions folded.

    The anchor of a cell is ``cell-`` and its id, of an exercise ``exercise-`` and its number.
    """
    import nbformat
    from nbformat.v4 import new_markdown_cell

    said = {claim.id: claim.claim for claim in listed}
    learner = root / "notebooks" / f"{lesson.name}.ipynb"
    stubs = {}
    if learner.exists():
        stubs = {cell.id: cell.source for cell in nbformat.read(learner, as_version=4).cells}
    made = nbformat.v4.new_notebook(metadata=lesson.notebook.metadata)
    made.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    made.metadata.pop("widgets", None)
    cells = lesson.notebook.cells
    for index, cell in enumerate(cells):
        cell = nbformat.from_dict(cell)
        if cell.cell_type == "markdown":
            cell.source = links.adapt(EXERCISE.sub(r"(exercise-\2)=\n\1", cell.source))
            made.cells.append(cell)
            if index == 0:
                made.cells.append(new_markdown_cell(_lesson_links(root, lesson), id="links"))
            continue
        above = f"(cell-{cell.id})=\n"
        for tag in cell.metadata.get("tags", []):
            one = tag.removeprefix(claims.TAG)
            if tag.startswith(claims.TAG) and one in said:
                words = f"**This cell shows [claim {one}](#claim-{one.lower()}):** {said[one]}"
                above += container("shows-claim", words)
        made.cells.append(new_markdown_cell(above, id=f"above-{cell.id}"))
        if cell.source != stubs.get(cell.id, cell.source):
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)  # would need a script from a CDN
        cell.metadata["mystnb"] = {"image": {"alt": alternative_text(cells[index + 1 :])}}
        made.cells.append(cell)
    return made


def alternative_text(after: list) -> str:
    """Return the text for readers who don't see a figure: the first words after its cell."""
    follows = after[0].source if after and after[0].cell_type == "markdown" else ""
    paragraph = follows.split("\n\n")[0]
    if not paragraph or paragraph.startswith("#"):
        return "Figure; the text around this cell describes it."
    return " ".join(re.sub(r"\]\([^)]*\)|[*_`$\[\]]", "", paragraph).split())[:ALT_LENGTH]


def _lesson_links(root: Path, lesson: Lesson) -> str:
    parts = [f'<a href="../notebooks/{lesson.name}.ipynb" download>Notebook to work in</a>']
    parts += deck_links(root, lesson.name, "../")
    return container("lesson-links", " · ".join(parts))


def deck_links(root: Path, name: str, up: str) -> list[str]:
    """Return links to a lesson's slides, as far as they have been made."""
    made = root / "build" / "slides"
    kinds = {"html": "Slides", "pdf": "Slides as PDF"}
    return [
        f'<a href="{up}slides/{name}.{kind}">{label}</a>'
        for kind, label in kinds.items()
        if (made / f"{name}.{kind}").exists()
    ]


def container(name: str, text: str) -> str:
    """Return Markdown in a block of its own style."""
    return f"````{{container}} {name}\n{text}\n````\n"


@dataclass(frozen=True)
class Links:
    """Adapts links between files of the repository to the pages of the site."""

    root: Path
    repository: str
    where: dict[str, str]  # a file of the repository -> the page that shows it
    folder: str  # in which the text stands, in the repository
    page_folder: str  # in which its page stands, on the site

    def adapt(self, text: str) -> str:
        """Return a Markdown text whose links lead to the site's pages, or to the repository."""
        return LINK.sub(lambda found: self._target(found[1]), text)

    def _target(self, target: str) -> str:
        if re.match(r"[a-z]+:|#|/", target):
            return target
        path, mark, anchor = target.partition("#")
        file = os.path.normpath(f"{self.folder}/{path}").replace(os.sep, "/")
        if file in self.where:
            page = os.path.relpath(self.where[file], self.page_folder).replace(os.sep, "/")
            return f"{page}{mark}{anchor}"
        if (self.root / file).exists():
            return f"{self.repository}/blob/main/{file}{mark}{anchor}"
        return target
