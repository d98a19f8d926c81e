"""The page "Label your own data": its code runs from its first block to its last."""

import re
from pathlib import Path

import pandas as pd
import pytest

from workshop_lib import data, labeling
from workshop_lib.course import site

PAGE = (site.TEMPLATES / "label_your_own.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(CODEBOOK,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The names that the page's code has made, and its folder."""
    folder = tmp_path_factory.mktemp("study")
    known = data.load("posts").head(240)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("builtins.input", lambda prompt="": "no")  # the person who settles
        Path("codebook.yaml").write_text(CODEBOOK, encoding="utf-8")
        known[["id", "text"]].to_csv("posts.csv", index=False)
        names = {}
        for block in BLOCKS:
            if "coded.csv" in block:
                codes = known[["id"]].assign(political_coder_1=known["political"], political_coder_2=known["political"])
                coded = pd.read_csv("to_code.csv", dtype=str).merge(codes, on="id")
                coded.loc[:4, "political_coder_2"] = coded.loc[:4, "political_coder_1"].map({"yes": "no", "no": "yes"})
                coded.to_csv("coded.csv", index=False)
            exec(compile(block, "label_your_own.md", "exec"), names)
    return names, folder


def test_the_hand_labels_are_those_of_people(done):
    names, _ = done
    gold = names["gold"]
    assert len(gold) == 200 and {"inclusion", "political", *names["coders"]} <= set(gold.columns)
    assert (gold.head(5)["political"] == "no").all()  # what the person said who settled
    agreed = gold["political_coder_1"] == gold["political_coder_2"]
    assert (gold.loc[agreed, "political"] == gold.loc[agreed, "political_coder_1"]).all() and agreed.sum() == 195


def test_every_text_gets_a_label_and_the_estimate_an_interval(done):
    names, _ = done
    assert names["results"]["status"].eq("ok").all() and len(names["results"]) == 240
    table = names["estimate"].table
    assert {"naive", "hand only", "PPI++", "DSL"} <= set(table.index)
    assert (table["low"] < table["estimate"]).all() and (table["estimate"] < table["high"]).all()


def test_the_report_is_there_and_the_run_can_be_replayed(done):
    names, folder = done
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "kappa" in page.lower() and names["posts"]["text"][0] not in page  # texts=False
    again = labeling.label(
        names["book"], names["posts"], labeling.Replay(folder / "run"), folder / "replayed", progress=False
    )
    assert again["label"].tolist() == names["results"]["label"].tolist()


def test_the_engines_of_the_table_can_be_made():
    book = labeling.Codebook.from_yaml(CODEBOOK)
    for call in re.findall(r"^\| `(labeling\..*?)` \|", PAGE, re.MULTILINE):
        assert eval(call, {"labeling": labeling, "book": book}).name
