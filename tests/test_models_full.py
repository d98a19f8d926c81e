"""The full profile of each role, against a hub cache made here that holds tiny random models.

The architectures are the public models' own; only their sizes are not. The tokenizers are the
shipped ones.
"""

import dataclasses
import hashlib
import shutil
from pathlib import Path

import pytest
import torch
import transformers

from workshop_lib import models


def tiny(role: str) -> transformers.PreTrainedModel:
    """Return a tiny random model of the architecture that plays a role in the full profile."""
    torch.manual_seed(0)
    if role == "translator":
        tokenizer = models.load(role, "mini").tokenizer
        return transformers.MarianMTModel(
            transformers.MarianConfig(
                vocab_size=len(tokenizer), d_model=16, encoder_layers=1, decoder_layers=1,
                encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
                pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
                decoder_start_token_id=tokenizer.pad_token_id, max_position_embeddings=64,
            )
        )  # fmt: skip
    if role == "masked_lm":
        return transformers.BertForPreTraining(
            transformers.BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
        )
    if role == "image_text":
        mini = models.load(role, "mini").model.config
        text = mini.text_config.to_dict() | {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
        vision = mini.vision_config.to_dict() | {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
        return transformers.CLIPModel(transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8))
    size = len(models.load(role, "mini").tokenizer)
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    if role == "causal_lm":
        return transformers.GPT2LMHeadModel(
            transformers.GPT2Config(vocab_size=size, n_positions=64, n_embd=8, n_layer=1, n_head=2, **ends)
        )
    return transformers.Qwen2ForCausalLM(
        transformers.Qwen2Config(
            vocab_size=size, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=64, **ends,
        )
    )  # fmt: skip


ROLES = sorted(
    role for role, profile in models.CARDS
    if profile == "full" and role != "encoder" and not models.CARDS[role, profile].shipped
)  # fmt: skip


@pytest.fixture
def in_the_hub_cache(tmp_path, monkeypatch):
    """Return a function that puts a tiny model of a role into a hub cache and into its card."""
    import huggingface_hub.constants as constants

    def put(role: str) -> Path:
        made = tmp_path / "made"
        tiny(role).save_pretrained(made)
        models.load(role, "mini").tokenizer.save_pretrained(made)
        card = models.card_of(role, "full")
        folder = tmp_path / "hub" / f"models--{card.name.replace('/', '--')}"
        snapshot = folder / "snapshots" / card.revision
        (folder / "blobs").mkdir(parents=True)
        snapshot.mkdir(parents=True)
        for file in made.iterdir():
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            shutil.copy(file, folder / "blobs" / digest)
            (snapshot / file.name).symlink_to(folder / "blobs" / digest)
        digest = hashlib.sha256((made / card.weights).read_bytes()).hexdigest()
        monkeypatch.setitem(models.CARDS, (role, "full"), dataclasses.replace(card, sha256=digest))
        return snapshot

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    models._load.cache_clear()
    yield put
    models._load.cache_clear()


@pytest.mark.parametrize("role", ROLES)
def test_both_profiles_give_the_same_types(role, in_the_hub_cache):
    in_the_hub_cache(role)
    mini, full = models.load(role, "mini"), models.load(role, "full")
    assert full.card.profile == "full"
    assert isinstance(full.model, transformers.PreTrainedModel)
    assert not full.model.training
    assert next(full.model.parameters()).dtype == torch.float32
    if role in ("assistant", "open_lm"):  # these are another architecture, used alike
        assert isinstance(full.tokenizer, transformers.PreTrainedTokenizerBase)
    else:
        assert type(mini.model) is type(full.model)
        assert type(mini.tokenizer) is type(full.tokenizer)


@pytest.mark.parametrize("role", ROLES)
def test_the_same_call_works_in_both_profiles(role, in_the_hub_cache):
    in_the_hub_cache(role)
    for profile in ("mini", "full"):
        model, tokenizer, _ = models.load(role, profile)
        with torch.inference_mode():
            if role == "image_text":
                from PIL import Image

                inputs = tokenizer(text=["a dog"], images=[Image.new("RGB", (90, 60), "red")], return_tensors="pt", padding=True)
                assert model(**inputs).logits_per_image.shape == (1, 1)
            elif role == "masked_lm":
                inputs = tokenizer("A dog is an [MASK].", "It barks.", return_tensors="pt")
                outputs = model(**inputs)
                assert outputs.prediction_logits.shape[-1] == 30522
                assert outputs.seq_relationship_logits.shape == (1, 2)
            else:
                inputs = tokenizer("A dog", return_tensors="pt")
                inputs.pop("token_type_ids", None)
                out = model.generate(**inputs, max_new_tokens=3, do_sample=False)
                assert isinstance(tokenizer.decode(out[0], skip_special_tokens=True), str)


def test_public_names_are_pinned_to_a_commit_and_a_sum():
    for (_, profile), card in models.CARDS.items():
        assert len(card.sha256) == 64
        if profile == "full" and not card.shipped:
            assert len(card.revision) == 40
