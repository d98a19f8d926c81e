"""``translate`` against the hub library's ``generate``: one by one, and in batches.

    python -m benchmarks.translation [--sentences 1000]

All three use the same weights and four beams. The ratio counts only if the translations are
nearly all the same: padding changes the last digits of the scores, and so now and then a word.
Since version 5 the library has no pipeline for translation. Batches in the order given, padded
to the longest, are what it did.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from workshop_lib import data, translation

SENTENCES = 1000
BATCH = 16
LEAST_EQUAL = 0.97  # share of equal translations
LONGEST = 200


def different_sentences(count: int) -> list[str]:
    """Return different English sentences: of the parallel texts, the posts and the tickets."""
    texts = [*data.load("parallel")["english"], *data.load("posts")["text"], *data.load("tickets")["text"]]
    cut = [sentence for text in texts for line in text.split("\n") for sentence in translation.sentences(line)]
    return list(dict.fromkeys(cut))[:count]


def one_by_one(sentences: list[str]) -> list[str]:
    """Translate each sentence in its own call of ``generate``."""
    import torch

    model, tokenizer = translation.translator()
    found = []
    for sentence in sentences:
        with torch.inference_mode():
            out = model.generate(**tokenizer(sentence, return_tensors="pt"), num_beams=4, max_length=LONGEST)
        found.append(tokenizer.decode(out[0], skip_special_tokens=True))
    return found


def in_batches(sentences: list[str]) -> list[str]:
    """Translate in batches, in the order given, padded to the longest."""
    import torch

    model, tokenizer = translation.translator()
    found = []
    for start in range(0, len(sentences), BATCH):
        inputs = tokenizer(sentences[start : start + BATCH], return_tensors="pt", padding=True)
        with torch.inference_mode():
            out = model.generate(**inputs, num_beams=4, max_length=LONGEST)
        found += tokenizer.batch_decode(out, skip_special_tokens=True)
    return found


def timed(function: Callable[[list[str]], list[str]], sentences: list[str]) -> tuple[float, list[str]]:
    function(sentences[:BATCH])  # warm up
    start = time.perf_counter()
    found = function(sentences)
    return time.perf_counter() - start, found


def measure(count: int = SENTENCES) -> list[dict]:
    """Return a row for each peer."""
    sentences = different_sentences(count)
    seconds, mine = timed(lambda some: translation.translate(some, progress=False), sentences)
    rows = []
    for name, function, target in (("generate, one by one", one_by_one, 5), (f"batches of {BATCH}", in_batches, 1.3)):
        peer_seconds, theirs = timed(function, sentences)
        same = np.mean([a == b for a, b in zip(mine, theirs, strict=True)])
        assert same >= LEAST_EQUAL, f"{name}: only {same:.3f} of the translations are equal"
        ratio = peer_seconds / seconds
        rows.append(
            {
                "name": f"translate, {len(sentences):,} sentences",
                "ours": f"{seconds:.0f} s",
                "peer": f"{peer_seconds:.0f} s ({name})",
                "ratio": f"{ratio:.1f}× as fast",
                "target": f"≥ {target}×",
                "met": ratio >= target,
                "note": f"{100 * same:.1f} % equal translations, 4 beams",
            }
        )
    return rows


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sentences", type=int, default=SENTENCES)
    for row in measure(options.parse_args().sentences):
        print(row)
