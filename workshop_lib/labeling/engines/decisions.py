"""Ask for the probability of each option instead of a written answer.

A model that writes "yes" doesn't say how sure it is. :class:`Decisions` asks OpenAI's endpoint for
decisions; :class:`LocalDecisions` reads the probabilities off a model on this machine, or asks the
same of a ``transformers serve``. No text is written, so no answer can be cut off, and none can be
something else than a label. Used in lesson 06.
"""

from __future__ import annotations

import copy
import math
import re
import threading
import time
from functools import cached_property
from importlib import metadata
from typing import TYPE_CHECKING, Any

from workshop_lib.errors import BadInputError, MissingPackageError
from workshop_lib.labeling import privacy
from workshop_lib.labeling.engines.chat import Asks, Server, question_of, text_of
from workshop_lib.labeling.protocol import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

THRESHOLD = 0.5  # a tag is given when its probability is at least this
WHICH = "Which label answers the question “{question}” about the text?"
APPLIES = "Does the label “{option}” apply to the text?"
LETTERS = 26  # options that transformers can tell apart by a letter
PICTURE = re.compile(r"data:image/(\w+);base64,(.*)", re.DOTALL)


class Decisions(Asks):
    """OpenAI's endpoint for decisions: a probability for each option, or a refusal.

    A Choice is asked as its "choice", a Scale as its "score" (the label is the likeliest level),
    Tags as one "predicate" for each label, in a single call (the label is those with a probability
    of 0.5 or more; their probabilities don't add up to 1).

    Args:
        model: which model decides; the SDK 3.52 names "gpt-6-luna" as the only one.
        address, key, timeout, retries: as for :class:`Chat`.

    >>> Decisions()
    Decisions(model='gpt-6-luna', address='https://api.openai.com/v1')
    """

    name = "decisions"

    def __init__(
        self,
        model: str = "gpt-6-luna",
        address: str | None = None,
        key: str | privacy.Secret | None = None,
        timeout: float = 60,
        retries: int = 4,
    ) -> None:
        self.server = Server(model, address, key, timeout, retries)
        self.model = model

    def __repr__(self) -> str:
        return f"Decisions(model={self.model!r}, address={self.address!r})"

    def settings(self) -> dict:
        """Return everything that changes answers; no key."""
        settings = {"engine": self.name, "model": self.model, "address": self.server.settings_address}
        return {**settings, "threshold": THRESHOLD}

    def payload(self, request: Request) -> dict:
        """Return the body that is sent for a request."""
        instructions, rest = instructions_and_rest(request)
        if request.kind == "tags":
            questions = [
                {"type": "predicate", "instructions": asking(instructions, APPLIES.format(option=option))}
                for option in request.options
            ]
        else:
            ask = asking(instructions, WHICH.format(question=request.question))
            if request.kind == "scale":  # lowest first
                options = {"type": "score", "levels": [{"label": option} for option in question_of(request).options]}
            else:
                options = {"type": "choice", "choices": [{"value": option} for option in request.options]}
            questions = [{"name": "label", "instructions": ask, **options}]
        messages = [{"role": message["role"], "content": _as_input(message["content"])} for message in rest]
        return {"model": self.model, "input": messages, "questions": questions}

    def ask(self, request: Request) -> Answer:
        """Return the answer to one question about one item.

        Raises:
            StopRun: the key isn't accepted, there is no credit, or no such model or address.
            MissingPackageError: the SDK is older than this endpoint.
        """
        start = time.perf_counter()
        if not hasattr(self.server.client(), "decisions"):
            raise MissingPackageError(
                f"The package openai {metadata.version('openai')} has no decisions. Get a newer one: "
                "pip install --upgrade openai, or use LocalDecisions."
            )
        reply = self.server.ask(lambda client: client.decisions.with_raw_response.create(**self.payload(request)))
        if reply.body is None:
            answer = Answer(None, reply.status, detail=reply.detail)
        else:
            answer = read_decision(reply.body, request)
        answer = answer._replace(detail=privacy.scrub(answer.detail, self.server.key()))
        return answer._replace(seconds=time.perf_counter() - start, attempts=reply.attempts, unanswered=reply.unanswered)


def _as_input(content: Any) -> Any:
    """Return a message's content in the form of the endpoint for decisions."""
    if isinstance(content, str):
        return content
    parts = []
    for part in content:
        if part.get("type") == "image_url":
            parts.append({"type": "input_image", "image_url": part["image_url"]["url"]})
        else:
            parts.append({"type": "input_text", "text": part["text"]})
    return parts


def instructions_and_rest(request: Request) -> tuple[str, list[dict]]:
    """Return what the system messages say, and the other messages: examples and the item."""
    rules = [message for message in request.messages if message["role"] in ("system", "developer")]
    rest = [message for message in request.messages if message not in rules]
    return "\n\n".join(text_of(message["content"]) for message in rules), rest


def asking(instructions: str, question: str) -> str:
    """Return instructions with the question at their end."""
    return f"{instructions}\n\n{question}".strip()


def read_decision(body: dict, request: Request) -> Answer:
    """Return the answer in a reply of OpenAI's endpoint for decisions."""
    usage = body.get("usage") if isinstance(body.get("usage"), dict) else {}
    about = {
        "model": str(body.get("model") or ""),
        "input_tokens": int(usage.get("input_tokens") or 0),
        "output_tokens": int(usage.get("output_tokens") or 0),
    }
    answers = body.get("answers")
    wanted = len(request.options) if request.kind == "tags" else 1
    if not isinstance(answers, list) or len(answers) != wanted or not all(isinstance(a, dict) for a in answers):
        return Answer(None, "error", detail=f"The reply doesn't hold {wanted} answers: {str(body)[:500]}", **about)
    if any(answer.get("type") == "refusal" for answer in answers):
        return Answer(None, "refused", detail="The model declined to answer.", **about)
    try:
        if request.kind == "tags":
            found = {option: float(a["probability"]) for option, a in zip(request.options, answers, strict=True)}
        else:
            name = "label" if request.kind == "scale" else "value"
            found = {p[name]: float(p["probability"]) for p in answers[0]["probabilities"]}
    except (KeyError, TypeError, ValueError) as error:
        return Answer(None, "error", detail=f"The reply has no probabilities ({error!r}): {str(body)[:500]}", **about)
    return decided(found, request, **about)


def decided(probabilities: dict[str, float], request: Request, **about: Any) -> Answer:
    """Return the answer that probabilities give: the likeliest label, or all likely tags.

    Args:
        probabilities: one for each option.
        request: what was asked.
        about: model and tokens.
    """
    if set(probabilities) != set(request.options) or not all(0 <= p <= 1.0001 for p in probabilities.values()):
        return Answer(None, "invalid", detail=f"Not a probability for each label: {probabilities}", **about)
    options = question_of(request).options
    probabilities = {option: probabilities[option] for option in options}
    if request.kind == "tags":
        label = "|".join(option for option in options if probabilities[option] >= THRESHOLD)
    else:
        label = max(options, key=probabilities.get)
    detail = ", ".join(f"{option} {probability:.3f}" for option, probability in probabilities.items())
    return Answer(label, "ok", probabilities, detail=detail, **about)


# ── On this machine ──────────────────────────────────────────────────────────────────────


class LocalDecisions(Asks):
    """A chat model on this machine that decides without writing.

    Two ways of reading its probabilities:

    "words": how likely each label is as its whole answer to the messages, end of answer included,
    rescaled to sum to 1. It suits models that were trained to answer with the label.

    "letters": how likely each of A, B, C, … is as its next token after the labels were listed with
    letters (Yes and No for each tag): the "decision" pipeline of transformers, and what
    ``transformers serve`` answers at /v1/systemone.

    Args:
        model: a role of ``models.table()``, or a folder that ``tune_assistant`` wrote; with an
            address the name that the server knows.
        address: of a ``transformers serve``, such as ``local_server().address``; None runs the
            model in this process.
        read: "words" or "letters"; None is "words" in this process and "letters" at an address.
        profile: "mini" or "full", in this process; None takes ``runtime.profile()``.
        key, timeout, retries: for an address, as for :class:`Chat`.

    Raises:
        BadInputError: a setting has no meaning, or "words" at an address.
        UnknownNameError: no model plays the role, and there is no such folder.
    """

    name = "local decisions"

    def __init__(
        self,
        model: str | Path = "assistant",
        address: str | None = None,
        read: str | None = None,
        profile: str | None = None,
        key: str | privacy.Secret | None = None,
        timeout: float = 120,
        retries: int = 2,
    ) -> None:
        from workshop_lib.labeling import chat_models

        self.read = read or ("letters" if address else "words")
        if self.read not in ("words", "letters"):
            raise BadInputError(f"read is {read!r}. Choose 'words' or 'letters'.")
        if address and self.read == "words":
            raise BadInputError("A server gives no probabilities of words. Choose read='letters' or drop the address.")
        self.server = Server(model, address, key, timeout, retries) if address else None
        self._chat_model = None if address else chat_models.find(model, profile)
        self.model = model if address else self._chat_model.name
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        where = f"address={self.address!r}" if self.address else "in this process"
        return f"LocalDecisions(model={self.model!r}, read={self.read!r}, {where})"

    def __getstate__(self) -> dict:
        """Leave the loaded model behind; another process loads its own."""
        return {name: value for name, value in vars(self).items() if name not in ("_lock", "loaded", "_pipeline")}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state, _lock=threading.Lock())

    def settings(self) -> dict:
        """Return everything that changes answers; no key."""
        settings = {"engine": self.name, "model": self.model, "read": self.read, "threshold": THRESHOLD}
        if self.server:
            settings["address"] = self.server.settings_address
        if self.read == "letters":  # its prompt is transformers' own
            settings["transformers"] = metadata.version("transformers")
        return settings

    def payload(self, request: Request) -> dict:
        """Return what the model reads: messages, or a request in the form of /v1/systemone."""
        if self.read == "words":
            return {"messages": list(request.messages)}
        body = as_systemone(request)
        return {"model": self.model, **body} if self.server else body

    def ask(self, request: Request) -> Answer:
        """Return the answer to one question about one item.

        Raises:
            StopRun: the server knows no such model or address.
            MissingPackageError: transformers is older than its decisions.
        """
        if self.read == "letters" and request.kind != "tags" and len(request.options) > LETTERS:
            many = f"{len(request.options)} options are more than {LETTERS} letters. Choose read='words'."
            return Answer(None, "error", model=self.model, detail=many)
        if self.server:
            return self._ask_server(request)
        with self._lock:  # one at a time: each call uses all cores
            start = time.perf_counter()
            try:
                answer = self._from_letters(request) if self.read == "letters" else self._from_words(request)
            except (ValueError, RuntimeError, IndexError, KeyError) as error:
                answer = Answer(None, "error", detail=f"{type(error).__name__}: {error}"[:500])
        return answer._replace(seconds=time.perf_counter() - start, model=self.model)

    def _ask_server(self, request: Request) -> Answer:
        """Ask ``transformers serve`` at /v1/systemone."""
        import httpx2

        start = time.perf_counter()
        reply = self.server.ask(
            lambda client: client.post("/systemone", cast_to=httpx2.Response, body=self.payload(request))
        )
        if reply.body is None:
            answer = Answer(None, reply.status, detail=reply.detail)
        else:
            usage = reply.body.get("usage") or {}
            about = {"model": str(reply.body.get("model") or ""), "input_tokens": int(usage.get("input_tokens") or 0)}
            answer = read_systemone(reply.body.get("answers"), request, **about)
        answer = answer._replace(detail=privacy.scrub(answer.detail, self.server.key()))
        return answer._replace(seconds=time.perf_counter() - start, attempts=reply.attempts, unanswered=reply.unanswered)

    @cached_property
    def loaded(self) -> Any:
        """The model, its tokenizer and its card."""
        return self._chat_model.load()

    @cached_property
    def _pipeline(self) -> Any:
        """The pipeline of transformers, with a tokenizer of its own: it adds marks to it."""
        import transformers

        model, tokenizer, _ = self.loaded
        try:
            return transformers.pipeline("decision", model=model, tokenizer=copy.deepcopy(tokenizer))
        except KeyError:
            raise MissingPackageError(
                f"transformers {transformers.__version__} has no pipeline for decisions. Get a newer one: "
                "pip install --upgrade transformers, or choose read='words'."
            ) from None

    def _from_letters(self, request: Request) -> Answer:
        """Answer by the letters of the options."""
        pipeline, body = self._pipeline, self.payload(request)
        model_inputs = pipeline.preprocess(body)
        tokens = sum(inputs["input_ids"].shape[-1] for inputs, _ in model_inputs["prompts"])
        longest = max(inputs["input_ids"].shape[-1] for inputs, _ in model_inputs["prompts"])
        self._check_length(longest)
        answers = pipeline.postprocess(pipeline.forward(model_inputs))
        return read_systemone(answers, request, input_tokens=tokens)

    def _from_words(self, request: Request) -> Answer:
        """Answer by the words of the options; for tags by "yes" and "no" to each."""
        model, tokenizer, _ = self.loaded
        if request.kind != "tags":
            ids = prompt_ids(tokenizer, request.messages)
            self._check_length(ids.shape[1])
            probabilities = option_probabilities(model, tokenizer, ids, request.options)
            found = dict(zip(request.options, probabilities, strict=True))
            return decided(found, request, input_tokens=ids.shape[1])
        found, tokens = {}, 0
        for option in request.options:
            *before, last = request.messages
            content = f"{text_of(last['content'])}\n\n{APPLIES.format(option=option)} Answer yes or no."
            ids = prompt_ids(tokenizer, [*before, {**last, "content": content}])
            self._check_length(ids.shape[1])
            found[option] = option_probabilities(model, tokenizer, ids, ("yes", "no"))[0]
            tokens += ids.shape[1]
        return decided(found, request, input_tokens=tokens)

    def _check_length(self, tokens: int) -> None:
        """Raise an error if a prompt is longer than the model reads."""
        most = getattr(self.loaded.model.config, "max_position_embeddings", None) or math.inf
        if tokens >= most:
            raise ValueError(f"the prompt has {tokens} tokens, the model reads {most}: shorten text or examples")


def prompt_ids(tokenizer: Any, messages: Sequence[dict]) -> torch.Tensor:
    """Return the tokens of a conversation, up to where the answer begins; shape (1, tokens).

    A marker such as <|assistant|> inside a text is read as plain letters, where transformers can do that.
    """
    import inspect

    plain = []
    for message in messages:
        content = message["content"]
        if not isinstance(content, str) and any(part.get("type") == "image_url" for part in content):
            raise ValueError("this model reads no pictures")
        plain.append({"role": message["role"], "content": text_of(content)})
    name = "sanitize_control_tokens"
    safe = {name: True} if name in inspect.signature(tokenizer.apply_chat_template).parameters else {}
    read = tokenizer.apply_chat_template(
        plain, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt", **safe
    )
    return read["input_ids"]


def option_probabilities(model: Any, tokenizer: Any, ids: torch.Tensor, options: Sequence[str]) -> list[float]:
    """Return how likely each option is as the whole answer to a prompt, rescaled to sum to 1.

    p(option) ∝ Π_j p(token_j | prompt, tokens before j), the end of the answer included, so that
    "left" isn't favoured over "left-wing" for being its beginning. The model reads the prompt and
    all options in one pass: each option follows the prompt and doesn't see the others.

    Args:
        model: a causal language model.
        tokenizer: its tokenizer.
        ids: the prompt, shape (1, tokens).
        options: the labels.

    Returns:
        One probability for each option.
    """
    import torch

    end = [tokenizer.eos_token_id] if tokenizer.eos_token_id is not None else []
    rows = [tokenizer(option, add_special_tokens=False)["input_ids"] + end for option in options]
    prompt = ids[0].tolist()
    tokens, places, branch = list(prompt), list(range(len(prompt))), [-1] * len(prompt)
    predictors = []  # for each option, the rows of the logits that predict its tokens
    for number, row in enumerate(rows):
        start, tail = len(tokens) - len(prompt) + 1, row[:-1]  # the last token predicts nothing
        predictors.append([0, *range(start, start + len(tail))])
        tokens += tail
        places += range(len(prompt), len(prompt) + len(tail))
        branch += [number] * len(tail)
    of = torch.tensor(branch, device=model.device)
    sees = ((of == -1) | (of == of[:, None])).tril()  # Shape: (tokens, tokens)
    mask = torch.zeros(sees.shape, dtype=model.dtype, device=model.device)
    mask = mask.masked_fill(~sees, torch.finfo(model.dtype).min)
    with torch.inference_mode():
        logits = model(
            input_ids=torch.tensor([tokens], device=model.device),
            position_ids=torch.tensor([places], device=model.device),
            attention_mask=mask[None, None],
            logits_to_keep=len(tokens) - len(prompt) + 1,
            use_cache=False,
        ).logits[0]  # Shape: (1 + tokens of options, vocabulary)
        logs = logits.float().log_softmax(-1)
        scores = torch.stack([logs[where, row].sum() for where, row in zip(predictors, rows, strict=True)])
        return scores.double().softmax(-1).tolist()


def as_systemone(request: Request) -> dict:
    """Return a request in the form that transformers' decisions take: state, questions, assets."""
    instructions, rest = instructions_and_rest(request)
    assets: dict[str, dict] = {}
    lines = []
    for message in rest:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        words = []
        for part in parts:
            if part.get("type") != "image_url":
                words.append(part["text"])
                continue
            found = PICTURE.fullmatch(part["image_url"]["url"])
            if found is None:
                raise ValueError("the picture must be in the request itself, as a data: address")
            place = f"<picture-{len(assets) + 1}>"
            assets[place] = {"type": "image", "format": found[1], "data_base64": found[2]}
            words.append(place)
        text = "\n".join(words)
        lines.append(f"Answer: {text}" if message["role"] == "assistant" else text)
    if request.kind == "tags":
        questions = {
            option: {"type": "noul", "instructions": asking(instructions, APPLIES.format(option=option))}
            for option in request.options
        }
    else:
        ask = asking(instructions, WHICH.format(question=request.question))
        if request.kind == "scale":
            options = {"type": "score", "criteria": list(question_of(request).options)}
        else:
            options = {"type": "choice", "criteria": dict.fromkeys(request.options)}
        questions = {"label": {"instructions": ask, **options}}
    body = {"state": "\n\n".join(lines), "questions": questions}
    return {**body, "assets": assets} if assets else body


def read_systemone(answers: Any, request: Request, **about: Any) -> Answer:
    """Return the answer in transformers' form: probabilities of options, of levels, or of yes."""
    try:
        if request.kind == "tags":
            found = {option: float(answers[option]["noul"]) for option in request.options}
        else:
            found = {str(option): float(p) for option, p in answers["label"]["probabilities"].items()}
            if request.kind == "scale":  # levels are numbered from 0
                found = {option: found[str(level)] for level, option in enumerate(question_of(request).options)}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"The reply has no probabilities ({error!r}): {str(answers)[:500]}"
        return Answer(None, "error", detail=what, **about)
    return decided(found, request, **about)
