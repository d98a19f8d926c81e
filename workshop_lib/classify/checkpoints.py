"""Keep a fine-tuning on disk, so that a kill, a full disk or a closed laptop loses little."""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from workshop_lib.errors import SettingError

if TYPE_CHECKING:
    import numpy as np

    from workshop_lib.classify.fine_tuning import Run, Settings

SECONDS = 60  # between two checkpoints


class Store:
    """The checkpoint of one fine-tuning in a folder."""

    def __init__(self, folder: str | Path, settings: Settings, ids: list[list[int]], targets: np.ndarray) -> None:
        self.file = Path(folder) / "checkpoint.pt"
        self.folder = Path(folder)
        self.settings = asdict(settings)
        data = json.dumps([ids, targets.tolist()])
        self.data = hashlib.sha256(data.encode()).hexdigest()
        self.saved_at = time.monotonic()

    def save_if_due(self, run: Run) -> None:
        """Save if the last time is a minute ago."""
        if time.monotonic() - self.saved_at >= SECONDS:
            self.save(run)

    def save(self, run: Run) -> None:
        """Write the checkpoint; the old one stays whole until the new one is complete."""
        import torch

        draft = self.file.with_suffix(".draft")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            torch.save(
                {
                    "settings": self.settings, "data": self.data, "step": run.step,
                    "history": run.history, "best": run.best, "best_score": run.best_score,
                    "optimiser": run.optimiser.state_dict(),
                    "model": {name: p for name, p in run.model.named_parameters() if p.requires_grad},
                },
                draft,
            )  # fmt: skip
            os.replace(draft, self.file)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
            draft.unlink(missing_ok=True)
            warnings.warn(
                f"The checkpoint {self.file} couldn't be written ({error}). The training goes on; "
                "the last complete checkpoint is unharmed. Free some space on the disk.",
                stacklevel=2,
            )
        self.saved_at = time.monotonic()

    def restore(self, run: Run) -> None:
        """Put a run where its checkpoint left off, if there is one.

        Raises:
            SettingError: the checkpoint belongs to other data or other settings.
        """
        import torch

        if not self.file.exists():
            return
        found = torch.load(self.file, weights_only=True, map_location=run.model.device)
        changed = [name for name, value in self.settings.items() if found["settings"].get(name) != value]
        if found["data"] != self.data:
            changed.append("the training data")
        if changed:
            raise SettingError(
                f"The checkpoint {self.file} was made with other settings: {', '.join(changed)}. "
                "Choose another folder, or delete this one."
            )
        parameters = dict(run.model.named_parameters())
        with torch.no_grad():
            for name, value in found["model"].items():
                parameters[name].copy_(value)
        run.optimiser.load_state_dict(found["optimiser"])
        run.step, run.history = found["step"], found["history"]
        run.best, run.best_score = found["best"], found["best_score"]
