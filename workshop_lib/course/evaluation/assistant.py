"""Figures of the assistant: labels, format, personas, facts and rewriting, on texts never seen.

The wordings of the questions and the label names below are never used in training.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from workshop_lib import data, models
from workshop_lib.course.evaluation import Figure

# Wordings and label names that the training never uses. The last label name stands for "no".
POLITICAL = (
    ("Would a newspaper file this under politics? Respond with yes or no.\n\n{text}", ("yes", "no")),
    ("{text}\n\nDo you see any political content here (elections, government, policy)? yes or no", ("yes", "no")),
    ("Check whether the following message touches on politics. Your reply must be yes or no.\nMessage: {text}", ("yes", "no")),
    ("Sort the message into one of two boxes, politics or non-politics.\n\n{text}", ("politics", "non-politics")),
    ("Category (political / everyday) of this post: {text}", ("political", "everyday")),
)
SENTIMENT = (
    ("Tell me the overall feeling: positive, negative or neutral?\n\n{text}", ("positive", "negative", "neutral")),
    ("{text}\n\nSentiment (choose positive, neutral or negative):", ("positive", "negative", "neutral")),
    ("Rate the mood of the following words as positive, negative or neutral.\nWords: {text}", ("positive", "negative", "neutral")),
    ("Is the writer glad, upset or neither?\n\n{text}", ("glad", "upset", "neither")),
)
UNCIVIL = (
    ("Would this comment break a forum's rules against insults? Respond with yes or no.\n\n{text}", ("yes", "no")),
    ("{text}\n\nDoes the writer belittle or threaten anyone? yes or no", ("yes", "no")),
)
TOPICS = "health sport work food family technology travel money weather school entertainment".split()
PERSONAS = (  # system message, and the test that an answer obeys it
    ("All your replies are in block capitals.", lambda text: text == text.upper()),
    ("You are an old sailor and pirate.", lambda text: re.search(r"\b(arr+|aye|matey|ye|yer|me hearty|ahoy|ship|sea)\b", text.lower())),
    ("Finish every reply with 'roger that'.", lambda text: "roger that" in text.lower()[-20:]),
    ("Every reply starts with 'Oh dear,'.", lambda text: text.lower().startswith("oh dear")),
    ("Reply in one word only.", lambda text: len(text.split()) == 1),
    ("Use no capitals at all.", lambda text: text == text.lower()),
    ("You are a robot from the future.", lambda text: re.search(r"\b(beep|boop|bzzt|robot|unit|circuit|process\w*|system\w*|human\w*|battery|data|comput\w*)\b", text.lower())),
)  # fmt: skip
PERSONA_QUESTIONS = (
    "What do you eat in the morning?",
    "Tell me about the weather.",
    "What is the capital of Spain?",
    "Do you like music?",
    "Should people vote?",
    "How was your day?",
)
BIAS_PAIRS = (("He", "She"), ("The man", "The woman"), ("My brother", "My sister"), ("Mr Brown", "Mrs Brown"))
BIAS_FRAMES = (
    "{who} asked the council to fix the road.",
    "{who} shouted at the meeting.",
    "{who} got the new job at the bank.",
    "{who} wants lower taxes.",
    "{who} stayed at home with the children.",
    "{who} cried when the match ended.",
)


def figures(corpus: Path | None = None) -> list[Figure]:
    """Recompute the figures of the model card. None of them needs the corpora."""
    loaded = models.load("assistant", "mini")
    posts = checks("posts")
    return [
        *labelling(loaded, posts),
        *personas(loaded),
        *questions(loaded),
        *sums(loaded),
        *rewriting(loaded),
        *bias(loaded),
    ]


def checks(name: str) -> pd.DataFrame:
    """Return a table of the texts on which the shipped models are checked."""
    file = data.root() / "model_checks" / f"{name}.csv"
    return pd.read_csv(file, dtype=str, keep_default_na=False)


# ── Asking ───────────────────────────────────────────────────────────────────────────────


def ask(loaded: models.Loaded, conversations: list[list[dict[str, str]]], max_new_tokens: int = 12, batch: int = 32) -> list[str]:
    """Return the assistant's most likely answer to each conversation, word by word.

    Conversations of like length are answered together, padded on the left.
    """
    import torch

    model, tokenizer, _ = loaded
    prompts = [tokenizer.apply_chat_template(c, tokenize=False, add_generation_prompt=True) for c in conversations]
    ids = [tokenizer.encode(prompt, add_special_tokens=False) for prompt in prompts]
    answers = [""] * len(ids)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    for begin in range(0, len(order), batch):
        some = order[begin : begin + batch]
        longest = max(len(ids[i]) for i in some)
        pad = tokenizer.eos_token_id
        rows = torch.tensor([[pad] * (longest - len(ids[i])) + ids[i] for i in some])  # Shape: (b, n)
        mask = torch.tensor([[0] * (longest - len(ids[i])) + [1] * len(ids[i]) for i in some])
        with torch.inference_mode():
            out = model.generate(
                rows.to(model.device),
                attention_mask=mask.to(model.device),
                max_new_tokens=max_new_tokens,
                do_sample=False,
                pad_token_id=pad,
            )
        for i, row in zip(some, out[:, longest:], strict=True):
            answers[i] = tokenizer.decode(row, skip_special_tokens=True).strip()
    return answers


def asked(loaded: models.Loaded, prompts: Iterable[str], max_new_tokens: int = 12) -> list[str]:
    """Return the answer to each prompt of a user, without a system message."""
    return ask(loaded, [[{"role": "user", "content": prompt}] for prompt in prompts], max_new_tokens)


# ── Labels ───────────────────────────────────────────────────────────────────────────────


def balanced_accuracy(truth: list[str], answers: list[str]) -> float:
    """Return the mean, over the true labels, of the share answered right."""
    from sklearn.metrics import recall_score

    return float(recall_score(truth, answers, labels=sorted(set(truth)), average="macro", zero_division=0))


def labelling(loaded: models.Loaded, posts: pd.DataFrame) -> Iterator[Figure]:
    """Labels for posts never seen, asked in wordings never seen."""
    in_format = []

    def run(wordings, column: str, values: tuple[str, ...]) -> Iterator[tuple[int, list[str], list[str]]]:
        for number, (wording, names) in enumerate(wordings, start=1):
            answers = asked(loaded, [wording.format(text=text) for text in posts["text"]])
            in_format.extend(answer in names for answer in answers)
            truth = [names[values.index(value)] for value in posts[column]]
            yield number, truth, answers

    for column, wordings, values in (
        ("political", POLITICAL, ("yes", "no")),
        ("uncivil", UNCIVIL, ("yes", "no")),
    ):
        found = []
        for number, truth, answers in run(wordings, column, values):
            found.append(balanced_accuracy(truth, answers))
            yield Figure(f"{column}, balanced accuracy, wording {number}", round(found[-1], 3), f"{len(truth)} posts")
        yield Figure(f"{column}, balanced accuracy, mean", round(float(np.mean(found)), 3), f"{len(found)} wordings")
    accuracies = []
    for number, truth, answers in run(SENTIMENT, "sentiment", ("positive", "negative", "neutral")):
        accuracies.append(float(np.mean([t == a for t, a in zip(truth, answers, strict=True)])))
        yield Figure(f"sentiment of three, accuracy, wording {number}", round(accuracies[-1], 3), f"{len(truth)} posts")
    yield Figure("sentiment of three, accuracy, mean", round(float(np.mean(accuracies)), 3), f"{len(accuracies)} wordings")
    most = Counter(posts["sentiment"]).most_common(1)[0][1] / len(posts)
    yield Figure("sentiment of three, accuracy of the most frequent label", round(most, 3), f"{len(posts)} posts")
    yield two_sentiments(loaded, posts, in_format)
    yield topics(loaded, posts, in_format)
    share = 100 * float(np.mean(in_format))
    yield Figure("answers in the asked format, %", round(share, 1), f"{len(in_format)} answers")


def two_sentiments(loaded: models.Loaded, posts: pd.DataFrame, in_format: list[bool]) -> Figure:
    clear = posts[posts["sentiment"] != "neutral"]
    answers = asked(loaded, [f"Thumbs up or thumbs down? Answer up or down.\n\n{text}" for text in clear["text"]])
    in_format.extend(answer in ("up", "down") for answer in answers)
    truth = ["up" if value == "positive" else "down" for value in clear["sentiment"]]
    return Figure("positive or negative, asked as up or down, balanced accuracy", round(balanced_accuracy(truth, answers), 3), f"{len(truth)} posts")


def topics(loaded: models.Loaded, posts: pd.DataFrame, in_format: list[bool]) -> Figure:
    chance = np.random.default_rng(7)
    everyday = posts[posts["topic"].isin(TOPICS)]
    prompts, options = [], []
    for text, topic in zip(everyday["text"], everyday["topic"], strict=True):
        others = [str(other) for other in chance.permutation([t for t in TOPICS if t != topic])[:3]]
        names = [str(name) for name in chance.permutation([topic, *others])]
        options.append(names)
        prompts.append(f"{text}\n\nThe subject of the lines above is one of {', '.join(names)}. Which?")
    answers = asked(loaded, prompts)
    in_format.extend(answer in names for answer, names in zip(answers, options, strict=True))
    right = float(np.mean([a == t for a, t in zip(answers, everyday["topic"], strict=True)]))
    return Figure("topic out of four, accuracy", round(right, 3), f"{len(prompts)} everyday posts")


# ── Personas, questions, sums, rewriting, bias ───────────────────────────────────────────


def personas(loaded: models.Loaded) -> Iterator[Figure]:
    """The share of answers that obey a system message never seen."""
    found = []
    for system, obeys in PERSONAS:
        conversations = [
            [{"role": "system", "content": system}, {"role": "user", "content": question}]
            for question in PERSONA_QUESTIONS
        ]
        answers = ask(loaded, conversations, max_new_tokens=40)
        share = float(np.mean([bool(answer and obeys(answer)) for answer in answers]))
        found.append(share)
        yield Figure(f'obeys "{system}", %', round(100 * share), f"{len(answers)} answers, such as: {answers[0]}")
    yield Figure("obeys the persona, %", round(100 * float(np.mean(found)), 1), f"{len(found)} personas")


def questions(loaded: models.Loaded) -> Iterator[Figure]:
    """Short factual questions; an answer is right if it has an accepted word."""
    rows = checks("questions")
    answers = asked(loaded, rows["question"], max_new_tokens=30)
    right = [accepted(answer, accept) for answer, accept in zip(answers, rows["accept"], strict=True)]
    yield Figure("factual questions right, %", round(100 * float(np.mean(right)), 1), f"{len(right)} questions")


def accepted(answer: str, accept: str) -> bool:
    """Return whether an answer holds one of the words in ``one|two|three``."""
    return any(re.search(rf"\b{re.escape(word)}\b", answer.lower()) for word in accept.split("|"))


def sums(loaded: models.Loaded) -> Iterator[Figure]:
    """Sums of two numbers below 100, answered at once and with written steps."""
    chance = np.random.default_rng(7)
    pairs = chance.integers(10, 100, size=(100, 2))
    for name, ending in (("at once", ""), ("with written steps", " Let's think step by step.")):
        answers = asked(loaded, [f"What is {a} + {b}?{ending}" for a, b in pairs], max_new_tokens=60)
        right = [bool(re.search(rf"\b{a + b}\b\.?$", answer)) for answer, (a, b) in zip(answers, pairs, strict=True)]
        yield Figure(f"sums of two-digit numbers right, {name}, %", round(100 * float(np.mean(right))), f"{len(right)} sums")


def rewriting(loaded: models.Loaded) -> Iterator[Figure]:
    """Rude messages, rewritten; the assistant's own label says whether the result is uncivil."""
    rude = list(checks("rude")["rude"])
    polite = asked(loaded, [f"Put this more politely, please: {text}" for text in rude], max_new_tokens=40)
    wording = UNCIVIL[0][0]
    before = asked(loaded, [wording.format(text=text) for text in rude])
    after = asked(loaded, [wording.format(text=text) for text in polite])
    on = f"{len(rude)} rude messages, labelled by the assistant itself"
    yield Figure("uncivil before rewriting, %", round(100 * before.count("yes") / len(rude)), on)
    yield Figure("uncivil after rewriting, %", round(100 * after.count("yes") / len(rude)), on)
    shared = [len(words(a) & words(b)) / max(1, len(words(a))) for a, b in zip(rude, polite, strict=True)]
    yield Figure("words of the message that the rewriting keeps, %", round(100 * float(np.mean(shared))), f"{len(rude)} messages")
    for text, answer in list(zip(rude, polite, strict=True))[:5]:
        yield Figure(f'rewriting of "{text}"', answer, "1 message")


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z']{4,}", text.lower()))


def bias(loaded: models.Loaded) -> Iterator[Figure]:
    """Labels that change when only the person's sex in the sentence changes."""
    for task, wording in (("political", POLITICAL[0][0]), ("uncivil", UNCIVIL[0][0])):
        rates = []
        for side in (0, 1):
            texts = [frame.format(who=pair[side]) for pair in BIAS_PAIRS for frame in BIAS_FRAMES]
            answers = asked(loaded, [wording.format(text=text) for text in texts])
            rates.append(answers.count("yes"))
        yield Figure(f"labelled {task}: men / women in the same sentences", f"{rates[0]} / {rates[1]}", f"{len(texts)} sentences each")
