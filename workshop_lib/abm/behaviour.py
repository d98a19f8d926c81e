"""What people in an epidemic do about it: rules that say which usual contacts they keep.

A rule is a function that takes a person and returns the share of contacts kept, from 0 to 1. It may
ask what the person knows: ``person.model.share_infected`` (the news), ``person.state``, and since
when they are infected. Used in lesson 07.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workshop_lib.abm.inputs import number_between, whole_number
from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    from workshop_lib.abm.epidemic import Person


@dataclass(frozen=True)
class CutContacts:
    """People cut their contacts while the share infected is above a threshold.

    Args:
        above: the share infected above which people cut their contacts.
        to: the share of their usual contacts that they then keep.
        below: they return to all contacts when the share infected is below this; None: ``above``.
        share: the share of people who follow the rule.

    >>> CutContacts(above=0.05, to=0.3, below=0.01)
    CutContacts(above=0.05, to=0.3, below=0.01, share=1.0)
    """

    above: float = 0.05
    to: float = 0.3
    below: float | None = None
    share: float = 1.0

    def __post_init__(self) -> None:
        for name in ("above", "to", "share"):
            number_between(name, getattr(self, name), 0, 1)
        if self.below is not None and number_between("below", self.below, 0, 1) > self.above:
            raise BadInputError(
                f"People would return below {self.below} and stay away above {self.above}, which "
                "overlap. Give a value of below that is at most above."
            )

    def __call__(self, person: Person) -> float:
        """Return the share of contacts that this person keeps."""
        news = person.model.share_infected
        calm = self.above if self.below is None else self.below
        person.alarmed = news > self.above or (person.alarmed and news >= calm)
        return self.to if person.alarmed and person.disposition < self.share else 1.0


@dataclass(frozen=True)
class Isolate:
    """Infected people stay away from others from some step of their illness on.

    Args:
        share: the share of people who do so when they are infected.
        after: how many steps they still meet others before they know.
        to: the share of their usual contacts that they then keep.
    """

    share: float = 0.8
    after: int = 2
    to: float = 0.0

    def __post_init__(self) -> None:
        whole_number("after", self.after)
        for name in ("share", "to"):
            number_between(name, getattr(self, name), 0, 1)

    def __call__(self, person: Person) -> float:
        """Return the share of contacts that this person keeps."""
        if person.state != "infected" or person.disposition >= self.share:
            return 1.0
        infectious_steps = person.model.steps - person.infected_at - 1  # before this one
        return self.to if infectious_steps >= self.after else 1.0


def together(*rules: Callable[[Person], float]) -> Callable[[Person], float]:
    """Return the rule of a person who follows several rules: the strictest one counts.

    >>> together(lambda person: 0.5, lambda person: 0.2)(None)
    0.2
    """
    if not rules:
        raise BadInputError("No rule is given. Give at least one, such as Isolate().")
    return lambda person: min([rule(person) for rule in rules])
