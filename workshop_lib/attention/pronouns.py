"""Measures, for every head, how much a pronoun attends to the noun that it refers to.

Used in lesson 02.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

from workshop_lib import models
from workshop_lib.attention.encoder import read
from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def places(text: str, word: str) -> list[int]:
    """Return the positions of a word's tokens in the encoder's reading of a text.

    Args:
        text: a sentence.
        word: a word that stands in it exactly once.

    Returns:
        One position, or several where the encoder cuts the word into pieces.

    Raises:
        BadInputError: the word isn't in the text, or stands there more than once.

    >>> places("The animal was too tired", "animal")
    [2]
    """
    tokenizer = models.load("encoder").tokenizer
    spans = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    return _places(text, spans, word)


def _places(text: str, spans: list, word: str) -> list[int]:
    found = list(re.finditer(rf"\b{re.escape(word)}\b", text, flags=re.IGNORECASE))
    if len(found) != 1:
        raise BadInputError(
            f"The word '{word}' stands {len(found)} times in '{text}', and the measure needs it "
            "exactly once. Choose another word, or reword the sentence."
        )
    start, end = found[0].span()
    return [i for i, (first, last) in enumerate(spans) if first < end and last > start]


def pronoun_attention(
    sentence: str, pronoun: str, antecedent: str, distractor: str
) -> tuple[np.ndarray, np.ndarray]:
    """Measure how much a pronoun attends to the noun it means and to the other noun.

    Args:
        sentence: holds each of the three words exactly once.
        pronoun: such as "it".
        antecedent: the noun that the pronoun refers to.
        distractor: the noun that it could refer to, and doesn't.

    Returns:
        (to_antecedent, to_distractor): two arrays of shape (layers, heads). A noun in several
        pieces counts with the sum of its pieces.

    Raises:
        BadInputError: one of the words isn't in the sentence exactly once.

    Used in lesson 02.
    """
    _, spans, outputs = read(sentence, attention=True)
    weights = torch.cat(outputs.attentions).cpu().numpy()  # Shape: (layers, heads, n, n)
    row = weights[:, :, _places(sentence, spans, pronoun)[0], :]  # Shape: (layers, heads, n)
    to_antecedent, to_distractor = (
        row[:, :, _places(sentence, spans, noun)].sum(axis=-1) for noun in (antecedent, distractor)
    )
    return to_antecedent, to_distractor  # Shape: (layers, heads) each


def measure_pronouns(sentences: pd.DataFrame) -> pd.DataFrame:
    """Measure every head on every sentence of a table like ``data.load("pronouns")``.

    Args:
        sentences: with the columns id, pair, sentence, pronoun, antecedent and distractor.

    Returns:
        One row per sentence and head: id, pair, layer, head, to_antecedent, to_distractor,
        and correct: True where the antecedent gets more attention than the distractor.

    Raises:
        BadInputError: a column is missing, or a sentence lacks one of its words.

    Used in lesson 02.
    """
    import pandas as pd

    needed = ["id", "pair", "sentence", "pronoun", "antecedent", "distractor"]
    missing = [column for column in needed if column not in sentences.columns]
    if missing:
        raise BadInputError(
            f"The table lacks the columns {missing}. Take data.load('pronouns'), or one like it."
        )
    parts = []
    for one in sentences[needed].itertuples(index=False):
        right, wrong = pronoun_attention(one.sentence, one.pronoun, one.antecedent, one.distractor)
        layers, heads = right.shape
        part = pd.MultiIndex.from_product([range(layers), range(heads)], names=["layer", "head"])
        part = part.to_frame(index=False)
        part.insert(0, "pair", one.pair)
        part.insert(0, "id", one.id)
        parts.append(part.assign(to_antecedent=right.ravel(), to_distractor=wrong.ravel()))
    measured = pd.concat(parts, ignore_index=True)
    return measured.assign(correct=measured["to_antecedent"] > measured["to_distractor"])


def by_head(measured: pd.DataFrame) -> pd.DataFrame:
    """Sum up the rows of :func:`measure_pronouns` for each head.

    Args:
        measured: what :func:`measure_pronouns` returns, or some of its pairs.

    Returns:
        Indexed by (layer, head): correct, the share of sentences in which the antecedent gets
        more attention; follows, the share of pairs in which that holds for both sentences, so
        that the attention moves with the meaning.

    Used in lesson 02.
    """
    heads = ["layer", "head"]
    both = measured.groupby([*heads, "pair"])["correct"].all()
    return measured.groupby(heads)["correct"].mean().to_frame().assign(
        follows=both.groupby(heads).mean()
    )
