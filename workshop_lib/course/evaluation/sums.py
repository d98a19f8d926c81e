"""Sums of many one-digit numbers: the problems, and how well two tiny models solve them.

Both models are built alike and were trained on equally many tokens. One answers at once
(``7+8+3+9=27.``). The other writes its running totals (``7+8+3+9=7,15,18,27.``).
The problems are made from a seed; no corpus is read. Used for lessons 08 and 09.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np

from workshop_lib import data
from workshop_lib.course.evaluation import Figure
from workshop_lib.course.evaluation.corpus import bucket

STYLES = ("at_once", "with_steps")
LONGEST = 20  # numbers in a problem
TRAINED = range(4, LONGEST + 1)  # how many numbers a training problem adds
SHOWN = (4, 6, 8, 10, 12, 14, 16, 18, 20)
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


def question(numbers: list[int]) -> str:
    """Return what a model is given.

    >>> question([7, 8, 3])
    '7+8+3='
    """
    return "+".join(map(str, numbers)) + "="


def answer(numbers: list[int], style: str) -> str:
    """Return what a model should write.

    >>> answer([7, 8, 3], "at_once"), answer([7, 8, 3], "with_steps")
    ('18.', '7,15,18.')
    """
    totals = list(accumulate(numbers))
    return ",".join(map(str, totals if style == "with_steps" else totals[-1:])) + END


def final_number(text: str) -> str:
    """Return the last number before the end mark.

    >>> final_number("18."), final_number("7,15,18.99")
    ('18', '18')
    """
    return text.split(END)[0].split(",")[-1]


def side_of(numbers: list[int]) -> str:
    """Return "test" for 1 problem in 20, "valid" for another, and "train" for the rest.

    The same numbers in another order fall on the same side.

    >>> side_of([7, 8, 3, 9]) == side_of([9, 3, 8, 7])
    True
    """
    problem = "+".join(map(str, sorted(numbers)))
    return {0: "test", 1: "valid"}.get(bucket(problem, 20), "train")


def problems(count: int, side: str, seed: list[int]) -> Iterator[list[int]]:
    """Yield problems of ``count`` numbers from 0 to 9 from one side of the split, without end.

    >>> [len(numbers) for _, numbers in zip(range(2), problems(5, "train", [7]))]
    [5, 5]
    """
    chance = np.random.default_rng(seed)
    while True:
        for numbers in chance.integers(0, 10, size=(100, count)).tolist():
            if side_of(numbers) == side:
                yield numbers


def held_out(count: int, side: str = "test", size: int = PROBLEMS) -> list[list[int]]:
    """Return ``size`` different problems that no training saw."""
    found: dict[str, list[int]] = {}
    drawn = problems(count, side, [SEED, count])
    while len(found) < size:
        numbers = next(drawn)
        found[question(numbers)] = numbers
    return list(found.values())


# ── Models ───────────────────────────────────────────────────────────────────────────────


def solve(model, tokenizer, asked: list[list[int]]) -> list[str]:
    """Return what a model writes after each question, greedily, up to the end mark.

    Args:
        model: a GPT2LMHeadModel.
        tokenizer: its tokenizer, a token for each number and each mark.
        asked: problems that all add equally many numbers.
    """
    import torch

    ids = tokenizer([question(numbers) for numbers in asked], return_tensors="pt").input_ids
    with torch.no_grad():
        written = model.generate(
            ids,  # Shape: (problems, tokens)
            attention_mask=torch.ones_like(ids),
            max_new_tokens=model.config.n_positions - ids.shape[1],
            do_sample=False,
        )
    texts = tokenizer.batch_decode(written[:, ids.shape[1] :], skip_special_tokens=False)
    return [text.split(END)[0] + END if END in text else text for text in texts]


def result(model, tokenizer, asked: list[list[int]]) -> Result:
    """Return how many final numbers are right, and how many tokens were written."""
    texts = solve(model, tokenizer, asked)
    right = sum(final_number(t) == str(sum(n)) for t, n in zip(texts, asked, strict=True))
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
