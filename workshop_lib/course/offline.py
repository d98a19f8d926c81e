"""Take the network away, to prove that a lesson needs none.

On Linux the command is started again in a network namespace of its own, which holds nothing
but the loopback address. Elsewhere, or where that isn't allowed, every kernel gets a socket
that refuses any other address.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

MARK = "WORKSHOP_OFFLINE"  # set to "namespace" or "sockets" once the network is away
BLOCKER = Path(__file__).parent / "offline_site"  # holds sitecustomize.py


def enter() -> None:
    """Take the network away from this process and all that it starts, once.

    Sets the environment variable WORKSHOP_OFFLINE to "namespace" (the command is replaced by
    itself inside a network namespace) or to "sockets" (sockets refuse in every Python that is
    started from here on).
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    if os.environ.get(MARK) == "namespace":
        _loopback_up()
    if os.environ.get(MARK):
        return
    if namespaces_allowed():
        os.environ[MARK] = "namespace"
        command = ["unshare", "--net", "--map-root-user", sys.executable, "-m", "workshop_lib"]
        sys.stdout.flush()
        os.execvp("unshare", [*command, *sys.argv[1:]])
    os.environ[MARK] = "sockets"
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(BLOCKER), os.environ.get("PYTHONPATH")])
    )


def namespaces_allowed() -> bool:
    """Return True if this user may make a network namespace here."""
    if not shutil.which("unshare"):
        return False
    trial = ["unshare", "--net", "--map-root-user", "true"]
    return subprocess.run(trial, capture_output=True).returncode == 0


def _loopback_up() -> None:
    """Switch on the loopback interface of a new namespace: Jupyter's kernels talk through it."""
    import fcntl
    import socket
    import struct

    set_flags, up_and_running = 0x8914, 0x1 | 0x40  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, set_flags, struct.pack("16sh", b"lo", up_and_running))
