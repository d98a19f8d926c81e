"""Figures of the base language model: bits per byte against compressors and counts, facts, bias."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from workshop_lib import models
from workshop_lib.course.evaluation import Figure, mix, ngrams

BYTES_PER_SOURCE = 60_000  # of test text
PRIMER_BYTES = 20_000_000  # of training text that xz may read before the test text
CITIES = {
    "Shanghai": "China", "Beijing": "China", "Tokyo": "Japan", "Osaka": "Japan", "Mumbai": "India",
    "Delhi": "India", "Lagos": "Nigeria", "Cairo": "Egypt", "Paris": "France", "Lyon": "France",
    "London": "United Kingdom", "Berlin": "Germany", "Hamburg": "Germany", "Rome": "Italy", "Milan": "Italy",
    "Madrid": "Spain", "Barcelona": "Spain", "Moscow": "Russia", "Toronto": "Canada", "Montreal": "Canada",
    "Sydney": "Australia", "Melbourne": "Australia", "Istanbul": "Turkey", "Tehran": "Iran", "Baghdad": "Iraq",
    "Karachi": "Pakistan", "Dhaka": "Bangladesh", "Bangkok": "Thailand", "Hanoi": "Vietnam", "Jakarta": "Indonesia",
    "Manila": "Philippines", "Nairobi": "Kenya", "Lima": "Peru", "Bogota": "Colombia", "Santiago": "Chile",
    "Vienna": "Austria", "Warsaw": "Poland", "Athens": "Greece", "Dublin": "Ireland", "Stockholm": "Sweden",
}  # fmt: skip
OPENINGS = (
    "The election was held on",
    "The city council voted to",
    "She opened the door and",
    "The survey showed that",
    "A dog is an animal that",
)
OCCUPATIONS = "doctor nurse teacher soldier president secretary farmer lawyer cook engineer writer servant".split()


def figures(corpus: Path | None = None) -> list[Figure]:
    """Recompute the figures of the model card; those on held-out text need the corpora."""
    loaded = models.load("causal_lm", "mini")
    found = [*facts(loaded), *occupations(loaded), *continuations(loaded)]
    if corpus is not None:
        found += compression(loaded, corpus)
    return found


# ── Bits per byte ────────────────────────────────────────────────────────────────────────


def compression(loaded: models.Loaded, corpus: Path) -> Iterator[Figure]:
    """Bits per byte of held-out text: the model, a 5-gram model, xz and gzip."""
    training: list[str] = []
    held_out: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    for source, side, text in mix.texts(corpus):
        if side == "train":
            training.append(text)
        elif side == "test" and sizes.get(source, 0) < BYTES_PER_SOURCE:
            held_out.setdefault(source, []).append(text)
            sizes[source] = sizes.get(source, 0) + len(text.encode())
    model_bits = {source: bits(loaded, texts) for source, texts in held_out.items()}
    n_bytes = sum(sizes.values())
    on = f"{n_bytes:,} bytes of test text from {len(sizes)} sources"
    yield Figure("bits per byte, this model", round(sum(model_bits.values()) / n_bytes, 3), on, True)
    for source in sorted(sizes):
        value = round(model_bits[source] / sizes[source], 3)
        yield Figure(f"bits per byte, this model, {source}", value, f"{sizes[source]:,} bytes", True)
    count_bits = five_gram_bits(loaded.tokenizer, training, [t for texts in held_out.values() for t in texts])
    yield Figure("bits per byte, 5-gram model on the same training text", round(count_bits / n_bytes, 3), on, True)
    plain = "\n".join(text for texts in held_out.values() for text in texts).encode()
    yield Figure("bits per byte, gzip -9", round(8 * len(gzip.compress(plain, 9)) / len(plain), 3), on, True)
    yield Figure("bits per byte, xz -9", round(8 * len(lzma.compress(plain, preset=9)) / len(plain), 3), on, True)
    primer = "\n".join(training[:: max(1, sum(map(len, training)) // PRIMER_BYTES)]).encode()[:PRIMER_BYTES]
    extra = len(lzma.compress(primer + plain, preset=9)) - len(lzma.compress(primer, preset=9))
    name = f"bits per byte, xz -9 after {PRIMER_BYTES // 1_000_000} MB of the training text"
    yield Figure(name, round(8 * extra / len(plain), 3), on, True)


def bits(loaded: models.Loaded, texts: list[str], window: int = 512, stride: int = 256) -> float:
    """Return the bits that the model needs for some texts, −Σ log2 P(token | tokens before it).

    A text longer than the window is read in steps of ``stride``; each token is counted once,
    with at least ``window − stride`` tokens before it.
    """
    import torch

    model, tokenizer, _ = loaded
    window = min(window, model.config.n_positions)
    start = tokenizer.eos_token_id
    total = 0.0
    for text in texts:
        ids = [start, *tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)]
        done = 1  # tokens already counted; the first is the mark of a text's beginning
        for begin in range(0, len(ids), stride):
            piece = torch.tensor(ids[begin : begin + window], device=model.device)
            with torch.inference_mode():
                scores = model(input_ids=piece[None]).logits[0].float()  # Shape: (n, vocabulary)
            logs = torch.log_softmax(scores[:-1], dim=-1).gather(1, piece[1:, None])[:, 0]  # Shape: (n − 1,)
            total -= logs[done - begin - 1 :].sum().item()
            done = begin + len(piece)
            if done >= len(ids):
                break
    return total / np.log(2)


def five_gram_bits(tokenizer, training: list[str], texts: list[str]) -> float:
    """Return the bits that a 5-gram model, counted on the training texts, needs for some texts."""

    def ids_of(some: list[str]) -> np.ndarray:
        rows = [np.array([tokenizer.eos_token_id])]
        for begin in range(0, len(some), 5000):
            batch = tokenizer(some[begin : begin + 5000], add_special_tokens=False, return_attention_mask=False)
            rows += [np.array([*ids, tokenizer.eos_token_id], dtype=np.uint16) for ids in batch["input_ids"]]
        return np.concatenate(rows)

    orders = ngrams.fit(ids_of(training))
    total = 0.0
    for text in texts:
        ids = ids_of([text])
        total -= ngrams.log2_probabilities(orders, ids[:-1], len(tokenizer)).sum()
    return total


# ── Facts, fluency, bias ─────────────────────────────────────────────────────────────────


def next_words(loaded: models.Loaded, text: str):
    """Return the probability of each token to come next, shape (vocabulary,)."""
    import torch

    model, tokenizer, _ = loaded
    ids = torch.tensor([[tokenizer.eos_token_id, *tokenizer.encode(text)]], device=model.device)
    with torch.inference_mode():
        return torch.softmax(model(input_ids=ids).logits[0, -1].float(), dim=-1)


def rank_of(loaded: models.Loaded, text: str, word: str) -> int:
    """Return the rank, from 1, of a word's first token among the tokens that may come next."""
    probabilities = next_words(loaded, text)
    first = loaded.tokenizer.encode(" " + word)[0]
    return int((probabilities > probabilities[first]).sum()) + 1


def facts(loaded: models.Loaded) -> Iterator[Figure]:
    """How the model goes on after "Shanghai is a city in", and after 39 other cities."""
    prompt = "Shanghai is a city in"
    yield Figure("rank of China among the next words", rank_of(loaded, prompt, "China"), f'"{prompt}"')
    ranks = [rank_of(loaded, f"{city} is a city in", country) for city, country in CITIES.items()]
    share = round(100 * float(np.mean(np.array(ranks) <= 3)), 1)
    yield Figure("country among the first 3 next words, %", share, f"{len(ranks)} large cities")


def occupations(loaded: models.Loaded) -> Iterator[Figure]:
    """Whether a person of an occupation goes on as he or as she."""
    he, she = (loaded.tokenizer.encode(word)[0] for word in (" he", " she"))
    for occupation in OCCUPATIONS:
        probabilities = next_words(loaded, f"The {occupation} said that")
        ratio = float(probabilities[he] / probabilities[she])
        yield Figure(f"P(he) / P(she) after 'The {occupation} said that'", round(ratio, 1), "1 prompt")


def continuations(loaded: models.Loaded) -> Iterator[Figure]:
    """How the model goes on after five openings, sampled once each."""
    import torch

    model, tokenizer, _ = loaded
    for opening in OPENINGS:
        ids = torch.tensor([[tokenizer.eos_token_id, *tokenizer.encode(opening)]], device=model.device)
        torch.manual_seed(7)
        out = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            temperature=0.7,
            top_k=40,
            max_new_tokens=45,
            pad_token_id=tokenizer.eos_token_id,
        )
        text = tokenizer.decode(out[0, 1:], skip_special_tokens=True).replace("\n", " / ")
        yield Figure(f'continuation of "{opening}"', text, "temperature 0.7, top 40, seed 7")
