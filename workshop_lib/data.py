"""The course's data sets: what exists, and how to load one by its name.

Every data set lives in its own folder with a datasheet. Used in every lesson.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workshop_lib import public_data
from workshop_lib.errors import MissingFileError, UnknownNameError, closest

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class DataSet:
    """One data set: its file below the data folder, what it holds, its licence."""

    file: str
    about: str
    licence: str
    pictures: str = ""  # the column that names each row's picture, as a path beside the file


DATA_SETS = {
    "parallel": DataSet(
        "parallel/parallel.csv",
        "English sentences with a French translation, in four registers",
        "CC BY 4.0",
    ),
    "pictures": DataSet(
        "pictures/pictures.csv",
        "drawn placards, charts, flags and scenes with captions, coded twice",
        "CC BY 4.0",
        pictures="file",
    ),
    "posts": DataSet(
        "posts/posts.csv",
        "social-media posts, coded twice for six variables",
        "CC BY 4.0",
    ),
    "posts_fr": DataSet(
        "posts/posts_fr.csv",
        "French versions of the test posts",
        "CC BY 4.0",
    ),
    "pronouns": DataSet(
        "pronouns/pronouns.csv",
        "sentences in which a pronoun refers to one of two nouns",
        "CC BY 4.0",
    ),
    "senses": DataSet(
        "senses/senses.csv",
        "ambiguous words in sentences, by sense, coded twice",
        "CC BY 4.0",
    ),
    "suggestions": DataSet(
        "suggestions/suggestions.csv",
        "rude drafts in political chats, each restated, validating and polite",
        "CC BY 4.0",
    ),
    "tickets": DataSet(
        "tickets/tickets.csv",
        "messages about a router: hardware, software or billing, coded twice",
        "CC BY 4.0",
    ),
    "town": DataSet(
        "town/people.csv",
        "eight invented people of a small town, with habits and ties",
        "CC BY 4.0",
    ),
    "town_places": DataSet(
        "town/places.csv",
        "the places of that town, each with what one does there",
        "CC BY 4.0",
    ),
}


def root() -> Path:
    """Return the folder that holds the data: inside the installed package, or the repository's."""
    here = Path(__file__).resolve().parent
    installed = here / "_data"
    return installed if installed.is_dir() else here.parent / "data"


def load(name: str) -> pd.DataFrame:
    """Return a data set as a table.

    Args:
        name: a name from :func:`table`, or of a public set from :func:`public_table`.

    Returns:
        One row per item, as its datasheet describes. Labels are strings; an empty text stays
        an empty string. A set with pictures has their paths in the column ``image``.

    Raises:
        UnknownNameError: no data set has this name.
        MissingFileError: its file is gone.
        OfflineError: a public set must be downloaded first, and the network can't be reached.
        DamagedFileError: a downloaded file isn't the published one.
    """
    import pandas as pd

    if name in public_data.PUBLIC:
        return public_data.load(name)
    if name not in DATA_SETS:
        raise UnknownNameError(
            f"There is no data set '{name}'. {closest(name, [*sorted(DATA_SETS), *public_data.PUBLIC])}"
        )
    file = root() / DATA_SETS[name].file
    if not file.exists():
        raise MissingFileError(
            f"The data set '{name}' should be at {file}, and isn't there. "
            "Install the course again, or in a clone run: git checkout -- data"
        )
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    if column := DATA_SETS[name].pictures:
        table["image"] = [str(file.parent / one) for one in table[column]]
    return table


def table() -> pd.DataFrame:
    """Return a table of all data sets: name, rows, what it is, licence, datasheet."""
    import pandas as pd

    rows = [
        {
            "name": name,
            "rows": len(load(name)),
            "about": data_set.about,
            "licence": data_set.licence,
            "datasheet": f"data/{Path(data_set.file).parent}/DATASHEET.md",
        }
        for name, data_set in DATA_SETS.items()
    ]
    return pd.DataFrame(rows).set_index("name")


def public_table() -> pd.DataFrame:
    """Return a table of the public data sets that :func:`load` downloads on request."""
    import pandas as pd

    rows = [
        {"name": name, "about": one.about, "licence": one.licence, "source": one.source,
         "in the cache": all((public_data.folder() / name / key).exists() for key in one.files)}
        for name, one in public_data.PUBLIC.items()
    ]  # fmt: skip
    return pd.DataFrame(rows).set_index("name")
