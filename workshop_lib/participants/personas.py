"""A persona: a real person's profile, in words that a model can take on.

Each profile has three variants: a first-person backstory as in Argyle et al. (2023), a profile in
the third person, and a plain list. None of them is the right one, so studies should try them all.
Used in lesson 10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from workshop_lib.errors import BadInputError, SettingError, UnknownNameError, closest

if TYPE_CHECKING:
    import pandas as pd

STYLES = ("first person", "third person", "list")


class Sentence(NamedTuple):
    """How one column is said; "{value}" stands for the value, "{a}" for its article."""

    first: str
    third: str
    say: Callable[[Any], str] = str  # the value in words


def times(number: Any) -> str:
    """Return how often, in words.

    >>> times(0), times(1), times(7)
    ('never', 'once a week', '7 times a week')
    """
    known = {0: "never", 1: "once a week", 2: "twice a week"}
    return known.get(int(number), f"{int(number)} times a week")


SENTENCES: dict[str, Sentence] = {
    "age": Sentence("I am {value} years old.", "The person is {value} years old."),
    "gender": Sentence("I am {value}.", "The person is {value}."),
    "education": Sentence(
        "My highest level of education: {value}.",
        "The person's highest level of education: {value}.",
    ),
    "income": Sentence(
        "My household's income in a year: {value}.",
        "The income of the person's household in a year: {value}.",
    ),
    "party": Sentence("Politically, I am {a} {value}.", "Politically, the person is {a} {value}."),
    "ideology": Sentence(
        "Ideologically, I describe myself as {value}.", "Ideologically, the person says: {value}."
    ),
    "tv_news": Sentence(
        "I watch the news on TV: {value}.", "The person watches the news on TV: {value}.", times
    ),
}


@dataclass(frozen=True)
class Persona:
    """One profile, to be told to a model.

    Args:
        id: of the person that the profile is taken from.
        profile: column -> value, in the order in which they are told; at least one.
        weight: how many people the profile stands for; 0 or more.
        missing: columns that were asked for and have no value. They are left out of the text.
        sentences: column -> how it is said; a column without one is said by its name.

    Raises:
        BadInputError: an empty profile, or a weight that is negative or no number.

    Source: Argyle, Busby, Fulda, Gubler, Rytting and Wingate (2023), Out of One, Many, Political
    Analysis 31. Used in lesson 10.

    >>> Persona("r1", {"age": 36, "party": "independent"}).text()
    'I am 36 years old. Politically, I am an independent.'
    """

    id: str
    profile: dict[str, Any]
    weight: float = 1.0
    missing: tuple[str, ...] = ()
    sentences: Mapping[str, Sentence] = field(
        default_factory=lambda: SENTENCES, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not self.profile:
            left_out = f" (missing: {', '.join(self.missing)})" if self.missing else ""
            raise BadInputError(
                f"The profile of {self.id!r} says nothing{left_out}. Drop it, or choose other "
                "columns."
            )
        if not 0 <= self.weight < float("inf"):  # NaN compares as False
            raise BadInputError(
                f"The weight of {self.id!r} is {self.weight}. Give a number of 0 or more."
            )

    def text(self, style: str = "first person") -> str:
        """Return the profile in words, in one of STYLES."""
        if style not in STYLES:
            raise SettingError(f"There is no style {style!r}. {closest(str(style), list(STYLES))}")
        if style == "list":
            return "\n".join(f"{_plain(name)}: {self._words(name)}" for name in self.profile)
        return " ".join(self._sentence(name, style) for name in self.profile)

    def _words(self, name: str) -> str:
        return (
            self.sentences[name].say(self.profile[name])
            if name in self.sentences
            else str(self.profile[name])
        )

    def _sentence(self, name: str, style: str) -> str:
        value = self._words(name)
        if name not in self.sentences:
            whose = "My" if style == "first person" else "The person's"
            return f"{whose} {_plain(name)}: {value}."
        sentence = self.sentences[name]
        pattern = sentence.first if style == "first person" else sentence.third
        article = "an" if value[:1].lower() in "aeiou" else "a"
        return pattern.format(value=value, a=article)


def from_profiles(
    frame: pd.DataFrame,
    columns: Sequence[str],
    weight: str | None = None,
    sentences: Mapping[str, Sentence] | None = None,
) -> list[Persona]:
    """Return a persona for each row of a table.

    A missing value (None, NaN) is left out of that persona's text and kept in ``missing``: a
    sentence such as "I am nan years old." would be a profile that nobody has.

    Args:
        frame: one row a person, with a column "id".
        columns: what is told, in this order.
        weight: a column of weights; None: everybody counts once.
        sentences: how columns are said, in addition to SENTENCES.

    Raises:
        BadInputError: no rows, no columns, an id that is missing or occurs twice, a weight that is
            negative or missing, or a person with no value at all.
        UnknownNameError: no such column.

    Used in lesson 10.

    >>> from workshop_lib.participants.people import anes96
    >>> from_profiles(anes96(), ["age", "party"])[0].text("third person")
    'The person is 36 years old. Politically, the person is a strong Republican.'
    """
    from workshop_lib.labeling.tables import ids_of, is_missing, need_columns

    if isinstance(columns, str) or not len(list(columns)):
        raise BadInputError(
            f"The columns are {columns!r}. Give a list, such as ['age', 'education']."
        )
    need_columns(frame, [*columns, *([weight] if weight else [])], "the profiles")
    ids = ids_of(frame, "profiles")
    said = {**SENTENCES, **(sentences or {})}
    made = []
    for row, one in zip(frame.to_dict("records"), ids, strict=True):
        known = {name: row[name] for name in columns if not is_missing(row[name])}
        missing = tuple(name for name in columns if name not in known)
        made.append(Persona(one, known, float(row[weight]) if weight else 1.0, missing, said))
    weights_of(made)
    return made


def weights_of(personas: Sequence[Persona]) -> list[float]:
    """Return the weights, scaled to sum to 1.

    Raises:
        BadInputError: there are no personas, or all weights are 0.
    """
    total = sum(persona.weight for persona in personas)
    if not total > 0:
        raise BadInputError(
            f"There are {len(personas)} personas and their weights sum to {total}. Give at least "
            "one with a weight above 0."
        )
    return [persona.weight / total for persona in personas]


def draw_personas(personas: Sequence[Persona], n: int, seed: int = 0) -> list[Persona]:
    """Draw personas with replacement, with probabilities proportional to their weights.

    A drawn persona counts once (weight 1): its weight has been used. The second draw of a persona
    has the id "r007.2", and so on.

    Args:
        personas: to draw from.
        n: how many.
        seed: of the draw; the same seed gives the same personas.

    Raises:
        BadInputError: n below 1, no personas, or a negative seed.

    >>> three = [Persona("a", {"age": 20}), Persona("b", {"age": 70}, weight=0)]
    >>> [one.id for one in draw_personas(three, 3)]
    ['a', 'a.2', 'a.3']
    """
    from collections import Counter
    from dataclasses import replace

    import numpy as np

    if type(n) is not int or n < 1 or type(seed) is not int or seed < 0:
        raise BadInputError(
            f"n is {n!r} and seed is {seed!r}. Give whole numbers, n of 1 or more, seed of 0 or "
            "more."
        )
    chosen = np.random.default_rng(seed).choice(len(personas), size=n, p=weights_of(personas))
    seen: Counter = Counter()
    drawn = []
    for place in chosen:
        persona = personas[place]
        seen[persona.id] += 1
        number = f".{seen[persona.id]}" if seen[persona.id] > 1 else ""
        drawn.append(replace(persona, id=f"{persona.id}{number}", weight=1.0))
    return drawn


def table(personas: Sequence[Persona]) -> pd.DataFrame:
    """Return personas as a table: id, weight, and their columns.

    Raises:
        UnknownNameError: a persona has a column called "id" or "weight".
    """
    import pandas as pd

    weights_of(personas)
    for persona in personas:
        if taken := {"id", "weight"} & set(persona.profile):
            raise UnknownNameError(
                f"A profile can't have a column {min(taken)!r}: the table has one. Rename it."
            )
    return pd.DataFrame([{"id": one.id, "weight": one.weight, **one.profile} for one in personas])


def _plain(name: str) -> str:
    return str(name).replace("_", " ")
