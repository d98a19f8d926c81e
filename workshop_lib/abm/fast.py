"""Schelling's model on arrays: the rules of :mod:`workshop_lib.abm.rules` for a million agents.

The Mesa model asks each agent in Python. Here a loop over plain arrays does it, which numba
compiles to machine code; without numba the same loop runs in Python, slower, with equal results.
Two ideas make it fast:

* Counts are kept, not counted: ``around`` holds how many of each group sit around each seat. A
  move changes it at the seats around the old and the new one only.
* The best empty seat is looked up, not searched. With "better", an empty seat is of a kind for
  each group: of how many of the group, from 0 to 8, sit around it. With "random", all empty seats
  are of one kind. The seats of each kind are tallied in the whole room, in wide stretches of it and
  in narrow ones. To find the k-th seat of a kind, row by row, three short walks are enough: over
  wide stretches, then over narrow ones, then over seats.

Used in lesson 07.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from workshop_lib.abm.rules import (
    EMPTY,
    Rules,
    checked_board,
    checked_limit,
    checked_seed,
    classroom,
    neighbours,
    reason_to_stop,
    seat_agents,
    turns,
)
from workshop_lib.errors import MissingPackageError

if TYPE_CHECKING:
    import pandas as pd

TAKEN = 16  # added to ``around`` where somebody sits, so that one number says both
KINDS = 9  # of empty seats for a group: 0 to 8 of its agents around


@dataclass(frozen=True)
class Run:
    """What came out of a run.

    Attributes:
        board: the last one, shape (height, width), int8: −1 empty, else the group.
        steps: rounds.
        moves: agents' moves in all rounds together.
        stopped: why: "all happy", "nobody can gain" or "step limit".
        rows: before the first round and after each: moves so far, share of happy agents, and share
            of neighbouring pairs that are alike.
        boards: the boards of these rows, if asked for.
    """

    board: np.ndarray
    steps: int
    moves: int
    stopped: str
    rows: tuple[tuple[int, float, float], ...]
    boards: tuple[np.ndarray, ...] = ()

    @functools.cached_property
    def history(self) -> pd.DataFrame:
        """The rows as a table: "moves", "share_happy" and "same_colour" by step, from 0."""
        import pandas as pd

        columns = ["moves", "share_happy", "same_colour"]
        return pd.DataFrame(self.rows, columns=columns).rename_axis("step")


class Room(NamedTuple):
    """All that a round reads and changes; flat arrays, or flat lists where numba is missing.

    Seats are counted row by row. Seat s is in the wide stretch s >> 2 · bits and in the narrow one
    s >> bits. The tallies of kind k start at k · span: how many of its seats are in the whole room,
    then in each wide stretch, then in each narrow one.
    """

    board: np.ndarray  # Shape: (seats,)
    around: np.ndarray  # neighbours of each group, + TAKEN where somebody sits; (groups · seats,)
    needed: np.ndarray  # like neighbours that make happy, by number of neighbours; (9,)
    tallies: np.ndarray  # Shape: (kinds · span,)
    width: int
    height: int
    groups: int
    wide: int  # number of wide stretches
    span: int  # 1 + wide + number of narrow stretches
    bits: int
    torus: bool
    better: bool  # else random


def run(
    width: int = 20,
    height: int = 20,
    density: float = 0.8,
    rules: Rules = classroom(),
    seed: int = 7,
    max_steps: int = 1000,
    board: np.ndarray | None = None,
    keep_boards: bool = False,
    compiled: bool | None = None,
) -> Run:
    """Run Schelling's model until it ends.

    The same arguments give the same run as :class:`workshop_lib.abm.schelling.Schelling`, move for
    move.

    Args:
        width, height: columns and rows of seats.
        density: share of the seats that are taken.
        rules: what agents want and how they move.
        seed: of all chance.
        max_steps: the most rounds.
        board: starts from this one; width, height and density then don't count.
        keep_boards: whether to keep the board before the first round and after each.
        compiled: whether numba compiles the loops; None: if it is installed.

    Raises:
        BadInputError, SettingError: what rules.py checks.
        MissingPackageError: ``compiled`` is True and numba isn't installed.

    Used in lesson 07.

    >>> found = run(10, 10, seed=1, compiled=False)
    >>> found.stopped, found.history["share_happy"].iloc[-1].item()
    ('all happy', 1.0)
    """
    rng, limit = np.random.default_rng(checked_seed(seed)), checked_limit(max_steps)
    if board is None:
        start = seat_agents(width, height, density, rules, rng)
    else:
        start = checked_board(board, rules)
    use_numba = numba_there() if compiled is None else compiled
    room = make_room(start, rules, as_lists=not use_numba)
    look, play = compiled_loops() if use_numba else (survey, play_round)
    unhappy = np.empty(start.size, np.int64) if use_numba else [0] * start.size
    agents = int((start != EMPTY).sum())
    rows, boards, steps, moves, moved = [], [], 0, 0, None
    while True:
        count, alike, pairs = look(room, unhappy)
        rows.append((moves, (agents - count) / agents, alike / pairs if pairs else np.nan))
        if keep_boards:
            boards.append(np.array(room.board, np.int8).reshape(start.shape))
        if stopped := reason_to_stop(count, moved, steps, limit):
            break
        order, draws = turns(rng, np.array(unhappy[:count], np.int64))
        if not use_numba:
            order, draws = order.tolist(), draws.tolist()
        moved = play(room, order, draws)
        moves, steps = moves + moved, steps + 1
    last = np.array(room.board, np.int8).reshape(start.shape)
    return Run(last, steps, moves, stopped, tuple(rows), tuple(boards))


def make_room(board: np.ndarray, rules: Rules, as_lists: bool) -> Room:
    """Return the arrays for a board, with all counts and tallies."""
    groups, better, seats = len(rules.groups), rules.move == "better", board.size
    around = neighbours(board, groups, rules.torus).reshape(groups, seats)
    around += TAKEN * (board.ravel() != EMPTY).astype(np.int8)
    bits = max(1, round(np.log2(seats) / 3))
    wide = ((seats - 1) >> 2 * bits) + 1
    span = 1 + wide + ((seats - 1) >> bits) + 1
    kinds = groups * KINDS if better else 1
    empty = np.flatnonzero(board.ravel() == EMPTY)
    if better:
        kind = np.arange(groups)[:, None] * KINDS + around[:, empty]  # Shape: (groups, empty)
    else:
        kind = np.zeros((1, empty.size), np.int64)
    places = np.stack([0 * empty, 1 + (empty >> 2 * bits), 1 + wide + (empty >> bits)])
    counted = kind[:, None] * span + places  # Shape: (groups or 1, 3, empty)
    tallies = np.bincount(counted.ravel(), minlength=kinds * span).astype(np.int32)
    arrays = [board.ravel().copy(), around.ravel(), rules.needed.astype(np.int64), tallies]
    if as_lists:
        arrays = [array.tolist() for array in arrays]
    height, width = board.shape
    return Room(*arrays, width, height, groups, wide, span, bits, rules.torus, better)


# The loops. numba compiles them as they stand, so they use only what it knows.


def survey(room: Room, unhappy: np.ndarray) -> tuple[int, int, int]:
    """Write the seats of the unhappy into ``unhappy``; return how many, like pairs and all pairs.

    A pair of neighbours counts twice, once from each side.
    """
    board, around, needed, groups = room.board, room.around, room.needed, room.groups
    seats, count, alike, pairs = len(board), 0, 0, 0
    for seat in range(seats):
        group = board[seat]
        if group == EMPTY:
            continue
        like, every = around[group * seats + seat] - TAKEN, 0
        for other in range(groups):
            every += around[other * seats + seat] - TAKEN
        alike += like
        pairs += every
        if like < needed[every]:
            unhappy[count] = seat
            count += 1
    return count, alike, pairs


def play_round(room: Room, order: np.ndarray, draws: np.ndarray) -> int:
    """Give each seat in ``order`` its agent's turn, and return how many moved."""
    board, around, needed, groups = room.board, room.around, room.needed, room.groups
    tallies, span, seats, moves = room.tallies, room.span, len(board), 0
    for turn in range(len(order)):
        seat = order[turn]
        group = board[seat]
        like, every = around[group * seats + seat] - TAKEN, 0
        for other in range(groups):
            every += around[other * seats + seat] - TAKEN
        if like >= needed[every]:
            continue  # has become happy
        if not room.better:
            if tallies[0] > 0:
                to = find(room, 0, int(draws[turn] * tallies[0]))
                change(room, seat, group, -1)
                change(room, to, group, 1)
                moves += 1
        elif best_kind(tallies, span, group, like) >= 0:
            change(room, seat, group, -1)  # stands up, and so isn't its own neighbour
            best, to = best_kind(tallies, span, group, like), seat
            if best >= 0:
                to = find(room, best, int(draws[turn] * tallies[best * span]))
                moves += 1
            change(room, to, group, 1)
    return moves


def best_kind(tallies: np.ndarray, span: int, group: int, like: int) -> int:
    """Return the kind of empty seats with most of a group around, if over ``like``; else -1."""
    for number in range(KINDS - 1, like, -1):
        if tallies[(group * KINDS + number) * span] > 0:
            return group * KINDS + number
    return -1


def find(room: Room, kind: int, k: int) -> int:
    """Return the k-th seat of a kind, row by row, from 0."""
    board, around, tallies, bits = room.board, room.around, room.tallies, room.bits
    wide = kind * room.span + 1  # where the kind's wide stretches start
    narrow = wide + room.wide
    place = wide
    while k >= tallies[place]:
        k -= tallies[place]
        place += 1
    place = narrow + ((place - wide) << bits)
    while k >= tallies[place]:
        k -= tallies[place]
        place += 1
    seat = (place - narrow) << bits
    values, value, first = board, EMPTY, 0
    if room.better:
        values, value, first = around, kind % KINDS, kind // KINDS * len(board)
    while values[first + seat] != value or k > 0:
        if values[first + seat] == value:
            k -= 1
        seat += 1
    return seat


def change(room: Room, seat: int, group: int, by: int) -> None:
    """Let an agent of a group sit down on a seat (by = 1) or stand up (by = -1)."""
    board, around, tallies = room.board, room.around, room.tallies
    seats, width, height = len(board), room.width, room.height
    span, wide, bits, better = room.span, room.wide, room.bits, room.better
    board[seat] = group if by == 1 else EMPTY
    if not better:
        tally(tallies, 0, wide, bits, seat, -by)
    for other in range(room.groups):
        here = other * seats + seat
        if better:
            kind = other * KINDS + around[here] % TAKEN
            tally(tallies, kind * span, wide, bits, seat, -by)
        around[here] += by * TAKEN
    row, column = seat // width, seat % width
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            y, x = row + down, column + right
            if room.torus:
                y, x = y % height, x % width
            elif y < 0 or y >= height or x < 0 or x >= width:
                continue
            if down == 0 and right == 0:
                continue
            near = y * width + x
            here = group * seats + near
            if better and board[near] == EMPTY:
                kind = group * KINDS + around[here]
                tally(tallies, kind * span, wide, bits, near, -1)
                tally(tallies, (kind + by) * span, wide, bits, near, 1)
            around[here] += by


def tally(tallies: np.ndarray, start: int, wide: int, bits: int, seat: int, by: int) -> None:
    """Count a seat into the kind whose tallies start here (by = 1) or out of it (by = -1)."""
    tallies[start] += by
    tallies[start + 1 + (seat >> 2 * bits)] += by
    tallies[start + 1 + wide + (seat >> bits)] += by


@functools.cache
def numba_there() -> bool:
    """Return whether numba is installed and works."""
    try:
        import numba  # noqa: F401
    except ImportError:  # also where it doesn't suit the installed NumPy
        return False
    return True


@functools.cache
def compiled_loops() -> tuple[Callable, Callable]:
    """Return :func:`survey` and :func:`play_round` as machine code.

    It is kept on the disk where that can be written, so that it is compiled once a machine.

    Raises:
        MissingPackageError: numba isn't installed.
    """
    if not numba_there():
        raise MissingPackageError(
            "compiled=True needs the package numba. Install it with `pip install numba`, or leave "
            "`compiled` out: the same loops then run in Python, slower, with the same results."
        )
    from numba import njit
    from numba.extending import register_jitable

    for helper in (best_kind, find, change, tally):
        register_jitable(helper)
    try:
        return warmed_up(*(njit(cache=True, nogil=True)(loop) for loop in (survey, play_round)))
    except (RuntimeError, OSError):  # there is no folder for the cache, or the disk is full
        return warmed_up(*(njit(nogil=True)(loop) for loop in (survey, play_round)))


def warmed_up(look: Callable, play: Callable) -> tuple[Callable, Callable]:
    """Return the loops after they have run once, and so are compiled."""
    room = make_room(np.array([[0, EMPTY]], np.int8), classroom(), as_lists=False)
    look(room, np.empty(2, np.int64))
    play(room, np.zeros(1, np.int64), np.zeros(1))
    return look, play
