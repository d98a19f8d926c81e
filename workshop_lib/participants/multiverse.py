"""Would another prompt have given another result? One run for each way of asking.

How a profile is told, what the model is told first, the wording and the order of the answers are
chosen by the researcher, and none of the choices is the right one. Cummins (2025) made 252 such
configurations and found that a few decisions change the correspondence with people a lot, and that
no configuration was best at everything. So several are the default here, and one is the exception.
Used in lesson 10.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workshop_lib.errors import BadInputError
from workshop_lib.participants.personas import STYLES

if TYPE_CHECKING:
    import pandas as pd

    from workshop_lib.labeling.protocol import Engine

ORDERS: tuple[int | None, ...] = (None, 1)  # as written, and shuffled for each persona
WORDINGS = (0, 2)  # question first, profile first
INTRODUCTIONS = ("as the person",)
AS_WRITTEN = "as written"


def multiverse(
    run: Callable[..., pd.DataFrame],
    statistic: Callable[[pd.DataFrame], Any],
    engines: Sequence[Engine] | Mapping[str, Engine],
    folder: str | Path,
    styles: Sequence[str] = STYLES,
    introductions: Sequence[str] = INTRODUCTIONS,
    wordings: Sequence[int] = WORDINGS,
    orders: Sequence[int | None] = ORDERS,
    reference: float | None = None,
    max_cost: float | None = None,
) -> pd.DataFrame:
    """Ask in every combination of engine, style, introduction, wording and order; one row each.

    Each combination is a run in a folder of its own, so that the same call after an interruption
    makes only what is missing.

    Args:
        run: asks once, and takes engine, folder, style, introduction, wording, order_seed and
            max_cost, such as ``lambda **how: ask(personas, questions, **how)`` or
            ``lambda **how: experiment.run(personas, **how)``.
        statistic: makes a number of the responses, or (number, low, high).
        engines: a list, or name -> engine.
        folder: where the runs are kept.
        styles, introductions, wordings, orders: the choices; see ``surveys.ask``.
        reference: the same figure among people, for the plot.
        max_cost: US dollars that all runs together never pass.

    Returns:
        One row a combination: engine, wording (style, introduction and number), order, estimate,
        low, high, personas, answered, folder; ``plots.labeling.specification_curve`` draws it. A
        combination without a single answer has no estimate, and isn't dropped.

    Raises:
        BadInputError: no engine, an empty list, a choice given twice, or a statistic that returns
            something else.

    Source: Cummins (2025), The threat of analytic flexibility in using large language models to
    simulate human data, arXiv 2509.13397; Steegen et al. (2016), Perspectives on Psychological
    Science 11. Used in lesson 10.
    """
    import pandas as pd

    from workshop_lib.labeling.multiverse import spent

    named = _named(engines)
    for what, chosen in (
        ("styles", styles),
        ("introductions", introductions),
        ("wordings", wordings),
        ("orders", orders),
    ):
        if isinstance(chosen, str) or not len(list(chosen)) or len(set(chosen)) < len(list(chosen)):
            raise BadInputError(
                f"The {what} are {chosen!r}. Give a list with each choice once, also for a single "
                "one."
            )
    chosen = list(product(named.items(), styles, introductions, wordings, orders))
    folders = [Path(folder) / _folder_name(name, engine, *rest) for (name, engine), *rest in chosen]
    rows = []
    for ((name, engine), style, introduction, wording, order), own in zip(
        chosen, folders, strict=True
    ):
        others = sum(spent(each) for each in folders if each != own)
        responses = run(
            engine=engine,
            folder=own,
            style=style,
            introduction=introduction,
            wording=wording,
            order_seed=order,
            max_cost=None if max_cost is None else max(0.0, max_cost - others),
        )
        answered = int((responses["status"] == "ok").sum())
        estimate, low, high = _estimate(statistic, responses) if answered else (np.nan,) * 3
        told = f"{style}, {introduction}" if len(introductions) > 1 else style
        rows.append(
            {"engine": name, "wording": f"{told}, wording {wording}"}
            | {"order": AS_WRITTEN if order is None else f"shuffled {order}"}
            | {
                "style": style,
                "introduction": introduction,
                "estimate": estimate,
                "low": low,
                "high": high,
            }
            | {"personas": len(responses), "answered": answered, "folder": str(own)}
        )
    table = pd.DataFrame(rows)
    table.attrs["statistic"] = _name(statistic)
    if reference is not None:
        table.attrs |= {"reference": float(reference), "reference_name": "people"}
    return table


def multiverse_summary(table: pd.DataFrame) -> pd.Series:
    """Return what a multiverse says as a whole: how many, from where to where, and how many signs.

    Args:
        table: what :func:`multiverse` returned.

    Returns:
        combinations, without_estimate, lowest, median, highest, positive and negative (shares of
        the estimates), and, with a reference, the share of intervals that hold it.

    Raises:
        BadInputError: no combination has an estimate.
    """
    import pandas as pd

    known = table[table["estimate"].notna()]
    if known.empty:
        raise BadInputError(
            f"None of the {len(table)} combinations has an estimate. See the column 'answered'."
        )
    values = known["estimate"]
    found = {
        "combinations": len(table),
        "without_estimate": len(table) - len(known),
        "lowest": values.min(),
        "median": values.median(),
        "highest": values.max(),
        "positive": (values > 0).mean(),
        "negative": (values < 0).mean(),
    }
    if (reference := table.attrs.get("reference")) is not None:
        found["hold_reference"] = (
            (known["low"] <= reference) & (reference <= known["high"])
        ).mean()
    return pd.Series(found)


def _named(engines: Sequence[Engine] | Mapping[str, Engine]) -> dict[str, Engine]:
    pairs = (
        list(engines.items())
        if isinstance(engines, Mapping)
        else [(str(one.model), one) for one in engines]
    )
    names = [name for name, _ in pairs]
    if not names or len(set(names)) < len(names):
        raise BadInputError(
            f"The engines are called {names}. Give one or more, each with a name of its own: "
            f"{{'first': …}}."
        )
    return dict(pairs)


def _folder_name(
    name: str, engine: Engine, style: str, introduction: str, wording: int, order: int | None
) -> str:
    """Return a name that any change of the engine or the way of asking changes too."""
    from workshop_lib.labeling.identity import canonical

    sent = [name, engine.name, engine.model, engine.settings(), style, introduction, wording, order]
    digest = hashlib.sha256(canonical(sent).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{style.replace(' ', '-')}-wording-{wording}-{digest[:16]}"


def _estimate(statistic: Callable, responses: pd.DataFrame) -> tuple[float, float, float]:
    found = statistic(responses)
    try:
        values = (
            [float(value) for value in found]
            if isinstance(found, tuple | list)
            else [float(found), np.nan, np.nan]
        )
        estimate, low, high = values
    except (TypeError, ValueError):
        raise BadInputError(
            f"The statistic returned {found!r}. Return a number, or (number, low, high)."
        ) from None
    return estimate, low, high


def _name(statistic: Callable) -> str:
    name = getattr(statistic, "__name__", "estimate")
    return "estimate" if name == "<lambda>" else name.replace("_", " ")
