"""Make the decks: each slides/NN_topic.md becomes HTML and PDF in build/slides/.

Figures come first: slides/figures/deck_NN.py draws them from workshop_lib, so that a slide and
its lesson show the same thing. Then Marp makes the HTML, and with Chromium the PDF. A deck that
hasn't changed isn't made again.

    python slides/make.py          all decks
    python slides/make.py 01 02    these only
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from workshop_lib.errors import UnknownNameError, WorkshopError, closest

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "build" / "slides"
MARP = HERE / "node_modules" / ".bin" / "marp"
CLAIM = re.compile(r"^<!-- claim: \w+ -->\n?", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


class SlidesError(WorkshopError):
    """A deck can't be made."""


def main(numbers: list[str]) -> int:
    """Make the decks with these numbers, or all; return 0, or 1 if one can't be made."""
    os.environ.setdefault("WORKSHOP_PROFILE", "mini")  # the slides show what every laptop shows
    os.environ.setdefault("SOURCE_DATE_EPOCH", "0")  # no date in a figure
    try:
        for deck in find(numbers):
            start = time.perf_counter()
            made = make(deck, TARGET)
            names = ", ".join(file.name for file in made) or "unchanged"
            print(f"  {deck.stem}: {names}, {time.perf_counter() - start:.0f} s", flush=True)
    except WorkshopError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    if find_chromium() is None:
        print("  No PDF: Chromium isn't here. Install Chromium or Chrome, or set CHROME_PATH.")
    print(f"The slides: {TARGET}")
    return 0


def find(numbers: list[str]) -> list[Path]:
    """Return the paths of the decks with these numbers; none given, of all.

    Raises:
        UnknownNameError: no deck has such a number.
    """
    decks = {path.name[:2]: path for path in sorted(HERE.glob("[0-9][0-9]_*.md"))}
    for number in numbers:
        if number not in decks:
            raise UnknownNameError(f"There is no deck '{number}'. {closest(number, list(decks))}")
    return [path for number, path in decks.items() if not numbers or number in numbers]


def make(deck: Path, target: Path) -> list[Path]:
    """Draw a deck's figures and make its HTML and PDF; return the files made, none if unchanged.

    Args:
        deck: the Markdown file.
        target: the folder for the results.

    Raises:
        SlidesError: Marp isn't installed, or it failed.
    """
    target.mkdir(parents=True, exist_ok=True)
    draw(deck, target / "figures")
    copy = target / deck.name
    copy.write_text(for_marp(deck.read_text(encoding="utf-8")), encoding="utf-8")
    html, pdf = copy.with_suffix(".html"), copy.with_suffix(".pdf")
    wanted = [html, pdf] if find_chromium() else [html]
    mark, mark_file = fingerprint(copy), target / f".{deck.stem}"
    if all(file.exists() for file in wanted) and _text(mark_file) == mark:
        return []
    for file in wanted:
        marp(copy, file)
    mark_file.write_text(mark, encoding="utf-8")
    return wanted


def draw(deck: Path, folder: Path) -> list[Path]:
    """Draw a deck's figures with the function ``draw`` of figures/deck_NN.py, if there is one.

    Figures are kept while the script, the library and the data stay the same.
    """
    script = deck.parent / "figures" / f"deck_{deck.name[:2]}.py"
    if not script.exists():
        return []
    folder.mkdir(parents=True, exist_ok=True)
    mark, mark_file = ingredients(script), folder / f".{script.stem}"
    kept, *names = _text(mark_file).splitlines() or [""]
    if kept == mark and all((folder / name).exists() for name in names):
        return [folder / name for name in names]
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams["svg.hashsalt"] = "course"  # the same drawing gives the same file
    description = importlib.util.spec_from_file_location(script.stem, script)
    module = importlib.util.module_from_spec(description)
    description.loader.exec_module(module)
    drawn = module.draw(folder)
    mark_file.write_text("\n".join([mark, *(file.name for file in drawn)]), encoding="utf-8")
    return drawn


def ingredients(script: Path) -> str:
    """Return a digest of what figures are drawn from: their script, the library, the data."""
    root = HERE.parent
    library = root / "workshop_lib"
    tools = {library / "course", library / "checks"}  # which no figure uses
    modules = [file for file in sorted(library.rglob("*.py")) if not tools & {*file.parents}]
    files = [script, *modules]
    files += sorted(file for file in (root / "data").rglob("*") if file.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def for_marp(text: str) -> str:
    """Return a deck without its claim marks, which Marp would take for speaker notes.

    >>> for_marp("# One\\n<!-- claim: V1 -->\\n<!-- 2 min. Say it. -->\\n")
    '# One\\n<!-- 2 min. Say it. -->\\n'
    """
    return CLAIM.sub("", text)


def split(text: str) -> list[str]:
    """Return the slides of a deck, without the front matter; a ``---`` in code divides nothing.

    >>> split("---\\nmarp: true\\n---\\n# One\\n\\n---\\n\\n# Two\\n")
    ['# One', '# Two']
    """
    body = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    fences = FENCE.findall(body)
    numbered = iter(range(len(fences)))
    body = FENCE.sub(lambda _: f"\0{next(numbered)}\0", body)
    slides = re.split(r"^---[ \t]*$", body, flags=re.MULTILINE)
    whole = [re.sub(r"\0(\d+)\0", lambda one: fences[int(one[1])], slide) for slide in slides]
    return [slide.strip() for slide in whole]


def marp(deck: Path, target: Path) -> None:
    """Turn a deck into HTML or PDF, by the name of the target.

    Raises:
        SlidesError: Node.js or Marp isn't installed, or Marp failed.
    """
    if not MARP.exists():
        steps = "Run: npm ci --prefix slides" if shutil.which("npm") else (
            "Install Node.js 18 or newer (nodejs.org), then run: make slides"
        )  # fmt: skip
        raise SlidesError(f"Marp, which makes the slides, isn't in {MARP.parent}. {steps}")
    environment = {**os.environ, "CHROME_PATH": find_chromium() or "", "CHROME_NO_SANDBOX": "1"}
    command = [str(MARP), str(deck), "--output", str(target), "--no-stdin", "--allow-local-files"]
    command += ["--pdf-notes", "--pdf-outlines"] if target.suffix == ".pdf" else []
    # In this folder Marp finds its settings: the field "marp" of package.json.
    finished = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True)
    if finished.returncode or not target.exists():
        raise SlidesError(f"Marp couldn't make {target.name}:\n{finished.stderr.strip()}")


def find_chromium() -> str | None:
    """Return the path of a Chromium or Chrome, or None."""
    mac = ("Google Chrome", "Chromium")
    apps = [Path(f"/Applications/{name}.app/Contents/MacOS/{name}") for name in mac]
    found = [os.environ.get("CHROME_PATH"), *map(shutil.which, NAMES)]
    return next(filter(None, [*found, *(str(app) for app in apps if app.exists())]), None)


def fingerprint(copy: Path) -> str:
    """Return a digest of what HTML and PDF are made from: text, theme, settings, figures."""
    text = copy.read_text(encoding="utf-8")
    digest = hashlib.sha256(text.encode())
    figures = sorted({copy.parent / name for name in re.findall(r"\]\((figures/[^)\s]+)", text)})
    for file in [HERE / "theme.css", HERE / "package-lock.json", HERE / "package.json", *figures]:
        digest.update(file.read_bytes() if file.exists() else b"missing")
    return digest.hexdigest()


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
