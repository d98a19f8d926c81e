"""What a mover of Schelling's model is asked, in three wordings. Used in lesson 07."""

from __future__ import annotations

from typing import NamedTuple

from workshop_lib.abm.rules import MOST_NEIGHBOURS
from workshop_lib.labeling.codebook import Choice
from workshop_lib.labeling.prompts import ending
from workshop_lib.labeling.protocol import Item, Request

# Three ways to ask. A model that decides should decide alike in all.
WORDINGS = (
    "Do you move away? {ending}\nYou live in a house. {neighbours}",
    "{neighbours} You could find another house. Do you move? {ending}",
    "A family looks at its street and asks: do we leave? {neighbours} {ending}",
)
ANSWERS = Choice(["yes", "no"])  # with yes, one wants to move


class Situation(NamedTuple):
    """What somebody sees."""

    group: int
    like: int  # neighbours of one's own group
    every: int  # all neighbours


def all_situations(groups: int = 1) -> list[Situation]:
    """Return every situation that a board can hold: 45 for each group.

    >>> len(all_situations()), all_situations()[1]
    (45, Situation(group=0, like=0, every=1))
    """
    return [
        Situation(group, like, every)
        for group in range(groups)
        for every in range(MOST_NEIGHBOURS + 1)
        for like in range(every + 1)
    ]


def request(situation: Situation, persona: str = "", wording: int = 0) -> Request:
    """Return what the model is asked in a situation.

    >>> request(Situation(0, 0, 8)).messages[0]["content"].splitlines()[1]
    'You live in a house. None of your 8 neighbours is like you.'
    """
    ask = WORDINGS[wording].format(
        ending=ending(ANSWERS, ANSWERS.options),
        neighbours=sentence(situation.like, situation.every),
    )
    system = ({"role": "system", "content": persona},) if persona else ()
    id = f"{situation.like} of {situation.every}" + (
        f", group {situation.group}" if persona else ""
    )
    question = "move" if wording == 0 else f"move {wording}"
    messages = (*system, {"role": "user", "content": ask})
    return Request(Item(id), question, ANSWERS.kind, ANSWERS.options, messages, ANSWERS.schema())


def sentence(like: int, every: int) -> str:
    """Return a sentence on one's neighbours.

    >>> sentence(0, 0), sentence(1, 1)
    ('You have no neighbours.', 'Your only neighbour is like you.')
    """
    if every == 0:
        return "You have no neighbours."
    if every == 1:
        return f"Your only neighbour is {'like you' if like else 'not like you'}."
    if like == every:
        return f"All of your {every} neighbours are like you."
    if like == 0:
        return f"None of your {every} neighbours is like you."
    said = ["is" if count == 1 else "are" for count in (like, every - like)]
    return (
        f"Of your {every} neighbours, {like} {said[0]} like you and {every - like} {said[1]} not."
    )
