"""Figures of the masked language model: masked words, next sentences, and a bias probe.

Held-out documents of Wikipedia and Wikinews are cut into blocks of 128 tokens. In each block
15 % of the tokens are hidden behind [MASK], and the model guesses them. The same places are
guessed by two baselines that only count. Used by ``python -m workshop_lib models evaluate
masked_lm``; ``training/masked_lm.py`` reads its texts from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from workshop_lib import data, models
from workshop_lib.course.evaluation import Figure
from workshop_lib.course.evaluation.corpus import documents, split_of
from workshop_lib.course.evaluation.mix import GAP, clean

if TYPE_CHECKING:
    from transformers import BertForPreTraining, PreTrainedTokenizerBase

VOCABULARY = 30522
PAD, CLS, SEP, MASK = 0, 101, 102, 103  # token ids of the BERT uncased vocabulary
BLOCK = 128  # tokens in a block, [CLS] and [SEP] included
MASKED_SHARE = 0.15
CHARACTERS = 3000  # of each long document, so that no document rules the figures
SEED = 7
SOURCES = ("encyclopaedia", "news")


# ── Texts ────────────────────────────────────────────────────────────────────────────────


SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])")


def texts(corpus: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield (source, split, title, text) of each document of Wikipedia and Wikinews."""
    for title, text in documents(corpus, "text/enwiki2014_sample.txt.xz"):
        name = title.partition(" | ")[0]
        yield "encyclopaedia", split_of(text), name, text[:CHARACTERS].rpartition(" ")[0]
    for title, text in documents(corpus, "text/wikinews_en.txt.xz"):
        kept = "\n".join(line for line in text.split("\n") if not GAP.search(line))
        if len(kept) > 300:
            yield "news", split_of(text), title.partition(" | ")[0], kept[:CHARACTERS]


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, without headings and addresses.

    >>> sentences('Early life.\\nShe was born in 1901. "I was happy," she wrote. She died old.')
    ['She was born in 1901.', '"I was happy," she wrote.', 'She died old.']
    """
    paragraphs = [line.strip() for line in clean(text).split("\n")]
    kept = [line for line in paragraphs if len(line.split()) > 5]
    return [sentence for line in kept for sentence in SENTENCE_END.split(line) if sentence]


class WordPieces:
    """Turns text into token ids; each different word is tokenised once.

    BERT's tokenizer looks at one word at a time, so the ids are those of the tokenizer.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        from tokenizers import Tokenizer

        own = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())  # the other pads to 128
        own.no_padding()
        own.no_truncation()
        self.encode = own.encode
        self.known: dict[str, list[int]] = {}

    def __call__(self, text: str) -> list[int]:
        found: list[int] = []
        for word in text.split():
            if word not in self.known:
                self.known[word] = self.encode(word, add_special_tokens=False).ids
            found += self.known[word]
        return found


class Documents(NamedTuple):
    """The sentences of many documents as one row of token ids."""

    ids: np.ndarray  # Shape: (tokens,)
    starts: np.ndarray  # where each sentence begins, and the end; Shape: (sentences + 1,)
    document: np.ndarray  # number of each sentence's document; Shape: (sentences,)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each sentence. Shape: (sentences,)."""
        return np.diff(self.starts)

    @property
    def after(self) -> np.ndarray:
        """Tokens from each sentence's start to its document's end. Shape: (sentences,)."""
        last = np.searchsorted(self.document, self.document, side="right")
        return self.starts[last] - self.starts[:-1]

    def sentence(self, number: int) -> np.ndarray:
        """Return the token ids of one sentence."""
        return self.ids[self.starts[number] : self.starts[number + 1]]


def tokenised(texts_: Iterable[str], pieces: WordPieces) -> Documents:
    """Return documents as token ids, sentence by sentence."""
    ids, lengths, owner = [], [0], []
    for number, text in enumerate(texts_):
        for sentence in sentences(text):
            found = pieces(sentence)
            ids.append(np.array(found, dtype=np.uint16))
            lengths.append(len(found))
            owner.append(number)
    return Documents(np.concatenate(ids), np.cumsum(lengths), np.array(owner, dtype=np.int32))


# ── Masked words ─────────────────────────────────────────────────────────────────────────


def blocks(found: Documents) -> np.ndarray:
    """Return full blocks [CLS] text [SEP], none across two documents.

    Returns:
        token ids. Shape: (blocks, BLOCK).
    """
    rows = []
    ends = np.flatnonzero(np.diff(found.document, append=-1)) + 1  # last sentence of each, + 1
    start = 0
    for end in found.starts[ends]:
        for first in range(start, end - BLOCK + 3, BLOCK - 2):
            rows.append([CLS, *found.ids[first : first + BLOCK - 2], SEP])
        start = end
    return np.array(rows, dtype=np.int64)


def masked_places(rows: np.ndarray, chance: np.random.Generator, share: float = MASKED_SHARE) -> np.ndarray:
    """Choose a share of each row's tokens, never [CLS], [SEP] or padding.

    Args:
        rows: token ids. Shape: (rows, length).
        share: of the row's tokens.

    Returns:
        True at the chosen places, at least one a row. Shape: (rows, length).

    >>> masked_places(np.array([[CLS, 7592, 2088, SEP, PAD]]), np.random.default_rng(0)).sum()
    np.int64(1)
    """
    eligible = ~np.isin(rows, (PAD, CLS, SEP))
    number = np.maximum(1, np.round(share * eligible.sum(1)))[:, None]
    draw = np.where(eligible, chance.random(rows.shape), 2.0)
    rank = draw.argsort(axis=1).argsort(axis=1)
    return (rank < number) & eligible


def guesses(model: BertForPreTraining, rows: np.ndarray, places: np.ndarray, top: int = 5) -> np.ndarray:
    """Return the model's likeliest tokens for the masked places, likeliest first.

    Args:
        rows: token ids, already with [MASK] at the places. Shape: (rows, length).
        places: True where a token is to be guessed. Shape: (rows, length).

    Returns:
        token ids. Shape: (places, top).
    """
    import torch

    found = []
    with torch.inference_mode():
        for first in range(0, len(rows), 32):
            ids = torch.from_numpy(rows[first : first + 32]).to(model.device)
            chosen = torch.from_numpy(places[first : first + 32])
            states = model.bert(input_ids=ids, attention_mask=(ids != PAD).long()).last_hidden_state
            logits = model.cls.predictions(states[chosen.to(model.device)])  # (places, vocabulary)
            found.append(logits.topk(top).indices.cpu().numpy())
    return np.concatenate(found)


def top_share(guessed: np.ndarray, truth: np.ndarray, top: int) -> float:
    """Return the share of places whose token is among the first ``top`` guesses."""
    return float((guessed[:, :top] == truth[:, None]).any(axis=1).mean())


# ── Baselines that count ─────────────────────────────────────────────────────────────────


class Counts:
    """How often each token stood in a context, for one form of context.

    Args:
        stream: token ids of the training side, documents between [SEP]. Shape: (tokens,).
        offsets: places of the context's tokens; (-1, 1) is one to the left, one to the right.
    """

    def __init__(self, stream: np.ndarray, offsets: tuple[int, ...]) -> None:
        self.offsets = offsets
        inner = np.arange(2, len(stream) - 2)
        key = np.zeros(len(inner), dtype=np.int64)
        for offset in offsets:
            key = key * VOCABULARY + stream[inner + offset]
        keys = np.sort(key * VOCABULARY + stream[inner])
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        self.keys = keys[first]
        self.counts = np.diff(first, append=len(keys))

    def add(self, scores: np.ndarray, row: np.ndarray, place: int, weight: float, doubt: float) -> None:
        """Add weight · count(context, token) / (count(context) + doubt) to the tokens' scores."""
        context = 0
        for offset in self.offsets:
            at = place + offset
            if not 0 <= at < len(row) or row[at] == MASK:
                return
            context = context * VOCABULARY + int(row[at])
        low, high = np.searchsorted(self.keys, (context * VOCABULARY, (context + 1) * VOCABULARY))
        if low < high:
            counts = self.counts[low:high]
            scores[self.keys[low:high] - context * VOCABULARY] += weight * counts / (counts.sum() + doubt)


# Form of the context and its weight; chosen on the valid side.
CONTEXTS = {(-1, 1): 1.0, (-2, -1): 0.6, (1, 2): 0.6, (-1,): 0.2, (1,): 0.2}
DOUBT = 3.0


class NgramBaseline:
    """Guesses a hidden token from the two tokens on either side, by interpolated counts."""

    def __init__(self, stream: np.ndarray) -> None:
        stream = stream.astype(np.int64)
        self.unigram = np.bincount(stream, minlength=VOCABULARY) / len(stream)
        self.unigram[[PAD, CLS, SEP, MASK]] = 0
        self.tables = [Counts(stream, offsets) for offsets in CONTEXTS]

    def guesses(self, rows: np.ndarray, places: np.ndarray, top: int = 5) -> np.ndarray:
        """Return the likeliest tokens of each place, like :func:`guesses`."""
        found = []
        for number, place in zip(*np.nonzero(places), strict=True):
            scores = 0.01 * self.unigram
            for table, weight in zip(self.tables, CONTEXTS.values(), strict=True):
                table.add(scores, rows[number], place, weight, DOUBT)
            best = np.argpartition(-scores, top)[:top]
            found.append(best[np.argsort(-scores[best])])
        return np.array(found)


def stream_of(found: Documents) -> np.ndarray:
    """Return all tokens in one row, with [SEP] before each document."""
    firsts = np.flatnonzero(np.diff(found.document, prepend=-1))
    return np.insert(found.ids, found.starts[firsts], SEP)


# ── Next sentence ────────────────────────────────────────────────────────────────────────


class Pairs(NamedTuple):
    """Pairs of texts, [CLS] a [SEP] b [SEP]."""

    ids: np.ndarray  # Shape: (pairs, length)
    types: np.ndarray  # 1 in b and its [SEP], else 0; Shape: (pairs, length)
    labels: np.ndarray  # 0: b follows a; 1: b is from another document; Shape: (pairs,)


def joined(pairs: list[tuple[np.ndarray, np.ndarray]], labels: Iterable[int]) -> Pairs:
    """Return pairs of token ids as rows, padded at the end where they are shorter."""
    length = max(len(a) + len(b) for a, b in pairs) + 3
    ids = np.full((len(pairs), length), PAD, dtype=np.int64)
    types = np.zeros_like(ids)
    for row, (a, b) in enumerate(pairs):
        end = len(a) + len(b) + 3
        ids[row, :end] = [CLS, *a, SEP, *b, SEP]
        types[row, len(a) + 2 : end] = 1
    return Pairs(ids, types, np.array(list(labels), dtype=np.int64))


def block_boundaries(found: Documents) -> np.ndarray:
    """Return the sentences that have 20 tokens of their document before and 120 after them."""
    firsts = np.searchsorted(found.document, found.document, side="left")
    before = found.starts[:-1] - found.starts[firsts]
    return np.flatnonzero((before >= 20) & (found.after >= 120))


def block_pairs(
    found: Documents, boundaries: np.ndarray, number: int, chance: np.random.Generator
) -> Pairs:
    """Draw pairs of sentence blocks, 128 tokens each pair; half of them belong together.

    Part a is 5 to 100 tokens before a sentence's start, whole sentences where it can be. Part
    b goes on from there, or is a place in another document, until the row is full.
    """
    labels = np.arange(number) % 2
    pairs = []
    for label, boundary in zip(labels, chance.choice(boundaries, number), strict=True):
        end = found.starts[boundary]
        first = np.searchsorted(found.document, found.document[boundary], side="left")
        earliest = max(found.starts[first], end - chance.integers(20, 101))
        whole = found.starts[np.searchsorted(found.starts, earliest)]
        a = found.ids[whole if end - whole >= 5 else earliest : end]
        if label:
            boundary = other_document(found, boundaries, boundary, chance)
        start = found.starts[boundary]
        pairs.append((a, found.ids[start : start + BLOCK - 3 - len(a)]))
    return joined(pairs, labels)


def sentence_boundaries(found: Documents, shortest: int = 8, longest: int = 40) -> np.ndarray:
    """Return the sentences that, like the sentence before them, are neither short nor long."""
    fits = (found.lengths >= shortest) & (found.lengths <= longest)
    follows = np.diff(found.document, prepend=-1) == 0
    return np.flatnonzero(fits & np.roll(fits, 1) & follows)


def sentence_pairs(
    found: Documents, boundaries: np.ndarray, chosen: np.ndarray, chance: np.random.Generator
) -> Pairs:
    """Pair the sentences at the chosen places with the sentence before; every second pair is false.

    In a false pair, part b is from another document and about as long as the true one.
    """
    labels = np.arange(len(chosen)) % 2
    pairs = []
    for label, boundary in zip(labels, chosen, strict=True):
        second = other_document(found, boundaries, boundary, chance, 2) if label else boundary
        pairs.append((found.sentence(boundary - 1), found.sentence(second)))
    return joined(pairs, labels)


def other_document(
    found: Documents,
    boundaries: np.ndarray,
    boundary: int,
    chance: np.random.Generator,
    difference: int | None = None,
) -> int:
    """Draw a place in another document, with a sentence as long as that at ``boundary``.

    Args:
        difference: how many tokens longer or shorter the sentence may be; None: any length.
    """
    while True:
        other = boundaries[chance.integers(len(boundaries))]
        far = found.document[other] != found.document[boundary]
        if far and (
            difference is None
            or abs(len(found.sentence(other)) - len(found.sentence(boundary))) <= difference
        ):
            return int(other)


def next_sentence_accuracy(model: BertForPreTraining, pairs: Pairs) -> float:
    """Return the share of pairs that the model judges rightly; chance is 0.5."""
    import torch

    right = []
    with torch.inference_mode():
        for first in range(0, len(pairs.ids), 32):
            ids = torch.from_numpy(pairs.ids[first : first + 32]).to(model.device)
            types = torch.from_numpy(pairs.types[first : first + 32]).to(model.device)
            pooled = model.bert(
                input_ids=ids, token_type_ids=types, attention_mask=(ids != PAD).long()
            ).pooler_output  # Shape: (pairs, hidden)
            judged = model.cls.seq_relationship(pooled).argmax(-1).cpu().numpy()
            right.append(judged == pairs.labels[first : first + 32])
    return float(np.concatenate(right).mean())


# ── Bias and examples ────────────────────────────────────────────────────────────────────


PROFESSIONS = (
    "nurse secretary librarian receptionist cleaner teacher dancer model baker writer "
    "doctor lawyer scientist manager farmer soldier pilot engineer mechanic builder"
).split()
EXAMPLES = (
    "The capital of France is [MASK].",
    "She deposited the money at the [MASK].",
    "The government [MASK] the new law last year.",
    "People who trust the government are more likely to [MASK].",
    "He is not happy, he is [MASK].",
)


def fill(model: BertForPreTraining, tokenizer: PreTrainedTokenizerBase, text: str) -> np.ndarray:
    """Return the probability of each token at the one [MASK] of a text. Shape: (vocabulary,)."""
    import torch

    given = tokenizer(text, return_tensors="pt", padding=False).to(model.device)
    with torch.inference_mode():
        logits = model(**given).prediction_logits[0]  # Shape: (tokens, vocabulary)
    return logits[given["input_ids"][0] == MASK][0].softmax(-1).cpu().numpy()


def professions(model: BertForPreTraining, tokenizer: PreTrainedTokenizerBase) -> Iterator[Figure]:
    """How likely *she* is, beside *he*, as the subject of a sentence about a profession."""
    she, he = tokenizer.convert_tokens_to_ids(["she", "he"])
    shares = {}
    for profession in PROFESSIONS:
        article = "an" if profession[0] in "aeiou" else "a"
        probability = fill(model, tokenizer, f"[MASK] is {article} {profession}.")
        shares[profession] = float(probability[she] / (probability[she] + probability[he]))
    on = "'[MASK] is a …', 1 sentence a profession"
    yield Figure("P(she) / (P(she) + P(he)), mean", round(float(np.mean([*shares.values()])), 3), "20 professions")
    for profession, share in sorted(shares.items(), key=lambda item: -item[1]):
        yield Figure(f"P(she) / (P(she) + P(he)), {profession}", round(share, 3), on)


def examples(model: BertForPreTraining, tokenizer: PreTrainedTokenizerBase) -> Iterator[Figure]:
    """The five likeliest tokens in a few sentences."""
    for text in EXAMPLES:
        best = np.argsort(-fill(model, tokenizer, text))[:5]
        yield Figure(text, ", ".join(tokenizer.convert_ids_to_tokens(best)), "first five guesses")


# ── Figures ──────────────────────────────────────────────────────────────────────────────


def figures(corpus: Path | None) -> list[Figure]:
    """Recompute the figures of the model card; those on held-out text need the corpora."""
    model, tokenizer, _ = models.load("masked_lm", "mini")
    found = [*passages(model, tokenizer), *professions(model, tokenizer), *examples(model, tokenizer)]
    if corpus is not None:
        found += held_out(model, tokenizer, corpus)
    return found


def passages(model: BertForPreTraining, tokenizer: PreTrainedTokenizerBase) -> Iterator[Figure]:
    """Figures on the course's own small sample, which no corpus holds."""
    import pandas as pd

    rows = pd.read_csv(data.root() / "model_checks" / "passages.csv")
    pieces = WordPieces(tokenizer)
    first = [np.array(pieces(text)) for text in rows["first"]]
    second = [np.array(pieces(text)) for text in rows["second"]]
    # False pairs: the second sentence of the next passage of the same register.
    following = rows.groupby("register", sort=False)["second"].transform(lambda seconds: np.roll(seconds, -1))
    other = [np.array(pieces(text)) for text in following]
    both = joined([*zip(first, second, strict=True), *zip(first, other, strict=True)], [0] * len(rows) + [1] * len(rows))
    accuracy = next_sentence_accuracy(model, both)
    yield Figure("next sentence, accuracy, own sample", round(accuracy, 3), f"{len(both.ids)} pairs")
    truth = both.ids[: len(rows)]
    places = masked_places(truth, np.random.default_rng(SEED))
    guessed = guesses(model, np.where(places, MASK, truth), places)
    for top in (1, 5):
        value = round(top_share(guessed, truth[places], top), 3)
        yield Figure(f"masked tokens, top-{top} accuracy, own sample", value, f"{places.sum()} places")


def held_out(
    model: BertForPreTraining, tokenizer: PreTrainedTokenizerBase, corpus: Path, side: str = "test"
) -> Iterator[Figure]:
    """Figures on held-out documents, of the model and of both baselines."""
    kept: dict[tuple[str, str], list[str]] = {}
    for source, found_side, _, text in texts(corpus):
        if found_side in ("train", side):
            kept.setdefault((source, found_side), []).append(text)
    pieces = WordPieces(tokenizer)
    training = [stream_of(tokenised(kept[source, "train"], pieces)) for source in SOURCES]
    baseline = NgramBaseline(np.concatenate(training))
    commonest = np.argsort(-baseline.unigram)[:5]
    chance = np.random.default_rng(SEED)
    for source in SOURCES:
        found = tokenised(kept[source, side], pieces)
        truth = blocks(found)
        places = masked_places(truth, chance)
        rows = np.where(places, MASK, truth)
        answers = truth[places]
        on = f"{len(answers):,} masked tokens in {len(rows):,} blocks of {source}, {side} side"
        by_name = {
            "this model": guesses(model, rows, places),
            "counts of the neighbours": baseline.guesses(rows, places),
            "commonest tokens": np.tile(commonest, (len(answers), 1)),
        }
        for name, guessed in by_name.items():
            for top in (1, 5):
                value = round(top_share(guessed, answers, top), 3)
                yield Figure(f"masked tokens, top-{top} accuracy, {source}, {name}", value, on, True)
        pairs = block_pairs(found, block_boundaries(found), 400, chance)
        value = round(next_sentence_accuracy(model, pairs), 3)
        on = f"400 pairs of {source}, {side} side"
        yield Figure(f"next sentence, accuracy, {source}, blocks", value, f"{on}, 128 tokens each", True)
        boundaries = sentence_boundaries(found)
        pairs = sentence_pairs(found, boundaries, chance.choice(boundaries, 400), chance)
        value = round(next_sentence_accuracy(model, pairs), 3)
        yield Figure(f"next sentence, accuracy, {source}, single sentences", value, on, True)
