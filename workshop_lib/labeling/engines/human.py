"""People as an engine: labels from a column, and disputes of coders settled. Used in lesson 06."""

from __future__ import annotations

import csv
import hashlib
import html
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workshop_lib.errors import BadInputError, WorkshopError, closest
from workshop_lib.labeling.codebook import CODER_COLUMN, Choice, Scale, Tags
from workshop_lib.labeling.engines.chat import question_of
from workshop_lib.labeling.prompts import items as items_of
from workshop_lib.labeling.protocol import Answer, Item, Request
from workshop_lib.labeling.tables import is_missing

if TYPE_CHECKING:
    import pandas as pd

HELP = "Type a label. Enter: later · stop: go on another time"


class Human:
    """Answers that people gave: those of a column, found by the item's id.

    Args:
        column: a column named as its question, such as "political" or "political_coder_1"; or a
            dict question -> column.
        frame: the table with the column, one row an item.
        id: the column of the ids.

    Raises:
        BadInputError: no such column, or an id that is missing or repeated.

    >>> import pandas as pd
    >>> Human("rude", pd.DataFrame({"id": [7], "rude": ["no"]})).columns
    {'rude': 'rude'}
    """

    name, local = "human", True

    def __init__(self, column: str | Mapping[str, str], frame: pd.DataFrame, id: str = "id") -> None:
        self.columns = {CODER_COLUMN.sub("", column): column} if isinstance(column, str) else dict(column)
        self.model = "+".join(self.columns.values())
        for name in (id, *self.columns.values()):
            if name not in getattr(frame, "columns", ()):
                known = closest(str(name), [str(one) for one in getattr(frame, "columns", ())])
                raise BadInputError(f"The table of hand labels has no column '{name}'. {known}")
        ids = [item.id for item in items_of(frame.assign(_="-"), id=id, text="_")]
        self._labels = {
            question: {one: None if is_missing(label) else label for one, label in zip(ids, frame[name], strict=True)}
            for question, name in self.columns.items()
        }

    def settings(self) -> dict:
        """Return everything that changes answers: the columns and the SHA-256 of what stands in them."""
        labels = json.dumps(self._labels, sort_keys=True, default=str)
        return {"engine": self.name, "columns": self.columns, "labels": hashlib.sha256(labels.encode()).hexdigest()}

    def ask(self, request: Request) -> Answer:
        """Return the label that stands in the table; without one, or with an unknown one, the status "invalid"."""
        column = self.columns.get(request.question)
        if column is None:
            detail = f"These labels answer {', '.join(self.columns)}. Write Human({{question: column}}, …)."
            return Answer(None, "invalid", model=self.model, detail=detail)
        label = self._labels[request.question].get(request.item.id)
        if label is None:
            known = request.item.id in self._labels[request.question]
            what = f"the cell of the item '{request.item.id}' is empty" if known else f"no item '{request.item.id}'"
            return Answer(None, "invalid", model=self.model, detail=f"No hand label in the column '{column}': {what}.")
        try:
            return Answer(question_of(request).check(label), "ok", model=self.model)
        except BadInputError as error:
            return Answer(None, "invalid", model=self.model, detail=f"Column '{column}': {error}")


class Adjudication:
    """Rows that coders disagree on, and a person's verdicts on them; made by :func:`adjudicate`."""

    def __init__(self, rows: dict[str, tuple[Item, dict]], question: Choice | Tags | Scale, name: str, file: Path):
        self.rows, self.question, self.name, self.file = rows, question, name, file  # codes by coder, by id
        self.verdicts = self._read()

    @property
    def disputed(self) -> list[str]:
        """The ids of rows whose codes differ or are incomplete."""
        return [id for id, (_, codes) in self.rows.items() if None in codes.values() or len(set(codes.values())) > 1]

    @property
    def open(self) -> list[str]:
        """The ids that still need a verdict."""
        return [id for id in self.disputed if id not in self.verdicts]

    def decide(self, id: str, label: Any) -> None:
        """Store a verdict, in the file too; a second one on the same row replaces the first.

        Raises:
            BadInputError: no such row or label.
            WorkshopError: the file can't be written; all earlier verdicts are safe.
        """
        if id not in self.rows:
            raise BadInputError(f"There is no row '{id}'. {closest(id, list(self.rows)[:20])}")
        verdicts = {**self.verdicts, **self._read(), id: self.question.check(label)}  # another sitting may add to it
        draft = self.file.with_name(f"{self.file.name}.{os.getpid()}.draft")
        try:
            with draft.open("w", encoding="utf-8", newline="") as opened:
                csv.writer(opened).writerows([("id", self.name), *verdicts.items()])
                opened.flush()
                os.fsync(opened.fileno())
            os.replace(draft, self.file)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise WorkshopError(f"{self.file} can't be written ({error}). Free space, then decide again.") from None
        self.verdicts = verdicts

    def _read(self) -> dict[str, str]:
        """Return the verdicts in the file."""
        if not self.file.exists():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            return {}
        with self.file.open(encoding="utf-8-sig", newline="") as opened:
            header, *rows = list(csv.reader(opened)) or [[]]
        if header != ["id", self.name] or not all(len(row) == 2 for row in rows):
            raise BadInputError(
                f"The file {self.file} has the columns {header}, not 'id' and '{self.name}'. Name another file."
            )
        return {id: self.question.check(label) for id, label in rows}

    def table(self) -> pd.DataFrame:
        """Return id, label (None while open), and "by": "coders agree", "adjudicated" or "open"."""
        import pandas as pd

        disputed, found = set(self.disputed), []
        for id, (_, codes) in self.rows.items():
            agreed = None if id in disputed else next(iter(codes.values()))
            by = "adjudicated" if id in self.verdicts else "open" if id in disputed else "coders agree"
            found.append((id, self.verdicts.get(id, agreed), by))
        return pd.DataFrame(found, columns=["id", self.name, "by"], dtype=object)

    def _said(self, id: str) -> str:
        codes = self.rows[id][1].items()
        return " · ".join(f"{coder}: {'no code' if code is None else code or 'none'}" for coder, code in codes)

    def ask(self) -> None:
        """Ask for verdicts with ``input``, row after row, until all are given or one types stop."""
        waiting = self.open
        print(f"{len(waiting)} of {len(self.rows)} rows to settle. Labels: {', '.join(self.question.options)}\n{HELP}")
        for id in waiting:
            item = self.rows[id][0]
            print(f"\n{id}: {item.text} {item.image or ''}\n{self._said(id)}")
            label = typed = None
            while label is None and typed not in ("", "stop"):
                try:
                    typed = input("Label: ").strip()
                except (EOFError, KeyboardInterrupt):
                    typed = "stop"
                label = self.question.parse(typed) if typed else None
                if label is not None:
                    self.decide(id, label)
                elif typed not in ("", "stop"):
                    print(f"{typed!r} is no label. {closest(typed, list(self.question.options))}")
            if label is None and typed == "stop":
                break
        print(f"{len(self.open)} rows are open; the verdicts are in {self.file}.")

    def view(self) -> Any:
        """Return the same as a widget: the row, its picture, a choice of labels, and two buttons."""
        import ipywidgets

        waiting, tags = self.open, self.question.kind == "tags"
        text, picture = ipywidgets.HTML(), ipywidgets.Image(layout={"max_width": "300px"})
        kind = ipywidgets.SelectMultiple if tags else ipywidgets.ToggleButtons
        choice = kind(options=self.question.options, value=() if tags else None)
        save, later = (ipywidgets.Button(description=words) for words in ("Save", "Later"))

        def show(problem: str = "") -> None:
            save.disabled = later.disabled = not waiting
            choice.value = () if tags else None
            picture.layout.display = "none"
            if not waiting:
                text.value = f"{len(self.open)} rows are open; the verdicts are in {html.escape(str(self.file))}."
                return
            item = self.rows[waiting[0]][0]
            shown = (f"{len(waiting)} to go: {item.id}", item.text, self._said(item.id), problem)
            text.value = "<br>".join(html.escape(line) for line in shown)
            if item.image is not None:
                picture.value, picture.layout.display = item.image.read_bytes(), ""

        def store(_: Any) -> None:
            try:
                self.decide(waiting[0], choice.value)
            except WorkshopError as error:
                return show(str(error))
            waiting.pop(0)
            show()

        save.on_click(store)
        later.on_click(lambda _: (waiting.pop(0), show()))
        show()
        return ipywidgets.VBox([text, picture, choice, ipywidgets.HBox([save, later])])


def adjudicate(
    frame: pd.DataFrame, columns: Sequence[str], question: Choice | Tags | Scale, file: str | Path,
    name: str | None = None, plain: bool | None = None,
) -> Adjudication:  # fmt: skip
    """Let a person settle what coders disagree on; each verdict is saved at once, and a later call goes on.

    Args:
        frame: one row an item: "id", "text", "image" or both, and the codes.
        columns: the coders' columns, such as ["political_coder_1", "political_coder_2"].
        question: what may be answered, such as ``book.questions["political"]``.
        file: CSV file of the verdicts.
        name: of the question; None takes it from the first column.
        plain: True asks with ``input``, False shows a widget; None shows it in a notebook only.

    Returns:
        The adjudication: ``table()`` is its result; ``decide(id, label)`` corrects a verdict.

    Raises:
        BadInputError: no such column, an unknown code, or a file of something else.
    """
    columns = [columns] if isinstance(columns, str) else list(columns)
    known = list(map(str, getattr(frame, "columns", ())))
    for column in columns or [""]:
        if column not in known:
            raise BadInputError(f"The table has no column '{column}' of a coder. {closest(column, known)}")
    text, image = (column if column in frame.columns else None for column in ("text", "image"))
    rows = {}
    for item, *cells in zip(items_of(frame, text=text, image=image), *(frame[name] for name in columns), strict=True):
        codes = [None if is_missing(cell) else question.check(cell) for cell in cells]
        rows[item.id] = (item, dict(zip(columns, codes, strict=True)))
    found = Adjudication(rows, question, name or CODER_COLUMN.sub("", columns[0]), Path(file))
    if plain is None:
        import IPython

        plain = not hasattr(IPython.get_ipython(), "kernel")
    if plain:
        found.ask()
    else:
        from IPython.display import display

        display(found.view())
    return found
