"""Ask a chat model at any OpenAI-compatible address for a label.

OpenAI, Ollama, llama.cpp, vLLM and ``transformers serve`` speak the same protocol: an address and
a model name choose between them. Used in lesson 06.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from workshop_lib.errors import BadInputError, MissingPackageError
from workshop_lib.labeling import privacy
from workshop_lib.labeling.codebook import Choice, Scale, Tags
from workshop_lib.labeling.protocol import Answer, Request, StopRun

if TYPE_CHECKING:
    import httpx2
    import openai

OPENAI = "https://api.openai.com/v1"
DETAIL = 1000  # characters of an answer or an error that are kept


class Asks:
    """What an engine says of the server that it asks; without one it works in this process."""

    server: Server | None

    @property
    def address(self) -> str | None:
        """Where requests go, without anything that may hold a key; None in this process."""
        return self.server.address if self.server else None

    @property
    def local(self) -> bool:
        """Whether nothing leaves this machine."""
        return self.server.local if self.server else True

    @property
    def sends_key(self) -> bool:
        """Whether a key goes with each request."""
        return bool(self.server and self.server.sends_key)

    @property
    def most_attempts(self) -> int:
        """How often one call may be made and paid for: a broken connection doesn't say."""
        return 1 + self.server.retries if self.server else 1


class Chat(Asks):
    """A chat model that writes its answer, one call a question.

    The answer is enforced by a JSON schema where the server can do that. A server that answers
    400 to ``response_format`` is asked without from then on (``schema_refused`` becomes True; the
    settings, and so the cache, stay the same). In both cases the text is read strictly: a label
    somewhere in a sentence is no label.

    Args:
        model: the name that the server knows.
        address: such as "http://localhost:11434/v1"; None is OpenAI's, or what OPENAI_BASE_URL says.
        key: a text or ``privacy.key()``; None takes OPENAI_API_KEY at OpenAI's address and no key elsewhere.
        schema: "auto"; True: send the schema, and take a 400 for an error; False: never send it.
        temperature: 0 is the likeliest answer; None leaves it to the server (some models allow nothing else).
        max_tokens: of the answer, thinking included; a longer one is cut off and counts as invalid.
        seed: for servers that honour it; None sends none.
        extra: further fields of the request, such as {"reasoning_effort": "low"}.
        timeout: seconds of silence after which a call fails.
        retries: further attempts after a time-out, a lost connection, 408, 409, 429 and 5xx. The
            SDK waits as long as retry-after says, up to two minutes, else 0.5 to 8 seconds.

    Raises:
        BadInputError: a setting has no meaning.

    >>> Chat("gpt-4.1-mini")
    Chat(model='gpt-4.1-mini', address='https://api.openai.com/v1')
    """

    name = "chat"

    def __init__(
        self,
        model: str,
        address: str | None = None,
        key: str | privacy.Secret | None = None,
        schema: str | bool = "auto",
        temperature: float | None = 0,
        max_tokens: int = 256,
        seed: int | None = None,
        extra: dict | None = None,
        timeout: float = 60,
        retries: int = 4,
    ) -> None:
        if schema not in ("auto", True, False):
            raise BadInputError(f"schema is {schema!r}. Choose 'auto', True or False.")
        if temperature is not None and not 0 <= temperature <= 2:
            raise BadInputError(f"temperature is {temperature}. Give a number from 0 to 2, or None.")
        if max_tokens < 1:
            raise BadInputError(f"max_tokens is {max_tokens}. Give the length of the longest answer, such as 256.")
        self.server = Server(model, address, key, timeout, retries)
        self.model = model
        self.schema, self.temperature, self.max_tokens = schema, temperature, max_tokens
        self.seed, self.extra = seed, dict(extra or {})
        self.schema_refused = False  # by this server; found out at the first call
        at_openai = self.server.at_openai
        self.length_field = "max_completion_tokens" if at_openai else "max_tokens"  # two names for one thing

    def __repr__(self) -> str:
        return f"Chat(model={self.model!r}, address={self.address!r})"

    def settings(self) -> dict:
        """Return everything that changes answers; no key."""
        return {
            "engine": self.name,
            "model": self.model,
            "address": self.server.settings_address,
            "schema": self.schema,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
            "extra": self.extra,
        }

    def payload(self, request: Request, enforced: bool | None = None, length_field: str | None = None) -> dict:
        """Return the body that is sent for a request.

        Args:
            request: one question about one item.
            enforced: whether to send the schema; None: as the settings and the server have it.
            length_field: "max_tokens" or "max_completion_tokens"; None: what the server takes.
        """
        body = {"model": self.model, "messages": list(request.messages)}
        body[length_field or self.length_field] = self.max_tokens
        if self.temperature is not None:
            body["temperature"] = self.temperature
        if self.seed is not None:
            body["seed"] = self.seed
        if self.enforces() if enforced is None else enforced:
            name = re.sub(r"[^A-Za-z0-9_-]", "_", request.question)[:64] or "answer"
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": name, "strict": True, "schema": request.schema},
            }
        return {**body, **self.extra}

    def enforces(self) -> bool:
        """Return whether the next call sends the schema."""
        return self.schema is True or (self.schema == "auto" and not self.schema_refused)

    def ask(self, request: Request) -> Answer:
        """Return the answer to one question about one item.

        Raises:
            StopRun: the key isn't accepted, there is no credit, or no such model or address.
        """
        start = time.perf_counter()
        enforced, length_field = self.enforces(), self.length_field
        reply = self._send(request, enforced, length_field)
        attempts, unanswered = reply.attempts, reply.unanswered
        if reply.rejected and re.search(r"max_(completion_)?tokens", reply.detail):
            length_field = ({"max_tokens", "max_completion_tokens"} - {length_field}).pop()
            reply = self._send(request, enforced, length_field)
            attempts, unanswered = attempts + reply.attempts, unanswered + reply.unanswered
        if enforced and self.schema == "auto" and reply.rejected:
            enforced = False
            reply = self._send(request, enforced, length_field)
            attempts, unanswered = attempts + reply.attempts, unanswered + reply.unanswered
        if reply.body is not None:
            self.length_field = length_field
            self.schema_refused = self.schema_refused or (self.schema == "auto" and not enforced)
        answer = read_completion(reply, request)
        detail = privacy.scrub(answer.detail, self.server.key())[:DETAIL]
        seconds = time.perf_counter() - start
        return answer._replace(detail=detail, seconds=seconds, attempts=attempts, unanswered=unanswered)

    def _send(self, request: Request, enforced: bool, length_field: str) -> Reply:
        """Send one body and return the reply.

        As ``client.chat.completions.create`` does, without its walk through every field of the body, which
        takes a third of a call's processor time; the body is already in its final form.
        """
        import httpx2

        body = self.payload(request, enforced, length_field)
        return self.server.ask(lambda client: client.post("/chat/completions", cast_to=httpx2.Response, body=body))



# ── Reading an answer ────────────────────────────────────────────────────────────────────


def read_completion(reply: Reply, request: Request) -> Answer:
    """Return the answer in a chat completion: a label, or the status that says why there is none.

    Args:
        reply: what the server sent.
        request: what was asked.
    """
    return as_label(read_text(reply), request)


def as_label(answer: Answer, request: Request) -> Answer:
    """Return a written answer as a label of the question; "invalid" if it isn't one."""
    if answer.status != "ok":
        return answer
    label = question_of(request).parse(answer.label)
    if label is None:
        return answer._replace(label=None, status="invalid", detail=f"Not a label: {answer.label}")
    return answer._replace(label=label)


def read_text(reply: Reply, whole: bool = True) -> Answer:
    """Return the text of a chat completion in ``label``, or the status that says why there is none.

    Args:
        reply: what the server sent.
        whole: a text that was cut off is "invalid".
    """
    if reply.body is None:
        return Answer(None, reply.status, detail=reply.detail)
    body = reply.body
    usage = body.get("usage") if isinstance(body.get("usage"), dict) else {}
    about = {
        "model": str(body.get("model") or ""),
        "input_tokens": int(usage.get("prompt_tokens") or 0),
        "output_tokens": int(usage.get("completion_tokens") or 0),
    }
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        return Answer(None, "error", detail=f"The reply holds no answer: {json.dumps(body)}", **about)
    text, ended = text_of(message.get("content")), choice.get("finish_reason")
    if message.get("refusal"):
        return Answer(None, "refused", detail=str(message["refusal"]), **about)
    if ended == "content_filter":
        return Answer(None, "refused", detail=f"Held back by the server's content filter. {text}".strip(), **about)
    if ended == "error":
        return Answer(None, "error", detail=f"The server broke off: {text}", **about)
    if ended == "length" and whole:
        cut = f"Cut off after {about['output_tokens']} tokens; a larger max_tokens lets it end: {text}"
        return Answer(None, "invalid", detail=cut, **about)
    text = without_thinking(text)
    if not text:
        return Answer(None, "invalid", detail="The answer is empty.", **about)
    return Answer(text, "ok", detail=text, **about)


def text_of(content: Any) -> str:
    """Return the text of a message's content: a text, parts, or None."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def without_thinking(text: str) -> str:
    """Return an answer without the thinking that some models write before it.

    >>> without_thinking("<think>Is it? No.</think> no")
    'no'
    """
    return re.sub(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", "", text, count=1, flags=re.DOTALL).strip()


def question_of(request: Request) -> Choice | Tags | Scale:
    """Return the question of a request, to read its answer with ``parse``; definitions are left out.

    The order of the labels is that of the schema, which a codebook writes in its own order.
    """
    label = request.schema.get("properties", {}).get("label", {})
    listed = label.get("enum") or label.get("items", {}).get("enum") or ()
    listed = tuple(str(value) for value in listed)
    return _question(request.kind, listed if set(listed) == set(request.options) else request.options)


@lru_cache(maxsize=256)
def _question(kind: str, options: tuple[str, ...]) -> Choice | Tags | Scale:
    if kind == "scale":
        numbers = [int(option) for option in options]
        return Scale(min(numbers), max(numbers))
    return {"choice": Choice, "tags": Tags}[kind](dict.fromkeys(options, ""))


# ── A server ─────────────────────────────────────────────────────────────────────────────


class Reply(NamedTuple):
    """What came back from a server: a body, or the status and detail of a failure."""

    body: dict | None
    status: str = "ok"
    detail: str = ""
    code: int = 200  # of HTTP; 0 if nothing came back
    attempts: int = 1
    unanswered: int = 0  # attempts that broke off after they were sent

    @property
    def rejected(self) -> bool:
        """Whether the server found fault with the body."""
        return self.code in (400, 422) and self.status == "error"


class Server:
    """An OpenAI-compatible address, asked through the OpenAI SDK.

    Args:
        model: the model that is asked for; named in messages only.
        address: where; None is OpenAI's, or what OPENAI_BASE_URL says.
        key: a text, a Secret, or None.
        timeout: seconds of silence after which a call fails.
        retries: further attempts by the SDK.
    """

    def __init__(
        self, model: str, address: str | None, key: str | privacy.Secret | None, timeout: float, retries: int
    ) -> None:
        from workshop_lib.labeling.server import settings_address

        if not isinstance(model, str) or not model.strip():
            raise BadInputError(f"The model's name is {model!r}. Give the name that the server knows it by.")
        if timeout <= 0 or retries < 0:
            raise BadInputError(f"timeout is {timeout} and retries is {retries}. Give seconds above 0, and 0 or more.")
        own = address is None
        address = address or os.environ.get("OPENAI_BASE_URL") or OPENAI
        if not address.startswith(("http://", "https://")):
            raise BadInputError(
                f"The address '{privacy.public_address(address)}' doesn't begin with http:// or https://. "
                "Give it whole, such as http://localhost:11434/v1"
            )
        self.model, self.timeout, self.retries = model, timeout, retries
        self.address = privacy.public_address(address)
        self.settings_address = settings_address(self.address)
        self.at_openai = self.address.startswith("https://api.openai.com/")
        self.own_key = own or self.at_openai  # OPENAI_API_KEY is for this address
        self.local = privacy.is_loopback(address) and not re.search(r"[:-]cloud\b", model)  # Ollama's hosted models
        self._full = lambda: address  # may hold a password: out of vars()
        self._secret = privacy.Secret(key) if isinstance(key, str) else key
        self._client: openai.OpenAI | None = None
        self._lock = threading.Lock()

    @property
    def sends_key(self) -> bool:
        """Whether a key goes with each request."""
        return self._secret is not None or self.at_openai or self.key() is not None

    def __repr__(self) -> str:
        return f"Server({self.address!r})"

    def __getstate__(self) -> dict:
        """Leave key and client behind: in another process the key comes from its environment."""
        return {
            "model": self.model, "address": self.address, "timeout": self.timeout, "retries": self.retries,
            "own_key": self.own_key, "settings_address": self.settings_address,
        }  # fmt: skip

    def __setstate__(self, state: dict) -> None:
        self.__init__(state["model"], state["address"], None, state["timeout"], state["retries"])
        self.own_key, self.settings_address = state["own_key"], state["settings_address"]

    def key(self) -> privacy.Secret | None:
        """Return the key that is sent, or None; asks no one."""
        return self._secret or (privacy.known_key() if self.own_key else None)

    def client(self) -> openai.OpenAI:
        """Return the SDK's client, made at the first call.

        It follows no redirection, so texts go to the address of the audit and nowhere else, and
        it asks this machine's own servers without a proxy.
        """
        with self._lock:
            if self._client is None:
                secret = self.key()
                if secret is None and self.at_openai:
                    raise StopRun(privacy.missing_key())
                self._client = open_client(self._full(), secret, self.timeout, self.retries, self.at_openai)
            return self._client

    def ask(self, call: Callable[[openai.OpenAI], Any]) -> Reply:
        """Make a call and return its reply; a failure is a status.

        Args:
            call: what to do with the client; returns the raw response.

        Raises:
            StopRun: no further call can succeed.
        """
        _broken.attempts = 0
        return self._asked(call)._replace(unanswered=_broken.attempts)

    def _asked(self, call: Callable[[openai.OpenAI], Any]) -> Reply:
        import openai

        client, failure = self.client(), None
        try:
            response = call(client)
            response = getattr(response, "http_response", response)
        except openai.APIStatusError as error:
            failure = self._failed(error)
        except openai.APITimeoutError as error:
            failure = Reply(None, "error", f"No answer within {self.timeout:g} seconds.", 0, attempts_of(error.request))
        except openai.APIConnectionError as error:
            why = f"{type(error.__cause__).__name__}: {error.__cause__}" if error.__cause__ else str(error)
            detail = f"The connection to {self.address} failed ({self._clean(why)})."
            failure = Reply(None, "error", detail, 0, attempts_of(error.request))
        except Exception as error:  # whatever a strange server or body leads to: it concerns this row only
            failure = Reply(None, "error", self._clean(f"{type(error).__name__}: {error}"), 0)
        if failure is not None:
            if failure.status == "stop":
                raise StopRun(failure.detail)  # outside the except: no chain to an error that holds the request
            return failure
        attempts = attempts_of(response.request)
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            detail = f"The reply isn't a JSON object: {self._clean(response.text[:200]) or 'it is empty'}"
            return Reply(None, "error", detail, response.status_code, attempts)
        return Reply(body, code=response.status_code, attempts=attempts)

    def _failed(self, error: openai.APIStatusError) -> Reply:
        """Return the reply for a status of 300 or more; its status is "stop" if no call can succeed."""
        code, attempts = error.status_code, attempts_of(error.request)
        said, names = what_was_said(error.body)
        said = self._clean(said)
        kind = verdict(code, said, names)
        where = f"{self.address} (status {code})"
        no_key = f"{where} wants a key. Give one: key=privacy.key(NAME)"
        wrong_key = f"{where} doesn't accept the key. Check that it is this provider's and valid, and set it again."
        stop = {
            "key": wrong_key if self.sends_key else no_key,
            "permission": f"{where} doesn't let this key use the model '{self.model}'. Ask for access or name another.",
            "credit": f"{where} says that there is no credit left. Add credit at the provider, then resume the run.",
            "model": f"{where} knows no model '{self.model}', or nothing is served there: {said} "
            "Check the model's name and the address; most addresses end in /v1.",
            "temperature": f"The model '{self.model}' doesn't take this temperature ({said}) Leave it to the model: "
            "temperature=None",
            "redirection": f"{where} sends requests on to {self._target(error)}. If that is right, give that address.",
        }  # fmt: skip
        if kind in stop:
            return Reply(None, "stop", stop[kind], code, attempts)
        return Reply(None, kind, f"Status {code}: {said}", code, attempts)

    def _target(self, error: openai.APIStatusError) -> str:
        return privacy.public_address(error.response.headers.get("location", "another address"))

    def _clean(self, text: object) -> str:
        """Return a text without the key, in one line of moderate length."""
        return " ".join(privacy.scrub(text, self.key()).split())[:500]


def open_client(
    address: str, secret: privacy.Secret | None, timeout: float, retries: int, at_openai: bool = False
) -> openai.OpenAI:
    """Return an OpenAI client for an address.

    Raises:
        MissingPackageError: the package openai isn't installed.
    """
    try:
        import openai
    except ImportError:
        raise MissingPackageError("Asking a server needs the package openai. Install it: pip install openai") from None
    http_client = _http_client()(trust_env=not privacy.is_loopback(address), follow_redirects=False)
    client = openai.OpenAI(
        base_url=address, api_key=secret or "none", timeout=timeout, max_retries=retries, http_client=http_client
    )
    if not at_openai:
        client.organization = client.project = None  # from the environment, and not for other providers to see
    return client


_broken = threading.local()  # attempts: of this thread's call


@lru_cache(maxsize=1)
def _http_client() -> type:
    """Return the SDK's HTTP client, made to count the attempts that broke off after they were sent."""
    import httpx2
    import openai

    class Counting(openai.DefaultHttpxClient):
        def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
            try:
                return super().send(request, **options)
            except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):  # nothing was sent
                raise
            except Exception:
                _broken.attempts = getattr(_broken, "attempts", 0) + 1
                raise

    return Counting


def attempts_of(request: httpx2.Request) -> int:
    """Return how many times a request was made; the SDK counts in a header."""
    return int(request.headers.get("x-stainless-retry-count") or 0) + 1


def what_was_said(body: object) -> tuple[str, set[str]]:
    """Return a server's error message, and its codes and parameter names.

    >>> what_was_said({"message": "No.", "code": "insufficient_quota", "param": None})
    ('No.', {'insufficient_quota'})
    """
    if not isinstance(body, dict):
        return str(body or "no reason given"), set()
    inner = body.get("innererror") if isinstance(body.get("innererror"), dict) else {}
    values = (body.get("code"), body.get("type"), body.get("param"), inner.get("code"))
    names = {str(value) for value in values if value}
    message = body.get("message") or body.get("detail") or body.get("error") or body
    return message if isinstance(message, str) else json.dumps(message), names


_REFUSALS = {
    "content_filter", "content_policy_violation", "invalid_prompt", "ResponsibleAIPolicyViolation", "moderation",
}  # fmt: skip
_NO_CREDIT = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance"}
_UNKNOWN_MODEL = re.compile(
    r"(?i)\b(?:invalid|unknown|no such) model\b|\bmodel\b[^.]{0,80}\b(?:not found|does not exist|not available)\b"
    r"|\bserver is pinned to\b"
)


def verdict(code: int, said: str, names: set[str]) -> str:
    """Return what a failed call means: "error", "refused", or the reason why no call can succeed.

    Args:
        code: HTTP status.
        said: the server's message.
        names: its error codes, type and parameter.

    >>> verdict(429, "slow down", {"rate_limit_exceeded"}), verdict(429, "no", {"insufficient_quota"})
    ('error', 'credit')
    """
    if names & _REFUSALS or (code in (400, 403) and re.search(r"(?i)content management policy|flagged", said)):
        return "refused"
    if code == 402 or names & _NO_CREDIT or (code == 400 and "credit balance" in said):
        return "credit"
    if code in (401, 403, 404):
        return {401: "key", 403: "permission", 404: "model"}[code]
    if 300 <= code < 400:
        return "redirection"
    if code in (400, 422):
        if "model_not_found" in names or _UNKNOWN_MODEL.search(said):
            return "model"
        if "temperature" in names or re.search(r"(?i)temperature.{0,60}not support|unsupported.{0,40}temperat", said):
            return "temperature"
    return "error"
