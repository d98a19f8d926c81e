"""Label pictures, texts, or both together, by an image-text model; fine-tune it on hand labels.

Such a model gives a picture and a caption that fit vectors that are close. All of it, training
included, happens on this machine. Used in lesson 06.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from workshop_lib import models
from workshop_lib.errors import BadInputError, SettingError
from workshop_lib.labeling.codebook import Choice, Codebook, Scale, Tags
from workshop_lib.labeling.engines.encoder import Encoder, Head
from workshop_lib.labeling.engines.replay import hand_labels, read_folder, write_folder
from workshop_lib.labeling.protocol import Item

if TYPE_CHECKING:
    import pandas as pd
    import torch

CHUNK = 64  # pictures or texts that go through the model at a time
HEADS, MODEL = "heads.safetensors", "model.safetensors"  # files of a saved engine


class Clip(Encoder):
    """An image-text model: zero-shot as :class:`Encoder`, or fine-tuned by ``fit``.

    The similarity of a pair and a label is the mean of the picture's and the text's. Texts are cut
    where the model stops reading: at 32 tokens in the mini profile, 77 in the full one.

    Args:
        role: "image_text".
        codebook: where the definitions are; None compares with the bare labels.
        temperature: cosines are divided by it; None takes what the model has learnt.
        threshold: the cosine from which a tag is more likely than not.
        reads: "image", "text" or "pair"; None reads what an item has.

    Source: Radford et al. (2021), Learning Transferable Visual Models, ICML. Used in lesson 06.
    """

    name, roles = "clip", ("image_text",)

    def __init__(
        self, role: str = "image_text", codebook: Codebook | None = None, temperature: float | None = None,
        threshold: float = 0.25, reads: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(role, codebook, temperature, threshold)
        if reads not in (None, "image", "text", "pair"):
            raise BadInputError(f"reads is {reads!r}. Choose 'image', 'text' or 'pair', or None for what there is.")
        self.reads, self.tuned, self.losses, self._tuned_digest = reads, None, {}, ""

    def settings(self) -> dict:
        """Return everything that changes answers: also what is read, and the SHA-256 of tuned weights."""
        return {**super().settings(), "reads": self.reads, "tuned": self._tuned_digest}

    def fit(
        self, frame: pd.DataFrame, question: str, text: str | None = "text", images: str | None = "image",
        epochs: int = 20, lr: float | None = None, whole: bool = False, batch: int = 16, seed: int = 0,
    ) -> Self:  # fmt: skip
        """Return an engine that was tuned on a question, with ``losses[question]`` by epoch; this one stays as it is.

        A linear layer on the vectors (for a pair, both in a row) starts as the zero-shot answer if there
        is one (Wortsman et al. 2022, CVPR), and is trained with AdamW on the cross-entropy: alone, or
        with the whole model.

        Args:
            frame: one row an example, with "id", texts, pictures' files or both, and hand labels.
            question: its name, and that of the column of labels. Rows without a label don't count.
            text, images: the columns of texts and of pictures; None, or no column "text" or "image": not read.
            epochs: how often each example is seen.
            lr: learning rate; None is 0.003 for the layer alone, 0.00001 for the whole model (small ones take more).
            whole: whether to train all weights; fit other questions after that one.
            batch: examples a step.
            seed: decides the order of the examples.

        Raises:
            BadInputError: a column, label, picture or text is missing, a number makes no sense, or the loss is NaN.
        """
        import torch

        lr = (1e-5 if whole else 3e-3) if lr is None else lr
        if epochs < 1 or batch < 1 or not 0 < lr < 1:
            raise BadInputError(f"epochs {epochs}, batch {batch} and lr {lr} won't do. Give 1 or more, and a small lr.")
        if whole and self.heads:
            raise BadInputError(f"{', '.join(self.heads)} is fitted to the model as it is. Use whole=True first.")
        text, images = (None if name == usual and name not in frame.columns else name
                        for name, usual in ((text, "text"), (images, "image")))  # fmt: skip
        items, labels, asked = hand_labels(frame, question, self._known(question), text, images)
        reads = self.reads or ("pair" if text and images else "image" if images else "text")
        self._load()
        tuned = copy.copy(self) if whole else self
        with self._lock:
            fixed = torch.tensor(np.stack([part.ravel() for part in self._features(items, reads)]))
            weights, bias = self._start(asked, 2 if reads == "pair" else 1)
        trained = [torch.nn.Parameter(torch.tensor(part)) for part in (weights, bias)]
        if whole:
            tuned.tuned = copy.deepcopy(self._model)
        optimiser = torch.optim.AdamW([*trained, *(tuned.tuned.parameters() if whole else ())], lr=lr)
        measure, chosen = torch.nn.functional.cross_entropy, [[label] for label in labels]
        if asked.kind == "tags":
            measure, chosen = torch.nn.functional.binary_cross_entropy_with_logits, [one.split("|") for one in labels]
        targets = torch.tensor([[option in one for option in asked.options] for one in chosen]).float()
        chance, losses = torch.Generator().manual_seed(seed), []
        for _ in range(epochs):
            losses.append(0.0)
            for rows in torch.randperm(len(items), generator=chance).split(batch):
                vectors = tuned._states([items[row] for row in rows], reads).cpu() if whole else fixed[rows]
                logits = vectors @ trained[0].T / self._divisor + trained[1]  # Shape: (b, labels)
                optimiser.zero_grad()
                (loss := measure(logits, targets[rows])).backward()
                optimiser.step()
                losses[-1] += loss.item() * len(rows) / len(items)
            if not np.isfinite(losses[-1]):
                raise BadInputError(f"The loss is {losses[-1]} in epoch {len(losses)}. Lower the learning rate {lr}.")
        trained[0].data /= self._divisor
        if whole:
            tuned._tuned_digest = hashlib.sha256(_model_bytes(tuned.tuned)).hexdigest()
        arrays = (part.detach().numpy() for part in trained)
        tuned = tuned._with_head(question, Head(asked.kind, asked.options, *arrays, reads))
        tuned.losses = {**self.losses, question: losses}
        return tuned

    def save(self, folder: str | Path) -> Path:
        """Write what was tuned into a folder, as safetensors and JSON; :meth:`load` reads it."""
        from safetensors.numpy import save

        heads = [(f"{place}.", head) for place, head in enumerate(self.heads.values())]
        parts = {f"{place}{name}": getattr(head, name) for place, head in heads for name in ("weights", "bias")}
        files = {HEADS: save(parts)} | ({MODEL: _model_bytes(self.tuned)} if self.tuned is not None else {})
        facts = {
            "model": self.model, "codebook": self.codebook and self.codebook.to_yaml(), "losses": self.losses,
            "options": {"temperature": self.temperature, "threshold": self.threshold, "reads": self.reads},
            "heads": {name: [head.kind, head.labels, head.reads] for name, head in self.heads.items()},
        }  # fmt: skip
        return write_folder(folder, files, facts)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Return the engine that :meth:`save` wrote; it gives the same answers.

        Raises:
            MissingFileError, DamagedFileError, SettingError: a file is gone or changed, or the model is another.
        """
        from safetensors.torch import load_file

        folder, facts = Path(folder), read_folder(folder)
        engine = cls(codebook=Codebook.from_yaml(facts["codebook"]) if facts["codebook"] else None, **facts["options"])
        if engine.model != facts["model"]:
            raise SettingError(f"{folder} was tuned from {facts['model']}; in this profile it is {engine.model}.")
        parts = load_file(folder / HEADS)
        for place, (name, (kind, labels, reads)) in enumerate(facts["heads"].items()):
            arrays = (parts[f"{place}.{part}"].numpy() for part in ("weights", "bias"))
            engine.heads[name] = Head(kind, tuple(labels), *arrays, reads)
        engine.losses, engine._tuned_digest = facts["losses"], facts["files"].get(MODEL, "")
        if engine._tuned_digest:
            engine.tuned = copy.deepcopy(engine._model)
            engine.tuned.load_state_dict(load_file(folder / MODEL))
        return engine

    def _load(self) -> None:
        super()._load()
        self._divisor = self.temperature or 1 / self._model.logit_scale.exp().item()

    @property
    def _model(self) -> Any:
        """The model in use: the tuned one, if there is one."""
        return self.tuned if self.tuned is not None else models.load(self.card.role).model

    def _start(self, question: Choice | Tags | Scale, parts: int) -> tuple[np.ndarray, np.ndarray]:
        """Return weights (labels, features) and bias (labels,) that answer as zero-shot does; else zeros."""
        shift = self.threshold / self._divisor if question.kind == "tags" else 0
        try:
            vectors = self._label_vectors(question)
        except BadInputError:  # a scale without anchors
            vectors = np.zeros((len(question.options), self._model.config.projection_dim))
        return np.tile(vectors / parts, parts).astype(np.float32), np.full(len(vectors), -shift, np.float32)

    def _states(self, items: Sequence[Item], reads: str) -> torch.Tensor:
        """Return the vectors of items as they are learnt from, shape (items, features)."""
        import torch

        pictures = [self._embed([read_picture(item.image) for item in items])] if reads != "text" else []
        return torch.cat(pictures + ([self._embed([item.text for item in items])] if reads != "image" else []), dim=1)

    def _embed(self, things: Sequence[Any]) -> torch.Tensor:
        """Return one vector of length 1 for each of some texts or pictures, shape (things, d)."""
        import torch

        model, processor = self._model, models.load(self.card.role).tokenizer
        if isinstance(things[0], str):
            inputs = processor(text=list(things), return_tensors="pt", padding=True, truncation=True).to(model.device)
            pooled = model.text_model(inputs.input_ids, attention_mask=inputs.attention_mask).pooler_output
            return torch.nn.functional.normalize(model.text_projection(pooled), dim=-1)
        pixels = processor(images=list(things), return_tensors="pt").pixel_values.to(model.device)
        pooled = model.vision_model(pixel_values=pixels).pooler_output
        return torch.nn.functional.normalize(model.visual_projection(pooled), dim=-1)

    def _text_vectors(self, texts: Sequence[str]) -> np.ndarray:
        return self._cached(texts, self._in_chunks)

    def _in_chunks(self, keys: Sequence[str | tuple]) -> np.ndarray:
        """Return one vector a text or a picture; a picture's key begins with its file."""
        import torch

        found = {}
        for kind in (str, tuple):
            some = [key for key in keys if isinstance(key, kind)]
            for start in range(0, len(some), CHUNK):
                part = some[start : start + CHUNK]
                with torch.inference_mode():
                    vectors = self._embed(part if kind is str else [read_picture(key[0]) for key in part])
                found.update(zip(part, vectors.cpu().numpy(), strict=True))
        return np.stack([found[key] for key in keys])

    def _features(self, items: Sequence[Item], reads: str | None = None) -> list[np.ndarray]:
        """Return one array of shape (1, d) an item; of shape (2, d), picture first, for a pair."""
        reads, wanted = reads or self.reads, []
        for item in items:
            lacks = {"image": item.image is None, "text": not item.text.strip()}
            if any(lacks.values() if reads == "pair" else [lacks[reads]] if reads else ()):
                raise BadInputError(f"The item '{item.id}' lacks a text or a picture, but reads is '{reads}'.")
            file = None if reads == "text" or lacks["image"] else item.image
            keys = [(file, file.stat().st_mtime_ns, file.stat().st_size)] if file else []
            wanted.append(keys + ([] if reads == "image" or lacks["text"] else [item.text]))
        vectors = iter(self._cached([key for keys in wanted for key in keys], self._in_chunks))
        return [np.stack([next(vectors) for _ in keys]) for keys in wanted]


def read_picture(file: Path) -> Any:
    """Return a picture upright, in RGB, on white where it is transparent."""
    from PIL import Image, ImageOps

    with Image.open(file) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def _model_bytes(model: Any) -> bytes:
    """Return a model's weights as the content of a safetensors file."""
    from safetensors.torch import save

    return save({name: part.detach().cpu().contiguous() for name, part in model.state_dict().items()})
