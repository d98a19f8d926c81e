"""The doctor: a line for each thing, what to do if it fails, and never a key."""

import os
import subprocess
import sys

import pytest

from workshop_lib import models
from workshop_lib.course import doctor
from workshop_lib.errors import DamagedFileError

CANARY = "sk-canary-4f1d2c"


def test_all_is_well_and_the_key_is_not_shown(tmp_path):
    environment = {**os.environ, "OPENAI_API_KEY": CANARY, "WORKSHOP_PROFILE": "mini"}
    command = [sys.executable, "-m", "workshop_lib", "doctor"]
    finished = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    for about in ("Python", "packages", "encoder", "vectors", "data", "device", "memory", "disk", "network", "key"):
        assert f" {about} " in finished.stdout
    assert "OPENAI_API_KEY is set" in finished.stdout
    assert CANARY not in finished.stdout + finished.stderr
    assert CANARY[-6:] not in finished.stdout


def test_a_damaged_model_fails_and_says_what_to_do(monkeypatch, capsys):
    def damaged(card):
        raise DamagedFileError("The file is damaged. Install it again: pip install x")

    monkeypatch.setattr(models, "find", damaged)
    assert doctor.main() == 1
    shown = capsys.readouterr().out
    assert "FAIL  encoder   The file is damaged. Install it again: pip install x" in shown
    assert "1 of the checks failed" in shown


@pytest.mark.parametrize(
    ("version", "message"), [(None, "gensim is missing"), ("0.1", "gensim is 0.1, needed is >=")]
)
def test_missing_or_old_package(monkeypatch, version, message):
    real = doctor.metadata.version

    def pretend(name):
        if name != "gensim":
            return real(name)
        if version is None:
            raise doctor.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(doctor.metadata, "version", pretend)
    finding = doctor.packages()
    assert finding.outcome == "FAIL"
    assert message in finding.message and "pip install" in finding.message


def test_little_memory_is_a_note(monkeypatch):
    monkeypatch.setattr(doctor, "_free_memory_gb", lambda: 1.0)
    assert doctor.memory().outcome == "note"


def test_no_network_is_a_note(monkeypatch):
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert doctor.network().outcome == "note"


def test_no_key_is_a_note(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert doctor.key().outcome == "note"
