"""A small network on the frozen encoder's vectors: it trains in about a second.

The encoder reads each text once and stays as it is; only a network with one hidden layer learns
to turn its vectors into labels. Its settings have the names of :func:`fine_tune`'s, so that a
search can be watched without waiting. Used in lesson 04.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workshop_lib import embeddings
from workshop_lib.classify.fine_tuning import learning_rate_share, settings_of, softmax
from workshop_lib.classify.measures import per_class
from workshop_lib.classify.tables import checked_table, split
from workshop_lib.texts import checked

if TYPE_CHECKING:
    import torch

Features = Mapping[str, np.ndarray]  # a text -> the vector that the frozen encoder gives it

ABOVE_ZERO = ("epochs", "batch_size", "learning_rate", "hidden")
WARM_UP = 0.1  # share of the steps in which the learning rate rises
FEW = 40  # rows of the training that has too few


@dataclass(frozen=True)
class HeadSettings:
    """All that the training of a head depends on, beside its data."""

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-3  # this and the weight decay are the defaults of PyTorch's AdamW
    weight_decay: float = 0.01
    hidden: int = 64  # width of the hidden layer
    seed: int = 0


@dataclass
class Head:
    """A trained head with the methods of :class:`Classifier`; :func:`train_head` makes it.

    It runs on the CPU, also where there is a GPU: it is too small to gain from one.
    """

    network: torch.nn.Module
    centre: np.ndarray  # Shape: (d,), mean of the training vectors
    spread: np.ndarray  # Shape: (d,), their standard deviation times √d
    features: Features
    labels: list[str]
    settings: HeadSettings
    rows: int  # how many it was trained on
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    finished: bool = True

    def predict(self, texts: Iterable[str]) -> list[str]:
        """Return the likeliest label of each text."""
        return [self.labels[number] for number in self.predict_proba(texts).argmax(axis=1)]

    def predict_proba(self, texts: Iterable[str]) -> np.ndarray:
        """Return the probability of each label, shape (n, k), columns as in ``labels``."""
        texts = checked(texts)
        if not texts:
            return np.zeros((0, len(self.labels)), np.float32)
        vectors = vectors_of(texts, self.features)  # Shape: (n, d)
        return softmax(scores(self.network, (vectors - self.centre) / self.spread))

    def evaluate(self, table: pd.DataFrame, text: str = "text", label: str = "label") -> pd.DataFrame:
        """Return precision, recall, F1 and number of cases by label, and their means."""
        table = checked_table(table, text, label, known=self.labels)
        return per_class(table[label], self.predict(table[text]), self.labels)


def frozen_vectors(texts: Iterable[str]) -> dict[str, np.ndarray]:
    """Return the vector that the frozen encoder gives each text, by the text.

    Give them to :func:`train_head`, and the encoder reads each text once, not once a training.
    """
    texts = list(dict.fromkeys(checked(texts)))
    return dict(zip(texts, embeddings.sentence_vectors(texts), strict=True))


def train_head(
    train: pd.DataFrame,
    text: str = "text",
    label: str = "label",
    features: Features | None = None,
    valid: pd.DataFrame | None = None,
    progress: bool = False,
    after_epoch: Callable[[dict], None] | None = None,
    **settings,
) -> Head:
    """Return a head, trained on a table of labelled texts; the encoder stays as it is.

    h = max(0, W₁x + b₁), scores = W₂h + b₂, where x is the encoder's vector of the text, each of
    its d numbers brought to mean 0 and standard deviation 1/√d on the training rows. AdamW
    lowers the cross-entropy; the learning rate rises and falls as in :func:`fine_tune`.

    Args:
        train: one row a text.
        text: the column of the texts.
        label: the column of the labels.
        features: what :func:`frozen_vectors` returned; the encoder reads texts that it lacks.
        valid: rows to choose the best epoch by; None trains all epochs and keeps the last.
        progress: not used; a head is trained before a bar could be drawn.
        after_epoch: called with each row of the history; it may raise an error to stop.
        **settings: fields of :class:`HeadSettings`, such as ``epochs=10``.

    Returns:
        The head of the best epoch, or of the last if ``valid`` is None.

    Raises:
        BadInputError: the table can't be learnt from, or there is no such setting.

    Used in lesson 04.
    """
    import torch

    chosen = settings_of(HeadSettings, "A head", ABOVE_ZERO, settings)
    train = checked_table(train, text, label)
    labels = sorted(set(train[label]))
    features = {} if features is None else features
    vectors = vectors_of(list(train[text]), features)  # Shape: (n, d)
    centre = vectors.mean(axis=0)
    spread = np.maximum(vectors.std(axis=0), 1e-6) * vectors.shape[1] ** 0.5
    inputs = torch.tensor((vectors - centre) / spread)  # Shape: (n, d)
    targets = torch.tensor([labels.index(value) for value in train[label]])  # Shape: (n,)
    head = Head(
        new_network(inputs.shape[1], len(labels), chosen), centre, spread, features, labels, chosen, len(train)
    )
    judge = None
    if valid is not None:
        valid = checked_table(valid, text, label, known=labels, other=train)
        held = (vectors_of(list(valid[text]), features) - centre) / spread  # Shape: (m, d)
        judge = Judge(held, np.array([labels.index(value) for value in valid[label]]), len(labels))
    history = run(head.network, inputs, targets, judge, after_epoch, chosen)
    if judge is not None:
        head.network.load_state_dict(judge.best)
    head.history = pd.DataFrame(history)
    return head


def run(network, inputs, targets, judge, after_epoch, chosen: HeadSettings) -> list[dict]:
    """Train a network in place and return its history, one row an epoch."""
    import torch

    optimiser = torch.optim.AdamW(
        network.parameters(), lr=chosen.learning_rate, weight_decay=chosen.weight_decay, fused=True
    )
    chance = torch.Generator().manual_seed(chosen.seed)
    steps = chosen.epochs * math.ceil(len(inputs) / chosen.batch_size)
    step, history = 0, []
    for epoch in range(1, chosen.epochs + 1):
        losses = []
        for rows in torch.randperm(len(inputs), generator=chance).split(chosen.batch_size):
            for group in optimiser.param_groups:
                group["lr"] = chosen.learning_rate * learning_rate_share(step, steps, WARM_UP)
            loss = torch.nn.functional.cross_entropy(network(inputs[rows]), targets[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            step += 1
        row = {"epoch": epoch, "train_loss": float(np.mean(losses))}
        if judge is not None:
            row |= judge.look(network)
        history.append(row)
        if after_epoch:
            after_epoch(row)
    return history


class Judge:
    """The validation rows: they score a network after each epoch, and keep its best state."""

    def __init__(self, inputs: np.ndarray, truth: np.ndarray, labels: int) -> None:
        self.inputs, self.truth, self.labels = inputs, truth, labels
        self.best_score, self.best = -1.0, None

    def look(self, network: torch.nn.Module) -> dict[str, float]:
        """Return loss and macro F1 on the validation rows."""
        from sklearn.metrics import f1_score

        probabilities = softmax(scores(network, self.inputs))  # Shape: (m, k)
        loss = -np.log(probabilities[np.arange(len(self.truth)), self.truth].clip(1e-9)).mean()
        said = probabilities.argmax(axis=1)
        score = f1_score(self.truth, said, average="macro", labels=range(self.labels), zero_division=0)
        if score > self.best_score:
            self.best_score = score
            self.best = {name: value.clone() for name, value in network.state_dict().items()}
        return {"valid_loss": float(loss), "valid_macro_f1": float(score)}


def new_network(width: int, labels: int, chosen: HeadSettings) -> torch.nn.Module:
    """Return a network with random weights that depend on the seed alone."""
    import torch

    with torch.random.fork_rng(devices=[]):  # the random numbers of the rest stay as they were
        torch.manual_seed(chosen.seed)
        return torch.nn.Sequential(
            torch.nn.Linear(width, chosen.hidden),  # Shape: (b, d) -> (b, hidden)
            torch.nn.ReLU(),
            torch.nn.Linear(chosen.hidden, labels),  # Shape: (b, hidden) -> (b, k)
        )


def scores(network: torch.nn.Module, inputs: np.ndarray) -> np.ndarray:
    """Return the score of each label before the softmax, shape (n, k)."""
    import torch

    with torch.inference_mode():
        return network(torch.tensor(inputs)).numpy()


def vectors_of(texts: list[str], features: Features) -> np.ndarray:
    """Return one vector a text, shape (n, d); the encoder reads those that ``features`` lacks."""
    missing = [text for text in texts if text not in features]
    if missing:
        features = {**features, **frozen_vectors(missing)}
    return np.stack([features[text] for text in texts]).astype(np.float32)


def spoilt(
    train: pd.DataFrame,
    valid: pd.DataFrame,
    text: str = "text",
    label: str = "label",
    features: Features | None = None,
    seed: int = 0,
) -> dict[str, Head]:
    """Return four trainings that went wrong, each for a reason of its own.

    Look at their curves first. What went wrong is in ``.settings`` and ``.rows`` of each.

    Args:
        train: labelled rows; one of the four sees only a few of them.
        valid: labelled rows to draw the validation loss from.

    Used in exercise 4a.
    """
    few = split(train, (FEW - 0.5) / len(train), label, seed)[1]  # the share is rounded up to a row
    recipes = {
        "A": (train, {"learning_rate": 1e-2, "weight_decay": 0.0}),
        "B": (train, {"learning_rate": 1e-6}),
        "C": (few, {"learning_rate": 5e-3, "batch_size": 8}),
        "D": (train, {"learning_rate": 1.0}),
    }
    return {
        name: train_head(rows, text, label, features, valid, seed=seed, **settings)
        for name, (rows, settings) in recipes.items()
    }
