"""Checks of what a user gives to a model: each returns the value, or says what is wrong with it."""

from __future__ import annotations

import operator
from numbers import Real

from workshop_lib.errors import BadInputError, UnknownNameError, closest

INFINITY = float("inf")


def whole_number(name: str, value: int, least: int = 0) -> int:
    """Return the value as an int; an error unless it is a whole number of at least ``least``.

    >>> whole_number("seed", 7)
    7
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or isinstance(value, bool):
        raise BadInputError(f"{name} is {value!r}. Give a whole number, {least} or more.")
    return number


def number_between(name: str, value: float, low: float = 0.0, high: float = INFINITY) -> float:
    """Return the value as a float; an error unless it is a finite number from ``low`` to ``high``.

    >>> number_between("share", 0.5, 0, 1)
    0.5
    """
    good = (
        isinstance(value, Real)
        and not isinstance(value, bool)
        and low <= value <= high
        and value < INFINITY
    )
    if not good:
        allowed = f"{low:g} or more" if high == INFINITY else f"from {low:g} to {high:g}"
        raise BadInputError(f"{name} is {value!r}. Give a number, {allowed}.")
    return float(value)


def one_of(kind: str, name: str, known: tuple[str, ...]) -> str:
    """Return the name; an error that lists the known ones unless it is among them.

    >>> one_of("contact structure", "grid", ("mixed", "grid"))
    'grid'
    """
    if name not in known:
        raise UnknownNameError(f"There is no {kind} '{name}'. {closest(name, list(known))}")
    return name
