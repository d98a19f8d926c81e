"""Build the site: the executed lessons, every claim with its cell, data, models, the library.

``build/site_source/`` is assembled from the page templates in ``site_source/`` and from the
executed solution editions; Sphinx makes ``build/site/`` from it. Files are written only when
they change, so that a second build takes seconds. The pages need no network.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

from workshop_lib.course import address, claims, site_lessons
from workshop_lib.course.site_lessons import Lesson, Links, container
from workshop_lib.errors import MissingPackageError, WorkshopError

TEMPLATES = Path(__file__).parent / "site_source"


class SiteError(WorkshopError):
    """The site couldn't be built, or a page of it has a fault."""


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
    found = site_lessons.read(root)
    listed = claims.collect(root)
    shown = sum(bool(claim.cells) for claim in listed)
    show(f"  {len(found)} lessons, {shown} of {len(listed)} claims shown")
    changed = write_sources(root, pages(root, found, listed))
    show(f"  {changed} pages changed; Sphinx runs")
    target = root / "build" / "site"
    sphinx(root / "build" / "site_source", target)
    mirror(root / "notebooks", target / "notebooks", "[0-9][0-9]_*.ipynb")
    mirror(root / "build" / "slides", target / "slides", "*.html", "*.pdf", "figures/*")
    return target


# ── Pages ────────────────────────────────────────────────────────────────────────────────


def pages(root: Path, found: list[Lesson], listed: list[claims.Claim]) -> dict[str, str]:
    """Return every source that Sphinx needs, by its path below ``build/site_source``."""
    import nbformat

    repository = address(root)
    where = {}  # which page shows which file of the repository
    for lesson in found:
        name = lesson.name
        for file in (f"{name}.ipynb", f"solutions/{name}.ipynb", f"source/{name}.py"):
            where[f"notebooks/{file}"] = f"lessons/{name}.ipynb"
    for kind, name in [("data", "DATASHEET.md"), ("data/models", "MODEL_CARD.md")]:
        for file in sorted((root / kind).glob(f"*/{name}")):
            where[file.relative_to(root).as_posix()] = f"{kind}/{file.parent.name}.md"

    made = {}
    for lesson in found:
        links = Links(root, repository, where, "notebooks", "lessons")
        page = site_lessons.page(root, lesson, listed, links)
        made[f"lessons/{lesson.name}.ipynb"] = nbformat.writes(page)
    for file, page in where.items():
        if page.endswith(".md"):
            links = Links(root, repository, where, str(Path(file).parent), str(Path(page).parent))
            made[page] = links.adapt((root / file).read_text(encoding="utf-8"))
    modules = library()
    for name in modules:
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
        "modules": listing({f"api/{one}.md": f"`{one}`: {does}" for one, does in modules.items()}),
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
    links += site_lessons.deck_links(root, lesson.name, "")
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
    sources = lectures(root)
    parts = []
    for number, lesson in by_number.items():
        own = [claim for claim in listed if claim.cells and claim.cells[0][0] == number]
        if own:
            parts.append(f"## {lesson.title}")
            parts += [claim_entry(root, claim, by_number, sources) for claim in own]
    planned = [claim for claim in listed if not claim.cells]
    if planned:
        parts.append("## Planned")
        for claim in planned:
            lecturer = re.match(r"[^,(]+", sources.get(claim.origin, claim.origin))[0].strip()
            parts.append(
                f"(claim-{claim.id.lower()})=\n**{claim.id}** · {claim.claim} "
                f"(lesson {' and '.join(claim.lessons)}; {lecturer})"
            )
    return "\n\n".join(parts)


def lectures(root: Path) -> dict[str, str]:
    """Return the lectures behind the claims, as the head of notebooks/claims.yaml names them."""
    text = (root / "notebooks" / "claims.yaml").read_text(encoding="utf-8")
    return dict(re.findall(r"^#   (\w+)   (\S.*)$", text, re.MULTILINE))


def claim_entry(
    root: Path, claim: claims.Claim, by_number: dict[str, Lesson], sources: dict[str, str]
) -> str:
    """Return one claim that is shown: what it says, and links to cells, slides, exercises."""
    facts = [f"**Found:** {claim.finding}"] if claim.finding else []
    for number in dict.fromkeys(number for number, _ in claim.cells):
        lesson = by_number[number]
        links = [
            f'<a class="to-cell" href="lessons/{lesson.name}.html#cell-{cell}">'
            f"section {lesson.section_of(cell)}, cell <code>{cell}</code></a>"
            for other, cell in claim.cells
            if other == number
        ]
        facts.append(f"Shown in lesson {number}: {'; '.join(links)}")
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
    facts.append(f"From {sources.get(claim.origin, claim.origin)}")
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
        links = site_lessons.deck_links(root, deck.stem, "")
        links = links or ["not made yet; run `make slides`, then `make site`"]
        lines.append(f"- **{title[1] if title else deck.stem}**: {' · '.join(links)}")
    return "\n".join(lines) or "No deck has been written yet."


def _slide_link(root: Path, number: str, claim: str) -> str:
    """Return a link to the slide that shows a claim, or the lesson's number if no deck is made."""
    for deck in (root / "slides").glob(f"{number}_*.md"):
        if (root / "build" / "slides" / f"{deck.stem}.html").exists():
            before = deck.read_text(encoding="utf-8").split(f"<!-- claim: {claim} -->")[0]
            slide = before.count("\n---\n")  # the first one closes the front matter
            return f'<a href="slides/{deck.stem}.html#{slide}">{number} (slide {slide})</a>'
    return number


def library() -> dict[str, str]:
    """Return the modules of workshop_lib that a reader calls, each with its first sentence.

    A package that lists its names in ``__all__`` is one page, without pages for its files.
    """
    folder = Path(__file__).resolve().parents[1]
    found, whole = {}, []
    for file in sorted(folder.rglob("*.py"), key=lambda file: (file.parent, file.name)):
        path = file.parent if file.name == "__init__.py" else file.with_suffix("")
        name = ".".join(path.relative_to(folder).parts)
        hidden = ("", "__main__", "_data", "course")
        if name.split(".")[0] in hidden or path.name.startswith("lesson_"):
            continue
        if any(package in path.parents for package in whole):
            continue
        text = file.read_text(encoding="utf-8")
        if file.name == "__init__.py" and re.search(r"^__all__ =", text, re.MULTILINE):
            whole.append(path)
        docstring = ast.get_docstring(ast.parse(text)) or ""
        found[name] = docstring.split("\n\n")[0].replace("\n", " ").replace("``", "`")
    return dict(sorted(found.items()))


def module_page(name: str) -> str:
    """Return the page of one module, which Sphinx fills from its docstrings."""
    parent, dot, last = f"workshop_lib.{name}".rpartition(".")
    return (
        f"# {name}\n\n`from {parent} import {last}`\n\n"
        f"```{{eval-rst}}\n.. automodule:: workshop_lib.{name}\n   :members:\n```\n"
    )


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
        shutil.rmtree(doctrees, ignore_errors=True)  # else the next run wouldn't warn again
        words = finished.stderr.strip() or finished.stdout.strip()
        raise SiteError(
            f"The site has faults:\n{words}\nMend these places, then run: make site. "
            f"What was built is in {target}"
        )


def mirror(source: Path, target: Path, *patterns: str) -> None:
    """Make a folder of the site hold the files of another folder that match a pattern."""
    matches = (file for pattern in patterns for file in source.glob(pattern))
    files = {file.relative_to(source) for file in matches if file.is_file()}
    present = {file.relative_to(target) for file in target.rglob("*") if file.is_file()}
    for old in present - files:
        (target / old).unlink()
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / file, target / file)
