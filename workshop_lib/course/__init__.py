"""The tools behind ``python -m workshop_lib``: they work on a clone of the repository.

Lessons and rooms never import this package.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from workshop_lib.errors import MissingFileError


def repository() -> Path:
    """Return the root of the clone: the nearest folder, here or above, with the lessons' source.

    Raises:
        MissingFileError: this command was called outside a clone.
    """
    here = Path.cwd()
    beside_library = Path(__file__).resolve().parents[2]
    for folder in [here, *here.parents, beside_library]:
        if (folder / "notebooks" / "source").is_dir():
            return folder
    raise MissingFileError(
        f"There is no clone of the course in {here} or above it. "
        "Clone the repository, change into its folder, and run the command again."
    )


def address(root: Path) -> str:
    """Return the repository's address on the web, from pyproject.toml, the one place that names it."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]
