"""A codebook: the questions that are asked about each item, and the YAML file that people read and edit.

Used in lesson 06.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from workshop_lib.errors import BadInputError, MissingFileError, closest
from workshop_lib.labeling.questions import Choice, Question, Scale, Tags, as_list

RESERVED = ("id", "text", "image", "inclusion")  # columns of other meaning in tables of items and of gold labels
CODER_COLUMN = re.compile(r"_coder_\d+$")  # columns of single coders, such as political_coder_1
TYPES = {question.kind: question for question in (Choice, Tags, Scale)}


@dataclass(frozen=True)
class Codebook:
    """What is asked about each item.

    Args:
        name: what the codebook is called.
        questions: name -> question. The name becomes a column of tables.
        introduction: what every request begins with, as its system message.

    Raises:
        BadInputError: no name, no question, or a question's name that a table uses for something else.

    Used in lesson 06.

    >>> book = Codebook("posts", {"political": Choice(["yes", "no"])})
    >>> Codebook.from_yaml(book.to_yaml()) == book
    True
    """

    name: str
    questions: dict[str, Choice | Tags | Scale]
    introduction: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise BadInputError(f"The codebook's name is {self.name!r}. Give it a name, such as 'posts'.")
        if not isinstance(self.introduction, str):
            raise BadInputError(f"The introduction is {self.introduction!r}. Write it as a string.")
        if not isinstance(self.questions, Mapping) or not self.questions:
            raise BadInputError(f"The questions are {self.questions!r}. Give one at least.")
        for name, question in self.questions.items():
            if not isinstance(name, str) or not name.strip() or name != name.strip():
                raise BadInputError(f"A question is called {name!r}. Give it a name without blanks around it.")
            if name in RESERVED or CODER_COLUMN.search(name):
                raise BadInputError(f"A question can't be called '{name}': tables have such a column. Rename it.")
            if not isinstance(question, Question):
                raise BadInputError(f"The question '{name}' is {question!r}. Use Choice, Tags or Scale.")
        object.__setattr__(self, "questions", dict(self.questions))

    def only(self, *names: str) -> Codebook:
        """Return the codebook with some of its questions.

        Raises:
            BadInputError: a question isn't in the codebook.
        """
        for name in names:
            if name not in self.questions:
                known = closest(name, list(self.questions))
                raise BadInputError(f"The codebook '{self.name}' has no question '{name}'. {known}")
        return Codebook(self.name, {name: self.questions[name] for name in names}, self.introduction)

    @classmethod
    def read(cls, file: str | Path) -> Codebook:
        """Return the codebook that a YAML file holds.

        Every value is read as it is written: the label ``yes`` stays "yes", ``1`` stays "1".

        Raises:
            MissingFileError: there is no such file.
            BadInputError: the file isn't YAML, or has an unknown, repeated or missing entry.
        """
        file = Path(file)
        if not file.is_file():
            raise MissingFileError(f"There is no codebook {file.absolute()}. Check the name, or use Codebook.write.")
        try:
            return cls.from_yaml(file.read_text(encoding="utf-8-sig"))
        except UnicodeDecodeError as error:
            raise BadInputError(f"The codebook {file} isn't UTF-8 text ({error}). Save it as UTF-8.") from None
        except BadInputError as error:
            raise BadInputError(f"In the codebook {file}: {error}") from None

    def write(self, file: str | Path) -> None:
        """Write the codebook as a YAML file; :meth:`read` gives an equal codebook back.

        Comments of a file that is overwritten are lost.

        Raises:
            BadInputError: the file can't be written. One that was there before is then unharmed.
        """
        file = Path(file)
        draft = file.with_name(f"{file.name}.{os.getpid()}.draft")
        try:
            draft.write_text(self.to_yaml(), encoding="utf-8", newline="\n")
            os.replace(draft, file)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            raise BadInputError(
                f"The codebook couldn't be written to {file} ({error}). Choose another folder, or free some space."
            ) from None

    @classmethod
    def from_yaml(cls, text: str) -> Codebook:
        """Return the codebook that a YAML text describes. Raises as :meth:`read` does."""
        known, needed = ["name", "introduction", "questions"], ["name", "questions"]
        entries = _entries(_read_yaml(text), "codebook", known, needed)
        questions = entries["questions"]
        if not isinstance(questions, dict):
            raise BadInputError(f"'questions' is {questions!r}. Write names of questions, their entries indented.")
        entries["questions"] = {name: _question(name, described) for name, described in questions.items()}
        return cls(**entries)

    def to_yaml(self) -> str:
        """Return the codebook as YAML text."""
        import yaml

        class Dumper(yaml.SafeDumper):
            """Writes texts of several lines as blocks, and indents lists."""

            def increase_indent(self, flow=False, indentless=False):
                return super().increase_indent(flow, False)

            def represent_text(self, text):
                style = '"' if re.search("[\x85\u2028\u2029]", text) else "|" if "\n" in text else None
                return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

        Dumper.add_representer(str, Dumper.represent_text)
        described = {"name": self.name, "introduction": self.introduction}
        described["questions"] = {name: _described(question) for name, question in self.questions.items()}
        return yaml.dump(described, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)


def _read_yaml(text: str) -> Any:
    """Return the content of a YAML text with every scalar as the string that was written."""
    import yaml

    class Loader(yaml.BaseLoader):
        """Reads no numbers, dates or truth values, and refuses repeated keys."""

        def construct_mapping(self, node, deep=False):
            lines: dict[str, int] = {}
            for key, _ in node.value:
                line = key.start_mark.line + 1
                if not isinstance(key, yaml.ScalarNode):
                    raise BadInputError(f"Line {line} has a list or a mapping before its colon. Write a name there.")
                if key.value in lines:
                    raise BadInputError(f"'{key.value}' stands twice: lines {lines[key.value]} and {line}. Keep one.")
                lines[key.value] = line
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader=Loader)  # noqa: S506 (makes nothing but strings, lists and dictionaries)
    except (yaml.YAMLError, RecursionError) as error:
        raise BadInputError(f"This isn't YAML: {error}. Look for a missing colon, quote or indent.") from None


def _entries(found: Any, what: str, known: Sequence[str], needed: Sequence[str]) -> dict:
    """Return the entries of a mapping, or raise an error about an unknown or missing one."""
    if not isinstance(found, dict):
        raise BadInputError(f"The {what} holds {found!r}. Write entries such as '{known[0]}: …'.")
    for name in found:
        if name not in known:
            raise BadInputError(f"The {what} has an unknown entry '{name}'. {closest(name, list(known))}")
    for name in needed:
        if name not in found:
            raise BadInputError(f"The {what} lacks the entry '{name}'. Add it.")
    return dict(found)  # two questions may be one object, by an alias


def _question(name: str, described: Any) -> Choice | Tags | Scale:
    """Return the question that a YAML mapping describes."""
    kind = described.get("kind") if isinstance(described, dict) else None
    if kind not in list(TYPES):
        known = ", ".join(TYPES)
        raise BadInputError(f"The question '{name}' has the kind {kind!r}. Add 'kind:' with one of: {known}.")
    known = fields(TYPES[kind])
    needed = [one.name for one in known if one.default is MISSING and one.default_factory is MISSING]
    entries = _entries(described, f"question '{name}'", ["kind", *(one.name for one in known)], needed)
    del entries["kind"]
    for many in ("examples", "exclusions", "anchors"):
        if entries.get(many) == "":
            del entries[many]
    try:
        pair = ("text", "label")
        examples = [_entries(one, "example", pair, pair) for one in as_list(entries.get("examples", ()), "examples")]
        return TYPES[kind](**entries | {"examples": [(example["text"], example["label"]) for example in examples]})
    except BadInputError as error:
        raise BadInputError(f"In the question '{name}': {error}") from None


def _described(question: Choice | Tags | Scale) -> dict:
    """Return a question as YAML describes it: without its empty entries."""
    described = {"kind": question.kind, "ask": question.ask}
    described |= {one.name: getattr(question, one.name) for one in fields(question)}
    described["exclusions"] = list(question.exclusions)
    described["examples"] = [{"text": text, "label": question.value(label)} for text, label in question.examples]
    return {name: value for name, value in described.items() if value not in ("", [], {})}
