"""What every training script shares beside the loop: its options, and the sum of a file."""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "data" / "models"
WORK = Path(tempfile.gettempdir()) / "workshop_training"


def options(
    doc: str | None, arguments: list[str] | None, minutes: float, name: str, base: Path | None = None
) -> argparse.Namespace:
    """Read the command line of a training script.

    Args:
        doc: the script's docstring; its first paragraph is the help text.
        arguments: the command line; None takes the program's own.
        minutes: default of --minutes.
        name: the script's name, as in ``python -m training.NAME``.
        base: default of --base, for a model that is trained from another one.
    """
    parser = argparse.ArgumentParser(prog=f"python -m training.{name}", description=(doc or "").split("\n\n")[0])
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the corpora: text/, social/, …")
    parser.add_argument("--minutes", type=float, default=minutes, help=f"minutes of training (default: {minutes:g})")
    parser.add_argument("--work", type=Path, default=WORK / name, help="folder for checkpoints")
    parser.add_argument("--out", type=Path, default=SHIPPED / name, help="folder for the trained model")
    parser.add_argument("--lr", type=float, default=0.0025, help="peak learning rate")
    if base:
        parser.add_argument("--base", type=Path, default=base, help="folder of the model to start from")
    return parser.parse_args(arguments)


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
