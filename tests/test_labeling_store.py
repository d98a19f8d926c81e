"""The file of a run: keys, claims, transactions, and no mix-up of settings."""

import os
import signal
import sqlite3
import time
from types import SimpleNamespace

import pytest

from workshop_lib import errors
from workshop_lib.labeling.budget import Cap, most_input_tokens
from workshop_lib.labeling.identity import cache_key, canonical
from workshop_lib.labeling.prompts import prompt_hash
from workshop_lib.labeling.protocol import Answer, Item, Request
from workshop_lib.labeling.store import Store, StoreError

ENGINE = SimpleNamespace(name="fake", model="m", local=False, settings=lambda: {"max_tokens": 5})


def request(id="1", text="The war goes on.", **changes):
    messages = ({"role": "system", "content": "Say war or peace."}, {"role": "user", "content": text})
    schema = {"type": "object", "properties": {"label": {"enum": ["war", "peace"]}}}
    return Request(Item(id, text), "topic", "choice", ("war", "peace"), messages, schema)._replace(**changes)


def opened(folder, requests):
    store = Store(folder)
    store.begin(verb="test")
    store.register(requests, ENGINE)
    return store


def claim(store, limit=10, cap=None, worst=0.5, **more):
    return store.claim(limit, cap or Cap(None), lambda tokens: worst, **more)


def answered(calls, label="war", cost=0.1):
    return [(call, Answer(label), cost) for call in calls]


def test_key_covers_everything():
    base = (request(), "chat", "m", {"temperature": 0, "max_tokens": 5})
    capital = request(messages=({"role": "system", "content": "Say War or peace."}, request().messages[1]))
    others = [
        (capital, *base[1:]),
        (request(text="The War goes on."), *base[1:]),
        (request(id="2"), *base[1:]),
        (request(repeat=1), *base[1:]),
        (request(question="theme"), *base[1:]),
        (request(kind="tags"), *base[1:]),
        (request(options=("peace", "war")), *base[1:]),
        (request(schema={}), *base[1:]),
        (base[0], "Chat", *base[2:]),
        (*base[:2], "M", base[3]),
        (*base[:3], {"temperature": 1, "max_tokens": 5}),
        (*base[:3], {"temperature": 0, "max_tokens": 5, "seed": None}),
    ]
    keys = [cache_key(*call) for call in [base, *others]]
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 64 for key in keys)
    same = (base[0], "chat", "m", {"max_tokens": 5, "temperature": 0})  # the order of settings is no setting
    assert cache_key(*same) == keys[0]


def test_requests_come_back_as_they_went_in(tmp_path):
    picture = tmp_path / "flag.png"
    picture.write_bytes(b"not really")
    picture_part = {"type": "image_url", "image_url": {"url": "data:x"}}
    parts = [{"type": "text", "text": "Ünïcödé 🙂\n\u2028"}, picture_part]
    first = request("a'b", "x\u0000y", messages=({"role": "user", "content": parts},))
    first = first._replace(item=first.item._replace(image=picture), schema={"z": 1, "a": [True, None]})
    with opened(tmp_path / "run", [first, request("2", repeat=3)]) as store:
        sent = [first, request("2", repeat=3)]
        assert list(store.prompts()) == [(prompt_hash(one), one) for one in sent]
        assert list(claim(store)[0][0].request.schema) == ["z", "a"]


def test_other_settings_are_an_error_that_names_them(tmp_path):
    facts = {"engine": "chat", "settings": {"temperature": 0}, "codebook": {"labels": {"war": "a", "peace": "b"}}}
    with Store(tmp_path) as store:
        store.identify(facts, {"max_cost": 1})
    with Store(tmp_path) as store:
        store.identify(facts, {"max_cost": 2})  # this may change
        assert store.facts() == facts | {"max_cost": 2}
        with pytest.raises(errors.SettingError, match="settings: temperature was 0 and is now 1.*another folder"):
            store.identify(facts | {"settings": {"temperature": 1}})
        with pytest.raises(errors.SettingError, match="another codebook: labels.war was"):
            store.identify(facts | {"codebook": {"labels": {"war": "A", "peace": "b"}}})
        assert store.facts()["settings"] == {"temperature": 0}


def test_keys_are_never_stored(tmp_path):
    with Store(tmp_path) as store:
        with pytest.raises(errors.BadInputError, match="api_key") as caught:
            store.identify({"settings": {"server": {"api_key": "canary-123"}}})
        assert "canary" not in str(caught.value)
    assert b"canary" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_what_cannot_be_stored():
    assert canonical({"a": {1, 2}}) == '{"a":[1,2]}'
    with pytest.raises(errors.BadInputError, match="type object"):
        canonical({"a": object()})


def test_an_answer_and_its_mark_are_one_transaction(tmp_path):
    with opened(tmp_path, [request("1"), request("2")]) as store:
        calls, _ = claim(store)
        with pytest.raises(errors.BadInputError, match="type object"):  # the second answer can't be stored
            store.record([(calls[0], Answer("war"), 0.1), (calls[1], Answer("war", probabilities=object()), 0.1)])
        assert list(store.rows()) == [] and store.ledger() == {"spent": 0, "lost": 0, "reserved": 1.0}
        store.record(answered(calls))
        assert [row["label"] for row in store.rows()] == ["war", "war"]
        assert store.ledger() == {"spent": pytest.approx(0.2), "lost": 0, "reserved": 0}


def test_half_a_character_is_stored(tmp_path):
    """A model may break off in the middle of an emoji; the answers beside it must not be lost."""
    with opened(tmp_path, [request("1"), request("2")]) as store:
        calls, _ = claim(store)
        store.record([(calls[0], Answer(None, "invalid", detail="broken \ud83d"), 0.0), (calls[1], Answer("a"), 0.0)])
        assert [row["status"] for row in store.rows()] == ["invalid", "ok"]


def test_a_full_disk_is_an_error_that_says_what_to_do(tmp_path):
    with opened(tmp_path, [request()]) as store:
        calls, _ = claim(store)
        store.database.execute("PRAGMA max_page_count = 1")  # no room for another page
        with pytest.raises(StoreError, match=r"can't be written: database or disk is full.*resume\(\)"):
            store.record([(calls[0], Answer("war", detail="x" * 100_000), 0.1)])
        store.database.execute("PRAGMA max_page_count = 100000")
        store.record(answered(calls))
        assert [row["label"] for row in store.rows()] == ["war"]


def test_an_answer_is_stored_once(tmp_path):
    with opened(tmp_path, [request()]) as store:
        calls, _ = claim(store)
        store.record(answered(calls))
        store.record(answered(calls, "peace"))
        assert [row["label"] for row in store.rows()] == ["war"]
        assert store.ledger()["spent"] == pytest.approx(0.1)


def test_two_sessions_never_claim_the_same_call(tmp_path):
    requests = [request(str(n)) for n in range(10)]
    with opened(tmp_path, requests) as one, opened(tmp_path, requests) as two:
        first, place = claim(one, 6)
        assert place == 6
        second, place = claim(two, 10)
        assert len(second) == 4 and place == -1
        assert not {call.number for call in first} & {call.number for call in second}
        assert two.bury_dead() == 0  # the first is alive
        assert two.progress()["elsewhere"] == 6
        one.release(first)
        assert len(claim(two, 10)[0]) == 6


def test_only_errors_of_earlier_sessions_are_asked_again(tmp_path):
    requests = [request(str(n)) for n in range(4)]
    with opened(tmp_path, requests) as store:
        calls, _ = claim(store)
        statuses = ("ok", "refused", "invalid", "error")
        store.record([(call, Answer(None, status), 0.1) for call, status in zip(calls, statuses, strict=True)])
        assert claim(store)[0] == []
        earlier = store.session
    with opened(tmp_path, requests) as store:
        calls, _ = claim(store)
        assert [call.request.item.id for call in calls] == ["3"] and store.session > earlier
        store.record(answered(calls))
        row = list(store.rows())[3]
        assert row["label"] == "war" and row["attempts"] == 2 and row["cost"] == pytest.approx(0.2)
        assert [row["cached"] for row in store.rows()] == [True, True, True, False]


def test_a_changed_text_is_asked_again_and_the_old_answer_kept(tmp_path):
    with opened(tmp_path, [request()]) as store:
        store.record(answered(claim(store)[0]))
    with opened(tmp_path, [request(text="The war is over.")]) as store:
        calls, _ = claim(store)
        assert len(calls) == 1
        store.record(answered(calls, "peace"))
        assert [row["label"] for row in store.rows()] == ["peace"]
        assert store.choose_all() == 1
    with opened(tmp_path, [request()]) as store:  # and back
        assert claim(store)[0] == [] and [row["label"] for row in store.rows()] == ["war"]


@pytest.mark.parametrize("twice", [[request(), request()], [request(), request(text="Another")]])
def test_an_id_twice(tmp_path, twice):
    with Store(tmp_path) as store:
        with pytest.raises(errors.BadInputError, match="id '1' occurs twice"):
            store.register(twice, ENGINE)
        assert store.choose_all() == 0  # nothing was written


def test_the_cap_is_shared(tmp_path):
    requests = [request(str(n)) for n in range(10)]
    with opened(tmp_path, requests) as one, opened(tmp_path, requests) as two:
        calls, _ = claim(one, cap=Cap(2.6))
        assert len(calls) == 5  # 5 × 0.5
        assert claim(two, cap=Cap(2.6)) == ([], 0)
        one.record(answered(calls, cost=0.3))  # 1.5 spent: room for 2
        assert len(claim(two, cap=Cap(2.6))[0]) == 2
        assert two.skip_rest() == 3
        assert [row["status"] for row in two.rows()] == ["ok"] * 5 + ["skipped for budget"] * 3


def test_a_call_that_fits_is_found_behind_one_that_does_not(tmp_path):
    long, short = request("long", "A long text. " * 90), request("short")
    with opened(tmp_path, [long, short]) as store:
        cap = most_input_tokens(short) / 1000
        assert store.claim(5, Cap(cap), lambda tokens: tokens / 1000) == ([], 0)
        calls, place = store.claim(5, Cap(cap), lambda tokens: tokens / 1000, skip=True)
        assert [call.request.item.id for call in calls] == ["short"] and place == -1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_claims_end_with_their_process(tmp_path):
    child = os.fork()
    if child == 0:
        store = opened(tmp_path / "run", [request("1"), request("2")])
        claim(store, 1)
        (tmp_path / "ready").touch()
        time.sleep(60)
        os._exit(1)
    while not (tmp_path / "ready").exists():
        time.sleep(0.01)
    with Store(tmp_path / "run") as store:
        store.begin()
        store.choose_all()
        assert store.progress()["elsewhere"] == 1  # it is alive
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert store.bury_dead() == 1
        assert store.ledger() == {"spent": 0, "lost": 0.5, "reserved": 0}  # it may have been billed
        assert len(claim(store)[0]) == 2
    assert not list((tmp_path / "run").glob("*.lock"))


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(errors.MissingFileError, match="no run in"):
        Store(tmp_path, create=False)
    (tmp_path / "run.sqlite").write_text("This is no database, but it is long enough to be taken for one. " * 20)
    with pytest.raises(errors.WorkshopError, match="can't be opened: file is not a database"):
        Store(tmp_path)


def test_the_file_is_a_plain_database(tmp_path):
    with opened(tmp_path, [request()]) as store:
        store.record(answered(claim(store)[0]))
    with sqlite3.connect(tmp_path / "run.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT id, status FROM calls").fetchall() == [("1", "ok")]
