"""How would one know? Decisions of a model beside those of a rule, or of people.

A simulation with a chat model always produces something. It says something about people only as
far as its decisions are like theirs, so put them side by side: with a rule that needs no model
(does the model add anything?), and with what people were seen to do (is it right?). The second
takes data that this course doesn't ship, such as a time-use survey or moves between districts.
Used in lesson 07.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError, closest
from workshop_lib.labeling.protocol import Answer, Request

if TYPE_CHECKING:
    import pandas as pd


class ByHabit:
    """The rule agents of the town, as an engine: habits decide, and everything or nothing is told.

    It answers the question "tell" alone and leaves all others open, so that the town does the
    default: people go where they always go and talk to those they have ties to. What a chat model
    adds to a town is what differs from this one: ``GenerativeTown(people, places, ByHabit())``.

    Args:
        tell: "yes": everybody passes on what comes to mind; "no": nobody does.

    Used in lesson 07.
    """

    name, model, local = "by habit", "habits", True

    def __init__(self, tell: str = "yes") -> None:
        if tell not in ("yes", "no"):
            raise BadInputError(f"tell is {tell!r}. Choose 'yes' or 'no'.")
        self.tell = tell

    def settings(self) -> dict:
        """Return what changes answers."""
        return {"tell": self.tell}

    def ask(self, request: Request) -> Answer:
        """Return whether to tell; all else is left open."""
        if request.question == "tell":
            return Answer(self.tell, model=self.model)
        return Answer(None, "invalid", model=self.model, detail="Left to the default.")

    write = ask


def distance(
    decided: Sequence[str],
    reference: Sequence[str] | Mapping[str, float],
    options: Sequence[str],
    names: tuple[str, str] = ("decided", "reference"),
) -> pd.DataFrame:
    """Return two distributions over the same options, and how far apart they are.

    Args:
        decided: what the model decided, one entry a decision.
        reference: what others decided, one entry a decision; or option -> share, such as the
            shares of a survey, which must sum to 1.
        options: all options.
        names: of the two columns.

    Returns:
        Table by option with two columns of shares; in ``attrs``: "decisions" (their number) and
        "distance": the total variation distance ½ Σ |p − q|, the share of decisions that would
        have to be others; 0 is equal, 1 nothing in common.

    Raises:
        BadInputError: a decision that is no option, or shares that don't sum to 1.

    Used in lesson 07.

    >>> decided, survey = ["work", "food", "food", "food"], {"work": 0.5, "food": 0.5}
    >>> found = distance(decided, survey, ["work", "food"])
    >>> found.attrs["distance"]
    0.25
    """
    import pandas as pd

    options = list(options)
    columns = [_shares(decided, options), _shares(reference, options)]
    table = pd.DataFrame(
        dict(zip(names, columns, strict=True)), index=pd.Index(options, name="option")
    )
    gap = float(np.abs(columns[0] - columns[1]).sum() / 2) if len(decided) else float("nan")
    table.attrs |= {"decisions": len(decided), "distance": gap}
    return table


def _shares(given: Sequence[str] | Mapping[str, float], options: Sequence[str]) -> np.ndarray:
    """Return the share of each option, shape (options,); NaN if there is no decision."""
    for option in given:
        if option not in options:
            raise BadInputError(
                f"'{option}' is none of the options. {closest(str(option), list(options))}"
            )
    if isinstance(given, Mapping):
        shares = np.array([float(given.get(option, 0)) for option in options])
        if abs(shares.sum() - 1) > 1e-6 or (shares < 0).any():
            raise BadInputError(
                f"The shares sum to {shares.sum():g}. Give shares of all decisions that sum to 1."
            )
        return shares
    counts = np.array([list(given).count(option) for option in options], dtype=float)
    return counts / counts.sum() if counts.sum() else np.full(len(options), np.nan)


def interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share; NaN without trials.

    It takes trials for independent. Decisions of one model on the same prompt aren't: answers to
    n different prompts are n trials, however often each was used.

    >>> [round(end, 2) for end in interval(9, 10)]
    [0.6, 0.98]
    """
    from scipy.stats import binomtest

    if trials == 0:
        return float("nan"), float("nan")
    low, high = binomtest(successes, trials).proportion_ci(method="wilson")
    return float(low), float(high)


def usable(calls: pd.DataFrame, order: Sequence[str] = ()) -> pd.DataFrame:
    """Return for each question how many answers could be used, with seconds, tokens and cost.

    Usable means that the form is right: one of the options, or one line of words. It doesn't mean
    that the answer makes sense.

    Args:
        calls: what ``town.calls`` or the ``calls`` of an LLMSchelling gave.
        order: of the questions; others follow by name.

    Returns:
        Table by question: calls, usable, share, seconds (mean of a call), input_tokens,
        output_tokens and cost (sums), and "all" in the last row.
    """
    import pandas as pd

    calls = calls[calls["status"] != "skipped for budget"]
    asked = set(calls["question"])
    names = [name for name in order if name in asked] + sorted(asked - set(order))
    rows = {}
    for name in [*names, "all"]:
        part = calls if name == "all" else calls[calls["question"] == name]
        good = int((part["status"] == "ok").sum())
        rows[name] = {
            "calls": len(part), "usable": good,
            "share": good / len(part) if len(part) else float("nan"),
            "seconds": part["seconds"].mean(), "input_tokens": int(part["input_tokens"].sum()),
            "output_tokens": int(part["output_tokens"].sum()),
            "cost": part["cost"].sum(min_count=1),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("question")
