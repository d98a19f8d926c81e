"""The figures of deck 05, drawn with the functions and data of the lesson."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from workshop_lib import classify, data, embeddings, minimal_pairs, plots, translation
from workshop_lib.plots import translation as draw_lesson

COUNTED = {"political": "yes", "uncivil": "yes", "covid": "yes", "sentiment": "negative"}
WAYS = {  # way: (column to learn from, column to code)
    "English": ("text", "text"),
    "not translated": ("text", "french"),
    "translated": ("machine", "french"),
    "all machine": ("machine", "machine"),
}


def draw(folder: Path) -> list[Path]:
    """Draw every figure of the deck into a folder and return their paths."""
    figures = {**inside(), **scores(), **failures(), **analysed()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        kind = {"metadata": {"Date": None}} if name.endswith("svg") else {"dpi": 160}
        figure.savefig(folder / name, **kind)
    return [folder / name for name in figures]


def inside() -> dict:
    """Draw what goes on in the decoder: beam search and cross-attention."""
    tables = translation.beam_search("The accused denies knowing the victim.", beams=3)
    crossing = translation.alignment("We see the red book.", "Nous voyons le livre rouge.")
    return {
        "05_beam.svg": plots.for_slide(draw_lesson.beam_tree(tables), 13),
        "05_alignment.png": plots.for_slide(draw_lesson.alignment(translation.by_word(crossing)), 15),
    }


def scores() -> dict:
    """Draw chrF by register."""
    parallel = data.load("parallel")
    versions = {
        "beam 4": translation.translate(parallel["english"]),
        "greedy": translation.translate(parallel["english"], beams=1),
        "another": list(parallel["french"].sample(frac=1, random_state=0)),
    }
    parallel = parallel.assign(**versions)
    floor = translation.score(parallel["another"], parallel["french"])["chrf"]
    by_register = pd.DataFrame(
        {
            version: {
                register: translation.score(rows[version], rows["french"])["chrf"]
                for register, rows in parallel.groupby("register")
            }
            for version in ("beam 4", "greedy")
        }
    )
    made = draw_lesson.scores_by_group(by_register, "chrF", floor, "another sentence")
    return {"05_registers.svg": plots.for_slide(made)}


def failures() -> dict:
    """Draw the shares of minimal pairs that are right."""
    found = {}
    for kind in minimal_pairs.KINDS:
        sentences = minimal_pairs.pairs(kind)
        french = translation.translate(sentences["english"])
        found[kind] = minimal_pairs.summary(minimal_pairs.judge(sentences, french))
    return {"05_failures.svg": plots.for_slide(draw_lesson.shares(found), 14)}


def analysed() -> dict:
    """Draw what classifiers lose after translation, and the difference that isn't there."""
    from sklearn.linear_model import LogisticRegression

    posts = data.load("posts")
    french = data.load("posts_fr")
    train = posts[posts["split"] == "train"].sample(600, random_state=5)
    test = posts[posts["split"] == "test"].merge(french.rename(columns={"text": "french"}), on="id")
    train = train.assign(machine=translation.translate(train["text"], beams=1))
    test = test.assign(machine=translation.translate(test["text"], beams=1))
    train_vectors = {column: embeddings.sentence_vectors(train[column]) for column in ("text", "machine")}
    test_vectors = {column: embeddings.sentence_vectors(test[column]) for column in ("text", "french")}
    losses, differences = [], {"no translation": [], "all into French": []}
    for variable, label in COUNTED.items():
        tfidf, encoder = {}, {}
        for way, (learn, code) in WAYS.items():
            classifier = classify.baseline("logistic, tf-idf", train, learn, variable)
            tfidf[way] = np.array(classifier.predict(test[code]))
            if way in ("English", "translated"):
                fitted = LogisticRegression(C=10, max_iter=1000).fit(train_vectors[learn], train[variable])
                encoder[way] = fitted.predict(test_vectors[code])
        for measure, codes in (("TF-IDF", tfidf), ("encoder", encoder)):
            cost = translation.loss(test[variable], codes["English"], codes["translated"])
            losses.append({"measure": measure, "variable": variable, **cost._asdict()})
        share = {way: np.mean(codes == label) for way, codes in tfidf.items()}
        differences["no translation"].append(abs(share["English"] - share["not translated"]))
        differences["all into French"].append(abs(share["all machine"] - share["translated"]))
    made_up = {pipeline: float(np.mean(values)) for pipeline, values in differences.items()}
    return {
        "05_losses.svg": plots.for_slide(draw_lesson.losses(pd.DataFrame(losses))),
        "05_made_up.svg": plots.for_slide(plots.bars(made_up, "difference that isn't there (mean of four shares)")),
    }
