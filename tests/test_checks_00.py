"""The checks of lesson 00, with right, untouched and wrong answers."""

import pytest
import torch

from workshop_lib import data, models, runtime
from workshop_lib.checks import lesson_00 as check

SENSES = data.load("senses")
SIZE = models.table()["weights (MB)"]


def draw(n):
    runtime.seed(n)
    return torch.rand(3)


def draw_without_seed(n):
    return torch.rand(3)


def draw_with_fixed_seed(n):
    runtime.seed(1)
    return torch.rand(3)


def draw_without_return(n):
    runtime.seed(n)
    torch.rand(3)


CHECKS = {
    "0a": check.exercise_0a,
    "0b": check.exercise_0b,
    "0c": check.exercise_0c,
    "0d": check.exercise_0d,
    "0e": check.exercise_0e,
}
OPPOSITE, PARAPHRASE = "The senator never voted for the bill.", "She said yes to it in the chamber."
RIGHT = {
    "0a": [runtime.profile()],
    "0b": [SIZE["encoder", "full"] / SIZE["encoder", "mini"]],
    "0c": [OPPOSITE, PARAPHRASE],
    "0d": [draw],
    "0e": [SENSES, SENSES["word"].nunique()],
}
UNTOUCHED = {"0a": [...], "0b": [...], "0c": [..., ...], "0d": [lambda n: ...], "0e": [..., ...]}
WRONG = [
    ("0a", [runtime.profile], "needs brackets"),
    ("0a", ["small"], "no profile"),
    ("0a", ["full" if runtime.profile() == "mini" else "mini"], "doesn't run in the profile"),
    ("0b", [SIZE["encoder", "mini"] / SIZE["encoder", "full"]], "turn it round"),
    ("0b", [SIZE["encoder", "full"] - SIZE["encoder", "mini"]], "difference in MB"),
    ("0b", ["five"], "one number"),
    ("0c", [check.ORIGINAL, PARAPHRASE], "opposite is the original"),
    ("0c", [OPPOSITE, "The senator backed it."], "still uses ['senator']"),
    ("0c", ["Nobody in the chamber wanted this law.", "A politician voting in favour of legislation."], "got it right"),
    ("0c", ["The senator voted against the bill.", "A lawmaker backed this legislation."], "sentence of the lesson"),
    ("0d", [draw_without_seed], "inside the function"),
    ("0d", [draw_with_fixed_seed], "Pass n on"),
    ("0d", [draw_without_return], "returns nothing"),
    ("0e", [SENSES, len(SENSES)], "number of sentences"),
    ("0e", [SENSES, SENSES["sense"].nunique()], "counted the senses"),
    ("0e", [SENSES, SENSES["word"].unique()], "nunique() counts"),
    ("0e", ["senses", 36], "the table that data.load returns"),
]


@pytest.mark.parametrize("number", CHECKS)
def test_right_answers_are_solved(number):
    verdict = CHECKS[number](*RIGHT[number])
    assert verdict.status == "solved", verdict


@pytest.mark.parametrize("number", CHECKS)
def test_untouched_stubs_are_unfinished(number):
    assert CHECKS[number](*UNTOUCHED[number]).status == "unfinished"


@pytest.mark.parametrize(("number", "answer", "hint"), WRONG)
def test_wrong_answers_get_their_own_hint(number, answer, hint):
    verdict = CHECKS[number](*answer)
    assert verdict.status == "not yet"
    assert hint in verdict.message
