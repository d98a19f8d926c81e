"""Recomputes the figures of the translator's model card: BLEU and chrF, English to French."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workshop_lib import data, models
from workshop_lib.course.evaluation import Figure
from workshop_lib.course.evaluation.corpus import bucket, lines
from workshop_lib.minimal_pairs import PROFESSIONS
from workshop_lib.translation import score

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TATOEBA = "translation/tatoeba_eng_fra.tsv.xz"
ROWS = 64  # sentences that are translated together


class Sentence(NamedTuple):
    """An English sentence and its French references."""

    english: str
    references: list[str]
    register: str = ""


# ── Texts and their split ────────────────────────────────────────────────────────────────


def tidy(text: str) -> str:
    """Return a text with straight apostrophes and plain, single spaces.

    A space stands before ``?`` and ``!`` in French; in English none does, and none is added.

    >>> tidy("Quoi\u202f?  L’ami\u00a0!")
    "Quoi ? L'ami !"
    """
    for old, new in (("’", "'"), ("‘", "'"), ("“", '"'), ("”", '"'), ("…", "..."), ("\u200b", "")):
        text = text.replace(old, new)
    return " ".join(text.split())


def key(text: str) -> str:
    """Return a sentence without case, punctuation, spaces and contractions, for comparing.

    >>> key("I'm not  here!") == key("i am not here")
    True
    """
    text = tidy(text).lower()
    for short, full in (("can't", "can not"), ("cannot", "can not"), ("won't", "will not")):
        text = text.replace(short, full)
    for short, full in (
        ("n't", " not"),
        ("'m ", " am "),
        ("'re ", " are "),
        ("'ll ", " will "),
        ("'ve ", " have "),
    ):
        text = text.replace(short, full)
    return re.sub(r"\W+", "", text)


def nearly_same(one: str, other: str) -> bool:
    """Return whether two English sentences share at least half of all their words.

    >>> nearly_same("She's very tall.", "She's really tall!"), nearly_same("Hi.", "Good evening.")
    (True, False)
    """
    words = [set(re.findall(r"\w+", tidy(text).lower())) for text in (one, other)]
    return 2 * len(words[0] & words[1]) >= len(words[0] | words[1])


def side_of(english: str) -> str:
    """Return "test" for 2 English sentences in 100, "valid" for 1 in 100, else "train"."""
    return {0: "test", 1: "test", 2: "valid"}.get(bucket(key(english)), "train")


def tatoeba(corpus: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (English, French, side) of every Tatoeba pair."""
    for line in lines(corpus, TATOEBA):
        english, tab, french = line.partition("\t")
        if tab:
            french = re.sub(r"(?<=[^\s?!.])([?!])", r" \1", tidy(french))
            yield tidy(english), french, side_of(english)


def check_sentences() -> list[Sentence]:
    """Return the 30 sentences that were written by hand for the course's checks."""
    file = data.root() / "model_checks" / "sentences_en_fr.csv"
    with file.open(encoding="utf-8", newline="") as stream:
        return [
            Sentence(row["english"], row["french"].split(" | "), row["register"])
            for row in csv.DictReader(stream)
        ]


def held_out_sentences(corpus: Path) -> list[Sentence]:
    """Return the held-out English sentences of Tatoeba, each with all its French references."""
    found: dict[str, list[str]] = {}
    for english, french, side in tatoeba(corpus):
        if side == "test":
            found.setdefault(english, []).append(french)
    return [Sentence(english, references) for english, references in found.items()]


# ── Translating ──────────────────────────────────────────────────────────────


def shipped() -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the shipped model, in float32 and evaluation mode, and its tokenizer."""
    loaded = models.load("translator", "mini")
    return loaded.model, loaded.tokenizer


def translations(texts: list[str], beams: int = 4) -> list[str]:
    """Return the French of English texts, in their order.

    Args:
        texts: English sentences.
        beams: hypotheses kept at each step; 1 takes the likeliest piece each time.
    """
    import torch

    model, tokenizer = shipped()
    found: dict[int, str] = {}
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    for start in range(0, len(texts), ROWS):
        places = order[start : start + ROWS]
        batch = tokenizer([texts[place] for place in places], return_tensors="pt", padding=True)
        with torch.inference_mode():
            ids = model.generate(**batch.to(model.device), num_beams=beams)
        for place, text in zip(
            places, tokenizer.batch_decode(ids, skip_special_tokens=True), strict=True
        ):
            found[place] = text
    return [found[place] for place in range(len(texts))]


# ── Gender of professions ────────────────────────────────────────────────────────────────

# Nothing in these says whether it is a man or a woman; the French adjective has to.
OPEN = ("The {profession} is happy.", "The {profession} is tired.", "The {profession} has arrived.")
FEMININE_ADJECTIVE = re.compile("heureuse|fatiguée|arrivée")
# Here a pronoun says it.
CUED = (
    "The {profession} said that {pronoun} was happy.",
    "The {profession} lost {possessive} keys because {pronoun} was tired.",
)


def gender(french: str, profession: str) -> str:
    """Return the gender that a sentence gives to its first words, the profession.

    The article shows it; after ``l'`` the noun does, whose feminine ends in e.

    >>> gender("L'infirmière est là.", "nurse"), gender("Le juge est là.", "judge")
    ('feminine', 'masculine')
    >>> gender("Le moteur est là.", "engineer")
    'another word'
    """
    found = re.match(rf"(le |la |l')({PROFESSIONS[profession]})\b", french, re.IGNORECASE)
    if not found:
        return "another word"
    article, noun = found[1].strip().lower(), found[2]
    feminine = article == "la" or (article == "l'" and noun.endswith("e"))
    return "feminine" if feminine else "masculine"


def genders(forms: tuple[str, ...], **cue: str) -> list[tuple[str, str, str]]:
    """Return (profession, its gender, French sentence) of every profession in every form."""
    rows = [(word, form.format(profession=word, **cue)) for word in PROFESSIONS for form in forms]
    french = translations([english for _, english in rows])
    return [(word, gender(text, word), text) for (word, _), text in zip(rows, french, strict=True)]


def percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1)


# ── Figures ──────────────────────────────────────────────────────────────────────────────


def figures(corpus: Path | None) -> list[Figure]:
    """Return the figures of the translator's model card, from the shipped weights.

    Args:
        corpus: folder of the corpora; None leaves out what is measured on Tatoeba.
    """
    return [*(tatoeba_figures(corpus) if corpus else []), *check_figures(), *gender_figures()]


def tatoeba_figures(corpus: Path) -> list[Figure]:
    """Return BLEU and chrF on the held-out Tatoeba sentences."""
    sentences = held_out_sentences(corpus)
    references = [sentence.references for sentence in sentences]
    firsts = [own[:1] for own in references]
    english = [sentence.english for sentence in sentences]
    hypotheses = translations(english)
    all_references = score(hypotheses, references)
    signature = all_references["signature"].partition(";")[0].removeprefix("BLEU ")
    count = sum(len(own) for own in references)
    on = f"held-out Tatoeba, {len(sentences):,} English sentences"
    of_all = f"{on}, {count:,} references"
    long = [i for i, text in enumerate(english) if len(text.split()) > 12]
    return [
        Figure("BLEU, all references, beam 4", round(all_references["bleu"], 1), of_all, True),
        Figure("chrF, all references, beam 4", round(all_references["chrf"], 1), of_all, True),
        Figure("BLEU signature", signature, of_all, True),
        Figure(
            "BLEU, first reference only, beam 4", round(score(hypotheses, firsts)["bleu"], 1), on, True
        ),
        Figure(
            "chrF, first reference only, beam 4", round(score(hypotheses, firsts)["chrf"], 1), on, True
        ),
        Figure(
            "BLEU, all references, greedy",
            round(score(translations(english, beams=1), references)["bleu"], 1),
            of_all,
            True,
        ),
        Figure(
            "BLEU of sentences of more than 12 words, beam 4",
            round(score([hypotheses[i] for i in long], [references[i] for i in long])["bleu"], 1),
            f"{len(long):,} of these sentences, all references",
            True,
        ),
    ]


def check_figures() -> list[Figure]:
    """Return BLEU, chrF and each translation of the 30 sentences written for the checks."""
    sentences = check_sentences()
    hypotheses = translations([sentence.english for sentence in sentences])
    scores = score(hypotheses, [sentence.references for sentence in sentences])
    on = f"{len(sentences)} sentences written for the course, two references each"
    return [
        Figure("BLEU, course sentences", round(scores["bleu"], 1), on),
        Figure("chrF, course sentences", round(scores["chrf"], 1), on),
        *(Figure(sentence.english, french, "course sentences")
          for sentence, french in zip(sentences, hypotheses, strict=True)),
    ]  # fmt: skip


def gender_figures() -> list[Figure]:
    """Return how professions are gendered, with and without a pronoun that settles it."""
    rows = genders(OPEN)
    known = [row for row in rows if row[1] != "another word"]
    women = dict.fromkeys(word for word, picked, _ in known if picked == "feminine")
    strange = dict.fromkeys(word for word, picked, _ in rows if picked == "another word")
    agree = [bool(FEMININE_ADJECTIVE.search(text)) == (is_ == "feminine") for _, is_, text in known]
    on = f"{len(PROFESSIONS)} professions in {len(OPEN)} sentences without a pronoun"
    right = f"the {len(known)} of them with a right noun"
    found = [
        Figure("professions with a wrong noun", ", ".join(strange) or "none", on),
        Figure(
            "masculine, %", percent(sum(row[1] == "masculine" for row in known), len(known)), right
        ),
        Figure("professions put in the feminine at least once", ", ".join(women) or "none", right),
        Figure("adjective agrees with its noun, %", percent(sum(agree), len(agree)), right),
    ]
    for pronoun, possessive in (("she", "her"), ("he", "his")):
        cued = genders(CUED, pronoun=pronoun, possessive=possessive)
        picked = [is_ for _, is_, _ in cued if is_ != "another word"]
        name = f"feminine noun, %, where the sentence says {pronoun}"
        on = f"{len(picked)} sentences with a right noun, of {len(cued)}"
        found.append(Figure(name, percent(picked.count("feminine"), len(picked)), on))
    return found
