"""Cross-validation: each row is tested once, by a model that has not seen it.

Used in lessons 03 and 04.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import pandas as pd

from workshop_lib.classify.baselines import BASELINES, baseline
from workshop_lib.classify.fine_tuning import fine_tune
from workshop_lib.classify.measures import per_class
from workshop_lib.classify.tables import checked_table
from workshop_lib.errors import BadInputError, UnknownNameError, closest

SCORES = ("precision", "recall", "F1", "accuracy")


class Trained(Protocol):
    """What a model is, once trained: :class:`Classifier` and :class:`Baseline` are both."""

    labels: list[str]

    def predict(self, texts: list[str]) -> list[str]:
        """Return the label of each text."""


Trainer = Callable[[pd.DataFrame], Trained]  # takes rows with columns text and label


def cross_validate(
    df: pd.DataFrame,
    model: str | Trainer | dict[str, str | Trainer],
    folds: int = 5,
    text: str = "text",
    label: str = "label",
    group: str | None = None,
    seed: int = 0,
    of: str = "macro",
) -> pd.DataFrame:
    """Return mean and standard deviation over folds of precision, recall, F1 and accuracy.

    The rows are split into ``folds`` parts with the labels' shares kept; each part is tested by
    a model trained on the others. All models are tested on the same parts.

    Args:
        df: one row a text.
        model: "fine_tune", the name of a baseline, a function that takes training rows (columns
            ``text`` and ``label``) and returns a classifier, or a dictionary of several.
        folds: number of parts.
        text: the column of the texts.
        label: the column of the labels.
        group: a column whose equal values stay in one part, such as near-duplicates.
        seed: of the split.
        of: whose precision, recall and F1: "macro" or "weighted" for an average over the labels,
            or one label, as papers do that look for one kind of text.

    Returns:
        One row a model; columns such as "F1 mean" and "F1 SD". ``attrs`` holds
        "folds" (one row a model and fold) and "predictions" (one column a model, the rows of df).

    Source: Stone (1974), JRSS B 36. Used in lesson 03.
    """
    table = checked_table(df, text, label)
    models = model if isinstance(model, dict) else {_name(model): model}
    trainers = {name: _trainer(one) for name, one in models.items()}
    parts = _parts(table, label, folds, df[group] if group else None, seed)
    labels = sorted(set(table[label]))
    if of not in (*labels, "macro", "weighted"):
        raise UnknownNameError(f"There are no scores of '{of}'. {closest(of, [*labels, 'macro', 'weighted'])}")
    predictions = pd.DataFrame(index=table.index, columns=list(trainers), dtype=object)
    rows = []
    for number, test in enumerate(parts):
        train = table.drop(index=table.index[test]).rename(columns={text: "text", label: "label"})
        for name, trainer in trainers.items():
            classifier = trainer(train)
            if getattr(classifier, "finished", True) is False:
                raise KeyboardInterrupt
            predicted = classifier.predict(list(table[text].iloc[test]))
            predictions.loc[table.index[test], name] = predicted
            scores = per_class(table[label].iloc[test], predicted, labels)
            rows.append(
                {
                    "model": name, "fold": number + 1,
                    **scores.loc[of, ["precision", "recall", "F1"]].to_dict(),
                    "accuracy": scores.loc["accuracy", "F1"],
                }
            )  # fmt: skip
    by_fold = pd.DataFrame(rows)
    grouped = by_fold.groupby("model", sort=False)[list(SCORES)]
    means, spreads = grouped.mean().add_suffix(" mean"), grouped.std().add_suffix(" SD")
    found = means.join(spreads)[[f"{score} {kind}" for score in SCORES for kind in ("mean", "SD")]]
    found.attrs |= {"folds": by_fold, "predictions": predictions}
    return found


def paired_differences(validated: pd.DataFrame, first: str, score: str = "F1") -> pd.DataFrame:
    """Return how much better one model is than each other one, with 95 % intervals over folds.

    The folds share their training rows, so their differences aren't independent. The variance
    is corrected for it: s² · (1/k + 1/(k−1)), where k is the number of folds.

    Args:
        validated: what :func:`cross_validate` returned for several models.
        first: the model that the others are compared with.
        score: "precision", "recall", "F1" or "accuracy".

    Source: Nadeau and Bengio (2003), Machine Learning 52.
    """
    from scipy.stats import t

    by_fold = validated.attrs["folds"].pivot(index="fold", columns="model", values=score)
    if first not in by_fold:
        raise UnknownNameError(f"No model is called '{first}'. {closest(first, list(by_fold.columns))}")
    rows = []
    for other in (name for name in validated.index if name != first):
        differences = by_fold[first] - by_fold[other]
        k = len(differences)
        width = t.ppf(0.975, k - 1) * np.sqrt(differences.var() * (1 / k + 1 / (k - 1)))
        mean = differences.mean()
        rows.append({"against": other, "difference": mean, "low": mean - width, "high": mean + width})
    return pd.DataFrame(rows).set_index("against")


def _name(model: str | Trainer) -> str:
    return model if isinstance(model, str) else getattr(model, "__name__", "model")


def _trainer(model: str | Trainer) -> Trainer:
    if not isinstance(model, str):
        return model
    if model == "fine_tune":
        return lambda train: fine_tune(train, progress=False)
    if model not in BASELINES:
        known = ["fine_tune", *BASELINES]
        raise UnknownNameError(f"There is no model '{model}'. {closest(model, known)}")
    return lambda train: baseline(model, train)


def _parts(
    table: pd.DataFrame, label: str, folds: int, groups: pd.Series | None, seed: int
) -> list[np.ndarray]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    rarest = table[label].value_counts().iloc[-1]
    if not 2 <= folds <= rarest:
        raise BadInputError(
            f"{folds} folds can't be made: the rarest label has {rarest} rows, and each fold needs "
            f"one. Choose 2 to {rarest} folds."
        )
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = kind(folds, shuffle=True, random_state=seed)
    return [test for _, test in splitter.split(table, table[label], groups)]
