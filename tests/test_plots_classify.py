"""The figures of lesson 03 show the numbers that they were given."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

from workshop_lib.plots import classify as plots


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


def line(axes, label):
    """Return the points of the line with this label."""
    return next(one for one in axes.lines if one.get_label() == label).get_xydata().tolist()


def test_learning_curves_show_mean_and_range():
    scores = pd.DataFrame(
        {"model": ["a", "a", "a", "b"], "rows": [40, 40, 600, 40], "macro F1": [0.4, 0.6, 0.9, 0.2]}
    )
    axes = plots.learning_curves(scores).axes[0]
    assert line(axes, "a") == [[40, 0.5], [600, 0.9]]
    band = axes.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.4, 0.9)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["40", "600"]


def test_reliability_puts_what_is_stated_below_and_what_is_right_beside():
    table = pd.DataFrame({"stated": [0.6, 0.9], "right": [0.5, 0.7]})
    table.attrs["ece"] = 0.15
    axes = plots.reliability({"model": table}).axes[0]
    assert line(axes, "model (error 0.15)") == [[0.6, 0.5], [0.9, 0.7]]
    assert line(axes, "calibrated") == [[0, 0], [1, 1]]


def test_attributions_go_right_for_the_label_and_left_against_it():
    table = pd.DataFrame({"token": ["a", "clown", "works"], "attribution": [0.0, 2.0, -0.5]})
    table.attrs["label"] = "yes"
    axes = plots.attributions(table).axes[0]
    ends = {round(bar.get_y() + bar.get_height() / 2): bar.get_width() for bar in axes.patches}
    assert ends == {0: 0.0, 1: 2.0, 2: -0.5}
    assert axes.yaxis_inverted()  # the text is read from the top
    assert axes.get_legend_handles_labels()[1] == ["for 'yes'", "against 'yes'"]


def test_scores_by_fold_show_each_fold_and_the_mean():
    by_fold = pd.DataFrame({"model": ["a", "a", "b", "b"], "F1": [0.2, 0.4, 0.9, 0.7]})
    axes = plots.scores_by_fold(by_fold).axes[0]
    folds, mean, *_ = (one.get_xdata() for one in axes.lines)
    assert list(folds) == [0.2, 0.4]
    assert mean == pytest.approx([0.3, 0.3])


def test_a_class_map_has_a_mark_for_each_label():
    points = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    made = plots.class_map({"before": points, "after": -points}, ["x", "y", "x"])
    for panel, sign in zip(made.axes, (1, -1), strict=True):
        first, second = (part.get_offsets().tolist() for part in panel.collections)
        assert first == (sign * points[[0, 2]]).tolist()
        assert second == (sign * points[[1]]).tolist()


def test_dots_leave_out_what_is_missing():
    table = pd.DataFrame({"one": [0.9, np.nan], "two": [0.5, 0.6]}, index=["a", "b"])
    axes = plots.dots(table, "F1", chance=0.5).axes[0]
    assert line(axes, "two") == [[0.5, 0], [0.6, 1]]
    assert np.isnan(line(axes, "one")[1][0])
    assert "guessing, 0.50" in axes.get_legend_handles_labels()[1]


def test_model_sizes_are_drawn_on_an_axis_of_powers_of_ten():
    table = pd.DataFrame({"year": [2018, 2020], "parameters": [1e8, 1e11]}, index=["small", "large"])
    axes = plots.model_sizes(table).axes[0]
    assert axes.get_yscale() == "log"
    assert axes.lines[0].get_xydata().tolist() == [[2018, 1e8], [2020, 1e11]]
    assert {text.get_text() for text in axes.texts} == {"small", "large"}
