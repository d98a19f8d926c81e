"""What changes in the town from tick to tick, and how a tick's changes are stored and applied.

Used in lesson 07.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from workshop_lib.abm.memory import Memory, Vectors, scored
from workshop_lib.abm.town_people import HOURS, PARTS


@dataclass
class World:
    """Everything that changes from tick to tick."""

    tick: int = 0  # how many are over
    places: dict[str, str] = field(default_factory=dict)  # person -> where
    plans: dict[str, str] = field(default_factory=dict)  # person -> sentence
    lived: dict[str, float] = field(default_factory=dict)  # importance since the last reflection
    memories: list[Memory] = field(default_factory=list)
    recalled: dict[int, int] = field(default_factory=dict)  # memory -> when it last came to mind
    log: list[dict] = field(default_factory=list)

    def copy(self) -> World:
        """Return a copy whose changes leave this one as it is."""
        return World(
            self.tick, dict(self.places), dict(self.plans), dict(self.lived),
            list(self.memories), dict(self.recalled), list(self.log),
        )  # fmt: skip

    def of(self, name: str) -> list[Memory]:
        """Return a person's memories."""
        return [memory for memory in self.memories if memory.name == name]

    def remember(
        self, name: str, kind: str, text: str, importance: float, **more: object
    ) -> Memory:
        """Add a memory, and return it."""
        memory = Memory(len(self.memories), self.tick, name, kind, text, float(importance), **more)
        self.memories.append(memory)
        self.lived[name] = self.lived.get(name, 0.0) + memory.importance
        return memory


@dataclass(frozen=True)
class Settings:
    """How people of the town remember and are asked."""

    seed: int
    style: str
    rated: str  # "asked" or "rule"
    weights: dict[str, float]
    reflect_at: float
    k: int  # memories that come to mind


def time_of(tick: int) -> tuple[int, str]:
    """Return day and part of the day of a tick.

    >>> time_of(1), time_of(6)
    ((1, 'morning'), (2, 'noon'))
    """
    return (tick - 1) // len(PARTS) + 1, PARTS[(tick - 1) % len(PARTS)]


def recall(
    world: World, vectors: Vectors, name: str, query: str, weights: dict[str, float] | None,
    memories: Sequence[Memory] | None = None,
):  # fmt: skip
    """Return a person's memories with their scores for a query; see :func:`memory.scored`."""
    memories = world.of(name) if memories is None else memories
    hours = [HOURS * (world.tick - world.recalled.get(one.number, one.tick)) for one in memories]
    cosines = vectors.cosines(query, [one.text for one in memories])
    return scored(memories, cosines, hours, weights)


def changes(before: World, world: World) -> dict:
    """Return what is new in a world, as plain data."""
    old = before.recalled
    return {
        "tick": world.tick, "places": world.places, "plans": world.plans, "lived": world.lived,
        "memories": [list(one) for one in world.memories[len(before.memories) :]],
        "log": world.log[len(before.log) :],
        "recalled": [[one, tick] for one, tick in world.recalled.items() if old.get(one) != tick],
    }  # fmt: skip


def applied(world: World, new: dict) -> World:
    """Return the world after what :func:`changes` gave."""
    memories = [Memory(*fields[:-1], tuple(fields[-1])) for fields in new["memories"]]
    return World(
        new["tick"], new["places"], new["plans"], new["lived"], world.memories + memories,
        world.recalled | {number: tick for number, tick in new["recalled"]}, world.log + new["log"],
    )  # fmt: skip
