"""The picture set of lesson 06: counts, labels, split, captions, and drawing the pictures again."""

import csv
import doctest
import hashlib
import re
import types
from random import Random

import matplotlib
import pandas as pd
import pytest
from PIL import Image, ImageChops, ImageStat

from workshop_lib import classify, data
from workshop_lib.agreement import krippendorff_alpha
from workshop_lib.course import data_figures

FOLDER = data.root() / "pictures"
TABLE = pd.read_csv(FOLDER / "pictures.csv", dtype=str, keep_default_na=False)
DATASHEET = (FOLDER / "DATASHEET.md").read_text(encoding="utf-8")
CODED = ("political_text", "political_pair", "mood")
VALUES = {
    "kind": {"placard", "chart", "flag", "scene"},
    "protest": {"yes", "no"},
    "political_picture": {"yes", "no"},
    "political_text": {"yes", "no"},
    "political_pair": {"yes", "no"},
    "mood": {"positive", "negative", "neutral"},
}
SCENES = {
    "rally", "polling station", "empty street", "market", "flooded road", "classroom", "hospital queue", "bus stop",
}  # fmt: skip


@pytest.fixture(scope="module")
def draw():
    """The script, loaded without leaving a compiled copy beside the data."""
    file = FOLDER / "draw.py"
    module = types.ModuleType("draw")
    module.__file__ = str(file)
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), module.__dict__)
    return module


def pixels(picture: Image.Image) -> str:
    """Return a hash of the decoded pixels: the same for any palette order and compression."""
    return hashlib.sha256(picture.convert("RGB").tobytes()).hexdigest()


def shipped(row) -> Image.Image:
    with Image.open(FOLDER / row.file) as picture:
        picture.load()
    return picture


def sample(table: pd.DataFrame, count: int) -> list:
    return Random(10).sample(list(table.itertuples()), count)


class TestTable:
    def test_counts(self):
        assert len(TABLE) >= 300
        assert TABLE["id"].is_unique and TABLE["file"].is_unique
        counts = TABLE["kind"].value_counts()
        assert set(counts.index) == VALUES["kind"]
        assert counts.min() >= 60 and counts.max() <= 100

    def test_captions_are_unique_and_short(self):
        plain = TABLE["text"].str.lower().str.replace(r"\W+", " ", regex=True).str.strip()
        assert plain.is_unique
        assert len(set(data_figures.groups(list(TABLE["text"])))) == len(TABLE)
        assert TABLE["text"].str.split().str.len().between(3, 25).all()
        assert not TABLE["text"].str.contains(r"http|\n|@\w").any()

    def test_captions_are_not_in_other_data_sets(self):
        others = {data_figures.words(text) for name in ("posts", "tickets") for text in data.load(name)["text"]}
        assert not others & set(map(data_figures.words, TABLE["text"]))

    @pytest.mark.parametrize("variable", VALUES)
    def test_labels_are_in_the_codebook(self, variable):
        file = FOLDER / "codebook.md"
        (title,) = re.findall(rf"## {variable}\b.*", file.read_text(encoding="utf-8"))
        assert set(re.findall(r"\w+", re.search(r"\((.*)\)", title)[1])) == VALUES[variable]
        columns = [variable] + [f"{variable}_coder_{i}" for i in (1, 2) if variable in CODED]
        for column in columns:
            assert set(TABLE[column]) == VALUES[variable], column

    def test_every_scene_is_there(self):
        scenes = TABLE.loc[TABLE["kind"] == "scene", "content"].str.removeprefix("scene: ")
        assert set(scenes) == SCENES
        assert scenes.value_counts().min() >= 10

    def test_agreed_codes_were_kept(self):
        for variable in CODED:
            one, two = TABLE[f"{variable}_coder_1"], TABLE[f"{variable}_coder_2"]
            assert (TABLE.loc[one == two, variable] == one[one == two]).all()
            assert ((TABLE[variable] == one) | (TABLE[variable] == two)).all()

    def test_the_split_is_recomputed(self):
        assert list(TABLE["split"]) == data_figures.splits(list(TABLE["text"]))
        assert TABLE["split"].value_counts().min() >= 30


class TestBalance:
    def test_pair(self):
        assert TABLE["political_pair"].eq("yes").mean() == pytest.approx(0.5, abs=0.05)
        for _, part in TABLE.groupby("kind"):
            assert part["political_pair"].eq("yes").mean() == pytest.approx(0.5, abs=0.1)
        for _, part in TABLE.groupby("split"):
            assert part["political_pair"].eq("yes").mean() == pytest.approx(0.5, abs=0.1)

    def test_mood_and_kind_do_not_give_the_pair_away(self):
        assert TABLE["mood"].value_counts(normalize=True).min() > 0.25
        for variable in ("kind", "mood"):
            assert data_figures.cramers_v(TABLE[variable], TABLE["political_pair"]) < 0.2

    def test_neither_half_is_enough(self):
        political = {name: TABLE[f"political_{name}"] == "yes" for name in ("picture", "text", "pair")}
        for guess in (
            political["picture"],
            political["text"],
            political["picture"] | political["text"],
            political["picture"] & political["text"],
        ):
            assert (guess == political["pair"]).mean() < 0.7
        only_in_the_pair = political["pair"] & ~political["picture"] & ~political["text"]
        assert only_in_the_pair.sum() >= 40
        for half in ("picture", "text"):
            assert (political[half] & ~political["pair"]).sum() >= 20

    @pytest.mark.parametrize(("variable", "limit"), [("political_pair", 0.6), ("political_text", 0.6), ("mood", 0.45)])
    def test_no_single_word_gives_a_label_away(self, variable, limit):
        train, test = TABLE[TABLE["split"] == "train"], TABLE[TABLE["split"] == "test"]
        word, score = classify.best_single_word(train, test, "text", variable)
        assert score < limit, word
        (line,) = re.findall(rf"^\| {variable} \|.*", DATASHEET, re.M)
        assert f"`{word}` | {score:.2f} (" in line


class TestPictures:
    def test_every_file_is_there_and_no_other(self):
        here = {f"png/{file.name}" for file in (FOLDER / "png").iterdir()}
        assert here == set(TABLE["file"])

    def test_size_and_form(self):
        for row in TABLE.itertuples():
            picture = shipped(row)
            assert (picture.format, picture.mode, picture.size) == ("PNG", "P", (112, 112)), row.file
            assert len(picture.convert("RGB").getcolors()) >= 4, row.file

    def test_small_enough(self):
        total = sum((FOLDER / file).stat().st_size for file in TABLE["file"])
        assert total <= 1_200_000
        assert f"{total:,} bytes" in DATASHEET

    def test_no_picture_twice(self):
        assert len({pixels(shipped(row)) for row in TABLE.itertuples()}) == len(TABLE)

    def test_labels_follow_from_what_is_drawn(self, draw):
        for row in TABLE.itertuples():
            found = draw.kind(row.content), draw.protest(row.content), draw.political(row.content)
            assert found == (row.kind, row.protest, row.political_picture), row.content

    def test_drawn_again_placards_flags_and_scenes_are_the_same(self, draw):
        for row in sample(TABLE[TABLE["kind"] != "chart"], 10):
            assert pixels(draw.draw_picture(row.id, row.content)) == pixels(shipped(row)), row.content

    def test_drawn_again_charts_are_the_same(self, draw):
        for row in sample(TABLE[TABLE["kind"] == "chart"], 4):
            again, before = draw.draw_picture(row.id, row.content), shipped(row)
            if matplotlib.__version__ == draw.MATPLOTLIB:
                assert pixels(again) == pixels(before), row.content
            else:  # letters and lines differ a little, and with them the palette
                difference = ImageStat.Stat(ImageChops.difference(again.convert("RGB"), before.convert("RGB")))
                assert max(difference.mean) < 24, row.content

    def test_other_seeds_and_ids_give_other_pictures(self, draw):
        first = pixels(draw.draw_picture("i001", "flag: sun"))
        assert first == pixels(draw.draw_picture("i001", "flag: sun"))
        assert first != pixels(draw.draw_picture("i002", "flag: sun"))
        assert first != pixels(draw.draw_picture("i001", "flag: sun", seed=7))

    def test_drawing_leaves_the_settings_of_matplotlib_alone(self, draw):
        with matplotlib.rc_context({"lines.linewidth": 9.5}):
            one = draw.draw_picture("i001", "line chart: RENT")
            assert matplotlib.rcParams["lines.linewidth"] == 9.5
        assert pixels(one) == pixels(draw.draw_picture("i001", "line chart: RENT"))

    @pytest.mark.parametrize("content", ["", "placard", "placard: ", "statue: RENT", "rising pie chart: RENT"])
    def test_an_unknown_content_says_what_to_write(self, draw, content):
        with pytest.raises(ValueError, match="write it as 'scene: market'"):
            draw.draw_picture("i001", content)

    def test_an_unknown_scene_is_not_drawn_as_another(self, draw):
        with pytest.raises(ValueError, match="castle"):
            draw.draw_picture("i001", "scene: castle")

    def test_the_script_writes_the_files(self, draw, tmp_path, monkeypatch, capsys):
        (row,) = sample(TABLE[TABLE["kind"] == "scene"], 1)
        with (tmp_path / "pictures.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["id", "file", "content"], [row.id, row.file, row.content]])
        monkeypatch.setattr(draw, "HERE", tmp_path)
        assert draw.main([]) == 2 and "Name one folder" in capsys.readouterr().out
        assert draw.main([str(tmp_path / "out")]) == 0
        with Image.open(tmp_path / "out" / row.file) as again:
            assert pixels(again) == pixels(shipped(row))

    def test_doctests(self, draw):
        assert doctest.testmod(draw) == doctest.TestResults(failed=0, attempted=3)


def test_the_datasheet_states_what_the_data_give():
    for variable in VALUES:
        counts = data_figures.counts(TABLE[variable])
        assert counts in DATASHEET, (variable, counts)
    for side, count in TABLE["split"].value_counts().items():
        assert f"{side} {count}" in DATASHEET
    for variable in CODED:
        one, two = TABLE[f"{variable}_coder_1"], TABLE[f"{variable}_coder_2"]
        alpha = krippendorff_alpha([list(one), list(two)])
        assert f"| {(one == two).sum()} of {len(TABLE)} | {alpha:.3f} |" in DATASHEET
    for pair in re.findall(r"^\| (\w+) and (\w+) \| ([\d.]+) \|", DATASHEET, re.M):
        assert f"{data_figures.cramers_v(TABLE[pair[0]], TABLE[pair[1]]):.3f}" == pair[2]
    cells = re.findall(r"^\| (yes|no) \| (yes|no) \| (\d+) \| (\d+) \|", DATASHEET, re.M)
    assert len(cells) == 4
    for picture, text, *numbers in cells:
        part = TABLE[(TABLE["political_picture"] == picture) & (TABLE["political_text"] == text)]
        assert [str((part["political_pair"] == value).sum()) for value in ("yes", "no")] == numbers
    assert "not be used" in DATASHEET and "language models" in DATASHEET and "TO-FILL" not in DATASHEET


def test_loading_gives_the_path_of_each_picture():
    table = data.load("pictures")
    assert list(table.drop(columns="image").columns) == list(TABLE.columns)
    for row in table.itertuples():
        with Image.open(row.image) as picture:
            assert picture.size == (112, 112)
