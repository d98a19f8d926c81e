"""A 5-gram language model with interpolated Kneser–Ney smoothing: the count model to beat.

Source: Kneser and Ney 1995; Chen and Goodman 1999, interpolated form with one discount an
order. N-grams are kept as 64-bit hashes, so that 40 million tokens fit in memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class Order(NamedTuple):
    """The counts of one order n: sorted hashes of n-grams and of their contexts."""

    grams: np.ndarray  # hashes of distinct n-grams
    counts: np.ndarray  # how often each occurs (highest order) or how many words precede it
    contexts: np.ndarray  # hashes of distinct contexts (the first n − 1 tokens)
    totals: np.ndarray  # sum of the counts over each context
    followers: np.ndarray  # number of distinct tokens after each context
    discount: float


def hashes(tokens: np.ndarray, n: int) -> np.ndarray:
    """Return a 64-bit hash of each n-gram of a row of tokens, shape (len(tokens) − n + 1,)."""
    found = np.zeros(len(tokens) - n + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for place in range(n):
            part = tokens[place : len(tokens) - n + 1 + place].astype(np.uint64) + np.uint64(1)
            found = (found ^ part) * MULTIPLIER
            found ^= found >> np.uint64(29)
    return found


def fit(tokens: np.ndarray, order: int = 5) -> list[Order]:
    """Count the n-grams of a row of tokens, orders 1 to ``order``."""
    orders: list[Order] = []
    counts_below = None
    for n in range(order, 0, -1):
        rows = hashes(tokens, n)
        grams, first, counts = np.unique(rows, return_index=True, return_counts=True)
        if counts_below is not None:  # lower orders count the different words before the n-gram
            counts = counts_below(grams)
        context_rows = hashes(tokens, n - 1)[first] if n > 1 else np.zeros(len(grams), np.uint64)
        contexts, place = np.unique(context_rows, return_inverse=True)
        totals = np.bincount(place, weights=counts)
        followers = np.bincount(place)
        once, twice = (counts == 1).sum(), (counts == 2).sum()
        discount = once / (once + 2 * twice) if once else 0.5
        orders.insert(0, Order(grams, counts, contexts, totals, followers, discount))
        if n > 1:
            suffixes, different = np.unique(hashes(tokens, n - 1)[first + 1], return_counts=True)

            def counts_below(wanted, suffixes=suffixes, different=different):
                return np.maximum(look_up(suffixes, different, wanted), 1)

    return orders


def look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the value of each wanted key, 0 where it isn't among the sorted keys."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)


def log2_probabilities(orders: list[Order], tokens: np.ndarray, vocabulary: int) -> np.ndarray:
    """Return the log2 probability of each token but the first, given up to 4 tokens before it.

    P(w|h) = max(c(hw) − D, 0)/c(h) + D · followers(h)/c(h) · P(w|h without its first token)

    Args:
        orders: what :func:`fit` returned.
        tokens: the tokens to predict, shape (n,).
        vocabulary: size of the vocabulary; the last resort is 1/vocabulary.

    Returns:
        shape (n − 1,).
    """
    probability = np.full(len(tokens), 1 / vocabulary)  # Shape: (n,)
    for n, counted in enumerate(orders, start=1):
        if len(tokens) < n:
            break
        grams = hashes(tokens, n)
        contexts = hashes(tokens[:-1], n - 1) if n > 1 else np.zeros(len(grams), np.uint64)
        contexts = contexts[: len(grams)]
        count = look_up(counted.grams, counted.counts, grams)
        total = look_up(counted.contexts, counted.totals, contexts)
        followers = look_up(counted.contexts, counted.followers, contexts)
        known = total > 0
        safe = np.where(known, total, 1)
        mixed = (
            np.maximum(count - counted.discount, 0) / safe
            + counted.discount * followers / safe * probability[n - 1 :]
        )
        probability[n - 1 :] = np.where(known, mixed, probability[n - 1 :])
    return np.log2(probability[1:])
