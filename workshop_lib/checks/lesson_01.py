"""Checks of lesson 01, embeddings and polysemy."""

from __future__ import annotations

import re
from collections import Counter

from workshop_lib.checks import exercise, expect, finished

SAME_ENOUGH = 1e-6
VERY_SIMILAR = 0.9


@exercise("1a")
def exercise_1a(cosine_by_hand):
    import numpy as np

    random = np.random.default_rng(0)
    first, second = random.normal(size=5), random.normal(size=5)
    value = finished(cosine_by_hand(first, second))
    expect(value is not None, "Your function returns nothing. Does it end with return?")
    expect(np.ndim(value) == 0, "The answer is one number. Sum the products, or use first @ second.")
    scaled = cosine_by_hand(10 * first, second)
    longer = cosine_by_hand(first, 10 * second)
    expect(
        not _near(scaled, 10 * value) or not _near(longer, 10 * value),
        "That is the dot product: it grows when a vector gets longer. Divide by both lengths.",
    )
    expect(
        _near(scaled, value) and _near(longer, value),
        "Making one vector ten times as long changes your answer. Divide by the lengths of both "
        "vectors, and by lengths, not squared lengths.",
    )
    expect(
        _near(cosine_by_hand(first, first), 1),
        "A vector and itself should give 1. Is your answer a distance rather than a similarity?",
    )
    expect(_near(cosine_by_hand(first, -first), -1), "A vector and its opposite should give -1.")
    return "It ignores length and looks at direction only."


@exercise("1b")
def exercise_1b(word, first_thought, other_meaning):
    from workshop_lib import models

    vectors = models.word_vectors()
    for one in (word, first_thought, other_meaning):
        expect(isinstance(one, str), f"{one!r} is no word. Write three words between quotes.")
        expect(one == one.lower(), f"'{one}' has capital letters. The vectors know lower case only.")
        expect(one in vectors, f"There is no vector for '{one}'. Try a more frequent word.")
    expect(word != "apple", "Apple is the lesson's example. Find one of your own.")
    expect(
        len({word, first_thought, other_meaning}) == 3,
        "Two of your words are the same. Name the word and one neighbour for each meaning.",
    )
    thought, other = vectors.similarity(word, first_thought), vectors.similarity(word, other_meaning)
    expect(
        other > thought,
        f"'{word}' is nearer to '{first_thought}' ({thought:.2f}) than to '{other_meaning}' "
        f"({other:.2f}), so its vector stands where you first thought. Try another word.",
    )
    expect(
        vectors.rank(word, other_meaning) <= 50,
        f"'{other_meaning}' isn't among the 50 nearest words of '{word}'. Print "
        f"vectors.most_similar('{word}', topn=50) and take a word of the other meaning from there.",
    )
    return (
        f"'{word}' stands nearer to '{other_meaning}' ({other:.2f}) than to '{first_thought}' "
        f"({thought:.2f}). The check can't tell whether these are two meanings of '{word}': can you?"
    )


@exercise("1c")
def exercise_1c(target):
    import numpy as np

    random = np.random.default_rng(0)
    words = dict(zip("abc", random.normal(size=(3, 4))))
    found = finished(target(words, "a", "b", "c"))
    expect(found is not None, "Your function returns nothing. Does it end with return?")
    expect(
        np.shape(found) == (4,),
        "The target is a vector as long as the others. Look the words up: vectors[a].",
    )
    expect(
        not _near(found, words["a"] - words["b"] + words["c"]),
        "Your signs are those of the colleague. What leads from a to b? Add that to c.",
    )
    expect(
        not _near(found, words["a"] + words["b"] + words["c"]),
        "You add all three. One word must be taken away: which meaning should go?",
    )
    same = target({"a": words["a"], "b": words["a"], "c": words["c"]}, "a", "b", "c")
    expect(_near(same, words["c"]), "If a and b are the same word, the step is zero: the target is c.")
    step = target({"a": words["c"], "b": words["b"], "c": words["c"]}, "a", "b", "c")
    expect(_near(step, words["b"]), "If c is the same word as a, the step from c must lead to b.")
    return "The step from a to b, taken from c."


@exercise("1d")
def exercise_1d(word, sentences):
    from workshop_lib import embeddings

    expect(isinstance(word, str) and word, "The word is a string, such as 'fan'.")
    expect(word.lower() not in ("bank", "magazine"), "Take a word that the section hasn't used.")
    expect(
        len(sentences) == 3,
        f"There are {len(sentences)} sentences. Write three: two in one sense, the third in another.",
    )
    for sentence in sentences:
        expect(isinstance(finished(sentence), str), "Each sentence is a string between quotes.")
        expect(
            re.search(rf"(?<!\w){re.escape(word)}(?!\w)", sentence, re.IGNORECASE),
            f"'{word}' isn't a whole word of '{sentence}'. The same form must stand in all three.",
        )
    expect(len(set(sentences)) == 3, "Two sentences are the same, so that their vectors are too.")
    states = embeddings.word_in_context(sentences, word)
    similarity = embeddings.cosine(states, states)
    expect(
        similarity[0, 1] > max(similarity[0, 2], similarity[1, 2]),
        f"First and second: {similarity[0, 1]:.2f}. First and third: {similarity[0, 2]:.2f}. "
        f"Second and third: {similarity[1, 2]:.2f}. The first must be the largest: the model "
        "doesn't put your two senses apart. Make the sense clear from the other words, or try "
        "another word.",
    )
    return f"Same sense: {similarity[0, 1]:.2f}; other sense: {similarity[:2, 2].max():.2f} at most."


@exercise("1e")
def exercise_1e(separation):
    import numpy as np

    senses = np.array(["money", "money", "river", "river"])
    different = np.eye(4)
    value = finished(separation(different, senses))
    expect(value is not None, "Your function returns nothing. Does it end with return?")
    expect(np.ndim(value) == 0 and np.isfinite(value), "The answer is one number.")
    expect(
        not value > SAME_ENOUGH,
        "Four unrelated vectors should give 0, and yours give more. Each sentence is compared "
        "with itself, which adds cosines of 1 to the first mean. Leave the diagonal out.",
    )
    apart = np.array([[1, 0], [1, 0], [0, 1], [0, 1.0]])
    expect(
        not separation(apart, senses) < 0,
        "Two well separated senses give a negative number. Take within minus between.",
    )
    expect(
        _near(separation(apart, senses), 1) and _near(value, 0),
        "Two senses at right angles should give 1, and unrelated vectors 0. Is each mean taken "
        "over cosines, and over the right pairs?",
    )
    uneven = np.array(["money", "money", "money", "river", "river"])
    expect(
        _near(separation(np.ones((5, 2)), uneven), 0),
        "Five equal vectors should give 0, also where one sense has more sentences. Take means, "
        "not sums.",
    )
    return "Within minus between, without the diagonal."


@exercise("1f")
def exercise_1f(first, second):
    from workshop_lib import embeddings

    for text in (first, second):
        expect(isinstance(text, str) and text.strip(), "Write two sentences between quotes.")
    counts = [Counter(re.findall(r"\w+", text.lower())) for text in (first, second)]
    missing = (counts[0] - counts[1]) + (counts[1] - counts[0])
    expect(
        not missing,
        f"The sentences don't have the same words: {sorted(missing)} is in one of them only. "
        "Change the order and nothing else.",
    )
    order = [re.findall(r"\w+", text.lower()) for text in (first, second)]
    expect(order[0] != order[1], "The words stand in the same order. Let them trade places.")
    expect(len(order[0]) >= 4, "Use at least four words, so that the sentences say something.")
    similarity = embeddings.cosine(*embeddings.sentence_vectors([first, second]))[0, 0]
    expect(
        similarity >= VERY_SIMILAR,
        f"The cosine is {similarity:.2f}: the encoder tells these two apart. Find a pair of at "
        f"least {VERY_SIMILAR}, such as one where two people trade roles.",
    )
    return f"Cosine {similarity:.2f}. Do both sentences claim the same?"


@exercise("1g")
def exercise_1g(features, static, states):
    import numpy as np

    rows, layers, width = len(static), len(states), states.shape[-1]
    expect(
        hasattr(features, "shape") and np.ndim(features) == 2,
        f"The features have the shape {np.shape(features)}. A task model wants a table of two "
        "dimensions: one row a sentence.",
    )
    expect(
        len(features) == rows,
        f"There are {len(features)} rows for {rows} sentences: the parts stand below each other. "
        "Join them side by side: axis=1.",
    )
    whole = static.shape[1] + layers * width
    expect(
        features.shape[1] != layers * width,
        "The static vector is missing. The recipe puts it before the states.",
    )
    expect(
        features.shape[1] != static.shape[1] + width,
        f"You joined the states of one layer. The recipe takes all {layers}.",
    )
    expect(
        features.shape[1] == whole,
        f"A row has {features.shape[1]} numbers. It should have {static.shape[1]} + {layers} × "
        f"{width} = {whole}.",
    )
    expect(
        _near(features[:, : static.shape[1]], static) and _near(features[:, -width:], states[-1]),
        "The parts are all there in another order. Put the static vector first, then layer 0, "
        "layer 1 and so on.",
    )
    return "One row a sentence, and nothing in it was trained for the task."


@exercise("1h")
def exercise_1h(first_words, second_words, female, male):
    from workshop_lib import embeddings, models

    vectors = models.word_vectors()
    for words in (first_words, second_words):
        expect(
            isinstance(words, (list, tuple)), "Write lists of words: ['monday', 'tuesday', ...]."
        )
        finished(words)
        unknown = [word for word in words if word not in vectors]
        expect(not unknown, f"There are no vectors for {unknown}. Use frequent words in lower case.")
        expect(
            len(set(words)) >= 6,
            f"{list(words)} holds fewer than six different words. With so few, the test can "
            "hardly ever show a difference, and a placebo proves nothing.",
        )
    both = sorted(set(first_words) & set(second_words))
    expect(not both, f"{both} is in both lists. The groups must not overlap.")
    named = sorted({*first_words, *second_words} & {*female, *male})
    expect(not named, f"{named} is also a word of the gender lists. Take words that aren't.")
    groups = (first_words, second_words, female, male)
    found = embeddings.association_test(*(vectors[list(words)] for words in groups))
    expect(
        0.05 < found.p_value < 0.95,
        f"The effect is {found.effect:.2f} with p = {found.p_value:.3f}: your placebo differs by "
        "gender in these texts. That is a finding, too. Try two lists that differ less.",
    )
    return (
        f"Effect {found.effect:.2f}, p = {found.p_value:.2f}: chance alone may give as much. "
        "That doesn't prove that there is no difference."
    )


def _near(found, expected) -> bool:
    import numpy as np

    return np.shape(found) == np.shape(expected) and bool(
        np.allclose(found, expected, atol=SAME_ENOUGH)
    )
