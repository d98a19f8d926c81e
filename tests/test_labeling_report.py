"""The report: stands alone, says what the run says, lets nothing in and no key out."""

import re
from html.parser import HTMLParser

import matplotlib

matplotlib.use("Agg")

import pandas as pd
import pytest

from workshop_lib import errors
from workshop_lib.labeling import page, runs
from workshop_lib.labeling.codebook import Choice, Codebook, Scale, Tags
from workshop_lib.labeling.prompts import Shots
from workshop_lib.labeling.protocol import Answer
from workshop_lib.labeling.report import disagreements, report
from workshop_lib.labeling.validation import validate

N = 120
KEY = "sk-canary-0123456789abcdef"
PLAIN_KEY = "canary+without+the+usual+form"  # known from the environment only
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}</pre></td>"
FRAME = pd.DataFrame({"id": range(N), "text": [f"Text number {i}." for i in range(N)]})
GOLD = FRAME[["id"]].assign(
    political=["yes" if i % 2 else "no" for i in range(N)],
    topics=["work" if i % 3 else "" for i in range(N)],
)
BOOK = Codebook(
    "posts",
    {
        "political": Choice(
            {"yes": "about politics", "no": "all else"}, "Is it political?", [("Vote!", "yes")], ["No cats."]
        ),
        "topics": Tags({"health": "illness", "work": "jobs"}),
        "temper": Scale(1, 5, anchors={1: "calm", 5: "furious"}),
    },
    "You label posts.",
)


class Fake:
    """Right but for every tenth item; refuses items that end in 19."""

    name, model, local = "fake", "fake-asked", False

    def __init__(self, say="", served="fake-2026-01-01"):
        self.say, self.served = say, served

    def settings(self):
        return {"temperature": 0, "max_tokens": 9}

    def ask(self, request):
        i = int(request.item.id)
        about = {"model": self.served, "input_tokens": 100, "output_tokens": 2, "seconds": 0.5}
        if i % 20 == 19:
            return Answer(None, "refused", detail=f"I won't. {self.say}", **about)
        if request.kind == "choice":
            label = "yes" if (i % 2 == 1) != (i % 10 == 0) else "no"
            sure = 0.6 if i % 10 == 0 else 0.95
            return Answer(label, probabilities={label: sure, {"yes": "no", "no": "yes"}[label]: 1 - sure}, **about)
        return Answer({"tags": "work" if i % 3 else "health", "scale": "2"}[request.kind], **about)


class Page(HTMLParser):
    """Reads a page strictly: tags, attributes, and whether each tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.open, self.words, self.cells, self.ids = [], [], [], [], [], []
        self.feed(text)
        assert self.open == [], self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def run(folder, engine=None, book=BOOK, frame=FRAME, **settings):
    return runs.label(book, frame, engine or Fake(), folder, **{"price": (1.0, 2.0), "progress": False} | settings)


def made(tmp_path, results=None, gold=GOLD, book=BOOK, **settings):
    results = run(tmp_path / "run") if results is None else results
    settings = {"file": tmp_path / "report.html", "bootstrap": 50} | settings
    return report(results, book, gold, **settings).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run with everything, its report, and the report as read."""
    folder = tmp_path_factory.mktemp("whole")
    results = run(folder / "run", order_seed=3)
    coders = {f"political_coder_{k}": GOLD["political"].where(GOLD["id"] % (10 + k) != 0, "yes") for k in (1, 2)}
    gold = GOLD.assign(**coders)
    text = made(folder, results, gold)
    return results, gold, text, Page(text)


# ── The page ─────────────────────────────────────────────────────────────────────────────


def test_it_stands_alone(whole):
    _, _, text, read = whole
    assert not {"script", "link", "iframe", "object", "embed", "img", "base", "form"} & set(read.tags)
    assert not [one for one in read.attributes if one[1].startswith("on") or one[1] in ("src", "action", "srcset")]
    assert {value[0] for tag, name, value in read.attributes if name in ("href", "xlink:href")} == {"#"}
    addresses = set(re.findall(r"\w+://[^\"'\s<)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"} and "@import" not in text
    assert "default-src 'none'" in text and text.startswith("<!DOCTYPE html>") and "@media print" in text
    assert len(set(read.ids)) == len(read.ids) > 0
    references = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    assert references and references <= set(read.ids)


def test_it_can_be_read_by_all(whole):
    _, _, text, read = whole
    assert '<html lang="en">' in text and read.tags.count("h1") == 1 and read.tags.count("title") == 1
    assert [tag for tag in read.tags if tag in ("h1", "h2", "h3")][:2] == ["h1", "h2"]
    assert read.tags.count("caption") == read.tags.count("table") > 10
    labels = [value for tag, name, value in read.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(labels) == read.tags.count("svg") == 1
    assert "expected calibration error" in labels[0] and "stated 0.95, right 1.00" in labels[0]
    scopes = {value for tag, name, value in read.attributes if name == "scope"}
    assert scopes == {"col", "row"} and len([one for one in read.attributes if one[1] == "scope"]) == read.tags.count("th")


def test_it_says_what_was_asked_of_whom(whole):
    _, _, text, read = whole
    for expected in (
        "about politics", "all else", "Is it political?", "Vote!", "No cats.", "furious", "You label posts.",
        "fake-asked", "fake-2026-01-01", "setting temperature", "shuffled with seed 3", "no examples",
        "Is it political? Answer ", "Text number 0.", "pandas", "python", "Choose all that apply, or none:",
    ):  # fmt: skip
        assert expected in read.text, expected
    assert re.search(r"20\d\d-\d\d-\d\dT", read.text) and read.text.count("asked about item 0") == 3


def test_counts_tokens_and_cost_are_the_run_s(whole):
    results, _, _, read = whole
    assert "political 120 114 6 0 0 0" in re.sub(r"\s+", " ", read.text)
    assert "all 36000 720 0.0374" in read.text and results["cost"].sum() == pytest.approx(0.03744)
    assert "refused I won't. 18" in read.text


def test_agreement_is_that_of_validate(whole):
    results, gold, _, read = whole
    found = validate(results, gold, BOOK, "political", bootstrap=50)
    for name in ("accuracy", "kappa", "alpha", "macro F1"):
        row = found.figures.loc[name]
        assert f"{name} {row['value']:.3f} {row['low']:.3f} {row['high']:.3f} {row['coders']:.3f}" in read.text
    counts = found.confusion
    assert f"yes {counts.loc['yes', 'yes']} {counts.loc['yes', 'no']}" in read.text
    assert "coder 1 – coder 2" in read.text and "how right these answers are isn't known" in read.text


def test_disagreements_are_listed_the_surest_first(whole):
    results, gold, _, read = whole
    table = disagreements(results, gold, BOOK, "political")
    assert table["id"].tolist() == [str(i) for i in range(0, N, 10)] and set(table["stated probability"]) == {0.6}
    assert "Answers that aren't the hand label: 12." in read.text and "110 no yes 0.600 Text number 110." in read.text
    tags = disagreements(results, gold, BOOK, "topics")
    assert set(tags["gold"]) == {"none"} and set(tags["answer"]) == {"health"}
    odd = disagreements(results, gold.assign(id=gold["id"].astype(float), temper=2.0), BOOK, "temper")
    assert odd.empty  # 2.0 is "2"


# ── Nothing comes in, no key goes out ────────────────────────────────────────────────────


def test_no_text_becomes_html(tmp_path):
    asked = Choice({f"a{EVIL}": EVIL, "b": EVIL}, EVIL, [(EVIL, "b")], [EVIL])
    name = f"q{EVIL}"
    book = Codebook(EVIL, {name: asked}, EVIL)
    frame = pd.DataFrame({"id": [f"{i}{EVIL}" for i in range(12)], "text": [f"{i}{EVIL}" for i in range(12)]})

    class Evil(Fake):
        name, model = EVIL, EVIL

        def settings(self):
            return {"max_tokens": 9, EVIL: EVIL}

        def ask(self, request):
            if request.item.id.startswith("0"):
                return Answer(None, "invalid", detail=EVIL)
            return Answer("b", probabilities={"b": 0.9}, model=f"{EVIL}$x_{{1$")

    shots = Shots(frame.assign(id=[f"s{i}" for i in range(12)], text=lambda t: "shot" + t["text"], **{name: "b"}), k=1)
    gold = frame.assign(**{name: [f"a{EVIL}", "b"] * 6, f"{name}_coder_1": "b", f"{name}_coder_2": "b"})
    results = run(tmp_path / "run", Evil(), book, frame, shots=shots)
    text = made(tmp_path, results, gold, book, title=EVIL)
    read = Page(text)
    assert not {"script", "img"} & set(read.tags) and not [one for one in read.attributes if one[1].startswith("on")]
    assert "<script" not in text and "<img" not in text and text.count("&lt;script&gt;") > 20
    assert EVIL in "".join(read.words)  # it is shown as it is


def test_no_key_is_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_PROVIDER_API_KEY", PLAIN_KEY)
    keys = f"{KEY} and {PLAIN_KEY} and Bearer abcdefghijkl"
    frame = FRAME.assign(text=lambda t: t["text"] + keys)
    results = run(tmp_path / "run", Fake(keys, f"served-{PLAIN_KEY}"), frame=frame)
    text = made(tmp_path, results, title=f"Run with {keys}")
    assert "canary" not in text and "abcdefghijkl" not in text and text.count("•••") > 5


def test_characters_that_no_page_may_hold(tmp_path):
    assert page.say("a\x00b\x1bc\ud800d") == "a\ufffdb\ufffdc?d" and page.say("é 🙂\n") == "é 🙂\n"
    results = run(tmp_path / "run", Fake())
    results["detail"] = results["detail"].str.replace("t. ", "t. \x00\ud83d")
    assert "I won&#x27;t. \ufffd?" in made(tmp_path, results)


# ── The methods paragraph ────────────────────────────────────────────────────────────────


def test_the_paragraph_has_the_run_s_own_figures(whole):
    results, gold, _, read = whole
    figures = validate(results, gold, BOOK, "political", bootstrap=50).figures
    low, high = figures.loc["accuracy", ["low", "high"]]
    for expected in (
        "We labelled 120 items with the codebook 'posts' (3 questions: political (choice: yes, no)",
        "fake-asked (the server named fake-2026-01-01), run at a provider on 20",
        "with max_tokens 9, temperature 0, in wording 0",
        "Of 360 calls, 342 gave a label; the others have none (18 refused).",
        "36,000 tokens in and 720 tokens out and 0.0374 US dollars",
        f"114 answers were held against hand labels: accuracy 0.89 (95 % interval {low:.2f} to {high:.2f})",
        "Among themselves, the coders reach accuracy 0.",
        "The expected calibration error is 0.",
    ):  # fmt: skip
        assert expected in read.text, expected


def test_it_says_what_is_missing(whole, tmp_path):
    _, _, _, read = whole
    for expected in (
        "Hand labels for 'temper'", "Labels of two coders for 'topics'", "no column 'inclusion'",
        "Probabilities for 'topics'", "Repeats: whether", "multiverse", "Who coded by hand",
    ):  # fmt: skip
        assert expected in read.text, expected
    assert "A dated version" not in read.text and "give the run's folder" not in read.text
    with pytest.warns(UserWarning, match="cost isn't known|cost column stays empty"):
        results = run(tmp_path / "run", Fake(served="fake-latest"), price=None)
    results["cost"] = float("nan")
    results.attrs = {}
    bare = Page(made(tmp_path, results, gold=None)).text
    for expected in (
        "Hand labels for 'political', 'topics', 'temper'", "give the run's folder", "A dated version of fake-latest",
        "The cost: the price", "The prompts aren't known", "not known",
    ):  # fmt: skip
        assert expected in bare, expected


# ── Other runs ───────────────────────────────────────────────────────────────────────────


def test_repeats_are_put_to_the_vote(tmp_path):
    results = run(tmp_path / "run", repeats=3, book=BOOK.only("political"))
    read = Page(made(tmp_path, results, book=BOOK.only("political")))
    assert "3 times each, and the most frequent label was taken" in read.text
    assert "Of 360 calls, 342 gave a label" in read.text and "Repeats: whether" not in read.text
    assert "120 items have a hand label, 114 of them an answer" in read.text


def test_texts_can_be_left_out(tmp_path):
    shots = Shots(FRAME.assign(id=lambda t: t["id"] + 900, text="Example text " + FRAME["text"], political="yes"), k=2)
    results = run(tmp_path / "run", Fake("Text number 19."), BOOK.only("political"), shots=shots)
    shown = made(tmp_path, results, book=BOOK.only("political"))
    assert "Example text" in shown and "2 fixed examples" in shown and "Text number 110." in shown
    hidden = made(tmp_path, results, book=BOOK.only("political"), texts=False)
    assert "Text number" not in hidden and "Example text" not in hidden and "[text]" in hidden
    assert len(Page(hidden).tags) > 100


def test_long_lists_are_cut_and_say_so(tmp_path):
    text = Page(made(tmp_path, listed=5)).text
    assert "Answers that aren't the hand label: 12, of which the first 5 are listed." in text
    assert "Text number 40." in text and "Text number 50." not in text


def test_pitfalls_are_shown(tmp_path):
    book = Codebook("b", {"q": Choice(["1", "2", "3", "99"])})

    class Shifted(Fake):
        def ask(self, request):
            return Answer(str(int(request.item.id) % 2 + 2), model="m")

    gold = FRAME[["id"]].assign(q=[str(i % 2 + 1) for i in range(N)])
    results = run(tmp_path / "run", Shifted(), book)
    assert "are gold's label plus 1" in Page(made(tmp_path, results, gold, book)).text
    outside = Page(made(tmp_path, results, gold.assign(q=gold["q"].where(gold["id"] > 3, "98")), book)).text
    assert "Agreement couldn't be computed." in outside and "isn't in the codebook" in outside
    assert "Agreement on 'q': it couldn't be computed" in outside


def test_two_models_and_lost_calls_are_told(tmp_path):
    class Two(Fake):
        def ask(self, request):
            return super().ask(request)._replace(model=f"m{int(request.item.id) % 2}")

    with pytest.warns(UserWarning, match="named 2 models"):
        results = run(tmp_path / "run", Two())
    assert "don't come from one and the same model" in Page(made(tmp_path, results)).text


def test_files_are_written_whole(tmp_path):
    results = run(tmp_path / "run")
    file = report(results, BOOK, file=tmp_path / "new folder" / "a.html", title="Étude")
    assert file == tmp_path / "new folder" / "a.html" and "<title>Étude</title>" in file.read_text(encoding="utf-8")
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(errors.BadInputError, match="couldn't be written"):
        report(results, BOOK, file=blocked / "a.html")
    assert [one.name for one in file.parent.iterdir()] == ["a.html"]


def test_wrong_input_is_named(tmp_path):
    results = run(tmp_path / "run")
    with pytest.raises(errors.BadInputError, match="have no column 'cost'"):
        made(tmp_path, results.drop(columns="cost"))
    with pytest.raises(errors.BadInputError, match="have no rows"):
        made(tmp_path, results[:0])
    with pytest.raises(errors.BadInputError, match="no question 'temper'"):
        made(tmp_path, results, book=BOOK.only("political", "topics"))
    with pytest.raises(errors.BadInputError, match="Gold has a column for none of: political.*Did you mean 'politica'"):
        made(tmp_path, results, gold=GOLD.rename(columns={"political": "politica", "topics": "x"}))
    with pytest.raises(errors.BadInputError, match="several answers about one item"):
        made(tmp_path, pd.concat([results, results]))
    with pytest.raises(errors.WorkshopError, match="119 of 120|lack a gold row|No id matches"):
        made(tmp_path, results, gold=GOLD.assign(id=GOLD["id"] + 119))
    with pytest.raises(errors.MissingFileError, match="no run in"):
        made(tmp_path, results, folder=tmp_path / "elsewhere")
    other = Codebook("posts", {**BOOK.questions, "political": Choice(["yes", "no"])}, BOOK.introduction)
    with pytest.raises(errors.BadInputError, match="isn't the one that was asked: political differs"):
        made(tmp_path, results, book=other)
    with pytest.raises(errors.BadInputError, match="not a Codebook"):
        made(tmp_path, results, book={"political": ["yes", "no"]})
    assert not (tmp_path / "report.html").exists()


def test_a_sample_with_its_probabilities(tmp_path):
    gold = GOLD.iloc[:30].assign(inclusion=0.25, text="From gold.")
    text = Page(made(tmp_path, gold=gold)).text
    assert "30 items have a hand label" in text and "no column 'inclusion'" not in text and "From gold." in text
    assert "More hand labels for 'political', 'topics': fewer than 100" in text
