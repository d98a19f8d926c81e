"""The data sets: loading them by name, and what must hold of their content."""

import re

import pandas as pd
import pytest

from workshop_lib import data, errors


@pytest.mark.parametrize("name", sorted(data.DATA_SETS))
def test_every_data_set_loads_and_has_a_datasheet(name):
    table = data.load(name)
    assert isinstance(table, pd.DataFrame) and len(table) > 0
    assert table["id"].is_unique
    folder = (data.root() / data.DATA_SETS[name].file).parent
    datasheet = (folder / "DATASHEET.md").read_text(encoding="utf-8")
    assert "TO-FILL" not in datasheet
    assert "must not be used" in datasheet.lower() or "not be used" in datasheet.lower()
    assert (folder / "codebook.md").exists()


def test_table():
    table = data.table()
    assert list(table.index) == sorted(data.DATA_SETS)
    assert (table["rows"] > 0).all()


def test_unknown_name():
    with pytest.raises(errors.UnknownNameError, match="Did you mean 'senses'"):
        data.load("sense")


def test_missing_file(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "root", lambda: tmp_path)
    with pytest.raises(errors.MissingFileError, match="git checkout -- data"):
        data.load("senses")


class TestSenses:
    """What the datasheet of the sense inventory promises."""

    senses = data.load("senses")

    def test_words_and_relations(self):
        relation = self.senses.groupby("word")["relation"].agg(["nunique", "first"])
        assert (relation["nunique"] == 1).all()
        assert len(relation) >= 30
        assert (relation["first"] == "homonym").sum() == (relation["first"] == "polyseme").sum()
        assert relation.loc["bank", "first"] == "homonym"
        assert relation.loc["magazine", "first"] == "polyseme"

    def test_senses_and_sentences(self):
        assert (self.senses.groupby("word")["sense"].nunique() >= 2).all()
        assert (self.senses.groupby(["word", "sense"])["sentence"].nunique() >= 6).all()

    def test_each_sentence_has_its_word_once(self):
        for row in self.senses.itertuples():
            assert len(re.findall(rf"\b{row.word}\b", row.sentence)) == 1, row.sentence

    def test_no_sentence_twice(self):
        assert self.senses["sentence"].is_unique

    def test_coded_twice(self):
        from sklearn.metrics import cohen_kappa_score

        words = self.senses["word"] + ": "
        kappa = cohen_kappa_score(words + self.senses["coder_1"], words + self.senses["coder_2"])
        assert kappa > 0.8
        known = set(words + self.senses["sense"])
        for coder in ("coder_1", "coder_2"):
            assert set(words + self.senses[coder]) <= known | set(words + "unclear")

    def test_datasheet_states_what_the_data_give(self):
        datasheet = (data.root() / "senses" / "DATASHEET.md").read_text(encoding="utf-8")
        senses = self.senses
        agreeing = (senses["coder_1"] == senses["coder_2"]).sum()
        assert f"| Sentences on which the coders agree | {agreeing} of {len(senses)} |" in datasheet
        relations = pd.read_csv(data.root() / "senses" / "relations.csv")
        same = (relations["coder_1"] == relations["coder_2"]).sum()
        assert f"| Relation, coders with each other | {same} of {len(relations)} " in datasheet

        lengths = senses["sentence"].str.split().str.len().groupby(senses["relation"]).agg(["mean", "std"])
        row = " | ".join(f"{one['mean']:.1f} ({one['std']:.1f})" for _, one in lengths.iterrows())
        assert f"| mean length in words (SD) | {row} |" in datasheet


class TestPronouns:
    """What the datasheet of the pronouns promises."""

    pronouns = data.load("pronouns")

    def test_pairs_flip_the_antecedent(self):
        assert len(self.pronouns) >= 40
        for _, pair in self.pronouns.groupby("pair"):
            first, second = pair.itertuples()
            assert (first.antecedent, first.distractor) == (second.distractor, second.antecedent)
            assert first.sentence.split()[:-1] == second.sentence.split()[:-1]

    def test_each_word_stands_once(self):
        for row in self.pronouns.itertuples():
            for word in (row.pronoun, row.antecedent, row.distractor):
                assert len(re.findall(rf"\b{word}\b", row.sentence)) == 1, row.sentence

    def test_datasheet_states_the_agreement(self):
        datasheet = (data.root() / "pronouns" / "DATASHEET.md").read_text(encoding="utf-8")
        agreeing = (self.pronouns["coder_1"] == self.pronouns["coder_2"]).sum()
        assert f"| The coders agree with each other | {agreeing} of {len(self.pronouns)} |" in datasheet
        for coder in ("coder_1", "coder_2"):
            assert (self.pronouns[coder] == self.pronouns["antecedent"]).mean() > 0.9
