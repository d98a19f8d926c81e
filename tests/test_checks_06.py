"""Every check of lesson 06: the right answer, the untouched stub, and typical mistakes."""

import json

import numpy as np
import pandas as pd
import pytest

from workshop_lib import data, labeling
from workshop_lib.checks import lesson_06 as check
from verdicts import solved, unfinished, wrong


# ── 6a ──

LABELS = {"yes": "asks readers to do something together", "no": "everything else than that"}
ASK = "Does this post call for joint action?"
EXCLUSIONS = ["An advertisement is no call for joint action."]
EXAMPLES = [("Sign the petition!", "yes"), ("The bus was late.", "no")]


def test_6a():
    solved(check.exercise_6a(LABELS, ASK, EXCLUSIONS, EXAMPLES))
    solved(check.exercise_6a(LABELS, ASK, tuple(EXCLUSIONS), [list(pair) for pair in EXAMPLES]))
    unfinished(check.exercise_6a(..., ..., ..., ...))
    unfinished(check.exercise_6a(LABELS, ASK, EXCLUSIONS, ...))
    unfinished(check.exercise_6a({"yes": ..., "no": ...}, ASK, EXCLUSIONS, EXAMPLES))
    unfinished(check.exercise_6a(LABELS, ASK, [...], EXAMPLES))


@pytest.mark.parametrize(
    "changed, hint",
    [
        ({"labels": ["yes", "no"]}, "should be a dictionary"),
        ({"labels": {"yes": "one two three"}}, "two labels at least"),
        ({"labels": {True: "one two three", False: "four five six"}}, "Put both in quotes"),
        ({"labels": {"yes": "political", "no": "everything else here"}}, "three words or more"),
        ({"labels": {"yes": "one two three", "no": "one two three"}}, "same definition"),
        ({"labels": {"yes": "one two three", "Yes": "four five six"}, "examples": [("a", "yes"), ("b", "Yes")]},
         "No codebook can be made"),
        ({"ask": "Call for action"}, "question mark"),
        ({"exclusions": "An advertisement is no call."}, "square brackets"),
        ({"exclusions": []}, "doesn't count"),
        ({"examples": [("Sign!", "yes"), ("Sign!", "maybe")]}, "isn't among your labels"),
        ({"examples": [("yes", "Sign the petition!")]}, "Text first, then label"),
        ({"examples": [("Sign!", "yes")]}, "No example has the label ['no']"),
        ({"examples": ["Sign!"]}, "list of pairs"),
    ],
)  # fmt: skip
def test_6a_mistakes(changed, hint):
    right = {"labels": LABELS, "ask": ASK, "exclusions": EXCLUSIONS, "examples": EXAMPLES}
    wrong(check.exercise_6a(*(right | changed).values()), hint)


# ── 6b ──


def right_6b(text, labels):
    plain = text.strip().removesuffix(".").lower()
    return next((label for label in labels if label.lower() == plain), None)


def inside(text, labels):
    return next((label for label in labels if label in text.lower()), None)


def longest_inside(text, labels):
    return next((label for label in sorted(labels, key=len, reverse=True) if label in text.strip().lower()), None)


def test_6b():
    solved(check.exercise_6b(right_6b))

    def stub(text, labels):
        plain = ...
        same = ...
        return ...

    unfinished(check.exercise_6b(stub))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (inside, "'political' stands inside it"),
        (longest_inside, "A label somewhere in a sentence"),
        (lambda t, ls: t if t in ls else None, "blanks around it"),
        (lambda t, ls: t.strip() if t.strip() in ls else None, "capital letters"),
        (lambda t, ls: t.strip().lower() if t.strip().lower() in ls else None, "a full stop"),
        (lambda t, ls: right_6b(t, ls) or ls[-1], "took 'no'"),
        (lambda t, ls: (right_6b(t, ls) or "").lower() or None, "should give 'Left'"),
        (lambda t, ls: right_6b(t, ls) if len(ls) < 3 or right_6b(t, ls) == ls[0] else None, "Look at all labels"),
        (lambda t, ls: right_6b(t, ls) is not None, "Give back the label itself"),
        (lambda t, ls: None, "None came back"),
        ("yes", "should be a function"),
    ],
)
def test_6b_mistakes(answer, hint):
    wrong(check.exercise_6b(answer), hint)


# ── 6c ──


def right_6c(calls, tokens_in, tokens_out, price_in, price_out):
    return calls * (tokens_in * price_in + tokens_out * price_out) / 1_000_000


def test_6c():
    solved(check.exercise_6c(right_6c))
    assert "120 dollars" in check.exercise_6c(right_6c).message

    def stub(calls, tokens_in, tokens_out, price_in, price_out):
        for_one_call = ...
        return ...

    unfinished(check.exercise_6c(stub))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda n, i, o, pi, po: n * (i * pi + o * po), "a million times too much"),
        (lambda n, i, o, pi, po: n * (i * pi + o * po) / 1000, "a thousand times too much"),
        (lambda n, i, o, pi, po: (i * pi + o * po) / 1e6, "price of one call"),
        (lambda n, i, o, pi, po: n * i * pi / 1e6, "that come back are missing"),
        (lambda n, i, o, pi, po: n * o * po / 1e6, "that are sent are missing"),
        (lambda n, i, o, pi, po: n * (i * po + o * pi) / 1e6, "changed places"),
        (lambda n, i, o, pi, po: n * (i + o) * (pi + po) / 1e6, "are 1.20 dollars"),
        (lambda n, i, o, pi, po: n * (i * 0.75 + o * 4.5) / 1e6, "no numbers of your own"),
        (lambda n, i, o, pi, po: None, "gives nothing back"),
        (1.2, "should be a function"),
    ],
)
def test_6c_mistakes(answer, hint):
    wrong(check.exercise_6c(answer), hint)


# ── 6d ──


def parts(hand, machine):
    n, labels = len(hand), sorted({*hand, *machine})
    agreement = sum(h == m for h, m in zip(hand, machine)) / n
    return agreement, [hand.count(one) / n for one in labels], [machine.count(one) / n for one in labels]


def kappa(agreement, chance):
    return (agreement - chance) / (1 - chance)


def right_6d(hand, machine):
    agreement, p, q = parts(hand, machine)
    return kappa(agreement, np.dot(p, q))


def scott(hand, machine):
    agreement, p, q = parts(hand, machine)
    return kappa(agreement, sum(((one + two) / 2) ** 2 for one, two in zip(p, q)))


def two_labels_only(hand, machine):
    p, q = hand.count(hand[0]) / len(hand), machine.count(hand[0]) / len(hand)
    return kappa(parts(hand, machine)[0], p * q + (1 - p) * (1 - q))


def test_6d():
    solved(check.exercise_6d(right_6d))
    assert "kappa 0.15" in check.exercise_6d(right_6d).message

    def stub(hand, machine):
        n = len(hand)
        agreement = ...
        chance = ...
        return ...

    unfinished(check.exercise_6d(stub))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda h, m: parts(h, m)[0], "That is the agreement"),
        (lambda h, m: np.dot(*parts(h, m)[1:]), "what chance would give"),
        (lambda h, m: parts(h, m)[0] - np.dot(*parts(h, m)[1:]), "Divide it by 1"),
        (lambda h, m: kappa(parts(h, m)[0], np.dot(parts(h, m)[1], parts(h, m)[1])), "one list twice"),
        (scott, "Scott's pi"),
        (lambda h, m: kappa(parts(h, m)[0], parts(h, m)[1][-1] * parts(h, m)[2][-1]), "'yes' only"),
        (two_labels_only, "With three labels"),
        (lambda h, m: 0.9, "kappa is 0.4"),
        (lambda h, m: None, "gives nothing back"),
        (0.4, "should be a function"),
    ],
)
def test_6d_mistakes(answer, hint):
    wrong(check.exercise_6d(answer), hint)


# ── 6e and 6f: the tables of the lesson ──


@pytest.fixture(scope="module")
def tones():
    posts = data.load("posts")
    test = posts[posts["split"] == "test"]
    numbers = {"negative": 1, "neutral": 2, "positive": 3}
    table = pd.DataFrame({"id": test["id"], "hand": test["sentiment"].map(numbers)})
    return table.assign(machine=test["sentiment_coder_2"].map(numbers) + 2)


@pytest.fixture(scope="module")
def answers(tones):
    table = tones.assign(machine=tones["machine"] - 2)
    table.loc[table.index[::8], "machine"] = 99
    return table


def test_6e(tones):
    solved(check.exercise_6e(2, tones["machine"] - 2, tones))
    solved(check.exercise_6e(2.0, list(tones["machine"] - 2), tones))
    unfinished(check.exercise_6e(..., ..., tones))
    unfinished(check.exercise_6e(2, ..., tones))


def test_6e_mistakes(tones):
    mended = tones["machine"] - 2
    wrong(check.exercise_6e(-2, mended, tones), "Turn the sign around")
    wrong(check.exercise_6e(1, tones["machine"] - 1, tones), "how far apart")
    wrong(check.exercise_6e(0, mended, tones), "how far apart")
    wrong(check.exercise_6e(2, tones["machine"], tones), "as it was")
    wrong(check.exercise_6e(2, tones["hand"], tones), "column of the hand labels")
    wrong(check.exercise_6e(2, tones["machine"] + 2, tones), "minus shift")
    wrong(check.exercise_6e(2, mended[:5], tones), "276 numbers")
    wrong(check.exercise_6e("two", mended, tones), "one number")


def kept(answers):
    return answers[answers["machine"] != 99]


def test_6f(answers):
    rows = kept(answers)
    share = (rows["machine"] == 1).mean()
    solved(check.exercise_6f(rows, len(answers) - len(rows), share, answers))
    assert "35 posts have no label" in check.exercise_6f(rows, 35, share, answers).message
    unfinished(check.exercise_6f(..., ..., ..., answers))
    unfinished(check.exercise_6f(rows, 35, ..., answers))


def test_6f_mistakes(answers):
    rows = kept(answers)
    share, failed = (rows["machine"] == 1).mean(), len(answers) - len(rows)
    wrong(check.exercise_6f(answers, failed, share, answers), "still holds 99")
    wrong(check.exercise_6f(rows[rows["machine"] != 3], failed, share, answers), "Keep all tones")
    wrong(check.exercise_6f(rows["machine"], failed, share, answers), "should be a table")
    wrong(check.exercise_6f(rows, len(rows), share, answers), "number of answers")
    wrong(check.exercise_6f(rows, failed / len(answers), share, answers), "number of rows")
    wrong(check.exercise_6f(rows, 5, share, answers), "isn't the number of rows with 99")
    wrong(check.exercise_6f(rows, failed, (answers["machine"] == 1).mean(), answers), "divide by all rows")
    wrong(check.exercise_6f(rows, failed, (rows["machine"] == 1).sum(), answers), "number of posts")
    wrong(check.exercise_6f(rows, failed, (rows["machine"] == 3).mean(), answers), "label 1")


def test_the_room_finds_all_three_pitfalls(tones, answers):
    """What the lesson asserts after the exercises, on the tables that it makes."""
    threats = pd.DataFrame(
        {"id": range(300), "hand": ["yes"] * 23 + ["no"] * 277, "machine": ["yes"] * 2 + ["no"] * 298}
    )
    assert (threats["hand"] == threats["machine"]).mean() == 0.93
    assert round(right_6d(list(threats["hand"]), list(threats["machine"])), 2) == 0.15
    expected = {"accuracy without agreement": threats, "shifted labels": tones, "error code as a label": answers}
    for name, table in expected.items():
        results = pd.DataFrame({"id": table["id"], "question": "tone", "label": table["machine"], "status": "ok"})
        found = labeling.pitfalls(results, table.rename(columns={"hand": "tone"}), "tone")
        assert name in [one.name for one in found]


# ── 6g ──


def right_6g(posts, per_post, examples, validation, per_call):
    return posts * per_post, (examples + validation) * per_post, validation * per_post + posts * per_call


def test_6g():
    solved(check.exercise_6g(right_6g))

    def stub(posts, per_post, examples, validation, per_call):
        hand = ...
        classical = ...
        language_model = ...
        return hand, classical, language_model

    unfinished(check.exercise_6g(stub))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda n, p, e, v, c: (p, *right_6g(n, p, e, v, c)[1:]), "are 100 dollars"),
        (lambda n, p, e, v, c: (n * p, e * p, v * p + n * c), "classical model's validation is missing"),
        (lambda n, p, e, v, c: (n * p, (n + e) * p, v * p + n * c), "for each post that it labels"),
        (lambda n, p, e, v, c: (n * p, (n + e + v) * p, v * p + n * c), "for each post that it labels"),
        (lambda n, p, e, v, c: (n * p, v * p, v * p + n * c), "are 90 dollars"),
        (lambda n, p, e, v, c: (n * p, (e + v) * p, n * c), "language model's validation is missing"),
        (lambda n, p, e, v, c: (n * p, (e + v) * p, (e + v) * p + n * c), "needs no examples"),
        (lambda n, p, e, v, c: (n * p, (e + v) * p, v * p + v * c), "a call for each post"),
        (lambda n, p, e, v, c: (n * p, (e + v) * p, 5), "200 posts by hand"),
        (lambda n, p, e, v, c: (100, 90, 20.1), "no numbers of your own"),
        (lambda n, p, e, v, c: n * p, "three numbers"),
        (100, "should be a function"),
    ],
)
def test_6g_mistakes(answer, hint):
    wrong(check.exercise_6g(answer), hint)


# ── 6h ──


@pytest.fixture(scope="module")
def pictures():
    return data.load("pictures")


def halves(pictures):
    text, picture, pair = (
        pictures[name] == "yes" for name in ("political_text", "political_picture", "political_pair")
    )
    return text | picture, text & picture, text, pair


def words(condition):
    return np.where(condition, "yes", "no")


def test_6h(pictures):
    either, _, _, pair = halves(pictures)
    right = (words(either), (either == pair).mean(), (~either & pair).sum())
    solved(check.exercise_6h(*right, pictures))
    solved(check.exercise_6h(pd.Series(right[0]), *right[1:], pictures))
    message = check.exercise_6h(*right, pictures).message
    assert "right in 0.63" in message and "50 posts" in message  # as the datasheet says
    unfinished(check.exercise_6h(..., ..., ..., pictures))
    unfinished(check.exercise_6h(words(either), ..., ..., pictures))


def test_6h_mistakes(pictures):
    either, both, text, pair = halves(pictures)
    share, only = (either == pair).mean(), (~either & pair).sum()

    def told(said, hint, share=share, only=only):
        wrong(check.exercise_6h(said, share, only, pictures), hint)

    told(words(both), "needs |")
    told(words(~either), "changed places")
    told(words(text), "political_text alone")
    told(words(pair), "label of the pair")
    told(either.to_numpy(), "should hold the words")
    told(words(either)[:9], "one for each post")
    told(words(either), "number of posts", share=(either == pair).sum())
    told(words(either), "how often the rule says", share=either.mean())
    told(words(either), "isn't how often", share=0.9)
    told(words(either), "aren't political at all", only=(~either & ~pair).sum())
    told(words(either), "other way round", only=(either & ~pair).sum())
    told(words(either), "isn't the number of posts", only=3)


# ── 6i ──


def right_6i(machine, coded, hand):
    errors = hand - machine[coded]
    return machine.mean() + errors.mean(), np.sqrt(np.var(machine) / len(machine) + np.var(errors) / len(errors))


def with_share(share):
    return lambda m, c, h: (share(m, c, h), right_6i(m, c, h)[1])


def with_error(error):
    return lambda m, c, h: (right_6i(m, c, h)[0], error(m, h - m[c], h))


def test_6i():
    solved(check.exercise_6i(right_6i))
    solved(check.exercise_6i(with_error(lambda m, e, h: (m.var(ddof=1) / len(m) + e.var(ddof=1) / len(e)) ** 0.5)))

    def stub(machine, coded, hand):
        errors = ...
        share = ...
        standard_error = ...
        return share, standard_error

    unfinished(check.exercise_6i(stub))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (with_share(lambda m, c, h: m.mean()), "naive share"),
        (with_share(lambda m, c, h: h.mean()), "hand labels alone"),
        (with_share(lambda m, c, h: m[c].mean() + (h - m[c]).mean()), "mean over all posts"),
        (with_share(lambda m, c, h: m.mean() - (h - m[c]).mean()), "wrong sign"),
        (with_share(lambda m, c, h: m.mean() + (h - m[: len(h)]).mean()), "machine[coded]"),
        (with_share(lambda m, c, h: 0.5), "plus the mean of the errors"),
        (with_error(lambda m, e, h: np.var(m) / len(m) + np.var(e) / len(e)), "square root"),
        (with_error(lambda m, e, h: np.sqrt(np.var(m) / len(m))), "uncertainty of the errors"),
        (with_error(lambda m, e, h: np.sqrt(np.var(e) / len(e))), "machine's mean over all posts is missing"),
        (with_error(lambda m, e, h: np.sqrt(np.var(m) / len(m) + np.var(h) / len(h))), "not that of the hand labels"),
        (with_error(lambda m, e, h: np.sqrt(np.var(m) + np.var(e))), "Divide each variance"),
        (with_error(lambda m, e, h: np.sqrt((np.var(m) + np.var(e)) / len(m))), "n coded posts"),
        (with_error(lambda m, e, h: 0.5), "isn't the root"),
        (lambda m, c, h: right_6i(m, c, h)[0], "two numbers"),
        ((0.3, 0.02), "should be a function"),
    ],
)
def test_6i_mistakes(answer, hint):
    wrong(check.exercise_6i(answer), hint)


def test_6i_formula_is_near_that_of_the_room():
    """The standard error of the exercise, which takes both parts for independent, against the library's PPI."""
    chance = np.random.default_rng(0)
    truth = (chance.random(2000) < 0.3).astype(float)
    machine = np.where(chance.random(2000) < 0.85, truth, 1 - truth)
    coded = chance.permutation(2000)[:200]
    says = pd.DataFrame({"id": range(2000), "rude": machine})
    gold = pd.DataFrame({"id": coded, "rude": truth[coded]})
    table = labeling.correct(says, gold, "rude", None, method="ppi").table
    share, error = right_6i(machine, coded, truth[coded])
    assert table.loc["PPI", "estimate"] == pytest.approx(share, abs=1e-9)
    assert table.loc["PPI", "standard error"] == pytest.approx(error, rel=0.15)


# ── 6j ──

INTERVIEWS = [
    "I told Maren Oduya about it and she said write to m.oduya@hillside-dairy.example, so I did.",
    "Ring me on 020 7946 0958 after six. I'm the only dentist on the island, they all know my car.",
    "My supervisor, Tobias Lindqvist, reads @tobias_l every morning and then shouts.",
    "We moved to 14 Kestrel Road when they closed the Hillside Dairy in March.",
    "See www.sunday-swimmers.example/members, I'm the one with the two left feet and the parrot.",
]
LEFT = ["Maren Oduya", "Tobias Lindqvist", "the only dentist on the island"]


def test_6j():
    safe = labeling.redact(INTERVIEWS)
    assert safe.counts == dict.fromkeys(safe.counts, 1)  # one of each kind
    solved(check.exercise_6j(safe, LEFT, INTERVIEWS))
    solved(check.exercise_6j(safe.texts, [*LEFT, "Hillside Dairy"], INTERVIEWS))
    unfinished(check.exercise_6j(..., ..., INTERVIEWS))
    unfinished(check.exercise_6j(safe, ..., INTERVIEWS))
    unfinished(check.exercise_6j(safe, [..., "Maren Oduya"], INTERVIEWS))


def test_6j_mistakes():
    safe = labeling.redact(INTERVIEWS)
    wrong(check.exercise_6j(INTERVIEWS, LEFT, INTERVIEWS), "as they were")
    wrong(check.exercise_6j(labeling.redact(INTERVIEWS, kinds=["handle"]), LEFT, INTERVIEWS), "still a")
    wrong(check.exercise_6j(["", "", "", "", ""], LEFT, INTERVIEWS), "Don't delete texts")
    wrong(check.exercise_6j(safe.counts, LEFT, INTERVIEWS), "5 texts")
    wrong(check.exercise_6j(safe, "Maren Oduya", INTERVIEWS), "list of pieces")
    wrong(check.exercise_6j(safe, LEFT[:2], INTERVIEWS), "three different")
    wrong(check.exercise_6j(safe, ["Maren Oduya", "Maren Oduya", "maren oduya"], INTERVIEWS), "three different")
    wrong(check.exercise_6j(safe, ["[EMAIL_1]", *LEFT], INTERVIEWS), "is a placeholder")
    wrong(check.exercise_6j(safe, ["020 7946 0958", *LEFT], INTERVIEWS), "doesn't stand in safe.texts")
    wrong(check.exercise_6j(safe, [safe.texts[3], *LEFT], INTERVIEWS), "not a whole text")
    wrong(check.exercise_6j(safe, ["my car", "the parrot", "the only dentist"], INTERVIEWS), "No name")


# ── 6k ──


def message(role, content):
    return {"role": role, "content": content}


def line(*messages, **options):
    return json.dumps({"messages": list(messages)}, **options)


def right_6k(ask, text, label):
    return line(message("user", f"{ask}\n{text}"), message("assistant", label))


def test_6k():
    solved(check.exercise_6k(right_6k))
    solved(check.exercise_6k(lambda a, t, x: right_6k(a, t, x) + "\n"))

    def stub(ask, text, label):
        messages = ...
        return ...

    unfinished(check.exercise_6k(stub))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda a, t, x: str({"messages": [message("user", f"{a}\n{t}"), message("assistant", x)]}), "isn't JSON"),
        (lambda a, t, x: line(message("user", f"{a}\n{t}"), message("assistant", x), indent=1), "one line"),
        (lambda a, t, x: json.dumps([message("user", f"{a}\n{t}"), message("assistant", x)]), '"messages"'),
        (lambda a, t, x: json.dumps({"messages": [], "label": x}), "other names"),
        (lambda a, t, x: line(message("user", f"{a}\n{t}")), "two messages"),
        (lambda a, t, x: line({"user": f"{a}\n{t}"}, {"assistant": x}), "two entries"),
        (lambda a, t, x: line(message("assistant", x), message("user", f"{a}\n{t}")), "order is wrong"),
        (lambda a, t, x: line(message("user", f"{a}\n{t}"), message("model", x)), "should be user and assistant"),
        (lambda a, t, x: line(message("user", f"{a}\n{t}\n{x}"), message("assistant", x)), "nothing left to learn"),
        (lambda a, t, x: line(message("user", f"{a}\n{t}"), message("assistant", f"Label: {x}")), "label alone"),
        (lambda a, t, x: line(message("user", a), message("assistant", x)), "text of the post is missing"),
        (lambda a, t, x: line(message("user", t), message("assistant", x)), "question is missing"),
        (lambda a, t, x: line(message("user", f"{a} {t}"), message("assistant", x)), "one line break"),
        (lambda a, t, x: {"messages": []}, "Give back a text"),
        (lambda a, t, x: None, "gives nothing back"),
        ("{}", "should be a function"),
    ],
)
def test_6k_mistakes(answer, hint):
    wrong(check.exercise_6k(answer), hint)


# ── The figure that the lesson adds ──


def test_intervals_of_estimates():
    from workshop_lib.plots import labeling as draw

    table = pd.DataFrame(
        {"estimate": [0.35, 0.28], "low": [0.33, 0.22], "high": [0.37, 0.34]}, index=["naive", "PPI"]
    )
    made = draw.intervals(table, 0.28, "share in $", "Two estimates")
    axes = made.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["naive", "PPI"]
    assert axes.get_legend().get_texts()[0].get_text() == "truth, 0.28"
    assert draw.intervals(table).axes[0].get_legend() is None


# ── What the lesson reads from the room, with an engine of this test in the place of a model ──


class Coder:
    """Answers with the hand label, and errs on every fifth item, more often in other wordings and orders."""

    name, model, local = "coder", "coder-1", True

    def __init__(self, table):
        self.table = table.set_index("id")

    def settings(self):
        return {"errs": "every fifth"}

    def ask(self, request):
        label = self.table.loc[request.item.id, request.question]
        mark = sum(map(ord, request.item.id + str(request.messages)))
        wrong_one = next(option for option in request.options if option != label)
        said = wrong_one if mark % 5 == 0 else label
        sure = {option: 0.8 if option == said else 0.2 / (len(request.options) - 1) for option in request.options}
        return labeling.Answer(said, "ok", sure, model=self.model, input_tokens=40 + len(request.item.text) // 4)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    posts = data.load("posts")
    book = labeling.Codebook.read(data.root() / "posts" / "labeling.yaml")
    return posts, posts[posts["split"] == "test"], book, tmp_path_factory.mktemp("lesson")


def test_pilot_run_and_validation(room):
    posts, test, book, folder = room
    political, coder = book.only("political"), Coder(posts)
    after_pilot = labeling.pilot(political, test, coder, folder / "zero-shot", k=20, progress=False)
    results = labeling.label(political, test, coder, folder / "zero-shot", max_cost=0.50, progress=False)
    assert results["cached"].sum() == 20 and after_pilot.calls == len(results) == 276
    assert abs(after_pilot.input_tokens / results["input_tokens"].sum() - 1) < 0.1
    checked = labeling.validate(results, test, political, "political")
    value, low, high, ceiling = checked.figures.loc["kappa", ["value", "low", "high", "coders"]]
    assert 0 < low < value < high and value < ceiling == 1
    assert checked.figures.loc["accuracy", "value"] > checked.figures.loc["baseline", "value"]
    assert checked.reliability.attrs["ece"] >= 0 and checked.figures.loc["Brier", "value"] < 1
    row = checked.figures.loc["kappa", ["value", "low", "high"]].add_prefix("kappa ")
    row["answered"] = checked.answered
    assert pd.DataFrame({"one": row}).T.astype(float).shape == (1, 4)


def test_sentiment_has_a_ceiling_below_one(room):
    posts, test, book, folder = room
    results = labeling.label(book.only("sentiment"), test, Coder(posts), folder / "sentiment", progress=False)
    found = labeling.validate(results, test, book, "sentiment", bootstrap=50)
    assert 0.85 < found.figures.loc["kappa", "coders"] < 1
    assert found.confusion.shape == (3, 3) and len(found.coders) == 3


def test_multiverse_and_its_two_tests(room):
    from workshop_lib.labeling.multiverse import multiverse
    from workshop_lib.plots import labeling as draw

    posts, test, book, folder = room
    some = test.head(60)
    curve = multiverse(
        book, some[["id", "text"]], some, [Coder(posts)], wordings=(0, 1, 2), orders=(None, 1), question="political",
        statistic="prevalence", label="yes", folder=folder / "multiverse", progress=False,
    )  # fmt: skip
    runs = curve.set_index(["wording", "order"])["folder"]
    first = labeling.read_results(runs["0", "as in the codebook"])
    order = labeling.order_test(first, labeling.read_results(runs["0", "shuffled 1"]))
    wording = labeling.wording_test(first, labeling.read_results(runs["1", "as in the codebook"]))
    assert order.items + order.left_out == wording.items + wording.left_out == 60
    assert len(curve) == 6 and (curve["low"] <= curve["estimate"]).all()
    assert len(draw.specification_curve(curve, "title").axes) == 2


def test_correction_of_a_share_and_a_difference(room):
    posts, _, book, folder = room
    everyone = labeling.label(book.only("uncivil"), posts, Coder(posts), folder / "everyone", progress=False)
    truth = (posts["uncivil"] == "yes").mean()
    held = []
    for draw_number in range(20):
        sample = labeling.sample_for_gold(posts[["id", "uncivil"]], 200, seed=draw_number)
        table = labeling.correct(everyone, sample, "uncivil", "yes", method="ppi").table
        held.append(table["low"].le(truth) & table["high"].ge(truth))
    held = pd.DataFrame(held).mean()
    assert held["naive"] in (0.0, 1.0) and held[["hand only", "PPI", "PPI++"]].min() > 0.8
    gold = labeling.sample_for_gold(posts[["id", "uncivil"]], 200, seed=1)
    offices = {"minister", "mp", "councillor", "mayor", "candidate", "party_account"}
    group = posts["voice"].isin(offices).map({True: "politician", False: "other"})
    compared = labeling.correct(
        everyone, gold, "uncivil", "yes", "difference", group="office", compare=("politician", "other"),
        items=posts[["id"]].assign(office=group),
    )  # fmt: skip
    assert list(compared.table.index) == ["naive", "hand only", "PPI", "PPI++", "DSL"]
    corrected = labeling.correct(everyone, gold, "uncivil", "yes")
    assert len(labeling.power(corrected, n_total=1_000_000, half_width=[0.05, 0.03, 0.02])) == 3


def test_report_and_paragraph(room):
    from workshop_lib.labeling.methods import methods
    from workshop_lib.labeling.report import read_run, report

    posts, test, book, folder = room
    political = book.only("political")
    results = labeling.label(political, test, Coder(posts), folder / "reported", progress=False)
    checked = labeling.validate(results, test, political, "political", bootstrap=50)
    page = report(results, political, gold=test, file=folder / "report.html", bootstrap=50)
    run = read_run(folder / "reported")
    paragraph, missing = methods(results, political, run.facts, run.sessions, {"political": checked}, test)
    assert "276 items" in paragraph and "Cohen's kappa" in paragraph and "95 % interval" in paragraph
    assert "coder-1" in paragraph and "on our own machine" in paragraph and "Among themselves, the coders" in paragraph
    assert len(missing) > 3 and page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_audit_redaction_and_plans_of_pictures(room, pictures):
    posts, _, book, _ = room
    hosted = labeling.Chat("gpt-5.4-mini", max_tokens=16)
    asked = labeling.requests(book.only("political"), labeling.items(posts))
    sent, at_home = labeling.audit(asked, hosted, examples=1), labeling.audit(asked, labeling.LocalDecisions(), examples=1)
    assert sent["leaves"].all() and not at_home["leaves"].any() and sent.attrs["personal"]["handle"] > 0
    assert sent.set_index("field").loc["messages: user", "requests"] == len(posts)
    redacted = labeling.redact(posts["text"])
    clean = labeling.requests(book.only("political"), labeling.items(posts.assign(text=redacted.texts)))
    assert labeling.audit(clean, hosted).attrs["personal"]["handle"] == 0

    exam = pictures[pictures["split"] == "test"]
    kinds = labeling.Codebook("pictures", {"kind": labeling.Choice(["placard", "chart", "flag", "scene"], "What?")})
    one = labeling.requests(kinds, labeling.items(exam.head(1), image="image"))[0]
    assert [part["type"] for part in one.messages[-1]["content"]].count("image_url") == 1
    for columns in (["text"], ["image"], ["text", "image"]):
        planned = labeling.plan(kinds, exam[["id", *columns]], hosted)
        assert ("pictures" in planned.leaves) == ("image" in columns) and planned.low > 0


def test_training_files_and_a_hosted_offer_that_is_declined(room, capsys):
    from workshop_lib.labeling import examples

    posts, _, book, folder = room
    sent = posts.assign(desk=posts["political"].map({"yes": "north", "no": "south"}))
    desk = labeling.Choice(["north", "south"], "To which desk does this post go?")
    desk_book = labeling.Codebook("desks", {"desk": desk}, book.introduction)
    to_learn = sent[sent["split"] == "train"].sample(250, random_state=1)
    made = examples.finetune_jsonl(to_learn, desk_book, "desk", folder / "tuning", split=(0.8, 0.2, 0))
    assert made["examples"].to_dict() == {"train": 200, "valid": 50}
    found = examples.check_jsonl(folder / "tuning" / "train.jsonl")
    assert found.examples == 200 and not found.problems
    assert not examples.check_jsonl(folder / "tuning" / "valid.jsonl", [folder / "tuning" / "train.jsonl"]).problems
    declined = examples.hosted_finetune(
        folder / "tuning", "gpt-4.1-mini-2025-04-14", price=5.0, ask=lambda question: "no"
    )
    assert declined is None and "Nothing was sent" in capsys.readouterr().out
