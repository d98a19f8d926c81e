"""A multiverse: one row a specification, nothing asked twice, the cap for all, figures that are right."""

import re
import warnings

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest

from workshop_lib import errors
from workshop_lib.labeling.codebook import Choice, Codebook, Scale, Tags
from workshop_lib.labeling.multiverse import multiverse, spent
from workshop_lib.labeling.prompts import Shots
from workshop_lib.labeling.protocol import Answer, StopRun
from workshop_lib.labeling.runs import read_results
from workshop_lib.labeling.validation import validate
from workshop_lib.plots import labeling as plots

BOOK = Codebook(
    "posts",
    {"tone": Choice(["pro", "con"]), "topics": Tags(["a", "b"]), "heat": Scale(1, 5), "other": Choice(["x", "y"])},
)
N = 40
FRAME = pd.DataFrame({"id": range(N), "text": [f"Text number {i}" for i in range(N)]})
GOLD = FRAME.assign(
    tone=["pro" if i % 2 else "con" for i in range(N)],
    topics=["a|b" if i % 4 == 0 else "a" for i in range(N)],
    heat=[i % 5 + 1 for i in range(N)],
)


class Fake:
    """Errs in every ``errs``-th item, one more in wording 1, and writes down what it is asked."""

    name, local = "fake", True

    def __init__(self, model="fake-1", errs=10, cost=False, faults=(), stop=False):
        self.model, self.errs, self.faults, self.stop, self.asked = model, errs, faults, stop, []
        self.local = not cost

    def settings(self):
        return {"max_tokens": 5, "errs": self.errs}

    def ask(self, request):
        self.asked.append((request.item.id, request.options))
        if self.stop:
            raise StopRun("The key isn't accepted.")
        i, text = int(request.item.id), str(request.messages)
        if i in self.faults:
            return Answer(None, "refused")
        right = GOLD.astype({"heat": str}).loc[i, request.question]
        wrong = {"choice": "con" if right == "pro" else "pro", "tags": "b", "scale": "2"}[request.kind]
        errs = i % self.errs == 0 or ("Choose one" not in text and "Question:" in text and i == 1)
        return Answer(wrong if errs else right, model=f"{self.model}-dated", input_tokens=100, output_tokens=5)


def run(folder, engines=None, **settings):
    settings = {"question": "tone", "folder": folder, "progress": False, "bootstrap": 100, "gold": GOLD} | settings
    gold, frame = settings.pop("gold"), settings.pop("frame", FRAME)
    return multiverse(BOOK, frame, gold, [Fake()] if engines is None else engines, **settings)


# ── Runs ─────────────────────────────────────────────────────────────────────────────────


def test_one_row_a_specification(tmp_path):
    engines = [Fake("small", errs=4), Fake("large", errs=20)]
    shots = Shots(GOLD.assign(id=lambda t: t["id"] + 1000, text=lambda t: "Other " + t["text"]), how="random", k=2)
    table = run(tmp_path, engines, wordings=(0, 1), orders=(None, 7), shots=(None, shots))
    assert len(table) == 16 and not table.duplicated(["engine", "wording", "order", "shots"]).any()
    assert table["engine"].tolist() == ["small"] * 8 + ["large"] * 8
    assert set(table["order"]) == {"as in the codebook", "shuffled 7"}
    assert set(table["shots"]) == {"none", "2 random, seed 0"} and set(table["wording"]) == {"0", "1"}
    assert table["folder"].nunique() == 16 and (table["answered"] == N).all() and (table["items"] == N).all()
    assert table.loc[table["engine"] == "small", "model"].unique().tolist() == ["small-dated"]
    small = table[(table["engine"] == "small") & (table["wording"] == "0")]["estimate"]
    assert small.tolist() == pytest.approx([0.75] * 4)
    orders = {options for _, options in engines[0].asked}
    assert orders == {("pro", "con"), ("con", "pro")}
    assert len(engines[0].asked) == 8 * N and table.attrs["statistic"] == "accuracy of 'tone'"


def test_the_same_call_asks_nothing_and_a_new_choice_only_its_own(tmp_path):
    engine = Fake()
    first = run(tmp_path, [engine], wordings=(0, 1))
    again = run(tmp_path, [engine], wordings=(0, 1))
    pd.testing.assert_frame_equal(first, again)
    assert len(engine.asked) == 2 * N
    more = run(tmp_path, [engine], wordings=(2, 1, 0))
    assert len(engine.asked) == 3 * N
    assert more["folder"].tolist()[1:] == first["folder"].tolist()[::-1]
    run(tmp_path, [Fake(errs=5)], wordings=(0,))  # another setting: another folder
    assert len(list(tmp_path.iterdir())) == 4


def test_interrupted_it_goes_on(tmp_path):
    good, bad = Fake("good"), Fake("bad", stop=True)
    with pytest.raises(StopRun, match="key isn't accepted"):
        run(tmp_path, [good, bad])
    bad.stop = False
    table = run(tmp_path, [good, bad])
    assert len(good.asked) == N and table["answered"].tolist() == [N, N]


def test_only_the_question_is_asked_and_gold_may_be_a_sample(tmp_path):
    engine = Fake()
    table = run(tmp_path, [engine], gold=GOLD.iloc[:20], sample=True)
    assert len(engine.asked) == N and table.loc[0, "estimate"] == pytest.approx(0.9)


def test_the_cap_holds_for_all_runs_together(tmp_path):
    price = (1e6 / 100 * 0.01, 0.0)  # a cent a call of 100 tokens
    engine = Fake(cost=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = run(tmp_path, [engine], wordings=(0, 1, 2), max_cost=0.9, price=price, concurrency=1)
    paid = sum(spent(folder) for folder in tmp_path.iterdir())
    assert table["cost"].sum() == pytest.approx(paid) and paid <= 0.9
    assert table["answered"].tolist()[0] == N and 0 < table["answered"].sum() < 3 * N
    before = len(engine.asked)
    whole = run(tmp_path, [engine], wordings=(0, 1, 2), max_cost=3.0, price=price, concurrency=1)
    assert (whole["answered"] == N).all() and len(engine.asked) == 3 * N > before
    assert spent(tmp_path / "no run") == 0


# ── Statistics ───────────────────────────────────────────────────────────────────────────


def test_accuracy_and_kappa_are_those_of_validate(tmp_path):
    for question, column in (("tone", "accuracy"), ("topics", "exact"), ("heat", "exact")):
        engine = Fake()
        table = run(tmp_path / question, [engine], question=question, seed=3)
        kappa = run(tmp_path / question, [engine], question=question, seed=3, statistic="kappa")
        results = read_results(table.loc[0, "folder"])
        figures = validate(results, GOLD, BOOK, question, bootstrap=100, seed=3).figures
        for found, name in ((table, column), (kappa, "kappa")):
            row = found.loc[0, ["estimate", "low", "high"]].tolist()
            assert row == figures.loc[name, ["value", "low", "high"]].tolist()
        assert len(engine.asked) == N and table.loc[0, "low"] < table.loc[0, "estimate"] < table.loc[0, "high"]


def test_prevalence_of_choice_tags_and_scale(tmp_path):
    from scipy.stats import binomtest

    table = run(tmp_path, statistic="prevalence", label="pro")
    assert table.loc[0, "estimate"] == 24 / 40  # 20 are, and 4 are wrongly said to be
    interval = binomtest(24, 40).proportion_ci(method="wilson")
    assert table.loc[0, ["low", "high"]].tolist() == pytest.approx([interval.low, interval.high])
    assert table.attrs["reference"] == 0.5 and table.attrs["statistic"] == "share of 'pro' in 'tone'"
    tags = run(tmp_path, question="topics", statistic="prevalence", label="b")
    assert tags.loc[0, "estimate"] == 12 / 40 and tags.attrs["reference"] == 0.25  # items 10 and 30 wrongly
    scale = run(tmp_path, question="heat", statistic="prevalence", gold=None)
    assert scale.loc[0, "estimate"] == 3.1 and "reference" not in scale.attrs
    assert scale.loc[0, "low"] < 3  # 1 is wrongly said to be 2


def test_a_function_gets_a_bootstrap_interval(tmp_path):
    def share_pro(results, gold):
        return (results["label"] == "pro").mean()

    table = run(tmp_path, statistic=share_pro, bootstrap=400)
    assert table.loc[0, "estimate"] == 0.6 and table.attrs["statistic"] == "share pro"
    half = 1.96 * (0.6 * 0.4 / 40) ** 0.5
    assert table.loc[0, ["low", "high"]].tolist() == pytest.approx([0.6 - half, 0.6 + half], abs=0.04)

    def kappa(results, gold):
        return validate(results, gold, BOOK, "tone", bootstrap=0).figures.loc["kappa", "value"]

    joined = run(tmp_path, statistic=kappa)
    assert joined.loc[0, "estimate"] == pytest.approx(0.8) and joined.loc[0, "low"] < 0.8 < joined.loc[0, "high"]
    exact = run(tmp_path, statistic=lambda results, gold: (0.5, 0.25, 0.75))
    assert exact.loc[0, ["estimate", "low", "high"]].tolist() == [0.5, 0.25, 0.75]
    for wrong in ("much", (1, 2)):
        with pytest.raises(errors.BadInputError, match="Return a number"):
            run(tmp_path, statistic=lambda results, gold, wrong=wrong: wrong)


def test_failures_are_no_labels(tmp_path):
    engines = [Fake(faults={0, 1, 2}), Fake("silent", faults=set(range(N)))]
    table = run(tmp_path, engines, statistic="prevalence", label="pro")
    assert table["answered"].tolist() == [37, 0] and table.loc[0, "estimate"] == 22 / 37
    assert np.isnan(table.loc[1, ["estimate", "low", "high"]].astype(float)).all()


@pytest.mark.parametrize(("settings", "error", "message"), [
    ({"engines": []}, errors.BadInputError, "engines are an empty list"),
    ({"engines": Fake()}, errors.BadInputError, "Give a list"),
    ({"engines": [Fake(errs=3), Fake(errs=4)]}, errors.BadInputError, "two called 'fake-1'"),
    ({"wordings": (0, 0)}, errors.BadInputError, "wordings have two called '0'"),
    ({"wordings": (0, 99)}, errors.BadInputError, "no wording 99"),
    ({"statistic": "f1"}, errors.UnknownNameError, "no statistic 'f1'"),
    ({"statistic": "prevalence"}, errors.UnknownNameError, "No label is given"),
    ({"statistic": "prevalence", "label": "Pro"}, errors.UnknownNameError, "Did you mean 'pro'"),
    ({"statistic": "kappa", "gold": None}, errors.BadInputError, "gold has no column 'tone'"),
    ({"question": "other"}, errors.BadInputError, "gold has no column 'other'"),
    ({"question": "tones"}, errors.BadInputError, "Did you mean 'tone'"),
    ({"label": "pro"}, errors.BadInputError, "has no meaning here"),
])  # fmt: skip
def test_wrong_input_is_named_before_anything_is_asked(tmp_path, settings, error, message):
    engine = Fake()
    with pytest.raises(error, match=re.escape(message)):
        run(tmp_path, settings.pop("engines") if "engines" in settings else [engine], **settings)
    assert engine.asked == [] and not list(tmp_path.iterdir())


def test_names_tell_engines_apart(tmp_path):
    table = run(tmp_path, {"few errors": Fake(errs=20), "many": Fake(errs=4)})
    assert table["engine"].tolist() == ["few errors", "many"] and table["estimate"].tolist() == [0.95, 0.75]


# ── The figure ───────────────────────────────────────────────────────────────────────────


def table_of(**attrs):
    table = pd.DataFrame({
        "engine": ["a", "a", "b", "b"], "wording": ["0", "1"] * 2, "order": "as in the codebook", "shots": "none",
        "estimate": [0.7, 0.5, 0.9, np.nan], "low": [0.6, 0.4, 0.8, np.nan], "high": [0.8, 0.6, 1.0, np.nan],
    })  # fmt: skip
    table.attrs |= {"statistic": "accuracy of 'tone'", **attrs}
    return table


def test_the_curve_is_sorted_and_the_dots_are_the_choices():
    figure = plots.specification_curve(table_of(reference=0.6, reference_name="hand labels"), "Title")
    above, below = figure.axes
    points = next(one for one in above.lines if one.get_label().startswith("estimate"))
    assert points.get_ydata().tolist() == [0.5, 0.7, 0.9]
    segments = [segment[:, 1].tolist() for segment in above.collections[0].get_segments()]
    assert segments == [[0.4, 0.6], [0.6, 0.8], [0.8, 1.0]]
    names = [text.get_text() for text in below.get_yticklabels()]
    assert names == ["engine: a", "engine: b", "wording: 0", "wording: 1"]
    big = [one for one in below.lines if one.get_markersize() == 6 and one.get_marker() != "None"]
    dots = {(int(x), int(y)) for one in big for x, y in one.get_xydata()}
    assert dots == {(0, 0), (1, 0), (2, 1), (0, 3), (1, 2), (2, 2)}
    assert {one.get_marker() for one in big} == {"o", "s"}  # not by colour alone
    assert "1 without an estimate left out" in below.get_xlabel() and above.get_ylabel() == "accuracy of 'tone'"
    assert any("hand labels, 0.60" in text.get_text() for text in above.get_legend().get_texts())
    figure.canvas.draw()


def test_the_curve_of_one_row_of_many_and_of_odd_names():
    one = table_of().iloc[:1].assign(engine="$x_{1$ & <b>")
    figure = plots.specification_curve(one)
    figure.canvas.draw()  # a dollar sign begins no formula
    assert len(figure.axes[1].get_yticklabels()) == 4
    many = pd.concat([table_of().iloc[:3].assign(wording=str(i)) for i in range(100)])
    assert plots.specification_curve(many).get_size_inches()[0] == 14.0
    with pytest.raises(errors.BadInputError, match="no column 'low'"):
        plots.specification_curve(table_of().drop(columns="low"))
    with pytest.raises(errors.BadInputError, match="None of the 1 specifications"):
        plots.specification_curve(table_of().iloc[3:])


def test_confusion_and_the_reliability_of_lesson_03():
    from workshop_lib.plots import classify

    table = pd.DataFrame([[3, 1], [0, 6]], pd.Index(["$a", "b"], name="gold"), pd.Index(["$a", "b"], name="answer"))
    axes = plots.confusion(table, "Title").axes[0]
    axes.figure.canvas.draw()
    assert [text.get_text() for text in axes.texts] == ["3", "1", "0", "6"] and axes.get_xlabel() == "answer"
    assert plots.reliability is classify.reliability
