"""Recomputes the figures of the datasheets: ``python -m workshop_lib.course.data_figures posts``."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Sequence

import pandas as pd

from workshop_lib import data
from workshop_lib.agreement import krippendorff_alpha
from workshop_lib.errors import UnknownNameError, closest

VARIABLES = {
    "pictures": ("political_text", "political_pair", "mood"),
    "posts": ("political", "uncivil", "covid", "sentiment", "target", "stance"),
    "tickets": ("label",),
}
SPLITS = {"test": 20, "valid": 10}  # per cent; the rest is for training
NEAR = 0.5  # texts that share half of their words count as near-duplicates


def words(text: str) -> frozenset[str]:
    """Return the set of a text's words, in lower case."""
    return frozenset(re.findall(r"\w+", text.lower()))


def groups(texts: Sequence[str]) -> list[int]:
    """Return the group of each text: near-duplicates, directly or through others, share one.

    Two texts are near-duplicates if they share at least half of all their words (Jaccard).

    >>> groups(["The cat sat here.", "Rain all day.", "the cat sat there"])
    [0, 1, 0]
    """
    sets = [words(text) for text in texts]
    group = list(range(len(texts)))
    for i, one in enumerate(sets):
        for j in range(i):
            if len(one & sets[j]) >= NEAR * len(one | sets[j]):
                old, new = group[i], group[j]
                group = [new if number == old else number for number in group]
    return group


def splits(texts: Sequence[str]) -> list[str]:
    """Return "train", "valid" or "test" for each text, from the SHA-256 of its group's first text.

    The first is the first in alphabetical order, so the order of the rows doesn't matter.
    """
    group = groups(texts)
    first: dict[int, str] = {}
    for number, text in zip(group, texts, strict=True):
        first[number] = min(text, first.get(number, text))
    found = []
    for number in group:
        bucket = int.from_bytes(hashlib.sha256(first[number].encode()).digest()[:8], "big") % 100
        limit, side = 0, "train"
        for name, share in SPLITS.items():
            if limit <= bucket < limit + share:
                side = name
            limit += share
        found.append(side)
    return found


def cramers_v(one: pd.Series, other: pd.Series) -> float:
    """Return Cramér's V of two columns: 0 if they are independent, 1 if one tells the other.

    V = √(χ² / (n · (min(rows, columns) − 1))).
    """
    from scipy.stats.contingency import association

    return float(association(pd.crosstab(one, other).to_numpy(), method="cramer"))


def figures(name: str) -> list[str]:
    """Return the figures of a datasheet as lines of text.

    Raises:
        UnknownNameError: no figures are known for this data set.
    """
    from workshop_lib import classify

    if name not in VARIABLES:
        raise UnknownNameError(f"No figures of '{name}'. {closest(name, sorted(VARIABLES))}")
    table = data.load(name)
    lines = [f"rows: {len(table)}; by split: {counts(table['split'])}"]
    lines.append(f"near-duplicates: {len(table) - len(set(groups(list(table['text']))))}")
    lengths = table["text"].str.split().str.len()
    lines.append(f"words a text: {lengths.min()} to {lengths.max()}, median {lengths.median():.0f}")
    train, test = table[table["split"] == "train"], table[table["split"] == "test"]
    for variable in VARIABLES[name]:
        one, two = table[f"{variable}_coder_1"], table[f"{variable}_coder_2"]
        alpha = krippendorff_alpha([list(one), list(two)])
        word, score = classify.best_single_word(train, test, "text", variable)
        majority = classify.baseline("majority", train, "text", variable).evaluate(test, "text", variable)
        lines.append(
            f"{variable}: {counts(table[variable])}; coders agree on {(one == two).sum()} of {len(table)}, "
            f"alpha {alpha:.3f}; best single word '{word}', macro F1 {score:.2f} "
            f"(majority {majority.loc['macro', 'F1']:.2f}) on the test split"
        )
    if name == "posts":
        held = table[table["target"] != "none"]
        lines.append(f"Cramér's V of stance and sentiment, {len(held)} posts with a target: {cramers_v(held['stance'], held['sentiment']):.3f}")
        for one, other in (("political", "uncivil"), ("political", "sentiment"), ("political", "covid"), ("uncivil", "sentiment"), ("uncivil", "covid")):
            lines.append(f"Cramér's V of {one} and {other}: {cramers_v(table[one], table[other]):.3f}")
    return lines


def counts(column: pd.Series) -> str:
    return ", ".join(f"{value} {count}" for value, count in column.value_counts().items())


def main(arguments: list[str]) -> int:
    """Print the figures of the named data sets, or of all."""
    for name in arguments or sorted(VARIABLES):
        print(f"{name}\n" + "\n".join(f"  {line}" for line in figures(name)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
