"""A public poll by name, in the full profile: why many Americans don't vote (2020).

Asked by Ipsos for FiveThirtyEight, CC BY 4.0, downloaded on request through ``data.load``. With
weights, gender and race it has what the sample of 1996 lacks. Used in lesson 10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workshop_lib import data
from workshop_lib.errors import BadInputError
from workshop_lib.labeling.codebook import Choice

if TYPE_CHECKING:
    import pandas as pd

NAME = "nonvoters"
ROWS = 5836
LIMITS = (
    "Young, Black and Hispanic people were oversampled: use the column 'weight'.",
    "Respondents are those whose voting record was found, and those who said that they rarely or "
    "never vote.",
)
COLUMNS = {  # here -> in the file
    "age": "ppage", "education": "educ", "race": "race", "gender": "gender", "income": "income_cat",
    "voter_category": "voter_category",
}  # fmt: skip
VOTERS = {
    "always": "almost always votes",
    "sporadic": "sometimes votes",
    "rarely/never": "rarely or never votes",
}
ITEMS = {
    "voter_category": Choice(
        dict.fromkeys(VOTERS.values(), ""), "How often do you vote in national elections?"
    ),
}


def nonvoters() -> pd.DataFrame:
    """Return the poll's demographics, weights and voting record.

    Returns:
        Columns id, weight, those of COLUMNS (age a number, the others labels as published;
        gender in small letters). ``attrs["limits"]`` says what to mind.

    Raises:
        OfflineError: it must be downloaded first, and the network can't be reached.
        DamagedFileError: the file isn't the published one.
        UnknownNameError: this version of the course doesn't know the poll.
        BadInputError: the file has other columns or rows than the published one.

    Source: FiveThirtyEight and Ipsos (2020), Why Many Americans Don't Vote; CC BY 4.0. Used in
    lesson 10.
    """
    raw = data.load(NAME)
    lacking = [name for name in ("RespId", "weight", *COLUMNS.values()) if name not in raw.columns]
    if lacking or len(raw) != ROWS:
        raise BadInputError(
            f"The poll has {len(raw)} rows and lacks {lacking or 'no column'}; {ROWS} rows are "
            "expected. Delete it from the cache and run this again."
        )
    return from_file(raw)


def from_file(raw: pd.DataFrame) -> pd.DataFrame:
    """Return the file's rows in the form of :func:`nonvoters`. All its cells are strings."""
    import pandas as pd

    table = pd.DataFrame({"id": "n" + raw["RespId"], "weight": raw["weight"].astype(float)})
    for name, column in COLUMNS.items():
        table[name] = raw[column]
    table["age"] = table["age"].astype(int)
    table["gender"] = table["gender"].str.lower()
    if strange := sorted(set(table["voter_category"]) - set(VOTERS)):
        raise BadInputError(
            f"The poll has an unknown voting record {strange[0]!r}. Delete it from the cache and "
            "run this again."
        )
    table["voter_category"] = table["voter_category"].map(VOTERS)
    table.attrs.update(
        limits=LIMITS, licence="CC BY 4.0", source="FiveThirtyEight and Ipsos (2020)"
    )
    return table
