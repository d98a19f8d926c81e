"""Real people first: the American National Election Study of 1996, as statsmodels carries it.

944 respondents with age, education, income, party, ideology and vote; no network is needed. What a
model is asked to simulate is known here, so that its answers can be held against people's. Used in
lesson 10.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from workshop_lib.errors import (
    BadInputError,
    MissingFileError,
    MissingPackageError,
    UnknownNameError,
    closest,
)
from workshop_lib.labeling.codebook import Choice, Scale

if TYPE_CHECKING:
    import pandas as pd

ROWS = 944
SOURCE = "American National Election Study 1996, a subset in statsmodels.datasets.anes96"
LICENCE = "public domain"

# What the table doesn't say, and a reader must know.
LIMITS = (
    "There are no survey weights: statsmodels carries none. Every respondent counts once, and no "
    "figure of this table is an estimate for the electorate.",
    "Nobody in it lacks an answer, and everybody names Clinton or Dole: those who didn't answer, "
    "didn't vote or preferred another candidate were left out, and statsmodels doesn't say how.",
    "It has no gender and no race.",
)

EDUCATION = (
    "8 grades or fewer", "some high school", "high school graduate", "some college",
    "college degree", "master's degree", "PhD",
)  # fmt: skip
INCOME_BOUNDS = (  # in thousands of dollars
    3, 5, 7, 9, 10, 11, 12, 13, 14, 15, 17, 20, 22, 25, 30, 35, 40, 45, 50, 60, 75, 90, 105,
)  # fmt: skip
PARTY = (
    "strong Democrat", "weak Democrat", "independent who leans to the Democrats", "independent",
    "independent who leans to the Republicans", "weak Republican", "strong Republican",
)  # fmt: skip
IDEOLOGY = (
    "extremely liberal", "liberal", "slightly liberal", "moderate", "slightly conservative",
    "conservative", "extremely conservative",
)  # fmt: skip


def income_labels() -> tuple[str, ...]:
    """Return the 24 classes of household income, from the lowest to the highest.

    >>> income_labels()[0], income_labels()[1], income_labels()[-1]
    ('less than $3,000', '$3,000 to $4,999', '$105,000 or more')
    """
    middle = (f"${low},000 to ${high - 1},999" for low, high in pairwise(INCOME_BOUNDS))
    return (f"less than ${INCOME_BOUNDS[0]},000", *middle, f"${INCOME_BOUNDS[-1]},000 or more")


class Variable(NamedTuple):
    """One column of the table."""

    statsmodels: str  # its name there
    meaning: str
    values: tuple[str, ...] = ()  # labels of the codes in order; empty: the number itself
    first: int = 1  # the code of the first label


CODEBOOK = {
    "age": Variable("age", "age in years"),
    "education": Variable("educ", "highest level of education", EDUCATION),
    "income": Variable("income", "income of the household in a year", income_labels()),
    "party": Variable("PID", "party identification", PARTY, first=0),
    "ideology": Variable("selfLR", "where respondents place themselves", IDEOLOGY),
    "clinton_ideology": Variable("ClinLR", "where respondents place Bill Clinton", IDEOLOGY),
    "dole_ideology": Variable("DoleLR", "where respondents place Bob Dole", IDEOLOGY),
    "tv_news": Variable("TVnews", "how many times a week the respondent watches news on TV"),
    "population": Variable("popul", "population of the place, in thousands; 0: fewer, or no place"),
    "vote": Variable(
        "vote", "whom the respondent expects to vote for", ("Clinton", "Dole"), first=0
    ),
}
DERIVED = {
    "party_group": "the two strong and weak groups of a party, and all three kinds of independents",
    "ideology_group": "the three liberal groups, moderates, and the three conservative groups",
    "age_group": "18–34, 35–49, 50–64, 65 and older",
    "education_group": "up to high school, some college, college degree or more",
}
DEMOGRAPHICS = ("age", "education", "income")
PROFILE = ("age", "education", "income", "party", "ideology")

_PLACES = {1: "extremely liberal", 4: "moderate", 7: "extremely conservative"}
ITEMS = {
    "vote": Choice(
        {"Clinton": "", "Dole": ""}, "Who will you vote for in the 1996 presidential election?"
    ),
    "ideology": Scale(
        1, 7, "Where would you place yourself, from liberal to conservative?", _PLACES
    ),
    "clinton_ideology": Scale(
        1, 7, "Where would you place Bill Clinton, from liberal to conservative?", _PLACES
    ),
    "dole_ideology": Scale(
        1, 7, "Where would you place Bob Dole, from liberal to conservative?", _PLACES
    ),
    "tv_news": Scale(
        0, 7, "How many times a week do you watch the news on TV?", {0: "never", 7: "daily"}
    ),
}
# The wordings of ITEMS are the course's own: statsmodels has names of variables, not the
# questions that were asked in 1996.


def anes96() -> pd.DataFrame:
    """Return the 944 respondents as a table with readable names and labels.

    Returns:
        Columns "id" ("r001" …), those of CODEBOOK (numbers, or ordered categories) and of DERIVED
        (ordered categories). ``attrs["limits"]`` says what the table isn't.

    Raises:
        MissingPackageError: statsmodels isn't installed.
        MissingFileError: its data set isn't the one that this code was written for.

    Source: American National Election Studies; public domain. Used in lesson 10.

    >>> people = anes96()
    >>> len(people), people["vote"].value_counts().to_dict()
    (944, {'Clinton': 551, 'Dole': 393})
    """
    import pandas as pd

    raw = _load()
    table = pd.DataFrame({"id": [f"r{number:03d}" for number in range(1, len(raw) + 1)]})
    for name, variable in CODEBOOK.items():
        codes = raw[variable.statsmodels].to_numpy()
        if variable.values:
            places = codes.astype(int) - variable.first
            table[name] = pd.Categorical.from_codes(places, list(variable.values), ordered=True)
        else:
            table[name] = codes if name == "population" else codes.astype(int)
    table["party_group"] = _grouped(
        table["party"].cat.codes, (2, 5), ("Democrat", "independent", "Republican")
    )
    table["ideology_group"] = _grouped(
        table["ideology"].cat.codes, (3, 4), ("liberal", "moderate", "conservative")
    )
    table["age_group"] = _grouped(
        table["age"], (35, 50, 65), ("18–34", "35–49", "50–64", "65 and older")
    )
    schooling = ("up to high school", "some college", "college degree or more")
    table["education_group"] = _grouped(table["education"].cat.codes, (3, 4), schooling)
    table.attrs.update(source=SOURCE, licence=LICENCE, limits=LIMITS, weights="none")
    return table


def answers(people: pd.DataFrame, item: str) -> pd.Series:
    """Return people's own answers to an item, as a question of labeling stores them.

    Args:
        people: what :func:`anes96` returned, or some of its rows.
        item: a name of ITEMS.

    Returns:
        Labels such as "Clinton" or, on a scale, "4"; the index holds the ids.

    Raises:
        UnknownNameError: no such item, or no such column.
        BadInputError: the table is empty.

    >>> answers(anes96(), "ideology").head(2).to_dict()
    {'r001': '7', 'r002': '3'}
    """
    if item not in ITEMS:
        raise UnknownNameError(f"There is no item {item!r}. {closest(item, list(ITEMS))}")
    for column in ("id", item):
        if column not in people.columns:
            known = closest(column, [str(name) for name in people.columns])
            raise UnknownNameError(f"The table has no column {column!r}. {known}")
    if not len(people):
        raise BadInputError("The table of people has no rows. Check the filter that made it.")
    column = people[item]
    if ITEMS[item].kind == "scale" and hasattr(column, "cat"):
        column = column.cat.codes + CODEBOOK[item].first
    return column.astype(str).set_axis(people["id"].to_numpy()).rename(item)


def codebook() -> pd.DataFrame:
    """Return what each column means and which values it has, as a table.

    >>> codebook().loc["party", "values"][:40]
    'strong Democrat · weak Democrat · indepe'
    """
    import pandas as pd

    rows = [
        {
            "column": name,
            "meaning": one.meaning,
            "values": " · ".join(one.values) or "a number",
            "in statsmodels": one.statsmodels,
        }
        for name, one in CODEBOOK.items()
    ]
    rows += [
        {"column": name, "meaning": about, "values": "", "in statsmodels": ""}
        for name, about in DERIVED.items()
    ]
    return pd.DataFrame(rows).set_index("column")


def _load() -> pd.DataFrame:
    """Return statsmodels' table, if it is the known one."""
    try:
        from statsmodels.datasets import anes96 as stored
    except ImportError:
        raise MissingPackageError(
            "The respondents come with statsmodels, which isn't installed. Install it: pip install "
            "statsmodels"
        ) from None
    raw = stored.load_pandas().data
    lacking = [one.statsmodels for one in CODEBOOK.values() if one.statsmodels not in raw.columns]
    if len(raw) != ROWS or lacking or raw.isna().any().any():
        raise MissingFileError(
            f"This statsmodels has {len(raw)} rows in anes96 and lacks {lacking or 'no column'}; "
            f"{ROWS} complete rows are expected. Install another version: pip install "
            "'statsmodels>=0.14'"
        )
    return raw


def _grouped(values, bounds: tuple[int, ...], labels: tuple[str, ...]):
    """Return ordered groups: the first label below the first bound, and so on."""
    import numpy as np
    import pandas as pd

    return pd.Categorical.from_codes(np.digitize(values, bounds), list(labels), ordered=True)
