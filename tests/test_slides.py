"""The decks: notes, minutes, alternative text, figures, claims, and what a browser makes of them."""

import doctest
import re
import shutil
import zlib
from pathlib import Path

import pytest
import yaml
from browser import Browser, find_chromium, make, skip_or_fail

from workshop_lib.course import claims

ROOT = Path(__file__).resolve().parents[1]
DECKS = sorted((ROOT / "slides").glob("[0-9][0-9]_*.md"))
NOTE = re.compile(r"<!-- (\d+(?:\.\d+)?) min\. \S.*?-->\Z", re.DOTALL)
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)[^)]*\)")
SIZE = re.compile(r"^(bg|fit|contain|cover|left|right|center|auto|(w|h|width|height):\S+|left:\S+|right:\S+|\d+%)$")
SMALL = """---
marp: true
theme: course
math: mathjax
paginate: true
---
<!-- _class: title -->
# Words as vectors 🙂

<!-- 2 min. Say hello. -->

---

## A formula

$$\\frac{Q K^\\top}{\\sqrt{d_k}}$$

![A line that falls](figures/99_line.svg)

<!-- claim: V1 -->
<!-- 3 min. Explain. -->
"""
DRAW = """
def draw(folder):
    from workshop_lib import plots
    made, axes = plots.figure()
    axes.plot([1, 2], [2, 1])
    made.savefig(folder / "99_line.svg", metadata={"Date": None})
    return [folder / "99_line.svg"]
"""

every_deck = pytest.mark.parametrize("deck", DECKS, ids=lambda deck: deck.stem)


def need_marp() -> None:
    if not make.MARP.exists():
        skip_or_fail("Marp isn't installed: npm ci --prefix slides")


def slides_of(deck: Path) -> list[str]:
    return make.split(deck.read_text(encoding="utf-8"))


def alternative(words: str) -> str:
    """The alternative text of an image, without Marp's words for its size and place."""
    return " ".join(word for word in words.split() if not SIZE.match(word))


def check_html(file: Path, slides: int, browser: Browser) -> None:
    """Assert of a deck's HTML that it opens cleanly with no network, and that every slide fits."""
    visit = browser.open(file)
    assert visit.errors == [] and visit.failed == [] and visit.outside == [], visit
    assert browser.evaluate("document.querySelectorAll('section').length") == slides
    broken = "[...document.images].filter(one => !one.naturalWidth).map(one => one.src)"
    assert browser.evaluate(broken) == []
    overfull = "[...document.querySelectorAll('section')].filter(one => one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1).map(one => one.id + ': ' + one.innerText.slice(0, 40))"
    assert browser.evaluate(overfull) == [], "these slides hold more than they show"


def pdf_pages(file: Path) -> int:
    """How many pages a PDF has, also where its objects are compressed."""
    data = file.read_bytes()
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
        try:
            data += zlib.decompressobj().decompress(stream)
        except zlib.error:
            continue
    return len(re.findall(rb"/Type\s*/Page\b", data))


# ── Text ──


@every_deck
def test_front_matter(deck):
    front = re.match(r"---\n(.*?)\n---\n", deck.read_text(encoding="utf-8"), re.DOTALL)
    settings = yaml.safe_load(front[1])
    for name, value in {"marp": True, "theme": "course", "math": "mathjax", "paginate": True}.items():
        assert settings.get(name) == value, name


@every_deck
def test_every_slide_ends_with_a_note_that_begins_with_minutes(deck):
    for number, slide in enumerate(slides_of(deck), start=1):
        assert NOTE.search(slide), f"slide {number} has no note such as <!-- 2 min. Say ... --> at its end"


@every_deck
def test_minutes_make_a_session(deck):
    minutes = sum(float(NOTE.search(slide)[1]) for slide in slides_of(deck))
    assert 30 <= minutes <= 90


@every_deck
def test_images_have_alternative_text(deck):
    text = deck.read_text(encoding="utf-8")
    for words, target in IMAGE.findall(text):
        assert len(alternative(words)) >= 10, f"{target}: what does it show?"
        assert not re.match(r"https?:", target), f"{target} needs the network"
    assert "<img" not in text


@every_deck
def test_claims(deck):
    known = {claim.id: claim for claim in claims.read(ROOT)}
    text = deck.read_text(encoding="utf-8")
    named = re.findall(r"<!-- claim: (\w+) -->", text)
    assert set(named) <= set(known)
    assert len(named) == len(re.findall(r"claim:", text)), "write <!-- claim: V1 -->, one for each"
    shown = set(named).union(*(re.findall(r"<!-- claim: (\w+) -->", other.read_text(encoding="utf-8")) for other in DECKS))
    missing = [one.id for one in known.values() if one.lessons[0] == deck.name[:2] and one.id not in shown]
    assert missing == [], "no slide shows these claims of the lesson"


# ── Figures and pages ──


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A function that draws a deck's figures and makes its HTML, once.

    The figures lie in build/slides, where a later run finds those that are still good.
    """
    folder, done = tmp_path_factory.mktemp("slides"), {}

    def once(deck: Path, html: bool = True) -> tuple[Path, list[Path]]:
        if deck not in done:
            kept = make.draw(deck, make.TARGET / "figures")
            (folder / "figures").mkdir(exist_ok=True)
            done[deck] = [Path(shutil.copy(figure, folder / "figures")) for figure in kept]
            (folder / deck.name).write_text(make.for_marp(deck.read_text(encoding="utf-8")), encoding="utf-8")
        file = folder / f"{deck.stem}.html"
        if html and not file.exists():
            need_marp()
            make.marp(folder / deck.name, file)
        return file, done[deck]

    return once


@pytest.fixture(scope="module")
def browser():
    with Browser() as one:
        yield one


@every_deck
def test_figures_are_drawn_and_used(deck, made):
    file, figures = made(deck, html=False)
    named = {target for _, target in IMAGE.findall(deck.read_text(encoding="utf-8"))}
    drawn = {figure.relative_to(file.parent).as_posix() for figure in figures}
    assert all(figure.stat().st_size > 0 for figure in figures)
    assert drawn == {target for target in named if target.startswith("figures/")}
    for target in named - drawn:
        assert (deck.parent / target).exists(), target


@every_deck
def test_pages_open_with_no_network_and_every_slide_fits(deck, made, browser):
    file, _ = made(deck)
    check_html(file, len(slides_of(deck)), browser)


@pytest.mark.slow
@every_deck
def test_pdf_of_every_deck(deck, made):
    need_marp()
    if find_chromium() is None:
        skip_or_fail("Chromium isn't here")
    html, _ = made(deck)
    pdf = html.with_suffix(".pdf")
    make.marp(html.with_suffix(".md"), pdf)
    assert pdf_pages(pdf) == len(slides_of(deck))


# ── The script ──


@pytest.fixture
def small(tmp_path) -> Path:
    """A deck of two slides with a figure of its own."""
    (tmp_path / "slides" / "figures").mkdir(parents=True)
    (tmp_path / "slides" / "figures" / "deck_99.py").write_text(DRAW)
    deck = tmp_path / "slides" / "99_small.md"
    deck.write_text(SMALL)
    return deck


def test_a_small_deck_becomes_html_and_pdf(small, tmp_path, browser):
    need_marp()
    html, pdf = make.make(small, tmp_path / "out")
    check_html(html, 2, browser)
    assert pdf_pages(pdf) == 2
    text = html.read_text(encoding="utf-8")
    assert "Say hello." in text  # the presenter's notes
    assert "claim: V1" not in text
    assert make.make(small, tmp_path / "out") == []  # unchanged
    drawn = (tmp_path / "out" / "figures" / "99_line.svg").stat().st_mtime_ns
    make.draw(small, tmp_path / "out" / "figures")
    assert (tmp_path / "out" / "figures" / "99_line.svg").stat().st_mtime_ns == drawn
    script = small.parent / "figures" / "deck_99.py"
    script.write_text(DRAW.replace("[2, 1]", "[1, 2]"))
    assert make.make(small, tmp_path / "out") == [html, pdf]  # another figure
    small.write_text(SMALL.replace("falls", "drops"))
    assert make.make(small, tmp_path / "out") == [html, pdf]


def test_a_slide_that_holds_too_much_is_found(small, tmp_path, browser):
    need_marp()
    small.write_text(SMALL.replace("## A formula", "## A formula\n" + "\nOne more line.\n" * 20))
    make.draw(small, tmp_path / "out" / "figures")
    (tmp_path / "out" / "99_small.md").write_text(make.for_marp(small.read_text()))
    make.marp(tmp_path / "out" / "99_small.md", tmp_path / "out" / "99_small.html")
    with pytest.raises(AssertionError, match="more than they show"):
        check_html(tmp_path / "out" / "99_small.html", 2, browser)


def test_without_chromium_there_is_html_and_no_pdf(small, tmp_path, monkeypatch):
    need_marp()
    monkeypatch.setattr(make, "find_chromium", lambda: None)
    assert [file.suffix for file in make.make(small, tmp_path / "out")] == [".html"]


def test_without_marp_the_message_says_what_to_do(small, tmp_path, monkeypatch):
    monkeypatch.setattr(make, "MARP", tmp_path / "nothing")
    monkeypatch.setattr(make.shutil, "which", lambda name: "/usr/bin/npm")
    with pytest.raises(make.SlidesError, match="npm ci --prefix slides"):
        make.make(small, tmp_path / "out")
    monkeypatch.setattr(make.shutil, "which", lambda name: None)
    with pytest.raises(make.SlidesError, match="Install Node.js"):
        make.make(small, tmp_path / "out")


def test_an_unknown_deck_is_an_error():
    with pytest.raises(make.UnknownNameError, match="no deck '77'"):
        make.find(["77"])


def test_examples_in_the_script():
    assert doctest.testmod(make).failed == 0


def test_splitting_leaves_code_whole():
    assert make.split("---\nmarp: true\n---\na\n\n---\n\n```\nb\n---\nc\n```\n") == ["a", "```\nb\n---\nc\n```"]


def test_the_lock_file_names_no_registry():
    assert "resolved" not in (ROOT / "slides" / "package-lock.json").read_text(encoding="utf-8")
