"""Figures of lesson 02: tables of attention, heads, positions, and readers compared.

Layers and heads are counted from 0, as in BertViz.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workshop_lib.plots import COLOURS, HEAT, LINES, MARKERS, figure, heatmap

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure


def positions(table, title: str = "Positional encoding") -> Figure:
    """Draw the table of positional encodings: a row for each place, a column for each number.

    Args:
        table: Shape (n, d).
    """
    import numpy as np

    made, axes = figure(7.0, 3.2)
    image = axes.imshow(np.asarray(table), aspect="auto", cmap=HEAT, interpolation="nearest")
    axes.set(xlabel="number within the vector", ylabel="place in the text", title=title)
    made.colorbar(image, ax=axes, label="value")
    return made


def weights(tokens: list[str], table, title: str = "", wrong=None, digits: int = 2) -> Figure:
    """Draw one table of attention weights with its numbers.

    Args:
        tokens: length n.
        table: Shape (n, n); row = who looks, column = at whom.
        title: above the table.
        wrong: Shape (n, n), True for cells to be framed; None frames none.
        digits: decimals of the written numbers.
    """
    side = 1.8 + 0.55 * len(tokens)
    made, axes = figure(side + 0.6, 0.85 * side)
    _table(axes, tokens, table, title, wrong, digits)
    return made


def weights_side_by_side(tokens: list[str], tables: dict, digits: int = 3) -> Figure:
    """Draw several tables of weights over the same tokens, side by side, with their titles.

    Args:
        tokens: length n.
        tables: title -> table of shape (n, n).
        digits: decimals of the written numbers.
    """
    made, axes = figure(4.6 * len(tables), 3.8, ncols=len(tables))
    for one, (title, table) in zip(axes, tables.items()):
        _table(one, tokens, table, title, None, digits)
    return made


def _table(axes, tokens: list[str], table, title: str, wrong, digits: int) -> None:
    heatmap(axes, table, tokens, tokens, digits)
    axes.set(xlabel="looked at (key)", ylabel="looking (query)", title=title)
    if wrong is None:
        return
    from matplotlib.patches import Rectangle

    for row, column in zip(*wrong.nonzero()):
        corner = (column - 0.5, row - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=COLOURS[5], linewidth=3))


def head_lines(tokens: list[str], table, title: str = "") -> Figure:
    """Draw one head as BertViz's head view does: lines from who looks to who is looked at.

    Args:
        tokens: length n.
        table: Shape (n, n); dark lines are large weights.
    """
    made, axes = figure(5.0, 0.9 + 0.33 * len(tokens))
    for row, token in enumerate(tokens):
        axes.text(-0.04, -row, token, ha="right", va="center")
        axes.text(1.04, -row, token, ha="left", va="center")
        for column, weight in enumerate(table[row]):
            axes.plot(
                [0, 1], [-row, -column], color=COLOURS[0], alpha=float(weight), linewidth=2.5
            )
    axes.set(xlim=(-0.45, 1.45), ylim=(0.6 - len(tokens), 0.7), title=title)
    axes.text(-0.04, 0.75, "looking", ha="right", va="bottom", style="italic")
    axes.text(1.04, 0.75, "looked at", ha="left", va="bottom", style="italic")
    axes.axis("off")
    return made


def all_heads(maps) -> Figure:
    """Draw every head of every layer as a small table, as BertViz's model view does with lines.

    Args:
        maps: Shape (layers, heads, n, n).
    """
    layers, heads = maps.shape[:2]
    made, axes = figure(0.72 * heads + 0.5, 0.74 * layers + 0.5, nrows=layers, ncols=heads)
    for layer in range(layers):
        for head in range(heads):
            one = axes[layer, head]
            one.imshow(maps[layer, head], cmap=HEAT, vmin=0, vmax=1)
            one.set(xticks=[], yticks=[])
            if layer == 0:
                one.set_title(str(head), loc="center", fontsize=9)
            if head == 0:
                one.set_ylabel(str(layer), rotation=0, labelpad=10, fontsize=9, va="center")
    made.suptitle("heads", fontsize=10)
    made.supylabel("layers", fontsize=10)
    return made


def neuron(tokens: list[str], looking: int, queries, keys) -> Figure:
    """Draw how one token's weights come about, as BertViz's neuron view does.

    Args:
        tokens: length n.
        looking: the position of the token that looks.
        queries, keys: Shape (n, d_k), of one head.
    """
    import numpy as np

    products = queries[looking] * keys  # Shape: (n, d_k)
    scores = products.sum(axis=1) / np.sqrt(keys.shape[1])  # Shape: (n,)
    found = np.exp(scores - scores.max())
    found = found / found.sum()  # Shape: (n,)
    made, axes = figure(
        9.5, 1.0 + 0.32 * len(tokens), ncols=3, width_ratios=(6, 1, 1), sharey=True
    )
    largest = np.abs(products).max()
    axes[0].imshow(products, aspect="auto", cmap="PuOr", vmin=-largest, vmax=largest)
    axes[0].set_yticks(range(len(tokens)), tokens)
    axes[0].set(xlabel="number within the vector")
    axes[0].set_title(
        f"query of “{tokens[looking]}” × each key (violet: above 0, orange: below)", fontsize=10
    )
    for one, values, title in ((axes[1], scores, "score"), (axes[2], found, "weight")):
        one.imshow(values[:, None], aspect="auto", cmap=HEAT)
        one.set_xticks([])
        one.set_title(title, fontsize=10)
        middle = (values.min() + values.max()) / 2
        for row, value in enumerate(values):
            colour = "black" if value > middle else "white"
            one.text(0, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=9)
    return made


def heads_on_pronouns(summary: pd.DataFrame, digits: int = 2) -> Figure:
    """Draw, for every head, how often the antecedent wins and how often the head follows the flip.

    Args:
        summary: from ``attention.by_head``, indexed by (layer, head).
        digits: decimals of the written numbers; -1 writes none and draws a scale instead.
    """
    layers = summary.index.get_level_values("layer").nunique()
    made, axes = figure(11.5, 1.5 + 0.35 * layers, ncols=2)
    titles = {
        "correct": "Antecedent gets more than distractor\n(share of sentences; guessing: 0.50)",
        "follows": "Right in both sentences of a pair\n(share of pairs; guessing: 0.25)",
    }
    for one, (column, title) in zip(axes, titles.items()):
        grid = summary[column].unstack("head")
        image = heatmap(
            one, grid, [str(n) for n in grid.index], [str(n) for n in grid.columns], digits
        )
        if digits < 0:
            made.colorbar(image, ax=one)
        one.tick_params(axis="x", labelrotation=0)
        one.set_xticks(range(grid.shape[1]), [str(n) for n in grid.columns], ha="center")
        one.set(xlabel="head", ylabel="layer")
        one.set_title(title, fontsize=10)
    return made


def towards_the_end(similarities: dict[str, np.ndarray]) -> Figure:
    """Draw how similar a token's vector is, layer by layer, to what it becomes in the end.

    Args:
        similarities: word -> array of length layers + 1.
    """
    made, axes = figure(6.5, 3.6)
    for index, (word, values) in enumerate(similarities.items()):
        axes.plot(
            range(len(values)), values, label=word,
            color=COLOURS[index], marker=MARKERS[index], linestyle=LINES[index],
        )  # fmt: skip
    axes.set(xlabel="layers passed", ylabel="cosine with the last layer", ylim=(0, 1.05))
    axes.legend(title="last word", frameon=False)
    return made


def accuracy_by_distance(
    examined: pd.DataFrame, chance: float, step: int = 4, title: str = ""
) -> Figure:
    """Draw how often each reader answers rightly, by how many turns ago the vote was cast.

    Args:
        examined: from ``sequence_models.compare``.
        chance: the share that guessing gets right.
        step: distances are put together in groups of so many turns.
    """
    made, axes = figure(6.8, 4.0)
    nearest = (examined["distance"] - 1) // step * step + 1
    shares = examined.groupby(["reader", nearest], sort=False)["correct"].mean()
    for index, reader in enumerate(examined["reader"].unique()):
        one = shares[reader].sort_index()
        axes.plot(
            one.index + (step - 1) / 2, one, label=reader,
            color=COLOURS[index], marker=MARKERS[index], linestyle=LINES[index],
        )  # fmt: skip
    axes.axhline(chance, color="black", linewidth=1)
    firsts = sorted(nearest.unique())  # the smallest distance of each group
    centres = [first + (step - 1) / 2 for first in firsts]
    axes.annotate(
        "guessing", (centres[-1], chance), xytext=(0, -9), textcoords="offset points",
        ha="right", va="top",
    )  # fmt: skip
    axes.set_xticks(centres, [f"{first}–{first + step - 1}" for first in firsts])
    axes.set(xlabel="turns between vote and question", ylabel="share answered rightly")
    axes.set(ylim=(0, 1.05), title=title)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return made
