"""Do simulated answers hang together as people's do? Correlations between items.

Items are asked one by one, each without the answers to the others, so simulated answers can hang
together only through the profile. Used in lesson 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError
from workshop_lib.participants.scores import ALL, COVERS, groups_of_ids, interval
from workshop_lib.participants.surveys import Question, matrix

if TYPE_CHECKING:
    import pandas as pd


def item_correlations(
    answers: pd.DataFrame,
    responses: pd.DataFrame,
    questions: Mapping[str, Question],
    by: pd.Series | Mapping[str, str] | None = None,
    draws: int = 20,
    bootstrap: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare the correlation of each pair of items among people with that among their simulations.

    Simulated answers are drawn from the distributions, one for each item, as often as ``draws``,
    and the correlations averaged.

    Args:
        answers: one column an item, people's labels; the index holds ids. Others are ignored.
        responses: what ``surveys.ask`` returned for these items.
        questions: two items or more: scales, or choices of two labels (the second counts as 1).
        by: id -> group; None compares all people only.
        draws: draws of all answers.
        bootstrap: number of samples of people.
        seed: of draws and bootstrap.

    Returns:
        A row a group and pair, "all" first: group, item, other, people, simulated, difference, low,
        high (95 %, of the difference), n. ``attrs["rmse"]`` is √ of the mean squared difference
        over all people.

    Raises:
        BadInputError: fewer than two items, a choice of more than two labels, or fewer than three
            people with all of them in a group.

    Used in lesson 10.
    """
    import pandas as pd

    _check_items(answers, questions)
    found = {
        name: dict(zip(*matrix(responses, name, question), strict=True))
        for name, question in questions.items()
    }
    complete = answers[list(questions)].dropna()
    complete = complete.set_axis(complete.index.map(str))
    ids = [one for one in complete.index if all(one in found[name] for name in questions)]
    groups, rows = groups_of_ids(ids, by), []
    for group in dict.fromkeys([ALL, *sorted(set(groups))]):
        chosen = (
            ids if group == ALL else [one for one, g in zip(ids, groups, strict=True) if g == group]
        )
        if len(chosen) < 3:
            raise BadInputError(
                f"{len(chosen)} people (group: {group}) have answers to all items, their own and "
                "simulated. Three are needed."
            )
        part = complete.loc[chosen]
        real = np.stack([_numbers(part[name], question) for name, question in questions.items()])
        chance = np.random.default_rng(seed)
        made = np.stack(
            [
                _drawn([found[name][one] for one in chosen], question, draws, chance)
                for name, question in questions.items()
            ]
        )
        rows += [
            {"group": group} | row for row in _pairs(list(questions), real, made, bootstrap, chance)
        ]
    table = pd.DataFrame(rows)
    over_all = table.loc[table["group"] == ALL, "difference"]
    table.attrs.update(rmse=float(np.sqrt((over_all**2).mean())), covers=COVERS)
    return table


def _pairs(
    names: list[str],
    real: np.ndarray,
    made: np.ndarray,
    bootstrap: int,
    chance: np.random.Generator,
) -> list[dict]:
    """Return a row for each pair of items; shapes (items, people) and (items, draws, people)."""
    pairs, n = list(combinations(range(len(names)), 2)), real.shape[1]
    people = _correlations(real[:, None], pairs)[:, 0]
    model = _average(_correlations(made, pairs))
    samples = []
    for _ in range(bootstrap):
        drawn = chance.integers(0, n, n)
        once = _average(_correlations(made[:, :, drawn], pairs))
        samples.append(once - _correlations(real[:, None, drawn], pairs)[:, 0])
    rows = []
    for number, (one, other) in enumerate(pairs):
        low, high = interval([sample[number] for sample in samples])
        rows.append(
            {
                "item": names[one],
                "other": names[other],
                "people": float(people[number]),
                "simulated": float(model[number]),
                "difference": float(model[number] - people[number]),
                "low": low,
                "high": high,
                "n": n,
            }
        )
    return rows


def _check_items(answers: pd.DataFrame, questions: Mapping[str, Question]) -> None:
    if len(questions) < 2:
        raise BadInputError(
            f"The items are {list(questions)}. Give two or more: a correlation needs a pair."
        )
    for name, question in questions.items():
        if question.kind == "choice" and len(question.options) != 2:
            raise BadInputError(
                f"The item {name!r} has {len(question.options)} labels. Give scales, or choices of "
                "two."
            )
        if name not in answers:
            raise BadInputError(
                f"The answers have no column {name!r}. They have: "
                f"{', '.join(map(str, answers.columns))}."
            )


def _numbers(column: pd.Series, question: Question) -> np.ndarray:
    labels = [question.check(one) for one in column]
    return np.array(
        [float(one) if question.kind == "scale" else question.options.index(one) for one in labels]
    )


def _drawn(
    rows: list[np.ndarray], question: Question, draws: int, chance: np.random.Generator
) -> np.ndarray:
    """Return drawn answers as numbers, shape (draws, people)."""
    steps = (
        np.array([float(option) for option in question.options])
        if question.kind == "scale"
        else np.arange(2.0)
    )
    cumulated = np.cumsum(rows, axis=1)[None]  # Shape: (1, people, options)
    chosen = (chance.random((draws, len(rows), 1)) > cumulated).sum(-1)
    return steps[np.minimum(chosen, len(steps) - 1)]


def _correlations(values: np.ndarray, pairs: list[tuple[int, int]]) -> np.ndarray:
    """Return the correlation of each pair in each draw, NaN where an item doesn't vary.

    (items, draws, people) -> (pairs, draws).
    """
    centred = values - values.mean(-1, keepdims=True)
    length = np.sqrt((centred**2).sum(-1))  # Shape: (items, draws)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack(
            [(centred[a] * centred[b]).sum(-1) / (length[a] * length[b]) for a, b in pairs]
        )


def _average(correlations: np.ndarray) -> np.ndarray:
    """Return the mean over draws, NaN if there is none: (pairs, draws) -> (pairs,)."""
    known = np.isfinite(correlations)
    with np.errstate(invalid="ignore"):
        return np.where(known, correlations, 0).sum(1) / known.sum(1)
