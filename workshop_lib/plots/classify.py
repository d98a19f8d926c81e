"""The figures of lesson 03: learning curves, calibration, attributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.plots import COLOURS, HATCHES, LINES, MARKERS, figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def learning_curves(scores: pd.DataFrame, quantity: str = "macro F1", title: str = "") -> Figure:
    """Draw the score of each model against the number of training rows.

    Args:
        scores: columns "model", "rows" and ``quantity``; several lines a model and size (other
            seeds or samples) are drawn as mean and range.
        quantity: the column with the score.
    """
    made, axes = figure(7.0, 4.2)
    for place, (name, part) in enumerate(scores.groupby("model", sort=False)):
        by_size = part.groupby("rows")[quantity].agg(["mean", "min", "max"])
        axes.fill_between(by_size.index, by_size["min"], by_size["max"], color=COLOURS[place], alpha=0.15, linewidth=0)
        axes.plot(
            by_size.index, by_size["mean"], color=COLOURS[place], marker=MARKERS[place],
            linestyle=LINES[place], label=name,
        )  # fmt: skip
    sizes = sorted(set(scores["rows"]))
    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set(xlabel="training rows (band: lowest to highest of several runs)", ylabel=quantity, title=title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def reliability(tables: Mapping[str, pd.DataFrame], title: str = "") -> Figure:
    """Draw how often a classifier is right against the probability that it states.

    Args:
        tables: for each name what ``classify.calibration`` returned. Points below the diagonal
            are overconfident.
    """
    made, axes = figure(4.8, 4.2)
    axes.plot([0, 1], [0, 1], color="black", linestyle=":", label="calibrated")
    for place, (name, table) in enumerate(tables.items()):
        label = f"{name} (error {table.attrs['ece']:.2f})"
        axes.plot(table["stated"], table["right"], color=COLOURS[place], marker=MARKERS[place], linestyle=LINES[place], label=label)
    axes.set(xlabel="stated probability", ylabel="share right", title=title, xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend(loc="lower right")
    return made


def attributions(table: pd.DataFrame, title: str = "") -> Figure:
    """Draw what each token of a text says for (right) and against (left) a label.

    Args:
        table: what ``classify.attributions`` returned.
    """
    made, axes = figure(6.0, 0.8 + 0.26 * len(table))
    places = np.arange(len(table))
    positive = table["attribution"] >= 0
    for place, (part, name) in enumerate(((positive, "for"), (~positive, "against"))):
        axes.barh(
            places[part], table.loc[part, "attribution"], color=COLOURS[(0, 5)[place]], hatch=HATCHES[place],
            edgecolor="white", label=f"{name} '{table.attrs['label']}'",
        )  # fmt: skip
    axes.set_yticks(places, table["token"])
    axes.axvline(0, color="black", linewidth=0.8)
    axes.invert_yaxis()
    axes.set(xlabel="attribution (change of the label's score)", title=title)
    axes.legend(loc="best")
    return made


def scores_by_fold(by_fold: pd.DataFrame, score: str = "F1", title: str = "") -> Figure:
    """Draw the score of each model on each fold, and its mean as a bar.

    Args:
        by_fold: columns "model", "fold" and ``score``, as in ``attrs["folds"]``.
    """
    names = list(dict.fromkeys(by_fold["model"]))
    made, axes = figure(7.0, 1.1 + 0.4 * len(names))
    for place, name in enumerate(names):
        values = by_fold.loc[by_fold["model"] == name, score]
        axes.plot(values, [place] * len(values), linestyle="", marker="o", color=COLOURS[0], alpha=0.6)
        axes.plot([values.mean()] * 2, [place - 0.3, place + 0.3], color="black", linewidth=2)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlabel=f"{score}, one point a fold, black line: mean", title=title)
    return made


def class_map(panels: Mapping[str, np.ndarray], labels: Sequence[str], title: str = "") -> Figure:
    """Draw texts as points in a plane, a panel for each set of points, a mark for each label.

    Args:
        panels: for each title an array of shape (n, 2).
        labels: n labels.
    """
    made, axes = figure(4.2 * len(panels), 3.8, ncols=len(panels), squeeze=False)
    labels = np.array(labels)
    for panel, (name, points) in zip(axes[0], panels.items(), strict=True):
        for place, label in enumerate(sorted(set(labels))):
            chosen = points[labels == label]  # Shape: (texts with the label, 2)
            panel.scatter(*chosen.T, s=34, color=COLOURS[place], marker=MARKERS[place], alpha=0.8, label=label)
        panel.set(title=name, xticks=[], yticks=[])
    axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    if title:
        made.suptitle(title, x=0.02, ha="left")
    return made


def dots(table: pd.DataFrame, quantity: str, chance: float | None = None, title: str = "") -> Figure:
    """Draw each row of a table as a line of marks, a mark for each column.

    Args:
        table: numbers; the index names the rows, the columns name the marks.
        quantity: what the numbers are.
        chance: where guessing stands; drawn as a dashed line.
    """
    made, axes = figure(8.0, 1.3 + 0.42 * len(table))
    heights = np.arange(len(table))
    axes.hlines(heights, table.min(axis=1), table.max(axis=1), color="grey", linewidth=1, zorder=0)
    for place, column in enumerate(table.columns):
        axes.plot(table[column], heights, linestyle="", marker=MARKERS[place], color=COLOURS[place], label=column)
    if chance is not None:
        axes.axvline(chance, color="black", linestyle="--", linewidth=1, label=f"guessing, {chance:.2f}")
    axes.set_yticks(heights, table.index)
    axes.invert_yaxis()
    axes.set(xlabel=quantity, title=title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def model_sizes(table: pd.DataFrame, title: str = "") -> Figure:
    """Draw the number of parameters of models by their year, each step of the axis ten times.

    Args:
        table: the index names the models; columns "year" and "parameters".
    """
    made, axes = figure(7.0, 4.0)
    axes.plot(table["year"], table["parameters"], linestyle="", marker="o", color=COLOURS[0])
    for name, row in table.iterrows():
        axes.annotate(name, (row["year"], row["parameters"]), xytext=(8, -4), textcoords="offset points")
    axes.set_yscale("log")
    axes.set_xticks(range(int(table["year"].min()), int(table["year"].max()) + 1))
    axes.margins(x=0.25, y=0.1)
    axes.set(xlabel="year", ylabel="parameters (each step ten times)", title=title)
    return made
