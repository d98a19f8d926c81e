"""The tool that makes the editions, on tiny lessons written here."""

import pytest

from workshop_lib.course import editions
from workshop_lib.errors import WorkshopError

GOOD = '''\
# %% [markdown]
# # A lesson
#
# ### Exercise 9a · Add
#
# Add one and one.

# %%
### STUB 9a
total = ...
### SOLUTION 9a
total = first_number + second_number
### END 9a

# %%
check.exercise_9a(total)
'''


@pytest.fixture
def make(tmp_path):
    def make(text, values=None):
        source = tmp_path / "09_tiny.py"
        source.write_text(text)
        return editions.editions(source, values or {})

    return make


def test_learner_keeps_the_stub_and_solution_edition_the_solution(make):
    learner, solution = make(GOOD)
    assert [cell.source for cell in learner.cells][1:] == ["total = ...", "check.exercise_9a(total)"]
    assert solution.cells[1].source == "total = first_number + second_number"
    assert [cell.id for cell in learner.cells] == [cell.id for cell in solution.cells]


def test_cell_ids_are_stable_and_unique(make):
    again = GOOD + "\n# %%\nprint(1)\n\n# %%\nprint(1)\n"
    first, second = make(again)[0], make(again)[0]
    ids = [cell.id for cell in first.cells]
    assert ids == [cell.id for cell in second.cells]
    assert len(set(ids)) == len(ids)


def test_outside_lines_stay_in_both(make):
    text = GOOD.replace("### STUB 9a", "size = 3\n### STUB 9a").replace("### END 9a", "### END 9a\nsize")
    for notebook in make(text):
        assert notebook.cells[1].source.startswith("size = 3\n")
        assert notebook.cells[1].source.endswith("\nsize")


def test_magics_are_uncommented_and_values_filled(make):
    text = GOOD + "\n# %%\nif True:\n    # %pip install {{repository}}\n"
    learner, _ = make(text, {"repository": "here"})
    assert learner.cells[-1].source == "if True:\n    %pip install here"


def test_unknown_value(make):
    with pytest.raises(WorkshopError, match="nowhere.*no value.*Known"):
        make(GOOD + "\n# %%\nprint('{{nowhere}}')\n", {"repository": ""})


@pytest.mark.parametrize("missing", ["### END 9a\n", "### SOLUTION 9a\ntotal = first_number + second_number\n### END 9a\n"])
def test_unclosed_marker(make, missing):
    with pytest.raises(editions.UnclosedMarkerError, match="09_tiny.py, cell 2.*9a isn't closed"):
        make(GOOD.replace(missing, ""))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("total = ...", "### STUB 9b\ntotal = ..."),  # a stub in a stub
        ("### STUB 9a\n", ""),  # a solution without a stub
        ("### END 9a", "### END 9b"),  # another number
        ("### STUB 9a", "### STUB"),  # no number
        ("### END 9a", "### END 9a\n### STUB 9b\n### SOLUTION 9b\n### END 9b"),  # two in a cell
    ],
)
def test_nested_or_stray_marker(make, old, new):
    with pytest.raises(editions.NestedMarkerError, match="cell 2"):
        make(GOOD.replace(old, new))


def test_solution_leak_as_a_line(make):
    with pytest.raises(editions.SolutionLeakError, match="first_number.*solution 9a"):
        make(GOOD + "\n# %%\ntotal = first_number + second_number\n")


def test_solution_leak_inside_text(make):
    with pytest.raises(editions.SolutionLeakError):
        make(GOOD + "\n# %% [markdown]\n# Answer: total = first_number + second_number.\n")


def test_short_solution_leaks_as_a_line_but_not_inside_another(make):
    short = GOOD.replace("first_number + second_number", "2")
    make(short + "\n# %%\nsubtotal = 20\n")
    with pytest.raises(editions.SolutionLeakError):
        make(short + "\n# %%\ntotal = 2\n")


@pytest.mark.parametrize("stub", ["sum_of_both = ...", "total = ... * 2", "total = ...\nprint(total)"])
def test_stub_that_cannot_be_completed(make, stub):
    with pytest.raises(editions.StubMismatchError, match="stub 9a"):
        make(GOOD.replace("total = ...", stub))


@pytest.mark.parametrize(
    ("stub", "solution"),
    [
        ("def f(x):\n    ...\n    return y", "def f(x):\n    if x:\n        y = 1\n    else:\n        y = 2\n    return y"),
        ("f(..., b=...)", "f(a, 2, b=[1, 2])"),
        ("# your turn\nx = ...", "x = 1  # one"),
    ],
)
def test_stub_that_can_be_completed(stub, solution):
    assert editions.completes(stub, solution)


def test_gap_needs_at_least_one_token():
    assert not editions.completes("f(...)", "f()")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("### Exercise 9a", "### Exercise 9b", "no prompt"),
        ("check.exercise_9a(total)", "total", "no check"),
    ],
)
def test_incomplete_exercise(make, old, new, message):
    with pytest.raises(editions.IncompleteExerciseError, match=message):
        make(GOOD.replace(old, new))


def test_exercise_twice(make):
    with pytest.raises(editions.IncompleteExerciseError, match="occurs twice"):
        make(GOOD + GOOD)


@pytest.fixture
def clone(tmp_path):
    """A tiny clone with one good lesson."""
    folder = tmp_path / "notebooks" / "source"
    folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[project.urls]\nRepository = "https://github.com/a/b"\n')
    (tmp_path / "README.md").write_text("Lessons:\n<!-- lessons -->\nold\n<!-- /lessons -->\nEnd.\n")
    (folder / "08_good.py").write_text(
        GOOD.replace("# Add one and one.", "# 5 minutes of teaching, 4 minutes of exercises")
    )
    return tmp_path


def test_readme_table_is_renewed_from_the_measured_costs(clone):
    (clone / "benchmarks").mkdir()
    (clone / "benchmarks/lessons.json").write_text('{"08_good": {"seconds": 12.3, "peak_mb": 1400}}')
    editions.write(clone)
    readme = (clone / "README.md").read_text()
    assert readme.startswith("Lessons:\n<!-- lessons -->\n| lesson |") and readme.endswith("\nEnd.\n")
    assert "| 5 + 4 min | 12 s | 1.4 GB |" in readme
    assert "github/a/b/blob/main/notebooks/08_good.ipynb" in readme
    assert "old" not in readme


def test_readme_without_marks(clone):
    (clone / "README.md").write_text("Lessons")
    with pytest.raises(WorkshopError, match="lacks the marks"):
        editions.write(clone)


def test_an_error_in_one_lesson_writes_nothing(clone):
    folder = clone / "notebooks" / "source"
    assert len(editions.write(clone)) == 3
    assert editions.write(clone) == []
    good = (folder / "08_good.py").read_text()
    (folder / "08_good.py").write_text(good + "\n# %%\nprint(2)\n")
    (folder / "09_bad.py").write_text(good.replace("### END 9a\n", ""))
    with pytest.raises(editions.UnclosedMarkerError):
        editions.write(clone)
    assert "print(2)" not in (clone / "notebooks" / "08_good.ipynb").read_text()


def test_a_notebook_with_somebodys_work_is_kept(clone):
    editions.write(clone)
    notebook = clone / "notebooks" / "08_good.ipynb"
    fresh = notebook.read_text()
    worked = fresh.replace('"execution_count": null', '"execution_count": 1')
    for name in ("my_08_good.ipynb", "my_08_good_2.ipynb"):
        notebook.write_text(worked)
        editions.write(clone)
        assert (notebook.with_name(name)).read_text() == worked
        assert notebook.read_text() == fresh
