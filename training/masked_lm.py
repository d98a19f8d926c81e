"""Train the masked language model: MiniLM with new heads and low-rank changes.

    python -m training.masked_lm --corpus DIR [--minutes N] [--work DIR] [--from-scratch]

The model fills in masked tokens and tells whether one text goes on from another (Devlin et al.
2019). Prepares the texts once, trains, and writes ``data/models/masked_lm``. Killed and started
again, it goes on from its last checkpoint in --work. With --from-scratch it trains a small
BERT of its own for comparison, and ships nothing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForPreTraining

from training import loop, shipping
from workshop_lib import adapters, models
from workshop_lib.course.evaluation import masked_lm as held_out
from workshop_lib.course.evaluation.corpus import documents, lines, split_of
from workshop_lib.course.evaluation.masked_lm import CLS, MASK, PAD, SEP, Documents
from workshop_lib.course.evaluation.mix import posts

NAME = "masked_lm"
RANK = 20
FIRST_WORD = 1000  # lower ids are special and unused tokens
SEED = 7
BLOCK_ROWS = 8  # rows of 128 tokens in a step: half pairs, half single texts
TRAINED_SHARE = 0.3  # of the tokens is hidden in training: more to learn from in each step (Wettig et al. 2023)
SHORT_TOKENS = 256  # tokens of sentence pairs in a step, and of single sentences


# ── Texts ────────────────────────────────────────────────────────────────────────────────


def texts(corpus: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (source, side, text) of every document.

    A definition is the first sentence of an article. If the article is held out, so is it.
    """
    articles = {}
    for source, side, title, text in held_out.texts(corpus):
        yield source, side, text
        if source == "encyclopaedia":
            articles[title] = side
    for line in lines(corpus, "text/enwiki2014_first_sentences.txt.xz"):
        title, _, sentence = line.partition("\t")
        if articles.get(title, "train") == split_of(sentence) == "train":
            yield "definitions", "train", sentence
    for name in ("state_of_the_state_2019", "us_presidential_speeches"):
        for title, text in documents(corpus, f"text/{name}.txt.xz"):
            yield "speeches", split_of(title), text
    for post in posts(corpus):
        yield "posts", split_of(post), post


def prepare(corpus: Path, work: Path) -> dict[str, dict[str, Documents]]:
    """Return the token ids of "train" and "valid", a source at a time; read once, kept in work."""
    file = work / "tokens.npz"
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        print(f"{NAME}: reading the corpora", flush=True)
        kept: dict[str, list[str]] = {}
        for source, side, text in texts(corpus):
            if side != "test":
                kept.setdefault(f"{side}.{source}", []).append(text)
        pieces = held_out.WordPieces(models.load("encoder", "mini").tokenizer)
        arrays = {}
        for name, some in kept.items():
            found = held_out.tokenised(some, pieces)
            print(f"{NAME}: {name}: {len(found.ids):,} tokens in {len(some):,} texts", flush=True)
            arrays |= {f"{name}.{field}": getattr(found, field) for field in Documents._fields}
        np.savez(file, **arrays)
    sides: dict[str, dict[str, Documents]] = {"train": {}, "valid": {}}
    with np.load(file) as arrays:
        for name in sorted({name.rpartition(".")[0] for name in arrays}):
            side, _, source = name.partition(".")
            sides[side][source] = Documents(*(arrays[f"{name}.{field}"] for field in Documents._fields))
    return sides


# ── Batches ──────────────────────────────────────────────────────────────────────────────


class Batch(NamedTuple):
    """Rows of one length with hidden tokens."""

    ids: torch.Tensor  # Shape: (rows, length)
    types: torch.Tensor  # 1 in the second text of a pair; Shape: (rows, length)
    places: torch.Tensor  # True where a token is to be guessed; Shape: (rows, length)
    targets: torch.Tensor  # the tokens that stood there; Shape: (places,)
    labels: torch.Tensor  # 0: b follows a; 1: it doesn't; -100: no pair; Shape: (rows,)


def hidden(pairs: held_out.Pairs, chance: np.random.Generator) -> Batch:
    """Choose 30 % of the tokens: 80 % of them become [MASK], 10 % another token, 10 % stay."""
    places = held_out.masked_places(pairs.ids, chance, TRAINED_SHARE)
    ids = pairs.ids.copy()
    draw = chance.random(ids.shape)
    ids[places & (draw < 0.8)] = MASK
    other = places & (draw >= 0.9)
    ids[other] = chance.integers(FIRST_WORD, held_out.VOCABULARY, other.sum())
    arrays = (ids, pairs.types, places, pairs.ids[places], pairs.labels)
    return Batch(*(torch.from_numpy(array) for array in arrays))


class Mix:
    """Draws the rows of each step from the training texts."""

    # Shares of the sources among blocks and sentence pairs, and among single sentences.
    LONG = {"encyclopaedia": 0.5, "news": 0.4, "speeches": 0.1}
    SHORT = {"encyclopaedia": 0.2, "news": 0.2, "definitions": 0.3, "posts": 0.3}

    def __init__(self, sources: dict[str, Documents]) -> None:
        self.sources = sources
        self.blocks = {s: held_out.block_boundaries(sources[s]) for s in self.LONG}
        self.wholes = {s: np.flatnonzero(sources[s].after >= held_out.BLOCK - 2) for s in self.LONG}
        self.pairs, self.singles = {}, {}  # sorted by length, shortest first
        for source in self.LONG:
            lengths = sources[source].lengths
            chosen = held_out.sentence_boundaries(sources[source])
            total = lengths[chosen - 1] + lengths[chosen]
            self.pairs[source] = chosen[np.argsort(total, kind="stable")]
        for source in self.SHORT:
            lengths = sources[source].lengths
            chosen = np.flatnonzero((lengths >= 6) & (lengths <= 62))
            self.singles[source] = chosen[np.argsort(lengths[chosen], kind="stable")]

    def batches(self, step: int) -> list[Batch]:
        """Return the rows of one step: blocks, pairs of sentences, single sentences."""
        chance = np.random.default_rng([SEED, step])
        source = drawn(self.LONG, chance)
        found, half = self.sources[source], BLOCK_ROWS // 2
        pairs = held_out.block_pairs(found, self.blocks[source], half, chance)
        starts = found.starts[chance.choice(self.wholes[source], half)]
        whole = alone([found.ids[start : start + held_out.BLOCK - 2] for start in starts])
        blocks = held_out.Pairs(*(np.concatenate(both) for both in zip(pairs, whole, strict=True)))

        source = drawn(self.LONG, chance)
        found = self.sources[source]
        chosen = together(self.pairs[source], lambda n: found.starts[n + 1] - found.starts[n - 1], chance)
        sentence_pairs = held_out.sentence_pairs(found, self.pairs[source], chosen, chance)

        source = drawn(self.SHORT, chance)
        short = self.sources[source]
        chosen = together(self.singles[source], lambda n: short.starts[n + 1] - short.starts[n], chance)
        single = alone([short.sentence(number) for number in chosen])
        return [hidden(rows, chance) for rows in (blocks, sentence_pairs, single)]


def drawn(shares: dict[str, float], chance: np.random.Generator) -> str:
    """Draw a source by its share."""
    return str(chance.choice(list(shares), p=list(shares.values())))


def together(by_length: np.ndarray, tokens: Callable[[int], int], chance: np.random.Generator) -> np.ndarray:
    """Take neighbours in a list sorted by length, SHORT_TOKENS together: hardly any padding."""
    first = chance.integers(len(by_length) - SHORT_TOKENS // 8)
    return by_length[first : first + max(2, SHORT_TOKENS // (tokens(by_length[first]) + 3))]


def alone(rows: list[np.ndarray]) -> held_out.Pairs:
    """Return single texts as rows [CLS] text [SEP], without a label."""
    ids = np.full((len(rows), max(map(len, rows)) + 2), PAD, dtype=np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row) + 2] = [CLS, *row, SEP]
    return held_out.Pairs(ids, np.zeros_like(ids), np.full(len(rows), -100))


# ── Model ────────────────────────────────────────────────────────────────────────────────


class Objective(torch.nn.Module):
    """The sum of both losses of a step: masked tokens and next sentence."""

    def __init__(self, model: BertForPreTraining) -> None:
        super().__init__()
        self.model = model

    def forward(self, batches: list[Batch]) -> torch.Tensor:
        states, judged = [], []
        for batch in batches:
            padded = (batch.ids == PAD).any()
            attention_mask = (batch.ids != PAD).long() if padded else None
            found = self.model.bert(batch.ids, attention_mask, batch.types)
            states.append(found.last_hidden_state[batch.places])  # Shape: (places, hidden)
            judged.append(self.model.cls.seq_relationship(found.pooler_output))  # Shape: (rows, 2)
        logits = self.model.cls.predictions(torch.cat(states))  # Shape: (places, vocabulary)
        targets = torch.cat([batch.targets for batch in batches])
        labels = torch.cat([batch.labels for batch in batches])
        masked = torch.nn.functional.cross_entropy(logits.float(), targets)
        return masked + torch.nn.functional.cross_entropy(torch.cat(judged).float(), labels)


class Adapted(torch.nn.Module):
    """A frozen linear layer and its low-rank change: y = W·x + b + B·(A·x).

    The same change as ``workshop_lib.adapters.attach`` makes. Applied to x, it needs no
    gradient of the whole matrix, which saves a fifth of the time.
    """

    def __init__(self, layer: torch.nn.Linear, rank: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(layer.weight.detach().bfloat16(), requires_grad=False)
        self.bias = layer.bias
        self.A = torch.nn.Parameter(torch.randn(rank, layer.in_features) / layer.in_features**0.5)
        self.B = torch.nn.Parameter(torch.zeros(layer.out_features, rank))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        linear = torch.nn.functional.linear
        return linear(x, self.weight, self.bias) + linear(linear(x, self.A), self.B)


class Table(torch.nn.Module):
    """The frozen table of word embeddings with a trained row for [MASK]."""

    def __init__(self, table: torch.nn.Embedding) -> None:
        super().__init__()
        self.weight = table.weight
        self.row = torch.nn.Parameter(table.weight[MASK].detach().clone())

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        found = torch.nn.functional.embedding(ids, self.weight)
        return torch.where((ids == MASK)[..., None], self.row, found)


def adapted_model(counts: np.ndarray) -> BertForPreTraining:
    """Return MiniLM with new heads. Trained are the heads, biases and a change of each matrix.

    Args:
        counts: how often each token occurs; the output bias begins at the logarithm.
    """
    torch.manual_seed(SEED)
    encoder = models.load("encoder", "mini").model
    model = BertForPreTraining(configuration())
    model.bert.load_state_dict(encoder.state_dict())
    for name, parameter in model.named_parameters():
        inside = name.startswith("bert") and parameter.ndim == 1
        parameter.requires_grad = inside or (name.startswith("cls") and "decoder.weight" not in name)
    for name, layer in list(model.bert.named_modules()):
        if isinstance(layer, torch.nn.Linear):
            path, _, last = name.rpartition(".")
            setattr(model.bert.get_submodule(path), last, Adapted(layer, RANK))
    model.bert.embeddings.word_embeddings = Table(model.bert.embeddings.word_embeddings)
    with torch.no_grad():
        torch.nn.init.eye_(model.cls.predictions.transform.dense.weight)
    return with_log_share(model, counts)


def own_model(counts: np.ndarray) -> BertForPreTraining:
    """Return an untrained BERT of 8 M parameters, all of them trained."""
    torch.manual_seed(SEED)
    size = {"hidden_size": 192, "num_hidden_layers": 4, "num_attention_heads": 6, "intermediate_size": 768}
    return with_log_share(BertForPreTraining(configuration(**size)), counts)


def configuration(dropout: float = 0.0, **changed: int) -> BertConfig:
    """Return the encoder's configuration; no dropout, since hardly a text is seen twice."""
    known = models.load("encoder", "mini").model.config.to_dict()
    for name in ("dtype", "architectures", "transformers_version"):
        known.pop(name, None)
    known |= {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout} | changed
    return BertConfig(**known, attn_implementation="eager")


def with_log_share(model: BertForPreTraining, counts: np.ndarray) -> BertForPreTraining:
    """Start the output bias at the log share of each token, and return the model."""
    with torch.no_grad():
        model.cls.predictions.bias.copy_(torch.from_numpy(np.log((counts + 0.1) / counts.sum())))
    return model


# ── Shipping ─────────────────────────────────────────────────────────────────────────────


def changes(model: BertForPreTraining) -> dict[str, torch.Tensor]:
    """Return what was trained, under the names that ``workshop_lib.adapters.merge`` reads."""
    ends = {".A": ".weight" + adapters.A, ".B": ".weight" + adapters.B, ".row": ".weight.rows"}
    found = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            end = name[name.rindex(".") :]
            found[name.removesuffix(end) + ends.get(end, end)] = parameter.detach().half().contiguous()
    found["bert.embeddings.word_embeddings.weight.row_ids"] = torch.tensor([MASK], dtype=torch.int32)
    return found


def ship(model: BertForPreTraining, out: Path, record: dict) -> None:
    """Write the adapter, the record of the training, and the configuration, which names the model underneath."""
    out.mkdir(parents=True, exist_ok=True)
    save_file(changes(model), out / "adapter.safetensors", metadata={"format": "pt"})
    card = models.card_of("encoder", "mini")
    config = configuration(dropout=0.1)
    config.architectures = ["BertForPreTraining"]
    config.base_model, config.base_model_sha256 = card.name, card.sha256
    (out / "config.json").write_text(config.to_json_string())
    (out / "training.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    size = (out / "adapter.safetensors").stat().st_size
    print(f"{NAME}: wrote {out}, {size:,} bytes of changes", flush=True)


# ── Run ──────────────────────────────────────────────────────────────────────────────────


def main(arguments: list[str] | None = None) -> int:
    """Prepare, train, ship."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--from-scratch", action="store_true")
    chosen, rest = own.parse_known_args(arguments)
    options = shipping.options(__doc__, rest, minutes=30, name=NAME)
    sides = prepare(options.corpus, options.work)
    ids = np.concatenate([found.ids for found in sides["train"].values()])
    counts = np.bincount(ids, minlength=held_out.VOCABULARY)
    kind = "from_scratch" if chosen.from_scratch else "adapted"
    model = own_model(counts) if chosen.from_scratch else adapted_model(counts)
    mix = Mix(sides["train"])

    def loss_of(runner: torch.nn.Module, step: int) -> tuple[torch.Tensor, int]:
        batches = mix.batches(step)
        return runner(batches), sum(int((batch.ids != PAD).sum()) for batch in batches)

    def after(step: int, progress: float) -> None:
        print(f"{NAME}: {progress:.0%} valid  {valid_figures(model, sides['valid'])}", flush=True)

    matrices = "muon" if chosen.from_scratch else "adamw"
    plan = loop.Plan(NAME, options.minutes, options.lr, matrices, compile=False, seed=SEED)
    took = loop.train(Objective(model), loss_of, plan, options.work / kind, after)
    print(took)
    if not chosen.from_scratch:
        ship(model, options.out, {**took, "rank": RANK, "seed": SEED})
    return 0


def valid_figures(model: BertForPreTraining, sources: dict[str, Documents], rows: int = 80) -> str:
    """Return top-1, top-5 and next-sentence accuracy on a part of the validation side."""
    found = []
    for source in held_out.SOURCES:
        chance = np.random.default_rng(SEED)
        truth = held_out.blocks(sources[source])[:rows]
        places = held_out.masked_places(truth, chance)
        pairs = held_out.block_pairs(
            sources[source], held_out.block_boundaries(sources[source]), rows, chance
        )
        with torch.autocast("cpu", dtype=torch.bfloat16):
            guessed = held_out.guesses(model, np.where(places, MASK, truth), places)
            following = held_out.next_sentence_accuracy(model, pairs)
        first, five = (held_out.top_share(guessed, truth[places], top) for top in (1, 5))
        found.append(f"{source}: top-1 {first:.3f}, top-5 {five:.3f}, next sentence {following:.3f}")
    return "; ".join(found)


if __name__ == "__main__":
    raise SystemExit(main())
