"""Agreement with gold, the alternative-annotator test, order and wording tests, pitfalls."""

import math
import sys

import numpy as np
import pandas as pd
import pytest

from workshop_lib.agreement import krippendorff_alpha
from workshop_lib.errors import BadInputError, UnknownNameError
from workshop_lib.labeling import validation
from workshop_lib.labeling.codebook import Codebook
from workshop_lib.labeling.pitfalls import pitfalls
from workshop_lib.labeling.questions import Choice, Scale, Tags
from workshop_lib.labeling.robustness import alternative_annotator_test, order_test, wording_test

LABELS = ["pro", "con", "none of both"]


def run(labels, question="tone", statuses=None, probabilities=None):
    """A run: one answer an item, None where the status isn't ok."""
    statuses = statuses or ["ok" if label is not None else "refused" for label in labels]
    table = pd.DataFrame({"id": [str(i) for i in range(len(labels))], "question": question, "repeat": 0})
    table["label"] = pd.Series(labels, dtype=object)
    table["status"] = statuses
    table["probabilities"] = pd.Series(probabilities or [None] * len(labels), dtype=object)
    return table


def gold_of(labels, question="tone", **coders):
    table = pd.DataFrame({"id": [str(i) for i in range(len(labels))], question: pd.Series(labels, dtype=object)})
    for name, codes in coders.items():
        table[f"{question}_{name}"] = pd.Series(list(codes), dtype=object)
    return table


# Ten items: 4 pro and right, 1 pro called con, 3 con and right, 2 con called pro.
TRUTH = ["pro"] * 5 + ["con"] * 5
SAID = ["pro"] * 4 + ["con"] + ["con"] * 3 + ["pro"] * 2


def test_figures_computed_by_hand():
    found = validation.validate(run(SAID), gold_of(TRUTH), ["pro", "con"], "tone", bootstrap=200)
    value = found.figures["value"]
    assert value["accuracy"] == pytest.approx(0.7)
    assert value["baseline"] == pytest.approx(0.5)
    assert value["gain over baseline"] == pytest.approx(0.2)
    assert value["kappa"] == pytest.approx(0.4)  # chance: 0.5 · 0.6 + 0.5 · 0.4 = 0.5
    assert value["alpha"] == pytest.approx(1 - 6 * 19 / (2 * 11 * 9))  # 11 pro and 9 con in 20 codes
    assert value["macro F1"] == pytest.approx((8 / 11 + 6 / 9) / 2)
    by_label = found.by_label.loc["pro"]
    assert by_label[["precision", "recall", "F1"]].tolist() == pytest.approx([4 / 6, 4 / 5, 8 / 11])
    assert by_label[["gold", "answers"]].tolist() == [5, 6]
    assert by_label["F1 low"] < 8 / 11 < by_label["F1 high"]
    assert found.confusion.loc["con"].tolist() == [2, 3]  # gold con: twice pro, three times con
    assert (found.figures["low"] <= value).all() and (value <= found.figures["high"]).all()


def test_failures_are_statuses_and_never_labels():
    """Items that failed change no figure, even where a label was left in their row."""
    labels, statuses = [*SAID, "con", None, "pro"], ["ok"] * 10 + ["refused", "invalid", "skipped for budget"]
    gold = gold_of([*TRUTH, "pro", "pro", "con"])
    found = validation.validate(run(labels, statuses=statuses), gold, ["pro", "con"], "tone", bootstrap=20)
    assert (found.items, found.answered) == (13, 10)
    counts = {"ok": 10, "refused": 1, "invalid": 1, "error": 0, "skipped for budget": 1}
    assert found.statuses["items"].to_dict() == counts
    assert found.statuses["share"].sum() == pytest.approx(1)
    without = validation.validate(run(SAID), gold_of(TRUTH), ["pro", "con"], "tone", bootstrap=20)
    pd.testing.assert_frame_equal(found.figures, without.figures)
    pd.testing.assert_frame_equal(found.confusion, without.confusion)
    assert "13 items with a gold label, 10 answered" in str(found)
    assert "1 refused, 1 invalid, 1 skipped for budget" in str(found)


def test_labels_that_nobody_uses_have_no_score():
    found = validation.validate(run(SAID), gold_of(TRUTH), LABELS, "tone", bootstrap=50)
    assert math.isnan(found.by_label.loc["none of both", "F1"])
    assert found.figures.loc["macro F1", "value"] == pytest.approx((8 / 11 + 6 / 9) / 2)
    assert found.figures.loc["macro F1", "low"] > 0.3


def test_ids_must_match_on_both_sides():
    with pytest.raises(BadInputError, match=r"1 of 11 items with gold labels lack an answer, such as '10'"):
        validation.validate(run(SAID), gold_of([*TRUTH, "pro"]), LABELS, "tone")
    with pytest.raises(BadInputError, match=r"2 of 10 items with answers lack a gold row.*'8', '9'.*sample=True"):
        validation.validate(run(SAID), gold_of(TRUTH[:8]), LABELS, "tone")
    strangers = gold_of(TRUTH).assign(id=[f"post {i}" for i in range(10)])
    with pytest.raises(BadInputError, match="No id matches: the other table's look like '0'"):
        validation.validate(run(SAID), strangers, LABELS, "tone")
    drawn = gold_of(TRUTH[:8])
    assert validation.validate(run(SAID), drawn, LABELS, "tone", bootstrap=0, sample=True).items == 8
    assert validation.validate(run(SAID), drawn.assign(inclusion=0.8), LABELS, "tone", bootstrap=0).items == 8


def test_unequal_inclusion_is_told():
    drawn = gold_of(TRUTH[:8]).assign(inclusion=[0.1] * 4 + [0.5] * 4)
    (warning,) = validation.validate(run(SAID), drawn, LABELS, "tone", bootstrap=0).warnings
    assert "unequal probabilities" in warning
    assert validation.validate(run(SAID), drawn.assign(inclusion=0.5), LABELS, "tone", bootstrap=0).warnings == ()
    with pytest.raises(BadInputError, match="bootstrap is -1"):
        validation.validate(run(SAID), gold_of(TRUTH), LABELS, "tone", bootstrap=-1)


def test_rows_are_joined_by_id_and_not_by_position():
    shuffled = gold_of(TRUTH).sample(frac=1, random_state=3).assign(id=lambda table: table["id"].astype(int))
    found = validation.validate(run(SAID), shuffled, LABELS, "tone", bootstrap=0)
    assert found.confusion.loc["con", ["pro", "con"]].tolist() == [2, 3]


def test_rows_without_gold_are_left_out():
    found = validation.validate(run(SAID), gold_of([*TRUTH[:8], None, float("nan")]), LABELS, "tone", bootstrap=0)
    assert found.items == found.answered == 8


@pytest.mark.parametrize(
    ("results", "gold", "asked", "message"),
    [
        (pd.concat([run(SAID), run(SAID)]), gold_of(TRUTH), LABELS, "answers to 'tone', the id '0' .* twice.*repeat"),
        (run(SAID), pd.concat([gold_of(TRUTH)] * 2), LABELS, "gold labels, the id '0' is missing or occurs twice"),
        (run(["99", *SAID[1:]]), gold_of(TRUTH), LABELS, r"1 answers have a label.*'99'.*pitfalls\(\)"),
        (run(SAID), gold_of(["Pro", *TRUTH[1:]]), LABELS, r"1 gold labels \(truth\).*'Pro'"),
        (run([None] * 10), gold_of(TRUTH), LABELS, r"None of the 10 items.*10 refused"),
        (run([None, *SAID[1:]], statuses=["ok"] * 10), gold_of(TRUTH), LABELS, "'0' has the status ok but no label"),
        (run(SAID, statuses=["fine"] + ["ok"] * 9), gold_of(TRUTH), LABELS, "status 'fine'. Known: ok"),
        (run(SAID), gold_of([None] * 10), LABELS, "none has a label in 'tone'"),
        (run(SAID), gold_of(TRUTH), ["pro"], "two labels"),
    ],
)
def test_bad_tables(results, gold, asked, message):
    with pytest.raises(BadInputError, match=message):
        validation.validate(results, gold, asked, "tone", bootstrap=0)


def test_unknown_questions():
    book = Codebook("posts", {"tone": Choice(["pro", "con"])})
    with pytest.raises(UnknownNameError, match="no question 'tune'. Did you mean 'tone'"):
        validation.validate(run(SAID), gold_of(TRUTH), book, "tune")
    with pytest.raises(UnknownNameError, match="no column 'tone' in the gold labels"):
        validation.validate(run(SAID), gold_of(TRUTH, "topic"), book, "tone")
    with pytest.raises(UnknownNameError, match="no answers to 'tone'. Did you mean 'tones'"):
        validation.validate(run(SAID, "tones"), gold_of(TRUTH), book, "tone")
    with pytest.raises(UnknownNameError, match="no column 'status' in the results"):
        validation.validate(run(SAID).drop(columns="status"), gold_of(TRUTH), book, "tone")
    found = validation.validate(run(SAID), gold_of(TRUTH), book, "tone", bootstrap=0)
    assert found.figures.loc["accuracy", "value"] == 0.7


def random_labels(seed, n, asked):
    """Gold and answers that agree in most items."""
    random = np.random.default_rng(seed)
    if asked.kind == "tags":
        has = random.random((n, len(asked.options))) < 0.4
        also = np.where(random.random(has.shape) < 0.2, ~has, has)
        return [["|".join(np.array(asked.options)[row]) for row in rows] for rows in (has, also)]
    truth = random.choice(asked.options, n)
    return [truth.tolist(), np.where(random.random(n) < 0.3, random.choice(asked.options, n), truth).tolist()]


ASKED = [Choice(LABELS), Scale(8, 11), Tags(["health", "work", "home"])]


def of_scikit_learn(truth, said, asked):
    """The figures that scikit-learn has too."""
    from sklearn.metrics import accuracy_score, f1_score, jaccard_score, mean_absolute_error

    right = accuracy_score(truth, said)
    if asked.kind == "choice":
        return {"accuracy": right, "macro F1": f1_score(truth, said, labels=LABELS, average="macro")}
    if asked.kind == "scale":
        return {"exact": right, "mean absolute error": mean_absolute_error(*np.array([truth, said], int))}
    has = [[[tag in one.split("|") for tag in asked.options] for one in labels] for labels in (truth, said)]
    has = [np.array(one) for one in has]
    jaccard, macro = jaccard_score(*has, average="samples", zero_division=1), f1_score(*has, average="macro")
    return {"exact": right, "Jaccard": jaccard, "macro F1": macro}


@pytest.mark.parametrize("asked", ASKED, ids=lambda one: one.kind)
def test_resampled_figures_are_those_of_scikit_learn_and_krippendorff(asked):
    truth, said = random_labels(0, 40, asked)
    draws = np.random.default_rng(1).integers(0, 40, (25, 40))
    figures, f1 = validation._resampled(truth, said, asked, draws)
    figures |= {name: values[draws].mean(1) for name, values in validation._per_item(truth, said, asked).items()}
    for number, draw in enumerate(draws):
        again = [truth[i] for i in draw], [said[i] for i in draw]
        for name, value in validation._agreement(*again, asked).items():
            assert figures[name][number] == pytest.approx(value, nan_ok=True), name
        for name, value in of_scikit_learn(*again, asked).items():
            assert figures[name][number] == pytest.approx(value), name
        np.testing.assert_allclose(f1[number], validation._by_label(*again, asked)["F1"])


def test_intervals():
    """The interval of accuracy is that of the binomial, up to chance; a seed gives the same one."""
    truth, said = random_labels(2, 400, Choice(LABELS))
    results, gold = run(said), gold_of(truth)
    one, same, other = (
        validation.validate(results, gold, LABELS, "tone", bootstrap=400, seed=seed).figures for seed in (0, 0, 1)
    )
    pd.testing.assert_frame_equal(one, same)
    assert not one["low"].equals(other["low"])
    accuracy = one.loc["accuracy"]
    half = 1.96 * math.sqrt(accuracy["value"] * (1 - accuracy["value"]) / 400)
    assert accuracy["high"] - accuracy["low"] == pytest.approx(2 * half, rel=0.2)
    assert validation.validate(run(said), gold_of(truth), LABELS, "tone", bootstrap=0).figures["low"].isna().all()


def test_coders_are_the_ceiling():
    """Three coders: the pairs agree in 9, 8 and 7 of 10 items."""
    one = [*TRUTH]
    two = ["con", *TRUTH[1:]]
    three = [TRUTH[0], "con", "con", *TRUTH[3:]]
    gold = gold_of(TRUTH, coder_1=one, coder_2=two, coder_3=three)
    found = validation.validate(run(SAID), gold, ["pro", "con"], "tone", bootstrap=0)
    accuracy = found.coders["accuracy"]
    assert accuracy.loc[["coder 1 – coder 2", "coder 1 – coder 3", "coder 2 – coder 3"]].tolist() == [0.9, 0.8, 0.7]
    assert accuracy["model – coder 1"] == 0.7
    assert found.figures.loc["accuracy", "coders"] == pytest.approx(0.8)
    assert found.figures.loc["alpha", "coders"] == pytest.approx(
        np.mean([krippendorff_alpha(pair) for pair in ([one, two], [one, three], [two, three])])
    )
    assert math.isnan(found.figures.loc["baseline", "coders"])
    some = gold_of(TRUTH, coder_1=one, coder_2=[None] * 6 + two[6:])
    assert validation.validate(run(SAID), some, LABELS, "tone", bootstrap=0).coders["items"].tolist() == [4, 10, 4]
    assert validation.validate(run(SAID), gold_of(TRUTH), LABELS, "tone", bootstrap=0).coders is None


def test_calibration_by_hand():
    """Two items at 0.9, both right; two at 0.6, one right. ECE = ½ · 0.1 + ½ · 0.1."""
    stated = [*({"pro": p, "con": round(1 - p, 1)} for p in (0.9, 0.1, 0.6, 0.6)), None]
    results = run(["pro", "con", "pro", "pro", "pro"], probabilities=stated)
    gold = gold_of(["pro", "con", "pro", "con", "pro"])
    found = validation.validate(results, gold, ["pro", "con"], "tone", bootstrap=30)
    assert found.reliability["cases"].tolist() == [2, 2]
    assert found.reliability["right"].tolist() == [0.5, 1.0]
    assert found.figures.loc["ECE", "value"] == pytest.approx(0.1)
    assert found.figures.loc["Brier", "value"] == pytest.approx((0.02 + 0.02 + 0.32 + 0.72) / 4)
    assert found.figures.loc["Brier of gold's shares", "value"] == pytest.approx(0.5)
    assert found.figures.loc["Brier", "low"] < found.figures.loc["Brier", "high"]
    assert validation.validate(run(SAID), gold_of(TRUTH), LABELS, "tone", bootstrap=0).reliability is None
    for bad in ({"pro": 1.3}, {"neutral": 0.5}):
        with pytest.raises(BadInputError, match="Item '0' has the probability"):
            validation.validate(run(["pro"], probabilities=[bad]), gold_of(["pro"]), ["pro", "con"], "tone")


def test_tags_by_hand():
    asked = Tags(["health", "work"])
    stated = [{"health": 0.8, "work": 0.4}, None, None, None]
    results = run(["health", "health|work", "", "work"], "theme", probabilities=stated)
    gold = gold_of(["health", "work|health", "", "health"], "theme")
    found = validation.validate(results, gold, asked, "theme", bootstrap=50)
    value = found.figures["value"]
    assert value["exact"] == 0.75  # the order of tags doesn't matter
    assert value["Jaccard"] == pytest.approx((1 + 1 + 1 + 0) / 4)  # none and none is agreement
    assert found.by_label.loc["health", ["precision", "recall"]].tolist() == pytest.approx([1, 2 / 3])
    assert found.by_label.loc["work", ["precision", "recall", "F1"]].tolist() == pytest.approx([1 / 2, 1, 2 / 3])
    assert found.confusion.loc["work"].tolist() == [2, 1, 0, 1]
    assert value["macro F1"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert value["kappa"] == pytest.approx(0.5)  # of each: observed 3/4, chance 1/2
    assert value["Brier"] == pytest.approx((0.2**2 + 0.4**2) / 2)
    assert value["ECE"] == pytest.approx((abs(1 - 0.8) + abs(1 - 0.6)) / 2)
    one = validation.validate(run(["a", "", ""]), gold_of(["a", "", "a"]), Tags(["a"]), "tone", bootstrap=10)
    assert one.figures.loc["Jaccard", "value"] == pytest.approx(2 / 3)
    assert one.by_label.loc["a", "recall"] == 0.5


def test_scale_by_hand():
    """Gold as pandas reads it from a file with an empty cell: 4.0. And ten is more than nine."""
    gold = gold_of([9.0, 10.0, 8.0, 10.0, float("nan")], "anger")
    results = run(["10", "10", "8", "8", "9"], "anger")
    found = validation.validate(results, gold, Scale(0, 10), "anger", bootstrap=50)
    value = found.figures["value"]
    assert found.items == 4
    assert value["exact"] == 0.5
    assert value["mean absolute error"] == pytest.approx((1 + 0 + 0 + 2) / 4)
    assert value["error of always the median"] == pytest.approx((0.5 + 0.5 + 1.5 + 0.5) / 4)
    assert value["ordinal alpha"] == pytest.approx(krippendorff_alpha([[9, 10, 8, 10], [10, 10, 8, 8]], "ordinal"))
    with pytest.raises(BadInputError, match="'11'"):
        validation.validate(run(["11", "10", "8", "8", "9"], "anger"), gold, Scale(0, 10), "anger", bootstrap=0)
    wide = validation.validate(results, gold, Scale(0, 900), "anger", bootstrap=20)
    assert len(str(wide)) < 4000


# The alternative-annotator test

# Forty items. Coder 1 says "con" of the first ten, the others always "pro"; the model errs on the last.
CODES = {"coder_1": ["con"] * 10 + ["pro"] * 30, "coder_2": ["pro"] * 40, "coder_3": ["pro"] * 40}
MODEL = ["pro"] * 39 + ["con"]


def test_alternative_annotator_by_hand():
    """Against coder 1: ten times −1, once +1, so the mean is −9/40 and s² = (11 − 40 · 0.225²) / 39.

    Against coders 2 and 3: once +1, the rest ties (each is as far from coder 1 as the model is), so the
    mean is 1/40, s² = (1 − 40 / 1600) / 39 = 1/40, the standard error 1/40.
    """
    from scipy.stats import t

    found = alternative_annotator_test(run(MODEL), gold_of(["pro"] * 40, **CODES), "tone", 0.05)
    s = math.sqrt((11 - 40 * 0.225**2) / 39)
    p1, p2 = t.cdf((-0.225 - 0.05) / (s / math.sqrt(40)), 39), t.cdf((0.025 - 0.05) / 0.025, 39)  # t = −3.63 and −1
    assert found.table["p"].tolist() == pytest.approx([p1, p2, p2])
    assert p1 == pytest.approx(0.00041, abs=0.00001) and p2 == pytest.approx(0.1617, abs=0.0001)
    harmonic = 1 + 1 / 2 + 1 / 3
    assert found.table["p adjusted"].tolist() == pytest.approx([p1 * 3 * harmonic, p2 * harmonic, p2 * harmonic])
    assert found.table["wins"].tolist() == [True, False, False]
    assert found.winning_rate == pytest.approx(1 / 3) and not found.passes
    assert found.table["model as good"].tolist() == [0.975] * 3
    assert found.table["coder as good"].tolist() == [0.75, 1.0, 1.0]
    assert found.advantage == pytest.approx(0.975)
    kind = alternative_annotator_test(run(MODEL), gold_of(["pro"] * 40, **CODES), "tone", 0.2)
    assert kind.winning_rate == 1 and kind.passes  # t = −5.6 and −7
    assert "winning rate 1.00 (3 of 3 coders), passed" in str(kind)


def test_the_correction_counts():
    """One p of 0.02 among three coders: 0.02 · 3 · (1 + 1/2 + 1/3) = 0.11, so the model wins against none."""
    codes = {name: [*values] for name, values in CODES.items()}
    codes["coder_1"] = ["con"] * 6 + ["pro"] * 34
    found = alternative_annotator_test(run(MODEL), gold_of(["pro"] * 40, **codes), "tone", 0.01)
    assert found.table["p"].iloc[0] < 0.05 < found.table["p adjusted"].iloc[0]
    assert found.winning_rate == 0


def test_alternative_annotator_leaves_out_failures_and_lone_coders():
    model = [None, *MODEL]
    codes = {name: ["pro", *values] for name, values in CODES.items()}
    gold = gold_of(["pro"] * 41, **codes)
    found = alternative_annotator_test(run(model), gold, "tone", 0.05)
    assert found.left_out == 1 and found.table["items"].tolist() == [40, 40, 40]
    gold.loc[5, ["tone_coder_2", "tone_coder_3"]] = None
    found = alternative_annotator_test(run(model), gold, "tone", 0.05)
    assert found.left_out == 2 and found.table["items"].tolist() == [39, 39, 39]


def test_few_items_and_no_variance():
    few = {name: values[:20] for name, values in CODES.items()}
    found = alternative_annotator_test(run(MODEL[:20]), gold_of(["pro"] * 20, **few), "tone", 0.1)
    assert set(found.table["test"]) == {"Wilcoxon"} and found.table["p"].iloc[0] < 0.01
    equal = alternative_annotator_test(run(["pro"] * 40), gold_of(["pro"] * 40, **CODES), "tone", 0.1)
    assert equal.table["p"].tolist()[1:] == [0, 0]  # all ties, and less than epsilon
    strict = alternative_annotator_test(run(["pro"] * 40), gold_of(["pro"] * 40, **CODES), "tone", 0)
    assert strict.table["p"].tolist()[1:] == [1, 1]  # all ties aren't less than 0


def test_alignments_of_scales_and_tags():
    """The model is one off, the coder three: by accuracy a tie, by error the model's win."""
    codes = {"coder_1": ["1"] * 30, "coder_2": ["4"] * 30, "coder_3": ["4"] * 30}
    gold = gold_of(["4"] * 30, "anger", **codes)
    near = run(["3"] * 30, "anger")
    plain = alternative_annotator_test(near, gold, "anger", 0)
    close = alternative_annotator_test(near, gold, "anger", 0, alignment="error")
    assert plain.table["difference"].iloc[0] == 0 and close.table["difference"].iloc[0] == -1
    tags = {"coder_1": [""] * 30, "coder_2": ["a|b"] * 30, "coder_3": ["a|b"] * 30}
    some = alternative_annotator_test(
        run(["a"] * 30), gold_of(["a|b"] * 30, **tags), "tone", 0, alignment="jaccard"
    )
    assert some.table["difference"].iloc[0] == -1
    with pytest.raises(BadInputError, match="isn't a whole number"):
        gold = gold_of(["pro"] * 40, **CODES)
        alternative_annotator_test(run(MODEL), gold, "tone", 0.1, alignment="error")


def test_alternative_annotator_wrong_input():
    gold = gold_of(["pro"] * 40, **CODES)
    with pytest.raises(BadInputError, match="epsilon is 2. Give a number from 0 to 1"):
        alternative_annotator_test(run(MODEL), gold, "tone", 2)
    with pytest.raises(UnknownNameError, match="no alignment 'acuracy'. Did you mean 'accuracy'"):
        alternative_annotator_test(run(MODEL), gold, "tone", 0.1, alignment="acuracy")
    lone = gold.drop(columns=["tone_coder_2", "tone_coder_3"])
    with pytest.raises(BadInputError, match="Gold has 1 columns 'tone_coder_N'"):
        alternative_annotator_test(run(MODEL), lone, "tone", 0.1)
    with pytest.raises(BadInputError, match="Coder 3 shares 0 answered items"):
        alternative_annotator_test(run(MODEL), gold.assign(tone_coder_3=None), "tone", 0.1)


# Order and wording


def test_order_by_hand():
    """Six of twenty labels change, all from pro to con: McNemar's p = 2 · (1/2)⁶ for both labels."""
    first = ["pro"] * 10 + ["con"] * 10
    second = ["con"] * 6 + ["pro"] * 4 + ["con"] * 10
    found = order_test(run(first), run(second))
    assert (found.items, found.changed, found.share) == (20, 6, 0.3)
    n, z = 20, 1.959964
    middle = (0.3 + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(0.21 / n + z**2 / (4 * n**2))
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half), abs=1e-6)
    assert found.by_label.loc["pro", ["first", "second", "left", "joined"]].tolist() == [0.5, 0.2, 6, 0]
    assert found.by_label.loc["con", ["difference", "left", "joined"]].tolist() == pytest.approx([0.3, 0, 6])
    assert found.by_label["p"].tolist() == pytest.approx([2 / 64, 2 / 64])
    assert found.by_label["p adjusted"].tolist() == pytest.approx([2 / 64 * 1.5] * 2)
    assert found.changes.loc["pro", "con"] == 6 and found.changes.loc["con", "pro"] == 0
    assert found.alpha == pytest.approx(krippendorff_alpha([first, second]))
    assert "30.0% (95 % interval 14.5% to 51.9%)" in str(found)


def test_changes_that_cancel_out_leave_the_shares():
    """Labels change, but their shares don't: the share of changes shows it, McNemar's test doesn't."""
    found = wording_test(run(["pro", "con"] * 10), run(["con", "pro"] * 10))
    assert found.share == 1 and found.by_label["p"].tolist() == [1, 1]
    assert found.what == "wording" and found.alpha < 0
    same = wording_test(run(["pro", "con"] * 10), run(["pro", "con"] * 10))
    assert same.share == same.low == 0 and 0 < same.high < 0.2


def test_order_test_leaves_out_failures_and_joins_by_id():
    first, second = run(["pro", "con", None, "con"]), run([None, "con", "pro", "pro"]).iloc[::-1]
    found = order_test(first, second)
    assert (found.items, found.left_out, found.changed) == (2, 2, 1)


def test_order_test_wrong_input():
    with pytest.raises(BadInputError, match="1 of 3 items with an answer in the first run lack one in the second"):
        order_test(run(["pro"] * 3), run(["pro"] * 2))
    two = pd.concat([run(["pro"] * 3), run(["pro"] * 3, "topic")])
    with pytest.raises(BadInputError, match="2 questions: tone, topic. Name one"):
        order_test(two, two)
    assert order_test(two, two, "topic").items == 3
    with pytest.raises(BadInputError, match="None of the 2 items has an answer in both"):
        order_test(run(["pro", None]), run([None, "pro"]))


# Pitfalls


def names(truth, said, **more):
    return [found.name for found in pitfalls(run(said, **more), gold_of(truth), "tone")]


def test_shifted_labels():
    truth = list("12345") * 6
    said = [str(int(label) + 2) for label in truth]
    said[3] = "1"
    (found,) = pitfalls(run(said), gold_of(truth), "tone")
    assert found.name == "shifted labels"
    assert "29 of 30 answers are gold's label plus 2" in found.message and "after subtracting 2" in found.message
    less = run([str(int(one) - 1) for one in truth])
    assert "minus 1" in pitfalls(less, gold_of(truth), "tone")[0].message
    assert names(truth, truth) == []
    assert names(truth, ["3"] * 30) == []  # always the same label: no shift mends that
    assert names(TRUTH, SAID) == []


@pytest.mark.parametrize(
    ("truth", "said", "expected"),
    [
        (list("12341234"), list("1234123") + ["99"], True),  # the model's error code
        (list("1234123") + ["99"], list("12341234"), True),  # gold's missing code
        (list("1234123") + ["99"], list("1234123") + ["99"], True),  # both
        (list("01010101"), list("0101010") + ["-1"], True),
        (["pro", "con"] * 4, ["pro", "con"] * 3 + ["pro", "99"], True),
        (["pro", "con"] * 4, ["pro", "con"] * 3 + ["pro", "Error"], True),
        (["98", "40", "99", "100", "5", "60"], ["97", "40", "99", "95", "5", "60"], False),  # a scale to 100
        (["-1", "0", "1", "2"] * 2, ["-1", "0", "1", "2"] * 2, False),  # a scale that has −1
        (["pro", "none"] * 4, ["pro", "none"] * 4, False),  # gold's own label
    ],
)
def test_error_codes(truth, said, expected):
    found = names(truth, said)
    assert ("error code as a label" in found) is expected
    if expected:
        messages = [one.message for one in pitfalls(run(said), gold_of(truth), "tone")]
        assert any("a code for a missing answer" in message for message in messages)


def test_a_failure_is_no_error_code():
    assert names(["pro", "con"] * 4, ["pro", "con"] * 3 + ["pro", "99"], statuses=["ok"] * 7 + ["error"]) == []


def test_high_accuracy_with_kappa_near_chance():
    """93 of 100 right, yet kappa 0.19: 92 both no, 1 both yes, 2 yes for no, 5 no for yes."""
    truth = ["no"] * 94 + ["yes"] * 6
    said = ["no"] * 92 + ["yes"] * 2 + ["yes"] + ["no"] * 5
    (found,) = pitfalls(run(said), gold_of(truth), "tone")
    assert found.name == "accuracy without agreement"
    assert "Accuracy is 0.93, but kappa is 0.19: always answering 'no' would reach 0.94" in found.message
    checked = validation.validate(run(said), gold_of(truth), ["yes", "no"], "tone", bootstrap=0)
    assert checked.warnings == (found.message,) and f"Warning: {found.message}" in str(checked)
    (alone,) = pitfalls(run(["no"] * 10), gold_of(["no"] * 10), "tone")
    assert "kappa can't be computed" in alone.message
    assert names(["no", "yes"] * 20, ["no", "yes"] * 19 + ["no", "no"]) == []
    assert names(["no"] * 10, [None] * 10) == []


def test_heavy_packages_wait():
    import subprocess

    code = "import sys, workshop_lib.labeling.validation; print({'sklearn', 'scipy', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
