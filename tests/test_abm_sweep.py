"""Sweeps: the same rows by any way of running them, checks before anything runs, intervals."""

import importlib
import os
import pickle
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workshop_lib
from workshop_lib import errors
from workshop_lib.abm import fast
from workshop_lib.abm.measures import measures
from workshop_lib.abm.rules import classroom, textbook

module = importlib.import_module("workshop_lib.abm.sweep")
sweep, phase, run_one = module.sweep, module.phase, module.run_one
SMALL = {"width": 9, "height": 8, "progress": False}
GRID = {"thresholds": [1, 3], "densities": [0.6, 0.9], "seeds": [4, 5]}


@pytest.fixture(scope="module")
def one_by_one():
    return sweep(**GRID, **SMALL, jobs=1)


def test_one_row_a_run_in_order(one_by_one):
    columns = ["threshold", "density", "seed", "steps", "moves", "stopped"]
    assert list(one_by_one.columns) == columns + list(measures([[0]], classroom()))
    order = [[t, d, s] for t in (1, 3) for d in (0.6, 0.9) for s in (4, 5)]
    assert one_by_one[["threshold", "density", "seed"]].to_numpy().tolist() == order


def test_a_row_is_what_one_run_gives(one_by_one):
    row = one_by_one.iloc[6]
    found = fast.run(9, 8, 0.9, classroom(3), seed=4, max_steps=300)
    expected = {"steps": found.steps, "moves": found.moves, "stopped": found.stopped}
    expected |= measures(found.board, classroom(3))
    assert row[list(expected)].to_dict() == expected


def test_on_several_cores_the_rows_are_the_same(one_by_one):
    assert sweep(**GRID, **SMALL, jobs=3).equals(one_by_one)


def test_without_numba_processes_give_the_same_rows(one_by_one, monkeypatch):
    asked = []

    def one_process(function, tasks, jobs, real=module.in_processes):
        asked.append(jobs)
        return real(function, tasks, 1)  # a second would only cost time here

    monkeypatch.setattr(fast, "numba_there", lambda: False)
    monkeypatch.setattr(module, "in_processes", one_process)
    assert sweep(**GRID, **SMALL, jobs=2).equals(one_by_one)
    assert asked == [2]


def test_by_mesa_the_rows_are_the_same(one_by_one):
    assert sweep(**GRID, **SMALL, engine="mesa", jobs=1).equals(one_by_one)


def test_by_mesa_in_processes_the_rows_are_the_same(one_by_one):
    assert sweep(**GRID, **SMALL, engine="mesa", jobs=2).equals(one_by_one)


@pytest.mark.parametrize("engine", ["fast", "mesa"])
def test_any_map_will_do(one_by_one, engine):
    handed = []

    def far_away(function, tasks):
        handed.extend(tasks)
        function, tasks = pickle.loads(pickle.dumps((function, tasks)))
        with ThreadPoolExecutor(2) as pool:
            yield from pool.map(function, tasks)

    assert sweep(**GRID, **SMALL, engine=engine, map=far_away).equals(one_by_one)
    assert len(handed) == 8
    assert {task.engine for task in handed} == {engine}


def test_shares_are_swept_under_the_share_rule():
    found = sweep([0.2, 0.9], rules=textbook(), seeds=range(3), max_steps=5, **SMALL)
    assert found["threshold"].tolist() == [0.2] * 3 + [0.9] * 3
    assert set(found[found["threshold"] == 0.9]["stopped"]) == {"step limit"}
    assert found["steps"].max() == 5


def test_arrays_and_ranges_are_lists_too():
    found = sweep(np.arange(2), np.linspace(0.5, 1, 2), np.arange(2), **SMALL)
    assert len(found) == 8
    full = found[found["density"] == 1]
    assert (full["moves"] == 0).all()


def test_the_bar_is_shown_only_if_wanted(capsys):
    sweep([2], seeds=[1], width=6, height=6, jobs=1)
    assert "runs" in capsys.readouterr().err
    sweep([2], seeds=[1], width=6, height=6, jobs=1, progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"thresholds": [2, 9]}, errors.BadInputError, "happy_count is 9"),
        ({"thresholds": [0.5]}, errors.BadInputError, "happy_count is 0.5"),
        ({"thresholds": 3}, errors.BadInputError, r"thresholds=\[1, 2, 3\]"),
        ({"thresholds": []}, errors.BadInputError, r"thresholds is \[\]"),
        ({"thresholds": "12"}, errors.BadInputError, "thresholds is '12'"),
        ({"thresholds": [1, 1]}, errors.BadInputError, "a value twice"),
        ({"densities": [0.5, 0]}, errors.BadInputError, "puts no agent"),
        ({"densities": [1.5]}, errors.BadInputError, "density is 1.5"),
        ({"densities": [None]}, errors.BadInputError, "densities is"),
        ({"seeds": 20}, errors.BadInputError, r"seeds=range\(20\)"),
        ({"seeds": [1, -1]}, errors.SettingError, "seed is -1"),
        ({"seeds": [0.5]}, errors.SettingError, "seed is 0.5"),
        ({"width": 0}, errors.BadInputError, "0 columns"),
        ({"rules": classroom}, errors.BadInputError, "such as rules=classroom"),
        ({"max_steps": -1}, errors.BadInputError, "max_steps is -1"),
        ({"engine": "netlogo"}, errors.SettingError, "fast, mesa"),
        ({"jobs": 0}, errors.SettingError, "jobs is 0"),
        ({"jobs": 1.5}, errors.SettingError, "jobs is 1.5"),
    ],
)
def test_wrong_input_is_said_before_anything_runs(wrong, error, says):
    def never(function, tasks):
        raise AssertionError("a run was started")

    with pytest.raises(error, match=says):
        sweep(**{"thresholds": [2], "map": never, **SMALL, **wrong})


def test_a_script_that_starts_itself_anew_is_told_how_not_to(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
            from workshop_lib.abm.sweep import in_processes
            from workshop_lib.errors import SettingError
            try:
                list(in_processes(abs, [-1, -2], 2))
            except SettingError as error:
                print(error)
        """)
    )
    done = subprocess.run(
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": str(Path(workshop_lib.__file__).parents[1])},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert 'if __name__ == "__main__"' in done.stdout


# phase


def test_intervals_by_hand():
    frame = pd.DataFrame(
        {
            "threshold": [1, 1, 1, 2, 2, 2],
            "density": 0.8,
            "same_colour": [0.5, 0.6, 0.7, 0.9, 0.9, 0.9],
        }
    )
    found = phase(frame)
    assert found.columns.tolist() == ["threshold", "density", "mean", "low", "high", "runs"]
    half = 4.302653 * 0.1 / np.sqrt(3)  # t with 2 degrees of freedom, s = 0.1
    rows = found[["mean", "low", "high"]].to_numpy().tolist()
    assert rows[0] == pytest.approx([0.6, 0.6 - half, 0.6 + half])
    assert rows[1] == pytest.approx([0.9] * 3)
    assert found["runs"].tolist() == [3, 3]
    assert phase(frame, level=0.5)["low"].iloc[0] > found["low"].iloc[0]


def test_one_run_has_no_interval_and_runs_without_the_measure_do_not_count():
    isolations = [0.5, 0.5, 0.7, np.nan]
    frame = pd.DataFrame({"threshold": [1, 2, 2, 2], "density": 0.5, "isolation": isolations})
    found = phase(frame, "isolation")
    assert found["runs"].tolist() == [1, 2]
    assert found.loc[0, ["low", "high"]].isna().all()
    assert found.loc[1, "mean"] == pytest.approx(0.6)


def test_intervals_hold_the_mean_of_all_seeds_as_often_as_they_say():
    moves = np.random.default_rng(0).normal(size=10_000)
    groups = np.repeat(np.arange(2000), 5)
    found = phase(pd.DataFrame({"threshold": groups, "density": 0.8, "moves": moves}), "moves")
    assert ((found["low"] < 0) & (0 < found["high"])).mean() == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("colour",), "no column 'colour'"),
        (("stopped",), "holds no numbers"),
        (("moves", 95), "level is 95"),
    ],
)
def test_phase_says_what_is_wrong(one_by_one, arguments, says):
    with pytest.raises(errors.BadInputError, match=says):
        phase(one_by_one, *arguments)


def test_the_phase_diagram_of_the_classroom_rises_with_the_threshold():
    found = sweep(range(5), seeds=range(10), width=20, height=20, progress=False)
    means = phase(found)
    assert means["mean"].is_monotonic_increasing
    assert (means["low"].iloc[1:].to_numpy() > means["high"].iloc[:-1].to_numpy()).all()
