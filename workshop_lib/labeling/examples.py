"""Hand labels as examples to fine-tune a chat model on, in parts for training and testing.

:func:`tune_assistant` and :func:`hosted_finetune` learn from the files. Used in lesson 06.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workshop_lib.errors import BadInputError, UnknownNameError, closest
from workshop_lib.labeling import page, prompts
from workshop_lib.labeling.jsonl import Check, check_jsonl, check_lines, prompt_key
from workshop_lib.labeling.tables import as_label
from workshop_lib.labeling.tune_hosted import hosted_finetune
from workshop_lib.labeling.tune_local import load_tuned, tune_assistant

if TYPE_CHECKING:
    import pandas as pd

    from workshop_lib.labeling.codebook import Codebook

__all__ = ["Check", "check_jsonl", "finetune_jsonl", "hosted_finetune", "load_tuned", "tune_assistant"]

SPLITS = ("train", "valid", "test")
ANSWERS = ("label", "json")


def finetune_jsonl(
    frame: pd.DataFrame,
    codebook: Codebook,
    question: str,
    folder: str | Path,
    split: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    wording: int = 0,
    answer: str = "label",
) -> pd.DataFrame:
    """Write hand labels as train.jsonl, valid.jsonl and test.jsonl, to fine-tune a chat model on.

    The user's message is what `label` would send in this wording, the assistant's is the label.
    Each part has the labels in about the same shares. Copies of a text stay in one part, or the
    test would be of what was learnt by heart. items.csv says which item went where: ask the tuned
    model about the items of "test" only, and `validate` on them.

    Args:
        frame: "id", "text" or "image" or both, and the question's column; rows where it is empty
            are left out.
        codebook: whose question it is.
        question: its name.
        folder: where to write.
        split: shares of train, valid and test; a part with share 0 isn't written.
        seed: of the split.
        wording: which wording of the prompt; ask the tuned model in the same.
        answer: "label" as one would write it, or "json", the object that servers enforce.

    Returns:
        One row a part: file, examples, tokens (estimated), and the examples with each label.

    Raises:
        UnknownNameError: there is no such column.
        BadInputError: shares that make no sense, no labels, a label outside the codebook, one that
            no row has, two labels for the same text, or too few rows for a part.

    Used in lesson 06.
    """
    import pandas as pd

    shares = _checked_shares(split)
    if answer not in ANSWERS:
        raise BadInputError(f"There is no form of answer {answer!r}. {closest(str(answer), list(ANSWERS))}")
    book = codebook.only(question)
    asked = book.questions[question]
    rows, labels = _labelled(frame, asked, question)
    columns = {name: name if name in rows.columns else None for name in ("text", "image")}
    items = prompts.items(rows, **columns)
    requests = prompts.requests(book, items, wording=wording)
    asks = [prompt_key(request.messages) for request in requests]
    parts = deal(asks, labels, [item.id for item in items], asked, shares, seed)
    said = [asked.say(label) if answer == "label" else asked.to_json(label) for label in labels]
    lines, checks, known = {}, {}, {}
    for name in SPLITS:
        places = prompts.drawn([place for place, part in enumerate(parts) if part == name], None, seed, name)
        talks = [[*requests[place].messages, {"role": "assistant", "content": said[place]}] for place in places]
        lines[name] = [_line(talk) for talk in talks]
        checks[name] = check_lines(lines[name], f"{name}.jsonl", known) if places else None
        known |= dict.fromkeys(checks[name].prompts, f"{name}.jsonl") if places else {}
    problems = [f"{check.file}, {problem}" for check in checks.values() if check for problem in check.problems]
    if problems:
        raise BadInputError(f"These examples can't be used: {' '.join(problems[:5])}")
    folder, table = Path(folder), []
    for name, check in checks.items():
        file = folder / f"{name}.jsonl"
        if check is None:
            file.unlink(missing_ok=True)  # of an earlier call
            continue
        page.write(file, "".join(line + "\n" for line in lines[name]))
        given = [label for label, part in zip(labels, parts, strict=True) if part == name]
        counts = {option: sum(option in _values(asked, label) for label in given) for option in asked.options}
        table.append({"part": name, "file": str(file), "examples": check.examples, "tokens": check.tokens, **counts})
    where = pd.DataFrame({"id": [item.id for item in items], "part": parts, question: labels})
    page.write(folder / "items.csv", where.to_csv(index=False))
    return pd.DataFrame(table).set_index("part")


def deal(
    asks: Sequence[str], labels: Sequence[str], ids: Sequence[str], asked: Any, shares: dict[str, float], seed: int
) -> list[str]:
    """Return the part that each row goes to; rows that ask the same go together.

    Rows are sorted by label and dealt out like cards, each to the part that is furthest behind its
    share. The first row with a label goes to the training part.

    Raises:
        BadInputError: two labels for the same text, a label that no row has, or an empty part.
    """
    groups: dict[str, list[int]] = {}
    for place, ask in enumerate(asks):
        first = groups.setdefault(ask, [place])[0]
        if labels[first] != labels[place]:
            raise BadInputError(
                f"The items '{ids[first]}' and '{ids[place]}' have the same text and the labels '{labels[first]}' and "
                f"'{labels[place]}'. Decide on one."
            )
        groups[ask] += [place] if place != first else []
    unused = set(asked.options) - {value for label in labels for value in _values(asked, label)}
    if unused and asked.kind != "scale":
        named = ", ".join(option for option in asked.options if option in unused)
        raise BadInputError(f"No row has the label: {named}. No model can learn it: label such rows, or drop it.")
    parts, owed, taught = [""] * len(asks), dict.fromkeys(SPLITS, 0.0), set()
    for places in sorted(prompts.drawn(list(groups.values()), None, seed), key=lambda places: labels[places[0]]):
        owed = {name: owed[name] + len(places) * shares[name] for name in SPLITS}
        values = _values(asked, labels[places[0]])
        part = max(SPLITS, key=owed.get) if values <= taught else "train"
        taught |= values if part == "train" else set()
        owed[part] -= len(places)
        for place in places:
            parts[place] = part
    empty = [name for name in SPLITS if shares[name] and name not in parts]
    if empty:
        raise BadInputError(
            f"{len(groups)} different texts are too few: none is left for {', '.join(empty)}. Label more, or give "
            "the part the share 0."
        )
    return parts


def _values(asked: Any, label: str) -> set[str]:
    """Return the options that a label stands for; no tag at all is a value of its own."""
    return set(label.split("|")) if asked.kind == "tags" else {label}


def _checked_shares(split: Sequence[float]) -> dict[str, float]:
    numbers = list(split)
    fine = len(numbers) == 3 and all(isinstance(one, int | float) and 0 <= one <= 1 for one in numbers)
    if not fine or abs(sum(numbers) - 1) > 1e-6 or not numbers[0]:
        raise BadInputError(
            f"split is {split!r}. Give the shares of train, valid and test, which sum to 1, such as (0.8, 0.1, 0.1)."
        )
    return dict(zip(SPLITS, map(float, numbers), strict=True))


def _labelled(frame: pd.DataFrame, asked: Any, question: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows with a label, and the labels as the codebook stores them."""
    for column in ("id", question):
        if column not in getattr(frame, "columns", []):
            known = closest(column, [str(name) for name in getattr(frame, "columns", [])])
            raise UnknownNameError(f"The table has no column '{column}'. {known}")
    places, labels = [], []
    for place, (one, value) in enumerate(zip(frame["id"], frame[question], strict=True)):
        label = value if isinstance(value, list | tuple) else as_label(value)
        if label is not None and (label != "" or asked.kind == "tags"):
            try:
                labels.append(asked.check(label))
            except BadInputError as error:
                raise BadInputError(f"Item '{one}': {error}") from None
            places.append(place)
    if not places:
        raise BadInputError(f"None of the {len(frame)} rows has a label in '{question}'. Fill in the column.")
    return frame.iloc[places], labels


def _line(messages: Sequence[dict]) -> str:
    """Return a conversation as one line; what some programs take for a line's end is spelled out."""
    text = json.dumps({"messages": list(messages)}, ensure_ascii=False)
    for end in "\x85\u2028\u2029":
        text = text.replace(end, f"\\u{ord(end):04x}")
    return text
