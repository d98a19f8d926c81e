"""Parts of a run in folders of their own: what they begin with, and that they come back once."""

import pandas as pd
import pytest

from workshop_lib import errors
from workshop_lib.labeling import merging, runs, scale, store
from workshop_lib.labeling.codebook import Choice, Codebook, Scale
from workshop_lib.labeling.protocol import Answer

BOOK = Codebook("posts", {"topic": Choice({"war": "", "peace": ""}), "anger": Scale(1, 5)})
PRICE = (1000.0, 1000.0)
COST = 0.023


class Fake:
    name, model, local = "fake", "fake-1", False

    def __init__(self, failing=()):
        self.failing, self.asked = failing, []

    def settings(self):
        return {"max_tokens": 5}

    def ask(self, request):
        self.asked.append((request.item.id, request.question))
        if request.item.id in self.failing:
            return Answer(None, "error", detail="500")
        return Answer("war" if request.kind == "choice" else "4", model="fake-1", input_tokens=20, output_tokens=3)


def table(ids):
    return pd.DataFrame({"id": [f"p{i}" for i in ids], "text": [f"The talks went on. {i}" for i in ids]})


def label(frame, engine, folder, **more):
    settings = {"price": PRICE, "progress": False, "concurrency": 1} | more
    return runs.label(BOOK, frame, engine, folder, **settings)


@pytest.fixture
def run(tmp_path):
    """A run of six items, of which one failed, opened for a session."""
    with pytest.warns(UserWarning, match="2 calls failed"):
        label(table(range(6)), Fake(failing=("p5",)), tmp_path / "run")
    with store.Store(tmp_path / "run") as opened:
        opened.begin(verb="test")
        yield opened


def statuses(opened):
    opened.choose_all()
    return {(row["id"], row["question"]): (row["status"], row["attempts"], row["cached"]) for row in opened.rows()}


def test_a_part_asks_only_for_what_the_run_lacks(run, tmp_path):
    before, folder = statuses(run), tmp_path / "part-1"
    assert merging.lend(run, folder, ["p4", "p5", "p6"]) == 4
    engine = Fake()
    label(table([4, 5, 6]), engine, folder)
    assert sorted(engine.asked) == [("p5", "anger"), ("p5", "topic"), ("p6", "anger"), ("p6", "topic")]
    merging.take_back(run, folder)
    after = statuses(run)
    assert {call: what for call, what in after.items() if call[0] in ("p0", "p4")} == {
        call: what for call, what in before.items() if call[0] in ("p0", "p4")
    }
    assert after["p5", "topic"] == ("ok", 2, False) and after["p6", "anger"] == ("ok", 1, False)
    assert run.ledger() == pytest.approx({"spent": (10 + 4) * COST, "lost": 0, "reserved": 0})
    again = label(table(range(7)), engine, run.folder)  # an ordinary run
    assert again["cached"].all() and len(engine.asked) == 4


def test_a_part_comes_back_once(run, tmp_path):
    folder = tmp_path / "part-1"
    merging.lend(run, folder, ["p6"])
    label(table([6]), Fake(), folder)
    merging.take_back(run, folder)
    once = run.ledger()
    merging.take_back(run, folder)  # as if the process had been killed before the folder was deleted
    assert run.ledger() == once
    merging.forget(run)
    assert not any(name.startswith("part") for name in run.facts())
    assert once["spent"] == pytest.approx(12 * COST)


def test_what_a_part_was_cut_off_with_counts_as_lost(run, tmp_path):
    folder = tmp_path / "part-1"
    merging.lend(run, folder, ["p6"])
    with pytest.warns(UserWarning, match="2 calls were skipped"):
        label(table([6]), Fake(), folder, max_cost=0.0)
    with store.Store(folder) as part:
        part.database.execute("UPDATE calls SET claimed = 1, reserved = 0.5, status = NULL WHERE question = 'topic'")
        part.database.execute("UPDATE ledger SET reserved = 0.5")
        part.database.execute("UPDATE sessions SET alive = 1")
    merging.take_back(run, folder)
    assert run.ledger() == pytest.approx({"spent": 10 * COST, "lost": 0.5, "reserved": 0})
    assert merging.skipped(run, ["p6"]) and not merging.skipped(run, ["p0", "p7"])


def test_a_changed_text_replaces_the_old_answer(run, tmp_path):
    folder, frame = tmp_path / "part-1", table([0, 1])
    frame.loc[1, "text"] = "Another text. 1"
    merging.lend(run, folder, frame["id"])
    engine = Fake()
    label(frame, engine, folder)
    assert len(engine.asked) == 2
    merging.take_back(run, folder)
    assert merging.choose(run, frame["id"]) == 4
    texts = {request.item.id: request.item.text for _, request in run.prompts()}
    assert texts == dict(zip(frame["id"], frame["text"], strict=True))


def test_a_run_that_knows_nothing_lends_nothing(run, tmp_path):
    assert merging.lend(run, tmp_path / "part-1", ["p8", "p9"]) == 0 and not (tmp_path / "part-1").exists()


def test_calls_in_a_batch_are_waited_for(run):
    merging.refuse_batches(run)
    run.database.execute("UPDATE calls SET claimed = -1 WHERE id = 'p0'")
    with pytest.raises(errors.BadInputError, match="2 calls.*Batch API.*batch.wait"):
        merging.refuse_batches(run)


def test_work_that_was_taken_back_is_not_done_again(tmp_path):
    """A machine dies after its part was taken back, and Ray, which missed the word of it, tries the part again."""
    engine = Fake()
    row = {"folder": str(tmp_path / "part-1"), "source": "gone", "rows": 1, "max_cost": None}
    assert scale._Labeller(lambda: engine, {})(row) == row | {"problem": ""}
    assert engine.asked == [] and not (tmp_path / "part-1").exists()


def test_results_come_in_the_order_of_the_items(run):
    assert merging.choose(run, ["p3", "p0", "unknown"]) == 4
    calls = [(row["id"], row["question"]) for row in run.rows()]
    assert calls == [("p3", "topic"), ("p3", "anger"), ("p0", "topic"), ("p0", "anger")]


def test_a_part_that_is_worked_on_is_left_alone(run, tmp_path, monkeypatch):
    monkeypatch.setattr(merging, "PATIENCE", 0.1)
    folder = tmp_path / "part-1"
    merging.lend(run, folder, ["p6"])
    with store.Store(folder) as part:
        part.begin(verb="elsewhere")
        with pytest.raises(errors.BadInputError, match="still working"):
            merging.take_back(run, folder)
    merging.take_back(run, folder)
