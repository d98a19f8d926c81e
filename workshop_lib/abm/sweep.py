"""Many runs of Schelling's model: over thresholds, densities and seeds, on all cores.

A sweep is a list of tasks, and :func:`run_one` does one of them, in this process or in another. So
the same function serves threads, processes, Mesa's batch runner and any other ``map``. Used in
lesson 07.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.abm import fast
from workshop_lib.abm.measures import measures
from workshop_lib.abm.rules import (
    Rules,
    check_rules,
    checked_limit,
    checked_seed,
    classroom,
    is_number,
    seat_agents,
    whole,
)
from workshop_lib.errors import BadInputError, SettingError

if TYPE_CHECKING:
    import pandas as pd

ENGINES = ("fast", "mesa")


@dataclass(frozen=True)
class Task:
    """One run of a sweep; small, and easy to send to another process."""

    threshold: float
    density: float
    seed: int
    width: int
    height: int
    rules: Rules  # with the threshold
    max_steps: int
    engine: str


def sweep(
    thresholds: Iterable[float],
    densities: Iterable[float] = (0.8,),
    seeds: Iterable[int] = range(20),
    width: int = 50,
    height: int = 50,
    rules: Rules = classroom(),
    max_steps: int = 300,
    engine: str = "fast",
    jobs: int | None = None,
    map: Callable[[Callable[[Task], dict], list[Task]], Iterable[dict]] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Run the model for each threshold, density and seed.

    Args:
        thresholds: counts or shares, whichever the rules use.
        densities: shares of the seats that are taken.
        seeds: of the runs of each pair of threshold and density.
        width, height: columns and rows of seats.
        rules: all but the threshold.
        max_steps: the most rounds of a run. Under "random" with a high share, runs go on for ever.
        engine: "fast", or "mesa" (the same runs, slower, by Mesa's batch runner).
        jobs: runs at a time; None: as many as there are cores. 1 starts no threads or processes.
        map: does the runs instead, such as another pool's; called with :func:`run_one` and the
            tasks, gives their results in order. ``jobs`` then doesn't count.
        progress: whether to show a progress bar.

    Returns:
        One row a run, in order: "threshold", "density", "seed", "steps", "moves", "stopped", and
        the measures of :func:`workshop_lib.abm.measures.measures` at its end.

    Raises:
        BadInputError, SettingError: a value that doesn't fit; before anything runs.

    Used in lesson 07.

    >>> found = sweep([1, 3], seeds=[7], width=10, height=10, jobs=1, progress=False)
    >>> found["same_colour"].round(2).tolist()
    [0.59, 0.83]
    """
    import pandas as pd

    tasks = list_tasks(thresholds, densities, seeds, width, height, rules, max_steps, engine)
    jobs = checked_jobs(jobs, len(tasks))
    if map is not None:
        rows = with_bar(map(run_one, tasks), len(tasks), progress)
    elif engine == "mesa":
        rows = run_by_mesa(tasks, jobs, progress)
    else:
        rows = with_bar(spread(tasks, jobs), len(tasks), progress)
    return pd.DataFrame(list(rows))


def list_tasks(
    thresholds: Iterable[float],
    densities: Iterable[float],
    seeds: Iterable[int],
    width: int,
    height: int,
    rules: Rules,
    max_steps: int,
    engine: str,
) -> list[Task]:
    """Return the tasks of a sweep, thresholds slowest and seeds fastest; all values are checked."""
    if engine not in ENGINES:
        raise SettingError(f"There is no engine {engine!r}. Choose one of: {', '.join(ENGINES)}.")
    thresholds = as_list("thresholds", thresholds, "[1, 2, 3]")
    densities = as_list("densities", densities, "[0.7, 0.9]")
    seeds = as_list("seeds", seeds, "range(20)")
    limit = checked_limit(max_steps)
    check_rules(rules)
    rules_of = {threshold: rules.with_threshold(threshold) for threshold in thresholds}
    for density in densities:
        seat_agents(width, height, density, rules, np.random.default_rng(0))  # raises if it can't
    for seed in seeds:
        checked_seed(seed)
    return [
        Task(threshold, density, int(seed), width, height, rules_of[threshold], limit, engine)
        for threshold, density, seed in itertools.product(thresholds, densities, seeds)
    ]


def as_list(name: str, values: Iterable, example: str) -> list:
    """Return numbers as a list, or raise BadInputError if there is none or one comes twice."""
    listed = list(values) if isinstance(values, Iterable) else []
    if not listed or not all(is_number(value) for value in listed):
        raise BadInputError(f"{name} is {values!r}. Give a list of numbers: {name}={example}.")
    if len(set(listed)) < len(listed):
        raise BadInputError(
            f"{name} has a value twice: {listed}. Give each once; the same run twice adds nothing."
        )
    return listed


def checked_jobs(jobs: int | None, tasks: int) -> int:
    """Return how many runs to do at a time, at most one for each task."""
    if jobs is None:
        known = hasattr(os, "sched_getaffinity")  # which cores this process may use
        jobs = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    if whole(jobs) is None or jobs < 1:
        raise SettingError(f"jobs is {jobs!r}. Give a whole number from 1, or None for all cores.")
    return min(whole(jobs), tasks)


def run_one(task: Task) -> dict[str, float | str]:
    """Do one run, and return its row of the sweep.

    >>> run_one(Task(2, 0.8, 7, 10, 10, classroom(2), 100, "fast"))["stopped"]
    'all happy'
    """
    if task.engine == "mesa":
        from workshop_lib.abm.schelling import Schelling, let_go

        done = Schelling(task.width, task.height, task.density, task.rules, task.seed)
        done.run(task.max_steps)
    else:
        size = task.width, task.height
        done = fast.run(*size, task.density, task.rules, task.seed, task.max_steps)
    row = {"threshold": task.threshold, "density": task.density, "seed": task.seed}
    row |= {"steps": done.steps, "moves": done.moves, "stopped": done.stopped}
    row |= measures(done.board, task.rules)
    if task.engine == "mesa":
        let_go(done)
    return row


def spread(tasks: list[Task], jobs: int) -> Iterator[dict]:
    """Do the tasks on several cores, and yield their rows in order.

    Compiled loops run in threads, which start at once: while they run, they leave Python to the
    others. Loops in Python need processes; these are started afresh ("spawn"), the one way that
    works on all systems and in notebooks.
    """
    if jobs == 1:
        yield from (run_one(task) for task in tasks)
    elif fast.numba_there():
        fast.compiled_loops()
        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(run_one, tasks)
    else:
        yield from in_processes(run_one, tasks, jobs)


def in_processes(function: Callable, items: list, jobs: int) -> Iterator:
    """Call a function on each item in other processes, and yield the results in order."""
    import multiprocessing

    chunk = max(1, len(items) // (8 * jobs))
    try:
        with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
            yield from pool.map(function, items, chunksize=chunk)
    except BrokenProcessPool as error:
        raise SettingError(
            "A process that was to do runs ended early: the memory is full, or this is a script, "
            "which each new process starts anew. Put the script's calls under "
            '`if __name__ == "__main__":`, or use jobs=1, which starts no other process.'
        ) from error


def run_by_mesa(tasks: list[Task], jobs: int, progress: bool) -> list[dict]:
    """Do the tasks by Mesa's batch runner, and return their rows in order."""
    import mesa

    from workshop_lib.abm.schelling import BatchRun

    if jobs > 1:
        list(in_processes(abs, [0], 1))  # where no process can start, Mesa's runner waits for ever
    found = mesa.batch_run(
        BatchRun, {"task": tasks}, number_processes=jobs, max_steps=1, display_progress=progress
    )
    return [row["row"] for row in sorted(found, key=lambda row: row["RunId"])]


def with_bar(rows: Iterable[dict], total: int, progress: bool) -> Iterator[dict]:
    """Yield the rows with a progress bar."""
    from tqdm.auto import tqdm

    yield from tqdm(rows, total=total, desc="runs", unit="run", disable=not progress, leave=False)


def phase(frame: pd.DataFrame, measure: str = "same_colour", level: float = 0.95) -> pd.DataFrame:
    """Return the mean of a measure for each threshold and density, with its interval over seeds.

    Args:
        frame: from :func:`sweep`.
        measure: a column of numbers.
        level: of the intervals.

    Returns:
        One row for each pair: "threshold", "density", "mean", "low", "high" and "runs", the number
        of seeds. The interval is mean ± t · s / √runs, with s the standard deviation over seeds and
        t the quantile of Student's distribution: it says how well the mean over all seeds is known,
        not where single runs lie. It is NaN for one run. Runs without the measure don't count.

    Raises:
        BadInputError: a missing column, or a level outside 0 to 1.

    Used in lesson 07.

    >>> import pandas as pd
    >>> phase(pd.DataFrame({"threshold": 2, "density": 0.8, "moves": [10, 14]}), "moves")["mean"]
    0    12.0
    Name: mean, dtype: float64
    """
    from pandas.api.types import is_numeric_dtype
    from scipy.stats import t

    needed = ["threshold", "density", measure]
    if missing := [name for name in needed if name not in frame]:
        raise BadInputError(
            f"The table has no column {missing[0]!r}. It has: {', '.join(map(str, frame.columns))}."
        )
    if not is_numeric_dtype(frame[measure]):
        raise BadInputError(f"The column {measure!r} holds no numbers. Choose another measure.")
    if not 0 < level < 1:
        raise BadInputError(f"The level is {level!r}. Give a number between 0 and 1, such as 0.95.")
    groups = frame.groupby(["threshold", "density"])[measure]
    found = groups.agg(mean="mean", spread="std", runs="count").reset_index()
    runs = found["runs"].clip(lower=2)  # one run has no standard deviation, so NaN stays NaN
    half = t.ppf((1 + level) / 2, runs - 1) * found.pop("spread") / np.sqrt(runs)
    found.insert(3, "low", found["mean"] - half)
    found.insert(4, "high", found["mean"] + half)
    return found
