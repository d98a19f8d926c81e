"""Train two tiny models on chains of plus and times, one answering at once, one step by step.

    python -m training.sums [--minutes N] [--work DIR]

The two have the same shape. They are trained side by side, in the same steps: each step shows
each of them exactly TOKENS tokens. So the training tokens are equal by construction. The model
that answers at once sees more problems for the same tokens.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from training import loop, shipping
from workshop_lib.course.evaluation import sums

NAME = "sums"
TOKENS = 2048  # that each model sees in one step
POSITIONS = 4 * sums.LONGEST  # question and steps of the longest problem
PAD = "<pad>"
VOCABULARY = [PAD, "+", "×", "=", ",", sums.END, *"0123456789"]
SEED = 7


def new_tokenizer():
    """Return a tokenizer with one token for each digit and each mark."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    ids = {token: number for number, token in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=PAD))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=sums.END,
        model_max_length=POSITIONS,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


class Pair(torch.nn.Module):
    """The two models, trained in one go."""

    def __init__(self) -> None:
        super().__init__()
        for style in sums.STYLES:
            self.add_module(style, new_model())

    def forward(self, **batches: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """Return the sum of both models' losses on their own batches."""
        losses = []
        for style, (ids, labels) in batches.items():
            model = getattr(self, style)
            losses.append(model(input_ids=ids, labels=labels, use_cache=False).loss)
        return torch.stack(losses).sum()


def new_model() -> torch.nn.Module:
    """Return an untrained model: 4 layers, 64 numbers a token, 4 heads, 0.2 M parameters."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(SEED)
    config = GPT2Config(
        vocab_size=len(VOCABULARY),
        n_positions=POSITIONS,
        n_embd=64,
        n_layer=4,
        n_head=4,
        activation_function="gelu_pytorch_tanh",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=None,
        eos_token_id=VOCABULARY.index(sums.END),
        pad_token_id=VOCABULARY.index(PAD),
    )
    return GPT2LMHeadModel(config)


def batch(style: str, step: int) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Return the token ids of one step, their labels, and the number of problems.

    All problems of a step have equally many numbers, so that little is padded. The last
    problem is cut where the step's TOKENS are used up. The loss counts what comes after "=".

    Returns:
        (ids, labels, problems): both tensors of shape (problems, longest).
    """
    count = int(np.random.default_rng([SEED, step]).choice(sums.TRAINED))
    code = {token: number for number, token in enumerate(VOCABULARY)}
    rows: list[list[int]] = []
    left = TOKENS
    for problem in sums.problems(count, "train", [SEED, step, count]):
        text = f"{problem}={sums.answer(problem, style)}"
        rows.append([code[token] for token in text[:left]])
        left -= len(rows[-1])
        if not left:
            break
    ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    labels = np.full_like(ids, -100)
    asked = 2 * count  # tokens of the question
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
        labels[place, asked : len(row)] = row[asked:]
    return torch.from_numpy(ids), torch.from_numpy(labels), len(rows)


def watch(pair: Pair, tokenizer, step: int) -> None:
    """Print the accuracy on validation problems."""
    for style in sums.STYLES:
        got = [
            sums.result(getattr(pair, style), tokenizer, sums.held_out(count, "valid", 100))
            for count in (4, 6, 8, 10, 12)
        ]
        shown = "  ".join(f"{found.right:3d}" for found in got)
        print(f"  step {step:,}  {style:10s}  right of 100 with 4, 6, 8, 10, 12: {shown}")


def ship(pair: Pair, tokenizer, took: dict, out: Path) -> None:
    """Write a folder for each model, in float16."""
    for style in sums.STYLES:
        folder = out / style
        getattr(pair, style).half().save_pretrained(folder)
        (folder / "model.safetensors").chmod(0o644)
        tokenizer.save_pretrained(folder)
    (out / "training.json").write_text(json.dumps(took, indent=1) + "\n")


def main(arguments: list[str] | None = None) -> int:
    """Train, ship."""
    parser = argparse.ArgumentParser(prog=f"python -m training.{NAME}")
    parser.add_argument("--minutes", type=float, default=16, help="for both models together")
    parser.add_argument("--work", type=Path, default=shipping.WORK / NAME)
    parser.add_argument("--out", type=Path, default=shipping.SHIPPED / NAME)
    parser.add_argument("--lr", type=float, default=0.006)
    options = parser.parse_args(arguments)
    tokenizer = new_tokenizer()
    pair = Pair()

    def loss_of(runner: torch.nn.Module, step: int) -> tuple[torch.Tensor, int]:
        batches = {style: batch(style, step)[:2] for style in sums.STYLES}
        return runner(**batches), TOKENS  # for each of the two

    def after(step: int, _: float) -> None:
        watch(pair, tokenizer, step)

    # Matrices this small gain nothing from bfloat16 or from compiling.
    plan = loop.Plan(NAME, options.minutes, options.lr, bf16=False, compile=False, seed=SEED)
    took = loop.train(pair, loss_of, plan, options.work, after)
    took["problems"] = {
        style: sum(batch(style, step)[2] for step in range(took["steps"])) for style in sums.STYLES
    }
    print(took)
    ship(pair, tokenizer, took, options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
