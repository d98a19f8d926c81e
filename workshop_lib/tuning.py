"""Search for hyperparameters, and say honestly what the search was worth.

A search tries settings on the training rows and compares them on the validation rows. The
test rows stay away until one setting is chosen. Used in lesson 04.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workshop_lib.classify import fine_tune
from workshop_lib.classify.tables import checked_table
from workshop_lib.errors import BadInputError, SettingError

if TYPE_CHECKING:
    import optuna

    from workshop_lib.classify import Classifier


@dataclass(frozen=True)
class Between:
    """A hyperparameter that may take any value between two; whole numbers if both are whole."""

    low: float
    high: float
    log: bool = False  # equal steps are equal ratios, as suits learning rates


Space = dict[str, Between | Sequence]  # a name of Settings: a range, or a list of choices

DEFAULT_SPACE: Space = {
    "learning_rate": Between(1e-5, 1e-3, log=True),
    "batch_size": [8, 16, 32],
    "epochs": Between(1, 6),
    "weight_decay": Between(1e-3, 0.1, log=True),
}
Fit = Callable[..., "Classifier"]


def search(
    train: pd.DataFrame,
    valid: pd.DataFrame,
    space: Space | None = None,
    trials: int = 20,
    storage: str | Path | None = None,
    text: str = "text",
    label: str = "label",
    minutes: float | None = None,
    seed: int = 0,
    prune_after: int | None = 1,
    fit: Fit = fine_tune,
    **settings,
) -> optuna.Study:
    """Return a study: settings tried, each with the macro F1 that it reached on ``valid``.

    Settings are proposed by the tree-structured Parzen estimator: after ten random trials it
    prefers regions where earlier trials did well. A trial whose best epoch so far is worse than
    half of the finished trials were after the same epoch is stopped (pruned).

    Args:
        train: labelled rows to learn from.
        valid: labelled rows to compare settings by; never the test rows.
        space: what to search; None takes ``DEFAULT_SPACE``.
        trials: finished or pruned trials in all, those of earlier calls on the same storage
            included.
        storage: a file that keeps the study: ``study.db`` (SQLite), or any other name for a
            journal, which several processes may write at once. The same call goes on from it.
        text: the column of the texts.
        label: the column of the labels.
        minutes: no trial begins after this time.
        seed: of the search and of every training; several processes need one each.
        prune_after: epochs that a trial has before it may be stopped; None stops none.
        fit: what is tuned; called as ``fine_tune`` is, with ``valid`` and ``after_epoch``.
        **settings: fixed for all trials, such as ``max_tokens=64``.

    Returns:
        An Optuna study; :func:`table` shows it, ``study.best_params`` has the best settings.

    Raises:
        BadInputError: the tables or the space can't be used.
        SettingError: the storage holds a study of other data.

    Source: Bergstra et al. (2011), NeurIPS; Akiba et al. (2019), Optuna, KDD. Used in lesson 04.
    """
    import optuna
    from optuna.trial import TrialState

    train = checked_table(train, text, label)
    valid = checked_table(valid, text, label, known=sorted(set(train[label])), other=train)
    space = DEFAULT_SPACE if space is None else space
    check_space(space)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name="search",
        storage=store(storage),
        load_if_exists=True,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(10, max(2, trials // 2))),
        pruner=pruner_of(prune_after),
    )
    note_data(study, train, valid)

    def objective(trial: optuna.Trial) -> float:
        chosen = {name: suggested(trial, name, values) for name, values in space.items()}
        started, best = time.perf_counter(), -1.0

        def after_epoch(row: dict) -> None:
            nonlocal best
            best = max(best, row["valid_macro_f1"])
            trial.report(row["valid_macro_f1"], row["epoch"])
            trial.set_user_attr("seconds", time.perf_counter() - started)
            if trial.should_prune():
                raise optuna.TrialPruned

        options = {"text": text, "label": label, "progress": False, "seed": seed, **settings, **chosen}
        classifier = fit(train, valid=valid, after_epoch=after_epoch, **options)
        if not classifier.finished:
            raise KeyboardInterrupt
        return best

    counted = (TrialState.COMPLETE, TrialState.PRUNED)
    if len(study.get_trials(deepcopy=False, states=counted)) < trials:
        study.optimize(
            objective,
            timeout=None if minutes is None else 60 * minutes,
            callbacks=[optuna.study.MaxTrialsCallback(trials, states=counted)],
        )
    return study


def pruner_of(epochs: int | None) -> optuna.pruners.BasePruner:
    """Return the median rule, which begins after four finished trials and some epochs."""
    import optuna

    if epochs is None:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=epochs)


def check_space(space: Space) -> None:
    """Raise an error unless each entry is a range or a list of choices."""
    for name, values in space.items():
        if isinstance(values, Between):
            if not values.low < values.high or (values.log and values.low <= 0):
                raise BadInputError(
                    f"The range of {name} is {values.low} to {values.high}. The lower end must be "
                    "below the upper one, and above 0 if log is set."
                )
        elif isinstance(values, str) or not isinstance(values, Sequence) or not values:
            raise BadInputError(
                f"The space of {name} is {values!r}. Give a list of choices, such as [8, 16], or "
                "a range, such as Between(1e-5, 1e-3, log=True)."
            )


def suggested(trial: optuna.Trial, name: str, values: Between | Sequence):
    """Return the trial's value of one hyperparameter."""
    if not isinstance(values, Between):
        return trial.suggest_categorical(name, list(values))
    if isinstance(values.low, int) and isinstance(values.high, int):
        return trial.suggest_int(name, values.low, values.high, log=values.log)
    return trial.suggest_float(name, values.low, values.high, log=values.log)


def store(file: str | Path | None):
    """Return Optuna's storage for a file: SQLite for ``.db``, a journal otherwise, memory for None."""
    if file is None:
        return None
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".db":
        return RDBStorage(f"sqlite:///{file}", engine_kwargs={"connect_args": {"timeout": 60}})
    return JournalStorage(JournalFileBackend(str(file)))


def note_data(study: optuna.Study, train: pd.DataFrame, valid: pd.DataFrame) -> None:
    """Write the data's fingerprint into a new study, or compare it with that of an old one."""
    content = train.to_csv(index=False) + valid.to_csv(index=False)
    found = hashlib.sha256(content.encode()).hexdigest()[:16]
    known = study.user_attrs.get("data")
    if known is None:
        study.set_user_attr("data", found)
    elif known != found:
        raise SettingError(
            "The storage holds a study of other data: its scores can't be compared with new ones. "
            "Choose another file."
        )


def table(study: optuna.Study) -> pd.DataFrame:
    """Return one row a trial: its settings, score, state, epochs and seconds, in order."""
    rows = []
    for trial in study.get_trials(deepcopy=False):
        reported = trial.intermediate_values
        rows.append(
            {
                "trial": trial.number,
                **trial.params,
                "state": trial.state.name.lower(),
                "epochs run": len(reported),
                "macro F1": trial.value if trial.value is not None else max(reported.values(), default=np.nan),
                "seconds": trial.user_attrs.get("seconds", np.nan),
            }
        )
    return pd.DataFrame(rows).set_index("trial")


def importance(study: optuna.Study, seed: int = 0) -> pd.Series:
    """Return how much of the scores' variance each hyperparameter accounts for, adding up to 1.

    A forest predicts the score from the settings, and its variance is split among them
    (fANOVA; Hutter, Hoos and Leyton-Brown 2014). With few trials it is a rough guide.
    """
    import optuna

    done = [t for t in study.get_trials(deepcopy=False) if t.value is not None]
    if len(done) < 4:
        raise BadInputError(f"{len(done)} finished trials say nothing about importance. Run at least 4.")
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    return pd.Series(optuna.importance.get_param_importances(study, evaluator=evaluator), name="importance")


def compare_with_defaults(
    study: optuna.Study,
    train: pd.DataFrame,
    test: pd.DataFrame,
    seeds: Sequence[int] = range(5),
    text: str = "text",
    label: str = "label",
    fit: Fit = fine_tune,
    **settings,
) -> pd.DataFrame:
    """Return macro F1 on the test rows by seed, with the best settings and with the defaults.

    The same seed draws the same order of the rows for both, so the two are compared in pairs.
    ``attrs`` holds "difference" (the mean), "low" and "high" (95 % interval over seeds, from
    Student's t). It says how the result varies with the seed, not with the test rows.

    Args:
        study: what :func:`search` returned.
        train: rows to train on, for example the training and validation rows together.
        test: rows that no choice has used.
        seeds: one training each, for both.
    """
    from scipy.stats import t

    rows = []
    for seed in seeds:
        row = {"seed": seed}
        for name, chosen in (("defaults", {}), ("tuned", study.best_params)):
            options = {"text": text, "label": label, "progress": False, "seed": seed, **settings, **chosen}
            row[name] = fit(train, **options).evaluate(test, text, label).loc["macro", "F1"]
        rows.append(row)
    found = pd.DataFrame(rows).set_index("seed")
    differences = found["tuned"] - found["defaults"]
    width = t.ppf(0.975, len(differences) - 1) * differences.std() / np.sqrt(len(differences))
    found.attrs |= {
        "difference": differences.mean(),
        "low": differences.mean() - width,
        "high": differences.mean() + width,
    }
    return found


def nested(
    df: pd.DataFrame,
    folds: int = 3,
    space: Space | None = None,
    trials: int = 10,
    text: str = "text",
    label: str = "label",
    valid_share: float = 0.25,
    seed: int = 0,
    fit: Fit = fine_tune,
    **settings,
) -> pd.DataFrame:
    """Return, by outer fold, the score that the search promised and the score on rows it never saw.

    Each fold is tested once, by a model whose settings were searched on the other folds alone.
    The mean of "tested" estimates what searching and training together reach; that of "promised"
    is the best of many tries, and so too good on average.

    Source: Cawley and Talbot (2010), JMLR 11. Used in lesson 04.
    """
    from sklearn.model_selection import StratifiedKFold

    from workshop_lib.classify import split

    data = checked_table(df, text, label)
    rows = []
    for number, (inside, outside) in enumerate(
        StratifiedKFold(folds, shuffle=True, random_state=seed).split(data, data[label])
    ):
        inner, outer = data.iloc[inside], data.iloc[outside]
        train, valid = split(inner, valid_share, label, seed)
        study = search(train, valid, space, trials, text=text, label=label, seed=seed, fit=fit, **settings)
        options = {"text": text, "label": label, "progress": False, "seed": seed, **settings, **study.best_params}
        tested = fit(inner, **options).evaluate(outer, text, label).loc["macro", "F1"]
        rows.append({"fold": number + 1, "promised": study.best_value, "tested": tested, **study.best_params})
    return pd.DataFrame(rows).set_index("fold")


def best_of(settings: int, posts: int, truth: float, games: int = 2000, seed: int = 0) -> float:
    """Return how good the best of several equally good settings looks, on average.

    Each setting is right about a share p = ``truth`` of all posts, and is tried on n of them, so
    its score is a binomial number divided by n. The best of them looks like about
    p + m · √(p(1 − p)/n), where m is the expected largest of so many standard normal numbers
    (0.56 for 2, 1.87 for 20).

    Args:
        settings: how many are compared.
        posts: n, the rows that they are compared on.
        truth: p, the share that each gets right in the long run.
        games: how often the comparison is played.

    Used in lesson 04.
    """
    if min(settings, posts, games) < 1 or not 0 <= truth <= 1:
        raise BadInputError(
            f"best_of got settings={settings}, posts={posts}, truth={truth}, games={games}. Give "
            "whole numbers from 1 on, and a share between 0 and 1."
        )
    right = np.random.default_rng(seed).binomial(posts, truth, (games, settings))
    return float(right.max(axis=1).mean() / posts)


def choose_on_few(right: np.ndarray, rows: int, games: int = 500, seed: int = 0) -> pd.DataFrame:
    """Return what happens when a model is chosen for its score on a few rows.

    In each game ``rows`` of the n posts are drawn. The model that is best on them is chosen, and
    scored again on all the other posts, which had no say.

    Args:
        right: array of shape (models, n), True where a model is right about a post.
        rows: how many posts choose.
        games: how often posts are drawn.

    Returns:
        One row a game: "promised" (the chosen model on the posts that chose it), "tested" (the
        same model on the others) and "typical" (the mean of all models on the others).

    Source: Cawley and Talbot (2010), JMLR 11. Used in lesson 04.
    """
    right = np.asarray(right, bool)
    if right.ndim != 2 or not 0 < rows < right.shape[-1]:
        raise BadInputError(
            f"choose_on_few got an array of shape {right.shape} and rows={rows}. Give one row a "
            "model and one column a post, and let fewer posts choose than there are."
        )
    chance, found = np.random.default_rng(seed), []
    for _ in range(games):
        order = chance.permutation(right.shape[1])
        few, others = order[:rows], order[rows:]
        scores = right[:, few].mean(axis=1)  # Shape: (models,)
        chosen = int(scores.argmax())
        found.append(
            {
                "promised": scores[chosen],
                "tested": right[chosen, others].mean(),
                "typical": right[:, others].mean(),
            }
        )
    return pd.DataFrame(found)
