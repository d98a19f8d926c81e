"""What several test files share."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The clone."""
    return ROOT


def run_offline(edition: str) -> subprocess.CompletedProcess:
    """Run every lesson of an edition with the network taken away, in a process of its own."""
    command = [sys.executable, "-m", "workshop_lib", "run", "--offline", "--reuse", "--jobs", "2"]
    report = ROOT / "build" / f"test-{edition}.json"
    return subprocess.run(
        [*command, "--edition", edition, "--report", str(report)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip


@pytest.fixture(scope="session")
def executed_solutions() -> Path:
    """The folder of executed solution editions, run with no network."""
    finished = run_offline("solution")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return ROOT / "build" / "executed" / "solution"


@pytest.fixture(scope="session")
def executed_learners() -> Path:
    """The folder of executed, untouched learner editions, run with no network."""
    finished = run_offline("learner")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return ROOT / "build" / "executed" / "learner"


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    """No test writes into the progress file of the person who runs it."""
    monkeypatch.setenv("WORKSHOP_PROGRESS", str(tmp_path / "progress.json"))
