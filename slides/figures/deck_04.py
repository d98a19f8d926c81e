"""The figures of deck 04, drawn with the functions of the lesson."""

from __future__ import annotations

from pathlib import Path

RATES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def draw(folder: Path) -> list[Path]:
    """Draw every figure of the deck into a folder and return their paths."""
    import numpy as np
    import pandas as pd

    from workshop_lib import data, tuning
    from workshop_lib.classify import heads
    from workshop_lib.plots import for_slide
    from workshop_lib.plots import tuning as plots
    from workshop_lib.tuning import Between

    figures = {}
    paths = {}
    for learning_rate in (0.01, 0.1, 0.5, 0.9, 1.1):
        path = [0.0]
        for _ in range(20):
            path.append(path[-1] - learning_rate * 2 * (path[-1] - 3))
        paths[learning_rate] = path
    figures["04_descents.svg"] = for_slide(plots.descents(paths, target=3))

    posts = data.load("posts").rename(columns={"political": "label"})[["text", "label", "split"]]
    train, valid, test = (posts[posts["split"] == part] for part in ("train", "valid", "test"))
    frozen = heads.frozen_vectors(posts["text"])

    rows = []
    for learning_rate in RATES:
        for seed in (0, 1, 2):
            head = heads.train_head(train, features=frozen, learning_rate=learning_rate, seed=seed)
            score = head.evaluate(valid).loc["macro", "F1"]
            rows.append({"learning rate": learning_rate, "macro F1": score})
    figures["04_one_setting.svg"] = for_slide(plots.one_setting(pd.DataFrame(rows), "learning rate"))

    shares = valid["label"].value_counts(normalize=True)
    guess = -(shares * np.log(shares)).sum()
    cases = heads.spoilt(train, valid, features=frozen)
    curves = plots.curves({letter: case.history for letter, case in cases.items()}, guess)
    figures["04_patients.svg"] = for_slide(curves, 14)

    tried = np.array([-4.8, -4.1, -3.6, -3.1, -2.6, -2.0, -1.2, -0.4])
    scores = np.array([0.39, 0.42, 0.70, 0.82, 0.85, 0.84, 0.74, 0.60])
    good = scores >= np.sort(scores)[-2]
    places = np.linspace(-5, 0, 201)
    bells = np.exp(-(((places[:, None] - tried) / 0.6) ** 2) / 2)  # Shape: (places, trials)
    densities = {"good": bells[:, good].mean(axis=1), "other": bells[:, ~good].mean(axis=1)}
    next_try = places[np.argmax(densities["good"] / densities["other"])]
    figures["04_parzen.svg"] = for_slide(plots.good_and_other(tried, good, places, densities, next_try))

    space = {
        "learning_rate": Between(1e-6, 1.0, log=True),
        "batch_size": [16, 32, 64],
        "epochs": Between(5, 25),
        "weight_decay": Between(1e-4, 1.0, log=True),
    }
    options = {"trials": 30, "fit": heads.train_head, "features": frozen}
    study = tuning.search(train, valid, space, prune_after=None, **options)
    figures["04_trials.svg"] = for_slide(plots.trials(tuning.table(study), random=10))
    figures["04_stopped.svg"] = for_slide(plots.stopped(tuning.search(train, valid, space, prune_after=3, **options)))
    found = tuning.compare_with_defaults(
        study, pd.concat([train, valid]), test, seeds=range(10), fit=heads.train_head, features=frozen
    )
    figures["04_seeds.svg"] = for_slide(plots.seeds(found))

    numbers = (1, 2, 5, 20, 100)
    looks = pd.DataFrame(
        {f"{n} posts": [tuning.best_of(settings, n, 0.8) for settings in numbers] for n in (100, 400, 1600)},
        index=numbers,
    )
    figures["04_best_of.svg"] = for_slide(plots.promises(looks, "number of settings, all equally good"))

    chance = np.random.default_rng(0)
    unseen = pd.concat([valid, test])
    right = []
    for seed in range(40):
        head = heads.train_head(
            train, features=frozen, seed=seed,
            learning_rate=10 ** chance.uniform(-3.5, -2), epochs=int(chance.integers(5, 21)),
        )  # fmt: skip
        right.append(np.array(head.predict(unseen["text"])) == unseen["label"].to_numpy())
    curse = pd.DataFrame({n: tuning.choose_on_few(np.array(right), n).mean() for n in (25, 50, 100, 200)}).T
    figures["04_curse.svg"] = for_slide(plots.promises(curse, "posts on which the best head was chosen"))

    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(folder / name, metadata={"Date": None})
    return [folder / name for name in figures]
