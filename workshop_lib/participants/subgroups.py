"""Equal accuracy in every group: does it mean low bias? No, and this file shows it.

Accuracy counts errors and forgets their direction. If a model errs as often in two groups, and
always towards the left in one and towards the right in the other, accuracy is equal and every
comparison of the groups is wrong. Used in lesson 10.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError, UnknownNameError, closest

if TYPE_CHECKING:
    import pandas as pd


def error_directions(
    truth: Sequence[Hashable],
    predicted: Sequence[Hashable],
    group: Sequence[Hashable],
    positive: Hashable | None = None,
    weights: Sequence[float] | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how often a model errs in each group, and which way.

    too_often = share of people who were predicted the label and said something else,
    too_rarely = share who said it and were predicted something else,
    shift = too_often − too_rarely = share predicted − true share.

    Args:
        truth: what people said, one each.
        predicted: what was predicted for the same people.
        group: their groups.
        positive: the label whose direction counts; None takes the last in sorted order.
        weights: of people; None counts everybody once.
        bootstrap: number of samples of people, within groups; 0 gives no intervals.
        seed: of the bootstrap.

    Returns:
        A row a group, in sorted order (of categories: in theirs): people, accuracy with
        accuracy_low and accuracy_high (95 %), true_share, predicted_share, too_often, too_rarely,
        shift with shift_low and shift_high. ``attrs`` has the label, the largest gap between two
        groups' accuracies and that between their shifts.

    Raises:
        BadInputError: lists of unequal length, nobody, missing values, or weights that won't do.
        UnknownNameError: the label occurs nowhere.

    Used in lesson 10.

    >>> truth, predicted = ["no", "yes", "no", "yes"], ["yes", "yes", "no", "no"]
    >>> table = error_directions(truth, predicted, ["a", "a", "b", "b"], bootstrap=0)
    >>> table[["accuracy", "shift"]].to_dict("index")
    {'a': {'accuracy': 0.5, 'shift': 0.5}, 'b': {'accuracy': 0.5, 'shift': -0.5}}
    """
    import pandas as pd

    order = list(group.cat.categories) if hasattr(group, "cat") else None
    columns = [np.asarray(list(values), dtype=object) for values in (truth, predicted, group)]
    lengths = [len(column) for column in columns]
    if len(set(lengths)) != 1 or not lengths[0]:
        raise BadInputError(
            f"There are {lengths} true answers, predictions and groups. Give as many of each, at "
            "least one."
        )
    for what, column in zip(("true answer", "prediction", "group"), columns, strict=True):
        if missing := int(pd.isna(column).sum()):
            raise BadInputError(
                f"{missing} people have no {what}. Leave them out, and say how many they were."
            )
    truth, predicted, group = columns
    labels = sorted(set(truth) | set(predicted), key=str)
    positive = labels[-1] if positive is None else positive
    if positive not in labels:
        raise UnknownNameError(
            f"Nobody said or was predicted {positive!r}. "
            f"{closest(str(positive), list(map(str, labels)))}"
        )
    weight = np.ones(len(truth)) if weights is None else np.asarray(list(weights), float)
    if len(weight) != len(truth) or not np.isfinite(weight).all() or (weight < 0).any():
        raise BadInputError(
            "The weights are too few or many, missing or negative. Give one of 0 or more for each "
            "person."
        )
    said, called = truth == positive, predicted == positive
    right, rows = truth == predicted, {}
    groups = [one for one in order if one in set(group)] if order else sorted(set(group), key=str)
    for one in groups:
        chosen = group == one
        parts = [values[chosen] for values in (right, said, called, weight)]
        if not parts[3].sum() > 0:
            raise BadInputError(f"The weights of the group {one!r} sum to 0. Leave the group out.")
        rows[one] = (
            {"people": int(chosen.sum())} | _directions(*parts) | _intervals(parts, bootstrap, seed)
        )
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")
    table = table[
        [
            "people",
            "accuracy",
            "accuracy_low",
            "accuracy_high",
            "true_share",
            "predicted_share",
            "too_often",
            "too_rarely",
            "shift",
            "shift_low",
            "shift_high",
        ]
    ]
    gaps = {
        f"{name}_gap": float(table[name].max() - table[name].min())
        for name in ("accuracy", "shift")
    }
    table.attrs.update(positive=positive, **gaps)
    return table


def _directions(
    right: np.ndarray, said: np.ndarray, called: np.ndarray, weight: np.ndarray
) -> dict[str, float]:
    counts = {
        "accuracy": right,
        "true_share": said,
        "predicted_share": called,
        "too_often": called & ~said,
        "too_rarely": said & ~called,
    }
    found = {name: float(weight @ one / weight.sum()) for name, one in counts.items()}
    return found | {"shift": found["too_often"] - found["too_rarely"]}


def _intervals(parts: list[np.ndarray], bootstrap: int, seed: int) -> dict[str, float]:
    """Return 95 % intervals of accuracy and shift from a bootstrap over the people of one group."""
    chance, samples = np.random.default_rng(seed), {"accuracy": [], "shift": []}
    for _ in range(bootstrap):
        rows = chance.integers(0, len(parts[0]), len(parts[0]))
        drawn = [part[rows] for part in parts]
        if drawn[3].sum() > 0:
            found = _directions(*drawn)
            for name, values in samples.items():
                values.append(found[name])
    bounds = {}
    for name, values in samples.items():
        low, high = np.percentile(values, [2.5, 97.5]) if values else (float("nan"), float("nan"))
        bounds |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return bounds


# ── Two cases ────────────────────────────────────────────────────────────────────────────


def constructed_case(people: int = 100, errors: int = 20) -> pd.DataFrame:
    """Return a made-up case: two groups, equal accuracy, errors in opposite directions.

    In both groups half of the people support a measure. The model errs about as many people in
    each: in the first it takes opponents for supporters, in the second supporters for opponents. A
    difference between the groups that doesn't exist appears: 2 · errors / people.

    Args:
        people: in each group; an even number.
        errors: in each group, at most half of the people.

    Returns:
        Columns truth, predicted, group, simulated (always True: nobody was asked).

    Raises:
        BadInputError: numbers that don't fit.

    Used in lesson 10.

    >>> case = constructed_case()
    >>> table = error_directions(case["truth"], case["predicted"], case["group"], bootstrap=0)
    >>> table["accuracy"].tolist()
    [0.8, 0.8]
    """
    import pandas as pd

    if people < 2 or people % 2 or not 1 <= errors <= people // 2:
        raise BadInputError(
            f"{people} people and {errors} errors won't do. Give an even number of people, and "
            "from 1 to half as many errors."
        )
    half = people // 2
    truth = ["oppose"] * half + ["support"] * half
    upwards = ["support"] * errors + ["oppose"] * (half - errors) + ["support"] * half
    downwards = ["oppose"] * half + ["oppose"] * errors + ["support"] * (half - errors)
    return pd.DataFrame(
        {
            "truth": truth * 2,
            "predicted": upwards + downwards,
            "group": ["group A"] * people + ["group B"] * people,
            "simulated": True,
        }
    )


def anes_case(seed: int = 0) -> pd.DataFrame:
    """Return a real case: the vote in 1996, predicted from ideology alone.

    A logistic regression on where people place themselves from liberal to conservative, each person
    predicted without their own answer. Among Democrats and Republicans it is right about as often,
    and it pulls both towards the other party.

    Returns:
        Columns id, truth, predicted, group ("Democrat" or "Republican"; independents are left out
        after prediction).

    Used in lesson 10.
    """
    import pandas as pd

    from workshop_lib.participants import people as real
    from workshop_lib.participants.baselines import baseline

    people = real.anes96()
    answers, question = real.answers(people, "vote"), real.ITEMS["vote"]
    found = baseline("logistic regression", people, answers, question, ["ideology"], seed=seed)
    table = pd.DataFrame(
        {
            "id": people["id"],
            "truth": people["vote"].astype(str),
            "predicted": found["label"],
            "group": people["party_group"].astype(str),
        }
    )
    return table[table["group"] != "independent"].reset_index(drop=True)
