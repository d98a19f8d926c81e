"""The list of claims, and the rule that a cell which shows one must assert something."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from workshop_lib.course import claims

LIST = """claims:
  - {id: V1, lessons: ["01"], origin: D7, practised: ["1a"], claim: "One."}
  - {id: T1, lessons: ["02"], origin: TR, practised: [], claim: "Two."}
"""


@pytest.fixture
def clone(tmp_path):
    """A tiny clone with one lesson; returns a function that writes its one tagged cell."""
    (tmp_path / "notebooks" / "solutions").mkdir(parents=True)
    (tmp_path / "notebooks" / "claims.yaml").write_text(LIST)
    (tmp_path / "slides").mkdir()

    def write(source="assert 1 < len('ab')", tag="claim-V1", kind=new_code_cell):
        cell = kind(source, metadata={"tags": [tag]}, id="abc")
        nbformat.write(new_notebook(cells=[cell]), tmp_path / "notebooks/solutions/01_x.ipynb")
        return tmp_path

    return write


def test_a_tagged_cell_shows_its_claim(clone):
    shown, planned = claims.collect(clone())
    assert shown.cells == [("01", "abc")]
    assert planned.cells == []
    assert "01:abc" in claims.table([shown, planned])
    assert "1 of 2" in claims.table([shown, planned])


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("print(1)", new_code_cell),
        ("# assert x", new_code_cell),
        ("assert True", new_code_cell),
        ("assert x", new_markdown_cell),
    ],
)
def test_a_tagged_cell_without_assertion_is_an_error(clone, source, kind):
    with pytest.raises(claims.ClaimError, match="asserts nothing"):
        claims.collect(clone(source, kind=kind))


def test_unknown_claim(clone):
    with pytest.raises(claims.ClaimError, match="V9 names no claim"):
        claims.collect(clone(tag="claim-V9"))


def test_a_lesson_must_show_its_own_claims(clone):
    with pytest.raises(claims.ClaimError, match="Lesson 01 doesn't show its claim V1"):
        claims.collect(clone(tag="other"))


def test_slide_marks(clone):
    root = clone()
    (root / "slides" / "01_x.md").write_text("<!-- claim: V1 -->")
    assert claims.collect(root)[0].slides == ["01"]
    (root / "slides" / "01_x.md").write_text("<!-- claim: Z1 -->")
    with pytest.raises(claims.ClaimError, match="Z1"):
        claims.collect(root)


def test_claim_twice(clone):
    root = clone()
    (root / "notebooks" / "claims.yaml").write_text(LIST + LIST.removeprefix("claims:\n"))
    with pytest.raises(claims.ClaimError, match="V1 occurs twice"):
        claims.read(root)


def test_magics_do_not_hide_an_assertion():
    assert claims.asserts("%pip install x\nassert y > 1")


def test_every_claim_of_a_written_lesson_is_shown_practised_and_on_a_slide(root):
    written = {path.name[:2] for path in (root / "notebooks" / "source").glob("*.py")}
    decks = {path.name[:2] for path in (root / "slides").glob("[0-9][0-9]_*.md")}
    checks = "".join(file.read_text() for file in (root / "workshop_lib/checks").glob("lesson_*.py"))
    exercises = set(re.findall(r'@exercise\("(\w+)"\)', checks))
    for claim in claims.collect(root):
        for lesson in set(claim.lessons) & written:
            assert any(number.lstrip("0").startswith(lesson.lstrip("0")) for number in claim.practised), claim
            assert set(claim.practised) <= exercises, claim
        for lesson in set(claim.lessons) & decks:
            assert lesson in claim.slides, f"{claim.id} is on no slide of deck {lesson}"


def test_the_list_has_every_claim_once(root):
    found = claims.read(root)
    counts = {letter: sum(claim.id[0] == letter for claim in found) for letter in "VTBHMLAPNG"}
    assert counts == dict(V=8, T=10, B=9, H=1, M=2, L=7, A=3, P=2, N=14, G=10)
