"""The desk where a run's calls are handed over as batches and come back: each step, written down.

A batch is building (its calls are claimed and its file is written), built, uploading, uploaded,
sending, sent, and then back or failed. Each state is stored before the step and after it, so that
after a kill at any moment the next session knows what to look for. Used in lesson 06.
"""

from __future__ import annotations

import json
import math
import secrets
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workshop_lib.errors import BadInputError
from workshop_lib.labeling import batch_api, runs
from workshop_lib.labeling.batch_api import DISCOUNT, ENDED, BatchError
from workshop_lib.labeling.batch_offer import Offer, offer
from workshop_lib.labeling.budget import Cap, Meter, PriceWarning, output_limit
from workshop_lib.labeling.codebook import Codebook
from workshop_lib.labeling.engines.chat import Chat
from workshop_lib.labeling.protocol import StopRun
from workshop_lib.labeling.results import table
from workshop_lib.labeling.store import CHOSEN, FINAL, Call, Store

if TYPE_CHECKING:
    import pandas as pd

YES = "yes"
PACKET = 1000  # calls, or lines that came back, that are taken up at a time
BACK = ("back", "failed")  # states of a batch that nothing more will come of


class Desk:
    """Where a run's calls are handed over and come back: the table of batches, and each step."""

    def __init__(self, store: Store, engine: Chat):
        self.store, self.engine, self.server = store, engine, engine.server
        facts = store.facts()
        if "codebook_yaml" not in facts:
            raise BadInputError(f"The run in {store.folder} was stopped before its calls were written: submit again.")
        self.questions = Codebook.from_yaml(facts["codebook_yaml"]).questions
        self.max_cost, self.queue_tokens = facts["max_cost"], facts.get("queue_tokens", math.inf)
        self.meter = Meter(engine, facts["price"] and tuple(facts["price"]))
        self.most_output = output_limit(engine) or 0

    @classmethod
    def again(cls, store: Store, engine: Chat, verb: str, max_cost: float | None = runs.AS_BEFORE) -> Desk:
        """Return the desk of a run that was begun before."""
        if not store.choose_all():
            raise BadInputError(f"The run in {store.folder} was stopped before its calls were written: submit again.")
        also = {} if max_cost is runs.AS_BEFORE else {"max_cost": max_cost}
        store.identify(runs.engine_facts(engine), also)
        store.begin(verb=verb, **also)
        desk = cls(store, engine)
        runs.checked_meter(engine, desk.max_cost, 1, desk.meter.price)
        return desk

    # The table of batches

    def batches(self, *states: str) -> list[dict]:
        """Return the batches in some states, or all."""
        rows = self.store.database.execute("SELECT number, state, facts FROM batches ORDER BY number").fetchall()
        found = [{"number": number, "state": state, **json.loads(facts)} for number, state, facts in rows]
        return [one for one in found if not states or one["state"] in states]

    def cut_off(self) -> list[dict]:
        """Return the batches that were being handed over when something came in between."""
        return self.batches("building", "built", "uploading", "uploaded", "sending")

    def under_way(self) -> list[dict]:
        """Return the batches of which something may still come."""
        return [one for one in self.batches() if one["state"] not in BACK]

    def note(self, batch: dict, state: str, **facts: Any) -> None:
        """Write down what has happened to a batch, before going on."""
        batch |= {"state": state, **facts}
        kept = {name: value for name, value in batch.items() if name not in ("number", "state")}
        with self.store.database.transaction(durable=True):
            query = "INSERT OR REPLACE INTO batches VALUES (?, ?, ?)"
            self.store.database.execute(query, (batch["number"], state, json.dumps(kept)))

    def file(self, batch: dict) -> Path:
        return self.store.folder / f"batch-{batch['number']}.jsonl"

    # Handing over

    def hand_over(self, yes: bool, ask: Callable[[str], str]) -> pd.DataFrame | None:
        """Finish what was agreed on, offer all open calls, and hand them over if the answer is yes."""
        self.finish()
        found = offer(self.store, self.meter, self.most_output)
        if not found.calls:
            return self.poll()
        for text in [] if self.engine.local else self.meter.cautions():
            warnings.warn(text, PriceWarning, stacklevel=3)
        print(found.text(self.engine, self.max_cost))
        if not yes and not _agreed(ask):
            print("Nothing was handed over.")
            return None
        cap = Cap(self.max_cost)
        while self.has_room() and (batch := self._build(cap, found)):
            self._send(batch)
        left = self.open_calls()
        skipped = self.store.skip_rest() if left and self.has_room() else 0
        if skipped:
            warnings.warn(
                f"{skipped:,} calls were skipped: with them, the cap of ${self.max_cost} could have been passed. For "
                f"more: batch.resume({str(self.store.folder)!r}, engine, max_cost=…)",
                stacklevel=3,
            )
        elif left and not self.has_room():
            print(f"{left:,} calls wait here for room in the queue: batch.resume() when batches are back.")
        return self.poll()

    def open_calls(self, also: str = "TRUE") -> int:
        """Return how many chosen calls are neither answered nor claimed."""
        open_ones = f"c.claimed IS NULL AND coalesce(c.status, '') NOT IN {FINAL} AND {also}"
        return self.store.database.execute(f"SELECT count(*) {CHOSEN} WHERE {open_ones}").fetchone()[0]

    def has_room(self) -> bool:
        """Return whether another batch may wait at the provider."""
        return sum(one["tokens"] for one in self.under_way()) < self.queue_tokens

    def finish(self) -> None:
        """Hand over what was agreed on and cut off."""
        for batch in self.cut_off():
            file = self.file(batch)
            whole = file.is_file() and file.stat().st_size == batch.get("bytes")
            if batch["state"] in ("building", "built") and not whole:
                self._forget(batch)
            else:
                self._send(batch)

    def _build(self, cap: Cap, found: Offer) -> dict | None:
        """Claim calls for a new batch and write its file; None if there are none, or none that the cap allows."""
        number = self.store.database.execute("SELECT coalesce(max(number), 0) + 1 FROM batches").fetchone()[0]
        batch = {"number": number, "mark": secrets.token_hex(8), "calls": 0, "tokens": 0, "began": time.time()}
        room = self.queue_tokens - sum(one["tokens"] for one in self.under_way())
        self.note(batch, "building")
        size = place = 0
        with self.file(batch).open("wb") as stream:
            while place >= 0 and batch["calls"] < batch_api.MOST_CALLS:
                limit = min(PACKET, batch_api.MOST_CALLS - batch["calls"])
                calls, place = self.store.claim(limit, cap, self._worst_cost, place, skip=True, holder=-number)
                for rank, call in enumerate(calls):
                    line = self._line(call)
                    tokens = batch["tokens"] + found.tokens_of(len(line))
                    if batch["calls"] and (size + len(line) > batch_api.MOST_BYTES or tokens > room):
                        self.store.release(calls[rank:], holder=-number)
                        place = -1  # full
                        break
                    stream.write(line)
                    size += len(line)
                    batch |= {"calls": batch["calls"] + 1, "tokens": tokens}
        if not batch["calls"]:
            self._forget(batch)
            return None
        self.note(batch, "built", bytes=size)
        return batch

    def _line(self, call: Call) -> bytes:
        key = self.store.database.execute("SELECT key FROM calls WHERE number = ?", (call.number,)).fetchone()[0]
        return batch_api.request_line(key, self.engine.payload(call.request))

    def _worst_cost(self, most_input: int) -> float:
        return DISCOUNT * (self.meter.cost(most_input, self.most_output) or 0.0)

    def _forget(self, batch: dict) -> None:
        """Undo a batch that was never handed over."""
        with self.store.database.transaction(durable=True):
            self.store.release_all(-batch["number"])
            self.store.database.execute("DELETE FROM batches WHERE number = ?", (batch["number"],))
        self.file(batch).unlink(missing_ok=True)

    def _send(self, batch: dict) -> None:
        """Hand over a batch, from whatever step it had reached."""
        name = f"workshop-{batch['mark']}.jsonl"
        if batch["state"] in ("built", "uploading"):
            file_id = batch_api.find_file(self.server, name) if batch["state"] == "uploading" else None
            self.note(batch, "uploading")
            file_id = file_id or batch_api.upload(self.server, self.file(batch), name)
            self.note(batch, "uploaded", file_id=file_id)
        begun = None
        if batch["state"] == "sending":  # it was cut off: the batch may be there
            begun = batch_api.find_batch(self.server, batch["file_id"], batch["mark"], batch["began"])
        self.note(batch, "sending")
        try:
            begun = begun or batch_api.create(self.server, batch["file_id"], batch["mark"])
        except (BatchError, StopRun) as error:
            if error.refused:
                self.note(batch, "uploaded")
            raise
        self.note(batch, "sent", id=begun["id"], status=str(begun.get("status")))
        self.file(batch).unlink(missing_ok=True)

    # Looking, and taking back

    def poll(self) -> pd.DataFrame:
        """Ask how the batches stand, and return them as a table."""
        import pandas as pd

        for batch in self.batches("sent"):
            self._look(batch)
        names = ("calls", "state", "status", "completed", "failed", "id", "wrong")
        rows = [{"batch": one["number"], **{name: one.get(name, "") for name in names}} for one in self.batches()]
        return pd.DataFrame(rows, columns=["batch", *names])

    def _look(self, batch: dict) -> dict:
        """Return how the provider says that a batch stands, and write it down."""
        found = batch_api.retrieve(self.server, batch["id"])
        counts = found.get("request_counts") or {}
        wrong = [str(one.get("message")) for one in (found.get("errors") or {}).get("data") or []]
        seen = {"completed": counts.get("completed", 0), "failed": counts.get("failed", 0)}
        self.note(batch, batch["state"], status=str(found.get("status")), wrong=" ".join(wrong[:3]), **seen)
        return found

    def collect(self, delete: bool = False) -> None:
        """Store the answers of all batches that have ended."""
        for batch in self.batches("sent"):
            found = self._look(batch)
            if batch["status"] not in ENDED:
                continue
            files = [found[name] for name in ("output_file_id", "error_file_id") if found.get(name)]
            if batch["status"] == "completed" and not files:
                warnings.warn(f"Batch {batch['number']} is complete and names no file. Collect later.", stacklevel=3)
                continue
            for file_id in files:
                self._take_back(batch, file_id)
            with self.store.database.transaction(durable=True):  # whatever came back in no line
                lost = self.store.release_all(-batch["number"], book=batch["status"] == "completed")
            state = "failed" if batch["status"] == "failed" else "back"
            self.note(batch, state, without_line=lost)
            if state == "failed":
                warnings.warn(
                    f"The provider didn't take batch {batch['number']}: {batch['wrong']} Nothing of it was worked on "
                    "or paid. Mend that (too many tokens waiting: queue_tokens=…), then batch.resume().",
                    stacklevel=3,
                )
            if delete:
                for file_id in [batch["file_id"], *files]:
                    batch_api.delete(self.server, file_id)

    def _take_back(self, batch: dict, file_id: str) -> None:
        """Download a file and store the answers in it; those that are stored already are left alone."""
        target, holder = self.store.folder / f"batch-{batch['number']}-back.jsonl", -batch["number"]
        batch_api.download(self.server, file_id, target)
        packet = {}
        for key, line in batch_api.read_lines(target):
            call = self.store.held(key, holder)
            if call is not None:
                answer = batch_api.read_answer(line, call.request)
                answer = runs.checked_answer(answer, self.questions[call.request.question])
                cost = self.meter.cost(answer.input_tokens, answer.output_tokens)
                packet[call.number] = (call, answer, None if cost is None else DISCOUNT * cost)
            if len(packet) >= PACKET:
                self.store.record(packet.values(), holder)
                packet = {}
        self.store.record(packet.values(), holder)
        target.unlink(missing_ok=True)

    def results(self) -> pd.DataFrame:
        """Return the run's results, with a word about what is missing."""
        results, state = table(self.store), self.store.progress()
        failed = int((results["status"] == "error").sum())
        fresh = self.open_calls("c.status IS NULL")
        counts = {"with the provider": state["away"], "failed (column 'detail')": failed, "not worked on yet": fresh}
        missing = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        if missing:
            warnings.warn(
                f"Calls without an answer: {missing}. batch.resume({str(self.store.folder)!r}, engine) hands over "
                "again what isn't with the provider; labeling.resume() asks for it at once, at full price.",
                stacklevel=3,
            )
        return results


def _agreed(ask: Callable[[str], str]) -> bool:
    """Return whether "yes" was typed; nobody there to type is a no."""
    try:
        return ask(f"Type {YES} to hand this over and pay for it, anything else to leave it: ").strip() == YES
    except Exception:  # end of input, a notebook that runs without a person: many kinds
        return False
