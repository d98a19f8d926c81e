"""One training loop for every shipped model: fast, resumable, with progress.

A run has a budget in minutes of training. The learning rate rises for 100 steps, stays, and
falls to zero in the last quarter of the budget. Killed and started again, a run goes on
from its last checkpoint. Given more minutes, it goes back to the checkpoint from before the
fall and trains on from there.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

WARM_UP = 100  # steps in which the learning rate rises
DECAY = 0.25  # share of the budget in which it falls
CHECKPOINT_SECONDS = 120
PROGRESS_SECONDS = 20


@dataclass(frozen=True)
class Plan:
    """How long and how fast one model is trained."""

    name: str
    minutes: float
    learning_rate: float
    matrices: str = "muon"  # optimiser of the weight matrices: "muon" or "adamw"
    weight_decay: float = 0.05
    clip: float = 1.0  # largest norm of a gradient
    bf16: bool = True  # matrix products in bfloat16
    compile: bool = True
    seed: int = 7


def learning_rate_share(step: int, progress: float) -> float:
    """Return the learning rate as a share of its peak.

    Args:
        step: number of the step, from 0.
        progress: share of the budget that is used, 0 to 1.

    >>> [round(learning_rate_share(*at), 2) for at in ((49, 0.0), (500, 0.5), (900, 0.875))]
    [0.5, 1.0, 0.5]
    """
    return max(0.0, min(1.0, (step + 1) / WARM_UP, (1 - progress) / DECAY))


def optimisers(model: torch.nn.Module, plan: Plan) -> list[torch.optim.Optimizer]:
    """Return Muon for the weight matrices inside the layers and AdamW for all else.

    Muon makes each update's matrix orthogonal (Jordan et al. 2024). With the scale of
    ``match_rms_adamw`` (Liu et al. 2025) both take the same learning rate.
    """
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    inner = [p for name, p in trained if p.ndim == 2 and not is_table(name)]
    outer = [p for name, p in trained if p.ndim != 2 or is_table(name)]
    if plan.matrices == "adamw":
        inner, outer = [], outer + inner
    found: list[torch.optim.Optimizer] = []
    if inner:
        found.append(
            torch.optim.Muon(
                inner,
                lr=plan.learning_rate,
                weight_decay=plan.weight_decay,
                adjust_lr_fn="match_rms_adamw",
            )
        )
    if outer:
        groups = [
            {"params": [p for p in outer if p.ndim >= 2], "weight_decay": plan.weight_decay},
            {"params": [p for p in outer if p.ndim < 2], "weight_decay": 0.0},
        ]
        found.append(
            torch.optim.AdamW(
                [group for group in groups if group["params"]],
                lr=plan.learning_rate,
                betas=(0.9, 0.98),
            )
        )
    return found


def is_table(name: str) -> bool:
    """Return whether a parameter is a table of embeddings or an output layer."""
    return any(part in name for part in ("embed", "wte", "wpe", "lm_head", "decoder.bias", "lora_"))


def train(
    model: torch.nn.Module,
    loss_of: Callable[[torch.nn.Module, int], tuple[torch.Tensor, int]],
    plan: Plan,
    work: Path,
    after: Callable[[int, float], None] | None = None,
    on_fall: Callable[[], None] | None = None,
) -> dict:
    """Train a model in place for a number of minutes and return what it took.

    Args:
        model: its parameters with ``requires_grad`` are trained.
        loss_of: takes the (compiled) model and the number of the step; returns the mean loss
            and how many tokens (or images) the step saw. It draws its batch from the step's
            number alone, so that a resumed run sees what an unbroken one would have seen.
        plan: minutes, learning rate, optimiser, seed.
        work: folder for checkpoints, outside the repository.
        after: called about every two minutes, and at the end, with the step and the share of
            the budget used; for held-out figures.
        on_fall: called once when the learning rate begins to fall, or when a run is resumed in
            that part; for a change of the texts.

    Returns:
        {"steps", "seconds", "tokens", "tokens_per_second", "loss"}: loss over the last steps.
    """
    torch.manual_seed(plan.seed)
    work.mkdir(parents=True, exist_ok=True)
    optimiser_list = optimisers(model, plan)
    state = resume(model, optimiser_list, plan, work)
    budget = plan.minutes * 60
    if on_fall and state["falling"]:
        on_fall()
    runner = torch.compile(model, dynamic=None) if plan.compile else model
    recent: list[float] = []
    print(f"{plan.name}: {count(model):.2f} M parameters trained, {plan.minutes:g} minutes", flush=True)
    shown = saved = time.perf_counter()
    model.train()
    while state["seconds"] < budget:
        started = time.perf_counter()
        progress = state["seconds"] / budget
        if progress >= 1 - DECAY and not state["falling"]:
            state["falling"] = True
            save(model, optimiser_list, state, work / "before_fall.pt")
            if on_fall:
                on_fall()
        share = learning_rate_share(state["step"], progress)
        for optimiser in optimiser_list:
            for group in optimiser.param_groups:
                group["lr"] = plan.learning_rate * share
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=plan.bf16):
            loss, seen = loss_of(runner, state["step"])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
        for optimiser in optimiser_list:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        recent = [*recent[-49:], loss.item()]
        if not math.isfinite(recent[-1]):
            raise SystemExit(
                f"{plan.name}: the loss is {recent[-1]} at step {state['step']}. Lower the "
                f"learning rate and start again; the last checkpoint in {work} is unharmed."
            )
        now = time.perf_counter()
        first = state["step"] == state["first_step"]  # compiling takes up to a minute: not counted
        state["seconds"] += min(now - started, 5.0) if first else now - started
        state["tokens"] += seen
        state["step"] += 1
        if now - shown > PROGRESS_SECONDS:
            shown = now
            show(plan, state, recent, budget)
        if now - saved > CHECKPOINT_SECONDS:
            save(model, optimiser_list, state, work / "last.pt")
            if after:
                report(after, model, state, budget)
            saved = time.perf_counter()
    save(model, optimiser_list, state, work / "last.pt")
    if after:
        report(after, model, state, budget)
    model.eval()
    return {
        "steps": state["step"],
        "seconds": round(state["seconds"]),
        "tokens": state["tokens"],
        "tokens_per_second": round(state["tokens"] / max(state["seconds"], 1e-9)),
        "loss": round(sum(recent) / len(recent), 4) if recent else float("nan"),
    }


def report(after: Callable, model: torch.nn.Module, state: dict, budget: float) -> None:
    model.eval()
    with torch.no_grad():
        after(state["step"], state["seconds"] / budget)
    model.train()


def show(plan: Plan, state: dict, recent: list[float], budget: float) -> None:
    """Print one line of progress: share done, loss, speed, time left."""
    speed = state["tokens"] / state["seconds"]
    left = max(0.0, budget - state["seconds"]) / 60
    print(
        f"{plan.name}  {state['seconds'] / budget:4.0%}  step {state['step']:,}  "
        f"loss {sum(recent) / len(recent):.3f}  {speed:,.0f} tokens/s  {left:.1f} min left",
        flush=True,
    )


def save(model: torch.nn.Module, optimiser_list: list, state: dict, file: Path) -> None:
    """Write a checkpoint so that a kill in the middle leaves the old one whole."""
    draft = file.with_suffix(".draft")
    torch.save(
        {
            "model": {n: p for n, p in model.named_parameters() if p.requires_grad},
            "optimisers": [optimiser.state_dict() for optimiser in optimiser_list],
            "state": state,
        },
        draft,
    )
    os.replace(draft, file)


def resume(model: torch.nn.Module, optimiser_list: list, plan: Plan, work: Path) -> dict:
    """Load the checkpoint that fits the budget and return the state of the run."""
    fresh = {"step": 0, "seconds": 0.0, "tokens": 0, "falling": False, "first_step": 0}
    for file in (work / "last.pt", work / "before_fall.pt"):
        if not file.exists():
            continue
        found = torch.load(file, weights_only=True)
        state = found["state"]
        if state["falling"] and state["seconds"] < plan.minutes * 60 * (1 - DECAY):
            state = {**state, "falling": False}
            if file.name == "last.pt":
                continue  # more minutes than before: go back to the full learning rate
        parameters = dict(model.named_parameters())
        with torch.no_grad():
            for name, value in found["model"].items():
                parameters[name].copy_(value)
        for optimiser, saved in zip(optimiser_list, found["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        print(f"{plan.name}: resumed at step {state['step']:,} from {file}", flush=True)
        return {**state, "first_step": state["step"]}
    return fresh


def count(model: torch.nn.Module) -> float:
    """Return how many million parameters are trained."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad) / 1e6
