"""Vectors from the encoder against sentence-transformers, with the same weights.

    python -m benchmarks.embeddings [--texts 2000]

The texts are dealt into slices. On each slice the course's function and its peer run one after
the other, by turns the one or the other first, so that a busy machine slows both. The ratio is
the median over the slices. Every row checks first that both give the same vectors.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np

from workshop_lib import data, embeddings, models, runtime

SLICES = 5
WEIGHTS_ARE_EQUAL = 0.999  # least cosine to the peer in float32
ROUNDED_IS_CLOSE = 0.99  # least cosine to the peer in bfloat16


def texts_and_words(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Return texts of 1 to 12 sentences of the sense inventory, and the first one's word."""
    rows = data.load("senses")[["sentence", "word"]].values.tolist()
    draw = random.Random(seed)
    chosen = [draw.choices(rows, k=draw.randint(1, 12)) for _ in range(count)]
    return [" ".join(s for s, _ in some) for some in chosen], [some[0][1] for some in chosen]


def word_states(peer, texts: list[str], words: list[str]) -> np.ndarray:
    """Return what word_in_context gives, from the peer's vectors of all tokens."""
    states = peer.encode(texts, output_value="token_embeddings")
    offsets = peer.tokenizer(
        texts, truncation=True, max_length=peer.max_seq_length, return_offsets_mapping=True
    )["offset_mapping"]
    vectors = []
    for text, word, tokens, places in zip(texts, words, states, offsets):
        start = text.lower().index(word)
        covered = [i for i, (a, b) in enumerate(places) if a < start + len(word) and b > start]
        vectors.append(tokens[covered].mean(dim=0).cpu().numpy())
    return np.array(vectors)


def compare(ours: Callable, peer: Callable, slices: list) -> tuple[float, float, float, float]:
    """Return both's seconds over all slices, the median ratio, and the least cosine."""
    seconds: dict[str, list[float]] = {"ours": [], "peer": []}
    least = 1.0
    for turn, some in enumerate(slices):
        results = {}
        order = [("ours", ours), ("peer", peer)]
        for name, function in order if turn % 2 else reversed(order):
            start = time.perf_counter()
            results[name] = function(*some)
            seconds[name].append(time.perf_counter() - start)
        a, b = results["ours"], np.asarray(results["peer"])
        cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        least = min(least, float(cosines.min()))
    ratios = [b / a for a, b in zip(seconds["ours"], seconds["peer"])]
    return sum(seconds["ours"]), sum(seconds["peer"]), statistics.median(ratios), least


def measure(texts: int = 2000) -> list[dict]:
    """Return one row per comparison: seconds of both, how many times as fast, and the target."""
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    warnings.simplefilter("ignore", embeddings.CutTextWarning)  # the peer cuts them silently
    folder = models.find(models.card_of("encoder", "mini"))
    peer = SentenceTransformer(str(folder), device=str(runtime.device()))
    some_texts, some_words = texts_and_words(texts)
    slices = [(some_texts[i::SLICES], some_words[i::SLICES]) for i in range(SLICES)]

    def sentences(precision):
        return lambda texts, words: embeddings.sentence_vectors(texts, precision)

    def words(precision):
        return lambda texts, words: embeddings.word_in_context(texts, words, -1, precision)

    def peer_sentences(texts, words):
        return peer.encode(texts)

    def peer_words(texts, words):
        return word_states(peer, texts, words)

    amx = runtime.cpu_has_amx()
    rows = []
    for name, precision, ours, theirs in [
        ("sentence_vectors", torch.float32, sentences, peer_sentences),
        ("word_in_context", torch.float32, words, peer_words),
        ("sentence_vectors", torch.bfloat16, sentences, peer_sentences),
    ]:
        rounded = precision == torch.bfloat16
        ours(precision)(*slices[0])  # warm up: load, convert, fill caches
        our_seconds, peer_seconds, ratio, least = compare(ours(precision), theirs, slices)
        floor = ROUNDED_IS_CLOSE if rounded else WEIGHTS_ARE_EQUAL
        assert least >= floor, f"{name}: the least cosine to the peer is {least:.4f}, below {floor}"
        target = 1.0 if not rounded else (2.0 if amx else None)
        used = "bfloat16 is used" if runtime.precision() == torch.bfloat16 else "float32 is used"
        rows.append(
            {
                "name": f"{name}, {'bfloat16' if rounded else 'float32'}, {texts} texts",
                "ours": f"{our_seconds:.0f} s",
                "peer": f"{peer_seconds:.0f} s (sentence-transformers)",
                "ratio": f"{ratio:.2f}× as fast",
                "target": "2× with AMX only" if target is None else f"≥ {target:.0f}×",
                "met": None if target is None else ratio >= target,
                "note": f"least cosine {least:.5f}; AMX: {amx}; here {used}",
            }
        )
    return rows


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--texts", type=int, default=2000)
    for row in measure(options.parse_args().texts):
        print(row)
