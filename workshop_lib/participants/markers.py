"""Do suggestions use more polite and more validating language? Counted by stated lists of markers.

A list is short, open to inspection, and wrong in known ways: "with respect" can be an insult, and
understanding can be shown without any of these words. So the lists are printed with every figure.
Used in lesson 10.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

MARKERS: dict[str, tuple[str, ...]] = {  # regular expressions; letters' case doesn't count
    "politeness": (
        r"please", r"thanks?", r"thank you", r"sorry", r"i'm afraid", r"with respect",
        r"would you", r"could you", r"may i", r"i'd", r"i would", r"i think", r"i believe",
        r"i'm not (?:sure|convinced)", r"in my view", r"perhaps", r"maybe", r"a little",
        r"i doubt", r"i find",
    ),
    "validation": (
        r"i (?:can )?(?:see|understand|hear|get|know) (?:why|that|how|the|what|you|it)",
        r"i can (?:tell|hear|see)", r"i (?:don't|do not) (?:blame|doubt)",
        r"you(?:'re| are) right", r"you have a point", r"(?:good|serious|fair) point",
        r"fair enough", r"makes sense", r"i agree", r"you clearly care", r"i'm glad",
        r"i respect", r"no question", r"of course you",
    ),
    "restating": (
        r"you(?:'re| are) (?:saying|telling|arguing|worried|upset)",
        r"what you(?:'re| are) (?:saying|worried)",
        r"if i(?:'ve| have)? (?:understand|understood|got) you", r"as i understand you",
        r"what i hear", r"so (?:you|for you|your)",
        r"you (?:want|mean|think|see|expect|believe|like|don't want)", r"for you",
        r"your (?:worry|concern) is",
    ),
    "insult": (
        r"idiots?", r"stupid", r"moron\w*", r"pathetic", r"rubbish", r"garbage", r"nonsense",
        r"selfish", r"whin\w+", r"shut up", r"greed", r"barbaric", r"miserable", r"rotten?",
        r"bleeding heart", r"grandpa", r"obsessed", r"genius", r"spare me", r"wake up",
        r"open your mouth", r"do you even", r"you (?:people|lot|townies)", r"lazy",
    ),
}  # fmt: skip


def count_markers(
    texts: Sequence[str], markers: Mapping[str, Sequence[str]] = MARKERS
) -> pd.DataFrame:
    """Return how many markers of each list each text has, and its words.

    Two markers that overlap count once, the longer one that begins first.

    Args:
        texts: any.
        markers: name -> regular expressions of whole words.

    Returns:
        A row a text: a column for each list, and "words".

    Raises:
        BadInputError: no texts, one that is no string, or an expression that can't be read.

    Used in lesson 10.

    >>> table = count_markers(["Could you explain, please?"])
    >>> table[["politeness", "insult", "words"]].values.tolist()
    [[2, 0, 4]]
    """
    import pandas as pd

    texts = [texts] if isinstance(texts, str) else list(texts)
    if not texts or not all(isinstance(text, str) for text in texts):
        raise BadInputError(
            f"There are {len(texts)} texts, or one is no string. Give texts, and leave missing "
            "ones out."
        )
    columns = {}
    for name, expressions in markers.items():
        try:
            longest_first = sorted(expressions, key=len, reverse=True)
            found = re.compile(
                r"\b(?:" + "|".join(f"(?:{one})" for one in longest_first) + r")\b", re.IGNORECASE
            )
        except re.error as error:
            raise BadInputError(
                f"The markers of {name!r} can't be read ({error}). They are regular expressions."
            ) from None
        columns[name] = [len(found.findall(text.replace("’", "'"))) for text in texts]
    return pd.DataFrame(columns).assign(words=[len(text.split()) for text in texts])


def marker_differences(
    before: Sequence[str],
    after: Sequence[str],
    markers: Mapping[str, Sequence[str]] = MARKERS,
    clusters: Sequence | None = None,
    bootstrap: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare texts with their rewritten form: the share with at least one marker, and words.

    Args:
        before: the drafts.
        after: the suggestions, one for each draft in the same order.
        markers: as in :func:`count_markers`.
        clusters: what pairs belong together, such as the conversation, if a draft was rewritten
            several times: whole clusters are then drawn; None: each pair is one.
        bootstrap: number of samples; 0 gives no intervals.
        seed: of the bootstrap.

    Returns:
        A row a list of markers: before, after (shares of texts with a marker), difference with low
        and high (95 %), pairs. The last row, "words", has mean numbers of words: longer texts have
        more room for markers.

    Raises:
        BadInputError: lists of unequal length, or no texts.

    Used in lesson 10.
    """
    import pandas as pd

    counts = [count_markers(texts, markers) for texts in (before, after)]
    if len(counts[0]) != len(counts[1]) or (
        clusters is not None and len(list(clusters)) != len(counts[0])
    ):
        raise BadInputError(
            f"There are {len(counts[0])} texts before and {len(counts[1])} after, or not a cluster "
            "for each. Give pairs."
        )
    names = [*markers, "words"]
    values = [
        np.stack([table[name] if name == "words" else table[name] > 0 for name in names]).astype(
            float
        )
        for table in counts
    ]
    change = values[1] - values[0]  # Shape: (measures, pairs)
    codes = (
        np.arange(change.shape[1])
        if clusters is None
        else pd.factorize(np.asarray(list(clusters), object))[0]
    )
    sums = np.stack(
        [np.bincount(codes, weights=row) for row in change]
    )  # Shape: (measures, clusters)
    sizes = np.bincount(codes)
    low = high = np.full(len(names), np.nan)
    if bootstrap and len(sizes) > 1:
        chance = np.random.default_rng(seed)
        drawn = chance.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=bootstrap)
        low, high = np.percentile((drawn @ sums.T) / (drawn @ sizes)[:, None], [2.5, 97.5], axis=0)
    table = pd.DataFrame(
        {
            "before": values[0].mean(1),
            "after": values[1].mean(1),
            "difference": change.mean(1),
            "low": low,
            "high": high,
        },
        index=pd.Index(names, name="markers"),
    ).assign(pairs=change.shape[1])
    table.attrs["covers"] = (
        "drawing these conversations again; not other topics, writers or lists of markers"
    )
    return table
