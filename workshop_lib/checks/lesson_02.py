"""Checks of lesson 02, attention and causal masks."""

from __future__ import annotations

from workshop_lib.checks import exercise, expect, finished

PIECES = 4  # tokens that the word of 2a must have
CONTROL = ("dog", "river")  # two words that don't belong in the sentence of 2i
THIRD = ("apple", "car")  # two more, shown to whoever has solved it
START = 0.5  # highest cosine of the words of 2i before the first layer
GAIN = 0.05  # how much more than the control's their cosine must rise


@exercise("2a")
def exercise_2a(long_word):
    from workshop_lib import models

    expect(isinstance(long_word, str), "Write one word in quotation marks, such as \"survey\".")
    word = long_word.strip()
    expect(" " not in word, "That is more than one word. Each alone would be short: choose one.")
    expect(
        word.isascii() and word.isalpha(),
        "Use the letters a to z only. At a hyphen or an apostrophe every text is cut anyway, and "
        "accents are taken off: that isn't what makes a word rare.",
    )
    pieces = models.load("encoder").tokenizer.tokenize(word)
    hint = "It stands in the vocabulary whole." if len(pieces) == 1 else f"Its pieces: {pieces}."
    expect(
        len(pieces) >= PIECES,
        f"'{word}' has {len(pieces)} of the {PIECES} pieces asked for. {hint} Try a longer or "
        "rarer word: a technical term, or one with several endings.",
    )
    return f"{len(pieces)} pieces: {' '.join(pieces)}"


@exercise("2b")
def exercise_2b(one_hot, vectors, table, ids):
    import torch

    finished(one_hot)
    finished(vectors)
    for name, answer in [("one_hot", one_hot), ("vectors", vectors)]:
        expect(isinstance(answer, torch.Tensor), f"{name} should be a tensor.")
    expect(
        one_hot.shape == (len(ids), len(table)) and (one_hot.sum(dim=1) == 1).all(),
        f"one_hot should have {len(ids)} rows and {len(table)} columns, with a single 1 in each "
        f"row. Yours has the shape {tuple(one_hot.shape)}. Give num_classes the rows of the table.",
    )
    expect(
        torch.equal(one_hot.argmax(dim=1), torch.as_tensor(ids)),
        "The 1 of each row belongs in the column of that row's id.",
    )
    expect(
        not (vectors.shape == table.shape and torch.equal(vectors, table)),
        "That is the whole table, row by row. Multiply the one-hot rows with it.",
    )
    expect(
        vectors.shape != (len(ids), len(table)),
        "vectors still holds the one-hot rows. Multiply them with toy_table.",
    )
    expect(
        vectors.shape == (len(ids), table.shape[1]),
        f"The shape is {tuple(vectors.shape)}; one row for each of the {len(ids)} ids and "
        f"{table.shape[1]} columns are needed. The one-hot rows stand on the left of @.",
    )
    for row, one_id in zip(vectors, ids):
        expect(
            torch.allclose(row, table[one_id]),
            f"The row for id {int(one_id)} isn't row {int(one_id)} of the table.",
        )
    return "A lookup is a product with one-hot rows; looking up is only quicker."


@exercise("2c")
def exercise_2c(with_positions):
    import torch

    expect(callable(with_positions), "with_positions should be a function: keep the line with def.")
    first, second = torch.randn(6, 16), torch.randn(6, 16)
    given = first.clone()
    result = finished(with_positions(first))
    expect(result is not None, "Your function gives nothing back. Does it end with return?")
    expect(
        torch.equal(first, given),
        "Your function changes the vectors that it is given. Make new ones: vectors + ..., not +=.",
    )
    expect(
        tuple(result.shape) != (6, 32),
        "The width has doubled: the places were joined on, as in the colleague's line. Add them "
        "with + instead, number by number.",
    )
    expect(
        tuple(result.shape) == (6, 16),
        f"6 vectors of width 16 went in, and shape {tuple(result.shape)} came out. The table needs "
        "as many rows as there are vectors, and their width.",
    )
    places = result - first  # Shape: (6, 16)
    expect(places.abs().max() > 1e-6, "The vectors come out as they went in. Where are the places?")
    expect(
        torch.allclose(with_positions(second) - second, places, atol=1e-5),
        "What you add differs from text to text. The places are added, not multiplied, and don't "
        "depend on the words.",
    )
    expect(
        not torch.allclose(places, places[:1].expand(6, 16), atol=1e-6),
        "Every token gets the same vector added, so that their order still can't be seen.",
    )
    expect(
        places.abs().max() <= 1.001 and torch.allclose(places[0, 1::2], torch.ones(8), atol=1e-5),
        "What you add isn't the sinusoidal table: sines and cosines stay between -1 and 1, and "
        "place 0 is 0, 1, 0, 1 and so on. Take attention.positional_encoding.",
    )
    longer = torch.zeros(9, 4)
    expect(
        tuple(with_positions(longer).shape) == (9, 4),
        "It works for one size only. Take n and d from the vectors.",
    )
    return "The same table for every text: computed once, and added."


@exercise("2d")
def exercise_2d(look):
    import torch

    expect(callable(look), "look should be a function: keep the line with def.")
    queries, keys, values = torch.randn(5, 16), torch.randn(5, 16), torch.randn(5, 16)
    result = look(queries, keys, values)
    expect(
        isinstance(result, (tuple, list)) and len(result) == 2,
        "Give back two things, outputs and weights, with a comma between them.",
    )
    finished(result)
    outputs, weights = result
    sums = weights.sum(dim=1)
    expect(
        torch.allclose(sums, torch.ones(5), atol=1e-4)
        or not torch.allclose(weights.sum(dim=0), torch.ones(5), atol=1e-4),
        "The columns sum to 1, and the rows should: each token shares out its own attention. "
        "Take the softmax over the last dimension, dim=1.",
    )
    expect(
        torch.allclose(sums, torch.ones(5), atol=1e-4),
        "The rows of the weights don't sum to 1. Is the softmax there, over dim=1?",
    )
    products = queries @ keys.T
    if torch.allclose(weights, torch.softmax(products, dim=1), atol=1e-5):
        expect(False, "The scores aren't scaled. Divide the dot products by the root of d_k.")
    if torch.allclose(weights, torch.softmax(products / keys.shape[1], dim=1), atol=1e-5):
        expect(False, "You divide by d_k. Divide by its square root: d_k ** 0.5.")
    for divisor in (2**0.5, len(keys) ** 0.5, len(keys)):
        expect(
            not torch.allclose(weights, torch.softmax(products / divisor, dim=1), atol=1e-5),
            f"You divide the dot products by {divisor:.2f}. Divide by the root of the width of a "
            f"key, keys.shape[1]: here {keys.shape[1]} ** 0.5.",
        )
    expected = torch.nn.functional.scaled_dot_product_attention(queries, keys, values)
    if torch.allclose(outputs, weights @ keys, atol=1e-5):
        expect(False, "The outputs mix the keys. What is handed over are the values.")
    expect(
        torch.allclose(outputs, weights @ values, atol=1e-4),
        "The outputs aren't the weighted sum of the values: weights @ values.",
    )
    expect(
        torch.allclose(outputs, expected, atol=1e-4),
        "PyTorch's own attention gives other numbers. Each query meets each key: queries @ keys.T",
    )
    return "The same numbers as PyTorch's own attention."


@exercise("2e")
def exercise_2e(cut):
    import torch

    expect(callable(cut), "cut should be a function: keep the line with def.")
    b, heads, n, d = 2, 3, 5, 12
    vectors = torch.randn(b, n, d)
    parts = finished(cut(vectors, heads))
    expect(
        tuple(parts.shape) != (b, n, heads, d // heads),
        "Texts, tokens, heads: the axes are still in this order. Exchange tokens and heads with "
        ".transpose(1, 2).",
    )
    expect(
        tuple(parts.shape) == (b, heads, n, d // heads),
        f"The shape is {tuple(parts.shape)} and should be (texts, heads, tokens, width of a head), "
        f"here {(b, heads, n, d // heads)}.",
    )
    expect(
        not torch.equal(parts, vectors.reshape(b, heads, n, d // heads)),
        "This is the colleague's cut: the shape is right, but a head gets numbers of the wrong "
        "tokens. First reshape to (texts, tokens, heads, width), then exchange two axes.",
    )
    expect(
        torch.equal(parts[0, 0, 0], vectors[0, 0, : d // heads]),
        "The first head of the first token should get the first numbers of its vector, side by "
        "side. Put heads before their width when you reshape.",
    )
    for head in range(heads):
        share = vectors[:, :, head * (d // heads) : (head + 1) * (d // heads)]
        expect(torch.equal(parts[:, head], share), f"Head {head} doesn't get its own share.")
    return f"Each head has {d // heads} of the {d} numbers of every token."


@exercise("2f")
def exercise_2f(layer, head):
    import numpy as np

    from workshop_lib import attention

    sentences = (
        "Many people distrust surveys when they ask about money",
        "The council will vote on the new budget next week",
        "She moved to the city because rents were low",
    )
    found = [attention.maps(sentence)[1] for sentence in sentences]
    layers, heads = found[0].shape[:2]

    def share(offset: int):
        """Mean attention to the token so many places away, Shape (layers, heads)."""
        diagonals = [np.diagonal(one, offset, axis1=2, axis2=3).mean(-1) for one in found]
        return np.mean(diagonals, axis=0)

    expect(
        isinstance(layer, (int, np.integer)) and isinstance(head, (int, np.integer)),
        "Write two whole numbers, the layer and the head.",
    )
    back, ahead = share(-1), share(1)

    def good(one: int, other: int) -> bool:
        return 0 <= one < layers and 0 <= other < heads and back[one, other] > 0.5

    if not good(layer, head):
        expect(
            not good(layer - 1, head - 1),
            "Nearly: you count from 1. Layers and heads are counted from 0, as in the views.",
        )
        expect(not good(head, layer), "Nearly: the layer comes first, then the head.")
    expect(
        0 <= layer < layers and 0 <= head < heads,
        f"There are layers 0 to {layers - 1} and heads 0 to {heads - 1}.",
    )
    measured = back[layer, head]
    if measured <= 0.5:
        expect(
            ahead[layer, head] < 0.4,
            f"That head looks at the token just after ({ahead[layer, head]:.2f}). Its lines go one "
            "step down; look for lines that go one step up.",
        )
        first = np.mean([one[layer, head, 1:, 0].mean() for one in found])
        expect(
            first < 0.5,
            f"That head gives {first:.2f} of its attention to the first token, [CLS]: all its "
            "lines meet there. Look for lines that run side by side.",
        )
    expect(
        measured > 0.5,
        f"That head gives {measured:.2f} of its attention to the token just before. One head in "
        "the first two layers gives more than half.",
    )
    return f"{measured:.2f} of its attention goes one token back, in sentences you haven't seen."


@exercise("2g")
def exercise_2g(chosen, score, measured):
    from workshop_lib import attention

    expect(
        isinstance(chosen, (tuple, list)) and len(chosen) == 2,
        "chosen should be a pair (layer, head). idxmax() on a column of by_head gives one.",
    )
    chosen = tuple(chosen)
    odd = measured["pair"].astype(int) % 2 == 1
    choosing = attention.by_head(measured[odd])["correct"]
    testing = attention.by_head(measured[~odd])["correct"]
    everything = attention.by_head(measured)["correct"]
    expect(chosen in choosing.index, f"There is no layer and head {chosen}.")
    if choosing[chosen] < choosing.max() - 1e-9:
        expect(
            testing[chosen] < testing.max() - 1e-9,
            "You chose the head on the test half. It must have no say: choose on `choosing`.",
        )
        expect(
            everything[chosen] < everything.max() - 1e-9,
            "You chose the head on all pairs, so the test half had a say. Choose on `choosing`.",
        )
        expect(False, "Another head has a higher share in `choosing`. Take the column 'correct'.")
    try:
        score = float(score)
    except (TypeError, ValueError):
        expect(False, "score should be one number: the share of the chosen head in the test half.")
    expect(
        abs(score - choosing[chosen]) > 1e-9 or abs(choosing[chosen] - testing[chosen]) < 1e-9,
        "That is the head's share in the half that chose it, which flatters it. Score it on "
        "`testing`.",
    )
    expect(
        abs(score - testing.max()) > 1e-9 or abs(testing.max() - testing[chosen]) < 1e-9,
        "That is the best share of any head in the test half. Take the share of the chosen one.",
    )
    expect(abs(score - testing[chosen]) < 1e-6, "That isn't the chosen head's share in `testing`.")
    n = len(measured[~odd]) // len(testing)
    margin = 1.96 * (score * (1 - score) / n) ** 0.5
    return (
        f"Layer {chosen[0]}, head {chosen[1]} got {choosing[chosen]:.2f} where it was chosen "
        f"and {score:.2f} where it was tested: about {score - margin:.2f} to {score + margin:.2f} "
        f"with {n} sentences."
    )


@exercise("2h")
def exercise_2h(causal_weights):
    import torch

    expect(callable(causal_weights), "causal_weights should be a function: keep the line with def.")
    scores = torch.randn(6, 6) * 2
    given = scores.clone()
    weights = finished(causal_weights(scores))
    expect(tuple(weights.shape) == (6, 6), f"6×6 scores went in, {tuple(weights.shape)} came out.")
    expect(torch.equal(scores, given), "Your function changes the scores it is given. Make a copy.")
    expect(
        not torch.isnan(weights).any(),
        "Some rows are not a number: they may look at nothing. Each token may look at itself.",
    )
    sums = weights.sum(dim=1)
    upper, lower = weights.triu(1).abs().max(), weights.tril(-1).abs().max()
    expect(
        not (upper > 1e-6 and lower < 1e-6),
        "The mask is upside down: tokens see the future and not the past. True belongs on and "
        "below the diagonal.",
    )
    if upper < 1e-6 and not torch.allclose(sums, torch.ones(6), atol=1e-4):
        expect(
            not torch.allclose(weights, torch.softmax(scores, dim=1).tril(), atol=1e-5),
            "The mask came after the softmax, so the rows no longer sum to 1. Mask the scores "
            "first, then take the softmax.",
        )
    expect(
        upper < 1e-6,
        "Later tokens still get weight. Put -torch.inf there, not 0: exp(0) is 1.",
    )
    expect(
        torch.allclose(sums, torch.ones(6), atol=1e-4),
        "The rows don't sum to 1. Is the softmax taken over dim=1, after the mask?",
    )
    expect(
        bool((weights.diagonal() > 0).all()),
        "A token may not look at itself. The diagonal belongs to what is allowed.",
    )
    ratio = weights[5, 1] / weights[5, 0]
    expect(
        torch.allclose(ratio, (scores[5, 1] - scores[5, 0]).exp(), rtol=1e-3),
        "The allowed weights don't follow the scores. Leave the allowed scores as they are.",
    )
    return "Nothing of the future, and every row sums to 1."


@exercise("2i")
def exercise_2i(word_pair):
    expect(
        isinstance(word_pair, (tuple, list)) and len(word_pair) == 2,
        "Write a pair of words in brackets, with a comma between them.",
    )
    finished(word_pair)
    words = [str(word).strip().lower() for word in word_pair]
    expect(words[0] != words[1], "That is the same word twice. Choose two different ones.")
    expect(
        set(words) != {"check", "bond"}, "That is the lecture's own pair. Find one of your own."
    )
    expect(set(words) != set(CONTROL), "Those two are the pair to beat. Choose two others.")
    cosines = _cosines_by_layer(words)
    expect(
        cosines[0] <= START,
        f"These two are alike from the start (cosine {cosines[0]:.2f}), so the sentence has little "
        "to add. Choose words that have less in common.",
    )
    control = _cosines_by_layer(CONTROL)
    gain, usual = cosines.max() - cosines[0], control.max() - control[0]
    expect(
        gain >= usual + GAIN,
        f"They come nearer by {gain:.2f}; dog and river do by {usual:.2f}, without belonging "
        f"there. At least {usual + GAIN:.2f} is asked for. Try other words for money: some pairs "
        "do it.",
    )
    third = _cosines_by_layer(THIRD)
    return (
        f"From {cosines[0]:.2f} to {cosines.max():.2f}: a gain of {gain:.2f}, against {usual:.2f} "
        "for dog and river. Apple and car, which no bank cashes, gain "
        f"{third.max() - third[0]:.2f}. Does your reason hold against them?"
    )


def _cosines_by_layer(words):
    """Return the cosine of two words at the end of the sentence of 2i, after each layer."""
    from workshop_lib import attention

    opening = "John wants his bank to cash the"
    length = len(attention.maps(opening)[0])
    states = []
    for word in words:
        count = len(attention.maps(f"{opening} {word}")[0]) - length
        expect(
            count == 1,
            f"'{word}' has {count} tokens, so that its last vector stands for a piece. Choose a "
            "word of exactly one token.",
        )
        states.append(attention.last_token(f"{opening} {word}"))  # Shape: (layers + 1, d)
    return attention.cosine_by_layer(*states)


@exercise("2j")
def exercise_2j(share_right, examined):
    import pandas as pd

    if isinstance(share_right, pd.DataFrame) and "correct" in share_right:
        share_right = share_right["correct"]
    expect(
        isinstance(share_right, pd.Series),
        "share_right should have one number for each reader. Group by the column 'reader'.",
    )
    readers = set(examined["reader"])
    expect(
        set(share_right.index) == readers,
        "share_right should have one number for each reader. Group by the column 'reader'.",
    )
    expect(
        share_right.max() <= 1,
        "These are counts. A share lies between 0 and 1: take the mean of the column 'correct'.",
    )

    def shares(rows):
        return examined[rows].groupby("reader")["correct"].mean().reindex(share_right.index)

    def same(rows) -> bool:
        return bool((shares(rows) - share_right).abs().max() < 1e-9)

    distance = examined["distance"]
    expect(not same(distance > 0), "These are the shares over all distances. Keep the far ones.")
    expect(
        not same(distance <= 4),
        "These are the votes cast just before the question: distance 1 to 4. The first four turns "
        "are the farthest.",
    )
    expect(
        not same(distance > 21),
        "Nearly: the meetings with distance 21 are missing. 21 or more is >= 21.",
    )
    expect(not same(distance < 21), "These are the nearer ones. Turn the comparison around.")
    expect(same(distance >= 21), "These aren't the meetings with a distance of 21 or more.")
    ranking = share_right.sort_values()
    return ", ".join(f"{reader} {share:.2f}" for reader, share in ranking.items())
