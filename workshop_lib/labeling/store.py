"""A run on disk: every call that is to be made, and every answer that was given.

One folder a run, with an SQLite file. All calls are written down before the first is made; an
answer is stored in the same transaction that marks its call as made. So after a kill at any
moment the file says exactly which calls are missing. Used in lesson 06.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from workshop_lib.errors import BadInputError, MissingFileError, SettingError
from workshop_lib.labeling.budget import Cap, most_input_tokens
from workshop_lib.labeling.database import Database, Lock, StoreError, is_held
from workshop_lib.labeling.identity import cache_key, canonical, difference, refuse_keys, sha256, versions
from workshop_lib.labeling.prompts import prompt_hash
from workshop_lib.labeling.protocol import Answer, Engine, Item, Request

FINAL = ("ok", "refused", "invalid")  # these are never asked again
FILE = "run.sqlite"
COLUMNS = (
    "id", "question", "repeat", "label", "probabilities", "status", "model", "input_tokens", "output_tokens",
    "cost", "seconds", "attempts", "prompt_hash", "cached", "detail",
)  # fmt: skip
CHOSEN = "FROM chosen o CROSS JOIN calls c ON c.number = o.number"
DONE = f"coalesce(c.status, '') IN {FINAL}"
OPEN = f"(c.claimed IS NULL AND NOT {DONE} AND (c.status IS NULL OR c.session < :session))"


class Call(NamedTuple):
    """A call that this session has claimed."""

    number: int
    request: Request
    reserved: float


class Store:
    """The file of one run, opened for one session.

    Several processes may have the same run open: a call is claimed before it is made. A claim ends
    when its process does, since each session holds a lock that ends with the process.

    Args:
        folder: the run's folder; made if need be.
        create: False to raise a MissingFileError if there is no run in it.
    """

    def __init__(self, folder: str | Path, create: bool = True):
        self.folder = Path(folder)
        self.session, self._made_durable = 0, 0.0
        self.attempts = 1  # that the reservation of a call is for
        if not create and not (self.folder / FILE).is_file():
            raise MissingFileError(f"There is no run in {self.folder} (no {FILE}). Give the folder that label() used.")
        self.database = Database(self.folder / FILE)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all claims, without booking them, and close the file."""
        if self.session:
            with suppress(StoreError):  # else the next session lets go of them, as after a kill
                with self.database.transaction(durable=True):
                    self._end_session(self.session, book=False)
            self._lock.end()
            self.session = 0
        self.database.close()

    # What the run is --------------------------------------------------------------------------

    def identify(self, facts: dict, also: dict | None = None) -> None:
        """Store what the run is; raise a SettingError if the folder holds a run with other settings.

        Args:
            facts: everything that must stay the same over the run: codebook, engine, settings, wording.
            also: what may change, such as the cap; the latest is kept.
        """
        refuse_keys(facts)
        with self.database.transaction():
            stored = dict(self.database.execute("SELECT name, value FROM run"))
            for name, value in facts.items():
                text = canonical(value, sort=name != "codebook")  # labels have an order
                old = stored.setdefault(f"facts.{name}", text)
                if old != text:
                    raise SettingError(
                        f"The run in {self.folder} was made with another {name}: "
                        f"{difference(json.loads(old), json.loads(text))}. "
                        "Give another folder for the new run, or the old settings."
                    )
            stored |= {f"also.{name}": canonical(value) for name, value in (also or {}).items()}
            self.database.executemany("INSERT OR REPLACE INTO run VALUES (?, ?)", stored.items())

    def facts(self) -> dict:
        """Return what the run is: codebook, engine, settings, and what may change."""
        rows = self.database.execute("SELECT name, value FROM run")
        return {name.partition(".")[2]: json.loads(value) for name, value in rows}

    def sessions(self) -> list[dict]:
        """Return, for each call of label() or resume(), when it began and with which versions."""
        rows = self.database.execute("SELECT number, facts FROM sessions ORDER BY number")
        return [{"session": number, **json.loads(facts)} for number, facts in rows]

    def begin(self, **facts: object) -> int:
        """Begin a session and let go of what dead ones had claimed; return its number."""
        facts = {"started": datetime.now(UTC).isoformat(timespec="seconds"), "versions": versions(), **facts}
        with self.database.transaction():
            query = "INSERT INTO sessions (facts, alive) VALUES (?, 1)"
            number = self.database.execute(query, (canonical(facts),)).lastrowid
            self._lock = Lock(self._lock_file(number))
            self.session = number
        self.bury_dead()
        return self.session

    # Which calls there are --------------------------------------------------------------------

    def register(self, requests: Iterable[Request], engine: Engine) -> int:
        """Write down all calls of a run in one transaction, and choose them for this session.

        Returns:
            How many calls were chosen; those already answered count too.

        Raises:
            BadInputError: two requests with the same id, question and repeat.
        """
        settings, name, model = engine.settings(), engine.name, engine.model
        count = 0
        with self.database.transaction():
            self.database.execute("DELETE FROM chosen")
            for request in requests:
                number = self._write_down(request, cache_key(request, name, model, settings))
                try:
                    self.database.execute("INSERT INTO chosen VALUES (?, ?)", (count, number))
                except sqlite3.IntegrityError as error:
                    raise _twice(request.item.id) from error
                count += 1
            replaced = self.database.execute(f"SELECT c.id {CHOSEN} WHERE NOT c.current LIMIT 1").fetchone()
            if replaced:  # by another text with the same id, a few rows later
                raise _twice(replaced[0])
        return count

    def _write_down(self, request: Request, key: str) -> int:
        found = self.database.execute("SELECT number, current FROM calls WHERE key = ?", (key,)).fetchone()
        if found and found[1]:
            return found[0]
        row = (request.item.id, request.question, request.repeat)
        # The item has changed since it was asked about: the old answer is kept, but isn't the row's any more.
        self.database.execute("UPDATE calls SET current = 0 WHERE id = ? AND question = ? AND repeat = ?", row)
        if found:
            self.database.execute("UPDATE calls SET current = 1 WHERE number = ?", (found[0],))
            return found[0]
        return self.database.execute(
            "INSERT INTO calls (key, id, question, repeat, request, prompt_hash, most_input) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key, *row, self._packed(request), prompt_hash(request), most_input_tokens(request)),
        ).lastrowid

    def _packed(self, request: Request) -> str:
        """Return a request as JSON with its long parts replaced by their hashes; each is stored once."""
        image = request.item.image
        return canonical(
            {
                "text": self._keep(request.item.text),
                "image": None if image is None else str(image),
                "kind": request.kind,
                "options": self._keep(request.options),
                "messages": [self._keep(message) for message in request.messages],
                "schema": self._keep(request.schema),
            }
        )

    def _unpacked(self, id: str, question: str, repeat: int, packed: str) -> Request:
        parts = json.loads(packed)
        image = None if parts["image"] is None else Path(parts["image"])
        return Request(
            item=Item(id, self._kept(parts["text"]), image),
            question=question,
            kind=parts["kind"],
            options=tuple(self._kept(parts["options"])),
            messages=tuple(self._kept(message) for message in parts["messages"]),
            schema=self._kept(parts["schema"]),
            repeat=repeat,
        )

    def _keep(self, value: object) -> str:
        text = canonical(value, sort=False)
        digest = sha256(text)
        self.database.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (digest, text))
        return digest

    def _kept(self, digest: str) -> object:
        return json.loads(self.database.execute("SELECT body FROM texts WHERE hash = ?", (digest,)).fetchone()[0])

    def choose_all(self) -> int:
        """Choose all calls of the run that were ever written down; return how many."""
        with self.database.transaction():
            self.database.execute("DELETE FROM chosen")
            return self.database.execute(
                "INSERT INTO chosen SELECT row_number() OVER (ORDER BY number) - 1, number FROM calls WHERE current"
            ).rowcount

    # Making calls -----------------------------------------------------------------------------

    def claim(
        self,
        limit: int,
        cap: Cap,
        worst_cost: Callable[[int], float],
        start: int = 0,
        skip: bool = False,
        holder: int | None = None,
    ) -> tuple[list[Call], int]:
        """Claim the next calls that nobody has made or is making, as far as the cap allows.

        Args:
            limit: how many at most.
            cap: takes over the ledger that all processes share, and reserves each call's worst case.
            worst_cost: a function from the most input tokens of a call to its worst cost in US dollars.
            start: the place among the chosen calls to go on from.
            skip: go past calls that the cap doesn't allow, instead of stopping at the first.
            holder: a negative number claims for a batch, which doesn't end with this process.

        Returns:
            The claimed calls, and the place to go on from: -1 after the last.
        """
        query = (
            f"SELECT o.place, c.number, c.id, c.question, c.repeat, c.request, c.most_input {CHOSEN} "
            f"WHERE o.place >= :start AND {OPEN} ORDER BY o.place"
        )
        calls: list[Call] = []
        with self.database.transaction():
            cap.restate(*self.database.execute("SELECT spent + lost, reserved FROM ledger").fetchone())
            found = self.database.execute(query, {"start": start, "session": self.session})
            for place, number, id, question, repeat, packed, most_input in found:
                worst = worst_cost(most_input)
                if cap.reserve(worst):
                    calls.append(Call(number, self._unpacked(id, question, repeat, packed), worst))
                elif not skip:
                    break
                start = place + 1
                if len(calls) == limit:
                    break
            else:
                start = -1
            found.close()
            self.database.executemany(
                "UPDATE calls SET claimed = ?, reserved = ? WHERE number = ?",
                [(holder or self.session, call.reserved, call.number) for call in calls],
            )
            self.database.execute("UPDATE ledger SET reserved = reserved + ?", (sum(call.reserved for call in calls),))
        return calls, start

    def record(self, answers: Iterable[tuple[Call, Answer, float | None]], holder: int | None = None) -> None:
        """Store answers with their costs, and mark their calls as made, in one transaction.

        A kill can't undo it. Once a second the disk is told to write all down for good, so a power
        cut costs the answers of a second at most. Attempts that broke off count as lost, each at its worst.

        Args:
            answers: a claimed call, its answer, and its cost in US dollars (None: unknown).
            holder: as in `claim`.
        """
        durable, by = time.monotonic() - self._made_durable > 1, holder or self.session
        with self.database.transaction(durable):
            for call, answer, cost in answers:
                done = self.database.execute(
                    "UPDATE calls SET status = ?, answer = ?, attempts = attempts + ?, "
                    "cost = CASE WHEN cost IS NULL THEN ? ELSE cost + coalesce(?, 0) END, "
                    "session = ?, claimed = NULL, reserved = NULL WHERE number = ? AND claimed = ?",
                    (answer.status, _body(answer), answer.attempts, cost, cost, self.session, call.number, by),
                )
                if done.rowcount:
                    self.database.execute(
                        "UPDATE ledger SET spent = spent + ?, lost = lost + ?, reserved = max(0, reserved - ?)",
                        (cost or 0.0, answer.unanswered * call.reserved / self.attempts, call.reserved),
                    )
        if durable:
            self._made_durable = time.monotonic()

    def release(self, calls: Iterable[Call], book: bool = False, holder: int | None = None) -> None:
        """Let go of claimed calls that weren't made; with book, count their worst case as lost."""
        with self.database.transaction():
            for call in calls:
                self._let_go("number = ? AND claimed = ?", (call.number, holder or self.session), book)

    def release_all(self, holder: int, book: bool = False) -> int:
        """Let go of all that a batch still holds, inside a transaction; return how many calls that were."""
        return self._let_go("claimed = ?", (holder,), book)

    def held(self, key: str, holder: int) -> Call | None:
        """Return the call with a cache key, if a batch holds it."""
        query = "SELECT number, reserved, id, question, repeat, request FROM calls WHERE key = ? AND claimed = ?"
        found = self.database.execute(query, (key, holder)).fetchone()
        return found and Call(found[0], self._unpacked(*found[2:]), found[1])

    def bury_dead(self) -> int:
        """Let go of the calls of sessions whose process has ended; return how many there were.

        They may have been paid for although no answer came, so their worst case counts as spent.
        """
        alive = [number for (number,) in self.database.execute("SELECT number FROM sessions WHERE alive")]
        ended = [number for number in alive if number != self.session and not is_held(self._lock_file(number))]
        count = 0
        if ended:
            with self.database.transaction():
                count = sum(self._end_session(number, book=True) for number in ended)
            for number in ended:
                self._lock_file(number).unlink(missing_ok=True)
        return count

    def _end_session(self, number: int, book: bool) -> int:
        self.database.execute("UPDATE sessions SET alive = 0 WHERE number = ?", (number,))
        return self._let_go("claimed = ?", (number,), book)

    def _let_go(self, where: str, values: tuple, book: bool) -> int:
        query = f"SELECT count(*), coalesce(sum(reserved), 0) FROM calls WHERE {where}"
        count, reserved = self.database.execute(query, values).fetchone()
        self.database.execute(f"UPDATE calls SET claimed = NULL, reserved = NULL WHERE {where}", values)
        self.database.execute(
            "UPDATE ledger SET reserved = max(0, reserved - ?), lost = lost + ?", (reserved, reserved if book else 0.0)
        )
        return count

    def skip_rest(self) -> int:
        """Give the status "skipped for budget" to all chosen calls without an answer; return how many."""
        with self.database.transaction():
            return self.database.execute(
                "UPDATE calls SET status = 'skipped for budget', session = :session, answer = :answer "
                f"WHERE number IN (SELECT c.number {CHOSEN} WHERE {OPEN} AND c.status IS NOT 'error')",
                {"session": self.session, "answer": _body(Answer(None))},
            ).rowcount

    # How it stands ----------------------------------------------------------------------------

    def progress(self) -> dict[str, int]:
        """Return how many chosen calls are done, failed, open, being made by others, and in a batch."""
        row = self.database.execute(
            f"SELECT coalesce(sum({DONE}), 0) AS final, "
            "coalesce(sum(c.status IN ('refused', 'invalid', 'error')), 0) AS failed, "
            f"coalesce(sum({OPEN}), 0) AS open, "
            "coalesce(sum(c.claimed > 0 AND c.claimed != :session), 0) AS elsewhere, "
            f"coalesce(sum(c.claimed < 0), 0) AS away {CHOSEN}",
            {"session": self.session},
        ).fetchone()
        return dict(zip(("final", "failed", "open", "elsewhere", "away"), row, strict=True))

    def ledger(self) -> dict[str, float]:
        """Return US dollars spent, lost (calls cut off that may have been billed) and reserved."""
        row = self.database.execute("SELECT spent, lost, reserved FROM ledger").fetchone()
        return dict(zip(("spent", "lost", "reserved"), row, strict=True))

    def rows(self) -> Iterator[dict]:
        """Yield the chosen calls that have a status, as rows of the results table, in order."""
        names = ("id", "question", "repeat", "status", "cost", "attempts", "prompt_hash", "cached")
        query = (
            "SELECT c.answer, c.id, c.question, c.repeat, c.status, c.cost, c.attempts, c.prompt_hash, "
            f"c.session != ? {CHOSEN} WHERE c.status IS NOT NULL ORDER BY o.place"
        )
        for answer, *values in self.database.execute(query, (self.session,)):
            row = dict(zip(names, values, strict=True)) | json.loads(answer)
            yield row | {"cached": bool(row["cached"])}

    def prompts(self) -> Iterator[tuple[str, Request]]:
        """Yield the prompt hash and the request of each chosen call, exactly as it is sent, in order."""
        query = f"SELECT c.prompt_hash, c.id, c.question, c.repeat, c.request {CHOSEN} ORDER BY o.place"
        for hash, *parts in self.database.execute(query):
            yield hash, self._unpacked(*parts)

    def _lock_file(self, session: int) -> Path:
        return self.folder / f"session-{session}.lock"


def _twice(id: str) -> BadInputError:
    return BadInputError(f"The id '{id}' occurs twice. Give each row of the table an id of its own.")


def _body(answer: Answer) -> str:
    """Return an answer as JSON, without what has a column of its own.

    In ASCII: a model may break off in the middle of an emoji, and half a character can't be stored.
    """
    kept = {name: value for name, value in answer._asdict().items() if name not in ("status", "attempts", "unanswered")}
    return json.dumps(json.loads(canonical(kept, sort=False)))
