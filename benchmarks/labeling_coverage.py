"""How often do the intervals of ``labeling.correction`` hold the truth?

    python -m benchmarks.labeling_coverage

In 2,000 simulated corpora of 1,000 items with 200 hand labels, a machine errs more often in one
group than in the other. A 95 % interval should hold the truth in 93 to 97 % of them; the peer is
the naive estimate, which takes the machine's labels for true.
"""

from __future__ import annotations

import argparse
import time

import pandas as pd

from workshop_lib.labeling.simulation import coverage

DRAWS = 2000
ITEMS, HAND = 1000, 200
ESTIMANDS = {
    "prevalence": "prevalence",
    "difference": "difference of two groups",
    "regression": "logistic regression of the label",
    "covariate": "linear regression on the label",
}
CORRECTED = ["PPI", "PPI++", "DSL"]
LEAST, MOST = 0.93, 0.97


def simulate(draws: int = DRAWS) -> dict[str, pd.DataFrame]:
    """Return the table of each estimand."""
    return {name: coverage(name, draws=draws, n_items=ITEMS, n_hand=HAND) for name in ESTIMANDS}


def measure(draws: int = DRAWS) -> list[dict]:
    """Return a row for each estimand."""
    rows = []
    for name, table in simulate(draws).items():
        shares = 100 * table["coverage"]
        narrower = 1 - table.loc["DSL", "standard error"] / table.loc["hand only", "standard error"]
        rows.append(
            {
                "name": f"coverage of 95 % intervals, {ESTIMANDS[name]}",
                "ours": ", ".join(f"{which} {shares[which]:.1f} %" for which in CORRECTED),
                "peer": f"{shares['naive']:.1f} % (naive), {shares['hand only']:.1f} % (hand only)",
                "ratio": f"{100 * narrower:.0f} % narrower (DSL than hand only)",
                "target": f"{100 * LEAST:.0f} to {100 * MOST:.0f} %",
                "met": bool(table.loc[CORRECTED, "coverage"].between(LEAST, MOST).all()),
                "note": f"{draws:,} draws of {ITEMS:,} items, {HAND} hand labels",
            }
        )
    return rows


def main(draws: int = DRAWS) -> None:
    """Print coverage, bias, and stated and real spread for each estimand."""
    start = time.process_time()
    for name, table in simulate(draws).items():
        met = table.loc[CORRECTED, "coverage"].between(LEAST, MOST).all()
        print(f"\n{ESTIMANDS[name]}: {draws:,} draws, {ITEMS:,} items, {HAND} hand labels; target met: {met}")
        print(table.round(4).to_string(), flush=True)
    print(f"\n{time.process_time() - start:.0f} s of processor time")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--draws", type=int, default=DRAWS)
    main(options.parse_args().draws)
