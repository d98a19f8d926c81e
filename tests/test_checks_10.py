"""Every check of lesson 10: the right answer, the untouched stub, and typical mistakes. No model is run."""

import math

import numpy as np
import pandas as pd
import pytest
from verdicts import solved, unfinished, wrong

from workshop_lib import participants
from workshop_lib.checks import lesson_10 as check

# ── 10a ──


def within(people):
    return (people["vote"] == "Clinton").groupby(people["party_group"], observed=True).mean()


def by_targets(people, targets):
    return sum(targets[group] * within(people)[group] for group in targets)


def test_10a():
    solved(check.exercise_10a(by_targets))
    unfinished(check.exercise_10a(lambda people, targets: ...))
    unfinished(check.exercise_10a(lambda people, targets: sum(... for group in targets)))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda people, targets: (people["vote"] == "Clinton").mean(), "the targets have changed nothing"),
        (lambda people, targets: within(people).mean(), "Every group counts the same"),
        (lambda people, targets: 1 - by_targets(people, targets), "the share of Dole"),
        (
            lambda people, targets: sum(
                targets[group] * (people.loc[people["party_group"] == group, "vote"] == "Clinton").sum()
                for group in targets
            ),
            "Take the mean within each group",
        ),
        (
            lambda people, targets: sum(
                targets[group] * (people["party_group"] == group).mean() * within(people)[group] for group in targets
            ),
            "The target takes the sample's place",
        ),
        (lambda people, targets: 0.5, "= 0.43; yours is 0.500"),
        (lambda people, targets: within(people), "should be one number"),
        (0.43, "should be a function"),
    ],
)
def test_10a_mistakes(answer, hint):
    wrong(check.exercise_10a(answer), hint)


# ── 10b ──


def test_10b():
    solved(check.exercise_10b(lambda clinton: (clinton.mean(), (clinton > 0.5).mean())))
    unfinished(check.exercise_10b(lambda clinton: (..., ...)))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda clinton: ((clinton > 0.5).mean(), clinton.mean()), "exchanged"),
        (lambda clinton: (clinton.mean(), (clinton > 0.5).sum()), "You count the personas"),
        (lambda clinton: (np.median(clinton), (clinton > 0.5).mean()), "That is the median"),
        (lambda clinton: (clinton.sum(), (clinton > 0.5).mean()), "is 0.5; yours is 2.500"),
        (lambda clinton: (clinton.mean(), (clinton < 0.5).mean()), "likeliest answer is Dole"),
        (lambda clinton: (clinton.mean(), clinton.mean()), "the same as the first"),
        (lambda clinton: (clinton.mean(), 1), "a share of 0.8; yours is 1.000"),
        (lambda clinton: clinton.mean(), "Give back two numbers"),
        (lambda clinton: (clinton, clinton > 0.5), "should be one number"),
    ],
)
def test_10b_mistakes(answer, hint):
    wrong(check.exercise_10b(answer), hint)


# ── 10c ──


def ratio_of(variance, turned=False):
    def variance_ratio(steps, people, model):
        found = variance(steps, model) / variance(steps, people)
        return 1 / found if turned else found

    return variance_ratio


def variance_of(steps, shares):
    return (shares * steps**2).sum() - (shares * steps).sum() ** 2


def test_10c():
    solved(check.exercise_10c(ratio_of(variance_of)))
    unfinished(check.exercise_10c(lambda steps, people, model: ...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (ratio_of(variance_of, turned=True), "turned around"),
        (ratio_of(lambda steps, shares: (shares * steps**2).sum()), "You left the mean out"),
        (ratio_of(lambda steps, shares: (shares * steps**2).sum() - (shares * steps).sum()), "not its square"),
        (ratio_of(lambda steps, shares: np.var(shares)), "variance of the shares themselves"),
        (ratio_of(lambda steps, shares: np.sqrt(variance_of(steps, shares))), "standard deviations"),
        (ratio_of(lambda steps, shares: variance_of(np.array([1, 2, 3, 4]), np.resize(shares, 4))), "steps 0, 5, 10"),
        (lambda steps, people, model: 0.3, "0.25 / 1.5 = 0.17; yours is 0.300"),
    ],
)
def test_10c_mistakes(answer, hint):
    wrong(check.exercise_10c(answer), hint)


# ── 10d ──

SHARES = {"people": 0.62, "assistant, first person": 0.96, "assistant, third person": 0.62}


def test_10d():
    verdict = check.exercise_10d(lambda truth, model: truth * (1 - truth) / (model - truth) ** 2, SHARES)
    solved(verdict)
    assert "first person: 2.0" in verdict.message and "third person: many" in verdict.message
    unfinished(check.exercise_10d(lambda truth, model: ..., SHARES))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda truth, model: truth * (1 - truth) / abs(model - truth), "must be squared: solve"),
        (lambda truth, model: truth * (1 - truth) / (truth - model), "takes away its sign"),
        (lambda truth, model: (model - truth) ** 2 / (truth * (1 - truth)), "Turn the fraction around"),
        (lambda truth, model: math.sqrt(truth * (1 - truth)) / abs(model - truth), "square it"),
        (lambda truth, model: model * (1 - model) / (model - truth) ** 2, "the share is the truth"),
        (lambda truth, model: 0.25 / (model - truth) ** 2, "worth 0.16 / 0.01 = 16"),
        (lambda truth, model: 7, "25 people; yours is 7.00"),
    ],
)
def test_10d_mistakes(answer, hint):
    wrong(check.exercise_10d(answer, SHARES), hint)


# ── 10e ──


def shrinking(
    slope_of=lambda x, y: (x * y).sum() / (x**2).sum(),
    apply=lambda slope, values: slope * values,
    learn_on_new=False,
    try_on_old=False,
):
    def shrunk_error(predicted, observed, new_predicted, new_observed):
        first, second = (new_predicted, new_observed) if learn_on_new else (predicted, observed)
        slope = slope_of(first - first.mean(), second - second.mean())
        values, wanted = (predicted, observed) if try_on_old else (new_predicted, new_observed)
        return slope, np.sqrt(((apply(slope, values) - wanted) ** 2).mean())

    return shrunk_error


def spoiling(predicted, observed, new_predicted, new_observed):
    found = shrinking()(predicted, observed, new_predicted, new_observed)
    new_predicted *= found[0]
    return found


def test_10e():
    solved(check.exercise_10e(shrinking()))
    unfinished(check.exercise_10e(lambda *given: (..., ...)))
    unfinished(check.exercise_10e(lambda *given: (..., np.sqrt((...**2).mean()))))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (shrinking(lambda x, y: (x * y).sum() / (y**2).sum()), "slope of predicted on observed"),
        (
            shrinking(lambda x, y: (x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum())),
            "That is the correlation",
        ),
        (shrinking(learn_on_new=True), "looking at the answer"),
        (shrinking(try_on_old=True), "Take the new ones"),
        (shrinking(apply=lambda slope, values: values), "without shrinking"),
        (shrinking(apply=lambda slope, values: values / slope), "You divide by the slope"),
        (shrinking(apply=lambda slope, values: 0 * values), "The RMSE of the new effects should be"),
        (shrinking(lambda x, y: 0.5), "the slope should be"),
        (lambda *given: shrinking()(*given)[0], "Give back two numbers"),
        (spoiling, "changes the arrays"),
    ],
)
def test_10e_mistakes(answer, hint):
    wrong(check.exercise_10e(answer), hint)


# ── 10f ──

PLANTED = participants.planted(60, exaggeration=1.6, seed=1)
PREDICTED, OBSERVED = PLANTED["predicted"], PLANTED["observed"]
SIGN = np.sign(OBSERVED)


def test_10f():
    verdict = check.exercise_10f(SIGN * PREDICTED, SIGN * OBSERVED, PLANTED)
    solved(verdict)
    before, after = (float(word) for word in verdict.message.split(",")[0].split() if word[0].isdigit())
    assert after < before
    unfinished(check.exercise_10f(..., ..., PLANTED))


@pytest.mark.parametrize(
    "said, wanted, hint",
    [
        (PREDICTED, OBSERVED, "Nothing has been turned"),
        (PREDICTED.abs(), OBSERVED.abs(), "turned together"),
        (np.sign(PREDICTED) * PREDICTED, SIGN * OBSERVED, "turned together"),
        (PREDICTED, SIGN * OBSERVED, "weren't turned"),
        (np.sign(PREDICTED) * PREDICTED, np.sign(PREDICTED) * OBSERVED, "by its own sign"),
        (SIGN * PREDICTED, OBSERVED, "still negative"),
        (SIGN * PREDICTED, SIGN.abs(), "should keep their size"),
        (SIGN, SIGN * OBSERVED, "predicted effects should keep"),
        (1.0, OBSERVED, "one number for every effect"),
    ],
)
def test_10f_mistakes(said, wanted, hint):
    wrong(check.exercise_10f(said, wanted, PLANTED), hint)


# ── 10g ──


def parts(truth, predicted, label):
    return truth == predicted, (predicted == label) & (truth != label), (predicted != label) & (truth == label)


def test_10g():
    solved(check.exercise_10g(lambda *given: tuple(part.mean() for part in parts(*given))))
    unfinished(check.exercise_10g(lambda truth, predicted, label: (..., ..., ...)))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda *given: tuple(part.sum() for part in parts(*given)), "These are counts"),
        (lambda *given: tuple(parts(*given)[place].mean() for place in (0, 2, 1)), "exchanged"),
        (
            lambda truth, predicted, label: (
                (truth == predicted).mean(), (predicted == label).mean(), (truth == label).mean(),
            ),
            "Leave out those who are right",
        ),
        (
            lambda truth, predicted, label: (
                (truth == predicted).mean(), (predicted == label)[truth != label].mean(),
                (predicted != label)[truth == label].mean(),
            ),
            "You divide by the people who said one answer",
        ),
        (lambda *given: tuple(part.mean() for part in parts(*given[:2], "yes")), "change places"),
        (lambda *given: (0.4, 0.3, 0.1), "yours is 0.40"),
        (lambda *given: (0.6, 0.0, 0.0), "yours are 0.00 and 0.00"),
        (lambda *given: 0.6, "Give back three numbers"),
    ],
)  # fmt: skip
def test_10g_mistakes(answer, hint):
    wrong(check.exercise_10g(answer), hint)


# ── 10h ──

PAIRS = pd.DataFrame(
    {
        "id": ["one", "two"],
        "message": ["Nonsense!", "You people never listen."],
        "rewrite": ["I see it differently.", "I don't feel heard."],
    }
)
SHOWN, KEY = participants.blind_pairs(PAIRS, context=None, seed=0)
FIRST, SECOND = SHOWN["id"]


def test_10h():
    verdict = check.exercise_10h({FIRST: "A", SECOND: "no difference"}, SHOWN, KEY)
    solved(verdict)
    assert "of 1 decided pairs" in verdict.message
    unfinished(check.exercise_10h({FIRST: ..., SECOND: ...}, SHOWN, KEY))
    unfinished(check.exercise_10h({FIRST: "A", SECOND: ...}, SHOWN, KEY))


@pytest.mark.parametrize(
    "judged, hint",
    [
        ({FIRST: "a", SECOND: "B"}, "'a' is no judgement"),
        ({FIRST: "A"}, f"such as {SECOND}"),
        ({FIRST: "A", SECOND: "B", "c999": "A"}, "no pair 'c999'"),
        ({FIRST: "no difference", SECOND: "no difference"}, "nothing can be counted"),
        (["A", "B"], "should be a dictionary"),
    ],
)
def test_10h_mistakes(judged, hint):
    wrong(check.exercise_10h(judged, SHOWN, KEY), hint)


# ── 10i ──


def test_10i():
    solved(check.exercise_10i("Thank you, I can see why you would think so. Perhaps read a book, if you know how."))
    unfinished(check.exercise_10i(...))


@pytest.mark.parametrize(
    "reply, hint",
    [
        ("Thank you, I can see why an idiot would think so, and perhaps you are one.", "finds something"),
        ("I can see why somebody who never learnt to count needs such rules all day long.", "no marker of politeness"),
        ("Please come back when you have learnt to count up to ten, thank you very much.", "no marker of validation"),
        ("Thank you, I can see why.", "eight words or more"),
        ("please " * 31, "31 words"),
        ("", "one text"),
        (5, "one text"),
    ],
)
def test_10i_mistakes(reply, hint):
    wrong(check.exercise_10i(reply), hint)


# ── 10j ──


def inviting(effect=lambda size, correlation: 1 + (size - 1) * correlation, stay=lambda people, out: people / (1 - out),
             arms=2, whole=math.ceil):  # fmt: skip
    def invited(n_per_arm, size, correlation, dropout):
        return whole(round(stay(arms * n_per_arm * effect(size, correlation), dropout), 6))

    return invited


def test_10j():
    solved(check.exercise_10j(inviting()))
    unfinished(check.exercise_10j(lambda n_per_arm, size, correlation, dropout: ...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (inviting(arms=1), "There are two"),
        (inviting(stay=lambda people, out: people * (1 - out)), "To have 80 % left"),
        (inviting(stay=lambda people, out: people * (1 + out)), "isn't to add 20 %"),
        (inviting(stay=lambda people, out: people), "The drop-out is missing"),
        (inviting(stay=lambda people, out: people / out), "the share that stays"),
        (inviting(effect=lambda size, correlation: 1), "The design effect is missing"),
        (inviting(effect=lambda size, correlation: 1 + size * correlation), "take m − 1"),
        (inviting(whole=lambda people: people), "rounded up to 1,714"),
        (inviting(whole=math.floor), "rounded up to 1,714"),
        (lambda *given: 299, "= 300; yours is 299"),
    ],
)
def test_10j_mistakes(answer, hint):
    wrong(check.exercise_10j(answer), hint)
