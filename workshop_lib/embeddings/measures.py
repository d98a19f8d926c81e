"""Measures over groups of words: association, senses, and how sure one can be of them.

Used in lesson 01.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from workshop_lib.embeddings.similarity import cosine
from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd


class Association(NamedTuple):
    """The result of an association test."""

    effect: float  # difference of the two groups in standard deviations, from -2 to 2
    p_value: float  # one-sided
    leaning_x: np.ndarray  # of each x: mean cosine to a minus mean cosine to b
    leaning_y: np.ndarray


def association_test(
    x: np.ndarray,
    y: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    permutations: int = 10_000,
    seed: int = 0,
) -> Association:
    """Test whether the words x lean towards a, and the words y towards b (the WEAT).

    Args:
        x, y: vectors of two groups of target words, shapes (n, d) and (m, d).
        a, b: vectors of two groups of attribute words.
        permutations: try all regroupings if there are no more than this, else so many at random.
        seed: for the random regroupings.

    Returns:
        effect = (mean leaning of x - mean leaning of y) / standard deviation over x and y, where
        leaning(w) = mean cos(w, a) - mean cos(w, b); p_value = share of regroupings of the
        targets that differ at least as much, in this direction.

    Raises:
        BadInputError: a group of targets has fewer than two words, or the vectors don't fit.

    Source: Caliskan, Bryson and Narayanan (2017), Science 356. Used in lesson 01.
    """
    leaning_x = cosine(x, a).mean(axis=1) - cosine(x, b).mean(axis=1)  # Shape: (n,)
    leaning_y = cosine(y, a).mean(axis=1) - cosine(y, b).mean(axis=1)  # Shape: (m,)
    _require_two(leaning_x, leaning_y)
    both = np.concatenate([leaning_x, leaning_y])
    observed = leaning_x.mean() - leaning_y.mean()
    differences = _regroupings(both, len(leaning_x), permutations, seed)
    return Association(
        effect=float(observed / both.std(ddof=1)),
        p_value=_share(differences >= observed - 1e-12),
        leaning_x=leaning_x,
        leaning_y=leaning_y,
    )


class Comparison(NamedTuple):
    """The difference between two groups of words, with its uncertainty."""

    difference: float  # mean of the first group minus mean of the second
    effect: float  # Hedges' g: the difference in pooled standard deviations
    low: float  # 95 % interval of the effect, from the bootstrap over words
    high: float
    p_value: float  # two-sided, from permuting the groups


def compare_groups(
    first: np.ndarray, second: np.ndarray, draws: int = 10_000, seed: int = 0
) -> Comparison:
    """Compare two groups of words: effect size, bootstrap interval and permutation test.

    Args:
        first, second: one number a word, shapes (n,) and (m,).
        draws: bootstrap samples, and permutations.
        seed: for both.

    Returns:
        The difference of means; Hedges' g = (difference / pooled standard deviation)
        × (1 - 3 / (4 (n + m) - 9)); its 95 % percentile interval; a p-value.

    Raises:
        BadInputError: a group has fewer than two words.

    Source: Hedges (1981), Journal of Educational Statistics 6. Used in lesson 01.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    _require_two(first, second)
    random = np.random.default_rng(seed)
    samples = hedges_g(
        random.choice(first, size=(draws, len(first))),
        random.choice(second, size=(draws, len(second))),
    )  # Shape: (draws,)
    low, high = np.nanpercentile(samples, [2.5, 97.5])
    observed = first.mean() - second.mean()
    differences = _regroupings(np.concatenate([first, second]), len(first), draws, seed)
    return Comparison(
        difference=float(observed),
        effect=float(hedges_g(first, second)),
        low=float(low),
        high=float(high),
        p_value=_share(np.abs(differences) >= abs(observed) - 1e-12),
    )


def hedges_g(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return Hedges' g along the last axis: the difference in pooled standard deviations."""
    n, m = first.shape[-1], second.shape[-1]
    pooled = ((n - 1) * first.var(-1, ddof=1) + (m - 1) * second.var(-1, ddof=1)) / (n + m - 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        d = (first.mean(-1) - second.mean(-1)) / np.sqrt(pooled)
    return d * (1 - 3 / (4 * (n + m) - 9))


def _require_two(first: np.ndarray, second: np.ndarray) -> None:
    if min(len(first), len(second)) < 2:
        raise BadInputError(
            f"The groups have {len(first)} and {len(second)} words. Each needs at least two."
        )


def _regroupings(values: np.ndarray, size: int, draws: int, seed: int) -> np.ndarray:
    """Return the differences of means over all regroupings, or over random ones if too many."""
    n = len(values)
    if comb(n, size) <= draws:
        chosen = np.array(list(combinations(range(n), size)))  # Shape: (regroupings, size)
    else:
        random = np.random.default_rng(seed)
        chosen = random.random((draws, n)).argsort(axis=1)[:, :size]  # Shape: (draws, size)
    sums = values[chosen].sum(axis=1)
    differences = sums / size - (values.sum() - sums) / (n - size)
    if comb(n, size) <= draws:
        return differences
    observed = values[:size].mean() - values[size:].mean()
    return np.append(differences, observed)  # the observed grouping is one of them


def _share(condition: np.ndarray) -> float:
    return float(np.mean(condition))


def sense_similarity(
    vectors: np.ndarray, words: Sequence[str], senses: Sequence[str]
) -> pd.DataFrame:
    """Return how similar a word's uses are within one sense and between two senses.

    Args:
        vectors: the word in each sentence, shape (n, d).
        words, senses: which word and which sense each sentence uses, n of each.

    Returns:
        One row per word: within and between (mean cosines over pairs of sentences) and
        separation = within - between.

    Raises:
        BadInputError: the lengths differ, or a word has no pair within a sense or between two.

    Used in lesson 01.
    """
    import pandas as pd

    words, senses = np.asarray(words), np.asarray(senses)
    if not len(vectors) == len(words) == len(senses):
        raise BadInputError(
            f"There are {len(vectors)} vectors, {len(words)} words and {len(senses)} senses. "
            "Give one of each for every sentence."
        )
    rows = {}
    for word in dict.fromkeys(words):
        chosen = words == word
        similarity = cosine(vectors[chosen], vectors[chosen])
        pair = np.triu(np.ones_like(similarity, dtype=bool), k=1)  # each pair once, no self
        same = senses[chosen][:, None] == senses[chosen][None, :]
        if not (pair & same).any() or not (pair & ~same).any():
            raise BadInputError(
                f"The word '{word}' needs two sentences of one sense and one of another."
            )
        within, between = similarity[pair & same].mean(), similarity[pair & ~same].mean()
        rows[word] = {"within": within, "between": between, "separation": within - between}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("word")


def sense_accuracy(
    features: np.ndarray, words: Sequence[str], senses: Sequence[str], folds: int = 7
) -> pd.Series:
    """Return how well a small classifier tells each word's senses apart from given features.

    For each word, a logistic regression learns its senses from some of its sentences and is
    scored on the others, by stratified cross-validation. The features stay as they are.

    Args:
        features: one row per sentence, shape (n, d).
        words, senses: which word and which sense each sentence uses, n of each.
        folds: at most the number of sentences of the rarest sense.

    Returns:
        The accuracy for each word, from 0 to 1.

    Source: the frozen-features recipe of Peters et al. (2018), NAACL. Used in lesson 01.
    """
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    words, senses = np.asarray(words), np.asarray(senses)
    task_model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    splitter = StratifiedKFold(folds, shuffle=True, random_state=0)
    accuracy = {}
    for word in dict.fromkeys(words):
        chosen = words == word
        with threadpool_limits(1):  # the tables are small: sharing them out costs more time
            scores = cross_val_score(task_model, features[chosen], senses[chosen], cv=splitter)
        accuracy[word] = scores.mean()
    return pd.Series(accuracy, name="accuracy").rename_axis("word")
