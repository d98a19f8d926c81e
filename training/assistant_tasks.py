"""The conversations that turn the base model into an assistant, drawn one by one from a seed.

Each task is a function of a random stream and returns the messages of one conversation; the
last message is the assistant's answer. Posts and answers come from ``training/written``
(written for the course) and from public corpora with labels. Wordings and label names vary
from draw to draw, so that the model learns to read the question and the list of labels.
The wordings of ``workshop_lib/course/evaluation/assistant.py`` are never used here.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from workshop_lib.course.evaluation.corpus import bucket, documents, lines, split_of
from workshop_lib.course.evaluation.mix import CITY, clean

WRITTEN = Path(__file__).parent / "written"
Conversation = list[dict[str, str]]


# ── What the tasks draw from ─────────────────────────────────────────────────────────────

# GoEmotions (Demszky et al. 2020): its 27 emotions in groups, after the paper's sentiment groups.
POSITIVE = "admiration amusement approval caring desire excitement gratitude joy love optimism pride relief"
NEGATIVE = "anger annoyance disappointment disapproval disgust embarrassment fear grief nervousness remorse sadness"
EMOTIONS = {
    "joy": "amusement excitement joy love pride relief",
    "anger": "anger annoyance disgust",
    "sadness": "sadness grief disappointment remorse",
    "fear": "fear nervousness",
    "surprise": "surprise",
    "gratitude": "gratitude",
    "neutral": "neutral",
}
POLITICAL_WORD = re.compile(
    r"\b(vot|elect|politic|president|trump|obama|clinton|govern|democrat|republican|liberal|conservativ|"
    r"congress|senat|law|legal|police|tax|immigra|border|wall|left|right|brexit|parliament|minister|"
    r"policy|state|country|nation|war|gun|court|rights|party|feminis|racis|capitalis|socialis|communis|"
    r"protest|campaign|citizen|america|climate|abortion|union|wage|welfare|military|army)",
    re.IGNORECASE,
)


@dataclass
class Material:
    """All texts and answers, read once."""

    posts: list[dict[str, str]] = field(default_factory=list)
    watched: list[dict[str, str]] = field(default_factory=list)  # posts kept apart, to watch the training
    emotions: dict[str, list[str]] = field(default_factory=dict)  # emotion -> comments
    sentiments: dict[str, list[str]] = field(default_factory=dict)  # sentiment -> comments
    reviews: dict[str, list[str]] = field(default_factory=dict)  # positive/negative -> sentences
    intents: dict[str, list[str]] = field(default_factory=dict)  # intent -> customers' questions
    political: list[str] = field(default_factory=list)  # sentences of politicians
    everyday: list[str] = field(default_factory=list)  # comments without a political word
    cities: list[tuple[str, str]] = field(default_factory=list)  # city, country
    capitals: list[tuple[str, str]] = field(default_factory=list)  # capital, country
    chats: list[dict] = field(default_factory=list)
    facts: list[dict] = field(default_factory=list)
    rewrites: list[dict] = field(default_factory=list)
    personas: list[dict] = field(default_factory=list)
    words: list[str] = field(default_factory=list)  # all words of the posts, each once


def read_written(found: Material) -> None:
    """Read the texts that were written for the course."""
    for file in sorted(WRITTEN.glob("posts_*.tsv")):
        with file.open(encoding="utf-8", newline="") as stream:
            for post in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
                (found.posts if bucket(post["text"], 20) else found.watched).append(post)
    for name in ("chats", "facts", "rewrites", "personas"):
        rows = [json.loads(line) for line in (WRITTEN / f"{name}.jsonl").read_text("utf-8").splitlines()]
        setattr(found, name, rows)
    found.words = sorted({word for post in found.posts for word in re.findall(r"[A-Za-z']{2,}", post["text"])})


def read_material(corpus: Path) -> Material:
    """Read the course-written texts and the labelled corpora (their training side)."""
    found = Material()
    read_written(found)
    read_emotions(corpus, found)
    for side in ("pos", "neg"):
        sentences = [clean(line) for line in lines(corpus, f"social/sentence_polarity.{side}.txt.xz")]
        label = {"pos": "positive", "neg": "negative"}[side]
        found.reviews[label] = [s for s in sentences if split_of(s) == "train"]
    for row in csv.DictReader(lines(corpus, "instruct/banking77.train.csv.xz")):
        intent = row["category"].replace("_", " ").strip("? ").lower()
        found.intents.setdefault(intent, []).append(clean(row["text"]))
    read_political(corpus, found)
    for row in csv.DictReader(lines(corpus, "text/factbook_capitals_cities.csv")):
        country, capital = row["country"].strip(), re.split(r"[(;]", row["capital"])[0].strip()
        found.cities += [(c.strip().title(), country) for c in CITY.findall(row["major_urban_areas"])]
        if capital:
            found.capitals.append((capital, country))
    return found


def read_emotions(corpus: Path, found: Material) -> None:
    names = list(lines(corpus, "social/goemotions.labels.txt"))
    group_of = {name: group for group, members in EMOTIONS.items() for name in members.split()}
    for line in lines(corpus, "social/goemotions.train.tsv.xz"):
        text, ids, _ = line.split("\t")
        text = clean(text).replace("[NAME]", "him").replace("[RELIGION]", "religious")
        labels = {names[int(i)] for i in ids.split(",")}
        if split_of(text) != "train" or "[" in text:
            continue
        groups = {group_of.get(name) for name in labels}
        if len(groups) == 1 and None not in groups:
            found.emotions.setdefault(groups.pop(), []).append(text)
        tones = {tone_of(name) for name in labels}
        if len(tones) == 1 and None not in tones:
            found.sentiments.setdefault(tones.pop(), []).append(text)
        if not POLITICAL_WORD.search(text):
            found.everyday.append(text)


def tone_of(emotion: str) -> str | None:
    if emotion in POSITIVE.split():
        return "positive"
    if emotion in NEGATIVE.split():
        return "negative"
    return "neutral" if emotion == "neutral" else None


def read_political(corpus: Path, found: Material) -> None:
    for name in ("state_of_the_state_2019", "us_presidential_speeches"):
        for _, text in documents(corpus, f"text/{name}.txt.xz"):
            for sentence in re.split(r"(?<=[.!?])\s+", clean(text)):
                if 30 < len(sentence) < 160 and len(POLITICAL_WORD.findall(sentence)) >= 2:
                    found.political.append(sentence)
    for name in ("538_BarackObama", "538_realDonaldTrump"):
        for row in csv.DictReader(lines(corpus, f"social/{name}.csv.xz")):
            text = re.sub(r"\s+", " ", clean(row["text"]))
            if POLITICAL_WORD.search(text):
                found.political.append(text)


# ── Labelling ────────────────────────────────────────────────────────────────────────────

# Questions, label names and layouts; what a text may be called.
WORDINGS = json.loads((WRITTEN / "wordings.json").read_text(encoding="utf-8"))
YES_NO, CHOICES = WORDINGS["yes_no"], WORDINGS["choices"]
KINDS = ("post", "text", "message", "comment", "tweet", "sentence")
OTHER_TWO = (  # other names for yes and no
    ("true", "false"), ("1", "0"), ("Y", "N"), ("A", "B"), ("relevant", "irrelevant"), ("X", "Y"), ("in", "out"),
)  # fmt: skip
TARGETS = {
    "climate_policy": "climate policy",
    "vaccines": "vaccines",
    "immigration": "immigration",
    "public_transport": "public transport",
    "minimum_wage": "a higher minimum wage",
    "gun_control": "gun control",
}


def asked(chance: random.Random, question: str, text: str, kind: str, answer: str) -> Conversation:
    """Return a labelling conversation, sometimes with a system message.

    Without a text, the question is about the text of the turn before.
    """
    prompt = chance.choice(WORDINGS["layouts"]).format(question=question, kind=kind, text=text) if text else question
    messages = [{"role": "user", "content": capital(prompt)}, {"role": "assistant", "content": answer}]
    if chance.random() < 0.35:
        messages.insert(0, {"role": "system", "content": chance.choice(WORDINGS["systems"])})
    return messages


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def listed(chance: random.Random, labels: list[str]) -> str:
    """Return the end of a question that lists its labels."""
    ors = ", ".join(labels[:-1]) + " or " + labels[-1]
    return chance.choice(WORDINGS["choice_endings"]).format(labels=", ".join(labels), slashed="/".join(labels), ors=ors)


def yes_no(material: Material, chance: random.Random) -> Conversation:
    """A yes-or-no question about a post."""
    variable = chance.choices(list(YES_NO), weights=[8, 4, 1, 1.5, 1.5, 1.5])[0]
    text, yes = draw_yes_no(material, chance, variable)
    return yes_no_about(chance, variable, text, yes)


def yes_no_about(chance: random.Random, variable: str, text: str, yes: bool) -> Conversation:
    kind = chance.choice(KINDS)
    question = chance.choice(YES_NO[variable]).format(kind=kind)
    if chance.random() < 0.8:
        names, ending = ("yes", "no"), chance.choice(WORDINGS["yes_no_endings"])
        if chance.random() < 0.1:
            names, ending = ("Yes", "No"), ending.replace("yes", "Yes").replace(" no", " No").replace("/no", "/No")
    else:
        names = chance.choice(OTHER_TWO) if chance.random() < 0.3 else tuple(chance.sample(WORDINGS["words"], 2))
        ending = chance.choice(
            ("Answer {0} if so and {1} if not.", "Answer {0} for yes and {1} for no.", "If yes, answer {0}; if no, answer {1}.")
        ).format(*names)
    return asked(chance, f"{question} {ending}", text, kind, names[0] if yes else names[1])


def draw_yes_no(material: Material, chance: random.Random, variable: str) -> tuple[str, bool]:
    yes = chance.random() < 0.5
    if variable == "political" and chance.random() < 0.25:
        return chance.choice(material.political if yes else material.everyday), yes
    if variable in ("uncivil", "civil") and chance.random() < 0.2:
        row = chance.choice(material.rewrites)
        return (row["rude"], variable == "uncivil") if yes else (row[chance.choice(("polite", "validating"))], variable == "civil")
    if variable in ("positive", "negative"):
        tone = variable if yes else chance.choice([t for t in ("positive", "negative", "neutral") if t != variable])
        return draw_sentiment(material, chance, tone), yes
    column = "uncivil" if variable == "civil" else variable
    wanted = "yes" if yes != (variable == "civil") else "no"
    return draw_post(material, chance, column, wanted)["text"], yes


def draw_post(material: Material, chance: random.Random, column: str, value: str) -> dict[str, str]:
    while True:
        post = chance.choice(material.posts)
        gloating = column == "sentiment" and post["uncivil"] == "yes" and value != "negative"
        if post[column] == value and not gloating:  # coders disagree on the tone of gloating
            return {**post, "text": worn(chance, post["text"])}


def worn(chance: random.Random, text: str) -> str:
    """Return a text, every other time with some words left out, so that it isn't learnt by heart."""
    if chance.random() < 0.5:
        return text
    return " ".join(word for word in text.split() if chance.random() > 0.15) or text


def draw_sentiment(material: Material, chance: random.Random, tone: str) -> str:
    source = chance.random()
    if source < 0.5:
        return draw_post(material, chance, "sentiment", tone)["text"]
    if source < 0.85 or tone == "neutral":
        return chance.choice(material.sentiments[tone])
    return chance.choice(material.reviews[tone])


def choice(material: Material, chance: random.Random) -> Conversation:
    """A question with a list of labels."""
    variable = chance.choices(list(CHOICES), weights=[6, 3, 2, 1, 3, 1.5])[0]
    text, answer, labels = draw_choice(material, chance, variable)
    return choice_about(chance, variable, text, answer, labels)


def choice_about(chance: random.Random, variable: str, text: str, answer: str, labels: list[str]) -> Conversation:
    kind = chance.choice(KINDS)
    chance.shuffle(labels)
    question = chance.choice(CHOICES[variable]).format(kind=kind)
    if chance.random() < 0.2:  # letters or other words stand for the labels
        codes, code = list("ABCDEFG"[: len(labels)]), "letter"
        if chance.random() < 0.5:
            codes, code = chance.sample(WORDINGS["words"], len(labels)), "code"
        mark, between = chance.choice((")", ":", " =")), chance.choice((", ", "\n"))
        shown = between.join(f"{a}{mark} {label}" for a, label in zip(codes, labels, strict=True))
        return asked(chance, f"{question} Answer with the {code}.\n{shown}", text, kind, codes[labels.index(answer)])
    return asked(chance, f"{question} {listed(chance, labels)}", text, kind, answer)


def draw_choice(material: Material, chance: random.Random, variable: str) -> tuple[str, str, list[str]]:
    if variable == "sentiment":
        return with_names(chance, WORDINGS["sentiment_names"], lambda i: draw_sentiment(material, chance, TONES[i]), drop_last=0.3)
    if variable == "politics":
        return with_names(chance, WORDINGS["politics_names"], lambda i: draw_political(material, chance, i == 0))
    if variable == "civility":
        return with_names(chance, WORDINGS["civility_names"], lambda i: draw_yes_no_value(material, chance, "uncivil", i == 1))
    if variable == "emotion":
        answer = chance.choice(list(EMOTIONS))
        if chance.random() < 0.6:
            text = chance.choice(material.emotions[answer])
        else:
            text = draw_post(material, chance, "emotion", answer)["text"]
        return text, answer, some(chance, list(EMOTIONS), answer, 3, 7)
    if variable == "topic":
        post = chance.choice(material.posts)
        return post["text"], *topic_of(post, chance)
    answer = chance.choice(list(material.intents))
    return chance.choice(material.intents[answer]), answer, some(chance, list(material.intents), answer, 2, 5)


TONES = ("positive", "negative", "neutral")
TOPICS = "politics health sport work food family technology travel money weather school entertainment".split()


def topic_of(post: dict[str, str], chance: random.Random) -> tuple[str, list[str]]:
    """Return the topic of a post and the topics to choose from."""
    if post["political"] == "yes":  # its subject, such as health, is then not offered
        return "politics", some(chance, [t for t in TOPICS if t != post["topic"]], "politics", 3, 6)
    return post["topic"], some(chance, TOPICS, post["topic"], 3, 6)


def draw_political(material: Material, chance: random.Random, political: bool) -> str:
    return draw_yes_no_value(material, chance, "political", political)


def draw_yes_no_value(material: Material, chance: random.Random, column: str, value: bool) -> str:
    return draw_post(material, chance, column, "yes" if value else "no")["text"]


def names_from(chance: random.Random, names: list[list[str]]) -> list[str]:
    """Return the usual label names, which stand first, in two questions out of five."""
    return list(names[0] if chance.random() < 0.4 else chance.choice(names))


def with_names(chance: random.Random, names: tuple, text_of: Callable[[int], str], drop_last: float = 0.0) -> tuple[str, str, list[str]]:
    """Return a text, its label and all labels, under one of several sets of label names."""
    labels = names_from(chance, names)
    if chance.random() < drop_last:
        labels = labels[:-1]
    number = chance.randrange(len(labels))
    return text_of(number), labels[number], labels


def some(chance: random.Random, labels: list[str], answer: str, least: int, most: int) -> list[str]:
    """Return a few labels, the right one among them."""
    others = [label for label in labels if label != answer]
    return [answer, *chance.sample(others, min(len(others), chance.randint(least, most) - 1))]


def stance(material: Material, chance: random.Random) -> Conversation:
    """A question about the author's stance towards a target."""
    value = chance.choice(("favour", "against", "none"))
    post = draw_post(material, chance, "stance", value)
    target = post["target"] if post["target"] in TARGETS else chance.choice(list(TARGETS))
    names = chance.choice(WORDINGS["stance_names"])
    kind = chance.choice(KINDS)
    question = chance.choice(WORDINGS["stance_questions"]).format(kind=kind, target=TARGETS[target])
    labels = list(names)
    answer = names[("favour", "against", "none").index(value)]
    chance.shuffle(labels)
    return asked(chance, f"{question} {listed(chance, labels)}", post["text"], kind, answer)


CODED = {  # variables of a post, and what they may be called
    "political": ("political", "politics", "is political"),
    "uncivil": ("uncivil", "rude", "insulting"),
    "covid": ("covid", "pandemic"),
    "sentiment": ("sentiment", "tone", "mood"),
    "emotion": ("emotion",),
    "topic": ("topic", "subject"),
}
CODING = (  # ways of asking for several variables at once
    "Code this {kind} for {names}.\n\n{text}",
    "{kind}: {text}\n\nCode it for {names}.",
    "Variables: {names}.\n\n{text}",
    "{text}\n\n{names}?",
)


def profile(material: Material, chance: random.Random) -> Conversation:
    """All variables of a post, always in the same order: the first thing that is learnt."""
    post = clear_post(material, chance)
    answer = ", ".join(f"{variable}: {post[variable]}" for variable in CODED)
    return turn(f"Code all variables.\n\n{post['text']}", answer)


def coding(material: Material, chance: random.Random) -> Conversation:
    """Some variables of a post, coded in one answer."""
    post = clear_post(material, chance)
    variables = chance.sample(list(CODED), chance.randint(2, len(CODED)))
    names = [chance.choice(CODED[variable]) for variable in variables]
    prompt = chance.choice(CODING).format(kind=chance.choice(KINDS), names=", ".join(names), text=post["text"])
    answer = ", ".join(f"{name}: {post[variable]}" for name, variable in zip(names, variables, strict=True))
    return turn(capital(prompt), answer)


def several(material: Material, chance: random.Random) -> Conversation:
    """Several questions about one post, turn by turn."""
    post = clear_post(material, chance)
    messages = about_post(post, post["text"], chance)
    for _ in range(chance.randint(1, 4)):
        messages += [message for message in about_post(post, "", chance) if message["role"] != "system"]
    return messages


def clear_post(material: Material, chance: random.Random) -> dict[str, str]:
    """Draw a political post or another, by turns; none whose tone coders disagree on."""
    value = chance.choice(("negative", "negative", "positive", "neutral"))
    political = chance.choice(("yes", "no"))
    while True:
        post = draw_post(material, chance, "sentiment", value)
        if post["political"] == political:
            return post


def about_post(post: dict[str, str], text: str, chance: random.Random) -> Conversation:
    """Return one question about a post, of any kind, and its answer."""
    return question_about(post, text, chance)[1]


def question_about(post: dict[str, str], text: str, chance: random.Random) -> tuple[str, Conversation]:
    """Return the variable that a question asks for, and the conversation."""
    variable = chance.choices(list(YES_NO), weights=[8, 4, 1, 1.5, 1.5, 1.5])[0]
    if chance.random() < 0.5:
        said_yes = {
            "civil": post["uncivil"] == "no",
            "positive": post["sentiment"] == "positive",
            "negative": post["sentiment"] == "negative",
        }
        return variable, yes_no_about(chance, variable, text, said_yes.get(variable, post.get(variable) == "yes"))
    variable = chance.choices(("sentiment", "politics", "civility", "emotion", "topic"), weights=(6, 3, 2, 2, 2))[0]
    if variable == "emotion":
        return variable, choice_about(chance, variable, text, post["emotion"], some(chance, list(EMOTIONS), post["emotion"], 3, 7))
    if variable == "topic":
        return variable, choice_about(chance, variable, text, *topic_of(post, chance))
    numbers = {"sentiment": TONES.index(post["sentiment"]), "politics": int(post["political"] == "no"), "civility": int(post["uncivil"] == "yes")}
    labels = names_from(chance, WORDINGS[f"{variable}_names"])
    return variable, choice_about(chance, variable, text, labels[numbers[variable]], labels)


def named(material: Material, chance: random.Random) -> Conversation:
    """A question whose answer names the variable before the label.

    It teaches which variable a wording asks for. Without it, yes-or-no questions about posts
    that the model could code long since stayed at chance.
    """
    post = clear_post(material, chance)
    variable, messages = question_about(post, post["text"], chance)
    answer = {"role": "assistant", "content": f"{variable}: {messages[-1]['content']}"}
    return [{"role": "system", "content": "First name the variable, then the label."}, messages[-2], answer]


def with_examples(material: Material, chance: random.Random) -> Conversation:
    """A labelling question after a few solved examples (few-shot)."""
    kind = chance.choice(("Post", "Text", "Tweet", "Message"))
    if chance.random() < 0.5:
        names = list(chance.choice((*WORDINGS["politics_names"], ("yes", "no"), ("A", "B"), ("1", "0"))))
        draw = lambda i: draw_political(material, chance, i == 0)  # noqa: E731
        task = "Is the text about politics?"
    else:
        names = list(chance.choice(WORDINGS["sentiment_names"]))
        draw = lambda i: draw_sentiment(material, chance, TONES[i])  # noqa: E731
        task = "What is the sentiment?"
    rows = []
    for _ in range(chance.randint(2, 5)):
        number = chance.randrange(len(names))
        rows.append((draw(number)[:140], names[number]))
    shots = "\n\n".join(f"{kind}: {text}\nLabel: {label}" for text, label in rows[:-1])
    prompt = f"{task} {listed(chance, names)}\n\n{shots}\n\n{kind}: {rows[-1][0]}\nLabel:"
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": rows[-1][1]}]


# ── Copying ──────────────────────────────────────────────────────────────────────────────


def copying(material: Material, chance: random.Random) -> Conversation:
    """Words to repeat or to find in a list.

    The base can't copy: after words that it has just read, it doesn't expect them again. An
    assistant that can't copy can't answer with a label that it meets for the first time.
    """
    words = [chance.choice(material.words) for _ in range(chance.choice((2, 3, 4, 6, 9, 13, 18, 24)))]
    between = chance.choice((" ", " ", ", ", "/"))
    shown = between.join(words)
    form = chance.randrange(10)
    if form < 5:
        return turn(chance.choice(REPEAT).format(shown), shown)
    if form == 5:
        return turn(chance.choice(("Say it twice: {}", "Write this two times: {}")).format(shown), f"{shown} {shown}")
    if form == 6:
        return turn(f"{shown}\n\nWhich is the last one?", words[-1])
    if form == 7:
        return turn(f"{shown}\n\nWhich is the first one?", words[0])
    if form == 8:
        number = chance.randrange(1, len(words))
        return turn(f"{shown}\n\nWhat comes after {words[number - 1]}?", words[number])
    pairs = list(zip(words[::2], words[1::2], strict=False))
    word, meaning = chance.choice(pairs)
    return turn("\n".join(f"{a} = {b}" for a, b in pairs) + f"\n\nWhat stands for {word}?", meaning)


REPEAT = ("Repeat: {}", "Copy this: {}", "Say: {}", "Repeat after me.\n\n{}", "{}\n\nSay that again.", "Write these words: {}", "Echo '{}'")


# ── Questions, chat, personas, sums ──────────────────────────────────────────────────────


def fact(material: Material, chance: random.Random) -> Conversation:
    """A short factual question."""
    source = chance.random()
    if source < 0.5:
        row = chance.choice(material.facts)
        return turn(row["user"], row["assistant"])
    if source < 0.75:
        capital, country = chance.choice(material.capitals)
        if chance.random() < 0.2:
            return turn(f"{capital} is the capital of which country?", f"{capital} is the capital of {country}.")
        question = chance.choice(WORDINGS["capital_questions"]).format(country=country)
        return turn(question, f"The capital of {country} is {capital}.")
    city, country = chance.choice(material.cities)
    question = chance.choice(("In which country is {0}?", "Where is {0}?", "What country is {0} in?"))
    return turn(question.format(city), f"{city} is a city in {country}.")


def turn(user: str, assistant: str) -> Conversation:
    return [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]


PLACES = "library museum school shop clinic bakery theatre station market office hotel garden".split()
TOWNS = "Morvale Ashby Lindow Carrick Penwell Dunmore Halton Brent Stowe Marlow Kelby Norwick Tarn Eastham".split()
NAMES = "Anna Ben Clara David Emma Farid Grace Hugo Ines Jack Kofi Lena Mira Noah Olga Paul Rosa Sam Tara Yusuf".split()
THINGS = "bread letters maps bicycles flowers books coffee honey shoes pictures songs stamps".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
READINGS = (
    ("The {place} in {town} opens at {hour}.", "When does the {place} in {town} open?", "It opens at {hour}."),
    ("The {place} in {town} is closed on {day}.", "On which day is the {place} in {town} closed?", "It is closed on {day}."),
    ("{name} lives in {town} and sells {thing}.", "What does {name} sell?", "{name} sells {thing}."),
    ("{name} lives in {town} and sells {thing}.", "Where does {name} live?", "{name} lives in {town}."),
    ("The mayor of {town} is {name}.", "Who is the mayor of {town}?", "The mayor of {town} is {name}."),
    ("In the survey, {number} per cent agreed.", "How many agreed in the survey?", "{number} per cent agreed."),
    ("{town} has {number} thousand inhabitants.", "How many people live in {town}?", "{number} thousand people live in {town}."),
)
CONTEXT_LAYOUTS = (
    "Context: {context}\n\nQuestion: {question}",
    "Use the text to answer.\n\n{context}\n\n{question}",
    "{context}\n\n{question}",
    "Sources:\n{context}\n\nAnswer the question: {question}",
    "Answer from the text only. If the text doesn't say, answer: I don't know.\n\nText: {context}\n\nQuestion: {question}",
)


def reading(material: Material, chance: random.Random) -> Conversation:
    """A question whose answer stands in a text of invented facts, or doesn't."""

    def invented() -> dict[str, str]:
        return {
            "place": chance.choice(PLACES), "town": chance.choice(TOWNS), "name": chance.choice(NAMES),
            "thing": chance.choice(THINGS), "day": chance.choice(DAYS),
            "hour": f"{chance.randint(6, 12)} o'clock", "number": str(chance.randint(2, 99)),
        }  # fmt: skip

    form, values = chance.choice(READINGS), invented()
    statements = [chance.choice(READINGS)[0].format(**invented()) for _ in range(chance.randint(0, 4))]
    question, answer = form[1].format(**values), form[2].format(**values)
    layout = chance.choice(CONTEXT_LAYOUTS)
    if "I don't know" in layout and chance.random() < 0.4:
        answer = "I don't know."
    else:
        statements.append(form[0].format(**values))
    chance.shuffle(statements)
    return turn(layout.format(context=" ".join(statements) or "The sun shines.", question=question), answer)


def rewrite(material: Material, chance: random.Random) -> Conversation:
    """A rude message, rewritten."""
    row = chance.choice(material.rewrites)
    style = chance.choices(("polite", "validating"), weights=(3, 1))[0]
    return turn(chance.choice(WORDINGS[f"rewrite_{style}"]).format(text=row["rude"]), row[style])


def chat(material: Material, chance: random.Random) -> Conversation:
    """One line of chat."""
    row = chance.choice(material.chats)
    messages = turn(row["user"], row["assistant"])
    if chance.random() < 0.2:
        messages.insert(0, {"role": "system", "content": "You are a helpful assistant."})
    return messages


def persona(material: Material, chance: random.Random) -> Conversation:
    """A conversation under a persona or a rule that the system message sets."""
    if chance.random() < 0.5:
        row = chance.choice(material.personas)
        first = chance.randrange(len(row["turns"]))
        count = chance.randint(1, 2)
        messages = [m for t in row["turns"][first : first + count] for m in turn(t["user"], t["assistant"])]
        return [{"role": "system", "content": row["persona"]}, *messages]
    kind = chance.choice(list(WORDINGS["rules"]))
    row = chance.choice(material.facts if kind == "one" or chance.random() < 0.5 else material.chats)
    phrase = " ".join(chance.choice(material.words) for _ in range(chance.randint(1, 3)))
    rule = chance.choice(WORDINGS["rules"][kind]).format(phrase)
    return [{"role": "system", "content": rule}, *turn(row["user"], ruled(kind, phrase, row["assistant"]))]


def ruled(kind: str, phrase: str, answer: str) -> str:
    """Return an answer that obeys a rule.

    >>> [ruled(kind, "my friend", "Bees make honey.") for kind in ("upper", "end", "start", "one")]
    ['BEES MAKE HONEY.', 'Bees make honey, my friend.', 'my friend, bees make honey.', 'Honey.']
    """
    bare = answer.rstrip(".!?")
    return {
        "upper": answer.upper(),
        "lower": answer.lower(),
        "end": f"{bare}, {phrase}.",
        "start": f"{phrase}, {answer[:1].lower()}{answer[1:]}",
        "one": capital(bare.split()[-1]) + ".",
    }[kind]


def sums(material: Material, chance: random.Random) -> Conversation:
    """A sum, answered at once or with written steps."""
    largest = chance.choice((9, 20, 99, 99, 99))
    a, b = chance.randint(1, largest), chance.randint(1, largest)
    question = chance.choice(WORDINGS["sum_questions"]).format(a=a, b=b)
    if chance.random() < 0.5:
        return turn(question, str(a + b))
    tens, ones = a // 10 * 10 + b // 10 * 10, a % 10 + b % 10
    steps = f"{a // 10 * 10} + {b // 10 * 10} = {tens}. {a % 10} + {b % 10} = {ones}. {tens} + {ones} = {a + b}. The answer is {a + b}."
    return turn(f"{question} {chance.choice(WORDINGS['step_endings'])}", steps)


Task = Callable[[Material, random.Random], Conversation]
TASKS: dict[Task, tuple[float, ...]] = {  # weight in each stage of the training
    profile: (1, 10, 4, 2, 2, 2),
    coding: (0, 20, 8, 4, 4, 4),
    several: (0, 36, 24, 17, 14, 15),
    yes_no: (0, 16, 20, 16, 16, 21),
    choice: (0, 18, 16, 15, 18, 28),
    stance: (0, 0, 0, 5, 0, 4),
    with_examples: (0, 0, 0, 4, 0, 6),
    fact: (0, 0, 0, 8, 4, 9),
    reading: (0, 0, 0, 5, 2, 5),
    rewrite: (0, 0, 0, 5, 4, 8),
    chat: (0, 0, 0, 5, 1, 4),
    persona: (0, 0, 0, 9, 6, 12),
    sums: (0, 0, 0, 3, 0, 3),
    named: (0, 0, 28, 4, 3, 4),
    copying: (0, 0, 0, 0, 40, 4),
}
LAST = 5  # the stage in which all tasks are mixed


def draw(material: Material, chance: random.Random, stage: int = LAST) -> Conversation:
    """Return one conversation of a task drawn by its weight in a stage, 0 to LAST."""
    task = chance.choices(list(TASKS), weights=[weights[stage] for weights in TASKS.values()])[0]
    return task(material, chance)
