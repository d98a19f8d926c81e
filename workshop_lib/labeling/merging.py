"""Parts of a run in folders of their own, and their way back into the run.

A part begins with what the run knows of its rows; what was added comes back in one transaction,
once. Used in lesson 06.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workshop_lib.errors import BadInputError
from workshop_lib.labeling.database import is_held
from workshop_lib.labeling.store import FILE, Store

PATIENCE = 30.0  # seconds until a process that was stopped has ended
COLUMNS = "key, id, question, repeat, request, prompt_hash, most_input, current, status, answer, cost, attempts"


def lend(store: Store, folder: Path, ids: Iterable[str]) -> int:
    """Write what a run knows of some items into the folder of a part; return how many calls that are.

    Args:
        store: the run.
        folder: the part's, new; it is made only if the run knows something.
        ids: of the part's items.
    """
    ids = json.dumps(list(ids))
    known = "id IN (SELECT value FROM json_each(?))"
    if store.database.execute(f"SELECT 1 FROM calls WHERE {known} LIMIT 1", (ids,)).fetchone() is None:
        return 0
    Store(folder).close()
    with _attached(store, folder) as execute:
        skipped = "status = 'skipped for budget'"
        count = execute(
            f"INSERT INTO part.calls ({COLUMNS}, session) SELECT key, id, question, repeat, request, prompt_hash, "
            f"most_input, current, iif({skipped}, NULL, status), iif({skipped}, NULL, answer), cost, attempts, 0 "
            f"FROM main.calls WHERE claimed IS NULL AND {known}",
            (ids,),
        ).rowcount
        execute(
            "INSERT OR IGNORE INTO part.texts SELECT hash, body FROM main.texts WHERE hash IN (SELECT tree.atom FROM "
            "part.calls, json_tree(part.calls.request) AS tree WHERE coalesce(part.calls.status, 'error') = 'error')"
        )
    return count


def take_back(store: Store, folder: Path) -> None:
    """Add a part's answers and what it spent to its run; a second time does nothing.

    Args:
        store: the run, in a session.
        folder: the part's. One that was cut off while its process lived is taken back too.

    Raises:
        BadInputError: a process is still working on it.
    """
    if not (folder / FILE).is_file():
        return
    until = time.monotonic() + PATIENCE
    while any(is_held(lock) for lock in folder.glob("*.lock")):
        if time.monotonic() > until:
            raise BadInputError(f"A process is still working in {folder}. Wait until it has ended; call again.")
        time.sleep(0.2)
    with Store(folder) as part:
        part.begin(verb="take back")  # books what may have been sent without an answer
    values = {"session": store.session, "mark": f"part.{folder.name}"}
    with _attached(store, folder) as execute:
        fresh = execute("INSERT OR IGNORE INTO main.run VALUES (:mark, '1')", values).rowcount
        if fresh:
            execute("INSERT OR IGNORE INTO main.texts SELECT hash, body FROM part.texts")
            execute(
                f"INSERT INTO main.calls ({COLUMNS}, session) SELECT {COLUMNS}, iif(session > 0, :session, 0) "
                "FROM part.calls WHERE TRUE ON CONFLICT (key) DO UPDATE SET status = excluded.status, "
                "answer = excluded.answer, cost = excluded.cost, attempts = excluded.attempts, "
                "current = excluded.current, "
                "session = iif(excluded.session > 0, excluded.session, main.calls.session)",
                values,
            )
            execute(
                "UPDATE main.ledger SET spent = spent + (SELECT spent FROM part.ledger), "
                "lost = lost + (SELECT lost FROM part.ledger)"
            )


def forget(store: Store) -> None:
    """Forget which parts came back, once their folders are gone."""
    with store.database.transaction():
        store.database.execute("DELETE FROM run WHERE name LIKE 'part.%'")


def refuse_batches(store: Store) -> None:
    """Raise a BadInputError if calls are with the Batch API: parts don't know of them and would ask again."""
    away = store.database.execute("SELECT count(*) FROM calls WHERE claimed < 0").fetchone()[0]
    if away:
        raise BadInputError(
            f"{away:,} calls of the run in {store.folder} are with the Batch API. Take them back first: "
            "batch.wait(folder, engine)."
        )


def choose(store: Store, ids: Iterable[str]) -> int:
    """Choose all calls about some items, in the order of items, questions and repeats; return how many."""
    questions = list(store.facts()["codebook"]["questions"])
    with store.database.transaction():
        execute, many = store.database.execute, store.database.executemany
        execute("CREATE TEMP TABLE IF NOT EXISTS wanted (place INTEGER PRIMARY KEY, id TEXT UNIQUE)")
        execute("CREATE TEMP TABLE IF NOT EXISTS asked (place INTEGER PRIMARY KEY, name TEXT UNIQUE)")
        for name in ("wanted", "asked", "chosen"):
            execute(f"DELETE FROM {name}")
        many("INSERT INTO wanted (id) VALUES (?)", ((id,) for id in ids))
        many("INSERT INTO asked (name) VALUES (?)", ((name,) for name in questions))
        return execute(
            "INSERT INTO chosen SELECT row_number() OVER (ORDER BY w.place, a.place, c.repeat) - 1, c.number "
            "FROM wanted w JOIN calls c ON c.id = w.id JOIN asked a ON a.name = c.question WHERE c.current"
        ).rowcount


def skipped(store: Store, ids: Iterable[str]) -> bool:
    """Return whether the cap left a call about some items out."""
    of_these = "id IN (SELECT value FROM json_each(?))"
    query = f"SELECT 1 FROM calls WHERE current AND status = 'skipped for budget' AND {of_these} LIMIT 1"
    return store.database.execute(query, (json.dumps(list(ids)),)).fetchone() is not None


@contextmanager
def _attached(store: Store, folder: Path) -> Iterator:
    """Open a part's file beside the run's, in one transaction."""
    store.database.execute("ATTACH ? AS part", (str(folder / FILE),))
    try:
        with store.database.transaction(durable=True):
            yield store.database.execute
    finally:
        store.database.execute("DETACH part")
