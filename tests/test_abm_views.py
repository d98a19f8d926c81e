"""The views of lesson 07 do what their buttons say, and its figures show what they were given."""

import itertools
import sys

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib import colors, pyplot
from matplotlib.text import Text
from PIL import Image, ImageSequence

from workshop_lib.abm import fast, views
from workshop_lib.abm.epidemic import Epidemic
from workshop_lib.abm.epidemic_theory import final_size, sir_curve
from workshop_lib.abm.immunity import immunity_sweep
from workshop_lib.abm.rules import classroom, textbook
from workshop_lib.abm.schelling import Schelling
from workshop_lib.errors import BadInputError, MissingPackageError, WorkshopError
from workshop_lib.plots import COLOURS
from workshop_lib.plots import abm as plots

PNG = b"\x89PNG"


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


@pytest.fixture
def small():
    """An explorer of a room of 6 × 6 seats."""
    return views.explorer(size=6, seed=3)


# Widgets


def test_the_explorer_shows_the_model_that_its_sliders_describe(small):
    same = Schelling(6, 6, 0.8, classroom(), 3)
    assert (small.model.board == same.board).all()
    assert bytes(small.picture.value).startswith(PNG)
    assert "step 0" in small.note.value
    assert {name: slider.value for name, slider in small.sliders.items()} == {
        "threshold": 2, "density": 0.8, "size": 6, "seed": 3,
    }  # fmt: skip


def test_a_click_on_step_makes_one_step_and_redraws(small):
    before, same = small.picture.value, Schelling(6, 6, 0.8, classroom(), 3)
    small.step_button.click()
    same.step()
    assert small.model.steps == 1
    assert (small.model.board == same.board).all()
    assert small.picture.value != before


def test_each_count_of_the_play_button_is_a_step_and_going_back_is_none(small):
    small.play.value = 1
    small.play.value = 2
    assert small.model.steps == min(2, small.model.steps) > 0
    steps = small.model.steps
    small.play.value = 0
    assert small.model.steps == steps


def test_play_rests_at_the_end_and_the_note_says_why(small):
    small.play.playing = True
    for count in range(1, 60):
        small.play.value = count
        if not small.model.running:
            break
    assert not small.model.running
    assert small.play.playing is False
    assert small.model.stopped in small.note.value
    board = small.model.board
    small.step()
    assert (small.model.board == board).all()


def test_reset_goes_back_to_the_start(small):
    start = small.model.board
    small.step()
    small.play.value = 5
    small.reset_button.click()
    assert small.model.steps == small.play.value == 0
    assert (small.model.board == start).all()
    assert "step 0" in small.note.value


@pytest.mark.parametrize(
    ("name", "value"), [("threshold", 4), ("density", 0.5), ("size", 9), ("seed", 8)]
)
def test_moving_a_slider_starts_a_new_model_with_its_value(small, name, value):
    small.step()
    small.sliders[name].value = value
    given = {"threshold": 2, "density": 0.8, "size": 6, "seed": 3, name: value}
    same = Schelling(
        given["size"], given["size"], given["density"], classroom(given["threshold"]), given["seed"]
    )
    assert small.model.steps == 0
    assert small.model.rules == same.rules
    assert (small.model.board == same.board).all()


def test_the_threshold_slider_is_a_share_where_the_rules_are():
    shown = views.explorer(textbook(), size=6)
    shown.sliders["threshold"].value = 0.55
    assert shown.model.rules.happy_share == 0.55
    assert shown.model.rules.move == "random"


def test_what_the_model_refuses_is_said_beside_the_sliders_and_can_be_mended(small):
    small.sliders["size"].value = 3
    small.sliders["density"].value = 0.05
    assert "no agent on 9 seats" in small.note.value
    small.step()
    small.sliders["density"].value = 0.8
    assert "step 0" in small.note.value
    assert small.model is not None


def test_wrong_arguments_are_refused_before_any_widget():
    with pytest.raises(WorkshopError):
        views.explorer(seed=-1)
    with pytest.raises(WorkshopError):
        views.explorer(density=1.5)
    with pytest.raises(BadInputError, match="milliseconds is 0"):
        views.explorer(milliseconds=0)


def test_an_explorer_shows_itself_in_a_notebook(small, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    small._ipython_display_()
    assert shown == [small.box]
    assert small.step_button in small.box.children[-3].children


def test_the_epidemic_explorer_runs_what_its_sliders_say():
    shown = views.epidemic_explorer(population=100, contacts="grid", infected=3, seed=4)
    shown.step()
    assert shown.model.steps == 1
    shown.sliders["immune"].value = 0.5
    shown.sliders["contacts"].value = "mixed"
    assert (shown.model.contacts, shown.model.recovered, shown.model.population) == (
        "mixed",
        50,
        100,
    )
    shown.sliders["immune"].value = 0.99
    assert "Lower immune or infected" in shown.note.value
    assert bytes(shown.picture.value).startswith(PNG)


def test_without_ipywidgets_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    for view in (views.explorer, views.epidemic_explorer):
        with pytest.raises(MissingPackageError, match="pip install ipywidgets"):
            view()


def test_without_solara_the_page_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "solara", None)
    with pytest.raises(MissingPackageError, match="pip install solara altair"):
        views.solara_page()


def test_the_page_hands_mesa_what_it_needs(monkeypatch):
    """With the two names that the page takes from Mesa, and a stand-in for Solara."""
    import types

    seen = {}

    class Slider:
        def __init__(self, label, value, low, high, step):
            self.value, self.low, self.high = value, low, high

    def viz(model, components, model_params, name):
        seen.update(model=model, components=components, sliders=model_params)
        return "page"

    monkeypatch.setitem(
        sys.modules, "solara", types.SimpleNamespace(FigureMatplotlib=lambda figure: figure)
    )
    monkeypatch.setitem(
        sys.modules, "mesa.visualization", types.SimpleNamespace(Slider=Slider, SolaraViz=viz)
    )
    assert views.solara_page(textbook(0.4)) == "page"
    values = {name: slider.value for name, slider in seen["sliders"].items()}
    assert values == {"threshold": 0.4, "density": 0.8, "size": 20, "seed": 7}
    again = type(seen["model"])(**{**values, "threshold": 0.5, "size": 8})  # as Mesa does on Reset
    assert (again.rules.happy_share, again.rules.move, again.board.shape) == (0.5, "random", (8, 8))
    again.step()
    for component in seen["components"]:
        assert component(again).axes


# Animation


def frames(path):
    """Return the frames of a GIF, in colour."""
    with Image.open(path) as image:
        return [frame.convert("RGB").copy() for frame in ImageSequence.Iterator(image)]


def test_an_animation_of_a_run_reads_back_with_a_frame_for_each_round(tmp_path):
    run = fast.run(8, 8, seed=5, keep_boards=True, compiled=False)
    path = views.animation(run, tmp_path / "run.gif", rules=classroom(), milliseconds=120)
    with Image.open(path) as image:
        assert image.format == "GIF"
        assert image.n_frames == len(run.boards) > 1
        assert image.info["loop"] == 0  # for ever
        assert image.info["duration"] == 120
        image.seek(image.n_frames - 1)
        assert image.info["duration"] == 2000
    shown = frames(path)
    assert len({frame.size for frame in shown}) == 1
    blue, orange = (
        tuple(int(255 * part) for part in colors.to_rgb(colour)) for colour in COLOURS[:2]
    )
    for frame in (shown[0], shown[-1]):
        pixels = np.asarray(frame).astype(int)
        for colour in (blue, orange):
            assert (np.abs(pixels - colour).max(axis=2) < 12).sum() > 100
    assert np.asarray(shown[0]).tolist() != np.asarray(shown[-1]).tolist()


def test_an_animation_of_a_model_runs_it_to_its_end(tmp_path):
    model = Schelling(6, 6, 0.8, classroom(), 3)
    path = views.animation(model, str(tmp_path / "model.GIF"))
    assert not model.running
    assert len(frames(path)) == model.steps + 1


def test_of_many_boards_the_first_and_the_last_are_shown(tmp_path, monkeypatch):
    boards = [np.full((2, 2), -1) for _ in range(50)]
    for step, board in enumerate(boards):
        board.flat[step % 4] = 0
    titles = []
    draw = plots.boards
    monkeypatch.setattr(
        plots,
        "boards",
        lambda one, title, *rest, **more: titles.extend(title) or draw(one, title, *rest, **more),
    )
    views.animation(boards, tmp_path / "many.gif", frames=5)
    assert titles == ["step 0", "step 12", "step 24", "step 37", "step 49"]


def test_an_epidemic_on_a_grid_can_be_animated(tmp_path):
    model = Epidemic(36, "grid", transmission=0.5, recovery=0.5, infected=2, contacts_per_step=5)
    names = ("susceptible", "infected", "recovered")
    path = views.animation(model, tmp_path / "epidemic.gif", names=names, frames=4)
    assert len(frames(path)) == min(4, model.steps + 1)


def test_animations_that_cannot_be_made_say_why(tmp_path):
    board = np.zeros((3, 3), int)
    run = fast.run(5, 5, compiled=False)
    for wrong, file, words in [
        ([board], "a.mp4", "ends in .gif"),
        ([], "a.gif", "none"),
        ([board, board[:2]], "a.gif", "(2, 3), (3, 3)"),
        ([[1, 2]], "a.gif", "the same rows"),
        (None, "a.gif", "Give a list"),
        (run, "a.gif", "keep_boards=True"),
        ([board], "nowhere/a.gif", "folder that is there"),
        (Epidemic(20), "a.gif", "contacts='grid'"),
    ]:
        with pytest.raises(BadInputError) as caught:
            views.animation(wrong, tmp_path / file)
        assert words in str(caught.value)
    assert not list(tmp_path.iterdir())


# Figures


def seats(collection):
    """Return the seats (row, column) of the markers of one group."""
    return {(int(y), int(x)) for x, y in collection.get_offsets().tolist()}


def test_boards_mark_groups_by_colour_and_shape_at_their_seats():
    board = np.array([[0, -1, 1], [2, 1, 0]])
    made = plots.boards([board, board[::-1]], ["before", "after"], names=["red", "blue", "green"])
    before, after = made.axes
    assert (before.get_title(), after.get_title()) == ("before", "after")
    for group, part in enumerate(before.collections):
        assert seats(part) == {
            (row, column) for row, column in np.argwhere(board == group).tolist()
        }
        assert colors.to_hex(part.get_facecolor()[0]).upper() == COLOURS[group]
    shapes = [part.get_paths()[0].vertices.tolist() for part in before.collections]
    assert len(shapes) == 3
    assert all(one != other for one, other in itertools.pairwise(shapes))
    assert before.yaxis_inverted()  # row 0 is at the top
    assert [text.get_text() for text in made.legends[0].get_texts()] == ["red", "blue", "green"]


def test_boards_give_the_unhappy_a_rim():
    board = np.array([[0, 0, 1]])
    made = plots.boards([board], ["row"], rules=classroom(happy_count=1))
    first, second = made.axes[0].collections
    assert first.get_edgecolor()[:, 3].max(initial=0) == 0
    assert second.get_edgecolor().tolist() == [[0, 0, 0, 1]]
    assert made.legends[0].get_texts()[-1].get_text() == "black rim:\nunhappy"


def test_more_than_four_boards_go_on_in_the_next_row_and_large_ones_are_pictures():
    made = plots.boards([np.zeros((2, 2), int)] * 5, list("abcde"))
    assert len([panel for panel in made.axes if panel.axison]) == 5
    assert made.axes[4].get_subplotspec().rowspan.start == 1
    large = np.random.default_rng(0).integers(-1, 2, (70, 70))
    picture = plots.boards([large], ["large"]).axes[0].images[0]
    assert (picture.get_array() == large).all()
    assert colors.to_hex(picture.cmap(picture.norm(-1))) == "#ffffff"
    assert colors.to_hex(picture.cmap(picture.norm(1))).upper() == COLOURS[1]


@pytest.mark.parametrize(
    "wrong", [([], []), ([np.zeros((2, 2), int)], []), ([np.zeros(3, int)], ["a"])]
)
def test_boards_need_tables_and_titles(wrong):
    with pytest.raises(BadInputError, match="a title for each"):
        plots.boards(*wrong)


def line(axes, label):
    """Return the points of the line with this label."""
    return next(one for one in axes.lines if one.get_label() == label).get_xydata()


def test_a_history_shows_shares_and_the_moves_of_each_round():
    table = pd.DataFrame(
        {"moves": [0, 5, 7], "share_happy": [0.5, 0.8, 1.0], "same_colour": [0.5, 0.6, 0.7]}
    )
    above, below = plots.history(table).axes
    assert line(above, "share happy").tolist() == [[0, 0.5], [1, 0.8], [2, 1.0]]
    assert [bar.get_height() for bar in below.patches] == [0, 5, 2]
    run = fast.run(8, 8, seed=5, compiled=False)
    model = Schelling(8, 8, 0.8, classroom(), 5).run()
    drawn = [line(plots.history(one).axes[0], "share happy") for one in (run, model)]
    assert drawn[0] == pytest.approx(drawn[1])
    with pytest.raises(BadInputError, match="no column 'joy'. It has: moves, share_happy"):
        plots.history(table, measures=["joy"])


def runs_of_a_sweep():
    """Return two thresholds, two densities and three seeds."""
    rows = [
        (threshold, density, seed, threshold * density + 0.01 * seed)
        for threshold in (1, 3) for density in (0.5, 0.9) for seed in (0, 1, 2)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["threshold", "density", "seed", "same_colour"])


def test_a_phase_diagram_writes_the_means_with_high_densities_on_top():
    axes = plots.phase_diagram(runs_of_a_sweep()).axes[0]
    assert axes.images[0].get_array().round(2).tolist() == [[0.91, 2.71], [0.51, 1.51]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0.9", "0.5"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "3"]
    assert {text.get_text() for text in axes.texts} == {"0.91", "2.71", "0.51", "1.51"}
    assert axes.get_xlabel() == "like neighbours that make happy"


def test_phase_lines_have_means_and_intervals_over_seeds():
    axes = plots.phase_lines(runs_of_a_sweep()).axes[0]
    first = axes.containers[0]
    assert first.lines[0].get_ydata() == pytest.approx([0.51, 1.51])
    half = 4.3027 * 0.01 / 3**0.5  # t with 2 degrees of freedom
    segments = first.lines[2][0].get_segments()
    assert segments[0][:, 1] == pytest.approx([0.51 - half, 0.51 + half], abs=1e-4)
    assert first.lines[0].get_xdata() == pytest.approx([1, 3], abs=0.05)
    shares = runs_of_a_sweep().assign(threshold=lambda table: table["threshold"] / 10)
    assert "share" in plots.phase_lines(shares).axes[0].get_xlabel()
    assert plots.phase_lines(shares.query("seed == 0")).axes[0].containers  # one seed: no intervals


def test_infection_curves_are_shares_of_each_population():
    curves = [Epidemic(size, infected=10, seed=1).run() for size in (100, 200)]
    theory = sir_curve(0.25, 0.1, population=50, infected=5, steps=40)
    axes = plots.infection_curves([curves[0], curves], ["one", "two"], theory=theory).axes[0]
    assert line(axes, "one")[0].tolist() == [0, 0.1]
    assert line(axes, "one")[:, 1] == pytest.approx(curves[0]["infected"] / 100)
    assert line(axes, "differential equation")[0].tolist() == [0, 0.1]
    assert len(axes.lines) == 4
    with pytest.raises(BadInputError, match="1 histories and 2 labels"):
        plots.infection_curves(curves[:1], ["one", "two"])


def test_an_epidemic_is_drawn_with_all_three_states():
    run = Epidemic(100, infected=10, immune=0.2, seed=1).run()
    axes = plots.epidemic(run, sir_curve(0.25, 0.1, population=100, infected=10, immune=0.2)).axes[
        0
    ]
    starts = {
        name: line(axes, name)[0, 1] for name in ("susceptible", "infected", "recovered or immune")
    }
    assert starts == pytest.approx(
        {"susceptible": 0.7, "infected": 0.1, "recovered or immune": 0.2}
    )
    assert line(axes, "differential equation")[0].tolist() == [0, 0.2]


def test_herd_joins_the_medians_and_draws_the_threshold():
    table = immunity_sweep([0.0, 0.8], seeds=range(3), population=100, infected=3)
    axes = plots.herd(table).axes[0]
    drawn = line(axes, "runs (line: median)")
    assert drawn == pytest.approx(
        table.groupby("immune")["final_size"].median().reset_index().to_numpy()
    )
    assert line(axes, "1 − 1 / R0 = 0.60")[:, 0].tolist() == [0.6, 0.6]
    assert line(axes, "theory, R0 = 2.5")[0].tolist() == [0, pytest.approx(final_size(2.5))]
    several = plots.herd({"mixed": table, "again": table}, theory=False).axes[0]
    assert {"mixed", "again"} <= set(several.get_legend_handles_labels()[1])
    assert not any("theory" in label for label in several.get_legend_handles_labels()[1])


def test_the_explorer_names_the_groups_in_its_legend():
    numbered, named = views.explorer(size=6), views.explorer(size=6, names=("blue", "orange"))
    assert bytes(numbered.picture.value) != bytes(named.picture.value)
    texts = [text.get_text() for text in views.draw_schelling(named.model, ("blue", "orange")).findobj(Text)]
    assert {"blue", "orange"} <= set(texts)
