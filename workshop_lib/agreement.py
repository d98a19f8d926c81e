"""How well do coders agree? Krippendorff's alpha.

A shared room: the data sets are coded twice, and labels of models are compared with those of
people. Used in lessons 03 and 06.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from workshop_lib.errors import BadInputError

LEVELS = ("nominal", "ordinal", "interval")


def krippendorff_alpha(
    codes: Sequence[Sequence[Hashable | None]], level: str = "nominal"
) -> float:
    """Return Krippendorff's alpha: 1 is perfect agreement, 0 what chance would give.

    alpha = 1 − D_o / D_e. D_o is the mean squared distance δ² of two codes of the same unit,
    D_e that of any two codes. δ² is 0 or 1 for nominal codes, the squared difference for
    interval codes, and for ordinal codes (Σ_{g=c..k} n_g − (n_c + n_k) / 2)², with n_g the
    number of codes g.

    Args:
        codes: one row a coder, one column a unit; None or NaN where a coder gave no code.
        level: "nominal", "ordinal" (codes that sort) or "interval" (numbers).

    Returns:
        alpha; NaN if only one value was ever used, since there is then nothing to agree on.

    Raises:
        BadInputError: rows of unequal length, an unknown level, or no unit coded twice.

    Source: Krippendorff (2019), Content Analysis, 4th ed., chapter 12.

    >>> krippendorff_alpha([["yes", "no", "no", "yes"], ["yes", "no", "yes", "yes"]])
    0.5333333333333333
    """
    if level not in LEVELS:
        raise BadInputError(f"There is no level '{level}'. Choose one of: {', '.join(LEVELS)}.")
    if len({len(row) for row in codes}) != 1:
        raise BadInputError(
            f"The coders coded {', '.join(str(len(row)) for row in codes)} units. "
            "Give each the same units in the same order, with None where a code is missing."
        )
    units = [[code for code in unit if not is_missing(code)] for unit in zip(*codes, strict=True)]
    units = [unit for unit in units if len(unit) > 1]
    if not units:
        raise BadInputError("No unit has two codes, so there is no agreement to measure.")
    values = sorted({code for unit in units for code in unit})
    place = {value: i for i, value in enumerate(values)}
    together = np.zeros((len(values), len(values)))  # coincidence matrix
    for unit in units:
        counts = np.bincount([place[code] for code in unit], minlength=len(values))
        together += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    totals = together.sum(axis=1)  # n_c
    if len(values) == 1:
        return float("nan")
    distances = squared_distances(values, totals, level)
    observed = (together * distances).sum() / totals.sum()
    pairs = np.outer(totals, totals) - np.diag(totals)
    expected = (pairs * distances).sum() / (totals.sum() * (totals.sum() - 1))
    return float(1 - observed / expected)


def is_missing(code: Hashable | None) -> bool:
    """Return whether a code is None or NaN."""
    return code is None or code != code


def squared_distances(values: list, totals: np.ndarray, level: str) -> np.ndarray:
    """Return δ² of each pair of values, shape (values, values)."""
    if level == "nominal":
        return 1 - np.eye(len(values))
    if level == "interval":
        numbers = np.array(values, float)
        return (numbers[:, None] - numbers[None]) ** 2
    sums = np.concatenate([[0], np.cumsum(totals)])
    first, last = np.minimum.outer(*[np.arange(len(values))] * 2), np.maximum.outer(*[np.arange(len(values))] * 2)
    between = sums[last + 1] - sums[first] - (totals[:, None] + totals[None]) / 2
    return between**2 * (first != last)
