"""Fine-tune the course's assistant on hand labels, on this machine.

Low-rank adapters (Hu et al. 2022) are trained on the answers only, merged into the weights, and
saved as a plain folder that transformers and its server read. Used in lesson 06.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workshop_lib import models
from workshop_lib.errors import BadInputError
from workshop_lib.labeling.adapter_training import WEIGHTS, Row, Training, check_same, read_record
from workshop_lib.labeling.jsonl import read_jsonl, usable

if TYPE_CHECKING:
    import pandas as pd


class Tuned(NamedTuple):
    """A fine-tuned assistant."""

    folder: Path  # what load_tuned, from_pretrained and `transformers serve` read
    history: pd.DataFrame  # by epoch: losses, share of validation answers that are exactly right, seconds
    best: int  # the epoch whose weights were kept
    left_out: int  # examples longer than the model's context

    def __str__(self) -> str:
        title = f"Fine-tuned assistant in {self.folder}, weights of epoch {self.best}"
        return f"{title}\n{self.history.round(3).to_string()}"

    __repr__ = __str__


def tune_assistant(
    folder: str | Path,
    out: str | Path | None = None,
    epochs: int = 3,
    minutes: float | None = None,
    rank: int = 8,
    learning_rate: float = 1e-3,
    batch_size: int = 16,
    seed: int = 0,
    start: models.Loaded | None = None,
    progress: bool = True,
) -> Tuned:
    """Fine-tune the assistant on train.jsonl; keep the epoch that does best on valid.jsonl.

    A checkpoint is written every minute. After a kill or Ctrl-C the same call goes on from it;
    after the end it returns what there is.

    Args:
        folder: with train.jsonl and perhaps valid.jsonl, as `finetune_jsonl` writes them.
        out: the new model's folder; None is "assistant" in ``folder``.
        epochs: how often each example is seen.
        minutes: end after so many, if the epochs aren't through by then.
        rank: of the adapters; 0 < rank.
        learning_rate: at its peak; it rises at first and then falls to zero.
        batch_size: examples in a step.
        seed: of the order and of the adapters' first values.
        start: the model to begin with; None is ``models.load("assistant")``, which isn't changed.
        progress: whether to show a bar.

    Returns:
        The folder, the history (epoch 0: before training), and the epoch that was kept.

    Raises:
        MissingFileError: there is no train.jsonl.
        BadInputError: something is wrong with a file or a setting, or no example fits the context.
        SettingError: ``out`` holds a model with other data or settings.

    Source: Hu et al. (2022), LoRA, ICLR. Used in lesson 06.
    """
    folder = Path(folder)
    out = folder / "assistant" if out is None else Path(out)
    whole = {"epochs": epochs, "rank": rank, "batch_size": batch_size}
    for name, value in {**whole, "learning_rate": learning_rate}.items():
        if not value > 0 or (name in whole and not isinstance(value, int)):
            raise BadInputError(f"{name} is {value!r}. Give a {'whole ' if name in whole else ''}number above 0.")
    if minutes is not None and minutes <= 0:
        raise BadInputError(f"minutes is {minutes!r}. Give a number above 0, or None for all epochs.")
    files = [folder / "train.jsonl", *(file for file in [folder / "valid.jsonl"] if file.exists())]
    for place, file in enumerate(files):
        usable(file, against=files[:place])
    loaded = start or models.load("assistant")
    mark = hashlib.sha256(b"".join(file.read_bytes() for file in files))
    settings = {"epochs": epochs, "minutes": minutes, "rank": rank, "learning_rate": learning_rate}
    settings |= {"batch_size": batch_size, "seed": seed, "start": loaded.card.sha256, "data": mark.hexdigest()}
    if out.exists():
        return _finished(out, settings)
    rows = [[encode(loaded.tokenizer, messages) for messages in read_jsonl(file)] for file in files]
    most = getattr(loaded.model.config, "max_position_embeddings", None) or 10**9
    kept = [[row for row in part if len(row[0]) <= most] for part in rows]
    left_out = sum(map(len, rows)) - sum(map(len, kept))
    if not kept[0]:
        raise BadInputError(f"All examples have more than {most} tokens, the model's context. Shorten the texts.")
    if left_out:
        text = f"{left_out} examples have more than {most} tokens, the model's context, and are left out."
        warnings.warn(text, stacklevel=2)
    training = Training(loaded, kept[0], kept[1] if len(kept) > 1 else [], settings, out, progress)
    training.go()
    return _tuned(out, training.save(left_out))


def load_tuned(folder: str | Path) -> models.Loaded:
    """Return a fine-tuned assistant as ``models.load`` returns the shipped one.

    Raises:
        MissingFileError: there is none in the folder.
        DamagedFileError: its weights aren't those that were saved.

    Used in lesson 06.
    """
    import transformers

    from workshop_lib import runtime

    folder = Path(folder)
    record = read_record(folder)
    models.check_file(folder / WEIGHTS, record["sha256"], "Delete the folder and call tune_assistant() again.")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype="float32")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    size = (folder / WEIGHTS).stat().st_size / 1e6
    card = models.Card(
        role="assistant", profile="tuned", name=folder.name, parameters_m=model.num_parameters() / 1e6, size_mb=size,
        licence=record["licence"], origin=f"fine-tuned from {record['from']}", sha256=record["sha256"],
    )  # fmt: skip
    return models.Loaded(model.to(runtime.device()).eval(), tokenizer, card)


def encode(tokenizer, messages: Sequence[dict]) -> Row:
    """Return the token ids of a conversation in the model's own form, and where its last answer begins.

    Raises:
        BadInputError: a picture, which the assistant can't read, or a tokenizer without such a form.
    """
    talk = []
    for message in messages:
        parts = message["content"] if isinstance(message["content"], list) else [{"text": message["content"]}]
        if any("text" not in part for part in parts):
            raise BadInputError("An example has a picture, and the assistant reads texts only. Leave such rows out.")
        role = "system" if message["role"] == "developer" else message["role"]
        talk.append({"role": role, "content": "".join(part["text"] for part in parts)})
    told = tokenizer.apply_chat_template(talk[:-1], tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template(talk, tokenize=False)
    if not whole.startswith(told):
        raise BadInputError("The tokenizer's chat template puts no answer after a question. Start from another model.")
    before, after = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (told, whole[len(told) :]))
    return [*before, *after], len(before)


def _tuned(out: Path, record: dict) -> Tuned:
    import pandas as pd

    return Tuned(out, pd.DataFrame(record["history"]).set_index("epoch"), record["best"], record["left_out"])


def _finished(out: Path, settings: dict) -> Tuned:
    record = read_record(out)
    check_same(record["settings"], settings, out)
    return _tuned(out, record)
