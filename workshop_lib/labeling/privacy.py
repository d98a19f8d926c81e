"""What leaves the machine: an audit before a run, redaction of texts, and keys that no one sees.

Rules find what has a form: addresses, numbers, handles. They don't find names, places of work or
a story that only one person could tell. Used in lesson 06.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from workshop_lib.errors import BadInputError, SettingError, closest

if TYPE_CHECKING:
    import pandas as pd

    from workshop_lib.labeling.protocol import Engine, Request

HIDDEN = "•••"
HERE = "this machine"

# ── Keys ─────────────────────────────────────────────────────────────────────────────────


class Secret:
    """A key that shows itself to no one: printed, it is three dots; called, it gives its text.

    The OpenAI client takes it as it is: ``OpenAI(api_key=secret)``. It can't be pickled, so it
    can't end in a file.

    Args:
        text: the key.

    Raises:
        SettingError: it is empty, or holds a blank or a character that no key has.

    >>> Secret("sk-abc")
    Secret(•••)
    """

    def __init__(self, text: str) -> None:
        text = str(text).strip()
        if not text or not all("!" <= character <= "~" for character in text):
            what = "is empty" if not text else f"has {len(text)} characters, some of which no key has"
            raise SettingError(f"The key {what}. Copy it again from the provider's page, without blanks or quotes.")
        self._give = lambda: text  # in a closure: vars() shows a function

    def __call__(self) -> str:
        return self._give()

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return True

    def __reduce__(self):
        raise SettingError(
            "A key isn't written to a file or sent to another process. Set it in the environment of each process."
        )

    def __deepcopy__(self, memo: dict) -> Secret:
        return self


def key(name: str = "OPENAI_API_KEY") -> Secret:
    """Return a key from the environment, from Colab's secrets, or typed at a prompt, in this order.

    It is never stored or shown; a key typed at the prompt lives as long as the returned object.

    Args:
        name: the environment variable, or the name of the secret in Colab.

    Raises:
        SettingError: there is no key, and no one to ask.
    """
    import getpass

    found = known_key(name)
    if found is not None:
        return found
    try:
        typed = getpass.getpass(f"{name} (isn't shown and isn't stored): ")
    except Exception:  # no terminal, a notebook run without a person, end of input: many kinds
        typed = ""
    if not typed.strip():
        raise SettingError(missing_key(name))
    return Secret(typed)


def known_key(name: str = "OPENAI_API_KEY") -> Secret | None:
    """Return a key from the environment or Colab's secrets, or None; asks no one."""
    import importlib
    import os
    import sys

    if os.environ.get(name, "").strip():
        return Secret(os.environ[name])
    if "google.colab" in sys.modules:
        colab = importlib.import_module("google.colab")
        userdata = getattr(colab, "userdata", None) or importlib.import_module("google.colab.userdata")

        try:
            found = userdata.get(name)
        except Exception:  # no such secret, or the notebook may not read it
            found = None
        if found and found.strip():
            return Secret(found)
    return None


def missing_key(name: str = "OPENAI_API_KEY") -> str:
    """Return the sentence that says where to put a key."""
    return (
        f"There is no key: the environment variable {name} isn't set. Set it before Python starts, or in Colab "
        f"add {name} under Secrets (the key symbol on the left) and let the notebook read it, or type it: "
        f'key=privacy.key("{name}"). Models on this machine need none.'
    )


_KEY_FORMS = re.compile(r"(?i)\b(?:sk|pk|rk|gsk|xai|hf|AIza)[-_][\w*.…-]{6,}|\bbearer\s+[^\s\"',}]{6,}")


def scrub(text: object, secret: Secret | str | None = None) -> str:
    """Return a text with a key, and whatever looks like one, replaced by three dots.

    >>> scrub("Incorrect API key provided: sk-proj-***wxyz.")
    'Incorrect API key provided: •••'
    """
    text = str(text)
    plain = secret() if isinstance(secret, Secret) else secret
    if plain:
        text = text.replace(plain, HIDDEN)
    return _KEY_FORMS.sub(HIDDEN, text)


def public_address(address: str) -> str:
    """Return an address without what may hold a key: user, password, query.

    >>> public_address("https://me:secret@example.org:8000/v1?key=secret")
    'https://example.org:8000/v1'
    """
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}".rstrip("/")


def is_loopback(address: str) -> bool:
    """Return whether an address is this machine's own.

    >>> is_loopback("http://127.0.0.1:8000/v1"), is_loopback("https://api.openai.com/v1")
    (True, False)
    """
    import ipaddress

    host = urlsplit(address).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# ── Personal data ────────────────────────────────────────────────────────────────────────

_STREETS = "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Square|Sq|Terrace|Close|Crescent|Way"
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}(?!\d)|\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d{2})(?!\d)")
_SEPARATOR = r"[\s().\-/\u2010-\u2015]"

# In this order: a web address may hold a handle, and a handle of another server looks like an e-mail address.
PATTERNS = {
    "web address": re.compile(
        r"(?i)(?<![\w@])(?:https?://|www\.)[^\s<>\"“”«»]+"
        r"|(?<![\w@.-])(?:[a-z0-9][a-z0-9-]{0,62}\.){1,8}[a-z]{2,24}/[^\s<>\"“”«»]+"
        r"|(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"
    ),
    "handle": re.compile(
        r"(?<![\w@＠.+-])[@＠]\w[\w.-]{0,63}@[\w-]+(?:\.[\w-]+)+"
        r"|(?<![\w@＠.+-])[@＠]\w[\w.-]{0,63}"
        r"|(?<![\w/])/?u/[\w-]{3,20}(?![\w/])"
    ),
    "e-mail": re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"),
    "street address": re.compile(
        rf"\b\d{{1,5}}[A-Za-z]?\s+(?:[A-Z][\w'’.-]*\s+){{1,4}}(?:{_STREETS})\b\.?"
        r"|\b[A-ZÄÖÜ][\w-]{1,40}(?:straße|strasse|str\.|weg|allee|gasse|platz)\s+\d{1,4}\s?[a-z]?\b"
        r"|\b\d{1,4}(?:\s?bis|\s?ter)?,?\s+(?:rue|avenue|boulevard|chemin|quai|impasse|place)\s+"
        r"(?:(?:de|du|des|la|le|l['’]|d['’])\s?){0,3}[A-ZÀ-Ý][\w'’-]+(?:\s[A-ZÀ-Ý][\w'’-]+){0,3}"
    ),
    "phone number": re.compile(rf"(?<![\w.,:/+-])(?:\+\s?|\(\+?)?\d(?:{_SEPARATOR}{{0,3}}\d){{6,14}}(?![\w,:]*\d)"),
}
KINDS = tuple(PATTERNS)
_PLACEHOLDER = {
    "web address": "WEB_ADDRESS", "handle": "HANDLE", "e-mail": "EMAIL",
    "street address": "STREET_ADDRESS", "phone number": "PHONE",
}  # fmt: skip


class Found(NamedTuple):
    """A piece of personal data in a text."""

    kind: str  # one of KINDS
    value: str
    start: int
    end: int


def find_personal(text: str, kinds: Sequence[str] = KINDS) -> list[Found]:
    """Return handles, web and street addresses, e-mail addresses and phone numbers in a text.

    Args:
        text: any text.
        kinds: which of KINDS to look for.

    Returns:
        In the order of the text, none overlapping another.

    Raises:
        BadInputError: there is no such kind.

    >>> [(found.kind, found.value) for found in find_personal("@anna.b: ring 020 7946 0958 or write to a@b.org.")]
    [('handle', '@anna.b'), ('phone number', '020 7946 0958'), ('e-mail', 'a@b.org')]
    """
    _check_kinds(kinds)
    found: list[Found] = []
    left = text  # what is found is blotted out, so that nothing is found twice
    for kind in KINDS:  # all of them, so that one kind keeps its meaning whichever others are asked for
        pieces = []
        for match in PATTERNS[kind].finditer(left):
            value = match.group().rstrip(".,;:!?)]}'’…-/" if kind != "phone number" else " ")
            if kind != "phone number" or _is_phone(value):
                pieces.append(Found(kind, value, match.start(), match.start() + len(value)))
        for piece in pieces:
            left = left[: piece.start] + "\0" * len(piece.value) + left[piece.end :]
        found += pieces
    return sorted((piece for piece in found if piece.kind in kinds), key=lambda piece: piece.start)


def _check_kinds(kinds: Sequence[str]) -> None:
    """Raise an error unless kinds is a list of known kinds."""
    if isinstance(kinds, str):
        raise BadInputError(f"kinds is the text '{kinds}'. Give a list of: {', '.join(KINDS)}.")
    for kind in kinds:
        if kind not in KINDS:
            raise BadInputError(f"There is no kind of personal data '{kind}'. {closest(kind, list(KINDS))}")


def _is_phone(value: str) -> bool:
    """Return whether digits are a phone number rather than a date, a year, an amount or an id."""
    digits = re.sub(r"\D", "", value)
    if _DATE.match(value) or not 7 <= len(digits) <= 15:
        return False
    if value.startswith(("+", "(", "0")):
        return True
    groups = [len(group) for group in re.findall(r"\d+", value)]
    return groups in ([3, 3, 4], [1, 3, 3, 4], [3, 4], [10], [11])


class Redacted(NamedTuple):
    """Texts with placeholders, how many of each kind were replaced, and what stands for what."""

    texts: list[str]
    counts: dict[str, int]  # replaced, by kind
    known: dict[str, dict[str, str]]  # kind -> value -> placeholder: as private as the texts were


def redact(
    texts: Iterable[str | None],
    kinds: Sequence[str] = KINDS,
    known: Mapping[str, Mapping[str, str]] | None = None,
) -> Redacted:
    """Replace handles, addresses, e-mail addresses and phone numbers by placeholders.

    The same handle gets the same placeholder in every text, whatever its case: who answers whom
    stays readable. Names aren't found: read a sample before you send anything.

    Args:
        texts: the texts; None and NaN (no text) become "".
        kinds: which of KINDS to replace.
        known: ``known`` of an earlier call, to go on with its placeholders.

    Returns:
        Redacted: texts in the same order, counts by kind, and the placeholders. Keep the
        placeholders apart from the texts, or delete them: they undo the redaction.

    Raises:
        BadInputError: one text instead of a list, something that isn't a text, or an unknown kind.

    >>> redact(["Thanks @Anna!", "I'm with @anna, write to me@example.org"]).texts
    ['Thanks [HANDLE_1]!', "I'm with [HANDLE_1], write to [EMAIL_1]"]
    """
    if isinstance(texts, str):
        raise BadInputError("redact takes a list of texts and got one text. Write redact([text]).")
    _check_kinds(kinds)
    places = {kind: dict((known or {}).get(kind, {})) for kind in KINDS}
    counts = dict.fromkeys(kinds, 0)
    changed = []
    for number, text in enumerate(texts):
        if text is None or text != text:
            text = ""
        if not isinstance(text, str):
            raise BadInputError(f"Text {number} is {text!r}, a {type(text).__name__}. Give texts only.")
        parts, last = [], 0
        for kind, value, start, end in find_personal(text, kinds):
            stands = places[kind].setdefault(_same(kind, value), f"[{_PLACEHOLDER[kind]}_{len(places[kind]) + 1}]")
            parts += [text[last:start], stands]
            last = end
            counts[kind] += 1
        changed.append("".join([*parts, text[last:]]))
    return Redacted(changed, counts, {kind: place for kind, place in places.items() if place})


def _same(kind: str, value: str) -> str:
    """Return the form in which two values of the same person are equal."""
    if kind == "phone number":
        return re.sub(r"[^\d+]", "", value)
    if kind == "handle":
        return value.casefold().replace("＠", "@").removeprefix("/")
    return value if kind == "web address" else " ".join(value.casefold().split())


# ── Audit ────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Column:
    """What is known of one field while requests are read."""

    requests: int = 0
    characters: int = 0
    distinct: set = field(default_factory=set)
    examples: list = field(default_factory=list)
    personal: dict = field(default_factory=lambda: dict.fromkeys(KINDS, 0))


def audit(requests: Iterable[Request], engine: Engine, examples: int = 2) -> pd.DataFrame:
    """Return a table of exactly what a run would send where; nothing is sent.

    It reads what the engine itself would send (``engine.payload(request)``), so that the table
    can't differ from the run. An engine without an address sends nothing anywhere.

    Args:
        requests: what would be asked.
        engine: what would be asked by.
        examples: how many examples of each field to show, as they are, personal data included.

    Returns:
        One row a field: address, leaves (whether it leaves this machine), field, requests (that
        hold it), distinct (values), characters (in all requests), examples, and one column for
        each kind of personal data with the number found. Sums of all are in ``attrs["personal"]``.

    Raises:
        BadInputError: the engine sends texts away, but can't say which.
    """
    import pandas as pd

    payload, address = getattr(engine, "payload", None), getattr(engine, "address", None)
    if payload is None and not engine.local:
        raise BadInputError(
            f"The engine '{engine.name}' sends texts away and can't say which: it has no method payload(request). "
            "Add one that returns what it sends, or use another engine."
        )
    address = public_address(address) if address else HERE
    columns: dict[str, _Column] = {}
    for request in requests:
        sent = payload(request) if payload is not None else {"messages": request.messages}
        if payload is None and request.item.image is not None:
            sent["image"] = str(request.item.image)
        seen = set()
        for name, text in fields(sent):
            column = columns.setdefault(name, _Column())
            column.requests += name not in seen
            seen.add(name)
            column.characters += len(text)
            shown = _shown(text)
            new = hash(text) not in column.distinct
            column.distinct.add(hash(text))
            if new and len(column.examples) < examples:
                column.examples.append(shown)
            for piece in find_personal(text) if not text.startswith("data:") else ():
                column.personal[piece.kind] += 1
    if address != HERE and columns:
        with_key = "key (not shown), " if getattr(engine, "sends_key", False) else ""
        number = max(column.requests for column in columns.values())
        columns["headers"] = _Column(number, 0, {0}, [f"{with_key}versions of Python and the client, operating system"])
    table = pd.DataFrame(
        [
            {
                "address": address,
                "leaves": not engine.local,
                "field": name,
                "requests": column.requests,
                "distinct": len(column.distinct),
                "characters": column.characters,
                "examples": column.examples,
                **column.personal,
            }
            for name, column in columns.items()
        ],
        columns=["address", "leaves", "field", "requests", "distinct", "characters", "examples", *KINDS],
    )
    table.attrs["personal"] = {kind: int(table[kind].sum()) for kind in KINDS}
    return table


def fields(payload: Mapping) -> Iterator[tuple[str, str]]:
    """Return the fields of a request body with their texts; a message goes by its role.

    >>> list(fields({"model": "m", "messages": [{"role": "user", "content": "Hello"}]}))
    [('model', 'm'), ('messages: user', 'Hello')]
    """
    for name, value in payload.items():
        messages = isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0
        if messages and all(isinstance(entry, Mapping) and "role" in entry for entry in value):
            for message in value:
                yield from _parts(f"{name}: {message['role']}", message["content"])
        elif name == "assets":
            for asset in value.values():
                yield f"{name}: image", "data:" + str(asset.get("format", "")) + "," + str(asset.get("data_base64", ""))
        else:
            yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _parts(name: str, content: object) -> Iterator[tuple[str, str]]:
    """Return the texts and pictures of one message."""
    if isinstance(content, str):
        yield name, content
        return
    for part in content:
        image = part.get("image_url")
        if image is not None:
            yield f"{name}, image", image["url"] if isinstance(image, Mapping) else image
        else:
            yield name, part["text"] if "text" in part else json.dumps(part, ensure_ascii=False)


def _shown(text: str, length: int = 300) -> str:
    """Return a text for the table: a picture as its kind and size, a long text with its middle left out."""
    if text.startswith("data:"):
        head, _, body = text.partition(",")
        return f"{head.split(';')[0].removeprefix('data:')}, {len(body) * 3 // 4:,} bytes"
    if len(text) <= length:
        return text
    half = length // 2
    return f"{text[:half]} […{len(text) - 2 * half:,} characters…] {text[-half:]}"
