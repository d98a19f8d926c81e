"""What is the true share, if the machine that labelled makes mistakes? Estimates corrected with hand labels.

A machine labels all items of a corpus; people label some of them, drawn at random with known
probabilities (``sample_for_gold``). ``correct`` sets four estimates from hand labels beside the naive
one; the equations are in ``estimators``, their coverage in ``simulation``. What is estimated belongs to
the process that the corpus came from: the items count as a random sample. Used in lesson 06.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workshop_lib.errors import BadInputError, SettingError
from workshop_lib.labeling.estimators import estimate, estimators
from workshop_lib.labeling.sampling import sample_for_gold
from workshop_lib.labeling.simulation import coverage
from workshop_lib.labeling.tables import (
    check_choices, check_label, hand_values, item_columns, machine_values, numbers, two_groups,
)  # fmt: skip

__all__ = ["Correction", "correct", "coverage", "power", "sample_for_gold"]
ESTIMANDS = ("prevalence", "difference", "regression")
METHODS = {"ppi": ("PPI", "PPI++"), "dsl": ("DSL",), "both": ("PPI", "PPI++", "DSL")}
MODELS = ("linear", "logistic")
FEW = 50  # below so many hand labels, intervals from the normal distribution are rough


@dataclass(frozen=True)
class Correction:
    """A table of estimates with and without correction, and what to know about them."""

    table: pd.DataFrame  # index: estimator (in a regression: term, estimator)
    estimand: str  # in words
    level: float
    items: int
    hand_labels: int
    notes: tuple[str, ...]

    def __str__(self) -> str:
        head = f"{self.estimand}: {self.items:,} items, {self.hand_labels:,} hand labels, {self.level:.0%} intervals"
        return "\n".join([head, self.table.round(4).to_string(), *self.notes])

    def _repr_html_(self) -> str:
        import html

        texts = [f"<p>{html.escape(text)}</p>" for text in (str(self).split("\n")[0], *self.notes)]
        return texts[0] + self.table.round(4).to_html() + "".join(texts[1:])


def correct(
    predictions: pd.DataFrame,
    gold: pd.DataFrame,
    question: str,
    label: str | None = None,
    estimand: str = "prevalence",
    group: str | None = None,
    compare: Sequence | None = None,
    outcome: str | None = None,
    covariates: str | Sequence[str] = (),
    model: str = "linear",
    items: pd.DataFrame | None = None,
    method: str = "both",
    level: float = 0.95,
    probabilities: bool = False,
    seed: int = 0,
) -> Correction:
    """Estimate a share, a difference or a regression from machine labels, corrected with hand labels.

    Args:
        predictions: the results of ``label()``; or one row an item, with "id" and a column named as the
            question: labels, or numbers from 0 to 1 for the probability of ``label``. Several repeats of an
            item count as the share of them that say ``label``.
        gold: "id", a column named as the question, and, unless all items had the same chance of being
            drawn, "inclusion" (see ``sample_for_gold``).
        question: its name.
        label: the label to count (in a Tags question, one of the tags); None: the labels are numbers (Scale).
        estimand: "prevalence" (a share; for a Scale the mean), "difference" (of two groups) or "regression".
        group: for a difference, the column of the groups.
        compare: the two groups a and b, for a − b; None: the only two, in sorted order.
        outcome: for a regression, the column that is explained; None or the question: the label is explained.
        covariates: for a regression, the columns that explain; with another outcome, the question among
            them. Text columns become one 0/1 column a value but the first. For the other estimands,
            columns that help DSL to predict the hand label.
        model: of a regression, "linear" or "logistic".
        items: "id" with groups and covariates; None: they are columns of ``predictions``.
        method: "ppi", "dsl" or "both".
        level: of the intervals.
        probabilities: use the probabilities in the results instead of the labels.
        seed: of the folds of DSL.

    Returns:
        A Correction whose table has, for each estimator (and term), "estimate", "standard error", "low",
        "high", "hand labels", "worth" (how many hand labels alone would be as precise) and "lambda".
        "naive" takes the machine labels for true, and its interval doesn't know better.

    Raises:
        SettingError, UnknownNameError, BadInputError: see the messages.

    Source: Angelopoulos et al. (2023), Prediction-powered inference, Science 382; Angelopoulos, Duchi and
    Zrnic (2023), PPI++, arXiv:2311.01453; Egami, Hinck, Stewart and Wei (2023), Using imperfect surrogates
    for downstream inference, NeurIPS. Used in lesson 06.

    >>> says = pd.DataFrame({"id": list("abcdefgh"), "theme": ["work"] * 6 + ["home"] * 2})
    >>> gold = pd.DataFrame({"id": list("aceg"), "theme": ["work", "work", "home", "home"]})
    >>> correct(says, gold, "theme", "work").table["estimate"].loc[["naive", "hand only", "PPI"]].tolist()
    [0.75, 0.5, 0.5]
    """
    check_choices(estimand=(estimand, ESTIMANDS), method=(method, tuple(METHODS)), model=(model, MODELS))
    if not 0 < level < 1:
        raise SettingError(f"The level is {level}. Give a share between 0 and 1, such as 0.95.")
    covariates = [covariates] if isinstance(covariates, str) else list(covariates)
    notes: list[str] = []
    machine = machine_values(predictions, question, label, probabilities)
    hand, inclusion = hand_values(gold, question, label, machine.index, notes)
    check_label(label, question, predictions, gold, machine, hand)
    columns = item_columns(predictions, items, machine.index)
    if estimand == "difference":
        inside, pair = two_groups(columns, group, compare)
        machine, columns = machine[inside], columns[inside]
        hand = hand[hand.index.isin(machine.index)]
    said = machine.notna().to_numpy()
    if not said.any():
        raise BadInputError(f"No item has a machine label for '{question}'. See the status column of the results.")
    f = machine.fillna(machine.mean()).to_numpy(float)  # machine labels
    y, weights = f.copy(), np.zeros(len(f))  # hand labels at their places
    places = machine.index.get_indexer(hand.index)
    y[places], weights[places] = hand, 1 / inclusion[hand.index]
    _check_hand(y[places], len(gold), question, label)
    weights /= weights.mean()
    notes += _cautions(weights[places], said)

    what = f"mean of '{question}'" if label is None else f"share of '{label}'"
    terms, names, title = np.ones((len(f), 1)), [what], what  # terms: the machine's labels may be among them
    outcomes, label_at, logistic = None, None, False  # outcomes: of a regression that doesn't explain the label
    if estimand == "difference":
        first = (columns[group] == pair[0]).to_numpy(float)
        terms, names = np.column_stack([terms, first]), [f"{pair[0]} − {pair[1]}"]
        title = f"{what}, {names[0]}"
        if not 1 < first[places].sum() < len(places) - 1:
            raise BadInputError(
                f"Of {len(places)} hand labels, {first[places].sum():.0f} are of {pair[0]!r}, the rest of {pair[1]!r}. "
                "Label at least 2 of each by hand, better 100: sample_for_gold(…, by=…) draws from both."
            )
    elif estimand == "regression":
        title, logistic = f"regression ({model})", model == "logistic"
        terms, names, outcomes, label_at = _regression_terms(columns, question, outcome, covariates, f, logistic)
        if logistic and outcomes is None and (min(y.min(), f.min()) < 0 or max(y.max(), f.max()) > 1):
            remedy = "Name a 'label', or use model='linear'."
            raise BadInputError(f"A logistic regression explains labels from 0 to 1. {remedy}")
    others = [np.delete(terms, [0] if label_at is None else [0, label_at], axis=1)]
    if estimand != "regression":
        others.append(numbers(columns, covariates)[0])
    if outcomes is not None:
        others.append(outcomes)
    centre, spread = terms.mean(0), terms.std(0)
    centre[0], spread[spread == 0] = 0.0, 1.0

    def rows(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return terms, standardised, and outcome of the regression with these labels."""
        given = terms.copy()
        if label_at is not None:
            given[:, label_at] = labels
        return (given - centre) / spread, labels if outcomes is None else outcomes

    back = np.diag(1 / spread)  # from coefficients of standardised terms to those of the terms
    back[0] -= centre / spread
    contrasts = back[-1:] if estimand != "regression" else back
    randomness = np.random.default_rng(seed)
    wanted = estimators(rows, y, f, np.column_stack(others), weights, randomness, said, logistic)
    wanted = {name: wanted[name] for name in ("naive", "hand only", *METHODS[method])}
    table = _tabulate(wanted, names, contrasts, level, len(places), notes)
    if estimand != "regression":
        table = table.droplevel("term")
    return Correction(table, title, level, len(f), len(places), tuple(notes))


def _check_hand(y: np.ndarray, drawn: int, question: str, label: str | None) -> None:
    """Raise an error if there are too few hand labels to learn from."""
    if len(y) < 4:
        raise BadInputError(f"There are {len(y)} hand labels here, in {drawn} gold rows. Label at least 4, better 200.")
    if np.ptp(y) == 0:
        raise BadInputError(
            f"All {len(y)} hand labels say the same about {question if label is None else label!r}, which leaves their "
            "error unknown. Label more by hand, say half of them from items that the machine counts: "
            "sample_for_gold(…, by=…, weights=…)."
        )


def _cautions(weights: np.ndarray, said: np.ndarray) -> list[str]:
    """Return what to know about the hand labels' weights, and about items without a machine label."""
    notes = []
    if np.ptp(weights) > 1e-9:
        notes.append(
            "The items had unequal chances to be drawn, and the estimates make up for it. If drawn in strata, "
            "the standard error of 'hand only' is too large, so that 'worth' and power() flatter the corrections."
        )
    if not said.all():
        notes.append(
            f"{(~said).sum()} of {len(said)} items have no machine label: left out of the naive estimate; "
            "the others take the mean of the machine's labels for them, which hand labels correct like any other."
        )
    if len(weights) < FEW:
        notes.append(f"Only {len(weights)} hand labels: the intervals are rough below {FEW}. Label more by hand.")
    return notes


def _regression_terms(
    columns: pd.DataFrame,
    question: str,
    outcome: str | None,
    covariates: list[str],
    machine: np.ndarray,
    logistic: bool,
) -> tuple[np.ndarray, list[str], np.ndarray | None, int | None]:
    """Return terms with machine labels, their names, an outcome that isn't the label, and the label's column."""
    explains_label = outcome in (None, question)
    if not covariates or (question in covariates) == explains_label:
        raise BadInputError(
            f"A regression needs covariates, and the label of {question!r} once: as the outcome (outcome=None), or "
            f"among the covariates. Outcome: {outcome!r}, covariates: {covariates}."
        )
    before = covariates[: covariates.index(question)] if not explains_label else covariates
    after = covariates[len(before) + 1 :]
    (first, first_names), (second, second_names) = numbers(columns, before), numbers(columns, after)
    one = np.ones((len(columns), 1))
    if explains_label:
        return np.concatenate([one, first], axis=1), ["constant", *first_names], None, None
    explained, names = numbers(columns, [outcome])
    if names != [outcome]:
        raise BadInputError(f"The outcome {outcome!r} must be a column of numbers; turn its values into 0 and 1 first.")
    if logistic and not np.isin(explained, (0, 1)).all():
        raise BadInputError(f"A logistic regression needs the outcome {outcome!r} to be 0 or 1. Or use model='linear'.")
    terms = np.concatenate([one, first, machine[:, None], second], axis=1)
    return terms, ["constant", *first_names, question, *second_names], explained[:, 0], 1 + len(first_names)


def _tabulate(
    wanted: dict, names: list[str], contrasts: np.ndarray, level: float, hand_labels: int, notes: list[str]
) -> pd.DataFrame:
    """Return one row a term and estimator; ``contrasts`` has shape (terms, d)."""
    from scipy.stats import norm

    width, rows, failed = norm.ppf((1 + level) / 2), [], set()
    for name, contrast in zip(names, contrasts, strict=True):
        precision = None
        for estimator, (data, share) in wanted.items():
            value, error, used = (float(part) for part in estimate(data, contrast, share))
            if estimator == "hand only":
                precision = error
            if not np.isfinite(error):
                failed.add(estimator)
            rows.append(
                {
                    "term": name, "estimator": estimator, "estimate": value, "standard error": error,
                    "low": value - width * error, "high": value + width * error,
                    "hand labels": 0 if estimator == "naive" else hand_labels,
                    "worth": hand_labels * (precision / error) ** 2 if precision and error > 0 else np.nan,
                    "lambda": used if estimator.startswith("PPI") else np.nan,
                }
            )  # fmt: skip
    if failed:
        notes.append(
            f"No solution for: {', '.join(sorted(failed))}. Columns repeat each other, or one separates the "
            "labels perfectly. Take fewer covariates, or label more by hand."
        )
    return pd.DataFrame(rows).set_index(["term", "estimator"])


def power(
    pilot: Correction | tuple[float, float, float],
    n_total: int,
    half_width: float | Sequence[float],
    level: float = 0.95,
) -> pd.DataFrame:
    """Return how many hand labels an interval of a wanted width needs, by hand labels alone and by PPI++.

    With σ² the variance of one hand label's contribution and ρ its correlation with the machine's,
    the squared standard error is σ² / n by hand, and σ² (1 − ρ²) / n + σ² ρ² / N by PPI++. It must
    be at most (half width / z)².

    Args:
        pilot: a Correction by method "ppi" or "both"; or (prevalence, sensitivity, specificity) as you
            expect them, for the share of a label.
        n_total: N, number of items with a machine label.
        half_width: wanted distance from the estimate to the end of its interval; or several.
        level: of the interval.

    Returns:
        One row a half width (and term of a regression): "hand only", "PPI++" (numbers of hand labels; NA if all N
        don't suffice) and "saved" (share of the hand labels that PPI++ saves).

    Raises:
        BadInputError: rates outside 0 to 1, a pilot without PPI++, or a width or N that isn't above 0.

    Used in lesson 06.

    >>> power((0.3, 0.9, 0.95), 20_000, 0.03)[["hand only", "PPI++"]].iloc[0].tolist()
    [897, 264]
    """
    from scipy.stats import norm

    widths = np.atleast_1d(np.asarray(half_width, float))
    if not (np.isfinite(widths) & (widths > 0)).all() or n_total < 1 or not 0 < level < 1:
        raise BadInputError(
            f"half_width is {half_width}, n_total {n_total}, level {level}. The first two must be above 0, "
            "the level between 0 and 1."
        )
    rows = []
    for term, variance, explained in _pilot_variances(pilot):
        for width in widths:
            target = (width / norm.ppf((1 + level) / 2)) ** 2
            left = target - variance * explained / n_total
            hand = np.ceil(variance / target - 1e-9)
            both = np.ceil(variance * (1 - explained) / left - 1e-9) if left > 0 else np.inf
            hand, both = (max(count, 2) if count <= n_total else np.nan for count in (hand, both))
            rows.append({"term": term, "half width": width, "hand only": hand, "PPI++": both, "saved": 1 - both / hand})
    table = pd.DataFrame(rows).astype({"hand only": "Int64", "PPI++": "Int64"})
    return table if table["term"].nunique() > 1 else table.drop(columns="term")


def _pilot_variances(pilot: Correction | tuple[float, float, float]) -> list[tuple[str, float, float]]:
    """Return (term, σ², ρ²) for each term of a pilot; see ``power``."""
    if isinstance(pilot, Correction):
        table = pilot.table if pilot.table.index.nlevels == 2 else pd.concat({"": pilot.table}, names=["term"])
        found = []
        for term, rows in table["standard error"].groupby(level="term", sort=False):
            errors = rows.droplevel("term")
            if "PPI++" not in errors.index:
                raise BadInputError("The pilot has no PPI++ row. Make it with correct(..., method='both').")
            gain = 1 - (errors["PPI++"] / errors["hand only"]) ** 2
            share = pilot.hand_labels / pilot.items
            explained = float(np.clip(gain / (1 - share), 0, 1)) if share < 1 else 0.0
            found.append((term, float(errors["hand only"] ** 2 * pilot.hand_labels), explained))
        return found
    rates = np.asarray(pilot, float)
    if rates.shape != (3,) or not ((rates >= 0) & (rates <= 1)).all() or not 0 < rates[0] < 1:
        raise BadInputError(
            f"The pilot is {pilot!r}. Give a Correction, or (prevalence, sensitivity, specificity) between 0 and 1."
        )
    share, sensitivity, specificity = rates
    said = share * sensitivity + (1 - share) * (1 - specificity)  # share that the machine finds
    spread = said * (1 - said)
    explained = (share * (sensitivity - said)) ** 2 / (share * (1 - share) * spread) if spread > 0 else 0.0
    useful = sensitivity + specificity > 1  # a machine worse than chance gets λ = 0
    return [("", float(share * (1 - share)), float(min(explained, 1.0)) if useful else 0.0)]
