"""Would another reasonable choice have given another result? One run for each way of asking.

Engine, wording, order of the labels and examples are chosen by the researcher, and none of the
choices is the right one. A multiverse makes them all and reports every result. Used in lesson 06.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workshop_lib.errors import BadInputError, UnknownNameError, closest
from workshop_lib.labeling.protocol import Engine
from workshop_lib.labeling.tables import as_label

if TYPE_CHECKING:
    import pandas as pd

    from workshop_lib.labeling.codebook import Codebook
    from workshop_lib.labeling.prompts import Shots

STATISTICS = ("accuracy", "kappa", "prevalence")
AS_WRITTEN = "as in the codebook"
NONE = "none"
NAN = float("nan")


class Specification(NamedTuple):
    """One way of asking: the names of its choices, and the choices."""

    names: tuple[str, str, str, str]  # of engine, wording, order and shots
    engine: Engine
    wording: int
    order: int | None
    shots: Shots | None


def multiverse(
    codebook: Codebook,
    frame: pd.DataFrame,
    gold: pd.DataFrame | None,
    engines: Sequence[Engine] | Mapping[str, Engine],
    wordings: Sequence[int] = (0,),
    orders: Sequence[int | None] = (None,),
    shots: Sequence[Shots | None] | Mapping[str, Shots | None] = (None,),
    *,
    question: str,
    folder: str | Path,
    statistic: str | Callable = "accuracy",
    label: str | None = None,
    sample: bool | None = None,
    max_cost: float | None = None,
    concurrency: int = 8,
    price: tuple[float, float] | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    progress: bool = True,
) -> pd.DataFrame:
    """Ask one question in every combination of engine, wording, order and examples; one row each.

    Each combination is a run in a folder of its own, named by all that it sends. The same call
    after an interruption makes the calls that are missing, and a call with further choices makes
    only the new ones.

    Args:
        codebook, frame, price, concurrency, progress: as in ``runs.label``.
        gold: hand labels; None will do for "prevalence", and for a callable that needs none.
        engines: a list, or name -> engine.
        wordings: numbers of wordings.
        orders: seeds that shuffle the labels; None is the codebook's order.
        shots: examples in the prompt; None is none. A list, or name -> shots.
        question: which of the codebook's questions.
        folder: where the runs are kept.
        statistic: "accuracy" (of tags and scales: the share of exactly equal labels), "kappa",
            "prevalence", or a function of (results, gold) that returns a number, which then gets
            a bootstrap interval over items, or (number, low, high), such as one from ``correct``.
        label: whose share "prevalence" is; of a scale it is the mean, and label stays None.
        sample: True if gold holds only some of the items; see ``validate``.
        max_cost: US dollars that all runs together never pass.
        bootstrap: number of bootstrap samples; a function is called as often.
        seed: of the bootstrap.

    Returns:
        One row a specification: engine, wording, order, shots, estimate, low, high (95 %), items,
        answered, model (as the server named it), cost (US dollars), folder. ``attrs`` has the
        statistic's name and, for "prevalence" with gold for all items, gold's own as "reference".

    Raises:
        BadInputError: no engine, a choice given twice, or a statistic that can't be computed.
        UnknownNameError: no such question, label or statistic.

    Source: Steegen et al. (2016), Perspectives on Psychological Science 11. Used in lesson 06.
    """
    import pandas as pd

    from workshop_lib.labeling import prompts, runs

    book = codebook.only(question)
    asked = book.questions[question]
    _check(asked, gold, question, statistic, label)
    chosen = specifications(engines, wordings, orders, shots)
    folders = [Path(folder) / _folder_name(book, one) for one in chosen]
    columns = {name: name if name in frame else None for name in ("text", "image")}
    for one in chosen:  # what can't be asked is found before anything is
        prompts.requests(book, prompts.items(frame[:1], **columns), one.shots, one.order, one.wording)
    rows = []
    for one, own in zip(chosen, folders, strict=True):
        others = sum(spent(each) for each in folders if each != own)
        results = runs.label(
            book, frame, one.engine, own, max_cost=None if max_cost is None else max(0.0, max_cost - others),
            concurrency=concurrency, shots=one.shots, order_seed=one.order, wording=one.wording, progress=progress,
            price=price,
        )  # fmt: skip
        answered = int((results["status"] == "ok").sum())
        estimate, low, high = (NAN, NAN, NAN)
        if answered:
            estimate, low, high = _estimate(results, gold, book, question, statistic, label, sample, bootstrap, seed)
        models = sorted(set(results["model"][results["status"] == "ok"]) - {""})
        rows.append(
            dict(zip(("engine", "wording", "order", "shots"), one.names, strict=True))
            | {"estimate": estimate, "low": low, "high": high, "items": len(results), "answered": answered}
            | {"model": ", ".join(models), "cost": results["cost"].sum(min_count=1), "folder": str(own)}
        )
    table = pd.DataFrame(rows)
    table.attrs["statistic"] = _statistic_name(asked, question, statistic, label)
    if statistic == "prevalence" and gold is not None and question in gold and not _is_sample(gold, frame, sample):
        known = [asked.check(one) for one in gold[question].map(as_label) if one is not None]
        shares = [_share(asked, one, label) for one in known]
        table.attrs |= {"reference": float(np.mean(shares)), "reference_name": "hand labels"} if shares else {}
    return table


def specifications(
    engines: Sequence[Engine] | Mapping[str, Engine],
    wordings: Sequence[int],
    orders: Sequence[int | None],
    shots: Sequence[Shots | None] | Mapping[str, Shots | None],
) -> list[Specification]:
    """Return every combination of the choices, each with names that tell it from all others.

    Raises:
        BadInputError: a list is empty, or a choice occurs twice.
    """
    named = {
        "engines": _named(engines, lambda engine: str(engine.model), "engines"),
        "wordings": _named(wordings, str, "wordings"),
        "orders": _named(orders, lambda order: AS_WRITTEN if order is None else f"shuffled {order}", "orders"),
        "shots": _named(shots, _shots_name, "shots"),
    }
    return [
        Specification(tuple(name for name, _ in combination), *(choice for _, choice in combination))
        for combination in product(*(found.items() for found in named.values()))
    ]


def spent(folder: Path) -> float:
    """Return the US dollars that the run in a folder has cost so far; 0 if there is none."""
    from workshop_lib.labeling.store import FILE, Store

    if not (folder / FILE).is_file():
        return 0.0
    with Store(folder, create=False) as store:
        ledger = store.ledger()
    return ledger["spent"] + ledger["lost"]


def _named(choices: Any, name_of: Callable, what: str) -> dict[str, Any]:
    """Return name -> choice, or raise an error about a list that is empty or has two of a name."""
    if isinstance(choices, Mapping):
        named = list(choices.items())
    elif isinstance(choices, str) or not isinstance(choices, Sequence):
        raise BadInputError(f"The {what} are {choices!r}. Give a list, also for a single one.")
    else:
        named = [(name_of(choice), choice) for choice in choices]
    names = [str(name) for name, _ in named]
    twice = [name for name in names if names.count(name) > 1]
    if not names or twice:
        problem = f"have two called '{twice[0]}'" if twice else "are an empty list"
        remedy = ", or name them: {'first': …, 'second': …}" if twice and what in ("engines", "shots") else ""
        raise BadInputError(f"The {what} {problem}. Give each choice once{remedy}.")
    return dict(zip(names, (choice for _, choice in named), strict=True))


def _shots_name(shots: Shots | None) -> str:
    if shots is None:
        return NONE
    return f"{shots.k} {shots.how}" + (f", seed {shots.seed}" if shots.how in ("random", "balanced") else "")


def _folder_name(book: Codebook, one: Specification) -> str:
    """Return a name that any change of codebook, engine, settings or way of asking changes too."""
    from workshop_lib.labeling.identity import canonical

    engine = one.engine
    sent = [book, engine.name, engine.model, engine.settings(), one.wording, one.order, one.shots]
    digest = hashlib.sha256(canonical(sent, sort=False).encode("utf-8", "surrogatepass")).hexdigest()
    return f"wording-{one.wording}-{digest[:16]}"


# Statistics


def _check(asked: Any, gold: pd.DataFrame | None, question: str, statistic: Any, label: str | None) -> None:
    """Raise an error, before anything is sent, about a statistic that can't be computed."""
    if not callable(statistic) and statistic not in STATISTICS:
        raise UnknownNameError(f"There is no statistic {statistic!r}. {closest(str(statistic), list(STATISTICS))}")
    if statistic in ("accuracy", "kappa"):
        if gold is None or question not in gold:
            raise BadInputError(
                f"'{statistic}' compares answers with hand labels, and gold has no column '{question}'. "
                "Give gold, or take statistic='prevalence'."
            )
    if statistic == "prevalence" and asked.kind != "scale" and label not in asked.options:
        given = "No label is given" if label is None else f"The question has no label '{label}'"
        raise UnknownNameError(f"{given}: whose share is it? {closest(str(label), list(asked.options))}")
    if label is not None and (statistic != "prevalence" or asked.kind == "scale"):
        raise BadInputError(f"label={label!r} has no meaning here: it names whose share 'prevalence' is. Leave it out.")


def _estimate(
    results: pd.DataFrame, gold: pd.DataFrame | None, book: Codebook, question: str, statistic: str | Callable,
    label: str | None, sample: bool | None, bootstrap: int, seed: int,
) -> tuple[float, float, float]:  # fmt: skip
    """Return a statistic with its 95 % interval."""
    from workshop_lib.labeling.validation import validate

    if callable(statistic):
        return _called(statistic, results, gold, bootstrap, seed)
    if statistic == "prevalence":
        said = results["label"][results["status"] == "ok"]
        return prevalence(book.questions[question], list(said), label)
    figures = validate(results, gold, book, question, bootstrap=bootstrap, seed=seed, sample=sample).figures
    row = figures.loc["exact" if statistic == "accuracy" and "exact" in figures.index else statistic]
    return float(row["value"]), float(row["low"]), float(row["high"])


def prevalence(asked: Any, labels: Sequence[str], label: str | None = None) -> tuple[float, float, float]:
    """Return the share of a label with its 95 % Wilson interval; of a scale, the mean with that of the t distribution.

    >>> from workshop_lib.labeling.codebook import Choice
    >>> [round(value, 2) for value in prevalence(Choice(["yes", "no"]), ["yes", "no", "no", "no"], "yes")]
    [0.25, 0.05, 0.7]
    """
    from scipy.stats import binomtest, t

    values = np.array([_share(asked, one, label) for one in labels], float)
    mean, n = float(values.mean()), len(values)
    if asked.kind == "scale":
        half = t.ppf(0.975, n - 1) * values.std(ddof=1) / n**0.5 if n > 1 else NAN
        return mean, float(mean - half), float(mean + half)
    interval = binomtest(int(values.sum()), n).proportion_ci(method="wilson")
    return mean, float(interval.low), float(interval.high)


def _share(asked: Any, said: str, label: str | None) -> float:
    if asked.kind == "scale":
        return float(said)
    return float(label in said.split("|") if asked.kind == "tags" else said == label)


def _called(
    statistic: Callable, results: pd.DataFrame, gold: pd.DataFrame | None, bootstrap: int, seed: int
) -> tuple[float, float, float]:
    """Return what a function says of a run, with a bootstrap interval over items if it gives none."""
    found = statistic(results, gold)
    if isinstance(found, tuple | list):
        if len(found) != 3:
            raise BadInputError(f"The statistic returned {found!r}. Return a number, or (number, low, high).")
        return tuple(float(value) for value in found)
    try:
        estimate = float(found)
    except (TypeError, ValueError):
        raise BadInputError(f"The statistic returned {found!r}. Return a number, or (number, low, high).") from None
    chance, values = np.random.default_rng(seed), []
    ids = list(dict.fromkeys(results["id"].map(as_label)))
    parts = [_rows_by_id(table) if table is not None else None for table in (results, gold)]
    for _ in range(bootstrap):
        drawn = [ids[place] for place in chance.integers(0, len(ids), len(ids))]
        try:
            values.append(float(statistic(*(_redrawn(part, drawn) for part in parts))))
        except BadInputError:  # a sample without any answer, or without one of the groups
            continue
    values = [value for value in values if value == value]
    low, high = np.percentile(values, [2.5, 97.5]) if values else (NAN, NAN)
    return estimate, float(low), float(high)


def _rows_by_id(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, list[int]]]:
    places: dict[str, list[int]] = {}
    for place, one in enumerate(table["id"].map(as_label)):
        places.setdefault(one, []).append(place)
    return table, places


def _redrawn(part: tuple | None, drawn: list[str]) -> pd.DataFrame | None:
    """Return the rows of the drawn items; an item that was drawn twice is two items."""
    if part is None:
        return None
    table, places = part
    pairs = [(row, number) for number, one in enumerate(drawn) for row in places.get(one, ())]
    return table.iloc[[row for row, _ in pairs]].assign(id=[f"drawn {number}" for _, number in pairs])


def _is_sample(gold: pd.DataFrame, frame: pd.DataFrame, sample: bool | None) -> bool:
    """Return whether gold holds only some of the items."""
    if sample is None:
        return "inclusion" in gold or len(gold) < len(frame)
    return sample


def _statistic_name(asked: Any, question: str, statistic: str | Callable, label: str | None) -> str:
    """Return what the estimates are, for an axis."""
    if callable(statistic):
        name = getattr(statistic, "__name__", "estimate")
        return "estimate" if name == "<lambda>" else name.replace("_", " ")
    if statistic == "prevalence":
        return f"mean of '{question}'" if asked.kind == "scale" else f"share of '{label}' in '{question}'"
    return f"{statistic} of '{question}'"
