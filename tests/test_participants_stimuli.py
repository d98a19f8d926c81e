"""Suggestions: what is written is kept and checked, pairs are judged blind, markers are counted."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workshop_lib import data, errors
from workshop_lib.labeling.protocol import StopRun
from workshop_lib.labeling.runs import label
from workshop_lib.participants import blind, markers, stimuli
from workshop_lib.participants.blind import blind_pairs, unblind
from workshop_lib.participants.markers import count_markers, marker_differences
from workshop_lib.participants.stimuli import KINDS, faults, suggest
from workshop_lib.participants.writers import ChatWriter, LocalWriter, Written

DRAFTS = pd.DataFrame(
    {
        "id": ["d1", "d2"],
        "partner": ["Rents must be capped.", ""],
        "message": ["You know nothing about rents!", "No way, taxes are theft."],
    }
)
SUGGESTIONS = pd.read_csv(
    data.root() / "suggestions" / "suggestions.csv", dtype=str, keep_default_na=False
)


class Fake:
    """Writes what a function says of the prompt, and remembers the prompts."""

    name, model = "fake", "fake-1"

    def __init__(
        self, say=lambda prompt: Written("I see rents and taxes differently."), local=True, **more
    ):
        self.say, self.local, self.prompts, self.more = say, local, [], more

    def settings(self):
        return {"writer": self.name, "max_tokens": 50} | self.more

    def write(self, messages):
        self.prompts.append(messages)
        return self.say(messages)


class TestSuggest:
    def test_a_row_for_each_draft_and_kind(self):
        writer = Fake()
        table = suggest(DRAFTS, writer)
        assert table["id"].tolist() == [f"{d}-{kind}" for d in ("d1", "d2") for kind in KINDS]
        assert (
            set(table["status"]) == {"ok"}
            and set(table["faults"]) == {""}
            and len(writer.prompts) == 6
        )
        system, user = writer.prompts[0]
        assert "every fact" in system["content"] and "Rents must be capped." in user["content"]
        assert KINDS["restate"] in user["content"]
        short = suggest(DRAFTS, Fake(), ["polite"], short=True)
        assert len(short) == 2

    def test_templates_need_no_model(self):
        table = suggest(DRAFTS, None)
        assert (
            table["rewrite"][1]
            == "I can see why this matters to you. You know nothing about rents!"
        )
        assert set(table["writer"]) == {"template"}

    def test_nothing_is_written_twice(self, tmp_path):
        writer = Fake()
        first = suggest(DRAFTS, writer, folder=tmp_path)
        again = suggest(DRAFTS, writer, folder=tmp_path)
        assert len(writer.prompts) == 6
        pd.testing.assert_frame_equal(first, again)
        suggest(DRAFTS, Fake(temperature=1), folder=tmp_path)
        assert len((tmp_path / stimuli.FILE).read_text().splitlines()) == 12

    def test_a_run_that_breaks_off_goes_on(self, tmp_path):
        def say(prompt):
            if len(writer.prompts) == 3:
                raise StopRun("No credit.")
            return Written("About rents and taxes: \ud83d")  # half an emoji

        writer = Fake(say)
        with pytest.raises(StopRun):
            suggest(DRAFTS, writer, folder=tmp_path)
        file = tmp_path / stimuli.FILE
        file.write_text(file.read_text() + '{"key": "cut off')  # as a kill leaves it
        writer.prompts.clear()
        writer.say = lambda prompt: Written("About rents and taxes.")
        table = suggest(DRAFTS, writer, folder=tmp_path)
        assert len(writer.prompts) == 4 and (table["status"] == "ok").all()
        writer.prompts.clear()
        suggest(DRAFTS, writer, folder=tmp_path)
        assert not writer.prompts

    def test_failures_stay_and_errors_are_asked_again(self, tmp_path):
        answers = iter(
            [Written(None, "refused", detail="No."), Written(None, "error", detail="Time-out.")]
        )
        writer = Fake(lambda prompt: next(answers))
        table = suggest(DRAFTS, writer, ["polite"], tmp_path)
        assert table["status"].tolist() == ["refused", "error"] and table["rewrite"].tolist() == [
            None,
            None,
        ]
        later = Fake()
        table = suggest(DRAFTS, later, ["polite"], tmp_path)
        assert table["status"].tolist() == ["refused", "ok"] and len(later.prompts) == 1

    def test_a_hosted_writer_needs_a_folder_and_keeps_the_cap(self, tmp_path):
        hosted = Fake(local=False)
        with pytest.raises(errors.BadInputError, match="needs a folder"):
            suggest(DRAFTS, hosted)
        with pytest.raises(errors.BadInputError, match="could cost up to"):
            suggest(DRAFTS, hosted, folder=tmp_path, max_cost=0.001, price=(1000.0, 1000.0))
        assert not hosted.prompts
        suggest(DRAFTS, hosted, folder=tmp_path, max_cost=100.0, price=(1000.0, 1000.0))
        assert len(hosted.prompts) == 6
        suggest(
            DRAFTS, hosted, folder=tmp_path, max_cost=0.001, price=(1000.0, 1000.0)
        )  # nothing left to write

    def test_bad_drafts(self):
        for frame, message in (
            (DRAFTS.iloc[:0], "no rows"),
            (DRAFTS.assign(message=["", "x"]), "is empty"),
            (DRAFTS.assign(message=[None, "x"]), "is empty"),
            (DRAFTS.assign(id="same"), "two different drafts"),
        ):
            with pytest.raises(errors.BadInputError, match=message):
                suggest(frame, None)
        with pytest.raises(errors.UnknownNameError, match="'message'"):
            suggest(DRAFTS.drop(columns="message"), None)
        with pytest.raises(errors.SettingError, match="Did you mean 'polite'"):
            suggest(DRAFTS, None, ["politely"])

    @pytest.mark.parametrize(
        ("rewrite", "found"),
        [
            ("", ("empty",)),
            (None, ("empty",)),
            ("You  want 300 more RENT?", ("unchanged",)),
            ("rent 300 " * 30, ("too long",)),
            ("The rent is high.", ("loses a number",)),
            ("Of 500, the rent is 300.", ("new number",)),
            ("Of 800, the rent is 300.", ()),
            ("Rest well, 300 friends.", ("another topic",)),
            ("A rent of 300 seems high to me.", ()),
        ],
    )
    def test_faults(self, rewrite, found):
        assert faults("You want 300 more rent?", rewrite, "I get 800.") == found


class TestWriters:
    def test_a_chat_model(self, monkeypatch):
        from workshop_lib.labeling.engines.chat import Chat, Reply

        writer = ChatWriter(
            Chat("m", address="http://localhost:9/v1", temperature=0.5, extra={"top_k": 3})
        )
        bodies = []
        replies = iter(
            [
                {
                    "choices": [{"message": {"content": "<think>hm</think> I disagree."}}],
                    "usage": {"prompt_tokens": 7},
                },
                {"choices": [{"message": {"content": "I dis"}, "finish_reason": "length"}]},
                {"choices": [{"message": {"refusal": "No."}}]},
                {},
            ]
        )

        class Client:
            def __getattr__(self, name):
                return self

            def create(self, **body):
                bodies.append(body)

        def ask(call):
            call(Client())
            return Reply(next(replies))

        monkeypatch.setattr(writer.engine.server, "ask", ask)
        prompt = [{"role": "user", "content": "Rewrite this."}]
        written = [writer.write(prompt) for _ in range(4)]
        assert [one.status for one in written] == ["ok", "invalid", "refused", "invalid"]
        assert written[0].text == "I disagree." and written[0].input_tokens == 7
        assert (
            bodies[0]["messages"] == prompt
            and bodies[0]["temperature"] == 0.5
            and "response_format" not in bodies[0]
        )
        assert bodies[0]["extra_body"] == {"top_k": 3} and writer.local
        monkeypatch.setattr(
            writer.engine.server, "ask", lambda call: Reply(None, "error", "Time-out.")
        )
        assert writer.write(prompt) == Written(None, "error", detail="Time-out.")

    def test_bad_settings(self):
        with pytest.raises(errors.BadInputError, match="no chat model"):
            ChatWriter("gpt")
        with pytest.raises(errors.BadInputError, match="max_tokens is 0"):
            LocalWriter(max_tokens=0)
        with pytest.raises(errors.UnknownNameError):
            LocalWriter("poet")


class TestBlind:
    frame = pd.DataFrame(
        {
            "id": [f"x{i}" for i in range(40)],
            "partner": "Hi.",
            "message": [f"Bad {i}" for i in range(40)],
            "rewrite": [f"Good {i}" for i in range(40)],
        }
    )

    def test_nothing_shown_gives_the_treatment_away(self):
        shown, key = blind_pairs(self.frame, seed=3)
        assert (
            list(shown.columns) == ["id", "text"] and not shown["id"].isin(self.frame["id"]).any()
        )
        first = (key["a"] == "message").mean()
        assert 0.2 < first < 0.8 and list(key["pair"]) != list(self.frame["id"])
        for text, row in zip(shown["text"], key.itertuples(), strict=True):
            number = row.pair.removeprefix("x")
            words = {"message": f"Bad {number}", "rewrite": f"Good {number}"}
            assert text == f"The other person said: Hi.\nA: {words[row.a]}\nB: {words[row.b]}"
        pd.testing.assert_frame_equal(shown, blind_pairs(self.frame, seed=3)[0])
        assert not blind_pairs(self.frame, seed=4)[0]["text"].equals(shown["text"])

    def test_a_judge_who_knows_and_one_who_looks_at_the_place(self):
        shown, key = blind_pairs(self.frame, both_orders=True)
        assert len(shown) == 80
        knows = {row.id: "A" if row.a == "rewrite" else "B" for row in key.itertuples()}
        row = unblind(knows, key).loc["all"]
        assert (
            row["share"] == 1
            and row["chose_a"] == 0.5
            and row["consistent"] == 1
            and row["low"] > 0.9
        )
        row = unblind(dict.fromkeys(shown["id"], "A"), key).loc["all"]
        assert row["share"] == 0.5 and row["chose_a"] == 1 and row["consistent"] == 0

    def test_ties_and_missing_judgements(self):
        shown, key = blind_pairs(self.frame.head(4))
        said = dict(zip(shown["id"], ["A", "no difference", None, "B"], strict=True))
        row = unblind(said, key).loc["all"]
        assert (
            row[["pairs", "ties", "missing"]].tolist() == [3, 1, 1]
            and row["wins"] + row["losses"] == 2
        )

    def test_groups(self):
        shown, key = blind_pairs(self.frame)
        by = {one: "even" if int(one[1:]) % 2 == 0 else "odd" for one in self.frame["id"]}
        said = {
            row.id: ("A" if row.a == "rewrite" else "B") if by[row.pair] == "odd" else "A"
            for row in key.itertuples()
        }
        table = unblind(said, key, by)
        assert list(table.index) == ["all", "even", "odd"] and table.loc["odd", "share"] == 1
        with pytest.raises(errors.BadInputError, match="no group"):
            unblind(said, key, {"x0": "even"})

    def test_models_judge_the_same_table(self, tmp_path):
        from workshop_lib.labeling.protocol import Answer

        class Judge:
            name, model, local = "judge", "judge-1", True

            def settings(self):
                return {}

            def ask(self, request):
                return Answer("A" if "A: Good" in request.item.text else "B")

        shown, key = blind_pairs(self.frame)
        results = label(blind.CODEBOOK, shown, Judge(), tmp_path, progress=False)
        assert unblind(results, key).loc["all", "share"] == 1
        twice = pd.concat([results, results.assign(repeat=1)])
        with pytest.raises(errors.BadInputError, match="vote"):
            unblind(twice, key)

    def test_bad_input(self):
        shown, key = blind_pairs(self.frame)
        with pytest.raises(errors.BadInputError, match="'c999', which isn't in the key"):
            unblind({"c999": "A"}, key)
        with pytest.raises(errors.BadInputError, match="'first'. Known: A, B"):
            unblind({"c001": "first"}, key)
        with pytest.raises(errors.BadInputError, match="Not a single pair"):
            unblind({"c001": "no difference"}, key)
        with pytest.raises(errors.BadInputError, match="both texts are the same"):
            blind_pairs(self.frame.assign(rewrite=self.frame["message"]))
        with pytest.raises(errors.BadInputError, match="a text is missing"):
            blind_pairs(self.frame.assign(rewrite=""))
        with pytest.raises(errors.UnknownNameError, match="'rewritten'"):
            blind_pairs(self.frame, second="rewritten")
        with pytest.raises(errors.BadInputError, match="Name two columns"):
            blind_pairs(self.frame, "message", "message")
        with pytest.raises(errors.BadInputError, match="empty"):
            blind_pairs(self.frame.iloc[:0])


class TestMarkers:
    def test_counts(self):
        table = count_markers(
            ["Please, could you stop? I’d like that.", "You IDIOT!", "pleased and thankless"]
        )
        assert table["politeness"].tolist() == [3, 0, 0] and table["insult"].tolist() == [0, 1, 0]
        assert table["words"].tolist() == [7, 2, 3]
        assert count_markers("I see why you worry")["validation"].tolist() == [1]

    def test_differences(self):
        before, after = ["Idiot."] * 10, ["Please."] * 5 + ["Fine."] * 5
        table = marker_differences(before, after)
        assert table.loc["politeness", ["before", "after", "difference"]].tolist() == [0, 0.5, 0.5]
        assert table.loc["politeness", "low"] > 0.1 and table.loc["insult", "difference"] == -1
        assert table.loc["words", "difference"] == 0 and "not other topics" in table.attrs["covers"]

    def test_clusters_widen_the_interval(self):
        chance = np.random.default_rng(0)
        polite = np.repeat(chance.random(30) < 0.5, 4)
        before, after = ["No."] * 120, ["Please." if one else "No way." for one in polite]
        wide = marker_differences(before, after, clusters=np.repeat(np.arange(30), 4)).loc[
            "politeness"
        ]
        narrow = marker_differences(before, after).loc["politeness"]
        assert wide["high"] - wide["low"] > 1.5 * (narrow["high"] - narrow["low"])

    def test_bad_input(self):
        with pytest.raises(errors.BadInputError, match="0 texts"):
            count_markers([])
        with pytest.raises(errors.BadInputError, match="one is no string"):
            count_markers(["a", None])
        with pytest.raises(errors.BadInputError, match="can't be read"):
            count_markers(["a"], {"bad": ["("]})
        with pytest.raises(errors.BadInputError, match="1 texts before and 2 after"):
            marker_differences(["a"], ["a", "b"])


class TestData:
    def test_form(self):
        table = SUGGESTIONS
        assert len(table) == 120 and table["id"].is_unique and table["rewrite"].is_unique
        assert (table["id"] == table["conversation"] + "-" + table["kind"]).all()
        assert table.groupby("conversation")["kind"].apply(set).eq(set(KINDS)).all()
        one = table.groupby("conversation")[["topic", "side", "partner", "message"]].nunique()
        assert (one == 1).all().all()
        sides = table.drop_duplicates("conversation")["side"].value_counts()
        assert sides["left"] == sides["right"] == 16
        assert not table.isin([""]).any().any()

    def test_no_near_duplicates_and_none_in_the_training(self, root):
        from workshop_lib.course.data_figures import groups

        for column in ("partner", "message", "rewrite"):
            texts = sorted(set(SUGGESTIONS[column]))
            assert len(set(groups(texts))) == len(texts), column

        def words(text):
            return frozenset(re.findall(r"\w+", text.lower()))

        written = (
            (root / "training" / "written" / "rewrites.jsonl")
            .read_text(encoding="utf-8")
            .splitlines()
        )
        trained = {words(text) for line in written for text in json.loads(line).values()}
        for text in {*SUGGESTIONS["partner"], *SUGGESTIONS["message"], *SUGGESTIONS["rewrite"]}:
            mine = words(text)
            assert max(len(mine & other) / len(mine | other) for other in trained) < 0.5, text

    def test_the_datasheet_states_what_the_data_give(self):
        datasheet = (data.root() / "suggestions" / "DATASHEET.md").read_text(encoding="utf-8")
        drafts = SUGGESTIONS.drop_duplicates("conversation")
        lengths = [
            table[name].str.split().str.len()
            for table, name in ((drafts, "message"), (SUGGESTIONS, "rewrite"))
        ]
        assert f"| words, median | {lengths[0].median():g} | {lengths[1].median():g} |" in datasheet
        ranges = " | ".join(f"{one.min()} to {one.max()}" for one in lengths)
        assert f"| words, fewest to most | {ranges} |" in datasheet
        insults = [
            int((count_markers(list(texts))["insult"] > 0).sum())
            for texts in (drafts["message"], SUGGESTIONS["rewrite"])
        ]
        assert f"`workshop_lib.participants.markers` | {insults[0]} | {insults[1]} |" in datasheet
        rude = (count_markers(list(drafts["message"]))["insult"] > 0).to_numpy()
        by_side = pd.Series(rude).groupby(drafts["side"].to_numpy()).sum()
        assert by_side["left"] == by_side["right"] == 8 and "8 of 16 drafts each" in datasheet
        assert f"| Topics | {drafts['topic'].nunique()}," in datasheet
        assert (
            "must not be used" in datasheet
            and Path(data.root() / "suggestions" / "codebook.md").exists()
        )

    def test_each_kind_does_what_it_is_called(self):
        parts = {kind: part for kind, part in SUGGESTIONS.groupby("kind")}
        tables = {
            kind: marker_differences(list(p["message"]), list(p["rewrite"]))
            for kind, p in parts.items()
        }
        for kind, name in (
            ("polite", "politeness"),
            ("validate", "validation"),
            ("restate", "restating"),
        ):
            assert tables[kind].loc[name, "low"] > 0.3
            assert tables[kind].loc[name, "difference"] == max(
                t.loc[name, "difference"] for t in tables.values()
            )
            assert tables[kind].loc["insult", "high"] < -0.2

    def test_the_check_of_suggestions_seldom_cries_wolf(self):
        found = [faults(row.message, row.rewrite, row.partner) for row in SUGGESTIONS.itertuples()]
        assert sum(map(bool, found)) <= 15 and {one for f in found for one in f} <= {
            "another topic"
        }


def test_lists_of_markers_are_short():
    assert all(5 < len(expressions) <= 30 for expressions in markers.MARKERS.values())
