"""Where am I? The profile, the device, the number format and the seed.

Used in every lesson. The two profiles:

* ``mini``: small models that come with the course; CPU, no network.
* ``full``: the public models of the Hugging Face hub; a GPU if there is one.
"""

from __future__ import annotations

import os
import platform
import random
from typing import TYPE_CHECKING

from workshop_lib.errors import SettingError

if TYPE_CHECKING:
    import torch

PROFILES = ("mini", "full")


def profile() -> str:
    """Return the profile in use: "mini" or "full".

    The environment variable WORKSHOP_PROFILE decides. Where it is unset, the profile is
    "full" on a machine with a GPU and "mini" elsewhere.

    Raises:
        SettingError: WORKSHOP_PROFILE holds another word.
    """
    chosen = os.environ.get("WORKSHOP_PROFILE", "").strip().lower()
    if chosen in PROFILES:
        return chosen
    if chosen:
        raise SettingError(
            f"WORKSHOP_PROFILE is '{chosen}', which is no profile. "
            "Set it to 'mini' or 'full', or leave it unset."
        )
    return "full" if device().type == "cuda" else "mini"


def device() -> torch.device:
    """Return the device that models run on: the first CUDA GPU, or else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision() -> torch.dtype:
    """Return the number format for running an encoder: bfloat16 where it pays, or float32.

    bfloat16 keeps 8 bits of precision. It is chosen on a GPU that computes in it and on a CPU
    with AMX, the matrix unit that makes it several times as fast. Everywhere else float32 is
    chosen: without that unit the gain is smaller (``benchmarks/README.md`` has it), and equal
    results on all such machines are worth more.
    """
    import torch

    if device().type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if cpu_has_amx() else torch.float32


def training_precision() -> torch.dtype:
    """Return the number format for the matrix products of fine-tuning: bfloat16 where it pays.

    A fine-tuned model differs a little from machine to machine in any case, so here speed
    decides. A CPU with AVX-512 BF16 is enough: it fine-tunes the mini encoder up to twice as
    fast. The weights themselves and their updates stay float32.
    """
    import torch

    return torch.bfloat16 if device().type == "cpu" and cpu_has_bf16() else precision()


def cpu_has_amx() -> bool:
    """Return True if this CPU multiplies bfloat16 matrices in hardware (Intel AMX)."""
    import torch

    return bool(torch.cpu._is_amx_tile_supported())


def cpu_has_bf16() -> bool:
    """Return True if this CPU multiplies bfloat16 vectors in hardware (AVX-512 BF16)."""
    import torch

    asked = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # newer than torch 2.4
    return bool(asked and asked())


def seed(n: int = 0) -> None:
    """Set the seeds of Python, NumPy and PyTorch, so that a rerun draws the same numbers.

    Args:
        n: any whole number from 0 to 2**32 - 1.

    Raises:
        SettingError: n is outside that range or isn't a whole number.
    """
    if isinstance(n, bool) or not isinstance(n, int) or not 0 <= n < 2**32:
        raise SettingError(f"The seed is {n!r}. Choose a whole number from 0 to {2**32 - 1}.")
    import numpy as np
    import torch

    random.seed(n)
    np.random.seed(n)
    torch.manual_seed(n)


def report() -> str:
    """Return one line on where this notebook runs, for the top of a lesson."""
    import torch

    here = device()
    name = torch.cuda.get_device_name(here) if here.type == "cuda" else f"CPU, {os.cpu_count()} cores"
    return (
        f"Profile: {profile()} · device: {name} · numbers: {str(precision()).removeprefix('torch.')}"
        f" · Python {platform.python_version()} · PyTorch {torch.__version__}"
    )
