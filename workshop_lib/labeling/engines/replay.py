"""What is stored: the answers of a run, to be given again; hand labels in tables; engines in folders.

Used in lesson 06.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from workshop_lib.errors import BadInputError, MissingFileError, WorkshopError
from workshop_lib.labeling.codebook import Choice, Scale, Tags
from workshop_lib.labeling.engines.chat import question_of
from workshop_lib.labeling.prompts import items as items_of
from workshop_lib.labeling.prompts import prompt_hash
from workshop_lib.labeling.protocol import STATUSES, Answer, Item, Request
from workshop_lib.labeling.tables import as_label, is_missing

if TYPE_CHECKING:
    import pandas as pd

FACTS = "engine.json"
NEEDED = ("id", "repeat", "label", "status", "prompt_hash")


class Replay:
    """The answers of a stored run, found by prompt hash, repeat and item id.

    An answer comes back as it was stored, refusals and failures too, with its model, tokens and
    seconds; it costs nothing. Whatever changes the prompt (wording, order, shots, a picture) misses.

    Args:
        run: the folder of a run, or its results table, also one read from a CSV file.

    Raises:
        BadInputError: no results, a missing column, or two different answers to one call.
        MissingFileError: there is no run in the folder.

    Used in lesson 06.
    """

    name = "replay"
    local = True

    def __init__(self, run: str | Path | pd.DataFrame) -> None:
        if isinstance(run, str | Path):
            from workshop_lib.labeling.runs import read_results

            run = read_results(run)
        missing = [name for name in NEEDED if name not in getattr(run, "columns", ())]
        if missing or not len(run):
            raise BadInputError(
                f"There are no results to replay ({'no column ' + ', '.join(missing) if missing else 'no rows'}). Give "
                "a run's folder, or what label() or read_results() returned."
            )
        self._answers: dict[tuple[str, int, str], Answer] = {}
        for row in run.to_dict("records"):
            key = (str(row["prompt_hash"]), int(row["repeat"]), as_label(row["id"]))
            answer = _stored(row)
            before = self._answers.setdefault(key, answer)
            if (before.label, before.status) != (answer.label, answer.status):
                raise BadInputError(
                    f"The results hold two answers to one call about the item '{key[2]}': {before.label!r} and "
                    f"{answer.label!r}. Replay one run at a time."
                )
        named = Counter(answer.model for answer in self._answers.values() if answer.model)
        self.model = "+".join(sorted(named)) or "unknown"

    def settings(self) -> dict:
        """Return everything that changes answers: the SHA-256 of the stored ones."""
        stored = [[*key, *answer] for key, answer in sorted(self._answers.items(), key=lambda pair: pair[0])]
        return {"engine": self.name, "answers": hashlib.sha256(json.dumps(stored).encode()).hexdigest()}

    def ask(self, request: Request) -> Answer:
        """Return the stored answer; without one, the status "error"."""
        key = (prompt_hash(request), request.repeat, request.item.id)
        answer = self._answers.get(key)
        if answer is None:
            detail = (
                f"The stored run has no answer for the item '{request.item.id}', question '{request.question}', "
                f"repeat {request.repeat} and this very prompt. Keep its codebook, texts, wording, order and shots."
            )
            return Answer(None, "error", model=self.model, detail=detail)
        if answer.status == "ok":  # a table that went through a CSV file
            label = "" if answer.label is None and request.kind == "tags" else answer.label
            try:
                question_of(request).check(label)
                return answer._replace(label=label)
            except BadInputError as error:
                return answer._replace(label=None, status="invalid", detail=f"As stored: {error}")
        return answer


def _stored(row: dict) -> Answer:
    """Return the answer in a row of results."""
    status, stated = row["status"], row.get("probabilities")
    if status not in STATUSES:
        raise BadInputError(f"The results have the status {status!r}. Known: {', '.join(STATUSES)}.")
    if isinstance(stated, str):
        try:
            stated = ast.literal_eval(stated)
        except (ValueError, SyntaxError):
            stated = None
    numbers = {}
    for name, least in (("input_tokens", 0), ("output_tokens", 0), ("attempts", 1)):
        numbers[name] = least if is_missing(row.get(name)) else int(row[name])
    seconds = 0.0 if is_missing(row.get("seconds")) else float(row["seconds"])
    texts = {name: "" if is_missing(row.get(name)) else str(row[name]) for name in ("model", "detail")}
    label = as_label(row["label"])
    probabilities = {str(name): float(p) for name, p in stated.items()} if isinstance(stated, dict) else None
    return Answer(label, status, probabilities, seconds=seconds, **numbers, **texts)


# ── Labels in tables ─────────────────────────────────────────────────────────────────────


def described(question: Choice | Tags | Scale) -> dict[str, str]:
    """Return, for each label that has one, the text that stands for it: the label and its definition.

    >>> described(Choice({"yes": "about politics", "no": ""}))
    {'yes': 'yes: about politics', 'no': 'no'}
    """
    meanings = question.meanings()
    if question.kind == "scale":
        return meanings
    return {label: f"{label}: {meanings[label]}" if label in meanings else label for label in question.options}


def hand_labels(
    frame: pd.DataFrame, name: str, question: Choice | Tags | Scale | None, text: str | None, image: str | None = None
) -> tuple[list[Item], list[str], Choice | Tags | Scale]:
    """Return the rows of a table that have a hand label, their labels, and the question.

    Args:
        frame: rows with "id" and the columns named here.
        name: the question, and the column of its labels.
        question: what it may be answered with; None makes a Choice of the labels that occur.
        text, image: columns of texts and of pictures' files; None: not read.

    Raises:
        BadInputError: no such column, an unknown label, or fewer than two different ones.
    """
    if name not in getattr(frame, "columns", ()):
        raise BadInputError(f"The examples have no column '{name}'. Give a DataFrame with the hand labels in it.")
    kept = frame[[not is_missing(value) for value in frame[name]]]
    found = sorted({as_label(label) for label in kept[name]})
    if len(found) < 2:
        raise BadInputError(f"The column '{name}' has the labels {found}. Give examples of two labels at least.")
    question = question or Choice(found)
    labels = [question.check(label if question.kind == "tags" else as_label(label)) for label in kept[name]]
    return items_of(kept, text=text, image=image), labels, question


# ── Engines in folders ───────────────────────────────────────────────────────────────────


def write_folder(folder: str | Path, files: dict[str, bytes], facts: dict) -> Path:
    """Write files into a folder, and facts about them with their SHA-256; :func:`read_folder` checks both.

    Raises:
        WorkshopError: the folder can't be written.
    """
    folder = Path(folder)
    facts = {**facts, "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in {**files, FACTS: json.dumps(facts, indent=1).encode()}.items():
            (folder / f"{name}.draft").write_bytes(content)
            os.replace(folder / f"{name}.draft", folder / name)
    except OSError as error:
        raise WorkshopError(f"The engine couldn't be saved in {folder} ({error}). Free some space.") from None
    return folder


def read_folder(folder: str | Path) -> dict:
    """Return the facts that :func:`write_folder` wrote, the files checked.

    Raises:
        MissingFileError: a file isn't there.
        DamagedFileError: a file isn't the one that was written.
    """
    from workshop_lib import models

    file = Path(folder) / FACTS
    if not file.is_file():
        raise MissingFileError(f"There is no saved engine in {folder} (no {FACTS}). Give the folder that save() wrote.")
    facts = json.loads(file.read_text(encoding="utf-8"))
    for name, digest in facts["files"].items():
        models.check_file(file.with_name(name), digest, repair="Fit the engine again, and save it.")
    return facts
