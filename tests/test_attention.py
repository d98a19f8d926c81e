"""The room `attention` against PyTorch's own layers, and what must hold of any attention."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from workshop_lib import attention, data, models
from workshop_lib.errors import BadInputError

SENTENCE = "The animal didn't cross the street because it was too tired"


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ── attend ──


@pytest.mark.parametrize("shape", [(5, 8), (2, 5, 8), (2, 3, 5, 8)])
@pytest.mark.parametrize("causal", [False, True])
def test_attend_equals_torch(shape, causal):
    queries, keys, values = (draw(*shape, seed=seed) for seed in range(3))
    mask = attention.causal_mask(shape[-2]) if causal else None
    outputs, weights = attention.attend(queries, keys, values, mask)
    expected = nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    torch.testing.assert_close(outputs, expected)
    assert weights.shape == (*shape[:-1], shape[-2])


def test_attend_with_other_numbers_of_keys_and_of_values_width():
    outputs, weights = attention.attend(draw(2, 4, 8), draw(2, 6, 8), draw(2, 6, 3))
    assert outputs.shape == (2, 4, 3) and weights.shape == (2, 4, 6)


def test_causal_attend_equals_torchs_is_causal():
    vectors = draw(2, 7, 8)
    outputs, _ = attention.attend(vectors, vectors, vectors, attention.causal_mask(7))
    expected = nn.functional.scaled_dot_product_attention(vectors, vectors, vectors, is_causal=True)
    torch.testing.assert_close(outputs, expected)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 9), d=st.integers(1, 12), seed=st.integers(0, 9999), causal=st.booleans())
def test_rows_are_positive_and_sum_to_one(n, d, seed, causal):
    vectors = draw(n, d, seed=seed)
    mask = attention.causal_mask(n) if causal else None
    _, weights = attention.attend(vectors, vectors, vectors, mask)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(n))
    if causal:
        assert (weights.triu(1) == 0).all()


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 9), seed=st.integers(0, 9999), where=st.data())
def test_a_future_token_changes_nothing_before_it(n, seed, where):
    changed = where.draw(st.integers(1, n - 1))
    before = draw(n, 6, seed=seed)
    after = before.clone()
    after[changed] += 5.0
    mask = attention.causal_mask(n)
    first, _ = attention.attend(before, before, before, mask)
    second, _ = attention.attend(after, after, after, mask)
    assert torch.equal(first[:changed], second[:changed])
    assert not torch.allclose(first[changed], second[changed])


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 9), seed=st.integers(0, 9999))
def test_without_positions_a_permutation_only_permutes(n, seed):
    vectors = draw(n, 6, seed=seed)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    straight, _ = attention.attend(vectors, vectors, vectors)
    mixed, _ = attention.attend(vectors[order], vectors[order], vectors[order])
    torch.testing.assert_close(mixed, straight[order])


def test_bad_input_to_attend():
    with pytest.raises(BadInputError, match="query has 8 numbers and a key 6"):
        attention.attend(draw(5, 8), draw(5, 6), draw(5, 6))
    with pytest.raises(BadInputError, match="5 keys and 4 values"):
        attention.attend(draw(5, 8), draw(5, 8), draw(4, 8))
    with pytest.raises(BadInputError, match=r"one row per token.*\(8,\)"):
        attention.attend(draw(8), draw(8), draw(8))


def test_a_row_that_may_look_at_nothing_is_an_error():
    mask = attention.causal_mask(4)
    mask[2] = False
    with pytest.raises(BadInputError, match="Row 2 of the mask"):
        attention.softmax_rows(torch.zeros(4, 4), mask)
    with pytest.raises(BadInputError, match="Row 2 of the mask"):
        attention.softmax_rows(torch.zeros(3, 4, 4), mask.expand(3, 4, 4))


def test_bad_masks():
    with pytest.raises(BadInputError, match="float32 values"):
        attention.softmax_rows(torch.zeros(3, 3), torch.ones(3, 3))
    for mask in (torch.ones(4, 4) == 1, torch.ones(3) == 1):
        with pytest.raises(BadInputError, match="Give the mask a row"):
            attention.softmax_rows(torch.zeros(3, 3), mask)


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "3"])
def test_causal_mask_refuses(n):
    with pytest.raises(BadInputError, match="whole number of at least 1"):
        attention.causal_mask(n)


# ── Positions ──


def test_positional_encoding_follows_the_papers_formula():
    table = attention.positional_encoding(50, 16)
    for place in (0, 1, 7, 49):
        for i in range(8):
            angle = place / 10000 ** (2 * i / 16)
            assert table[place, 2 * i] == pytest.approx(np.sin(angle), abs=1e-6)
            assert table[place, 2 * i + 1] == pytest.approx(np.cos(angle), abs=1e-6)


def test_positional_encoding_tells_places_apart_and_depends_on_distance_alone():
    table = attention.positional_encoding(100, 32)
    assert table.unique(dim=0).shape[0] == 100
    near = (table @ table.T).diagonal(3)  # dot products of places three apart
    torch.testing.assert_close(near, near[0].expand(97), rtol=1e-4, atol=1e-4)


def test_positional_encoding_of_odd_width_and_of_a_longer_text():
    assert attention.positional_encoding(4, 5).shape == (4, 5)
    long, short = attention.positional_encoding(90, 8), attention.positional_encoding(9, 8)
    assert torch.equal(long[:9], short)
    with pytest.raises(BadInputError, match="number of dimensions is 0"):
        attention.positional_encoding(4, 0)


# ── Heads ──


@pytest.mark.parametrize("d, heads", [(12, 1), (12, 3), (64, 8)])
@pytest.mark.parametrize("causal", [False, True])
def test_multi_head_attention_equals_torch(d, heads, causal):
    torch.manual_seed(0)
    reference = nn.MultiheadAttention(d, heads, batch_first=True).eval()
    nn.init.normal_(reference.in_proj_bias)
    nn.init.normal_(reference.out_proj.bias)
    ours = attention.MultiHeadAttention.copy_of(reference)
    inputs = draw(2, 7, d)
    mask = attention.causal_mask(7) if causal else None
    outputs, weights = ours(inputs, mask)
    theirs = {"attn_mask": ~mask} if causal else {}
    expected, expected_weights = reference(
        inputs, inputs, inputs, average_attn_weights=False, **theirs
    )
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(weights, expected_weights)


def test_split_and_join_are_each_others_inverse():
    vectors = draw(2, 5, 12)
    parts = attention.split_heads(vectors, 3)
    assert parts.shape == (2, 3, 5, 4)
    assert torch.equal(parts[1, 2, 4], vectors[1, 4, 8:12])
    assert torch.equal(attention.join_heads(parts), vectors)
    with pytest.raises(BadInputError, match="12 can't be shared out equally among 5"):
        attention.split_heads(vectors, 5)
    with pytest.raises(BadInputError, match="12 can't be shared"):
        attention.MultiHeadAttention(12, 5)


# ── Inside the encoder ──


def test_maps_are_the_encoders_own_weights():
    """Rebuilt from queries and keys, and so from another part of the model."""
    tokens, weights = attention.maps(SENTENCE)
    config = models.load("encoder").model.config
    n = len(tokens)
    assert weights.shape == (config.num_hidden_layers, config.num_attention_heads, n, n)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    same, queries, keys = attention.queries_and_keys(SENTENCE)
    assert same == tokens
    _, rebuilt = attention.attend(
        torch.tensor(queries), torch.tensor(keys), torch.zeros(*keys.shape)
    )
    np.testing.assert_allclose(rebuilt.numpy(), weights, atol=1e-5)


def test_the_shared_encoder_is_left_as_it_was():
    model = models.load("encoder").model
    before = model.config._attn_implementation
    attention.maps(SENTENCE)
    attention.queries_and_keys(SENTENCE)
    assert model.config._attn_implementation == before != "eager"
    projections = [
        part
        for layer in model.encoder.layer
        for part in (layer.attention.self.query, layer.attention.self.key)
    ]
    assert not any(part._forward_hooks for part in projections)
    with pytest.raises(BadInputError):
        attention.maps("word " * 600)
    assert model.config._attn_implementation == before


def test_hidden_states_and_feed_forward():
    tokens, states = attention.hidden_states("the nurse spoke")
    model, tokenizer, _ = models.load("encoder")
    with torch.no_grad():
        expected = model(**tokenizer("the nurse spoke", return_tensors="pt")).last_hidden_state[0]
    np.testing.assert_allclose(states[-1], expected, atol=1e-5)
    assert states.shape[:2] == (model.config.num_hidden_layers + 1, len(tokens))
    together = attention.feed_forward(states[0], 0)
    alone = np.concatenate([attention.feed_forward(row[None], 0) for row in states[0]])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_feed_forward_is_what_turns_attention_into_the_next_state():
    model, tokenizer, _ = models.load("encoder")
    _, states = attention.hidden_states("the nurse spoke")
    with torch.no_grad():
        looked = model.encoder.layer[0].attention(torch.tensor(states[:1]))[0][0]
    np.testing.assert_allclose(attention.feed_forward(looked, 0), states[1], atol=1e-5)
    with pytest.raises(BadInputError, match="no layer 99"):
        attention.feed_forward(states[0], 99)
    with pytest.raises(BadInputError, match="one row of"):
        attention.feed_forward(states[0][:, :5], 0)


def test_without_positions_the_encoder_sees_no_order():
    _, one = attention.hidden_states("the dog bit the man", use_positions=False)
    _, two = attention.hidden_states("the man bit the dog", use_positions=False)
    np.testing.assert_allclose(one[-1][2], two[-1][5], atol=1e-5)  # dog
    _, one = attention.hidden_states("the dog bit the man")
    _, two = attention.hidden_states("the man bit the dog")
    assert np.abs(one[-1][2] - two[-1][5]).max() > 0.01


@pytest.mark.parametrize("text", ["", "   ", None, 5])
def test_bad_text(text):
    with pytest.raises(BadInputError, match="Give a sentence"):
        attention.maps(text)


def test_last_token_and_cosine_by_layer():
    tokens, states = attention.hidden_states("the nurse spoke")
    assert tokens[-2] == "spoke"
    found = attention.last_token("the nurse spoke")
    np.testing.assert_array_equal(found, states[:, -2])
    nearer = attention.cosine_by_layer(found, found[-1:])
    assert nearer.shape == (len(states),) and nearer[-1] == pytest.approx(1, abs=1e-5)
    expected = found[0] @ found[-1] / np.linalg.norm(found[0]) / np.linalg.norm(found[-1])
    assert nearer[0] == pytest.approx(expected, abs=1e-5)


# ── The lecture's tables ──


def test_the_lectures_masked_weights():
    tokens, scores, printed = attention.lecture_moon()
    assert len(tokens) == 10 and scores[9, 1] == 8.88 and printed[3, 2] == 0.49
    weights = attention.softmax_rows(scores.double(), attention.causal_mask(10))
    wrong = (weights - printed).abs() > 0.0051
    assert wrong.nonzero().tolist() == [[9, 1], [9, 3], [9, 8], [9, 9]]


def test_the_lectures_cat_table_has_no_symmetric_scores():
    _, printed = attention.lecture_cat()
    torch.testing.assert_close(printed.sum(1), torch.ones(6), atol=0.002, rtol=0)
    there, back = attention.round_trip(printed, 0, 1, 2)
    assert there / back > 1.5


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 9999))
def test_round_trips_agree_where_queries_are_keys_and_not_elsewhere(seed):
    vectors, others = draw(5, 4, seed=seed), draw(5, 4, seed=seed + 1)
    _, same = attention.attend(vectors, vectors, vectors)
    assert np.isclose(*attention.round_trip(same, 0, 2, 4), rtol=1e-3)
    _, different = attention.attend(vectors, others, vectors)
    assert not np.isclose(*attention.round_trip(different, 0, 2, 4), rtol=1e-4)


# ── Pronouns ──


def test_places_finds_the_pieces_of_a_word():
    tokens, _ = attention.maps("The lorry stopped.")
    found = attention.places("The lorry stopped.", "lorry")
    assert "".join(tokens[i].removeprefix("##") for i in found) == "lorry"
    with pytest.raises(BadInputError, match="stands 0 times"):
        attention.places(SENTENCE, "cat")
    with pytest.raises(BadInputError, match="stands 2 times"):
        attention.places(SENTENCE, "the")


def test_pronoun_attention_reads_the_right_cells():
    to_animal, to_street = attention.pronoun_attention(SENTENCE, "it", "animal", "street")
    tokens, weights = attention.maps(SENTENCE)
    it, animal, street = (tokens.index(word) for word in ("it", "animal", "street"))
    np.testing.assert_allclose(to_animal, weights[:, :, it, animal], atol=1e-6)
    np.testing.assert_allclose(to_street, weights[:, :, it, street], atol=1e-6)


def test_measure_pronouns_and_by_head():
    sentences = data.load("pronouns").head(4)
    measured = attention.measure_pronouns(sentences)
    layers, heads = attention.maps(SENTENCE)[1].shape[:2]
    assert len(measured) == 4 * layers * heads
    summary = attention.by_head(measured)
    assert len(summary) == layers * heads
    one = measured[(measured["layer"] == 2) & (measured["head"] == 3)]
    assert summary.loc[(2, 3), "correct"] == one["correct"].mean()
    assert summary.loc[(2, 3), "follows"] == one.groupby("pair")["correct"].all().mean()
    with pytest.raises(BadInputError, match="lacks the columns .*'distractor'"):
        attention.measure_pronouns(sentences.drop(columns="distractor"))


def test_the_first_layer_cannot_follow_the_flip():
    """It compares words before any has seen the last one, so each pair has one hit and one miss."""
    summary = attention.by_head(attention.measure_pronouns(data.load("pronouns")))
    assert (summary.loc[0, "correct"] == 0.5).all()
    assert (summary.loc[0, "follows"] == 0).all()


def test_the_pronoun_sentences_are_sound():
    sentences = data.load("pronouns")
    assert len(sentences) >= 48 and sentences["id"].is_unique and sentences["sentence"].is_unique
    for one in sentences.itertuples():
        for word in (one.pronoun, one.antecedent, one.distractor):
            assert len(attention.places(one.sentence, word)) >= 1
    for _, pair in sentences.groupby("pair"):
        first, second = pair.to_dict("records")
        assert first["antecedent"] == second["distractor"]
        assert first["distractor"] == second["antecedent"]
        words, others = first["sentence"].split(), second["sentence"].split()
        assert words[:-1] == others[:-1] and words[-1] != others[-1]
