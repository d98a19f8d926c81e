"""Execute the lessons with live progress, and say what each cost and showed.

Every notebook runs in a kernel of its own, in an empty folder, so that it can lean on nothing
but the installed library. The executed copies go to ``build/executed/<edition>/``.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from workshop_lib.course import claims, offline
from workshop_lib.errors import UnknownNameError, WorkshopError, closest

EDITIONS = {"solution": "notebooks/solutions", "learner": "notebooks"}
CELL_TIMEOUT = 900  # seconds


@dataclass
class Result:
    """What running one notebook gave; ``claims`` holds the ids shown by cells that passed."""

    lesson: str
    notebook: str
    edition: str
    profile: str
    status: str  # "ok", "failed" or "reused"
    seconds: float
    peak_mb: float
    claims: list[str] = field(default_factory=list)
    solved: list[str] = field(default_factory=list)
    error: str = ""
    fingerprint: str = ""

    @property
    def ok(self) -> bool:
        return self.status in ("ok", "reused")


def run(
    root: Path,
    lessons: list[str] | None = None,
    profile: str = "mini",
    edition: str = "solution",
    jobs: int = 1,
    reuse: bool = False,
    show=print,
) -> list[Result]:
    """Execute notebooks and return a result for each, in lesson order.

    Args:
        root: the clone.
        lessons: numbers such as ["01"]; None takes every lesson that exists.
        profile: "mini" or "full", given to the notebooks as WORKSHOP_PROFILE.
        edition: "solution" or "learner".
        jobs: how many notebooks run at a time; the cores are shared out among them.
        reuse: take the stored result of a notebook that passed before and whose text, library,
            data and packages are unchanged.
        show: where lines of progress go.

    Raises:
        UnknownNameError: there is no such lesson.
        WorkshopError: the notebooks haven't been generated.
    """
    paths = find(root, lessons, edition)
    folder = root / "build" / "executed" / edition
    folder.mkdir(parents=True, exist_ok=True)
    threads = max(1, (os.cpu_count() or 1) // jobs)
    board = Board(paths, show)

    def one(path: Path) -> Result:
        target = folder / path.name
        mark = fingerprint(root, path, profile)
        stored = _stored(target) if reuse else None
        if stored and stored.fingerprint == mark and stored.ok:
            stored.status = "reused"
            board.done(path, stored)
            return stored
        result = execute(path, target, profile, edition, threads, board)
        result.fingerprint = mark
        if result.ok:
            _report_file(target).write_text(json.dumps(asdict(result)), encoding="utf-8")
        board.done(path, result)
        return result

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return list(pool.map(one, paths))


def find(root: Path, lessons: list[str] | None, edition: str) -> list[Path]:
    """Return the paths of the notebooks to run."""
    paths = sorted((root / EDITIONS[edition]).glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise WorkshopError(
            f"There are no notebooks in {root / EDITIONS[edition]}. Make them: make notebooks"
        )
    if lessons is None:
        return paths
    known = [path.name[:2] for path in paths]
    for lesson in lessons:
        if lesson not in known:
            raise UnknownNameError(f"There is no lesson '{lesson}'. {closest(lesson, known)}")
    return [path for path in paths if path.name[:2] in lessons]


def execute(
    path: Path, target: Path, profile: str, edition: str, threads: int, board: Board
) -> Result:
    """Execute one notebook, write the executed copy to ``target``, and return the result."""
    import nbformat
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)
    tags = claims.tagged(notebook, path.name)  # a wrong tag is found before time is spent
    status, error, start = "ok", "", time.perf_counter()
    with tempfile.TemporaryDirectory() as empty:
        progress_file = Path(empty, "progress.json")
        environment = {
            **os.environ,
            "WORKSHOP_PROFILE": profile,
            "WORKSHOP_PROGRESS": str(progress_file),
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": str(threads),
            "MKL_NUM_THREADS": str(threads),
        }
        work = Path(empty, "work")
        work.mkdir()
        manager = AsyncKernelManager(
            kernel_name="python3",
            connection_file=str(Path(empty, "kernel.json")),
            transport="tcp" if os.name == "nt" else "ipc",  # files, not ports, where they exist
        )
        client = NotebookClient(
            notebook,
            km=manager,
            timeout=CELL_TIMEOUT,
            resources={"metadata": {"path": str(work)}},
            on_cell_start=lambda cell, cell_index: board.cell(path, cell_index),
        )
        memory = Memory(manager)
        try:
            with memory:
                client.execute(env=environment, cleanup_kc=True)
        except CellExecutionError as failure:
            status, error = "failed", str(failure)
        except Exception as failure:  # a dead kernel, a time-out: the other lessons still run
            status, error = "failed", f"{type(failure).__name__}: {failure}"
        seconds = time.perf_counter() - start
        tried = json.loads(progress_file.read_text()) if progress_file.exists() else {}
    nbformat.write(notebook, target)
    solved = [number for number, entry in tried.items() if entry["status"] == "solved"]
    if status == "ok" and edition == "solution" and len(solved) < len(tried):
        status = "failed"
        error = f"These solutions don't pass their checks: {sorted(set(tried) - set(solved))}"
    shown = tags if status == "ok" else {}
    return Result(
        lesson=path.name[:2],
        notebook=path.stem,
        edition=edition,
        profile=profile,
        status=status,
        seconds=round(seconds, 1),
        peak_mb=round(memory.peak / 1e6),
        claims=sorted(shown, key=lambda one: (one[0], int(one[1:]))),
        solved=sorted(solved),
        error=error,
    )


class Memory:
    """Watches the resident memory of a kernel and its children; ``peak`` is in bytes."""

    def __init__(self, manager):
        self.manager, self.peak = manager, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil

        while not self._stop.wait(0.1):
            pid = getattr(self.manager.provisioner, "pid", None)
            try:
                kernel = psutil.Process(pid) if pid else None
                family = [kernel, *kernel.children(recursive=True)] if kernel else []
                self.peak = max(self.peak, sum(one.memory_info().rss for one in family))
            except psutil.Error:
                continue


class Board:
    """Shows where each notebook is: one rewritten line on a terminal, a line a lesson elsewhere."""

    def __init__(self, paths: list[Path], show):
        import nbformat

        self.show = show
        self.cells = {path: len(nbformat.read(path, as_version=4).cells) for path in paths}
        self.at: dict[Path, int] = {}
        self.started = time.perf_counter()
        self.live = show is print and sys.stdout.isatty()
        self.lock = threading.Lock()

    def cell(self, path: Path, index: int) -> None:
        with self.lock:
            first = path not in self.at
            self.at[path] = index + 1
            if self.live:
                running = "   ".join(
                    f"{one.stem} {at}/{self.cells[one]}" for one, at in self.at.items()
                )
                seconds = time.perf_counter() - self.started
                print(f"\r\033[K  {seconds:4.0f} s   {running}"[:160], end="", flush=True)
            elif first:
                self.show(f"  {path.stem}: running {self.cells[path]} cells")

    def done(self, path: Path, result: Result) -> None:
        with self.lock:
            self.at.pop(path, None)
            if self.live:
                print("\r\033[K", end="")
            self.show(f"  {path.stem}: {result.status}, {result.seconds:.0f} s")
            if result.error:
                self.show(result.error)


def fingerprint(root: Path, path: Path, profile: str) -> str:
    """Return a digest of all that a result depends on: notebook, library, data, packages.

    A run without network counts as another run: it proves more.
    """
    digest = hashlib.sha256(library_digest(root).encode() + path.read_bytes())
    digest.update(f"{profile} {os.environ.get(offline.MARK, 'online')}".encode())
    return digest.hexdigest()


@lru_cache(maxsize=None)
def library_digest(root: Path) -> str:
    """Return a digest of the library, the data and the versions of the packages that count."""
    digest = hashlib.sha256(platform.python_version().encode())
    files = [*(root / "workshop_lib").rglob("*.py"), *(root / "data").rglob("*")]
    for file in sorted(file for file in files if file.is_file()):
        digest.update(str(file.relative_to(root)).encode() + file.read_bytes())
    for package in ("torch", "transformers", "numpy", "gensim", "scikit-learn"):
        digest.update(metadata.version(package).encode())
    return digest.hexdigest()


def _report_file(target: Path) -> Path:
    return target.with_suffix(".json")


def _stored(target: Path) -> Result | None:
    file = _report_file(target)
    if not (file.exists() and target.exists()):
        return None
    try:
        return Result(**json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return None


def table(results: list[Result]) -> str:
    """Return the results as a text table: lesson, status, seconds, peak memory, claims shown."""
    header = f"{'lesson':<40} {'status':<7} {'seconds':>7} {'peak MB':>8}  claims shown"
    lines = [header, "-" * len(header)]
    for result in results:
        lines.append(
            f"{result.notebook:<40} {result.status:<7} {result.seconds:>7.0f} "
            f"{result.peak_mb:>8.0f}  {' '.join(result.claims) or '-'}"
        )
    return "\n".join(lines)


def write_report(results: list[Result], file: Path) -> None:
    """Write the results as JSON, a list with one object per notebook."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(result) for result in results], indent=1), encoding="utf-8")
