"""The errors that a learner can cause, each with a message that says what to do next.

Every message has three parts: what happened, with which value, and the next step.
"""


class WorkshopError(Exception):
    """Base class: catch it to catch every error that the course raises on purpose."""


class SettingError(WorkshopError):
    """An environment variable or an argument has a value that the course doesn't know."""


class UnknownNameError(WorkshopError):
    """A role, data set, word, lesson or exercise was asked for that doesn't exist."""


class MissingPackageError(WorkshopError):
    """A package that carries a model or does the work isn't installed."""


class MissingFileError(WorkshopError):
    """A file that belongs to the course isn't where it should be."""


class DamagedFileError(WorkshopError):
    """A file's SHA-256 differs from the one on record."""


class OfflineError(WorkshopError):
    """Something must be downloaded once, and the network can't be reached."""


class BadInputError(WorkshopError):
    """An argument has the wrong type, shape or content."""


def closest(name: str, known: list[str]) -> str:
    """Return a sentence that lists the known names, the most similar one first.

    Args:
        name: what was asked for.
        known: the names that exist.

    Returns:
        For example "Did you mean 'senses'? Known: senses."

    >>> closest("sense", ["senses"])
    "Did you mean 'senses'? Known: senses."
    """
    import difflib

    similar = difflib.get_close_matches(str(name), known, n=1)
    guess = f"Did you mean '{similar[0]}'? " if similar else ""
    return f"{guess}Known: {', '.join(known)}."
