"""Requests: items from a table, solved examples, wordings, the order of labels, pictures, hashes."""

import base64
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workshop_lib import data
from workshop_lib.errors import BadInputError, MissingFileError
from workshop_lib.labeling import prompts
from workshop_lib.labeling.codebook import Choice, Codebook, Scale, Tags
from workshop_lib.labeling.prompts import WORDINGS, Shots, items, prompt_hash, requests, stream
from workshop_lib.labeling.protocol import Item
from workshop_lib.labeling.shots import HOW, drawn

POLITICAL = Choice(
    {"yes": "laws and parties", "no": "all else"},
    "Is this post about politics?",
    examples=[("Vote on Sunday!", "yes")],
    exclusions=["School votes."],
)
SENTIMENT = Choice(["positive", "negative", "neutral"], "What is the sentiment of this post?")
TOPICS = Tags({"health": "illness", "work": "jobs"}, "What is it about?")
TEMPER = Scale(1, 5, "How heated is it?", {1: "calm", 5: "furious"})
QUESTIONS = {"political": POLITICAL, "sentiment": SENTIMENT, "topics": TOPICS, "temper": TEMPER}
BOOK = Codebook("posts", QUESTIONS, "You label texts for a study.")
POST = Item("p1", "The council met.")
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def said(question: str, item: Item = POST, **options) -> str:
    """Return the user's message of one request."""
    return requests(BOOK.only(question), [item], **options)[0].messages[-1]["content"]


def labelled(n: int = 12) -> pd.DataFrame:
    """Return rows with hand labels; the labels take turns."""
    return pd.DataFrame(
        {
            "id": [f"g{i}" for i in range(n)],
            "text": [f"Text {i}" for i in range(n)],
            "political": [("yes", "no", "no")[i % 3] for i in range(n)],
            "sentiment": [("positive", "negative", "neutral")[i % 3] for i in range(n)],
            "topics": ["health|work", "", *["work"] * (n - 2)],
            "temper": [float(1 + i % 5) for i in range(n)],
        }
    )


@pytest.fixture
def picture(tmp_path) -> Path:
    file = tmp_path / "sign.png"
    file.write_bytes(PNG)
    return file


# ── Items ────────────────────────────────────────────────────────────────────────────────


def test_items_keep_order_and_text():
    frame = pd.DataFrame({"id": [3.0, 1.0], "text": [" a\n", "<b>"]}, index=[9, 9])
    assert items(frame) == [Item("3", " a\n"), Item("1", "<b>")]
    named = pd.DataFrame({"no": ["b", "a"], "post": ["x", "y"]})
    assert items(named, id="no", text="post") == [Item("b", "x"), Item("a", "y")]
    whole = pd.DataFrame({"id": pd.array([1, 2], "Int64"), "text": ["a", "b"]})
    assert [item.id for item in items(whole)] == ["1", "2"]


def test_items_of_pictures(picture):
    files = [picture, str(picture), np.nan]
    frame = pd.DataFrame({"id": ["a", "b", "c"], "text": ["sign", None, "no picture"], "file": files})
    both = [Item("a", "sign", picture), Item("b", "", picture)]
    assert items(frame, image="file") == [*both, Item("c", "no picture", None)]
    assert items(frame.iloc[:2], text=None, image="file") == [Item("a", "", picture), Item("b", "", picture)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.assign(id=["a", None, np.nan]), r"2 row\(s\) have no id.*: 1, 2\."),
        (lambda f: f.assign(id=["a", " ", "c"]), "have no id"),
        (lambda f: f.assign(id=["a", "b", "a"]), r"1 id\(s\) occur more than once.*'a'"),
        (lambda f: f.assign(id=["1", 1, 2]), "more than once.*'1'"),
        (lambda f: f.assign(text=["x", None, ""]), r"2 item\(s\) have neither a text nor a picture.*'b', 'c'"),
        (lambda f: f.assign(text=["x", " \n", "z"]), "neither a text nor a picture.*'b'"),
        (lambda f: f.assign(text=["x", 3, "z"]), "no string.*'b'"),
        (lambda f: f.assign(text=pd.Series(["x", "\ud800", "z"], dtype=object)), "no valid Unicode.*'b'"),
        (lambda f: f.rename(columns={"text": "txt"}), "0 columns 'text', not one. Did you mean 'txt'"),
        (lambda f: f.rename(columns={"text": "id"}), "2 columns 'id'"),
        (lambda f: f.iloc[:0], "no rows"),
        (lambda f: list(f["text"]), "not a table"),
    ],
)
def test_bad_items(change, message):
    with pytest.raises(BadInputError, match=message):
        items(change(pd.DataFrame({"id": ["a", "b", "c"], "text": ["x", "y", "z"]}, dtype=object)))


def test_bad_pictures(tmp_path, picture, monkeypatch):
    def one(file):
        return items(pd.DataFrame({"id": ["a"], "text": ["x"], "file": pd.Series([file], dtype=object)}), image="file")

    with pytest.raises(MissingFileError, match=r"1 file\(s\) aren't there.*other\.png"):
        one(tmp_path / "other.png")
    with pytest.raises(MissingFileError, match="aren't there"):
        one(tmp_path)
    (tmp_path / "named.png").write_text("a text")
    with pytest.raises(BadInputError, match=r"can't be read as PNG.*named\.png"):
        one(tmp_path / "named.png")
    with pytest.raises(BadInputError, match="no path"):
        one(3)
    with pytest.raises(BadInputError, match="neither a column of texts nor one of pictures"):
        items(pd.DataFrame({"id": ["a"]}), text=None)
    monkeypatch.setattr("workshop_lib.labeling.shots.LARGEST_PICTURE", 10)
    with pytest.raises(BadInputError, match="at most 20 MB"):
        one(picture)


# ── Wordings ─────────────────────────────────────────────────────────────────────────────


def test_wording_0_is_short_and_plain():
    assert said("political") == "Is this post about politics? Answer yes or no.\nThe council met."
    assert said("sentiment") == (
        "What is the sentiment of this post? Choose one: positive, negative, neutral.\nThe council met."
    )
    assert said("topics") == "What is it about? Choose all that apply, or none: health, work.\nThe council met."
    assert said("temper") == "How heated is it? Choose a whole number from 1 (calm) to 5 (furious).\nThe council met."


def test_wording_0_is_a_form_that_the_assistant_was_trained_on():
    file = Path(__file__).parents[1] / "training" / "written" / "wordings.json"
    known = json.loads(file.read_text(encoding="utf-8"))
    assert "{question}\n{text}" in known["layouts"]
    assert "Choose one: {labels}." in known["choice_endings"] and "Answer {ors}." in known["choice_endings"]
    assert "Answer yes or no." in known["yes_no_endings"]
    book = Codebook.read(data.root() / "posts" / "labeling.yaml")
    assert book.introduction in known["systems"]
    wordings = [*known["yes_no"].values(), *known["choices"].values()]
    asked = {question.format(kind="post") for some in wordings for question in some}
    for name in ("political", "uncivil", "sentiment", "topics"):
        assert book.questions[name].ask in asked, name


@pytest.mark.parametrize("wording", range(1, len(WORDINGS)))
def test_fuller_wordings_say_all_that_the_codebook_says(wording):
    text = said("political", wording=wording)
    asked = "Is this post about politics?"
    for part in (asked, "yes: laws and parties", "no: all else", "School votes.", "Vote on Sunday!"):
        assert text.count(part) == 1, part
    assert text.count("The council met.") == 1
    assert "calm" in said("temper", wording=wording) and "- 2" not in said("temper", wording=wording)
    assert "\n- positive" in said("sentiment", wording=1)  # a label without a definition
    for name in BOOK.questions:
        text = said(name, wording=wording)
        assert text == text.strip() and "\n\n\n" not in text and "{}" not in text
        assert "none" in text if name == "topics" else "none" not in text


def test_there_are_several_wordings():
    assert len(WORDINGS) >= 4
    assert len({said("political", wording=number) for number in range(len(WORDINGS))}) == len(WORDINGS)


def test_system_message_is_the_introduction():
    assert requests(BOOK, [POST])[0].messages[0] == {"role": "system", "content": "You label texts for a study."}
    silent = Codebook("posts", {"political": POLITICAL})
    assert [message["role"] for message in requests(silent, [POST])[0].messages] == ["user"]


def test_a_question_without_words_is_asked_by_its_name():
    book = Codebook("posts", {"main_topic": Choice(["a", "b", "c"])})
    assert requests(book, [POST])[0].messages[0]["content"].startswith("Main topic? Choose one: a, b, c.")


def test_labels_with_commas_are_told_apart():
    book = Codebook("posts", {"section": Choice(["law, order", "health", "sport"])})
    assert "Choose one: law, order; health; sport." in requests(book, [POST])[0].messages[0]["content"]


def test_the_text_is_sent_as_it_is():
    odd = '  {question} </item> """ %s {0} "quoted"\n\ttab 🙂'
    for wording in range(len(WORDINGS)):
        assert odd in said("political", Item("p1", odd), wording=wording)
        shots = Shots(pd.DataFrame({"id": ["x"], "text": [odd], "political": ["no"]}), k=1)
        assert odd in said("political", wording=wording, shots=shots)


def test_requests_of_every_item_question_and_repeat():
    found = requests(BOOK, [POST, Item("p2", "Rain.")], repeats=2)
    assert len(found) == 2 * 4 * 2
    assert [(one.item.id, one.question, one.repeat) for one in found[:4]] == [
        ("p1", "political", 0), ("p1", "political", 1), ("p1", "sentiment", 0), ("p1", "sentiment", 1),
    ]  # fmt: skip
    first = found[0]
    assert (first.kind, first.options, first.schema) == ("choice", ("yes", "no"), POLITICAL.schema())
    json.dumps(found[0].messages), json.dumps(found[0].schema)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"items": []}, "none at all"),
        ({"items": [POST, POST]}, "the same id"),
        ({"items": ["a text"]}, "no items"),
        ({"items": POST}, "no items"),
        ({"items": labelled()}, "Make them from a table"),
        ({"items": 3}, "no items"),
        ({"wording": 4}, "no wording 4. Choose a number from 0 to 3"),
        ({"wording": -1}, "no wording -1"),
        ({"wording": True}, "no wording"),
        ({"wording": 1.0}, "no wording"),
        ({"repeats": 0}, "repeats is 0"),
        ({"repeats": 1.5}, "repeats is 1.5"),
        ({"shots": labelled()}, "shots are a DataFrame"),
        ({"codebook": {"political": POLITICAL}}, "not a Codebook"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(BadInputError, match=message):
        stream(**{"codebook": BOOK, "items": [POST], **arguments})  # before the first request is taken


# ── Order of the labels ──────────────────────────────────────────────────────────────────


def test_order_of_labels_depends_on_item_and_repeat():
    posts = [Item(f"p{i}", "same text") for i in range(60)]
    book = BOOK.only("sentiment")
    assert {one.options for one in requests(book, posts)} == {SENTIMENT.options}
    found = requests(book, posts, order_seed=1, repeats=2)
    assert found == requests(book, posts, order_seed=1, repeats=2)
    assert len({one.options for one in found}) == 6  # all orders of three labels
    assert all(sorted(one.options) == sorted(SENTIMENT.options) for one in found)
    assert any(one.options != two.options for one, two in zip(found[::2], found[1::2], strict=True))  # repeats differ
    assert [one.options for one in found] != [one.options for one in requests(book, posts, order_seed=2, repeats=2)]
    # An item's order doesn't depend on which others are labelled with it.
    assert requests(book, posts[7:8], order_seed=1, repeats=2) == found[14:16]


def test_order_is_the_same_in_prompt_and_schema():
    for one in requests(BOOK, [Item(f"p{i}", "x") for i in range(8)], order_seed=3, wording=1):
        text, answer = one.messages[-1]["content"], one.schema["properties"]["label"]
        if one.question == "sentiment":
            assert f"Choose one: {', '.join(one.options)}." in text
            assert "\n".join(f"- {option}" for option in one.options) in text
        if one.question == "political":
            assert f"Answer {one.options[0]} or {one.options[1]}." in text
        if one.question == "temper":
            assert one.options in (TEMPER.options, TEMPER.options[::-1])
            assert f"from {one.options[0]} (" in text and answer["enum"] == [int(option) for option in one.options]
        else:
            assert tuple(answer.get("items", answer)["enum"]) == one.options
    many = requests(BOOK.only("temper"), [Item(str(i), "x") for i in range(20)], order_seed=3)
    assert {one.options[0] for one in many} == {"1", "5"}


def test_shuffling_is_even():
    counts = Counter("".join(drawn("abc", None, 0, number)) for number in range(6000))
    assert len(counts) == 6 and all(abs(count - 1000) < 5 * 29 for count in counts.values())  # 5 standard errors
    assert drawn("abcdef", None, 0, "p1") == drawn("abcdef", 9, "0", "p1") != drawn("abcdef", None, 1, "p1")
    assert drawn("abcdef", 2, 0, "p1") == drawn("abcdef", None, 0, "p1")[:2]
    # Fixed for good: stored runs are matched by their prompts.
    assert "".join(drawn("abcdef", None, 0, "p1")) == "bcaefd"


# ── Few-shot examples ────────────────────────────────────────────────────────────────────


def chosen(shots: Shots, item: Item = POST, question: str = "sentiment") -> list[tuple[str, str]]:
    (found,) = shots.choose(BOOK.only(question), [item])
    return [(example.text, example.label) for example in found[question]]


def test_wording_0_with_examples_is_the_form_of_the_training():
    assert said("political", shots=Shots(labelled(), k=2)) == (
        "Is this post about politics? Answer yes or no.\n\nText: Text 0\nLabel: yes\n\nText: Text 1\nLabel: no\n\n"
        "Text: The council met.\nLabel:"
    )


@pytest.mark.parametrize("wording", range(len(WORDINGS)))
def test_examples_stand_in_every_wording_with_their_labels(wording):
    shots = Shots(labelled(), k=3)
    text = said("topics", wording=wording, shots=shots)
    assert [text.count(f"Text {i}\n") for i in range(4)] == [1, 1, 1, 0]
    assert "health, work\n" in text and ": none\n" in text
    assert ": 3\n" in said("temper", wording=wording, shots=shots)


def test_fixed_examples_are_the_first_rows():
    assert chosen(Shots(labelled(), k=2)) == [("Text 0", "positive"), ("Text 1", "negative")]


def test_an_item_is_never_its_own_example(monkeypatch):
    same_for_all(monkeypatch)
    frame = labelled(6)
    for how in HOW:
        shots = Shots(frame, how, k=5)
        for item in items(frame):
            texts = [text for text, _ in chosen(shots, item)]
            assert item.text not in texts and len(set(texts)) == 5, how
        copy = Item("elsewhere", " TEXT  2\n")  # the same post under another id
        assert "Text 2" not in [text for text, _ in chosen(shots, copy)], how
    assert "Vote on Sunday!" in said("political", wording=1)
    own = said("political", Item("p9", "vote on  Sunday!"), wording=1)  # one of the codebook's examples
    assert own.count("unday!") == 1


def same_for_all(monkeypatch):
    monkeypatch.setattr("workshop_lib.embeddings.sentence_vectors", lambda texts: np.ones((len(texts), 2)))


def test_random_examples_differ_by_item_and_seed_and_not_by_repeat():
    frame = labelled(30)
    shots = Shots(frame, "random", k=4, seed=1)
    drawn = {tuple(chosen(shots, Item(f"p{i}", "x"))) for i in range(20)}
    assert len(drawn) == 20
    assert chosen(shots) == chosen(Shots(frame, "random", k=4, seed=1)) != chosen(Shots(frame, "random", k=4, seed=2))
    first, second = requests(BOOK.only("sentiment"), [POST], shots, repeats=2)
    assert first.messages == second.messages
    used = Counter(text for i in range(300) for text, _ in chosen(shots, Item(f"p{i}", "x")))
    assert len(used) == 30 and min(used.values()) > 15  # 40 expected


def test_nearest_examples_come_closest_last(monkeypatch):
    places = {"north": (0, 1), "north-east": (1, 1.1), "east": (1, 0), "west": (-1, 0), "up north": (0.1, 1)}
    calls = []

    def vectors(texts):
        calls.append(list(texts))
        return np.array([places[text] for text in texts])

    monkeypatch.setattr("workshop_lib.embeddings.sentence_vectors", vectors)
    labels = ["positive", "neutral", "negative", "negative"]
    frame = pd.DataFrame({"id": list("abcd"), "text": list(places)[:4], "sentiment": labels})
    shots = Shots(frame, "nearest", k=2)
    assert chosen(shots, Item("p1", "up north")) == [("north-east", "neutral"), ("north", "positive")]
    assert chosen(shots, Item("a", "north"))[-1] == ("north-east", "neutral")
    found = requests(BOOK.only("sentiment"), [Item("p1", "up north"), Item("p2", "west")], shots, repeats=2)
    assert "Text: west\nLabel: negative" not in found[-1].messages[-1]["content"]
    assert calls.count(list(frame["text"])) == 1  # the examples' vectors are computed once


def test_nearest_works_beyond_one_batch(monkeypatch):
    def vectors(texts):
        return np.array([[float(text.split()[1]), 1.0] for text in texts])

    monkeypatch.setattr("workshop_lib.embeddings.sentence_vectors", vectors)
    monkeypatch.setattr(prompts, "BATCH", 3)
    posts = [Item(f"p{i}", f"Post {i}.2") for i in range(8)]
    found = requests(BOOK.only("sentiment"), posts, Shots(labelled(9), "nearest", k=1))
    assert [one.item for one in found] == posts
    for number, one in enumerate(found[:4]):  # angles between higher numbers hardly differ
        assert f"Text: Text {number}\n" in one.messages[-1]["content"]


def test_balanced_examples_have_each_label_equally_often():
    frame = labelled(40)
    frame.loc[3:, "sentiment"] = "negative"  # one positive, one neutral, 38 negative
    frame.loc[20:23, "sentiment"] = ["positive", "neutral", "positive", "neutral"]
    orders = set()
    for number in range(12):
        found = chosen(Shots(frame, "balanced", k=6), Item(f"p{number}", "x"))
        labels = [label for _, label in found]
        assert Counter(labels) == {"positive": 2, "negative": 2, "neutral": 2}
        assert len(set(found)) == 6
        orders.add(tuple(labels))
    assert len(orders) > 6  # not label by label
    counts = Counter(label for _, label in chosen(Shots(frame, "balanced", k=12)))
    assert counts == {"positive": 3, "neutral": 3, "negative": 6}  # positive and neutral have no more
    twice = Counter()
    for number in range(300):  # four examples, three labels: each is the one that comes twice equally often
        counts = Counter(label for _, label in chosen(Shots(frame, "balanced", k=4), Item(f"p{number}", "x")))
        assert sorted(counts.values()) == [1, 1, 2]
        twice[counts.most_common(1)[0][0]] += 1
    assert min(twice.values()) > 60 and len(twice) == 3


def test_rows_without_a_label_dont_serve():
    frame = labelled(6)
    frame["sentiment"] = ["positive", None, np.nan, "", "neutral", "negative"]
    frame["temper"] = [np.nan, 2, 3, np.nan, 5, 1]
    assert [text for text, _ in chosen(Shots(frame, k=3))] == ["Text 0", "Text 4", "Text 5"]
    assert chosen(Shots(frame, k=2), question="temper") == [("Text 1", "2"), ("Text 2", "3")]
    frame["temper"] = pd.array([None, 2, 3, None, 5, 1], "Int64")
    frame["topics"] = pd.Series(["", pd.NA, ["work", "health"], "none", "work", "work"], dtype=object)
    assert chosen(Shots(frame, k=1), question="temper") == [("Text 1", "2")]
    assert [label for _, label in chosen(Shots(frame, k=4), question="topics")] == ["", "health|work", "", "work"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Shots(labelled(), "closest"), "no way 'closest'.*Known: fixed, random, nearest, balanced"),
        (lambda: Shots(labelled(), k=0), "k is 0"),
        (lambda: Shots(labelled(), k=2.0), "k is 2.0"),
        (lambda: Shots(labelled().drop(columns="id")), "0 columns 'id'"),
        (lambda: Shots(labelled().assign(id="g1")), "more than once"),
        (lambda: Shots(labelled().iloc[:0]), "no rows"),
        (lambda: chosen(Shots(labelled().drop(columns="sentiment"))), "0 columns 'sentiment'"),
        (lambda: chosen(Shots(labelled(3), k=4)), "4 examples .* item 'p1' and question 'sentiment', but 3"),
        (lambda: chosen(Shots(labelled(3), k=3), Item("g1", "x")), "but 2 labelled rows are left"),
        (lambda: chosen(Shots(labelled().assign(sentiment="glad"))), "'g0', question 'sentiment': 'glad' is no label"),
        (lambda: chosen(Shots(labelled().assign(temper=9)), question="temper"), "from 1 to 5"),
    ],
)
def test_bad_shots(make, message):
    with pytest.raises(BadInputError, match=message):
        make()


# ── Pictures ─────────────────────────────────────────────────────────────────────────────


def test_pictures_are_sent_as_data_urls(picture):
    only, both = Item("a", "", picture), Item("b", "A sign.", picture)
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert said("political", only) == [
        {"type": "text", "text": "Is this post about politics? Answer yes or no.\n"},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    assert said("political", both)[0]["text"].endswith("Answer yes or no.\nA sign.\n")
    for wording in range(1, len(WORDINGS)):
        parts = said("political", both, wording=wording)
        assert [part["type"] for part in parts] == ["text", "image_url", "text"]
        assert base64.b64decode(parts[1]["image_url"]["url"].split(",")[1]) == PNG
    assert "Picture to label: " in said("political", only, wording=1)[0]["text"]


def test_the_format_is_that_of_the_content_not_of_the_name(tmp_path):
    from PIL import Image

    for kind, name in (("JPEG", "jpeg"), ("GIF", "gif"), ("WEBP", "webp"), ("PNG", "png")):
        file = tmp_path / f"{name}.png"
        Image.new("RGB", (2, 2), "red").save(file, kind)
        (item,) = items(pd.DataFrame({"id": ["a"], "file": [file]}), text=None, image="file")
        assert said("political", item)[-1]["image_url"]["url"].startswith(f"data:image/{name};base64,")


def test_pictures_as_examples(picture, tmp_path):
    other = tmp_path / "other.png"
    other.write_bytes(PNG)
    frame = pd.DataFrame({"id": ["a", "b"], "file": [picture, other], "political": ["yes", "no"]})
    shots = Shots(frame, k=1, text=None, image="file")
    parts = said("political", Item("c", "", other), shots=shots)
    assert [part["type"] for part in parts] == ["text", "image_url", "text", "image_url", "text"]
    assert parts[2]["text"] == "\nLabel: yes\n\nPicture: " and parts[-1]["text"] == "\nLabel:"
    assert "yes" in said("political", Item("d", "", other), shots=shots)[2]["text"]  # other.png is left out as a copy
    with pytest.raises(BadInputError, match="some examples have none"):
        Shots(frame, "nearest", k=1, text=None, image="file")


def test_nearest_needs_texts(picture, monkeypatch):
    same_for_all(monkeypatch)
    with pytest.raises(BadInputError, match=r"1 item\(s\) have no text.*'c'"):
        chosen(Shots(labelled(), "nearest", k=1), Item("c", "", picture))


def test_a_picture_that_changes_or_goes(picture):
    item = Item("a", "", picture)
    before = prompt_hash(requests(BOOK, [item])[0])
    picture.write_bytes(PNG + b"\0")
    assert prompt_hash(requests(BOOK, [item])[0]) != before
    picture.unlink()
    with pytest.raises(MissingFileError, match=r"sign\.png can't be read"):
        requests(BOOK, [item])


def test_pictures_are_read_one_by_one(tmp_path):
    there, gone = tmp_path / "a.png", tmp_path / "b.png"
    there.write_bytes(PNG)
    found = stream(BOOK.only("political"), [Item("a", "", there), Item("b", "", gone)])
    assert next(found).item.id == "a"
    with pytest.raises(MissingFileError):
        next(found)


# ── Hashes ───────────────────────────────────────────────────────────────────────────────


def test_hash_covers_all_that_is_sent():
    def hashed(item=POST, book=BOOK, **options):
        return prompt_hash(requests(book.only("political"), [item], **options)[0])

    first = hashed()
    assert first == hashed() and len(first) == 64 and set(first) <= set("0123456789abcdef")
    assert first == hashed(Item("another id", POST.text))  # an id isn't sent
    other = [
        hashed(Item("p1", "the council met.")),  # case
        hashed(Item("p1", "The council met. ")),
        hashed(wording=1),
        hashed(shots=Shots(labelled(), k=1)),
        hashed(shots=Shots(labelled(), k=2)),
        hashed(book=Codebook("posts", BOOK.questions, "you label texts for a study.")),
        hashed(book=Codebook("posts", {"political": Choice(["Yes", "No"], POLITICAL.ask)}, BOOK.introduction)),
        hashed(book=Codebook("posts", {"political": Choice(["no", "yes"], POLITICAL.ask)}, BOOK.introduction)),
        hashed(book=Codebook("posts", {"political": Tags(["yes", "no"], POLITICAL.ask)}, BOOK.introduction)),
    ]
    assert len({first, *other}) == len(other) + 1
    request = requests(BOOK, [POST])[0]
    assert prompt_hash(request) == prompt_hash(request._replace(repeat=3))  # nor is the repeat
    assert prompt_hash(request) != prompt_hash(request._replace(schema={}))
    assert prompt_hash(request) != prompt_hash(request._replace(question="Political"))


def test_hash_survives_storage_and_another_process():
    request = requests(BOOK, [Item("p1", "Zoë 🙂")], order_seed=1, wording=2)[1]
    messages, schema = json.loads(json.dumps([request.messages, request.schema]))
    stored = request._replace(messages=tuple(messages), schema=schema)
    assert prompt_hash(stored) == prompt_hash(request)
    code = (
        "from workshop_lib.labeling.codebook import *; from workshop_lib.labeling.prompts import *; "
        "from workshop_lib.labeling.protocol import Item; "
        "book = Codebook('b', {'q': Choice(list('abcdef'))}); "
        "print(prompt_hash(requests(book, [Item('p1', 'x')], order_seed=1)[0]))"
    )
    here = prompt_hash(requests(Codebook("b", {"q": Choice(list("abcdef"))}), [Item("p1", "x")], order_seed=1)[0])
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def test_import_is_light():
    code = (
        "import sys, workshop_lib.labeling; "
        "print([name for name in ('torch', 'transformers', 'openai', 'sklearn', 'scipy') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
