"""Files of examples for fine-tuning a chat model: reading them, and checking each line.

The form is OpenAI's: one JSON object a line, {"messages": [{"role": …, "content": …}, …]}, the
last message the assistant's. Used in lesson 06.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from workshop_lib.errors import BadInputError, MissingFileError, closest

FIRST_ROLES = ("system", "developer")
ROLES = (*FIRST_ROLES, "user", "assistant")
LONGEST = 65_536  # tokens of an example; OpenAI's limit
PICTURE = 1000  # tokens that a picture is taken for
SHOWN = 20  # problems that are told


class Check(NamedTuple):
    """What a JSONL file holds, and what is wrong with it."""

    file: str
    examples: int
    tokens: int  # estimated: four bytes a token
    longest: int  # tokens of the longest example
    answers: dict[str, int]  # the assistant's last words -> how often
    problems: tuple[str, ...]  # with the line; none: the file can be used
    prompts: frozenset[str]  # what the examples ask, to be compared with other files

    def __str__(self) -> str:
        found = f"{len(self.problems)} problems:" if self.problems else "nothing wrong"
        held = f"{self.file}: {self.examples} examples, about {self.tokens:,} tokens"
        return "\n".join([f"{held}; {found}", *self.problems])


def check_jsonl(file: str | Path, against: Iterable[str | Path] = ()) -> Check:
    """Return what a JSONL file for fine-tuning holds, and what is wrong with it, line by line.

    Args:
        file: any file in OpenAI's chat form, also one that somebody else made.
        against: other files, such as train.jsonl: what they ask mustn't be asked here again.

    Returns:
        Print it, or look into ``problems``: no JSON object, unknown roles or a wrong order, a last
        message that isn't the assistant's, empty contents, examples that are too long, the same
        question with two answers, questions that another file asks.

    Raises:
        MissingFileError: there is no such file.

    Source: OpenAI, "Supervised fine-tuning" (developers.openai.com). Used in lesson 06.
    """
    known: dict[str, str] = {}
    for other in against:
        known |= dict.fromkeys(check_lines(_lines_of(other), str(other), {}).prompts, Path(other).name)
    return check_lines(_lines_of(file), str(file), known)


def usable(file: str | Path, against: Iterable[str | Path] = ()) -> Check:
    """Return the check of a file that nothing is wrong with; raise a BadInputError about any other."""
    found = check_jsonl(file, against)
    if found.problems:
        raise BadInputError(f"The file {found.file} can't be used. {' '.join(found.problems[:5])} See check_jsonl().")
    return found


def read_jsonl(file: str | Path) -> list[list[dict]]:
    """Return the conversations of a file that :func:`check_jsonl` has nothing against."""
    return [json.loads(line)["messages"] for line in _lines_of(file)]


def check_lines(lines: Sequence[str], name: str, known: dict[str, str]) -> Check:
    """Return the check of lines; ``known`` says which question stands in which other file."""
    problems, answers, tokens, asked = [], Counter(), [], {}
    for number, line in enumerate(lines, start=1):
        messages, wrong = _conversation(line)
        if not wrong:
            tokens.append(estimated_tokens(messages))
            ask, said = prompt_key(messages[:-1]), _words(messages[-1]["content"])
            answers[said] += 1
            first, before = asked.setdefault(ask, (number, said))
            if before != said:
                wrong = f"asks what line {first} asks and gives another answer. Decide on one."
            elif ask in known:
                wrong = f"asks what {known[ask]} asks too. Keep it in one of the two files."
            elif tokens[-1] > LONGEST:
                wrong = f"has about {tokens[-1]:,} tokens; {LONGEST:,} are the most. Shorten its text."
        if wrong:
            problems.append(f"Line {number} {wrong}")
    if not lines:
        problems.append("The file is empty. Write one example a line.")
    if len(problems) > SHOWN:
        problems = [*problems[:SHOWN], f"{len(problems) - SHOWN} more lines have problems."]
    longest = max(tokens, default=0)
    return Check(name, len(tokens), sum(tokens), longest, dict(answers), tuple(problems), frozenset(asked))


def estimated_tokens(messages: Sequence[dict]) -> int:
    """Return about how many tokens a conversation has: four bytes a token, and four a message.

    >>> estimated_tokens([{"role": "user", "content": "Is it rude?"}, {"role": "assistant", "content": "no"}])
    15
    """
    pictures = sum(part.get("type") != "text" for one in messages for part in _parts(one["content"]))
    return 3 + sum(4 + -(-len(_words(one["content"]).encode()) // 4) for one in messages) + PICTURE * pictures


def _lines_of(file: str | Path) -> list[str]:
    try:
        text = Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(f"The file {file} isn't UTF-8 text ({error}). Save it as UTF-8.") from None
    except OSError as error:
        raise MissingFileError(f"The file {file} can't be read ({error.strerror}). Check the path.") from None
    return text.removesuffix("\n").split("\n") if text else []


def _conversation(line: str) -> tuple[list[dict], str]:
    """Return the messages of a line, and what is wrong with it ("" if nothing is)."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return [], "is no JSON. Write one whole JSON object a line."
    messages = found.get("messages") if isinstance(found, dict) else None
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        return [], 'is no conversation. Write {"messages": [{"role": …, "content": …}, …]}.'
    return messages, next((wrong for wrong in _wrong(found, messages) if wrong), "")


def _wrong(found: dict, messages: list[dict]) -> Iterable[str]:
    """Yield what is wrong with a conversation."""
    extra = set(found) - {"messages", "tools", "parallel_tool_calls"}
    if extra:
        yield f"has the unknown entry '{min(extra)}'. Leave it out."
    roles = [one.get("role") for one in messages]
    for place, one in enumerate(messages):
        if roles[place] not in ROLES:
            yield f"has the role {roles[place]!r}. {closest(str(roles[place]), list(ROLES))}"
        if extra := set(one) - {"role", "content", "name", "weight"}:
            yield f"has the unknown entry '{min(extra)}' in a message. Leave it out."
        parts = _parts(one.get("content"))
        if not parts or not all(isinstance(part, dict) and _filled(part, roles[place]) for part in parts):
            yield f"has a message of the {roles[place]} with empty or wrong content. Write a text."
    talk = [role for role in roles if role not in FIRST_ROLES]
    if roles[: len(roles) - len(talk)] != [role for role in roles if role in FIRST_ROLES]:
        yield "has the system's message after others. Put it first."
    if talk != ["user", "assistant"] * (len(talk) // 2) or not talk:
        yield "isn't user and assistant in turn, the assistant last. Mend the order of the messages."
    if messages[-1].get("weight", 1) not in (1, True):
        yield "gives its last answer the weight 0, so that nothing is learnt from it."


def _filled(part: dict, role: str) -> bool:
    """Return whether a part of a message has a text, or is a user's picture."""
    if part.get("type") == "image_url":
        picture = part.get("image_url")
        return role == "user" and isinstance(picture, dict) and bool(picture.get("url"))
    return part.get("type") == "text" and isinstance(part.get("text"), str) and bool(part["text"].strip())


def _parts(content: Any) -> list[dict]:
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def _words(content: Any) -> str:
    """Return the text of a message's content."""
    return "".join(part["text"] for part in _parts(content) if part.get("type") == "text")


def prompt_key(messages: Sequence[dict]) -> str:
    """Return what a conversation asks, the same for copies that differ in case or blanks only."""
    pictures = [json.dumps(part) for one in messages for part in _parts(one["content"]) if part.get("type") != "text"]
    return " ".join("\n".join(_words(one["content"]) for one in messages).casefold().split()) + "".join(pictures)
