"""Ask a model the survey, once for each persona, and keep distributions instead of single answers.

The items are the typed questions of ``labeling``, and so are the engines and the runs: answers are
checked, cached and capped there. An engine that gives probabilities is asked once; of another, the
distribution is that of repeated draws. Used in lesson 10.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError, SettingError, UnknownNameError, closest
from workshop_lib.labeling.codebook import Choice, Codebook, Scale
from workshop_lib.participants.personas import Persona, weights_of

if TYPE_CHECKING:
    import pandas as pd

    from workshop_lib.labeling.protocol import Engine

Question = Choice | Scale
TOLERANCE = 1e-3  # by which probabilities may miss a sum of 1
INTRODUCTIONS = {  # what the model is told before everything else
    "as the person": "Answer as this person would answer.",
    "survey": "This is a survey. Give the answer of the person who is described.",
    "none": "",
}
COLUMNS = (
    "id", "question", "label", "probabilities", "source", "draws", "failed", "status", "weight",
    "detail",
)  # fmt: skip


def ask(
    personas: Sequence[Persona],
    questions: Mapping[str, Question],
    engine: Engine,
    folder: str | Path | None = None,
    *,
    style: str = "first person",
    introduction: str = "as the person",
    wording: int = 0,
    order_seed: int | None = None,
    stimuli: Mapping[str, str] | None = None,
    draws: int = 20,
    max_cost: float | None = None,
    price: tuple[float, float] | None = None,
    concurrency: int = 8,
    progress: bool = False,
) -> pd.DataFrame:
    """Ask an engine every question as every persona, and return one distribution each.

    Args:
        personas: who is simulated.
        questions: name -> Choice or Scale.
        engine: any engine of labeling.
        folder: where the run is kept; the same call takes its answers from there. None keeps
            nothing, and is allowed for engines on this machine only.
        style: how the profile is told, one of ``personas.STYLES``.
        introduction: a name of INTRODUCTIONS, or a text.
        wording, order_seed, max_cost, price, concurrency, progress: as in ``labeling.label``.
        stimuli: persona's id -> a text that is shown after the profile.
        draws: how often an engine without probabilities is asked.

    Returns:
        A row for each persona and question: id, question, label (the likeliest), probabilities
        (option -> share), source ("probabilities" or "draws"), draws (valid ones), failed (calls
        without a valid answer), status ("ok" or why there is no distribution), weight, detail.
        A call that failed is never counted as an answer. ``attrs`` says how it was asked.

    Raises:
        BadInputError: no personas or questions, two personas with one id, draws that would all be
            alike, or a hosted engine without a folder.
        SettingError: an unknown style.

    Used in lesson 10.
    """
    from workshop_lib.labeling.runs import label

    frame = items_of(personas, style, stimuli)
    book = Codebook("survey", _checked(questions), INTRODUCTIONS.get(introduction, introduction))
    _check_draws(engine, draws, folder)
    how = {
        "order_seed": order_seed,
        "wording": wording,
        "max_cost": max_cost,
        "price": price,
        "concurrency": concurrency,
    }
    with tempfile.TemporaryDirectory() as nowhere, warnings.catch_warnings():
        if folder is None:  # what can't be resumed; the failures are counted below
            warnings.filterwarnings("ignore", message=".*calls failed; the column 'detail'.*")
        run = Path(folder) if folder is not None else Path(nowhere) / "run"
        results = label(book, frame, engine, run, progress=progress, **how)
        wordy = results["status"].eq("ok") & results["probabilities"].isna()
        if draws > 1 and wordy.any():
            results = label(book, frame, engine, run, progress=progress, repeats=draws, **how)
    table = distributions(results, book.questions)
    table["weight"] = table["id"].map({one.id: one.weight for one in personas}).astype(float)
    table.attrs = {
        "style": style,
        "introduction": introduction,
        "wording": wording,
        "order_seed": order_seed,
        "model": engine.model,
        "folder": None if folder is None else str(folder),
    }
    return table[list(COLUMNS)]


def items_of(
    personas: Sequence[Persona],
    style: str = "first person",
    stimuli: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return the texts that personas become: a table with "id" and "text".

    >>> items_of([Persona("a", {"age": 20})], stimuli={"a": "The bus is free now."})["text"][0]
    'I am 20 years old.\\nThe bus is free now.'
    """
    import pandas as pd

    if isinstance(personas, Persona):
        raise BadInputError("This is a single persona. Give a list, also for one: [persona].")
    weights_of(personas)
    ids = [persona.id for persona in personas]
    known = set(ids)
    if len(known) < len(ids):
        twice = min(one for one in known if ids.count(one) > 1)
        raise BadInputError(
            f"The id {twice!r} occurs twice among the personas. Use personas.draw to draw again."
        )
    shown = stimuli or {}
    if strange := [one for one in shown if one not in known]:
        raise BadInputError(
            f"There is a stimulus for {strange[0]!r}, and no such persona. Use the personas' ids."
        )
    texts = ["\n".join(filter(None, (one.text(style), shown.get(one.id, "")))) for one in personas]
    return pd.DataFrame({"id": ids, "text": texts})


def distributions(results: pd.DataFrame, questions: Mapping[str, Question]) -> pd.DataFrame:
    """Return one distribution for each item and question of a labelling run.

    Probabilities are taken if the engine gave them and they are some: one number from 0 to 1 for
    each option, with a sum of 1. Without any, the labels of the repeats are counted.

    Args:
        results: what ``labeling.label`` returned.
        questions: name -> question.

    Returns:
        The columns of :func:`ask` except the weight.
    """
    import pandas as pd

    rows = [
        {"id": one, "question": name} | _distribution(part, questions[name].options)
        for (one, name), part in results.groupby(["id", "question"], sort=False)
    ]
    table = pd.DataFrame(rows)
    for name in ("label", "probabilities"):  # None stays None
        table[name] = pd.Series([row[name] for row in rows], dtype=object)
    return table


def _distribution(part: pd.DataFrame, options: Sequence[str]) -> dict:
    """Return the distribution of the answers about one item, or why there is none."""
    valid = part[part["status"] == "ok"]
    stated = [given for given in valid["probabilities"] if given is not None]
    none = {"label": None, "probabilities": None, "source": "", "draws": 0, "failed": len(part)}
    if not len(valid):
        first = part.iloc[0]
        return none | {"status": first["status"], "detail": f"{first['status']}: {first['detail']}"}
    try:
        if stated:
            shares = np.mean([checked_distribution(given, options) for given in stated], axis=0)
        else:
            shares = np.array([(valid["label"] == option).mean() for option in options])
    except BadInputError as error:
        return none | {"status": "invalid", "detail": str(error)}
    return {
        "label": options[int(np.argmax(shares))],
        "probabilities": dict(zip(options, map(float, shares), strict=True)),
        "source": "probabilities" if stated else "draws",
        "draws": len(stated) or len(valid),
        "failed": len(part) - len(valid),
        "status": "ok",
        "detail": "",
    }


def checked_distribution(probabilities: Mapping[str, float], options: Sequence[str]) -> np.ndarray:
    """Return the probabilities in the order of the options, scaled to sum to exactly 1.

    Raises:
        BadInputError: an option is missing or unknown, a number is negative or none, or the sum
            isn't 1.

    >>> checked_distribution({"no": 0.25, "yes": 0.75}, ("yes", "no"))
    array([0.75, 0.25])
    """
    if not isinstance(probabilities, Mapping) or set(probabilities) != set(options):
        given = list(probabilities) if isinstance(probabilities, Mapping) else probabilities
        raise BadInputError(
            f"The probabilities are of {given}, not of the options {list(options)}. Give one for "
            "each."
        )
    try:
        values = np.array([float(probabilities[option]) for option in options])
    except (TypeError, ValueError):
        raise BadInputError(
            f"The probabilities {dict(probabilities)} aren't all numbers. Give numbers."
        ) from None
    if not (
        np.isfinite(values).all() and (values >= 0).all() and abs(values.sum() - 1) <= TOLERANCE
    ):
        raise BadInputError(
            f"The probabilities {dict(probabilities)} sum to {values.sum():.4g}, or one is "
            "negative. They must be 0 or more and sum to 1."
        )
    return values / values.sum()


# ── What the distributions say ───────────────────────────────────────────────────────────


def matrix(responses: pd.DataFrame, name: str, question: Question) -> tuple[list[str], np.ndarray]:
    """Return the distributions of one question: ids, and an array of shape (ids, options).

    Rows without a distribution are left out.

    Raises:
        UnknownNameError: the question wasn't asked.
        BadInputError: nobody has a distribution.
    """
    if name not in set(responses["question"]):
        known = closest(name, sorted(set(responses["question"])))
        raise UnknownNameError(f"The question {name!r} wasn't asked. {known}")
    part = responses[(responses["question"] == name) & (responses["status"] == "ok")]
    if part.empty:
        detail = next(iter(responses.loc[responses["question"] == name, "detail"]), "")
        raise BadInputError(
            f"No persona has an answer to {name!r}. The first one: {detail} Ask again, or change "
            "engine."
        )
    rows = [checked_distribution(given, question.options) for given in part["probabilities"]]
    return list(part["id"]), np.array(rows)


def shares(responses: pd.DataFrame, name: str, question: Question) -> pd.Series:
    """Return the weighted share of each option over all personas.

    A mean of distributions keeps what a count of likeliest answers loses: if everybody says yes
    with 0.6, the share of yes is 0.6, and not 1.

    Used in lesson 10.
    """
    import pandas as pd

    ids, rows = matrix(responses, name, question)
    weights = (
        responses[responses["question"] == name].set_index("id")["weight"].loc[ids].to_numpy(float)
    )
    return pd.Series(
        np.average(rows, axis=0, weights=weights), index=list(question.options), name=name
    )


def values_of(question: Question, target: str | None = None) -> np.ndarray:
    """Return the number that each option counts as, shape (options,).

    On a scale the number itself; of a choice 1 for the target and 0 for all others.

    Raises:
        UnknownNameError: a choice without a known target.

    >>> values_of(Choice(["yes", "no"]), "yes"), values_of(Scale(1, 3))
    (array([1., 0.]), array([1., 2., 3.]))
    """
    if question.kind == "scale":
        if target is not None:
            raise SettingError(
                f"A scale has a mean and no target, and target is {target!r}. Leave it out."
            )
        return np.array([float(option) for option in question.options])
    if target not in question.options:
        raise UnknownNameError(
            f"The target is {target!r}: whose share is wanted? "
            f"{closest(str(target), list(question.options))}"
        )
    return np.array([float(option == target) for option in question.options])


def draw_answers(responses: pd.DataFrame, times: int = 1, seed: int = 0) -> pd.DataFrame:
    """Draw answers from the distributions, so that simulated people answer as people do: once.

    Args:
        responses: what :func:`ask` returned.
        times: draws for each persona and question.
        seed: the same seed draws the same answers.

    Returns:
        A row for each draw: id, question, draw (from 0), label.

    Raises:
        BadInputError: times below 1, or no row has a distribution.

    Used in lesson 10.
    """
    import pandas as pd

    kept = responses[responses["status"] == "ok"]
    if type(times) is not int or times < 1 or kept.empty:
        raise BadInputError(
            f"times is {times!r} and {len(kept)} rows have a distribution. Both must be 1 or more."
        )
    chance, rows = np.random.default_rng(seed), []
    for one, name, given in zip(kept["id"], kept["question"], kept["probabilities"], strict=True):
        options = list(given)
        chosen = chance.choice(len(options), size=times, p=checked_distribution(given, options))
        rows += [
            {"id": one, "question": name, "draw": number, "label": options[k]}
            for number, k in enumerate(chosen)
        ]
    return pd.DataFrame(rows)


# ── Checks ───────────────────────────────────────────────────────────────────────────────


def _checked(questions: Mapping[str, Question]) -> dict[str, Question]:
    if not isinstance(questions, Mapping) or not questions:
        raise BadInputError(
            f"The questions are {questions!r}. Give a dict: {{'vote': Choice([…])}}."
        )
    for name, question in questions.items():
        if getattr(question, "kind", None) not in ("choice", "scale"):
            raise BadInputError(
                f"The question {name!r} is {question!r}. A survey takes Choice and Scale."
            )
    return dict(questions)


def _check_draws(engine: Engine, draws: int, folder: str | Path | None) -> None:
    """Raise an error, before anything is sent, about draws that would be wasted."""
    if type(draws) is not int or draws < 1:
        raise BadInputError(f"draws is {draws!r}. Give a whole number of 1 or more.")
    if folder is None and not engine.local:
        raise BadInputError(
            "A hosted engine needs a folder, so that no answer that was paid for is lost: "
            "folder='…'."
        )
    temperature, seed = (getattr(engine, name, None) for name in ("temperature", "seed"))
    if draws > 1 and (temperature == 0 or seed is not None):
        raise BadInputError(
            f"The engine has temperature={temperature} and seed={seed}: its {draws} draws would "
            "all be alike. Give it temperature=1 and no seed, or take draws=1."
        )
