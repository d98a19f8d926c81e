"""Label by closeness of vectors: to the label and its definition, or to examples.

An encoder writes nothing and needs no prompt: it reads the item alone, whatever the wording, the
order of the labels or the shots of a run. Used in lesson 06.
"""

from __future__ import annotations

import copy
import hashlib
import json
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from workshop_lib.errors import BadInputError, SettingError, UnknownNameError, WorkshopError
from workshop_lib.labeling.codebook import Choice, Codebook, Scale, Tags
from workshop_lib.labeling.engines.chat import question_of
from workshop_lib.labeling.engines.replay import described, hand_labels
from workshop_lib.labeling.protocol import Answer, Item, Request, StopRun

if TYPE_CHECKING:
    import pandas as pd

KEPT = 20_000  # vectors in the cache


class Head(NamedTuple):
    """What was learnt about one question: logits = weights · vector + bias."""

    kind: str  # "choice", "tags" or "scale"
    labels: tuple[str, ...]
    weights: np.ndarray  # Shape: (labels, features), float32
    bias: np.ndarray  # Shape: (labels,), float32
    reads: str = "text"  # or "image" or "pair"

    def digest(self) -> str:
        """Return the SHA-256 of the head, as 64 hexadecimal digits."""
        about = json.dumps([self.kind, self.labels, self.reads]).encode()
        return hashlib.sha256(about + self.weights.tobytes() + self.bias.tobytes()).hexdigest()


def probabilities(kind: str, logits: np.ndarray) -> np.ndarray:
    """Return exp(z_i) / Σ_j exp(z_j) where one label applies; for tags 1 / (1 + exp(−z_i)) each.

    >>> probabilities("choice", np.log([1, 3])).round(2).tolist(), probabilities("tags", np.zeros(2)).tolist()
    ([0.25, 0.75], [0.5, 0.5])
    """
    logits = np.asarray(logits, float)
    if kind == "tags":
        return 1 / (1 + np.exp(-logits.clip(-500, 500)))
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


class Encoder:
    """A text encoder: zero-shot by similarity, and after ``fit`` by logistic regression.

    Zero-shot, an item and a label are as similar as the cosine of the item's vector and that of
    the text "label: definition". Of several labels, p(label) ∝ exp(cosine / temperature); of tags,
    p(tag) = 1 / (1 + exp((threshold − cosine) / temperature)), and 0.5 or more gives the tag. The
    vector of a number on a scale lies between those of the anchors around it. Such probabilities
    aren't calibrated.

    Args:
        role: "encoder", the role whose vectors ``embeddings.sentence_vectors`` gives.
        codebook: where the definitions are; None compares with the bare labels.
        temperature: cosines are divided by it. 0.05 is what the mini model was trained with.
        threshold: the cosine from which a tag is more likely than not.

    Source: Reimers and Gurevych (2019), Sentence-BERT, EMNLP. Used in lesson 06.
    """

    name = "encoder"
    local = True
    roles = ("encoder",)

    def __init__(
        self, role: str = "encoder", codebook: Codebook | None = None, temperature: float | None = 0.05,
        threshold: float = 0.25,
    ) -> None:  # fmt: skip
        from workshop_lib import models

        if role not in self.roles:
            raise UnknownNameError(f"The {self.name} engine can't use the role {role!r}, only {self.roles[0]!r}.")
        if codebook is not None and not isinstance(codebook, Codebook):
            raise BadInputError(f"The codebook is a {type(codebook).__name__}. Read one with Codebook.read(file).")
        if temperature is not None and not 0 < temperature < float("inf") or not -1 <= threshold <= 1:
            raise BadInputError(
                f"temperature is {temperature!r} and threshold {threshold!r}. Give a temperature above 0, such as "
                "0.05, and a threshold from -1 to 1."
            )
        self.card = models.card_of(role)
        self.model = f"{role}-{self.card.profile}-{self.card.sha256[:8]}"
        self.codebook, self.temperature, self.threshold = codebook, temperature, threshold
        self._divisor = temperature
        self.heads: dict[str, Head] = {}
        self.__setstate__({})

    def __getstate__(self) -> dict:
        """Leave lock and cache behind; a copy makes its own."""
        return {name: value for name, value in vars(self).items() if name not in ("_lock", "_cache")}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state, _lock=threading.Lock(), _cache={})  # one call at a time: each uses all cores

    def settings(self) -> dict:
        """Return everything that changes answers: weights, temperature, label texts, what was fitted."""
        questions = self.codebook.questions if self.codebook else {}
        texts = {name: [one.kind, list(one.options), list(described(one).items())] for name, one in questions.items()}
        return {
            "engine": self.name, "model": self.model, "weights": self.card.sha256, "precision": "float32",
            "temperature": self.temperature, "threshold": self.threshold, "labels": texts,
            "fitted": {name: head.digest() for name, head in self.heads.items()},
        }  # fmt: skip

    def fit(self, frame: pd.DataFrame, question: str, text: str = "text", c: float = 10.0) -> Self:
        """Return an engine that has learnt a question: logistic regression on frozen vectors.

        It is quick and gives the same each time, so there is nothing to save: keep the examples.

        Args:
            frame: one row an example, with "id", a text, and the hand labels.
            question: its name, and that of the column of labels. Rows without a label don't count.
            text: the column of the texts.
            c: inverse strength of the L2 penalty.

        Raises:
            BadInputError: no such question or column, an unknown label, or only one label.
        """
        from sklearn.linear_model import LogisticRegression

        items, labels, asked = hand_labels(frame, question, self._known(question), text)
        self._load()
        with self._lock:
            vectors, rows, shifts = np.concatenate(self._features(items)), [], []
        for tag in asked.options if asked.kind == "tags" else [None]:
            targets = labels if tag is None else [tag in label.split("|") for label in labels]
            if len(set(targets)) == 1:  # every example has the tag, or none: p = (with it + 1) / (all + 2)
                with_it = sum(targets)
                rows.append(np.zeros((1, vectors.shape[1])))
                shifts.append(np.log([(with_it + 1) / (len(targets) - with_it + 1)]))
                continue
            fit = LogisticRegression(C=c, max_iter=2000).fit(vectors, targets)
            if tag is None and len(fit.classes_) == 2:  # scikit-learn has a row for the second label only
                rows, shifts = [0 * fit.coef_], [0 * fit.intercept_]
            rows, shifts = [*rows, fit.coef_], [*shifts, fit.intercept_]
        found = asked.options if asked.kind == "tags" else tuple(fit.classes_.tolist())
        weights, bias = (np.concatenate(parts).astype(np.float32) for parts in (rows, shifts))
        return self._with_head(question, Head(asked.kind, found, weights, bias))

    def prepare(self, items: Sequence[Item]) -> None:
        """Compute the vectors of items (20,000 at most) in batches ahead, so that asking about them is quick."""
        self._load()
        with self._lock:
            self._features(items[:KEPT])

    def ask(self, request: Request) -> Answer:
        """Return the answer to one question about one item; messages and shots aren't read.

        Raises:
            StopRun: the model can't be loaded.
        """
        try:
            self._load()
        except WorkshopError as error:
            raise StopRun(str(error)) from error
        start = time.perf_counter()
        try:
            with self._lock:
                answer = self._answer(request)
        except Exception as error:  # a damaged picture, no memory: whatever it is, the run goes on
            what = str(error) if isinstance(error, WorkshopError) else f"{type(error).__name__}: {error}"
            answer = Answer(None, "error", detail=what[:500])
        return answer._replace(model=self.model, seconds=time.perf_counter() - start)

    def _answer(self, request: Request) -> Answer:
        """Answer by the head of the question, or zero-shot."""
        question, head = self._known(request.question) or question_of(request), self.heads.get(request.question)
        if question.kind != request.kind or set(question.options) != set(request.options):
            raise BadInputError(f"The engine's codebook has other labels for '{request.question}' than the run's.")
        if head:
            if head.kind != request.kind or not set(head.labels) <= set(request.options):
                raise BadInputError(f"'{request.question}' was fitted with other labels: {', '.join(head.labels)}.")
            logits = head.weights @ np.concatenate(self._features([request.item], head.reads)[0]) + head.bias
        else:
            closeness = (self._features([request.item])[0] @ self._label_vectors(question).T).mean(axis=0)
            logits = (closeness - self.threshold * (question.kind == "tags")) / self._divisor
        labels = head.labels if head else question.options
        found = dict(zip(labels, probabilities(request.kind, logits).tolist(), strict=True))
        stated = {option: found.get(option, 0.0) for option in question.options}
        label = max(stated, key=stated.get)
        if request.kind == "tags":
            label = "|".join(option for option in question.options if stated[option] >= 0.5)
        return Answer(label, "ok", stated, detail="fitted" if head else "zero-shot")

    def _known(self, name: str) -> Choice | Tags | Scale | None:
        """Return a question of the codebook; None without a codebook."""
        return self.codebook.only(name).questions[name] if self.codebook else None

    def _with_head(self, name: str, head: Head) -> Self:
        """Return a copy of the engine that answers one question by a head."""
        fitted = copy.copy(self)
        fitted.heads, fitted._cache = {**self.heads, name: head}, self._cache.copy()
        return fitted

    def _label_vectors(self, question: Choice | Tags | Scale) -> np.ndarray:
        """Return one vector of length 1 for each label, shape (labels, d)."""
        texts = described(question)
        if question.kind == "scale" and not {question.options[0], question.options[-1]} <= set(texts):
            raise BadInputError("A scale needs anchors at both ends, in the engine's codebook, or fit().")
        vectors = self._text_vectors(list(texts.values()))
        if question.kind == "scale":
            places, given = np.array(question.options, float), np.array(list(texts), float)
            vectors = np.stack([np.interp(places, given, column) for column in vectors.T], axis=1)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def _cached(self, keys: Sequence[Hashable], compute: Callable[[list], np.ndarray]) -> np.ndarray:
        """Return one vector a key, computing in one batch those that aren't in the cache."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._cache]
        self._cache.update(zip(missing, compute(missing) if missing else [], strict=True))
        found = np.stack([self._cache[key] for key in keys])
        while len(self._cache) > KEPT:  # the oldest go first
            del self._cache[next(iter(self._cache))]
        return found

    def _load(self) -> None:
        """Load the model, unless the profile has changed since the engine was made."""
        from workshop_lib import models

        if models.load(self.card.role).card != self.card:
            raise SettingError(f"The engine was made with {self.model}, and the profile has changed. Make a new one.")

    def _text_vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Return one vector a text; in float32, where a text's neighbours in a batch make no difference."""
        import torch

        from workshop_lib.embeddings import sentence_vectors

        return self._cached(texts, lambda missing: sentence_vectors(missing, precision=torch.float32))

    def _features(self, items: Sequence[Item], reads: str | None = None) -> list[np.ndarray]:
        """Return one array of shape (1, d) an item."""
        for item in items:
            if not item.text.strip():
                raise BadInputError(f"The item '{item.id}' has no text, and an encoder reads nothing else. Use Clip.")
        return list(self._text_vectors([item.text for item in items])[:, None])
