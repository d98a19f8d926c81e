"""One fine-tuning of a chat model with low-rank adapters: steps, checkpoints, the merged folder.

Only the answers count for the loss. Used in lesson 06.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import shutil
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError, MissingFileError, SettingError

if TYPE_CHECKING:
    import torch

    from workshop_lib.models import Loaded

RECORD = "tuning.json"
WEIGHTS = "model.safetensors"
SAVE_EVERY = 60.0  # seconds between two checkpoints
WARM_UP = 0.05  # of the training, while the learning rate rises
KEPT = ("settings", "step", "losses", "history", "best", "best_epoch", "best_loss")  # of a training, in its checkpoint
Row = tuple[list[int], int]  # token ids of a conversation, and where the answer begins


class Training:
    """One fine-tuning: its model, its checkpoint, and how it went so far.

    Args:
        loaded: the model to begin with, which isn't changed.
        train, valid: rows as ``tune_local.encode`` returns them; valid may be empty.
        settings: epochs, minutes, rank, learning_rate, batch_size, seed, and marks of start and data.
        out: the new model's folder, which isn't there yet.
        progress: whether to show a bar.
    """

    def __init__(
        self, loaded: Loaded, train: list[Row], valid: list[Row], settings: dict, out: Path, progress: bool
    ) -> None:
        import torch

        from workshop_lib import adapters

        self.loaded, self.train, self.valid = loaded, train, valid
        self.settings, self.out, self.progress = settings, out, progress
        self.checkpoint = out.with_name(f"{out.name}.checkpoint")
        self.model = copy.deepcopy(loaded.model).float().eval()  # evaluation mode: no dropout, so it can be repeated
        self.names = [name for name, p in self.model.named_parameters() if p.ndim == 2 and re.search(r"\.\d+\.", name)]
        with torch.random.fork_rng(devices=[]):  # the adapters' first values are drawn on the CPU
            torch.manual_seed(settings["seed"])
            adapters.attach(self.model.cpu(), self.names, settings["rank"])
        self.model.to(loaded.model.device)
        self.trained = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        self.optimiser = torch.optim.AdamW(self.trained.values(), lr=settings["learning_rate"], weight_decay=0.0)
        self.step, self.seconds, self.losses, self.history = 0, 0.0, [], []
        self.best, self.best_epoch, self.best_loss = self._copy(), 0, float("inf")
        self.by_epoch = -(-len(train) // settings["batch_size"])

    def go(self) -> None:
        """Train from where the checkpoint left off, to the last epoch or minute."""
        from tqdm.auto import tqdm

        self._restore()
        self.began, self.saved = time.monotonic() - self.seconds, time.monotonic()
        if not self.history:
            self._look(0)
        steps = self.by_epoch * self.settings["epochs"]
        bar = tqdm(total=steps, initial=self.step, desc="fine-tuning", unit="step", disable=not self.progress)
        try:
            with bar:
                while self.step < steps and self._share() < 1:
                    self.losses.append(self._learn(steps))
                    self.step += 1
                    bar.update()
                    if self.step % self.by_epoch == 0:
                        self._look(self.step // self.by_epoch)
                    if time.monotonic() - self.saved > SAVE_EVERY:
                        self._keep()
        except KeyboardInterrupt:
            self._keep()
            raise KeyboardInterrupt(
                f"Stopped after step {self.step} of {steps}; {self.checkpoint} keeps it. The same call goes on from it."
            ) from None
        if self.losses:  # the time was over within an epoch
            self._look(self.step // self.by_epoch + 1)

    def _share(self) -> float:
        """Return how much of the time is gone; 0 if there is no limit."""
        limit = self.settings["minutes"]
        return 0.0 if limit is None else (time.monotonic() - self.began) / (60 * limit)

    def _learn(self, steps: int) -> float:
        """Take one step and return the loss: the mean over examples of the mean over an answer's tokens."""
        import torch

        done = max(self.step / steps, self._share())
        rising = min(1.0, (self.step + 1) / max(1, WARM_UP * steps))
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings["learning_rate"] * min(rising, 1 - done)
        epoch, place = divmod(self.step, self.by_epoch)
        order = np.random.default_rng([self.settings["seed"], epoch]).permutation(len(self.train))
        size = self.settings["batch_size"]
        losses, _ = self._scored([self.train[row] for row in order[place * size : (place + 1) * size]])
        loss = losses.mean()
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained.values(), 1.0)
        self.optimiser.step()
        return loss.item()

    def _scored(self, rows: list[Row]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return each example's loss, shape (b,), and whether greedy decoding gives its answer, shape (b,)."""
        import torch

        longest, device = max(len(ids) for ids, _ in rows), self.model.device
        padded = torch.zeros((len(rows), longest), dtype=torch.long)  # Shape: (b, n)
        seen = torch.zeros_like(padded)
        wanted = torch.full_like(padded, -100)
        for row, (ids, begin) in enumerate(rows):
            padded[row, : len(ids)] = torch.tensor(ids)
            seen[row, : len(ids)] = 1
            wanted[row, begin : len(ids)] = padded[row, begin : len(ids)]
        output = self.model(input_ids=padded.to(device), attention_mask=seen.to(device), use_cache=False)
        scores, targets = output.logits[:, :-1].float(), wanted[:, 1:].to(device)  # Shapes: (b, n - 1, v), (b, n - 1)
        learnt = targets != -100
        losses = torch.nn.functional.cross_entropy(scores.transpose(1, 2), targets, reduction="none")  # (b, n - 1)
        right = ((scores.argmax(-1) == targets) | ~learnt).all(1)
        return losses.sum(1) / learnt.sum(1), right

    def _batches(self, rows: list[Row]) -> Iterator[list[Row]]:
        size = self.settings["batch_size"]
        yield from (rows[start : start + size] for start in range(0, len(rows), size))

    def _look(self, epoch: int) -> None:
        """Write down how the model does, and keep its weights if no epoch did better."""
        import torch

        with torch.no_grad():
            scored = [self._scored(rows) for rows in self._batches(self.valid)]
        train = float(np.mean(self.losses)) if self.losses else float("nan")
        loss, right = float("nan"), float("nan")
        if scored:
            loss, right = (float(torch.cat(parts).float().mean()) for parts in zip(*scored, strict=True))
        self.losses = []
        row = {"epoch": epoch, "train_loss": train, "valid_loss": loss, "valid_right": right}
        self.history.append(row | {"seconds": time.monotonic() - self.began})
        if not scored or loss < self.best_loss:
            self.best, self.best_epoch, self.best_loss = self._copy(), epoch, loss

    def _copy(self) -> dict[str, torch.Tensor]:
        return {name: p.detach().cpu().clone() for name, p in self.trained.items()}

    def _keep(self) -> None:
        """Write the checkpoint; the old one stays whole until the new one is complete."""
        import torch

        state = {name: getattr(self, name) for name in KEPT} | {"seconds": time.monotonic() - self.began}
        state |= {"weights": self._copy(), "optimiser": self.optimiser.state_dict()}
        draft = self.checkpoint.with_name(f"{self.checkpoint.name}.draft")
        try:
            torch.save(state, draft)
            os.replace(draft, self.checkpoint)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
            draft.unlink(missing_ok=True)
            text = f"The checkpoint {self.checkpoint} couldn't be written ({error}). The training goes on; make room."
            warnings.warn(text, stacklevel=2)
        self.saved = time.monotonic()

    def _restore(self) -> None:
        """Go back to where the checkpoint left off, if there is one."""
        import torch

        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, weights_only=True)
        check_same(state["settings"], self.settings, self.checkpoint)
        with torch.no_grad():
            for name, value in state["weights"].items():
                self.trained[name].copy_(value)
        self.optimiser.load_state_dict(state["optimiser"])
        for name in ("seconds", *KEPT):
            setattr(self, name, state[name])

    def save(self, left_out: int) -> dict:
        """Merge the best weights into the model, write it as a folder, whole or not at all, and return its record."""
        import torch
        from torch.nn.utils import parametrize

        with torch.no_grad():
            for name, value in self.best.items():
                self.trained[name].copy_(value)
        for name in self.names:
            path, _, weight = name.rpartition(".")
            parametrize.remove_parametrizations(self.model.get_submodule(path), weight, leave_parametrized=True)
        draft = self.out.with_name(f"{self.out.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        try:
            self.model.save_pretrained(draft)
            self.loaded.tokenizer.save_pretrained(draft)
            with (draft / WEIGHTS).open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            card = self.loaded.card
            record = {"sha256": digest, "from": f"{card.name} ({card.origin})", "licence": card.licence}
            record |= {"settings": self.settings, "history": self.history, "best": self.best_epoch}
            record["left_out"] = left_out
            (draft / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
            os.replace(draft, self.out)
        except (OSError, RuntimeError) as error:
            self._keep()
            shutil.rmtree(draft, ignore_errors=True)
            raise BadInputError(
                f"The model couldn't be written to {self.out} ({error}). Free some space on the disk and call "
                f"tune_assistant() again: {self.checkpoint} keeps the training."
            ) from None
        self.checkpoint.unlink(missing_ok=True)
        return record


def read_record(folder: Path) -> dict:
    """Return what was written down of a fine-tuned model: settings, history, SHA-256."""
    try:
        return json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise MissingFileError(f"There is no fine-tuned assistant in {folder} (no {RECORD}). Check the path.") from None


def check_same(old: dict, new: dict, where: Path) -> None:
    """Raise a SettingError if a setting has changed."""
    changed = [f"{name} was {old.get(name)} and is {value}" for name, value in new.items() if old.get(name) != value]
    if changed:
        raise SettingError(
            f"{where} was made with other settings: {'; '.join(changed)}. Give another folder with out=…, or delete it."
        )
