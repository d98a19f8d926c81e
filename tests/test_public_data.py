"""Public data sets, from a server on this machine that holds small files of the same form."""

import dataclasses
import gzip
import hashlib
import http.server
import threading

import pytest

from workshop_lib import data, errors, public_data
from workshop_lib.public_data import Remote


@pytest.fixture
def server(tmp_path):
    """A folder and the address at which a server on this machine offers it."""
    offered = tmp_path / "offered"
    offered.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        requests: list[str] = []

        def __init__(self, *args, **options):
            super().__init__(*args, directory=str(offered), **options)

        def log_message(self, *args):
            pass

        def do_GET(self):
            self.requests.append(self.path)
            super().do_GET()

    Quiet.requests = []
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield offered, f"http://127.0.0.1:{listening.server_port}", Quiet.requests
    listening.shutdown()
    listening.server_close()


@pytest.fixture
def offer(server, tmp_path, monkeypatch):
    """Return a function that offers files under the name of a public set."""
    folder, address, requests = server
    monkeypatch.setenv("WORKSHOP_CACHE", str(tmp_path / "cache"))

    def put(name: str, files: dict[str, bytes], checksum: bool = True) -> list[str]:
        remotes = {}
        for key, content in files.items():
            (folder / key).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest() if checksum else ""
            remotes[key] = Remote(f"{address}/{key}", digest)
        changed = dataclasses.replace(public_data.PUBLIC[name], files=remotes)
        monkeypatch.setitem(public_data.PUBLIC, name, changed)
        return requests

    return put


def three_splits(texts: bytes, labels: bytes) -> dict[str, bytes]:
    return {f"{split}_{kind}.txt": content for split in ("train", "val", "test") for kind, content in (("text", texts), ("labels", labels))}


def test_a_set_is_downloaded_once_and_then_read_from_the_cache(offer):
    requests = offer("tweet_eval/sentiment", three_splits(b"Good day\nBad day\n", b"2\n0\n"))
    table = data.load("tweet_eval/sentiment")
    assert list(table.columns) == ["id", "text", "label", "split"]
    assert table["label"].tolist() == ["positive", "negative"] * 3
    assert table["split"].unique().tolist() == ["train", "valid", "test"]
    assert len(requests) == 6
    assert data.load("tweet_eval/sentiment").equals(table)
    assert len(requests) == 6
    assert data.public_table().loc["tweet_eval/sentiment", "in the cache"]


def test_go_emotions_may_have_several_labels(offer):
    rows = b"Nice one\t0,2\teabc\nOh\t1\teabd\n"
    offer("go_emotions", {"emotions.txt": b"joy\nfear\nlove", "train.tsv": rows, "dev.tsv": rows, "test.tsv": rows})
    assert data.load("go_emotions")["label"].head(2).tolist() == ["joy,love", "fear"]


def test_parallel_files_are_packed_or_plain(offer):
    offer("multi30k", {"train.en.gz": gzip.compress(b"A dog.\nA cat.\n"), "train.fr.gz": gzip.compress("Un chien.\nUn chat.\n".encode())})
    table = data.load("multi30k")
    assert table[["english", "french"]].iloc[1].tolist() == ["A cat.", "Un chat."]
    offer("tatoeba", {"test.fr": b"Oui.\n", "test.en": b"Yes.\n"})
    assert data.load("tatoeba")["english"].tolist() == ["Yes."]


def test_a_changed_file_is_refused_and_deleted(offer, server, tmp_path):
    offer("tatoeba", {"test.fr": b"Oui.\n", "test.en": b"Yes.\n"})
    (server[0] / "test.fr").write_bytes(b"Non.\n")
    with pytest.raises(errors.DamagedFileError, match="'tatoeba'.*It was deleted"):
        data.load("tatoeba")
    assert not list((tmp_path / "cache" / "tatoeba").glob("test.fr*"))
    (server[0] / "test.fr").write_bytes(b"Oui.\n")
    data.load("tatoeba")
    kept = tmp_path / "cache" / "tatoeba" / "test.fr"
    kept.write_bytes(b"Oh.\n")
    with pytest.raises(errors.DamagedFileError, match="sha256"):
        data.load("tatoeba")


def test_without_a_published_sum_the_first_download_sets_it(offer, tmp_path):
    offer("kavanaugh_stance", {"tweets.csv": b"text,stance\nHello,1\n"}, checksum=False)
    assert data.load("kavanaugh_stance")["stance"].tolist() == ["1"]
    (tmp_path / "cache" / "kavanaugh_stance" / "tweets.csv").write_text("text,stance\nHello,0\n")
    with pytest.raises(errors.DamagedFileError, match="not the expected one"):
        data.load("kavanaugh_stance")


def test_no_network_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKSHOP_CACHE", str(tmp_path))
    remotes = {key: Remote("http://127.0.0.1:9/" + key, "") for key in ("test.fr", "test.en")}
    changed = dataclasses.replace(public_data.PUBLIC["tatoeba"], files=remotes)
    monkeypatch.setitem(public_data.PUBLIC, "tatoeba", changed)
    with pytest.raises(errors.OfflineError, match="'tatoeba' must be downloaded once.*Connect.*copy the file"):
        data.load("tatoeba")
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_every_address_is_fixed_and_has_a_sum_where_one_is_known():
    import re

    for name, one in public_data.PUBLIC.items():
        for remote in one.files.values():
            assert re.search(r"/[0-9a-f]{40}/", remote.url), name
            assert len(remote.checksum) in ((0,) if name == "kavanaugh_stance" else (32, 64))
    for task in public_data.TWEET_EVAL_LABELS:
        assert len(public_data.PUBLIC[f"tweet_eval/{task}"].files) == 6


def test_unknown_names_are_compared_with_the_public_ones_too():
    with pytest.raises(errors.UnknownNameError, match="Did you mean 'go_emotions'"):
        data.load("goemotions")
