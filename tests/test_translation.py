"""Translating: what happens to texts before and after the model, and the scores."""

import numpy as np
import pytest
import torch
import transformers

from workshop_lib import errors, translation


class Words:
    """A tokenizer of whole words."""

    pad_token_id, eos_token_id = 0, 1

    def __init__(self) -> None:
        self.words = ["<pad>", "</s>"]

    def id_of(self, word: str) -> int:
        if word not in self.words:
            self.words.append(word)
        return self.words.index(word)

    def __call__(self, texts):
        return {"input_ids": [[*(self.id_of(word) for word in text.split()), 1] for text in texts]}

    def pad(self, rows, return_tensors):
        longest = max(map(len, rows["input_ids"]))
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows["input_ids"]])
        return transformers.BatchEncoding({"input_ids": ids, "attention_mask": (ids > 0).long()})

    def batch_decode(self, ids, skip_special_tokens):
        return [" ".join(self.words[i].upper() for i in row if i > 1) for row in ids.tolist()]


class Shouter:
    """A model whose translation of a sentence is the sentence; it notes what it is asked."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.asked: list[torch.Tensor] = []

    def generate(self, input_ids, attention_mask, num_beams, max_length):
        self.asked.append(input_ids)
        return input_ids


@pytest.fixture
def shouter(monkeypatch):
    model, tokenizer = Shouter(), Words()
    monkeypatch.setattr(translation, "translator", lambda *pair: (model, tokenizer))
    return model


def test_a_very_long_sentence_is_translated_whole(shouter):
    words = [f"w{number}" for number in range(10_000)]
    words[39] += ","
    assert translation.translate([" ".join(words)]) == [" ".join(words).upper()]
    longest = max(len(row) for rows in shouter.asked for row in rows)
    assert longest <= translation.WORDS + 1
    assert [len(part.split()) for part in translation.in_parts(" ".join(words[:100]))] == [40, 50, 10]


def test_order_empties_and_line_breaks_are_kept(shouter):
    texts = ["one two", "", "a b. C d!\n\n e", "   ", "z"]
    assert translation.translate(texts) == ["ONE TWO", "", "A B. C D!\n\nE", "", "Z"]


def test_equal_sentences_are_translated_once(shouter):
    assert translation.translate(["same thing"] * 40) == ["SAME THING"] * 40
    assert sum(len(rows) for rows in shouter.asked) == 1


def test_batches_waste_little(shouter):
    chance = np.random.default_rng(0)
    texts = [" ".join(f"w{i}x{j}" for j in range(chance.integers(1, 60))) for i in range(150)]
    assert translation.translate(texts) == [text.upper() for text in texts]
    padding = sum(int((rows == 0).sum()) for rows in shouter.asked)
    assert padding < 0.12 * sum(rows.numel() for rows in shouter.asked)
    assert len(shouter.asked) < 30


def test_a_part_with_too_many_tokens_is_cut_with_a_warning(shouter, monkeypatch):
    monkeypatch.setattr(translation, "LONGEST", 20)
    with pytest.warns(UserWarning, match="1 sentences have more than 20 tokens"):
        (found,) = translation.translate(["word " * 30])
    assert found == " ".join(["WORD"] * 19)
    assert shouter.asked[0][0, -1] == 1  # the end mark is kept


def test_bad_input(monkeypatch):
    with pytest.raises(errors.BadInputError, match="Give a list"):
        translation.translate("one text")
    with pytest.raises(errors.BadInputError, match="beams is 0"):
        translation.translate(["one"], beams=0)
    with pytest.raises(errors.SettingError, match="from en to fr, not from de to en.*WORKSHOP_PROFILE=full"):
        monkeypatch.setenv("WORKSHOP_PROFILE", "mini")
        translation.translate(["ein Text"], "de", "en")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Mr. Smith left. He ran.", ["Mr. Smith left.", "He ran."]),
        ("It rose by 3.5 per cent. Nobody cared.", ["It rose by 3.5 per cent.", "Nobody cared."]),
        ('"Stop!" She turned. "Why?"', ['"Stop!"', "She turned.", '"Why?"']),
        ("J. K. Lee spoke... Then silence", ["J. K. Lee spoke...", "Then silence"]),
        ("no capital. follows here", ["no capital. follows here"]),
    ],
)
def test_sentences_are_found(line, found):
    assert translation.sentences(line) == found


def test_scores_take_one_reference_or_several():
    said = ["Le chat dort sur le lit ce soir.", "Il pleut."]
    one = translation.score(said, ["Le chat dort sur le lit ce matin.", "Il pleut."])
    many = translation.score(said, [["Le chat dort sur le lit ce matin.", said[0]], ["Il pleut."]])
    assert 0 < one["bleu"] < many["bleu"] == pytest.approx(100)
    assert 0 < one["chrf"] < many["chrf"]
    assert "version" in one["signature"]
    with pytest.raises(errors.BadInputError, match="2 translations and 1 references"):
        translation.score(said, ["Il pleut."])
