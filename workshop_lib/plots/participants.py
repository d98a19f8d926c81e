"""The figures of lesson 10: distributions, effects, directions of error, power, markers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError
from workshop_lib.plots import COLOURS, HATCHES, LINES, MARKERS, figure
from workshop_lib.plots.labeling import plain, specification_curve

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from workshop_lib.participants.design import Design

__all__ = [
    "candidates", "correlations", "directions", "distributions", "effect_intervals", "effects",
    "markers", "power", "specification_curve", "wins",
]  # fmt: skip


def distributions(shares: Mapping[str, pd.Series], title: str = "") -> Figure:
    """Draw the share of each answer, a bar for people, models and baselines each.

    Args:
        shares: name -> shares by answer, all with the same answers; people first.
        title: above the figure.

    Raises:
        BadInputError: nothing to draw, more than seven names, or different answers.
    """
    if not shares or len(shares) > len(COLOURS):
        raise BadInputError(f"There are {len(shares)} distributions. Give 1 to {len(COLOURS)}.")
    answers = list(next(iter(shares.values())).index)
    made, axes = figure(max(6.5, 1.0 + 0.9 * len(answers)), 3.8)
    width = 0.8 / len(shares)
    for place, (name, part) in enumerate(shares.items()):
        if list(part.index) != answers:
            raise BadInputError(
                f"{name!r} has the answers {list(part.index)}, not {answers}. Give shares of one "
                "question."
            )
        axes.bar(
            np.arange(len(answers)) + (place - (len(shares) - 1) / 2) * width,
            part.to_numpy(float),
            width,
            color=COLOURS[place],
            hatch=HATCHES[place],
            edgecolor="white",
            label=plain(name),
        )
    axes.set_xticks(range(len(answers)), [plain(one) for one in answers])
    axes.set(ylabel="share of answers", title=plain(title))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def effects(
    predicted: Sequence[float],
    observed: Sequence[float],
    by: Sequence[str] | None = None,
    unit: str = "",
    title: str = "",
) -> Figure:
    """Draw observed against predicted effects, with the line of equality and the fitted slope.

    Args:
        predicted, observed: one an effect.
        by: group of each effect; a mark of its own each.
        unit: of the effects.
        title: above the figure.
    """
    predicted, observed = np.asarray(predicted, float), np.asarray(observed, float)
    groups = np.array(["effects"] * len(predicted) if by is None else list(map(str, by)), object)
    made, axes = figure(6.2, 4.4)
    ends = np.array([min(predicted.min(), observed.min()), max(predicted.max(), observed.max())])
    axes.axhline(0, color="grey", linewidth=0.6)
    axes.axvline(0, color="grey", linewidth=0.6)
    axes.plot(ends, ends, color="black", linestyle=":", label="equal")
    for place, group in enumerate(dict.fromkeys(groups)):
        chosen = groups == group
        axes.plot(
            predicted[chosen],
            observed[chosen],
            linestyle="",
            marker=MARKERS[place % 7],
            color=COLOURS[place % 7],
            alpha=0.8,
            label=plain(group) if by is not None else None,
        )
    if len(predicted) > 2 and predicted.std() > 0:
        slope, start = np.polyfit(predicted, observed, 1)
        line = np.array([predicted.min(), predicted.max()])
        axes.plot(
            line,
            start + slope * line,
            color=COLOURS[5],
            linestyle="--",
            label=f"fitted, slope {slope:.2f}",
        )
    ending = f" ({unit})" if unit else ""
    axes.set(
        xlabel=plain(f"predicted effect{ending}"),
        ylabel=plain(f"observed effect{ending}"),
        title=plain(title),
    )
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def effect_intervals(tables: Mapping[str, pd.DataFrame], outcome: str, title: str = "") -> Figure:
    """Draw the effects of all arms on one outcome with their intervals, a mark for each source.

    Args:
        tables: source -> what ``Experiment.effects`` or ``observed_effects`` returned.
        outcome: which one.
        title: above the figure.

    Raises:
        BadInputError: no source has the outcome.
    """
    parts = {name: table[table["outcome"] == outcome] for name, table in tables.items()}
    arms = list(dict.fromkeys(arm for part in parts.values() for arm in part["arm"]))
    if not arms:
        raise BadInputError(
            f"No table has effects on {outcome!r}. Name one of the column 'outcome'."
        )
    made, axes = figure(7.5, 1.5 + 0.35 * len(arms) * len(tables))
    for place, (name, part) in enumerate(parts.items()):
        _row_marks(
            axes, [(arms.index(row.arm), row) for row in part.itertuples()], place, len(parts), name
        )
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(arms)), [plain(arm) for arm in arms])
    axes.invert_yaxis()
    control = next(part["control"].iloc[0] for part in parts.values() if len(part))
    axes.set(xlabel=plain(f"effect on {outcome}, against: {control}"), title=plain(title))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def directions(table: pd.DataFrame, title: str = "") -> Figure:
    """Draw accuracy and direction of error in each group, side by side.

    Args:
        table: what ``error_directions`` returned.
        title: above the figure.
    """
    made, (left, right) = figure(9.0, 1.5 + 0.5 * len(table), ncols=2, sharey=True)
    for axes, name, label in (
        (left, "accuracy", "accuracy"),
        (right, "shift", "share predicted − true share"),
    ):
        for place, (_, row) in enumerate(table.iterrows()):
            axes.hlines(
                place,
                row[f"{name}_low"],
                row[f"{name}_high"],
                color=COLOURS[place % 7],
                linewidth=2,
            )
            axes.plot(
                row[name], place, marker=MARKERS[place % 7], color=COLOURS[place % 7], markersize=8
            )
        axes.set_xlabel(
            plain(f"{label}" + (f" of '{table.attrs['positive']}'" if name == "shift" else ""))
        )
    left.set_yticks(range(len(table)), [plain(group) for group in table.index])
    left.margins(y=0.3)
    left.invert_yaxis()
    right.axvline(0, color="black", linewidth=0.8)
    left.set_xlim(0, 1.02)
    left.set_title(plain(title or "How often is it right?"))
    right.set_title("Which way does it err?")
    return made


def candidates(table: pd.DataFrame, measure: str, title: str = "") -> Figure:
    """Draw one measure of several simulations and baselines, over all and in each group.

    Args:
        table: what ``baselines.compare`` returned.
        measure: such as "accuracy" or "total variation".
        title: above the figure.

    Raises:
        BadInputError: there is no such measure.
    """
    known = list(dict.fromkeys(table.index.get_level_values("measure")))
    if measure not in known:
        raise BadInputError(f"There is no measure {measure!r}. Known: {', '.join(known)}.")
    part = table.xs(measure, level="measure")
    groups = list(dict.fromkeys(part.index.get_level_values("group")))
    names = list(dict.fromkeys(part.index.get_level_values("candidate")))
    made, axes = figure(7.5, 1.5 + 0.28 * len(groups) * len(names))
    for place, name in enumerate(names):
        rows = [(groups.index(group), row) for group, row in part.loc[name].iterrows()]
        _row_marks(axes, rows, place, len(names), name, "value")
    axes.set_yticks(range(len(groups)), [plain(group) for group in groups])
    axes.invert_yaxis()
    axes.set(xlabel=plain(measure), title=plain(title))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def correlations(table: pd.DataFrame, group: str = "all", title: str = "") -> Figure:
    """Draw the correlation of each pair of items among people and among simulated people.

    Args:
        table: what ``item_correlations`` returned.
        group: which one.
        title: above the figure.

    Raises:
        BadInputError: there is no such group.
    """
    if group not in set(table["group"]):
        raise BadInputError(
            f"There is no group {group!r}. Known: {', '.join(set(table['group']))}."
        )
    table = table[table["group"] == group]
    made, axes = figure(7.5, 1.5 + 0.4 * len(table))
    places = np.arange(len(table))
    axes.hlines(places, table["people"], table["simulated"], color="grey", linewidth=1)
    for place, name in enumerate(("people", "simulated")):
        axes.plot(
            table[name],
            places,
            linestyle="",
            marker=MARKERS[place],
            color=COLOURS[place],
            markersize=8,
            label=name,
        )
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(places, [plain(f"{row.item} and {row.other}") for row in table.itertuples()])
    axes.margins(y=0.15)  # no mark on the edge
    axes.invert_yaxis()
    axes.set(xlabel="correlation", title=plain(title))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def power(design: Design, title: str = "") -> Figure:
    """Draw the power of a design against the number of people in each arm, for three effects.

    Args:
        design: the wanted effect is drawn beside half of it and one and a half times as much.
        title: above the figure.
    """
    from dataclasses import replace

    sizes = np.unique(np.geomspace(10, 3 * design.n_per_arm, 40).astype(int))
    made, axes = figure(7.0, 4.0)
    for place, share in enumerate((1.0, 0.5, 1.5)):
        effect = share * design.effect
        if design.kind == "share" and not 0 < design.base + effect < 1:
            continue
        one = replace(design, effect=effect)
        axes.plot(
            sizes,
            [one.power_at(int(n)) for n in sizes],
            color=COLOURS[place],
            linestyle=LINES[place],
            label=f"effect {effect:g}",
        )
    axes.axhline(design.power, color="grey", linewidth=0.8)
    axes.plot(
        design.n_per_arm,
        design.power,
        marker="o",
        color="black",
        linestyle="",
        label=f"planned, {design.n_per_arm} an arm",
    )
    axes.set(xlabel="people in each arm", ylabel="power", ylim=(0, 1.02), title=plain(title))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def markers(tables: Mapping[str, pd.DataFrame], title: str = "") -> Figure:
    """Draw by how much the share of texts with a marker changes, for each kind of suggestion.

    Args:
        tables: kind -> what ``marker_differences`` returned; the row "words" isn't drawn.
        title: above the figure.
    """
    names = [name for name in next(iter(tables.values())).index if name != "words"]
    made, axes = figure(7.5, 1.5 + 0.28 * len(names) * len(tables))
    for place, (kind, table) in enumerate(tables.items()):
        rows = [(names.index(name), row) for name, row in table.iterrows() if name in names]
        _row_marks(axes, rows, place, len(tables), kind, "difference")
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlabel="share of suggestions with a marker − share of drafts", title=plain(title))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def wins(table: pd.DataFrame, title: str = "") -> Figure:
    """Draw how often the suggestion won, and how often the first place was chosen.

    Args:
        table: what ``unblind`` returned.
        title: above the figure.
    """
    made, axes = figure(7.5, 1.5 + 0.5 * len(table))
    groups = list(table.index)
    _row_marks(
        axes,
        list(enumerate(row for _, row in table.iterrows())),
        0,
        2,
        "the suggestion won",
        "share",
    )
    turned = table[["chose_a", "chose_a_low", "chose_a_high"]].set_axis(
        ["chose_a", "low", "high"], axis=1
    )
    _row_marks(
        axes,
        list(enumerate(row for _, row in turned.iterrows())),
        1,
        2,
        "the first place was chosen",
        "chose_a",
    )
    axes.axvline(0.5, color="black", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(groups)), [plain(group) for group in groups])
    axes.margins(y=0.15)  # no mark on the edge
    axes.invert_yaxis()
    axes.set(
        xlabel="share of decided pairs (dashed line: chance)", xlim=(0, 1.02), title=plain(title)
    )
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def _row_marks(
    axes, rows: list, place: int, count: int, label: str, quantity: str = "estimate"
) -> None:
    """Draw a value with its interval for each row, shifted so that several sources don't overlap.

    Args:
        axes: matplotlib axes.
        rows: pairs of height and a row with ``quantity``, "low" and "high".
        place, count: which source this is, out of how many.
        label: of the source.
        quantity: the name of the value.
    """
    shift = (place - (count - 1) / 2) * 0.7 / max(count, 1)
    colour, marker = COLOURS[place % 7], MARKERS[place % 7]
    for number, (height, row) in enumerate(rows):
        axes.hlines(height + shift, row.low, row.high, color=colour, linewidth=2)
        value = getattr(row, quantity)
        axes.plot(
            value,
            height + shift,
            linestyle="",
            marker=marker,
            color=colour,
            label=plain(label) if not number else None,
        )
