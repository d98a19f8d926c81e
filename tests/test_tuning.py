"""The search for hyperparameters, on a stand-in that trains in no time."""

import multiprocessing
import warnings

import numpy as np
import pandas as pd
import pytest

from workshop_lib import classify, errors, tuning
from workshop_lib.tuning import Between

TRAIN = pd.DataFrame({"text": [f"soup {i}" if i % 2 else f"goal {i}" for i in range(40)], "label": ["food", "sport"] * 20})
VALID = pd.DataFrame({"text": ["a soup", "a goal", "bread", "team"], "label": ["food", "sport", "food", "sport"]})
SPACE = {"learning_rate": Between(1e-5, 1e-2, log=True), "epochs": Between(1, 3)}
called = []


class Known:
    """A stand-in for a classifier whose score is a known function of its settings."""

    finished = True

    def __init__(self, score: float) -> None:
        self.score = score

    def evaluate(self, table, text, label):
        return pd.DataFrame({"F1": [self.score]}, index=["macro"])


def score_of(learning_rate: float) -> float:
    """Return a score that is best at a learning rate of 1e-3."""
    return 1 - abs(np.log10(learning_rate) + 3) / 4


def known(train, valid=None, after_epoch=None, learning_rate=1e-5, epochs=3, seed=0, **rest):
    """Stand in for fine_tune."""
    called.append(learning_rate)
    for epoch in range(1, epochs + 1):
        if after_epoch:
            after_epoch({"epoch": epoch, "valid_macro_f1": score_of(learning_rate)})
    return Known(score_of(learning_rate) + 0.001 * seed)


@pytest.fixture(autouse=True)
def quiet():
    called.clear()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=Warning, module="optuna")
        yield


def test_the_search_comes_close_to_the_best_settings():
    study = tuning.search(TRAIN, VALID, SPACE, trials=30, fit=known)
    assert study.best_value == pytest.approx(score_of(study.best_params["learning_rate"]))
    assert 3e-4 < study.best_params["learning_rate"] < 3e-3
    table = tuning.table(study)
    assert len(table) == 30
    assert set(table["state"]) <= {"complete", "pruned"}
    assert table["seconds"].notna().all()


def test_the_same_seed_tries_the_same_settings():
    one, two = (tuning.table(tuning.search(TRAIN, VALID, SPACE, trials=6, fit=known, seed=3)) for _ in range(2))
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), two.drop(columns="seconds"))


def test_bad_trials_are_pruned_after_their_first_epochs():
    space = {"learning_rate": Between(1e-5, 1e-2, log=True), "epochs": [3]}
    table = tuning.table(tuning.search(TRAIN, VALID, space, trials=30, fit=known))
    pruned, complete = (table[table["state"] == state] for state in ("pruned", "complete"))
    assert len(pruned)
    assert (pruned["epochs run"] < 3).all()
    assert (complete["epochs run"] == 3).all()
    assert pruned["macro F1"].max() < table["macro F1"].max()


@pytest.mark.parametrize("name", ["study.db", "study.log"])
def test_a_stored_search_goes_on_where_it_stopped(name, tmp_path):
    file = tmp_path / "kept" / name
    tuning.search(TRAIN, VALID, SPACE, trials=4, storage=file, fit=known)
    assert len(called) == 4
    study = tuning.search(TRAIN, VALID, SPACE, trials=7, storage=file, fit=known)
    assert len(called) == 7
    assert len(tuning.table(study)) == 7
    tuning.search(TRAIN, VALID, SPACE, trials=7, storage=file, fit=known)
    assert len(called) == 7
    with pytest.raises(errors.SettingError, match="study of other data"):
        tuning.search(TRAIN.head(20), VALID, SPACE, trials=9, storage=file, fit=known)


def take_part(file: str) -> None:
    tuning.search(TRAIN, VALID, SPACE, trials=12, storage=file, fit=known)


def test_several_processes_share_one_study(tmp_path):
    file = str(tmp_path / "shared.log")
    tuning.search(TRAIN, VALID, SPACE, trials=1, storage=file, fit=known)
    processes = [multiprocessing.get_context("spawn").Process(target=take_part, args=(file,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
        assert process.exitcode == 0
    study = tuning.search(TRAIN, VALID, SPACE, trials=12, storage=file, fit=known)
    table = tuning.table(study)
    assert 12 <= len(table) <= 13  # the last trials of two processes may end together
    assert table.index.is_unique


def test_an_interrupt_keeps_the_finished_trials(tmp_path):
    def interrupted(*args, **options):
        if len(called) == 3:
            raise KeyboardInterrupt
        return known(*args, **options)

    file = tmp_path / "study.log"
    with pytest.raises(KeyboardInterrupt):
        tuning.search(TRAIN, VALID, SPACE, trials=6, storage=file, fit=interrupted)
    study = tuning.search(TRAIN, VALID, SPACE, trials=6, storage=file, fit=known)
    done = tuning.table(study)["state"].isin(["complete", "pruned"])
    assert done.sum() == 6
    assert len(called) == 6


def test_the_default_space_has_settings_of_fine_tune():
    assert set(tuning.DEFAULT_SPACE) <= set(classify.Settings.__dataclass_fields__)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"epochs": Between(3, 1)}, "3 to 1.*below"),
        ({"learning_rate": Between(0, 1, log=True)}, "above 0 if log"),
        ({"batch_size": 8}, "list of choices"),
        ({"base": "encoder"}, "list of choices"),
    ],
)
def test_a_bad_space_is_explained(space, message):
    with pytest.raises(errors.BadInputError, match=message):
        tuning.search(TRAIN, VALID, space, fit=known)


def test_importance_finds_the_setting_that_counts():
    study = tuning.search(TRAIN, VALID, SPACE, trials=25, fit=known)
    found = tuning.importance(study)
    assert found.sum() == pytest.approx(1)
    assert found.idxmax() == "learning_rate"
    with pytest.raises(errors.BadInputError, match="at least 4"):
        tuning.importance(tuning.search(TRAIN, VALID, SPACE, trials=2, fit=known))


def test_comparison_with_the_defaults_is_in_pairs():
    study = tuning.search(TRAIN, VALID, SPACE, trials=10, fit=known)
    found = tuning.compare_with_defaults(study, TRAIN, VALID, seeds=range(4), fit=known)
    assert list(found.columns) == ["defaults", "tuned"]
    expected = study.best_value - score_of(1e-5)
    assert found.attrs["difference"] == pytest.approx(expected)
    assert found.attrs["low"] == pytest.approx(expected)  # the stand-in's seeds shift both alike


def test_nested_search_tests_on_rows_that_no_search_saw():
    seen = []

    def spy(train, valid=None, **options):
        seen.append((set(train["text"]), None if valid is None else set(valid["text"])))
        return known(train, valid, **options)

    found = tuning.nested(TRAIN, folds=2, space=SPACE, trials=3, fit=spy)
    assert list(found.columns[:2]) == ["promised", "tested"]
    everything = set(TRAIN["text"])
    for train, valid in seen:
        assert not valid or not train & valid
        assert len(everything - train) >= 20


def test_a_real_search_on_a_small_transformer():
    study = tuning.search(TRAIN, VALID, {"learning_rate": [1e-3, 3e-3]}, trials=2, base="scratch", epochs=1)
    assert 0 <= study.best_value <= 1


def test_the_best_of_many_equal_settings_looks_too_good():
    assert tuning.best_of(1, 100, 0.8) == pytest.approx(0.8, abs=0.005)
    assert tuning.best_of(2, 100, 0.8) == pytest.approx(0.8 + 0.56 * 0.04, abs=0.004)
    few, many = tuning.best_of(20, 100, 0.8), tuning.best_of(20, 400, 0.8)
    assert few == pytest.approx(0.8 + 1.87 * 0.04, abs=0.01)
    assert (few - 0.8) / (many - 0.8) == pytest.approx(2, abs=0.25)
    assert tuning.best_of(5, 100, 0.8, seed=1) == tuning.best_of(5, 100, 0.8, seed=1)


def test_a_model_chosen_on_few_rows_is_worse_on_the_others():
    right = np.random.default_rng(0).random((30, 400)) < 0.8  # all equally good
    few, more = (tuning.choose_on_few(right, rows) for rows in (25, 200))
    assert list(few.columns) == ["promised", "tested", "typical"]
    for found in (few, more):
        assert found["promised"].mean() > found["tested"].mean() + 0.01
        assert found["tested"].mean() == pytest.approx(found["typical"].mean(), abs=0.02)
    assert few["promised"].mean() > more["promised"].mean()


def test_a_model_that_is_better_is_found():
    right = np.zeros((3, 100), bool)
    right[1] = True
    found = tuning.choose_on_few(right, 10, games=20)
    assert (found["promised"] == 1).all() and (found["tested"] == 1).all()
    assert found["typical"].iloc[0] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: tuning.best_of(0, 100, 0.8),
        lambda: tuning.best_of(5, 100, 80),
        lambda: tuning.choose_on_few(np.ones((3, 10)), 10),
        lambda: tuning.choose_on_few(np.ones(10), 2),
    ],
)
def test_impossible_games_are_explained(call):
    with pytest.raises(errors.BadInputError, match="Give"):
        call()


def test_every_figure_of_a_search_can_be_drawn():
    from workshop_lib.plots import tuning as plots

    study = tuning.search(TRAIN, VALID, SPACE, trials=12, fit=known)
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [0.5, 0.0], "valid_loss": [0.6, 0.7]})
    compared = tuning.compare_with_defaults(study, TRAIN, VALID, seeds=range(3), fit=known)
    drawn = [
        plots.descents({0.1: [0, 1, 2], 1.1: [0, 9, -9]}, target=3),
        plots.curves({"one": history, "two": history}, guess=0.69),
        plots.one_setting(pd.DataFrame({"learning rate": [1e-3, 1e-2], "macro F1": [0.5, 0.7]}), "learning rate"),
        plots.good_and_other([-3, -2, -1], [False, True, False], [-3, -1], {"good": [0, 1], "other": [1, 0]}, -2),
        plots.trials(tuning.table(study), random=5),
        plots.stopped(study),
        plots.seeds(compared),
        plots.promises(pd.DataFrame({"promised": [0.9, 0.8], "tested": [0.7, 0.7]}, index=[25, 100]), "posts"),
    ]
    for made in drawn:
        made.canvas.draw()
        assert all(axes.get_xlabel() for axes in made.axes)
