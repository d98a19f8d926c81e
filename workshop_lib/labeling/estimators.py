"""The equations behind ``correct``: what machine labels and hand labels say together, with standard errors.

A machine labels all N items of a corpus; people label n of them, drawn at random with known
probabilities. All estimators here solve one system of equations for the coefficients θ,

    Σ w_i · s_i(θ) + λ · Σ (1 − w_i) · ŝ_i(θ) = 0,      s_i(θ) = x_i · (y_i − mean(x_i'θ)),

with s from hand labels, ŝ from machine labels, and w_i = 1 / inclusion probability for items
labelled by hand, 0 for all others, scaled to sum to N.

    hand only   λ = 0: a weighted regression on the hand labels
    PPI         λ = 1: what the machine says of all items, plus its mean error on the hand-labelled
    PPI++       λ tuned so that the standard error is least: a bad machine gets λ near 0
    DSL         λ = 1, with the machine's label replaced by the hand label that one would expect
                after seeing it and the covariates, learnt from the other hand labels (cross-fitting)

A share is the regression on a constant alone, a difference that on a constant and a group. What
is estimated belongs to the process that the corpus came from: the N items count as a random sample.
Standard errors don't know of strata; after a stratified draw, those of "hand only" and "PPI" are too
large if strata differ much, those of "PPI++" and "DSL" hardly. Used in lesson 06.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

FOLDS = 5


class Equations(NamedTuple):
    """The items as hands and machine see them; leading dimensions are draws of a simulation."""

    terms: np.ndarray  # x with hand labels, shape (..., N, d); anything finite where there is none
    outcome: np.ndarray  # y with hand labels, shape (..., N)
    machine_terms: np.ndarray
    machine_outcome: np.ndarray
    weights: np.ndarray  # shape (..., N), mean 1, 0 where there is no hand label
    logistic: bool = False


def scores(terms: np.ndarray, outcome: np.ndarray, theta: np.ndarray, logistic: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return x · (y − mean(x'θ)), shape (..., N, d), and the slope of the mean at x'θ, shape (..., N)."""
    fitted = (terms @ theta[..., None])[..., 0]
    if not logistic:
        return terms * (outcome - fitted)[..., None], np.ones_like(fitted)
    mean = 1 / (1 + np.exp(-np.clip(fitted, -500, 500)))
    return terms * (outcome - mean)[..., None], mean * (1 - mean)


def information(data: Equations, hand_slope: np.ndarray, machine_slope: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return minus the mean derivative of the equations, shape (..., d, d)."""
    hand = data.terms.swapaxes(-1, -2) * (data.weights * hand_slope)[..., None, :]
    rest = share[..., None] * (1 - data.weights) * machine_slope
    machine = data.machine_terms.swapaxes(-1, -2) * rest[..., None, :]
    return (hand @ data.terms + machine @ data.machine_terms) / data.weights.shape[-1]


def inverse(matrices: np.ndarray) -> np.ndarray:
    """Return inverses, shape (..., d, d); NaN for a matrix that has none, or nearly none."""
    usable = np.isfinite(matrices).all((-1, -2))
    matrices = np.where(usable[..., None, None], matrices, np.eye(matrices.shape[-1]))
    usable &= np.linalg.cond(matrices) < 1e12
    inverses = np.linalg.inv(np.where(usable[..., None, None], matrices, np.eye(matrices.shape[-1])))
    return np.where(usable[..., None, None], inverses, np.nan)


def solve(data: Equations, share: np.ndarray | float) -> np.ndarray:
    """Return θ by Newton's method, shape (..., d); NaN where there is no solution. ``share`` is λ."""
    share = np.broadcast_to(np.asarray(share, float), data.weights.shape[:-1])
    theta, step = np.zeros((*share.shape, data.terms.shape[-1])), np.inf
    for _ in range(50 if data.logistic else 1):
        hand, hand_slope = scores(data.terms, data.outcome, theta, data.logistic)
        machine, machine_slope = scores(data.machine_terms, data.machine_outcome, theta, data.logistic)
        gap = (data.weights[..., None] * hand + (share[..., None] * (1 - data.weights))[..., None] * machine).mean(-2)
        step = (inverse(information(data, hand_slope, machine_slope, share)) @ gap[..., None])[..., 0]
        theta = theta + (np.clip(step, -2, 2) if data.logistic else step)
        if np.abs(step).max() < 1e-10:
            break
    failed = data.logistic & ~(np.abs(step).max(-1) < 1e-6)
    return np.where(np.expand_dims(failed, -1), np.nan, theta)


def influence(data: Equations, theta: np.ndarray, share: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Return how much each item moves θ: through its hand label, and per unit of λ, both of shape (..., N, d).

    Hand-labelled items are divided by 1 − their leverage (HC3): an item pulls the fit towards itself.
    """
    share = np.broadcast_to(np.asarray(share, float), data.weights.shape[:-1])
    hand, hand_slope = scores(data.terms, data.outcome, theta, data.logistic)
    machine, machine_slope = scores(data.machine_terms, data.machine_outcome, theta, data.logistic)
    bread = inverse(information(data, hand_slope, machine_slope, share))
    leverage = data.weights * hand_slope * ((data.terms @ bread) * data.terms).sum(-1) / data.weights.shape[-1]
    weights, pull = data.weights[..., None], (data.weights / (1 - np.clip(leverage, 0, 0.5)))[..., None]
    own = pull * (hand - (weights * hand).mean(-2, keepdims=True))
    again = pull * (machine - (weights * machine).mean(-2, keepdims=True))
    shift = machine - machine.mean(-2, keepdims=True) - again
    return own @ bread.swapaxes(-1, -2), shift @ bread.swapaxes(-1, -2)


def estimate(data: Equations, contrast: np.ndarray, share: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the estimate c'θ, its standard error and λ, each of shape (...,).

    The standard error is √(Σ u_i² / N² · (n − 1) / n), with u_i the influence of item i on c'θ; for the
    mean of hand labels this is √(s² / n).

    Args:
        data: the items.
        contrast: c, shape (d,).
        share: λ; None: λ = −Σ a_i b_i / Σ b_i², kept between 0 and 1, with a_i the influence through
            the hand label and b_i that per unit of λ. In a mean, this is cov(y, ŷ) / var(ŷ).

    Source: HC3 as in Long and Ervin (2000), American Statistician 54; λ as in Angelopoulos, Duchi and
    Zrnic (2023), PPI++. Their λ refers to the items without hand labels, this one to all N: theirs is
    this one times (1 − n / N).
    """
    if share is None:
        own, shift = (part @ contrast for part in influence(data, solve(data, 0.0), 0.0))
        total = (shift**2).sum(-1)
        share = np.clip(-(own * shift).sum(-1) / np.where(total > 0, total, 1.0), 0, 1)
    share = np.broadcast_to(np.asarray(share, float), data.weights.shape[:-1])
    theta = solve(data, share)
    own, shift = influence(data, theta, share)
    moved = (own + share[..., None, None] * shift) @ contrast  # Shape: (..., N)
    n = (data.weights > 0).sum(-1)
    variance = (moved**2).sum(-1) / moved.shape[-1] ** 2 * (n - 1) / n
    return theta @ contrast, np.sqrt(variance), share


def expected_labels(
    machine: np.ndarray, hand: np.ndarray, others: np.ndarray, weights: np.ndarray, fold: np.ndarray
) -> np.ndarray:
    """Return the hand label expected from the machine's label and other columns, by cross-fitting.

    A weighted least-squares fit, kept within the range of the hand labels. The label of an item in
    fold k is predicted by the fit without the hand labels of fold k. A poor fit costs precision
    only: the design of the sample, not this model, keeps the estimate unbiased.

    Args:
        machine: machine labels, shape (..., N).
        hand: hand labels, shape (..., N); anything finite where there is none.
        others: other columns, shape (..., N, k).
        weights: 0 where there is no hand label, shape (..., N).
        fold: whole numbers from 0, shape (..., N).
    """
    spread = others.std(-2, keepdims=True)
    others = (others - others.mean(-2, keepdims=True)) / np.where(spread > 0, spread, 1.0)
    columns = np.concatenate([np.ones_like(machine)[..., None], machine[..., None], others], axis=-1)
    labelled = weights > 0
    low = np.where(labelled, hand, np.inf).min(-1, keepdims=True)
    high = np.where(labelled, hand, -np.inf).max(-1, keepdims=True)
    expected = np.zeros_like(machine)
    for k in range(int(fold.max()) + 1):
        elsewhere = weights * (fold != k) / weights.shape[-1]
        turned = columns.swapaxes(-1, -2) * elsewhere[..., None, :]  # Shape: (..., columns, N)
        ridge = 1e-6 * np.eye(columns.shape[-1])
        slopes = np.linalg.solve(turned @ columns + ridge, turned @ hand[..., None])
        expected = np.where(fold == k, (columns @ slopes)[..., 0], expected)
    return np.clip(expected, low, high)


def deal_folds(labelled: np.ndarray, randomness: np.random.Generator) -> np.ndarray:
    """Return a fold for each item, shape (..., N); items with a hand label are spread evenly over the folds."""
    order = np.argsort(randomness.random(labelled.shape) - labelled, axis=-1)
    fold = np.empty(labelled.shape, int)
    np.put_along_axis(fold, order, np.broadcast_to(np.arange(labelled.shape[-1]) % FOLDS, labelled.shape), axis=-1)
    return fold


def estimators(
    rows: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    hand: np.ndarray,
    machine: np.ndarray,
    others: np.ndarray,
    weights: np.ndarray,
    randomness: np.random.Generator,
    said: np.ndarray | None = None,
    logistic: bool = False,
) -> dict[str, tuple[Equations, float | None]]:
    """Return the equations and λ of each estimator; None for a λ that :func:`estimate` tunes.

    Args:
        rows: gives terms and outcome of the regression with these labels.
        hand: y, the hand labels; where there is none, anything finite. Shape (..., N).
        machine: ŷ.
        others: columns that help DSL to predict the hand label, shape (..., N, k).
        weights: w.
        randomness: deals the folds of DSL.
        said: which items have a machine label; None: all. The naive estimate is about them only.
        logistic: whether the regression is one.
    """
    expected = expected_labels(machine, hand, others, weights, deal_folds(weights > 0, randomness))
    counted = np.ones_like(weights) if said is None else said / said.mean()
    by_hand, by_machine = rows(hand), rows(machine)
    data = Equations(*by_hand, *by_machine, weights, logistic)
    return {
        "naive": (Equations(*by_machine, *by_machine, counted, logistic), 0.0),
        "hand only": (data, 0.0),
        "PPI": (data, 1.0),
        "PPI++": (data, None),
        "DSL": (Equations(*by_hand, *rows(expected), weights, logistic), 1.0),
    }
