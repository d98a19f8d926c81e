"""Asking a chat model and keeping what it answered: nothing is asked twice, the cap never passed.

The folder is the same kind as a labelling run's: each call is written down before it is made, each
answer is stored as it comes, and :func:`workshop_lib.labeling.read_results` reads it.
Used in lesson 07.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from workshop_lib.abm.chat import answer_of
from workshop_lib.errors import BadInputError, MissingPackageError, WorkshopError
from workshop_lib.labeling.budget import Cap, Meter, check_cap, output_limit
from workshop_lib.labeling.database import StoreError
from workshop_lib.labeling.protocol import Answer, Engine, Request, StopRun
from workshop_lib.labeling.store import FINAL, Call, Store

AT_ONCE = 8  # calls to a hosted model under way at a time
PATIENCE = 600.0  # seconds to wait for room on a full disk
RETRY = 0.5  # seconds between two attempts to write
Key = tuple[str, str, int]


class CapReached(WorkshopError):
    """The next call could have passed the cap, so it wasn't made."""


class Asker:
    """Asks an engine and keeps every answer in a folder; what was answered isn't asked again.

    A call that failed isn't asked again either: the simulation went on without it, and would
    take another course with it. ``ask_again=True`` forgets failures of earlier sessions.

    Args:
        folder: where the answers are kept.
        engine: who is asked.
        facts: what else must stay the same in this folder.
        max_cost: US dollars that all sessions together never pass; None for no cap.
        price: dollars per million input and output tokens, instead of the price list's.
        concurrency: calls under way at a time; None: 1 on this machine, 8 elsewhere.
        ask_again: whether calls that failed earlier are made again.

    Raises:
        BadInputError: the cap can't be kept, or a number makes no sense.
    """

    def __init__(
        self, folder: str | Path, engine: Engine, facts: dict, max_cost: float | None = None,
        price: tuple[float, float] | None = None, concurrency: int | None = None,
        ask_again: bool = False,
    ) -> None:  # fmt: skip
        if concurrency is not None and concurrency < 1:
            raise BadInputError(
                f"concurrency is {concurrency}. Give the calls to make at a time, 1 or more."
            )
        self.folder, self.engine, self.ask_again = Path(folder), engine, ask_again
        self.concurrency = concurrency or (1 if engine.local else AT_ONCE)
        self.facts = facts | {
            "engine": engine.name,
            "model": engine.model,
            "settings": engine.settings(),
        }
        self.also = {"max_cost": max_cost, "price": price}
        meter = Meter(engine, price)
        check_cap(engine, meter, max_cost)
        try:
            meter.cost(1, 1)
            self._cost = meter.cost
        except MissingPackageError:  # without a cap, no price is needed
            self._cost = lambda *_: None
        self._most_output = output_limit(engine) or 0
        self.store: Store | None = None

    @contextmanager
    def session(self) -> Iterator[Store]:
        """Open the folder, check that it holds this simulation, and close it in the end.

        Raises:
            SettingError: the folder holds something made with other settings.
        """
        if self.store is not None:  # within a session
            yield self.store
            return
        with Store(self.folder) as store:
            store.identify(self.facts, self.also)
            store.begin(verb="abm", **self.also)
            self.store = store
            try:
                yield store
            finally:
                self.store = None

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Return the answer to each request; must be called within a session.

        Args:
            requests: each with an id and question of its own.

        Raises:
            CapReached: not all calls fit under the cap; those that did are kept.
            StopRun: no further call can succeed.
        """
        kept = self._kept(requests)
        while missing := [request for request in requests if key_of(request) not in kept]:
            self.store.register(missing, self.engine)
            calls, _ = self.store.claim(len(missing), Cap(self.also["max_cost"]), self._worst)
            if calls:
                self._make(calls)  # what they cost less than at worst makes room for others
            elif self.store.progress()["elsewhere"]:
                time.sleep(RETRY)  # another process is at it
                self.store.bury_dead()  # if it has died, its calls are ours
            else:
                raise self._too_dear(len(missing))
            kept |= self._kept(missing)
        return [kept[key_of(request)] for request in requests]

    def _kept(self, requests: Sequence[Request]) -> dict[Key, Answer]:
        """Return the answers that the folder has."""
        self.store.register(requests, self.engine)
        found = {}
        for row in self.store.rows():
            failed = row["status"] == "error" and not (self.ask_again and row["cached"])
            if row["status"] in FINAL or failed:
                key = (row["id"], row["question"], row["repeat"])
                found[key] = Answer(**{name: row[name] for name in Answer._fields if name in row})
        return found

    def _make(self, calls: Sequence[Call]) -> None:
        """Make calls and store each answer as it comes; what wasn't made is let go of."""
        open_calls = {call.number: call for call in calls}
        sent: dict[int, Call] = {}  # without an answer so far

        def keep(call: Call, answer: Answer) -> None:
            cost = self._cost(answer.input_tokens, answer.output_tokens)
            patiently(self.store.record, [(call, answer, cost)])
            open_calls.pop(call.number, None)
            sent.pop(call.number, None)

        try:
            if self.concurrency == 1 or len(calls) == 1:
                for call in calls:
                    sent[call.number] = call
                    keep(call, self._asked(call, sent))
            else:
                self._make_at_once(calls, sent, keep)
        finally:
            self.store.release(sent.values(), book=True)  # sent, perhaps billed, never answered
            self.store.release([call for call in open_calls.values() if call.number not in sent])

    def _asked(self, call: Call, sent: dict[int, Call]) -> Answer:
        try:
            return answer_of(self.engine, call.request)
        except StopRun:
            sent.pop(call.number)  # turned down, so not billed
            raise

    def _make_at_once(self, calls: Sequence[Call], sent: dict[int, Call], keep) -> None:
        """Make several calls at a time; an answer under way is waited for, since it is paid for."""
        futures: dict[Future, Call] = {}
        with ThreadPoolExecutor(self.concurrency) as pool:
            try:
                for call in calls:
                    sent[call.number] = call
                    futures[pool.submit(self._asked, call, sent)] = call
                for future in as_completed(list(futures)):
                    keep(futures[future], future.result())
                    del futures[future]
            except BaseException:
                for future, call in futures.items():
                    if future.cancel():
                        sent.pop(call.number, None)
                raise
            finally:
                pool.shutdown(wait=True)
                for future, call in futures.items():
                    if future.done() and not future.cancelled() and future.exception() is None:
                        keep(call, future.result())

    def _worst(self, most_input: int) -> float:
        return self._cost(most_input, self._most_output) or 0.0

    def _too_dear(self, count: int) -> CapReached:
        self.store.skip_rest()
        ledger = self.store.ledger()
        spent = ledger["spent"] + ledger["lost"]
        return CapReached(
            f"The cap of ${self.also['max_cost']} is reached: ${spent:.4f} is spent, and the next "
            f"of {count} calls could pass it. All answers so far are kept in {self.folder}."
        )


def patiently(action: Callable, *arguments: object) -> None:
    """Store what was paid for; if the folder can't be written, keep on trying for a while."""
    until, told = time.monotonic() + PATIENCE, False
    while True:
        try:
            action(*arguments)
            return
        except StoreError as error:
            if time.monotonic() > until:
                raise
            if not told:
                print(f"{error} Trying again for {PATIENCE / 60:g} minutes …")
                told = True
            time.sleep(RETRY)


def key_of(request: Request) -> Key:
    """Return what tells a call from all others in a folder."""
    return (request.item.id, request.question, request.repeat)
