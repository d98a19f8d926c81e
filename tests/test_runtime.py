"""Profile, device and seed."""

import subprocess
import sys

import pytest
import torch

from workshop_lib import runtime
from workshop_lib.errors import SettingError


@pytest.mark.parametrize("value", ["mini", "full", " FULL "])
def test_profile_follows_the_variable(monkeypatch, value):
    monkeypatch.setenv("WORKSHOP_PROFILE", value)
    assert runtime.profile() == value.strip().lower()


@pytest.mark.parametrize(("gpu", "expected"), [(True, "full"), (False, "mini")])
def test_unset_profile_follows_the_gpu(monkeypatch, gpu, expected):
    monkeypatch.delenv("WORKSHOP_PROFILE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert runtime.profile() == expected


def test_unknown_profile(monkeypatch):
    monkeypatch.setenv("WORKSHOP_PROFILE", "huge")
    with pytest.raises(SettingError, match="'huge'.*'mini' or 'full'"):
        runtime.profile()


@pytest.mark.parametrize(("amx", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_precision_on_a_cpu_follows_amx(monkeypatch, amx, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(runtime, "cpu_has_amx", lambda: amx)
    assert runtime.precision() == expected


@pytest.mark.parametrize(("bf16", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_precision_of_training_on_a_cpu_follows_avx512_bf16(monkeypatch, bf16, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(runtime, "cpu_has_amx", lambda: False)
    monkeypatch.setattr(runtime, "cpu_has_bf16", lambda: bf16)
    assert runtime.training_precision() == expected


def test_seed_repeats_every_generator():
    import random

    import numpy as np

    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()

    runtime.seed(3)
    first = draw()
    runtime.seed(3)
    assert draw() == first
    runtime.seed(4)
    assert draw() != first


@pytest.mark.parametrize("n", [-1, 2**32, 1.5, "1", True, None])
def test_bad_seed(n):
    with pytest.raises(SettingError, match="whole number"):
        runtime.seed(n)


def test_report_names_profile_and_device(monkeypatch):
    monkeypatch.setenv("WORKSHOP_PROFILE", "mini")
    assert runtime.report().startswith("Profile: mini · device: ")


def test_import_loads_no_heavy_package():
    code = "import sys, workshop_lib; print([m for m in ('torch', 'numpy', 'pandas') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
