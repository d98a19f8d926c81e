"""The figures of lesson 04: learning rates, learning curves, searches, seeds, the winner's curse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.plots import COLOURS, LINES, MARKERS, figure

if TYPE_CHECKING:
    import optuna
    import pandas as pd
    from matplotlib.figure import Figure

FINISHED, STOPPED = COLOURS[0], COLOURS[5]  # of trials


def descents(paths: Mapping[float, Sequence[float]], target: float, title: str = "") -> Figure:
    """Draw where one parameter stands after each step, a line for each learning rate.

    Args:
        paths: learning rate -> values of the parameter, the starting value first.
        target: where the loss is lowest; drawn as a dashed line.
    """
    made, axes = figure(7.0, 3.8)
    for place, (rate, path) in enumerate(paths.items()):
        axes.plot(
            range(len(path)), path, color=COLOURS[place], marker=MARKERS[place], markersize=4,
            linestyle=LINES[place], label=f"learning rate {rate:g}",
        )  # fmt: skip
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.axhline(target, color="black", linestyle="--", linewidth=0.8)
    axes.set(
        ylim=(target - 6, target + 6), xlabel="step", title=title,
        ylabel=f"parameter w (dashed: lowest loss, {target:g})",
    )  # fmt: skip
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def curves(runs: Mapping[str, pd.DataFrame], guess: float, title: str = "") -> Figure:
    """Draw training and validation loss by epoch on a log scale, a panel a run.

    Args:
        runs: for each name the ``history`` of a classifier trained with ``valid``.
        guess: the loss of a model that knows the shares of the labels only; drawn as a dotted line.
    """
    made, axes = figure(max(5.6, 2.6 * len(runs)), 3.6, ncols=len(runs), sharey=True, squeeze=False)
    for panel, (name, table) in zip(axes[0], runs.items(), strict=True):
        for place, column in enumerate(("train_loss", "valid_loss")):
            panel.plot(
                table["epoch"], table[column].clip(lower=1e-4), color=COLOURS[(0, 5)[place]],
                linestyle=LINES[place], marker=MARKERS[place], markersize=4,
                label=("training", "validation")[place],
            )  # fmt: skip
        panel.axhline(guess, color="black", linestyle=":", label="guessing by the labels' shares")
        panel.set_yscale("log")
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.set(title=name, xlabel="epoch")
    axes[0, 0].set(ylabel="loss (log scale)")
    made.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    if title:
        made.suptitle(title, x=0.02, ha="left")
    return made


def one_setting(scores: pd.DataFrame, setting: str, score: str = "macro F1", title: str = "") -> Figure:
    """Draw the score against one setting on a log scale: a point a seed, a line through the means.

    Args:
        scores: columns ``setting`` and ``score``.
    """
    made, axes = figure(6.5, 3.8)
    means = scores.groupby(setting)[score].mean()
    axes.plot(means.index, means, color=COLOURS[0], label="mean over seeds")
    axes.plot(scores[setting], scores[score], color="black", marker="o", markersize=4, linestyle="", label="one seed")
    axes.set_xscale("log")
    axes.set(xlabel=f"{setting} (log scale)", ylabel=score, title=title)
    axes.legend()
    return made


def good_and_other(
    tried: Sequence[float], good: Sequence[bool], places: Sequence[float],
    densities: Mapping[str, Sequence[float]], next_one: float, title: str = "",
) -> Figure:  # fmt: skip
    """Draw how the tree-structured Parzen estimator chooses: two densities and the next try.

    Args:
        tried: values of one hyperparameter, tried before.
        good: True for the values with the best scores.
        places: where the densities were computed.
        densities: "good" and "other" -> height at each place.
        next_one: the place where good / other is largest.
    """
    made, axes = figure(7.0, 3.8)
    tried, good = np.asarray(tried, float), np.asarray(good, bool)
    for place, (name, rows) in enumerate((("good", good), ("other", ~good))):
        colour, marker = (FINISHED, STOPPED)[place], ("o", "X")[place]
        axes.plot(places, densities[name], color=colour, linestyle=LINES[place], label=f"density of the {name} tries")
        axes.plot(
            tried[rows], np.zeros(rows.sum()), color=colour, marker=marker, linestyle="", clip_on=False,
            label=f"{name} tries",
        )  # fmt: skip
    axes.axvline(next_one, color="black", linestyle=":", label="next try: good / other is largest")
    axes.set(xlabel="learning rate, as a power of ten", ylabel="density", title=title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def trials(table: pd.DataFrame, random: int = 0, score: str = "macro F1", title: str = "") -> Figure:
    """Draw the score of each trial in order, and the best finished one so far.

    Args:
        table: what ``tuning.table`` returned.
        random: how many first trials were drawn at random; a dotted line ends them.
    """
    made, axes = figure(7.0, 3.8)
    states = (("complete", "finished", "o", FINISHED), ("pruned", "stopped early", "X", STOPPED))
    for state, name, marker, colour in states:
        part = table[table["state"] == state]
        if len(part):
            axes.plot(part.index, part[score], linestyle="", marker=marker, color=colour, label=name)
    best = table[score].where(table["state"] == "complete").cummax().ffill()
    axes.step(table.index, best, where="post", color="black", linewidth=1, label="best finished so far")
    if random:
        axes.axvline(random - 0.5, color="grey", linestyle=":", label="end of the random trials")
    axes.set(xlabel="trial", ylabel=f"{score} on the validation posts", title=title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def stopped(study: optuna.Study, title: str = "") -> Figure:
    """Draw the score of each trial by epoch; those that were stopped end in a cross."""
    made, axes = figure(7.0, 3.8)
    named = set()
    for trial in study.get_trials(deepcopy=False):
        if not trial.intermediate_values:
            continue
        epochs, scores = zip(*sorted(trial.intermediate_values.items()), strict=True)
        early = trial.state.name == "PRUNED"
        name = "stopped early" if early else "finished"
        axes.plot(
            epochs, scores, color=STOPPED if early else FINISHED, linestyle="--" if early else "-",
            linewidth=1, alpha=0.8, label=None if name in named else name,
        )  # fmt: skip
        axes.plot(epochs[-1:], scores[-1:], marker="X" if early else "o", color=STOPPED if early else FINISHED)
        named.add(name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlabel="epoch", ylabel="macro F1 on the validation posts", title=title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def seeds(found: pd.DataFrame, score: str = "macro F1", title: str = "") -> Figure:
    """Draw the score of two settings for each seed, joined by a line.

    Args:
        found: what ``tuning.compare_with_defaults`` returned.
    """
    made, axes = figure(7.0, 3.6)
    for seed, row in found.iterrows():
        axes.plot([seed, seed], [row["defaults"], row["tuned"]], color="grey", linewidth=1)
    for name, marker, colour in (("defaults", "o", COLOURS[1]), ("tuned", "^", COLOURS[0])):
        axes.plot(found.index, found[name], linestyle="", marker=marker, markersize=8, color=colour, label=name)
    axes.set_xticks(list(found.index))
    axes.set(xlabel="seed", ylabel=f"{score} on the test posts", title=title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def promises(found: pd.DataFrame, across: str, title: str = "") -> Figure:
    """Draw what choosing promises and what it gives, against the number of rows or settings.

    Args:
        found: the index is what goes across; columns such as "promised" and "tested", a line each.
        across: what the index is.
    """
    made, axes = figure(7.0, 3.8)
    for place, name in enumerate(found.columns):
        axes.plot(
            found.index, found[name], color=COLOURS[(5, 0, 2, 3)[place]], marker=MARKERS[place],
            linestyle=LINES[place], label=name,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(list(found.index), [str(value) for value in found.index])
    axes.minorticks_off()
    axes.set(xlabel=across, ylabel="share of posts right", title=title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def parallel_coordinates(table: pd.DataFrame, settings: Sequence[str], score: str = "macro F1", title: str = "") -> Figure:
    """Draw each trial of a search as a line through its settings, dark where the score is high.

    Args:
        table: what ``tuning.table`` returned.
        settings: columns to show; numbers that span more than a factor 20 get a log scale.
        score: the column that colours the lines, and stands last.
    """
    import matplotlib

    shown = table.dropna(subset=[score])
    columns = [*settings, score]
    made, axes = figure(1.6 * len(columns) + 1, 3.8)
    spread = shown[score].max() - shown[score].min() or 1.0
    colours = matplotlib.colormaps["cividis_r"]((shown[score] - shown[score].min()) / spread)
    heights = np.column_stack([scaled(shown[column]) for column in columns])  # Shape: (trials, columns)
    for row in np.argsort(shown[score].to_numpy()):
        best = shown[score].iloc[row] == shown[score].max()
        axes.plot(range(len(columns)), heights[row], color="black" if best else colours[row], linewidth=2.5 if best else 1.2)
    for place, column in enumerate(columns):
        axes.axvline(place, color="grey", linewidth=0.8)
        low, high = shown[column].min(), shown[column].max()
        axes.text(place, -0.04, f"{low:.3g}", ha="center", va="top", fontsize=9)
        axes.text(place, 1.04, f"{high:.3g}", ha="center", va="bottom", fontsize=9)
    axes.set_xticks(range(len(columns)), columns)
    axes.tick_params(axis="x", pad=14, length=0)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set(ylim=(-0.02, 1.02))
    axes.set_title(title, pad=18)
    return made


def scaled(values: pd.Series) -> np.ndarray:
    """Return values between 0 and 1, by their logarithm if they span more than a factor 20."""
    numbers = values.to_numpy(float)
    if numbers.min() > 0 and numbers.max() / numbers.min() > 20:
        numbers = np.log(numbers)
    low, high = numbers.min(), numbers.max()
    return np.full(len(numbers), 0.5) if low == high else (numbers - low) / (high - low)
