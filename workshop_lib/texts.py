"""What every room that reads texts shares: checks of the input, and batches of like length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workshop_lib.errors import BadInputError


class CutTextWarning(UserWarning):
    """A text is longer than the model reads, and its end was left out."""


def checked(values: Iterable[str], name: str = "texts") -> list[str]:
    """Return texts as a list, or raise an error that names the first item that is none.

    Raises:
        BadInputError: the input is a single string, or an item is no string.

    >>> checked(["one", ""])
    ['one', '']
    """
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise BadInputError(
            f"The {name} are {values!r}. Give a list of strings, such as ['{str(values)[:20]}']."
        )
    values = list(values)
    for position, value in enumerate(values):
        if not isinstance(value, str):
            raise BadInputError(
                f"Item {position} of the {name} is {value!r} ({type(value).__name__}), not a "
                "string. Drop missing values first: table.dropna(), or fill them with ''."
            )
    return values


def batches(lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Return the numbers of the texts in batches of like length, the longest first.

    Texts of one batch are padded to its longest, so like lengths waste little. A batch holds
    at most ``token_budget`` tokens, padding included, and at least one text.

    >>> batches([39, 10, 40, 11], token_budget=80)
    [[2, 0], [3, 1]]
    """
    found: list[list[int]] = []
    longest = 0  # of the batch being filled: as long as all its rows once padded
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        similar = lengths[row] >= 0.8 * longest
        if found and similar and longest * (len(found[-1]) + 1) <= token_budget:
            found[-1].append(row)
        else:
            found.append([row])
            longest = lengths[row]
    return found
