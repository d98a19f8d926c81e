"""Every check of lesson 01: right answer, untouched stub, and the hints for typical mistakes."""

import numpy as np
import pytest

from workshop_lib import data
from workshop_lib.checks import SOLVED, UNFINISHED, WRONG
from workshop_lib.checks import lesson_01 as check


@pytest.fixture(autouse=True)
def mini(monkeypatch):
    monkeypatch.setenv("WORKSHOP_PROFILE", "mini")


def length(vector):
    return np.sqrt(vector @ vector)


random = np.random.default_rng(0)
STATIC, STATES = random.random((6, 4)), random.random((3, 6, 5))
FEMALE = ["she", "her", "woman", "girl", "mother", "daughter"]
MALE = ["he", "him", "man", "boy", "father", "son"]
FAN = ["A fan hummed on the desk.", "The fan in the ceiling turned.", "A fan asked the singer to sign."]
ORDER = ("The senator attacked the journalist.", "The journalist attacked the senator.")


def separation(vectors, senses):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = units @ units.T
    same = senses[:, None] == senses[None, :]
    self_pairs = np.eye(len(senses), dtype=bool)
    return similarity[same & ~self_pairs].mean() - similarity[~same].mean()


def with_diagonal(vectors, senses):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    same = senses[:, None] == senses[None, :]
    return (units @ units.T)[same].mean() - (units @ units.T)[~same].mean()


def by_sense(vectors, senses):
    """The mean within each sense first, then over the senses: as good an answer."""
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = units @ units.T
    within = []
    for sense in np.unique(senses):
        own = similarity[np.ix_(senses == sense, senses == sense)]
        within.append(own[~np.eye(len(own), dtype=bool)].mean())
    return np.mean(within) - similarity[senses[:, None] != senses[None, :]].mean()


def elmo(static=STATIC, states=STATES):
    return np.concatenate([static, *states], axis=1)


RIGHT = [
    (check.exercise_1a, [lambda a, b: (a @ b) / (length(a) * length(b))]),
    (check.exercise_1b, ["mercury", "planet", "chloride"]),
    (check.exercise_1c, [lambda v, a, b, c: v[b] - v[a] + v[c]]),
    (check.exercise_1d, ["fan", FAN]),
    (check.exercise_1e, [separation]),
    (check.exercise_1e, [by_sense]),
    (check.exercise_1f, list(ORDER)),
    (check.exercise_1g, [elmo(), STATIC, STATES]),
    (
        check.exercise_1h,
        ["red green blue yellow brown grey".split(), "north south east west left right".split(), FEMALE, MALE],
    ),
]

UNTOUCHED = [
    (check.exercise_1a, [lambda a, b: ...]),
    (check.exercise_1b, [..., ..., ...]),
    (check.exercise_1c, [lambda v, a, b, c: ...]),
    (check.exercise_1d, [..., ...]),
    (check.exercise_1e, [lambda vectors, senses: ...]),
    (check.exercise_1f, [..., ...]),
    (check.exercise_1g, [..., STATIC, STATES]),
    (check.exercise_1h, [..., ..., FEMALE, MALE]),
]

WRONG_ANSWERS = [
    (check.exercise_1a, [lambda a, b: a @ b], "dot product"),
    (check.exercise_1a, [lambda a, b: (a @ b) / length(a)], "lengths of both"),
    (check.exercise_1a, [lambda a, b: (a @ b) / (length(a) * length(b)) ** 2], "not squared"),
    (check.exercise_1a, [lambda a, b: length(a / length(a) - b / length(b))], "a distance rather"),
    (check.exercise_1a, [lambda a, b: a * b], "one number"),
    (check.exercise_1a, [lambda a, b: None], "returns nothing"),
    (check.exercise_1b, ["apple", "fruit", "iphone"], "the lesson's example"),
    (check.exercise_1b, ["Mercury", "planet", "chloride"], "capital letters"),
    (check.exercise_1b, ["xqzzy", "planet", "chloride"], "no vector for 'xqzzy'"),
    (check.exercise_1b, ["dog", "cat", "finance"], "where you first thought"),
    (check.exercise_1b, ["mercury", "sofa", "planet"], "50 nearest"),
    (check.exercise_1b, ["mercury", "mercury", "chloride"], "are the same"),
    (check.exercise_1b, [1, "planet", "chloride"], "is no word"),
    (check.exercise_1c, [lambda v, a, b, c: v[a] - v[b] + v[c]], "those of the colleague"),
    (check.exercise_1c, [lambda v, a, b, c: v[a] + v[b] + v[c]], "add all three"),
    (check.exercise_1c, [lambda v, a, b, c: v[b] - v[c] + v[a]], "the target is c"),
    (check.exercise_1c, [lambda v, a, b, c: "queen"], "a vector as long"),
    (check.exercise_1d, ["fan", FAN[:2]], "There are 2 sentences"),
    (check.exercise_1d, ["fan", [*FAN[:2], "Fans sing."]], "isn't a whole word of 'Fans sing.'"),
    (check.exercise_1d, ["fan", [FAN[0], FAN[0], FAN[2]]], "are the same"),
    (check.exercise_1d, ["fan", [FAN[0], FAN[2], FAN[1]]], "must be the largest"),
    (check.exercise_1d, ["bank", FAN], "hasn't used"),
    (check.exercise_1e, [with_diagonal], "Leave the diagonal out"),
    (check.exercise_1e, [lambda v, s: -separation(v, s)], "within minus between"),
    (check.exercise_1e, [lambda v, s: separation(v, s) / 2], "at right angles should give 1"),
    (check.exercise_1f, [ORDER[0], "The reporter attacked the senator."], "same words"),
    (check.exercise_1f, [ORDER[0], ORDER[0]], "same order"),
    (check.exercise_1f, ["Time flies like an arrow", "An arrow like flies time"], "tells these two apart"),
    (check.exercise_1f, ["Cats purr.", "Purr cats."], "four words"),
    (check.exercise_1g, [np.concatenate([*STATES], axis=1), STATIC, STATES], "static vector is missing"),
    (check.exercise_1g, [np.concatenate([STATIC, STATES[-1]], axis=1), STATIC, STATES], "takes all 3"),
    (check.exercise_1g, [np.concatenate(STATES), STATIC, STATES], "axis=1"),
    (check.exercise_1g, [np.concatenate([*STATES, STATIC], axis=1), STATIC, STATES], "another order"),
    (check.exercise_1g, [STATES, STATIC, STATES], "two dimensions"),
    (check.exercise_1h, [["monday", "friday"], ["may", "june", "july", "march", "april", "august"], FEMALE, MALE], "fewer than six"),
    (check.exercise_1h, [["iron", "wood", "brick", "glass", "stone", "clay"]] * 2 + [FEMALE, MALE], "must not overlap"),
    (check.exercise_1h, [["Iron", "wood", "brick", "glass", "stone", "clay"], ["may", "june", "july", "march", "april", "august"], FEMALE, MALE], "no vectors for"),
    (check.exercise_1h, [["he", "wood", "brick", "glass", "stone", "clay"], ["may", "june", "july", "march", "april", "august"], FEMALE, MALE], "gender lists"),
    (check.exercise_1h, [["nurse", "lipstick", "pregnant", "widow", "dress", "bride"], ["soldier", "beard", "engineer", "boss", "general", "captain"], FEMALE, MALE], "differs by gender"),
]  # fmt: skip


@pytest.mark.parametrize("exercise, answers", RIGHT, ids=lambda value: getattr(value, "exercise", ""))
def test_the_right_answer_is_accepted(exercise, answers):
    verdict = exercise(*answers)
    assert verdict.status == SOLVED, verdict


@pytest.mark.parametrize("exercise, answers", UNTOUCHED, ids=lambda value: getattr(value, "exercise", ""))
def test_the_untouched_stub_is_unfinished(exercise, answers):
    assert exercise(*answers).status == UNFINISHED


@pytest.mark.parametrize("exercise, answers, hint", WRONG_ANSWERS)
def test_a_typical_mistake_gets_its_hint(exercise, answers, hint):
    verdict = exercise(*answers)
    assert verdict.status == WRONG and hint in verdict.message, verdict


def test_every_exercise_of_the_lesson_is_tested():
    names = {name for name in vars(check) if name.startswith("exercise_1")}
    tested = {exercise.__name__ for exercise, *_ in [*RIGHT, *WRONG_ANSWERS]}
    assert names == tested and data.load("senses")["word"].nunique() == 36
