"""The site: every page opens without an error or a network, and every claim leads to its cell."""

import shutil
import subprocess
import sys
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from browser import Browser
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workshop_lib.course import site, site_lessons
from workshop_lib.errors import MissingFileError

PROJECT = '[project]\nname = "x"\nurls = {Repository = "https://github.com/someone/course"}\n'
CLAIMS = """claims:
  - {id: V1, lessons: ["01"], origin: D7, practised: ["1a"], claim: "Words are vectors."}
  - {id: T1, lessons: ["02"], origin: TR, practised: [], claim: "Tokens are numbers."}
  - {id: N9, lessons: ["08"], origin: TR, practised: [], claim: "Models make things up."}
"""
DECK = "---\nmarp: true\n---\n# One\n\n---\n\n# Two\n<!-- claim: V1 -->\n"
SCRIPT = "<div id='view'></div><script>document.getElementById('view').textContent = 'drawn'</script>"


def picture() -> str:
    """A small PNG, as a notebook stores it."""
    import io

    from workshop_lib import plots

    made, axes = plots.figure(2, 1)
    axes.plot([1, 2], [2, 1])
    file = io.BytesIO()
    made.savefig(file, format="png")
    return b64encode(file.getvalue()).decode()


def lesson(number: str, claim: str, other: str) -> list:
    """The cells of a tiny lesson with all that a page must carry."""
    widget = {site_lessons.WIDGET: {"model_id": "7"}, "text/plain": "100 %"}
    return [
        new_markdown_cell(f"# {number} · Lesson {number}\n\n[Open in Colab](https://colab.research.google.com/x)", id="a"),
        new_markdown_cell("## Question\n\nWhy do *zebras* vote?\n\nMore words.", id="b"),
        new_markdown_cell("## Time and cost\n\nPlanned: 9 minutes.\n\nCost: 2 seconds.", id="c"),
        new_markdown_cell(r"## 1 · Idea" + "\n\n" + r"Here $\frac{q \cdot k}{\sqrt{d_k}}$ and" + "\n\n$$\n" + r"\mathrm{softmax}(x)_i = \frac{e^{x_i}}{e^{x_1} + \dots}" + f"\n$$\n\nSee [the other]({other}.ipynb) and [the sheet](../data/words/DATASHEET.md).", id="d"),
        new_code_cell("assert 1 < len('ab')", id="e5", metadata={"tags": [f"claim-{claim}"]}),
        new_code_cell("figure", id="f6", execution_count=1, outputs=[
            new_output("display_data", {"image/png": picture(), "text/plain": "<Figure>"}),
            new_output("display_data", {"text/html": SCRIPT, "text/plain": "view"}),
            new_output("display_data", widget),
        ]),
        new_markdown_cell("The line *falls*: see `x`.", id="g"),
        new_markdown_cell(f"### Exercise {int(number)}a · Try it", id="h"),
        new_code_cell("answer = 42", id="i9"),
        new_markdown_cell("## Quiz\n\n<details><summary>Answer</summary>\n\nBecause **so**.\n\n</details>", id="j"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A tiny clone with two executed lessons, a data set, a deck and one planned claim."""
    root = tmp_path_factory.mktemp("clone")
    for folder in ("notebooks/solutions", "build/executed/solution", "build/slides", "slides", "data/words"):
        (root / folder).mkdir(parents=True)
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "notebooks" / "claims.yaml").write_text(CLAIMS)
    (root / "slides" / "01_one.md").write_text(DECK)
    (root / "build" / "slides" / "01_one.html").write_text("<title>Deck</title><h1>Deck</h1>")
    (root / "data" / "words" / "DATASHEET.md").write_text("# Words\n\nWritten for the course.\n")
    for number, name, claim, other in [("01", "01_one", "V1", "02_two"), ("02", "02_two", "T1", "01_one")]:
        cells = lesson(number, claim, other)
        executed = new_notebook(cells=cells)
        nbformat.write(executed, root / "build/executed/solution" / f"{name}.ipynb")
        bare = [nbformat.from_dict(cell) for cell in cells]
        for cell in bare:
            if cell.cell_type == "code":
                cell.update(outputs=[], execution_count=None)
        nbformat.write(new_notebook(cells=bare), root / "notebooks/solutions" / f"{name}.ipynb")
        for cell in bare:
            cell.source = cell.source.replace("42", "...")
        nbformat.write(new_notebook(cells=bare), root / "notebooks" / f"{name}.ipynb")
    return root


@pytest.fixture(scope="module")
def built(clone) -> Path:
    """The clone's site."""
    return site.build(clone, show=lambda line: None)


@pytest.fixture(scope="module")
def browser():
    with Browser() as one:
        yield one


class Anchors(HTMLParser):
    """Collects a page's ids and links."""

    def __init__(self, text: str):
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if tag == "a" and found.get("href") else []


def check_site(folder: Path, browser: Browser, word: str) -> None:
    """Assert of a built site that every page opens cleanly and every inner link arrives.

    Args:
        folder: such as build/site.
        browser: an open browser.
        word: one that the search must find in a lesson.
    """
    pages = sorted(folder.rglob("*.html"))
    anchors = {page.resolve(): Anchors(page.read_text(encoding="utf-8")) for page in pages}
    for page in pages:
        visit = browser.open(page)
        assert visit.errors == [] and visit.failed == [] and visit.outside == [], visit
        broken = "[...document.images].filter(one => !one.naturalWidth).map(one => one.src)"
        assert browser.evaluate(broken) == [], page
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), page
        for link in anchors[page.resolve()].links:
            assert arrives(page, link, anchors), f"{page}: the link {link} leads nowhere"
    visit = browser.open(f"{(folder / 'search.html').resolve().as_uri()}?q={word}")
    browser.wait_for("document.querySelector('#search-results .search-summary')?.textContent.match(/found/) != null")
    assert browser.evaluate("document.querySelectorAll('#search-results li a[href*=\"lessons/\"]').length") > 0
    assert visit.errors == [] and visit.failed == [] and visit.outside == [], visit


def arrives(page: Path, link: str, anchors: dict[Path, Anchors]) -> bool:
    """Return True if a link leads to a file or an anchor that exists, or to another machine."""
    parts = urlsplit(link)
    if parts.scheme in ("http", "https", "mailto", "data"):
        return True
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
    if not target.is_file():
        return False
    fragment = unquote(parts.fragment)
    is_slide = fragment.isdigit()
    return not fragment or is_slide or target not in anchors or fragment in anchors[target].ids


# ── In a browser ──


def test_every_page_of_a_small_site(built, browser):
    check_site(built, browser, "zebras")


def test_every_page_of_the_real_site(executed_solutions, root, browser):
    folder = site.build(root, show=lambda line: None)
    check_site(folder, browser, "question")
    browser.open(folder / "claims.html")
    shown = sum(len(claim.cells) for claim in site.claims.collect(root))
    assert browser.evaluate("document.querySelectorAll('a.to-cell').length") == shown
    for page in (folder / "lessons").glob("*.html"):
        browser.open(page)
        unplanned = "document.querySelectorAll('.cell:not(.tag_raises-exception) .traceback').length"
        assert browser.evaluate(unplanned) == 0, f"{page.name} shows an error that isn't planned"


def test_formulas_are_drawn_without_a_script(built, browser):
    browser.open(built / "lessons" / "01_one.html")
    assert browser.evaluate("[...document.querySelectorAll('math')].map(one => one.offsetWidth > 20 || one.getBoundingClientRect().width > 20)") == [True, True]
    assert browser.evaluate("document.querySelectorAll('mfrac').length") == 2


def test_interactive_outputs_run_and_widgets_fall_back_to_text(built, browser):
    browser.open(built / "lessons" / "01_one.html")
    assert browser.evaluate("document.getElementById('view').textContent") == "drawn"
    assert "100 %" in browser.evaluate("document.querySelector('#cell-f6').textContent")


def test_solutions_and_answers_are_folded_away(built, browser):
    browser.open(built / "lessons" / "01_one.html")
    hidden = "[...document.querySelectorAll('details')].map(one => [one.open, one.textContent.includes('42'), one.textContent.includes('Because')])"
    assert browser.evaluate(hidden) == [[False, True, False], [False, False, True]]


def test_a_claims_link_jumps_to_its_cell(built, browser):
    browser.open(built / "claims.html")
    assert browser.evaluate("[...document.querySelectorAll('a.to-cell')].map(one => one.getAttribute('href'))") == [
        "lessons/01_one.html#cell-e5", "lessons/02_two.html#cell-e5",
    ]  # fmt: skip
    browser.open(f"{(built / 'lessons' / '01_one.html').resolve().as_uri()}#cell-e5")
    assert "claim V1" in browser.evaluate("document.querySelector(':target').textContent")


def test_search_shows_excerpts_where_a_server_serves_it(built, browser):
    import functools
    import http.server
    import threading

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(built))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        visit = browser.open(f"http://127.0.0.1:{server.server_port}/search.html?q=zebras")
        browser.wait_for("document.querySelector('#search-results p.context') != null")
        server.shutdown()
    assert visit.errors == [] and visit.failed == [] and visit.outside == [], visit


# ── Without one ──


def test_claims_page(built):
    text = (built / "claims.html").read_text(encoding="utf-8")
    assert "2 of 3 claims are shown" in text
    assert "section 1, cell <code>e5</code>" in text
    assert 'href="slides/01_one.html#2"' in text  # the second slide
    assert 'href="lessons/01_one.html#exercise-1a"' in text
    assert "Models make things up." in text.split('id="planned"')[1]


def test_figures_have_the_words_below_them_as_alternative_text(built):
    assert 'alt="The line falls: see x."' in (built / "lessons" / "01_one.html").read_text(encoding="utf-8")


def test_the_index_leads_to_lessons_notebooks_slides_and_claims(built):
    links = Anchors((built / "index.html").read_text(encoding="utf-8")).links
    assert {"lessons/01_one.html", "notebooks/01_one.ipynb", "slides/01_one.html", "claims.html"} <= set(links)
    assert "..." in (built / "notebooks" / "01_one.ipynb").read_text(encoding="utf-8")


def test_the_library_is_described_from_its_docstrings(built):
    text = (built / "api" / "data.html").read_text(encoding="utf-8")
    assert "Return a data set as a table." in text
    assert "Raises" in text


def test_a_second_build_writes_nothing_anew(clone, built):
    page = built / "lessons" / "01_one.html"
    before = page.stat().st_mtime_ns
    site.build(clone, show=lambda line: None)
    assert page.stat().st_mtime_ns == before


@pytest.mark.parametrize("fault", ["[gone](nowhere.md)", r"$\nosuchcommand{x}$"])
def test_a_fault_is_an_error_that_names_it(tmp_path, fault):
    source = tmp_path / "site_source"
    shutil.copytree(site.TEMPLATES, source)
    for page in source.glob("*.md"):
        page.unlink()
    (source / "index.md").write_text(f"# Title\n\n{fault}\n")
    for _ in range(2):  # a second run says so again
        with pytest.raises(site.SiteError, match="nowhere.md|nosuchcommand") as raised:
            site.sphinx(source, tmp_path / "site")
    assert "index.md" in str(raised.value) and "make site" in str(raised.value)


def test_lessons_must_have_been_executed(tmp_path, clone):
    (tmp_path / "notebooks" / "solutions").mkdir(parents=True)
    with pytest.raises(MissingFileError, match="make course"):
        site_lessons.read(tmp_path)
    (tmp_path / "notebooks" / "solutions" / "01_one.ipynb").write_bytes(
        (clone / "notebooks" / "solutions" / "01_one.ipynb").read_bytes()
    )
    with pytest.raises(MissingFileError, match="01_one hasn't been executed. Run: make course"):
        site_lessons.read(tmp_path)


def test_lessons_that_changed_since_they_were_executed(tmp_path, clone):
    for folder in ("notebooks/solutions", "build/executed/solution"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "01_one.ipynb").write_bytes((clone / folder / "01_one.ipynb").read_bytes())
    assert [one.name for one in site_lessons.read(tmp_path)] == ["01_one"]
    path = tmp_path / "notebooks" / "solutions" / "01_one.ipynb"
    path.write_text(path.read_text().replace("zebras", "horses"))
    with pytest.raises(MissingFileError, match="has changed since"):
        site_lessons.read(tmp_path)


def test_links_between_files_become_links_between_pages(clone):
    where = {"notebooks/02_two.ipynb": "lessons/02_two.ipynb", "data/words/DATASHEET.md": "data/words.md"}
    links = site_lessons.Links(clone, "https://github.com/someone/course", where, "notebooks", "lessons")
    assert links.adapt("[a](02_two.ipynb#quiz)") == "[a](02_two.ipynb#quiz)"
    assert links.adapt("[a](../data/words/DATASHEET.md)") == "[a](../data/words.md)"
    assert links.adapt("[a](claims.yaml)") == "[a](https://github.com/someone/course/blob/main/notebooks/claims.yaml)"
    assert links.adapt("[a](https://x.org) [b](#quiz)") == "[a](https://x.org) [b](#quiz)"


def test_the_command_says_what_to_do_when_nothing_was_executed(tmp_path):
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    finished = subprocess.run([sys.executable, "-m", "workshop_lib", "site"], cwd=tmp_path, capture_output=True, text=True)
    assert finished.returncode == 1
    assert "make course" in finished.stderr
