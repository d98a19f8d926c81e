"""All that the model of the town is told, in one place.

There are two styles. In "choices", the model picks from a short list wherever it can, and what
people remember are sentences made by this file around its choices; its free lines are shown and
don't count. It suits small models, such as the shipped assistant. In "lines", plans, talk and
reflections are what the model writes, as in Park et al. (2023); it needs a model that can.

| question   | asked                              | "choices"                    | "lines"     |
|------------|------------------------------------|------------------------------|-------------|
| plan       | each person, each morning          | an activity                  | a line      |
| move       | each person, each tick             | an activity                  | an activity |
| partner    | who has two or more to talk to     | a name                       | a name      |
| tell       | each of a pair, if there is news   | yes or no                    | not asked   |
| line       | the first of a pair                | a line (shown only)          | a line      |
| reply      | the second of a pair               | a line (shown only)          | a line      |
| importance | each thing that was told or said   | yes (8) or no (2)            | 1 to 10     |
| reflection | who has lived through enough       | positive, negative, neutral  | a line      |

Prompts are short: the shipped assistant reads 512 tokens. Used in lesson 07.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from workshop_lib.abm.chat import LINE
from workshop_lib.abm.town_people import WHEN, Person
from workshop_lib.errors import SettingError, closest
from workshop_lib.labeling.codebook import Choice, Scale
from workshop_lib.labeling.prompts import ending
from workshop_lib.labeling.protocol import Item, Request

STYLES = ("choices", "lines")
QUESTIONS = ("plan", "move", "partner", "tell", "line", "reply", "importance", "reflection")
YES_NO = {"yes": 8.0, "no": 2.0}  # importance, in the style "choices"
FEELINGS = ("positive", "negative", "neutral")
LONGEST = 160  # characters of a memory that are shown


def plan(
    tick: int, person: Person, activities: Sequence[str], remembered: Sequence[str], style: str
) -> Request:
    """What a person will make time for today."""
    if style == "lines":
        ask = "What do you want to do today, apart from your duties?"
        return line(tick, "plan", person, f"A new day begins. {recalled(remembered)}{ask}")
    ask = f"What will {person.name} make time for today?"
    text = " ".join([person.introduction, *map(shown, remembered)])
    return choice(id_of(tick, person), "plan", ask, activities, text)


def move(tick: int, person: Person, activities: Sequence[str], part: str, planned: str) -> Request:
    """Where a person goes now, by activity."""
    ask = f"What will {person.name} choose?"
    text = f"{person.introduction} {planned} {WHEN[part].capitalize()}: {person.habits[part]}."
    return choice(id_of(tick, person), "move", ask, activities, text)


def partner(tick: int, person: Person, present: Sequence[str], where: str) -> Request:
    """Whom a person talks to, of those who are where he or she is, such as "at the bakery"."""
    ties = [f"{other} is the {person.ties[other]}" for other in present if person.ties.get(other)]
    about = f" Of {person.name}: {', '.join(ties)}." if ties else ""
    ask, text = f"Who does {person.name} talk to?", f"{person.name} is {where}.{about}"
    return choice(id_of(tick, person), "partner", ask, present, text)


def tell(tick: int, person: Person, other: Person, content: str) -> Request:
    """Whether a person passes something on."""
    ask = f"Is this news important for {other.name}, the {other.job}?"
    return choice(id_of(tick, person), "tell", ask, ("yes", "no"), shown(content))


def opening(
    tick: int, person: Person, other: Person, remembered: Sequence[str], style: str
) -> Request:
    """What the first of a pair says."""
    if style == "lines":
        tie = f", your {person.ties[other.name]}" if person.ties.get(other.name) else ""
        ask = f"You meet {other.name}{tie}. What do you say? Only the words that you say."
        return line(tick, "line", person, recalled(remembered) + ask)
    asked = f"What do you think of this? {shown(remembered[0])}" if remembered else "Hello!"
    return line(tick, "line", person, asked, in_short(person))


def reply(
    tick: int, person: Person, other: Person, said: str, remembered: Sequence[str], style: str
) -> Request:
    """What the second of a pair answers."""
    if style == "lines":
        ask = f"{other.name} says to you: {said}\nWhat do you answer? Only the words that you say."
        return line(tick, "reply", person, recalled(remembered) + ask)
    return line(tick, "reply", person, said, in_short(person))


def importance(content: str, style: str) -> Request:
    """How important something is; asked once for each content, whoever remembers it."""
    id = "memory:" + hashlib.sha256(content.encode()).hexdigest()[:12]
    if style == "choices":
        return choice(id, "importance", "Is this news important?", tuple(YES_NO), shown(content))
    scale = Scale(1, 10, anchors={1: "everyday, such as making the bed", 10: "changes a life"})
    sent = as_user(f"How important is this? {ending(scale, scale.options)}\n{shown(content)}")
    return Request(Item(id), "importance", scale.kind, scale.options, sent, scale.schema())


def reflection(tick: int, person: Person, evidence: Sequence[str], style: str) -> Request:
    """What a person makes of some memories."""
    if style == "lines":
        ask = "What do you conclude from this?"
        return line(tick, "reflection", person, recalled(evidence) + ask)
    ask, text = f"How does {person.name} feel about this?", " ".join(map(shown, evidence))
    return choice(id_of(tick, person), "reflection", ask, FEELINGS, text)


# ── How requests are made ────────────────────────────────────────────────────────────────


def choice(id: str, question: str, ask: str, options: Sequence[str], text: str) -> Request:
    """Return a request to choose, in the form of wording 0 of the labelling.

    >>> made = choice("1:Ada", "move", "What will Ada choose?", ["work", "food"], "It is noon.")
    >>> made.messages[0]["content"]
    'What will Ada choose? Answer work or food.\\nIt is noon.'
    """
    asked = Choice(list(options), ask)
    content = f"{ask} {ending(asked, asked.options)}\n{text}"
    return Request(Item(id), question, asked.kind, asked.options, as_user(content), asked.schema())


def line(tick: int, question: str, person: Person, asked: str, role: str = "") -> Request:
    """Return a request to write a line as a person; without a role, with the introduction."""
    full = f"You are {person.name}. {person.introduction}"
    role = role or f"{full} Answer as {person.name}, in one short sentence."
    messages = ({"role": "system", "content": role}, *as_user(asked))
    return Request(Item(id_of(tick, person)), question, LINE, (), messages, {})


def id_of(tick: int, person: Person) -> str:
    """Return the id of a person's calls in a tick; each question is asked once."""
    return f"{tick}:{person.name}"


def in_short(person: Person) -> str:
    """Return a role of a few words, as the shipped assistant knows them."""
    return f"You are {person.name}, a {person.traits} {person.job}."


def as_user(text: str) -> tuple[dict, ...]:
    """Return a conversation of one message."""
    return ({"role": "user", "content": text},)


def recalled(memories: Sequence[str]) -> str:
    """Return memories as the beginning of a prompt; "" if there are none."""
    return f"You remember: {' '.join(map(shown, memories))}\n" if memories else ""


def shown(text: str) -> str:
    """Return a text of at most LONGEST characters."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rsplit(" ", 1)[0] + "…"


def checked_style(style: str) -> str:
    """Return the style; a SettingError if there is none of that name."""
    if style not in STYLES:
        raise SettingError(f"There is no style '{style}'. {closest(str(style), list(STYLES))}")
    return style
