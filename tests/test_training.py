"""The training loop: its schedule, its resumption after a kill, and what it refuses."""

import pytest
import torch

from training import loop

PLAN = loop.Plan("tiny", minutes=0.02, learning_rate=0.05, bf16=False, compile=False)


def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))


def loss_of(runner, step):
    """Learn the sum of four numbers; the batch depends on the step alone."""
    x = torch.randn(32, 4, generator=torch.Generator().manual_seed(step))
    return ((runner(x)[:, 0] - x.sum(dim=1)) ** 2).mean(), len(x)


def test_training_lowers_the_loss_and_reports_what_it_took(tmp_path, capsys):
    took = loop.train(model(), loss_of, PLAN, tmp_path)
    assert took["loss"] < 0.2 < loss_of(model(), 0)[0].item()
    assert took["tokens"] == 32 * took["steps"]
    assert (tmp_path / "last.pt").exists()
    assert "M parameters trained, 0.02 minutes" in capsys.readouterr().out


def test_a_finished_run_is_not_trained_again(tmp_path):
    first, again = model(), model()
    took = loop.train(first, loss_of, PLAN, tmp_path)
    more = loop.train(again, loss_of, PLAN, tmp_path)
    assert more["steps"] == took["steps"]
    for one, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_more_minutes_go_on_from_before_the_fall(tmp_path, capsys):
    loop.train(model(), loss_of, PLAN, tmp_path)
    before = torch.load(tmp_path / "before_fall.pt")["state"]["step"]
    longer = loop.Plan(**{**vars(PLAN), "minutes": 0.06})
    took = loop.train(model(), loss_of, longer, tmp_path)
    assert f"resumed at step {before:,}" in capsys.readouterr().out
    assert took["steps"] > before
    assert took["seconds"] >= 3


def test_a_killed_run_goes_on_from_its_last_checkpoint(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.1)
    seen = []

    def killed(runner, step):
        seen.append(step)
        if len(seen) == 400:
            raise KeyboardInterrupt
        return loss_of(runner, step)

    longer = loop.Plan(**{**vars(PLAN), "minutes": 1.0})
    with pytest.raises(KeyboardInterrupt):
        loop.train(model(), killed, longer, tmp_path)
    saved = torch.load(tmp_path / "last.pt")["state"]
    assert 0 < saved["step"] < 400
    steps = []

    def watched(runner, step):
        steps.append(step)
        return loss_of(runner, step)

    a_bit_longer = loop.Plan(**{**vars(PLAN), "minutes": (saved["seconds"] + 1) / 60})
    loop.train(model(), watched, a_bit_longer, tmp_path)
    assert steps[0] == saved["step"]


def test_a_loss_that_explodes_stops_the_run(tmp_path):
    with pytest.raises(SystemExit, match="Lower the learning rate"):
        loop.train(model(), lambda runner, step: (loss_of(runner, step)[0] * float("inf"), 1), PLAN, tmp_path)


def test_matrices_inside_go_to_muon_and_tables_do_not():
    from transformers import GPT2Config, GPT2LMHeadModel

    tiny = GPT2LMHeadModel(GPT2Config(vocab_size=20, n_positions=8, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0))
    muon, adamw = loop.optimisers(tiny, PLAN)
    assert isinstance(muon, torch.optim.Muon)
    names = {id(parameter): name for name, parameter in tiny.named_parameters()}
    inner = {names[id(p)] for group in muon.param_groups for p in group["params"]}
    assert "transformer.h.0.mlp.c_fc.weight" in inner
    assert not any("wte" in name or "wpe" in name for name in inner)
    outer = {names[id(p)] for group in adamw.param_groups for p in group["params"]}
    assert inner | outer == set(names.values())
    assert not inner & outer
