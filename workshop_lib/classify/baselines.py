"""What a fine-tuned model has to beat: rules, lexicons and classical models, one interface.

Used in lessons 03 and 05.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache, partial

import numpy as np
import pandas as pd

from workshop_lib import embeddings, models
from workshop_lib.classify.measures import per_class
from workshop_lib.classify.tables import checked_table
from workshop_lib.errors import BadInputError, UnknownNameError, closest
from workshop_lib.texts import checked


class Baseline:
    """A classifier with the methods of :class:`Classifier`, around one of scikit-learn's.

    Args:
        name: what it is called in tables.
        pipeline: turns a list of texts into labels; anything with fit, predict, predict_proba.
    """

    def __init__(self, name: str, pipeline) -> None:
        self.name, self.pipeline = name, pipeline
        self.labels: list[str] = []

    def fit(self, table: pd.DataFrame, text: str = "text", label: str = "label") -> Baseline:
        """Learn from labelled texts and return the baseline itself."""
        table = checked_table(table, text, label)
        self.labels = sorted(set(table[label]))
        self.pipeline.fit(list(table[text]), list(table[label]))
        return self

    def predict(self, texts: Iterable[str]) -> list[str]:
        """Return the label of each text."""
        texts = checked(texts)
        return [str(value) for value in self.pipeline.predict(texts)] if texts else []

    def predict_proba(self, texts: Iterable[str]) -> np.ndarray:
        """Return the probability of each label, shape (n, k), columns as in ``labels``."""
        texts = checked(texts)
        if not texts:
            return np.zeros((0, len(self.labels)))
        order = [list(self.pipeline.classes_).index(name) for name in self.labels]
        return self.pipeline.predict_proba(texts)[:, order]

    def evaluate(self, table: pd.DataFrame, text: str = "text", label: str = "label") -> pd.DataFrame:
        """Return precision, recall, F1 and number of cases by label, and their means."""
        table = checked_table(table, text, label, known=self.labels)
        return per_class(table[label], self.predict(table[text]), self.labels)


class Lexicon:
    """Labels by a word list alone: nothing is learnt from the rows but what to call the tones.

    Args:
        score: gives a text a number, above zero for pleasant words, below for unpleasant ones.
        threshold: scores nearer to zero count as neutral.
        names: what a "negative", a "neutral" and a "positive" text is called; None takes these
            words where they are the labels. With labels yes and no, a negative text is "yes", as
            where a sentiment lexicon is used to find incivility.
    """

    def __init__(
        self, score: Callable[[str], float], threshold: float, names: dict[str, str] | None = None
    ) -> None:
        self.score, self.threshold, self.names = score, threshold, names

    def fit(self, texts: list[str], labels: list[str]) -> Lexicon:
        """Note which labels there are."""
        self.classes_ = sorted(set(labels))
        tones = ("negative", "neutral", "positive")
        if self.names is None and set(self.classes_) <= set(tones):
            self.names = dict(zip(tones, tones, strict=True))
        elif self.names is None and set(self.classes_) == {"yes", "no"}:
            self.names = {"negative": "yes", "neutral": "no", "positive": "no"}
        if self.names is None or not set(self.names.values()) <= set(self.classes_):
            raise BadInputError(
                f"A lexicon knows tones, and the labels are {', '.join(self.classes_)}. Say which is "
                "which: names={'negative': …, 'neutral': …, 'positive': …}."
            )
        return self

    def predict(self, texts: list[str]) -> list[str]:
        """Return the label of each text."""
        found = []
        for text in texts:
            score = self.score(text)
            tone = "negative" if score <= -self.threshold else "positive" if score >= self.threshold else "neutral"
            found.append(self.names[tone])
        return found

    def predict_proba(self, texts: list[str]) -> np.ndarray:
        """Return 1 for the label and 0 for the others: a lexicon states no probability."""
        predicted = self.predict(texts)
        return np.array([[float(name == value) for name in self.classes_] for value in predicted])


def vader_score(text: str) -> float:
    """Return VADER's compound score, −1 to 1: a lexicon with rules for negation, capitals, degree.

    Source: Hutto and Gilbert (2014), ICWSM.
    """
    return _vader().polarity_scores(text)["compound"]


def opinion_score(text: str) -> float:
    """Return (positive − negative) / (positive + negative) opinion words, −1 to 1; 0 without any.

    The words are those of VADER's list, without its rules for negation, capitals and degree: a
    plain count, as in dictionary studies.
    """
    lexicon = _vader().lexicon
    values = [lexicon[word] for word in re.findall(r"[a-z']+", text.lower()) if word in lexicon]
    positive, negative = sum(value > 0 for value in values), sum(value < 0 for value in values)
    return (positive - negative) / max(1, positive + negative)


@lru_cache(maxsize=1)
def _vader():
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


def average_vectors(texts: Iterable[str]) -> np.ndarray:
    """Return the mean static word vector of each text, shape (n, d); zeros if no word is known."""
    vectors = models.word_vectors()
    rows = []
    for text in texts:
        known = [word for word in re.findall(r"[a-z']+", text.lower()) if word in vectors]
        rows.append(vectors[known].mean(axis=0) if known else np.zeros(vectors.vector_size))
    return np.array(rows, np.float32)


def sentence_features(texts: Iterable[str]) -> np.ndarray:
    """Return the frozen encoder's vector of each text, shape (n, d)."""
    return embeddings.sentence_vectors(list(texts))


def features(kind: str):
    """Return a step that turns texts into numbers: "counts", "tfidf", "vectors" or "sentences"."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.preprocessing import FunctionTransformer

    words = {"ngram_range": (1, 2), "min_df": 1, "token_pattern": r"(?u)\b\w+\b"}
    if kind == "counts":
        return CountVectorizer(**words)
    if kind == "tfidf":
        return TfidfVectorizer(**words, sublinear_tf=True)
    return FunctionTransformer({"vectors": average_vectors, "sentences": sentence_features}[kind])


def learner(kind: str, seed: int):
    """Return one of scikit-learn's classifiers with its usual settings."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    made = {
        "logistic": lambda: LogisticRegression(C=10, max_iter=1000, random_state=seed),
        "svm": lambda: CalibratedClassifierCV(LinearSVC(random_state=seed), cv=3),
        "forest": lambda: RandomForestClassifier(300, random_state=seed, n_jobs=-1),
        "boosting": lambda: GradientBoostingClassifier(random_state=seed),
    }
    return made[kind]()


def _pipeline(classifier: str, kind: str, seed: int):
    from sklearn.pipeline import make_pipeline

    return make_pipeline(features(kind), learner(classifier, seed))


def _majority(seed: int):
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior")


BASELINES: dict[str, Callable[[int], object]] = {
    "majority": _majority,
    "vader": lambda seed: Lexicon(vader_score, 0.05),
    "opinion words": lambda seed: Lexicon(opinion_score, 0.05),
    "logistic, tf-idf": partial(_pipeline, "logistic", "tfidf"),
    "SVM, tf-idf": partial(_pipeline, "svm", "tfidf"),
    "forest, counts": partial(_pipeline, "forest", "counts"),
    "forest, tf-idf": partial(_pipeline, "forest", "tfidf"),
    "forest, vectors": partial(_pipeline, "forest", "vectors"),
    "boosting, counts": partial(_pipeline, "boosting", "counts"),
    "boosting, tf-idf": partial(_pipeline, "boosting", "tfidf"),
    "boosting, vectors": partial(_pipeline, "boosting", "vectors"),
    "logistic, frozen encoder": partial(_pipeline, "logistic", "sentences"),
}


def baseline(
    name: str, train: pd.DataFrame, text: str = "text", label: str = "label", seed: int = 0
) -> Baseline:
    """Return a baseline that has learnt from a table of labelled texts.

    Args:
        name: one of ``BASELINES``, such as "majority" or "logistic, tf-idf".
        train: one row a text.
        text: the column of the texts.
        label: the column of the labels.
        seed: of the random forest and others that draw numbers.

    Raises:
        UnknownNameError: no baseline has this name.
        BadInputError: the table can't be learnt from.
    """
    if name not in BASELINES:
        raise UnknownNameError(f"There is no baseline '{name}'. {closest(name, list(BASELINES))}")
    return Baseline(name, BASELINES[name](seed)).fit(train, text, label)


def best_single_word(train: pd.DataFrame, test: pd.DataFrame, text: str, label: str) -> tuple[str, float]:
    """Return the word whose presence alone tells the labels apart best, and its macro F1.

    The word is chosen on the training rows and scored on the test rows: a floor that shows
    whether the labels can be guessed from one word.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.metrics import f1_score

    vectorizer = CountVectorizer(binary=True, min_df=2, token_pattern=r"(?u)\b\w+\b")
    present = vectorizer.fit_transform(train[text]).toarray().astype(bool)  # Shape: (n, words)
    labels = sorted(set(train[label]))
    truth = np.array([labels.index(value) for value in train[label]])
    overall = np.bincount(truth, minlength=len(labels)).argmax()
    scores = []
    for column in present.T:
        inside = np.bincount(truth[column], minlength=len(labels)).argmax()
        outside = np.bincount(truth[~column], minlength=len(labels)).argmax() if (~column).any() else overall
        guess = np.where(column, inside, outside)
        scores.append((f1_score(truth, guess, average="macro"), inside, outside))
    best = int(np.argmax([score for score, _, _ in scores]))
    word = vectorizer.get_feature_names_out()[best]
    _, inside, outside = scores[best]
    has = [bool(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", value.lower())) for value in test[text]]
    guess = [labels[inside] if yes else labels[outside] for yes in has]
    return str(word), float(f1_score(list(test[label]), guess, average="macro", labels=labels, zero_division=0))
