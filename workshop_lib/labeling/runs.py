"""Make a run, and go on with it.

Nothing is sent before it is written down, no answer that was paid for is asked again, and a
failure is a status, never a label. Used in lesson 06.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workshop_lib.errors import BadInputError, MissingPackageError
from workshop_lib.labeling import prompts
from workshop_lib.labeling.budget import Cap, Meter, PriceWarning, check_cap, output_limit
from workshop_lib.labeling.codebook import Choice, Codebook, Scale, Tags
from workshop_lib.labeling.plans import Plan, items_of, pilot, plan
from workshop_lib.labeling.privacy import scrub
from workshop_lib.labeling.progress import Bar, interrupts
from workshop_lib.labeling.protocol import STATUSES, Answer, Engine, Request, StopRun
from workshop_lib.labeling.results import compare, read_results, table, vote
from workshop_lib.labeling.store import Call, Store, StoreError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Plan", "compare", "label", "pilot", "plan", "read_results", "resume", "vote"]
GRACE = 10.0  # seconds to wait for answers under way after the run was stopped
PATIENCE = 600.0  # seconds to wait for room on a full disk
RETRY = 0.5  # seconds between two attempts to write
AS_BEFORE: Any = object()


def label(
    codebook: Codebook,
    frame: pd.DataFrame,
    engine: Engine,
    folder: str | Path,
    max_cost: float | None = None,
    concurrency: int = 8,
    shots: prompts.Shots | None = None,
    order_seed: int | None = None,
    wording: int = 0,
    repeats: int = 1,
    progress: bool = True,
    price: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Ask an engine every question about every row, and return one row an answer.

    All calls are written into the folder first; each answer is stored as it comes. Answers that
    the folder has are taken from it. After an interruption, call `resume`, or `label` again.

    Args:
        codebook: what is asked.
        frame: one row an item: "id", and "text", "image" or both.
        engine: who is asked.
        folder: the run's folder; one for each codebook, engine and way of asking.
        max_cost: US dollars that the run never passes, earlier sessions in the folder included.
        concurrency: calls under way at a time.
        shots: examples in the prompt; see `prompts`.
        order_seed: shuffles the options; None: the codebook's order.
        wording: which wording of the prompt.
        repeats: how often each question is asked; see `vote`.
        progress: whether to show a bar.
        price: dollars per million input and output tokens, instead of the price list's.

    Returns:
        The results table: id, question, repeat, label (None unless the status is "ok"),
        probabilities, status, model, input_tokens, output_tokens, cost (US dollars, all attempts),
        seconds, attempts, prompt_hash, cached (True: not asked for just now), detail.

    Raises:
        SettingError: the folder holds a run with other settings.
        BadInputError: the cap can't be kept, an id occurs twice, or a number makes no sense.
        StopRun: no further call can succeed. Everything so far is kept.

    Used in lesson 06.
    """
    meter = checked_meter(engine, max_cost, concurrency, price)
    requests, facts, also = drafted(codebook, frame, engine, shots, order_seed, wording, repeats)
    settings = {"max_cost": max_cost, "concurrency": concurrency, "price": price, "repeats": repeats}
    with Store(folder) as store:
        store.identify(facts, also | settings)
        store.begin(verb="label", **settings)
        store.register(requests, engine)
        return _Session(store, codebook, engine, meter, Cap(max_cost), concurrency).run(progress)


def resume(
    folder: str | Path,
    engine: Engine,
    max_cost: float | None = AS_BEFORE,
    concurrency: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Make exactly the calls that a run still lacks, and return all its results.

    Answers that are ok, refused or invalid stay; errors and calls skipped for the budget are
    asked again.

    Args:
        folder: the run's folder.
        engine: the same engine with the same settings.
        max_cost: a new cap in US dollars for the whole run; left out: the run's own.
        concurrency: calls under way at a time; left out: as before.
        progress: whether to show a bar.

    Raises:
        MissingFileError: there is no run in the folder.
        SettingError: the engine or one of its settings is another.

    Used in lesson 06.
    """
    with Store(folder, create=False) as store:
        if not store.choose_all():
            raise BadInputError(f"The run in {folder} was stopped before its calls were written. Call label() again.")
        facts = store.facts()
        also = {
            "max_cost": facts["max_cost"] if max_cost is AS_BEFORE else max_cost,
            "concurrency": facts["concurrency"] if concurrency is None else concurrency,
            "price": facts["price"] and tuple(facts["price"]),
        }
        meter = checked_meter(engine, **also)
        store.identify(engine_facts(engine), also)
        store.begin(verb="resume", **also)
        codebook = Codebook.from_yaml(facts["codebook_yaml"])
        return _Session(store, codebook, engine, meter, Cap(also["max_cost"]), also["concurrency"]).run(progress)


def checked_meter(engine: Engine, max_cost: float | None, concurrency: int, price: tuple | None) -> Meter:
    """Return the meter of an engine, or raise an error if the cap can't be kept."""
    if concurrency < 1:
        raise BadInputError(f"concurrency is {concurrency}. Give the calls to make at a time, 1 or more.")
    meter = Meter(engine, price)
    check_cap(engine, meter, max_cost)
    return meter


def drafted(
    codebook: Codebook, frame: pd.DataFrame, engine: Engine, shots: prompts.Shots | None, order_seed: int | None,
    wording: int, repeats: int,
) -> tuple[Iterator[Request], dict, dict]:  # fmt: skip
    """Return a run's requests, the facts that must stay the same in its folder, and facts that may change."""
    requests = prompts.stream(codebook, items_of(frame), shots, order_seed, wording, repeats)
    requests = itertools.chain([next(requests)], requests)  # a mistake in the shots shows before anything is written
    facts = {"codebook": codebook, "shots": shots, "order_seed": order_seed, "wording": wording}
    return requests, facts | engine_facts(engine), {"codebook_yaml": codebook.to_yaml(), "local": engine.local}


def engine_facts(engine: Engine) -> dict:
    """Return what identifies an engine in a run's folder."""
    return {"engine": engine.name, "model": engine.model, "settings": engine.settings()}


def checked_answer(answer: Answer, question: Choice | Tags | Scale) -> Answer:
    """Return an answer that can't carry a wrong label: an illegal one becomes the status "invalid".

    >>> checked_answer(Answer("War!"), Choice(["war", "peace"]))[:2]
    (None, 'invalid')
    """
    if answer.status not in STATUSES:
        detail = f"The engine gave the status {answer.status!r}, which doesn't exist. {answer.detail}"
        return answer._replace(label=None, status="error", detail=detail)
    if answer.status != "ok":
        return answer._replace(label=None)
    try:
        return answer._replace(label=question.check(answer.label))
    except BadInputError:
        detail = f"Not one of the labels: {answer.label!r}. {answer.detail}".strip()
        return answer._replace(label=None, status="invalid", detail=detail)


class _Session:
    """One call of label() or resume(): threads ask, this thread claims and stores."""

    def __init__(self, store: Store, codebook: Codebook, engine: Engine, meter: Meter, cap: Cap, concurrency: int):
        self.store, self.questions, self.engine, self.cap = store, codebook.questions, engine, cap
        self.concurrency = concurrency
        self.most_output = output_limit(engine) or 0
        self.store.attempts = getattr(engine, "most_attempts", 1)
        try:
            self.cost, self.cautions = meter.cost, [] if engine.local else meter.cautions()
        except MissingPackageError as error:  # a run without a cap needs no prices
            self.cost, self.cautions = lambda *_: None, [f"The cost column stays empty. {error}"]
        self.flying: dict[int, Call] = {}
        self.unsaved: list[tuple[Call, Answer, float | None]] = []
        self.asked: queue.SimpleQueue = queue.SimpleQueue()
        self.answered: queue.SimpleQueue = queue.SimpleQueue()
        self.saved = threading.Semaphore(0)
        self.stopped = threading.Event()
        self.problem: BaseException | None = None
        self.threads = 0

    def run(self, progress: bool) -> pd.DataFrame:
        """Make all open calls of the chosen ones and return the results."""
        for text in self.cautions:
            warnings.warn(text, PriceWarning, stacklevel=3)
        with Bar(self.store, progress) as bar, interrupts(self.stopped) as pressed:
            try:
                self._make_calls(bar)
            except KeyboardInterrupt:  # the second
                pass
            finally:
                self._let_go(bar)
        if pressed:
            print(f"Stopped. {self._standing()}")
            raise KeyboardInterrupt(f"Stopped. {self._standing()}")
        if isinstance(self.problem, StopRun):
            raise StopRun(f"{self.problem} {self._standing()}") from self.problem
        if self.problem is not None:
            raise self.problem
        skipped = 0 if self.cap.max_cost is None else self._patiently(self.store.skip_rest)
        results = table(self.store)
        for text in self._remarks(results, skipped):
            warnings.warn(text, stacklevel=3)
        return results

    def _make_calls(self, bar: Bar) -> None:
        place, found = 0, False  # where to go on claiming, -1 after the last call; whether there were any since 0
        deadline = None
        while True:
            if self.stopped.is_set():
                deadline = deadline or time.monotonic() + GRACE
                if not self.flying or self.problem is not None and time.monotonic() > deadline:
                    return
            elif place >= 0:
                room = 2 * self.concurrency - len(self.flying)  # twice, so that no thread waits for the disk
                if room >= max(1, self.concurrency // 2):
                    skip = not self.flying
                    calls, place = self._patiently(self.store.claim, room, self.cap, self._worst_cost, place, skip)
                    found = found or bool(calls)
                    self._send(calls)
            elif not self.flying:
                if not self._open_again(found):
                    return
                place, found = 0, False
            if self.flying:
                self._collect(bar)

    def _open_again(self, found: bool) -> bool:
        """Return whether there may be calls to claim once more, after waiting for other processes."""
        began = time.monotonic()
        state = self.store.progress()
        if state["elsewhere"]:  # another process is at it; if it dies, its calls are ours
            time.sleep(max(0.2, 5 * (time.monotonic() - began)))
            self.store.bury_dead()
        return bool(state["elsewhere"] or state["open"] and found)

    def _worst_cost(self, most_input: int) -> float:
        return self.store.attempts * (self.cost(most_input, self.most_output) or 0.0)

    def _send(self, calls: list[Call]) -> None:
        for call in calls:
            self.flying[call.number] = call
            self.asked.put(call)
        while self.threads < min(self.concurrency, len(self.flying)):
            threading.Thread(target=self._work, name=f"labelling-{self.threads}", daemon=True).start()
            self.threads += 1

    def _work(self) -> None:
        while (call := self.asked.get()) is not None:
            answer = problem = None
            if self.stopped.is_set():
                self.answered.put((call, answer, problem))
                continue
            started = time.monotonic()
            try:
                answer = checked_answer(self.engine.ask(call.request), self.questions[call.request.question])
            except StopRun as error:
                problem = error
            except Exception as error:
                detail = scrub(f"{type(error).__name__}: {error}")[:500]
                answer = Answer(None, "error", seconds=time.monotonic() - started, detail=detail)
            except BaseException as error:  # such as sys.exit()
                problem = error
            if problem is not None:
                self.stopped.set()
            self.answered.put((call, answer, problem))
            self.saved.acquire()  # so that a kill can't lose more answers than there are threads

    def _collect(self, bar: Bar, seconds: float = 0.25) -> None:
        """Wait for answers, and store all that have come in one transaction."""
        come = []
        with contextlib.suppress(queue.Empty):
            come.append(self.answered.get(timeout=seconds))
            while True:
                come.append(self.answered.get_nowait())
        for call, answer, problem in come:
            self.problem = self.problem or problem
            if answer is not None:
                self.unsaved.append((call, answer, self.cost(answer.input_tokens, answer.output_tokens)))
        stored = self.unsaved
        if stored:
            self._patiently(self.store.record, stored)
            self.unsaved = []
        if come:
            self.saved.release(len(come))
        not_asked = [call for call, answer, _ in come if answer is None]
        if not_asked:
            self._patiently(self.store.release, not_asked)
        for call, _, _ in come:
            self.flying.pop(call.number, None)
        bar.step(len(stored), sum(answer.status != "ok" for _, answer, _ in stored))

    def _patiently(self, action: Callable, *arguments: Any) -> Any:
        """Do something with the file; if the disk is full, keep all in memory and wait for room."""
        until, told = time.monotonic() + PATIENCE, False
        while True:
            try:
                return action(*arguments)
            except StoreError as error:
                if time.monotonic() > until or self.stopped.is_set() and told:
                    self.stopped.set()
                    raise StoreError(f"{error} {len(self.unsaved)} answers are lost.") from error
                if not told:
                    print(f"{error} Trying again; until then, {len(self.unsaved)} answers are kept in memory …")
                    told = True
                time.sleep(RETRY)

    def _let_go(self, bar: Bar) -> None:
        """Store what is left, and book what may have been sent without an answer."""
        self.stopped.set()
        for _ in range(self.threads):
            self.asked.put(None)
            self.saved.release()
        if self.flying or self.unsaved:
            self._collect(bar, seconds=0.01)
            self.store.release(self.flying.values(), book=True)

    def _standing(self) -> str:
        state, folder = self.store.progress(), str(self.store.folder)
        return (
            f"{state['final']:,} answers are kept in {folder}; {state['open']:,} calls are missing. "
            f"Go on with: resume({folder!r}, engine)"
        )

    def _remarks(self, results: pd.DataFrame, skipped: int) -> Iterator[str]:
        folder = str(self.store.folder)
        if skipped:
            yield (
                f"{skipped:,} calls were skipped: with them, the cap of ${self.cap.max_cost} could have been "
                f"passed. For more: resume({folder!r}, engine, max_cost=…)"
            )
        away = self.store.progress()["away"]
        if away:
            yield f"{away:,} calls are with the Batch API. When they are back: batch.collect({folder!r}, engine)"
        errors = int((results["status"] == "error").sum())
        if errors:
            yield f"{errors:,} calls failed; the column 'detail' says why. resume({folder!r}, engine) asks again."
        models = sorted(set(results["model"][results["status"] == "ok"]) - {""})
        if len(models) > 1:
            yield (
                f"The server named {len(models)} models: {', '.join(models)}. The answers don't come from one and the "
                "same model; compare them by the column 'model', or ask for a dated version."
            )
