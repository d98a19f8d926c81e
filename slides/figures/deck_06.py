"""The figures of deck 06, drawn with the functions of the lesson.

The assistant labels all posts on the CPU, so that drawing them takes about two minutes; kept figures
are drawn again only if the library or the data change.
"""

from __future__ import annotations

import tempfile
from pathlib import Path


def draw(folder: Path) -> list[Path]:
    """Draw every figure of the deck into a folder and return their paths."""
    import pandas as pd

    from workshop_lib import data, labeling
    from workshop_lib import plots as shared
    from workshop_lib.plots import classify as plots_of_scores
    from workshop_lib.plots import labeling as plots

    posts = data.load("posts")
    book = labeling.Codebook.read(data.root() / "posts" / "labeling.yaml")
    test = posts[posts["split"] == "test"]
    with tempfile.TemporaryDirectory() as kept:
        runs = Path(kept)
        everyone = labeling.label(
            book.only("uncivil"), posts, labeling.LocalDecisions(), runs / "everyone", progress=False
        )
        of_test = labeling.validate(everyone[everyone["id"].isin(test["id"])], test, book, "uncivil")
        figures = {
            "06_calibration.png": shared.for_slide(plots.reliability({"assistant, uncivil": of_test.reliability}), 15),
            "06_ways.svg": ways(posts, book, runs),
            "06_multiverse.png": shared.for_slide(multiverse_of_posts(test, book, runs), 12),
            "06_pictures.png": shared.for_slide(pictures_by_reading(runs, plots_of_scores), 15),
        }
    gold = labeling.sample_for_gold(posts[["id", "uncivil"]], 200, seed=1)
    table = labeling.correct(everyone, gold, "uncivil", "yes").table
    truth = (posts["uncivil"] == "yes").mean()
    civil, rude = posts[posts["uncivil"] == "no"], posts[posts["uncivil"] == "yes"]
    calm = pd.concat([civil, rude.sample(len(civil) // 9, random_state=0)])
    of_calm = everyone[everyone["id"].isin(calm["id"])]
    calm_gold = labeling.sample_for_gold(calm[["id", "uncivil"]], 200, seed=1)
    calm_table = labeling.correct(of_calm, calm_gold, "uncivil", "yes").table
    calm_truth = (calm["uncivil"] == "yes").mean()
    figures["06_calm.png"] = shared.for_slide(plots.intervals(calm_table, calm_truth, "share of uncivil posts"), 15)
    figures["06_intervals.png"] = shared.for_slide(plots.intervals(table, truth, "share of uncivil posts"), 15)
    held = labeling.coverage("prevalence", draws=400)["coverage"]
    figures["06_coverage.svg"] = shared.bars(held.to_dict(), "share of 400 intervals that hold the truth")

    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        kind = {"metadata": {"Date": None}} if name.endswith("svg") else {"dpi": 160}
        figure.savefig(folder / name, **kind)
    return [folder / name for name in figures]


def ways(posts, book, runs: Path):
    """Return the bars of section 8: kappa of five ways of labelling, the assistant read by its probabilities."""
    import pandas as pd

    from workshop_lib import classify, labeling, plots
    from workshop_lib.labeling.engines.encoder import Encoder

    train, test = posts[posts["split"] == "train"], posts[posts["split"] == "test"]
    political = book.only("political")

    def kappa(said) -> float:
        results = pd.DataFrame({"id": test["id"], "question": "political", "label": list(said), "status": "ok"})
        return labeling.validate(results, test, political, "political", bootstrap=0).figures.loc["kappa", "value"]

    counter = classify.baseline("logistic, tf-idf", train, label="political")
    engines = {
        "encoder, 863 examples": Encoder(codebook=book).fit(train, "political"),
        "encoder, zero-shot": Encoder(codebook=book),
        "assistant, zero-shot": labeling.LocalDecisions(),
    }
    values = {"second coder": kappa(test["political_coder_2"])}
    values["word counts, 863 examples"] = kappa(counter.predict(test["text"]))
    for name, engine in engines.items():
        values[name] = kappa(labeling.label(political, test, engine, runs / name, progress=False)["label"])
    return plots.bars(dict(sorted(values.items(), key=lambda pair: -pair[1])), "Cohen's kappa")


def multiverse_of_posts(test, book, runs: Path):
    """Return the specification curve of section 6."""
    from workshop_lib import labeling
    from workshop_lib.labeling.multiverse import multiverse
    from workshop_lib.plots import labeling as plots

    some = test.head(60)
    curve = multiverse(
        book, some[["id", "text"]], some, [labeling.LocalDecisions()], wordings=(0, 1, 2), orders=(None, 1),
        question="political", statistic="prevalence", label="yes", folder=runs / "multiverse", progress=False,
    )  # fmt: skip
    return plots.specification_curve(curve)


def pictures_by_reading(runs: Path, plots):
    """Return the dots of section 9: CLIP as it is and fine-tuned, by text, picture and pair."""
    import pandas as pd

    from workshop_lib import data, labeling
    from workshop_lib.labeling.engines.clip import Clip

    pictures = data.load("pictures")
    learn, exam = pictures[pictures["split"] == "train"], pictures[pictures["split"] == "test"]
    kinds = {
        "placard": "a placard with words on it",
        "chart": "a chart with bars, lines or a pie",
        "flag": "a flag",
        "scene": "a place with people, houses or streets",
    }
    sides = {"yes": "politics: parliament, election, vote, protest", "no": "everyday life: family, food, sport, work"}
    book = labeling.Codebook(
        "pictures",
        {
            "kind": labeling.Choice(kinds, "What does the picture show?"),
            "political_pair": labeling.Choice(sides, "Is this post of picture and caption about politics?"),
        },
    )
    right: dict[str, dict[str, float]] = {}
    for question, modalities in {"kind": ("image",), "political_pair": ("text", "image", "pair")}.items():
        for reads in modalities:
            as_it_is = Clip(codebook=book, reads=reads)
            tuned = as_it_is.fit(learn, question, epochs=40)
            for name, engine in {"zero-shot": as_it_is, "fine-tuned": tuned}.items():
                run = runs / f"{question} {reads} {name}"
                results = labeling.label(book.only(question), exam, engine, run, progress=False)
                found = labeling.validate(results, exam, book, question, bootstrap=0)
                row = right.setdefault(f"{question}, by {reads}", {})
                row[name] = found.figures.loc["accuracy", "value"]
    majority = exam["political_pair"].value_counts(normalize=True).max()
    return plots.dots(pd.DataFrame(right).T, "share right", chance=majority)
