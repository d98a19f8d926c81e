"""Processes of their own that are killed: forked from a small one, so that each starts at once."""

import multiprocessing
import os
import signal
import threading

PRELOADED = ["pandas", "openai", "tqdm.auto", "workshop_lib.labeling", "workshop_lib.labeling.batch"]


def start(action, *values) -> multiprocessing.Process:
    """Run a function of a test file in a process of its own.

    It is forked from a process without threads, since a fork of one that serves requests may hang.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    child = context.Process(target=_silent, args=(action, values), daemon=True)
    child.start()
    return child


def kill(child: multiprocessing.Process) -> bool:
    """Kill a process as ``kill -9`` does; return whether it was still running."""
    try:
        os.kill(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.join()
    return child.exitcode == -signal.SIGKILL


def _silent(action, values) -> None:
    from tqdm import tqdm

    tqdm.set_lock(threading.RLock())  # its own would outlive the process
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    action(*values)
