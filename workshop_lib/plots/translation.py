"""The figures of lesson 05: alignments, beam search, scores by group, loss after translation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.plots import COLOURS, LINES, MARKERS, figure, heatmap

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from workshop_lib.translation import Alignment


def alignment(one: Alignment, title: str = "") -> Figure:
    """Draw where the decoder looked in the source while it wrote each word.

    Args:
        one: what ``translation.alignment`` or ``translation.by_word`` returned.
        title: above the table.
    """
    made, axes = figure(2.4 + 0.55 * len(one.source), 1.9 + 0.38 * len(one.target))
    heatmap(axes, one.weights, one.target, one.source)
    axes.set(xlabel="looked at (source)", ylabel="written (target)", title=title)
    return made


def beam_tree(tables: Sequence[pd.DataFrame], title: str = "") -> Figure:
    """Draw beam search as a tree: what is kept after each step, and what it continues.

    The path of the winner is drawn thick, with square corners; what was given up ends without a
    line to its right.

    Args:
        tables: what ``translation.beam_search`` returned, or tables with the columns "token",
            "before" and "log P".
    """
    made, axes = figure(1.6 + 1.15 * len(tables), 1.3 + 0.75 * max(map(len, tables)))
    winner = {}  # step: row of the winner's path
    row = 0
    for step in range(len(tables) - 1, -1, -1):
        winner[step] = row
        row = int(tables[step]["before"].iloc[row])
    axes.text(-1, 0, "start", ha="center", va="center", fontsize=10)
    for step, table in enumerate(tables):
        for place, (token, before, log_p) in enumerate(
            zip(table["token"], table["before"], table["log P"], strict=True)
        ):
            best = winner[step] == place
            from_row = 0 if step == 0 else int(before)
            axes.plot(
                [step - 0.62, step - 0.38], [-from_row, -place], color=COLOURS[0] if best else "grey",
                linewidth=2.5 if best else 1.0, linestyle="-" if best else ":",
            )  # fmt: skip
            shape = {"boxstyle": "square" if best else "round", "facecolor": "white"}
            shape |= {"edgecolor": COLOURS[0] if best else "grey", "linewidth": 2.0 if best else 0.8}
            axes.text(
                step, -place, f"{shown(token)}\n{log_p:.1f}", ha="center", va="center", fontsize=9, bbox=shape,
            )  # fmt: skip
    axes.set(xlim=(-1.5, len(tables) - 0.4), ylim=(0.6 - max(map(len, tables)), 0.6), title=title)
    axes.set_xticks(range(len(tables)), [str(step + 1) for step in range(len(tables))])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set(xlabel="step (number in the box: log P so far; top row: best)")
    return made


def shown(token: str) -> str:
    """Return a piece of a word as it is written in figures.

    >>> shown("▁maire"), shown("s"), shown("</s>")
    ('maire', '+s', '[end]')
    """
    if token == "</s>":
        return "[end]"
    return token.removeprefix("▁") if token.startswith("▁") else f"+{token}"


def scores_by_group(
    scores: pd.DataFrame, label: str, floor: float | None = None, floor_name: str = "", title: str = ""
) -> Figure:
    """Draw a score for each group (row) and version (column) as points on a line.

    Args:
        scores: one row a group, one column a version, such as "beam 4" and "greedy".
        label: what the numbers are, with their unit.
        floor: a value that says how low the scale really begins; drawn as a dashed line.
        floor_name: what has that value.
    """
    made, axes = figure(7.0, 1.4 + 0.45 * len(scores))
    places = np.arange(len(scores))
    for number, (name, values) in enumerate(scores.items()):
        axes.plot(
            values, places, linestyle="", marker=MARKERS[number], color=COLOURS[number], markersize=8, label=name
        )
    if floor is not None:
        axes.axvline(floor, color="black", linestyle="--", label=floor_name)
    axes.set_yticks(places, list(scores.index))
    axes.invert_yaxis()
    axes.margins(y=0.2)
    axes.set(xlabel=label, title=title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def shares(tables: Mapping[str, pd.DataFrame], label: str = "share right", title: str = "") -> Figure:
    """Draw shares with their intervals, a block for each kind of sentence.

    Args:
        tables: kind -> what ``minimal_pairs.summary`` returned.
        label: what the shares are of.
    """
    rows = [(kind, side, row) for kind, table in tables.items() for side, row in table.iterrows()]
    made, axes = figure(7.4, 1.2 + 0.34 * len(rows))
    kinds = list(tables)
    for place, (kind, _, row) in enumerate(rows):
        number = kinds.index(kind)
        axes.plot([row["low"], row["high"]], [place, place], color=COLOURS[number], linestyle=LINES[number])
        axes.plot(row["share"], place, color=COLOURS[number], marker=MARKERS[number], markersize=8)
    axes.set_yticks(range(len(rows)), [f"{kind}: {side}" for kind, side, _ in rows])
    axes.invert_yaxis()
    axes.margins(y=0.08)
    axes.set(xlabel=f"{label} (line: 95 % interval)", title=title, xlim=(-0.03, 1.03))
    return made


def losses(table: pd.DataFrame, title: str = "") -> Figure:
    """Draw what translation costs: the fall of macro F1 by variable, with its interval.

    Args:
        table: columns "measure", "variable", "loss", "low" and "high"; a row each.
    """
    names = list(dict.fromkeys(table["measure"]))
    variables = list(dict.fromkeys(table["variable"]))
    made, axes = figure(7.4, 1.4 + 0.55 * len(variables))
    for number, name in enumerate(names):
        part = table[table["measure"] == name].set_index("variable").loc[variables]
        places = np.arange(len(variables)) + 0.22 * (number - (len(names) - 1) / 2)
        axes.hlines(places, part["low"], part["high"], color=COLOURS[number], linestyle=LINES[number])
        axes.plot(part["loss"], places, linestyle="", marker=MARKERS[number], color=COLOURS[number], label=name)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(variables)), variables)
    axes.invert_yaxis()
    axes.margins(y=0.15)
    axes.set(xlabel="macro F1 lost after translation (line: 95 % interval; right: worse)", title=title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made
