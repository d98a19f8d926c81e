"""Every check of lesson 05: the right answer, the untouched stub, and typical mistakes.

No model is run: the checks that look at translations are given some.
"""

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from workshop_lib import minimal_pairs, translation
from workshop_lib.checks import lesson_05 as check
from verdicts import solved, unfinished, wrong


# ── 5a ──


def searching(add=lambda log_p, p: log_p + math.log(p), key=lambda one: one[1], reverse=True, cut=True, order=True):
    def best_continuations(kept, next_words, beams):
        candidates = [
            (words + (word,), add(log_p, p)) for words, log_p in kept for word, p in next_words(words).items()
        ]
        if order:
            candidates = sorted(candidates, key=key, reverse=reverse)
        return candidates[:beams] if cut else candidates

    return best_continuations


def best_of_each(kept, next_words, beams):
    found = []
    for words, log_p in kept:
        word, p = max(next_words(words).items(), key=lambda item: item[1])
        found.append((words + (word,), log_p + math.log(p)))
    return found


def test_5a():
    solved(check.exercise_5a(searching()))
    unfinished(check.exercise_5a(lambda kept, next_words, beams: ...))
    unfinished(check.exercise_5a(lambda kept, next_words, beams: [..., ...]))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (searching(add=lambda log_p, p: log_p * math.log(p)), "can't be above 0"),
        (searching(add=lambda log_p, p: log_p + p), "should be log(0.4) + log(0.9)"),
        (searching(key=None), "last in the alphabet"),
        (searching(reverse=False), "Sort downwards"),
        (searching(cut=False), "[:beams]"),
        (best_of_each, "best continuation of each beginning"),
        (lambda *given: best_of_each(*given)[:2], "in the wrong order"),
        (lambda kept, next_words, beams: kept[:beams], "one word more"),
        (lambda *given: [one[0] for one in searching()(*given)], "isn't a pair"),
        (lambda *given: searching()(*given)[:1], "Give back as many"),
        (5, "should be a function"),
    ],
)
def test_5a_mistakes(answer, hint):
    wrong(check.exercise_5a(answer), hint)


# ── 5b ──


def linking(pick):
    return lambda one: [(word, pick(one, row)) for word, row in zip(one.target, one.weights)]


def test_5b():
    solved(check.exercise_5b(linking(lambda one, row: one.source[row.argmax()])))
    unfinished(check.exercise_5b(linking(lambda one, row: ...)))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (linking(lambda one, row: row.argmax()), "You give back places"),
        (linking(lambda one, row: row.max()), "the weights themselves"),
        (linking(lambda one, row: one.target[row.argmax()]), "words that were written"),
        (linking(lambda one, row: one.source[row.argmin()]), "looked at least"),
        (
            lambda one: [(word, one.source[one.weights.argmax(axis=0)[n]]) for n, word in enumerate(one.target)],
            "Each row belongs to a written word",
        ),
        (lambda one: [(one.source[row.argmax()], "x") for row in one.weights], "keep `word`"),
        (lambda one: {"le": "the"}, "list of pairs"),
    ],
)
def test_5b_mistakes(answer, hint):
    wrong(check.exercise_5b(answer), hint)


# ── 5c ──


def grams(text, n):
    words = text.split()
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def clipped(hypothesis, reference, n):
    said, wanted = grams(hypothesis, n), grams(reference, n)
    return sum(min(count, wanted[gram]) for gram, count in said.items()), sum(said.values())


def unclipped(hypothesis, reference, n):
    said, wanted = grams(hypothesis, n), grams(reference, n)
    return sum(count for gram, count in said.items() if gram in wanted), sum(said.values())


def types(hypothesis, reference, n):
    said, wanted = set(grams(hypothesis, n)), set(grams(reference, n))
    return len(said & wanted), len(said)


def recall(hypothesis, reference, n):
    return clipped(hypothesis, reference, n)[0], sum(grams(reference, n).values())


def test_5c():
    solved(check.exercise_5c(clipped))
    unfinished(check.exercise_5c(lambda hypothesis, reference, n: (..., ...)))
    unfinished(check.exercise_5c(lambda hypothesis, reference, n: (3, ...)))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (unclipped, "at most as often as the reference holds it"),
        (types, "different n-grams"),
        (recall, "that would be recall"),
        (lambda hypothesis, reference, n: clipped(hypothesis, reference, 1), "For n = 2"),
        (lambda *given: clipped(*given)[0] / clipped(*given)[1], "two numbers"),
    ],
)
def test_5c_mistakes(answer, hint):
    wrong(check.exercise_5c(answer), hint)


# ── 5d ──

NOT_RAISED = "Le gouvernement n'a pas augmenté la taxe sur le carbone cette année."


def test_5d():
    solved(check.exercise_5d("Le gouvernement a augmenté la taxe sur le carbone cette année.", NOT_RAISED))
    unfinished(check.exercise_5d(..., NOT_RAISED))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (NOT_RAISED, "the reference itself"),
        ("Le gouvernement n'a augmenté la taxe sur le carbone cette année.", "The n' is still there"),
        ("Le gouvernement a pas augmenté la taxe sur le carbone cette année.", "The pas is still there"),
        ("Le gouvernement n'a pas augmenté la taxe cette année.", "still negative"),
        ("Le gouvernement a baissé la taxe sur le carbone cette année.", "'baissé' isn't in the reference"),
        ("Le gouvernement a augmenté la taxe.", "no more than the negation"),
        ("Le gouvernement la taxe sur le carbone cette année.", "Keep who did what"),
        (["Le gouvernement"], "in quotation marks"),
    ],
)
def test_5d_mistakes(answer, hint):
    wrong(check.exercise_5d(answer, NOT_RAISED), hint)


# ── 5e ──


@pytest.fixture(scope="module")
def parallel():
    """Made-up translations: the short ones right, the long ones with words missing."""
    words = "le la un une vote maire parti bureau carte chaise pain rue ville porte train jour".split()
    draw = np.random.default_rng(0)
    rows = []
    for number in range(60):
        length = 7 if number % 3 else 13
        french = [*draw.choice(words, length), "."]
        machine = [word for word in french if draw.random() < (0.95 if length == 7 else 0.75)]
        rows.append([" ".join(["word"] * length), " ".join(french), " ".join(machine)])
    return pd.DataFrame(rows, columns=["english", "french", "machine"])


def bleu(rows, name="bleu", turned=False):
    sides = [rows["machine"], rows["french"]]
    return translation.score(*(sides[::-1] if turned else sides))[name]


def halves(parallel):
    short = parallel["english"].str.split().str.len() <= 10
    return parallel[short], parallel[~short]


def test_5e(parallel):
    short, long = halves(parallel)
    solved(check.exercise_5e(bleu(short), bleu(long), parallel))
    unfinished(check.exercise_5e(..., ..., parallel))


def test_5e_mistakes(parallel):
    short, long = halves(parallel)
    one_by_one = [np.mean([bleu(part.iloc[[n]]) for n in range(len(part))]) for part in (short, long)]
    for answers, hint in [
        ((bleu(long), bleu(short)), "exchanged: `short`"),
        ((bleu(short, "chrf"), bleu(long, "chrf")), "These are chrF"),
        ((bleu(short, turned=True), bleu(long, turned=True)), "The translations come first"),
        ((bleu(parallel), bleu(parallel)), "BLEU of all sentences"),
        (one_by_one, "means of the BLEU of single sentences"),
        ((translation.score(short["machine"], short["french"]), 3), "one number"),
        ((1.0, 2.0), "One call for each group"),
    ]:
        wrong(check.exercise_5e(*answers, parallel), hint)


# ── 5f ──


@pytest.fixture(scope="module")
def gender():
    """Gender pairs whose French is always masculine, but for two professions."""
    sentences = minimal_pairs.pairs("gender")
    feminine = {"nurse": "L'infirmière", "cleaner": "La femme de ménage"}
    masculine = {"doctor": "Le médecin", "judge": "Le juge", "lawyer": "L'avocat", "cook": "Le cuisinier"}
    french = []
    for english in sentences["english"]:
        profession = english.split()[1]
        french.append({**feminine, **masculine}.get(profession, "Le truc") + " a parlé.")
    return minimal_pairs.judge(sentences, french)


def wide(gender):
    return gender.pivot(index="pair", columns="side", values="right").astype(bool)


def test_5f(gender):
    he, she = wide(gender)["he"], wide(gender)["she"]
    verdict = check.exercise_5f((he & ~she).sum(), (she & ~he).sum(), gender)
    solved(verdict)
    assert "8 of 40 pairs, only she in 4" in verdict.message
    unfinished(check.exercise_5f(..., ..., gender))


def test_5f_mistakes(gender):
    he, she = wide(gender)["he"].copy(), wide(gender)["she"].copy()
    for answers, hint in [
        (((he & ~she).mean(), (she & ~he).mean()), "These are shares"),
        (((she & ~he).sum(), (he & ~she).sum()), "The two are exchanged"),
        (((~he).sum(), (~she).sum()), "count the wrong ones"),
        (((he & she).sum(), (~he & ~she).sum()), "both or none is right"),
        ((3, 5), "aren't the counts"),
        ((he, she), "one number"),
    ]:
        wrong(check.exercise_5f(*answers, gender), hint)
    made = gender.copy()  # a pair in which both are right, so that totals differ from the counts
    both = made["pair"] == made["pair"].iloc[0]
    made.loc[both, "right"] = True
    he, she = wide(made)["he"], wide(made)["she"]
    wrong(check.exercise_5f(he.sum(), she.sum(), made), "Leave those out")


# ── 5g ──


def macro_f1(truth, predicted):
    scores = []
    for label in np.unique(truth):
        right = ((truth == label) & (predicted == label)).sum()
        scores.append(2 * right / ((truth == label).sum() + (predicted == label).sum()))
    return np.mean(scores)


def bootstrap(rows, sign=1, percentiles=(2.5, 97.5), paired=True):
    def interval_of_loss(truth, before, after, draws=200):
        random = np.random.default_rng(0)
        losses = []
        for _ in range(draws):
            one = rows(random, len(truth))
            other = one if paired else rows(random, len(truth))
            losses.append(sign * (macro_f1(truth[one], before[one]) - macro_f1(truth[other], after[other])))
        return np.percentile(losses, percentiles)

    return interval_of_loss


def replaced(random, n):
    return random.integers(0, n, size=n)


def test_5g():
    solved(check.exercise_5g(bootstrap(replaced)))
    unfinished(check.exercise_5g(lambda truth, before, after, draws=500: ...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (bootstrap(lambda random, n: random.permutation(n)), "has no width"),
        (bootstrap(replaced, paired=False), "Draw the rows once"),
        (bootstrap(replaced, sign=-1), "before minus after"),
        (bootstrap(replaced, percentiles=(5, 95)), "middle 90 %"),
        (bootstrap(replaced, percentiles=(25, 75)), "only 0."),
        (bootstrap(lambda random, n: random.integers(0, n, size=n // 2)), "times as wide"),
        (bootstrap(replaced, percentiles=50), "two numbers"),
        (bootstrap(replaced, percentiles=(97.5, 2.5)), "lower end comes first"),
    ],
)
def test_5g_mistakes(answer, hint):
    wrong(check.exercise_5g(answer), hint)


# ── 5h ──

ENGLISH = np.array(["yes"] * 6 + ["no"] * 14)
FRENCH = np.array(["yes"] * 3 + ["no"] * 3 + ["yes"] * 1 + ["no"] * 13)


def test_5h():
    solved(check.exercise_5h(0.1, 0.2, ENGLISH, FRENCH))
    unfinished(check.exercise_5h(..., ..., ENGLISH, FRENCH))


@pytest.mark.parametrize(
    "answer, hint",
    [
        ((2, 4), "These are counts"),
        ((-0.1, 0.2), "sign is turned around"),
        ((0.3, 0.2), "isn't the share"),
        ((0.1, 0.8), "kept their code"),
        ((0.1, 0.1), "the difference again"),
        ((0.1, 0.5), "changed isn't the share"),
        ((ENGLISH == FRENCH, 0.2), "one number"),
    ],
)
def test_5h_mistakes(answer, hint):
    wrong(check.exercise_5h(*answer, ENGLISH, FRENCH), hint)
