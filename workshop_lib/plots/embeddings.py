"""The figures of lesson 01: words on a plane, similarity by layer, two groups of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.plots import COLOURS, HATCHES, LINES, MARKERS, figure, heatmap

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def plane(
    points: np.ndarray, words: Sequence[str], groups: Sequence[str], title: str = ""
) -> Figure:
    """Draw words as points on a plane, each group with its own colour and marker.

    Args:
        points: array of shape (n, 2).
        words, groups: n labels and the group of each.
    """
    made, axes = figure(6.5, 4.6)
    groups = np.asarray(groups)
    for place, group in enumerate(dict.fromkeys(groups)):
        x, y = np.asarray(points)[groups == group].T
        axes.scatter(x, y, color=COLOURS[place], marker=MARKERS[place], s=45, label=group)
    for (x, y), word in zip(points, words):
        axes.annotate(word, (x, y), xytext=(5, 4), textcoords="offset points", fontsize=10)
    axes.margins(0.12)
    axes.set(title=title, xlabel="first number", ylabel="second number")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def similarities(values: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str = "") -> Figure:
    """Draw a matrix of cosines, shape (rows, columns), as a heat map with its numbers."""
    made, axes = figure(1.8 + 0.5 * len(columns), 1.4 + 0.33 * len(rows))
    image = heatmap(axes, values, list(rows), list(columns))
    axes.set_title(title)
    made.colorbar(image, ax=axes, label="cosine")
    return made


def by_layer(curves: Mapping[str, np.ndarray], quantity: str, title: str = "") -> Figure:
    """Draw one line per name over the layers of a model.

    Args:
        curves: for each name one value a layer, shape (layers,), or three rows: value, low and
            high, shape (3, layers); the band between low and high is shaded.
        quantity: the label of the vertical axis.
    """
    made, axes = figure(7.0, 3.8)
    for place, (name, values) in enumerate(curves.items()):
        value, *band = np.atleast_2d(values)
        layers = np.arange(len(value))
        look = {"color": COLOURS[place], "marker": MARKERS[place], "linestyle": LINES[place]}
        axes.plot(layers, value, label=name, **look)
        if band:
            axes.fill_between(layers, *band, color=COLOURS[place], alpha=0.15, linewidth=0)
    axes.set(title=title, xlabel="layer (0 = embeddings)", ylabel=quantity, xticks=layers)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def two_groups(values: pd.Series, groups: pd.Series, quantity: str, title: str = "") -> Figure:
    """Draw one labelled point a word, one row a group, with each group's mean as a bar.

    Args:
        values: one number a word.
        groups: the group of each word, with the same index.
    """
    names = list(dict.fromkeys(groups))
    made, axes = figure(8.0, 1.2 + 1.5 * len(names))
    for row, name in enumerate(names):
        chosen = values[groups == name].sort_values()
        axes.scatter(chosen, [row] * len(chosen), color=COLOURS[row], marker=MARKERS[row])
        axes.plot([chosen.mean()] * 2, [row - 0.1, row + 0.1], color="black", linewidth=3)
        for place, (word, value) in enumerate(chosen.items()):
            height = row + (0.14, -0.14, 0.27, -0.27)[place % 4]
            axes.annotate(
                word, (value, height), fontsize=8, ha="center", va="center", rotation=0
            )
    axes.set_yticks(range(len(names)), names)
    axes.set(title=title, xlabel=f"{quantity} (one point a word; black bar: mean)")
    axes.set_ylim(-0.5, len(names) - 0.5)
    return made


def accuracies(values: Mapping[str, float], chance: float, title: str = "") -> Figure:
    """Draw accuracies as labelled horizontal bars, with a dashed line where guessing stands."""
    made, axes = figure(7.5, 0.9 + 0.55 * len(values))
    for place, (name, value) in enumerate(values.items()):
        axes.barh(
            name, value, color=COLOURS[place], hatch=HATCHES[place], edgecolor="white", height=0.65
        )
        axes.text(value + 0.01, place, f"{value:.2f}", va="center")
    axes.axvline(chance, color="black", linestyle="--")
    axes.text(chance + 0.005, -0.62, f"guessing: {chance:.2f}", fontsize=9, ha="left")
    axes.invert_yaxis()
    axes.set(title=title, xlabel="share right", xlim=(0, 1.1))
    return made


def leanings(values: pd.Series, left: str, right: str, title: str = "") -> Figure:
    """Draw how far each word leans to one of two poles, as labelled bars around zero."""
    ordered = values.sort_values()
    made, axes = figure(6.5, 0.8 + 0.27 * len(ordered))
    for place, (word, value) in enumerate(ordered.items()):
        side = int(value > 0)
        axes.barh(word, value, color=COLOURS[side], hatch=HATCHES[side], edgecolor="white")
    axes.axvline(0, color="black", linewidth=1)
    axes.set(title=title, xlabel=f"← {left}        leaning (difference of mean cosines)        {right} →")
    return made
