"""Build the site: the executed lessons, every claim with its cell, data, models, the library.

``build/site_source/`` is assembled from the page templates in ``site_source/`` and from the
executed solution editions; Sphinx makes ``build/site/`` from it. Files are written only when
they change, so that a second build takes seconds. The pages need no network.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workshop_lib.course import claims
from workshop_lib.errors import MissingFileError, MissingPackageError, WorkshopError

if TYPE_CHECKING:
    from nbformat import NotebookNode

TEMPLATES = Path(__file__).parent / "site_source"
LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
EXERCISE = re.compile(r"^(#+ Exercise (\w+)\b)", re.MULTILINE)
WIDGET = "application/vnd.jupyter.widget-view+json"
ALT_LENGTH = 300  # characters of alternative text for a figure


class SiteError(WorkshopError):
    """The site couldn't be built, or a page of it has a fault."""


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


def build(root: Path, show=print) -> Path:
    """Build the site and return its folder, ``build/site``.

    Args:
        root: the clone.
        show: where lines of progress go.

    Raises:
        MissingFileError: the lessons haven't been executed.
        MissingPackageError: Sphinx isn't installed.
        SiteError: Sphinx found a fault, such as a link to a page that doesn't exist.
    """
    found = lessons(root)
    listed = claims.collect(root)
    shown = sum(bool(claim.cells) for claim in listed)
    show(f"  {len(found)} lessons, {shown} of {len(listed)} claims shown")
    changed = write_sources(root, pages(root, found, listed))
    show(f"  {changed} pages changed; Sphinx runs")
    target = root / "build" / "site"
    sphinx(root / "build" / "site_source", target)
    mirror(root / "notebooks", target / "notebooks", "[0-9][0-9]_*.ipynb")
    mirror(root / "build" / "slides", target / "slides", "**/*.*")
    return target


# ── Lessons ──────────────────────────────────────────────────────────────────────────────


def lessons(root: Path) -> list[Lesson]:
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


def page_of(root: Path, lesson: Lesson, listed: list[claims.Claim], links: Links) -> NotebookNode:
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
    page = nbformat.v4.new_notebook(metadata=lesson.notebook.metadata)
    page.metadata.setdefault("language_info", {})["pygments_lexer"] = "ipython3"
    page.metadata.pop("widgets", None)
    cells = lesson.notebook.cells
    for index, cell in enumerate(cells):
        cell = nbformat.from_dict(cell)
        if cell.cell_type == "markdown":
            cell.source = links.adapt(EXERCISE.sub(r"(exercise-\2)=\n\1", cell.source))
            page.cells.append(cell)
            if index == 0:
                page.cells.append(new_markdown_cell(_lesson_links(root, lesson), id="links"))
            continue
        above = f"(cell-{cell.id})=\n"
        for tag in cell.metadata.get("tags", []):
            one = tag.removeprefix(claims.TAG)
            if tag.startswith(claims.TAG) and one in said:
                above += container(
                    "shows-claim", f"**This cell shows [claim {one}](#claim-{one.lower()}):** {said[one]}"
                )
        page.cells.append(new_markdown_cell(above, id=f"above-{cell.id}"))
        if cell.source != stubs.get(cell.id, cell.source):
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)  # would need a script from a CDN
        cell.metadata["mystnb"] = {"image": {"alt": alternative_text(cells[index + 1 :])}}
        page.cells.append(cell)
    return page


def alternative_text(after: list) -> str:
    """Return the text for readers who don't see a figure: the first words after its cell."""
    words = after[0].source if after and after[0].cell_type == "markdown" else ""
    paragraph = next((part for part in words.split("\n\n") if not part.startswith("#")), "")
    plain = " ".join(re.sub(r"[*_`$\[\]]|\]\([^)]*\)", "", paragraph).split())
    return plain[:ALT_LENGTH] or "Figure; the text around this cell describes it."


def _lesson_links(root: Path, lesson: Lesson) -> str:
    parts = [f'<a href="../notebooks/{lesson.name}.ipynb" download>Notebook to work in</a>']
    parts += _deck_links(root, lesson.name, "../")
    return container("lesson-links", " · ".join(parts))


# ── Pages ────────────────────────────────────────────────────────────────────────────────


def pages(root: Path, found: list[Lesson], listed: list[claims.Claim]) -> dict[str, str]:
    """Return every source that Sphinx needs, by its path below ``build/site_source``."""
    import nbformat

    about = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository = about["urls"]["Repository"]
    where = {}  # which page shows which file of the repository
    for lesson in found:
        for file in (f"{lesson.name}.ipynb", f"solutions/{lesson.name}.ipynb", f"source/{lesson.name}.py"):
            where[f"notebooks/{file}"] = f"lessons/{lesson.name}.ipynb"
    for kind, name in [("data", "DATASHEET.md"), ("data/models", "MODEL_CARD.md")]:
        for file in sorted((root / kind).glob(f"*/{name}")):
            where[file.relative_to(root).as_posix()] = f"{kind}/{file.parent.name}.md"

    made = {}
    for lesson in found:
        links = Links(root, repository, where, "notebooks", "lessons")
        page = page_of(root, lesson, listed, links)
        made[f"lessons/{lesson.name}.ipynb"] = nbformat.writes(page)
    for file, page in where.items():
        if page.endswith(".md"):
            links = Links(root, repository, where, str(Path(file).parent), str(Path(page).parent))
            made[page] = links.adapt((root / file).read_text(encoding="utf-8"))
    modules = library()
    for name, sentence in modules.items():
        made[f"api/{name}.md"] = module_page(name)
    sheets = [page for page in made if re.fullmatch(r"data/[^/]+\.md", page)]
    cards = [page for page in made if re.fullmatch(r"data/models/[^/]+\.md", page)]
    shown = sum(bool(claim.cells) for claim in listed)
    values = {
        "repository": repository,
        "first": found[0].title,
        "first_page": f"{found[0].name}.ipynb",
        "shown": str(shown),
        "all": str(len(listed)),
        "lessons": "\n\n".join(lesson_entry(root, lesson) for lesson in found),
        "lesson_pages": "\n".join(f"lessons/{lesson.name}" for lesson in found),
        "claims": claims_by_lesson(root, listed, found),
        "slides": decks(root),
        "datasheets": listing({page: first_heading(made[page]) for page in sheets}),
        "model_cards": listing({page: first_heading(made[page]) for page in cards}),
        "modules": listing({f"api/{name}.md": f"`{name}`: {about}" for name, about in modules.items()}),
    }
    for template in sorted(TEMPLATES.glob("*.md")):
        text = template.read_text(encoding="utf-8")
        made[template.name] = re.sub(r"\{\{(\w+)\}\}", lambda name: values[name[1]], text)
    for file in ["conf.py", *(f"static/{one.name}" for one in (TEMPLATES / "static").iterdir())]:
        made[file] = (TEMPLATES / file).read_text(encoding="utf-8")
    return made


def lesson_entry(root: Path, lesson: Lesson) -> str:
    """Return a lesson's entry in the index: title, question, minutes, cost, links."""
    links = [f'<a href="notebooks/{lesson.name}.ipynb" download>Notebook</a>']
    links += _deck_links(root, lesson.name, "")
    colab = re.search(r"\[Open in Colab\]\([^)]+\)", lesson.badges)
    links += [colab[0]] if colab else []
    facts = f"{lesson.time_and_cost}\n\n{' · '.join(links)}"
    return (
        f"### [{lesson.title}](lessons/{lesson.name}.ipynb)\n\n{lesson.question}\n\n"
        f"{container('meta', facts)}"
    )


def claims_by_lesson(root: Path, listed: list[claims.Claim], found: list[Lesson]) -> str:
    """Return the claims under a heading for each lesson, those not shown yet at the end."""
    by_number = {lesson.number: lesson for lesson in found}
    parts = []
    for number, lesson in by_number.items():
        own = [claim for claim in listed if claim.cells and claim.cells[0][0] == number]
        if own:
            parts.append(f"## {lesson.title}")
            parts += [claim_entry(root, claim, by_number) for claim in own]
    planned = [claim for claim in listed if not claim.cells]
    if planned:
        parts.append("## Planned")
        parts += [
            f"(claim-{claim.id.lower()})=\n**{claim.id}** · {claim.claim} "
            f"(lesson {' and '.join(claim.lessons)}; not shown yet; from {claim.origin})"
            for claim in planned
        ]
    return "\n\n".join(parts)


def claim_entry(root: Path, claim: claims.Claim, by_number: dict[str, Lesson]) -> str:
    """Return one claim that is shown: what it says, and links to cells, slides, exercises."""
    facts = [
        "Shown by "
        + ", ".join(
            f'<a class="to-cell" href="lessons/{by_number[number].name}.html#cell-{cell}">'
            f"lesson {number}, cell <code>{cell}</code></a>"
            for number, cell in claim.cells
        )
    ]
    practised = []
    for exercise in claim.practised:
        lesson = by_number.get(f"{int(re.match(r'[0-9]+', exercise)[0]):02}")
        known = lesson and re.search(rf"# Exercise {exercise}\b", str(lesson.notebook))
        practised.append(f"[exercise {exercise}](#exercise-{exercise})" if known else exercise)
    if practised:
        facts.append(f"Practised in {', '.join(practised)}")
    slides = [_slide_link(root, number, claim.id) for number in dict.fromkeys(claim.slides)]
    if slides:
        facts.append(f"On the slides of lesson {', '.join(slides)}")
    facts.append(f"From the lecture {claim.origin}")
    lines = "\n".join(f"- {fact}" for fact in facts)
    return (
        f"(claim-{claim.id.lower()})=\n### {claim.id} · {claim.claim}\n\n"
        f"{container('claim-facts', lines)}"
    )


def decks(root: Path) -> str:
    """Return the list of slide decks, with links to those that have been made."""
    lines = []
    for deck in sorted((root / "slides").glob("[0-9][0-9]_*.md")):
        text = deck.read_text(encoding="utf-8")
        title = re.search(r"^# (.+)$", text, re.MULTILINE)
        links = _deck_links(root, deck.stem, "") or ["not made yet: `make slides`, then `make site`"]
        lines.append(f"- **{title[1] if title else deck.stem}**: {' · '.join(links)}")
    return "\n".join(lines) or "No deck has been written yet."


def _deck_links(root: Path, name: str, up: str) -> list[str]:
    made = root / "build" / "slides"
    kinds = {"html": "Slides", "pdf": "Slides as PDF"}
    return [
        f'<a href="{up}slides/{name}.{kind}">{label}</a>'
        for kind, label in kinds.items()
        if (made / f"{name}.{kind}").exists()
    ]


def _slide_link(root: Path, number: str, claim: str) -> str:
    """Return a link to the slide that shows a claim, or the lesson's number if no deck is made."""
    for deck in (root / "slides").glob(f"{number}_*.md"):
        if (root / "build" / "slides" / f"{deck.stem}.html").exists():
            before = deck.read_text(encoding="utf-8").split(f"<!-- claim: {claim} -->")[0]
            slide = before.count("\n---\n")  # the first one closes the front matter
            return f'<a href="slides/{deck.stem}.html#{slide}">{number} (slide {slide})</a>'
    return number


def library() -> dict[str, str]:
    """Return the modules of workshop_lib that a reader calls, each with its first sentence."""
    folder = Path(__file__).resolve().parents[1]
    found = {}
    for file in sorted(folder.rglob("*.py")):
        parts = file.relative_to(folder).with_suffix("").parts
        if parts[0] in ("_data", "course", "__main__") or parts[-1].startswith("lesson_"):
            continue
        name = ".".join(["workshop_lib", *parts]).removesuffix(".__init__")
        docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        found[name] = docstring.split("\n\n")[0].replace("\n", " ").replace("``", "`")
    return found


def module_page(name: str) -> str:
    """Return the page of one module, which Sphinx fills from its docstrings."""
    return f"# {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```\n"


def listing(entries: dict[str, str]) -> str:
    """Return a list of links to pages with their titles, and a hidden table of contents."""
    if not entries:
        return "There are none yet."
    lines = []
    for page, label in entries.items():
        title, colon, rest = label.partition(": ") if label.startswith("`") else (label, "", "")
        lines.append(f"- [{title}]({page}){colon}{rest}")
    names = "\n".join(page.removesuffix(".md") for page in entries)
    return "\n".join(lines) + f"\n\n```{{toctree}}\n:hidden:\n\n{names}\n```"


def first_heading(text: str) -> str:
    """Return the text of the first heading of the first level.

    >>> first_heading("Some words\\n# Senses\\n")
    'Senses'
    """
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    return found[1].strip() if found else "Untitled"


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


# ── Files and Sphinx ─────────────────────────────────────────────────────────────────────


def write_sources(root: Path, made: dict[str, str]) -> int:
    """Write the sources that changed; return how many. A page less renews the whole site."""
    folder = root / "build" / "site_source"
    wanted = {folder / name for name in made}
    present = {file for file in folder.rglob("*") if file.is_file()} if folder.exists() else set()
    if present - wanted:
        for stale in (folder, root / "build" / "site", root / "build" / "site_doctrees"):
            shutil.rmtree(stale, ignore_errors=True)
    changed = 0
    for name, text in made.items():
        file = folder / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            changed += 1
    return changed


def sphinx(source: Path, target: Path) -> None:
    """Run Sphinx in a process of its own; any warning of it is an error.

    Raises:
        MissingPackageError: Sphinx or a part of it isn't installed.
        SiteError: Sphinx warned; the message has its words.
    """
    from importlib.util import find_spec

    missing = [name for name in ("sphinx", "myst_nb", "furo") if not find_spec(name)]
    if missing:
        raise MissingPackageError(
            f"The site needs {' and '.join(missing)}. Run: pip install -e '.[course]'"
        )
    doctrees = target.parent / "site_doctrees"
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(doctrees)]
    finished = subprocess.run([*command, str(source), str(target)], capture_output=True, text=True)
    if finished.returncode:
        words = finished.stderr.strip() or finished.stdout.strip()
        raise SiteError(
            f"The site has faults:\n{words}\nMend these places, then run: make site. "
            f"What was built is in {target}"
        )


def mirror(source: Path, target: Path, pattern: str) -> None:
    """Make a folder of the site hold the files of another folder that match the pattern."""
    files = {file.relative_to(source) for file in source.glob(pattern) if file.is_file()}
    present = {file.relative_to(target) for file in target.rglob("*") if file.is_file()}
    for old in present - files:
        (target / old).unlink()
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / file, target / file)
