"""When are two calls the same call, and two runs the same run?

Values become text in one fixed form; a hash of that text is a call's key, and a comparison of two
texts says which setting of a run has changed. Used in lesson 06.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from workshop_lib.errors import BadInputError
from workshop_lib.labeling.protocol import Request

KEY_NAMES = ("api_key", "apikey", "key", "authorization", "password", "secret", "token", "access_token")
PACKAGES = ("workshop-lib", "openai", "transformers", "torch", "tokenizers", "pandas", "genai-prices")


def canonical(value: object, sort: bool = True) -> str:
    """Return a value as JSON that is the same for equal values, with letters kept as they are.

    Without sort, the order of a dict's entries counts too.

    >>> canonical({"b": (1, None), "a": "É"})
    '{"a":"É","b":[1,null]}'
    """
    return json.dumps(value, sort_keys=sort, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    if hasattr(value, "__dataclass_fields__"):
        return {"type": type(value).__name__, **{name: getattr(value, name) for name in value.__dataclass_fields__}}
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "isoformat"):  # a date
        return value.isoformat()
    if hasattr(value, "to_dict"):  # a DataFrame or Series
        return value.to_dict("list") if hasattr(value, "columns") else list(value)
    if hasattr(value, "tolist"):  # an array or a NumPy number
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise BadInputError(
        f"A setting of the run has the type {type(value).__name__}, which can't be stored, so the run couldn't be "
        "resumed. Use texts, numbers, lists, dicts, dataclasses or DataFrames."
    )


def sha256(text: str) -> str:
    """Return the SHA-256 of a text as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def cache_key(request: Request, engine_name: str, model: str, settings: dict) -> str:
    """Return the SHA-256 over everything that could change an answer, as 64 hexadecimal digits.

    Args:
        request: what is asked; its item, messages, options, schema and repeat all count. A picture
            counts by its content, which the messages carry, not by its file's name.
        engine_name: the engine's name.
        model: the model as asked for.
        settings: the engine's settings.
    """
    everything = request._asdict() | {"item": (request.item.id, request.item.text)}
    return sha256(canonical([engine_name, model, settings, everything]))


def refuse_keys(value: object) -> None:
    """Raise a BadInputError if a setting has the name of a key or password, which is never stored.

    >>> refuse_keys({"settings": {"max_tokens": 5}})
    """
    if isinstance(value, dict):
        for name, inside in value.items():
            if str(name).lower() in KEY_NAMES and isinstance(inside, str) and inside:
                raise BadInputError(
                    f"The setting '{name}' looks like a key or password, which a run must not store. "
                    "Take it out of the engine's settings()."
                )
            refuse_keys(inside)


def difference(old: object, new: object, where: str = "") -> str:
    """Return the first place where two values differ, with both; the order of a dict's entries counts.

    >>> difference({"a": {"b": 1}}, {"a": {"b": 2}})
    'a.b was 1 and is now 2'
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for name in old | new:
            if canonical(old.get(name), sort=False) != canonical(new.get(name), sort=False):
                return difference(old.get(name), new.get(name), f"{where}.{name}".strip("."))
        return f"the order of {where or 'the entries'} was {list(old)} and is now {list(new)}"
    texts = [json.dumps(value, ensure_ascii=False) for value in (old, new)]
    texts = [text if len(text) <= 80 else text[:77] + "…" for text in texts]
    return f"{where or 'it'} was {texts[0]} and is now {texts[1]}"


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that can change answers."""
    import platform
    from importlib import metadata

    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
