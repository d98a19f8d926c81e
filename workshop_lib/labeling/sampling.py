"""Which items to label by hand: draws with known probabilities. Used in lesson 06."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workshop_lib.errors import BadInputError
from workshop_lib.labeling.tables import ids_of, need_columns


def sample_for_gold(
    frame: pd.DataFrame,
    n: int,
    by: str | Sequence[str] | None = None,
    weights: str | Mapping | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Draw items to be labelled by hand, and keep the probability with which each was drawn.

    Args:
        frame: the items, with a column "id".
        n: number of items to draw.
        by: columns that form strata; each stratum gives at least one item. None: no strata.
        weights: with ``by``, how much likelier an item of a stratum is to be drawn, such as
            {"protest": 3, "other": 1} (tuples as keys if ``by`` names several columns; None: the same
            rate for all, up to rounding). Without ``by``, the column that the probability is proportional to.
        seed: of the draw.

    Returns:
        The drawn rows in random order and their column "inclusion": n / N; n_h / N_h in stratum h;
        or n · weight / Σ weights, at most 1.

    Raises:
        BadInputError: more items wanted than there are, or strata or weights that can't be used.
        UnknownNameError: a column or stratum that doesn't exist.

    Source: Madow (1949), Annals of Mathematical Statistics 20, for draws with unequal probabilities.
    Used in lesson 06.

    >>> items = pd.DataFrame({"id": list("abcdef"), "says": ["yes", "yes", "no", "no", "no", "no"]})
    >>> sample_for_gold(items, 4, by="says", weights={"yes": 5, "no": 1}).groupby("says")["inclusion"].first().to_dict()
    {'no': 0.5, 'yes': 1.0}
    """
    ids_of(frame, "the items")
    if "inclusion" in frame.columns:
        raise BadInputError("The items have a column 'inclusion' already. Rename or drop it before drawing from them.")
    if not isinstance(n, int | np.integer) or not 1 <= n <= len(frame):
        raise BadInputError(f"Can't draw {n!r} of {len(frame)} items. Choose a whole number from 1 to {len(frame)}.")
    randomness = np.random.default_rng(seed)
    if by is None and weights is None:
        chosen, inclusion = randomness.permutation(len(frame))[:n], np.full(len(frame), n / len(frame))
    elif by is None:
        chosen, inclusion = draw_unequal(frame, n, weights, randomness)
    else:
        chosen, inclusion = draw_strata(frame, n, [by] if isinstance(by, str) else list(by), weights, randomness)
    chosen = randomness.permutation(chosen)
    return frame.iloc[chosen].assign(inclusion=inclusion[chosen]).reset_index(drop=True)


def draw_unequal(
    frame: pd.DataFrame, n: int, column: str, randomness: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of n rows drawn with probability proportional to a column, and all probabilities."""
    if not isinstance(column, str):
        raise BadInputError("Weights without 'by' are the name of a column. For weights of strata, name them in 'by'.")
    need_columns(frame, [column], "the items")
    sizes = pd.to_numeric(frame[column], errors="coerce").to_numpy(float, na_value=np.nan)
    usable = np.isfinite(sizes) & (sizes > 0)
    if not usable.all():
        wrong = frame[column][~usable].iloc[0]
        raise BadInputError(
            f"Column '{column}' holds {wrong!r}. Weights must be above 0, or an item could never be drawn."
        )
    certain = np.zeros(len(sizes), bool)
    while True:  # whoever would pass 1 is drawn for certain, and the others share what is left
        inclusion = np.where(certain, 1.0, (n - certain.sum()) * sizes / sizes[~certain].sum())
        if (inclusion <= 1 + 1e-12).all():
            break
        certain |= inclusion > 1
    inclusion = np.minimum(inclusion, 1.0)
    order = randomness.permutation(len(sizes))
    ends = np.cumsum(inclusion[order])
    ends *= n / ends[-1]  # exact despite rounding
    points = randomness.random() + np.arange(n)  # one random start, then steps of 1 along the probabilities
    return order[np.minimum(np.searchsorted(ends, points, side="right"), len(sizes) - 1)], inclusion


def draw_strata(
    frame: pd.DataFrame, n: int, by: list[str], weights: Mapping | None, randomness: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of n rows drawn at random within strata, and all probabilities."""
    need_columns(frame, by, "the items")
    if frame[by].isna().to_numpy().any():
        raise BadInputError(f"A column of {by} has missing values. Fill them, say with 'unknown', or drop the items.")
    codes, names = pd.factorize(frame[by[0]] if len(by) == 1 else pd.MultiIndex.from_frame(frame[by]).to_flat_index())
    sizes = np.bincount(codes)  # N_h
    if n < len(sizes):
        raise BadInputError(f"{n} items can't cover {len(sizes)} strata. Draw at least {len(sizes)}, or merge strata.")
    rates = np.ones(len(sizes))
    if weights is not None:
        if not isinstance(weights, Mapping) or set(weights) != set(names):
            raise BadInputError(f"The weights must name each stratum once: {', '.join(map(repr, names))}.")
        rates = np.array([weights[name] for name in names], float)
        if not (np.isfinite(rates) & (rates > 0)).all():
            raise BadInputError(f"The weights are {dict(weights)}. Each must be above 0, or a stratum is never drawn.")
    counts = np.ones(len(sizes), int)
    for _ in range(n - len(sizes)):  # Sainte-Laguë: the next item goes where the share is furthest behind
        counts[np.argmax(np.where(counts < sizes, rates * sizes / (2 * counts + 1), -1.0))] += 1
    places = [randomness.permutation(np.flatnonzero(codes == h))[:count] for h, count in enumerate(counts)]
    return np.concatenate(places), (counts / sizes)[codes]
