"""Published experiments on people, with effects that are computed here from their own data.

Two experiments come with statsmodels, so every figure can be checked without a network: a survey
experiment on immigration and the RAND Health Insurance Experiment. A third source is planted: a
study with made-up effects that are known, to see what a score says when the truth is known. Used in
lesson 10.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import (
    BadInputError,
    DamagedFileError,
    MissingFileError,
    MissingPackageError,
)
from workshop_lib.labeling.codebook import Choice, Scale
from workshop_lib.participants.experiments import Experiment
from workshop_lib.participants.observed import observed_effects

if TYPE_CHECKING:
    import pandas as pd

# ── Immigration in the news (Brader, Valentino and Suhay 2008) ───────────────────────────

FRAMING_SOURCE = (
    "Brader, Valentino and Suhay (2008), What Triggers Public Opposition to Immigration? Anxiety, "
    "Group Cues, and Immigration Threat, American Journal of Political Science 52(4), 959–978; "
    "data of the R package mediation, as statsmodels carries them"
)
FRAMING_FILE = Path("stats", "tests", "results", "framing.csv")
FRAMING_SHA256 = "a17d4f27c3e553c1adf5707a9872cc68f4954c1fbe8a2a8067c643337d93cf8e"
FRAMING_ARMS = {
    (0, 0): "benefits, European",
    (0, 1): "benefits, Latino",
    (1, 0): "costs, European",
    (1, 1): "costs, Latino",
}
FRAMING_OUTCOMES = {
    "less_immigration": "wants immigration decreased, 1 to 4",
    "harm": "expects harm from more immigration, 2 to 8",
    "message": "asked to send an anti-immigration message to Congress, 0 or 1",
    "information": "asked for information from anti-immigration organisations, 0 or 1",
}
LEFT_OUT = (
    "The columns anx, emo and english are left out. Their documentation and their values "
    "contradict each other: the more anxious respondents call themselves, the less they oppose "
    "immigration and the less harm they expect; emo is documented as most negative at 3, and rises "
    "with opposition. Labels seem to have been turned round somewhere."
)

# Short texts written for this course. The experiment showed a news story of its own, so simulated
# effects of these texts are no replication of it.
_STORY = "A news story that was just read says: immigrants such as {who} {what}."
_BENEFITS = "start firms, pay taxes and help the economy"
_COSTS = "strain schools and budgets and push down wages"
_EUROPEAN, _LATINO = "Nikolai from Russia", "José from Mexico"
FRAMING = Experiment(
    "immigration in the news",
    {
        "benefits, European": _STORY.format(who=_EUROPEAN, what=_BENEFITS),
        "benefits, Latino": _STORY.format(who=_LATINO, what=_BENEFITS),
        "costs, European": _STORY.format(who=_EUROPEAN, what=_COSTS),
        "costs, Latino": _STORY.format(who=_LATINO, what=_COSTS),
    },
    {
        "less_immigration": Scale(
            1,
            4,
            "Should the number of immigrants be increased or decreased?",
            {1: "increased a lot", 4: "decreased a lot"},
        ),
        "harm": Scale(
            2, 8, "How much harm would more immigration do?", {2: "none at all", 8: "very much"}
        ),
        "message": Choice(
            ["yes", "no"], "Do you want to send a message against immigration to Congress?"
        ),
        "information": Choice(
            ["yes", "no"], "Do you want information from a group against immigration?"
        ),
    },
    {"message": "yes", "information": "yes"},
)
FRAMING_PROFILE = ("age", "gender", "education", "income_rank")


def framing() -> pd.DataFrame:
    """Return the 265 people of the immigration experiment.

    Returns:
        Columns id, arm (of FRAMING, the first is the control), age, gender, education, income_rank
        (1 to 19; what the steps mean isn't documented), and the outcomes as numbers. There are no
        weights.

    Raises:
        MissingPackageError: statsmodels isn't installed.
        MissingFileError: this statsmodels comes without its tests, which hold the file.
        DamagedFileError: the file is another one.

    Source: Brader, Valentino and Suhay (2008), American Journal of Political Science 52. Used in
    lesson 10.

    >>> framing().groupby("arm", observed=True).size().to_dict()["costs, Latino"]
    68
    """
    import pandas as pd

    raw = pd.read_csv(_framing_file())
    arms = [FRAMING_ARMS[pair] for pair in zip(raw["tone"], raw["eth"], strict=True)]
    return pd.DataFrame(
        {
            "id": [f"f{number:03d}" for number in raw.iloc[:, 0]],
            "arm": pd.Categorical(arms, list(FRAMING.arms)),
            "age": raw["age"],
            "gender": raw["gender"],
            "education": raw["educ"],
            "income_rank": raw["income"],
            "less_immigration": raw["immigr"],
            "harm": raw["p_harm"],
            "message": raw["cong_mesg"],
            "information": raw["anti_info"],
        }
    )


def _framing_file() -> Path:
    try:
        import statsmodels
    except ImportError:
        raise MissingPackageError(
            "The experiment comes with statsmodels. Install it: pip install statsmodels"
        ) from None
    file = Path(statsmodels.__file__).parent / FRAMING_FILE
    if not file.is_file():
        raise MissingFileError(
            f"This statsmodels ({statsmodels.__version__}) has no {FRAMING_FILE}: it was packed "
            "without its tests. Install it from PyPI: pip install --force-reinstall --no-deps "
            "statsmodels; or use planted()."
        )
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != FRAMING_SHA256:
        raise DamagedFileError(
            f"{file} isn't the known file: its SHA-256 begins with {found[:12]}, and "
            f"{FRAMING_SHA256[:12]} is expected. Install another version: pip install "
            "statsmodels==0.14.*; or use planted()."
        )
    return file


# ── The RAND Health Insurance Experiment ─────────────────────────────────────────────────

RAND_SOURCE = (
    "RAND Health Insurance Experiment, as in Cameron and Trivedi (2005), Microeconometrics; "
    "statsmodels.datasets.randhie"
)
RAND_ARMS = {
    0: "free care",
    25: "patients pay 25 %",
    50: "patients pay 50 %",
    95: "patients pay 95 %",
}


def rand_health() -> pd.DataFrame:
    """Return the years of insured people in the RAND experiment, by the plan they were assigned to.

    Families were assigned to plans at random. A row is a person's year; which rows belong to one
    person or family isn't known, so intervals can't be computed from it. Plans with an individual
    deductible are left out, since their share to pay isn't a single number.

    Returns:
        Columns id, arm (of RAND_ARMS), visits (to a doctor in the year).

    Raises:
        MissingPackageError: statsmodels isn't installed.

    Source: Manning, Newhouse, Duan, Keeler and Leibowitz (1987), American Economic Review 77,
    report the experiment. Used in lesson 10.

    >>> len(rand_health())
    14941
    """
    import pandas as pd

    try:
        from statsmodels.datasets import randhie
    except ImportError:
        raise MissingPackageError(
            "The experiment comes with statsmodels. Install it: pip install statsmodels"
        ) from None
    raw = randhie.load_pandas().data
    raw = raw[raw["idp"] == 0].reset_index(drop=True)
    paid = np.rint(np.expm1(raw["lncoins"])).astype(int)
    return pd.DataFrame(
        {
            "id": [f"h{number:05d}" for number in range(1, len(raw) + 1)],
            "arm": pd.Categorical(paid.map(RAND_ARMS), list(RAND_ARMS.values())),
            "visits": raw["mdvis"].astype(int),
        }
    )


# ── All effects in one table ─────────────────────────────────────────────────────────────


def published_effects() -> pd.DataFrame:
    """Return the effects of the published experiments, computed here from people's own answers.

    Returns:
        A row an effect: study, outcome, arm, control, estimate, standard_error, low, high (95 %,
        Welch; none for the RAND experiment), n, n_control, unit, source, checked (how).

    Used in lesson 10.

    >>> published_effects().groupby("study").size().to_dict()
    {'RAND Health Insurance Experiment': 3, 'immigration in the news': 12}
    """
    import pandas as pd

    news = observed_effects(framing(), "arm", list(FRAMING_OUTCOMES), FRAMING.control)
    news = news.assign(
        study=FRAMING.name,
        unit=news["outcome"].map(FRAMING_OUTCOMES),
        source=FRAMING_SOURCE,
        checked="computed from the 265 people",
    )
    health = observed_effects(rand_health(), "arm", ["visits"], RAND_ARMS[0]).assign(
        study="RAND Health Insurance Experiment",
        unit="visits to a doctor in a year",
        source=RAND_SOURCE,
        standard_error=np.nan,
        low=np.nan,
        high=np.nan,
        checked="computed from people's years; no interval: which rows are one family isn't known",
    )
    columns = [
        "study",
        "outcome",
        "arm",
        "control",
        "estimate",
        "standard_error",
        "low",
        "high",
        "n",
        "n_control",
    ]
    return pd.concat([news, health], ignore_index=True)[[*columns, "unit", "source", "checked"]]


# ── Planted effects ──────────────────────────────────────────────────────────────────────


def planted(
    effects: int = 60,
    people_per_arm: int = 500,
    spread: float = 0.08,
    exaggeration: float = 1.0,
    model_noise: float = 0.04,
    reversed_share: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a made-up study of many experiments, with true effects that are known.

    Nothing in it was observed. True effects are normal with mean 0; people's effects add sampling
    error, √(2 · 0.25 / n) as of a share near one half; the model's are exaggeration · truth plus
    noise, and some have their sign reversed.

    Args:
        effects: number of effects.
        people_per_arm: n; fewer people, noisier benchmarks.
        spread: standard deviation of the true effects, in shares.
        exaggeration: 1: the right size; 2: twice too large; 0: the model knows nothing.
        model_noise: standard deviation of the model's errors.
        reversed_share: share of the effects that the model gets the wrong way round.
        seed: of everything.

    Returns:
        A row an effect: study, effect, truth, observed, observed_se, predicted, simulated (always
        True).

    Raises:
        BadInputError: numbers that make no study.

    Used in lesson 10.

    >>> bool(planted(5)["simulated"].all())
    True
    """
    import pandas as pd

    positive = effects >= 2 and people_per_arm >= 2 and spread > 0 and model_noise >= 0
    if not positive or not 0 <= reversed_share <= 1 or not np.isfinite(exaggeration):
        raise BadInputError(
            f"Can't plant {effects} effects with {people_per_arm} people in each arm, spread "
            f"{spread}, exaggeration {exaggeration}, noise {model_noise} and {reversed_share} "
            "reversed. Give two effects and people or more, a spread above 0, and a share from 0 "
            "to 1."
        )
    chance = np.random.default_rng(seed)
    truth = chance.normal(0, spread, effects)
    error = np.sqrt(2 * 0.25 / people_per_arm)
    observed = truth + chance.normal(0, error, effects)
    sign = np.where(chance.random(effects) < reversed_share, -1, 1)
    predicted = sign * exaggeration * truth + chance.normal(0, model_noise, effects)
    return pd.DataFrame(
        {
            "study": "planted, made up",
            "effect": [f"effect {number}" for number in range(1, effects + 1)],
            "truth": truth,
            "observed": observed,
            "observed_se": error,
            "predicted": predicted,
            "simulated": True,
        }
    )
