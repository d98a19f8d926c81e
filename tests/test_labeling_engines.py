"""Engines without a prompt: encoder, image-text model, people, a stored run; with the shipped mini models."""

import json
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workshop_lib.errors import (
    BadInputError, DamagedFileError, MissingFileError, SettingError, UnknownNameError, WorkshopError,
)  # fmt: skip
from workshop_lib.labeling import prompts, runs
from workshop_lib.labeling.codebook import Choice, Codebook, Scale, Tags
from workshop_lib.labeling.engines import human
from workshop_lib.labeling.engines.clip import Clip, read_picture
from workshop_lib.labeling.engines.encoder import Encoder, probabilities
from workshop_lib.labeling.engines.human import Adjudication, Human, adjudicate
from workshop_lib.labeling.engines.replay import Replay
from workshop_lib.labeling.protocol import Answer, Item, StopRun

BOOK = Codebook("posts", {
    "topic": Choice({"health": "doctors, hospitals, illness", "sport": "matches, teams, training"}),
    "tags": Tags({"health": "doctors, hospitals, illness", "sport": "football matches and their teams"}),
    "mood": Scale(1, 5, anchors={1: "calm and friendly", 5: "furious, full of rage"}),
    "plain": Scale(1, 3),
})  # fmt: skip
TEXTS = {
    "h1": "The hospital has no beds and the nurses are tired.", "h2": "My doctor gave me pills for the flu.",
    "s1": "Our football team won the match two to nil.", "s2": "Training was cancelled, so no match on Sunday.",
}  # fmt: skip
FRAME = pd.DataFrame({"id": list(TEXTS), "text": list(TEXTS.values()), "topic": ["health", "health", "sport", "sport"]})


@pytest.fixture(autouse=True)
def mini(monkeypatch):
    monkeypatch.setenv("WORKSHOP_PROFILE", "mini")


def asked(name, item=None, book=BOOK, seed=None):
    """Return a request as a run makes it."""
    item = item or Item("h1", TEXTS["h1"])
    return prompts.requests(book.only(name), [item], order_seed=seed)[0]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> pd.DataFrame:
    """Eight pictures, red or blue, with captions that don't tell."""
    from PIL import Image

    folder, rows = tmp_path_factory.mktemp("pictures"), []
    for place in range(8):
        colour = "red" if place % 2 else "blue"
        file = folder / f"{place}.png"
        shade = 150 + 12 * place
        Image.new("RGB", (40, 30), (shade, 20, 20) if colour == "red" else (20, 20, shade)).save(file)
        rows.append({"id": f"p{place}", "image": str(file), "text": f"Post {place}", "colour": colour})
    return pd.DataFrame(rows)


COLOURS = Codebook("colours", {"colour": Choice({"red": "", "blue": ""}), "hue": Tags({"red": "", "blue": ""})})


# ── Encoder ──────────────────────────────────────────────────────────────────────────────


def test_probabilities_are_a_softmax_or_logistic():
    assert probabilities("choice", [1000.0, 0.0]).tolist() == [1.0, 0.0]
    assert probabilities("tags", [0.0, 2.0]) == pytest.approx([0.5, 1 / (1 + np.exp(-2))])


def test_zero_shot_takes_the_closest_label_and_states_its_softmax():
    from workshop_lib import embeddings

    engine = Encoder(codebook=BOOK)
    answers = {id: engine.ask(asked("topic", Item(id, text))) for id, text in TEXTS.items()}
    assert [answer.label for answer in answers.values()] == FRAME["topic"].tolist()
    labels = ["health: doctors, hospitals, illness", "sport: matches, teams, training"]
    cosines = embeddings.cosine(embeddings.sentence_vectors([TEXTS["h1"]]), embeddings.sentence_vectors(labels))[0]
    expected = np.exp(cosines / 0.05) / np.exp(cosines / 0.05).sum()
    first = answers["h1"]
    assert list(first.probabilities.values()) == pytest.approx(expected, abs=0.02)  # bfloat16 on some machines
    assert (first.status, first.model, first.detail) == ("ok", engine.model, "zero-shot") and engine.local
    assert engine.model.startswith("encoder-mini-")


def test_tags_and_scales_are_answered_in_the_order_of_the_codebook():
    engine = Encoder(codebook=BOOK, threshold=0.2)
    both = Item("b", "The football team's doctor sent three players to hospital after the match.")
    for seed in range(3):  # the labels are shown in another order
        assert engine.ask(asked("tags", both, seed=seed)).label == "health|sport"
    assert engine.ask(asked("tags", Item("n", "A recipe for plum cake."))).label == ""
    calm = engine.ask(asked("mood", Item("c", "What a calm and friendly evening.")))
    fury = engine.ask(asked("mood", Item("f", "I am furious, I am full of rage!")))
    assert int(calm.label) < int(fury.label) and list(fury.probabilities) == ["1", "2", "3", "4", "5"]
    assert sum(fury.probabilities.values()) == pytest.approx(1)


def test_what_an_encoder_cannot_answer_is_a_status():
    engine = Encoder(codebook=BOOK)
    answer = engine.ask(asked("plain"))
    assert (answer.label, answer.status) == (None, "error") and "anchors" in answer.detail
    picture = asked("topic")._replace(item=Item("p", "", Path("x.png")))
    assert engine.ask(picture).status == "error" and "no text" in engine.ask(picture).detail
    other = Codebook("other", {"topic": Choice(["war", "peace"])})
    assert "other labels" in engine.ask(asked("topic", book=other)).detail
    assert Encoder().ask(asked("topic", book=other)).label in ("war", "peace")  # bare labels, no codebook


def test_settings_of_an_encoder_that_make_no_sense():
    with pytest.raises(UnknownNameError, match="causal_lm"):
        Encoder("causal_lm")
    with pytest.raises(BadInputError, match="temperature is 0"):
        Encoder(temperature=0)
    with pytest.raises(BadInputError, match="dict"):
        Encoder(codebook={"topic": "health"})


def test_every_setting_shows_and_can_be_stored():
    engine = Encoder(codebook=BOOK)
    ways = [engine, Encoder(), Encoder(codebook=BOOK, temperature=0.1), Encoder(codebook=BOOK, threshold=0.3),
            engine.fit(FRAME, "topic"), engine.fit(FRAME, "topic", c=1)]  # fmt: skip
    assert len({json.dumps(way.settings(), sort_keys=True) for way in ways}) == len(ways)
    assert engine.settings()["weights"] == engine.card.sha256
    assert engine.fit(FRAME, "topic").settings() == ways[4].settings()


def test_few_shot_learns_what_the_definitions_do_not_say():
    swapped = FRAME.assign(topic=["sport", "sport", "health", "health"])
    engine = Encoder(codebook=BOOK)
    fitted = engine.fit(swapped, "topic")
    new = Item("n", "The players trained hard before the match.")
    assert engine.ask(asked("topic", new)).label == "sport"
    answer = fitted.ask(asked("topic", new))
    assert (answer.label, answer.detail) == ("health", "fitted")
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert fitted.ask(asked("mood", new)).detail == "zero-shot" and not engine.heads
    copied = pickle.loads(pickle.dumps(fitted))
    assert copied.ask(asked("topic", new)).probabilities == answer.probabilities


def test_few_shot_is_scikit_learns_logistic_regression():
    import torch
    from sklearn.linear_model import LogisticRegression

    from workshop_lib.embeddings import sentence_vectors

    vectors = sentence_vectors(FRAME["text"].tolist(), precision=torch.float32)
    expected = LogisticRegression(C=10).fit(vectors, FRAME["topic"]).predict_proba(vectors[:1])[0]
    found = Encoder(codebook=BOOK).fit(FRAME, "topic").ask(asked("topic"))
    assert list(found.probabilities.values()) == pytest.approx(expected, abs=1e-4)


def test_few_shot_tags_with_one_that_all_examples_have():
    frame = FRAME.assign(tags=["health", "health", "health|sport", "health|sport"])
    fitted = Encoder(codebook=BOOK).fit(frame, "tags")
    assert fitted.ask(asked("tags", Item("s1", TEXTS["s1"]))).label == "health|sport"
    answer = fitted.ask(asked("tags", Item("h1", TEXTS["h1"])))
    assert answer.label == "health" and answer.probabilities["health"] == pytest.approx(5 / 6)


def test_examples_that_cannot_be_learnt_from():
    engine = Encoder(codebook=BOOK)
    for frame, name, message in (
        (FRAME, "colour", "no question 'colour'"), (FRAME, "mood", "no column 'mood'"),
        (FRAME.assign(topic="sport"), "topic", "two labels"), (FRAME.assign(topic=[*"abcd"]), "topic", "no label"),
    ):  # fmt: skip
        with pytest.raises(BadInputError, match=message):
            engine.fit(frame, name)
    kept = engine.fit(FRAME.assign(topic=["health", None, np.nan, "sport"]), "topic")
    assert kept.ask(asked("topic")).label == "health"
    other = engine.fit(FRAME, "topic")
    other.codebook = None
    wrong = other.ask(asked("topic", book=Codebook("b", {"topic": Choice(["war", "peace"])})))
    assert wrong.status == "error" and "fitted with other labels" in wrong.detail


def test_vectors_are_computed_once_and_ahead(monkeypatch):
    from workshop_lib import embeddings

    batches, real = [], embeddings.sentence_vectors
    monkeypatch.setattr(
        embeddings, "sentence_vectors", lambda texts, **how: batches.append(len(texts)) or real(texts, **how)
    )
    engine = Encoder(codebook=BOOK)
    before = engine.ask(asked("topic"))
    engine.prepare(prompts.items(FRAME))
    for id, text in TEXTS.items():
        engine.ask(asked("topic", Item(id, text)))
    assert batches == [1, 2, 3]  # the item, the two labels, the other three items
    assert engine.ask(asked("topic")).probabilities == before.probabilities


def test_a_model_that_cannot_be_loaded_stops_the_run(monkeypatch):
    from workshop_lib import models

    engine = Encoder(codebook=BOOK)

    def broken(*_):
        raise DamagedFileError("The file is damaged.")

    monkeypatch.setattr(models, "load", broken)
    with pytest.raises(StopRun, match="damaged"):
        engine.ask(asked("topic"))


def test_another_profile_than_the_engines_stops_the_run():
    from dataclasses import replace

    engine = Encoder(codebook=BOOK)
    engine.card = replace(engine.card, sha256="0" * 64)
    with pytest.raises(StopRun, match="profile has changed"):
        engine.ask(asked("topic"))


def test_a_run_with_threads_gives_what_single_calls_give(tmp_path):
    engine, book = Encoder(codebook=BOOK), BOOK.only("topic", "mood")
    results = runs.label(book, FRAME, engine, tmp_path, order_seed=1, concurrency=4, progress=False)
    assert (results["status"] == "ok").all() and results["cost"].eq(0).all()
    for row in results[results["question"] == "mood"].itertuples():
        single = engine.ask(asked("mood", Item(row.id, TEXTS[row.id])))
        assert list(row.probabilities.values()) == pytest.approx(list(single.probabilities.values()), abs=1e-5)
    assert runs.resume(tmp_path, engine, progress=False)["cached"].all()
    with pytest.raises(SettingError, match="settings"):
        runs.resume(tmp_path, engine.fit(FRAME, "topic"), progress=False)


# ── Image-text model ─────────────────────────────────────────────────────────────────────


def rows_of(frame):
    return prompts.items(frame, image="image")


def labels_of(engine, items, name="colour"):
    return [engine.ask(asked(name, item, COLOURS)).label for item in items]


def test_zero_shot_of_a_pair_is_the_mean_of_both_similarities(pictures):
    item, logs = rows_of(pictures)[0], {}
    for reads in ("image", "text", "pair"):
        answer = Clip(codebook=COLOURS, reads=reads).ask(asked("colour", item, COLOURS))
        red, blue = answer.probabilities.values()
        logs[reads] = np.log(red / blue)
    assert logs["pair"] == pytest.approx((logs["image"] + logs["text"]) / 2, abs=1e-4)
    assert logs["image"] != pytest.approx(logs["text"], abs=1e-3)
    alone = Clip(codebook=COLOURS)
    assert alone.ask(asked("colour", item._replace(text=""), COLOURS)).probabilities["red"] == pytest.approx(
        1 / (1 + np.exp(-logs["image"])), abs=1e-4
    )


def test_clip_knows_what_its_card_says_it_knows():
    book = Codebook("b", {"what": Choice({"face": "a smiling face", "flag": "the flag of a country"})})
    engine = Clip(codebook=book)
    assert engine.ask(asked("what", Item("t", "grinning face with a smile"), book)).label == "face"
    assert engine.ask(asked("what", Item("t", "flag of denmark"), book)).label == "flag"


def test_fine_tuning_a_layer_save_and_load(pictures, tmp_path):
    engine = Clip(codebook=COLOURS)
    train, test = pictures.iloc[:6], rows_of(pictures.iloc[6:])
    tuned = engine.fit(train, "colour", text=None, epochs=30, lr=0.01)
    losses = tuned.losses["colour"]
    assert losses[-1] < losses[0] and labels_of(tuned, test) == ["blue", "red"]
    assert not engine.heads and tuned.heads["colour"].reads == "image"
    again = Clip.load(tuned.save(tmp_path / "tuned"))
    assert again.settings() == tuned.settings() != engine.settings()
    for item in test:
        request = asked("colour", item, COLOURS)
        assert again.ask(request)._replace(seconds=0) == tuned.ask(request)._replace(seconds=0)
    assert engine.fit(train, "colour", text=None, epochs=30, lr=0.01).settings() == tuned.settings()
    lacking = tuned.ask(asked("colour", Item("t", "only words"), COLOURS))
    assert lacking.status == "error" and "lacks" in lacking.detail
    (tmp_path / "tuned" / "heads.safetensors").write_bytes(b"cut")
    with pytest.raises(DamagedFileError, match="heads.safetensors"):
        Clip.load(tmp_path / "tuned")
    with pytest.raises(MissingFileError, match="no saved engine"):
        Clip.load(tmp_path)


def test_fine_tuning_the_whole_model_leaves_the_shared_one_alone(pictures, tmp_path):
    from workshop_lib import models

    shared = models.load("image_text").model
    before = {name: part.clone() for name, part in shared.state_dict().items()}
    tuned = Clip(codebook=COLOURS).fit(pictures, "colour", text=None, epochs=3, lr=1e-3, whole=True, batch=4)
    assert all((part == before[name]).all() for name, part in shared.state_dict().items())
    name = "visual_projection.weight"
    assert not (tuned.tuned.state_dict()[name] == before[name]).all()
    assert tuned.losses["colour"][-1] < tuned.losses["colour"][0]
    again, item = Clip.load(tuned.save(tmp_path)), rows_of(pictures)[0]
    request = asked("colour", item, COLOURS)
    assert again.settings() == tuned.settings()
    assert again.ask(request).probabilities == tuned.ask(request).probabilities
    assert sorted(file.name for file in tmp_path.iterdir()) == ["engine.json", "heads.safetensors", "model.safetensors"]
    with pytest.raises(BadInputError, match="whole=True first"):
        tuned.fit(pictures, "colour", whole=True)


def test_pairs_and_tags_are_learnt_and_start_at_zero_shot(pictures):
    engine, item = Clip(codebook=COLOURS), rows_of(pictures)[1]
    frame = pictures.assign(hue=[colour if place < 6 else "" for place, colour in enumerate(pictures["colour"])])
    tuned = engine.fit(frame, "hue", epochs=1, lr=1e-9)
    assert tuned.heads["hue"].reads == "pair"
    for name, fitted in (("hue", tuned), ("colour", engine.fit(pictures, "colour", epochs=1, lr=1e-9))):
        request = asked(name, item, COLOURS)
        found, expected = fitted.ask(request).probabilities, engine.ask(request).probabilities
        assert list(found.values()) == pytest.approx(list(expected.values()), abs=1e-3)
    assert labels_of(engine.fit(frame, "hue", epochs=60, lr=0.02), [item], "hue") == ["red"]


def test_what_clip_refuses(pictures, tmp_path):
    with pytest.raises(BadInputError, match="reads is 'both'"):
        Clip(reads="both")
    with pytest.raises(UnknownNameError, match="encoder"):
        Clip("encoder")
    engine = Clip(codebook=COLOURS)
    with pytest.raises(BadInputError, match="epochs 0"):
        engine.fit(pictures, "colour", epochs=0)
    with pytest.raises(BadInputError, match="'photo'"):
        engine.fit(pictures, "colour", images="photo")
    with pytest.raises(BadInputError, match="lacks"):
        engine.fit(pictures.assign(text=["", *pictures["text"][1:]]), "colour")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    answer = engine.ask(asked("colour", Item("x", "", broken), COLOURS))
    assert answer.status == "error" and "Unidentified" in answer.detail
    gone = asked("colour", Item("x", "text"), COLOURS)._replace(item=Item("x", "", tmp_path / "gone.png"))
    assert engine.ask(gone).status == "error"


def test_a_transparent_picture_stands_on_white(tmp_path):
    from PIL import Image

    Image.new("RGBA", (4, 4), (200, 0, 0, 0)).save(tmp_path / "clear.png")
    assert read_picture(tmp_path / "clear.png").getpixel((0, 0)) == (255, 255, 255)


# ── People ───────────────────────────────────────────────────────────────────────────────


def test_human_labels_come_from_the_column_of_the_question():
    frame = pd.DataFrame({
        "id": [1, 2, 3, 4], "topic_coder_1": ["health", None, "helth", "sport"], "mood": [4.0, 5, np.nan, 9],
    })  # fmt: skip
    engine = Human("topic_coder_1", frame)
    assert engine.ask(asked("topic", Item("1", "x")))[:2] == ("health", "ok")
    for id, why in (("2", "is empty"), ("3", "no label of this question"), ("9", "no item '9'")):
        answer = engine.ask(asked("topic", Item(id, "x")))
        assert answer[:2] == (None, "invalid") and why in answer.detail
    wrong = engine.ask(asked("mood", Item("1", "x")))
    assert wrong.status == "invalid" and "answer topic" in wrong.detail
    both = Human({"topic": "topic_coder_1", "mood": "mood"}, frame)
    assert both.ask(asked("mood", Item("1", "x"))).label == "4"
    assert both.ask(asked("mood", Item("4", "x"))).status == "invalid"
    assert both.settings() != engine.settings() and engine.local
    changed = Human("topic_coder_1", frame.assign(topic_coder_1="sport"))
    assert changed.settings() != engine.settings() == Human("topic_coder_1", frame.copy()).settings()
    with pytest.raises(BadInputError, match="no column 'topics'"):
        Human("topics", frame)
    with pytest.raises(BadInputError, match="more than once"):
        Human("mood", frame.assign(id=1))


def test_human_tags_may_be_none_at_all():
    engine = Human("tags", pd.DataFrame({"id": ["a", "b"], "tags": ["", "sport|health"]}))
    assert engine.ask(asked("tags", Item("a", "x")))[:2] == ("", "ok")
    assert engine.ask(asked("tags", Item("b", "x"))).label == "health|sport"


CODES = FRAME.assign(
    topic_coder_1=["health", "health", "sport", None], topic_coder_2=["health", "sport", "health", "sport"]
)
COLUMNS = ["topic_coder_1", "topic_coder_2"]


def typing(monkeypatch, *lines):
    """Let a person type these lines, and then end the input."""
    left = iter(lines)

    def typed(_):
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", typed)


def test_an_adjudication_saves_each_verdict_and_goes_on(monkeypatch, tmp_path, capsys):
    file = tmp_path / "verdicts" / "topic.csv"
    typing(monkeypatch, "helth", "Health.")
    first = adjudicate(CODES, COLUMNS, BOOK.questions["topic"], file, plain=True)
    shown = capsys.readouterr().out
    assert "Did you mean 'health'?" in shown and "topic_coder_1: health · topic_coder_2: sport" in shown
    assert first.open == ["s1", "s2"] and file.read_text().split() == ["id,topic", "h2,health"]
    typing(monkeypatch, "", "sport")  # s1 later, s2 is settled
    second = adjudicate(CODES, COLUMNS, BOOK.questions["topic"], file, plain=True)
    assert second.open == ["s1"]
    typing(monkeypatch, "stop", "sport")
    third = adjudicate(CODES, COLUMNS, BOOK.questions["topic"], file, plain=True)
    assert third.open == ["s1"]
    table = third.table()
    assert table["topic"].tolist() == ["health", "health", None, "sport"]
    assert table["by"].tolist() == ["coders agree", "adjudicated", "open", "adjudicated"]
    third.decide("h2", "sport")
    assert adjudicate(CODES, COLUMNS, BOOK.questions["topic"], file, plain=True).verdicts["h2"] == "sport"
    assert Human("topic", third.table()).ask(asked("topic", Item("h2", "x"))).label == "sport"


def test_an_adjudication_refuses_what_does_not_fit(tmp_path, monkeypatch):
    file, question = tmp_path / "topic.csv", BOOK.questions["topic"]
    with pytest.raises(BadInputError, match="no column 'topic_coder_3'"):
        adjudicate(CODES, ["topic_coder_3"], question, file, plain=True)
    with pytest.raises(BadInputError, match="no label"):
        adjudicate(CODES.assign(topic_coder_1="war"), COLUMNS, question, file, plain=True)
    typing(monkeypatch)
    found = adjudicate(CODES, COLUMNS, question, file, plain=True)
    with pytest.raises(BadInputError, match="no row 'x9'"):
        found.decide("x9", "health")
    with pytest.raises(BadInputError, match="no label"):
        found.decide("s1", "war")
    found.decide("s1", "sport")

    def full(*_):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(human.os, "replace", full)
        with pytest.raises(WorkshopError, match="No space left"):
            found.decide("s2", "sport")
    assert found.open == ["h2", "s2"] and [one.name for one in tmp_path.iterdir()] == ["topic.csv"]
    assert adjudicate(CODES, COLUMNS, question, file, plain=True).verdicts == {"s1": "sport"}
    file.write_text("id,mood\n1,4\n")
    with pytest.raises(BadInputError, match="'id' and 'topic'"):
        adjudicate(CODES, COLUMNS, question, file, plain=True)


def test_two_people_share_a_file(tmp_path):
    one, two = (
        adjudicate(CODES, COLUMNS, BOOK.questions["topic"], tmp_path / "topic.csv", plain=False) for _ in range(2)
    )
    one.decide("h2", "health")
    two.decide("s1", "sport")
    assert two.open == ["s2"] and len((tmp_path / "topic.csv").read_text().split()) == 3
    with pytest.raises(BadInputError, match="no column ''"):
        adjudicate(CODES, [], BOOK.questions["topic"], tmp_path / "topic.csv", plain=False)


def test_the_widget_saves_and_escapes(tmp_path, pictures):
    frame = pictures.assign(text="<script>x</script>", colour_coder_1="red", colour_coder_2="blue").iloc[:3]
    question, file = COLOURS.questions["colour"], tmp_path / "colour.csv"
    found = adjudicate(frame, ["colour_coder_1", "colour_coder_2"], question, file, plain=False)
    text, picture, choice, buttons = found.view().children
    save, later = buttons.children
    assert "&lt;script&gt;" in text.value and picture.value == Path(frame["image"][0]).read_bytes()
    save.click()  # nothing chosen
    assert found.verdicts == {} and "no label" in text.value
    choice.value = "red"
    save.click()
    assert found.verdicts == {"p0": "red"} and file.read_text().split() == ["id,colour", "p0,red"]
    later.click()
    choice.value = "blue"
    save.click()
    assert found.open == ["p1"] and save.disabled and "1 rows are open" in text.value
    tags = Adjudication({"a": (Item("a", "x"), {"c": None})}, BOOK.questions["tags"], "tags", tmp_path / "tags.csv")
    tags = tags.view()
    tags.children[2].value = ("sport",)
    tags.children[3].children[0].click()
    assert (tmp_path / "tags.csv").read_text().split() == ["id,tags", "a,sport"]


# ── A stored run ─────────────────────────────────────────────────────────────────────────


def fake(request):
    """Answer by the item, badly at times."""
    if request.item.id == "s2":
        return Answer(None, "refused", model="m-1", detail="No.")
    label = {"choice": "health", "tags": "", "scale": "4"}[request.kind]
    return Answer(label, "ok", {"health": 0.75, "sport": 0.25} if request.kind == "choice" else None, "m-1", 31, 2)


def test_a_stored_run_is_replayed_as_it_was(tmp_path):
    engine = SimpleNamespace(name="fake", model="m", local=True, settings=dict, ask=fake)
    book = BOOK.only("topic", "tags", "mood")
    stored = runs.label(book, FRAME, engine, tmp_path / "run", repeats=2, progress=False)
    replay = Replay(tmp_path / "run")
    again = runs.label(book, FRAME, replay, tmp_path / "again", repeats=2, progress=False)
    same = ["id", "question", "repeat", "label", "probabilities", "status", "model", "input_tokens", "detail"]
    pd.testing.assert_frame_equal(again[same], stored[same])
    assert replay.settings() == Replay(stored).settings() and replay.model == "m-1" and replay.local
    stored.to_csv(tmp_path / "results.csv", index=False)
    from_file = Replay(pd.read_csv(tmp_path / "results.csv"))
    for name in book.questions:
        request = asked(name, book=book)
        assert from_file.ask(request)[:3] == replay.ask(request)[:3]


def test_replayed_tags_keep_the_order_of_the_codebook():
    request = next(one for seed in range(9) if (one := asked("tags", seed=seed)).options[0] == "sport")
    row = {"id": "h1", "repeat": 0, "label": "health|sport", "status": "ok"}
    results = pd.DataFrame([row | {"prompt_hash": prompts.prompt_hash(request)}])
    assert Replay(results).ask(request).label == "health|sport"


def test_what_a_stored_run_lacks_is_an_error():
    row = {"id": "h1", "repeat": 0, "label": "health", "status": "ok"}
    results = pd.DataFrame([row | {"prompt_hash": prompts.prompt_hash(asked("topic"))}])
    replay = Replay(results)
    assert replay.ask(asked("topic")).label == "health"
    misses = [asked("mood"), asked("topic")._replace(repeat=1), asked("topic", Item("h9", TEXTS["h1"])),
              asked("topic", Item("h1", "Another text."))]  # fmt: skip
    for request in misses:
        answer = replay.ask(request)
        assert (answer.label, answer.status) == (None, "error") and "no answer for the item" in answer.detail
    assert Replay(results.assign(label="war")).ask(asked("topic")).status == "invalid"
    assert Replay(results.assign(label="sport")).settings() != replay.settings()
    with pytest.raises(BadInputError, match="two answers"):
        Replay(pd.concat([results, results.assign(label="sport")]))
    with pytest.raises(BadInputError, match="no column prompt_hash"):
        Replay(results.drop(columns="prompt_hash"))
    with pytest.raises(BadInputError, match="no rows"):
        Replay(results.iloc[:0])
    with pytest.raises(MissingFileError, match="no run"):
        Replay("nowhere")
