"""Checks of lesson 04, hyperparameter tuning."""

from __future__ import annotations

import math
from numbers import Integral, Real

from workshop_lib.checks import exercise, expect, finished

LARGE, SMALL = "learning rate too large", "learning rate too small"
OVERFITTING, FEW = "overfitting", "too little data"
SETTINGS, TRUTH = 50, 0.8  # of the search that exercise 4f plans
TOO_GOOD, WASTEFUL = 0.0203, 0.017  # how much too good its best may look, and need not be below

# What was said, and what it is: where to look again.
CONFUSED = {
    (FEW, SMALL): "look at its training line. With few posts it falls to next to nothing; here it hardly moves",
    (OVERFITTING, SMALL): "look at its training line. Who overfits has learned the training posts; here the line "
    "hardly moves",
    (LARGE, SMALL): "its lines are calm and hardly move. What would a step do that is too long?",
    (SMALL, LARGE): "its lines jump far above the dotted one in the first epochs. Can tiny steps do that?",
    (OVERFITTING, LARGE): "look at its first epochs. Who overfits begins well; here the lines jump far above the "
    "dotted one at once",
    (FEW, LARGE): "look at its first epochs: few posts don't make the lines jump so far above the dotted one",
    (FEW, OVERFITTING): "look at its validation line. It first gets well below the dotted line, so that there was "
    "enough to learn from, and only then turns",
    (SMALL, OVERFITTING): "its training line falls to next to nothing. Do tiny steps do that?",
    (LARGE, OVERFITTING): "its training line falls smoothly to next to nothing. Do steps that are too long do that?",
    (OVERFITTING, FEW): "look at its validation line, before it turns. It never gets as far below the dotted line as "
    "another patient's does",
    (SMALL, FEW): "its training line falls far. Do tiny steps do that?",
    (LARGE, FEW): "look at the height of its lines in the first epochs: another patient's jump far higher",
}


@exercise("4a")
def exercise_4a(diagnosis, cases):
    expect(
        isinstance(diagnosis, dict) and set(diagnosis) == set(cases),
        f"diagnosis should have one entry for each of {', '.join(cases)}.",
    )
    finished(list(diagnosis.values()))
    said = {letter: " ".join(str(name).lower().split()) for letter, name in diagnosis.items()}
    names = {LARGE, SMALL, OVERFITTING, FEW}
    for letter, name in said.items():
        expect(
            name in names,
            f"'{diagnosis[letter]}' isn't one of the four. Write: {', '.join(sorted(names))}.",
        )
    expect(
        set(said.values()) == names,
        "One name stands there twice. Each of the four occurs once.",
    )
    right = _diagnoses(cases)
    wrong = [letter for letter in cases if said[letter] != right[letter]]
    if wrong:
        letter = wrong[0]
        expect(
            False,
            f"{len(cases) - len(wrong)} of {len(cases)} are right. {letter}: "
            f"{CONFUSED[said[letter], right[letter]]}.",
        )
    return "Look at cases['A'].settings and cases['A'].rows, and so on: there the reasons stand."


def _diagnoses(cases):
    """Return what is wrong with each case, by the settings and rows it was trained with."""
    letters = list(cases)
    few = min(letters, key=lambda letter: cases[letter].rows)
    others = sorted(
        (letter for letter in letters if letter != few),
        key=lambda letter: cases[letter].settings.learning_rate,
    )
    return {few: FEW, others[0]: SMALL, others[1]: OVERFITTING, others[2]: LARGE}


@exercise("4b")
def exercise_4b(draw_rate):
    import numpy as np

    expect(callable(draw_rate), "draw_rate should be a function: keep the line with def.")
    low, high = 1e-5, 1e-1
    chance = np.random.default_rng(0)
    value = finished(draw_rate(low, high, chance))
    expect(value is not None, "Your function returns nothing. Does it end with return?")
    expect(np.ndim(value) == 0, "Draw one learning rate, one number.")
    drawn = np.array([float(draw_rate(low, high, chance)) for _ in range(2000)])
    expect(len(np.unique(drawn)) > 1, "Every draw gives the same number. Let it depend on share.")
    expect(
        not (drawn.max() <= 0 and drawn.min() >= math.log(low) - 1e-9),
        "These numbers are logarithms: all are below 0. Turn them back into learning rates with a power.",
    )
    expect(drawn.min() > 0, "A learning rate is above 0, and some of your draws aren't.")
    inside = (drawn >= low * (1 - 1e-9)) & (drawn <= high * (1 + 1e-9))
    middle = math.sqrt(low * high)
    outside = drawn[~inside]
    if not len(outside):
        below = float((drawn < middle).mean())
        expect(
            below > 0.1,
            f"Only {below:.2f} of your draws lie below {middle:g}, which is halfway on a log scale. You draw "
            "evenly: the share should be an exponent, not a factor.",
        )
        expect(
            0.45 < below < 0.55,
            f"{below:.2f} of your draws lie below {middle:g}, which is halfway on a log scale. It should be "
            "about half of them. Is share used once, as it is?",
        )
    expect(
        not len(outside),
        f"{len(outside)} of 2,000 draws lie outside {low:g} to {high:g}. At share 0 the result should be low, at "
        "share 1 high.",
    )
    wide = np.array([float(draw_rate(2.0, 128.0, chance)) for _ in range(2000)])
    expect(
        wide.min() >= 2 - 1e-9 and wide.max() <= 128 + 1e-9 and 0.45 < (wide < 16).mean() < 0.55,
        "It works for one range only. Take the ends from low and high.",
    )
    return f"{(drawn < middle).mean():.2f} of 2,000 draws lie below {middle:g}, halfway between the ends."


@exercise("4c")
def exercise_4c(trainings, hours, kilowatt_hours, plan):
    for name, value in (("trainings", trainings), ("hours", hours), ("kilowatt_hours", kilowatt_hours)):
        expect(isinstance(finished(value), Real), f"{name} should be one number.")
    choices = [value for name, value in plan.items() if name not in ("folds", "seeds", "seconds", "watts")]
    grid, folds, seeds = math.prod(choices), plan["folds"], plan["seeds"]
    expect(
        trainings not in (sum(choices), sum(choices) * folds * seeds, sum(choices) + folds + seeds),
        "You add the choices. Every learning rate meets every batch size: multiply.",
    )
    expect(trainings != grid, "That is the grid once. Each combination runs on every fold, with every seed.")
    expect(trainings != grid * folds, "The seeds are missing. Each combination and fold runs with every seed.")
    expect(trainings != grid * seeds, "The folds are missing. Each combination and seed runs on every fold.")
    expect(
        trainings == grid * folds * seeds,
        f"{trainings} isn't the number of trainings. Multiply the numbers of choices, folds and seeds.",
    )
    seconds = trainings * plan["seconds"]
    expect(not _near(hours, seconds), "These are seconds. An hour has 3,600 of them.")
    expect(not _near(hours, seconds / 60), "These are minutes. Divide by 60 once more.")
    expect(_near(hours, seconds / 3600), "The hours don't fit: trainings times seconds, divided by 3,600.")
    expect(
        not _near(kilowatt_hours, hours * plan["watts"]),
        "These are watt-hours. A kilowatt-hour has 1,000 of them.",
    )
    expect(
        not _near(kilowatt_hours, plan["watts"] / 1000),
        "These are kilowatts, which say how fast energy is used. Multiply by the hours.",
    )
    expect(
        _near(kilowatt_hours, hours * plan["watts"] / 1000),
        "The energy doesn't fit: hours times watts, divided by 1,000.",
    )
    return f"{trainings:,} trainings, {hours:.0f} hours. Which of the factors could the project do without?"


@exercise("4d")
def exercise_4d(stop):
    expect(callable(stop), "stop should be a function: keep the line with def.")
    earlier = [[0.5, 0.6, 0.9], [0.6, 0.7, 0.7], [0.4, 0.8, 0.8], [0.3, 0.5, 0.6]]

    def says(scores, others):
        answer = finished(stop(scores, others))
        expect(answer is not None, "Your function returns nothing. Does it end with return?")
        return bool(answer)

    bad, best = says([0.2, 0.3], earlier), says([0.9, 0.95], earlier)
    expect(
        not (best and not bad),
        "It is the wrong way round: the best trial is stopped and the worst one goes on.",
    )
    expect(bad, "A trial that is worse than all earlier ones isn't stopped.")
    expect(not best, "A trial that is better than all earlier ones is stopped.")
    expect(
        not says([0.2, 0.3], earlier[:3]),
        "With fewer than four earlier trials nothing should be stopped. Keep the first two lines.",
    )
    expect(
        not says([0.5], [[0.3, 0.9]] * 4),
        "After the first epoch this trial has 0.50 and all earlier ones had 0.30. They got better later. "
        "Compare with their score after the same epoch.",
    )
    expect(
        says([0.5, 0.6], [[0.3, 0.9]] * 4),
        "After the second epoch this trial has 0.60 and all earlier ones had 0.90. After epoch n, the score "
        "stands at place n - 1 of the list.",
    )
    expect(
        says([0.8], [[0.9], [0.9], [0.9], [0.1]]),
        "One earlier trial was very bad, and that let a trial through which is worse than three of four. Take "
        "the median, not the mean.",
    )
    expect(
        not says([0.7, 0.5], earlier),
        "This trial had 0.70 after its first epoch, which is above the median. What counts is its best score "
        "so far, not its last.",
    )
    try:
        short = says([0.6, 0.68], [*earlier, [0.9]])
    except IndexError:
        expect(False, "One earlier trial ended before this epoch. Leave such trials out.")
    expect(not short, "An earlier trial that ended before this epoch has a say. Leave it out.")
    return "The rule that tuning.search uses."


@exercise("4e")
def exercise_4e(mean_gain, low, high, paper):
    from scipy.stats import t

    mean_gain, low, high = (_number(value) for value in (mean_gain, low, high))
    gains = paper["tuned"] - paper["defaults"]
    n = len(gains)
    expect(not _near(mean_gain, -gains.mean()), "The sign is turned around. A gain is tuned minus defaults.")
    expect(not _near(mean_gain, gains.sum()), "That is the sum of the gains. Take their mean.")
    expect(not _near(mean_gain, gains.median()), "That is the median of the gains. Take their mean.")
    expect(_near(mean_gain, gains.mean()), "The mean gain doesn't fit: the mean of tuned minus defaults.")
    expect(low <= high, "The interval is turned around: the lower end comes first.")
    expect(
        _near((low + high) / 2, mean_gain),
        "The interval isn't centred on the mean gain. Go as far down as up.",
    )
    half, deviation, root = (high - low) / 2, gains.std(), n**0.5
    point = t.ppf(0.975, n - 1)
    unpaired = point * (paper["tuned"].var() / n + paper["defaults"].var() / n) ** 0.5
    expect(
        not _near(half, point * deviation),
        "That is the spread of single gains. The mean of n gains varies less: divide by the root of n.",
    )
    expect(not _near(half, point * deviation / n), "You divide by n. Divide by its root.")
    expect(not _near(half, deviation / root), "That is one standard error. Multiply it by t.")
    expect(
        not _near(half, 1.96 * deviation / root, 0.002),
        f"You take 1.96, as for many seeds. With {n} seeds t is larger: t.ppf(0.975, n - 1).",
    )
    expect(
        not _near(half, t.ppf(0.975, n) * deviation / root),
        "You take n degrees of freedom. The mean has used one: n - 1.",
    )
    expect(
        not _near(half, t.ppf(0.95, n - 1) * deviation / root),
        "That is a 90 % interval: 5 % lie outside on each side. Take the 97.5 % point.",
    )
    expect(
        not _near(half, point * gains.std(ddof=0) / root),
        "The standard deviation divides by n. For a sample divide by n - 1: gains.std() of pandas does.",
    )
    expect(
        not _near(half, unpaired),
        "You take the two columns as independent. The seeds are the same: use the standard deviation of the gains.",
    )
    expect(
        _near(half, point * deviation / root),
        "The width doesn't fit: t times the standard deviation of the gains, divided by the root of n.",
    )
    return (
        f"{100 * mean_gain:.1f} points, {100 * low:.1f} to {100 * high:.1f}. Without the pairs it would be "
        f"{100 * (mean_gain - unpaired):.1f} to {100 * (mean_gain + unpaired):.1f}: the same seeds make it sharper."
    )


@exercise("4f")
def exercise_4f(posts_needed):
    from workshop_lib import tuning

    expect(
        isinstance(posts_needed, Integral) and not isinstance(posts_needed, bool) and posts_needed > 0,
        "posts_needed should be a whole number above 0.",
    )
    expect(posts_needed <= 1_000_000, "That many posts nobody codes. Try a smaller number.")
    excess = tuning.best_of(SETTINGS, int(posts_needed), TRUTH, seed=1) - TRUTH
    expect(
        excess <= 2 * TOO_GOOD,
        f"With {posts_needed:,} posts the best of {SETTINGS} looks {excess:.3f} too good. Four times the posts "
        "halve that.",
    )
    expect(
        excess <= TOO_GOOD,
        f"Nearly: with {posts_needed:,} posts the best of {SETTINGS} looks {excess:.3f} too good.",
    )
    expect(
        excess >= WASTEFUL,
        f"With {posts_needed:,} posts it is {excess:.3f}, less than was asked for, and coding posts costs money. "
        "Try fewer.",
    )
    return f"{excess:.3f} too good. How many validation posts had the search of section 4?"


@exercise("4g")
def exercise_4g(honest_score):
    import pandas as pd

    expect(callable(honest_score), "honest_score should be a function: keep the line with def.")
    tables = {
        name: pd.DataFrame({"text": [f"{name} {i}" for i in range(4)], "label": ["yes", "no"] * 2})
        for name in ("train", "valid", "test")
    }
    seen = _Watch(tables)
    value = honest_score(*tables.values(), seen.search, seen.fit)
    finished(value)
    expect(seen.searched, "There is no search. The settings must be searched, with the function search.")
    expect(len(seen.searched) == 1, "You search more than once. Once is enough.")
    learned, compared = seen.searched[0]
    expect(
        "test" not in learned | compared,
        "The search saw the test rows, so that they had a say in the settings. Compare on other rows.",
    )
    expect(
        not learned & compared,
        "The search compares settings on rows that it trains on. That favours what learns by heart.",
    )
    expect(
        learned == {"train"} and compared == {"valid"},
        "Search with the training rows, and compare on the validation rows.",
    )
    expect(seen.fitted, "No classifier is trained with the settings that were found.")
    rows, settings = seen.fitted[-1]
    expect("test" not in rows, "The final training saw the test rows. It would be tested on what it has learned.")
    expect(
        seen.best_params.items() <= settings.items(),
        "The final training doesn't use the settings that the search found.",
    )
    expect("train" in rows, "The final training leaves the training rows out. Take them, or both joined.")
    expect(isinstance(value, Real), "Return one number: .loc['macro', 'F1'] of what evaluate gives.")
    expect(
        value != seen.best_value,
        "You return what the search promised: the best of many tries on the rows that chose it. Return the score "
        "on the test rows.",
    )
    expect(seen.evaluated, "Nothing was evaluated. Call evaluate with the test rows.")
    expect(
        {"valid"} not in seen.evaluated,
        "You evaluate on the validation rows, which chose the settings. That is a promise, not a test.",
    )
    expect(seen.evaluated[-1] == {"test"}, "Evaluate on the test rows and on no others.")
    expect(len(seen.evaluated) == 1, "You look at the test rows more than once. Look once, at the end.")
    expect(value == seen.tested, "Return the macro F1 that evaluate gives: .loc['macro', 'F1'].")
    joined = "Training and validation rows joined" if "valid" in rows else "Training rows alone"
    return f"{joined} for the last training, and one look at the test rows."


class _Watch:
    """Functions search and fit that note which rows they were given."""

    best_params = {"learning_rate": 0.002}
    best_value, tested = 0.9, 0.7

    def __init__(self, tables):
        self.tables, self.searched, self.fitted, self.evaluated = tables, [], [], []

    def names(self, rows):
        """Return the names of the tables that rows come from."""
        texts = set(finished(rows)["text"])
        return {name for name, table in self.tables.items() if texts & set(table["text"])}

    def search(self, train, valid, *rest, **options):
        self.searched.append((self.names(train), self.names(valid)))
        return self

    def fit(self, rows, *rest, **settings):
        self.fitted.append((self.names(rows), settings))
        return self

    def evaluate(self, rows, *rest, **options):
        import pandas as pd

        self.evaluated.append(self.names(rows))
        return pd.DataFrame({"precision": [0.6], "recall": [0.8], "F1": [self.tested]}, index=["macro"])


def _number(value) -> float:
    try:
        return float(finished(value))
    except (TypeError, ValueError):
        expect(False, f"{value!r} should be one number.")


def _near(found, expected, tolerance: float = 1e-6) -> bool:
    return abs(found - expected) <= tolerance * max(abs(expected), 1e-9)
