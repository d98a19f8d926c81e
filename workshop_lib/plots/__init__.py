"""Figures: one file per lesson, and the style that all of them share.

The colours are those of Okabe and Ito (2008), which people with colour-blindness can tell
apart; every figure also marks its groups by shape, line style, hatching or text. Each function
returns a matplotlib Figure and draws nothing else, so that notebooks, slides and tests use the
same code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
HATCHES = ("", "//", "..", "xx", "--", "\\\\", "++")
HEAT = "cividis"  # a colour map that reads the same with and without colour vision

STYLE = {
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "image.cmap": HEAT,
}


def figure(width: float = 6.5, height: float = 4.0, **subplots) -> tuple[Figure, object]:
    """Return a new figure in the course's style and its axes.

    Args:
        width, height: in inches.
        **subplots: passed on to ``plt.subplots``, such as ``ncols=2``.
    """
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        made, axes = plt.subplots(figsize=(width, height), **subplots)
    plt.close(made)  # the notebook shows the returned figure once, not twice
    return made, axes


def heatmap(axes, values, rows: list[str], columns: list[str], digits: int = 2):
    """Draw a table as a heat map with its numbers written in the cells.

    Args:
        axes: matplotlib axes.
        values: array of shape (len(rows), len(columns)).
        rows, columns: the labels.
        digits: decimals of the written numbers; -1 writes none.
    """
    import numpy as np

    values = np.asarray(values, dtype=float)  # Shape: (rows, columns)
    image = axes.imshow(values, aspect="auto", cmap=HEAT)
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows)
    axes.spines[:].set_visible(False)
    middle = np.nanmin(values) + 0.5 * (np.nanmax(values) - np.nanmin(values))
    for (row, column), value in np.ndenumerate(values):
        if digits >= 0 and np.isfinite(value):
            colour = "black" if value > middle else "white"
            axes.text(column, row, f"{value:.{digits}f}", ha="center", va="center", color=colour, fontsize=8)
    return image


def bars(
    values: Mapping[str, float], label: str, chance: float | None = None, title: str = ""
) -> Figure:
    """Draw a labelled horizontal bar for each name, from top to bottom.

    Args:
        values: name -> number; whole numbers are written as such, others with two decimals.
        label: what the numbers are, with their unit.
        chance: where guessing stands; drawn as a dashed line.
        title: above the figure.
    """
    made, axes = figure(7.0, 1.1 + 0.5 * len(values))
    for place, (name, value) in enumerate(values.items()):
        written = f"{value}" if isinstance(value, int) else f"{value:.2f}"
        bar = axes.barh(
            name, value, color=COLOURS[place], hatch=HATCHES[place], edgecolor="white", height=0.65
        )
        axes.bar_label(bar, [written], padding=3)
    if chance is not None:
        axes.axvline(chance, color="black", linestyle="--")
        label = f"{label} (dashed line: guessing, {chance:.2f})"
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set(title=title, xlabel=label)
    return made


def similarities(table, names: Sequence[str], title: str = "") -> Figure:
    """Draw the cosine of each pair of names as a heat map with its numbers.

    Args:
        table: array of shape (n, n).
        names: n labels for the rows and the columns.
        title: above the figure.
    """
    made, axes = figure(3.0 + 0.6 * len(names), 1.6 + 0.45 * len(names))
    image = heatmap(axes, table, list(names), list(names))
    axes.set(title=title)
    made.colorbar(image, ax=axes, label="cosine")
    return made


def for_slide(made: Figure, size: float = 15) -> Figure:
    """Return a figure in the proportions of a slide, with all its words and numbers of one size.

    Args:
        made: a figure in the proportions of a page.
        size: of the letters, in points.
    """
    from matplotlib.text import Text

    made.set_size_inches(11.4, 4.8)
    for text in made.findobj(Text):
        text.set_fontsize(size)
    return made
