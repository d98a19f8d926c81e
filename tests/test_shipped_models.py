"""Each shipped model does its task on texts that were written for the course.

The bands are loose: they tell a working model from a broken one. The exact figures stand in
the model cards, and ``python -m workshop_lib models evaluate`` recomputes them.
"""

import gzip
import lzma
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from PIL import Image, ImageDraw

from workshop_lib import data, language_models, models, translation
from workshop_lib.course.evaluation import assistant, causal_lm, image_text, masked_lm, sums


def needs(role: str) -> pytest.MarkDecorator:
    """Skip a test while the role's model is still being trained."""
    return pytest.mark.skipif((role, "mini") not in models.CARDS, reason=f"{role} isn't shipped yet")


def checks(name: str) -> pd.DataFrame:
    return pd.read_csv(data.root() / "model_checks" / f"{name}.csv", dtype=str, keep_default_na=False)


# ── Base language model ──────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def base():
    return models.load("causal_lm", "mini")


def test_base_model_knows_where_shanghai_is(base):
    assert causal_lm.rank_of(base, "Shanghai is a city in", "China") <= 3


def test_base_model_needs_fewer_bits_than_compressors(base):
    passages = checks("passages")
    texts = [f"{row['first']} {row['second']}" for _, row in passages.iterrows()]
    plain = "\n".join(texts).encode()
    needed = causal_lm.bits(base, texts) / len(plain)
    for packed in (gzip.compress(plain, 9), lzma.compress(plain, preset=9)):
        assert needed < 0.6 * 8 * len(packed) / len(plain)


def test_bits_of_a_long_text_count_each_token_once(base):
    """A text of more than one window: bits read in pieces come close to those of a single pass."""
    text = " ".join(checks("passages")["first"])[:1800]
    whole = causal_lm.bits(base, [text], window=512, stride=512)
    parts = causal_lm.bits(base, [text], window=256, stride=128)
    assert 0.95 * whole < parts < 1.1 * whole


def test_base_model_writes_words(base):
    ids = base.tokenizer("The city council voted to", return_tensors="pt").input_ids
    torch.manual_seed(0)
    out = base.model.generate(ids, max_new_tokens=20, do_sample=True, top_k=40, pad_token_id=0)
    words = base.tokenizer.decode(out[0]).split()
    known = set(models.word_vectors("mini").key_to_index)
    assert np.mean([word.strip(".,;:'\"()").lower() in known for word in words]) > 0.7


# ── Assistant ────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def helper():
    return models.load("assistant", "mini")


@needs("assistant")
def test_assistant_labels_posts_in_the_asked_format(helper):
    posts = checks("posts").head(120)
    wording, names = assistant.POLITICAL[0]
    answers = assistant.asked(helper, [wording.format(text=text) for text in posts["text"]])
    assert np.mean([answer in names for answer in answers]) >= 0.95
    assert assistant.balanced_accuracy(list(posts["political"]), answers) >= 0.7


@needs("assistant")
def test_a_system_message_changes_the_answers(helper):
    """It is obeyed now and then only (the card says how often), and never without being said."""
    system = {"role": "system", "content": assistant.PERSONAS[0][0]}
    questions = [[{"role": "user", "content": question}] for question in assistant.PERSONA_QUESTIONS]
    told = assistant.ask(helper, [[system, *question] for question in questions], max_new_tokens=30)
    untold = assistant.ask(helper, questions, max_new_tokens=30)
    assert sum(answer == answer.upper() for answer in told) >= 1
    assert not any(answer == answer.upper() for answer in untold)


@needs("assistant")
def test_assistant_ends_its_turn(helper):
    answers = assistant.asked(helper, ["Hello!", "What is the capital of France?"], max_new_tokens=60)
    assert all(0 < len(answer.split()) < 45 for answer in answers)


@needs("assistant")
def test_base_model_and_assistant_share_their_tokens(base, helper):
    assert base.tokenizer.get_vocab() == helper.tokenizer.get_vocab()
    assert base.tokenizer.chat_template is None
    assert helper.tokenizer.chat_template


@needs("assistant")
def test_assistant_answers_behind_a_server(helper, tmp_path):
    """``transformers serve`` on this machine, asked by the OpenAI client, gives the same answer."""
    from openai import OpenAI

    folder = models.export("assistant", tmp_path / "assistant", "mini")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("transformers")
    server = subprocess.Popen(
        [program, "serve", folder, "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(port, server)
        client = OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", timeout=120)
        messages = [{"role": "user", "content": "What is the capital of France?"}]
        answer = client.chat.completions.create(model=str(folder), messages=messages, max_tokens=30)
        said = answer.choices[0].message.content.strip()
        assert said == assistant.ask(helper, [messages], max_new_tokens=30)[0]
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for(port: int, server: subprocess.Popen, seconds: int = 120) -> None:
    """Wait until something listens on a port."""
    for _ in range(seconds * 2):
        assert server.poll() is None, "the server ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    raise AssertionError(f"nothing listens on port {port}")


# ── Chains of plus and times ──────────────────────────────────────────────────────────────


@needs("sums_at_once")
def test_steps_solve_the_longest_chains_and_one_answer_does_not():
    asked = sums.held_out(sums.LONGEST, size=100)
    results = {}
    for style in sums.STYLES:
        model, tokenizer, _ = models.load(f"sums_{style}", "mini")
        results[style] = sums.result(model, tokenizer, asked)
    assert results["with_steps"].right >= 90
    assert results["at_once"].right <= 60
    assert results["with_steps"].tokens > 10 * results["at_once"].tokens


@needs("sums_at_once")
def test_both_models_have_the_same_shape():
    at_once, with_steps = (models.load(f"sums_{style}", "mini").model for style in sums.STYLES)
    shapes = [{name: p.shape for name, p in model.named_parameters()} for model in (at_once, with_steps)]
    assert shapes[0] == shapes[1]


# ── Facts ────────────────────────────────────────────────────────────────────────────────


def test_facts_are_learnt_in_one_direction_only(base):
    facts = language_models.invented_facts(10)
    taught = language_models.learn(base, language_models.sentences(facts))
    found = language_models.reversal_test(taught, facts)
    assert found["name to deed"] >= 0.9
    assert found["deed to name"] <= 0.4


def test_the_model_that_learns_is_a_copy(base):
    before = next(base.model.parameters()).clone()
    language_models.learn(base, ["Alma Abbott is the mayor of the Old Mill."], passes=1)
    assert torch.equal(before, next(base.model.parameters()))


# ── Translator ───────────────────────────────────────────────────────────────────────────


@needs("translator")
def test_plain_sentences_become_french():
    french = translation.translate(["Thank you.", "My brother is a teacher.", "Where is the station?"])
    assert french[0].startswith("Merci")
    assert {"mon", "frère", "professeur"} & set(french[1].lower().strip(".").split()) >= {"mon", "frère"}
    assert "gare" in french[2] or "station" in french[2]


@needs("translator")
def test_translations_of_the_course_sentences_come_close_to_their_references():
    pairs = data.load("parallel").head(60)
    found = translation.score(translation.translate(list(pairs["english"])), list(pairs["french"]))
    assert found["chrf"] >= 40


# ── Masked language model ────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def filler():
    return models.load("masked_lm", "mini")


@needs("masked_lm")
def test_hidden_words_are_guessed_from_both_sides(filler):
    best = {}
    for text in ("He opened the [MASK] with a key.", "The capital of France is [MASK]."):
        chances = masked_lm.fill(filler.model, filler.tokenizer, text)
        best[text] = filler.tokenizer.convert_ids_to_tokens(np.argsort(-chances)[:10])
    assert {"door", "gate", "box"} & set(best["He opened the [MASK] with a key."])
    assert "paris" in best["The capital of France is [MASK]."]


@needs("masked_lm")
def test_own_sample_meets_a_loose_band(filler):
    found = {figure.name: figure.value for figure in masked_lm.passages(filler.model, filler.tokenizer)}
    assert found["masked tokens, top-5 accuracy, own sample"] >= 0.45
    assert found["next sentence, accuracy, own sample"] >= 0.65  # short single sentences: harder than blocks


# ── Image and text ───────────────────────────────────────────────────────────────────────


def drawing(*shapes: tuple[str, tuple, str]) -> Image.Image:
    """Return a picture of 72 × 72 pixels made of shapes: (kind, corners, colour)."""
    picture = Image.new("RGB", (72, 72), "white")
    pen = ImageDraw.Draw(picture)
    for kind, corners, colour in shapes:
        getattr(pen, kind)(corners, fill=colour)
    return picture


DRAWN = {  # drawn for this test; none is an emoji of the training
    "red heart": drawing(("ellipse", (8, 12, 38, 42), "#dd2e44"), ("ellipse", (34, 12, 64, 42), "#dd2e44"), ("polygon", [(10, 34), (62, 34), (36, 66)], "#dd2e44")),
    "green circle": drawing(("ellipse", (6, 6, 66, 66), "#78b159")),
    "blue square": drawing(("rectangle", (6, 6, 66, 66), "#55acee")),
    "flag of france": drawing(("rectangle", (4, 14, 25, 58), "#0055a4"), ("rectangle", (26, 14, 46, 58), "#eeeeee"), ("rectangle", (47, 14, 68, 58), "#ef4135")),
    "slightly smiling face": drawing(("ellipse", (4, 4, 68, 68), "#ffcc4d"), ("ellipse", (22, 22, 30, 34), "#664500"), ("ellipse", (42, 22, 50, 34), "#664500"), ("ellipse", (22, 42, 50, 54), "#664500")),
    "black large square": drawing(("rectangle", (6, 6, 66, 66), "#31373d")),
}  # fmt: skip


@needs("image_text")
def test_drawings_find_their_names():
    model, processor, _ = models.load("image_text", "mini")
    images = image_text.image_vectors(model, processor, list(DRAWN.values()))
    texts = image_text.text_vectors(model, processor, [image_text.NAME_PROMPT.format(name) for name in DRAWN])
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), 1, atol=1e-5)
    right = image_text.top_one(images, texts, np.arange(len(DRAWN)))
    assert right.sum() >= 4, [list(DRAWN)[i] for i in (images @ texts.T).argmax(axis=1)]
