"""Translating: what happens to texts before and after the model, and the scores."""

import math
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers

from workshop_lib import errors, translation
from workshop_lib.plots import translation as draw


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


# ── Beam search ──

PIECES = ["<pad>", "</s>", "La", "L'", "course", "élection", "lutte"]
NEXT = {(): {2: 0.6, 3: 0.4}, (2,): {4: 0.4, 6: 0.35, 5: 0.25}, (3,): {5: 0.95, 4: 0.05}}


class ToyTokenizer:
    pad_token_id, eos_token_id = 0, 1

    def __call__(self, text, return_tensors):
        ones = torch.ones(1, 3, dtype=torch.long)
        return transformers.BatchEncoding({"input_ids": ones, "attention_mask": ones})

    def decode(self, ids, skip_special_tokens):
        return " ".join(PIECES[i] for i in ids if i > 1)

    def convert_ids_to_tokens(self, ids):
        return [PIECES[i] for i in ids]


class ToyModel:
    """A model whose next token depends on the tokens before it, as in NEXT; then it ends."""

    device = torch.device("cpu")
    config = SimpleNamespace(decoder_start_token_id=0)

    def get_encoder(self):
        return lambda **inputs: None

    def __call__(self, encoder_outputs, attention_mask, decoder_input_ids):
        chances = NEXT.get(tuple(decoder_input_ids[0, 1:].tolist()), {1: 1.0})
        row = torch.tensor([math.log(chances.get(i, 1e-12)) for i in range(len(PIECES))])
        return SimpleNamespace(logits=row.expand(1, decoder_input_ids.shape[1], -1).clone())


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(translation, "translator", lambda *pair: (ToyModel(), ToyTokenizer()))


def test_beam_search_finds_what_greedy_search_misses(toy):
    greedy, beams = (translation.beam_search("The election", beams=n) for n in (1, 2))
    assert greedy[-1]["translation"].tolist() == ["La course"]
    assert beams[-1]["translation"].tolist() == ["L' élection", "La course"]
    assert beams[-1]["log P"].tolist() == pytest.approx([math.log(0.38), math.log(0.24)], abs=1e-4)
    assert beams[-1]["log P / tokens"].iloc[0] == pytest.approx(math.log(0.38) / 3, abs=1e-4)
    assert beams[-1]["finished"].all() and not beams[1]["finished"].any()


def test_beam_search_says_what_each_row_continues(toy):
    tables = translation.beam_search("The election", beams=2)
    assert [table["token"].tolist() for table in tables] == [["La", "L'"], ["élection", "course"], ["</s>", "</s>"]]
    assert [table["before"].tolist() for table in tables] == [[0, 0], [1, 0], [0, 1]]
    assert len(translation.beam_search("The election", beams=3, steps=1)) == 1


# ── Alignments ──


def test_pieces_become_words_and_rows_still_sum_to_one():
    weights = np.random.default_rng(0).random((7, 6))
    weights /= weights.sum(axis=1, keepdims=True)
    source = ["▁the", "▁O", "ye", "laran", ",", "</s>"]
    target = ["▁l", "'", "é", "lection", "▁?", "▁non", "."]
    whole = translation.by_word(translation.Alignment(source, target, weights))
    assert whole.source == ["the", "Oyelaran", ",", "</s>"]
    assert whole.target == ["l'élection", "?", "non", "."]
    assert whole.weights.sum(axis=1) == pytest.approx(np.ones(4))
    assert whole.weights[0, 1] == pytest.approx(weights[:4, 1:4].sum(axis=1).mean())
    assert whole.weights[3, 0] == pytest.approx(weights[6, 0])


# ── Loss after translation ──


def test_loss_is_paired():
    draw_from = np.random.default_rng(1)
    truth = draw_from.choice(["a", "b", "c"], 200)
    before = np.where(draw_from.random(200) < 0.8, truth, "a")
    same = translation.loss(truth, before, before)
    assert (same.loss, same.low, same.high) == (0, 0, 0)  # unpaired draws would vary
    after = before.copy()
    after[:40] = "b"
    worse = translation.loss(truth, before, after)
    assert worse.low < worse.loss < worse.high and worse.low > 0
    assert worse == translation.loss(list(truth), list(before), list(after))  # the same seed


def test_loss_is_of_macro_f1():
    from sklearn.metrics import f1_score

    draw_from = np.random.default_rng(2)
    truth, before, after = (draw_from.choice(["a", "b", "c"], 90) for _ in range(3))
    found = translation.loss(truth, before, after, draws=50)
    assert found.before == pytest.approx(f1_score(truth, before, average="macro"))
    assert found.after == pytest.approx(f1_score(truth, after, average="macro"))


def test_loss_of_unequal_lists():
    with pytest.raises(errors.BadInputError, match="3 true labels, 2 predictions before.*1 after"):
        translation.loss(["a", "b", "a"], ["a", "b"], ["a"])
    with pytest.raises(errors.BadInputError, match="0 true labels"):
        translation.loss([], [], [])


# ── Figures ──


def test_figures_are_drawn(toy):
    import pandas as pd

    from workshop_lib import minimal_pairs

    tables = translation.beam_search("The election", beams=2)
    texts = [text.get_text() for text in draw.beam_tree(tables).axes[0].texts]
    assert any(text.startswith("[end]") for text in texts) and "start" in texts
    one = translation.Alignment(["the", "cat"], ["le", "chat"], np.array([[0.9, 0.1], [0.2, 0.8]]))
    assert [label.get_text() for label in draw.alignment(one).axes[0].get_yticklabels()] == ["le", "chat"]
    sentences = minimal_pairs.pairs("idioms")
    summary = minimal_pairs.summary(minimal_pairs.judge(sentences, ["Oui."] * len(sentences)))
    assert len(draw.shares({"idioms": summary, "again": summary}).axes[0].get_yticks()) == 4
    losses = pd.DataFrame({"measure": ["m"], "variable": ["v"], "loss": [0.1], "low": [0.0], "high": [0.2]})
    assert draw.losses(losses).axes[0].get_xlabel().startswith("macro F1 lost")
    scores = pd.DataFrame({"beam 4": [50.0], "greedy": [49.0]}, index=["news"])
    assert draw.scores_by_group(scores, "chrF", 20.0, "another sentence").axes[0].get_xlabel() == "chrF"


def test_groups_side_by_side_keep_their_order_and_leave_the_threads_as_they_were():
    def work(group):
        time.sleep(0.05 if group == [0] else 0)  # the first ends last
        return [str(row) for row in group]

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert list(translation.on_all_cores(work, [[0], [1], [2]], torch.device("cpu"))) == [["0"], ["1"], ["2"]]
        with pytest.raises(ZeroDivisionError):
            list(translation.on_all_cores(lambda group: 1 // group[0], [[1], [0], [2]], torch.device("cpu")))
        seen = []
        later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        later.start()
        later.join()
        assert (torch.get_num_threads(), seen) == (2, [2])
    finally:
        torch.set_num_threads(before)
