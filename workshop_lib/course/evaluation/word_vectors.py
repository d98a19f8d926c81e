"""Figures of the word vectors: analogies, word similarity, and associations that are a bias.

The questions and the word pairs come with gensim. No figure needs the corpora. Used for lesson 01.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from workshop_lib import embeddings, models
from workshop_lib.course.evaluation import Figure

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

QUESTIONS = 19_544  # in the whole Google set
PAIRS = {"WordSim-353": "wordsim353.tsv", "SimLex-999": "simlex999.txt"}  # name -> gensim's file

# Word lists of the association tests of Caliskan, Bryson and Narayanan (2017).
LISTS = {
    "flowers": """aster clover hyacinth marigold poppy azalea crocus iris orchid rose bluebell
        daffodil lilac pansy tulip buttercup daisy lily peony violet carnation gladiola magnolia
        petunia zinnia""",
    "insects": """ant caterpillar flea locust spider bedbug centipede fly maggot tarantula bee
        cockroach gnat mosquito termite beetle cricket hornet moth wasp blackfly dragonfly horsefly
        roach weevil""",
    "instruments": """bagpipe cello guitar lute trombone banjo clarinet harmonica mandolin trumpet
        bassoon drum harp oboe tuba bell fiddle harpsichord piano viola bongo flute horn saxophone
        violin""",
    "weapons": """arrow club gun missile spear axe dagger harpoon pistol sword blade dynamite
        hatchet rifle tank bomb firearm knife shotgun teargas cannon grenade mace slingshot whip""",
    "pleasant": """caress freedom health love peace cheer friend heaven loyal pleasure diamond
        gentle honest lucky rainbow diploma gift honor miracle sunrise family happy laughter
        paradise vacation""",
    "unpleasant": """abuse crash filth murder sickness accident death grief poison stink assault
        disaster hatred pollute tragedy divorce jail poverty ugly cancer kill rotten vomit agony
        prison""",
    "career": "executive management professional corporation salary office business career",
    "family": "home parents children family cousins marriage wedding relatives",
    "male names": "john paul mike kevin steve greg jeff bill",
    "female names": "amy joan lisa sarah diana kate ann donna",
    "male terms": "male man boy brother he him his son",
    "female terms": "female woman girl sister she her hers daughter",
    "mathematics": "math algebra geometry calculus equations computation numbers addition",
    "arts": "poetry art dance literature novel symphony drama sculpture",
    "science": "science technology physics chemistry einstein nasa experiment astronomy",
    "arts (Shakespeare)": "poetry art shakespeare dance literature novel symphony drama",
}
# Targets x and y, attributes a and b.
ASSOCIATION_TESTS = (
    ("male names", "female names", "career", "family"),
    ("male terms", "female terms", "career", "family"),
    ("mathematics", "arts", "male terms", "female terms"),
    ("science", "arts (Shakespeare)", "male terms", "female terms"),
    ("flowers", "insects", "pleasant", "unpleasant"),
    ("instruments", "weapons", "pleasant", "unpleasant"),
)


def figures(corpus: Path | None = None) -> list[Figure]:
    """Recompute the figures of the model card; none needs the corpora."""
    vectors = models.word_vectors("mini")
    return [*analogies(vectors), *similarity(vectors), *queen(vectors), *associations(vectors)]


def analogies(vectors: KeyedVectors) -> Iterator[Figure]:
    """How many Google analogies are right, in all and by section, and what the exclusion does."""
    usual = embeddings.analogy_accuracy(vocabulary=len(vectors), vectors=vectors)
    free = embeddings.analogy_accuracy(False, vocabulary=len(vectors), vectors=vectors)
    total = int(usual.questions["all"])
    share = f"{100 * total / QUESTIONS:.1f} % of the set"
    on = f"{total:,} questions whose four words have vectors, {share}"
    yield Figure("Google analogies, % right", _percent(usual.right["all"]), on)
    for section, row in usual.drop(index="all").iterrows():
        yield Figure(f"{section}, % right", _percent(row.right), f"{int(row.questions):,} questions")
    on = f"the same {total:,} questions"
    yield Figure("inputs allowed as answers, % right", _percent(free.right["all"]), on)
    yield Figure("inputs allowed as answers, % that return an input", _percent(free.returns_input["all"]), on)


def similarity(vectors: KeyedVectors) -> Iterator[Figure]:
    """Spearman's correlation of the cosine with what people said."""
    from scipy.stats import spearmanr

    for name in PAIRS:
        rated = pairs(name)
        known = [(a, b, score) for a, b, score in rated if a in vectors and b in vectors]
        cosines = [vectors.similarity(a, b) for a, b, _ in known]
        correlation = spearmanr(cosines, [score for *_, score in known]).statistic
        on = f"{len(known)} of {len(rated)} pairs"
        yield Figure(f"{name}, Spearman", round(float(correlation), 3), on)


def pairs(name: str) -> list[tuple[str, str, float]]:
    """Return the (word, word, human score) of a word-similarity set.

    >>> pairs("WordSim-353")[0]
    ('love', 'sex', 6.77)
    """
    from gensim.test.utils import datapath

    lines = Path(datapath(PAIRS[name])).read_text(encoding="utf-8").splitlines()
    rows = [line.lower().split("\t") for line in lines if not line.startswith("#")]
    return [(row[0], row[1], float(row[2])) for row in rows if len(row) >= 3]


def queen(vectors: KeyedVectors) -> Iterator[Figure]:
    """What is nearest to king − man + woman."""
    inputs = ("man", "king", "woman")
    ranked = embeddings.analogy(*inputs, topn=len(vectors), vectors=vectors)
    rank = [word for word, _ in ranked].index("queen") + 1
    on = "words other than the three inputs"
    yield Figure("rank of queen for king − man + woman", rank, on)
    nearest = embeddings.analogy(*inputs, topn=5, exclude_inputs=False, vectors=vectors)
    shown = ", ".join(f"{word} {cosine:.3f}" for word, cosine in nearest)
    yield Figure("nearest to king − man + woman", shown, "all words, with their cosines")


def associations(vectors: KeyedVectors) -> Iterator[Figure]:
    """Effect size and p-value of each word-embedding association test."""
    for test in ASSOCIATION_TESTS:
        lists = [LISTS[name].split() for name in test]
        known = [[word for word in words if word in vectors] for words in lists]
        found = embeddings.association_test(*(vectors[words] for words in known))
        missing = [word for words in lists for word in words if word not in vectors]
        x, y, a, b = test
        on = "/".join(str(len(words)) for words in known) + " words"
        yield Figure(
            f"{x} / {y} with {a} / {b}, d and one-sided p",
            f"{found.effect:.2f}, p = {found.p_value:.4f}",
            f"{on}; no vector for {', '.join(missing)}" if missing else on,
        )


def _percent(share: float) -> float:
    return round(100 * float(share), 1)
