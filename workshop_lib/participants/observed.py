"""The effects in an experiment on people, in the form of the simulated ones. Used in lesson 10."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workshop_lib.errors import BadInputError, UnknownNameError, closest
from workshop_lib.participants.experiments import check_level

if TYPE_CHECKING:
    import pandas as pd

COVERS = "drawing people again from where these came from"
NEVER = "people elsewhere, at another time, or other wordings"


def observed_effects(
    people: pd.DataFrame,
    arm: str,
    outcomes: Sequence[str],
    control: Any,
    by: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the effects in an experiment on people: differences of means with Welch's intervals.

    Args:
        people: a row a person.
        arm: the column with the arm.
        outcomes: columns of numbers; of a yes or no, 1 and 0.
        control: the arm that the others are compared with.
        by: a column of groups.
        level: of the intervals.

    Returns:
        The columns of :meth:`Experiment.effects`; the intervals cover drawing people again.

    Raises:
        BadInputError: only one arm, fewer than two people in one, or an outcome that is no number.
        UnknownNameError: no such column or control.

    Used in lesson 10.
    """
    import pandas as pd
    from scipy.stats import t

    from workshop_lib.labeling.tables import need_columns

    need_columns(people, [arm, *outcomes, *([by] if by else [])], "the people")
    check_level(level)
    arms = list(dict.fromkeys(people[arm].dropna()))
    if control not in arms:
        raise UnknownNameError(
            f"There is no arm {control!r}. {closest(str(control), list(map(str, arms)))}"
        )
    if len(arms) < 2:
        raise BadInputError(
            f"All people are in the arm {control!r}: there is nothing to compare it with."
        )
    parts = [("all", people)] if by is None else list(people.groupby(by, observed=True))
    rows = []
    for outcome in outcomes:
        if not pd.api.types.is_numeric_dtype(people[outcome]):
            raise BadInputError(
                f"The outcome {outcome!r} holds {people[outcome].iloc[0]!r}. Code it as a number "
                "first."
            )
        for group, part in parts:
            samples = {
                one: part.loc[part[arm] == one, outcome].dropna().to_numpy(float) for one in arms
            }
            for one in arms:
                if len(samples[one]) < 2:
                    raise BadInputError(
                        f"The arm {one!r} has {len(samples[one])} people in {group!r}. Two are "
                        "needed."
                    )
            for one in arms:
                if one == control:
                    continue
                errors = [samples[name].var(ddof=1) / len(samples[name]) for name in (one, control)]
                error = np.sqrt(sum(errors))
                freedom = (
                    sum(errors) ** 2
                    / sum(
                        e**2 / (len(samples[name]) - 1)
                        for e, name in zip(errors, (one, control), strict=True)
                    )
                    if error > 0
                    else 1.0
                )
                estimate, half = (
                    samples[one].mean() - samples[control].mean(),
                    t.ppf((1 + level) / 2, freedom) * error,
                )
                rows.append(
                    {"outcome": outcome, "arm": one, "control": control, "group": group}
                    | {"estimate": float(estimate), "standard_error": float(error)}
                    | {"low": float(estimate - half), "high": float(estimate + half)}
                    | {
                        "n": len(samples[one]),
                        "n_control": len(samples[control]),
                        "lost": int(part[outcome].isna().sum()),
                    }
                    | {
                        "covers": COVERS,
                        "doesnt_cover": NEVER,
                    }
                )
    found = pd.DataFrame(rows)
    return found.drop(columns="group") if by is None else found
