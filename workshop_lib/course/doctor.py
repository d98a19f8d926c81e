"""Check this machine, a line for each thing that a lesson needs, and say what to do if it fails.

Three outcomes: ok, note (the mini profile works all the same) and FAIL (it doesn't).
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from workshop_lib import data, models, runtime
from workshop_lib.errors import WorkshopError

OK, NOTE, FAIL = "ok", "note", "FAIL"
MEMORY_NEEDED_GB = 3
DISK_NEEDED_GB = 2


@dataclass(frozen=True)
class Finding:
    """The outcome of one check, in one line."""

    outcome: str
    about: str
    message: str

    def __str__(self) -> str:
        return f"{self.outcome:<5} {self.about:<9} {self.message}"


def main() -> int:
    """Print every finding as it comes; return 1 if one failed, or else 0."""
    failed = 0
    for finding in examine():
        print(finding, flush=True)
        failed += finding.outcome == FAIL
    print(f"\n{failed} of the checks failed." if failed else "\nAll set: open a lesson.")
    return 1 if failed else 0


def examine() -> list[Finding]:
    """Yield the findings in order; a check that stops with an error is itself a finding."""
    checks: list[Callable[[], Finding]] = [
        python, packages, profile, encoder, vectors, data_sets, device, memory, disk, network, key,
    ]  # fmt: skip
    for check in checks:
        try:
            yield check()
        except WorkshopError as error:
            yield Finding(FAIL, check.__name__, str(error))


def python() -> Finding:
    version = platform.python_version()
    if sys.version_info < (3, 11):
        return Finding(FAIL, "Python", f"{version}; install Python 3.11, 3.12 or 3.13")
    return Finding(OK, "Python", f"{version} at {sys.executable}")


def packages() -> Finding:
    """Compare the installed packages with the lower bounds that the library declares."""
    from packaging.requirements import Requirement

    problems, found = [], []
    for line in metadata.requires("workshop-lib") or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            problems.append(f"{requirement.name} is missing")
            continue
        found.append(f"{requirement.name} {version}")
        if not requirement.specifier.contains(version, prereleases=True):
            problems.append(f"{requirement.name} is {version}, needed is {requirement.specifier}")
    if problems:
        repair = "In a clone run: pip install -c constraints.txt -e .   On Colab run the set-up cell again"
        return Finding(FAIL, "packages", f"{'; '.join(problems)}. {repair}")
    shown = [entry for entry in found if entry.split()[0] in ("torch", "transformers", "gensim")]
    return Finding(OK, "packages", f"{len(found)} as declared, among them {', '.join(shown)}")


def profile() -> Finding:
    meaning = {"mini": "models that come with the course", "full": "public models from the hub"}
    name = runtime.profile()
    return Finding(OK, "profile", f"{name}: {meaning[name]}")


def encoder() -> Finding:
    card = models.card_of("encoder", "mini")
    models.find(card)
    return Finding(OK, "encoder", f"{card.name}, SHA-256 {card.sha256[:12]} as published")


def vectors() -> Finding:
    keyed = models.word_vectors("mini")
    return Finding(OK, "vectors", f"{len(keyed):,} words of {keyed.vector_size} numbers, SHA-256 as published")


def data_sets() -> Finding:
    table = data.table()
    return Finding(OK, "data", f"{len(table)} data sets, {table['rows'].sum():,} rows")


def device() -> Finding:
    return Finding(OK, "device", runtime.report().split(" · ")[1].removeprefix("device: "))


def memory() -> Finding:
    free = _free_memory_gb()
    if free is None:
        return Finding(NOTE, "memory", f"can't be read here; a lesson takes up to {MEMORY_NEEDED_GB} GB")
    if free < MEMORY_NEEDED_GB:
        return Finding(
            NOTE, "memory", f"{free:.1f} GB free; a lesson takes up to {MEMORY_NEEDED_GB} GB: close other programs"
        )
    return Finding(OK, "memory", f"{free:.1f} GB free")


def _free_memory_gb() -> float | None:
    try:
        import psutil

        return psutil.virtual_memory().available / 1e9
    except ImportError:
        meminfo = Path("/proc/meminfo")
        if not meminfo.exists():
            return None
        return int(re.search(r"MemAvailable:\s+(\d+)", meminfo.read_text())[1]) / 1e6


def disk() -> Finding:
    free = shutil.disk_usage(Path.home()).free / 1e9
    if free < DISK_NEEDED_GB:
        return Finding(
            NOTE, "disk", f"{free:.1f} GB free in {Path.home()}; full-size models take up to {DISK_NEEDED_GB} GB"
        )
    return Finding(OK, "disk", f"{free:.0f} GB free in {Path.home()}")


def network() -> Finding:
    from urllib.parse import urlsplit

    from huggingface_hub.constants import ENDPOINT

    hub = urlsplit(ENDPOINT)
    start = time.perf_counter()
    try:
        port = hub.port or (443 if hub.scheme == "https" else 80)
        socket.create_connection((hub.hostname, port), timeout=2).close()
    except OSError:
        return Finding(NOTE, "network", "the model hub can't be reached; the mini profile needs no network")
    return Finding(OK, "network", f"the model hub answers in {1000 * (time.perf_counter() - start):.0f} ms")


def key() -> Finding:
    """Say whether a key for a hosted model is set, and never any part of it."""
    if os.environ.get("OPENAI_API_KEY"):
        return Finding(OK, "key", "OPENAI_API_KEY is set (not shown)")
    return Finding(NOTE, "key", "OPENAI_API_KEY isn't set; no lesson needs it")
