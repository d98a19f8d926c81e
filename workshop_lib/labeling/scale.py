"""Millions of posts on several machines, with Ray Data: label them, or predict their labels.

The rows are cut into parts. A worker process takes part after part; one that dies is replaced,
and its part goes on where it was. The results are those of one machine. Needs the extra
``scale``. Used in lesson 06.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workshop_lib.cluster import Part, connect, over_parts, parts, ray_map
from workshop_lib.errors import BadInputError, MissingFileError, SettingError, WorkshopError
from workshop_lib.labeling import merging, runs
from workshop_lib.labeling.budget import most_input_tokens, output_limit
from workshop_lib.labeling.plans import items_of
from workshop_lib.labeling.results import table
from workshop_lib.labeling.store import CHOSEN, Store
from workshop_lib.labeling.tables import need_columns

if TYPE_CHECKING:
    import pandas as pd

    from workshop_lib.classify import Classifier
    from workshop_lib.labeling import prompts
    from workshop_lib.labeling.codebook import Codebook
    from workshop_lib.labeling.protocol import Engine

__all__ = ["label_many", "predict_many", "ray_map"]
PARTS = "parts"  # folder of what is being worked on


def label_many(
    source: pd.DataFrame | str | Path | Sequence[str | Path],
    codebook: Codebook,
    engine_factory: Callable[[], Engine],
    folder: str | Path,
    max_cost: float | None = None,
    workers: int = 2,
    concurrency: int = 8,
    shots: prompts.Shots | None = None,
    order_seed: int | None = None,
    wording: int = 0,
    repeats: int = 1,
    progress: bool = True,
    price: tuple[float, float] | None = None,
    rows_per_part: int = 2_000,
    cpus: float = 1,
    gpus: float = 0,
    results: bool = True,
) -> pd.DataFrame | None:
    """Do what `label` does with many processes on one machine or several.

    The folder is an ordinary run's: it may hold a pilot, and afterwards `resume`, `read_results`,
    `report` and a further `label_many` work with it. While a part is worked on, its answers are
    in a folder of its own; each is stored as it comes, and asked for once. After an interruption,
    call it again.

    Args:
        source: one row an item, as in `label`: a table, or files (.parquet, .jsonl, .csv, whose
            ids and texts are taken as text), which needn't fit in memory.
        codebook: what is asked.
        engine_factory: makes the engine; called once here and once in each worker. Keys come from
            the environment of each machine.
        folder: the run's folder, on a disk that all machines see.
        max_cost: US dollars that the run never passes. Each part gets its share, and what is left
            over is shared out again.
        workers: processes at a time.
        concurrency: calls under way at a time in each worker.
        shots, order_seed, wording, repeats, progress, price: as in `label`.
        rows_per_part: rows that a worker takes at a time.
        cpus, gpus: what one worker needs; Ray places it accordingly.
        results: False returns nothing, for more rows than a table in memory can hold.

    Returns:
        The results table in the order of the source, as `label` returns it.

    Raises:
        MissingPackageError: Ray isn't installed.
        SettingError, BadInputError, StopRun: as `label` does.

    Source: Moritz et al. (2018), Ray, OSDI. Used in lesson 06.
    """
    engine, folder = engine_factory(), Path(folder).resolve()  # workers have folders of their own
    meter = runs.checked_meter(engine, max_cost, concurrency, price)
    job = {"codebook": codebook, "concurrency": concurrency, "shots": shots, "order_seed": order_seed}
    job |= {"wording": wording, "repeats": repeats, "price": price, "progress": False}
    connect()
    cut = _cut(source, folder / PARTS, rows_per_part)
    requests, facts, also = runs.drafted(codebook, _rows(cut[0]), engine, shots, order_seed, wording, repeats)
    also |= {"max_cost": max_cost, "concurrency": concurrency * workers, "price": price, "repeats": repeats}
    worst = meter.cost(most_input_tokens(next(requests)), output_limit(engine) or 0) if max_cost is not None else None
    with Store(folder) as store:
        merging.refuse_batches(store)
        store.identify(facts, also)
        store.begin(verb="label_many", workers=workers, max_cost=max_cost)
        for left in (folder / PARTS).glob("part-*/"):  # by an earlier call that was interrupted
            merging.take_back(store, left)
            shutil.rmtree(left, ignore_errors=True)
        shares = _Shares(store, max_cost, 4 * concurrency * (worst or 0.0))
        _label_parts(store, cut, {"factory": engine_factory, "job": job}, shares, (workers, cpus, gpus), progress)
        merging.choose(store, (id for part in cut for id in _rows(part)["id"]))
        shutil.rmtree(folder / PARTS, ignore_errors=True)
        merging.forget(store)
        for text in _remarks(store, max_cost):
            warnings.warn(text, stacklevel=2)
        return table(store) if results else None


def predict_many(
    source: pd.DataFrame | str | Path | Sequence[str | Path],
    classifier: Classifier | str | Path,
    folder: str | Path,
    text: str = "text",
    id: str = "id",
    workers: int = 2,
    rows_per_part: int = 20_000,
    progress: bool = True,
    cpus: float = 1,
    gpus: float = 0,
    results: bool = True,
) -> pd.DataFrame | None:
    """Do what a classifier's ``predict_proba`` does with many processes on one machine or several.

    Each part's predictions are a Parquet file in ``folder/predictions``. The same call after an
    interruption computes only the parts that are missing.

    Args:
        source: a table, or files (.parquet, .jsonl, .csv), which needn't fit in memory.
        classifier: of `classify.fine_tune`, or the folder that it was saved in.
        folder: on a disk that all machines see; one for each classifier.
        text: the column of the texts.
        id: the column that names the rows.
        workers: processes at a time.
        rows_per_part: rows that a worker takes at a time.
        progress: whether to show a bar.
        cpus, gpus: what one worker needs.
        results: False returns nothing: read the files.

    Returns:
        A table in the order of the source: the id, label (the likeliest), and a column of
        probabilities for each label, shape (n, 2 + k).

    Raises:
        MissingPackageError: Ray isn't installed.
        SettingError: the folder holds predictions of another classifier.
        BadInputError: no such column, or a text that is none.

    Used in lesson 03.
    """
    import pandas as pd

    folder = Path(folder).resolve()
    saved = _saved(classifier, folder)
    made = folder / "predictions"
    made.mkdir(parents=True, exist_ok=True)
    cut = list(parts(source, folder / PARTS, rows_per_part, lambda piece: _columns(piece, [id, text])))
    files = [made / f"part-{part.number:05}-{part.digest[:12]}.parquet" for part in cut]
    todo = [
        {"part": part.number, "rows": part.rows, "source": str(part.file), "target": str(file)}
        for part, file in zip(cut, files, strict=True)
        if not file.exists()
    ]
    with _bar("predicting", sum(part.rows for part in cut), progress) as bar:
        bar.update(bar.total - sum(row["rows"] for row in todo))
        if todo:
            arguments = {"folder": str(saved), "id": id, "text": text}
            for row in over_parts(_Predictor, arguments, todo, workers, cpus, gpus):
                _raise(row)
                bar.update(row["rows"])
    shutil.rmtree(folder / PARTS, ignore_errors=True)
    return pd.concat([pd.read_parquet(file) for file in files], ignore_index=True) if results else None


# ── Labelling ────────────────────────────────────────────────────────────────────────────


class _Labeller:
    """One worker: an engine, and part after part."""

    def __init__(self, factory: Callable[[], Engine], job: dict):
        self.engine, self.job = factory(), job

    def __call__(self, row: dict) -> dict:
        import pandas as pd

        if not _ticket(row["folder"]).exists():  # done and taken back; Ray lost the word of it with a machine
            return row | {"problem": ""}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # said once, by the process that called
                frame = pd.read_parquet(row["source"])
                runs.label(
                    frame=frame, engine=self.engine, folder=row["folder"], max_cost=row["max_cost"], **self.job
                )
        except WorkshopError as error:
            return row | {"problem": _packed(error)}
        return row | {"problem": ""}


class _Shares:
    """What each part may spend of a cap.

    Args:
        store: the run.
        max_cost: the cap in US dollars, or None.
        least: US dollars with which a part can begin; with less than that for each, some get nothing.
    """

    def __init__(self, store: Store, max_cost: float | None, least: float):
        self.store, self.max_cost, self.least = store, max_cost, least

    def of(self, cut: list[Part]) -> list[float | None]:
        """Return each part's share of what is left, by its rows."""
        if self.max_cost is None:
            return [None] * len(cut)
        left = max(0.0, self.max_cost - sum(self.store.ledger().values()))
        funded = cut[: max(1, int(left / self.least))] if self.least else cut
        rows = sum(part.rows for part in funded)
        return [left * part.rows / rows if place < len(funded) else 0.0 for place, part in enumerate(cut)]


def _label_parts(
    store: Store, cut: list[Part], arguments: dict, shares: _Shares, pool: tuple, progress: bool
) -> None:
    """Have all parts worked on; share out again what the cap left over, as long as that helps."""
    with _bar("labelling", sum(part.rows for part in cut), progress) as bar:
        todo, first = list(zip(cut, shares.of(cut), strict=True)), True
        while todo:
            answered = _answered(store)
            rows = [_lent(store, part, share) for part, share in todo]
            for row in over_parts(_Labeller, arguments, rows, *pool):
                _ticket(row["folder"]).unlink(missing_ok=True)
                merging.take_back(store, Path(row["folder"]))  # its folder stays: a late worker finds all done
                _raise(row)
                ledger = store.ledger()
                bar.set_postfix_str(f"${ledger['spent'] + ledger['lost']:.4f}", refresh=False)
                bar.update(row["rows"] if first else 0)
            if shares.max_cost is None or _answered(store) == answered:
                return
            left = [part for part in cut if merging.skipped(store, _rows(part)["id"])]
            todo, first = [(part, share) for part, share in zip(left, shares.of(left), strict=True) if share], False


def _lent(store: Store, part: Part, share: float | None) -> dict:
    """Make a part's own folder, and return the row that a worker gets."""
    folder = part.file.parent / f"{part.file.stem}-{uuid.uuid4().hex[:12]}"
    merging.lend(store, folder, _rows(part)["id"])
    _ticket(folder).touch()
    return {"source": str(part.file), "folder": str(folder), "rows": part.rows, "max_cost": share}


def _ticket(folder: str | Path) -> Path:
    """Return the file whose being there says that a part's work is wanted."""
    return Path(f"{folder}.wanted")


def _cut(source: Any, folder: Path, rows: int) -> list[Part]:
    """Cut the source into parts whose rows are checked as items; ids are unique over all of them."""
    known: set[int] = set()
    cut = []
    for part in parts(source, folder, rows, _as_items):
        ids = {hash(id) for id in _rows(part)["id"]}
        if len(ids) < part.rows or not known.isdisjoint(ids):
            raise BadInputError("Some ids occur more than once in the source. Give each row an id of its own.")
        known |= ids
        cut.append(part)
    return cut


def _as_items(piece: pd.DataFrame) -> pd.DataFrame:
    """Return the rows as `label` would take them: ids as texts, and whichever of text and image there is."""
    import pandas as pd

    found = items_of(piece)
    columns = {"id": [item.id for item in found], "text": [item.text for item in found]}
    if "image" in piece.columns:
        columns["image"] = [None if item.image is None else str(item.image.resolve()) for item in found]
    return pd.DataFrame(columns)


def _rows(part: Part) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(part.file)


def _answered(store: Store) -> int:
    query = "SELECT count(*) FROM calls WHERE status IN ('ok', 'refused', 'invalid')"
    return store.database.execute(query).fetchone()[0]


def _remarks(store: Store, max_cost: float | None) -> Iterator[str]:
    """Yield what to know about the results."""
    query = f"SELECT c.status, count(*) {CHOSEN} GROUP BY 1"
    counts, folder = dict(store.database.execute(query).fetchall()), str(store.folder)
    if counts.get("skipped for budget"):
        yield (
            f"{counts['skipped for budget']:,} calls were skipped: with them, the cap of ${max_cost} could have been "
            "passed. For more, call label_many() again with a higher max_cost."
        )
    if counts.get("error"):
        yield (
            f"{counts['error']:,} calls failed; the column 'detail' says why. label_many() again, or "
            f"resume({folder!r}, engine), asks again."
        )


# ── Predicting ───────────────────────────────────────────────────────────────────────────


class _Predictor:
    """One worker: a classifier, and part after part."""

    def __init__(self, folder: str, id: str, text: str):
        from workshop_lib.classify import Classifier

        self.classifier, self.id, self.text = Classifier.load(folder), id, text

    def __call__(self, row: dict) -> dict:
        import pandas as pd

        try:
            frame = pd.read_parquet(row["source"])
            probabilities = self.classifier.predict_proba(frame[self.text])  # Shape: (n, k)
        except WorkshopError as error:
            return row | {"problem": _packed(error)}
        labels = self.classifier.labels
        made = pd.DataFrame({self.id: frame[self.id], "label": [labels[i] for i in probabilities.argmax(axis=1)]})
        for place, label in enumerate(labels):
            made[f"p({label})"] = probabilities[:, place]
        draft = Path(f"{row['target']}.{uuid.uuid4().hex[:8]}.draft")
        made.to_parquet(draft, index=False)
        draft.replace(row["target"])  # whole or not at all
        return row | {"problem": ""}


def _saved(classifier: Classifier | str | Path, folder: Path) -> Path:
    """Return the folder of the classifier, saved if need be; it must be the one of earlier predictions."""
    saved = Path(classifier) if isinstance(classifier, str | Path) else folder / "classifier"
    folder.mkdir(parents=True, exist_ok=True)
    if not isinstance(classifier, str | Path):
        draft = folder / f"classifier-{uuid.uuid4().hex[:8]}"
        classifier.save(draft)
        if saved.exists():
            shutil.rmtree(saved)
        draft.replace(saved)
    files = sorted(file for file in saved.glob("*") if file.suffix in (".json", ".safetensors", ".txt"))
    if not files:
        raise MissingFileError(f"There is no classifier in {saved}. Give the folder that classifier.save() wrote.")
    digest = hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()
    note = folder / "predictions.json"
    before = json.loads(note.read_text())["classifier"] if note.exists() else digest
    if before != digest:
        raise SettingError(f"{folder} holds predictions of another classifier. Give a folder of its own to this one.")
    note.write_text(json.dumps({"classifier": digest}))
    return saved.resolve()


def _columns(piece: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    need_columns(piece, names, "the source")
    return piece[names]


# ── Both ─────────────────────────────────────────────────────────────────────────────────


def _packed(error: WorkshopError) -> str:
    """Return an error as a text, for the way back."""
    cause = error.__cause__ if isinstance(error.__cause__, WorkshopError) else error  # without advice for one part
    return json.dumps([type(cause).__name__, str(cause)])


def _raise(row: dict) -> None:
    """Raise the error that a worker met, if any."""
    if row["problem"]:
        name, message = json.loads(row["problem"])
        kinds, found = [WorkshopError], {}
        while kinds:
            kind = kinds.pop()
            found[kind.__name__] = kind
            kinds += kind.__subclasses__()
        more = " What was done is kept: mend that, and make the same call again."
        raise found.get(name, WorkshopError)(message + more)


def _bar(what: str, rows: int, shown: bool) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=rows, desc=what, unit="row", disable=not shown)
