"""Fine-tune a pretrained encoder on labelled texts, and use the classifier that comes out.

The encoder gives each text a vector (BERT's is the state of [CLS]); one linear layer on top
turns it into a score for each label; training changes both (Devlin et al. 2019). Used in
lessons 03, 04 and 05.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd

from workshop_lib import models, runtime
from workshop_lib.classify import checkpoints
from workshop_lib.classify.measures import per_class
from workshop_lib.classify.tables import checked_table, split
from workshop_lib.errors import BadInputError, MissingFileError, OfflineError
from workshop_lib.texts import CutTextWarning, batches, checked

if TYPE_CHECKING:
    import torch

TOKENS_PER_BATCH = {"cpu": 4096, "cuda": 131_072}  # for predicting
ABOVE_ZERO = ("epochs", "batch_size", "learning_rate", "max_tokens")
SORTED_TOGETHER = 20  # batches among which texts of like length are brought together

Chosen = TypeVar("Chosen")


@dataclass(frozen=True)
class Settings:
    """All that a fine-tuning depends on, beside its data."""

    base: str = "encoder"
    epochs: int = 4
    batch_size: int = 16
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    warm_up: float = 0.1  # share of the steps in which the learning rate rises
    class_weights: bool = False  # rare labels count as much as frequent ones
    patience: int = 2  # epochs without a better validation score before it stops
    max_tokens: int = 128
    train_embeddings: bool = False  # the table of word pieces, half of a small encoder
    seed: int = 0


@dataclass
class Classifier:
    """A fine-tuned model with its labels; :func:`fine_tune` makes it."""

    model: torch.nn.Module
    tokenizer: object
    labels: list[str]
    settings: Settings
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    finished: bool = True  # False if the training was interrupted

    def predict(self, texts: Iterable[str]) -> list[str]:
        """Return the likeliest label of each text."""
        return [self.labels[number] for number in self.predict_proba(texts).argmax(axis=1)]

    def predict_proba(self, texts: Iterable[str]) -> np.ndarray:
        """Return the probability of each label, shape (n, k), columns as in ``labels``.

        softmax(z)_j = exp(z_j) / Σ_i exp(z_i) over the scores z of the labels.
        """
        return softmax(self.scores(texts))

    def scores(self, texts: Iterable[str]) -> np.ndarray:
        """Return the score (logit) of each label before the softmax, shape (n, k)."""
        import torch

        texts = checked(texts)
        found = np.zeros((len(texts), len(self.labels)), np.float32)
        ids = token_ids(self.tokenizer, texts, self.settings.max_tokens)
        self.model.eval()
        budget = TOKENS_PER_BATCH[self.model.device.type]
        for rows in batches([len(row) for row in ids], budget):
            tensors = padded([ids[row] for row in rows], self.tokenizer.pad_token_id, self.model.device)
            with torch.inference_mode(), autocast(self.model.device, runtime.precision()):
                found[rows] = self.model(**tensors).logits.float().cpu().numpy()  # Shape: (b, k)
        return found

    def evaluate(self, table: pd.DataFrame, text: str = "text", label: str = "label") -> pd.DataFrame:
        """Return precision, recall, F1 and number of cases by label, and their means.

        Args:
            table: rows that the training has not seen.
            text: the column of the texts.
            label: the column of the labels.
        """
        table = checked_table(table, text, label, known=self.labels)
        return per_class(table[label], self.predict(table[text]), self.labels)

    def save(self, folder: str | Path) -> Path:
        """Write a Hugging Face folder that this course and the ``pipeline`` of the library read."""
        folder = Path(folder)
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        record = {
            "labels": self.labels,
            "settings": asdict(self.settings),
            "history": self.history.to_dict("records"),
            "finished": self.finished,
        }
        (folder / "classifier.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Classifier:
        """Return the classifier that :meth:`save` wrote.

        Raises:
            MissingFileError: the folder holds no classifier.
        """
        import transformers

        file = Path(folder) / "classifier.json"
        if not file.exists():
            raise MissingFileError(
                f"There is no classifier in {folder}: classifier.json is missing. "
                "Give the folder that classifier.save(folder) wrote."
            )
        record = json.loads(file.read_text(encoding="utf-8"))
        model = transformers.AutoModelForSequenceClassification.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return cls(
            model.to(runtime.device()).eval(),
            tokenizer,
            record["labels"],
            Settings(**record["settings"]),
            pd.DataFrame(record["history"]),
            record["finished"],
        )


def fine_tune(
    train: pd.DataFrame,
    text: str = "text",
    label: str = "label",
    base: str = "encoder",
    valid: pd.DataFrame | float | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = True,
    after_epoch: Callable[[dict], None] | None = None,
    **settings,
) -> Classifier:
    """Return a classifier, fine-tuned on a table of labelled texts.

    Args:
        train: one row a text.
        text: the column of the texts.
        label: the column of the labels; numbers become strings.
        base: a role of :func:`models.table`, the name of a model on the hub, a folder, or
            "scratch" for a small Transformer with random weights.
        valid: rows to choose the best epoch by and to stop early; or the share of ``train``
            that is set apart for it, with the labels' shares kept; None trains all epochs.
        checkpoint: folder where the training is kept every minute. The same call after a kill
            goes on from there, to the same result.
        progress: show a bar with loss and time left.
        after_epoch: called with each row of the history; it may raise an error to stop.
        **settings: fields of :class:`Settings`, such as ``epochs=3`` or ``learning_rate=5e-5``.

    Returns:
        The classifier of the best epoch, or of the last if ``valid`` is None. Interrupted
        (Ctrl-C), it returns what it has, with ``finished`` False.

    Raises:
        BadInputError: a column is missing, a label is missing, or only one label occurs.
        OfflineError: the model must be downloaded first.

    Source: Devlin et al. (2019), BERT, NAACL. Used in lessons 03, 04 and 05.
    """
    chosen = settings_of(Settings, "fine_tune", ABOVE_ZERO, {"base": base, **settings})
    train = checked_table(train, text, label)
    if isinstance(valid, float):
        train, valid = split(train, valid, label, chosen.seed)
    labels = sorted(set(train[label]))
    if valid is not None:
        valid = checked_table(valid, text, label, known=labels, other=train)
    run = Run(train, valid, text, label, labels, chosen, checkpoint, progress)
    run.after_epoch = after_epoch
    return run.go()


def settings_of(kind: type[Chosen], owner: str, above_zero: Iterable[str], settings: dict) -> Chosen:
    """Return settings of a kind, or raise an error that names the one that can't be used.

    Args:
        kind: a dataclass, such as :class:`Settings`.
        owner: whose settings these are, for the error.
        above_zero: names of settings that must be above zero.
    """
    known = kind.__dataclass_fields__
    for name in settings:
        if name not in known:
            raise BadInputError(f"{owner} has no setting '{name}'. It has: {', '.join(known)}.")
    chosen = kind(**settings)
    for name in above_zero:
        if not getattr(chosen, name) > 0:
            raise BadInputError(f"{name} is {getattr(chosen, name)!r}. Choose a number above 0.")
    return chosen


class Run:
    """One fine-tuning: the model, its data and where it stands."""

    def __init__(self, train, valid, text, label, labels, settings, checkpoint, progress) -> None:
        import torch

        self.settings, self.labels, self.progress = settings, labels, progress
        self.after_epoch: Callable[[dict], None] | None = None
        torch.manual_seed(settings.seed)
        self.model, self.tokenizer = new_model(settings, labels)
        self.ids = token_ids(self.tokenizer, list(train[text]), settings.max_tokens, warn=True)
        self.targets = np.array([labels.index(value) for value in train[label]])
        self.valid, self.text, self.label = valid, text, label
        self.weights = self._weights()
        self.steps_per_epoch = math.ceil(len(self.ids) / settings.batch_size)
        self.optimiser = optimiser_of(self.model, settings)
        self.store = checkpoints.Store(checkpoint, settings, self.ids, self.targets) if checkpoint else None
        self.step, self.history = 0, []
        self.best_score, self.best = -1.0, None

    def _weights(self) -> torch.Tensor | None:
        import torch

        if not self.settings.class_weights:
            return None
        counts = np.bincount(self.targets, minlength=len(self.labels))
        weights = len(self.targets) / (len(self.labels) * counts)
        return torch.tensor(weights, dtype=torch.float32, device=self.model.device)  # Shape: (k,)

    def go(self) -> Classifier:
        """Train to the end, or as far as it gets."""
        if self.store:
            self.store.restore(self)
        finished = True
        try:
            self._train()
        except KeyboardInterrupt:
            finished = False
            if self.store:
                self.store.save(self)
            warnings.warn(
                f"Interrupted at step {self.step}. You have the classifier as it is now"
                + ("; the same call goes on from the checkpoint." if self.store else "."),
                stacklevel=3,
            )
        if self.best is not None:
            self.model.load_state_dict(self.best, strict=False)
        history = pd.DataFrame(self.history)
        return Classifier(self.model.eval(), self.tokenizer, self.labels, self.settings, history, finished)

    def _train(self) -> None:
        from tqdm.auto import tqdm

        total = self.steps_per_epoch * self.settings.epochs
        with tqdm(total=total, initial=self.step, desc="fine-tuning", disable=not self.progress) as bar:
            for epoch in range(self.step // self.steps_per_epoch, self.settings.epochs):
                if self._out_of_patience():
                    break
                self._epoch(epoch, bar)

    def _epoch(self, epoch: int, bar) -> None:
        losses = []
        order = epoch_batches([len(row) for row in self.ids], self.settings, epoch)
        for rows in order[self.step % self.steps_per_epoch :]:
            losses.append(self._step(rows))
            bar.update()
            bar.set_postfix(epoch=epoch + 1, loss=f"{np.mean(losses[-20:]):.3f}")
            if self.store:
                self.store.save_if_due(self)
        self.history.append({"epoch": epoch + 1, "train_loss": float(np.mean(losses)), **self._validate()})
        if self.store:
            self.store.save(self)
        if self.after_epoch:
            self.after_epoch(self.history[-1])

    def _step(self, rows: list[int]) -> float:
        import torch

        total = self.steps_per_epoch * self.settings.epochs
        share = learning_rate_share(self.step, total, self.settings.warm_up)
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * share
        torch.manual_seed(self.settings.seed * 1_000_003 + self.step)  # dropout, also after a resume
        self.model.train()
        device = self.model.device
        tensors = padded([self.ids[row] for row in rows], self.tokenizer.pad_token_id, device)
        targets = torch.tensor(self.targets[rows], device=device)
        with autocast(device, runtime.training_precision()):
            logits = self.model(**tensors).logits  # Shape: (b, k)
        loss = torch.nn.functional.cross_entropy(logits.float(), targets, weight=self.weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        return loss.item()

    def _validate(self) -> dict[str, float]:
        if self.valid is None:
            return {}
        judge = Classifier(self.model, self.tokenizer, self.labels, self.settings)
        probabilities = judge.predict_proba(self.valid[self.text])  # Shape: (n, k)
        truth = np.array([self.labels.index(value) for value in self.valid[self.label]])
        loss = -np.log(probabilities[np.arange(len(truth)), truth].clip(1e-9)).mean()
        predicted = [self.labels[number] for number in probabilities.argmax(axis=1)]
        score = float(per_class(self.valid[self.label], predicted, self.labels).loc["macro", "F1"])
        if score > self.best_score:
            trained = {name for name, p in self.model.named_parameters() if p.requires_grad}
            state = self.model.state_dict()
            self.best = {name: state[name].detach().clone() for name in trained}
            self.best_score = score
        return {"valid_loss": float(loss), "valid_macro_f1": score}

    def _out_of_patience(self) -> bool:
        scores = [row["valid_macro_f1"] for row in self.history if "valid_macro_f1" in row]
        return bool(scores) and len(scores) - 1 - int(np.argmax(scores)) >= self.settings.patience


# ── Parts ────────────────────────────────────────────────────────────────────────────────


def new_model(settings: Settings, labels: list[str]) -> tuple[torch.nn.Module, object]:
    """Return an encoder with a fresh layer for the labels, and its tokenizer."""
    names = {"id2label": dict(enumerate(labels)), "label2id": {name: i for i, name in enumerate(labels)}}
    if settings.base == "scratch":
        model, tokenizer = from_scratch(names)
    elif settings.base in {role for role, _ in models.CARDS}:
        model, tokenizer = from_role(settings.base, names)
    else:
        model, tokenizer = from_hub(settings.base, names)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    if settings.base != "scratch" and not settings.train_embeddings:
        model.get_input_embeddings().weight.requires_grad = False
    return model.to(runtime.device()), tokenizer


def from_role(role: str, names: dict) -> tuple[torch.nn.Module, object]:
    import transformers

    loaded = models.load(role)
    config = type(loaded.model.config).from_dict(loaded.model.config.to_dict() | names)
    try:
        model = transformers.AutoModelForSequenceClassification.from_config(config)
    except ValueError:
        raise BadInputError(
            f"The {role} ({loaded.card.name}) can't be given a layer for labels. "
            "Choose another base, such as 'encoder'."
        ) from None
    body = getattr(loaded.model, model.base_model_prefix, loaded.model)
    getattr(model, model.base_model_prefix).load_state_dict(body.state_dict(), strict=False)
    return model, loaded.tokenizer


def from_hub(name: str, names: dict) -> tuple[torch.nn.Module, object]:
    import transformers

    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(name)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(
            name, use_safetensors=True, dtype="float32", **names
        )
    except (OSError, ValueError) as error:
        raise OfflineError(
            f"The base '{name}' is no role of the course, and no model of that name could be read "
            f"({str(error).splitlines()[0]}). Take a role, such as 'encoder', a folder, or "
            "connect to the network."
        ) from error
    return model, tokenizer


def from_scratch(names: dict) -> tuple[torch.nn.Module, object]:
    """Return a small BERT with random weights, and the encoder's tokenizer."""
    import transformers

    tokenizer = models.load("encoder").tokenizer
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=128, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=512, **names,
    )  # fmt: skip
    return transformers.BertForSequenceClassification(config), tokenizer


def optimiser_of(model: torch.nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """Return AdamW; biases and layer norms aren't pulled towards zero."""
    import torch

    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def learning_rate_share(step: int, steps: int, warm_up: float) -> float:
    """Return the learning rate as a share of its peak: it rises, then falls to zero in a line.

    >>> [round(learning_rate_share(step, steps=100, warm_up=0.1), 2) for step in (0, 9, 55, 99)]
    [0.1, 1.0, 0.5, 0.01]
    """
    rising = max(1, round(warm_up * steps))
    return min((step + 1) / rising, (steps - step) / max(1, steps - rising))


def epoch_batches(lengths: list[int], settings: Settings, epoch: int) -> list[list[int]]:
    """Return the rows of each step of an epoch: a new order each time, like lengths together.

    It depends on the seed and the epoch alone, so that a resumed run sees the same batches.
    """
    chance = np.random.default_rng([settings.seed, epoch])
    order = chance.permutation(len(lengths))
    size, found = settings.batch_size, []
    for start in range(0, len(order), size * SORTED_TOGETHER):
        group = sorted(order[start : start + size * SORTED_TOGETHER], key=lambda row: lengths[row])
        found += [[int(row) for row in group[i : i + size]] for i in range(0, len(group), size)]
    return [found[number] for number in chance.permutation(len(found))]


def token_ids(tokenizer, texts: list[str], max_tokens: int, warn: bool = False) -> list[list[int]]:
    """Return the token ids of each text, at most ``max_tokens`` of them."""
    if not texts:
        return []
    found = tokenizer(texts, truncation=True, max_length=max_tokens, return_token_type_ids=False)
    ids = [row or [tokenizer.pad_token_id] for row in found["input_ids"]]
    if warn:
        cut = sum(len(row) >= max_tokens for row in ids)
        if cut:
            warnings.warn(
                f"{cut} of {len(texts)} texts have {max_tokens} tokens or more; only their "
                "beginning counts. Raise max_tokens, or split the texts.",
                CutTextWarning,
                stacklevel=4,
            )
    return ids


def padded(rows: list[list[int]], pad: int, device) -> dict[str, torch.Tensor]:
    """Return token ids as one tensor with its attention mask, both of shape (b, n)."""
    import torch

    longest = max(map(len, rows))
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows], device=device)
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
    return {"input_ids": ids, "attention_mask": mask}


def autocast(device, precision: torch.dtype):
    """Return a context in which matrix products are computed in bfloat16, if that is asked for."""
    import torch

    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == torch.bfloat16)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return exp(z) / Σ exp(z) along the last axis."""
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
