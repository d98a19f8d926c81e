"""A paragraph for a paper's methods section, filled with a run's own figures, and what it lacks.

Used in lesson 06.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workshop_lib.labeling.protocol import STATUSES

if TYPE_CHECKING:
    import pandas as pd

    from workshop_lib.labeling.codebook import Codebook
    from workshop_lib.labeling.validation import Validation

DATED = re.compile(r"20\d\d-?[01]\d|-\d{4}$")  # a model's version, such as gpt-4.1-2025-04-14
FIGURES = {  # in this order, as far as the question's type has them
    "accuracy": "accuracy", "exact": "a share of exactly equal labels of", "kappa": "Cohen's kappa",
    "alpha": "Krippendorff's alpha", "ordinal alpha": "Krippendorff's ordinal alpha", "macro F1": "macro F1",
    "mean absolute error": "a mean absolute error of",
}  # fmt: skip
FEW = 100  # hand labels; with fewer, an accuracy's interval is wider than ten points
BY_HAND = (
    "Where the items come from, how they were sampled, and whether they may be used and sent away.",
    "Who coded by hand, how they were trained, and whether they saw the model's answers.",
    "Whether codebook, wording or model were changed after looking at these hand labels; if so, the figures flatter.",
)


def methods(
    results: pd.DataFrame,
    codebook: Codebook,
    facts: dict | None,
    sessions: list[dict],
    found: dict[str, Validation | None],
    gold: pd.DataFrame | None = None,
) -> tuple[str, list[str]]:
    """Return a paragraph for a methods section, and a list of what it lacks.

    Args:
        results: all calls of the run.
        codebook: what was asked.
        facts: what the run's store says of engine, model and settings; None if it isn't known.
        sessions: when the run was made.
        found: question -> validation, for the questions with hand labels.
        gold: the hand labels.

    Used in lesson 06.
    """
    sentences = [_what(results, codebook), _who(results, facts, sessions), _how_it_went(results)]
    sentences += [_agreement(validation) for validation in found.values() if validation is not None]
    return " ".join(sentences), _missing(results, codebook, facts, found, gold)


def _what(results: pd.DataFrame, codebook: Codebook) -> str:
    items, repeats = results["id"].nunique(), results["repeat"].nunique()
    asked = [f"{name} ({question.kind}: {_listed(question.options)})" for name, question in codebook.questions.items()]
    times = f", {repeats} times each, and the most frequent label was taken" if repeats > 1 else ""
    return (
        f"We labelled {items:,} items with the codebook '{codebook.name}' "
        f"({_count(len(asked), 'question')}: {'; '.join(asked)}). Each question about each item was a call of its "
        f"own{times}."
    )


def _who(results: pd.DataFrame, facts: dict | None, sessions: list[dict]) -> str:
    named = served_models(results)
    server = f"the server named {', '.join(named)}" if named else "the server named no model"
    if facts is None:
        return f"The labels come from a language model ({server})."
    days = sorted({str(session.get("started", ""))[:10] for session in sessions} - {""})
    when = f" on {days[0]}" if len(days) == 1 else f" between {days[0]} and {days[-1]}" if days else ""
    settings = {name: value for name, value in facts.get("settings", {}).items() if name not in ("model", "engine")}
    given = ", ".join(f"{name} {value}" for name, value in settings.items() if value not in (None, "", {}, []))
    order = facts.get("order_seed")
    shown = "in the order of the codebook" if order is None else f"in an order shuffled with seed {order}"
    where = "on our own machine" if facts.get("local") else "at a provider"
    return (
        f"The labels come from {facts.get('model')} ({server}), run {where}{when} through the engine "
        f"'{facts.get('engine')}'{f' with {given}' if given else ''}, in wording {facts.get('wording')}, with the "
        f"labels {shown} and {shots_in_words(facts.get('shots'))} in the prompt."
    )


def _how_it_went(results: pd.DataFrame) -> str:
    counts = results["status"].value_counts()
    failed = [f"{counts[status]:,} {status}" for status in STATUSES[1:] if counts.get(status, 0)]
    without = f"; the others have none ({', '.join(failed)})" if failed else ""
    tokens = f"{int(results['input_tokens'].sum()):,} tokens in and {int(results['output_tokens'].sum()):,} tokens out"
    known = results["cost"].notna()
    cost = f"{results['cost'].sum():.4f} US dollars" if known.any() else "an amount that isn't known"
    part = f" (of {int((~known).sum()):,} calls the cost isn't known)" if known.any() and not known.all() else ""
    gave = f"Of {len(results):,} calls, {counts.get('ok', 0):,} gave a label{without}."
    return f"{gave} They took {tokens} and {cost}{part}."


def _agreement(validation: Validation) -> str:
    figures, parts = validation.figures, []
    for name, words in FIGURES.items():
        if name in figures.index and figures.loc[name, "value"] == figures.loc[name, "value"]:
            value, low, high = (float(figures.loc[name, column]) for column in ("value", "low", "high"))
            interval = f" (95 % interval {low:.2f} to {high:.2f})" if low == low else ""
            parts.append(f"{words} {value:.2f}{interval}")
    text = f"On '{validation.question}', {validation.answered:,} answers were held against hand labels: "
    text += _listed(parts, last=" and ") + "."
    if "baseline" in figures.index:
        usual = figures.loc["baseline", "value"]
        text += f" Always giving the most frequent label would reach an accuracy of {usual:.2f}."
    people = figures["coders"].dropna()
    if len(people):
        reached = [f"{FIGURES[name]} {people[name]:.2f}" for name in FIGURES if name in people.index]
        text += f" Among themselves, the coders reach {_listed(reached, last=' and ')}."
    if "ECE" in figures.index:
        text += f" The expected calibration error is {figures.loc['ECE', 'value']:.2f}."
    return text


def _missing(results, codebook, facts, found, gold) -> list[str]:
    """Return what a reader will ask for and the run doesn't say."""
    names = ", ".join(f"'{name}'" for name in codebook.questions if name not in found)
    lacking = []
    if facts is None:
        lacking.append("Engine, settings, prompts, dates and versions of packages: give the run's folder.")
    if names:
        lacking.append(f"Hand labels for {names}: how right these answers are isn't known.")
    alone = [name for name, one in found.items() if one is not None and one.figures["coders"].isna().all()]
    if alone:
        lacking.append(f"Labels of two coders for {_quoted(alone)}: how well people agree is the ceiling.")
    failed = [name for name, one in found.items() if one is None]
    if failed:
        lacking.append(f"Agreement on {_quoted(failed)}: it couldn't be computed.")
    few = [name for name, one in found.items() if one is not None and one.answered < FEW]
    if few:
        lacking.append(f"More hand labels for {_quoted(few)}: fewer than {FEW} leave wide intervals.")
    if found and gold is not None and "inclusion" not in gold:
        lacking.append("How the hand-labelled items were drawn: gold has no column 'inclusion'.")
    blind = [name for name, one in found.items() if one is not None and one.reliability is None]
    if blind:
        lacking.append(f"Probabilities for {_quoted(blind)}: without them calibration can't be judged.")
    undated = [model for model in served_models(results) if not DATED.search(model)]
    if undated and not (facts or {}).get("local"):
        lacking.append(f"A dated version of {', '.join(undated)}: a provider may change what is behind a bare name.")
    if results["cost"].isna().any():
        lacking.append("The cost: the price of the model isn't known.")
    if results["repeat"].nunique() == 1:
        lacking.append("Repeats: whether the same question gets the same answer twice.")
    lacking.append("Other wordings and orders of the labels (wording_test, order_test, multiverse), if you ran them.")
    lacking.append("Shares and coefficients corrected for label errors (correct), if you report any.")
    return [*lacking, *BY_HAND]


def served_models(results: pd.DataFrame) -> list[str]:
    """Return the models that gave labels, as the server named them."""
    return sorted({str(name) for name in results["model"][results["status"] == "ok"]} - {""})


def shots_in_words(shots: dict | None) -> str:
    """Return which examples a prompt had, from the store's record of them.

    >>> shots_in_words({"how": "random", "k": 4, "seed": 1})
    '4 random examples (seed 1)'
    """
    if not shots:
        return "no examples"
    seed = f" (seed {shots.get('seed')})" if shots.get("how") in ("random", "balanced") else ""
    return f"{shots.get('k')} {shots.get('how')} examples{seed}"


def _listed(words, last: str = ", ") -> str:
    words = list(words)
    return ", ".join(words[:-1]) + last + words[-1] if len(words) > 1 else "".join(words)


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
