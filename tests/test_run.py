"""The runner, on tiny notebooks made here."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from workshop_lib.course import run
from workshop_lib.course.claims import ClaimError
from workshop_lib.errors import WorkshopError


@pytest.fixture
def clone(tmp_path):
    """A tiny clone; returns a function that adds a notebook with these cells."""
    for folder in ("notebooks/source", "notebooks/solutions", "workshop_lib", "data"):
        (tmp_path / folder).mkdir(parents=True)

    def add(name, *sources, tags=()):
        cells = [new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
        nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks/solutions" / f"{name}.ipynb")
        return tmp_path

    run.library_digest.cache_clear()
    return add


def silent(line):
    pass


def test_a_run_reports_status_time_memory_and_claims(clone):
    root = clone("01_a", "kept = bytearray(60_000_000)\nimport time\ntime.sleep(0.5)\nassert kept is not None", tags=["claim-V1"])
    (result,) = run.run(root, show=silent)
    assert (result.lesson, result.status, result.claims) == ("01", "ok", ["V1"])
    assert result.seconds > 0.5 and result.peak_mb > 60
    assert "V1" in run.table([result])
    executed = nbformat.read(root / "build/executed/solution/01_a.ipynb", as_version=4)
    assert executed.cells[0].execution_count == 1


def test_a_tag_without_assertion_stops_before_anything_runs(clone, tmp_path):
    mark = tmp_path / "ran"
    with pytest.raises(ClaimError, match="asserts nothing"):
        run.run(clone("01_a", f"open({str(mark)!r}, 'w')", tags=["claim-V1"]), show=silent)
    assert not mark.exists()


def test_a_failing_notebook_does_not_stop_the_others(clone):
    clone("01_a", "print(1 / 0)")
    root = clone("02_b", "print(1)")
    lines = []
    first, second = run.run(root, jobs=2, show=lines.append)
    assert (first.status, second.status) == ("failed", "ok")
    assert "ZeroDivisionError" in first.error and first.claims == []
    assert any("ZeroDivisionError" in line for line in lines)


def test_a_dead_kernel_is_a_failure_not_a_crash(clone):
    (result,) = run.run(clone("01_a", "import os; os._exit(1)"), show=silent)
    assert result.status == "failed"
    assert "Kernel" in result.error


def test_a_solution_that_fails_its_check_fails_the_run(clone):
    code = "from workshop_lib.checks import lesson_00 as check\ncheck.exercise_0a(1)"
    (result,) = run.run(clone("00_a", code), show=silent)
    assert result.status == "failed"
    assert "don't pass their checks: ['0a']" in result.error


def test_a_notebook_runs_in_an_empty_folder_with_the_profile(clone):
    code = "import os\nassert os.listdir() == []\nassert os.environ['WORKSHOP_PROFILE'] == 'full'"
    (result,) = run.run(clone("01_a", code), profile="full", show=silent)
    assert result.ok, result.error


def test_reuse_takes_what_passed_and_is_unchanged(clone):
    root = clone("01_a", "print(1)")
    assert [one.status for one in run.run(root, reuse=True, show=silent)] == ["ok"]
    assert [one.status for one in run.run(root, reuse=True, show=silent)] == ["reused"]
    assert [one.status for one in run.run(root, profile="full", reuse=True, show=silent)] == ["ok"]
    clone("01_a", "print(2)")
    assert [one.status for one in run.run(root, reuse=True, show=silent)] == ["ok"]
    (root / "data" / "new.csv").write_text("a")
    run.library_digest.cache_clear()
    assert [one.status for one in run.run(root, reuse=True, show=silent)] == ["ok"]


def test_a_failure_is_never_reused(clone):
    root = clone("01_a", "raise ValueError")
    assert run.run(root, reuse=True, show=silent)[0].status == "failed"
    assert run.run(root, reuse=True, show=silent)[0].status == "failed"


def test_report_file(clone, tmp_path):
    results = run.run(clone("01_a", "print(1)"), show=silent)
    run.write_report(results, tmp_path / "deep" / "report.json")
    (entry,) = json.loads((tmp_path / "deep" / "report.json").read_text())
    assert {"status", "seconds", "peak_mb", "claims"} <= set(entry)


def test_no_notebooks(tmp_path):
    with pytest.raises(WorkshopError, match="make notebooks"):
        run.run(tmp_path, show=silent)
