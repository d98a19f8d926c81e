"""A chat-suggestion rewriter: the same point, restated, validating or polite.

After Argyle et al. (2023): before a message in a political chat is sent, a model suggests another
form of it. "restate" first says back what the other person said, "validate" first grants that their
concern is fair without agreeing, "polite" makes the point civilly. Every text is kept as soon as it
is written, and checked before it becomes a stimulus. Used in lesson 10.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workshop_lib.errors import BadInputError, SettingError, WorkshopError, closest
from workshop_lib.participants.writers import Messages, Writer, Written

if TYPE_CHECKING:
    import pandas as pd

KINDS = {
    "restate": "First say back, in your own words, what the other person said. Then make the "
    "draft's point.",
    "validate": "First show that the other person's concern is understandable, without agreeing. "
    "Then make the draft's point.",
    "polite": "Make the draft's point in a friendly, civil way.",
}
SHORT = {  # for small models, which can't follow the long form
    "restate": "Rewrite this. First show that you understand the other person, then give your "
    "view: {message}",
    "validate": "Start with what the other person gets right, then disagree politely: {message}",
    "polite": "Rewrite this politely: {message}",
}
RULES = (
    "You help people in a political chat. Rewrite the draft reply so that it can be sent. Keep the "
    "writer's opinion and every fact, add no new argument, and write at most three sentences. "
    "Answer with the rewritten reply only."
)
TEMPLATES = {  # no model at all: what a suggestion must beat
    "restate": "If I understand you, you say this: {partner} I see it differently. {message}",
    "validate": "I can see why this matters to you. {message}",
    "polite": "With respect, I see it differently. {message}",
}
FILE = "suggestions.jsonl"
LONGEST = 3  # times the draft's words, plus ROOM
ROOM = 20
COLUMNS = (
    "id",
    "conversation",
    "kind",
    "partner",
    "message",
    "rewrite",
    "status",
    "faults",
    "writer",
    "detail",
)


def conversation(kind: str, partner: str, message: str, short: bool = False) -> Messages:
    """Return what a writer is told.

    Args:
        kind: one of KINDS.
        partner: what the other person said last.
        message: the draft.
        short: a single line without rules, for small models.

    >>> conversation("polite", "", "No way!", short=True)[0]["content"]
    'Rewrite this politely: No way!'
    """
    _check_kind(kind)
    if short:
        return [{"role": "user", "content": SHORT[kind].format(message=message)}]
    task = f"The other person said: {partner}\n\nThe draft reply: {message}\n\n{KINDS[kind]}"
    return [{"role": "system", "content": RULES}, {"role": "user", "content": task}]


def template(kind: str, partner: str, message: str) -> str:
    """Return a suggestion made without a model: a fixed phrase before the unchanged draft.

    >>> template("validate", "Taxes are too high.", "They pay for schools.")
    'I can see why this matters to you. They pay for schools.'
    """
    _check_kind(kind)
    return TEMPLATES[kind].format(partner=partner, message=message)


def suggest(
    frame: pd.DataFrame,
    writer: Writer | None,
    kinds: Sequence[str] = tuple(KINDS),
    folder: str | Path | None = None,
    short: bool = False,
    max_cost: float | None = None,
    price: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Write a suggestion of each kind for each draft.

    Args:
        frame: columns "conversation" (or "id"), "partner" (what the other person said; may be
            empty) and "message" (the draft). Rows that repeat a conversation are taken once.
        writer: who writes; None takes the templates.
        kinds: of KINDS.
        folder: each text is added to a file there as soon as it is written; the same call takes
            it from there. None keeps nothing, and is allowed for writers on this machine only.
        short: see :func:`conversation`.
        max_cost: US dollars; the call is refused, before anything is sent, if it could cost more.
        price: dollars per million input and output tokens, instead of the price list's.

    Returns:
        A row a draft and kind: id, conversation, kind, partner, message, rewrite (None if there is
        none), status, faults (see :func:`faults`), writer, detail. Nothing is dropped.

    Raises:
        BadInputError: no rows, a missing or empty draft, a hosted writer without a folder, or a cap
            that could be passed.
        StopRun: no further call can succeed. What was written so far is kept.

    Source: Argyle, Bail, Busby, Gubler, Howe, Rytting, Sorensen and Wingate (2023), Leveraging AI
    for democratic discourse, PNAS 120(41), e2311627120. Used in lesson 10.
    """
    import pandas as pd

    drafts = _drafts(frame)
    for kind in kinds:
        _check_kind(kind)
    if writer is not None and folder is None and not writer.local:
        raise BadInputError(
            "A hosted writer needs a folder, so that no text that was paid for is lost: folder='…'."
        )
    kept = _read(folder)
    tasks = [(one, kind, partner, message) for one, partner, message in drafts for kind in kinds]
    prompts = [conversation(kind, partner, message, short) for _, kind, partner, message in tasks]
    keys = [_key(writer, prompt) if writer is not None else "" for prompt in prompts]
    if writer is not None and max_cost is not None:
        _check_cap(
            writer,
            [p for p, key in zip(prompts, keys, strict=True) if key not in kept],
            max_cost,
            price,
        )
    rows = []
    for (one, kind, partner, message), prompt, key in zip(tasks, prompts, keys, strict=True):
        if writer is None:
            written = Written(template(kind, partner, message))
        elif key in kept:
            written = kept[key]
        else:
            written = writer.write(prompt)
            if written.status in ("ok", "refused", "invalid"):  # an error is asked again
                kept[key] = written
                _append(folder, key, written)
        found = faults(message, written.text, partner) if written.status == "ok" else ()
        rows.append(
            {
                "id": f"{one}-{kind}",
                "conversation": one,
                "kind": kind,
                "partner": partner,
                "message": message,
            }
            | {"rewrite": written.text, "status": written.status, "faults": "; ".join(found)}
            | {"writer": "template" if writer is None else writer.model, "detail": written.detail}
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["rewrite"] = pd.Series([row["rewrite"] for row in rows], dtype=object)  # None stays None
    return table


def faults(message: str, rewrite: str | None, partner: str = "") -> tuple[str, ...]:
    """Return what is wrong with a suggestion, as far as counting words can tell.

    "empty"; "unchanged"; "too long" (more than three times the draft's words and 20 more); "loses a
    number" of the draft; "new number" and "another topic" (no content word), neither of the draft
    nor of what the other person said. Whether it still says the same must be read by people.

    Args:
        message: the draft.
        rewrite: the suggestion.
        partner: what the other person said.

    >>> faults("300 euros for a flat? Never!", "I'd prefer to talk about the weather.")
    ('loses a number', 'another topic')
    >>> faults("Your wind farm is ugly.", "I don't find the wind farm beautiful.")
    ()
    """
    if not isinstance(rewrite, str) or not rewrite.strip():
        return ("empty",)
    found = []
    if " ".join(rewrite.split()).casefold() == " ".join(message.split()).casefold():
        found.append("unchanged")
    if len(rewrite.split()) > LONGEST * len(message.split()) + ROOM:
        found.append("too long")
    draft, said, after = (
        set(re.findall(r"\d+(?:[.,]\d+)*", text)) for text in (message, partner, rewrite)
    )
    if draft - after:
        found.append("loses a number")
    if after - draft - said:
        found.append("new number")
    wanted = content_words(f"{message} {partner}")
    if wanted and not wanted & content_words(rewrite):
        found.append("another topic")
    return tuple(found)


def content_words(text: str) -> set[str]:
    """Return the stems of a text's words of four letters or more that aren't function words.

    A stem is the first five letters, which is rough and enough to see whether the topic is kept.

    >>> sorted(content_words("Your taxes are theft!"))
    ['taxes', 'theft']
    """
    words = re.findall(r"[a-z]{4,}", text.lower())
    return {word[:5] for word in words if word not in FUNCTION_WORDS}


FUNCTION_WORDS = frozenset(
    "about after again also another because been before being both cannot clearly could does doing "
    "done down each even ever every from give goes have here into itself just keep know less like "
    "make many maybe more most much must need never nobody none only other over please really same "
    "shall should since some someone such than that their them then there these they thing things "
    "think this those though through until very want wants well were what when where "
    "which while whose will with without would your yours yourself".split()
)


# ── What is kept ─────────────────────────────────────────────────────────────────────────


def _drafts(frame: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return (conversation, partner, draft) of a table, each conversation once."""
    from workshop_lib.labeling.tables import as_label, is_missing, need_columns

    name = "conversation" if "conversation" in frame.columns else "id"
    need_columns(frame, [name, "message"], "the drafts")
    if not len(frame):
        raise BadInputError("The table of drafts has no rows. Check the filter that made it.")
    partners = frame["partner"] if "partner" in frame.columns else [""] * len(frame)
    drafts: dict[str, tuple[str, str]] = {}
    for one, partner, message in zip(frame[name], partners, frame["message"], strict=True):
        if is_missing(one) or not isinstance(message, str) or not message.strip():
            raise BadInputError(
                f"The draft {message!r} of {one!r} is empty, or has no id. Leave the row out."
            )
        pair = ("" if is_missing(partner) else str(partner), message)
        if drafts.setdefault(as_label(one), pair) != pair:
            raise BadInputError(
                f"The conversation {one!r} has two different drafts. Give each an id of its own."
            )
    return [(one, *pair) for one, pair in drafts.items()]


def _key(writer: Writer, messages: Messages) -> str:
    from workshop_lib.labeling.identity import canonical, sha256

    return sha256(canonical([writer.settings(), list(messages)]))


def _read(folder: str | Path | None) -> dict[str, Written]:
    """Return the texts of a folder; a last line that a kill cut off is left out."""
    file = None if folder is None else Path(folder) / FILE
    if file is None or not file.exists():
        return {}
    kept = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
            key = row.pop("key")
            kept[key] = Written(**row)
        except (ValueError, TypeError, KeyError):
            continue
    return kept


def _append(folder: str | Path | None, key: str, written: Written) -> None:
    if folder is None:
        return
    file = Path(folder) / FILE
    line = json.dumps({"key": key, **written._asdict()})  # in ASCII: half an emoji can't be stored
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        cut_off = file.exists() and file.stat().st_size > 0 and file.read_bytes()[-1:] != b"\n"
        with file.open("a", encoding="ascii") as stream:
            stream.write(("\n" if cut_off else "") + line + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise WorkshopError(
            f"The text couldn't be written to {file} ({error}). Free some space and call again; "
            f"this text is lost: {written.text!r}"
        ) from None


def _check_cap(
    writer: Writer, prompts: Iterable[Messages], max_cost: float, price: tuple[float, float] | None
) -> None:
    """Raise an error if the texts that are missing could cost more than the cap."""
    from workshop_lib.labeling.budget import Meter, check_cap, most_input_tokens, output_limit
    from workshop_lib.labeling.protocol import Item, Request

    meter = Meter(writer, price)
    check_cap(writer, meter, max_cost)
    if writer.local:
        return
    worst = sum(
        meter.cost(
            most_input_tokens(Request(Item("text"), "text", "choice", (), tuple(prompt), {})),
            output_limit(writer),
        )
        for prompt in prompts
    )
    if worst > max_cost:
        raise BadInputError(
            f"These texts could cost up to ${worst:.4f}, more than max_cost=${max_cost}. Give "
            "fewer drafts or kinds, a smaller max_tokens, or a higher cap."
        )


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise SettingError(
            f"There is no kind of suggestion {kind!r}. {closest(str(kind), list(KINDS))}"
        )
