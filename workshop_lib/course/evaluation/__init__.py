"""Recomputes the figures of the model cards from the shipped weights, a file a role."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import NamedTuple

from workshop_lib.errors import UnknownNameError, closest

ROLES = ("word_vectors", "causal_lm", "assistant", "translator", "image_text", "masked_lm", "sums")  # the shipped models


class Figure(NamedTuple):
    """One figure of a model card."""

    name: str  # what is measured, with its unit
    value: float | str
    on: str  # what it was measured on, with the number of cases
    needs_corpus: bool = False


def figures(role: str, corpus: Path | None = None) -> list[Figure]:
    """Recompute the figures of one model card.

    Args:
        role: one of ROLES.
        corpus: folder of the training corpora; None leaves out what is measured on them.

    Raises:
        UnknownNameError: there is no such role.
        MissingFileError: the corpora aren't at that place.
    """
    if role not in ROLES:
        raise UnknownNameError(f"No model card has the role '{role}'. {closest(role, ROLES)}")
    return importlib.import_module(f"{__name__}.{role}").figures(corpus)


def text(found: list[Figure]) -> str:
    """Return figures as lines of text."""
    width = max(len(figure.name) for figure in found)
    rows = []
    for figure in found:
        mark = " (needs --corpus)" if figure.needs_corpus else ""
        rows.append(f"  {figure.name:<{width}}  {figure.value}  · {figure.on}{mark}")
    return "\n".join(rows)
