"""Every check of lesson 03: the right answer, the untouched stub, and typical mistakes."""

import numpy as np
import pandas as pd
import pytest
import torch

from workshop_lib import classify, data
from workshop_lib.agreement import krippendorff_alpha
from workshop_lib.checks import WRONG
from workshop_lib.checks import lesson_03 as check
from verdicts import solved, unfinished, wrong


# ── 3a ──


def ordinary(tokens):
    return [place for place, token in enumerate(tokens) if token not in ("[CLS]", "[SEP]")]


def number(tokens):
    return max(1, round(0.15 * len(ordinary(tokens))))


def right_3a(tokens, chance):
    return chance.choice(ordinary(tokens), size=number(tokens), replace=False)


def test_3a():
    solved(check.exercise_3a(right_3a))
    solved(check.exercise_3a(lambda tokens, chance: sorted(right_3a(tokens, chance).tolist())))

    def stub(tokens, chance):
        ordinary = ...
        number = ...
        return ...

    unfinished(check.exercise_3a(stub))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda t, c: c.choice(ordinary(t), size=number(t)), "replace=False"),
        (lambda t, c: c.choice(len(t), size=number(t), replace=False), "[CLS] or [SEP] was hidden"),
        (lambda t, c: c.choice(range(1, len(t) - 1), size=number(t), replace=False), "in the middle"),
        (lambda t, c: c.choice(ordinary(t), size=int(0.15 * len(ordinary(t))), replace=False), "Round the"),
        (lambda t, c: c.choice(ordinary(t), size=15, replace=False), "15 were hidden; 15 % are 6"),
        (lambda t, c: c.choice(ordinary(t)), "single value"),
        (lambda t, c: c.choice(t[1:-1], size=number(t), replace=False), "not the tokens"),
        (lambda t, c: ordinary(t)[: number(t)], "same places come every time"),
        (lambda t, c: None, "gives nothing back"),
        (lambda t, c: right_3a(t, c) + 100, "no place"),
        (0.15, "should be a function"),
    ],
)
def test_3a_mistakes(answer, hint):
    wrong(check.exercise_3a(answer), hint)


def test_3a_at_least_one():
    def rounded(tokens, chance):
        return chance.choice(ordinary(tokens), size=round(0.15 * len(ordinary(tokens))), replace=False)

    wrong(check.exercise_3a(rounded), "At least one")


# ── 3b ──

PASSAGES = pd.DataFrame({"first": list("abcd"), "second": list("efgh")})
IN_ORDER, SWAPPED = np.array([0.9, 0.95, 0.8, 0.7]), np.array([0.9, 0.6, 0.2, 0.75])


@pytest.fixture
def judged(monkeypatch):
    """A stand-in for the model, so that the check is tested apart from any weights."""

    def goes_on(firsts, seconds):
        return IN_ORDER if list(firsts) == list(PASSAGES["first"]) else SWAPPED

    monkeypatch.setattr(classify, "goes_on", goes_on)


def test_3b(judged):
    solved(check.exercise_3b(SWAPPED, 0.75, PASSAGES))
    solved(check.exercise_3b(list(SWAPPED), np.float64(0.75), PASSAGES))
    assert "0.75 of the swapped pairs" in check.exercise_3b(SWAPPED, 0.75, PASSAGES).message
    unfinished(check.exercise_3b(..., ..., PASSAGES))
    unfinished(check.exercise_3b(SWAPPED, ..., PASSAGES))


@pytest.mark.parametrize(
    "swapped, share, hint",
    [
        (IN_ORDER, 1.0, "right order"),
        (IN_ORDER[::-1], 1.0, "followed by its own first one"),
        (SWAPPED[:2], 0.75, "one for each passage"),
        (SWAPPED, SWAPPED.mean(), "mean probability"),
        (SWAPPED, 3, "number of pairs"),
        (SWAPPED, 0.25, "Turn the comparison around"),
        (SWAPPED, 0.5, "isn't the share"),
        (SWAPPED, SWAPPED > 0.5, "should be one number"),
    ],
)
def test_3b_mistakes(judged, swapped, share, hint):
    wrong(check.exercise_3b(swapped, share, PASSAGES), hint)


# ── 3c ──


def test_3c():
    solved(check.exercise_3c(lambda x, w, b: torch.softmax(x @ w.T + b, dim=1)))

    def stub(cls_vectors, weight, bias):
        scores = ...
        return torch.softmax(...)

    unfinished(check.exercise_3c(stub))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda x, w, b: x @ w.T + b, "These are the scores"),
        (lambda x, w, b: torch.softmax(x @ w.T + b, dim=0), "columns sum to 1"),
        (lambda x, w, b: torch.sigmoid(x @ w.T + b), "sigmoid"),
        (lambda x, w, b: torch.softmax(x @ w.T, dim=1), "bias is missing"),
        (lambda x, w, b: torch.softmax(w @ x.T, dim=0), "other way round"),
        (lambda x, w, b: torch.softmax(x, dim=1), "shape (5, 8) came out"),
        (lambda x, w, b: torch.softmax(x @ w.T - b, dim=1), "plus that label's bias"),
        (lambda x, w, b: (x @ w.T + b).exp(), "don't sum to 1"),
        (lambda x, w, b: None, "gives nothing back"),
        (3, "should be a function"),
    ],
)
def test_3c_mistakes(answer, hint):
    wrong(check.exercise_3c(answer), hint)


# ── 3d ──


def test_3d():
    solved(check.exercise_3d(lambda a, t: a["label"] if a["score"] >= t else "person"))
    unfinished(check.exercise_3d(lambda a, t: ...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda a, t: a["label"] if a["score"] > t else "person", "at least means >="),
        (lambda a, t: a["label"] if a["score"] <= t else "person", "right way round"),
        (lambda a, t: a["label"] if a["score"] >= 0.8 else "person", "not with a number of your own"),
        (lambda a, t: a if a["score"] >= t else "person", "whole answer"),
        (lambda a, t: "label" if a["score"] >= t else "person", "The label itself"),
        (lambda a, t: "billing" if a["score"] >= t else "person", "same label for another"),
        (lambda a, t: a["label"], "0.62 is below 0.8"),
        (lambda a, t: print(end=""), "gives nothing back"),
        ("person", "should be a function"),
    ],
)
def test_3d_mistakes(answer, hint):
    wrong(check.exercise_3d(answer), hint)


# ── 3e ──


def hits(truth, said, label):
    return sum(t == s == label for t, s in zip(truth, said, strict=True))


def both(truth, said, label):
    right = hits(truth, said, label)
    return right / said.count(label), right / truth.count(label)


def right_3e(truth, said, label):
    precision, recall = both(truth, said, label)
    return precision, recall, 2 * precision * recall / (precision + recall)


def swapped_3e(truth, said, label):
    precision, recall, f1 = right_3e(truth, said, label)
    return recall, precision, f1


def test_3e():
    solved(check.exercise_3e(right_3e))

    def stub(truth, said, label):
        right = sum(t == s == label for t, s in zip(truth, said))
        precision = ...
        recall = ...
        return precision, recall, ...

    unfinished(check.exercise_3e(stub))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (swapped_3e, "changed places"),
        (lambda t, s, one: (*both(t, s, one), sum(both(t, s, one)) / 2), "plain mean"),
        (lambda t, s, one: (hits(t, s, one) / len(t), both(t, s, one)[1], 0.5), "number of all posts"),
        (lambda t, s, one: (np.mean([a == b for a, b in zip(t, s)]), 0.75, 0.5), "accuracy"),
        (lambda t, s, one: right_3e(t, s, "yes"), 'For the label "no"'),
        (lambda t, s, one: right_3e(t, s, one)[2], "three numbers"),
        (lambda t, s, one: (0.6, 0.5, 0.5), "did the model find"),
        (lambda t, s, one: (*both(t, s, one), 0.9), "F1 is 2"),
        ((0.6, 0.75, 0.67), "should be a function"),
    ],
)
def test_3e_mistakes(answer, hint):
    wrong(check.exercise_3e(answer), hint)


# ── 3f ──

PUBLISHED = pd.DataFrame(
    {
        "precision, A": [0.85, 0.46, 0.66, 0.77],
        "recall, A": [0.90, 0.70, 0.74, 0.86],
        "F1, A": [0.88, 0.55, 0.72, 0.80],
    },
    index=["civil", "uncivil", "macro average", "weighted average"],
)
MEANS = PUBLISHED.iloc[:2].mean()


def test_3f():
    solved(check.exercise_3f(MEANS, "recall, A", PUBLISHED))
    solved(check.exercise_3f(MEANS[::-1], "recall, A", PUBLISHED))
    unfinished(check.exercise_3f(..., ..., PUBLISHED))
    unfinished(check.exercise_3f(MEANS, ..., PUBLISHED))


@pytest.mark.parametrize(
    "means, column, hint",
    [
        (PUBLISHED.mean(), "recall, A", "mean of all four rows"),
        (PUBLISHED.iloc[:2].mean(axis=1), "recall, A", "a mean for each row"),
        (MEANS + 0.01, "recall, A", "aren't the means"),
        (MEANS, (MEANS - PUBLISHED.iloc[3]).abs().idxmax(), "weighted average"),
        (MEANS, "F1, A", "rounding explains"),
        (MEANS, "macro average", "one of the six columns"),
        (0.5, "recall, A", "one number for each"),
    ],
)
def test_3f_mistakes(means, column, hint):
    wrong(check.exercise_3f(means, column, PUBLISHED), hint)


def test_3f_finds_one_column_in_the_table_of_the_lesson():
    """The lesson's table, cell by cell as printed: one macro average is no mean, the others are."""
    table = pd.DataFrame(
        {
            "precision, tuned": [0.92, 0.80, 0.86, 0.90], "recall, tuned": [0.95, 0.71, 0.79, 0.90],
            "F1, tuned": [0.94, 0.75, 0.84, 0.90], "F1, VADER": [0.85, 0.46, 0.66, 0.77],
        },
        index=["neutral or civil", "uncivil", "macro average", "weighted average"],
    )  # fmt: skip
    solved(check.exercise_3f(table.iloc[:2].mean(), "recall, tuned", table))
    for column in ("precision, tuned", "F1, tuned", "F1, VADER"):
        assert check.exercise_3f(table.iloc[:2].mean(), column, table).status == WRONG


# ── 3g ──


@pytest.fixture
def by_fold():
    draw = np.random.default_rng(0)
    rows = [
        {"model": name, "fold": fold, **dict(zip(("precision", "recall", "F1", "accuracy"), draw.random(4)))}
        for fold in (1, 2, 3)
        for name in ("forest", "fine-tuned")
    ]
    return pd.DataFrame(rows)


def summary(by_fold, score="recall", **changed):
    recalls = by_fold.groupby("model", sort=False)[score]
    found = {"mean": recalls.mean(), "SD": recalls.std(), "SE": recalls.std() / np.sqrt(3)}
    return found | {name: change(recalls) for name, change in changed.items()}


def test_3g(by_fold):
    solved(check.exercise_3g(summary(by_fold), by_fold))
    solved(check.exercise_3g(pd.DataFrame(summary(by_fold)), by_fold))
    unfinished(check.exercise_3g({"mean": ..., "SD": ..., "SE": ...}, by_fold))
    unfinished(check.exercise_3g(summary(by_fold) | {"SE": ...}, by_fold))


@pytest.mark.parametrize(
    "changed, hint",
    [
        ({"score": "precision"}, "column precision"),
        ({"SD": lambda r: r.std(ddof=0)}, "one less"),
        ({"SD": lambda r: r.var()}, "variance"),
        ({"SD": lambda r: r.std() / np.sqrt(3), "SE": lambda r: r.std()}, "changed places"),
        ({"SE": lambda r: r.std()}, "SE and SD are the same"),
        ({"SE": lambda r: r.std() / 3}, "You divide by 3"),
        ({"SE": lambda r: r.std() / np.sqrt(6)}, "rows of the table"),
        ({"SE": lambda r: r.std() / 5}, "there are 3"),
        ({"mean": lambda r: r.median()}, "aren't those of the recalls"),
        ({"mean": lambda r: 0.5}, "one number for each recipe"),
    ],
)
def test_3g_mistakes(by_fold, changed, hint):
    wrong(check.exercise_3g(summary(by_fold, **changed), by_fold), hint)


def test_3g_needs_its_entries(by_fold):
    wrong(check.exercise_3g(summary(by_fold)["mean"], by_fold), "the entries mean, SD and SE")


# ── 3h ──

BY_SIZE = pd.DataFrame(
    {
        "fine-tuned": [0.5, 0.7, 0.8],
        "frozen": [0.6, 0.65, 0.7],
        "TF-IDF": [0.45, 0.6, 0.66],
        "from scratch": [0.4, 0.5, 0.6],
    },
    index=pd.Index([40, 200, 600], name="rows"),
)
OTHERS = ["frozen", "TF-IDF", "from scratch"]


def test_3h():
    lead = {name: BY_SIZE["fine-tuned"] - BY_SIZE[name] for name in OTHERS}
    solved(check.exercise_3h(lead, BY_SIZE))
    solved(check.exercise_3h(pd.DataFrame(lead), BY_SIZE))
    assert "40 posts: frozen -0.10" in check.exercise_3h(lead, BY_SIZE).message
    unfinished(check.exercise_3h({name: ... for name in OTHERS}, BY_SIZE))


@pytest.mark.parametrize(
    "lead, hint",
    [
        (lambda name: BY_SIZE[name] - BY_SIZE["fine-tuned"], "other way round"),
        (lambda name: BY_SIZE[name], "Subtract them"),
        (lambda name: BY_SIZE["fine-tuned"] / BY_SIZE[name], "ratio"),
        (lambda name: 0.1, "one number for each of the 3 sizes"),
        (lambda name: BY_SIZE["fine-tuned"] - BY_SIZE["frozen"], "minus that recipe"),
    ],
)
def test_3h_mistakes(lead, hint):
    wrong(check.exercise_3h({name: lead(name) for name in OTHERS}, BY_SIZE), hint)


def test_3h_needs_all_recipes():
    wrong(check.exercise_3h({"frozen": BY_SIZE["fine-tuned"]}, BY_SIZE), "an entry for frozen")


# ── 3i ──

AS_SIDE = {"positive": "favour", "negative": "against"}


@pytest.fixture(scope="module")
def clear():
    posts = data.load("posts")
    return posts[(posts["target"] != "none") & (posts["sentiment"] != "neutral")]


def coded(clear, names=AS_SIDE):
    side = clear["sentiment"].map(names)
    share = (side == clear["stance"]).mean()
    return side, share, krippendorff_alpha([list(side), list(clear["stance"])])


def test_3i(clear):
    solved(check.exercise_3i(*coded(clear), clear))
    side, share, alpha = coded(clear)
    solved(check.exercise_3i(list(side), share, alpha, clear))
    unfinished(check.exercise_3i(..., ..., ..., clear))
    unfinished(check.exercise_3i(side, share, ..., clear))


def test_3i_mistakes(clear):
    side, share, alpha = coded(clear)
    flipped = coded(clear, {"positive": "against", "negative": "favour"})
    wrong(check.exercise_3i(*flipped, clear), "glad post for one in favour")
    wrong(check.exercise_3i(clear["sentiment"], share, alpha, clear), "Translate the column")
    wrong(check.exercise_3i(clear["stance"], 1.0, 1.0, clear), "saw the tone only")
    wrong(check.exercise_3i(clear["sentiment"].map({"positive": "favour"}), share, alpha, clear), "no code")
    wrong(check.exercise_3i(side[:5], share, alpha, clear), "a code for each")
    wrong(check.exercise_3i(side, 100 * share, alpha, clear), "between 0 and 1")
    wrong(check.exercise_3i(side, share + 0.1, alpha, clear), "isn't how often")
    wrong(check.exercise_3i(side, share, share, clear), "the share again")
    raw = krippendorff_alpha([list(clear["sentiment"]), list(clear["stance"])])
    wrong(check.exercise_3i(side, share, raw, clear), "tone's own words")
    wrong(check.exercise_3i(side, share, 0.9, clear), "isn't Krippendorff's alpha")
    wrong(check.exercise_3i(side, side == clear["stance"], alpha, clear), "one number each")


# ── 3j ──


def rule(layers, width, vocabulary, positions):
    return (vocabulary + positions) * width + layers * 12 * width**2


def test_3j():
    solved(check.exercise_3j(rule))
    assert "175 billion" in check.exercise_3j(rule).message

    def stub(layers, width, vocabulary, positions):
        in_tables = ...
        in_layers = ...
        return in_tables + in_layers

    unfinished(check.exercise_3j(stub))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda n, d, v, p: n * 12 * d**2, "two tables are missing"),
        (lambda n, d, v, p: (v + p) * d, "layers are missing"),
        (lambda n, d, v, p: (v + p) * d + 12 * d**2, "One layer"),
        (lambda n, d, v, p: (v + p) * d + n * 4 * d**2, "feed-forward step is missing"),
        (lambda n, d, v, p: (v + p) * d + n * 8 * d**2, "Attention is missing"),
        (lambda n, d, v, p: (v + p) * d + n * 6 * d**2, "four widths long"),
        (lambda n, d, v, p: (v + p) * d + n * 12 * d, "width**2 numbers"),
        (lambda n, d, v, p: v + p + n * 12 * d**2, "has a vector"),
        (lambda n, d, v, p: v * d + n * 12 * d**2, "table of positions"),
        (lambda n, d, v, p: rule(n, d, v, p) / 1e6, "not in millions"),
        (lambda n, d, v, p: rule(n, d, v, p) * 2, "within 3 %"),
        (lambda n, d, v, p: None, "Give back one number"),
        (12, "should be a function"),
    ],
)
def test_3j_mistakes(answer, hint):
    wrong(check.exercise_3j(answer), hint)
