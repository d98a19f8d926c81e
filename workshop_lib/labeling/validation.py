"""How good are the answers? Agreement with hand labels, with intervals, by label, and beside that of coders.

Used in lesson 06.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from workshop_lib.agreement import krippendorff_alpha, squared_distances
from workshop_lib.classify.measures import calibration
from workshop_lib.errors import BadInputError, UnknownNameError, closest
from workshop_lib.labeling.pitfalls import is_number, kappa, most_frequent, pitfalls, pitfalls_of
from workshop_lib.labeling.protocol import STATUSES
from workshop_lib.labeling.questions import Choice, Question
from workshop_lib.labeling.robustness import alternative_annotator_test, order_test, wording_test
from workshop_lib.labeling.tables import as_label, coder_columns, joined

__all__ = ["Validation", "alternative_annotator_test", "order_test", "pitfalls", "validate", "wording_test"]
NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Validation:
    """Answers beside hand labels. Print it, or take its tables."""

    question: str
    kind: str  # "choice", "tags" or "scale"
    items: int  # items with a gold label
    answered: int  # of these, items with an answer; all tables but `statuses` are about them
    statuses: pd.DataFrame  # items and share by status
    figures: pd.DataFrame  # value, low and high (95 %), and what two human coders reach, by figure
    by_label: pd.DataFrame  # precision, recall, F1 (low, high), gold, answers by label
    confusion: pd.DataFrame  # rows gold, columns answers; of tags: true and false, positive and negative by label
    coders: pd.DataFrame | None  # agreement of each two coders, and of the model with each coder
    reliability: pd.DataFrame | None  # stated probability and share right by bins; attrs["ece"]
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        failed = [f"{count} {status}" for status, count in self.statuses["items"].items() if status != "ok" and count]
        parts = [
            f"Validation of '{self.question}' ({self.kind}): {self.items} items with a gold label, "
            f"{self.answered} answered.",
            f"Without an answer, counted in no figure below: {', '.join(failed)}." if failed else "No item failed.",
            *(f"Warning: {warning}" for warning in self.warnings),
        ]
        tables = {
            "Figures, with 95 % intervals over items": self.figures,
            "By label": self.by_label if len(self.by_label) <= 30 else None,
            "Confusion (rows: gold)": self.confusion if len(self.confusion) <= 12 else None,
            "Coders and model in pairs": self.coders,
            "Stated probability and share right": self.reliability,
        }
        shown = {title: table for title, table in tables.items() if table is not None}
        parts += [f"\n{title}\n{table.round(3).to_string(na_rep='')}" for title, table in shown.items()]
        return "\n".join(parts)

    __repr__ = __str__


def validate(
    results: pd.DataFrame, gold: pd.DataFrame, codebook_or_labels: object, question: str,
    bootstrap: int = 1000, seed: int = 0, sample: bool | None = None,
) -> Validation:  # fmt: skip
    """Return how well the answers agree with the gold labels, and how well the coders agree among themselves.

    A failure (refused, invalid, …) is counted by its status and never as a label. A label that neither gold
    nor model uses has no score and isn't in macro F1. Kappa, alpha and macro F1 of tags are means over labels,
    each against all others. "baseline" is the accuracy of always giving gold's most frequent label. Intervals
    are percentiles over bootstrap samples of the items. ECE has none, since resampling inflates it.

    Args:
        results: a run: one row an item and question; choose one repeat first, or vote.
        gold: "id" and the question's column; ``<question>_coder_1``, ``_2``, … for the ceiling.
        codebook_or_labels: the codebook, its question, or a list of labels.
        question: its name.
        bootstrap: number of bootstrap samples; 0 for no intervals.
        seed: of the bootstrap.
        sample: True if gold holds only some of the items. By default, whether it has a column "inclusion".

    Raises:
        UnknownNameError: the question isn't in the codebook, the results or gold.
        BadInputError: ids that don't match, several answers to one item, labels outside the codebook.

    Source: Cohen (1960), EPM 20; Krippendorff (2019), Content Analysis; Efron (1979), Annals of Statistics 7;
    Guo et al. (2017), ICML; Brier (1950), Monthly Weather Review 78. Used in lesson 06.

    >>> results = pd.DataFrame({"id": ["1", "2", "3"], "question": "tone", "label": ["pro", "con", None],
    ...                         "status": ["ok", "ok", "refused"]})
    >>> gold = pd.DataFrame({"id": ["1", "2", "3"], "tone": ["pro", "con", "con"]})
    >>> found = validate(results, gold, ["pro", "con"], "tone", bootstrap=0)
    >>> found.figures.loc["accuracy", "value"], found.answered, found.statuses.loc["refused", "items"]
    (np.float64(1.0), 2, np.int64(1))
    """
    if not isinstance(bootstrap, int) or bootstrap < 0:
        raise BadInputError(f"bootstrap is {bootstrap!r}. Give a number of samples, such as 1000; 0 for no intervals.")
    asked = _question(codebook_or_labels, question)
    table = joined(results, gold, question, sample)
    statuses = table["status"].value_counts().reindex(STATUSES, fill_value=0).rename("items").to_frame()
    statuses["share"] = statuses["items"] / len(table)
    rows = table[table["status"] == "ok"].copy()
    if rows.empty:
        counts = ", ".join(f"{count} {status}" for status, count in statuses["items"].items() if count)
        raise BadInputError(f"None of the {len(table)} items of '{question}' has an answer ({counts}). See 'detail'.")
    coders = coder_columns(rows)
    for column in ("truth", "said", *coders):
        rows[column] = _legal(rows[column], asked, "answers" if column == "said" else f"gold labels ({column})")
    truth, said = list(rows["truth"]), list(rows["said"])
    reliability, losses = _calibrated(rows, asked)
    per_item = _per_item(truth, said, asked) | _yardsticks(truth, said, asked) | losses
    figures = _agreement(truth, said, asked) | {name: float(_mean(values)) for name, values in per_item.items()}
    if reliability is not None:
        figures["ECE"] = reliability.attrs["ece"]
    draws = np.random.default_rng(seed).integers(0, len(rows), (bootstrap, len(rows)), dtype=np.int32)
    of_tables, f1_by_draw = _resampled(truth, said, asked, draws)
    spread = {name: _mean(values[draws]) for name, values in per_item.items()} | of_tables
    pairs = _pairs(rows, coders, asked)
    people = pairs[~pairs.index.str.startswith("model")] if pairs is not None else []
    ceiling = people.mean() if len(people) else {}
    shown = [
        {"figure": name, "value": value, **_interval(spread.get(name)), "coders": ceiling.get(name, NAN)}
        for name, value in figures.items()
    ]
    by_label = _by_label(truth, said, asked)
    for bound in ("high", "low"):
        by_label.insert(3, f"F1 {bound}", [_interval(values)[bound] for values in f1_by_draw.T])
    found = [pitfall.message for pitfall in pitfalls_of(truth, said)]
    if "inclusion" in gold and gold["inclusion"].nunique() > 1:
        found.append("Gold was drawn with unequal probabilities: the figures are about the coded items, not about all.")
    return Validation(
        question, asked.kind, len(table), len(rows), statuses, pd.DataFrame(shown).set_index("figure"), by_label,
        _confusion(truth, said, asked), pairs, reliability, tuple(found),
    )  # fmt: skip


def _question(given: object, name: str) -> Question:
    """Return the question meant by a codebook and a name, by a question, or by a list of labels."""
    if hasattr(given, "questions"):
        if name not in given.questions:
            raise UnknownNameError(f"The codebook has no question '{name}'. {closest(name, list(given.questions))}")
        return given.questions[name]
    return given if isinstance(given, Question) else Choice(given)


def _legal(labels: pd.Series, asked: Question, where: str) -> list[str | None]:
    """Return the labels as the codebook stores them; raise an error if one isn't in it."""
    legal, illegal = {None: None}, {}
    for label, count in labels.value_counts().items():
        try:
            legal[label] = asked.check(int(label) if asked.kind == "scale" and is_number(label) else label)
        except BadInputError:
            illegal[label] = count
    if illegal:
        raise BadInputError(
            f"{sum(illegal.values())} {where} have a label that isn't in the codebook, such as '{min(illegal)}'. "
            f"Labels: {', '.join(asked.options)}. Mend them; pitfalls() finds shifted labels and error codes."
        )
    return [legal[label] for label in labels]


def _calibrated(rows: pd.DataFrame, asked: Question) -> tuple[pd.DataFrame | None, dict[str, np.ndarray]]:
    """Return the reliability table, and the Brier loss of each item (NaN without probabilities).

    Brier: mean of Σ_k (p_k − y_k)² over items, 0 to 2; of tags: mean of (p − y)² over items and labels.
    """
    options = list(asked.options)
    known = np.array([isinstance(one, dict) and len(one) > 0 for one in rows["probabilities"]])
    if not known.any():
        return None, {}
    some = rows[known]
    stated = [{as_label(label): value for label, value in one.items()} for one in some["probabilities"]]
    for item, one in zip(some.index, stated, strict=True):
        bad = [label for label in one if label not in options or not -1e-6 <= one[label] <= 1 + 1e-6]
        if bad:
            raise BadInputError(
                f"Item '{item}' has the probability {one[bad[0]]} for '{bad[0]}'. "
                f"Give numbers between 0 and 1 for labels of the codebook: {', '.join(options)}."
            )
    p = np.array([[one.get(option, 0.0) for option in options] for one in stated], float).clip(0, 1)  # Shape: (n, k)
    y = _has(list(some["truth"]), asked)
    if asked.kind == "tags":
        sure = np.stack([p.ravel(), 1 - p.ravel()], axis=1)
        table = calibration(np.where(y.ravel(), "has it", "lacks it").tolist(), sure, ["has it", "lacks it"])
    else:
        table = calibration(list(some["truth"]), p, options)
    reduce = np.mean if asked.kind == "tags" else np.sum
    losses, blind = np.full(len(rows), NAN), np.full(len(rows), NAN)
    losses[known], blind[known] = reduce((p - y) ** 2, axis=1), reduce((y.mean(0) - y) ** 2, axis=1)
    return table, {"Brier": losses, "Brier of gold's shares": blind}


# Figures of two lists of labels


def _has(labels: list[str], asked: Question) -> np.ndarray:
    """Return whether each item has each label, shape (n, k)."""
    given = [label.split("|") if asked.kind == "tags" else [label] for label in labels]
    return np.array([[option in one for option in asked.options] for one in given], int)


def _agreement(truth: list[str], said: list[str], asked: Question) -> dict[str, float]:
    """Return the figures of agreement of two lists of labels; all are the same with the lists exchanged."""
    figures = {name: float(_mean(values)) for name, values in _per_item(truth, said, asked).items()}
    if asked.kind == "scale":
        codes = [[int(label) for label in labels] for labels in (truth, said)]
        return figures | {"ordinal alpha": krippendorff_alpha(codes, "ordinal"), "kappa": kappa(truth, said)}
    columns = [(truth, said)]
    if asked.kind == "tags":
        columns = list(zip(_has(truth, asked).T.tolist(), _has(said, asked).T.tolist(), strict=True))
    return figures | {
        "kappa": float(_mean([kappa(*pair) for pair in columns])),
        "alpha": float(_mean([krippendorff_alpha(pair) for pair in columns])),
        "macro F1": float(_mean(_by_label(truth, said, asked)["F1"])),
    }


def _per_item(truth: list[str], said: list[str], asked: Question) -> dict[str, np.ndarray]:
    """Return the figures of agreement that are means over items, each item's value, shape (n,)."""
    right = np.array([one == two for one, two in zip(truth, said, strict=True)], float)
    if asked.kind == "choice":
        return {"accuracy": right}
    if asked.kind == "scale":
        return {"exact": right, "mean absolute error": np.abs(np.array(truth, int) - np.array(said, int))}
    first, second = _has(truth, asked), _has(said, asked)
    either = (first | second).sum(1)
    return {"exact": right, "Jaccard": np.where(either, (first & second).sum(1) / np.maximum(either, 1), 1.0)}


def _yardsticks(truth: list[str], said: list[str], asked: Question) -> dict[str, np.ndarray]:
    """Return each item's value of answers that take no reading, and what the model gains over them."""
    if asked.kind == "tags":
        return {}
    usual, right = np.array(truth) == most_frequent(truth), np.array(truth) == np.array(said)
    found = {"baseline": usual.astype(float), "gain over baseline": right * 1.0 - usual}
    if asked.kind == "scale":
        gold = np.array(truth, int)
        found["error of always the median"] = np.abs(gold - np.median(gold))
    return found


def _by_label(truth: list[str], said: list[str], asked: Question) -> pd.DataFrame:
    """Return precision, recall and F1 of each label against all others; NaN where a label isn't used."""
    from sklearn.metrics import precision_recall_fscore_support

    first, second = (np.pad(_has(labels, asked), ((0, 0), (0, 1))) for labels in (truth, said))  # wants two or more
    values = precision_recall_fscore_support(first, second, zero_division=np.nan)
    data = dict(zip(("precision", "recall", "F1", "gold"), values, strict=True)) | {"answers": second.sum(0)}
    return pd.DataFrame(data)[:-1].set_index(pd.Index(asked.options, name="label"))


def _confusion(truth: list[str], said: list[str], asked: Question) -> pd.DataFrame:
    """Return counts of gold by answers; of tags, by label."""
    from sklearn.metrics import confusion_matrix, multilabel_confusion_matrix

    options = list(asked.options)
    if asked.kind == "tags":
        first, second = (np.pad(_has(labels, asked), ((0, 0), (0, 1))) for labels in (truth, said))
        counts = multilabel_confusion_matrix(first, second)[:-1].reshape(-1, 4)
        names = ["true negative", "false positive", "false negative", "true positive"]
        return pd.DataFrame(counts, index=pd.Index(options, name="label"), columns=names)
    counts = confusion_matrix(truth, said, labels=options)
    return pd.DataFrame(counts, index=pd.Index(options, name="gold"), columns=pd.Index(options, name="answer"))


def _pairs(rows: pd.DataFrame, coders: list[str], asked: Question) -> pd.DataFrame | None:
    """Return the figures of agreement of each two coders and of the model with each, on the same items."""
    found = {}
    for first, second in [*combinations(coders, 2), *(("said", coder) for coder in coders)]:
        both = rows[[first, second]].dropna()
        if len(both):
            figures = _agreement(list(both[first]), list(both[second]), asked)
            found[f"{first.replace('said', 'model')} – {second}"] = {"items": len(both), **figures}
    return pd.DataFrame.from_dict(found, orient="index") if found else None


# Intervals


def _resampled(
    truth: list[str], said: list[str], asked: Question, draws: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return kappa, alpha and macro F1, shape (b,), and F1 by label, (b, k), of each bootstrap sample.

    The same figures as in :func:`_agreement`, from confusion matrices: some fifty times faster.

    Args:
        draws: items of each sample, shape (b, n).
    """
    if asked.kind == "tags":  # a 2 × 2 table for each tag, of which the second diagonal cell is the tag itself
        used, shape = asked.options, (len(asked.options), 2, 2)
        cells = (4 * np.arange(len(used)) + 2 * _has(truth, asked) + _has(said, asked)).T  # Shape: (k, n)
    else:  # one table; labels that nobody uses change nothing
        used = sorted({*truth, *said}, key=asked.options.index)
        shape, place = (1, len(used), len(used)), {option: i for i, option in enumerate(used)}
        cells = np.array([[place[one] * len(used) + place[two] for one, two in zip(truth, said, strict=True)]])
    level = "ordinal" if asked.kind == "scale" else "nominal"
    columns = [asked.options.index(option) for option in used]
    corrected, f1 = np.full((len(draws), 2), NAN), np.full((len(draws), len(asked.options)), NAN)
    for number, draw in enumerate(draws):
        tables = np.bincount(cells[:, draw].ravel(), minlength=np.prod(shape)).reshape(shape)
        totals = tables.sum(1) + tables.sum(2)  # how often each label was given. Shape: (tables, k)
        distances = squared_distances(range(shape[1]), totals[0], level)  # a scale has but one table
        corrected[number] = _mean(_chance_corrected(tables, distances))
        scores = _ratio(2 * np.diagonal(tables, axis1=1, axis2=2), totals)
        f1[number, columns] = scores[:, 1] if asked.kind == "tags" else scores[0]
    if level == "ordinal":
        return {"kappa": corrected[:, 0], "ordinal alpha": corrected[:, 1]}, f1
    return {"kappa": corrected[:, 0], "alpha": corrected[:, 1], "macro F1": _mean(f1)}, f1


def _chance_corrected(tables: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Return kappa and Krippendorff's alpha of confusion matrices of shape (t, k, k), shape (2, t)."""
    n, rows, columns = tables.sum((1, 2)), tables.sum(2), tables.sum(1)
    observed, chance = np.trace(tables, axis1=1, axis2=2) / n, (rows * columns).sum(1) / n**2
    totals = rows + columns
    expected = (totals[:, :, None] * totals[:, None] * distances).sum((1, 2))
    disagreement = 2 * (tables * distances).sum((1, 2))
    return np.stack([_ratio(observed - chance, 1 - chance), 1 - _ratio(disagreement * (2 * n - 1), expected)])


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Return quotients; NaN where the divisor is 0."""
    return np.divide(top, bottom, out=np.full(np.shape(top), NAN), where=bottom > 0)


def _mean(values: np.ndarray | list) -> np.ndarray:
    """Return the mean over the last axis of the values that are defined."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # none is defined: NaN
        return np.nanmean(values, axis=-1)


def _interval(values: np.ndarray | None) -> dict[str, float]:
    """Return the 2.5th and 97.5th percentile of the samples in which the figure is defined."""
    values = values[~np.isnan(values)] if values is not None else np.array([])
    low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (NAN, NAN)
    return {"low": float(low), "high": float(high)}
