"""The hosted Batch API: the same calls at half the price, within a day instead of at once.

:func:`submit` writes a run's calls into files and hands them over, :func:`poll` says how they
stand, :func:`collect` stores the answers in the run's folder, where `label` would have stored
them, and :func:`resume` goes on after anything. Each step is written down before it is made and
after, so that nothing is handed over twice. Used in lesson 06.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workshop_lib.errors import BadInputError
from workshop_lib.labeling import runs
from workshop_lib.labeling.batch_api import ENDED, BatchError
from workshop_lib.labeling.batch_desk import Desk
from workshop_lib.labeling.database import Lock, is_held
from workshop_lib.labeling.engines.chat import Chat
from workshop_lib.labeling.protocol import Engine
from workshop_lib.labeling.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from workshop_lib.labeling import prompts
    from workshop_lib.labeling.codebook import Codebook

__all__ = ["BatchError", "collect", "poll", "resume", "submit", "wait"]
AS_BEFORE: Any = runs.AS_BEFORE


def submit(
    codebook: Codebook,
    frame: pd.DataFrame,
    engine: Chat,
    folder: str | Path,
    max_cost: float | None = None,
    yes: bool = False,
    shots: prompts.Shots | None = None,
    order_seed: int | None = None,
    wording: int = 0,
    repeats: int = 1,
    price: tuple[float, float] | None = None,
    queue_tokens: float = math.inf,
    ask: Callable[[str], str] = input,
) -> pd.DataFrame | None:
    """Show what a run costs as batches, and after a typed "yes" hand it over.

    The folder is an ordinary run's: answers that `label` or `pilot` stored in it aren't asked for
    again. A pilot first is worth its price: it measures the tokens, and shows whether the model
    takes the schema.

    Args:
        codebook, frame, engine, folder: as in `label`; the engine is a ``Chat``.
        max_cost: US dollars that the run never passes, whatever was paid in the folder included.
        yes: True hands over without a question.
        shots, order_seed, wording, repeats: as in `label`.
        price: list price in dollars per million input and output tokens; half of it is reckoned with.
        queue_tokens: input tokens that may wait at the provider at a time (the limits page of your
            account); what is above it stays here, and `resume` hands it over later.
        ask: shows a question and returns what was typed.

    Returns:
        The table of batches, as `poll` returns it; None if the answer wasn't "yes".

    Raises:
        SettingError: the folder holds a run with other settings.
        BadInputError: the engine isn't a Chat, the cap can't be kept, or the folder is in use.
        StopRun: the key isn't accepted, there is no credit, or no such model or address.
        BatchError: the provider didn't take a file or a batch.

    Used in lesson 06.
    """
    _check_engine(engine)
    runs.checked_meter(engine, max_cost, 1, price)
    if not queue_tokens > 0:
        raise BadInputError(f"queue_tokens is {queue_tokens}. Give the input tokens that may wait at a time, above 0.")
    requests, facts, also = runs.drafted(codebook, frame, engine, shots, order_seed, wording, repeats)
    settings = {"max_cost": max_cost, "concurrency": 1, "price": price, "repeats": repeats}
    with Store(folder) as store, _alone(store):
        store.identify(facts, also | settings | {"queue_tokens": queue_tokens})
        store.begin(verb="batch.submit", max_cost=max_cost)
        store.register(requests, engine)
        return Desk(store, engine).hand_over(yes, ask)


def poll(folder: str | Path, engine: Chat) -> pd.DataFrame:
    """Ask how the batches of a run stand, which costs nothing.

    Returns:
        One row a batch: batch, calls, state (of this side: building, built, uploading, uploaded,
        sending, sent, back, failed), status (as the provider calls it), completed, failed (calls,
        as far as the provider says), id, wrong (what the provider found wrong with it).

    Used in lesson 06.
    """
    _check_engine(engine)
    with Store(folder, create=False) as store:
        return Desk(store, engine).poll()


def collect(folder: str | Path, engine: Chat, delete: bool = False) -> pd.DataFrame:
    """Store the answers of all batches that have ended, and return the run's results.

    A line that failed is an error of its row, as in `label`; lines that were never worked on
    because the day was over are open again. Interrupted, it goes on where it was.

    Args:
        folder: the run's folder.
        engine: the same engine with the same settings.
        delete: delete the files at the provider once their answers are stored here.

    Returns:
        The results table that the run has so far, as `label` returns it; costs at half price.

    Raises:
        BatchError: a file can't be read now. What was stored stays.

    Used in lesson 06.
    """
    _check_engine(engine)
    with Store(folder, create=False) as store, _alone(store):
        desk = Desk.again(store, engine, "batch.collect")
        desk.collect(delete)
        return desk.results()


def resume(
    folder: str | Path,
    engine: Chat,
    max_cost: float | None = AS_BEFORE,
    yes: bool = False,
    ask: Callable[[str], str] = input,
) -> pd.DataFrame:
    """Go on after an interruption: finish what was agreed on, collect, and offer what is still open.

    A batch that was being handed over when the process ended is looked for at the provider first.
    Open calls (failed, expired, or not handed over yet) are handed over after another "yes".

    Args:
        folder: the run's folder.
        engine: the same engine with the same settings.
        max_cost: a new cap in US dollars for the whole run; left out: the run's own.
        yes: True hands over without a question.
        ask: as in `submit`.

    Returns:
        The results table that the run has so far.

    Used in lesson 06.
    """
    _check_engine(engine)
    with Store(folder, create=False) as store, _alone(store):
        desk = Desk.again(store, engine, "batch.resume", max_cost)
        desk.finish()
        desk.collect()
        desk.hand_over(yes, ask)
        return desk.results()


def wait(folder: str | Path, engine: Chat, every: float = 300, yes: bool = False) -> pd.DataFrame:
    """Wait until all batches are back, and return the results; Ctrl-C leaves them with the provider.

    Args:
        folder, engine: as in `resume`.
        every: seconds between two looks.
        yes: True also hands over what had to wait (``queue_tokens``), once there is room. Calls
            that failed are left to `resume`.

    Used in lesson 06.
    """
    _check_engine(engine)
    while True:
        with Store(folder, create=False) as store:
            store.choose_all()
            desk = Desk(store, engine)
            seen = desk.poll()
            failed, ended = seen["state"].eq("failed").any(), seen["status"].isin(ENDED) & seen["state"].eq("sent")
            room = yes and not failed and desk.has_room() and desk.open_calls("c.status IS NULL") > 0
            cut_off, under_way = desk.cut_off(), desk.under_way()
        if room or cut_off:
            resume(folder, engine, yes=bool(room), ask=lambda _: "")
        elif ended.any() or not under_way:
            results = collect(folder, engine)
            if not under_way:
                return results
        time.sleep(every if under_way else 0)


def _check_engine(engine: Engine) -> None:
    if not isinstance(engine, Chat):
        raise BadInputError(
            f"The engine is a {type(engine).__name__}. The Batch API answers chat completions: give a Chat, such as "
            'Chat("gpt-4.1-mini").'
        )


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """Keep other processes from handing over or collecting meanwhile."""
    file = store.folder / "batch.lock"
    try:
        if is_held(file):
            raise sqlite3.OperationalError("locked")
        lock = Lock(file)
    except sqlite3.OperationalError:
        raise BadInputError(
            f"Another process is handing over or collecting the batches of {store.folder}. Wait until it has ended."
        ) from None
    try:
        yield
    finally:
        lock.end()
