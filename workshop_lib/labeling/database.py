"""The SQLite file of a run: its tables, transactions, and locks that end with their process.

Used in lesson 06.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workshop_lib.errors import WorkshopError

TABLES = """
CREATE TABLE IF NOT EXISTS run (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (number INTEGER PRIMARY KEY, facts TEXT NOT NULL, alive INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS texts (hash TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ledger (spent REAL NOT NULL, lost REAL NOT NULL, reserved REAL NOT NULL);
INSERT INTO ledger SELECT 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM ledger);
CREATE TABLE IF NOT EXISTS calls (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,          -- SHA-256 over everything that could change the answer
    id TEXT NOT NULL, question TEXT NOT NULL, repeat INTEGER NOT NULL,
    request TEXT NOT NULL,             -- JSON; long parts stand in texts
    prompt_hash TEXT NOT NULL,
    most_input INTEGER NOT NULL,       -- tokens that the request can't exceed
    current INTEGER NOT NULL DEFAULT 1,  -- 0: the item's text or picture has changed since
    status TEXT, answer TEXT, cost REAL, attempts INTEGER NOT NULL DEFAULT 0,
    session INTEGER,                   -- which session stored the answer
    claimed INTEGER, reserved REAL     -- which session is asking now (below 0: a batch), and what it set aside
);
CREATE TABLE IF NOT EXISTS batches (number INTEGER PRIMARY KEY, state TEXT NOT NULL, facts TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_row ON calls (id, question, repeat);
CREATE INDEX IF NOT EXISTS by_claim ON calls (claimed) WHERE claimed IS NOT NULL;
CREATE TEMP TABLE chosen (place INTEGER PRIMARY KEY, number INTEGER UNIQUE)  -- one session's calls, in order
"""


class StoreError(WorkshopError):
    """A run's file can't be written or read."""


class Database:
    """The opened file, with its tables.

    SQLite's write-ahead log keeps it whole when several processes write and when one is killed.

    Args:
        file: made if need be, its folder too.

    Raises:
        StoreError: it can't be opened.
    """

    def __init__(self, file: Path):
        self.file = file
        self._durable: bool | None = None  # what was told last
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _connect(file)
            self.execute, self.executemany = self._connection.execute, self._connection.executemany
            self.execute("PRAGMA journal_mode=WAL")
            self.execute("PRAGMA temp_store=MEMORY")  # so that reading a run needs no room on the disk
            with self.transaction():
                for statement in TABLES.split(";\n"):
                    self.execute(statement)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"The run in {file.parent} can't be opened: {error}. Check that the folder is on a local disk, that "
                "you may write there, and that the disk isn't full."
            ) from error

    @contextmanager
    def transaction(self, durable: bool = False) -> Iterator[None]:
        """Store all changes made inside together or not at all; other processes wait their turn.

        They survive the end of the process; with durable, a power cut too, for some milliseconds.

        Raises:
            StoreError: the disk is full, or another process has held the file for a minute.
        """
        try:
            if durable != self._durable:  # to say it again takes as long as to store an answer
                self.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            self.execute("BEGIN IMMEDIATE")
            yield
            self.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise StoreError(
                    f"The run in {self.file.parent} can't be written: {error}. Make room on the disk, then call "
                    "resume(), or label() again."
                ) from error
            raise

    def close(self) -> None:
        """Close the file; a transaction that wasn't ended is undone."""
        self._connection.close()


class Lock:
    """A lock on a file that ends with this process, however it ends."""

    def __init__(self, file: Path):
        self.file = file
        self._connection = _connect(file)
        self._connection.execute("PRAGMA journal_mode=MEMORY")
        self._connection.execute("BEGIN EXCLUSIVE")

    def end(self) -> None:
        """Let go of the lock and remove its file."""
        self._connection.close()
        self.file.unlink(missing_ok=True)


def is_held(file: Path) -> bool:
    """Return whether a process holds a :class:`Lock` on a file."""
    if not file.exists():
        return False
    connection = _connect(file, timeout=0)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        return False
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()


def _connect(file: Path, timeout: float = 60) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=timeout, isolation_level=None)
