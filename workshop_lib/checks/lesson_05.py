"""Checks of lesson 05, translation."""

from __future__ import annotations

from workshop_lib.checks import exercise, expect, finished

CHRF = 80  # what the wrong sentence of 5d must reach
WORDS = 10  # the longest sentence that counts as short in 5e


@exercise("5a")
def exercise_5a(best_continuations):
    import math

    expect(callable(best_continuations), "best_continuations should be a function: keep the line with def.")
    table = {
        ("La",): {"course": 0.4, "lutte": 0.35, "campagne": 0.25},
        ("L'",): {"élection": 0.9, "issue": 0.1},
        ("Le",): {"vote": 0.8, "scrutin": 0.2},
    }
    kept = [(("La",), math.log(0.5)), (("L'",), math.log(0.4)), (("Le",), math.log(0.1))]
    given = list(kept)
    result = finished(best_continuations(kept, table.__getitem__, 2))
    expect(isinstance(result, list), "Give back a list of pairs (words, log P).")
    for one in result:
        finished(one)
        expect(
            isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], tuple),
            f"{one!r} isn't a pair (words, log P), where words is a tuple such as (\"La\", \"course\").",
        )
    expect(kept == given, "Your function changes the list that it is given. Make a new one.")
    words, values = [one[0] for one in result], [one[1] for one in result]
    expect(
        all(len(one) == 2 for one in words),
        "Each continuation should hold one word more than what it continues: words + (word,).",
    )
    expect(
        len(result) != 3 or len({one[0] for one in words}) < 3,
        "You keep the best continuation of each beginning. Beam search compares all continuations "
        "with one another.",
    )
    expect(
        len(result) <= 2,
        f"You give back {len(result)} continuations, and 2 beams were asked for. Cut: [:beams].",
    )
    expect(len(result) == 2, "Two beams were asked for. Give back as many, if there are that many.")
    expect(
        words != [("Le", "vote"), ("Le", "scrutin")],
        "These are the words that come last in the alphabet: tuples are sorted by their first part. "
        "Sort by log P, with key=lambda one: one[1].",
    )
    expect(
        max(values) <= 0,
        "A log P can't be above 0. Add the logarithm of the probability: log_p + math.log(probability).",
    )
    unlikely = {("La", "campagne"), ("L'", "issue"), ("Le", "scrutin"), ("Le", "vote")}
    expect(
        not set(words) <= unlikely,
        "These are unlikely ones. Sort downwards, reverse=True, by the sum of both logarithms.",
    )
    expect(
        words != [("La", "course"), ("L'", "élection")],
        "The right two, in the wrong order: the best comes first. Sort all candidates together.",
    )
    expect(
        words == [("L'", "élection"), ("La", "course")],
        f"The best two are {' and '.join(map(' '.join, words))} by your numbers. By hand, L' élection "
        "comes first (0.4 × 0.9) and La course second. Is log P the sum of both logarithms?",
    )
    expect(
        all(math.isclose(value, math.log(p), abs_tol=1e-9) for value, p in zip(values, (0.36, 0.2))),
        f"The words are right, but log P of L' élection is {values[0]:.3f} and should be "
        "log(0.4) + log(0.9) = -1.022.",
    )
    longer = best_continuations([(("L'", "élection"), -1.0)], {("L'", "élection"): {"est": 0.5}}.__getitem__, 2)
    expect(
        len(longer) == 1 and tuple(longer[0][0]) == ("L'", "élection", "est"),
        "With one beginning of two words and one next word, it should give that single continuation of three words.",
    )
    return "All continuations compete, whatever they continue. Repeat this until every beam has reached the end mark."


@exercise("5b")
def exercise_5b(links):
    import numpy as np

    from workshop_lib.translation import Alignment

    expect(callable(links), "links should be a function: keep the line with def.")
    one = Alignment(
        ["the", "red", "book", "."],
        ["le", "livre", "rouge"],
        np.array([[0.5, 0.4, 0.05, 0.05], [0.2, 0.1, 0.7, 0.0], [0.05, 0.38, 0.27, 0.3]]),
    )
    result = finished(links(one))
    expect(isinstance(result, list), "Give back a list of pairs, one for each word that was written.")
    for pair in result:
        finished(pair)
    expect(
        [pair[0] for pair in result] == one.target,
        "The first part of each pair should be the word that was written, in order: keep `word`.",
    )
    said = [pair[1] for pair in result]
    expect(
        not all(isinstance(item, (int, np.integer)) for item in said),
        "You give back places. Look the word up: one.source[place].",
    )
    expect(
        not all(isinstance(item, float) for item in said),
        "You give back the weights themselves. Ask for the place of the largest, argmax, and look up its word.",
    )
    expect(
        not set(said) <= set(one.target),
        "These are words that were written. The columns of the weights belong to one.source.",
    )
    lowest = [one.source[row.argmin()] for row in one.weights]
    expect(said != lowest, "These are the words that were looked at least. Take argmax.")
    expect(
        said == ["the", "book", "red"],
        f"For le, livre, rouge you say {', '.join(map(str, said))}. Each row belongs to a written word; take the "
        "column with the largest weight in that row.",
    )
    return "le → the, livre → book, rouge → red: noun and colour have crossed."


@exercise("5c")
def exercise_5c(clipped_precision):
    expect(callable(clipped_precision), "clipped_precision should be a function: keep the line with def.")
    hypothesis = "le maire a gagné le vote de douze voix ."
    reference = "le maire a gagné l'élection de douze voix ."

    def counts(one, other, n):
        result = clipped_precision(one, other, n)
        finished(result)
        expect(
            isinstance(result, (tuple, list)) and len(result) == 2,
            "Give back two numbers, matched and all, with a comma between them.",
        )
        return tuple(float(number) for number in result)

    matched, total = counts("le le le le", "le maire et le vote", 1)
    expect(
        matched != 1 and total != 1,
        "You count different n-grams, not how often they occur. le le le le against a reference "
        "with two le matches 2 of 4.",
    )
    expect(
        matched != 4,
        "For le le le le you match 4, and the reference has two le. Each n-gram counts at most as "
        "often as the reference holds it: min(count, wanted[gram]).",
    )
    expect(
        total != 5,
        "Your second number counts the n-grams of the reference: that would be recall. Count the "
        "translation's own, which are in `said`.",
    )
    expect(
        (matched, total) == (2, 4),
        "le le le le against a reference with two le should give 2 of 4; yours gives "
        f"{matched:g} of {total:g}.",
    )
    for n, wanted in ((1, (8, 10)), (2, (6, 9)), (3, (4, 8)), (4, (2, 7))):
        matched, total = counts(hypothesis, reference, n)
        expect(
            (matched, total) == wanted,
            f"For n = {n} the section counts {wanted[0]} of {wanted[1]}; yours are {matched:g} of "
            f"{total:g}. Take n for both counts.",
        )
    return "8/10, 6/9, 4/8, 2/7, as by hand. With the brevity penalty you have BLEU."


@exercise("5d")
def exercise_5d(wrong_translation, not_raised):
    import re

    from workshop_lib import translation

    expect(isinstance(wrong_translation, str), "Write one French sentence in quotation marks.")
    text = " ".join(wrong_translation.split())
    expect(text != not_raised, "That is the reference itself, which is right. Take the negation out.")
    has_ne = re.search(r"\bn['’]|\bne\b", text, re.IGNORECASE)
    has_pas = re.search(r"\bpas\b", text, re.IGNORECASE)
    expect(
        not (has_ne and not has_pas),
        "The n' is still there. In writing it still marks the negation: take out both parts.",
    )
    expect(
        not (has_pas and not has_ne),
        "The pas is still there. In speech it alone makes the negation: take out both parts.",
    )
    expect(not has_ne, "Your sentence is still negative: n' … pas stands on both sides of the verb.")
    words = re.findall(r"\w+", text.lower())
    allowed = re.findall(r"\w+", not_raised.lower())
    strange = [word for word in words if word not in allowed]
    expect(not strange, f"'{(strange or [''])[0]}' isn't in the reference. Leave out words only.")
    expect(
        "gouvernement" in words and "augmenté" in words and "a" in words,
        "Keep who did what: le gouvernement, a, augmenté. Only the negation goes.",
    )
    found = translation.score([text], [not_raised])
    expect(
        found["chrf"] >= CHRF,
        f"The chrF is {found['chrf']:.1f}, and {CHRF} is asked for. Leave out no more than the negation.",
    )
    return (
        f"chrF {found['chrf']:.1f} and BLEU {found['bleu']:.1f} for the opposite of what was said. The "
        "right sentence in other words got far less. A score counts what looks alike."
    )


@exercise("5e")
def exercise_5e(short_bleu, long_bleu, parallel):
    import numpy as np

    from workshop_lib import translation

    short = parallel["english"].str.split().str.len() <= WORDS
    try:
        answers = float(short_bleu), float(long_bleu)
    except (TypeError, ValueError):
        expect(False, "Each should be one number: the entry \"bleu\" of what translation.score gives back.")

    def scored(rows, name="bleu", turned=False):
        said, wanted = parallel["machine"][rows], parallel["french"][rows]
        return translation.score(wanted, said)[name] if turned else translation.score(said, wanted)[name]

    def same(one, other):
        return bool(np.allclose(one, other, atol=1e-6))

    right = scored(short), scored(~short)
    expect(not same(answers, right[::-1]) or same(*right), "The two are exchanged: `short` is True for the short ones.")
    expect(
        not same(answers, (scored(short, "chrf"), scored(~short, "chrf"))),
        "These are chrF. Take the entry \"bleu\".",
    )
    expect(
        not same(answers, (scored(short, turned=True), scored(~short, turned=True))) or same(answers, right),
        "Translations and references are exchanged. The translations come first.",
    )
    everything = scored(short | ~short)
    expect(
        not any(same(answer, everything) for answer in answers),
        "One of these is the BLEU of all sentences. Pick rows with [short] or [~short], on both sides.",
    )
    by_sentence = np.array(
        [translation.score([said], [wanted])["bleu"] for said, wanted in zip(parallel["machine"], parallel["french"])]
    )
    means = by_sentence[short.to_numpy()].mean(), by_sentence[~short.to_numpy()].mean()
    expect(
        not same(answers, means),
        "These are means of the BLEU of single sentences. Corpus BLEU adds up the counts of all "
        "sentences first: give all of them to one call of translation.score.",
    )
    expect(same(answers, right), "These aren't the corpus BLEU of the two groups. One call for each group.")
    return (
        f"BLEU {right[0]:.1f} for {int(short.sum())} short sentences, {right[1]:.1f} for "
        f"{int((~short).sum())} longer ones; the means over single sentences would be {means[0]:.1f} "
        f"and {means[1]:.1f}. Say which you report."
    )


@exercise("5f")
def exercise_5f(only_he, only_she, judged):
    from workshop_lib import classify

    wide = judged.pivot(index="pair", columns="side", values="right").astype(bool)
    he, she = wide["he"], wide["she"]
    try:
        answers = float(only_he), float(only_she)
    except (TypeError, ValueError):
        expect(False, "Each should be one number. Count the rows that are True: (...).sum().")
    right = int((he & ~she).sum()), int((she & ~he).sum())
    expect(
        not all(0 <= answer <= 1 for answer in answers) or max(right) <= 1,
        "These are shares. Count the pairs: sum() instead of mean().",
    )
    expect(
        answers != (float(he.sum()), float(she.sum())) or answers == right,
        "These count all pairs in which he, or she, is right, also those in which both are. Leave "
        "those out: & ~ the other.",
    )
    expect(answers != (float((~he).sum()), float((~she).sum())) or answers == right, "These count the wrong ones.")
    both, none = float((he & she).sum()), float((~he & ~she).sum())
    expect(
        not {answers[0], answers[1]} <= {both, none} or answers == right,
        "These are pairs in which both or none is right. They say nothing about the difference.",
    )
    expect(
        answers != right[::-1] or right[0] == right[1],
        "The two are exchanged. only_he: he is right and she isn't.",
    )
    expect(
        answers == right,
        f"These aren't the counts: yours are {answers[0]:g} and {answers[1]:g}. One & and one ~ each.",
    )
    passed = ["yes" if value else "no" for value in he], ["yes" if value else "no" for value in she]
    p = classify.mcnemar(["yes"] * len(wide), *passed).p
    return (
        f"Only he is right in {right[0]} of {len(wide)} pairs, only she in {right[1]}; McNemar's "
        f"p = {p:.2g}. Two pairs share each profession, so they aren't independent, and p is too small."
    )


@exercise("5g")
def exercise_5g(interval_of_loss):
    import numpy as np

    expect(callable(interval_of_loss), "interval_of_loss should be a function: keep the line with def.")
    random = np.random.default_rng(5)
    truth = random.choice(["no", "yes"], size=240, p=[0.6, 0.4])
    turned = np.where(truth == "yes", "no", "yes")
    before = np.where(random.random(240) < 0.1, turned, truth)
    after = np.where(random.random(240) < 0.2, turned, before)

    first = finished(interval_of_loss(truth, before, after))
    try:
        low, high = (float(value) for value in first)
    except (TypeError, ValueError):
        expect(False, "Give back two numbers, the lower and the upper end: np.percentile(losses, [2.5, 97.5]).")
    low, high = (float(value) for value in interval_of_loss(truth, before, after, 2000))
    expect(low <= high, "The lower end comes first.")
    same = np.array(interval_of_loss(truth, before, before), float)
    expect(
        high - low > 1e-9,
        "The interval has no width: every draw holds the same posts. Draw with replacement, so that "
        "some posts come twice and others not at all: random.integers(0, n, size=n).",
    )
    expect(
        np.allclose(same, 0),
        "Before and after are the same here, so the loss is 0 in every draw; yours varies. Draw the "
        "rows once in each round, and use them for the truth and for both predictions.",
    )
    expect(
        high >= 0,
        "After is worse than before in this test, so the loss is positive; yours is negative. It is "
        "before minus after.",
    )
    rows = np.random.default_rng(6).integers(0, len(truth), size=(4000, len(truth)))
    wanted = np.percentile(_f1(truth[rows], before[rows]) - _f1(truth[rows], after[rows]), [2.5, 97.5])
    ratio = (high - low) / (wanted[1] - wanted[0])
    expect(
        not 0.78 < ratio < 0.91,
        "Your interval holds the middle 90 %. For 95 % leave out 2.5 % on either side: [2.5, 97.5].",
    )
    expect(
        ratio < 1.15,
        f"Your interval is {ratio:.1f} times as wide as it should be. Draw as many posts as there are, not fewer.",
    )
    expect(
        ratio > 0.91,
        f"Your interval is only {ratio:.1f} times as wide as it should be. Draw as many posts as "
        "there are, and take the percentiles 2.5 and 97.5.",
    )
    expect(
        abs(low - wanted[0]) < 0.03 and abs(high - wanted[1]) < 0.03,
        f"On the test data the interval should be about {wanted[0]:.2f} to {wanted[1]:.2f}; yours is "
        f"{low:.2f} to {high:.2f}. Is it macro F1 before minus macro F1 after?",
    )
    return f"{low:.2f} to {high:.2f} on the test data, as wide as it should be."


def _f1(truth, predicted):
    """Return the macro F1 of each row of labels, both of shape (draws, n)."""
    import numpy as np

    scores = []
    for label in ("no", "yes"):
        right = ((truth == label) & (predicted == label)).sum(axis=1)
        scores.append(2 * right / ((truth == label).sum(axis=1) + (predicted == label).sum(axis=1)))
    return np.mean(scores, axis=0)


@exercise("5h")
def exercise_5h(difference, changed, from_english, from_french):
    import numpy as np

    try:
        difference, changed = float(difference), float(changed)
    except (TypeError, ValueError):
        expect(False, "Each should be one number: the mean() of a comparison is a share.")
    english, french = np.asarray(from_english) == "yes", np.asarray(from_french) == "yes"
    right, moved = english.mean() - french.mean(), (english != french).mean()

    def same(one, other):
        return bool(np.isclose(one, other, atol=1e-9))

    expect(
        abs(difference) <= 1 and 0 <= changed <= 1,
        "These are counts. A share lies between 0 and 1: mean() instead of sum().",
    )
    expect(
        same(difference, right) or not same(difference, -right),
        "The sign is turned around: it is the share in the English posts minus that in the French "
        "ones, and the share of \"yes\", not of \"no\".",
    )
    expect(
        same(difference, right), "difference isn't the share of \"yes\" in English minus that in French."
    )
    expect(
        same(changed, moved) or not same(changed, 1 - moved),
        "That is the share of posts that kept their code. Ask where the two differ: !=.",
    )
    expect(
        same(changed, moved) or not same(changed, abs(right)),
        "That is the difference again. A post that turns from yes to no and another that turns from "
        "no to yes cancel in it. Compare the codes post by post: !=.",
    )
    expect(
        same(changed, moved),
        "changed isn't the share of posts with another code. Compare with != and take the mean.",
    )
    return (
        f"The share differs by {difference:+.3f}, and {changed:.3f} of the posts got another code. What "
        "cancels in a share doesn't cancel in a regression on the codes."
    )
