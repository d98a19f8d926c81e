"""The head on frozen vectors, on made-up vectors that need no encoder."""

import numpy as np
import pandas as pd
import pytest
import torch

from workshop_lib import classify, embeddings, errors
from workshop_lib.classify import heads


def made(rows: int, seed: int) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Rows whose label one direction of the vectors tells, with some noise."""
    chance = np.random.default_rng(seed)
    labels = ["no" if number % 2 else "yes" for number in range(rows)]
    texts = [f"text {seed} {number}" for number in range(rows)]
    vectors = chance.normal(size=(rows, 24)).astype(np.float32)
    vectors[:, 0] += np.where(np.array(labels) == "yes", 1.5, -1.5)
    return pd.DataFrame({"text": texts, "label": labels}), dict(zip(texts, vectors, strict=True))


TRAIN, FOR_TRAIN = made(300, 0)
VALID, FOR_VALID = made(100, 1)
FEATURES = {**FOR_TRAIN, **FOR_VALID}


@pytest.fixture
def no_encoder(monkeypatch):
    """No test here may wake the encoder unless it means to."""

    def fail(texts):
        raise AssertionError(f"the encoder was asked for {len(texts)} texts")

    monkeypatch.setattr(embeddings, "sentence_vectors", fail)


def test_a_head_learns_and_has_the_methods_of_a_classifier(no_encoder):
    head = heads.train_head(TRAIN, features=FEATURES, learning_rate=1e-2)
    assert head.evaluate(VALID).loc["accuracy", "F1"] > 0.85
    assert head.labels == ["no", "yes"]
    assert head.rows == 300
    probabilities = head.predict_proba(VALID["text"])
    assert probabilities.shape == (100, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert [head.labels[i] for i in probabilities.argmax(axis=1)] == head.predict(VALID["text"])
    assert head.predict([]) == []
    assert head.predict_proba([]).shape == (0, 2)


def test_the_seed_decides_and_nothing_else_is_disturbed(no_encoder):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one = heads.train_head(TRAIN, features=FEATURES, seed=3, epochs=3)
    assert torch.equal(torch.rand(3), expected)  # the random numbers of the rest stay as they were
    two, other = (heads.train_head(TRAIN, features=FEATURES, seed=seed, epochs=3) for seed in (3, 4))
    np.testing.assert_array_equal(one.predict_proba(VALID["text"]), two.predict_proba(VALID["text"]))
    assert not np.allclose(one.predict_proba(VALID["text"]), other.predict_proba(VALID["text"]))


def test_with_validation_rows_the_best_epoch_is_kept(no_encoder):
    head = heads.train_head(TRAIN, features=FEATURES, valid=VALID, learning_rate=0.05, epochs=12)
    assert list(head.history.columns) == ["epoch", "train_loss", "valid_loss", "valid_macro_f1"]
    assert list(head.history["epoch"]) == list(range(1, 13))
    best = head.history["valid_macro_f1"].max()
    assert head.evaluate(VALID).loc["macro", "F1"] == pytest.approx(best)


def test_after_epoch_may_stop_the_training(no_encoder):
    seen = []

    def watch(row):
        seen.append(row["epoch"])
        if len(seen) == 2:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        heads.train_head(TRAIN, features=FEATURES, after_epoch=watch)
    assert seen == [1, 2]


def test_the_encoder_reads_only_what_is_missing(monkeypatch):
    asked = []

    def vectors(texts):
        asked.extend(texts)
        return np.stack([FEATURES[text] for text in texts])

    monkeypatch.setattr(embeddings, "sentence_vectors", vectors)
    known = {text: FOR_TRAIN[text] for text in TRAIN["text"][:290]}
    heads.train_head(TRAIN, features=known, epochs=1)
    assert asked == list(TRAIN["text"][290:])
    assert len(known) == 290  # the table that was given stays as it was
    asked.clear()
    assert set(heads.frozen_vectors([*VALID["text"], VALID["text"][0]])) == set(VALID["text"])
    assert len(asked) == 100  # a text that comes twice is read once


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"lr": 1}, "no setting 'lr'.*learning_rate"), ({"epochs": 0}, "epochs is 0"), ({"hidden": -1}, "above 0")],
)
def test_bad_settings_are_explained(settings, message):
    with pytest.raises(errors.BadInputError, match=message):
        heads.train_head(TRAIN, features=FEATURES, **settings)


def test_bad_tables_are_explained():
    with pytest.raises(errors.BadInputError, match="at least two labels"):
        heads.train_head(TRAIN[TRAIN["label"] == "yes"], features=FEATURES)
    with pytest.warns(classify.LeakWarning):
        heads.train_head(TRAIN, features=FEATURES, valid=TRAIN.head(10), epochs=1)


def test_constant_numbers_do_no_harm():
    flat = {text: np.append(vector, np.float32(1)) for text, vector in FEATURES.items()}
    head = heads.train_head(TRAIN, features=flat, learning_rate=1e-2)
    assert np.isfinite(head.predict_proba(VALID["text"])).all()


def test_the_four_patients_differ_as_their_names_say(no_encoder):
    cases = heads.spoilt(TRAIN, VALID, features=FEATURES)
    assert list(cases) == ["A", "B", "C", "D"]
    rates = {case.settings.learning_rate for case in cases.values()}
    assert len(rates) == 4
    fewest = min(cases.values(), key=lambda case: case.rows)
    assert fewest.rows == heads.FEW
    assert fewest.settings.learning_rate not in (min(rates), max(rates))
    assert all(case.settings.epochs == 20 for case in cases.values())  # so that the panels can be compared
    slow = min(cases.values(), key=lambda case: case.settings.learning_rate).history
    assert slow["train_loss"].iloc[-1] > 0.8 * slow["train_loss"].iloc[0]
