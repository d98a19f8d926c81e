"""Train and ship the course's static word vectors.

    python -m training.word_vectors --corpus DIR [--minutes N] [--out DIR] [--work DIR]

Tokenises the corpora, trains, prunes the vocabulary, and writes `vectors.safetensors`,
`vocabulary.txt` and `config.json`. Killed and started again, it goes on from the last
checkpoint in --work. The figures of the model card are recomputed from the shipped files, without
the corpora, by

    python -m workshop_lib models evaluate word_vectors
"""

from __future__ import annotations

import argparse
import hashlib
import html
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
from safetensors.numpy import save_file

from workshop_lib.course.evaluation.word_vectors import LISTS, PAIRS, pairs

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_OUT = ROOT / "data" / "models" / "word_vectors"
DEFAULT_WORK = Path(tempfile.gettempdir()) / "word_vectors"
EVALUATE = "python -m workshop_lib models evaluate word_vectors"


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
            f"The shipped vectors are checked without the corpora: {EVALUATE}"
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

CLEAN_WORD = re.compile(r"[a-z]{2,}(?:'[a-z]{1,2})?|[aio]'?[a-z]*")
ROMAN_NUMERAL = re.compile(r"x{0,3}(?:ix|iv|v?i{0,3})")
JUNK = frozenset("nbsp http https www html htm php jpg png pdf quot amp lt gt br ref url thumb px isbn cite".split())


def is_clean(word: str) -> bool:
    """Say whether a word may be shipped: plain letters, not a numeral, not mark-up."""
    if len(word) > 1 and ROMAN_NUMERAL.fullmatch(word):
        return False
    return CLEAN_WORD.fullmatch(word) is not None and word not in JUNK


def kept_words() -> set[str]:
    """Return the words that are shipped whatever their rank, if the corpora have them."""
    rated = {word for name in PAIRS for a, b, _ in pairs(name) for word in (a, b)}
    tests = {word for words in LISTS.values() for word in words.split()}
    return rated | tests | set(LESSON_WORDS)


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


def to_int8(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round a matrix (n, d) to whole numbers from -127 to 127, with one scale a row.

    Returns:
        int8 (n, d) and float16 (n,); a row is about its int8 numbers times its scale.

    >>> numbers, scales = to_int8(np.array([[0.6, -0.8], [1.0, 0.0]]))
    >>> numbers.tolist()
    [[95, -127], [127, 0]]
    """
    scales = (np.abs(matrix).max(axis=1) / 127).astype(np.float16)  # Shape: (n,)
    numbers = np.rint(matrix / scales.astype(np.float32)[:, None])  # Shape: (n, d)
    return numbers.clip(-127, 127).astype(np.int8), scales


def ship(vectors: KeyedVectors, out: Path, config: dict) -> None:
    """Write the vectors as int8 with a float16 scale a row, the vocabulary and the settings."""
    out.mkdir(parents=True, exist_ok=True)
    numbers, scales = to_int8(vectors.vectors)
    save_file({"vectors": numbers, "scales": scales}, str(out / "vectors.safetensors"))
    (out / "vectors.safetensors").chmod(0o644)
    (out / "vocabulary.txt").write_text("\n".join(vectors.index_to_key) + "\n", encoding="utf-8")
    stored = {"stored_as": "int8, one float16 scale a row"}
    (out / "config.json").write_text(json.dumps(config | stored, indent=1) + "\n")


# --------------------------------------------------------------------------- command line


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def print_files(out: Path) -> None:
    """Print the size and SHA-256 of the shipped files, and the record of their training."""
    for name in ("vectors.safetensors", "vocabulary.txt"):
        path = out / name
        print(f"{name}: {path.stat().st_size:,} bytes, SHA-256 {sha256(path)}")
    config = json.loads((out / "config.json").read_text())
    for name, value in config.items():
        print(f"    {name}: {value}")
    watt_hours = config["training_seconds"] * WATTS / 3600
    print(f"Energy of the training: about {watt_hours:.1f} Wh, if two cores draw {WATTS} W")
    print(
        "The course loads these files when their SHA-256 sums stand in workshop_lib/models.py "
        f"(VECTOR_CARDS, VOCABULARY_SHA256). Then recompute the model card's figures:\n    {EVALUATE}"
    )


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
    parser.add_argument(
        "--corpus", type=Path, required=True, help="folder of the corpora, with text/, lexical/ and translation/"
    )
    parser.add_argument("--minutes", type=float, help="longest time to train (default: all epochs)")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="where the vectors are shipped")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="tokenised text and checkpoints")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the script; return its exit status."""
    options = parse_arguments(arguments)
    logging.getLogger("gensim").setLevel(logging.ERROR)
    try:
        check_corpus(options.corpus)
        train_and_ship(options.corpus, options.work, options.out, options.minutes)
        print_files(options.out)
    except TrainingError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
