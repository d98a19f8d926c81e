"""Many machines: the results of one, although workers and a machine die on the way."""

import importlib.util
import os
import signal
import threading
import time
from collections import Counter

import pandas as pd
import pytest

from workshop_lib import cluster, errors
from workshop_lib.labeling import runs, store
from workshop_lib.labeling.codebook import Choice, Codebook, Scale
from workshop_lib.labeling.protocol import StopRun

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray: pip install 'workshop-lib[scale]'"),
    pytest.mark.skipif(os.name == "nt", reason="a cluster on one machine needs Linux or macOS"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning"),
]
BOOK = Codebook("posts", {"topic": Choice({"war": "", "peace": ""}), "anger": Scale(1, 5)})
PRICE = (1000.0, 1000.0)
COST = 0.023


def table(n):
    return pd.DataFrame({"id": [f"p{i}" for i in range(n)], "text": [f"The talks went on. {i}" for i in range(n)]})


def factory(log, seconds=0.0, deadly=(), fault=None):
    """Return a function that makes an engine, in whatever process.

    Args:
        log: a file to which each call is added before it is answered.
        seconds: that a call takes.
        deadly: ids at which the process is killed, the first time that they are asked about.
        fault: an id at which the run must stop.
    """
    log = str(log)

    def make():
        import os
        import signal
        import time

        from workshop_lib.labeling.protocol import Answer, StopRun

        class Fake:
            name, model, local = "fake", "fake-1", False

            def settings(self):
                return {"max_tokens": 5}

            def ask(self, request):
                opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.write(opened, f"{request.item.id} {request.question} {request.repeat}\n".encode())
                os.close(opened)
                time.sleep(seconds)
                if request.item.id == fault:
                    raise StopRun("The key was refused (401).")
                if request.item.id in deadly:
                    try:
                        os.close(os.open(f"{log}-{request.item.id}", os.O_CREAT | os.O_EXCL))
                        os.kill(os.getpid(), signal.SIGKILL)
                    except FileExistsError:
                        pass
                number = int(request.item.text.split()[-1])
                label = request.options[number % len(request.options)] if request.kind == "choice" else "4"
                return Answer(label, model="fake-1", input_tokens=20, output_tokens=3, seconds=0.1)

        return Fake()

    return make


@pytest.fixture(scope="module")
def two_nodes():
    """A cluster of two nodes on this machine."""
    for name in ("RAY_agent_register_timeout_ms", "RAY_health_check_timeout_ms"):  # a busy machine is slow, not dead
        os.environ.setdefault(name, "60000")
    import ray
    from ray.cluster_utils import Cluster

    memory = {"object_store_memory": 80_000_000}
    for attempt in range(3):  # Ray waits for half a minute, which a busy machine may need
        try:
            head = {"num_cpus": 2, "include_dashboard": False, **memory}
            running = Cluster(initialize_head=True, head_node_args=head)
            running.extra = running.add_node(num_cpus=2, **memory)
            break
        except Exception:
            if attempt == 2:
                raise
    ray.init(address=running.address, log_to_driver=False)
    assert len([node for node in ray.nodes() if node["Alive"]]) == 2
    yield running
    ray.shutdown()
    running.shutdown()


SAME = list(store.COLUMNS)


def many(frame, made, folder, **more):
    from workshop_lib.labeling.scale import label_many

    settings = {"price": PRICE, "progress": False, "rows_per_part": 20, "workers": 2, "concurrency": 4, "cpus": 1}
    return label_many(frame, BOOK, made, folder, **settings | more)


def one(frame, made, folder, **more):
    return runs.label(BOOK, frame, made(), folder, **{"price": PRICE, "progress": False} | more)


def asked(log):
    return Counter(log.read_text().splitlines()) if log.exists() else Counter()


# Labelling ----------------------------------------------------------------------------------


def test_the_same_as_on_one_machine_although_workers_are_killed(two_nodes, tmp_path):
    frame = table(130)
    made = factory(tmp_path / "log", seconds=0.01, deadly=("p17", "p66", "p129"))
    settings = {"order_seed": 3, "repeats": 2, "wording": 1}
    results = many(frame, made, tmp_path / "many", **settings)
    alone = one(frame, factory(tmp_path / "log-alone"), tmp_path / "alone", **settings)
    pd.testing.assert_frame_equal(results[SAME], alone[SAME])
    assert sorted(tmp_path.glob("log-p*")) == [tmp_path / f"log-p{n}" for n in (129, 17, 66)]  # three died
    calls = asked(tmp_path / "log")
    assert set(calls) == set(asked(tmp_path / "log-alone")) and max(calls.values()) == 2
    assert sum(calls.values()) - len(calls) <= 3 * 4  # only what was under way at a death was asked again
    with store.Store(tmp_path / "many") as kept:
        ledger = kept.ledger()
    assert ledger["spent"] == pytest.approx(520 * COST) and ledger["lost"] > 0 and ledger["reserved"] == 0
    assert {file.name for file in (tmp_path / "many").iterdir()} == {"run.sqlite"}
    # An ordinary run: nothing is asked again, by either way.
    again = runs.resume(tmp_path / "many", made(), progress=False)
    assert again["cached"].all() and many(frame, made, tmp_path / "many", **settings)["cached"].all()
    assert asked(tmp_path / "log") == calls


def test_a_node_dies(two_nodes, tmp_path):
    frame, log = table(120), tmp_path / "log"

    def dies():
        while sum(asked(log).values()) < 60:
            time.sleep(0.01)
        two_nodes.remove_node(two_nodes.extra, allow_graceful=False)

    thread = threading.Thread(target=dies)
    thread.start()
    try:
        results = many(frame, factory(log, seconds=0.05), tmp_path / "run", workers=3, rows_per_part=10)
    finally:
        thread.join()
        two_nodes.extra = two_nodes.add_node(num_cpus=2, object_store_memory=80_000_000)
    alone = one(frame, factory(tmp_path / "log-alone"), tmp_path / "alone")
    pd.testing.assert_frame_equal(results[SAME], alone[SAME])
    calls = asked(log)
    assert sum(calls.values()) - len(calls) <= 3 * 4


def test_what_was_interrupted_goes_on(two_nodes, tmp_path):
    frame, log = table(100), tmp_path / "log"
    runs.pilot(BOOK, frame, factory(log)(), tmp_path / "run", k=10, price=PRICE, progress=False)
    with pytest.raises(StopRun, match=r"401.*make the same call again"):
        many(frame, factory(log, seconds=0.01, fault="p55"), tmp_path / "run")
    before = asked(log)
    assert 20 < len(before) < 200 and max(before.values()) == 1
    results = many(frame, factory(log), tmp_path / "run")
    assert len(results) == 200 and (results["status"] == "ok").all()
    calls = asked(log)
    twice = {call for call, times in calls.items() if times > 1}
    assert len(calls) == 200 and all(times <= 2 for times in calls.values())
    assert len(twice) <= 2 * 2 * 4  # under way when it stopped
    assert results["cached"].sum() >= 20


def test_files_a_changed_text_and_a_second_look(two_nodes, tmp_path):
    frame = table(50)
    frame.iloc[:30].to_csv(tmp_path / "a.csv", index=False)
    frame.iloc[30:].to_json(tmp_path / "b.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "all.parquet")
    log = tmp_path / "log"
    results = many([tmp_path / "a.csv", tmp_path / "b.jsonl"], factory(log), tmp_path / "run")
    alone = one(frame, factory(tmp_path / "log-alone"), tmp_path / "alone")
    pd.testing.assert_frame_equal(results[SAME], alone[SAME])
    assert many(tmp_path / "all.parquet", factory(log), tmp_path / "run", results=False) is None
    assert sum(asked(log).values()) == 100
    frame.loc[7, "text"] = "Another text. 8"
    changed = many(frame, factory(log), tmp_path / "run")
    assert len(changed) == 100 and changed["cached"].sum() == 98
    assert changed.set_index(["id", "question"])["label"]["p7", "topic"] == "war"


def test_the_cap_is_never_passed_and_used_up(two_nodes, tmp_path):
    frame = table(100).assign(text=[f"All of the same length. {i:03}" for i in range(100)])
    log = tmp_path / "log"
    worst = runs.plan(BOOK, frame, factory(log)(), price=PRICE).worst / 200
    cap = 90 * COST + worst
    with pytest.warns(UserWarning, match="calls were skipped.*label_many.. again with a higher max_cost"):
        results = many(frame, factory(log), tmp_path / "run", max_cost=cap)
    paid = sum(asked(log).values()) * COST
    assert cap - 3 * worst < paid <= cap
    assert results["cost"].sum() == pytest.approx(paid)
    final = many(frame, factory(log), tmp_path / "run")
    assert (final["status"] == "ok").all() and sum(asked(log).values()) == 200


def test_mistakes(two_nodes, tmp_path):
    twice = pd.concat([table(30), table(1)])
    with pytest.raises(errors.BadInputError, match="more than once"):
        many(twice, factory(tmp_path / "log"), tmp_path / "a")
    with pytest.raises(errors.BadInputError, match="more than once"):
        many(twice, factory(tmp_path / "log"), tmp_path / "a", rows_per_part=1000)
    with pytest.raises(errors.BadInputError, match="no .csv, .parquet, .jsonl file"):
        many(tmp_path / "posts.xlsx", factory(tmp_path / "log"), tmp_path / "a")
    with pytest.raises(errors.MissingFileError, match="no file"):
        many(tmp_path / "posts.csv", factory(tmp_path / "log"), tmp_path / "a")
    with pytest.raises(errors.BadInputError, match="workers is 0"):
        many(table(5), factory(tmp_path / "log"), tmp_path / "a", workers=0)
    many(table(5), factory(tmp_path / "log"), tmp_path / "b")
    with pytest.raises(errors.SettingError, match="wording"):
        many(table(5), factory(tmp_path / "log"), tmp_path / "b", wording=1)


# Predicting ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def classifier():
    from workshop_lib import classify

    train = pd.DataFrame({"text": [f"{word} day {i}" for i in range(8) for word in ("good", "bad")],
                          "label": ["good", "bad"] * 8})  # fmt: skip
    return classify.fine_tune(train, base="scratch", epochs=1, progress=False)


def workers_of(name):
    """The processes of this test's cluster that run a worker class."""
    import psutil

    return [one for one in psutil.Process().children(recursive=True) if any(name in part for part in one.cmdline())]


def test_predictions_are_those_of_one_machine_although_a_worker_is_killed(two_nodes, tmp_path, classifier):
    from workshop_lib.labeling.scale import predict_many

    frame = table(900).assign(text=lambda rows: rows["text"] + " good" * 20)
    killed = []

    def kills():
        until = time.monotonic() + 60
        while not killed and time.monotonic() < until:
            if any((tmp_path / "run" / "predictions").glob("*.parquet")):
                for process in workers_of("_Predictor")[:1]:
                    os.kill(process.pid, signal.SIGKILL)
                    killed.append(process.pid)
            time.sleep(0.01)

    thread = threading.Thread(target=kills)
    thread.start()
    made = predict_many(frame, classifier, tmp_path / "run", rows_per_part=10, progress=False)
    thread.join()
    assert killed
    assert made["id"].tolist() == frame["id"].tolist() and made["label"].tolist() == classifier.predict(frame["text"])
    expected = classifier.predict_proba(frame["text"])
    assert abs(made[[f"p({label})" for label in classifier.labels]].to_numpy() - expected).max() < 1e-5
    files = {file: file.stat().st_mtime_ns for file in (tmp_path / "run" / "predictions").glob("*")}
    assert len(files) == 90
    again = predict_many(frame, classifier, tmp_path / "run", rows_per_part=10, progress=False)
    pd.testing.assert_frame_equal(again, made)
    assert {file: file.stat().st_mtime_ns for file in files} == files  # nothing was computed again


def test_predictions_of_two_classifiers_are_not_mixed(two_nodes, tmp_path, classifier):
    import torch

    from workshop_lib.labeling.scale import predict_many

    predict_many(table(5), classifier, tmp_path / "run", progress=False)
    with torch.no_grad():
        next(classifier.model.parameters()).add_(1)
    with pytest.raises(errors.SettingError, match="another classifier"):
        predict_many(table(5), classifier, tmp_path / "run", progress=False)
    with pytest.raises(errors.UnknownNameError, match="no column 'words'"):
        predict_many(table(5), classifier, tmp_path / "other", text="words", progress=False)
    with pytest.raises(errors.BadInputError, match="not a string"):
        predict_many(table(5).assign(text=None), classifier, tmp_path / "third", progress=False)


# Any function -------------------------------------------------------------------------------


def test_ray_map_keeps_the_order_and_repeats_what_was_lost(two_nodes, tmp_path):
    folder = str(tmp_path)

    def work(number):
        import os
        import signal
        import time

        time.sleep(0.02 * (number % 3))
        if number in (3, 11):
            try:
                os.close(os.open(f"{folder}/{number}", os.O_CREAT | os.O_EXCL))
                os.kill(os.getpid(), signal.SIGKILL)
            except FileExistsError:
                pass
        return number**2

    taken = []
    found = cluster.ray_map(work, (taken.append(n) or n for n in range(20)), at_once=4)
    assert next(found) == 0 and len(taken) <= 5  # a million items needn't wait in memory
    assert [0, *found] == [number**2 for number in range(20)]
    assert {file.name for file in tmp_path.iterdir()} == {"3", "11"}
    with pytest.raises(ZeroDivisionError):
        list(cluster.ray_map(lambda number: 1 // number, [1, 0]))
    assert list(cluster.ray_map(work, [])) == []


def test_a_sweep_on_ray_gives_what_one_machine_gives(two_nodes):
    from workshop_lib import abm

    grid = {"thresholds": [2, 3], "seeds": range(4), "width": 12, "height": 12, "progress": False}
    assert abm.sweep(**grid, map=cluster.ray_map).equals(abm.sweep(**grid, jobs=1))
