"""Schelling's model: each rule on a board made by hand, the Mesa model, and the measures."""

import dataclasses
import gc
import math
import warnings
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop_lib import errors
from workshop_lib.abm import rules as rule
from workshop_lib.abm.measures import (
    clusters,
    dissimilarity,
    isolation,
    measures,
    same_colour_share,
    share_happy,
)
from workshop_lib.abm.rules import Rules, classroom, happy, seat_agents, textbook
from workshop_lib.abm.schelling import MEASURES, Person, Schelling, let_go

NAN = pytest.approx(float("nan"), nan_ok=True)


def brute_like(board, row, column, group, torus, besides=None):
    """Count the neighbours of a group around a seat, one by one."""
    height, width = board.shape
    around = set()
    for y in (row - 1, row, row + 1):
        for x in (column - 1, column, column + 1):
            seat = (y % height, x % width) if torus else (y, x)
            if 0 <= seat[0] < height and 0 <= seat[1] < width and seat != (row, column):
                around.add(seat)
    return sum(board[seat] == group for seat in around if seat != besides)


def agent_at(model, row, column):
    return model.grid[column, row].agents[0]


# Happiness


def test_who_is_happy_by_count_and_at_the_boundary():
    board = np.array([[0, 1, 0], [1, 0, -1], [1, 1, -1]])
    like = [[1, 1, 1], [3, 2, 0], [2, 2, 0]]
    for row in range(3):
        for column in range(3):
            if board[row, column] >= 0:
                seen = brute_like(board, row, column, board[row, column], torus=False)
                assert seen == like[row][column]
    two = [[False] * 3, [True, True, False], [True, True, False]]
    assert happy(board, classroom(2)).tolist() == two
    assert happy(board, classroom(3)).tolist() == [[False] * 3, [True, False, False], [False] * 3]


def test_a_share_counts_occupied_seats_only_and_is_reached_at_the_boundary():
    board = np.array([[-1, 0, 1], [-1, 0, 1], [-1, -1, 1]])  # the 0 in the middle: 1 of 4 alike
    assert happy(board, Rules(happy_share=0.25))[1, 1]
    assert not happy(board, Rules(happy_share=0.26))[1, 1]


@pytest.mark.parametrize(
    ("share", "needed"),
    [
        (0.0, [0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (0.6, [0, 1, 2, 2, 3, 3, 4, 5, 5]),
        (0.2 + 0.4, [0, 1, 2, 2, 3, 3, 4, 5, 5]),  # 0.6000000000000001
        (1.0, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_how_many_like_neighbours_a_share_asks_for(share, needed):
    assert Rules(happy_share=share).needed.tolist() == needed


def test_count_rule_asks_the_same_of_all():
    assert classroom(2).needed.tolist() == [2] * 9


@pytest.mark.parametrize(
    ("rules", "is_happy"),
    [
        (Rules(happy_share=0.3), True),
        (Rules(happy_share=0.3, isolated_happy=False), False),
        (Rules(happy_share=0.0, isolated_happy=False), True),
        (classroom(0), True),
        (classroom(1), False),
        (Rules(happy_count=1, isolated_happy=True), False),
    ],
)
def test_who_is_alone(rules, is_happy):
    assert happy(np.array([[0, -1, 1]]), rules).tolist() == [[is_happy, False, is_happy]]


def test_walls_and_torus():
    board = np.full((4, 4), -1)
    board[0, 0] = board[0, 3] = board[3, 0] = board[3, 3] = 0
    assert rule.neighbours(board, 2, torus=False)[0, 0, 0] == 0
    assert rule.neighbours(board, 2, torus=True)[0, 0, 0] == 3
    assert rule.neighbours(board, 2, torus=True).sum(axis=(1, 2)).tolist() == [32, 0]


# Who moves, and where to


def test_the_best_seat_not_just_a_better_one():
    model = Schelling.from_board([[0, -1, 0, -1, 1, 0, 1]])
    assert agent_at(model, 0, 5).better_seats().tolist() == [1]  # 2 alike there, 1 on seat 3, 0 now


def test_nobody_is_its_own_neighbour_on_a_new_seat():
    model = Schelling.from_board([[1, 0, -1, -1]], classroom(1))
    assert agent_at(model, 0, 1).better_seats().size == 0
    assert model.run().stopped == "nobody can gain"
    assert (model.moves, model.steps) == (0, 1)


def test_an_equally_good_seat_is_no_reason_to_move():
    model = Schelling.from_board([[0, 0, -1, 1]])  # seat 2 has one neighbour alike, as many as now
    assert agent_at(model, 0, 0).company == (1, 1)
    assert agent_at(model, 0, 0).better_seats().size == 0


def test_ties_are_broken_evenly_and_counted_row_by_row():
    board = [[0, -1, 0], [1, 1, 1], [0, -1, 0], [1, 0, 1]]  # seats 1 and 7: 2 of group 0 or 3
    rules = classroom(8)
    agent = agent_at(Schelling.from_board([[0, -1, 0, 1, 0, 1, 0, -1, 0]], rules), 0, 4)
    assert agent.better_seats().tolist() == [1, 7]
    assert [agent.choose(draw) for draw in (0.0, 0.49, 0.5, 0.999)] == [1, 1, 7, 7]
    agent = agent_at(Schelling.from_board(board, rules), 3, 1)
    assert agent.company[0] == 2
    assert agent.better_seats().size == 0  # seat 7 has 2 besides itself, seat 1 has 2


def test_ties_fall_either_way_over_seeds():
    board = np.array([[0, -1, 0, 1, 0, 1, 0, -1, 0]])
    went_left = 0
    for seed in range(200):
        model = Schelling.from_board(board, classroom(2), seed)
        middle = agent_at(model, 0, 4)
        middle.take_turn(model.rng.random())
        went_left += middle.place == (0, 1)
    assert 70 <= went_left <= 130  # a fair coin leaves this band once in 40,000 times


def test_a_random_mover_takes_any_empty_seat_but_its_own():
    rules = dataclasses.replace(textbook(1.0), torus=False)
    seen = set()
    for seed in range(60):
        model = Schelling.from_board([[0, 1, -1, -1, -1]], rules, seed)
        agent_at(model, 0, 0).take_turn(model.rng.random())
        seen.add(next(agent.place[1] for agent in model.agents if agent.group == 0))
    assert seen == {2, 3, 4}


def test_who_has_become_happy_by_its_turn_stays():
    for seed in range(10):
        model = Schelling.from_board([[0, -1, -1, -1, 0]], classroom(1), seed)
        model.step()
        assert (model.moves, model.stopped) == (1, "all happy")


class Watched(Person):
    """Writes down each turn."""

    def take_turn(self, draw):
        was_happy, before = self.happy, self.model.board
        old = self.place
        moved = super().take_turn(draw)
        self.model.turns.append((self, was_happy, before, old, moved))
        return moved


class WatchedRoom(Schelling):
    agent_class = Watched

    def __init__(self, *args, **kwargs):
        self.turns = []
        super().__init__(*args, **kwargs)


@pytest.mark.parametrize("torus", [False, True])
def test_each_turn_of_a_round_by_brute_force(torus):
    rules = dataclasses.replace(classroom(4), torus=torus, groups=(0.4, 0.4, 0.2))
    model = WatchedRoom(9, 8, 0.8, rules, seed=2)
    movers = 0
    while model.running:
        unhappy = [agent for agent in model.agents if not agent.happy]
        model.turns.clear()
        model.step()
        assert {turn[0] for turn in model.turns} == set(unhappy)  # those who wait aren't among them
        assert len(model.turns) == len(unhappy)
        for agent, was_happy, before, old, moved in model.turns:
            like = brute_like(before, *old, agent.group, torus)
            assert was_happy == (like >= 4)
            seats = [
                brute_like(before, *seat, agent.group, torus, besides=old)
                for seat in np.argwhere(before == -1).tolist()
            ]
            assert moved == (not was_happy and max(seats) > like)
            if moved:
                there = brute_like(before, *agent.place, agent.group, torus, besides=old)
                assert there == max(seats)
                movers += 1
    assert model.moves == movers > 30


def test_turns_come_in_random_order():
    orders = set()
    for seed in range(5):
        model = WatchedRoom(board=[[0, 1, 0, 1]], rules=classroom(2), seed=seed)
        model.step()
        orders.add(tuple(turn[3][1] for turn in model.turns))
    assert len(orders) > 1
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders)


# Ends


def test_when_all_are_happy_no_round_is_needed():
    model = Schelling.from_board([[0, 0], [0, 0], [-1, -1], [1, 1], [1, 1]]).run()
    assert (model.stopped, model.steps, model.running) == ("all happy", 0, False)


@pytest.mark.parametrize("rules", [classroom(5), dataclasses.replace(textbook(0.9), torus=False)])
def test_in_a_full_room_nobody_moves(rules):
    model = Schelling(6, 5, 1.0, rules, seed=1)
    before = model.board
    model.run()
    assert (model.stopped, model.moves, model.steps) == ("nobody can gain", 0, 1)
    assert (model.board == before).all()
    assert (before != -1).all()


def test_a_limit_of_rounds_can_be_raised():
    rules = Rules(happy_share=1.0, move="random")
    model = Schelling(8, 8, 0.6, rules, seed=3).run(max_steps=4)
    assert (model.stopped, model.steps, model.running) == ("step limit", 4, True)
    assert model.run(max_steps=6).steps == 6
    assert Schelling(8, 8, 0.6, rules, seed=3).run(max_steps=0).stopped == "step limit"


def test_after_the_end_a_step_changes_nothing():
    model = Schelling(10, 10, seed=1).run()
    board, rows = model.board, len(model.datacollector.get_model_vars_dataframe())
    model.step()
    assert (model.board == board).all()
    assert len(model.datacollector.get_model_vars_dataframe()) == rows
    assert model.stopped == "all happy"


@pytest.mark.parametrize(
    ("rules", "stopped"),
    [
        (classroom(2), "nobody can gain"),
        (classroom(0), "all happy"),
        (textbook(0.5), "all happy"),
        (dataclasses.replace(textbook(0.5), isolated_happy=False), "step limit"),
    ],
)
def test_one_agent(rules, stopped):
    model = Schelling.from_board([[-1, -1, -1], [-1, 0, -1], [-1, -1, -1]], rules).run(5)
    assert model.stopped == stopped
    assert (model.board == 0).sum() == 1


# The whole model


@given(
    st.integers(3, 8), st.integers(3, 8), st.floats(0.3, 1.0), st.integers(0, 8), st.booleans(),
    st.sampled_from([(0.5, 0.5), (0.8, 0.2), (0.4, 0.3, 0.3)]), st.integers(0, 1000),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_nobody_is_lost_and_alike_pairs_only_rise(
    width, height, density, count, torus, groups, seed
):
    rules = Rules(groups=groups, happy_count=count, torus=torus)
    model = Schelling(width, height, density, rules, seed)
    start = np.bincount(model.board.ravel() + 1, minlength=4)
    pairs = []
    while model.running and model.steps < 30:
        like, _ = rule.like_and_all(model.board, len(groups), torus)
        pairs.append((model.moves, like.sum(dtype=int)))
        model.step()
    assert (np.bincount(model.board.ravel() + 1, minlength=4) == start).all()
    for (moves, alike), (later_moves, later_alike) in zip(pairs, pairs[1:], strict=False):
        assert later_alike >= alike + 2 * (later_moves - moves)  # each gain is seen from both sides
    for agent in model.agents:
        assert model.board[agent.place] == agent.group
        assert agent.happy == happy(model.board, rules)[agent.place]
        assert len(agent.cell.agents) == 1
    assert (model.around == rule.neighbours(model.board, len(groups), torus)).all()


def test_same_seed_same_run_other_seed_other_run():
    one, two, three = (Schelling(12, 12, seed=seed).run() for seed in (5, 5, 6))
    assert (one.board == two.board).all()
    assert one.moves == two.moves
    assert (one.board != three.board).any()
    assert (Schelling(12, 12, seed=np.int64(5)).run().board == one.board).all()


def test_the_claim_of_the_classroom_that_mild_wishes_segregate():
    before, after = [], []
    for seed in range(10):
        model = Schelling(seed=seed)
        assert np.bincount(model.board.ravel() + 1).tolist() == [80, 160, 160]
        before.append(model.measured["same_colour"])
        assert model.run().stopped == "all happy"
        after.append(model.measured["same_colour"])
    assert np.mean(before) == pytest.approx(0.5, abs=0.02)
    assert min(after) > max(before)
    assert np.mean(after) > 0.62


def test_the_data_collector_has_a_row_for_the_start_and_each_round():
    model = Schelling(12, 12, rules=classroom(3), seed=4).run()
    table = model.datacollector.get_model_vars_dataframe()
    assert list(table.columns) == list(MEASURES)
    assert len(table) == model.steps + 1
    assert table["moves"].iloc[[0, -1]].tolist() == [0, model.moves]
    assert table.iloc[-1].to_dict() == {"moves": model.moves} | measures(model.board, model.rules)


def test_mesa_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Schelling(8, 8).run()


def test_a_board_that_is_handed_out_or_in_is_a_copy():
    given_board = np.array([[0, -1, 0], [1, -1, 1]], np.int8)
    model = Schelling.from_board(given_board, classroom(1))
    model.board[:] = 1
    model.run()
    assert given_board.tolist() == [[0, -1, 0], [1, -1, 1]]
    assert sorted(model.board.ravel()) == sorted(given_board.ravel())


def test_a_model_that_is_let_go_leaves_the_memory():
    model = Schelling(6, 6).run()
    grid = weakref.ref(model.grid)
    let_go(model)
    gc.collect()
    assert grid() is None


# Seats


@pytest.mark.parametrize(
    ("size", "density", "groups", "numbers"),
    [
        ((20, 20), 0.8, (0.5, 0.5), [80, 160, 160]),
        ((5, 3), 1.0, (0.5, 0.5), [0, 8, 7]),
        ((3, 3), 0.5, (0.5, 0.5), [4, 3, 2]),  # 4.5 agents are 5
        ((10, 10), 1.0, (0.7, 0.2, 0.1), [0, 70, 20, 10]),
        ((4, 1), 1.0, (0.99, 0.01), [0, 4]),
    ],
)
def test_how_many_sit_where(size, density, groups, numbers):
    rules = Rules(groups=groups, happy_count=2)
    board = seat_agents(*size, density, rules, np.random.default_rng(0))
    assert board.shape == size[::-1]
    assert np.bincount(board.ravel() + 1).tolist() == numbers


# Wrong input


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: classroom(9), errors.BadInputError, "9, but a seat has at most 8"),
        (lambda: classroom(-1), errors.BadInputError, "-1, but a seat"),
        (lambda: classroom(2.5), errors.BadInputError, "2.5, but a seat"),
        (lambda: classroom(True), errors.BadInputError, "True, but a seat"),
        (lambda: textbook(3), errors.BadInputError, "use happy_count"),
        (lambda: textbook(-0.1), errors.BadInputError, "-0.1"),
        (lambda: textbook(math.nan), errors.BadInputError, "nan"),
        (lambda: textbook("0.3"), errors.BadInputError, "'0.3'"),
        (lambda: Rules(), errors.BadInputError, "exactly one"),
        (lambda: Rules(happy_count=2, happy_share=0.3), errors.BadInputError, "exactly one"),
        (lambda: Rules(happy_count=2, move="best"), errors.SettingError, "better, random"),
        (lambda: Rules(happy_count=2, torus="no"), errors.BadInputError, "torus is 'no'"),
        (lambda: Rules(happy_count=2, groups=(7, 3)), errors.BadInputError, "sum to 10"),
        (lambda: Rules(happy_count=2, groups=(1,)), errors.BadInputError, "each of 2 to 100"),
        (lambda: Rules(happy_count=2, groups=(1.5, -0.5)), errors.BadInputError, "more than 0"),
        (lambda: Rules(happy_count=2, groups=2), errors.BadInputError, "The groups are 2"),
        (lambda: Schelling(0, 10), errors.BadInputError, "0 columns and 10 rows"),
        (lambda: Schelling(10, 2.0), errors.BadInputError, "2.0 rows"),
        (lambda: Schelling(2, 9, rules=textbook()), errors.BadInputError, "count twice"),
        (lambda: Schelling(density=0), errors.BadInputError, "puts no agent on 400 seats"),
        (lambda: Schelling(4, 4, 0.01), errors.BadInputError, "puts no agent on 16 seats"),
        (lambda: Schelling(density=1.1), errors.BadInputError, "density is 1.1"),
        (lambda: Schelling(density=math.nan), errors.BadInputError, "density is nan"),
        (lambda: Schelling(seed=-1), errors.SettingError, "seed is -1"),
        (lambda: Schelling(seed=1.5), errors.SettingError, "seed is 1.5"),
        (lambda: Schelling(seed=None), errors.SettingError, "seed is None"),
        (lambda: Schelling(rules=classroom), errors.BadInputError, r"such as rules=classroom\(\)"),
        (lambda: Schelling(1001, 1000), errors.BadInputError, "abm.fast.run"),
        (lambda: Schelling(10**6, 10**6), errors.BadInputError, "The most are"),
        (lambda: Schelling().run(max_steps=-1), errors.BadInputError, "max_steps is -1"),
        (lambda: Schelling.from_board([]), errors.BadInputError, "equal length"),
        (lambda: Schelling.from_board([[0, 1], [1]]), errors.BadInputError, "equal length"),
        (lambda: Schelling.from_board([[0.0, 1.0]]), errors.BadInputError, "float64"),
        (lambda: Schelling.from_board([[-1, -1]]), errors.BadInputError, "All seats"),
        (lambda: Schelling.from_board([[0, 2]]), errors.BadInputError, "there are 2 groups"),
        (lambda: Schelling.from_board([[0, -2]]), errors.BadInputError, "holds -2 to 0"),
    ],
)
def test_wrong_input_is_said_plainly(call, error, says):
    with pytest.raises(error, match=says):
        call()


# Measures


def test_measures_of_four_rows_by_hand():
    halves, stripes = np.array([[0, 0, 1, 1]] * 4), np.array([[0, 1, 0, 1]] * 4)
    assert same_colour_share(halves) == pytest.approx(32 / 42)  # 10 of 42 pairs cross
    assert dissimilarity(halves, tiles=2) == 1
    assert isolation(halves, tiles=2) == 1
    assert dissimilarity(stripes, tiles=2) == 0
    assert isolation(stripes, tiles=2) == 0.5
    assert clusters(halves).sizes.tolist() == [8, 8]
    assert clusters(stripes).number == 4


def test_indices_of_unequal_groups_by_hand():
    board = np.array([[0, 1, 1, -1], [0, 1, 1, 1]])  # left: two 0, two 1; right: three 1
    assert dissimilarity(board, tiles=1) == 0
    left_right = np.repeat(board, 2, axis=0)  # 4 rows, so that 2 tiles a side fit; all twice
    assert dissimilarity(left_right, tiles=2) == pytest.approx((1 / 1 - 2 / 5 + 3 / 5) / 2)
    assert isolation(left_right, tiles=2) == pytest.approx(0.5)
    assert isolation(left_right, tiles=2, group=1) == pytest.approx(2 / 5 * 1 / 2 + 3 / 5 * 1)
    assert dissimilarity(left_right, tiles=2, group=1) == dissimilarity(left_right, tiles=2)


def test_tiles_that_do_not_divide_the_board():
    board = np.array([[0] * 3 + [1] * 4] * 5)
    assert dissimilarity(board, tiles=2) == 0.75  # left of the cut: all 0, a quarter of the 1
    assert isolation(board, tiles=2) == 0.75
    assert isolation(board, tiles=1) == pytest.approx(3 / 7)


def test_without_neighbours_others_or_agents_there_is_no_measure():
    alone = np.array([[0, -1, -1], [-1, -1, -1]])
    assert same_colour_share(alone) == NAN
    assert dissimilarity(alone, tiles=2) == NAN
    assert isolation(alone, tiles=2) == 1
    assert isolation(alone, tiles=2, group=1) == NAN
    empty = np.full((3, 3), -1)
    assert share_happy(empty, classroom()) == NAN
    assert clusters(empty).number == 0
    assert measures(empty, classroom())["largest_cluster"] == 0


def test_clusters_join_at_sides_not_at_corners_and_across_the_seam_of_a_torus():
    assert clusters([[0, 1], [1, 0]]).number == 4
    board = np.array([[0, -1, 0], [1, -1, 1], [0, 1, 0]])
    assert clusters(board).sizes.tolist() == [1] * 7
    joined = clusters(board, torus=True)  # corners are one; the two 1 of the middle row meet
    assert joined.sizes.tolist() == [4, 2, 1]


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=30, deadline=None)
def test_clusters_against_a_search_from_seat_to_seat(seed, torus):
    board = np.random.default_rng(seed).integers(-1, 2, (6, 5))
    seen, sizes = set(), []
    for start in map(tuple, np.argwhere(board >= 0).tolist()):
        area, frontier = set(), [start]
        while frontier:
            seat = frontier.pop()
            if seat in seen:
                continue
            seen.add(seat)
            area.add(seat)
            for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                y, x = seat[0] + down, seat[1] + right
                if torus:
                    y, x = y % 6, x % 5
                if 0 <= y < 6 and 0 <= x < 5 and board[y, x] == board[seat]:
                    frontier.append((y, x))
        if area:
            sizes.append(len(area))
    assert clusters(board, torus).sizes.tolist() == sorted(sizes, reverse=True)


def test_share_happy_is_of_agents_not_of_seats():
    assert share_happy([[0, 0, -1, 1]], classroom(1)) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: dissimilarity([[0, 1]], tiles=2), "1 rows and 2 columns"),
        (lambda: dissimilarity([[0, 1]], tiles=0), "tiles is 0"),
        (lambda: isolation([[0, 1]], tiles=1, group=-1), "counted from 0"),
        (lambda: same_colour_share([0, 1]), "equal length"),
        (lambda: clusters([[0, -2]]), "holds -2 to 0"),
        (lambda: share_happy([[0, 5]], classroom()), "there are 2 groups"),
    ],
)
def test_measures_say_what_is_wrong(call, says):
    with pytest.raises(errors.BadInputError, match=says):
        call()
