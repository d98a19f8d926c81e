"""The arrays against the Mesa model: step for step with one stream, and in distribution."""

import builtins
import functools
import importlib
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workshop_lib import errors
from workshop_lib.abm.measures import same_colour_share, share_happy
from workshop_lib.abm.rules import EMPTY, Rules, classroom, textbook
from workshop_lib.abm.schelling import Schelling

fast = importlib.import_module("workshop_lib.abm.fast")
needs_numba = pytest.mark.skipif(not fast.numba_there(), reason="numba isn't installed")
ENGINES = [False, pytest.param(True, marks=needs_numba)]

THREE = (0.5, 0.3, 0.2)
MANY_RULES = {
    "classroom": classroom(),
    "wishing for 5": classroom(5),
    "wishing for 8": classroom(8),
    "three groups on a torus": Rules(groups=THREE, happy_count=3, torus=True),
    "share, best seat": Rules(happy_share=0.6, isolated_happy=False),
    "textbook": textbook(),
    "textbook, half": textbook(0.5),
    "textbook, unequal, walls": Rules(groups=(0.7, 0.3), happy_share=0.4, move="random"),
    "textbook, alone is unhappy": Rules(happy_share=0.75, move="random", isolated_happy=False),
    "count, random": Rules(groups=THREE, happy_count=2, move="random", torus=True),
}


@pytest.mark.parametrize("compiled", ENGINES)
@pytest.mark.parametrize("density", [0.4, 0.9])
@pytest.mark.parametrize("rules", MANY_RULES.values(), ids=MANY_RULES)
def test_step_for_step_as_the_mesa_model(rules, density, compiled):
    model = Schelling(14, 11, density, rules, seed=3)
    boards = [model.board]
    while model.running and model.steps < 25:
        model.step()
        boards.append(model.board)
    model.run(25)
    found = fast.run(14, 11, density, rules, 3, max_steps=25, keep_boards=True, compiled=compiled)
    assert len(found.boards) == len(boards)
    for ours, theirs in zip(found.boards, boards, strict=True):
        assert (ours == theirs).all()
    assert (found.steps, found.moves, found.stopped) == (model.steps, model.moves, model.stopped)
    table = model.datacollector.get_model_vars_dataframe()
    for column in found.history:
        assert found.history[column].tolist() == table[column].tolist()


def test_from_a_board_as_the_mesa_model():
    board = np.random.default_rng(1).integers(-1, 2, (9, 12))
    found = fast.run(board=board, rules=classroom(4), seed=8)
    model = Schelling.from_board(board, classroom(4), seed=8).run()
    assert (found.board == model.board).all()
    assert found.moves == model.moves > 0


some_rules = st.builds(
    Rules,
    groups=st.sampled_from([(0.5, 0.5), (0.9, 0.1), (0.25,) * 4]),
    happy_count=st.none(),
    happy_share=st.floats(0, 1),
    move=st.sampled_from(["better", "random"]),
    torus=st.booleans(),
    isolated_happy=st.booleans(),
) | st.builds(Rules, happy_count=st.integers(0, 8), move=st.sampled_from(["better", "random"]))


@needs_numba
@given(some_rules, st.integers(3, 30), st.integers(3, 30), st.floats(0.2, 1), st.integers(0, 99))
@example(classroom(1), 3, 3, 1.0, 0)
@settings(max_examples=60, deadline=None)
def test_machine_code_and_python_agree(rules, width, height, density, seed):
    one, other = (
        fast.run(width, height, density, rules, seed, max_steps=20, compiled=compiled)
        for compiled in (True, False)
    )
    assert (one.board == other.board).all()
    assert (one.steps, one.moves, one.stopped) == (other.steps, other.moves, other.stopped)
    assert one.history.equals(other.history)
    assert one.board.dtype == other.board.dtype == np.int8


@given(some_rules, st.integers(3, 12), st.integers(3, 12), st.floats(0.2, 1), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_kept_counts_and_tallies_are_those_of_a_fresh_count(rules, width, height, density, seed):
    rng = np.random.default_rng(seed)
    board = fast.seat_agents(width, height, density, rules, rng)
    room = fast.make_room(board, rules, as_lists=True)
    unhappy = [0] * board.size
    for _ in range(3):
        count, alike, pairs = fast.survey(room, unhappy)
        now = np.array(room.board, np.int8).reshape(height, width)
        agents = (board != EMPTY).sum()
        assert (agents - count) / agents == share_happy(now, rules)
        if pairs:
            assert alike / pairs == same_colour_share(now, rules.torus)
        fresh = fast.make_room(now, rules, as_lists=True)
        assert room.around == fresh.around
        assert room.tallies == fresh.tallies
        order, draws = fast.turns(rng, np.array(unhappy[:count], np.int64))
        fast.play_round(room, order.tolist(), draws.tolist())


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 1), (17, 31), (70, 60)])
def test_the_kth_seat_of_a_kind_is_found_in_order(size):
    board = np.random.default_rng(0).integers(-1, 2, size, dtype=np.int8)
    room = fast.make_room(board, classroom(), as_lists=True)
    around = fast.neighbours(board, 2, torus=False).reshape(2, -1)
    for kind in range(2 * fast.KINDS):
        group, number = divmod(kind, fast.KINDS)
        seats = np.flatnonzero((board.ravel() == EMPTY) & (around[group] == number))
        assert room.tallies[kind * room.span] == len(seats)
        assert [fast.find(room, kind, k) for k in range(len(seats))] == seats.tolist()
    room = fast.make_room(board, Rules(happy_count=1, move="random"), as_lists=True)
    empty = np.flatnonzero(board == EMPTY).tolist()
    assert [fast.find(room, 0, k) for k in range(len(empty))] == empty


@pytest.mark.parametrize("move", ["better", "random"])
@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])
def test_equal_in_distribution_with_seeds_of_their_own(share, move):
    from scipy.stats import ks_2samp

    rules = Rules(happy_share=share, move=move)
    size = {"width": 12, "height": 12, "density": 0.8, "rules": rules}
    models = [Schelling(**size, seed=seed).run(60) for seed in range(25)]
    runs = [fast.run(**size, seed=seed, max_steps=60) for seed in range(1000, 1200)]
    for measure in ("moves", "same_colour"):
        theirs = [model.measured[measure] for model in models]
        ours = [found.history[measure].iloc[-1] for found in runs]
        assert ks_2samp(theirs, ours).pvalue > 1e-3, measure


def test_the_comparison_of_distributions_can_fail():
    from scipy.stats import ks_2samp

    one, other = (
        [fast.run(12, 12, rules=classroom(count), seed=seed).moves for seed in range(40)]
        for count in (2, 3)
    )
    assert ks_2samp(one, other).pvalue < 1e-6


@needs_numba
def test_a_large_room_keeps_its_agents_and_gets_happy():
    found = fast.run(400, 250, seed=1)
    assert np.bincount(found.board.ravel() + 1).tolist() == [20_000, 40_000, 40_000]
    assert found.stopped == "all happy"
    assert share_happy(found.board, classroom()) == 1
    assert found.history["same_colour"].iloc[0] == pytest.approx(0.5, abs=0.01)
    assert found.history["same_colour"].is_monotonic_increasing


@pytest.mark.parametrize("compiled", ENGINES)
class TestEdges:
    def test_one_seat(self, compiled):
        found = fast.run(1, 1, 1.0, classroom(1), compiled=compiled)
        assert (found.board.tolist(), found.stopped, found.steps) == ([[0]], "nobody can gain", 1)
        assert np.isnan(found.history["same_colour"].iloc[0])

    def test_a_full_room(self, compiled):
        for rules in (classroom(8), textbook(1.0)):
            found = fast.run(6, 6, 1.0, rules, compiled=compiled)
            assert (found.moves, found.stopped) == (0, "nobody can gain")

    def test_no_round(self, compiled):
        found = fast.run(6, 6, max_steps=0, rules=classroom(4), compiled=compiled)
        assert (found.steps, found.stopped, len(found.history)) == (0, "step limit", 1)

    def test_the_board_given_stays_as_it_was(self, compiled):
        board = np.array([[0, -1, 0], [1, -1, 1]], np.int8)
        before = board.copy()
        found = fast.run(board=board, rules=classroom(1), compiled=compiled)
        assert found.moves > 0
        assert (board == before).all()

    def test_same_seed_same_run(self, compiled):
        one, two, three = (fast.run(seed=seed, compiled=compiled).board for seed in (4, 4, 5))
        assert (one == two).all()
        assert (one != three).any()


def test_boards_are_kept_only_if_asked_for():
    assert fast.run(6, 6).boards == ()
    found = fast.run(6, 6, rules=classroom(3), keep_boards=True)
    assert len(found.boards) == found.steps + 1 == len(found.history)
    assert (found.boards[-1] == found.board).all()
    assert (found.boards[0] != found.boards[-1]).any()


@pytest.fixture
def forget_numba():
    """Let the module find out anew about numba, before and after."""
    found = (fast.numba_there, fast.compiled_loops)
    for function in found:
        function.cache_clear()
    yield
    for function in found:
        function.cache_clear()


def test_without_numba_runs_are_the_same(monkeypatch, forget_numba):
    here = fast.run(12, 12, rules=classroom(4), compiled=False)
    real_import = builtins.__import__

    def no_numba(name, *rest, **more):
        if name.split(".")[0] == "numba":
            raise ImportError("Numba needs another NumPy")
        return real_import(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", no_numba)
    there = fast.run(12, 12, rules=classroom(4))
    assert (here.board == there.board).all()
    with pytest.raises(errors.MissingPackageError, match="pip install numba"):
        fast.run(12, 12, compiled=True)


@needs_numba
@pytest.mark.parametrize("error", [RuntimeError("cannot cache function"), OSError("No space left")])
def test_where_machine_code_cannot_be_kept_it_is_made_anew(monkeypatch, forget_numba, error):
    kept = []

    def njit(cache=False, nogil=False):
        def decorate(loop):
            @functools.wraps(loop)
            def compiled(*args):
                if cache:
                    raise error
                kept.append(loop.__name__)
                return loop(*args)

            return compiled

        return decorate

    monkeypatch.setattr(sys.modules["numba"], "njit", njit)
    fast.compiled_loops()
    assert kept == ["survey", "play_round"]


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: fast.run(0, 5), errors.BadInputError, "0 columns"),
        (lambda: fast.run(density=0.0), errors.BadInputError, "puts no agent"),
        (lambda: fast.run(density=-1), errors.BadInputError, "density is -1"),
        (lambda: fast.run(seed=-3), errors.SettingError, "seed is -3"),
        (lambda: fast.run(max_steps=2.5), errors.BadInputError, "max_steps is 2.5"),
        (lambda: fast.run(rules=2), errors.BadInputError, "The rules are 2"),
        (lambda: fast.run(board=[[0, 3]]), errors.BadInputError, "there are 2 groups"),
        (lambda: fast.run(board=[[0, -1]], rules=textbook()), errors.BadInputError, "count twice"),
    ],
)
def test_wrong_input_is_said_plainly(call, error, says):
    with pytest.raises(error, match=says):
        call()
