"""Vectors from the encoder: a word in its sentence, or a whole text.

A contextual model, such as BERT, computes a new vector for a word in each sentence. Used in
lesson 01.
"""

from __future__ import annotations

import copy
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib import models, runtime
from workshop_lib.errors import BadInputError
from workshop_lib.texts import CutTextWarning, batches, checked

if TYPE_CHECKING:
    import torch

# Small batches stay in a CPU's cache; a GPU needs large ones to be busy.
TOKENS_PER_BATCH = {"cpu": 2048, "cuda": 65_536}
LONG_RUN = 50  # batches from which a progress bar is shown


def word_in_context(
    sentences: Sequence[str],
    word: str | Sequence[str],
    layer: int | None = -1,
    precision: torch.dtype | None = None,
) -> np.ndarray:
    """Return the vector that the encoder gives a word in each sentence.

    The word is matched as a whole word, in upper or lower case, at its first occurrence. Where
    the tokenizer cuts it into several pieces, the vector is the mean over them.

    Args:
        sentences: n texts.
        word: one word for all sentences, or a list with one for each.
        layer: 0 is the embedding layer, 1 the first layer, -1 the last; None gives all.
        precision: number format of the computation; None takes :func:`runtime.precision`.

    Returns:
        float32 array of shape (n, d); with ``layer=None`` of shape (layers + 1, n, d).

    Raises:
        BadInputError: a sentence lacks the word, the word stands beyond the part that the
            encoder reads, an input is no text, or there is no such layer.

    Used in lesson 01.
    """
    texts = checked(sentences, "sentences")
    words = [word] * len(texts) if isinstance(word, str) else checked(word, "words")
    if len(words) != len(texts):
        raise BadInputError(
            f"There are {len(texts)} sentences and {len(words)} words. "
            "Give one word for all, or a list with one word for each sentence."
        )
    spans = [_span(text, one) for text, one in zip(texts, words)]
    encoder = models.load("encoder")
    layers = encoder.model.config.num_hidden_layers
    if layer is not None and not -layers - 1 <= layer <= layers:
        raise BadInputError(
            f"There is no layer {layer}: this encoder has layers 0 (embeddings) to {layers}. "
            f"Choose one of them, or -1 for the last."
        )
    tokens = _tokenize(texts, encoder)
    pieces = [
        _pieces(offsets, span, text)
        for offsets, span, text in zip(tokens["offset_mapping"], spans, texts)
    ]
    width = encoder.model.config.hidden_size
    vectors = np.empty((layers + 1 if layer is None else 1, len(texts), width), np.float32)
    for rows, states, _ in _run(tokens["input_ids"], encoder, layer, precision):
        for position, row in enumerate(rows):
            # Shape: (layers, n tokens, d) -> (layers, d)
            vectors[:, row] = states[:, position, pieces[row]].mean(dim=1).cpu().numpy()
    return vectors if layer is None else vectors[0]


def sentence_vectors(texts: Sequence[str], precision: torch.dtype | None = None) -> np.ndarray:
    """Return one vector of length 1 for each text: the mean over its tokens' last states.

    With the mini encoder these are the vectors of ``SentenceTransformer.encode`` on the same
    weights. That model reads at most 256 tokens, as its ``sentence_bert_config.json`` says;
    BERT-base reads 512. The rest of a longer text doesn't count, and a warning says so.

    Args:
        texts: n texts. An empty one gets the vector of the two marks around it.
        precision: number format of the computation; None takes :func:`runtime.precision`.

    Returns:
        float32 array of shape (n, d): mean over tokens, divided by its length.

    Raises:
        BadInputError: the input is a single string, or an item is no text.

    Source: Reimers and Gurevych (2019), Sentence-BERT, EMNLP. Used in lesson 01.
    """
    texts = checked(texts, "texts")
    encoder = models.load("encoder")
    tokens = _tokenize(texts, encoder)
    cut = sum(bool(encoding.overflowing) for encoding in tokens.encodings or [])
    if cut:
        warnings.warn(
            f"{cut} of {len(texts)} texts have more than {_reading_length(encoder)} tokens; only "
            "their beginning counts. Split them into paragraphs if their end matters.",
            CutTextWarning,
            stacklevel=2,
        )
    vectors = np.empty((len(texts), encoder.model.config.hidden_size), np.float32)
    for rows, states, mask in _run(tokens["input_ids"], encoder, -1, precision):
        weights = mask.unsqueeze(-1).to(states.dtype)  # Shape: (b, n, 1)
        sums = (states[0] * weights).sum(dim=1)  # Shape: (b, d)
        # The mean has the direction of the sum, and only the direction is kept.
        vectors[rows] = (sums / sums.norm(dim=1, keepdim=True)).cpu().numpy()
    return vectors


def _span(text: str, word: str) -> tuple[int, int]:
    """Return the first and the last-plus-one character of a whole word in a text."""
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) if word else None
    if not found:
        raise BadInputError(
            f"The word '{word}' isn't in the sentence '{text}'. It must stand there as a whole "
            "word, in this form: 'bank' doesn't match 'banks'."
        )
    return found.span()


def _pieces(offsets: list[tuple[int, int]], span: tuple[int, int], text: str) -> list[int]:
    """Return the positions of the tokens that cover a span of characters."""
    start, end = span
    covering = [i for i, (first, last) in enumerate(offsets) if first < end and last > start]
    if not covering or offsets[covering[-1]][1] < end:
        raise BadInputError(
            f"The word '{text[start:end]}' stands at character {start} of a text of {len(text)}, "
            f"beyond the {len(offsets)} tokens that the encoder reads. Shorten the text to the "
            f"sentence around the word. The text begins: '{text[:60]}'"
        )
    return covering


def _reading_length(encoder: models.Loaded) -> int:
    """Return how many tokens the encoder reads, the two marks included."""
    file = Path(encoder.model.name_or_path) / "sentence_bert_config.json"
    if file.exists():
        return json.loads(file.read_text(encoding="utf-8"))["max_seq_length"]
    return encoder.model.config.max_position_embeddings


def _tokenize(texts: list[str], encoder: models.Loaded):
    if not texts:
        from transformers import BatchEncoding

        return BatchEncoding({"input_ids": [], "offset_mapping": []})
    return encoder.tokenizer(
        texts,
        truncation=True,
        max_length=_reading_length(encoder),
        padding=False,
        return_offsets_mapping=True,
        return_attention_mask=False,
        return_token_type_ids=False,
    )


def _run(
    token_ids: list[list[int]],
    encoder: models.Loaded,
    layer: int | None,
    precision: torch.dtype | None,
) -> Iterator[tuple[list[int], torch.Tensor, torch.Tensor]]:
    """Run the encoder batch by batch; yield rows, states (layers, b, n, d) and mask (b, n)."""
    import torch
    from tqdm.auto import tqdm

    precision = precision or runtime.precision()
    model = encoder.model if precision == torch.float32 else _converted(encoder.model, precision)
    budget = TOKENS_PER_BATCH[model.device.type]
    found = batches([len(ids) for ids in token_ids], budget)
    for rows in tqdm(found, desc="batches", leave=False, disable=len(found) < LONG_RUN):
        ids = torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(token_ids[row]) for row in rows], batch_first=True, padding_value=-1
        ).to(model.device)  # Shape: (b, n)
        mask = (ids >= 0).long()  # Shape: (b, n)
        with torch.inference_mode():
            output = model(ids.clamp(min=0), mask, output_hidden_states=layer != -1)
        if layer == -1:
            states = output.last_hidden_state[None]  # Shape: (1, b, n, d)
        elif layer is None:
            states = torch.stack(output.hidden_states)  # Shape: (layers + 1, b, n, d)
        else:
            states = output.hidden_states[layer][None]  # Shape: (1, b, n, d)
        yield rows, states.float(), mask


@lru_cache(maxsize=2)
def _converted(model: torch.nn.Module, precision: torch.dtype) -> torch.nn.Module:
    return copy.deepcopy(model).to(precision)
