"""Scores against people, baselines, correlations between items, and directions of error."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop_lib import errors
from workshop_lib.labeling.codebook import Choice, Scale
from workshop_lib.participants import people, scores, subgroups
from workshop_lib.participants.baselines import NAMES, baseline, baselines, compare
from workshop_lib.participants.correlations import item_correlations

VOTE, VIEW = Choice(["yes", "no"]), Scale(1, 4)
ANES = people.anes96()


def responses(rows, question, name="item", **columns):
    """Return distributions as a survey returns them; None where there is none."""
    table = pd.DataFrame(
        {"id": [f"p{i}" for i in range(len(rows))], "question": name, "weight": 1.0, "detail": ""}
    )
    given = [None if row is None else dict(zip(question.options, row, strict=True)) for row in rows]
    table["probabilities"] = pd.Series(given, dtype=object)
    table["status"] = ["ok" if row is not None else "refused" for row in rows]
    return table.assign(**columns)


def answers(labels, name="item"):
    return pd.Series(list(labels), index=[f"p{i}" for i in range(len(labels))], name=name)


class TestDistances:
    @given(st.lists(st.integers(1, 50), min_size=2, max_size=6), st.randoms())
    @settings(max_examples=60, deadline=None)
    def test_as_scipy_says(self, counts, random):
        from scipy.stats import wasserstein_distance

        p = np.array(counts) / sum(counts)
        q = np.array(random.sample(counts, len(counts))) / sum(counts)
        steps = np.arange(len(p))
        assert scores.wasserstein(p, q) == pytest.approx(wasserstein_distance(steps, steps, p, q))
        assert 0 <= scores.total_variation(p, q) <= 1
        assert scores.total_variation(p, p) == scores.wasserstein(q, q) == 0
        assert scores.wasserstein(p, q) >= scores.total_variation(p, q) - 1e-12  # steps are 1 apart

    def test_spread(self):
        assert scores.spread([0.25] * 4) == 0.75 and scores.spread([1.0, 0.0]) == 0
        assert scores.spread([0.5, 0, 0, 0.5], [1, 2, 3, 4]) == pytest.approx(2.25)


class TestDistributionScores:
    def test_by_hand(self):
        made = responses([[0.8, 0.2], [0.8, 0.2], [0.4, 0.6], [0.4, 0.6]], VOTE)
        table = scores.distribution_scores(
            answers(["yes", "no", "no", "no"]), made, VOTE, bootstrap=0
        )
        found = table.loc["all", "value"]
        assert found["total variation"] == pytest.approx(0.35)  # shares of yes: 0.25 and 0.6
        assert found["variance ratio"] == pytest.approx(0.48 / 0.375)
        assert found["between people"] == pytest.approx(2 * 0.04 / 0.375)
        assert found["accuracy"] == 0.75 and found["probability"] == pytest.approx(
            (0.8 + 0.2 + 0.6 + 0.6) / 4
        )
        assert table["low"].isna().all() and "Wasserstein" not in found

    def test_a_scale(self):
        made = responses([[0, 0, 0, 1.0]] * 3, VIEW)
        found = scores.distribution_scores(answers("124"), made, VIEW, bootstrap=0).loc[
            "all", "value"
        ]
        assert found["Wasserstein"] == pytest.approx(5 / 3) and found[
            "mean difference"
        ] == pytest.approx(5 / 3)
        assert found["variance ratio"] == 0 and found["between people"] == 0

    def test_a_perfect_simulation(self):
        made = responses(np.eye(4)[[0, 1, 3, 3]], VIEW)
        found = scores.distribution_scores(answers("1244"), made, VIEW, bootstrap=0).loc[
            "all", "value"
        ]
        assert found["total variation"] == 0 and found["accuracy"] == 1
        assert found["variance ratio"] == found["between people"] == pytest.approx(1)

    def test_groups_and_lost_people(self):
        made = responses([[1.0, 0.0], None, [0.0, 1.0], [0.0, 1.0]], VOTE)
        by = {"p0": "old", "p1": "old", "p2": "young", "p3": "young"}
        table = scores.distribution_scores(
            answers(["yes", "no", "no", "yes"]), made, VOTE, by, bootstrap=20
        )
        assert list(table.index.get_level_values("group").unique()) == ["all", "old", "young"]
        assert table.loc[("all", "accuracy"), ["value", "people", "lost"]].tolist() == [
            pytest.approx(2 / 3),
            3,
            1,
        ]
        assert table.loc[("old", "accuracy"), ["people", "lost"]].tolist() == [1, 1]
        assert table.loc[("young", "accuracy"), "value"] == 0.5
        assert "not another model" in table.attrs["covers"]

    def test_weights(self):
        made, said = responses([[1.0, 0.0]] * 2, VOTE), answers(["yes", "no"])
        table = scores.distribution_scores(
            said, made, VOTE, weights={"p0": 3, "p1": 1}, bootstrap=0
        )
        assert table.loc[("all", "accuracy"), "value"] == 0.75
        for weights, message in (
            ({"p0": 1}, "no weight"),
            ({"p0": -1, "p1": 2}, "go from -1"),
            ({"p0": 0, "p1": 0}, "not all 0"),
        ):
            with pytest.raises(errors.BadInputError, match=message):
                scores.distribution_scores(said, made, VOTE, weights=weights)

    def test_intervals_cover_drawing_people(self):
        chance = np.random.default_rng(0)
        held = 0
        for number in range(60):
            said = np.where(chance.random(80) < 0.6, "yes", "no")
            made = responses([[0.8, 0.2]] * 80, VOTE)
            table = scores.distribution_scores(
                answers(said), made, VOTE, bootstrap=200, seed=number
            )
            low, high = table.loc[("all", "accuracy"), ["low", "high"]]
            held += low <= 0.6 <= high
        assert held >= 50

    def test_bad_input(self):
        made = responses([[0.5, 0.5]], VOTE)
        with pytest.raises(errors.BadInputError, match="None of the 1 simulated"):
            scores.distribution_scores(pd.Series(["yes"], index=["q9"], name="item"), made, VOTE)
        with pytest.raises(errors.BadInputError, match="'maybe'"):
            scores.distribution_scores(answers(["maybe"]), made, VOTE)
        with pytest.raises(errors.BadInputError, match="no group"):
            scores.distribution_scores(answers(["yes"]), made, VOTE, by={})
        with pytest.raises(errors.UnknownNameError, match="wasn't asked"):
            scores.distribution_scores(answers(["yes"], "other"), made, VOTE)
        with pytest.raises(errors.BadInputError, match="'p0' occurs twice"):
            scores.distribution_scores(pd.concat([answers(["yes"])] * 2), made, VOTE)


class TestEffects:
    def test_planted_slope_and_signs(self):
        truth = np.linspace(-0.3, 0.3, 40)
        table = scores.effect_scores(2 * truth, truth, bootstrap=200)
        found = table.loc["all", "value"]
        assert found["correlation"] == pytest.approx(1) and found["sign agreement"] == 1
        assert found["shrinkage slope"] == pytest.approx(0.5)
        assert found["RMSE"] == pytest.approx(np.sqrt((truth**2).mean()))
        assert (table["effects"] == 40).all()
        turned = scores.effect_scores(-truth, truth, bootstrap=0)["value"]
        assert (
            turned[("all", "correlation")] == pytest.approx(-1)
            and turned[("all", "sign agreement")] == 0
        )

    def test_groups(self):
        one, other = np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.2, 0.3])
        table = scores.effect_scores(
            np.r_[one, -other], np.r_[one, other], ["a"] * 3 + ["b"] * 3, bootstrap=0
        )
        assert table.loc[("a", "correlation"), "value"] == pytest.approx(1)
        assert table.loc[("b", "correlation"), "value"] == pytest.approx(-1)

    def test_predictions_that_never_vary(self):
        found = scores.effect_scores([0.0] * 4, [0.1, -0.1, 0.2, 0.0], bootstrap=10)["value"]["all"]
        assert (
            np.isnan(found["correlation"])
            and np.isnan(found["shrinkage slope"])
            and found["sign agreement"] == 0
        )

    def test_bad_input(self):
        with pytest.raises(errors.BadInputError, match="3 predicted effects, 2 observed"):
            scores.effect_scores([1, 2, 3], [1, 2])
        with pytest.raises(errors.BadInputError, match="missing .NaN"):
            scores.effect_scores([1, 2, np.nan], [1, 2, 3])
        with pytest.raises(errors.BadInputError, match="2 effects in 'all'"):
            scores.effect_scores([1, 2], [1, 2])


class TestBaselines:
    said = people.answers(ANES, "vote")
    found = baselines(ANES, said, people.ITEMS["vote"], people.DEMOGRAPHICS)

    def test_each_is_what_it_says(self):
        assert tuple(self.found) == NAMES
        majority, marginals, regression = self.found.values()
        assert set(majority["label"]) == {"Clinton"}
        assert all(max(one.values()) == 1 for one in majority["probabilities"])
        assert len({one["Dole"] for one in marginals["probabilities"]}) <= 5  # one a fold
        assert len({one["Dole"] for one in regression["probabilities"]}) > 300
        assert list(majority["id"]) == list(ANES["id"])

    def test_nobody_is_predicted_from_their_own_answer(self):
        """With a column that tells all apart, a fit that saw a person's answer would know it."""
        coin = pd.Series(
            np.random.default_rng(0).choice(["Clinton", "Dole"], len(ANES)),
            index=ANES["id"],
            name="vote",
        )
        table = ANES.assign(own=ANES["id"])
        made = baseline("logistic regression", table, coin, people.ITEMS["vote"], ["own"])
        accuracy = (made.set_index("id")["label"] == coin).mean()
        assert 0.4 < accuracy < 0.6

    def test_party_helps(self):
        more = baseline(
            "logistic regression", ANES, self.said, people.ITEMS["vote"], people.PROFILE
        )
        table = compare(
            self.said, self.found | {"with party": more}, people.ITEMS["vote"], bootstrap=50
        )
        accuracy = table["value"].xs("accuracy", level="measure").droplevel("group")
        assert (
            accuracy["with party"] > accuracy["logistic regression"] + 0.2 >= accuracy["majority"]
        )
        loss = table["value"].xs("log loss", level="measure").droplevel("group")
        assert loss["with party"] < loss["marginals"] < loss["majority"]
        variation = table["value"].xs("total variation", level="measure").droplevel("group")
        assert variation["marginals"] < 0.01 < variation["majority"]

    def test_missing_values_and_rare_answers(self):
        table = ANES.head(60).assign(
            age=lambda t: t["age"].astype(float), town=["x", "y", None] * 20
        )
        table.loc[3, "age"] = np.nan
        said = self.said.iloc[:60].copy()
        said.iloc[0] = None
        made = baseline(
            "logistic regression", table, said, people.ITEMS["vote"], ["age", "town", "education"]
        )
        assert len(made) == 59 and "r001" not in set(made["id"])
        rare = people.answers(ANES, "ideology").iloc[:40]
        made = baseline(
            "logistic regression", ANES.head(40), rare, people.ITEMS["ideology"], ["age"]
        )
        assert np.allclose([sum(one.values()) for one in made["probabilities"]], 1)

    def test_weights_count(self):
        table = ANES.assign(weight=np.where(ANES["vote"] == "Dole", 10.0, 1.0))
        made = baseline("majority", table, self.said, people.ITEMS["vote"], weights="weight")
        assert set(made["label"]) == {"Dole"}
        with pytest.raises(errors.BadInputError, match="go from -1"):
            baseline(
                "majority",
                table.assign(weight=-1.0),
                self.said,
                people.ITEMS["vote"],
                weights="weight",
            )

    def test_bad_input(self):
        vote = people.ITEMS["vote"]
        with pytest.raises(errors.SettingError, match="Did you mean 'majority'"):
            baseline("majorities", ANES, self.said, vote)
        with pytest.raises(errors.BadInputError, match="no predictors"):
            baseline("logistic regression", ANES, self.said, vote)
        with pytest.raises(errors.UnknownNameError, match="'gender'"):
            baseline("logistic regression", ANES, self.said, vote, ["gender"])
        with pytest.raises(errors.BadInputError, match="3 people with an answer"):
            baseline("majority", ANES.head(3), self.said, vote)
        with pytest.raises(errors.BadInputError, match="nothing to compare"):
            compare(self.said, {}, vote)
        with pytest.raises(errors.BadInputError, match="empty"):
            baseline("majority", ANES.iloc[:0], self.said, vote)


class TestCorrelations:
    items = {"one": VIEW, "two": VIEW, "yes": VOTE}

    def made(self, n=400):
        chance = np.random.default_rng(0)
        level = chance.integers(0, 4, n)
        rows = np.eye(4)[level]
        said = pd.DataFrame(
            {"one": level + 1, "two": 4 - level, "yes": np.where(level > 1, "no", "yes")}
        ).astype(str)
        said.index = [f"p{i}" for i in range(n)]
        return rows, level, said

    def test_a_perfect_simulation_hangs_together_alike(self):
        rows, level, said = self.made()
        made = pd.concat(
            [
                responses(rows, VIEW, "one"),
                responses(rows[:, ::-1], VIEW, "two"),
                responses(np.eye(2)[(level > 1) * 1], VOTE, "yes"),
            ]
        )
        table = item_correlations(said, made, self.items, bootstrap=20)
        assert table["people"].tolist() == pytest.approx(table["simulated"].tolist())
        assert table["people"][0] == pytest.approx(-1) and table.attrs["rmse"] == pytest.approx(0)
        by = {one: "first" if place < 100 else "rest" for place, one in enumerate(said.index)}
        table = item_correlations(said, made, self.items, by, bootstrap=5)
        assert table.groupby("group", sort=False)["n"].first().to_dict() == {
            "all": 400,
            "first": 100,
            "rest": 300,
        }
        with pytest.raises(errors.BadInputError, match="2 people .group: few"):
            item_correlations(said, made, self.items, by | {"p0": "few", "p1": "few"}, bootstrap=5)

    def test_independent_answers_do_not(self):
        _, _, said = self.made()
        flat = [[0.25] * 4] * len(said)
        made = pd.concat([responses(flat, VIEW, name) for name in ("one", "two")])
        table = item_correlations(
            said, made, {name: VIEW for name in ("one", "two")}, bootstrap=100
        )
        row = table.iloc[0]
        assert (
            abs(row["simulated"]) < 0.05
            and row["low"] < row["difference"] < row["high"]
            and row["low"] > 0.8
        )

    def test_bad_input(self):
        rows, _, said = self.made(5)
        made = responses(rows, VIEW, "one")
        with pytest.raises(errors.BadInputError, match="needs a pair"):
            item_correlations(said, made, {"one": VIEW})
        with pytest.raises(errors.BadInputError, match="has 3 labels"):
            item_correlations(said, made, {"one": VIEW, "two": Choice(["a", "b", "c"])})
        with pytest.raises(errors.UnknownNameError, match="wasn't asked"):
            item_correlations(said, made, {"one": VIEW, "two": VIEW})
        with pytest.raises(errors.BadInputError, match="no column 'two'"):
            item_correlations(said[["one"]], made, {"one": VIEW, "two": VIEW})
        two = pd.concat([responses(rows[:2], VIEW, name) for name in ("one", "two")])
        with pytest.raises(errors.BadInputError, match="2 people"):
            item_correlations(said, two, {"one": VIEW, "two": VIEW})


class TestDirections:
    def test_the_constructed_case(self):
        case = subgroups.constructed_case(100, 20)
        assert case["simulated"].all()
        table = subgroups.error_directions(
            case["truth"], case["predicted"], case["group"], bootstrap=200
        )
        assert table["accuracy"].tolist() == [0.8, 0.8] and table["true_share"].tolist() == [
            0.5,
            0.5,
        ]
        assert table["shift"].tolist() == [0.2, -0.2] and table["predicted_share"].tolist() == [
            0.7,
            0.3,
        ]
        assert table.attrs["accuracy_gap"] == 0 and table.attrs["shift_gap"] == pytest.approx(0.4)
        assert table.loc["group A", "shift_low"] > 0 > table.loc["group B", "shift_high"]
        for people_, errors_ in ((3, 1), (100, 0), (100, 51)):
            with pytest.raises(errors.BadInputError, match="won't do"):
                subgroups.constructed_case(people_, errors_)

    @pytest.mark.parametrize("seed", [0, 1])
    def test_the_real_case(self, seed):
        """In 1996, a model that knows ideology alone pulls both parties towards each other."""
        case = subgroups.anes_case(seed)
        table = subgroups.error_directions(
            case["truth"], case["predicted"], case["group"], "Dole", bootstrap=200
        )
        assert table["people"].tolist() == [380, 325]
        assert table.attrs["accuracy_gap"] < 0.04 and (table["accuracy"] > 0.75).all()
        assert (
            table.loc["Democrat", "shift_low"] > 0.05
            and table.loc["Republican", "shift_high"] < -0.02
        )

    def test_shift_is_predicted_minus_true(self):
        chance = np.random.default_rng(1)
        truth, predicted = chance.choice(["a", "b", "c"], 300), chance.choice(["a", "b", "c"], 300)
        weights = chance.random(300)
        table = subgroups.error_directions(
            truth, predicted, chance.choice(["x", "y"], 300), "b", weights, bootstrap=0
        )
        assert table["shift"].to_numpy() == pytest.approx(
            (table["predicted_share"] - table["true_share"]).to_numpy()
        )
        assert table["shift_low"].isna().all()

    def test_order_of_ordered_groups(self):
        case = ANES.head(50)
        table = subgroups.error_directions(
            case["vote"], case["vote"], case["age_group"], bootstrap=0
        )
        assert (
            list(table.index) == list(case["age_group"].cat.categories)
            and (table["accuracy"] == 1).all()
        )

    def test_bad_input(self):
        ask = subgroups.error_directions
        with pytest.raises(errors.BadInputError, match=r"\[2, 1, 2\]"):
            ask(["a", "b"], ["a"], ["x", "x"])
        with pytest.raises(errors.BadInputError, match="at least one"):
            ask([], [], [])
        with pytest.raises(errors.BadInputError, match="1 people have no prediction"):
            ask(["a", "b"], ["a", None], ["x", "x"])
        with pytest.raises(errors.UnknownNameError, match="'c'"):
            ask(["a", "b"], ["a", "b"], ["x", "x"], positive="c")
        with pytest.raises(errors.BadInputError, match="negative"):
            ask(["a", "b"], ["a", "b"], ["x", "x"], weights=[1, -1])
        with pytest.raises(errors.BadInputError, match="group 'y' sum to 0"):
            ask(["a", "b"], ["a", "b"], ["x", "y"], weights=[1, 0])
