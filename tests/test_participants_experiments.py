"""Experiments: effects, what their intervals cover, published ones, from power to script."""

import runpy
import sys

import numpy as np
import pandas as pd
import pytest

from workshop_lib import errors
from workshop_lib.labeling.codebook import Choice, Scale
from workshop_lib.labeling.protocol import Answer
from workshop_lib.participants import published
from workshop_lib.participants.design import Design
from workshop_lib.participants.experiments import Experiment, groups_of
from workshop_lib.participants.observed import observed_effects
from workshop_lib.participants.personas import Persona

OUTCOMES = {
    "support": Choice(["yes", "no"], "Do you support it?"),
    "warm": Scale(1, 5, "How warm?"),
}
TRIAL = Experiment(
    "bus",
    {"none": "", "costs": "It costs a lot.", "saves": "It saves time."},
    OUTCOMES,
    {"support": "yes"},
)
PEOPLE = [
    Persona(f"p{i}", {"age": 20 + i, "side": "left" if i % 2 else "right"}) for i in range(12)
]


class Fake:
    """Probabilities that depend on arm and age only, so that every effect is known."""

    name, model, local = "fake", "fake-1", True

    def settings(self):
        return {}

    def ask(self, request):
        text = request.item.text
        age = int(text.split("I am ")[1].split()[0])
        yes = (
            0.3 + 0.01 * (age - 20) + (0.2 if "saves" in text else -0.1 if "costs" in text else 0.0)
        )
        if request.question == "support":
            return Answer("yes", "ok", {"yes": yes, "no": 1 - yes})
        return Answer("3", "ok", {"1": 0.0, "2": 0.0, "3": 1 - yes, "4": yes, "5": 0.0})


class TestExperiment:
    responses = TRIAL.run(PEOPLE, Fake())

    def test_every_persona_sees_every_arm(self):
        assert len(self.responses) == 12 * 3 * 2
        assert (self.responses.groupby(["persona", "arm"]).size() == 2).all()
        assert self.responses["id"].iloc[0] == "p0|none" and self.responses.attrs["assign"] == "all"

    def test_effects_are_the_planted_ones(self):
        table = TRIAL.effects(self.responses).set_index(["outcome", "arm"])
        for outcome in OUTCOMES:
            assert table.loc[(outcome, "saves"), "estimate"] == pytest.approx(0.2)
            assert table.loc[(outcome, "costs"), "estimate"] == pytest.approx(-0.1)
        assert (table["n"] == 12).all() and (table["control"] == "none").all()

    def test_intervals_say_what_they_cover(self):
        draws, profiles = (TRIAL.effects(self.responses, over) for over in ("draws", "profiles"))
        assert "answers again" in draws["covers"][0] and "another model" in draws["doesnt_cover"][0]
        assert "profiles" in draws["doesnt_cover"][0] and "profiles again" in profiles["covers"][0]
        # All personas have the same effect: other profiles would change nothing, other draws a lot.
        assert (profiles["standard_error"] < 1e-9).all() and (draws["standard_error"] > 0.05).all()

    def test_standard_error_over_draws_is_that_of_drawing(self):
        table = TRIAL.effects(self.responses).set_index(["outcome", "arm"])
        yes = np.array([0.3 + 0.01 * i for i in range(12)])
        chance = np.random.default_rng(0)
        treated, control = (chance.random((20_000, 12)) < yes + shift for shift in (0.2, 0.0))
        spread = (treated.mean(1) - control.mean(1)).std()
        assert table.loc[("support", "saves"), "standard_error"] == pytest.approx(spread, rel=0.03)

    def test_draws_count_as_many_times_as_they_were_made(self):
        def drawn(times):
            chance, rows = np.random.default_rng(1), []
            for arm, chance_of_yes in (("none", 0.4), ("costs", 0.4), ("saves", 0.6)):
                for i in range(200):
                    share = chance.binomial(times, chance_of_yes) / times
                    rows.append(
                        {
                            "persona": f"p{i}",
                            "arm": arm,
                            "question": "support",
                            "status": "ok",
                            "weight": 1.0,
                            "source": "draws",
                            "draws": times,
                            "probabilities": {"yes": share, "no": 1 - share},
                        }
                    )
            return pd.DataFrame(rows)

        single = Experiment("bus", TRIAL.arms, {"support": OUTCOMES["support"]}, {"support": "yes"})
        for times in (1, 5, 20):
            error = single.effects(drawn(times))["standard_error"].to_numpy()
            expected = np.sqrt(2 * 0.24 / (200 * times))
            assert error == pytest.approx(expected, rel=0.08), times

    def test_weights_and_groups(self):
        heavy = [Persona(one.id, one.profile, 100.0 if one.id == "p11" else 1e-9) for one in PEOPLE]
        table = TRIAL.effects(TRIAL.run(heavy, Fake()))
        assert table["estimate"].iloc[1] == pytest.approx(0.2)
        by = groups_of(PEOPLE, "side")
        grouped = TRIAL.effects(self.responses, by=by)
        assert set(grouped["group"]) == {"left", "right"} and (grouped["n"] == 6).all()
        with pytest.raises(errors.BadInputError, match="'p0'"):
            TRIAL.effects(self.responses, by={"p1": "left"})
        with pytest.raises(errors.UnknownNameError, match="'sides'"):
            groups_of(PEOPLE, "sides")

    def test_random_assignment(self):
        shown = TRIAL.assigned(PEOPLE, "random", seed=3)
        assert [one.id for one, _ in shown] == [one.id for one in PEOPLE]
        arms = [arm for _, arm in shown]
        assert {arm: arms.count(arm) for arm in TRIAL.arms} == {"none": 4, "costs": 4, "saves": 4}
        assert arms == [arm for _, arm in TRIAL.assigned(PEOPLE, "random", seed=3)]
        assert arms != [arm for _, arm in TRIAL.assigned(PEOPLE, "random", seed=4)]
        table = TRIAL.effects(TRIAL.run(PEOPLE, Fake(), assign="random", seed=3), "profiles")
        assert (table["n"] == 4).all() and (table["standard_error"] > 0.001).all()
        with pytest.raises(errors.BadInputError, match="2 personas can't fill 3 arms"):
            TRIAL.run(PEOPLE[:2], Fake(), assign="random")
        with pytest.raises(errors.SettingError, match="Did you mean 'random'"):
            TRIAL.run(PEOPLE, Fake(), assign="randomly")

    @pytest.mark.filterwarnings("ignore:.*calls failed")
    def test_failures_are_counted_and_an_empty_arm_is_an_error(self, tmp_path):
        class Refuses(Fake):
            def ask(self, request):
                gone = "saves" in request.item.text and self.gone(request.item.id)
                return Answer(None, "refused", detail="No.") if gone else super().ask(request)

        some = Refuses()
        some.gone = lambda one: one.startswith("p1")  # p1, p10, p11
        table = TRIAL.effects(TRIAL.run(PEOPLE, some, tmp_path)).set_index(["outcome", "arm"])
        assert table.loc[("support", "saves"), ["n", "n_control", "lost"]].tolist() == [9, 12, 3]
        every = Refuses()
        every.gone = lambda one: True
        with pytest.raises(errors.BadInputError, match="arm 'saves' has no answers to 'support'"):
            TRIAL.effects(TRIAL.run(PEOPLE, every))

    def test_bad_experiments(self):
        with pytest.raises(errors.BadInputError, match="an effect compares two"):
            Experiment("x", {"only": "text"}, OUTCOMES, {"support": "yes"})
        with pytest.raises(errors.BadInputError, match="Two arms show the same"):
            Experiment("x", {"a": "text", "b": "text"}, OUTCOMES, {"support": "yes"})
        with pytest.raises(errors.UnknownNameError, match="whose share"):
            Experiment("x", {"a": "", "b": "text"}, OUTCOMES)
        with pytest.raises(errors.UnknownNameError, match="no outcome 'suport'"):
            Experiment("x", {"a": "", "b": "text"}, OUTCOMES, {"suport": "yes"})
        with pytest.raises(errors.BadInputError, match="The outcomes are"):
            Experiment("x", {"a": "", "b": "text"}, {})
        with pytest.raises(errors.SettingError, match="'people'"):
            TRIAL.effects(self.responses, over="people")
        with pytest.raises(errors.BadInputError, match="level is 95"):
            TRIAL.effects(self.responses, level=95)
        with pytest.raises(errors.UnknownNameError, match="'arm'"):
            TRIAL.effects(self.responses.drop(columns="arm"))


class TestObserved:
    def test_as_statsmodels_says(self):
        from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

        people = published.framing()
        row = (
            observed_effects(people, "arm", ["harm"], "benefits, European")
            .set_index("arm")
            .loc["costs, Latino"]
        )
        one, other = (
            people.loc[people["arm"] == arm, "harm"]
            for arm in ("costs, Latino", "benefits, European")
        )
        low, high = CompareMeans(DescrStatsW(one), DescrStatsW(other)).tconfint_diff(
            usevar="unequal"
        )
        assert (row["low"], row["high"]) == pytest.approx((low, high))
        assert row["estimate"] == pytest.approx(one.mean() - other.mean())

    def test_bad_input(self):
        people = pd.DataFrame(
            {"arm": ["a", "a", "b", "b"], "y": [1, 2, 3, 4], "word": list("wxyz")}
        )
        with pytest.raises(errors.BadInputError, match="All people are in the arm 'a'"):
            observed_effects(people[:2], "arm", ["y"], "a")
        with pytest.raises(errors.BadInputError, match="has 1 people"):
            observed_effects(people[:3], "arm", ["y"], "a")
        with pytest.raises(errors.UnknownNameError, match="no arm 'c'"):
            observed_effects(people, "arm", ["y"], "c")
        with pytest.raises(errors.BadInputError, match="Code it as a number"):
            observed_effects(people, "arm", ["word"], "a")
        assert observed_effects(people, "arm", ["y"], "a")["estimate"][0] == 2.0


class TestPublished:
    def test_framing_is_the_file_of_statsmodels(self):
        people = published.framing()
        assert len(people) == 265 and list(people["arm"].cat.categories) == list(
            published.FRAMING.arms
        )
        assert set(published.FRAMING_OUTCOMES) == set(published.FRAMING.outcomes)
        for name, question in published.FRAMING.outcomes.items():
            values = set(people[name].astype(int))
            allowed = {0, 1} if question.kind == "choice" else set(map(int, question.options))
            assert values <= allowed, name

    def test_total_effect_agrees_with_the_published_mediation_analysis(self):
        """Tests of statsmodels hold 0.098 (−0.025 to 0.225), costs and Latino against the rest."""
        people = published.framing()
        treated = people["arm"] == "costs, Latino"
        effect = people.loc[treated, "message"].mean() - people.loc[~treated, "message"].mean()
        assert -0.025 < effect < 0.225 and abs(effect - 0.098) < 0.03

    def test_why_columns_are_left_out(self):
        raw = pd.read_csv(published._framing_file())
        anxious = raw["anx"].map(
            ["not anxious at all", "a little anxious", "somewhat anxious", "very anxious"].index
        )
        assert anxious.corr(raw["immigr"]) < -0.3 and anxious.corr(raw["p_harm"]) < -0.3
        assert raw["emo"].corr(raw["immigr"]) > 0.3
        assert not {"anx", "emo", "english"} & set(published.framing())

    def test_another_file_is_refused(self, monkeypatch):
        monkeypatch.setattr(published, "FRAMING_SHA256", "0" * 64)
        with pytest.raises(errors.DamagedFileError, match="0000"):
            published.framing()
        monkeypatch.setattr(published, "FRAMING_FILE", published.Path("nowhere.csv"))
        with pytest.raises(errors.MissingFileError, match="planted"):
            published.framing()

    def test_table(self):
        table = published.published_effects()
        assert (
            len(table) == 15
            and table["source"].str.len().min() > 20
            and table["checked"].str.startswith("computed").all()
        )
        health = table[table["study"] == "RAND Health Insurance Experiment"]
        assert health["estimate"].is_monotonic_decreasing and (health["estimate"] < 0).all()
        assert health[["standard_error", "low", "high"]].isna().all().all()
        assert table["low"].notna().sum() == 12

    def test_planted(self):
        study = published.planted(
            effects=400, exaggeration=2, people_per_arm=100_000, model_noise=0.0
        )
        assert study["simulated"].all() and set(study["study"]) == {"planted, made up"}
        assert np.polyfit(study["truth"], study["predicted"], 1)[0] == pytest.approx(2)
        assert study["observed"].corr(study["truth"]) > 0.99
        turned = published.planted(effects=400, reversed_share=0.25, model_noise=0.0)
        wrong = (np.sign(turned["predicted"]) != np.sign(turned["truth"])).mean()
        assert 0.18 < wrong < 0.32
        pd.testing.assert_frame_equal(published.planted(seed=3), published.planted(seed=3))
        for settings in (
            {"effects": 1},
            {"people_per_arm": 1},
            {"spread": 0},
            {"reversed_share": 2},
        ):
            with pytest.raises(errors.BadInputError, match="Can't plant"):
                published.planted(**settings)


class TestDesign:
    share = Design("calm", "as written", "polite", "share", base=0.5, effect=0.1)
    mean = Design("warm", "as written", "polite", "mean", base=3, effect=0.4, spread=1.0)

    def test_numbers_against_the_textbook_formulas(self):
        assert (
            self.share.n_per_arm == 388
        )  # 2 (1.96 + 0.8416)² / (2 · (2 asin √0.6 − 2 asin √0.5)²)
        assert self.mean.n_per_arm == 100  # t test, d = 0.4
        for design in (self.share, self.mean):
            assert design.power_at(design.n_per_arm) >= 0.8 > design.power_at(design.n_per_arm - 2)
            assert design.detectable(design.n_per_arm) == pytest.approx(design.effect, rel=0.01)
            assert design.table()["power"].is_monotonic_increasing

    def test_power_by_simulation(self):
        found = 0
        for seed in range(150):
            data = self.mean.simulate(seed=seed)
            row = observed_effects(data, "arm", ["outcome"], "as written").iloc[0]
            found += row["low"] > 0
        assert 0.71 < found / 150 < 0.89

    @pytest.mark.parametrize("design", [share, mean], ids=["share", "mean"])
    def test_the_script_runs_and_says_the_same(self, design, tmp_path, monkeypatch, capsys):
        script, file = tmp_path / "analysis.py", tmp_path / "data.csv"
        script.write_text(design.script(), encoding="utf-8")
        monkeypatch.setattr(sys, "argv", [str(script), str(file)])
        data = design.simulate(seed=1)
        data.to_csv(file, index=False)
        runpy.run_path(str(script))
        said = capsys.readouterr().out
        row = observed_effects(data, "arm", ["outcome"], "as written").iloc[0]
        assert float(said.split("difference: ")[1].split(",")[0]) == pytest.approx(
            row["estimate"], abs=1e-4
        )
        assert float(said.split("interval: ")[1].split(" to")[0]) == pytest.approx(
            row["low"], abs=0.01
        )
        data.assign(arm="polite").to_csv(file, index=False)
        with pytest.raises(SystemExit, match="not those that were planned"):
            runpy.run_path(str(script))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"kind": "odds"}, "no kind 'odds'"),
            ({"effect": 0}, "other than 0"),
            ({"effect": 0.6}, "between 0 and 1"),
            ({"kind": "mean"}, "spread is None"),
            ({"power": 1.0}, "power is 1.0"),
            ({"treatment": "as written"}, "two different names"),
            ({"name": 'a "quoted" name'}, "quotation marks"),
        ],
    )
    def test_bad_designs(self, changes, message):
        settings = {
            "name": "calm",
            "control": "as written",
            "treatment": "polite",
            "kind": "share",
            "base": 0.5,
        }
        with pytest.raises(errors.WorkshopError, match=message):
            Design(**settings | {"effect": 0.1} | changes)

    def test_bad_sizes(self):
        for action in (self.share.power_at, self.share.detectable):
            with pytest.raises(errors.BadInputError, match="n_per_arm is 1"):
                action(1)
        with pytest.raises(errors.BadInputError, match="can't be simulated"):
            self.share.simulate(effect=0.7)
