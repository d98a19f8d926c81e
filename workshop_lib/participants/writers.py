"""Who writes the suggested text: templates, the shipped assistant, or a chat model.

A writer takes a conversation and returns text; engines of labeling return labels only. Used in
lesson 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

    from workshop_lib.labeling.engines.chat import Chat

Messages = Sequence[dict[str, str]]


class Written(NamedTuple):
    """One text, or why there is none."""

    text: str | None  # None unless the status is "ok"
    status: str = "ok"  # "ok", "refused", "invalid" or "error", as in labeling
    input_tokens: int = 0
    output_tokens: int = 0
    detail: str = ""


class Writer(Protocol):
    """Anything that writes."""

    name: str
    model: str
    local: bool  # True: nothing leaves this machine

    def settings(self) -> dict:
        """Return everything that changes what is written. No keys."""

    def write(self, messages: Messages) -> Written:
        """Return the next turn of a conversation."""


class LocalWriter:
    """A model on this machine writes; the same prompt gives the same text.

    Args:
        model: a role of ``models.table()``, or a folder that ``labeling.tune_assistant`` wrote.
        profile: "mini" or "full", for a role; None takes ``runtime.profile()``.
        max_tokens: of the text; a longer one is cut off and counts as invalid.

    Raises:
        BadInputError: max_tokens below 1.
        UnknownNameError: no model plays the role, and there is no such folder.
    """

    name, local = "local writer", True

    def __init__(
        self, model: str | Path = "assistant", profile: str | None = None, max_tokens: int = 60
    ) -> None:
        from workshop_lib.labeling import chat_models

        if max_tokens < 1:
            raise BadInputError(
                f"max_tokens is {max_tokens}. Give the length of the longest text, such as 60."
            )
        self._chat_model, self.max_tokens = chat_models.find(model, profile), max_tokens
        self.model = self._chat_model.name

    def settings(self) -> dict:
        """Return everything that changes what is written."""
        return {"writer": self.name, "model": self.model, "max_tokens": self.max_tokens}

    @cached_property
    def loaded(self) -> Any:
        """The model, its tokenizer and its card."""
        return self._chat_model.load()

    def write(self, messages: Messages) -> Written:
        """Return the likeliest next turn, token by token."""
        import torch

        from workshop_lib.labeling.engines.decisions import prompt_ids

        model, tokenizer, _ = self.loaded
        try:
            ids = prompt_ids(tokenizer, messages).to(model.device)  # Shape: (1, tokens)
            with torch.inference_mode():
                out = model.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    max_new_tokens=self.max_tokens,
                    do_sample=False,
                    pad_token_id=tokenizer.eos_token_id,
                )
        except (ValueError, RuntimeError, IndexError) as error:
            return Written(None, "error", detail=f"{type(error).__name__}: {error}"[:500])
        new = out[0, ids.shape[1] :]
        text = tokenizer.decode(new, skip_special_tokens=True).strip()
        about = {"input_tokens": ids.shape[1], "output_tokens": len(new)}
        if len(new) >= self.max_tokens and new[-1] != tokenizer.eos_token_id:
            return Written(
                None, "invalid", detail=f"Cut off after {len(new)} tokens: {text}", **about
            )
        return (
            Written(text, "ok", **about)
            if text
            else Written(None, "invalid", detail="The text is empty.", **about)
        )


class ChatWriter:
    """A chat model of labeling writes, at the same address and with the same settings.

    Args:
        engine: a ``labeling.Chat``; its schema is for labels and isn't sent.
    """

    name = "chat writer"

    def __init__(self, engine: Chat) -> None:
        if not hasattr(engine, "payload") or not hasattr(engine, "server"):
            raise BadInputError(
                f"{engine!r} is no chat model. Give labeling.Chat(…), or use LocalWriter()."
            )
        self.engine, self.model, self.local = engine, engine.model, engine.local

    def settings(self) -> dict:
        """Return everything that changes what is written; no key."""
        return {**self.engine.settings(), "writer": self.name}

    def write(self, messages: Messages) -> Written:
        """Return the next turn.

        Raises:
            StopRun: no further call can succeed: a wrong key, no credit, no such model.
        """
        from workshop_lib.labeling.engines.chat import text_of, without_thinking
        from workshop_lib.labeling.protocol import Item, Request

        request = Request(Item("text"), "text", "choice", (), tuple(messages), {})
        body = self.engine.payload(request, enforced=False)
        extra = {name: body.pop(name) for name in self.engine.extra}
        reply = self.engine.server.ask(
            lambda client: client.chat.completions.with_raw_response.create(
                **body, extra_body=extra or None
            )
        )
        if reply.body is None:
            return Written(None, reply.status, detail=reply.detail)
        usage = reply.body.get("usage") or {}
        about = {
            "input_tokens": int(usage.get("prompt_tokens") or 0),
            "output_tokens": int(usage.get("completion_tokens") or 0),
        }
        choice = (reply.body.get("choices") or [{}])[0]
        message = choice.get("message") or {}
        text = without_thinking(text_of(message.get("content")))
        if message.get("refusal") or choice.get("finish_reason") == "content_filter":
            return Written(
                None,
                "refused",
                detail=str(message.get("refusal") or "Held back by a filter."),
                **about,
            )
        if choice.get("finish_reason") == "length" or not text:
            return Written(None, "invalid", detail=f"Cut off or empty: {text}", **about)
        return Written(text, "ok", **about)
