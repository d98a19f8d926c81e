"""Cosine similarity, and arithmetic with static word vectors.

A static model keeps one vector for each word. Used in lesson 01.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib import models
from workshop_lib.errors import BadInputError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd
    from gensim.models import KeyedVectors


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the matrix of cosines between the rows of a and the rows of b.

    Args:
        a: array of shape (n, d); one vector of shape (d,) counts as one row.
        b: array of shape (m, d), or (d,).

    Returns:
        Array of shape (n, m) with result[i][j] = cos(a[i], b[j])
        = a[i] · b[j] / (|a[i]| |b[j]|), from -1 to 1.

    Raises:
        BadInputError: the widths differ, a value isn't finite, or a row is all zeros.

    >>> cosine([3, 4], [[4, 3], [-3, -4]]).round(2).tolist()
    [[0.96, -1.0]]
    """
    first, second = _unit_rows(a, "first"), _unit_rows(b, "second")
    if first.shape[1] != second.shape[1]:
        raise BadInputError(
            f"The first vectors have {first.shape[1]} numbers, the second {second.shape[1]}. "
            "Compare vectors of one model only."
        )
    return first @ second.T  # Shape: (n, m)


def _unit_rows(vectors: np.ndarray, name: str) -> np.ndarray:
    """Return vectors as rows of length 1."""
    try:
        rows = np.atleast_2d(np.asarray(vectors, dtype=float))  # Shape: (n, d)
    except (TypeError, ValueError) as error:
        raise BadInputError(
            f"The {name} vectors aren't rows of equally many numbers ({error}). "
            "Look words up first, for example vectors['king']."
        ) from None
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    if rows.ndim != 2 or not np.isfinite(rows).all() or not lengths.all():
        raise BadInputError(
            f"The {name} vectors (shape {rows.shape}) need two dimensions, finite numbers and "
            "no row of zeros: a vector without length has no direction."
        )
    return rows / lengths


def analogy(
    a: str,
    b: str,
    c: str,
    topn: int = 5,
    exclude_inputs: bool = True,
    vectors: KeyedVectors | None = None,
) -> list[tuple[str, float]]:
    """Answer "a is to b as c is to ?" with the words nearest to b - a + c.

    Args:
        a, b, c: three words, for example "man", "king", "woman".
        topn: how many answers.
        exclude_inputs: leave out a, b and c, as is usual and seldom said.
        vectors: static word vectors; None takes :func:`models.word_vectors`.

    Returns:
        (word, cosine) pairs, best first, by the cosine to b/|b| - a/|a| + c/|c|.

    Raises:
        UnknownNameError: the vectors don't have one of the words.

    Source: Mikolov, Yih and Zweig (2013), Linguistic Regularities, NAACL. Used in lesson 01.
    """
    vectors = vectors if vectors is not None else models.word_vectors()
    for word in (a, b, c):
        _require_word(word, vectors)
    target = sum(
        sign * vectors.get_vector(word, norm=True) for word, sign in [(b, 1), (a, -1), (c, 1)]
    )
    found = vectors.similar_by_vector(target, topn=topn + 3)
    hidden = {a, b, c} if exclude_inputs else set()
    return [(word, float(near)) for word, near in found if word not in hidden][:topn]


def _require_word(word: str, vectors: KeyedVectors) -> None:
    if word in vectors:
        return
    from difflib import get_close_matches

    similar = get_close_matches(str(word).lower(), vectors.index_to_key, n=3)
    guess = f"Did you mean {' or '.join(similar)}? " if similar else ""
    raise UnknownNameError(
        f"There is no vector for '{word}'. {guess}The {len(vectors):,} known words are single "
        "words in lower case."
    )


def context_average(
    sentences: Sequence[str], words: Sequence[str], vectors: KeyedVectors | None = None
) -> np.ndarray:
    """Return the mean static vector of the words around a word, for each sentence.

    Args:
        sentences, words: n texts, and the word of each that is left out.
        vectors: static word vectors; None takes :func:`models.word_vectors`.

    Returns:
        Array of shape (n, d); a sentence without any known word gets zeros.

    Source: Schütze (1998), Automatic Word Sense Discrimination, Computational Linguistics 24.
    Used in lesson 01.
    """
    vectors = vectors if vectors is not None else models.word_vectors()
    averages = np.zeros((len(sentences), vectors.vector_size), np.float32)
    for row, (sentence, left_out) in enumerate(zip(sentences, words)):
        around = [w for w in re.findall(r"[^\W\d_]+", sentence.lower()) if w != left_out.lower()]
        known = [w for w in around if w in vectors]
        if known:
            averages[row] = vectors[known].mean(axis=0)  # Shape: (words, d) -> (d,)
    return averages


def analogy_accuracy(
    exclude_inputs: bool = True, vocabulary: int = 20_000, vectors: KeyedVectors | None = None
) -> pd.DataFrame:
    """Score the Google analogy questions that come with gensim, section by section.

    Args:
        exclude_inputs: don't let a, b or c be the answer.
        vocabulary: use the most frequent words only; questions with other words are left out.
        vectors: static word vectors; None takes :func:`models.word_vectors`.

    Returns:
        One row per section: questions, right (share), returns_input (share answered by a, b
        or c); the last row, "all", takes all questions together.

    Source: Mikolov et al. (2013), Efficient Estimation of Word Representations. Used in
    lesson 01.
    """
    import pandas as pd

    vectors = vectors if vectors is not None else models.word_vectors()
    places = {word: place for place, word in enumerate(vectors.index_to_key[:vocabulary])}
    sections, questions = _questions(places)
    rows = vectors.get_normed_vectors()[:vocabulary]  # Shape: (words, d)
    answers = []
    for some in np.array_split(questions, max(1, len(questions) // 1000)):
        a, b, c, _ = some.T
        scores = (rows[b] - rows[a] + rows[c]) @ rows.T  # Shape: (questions, words)
        if exclude_inputs:
            np.put_along_axis(scores, some[:, :3], -np.inf, axis=1)
        answers.append(scores.argmax(axis=1))
    answers = np.concatenate(answers)
    table = pd.DataFrame(
        {
            "section": sections,
            "right": answers == questions[:, 3],
            "returns_input": (answers[:, None] == questions[:, :3]).any(axis=1),
        }
    )
    measures = {"questions": ("right", "size"), "right": ("right", "mean")}
    measures["returns_input"] = ("returns_input", "mean")
    by_section = table.groupby("section", sort=False).agg(**measures)
    return pd.concat([by_section, table.assign(section="all").groupby("section").agg(**measures)])


def _questions(places: dict[str, int]) -> tuple[list[str], np.ndarray]:
    """Return the sections and the word places, shape (questions, 4), of known questions."""
    from gensim.test.utils import datapath

    sections, questions, section = [], [], ""
    for line in Path(datapath("questions-words.txt")).read_text(encoding="utf-8").splitlines():
        if line.startswith(":"):
            section = line[1:].strip()
            continue
        words = line.lower().split()
        if all(word in places for word in words):
            sections.append(section)
            questions.append([places[word] for word in words])
    return sections, np.array(questions)
