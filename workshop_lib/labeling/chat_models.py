"""Chat models on this machine: a role of the course, or a folder that ``tune_assistant`` wrote.

Used in lesson 06.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from workshop_lib import models
from workshop_lib.labeling import tune_local


@dataclass(frozen=True)
class ChatModel:
    """A chat model that can be loaded into this process or written out for a server."""

    name: str  # the same in every run and on every machine; it changes when the weights do
    card: models.Card | None = None  # of a role
    folder: Path | None = None  # of a tuned model

    def load(self) -> models.Loaded:
        """Return the model, its tokenizer and its card."""
        if self.folder is not None:
            return tune_local.load_tuned(self.folder)
        return models.load(self.card.role, self.card.profile)

    def write(self, target: Path) -> None:
        """Write the model as a Hugging Face folder."""
        if self.folder is not None:
            shutil.copytree(self.folder, target)
        else:
            models.export(self.card.role, target, self.card.profile)


def find(model: str | Path, profile: str | None = None) -> ChatModel:
    """Return the chat model of a role, or of a folder that ``tune_assistant`` wrote.

    Args:
        model: a role of ``models.table()``, or the path of the folder.
        profile: "mini" or "full", for a role; None takes ``runtime.profile()``.

    Raises:
        UnknownNameError: there is no such role, and no such folder either.
        MissingFileError: the folder holds no tuned model.
    """
    if Path(model).is_dir() and str(model) not in {role for role, _ in models.CARDS}:
        record = tune_local.read_record(Path(model))
        return ChatModel(f"{Path(model).name}-{record['sha256'][:8]}", folder=Path(model).resolve())
    card = models.card_of(str(model), profile)
    weights = card.sha256 + (models.card_of(card.base, card.profile).sha256 if card.base else "")
    return ChatModel(f"{card.role}-{card.profile}-{hashlib.sha256(weights.encode()).hexdigest()[:8]}", card=card)
