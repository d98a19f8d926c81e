"""The seam between agents and the engines of labeling: they choose, and they also talk.

An engine answers a question with a label. This page adds one kind of request, a line of text, for
any engine with a method ``write`` and for :class:`labeling.Chat`; and :class:`LocalChat`, which
lets a chat model of the course choose and write in this process. Used in lesson 07.
"""

from __future__ import annotations

import re
import time

from workshop_lib.errors import BadInputError, WorkshopError
from workshop_lib.labeling.engines.chat import Chat, as_label, question_of, read_text
from workshop_lib.labeling.engines.decisions import LocalDecisions, prompt_ids
from workshop_lib.labeling.privacy import scrub
from workshop_lib.labeling.protocol import STATUSES, Answer, Engine, Request, StopRun
from workshop_lib.labeling.runs import checked_answer

LINE = "line"  # the kind of a request whose answer is a line of text
MOST_WORDS = 40  # of a line; more is a speech
DETAIL = 500  # characters of what went wrong that are kept


class LocalChat(LocalDecisions):
    """A chat model of the course in this process: it writes its choices and its lines.

    Args:
        model: a chat model's role in ``models.table()``.
        choose: "written": it writes its choice, which may be none of the options; "words": the
            likeliest option is read off the model, so that every choice is one of the options,
            sensible or not.
        max_tokens: of an answer; a longer one is cut off.
        profile: "mini" or "full"; None takes ``runtime.profile()``.

    Raises:
        BadInputError: a setting has no meaning.

    Used in lesson 07.
    """

    name = "local chat"

    def __init__(
        self, model: str = "assistant", choose: str = "written", max_tokens: int = 32,
        profile: str | None = None,
    ) -> None:  # fmt: skip
        if choose not in ("written", "words"):
            raise BadInputError(f"choose is {choose!r}. Take 'written' or 'words'.")
        if max_tokens < 1:
            raise BadInputError(
                f"max_tokens is {max_tokens}. Give the length of the longest answer."
            )
        super().__init__(model, read="words", profile=profile)
        self.choose, self.max_tokens = choose, max_tokens

    def __repr__(self) -> str:
        return f"LocalChat(model={self.model!r}, choose={self.choose!r})"

    def settings(self) -> dict:
        """Return everything that changes answers."""
        return {
            "engine": self.name, "model": self.model, "choose": self.choose,
            "max_tokens": self.max_tokens, "temperature": 0,
        }  # fmt: skip

    def ready(self) -> tuple:
        """Return the model, its tokenizer and its card.

        Raises:
            StopRun: it can't be loaded, such as from a damaged file; then no call can succeed.
        """
        try:
            return self.loaded
        except WorkshopError as error:
            raise StopRun(str(error)) from error

    def ask(self, request: Request) -> Answer:
        """Return the choice that the model makes, or the status that says why there is none."""
        if self.choose == "words":
            self.ready()
            return super().ask(request)
        return as_label(self._generated(request), request)

    def write(self, request: Request) -> Answer:
        """Return what the model writes, as it is; its text stands in ``label``."""
        return self._generated(request)

    def _generated(self, request: Request) -> Answer:
        import torch

        model, tokenizer, _ = self.ready()
        with self._lock:  # one at a time: each call uses all cores
            start = time.perf_counter()
            try:
                ids = prompt_ids(tokenizer, request.messages).to(model.device)  # Shape: (1, tokens)
                self._check_length(ids.shape[1] + self.max_tokens)
                with torch.inference_mode():
                    made = model.generate(
                        ids, attention_mask=torch.ones_like(ids), max_new_tokens=self.max_tokens,
                        do_sample=False, pad_token_id=tokenizer.eos_token_id,
                    )  # fmt: skip
            except (ValueError, RuntimeError, IndexError, KeyError) as error:
                detail = f"{type(error).__name__}: {error}"[:DETAIL]
                return Answer(None, "error", model=self.model, detail=detail)
            seconds = time.perf_counter() - start
        new = made[0, ids.shape[1] :]
        text = tokenizer.decode(new, skip_special_tokens=True).strip()
        return Answer(
            text, "ok", model=self.model, input_tokens=ids.shape[1], output_tokens=len(new),
            seconds=seconds, detail=text,
        )  # fmt: skip


# ── One line of text ─────────────────────────────────────────────────────────────────────


def check_can_write(engine: Engine) -> None:
    """Raise a BadInputError if an engine can only label, so that nobody in the town could speak."""
    if not (callable(getattr(engine, "write", None)) or isinstance(engine, Chat)):
        raise BadInputError(
            f"The engine '{getattr(engine, 'name', engine)}' gives labels but writes no text. "
            "Take a chat model: Chat(model, address), or LocalChat() for the shipped assistant."
        )


def answer_of(engine: Engine, request: Request) -> Answer:
    """Return an engine's answer to a choice or a line; whatever goes wrong is a status.

    Raises:
        StopRun: no further call can succeed.
    """
    started = time.monotonic()
    try:
        if request.kind == LINE:
            write = getattr(engine, "write", None)
            return checked_line(
                write(request) if callable(write) else line_from_server(engine, request)
            )
        return checked_answer(engine.ask(request), question_of(request))
    except StopRun:
        raise
    except Exception as error:  # whatever a strange engine does: it concerns this call only
        detail = scrub(f"{type(error).__name__}: {error}")[:DETAIL]
        return Answer(None, "error", seconds=time.monotonic() - started, detail=detail)


def line_from_server(engine: Chat, request: Request) -> Answer:
    """Return a line from an OpenAI-compatible server, asked without a schema."""
    start = time.perf_counter()
    body = engine.payload(request, enforced=False)
    extra = {name: body.pop(name) for name in engine.extra}
    reply = engine.server.ask(
        lambda client: client.chat.completions.with_raw_response.create(
            **body, extra_body=extra or None
        )
    )
    answer = read_text(reply, whole=False)
    detail = scrub(answer.detail, engine.server.key())[:DETAIL]
    return answer._replace(
        detail=detail, seconds=time.perf_counter() - start, attempts=reply.attempts
    )


def checked_line(answer: Answer) -> Answer:
    """Return a written answer as one line; "invalid" if it is empty, a speech, or no words."""
    if answer.status not in STATUSES:
        detail = (
            f"The engine gave the status {answer.status!r}, which doesn't exist. {answer.detail}"
        )
        return answer._replace(label=None, status="error", detail=detail)
    if answer.status != "ok":
        return answer._replace(label=None)
    line = clean_line(answer.label)
    if not line:
        return answer._replace(
            label=None, status="invalid", detail=f"No line: {str(answer.label)[:DETAIL]}"
        )
    return answer._replace(label=line)


def clean_line(text: object) -> str:
    """Return the first line of what a model wrote, without quotes and the speaker's name before it.

    Returns:
        The line; "" if it has no word of two letters, or more than 40 words.

    >>> clean_line('Ada: "The pool is shut."'), clean_line("???")
    ('The pool is shut.', '')
    """
    lines = text.strip().splitlines() if isinstance(text, str) else []
    line = re.sub(r"^[^\W\d_]+(?: [^\W\d_]+)?:\s+", "", lines[0].strip()) if lines else ""
    line = " ".join(line.strip('"“”« »*').split())
    has_words = re.search(r"[^\W\d_]{2}", line) is not None
    return line if has_words and len(line.split()) <= MOST_WORDS else ""
