"""What a person sees of a run while it works, and Ctrl-C. Used in lesson 06."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator

from workshop_lib.labeling.store import Store


class Bar:
    """A bar with rows, failures, spend and time left.

    Args:
        store: the run's, with its calls chosen.
        shown: False shows nothing.
    """

    def __init__(self, store: Store, shown: bool):
        from tqdm.auto import tqdm

        before = store.progress()
        total = before["final"] + before["open"] + before["elsewhere"]
        self.bar = tqdm(total=total, initial=before["final"], desc="labelling", unit="row", disable=not shown)
        self.store, self.failed, self.told = store, before["failed"], 0.0

    def step(self, count: int, failed: int, now: bool = False) -> None:
        """Go on by some calls, of which some failed; what was spent is looked up twice a second."""
        self.failed += failed
        if not self.bar.disable and (now or time.monotonic() - self.told > 0.5):
            self.told = time.monotonic()
            ledger = self.store.ledger()
            self.bar.set_postfix_str(f"{self.failed} failed, ${ledger['spent'] + ledger['lost']:.4f}", refresh=now)
        self.bar.update(count)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.step(0, 0, now=True)
        self.bar.close()


@contextlib.contextmanager
def interrupts(stopped: threading.Event) -> Iterator[list]:
    """Let Ctrl-C stop new calls and wait for those under way; a second one leaves at once.

    Yields a list with an entry for each Ctrl-C.
    """
    pressed: list[int] = []

    def press(number: int, _: object) -> None:
        pressed.append(number)
        stopped.set()
        if len(pressed) > 1:
            raise KeyboardInterrupt
        print("\nStopping: waiting for the answers under way, which are paid for. Ctrl-C again leaves them.")

    if threading.current_thread() is not threading.main_thread():  # no other thread gets to know of it
        yield pressed
        return
    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
