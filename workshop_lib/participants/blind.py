"""Which of two texts is better? Asked blind: nobody who judges can tell which one is the treatment.

Which text stands first is drawn for each pair, the pairs are shuffled, their ids say nothing, and
the key is kept apart. People and models judge the same table. Used in lesson 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError
from workshop_lib.labeling.codebook import Choice, Codebook

if TYPE_CHECKING:
    import pandas as pd

QUESTION = "better"
ANSWERS = ("A", "B", "no difference")
CODEBOOK = Codebook(
    "blind comparison",
    {
        QUESTION: Choice(
            dict.fromkeys(ANSWERS, ""), "Which reply shows more respect for the other person?"
        )
    },
)


def blind_pairs(
    frame: pd.DataFrame,
    first: str = "message",
    second: str = "rewrite",
    context: str | None = "partner",
    both_orders: bool = False,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return pairs to judge, and the key that must not be shown to who judges them.

    Args:
        frame: a row a pair, with "id" and the columns named here.
        first: the column of one version, such as the draft.
        second: the column of the other, such as the suggestion; wins are counted for it.
        context: a column that is shown before both; None shows nothing.
        both_orders: whether to show each pair twice, in both orders, which measures how much a
            judge leans to the first place.
        seed: of orders and shuffling; a pair's texts change places with probability ½.

    Returns:
        The pairs (id, text) in random order, to be labelled with CODEBOOK; and the key (id, pair,
        a, b: which column stands where).

    Raises:
        UnknownNameError: no such column. BadInputError: no rows, an id twice, a text that is
            missing, or two equal texts.

    Used in lesson 10.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"id": ["x"], "message": ["No!"], "rewrite": ["I disagree."]})
    >>> shown, key = blind_pairs(table, context=None, seed=1)
    >>> print(shown["text"][0])
    A: No!
    B: I disagree.
    """
    import pandas as pd

    from workshop_lib.labeling.tables import ids_of, is_missing, need_columns

    columns = [first, second, *([context] if context else [])]
    need_columns(frame, columns, "the pairs")
    ids = ids_of(frame, "pairs")
    if first == second:
        raise BadInputError(f"Both versions are the column {first!r}. Name two columns.")
    chance, rows = np.random.default_rng(seed), []
    for one, row in zip(ids, frame[columns].to_dict("records"), strict=True):
        texts = {name: row[name] for name in (first, second)}
        if any(is_missing(text) or not str(text).strip() for text in texts.values()):
            raise BadInputError(
                f"In the pair {one!r}, a text is missing. Leave the pair out, and say how many "
                "were."
            )
        if len({" ".join(str(text).split()) for text in texts.values()}) == 1:
            raise BadInputError(
                f"In the pair {one!r}, both texts are the same. Leave the pair out, and say how "
                "many were."
            )
        turned = bool(chance.random() < 0.5)
        for again in (False, True) if both_orders else (False,):
            names = (first, second)[:: -1 if turned != again else 1]
            before = f"The other person said: {row[context]}\n" if context and row[context] else ""
            text = f"{before}A: {texts[names[0]]}\nB: {texts[names[1]]}"
            rows.append({"pair": one, "a": names[0], "b": names[1], "text": text})
    order = chance.permutation(len(rows))
    table = pd.DataFrame([rows[place] for place in order])
    table.insert(0, "id", [f"c{number:03d}" for number in range(1, len(table) + 1)])
    key = table[["id", "pair", "a", "b"]].copy()
    key.attrs.update(first=first, second=second, seed=seed)
    return table[["id", "text"]], key


def unblind(
    judgements: pd.DataFrame | Mapping[str, str],
    key: pd.DataFrame,
    by: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return how often the second version won, and how far the judge leant to the first place.

    Args:
        judgements: id -> "A", "B" or "no difference"; or a table with "id" and "label", such as
            ``labeling.label`` returns (failed calls count as missing).
        key: what :func:`blind_pairs` returned.
        by: pair -> group, such as the kind of suggestion.

    Returns:
        A row a group, "all" first: pairs (judgements with an answer), wins, losses, ties, missing,
        share (wins among decided ones, with its 95 % Wilson interval low and high), chose_a (share
        of decided ones that took A, with chose_a_low and chose_a_high; far from ½: the judge looks
        at the place, not the text), consistent (share of the pairs shown in both orders in which
        the same version won; NaN if there are none).

    Raises:
        BadInputError: an unknown id or answer, or no decided judgement.

    Used in lesson 10.
    """
    import pandas as pd

    from workshop_lib.labeling.tables import is_missing

    if not isinstance(judgements, Mapping):
        if "repeat" in judgements and judgements["repeat"].nunique() > 1:
            raise BadInputError(
                "The judgements hold several repeats of each pair. Put them to the vote first: "
                "vote(results)."
            )
        judgements = dict(zip(judgements["id"].astype(str), judgements["label"], strict=True))
    first, second = key.attrs.get("first", "message"), key.attrs.get("second", "rewrite")
    if stray := sorted(set(judgements) - set(key["id"])):
        raise BadInputError(
            f"The judgements have {stray[0]!r}, which isn't in the key. Give the key of these "
            "pairs."
        )
    rows = []
    for row in key.to_dict("records"):
        said = judgements.get(row["id"])
        if not is_missing(said) and said not in ANSWERS:
            raise BadInputError(
                f"The answer to {row['id']!r} is {said!r}. Known: {', '.join(ANSWERS)}."
            )
        winner = {"A": row["a"], "B": row["b"], "no difference": "tie"}.get(said, "missing")
        if by is not None and row["pair"] not in by:
            raise BadInputError(f"The pair {row['pair']!r} has no group. Give by=pair -> group.")
        group = "all" if by is None else str(by[row["pair"]])
        rows.append({"pair": row["pair"], "group": group, "winner": winner, "said": said})
    table = pd.DataFrame(rows)
    if not table["winner"].isin((first, second)).any():
        raise BadInputError(
            "Not a single pair was decided. See what the judge answered before counting wins."
        )
    parts = {"all": table} | ({} if by is None else dict(list(table.groupby("group"))))
    return pd.DataFrame.from_dict(
        {group: _counted(part, first, second) for group, part in parts.items()}, orient="index"
    ).rename_axis("group")


def _counted(part: pd.DataFrame, first: str, second: str) -> dict:
    wins, losses = int((part["winner"] == second).sum()), int((part["winner"] == first).sum())
    share, low, high = _wilson(wins, wins + losses)
    chose_a, a_low, a_high = _wilson(int((part["said"] == "A").sum()), wins + losses)
    twice = [
        pair
        for _, pair in part[part["winner"].isin((first, second))].groupby("pair")["winner"]
        if len(pair) == 2
    ]
    return {
        "pairs": int((part["winner"] != "missing").sum()),
        "wins": wins,
        "losses": losses,
        "ties": int((part["winner"] == "tie").sum()),
        "missing": int((part["winner"] == "missing").sum()),
        "share": share,
        "low": low,
        "high": high,
        "chose_a": chose_a,
        "chose_a_low": a_low,
        "chose_a_high": a_high,
        "consistent": float(np.mean([pair.nunique() == 1 for pair in twice]))
        if twice
        else float("nan"),
    }


def _wilson(count: int, n: int) -> tuple[float, float, float]:
    from scipy.stats import binomtest

    if not n:
        return (float("nan"),) * 3
    interval = binomtest(count, n).proportion_ci(method="wilson")
    return count / n, float(interval.low), float(interval.high)
