"""Reads the training corpora document by document, and says which documents are held out.

The split is a function of the text alone: the same document falls on the same side wherever
it is read. So the scripts in ``training/`` and the figures of the model cards agree on it.
"""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Iterator
from pathlib import Path

from workshop_lib.errors import MissingFileError

MARK = "<|doc|>"


def bucket(text: str, buckets: int = 100) -> int:
    """Return the bucket of a document, 0 to buckets − 1, from the SHA-256 of its text.

    >>> bucket("A document.") == bucket("  A document. ")
    True
    """
    digest = hashlib.sha256(text.strip().encode()).digest()
    return int.from_bytes(digest[:8], "big") % buckets


def split_of(text: str) -> str:
    """Return "test" for 1 document in 100, "valid" for another, and "train" for the rest."""
    return {0: "test", 1: "valid"}.get(bucket(text), "train")


def lines(corpus: Path, name: str) -> Iterator[str]:
    """Yield the lines of one corpus file, unpacked, without their ends.

    Raises:
        MissingFileError: the corpora aren't there.
    """
    file = Path(corpus) / name
    if not file.exists():
        raise MissingFileError(
            f"The corpus file {file} isn't there. Give the folder that holds text/, social/ and "
            "translation/ with --corpus DIR; training/README.md says what it holds."
        )
    opener = lzma.open if file.suffix == ".xz" else open
    with opener(file, "rt", encoding="utf-8", errors="replace") as stream:
        for line in stream:
            yield line.rstrip("\n")


def documents(corpus: Path, name: str) -> Iterator[tuple[str, str]]:
    """Yield (title, text) of each document of a file whose documents begin with a mark.

    The title is the rest of the mark's line.
    """
    title, body = "", []
    for line in lines(corpus, name):
        if line.startswith(MARK):
            if body:
                yield title, "\n".join(body).strip()
            title, body = line[len(MARK) :].strip(), []
        else:
            body.append(line)
    if body:
        yield title, "\n".join(body).strip()
