"""Train the base language model (role causal_lm): a small GPT-2, one token at a time.

    python -m training.causal_lm --corpus DIR [--minutes N] [--work DIR]

Prepares the texts once (tokenizer, tokens), trains, and writes ``data/models/causal_lm``.
Killed and started again, it goes on from its last checkpoint in --work.
"""

from __future__ import annotations

import json
import random
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from training import loop, shipping
from workshop_lib.course.evaluation.mix import SEED, texts

NAME = "causal_lm"
VOCABULARY = 8192
CONTEXT = 512
WINDOWS = 16  # windows of CONTEXT tokens in one step
# While the learning rate falls, plain and useful texts come more often than in the mix at large.
LAST_WEIGHTS = {"facts": 8.0, "posts": 2.0, "novels": 0.5, "encyclopaedia": 0.4}  # others: 1
END = "<|endoftext|>"
# The assistant's markers have their places in the vocabulary from the start.
SPECIAL = [END, "<|system|>", "<|user|>", "<|assistant|>"]


# ── Tokens ───────────────────────────────────────────────────────────────────────────────


def prepare(corpus: Path, work: Path) -> None:
    """Write the tokenizer, the training tokens and the held-out texts to the work folder."""
    if (work / "train.npy").exists() and (work / "last.npy").exists():
        return
    work.mkdir(parents=True, exist_ok=True)
    print(f"{NAME}: reading the corpora", flush=True)
    rows = [(source, side, text) for source, side, text in texts(corpus) if text]
    random.Random(SEED).shuffle(rows)
    counts: dict[str, int] = {}
    for source, side, text in rows:
        counts[f"{source}, {side}"] = counts.get(f"{source}, {side}", 0) + len(text.encode())
    (work / "bytes.json").write_text(json.dumps(counts, indent=1, sort_keys=True))
    training = [(source, text) for source, side, text in rows if side == "train"]
    tokenizer = train_tokenizer([text for _, text in training])
    tokenizer.save(str(work / "tokenizer.json"))
    write_tokens(tokenizer, [text for _, text in training], work / "train.npy")
    write_tokens(tokenizer, weighted(training), work / "last.npy")


def weighted(training: list[tuple[str, str]]) -> list[str]:
    """Return the texts, each as often as its source's weight says; the rest by chance."""
    chance = random.Random(SEED)
    found = []
    for source, text in training:
        weight = LAST_WEIGHTS.get(source, 1.0)
        found += [text] * (int(weight) + (chance.random() < weight % 1))
    chance.shuffle(found)
    return found


def train_tokenizer(training: list[str]) -> Tokenizer:
    """Return a byte-level BPE tokenizer learnt from the training texts alone."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(training[::4], trainer)
    return tokenizer


def write_tokens(tokenizer: Tokenizer, training: list[str], file: Path) -> None:
    """Write all texts as one row of token ids, each text closed by the end-of-text token."""
    end = tokenizer.token_to_id(END)
    parts = []
    for start in range(0, len(training), 5000):
        for encoding in tokenizer.encode_batch(training[start : start + 5000]):
            parts.append(np.array([*encoding.ids, end], dtype=np.uint16))
    tokens = np.concatenate(parts)
    draft = file.with_suffix(".draft.npy")
    np.save(draft, tokens)
    draft.rename(file)
    print(f"{NAME}: {len(tokens):,} training tokens", flush=True)


# ── Model ────────────────────────────────────────────────────────────────────────────────


def new_model() -> torch.nn.Module:
    """Return the untrained model: 4 layers, 320 numbers a token, 5 heads, 10.3 M parameters.

    Half of the parameters are the two tables of tokens, one to read and one to write. The table
    that is read costs no computing, so more tokens are seen in the same time.
    """
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(SEED)
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=CONTEXT,
        n_embd=320,
        n_layer=4,
        n_head=5,
        tie_word_embeddings=False,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
        attn_implementation="eager",
    )
    return GPT2LMHeadModel(config)


def batch(tokens: np.ndarray, step: int, length: int) -> torch.Tensor:
    """Return the tokens of one step in rows of ``length``: every row full, no padding.

    The text is cut into windows of CONTEXT tokens; each pass over it takes every window once,
    in a new order. Shorter rows are parts of a window, and cost less attention.
    """
    windows = len(tokens) // CONTEXT
    found = []
    for place in range(step * WINDOWS, (step + 1) * WINDOWS):
        start = order(windows, place // windows)[place % windows] * CONTEXT
        found.append(tokens[start : start + CONTEXT])
    ids = torch.from_numpy(np.stack(found).astype(np.int64))  # Shape: (windows, CONTEXT)
    return ids.view(-1, length)  # Shape: (rows, length)


@lru_cache(maxsize=2)
def order(windows: int, lap: int) -> np.ndarray:
    """Return the order in which one pass over the text takes its windows."""
    return np.random.default_rng([SEED, lap]).permutation(windows)


def main(arguments: list[str] | None = None) -> int:
    """Prepare, train, ship."""
    options = shipping.options(__doc__, arguments, minutes=150, name=NAME)
    prepare(options.corpus, options.work)
    now = {"texts": np.load(options.work / "train.npy", mmap_mode="r"), "length": CONTEXT // 2}
    model = new_model()

    def loss_of(runner: torch.nn.Module, step: int) -> tuple[torch.Tensor, int]:
        ids = batch(now["texts"], step, now["length"])
        return runner(input_ids=ids, labels=ids, use_cache=False).loss, ids.numel()

    def on_fall() -> None:
        now.update(texts=np.load(options.work / "last.npy", mmap_mode="r"), length=CONTEXT)

    plan = loop.Plan(NAME, options.minutes, learning_rate=options.lr, seed=SEED)
    took = loop.train(model, loss_of, plan, options.work, on_fall=on_fall)
    ship(model, options.work, options.out, {**took, "seed": SEED})
    return 0


def ship(model: torch.nn.Module, work: Path, out: Path, record: dict) -> None:
    """Write the model folder: weights in bfloat16, tokenizer, configuration."""
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(work / "tokenizer.json"),
        eos_token=END,
        bos_token=END,
        pad_token=END,
        additional_special_tokens=SPECIAL[1:],
        model_max_length=CONTEXT,
    )
    model.to(torch.bfloat16).save_pretrained(out)
    (out / "model.safetensors").chmod(0o644)
    tokenizer.save_pretrained(out)
    (out / "training.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    print(f"{NAME}: written to {out}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
