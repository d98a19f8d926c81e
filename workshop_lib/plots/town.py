"""More figures of lesson 07: variants of the rules, agents who decide by language, and the town."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError
from workshop_lib.plots import COLOURS, HATCHES, LINES, MARKERS, figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SCORES = ("recency", "importance", "relevance")
LONGEST = 62  # characters of a memory that are shown


def variants(table: pd.DataFrame, label: str, title: str = "") -> Figure:
    """Draw a mean with its interval for each variant of a model, beside what chance would give.

    Args:
        table: a row for each variant, named by the index, with "mean", "low", "high" and "chance".
        label: what the means are of.
        title: above the figure.
    """
    need(table, ("mean", "low", "high", "chance"))
    places = np.arange(len(table))
    made, axes = figure(7.4, 1.3 + 0.36 * len(table))
    axes.hlines(places, table["chance"], table["mean"], color="lightgrey", linewidth=2, zorder=0)
    axes.hlines(places, table["low"], table["high"], color=COLOURS[0], linewidth=3)
    axes.plot(
        table["mean"], places, linestyle="", marker="o", color=COLOURS[0], markersize=5,
        label="mean (line: 95 % interval)",
    )  # fmt: skip
    axes.plot(
        table["chance"], places, linestyle="", marker="|", color="black", markersize=14,
        label="chance",
    )  # fmt: skip
    axes.set_yticks(places, list(table.index))
    axes.invert_yaxis()
    axes.margins(y=0.06)
    axes.set(xlabel=label, title=title, xlim=(-0.02, 1.02))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def decisions(tables: Mapping[str, pd.DataFrame], title: str = "") -> Figure:
    """Draw how often agents would move, by their like neighbours, for a rule and for models.

    Args:
        tables: name -> what ``LLMSchelling.agreement()`` gave; the rule is drawn from the first.
        title: above the figure.
    """
    if not tables:
        raise BadInputError("There is nothing to draw. Give at least one table of agreement.")
    made, axes = figure(7.0, 4.0)
    for place, (name, table) in enumerate(tables.items()):
        need(table, ("move", "rule"))
        if place == 0:
            axes.plot(table.index, table["rule"], color="lightgrey", linewidth=8, label="the rule")
        axes.plot(
            table.index, table["move"], color=COLOURS[place % len(COLOURS)], label=name,
            marker=MARKERS[place % len(MARKERS)], linestyle=LINES[place % len(LINES)],
        )  # fmt: skip
    axes.set(
        xlabel="like neighbours", ylabel="would move (share of situations)", title=title,
        ylim=(-0.04, 1.04),
    )  # fmt: skip
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def retrieval(table: pd.DataFrame, weights: Mapping[str, float] | None = None, title: str = "") -> Figure:
    """Draw why memories come to mind: a bar for each, made of its three scores times their weights.

    Args:
        table: what ``GenerativeTown.retrieve`` or ``abm.scored`` gave, best first.
        weights: of recency, importance and relevance; None: 1 each.
        title: above the figure.
    """
    need(table, ("text", *SCORES))
    weights = dict.fromkeys(SCORES, 1.0) if weights is None else weights
    made, axes = figure(9.0, 1.3 + 0.42 * len(table))
    start = np.zeros(len(table))
    for place, name in enumerate(SCORES):
        lengths = weights.get(name, 0.0) * table[name].to_numpy(float)
        axes.barh(
            range(len(table)), lengths, left=start, height=0.62, label=name, color=COLOURS[place],
            hatch=HATCHES[place], edgecolor="white",
        )  # fmt: skip
        start += lengths
    axes.set_yticks(range(len(table)), [shown(text) for text in table["text"]], fontsize=9)
    axes.invert_yaxis()
    axes.set(xlabel="score", title=title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def days(log: pd.DataFrame, title: str = "") -> Figure:
    """Draw what everybody in a town did: a row for each person, a column for each tick.

    Args:
        log: that of a ``GenerativeTown``. A cell with a star was decided by default, because the
            model gave no usable answer.
        title: above the figure.
    """
    need(log, ("tick", "part", "name", "what", "choice", "default"))
    moves = log[log["what"] == "move"]
    if moves.empty:
        raise BadInputError("Nobody has moved in this log. Run the town for a tick: town.tick()")
    names, activities = (list(dict.fromkeys(moves[column])) for column in ("name", "choice"))
    ticks = sorted(set(moves["tick"]))
    made, axes = figure(2.0 + 1.0 * len(ticks), 0.9 + 0.36 * len(names))
    for row in moves.itertuples():
        x, y, kind = ticks.index(row.tick), names.index(row.name), activities.index(row.choice)
        axes.barh(
            y, 0.94, left=x - 0.47, height=0.86, color=COLOURS[kind % len(COLOURS)], alpha=0.35,
            hatch=HATCHES[kind % len(HATCHES)], edgecolor="white",
        )  # fmt: skip
        star = "*" if row.default else ""
        axes.text(x, y, f"{row.choice}{star}", ha="center", va="center", fontsize=9)
    parts = moves.drop_duplicates("tick").sort_values("tick")["part"]
    axes.set_xticks(range(len(ticks)), parts)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(title=title, xlim=(-0.5, len(ticks) - 0.5))
    return made


def need(table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    """Raise BadInputError if a table lacks one of the columns that are drawn."""
    missing = [name for name in columns if name not in table]
    if missing:
        raise BadInputError(
            f"The table has no column '{missing[0]}'. It has: {', '.join(map(str, table.columns))}."
        )


def shown(text: str) -> str:
    """Return a text in at most two lines, cut off after that.

    >>> shown("The council wants to close the library.")
    'The council wants to close the library.'
    """
    import textwrap

    return "\n".join(textwrap.wrap(text, LONGEST, max_lines=2, placeholder=" …"))
