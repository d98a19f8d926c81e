"""The figures of lesson 07: boards of seats, runs, phase diagrams, infection curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError
from workshop_lib.plots import COLOURS, LINES, MARKERS, figure, heatmap

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from workshop_lib.abm.rules import Rules

PANELS_IN_A_ROW = 4
MOST_MARKERS = 60  # a board with longer sides is drawn as a picture of its cells
STATES = ("susceptible", "infected", "recovered")
MEASURES = {
    "share_happy": "share happy",
    "same_colour": "like neighbours (share)",
    "largest_cluster": "largest cluster",
    "steps": "rounds",
}  # others are called what they are


def boards(
    boards: Sequence[np.ndarray],
    titles: Sequence[str],
    names: Sequence[str] | None = None,
    rules: Rules | None = None,
    inches: float = 2.6,
) -> Figure:
    """Draw boards side by side: a cell for each seat, a colour and a shape for each group.

    Args:
        boards: arrays of shape (height, width): −1 empty, 0, 1, … the group.
        titles: one for each board.
        names: of the groups 0, 1, …; by default "group 0", "group 1", ….
        rules: if given, who is unhappy under these rules has a black rim.
            Boards of more than 60 seats on a side show neither shapes nor rims, only colours that
            differ in lightness too.
        inches: width of a panel.
    """
    boards = [np.asarray(board) for board in boards]
    if not boards or len(boards) != len(titles) or any(board.ndim != 2 for board in boards):
        raise BadInputError(
            f"There are {len(boards)} boards and {len(titles)} titles. Give at least one board, a "
            "table of whole numbers (-1: empty), and a title for each."
        )
    groups = max(int(max(board.max() for board in boards)) + 1, len(names or ()))
    names = [*(names or ()), *(f"group {group}" for group in range(len(names or ()), groups))]
    columns = min(len(boards), PANELS_IN_A_ROW)
    rows = -(-len(boards) // columns)
    tallest = max(board.shape[0] / board.shape[1] for board in boards)
    width, height = columns * inches + 1.5, rows * (inches * tallest + 0.35)
    made, axes = figure(width, height, ncols=columns, nrows=rows, squeeze=False)
    for panel, board, title in zip(axes.flat, boards, titles, strict=False):
        draw_board(panel, board, groups, inches, rules)
        panel.set_title(title)
    for panel in axes.flat[len(boards) :]:
        panel.axis("off")
    as_cells = any(max(board.shape) > MOST_MARKERS for board in boards)
    made.legend(handles=keys(names, rules is not None, as_cells), loc="outside right center")
    return made


def draw_board(
    panel: Axes, board: np.ndarray, groups: int, inches: float, rules: Rules | None
) -> None:
    """Draw one board into axes: markers on a small one, coloured cells on a large one."""
    height, width = board.shape
    panel.set(
        xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[], aspect="equal"
    )
    panel.spines[:].set_visible(True)
    panel.spines[:].set_color("grey")
    if max(board.shape) > MOST_MARKERS:
        from matplotlib.colors import ListedColormap

        colours = ListedColormap(
            ["white", *(COLOURS[group % len(COLOURS)] for group in range(groups))]
        )
        panel.imshow(board, cmap=colours, vmin=-1.5, vmax=groups - 0.5, interpolation="nearest")
        return
    cell = 72 * 0.9 * inches / width  # in points
    unhappy = np.zeros(board.shape, bool)
    if rules is not None:
        from workshop_lib.abm.rules import EMPTY, happy

        unhappy = (board != EMPTY) & ~happy(board, rules)
    for group in range(groups):
        down, right = np.nonzero(board == group)
        rims = np.where(unhappy[down, right], "black", "none")
        panel.scatter(
            right, down, (0.62 * cell) ** 2, **mark(group), edgecolors=rims, linewidths=0.13 * cell
        )


def mark(group: int) -> dict:
    """Return colour and marker of a group."""
    return {"color": COLOURS[group % len(COLOURS)], "marker": MARKERS[group % len(MARKERS)]}


def style(place: int, points: int = 1) -> dict:
    """Return colour, marker and line style of a curve, with about a dozen markers on it."""
    return {
        **mark(place),
        "linestyle": LINES[place % len(LINES)],
        "markevery": max(1, points // 12),
        "markersize": 5,
    }


def keys(names: Sequence[str], unhappy: bool, as_cells: bool) -> list:
    """Return the handles of a legend of groups."""
    from matplotlib.lines import Line2D

    marks = [mark(group) | ({"marker": "s"} if as_cells else {}) for group in range(len(names))]
    handles = [
        Line2D([], [], linestyle="", markersize=8, label=name, **style)
        for name, style in zip(names, marks, strict=True)
    ]
    if unhappy and not as_cells:
        handles.append(
            Line2D([], [], linestyle="", marker="o", markersize=8, markerfacecolor="white",
                   markeredgecolor="black", markeredgewidth=1.8, label="black rim:\nunhappy")
        )  # fmt: skip
    return handles


def history(
    run, measures: Sequence[str] = ("share_happy", "same_colour"), title: str = ""
) -> Figure:
    """Draw how a Schelling model changed: measures above, the moves of each round below.

    Args:
        run: what ``fast.run`` returned, a ``Schelling`` model, or a table with a row a round.
        measures: columns to draw, all of them shares.
        title: above the figure.
    """
    table = as_table(run)
    rounds = np.arange(len(table))
    made, (above, below) = figure(7.0, 4.6, nrows=2, sharex=True, height_ratios=(2.2, 1))
    for place, name in enumerate(measures):
        label = MEASURES.get(name, name)
        above.plot(rounds, column(table, name), **style(place, len(table)), label=label)
    above.set(ylim=(-0.02, 1.04), ylabel="share", title=title)
    above.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    moves = np.diff(column(table, "moves"), prepend=0)  # the column counts all moves so far
    below.bar(rounds, moves, color="grey", width=0.8)
    below.set(xlabel="round", ylabel="moves")
    below.xaxis.get_major_locator().set_params(integer=True)
    return made


def as_table(run) -> pd.DataFrame:
    """Return the table of a run, a model or a table itself."""
    if hasattr(run, "datacollector"):
        return run.datacollector.get_model_vars_dataframe()
    return getattr(run, "history", run)


def column(table: pd.DataFrame, name: str) -> np.ndarray:
    """Return a column as an array, or say which columns there are."""
    if name not in table:
        raise BadInputError(
            f"The table has no column '{name}'. It has: {', '.join(map(str, table.columns))}."
        )
    return table[name].to_numpy(dtype=float)


def phase_diagram(frame: pd.DataFrame, measure: str = "same_colour", title: str = "") -> Figure:
    """Draw the mean of a measure over thresholds and densities as a heat map with its numbers.

    Args:
        frame: what ``sweep`` returned.
        measure: its column to draw.
        title: above the figure.
    """
    from workshop_lib.abm.sweep import phase

    table = phase(frame, measure).pivot(index="density", columns="threshold", values="mean")[::-1]
    made, axes = figure(2.6 + 0.7 * table.shape[1], 1.7 + 0.45 * table.shape[0])
    digits = 2 if np.nanmax(np.abs(table.to_numpy())) < 10 else 0
    image = heatmap(axes, table, *([f"{value:g}" for value in axis] for axis in table.axes), digits)
    axes.set(xlabel=threshold_label(frame), ylabel="density", title=title)
    made.colorbar(image, ax=axes, label=f"{MEASURES.get(measure, measure)}, mean")
    return made


def phase_lines(
    frame: pd.DataFrame, measure: str = "same_colour", level: float = 0.95, title: str = ""
) -> Figure:
    """Draw the mean of a measure against the threshold, a line for each density, with intervals.

    Args:
        frame: what ``sweep`` returned.
        measure: its column to draw.
        level: of the intervals of the mean over seeds.
        title: above the figure.
    """
    from workshop_lib.abm.sweep import phase

    table = phase(frame, measure, level)
    thresholds, densities = (sorted(set(table[name])) for name in ("threshold", "density"))
    aside = 0.02 * min(
        np.diff(thresholds), default=1
    )  # so that the bars of two densities don't hide each other
    made, axes = figure(7.0, 4.2)
    for place, (density, part) in enumerate(table.groupby("density")):
        shifted = part["threshold"] + aside * (place - len(densities) / 2 + 0.5)
        reach = np.abs(
            part[["low", "high"]].to_numpy().T - part["mean"].to_numpy()
        )  # Shape: (2, thresholds)
        axes.errorbar(
            shifted,
            part["mean"],
            np.nan_to_num(reach),
            capsize=3,
            label=f"density {density:g}",
            **style(place),
        )
    axes.set_xticks(thresholds, [f"{value:g}" for value in thresholds])
    axes.set(
        xlabel=threshold_label(frame), title=title,
        ylabel=f"{MEASURES.get(measure, measure)}, mean\n(bars: {level:.0%} interval over seeds)",
    )  # fmt: skip
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def threshold_label(frame: pd.DataFrame) -> str:
    """Return what the thresholds are: whole numbers count neighbours, others are shares of them."""
    counted = frame["threshold"].dtype.kind in "iu" or (frame["threshold"] > 1).any()
    return (
        "like neighbours that make happy"
        if counted
        else "share of like neighbours that makes happy"
    )


def infection_curves(
    frames: Sequence[pd.DataFrame | Sequence[pd.DataFrame]],
    labels: Sequence[str],
    theory: pd.DataFrame | None = None,
    state: str = "infected",
    title: str = "",
) -> Figure:
    """Draw the share of the population in a state by step, a line for each run.

    Args:
        frames: histories of epidemics, or lists of histories that differ by their seed only and
            share a colour and a line style.
        labels: one for each.
        theory: what ``sir_curve`` returned, drawn as a wide grey line.
        state: "infected", "susceptible", "recovered" or "new_cases".
        title: above the figure.
    """
    groups = [[one] if hasattr(one, "columns") else list(one) for one in frames]
    if not groups or len(groups) != len(labels):
        raise BadInputError(
            f"There are {len(groups)} histories and {len(labels)} labels. Give one label for each."
        )
    made, axes = figure(7.0, 4.0)
    if theory is not None:
        axes.plot(
            theory.index,
            share_in(theory, state),
            color="lightgrey",
            linewidth=6,
            label="differential equation",
        )
    for place, (runs, label) in enumerate(zip(groups, labels, strict=True)):
        for number, run in enumerate(runs):
            axes.plot(
                run.index,
                share_in(run, state),
                **style(place, len(run)),
                linewidth=1.6 if len(runs) == 1 else 0.9,
                label=label if number == 0 else None,
            )
    axes.set(
        xlabel="step",
        ylabel=f"{state.replace('_', ' ')} (share of the population)",
        title=title,
        ylim=(0, None),
    )
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def share_in(history: pd.DataFrame, state: str) -> np.ndarray:
    """Return a column of an epidemic's history as shares of the population."""
    population = sum(column(history, name)[0] for name in STATES)
    return column(history, state) / population


def epidemic(run: pd.DataFrame, theory: pd.DataFrame | None = None, title: str = "") -> Figure:
    """Draw the shares of susceptible, infected and recovered people by step.

    Args:
        run: the history of an epidemic.
        theory: what ``sir_curve`` returned: thin black lines.
        title: above the figure.
    """
    made, axes = figure(7.0, 4.0)
    for place, name in enumerate(STATES):
        label = "recovered or immune" if name == "recovered" else name
        axes.plot(run.index, share_in(run, name), **style(place, len(run)), label=label)
        if theory is not None:
            label = "differential equation" if name == "recovered" else None
            axes.plot(
                theory.index, share_in(theory, name), color="black", linewidth=0.9, label=label
            )
    axes.set(xlabel="step", ylabel="share of the population", title=title, ylim=(-0.02, 1.02))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def herd(
    frame: pd.DataFrame | Mapping[str, pd.DataFrame],
    R0: float | None = None,
    theory: bool = True,
    title: str = "",
) -> Figure:
    """Draw the final size of outbreaks by the share of immune people, with what theory expects.

    Args:
        frame: what ``immunity_sweep`` returned, or one for each name. A point is a run, the line
            joins the medians.
        R0: of the theory; None: what the (first) sweep noted.
        theory: whether to draw the final size of a mixed population and its threshold 1 − 1 / R0.
        title: above the figure.
    """
    from workshop_lib.abm.epidemic_theory import final_size, herd_immunity

    frames = frame if isinstance(frame, Mapping) else {"runs (line: median)": frame}
    if not frames:
        raise BadInputError("There is no sweep to draw. Give at least one.")
    made, axes = figure(7.0, 4.2)
    R0 = R0 if R0 is not None else next(iter(frames.values())).attrs.get("R0")
    if theory and R0 is not None:
        immune = np.linspace(0, 1, 401)
        sizes = [final_size(R0, share) for share in immune]
        axes.plot(
            immune, sizes, color="lightgrey", linewidth=6, label=f"theory, R0 = {R0:.2g}", zorder=0
        )
        threshold = herd_immunity(R0)
        label = f"1 − 1 / R0 = {threshold:.2f}"
        axes.axvline(threshold, color="black", linestyle="--", linewidth=1, label=label)
    for place, (name, table) in enumerate(frames.items()):
        shift = 0.004 * (place - (len(frames) - 1) / 2)  # so that sweeps don't hide each other
        shares = column(table, "immune") + shift
        axes.plot(
            shares,
            column(table, "final_size"),
            linestyle="",
            alpha=0.3,
            markersize=5,
            markeredgewidth=0,
            **mark(place),
        )
        middle = table.groupby("immune")["final_size"].median()
        axes.plot(middle.index, middle, label=name, **style(place))
    axes.set(
        xlabel="immune at the start (share)",
        ylabel="infected in the end (share of all)",
        title=title,
        ylim=(-0.02, 1.02),
    )
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made
