"""The figures of deck 01, drawn from the same functions and data as its notebook."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from workshop_lib import data, embeddings, models, plots
from workshop_lib.plots import embeddings as draw_lesson

HAND_MADE = {
    "banana": (6, 5, "fruit"), "strawberry": (5, 4, "fruit"), "cherry": (6, 4, "fruit"),
    "soccer": (0, 6, "sport"), "basketball": (1, 6, "sport"), "tennis": (1, 5, "sport"),
    "castle": (1, 2, "house"), "house": (2, 2, "house"), "building": (2, 1, "house"),
    "bicycle": (5, 1, "vehicle"), "truck": (6, 1, "vehicle"), "car": (6, 0, "vehicle"),
}  # fmt: skip
FEMALE = "female woman girl sister she her hers daughter".split()
MALE = "male man boy brother he him his son".split()
JOBS = "nurse teacher dancer housekeeper secretary librarian programmer carpenter soldier engineer"
PAIRS = {
    "bank (homonym)": (
        "bank",
        ["John went to the bank to withdraw cash.", "He sat on the river bank."],
    ),
    "magazine (polyseme)": (
        "magazine",
        ["John picks up a magazine.", "Susan works for a magazine."],
    ),
}


def draw(folder: Path) -> list[Path]:
    """Write the deck's figures into a folder and return their paths."""
    made = {**words(), **contexts(), **texts()}
    files = []
    for name, figure in made.items():
        files.append(folder / f"01_{name}.svg")
        plots.for_slide(figure, 14).savefig(files[-1], metadata={"Date": None})
    return files


def words() -> dict:
    """Draw what static vectors show."""
    vectors = models.word_vectors()
    places = np.array([row[:2] for row in HAND_MADE.values()])
    groups = [row[2] for row in HAND_MADE.values()]
    named = [*HAND_MADE, "apple"]
    real = PCA(n_components=2).fit_transform(vectors[named])
    three = pd.DataFrame(
        {"strawberry": [1, 3, 2], "apple": [1.1, 2.9, 2.2], "castle": [7, -5.4, 0.4]}
    ).T
    jobs = JOBS.split()
    to_female = embeddings.cosine(vectors[jobs], vectors[FEMALE]).mean(axis=1)
    to_male = embeddings.cosine(vectors[jobs], vectors[MALE]).mean(axis=1)
    return {
        "fruit": draw_lesson.plane(places, list(HAND_MADE), groups),
        "three": plots.similarities(embeddings.cosine(three, three), three.index),
        "real": draw_lesson.plane(real, named, [*groups, "fruit"], coordinate="component"),
        "jobs": draw_lesson.leanings(pd.Series(to_female - to_male, jobs), "male", "female"),
    }


def contexts() -> dict:
    """Draw what vectors in context show: two pairs, then the sense inventory."""
    curves = {}
    for name, (word, sentences) in PAIRS.items():
        states = embeddings.word_in_context(sentences, word, layer=None)
        curves[name] = np.array([embeddings.cosine(*both)[0, 0] for both in states])
    senses = data.load("senses")
    relation = senses.groupby("word").relation.first()
    states = embeddings.word_in_context(senses.sentence, senses.word, layer=None)
    tables = [embeddings.sense_similarity(one, senses.word, senses.sense) for one in states]
    results = []
    for table in tables:
        values = [table.separation[relation == kind] for kind in ("homonym", "polyseme")]
        results.append(embeddings.compare_groups(*values))
    effects = np.array([[one.effect, one.low, one.high] for one in results]).T
    static = models.word_vectors()[list(senses.word)]
    features = {
        "static vector of the word": static,
        "average of the other words": embeddings.context_average(senses.sentence, senses.word),
        "static + all layers": np.hstack([static, *states]),
        "last layer only": states[-1],
    }
    accuracy = {
        name: embeddings.sense_accuracy(rows, senses.word, senses.sense).mean()
        for name, rows in features.items()
    }
    return {
        "layers": draw_lesson.by_layer(curves, "cosine of the two uses"),
        "groups": draw_lesson.two_groups(tables[-1].separation, relation, "separation"),
        "effect": draw_lesson.by_layer({"Hedges' g, 95 % interval": effects}, "effect size"),
        "frozen": plots.bars(accuracy, "share right", chance=0.5),
    }


def texts() -> dict:
    """Draw how often the nearest sentence has the same ambiguous word."""
    from gensim.models.doc2vec import Doc2Vec, TaggedDocument
    from gensim.utils import simple_preprocess

    senses = data.load("senses")
    documents = [
        TaggedDocument(simple_preprocess(sentence), [number])
        for number, sentence in enumerate(senses.sentence)
    ]
    doc2vec = Doc2Vec(documents, dm=0, vector_size=50, min_count=1, epochs=100, workers=1, seed=0)
    shares = {}
    for name, vectors in [
        ("Doc2Vec, trained here", doc2vec.dv.vectors),
        ("encoder, trained elsewhere", embeddings.sentence_vectors(senses.sentence)),
    ]:
        similarity = embeddings.cosine(vectors, vectors)
        np.fill_diagonal(similarity, -1)
        nearest = senses.word.to_numpy()[similarity.argmax(axis=1)]
        shares[name] = float(np.mean(nearest == senses.word))
    return {"texts": plots.bars(shares, "share", chance=13 / 503)}
