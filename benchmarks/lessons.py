"""What each lesson costs, and what running two at a time saves.

Writes ``benchmarks/lessons.json``, from which the lessons and the README state their cost.
"""

import json
import time
from pathlib import Path

from workshop_lib.course import repository, run

ALLOWED = {
    "03": (240, 3.0), "04": (240, 3.0), "05": (240, 3.0), "06": (240, 3.0),
    "07": (180, 2.5), "10": (180, 2.5),
}  # seconds and GB  # fmt: skip
ALLOWED_ELSE = (90, 2.5)


def measure() -> list[dict]:
    """Run every solution edition alone, then all of them two at a time."""
    root = repository()
    start = time.perf_counter()
    results = run.run(root)
    alone = time.perf_counter() - start
    start = time.perf_counter()
    together = run.run(root, jobs=2)
    two = time.perf_counter() - start
    failed = [result.notebook for result in [*results, *together] if not result.ok]
    assert not failed, failed

    costs = {one.notebook: {"seconds": one.seconds, "peak_mb": one.peak_mb} for one in results}
    file = Path(root, "benchmarks", "lessons.json")
    file.write_text(json.dumps(costs, indent=1) + "\n", encoding="utf-8")
    rows = [cost(one) for one in results]
    rows.append(
        {
            "name": "`run --jobs 2`, all lessons",
            "ours": f"{two:.0f} s",
            "peer": f"{alone:.0f} s (one at a time)",
            "ratio": f"{alone / two:.2f}× as fast",
            "target": "faster",
            "met": two < alone,
            "note": "each job gets half of the cores",
        }
    )
    return rows


def cost(one: run.Result) -> dict:
    """Return the row of one lesson: its seconds and its memory, beside what is allowed."""
    seconds, gb = ALLOWED.get(one.notebook[:2], ALLOWED_ELSE)
    return {
        "name": f"lesson {one.notebook}",
        "ours": f"{one.seconds:.0f} s, {one.peak_mb / 1000:.2f} GB",
        "peer": f"{seconds} s, {gb} GB (allowed)",
        "ratio": f"{one.seconds / seconds:.2f}",
        "target": f"under {seconds} s and {gb} GB",
        "met": one.seconds < seconds and one.peak_mb / 1000 < gb,
        "note": "whole solution edition, kernel start included",
    }
