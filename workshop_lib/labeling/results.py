"""What came out of a run: its results as a table, votes over repeats, and how far two runs agree.

Used in lesson 06.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from sys import intern
from typing import TYPE_CHECKING

from workshop_lib.errors import BadInputError
from workshop_lib.labeling.store import COLUMNS, Store

if TYPE_CHECKING:
    import pandas as pd

NAN = float("nan")
OBJECTS = ("label", "probabilities", "votes")  # columns in which None means that there is no label
NUMBERS = ("cost", "seconds", "share")


def read_results(folder: str | Path) -> pd.DataFrame:
    """Return the results that a run has so far, without making any call. Used in lesson 06."""
    with Store(folder, create=False) as store:
        store.choose_all()
        return table(store)


def table(store: Store) -> pd.DataFrame:
    """Return the results of the calls that a store has chosen; the folder is in ``attrs``."""
    lists: dict[str, list] = {name: [] for name in COLUMNS}
    for row in store.rows():
        for name, values in lists.items():
            # Many rows have the same label, question or model: one object for all of them.
            values.append(intern(row[name]) if type(row[name]) is str and name not in ("id", "detail") else row[name])
    results = _frame(lists)
    results.attrs["folder"] = str(store.folder)
    return results


def vote(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row an item and question: the label that most repeats gave.

    A tie goes to the label with the higher mean probability, if the engine gave probabilities;
    else there is no label, and the status is "invalid". Repeats without a label don't vote.

    Args:
        results: of `label` with several repeats.

    Returns:
        The results table with repeat 0, tokens, cost, seconds and attempts summed, and two more
        columns: votes (label -> repeats) and share (of the repeats with a label, for the winner).

    Used in lesson 06.
    """
    _need_columns(results, COLUMNS)
    rows = []
    for _, part in results.groupby(["id", "question"], sort=False):
        valid = part[part["status"] == "ok"]
        votes = {name: int(count) for name, count in valid["label"].value_counts(sort=False).items()}
        stated = _mean_probabilities(valid["probabilities"])
        winners = _highest(votes)
        if len(winners) > 1 and stated:
            winners = _highest({name: stated.get(name, 0.0) for name in winners})
        row = part.iloc[0].to_dict() | {"label": None, "probabilities": stated, "votes": votes, "share": NAN}
        row |= {name: int(part[name].sum()) for name in ("input_tokens", "output_tokens", "attempts")}
        row |= {name: part[name].sum(min_count=1) for name in ("cost", "seconds")}
        row |= {"repeat": 0, "cached": bool(part["cached"].all())}
        if len(winners) == 1:
            share = votes[winners[0]] / sum(votes.values())
            row |= {"label": winners[0], "status": "ok", "detail": "", "share": share}
        elif winners:
            row |= {"status": "invalid", "detail": f"A tie of {', '.join(winners)}."}
        rows.append(row)
    return _frame({name: [row[name] for row in rows] for name in (*COLUMNS, "votes", "share")})


def compare(results_a: pd.DataFrame, results_b: pd.DataFrame) -> pd.DataFrame:
    """Return how far two runs agree, one row a question.

    Repeats are put to the vote first. Rows where either run has no label don't count towards
    agreement; how many there are is shown.

    Args:
        results_a: results of one run.
        results_b: results of another on the same items, with one question in common at least.

    Returns:
        A table by question: rows (with a label in both), only_a, only_b, neither (with a label),
        agreement (share of equal labels) with its 95 % Wilson interval low and high,
        kappa (Cohen's), alpha (Krippendorff's, nominal), and the most frequent difference.

    Raises:
        BadInputError: no item and question in common.

    Used in lesson 06.
    """
    import pandas as pd

    sides = []
    for results in (results_a, results_b):
        _need_columns(results, ("id", "question", "repeat", "label", "status"))
        voted = vote(results) if results["repeat"].nunique() > 1 else results
        sides.append(voted[["id", "question", "label"]])
    both = sides[0].merge(sides[1], on=["id", "question"], suffixes=("_a", "_b"), validate="one_to_one")
    if both.empty:
        raise BadInputError("The two runs have no item and question in common. Compare runs on the same table.")
    rows = []
    for question, part in both.groupby("question", sort=False):
        has_a, has_b = part["label_a"].notna(), part["label_b"].notna()
        labelled = part[has_a & has_b]
        counts = {
            "rows": len(labelled), "only_a": int((has_a & ~has_b).sum()), "only_b": int((~has_a & has_b).sum()),
            "neither": int((~has_a & ~has_b).sum()),
        }  # fmt: skip
        figures = _agreement(labelled["label_a"].tolist(), labelled["label_b"].tolist())
        rows.append({"question": question} | counts | figures)
    return pd.DataFrame(rows).set_index("question")


def _agreement(a: list[str], b: list[str]) -> dict:
    """Return the figures of two lists of labels; NaN where there is nothing to compare."""
    from collections import Counter

    from scipy.stats import binomtest
    from sklearn.metrics import cohen_kappa_score

    from workshop_lib.agreement import krippendorff_alpha

    if not a:
        return dict.fromkeys(("agreement", "low", "high", "kappa", "alpha"), NAN) | {"difference": ""}
    different = Counter(f"{x} → {y}" for x, y in zip(a, b, strict=True) if x != y)
    same = len(a) - different.total()
    low, high = binomtest(same, len(a)).proportion_ci(method="wilson")
    return {
        "agreement": same / len(a), "low": float(low), "high": float(high),
        "kappa": float(cohen_kappa_score(a, b)) if len({*a, *b}) > 1 else NAN, "alpha": krippendorff_alpha([a, b]),
        "difference": "".join(f"{pair} ({count})" for pair, count in different.most_common(1)),
    }  # fmt: skip


def _frame(lists: dict[str, list]) -> pd.DataFrame:
    """Return lists as a table whose columns have the same types however many rows there are."""
    import pandas as pd

    types = dict.fromkeys(OBJECTS, object) | dict.fromkeys(NUMBERS, float)
    return pd.DataFrame({name: pd.Series(values, dtype=types.get(name)) for name, values in lists.items()})


def _mean_probabilities(stated: Iterable[dict | None]) -> dict[str, float] | None:
    known = [given for given in stated if isinstance(given, dict)]
    names = dict.fromkeys(name for given in known for name in given)
    return {name: sum(given.get(name, 0.0) for given in known) / len(known) for name in names} or None


def _highest(values: dict[str, float]) -> list[str]:
    return [name for name, value in values.items() if value == max(values.values())]


def _need_columns(results: pd.DataFrame, names: Iterable[str]) -> None:
    missing = [name for name in names if name not in results.columns]
    if missing:
        raise BadInputError(
            f"The table has no column {', '.join(missing)}. Give what label(), resume() or read_results() returned."
        )
