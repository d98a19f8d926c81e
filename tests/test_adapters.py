"""Low-rank adapters: attached, saved and merged, the model computes the same."""

import pytest
import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

from workshop_lib import adapters
from workshop_lib.errors import BadInputError

MATRIX = "transformer.h.0.attn.c_attn.weight"


def tiny() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=50, n_positions=16, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    return GPT2LMHeadModel(config).eval()


def test_an_attached_change_begins_at_nothing_and_survives_saving(tmp_path):
    ids = torch.arange(10)[None]  # Shape: (1, 10)
    before = tiny()(ids).logits.detach()
    model = tiny()
    adapters.attach(model, [MATRIX], rank=2)
    assert torch.equal(model(ids).logits, before)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert [tuple(parameter.shape) for parameter in trained] == [(2, 48), (16, 2)]
    with torch.no_grad():
        for parameter in trained:
            parameter.normal_()
    after = model(ids).logits.detach()
    assert not torch.allclose(after, before, atol=0.01)
    file = tmp_path / "adapter.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in adapters.changes(model).items()}, file)
    merged = tiny()
    adapters.merge(merged, file)
    torch.testing.assert_close(merged(ids).logits, after, atol=1e-4, rtol=1e-4)


def test_single_rows_are_replaced(tmp_path):
    file = tmp_path / "adapter.safetensors"
    table = "transformer.wte.weight"
    save_file({table + ".rows": torch.ones(1, 16), table + ".row_ids": torch.tensor([3])}, file)
    model = tiny()
    adapters.merge(model, file)
    assert torch.equal(model.transformer.wte.weight[3], torch.ones(16))
    assert torch.equal(model.transformer.wte.weight[4], tiny().transformer.wte.weight[4])


def test_what_does_not_fit_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="isn't a weight matrix"):
        adapters.attach(tiny(), ["transformer.ln_f.weight"], rank=2)
    with pytest.raises(BadInputError, match="isn't a weight matrix"):
        adapters.attach(tiny(), ["transformer.h.7.attn.c_attn.weight"], rank=2)
    file = tmp_path / "adapter.safetensors"
    save_file({"other.weight": torch.ones(2, 2)}, file)
    with pytest.raises(BadInputError, match="which the model hasn't"):
        adapters.merge(tiny(), file)
