"""Checks and splits of a table of labelled texts."""

from __future__ import annotations

import re
import warnings

import pandas as pd

from workshop_lib.errors import BadInputError, closest


class LeakWarning(UserWarning):
    """The same text stands in the training rows and in the rows held out."""


def checked_table(
    table: pd.DataFrame,
    text: str,
    label: str,
    known: list[str] | None = None,
    other: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the two columns with labels as strings, or raise an error that says what to do.

    Args:
        table: one row a text.
        text: the column of the texts.
        label: the column of the labels.
        known: the labels that may occur; None wants at least two, whatever they are.
        other: the training rows; a warning says how many of their texts stand here too.

    Raises:
        BadInputError: a column or a label is missing, a text is no string, a label is unknown,
            or only one label occurs.
    """
    for column in (text, label):
        if column not in table.columns:
            raise BadInputError(
                f"The table has no column '{column}'. {closest(column, list(map(str, table.columns)))}"
            )
    if table.empty:
        raise BadInputError("The table has no rows. Check the filter that made it.")
    missing = table[label].isna() | table[text].isna()
    if missing.any():
        raise BadInputError(
            f"{missing.sum()} of {len(table)} rows have no text or no label, the first at index "
            f"{table.index[missing][0]!r}. Drop them: table.dropna(subset=['{text}', '{label}'])."
        )
    wrong = table[text].map(lambda value: not isinstance(value, str))
    if wrong.any():
        value = table.loc[wrong, text].iloc[0]
        raise BadInputError(
            f"{wrong.sum()} texts in the column '{text}' are no strings, such as {value!r}. "
            f"Turn them into strings, or choose another column."
        )
    found = pd.DataFrame({text: table[text], label: table[label].map(as_string)})
    labels = sorted(set(found[label]))
    if known is None and len(labels) < 2:
        raise BadInputError(
            f"All {len(found)} rows have the label '{labels[0]}'. A classifier needs rows of at "
            "least two labels to learn a difference."
        )
    if known is not None and set(labels) - set(known):
        raise BadInputError(
            f"The label '{min(set(labels) - set(known))}' didn't occur in training. "
            f"The classifier knows: {', '.join(known)}."
        )
    if other is not None:
        shared = set(found[text].map(plain)) & set(other[text].map(plain))
        if shared:
            warnings.warn(
                f"{len(shared)} texts stand in the training rows and in the rows held out, such as "
                f"'{min(shared)[:60]}'. The score will be too good; drop them from one side.",
                LeakWarning,
                stacklevel=3,
            )
    return found


def as_string(label: object) -> str:
    """Return a label as a string; 1.0 becomes "1".

    >>> as_string(1.0), as_string("yes"), as_string(True)
    ('1', 'yes', 'True')
    """
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    return str(label)


def plain(text: str) -> str:
    """Return a text without case, punctuation and repeated spaces, to find copies.

    >>> plain("So  true!!") == plain("so true")
    True
    """
    return " ".join(re.findall(r"\w+", text.lower()))


def split(
    table: pd.DataFrame, share: float, label: str = "label", seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (rest, part): a share of the rows set apart, each label in its proportion.

    Raises:
        BadInputError: the share is no number between 0 and 1, or a label has too few rows.
    """
    from sklearn.model_selection import train_test_split

    if not 0 < share < 1:
        raise BadInputError(f"The share set apart is {share}. Choose a number between 0 and 1.")
    counts = table[label].value_counts()
    try:
        return train_test_split(table, test_size=share, stratify=table[label], random_state=seed)
    except ValueError as error:
        raise BadInputError(
            f"A share of {share} of {len(table)} rows can't keep every label on both sides: "
            f"'{counts.index[-1]}' has {counts.iloc[-1]} rows ({error}). "
            "Take a larger share, or more rows of that label."
        ) from None
