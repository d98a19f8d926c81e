"""Real people, and personas made of them: what the tables say, and what bad profiles are told."""

import numpy as np
import pandas as pd
import pytest

from workshop_lib import errors
from workshop_lib.participants import people, personas, polls
from workshop_lib.participants.personas import Persona

ANES = people.anes96()


class TestPeople:
    def test_labels_are_those_of_statsmodels(self):
        from statsmodels.datasets import anes96

        raw = anes96.load_pandas().data
        assert len(ANES) == people.ROWS and ANES["id"].is_unique
        for name, variable in people.CODEBOOK.items():
            if variable.values:
                assert (ANES[name].cat.codes + variable.first == raw[variable.statsmodels]).all()
                assert list(ANES[name].cat.categories) == list(variable.values)
            else:
                assert (ANES[name] == raw[variable.statsmodels]).all()
        note = anes96.NOTE
        for number, label in (
            (2, "$3,000-$4,999"),
            (20, "$50,000-$59,999"),
            (23, "$90,000-$104,999"),
        ):
            assert f"{number}" in note and label in note
            assert people.income_labels()[number - 1] == label.replace("-", " to ")

    def test_groups(self):
        assert set(ANES.loc[ANES["party_group"] == "independent", "party"]) == set(
            people.PARTY[2:5]
        )
        assert set(ANES.loc[ANES["ideology_group"] == "liberal", "ideology"]) == set(
            people.IDEOLOGY[:3]
        )
        assert ANES.loc[ANES["age_group"] == "35–49", "age"].agg(["min", "max"]).tolist() == [
            35,
            49,
        ]
        assert set(ANES.loc[ANES["education_group"] == "up to high school", "education"]) == set(
            people.EDUCATION[:3]
        )
        assert not ANES.isna().any().any()

    def test_answers_are_labels_of_the_questions(self):
        for name, question in people.ITEMS.items():
            said = people.answers(ANES, name)
            assert said.name == name and set(said) <= set(question.options)
            assert list(said.index) == list(ANES["id"])
        codes = people.answers(ANES, "ideology").astype(int)
        assert (codes.to_numpy() == ANES["ideology"].cat.codes + 1).all()

    def test_it_says_what_it_is_not(self):
        assert ANES.attrs["weights"] == "none" and "weight" not in ANES
        assert "no survey weights" in ANES.attrs["limits"][0]
        assert set(people.codebook().index) == set(people.CODEBOOK) | set(people.DERIVED)

    def test_bad_input(self):
        with pytest.raises(errors.UnknownNameError, match="Did you mean 'vote'"):
            people.answers(ANES, "votes")
        with pytest.raises(errors.UnknownNameError, match="no column 'vote'"):
            people.answers(ANES.drop(columns="vote"), "vote")
        with pytest.raises(errors.BadInputError, match="no rows"):
            people.answers(ANES.iloc[:0], "vote")

    def test_another_file_is_refused(self, monkeypatch):
        from statsmodels.datasets import anes96

        table = anes96.load_pandas()
        table.data = table.data.iloc[:900]
        monkeypatch.setattr(anes96, "load_pandas", lambda: table)
        with pytest.raises(errors.MissingFileError, match="900 rows"):
            people.anes96()


class TestPersonas:
    made = personas.from_profiles(ANES.head(5), people.PROFILE)

    def test_three_styles_tell_the_same(self):
        one = self.made[0]
        for style in personas.STYLES:
            for word in ("36", "high school graduate", "less than $3,000", "strong Republican"):
                assert word in one.text(style), style
        assert one.text().startswith("I am 36") and " I " not in one.text("third person")
        assert one.text("list").splitlines()[0] == "age: 36"

    def test_articles_and_counts(self):
        assert Persona("x", {"party": "independent"}).text() == "Politically, I am an independent."
        assert Persona("x", {"tv_news": 1}).text() == "I watch the news on TV: once a week."

    def test_a_column_without_a_sentence_is_said_by_its_name(self):
        one = Persona("x", {"favourite_team": "the Bears"})
        assert one.text() == "My favourite team: the Bears."
        assert one.text("third person") == "The person's favourite team: the Bears."

    def test_missing_values_are_left_out_and_named(self):
        frame = ANES.head(2).astype({"age": float, "party": object})
        frame.loc[0, "age"], frame.loc[0, "party"] = np.nan, None
        one, other = personas.from_profiles(frame, ["age", "party", "ideology"])
        assert one.missing == ("age", "party") and other.missing == ()
        assert "nan" not in one.text() and "None" not in one.text()
        with pytest.raises(errors.BadInputError, match="r001.* says nothing .missing: age, party"):
            personas.from_profiles(frame, ["age", "party"])

    @pytest.mark.parametrize("weight", [-1, float("nan"), float("inf")])
    def test_a_weight_that_cannot_be(self, weight):
        with pytest.raises(errors.BadInputError, match="weight of 'r001'"):
            personas.from_profiles(ANES.head(1).assign(weight=weight), ["age"], weight="weight")

    def test_bad_tables(self):
        with pytest.raises(errors.BadInputError, match="sum to 0"):
            personas.from_profiles(ANES.head(2).assign(weight=0), ["age"], weight="weight")
        with pytest.raises(errors.UnknownNameError, match="'agee'.*Did you mean 'age'"):
            personas.from_profiles(ANES, ["agee"])
        with pytest.raises(errors.BadInputError, match="empty"):
            personas.from_profiles(ANES.iloc[:0], ["age"])
        with pytest.raises(errors.BadInputError, match="'r001' is missing or occurs twice"):
            personas.from_profiles(pd.concat([ANES.head(1)] * 2), ["age"])
        with pytest.raises(errors.BadInputError, match="Give a list"):
            personas.from_profiles(ANES, "age")
        with pytest.raises(errors.SettingError, match="Did you mean 'first person'"):
            self.made[0].text("first persons")

    def test_draws_follow_weights_and_seed(self):
        three = [
            Persona(name, {"age": 30}, weight) for name, weight in (("a", 1), ("b", 3), ("c", 0))
        ]
        drawn = personas.draw_personas(three, 2000, seed=5)
        assert [one.id for one in drawn] == [one.id for one in personas.draw_personas(three, 2000, seed=5)]
        assert [one.id for one in drawn] != [one.id for one in personas.draw_personas(three, 2000, seed=6)]
        share = np.mean([one.id.startswith("b") for one in drawn])
        assert 0.70 < share < 0.80 and not any(one.id.startswith("c") for one in drawn)
        assert len({one.id for one in drawn}) == 2000 and {one.weight for one in drawn} == {1.0}
        for n, seed in ((0, 0), (2.5, 0), (3, -1)):
            with pytest.raises(errors.BadInputError, match="whole numbers"):
                personas.draw_personas(three, n, seed)

    def test_table(self):
        table = personas.table(self.made)
        assert list(table.columns) == ["id", "weight", *people.PROFILE]
        with pytest.raises(errors.UnknownNameError, match="'weight'"):
            personas.table([Persona("x", {"weight": 80})])


class TestPolls:
    def raw(self, rows=polls.ROWS):
        row = {"RespId": "1", "weight": "0.75", "ppage": "73", "educ": "College", "race": "White"}
        row |= {"gender": "Female", "income_cat": "$75-125k", "voter_category": "always"}
        return pd.DataFrame([row] * rows)

    def test_form(self, monkeypatch):
        monkeypatch.setattr(polls.data, "load", lambda name: self.raw())
        table = polls.nonvoters()
        assert table.loc[0, ["id", "weight", "age", "gender"]].tolist() == [
            "n1",
            0.75,
            73,
            "female",
        ]
        assert set(table["voter_category"]) <= set(polls.ITEMS["voter_category"].options)
        assert "weight" in table.attrs["limits"][0]

    def test_another_file_is_refused(self, monkeypatch):
        monkeypatch.setattr(polls.data, "load", lambda name: self.raw(3))
        with pytest.raises(errors.BadInputError, match="3 rows"):
            polls.nonvoters()
        monkeypatch.setattr(polls.data, "load", lambda name: self.raw().drop(columns="race"))
        with pytest.raises(errors.BadInputError, match="lacks .'race'"):
            polls.nonvoters()
        odd = self.raw().assign(voter_category="often")
        with pytest.raises(errors.BadInputError, match="'often'"):
            polls.from_file(odd)
