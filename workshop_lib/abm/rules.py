"""Schelling's model as a list of decisions, each stated once; both engines obey this file.

Seats       A room of seats in rows. On each sits an agent of group 0, 1, … or nobody (−1).
            The number of agents is density × seats, rounded, halves up. The groups share them
            exactly; what is left over goes to the largest remainders. Who sits where is random.
Neighbours  The 8 seats around (Moore); fewer at a wall. A torus has no walls.
Happy       With at least ``happy_count`` neighbours of one's own group; or with at least
            ``happy_share`` of one's neighbours alike: 3 of 5 are enough for 0.6. Empty seats
            aren't neighbours.
Alone       Who has no neighbours is unhappy under the count rule, unless 0 are asked for. Under
            the share rule ``isolated_happy`` decides; if it is False, the share counts as 0.
Order       In a round, which is one step, all who are unhappy at its beginning get one turn each,
            one after the other, in random order. Who has become happy by then stays; who has
            become unhappy waits for the next round.
"better"    The agent looks at all empty seats as if it had left its own, so that it isn't its own
            neighbour. The best ones have most neighbours of its group. If these are more than it
            has now, it takes one of the best by chance; else it stays.
"random"    The agent takes any empty seat by chance, good or bad; not the one that it leaves.
End         When all are happy; or when a whole round passes without a move, since then nobody can
            gain (or, under "random", no seat is empty); or after a limit of rounds.
Chance      One ``numpy.random.default_rng(seed)``. It seats the agents (:func:`seat_agents`).
            Then, each round, it permutes the unhappy and draws a number u from 0 to 1 for each
            (:func:`turns`). Among n possible seats, counted row by row from 0, the agent takes
            number ⌊u · n⌋.

Under "better", every move raises the number of neighbouring pairs that are alike, so that the model
always comes to an end.

Source: Schelling (1971), Dynamic Models of Segregation, Journal of Mathematical Sociology 1(2).
Used in lesson 07.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Sequence

import numpy as np

from workshop_lib.errors import BadInputError, SettingError

EMPTY = -1
MOST_NEIGHBOURS = 8
MOST_GROUPS = 100  # a board holds small whole numbers
MOST_SEATS = 20_000_000
MOVES = ("better", "random")
ROUNDING = 1e-9  # so that 0.2 + 0.4 counts as 0.6

ALL_HAPPY, NOBODY_CAN_GAIN, STEP_LIMIT = "all happy", "nobody can gain", "step limit"


@dataclasses.dataclass(frozen=True)
class Rules:
    """What agents want and how they move; the page's head states each decision.

    Args:
        groups: share of each group among the agents; they sum to 1.
        happy_count: neighbours of one's own group that make happy, from 0 to 8.
        happy_share: or the share of one's neighbours that does, from 0 to 1. Give exactly one of
            the two.
        move: "better" (the best empty seat, if it gains) or "random" (any empty seat).
        torus: whether the room has no walls: its left side meets its right, its top its bottom.
        isolated_happy: under the share rule, whether an agent without neighbours is happy.

    Raises:
        BadInputError: both or none of count and share, or a value outside its range.
        SettingError: an unknown way to move.

    Used in lesson 07.

    >>> Rules(happy_share=0.5).needed.tolist()
    [0, 1, 1, 2, 2, 3, 3, 4, 4]
    """

    groups: tuple[float, ...] = (0.5, 0.5)
    happy_count: int | None = None
    happy_share: float | None = None
    move: str = "better"
    torus: bool = False
    isolated_happy: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", checked_groups(self.groups))
        if (self.happy_count is None) == (self.happy_share is None):
            raise BadInputError(
                f"The rules have happy_count={self.happy_count} and happy_share="
                f"{self.happy_share}. Give exactly one: a number of neighbours, or a share."
            )
        if self.happy_count is not None:
            object.__setattr__(self, "happy_count", checked_count(self.happy_count))
        else:
            object.__setattr__(self, "happy_share", checked_share(self.happy_share))
        if self.move not in MOVES:
            raise SettingError(f"There is no move {self.move!r}. Choose of: {', '.join(MOVES)}.")
        for name in ("torus", "isolated_happy"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise BadInputError(f"{name} is {getattr(self, name)!r}. Give True or False.")
            object.__setattr__(self, name, bool(getattr(self, name)))

    @property
    def threshold(self) -> float:
        """The count or the share that makes happy."""
        return self.happy_share if self.happy_count is None else self.happy_count

    @property
    def needed(self) -> np.ndarray:
        """How many like neighbours make happy, by the number of neighbours, shape (9,)."""
        if self.happy_count is not None:
            return np.full(MOST_NEIGHBOURS + 1, self.happy_count)
        needed = np.ceil(self.happy_share * np.arange(MOST_NEIGHBOURS + 1) - ROUNDING).astype(int)
        needed[0] = 0 if self.isolated_happy or self.happy_share == 0 else 1  # 1 of 0: never
        return needed

    def with_threshold(self, threshold: float) -> Rules:
        """Return the same rules with another count, or another share, whichever they use."""
        name = "happy_share" if self.happy_count is None else "happy_count"
        return dataclasses.replace(self, **{name: threshold})


def classroom(happy_count: int = 2) -> Rules:
    """Return the rules of the classroom: two halves, happy with 2 alike, to the best seat, walls.

    >>> classroom().happy_count, classroom().move
    (2, 'better')
    """
    return Rules(happy_count=happy_count)


def textbook(happy_share: float = 0.3) -> Rules:
    """Return the rules of most textbooks: happy with 30 % alike, to a random empty seat, torus.

    Source: Wilensky (1997), NetLogo Segregation model.

    >>> textbook().happy_share, textbook().move
    (0.3, 'random')
    """
    return Rules(happy_share=happy_share, move="random", torus=True)


def checked_groups(groups: Sequence[float]) -> tuple[float, ...]:
    """Return the groups' shares as a tuple, or raise BadInputError."""
    try:
        shares = tuple(float(share) for share in groups)
    except (TypeError, ValueError):
        shares = ()
    if not 2 <= len(shares) <= MOST_GROUPS or not all(share > 0 for share in shares):
        raise BadInputError(
            f"The groups are {groups!r}. Give the share of each of 2 to {MOST_GROUPS} groups, "
            "all more than 0: (0.7, 0.3)."
        )
    if abs(sum(shares) - 1) > 1e-6:
        raise BadInputError(
            f"The shares of the groups sum to {sum(shares):g}. They are parts of all agents: "
            "make them sum to 1."
        )
    return shares


def checked_count(count: int) -> int:
    """Return happy_count if it is a whole number from 0 to 8, or raise BadInputError."""
    number = whole(count)
    if number is None or not 0 <= number <= MOST_NEIGHBOURS:
        raise BadInputError(
            f"happy_count is {count!r}, but a seat has at most {MOST_NEIGHBOURS} neighbours. Give "
            f"a whole number from 0 to {MOST_NEIGHBOURS}, or use happy_share for a share of them."
        )
    return number


def checked_share(share: float) -> float:
    """Return happy_share if it is from 0 to 1, or raise BadInputError."""
    if not is_number(share) or not 0 <= share <= 1:
        raise BadInputError(
            f"happy_share is {share!r}, but a share goes from 0 to 1. "
            "For a number of neighbours, use happy_count."
        )
    return float(share)


def is_number(value: object) -> bool:
    """Return whether a value is a real number; True and False aren't."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def whole(value: object) -> int | None:
    """Return a whole number as an int; None for anything else, True and False included."""
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def check_rules(rules: Rules) -> None:
    """Raise BadInputError unless these are rules; a usual slip is ``rules=classroom``, uncalled."""
    if not isinstance(rules, Rules):
        raise BadInputError(f"The rules are {rules!r}. Give Rules, such as rules=classroom().")


def checked_seed(seed: int) -> int:
    """Return the seed as an int, or raise SettingError."""
    number = whole(seed)
    if number is None or number < 0:
        raise SettingError(f"The seed is {seed!r}. Choose a whole number from 0.")
    return number


def checked_limit(max_steps: int) -> int:
    """Return the limit of rounds as an int, or raise BadInputError."""
    number = whole(max_steps)
    if number is None or number < 0:
        raise BadInputError(f"max_steps is {max_steps!r}. Give the most rounds, a number from 0.")
    return number


def check_room(width: int, height: int, torus: bool) -> None:
    """Raise BadInputError unless a room can have this size."""
    least = 3 if torus else 1
    if whole(width) is None or whole(height) is None or min(width, height) < least:
        why = "; on a smaller torus, neighbours would count twice" if torus else ""
        raise BadInputError(
            f"The room has {width!r} columns and {height!r} rows of seats. "
            f"Give whole numbers from {least}{why}."
        )
    if width * height > MOST_SEATS:
        raise BadInputError(f"The room has {width} × {height} seats. The most are {MOST_SEATS:,}.")


def seat_agents(
    width: int, height: int, density: float, rules: Rules, rng: np.random.Generator
) -> np.ndarray:
    """Return a board with agents seated at random.

    Args:
        width, height: columns and rows of seats.
        density: share of the seats that are taken, more than 0, up to 1.
        rules: for the groups and the torus.
        rng: draws one permutation of all seats.

    Returns:
        Shape (height, width), int8: −1 for an empty seat, else the group.

    Raises:
        BadInputError: a size or density that is out of range, or too small for a single agent.

    >>> seat_agents(4, 3, 0.5, classroom(), np.random.default_rng(7))
    array([[-1,  0,  1, -1],
           [-1, -1,  0,  0],
           [-1, -1,  1,  1]], dtype=int8)
    """
    check_rules(rules)
    check_room(width, height, rules.torus)
    if not is_number(density) or not 0 <= density <= 1:
        raise BadInputError(f"The density is {density!r}. Give the share of taken seats, up to 1.")
    seats = width * height
    agents = math.floor(density * seats + 0.5)
    if agents == 0:
        raise BadInputError(
            f"A density of {density:g} puts no agent on {seats} seats. Raise it, or add seats."
        )
    sizes = group_sizes(agents, rules.groups)
    board = np.repeat(np.arange(-1, len(sizes), dtype=np.int8), [seats - agents, *sizes])
    return board[rng.permutation(seats)].reshape(height, width)


def group_sizes(agents: int, shares: Sequence[float]) -> list[int]:
    """Return how many agents each group has: whole parts first, then the largest remainders.

    >>> group_sizes(7, (0.5, 0.5)), group_sizes(10, (0.66, 0.34))
    ([4, 3], [7, 3])
    """
    exact = [agents * share / sum(shares) for share in shares]
    sizes = [math.floor(size + ROUNDING) for size in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda group: sizes[group] - exact[group])
    for group in by_remainder[: agents - sum(sizes)]:
        sizes[group] += 1
    return sizes


def as_board(board: np.ndarray, groups: int = MOST_GROUPS) -> np.ndarray:
    """Return a board as an array, shape (height, width), or raise BadInputError.

    >>> as_board([[0, -1], [1, 1]]).shape
    (2, 2)
    """
    try:
        seats = np.asarray(board)
    except ValueError:  # rows of unequal length
        seats = np.empty(0)
    if seats.ndim != 2 or seats.size == 0 or seats.dtype.kind not in "iu":
        raise BadInputError(
            f"The board has the shape {seats.shape} and holds {seats.dtype}. Give rows of equal "
            "length with whole numbers: -1 for an empty seat, 0, 1, … for the groups."
        )
    if seats.min() < EMPTY or seats.max() >= groups:
        raise BadInputError(
            f"The board holds {seats.min()} to {seats.max()}, but there are {groups} groups. Use "
            f"-1 for an empty seat, 0 to {groups - 1} for them, or name more groups in the rules."
        )
    return seats


def checked_board(board: np.ndarray, rules: Rules) -> np.ndarray:
    """Return a copy of a board as int8 if these rules can run on it, or raise BadInputError.

    >>> checked_board([[0, -1], [1, 1]], classroom()).dtype
    dtype('int8')
    """
    check_rules(rules)
    seats = as_board(board, len(rules.groups))
    check_room(seats.shape[1], seats.shape[0], rules.torus)
    if seats.max() == EMPTY:
        raise BadInputError("All seats of the board are empty. Seat at least one agent.")
    return seats.astype(np.int8)


def neighbours(board: np.ndarray, groups: int, torus: bool) -> np.ndarray:
    """Return how many of each group sit around each seat, shape (groups, height, width), int8.

    >>> neighbours(np.array([[0, 0, 1]]), groups=2, torus=False).tolist()
    [[[1, 1, 1]], [[0, 1, 0]]]
    """
    # Shape of all: (groups, height, width)
    there = (board == np.arange(groups)[:, None, None]).astype(np.int8)
    padded = np.pad(there, ((0, 0), (1, 1), (1, 1)), mode="wrap" if torus else "constant")
    columns = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return columns[:, :, :-2] + columns[:, :, 1:-1] + columns[:, :, 2:] - there


def like_and_all(board: np.ndarray, groups: int, torus: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return how many neighbours of its own group an agent has, and how many of any.

    Returns:
        Two arrays of shape (height, width), int8; 0 at empty seats.

    >>> [counts.tolist() for counts in like_and_all(np.array([[0, 0, 1]]), 2, torus=False)]
    [[[1, 1, 0]], [[1, 2, 1]]]
    """
    around = neighbours(board, groups, torus)
    taken = board != EMPTY
    like = np.take_along_axis(around, np.maximum(board, 0)[None].astype(np.intp), axis=0)[0]
    return like * taken, around.sum(axis=0, dtype=np.int8) * taken


def happy(board: np.ndarray, rules: Rules) -> np.ndarray:
    """Return where happy agents sit, shape (height, width); False at empty seats.

    >>> happy(np.array([[0, 0, 1]]), classroom(1)).tolist()
    [[True, True, False]]
    """
    like, every = like_and_all(board, len(rules.groups), rules.torus)
    return (board != EMPTY) & (like >= rules.needed[every])


def turns(rng: np.random.Generator, unhappy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the order of a round's turns, and each mover's number u for its choice.

    Args:
        rng: draws one permutation, then as many uniform numbers.
        unhappy: seats of the unhappy at the beginning of the round, counted row by row, ascending.

    Returns:
        Seats and numbers, both of shape (unhappy,).
    """
    return rng.permutation(unhappy), rng.random(len(unhappy))


def reason_to_stop(
    unhappy: int | bool, moved: int | None, steps: int, limit: float = math.inf
) -> str:
    """Return why a run ends here, or "" if it goes on.

    Args:
        unhappy: number of unhappy agents, or whether there are any.
        moved: moves in the last round; None before the first.
        steps, limit: rounds so far, and the most.

    >>> reason_to_stop(unhappy=3, moved=0, steps=5)
    'nobody can gain'
    """
    if not unhappy:
        return ALL_HAPPY
    if moved == 0:
        return NOBODY_CAN_GAIN
    return STEP_LIMIT if steps >= limit else ""
