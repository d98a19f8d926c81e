"""The second file of figures of lesson 07: they draw what the tables say, and refuse others."""

import numpy as np
import pandas as pd
import pytest

from workshop_lib import errors
from workshop_lib.plots import town as draw


def agreement(move):
    return pd.DataFrame({"move": move, "rule": [1.0, 1.0, 0.0]}, index=pd.Index([0, 1, 2], name="like"))


LOG = pd.DataFrame(
    [
        (1, "morning", "Ada", "plan", "work", False),
        (1, "morning", "Ada", "move", "work", False),
        (1, "morning", "Ben", "move", "food", True),
        (2, "noon", "Ada", "move", "food", False),
        (2, "noon", "Ben", "move", "food", False),
    ],
    columns=["tick", "part", "name", "what", "choice", "default"],
)
MIND = pd.DataFrame(
    {"text": ["The pool is shut.", "word " * 60], "recency": [1, 0.5], "importance": [0, 1], "relevance": [1, 0]}
)
VARIANTS = pd.DataFrame(
    {"mean": [0.7, 0.8], "low": [0.6, 0.7], "high": [0.8, 0.9], "chance": [0.5, 0.68]}, index=["as it is", "torus"]
)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_variants_draw_means_intervals_and_chance():
    axes = draw.variants(VARIANTS, "like neighbours").axes[0]
    means, chance = axes.get_lines()
    assert means.get_xdata().tolist() == [0.7, 0.8] and chance.get_xdata().tolist() == [0.5, 0.68]
    assert [round(float(x), 2) for x in axes.collections[1].get_segments()[1][:, 0]] == [0.7, 0.9]
    assert [one.get_text() for one in axes.get_yticklabels()] == ["as it is", "torus"]


def test_decisions_draw_the_rule_and_each_model():
    made = draw.decisions({"wording 0": agreement([1, 0, 0]), "wording 1": agreement([0, 0, np.nan])})
    rule, first, second = made.axes[0].get_lines()
    assert rule.get_ydata().tolist() == [1, 1, 0] and first.get_ydata().tolist() == [1, 0, 0]
    assert first.get_marker() != second.get_marker() and first.get_linestyle() != second.get_linestyle()


def test_retrieval_bars_are_as_long_as_the_weighted_scores():
    axes = draw.retrieval(MIND, {"recency": 2, "importance": 1}).axes[0]
    ends = [max(bar.get_x() + bar.get_width() for bar in bars) for bars in axes.containers]
    assert ends[1] == 2.0  # 2 · 0.5 + 1 of the second memory, 2 · 1 + 0 of the first
    assert all(bar.get_width() == 0 for bar in axes.containers[2])
    assert axes.get_yticklabels()[1].get_text().endswith("…")
    assert len({bars[0].get_hatch() for bars in axes.containers}) == 3


def test_days_have_a_cell_for_each_person_and_tick_and_mark_defaults():
    axes = draw.days(LOG).axes[0]
    assert texts(axes) == ["work", "food*", "food", "food"]
    assert [one.get_text() for one in axes.get_xticklabels()] == ["morning", "noon"]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: draw.variants(VARIANTS.drop(columns="chance"), "x"), "no column 'chance'"),
        (lambda: draw.decisions({}), "at least one table"),
        (lambda: draw.decisions({"a": MIND}), "no column 'move'"),
        (lambda: draw.retrieval(LOG), "no column 'text'"),
        (lambda: draw.days(LOG[LOG["what"] == "plan"]), "Nobody has moved"),
    ],
)
def test_wrong_tables(call, words):
    with pytest.raises(errors.BadInputError, match=words):
        call()
