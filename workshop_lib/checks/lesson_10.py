"""Checks of lesson 10, simulated participants and stimuli."""

from __future__ import annotations

from workshop_lib.checks import exercise, expect, finished

WORDS = 30  # the longest rude reply of 10i
JUDGEMENTS = ("A", "B", "no difference")


@exercise("10a")
def exercise_10a(poststratified):
    import numpy as np
    import pandas as pd

    _function(poststratified, "poststratified")
    votes = {"Democrat": (9, 1), "independent": (3, 3), "Republican": (1, 3)}
    rows = [
        {"party_group": group, "vote": vote}
        for group, counts in votes.items()
        for vote, count in zip(("Clinton", "Dole"), counts, strict=True)
        for _ in range(count)
    ]
    people = pd.DataFrame(rows)
    people["party_group"] = pd.Categorical(people["party_group"], list(votes), ordered=True)
    targets = {"Democrat": 0.2, "independent": 0.2, "Republican": 0.6}
    found = _number(poststratified(people, targets), "poststratified")

    def same(value):
        return bool(np.isclose(found, value))

    sample_share = (people["vote"] == "Clinton").mean()
    expect(not same(sample_share), "That is the share in the sample: the targets have changed nothing.")
    expect(
        not same(np.mean([0.9, 0.5, 0.25])),
        "Every group counts the same in yours. Weight each group's share by its target.",
    )
    expect(
        not same(1 - 0.43), "That is the share of Dole. Count where the vote is \"Clinton\"."
    )
    expect(
        0 <= found <= 1,
        f"You give back {found:.2f}, and a share lies between 0 and 1. Take the mean within each group, "
        "not the sum.",
    )
    in_sample = people["party_group"].value_counts(normalize=True)
    twice = sum(targets[group] * in_sample[group] * share for group, share in zip(votes, (0.9, 0.5, 0.25), strict=True))
    expect(not same(twice), "You weight by the sample as well. The target takes the sample's place.")
    expect(
        same(0.43),
        f"On the test people it should be 0.2 · 0.90 + 0.2 · 0.50 + 0.6 · 0.25 = 0.43; yours is {found:.3f}.",
    )
    from workshop_lib import participants

    third = poststratified(participants.anes96(), dict.fromkeys(votes, 1 / 3))
    return (
        f"0.43 on the test people. With a third of each group, the people of 1996 give {third:.2f}, as by hand. "
        "It mends the mix of groups, and not who within a group was asked."
    )


@exercise("10b")
def exercise_10b(two_shares):
    import numpy as np

    _function(two_shares, "two_shares")
    clinton = np.array([0.6, 0.6, 0.6, 0.6, 0.1])
    found = finished(two_shares(clinton))
    expect(
        isinstance(found, (tuple, list)) and len(found) == 2,
        "Give back two numbers with a comma between them: return mean_share, share_of_likeliest.",
    )
    mean_share, likeliest = (_number(value, "each of the two") for value in found)
    expect(
        not (np.isclose(mean_share, 0.8) and np.isclose(likeliest, 0.5)),
        "The two are exchanged: the mean of the distributions comes first.",
    )
    expect(
        not np.isclose(likeliest, 4),
        "You count the personas. The mean() of True and False is a share, the sum() is a number.",
    )
    expect(
        not np.isclose(mean_share, 0.6),
        "That is the median. Each persona counts with its whole probability: take the mean.",
    )
    expect(np.isclose(mean_share, 0.5), f"The mean of 0.6, 0.6, 0.6, 0.6 and 0.1 is 0.5; yours is {mean_share:.3f}.")
    expect(
        not np.isclose(likeliest, 0.2),
        "You count those whose likeliest answer is Dole. Clinton is likeliest above 0.5.",
    )
    expect(
        not np.isclose(likeliest, 0.5),
        "The second share is the same as the first. Ask of each persona whether Clinton is above 0.5.",
    )
    expect(
        np.isclose(likeliest, 0.8),
        f"Four of five have Clinton as their likeliest answer, a share of 0.8; yours is {likeliest:.3f}.",
    )
    return "0.5 and 0.8 from the same five personas. A paper must say which of the two it reports."


@exercise("10c")
def exercise_10c(variance_ratio):
    import numpy as np

    _function(variance_ratio, "variance_ratio")
    steps = np.array([1, 2, 3, 4])
    people, model = np.array([0.5, 0.25, 0, 0.25]), np.array([0, 0.5, 0.5, 0])
    found = _number(variance_ratio(steps, people, model), "variance_ratio")
    expect(not np.isclose(found, 6), "It is turned around: the model's variance is divided by that of people.")
    expect(
        not np.isclose(found, 6.5 / 5.5),
        "You left the mean out: that is the ratio of Σ share · step². Take the square of the mean away.",
    )
    expect(
        not np.isclose(found, (6.5 - 2.5) / (5.5 - 2)),
        "You take away the mean, not its square: mean**2.",
    )
    expect(
        not np.isclose(found, np.var(model) / np.var(people)),
        "That is the variance of the shares themselves. The steps vary, and the shares are their weights.",
    )
    expect(
        not np.isclose(found, np.sqrt(1 / 6)),
        "That is the ratio of the standard deviations. Leave the root out.",
    )
    expect(np.isclose(found, 1 / 6), f"By hand it is 0.25 / 1.5 = 0.17; yours is {found:.3f}.")
    other = np.array([0, 5, 10]), np.array([0.5, 0, 0.5]), np.array([0.25, 0.5, 0.25])
    expect(
        np.isclose(_number(variance_ratio(*other), "variance_ratio"), 0.5),
        "For the steps 0, 5, 10 it should be 12.5 / 25 = 0.5. Use the steps that the function is given.",
    )
    return "0.17, as by hand. Below 1, the simulated people are more alike than people are."


@exercise("10d")
def exercise_10d(worth, shares):
    import numpy as np

    _function(worth, "worth")
    found = _number(worth(0.5, 0.6), "worth")
    expect(not np.isclose(found, 2.5), "The error must be squared: solve √(p (1 − p) / n) = error for n.")
    expect(not np.isclose(found, 0.04), "That is 1 / n. Turn the fraction around.")
    expect(not np.isclose(found, 5), "That is √n: square it.")
    expect(not np.isclose(found, -2.5), "The error must be squared, which also takes away its sign.")
    expect(
        not np.isclose(found, 24),
        "You took the model's share for p. Among people the share is the truth: truth * (1 - truth).",
    )
    expect(
        np.isclose(found, 25),
        f"A truth of 0.5 and an error of 0.1 are worth 0.25 / 0.01 = 25 people; yours is {found:.2f}.",
    )
    expect(
        np.isclose(_number(worth(0.2, 0.1), "worth"), 16),
        "A truth of 0.2 and a model's 0.1 are worth 0.16 / 0.01 = 16 people. Does the sign of the error matter?",
    )
    truth = shares["people"]
    told = [
        f"{name}: {'many' if np.isclose(share, truth) else f'{worth(truth, share):.1f}'}"
        for name, share in shares.items()
        if name != "people"
    ]
    return (
        f"So many interviewed people is each way of asking worth, for this one share: {', '.join(told)}. "
        "And the survey would say how sure it is."
    )


@exercise("10e")
def exercise_10e(shrunk_error):
    import numpy as np

    _function(shrunk_error, "shrunk_error")
    learn = np.array([0.1, -0.2, 0.3, 0.2]), np.array([0.06, -0.1, 0.14, 0.1])
    new = np.array([0.2, -0.4, 0.1]), np.array([0.12, -0.2, 0.0])
    given = [one.copy() for one in (*learn, *new)]
    found = finished(shrunk_error(*learn, *new))
    expect(
        isinstance(found, (tuple, list)) and len(found) == 2,
        "Give back two numbers, the slope and the RMSE, with a comma between them.",
    )
    slope, error = (_number(value, "each of the two") for value in found)
    expect(
        all(np.array_equal(*pair) for pair in zip(given, (*learn, *new), strict=True)),
        "Your function changes the arrays that it is given. Make new ones.",
    )
    x, y = learn[0] - learn[0].mean(), learn[1] - learn[1].mean()
    right = float((x * y).sum() / (x**2).sum())
    new_x, new_y = new[0] - new[0].mean(), new[1] - new[1].mean()

    def rmse(values, wanted):
        return float(np.sqrt(((values - wanted) ** 2).mean()))

    def same(one, other):
        return bool(np.isclose(one, other, rtol=1e-6))

    expect(
        not same(slope, (x * y).sum() / (y**2).sum()),
        "That is the slope of predicted on observed effects. Divide by Σ (x − x̄)².",
    )
    expect(
        not same(slope, np.corrcoef(*learn)[0, 1]),
        "That is the correlation, which knows nothing of size. Divide by Σ (x − x̄)² alone.",
    )
    expect(
        not same(slope, float((new_x * new_y).sum() / (new_x**2).sum())),
        "You learnt the slope from the new effects, which is looking at the answer. Take the first pair.",
    )
    expect(same(slope, right), f"On the test effects the slope should be {right:.3f}; yours is {slope:.3f}.")
    expect(
        not same(error, rmse(right * learn[0], learn[1])),
        "That is the error on the effects that the slope was learnt from. Take the new ones.",
    )
    expect(
        not same(error, rmse(*new)),
        "That is the error without shrinking. Multiply the new predictions by the slope first.",
    )
    expect(
        not same(error, rmse(new[0] / right, new[1])),
        "You divide by the slope. Predictions that are too large have a slope below 1: multiply.",
    )
    expect(
        same(error, rmse(right * new[0], new[1])),
        f"The RMSE of the new effects should be {rmse(right * new[0], new[1]):.4f}; yours is {error:.4f}.",
    )
    return (
        f"Slope {right:.2f}; on new effects the RMSE is {error:.3f} instead of {rmse(*new):.3f}. In a study, learn the "
        "slope on other studies than those that you report."
    )


@exercise("10f")
def exercise_10f(turned_predicted, turned_observed, planted):
    import numpy as np

    predicted, observed = planted["predicted"].to_numpy(), planted["observed"].to_numpy()
    answers = []
    for answer in (turned_predicted, turned_observed):
        expect(
            np.shape(answer) == observed.shape,
            "Each should have one number for every effect: multiply the whole column by the sign.",
        )
        answers.append(np.asarray(answer, float))
    said, wanted = answers
    sign = np.sign(observed)
    expect(
        not (np.allclose(said, predicted) and np.allclose(wanted, observed)),
        "Nothing has been turned. Multiply both columns by the sign of the observed effects.",
    )
    expect(
        not np.allclose(said, np.abs(predicted)) or np.allclose(np.abs(predicted), sign * predicted),
        "Your predictions are all positive, each turned by its own sign. An effect and its prediction are turned "
        "together: multiply both by the sign of the observed one.",
    )
    expect((wanted >= 0).all(), "Some observed effects are still negative. Multiply them by their own sign.")
    expect(
        not np.allclose(said, predicted),
        "The predictions weren't turned. If the arms change places, the prediction changes its sign, too.",
    )
    expect(np.allclose(wanted, sign * observed), "The observed effects should keep their size: sign times effect.")
    expect(np.allclose(said, sign * predicted), "The predicted effects should keep their size: sign times effect.")
    before, after = np.corrcoef(predicted, observed)[0, 1], np.corrcoef(said, wanted)[0, 1]
    return (
        f"r falls from {before:.2f} to {after:.2f}, and not a single prediction has become better or worse. A part of r "
        "is only the sign, and which sign an effect has was somebody's choice. Say how effects were signed."
    )


@exercise("10g")
def exercise_10g(errors_of):
    import numpy as np

    _function(errors_of, "errors_of")
    truth = np.array(["no"] * 5 + ["yes"] * 5)
    predicted = np.array(["yes", "yes", "yes", "no", "no", "no", "yes", "yes", "yes", "yes"])
    found = finished(errors_of(truth, predicted, "yes"))
    expect(
        isinstance(found, (tuple, list)) and len(found) == 3,
        "Give back three numbers: return right, too_often, too_rarely.",
    )
    right, often, rarely = (_number(value, "each of the three") for value in found)
    expect(
        not (np.isclose(right, 6) or np.isclose(often, 3)),
        "These are counts. Take the mean() of True and False, which is a share.",
    )
    expect(np.isclose(right, 0.6), f"Six of ten are right, a share of 0.6; yours is {right:.2f}.")
    expect(
        not (np.isclose(often, 0.1) and np.isclose(rarely, 0.3)),
        "The two are exchanged. Too often: predicted the label, and said something else.",
    )
    expect(
        not (np.isclose(often, 0.7) or np.isclose(rarely, 0.5)),
        "You count all who were predicted the label, or all who said it. Leave out those who are right: & with the "
        "second condition.",
    )
    expect(
        not (np.isclose(often, 0.6) or np.isclose(rarely, 0.2)),
        "You divide by the people who said one answer. All shares are of all people here, so that the two kinds of "
        "error and the right ones sum to 1.",
    )
    expect(
        np.isclose(often, 0.3) and np.isclose(rarely, 0.1),
        f"Too often should be 0.3 and too rarely 0.1 on the test people; yours are {often:.2f} and {rarely:.2f}.",
    )
    turned = errors_of(truth, predicted, "no")
    expect(
        np.allclose([float(value) for value in turned], [0.6, 0.1, 0.3]),
        "For the label \"no\" the two kinds of error should change places. Use the label that the function is given.",
    )
    return "Right 0.6, too often 0.3, too rarely 0.1: predicted 0.2 too many. Accuracy alone shows the first number."


@exercise("10h")
def exercise_10h(judged, shown, key):
    from workshop_lib import participants

    expect(isinstance(judged, dict), "judged should be a dictionary from each id to your judgement.")
    for value in judged.values():
        finished(value)
    ids = list(shown["id"])
    strange = [one for one in judged if one not in ids]
    expect(not strange, f"There is no pair {(strange or [''])[0]!r}. The ids stand above each pair: {ids[0]} to {ids[-1]}.")
    lacking = [one for one in ids if one not in judged]
    expect(not lacking, f"{len(lacking)} pairs have no judgement, such as {(lacking or [''])[0]}. Judge all of them.")
    wrong = [value for value in judged.values() if value not in JUDGEMENTS]
    expect(
        not wrong,
        f"{(wrong or [''])[0]!r} is no judgement. Write \"A\", \"B\" or \"no difference\", in these letters.",
    )
    decided = [value for value in judged.values() if value != "no difference"]
    expect(decided, "You see no difference in any pair, so nothing can be counted. Decide where you can.")
    found = participants.unblind(judged, key).loc["all"]
    return (
        f"The suggestion won {found['wins']:.0f} of {len(decided)} decided pairs, {found['ties']:.0f} without a "
        f"difference; 95 % interval {found['low']:.2f} to {found['high']:.2f}. You took A in {found['chose_a']:.2f} of "
        "the decided pairs. Now ask your neighbour: agreement between judges comes before any verdict."
    )


@exercise("10i")
def exercise_10i(rude_reply):
    from workshop_lib import participants

    expect(isinstance(rude_reply, str) and rude_reply.strip(), "Write one text in quotation marks.")
    words = len(rude_reply.split())
    expect(words <= WORDS, f"Your reply has {words} words, and at most {WORDS} are asked for.")
    counts = participants.count_markers([rude_reply]).iloc[0]
    expect(
        counts["insult"] == 0,
        "The list of insults finds something. Be rude without its words: condescend, or doubt the reader's wits.",
    )
    expect(
        counts["politeness"] > 0,
        "There is no marker of politeness. Look at participants.MARKERS[\"politeness\"] and put one in.",
    )
    expect(
        counts["validation"] > 0,
        "There is no marker of validation. Look at participants.MARKERS[\"validation\"] and put one in, such as I can "
        "see why.",
    )
    expect(words >= 8, "Say a little more: eight words or more, so that a reader can be annoyed.")
    return (
        f"Politeness {counts['politeness']}, validation {counts['validation']}, insult 0. Whether it is rude, only a "
        "reader can say, and that is the point: the list gives your reply its best marks."
    )


@exercise("10j")
def exercise_10j(invited):
    import numpy as np

    _function(invited, "invited")
    found = _number(invited(100, 2, 0.2, 0.2), "invited")
    expect(not np.isclose(found, 150), "That is one arm. There are two.")
    expect(
        not np.isclose(found, 192),
        "You take the drop-out away from the people. To have 80 % left, divide by 1 − dropout.",
    )
    expect(not np.isclose(found, 288), "To lose 20 % isn't to add 20 %: divide by 1 − dropout.")
    expect(not np.isclose(found, 240), "The drop-out is missing: divide by 1 − dropout.")
    expect(not np.isclose(found, 250), "The design effect is missing: multiply by 1 + (m − 1) ρ.")
    expect(
        not np.isclose(found, 350),
        "Your design effect is 1 + m ρ. With one person to a conversation it must be 1: take m − 1.",
    )
    expect(not np.isclose(found, 1200), "You divide by the drop-out. Divide by the share that stays, 1 − dropout.")
    expect(np.isclose(found, 300), f"By hand it is 2 · 100 · 1.2 / 0.8 = 300; yours is {found:g}.")
    alone = _number(invited(771, 1, 0.5, 0.1), "invited")
    expect(
        float(alone).is_integer() and alone == 1714,
        f"For 771 in each arm, each person alone and 10 % drop-out it should be 1,713.3, rounded up to 1,714; yours is "
        f"{alone:g}.",
    )
    paired = invited(771, 2, 0.3, 0.15)
    return (
        f"300, as by hand. The plan of this section, with pairs whose answers correlate with 0.3 and 15 % drop-out: "
        f"{paired:,} people. A grant application writes that number."
    )


def _function(answer, name: str) -> None:
    expect(callable(answer), f"{name} should be a function: keep the line with def.")


def _number(answer, what: str) -> float:
    """Return an answer as a number, or say that it is none."""
    import numpy as np

    finished(answer)
    try:
        value = float(answer)
    except (TypeError, ValueError):
        value = float("nan")
    expect(
        np.isfinite(value),
        f"{what} should be one number, and yours is {answer!r}."[:300],
    )
    return value
