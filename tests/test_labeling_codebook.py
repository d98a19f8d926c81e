"""Codebooks: what counts as an answer, what may stand in a file, and the codebook of the posts."""

import json
import re

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from workshop_lib import data
from workshop_lib.errors import BadInputError, MissingFileError
from workshop_lib.labeling.codebook import RESERVED, Choice, Codebook, Scale, Tags
from workshop_lib.labeling.questions import plain

POLITICAL = Choice({"political": "about politics", "not political": "all else"}, "Is this about politics?")
TOPICS = Tags({"health": "illness", "work": "", "old age": ""})
TEMPER = Scale(-1, 10, anchors={-1: "calm", 10: "furious"})


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("political", "political"),
        (" Not  Political.\n", "not political"),
        ("'political'", "political"),
        ("“Not political”.", "not political"),
        ('"political."', "political"),
        ('{"label": "political"}', "political"),
        ('\n{ "label" : "NOT political" } ', "not political"),
        ('```json\n{"label": "political"}\n```', "political"),
        ("```\npolitical\n```", "political"),
        # No label, however much it looks like one:
        ("This is political", None),
        ("It is not political.", None),
        ("political, I think", None),
        ("Political: yes", None),
        ("political\nnot political", None),
        ("political or not political", None),
        ("politica", None),
        ("", None),
        (" . ", None),
        (None, None),
        ('{"label": "political"', None),
        ('{"label": "political"} Because it names a party.', None),
        ('{"label": "political"}{"label": "political"}', None),
        ('{"label": "political", "label": "not political"}', None),
        ('{"label": "political", "sure": false}', None),
        ('{"Label": "political"}', None),
        ('{"label": ["political"]}', None),
        ('{"label": null}', None),
        ('{"label": true}', None),
        ('{"label": "other"}', None),
        ('["political"]', None),
        ("{" * 100_000, None),
        ('{"label":' * 100_000, None),
        ('{"label": ' + "9" * 10_000 + "}", None),
        ("```\npolitical\n```\nor\n```\nnot political\n```", None),
    ],
)
def test_choice_takes_a_label_and_nothing_else(answer, label):
    assert POLITICAL.parse(answer) == label


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("work", "work"),
        ("Work, health.", "health|work"),
        ("work | Old age;health", "health|work|old age"),
        ("health\nwork", "health|work"),
        ("health, health", "health"),
        ('"work", "health"', "health|work"),
        ("None.", ""),
        ('{"label": []}', ""),
        ('{"label": ["old age", "health"]}', "health|old age"),
        ('{"label": "none"}', ""),
        ('{"label": "work, health"}', "health|work"),
        ("", None),
        ('{"label": ""}', None),
        ("work and health", None),
        ("work, sport", None),
        ("work,", None),
        ("none, work", None),
        ('{"label": ["sport"]}', None),
        ('{"label": [1]}', None),
        ('{"label": {"work": true}}', None),
        ("no topic", None),
    ],
)
def test_tags_come_in_the_order_of_the_codebook(answer, label):
    assert TOPICS.parse(answer) == label


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("4", "4"),
        (" '10'. ", "10"),
        ("-1", "-1"),
        ('{"label": 4}', "4"),
        ('{"label": 4.0}', "4"),
        ('{"label": "4"}', "4"),
        ("11", None),
        ("4.5", None),
        ("4/10", None),
        ("4 out of 10", None),
        ("four", None),
        ('{"label": 4.5}', None),
        ('{"label": true}', None),
        ('{"label": 1e999}', None),
        ('{"label": NaN}', None),
        ('{"label": 99}', None),
        ("04", None),
    ],
)
def test_scale_takes_its_numbers_only(answer, label):
    assert TEMPER.parse(answer) == label


@pytest.mark.parametrize("question", [POLITICAL, TOPICS, TEMPER, Choice(["1", "0"]), Choice(["+", "-", "don’t know"])])
def test_schema_and_answers_fit(question):
    schema = question.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    labels = [*question.options, *(["", "health|old age"] if question.kind == "tags" else [])]
    for label in labels:
        jsonschema.validate(json.loads(question.to_json(label)), schema)
        assert question.parse(question.to_json(label)) == label
        assert question.parse(question.say(label)) == label
        assert question.check(label) == label
    for wrong in ({"label": "sport"}, {"label": ["sport"]}, {"label": 99}, {}, {"label": None}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)
        assert question.parse(json.dumps(wrong)) is None


def test_schema_shows_labels_in_the_order_asked_for():
    turned = ["not political", "political"]
    assert POLITICAL.schema(turned)["properties"]["label"]["enum"] == turned
    assert TEMPER.schema(["10", "9"])["properties"]["label"]["enum"] == [10, 9]


def test_labels_that_people_write():
    assert TOPICS.check(["work", "health"]) == TOPICS.check("work|health") == "health|work"
    assert TOPICS.check("") == TOPICS.check([]) == TOPICS.check("none") == ""
    assert TOPICS.say("") == "none"
    assert TEMPER.check(4) == TEMPER.check(4.0) == TEMPER.check("4") == "4"
    with pytest.raises(BadInputError, match="'Political' is no label.*Did you mean 'political'"):
        POLITICAL.check("Political")  # spelled exactly: tables of hand labels are compared as they are
    wrong = ((TOPICS, "work, health"), (TOPICS, "work|"), (TOPICS, 3), (POLITICAL, float("nan")), (POLITICAL, None))
    for question, label in wrong:
        with pytest.raises(BadInputError, match="is no label"):
            question.check(label)
    with pytest.raises(BadInputError, match="99 is no label of this question. Write a whole number from -1 to 10"):
        TEMPER.check(99)
    with pytest.raises(BadInputError, match="True is no label"):
        TEMPER.check(True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Choice({"yes": ""}), "two labels or more"),
        (lambda: Choice({}), "no labels"),
        (lambda: Choice("yes"), "labels are 'yes'. Write a list"),
        (lambda: Choice(["yes", "no", "yes"]), "'yes' stands 2 times"),
        (lambda: Choice({True: "", False: ""}), "True or its definition '' is no string"),
        (lambda: Choice([1, 0]), "no string"),
        (lambda: Choice({"yes": None, "no": ""}), "definition None is no string"),
        (lambda: Choice({"yes": "", "": ""}), "'' is empty"),
        (lambda: Choice({"yes": "", " no": ""}), "blanks around it"),
        (lambda: Choice({"yes": "", "n\no": ""}), "line break"),
        (lambda: Choice({"yes": "", "Yes.": ""}), "'yes' and 'Yes.' differ only in case"),
        (lambda: Choice({"yes": "", "no": ""}, 3), "'ask'"),
        (lambda: Choice({"yes": "", "no": ""}, examples=[("a text", "maybe")]), "'maybe' is no label.*Known: yes, no"),
        (lambda: Choice({"yes": "", "no": ""}, examples=["a text"]), "isn't a pair"),
        (lambda: Choice({"yes": "", "no": ""}, examples=[(" ", "no")]), "is empty"),
        (lambda: Choice({"yes": "", "no": ""}, exclusions="One sentence."), "Write a list, also for a single one"),
        (lambda: Choice({"yes": "", "no": ""}, exclusions=[""]), "exclusion '' is no text"),
        (lambda: Tags({"a|b": ""}), "has a '|'"),
        (lambda: Tags({"None": ""}), "means that no tag applies"),
        (lambda: Scale(5, 1), "from 5 to 1"),
        (lambda: Scale(3, 3), "from 3 to 3"),
        (lambda: Scale(0, 10**9), "at most 1000"),
        (lambda: Scale(1.5, 3), "'low' of the scale is 1.5"),
        (lambda: Scale(True, 3), "whole number"),
        (lambda: Scale(1, 5, anchors={6: "more"}), "anchor 6"),
        (lambda: Scale(1, 5, anchors={5: " "}), "anchor 5"),
        (lambda: Scale(1, 5, anchors=["calm"]), "number: meaning"),
        (lambda: Scale(1, 5, examples=[("a text", 6)]), "6 is no label"),
        (lambda: Codebook("", {"a": POLITICAL}), "name is ''"),
        (lambda: Codebook("posts", {}), "at least|one at least"),
        (lambda: Codebook("posts", [POLITICAL]), "The questions are"),
        (lambda: Codebook("posts", {"id": POLITICAL}), "can't be called 'id'"),
        (lambda: Codebook("posts", {"political_coder_1": POLITICAL}), "can't be called 'political_coder_1'"),
        (lambda: Codebook("posts", {" a": POLITICAL}), "blanks around it"),
        (lambda: Codebook("posts", {"a": {"labels": ["yes", "no"]}}), "Use Choice, Tags or Scale"),
        (lambda: Codebook("posts", {"a": POLITICAL}, None), "introduction is None"),
        (lambda: Codebook("posts", {"political": POLITICAL}).only("politics"), "Did you mean 'political'"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(BadInputError, match=message):
        make()


FILE = """
name: posts
questions:
  political:
    kind: choice
    labels:
      yes: about politics
      no:
      1: "true"
      1.0: 2026-01-01
      on: null
      ~: ~
  temper:
    kind: scale
    low: 1
    high: 5
    anchors: {1: calm}
    examples:
      - {text: no, label: 3}
"""


def test_labels_stay_as_written():
    book = Codebook.from_yaml(FILE)
    political, temper = book.questions.values()
    assert political.labels == {
        "yes": "about politics", "no": "", "1": "true", "1.0": "2026-01-01", "on": "null", "~": "~",
    }  # fmt: skip
    assert temper == Scale(1, 5, anchors={1: "calm"}, examples=[("no", "3")])
    again = Codebook.from_yaml(book.to_yaml())
    assert again == book and list(again.questions["political"].labels) == list(political.labels)


def test_another_reader_of_yaml_finds_the_same_labels():
    import yaml

    found = yaml.safe_load(Codebook.from_yaml(FILE).to_yaml())
    assert list(found["questions"]["political"]["labels"]) == ["yes", "no", "1", "1.0", "on", "~"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: posts", "name: posts\ntitle: Posts", "unknown entry 'title'"),
        ("name: posts", "nam: posts", "unknown entry 'nam'. Did you mean 'name'"),
        ("name: posts", "", "lacks the entry 'name'"),
        ("kind: choice", "kind: choise", "the kind 'choise'. Add 'kind:' with one of: choice, tags, scale"),
        ("kind: choice", "kind: [choice]", "the kind"),
        ("    kind: choice\n", "", "kind None"),
        ("      on: null", "      yes: again", "'yes' stands twice: lines 7 and 11"),
        ("      on: null", '      "yes": again', "'yes' stands twice"),
        ("      on: null", "      [a, b]: again", "before its colon"),
        ("      on: null", "      on: [a]", r"question 'political': The label 'on' or its definition \['a'\]"),
        ("    low: 1\n", "", "lacks the entry 'low'"),
        ("    low: 1\n", "    low: one\n", "'low' of the scale is 'one'"),
        ("    low: 1\n", "    low: 1\n    labels: [a, b]\n", "unknown entry 'labels'"),
        ("label: 3}", "lable: 3}", "'lable'"),
        ("label: 3}", "label: 9}", "question 'temper': '9' is no label"),
        ("- {text: no, label: 3}", "- a text", "example holds 'a text'"),
        ("{1: calm}", "{1: calm, 01: tame}", "anchor 1 stands twice"),
        ("{1: calm}", "{1: calm", "isn't YAML"),
        (FILE, "", "The codebook holds None"),
        (FILE, "just a text", "The codebook holds 'just a text'"),
        (FILE, "name: a\nquestions:\n", "'questions' is ''"),
        (FILE, "name: &a [*a]\nquestions: {}", "isn't YAML|name is"),
        (FILE, "a\0b", "isn't YAML"),
        (FILE, "[" * 400, "isn't YAML"),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path, old, new, message):
    assert old in FILE
    file = tmp_path / "book.yaml"
    file.write_text(FILE.replace(old, new), encoding="utf-8")
    with pytest.raises(BadInputError, match=message) as raised:
        Codebook.read(file)
    assert "book.yaml" in str(raised.value)


def test_empty_lists_may_stand_empty():
    book = Codebook.from_yaml("name: a\nquestions: {b: {kind: choice, labels: [x, y], examples: , exclusions: }}")
    assert book == Codebook("a", {"b": Choice(["x", "y"])})


def test_two_questions_may_share_an_entry():
    book = Codebook.from_yaml("name: a\nquestions: {b: &same {kind: choice, labels: [x, y]}, c: *same}")
    assert book == Codebook("a", {"b": Choice(["x", "y"]), "c": Choice(["x", "y"])})


def test_files(tmp_path):
    book = Codebook("é", {"temper": TEMPER, "topics": TOPICS}, "Two\nlines — and 🙂")
    book.write(tmp_path / "book.yaml")
    assert Codebook.read(tmp_path / "book.yaml") == Codebook.read(str(tmp_path / "book.yaml")) == book
    assert [file.name for file in tmp_path.iterdir()] == ["book.yaml"]
    (tmp_path / "marked.yaml").write_bytes(b"\xef\xbb\xbf" + book.to_yaml().encode())  # as some editors save UTF-8
    assert Codebook.read(tmp_path / "marked.yaml") == book
    with pytest.raises(MissingFileError, match="no codebook .*other.yaml"):
        Codebook.read(tmp_path / "other.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: é".encode("latin-1"))
    with pytest.raises(BadInputError, match="isn't UTF-8"):
        Codebook.read(tmp_path / "latin.yaml")
    with pytest.raises(BadInputError, match="couldn't be written"):
        book.write(tmp_path / "no" / "book.yaml")
    with pytest.raises(BadInputError, match="couldn't be written"):
        book.write(tmp_path / "book.yaml" / "book.yaml")  # a file where a folder should be


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    book = Codebook("posts", {"temper": TEMPER})
    book.write(tmp_path / "book.yaml")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(BadInputError, match="No space left"):
        Codebook("other", {"temper": TEMPER}).write(tmp_path / "book.yaml")
    assert Codebook.read(tmp_path / "book.yaml") == book
    assert len(list(tmp_path.iterdir())) == 1


ODD = (
    "yes NO on 1 1e3 ~ null << = - &a *a".split()
    + ["", "- a", "a: b", "# a", "a\n\n b\n", " a", "a ", "\t", "\x85", "\u2028", "\r\n", "\ufeff", "\0"]
)  # fmt: skip
texts = some.text(some.characters(exclude_categories=["Cs"]), max_size=30) | some.sampled_from(ODD)
labels = texts.filter(lambda text: plain(text) and text == text.strip() and len(text.splitlines()) == 1)
definitions = some.dictionaries(labels, texts, min_size=2, max_size=4).filter(
    lambda found: len({plain(label) for label in found}) == len(found)
)
sentences = some.lists(texts.filter(str.strip), max_size=2)


@some.composite
def questions(draw):
    ask, exclusions = draw(texts), draw(sentences)
    if draw(some.booleans()):
        low = draw(some.integers(-5, 5))
        anchors = draw(some.dictionaries(some.integers(low, low + 4), texts.filter(str.strip), max_size=2))
        pairs = [(text, str(low + 1)) for text in draw(sentences)]
        return Scale(low, low + 4, ask, anchors, pairs, exclusions)
    found = draw(definitions)
    pairs = [(text, next(iter(found))) for text in draw(sentences)]
    if draw(some.booleans()) and not any(re.search(r"[|,;]", label) or plain(label) == "none" for label in found):
        return Tags(found, ask, [*pairs, ("x", ""), ("y", list(found))], exclusions)
    return Choice(found, ask, pairs, exclusions)


names = labels.filter(lambda name: name not in RESERVED and not re.search(r"_coder_\d+$", name))


@settings(max_examples=80, deadline=None)
@given(texts.filter(str.strip), some.dictionaries(names, questions(), min_size=1, max_size=2), texts)
def test_every_codebook_survives_its_file(name, asked, introduction):
    book = Codebook(name, asked, introduction)
    again = Codebook.from_yaml(book.to_yaml())
    assert again == book
    assert list(again.questions) == list(book.questions)
    for question, read in zip(book.questions.values(), again.questions.values(), strict=True):
        assert read.options == question.options
    assert again.to_yaml() == book.to_yaml()


@settings(max_examples=80, deadline=None)
@given(questions())
def test_every_label_survives_an_answer(question):
    for label in question.options:
        assert question.parse(question.to_json(label)) == label
        if not label.startswith(("{", "```")):
            assert question.parse(question.say(label)) == label


@settings(max_examples=80, deadline=None)
@given(texts)
def test_no_answer_raises(text):
    for question in (POLITICAL, TOPICS, TEMPER):
        for answer in (text, f'{{"label": {text}}}', f'{{"label": {json.dumps(text)}}}'):
            label = question.parse(answer)
            assert label is None or question.check(label) == label


class TestPosts:
    """data/posts/labeling.yaml, beside the codebook that the coders used."""

    book = Codebook.read(data.root() / "posts" / "labeling.yaml")
    posts = data.load("posts")

    def test_labels_are_those_of_the_coders(self):
        for name in ("political", "uncivil", "sentiment"):
            assert set(self.book.questions[name].options) == set(self.posts[name]), name
        kinds = [question.kind for question in self.book.questions.values()]
        assert kinds == ["choice", "choice", "choice", "tags", "scale"]

    def test_definitions_are_those_of_the_coders(self):
        written = squeezed((data.root() / "posts" / "codebook.md").read_text(encoding="utf-8"))
        for name in ("political", "uncivil", "sentiment"):
            question = self.book.questions[name]
            for sentence in [*question.labels.values(), *question.exclusions]:
                if "whatever they are about" not in sentence:
                    assert squeezed(sentence) in written, sentence

    def test_examples_cover_the_labels_and_are_no_data(self):
        known = {squeezed(text) for text in self.posts["text"]}
        for name, question in self.book.questions.items():
            assert question.ask and question.examples and question.exclusions, name
            if question.kind == "choice":
                assert {label for _, label in question.examples} == set(question.options), name
            assert not {squeezed(text) for text, _ in question.examples} & known

    def test_labels_survive_in_the_file(self):
        assert Codebook.from_yaml(self.book.to_yaml()) == self.book
        assert self.book.questions["topics"].examples[0][1] == "health|work"


def squeezed(text: str) -> str:
    """Return a text in small letters, with its words only."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))
