"""What is found and replaced in texts, what an audit lists, and where keys come from and never go."""

import copy
import json
import pickle
import sys
import time
import types
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop_lib.errors import BadInputError, SettingError
from workshop_lib.labeling import privacy
from workshop_lib.labeling.codebook import Choice
from workshop_lib.labeling.engines.chat import Chat
from workshop_lib.labeling.engines.decisions import Decisions, LocalDecisions
from workshop_lib.labeling.privacy import audit, find_personal, redact
from workshop_lib.labeling.protocol import Item, Request

CANARY = "sk-proj-CANARY0123456789abcdef"
QUESTION = Choice({"yes": "about politics", "no": "all else"})


def asked(text, number=1, image=None) -> Request:
    content = text
    if image:
        content = [{"type": "image_url", "image_url": {"url": image}}, {"type": "text", "text": text}]
    messages = ({"role": "system", "content": "Code posts."}, {"role": "user", "content": content})
    item = Item(f"id-{number}", text, Path("a.png") if image else None)
    return Request(item, "political", "choice", QUESTION.options, messages, QUESTION.schema())


# ── Finding ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("cc @Anna_Lee: see", "handle", "@Anna_Lee"),
        ("(@anna).", "handle", "@anna"),
        ("@anna@social.example hi", "handle", "@anna@social.example"),
        ("thanks u/some_one!", "handle", "u/some_one"),
        ("＠anna", "handle", "＠anna"),
        ("RT @anna.", "handle", "@anna"),
        ("write a.b+c@mail.example.org.", "e-mail", "a.b+c@mail.example.org"),
        ("A.B@EXAMPLE.ORG", "e-mail", "A.B@EXAMPLE.ORG"),
        ("see https://x.example/@anna/1?q=2, ok", "web address", "https://x.example/@anna/1?q=2"),
        ("(www.example.org)", "web address", "www.example.org"),
        ("at bit.ly/3xYz!", "web address", "bit.ly/3xYz"),
        ("from 192.168.10.4 today", "web address", "192.168.10.4"),
        ("call +44 20 7946 0958 now", "phone number", "+44 20 7946 0958"),
        ("call (555) 123-4567.", "phone number", "(555) 123-4567"),
        ("call 555-123-4567.", "phone number", "555-123-4567"),
        ("ring 06 12 34 56 78!", "phone number", "06 12 34 56 78"),
        ("Tel. 030/1234567", "phone number", "030/1234567"),
        ("+49 (0)30 123456", "phone number", "+49 (0)30 123456"),
        ("5551234567", "phone number", "5551234567"),
        ("at 10 Downing Street.", "street address", "10 Downing Street"),
        ("at 221b Baker St, London", "street address", "221b Baker St"),
        ("in der Musterstraße 12a", "street address", "Musterstraße 12a"),
        ("au 12 rue de la Paix", "street address", "12 rue de la Paix"),
    ],
)
def test_personal_data_is_found_whole(text, kind, value):
    assert [(found.kind, found.value) for found in find_personal(text)] == [(kind, value)]
    found = find_personal(text)[0]
    assert text[found.start : found.end] == value


@pytest.mark.parametrize(
    "text",
    [
        "On 2024-05-12 and 12.05.2024 and 5/12/2024 we met.",
        "In 2019-2020, 2021 2022 2023, and 1789–1799.",
        "It cost $1,250,000 or 3.5 million, 12 000 000 people.",
        "Room 101, bus 42, 10:30 - 12:45, 3-2 win, 99.9 %",
        "Tweet 1234567890123456789 and order 123456789012345678",
        "and/or, he/she, e.g./i.e., 24/7, #tag, C++, a @ b",
        "Main Street is closed; the road was long. She said No. 10 St",
        "Dr Smith drove 5 miles on Sunset.",
        "He won 12 to 3. 2024 was hot.",
        "",
    ],
)
def test_ordinary_text_is_left_alone(text):
    assert find_personal(text) == []


def test_pieces_come_in_order_and_none_overlaps():
    text = "@a_b mailed c@d.example about https://e.example/@f, tel. 020 7946 0958, 10 Downing Street"
    found = find_personal(text)
    assert [piece.kind for piece in found] == ["handle", "e-mail", "web address", "phone number", "street address"]
    assert all(one.end <= other.start for one, other in zip(found, found[1:], strict=False))


def test_one_kind_is_found_alike_whichever_others_are_asked_for():
    text = "https://social.example/@anna and @bob"
    assert [found.value for found in find_personal(text, ["handle"])] == ["@bob"]


@given(st.text(alphabet="@u/.:-+() 0123456789abAZß\n", max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_can_be_read_and_redacted_twice(text):
    once = redact([text])
    assert sum(once.counts.values()) == len(find_personal(text))
    redact(once.texts)
    for found in find_personal(text):
        assert text[found.start : found.end] == found.value


@pytest.mark.parametrize("piece", ["a", "1", "@", ".", "a.", "1 ", "-", "@a", "www.", "A ", "1-", "u/", "12 Ab "])
def test_long_texts_take_no_long_time(piece):
    start = time.perf_counter()
    find_personal(piece * (20_000 // len(piece)))
    assert time.perf_counter() - start < 5


# ── Redaction ────────────────────────────────────────────────────────────────────────────


def test_the_same_person_has_the_same_placeholder_in_every_text():
    done = redact(["@Anna to @bob", "@anna again", "call 020 7946 0958", "or 020-7946-0958", "A@b.org", "a@B.org"])
    assert done.texts == [
        "[HANDLE_1] to [HANDLE_2]", "[HANDLE_1] again", "call [PHONE_1]", "or [PHONE_1]", "[EMAIL_1]", "[EMAIL_1]",
    ]  # fmt: skip
    assert done.counts == {"web address": 0, "handle": 3, "e-mail": 2, "street address": 0, "phone number": 2}
    assert done.known["handle"] == {"@anna": "[HANDLE_1]", "@bob": "[HANDLE_2]"}


def test_placeholders_go_on_where_an_earlier_call_ended():
    first = redact(["@anna"])
    second = redact(["@bob and @anna"], known=first.known)
    assert second.texts == ["[HANDLE_2] and [HANDLE_1]"]
    assert first.known == {"handle": {"@anna": "[HANDLE_1]"}}


def test_only_what_is_asked_for_is_replaced():
    done = redact(["@anna a@b.org"], kinds=["e-mail"])
    assert done.texts == ["@anna [EMAIL_1]"] and done.counts == {"e-mail": 1}


def test_redacted_texts_hold_nothing_more_to_redact():
    texts = ["@anna a@b.org https://c.example 020 7946 0958 10 Downing Street", None, float("nan")]
    done = redact(texts)
    assert done.texts[1:] == ["", ""] and all(find_personal(text) == [] for text in done.texts)
    assert redact(done.texts).texts == done.texts


@pytest.mark.parametrize("arguments", [("@anna",), ([5],), (["a"], ["handles"]), ([], "handle")])
def test_wrong_arguments(arguments):
    with pytest.raises(BadInputError):
        redact(*arguments)


# ── Audit ────────────────────────────────────────────────────────────────────────────────


def test_an_audit_lists_every_field_that_is_sent_and_its_personal_data():
    texts = ["Ask @anna or a@b.org", "Ask @bob", "Ask @bob"]
    engine = Chat("gpt-x", key=CANARY)
    table = audit([asked(text, number) for number, text in enumerate(texts)], engine).set_index("field")
    assert set(table["address"]) == {"https://api.openai.com/v1"} and table["leaves"].all()
    user = table.loc["messages: user"]
    assert user["characters"] == sum(map(len, texts)) and user["requests"] == 3 and user["distinct"] == 2
    assert user["examples"] == texts[:2]
    assert (user["handle"], user["e-mail"], user["phone number"]) == (3, 1, 0)
    assert table.loc["messages: system", "characters"] == 3 * len("Code posts.")
    assert set(table.index) == {
        "model", "messages: system", "messages: user", "max_completion_tokens", "temperature", "response_format",
        "headers",
    }  # fmt: skip
    assert table.attrs["personal"]["handle"] == 3
    assert "key (not shown)" in table.loc["headers", "examples"][0]
    assert CANARY not in table.to_string() and "id-1" not in table.to_string()


def test_an_audit_counts_what_a_server_gets(monkeypatch):
    """Field by field the characters of the body that would go out, pictures included."""
    engine = Chat("m", "http://192.168.1.4:8000/v1")
    request = asked("@anna", image="data:image/png;base64," + "A" * 400)
    table = audit([request], engine).set_index("field")
    body = engine.payload(request)
    assert table["characters"].sum() == sum(len(text) for _, text in privacy.fields(body))
    picture = table.loc["messages: user, image"]
    assert picture["examples"] == ["image/png, 300 bytes"] and picture["characters"] == 422
    assert picture["handle"] == 0


def test_audits_of_other_engines():
    loopback = audit([asked("@anna")], Chat("m", "http://localhost:11434/v1"))
    assert not loopback["leaves"].any() and "key" not in loopback.set_index("field").loc["headers", "examples"][0]
    hosted = audit([asked("@anna")], Decisions()).set_index("field")
    assert hosted.loc["input: user", "handle"] == 1 and hosted["leaves"].all()
    here = audit([asked("@anna")], LocalDecisions(profile="mini"))
    assert set(here["address"]) == {"this machine"} and not here["leaves"].any() and "headers" not in set(here["field"])
    assert audit([], Chat("m", key=CANARY)).empty


def test_an_engine_that_cant_say_what_it_sends():
    local = types.SimpleNamespace(name="x", model="m", local=True)
    assert audit([asked("@anna")], local).set_index("field").loc["messages: user", "handle"] == 1
    with pytest.raises(BadInputError, match="payload"):
        audit([asked("@anna")], types.SimpleNamespace(name="x", model="m", local=False))


def test_a_password_in_an_address_isnt_listed():
    table = audit([asked("a")], Chat("m", f"https://me:{CANARY}@example.org/v1?key={CANARY}"))
    assert set(table["address"]) == {"https://example.org/v1"} and CANARY not in table.to_string()


def test_long_texts_are_shortened_in_examples_only():
    table = audit([asked("x" * 5000)], Chat("m")).set_index("field")
    assert table.loc["messages: user", "characters"] == 5000
    assert len(table.loc["messages: user", "examples"][0]) < 400


# ── Keys ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)


def prompt(monkeypatch, typed):
    def ask(text):
        if isinstance(typed, Exception):
            raise typed
        return typed

    monkeypatch.setattr("getpass.getpass", ask)


def test_a_key_comes_from_the_environment_first(monkeypatch):
    prompt(monkeypatch, AssertionError("nobody is asked"))
    monkeypatch.setenv("OPENAI_API_KEY", f" {CANARY}\n")
    assert privacy.key()() == CANARY
    monkeypatch.setenv("OTHER_KEY", "abc")
    assert privacy.key("OTHER_KEY")() == "abc"


@pytest.mark.parametrize("answer", [CANARY, None, KeyError("no such secret")])
def test_then_from_colab_then_from_the_prompt(monkeypatch, answer):
    def get(name):
        if isinstance(answer, Exception):
            raise answer
        return answer

    module = types.ModuleType("google.colab")
    module.userdata = types.SimpleNamespace(get=get)
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", module)
    prompt(monkeypatch, "typed")
    assert privacy.key()() == (CANARY if answer == CANARY else "typed")


@pytest.mark.parametrize("typed", ["", "  ", EOFError(), OSError("no terminal")])
def test_no_key_and_nobody_to_ask(monkeypatch, typed):
    prompt(monkeypatch, typed)
    with pytest.raises(SettingError, match="MY_KEY"):
        privacy.key("MY_KEY")


def test_a_secret_shows_itself_nowhere(capsys, monkeypatch):
    secret = privacy.Secret(CANARY)
    print(secret, [secret], {"key": secret}, f"{secret!r}", vars(secret))
    assert CANARY not in capsys.readouterr().out and secret and copy.deepcopy(secret) is secret
    for dump in (pickle.dumps, json.dumps):
        with pytest.raises((SettingError, TypeError)) as error:
            dump(secret)
        assert CANARY not in str(error.value)


@pytest.mark.parametrize("text", ["", "two words", "sk-schlüssel", "sk-abc…", "sk-\nabc"])
def test_what_cant_be_a_key_is_refused_without_showing_it(text):
    with pytest.raises(SettingError) as error:
        privacy.Secret(text)
    assert not text or text not in str(error.value)


def test_the_openai_client_takes_a_secret():
    import openai

    client = openai.OpenAI(api_key=privacy.Secret(CANARY))
    assert CANARY not in repr(vars(client))


@pytest.mark.parametrize(
    "text",
    [f"key {CANARY}!", "Authorization: Bearer abcdefgh12345", "Incorrect key: sk-proj-***cdef.", "AIza-x_y123456 no"],
)
def test_scrubbing(text):
    clean = privacy.scrub(text, CANARY)
    assert privacy.HIDDEN in clean and not any(part in clean for part in ("CANARY", "abcdefgh", "cdef", "x_y123"))


def test_scrubbing_leaves_words_alone():
    text = "the risk-averse task-force of the bearer bonds"
    assert privacy.scrub(text) == text
