"""Every check of lesson 02: the right answer, the untouched stub, and typical mistakes."""

import numpy as np
import pandas as pd
import pytest
import torch

from workshop_lib import attention, data
from workshop_lib.checks import lesson_02 as check
from verdicts import solved, unfinished, wrong

TABLE = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5]])
IDS = torch.tensor([2, 0, 2])
ONE_HOT = torch.nn.functional.one_hot(IDS, 3).float()


# ── 2a ──


def test_2a():
    solved(check.exercise_2a("gerrymandering"))
    unfinished(check.exercise_2a(...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        ("survey", "stands in the vocabulary whole"),
        ("pollster", "2 of the 4 pieces"),
        ("public opinion poll", "more than one word"),
        ("socio-economic", "letters a to z only"),
        (["gerrymandering"], "one word in quotation marks"),
    ],
)
def test_2a_mistakes(answer, hint):
    wrong(check.exercise_2a(answer), hint)


# ── 2b ──


def test_2b():
    solved(check.exercise_2b(ONE_HOT, ONE_HOT @ TABLE, TABLE, IDS))
    unfinished(check.exercise_2b(..., ..., TABLE, IDS))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (TABLE, "whole table"),
        (ONE_HOT, "still holds the one-hot rows"),
        (TABLE.T @ ONE_HOT, "on the left of @"),
        (TABLE[[2, 1, 2]], "row for id 0"),
        ([[0.5, 0.5]], "should be a tensor"),
    ],
)
def test_2b_mistakes(answer, hint):
    wrong(check.exercise_2b(ONE_HOT, answer, TABLE, IDS), hint)


@pytest.mark.parametrize(
    ("one_hot", "hint"),
    [
        (TABLE[IDS], "a single 1 in each row"),  # looked up, without one-hot rows
        (ONE_HOT.flip(1), "in the column of that row's id"),
    ],
)
def test_2b_mistakes_in_the_rows(one_hot, hint):
    wrong(check.exercise_2b(one_hot, ONE_HOT @ TABLE, TABLE, IDS), hint)


# ── 2c ──


def places(vectors):
    return attention.positional_encoding(*vectors.shape)


def test_2c():
    solved(check.exercise_2c(lambda vectors: vectors + places(vectors)))
    unfinished(check.exercise_2c(lambda vectors: ...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda vectors: torch.cat([vectors, places(vectors)], dim=1), "doubled"),
        (lambda vectors: vectors * places(vectors), "not multiplied"),
        (lambda vectors: vectors, "Where are the places"),
        (lambda vectors: vectors.add_(places(vectors)), "changes the vectors"),
        (lambda vectors: None, "gives nothing back"),
        (lambda vectors: vectors + places(vectors)[1], "Every token gets the same"),
        (lambda vectors: vectors + torch.arange(len(vectors))[:, None], "sinusoidal table"),
        (lambda vectors: vectors + attention.positional_encoding(6, 16), "RuntimeError"),
        (lambda vectors: places(vectors)[:3], "as many rows"),
        (5, "should be a function"),
    ],
)
def test_2c_mistakes(answer, hint):
    wrong(check.exercise_2c(answer), hint)


# ── 2d ──


def looking(scale=lambda d: d**0.5, dim=1, mix="values"):
    def look(queries, keys, values):
        weights = torch.softmax(queries @ keys.T / scale(keys.shape[1]), dim=dim)
        return weights @ {"values": values, "keys": keys, "queries": queries}[mix], weights

    return look


def test_2d():
    solved(check.exercise_2d(looking()))

    def stub(queries, keys, values):
        scores = ...
        weights = torch.softmax(...)
        return ..., weights

    unfinished(check.exercise_2d(stub))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (looking(scale=lambda d: 1), "aren't scaled"),
        (looking(scale=lambda d: d), "square root"),
        (looking(scale=lambda d: 2**0.5), "by 1.41"),
        (looking(scale=lambda d: 5**0.5), "by 2.24"),
        (looking(dim=0), "columns sum to 1"),
        (looking(mix="keys"), "mix the keys"),
        (looking(mix="queries"), "weighted sum of the values"),
        (lambda q, k, v: looking()(q, k, v)[0], "two things"),
        (lambda q, k, v: (q @ k.T @ v, q @ k.T), "rows of the weights don't sum to 1"),
        (lambda q, k, v: looking()(k, q, v), "Each query meets each key"),
    ],
)
def test_2d_mistakes(answer, hint):
    torch.manual_seed(0)
    wrong(check.exercise_2d(answer), hint)


# ── 2e ──


def cut(vectors, heads):
    b, n, d = vectors.shape
    return vectors.reshape(b, n, heads, d // heads).transpose(1, 2)


def test_2e():
    solved(check.exercise_2e(cut))
    unfinished(check.exercise_2e(lambda vectors, heads: ...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda v, h: v.reshape(v.shape[0], h, v.shape[1], -1), "colleague's cut"),
        (lambda v, h: v.reshape(v.shape[0], v.shape[1], h, -1), "still in this order"),
        (
            lambda v, h: v.reshape(v.shape[0], v.shape[1], -1, h).permute(0, 3, 1, 2),
            "side by side",
        ),
        (lambda v, h: v, "The shape is (2, 5, 12)"),
    ],
)
def test_2e_mistakes(answer, hint):
    wrong(check.exercise_2e(answer), hint)


# ── 2f ──


def best_head(offset: int) -> tuple[int, int]:
    maps = attention.maps("John wants his bank to cash the")[1]
    found = np.diagonal(maps, offset, axis1=2, axis2=3).mean(axis=-1)
    return divmod(int(found.argmax()), maps.shape[1])


def test_2f():
    solved(check.exercise_2f(*best_head(-1)))
    unfinished(check.exercise_2f(..., ...))


def test_2f_mistakes():
    layer, head = best_head(-1)
    wrong(check.exercise_2f(layer + 1, head + 1), "counted from 0")
    wrong(check.exercise_2f(head, layer), "the layer comes first")
    wrong(check.exercise_2f(*best_head(1)), "just after")
    wrong(check.exercise_2f(99, 0), "There are layers 0 to")
    wrong(check.exercise_2f("0", "2"), "two whole numbers")
    wrong(check.exercise_2f(0, 0), "One head in")
    maps = attention.maps("The council will vote on the new budget next week")[1]
    to_first = maps[:, :, 1:, 0].mean(axis=-1)
    wrong(check.exercise_2f(*divmod(int(to_first.argmax()), maps.shape[1])), "[CLS]")


# ── 2g ──


@pytest.fixture(scope="module")
def measured():
    return attention.measure_pronouns(data.load("pronouns"))


def halves(measured):
    odd = measured["pair"].astype(int) % 2 == 1
    return (attention.by_head(half)["correct"] for half in (measured[odd], measured[~odd]))


def test_2g(measured):
    choosing, testing = halves(measured)
    chosen = choosing.idxmax()
    solved(check.exercise_2g(chosen, testing[chosen], measured))
    solved(check.exercise_2g(list(chosen), testing[chosen], measured))
    unfinished(check.exercise_2g(..., ..., measured))


def test_2g_mistakes(measured):
    choosing, testing = halves(measured)
    chosen = choosing.idxmax()
    wrong(check.exercise_2g(chosen, choosing[chosen], measured), "flatters it")
    wrong(check.exercise_2g(chosen, 0.123, measured), "isn't the chosen head's share")
    wrong(check.exercise_2g(chosen, testing, measured), "one number")
    wrong(check.exercise_2g(3, 0.5, measured), "pair (layer, head)")
    wrong(check.exercise_2g((99, 0), 0.5, measured), "no layer and head")
    wrong(check.exercise_2g(choosing.idxmin(), 0.5, measured), "Another head")


def test_2g_choosing_on_the_test_half(measured):
    """Pairs made up so that another head is best in each half."""
    made = measured[measured["head"] < 2].copy()
    odd = made["pair"].astype(int) % 2 == 1
    made["correct"] = np.where(odd, made["head"] == 0, made["head"] == 1)
    made = made[made["layer"] == 0]
    solved(check.exercise_2g((0, 0), 0.0, made))
    wrong(check.exercise_2g((0, 1), 1.0, made), "chose the head on the test half")
    wrong(check.exercise_2g((0, 0), 1.0, made), "flatters it")


# ── 2h ──


def causal(scores):
    allowed = torch.ones_like(scores).tril().bool()
    return torch.softmax(scores.masked_fill(~allowed, -torch.inf), dim=1)


def test_2h():
    solved(check.exercise_2h(causal))

    def stub(scores):
        allowed = ...
        return torch.softmax(...)

    unfinished(check.exercise_2h(stub))


def without_diagonal(scores):
    masked = scores.masked_fill(torch.ones_like(scores).triu().bool(), -torch.inf)
    masked[0, 0] = 0.0
    return torch.softmax(masked, dim=1)


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda s: torch.softmax(s, dim=1).tril(), "after the softmax"),
        (lambda s: causal(s.flip(0, 1)).flip(0, 1), "upside down"),
        (lambda s: torch.softmax(s.tril(), dim=1), "exp(0) is 1"),
        (without_diagonal, "may not look at itself"),
        (
            lambda s: torch.softmax(s.masked_fill(torch.ones_like(s).triu().bool(), -torch.inf), 1),
            "not a number",
        ),
        (lambda s: torch.softmax(s, dim=1), "Later tokens still get weight"),
        (lambda s: causal(torch.zeros_like(s)), "don't follow the scores"),
    ],
)
def test_2h_mistakes(answer, hint):
    wrong(check.exercise_2h(answer), hint)


# ── 2i ──


def test_2i():
    solved(check.exercise_2i(("money", "deposit")))
    assert "Apple and car" in check.exercise_2i(("money", "deposit")).message
    unfinished(check.exercise_2i((..., ...)))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (("loan", "loan"), "same word twice"),
        (("check", "bond"), "lecture's own pair"),
        (("dog", "river"), "pair to beat"),
        (("money order", "loan"), "exactly one token"),
        (("draft", "bill"), "dog and river do by"),
        (("dollar", "dollars"), "alike from the start"),
        ("loan", "a pair of words"),
    ],
)
def test_2i_mistakes(answer, hint):
    wrong(check.exercise_2i(answer), hint)


# ── 2j ──


@pytest.fixture
def examined():
    draw = np.random.default_rng(0)
    n = 4000
    return pd.DataFrame(
        {
            "reader": draw.choice(["RNN", "LSTM"], n),
            "distance": draw.integers(1, 25, n),
            "correct": draw.random(n) < 0.5,
        }
    )


def shares(rows):
    return rows.groupby("reader")["correct"].mean()


def test_2j(examined):
    long_ago = examined[examined["distance"] >= 21]
    solved(check.exercise_2j(shares(long_ago), examined))
    solved(check.exercise_2j(long_ago.groupby("reader").mean(), examined))
    unfinished(check.exercise_2j(..., examined))


def test_2j_mistakes(examined):
    distance = examined["distance"]
    for rows, hint in [
        (distance <= 4, "just before the question"),
        (distance > 21, "distance 21 are missing"),
        (distance > 0, "over all distances"),
        (distance < 21, "Turn the comparison around"),
        (distance >= 15, "aren't the meetings"),
    ]:
        wrong(check.exercise_2j(shares(examined[rows]), examined), hint)
    far = examined[distance >= 21]
    wrong(check.exercise_2j(far["correct"].mean(), examined), "one number for each reader")
    wrong(check.exercise_2j(far.groupby("reader")["correct"].sum(), examined), "These are counts")
    by_distance = far.groupby("distance")["correct"].mean()
    wrong(check.exercise_2j(by_distance, examined), "Group by the column")
