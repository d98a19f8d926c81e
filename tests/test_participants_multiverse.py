"""A multiverse over prompts, and the figures of lesson 10."""

import matplotlib

matplotlib.use("Agg")

import pandas as pd
import pytest

from workshop_lib import errors, participants
from workshop_lib.labeling.codebook import Choice
from workshop_lib.labeling.protocol import Answer
from workshop_lib.participants.multiverse import multiverse, multiverse_summary
from workshop_lib.participants.personas import STYLES, Persona
from workshop_lib.participants.surveys import ask, shares
from workshop_lib.plots import participants as plots

VOTE = Choice(["yes", "no"], "Do you vote?")
PEOPLE = [Persona("a", {"age": 20}), Persona("b", {"age": 50})]


class Fake:
    """Says yes more readily to a profile in the first person and where yes stands first."""

    name, model, local = "fake", "fake-1", True

    def __init__(self, silent=()):
        self.asked, self.silent = 0, silent

    def settings(self):
        return {}

    def ask(self, request):
        self.asked += 1
        text = str(request.messages[-1]["content"])
        if any(word in text for word in self.silent):
            return Answer(None, "refused", detail="No.")
        yes = 0.4 + 0.3 * ("I am" in text) + 0.1 * (request.options[0] == "yes")
        return Answer("yes", "ok", {"yes": yes, "no": 1 - yes})


def share_of_yes(responses):
    return shares(responses, "vote", VOTE)["yes"]


def run(**how):
    return ask(PEOPLE, {"vote": VOTE}, **how)


def test_every_combination_once_and_never_again(tmp_path):
    engine = Fake()
    table = multiverse(run, share_of_yes, [engine], tmp_path, reference=0.6)
    assert len(table) == len(STYLES) * 2 * 2 and engine.asked == 2 * len(table)
    assert table["folder"].nunique() == len(table) and (table["answered"] == 2).all()
    first, third = (
        table.loc[table["style"] == style, "estimate"] for style in ("first person", "third person")
    )
    assert first.min() > third.max() and table["low"].isna().all()
    again = multiverse(run, share_of_yes, [engine], tmp_path, reference=0.6)
    assert engine.asked == 2 * len(table)
    pd.testing.assert_frame_equal(table, again)
    summary = multiverse_summary(table)
    assert (
        summary["combinations"] == 12
        and summary["lowest"] < 0.6 < summary["highest"]
        and summary["positive"] == 1
    )
    assert plots.specification_curve(table, "Share of yes").axes[0].get_ylabel() == "share of yes"


def test_intervals_and_lost_combinations(tmp_path):
    table = multiverse(
        run,
        lambda responses: (share_of_yes(responses), 0.0, 1.0),
        {"one": Fake(silent=["The person"])},
        tmp_path,
        wordings=[0],
        orders=[None],
        introductions=["none", "survey"],
        reference=0.5,
    )
    assert len(table) == 6 and table["estimate"].isna().sum() == 2
    lost = table[table["estimate"].isna()]
    assert (lost["style"] == "third person").all() and (lost["answered"] == 0).all()
    summary = multiverse_summary(table)
    assert summary["without_estimate"] == 2 and summary["hold_reference"] == 1
    with pytest.raises(errors.BadInputError, match="None of the 2"):
        multiverse_summary(lost)


def test_an_experiment_in_a_multiverse(tmp_path):
    trial = participants.Experiment(
        "x", {"none": "", "news": "Rain."}, {"vote": VOTE}, {"vote": "yes"}
    )
    table = multiverse(
        lambda **how: trial.run(PEOPLE, **how),
        lambda responses: tuple(trial.effects(responses).loc[0, ["estimate", "low", "high"]]),
        [Fake()],
        tmp_path,
        styles=["first person"],
    )
    assert table["estimate"].abs().max() < 0.11 and (table["low"] < table["high"]).all()


def test_bad_input(tmp_path):
    with pytest.raises(errors.BadInputError, match="engines are called"):
        multiverse(run, share_of_yes, [], tmp_path)
    with pytest.raises(errors.BadInputError, match="each with a name of its own"):
        multiverse(run, share_of_yes, [Fake(), Fake()], tmp_path)
    with pytest.raises(errors.BadInputError, match="The styles are 'list'"):
        multiverse(run, share_of_yes, [Fake()], tmp_path, styles="list")
    with pytest.raises(errors.BadInputError, match="The orders are"):
        multiverse(run, share_of_yes, [Fake()], tmp_path, orders=[1, 1])
    with pytest.raises(errors.BadInputError, match="The statistic returned"):
        multiverse(
            run,
            lambda responses: "much",
            [Fake()],
            tmp_path,
            styles=["list"],
            wordings=[0],
            orders=[None],
        )


# ── Figures ──────────────────────────────────────────────────────────────────────────────


def labels(figure):
    return [text for axes in figure.axes for text in (axes.get_xlabel(), axes.get_title())]


def test_figures_of_scores():
    people = participants.anes96().head(200)
    said, vote = participants.answers(people, "vote"), participants.people.ITEMS["vote"]
    found = participants.baselines(people, said, vote, ["age"])
    table = participants.compare(
        said, found, vote, by=people.set_index("id")["party_group"], bootstrap=10
    )
    figure = plots.candidates(table, "accuracy", "How often?")
    assert "How often?" in labels(figure) and len(figure.axes[0].get_yticks()) == 4
    with pytest.raises(errors.BadInputError, match="no measure 'F1'"):
        plots.candidates(table, "F1")
    real = said.value_counts(normalize=True).reindex(list(vote.options))
    figure = plots.distributions(
        {"people": real, "model": participants.shares(found["marginals"], "vote", vote)}
    )
    assert len(figure.axes[0].patches) == 4
    with pytest.raises(errors.BadInputError, match="Give 1 to 7"):
        plots.distributions({})
    with pytest.raises(errors.BadInputError, match="of one question"):
        plots.distributions({"people": real, "other": real.iloc[:1]})


def test_figures_of_effects_and_directions():
    study = participants.planted(20)
    figure = plots.effects(study["predicted"], study["observed"], unit="share")
    assert "predicted effect (share)" in labels(figure)
    observed = participants.observed_effects(
        participants.framing(), "arm", ["harm"], "benefits, European"
    )
    figure = plots.effect_intervals({"people": observed, "model": observed}, "harm")
    assert "effect on harm, against: benefits, European" in labels(figure)
    with pytest.raises(errors.BadInputError, match="'warmth'"):
        plots.effect_intervals({"people": observed}, "warmth")
    case = participants.constructed_case()
    figure = plots.directions(
        participants.error_directions(case["truth"], case["predicted"], case["group"], bootstrap=10)
    )
    assert "share predicted − true share of 'support'" in labels(figure)
    figure = plots.power(participants.Design("x", "a", "b", "share", 0.5, 0.3))
    assert len(figure.axes[0].get_legend().get_texts()) == 4


def test_figures_of_texts_and_correlations():
    table = participants.marker_differences(["Idiot."] * 4, ["Please."] * 4, bootstrap=10)
    assert len(plots.markers({"polite": table, "other": table}).axes[0].get_yticks()) == 4
    pairs = pd.DataFrame({"id": list("abcd"), "message": list("efgh"), "rewrite": list("ijkl")})
    shown, key = participants.blind_pairs(pairs, context=None)
    figure = plots.wins(participants.unblind(dict.fromkeys(shown["id"], "A"), key))
    assert "share of decided pairs (dashed line: chance)" in labels(figure)
    low, high = sorted(figure.axes[0].get_ylim())
    lines = [path for row in figure.axes[0].collections for path in row.get_paths()]
    heights = [line.vertices[0, 1] for line in lines]
    assert low + 0.03 < min(heights) and max(heights) < high - 0.03  # no mark on the edge
    table = pd.DataFrame(
        {"group": ["all"], "item": ["a"], "other": ["b"], "people": [0.5], "simulated": [0.1]}
    )
    assert "correlation" in labels(plots.correlations(table))
    with pytest.raises(errors.BadInputError, match="no group 'old'"):
        plots.correlations(table, "old")


def test_import_is_light():
    import subprocess
    import sys

    heavy = "torch sklearn statsmodels matplotlib transformers openai"
    code = "import sys, workshop_lib.participants; "
    code += f"print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
