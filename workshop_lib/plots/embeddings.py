"""The figures of lesson 01: words on a plane, similarity by layer, two groups of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.plots import COLOURS, HATCHES, LINES, MARKERS, figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def plane(
    points: np.ndarray,
    words: Sequence[str],
    groups: Sequence[str],
    title: str = "",
    coordinate: str = "number",
) -> Figure:
    """Draw words as points on a plane, each group with its own colour and marker.

    Args:
        points: array of shape (n, 2).
        words, groups: n labels and the group of each.
        coordinate: what the numbers are, for the labels of the axes.
    """
    made, axes = figure(6.5, 4.6)
    groups = np.asarray(groups)
    for place, group in enumerate(dict.fromkeys(groups)):
        x, y = np.asarray(points)[groups == group].T
        axes.scatter(x, y, color=COLOURS[place], marker=MARKERS[place], s=45, label=group)
    axes.margins(0.15)
    axes.set(title=title, xlabel=f"first {coordinate}", ylabel=f"second {coordinate}")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    made.draw_without_rendering()  # settles the layout, so that labels can be measured
    _label(axes, points, words)
    return made


def _label(axes, points: np.ndarray, words: Sequence[str]) -> None:
    """Write each word beside its point, at the first of eight places that covers nothing."""
    spots = [axes.transData.transform(point) for point in points]
    taken = []
    for (x, y), word in zip(points, words):
        for right, up in [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)]:
            text = axes.annotate(
                word,
                (x, y),
                xytext=(7 * right, 7 * up),
                textcoords="offset points",
                ha=("center", "left", "right")[right],
                va=("center", "bottom", "top")[up],
                fontsize=10,
            )
            box = text.get_window_extent()
            if not any(box.overlaps(other) for other in taken) and box.count_contains(spots) == 0:
                break
            text.remove()
        else:  # every place is taken: above is as good as any
            text = axes.annotate(word, (x, y), xytext=(0, 7), textcoords="offset points")
        taken.append(text.get_window_extent())



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
    """Draw one labelled point a word, a panel for each group, with the group's mean as a line.

    Args:
        values: one number a word.
        groups: the group of each word, with the same index.
    """
    names = list(dict.fromkeys(groups))
    longest = max((groups == name).sum() for name in names)
    made, panels = figure(8.5, 1.0 + 0.22 * longest, ncols=len(names), sharex=True)
    for place, (axes, name) in enumerate(zip(panels, names)):
        chosen = values[groups == name].sort_values()
        axes.scatter(chosen, range(len(chosen)), color=COLOURS[place], marker=MARKERS[place])
        axes.set_yticks(range(len(chosen)), chosen.index)
        axes.axvline(chosen.mean(), color="black", linestyle="--", linewidth=1)
        axes.grid(axis="y", alpha=0.3)
        axes.locator_params(axis="x", nbins=4)
        axes.set(title=f"{name}: mean {chosen.mean():.3f}", xlabel=quantity)
    made.suptitle(title, fontsize=12)
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
