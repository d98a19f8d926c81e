"""The figures of deck 10, drawn with the functions of the lesson.

The assistant answers some 900 questions on the CPU, so that drawing takes about a minute; kept figures are
drawn again only if the library or the data change.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd


def draw(folder: Path) -> list[Path]:
    """Draw every figure of the deck into a folder and return their paths."""
    with tempfile.TemporaryDirectory() as kept:
        figures = {**people(Path(kept)), **news(Path(kept))}
    figures |= {**planted(), **stimuli()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        kind = {"metadata": {"Date": None}} if name.endswith("svg") else {"dpi": 160}
        figure.savefig(folder / name, **kind)
    return [folder / name for name in figures]


def people(runs: Path) -> dict:
    """Draw sections 1 to 4: real people, their simulations, baselines, and twelve prompts."""
    import transformers

    from workshop_lib import labeling, participants, plots
    from workshop_lib.participants.people import DEMOGRAPHICS, ITEMS, PROFILE
    from workshop_lib.plots import participants as draw_lesson

    transformers.logging.set_verbosity_error()
    everyone = participants.anes96()
    answers, item = ["Clinton", "Dole"], ITEMS["vote"]
    by_party = {
        name: part["vote"].value_counts(normalize=True).reindex(answers)
        for name, part in everyone.groupby("party_group", observed=True)
    }
    sample, assistant = everyone.sample(160, random_state=10), labeling.LocalDecisions()
    personas = participants.from_profiles(sample, PROFILE)
    told = {
        f"assistant, {style}": participants.ask(personas, {"vote": item}, assistant, runs / style, style=style)
        for style in ("first person", "third person")
    }
    shares = {"people": sample["vote"].value_counts(normalize=True).reindex(answers)}
    shares |= {name: participants.shares(one, "vote", item) for name, one in told.items()}

    said = participants.answers(everyone, "vote")
    candidates = {"assistant, first person": told["assistant, first person"]}
    candidates["majority"] = participants.baseline("majority", everyone, said, item)
    for name, predictors in {"demographics": DEMOGRAPHICS, "same profile": PROFILE}.items():
        candidates[f"regression, {name}"] = participants.baseline(
            "logistic regression", everyone, said, item, predictors
        )
    compared = participants.compare(said, candidates, item, by=everyone.set_index("id")["party_group"], bootstrap=300)

    def share_of_clinton(responses):
        clinton = np.array([given["Clinton"] for given in responses.loc[responses["status"] == "ok", "probabilities"]])
        error = 1.96 * clinton.std(ddof=1) / np.sqrt(len(clinton))
        return clinton.mean(), clinton.mean() - error, clinton.mean() + error

    curve = participants.multiverse(
        lambda **how: participants.ask(personas[:30], {"vote": item}, **how),
        share_of_clinton, {"assistant": assistant}, runs / "multiverse",
        reference=(sample["vote"].head(30) == "Clinton").mean(),
    )  # fmt: skip
    curve.attrs["statistic"] = "share of Clinton"
    return {
        "10_people.svg": plots.for_slide(draw_lesson.distributions(by_party)),
        "10_told.svg": plots.for_slide(draw_lesson.distributions(shares)),
        "10_baselines.svg": plots.for_slide(draw_lesson.candidates(compared, "accuracy")),
        "10_multiverse.png": plots.for_slide(draw_lesson.specification_curve(curve), 11),
    }


def news(runs: Path) -> dict:
    """Draw the effects of section 5 on one outcome, among people and simulated."""
    from workshop_lib import labeling, participants, plots
    from workshop_lib.plots import participants as draw_lesson

    respondents = participants.framing()
    observed = participants.observed_effects(respondents, "arm", ["information"], participants.FRAMING.control)
    readers = participants.from_profiles(respondents.sample(12, random_state=0), ["age", "gender", "education"])
    responses = participants.FRAMING.run(readers, labeling.LocalDecisions(), runs / "news")
    tables = {"people": observed}
    tables |= {f"assistant, {over}": participants.FRAMING.effects(responses, over) for over in ("draws", "profiles")}
    return {"10_news.svg": plots.for_slide(draw_lesson.effect_intervals(tables, "information"))}


def planted() -> dict:
    """Draw the planted effects of sections 5 and 6, and the directions of error."""
    from workshop_lib import participants, plots
    from workshop_lib.plots import participants as draw_lesson

    exaggerated = participants.planted(476, people_per_arm=500, exaggeration=1.6, model_noise=0.05, seed=1)
    mean_effects = participants.planted(476, people_per_arm=2000, model_noise=0.03, seed=4)
    chance = np.random.default_rng(4)
    in_group = {
        name: factor * mean_effects["truth"] + chance.normal(0, mean_effects["observed_se"])
        for name, factor in {"group A": 1.3, "group B": 0.7}.items()
    }
    both = pd.concat(in_group, names=["group"]).rename("observed").reset_index(level="group")
    predicted = mean_effects["predicted"].loc[both.index]
    case = participants.anes_case()
    directions = participants.error_directions(case["truth"], case["predicted"], case["group"], positive="Clinton")
    effects = draw_lesson.effects(exaggerated["predicted"], exaggerated["observed"], unit="share")
    return {
        "10_planted.png": plots.for_slide(effects),
        "10_directions.svg": plots.for_slide(draw_lesson.directions(directions)),
        "10_groups.png": plots.for_slide(
            draw_lesson.effects(predicted, both["observed"], by=both["group"], unit="share")
        ),
    }


def stimuli() -> dict:
    """Draw the markers of section 7 and what the plan of section 8 promises."""
    from scipy.stats import ttest_ind

    from workshop_lib import data, participants, plots
    from workshop_lib.plots import participants as draw_lesson

    changes = {
        kind: participants.marker_differences(rows["message"], rows["rewrite"])
        for kind, rows in data.load("suggestions").groupby("kind", sort=False)
    }
    design = participants.Design(
        "suggestions in a chat", "no suggestions", "suggestions", "mean", base=4.0, effect=0.2, spread=1.4
    )

    def share_significant(effect: float, n_per_arm: int, studies: int = 300) -> float:
        found = 0
        for seed in range(studies):
            study = design.simulate(n_per_arm, effect=effect, seed=seed)
            arms = [study.loc[study["arm"] == arm, "outcome"] for arm in (design.control, design.treatment)]
            found += ttest_ind(*arms, equal_var=False).pvalue < design.alpha
        return found / studies

    rates = {
        "no effect": share_significant(0, design.n_per_arm),
        "effect 0.2": share_significant(0.2, design.n_per_arm),
        "planned with 1.6 · 0.2": share_significant(0.2, replace(design, effect=1.6 * 0.2).n_per_arm),
    }
    return {
        "10_markers.svg": plots.for_slide(draw_lesson.markers(changes)),
        "10_plans.svg": plots.for_slide(plots.bars(rates, "share of 300 simulated studies with p < 0.05")),
    }
