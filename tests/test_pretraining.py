"""Hidden words and next sentences, on a tiny model with random weights."""

import numpy as np
import pytest
import torch
import transformers

from workshop_lib import classify, errors, models


@pytest.fixture
def tiny(monkeypatch):
    """A random model in the place of the role masked_lm, with the encoder's tokenizer."""
    tokenizer = models.load("encoder").tokenizer
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    model = transformers.BertForPreTraining(config).eval()
    monkeypatch.setattr(models, "load", lambda role, profile=None: models.Loaded(model, tokenizer, None))
    return model, tokenizer


def test_cloze_and_likeliest_are_the_softmax_at_the_mask(tiny):
    model, tokenizer = tiny
    text = "The government [MASK] the new law."
    encoding = tokenizer(text, return_tensors="pt")
    with torch.inference_mode():
        logits = model(**encoding).prediction_logits[0]
    place = encoding.input_ids[0].tolist().index(tokenizer.mask_token_id)
    expected = logits[place].softmax(-1).numpy()
    ids = tokenizer.convert_tokens_to_ids(["passed", "cat"])
    np.testing.assert_allclose(classify.cloze([text], ["passed", "cat"])[0], expected[ids], rtol=1e-4)
    found = classify.likeliest(text, top=3)
    assert list(found["token"]) == tokenizer.convert_ids_to_tokens(np.argsort(-expected)[:3].tolist())


def test_goes_on_is_the_models_own_judgement_of_a_pair(tiny):
    model, tokenizer = tiny
    encoding = tokenizer("It rained.", "We stayed in.", return_tensors="pt")
    with torch.inference_mode():
        expected = model(**encoding).seq_relationship_logits.softmax(-1)[0, 0].item()
    assert classify.goes_on(["It rained."], ["We stayed in."])[0] == pytest.approx(expected, rel=1e-4)
    with pytest.raises(errors.BadInputError, match="1 first and 2 second"):
        classify.goes_on(["a"], ["b", "c"])


def test_15_per_cent_are_hidden(tiny):
    texts = ["one two three four five six seven eight nine ten " * 4, "a b", ""]
    found = classify.guess_hidden(texts)
    assert found.groupby("text").size().tolist() == [6, 1]
    assert set(found[found["text"] == 1]["token"]) <= {"a", "b"}
    assert found["probability"].between(0, 1).all()
    assert classify.guess_hidden(texts).equals(found)


def test_one_side_is_really_taken_away(tiny):
    long = "one two three four five six seven eight nine ten eleven twelve"
    found = classify.guess_by_side([long, "too short"])
    assert len(found) == 1
    assert found["token"][0] in ("six", "seven")
    changed = classify.guess_by_side([long.replace("twelve", "moon")])
    assert changed["left only"][0] == found["left only"][0]


@pytest.mark.parametrize(("text", "count"), [("no gap", 0), ("[MASK] and [MASK]", 2)])
def test_one_mask_is_needed(tiny, text, count):
    with pytest.raises(errors.BadInputError, match=f"has {count} \\[MASK\\]"):
        classify.cloze([text], ["cat"])


def test_a_word_must_be_one_token(tiny):
    with pytest.raises(errors.BadInputError, match="Choose a word of exactly one"):
        classify.cloze(["The [MASK]."], ["gerrymandering"])
