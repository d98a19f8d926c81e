"""What a person of the town remembers, and which of it comes to mind.

A memory is a sentence with a time, a kind and an importance. When a person has to decide or to
speak, three things are weighed against each other: how lately a memory came to mind, how
important it is, and how close it is to the matter at hand. All three stand in a table.

Source: Park et al. (2023), Generative Agents: Interactive Simulacra of Human Behavior, UIST,
section 4.1. Used in lesson 07.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from workshop_lib.errors import BadInputError, closest

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("observation", "talk", "reflection", "plan")
WEIGHTS = {"recency": 1.0, "importance": 1.0, "relevance": 1.0}  # all alike, as in the paper
DECAY = 0.995  # of recency an hour, as in the paper
DIGITS = 6  # of a cosine; the last bits differ from machine to machine

Embed = Callable[[Sequence[str]], np.ndarray]


class Memory(NamedTuple):
    """One entry of a person's memory stream."""

    number: int  # its place among the memories of the whole town
    tick: int  # when it was made; 0 is before the first tick
    name: str  # whose it is
    kind: str  # one of KINDS
    text: str
    importance: float  # 1 (everyday) to 10
    said: str = ""  # what was passed on, if somebody told it
    partner: str = ""  # the other one in a talk
    evidence: tuple[int, ...] = ()  # numbers of the memories that it rests on

    @property
    def content(self) -> str:
        """What one would tell others: the thing itself, not who told it."""
        return self.said or self.text


class Vectors:
    """Texts as vectors, each computed once.

    Each text is embedded alone, so that its vector can't depend on which texts stood beside it,
    and a resumed town retrieves what the first one did.

    Args:
        embed: from a list of n texts to an array of shape (n, d); None takes the encoder of
            :func:`workshop_lib.embeddings.sentence_vectors`.
    """

    def __init__(self, embed: Embed | None = None) -> None:
        self._embed, self._known = embed or encoder_vectors, {}
        self.name = f"{self._embed.__module__}.{getattr(self._embed, '__qualname__', 'embed')}"

    def of(self, text: str) -> np.ndarray:
        """Return the vector of a text, shape (d,).

        Raises:
            BadInputError: the embedding function doesn't return one row for one text.
        """
        if text not in self._known:
            made = np.asarray(self._embed([text]), dtype=float)
            if made.ndim != 2 or len(made) != 1:
                raise BadInputError(
                    f"The embedding function returned the shape {made.shape} for one text. "
                    "Let it return one row a text: an array of shape (n, d)."
                )
            self._known[text] = made[0]
        return self._known[text]

    def cosines(self, query: str, texts: Sequence[str]) -> np.ndarray:
        """Return the cosine of a query with each of n texts, shape (n,), from -1 to 1."""
        from workshop_lib.embeddings.similarity import cosine

        if not texts:
            return np.empty(0)
        rows = np.stack([self.of(text) for text in texts])  # Shape: (n, d)
        return cosine(self.of(query), rows)[0].round(DIGITS)


def encoder_vectors(texts: Sequence[str]) -> np.ndarray:
    """Return what :func:`workshop_lib.embeddings.sentence_vectors` does; loads it when called."""
    from workshop_lib.embeddings import sentence_vectors

    return sentence_vectors(list(texts))


def scored(
    memories: Sequence[Memory],
    cosines: Sequence[float],
    hours: Sequence[float],
    weights: Mapping[str, float] | None = None,
    decay: float = DECAY,
) -> pd.DataFrame:
    """Return memories with their three scores, the one that comes to mind first on top.

    score = w₁ · recency + w₂ · importance + w₃ · relevance, where recency is decay^hours and
    relevance the cosine; each of the three is first brought to 0 … 1 among these memories, as in
    the paper. Of equal scores, the newer memory goes first.

    Args:
        memories: n memories.
        cosines: of each with the query.
        hours: since each was made or last came to mind.
        weights: of "recency", "importance", "relevance"; None weighs all alike.
        decay: what remains of the recency after an hour.

    Returns:
        Table with number, tick, kind, text, recency, importance, relevance (each 0 … 1) and score.

    Raises:
        BadInputError: a weight that doesn't exist or isn't a number from 0.

    Used in lesson 07.

    >>> old = Memory(0, 1, "Ada", "observation", "Ada was at the bakery.", 2)
    >>> new = Memory(1, 4, "Ada", "talk", "Ben told Ada: The pool is shut.", 8)
    >>> scored([old, new], [0.1, 0.5], [9, 0])[["number", "score"]].values.tolist()
    [[1.0, 3.0], [0.0, 0.0]]
    """
    import pandas as pd

    weights = checked_weights(weights)
    table = pd.DataFrame(
        {
            "number": [memory.number for memory in memories],
            "tick": [memory.tick for memory in memories],
            "kind": [memory.kind for memory in memories],
            "text": [memory.text for memory in memories],
            "recency": scaled(np.power(decay, np.asarray(hours, dtype=float))),
            "importance": scaled([memory.importance for memory in memories]),
            "relevance": scaled(cosines),
        }
    )
    table["score"] = sum(weight * table[name] for name, weight in weights.items())
    return table.sort_values(["score", "number"], ascending=False, ignore_index=True)


def scaled(values: Sequence[float]) -> np.ndarray:
    """Return (value − lowest) / (highest − lowest), from 0 to 1; 0.5 for all where all are equal.

    >>> scaled([2, 8, 5]).tolist(), scaled([3, 3]).tolist()
    ([0.0, 1.0, 0.5], [0.5, 0.5])
    """
    values = np.asarray(values, dtype=float)
    span = np.ptp(values) if len(values) else 0.0
    return (values - values.min()) / span if span > 0 else np.full(len(values), 0.5)


def checked_weights(weights: Mapping[str, float] | None) -> dict[str, float]:
    """Return a weight for each of the three scores; those left out are 0.

    >>> checked_weights({"relevance": 1})
    {'recency': 0.0, 'importance': 0.0, 'relevance': 1.0}
    """
    if weights is None:
        return dict(WEIGHTS)
    for name, weight in weights.items():
        if name not in WEIGHTS:
            raise BadInputError(f"There is no score '{name}'. {closest(str(name), list(WEIGHTS))}")
        if not isinstance(weight, (int, float)) or not 0 <= weight < np.inf:
            raise BadInputError(f"The weight of {name} is {weight!r}. Give a number from 0.")
    if not any(weights.values()):
        raise BadInputError("All weights are 0, so nothing would come to mind. Raise one of them.")
    return {name: float(weights.get(name, 0)) for name in WEIGHTS}


def as_table(memories: Iterable[Memory]) -> pd.DataFrame:
    """Return memories as a table, a column for each field."""
    import pandas as pd

    return pd.DataFrame(list(memories), columns=list(Memory._fields))


def who_knows(memories: Iterable[Memory], names: Sequence[str], marker: str) -> pd.DataFrame:
    """Return who knows of a piece of news, since when and from whom.

    The rule: a person knows as soon as one of his or her memories has a text in which the marker
    is found, upper and lower case alike. It counts words, not understanding: a line that garbles
    the news counts if the marker survives, and one that says it in other words doesn't.

    Args:
        memories: of all people.
        names: of all people, also those who don't know.
        marker: a regular expression, such as "close the library".

    Returns:
        Table with name, tick (missing for those who don't know), source (the partner of the talk,
        or "planted", or the kind of the memory) and text, earliest first.

    Raises:
        BadInputError: the marker is empty or no regular expression.

    Used in lesson 07.

    >>> heard = Memory(3, 2, "Ben", "talk", "Ada told Ben: The pool is shut.", 8, partner="Ada")
    >>> who_knows([heard], ["Ada", "Ben"], "pool is shut")["source"].tolist()
    ['Ada', '']
    """
    import pandas as pd

    if not isinstance(marker, str) or not marker.strip():
        raise BadInputError(
            f"The marker is {marker!r}. Give words of the news, such as 'close the library'."
        )
    try:
        pattern = re.compile(marker, re.IGNORECASE)
    except re.error as error:
        raise BadInputError(
            f"The marker {marker!r} is no regular expression ({error}). "
            "Put a backslash before signs such as ( or *."
        ) from None
    first: dict[str, Memory] = {}
    for memory in memories:
        if memory.name not in first and pattern.search(memory.text):
            first[memory.name] = memory
    rows = []
    for name in names:
        memory = first.get(name)
        if memory is None:
            rows.append((name, pd.NA, "", ""))
        else:
            alone = "planted" if memory.said else memory.kind
            rows.append((name, memory.tick, memory.partner or alone, memory.text))
    table = pd.DataFrame(rows, columns=["name", "tick", "source", "text"]).astype({"tick": "Int64"})
    return table.sort_values("tick", kind="stable", na_position="last", ignore_index=True)
