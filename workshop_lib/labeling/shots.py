"""What requests are made of: items from a table, and solved examples to show before an item.

:func:`items` takes texts and pictures from a table; :class:`Shots` picks the examples. Used in lesson 06.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workshop_lib.errors import BadInputError, MissingFileError, closest
from workshop_lib.labeling.codebook import Codebook
from workshop_lib.labeling.protocol import Item
from workshop_lib.labeling.questions import Question

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

HOW = ("fixed", "random", "nearest", "balanced")
PICTURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF87a": "gif", b"GIF89a": "gif"}  # first bytes
LARGEST_PICTURE = 20_000_000  # bytes


def items(frame: pd.DataFrame, id: str = "id", text: str | None = "text", image: str | None = None) -> list[Item]:
    """Return the rows of a table as items to be labelled.

    Args:
        frame: one row an item.
        id: the column that names the item, with a different value in each row.
        text: the column of the texts; None if there are only pictures.
        image: the column of the pictures' files (PNG, JPEG, GIF or WebP); None if there are none.

    Returns:
        One item a row, in the same order. An id is a string: 7 and 7.0 become "7".

    Raises:
        BadInputError: no rows or no such column; ids that are missing or repeated; a row with
            neither text nor picture; a text that is no string; a file that is no picture.
        MissingFileError: a picture's file isn't there.

    Used in lesson 06.

    >>> import pandas as pd
    >>> items(pd.DataFrame({"id": [7], "text": ["The council met."]}))
    [Item(id='7', text='The council met.', image=None)]
    """
    if text is None and image is None:
        raise BadInputError("There is neither a column of texts nor one of pictures. Name one: text=… or image=….")
    _require_columns(frame, [name for name in (id, text, image) if name is not None])
    ids, texts, images = [_id(value) for value in frame[id]], _cells(frame, text, ""), _cells(frame, image, None)
    nameless = [place for place, one in enumerate(ids) if not one]
    _stop(nameless, "row", "have no id. Number them, such as frame.assign(id=range(len(frame)))")
    repeated = [one for one, times in Counter(ids).items() if times > 1]
    _stop(repeated, "id", "occur more than once. Give each row its own")
    wrong = [one for one, value in zip(ids, texts, strict=True) if not _sendable(value)]
    _stop(wrong, "item", "have a text that is no string, or no valid Unicode. Convert it with astype(str)")
    wrong = [one for one, value in zip(ids, images, strict=True) if not isinstance(value, str | Path | None)]
    _stop(wrong, "item", "have a picture that is no path. Give the name of its file")
    files = [None if value is None else Path(value).expanduser() for value in images]
    found = [Item(*row) for row in zip(ids, texts, files, strict=True)]
    empty = [item.id for item in found if not item.text.strip() and item.image is None]
    _stop(empty, "item", "have neither a text nor a picture. Drop these rows")
    pictures = [file for file in files if file is not None]
    absent = [str(file) for file in pictures if not file.is_file()]
    _stop(absent, "file", "aren't there. Give paths from the folder that you work in, or full ones", MissingFileError)
    unreadable = [str(file) for file in pictures if not picture_format(file)]
    _stop(unreadable, "file", "can't be read as PNG, JPEG, GIF or WebP of at most 20 MB. Convert or shrink them")
    return found


class Example(NamedTuple):
    """A solved example: text, label, and a picture if there is one."""

    text: str
    label: str
    image: Path | None = None


@dataclass(frozen=True, eq=False)
class Shots:
    """Solved examples from a table of hand labels: which of them an item gets.

    An item is never its own example: rows with the item's id, text or picture are left out.

    Args:
        frame: rows with an id, a text or picture, and one column of labels a question, named as
            the question. Rows where it is missing don't serve that question.
        how: "fixed" (the first k rows, the same for each item), "random" (k rows drawn for each
            item), "nearest" (the k rows whose texts are most similar, the closest last, right
            before the item) or "balanced" (drawn for each item, the labels equally often).
        k: the number of examples.
        seed: decides the draws of "random" and "balanced". Repeats get the same examples.
        id, text, image: the columns, as in :func:`items`.

    Raises:
        BadInputError: an unknown way of choosing, k below 1, or whatever :func:`items` finds.

    Source: nearest examples: Liu et al. (2022), What Makes Good In-Context Examples for GPT-3?
    Used in lesson 06.
    """

    frame: pd.DataFrame
    how: str = "fixed"
    k: int = 4
    seed: int = 0
    id: str = "id"
    text: str | None = "text"
    image: str | None = None

    def __post_init__(self) -> None:
        if self.how not in HOW:
            raise BadInputError(f"There is no way '{self.how}' of choosing examples. {closest(self.how, list(HOW))}")
        if type(self.k) is not int or self.k < 1:
            raise BadInputError(f"k is {self.k!r}. Ask for 1 example or more; for none, leave out shots.")
        object.__setattr__(self, "_items", items(self.frame, self.id, self.text, self.image))
        object.__setattr__(self, "_rows", {})  # id or content -> rows that have it
        for row, item in enumerate(self._items):
            for mark in _marks(item):
                self._rows.setdefault(mark, set()).add(row)
        if self.how == "nearest" and not all(item.text.strip() for item in self._items):
            raise BadInputError("how='nearest' compares texts, and some examples have none. Use another way.")

    def choose(self, codebook: Codebook, batch: Sequence[Item]) -> Iterator[dict[str, tuple[Example, ...]]]:
        """Yield, for each item, its examples by question.

        Raises:
            BadInputError: a question has no column, a label isn't in the codebook, or fewer than
                k rows are left for an item.
        """
        pools = {name: self._pool(name, question) for name, question in codebook.questions.items()}
        closeness = self._closeness(batch) if self.how == "nearest" else [None] * len(batch)
        for item, cosines in zip(batch, closeness, strict=True):
            yield {name: self._chosen(item, name, pool, cosines) for name, pool in pools.items()}

    def _pool(self, name: str, question: Question) -> dict[int, str]:
        """Return row -> label for the rows that have a label for a question."""
        _require_columns(self.frame, [name])
        pool = {}
        for row, label in enumerate(self.frame[name]):
            if not _missing(label) or (question.kind == "tags" and isinstance(label, str)):  # "": no tag applies
                try:
                    pool[row] = question.check(label)
                except BadInputError as error:
                    raise BadInputError(f"Example '{self._items[row].id}', question '{name}': {error}") from None
        return pool

    def _closeness(self, batch: Sequence[Item]) -> np.ndarray:
        """Return the cosine of each item and each example, shape (items, examples)."""
        from workshop_lib import embeddings

        silent = [item.id for item in batch if not item.text.strip()]
        _stop(silent, "item", "have no text, so no example is nearest. Use another way of choosing")
        return embeddings.cosine(embeddings.sentence_vectors([item.text for item in batch]), self._vectors)

    @cached_property
    def _vectors(self) -> np.ndarray:
        """The vectors of the examples, shape (examples, d), computed once."""
        from workshop_lib import embeddings

        return embeddings.sentence_vectors([item.text for item in self._items])

    def _chosen(self, item: Item, name: str, pool: dict[int, str], cosines: np.ndarray | None) -> tuple[Example, ...]:
        """Return the examples of one item for one question."""
        itself = set().union(*(self._rows.get(mark, ()) for mark in _marks(item)))
        rows = [row for row in pool if row not in itself]
        if len(rows) < self.k:
            raise BadInputError(
                f"{self.k} examples are wanted for item '{item.id}' and question '{name}', but {len(rows)} labelled "
                "rows are left that aren't the item itself. Lower k or label more rows."
            )
        if self.how == "fixed":
            rows = rows[: self.k]
        elif self.how == "nearest":
            rows = sorted(rows, key=lambda row: -cosines[row])[: self.k][::-1]
        elif self.how == "random":
            rows = drawn(rows, self.k, self.seed, name, item.id)
        else:
            rows = _balanced(rows, pool, self.k, self.seed, name, item.id)
        return tuple(Example(self._items[row].text, pool[row], self._items[row].image) for row in rows)


def _require_columns(frame: Any, columns: Sequence[str]) -> None:
    """Raise an error if this isn't a table with rows and these columns."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise BadInputError(f"This is a {type(frame).__name__}, not a table. Give a pandas DataFrame.")
    for column in columns:
        times = list(frame.columns).count(column)
        if times != 1:
            known = closest(column, [str(name) for name in frame.columns])
            raise BadInputError(f"The table has {times} columns '{column}', not one. {known}")
    if not len(frame):
        raise BadInputError("The table has no rows. Check the filter that made it.")


def _id(value: Any) -> str:
    """Return an id as a string; "" if it is missing. Whole numbers lose the ".0" that gaps give them."""
    if _missing(value):
        return ""
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return text if text.strip() else ""


def _cells(frame: pd.DataFrame, column: str | None, empty: str | None) -> list:
    """Return the cells of a column, with ``empty`` for those that are missing, and for all if there is no column."""
    if column is None:
        return [empty] * len(frame)
    return [empty if _missing(value) else value for value in frame[column]]


def _missing(value: Any) -> bool:
    """Return whether a cell is empty: None, NaN, NaT, pandas.NA or an empty string."""
    import pandas as pd

    return value is None or value is pd.NA or value != value or value == ""


def _stop(cases: list, unit: str, problem: str, error: type[Exception] = BadInputError) -> None:
    """Raise an error that names the first cases, if there are any."""
    if cases:
        named = ", ".join(repr(case) for case in cases[:5]) + (", …" if len(cases) > 5 else "")
        raise error(f"{len(cases)} {unit}(s) {problem}: {named}.")


def _sendable(text: Any) -> bool:
    """Return whether a value is a text that can be sent as UTF-8, which knows no lone surrogates."""
    return isinstance(text, str) and text.encode("utf-8", "ignore").decode() == text


def picture_format(file: Path) -> str | None:
    """Return the format of a picture by its first bytes; None if it is another, too large or unreadable."""
    try:
        with file.open("rb") as opened:
            start = opened.read(12)
        if file.stat().st_size > LARGEST_PICTURE:
            return None
    except OSError:
        return None
    if start[:4] == b"RIFF" and start[8:] == b"WEBP":
        return "webp"
    return next((name for first, name in PICTURES.items() if start.startswith(first)), None)


def _marks(item: Item) -> tuple:
    """Return what copies of an item share with it: its id, or its text and picture under another id."""
    return item.id, (folded(item.text), item.image)


def folded(text: str) -> str:
    """Return a text without differences of case and blanks, by which copies are found.

    >>> folded(" The  council\\n")
    'the council'
    """
    return " ".join(text.casefold().split())


def _balanced(rows: list[int], pool: dict[int, str], count: int, *seeds: Any) -> list[int]:
    """Return rows drawn in rounds, one of each label a round, and then shuffled."""
    by_label: dict[str, list[int]] = {}
    for row in rows:
        by_label.setdefault(pool[row], []).append(row)
    queues = [drawn(by_label[label], count, *seeds, label) for label in drawn(sorted(by_label), None, *seeds)]
    rounds = [row for turn in zip_longest(*queues) for row in turn if row is not None]
    return drawn(rounds[:count], None, *seeds, "order")


def drawn(values: Sequence, count: int | None, *seeds: Any) -> list:
    """Return some values in an order that depends on the seeds only, the same on every machine.

    Args:
        values: what to draw from, without putting back.
        count: how many at most; None returns all, shuffled.
        seeds: whatever the order should depend on.

    >>> drawn("abc", 2, 0, "p1") == drawn("abc", None, 0, "p1")[:2]
    True
    """
    digest = hashlib.sha256(json.dumps([str(seed) for seed in seeds]).encode("ascii")).digest()
    chance = random.Random(int.from_bytes(digest[:8]))
    values = list(values)
    count = len(values) if count is None else min(count, len(values))
    for place in range(count):  # Fisher and Yates
        other = place + int(chance.random() * (len(values) - place))
        values[place], values[other] = values[other], values[place]
    return values[:count]
