"""Do the corrected intervals hold the truth? Simulated corpora in which it is known. Used in lesson 06."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workshop_lib.errors import BadInputError, SettingError
from workshop_lib.labeling.estimators import estimate, estimators
from workshop_lib.labeling.tables import check_choices

ESTIMANDS = ("prevalence", "difference", "regression", "covariate")
WORLD = {"prevalence": 0.3, "sensitivity": 0.8, "specificity": 0.9}  # what the simulation assumes unless told
GAP = 0.2  # difference of the two groups' shares
DRIFT = 0.1  # by how much the machine is less specific in the group with the smaller share, or where x ≤ 0
SLOPE = 0.7  # of the logistic regression of the label
EFFECT = 0.5  # of the label on another outcome


def coverage(
    estimand: str = "prevalence",
    draws: int = 200,
    n_items: int = 1000,
    n_hand: int = 200,
    design: str = "random",
    level: float = 0.95,
    seed: int = 0,
    **world: float,
) -> pd.DataFrame:
    """Return how often each estimator's interval holds the truth, in a simulation where the truth is known.

    Each draw makes a new corpus, a machine that errs more often in one group than in the other, and a
    new sample for hand labels. An honest 95 % interval holds the truth in 95 % of the draws.

    Args:
        estimand: "prevalence", "difference" (of two groups), "regression" (logistic, of the label on a
            covariate) or "covariate" (linear, of another outcome on the label and a covariate).
        draws: number of corpora.
        n_items: N, items in each.
        n_hand: n, hand labels in each.
        design: "random", or "balanced": as many hand labels from items that the machine counts as from the others.
        level: of the intervals.
        seed: of the simulation.
        **world: prevalence, sensitivity, specificity.

    Returns:
        One row an estimator: "coverage" (share of the draws), "bias", "standard error" (mean of those
        stated), "spread" (standard deviation of the estimates); the two agree if the formula is right.

    Raises:
        SettingError: an unknown estimand, design or part of the world. BadInputError: numbers that don't fit.

    Used in lesson 06.

    >>> coverage("prevalence", draws=100).loc["naive", "coverage"] < 0.5
    np.True_
    """
    from scipy.stats import norm

    check_choices(estimand=(estimand, ESTIMANDS), design=(design, ("random", "balanced")))
    if unknown := set(world) - set(WORLD):
        raise SettingError(f"The world has no {sorted(unknown)[0]!r}. It has: {', '.join(WORLD)}.")
    world = WORLD | world
    fits = GAP / 2 < world["prevalence"] < 1 - GAP / 2 and all(DRIFT <= rate <= 1 for rate in world.values())
    if not fits or draws < 1 or not 20 <= n_hand < n_items or not 0 < level < 1:
        raise BadInputError(
            f"Can't simulate {draws} draws of {n_hand} of {n_items} items with {world}. The prevalence must be "
            f"from {GAP / 2} to {1 - GAP / 2}, the other rates from {DRIFT} to 1, n_hand from 20 to less than n_items."
        )
    width, found = norm.ppf((1 + level) / 2), {}
    randomness, batch = np.random.default_rng(seed), max(1, 20_000 // n_items)  # fits the cache
    for start in range(0, draws, batch):
        shape = (min(batch, draws - start), n_items)
        wanted, contrast, truth = simulate(estimand, shape, n_hand, design, world, randomness)
        for name, (data, share) in wanted.items():
            found.setdefault(name, []).append(np.stack(estimate(data, contrast, share)[:2]))
    rows = {}
    for name, parts in found.items():
        values, errors = np.concatenate(parts, axis=1)
        rows[name] = {
            "coverage": np.mean(np.abs(values - truth) <= width * errors), "bias": values.mean() - truth,
            "standard error": errors.mean(), "spread": values.std(),
        }  # fmt: skip
    return pd.DataFrame(rows).T.rename_axis("estimator")


def simulate(
    estimand: str, shape: tuple[int, int], n_hand: int, design: str, world: dict, randomness: np.random.Generator
) -> tuple[dict, np.ndarray, float]:
    """Return the equations and λ of each estimator for ``shape`` = (draws, items), the contrast and the truth."""
    by_group = estimand in ("prevalence", "difference")
    x = randomness.integers(0, 2, shape).astype(float) if by_group else randomness.standard_normal(shape)
    logit = np.log(world["prevalence"] / (1 - world["prevalence"]))
    chance = world["prevalence"] + GAP * (x - 0.5) if by_group else 1 / (1 + np.exp(-(logit + SLOPE * x)))
    y = (randomness.random(shape) < chance).astype(float)
    false_alarm = 1 - world["specificity"] + DRIFT * (x <= 0)
    f = (randomness.random(shape) < np.where(y == 1, world["sensitivity"], false_alarm)).astype(float)
    keys = randomness.random(shape)
    if design == "random":
        inclusion, labelled = np.full(shape, n_hand / shape[1]), first_of(keys, n_hand)
    else:
        said = f == 1
        counts = said.sum(-1, keepdims=True)
        taken = np.minimum(np.maximum(n_hand // 2, n_hand - (shape[1] - counts)), counts)
        inclusion = np.where(said, taken / np.maximum(counts, 1), (n_hand - taken) / np.maximum(shape[1] - counts, 1))
        from_said, from_others = np.where(said, keys, 2), np.where(said, 2, keys)
        labelled = np.where(said, first_of(from_said, taken), first_of(from_others, n_hand - taken))
    weights = np.where(labelled, 1 / np.maximum(inclusion, 1e-12), 0.0)
    weights /= weights.mean(-1, keepdims=True)
    one, outcome, others = np.ones(shape), None, x[..., None]
    if estimand == "covariate":
        outcome = 1 + EFFECT * y + 0.3 * x + randomness.standard_normal(shape)
        others = np.stack([x, outcome], -1)
    y = np.where(labelled, y, f)  # nobody sees the other hand labels
    truth = {"prevalence": world["prevalence"], "difference": GAP, "regression": SLOPE, "covariate": EFFECT}[estimand]
    contrast = {"prevalence": [1.0], "covariate": [0.0, 1.0, 0.0]}.get(estimand, [0.0, 1.0])

    def rows(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if estimand == "covariate":
            return np.stack([one, labels, x], -1), outcome
        return np.stack([one] if estimand == "prevalence" else [one, x], -1), labels

    wanted = estimators(rows, y, f, others, weights, randomness, logistic=estimand == "regression")
    return wanted, np.array(contrast), truth


def first_of(keys: np.ndarray, count: int | np.ndarray) -> np.ndarray:
    """Return which keys are among the ``count`` smallest of their row, shape (draws, N)."""
    return np.argsort(np.argsort(keys, axis=-1), axis=-1) < count
