"""Every check of lesson 04: the right answer, the untouched stub, and typical mistakes."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from workshop_lib.checks import lesson_04 as check
from verdicts import solved, unfinished, wrong


# ── 4a ──


def case(learning_rate, rows=863):
    return SimpleNamespace(rows=rows, settings=SimpleNamespace(learning_rate=learning_rate))


CASES = {"A": case(1e-2), "B": case(1e-6), "C": case(5e-3, rows=40), "D": case(1.0)}
RIGHT = {"A": "overfitting", "B": "learning rate too small", "C": "too little data", "D": "learning rate too large"}


def swapped(one, other):
    return {**RIGHT, one: RIGHT[other], other: RIGHT[one]}


def test_4a():
    solved(check.exercise_4a(RIGHT, CASES))
    solved(check.exercise_4a({letter: name.upper() for letter, name in RIGHT.items()}, CASES))
    unfinished(check.exercise_4a(dict.fromkeys(CASES, ...), CASES))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (swapped("A", "C"), "A: look at its validation line"),
        (swapped("B", "C"), "B: look at its training line. With few posts"),
        (swapped("B", "D"), "B: its lines are calm"),
        (swapped("A", "D"), "A: its training line falls smoothly"),
        (swapped("A", "B"), "A: its training line falls to next to nothing"),
        (swapped("C", "D"), "C: look at the height of its lines"),
        ({**RIGHT, "A": "too little data"}, "One name stands there twice"),
        ({**RIGHT, "A": "unlucky"}, "isn't one of the four"),
        ({"A": "overfitting"}, "one entry for each"),
        ("overfitting", "one entry for each"),
    ],
)
def test_4a_mistakes(answer, hint):
    wrong(check.exercise_4a(answer, CASES), hint)


def test_4a_has_a_hint_for_every_confusion():
    names = set(RIGHT.values())
    assert set(check.CONFUSED) == {(said, right) for said in names for right in names if said != right}


# ── 4b ──


def draw_rate(low, high, chance):
    return low * (high / low) ** chance.random()


def test_4b():
    solved(check.exercise_4b(draw_rate))
    solved(check.exercise_4b(lambda low, high, chance: np.exp(chance.uniform(np.log(low), np.log(high)))))
    unfinished(check.exercise_4b(lambda low, high, chance: ...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda low, high, chance: chance.uniform(low, high), "You draw evenly"),
        (lambda low, high, chance: low + (high - low) * chance.random(), "You draw evenly"),
        (lambda low, high, chance: np.log10(low) + chance.random() * np.log10(high / low), "are logarithms"),
        (lambda low, high, chance: np.sqrt(low * high), "the same number"),
        (lambda low, high, chance: low * (high / low) ** chance.random() ** 2, "Is share used once"),
        (lambda low, high, chance: low * high ** chance.random(), "lie outside"),
        (lambda low, high, chance: 10 ** chance.uniform(-5, -1), "one range only"),
        (lambda low, high, chance: [low], "one number"),
        (lambda low, high, chance: None, "returns nothing"),
        (0.001, "should be a function"),
    ],
)
def test_4b_mistakes(answer, hint):
    wrong(check.exercise_4b(answer), hint)


# ── 4c ──

PLAN = {
    "learning rates": 5, "batch sizes": 3, "epochs": 4, "weight decays": 3,
    "folds": 5, "seeds": 3, "seconds": 40, "watts": 65,
}  # fmt: skip


def test_4c():
    solved(check.exercise_4c(2700, 30.0, 1.95, PLAN))
    solved(check.exercise_4c(np.prod([5, 3, 4, 3, 5, 3]), 30, 1.95, PLAN))
    unfinished(check.exercise_4c(..., ..., ..., PLAN))
    unfinished(check.exercise_4c(2700, ..., ..., PLAN))


@pytest.mark.parametrize(
    "answer, hint",
    [
        ((15, 1, 1), "You add the choices"),
        ((15 * 15, 1, 1), "You add the choices"),
        ((180, 2, 0.13), "the grid once"),
        ((900, 10, 0.65), "seeds are missing"),
        ((540, 6, 0.39), "folds are missing"),
        ((1000, 1, 1), "isn't the number of trainings"),
        ((2700, 108_000, 1.95), "These are seconds"),
        ((2700, 1800, 1.95), "These are minutes"),
        ((2700, 31, 1.95), "hours don't fit"),
        ((2700, 30, 1950), "These are watt-hours"),
        ((2700, 30, 0.065), "These are kilowatts"),
        ((2700, 30, 2.5), "energy doesn't fit"),
        (("2700", 30, 1.95), "one number"),
    ],
)
def test_4c_mistakes(answer, hint):
    wrong(check.exercise_4c(*answer, PLAN), hint)


# ── 4d ──


def stopping(middle=np.median, place=lambda scores: len(scores) - 1, own=max, least=4, leave_out=True):
    def stop(scores, earlier):
        if len(earlier) < least:
            return False
        epoch = place(scores)
        at_this_epoch = [other[epoch] for other in earlier if not leave_out or len(other) >= len(scores)]
        return own(scores) < middle(at_this_epoch)

    return stop


def test_4d():
    solved(check.exercise_4d(stopping()))

    def stub(scores, earlier):
        if len(earlier) < 4:
            return False
        epoch = len(scores)  # noqa: F841
        at_this_epoch = [...]  # noqa: F841
        return ...

    unfinished(check.exercise_4d(stub))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda scores, earlier: not stopping()(scores, earlier), "the wrong way round"),
        (lambda scores, earlier: False, "isn't stopped"),
        (lambda scores, earlier: True, "better than all earlier ones is stopped"),
        (stopping(least=0), "fewer than four"),
        (stopping(place=lambda scores: -1), "after the same epoch"),
        (stopping(place=lambda scores: 0), "place n - 1"),
        (stopping(middle=np.mean), "not the mean"),
        (stopping(own=lambda scores: scores[-1]), "best score"),
        (stopping(leave_out=False), "ended before this epoch"),
        (lambda scores, earlier: None, "returns nothing"),
        (True, "should be a function"),
    ],
)
def test_4d_mistakes(answer, hint):
    wrong(check.exercise_4d(answer), hint)


def test_4d_a_trial_that_ended_early_has_no_say():
    def last_of_each(scores, earlier):
        if len(earlier) < 4:
            return False
        epoch = len(scores) - 1
        return max(scores) < np.median([other[min(epoch, len(other) - 1)] for other in earlier])

    wrong(check.exercise_4d(last_of_each), "has a say")


# ── 4e ──

PAPER = pd.DataFrame({"defaults": [0.781, 0.792, 0.775, 0.800, 0.787], "tuned": [0.789, 0.797, 0.781, 0.803, 0.797]})
GAINS = PAPER["tuned"] - PAPER["defaults"]
MEAN, SD, POINT, ROOT = GAINS.mean(), GAINS.std(), t.ppf(0.975, 4), 5**0.5


def around(half, mean=MEAN):
    return mean, mean - half, mean + half


def test_4e():
    solved(check.exercise_4e(*around(POINT * SD / ROOT), PAPER))
    assert "Without the pairs" in check.exercise_4e(*around(POINT * SD / ROOT), PAPER).message
    unfinished(check.exercise_4e(..., ..., ..., PAPER))
    unfinished(check.exercise_4e(MEAN, ..., ..., PAPER))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (around(POINT * SD / ROOT, -MEAN), "The sign"),
        (around(0.01, GAINS.sum()), "the sum of the gains"),
        (around(0.01, GAINS.median()), "the median"),
        (around(0.01, 0.5), "mean gain doesn't fit"),
        (around(POINT * SD), "spread of single gains"),
        (around(POINT * SD / 5), "You divide by n"),
        (around(SD / ROOT), "one standard error"),
        (around(1.96 * SD / ROOT), "You take 1.96"),
        (around(t.ppf(0.975, 5) * SD / ROOT), "n degrees of freedom"),
        (around(t.ppf(0.95, 4) * SD / ROOT), "90 % interval"),
        (around(POINT * GAINS.std(ddof=0) / ROOT), "divides by n"),
        (around(POINT * (PAPER["tuned"].var() / 5 + PAPER["defaults"].var() / 5) ** 0.5), "as independent"),
        (around(0.5), "width doesn't fit"),
        ((MEAN, MEAN + 0.01, MEAN - 0.01), "turned around"),
        ((MEAN, MEAN, MEAN + 0.01), "centred"),
        ((GAINS, 0, 1), "one number"),
    ],
)
def test_4e_mistakes(answer, hint):
    wrong(check.exercise_4e(*answer, PAPER), hint)


# ── 4f ──


def test_4f():
    solved(check.exercise_4f(2200))
    solved(check.exercise_4f(np.int64(2400)))
    unfinished(check.exercise_4f(...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (141, "Four times the posts"),
        (1500, "Nearly"),
        (10_000, "Try fewer"),
        (2200.0, "whole number"),
        (-5, "whole number"),
        (10**9, "nobody codes"),
    ],
)
def test_4f_mistakes(answer, hint):
    wrong(check.exercise_4f(answer), hint)


# ── 4g ──


def honest(train, valid, test, search, fit):
    study = search(train, valid)
    classifier = fit(pd.concat([train, valid]), **study.best_params)
    return classifier.evaluate(test).loc["macro", "F1"]


def without_joining(train, valid, test, search, fit):
    study = search(train, valid)
    return fit(train, **study.best_params).evaluate(test).loc["macro", "F1"]


def test_4g():
    solved(check.exercise_4g(honest))
    solved(check.exercise_4g(without_joining))

    def stub(train, valid, test, search, fit):
        study = search(train, ...)
        classifier = fit(..., **study.best_params)
        return classifier.evaluate(...).loc["macro", "F1"]

    unfinished(check.exercise_4g(stub))


def searching(compare_on="valid", learn_from=("train", "valid"), settings=True, look_at="test", give="score"):
    """Return an answer to 4g that goes wrong where it is told to."""

    def answer(train, valid, test, search, fit):
        tables = {"train": train, "valid": valid, "test": test}
        study = search(train, tables[compare_on])
        chosen = study.best_params if settings else {}
        classifier = fit(pd.concat([tables[name] for name in learn_from]), **chosen)
        table = classifier.evaluate(tables[look_at])
        return {"score": table.loc["macro", "F1"], "promise": study.best_value, "table": table}[give]

    return answer


def test_4g_the_helper_of_these_tests_can_be_right():
    solved(check.exercise_4g(searching()))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (searching(compare_on="test"), "The search saw the test rows"),
        (searching(compare_on="train"), "rows that it trains on"),
        (searching(learn_from=("train", "test")), "final training saw the test rows"),
        (searching(learn_from=("valid",)), "leaves the training rows out"),
        (searching(settings=False), "doesn't use the settings"),
        (searching(look_at="valid"), "evaluate on the validation rows"),
        (searching(look_at="train"), "Evaluate on the test rows and on no others"),
        (searching(give="promise"), "what the search promised"),
        (searching(give="table"), "Return one number"),
        (lambda train, valid, test, search, fit: 0.7, "There is no search"),
        (lambda train, valid, test, search, fit: search(train, valid).best_value, "No classifier is trained"),
        (0.7, "should be a function"),
    ],
)
def test_4g_mistakes(answer, hint):
    wrong(check.exercise_4g(answer), hint)


def test_4g_one_look_only():
    def two_looks(train, valid, test, search, fit):
        study = search(train, valid)
        fit(train, **study.best_params).evaluate(test)
        return fit(pd.concat([train, valid]), **study.best_params).evaluate(test).loc["macro", "F1"]

    wrong(check.exercise_4g(two_looks), "more than once")
