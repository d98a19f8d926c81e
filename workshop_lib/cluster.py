"""Work on several machines with Ray: a table in parts, one function over many items.

Everything here also runs on one machine, where Ray starts by itself. On a cluster the folder that
is given must be one that all machines see. Used in lesson 06.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from workshop_lib.errors import BadInputError, MissingFileError, MissingPackageError

if TYPE_CHECKING:
    import pandas as pd

In = TypeVar("In")
Out = TypeVar("Out")

READ = {".csv": "csv", ".parquet": "parquet", ".jsonl": "json lines"}
CHUNK = 50_000  # rows of a file that are in memory at a time


class Part(NamedTuple):
    """Some consecutive rows of a table, in a Parquet file of their own."""

    number: int
    file: Path
    rows: int
    digest: str  # of the rows: another digest, other rows


def connect() -> Any:
    """Return the package ray, connected to a cluster: RAY_ADDRESS's, or one that starts here.

    Raises:
        MissingPackageError: Ray isn't installed.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingPackageError(
            f"Several machines need Ray with its part for data, which isn't installed ({error}). Run: "
            "pip install 'workshop-lib[scale]', or pip install 'ray[data]'"
        ) from None
    if not ray.is_initialized():
        ray.init(address=os.environ.get("RAY_ADDRESS") or None, log_to_driver=False, include_dashboard=False)
    return ray


def ray_map(
    function: Callable[[In], Out], items: Iterable[In], cpus: float = 1, at_once: int | None = None
) -> Iterator[Out]:
    """Yield function(item) for each item, in the order of the items, computed all over the cluster.

    Work that is lost because a process or a machine dies is done again; so the function should do
    no harm when it runs twice. An error that it raises itself is raised here.

    Args:
        function: must be able to travel: defined in a module, or without a hold on files or locks.
        items: read only as fast as they are worked on.
        cpus: processors that one call needs.
        at_once: calls under way or waiting at a time; None: twice what the cluster can run.

    Raises:
        MissingPackageError: Ray isn't installed.

    Used in lesson 06.
    """
    ray = connect()
    task = ray.remote(num_cpus=cpus, max_retries=-1)(function)
    at_once = at_once or max(2, int(2 * ray.cluster_resources().get("CPU", 1) / max(cpus, 0.01)))
    waiting: list = []
    try:
        for item in items:
            waiting.append(task.remote(item))
            if len(waiting) >= at_once:
                yield _value(ray, waiting.pop(0))
        while waiting:
            yield _value(ray, waiting.pop(0))
    finally:
        for left in waiting:
            ray.cancel(left)


def over_parts(
    worker: type, arguments: dict, rows: Sequence[dict], workers: int, cpus: float = 1, gpus: float = 0
) -> Iterator[dict]:
    """Yield what a worker makes of each row, as it comes, with Ray Data.

    Args:
        worker: a class; made once in each process, then called with row after row, and returns a
            dict. A row whose worker dies goes to another one.
        arguments: what the class is made with.
        rows: small dicts, such as the names of files.
        workers: processes at a time.
        cpus, gpus: what a process needs.
    """
    if workers < 1:
        raise BadInputError(f"workers is {workers}. Give the processes to work at a time, 1 or more.")
    ray = connect()
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.enable_operator_progress_bars = False
    data = ray.data.from_items(list(rows), override_num_blocks=len(rows))
    pool = ray.data.ActorPoolStrategy(size=min(workers, len(rows)), max_tasks_in_flight_per_actor=1)
    made = data.map(worker, fn_constructor_kwargs=arguments, compute=pool, num_cpus=cpus, num_gpus=gpus or None)
    yield from made.iter_rows()


def _value(ray: Any, reference: Any) -> Any:
    """Return a task's result, or raise the error that the function raised."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise (error.cause or error) from None


# ── Tables in parts ──────────────────────────────────────────────────────────────────────


def parts(
    source: pd.DataFrame | str | Path | Sequence[str | Path],
    folder: Path,
    rows: int,
    prepare: Callable[[pd.DataFrame], pd.DataFrame],
) -> Iterator[Part]:
    """Write a table as Parquet files of some rows each, and yield each when it is written.

    Args:
        source: a table, or files: .csv, .parquet, .jsonl. They are read piece by piece.
        folder: where the parts go.
        rows: of each part; the last may have fewer.
        prepare: what becomes of each piece of the table before it is written, such as a choice of columns.

    Raises:
        BadInputError: an unknown kind of file, or no rows.
        MissingFileError: no such file.
    """
    import pandas as pd

    if rows < 1:
        raise BadInputError(f"rows_per_part is {rows}. Give 1 or more.")
    folder.mkdir(parents=True, exist_ok=True)
    held: list[pd.DataFrame] = []
    number = count = 0
    for piece in _pieces(source):
        held.append(prepare(piece))
        count += len(piece)
        while count >= rows:
            table = pd.concat(held)
            yield _write(table.iloc[:rows], folder, number)
            held, count, number = [table.iloc[rows:]], count - rows, number + 1
    if count:
        yield _write(pd.concat(held), folder, number)
    elif not number:
        raise BadInputError("The source has no rows. Check the filter that made it.")


def _pieces(source: Any) -> Iterator[pd.DataFrame]:
    if hasattr(source, "columns"):
        for start in range(0, len(source), CHUNK):
            yield source.iloc[start : start + CHUNK]
        return
    for file in [source] if isinstance(source, str | Path) else source:
        yield from _read(Path(file))


def _read(file: Path) -> Iterator[pd.DataFrame]:
    """Yield a file's rows piece by piece; what stands in a CSV file is taken as text."""
    import pandas as pd

    if file.suffix not in READ:
        raise BadInputError(f"{file} is no {', '.join(READ)} file. Save the table as Parquet: frame.to_parquet(…).")
    if not file.is_file():
        raise MissingFileError(f"There is no file {file}. Check the path.")
    if file.suffix == ".csv":
        yield from pd.read_csv(file, dtype=str, keep_default_na=False, chunksize=CHUNK)
    elif file.suffix == ".jsonl":
        yield from pd.read_json(file, lines=True, chunksize=CHUNK, dtype=False, convert_dates=False)
    else:
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(file) as opened:
            for batch in opened.iter_batches(CHUNK):
                yield batch.to_pandas()


def _write(table: pd.DataFrame, folder: Path, number: int) -> Part:
    import pandas as pd

    table = table.reset_index(drop=True)
    file = folder / f"part-{number:05}.parquet"
    table.to_parquet(file, index=False)
    hashes = pd.util.hash_pandas_object(table.astype(str), index=False)  # Shape: (rows,)
    return Part(number, file, len(table), hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest())
