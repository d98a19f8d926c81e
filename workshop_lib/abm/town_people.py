"""Who lives in the town, and where one can be: two tables, read and checked.

Used in lesson 07.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from workshop_lib.errors import BadInputError, closest

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("morning", "noon", "afternoon", "evening")  # a tick each
WHEN = {
    "morning": "in the morning",
    "noon": "at noon",
    "afternoon": "in the afternoon",
    "evening": "in the evening",
}
HOURS = 3  # between two ticks
WORK, FAMILY = "work", "family"  # activities for which everybody has a place of his or her own


class Person(NamedTuple):
    """One inhabitant."""

    name: str
    age: int
    job: str
    work: str  # the name of a place
    home: str
    traits: str
    about: str
    ties: dict[str, str]  # name -> what that person is to this one
    habits: dict[str, str]  # part of the day -> activity

    @property
    def introduction(self) -> str:
        """The person in two sentences, for a prompt."""
        traits = f", {self.traits}" if self.traits else ""
        article = "an" if self.job[:1].lower() in "aeiou" else "a"
        return f"{self.name} is {self.age}, {article} {self.job}{traits}. {self.about}".strip()


class Place(NamedTuple):
    """One place, and what one goes there for."""

    name: str
    activity: str
    about: str

    @property
    def where(self) -> str:
        """The place as one says it: at the bakery, at home in Mill Lane."""
        return f"at home in {self.name}" if self.activity == FAMILY else f"at the {self.name}"


class Town(NamedTuple):
    """All people and places."""

    people: dict[str, Person]
    places: dict[str, Place]

    @property
    def activities(self) -> tuple[str, ...]:
        """What one can do, in the order of the places."""
        return tuple(dict.fromkeys(place.activity for place in self.places.values()))

    def place_for(self, person: Person, activity: str) -> str:
        """Return where a person does something: at work, at home, or at the first place for it."""
        if activity == WORK:
            return person.work
        if activity == FAMILY:
            return person.home
        return next(place.name for place in self.places.values() if place.activity == activity)


def read_town(people: pd.DataFrame, places: pd.DataFrame) -> Town:
    """Return the town that two tables describe.

    Args:
        people: one row a person: name, age, job, work, home (names of places), traits, about (a
            sentence or two), ties ("Ben (husband); Cleo (friend)"), and the usual activity in the
            morning, noon, afternoon and evening.
        places: one row a place: name, activity, about. The activities "work" and "family" are
            those of one's own work place and home; for another, all go to the first place with it.

    Raises:
        BadInputError: a missing column, an empty or repeated name, fewer than two people, fewer
            than two activities, or a place or activity that doesn't exist. A tie to somebody who
            isn't in the table is no mistake: one may run a part of the town.

    Used in lesson 07.
    """
    _need_columns(places, ("name", "activity", "about"), "places")
    _need_columns(
        people, ("name", "age", "job", "work", "home", "traits", "about", "ties", *PARTS), "people"
    )
    people, places = (table.astype(object).where(table.notna(), "") for table in (people, places))
    found = [
        Place(str(row["name"]).strip(), str(row["activity"]).strip(), str(row["about"]))
        for row in places.to_dict("records")
    ]
    town = Town({}, {place.name: place for place in found})
    _check_names([place.name for place in found], "places")
    if len(town.activities) < 2:
        raise BadInputError(
            f"The places serve {len(town.activities)} activity. "
            "Give two or more, or there is nothing to decide."
        )
    inhabitants = [_person(row, town) for row in people.to_dict("records")]
    _check_names([person.name for person in inhabitants], "people")
    if len(inhabitants) < 2:
        raise BadInputError(
            f"The town has {len(inhabitants)} inhabitant. It takes two to talk: add another row."
        )
    town.people.update({person.name: person for person in inhabitants})
    return town


def _person(row: dict, town: Town) -> Person:
    name = str(row["name"]).strip()
    for column in ("work", "home"):
        if row[column] not in town.places:
            raise BadInputError(
                f"{name}'s {column} is '{row[column]}', which is no place. "
                f"{closest(str(row[column]), list(town.places))}"
            )
    habits = {part: str(row[part]).strip() for part in PARTS}
    for part, activity in habits.items():
        if activity not in town.activities:
            raise BadInputError(
                f"{name}'s habit in the {part} is '{activity}', which no place serves. "
                f"{closest(activity, list(town.activities))}"
            )
    try:
        age = int(row["age"])
    except (TypeError, ValueError):
        raise BadInputError(f"{name}'s age is {row['age']!r}. Write a whole number.") from None
    return Person(
        name, age, str(row["job"]).strip(), row["work"], row["home"], str(row["traits"]).strip(),
        str(row["about"]).strip(), ties_of(str(row["ties"])), habits,
    )  # fmt: skip


def ties_of(text: str) -> dict[str, str]:
    """Return name -> relation.

    >>> ties_of("Ben (husband); Cleo")
    {'Ben': 'husband', 'Cleo': ''}
    """
    parts = [part.strip() for part in text.split(";") if part.strip()]
    found = [re.fullmatch(r"([^()]+?)\s*(?:\(([^()]*)\))?", part) for part in parts]
    if None in found:
        raise BadInputError(
            f"The ties {text!r} can't be read. Write them as: Ben (husband); Cleo (friend)"
        )
    return {one[1]: one[2] or "" for one in found}


def _need_columns(table: pd.DataFrame, names: tuple[str, ...], what: str) -> None:
    missing = [name for name in names if name not in getattr(table, "columns", ())]
    if missing:
        raise BadInputError(
            f"The table of {what} has no column {', '.join(missing)}. "
            "Compare with data.load('town') and data.load('town_places')."
        )


def _check_names(names: list[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not all(names):
        which = f"'{twice[0]}' stands twice" if twice else "one is empty"
        raise BadInputError(
            f"Among the names of the {what}, {which}. Give each row a name of its own."
        )
