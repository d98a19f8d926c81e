"""Estimates corrected with hand labels: against sums by hand, against scikit-learn, and in simulation."""

import numpy as np
import pandas as pd
import pytest

from workshop_lib.errors import BadInputError, SettingError, UnknownNameError, WorkshopError
from workshop_lib.labeling import estimators, simulation
from workshop_lib.labeling.correction import correct, power
from workshop_lib.labeling.sampling import sample_for_gold
from workshop_lib.labeling.simulation import coverage

CORRECTED = ["PPI", "PPI++", "DSL"]


def corpus(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Items with a true theme, a machine's theme, a party, an age and a number of shares."""
    chance = np.random.default_rng(seed)
    party = chance.choice(["left", "right"], n)
    truth = np.where(chance.random(n) < np.where(party == "left", 0.5, 0.3), "work", "home")
    wrong = chance.random(n) < np.where(truth == "work", 0.25, 0.1)
    machine = np.where(wrong, np.where(truth == "work", "home", "work"), truth)
    age = chance.integers(18, 80, n)
    shares = 3 + 2.0 * (truth == "work") + 0.05 * age + chance.standard_normal(n)
    table = pd.DataFrame({"id": [f"p{i}" for i in range(n)], "truth": truth, "theme": machine, "party": party})
    return table.assign(age=age, shares=shares)


def coded(items: pd.DataFrame, n: int, **how) -> pd.DataFrame:
    """Draw items and fill in the true label, as a coder would."""
    drawn = sample_for_gold(items, n, **how)
    return drawn.assign(theme=drawn["truth"])[["id", "theme", "inclusion"]]


# Drawing


def test_random_sample():
    drawn = sample_for_gold(corpus(), 100, seed=3)
    assert drawn["id"].is_unique and len(drawn) == 100
    assert (drawn["inclusion"] == 0.25).all()
    assert drawn["id"].tolist() == sample_for_gold(corpus(), 100, seed=3)["id"].tolist()
    assert drawn["id"].tolist() != sample_for_gold(corpus(), 100, seed=4)["id"].tolist()


def test_strata_have_exact_probabilities():
    items = corpus()
    drawn = sample_for_gold(items, 100, by=["party", "theme"])
    sizes, counts = items.groupby(["party", "theme"]).size(), drawn.groupby(["party", "theme"]).size()
    assert counts.sum() == 100
    assert (abs(counts - sizes / 4) < 1).all()  # proportional
    expected = (counts / sizes).reindex(pd.MultiIndex.from_frame(drawn[["party", "theme"]]))
    assert drawn["inclusion"].to_numpy() == pytest.approx(expected.to_numpy())
    assert (1 / drawn["inclusion"]).sum() == pytest.approx(len(items))


def test_weights_of_strata_are_rates_and_stop_at_all():
    items = corpus()
    drawn = sample_for_gold(items, 100, by="theme", weights={"work": 3, "home": 1})
    rates = drawn.groupby("theme")["inclusion"].first()
    assert rates["work"] / rates["home"] == pytest.approx(3, rel=0.05)
    rare = items.assign(rare=["rare"] * 3 + ["usual"] * 397)
    drawn = sample_for_gold(rare, 50, by="rare", weights={"rare": 1000, "usual": 1})
    rates = drawn.groupby("rare")["inclusion"].first()
    assert rates.to_dict() == {"rare": 1.0, "usual": 47 / 397}


def test_unequal_probabilities_are_those_stated():
    items = pd.DataFrame({"id": range(5), "reach": [1, 1, 2, 4, 40]})
    drawn = pd.concat(sample_for_gold(items, 3, weights="reach", seed=seed) for seed in range(500))
    stated = drawn.groupby("id")["inclusion"].first()
    assert stated.to_dict() == pytest.approx({0: 0.25, 1: 0.25, 2: 0.5, 3: 1.0, 4: 1.0})
    assert (drawn.groupby("id").size() / 500).to_numpy() == pytest.approx(stated.to_numpy(), abs=0.07)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"n": 401}, "401 of 400"),
        ({"n": 0}, "whole number from 1"),
        ({"n": 2.5}, "2.5"),
        ({"n": 1, "by": "party"}, "can't cover 2 strata"),
        ({"n": 9, "by": "part"}, "Did you mean 'party'"),
        ({"n": 9, "by": "party", "weights": {"left": 2}}, "name each stratum"),
        ({"n": 9, "by": "party", "weights": {"left": 2, "right": 0}}, "above 0"),
        ({"n": 9, "weights": "party"}, "holds 'right'"),
        ({"n": 9, "weights": {"left": 2}}, "name them in 'by'"),
    ],
)
def test_bad_draws(how, says):
    with pytest.raises(WorkshopError, match=says):
        sample_for_gold(corpus(), **how)


def test_bad_items():
    items = corpus(10)
    with pytest.raises(BadInputError, match="'p0' is missing or occurs twice"):
        sample_for_gold(pd.concat([items, items]), 5)
    with pytest.raises(BadInputError, match="'inclusion' already"):
        sample_for_gold(sample_for_gold(items, 5), 2)
    with pytest.raises(BadInputError, match="missing values"):
        sample_for_gold(items.assign(party=None), 5, by="party")


# Estimates by hand


def test_ppi_by_hand():
    """Eight items, four hand labels: 6/8 − 1/4 = 1/2."""
    says = pd.DataFrame({"id": list("abcdefgh"), "theme": ["work"] * 6 + ["home"] * 2})
    gold = pd.DataFrame({"id": list("aceg"), "theme": ["work", "work", "home", "home"]})
    table = correct(says, gold, "theme", "work", method="ppi").table
    assert table.index.tolist() == ["naive", "hand only", "PPI", "PPI++"]
    assert table["estimate"].tolist()[:3] == pytest.approx([0.75, 0.5, 0.5])
    assert table["hand labels"].tolist() == [0, 4, 4, 4]
    assert table.loc["naive", "standard error"] == pytest.approx(np.sqrt(0.75 * 0.25 / 7))  # s² / N
    assert table.loc["hand only", "standard error"] == pytest.approx(np.sqrt(1 / 3 / 4))  # s² / n
    # Items with no hand label: f − 3/4. With one: f − 3/4 + 8/4 · (4/3) · (y − f + 1/4).
    without = np.array([0.25, 0.25, 0.25, -0.75])
    with_label = np.array([0.25, 0.25, 0.25, -0.75]) + 8 / 3 * np.array([0.25, 0.25, -0.75, 0.25])
    by_hand = np.sqrt(((without**2).sum() + (with_label**2).sum()) / 64 * 3 / 4)
    assert table.loc["PPI", "standard error"] == pytest.approx(by_hand)
    assert table.loc["PPI", "high"] == pytest.approx(0.5 + 1.959964 * by_hand)


def test_power_tuning_as_in_the_paper():
    """Mean by PPI++ with its own formulas: hand-labelled items, and the others, as two samples."""
    items = corpus(2000)
    gold = coded(items, 500, seed=1)
    row = correct(items, gold, "theme", "work").table.loc["PPI++"]
    inside = items["id"].isin(gold["id"])
    y = (items["truth"][inside] == "work").to_numpy(float)
    f, rest = ((items["theme"][which] == "work").to_numpy(float) for which in (inside, ~inside))
    n, others = len(y), len(rest)
    tuned = np.cov(y, f)[0, 1] / np.concatenate([f, rest]).var() / (1 + n / others)
    assert row["lambda"] * (1 - n / 2000) == pytest.approx(tuned, rel=0.02)
    used = row["lambda"] * (1 - n / 2000)
    assert row["estimate"] == pytest.approx(y.mean() + used * (rest.mean() - f.mean()))
    error = np.sqrt(used**2 * rest.var() / others + (y - used * f).var() / n)
    assert row["standard error"] == pytest.approx(error, rel=0.01)


def test_dsl_is_the_mean_of_the_pseudo_outcome():
    items = corpus()
    gold = coded(items, 100, by="theme", weights={"work": 3, "home": 1})
    drawn = items.merge(gold[["id", "inclusion"]], how="left", on="id")
    weights = (1 / drawn["inclusion"]).fillna(0).to_numpy()
    f, y = ((items[column] == "work").to_numpy(float) for column in ("theme", "truth"))
    fold = estimators.deal_folds(weights > 0, np.random.default_rng(0))
    expected = estimators.expected_labels(f, np.where(weights > 0, y, f), np.zeros((400, 0)), weights, fold)
    pseudo = expected + weights * (y - expected)
    row = correct(items, gold, "theme", "work").table.loc["DSL"]
    assert row["estimate"] == pytest.approx(pseudo.mean())
    assert row["standard error"] == pytest.approx(pseudo.std() / np.sqrt(400), rel=0.03)


def test_cross_fitting_never_sees_the_label_it_predicts():
    chance = np.random.default_rng(0)
    f, y, weights = chance.random(50), chance.random(50), np.ones(50)
    fold = estimators.deal_folds(weights > 0, chance)
    assert np.bincount(fold).tolist() == [10] * 5
    before = estimators.expected_labels(f, y, np.zeros((50, 0)), weights, fold)
    changed = np.where(fold == 2, y[::-1], y)
    after = estimators.expected_labels(f, changed, np.zeros((50, 0)), weights, fold)
    assert after[fold == 2] == pytest.approx(before[fold == 2], abs=1e-12)
    assert abs(after - before)[fold != 2].max() > 0


def test_perfect_and_useless_machine():
    items = corpus(1000)
    gold = coded(items, 200)
    perfect = correct(items.assign(theme=items["truth"]), gold, "theme", "work").table
    share = (items["truth"] == "work").mean()
    assert perfect.loc[CORRECTED, "estimate"].to_numpy() == pytest.approx([share] * 3, abs=1e-4)
    assert perfect.loc["DSL", "worth"] == pytest.approx(1000, rel=0.1)  # as if all had been labelled by hand
    random = items.assign(theme=np.random.default_rng(5).choice(["work", "home"], 1000))
    useless = correct(random, gold, "theme", "work").table
    assert useless.loc["PPI++", "lambda"] < 0.2
    assert useless.loc["PPI++", "standard error"] < 1.02 * useless.loc["hand only", "standard error"]
    assert useless.loc["PPI", "standard error"] > 1.2 * useless.loc["hand only", "standard error"]
    constant = correct(items.assign(theme="home"), gold, "theme", "work").table
    assert constant.loc["PPI++", "estimate"] == pytest.approx(constant.loc["hand only", "estimate"])


def test_known_probabilities_are_used():
    """Hand labels mostly from what the machine calls work: only weighted estimates are right on average."""
    items = corpus(600)
    share = (items["truth"] == "work").mean()
    with_weights, without = [], []
    for seed in range(40):
        gold = coded(items, 100, by="theme", weights={"work": 8, "home": 1}, seed=seed)
        with_weights.append(correct(items, gold, "theme", "work").table["estimate"])
        without.append(correct(items, gold[["id", "theme"]], "theme", "work").table["estimate"])
    right, wrong = pd.DataFrame(with_weights).mean(), pd.DataFrame(without).mean()
    assert right[["hand only", *CORRECTED]].to_numpy() == pytest.approx([share] * 4, abs=0.015)
    assert wrong["hand only"] > share + 0.1


# Differences and regressions


def test_difference_of_groups():
    items = corpus(1000)
    gold = coded(items, 300)
    result = correct(items, gold, "theme", "work", "difference", group="party")
    y = items.set_index("id").loc[gold["id"]]
    by_party = (y["truth"] == "work").groupby(y["party"]).mean()
    assert result.table.loc["hand only", "estimate"] == pytest.approx(by_party["left"] - by_party["right"])
    turned = correct(items, gold, "theme", "work", "difference", group="party", compare=("right", "left")).table
    kept = ["naive", "hand only", "PPI", "PPI++"]
    assert turned.loc[kept, "estimate"].to_numpy() == pytest.approx(-result.table.loc[kept, "estimate"].to_numpy())
    assert "left − right" in str(result)
    third = items.assign(party=["centre"] * 50 + items["party"].tolist()[50:])
    with pytest.raises(BadInputError, match="3 groups.*compare"):
        correct(third, gold, "theme", "work", "difference", group="party")
    with pytest.raises(UnknownNameError, match="Did you mean 'left'"):
        correct(third, gold, "theme", "work", "difference", group="party", compare=("lefty", "right"))
    one_sided = gold[gold["id"].isin(items["id"][items["party"] == "left"])].drop(columns="inclusion")
    with pytest.raises(BadInputError, match="Label at least 2 of each"):
        correct(items, one_sided, "theme", "work", "difference", group="party")
    two = correct(third, gold, "theme", "work", "difference", group="party", compare=("left", "right"))
    assert two.items == 950 and two.hand_labels < 300


def test_everything_labelled_by_hand_is_ordinary_regression():
    from sklearn.linear_model import LogisticRegression

    items = corpus()
    gold = items.assign(theme=items["truth"])[["id", "theme"]]
    y = (items["truth"] == "work").to_numpy(float)
    party = (items["party"] == "right").to_numpy(float)
    terms = np.column_stack([np.ones(400), party, items["age"]])

    table = correct(items, gold, "theme", "work", "regression", covariates=["party", "age"]).table
    result = table["estimate"].unstack()
    expected = np.linalg.lstsq(terms, y, rcond=None)[0]
    for estimator in ["hand only", *CORRECTED]:
        found = result[estimator][["constant", "party: right", "age"]].to_numpy()
        assert found == pytest.approx(expected), estimator

    logistic = correct(items, gold, "theme", "work", "regression", covariates=["party", "age"], model="logistic").table
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(terms[:, 1:] / [1, 50], y)
    expected = [peer.intercept_[0], *(peer.coef_[0] / [1, 50])]
    found = logistic["estimate"].unstack()["DSL"][["constant", "party: right", "age"]].to_numpy()
    assert found == pytest.approx(expected, rel=1e-3)

    table = correct(items, gold, "theme", "work", "regression", outcome="shares", covariates=["theme", "age"]).table
    terms = np.column_stack([np.ones(400), y, items["age"]])
    expected = np.linalg.lstsq(terms, items["shares"], rcond=None)[0]
    assert table["estimate"].unstack()["PPI"][["constant", "theme", "age"]].to_numpy() == pytest.approx(expected)
    # HC3 by hand
    bread = np.linalg.inv(terms.T @ terms)
    pull = (items["shares"] - terms @ expected) / (1 - ((terms @ bread) * terms).sum(1))
    errors = np.sqrt(np.diag(bread @ (terms.T * pull.to_numpy() ** 2) @ terms @ bread) * 399 / 400)
    found = table["standard error"].unstack()["hand only"][["constant", "theme", "age"]].to_numpy()
    assert found == pytest.approx(errors)


def test_label_as_covariate_is_mended():
    """The machine's errors shrink the coefficient of the label, 2 in truth; hand labels mend it."""
    items = corpus(3000, seed=2)
    table = correct(
        items, coded(items, 500), "theme", "work", "regression", outcome="shares", covariates=["theme", "age"]
    ).table.loc["theme"]
    assert table.loc["naive", "high"] < 1.7
    for estimator in CORRECTED:
        assert table.loc[estimator, "low"] < 2 < table.loc[estimator, "high"]
    assert (table.loc[["PPI++", "DSL"], "standard error"] < 0.95 * table.loc["hand only", "standard error"]).all()


def test_separation_is_said_and_spoils_nothing_else():
    items = corpus(200).assign(sign=lambda table: (table["truth"] == "work").astype(int))
    result = correct(items, coded(items, 60), "theme", "work", "regression", covariates="sign", model="logistic")
    assert result.table.loc[("sign", "hand only"), ["estimate", "standard error"]].isna().all()
    assert np.isfinite(result.table.loc[("sign", "naive"), "standard error"])
    assert any("No solution" in note and "hand only" in note for note in result.notes)
    twice = items.assign(years=items["age"] * 2)
    result = correct(twice, coded(items, 60), "theme", "work", "regression", covariates=["age", "years"])
    assert result.table["standard error"].isna().all() and "Take fewer covariates" in result.notes[-1]


# What may stand for labels


def results_of(items: pd.DataFrame) -> pd.DataFrame:
    """A table as label() returns it, with two questions."""
    rows = pd.DataFrame({"id": items["id"], "question": "theme", "repeat": 0, "label": items["theme"], "status": "ok"})
    work = rows["label"].map({"work": 0.8, "home": 0.1})
    rows["probabilities"] = [{"work": p, "home": 1 - p} for p in work]
    return pd.concat([rows, rows.assign(question="tone", label="sad")], ignore_index=True)


def test_results_of_a_run():
    items = corpus()
    gold = coded(items, 100)
    plain = correct(items, gold, "theme", "work").table
    pd.testing.assert_frame_equal(correct(results_of(items), gold, "theme", "work").table, plain)
    # Probabilities are here a linear function of the label: PPI++ and DSL use them alike.
    stated = correct(results_of(items), gold, "theme", "work", probabilities=True).table
    pd.testing.assert_series_equal(stated.loc["DSL"], plain.loc["DSL"], rtol=1e-4)
    said = (items["theme"] == "work").mean()
    assert stated.loc["naive", "estimate"] == pytest.approx(0.1 + 0.7 * said)
    column = items.assign(theme=np.where(items["theme"] == "work", 0.8, 0.1))
    pd.testing.assert_frame_equal(correct(column, gold, "theme", "work").table, stated)
    with_items = correct(results_of(items), gold, "theme", "work", "difference", group="party", items=items).table
    assert with_items.loc["DSL", "estimate"] == pytest.approx(
        correct(items, gold, "theme", "work", "difference", group="party").table.loc["DSL", "estimate"]
    )
    with pytest.raises(UnknownNameError, match="no column 'party'.*items=…"):
        correct(results_of(items), gold, "theme", "work", "difference", group="party")


def test_repeats_are_votes_and_failures_are_no_labels():
    says = pd.DataFrame({"id": ["a", "a", "b", "c", "d", "e"], "question": "q", "repeat": [0, 1, 0, 0, 0, 0]})
    says["label"] = ["yes", "no", "yes", "no", None, "no"]
    gold = pd.DataFrame({"id": list("abcd"), "q": ["yes", "yes", "no", "no"]})
    result = correct(says, gold, "q", "yes")
    assert result.table.loc["naive", "estimate"] == pytest.approx(1.5 / 4)
    assert result.items == 5
    assert any("1 of 5 items have no machine label" in note for note in result.notes)


def test_tags_and_scales():
    says = pd.DataFrame({"id": list("abcdef"), "q": ["work|home", "work", "", "homework", "home", "work"]})
    gold = pd.DataFrame({"id": list("abcd"), "q": ["home", "work|home", "", ""]})
    table = correct(says, gold, "q", "home").table
    assert table["estimate"][["naive", "hand only"]].tolist() == pytest.approx([2 / 6, 0.5])
    scale = pd.DataFrame({"id": list("abcdef"), "q": ["1", "2", "3", "4", "4", "4"]})
    gold = pd.DataFrame({"id": list("abcd"), "q": ["2", "2", "3", "5"]})
    table = correct(scale, gold, "q").table
    assert table["estimate"][["naive", "hand only", "PPI"]].tolist() == pytest.approx([3, 3, 3.5])


def test_notes_and_display():
    items = corpus()
    gold = coded(items, 40).drop(columns="inclusion")
    gold.loc[0, "theme"] = None
    result = correct(items, gold, "theme", "work", level=0.9)
    text = " ".join(result.notes)
    assert "no column 'inclusion'" in text and "1 of 40 gold items" in text and "Only 39 hand labels" in text
    assert "unequal chances" not in text
    strata = coded(items, 40, by="theme", weights={"work": 3, "home": 1})
    assert "unequal chances" in correct(items, strata, "theme", "work").notes[0]
    assert "90% intervals" in str(result) and "<table" in result._repr_html_() and "39" in result._repr_html_()


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"estimand": "mean"}, SettingError, "no estimand 'mean'"),
        ({"method": "ppl"}, SettingError, "no method 'ppl'"),
        ({"model": "probit"}, SettingError, "no model 'probit'"),
        ({"level": 95}, SettingError, "such as 0.95"),
        ({"question": "thema"}, UnknownNameError, "Did you mean 'theme'"),
        ({"label": "wrok"}, UnknownNameError, "Did you mean 'work'"),
        ({"label": None}, BadInputError, "isn't a number"),
        ({"estimand": "difference"}, BadInputError, "group="),
        ({"estimand": "regression"}, BadInputError, "needs covariates"),
        ({"estimand": "regression", "outcome": "shares", "covariates": "age"}, BadInputError, "label of 'theme' once"),
        ({"estimand": "regression", "covariates": "height"}, UnknownNameError, "no column 'height'"),
        (
            {"estimand": "regression", "outcome": "shares", "covariates": "theme", "model": "logistic"},
            BadInputError, "to be 0 or 1",
        ),
        ({"items": corpus(50)}, BadInputError, "350 of 400 items with predictions lack a row"),
    ],
)  # fmt: skip
def test_bad_questions(change, error, says):
    items = corpus()
    question, label = change.get("question", "theme"), change.get("label", "work")
    rest = {name: value for name, value in change.items() if name not in ("question", "label")}
    with pytest.raises(error, match=says):
        correct(items, coded(items, 100), question, label, **rest)


def test_bad_gold():
    items = corpus()
    gold = coded(items, 100)
    for wrong, says in [
        (gold.assign(id=["x"] * 100), "occurs twice"),
        (gold.assign(id=[f"x{i}" for i in range(100)]), "100 of 100 items with gold labels lack a prediction"),
        (gold.assign(inclusion=0), "above 0 and at most 1"),
        (gold.assign(inclusion=1.2), "above 0 and at most 1"),
        (gold.assign(inclusion=0.001), "stand for 100,000 items"),
        (gold.assign(theme="work"), "All 100 hand labels say the same"),
        (gold.assign(theme=None), "There are 0 hand labels"),
        (gold.head(0), "is empty"),
    ]:
        with pytest.raises(BadInputError, match=says):
            correct(items, wrong, "theme", "work")
    with pytest.raises(BadInputError, match="aren't probabilities"):
        correct(items.assign(theme=3.0), gold, "theme", "work")
    with pytest.raises(BadInputError, match="missing for 1 items"):
        ages = items["age"].astype(float).where(items["id"] != "p3")
        correct(items.assign(age=ages), gold, "theme", "work", "regression", covariates="age")


# How many hand labels


def test_power_by_hand():
    table = power((0.5, 1.0, 1.0), 10_000, [0.05, 0.01])
    assert table["hand only"].tolist() == [385, 9604]
    assert table["PPI++"].tolist()[0] == 2  # a perfect machine needs no more than a token
    worse = power((0.5, 0.5, 0.5), 10_000, 0.05).iloc[0]  # a coin
    assert worse["PPI++"] == worse["hand only"] == 385 and worse["saved"] == 0
    assert power((0.5, 0.9, 0.9), 100, 0.05)[["hand only", "PPI++"]].isna().all(axis=None)


def test_power_holds_in_simulation():
    world = {"prevalence": 0.3, "sensitivity": 0.9, "specificity": 0.9 + 0.05}
    needed = int(power((0.3, 0.9, 0.9), 1000, 0.05)["PPI++"].iloc[0])
    # In the simulation the machine is on average 0.05 less specific than stated: 0.9 for both groups together.
    table = coverage("prevalence", draws=200, n_items=1000, n_hand=needed, **world)
    assert 1.96 * table.loc["PPI++", "spread"] == pytest.approx(0.05, rel=0.15)
    assert needed < 0.75 * power((0.3, 0.9, 0.9), 1000, 0.05)["hand only"].iloc[0]


def test_power_from_a_pilot():
    items = corpus(4000, seed=1)
    pilot = correct(items, coded(items, 200), "theme", "work")
    planned = power(pilot, 4000, 0.03).iloc[0]
    done = correct(items, coded(items, int(planned["PPI++"]), seed=9), "theme", "work").table
    assert 1.96 * done.loc["PPI++", "standard error"] == pytest.approx(0.03, rel=0.15)
    regression = correct(items, coded(items, 200), "theme", "work", "regression", covariates="age", method="ppi")
    assert power(regression, 4000, [0.01, 0.002])["term"].tolist() == ["constant"] * 2 + ["age"] * 2


def test_bad_power():
    for wrong in [((0.5, 1.2, 1), 100, 0.1), ((0.5, 0.9), 100, 0.1), ((0, 0.9, 0.9), 100, 0.1)]:
        with pytest.raises(BadInputError, match="prevalence, sensitivity, specificity"):
            power(*wrong)
    with pytest.raises(BadInputError, match="must be above 0"):
        power((0.5, 0.9, 0.9), 100, 0)
    items = corpus()
    with pytest.raises(BadInputError, match="no PPI\\+\\+ row"):
        power(correct(items, coded(items, 100), "theme", "work", method="dsl"), 1000, 0.05)


# Coverage. 300 draws: the standard error of a coverage of 0.95 is 0.0126.


def holds(table: pd.DataFrame) -> pd.Series:
    """Whether each corrected estimator covers as it should, within chance."""
    return table.loc[CORRECTED, "coverage"].between(0.91, 0.985)


def simulated(estimand: str, **how) -> pd.DataFrame:
    return coverage(estimand, draws=300, n_items=600, n_hand=150, **how)


@pytest.mark.parametrize("estimand", ["prevalence", "difference", "regression", "covariate"])
def test_naive_misses_and_corrected_covers(estimand):
    table = simulated(estimand)
    assert table.loc["naive", "coverage"] < 0.75
    assert holds(table).all(), table
    ratio = table["standard error"] / table["spread"]
    assert ratio[CORRECTED].between(0.85, 1.15).all(), table
    assert (table.loc[["PPI++", "DSL"], "spread"] < 0.97 * table.loc["hand only", "spread"]).all(), table


def test_balanced_design_covers():
    assert holds(simulated("prevalence", design="balanced")).all()


def test_a_broken_formula_fails_the_tolerance(monkeypatch):
    right, parts = estimators.estimate, estimators.influence

    def scaled(factor):
        def wrong(*arguments):
            value, error, share = right(*arguments)
            return value, error * factor, share

        return wrong

    for factor in (0.75, 1.4):
        monkeypatch.setattr(simulation, "estimate", scaled(factor))
        assert not holds(simulated("prevalence")).any()
    monkeypatch.setattr(simulation, "estimate", right)
    # The error of the machine counted as if it were known exactly

    def trusting(data, *rest):
        return parts(data._replace(outcome=data.machine_outcome), *rest)

    monkeypatch.setattr(estimators, "influence", trusting)
    assert not holds(simulated("prevalence")).any()


def test_bad_simulations():
    with pytest.raises(SettingError, match="no estimand 'median'"):
        coverage("median")
    with pytest.raises(SettingError, match="no 'recall'"):
        coverage(recall=0.9)
    with pytest.raises(BadInputError, match="The prevalence must be from 0.1"):
        coverage(prevalence=0.02)
