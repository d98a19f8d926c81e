"""Mistakes that a table of figures hides: shifted labels, error codes, accuracy without agreement.

Used in lesson 06.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from workshop_lib.labeling.tables import joined

CODES = {"97", "98", "99", "997", "998", "999", "9999", "88", "888", "-1", "-7", "-8", "-9", "-99", "-999"}
WORDS = {"error", "invalid", "refused", "skipped for budget", "n/a", "na", "nan", "null", "none", "unknown error"}


class Pitfall(NamedTuple):
    """A mistake that was found."""

    name: str  # "shifted labels", "error code as a label" or "accuracy without agreement"
    message: str


def pitfalls(results: pd.DataFrame, gold: pd.DataFrame, question: str, sample: bool | None = None) -> list[Pitfall]:
    """Return the mistakes found in answers or gold labels; an empty list if there are none.

    "shifted labels": numbers that agree with gold after a constant is subtracted (kappa at least 0.4, and 0.3
    more than without). "error code as a label": 99, -1, "error" and the like among the labels, far from all
    others or unknown to gold. "accuracy without agreement": accuracy of at least 0.8 with kappa below 0.2.

    Args:
        results: a run.
        gold: "id" and the question's column.
        question: its name.
        sample: True if gold holds only some of the items. By default, whether it has a column "inclusion".

    Returns:
        Name and message of each mistake; signs of one, no proof.

    Used in lesson 06.

    >>> results = pd.DataFrame({"id": range(6), "question": "theme", "label": list("345345"), "status": "ok"})
    >>> [found.name for found in pitfalls(results, pd.DataFrame({"id": range(6), "theme": list("123123")}), "theme")]
    ['shifted labels']
    """
    rows = joined(results, gold, question, sample)
    rows = rows[rows["status"] == "ok"]
    return pitfalls_of(list(rows["truth"]), list(rows["said"])) if len(rows) else []


def pitfalls_of(truth: list[str], said: list[str]) -> list[Pitfall]:
    """Return the mistakes found in two lists of labels of the same items."""
    return [found for check in (shifted, error_code, hollow) if (found := check(truth, said))]


def shifted(truth: list[str], said: list[str]) -> Pitfall | None:
    """Return whether numbers agree after a constant is subtracted."""
    pairs = [(int(one), int(two)) for one, two in zip(truth, said, strict=True) if is_number(one) and is_number(two)]
    if len(pairs) < 5:
        return None
    gold, model = np.array(pairs).T
    shifts, counts = np.unique(model - gold, return_counts=True)
    shift = int(shifts[counts.argmax()])
    plain, moved = kappa(gold.tolist(), model.tolist()), kappa(gold.tolist(), (model - shift).tolist())
    if shift == 0 or not moved >= max(0.4, np.nan_to_num(plain) + 0.3):
        return None
    return Pitfall(
        "shifted labels",
        f"{counts.max()} of {len(pairs)} answers are gold's label {'plus' if shift > 0 else 'minus'} {abs(shift)}: "
        f"kappa is {plain:.2f}, and {moved:.2f} after subtracting {shift}. The two tables number the labels "
        "differently. Use names instead of numbers, or give both the same numbers.",
    )


def error_code(truth: list[str], said: list[str]) -> Pitfall | None:
    """Return whether a code for a missing answer stands among the labels."""
    used = {*truth, *said}
    others = [int(label) for label in used if is_number(label) and label not in CODES]
    found = []
    for label in sorted(used):
        if label not in CODES:
            suspicious = label.strip().lower() in WORDS and label not in truth
        elif not others:  # the other labels are words, if there are any
            suspicious = len(used - CODES) > 0
        elif int(label) > 0:
            suspicious = int(label) - max(others) >= max(others) - min(others)
        else:
            suspicious = min(others) >= 0 and label not in truth
        if suspicious:
            found.append(f"'{label}' ({said.count(label)} answers, {truth.count(label)} gold labels)")
    if not found:
        return None
    return Pitfall(
        "error code as a label",
        f"Among {len(said)} answers and gold labels: {', '.join(found)}. It looks like a code for a missing answer, "
        "and counts as a label in every share, accuracy and kappa. Give such answers a status and no label, and leave "
        "such gold labels empty.",
    )


def hollow(truth: list[str], said: list[str]) -> Pitfall | None:
    """Return whether accuracy is high only since one label is frequent."""
    right = float(np.mean([one == two for one, two in zip(truth, said, strict=True)]))
    agreement, usual = kappa(truth, said), most_frequent(truth)
    if right < 0.8 or agreement >= 0.2:
        return None
    shown = "can't be computed" if np.isnan(agreement) else f"is {agreement:.2f}"
    return Pitfall(
        "accuracy without agreement",
        f"Accuracy is {right:.2f}, but kappa {shown}: always answering '{usual}' would reach "
        f"{truth.count(usual) / len(truth):.2f}. Report kappa and recall by label; draw more items with rare labels.",
    )


def kappa(first: list, second: list) -> float:
    """Return Cohen's kappa; NaN if only one label was ever used."""
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(first, second)) if len({*first, *second}) > 1 else float("nan")


def most_frequent(labels: list[str]) -> str:
    """Return the most frequent label; of several, the first in sorted order."""
    return max(sorted(set(labels)), key=labels.count)


def is_number(label: str) -> bool:
    """Return whether a label is a whole number."""
    return re.fullmatch(r"-?[0-9]+", label) is not None
