"""The figures of lesson 06: specification curves, intervals, confusion, and calibration as in lesson 03."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError
from workshop_lib.plots import COLOURS, MARKERS, figure, heatmap
from workshop_lib.plots.classify import reliability

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["CHOICES", "confusion", "intervals", "plain", "reliability", "specification_curve"]

CHOICES = ("engine", "wording", "order", "shots")  # what may differ between two specifications
FIGURES = ("estimate", "low", "high")


def specification_curve(table: pd.DataFrame, title: str = "") -> Figure:
    """Draw the estimates of all specifications, sorted, and below them which choices each made.

    Args:
        table: what ``labeling.multiverse`` returned, or any table with the columns "estimate",
            "low" and "high" and those of engine, wording, order and shots that it has. Rows
            without an estimate are left out, and the axis says how many.
        title: above the figure.

    Raises:
        BadInputError: a column is missing, or no row has an estimate.

    Source: Simonsohn, Simmons and Nelson (2020), Nature Human Behaviour 4. Used in lesson 06.
    """
    choices = [name for name in CHOICES if name in table.columns]
    missing = [name for name in FIGURES if name not in table.columns]
    if missing or not choices:
        raise BadInputError(
            f"The table has no column '{missing[0] if missing else CHOICES[0]}'. It has: "
            f"{', '.join(map(str, table.columns))}. Give what multiverse() returned."
        )
    known = table[table["estimate"].notna()].sort_values("estimate", kind="stable")
    if known.empty:
        raise BadInputError(f"None of the {len(table)} specifications has an estimate. See the column 'answered'.")
    levels = {name: list(dict.fromkeys(table[name].map(str))) for name in choices}
    varied = {name: found for name, found in levels.items() if len(found) > 1} or levels
    rows = sum(map(len, varied.values()))
    made, (above, below) = figure(
        min(14.0, max(6.5, 3.2 + 0.16 * len(known))), 3.2 + 0.3 * rows, nrows=2, sharex=True,
        height_ratios=[2.6, 0.4 + 0.3 * rows],
    )  # fmt: skip
    places = np.arange(len(known))
    values = known["estimate"].to_numpy(float)
    bounds = [known[name].to_numpy(float) for name in ("low", "high")]
    above.vlines(places, *bounds, color="grey", linewidth=1.4)
    above.plot(places, values, linestyle="", marker="o", markersize=5, color="black", label="estimate, 95 % interval")
    above.axhline(np.median(values), color=COLOURS[5], linestyle="--", linewidth=1, label="median estimate")
    reference = table.attrs.get("reference")
    if reference is not None:
        named = table.attrs.get("reference_name", "reference")
        above.axhline(reference, color=COLOURS[0], linestyle=":", linewidth=1.6, label=f"{named}, {reference:.2f}")
    above.set(ylabel=plain(table.attrs.get("statistic", "estimate")), title=plain(title))
    above.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9)
    names, height = [], 0
    for place, (choice, found) in enumerate(varied.items()):
        made_choice = known[choice].map(str).to_numpy()
        for level in found:
            taken = made_choice == level
            below.plot(places, np.full(len(places), height), linestyle="", marker="o", markersize=2, color="lightgrey")
            below.plot(
                places[taken], np.full(int(taken.sum()), height), linestyle="", marker=MARKERS[place], markersize=6,
                color=COLOURS[place],
            )  # fmt: skip
            names.append(plain(f"{choice}: {level}"))
            height += 1
        if height < rows:
            below.axhline(height - 0.5, color="grey", linewidth=0.5)
    below.set_yticks(range(rows), names, fontsize=9)
    below.set_ylim(rows - 0.5, -0.5)
    below.set_xticks([])
    lost = len(table) - len(known)
    left_out = f"; {lost} without an estimate left out" if lost else ""
    below.set_xlabel(f"{len(known)} specifications, from the lowest estimate to the highest{left_out}")
    return made


def confusion(table: pd.DataFrame, title: str = "") -> Figure:
    """Draw a table of gold labels (rows) and answers (columns) as a heat map with its counts.

    Args:
        table: ``validate(…).confusion``.
        title: above the figure.
    """
    rows, columns = ([plain(str(name)) for name in names] for names in (table.index, table.columns))
    made, axes = figure(2.6 + 0.7 * len(columns), 1.8 + 0.45 * len(rows))
    heatmap(axes, table.to_numpy(float), rows, columns, digits=0)
    axes.set(title=plain(title), xlabel=table.columns.name or "", ylabel=table.index.name or "")
    return made


def intervals(table: pd.DataFrame, truth: float | None = None, quantity: str = "estimate", title: str = "") -> Figure:
    """Draw each estimate with its interval, and the truth where it is known.

    Args:
        table: columns "estimate", "low" and "high", such as ``correct(…).table``; the index names the rows.
        truth: drawn as a dashed line.
        quantity: what is estimated.
        title: above the figure.
    """
    made, axes = figure(7.0, 1.3 + 0.42 * len(table))
    heights = np.arange(len(table))
    for place, (low, value, high) in enumerate(zip(table["low"], table["estimate"], table["high"], strict=True)):
        colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
        axes.hlines(place, low, high, color=colour, linewidth=2)
        axes.plot(value, place, linestyle="", marker=marker, color=colour)
    if truth is not None:
        axes.axvline(truth, color="black", linestyle="--", linewidth=1, label=f"truth, {truth:.2f}")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_yticks(heights, [plain(name) for name in table.index])
    axes.invert_yaxis()
    axes.set(xlabel=plain(quantity), title=plain(title))
    return made


def plain(text: str) -> str:
    r"""Return a text that matplotlib draws as it stands: a dollar sign begins no formula.

    >>> plain("$5")
    '\\$5'
    """
    return str(text).replace("$", r"\$")
