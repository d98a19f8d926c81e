"""The data sets: loading them by name, and what must hold of their content."""

import re

import pandas as pd
import pytest

from workshop_lib import data, errors
from workshop_lib.course import data_figures


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


class TestPosts:
    """What the datasheet of the posts promises."""

    posts = data.load("posts")

    def test_size_and_form(self):
        assert len(self.posts) >= 1200
        assert self.posts["text"].is_unique
        assert not self.posts["text"].str.contains(r"http|\n").any()
        assert ((self.posts["target"] == "none") == (self.posts["stance"] == "none")).all()

    def test_every_value_is_in_the_codebook(self):
        codebook = (data.root() / "posts" / "codebook.md").read_text(encoding="utf-8")
        for variable in data_figures.VARIABLES["posts"]:
            (title,) = re.findall(rf"## {variable}\b.*", codebook)
            allowed = set(re.findall(r"\w+", title.split("(")[1])) if "(" in title else {"favour", "against", "none"}
            for column in (variable, f"{variable}_coder_1", f"{variable}_coder_2"):
                assert set(self.posts[column]) <= allowed, column

    def test_agreed_codes_were_kept(self):
        for variable in data_figures.VARIABLES["posts"]:
            one, two = self.posts[f"{variable}_coder_1"], self.posts[f"{variable}_coder_2"]
            agreed = one == two
            assert (self.posts.loc[agreed, variable] == one[agreed]).all()
            assert ((self.posts[variable] == one) | (self.posts[variable] == two)).all()

    def test_the_split_is_recomputed_and_keeps_copies_together(self):
        assert list(self.posts["split"]) == data_figures.splits(list(self.posts["text"]))
        group = pd.Series(data_figures.groups(list(self.posts["text"])), index=self.posts.index)
        assert (self.posts.groupby(group)["split"].nunique() == 1).all()

    def test_sentiment_is_not_stance(self):
        held = self.posts[self.posts["target"] != "none"]
        assert held["target"].nunique() >= 3
        assert data_figures.cramers_v(held["stance"], held["sentiment"]) < 0.1
        for _, part in held.groupby("target"):
            assert pd.crosstab(part["stance"], part["sentiment"]).to_numpy().min() >= 15

    def test_party_and_voice_do_not_give_the_label_away(self):
        members = self.posts[self.posts["party"] != "none"]
        for variable in ("uncivil", "sentiment", "stance"):
            assert data_figures.cramers_v(members["party"], members[variable]) < 0.2

    def test_french_versions_are_of_the_test_split(self):
        french = pd.read_csv(data.root() / "posts" / "posts_fr.csv", dtype=str, keep_default_na=False)
        assert set(french["id"]) == set(self.posts.loc[self.posts["split"] == "test", "id"])
        both = french.merge(self.posts, on="id", suffixes=("_fr", "_en"))
        assert (both["text_fr"] != both["text_en"]).mean() > 0.97

    def test_no_post_was_used_to_train_the_assistant(self, root):
        trained = set()
        for file in (root / "training" / "written").glob("posts_*.tsv"):
            trained |= {data_figures.words(line.split("\t")[0]) for line in file.open(encoding="utf-8")}
        for text in self.posts["text"]:
            assert data_figures.words(text) not in trained


def test_tickets_are_as_the_datasheet_says():
    tickets = data.load("tickets")
    assert len(tickets) >= 300
    assert set(tickets["label"].value_counts()) == {110}
    assert list(tickets["split"]) == data_figures.splits(list(tickets["text"]))


def test_parallel_sentences_are_unseen_by_the_translator(root):
    parallel = data.load("parallel")
    assert len(parallel) >= 300
    assert set(parallel["register"]) == {"news", "elections", "surveys", "daily_life"}
    assert parallel["english"].is_unique
    written = (root / "training" / "written" / "parallel.tsv").read_text(encoding="utf-8").splitlines()
    trained = {data_figures.words(line.split("\t")[0]) for line in written}
    assert not trained & set(map(data_figures.words, parallel["english"]))


@pytest.mark.parametrize("name", sorted(data_figures.VARIABLES))
def test_datasheets_state_what_the_data_give(name):
    datasheet = (data.root() / name / "DATASHEET.md").read_text(encoding="utf-8")
    for line in data_figures.figures(name):
        for number in re.findall(r"alpha [\d.]+|\d+ of \d+|'\w+'|F1 [\d.]+|posts with a target: [\d.]+|V of .+", line):
            wanted = number.strip("'").removeprefix("alpha ").removeprefix("F1 ")
            wanted = wanted.removeprefix("posts with a target: ").split(": ")[-1]
            assert wanted in datasheet, (line, wanted)


def test_near_copies_are_found_through_others():
    texts = ["a b c d", "a b c e", "a b e f c", "x y"]
    assert len(set(data_figures.groups(texts))) == 2
    assert data_figures.splits(texts)[0] == data_figures.splits(texts)[1] == data_figures.splits(texts)[2]
