"""Pairs of English sentences that differ in one thing, and what their French must hold.

A translator's mistakes are easy to find and hard to count. Here each sentence says by a pattern
what its French must or mustn't hold, so that idioms, names, negation and gender become shares
with intervals. A pattern sees one thing only: a sentence that passes may be wrong elsewhere.
Used in lesson 05.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from workshop_lib.errors import BadInputError, UnknownNameError, closest

# An idiom, the same words meant literally, and the French for the literal words.
IDIOMS = (
    ("He spilled the beans.", "He cooked the beans.", "haricots?|fèves?"),
    ("This exam was a piece of cake.", "She gave me a piece of cake.", "gâteaux?"),
    ("That car cost an arm and a leg.", "He broke an arm and a leg.", "bras|jambes?"),
    ("It was raining cats and dogs all day.", "She was feeding cats and dogs all day.", "chats?|chiens?"),
    ("Break a leg tonight!", "She broke a leg tonight.", "jambes?"),
    ("You let the cat out of the bag.", "You let the cat out of the house.", "chats?"),
    ("I have a frog in my throat.", "I have a frog in my garden.", "grenouilles?"),
    ("She wants to hit the sack.", "She wants to fill the sack.", "sacs?"),
    ("Stop beating around the bush.", "Stop walking around the bush.", "buissons?"),
    ("The old man kicked the bucket.", "The old man filled the bucket.", "seaux?"),
    ("You have to bite the bullet.", "You have to find the bullet.", "balles?"),
    ("That name rings a bell.", "That man rings a bell.", "cloches?|clochettes?|sonnettes?"),
    ("Are you pulling my leg?", "Are you looking at my leg?", "jambes?"),
    ("He has a chip on his shoulder.", "He has a bird on his shoulder.", "épaules?"),
    ("We were over the moon.", "We were looking at the moon.", "lune"),
    ("I smell a rat.", "I see a rat.", "rats?"),
    ("My uncle is under the weather.", "My uncle is watching the weather.", "temps|météo"),
    ("She got cold feet before the wedding.", "She got wet feet before the wedding.", "pieds?"),
    ("You hit the nail on the head.", "You put the nail in the box.", "clous?"),
    ("They threw in the towel.", "They threw away the towel.", "serviettes?"),
)

# First names, and surnames by the language they are frequent in, in two sentences each.
NAMES = {
    "first names": "Tom John Ken Jim Mike Emily",
    "English": "Thompson Harrison Watkins Johnson Wilson Davies",
    "French": "Dupont Lefebvre Moreau Rousseau Girard Chevalier",
    "Polish": "Kowalczyk Nowakowska Zielinski Wojciechowski Lewandowska Szymanski",
    "Nigerian": "Oyelaran Adeyemi Okonkwo Nwosu Olatunji Ogunbanjo",
    "Tamil": "Subramaniam Thiagarajan Krishnamurthy Balakrishnan Venkatesan Ramanathan",
    "an English word": "Baker Young King Bush Green Marsh",
}
NAME_FRAMES = ("{name} won the election.", "The minister met {name} on Monday.")

NEGATIVE = r"\bne\b|\bn['’]|\bpas\b|\bjamais\b|\baucune?\b|\brien\b|\bni\b|\bsans\b|\bnon\b"
PLAIN_NEGATION = (
    ("The government will raise taxes.", "The government will not raise taxes."),
    ("I trust the police.", "I don't trust the police."),
    ("She has voted.", "She has never voted."),
    ("Somebody told us the result.", "Nobody told us the result."),
    ("They changed something in the law.", "They changed nothing in the law."),
    ("He works here.", "He no longer works here."),
    ("We can pay the rent.", "We can't pay the rent."),
    ("You must answer the question.", "You must not answer the question."),
    ("They have a plan.", "They have no plan."),
    ("Both parties support the tax.", "Neither party supports the tax."),
)
# The same without "not", "no" or "never"; the last part is what the French may say.
OTHER_NEGATION = (
    ("She often votes.", "She hardly ever votes.", r"\bpresque\b|quasiment|pratiquement|rarement|\bguère\b"),
    ("He managed to answer.", "He failed to answer.", rf"{NEGATIVE}|échou|manqu|omis"),
    ("The law is fair.", "The law is far from fair.", r"\bloin\b"),
    ("The answer is clear.", "The answer is anything but clear.", r"\btout sauf\b|\bloin\b|\bpas\b"),
    ("She answered with a smile.", "She answered without a smile.", r"\bsans\b"),
    ("We will come if it rains.", "We will come unless it rains.", r"\bsauf\b|à moins|\bpas\b"),
    ("Many people voted.", "Few people voted.", r"\bpeu\b"),
    ("The decision was fair.", "The decision was unfair.", rf"{NEGATIVE}|injust|inéquit|déloyal"),
    ("I can hear you.", "I can hardly hear you.", r"\bà peine\b|\bguère\b|\bpresque\b|quasiment|\bmal\b|difficile"),
    ("He agreed to answer.", "He refused to answer.", rf"{NEGATIVE}|refus"),
)

# Each profession with the French nouns that translate it, as a pattern.
PROFESSIONS = {
    "doctor": "médecin|docteure?|doctoresse",
    "nurse": "infirmi(?:er|ère)",
    "teacher": "professeure?|enseignante?|institut(?:eur|rice)|maître|maîtresse",
    "lawyer": "avocate?",
    "engineer": "ingénieure?",
    "secretary": "secrétaire",
    "scientist": "scientifique|savante?",
    "cleaner": "femme de ménage|homme de ménage|nettoyeu(?:r|se)",
    "director": "direct(?:eur|rice)|réalisat(?:eur|rice)",
    "cook": "cuisini(?:er|ère)",
    "singer": "chanteu(?:r|se)",
    "dancer": "danseu(?:r|se)",
    "journalist": "journaliste",
    "baker": "boulang(?:er|ère)",
    "student": "étudiante?",
    "candidate": "candidate?",
    "mayor": "maire|mairesse",
    "president": "présidente?",
    "minister": "ministre",
    "judge": "juge",
}
GENDER_FRAMES = (
    "The {profession} said that {pronoun} was happy.",
    "The {profession} lost {possessive} keys because {pronoun} was tired.",
)
KINDS = ("idioms", "names", "negation", "gender")


def pairs(kind: str) -> pd.DataFrame:
    """Return the sentences of a kind and what their French must hold.

    Args:
        kind: "idioms", "names", "negation" or "gender".

    Returns:
        One row a sentence: "pair" (what the sentences of a pair share), "side" (in what they
        differ), "english", "must" (a pattern that the French must hold; empty: none), "must_not".

    Raises:
        UnknownNameError: there is no such kind.

    >>> pairs("idioms")[["side", "english"]].head(2).to_numpy().tolist()
    [['idiom', 'He spilled the beans.'], ['literal', 'He cooked the beans.']]
    """
    if kind not in KINDS:
        raise UnknownNameError(f"There are no pairs of the kind '{kind}'. {closest(kind, list(KINDS))}")
    rows = {"idioms": _idioms, "names": _names, "negation": _negation, "gender": _gender}[kind]()
    return pd.DataFrame(rows, columns=["pair", "side", "english", "must", "must_not"])


def judge(sentences: pd.DataFrame, french: Sequence[str]) -> pd.DataFrame:
    """Return the sentences with two more columns: "french", and whether it is "right".

    Right means: the pattern that must occur does, and the one that mustn't doesn't.

    Args:
        sentences: what :func:`pairs` returned.
        french: the translation of each, in the same order.

    Raises:
        BadInputError: there aren't as many translations as sentences.

    >>> judge(pairs("idioms").head(1), ["Il a renversé les haricots."])["right"].tolist()
    [False]
    """
    if len(french) != len(sentences):
        raise BadInputError(
            f"There are {len(sentences)} sentences and {len(french)} translations. Translate the "
            "column 'english' and give the result in the same order."
        )
    right = [
        (not must or _holds(must, text)) and not (must_not and _holds(must_not, text))
        for must, must_not, text in zip(sentences["must"], sentences["must_not"], french, strict=True)
    ]
    return sentences.assign(french=list(french), right=right)


def summary(judged: pd.DataFrame) -> pd.DataFrame:
    """Return the share that is right on each side, with 95 % Wilson intervals.

    Args:
        judged: what :func:`judge` returned.

    Returns:
        One row a side: "cases", "right", "share", "low", "high".
    """
    from scipy.stats import binomtest

    rows = []
    for side, part in judged.groupby("side", sort=False):
        right = int(part["right"].sum())
        low, high = binomtest(right, len(part)).proportion_ci(method="wilson")
        rows.append(
            {"side": side, "cases": len(part), "right": right, "share": right / len(part), "low": low, "high": high}
        )
    return pd.DataFrame(rows).set_index("side")


def _holds(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def _idioms() -> list[tuple[str, ...]]:
    rows = []
    for idiom, literal, words in IDIOMS:
        pattern = rf"\b(?:{words})\b"
        rows += [(idiom, "idiom", idiom, "", pattern), (idiom, "literal", literal, pattern, "")]
    return rows


def _names() -> list[tuple[str, ...]]:
    return [
        (frame, group, frame.format(name=name), rf"\b{name}\b", "")
        for group, names in NAMES.items()
        for name in names.split()
        for frame in NAME_FRAMES
    ]


def _negation() -> list[tuple[str, ...]]:
    rows = []
    for kind, triples in (
        ("plain negation", [(*pair, NEGATIVE) for pair in PLAIN_NEGATION]),
        ("other negation", OTHER_NEGATION),
    ):
        for positive, negative, pattern in triples:
            rows += [(positive, "affirmative", positive, "", NEGATIVE), (positive, kind, negative, pattern, "")]
    return rows


def _gender() -> list[tuple[str, ...]]:
    """The article shows the gender; after ``l'`` the noun does, whose feminine ends in e."""
    rows = []
    for profession, nouns in PROFESSIONS.items():
        feminine = rf"^(?:la (?:{nouns})|l['’](?:{nouns})(?<=e))\b"
        masculine = rf"^(?:le (?:{nouns})|l['’](?:{nouns})(?<!e))\b"
        for frame in GENDER_FRAMES:
            for pronoun, possessive, must in (("she", "her", feminine), ("he", "his", masculine)):
                words = {"profession": profession, "pronoun": pronoun, "possessive": possessive}
                pair = frame.format(profession=profession, pronoun="…", possessive="…")
                rows.append((pair, pronoun, frame.format(**words), must, ""))
    return rows
