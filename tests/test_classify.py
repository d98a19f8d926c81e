"""Fine-tuning, baselines, tables and cross-validation, on small made-up tasks."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from workshop_lib import classify, errors
from workshop_lib.classify import checkpoints, fine_tuning, tables
from workshop_lib.texts import CutTextWarning

FOOD = "soup bread cheese apple noodles rice cake salad".split()
SPORT = "match goal team race tennis swimming coach referee".split()


def made(rows: int = 80, seed: int = 0) -> pd.DataFrame:
    """Rows whose label is told by one word among others."""
    chance = np.random.default_rng(seed)
    found = []
    for number in range(rows):
        label, words = (("food", FOOD), ("sport", SPORT))[number % 2]
        found.append({"text": f"Today we talk about {chance.choice(words)} number {number}", "label": label})
    return pd.DataFrame(found)


@pytest.fixture(scope="module")
def tuned():
    return classify.fine_tune(made(), epochs=3, learning_rate=3e-4, progress=False)


# ── Fine-tuning ──────────────────────────────────────────────────────────────────────────


def test_a_fine_tuned_encoder_learns_and_generalises(tuned):
    test = made(40, seed=1)
    assert np.mean(np.array(tuned.predict(test["text"])) == test["label"]) > 0.9
    assert tuned.labels == ["food", "sport"]


def test_probabilities_are_of_the_labels_in_order(tuned):
    texts = ["The coach was angry.", "Hot soup with bread.", ""]
    probabilities = tuned.predict_proba(texts)
    assert probabilities.shape == (3, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert [tuned.labels[i] for i in probabilities.argmax(axis=1)] == tuned.predict(texts)
    assert tuned.predict_proba([]).shape == (0, 2)


def test_order_and_batches_do_not_change_a_probability(tuned):
    texts = ["soup", "a goal in the last minute of a very long match", "bread and cheese " * 9]
    alone = np.concatenate([tuned.predict_proba([text]) for text in texts])
    np.testing.assert_allclose(tuned.predict_proba(texts), alone, atol=1e-5)
    np.testing.assert_allclose(tuned.predict_proba(texts[::-1]), alone[::-1], atol=1e-5)


def test_a_saved_classifier_says_the_same(tuned, tmp_path):
    from transformers import pipeline

    folder = tuned.save(tmp_path / "kept")
    again = classify.Classifier.load(folder)
    texts = list(made(10, seed=2)["text"])
    np.testing.assert_allclose(again.predict_proba(texts), tuned.predict_proba(texts), atol=1e-6)
    assert again.settings == tuned.settings
    other = pipeline("text-classification", model=str(folder))(texts[:3])
    assert [row["label"] for row in other] == tuned.predict(texts[:3])
    with pytest.raises(errors.MissingFileError, match="classifier.save"):
        classify.Classifier.load(tmp_path / "gone")


def test_same_seed_same_classifier():
    one, two = (classify.fine_tune(made(24), base="scratch", epochs=1, progress=False, seed=5) for _ in range(2))
    texts = list(made(5)["text"])
    np.testing.assert_array_equal(one.predict_proba(texts), two.predict_proba(texts))


@pytest.mark.parametrize("stop_at", [1, 4, 7])
def test_a_killed_run_goes_on_to_the_same_result(stop_at, tmp_path, monkeypatch):
    settings = {"base": "scratch", "epochs": 3, "batch_size": 8, "progress": False, "valid": 0.25}
    unbroken = classify.fine_tune(made(40), **settings)
    whole_step = fine_tuning.Run._step

    class Killed(Exception):
        pass

    def dies(run, rows):
        if run.step == stop_at:
            raise Killed
        return whole_step(run, rows)

    monkeypatch.setattr(checkpoints, "SECONDS", 0)
    monkeypatch.setattr(fine_tuning.Run, "_step", dies)
    with pytest.raises(Killed):
        classify.fine_tune(made(40), checkpoint=tmp_path / "run", **settings)
    monkeypatch.setattr(fine_tuning.Run, "_step", whole_step)
    resumed = classify.fine_tune(made(40), checkpoint=tmp_path / "run", **settings)
    texts = list(made(6, seed=3)["text"])
    np.testing.assert_allclose(resumed.predict_proba(texts), unbroken.predict_proba(texts), atol=1e-6)
    assert list(resumed.history["valid_macro_f1"]) == pytest.approx(list(unbroken.history["valid_macro_f1"]))


def test_a_checkpoint_of_other_data_or_settings_is_refused(tmp_path):
    settings = {"base": "scratch", "epochs": 1, "progress": False, "checkpoint": tmp_path / "run"}
    classify.fine_tune(made(16), **settings)
    with pytest.raises(errors.SettingError, match="learning_rate.*another folder"):
        classify.fine_tune(made(16), learning_rate=1e-3, **settings)
    with pytest.raises(errors.SettingError, match="the training data"):
        classify.fine_tune(made(18), **settings)


def test_a_full_disk_does_not_stop_the_training(tmp_path, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.warns(UserWarning, match="No space left.*training goes on"):
        found = classify.fine_tune(made(16), base="scratch", epochs=1, progress=False, checkpoint=tmp_path / "run")
    assert found.finished
    assert not list((tmp_path / "run").iterdir())


def test_an_interrupt_returns_what_there_is(monkeypatch):
    whole_step = fine_tuning.Run._step

    def interrupted(run, rows):
        if run.step == 2:
            raise KeyboardInterrupt
        return whole_step(run, rows)

    monkeypatch.setattr(fine_tuning.Run, "_step", interrupted)
    with pytest.warns(UserWarning, match="Interrupted at step 2"):
        found = classify.fine_tune(made(40), base="scratch", epochs=2, batch_size=8, progress=False)
    assert not found.finished
    assert len(found.predict(["soup"])) == 1


def test_training_stops_early_and_keeps_the_best_epoch(monkeypatch):
    scores = iter([0.5, 0.9, 0.6, 0.4, 0.3])
    real = fine_tuning.per_class

    def planned(*args):
        table = real(*args)
        table.loc["macro", "F1"] = next(scores)
        return table

    monkeypatch.setattr(fine_tuning, "per_class", planned)
    found = classify.fine_tune(made(24), base="scratch", epochs=5, valid=0.25, patience=2, progress=False)
    assert list(found.history["valid_macro_f1"]) == [0.5, 0.9, 0.6, 0.4]


def test_batches_hold_every_row_once_and_differ_by_epoch():
    settings = classify.Settings(batch_size=8)
    lengths = list(np.random.default_rng(0).integers(3, 60, 203))
    first, second = (fine_tuning.epoch_batches(lengths, settings, epoch) for epoch in (0, 1))
    assert sorted(row for batch in first for row in batch) == list(range(203))
    assert first != second
    spread = [max(lengths[row] for row in batch) - min(lengths[row] for row in batch) for batch in first]
    assert np.median(spread) < 12


def test_class_weights_help_a_rare_label():
    run = fine_tuning.Run(
        made(40), None, "text", "label", ["food", "sport"], classify.Settings(base="scratch", class_weights=True), None, False
    )
    assert run.weights.tolist() == [1, 1]
    rare = pd.concat([made(40).query("label == 'food'"), made(40).query("label == 'sport'").head(5)])
    run = fine_tuning.Run(rare, None, "text", "label", ["food", "sport"], classify.Settings(base="scratch", class_weights=True), None, False)
    assert run.weights.tolist() == pytest.approx([25 / 40, 25 / 10])


def test_any_role_or_folder_serves_as_base(tuned, tmp_path):
    folder = tuned.save(tmp_path / "base")
    found = classify.fine_tune(made(16), base=str(folder), epochs=1, progress=False)
    assert found.labels == ["food", "sport"]
    with pytest.raises(errors.OfflineError, match="no role of the course"):
        classify.fine_tune(made(16), base=str(tmp_path / "nothing"), epochs=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.rename(columns={"text": "tweet"}), "no column 'text'"),
        (lambda t: t.assign(label=None), "80 of 80 rows have no text or no label"),
        (lambda t: t.assign(label="food"), "All 80 rows have the label 'food'"),
        (lambda t: t.assign(text=1), "80 texts in the column 'text' are no strings"),
        (lambda t: t.head(0), "no rows"),
    ],
)
def test_a_bad_table_gets_an_error_that_says_what_to_do(change, message):
    with pytest.raises(errors.BadInputError, match=message):
        classify.fine_tune(change(made()), base="scratch", progress=False)


def test_bad_settings():
    with pytest.raises(errors.BadInputError, match="no setting 'epoch'"):
        classify.fine_tune(made(), epoch=3)
    with pytest.raises(errors.BadInputError, match="epochs is 0"):
        classify.fine_tune(made(), epochs=0)


def test_labels_may_be_numbers_and_texts_anything():
    rows = made(16)
    rows["label"] = [1.0, 0.0] * 8
    rows.loc[0, "text"] = ""
    rows.loc[1, "text"] = "word " * 10_000
    rows.loc[2, "text"] = "🎉🎉 مرحبا بالعالم"
    with pytest.warns(CutTextWarning, match="1 of 16 texts"):
        found = classify.fine_tune(rows, base="scratch", epochs=1, progress=False)
    assert found.labels == ["0", "1"]
    assert set(found.predict(rows["text"])) <= {"0", "1"}


def test_copies_across_the_split_are_reported():
    rows = made(16)
    with pytest.warns(classify.LeakWarning, match="2 texts stand in the training rows"):
        classify.fine_tune(rows, base="scratch", epochs=1, valid=rows.head(2), progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tables.checked_table(made(4, seed=9).assign(text=list("abcd")), "text", "label", other=rows)


# ── Attribution ──────────────────────────────────────────────────────────────────────────


def test_attributions_add_up_and_name_the_telling_word(tuned):
    found = classify.attributions(tuned, "Today we talk about cheese number 3", steps=100)
    assert found.attrs["label"] == "food"
    assert abs(found.attrs["gap"]) < 0.15 * abs(found.attrs["difference"])
    assert found.loc[found["attribution"].idxmax(), "token"] == "cheese"
    with pytest.raises(errors.UnknownNameError, match="Did you mean 'sport'"):
        classify.attributions(tuned, "soup", label="sports")


# ── Baselines ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", sorted(set(classify.BASELINES) - {"vader", "opinion words"}))
def test_every_baseline_has_the_classifier_methods(name):
    train, test = made(60), made(20, seed=1)
    found = classify.baseline(name, train)
    probabilities = found.predict_proba(test["text"])
    assert probabilities.shape == (20, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert found.evaluate(test).loc["accuracy", "F1"] >= (0.5 if name == "majority" else 0.8)
    assert found.predict([]) == []


def test_lexicons_know_tones_without_training():
    rows = pd.DataFrame(
        {"text": ["I love this, it is wonderful!", "What a horrible, stupid idea.", "The train leaves at nine."] * 2,
         "label": ["positive", "negative", "neutral"] * 2}
    )  # fmt: skip
    for name in ("vader", "opinion words"):
        assert classify.baseline(name, rows).predict(rows["text"]) == list(rows["label"])
    yes_no = rows.assign(label=["no", "yes", "no"] * 2)
    assert classify.baseline("vader", yes_no).predict(rows["text"]) == list(yes_no["label"])
    with pytest.raises(errors.BadInputError, match="Say which is which"):
        classify.baseline("vader", rows.assign(label=["a", "b", "c"] * 2))


def test_an_unknown_baseline_is_named():
    with pytest.raises(errors.UnknownNameError, match="Did you mean 'SVM, tf-idf'"):
        classify.baseline("svm, tf-idf", made())


def test_best_single_word_is_found_on_the_training_rows():
    train = pd.DataFrame({"text": ["vote now", "vote today", "eat now", "eat today"], "label": ["yes", "yes", "no", "no"]})
    word, score = classify.best_single_word(train, train, "text", "label")
    assert word in ("vote", "eat")
    assert score == 1


# ── Measures ─────────────────────────────────────────────────────────────────────────────


def test_table_by_label_agrees_with_counts_by_hand():
    truth = ["a"] * 6 + ["b"] * 4
    said = ["a"] * 5 + ["b"] + ["b"] * 2 + ["a"] * 2
    table = classify.per_class(truth, said, ["a", "b"])
    assert table.loc["a", "precision"] == pytest.approx(5 / 7)
    assert table.loc["a", "recall"] == pytest.approx(5 / 6)
    assert table.loc["b", "precision"] == pytest.approx(2 / 3)
    assert table.loc["macro", "recall"] == pytest.approx((5 / 6 + 2 / 4) / 2)
    assert table.loc["weighted", "recall"] == pytest.approx(table.loc["accuracy", "F1"])
    with pytest.raises(errors.BadInputError, match="10 true and 9 predicted"):
        classify.per_class(truth, said[1:], ["a", "b"])


def test_mcnemar_counts_only_rows_where_one_is_right():
    truth, first, second = ["x"] * 20, ["x"] * 15 + ["y"] * 5, ["x"] * 5 + ["y"] * 15
    found = classify.mcnemar(truth, first, second)
    assert (found.only_first, found.only_second) == (10, 0)
    assert found.p == pytest.approx(2 * 0.5**10)
    assert classify.mcnemar(truth, first, first).p == 1


def test_calibration_error_of_a_boaster_and_of_an_honest_one():
    labels = ["a", "b"]
    truth = ["a"] * 60 + ["b"] * 40
    honest = np.tile([0.6, 0.4], (100, 1))
    boaster = np.tile([1.0, 0.0], (100, 1))
    assert classify.calibration(truth, honest, labels).attrs["ece"] == pytest.approx(0)
    assert classify.calibration(truth, boaster, labels).attrs["ece"] == pytest.approx(0.4)
    with pytest.raises(errors.BadInputError, match="shape"):
        classify.calibration(truth, honest[:5], labels)


def test_errors_by_group():
    table = pd.DataFrame({"label": list("aabb"), "party": ["x", "x", "y", "y"]})
    found = classify.errors_by(table, "party", list("aaab"))
    assert found.loc["x", "accuracy"] == 1
    assert found.loc["y", "most frequent error"] == "b → a (1)"
    assert (found["low"] <= found["accuracy"]).all()


# ── Cross-validation ─────────────────────────────────────────────────────────────────────


def test_cross_validation_tests_each_row_once_with_the_same_folds():
    table = made(60).set_index(pd.Index(range(100, 160)))
    found = classify.cross_validate(table, {"majority": "majority", "words": "logistic, tf-idf"}, folds=3)
    assert list(found.index) == ["majority", "words"]
    assert found.loc["majority", "accuracy mean"] == pytest.approx(0.5)
    assert found.loc["words", "F1 mean"] > 0.8
    predictions = found.attrs["predictions"]
    assert list(predictions.index) == list(table.index)
    assert predictions.notna().all().all()
    assert found.attrs["folds"].groupby("model").size().tolist() == [3, 3]


def test_paired_differences_have_the_corrected_interval():
    table = made(60)
    found = classify.cross_validate(table, {"majority": "majority", "words": "logistic, tf-idf"}, folds=4)
    by_fold = found.attrs["folds"].pivot(index="fold", columns="model", values="F1")
    differences = by_fold["words"] - by_fold["majority"]
    row = classify.paired_differences(found, "words").loc["majority"]
    assert row["difference"] == pytest.approx(differences.mean())
    from scipy.stats import t

    width = t.ppf(0.975, 3) * np.sqrt(differences.var() * (1 / 4 + 1 / 3))
    assert row["high"] - row["difference"] == pytest.approx(width)
    with pytest.raises(errors.UnknownNameError, match="Did you mean 'words'"):
        classify.paired_differences(found, "word")


def test_a_function_is_a_model_and_groups_stay_together():
    table = made(40)
    table["copy"] = np.arange(40) // 2 % 10
    seen = []

    def recorded(train):
        seen.append(set(table.loc[train.index, "copy"]))
        return classify.baseline("majority", train)

    classify.cross_validate(table, recorded, folds=5, group="copy")
    assert len(seen) == 5
    assert all(len(groups) == 8 for groups in seen)


def test_too_many_folds_and_an_unknown_model():
    with pytest.raises(errors.BadInputError, match="Choose 2 to 4 folds"):
        classify.cross_validate(made(8), "majority", folds=5)
    with pytest.raises(errors.UnknownNameError, match="no model 'forest'"):
        classify.cross_validate(made(8), "forest", folds=2)


def test_cross_validation_of_one_label():
    found = classify.cross_validate(made(60), "majority", folds=3, of="sport")
    assert set(found.attrs["folds"]["recall"]) <= {0.0, 1.0}  # it gives all rows one label
    with pytest.raises(errors.UnknownNameError, match="no scores of 'sports'. Did you mean 'sport'"):
        classify.cross_validate(made(60), "majority", folds=3, of="sports")
