"""Schelling's model on Mesa: each agent looks around, and moves if it is unhappy with what it sees.

The rules are those of :mod:`workshop_lib.abm.rules`, where each decision is stated. What an agent
knows are the eight seats around it, and which empty seats would suit it better; nobody wants
segregation. Used in lesson 07.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mesa
import numpy as np
from mesa.discrete_space import Cell, CellAgent, OrthogonalMooreGrid

from workshop_lib.abm.measures import measures
from workshop_lib.abm.rules import (
    EMPTY,
    STEP_LIMIT,
    Rules,
    checked_board,
    checked_limit,
    checked_seed,
    classroom,
    happy,
    neighbours,
    reason_to_stop,
    seat_agents,
    turns,
)
from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    from workshop_lib.abm.sweep import Task

MOST_SEATS = 1_000_000  # some 2 GB

MEASURES = (
    "moves",
    "share_happy",
    "same_colour",
    "dissimilarity",
    "isolation",
    "clusters",
    "largest_cluster",
)


class Person(CellAgent):
    """Somebody of a group, on a cell of the grid.

    To give agents another will, override :meth:`choose` in a subclass, and name it as the
    ``agent_class`` of a subclass of :class:`Schelling`.
    """

    def __init__(self, model: Schelling, cell: Cell, group: int) -> None:
        super().__init__(model)
        self.cell = cell
        self.group = group

    @property
    def place(self) -> tuple[int, int]:
        """Row and column of the seat."""
        column, row = self.cell.coordinate
        return row, column

    @property
    def company(self) -> tuple[int, int]:
        """How many neighbours are of one's own group, and how many there are at all."""
        groups = [other.group for cell in self.cell.connections.values() for other in cell.agents]
        return groups.count(self.group), len(groups)

    @property
    def happy(self) -> bool:
        """Whether enough neighbours are of one's own group."""
        like, every = self.company
        return like >= self.model.needed[every]

    def take_turn(self, draw: float) -> bool:
        """Stay if happy, else move if a seat is worth it; return whether one moved.

        Args:
            draw: a number from 0 to 1 that chooses among equally good seats.
        """
        seat = None if self.happy else self.choose(draw)
        if seat is None:
            return False
        self.model.move(self, seat)
        return True

    def choose(self, draw: float) -> int | None:
        """Return the number of the seat to move to, counted row by row; None to stay."""
        better = self.model.rules.move == "better"
        seats = self.better_seats() if better else self.model.empty_seats()
        return int(seats[int(draw * len(seats))]) if len(seats) else None

    def better_seats(self) -> np.ndarray:
        """Return the empty seats with most neighbours of one's group; none if not more than now."""
        room = self.model
        likes = np.where(room.seats == EMPTY, room.around[self.group], -1)  # Shape: (height, width)
        likes[room.window(self.place)] -= 1  # there, one's own neighbour would be oneself
        best = likes.max()
        return np.flatnonzero(likes == best) if best > self.company[0] else np.empty(0, int)


class Schelling(mesa.Model):
    """Schelling's model of segregation.

    Args:
        width, height: columns and rows of seats.
        density: share of the seats that are taken.
        rules: what agents want and how they move.
        seed: of all chance; the same seed gives the same run.
        board: starts from this one; width, height and density then don't count.

    Attributes:
        running: whether somebody is unhappy and may still gain.
        steps: rounds so far. moves: agents' moves so far.
        stopped: why it ended: "all happy", "nobody can gain" or "step limit"; "" before.
        datacollector: Mesa's; a row before the first round and after each, with the measures.
        grid: Mesa's; cell (x, y) is the seat in row y and column x.

    Raises:
        BadInputError, SettingError: what rules.py checks.

    Used in lesson 07.

    >>> model = Schelling(10, 10, seed=1).run()
    >>> model.stopped, model.running
    ('all happy', False)
    """

    agent_class = Person

    def __init__(
        self,
        width: int = 20,
        height: int = 20,
        density: float = 0.8,
        rules: Rules = classroom(),
        seed: int = 7,
        board: np.ndarray | None = None,
    ) -> None:
        super().__init__(rng=checked_seed(seed))
        self.rules = rules
        if board is None:
            self.seats = seat_agents(width, height, density, rules, self.rng)
        else:
            self.seats = checked_board(board, rules)
        if self.seats.size > MOST_SEATS:
            raise BadInputError(
                f"The room has {self.seats.size:,} seats. Mesa makes an object of each, so the "
                f"most are {MOST_SEATS:,}. Take fewer, or run the same model by abm.fast.run."
            )
        self.height, self.width = self.seats.shape
        self.needed = rules.needed.tolist()
        # How many of each group are around each seat, (groups, height, width); only for "better"
        self.around = neighbours(self.seats, len(rules.groups), rules.torus)
        self.grid = OrthogonalMooreGrid(
            (self.width, self.height), torus=rules.torus, capacity=1, random=self.random
        )
        for row, column in np.argwhere(self.seats != EMPTY).tolist():
            self.agent_class(self, self.grid[column, row], int(self.seats[row, column]))
        self.moves, self.stopped = 0, ""
        self.measured: dict[str, float] = {}
        self.datacollector = mesa.DataCollector(
            {name: lambda model, name=name: model.measured[name] for name in MEASURES}
        )
        self.look(moved=None)

    @classmethod
    def from_board(cls, board: np.ndarray, rules: Rules = classroom(), seed: int = 7) -> Schelling:
        """Return a model that starts from a board: −1 for an empty seat, 0, 1, … for the groups.

        >>> Schelling.from_board([[0, 0, 1], [1, -1, 0]]).board.shape
        (2, 3)
        """
        return cls(rules=rules, seed=seed, board=board)

    @property
    def board(self) -> np.ndarray:
        """A copy of the board, shape (height, width), int8: −1 is an empty seat, else the group."""
        return self.seats.copy()

    def step(self) -> None:
        """Give each unhappy agent its turn, one after the other; nothing after the end."""
        if not self.running:
            return
        unhappy = np.flatnonzero((self.seats != EMPTY) & ~happy(self.seats, self.rules))
        order, draws = turns(self.rng, unhappy)
        places = [divmod(seat, self.width) for seat in order.tolist()]
        agents = [self.grid[column, row].agents[0] for row, column in places]
        turn_by_turn = zip(agents, draws.tolist(), strict=True)
        moved = sum(agent.take_turn(draw) for agent, draw in turn_by_turn)
        self.moves += moved
        self.look(moved)

    def run(self, max_steps: int = 1000) -> Schelling:
        """Step until the end, or until ``max_steps`` rounds are made; return the model."""
        limit = checked_limit(max_steps)
        while self.running and self.steps < limit:
            self.step()
        if self.running:
            self.stopped = STEP_LIMIT
        return self

    def look(self, moved: int | None) -> None:
        """Measure the board, and see whether this is the end."""
        self.measured = {"moves": self.moves, **measures(self.seats, self.rules)}
        self.datacollector.collect(self)
        self.stopped = reason_to_stop(self.measured["share_happy"] < 1, moved, self.steps)
        self.running = not self.stopped

    def empty_seats(self) -> np.ndarray:
        """Return the numbers of the empty seats, counted row by row."""
        return np.flatnonzero(self.seats == EMPTY)

    def move(self, agent: Person, seat: int) -> None:
        """Move an agent to an empty seat, and keep up what the model knows about seats."""
        old, new = agent.place, divmod(seat, self.width)
        self.seats[old], self.seats[new] = EMPTY, agent.group
        if self.rules.move == "better":
            likes = self.around[agent.group]  # Shape: (height, width)
            likes[self.window(old)] -= 1
            likes[self.window(new)] += 1
            likes[old] += 1  # nobody is around oneself
            likes[new] -= 1
        agent.cell = self.grid[new[1], new[0]]

    def window(self, place: tuple[int, int]) -> tuple:
        """Return the index of a seat and those around it."""
        row, column = place
        if not self.rules.torus:
            return slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2)
        rows = (row - 1, row, (row + 1) % self.height)
        return np.ix_(rows, (column - 1, column, (column + 1) % self.width))


class BatchRun(mesa.Model):
    """A whole run of a sweep as one step, for ``mesa.batch_run``.

    Mesa 3.3's runner reads the row before the last, and that of Mesa 3.5 sets the seed by another
    name; with one step and one row, both agree.

    Args:
        task: of :mod:`workshop_lib.abm.sweep`.
        rng: not used, the task has a seed.

    Used in lesson 07.
    """

    def __init__(self, task: Task, rng: None = None) -> None:
        super().__init__(rng=0)
        self.task, self.row = task, {}
        self.datacollector = mesa.DataCollector({"row": "row"})

    def step(self) -> None:
        """Do the run."""
        from workshop_lib.abm.sweep import run_one

        self.row = run_one(self.task)
        self.datacollector.collect(self)
        self.running = False


def let_go(model: mesa.Model) -> None:
    """Empty a model that isn't needed any more; Mesa 3.3 keeps each model for ever."""
    vars(model).clear()
