"""The figures of deck 07, drawn with the functions and data of the lesson."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from workshop_lib import abm, data, plots
from workshop_lib.plots import abm as draw_lesson
from workshop_lib.plots import town as draw_town

NAMES = ("blue", "orange")
DISEASE = {"transmission": 0.05, "contacts_per_step": 5, "recovery": 0.1}
VARIANTS = {
    "classroom": abm.classroom(),
    "torus": abm.Rules(happy_count=2, torus=True),
    "random seat": abm.Rules(happy_count=2, move="random"),
    "share 0.3": abm.Rules(happy_share=0.3),
    "textbook": abm.textbook(),
    "80 : 20": abm.Rules(groups=(0.8, 0.2), happy_count=2),
    "three groups": abm.Rules(groups=(1 / 3, 1 / 3, 1 / 3), happy_count=2),
}


def draw(folder: Path) -> list[Path]:
    """Draw every figure of the deck into a folder and return their paths."""
    figures = {**rooms(), **runs(), **epidemics(), **language()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        kind = {"metadata": {"Date": None}} if name.endswith("svg") else {"dpi": 160}
        figure.savefig(folder / name, **kind)
    return [folder / name for name in figures]


def rooms() -> dict:
    """Draw the small classroom, and a usual one."""
    rules = abm.classroom()
    tiny = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [-1, 0, 1, -1]])
    small = abm.fast.run(board=tiny, rules=rules, seed=1, keep_boards=True).boards
    room = abm.fast.run(8, 8, 0.8, rules, seed=7, keep_boards=True).boards
    made = {}
    for name, boards in {"07_tiny.svg": small, "07_classroom.svg": room}.items():
        titles = [f"round {number}" for number in range(len(boards))]
        made[name] = plots.for_slide(draw_lesson.boards(boards, titles, NAMES, rules), 14)
    return made


def runs() -> dict:
    """Draw many runs: by wish and density, and by the decisions of the modeller."""
    swept = abm.sweep(range(9), [0.6, 0.8, 0.95], range(10), width=40, height=40, progress=False)
    found = {}
    for name, rules in VARIANTS.items():
        size = {"width": 30, "height": 30, "rules": rules, "progress": False}
        row = abm.phase(abm.sweep([rules.threshold], [0.8], range(20), **size)).iloc[0]
        found[name] = {"chance": sum(share**2 for share in rules.groups), **row}
    compared = pd.DataFrame(found).T
    return {
        "07_phase.svg": plots.for_slide(draw_lesson.phase_lines(swept)),
        "07_variants.svg": plots.for_slide(
            draw_town.variants(compared, "like neighbours at the end")
        ),
    }


def epidemics() -> dict:
    """Draw agents beside the equation, contact structures, and herd immunity."""
    macro = abm.sir_curve(beta=0.25, gamma=0.1, population=2000, infected=20)
    mixed = [abm.Epidemic(2000, infected=20, seed=seed, **DISEASE).run() for seed in range(4)]
    meetings = {
        "mixed": {},
        "grid": {"contacts": "grid"},
        "small world": {"contacts": "network"},
        "hubs": {"contacts": "network", "graph": "barabasi_albert"},
    }
    curves = [
        [abm.Epidemic(1600, infected=16, seed=seed, **one, **DISEASE).run() for seed in range(3)]
        for one in meetings.values()
    ]
    settings = {"population": 900, "infected": 9, **DISEASE}
    immune = np.arange(0, 0.81, 0.1).round(1)
    herd = {
        name: abm.immunity_sweep(immune, seeds=range(4), contacts=name, **settings)
        for name in ("mixed", "grid")
    }
    return {
        "07_equation.svg": plots.for_slide(
            draw_lesson.infection_curves([mixed], ["agents, 4 runs"], theory=macro)
        ),
        "07_contacts.svg": plots.for_slide(draw_lesson.infection_curves(curves, list(meetings))),
        "07_herd.svg": plots.for_slide(draw_lesson.herd(herd)),
    }


def language() -> dict:
    """Draw what the assistant decides beside the rule, retrieval by hand, and a day in town."""
    assistant = abm.LocalChat()
    tables = {
        f"wording {n}": abm.LLMSchelling(assistant, 8, 8, wording=n).agreement() for n in range(3)
    }
    texts = [
        "The council wants to close the library.",
        "Edda was at the library alone.",
        "The pool is shut.",
    ]
    memories = [
        abm.Memory(number, 0, "Edda", "observation", text, importance)
        for number, (text, importance) in enumerate(zip(texts, [8, 2, 2], strict=True))
    ]
    scored = abm.scored(memories, cosines=[0.6, 0.5, 0.1], hours=[9, 0, 3])
    people, places = data.load("town"), data.load("town_places")
    town = abm.GenerativeTown(people, places, assistant, seed=7, reflect_at=15)
    town.tell("Edda", "The council wants to close the library.", importance=8)
    town.run(4, progress=False)
    return {
        "07_decisions.svg": plots.for_slide(draw_town.decisions(tables)),
        "07_retrieval.svg": plots.for_slide(draw_town.retrieval(scored)),
        "07_day.svg": plots.for_slide(draw_town.days(town.log), 13),
    }
