"""Examples for fine-tuning: files that no provider turns down, a model that learns, no call without a yes."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest

from workshop_lib import errors, models
from workshop_lib.labeling import adapter_training, chat_models, label, tune_hosted
from workshop_lib.labeling.codebook import Choice, Codebook, Scale, Tags
from workshop_lib.labeling.engines.decisions import LocalDecisions
from workshop_lib.labeling.examples import check_jsonl, finetune_jsonl, hosted_finetune, load_tuned, tune_assistant
from workshop_lib.labeling.protocol import StopRun

BOOK = Codebook(
    "posts",
    {
        "political": Choice({"yes": "about politics", "no": "all else"}, "Is this post about politics?"),
        "topics": Tags({"health": "", "work": ""}),
        "temper": Scale(1, 3),
    },
    "You label texts.",
)
CANARY = "sk-canary-0123456789abcdef"


def table(n=50):
    words = {True: "The council votes on taxes", False: "The cat sleeps on the sofa"}
    return pd.DataFrame(
        {
            "id": range(n),
            "text": [f"{words[i % 2 == 0]} in week {i}." for i in range(n)],
            "political": ["yes" if i % 2 == 0 else "no" for i in range(n)],
            "topics": ["health|work" if i % 3 == 0 else "work" if i % 3 == 1 else "" for i in range(n)],
            "temper": [float(i % 3 + 1) for i in range(n)],
        }
    )


def conversations(file):
    return [json.loads(line)["messages"] for line in file.read_text(encoding="utf-8").splitlines()]


def line(*turns, **more):
    return json.dumps({"messages": [{"role": role, "content": content} for role, content in turns], **more})


def write(file, *lines):
    file.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
    return file


GOOD = line(("system", "You label."), ("user", "Rude? You fool."), ("assistant", "yes"))


# ── Files ────────────────────────────────────────────────────────────────────────────────


def test_parts_have_their_shares_each_label_and_no_text_twice(tmp_path):
    parts = finetune_jsonl(table(100), BOOK, "political", tmp_path)
    assert parts["examples"].tolist() == [80, 10, 10]
    assert parts["yes"].tolist() == parts["no"].tolist() == [40, 5, 5]
    talks = {name: conversations(tmp_path / f"{name}.jsonl") for name in parts.index}
    asked = {name: {messages[1]["content"] for messages in talk} for name, talk in talks.items()}
    assert not asked["train"] & asked["valid"] and not (asked["train"] | asked["valid"]) & asked["test"]
    where = pd.read_csv(tmp_path / "items.csv")
    assert where["part"].value_counts().to_dict() == {"train": 80, "valid": 10, "test": 10}
    first = conversations(tmp_path / "train.jsonl")[0]
    assert [one["role"] for one in first] == ["system", "user", "assistant"]
    assert first[1]["content"].startswith("Is this post about politics? Answer yes or no.\nThe ")
    assert first[2]["content"] == ("yes" if "council" in first[1]["content"] else "no")
    for name in parts.index:
        others = [tmp_path / f"{other}.jsonl" for other in parts.index if other != name]
        found = check_jsonl(tmp_path / f"{name}.jsonl", against=others)
        assert found.problems == () and found.examples == parts.loc[name, "examples"]
        assert found.tokens == parts.loc[name, "tokens"] and found.longest < 60


def test_labels_aren_t_sorted_and_the_seed_decides(tmp_path):
    finetune_jsonl(table(), BOOK, "political", tmp_path / "a")
    finetune_jsonl(table(), BOOK, "political", tmp_path / "b")
    finetune_jsonl(table(), BOOK, "political", tmp_path / "c", seed=1)
    first, again, other = ((tmp_path / name / "train.jsonl").read_text() for name in "abc")
    assert first == again != other
    answers = [messages[-1]["content"] for messages in conversations(tmp_path / "a" / "train.jsonl")]
    assert sum(one != two for one, two in zip(answers, answers[1:], strict=False)) > 8


@pytest.mark.parametrize(("question", "answer", "said"), [
    ("topics", "label", {"health, work", "work", "none"}),
    ("topics", "json", {'{"label": ["health", "work"]}', '{"label": ["work"]}', '{"label": []}'}),
    ("temper", "label", {"1", "2", "3"}),
])  # fmt: skip
def test_tags_scales_and_json_can_be_read_back(tmp_path, question, answer, said):
    finetune_jsonl(table(), BOOK, question, tmp_path, answer=answer, wording=1)
    found = {messages[-1]["content"] for messages in conversations(tmp_path / "train.jsonl")}
    assert found == said and None not in {BOOK.questions[question].parse(one) for one in found}


def test_copies_stay_together_and_contradictions_are_refused(tmp_path):
    frame = pd.concat([table(40), table(40).assign(id=range(100, 140), text=lambda t: t["text"].str.upper() + "  ")])
    finetune_jsonl(frame, BOOK, "political", tmp_path)
    where = pd.read_csv(tmp_path / "items.csv").set_index("id")["part"]
    assert all(where[i] == where[100 + i] for i in range(40)) and where.nunique() == 3
    wrong = table().assign(text=lambda t: t["text"].where(t["id"] != 3, t["text"][4]))
    with pytest.raises(errors.BadInputError, match=r"'3' and '4' have the same text and the labels 'no' and 'yes'"):
        finetune_jsonl(wrong, BOOK, "political", tmp_path)


def test_a_rare_label_is_in_the_training_part(tmp_path):
    book = Codebook("b", {"political": Choice(["yes", "no", "unsure"])})
    for seed in range(10):
        frame = table(30).assign(political=["unsure"] + ["yes", "no"] * 14 + ["yes"])
        parts = finetune_jsonl(frame, book, "political", tmp_path, split=(0.4, 0.3, 0.3), seed=seed)
        assert parts.loc["train", "unsure"] == 1


def test_empty_labels_are_left_out_and_a_share_of_0_writes_no_file(tmp_path):
    frame = table().assign(political=lambda t: t["political"].where(t["id"] >= 10, None))
    finetune_jsonl(frame, BOOK, "political", tmp_path)
    parts = finetune_jsonl(frame, BOOK, "political", tmp_path, split=(0.75, 0.25, 0))
    assert parts["examples"].tolist() == [30, 10] and not (tmp_path / "test.jsonl").exists()


@pytest.mark.parametrize(("change", "settings", "message"), [
    ({}, {"split": (0.8, 0.1, 0.2)}, "sum to 1"),
    ({}, {"split": (0, 0.5, 0.5)}, "sum to 1"),
    ({}, {"answer": "xml"}, "no form of answer 'xml'"),
    ({"political": "maybe"}, {}, "Item '0': 'maybe' is no label"),
    ({"political": "yes"}, {}, "No row has the label: no"),
    ({"political": None}, {}, "None of the 50 rows has a label"),
    ({"text": "  "}, {}, "neither a text nor a picture"),
])  # fmt: skip
def test_wrong_input_is_named(tmp_path, change, settings, message):
    with pytest.raises(errors.WorkshopError, match=re.escape(message)):
        finetune_jsonl(table().assign(**change), BOOK, "political", tmp_path, **settings)
    assert not list(tmp_path.iterdir())


def test_too_few_rows_and_unknown_columns(tmp_path):
    with pytest.raises(errors.BadInputError, match="too few: none is left for"):
        finetune_jsonl(table(4), BOOK, "political", tmp_path)
    with pytest.raises(errors.UnknownNameError, match="no column 'political'"):
        finetune_jsonl(table().drop(columns="political"), BOOK, "political", tmp_path)
    with pytest.raises(errors.BadInputError, match="no question 'politics'"):
        finetune_jsonl(table(), BOOK, "politics", tmp_path)


def test_odd_texts_stay_one_line_each(tmp_path):
    frame = table(20).assign(text=lambda t: t["text"] + "\n\u2028\x85 “é” 🙂 \\ \"")
    finetune_jsonl(frame, BOOK, "political", tmp_path)
    assert len((tmp_path / "train.jsonl").read_text(encoding="utf-8").splitlines()) == 16
    assert conversations(tmp_path / "train.jsonl")[0][1]["content"].endswith("\n\u2028\x85 “é” 🙂 \\ \"")


# ── Files of others ──────────────────────────────────────────────────────────────────────


def test_a_good_file_of_others_passes(tmp_path):
    talk = line(("user", "Hello"), ("assistant", "Hi"), ("user", "Rude?"), ("assistant", "no"))
    picture = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": "data:image/png,AA"}}]
    found = check_jsonl(write(tmp_path / "a.jsonl", GOOD, talk, line(("user", picture), ("assistant", "a cat"))))
    assert found.problems == () and found.answers == {"yes": 1, "no": 1, "a cat": 1}
    assert found.longest > 1000 and "nothing wrong" in str(found)


@pytest.mark.parametrize(("bad", "problem"), [
    ("{", "is no JSON"),
    ("", "is no JSON"),
    ("[]", "is no conversation"),
    ('{"messages": []}', "is no conversation"),
    ('{"prompt": "a", "completion": "b"}', "is no conversation"),
    ('{"messages": ["hi"]}', "is no conversation"),
    (line(("user", "a"), ("assistant", "b"), label="b"), "unknown entry 'label'"),
    ('{"messages": [{"role": "user", "content": "a", "text": "b"}]}', "unknown entry 'text' in a message"),
    (line(("human", "a"), ("assistant", "b")), "role 'human'"),
    (line(("user", "a")), "the assistant last"),
    (line(("user", "a"), ("assistant", "b"), ("user", "c")), "the assistant last"),
    (line(("assistant", "b")), "the assistant last"),
    (line(("system", "b")), "the assistant last"),
    (line(("user", "a"), ("user", "b"), ("assistant", "c")), "in turn"),
    (line(("user", "a"), ("system", "b"), ("assistant", "c")), "system's message after others"),
    (line(("user", "  "), ("assistant", "b")), "of the user with empty"),
    (line(("user", "a"), ("assistant", None)), "of the assistant with empty"),
    (line(("user", []), ("assistant", "b")), "of the user with empty"),
    (line(("user", "a"), ("assistant", [{"type": "image_url", "image_url": {"url": "u"}}])), "of the assistant"),
    (line(("user", [{"type": "image_url", "image_url": "u"}]), ("assistant", "b")), "of the user with empty"),
    ('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}]}', "weight"),
    (line(("system", "You label."), ("user", "rude?  You FOOL."), ("assistant", "no")), "line 1 asks and gives"),
    (line(("user", "word " * 60_000), ("assistant", "b")), "about 75,0"),
])  # fmt: skip
def test_each_fault_is_found_with_its_line(tmp_path, bad, problem):
    found = check_jsonl(write(tmp_path / "a.jsonl", GOOD, bad, GOOD))
    assert len(found.problems) == 1 and found.problems[0].startswith("Line 2 ") and problem in found.problems[0]


def test_other_files_empty_files_and_many_faults(tmp_path):
    train, valid = write(tmp_path / "train.jsonl", GOOD), write(tmp_path / "valid.jsonl", GOOD)
    assert "asks what train.jsonl asks too" in check_jsonl(valid, against=[train]).problems[0]
    assert "empty" in check_jsonl(write(tmp_path / "b.jsonl")).problems[0]
    assert check_jsonl(write(tmp_path / "c.jsonl", *["{"] * 100)).problems[-1] == "80 more lines have problems."
    with pytest.raises(errors.MissingFileError, match="can't be read"):
        check_jsonl(tmp_path / "none.jsonl")
    (tmp_path / "latin.jsonl").write_bytes("é".encode("latin-1"))
    with pytest.raises(errors.BadInputError, match="isn't UTF-8"):
        check_jsonl(tmp_path / "latin.jsonl")


# ── Fine-tuning here ─────────────────────────────────────────────────────────────────────

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<|endoftext|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def tiny():
    """A random GPT of the assistant's kind that knows some words."""
    import torch
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    text = " ".join(table()["text"]) + " Is this post about politics? Answer yes or no. You label texts. Topics none"
    words = re.findall(r"\w+|[^\w\s]", text)
    special = ["<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "[UNK]"]
    inside = Tokenizer(WordLevel({word: i for i, word in enumerate(dict.fromkeys([*special, *words]))}, "[UNK]"))
    inside.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inside, eos_token=special[0], pad_token=special[0], unk_token="[UNK]",
        extra_special_tokens=special[1:4],
    )  # fmt: skip
    tokenizer.chat_template = TEMPLATE
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = GPT2Config(vocab_size=len(tokenizer), n_positions=48, n_embd=32, n_layer=2, n_head=2, bos_token_id=0,
                            eos_token_id=0, pad_token_id=0, initializer_range=0.2)  # fmt: skip
        model = GPT2LMHeadModel(config).eval()
    card = models.Card("assistant", "mini", "tiny", 0.1, 0.1, "none", "a test", sha256="0" * 64)
    return models.Loaded(model, tokenizer, card)


SETTINGS = {"epochs": 4, "rank": 4, "learning_rate": 0.02, "batch_size": 8, "progress": False}


def generated(loaded, messages):
    import torch

    text = loaded.tokenizer.apply_chat_template(messages[:-1], tokenize=False, add_generation_prompt=True)
    ids = loaded.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        new = loaded.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=4, do_sample=False)
    return loaded.tokenizer.decode(new[0, ids.shape[1] :], skip_special_tokens=True).strip()


def test_a_tiny_assistant_learns_and_transformers_reads_it(tmp_path, tiny):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    before = {name: p.clone() for name, p in tiny.model.state_dict().items()}
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    finetune_jsonl(table(80), BOOK, "political", tmp_path)
    tuned = tune_assistant(tmp_path, start=tiny, **SETTINGS)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(before[name], p) for name, p in tiny.model.state_dict().items())  # the old one is unharmed
    assert tuned.history.index.tolist() == [0, 1, 2, 3, 4] and tuned.history.loc[0, "valid_right"] < 0.5
    assert tuned.history.loc[tuned.best, "valid_right"] == 1.0 and f"epoch {tuned.best}" in str(tuned)
    loaded = load_tuned(tuned.folder)
    tests = conversations(tmp_path / "test.jsonl")
    assert [generated(loaded, messages) for messages in tests] == [messages[-1]["content"] for messages in tests]
    assert loaded.card.origin == "fine-tuned from tiny (a test)" and loaded.card.licence == "none"
    model = AutoModelForCausalLM.from_pretrained(tuned.folder)
    tokenizer = AutoTokenizer.from_pretrained(tuned.folder)
    ids = torch.tensor([[5, 6, 7]])
    assert torch.allclose(model(ids).logits, loaded.model(ids).logits)
    assert tokenizer.chat_template == TEMPLATE and not any("lora" in name for name in model.state_dict())
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "assistant", "items.csv", "test.jsonl", "train.jsonl", "valid.jsonl"
    ]  # fmt: skip


def test_a_tuned_model_decides_and_is_served_by_its_folder(tmp_path, tiny):
    finetune_jsonl(table(80), BOOK, "political", tmp_path)
    tuned = tune_assistant(tmp_path, start=tiny, **SETTINGS)
    engine = LocalDecisions(tuned.folder)
    frame = table(20)
    results = label(BOOK.only("political"), frame, engine, tmp_path / "run", progress=False)
    right = results["label"].to_numpy() == frame["political"].to_numpy()
    assert right.mean() > 0.9 and results["model"].str.startswith("assistant-").all()
    chat_models.find(tuned.folder).write(tmp_path / "served")
    assert (tmp_path / "served" / "config.json").exists()


def test_the_share_right_is_what_greedy_decoding_gives(tmp_path, tiny):
    finetune_jsonl(table(80), BOOK, "political", tmp_path)
    tuned = tune_assistant(tmp_path, start=tiny, **{**SETTINGS, "epochs": 1, "learning_rate": 0.004})
    loaded = load_tuned(tuned.folder)
    valid = conversations(tmp_path / "valid.jsonl")
    right = [generated(loaded, messages) == messages[-1]["content"] for messages in valid]
    assert tuned.history.loc[tuned.best, "valid_right"] == pytest.approx(sum(right) / len(right))


def test_interrupted_it_goes_on_and_ends_the_same(tmp_path, tiny, monkeypatch):
    finetune_jsonl(table(80), BOOK, "political", tmp_path)
    whole = tune_assistant(tmp_path, tmp_path / "whole", start=tiny, **SETTINGS)
    learn, steps = adapter_training.Training._learn, []

    def stop_at_11(self, total):
        steps.append(1)
        if len(steps) == 12:
            raise KeyboardInterrupt
        return learn(self, total)

    monkeypatch.setattr(adapter_training.Training, "_learn", stop_at_11)
    with pytest.raises(KeyboardInterrupt, match="after step 11 of 32"):
        tune_assistant(tmp_path, tmp_path / "parts", start=tiny, **SETTINGS)
    assert not (tmp_path / "parts").exists() and (tmp_path / "parts.checkpoint").exists()
    with pytest.raises(errors.SettingError, match="seed was 0 and is 1"):
        tune_assistant(tmp_path, tmp_path / "parts", start=tiny, **{**SETTINGS, "seed": 1})
    parts = tune_assistant(tmp_path, tmp_path / "parts", start=tiny, **SETTINGS)
    assert len(steps) == 12 + 21 and not (tmp_path / "parts.checkpoint").exists()
    columns = ["train_loss", "valid_loss", "valid_right"]
    pd.testing.assert_frame_equal(whole.history[columns], parts.history[columns])
    again = tune_assistant(tmp_path, tmp_path / "parts", start=tiny, **SETTINGS)
    assert len(steps) == 33 and again.best == parts.best
    with pytest.raises(errors.SettingError, match="rank was 4 and is 8"):
        tune_assistant(tmp_path, tmp_path / "parts", start=tiny, **{**SETTINGS, "rank": 8})


def test_minutes_end_it_and_long_examples_are_left_out(tmp_path, tiny):
    frame = table(20)
    frame.loc[2, "text"] = "council " * 60
    finetune_jsonl(frame, BOOK, "political", tmp_path, split=(1, 0, 0))
    with pytest.warns(UserWarning, match="1 examples have more than 48 tokens"):
        tuned = tune_assistant(tmp_path, start=tiny, **{**SETTINGS, "epochs": 10_000}, minutes=0.01)
    assert tuned.left_out == 1 and 1 < len(tuned.history) < 5000 and tuned.best == tuned.history.index[-1]


def test_a_full_disk_keeps_the_training(tmp_path, tiny, monkeypatch):
    finetune_jsonl(table(40), BOOK, "political", tmp_path)
    settings = {**SETTINGS, "epochs": 1}
    with monkeypatch.context() as patch:
        full = OSError(28, "No space left on device")
        patch.setattr(type(tiny.model), "save_pretrained", lambda *_, **__: (_ for _ in ()).throw(full))
        with pytest.raises(errors.BadInputError, match="No space left.*keeps the training"):
            tune_assistant(tmp_path, start=tiny, **settings)
    monkeypatch.setattr(adapter_training.Training, "_learn", lambda *_: pytest.fail("trained again"))
    assert len(tune_assistant(tmp_path, start=tiny, **settings).history) == 2


def test_damage_and_wrong_settings_are_named(tmp_path, tiny):
    with pytest.raises(errors.MissingFileError, match="train.jsonl"):
        tune_assistant(tmp_path, start=tiny)
    write(tmp_path / "train.jsonl", GOOD, "{")
    with pytest.raises(errors.BadInputError, match="Line 2 is no JSON"):
        tune_assistant(tmp_path, start=tiny)
    write(tmp_path / "train.jsonl", GOOD)
    for wrong in ({"epochs": 0}, {"rank": 1.5}, {"learning_rate": 0}, {"minutes": 0}):
        with pytest.raises(errors.BadInputError, match=next(iter(wrong))):
            tune_assistant(tmp_path, start=tiny, **wrong)
    tuned = tune_assistant(tmp_path, start=tiny, **{**SETTINGS, "epochs": 1})
    (tuned.folder / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(errors.DamagedFileError):
        load_tuned(tuned.folder)
    with pytest.raises(errors.MissingFileError, match="no fine-tuned assistant"):
        load_tuned(tmp_path)


# ── Fine-tuning at a provider ────────────────────────────────────────────────────────────


class Handler(BaseHTTPRequestHandler):
    """A provider that takes files and jobs; ``server.fault`` may answer in its place."""

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.seen.append((self.command, self.path.partition("?")[0], body))
        self.server.keys.append(self.headers.get("authorization"))
        fault = self.server.fault(self.command, self.path) if self.server.fault else None
        status, reply = fault or (200, self.reply(body))
        data = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def reply(self, body):
        jobs = self.server.jobs
        if self.path == "/v1/files":
            return {"id": f"file-{len(self.server.seen)}", "object": "file"}
        if self.command == "POST":
            jobs.append({"id": f"job-{len(jobs) + 1}", "status": "queued", **json.loads(body)})
            return jobs[-1]
        if self.path.partition("?")[0].endswith("/jobs"):
            return {"object": "list", "data": jobs}
        return {**jobs[0], "status": "succeeded", "fine_tuned_model": "ft:small:1"}

    do_POST = do_GET = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def provider(monkeypatch, tmp_path):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    finetune_jsonl(table(), BOOK, "political", tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.seen, server.keys, server.jobs, server.fault, server.folder = [], [], [], None, tmp_path
        server.address = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def hosted(provider, answer="yes", **settings):
    def ask(question):
        assert provider.seen == [] or provider.fault  # nothing was sent before the question
        if isinstance(answer, Exception):
            raise answer
        return answer

    settings = {"price": 25.0, "key": CANARY, "ask": ask, **settings}
    return hosted_finetune(provider.folder, "small-2026-01-01", address=provider.address, **settings)


@pytest.mark.parametrize("answer", ["", "no", "y", "YES!", "yes please", EOFError()])
def test_without_a_typed_yes_nothing_is_sent(provider, answer, capsys):
    assert hosted(provider, answer) is None
    assert provider.seen == [] and not list(provider.folder.glob("hosted-*"))
    shown = capsys.readouterr().out
    tokens = sum(check_jsonl(provider.folder / f"{name}.jsonl").tokens for name in ("train", "valid"))
    assert f"about {tokens * 3 * 25 / 1e6:.2f} US dollars ({tokens * 3:,} tokens at 25.0 per million)" in shown
    assert "40 examples (train.jsonl) and 5 examples (valid.jsonl)" in shown and provider.address in shown
    assert "none found by rule" in shown and "Nothing was sent." in shown and CANARY not in shown


def test_a_yes_uploads_both_files_and_begins_one_job(provider, capsys):
    found = hosted(provider)
    assert found == {"job": "job-1", "status": "succeeded", "model": "ft:small:1"}
    paths = [(command, path) for command, path, _ in provider.seen]
    jobs = "/v1/fine_tuning/jobs"
    assert paths == [("POST", "/v1/files")] * 2 + [("POST", jobs), ("GET", f"{jobs}/job-1")]
    assert (provider.folder / "train.jsonl").read_bytes() in provider.seen[0][2]
    assert provider.jobs[0]["training_file"] == "file-1" and provider.jobs[0]["validation_file"] == "file-2"
    assert provider.jobs[0]["method"]["supervised"]["hyperparameters"] == {"n_epochs": 3}
    assert set(provider.keys) == {f"Bearer {CANARY}"}
    again = hosted(provider, answer=AssertionError("asked again"))
    assert again == found and len(provider.jobs) == 1 and len(provider.seen) == 5
    (note,) = provider.folder.glob("hosted-*.json")
    assert CANARY not in note.read_text() and CANARY not in capsys.readouterr().out


def test_a_failure_is_told_and_nothing_is_done_twice(provider):
    provider.fault = lambda command, path: (500, {"error": {"message": f"busy {CANARY}"}}) if "jobs" in path else None
    with pytest.raises(tune_hosted.JobError, match="busy •••.*call hosted_finetune") as told:
        hosted(provider)
    assert CANARY not in str(told.value) and len(provider.seen) == 3  # no second try by itself
    provider.fault = lambda command, path: None
    assert hosted(provider)["job"] == "job-1"
    assert [path for _, path, _ in provider.seen].count("/v1/files") == 2


def test_a_job_whose_answer_was_lost_is_found(provider):
    def lost(command, path):
        if command == "POST" and "jobs" in path:
            provider.jobs.append({"id": "job-1", "status": "queued", "training_file": "file-1"})
            return 502, {"error": {"message": "bad gateway"}}

    provider.fault = lost
    with pytest.raises(tune_hosted.JobError, match="bad gateway"):
        hosted(provider)
    provider.fault = lambda command, path: None
    assert hosted(provider)["job"] == "job-1" and len(provider.jobs) == 1


def test_wrong_key_cap_and_numbers(provider):
    with pytest.raises(errors.BadInputError, match="could cost .* max_cost is 0.01"):
        hosted(provider, max_cost=0.01)
    for wrong in ({"epochs": 0}, {"price": -1}, {"price": "5"}):
        with pytest.raises(errors.BadInputError, match=f"{next(iter(wrong))} is"):
            hosted(provider, **wrong)
    assert provider.seen == []
    provider.fault = lambda *_: (401, {"error": {"message": "wrong key"}})
    with pytest.raises(StopRun, match="doesn't accept the key"):
        hosted(provider)
    write(provider.folder / "train.jsonl", GOOD)
    with pytest.raises(errors.BadInputError, match="1 examples; 10 are the fewest"):
        hosted(provider)


def test_openai_s_dates_are_told(provider, capsys):
    model = "gpt-4.1-mini-2025-04-14"
    assert hosted_finetune(provider.folder, model, price=5.0, key=CANARY, ask=lambda _: "no") is None
    assert "no new jobs from 6 January 2027 on" in " ".join(capsys.readouterr().out.split())
