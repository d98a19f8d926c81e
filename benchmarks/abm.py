"""Schelling's model on arrays and on Mesa, against the Schelling example that Mesa carries.

    python -m benchmarks.abm [--sizes 100 500] [--agents 1000000] [--sweep 100]

Both engines of the course run the example's rule: happy with 40 % alike, else to a random empty
seat. What counts is the time of an agent's step: the seconds of a run to its end, at most 50
rounds, divided by agents × rounds. Making the room isn't timed for Mesa's example and the course's
Mesa model; for the arrays it is, so their ratio is a lower bound. The example stores each agent's
group at each step, the course's Mesa model measures the whole board instead; both run as they are.
"""

from __future__ import annotations

import argparse
import inspect
import math
import statistics
import time

from workshop_lib.abm import fast
from workshop_lib.abm.rules import Rules, classroom
from workshop_lib.abm.schelling import Schelling
from workshop_lib.abm.sweep import sweep

SIZES = (100, 500)  # seats on each side
MESA_SIZES = (20, 100)  # of the course's Mesa model: its default, and the smaller of the above
AGENTS = 1_000_000
DENSITY = 0.8
SHARE = 0.4
EXAMPLES_RULES = Rules(happy_share=SHARE, move="random", isolated_happy=False)
ROUNDS = 50
TURNS = 5  # each side by turns; the median counts
SWEEP_SIDE = 100
SEEDS = 20


def mesa_example(side: int, seed: int):
    """Return Mesa's own example with its default rule; its constructor changed with Mesa 3.5."""
    from mesa.examples.basic.schelling import model

    size = {"width": side, "height": side, "density": DENSITY, "homophily": SHARE}
    if "scenario" in inspect.signature(model.Schelling.__init__).parameters:
        return model.Schelling(model.SchellingScenario(**size, rng=seed))
    return model.Schelling(**size, seed=seed)


def mesa_agent_step(model) -> float:
    """Return the seconds of an agent's step on Mesa."""
    start, rounds = time.perf_counter(), 0
    while model.running and rounds < ROUNDS:
        model.step()
        rounds += 1
    return (time.perf_counter() - start) / rounds / len(model.agents)


def fast_agent_step(side: int, seed: int, again: int = 1) -> float:
    """Return the seconds of an agent's step on arrays, over some runs."""
    start, agent_steps = time.perf_counter(), 0
    for k in range(again):
        found = fast.run(side, side, DENSITY, EXAMPLES_RULES, seed + k, max_steps=ROUNDS)
        agent_steps += found.steps * round(DENSITY * side * side)
    return (time.perf_counter() - start) / agent_steps


def arrays_against_example(side: int) -> dict:
    """Compare ``fast.run`` with Mesa's example."""
    again = max(1, 200_000 // side**2)  # so that a small room takes long enough to be timed
    fast_agent_step(side, 0)  # compiles
    turns = TURNS if side <= 200 else 1
    ours, theirs = [], []
    for seed in range(turns):
        ours.append(fast_agent_step(side, seed, again))
        theirs.append(mesa_agent_step(mesa_example(side, seed)))
    mine, peer = statistics.median(ours), statistics.median(theirs)
    return {
        "name": f"abm.fast, {side} × {side} seats, per agent and step",
        "ours": f"{1e9 * mine:.0f} ns",
        "peer": f"{1e9 * peer:,.0f} ns (Mesa's example)",
        "ratio": f"{peer / mine:,.0f}× as fast",
        "target": "≥ 200×",
        "met": peer / mine >= 200,
        "note": "whole runs, equal rule; making the room counts for ours only",
    }


def mesa_model_against_example(side: int) -> dict:
    """Compare the course's Mesa model with Mesa's example."""
    again = max(1, 20_000 // side**2)
    ours, theirs = [], []
    for seed in range(TURNS * again):
        ours.append(mesa_agent_step(Schelling(side, side, DENSITY, EXAMPLES_RULES, seed)))
        theirs.append(mesa_agent_step(mesa_example(side, seed)))
    mine, peer = statistics.median(ours), statistics.median(theirs)
    return {
        "name": f"abm.Schelling, {side} × {side} seats, per agent and step",
        "ours": f"{1e6 * mine:.1f} µs",
        "peer": f"{1e6 * peer:.1f} µs (Mesa's example)",
        "ratio": f"{peer / mine:.1f}× as fast",
        "target": "≥ 1×",
        "met": peer >= mine,
        "note": "whole runs, equal rule; both collect their data",
    }


def a_million_agents(agents: int) -> dict:
    """Run the classroom's rule with very many agents until it ends."""
    side = math.ceil(math.sqrt(agents / DENSITY))
    fast.run(10, 10)  # compiles
    start = time.perf_counter()
    found = fast.run(side, side, agents / side**2, classroom())
    took = time.perf_counter() - start
    seated = int((found.board >= 0).sum())
    assert seated == agents, f"{seated} agents are seated"
    return {
        "name": f"abm.fast, {agents:,} agents to the end",
        "ours": f"{took:.1f} s",
        "peer": "60 s (allowed)",
        "ratio": f"{took / 60:.3f}",
        "target": "under 60 s",
        "met": took < 60 and found.stopped == "all happy",
        "note": f"classroom's rule: {found.steps} rounds, {found.moves:,} moves, {found.stopped}",
    }


def a_sweep(side: int) -> dict:
    """Sweep over all thresholds of the classroom's rule, with measures."""
    fast.run(10, 10)  # compiles
    start = time.perf_counter()
    found = sweep(range(9), seeds=range(SEEDS), width=side, height=side, progress=False)
    took = time.perf_counter() - start
    return {
        "name": f"abm.sweep, 9 thresholds × {SEEDS} seeds, {side} × {side} seats",
        "ours": f"{took:.1f} s",
        "peer": "5 s (allowed)",
        "ratio": f"{took / 5:.2f}",
        "target": "under 5 s",
        "met": took < 5 and len(found) == 9 * SEEDS,
        "note": "all measures; all runs end by themselves: "
        + str((found["stopped"] != "step limit").all()).lower(),
    }


def measure(
    sizes: tuple[int, ...] = SIZES,
    mesa_sizes: tuple[int, ...] = MESA_SIZES,
    agents: int = AGENTS,
    sweep_side: int = SWEEP_SIDE,
) -> list[dict]:
    """Return a row for each comparison."""
    return [
        *(arrays_against_example(side) for side in sizes),
        *(mesa_model_against_example(side) for side in mesa_sizes),
        a_million_agents(agents),
        a_sweep(sweep_side),
    ]


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options.add_argument("--mesa-sizes", type=int, nargs="+", default=MESA_SIZES)
    options.add_argument("--agents", type=int, default=AGENTS)
    options.add_argument("--sweep", type=int, default=SWEEP_SIDE)
    chosen = options.parse_args()
    for row in measure(chosen.sizes, chosen.mesa_sizes, chosen.agents, chosen.sweep):
        print(row)
