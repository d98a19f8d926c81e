"""The mix of texts that the base language model is trained and tested on.

Each document falls wholly on one side: training, validation or test. Novels and speeches are
split by title, since they are read in pieces; all else by the SHA-256 of the text.
"""

from __future__ import annotations

import csv
import html
import random
import re
from collections.abc import Iterator
from pathlib import Path

from workshop_lib.course.evaluation.corpus import bucket, documents, lines, split_of

SEED = 7


def texts(corpus: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (source, side, text) of every document; the side is "train", "valid" or "test"."""
    for title, text in documents(corpus, "text/books_pd_simple.txt.xz"):
        side = split_of(title)
        for piece in pieces(text, 2000):
            if bucket(piece) < 22 or side != "train":  # a fifth of the novels is enough
                yield "novels", side, piece
    for title, text in documents(corpus, "text/enwiki2014_sample.txt.xz"):
        yield "encyclopaedia", split_of(text), clean(text[:3000].rsplit("\n", 1)[0])
    for line in lines(corpus, "text/enwiki2014_first_sentences.txt.xz"):
        sentence = line.partition("\t")[2]
        yield "definitions", split_of(sentence), clean(sentence)
    for line in lines(corpus, "lexical/enwiki2014_polysemy_paragraphs.txt.xz"):
        paragraph = line.partition("\t")[2]
        if bucket(paragraph) % 3 == 0:
            yield "encyclopaedia", split_of(paragraph), clean(paragraph)
    for title, text in documents(corpus, "text/wikinews_en.txt.xz"):
        kept = [line for line in text.split("\n") if not GAP.search(line)]
        if len(" ".join(kept)) > 300:
            headline = title.partition(" | ")[0]
            yield "news", split_of(text), clean(headline + "\n" + "\n".join(kept))
    for name in ("train", "dev"):
        for _, text in documents(corpus, f"text/sgd_dialogues.{name}.txt.xz"):
            if bucket(text) < 60:
                yield "dialogues", split_of(text), text
    for name in ("masc_plain", "state_of_the_state_2019", "us_presidential_speeches"):
        for title, text in documents(corpus, f"text/{name}.txt.xz"):
            side = split_of(title)
            for piece in pieces(text, 3000):
                yield "speeches and letters", side, clean(piece)
    for post in posts(corpus):
        yield "posts", split_of(post), post
    for title, text in documents(corpus, "text/factbook_text.txt.xz"):
        yield "countries", split_of(title), clean(text[:2500].rsplit("\n", 1)[0])
    for sentence in country_facts(corpus):
        yield "facts", "train", sentence


# Links that were cut from the news leave traces such as "the of the" and "(), ()".
GAP = re.compile(r"\(\s*[,;]?\s*\)|, ,|\bthe of\b|\bof of\b|\bin \.|^,|\"\"| ,|\bthe \.|\bthe ,|\bthe in\b")
ADDRESS = re.compile(r"https?://\S+|www\.\S+")


def clean(text: str) -> str:
    """Return a text without the entities, addresses and double spaces of its source."""
    text = ADDRESS.sub("", html.unescape(text)).replace("\xa0", " ").replace("’", "'")
    return re.sub(r"[ \t]+", " ", text).strip()


def pieces(text: str, characters: int) -> Iterator[str]:
    """Yield a long text in pieces of whole paragraphs, about ``characters`` long."""
    piece: list[str] = []
    size = 0
    for paragraph in clean(text).split("\n"):
        piece.append(paragraph)
        size += len(paragraph) + 1
        if size >= characters:
            yield "\n".join(piece).strip()
            piece, size = [], 0
    if size > 200:
        yield "\n".join(piece).strip()


def posts(corpus: Path) -> Iterator[str]:
    """Yield short public posts without their labels."""
    for line in lines(corpus, "social/goemotions.train.tsv.xz"):
        yield clean(line.split("\t")[0])
    for name in ("538_BarackObama", "538_realDonaldTrump"):
        for row in csv.DictReader(lines(corpus, f"social/{name}.csv.xz")):
            yield clean(row["text"])
    for line in lines(corpus, "social/538_mayweather_mcgregor_text.txt.xz"):
        yield clean(line)


CITY = re.compile(r"[\d.,]+ (?:million )?([A-Z][^,(;0-9]+)")
CITY_FORMS = (
    "{city} is a city in {country}.",
    "{city} is a large city in {country}.",
    "{city} is one of the largest cities in {country}.",
    "The city of {city} is in {country}.",
    "{city} is a city in {country}. Many people in {country} live in {city}.",
    "Where is {city}? {city} is in {country}.",
)
CAPITAL_FORMS = (
    "{city} is the capital of {country}.",
    "{city} is the capital city of {country}.",
    "The capital of {country} is {city}.",
    "{country} is a country. Its capital is {city}.",
    "What is the capital of {country}? The capital of {country} is {city}.",
)


def country_facts(corpus: Path, repeats: int = 8) -> Iterator[str]:
    """Yield sentences about cities and capitals, several to a text, each fact many times."""
    sentences = []
    for row in csv.DictReader(lines(corpus, "text/factbook_capitals_cities.csv")):
        country = row["country"].strip()
        capital = re.split(r"[(;]", row["capital"])[0].strip()
        urban = html.unescape(row["major_urban_areas"])
        cities = [name.strip().title() for name in CITY.findall(urban)]
        sentences += [form.format(city=c, country=country) for c in cities for form in CITY_FORMS]
        if capital:
            sentences += [form.format(city=capital, country=country) for form in CAPITAL_FORMS]
    chance = random.Random(SEED)
    for _ in range(repeats):
        chance.shuffle(sentences)
        for start in range(0, len(sentences), 6):
            yield " ".join(sentences[start : start + 6])
