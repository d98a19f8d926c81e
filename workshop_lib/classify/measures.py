"""How good is a classifier? Tables by label, comparisons of two, calibration, errors by group.

Used in lessons 03 to 06.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from workshop_lib.errors import BadInputError


def per_class(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> pd.DataFrame:
    """Return precision, recall, F1 and cases by label, and three summary rows.

    precision = right / predicted as the label, recall = right / rows with the label,
    F1 = 2 · precision · recall / (precision + recall). "macro" is the plain mean over labels,
    "weighted" the mean weighted by cases; "accuracy" stands in all three columns.

    Args:
        truth: n true labels.
        predicted: n predicted labels.
        labels: all labels, in the order of the rows.

    Returns:
        One row a label, then "macro", "weighted" and "accuracy".

    >>> per_class(["a", "a", "b"], ["a", "b", "b"], ["a", "b"]).loc["a"].tolist()
    [1.0, 0.5, 0.6666666666666666, 2.0]
    """
    from sklearn.metrics import precision_recall_fscore_support

    truth, predicted, labels = list(truth), list(predicted), list(labels)
    if len(truth) != len(predicted):
        raise BadInputError(
            f"There are {len(truth)} true and {len(predicted)} predicted labels. "
            "Give one prediction for each row."
        )
    values = precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    table = pd.DataFrame(
        {"precision": values[0], "recall": values[1], "F1": values[2], "cases": values[3].astype(float)},
        index=pd.Index(labels, name="label"),
    )
    shares = table["cases"] / max(1, table["cases"].sum())
    scores = ["precision", "recall", "F1"]
    accuracy = float(np.mean(np.array(truth) == np.array(predicted))) if truth else 0.0
    summary = {
        "macro": [*table[scores].mean(), len(truth)],
        "weighted": [*table[scores].mul(shares, axis=0).sum(), len(truth)],
        "accuracy": [accuracy, accuracy, accuracy, len(truth)],
    }
    for name, row in summary.items():
        table.loc[name] = row
    return table


class McNemar(NamedTuple):
    """Two classifiers on the same rows: where only one of them is right."""

    only_first: int
    only_second: int
    p: float  # exact, two-sided


def mcnemar(truth: Sequence[str], first: Sequence[str], second: Sequence[str]) -> McNemar:
    """Return McNemar's exact test of two classifiers on the same rows.

    Rows where both are right or both are wrong say nothing about the difference. Of the others,
    half should favour each if the two were equally good: a binomial test with p = 1/2.

    Source: McNemar (1947), Psychometrika 12; Dietterich (1998), Neural Computation 10.

    >>> mcnemar("aaaaaa", "aaaaaa", "bbbbba").p
    0.0625
    """
    from scipy.stats import binomtest

    truth, first, second = (np.array(list(values)) for values in (truth, first, second))
    if not len(truth) == len(first) == len(second):
        raise BadInputError(
            f"The three lists have {len(truth)}, {len(first)} and {len(second)} items. "
            "Give the true label and both predictions of the same rows."
        )
    only_first = int(((first == truth) & (second != truth)).sum())
    only_second = int(((first != truth) & (second == truth)).sum())
    differing = only_first + only_second
    p = binomtest(only_first, differing).pvalue if differing else 1.0
    return McNemar(only_first, only_second, float(p))


def calibration(
    truth: Sequence[str], probabilities: np.ndarray, labels: Sequence[str], bins: int = 10
) -> pd.DataFrame:
    """Return, by bins of the stated probability, how often the likeliest label is right.

    A classifier is calibrated if, of the rows where it says 0.8, eight in ten are right. The
    expected calibration error, Σ_b (n_b / n) · |right_b − stated_b|, is in ``attrs["ece"]``.

    Args:
        truth: n true labels.
        probabilities: array of shape (n, k), columns as in ``labels``.
        labels: the k labels.
        bins: number of equal intervals between 0 and 1.

    Source: Guo et al. (2017), On Calibration of Modern Neural Networks, ICML.
    """
    probabilities = np.asarray(probabilities, float)
    if probabilities.shape != (len(truth), len(labels)):
        raise BadInputError(
            f"The probabilities have shape {probabilities.shape}; {len(truth)} rows and "
            f"{len(labels)} labels need {(len(truth), len(labels))}."
        )
    stated = probabilities.max(axis=1)
    right = np.array([labels[i] for i in probabilities.argmax(axis=1)]) == np.array(list(truth))
    bin_of = np.minimum((stated * bins).astype(int), bins - 1)
    rows = []
    for number in np.unique(bin_of):
        inside = bin_of == number
        rows.append(
            {
                "from": number / bins,
                "to": (number + 1) / bins,
                "cases": int(inside.sum()),
                "stated": stated[inside].mean(),
                "right": right[inside].mean(),
            }
        )
    table = pd.DataFrame(rows)
    table.attrs["ece"] = float((table["cases"] * (table["right"] - table["stated"]).abs()).sum() / len(stated))
    return table


def errors_by(
    table: pd.DataFrame, group: str, predicted: Sequence[str], label: str = "label"
) -> pd.DataFrame:
    """Return accuracy by group with 95 % Wilson intervals, and the most frequent error of each.

    Args:
        table: rows with the true label and the group.
        group: the column of the groups, such as "party".
        predicted: the predicted label of each row.
        label: the column of the true labels.
    """
    from scipy.stats import binomtest

    for column in (group, label):
        if column not in table.columns:
            raise BadInputError(f"The table has no column '{column}'. It has: {', '.join(table.columns)}.")
    data = pd.DataFrame({"group": table[group].values, "truth": table[label].values, "said": list(predicted)})
    rows = []
    for name, part in data.groupby("group"):
        right = int((part["truth"] == part["said"]).sum())
        low, high = binomtest(right, len(part)).proportion_ci(method="wilson")
        wrong = part[part["truth"] != part["said"]]
        pairs = (wrong["truth"] + " → " + wrong["said"]).value_counts()
        rows.append(
            {
                group: name, "cases": len(part), "accuracy": right / len(part), "low": low, "high": high,
                "most frequent error": f"{pairs.index[0]} ({pairs.iloc[0]})" if len(pairs) else "",
            }
        )  # fmt: skip
    return pd.DataFrame(rows).set_index(group)
