"""The assistant's training conversations: well formed, and without the held-out wordings."""

import json
import random
import re

import pytest

from training import assistant_tasks as tasks
from workshop_lib.course.evaluation import assistant as held_out


@pytest.fixture(scope="module")
def material():
    """What the tasks draw from, with made-up texts in the place of the corpora's."""
    made = tasks.Material(
        posts=[],
        emotions={emotion: [f"I feel {emotion}."] for emotion in tasks.EMOTIONS},
        sentiments={tone: [f"A {tone} text."] for tone in tasks.TONES},
        reviews={"positive": ["A fine film."], "negative": ["A dull film."]},
        intents={f"intent {n}": [f"Question {n}?"] for n in range(6)},
        political=["The law passed."],
        everyday=["The cat sleeps."],
        cities=[("Lagos", "Nigeria")],
        capitals=[("Abuja", "Nigeria")],
    )
    tasks.read_written(made)
    return made


@pytest.fixture(scope="module")
def drawn(material):
    chance = random.Random(7)
    return [tasks.draw(material, chance) for _ in range(4000)]


def test_conversations_are_well_formed(drawn):
    for messages in drawn:
        roles = [message["role"] for message in messages]
        assert roles[-1] == "assistant"
        turns = roles[1:] if roles[0] == "system" else roles
        assert turns == ["user", "assistant"] * (len(turns) // 2)
        assert all(message["content"].strip() and "{" not in message["content"] for message in messages)


def test_every_task_is_drawn(material):
    for task in tasks.TASKS:
        assert task(material, random.Random(1))[-1]["role"] == "assistant"


def test_no_held_out_wording_or_text_is_trained(drawn, material):
    said = {message["content"] for messages in drawn for message in messages}
    checks = {text for name, column in (("posts", "text"), ("rude", "rude")) for text in held_out.checks(name)[column]}
    written = {post["text"] for post in material.posts} | {row["rude"] for row in material.rewrites}
    assert not checks & (said | written)
    names = {tuple(sorted(n)) for key in ("sentiment_names", "politics_names") for n in tasks.WORDINGS[key]}
    wordings = json.dumps(tasks.WORDINGS)
    for wording, labels in (*held_out.POLITICAL, *held_out.SENTIMENT, *held_out.UNCIVIL):
        question = max(wording.replace("{text}", "").split("\n"), key=len).strip()
        assert question not in wordings
        if labels not in (("yes", "no"), ("positive", "negative", "neutral")):
            assert tuple(sorted(labels)) not in names
    assert not {system for system, _ in held_out.PERSONAS} & {row["persona"] for row in material.personas}


def test_sums_are_right(material):
    chance = random.Random(3)
    for _ in range(200):
        question, answer = (message["content"] for message in tasks.sums(material, chance))
        numbers = [int(n) for n in "".join(c if c.isdigit() else " " for c in question).split()]
        assert answer.rstrip(".").split()[-1] == str(sum(numbers))


def test_answers_to_labelling_questions_stand_in_the_question(material):
    chance = random.Random(5)
    for _ in range(500):
        messages = tasks.choice(material, chance)
        assert messages[-1]["content"] in messages[-2]["content"]


def test_coded_answers_are_those_of_the_post(material, monkeypatch):
    monkeypatch.setattr(tasks, "worn", lambda chance, text: text)
    posts = {post["text"]: post for post in material.posts}
    chance = random.Random(9)
    for task in (tasks.profile, tasks.coding):
        for _ in range(100):
            question, answer = (message["content"] for message in task(material, chance))
            post = next(posts[text] for text in posts if text in question)
            for name, value in (part.split(": ") for part in answer.split(", ")):
                variable = next(v for v, names in tasks.CODED.items() if name in names)
                assert value == post[variable]


def test_an_answer_that_names_its_variable_ends_with_the_plain_label(material):
    for seed in range(200):
        system, question, answer = tasks.named(material, random.Random(seed))
        assert "name the variable" in system["content"].lower()
        name, _, label = answer["content"].partition(": ")
        assert name in {*tasks.YES_NO, *tasks.CHOICES}
        assert label


def test_the_first_stage_only_codes_posts(material):
    chance = random.Random(2)
    assert {tasks.draw(material, chance, stage=0)[0]["content"][:19] for _ in range(50)} == {"Code all variables."}


def test_what_is_copied_stands_in_the_question(material):
    chance = random.Random(2)
    for _ in range(200):
        question, answer = (message["content"] for message in tasks.copying(material, chance))
        assert set(re.findall("[A-Za-z]+", answer)) <= set(re.findall("[A-Za-z]+", question))


def test_a_worn_post_keeps_its_order_and_most_of_its_words():
    text = " ".join(str(number) for number in range(1000))
    kept = [tasks.worn(random.Random(seed), text).split() for seed in range(20)]
    assert any(len(words) == 1000 for words in kept)
    thinned = [words for words in kept if len(words) < 1000]
    assert thinned
    for words in thinned:
        assert words == sorted(words, key=int)
        assert 800 < len(words) < 900


def test_answers_obey_the_rule_of_the_system_message(material):
    for seed in range(300):
        messages = tasks.persona(material, random.Random(seed))
        system, answer = messages[0]["content"], messages[-1]["content"]
        if system in tasks.WORDINGS["rules"]["upper"]:
            assert answer == answer.upper()
        if system in tasks.WORDINGS["rules"]["one"]:
            assert len(answer.split()) == 1


def test_posts_that_watch_the_training_are_not_trained_on(material):
    assert len(material.watched) > 100
    assert not {post["text"] for post in material.watched} & {post["text"] for post in material.posts}
