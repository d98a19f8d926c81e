"""The three types of question, and what counts as an answer to each.

:class:`Choice` takes one label of several, :class:`Tags` several labels or none, :class:`Scale` a
whole number between two ends. Used in lesson 06.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar

from workshop_lib.errors import BadInputError, closest

NO_TAG = "none"  # how people and models say that no tag applies
QUOTES = "\"'`“”‘’„«»"
MOST_STEPS = 1000  # of a scale; servers take no longer list of allowed answers


class Question(ABC):
    """What the three types of question have in common.

    A label is always a string. That of :class:`Tags` is the chosen labels in the order of the
    codebook, joined by "|", and "" for none; that of a :class:`Scale` is the number, such as "4".
    """

    kind: ClassVar[str]

    @property
    @abstractmethod
    def options(self) -> tuple[str, ...]:
        """The labels to choose from, in the order of the codebook."""

    @abstractmethod
    def meanings(self) -> dict[str, str]:
        """Return label -> definition, for the labels that have one."""

    def schema(self, options: Sequence[str] | None = None) -> dict:
        """Return the JSON schema of an answer, an object {"label": …}.

        Args:
            options: the labels in the order in which they are shown; None is that of the codebook.

        >>> Choice({"yes": "", "no": ""}).schema()["properties"]
        {'label': {'type': 'string', 'enum': ['yes', 'no']}}
        """
        return {
            "type": "object",
            "properties": {"label": self._label_schema(list(options or self.options))},
            "required": ["label"],
            "additionalProperties": False,
        }

    def parse(self, text: str | None) -> str | None:
        """Return the label that an answer gives, or None if it isn't exactly one.

        Two forms count: the JSON object of :meth:`schema`, and the bare label, up to case, blanks,
        quotes, a full stop, and a Markdown fence around all of it. A label inside a sentence
        doesn't count: "not political" and "I can't say whether it is political" would both give
        "political".

        Returns:
            A label, or None: an answer that is empty, cut off, wordy or no label at all.

        >>> question = Choice({"yes": "", "no": ""})
        >>> question.parse(' "Yes." '), question.parse('{"label": "no"}'), question.parse("Yes, it is.")
        ('yes', 'no', None)
        """
        if not isinstance(text, str):
            return None
        text = _unfenced(text.strip())
        return self._read(_labelled_value(text) if text.startswith("{") else text)

    def check(self, label: Any) -> str:
        """Return a label that a person wrote in the form in which it is stored.

        Args:
            label: a label, spelled exactly; for Tags also a list of labels, for a Scale a number.

        Raises:
            BadInputError: there is no such label.

        >>> Tags({"health": "", "work": ""}).check(["work", "health"])
        'health|work'
        """
        found = self._exact(label)
        if found is None:
            raise BadInputError(f"{label!r} is no label of this question. {self._hint(str(label))}")
        return found

    def say(self, label: str) -> str:
        """Return a label as one would write it as an answer; :meth:`parse` gives the label back.

        >>> Tags({"health": "", "work": ""}).say("health|work")
        'health, work'
        """
        return self.check(label)

    def to_json(self, label: str) -> str:
        """Return a label as the JSON object of :meth:`schema`; :meth:`parse` gives the label back.

        >>> Scale(1, 5).to_json("4")
        '{"label": 4}'
        """
        return json.dumps({"label": self.value(self.check(label))}, ensure_ascii=False)

    def value(self, label: str) -> Any:
        """Return what stands for a label in JSON and in YAML: a string, list or number.

        >>> Tags({"health": "", "work": ""}).value("health|work")
        ['health', 'work']
        """
        return label

    def _label_schema(self, options: list[str]) -> dict:
        """Return the schema of what stands under "label"."""
        return {"type": "string", "enum": options}

    def _read(self, value: Any) -> str | None:
        """Return the label of a bare answer, or of a value found under "label"; None if it is none."""
        return {plain(option): option for option in self.options}.get(plain(value)) if isinstance(value, str) else None

    def _exact(self, label: Any) -> str | None:
        """Return the stored form of a label that is spelled exactly, or None."""
        return label if isinstance(label, str) and label in self.options else None

    def _hint(self, label: str) -> str:
        """Return a sentence that names the labels."""
        return closest(label, list(self.options))

    def _settle(self) -> None:
        """Check and convert what the three types share: question, examples, exclusions."""
        if not isinstance(self.ask, str):
            raise BadInputError(f"The question in words ('ask') is {self.ask!r}. Write it as a string.")
        examples = []
        for example in as_list(self.examples, "examples"):
            pair = isinstance(example, list | tuple) and len(example) == 2
            if not pair or not isinstance(example[0], str) or not example[0].strip():
                raise BadInputError(f"The example {example!r} isn't a pair, or its text is empty. Write (text, label).")
            examples.append((example[0], self.check(example[1])))
        exclusions = as_list(self.exclusions, "exclusions")
        for exclusion in exclusions:
            if not isinstance(exclusion, str) or not exclusion.strip():
                raise BadInputError(f"The exclusion {exclusion!r} is no text. Write what doesn't count in a sentence.")
        object.__setattr__(self, "examples", tuple(examples))
        object.__setattr__(self, "exclusions", tuple(exclusions))


class Labelled(Question):
    """What Choice and Tags have in common: labels with definitions."""

    @property
    def options(self) -> tuple[str, ...]:
        return tuple(self.labels)

    def meanings(self) -> dict[str, str]:
        return {label: meaning for label, meaning in self.labels.items() if meaning}


@dataclass(frozen=True)
class Choice(Labelled):
    """A question with exactly one answer out of several labels.

    Args:
        labels: label -> definition, in the order in which they are shown; or a list of labels.
        ask: the question in words, such as "Is this post about politics?".
        examples: pairs (text, label).
        exclusions: sentences that say what doesn't count.

    Raises:
        BadInputError: fewer than two labels, labels that are empty, no strings or too alike, or an
            example with an unknown label.

    Used in lesson 06.

    >>> Choice({"yes": "about politics", "no": "all else"}, "Is this political?").options
    ('yes', 'no')
    """

    labels: dict[str, str]
    ask: str = ""
    examples: tuple[tuple[str, str], ...] = ()
    exclusions: tuple[str, ...] = ()
    kind: ClassVar[str] = "choice"

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", _checked_labels(self.labels))
        if len(self.labels) < 2:
            raise BadInputError(f"A Choice needs two labels or more; this one has {list(self.labels)}. Add the others.")
        self._settle()


@dataclass(frozen=True)
class Tags(Labelled):
    """A question with several answers, or none, out of several labels.

    The arguments are those of :class:`Choice`. An example's label is "health|work", or a list.

    >>> topics = Tags({"health": "", "work": ""})
    >>> topics.parse("Work, health"), topics.parse("none"), topics.parse('{"label": ["work"]}')
    ('health|work', '', 'work')
    """

    labels: dict[str, str]
    ask: str = ""
    examples: tuple[tuple[str, str], ...] = ()
    exclusions: tuple[str, ...] = ()
    kind: ClassVar[str] = "tags"

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", _checked_labels(self.labels))
        for label in self.labels:
            if re.search(r"[|,;]", label):
                raise BadInputError(f"The tag {label!r} has a '|', ',' or ';', which part two tags. Rename it.")
            if plain(label) == NO_TAG:
                raise BadInputError(f"The tag {label!r} means that no tag applies. Leave it out: Tags may stay empty.")
        self._settle()

    def say(self, label: str) -> str:
        return ", ".join(self.value(self.check(label))) or NO_TAG

    def value(self, label: str) -> list[str]:
        return label.split("|") if label else []

    def _label_schema(self, options: list[str]) -> dict:
        return {"type": "array", "items": super()._label_schema(options)}

    def _read(self, value: Any) -> str | None:
        if isinstance(value, str):
            value = [] if plain(value) == NO_TAG else re.split(r"[|,;\n]", plain(value))
        return self._joined(value, super()._read)

    def _exact(self, label: Any) -> str | None:
        if isinstance(label, str):
            label = [] if label == NO_TAG else self.value(label)
        return self._joined(label, super()._exact)

    def _joined(self, parts: Any, known: Callable[[Any], str | None]) -> str | None:
        """Return the label of a list of tags, or None if one of them isn't known."""
        if not isinstance(parts, list | tuple):
            return None
        chosen = [known(part) for part in parts]
        return None if None in chosen else "|".join(option for option in self.options if option in chosen)


@dataclass(frozen=True)
class Scale(Question):
    """A question whose answer is a whole number from low to high.

    Args:
        low: the lowest number.
        high: the highest.
        ask: the question in words.
        anchors: number -> what it means; the ends at least should have one.
        examples: pairs (text, number).
        exclusions: sentences that say what doesn't count.

    Raises:
        BadInputError: ends that are no whole numbers or in the wrong order, or an anchor outside.

    Used in lesson 06.

    >>> Scale(1, 5, anchors={1: "calm", 5: "furious"}).parse(" 4. ")
    '4'
    """

    low: int
    high: int
    ask: str = ""
    anchors: dict[int, str] = field(default_factory=dict)
    examples: tuple[tuple[str, str], ...] = ()
    exclusions: tuple[str, ...] = ()
    kind: ClassVar[str] = "scale"

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, _whole(getattr(self, name), f"The end '{name}' of the scale"))
        if not self.low < self.high < self.low + MOST_STEPS:
            raise BadInputError(
                f"A scale from {self.low} to {self.high} won't do. Let low be less than high, with at most "
                f"{MOST_STEPS} numbers in all."
            )
        if not isinstance(self.anchors, Mapping):
            raise BadInputError(f"The anchors are {self.anchors!r}. Write number: meaning, such as {{1: 'calm'}}.")
        anchors = {}
        for number, meaning in self.anchors.items():
            number = _whole(number, "An anchor")
            if not self.low <= number <= self.high or not isinstance(meaning, str) or not meaning.strip():
                raise BadInputError(
                    f"The anchor {number}: {meaning!r} won't do. Write a number from {self.low} to {self.high} "
                    "and what it means in words."
                )
            if number in anchors:
                raise BadInputError(f"The anchor {number} stands twice. Keep one.")
            anchors[number] = meaning
        object.__setattr__(self, "anchors", anchors)
        self._settle()

    @property
    def options(self) -> tuple[str, ...]:
        return tuple(str(number) for number in range(self.low, self.high + 1))

    def meanings(self) -> dict[str, str]:
        return {str(number): self.anchors[number] for number in sorted(self.anchors)}

    def value(self, label: str) -> int:
        return int(label)

    def _label_schema(self, options: list[str]) -> dict:
        return {"type": "integer", "enum": [int(option) for option in options]}

    def _read(self, value: Any) -> str | None:
        if isinstance(value, str):
            return super()._read(value)
        number = isinstance(value, Real) and not isinstance(value, bool)  # also numpy's numbers
        return str(int(value)) if number and value in range(self.low, self.high + 1) else None

    def _exact(self, label: Any) -> str | None:
        return super()._exact(label) if isinstance(label, str) else self._read(label)

    def _hint(self, label: str) -> str:
        return f"Write a whole number from {self.low} to {self.high}."


def plain(text: str) -> str:
    """Return a text in small letters without double blanks, quotes around it and a full stop after it.

    >>> plain(' "Not  political". ')
    'not political'
    """
    text = "\n".join(" ".join(line.split()) for line in text.strip().splitlines())
    text = text.strip(QUOTES + " ").removesuffix(".").strip(QUOTES + " ")
    return text.replace("’", "'").casefold()


def _unfenced(text: str) -> str:
    """Return a text without a Markdown fence around all of it."""
    found = re.fullmatch(r"```(?:json)?[ \t]*\n(.*?)\n?[ \t]*```", text, flags=re.DOTALL | re.IGNORECASE)
    return found[1].strip() if found and "```" not in found[1] else text


def _labelled_value(text: str) -> Any:
    """Return what stands under "label" in a JSON object with nothing else in it, or None."""

    def once(pairs: list[tuple[str, Any]]) -> dict:
        if len(pairs) != len(dict(pairs)):
            raise ValueError("a key stands twice")
        return dict(pairs)

    try:
        found = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        return None
    return found["label"] if list(found) == ["label"] else None


def as_list(values: Any, name: str) -> list:
    """Return values as a list, unless they are a single text or no collection."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise BadInputError(f"The {name} are {values!r}. Write a list, also for a single one: [{values!r}].")
    return list(values)


def _checked_labels(labels: Any) -> dict[str, str]:
    """Return label -> definition, or raise an error that names the first bad label."""
    pairs = list(labels.items()) if isinstance(labels, Mapping) else [(one, "") for one in as_list(labels, "labels")]
    seen: dict[str, str] = {}
    for label, meaning in pairs:
        if not isinstance(label, str) or not isinstance(meaning, str):
            raise BadInputError(
                f"The label {label!r} or its definition {meaning!r} is no string. Put both in quotes: "
                "{'1': 'agrees'}, and '' where there is no definition."
            )
        if not plain(label) or label != label.strip() or len(label.splitlines()) > 1:
            raise BadInputError(f"The label {label!r} is empty, has blanks around it or a line break. Rename it.")
        if label in seen.values():
            raise BadInputError(f"The label {label!r} stands {pairs.count((label, ''))} times. Keep one.")
        if plain(label) in seen:
            raise BadInputError(
                f"The labels {seen[plain(label)]!r} and {label!r} differ only in case, blanks, quotes or a full stop, "
                "so that an answer couldn't be told apart. Rename one."
            )
        seen[plain(label)] = label
    if not seen:
        raise BadInputError("There are no labels. Give each a name and a definition: {'yes': 'about politics'}.")
    return dict(pairs)


def _whole(value: Any, what: str) -> int:
    """Return a whole number, also one that is written as a string."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,9}", value.strip()):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadInputError(f"{what} is {value!r}. Write a whole number.")
    return value
