"""Vectors, similarity and tests of lesson 01, held against direct computations and libraries."""

import numpy as np
import pandas as pd
import pytest
import torch

from workshop_lib import embeddings, models, texts
from workshop_lib.embeddings import encoder as encoder_room
from workshop_lib.errors import BadInputError, UnknownNameError

SENTENCES = [
    "John went to the bank to withdraw cash.",
    "He sat on the river bank, and the bank was muddy.",
    "BANK says no again!",
    "Unbankable assets frighten the bank's auditors more than anything else in the ledger.",
]


@pytest.fixture(scope="module")
def loaded():
    return models.load("encoder", "mini")


@pytest.fixture(autouse=True)
def mini(monkeypatch):
    monkeypatch.setenv("WORKSHOP_PROFILE", "mini")


@pytest.fixture
def vectors():
    """A toy KeyedVectors with a perfect king - man + woman = queen."""
    from gensim.models import KeyedVectors

    words = ["king", "queen", "man", "woman", "apple", "pear"]
    rows = [[1, 1, 0], [1, -1, 0], [0.2, 1, 0], [0.2, -1, 0], [0, 0.1, 1], [0, -0.1, 1]]
    made = KeyedVectors(3)
    made.add_vectors(words, np.array(rows, dtype=np.float32))
    return made


# ── Vectors from the encoder ─────────────────────────────────────────────────────────────


def states(loaded, text):
    """All hidden states of one text, shape (layers + 1, n, d), and its tokens."""
    inputs = loaded.tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        output = loaded.model(**inputs, output_hidden_states=True)
    tokens = loaded.tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
    return torch.stack(output.hidden_states)[:, 0].numpy(), tokens


@pytest.mark.parametrize("layer", [0, 3, 6, -1, -7])
def test_a_word_has_the_state_of_its_token(loaded, layer):
    found = embeddings.word_in_context(SENTENCES, "bank", layer, torch.float32)
    for text, vector in zip(SENTENCES, found):
        hidden, tokens = states(loaded, text)
        np.testing.assert_allclose(vector, hidden[layer, tokens.index("bank")], atol=2e-5)


def test_all_layers_in_one_pass_equal_each_layer_alone():
    everything = embeddings.word_in_context(SENTENCES, "bank", layer=None)
    assert everything.shape == (7, 4, 384)
    for layer in range(7):
        alone = embeddings.word_in_context(SENTENCES, "bank", layer)
        np.testing.assert_allclose(everything[layer], alone, atol=1e-6)


def test_a_word_of_several_pieces_is_their_mean(loaded):
    text = "The polysemous word was there."
    hidden, tokens = states(loaded, text)
    pieces = [i for i, token in enumerate(tokens) if token in ("poly", "##se", "##mous")]
    assert len(pieces) == 3
    [vector] = embeddings.word_in_context([text], "polysemous", precision=torch.float32)
    np.testing.assert_allclose(vector, hidden[-1, pieces].mean(0), atol=2e-5)


def test_a_list_of_words_takes_one_a_sentence(loaded):
    found = embeddings.word_in_context(["a cat sat", "a dog ran"], ["cat", "ran"])
    expected = [embeddings.word_in_context([t], w)[0] for t, w in [("a cat sat", "cat"), ("a dog ran", "ran")]]
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_a_word_with_an_accent_and_one_in_two_parts(loaded):
    hidden, tokens = states(loaded, "A Café in New York.")
    cafe, city = embeddings.word_in_context(["A Café in New York."] * 2, ["café", "new york"])
    np.testing.assert_allclose(cafe, hidden[-1, tokens.index("cafe")], atol=2e-5)
    places = [tokens.index("new"), tokens.index("york")]
    np.testing.assert_allclose(city, hidden[-1, places].mean(0), atol=2e-5)


def test_sentence_vectors_are_the_mean_of_unpadded_states(loaded):
    texts = [*SENTENCES, "", "cat", "word " * 600]
    with pytest.warns(embeddings.CutTextWarning, match="1 of 7 texts have more than 256 tokens"):
        found = embeddings.sentence_vectors(texts, torch.float32)
    for text, vector in zip(texts, found):
        inputs = loaded.tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
        with torch.no_grad():
            mean = loaded.model(**inputs).last_hidden_state[0].mean(0)
        np.testing.assert_allclose(vector, (mean / mean.norm()).numpy(), atol=2e-5)


def test_order_is_kept_when_many_batches_are_made(monkeypatch):
    texts = [" ".join(["word"] * (1 + 7 * n % 11)) + f" {n}" for n in range(30)]
    together = embeddings.sentence_vectors(texts)
    monkeypatch.setattr(encoder_room, "TOKENS_PER_BATCH", {"cpu": 16})
    np.testing.assert_allclose(embeddings.sentence_vectors(texts), together, atol=2e-5)


def test_no_batch_is_over_budget_and_each_row_comes_once():
    lengths = np.random.default_rng(0).integers(1, 257, 500).tolist()
    batches = texts.batches(lengths, 2048)
    assert sorted(row for batch in batches for row in batch) == list(range(500))
    assert max(len(b) * max(lengths[r] for r in b) for b in batches) <= 2048
    padded = sum(len(b) * max(lengths[r] for r in b) for b in batches)
    assert padded <= 1.1 * sum(lengths)
    assert texts.batches([9000], 2048) == [[0]]


def test_bfloat16_stays_close(loaded):
    exact = embeddings.sentence_vectors(SENTENCES, torch.float32)
    rounded = embeddings.sentence_vectors(SENTENCES, torch.bfloat16)
    assert 0.99 < (exact * rounded).sum(1).min() and not np.array_equal(exact, rounded)
    assert next(loaded.model.parameters()).dtype == torch.float32


def test_nothing_in_nothing_out():
    assert embeddings.sentence_vectors([]).shape == (0, 384)
    assert embeddings.word_in_context([], "bank").shape == (0, 384)
    assert embeddings.word_in_context([], "bank", layer=None).shape == (7, 0, 384)


def test_a_column_of_a_table_is_fine():
    column = pd.Series(SENTENCES, index=[9, 8, 7, 6])
    assert embeddings.sentence_vectors(column).shape == (4, 384)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: embeddings.word_in_context(["The banks shut."], "bank"), "The banks shut."),
        (lambda: embeddings.word_in_context(["a " * 300 + "bank"], "bank"), "256 tokens"),
        (lambda: embeddings.word_in_context(["a bank"], ["bank", "river"]), "1 sentences and 2"),
        (lambda: embeddings.word_in_context(["a bank"], "bank", layer=7), "no layer 7"),
        (lambda: embeddings.word_in_context("a bank", "bank"), "list of strings"),
        (lambda: embeddings.word_in_context(["a bank"], ""), "isn't in the sentence"),
        (lambda: embeddings.sentence_vectors("a bank"), "list of strings"),
        (lambda: embeddings.sentence_vectors(["a", float("nan")]), "Item 1 .* nan"),
        (lambda: embeddings.sentence_vectors(["a", None]), "Item 1 .* None"),
        (lambda: embeddings.sentence_vectors(7), "are 7"),
    ],
)
def test_bad_texts_get_an_error_that_says_what_to_do(call, message):
    with pytest.raises(BadInputError, match=message):
        call()


def test_a_bert_with_other_sizes_works_too(loaded, monkeypatch):
    """The full profile's encoder has another depth, and no file that limits its reading."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=24, num_hidden_layers=12, num_attention_heads=2, intermediate_size=32
    )
    small = models.Loaded(BertModel(config).eval(), loaded.tokenizer, loaded.card)
    monkeypatch.setattr(models, "load", lambda role: small)
    text = "a " * 400 + "bank"
    assert embeddings.word_in_context([text], "bank", layer=None).shape == (13, 1, 24)
    assert embeddings.sentence_vectors([text]).shape == (1, 24)
    with pytest.raises(BadInputError, match="512 tokens"):
        embeddings.word_in_context(["a " * 600 + "bank"], "bank")


# ── Similarity and analogies ─────────────────────────────────────────────────────────────


def test_cosine_equals_scipy():
    from scipy.spatial.distance import cdist

    random = np.random.default_rng(1)
    a, b = random.normal(size=(5, 7)), random.normal(size=(3, 7))
    np.testing.assert_allclose(embeddings.cosine(a, b), 1 - cdist(a, b, "cosine"), atol=1e-12)


@pytest.mark.parametrize(
    "a, b, message",
    [
        ([0, 0], [1, 1], "row of zeros"),
        ([np.nan, 0], [1, 1], "finite"),
        ([1, 2, 3], [1, 2], "3 numbers, the second 2"),
        (["king"], ["queen"], "Look words up first"),
        ([[[1.0]]], [1.0], "two dimensions"),
    ],
)
def test_cosine_of_bad_vectors(a, b, message):
    with pytest.raises(BadInputError, match=message):
        embeddings.cosine(a, b)


def test_analogy_equals_gensim(vectors):
    found = embeddings.analogy("man", "king", "woman", topn=3, vectors=vectors)
    expected = vectors.most_similar(positive=["king", "woman"], negative=["man"], topn=3)
    assert [w for w, _ in found] == [w for w, _ in expected] and found[0][0] == "queen"
    np.testing.assert_allclose([s for _, s in found], [s for _, s in expected], atol=1e-6)


def test_inputs_come_back_unless_excluded(vectors):
    included = embeddings.analogy("apple", "pear", "king", exclude_inputs=False, vectors=vectors)
    excluded = embeddings.analogy("apple", "pear", "king", vectors=vectors)
    assert "king" in dict(included) and "king" not in dict(excluded)


def test_an_unknown_word_gets_a_suggestion(vectors):
    with pytest.raises(UnknownNameError, match="'King'. Did you mean king"):
        embeddings.analogy("man", "King", "woman", vectors=vectors)


def test_context_average_leaves_the_word_out(vectors):
    found = embeddings.context_average(["King, queen and APPLE!", "xyz king"], ["apple", "king"], vectors)
    np.testing.assert_allclose(found[0], [1, 0, 0])
    assert not found[1].any()


def test_analogy_accuracy_equals_gensim(tmp_path, monkeypatch):
    from gensim.models import KeyedVectors
    from gensim.test.utils import datapath

    file = datapath("questions-words.txt")
    text = open(file, encoding="utf-8").read().lower().split()
    words = sorted({word for word in text if word.isalpha()})
    random = np.random.default_rng(0)
    made = KeyedVectors(20)
    rows = random.normal(size=(len(words), 20))
    places = {word: i for i, word in enumerate(words)}
    for country, capital in [("greece", "athens"), ("iraq", "baghdad"), ("france", "paris")]:
        rows[places[capital]] = rows[places[country]] + 3  # a shared direction: solvable
    made.add_vectors(words, rows.astype(np.float32))
    score, _ = made.evaluate_word_analogies(file, restrict_vocab=len(words), case_insensitive=True)
    table = embeddings.analogy_accuracy(vocabulary=len(words), vectors=made)
    assert table.loc["all", "right"] == pytest.approx(score, abs=1e-4) and score > 0
    assert table.loc["all", "returns_input"] == 0
    assert table.loc["all", "questions"] == table["questions"][:-1].sum() == 19544
    free = embeddings.analogy_accuracy(False, vocabulary=len(words), vectors=made)
    assert free.loc["all", "returns_input"] > 0.5


# ── Measures ─────────────────────────────────────────────────────────────────────────────


def test_association_effect_by_hand():
    a, b = np.array([[1.0, 0]]), np.array([[0, 1.0]])
    x, y = np.array([[1.0, 0], [2, 0]]), np.array([[0, 3.0], [0, 1]])
    found = embeddings.association_test(x, y, a, b)
    assert found.leaning_x.tolist() == [1, 1] and found.leaning_y.tolist() == [-1, -1]
    assert found.effect == pytest.approx(2 / np.std([1, 1, -1, -1], ddof=1))
    assert found.p_value == pytest.approx(1 / 6)  # one of six regroupings is as extreme


def test_association_p_value_is_that_of_scipy():
    from scipy.stats import permutation_test

    random = np.random.default_rng(3)
    x, y, a, b = (random.normal(size=(n, 4)) for n in (6, 6, 3, 3))
    found = embeddings.association_test(x, y, a, b)
    expected = permutation_test(
        (found.leaning_x, found.leaning_y),
        lambda p, q: np.mean(p) - np.mean(q),
        alternative="greater",
        n_resamples=np.inf,
    )
    assert found.p_value == pytest.approx(expected.pvalue)


def test_hedges_g_by_hand():
    first, second = np.array([2.0, 4, 6]), np.array([1.0, 2, 3])
    pooled = np.sqrt((4 + 1) / 2)
    assert embeddings.hedges_g(first, second) == pytest.approx(2 / pooled * (1 - 3 / 15))


def test_comparison_agrees_with_scipy_and_covers_the_truth():
    from scipy.stats import permutation_test

    random = np.random.default_rng(4)
    first, second = random.normal(1.0, 1, 18), random.normal(0.0, 1, 18)
    found = embeddings.compare_groups(first, second)
    assert found.low < found.effect < found.high
    expected = permutation_test(
        (first, second), lambda p, q: np.mean(p) - np.mean(q), n_resamples=20_000
    )
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.01)
    assert found == embeddings.compare_groups(first, second)  # the same seed, the same numbers


def test_equal_groups_show_no_difference():
    values = np.arange(10.0)
    found = embeddings.compare_groups(values, values)
    assert found.effect == 0 and found.p_value == 1 and found.low < 0 < found.high


def test_groups_need_two_words():
    with pytest.raises(BadInputError, match="1 and 3"):
        embeddings.compare_groups([1], [1, 2, 3])
    with pytest.raises(BadInputError, match="at least two"):
        embeddings.association_test(np.eye(2)[:1], np.eye(2), np.eye(2), np.eye(2))


def test_sense_similarity_by_hand():
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 0], [2, 0], [3, 0]])
    words = ["bank"] * 4 + ["cat"] * 3
    senses = ["money", "money", "river", "river", "pet", "pet", "big"]
    table = embeddings.sense_similarity(vectors, words, senses)
    assert table.loc["bank"].tolist() == [1, 0, 1]
    assert table.loc["cat"].tolist() == [1, 1, 0]


def test_sense_similarity_of_bad_input():
    with pytest.raises(BadInputError, match="2 vectors, 1 words"):
        embeddings.sense_similarity(np.eye(2), ["a"], ["b", "c"])
    with pytest.raises(BadInputError, match="'a' needs two sentences"):
        embeddings.sense_similarity(np.eye(2), ["a", "a"], ["b", "b"])


def test_sense_accuracy_finds_what_is_there_and_only_that():
    random = np.random.default_rng(0)
    senses = np.tile(["one", "two"], 14)
    words = np.repeat(["seen", "hidden"], 14)
    features = random.normal(size=(28, 3))
    features[:14, 0] += np.where(senses[:14] == "one", 9, -9)
    features[14:] = 1.0  # a static vector: the same in every sentence
    accuracy = embeddings.sense_accuracy(features, words, senses)
    assert accuracy["seen"] == 1 and accuracy["hidden"] == 0.5
