"""Chat and decision engines against a server of this test, which answers as real ones do, and worse."""

import copy
import json
import logging
import math
import pickle
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workshop_lib import models
from workshop_lib.errors import BadInputError, MissingFileError, SettingError
from workshop_lib.labeling import chat_models, privacy, server
from workshop_lib.labeling.codebook import Choice, Scale, Tags
from workshop_lib.labeling.engines import chat, decisions
from workshop_lib.labeling.engines.chat import Chat
from workshop_lib.labeling.engines.decisions import Decisions, LocalDecisions
from workshop_lib.labeling.protocol import STATUSES, Item, Request, StopRun

CANARY = "sk-proj-CANARY0123456789abcdef"
POLITICAL = Choice({"yes": "about politics", "no": "all else", "not sure": ""})
TOPICS = Tags({"health": "", "work": "", "war": ""})
ANGER = Scale(1, 5)


def asked(question=POLITICAL, name="political", text="The budget passed.", options=None) -> Request:
    """Return a request as a run makes it."""
    messages = ({"role": "system", "content": 'Code posts. {"braces"} stay.'}, {"role": "user", "content": text})
    return Request(Item("1", text), name, question.kind, options or question.options, messages, question.schema())


def completion(content, finish="stop", **message) -> dict:
    """Return the body of a chat completion."""
    return {
        "id": "1", "object": "chat.completion", "created": 0, "model": "model-2026-01-01",
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
        ],
        "usage": {"prompt_tokens": 31, "completion_tokens": 7, "total_tokens": 38},
    }  # fmt: skip


def failure(message, code=None, param=None, kind=None) -> dict:
    return {"error": {"message": message, "code": code, "param": param, "type": kind}}


def headers_of(handler) -> dict:
    return {name.lower(): value for name, value in handler.headers.items()}


class Handler(BaseHTTPRequestHandler):
    """Answers with the next line of the script; the last one stays."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["content-length"]))
        self.server.seen.append((self.path, json.loads(raw), headers_of(self), time.monotonic()))
        script = self.server.script
        step = script.pop(0) if len(script) > 1 else script[0]
        if callable(step):
            step = step(json.loads(raw), headers_of(self))
        status, body, headers = (*step, {})[:3]
        headers = dict(headers)
        if body == "cut before":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if body == "silence":
            self.server.quiet.wait(5)
            self.close_connection = True
            return
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        promised = len(data) + 50 if headers.pop("cut", False) else len(data)
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": promised, **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)
        if promised > len(data):
            self.close_connection = True

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


@pytest.fixture
def loopback():
    """A server on this machine; ``loopback.script`` says what it answers."""
    with Server(("127.0.0.1", 0), Handler) as running:
        running.script, running.seen, running.quiet = [], [], threading.Event()
        running.address = f"http://127.0.0.1:{running.server_port}/v1"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.quiet.set()
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No key from outside, and short waits between attempts."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)


def ask(loopback, *script, request=None, **settings):
    """Return the answer of a Chat to a server that answers by a script."""
    loopback.script = list(script)
    return Chat("model", loopback.address, **{"retries": 0, **settings}).ask(request or asked())


# ── Chat: answers ────────────────────────────────────────────────────────────────────────


def test_an_answer_has_label_model_tokens_and_one_attempt(loopback):
    answer = ask(loopback, (200, completion('{"label": "no"}')))
    assert answer[:2] == ("no", "ok")
    assert (answer.model, answer.input_tokens, answer.output_tokens) == ("model-2026-01-01", 31, 7)
    assert answer.attempts == 1 and 0 < answer.seconds < 5 and answer.detail == '{"label": "no"}'
    path, body, _, _ = loopback.seen[0]
    assert path == "/v1/chat/completions"
    assert body["messages"] == list(asked().messages) and body["temperature"] == 0 and body["max_tokens"] == 256
    assert body["response_format"]["json_schema"]["schema"] == POLITICAL.schema()
    assert body["response_format"]["json_schema"]["strict"] is True


@pytest.mark.parametrize(
    ("question", "content", "label"),
    [
        (POLITICAL, "Yes.", "yes"),
        (POLITICAL, '```json\n{"label": "not sure"}\n```', "not sure"),
        (POLITICAL, "<think>Is it yes? No.</think>\n no", "no"),
        (POLITICAL, [{"type": "text", "text": "yes"}], "yes"),
        (TOPICS, '{"label": ["war", "health"]}', "health|war"),
        (TOPICS, '{"label": []}', ""),
        (ANGER, '{"label": 4}', "4"),
        (ANGER, "4", "4"),
    ],
)
def test_answers_that_are_labels(loopback, question, content, label):
    answer = ask(loopback, (200, completion(content)), request=asked(question))
    assert (answer.label, answer.status) == (label, "ok")


@pytest.mark.parametrize(
    ("question", "content"),
    [
        (POLITICAL, "maybe"),
        (POLITICAL, "I can't say whether yes or no."),
        (POLITICAL, "not political, so no"),
        (POLITICAL, '{"label": "maybe"}'),
        (POLITICAL, '{"label": ["yes"]}'),
        (POLITICAL, '{"label": true}'),
        (POLITICAL, '{"label": "yes", "label": "no"}'),
        (POLITICAL, '{"label": "yes"'),
        (POLITICAL, "<think>It is yes"),
        (TOPICS, '{"label": ["war", "sport"]}'),
        (ANGER, '{"label": 6}'),
        (ANGER, "4.5"),
        (POLITICAL, ""),
        (POLITICAL, "  \n"),
        (POLITICAL, None),
    ],
)
def test_answers_that_are_no_labels_are_invalid(loopback, question, content):
    answer = ask(loopback, (200, completion(content)), request=asked(question))
    assert (answer.label, answer.status) == (None, "invalid")
    assert answer.input_tokens == 31  # paid all the same
    assert ("empty" in answer.detail) == (not (content or "").strip())


def test_a_truncated_answer_is_invalid_even_if_its_beginning_is_a_label(loopback):
    answer = ask(loopback, (200, completion("no", finish="length")))
    assert (answer.label, answer.status) == (None, "invalid")
    assert "max_tokens" in answer.detail


@pytest.mark.parametrize(
    "step",
    [
        (200, completion(None, refusal="I can't help with that.")),
        (200, completion("", finish="content_filter")),
        (400, failure("The response was filtered.", code="content_filter")),
        (400, failure("Invalid prompt: flagged as violating our usage policy.", code="invalid_prompt")),
    ],
)
def test_refusals(loopback, step):
    answer = ask(loopback, step)
    assert (answer.label, answer.status) == (None, "refused")
    assert answer.attempts == len(loopback.seen) == 1


# ── Chat: what servers can't do ──────────────────────────────────────────────────────────


def no_schema(body, _):
    if "response_format" in body:
        return 400, failure("response_format isn't supported", param="response_format")
    return 200, completion("yes")


def test_a_server_without_schemas_is_asked_without_from_then_on(loopback):
    loopback.script = [no_schema]
    engine = Chat("model", loopback.address)
    before = copy.deepcopy(engine.settings())
    assert [engine.ask(asked())[:2] for _ in range(3)] == [("yes", "ok")] * 3
    assert ["response_format" in body for _, body, _, _ in loopback.seen] == [True, False, False, False]
    assert engine.schema_refused and engine.settings() == before
    assert "response_format" not in engine.payload(asked())


def test_the_call_that_finds_it_out_counts_two_attempts(loopback):
    assert ask(loopback, no_schema).attempts == 2


def test_an_enforced_schema_stays_and_a_forbidden_one_is_never_sent(loopback):
    answer = ask(loopback, no_schema, schema=True)
    assert (answer.status, answer.attempts) == ("error", 1) and "response_format" in answer.detail
    assert ask(loopback, no_schema, schema=False).attempts == 1


def test_another_400_is_no_reason_to_give_up_the_schema(loopback):
    """A text that is too long fails with and without the schema; the next text is fine."""
    loopback.script = [(400, failure("maximum context length is 512 tokens"))] * 2 + [(200, completion("yes"))]
    engine = Chat("model", loopback.address)
    assert engine.ask(asked()).status == "error"
    assert engine.ask(asked()).status == "ok"
    assert not engine.schema_refused and "response_format" in loopback.seen[-1][1]


def test_the_other_name_of_max_tokens_is_found(loopback):
    def modern(body, _):
        if "max_tokens" in body:
            return 400, failure("Unsupported parameter: use 'max_completion_tokens' instead.", param="max_tokens")
        return 200, completion("yes")

    loopback.script = [modern]
    engine = Chat("model", loopback.address, max_tokens=9)
    assert [engine.ask(asked()).attempts for _ in range(2)] == [2, 1]
    assert loopback.seen[-1][1]["max_completion_tokens"] == 9
    assert "response_format" in loopback.seen[-1][1]


def test_seed_and_extra_fields_are_sent(loopback):
    ask(loopback, (200, completion("yes")), seed=3, extra={"reasoning_effort": "low"}, temperature=None)
    body = loopback.seen[0][1]
    assert body["seed"] == 3 and body["reasoning_effort"] == "low" and "temperature" not in body


# ── Chat: failures ───────────────────────────────────────────────────────────────────────


def test_retry_after_is_honoured(loopback):
    busy = (429, failure("slow down", code="rate_limit_exceeded"), {"retry-after": "0.6"})
    answer = ask(loopback, busy, (200, completion("yes")), retries=2)
    assert (answer.label, answer.attempts) == ("yes", 2)
    assert loopback.seen[1][3] - loopback.seen[0][3] >= 0.59
    assert answer.seconds >= 0.59


def test_a_lasting_429_is_an_error_of_the_row(loopback):
    answer = ask(loopback, (429, failure("slow down")), retries=2)
    assert (answer.status, answer.attempts, len(loopback.seen)) == ("error", 3, 3)
    assert "429" in answer.detail and "slow down" in answer.detail


@pytest.mark.parametrize("step", [(500, failure("oops")), (503, "down", {"content-type": "text/html"})])
def test_5xx_is_tried_again_and_then_an_error(loopback, step):
    assert ask(loopback, step, (200, completion("yes")), retries=1)[:2] == ("yes", "ok")
    answer = ask(loopback, step, retries=1)
    assert (answer.label, answer.status, answer.attempts) == (None, "error", 2)


def test_silence_times_out(loopback):
    start = time.monotonic()
    answer = ask(loopback, (200, "silence"), timeout=0.3, retries=1)
    assert (answer.status, answer.attempts) == ("error", 2)
    assert "0.3 seconds" in answer.detail and time.monotonic() - start < 4


@pytest.mark.parametrize("step", [(200, "cut before"), (200, completion("yes"), {"cut": True})])
def test_a_cut_connection_is_an_error_never_a_label(loopback, step):
    answer = ask(loopback, step, retries=1)
    assert (answer.label, answer.status, answer.attempts) == (None, "error", 2)
    assert "connection" in answer.detail
    assert ask(loopback, step, (200, completion("yes")), retries=1).label == "yes"


def test_nobody_listens():
    answer = Chat("model", f"http://127.0.0.1:{server.free_port()}/v1", retries=1).ask(asked())
    assert (answer.status, answer.attempts) == ("error", 2)


@pytest.mark.parametrize(
    "step",
    [
        (200, ""),
        (200, "<html>Please log in</html>", {"content-type": "text/html"}),
        (200, "[1]"),
        (200, '{"choices": []}'),
        (200, '{"choices": null, "error": {"message": "upstream"}}'),
        (200, '{"choices": [{"message": null}]}'),
        (200, '{"choices": [5]}'),
        (200, '{"choices": "x"}'),
        (200, '{"choices": {"a": 1}, "usage": 5}'),
        (400, "nonsense"),
        (413, failure("too large")),
    ],
)
def test_replies_that_are_no_completions_are_errors(loopback, step):
    answer = ask(loopback, step)
    assert (answer.label, answer.status) == (None, "error") and answer.detail


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ((401, failure("Incorrect API key provided")), "accept the key"),
        ((403, failure("no access")), "key use the model 'model'"),
        ((402, failure("pay first")), "no credit left"),
        ((429, failure("You exceeded your quota", code="insufficient_quota")), "no credit left"),
        ((404, failure("The model `model` does not exist", code="model_not_found")), "no model 'model'"),
        ((404, {"error": "model 'model' not found, try pulling it first"}), "no model 'model'"),
        ((400, {"detail": "Server is pinned to 'a'; requested 'model'."}), "no model 'model'"),
        ((400, failure("'temperature' does not support 0", param="temperature")), "temperature=None"),
        ((307, "", {"location": "https://example.org/v1?key=1"}), "https://example.org/v1. If"),
    ],
)
def test_what_stops_a_run_says_so_once_and_at_once(loopback, step, says):
    with pytest.raises(StopRun, match=says.replace("(", r"\(")) as stop:
        ask(loopback, step, key=CANARY)
    assert len(loopback.seen) == 1
    assert stop.value.__cause__ is None and stop.value.__context__ is None
    assert CANARY not in str(stop.value)


def test_no_key_for_openai_stops_before_anything_is_sent():
    engine = Chat("gpt-4.1-mini")
    with pytest.raises(StopRun, match="OPENAI_API_KEY"):
        engine.ask(asked())


@pytest.mark.parametrize(
    "settings",
    [
        {"model": ""}, {"schema": "yes"}, {"temperature": -1}, {"max_tokens": 0}, {"timeout": 0}, {"retries": -1},
        {"address": "localhost:1"}, {"key": ""},
    ],  # fmt: skip
)
def test_settings_without_meaning(settings):
    with pytest.raises((BadInputError, SettingError)):
        Chat(**{"model": "model", "address": "http://localhost:1/v1", **settings})


# ── Keys and where things go ─────────────────────────────────────────────────────────────


def texts_of(*things) -> str:
    """Return everything that could be printed, logged or stored of some objects."""
    found = []
    for thing in things:
        found += [repr(thing), str(thing), str(getattr(thing, "__dict__", ""))]
        found += [repr(value) for value in getattr(thing, "__dict__", {}).values()]
    return "\n".join(found)


def echo(status):
    """A rude server: it sends the key back, in every place."""

    def reply(_, headers):
        key = headers["authorization"]
        if status == 200:
            return status, completion(f"The key is {key}"), {"x-echo": key}
        return status, failure(f"bad: {key} {CANARY[:9]}***{CANARY[-4:]}", code=key), {"x-echo": key}

    return reply


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
def test_the_key_is_sent_and_never_shown(loopback, status, caplog):
    caplog.set_level(logging.DEBUG, logger="openai")
    loopback.script = [echo(status)]
    engine = Chat("model", loopback.address, key=CANARY, retries=1)
    said = [texts_of(engine, engine.server), json.dumps(engine.settings()), json.dumps(engine.payload(asked()))]
    try:
        said.append(repr(engine.ask(asked())))
    except StopRun as stop:
        said.append(repr(stop) + str(stop))
    said += [texts_of(engine, engine.server, engine.server.client()._client), pickle.dumps(engine).decode("latin-1")]
    assert loopback.seen[0][2]["authorization"] == f"Bearer {CANARY}"
    everything = "\n".join(said) + caplog.text
    assert CANARY not in everything and "CANARY" not in everything and CANARY[-4:] not in everything


def test_a_key_inside_an_address_is_sent_and_never_shown(loopback):
    loopback.script = [(200, completion("yes"))]
    address = loopback.address.replace("http://", f"http://me:{CANARY}@")
    engine = Chat("model", address)
    assert engine.ask(asked()).label == "yes"
    assert CANARY not in texts_of(engine, engine.server) + json.dumps(engine.settings())


def test_openais_key_doesnt_go_to_other_addresses(loopback, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-secret")
    ask(loopback, (200, completion("yes")))
    assert not {CANARY, "org-secret", "project-secret"} & set(loopback.seen[0][2].values())
    assert CANARY not in str(loopback.seen)


def test_a_proxy_doesnt_see_what_is_asked_on_this_machine(loopback, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert ask(loopback, (200, completion("yes"))).label == "yes"


def test_which_engines_are_local():
    assert Chat("m", "http://localhost:11434/v1").local and Chat("m", "http://[::1]:8/v1").local
    assert not Chat("m").local and not Chat("m", "http://192.168.1.4/v1").local
    assert not Chat("gpt-oss:120b-cloud", "http://localhost:11434/v1").local  # a local door to a hosted model


def test_an_engine_in_another_process_takes_its_key_from_there(monkeypatch):
    engine = pickle.loads(pickle.dumps(Chat("gpt-4.1-mini", key=CANARY)))
    assert engine.server.key() is None
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other-key")
    assert engine.server.key()() == "sk-other-key"


def test_settings_change_with_everything_that_changes_answers():
    plain = Chat("m", "http://localhost:1/v1")
    others = [
        Chat("M", "http://localhost:1/v1"), Chat("m", "http://localhost:2/v1"),
        *(Chat("m", "http://localhost:1/v1", **one) for one in (
            {"schema": False}, {"temperature": 1}, {"max_tokens": 9}, {"seed": 1}, {"extra": {"top_p": 0.5}},
        )),
    ]  # fmt: skip
    assert all(other.settings() != plain.settings() for other in others)
    assert Chat("m", "http://localhost:1/v1/", key=CANARY, retries=1, timeout=1).settings() == plain.settings()


def test_many_threads_share_an_engine(loopback):
    from concurrent.futures import ThreadPoolExecutor

    loopback.script = [no_schema]
    engine = Chat("model", loopback.address)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(engine.ask, [asked()] * 64))
    assert {answer[:2] for answer in answers} == {("yes", "ok")}
    assert sum(answer.attempts for answer in answers) == len(loopback.seen) <= 64 + 16


# ── Decisions of OpenAI ──────────────────────────────────────────────────────────────────


def decision(*answers) -> dict:
    usage = {"input_tokens": 20, "output_tokens": 1, "total_tokens": 21}
    return {"model": "gpt-6-luna-2026", "answers": list(answers), "usage": usage}


def chosen(**probabilities) -> dict:
    listed = [{"value": name, "probability": p} for name, p in probabilities.items()]
    return {"type": "choice", "choice": "x", "confidence": 0.5, "name": "label", "probabilities": listed}


def decide(loopback, body, request=None):
    loopback.script = [(200, body)]
    return Decisions(address=loopback.address, key=CANARY).ask(request or asked())


def test_a_choice_has_a_probability_for_each_label(loopback):
    body = decision(chosen(no=0.7, yes=0.2, **{"not sure": 0.1}))
    answer = decide(loopback, body, asked(options=("no", "yes", "not sure")))
    assert answer[:2] == ("no", "ok") and answer.probabilities == {"yes": 0.2, "no": 0.7, "not sure": 0.1}
    assert (answer.model, answer.input_tokens, answer.output_tokens) == ("gpt-6-luna-2026", 20, 1)
    path, sent, _, _ = loopback.seen[0]
    assert path == "/v1/decisions" and sent["input"] == [{"role": "user", "content": "The budget passed."}]
    assert [choice["value"] for choice in sent["questions"][0]["choices"]] == ["no", "yes", "not sure"]
    assert sent["questions"][0]["instructions"].startswith('Code posts. {"braces"} stay.')


def test_tags_are_predicates_and_a_scale_is_a_score(loopback):
    likely = [{"type": "predicate", "probability": p} for p in (0.9, 0.1, 0.5)]
    request = asked(TOPICS, options=("war", "work", "health"))
    assert decide(loopback, decision(*likely), request).label == "health|war"
    levels = [{"label": str(n), "probability": 0.6 if n == 4 else 0.1, "value": n - 1} for n in range(1, 6)]
    score = {"type": "score", "score": 2.5, "confidence": 0.1, "probabilities": levels}
    answer = decide(loopback, decision(score), asked(ANGER))
    assert (answer.label, answer.probabilities["4"]) == ("4", 0.6)
    assert [level["label"] for level in loopback.seen[-1][1]["questions"][0]["levels"]] == list("12345")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (decision({"type": "refusal", "name": "label"}), "refused"),
        (decision(), "error"),
        (decision(chosen(yes=1.0)), "invalid"),
        (decision(chosen(yes=1.0, no=0.0, maybe=0.0)), "invalid"),
        (decision(chosen(yes=math.nan, no=0.0, **{"not sure": 0.0})), "invalid"),
        (decision({"type": "choice", "probabilities": None}), "error"),
        ({"answers": "x"}, "error"),
    ],
)
def test_decisions_that_arent_there(loopback, body, status):
    answer = decide(loopback, body)
    assert (answer.label, answer.status, answer.probabilities) == (None, status, None)
    assert answer.status in STATUSES


def test_the_sdk_takes_what_decisions_send():
    """The body fits the SDK's own description of the endpoint, field by field."""
    from openai.types import decision_create_params as described

    for question in (POLITICAL, TOPICS, ANGER):
        body = Decisions().payload(asked(question))
        assert set(body) <= set(described.DecisionCreateParams.__annotations__)
        kinds = {
            "choice": described.QuestionQuestionParamChoice,
            "score": described.QuestionQuestionParamScore,
            "predicate": described.QuestionQuestionParamPredicate,
        }
        for one in body["questions"]:
            assert set(one) <= set(kinds[one["type"]].__annotations__)
            assert kinds[one["type"]].__required_keys__ <= set(one)


# ── Decisions on this machine, on a tiny random model ────────────────────────────────────


@pytest.fixture(scope="module")
def tiny():
    """A random chat model of two layers, with the assistant's template."""
    import torch
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    markers = ["<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>"]
    words = [*markers, *alphabet, "ye", "yes", "Ye", "Yes", "no", "No"]
    merges = [("y", "e"), ("ye", "s"), ("Y", "e"), ("Ye", "s"), ("n", "o"), ("N", "o")]
    made = Tokenizer(BPE({word: number for number, word in enumerate(words)}, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|endoftext|>",
        extra_special_tokens={"a": "<|system|>", "b": "<|user|>", "c": "<|assistant|>"},
    )  # fmt: skip
    tokenizer.chat_template = (
        "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}"
        "{% if message['role'] == 'assistant' %}<|endoftext|>{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(words), n_positions=1024, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0,
        initializer_range=0.3,
    )  # fmt: skip
    card = models.card_of("assistant", "mini")
    return models.Loaded(GPT2LMHeadModel(config).eval(), tokenizer, card)


@pytest.fixture
def tiny_assistant(tiny, monkeypatch):
    monkeypatch.setattr(models, "load", lambda role, profile=None: tiny)
    return tiny


def said(tiny, messages, answer) -> float:
    """Return the log-probability of an answer, read in one plain pass over prompt and answer."""
    import torch

    prompt = tiny.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]
    ids = torch.tensor([prompt + tiny.tokenizer(answer).input_ids + [tiny.tokenizer.eos_token_id]])
    with torch.inference_mode():
        each = tiny.model(input_ids=ids).logits[0, :-1].log_softmax(-1)
    return sum(float(each[place - 1, ids[0, place]]) for place in range(len(prompt), ids.shape[1]))


def architecture(name: str, words: int):
    """Return a random model of one of the architectures that the course's chat models have."""
    import torch
    import transformers

    kind, _, attention = name.partition(", ")
    torch.manual_seed(0)
    if kind == "GPT-2":
        config = transformers.GPT2Config(vocab_size=words, n_embd=32, n_layer=2, n_head=2, initializer_range=0.3)
    else:
        config = {"Qwen2": transformers.Qwen2Config, "Llama": transformers.LlamaConfig}[kind](
            vocab_size=words, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, initializer_range=0.3,
        )  # fmt: skip
    return transformers.AutoModelForCausalLM.from_config(config, attn_implementation=attention or "sdpa").eval()


@pytest.mark.parametrize("name", ["GPT-2", "GPT-2, eager", "Qwen2", "Qwen2, eager", "Llama"])
def test_probabilities_of_words_are_those_of_whole_answers(tiny, monkeypatch, name):
    tiny = tiny._replace(model=architecture(name, len(tiny.tokenizer)))
    monkeypatch.setattr(models, "load", lambda role, profile=None: tiny)
    request = asked(options=("no", "not sure", "yes"))
    answer = LocalDecisions("assistant", profile="mini").ask(request)
    assert answer.status == "ok", answer.detail
    scores = {option: said(tiny, request.messages, option) for option in request.options}
    total = sum(math.exp(score) for score in scores.values())
    assert answer.probabilities == pytest.approx({o: math.exp(s) / total for o, s in scores.items()}, rel=1e-4)
    assert answer.label == max(scores, key=scores.get) and answer.input_tokens > 10
    assert answer.model == LocalDecisions("assistant", profile="mini").model


def test_letters_are_the_pipeline_of_transformers(tiny_assistant):
    before = len(tiny_assistant.tokenizer)
    engine = LocalDecisions("assistant", read="letters", profile="mini")
    answer = engine.ask(asked())
    assert answer.status == "ok", answer.detail
    prompt = (
        'The budget passed.\n\nCode posts. {"braces"} stay.\n\nWhich label answers the question “political” about the '
        "text?\nA. yes\nB. no\nC. not sure\nAnswer with the letter of the option that fits best (A to C) only."
    )
    import torch

    ids = tiny_assistant.tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}], add_generation_prompt=True, return_dict=True, return_tensors="pt"
    )["input_ids"]
    with torch.inference_mode():
        logits = tiny_assistant.model(input_ids=ids).logits[0, -1]
    letters = logits[tiny_assistant.tokenizer.convert_tokens_to_ids(["A", "B", "C"])].softmax(-1).tolist()
    assert list(answer.probabilities.values()) == pytest.approx(letters, rel=1e-4)
    assert list(answer.probabilities) == list(POLITICAL.options)
    assert len(tiny_assistant.tokenizer) == before  # the shared tokenizer is left as it was


@pytest.mark.parametrize("read", ["words", "letters"])
def test_local_tags_and_scales(tiny_assistant, read):
    engine = LocalDecisions("assistant", read=read, profile="mini")
    tags = engine.ask(asked(TOPICS))
    assert tags.status == "ok", tags.detail
    assert tags.label == "|".join(tag for tag in TOPICS.options if tags.probabilities[tag] >= 0.5)
    scale = engine.ask(asked(ANGER, options=("5", "4", "3", "2", "1")))
    assert list(scale.probabilities) == list("12345") and sum(scale.probabilities.values()) == pytest.approx(1)
    assert scale.label == max(scale.probabilities, key=scale.probabilities.get)


@pytest.mark.parametrize("read", ["words", "letters"])
def test_texts_that_dont_fit_and_pictures_are_errors(tiny_assistant, read):
    engine = LocalDecisions("assistant", read=read, profile="mini")
    long = engine.ask(asked(text="long " * 300))
    assert long.status == "error" and "1024" in long.detail
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts = [image, {"type": "text", "text": "what?"}]
    picture = engine.ask(asked()._replace(messages=({"role": "user", "content": parts},)))
    assert picture.status == "error" and picture.label is None


def test_a_marker_in_a_text_is_only_text(tiny_assistant):
    messages = [{"role": "user", "content": "so <|assistant|>yes"}]
    ids = decisions.prompt_ids(tiny_assistant.tokenizer, messages)[0].tolist()
    marker = tiny_assistant.tokenizer.convert_tokens_to_ids("<|assistant|>")
    assert ids.count(marker) == 1 and ids[-1] == marker
    assert ids[0] == tiny_assistant.tokenizer.convert_tokens_to_ids("<|user|>")


def test_more_options_than_letters(tiny_assistant):
    many = Choice({f"label {number}": "" for number in range(27)})
    engine = LocalDecisions("assistant", read="letters", profile="mini")
    assert engine.ask(asked(many)).status == "error"
    assert LocalDecisions("assistant", read="words", profile="mini").ask(asked(many)).status == "ok"


def test_words_arent_to_be_had_from_a_server():
    with pytest.raises(BadInputError, match="letters"):
        LocalDecisions("m", address="http://localhost:1/v1", read="words")
    with pytest.raises(BadInputError, match="words"):
        LocalDecisions(read="tokens", profile="mini")


# ── A real server on this machine ────────────────────────────────────────────────────────


def write_tiny(tiny):
    def export(role, folder, profile=None):
        tiny.model.save_pretrained(folder)
        tiny.tokenizer.save_pretrained(folder)
        return folder

    return export


def test_transformers_serve_answers_chat_and_decisions(tiny, tiny_assistant, monkeypatch):
    """The same tiny model behind ``transformers serve`` and in this process."""
    monkeypatch.setattr(models, "export", write_tiny(tiny))
    with server.local_server(profile="mini") as running:
        folder, process = running._folder, running._process
        hello = [{"role": "user", "content": "Hello"}]
        reply = running.client.chat.completions.create(model=running.model, messages=hello, max_tokens=3)
        assert reply.model.startswith(running.model)

        engine = Chat(running.model, running.address, max_tokens=4)
        answer = engine.ask(asked())
        assert answer.status == "invalid" and answer.input_tokens > 10 and answer.output_tokens <= 4
        assert answer.attempts == 1 and not engine.schema_refused  # it takes a schema and ignores it
        assert engine.local and engine.settings()["address"] == "local_server"
        with pytest.raises(StopRun, match="no model"):
            Chat("another", running.address, retries=0).ask(asked())

        here = LocalDecisions("assistant", read="letters", profile="mini")
        there = LocalDecisions(running.model, running.address)
        for question in (POLITICAL, TOPICS, ANGER):
            mine, its = here.ask(asked(question)), there.ask(asked(question))
            assert its.status == "ok", its.detail
            assert its.label == mine.label and its.input_tokens == mine.input_tokens
            assert its.probabilities == pytest.approx(mine.probabilities, rel=1e-3)
    assert process.poll() is not None and not folder.exists() and not running.running
    with pytest.raises(server.ServerError, match="start"):
        running.client  # noqa: B018


def test_a_server_that_cant_start_says_why_and_leaves_nothing(tiny, monkeypatch):
    def broken(role, folder, profile=None):
        folder.mkdir()
        (folder / "config.json").write_text("{}")

    monkeypatch.setattr(models, "export", broken)
    running = server.local_server(profile="mini")
    with pytest.raises(server.ServerError, match="ended while it was starting") as error:
        running.start()
    assert "log ends" in str(error.value)
    assert running._folder is None and running._process is None


def test_a_taken_port_and_an_unknown_role(loopback):
    with pytest.raises(BadInputError, match="taken"):
        server.local_server(port=loopback.server_port, profile="mini").start()
    with pytest.raises(BadInputError, match="70000"):
        server.local_server(port=70000, profile="mini")
    with pytest.raises(Exception, match="No model plays the role"):
        server.local_server("poet", profile="mini")


def test_the_server_ends_with_its_process(tmp_path):
    """A killed process leaves no server behind: its pipe closes."""
    import subprocess
    import sys

    program = server._CHILD.replace("from transformers.cli.transformers import app", "import time").replace(
        'app(["serve", *sys.argv[2:]])', "time.sleep(60)"
    )
    folder = tmp_path / "served"
    folder.mkdir()
    child = subprocess.Popen([sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE)
    time.sleep(0.5)
    assert child.poll() is None
    child.stdin.close()
    assert child.wait(timeout=10) == 0 and not folder.exists()


def test_names_of_served_models_follow_their_weights(monkeypatch):
    before = chat_models.find("assistant", "mini").name
    assert chat_models.find("assistant", "mini").name == before
    card = models.card_of("assistant", "mini")
    other = models.Card(**{**vars(card), "sha256": "0" * 64})
    monkeypatch.setattr(chat_models.models, "card_of", lambda role, profile=None: other)
    assert chat_models.find("assistant", "mini").name != before


def test_a_folder_without_a_tuned_model(tmp_path):
    with pytest.raises(MissingFileError, match="no tuning.json"):
        server.local_server(tmp_path)


def test_a_key_with_blanks_is_no_key():
    with pytest.raises(SettingError):
        Chat("m", key="sk-abc def")
    assert chat.verdict(429, "wait", set()) == "error"
    assert privacy.HIDDEN in repr(privacy.Secret(CANARY))


# ── Attempts that broke off ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("script", "attempts", "unanswered"),
    [
        ([(200, completion("yes"))], 1, 0),
        ([(429, failure("slow down")), (500, failure("oops")), (200, completion("yes"))], 3, 0),  # these are answers
        ([(200, "cut before"), (200, completion("yes"), {"cut": True}), (200, completion("yes"))], 3, 2),
        ([(200, "cut before")], 3, 3),
        ([no_schema, (200, "cut before"), (200, completion("yes"))], 3, 1),
    ],
)
def test_attempts_that_broke_off_are_counted(loopback, script, attempts, unanswered):
    answer = ask(loopback, *script, retries=2)
    assert (answer.attempts, answer.unanswered) == (attempts, unanswered)


def test_silence_counts_as_broken_off_and_a_closed_door_does_not(loopback):
    assert ask(loopback, (200, "silence"), timeout=0.2, retries=1).unanswered == 2
    nobody = Chat("model", f"http://127.0.0.1:{server.free_port()}/v1", retries=1).ask(asked())
    assert (nobody.attempts, nobody.unanswered) == (2, 0)
    assert ask(loopback, (200, completion("yes"))).unanswered == 0  # nothing left over from before
