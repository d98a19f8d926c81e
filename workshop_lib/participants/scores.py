"""How close do simulated participants come to people? Distributions and effects, by group.

No single number will do. A simulation may have the right shares and know nobody, may have the right
sign and twice the size, or may be right on average and wrong in each group. Every score comes with
a bootstrap interval, which covers drawing people (or effects) again, and not another model or
another prompt. Used in lesson 10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError
from workshop_lib.participants.surveys import Question, matrix

if TYPE_CHECKING:
    import pandas as pd

COVERS = (
    "drawing these people (or effects) again; not another model, another prompt or other people"
)
ALL = "all"

# ── Two distributions ────────────────────────────────────────────────────────────────────


def total_variation(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return ½ Σ |p_k − q_k|: the share of answers that must change to turn one into the other.

    Args:
        p, q: shares, shape (..., options), each summing to 1.

    >>> float(total_variation([0.5, 0.5, 0.0], [0.5, 0.0, 0.5]))
    0.5
    """
    return 0.5 * np.abs(np.asarray(p, float) - np.asarray(q, float)).sum(-1)


def wasserstein(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return Σ |P_k − Q_k|, P and Q cumulated: the steps that answers must move, on average.

    Args:
        p, q: shares of a scale's steps in order, shape (..., steps).

    >>> float(wasserstein([1, 0, 0], [0, 0, 1])), float(wasserstein([1, 0, 0], [0, 1, 0]))
    (2.0, 1.0)
    """
    gap = np.cumsum(np.asarray(p, float) - np.asarray(q, float), axis=-1)
    return np.abs(gap[..., :-1]).sum(-1)


def spread(p: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
    """Return how much answers vary: on a scale their variance, else 1 − Σ p_k².

    Args:
        p: shares, shape (..., options).
        values: numbers of the steps, shape (options,); None for a choice.

    >>> float(spread([0.5, 0.5])), float(spread([0.5, 0.5], [1, 3]))
    (0.5, 1.0)
    """
    p = np.asarray(p, float)
    if values is None:
        return np.maximum(0.0, 1 - (p**2).sum(-1))
    values = np.asarray(values, float)
    return np.maximum(0.0, p @ values**2 - (p @ values) ** 2)


# ── Answers of people and of their simulations ───────────────────────────────────────────


def distribution_scores(
    answers: pd.Series,
    responses: pd.DataFrame,
    question: Question,
    by: pd.Series | Mapping[str, str] | None = None,
    weights: pd.Series | Mapping[str, float] | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Hold simulated answers against those of the same people, over all and in each group.

    Measures: "total variation" and, on a scale, "Wasserstein" of the shares (0 is equal);
    "variance ratio", the spread of the simulated answers over that of people's (below 1: the
    simulation is too uniform); "between people", the spread of the simulated people's means over
    the spread of people's answers (0: all personas get the same distribution); "accuracy" of the
    likeliest answer; "probability", the mean probability given to what the person really said; on a
    scale "mean difference", simulated minus real. Distances can't be negative: where two
    distributions are nearly equal, the bootstrap interval lies above the value and shows how large
    a distance chance alone would make.

    Args:
        answers: people's labels; the index holds their ids, the name is the question's.
        responses: what ``surveys.ask`` or a baseline returned for the same ids.
        question: what was asked.
        by: id -> group.
        weights: id -> weight; None counts everybody once.
        bootstrap: number of samples of people; 0 gives no intervals.
        seed: of the bootstrap.

    Returns:
        Indexed by group and measure: value, low, high (95 %), people, lost (people without a
        simulated answer). The group "all" comes first. ``attrs["covers"]`` says what the intervals
        cover.

    Raises:
        BadInputError: no person has both, an answer is no label, or weights are negative.
        UnknownNameError: the question wasn't asked.

    Used in lesson 10.
    """
    import pandas as pd

    name = str(answers.name)
    ids, simulated = matrix(responses, name, question)
    known = by_id(answers, "answers")
    kept = [place for place, one in enumerate(ids) if one in known]
    if not kept:
        raise BadInputError(
            f"None of the {len(ids)} simulated people is among the {len(known)} who answered "
            f"{name!r}."
        )
    ids, simulated = [ids[place] for place in kept], simulated[kept]  # Shape: (people, options)
    places = {option: place for place, option in enumerate(question.options)}
    said = np.array([places[question.check(known[one])] for one in ids])
    weight = _weights(ids, weights)
    groups = groups_of_ids(ids, by)
    values = (
        np.array([float(option) for option in question.options])
        if question.kind == "scale"
        else None
    )
    asked = set(responses.loc[responses["question"] == name, "id"]) & set(known)
    lost_ids, rows = sorted(asked - set(ids)), []
    lost_groups = groups_of_ids(lost_ids, by) if lost_ids else np.array([], dtype=object)
    for group in dict.fromkeys([ALL, *sorted(set(groups) - {ALL}, key=_order(by))]):
        chosen = np.ones(len(ids), bool) if group == ALL else groups == group
        lost = len(lost_ids) if group == ALL else int((lost_groups == group).sum())
        parts = said[chosen], simulated[chosen], weight[chosen]
        measured = _measures(*parts, values)
        samples = _resampled(parts, values, bootstrap, seed)
        for measure, value in measured.items():
            low, high = interval(samples.get(measure))
            row = {"group": group, "measure": measure, "value": value, "low": low, "high": high}
            rows.append(row | {"people": int(chosen.sum()), "lost": lost})
    table = pd.DataFrame(rows).set_index(["group", "measure"])
    table.attrs.update(question=name, covers=COVERS)
    return table


def _measures(
    said: np.ndarray, simulated: np.ndarray, weight: np.ndarray, values: np.ndarray | None
) -> dict:
    """Return all measures of one group; shapes (people,), (people, options), (people,)."""
    share = weight / weight.sum()
    people = np.bincount(said, weights=share, minlength=simulated.shape[1])  # Shape: (options,)
    model = share @ simulated  # Shape: (options,)
    found = {"total variation": float(total_variation(people, model))}
    if values is not None:
        found["Wasserstein"] = float(wasserstein(people, model))
        found["mean difference"] = float((model - people) @ values)
    real = float(spread(people, values))
    if values is None:
        between = float((share @ (simulated - model) ** 2).sum())
    else:
        means = simulated @ values
        between = float(share @ (means - share @ means) ** 2)
    found["variance ratio"] = float(spread(model, values)) / real if real > 1e-12 else float("nan")
    found["between people"] = between / real if real > 1e-12 else float("nan")
    found["accuracy"] = float(share @ (simulated.argmax(1) == said))
    found["probability"] = float(share @ simulated[np.arange(len(said)), said])
    return found


def _resampled(
    parts: tuple, values: np.ndarray | None, bootstrap: int, seed: int
) -> dict[str, list[float]]:
    chance, found = np.random.default_rng(seed), {}
    for _ in range(bootstrap):
        rows = chance.integers(0, len(parts[0]), len(parts[0]))
        drawn = [part[rows] for part in parts]
        if drawn[2].sum() > 0:
            for measure, value in _measures(*drawn, values).items():
                found.setdefault(measure, []).append(value)
    return found


# ── Effects ──────────────────────────────────────────────────────────────────────────────


def effect_scores(
    predicted: Sequence[float],
    observed: Sequence[float],
    by: Sequence[str] | None = None,
    bootstrap: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Hold predicted effects against those observed in people.

    Measures: "correlation" (Pearson; blind to size), "sign agreement" (the share of effects in the
    same direction; a predicted effect of 0 counts as wrong), "RMSE" in the outcome's unit, and
    "shrinkage slope", the slope of observed on predicted effects: 1 is the right size, 0.5 says
    that predictions must be halved. Effects of different units must be standardised first.
    Sampling error in the observed effects makes correlation, sign agreement and RMSE look worse
    than they are; it leaves the slope as it is.

    Args:
        predicted: one an effect.
        observed: the same effects in people.
        by: group of each effect, such as the study or the subgroup it was estimated in.
        bootstrap: number of samples of effects; effects of one study aren't independent, so the
            intervals are rather too narrow.
        seed: of the bootstrap.

    Returns:
        Indexed by group and measure: value, low, high (95 %), effects.

    Raises:
        BadInputError: lists of unequal length, fewer than three effects, or a missing number.

    Source: the correlation is the headline of Hewitt, Ashokkumar, Ghezae and Willer (2024). Used in
    lesson 10.

    >>> scores = effect_scores([0.2, -0.2, 0.4], [0.1, -0.1, 0.2], bootstrap=0)
    >>> scores["value"].round(2).tolist()
    [1.0, 1.0, 0.14, 0.5]
    """
    import pandas as pd

    predicted, observed = np.asarray(predicted, float), np.asarray(observed, float)
    groups = (
        np.full(len(predicted), ALL, object)
        if by is None
        else np.asarray(list(map(str, by)), object)
    )
    if predicted.shape != observed.shape or predicted.ndim != 1 or len(groups) != len(predicted):
        raise BadInputError(
            f"There are {len(predicted)} predicted effects, {len(observed)} observed ones and "
            f"{len(groups)} groups. Give lists of one length, in the same order."
        )
    if not (np.isfinite(predicted).all() and np.isfinite(observed).all()):
        raise BadInputError(
            "An effect is missing (NaN). Drop it from both lists, and say how many were dropped."
        )
    rows = []
    for group in dict.fromkeys([ALL, *groups]):
        chosen = np.ones(len(predicted), bool) if group == ALL else groups == group
        pair = predicted[chosen], observed[chosen]
        if len(pair[0]) < 3:
            raise BadInputError(
                f"There are {len(pair[0])} effects in {group!r}. Three or more are needed for a "
                "slope."
            )
        chance, samples = np.random.default_rng(seed), {}
        for _ in range(bootstrap):
            rows_drawn = chance.integers(0, len(pair[0]), len(pair[0]))
            for measure, value in _effect_measures(
                pair[0][rows_drawn], pair[1][rows_drawn]
            ).items():
                samples.setdefault(measure, []).append(value)
        for measure, value in _effect_measures(*pair).items():
            low, high = interval(samples.get(measure))
            rows.append(
                {
                    "group": group,
                    "measure": measure,
                    "value": value,
                    "low": low,
                    "high": high,
                    "effects": len(pair[0]),
                }
            )
    table = pd.DataFrame(rows).set_index(["group", "measure"])
    table.attrs["covers"] = COVERS
    return table


def _effect_measures(predicted: np.ndarray, observed: np.ndarray) -> dict[str, float]:
    x, y = predicted - predicted.mean(), observed - observed.mean()
    xx, yy, xy = x @ x, y @ y, x @ y
    return {
        "correlation": float(xy / np.sqrt(xx * yy)) if xx * yy > 0 else float("nan"),
        "sign agreement": float((np.sign(predicted) * np.sign(observed) > 0).mean()),
        "RMSE": float(np.sqrt(((predicted - observed) ** 2).mean())),
        "shrinkage slope": float(xy / xx) if xx > 0 else float("nan"),
    }


# ── What the scores share ────────────────────────────────────────────────────────────────


def interval(samples: Sequence[float] | None) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles; NaN if there are no samples."""
    known = [value for value in samples or () if not np.isnan(value)]
    return (
        tuple(map(float, np.percentile(known, [2.5, 97.5])))
        if known
        else (float("nan"), float("nan"))
    )


def by_id(values: pd.Series, what: str) -> dict[str, str]:
    """Return id -> value, without missing ones; raise an error about an id that occurs twice."""
    if values.index.duplicated().any():
        raise BadInputError(
            f"In the {what}, the id {values.index[values.index.duplicated()][0]!r} occurs twice."
        )
    return {str(one): value for one, value in values.dropna().items()}


def _weights(ids: list[str], weights: pd.Series | Mapping[str, float] | None) -> np.ndarray:
    if weights is None:
        return np.ones(len(ids))
    if lacking := [one for one in ids if one not in weights]:
        raise BadInputError(
            f"{len(lacking)} people have no weight, such as {lacking[0]!r}. Give each one."
        )
    found = np.array([float(weights[one]) for one in ids])
    if not np.isfinite(found).all() or (found < 0).any() or not found.sum() > 0:
        raise BadInputError(
            f"The weights go from {found.min()} to {found.max()}. Give numbers of 0 or more, not "
            "all 0."
        )
    return found


def groups_of_ids(ids: list[str], by: pd.Series | Mapping[str, str] | None) -> np.ndarray:
    """Return the group of each id, all in one group without ``by``, shape (ids,)."""
    if by is None:
        return np.full(len(ids), ALL, object)
    if lacking := [one for one in ids if one not in by]:
        raise BadInputError(
            f"{len(lacking)} people have no group, such as {lacking[0]!r}. Give by=id -> group."
        )
    return np.array([str(by[one]) for one in ids], object)


def _order(by: pd.Series | Mapping[str, str] | None):
    """Return a sorting key that keeps the order of ordered categories."""
    categories = list(map(str, by.cat.categories)) if hasattr(by, "cat") else []
    return lambda group: (categories.index(group) if group in categories else -1, group)
