"""Chains of plus and times: the problems, and how well two tiny models solve them.

A chain is worked from left to right, as on a pocket calculator, and only the last digit counts:
7+8×3+9 goes 7, 5, 5, 4. Both models are built alike and were trained on equally many tokens.
One answers at once (``7+8×3+9=4.``). The other writes its steps (``7+8×3+9=7,5,5,4.``).
The problems are made from a seed; no corpus is read. Used for lessons 08 and 09.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from workshop_lib import data
from workshop_lib.course.evaluation import Figure
from workshop_lib.course.evaluation.corpus import bucket

STYLES = ("at_once", "with_steps")
LONGEST = 12  # numbers in a problem
TRAINED = range(2, LONGEST + 1)  # how many numbers a training problem has
SHOWN = (4, 5, 6, 7, 8, 9, 10, 11, 12)
STEPS = [f"+{n}" for n in range(10)] + ["×3", "×7", "×9"]  # each can be undone, so none hides the past
TIMES = 0.5  # share of multiplications among the steps
END = "."
PROBLEMS = 350  # for each count of numbers
SEED = 7


class Result(NamedTuple):
    """How one model did on the problems of one kind."""

    right: int
    problems: int
    tokens: float  # mean number of tokens that it wrote for a problem

    def __str__(self) -> str:
        """Return the share with its 95 % Wilson interval, in per cent.

        >>> str(Result(right=396, problems=400, tokens=4.0))
        '99.0 (97.5 to 99.6)'
        """
        return share(self.right, self.problems)


def share(right: int, cases: int) -> str:
    """Return a share with its 95 % Wilson interval, in per cent.

    >>> share(60, 100)
    '60.0 (50.2 to 69.1)'
    """
    from scipy.stats import binomtest

    low, high = binomtest(right, cases).proportion_ci(method="wilson")
    return f"{100 * right / cases:.1f} ({100 * low:.1f} to {100 * high:.1f})"


# ── Problems ─────────────────────────────────────────────────────────────────────────────


def totals(problem: str) -> list[int]:
    """Return the last digit after each number, from left to right.

    >>> totals("7+8×3+9")
    [7, 5, 5, 4]
    """
    found = [int(problem[0])]
    for mark, digit in zip(problem[1::2], problem[2::2], strict=True):
        value = found[-1] + int(digit) if mark == "+" else found[-1] * int(digit)
        found.append(value % 10)
    return found


def answer(problem: str, style: str) -> str:
    """Return what a model should write after the problem and "=".

    >>> answer("7+8×3", "at_once"), answer("7+8×3", "with_steps")
    ('5.', '7,5,5.')
    """
    digits = totals(problem)
    return ",".join(map(str, digits if style == "with_steps" else digits[-1:])) + END


def final_digit(text: str) -> str:
    """Return the last number before the end mark.

    >>> final_digit("5."), final_digit("7,5,5.99")
    ('5', '5')
    """
    return text.split(END)[0].split(",")[-1]


def side_of(problem: str) -> str:
    """Return "test" for 1 problem in 20, "valid" for another, and "train" for the rest.

    >>> side_of("7+8×3+9")
    'train'
    """
    return {0: "test", 1: "valid"}.get(bucket(problem, 20), "train")


def problems(count: int, side: str, seed: list[int]) -> Iterator[str]:
    """Yield problems of ``count`` numbers from one side of the split, without end.

    >>> [len(problem) for _, problem in zip(range(2), problems(5, "train", [7]))]
    [9, 9]
    """
    chance = np.random.default_rng(seed)
    share = np.repeat([(1 - TIMES) / 10, TIMES / 3], [10, 3])  # of each step
    while True:
        first = chance.integers(0, 10, size=100)
        steps = chance.choice(STEPS, size=(100, count - 1), p=share)
        for digit, row in zip(first, steps, strict=True):
            problem = f"{digit}{''.join(row)}"
            if side_of(problem) == side:
                yield problem


def held_out(count: int, side: str = "test", size: int = PROBLEMS) -> list[str]:
    """Return ``size`` different problems that no training saw."""
    found: dict[str, None] = {}
    drawn = problems(count, side, [SEED, count])
    while len(found) < size:
        found[next(drawn)] = None
    return list(found)


# ── Models ───────────────────────────────────────────────────────────────────────────────


def solve(model, tokenizer, asked: list[str]) -> list[str]:
    """Return what a model writes after each question, greedily, up to the end mark.

    Args:
        model: a GPT2LMHeadModel.
        tokenizer: its tokenizer, a token for each digit and each mark.
        asked: problems of equally many numbers.
    """
    import torch

    ids = tokenizer([f"{problem}=" for problem in asked], return_tensors="pt").input_ids
    with torch.no_grad():
        written = model.generate(
            ids,  # Shape: (problems, tokens)
            attention_mask=torch.ones_like(ids),
            max_new_tokens=model.config.n_positions - ids.shape[1],
            do_sample=False,
        )
    texts = tokenizer.batch_decode(written[:, ids.shape[1] :], skip_special_tokens=False)
    return [text.split(END)[0] + END if END in text else text for text in texts]


def result(model, tokenizer, asked: list[str]) -> Result:
    """Return how many final digits are right, and how many tokens were written."""
    texts = solve(model, tokenizer, asked)
    right = sum(final_digit(t) == str(totals(p)[-1]) for t, p in zip(texts, asked, strict=True))
    written = sum(len(tokenizer.encode(text)) for text in texts)
    return Result(right, len(asked), written / len(texts))


def load(style: str, folder: Path | None = None):
    """Return (model, tokenizer) of one of the two, in float32 on the CPU."""
    from transformers import AutoTokenizer, GPT2LMHeadModel

    folder = (folder or data.root() / "models" / "sums") / style
    model = GPT2LMHeadModel.from_pretrained(folder, local_files_only=True, dtype="float32")
    return model.eval(), AutoTokenizer.from_pretrained(folder, local_files_only=True)


def figures(corpus: Path | None = None) -> list[Figure]:
    """Return accuracy by the count of numbers, and what each answer costs in tokens."""
    found = []
    for style in STYLES:
        model, tokenizer = load(style)
        parameters = sum(p.numel() for p in model.parameters())
        found.append(Figure(f"{style}: parameters", parameters, "the shipped weights"))
        for count in SHOWN:
            asked = held_out(count)
            on = f"{len(asked)} held-out problems"
            got = result(model, tokenizer, asked)
            name = f"{style}: {count} numbers"
            found.append(Figure(f"{name}, right, % (95 % interval)", str(got), on))
            found.append(Figure(f"{name}, tokens written", round(got.tokens, 1), on))
    return found
