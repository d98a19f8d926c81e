"""What must a language model beat? The majority, the marginals, and a logistic regression.

A simulation that costs a model and isn't better than a regression on three columns has shown
nothing about people. All baselines give distributions in the form of ``surveys.ask``, so the same
scores judge both. Each person is predicted without their own answer. Used in lesson 10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError, SettingError, closest
from workshop_lib.participants.scores import by_id, distribution_scores
from workshop_lib.participants.surveys import Question, matrix

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("majority", "marginals", "logistic regression")
FLOOR = 1e-6  # probabilities below this count as this in the log loss


def baseline(
    name: str,
    people: pd.DataFrame,
    answers: pd.Series,
    question: Question,
    predictors: Sequence[str] = (),
    weights: str | None = None,
    folds: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Predict each person's answer from the other people's, by cross-validation.

    "majority": everybody gives the most frequent answer. "marginals": everybody gets the shares of
    all. "logistic regression": on the predictors; numbers are scaled, ordered categories become
    their rank, others one column a value; the regularisation is scikit-learn's default.

    Args:
        name: one of NAMES.
        people: one row a person, with "id" and the predictors.
        answers: people's labels, indexed by id; the name is the question's.
        question: what was asked.
        predictors: columns for the logistic regression; missing numbers become the median, missing
            categories a value of their own.
        weights: a column of weights; None counts everybody once.
        folds: parts; each is predicted from the others.
        seed: of the parts.

    Returns:
        The table of ``surveys.ask``; ``attrs["model"]`` is the baseline's name.

    Raises:
        SettingError: an unknown name. UnknownNameError: no such column.
        BadInputError: too few people, no predictors, or negative weights.

    Used in lesson 10.
    """
    import pandas as pd
    from sklearn.model_selection import KFold, StratifiedKFold

    from workshop_lib.labeling.tables import ids_of, need_columns

    if name not in NAMES:
        raise SettingError(f"There is no baseline {name!r}. {closest(str(name), list(NAMES))}")
    need_columns(people, [*predictors, *([weights] if weights else [])], "the people")
    ids = ids_of(people, "people")
    known = by_id(answers, "answers")
    kept = [place for place, one in enumerate(ids) if one in known]
    if not 2 <= folds <= len(kept):
        raise BadInputError(
            f"{len(kept)} people with an answer can't be parted into {folds} folds. Choose 2 or "
            "more, or more people."
        )
    people, ids = people.iloc[kept], [ids[place] for place in kept]
    said = np.array([question.options.index(question.check(known[one])) for one in ids])
    weight = np.ones(len(ids)) if weights is None else people[weights].to_numpy(float)
    if not np.isfinite(weight).all() or (weight < 0).any() or not weight.sum() > 0:
        raise BadInputError(
            f"The weights in {weights!r} go from {weight.min()} to {weight.max()}. Give numbers of "
            "0 or more."
        )
    if name == "logistic regression" and not len(predictors):
        raise BadInputError(
            "The logistic regression has no predictors. Give columns: predictors=['age', "
            "'education']."
        )
    rare = np.bincount(said)[np.unique(said)].min() < folds
    parts = (KFold if rare else StratifiedKFold)(folds, shuffle=True, random_state=seed)
    shares = np.zeros((len(ids), len(question.options)))
    for train, test in parts.split(ids, said):
        if name == "logistic regression" and len(set(said[train])) > 1:
            model = _regression(people[list(predictors)])
            model.fit(
                people[list(predictors)].iloc[train],
                said[train],
                logisticregression__sample_weight=weight[train],
            )
            predicted = model.predict_proba(people[list(predictors)].iloc[test])
            shares[np.ix_(test, model.classes_)] = predicted
            continue
        counts = np.bincount(said[train], weights=weight[train], minlength=len(question.options))
        shares[test] = (
            counts / counts.sum() if name != "majority" else np.eye(len(counts))[counts.argmax()]
        )
    rows = [
        {
            "id": one,
            "question": str(answers.name),
            "label": question.options[int(row.argmax())],
            "probabilities": dict(zip(question.options, map(float, row), strict=True)),
            "source": "probabilities",
            "draws": 1,
            "failed": 0,
            "status": "ok",
            "weight": float(w),
            "detail": "",
        }
        for one, row, w in zip(ids, shares, weight, strict=True)
    ]
    table = pd.DataFrame(rows)
    table.attrs.update(model=name, predictors=list(predictors), folds=folds)
    return table


def baselines(
    people: pd.DataFrame,
    answers: pd.Series,
    question: Question,
    predictors: Sequence[str],
    **settings,
) -> dict[str, pd.DataFrame]:
    """Return all baselines: name -> what :func:`baseline` returned. Used in lesson 10."""
    return {
        name: baseline(name, people, answers, question, predictors, **settings) for name in NAMES
    }


def compare(
    answers: pd.Series,
    candidates: Mapping[str, pd.DataFrame],
    question: Question,
    by: pd.Series | Mapping[str, str] | None = None,
    weights: Mapping[str, float] | None = None,
    bootstrap: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Score several simulations and baselines on the people whom all of them have.

    Args:
        answers: people's labels, indexed by id.
        candidates: name -> what ``surveys.ask`` or :func:`baseline` returned.
        question: what was asked.
        by, weights, bootstrap, seed: as in ``scores.distribution_scores``.

    Returns:
        Indexed by candidate, group and measure: value, low, high, people, lost. "log loss", the
        mean of −ln p(what was said) over all, has no interval; it punishes being sure and wrong.

    Raises:
        BadInputError: no candidates, or nobody whom all of them have.

    Used in lesson 10.
    """
    import pandas as pd

    if not candidates:
        raise BadInputError("There is nothing to compare. Give {'model': …, 'marginals': …}.")
    name = str(answers.name)
    known = by_id(answers, "answers")
    shared = set(known)
    for responses in candidates.values():
        shared &= set(matrix(responses, name, question)[0])
    if not shared:
        raise BadInputError(
            f"No person has an answer to {name!r} of their own and from all of: "
            f"{', '.join(candidates)}."
        )
    tables = {}
    for candidate, responses in candidates.items():
        part = responses[responses["id"].isin(shared)]
        scored = distribution_scores(answers, part, question, by, weights, bootstrap, seed)
        ids, rows = matrix(part, name, question)
        said = [question.options.index(question.check(known[one])) for one in ids]
        chosen = np.maximum(rows[np.arange(len(ids)), said], FLOOR)
        weight = None if weights is None else [weights[one] for one in ids]
        scored.loc[("all", "log loss"), ["value", "people", "lost"]] = (
            float(np.average(-np.log(chosen), weights=weight)),
            len(ids),
            0,
        )
        tables[candidate] = scored
    return pd.concat(tables, names=["candidate"])


def _regression(predictors: pd.DataFrame):
    """Return scaling, coding and regression as one scikit-learn pipeline."""
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    ranked = [name for name in predictors if getattr(predictors[name].dtype, "ordered", False)]
    numbers = [name for name in predictors if pd.api.types.is_numeric_dtype(predictors[name])]
    others = [name for name in predictors if name not in (*ranked, *numbers)]
    filled = SimpleImputer(strategy="median")
    columns = make_column_transformer(
        (make_pipeline(FunctionTransformer(_ranks), filled, StandardScaler()), ranked),
        (make_pipeline(filled, StandardScaler()), numbers),
        (
            make_pipeline(FunctionTransformer(_texts), OneHotEncoder(handle_unknown="ignore")),
            others,
        ),
    )
    return make_pipeline(columns, LogisticRegression(max_iter=2000))


def _ranks(part: pd.DataFrame) -> pd.DataFrame:
    """Return ordered categories as their ranks, NaN where missing."""
    return part.apply(lambda column: column.cat.codes.where(column.notna(), np.nan).astype(float))


def _texts(part: pd.DataFrame) -> pd.DataFrame:
    return part.astype(object).where(part.notna(), "missing").astype(str)
