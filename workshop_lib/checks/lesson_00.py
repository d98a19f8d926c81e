"""Checks of lesson 00, start here."""

from __future__ import annotations

import numbers
import re

from workshop_lib.checks import exercise, expect, finished

ORIGINAL = "The senator voted for the bill."
SHOWN = ("The senator voted against the bill.", "A lawmaker backed this legislation.")


@exercise("0a")
def exercise_0a(my_profile):
    from workshop_lib import runtime

    expect(
        isinstance(my_profile, str),
        "The profile is a word, such as 'mini'. Call the function: its name needs brackets, (). "
        "Don't put print around it: print shows a value and gives none.",
    )
    expect(
        my_profile in runtime.PROFILES,
        f"'{my_profile}' is no profile. Ask the library instead of typing it: runtime.profile()",
    )
    expect(
        my_profile == runtime.profile(),
        f"This notebook doesn't run in the profile '{my_profile}'. Look at the line under Set-up.",
    )
    return "The check looked at the value of my_profile, not at the text of your cell."


@exercise("0b")
def exercise_0b(times_larger):
    from workshop_lib import models

    small, large = (models.card_of("encoder", profile) for profile in ("mini", "full"))
    expect(
        isinstance(times_larger, numbers.Real), "The answer is one number: divide two sizes."
    )
    expect(
        times_larger > 1,
        f"{times_larger:.2f} is below 1. You divided the small size by the large one: turn it round.",
    )
    by_parameters = large.parameters_m / small.parameters_m
    by_weights = large.size_mb / small.size_mb
    expect(
        abs(times_larger - (large.size_mb - small.size_mb)) > 1,
        "That is the difference in MB. 'How many times' asks for a ratio.",
    )
    expect(
        min(abs(times_larger - by_parameters), abs(times_larger - by_weights)) < 0.2,
        "Divide the encoder's weights in the full profile by those in the mini profile.",
    )


@exercise("0c")
def exercise_0c(opposite, paraphrase):
    from workshop_lib import embeddings

    for name, sentence in [("opposite", opposite), ("paraphrase", paraphrase)]:
        expect(isinstance(sentence, str) and sentence.strip(), f"{name} should be a sentence in quotes.")
        expect(
            _words(sentence) != _words(ORIGINAL), f"{name} is the original sentence. Change it."
        )
        expect(
            _words(sentence) not in [_words(shown) for shown in SHOWN],
            f"{name} is a sentence of the lesson. Write one of your own.",
        )
    shared = _words(paraphrase) & _words(ORIGINAL) - {"the", "a", "for"}
    expect(
        not shared,
        f"Your paraphrase still uses {sorted(shared)}. Say the same with other words.",
    )
    near, far = embeddings.cosine(
        embeddings.sentence_vectors([ORIGINAL]), embeddings.sentence_vectors([opposite, paraphrase])
    )[0]
    expect(
        near > far,
        f"The opposite has similarity {near:.2f}, the paraphrase {far:.2f}: this time the model "
        "got it right. Change fewer words in the opposite.",
    )
    return (
        f"Similarity {near:.2f} for the opposite, {far:.2f} for the paraphrase. The check can't tell "
        "whether they mean the opposite and the same: would a reader say so?"
    )


def _words(sentence: str) -> set[str]:
    return set(re.findall(r"[a-z']+", sentence.lower()))


@exercise("0d")
def exercise_0d(draw):
    expect(callable(draw), "Leave draw as a function: the check calls it with a seed.")
    first, again, other = finished(draw(1)), finished(draw(1)), finished(draw(2))
    expect(first is not None, "Your function returns nothing. Write return before the draw.")
    expect(
        first.tolist() == again.tolist(),
        "Two calls with the same seed gave different numbers. Set the seed inside the function, "
        "before the draw.",
    )
    expect(
        first.tolist() != other.tolist(),
        "Seeds 1 and 2 gave the same numbers. Pass n on, instead of a fixed seed.",
    )


@exercise("0e")
def exercise_0e(senses, number_of_words):
    import pandas as pd

    expect(
        isinstance(senses, pd.DataFrame) and "sense" in senses,
        "senses should be the table that data.load returns. The error message lists the names.",
    )
    expect(
        isinstance(number_of_words, numbers.Real),
        "The answer is one number. unique() lists the words and nunique() counts them.",
    )
    expect(
        number_of_words != len(senses),
        f"{number_of_words} is the number of sentences. Count each word once: "
        "a column has the method nunique().",
    )
    expect(
        number_of_words != senses["sense"].nunique(),
        "You counted the senses. Take the column 'word'.",
    )
    expect(
        number_of_words == senses["word"].nunique(),
        "Count the different entries of the column 'word'.",
    )
