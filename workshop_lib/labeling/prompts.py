"""What a model is told: one question about one item, in several wordings, with or without examples.

:func:`requests` puts together the questions of a codebook, items from a table (:func:`items`) and
solved examples (:class:`Shots`). Used in lesson 06.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from workshop_lib.errors import BadInputError, MissingFileError
from workshop_lib.labeling.codebook import Codebook
from workshop_lib.labeling.protocol import Item, Request
from workshop_lib.labeling.questions import Choice, Question  # noqa: F401 (Choice: for doctests)
from workshop_lib.labeling.shots import Example, Shots, drawn, folded, items, picture_format  # noqa: F401 (items)

BATCH = 256  # items whose vectors are computed at a time

# ── Requests ─────────────────────────────────────────────────────────────────────────────


def requests(
    codebook: Codebook, items: Sequence[Item], shots: Shots | None = None, order_seed: int | None = None,
    wording: int = 0, repeats: int = 1,
) -> list[Request]:  # fmt: skip
    """Return one request for each item, question and repeat, in this order.

    Args:
        codebook: the questions.
        items: from :func:`items`.
        shots: solved examples to add; None adds none.
        order_seed: shuffles the labels for each item, question and repeat (a scale is turned
            round or not); None shows them in the codebook's order.
        wording: the number of one of WORDINGS. 0 is short and fits the shipped assistant; 1 to 3
            give definitions, exclusions and the codebook's examples too.
        repeats: how often each question is asked.

    Raises:
        BadInputError: no items, no such wording, repeats below 1, or whatever ``shots`` finds.

    Used in lesson 06.

    >>> book = Codebook("posts", {"political": Choice(["yes", "no"], "Is this post about politics?")})
    >>> requests(book, [Item("p1", "The council met.")])[0].messages[0]["content"]
    'Is this post about politics? Answer yes or no.\\nThe council met.'
    """
    return list(stream(codebook, items, shots, order_seed, wording, repeats))


def stream(
    codebook: Codebook, items: Sequence[Item], shots: Shots | None = None, order_seed: int | None = None,
    wording: int = 0, repeats: int = 1,
) -> Iterator[Request]:  # fmt: skip
    """Return what :func:`requests` returns one by one, so that pictures needn't fit in memory."""
    if not isinstance(codebook, Codebook):
        raise BadInputError(f"This is a {type(codebook).__name__}, not a Codebook. Read one with Codebook.read.")
    items = list(items) if hasattr(items, "__iter__") else [items]
    if not all(isinstance(item, Item) for item in items):
        raise BadInputError("These are no items. Make them from a table: items(frame).")
    if not items or len({item.id for item in items}) != len(items):
        raise BadInputError(f"There are {len(items)} items, some with the same id or none at all. Use items(frame).")
    if shots is not None and not isinstance(shots, Shots):
        raise BadInputError(f"The shots are a {type(shots).__name__}. Write Shots(frame, how='random', k=4).")
    if type(wording) is not int or wording not in range(len(WORDINGS)):
        raise BadInputError(f"There is no wording {wording!r}. Choose a number from 0 to {len(WORDINGS) - 1}.")
    if type(repeats) is not int or repeats < 1:
        raise BadInputError(f"repeats is {repeats!r}. Ask each question once or more.")
    return _stream(codebook, items, shots, order_seed, WORDINGS[wording], repeats)


def prompt_hash(request: Request) -> str:
    """Return the SHA-256 of all that a request sends: messages, pictures, labels in their order, schema.

    The item's id and the repeat aren't sent and don't count: two rows with the same text have the
    same hash. Upper and lower case differ.

    Returns:
        64 hexadecimal digits.

    Used in lesson 06.
    """
    sent = [request.question, request.kind, list(request.options), list(request.messages), request.schema]
    return hashlib.sha256(json.dumps(sent, sort_keys=True).encode("ascii")).hexdigest()


def _stream(codebook, items, shots, order_seed, wording, repeats) -> Iterator[Request]:
    """Yield requests; the arguments are checked."""
    introduction = codebook.introduction.strip()
    system = [{"role": "system", "content": introduction}] if introduction else []
    for start in range(0, len(items), BATCH):
        batch = items[start : start + BATCH]
        examples = shots.choose(codebook, batch) if shots else ({} for _ in batch)
        for item, chosen in zip(batch, examples, strict=True):
            for name, question in codebook.questions.items():
                for repeat in range(repeats):
                    options = question.options
                    if order_seed is not None:
                        options = in_order(question, order_seed, name, item.id, repeat)
                    parts = wording(Asked(name, question, options, chosen.get(name, ()), item))
                    messages = (*system, {"role": "user", "content": content(parts)})
                    yield Request(item, name, question.kind, options, messages, question.schema(options), repeat)


def in_order(question: Question, *seeds: Any) -> tuple[str, ...]:
    """Return the labels in an order that depends on the seeds; a scale only from the top or the bottom."""
    if question.kind == "scale":
        return question.options[:: drawn((1, -1), 1, *seeds)[0]]
    return tuple(drawn(question.options, None, *seeds))


def content(parts: Parts) -> str | list[dict]:
    """Return the content of a message: a text, or a list of texts and pictures.

    Args:
        parts: texts, and files of pictures where they stand.

    Returns:
        The texts joined, if there is no picture; else parts {"type": "text", …} and
        {"type": "image_url", …}, a picture as a data URL.

    >>> content(["Rude?", " ", "Yes or no."])
    'Rude? Yes or no.'
    """
    if all(isinstance(part, str) for part in parts):
        return "".join(parts)
    joined: list[dict] = []
    for part in parts:
        if isinstance(part, Path):
            joined.append({"type": "image_url", "image_url": {"url": data_url(part)}})
        elif joined and joined[-1]["type"] == "text":
            joined[-1]["text"] += part
        elif part:
            joined.append({"type": "text", "text": part})
    return joined


def data_url(file: Path) -> str:
    """Return a picture as a data URL, in base64.

    Raises:
        MissingFileError: the file isn't there any more.
        BadInputError: it is no PNG, JPEG, GIF or WebP picture of at most 20 MB.
    """
    try:
        changed = file.stat()
        return _data_url(file, changed.st_mtime_ns, changed.st_size)
    except OSError as error:
        raise MissingFileError(f"The picture {file} can't be read ({error}). Put it back, or drop its row.") from None


@lru_cache(maxsize=32)
def _data_url(file: Path, changed: int, size: int) -> str:
    """Return a data URL, remembered until the file changes: several questions ask about one picture."""
    name = picture_format(file)
    if name is None:
        raise BadInputError(f"{file} is no PNG, JPEG, GIF or WebP picture of at most 20 MB. Convert or shrink it.")
    return f"data:image/{name};base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"


# ── Wordings ─────────────────────────────────────────────────────────────────────────────
# A wording returns parts: texts, and files of pictures where they stand. The empty lines between
# sections belong to the wording.

Parts = list[str | Path]


class Asked(NamedTuple):
    """What a wording puts into words."""

    name: str
    question: Question
    options: tuple[str, ...]  # in the order shown
    examples: tuple[Example, ...]
    item: Item

    @property
    def ask(self) -> str:
        """The question in words; without any, its name: "Sentiment?"."""
        return self.question.ask.strip() or self.name.replace("_", " ").capitalize() + "?"

    @property
    def solved(self) -> tuple[Example, ...]:
        """The codebook's examples, except the item itself, and then the shots."""
        own = [Example(*example) for example in self.question.examples]
        return (*(one for one in own if folded(one.text) != folded(self.item.text)), *self.examples)

    def meanings(self, mark: str = "- ") -> str:
        """The labels with their definitions, a line each."""
        meanings = self.question.meanings()
        shown = [option for option in self.options if option in meanings or self.question.kind != "scale"]
        return "\n".join(f"{mark}{option}: {meanings.get(option, '')}".removesuffix(": ") for option in shown)


def short(asked: Asked) -> Parts:
    """Wording 0: question, labels and text, in the form that the shipped assistant was trained on.

    It has no definitions, and of examples only the shots that are asked for.
    """
    task = f"{asked.ask} {ending(asked.question, asked.options)}\n"
    if not asked.examples:
        return [task, *_shown(asked.item)]
    solved = _solved(asked.examples, asked, "\n{}: ", "Label:")
    return [task, *solved, f"\n{_noun(asked.item)}: ", *_shown(asked.item), "\nLabel:"]


def codebook_first(asked: Asked) -> Parts:
    """Wording 1: the whole codebook entry, then the text."""
    question, meanings, solved = asked.question, asked.meanings(), asked.solved
    return [
        f"Question: {asked.ask}\n",
        f"\nLabels:\n{meanings}\n" if meanings else "",
        _list("\nPlease note:\n", question.exclusions),
        *(["\nExamples:\n", *_solved(solved, asked, "{}: ", "Label:")] if solved else []),
        f"\n{_noun(asked.item)} to label: ", *_shown(asked.item), "\n\n",
        f"{ending(question, asked.options)} {ONLY[question.kind]}",
    ]  # fmt: skip


def text_first(asked: Asked) -> Parts:
    """Wording 2: the text first, then the question and what each answer means."""
    question, meanings, solved = asked.question, asked.meanings("* "), asked.solved
    return [
        'Read this first:\n"""\n', *_shown(asked.item), f'\n"""\n\n{asked.ask}\n',
        f"\nThe possible answers and what they mean:\n{meanings}\n" if meanings else "",
        _list("\nKeep in mind:\n", question.exclusions, "* "),
        *(["\nOthers were answered like this:\n", *_solved(solved, asked, "* ", "  Answer:")] if solved else []),
        f'\n{ending(question, asked.options)} Judge what stands between the """ marks. {ONLY[question.kind]}',
    ]  # fmt: skip


def tagged(asked: Asked) -> Parts:
    """Wording 3: each part of the codebook entry in tags of its own, the text last."""
    question, meanings, solved = asked.question, asked.meanings(""), asked.solved
    return [
        f"You are given one item to code. Apply the definitions closely.\n<question>{asked.ask}</question>\n",
        f"<codes>\n{meanings}\n</codes>\n" if meanings else "",
        _list("<rules>\n", question.exclusions, "", "</rules>\n"),
        *(["<examples>\n", *_solved(solved, asked, "{}: ", "Code:"), "</examples>\n"] if solved else []),
        "<item>\n", *_shown(asked.item), f"\n</item>\n{ending(question, asked.options)} {ONLY[question.kind]}",
    ]  # fmt: skip


WORDINGS: tuple[Callable[[Asked], Parts], ...] = (short, codebook_first, text_first, tagged)
ONLY = {  # what an answer looks like
    "choice": "Answer with the label only.",
    "tags": "Answer with the labels only, with commas between them, or with: none.",
    "scale": "Answer with the number only.",
}


def ending(question: Question, options: Sequence[str]) -> str:
    """Return the sentence that lists the labels, in the order given.

    >>> ending(Choice(["positive", "negative", "neutral"]), ["neutral", "negative", "positive"])
    'Choose one: neutral, negative, positive.'
    >>> ending(Choice(["yes", "no"]), ["yes", "no"])
    'Answer yes or no.'
    """
    listed = ("; " if any("," in option for option in options) else ", ").join(options)
    if question.kind == "tags":
        return f"Choose all that apply, or none: {listed}."
    if question.kind == "scale":
        meanings = question.meanings()
        first, last = (f"{end} ({meanings[end]})" if end in meanings else end for end in (options[0], options[-1]))
        return f"Choose a whole number from {first} to {last}."
    return f"Answer {options[0]} or {options[1]}." if len(options) == 2 else f"Choose one: {listed}."


def _shown(item: Item | Example) -> Parts:
    """Return the text and the picture of an item or example, whichever it has."""
    if item.image is None:
        return [item.text]
    return [f"{item.text}\n", item.image] if item.text.strip() else [item.image]


def _solved(examples: Sequence[Example], asked: Asked, before: str, after: str) -> Parts:
    """Return examples and their answers; "{}" in ``before`` becomes what the example is."""
    parts: Parts = []
    for example in examples:
        parts += [before.format(_noun(example)), *_shown(example), f"\n{after} {asked.question.say(example.label)}\n"]
    return parts


def _noun(item: Item | Example) -> str:
    """Return what an item is."""
    return "Text" if item.image is None else "Text and picture" if item.text.strip() else "Picture"


def _list(title: str, lines: Sequence[str], mark: str = "- ", end: str = "") -> str:
    """Return lines under a title; nothing if there are none."""
    return title + "".join(f"{mark}{line}\n" for line in lines) + end if lines else ""
