"""What comes in: answers, gold labels and items, read from tables and checked. Used in lesson 06."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from workshop_lib.errors import BadInputError, SettingError, UnknownNameError, closest
from workshop_lib.labeling.protocol import STATUSES


def check_choices(**choices: tuple[str, Sequence[str]]) -> None:
    """Raise an error if an argument's value isn't among the known ones."""
    for what, (value, known) in choices.items():
        if value not in known:
            raise SettingError(f"There is no {what} {value!r}. Choose one of: {', '.join(known)}.")


def need_columns(table: pd.DataFrame, names: Iterable[str], what: str) -> None:
    """Raise an error that lists the columns if one is missing."""
    for name in names:
        if name not in table.columns:
            known = closest(str(name), list(map(str, table.columns)))
            raise UnknownNameError(f"There is no column {name!r} in {what}. {known}")


def is_missing(value: object) -> bool:
    """Return whether a cell is empty: None, NaN or NA. An empty string may mean: no tag."""
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def as_label(value: object) -> str | None:
    """Return a label or id as a string: 4 and 4.0, as pandas reads numbers, are "4"; NaN is None."""
    if is_missing(value):
        return None
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)


def as_labels(column: Iterable) -> list[str | None]:
    """Return labels or ids as strings, None where there is none."""
    return [as_label(value) for value in column]


def ids_of(table: pd.DataFrame, what: str, remedy: str = "Give each item its own id.") -> pd.Index:
    """Return the ids of a table as strings; raise an error unless each row has its own."""
    need_columns(table, ["id"], what)
    if not len(table):
        raise BadInputError(f"The table of {what} is empty.")
    ids = pd.Index(as_labels(table["id"]), dtype=object, name="id")
    wrong = ids.duplicated() | ids.isna()
    if wrong.any():
        raise BadInputError(f"In {what}, the id {ids[wrong][0]!r} is missing or occurs twice. {remedy}")
    return ids


def same_ids(have: pd.Index, want: pd.Index, what: str, lacking: str, remedy: str) -> None:
    """Raise an error if an id of one table isn't in another."""
    missing = have.difference(want, sort=False)
    if len(missing):
        hint = f" No id matches: the other table's look like '{want[0]}'." if len(missing) == len(have) else ""
        shown = ", ".join(f"'{one}'" for one in missing[:3])
        raise BadInputError(
            f"{len(missing)} of {len(have)} items with {what} lack {lacking}, such as {shown}.{hint} {remedy}"
        )


# Answers beside gold labels


def of_question(results: pd.DataFrame, question: str) -> pd.DataFrame:
    """Return the rows of a question."""
    rows = results[results["question"] == question]
    if rows.empty:
        known = closest(question, sorted(map(str, results["question"].unique())))
        raise UnknownNameError(f"The results have no answers to '{question}'. {known}")
    return rows


def answers(results: pd.DataFrame, question: str) -> pd.DataFrame:
    """Return label ("said"), status and probabilities of one question by id; a failure has no label."""
    need_columns(results, ("question", "label", "status"), "the results")
    mine = of_question(results, question)
    remedy = "Choose one repeat and one model, results[results['repeat'] == 0], or vote first."
    ids = ids_of(mine, f"the answers to '{question}'", remedy)
    unknown = sorted(set(map(str, mine["status"])) - set(STATUSES))
    if unknown:
        raise BadInputError(f"The results have the status {unknown[0]!r}. Known: {', '.join(STATUSES)}.")
    table = pd.DataFrame({"said": as_labels(mine["label"]), "status": list(mine["status"])}, ids, dtype=object)
    table["probabilities"] = list(mine["probabilities"]) if "probabilities" in mine else None
    ok = table["status"] == "ok"
    if (bare := ok & table["said"].isna()).any():
        raise BadInputError(f"Item '{ids[bare][0]}' has the status ok but no label. Give it the status of its failure.")
    return table.assign(said=table["said"].where(ok, None))


def joined(results: pd.DataFrame, gold: pd.DataFrame, question: str, sample: bool | None) -> pd.DataFrame:
    """Return the items with a gold label: truth, said, status, probabilities and the coders' columns.

    Args:
        sample: True if gold holds only some of the items; None: whether it has a column "inclusion".
    """
    need_columns(gold, [question], "the gold labels")
    said = answers(results, question)
    ids = ids_of(gold, "the gold labels", "Keep one row an item.")
    data = {"truth": as_labels(gold[question])}
    for column in sorted(map(str, gold.columns), key=lambda name: (len(name), name)):
        if number := re.fullmatch(re.escape(question) + r"_coder_(\d+)", column):
            data[f"coder {number[1]}"] = as_labels(gold[column])
    same_ids(ids, said.index, "gold labels", "an answer", "Label them too, or drop them from gold.")
    if not ("inclusion" in gold if sample is None else sample):
        same_ids(said.index, ids, "answers", "a gold row", "If gold is a sample of the items, say sample=True.")
    table = pd.DataFrame(data, index=ids, dtype=object).join(said)
    coded = table[table["truth"].notna()]
    if coded.empty:
        raise BadInputError(f"Gold has {len(table)} rows, but none has a label in '{question}'. Fill in the column.")
    return coded


def coder_columns(rows: pd.DataFrame) -> list[str]:
    """Return the names of the coders' columns in a table of :func:`joined`."""
    return [column for column in rows.columns if column.startswith("coder ")]


# Labels as numbers


def indicator(value: object, label: str | None) -> float:
    """Return 1 if a label is, or as a tag holds, the label asked for, else 0; its number if none is; NaN if missing.

    >>> indicator("work|home", "home"), indicator("work", "home"), indicator("4", None)
    (1.0, 0.0, 4.0)
    """
    text = as_label(value)
    if text is None:
        return float("nan")
    if label is not None:
        return float(text == label or label in text.split("|"))
    try:
        return float(value)
    except ValueError:
        raise BadInputError(f"The label {value!r} isn't a number. Say which label to count: label='…'.") from None


def stated(cell: object, label: str | None) -> float:
    """Return the stated probability of a label, or of a Scale the expected number; NaN if none is stated."""
    if not isinstance(cell, Mapping):
        return float("nan")
    if label is None:
        return sum(float(number) * probability for number, probability in cell.items())
    if label not in cell:
        raise UnknownNameError(f"No probability is stated for {label!r}. {closest(label, sorted(cell))}")
    return float(cell[label])


def machine_values(table: pd.DataFrame, question: str, label: str | None, probabilities: bool) -> pd.Series:
    """Return what the machine says of each item as a number, indexed by id; NaN where it says nothing."""
    if {"question", "label"} <= set(table.columns):
        rows = of_question(table, question)
        need_columns(rows, ["id", "probabilities"] if probabilities else ["id"], "the results")
        read, column = (stated, "probabilities") if probabilities else (indicator, "label")
        values = pd.Series([read(cell, label) for cell in rows[column]], index=as_labels(rows["id"]), dtype=float)
        return values.groupby(level=0, sort=False).mean()  # over repeats
    ids = ids_of(table, "the predictions")
    need_columns(table, [question], "the predictions")
    column = table[question]
    if label is None or not pd.api.types.is_numeric_dtype(column):
        return pd.Series([indicator(value, label) for value in column], index=ids, dtype=float)
    if not column.dropna().between(0, 1).all():
        raise BadInputError(
            f"Column {question!r} has numbers from {column.min()} to {column.max()}, which aren't probabilities of "
            f"{label!r}. Give labels as strings, or label=None for the numbers of a Scale."
        )
    return pd.Series(column.to_numpy(float, na_value=np.nan), index=ids)


def hand_values(
    gold: pd.DataFrame, question: str, label: str | None, known: pd.Index, notes: list[str]
) -> tuple[pd.Series, pd.Series]:
    """Return the hand labels as numbers and the inclusion probabilities, indexed by id."""
    ids = ids_of(gold, "the gold labels")
    need_columns(gold, [question], "the gold labels")
    remedy = "Give predictions for all items, those labelled by hand included."
    same_ids(ids, known, "gold labels", "a prediction", remedy)
    hand = pd.Series([indicator(value, label) for value in gold[question]], index=ids, dtype=float)
    if "inclusion" in gold.columns:
        inclusion = pd.Series(pd.to_numeric(gold["inclusion"], errors="coerce").to_numpy(float), index=ids)
        wrong = inclusion[~((inclusion > 0) & (inclusion <= 1))]
        if len(wrong):
            raise BadInputError(
                f"The inclusion probability of item {wrong.index[0]!r} is {wrong.iloc[0]}. "
                "It must be above 0 and at most 1; sample_for_gold writes the right ones."
            )
        stands_for = (1 / inclusion).sum()
        if not 0.5 <= stands_for / len(known) <= 2:
            raise BadInputError(
                f"By their inclusion probabilities, the {len(gold)} gold items stand for {stands_for:,.0f} items, but "
                f"there are predictions for {len(known):,}. Give predictions for those that gold was drawn from."
            )
    else:
        inclusion = pd.Series(len(gold) / len(known), index=ids)
        notes.append("The gold has no column 'inclusion': all items are taken to have had the same chance to be drawn.")
    if hand.isna().any():
        notes.append(
            f"{hand.isna().sum()} of {len(hand)} gold items have no hand label and count as not drawn. "
            "If they were hard to code, the estimates lean to the easy ones."
        )
    return hand.dropna(), inclusion


def check_label(
    label: str | None, question: str, predictions: pd.DataFrame, gold: pd.DataFrame, machine: pd.Series, hand: pd.Series
) -> None:
    """Raise an error if neither hands nor machine ever give the label: most likely a slip."""
    if label is not None and not hand.any() and not machine.any():
        columns = [gold[question], predictions.get("label", predictions.get(question))]
        seen = {str(value) for column in columns for value in column.dropna()}
        raise UnknownNameError(f"No label is {label!r}. {closest(label, sorted(seen))}")


# Groups and covariates


def item_columns(predictions: pd.DataFrame, items: pd.DataFrame | None, known: pd.Index) -> pd.DataFrame:
    """Return one row an item, in the order of ``known``, with groups and covariates."""
    if items is None:
        table = predictions.set_index(pd.Index(as_labels(predictions["id"])))
        return table[~table.index.duplicated()].loc[known]
    table = items.set_index(ids_of(items, "the items"))
    same_ids(known, table.index, "predictions", "a row in 'items'", "Give all of them.")
    return table.loc[known]


def filled(columns: pd.DataFrame, name: str) -> pd.Series:
    """Return a column of the items, or raise an error if it doesn't exist or has gaps."""
    need_columns(columns, [name], "the items (columns of the predictions, or of items=…)")
    if columns[name].isna().any():
        raise BadInputError(
            f"Column {name!r} is missing for {columns[name].isna().sum()} items. Fill it, or leave these items out of "
            "predictions and gold."
        )
    return columns[name]


def two_groups(columns: pd.DataFrame, group: str | None, compare: Sequence | None) -> tuple[np.ndarray, tuple]:
    """Return which items belong to one of the two groups, and the groups."""
    if group is None:
        raise BadInputError("A difference needs the column of the groups: group='…'.")
    values = filled(columns, group)
    found = sorted(values.unique(), key=str)
    pair = tuple(found if compare is None else compare)
    if len(pair) != 2 or pair[0] == pair[1]:
        shown = ", ".join(map(repr, found[:10]))
        raise BadInputError(f"Column {group!r} has {len(found)} groups: {shown}. Name two of them: compare=(a, b).")
    for name in pair:
        if name not in found:
            known = closest(str(name), list(map(str, found)))
            raise UnknownNameError(f"Column {group!r} has no group {name!r}. {known}")
    return values.isin(pair).to_numpy(), pair


def numbers(columns: pd.DataFrame, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Return columns as numbers, shape (N, k), and their names; text becomes 0/1 for each value but the first."""
    found = {}
    for name in names:
        values = filled(columns, name)
        if pd.api.types.is_numeric_dtype(values):  # true of booleans too
            found[name] = values.to_numpy(float)
        else:
            found |= {f"{name}: {level}": values == level for level in sorted(values.unique(), key=str)[1:]}
    return np.array([*found.values()], float).reshape(-1, len(columns)).T, list(found)
