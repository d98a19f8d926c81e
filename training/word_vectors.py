"""Train, ship and evaluate the course's static word vectors.

    python -m training.word_vectors --corpus DIR [--minutes N] [--out DIR] [--work DIR]
    python -m training.word_vectors --evaluate [--out DIR]

The first command tokenises the corpora, trains, prunes the vocabulary, writes
`vectors.safetensors`, `vocabulary.txt` and `config.json`, and evaluates what it wrote.
Killed and started again, it goes on from the last checkpoint in --work.
The second command needs no corpora: it recomputes every figure of the model card from the
shipped files.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import itertools
import json
import logging
import lzma
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors, Word2Vec
from gensim.test.utils import datapath
from safetensors.numpy import load_file, save_file
from scipy.stats import spearmanr

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_OUT = ROOT / "data" / "models" / "word_vectors"
DEFAULT_WORK = Path(tempfile.gettempdir()) / "word_vectors"


# --------------------------------------------------------------------------- settings

# file below --corpus -> how its lines are laid out
CORPORA = {
    "text/books_pd_simple.txt.xz": "documents",
    "text/enwiki2014_first_sentences.txt.xz": "second column",
    "text/enwiki2014_sample.txt.xz": "documents",
    "text/factbook_text.txt.xz": "documents",
    "text/masc_plain.txt.xz": "documents",
    "text/sgd_dialogues.dev.txt.xz": "documents",
    "text/sgd_dialogues.train.txt.xz": "documents",
    "text/state_of_the_state_2019.txt.xz": "documents",
    "text/us_presidential_speeches.txt.xz": "documents",
    "text/wikinews_en.txt.xz": "documents",
    "lexical/enwiki2014_polysemy_paragraphs.txt.xz": "second column",
    "translation/tatoeba_eng_fra.tsv.xz": "first column",
}
SHARDS = 12  # pieces of the tokenised text; progress is shown after each
PASSAGE_WORDS = 400  # a document is cut into passages of about this many words


@dataclass(frozen=True)
class Settings:
    """How one set of vectors is trained (the names are gensim's)."""

    name: str = "cbow8"
    sg: int = 0  # 0: CBOW, 1: skip-gram
    vector_size: int = 100
    window: int = 8
    negative: int = 10
    ns_exponent: float = 0.75
    epochs: int = 6
    sample: float = 1e-4
    alpha: float = 0.05
    min_alpha: float = 0.0001
    min_count: int = 5
    workers: int = 2
    seed: int = 7


SHIPPED = Settings()
N_WORDS = 40_000
WATTS = 20  # assumed draw of two busy cores of a server CPU with their share of memory


class TrainingError(Exception):
    """A failure that the user can mend; its message says how."""


# --------------------------------------------------------------------------- reading

WORD = re.compile(r"(?<![^\W_])[^\W\d_]+(?:'[^\W\d_]+)*(?![^\W_])")
KEPT_WITH_S = frozenset("it he she that what there here who where how when let".split())
MARKUP = re.compile(r"https?\S*|www\.\S*|<[^>|]*>")
SPEAKER = re.compile(r"^(?:User|Assistant): ")


def tokenise(text: str) -> list[str]:
    """Split a text into lower-case words.

    A word is a run of letters; an apostrophe between letters stays inside it (*don't*,
    *o'clock*). Letters next to a digit (*2nd*) are no word. A final *'s* is cut off as a
    possessive, except after a few words where it is short for *is* or *us* (*it's*, *let's*).
    Numbers, addresses and mark-up are dropped.

    Args:
        text: any text, in one line or several.

    Returns:
        The words in their order.

    >>> tokenise("It's the King's 2nd bicycle, isn’t it? See http://example.org")
    ["it's", 'the', 'king', 'bicycle', "isn't", 'it', 'see']
    """
    text = MARKUP.sub(" ", html.unescape(text)).replace("\u2019", "'").lower()
    return [cut_possessive(word) for word in WORD.findall(text)]


def cut_possessive(word: str) -> str:
    """Return a word without its possessive *'s*."""
    if word.endswith("'s") and word[:-2] not in KEPT_WITH_S:
        return word[:-2]
    return word


def check_corpus(corpus: Path) -> None:
    """Raise TrainingError unless every file that the training reads is there."""
    missing = [name for name in CORPORA if not (corpus / name).is_file()]
    if missing:
        raise TrainingError(
            f"The corpora are not complete in {corpus}: {len(missing)} of {len(CORPORA)} files are "
            f"missing, first {missing[0]}. Give the folder that holds text/, lexical/ and "
            "translation/ with --corpus DIR; its README.md names the public source of each file. "
            "To check the shipped vectors without the corpora, run with --evaluate."
        )


def read_passages(path: Path, layout: str) -> Iterator[list[str]]:
    """Yield the passages of one corpus file as lists of words.

    Args:
        path: a text file packed with xz.
        layout: "documents" (a document begins with a `<|doc|>` line and is cut into passages of
            about PASSAGE_WORDS words), "first column" or "second column" (a tab-separated file
            with one passage a line; repeated passages are read once).

    Yields:
        The words of one passage.
    """
    with lzma.open(path, "rt", encoding="utf-8", errors="replace") as lines:
        if layout == "documents":
            yield from document_passages(lines)
        else:
            column = 0 if layout == "first column" else 1
            texts = dict.fromkeys(line.rstrip("\n").split("\t")[column] for line in lines if "\t" in line)
            yield from map(tokenise, texts)


def document_passages(lines: Iterable[str]) -> Iterator[list[str]]:
    """Join the lines of each document into passages of about PASSAGE_WORDS words."""
    passage: list[str] = []
    for line in lines:
        starts_document = line.startswith("<|doc|>")
        if starts_document or len(passage) >= PASSAGE_WORDS:
            yield passage
            passage = []
        if not starts_document:
            passage += tokenise(SPEAKER.sub("", line))
    yield passage


def prepare(corpus: Path, work: Path, seed: int) -> dict:
    """Write the tokenised corpora as shuffled shards into `work`, once.

    Args:
        corpus: the folder of the corpora.
        work: the cache; a complete one is used again.
        seed: of the shuffle.

    Returns:
        {"tokens": int, "passages": int, "shards": [{"path", "tokens", "passages"}, ...]};
        word counts lie beside the shards in counts.json.
    """
    folder = work / "tokens"
    done = folder / "summary.json"
    if done.is_file():
        summary = json.loads(done.read_text())
        print(f"Tokenised text found in {folder}: {summary['tokens']:,} words.")
        return summary
    check_corpus(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    start, passages, counts, by_file = time.time(), [], Counter(), {}
    for name, layout in CORPORA.items():
        by_file[name] = 0
        for words in read_passages(corpus / name, layout):
            if len(words) > 1:
                passages.append(" ".join(words))
                counts.update(words)
                by_file[name] += len(words)
        print(f"  {name}: {by_file[name]:,} words, {time.time() - start:.0f} s", flush=True)
    random.Random(seed).shuffle(passages)
    shards = []
    for k in range(SHARDS):
        lines = passages[k::SHARDS]
        path = folder / f"shard_{k:02d}.txt"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        shards.append({"path": str(path), "passages": len(lines), "tokens": sum(s.count(" ") + 1 for s in lines)})
    (folder / "counts.json").write_text(json.dumps(counts))
    summary = {"tokens": sum(by_file.values()), "passages": len(passages), "by_file": by_file,
               "seconds": round(time.time() - start), "shards": shards}
    done.write_text(json.dumps(summary, indent=1))
    return summary


# --------------------------------------------------------------------------- training


def train(settings: Settings, summary: dict, work: Path, minutes: float | None = None) -> KeyedVectors:
    """Train one Word2Vec model over the shards, with a checkpoint after every epoch.

    The learning rate falls in a straight line from `alpha` to `min_alpha` with the progress of
    the training. Progress is the share of stages done (a stage is one shard of one epoch) or, if
    that is further, the share of `minutes` used: a short training is a complete schedule too.

    Args:
        settings: what to train.
        summary: what `prepare` returned.
        work: folder of the checkpoints; a training that was killed resumes from there.
        minutes: the longest that the training may take, all resumed parts together.

    Returns:
        The word vectors, sorted by falling frequency.

    The seed fixes the shards and the first weights. With more than one worker the order of the
    updates is not fixed, so two trainings differ a little, and the loss is approximate.
    """
    folder = work / settings.name
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.model"
    model = load_checkpoint(checkpoint, settings) or new_model(settings, work)
    shards, n_stages = summary["shards"], settings.epochs * len(summary["shards"])
    while model.course_progress < 1:
        shard = shards[model.course_stage % len(shards)]
        started = time.time()
        reached = model.course_progress
        planned = progress(model.course_stage + 1, n_stages, model.course_seconds, minutes)
        train_shard(model, shard, settings, reached, planned)
        model.course_seconds += time.time() - started
        model.course_stage += 1
        model.course_progress = max(planned, progress(model.course_stage, n_stages, model.course_seconds, minutes))
        report_stage(model, shard, settings, len(shards), time.time() - started)
        if model.course_stage % len(shards) == 0 or model.course_progress >= 1:
            save_checkpoint(model, checkpoint)
    (folder / "log.json").write_text(json.dumps(model.course_log, indent=1))
    return model.wv


def progress(stage: int, n_stages: int, seconds: float, minutes: float | None) -> float:
    """Return the share of the training that is done, by stages or by time, at most 1."""
    by_time = seconds / (60 * minutes) if minutes else 0.0
    return min(1.0, max(stage / n_stages, by_time))


def new_model(settings: Settings, work: Path) -> Word2Vec:
    """Make an untrained model with the vocabulary of the tokenised corpora."""
    options = asdict(settings)
    options.pop("name")
    model = Word2Vec(compute_loss=True, **options)
    model.build_vocab_from_freq(json.loads((work / "tokens" / "counts.json").read_text()))
    model.course_settings = asdict(settings)
    model.course_stage, model.course_progress, model.course_seconds, model.course_log = 0, 0.0, 0.0, []
    return model


def load_checkpoint(path: Path, settings: Settings) -> Word2Vec | None:
    """Load the checkpoint of a training with these settings, or return None."""
    if not path.is_file():
        return None
    model = Word2Vec.load(str(path))
    if model.course_settings != asdict(settings):
        print(f"{path} is of other settings; starting afresh.")
        return None
    print(f"Resuming {settings.name} after stage {model.course_stage} ({model.course_progress:.0%} done).")
    return model


def save_checkpoint(model: Word2Vec, path: Path) -> None:
    """Write a checkpoint so that a kill at any moment leaves a whole one behind."""
    part = path.with_suffix(".part")
    model.save(str(part), sep_limit=2**40)  # one file, so that the rename is atomic
    os.replace(part, path)


def train_shard(model: Word2Vec, shard: dict, settings: Settings, reached: float, planned: float) -> None:
    """Train on one shard while the learning rate falls from progress `reached` to `planned`."""
    span = settings.alpha - settings.min_alpha
    model.train(
        corpus_file=shard["path"], total_words=shard["tokens"], total_examples=shard["passages"],
        epochs=1, start_alpha=settings.alpha - span * reached, end_alpha=settings.alpha - span * planned,
        compute_loss=True, report_delay=1e9,
    )


def report_stage(model: Word2Vec, shard: dict, settings: Settings, n_shards: int, seconds: float) -> None:
    """Print one line of progress and keep it for the log."""
    loss = float(model.get_latest_training_loss()) / shard["tokens"]
    left = model.course_seconds * (1 / model.course_progress - 1)
    entry = {
        "epoch": round(model.course_stage / n_shards, 2), "loss_per_word": round(loss, 4),
        "words_per_second": round(shard["tokens"] / seconds), "seconds": round(model.course_seconds, 1),
    }
    model.course_log.append(entry)
    print(
        f"{settings.name}  epoch {entry['epoch']:5.2f}/{settings.epochs}  loss/word {loss:.4f}  "
        f"{entry['words_per_second']:,} words/s  {entry['seconds']:.0f} s, {left:.0f} s left", flush=True,
    )


# --------------------------------------------------------------------------- vocabulary and files

# Words that the lessons show; kept whatever their rank.
LESSON_WORDS = """
    magazine bank love like cat dog gorgeous apple banana strawberry cherry grape lemon peach pear
    melon soccer basketball tennis football baseball hockey golf castle house building cottage
    palace bicycle truck car bus train motorcycle king queen man woman prince princess bat seal
""".split()

# Word lists of the association tests of Caliskan, Bryson and Narayanan (2017).
LISTS = {
    "flowers": """aster clover hyacinth marigold poppy azalea crocus iris orchid rose bluebell daffodil
        lilac pansy tulip buttercup daisy lily peony violet carnation gladiola magnolia petunia zinnia""",
    "insects": """ant caterpillar flea locust spider bedbug centipede fly maggot tarantula bee cockroach
        gnat mosquito termite beetle cricket hornet moth wasp blackfly dragonfly horsefly roach weevil""",
    "instruments": """bagpipe cello guitar lute trombone banjo clarinet harmonica mandolin trumpet bassoon
        drum harp oboe tuba bell fiddle harpsichord piano viola bongo flute horn saxophone violin""",
    "weapons": """arrow club gun missile spear axe dagger harpoon pistol sword blade dynamite hatchet rifle
        tank bomb firearm knife shotgun teargas cannon grenade mace slingshot whip""",
    "pleasant": """caress freedom health love peace cheer friend heaven loyal pleasure diamond gentle honest
        lucky rainbow diploma gift honor miracle sunrise family happy laughter paradise vacation""",
    "unpleasant": """abuse crash filth murder sickness accident death grief poison stink assault disaster
        hatred pollute tragedy divorce jail poverty ugly cancer kill rotten vomit agony prison""",
    "career": "executive management professional corporation salary office business career",
    "family": "home parents children family cousins marriage wedding relatives",
    "male names": "john paul mike kevin steve greg jeff bill",
    "female names": "amy joan lisa sarah diana kate ann donna",
    "male terms": "male man boy brother he him his son",
    "female terms": "female woman girl sister she her hers daughter",
    "math": "math algebra geometry calculus equations computation numbers addition",
    "science": "science technology physics chemistry einstein nasa experiment astronomy",
    "arts": "poetry art dance literature novel symphony drama sculpture",
    "arts 2": "poetry art shakespeare dance literature novel symphony drama",
}
# target X, target Y, attribute A, attribute B
ASSOCIATION_TESTS = [
    ("flowers", "insects", "pleasant", "unpleasant"),
    ("instruments", "weapons", "pleasant", "unpleasant"),
    ("male names", "female names", "career", "family"),
    ("male terms", "female terms", "career", "family"),
    ("math", "arts", "male terms", "female terms"),
    ("science", "arts 2", "male terms", "female terms"),
]

CLEAN_WORD = re.compile(r"[a-z]{2,}(?:'[a-z]{1,2})?|[aio]'?[a-z]*")
ROMAN_NUMERAL = re.compile(r"x{0,3}(?:ix|iv|v?i{0,3})")
JUNK = frozenset("nbsp http https www html htm php jpg png pdf quot amp lt gt br ref url thumb px isbn cite".split())


def is_clean(word: str) -> bool:
    """Say whether a word may be shipped: plain letters, not a numeral, not mark-up."""
    if len(word) > 1 and ROMAN_NUMERAL.fullmatch(word):
        return False
    return CLEAN_WORD.fullmatch(word) is not None and word not in JUNK


def read_pairs(name: str) -> list[tuple[str, str, float]]:
    """Read a word-similarity set from gensim's test data as (word, word, human score)."""
    rows = (line.split("\t") for line in Path(datapath(name)).read_text().splitlines() if not line.startswith("#"))
    return [(row[0].lower(), row[1].lower(), float(row[2])) for row in rows if len(row) >= 3]


def kept_words() -> set[str]:
    """Return the words that are shipped whatever their rank, if the corpora have them."""
    pairs = read_pairs("wordsim353.tsv") + read_pairs("simlex999.txt")
    tests = itertools.chain.from_iterable(words.split() for words in LISTS.values())
    return {word for a, b, _ in pairs for word in (a, b)} | set(tests) | set(LESSON_WORDS)


def prune(vectors: KeyedVectors, n_words: int) -> KeyedVectors:
    """Keep the most frequent clean words and the words of `kept_words`, unit length.

    Args:
        vectors: all trained vectors, with the attribute "count".
        n_words: size of the vocabulary to ship.

    Returns:
        n_words vectors of length 1, sorted by falling frequency.
    """
    kept = [word for word in kept_words() if word in vectors]
    kept_set = set(kept)
    frequent = [w for w in vectors.index_to_key if w not in kept_set and is_clean(w)][: n_words - len(kept)]
    words = sorted(kept + frequent, key=vectors.key_to_index.get)
    return as_keyed_vectors(words, unit_length(np.stack([vectors[word] for word in words])))


def unit_length(matrix: np.ndarray) -> np.ndarray:
    """Scale the rows of a matrix (n, d) to length 1."""
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def as_keyed_vectors(words: list[str], matrix: np.ndarray) -> KeyedVectors:
    """Put words and their vectors (n, d) into gensim's container, in the given order."""
    vectors = KeyedVectors(matrix.shape[1])
    vectors.add_vectors(words, matrix.astype(np.float32))
    return vectors


def ship(vectors: KeyedVectors, out: Path, config: dict) -> None:
    """Write the vectors as float16, the vocabulary and the training settings."""
    out.mkdir(parents=True, exist_ok=True)
    save_file({"vectors": vectors.vectors.astype(np.float16)}, str(out / "vectors.safetensors"))
    (out / "vectors.safetensors").chmod(0o644)
    (out / "vocabulary.txt").write_text("\n".join(vectors.index_to_key) + "\n", encoding="utf-8")
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def load_shipped(out: Path) -> KeyedVectors:
    """Load the shipped vectors.

    Raises:
        TrainingError: if a file is missing or the files do not belong together.
    """
    for name in ("vectors.safetensors", "vocabulary.txt"):
        if not (out / name).is_file():
            raise TrainingError(f"{out / name} is not there. Train first (--corpus DIR) or name the folder with --out.")
    words = (out / "vocabulary.txt").read_text(encoding="utf-8").split("\n")[:-1]
    matrix = load_file(str(out / "vectors.safetensors"))["vectors"]
    if len(words) != len(matrix):
        raise TrainingError(f"{out}: {len(words)} words but {len(matrix)} vectors. Ship both files again.")
    return as_keyed_vectors(words, matrix)


# --------------------------------------------------------------------------- evaluation


def evaluate(vectors: KeyedVectors) -> dict:
    """Compute every figure of the model card but those of the training itself."""
    return {
        "analogies": analogies(vectors),
        "analogies, inputs included": analogies_with_inputs(vectors),
        "wordsim353": similarity(vectors, "wordsim353.tsv"),
        "simlex999": similarity(vectors, "simlex999.txt"),
        "queen": king_minus_man_plus_woman(vectors),
        "association": [association_test(vectors, *test) for test in ASSOCIATION_TESTS],
    }


def analogies(vectors: KeyedVectors) -> dict:
    """Answer the Google analogies: a is to b as c is to ?, by the nearest word to b - a + c.

    The whole vocabulary is searched, the three inputs excluded. Questions with a word outside
    the vocabulary are left out; `coverage` says how many are in.

    Returns:
        {"accuracy", "n", "coverage", "sections": {name: (accuracy, n)}}
    """
    path = datapath("questions-words.txt")
    n_questions = sum(not line.startswith(":") for line in Path(path).read_text().splitlines())
    accuracy, sections = vectors.evaluate_word_analogies(path, restrict_vocab=len(vectors))
    by_section = {}
    for section in sections:
        n = len(section["correct"]) + len(section["incorrect"])
        by_section[section["section"]] = (len(section["correct"]) / n if n else float("nan"), n)
    _, n = by_section.pop("Total accuracy")
    return {"accuracy": accuracy, "n": n, "coverage": n / n_questions, "sections": by_section}


def analogies_with_inputs(vectors: KeyedVectors, batch: int = 1000) -> dict:
    """Answer the same questions without excluding the inputs.

    Returns:
        {"accuracy", "returns b", "returns c"}: how often the word nearest to b - a + c is the
        right one, or simply one of the inputs b and c.
    """
    lines = Path(datapath("questions-words.txt")).read_text().lower().splitlines()
    questions = [line.split() for line in lines if not line.startswith(":")]
    index = vectors.key_to_index
    known = np.array([[index[w] for w in words] for words in questions if all(w in index for w in words)])
    unit = unit_length(vectors.vectors)  # Shape: (n_words, d)
    nearest = []
    for a, b, c, _ in (part.T for part in np.split(known, range(batch, len(known), batch))):
        target = unit[b] - unit[a] + unit[c]  # Shape: (batch, d)
        nearest.append((target @ unit.T).argmax(axis=1))
    found = np.concatenate(nearest)
    return {"accuracy": float((found == known[:, 3]).mean()), "returns b": float((found == known[:, 1]).mean()),
            "returns c": float((found == known[:, 2]).mean())}


def similarity(vectors: KeyedVectors, name: str) -> dict:
    """Return Spearman's correlation of cosine and human score over a word-similarity set."""
    pairs = read_pairs(name)
    known = [(a, b, score) for a, b, score in pairs if a in vectors and b in vectors]
    cosines = [vectors.similarity(a, b) for a, b, _ in known]
    return {"spearman": float(spearmanr(cosines, [score for *_, score in known])[0]),
            "n": len(known), "of": len(pairs)}


def king_minus_man_plus_woman(vectors: KeyedVectors) -> dict:
    """Return the nearest words to king - man + woman, with and without the inputs excluded."""
    excluded = vectors.most_similar(positive=["king", "woman"], negative=["man"], topn=5)
    target = vectors.get_mean_vector(["king", "woman", "man"], weights=[1, 1, -1], pre_normalize=True)
    included = vectors.similar_by_vector(target, topn=5)
    ranks = [word for word, _ in vectors.most_similar(positive=["king", "woman"], negative=["man"], topn=len(vectors))]
    return {"rank": ranks.index("queen") + 1, "inputs excluded": excluded, "inputs included": included}


def association_test(vectors: KeyedVectors, x: str, y: str, a: str, b: str, samples: int = 10_000) -> dict:
    """Run a word-embedding association test (WEAT).

    s(w) = mean cosine of w with A - mean cosine of w with B;
    effect size d = (mean of s over X - mean of s over Y) / standard deviation of s over X and Y.

    Args:
        vectors: the word vectors.
        x, y: names of the two target lists in LISTS.
        a, b: names of the two attribute lists in LISTS.
        samples: random partitions of the targets for the one-sided p-value (seed 0).

    Returns:
        The names, "d", "p" and "missing", the list words outside the vocabulary.

    Source: Caliskan, Bryson and Narayanan (2017), Science 356.
    """
    lists = {name: LISTS[name].split() for name in (x, y, a, b)}
    missing = sorted(w for words in lists.values() for w in words if w not in vectors)
    unit = {name: unit_length(np.stack([vectors[w] for w in words if w in vectors])) for name, words in lists.items()}
    targets = np.concatenate([unit[x], unit[y]])  # Shape: (n_x + n_y, d)
    s = (targets @ unit[a].T).mean(axis=1) - (targets @ unit[b].T).mean(axis=1)  # Shape: (n_x + n_y,)
    n_x = len(unit[x])
    difference = s[:n_x].mean() - s[n_x:].mean()
    rng = np.random.default_rng(0)
    shuffled = (rng.permutation(s) for _ in range(samples))
    at_least = sum(t[:n_x].mean() - t[n_x:].mean() >= difference for t in shuffled)
    return {"x": x, "y": y, "a": a, "b": b, "d": float(difference / s.std(ddof=1)),
            "p": (at_least + 1) / (samples + 1), "missing": missing}


def print_evaluation(figures: dict) -> None:
    """Print the figures of `evaluate` as text."""
    found = figures["analogies"]
    print(f"Google analogies: {found['accuracy']:.1%} of {found['n']:,} questions whose four words are all in the "
          f"vocabulary ({found['coverage']:.1%} of the set); whole vocabulary searched, inputs excluded")
    for name, (accuracy, n) in found["sections"].items():
        print(f"    {name:30s} {accuracy:6.1%} of {n:,}")
    other = figures["analogies, inputs included"]
    print(f"The same questions, inputs not excluded: {other['accuracy']:.1%} right; the answer is the input b in "
          f"{other['returns b']:.1%} and the input c in {other['returns c']:.1%} (a is to b as c is to ?)")
    for name in ("wordsim353", "simlex999"):
        result = figures[name]
        print(f"{name}: Spearman {result['spearman']:.3f} on {result['n']} of {result['of']} pairs")
    queen = figures["queen"]
    print(f"king - man + woman: queen has rank {queen['rank']} among the words other than the inputs")
    for key in ("inputs excluded", "inputs included"):
        print(f"    {key}: " + ", ".join(f"{word} {cosine:.3f}" for word, cosine in queen[key]))
    print("Association tests (WEAT): effect size d; one-sided p from 10,000 random partitions")
    for test in figures["association"]:
        print(f"    {test['x']} / {test['y']} with {test['a']} / {test['b']}: d = {test['d']:.2f}, p = {test['p']:.4f}"
              + (f"  (not in the vocabulary: {', '.join(test['missing'])})" if test["missing"] else ""))


# --------------------------------------------------------------------------- command line


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def print_files(out: Path) -> None:
    """Print the size and SHA-256 of the shipped files, and the record of their training."""
    for name in ("vectors.safetensors", "vocabulary.txt"):
        path = out / name
        print(f"{name}: {path.stat().st_size:,} bytes, SHA-256 {sha256(path)}")
    path = out / "config.json"
    config = json.loads(path.read_text()) if path.is_file() else {}
    for name, value in config.items():
        print(f"    {name}: {value}")
    if "training_seconds" in config:
        watt_hours = config["training_seconds"] * WATTS / 3600
        print(f"Energy of the training: about {watt_hours:.1f} Wh, if two cores draw {WATTS} W")


def train_and_ship(corpus: Path, work: Path, out: Path, minutes: float | None) -> None:
    """Tokenise, train, prune and write the files that the course ships."""
    summary = prepare(corpus, work, SHIPPED.seed)
    print(f"{summary['tokens']:,} words in {summary['passages']:,} passages; training {SHIPPED}", flush=True)
    vectors = train(SHIPPED, summary, work, minutes)
    log = json.loads((work / SHIPPED.name / "log.json").read_text())
    shipped = prune(vectors, N_WORDS)
    config = {
        "settings": asdict(SHIPPED), "minutes": minutes, "corpus_words": summary["tokens"],
        "trained_vocabulary": len(vectors), "shipped_words": len(shipped), "unit_length": True,
        "passages": summary["passages"], "tokenising_seconds": summary["seconds"],
        "training_seconds": log[-1]["seconds"], "final_loss_per_word": log[-1]["loss_per_word"],
    }
    ship(shipped, out, config)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.word_vectors", description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, help="folder of the corpora, with text/, lexical/ and translation/")
    parser.add_argument("--minutes", type=float, help="longest time to train (default: all epochs)")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="where the vectors are shipped")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="tokenised text and checkpoints")
    parser.add_argument("--evaluate", action="store_true", help="only recompute the figures of the shipped vectors")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the script; return its exit status."""
    options = parse_arguments(arguments)
    logging.getLogger("gensim").setLevel(logging.ERROR)
    try:
        if not options.evaluate:
            if options.corpus is None:
                raise TrainingError(
                    "No corpora given. Name their folder with --corpus DIR to train, "
                    "or run with --evaluate to check the shipped vectors, which needs no corpora."
                )
            check_corpus(options.corpus)
            train_and_ship(options.corpus, options.work, options.out, options.minutes)
        print_evaluation(evaluate(load_shipped(options.out)))
        print_files(options.out)
    except TrainingError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
