"""A survey experiment on simulated participants.

The effect of an arm is the mean outcome in it minus that in the control arm. Simulated participants
can be shown every arm, which people can't. What an interval covers is said beside it: drawing
answers again, or drawing profiles again; never another model, another prompt, or people. Used in
lesson 10.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workshop_lib.errors import BadInputError, SettingError, UnknownNameError, closest
from workshop_lib.participants.personas import Persona, table
from workshop_lib.participants.surveys import Question, ask, checked_distribution, values_of

if TYPE_CHECKING:
    import pandas as pd

    from workshop_lib.labeling.protocol import Engine

COVERS = {
    "draws": "drawing answers again from the same model, prompts and profiles",
    "profiles": "drawing profiles again from where these came from; same model and prompts",
}
_MODEL = "another model, another prompt, and whether people would answer like that"
NEVER = {"draws": f"other profiles, {_MODEL}", "profiles": _MODEL}
ASSIGNMENTS = ("all", "random")


@dataclass(frozen=True)
class Experiment:
    """Arms, outcomes and what counts.

    Args:
        name: of the experiment.
        arms: name -> the text that is shown after the profile; "" shows nothing. The first arm is
            the control.
        outcomes: name -> question.
        targets: for each outcome that is a Choice, the label whose share is the outcome.

    Raises:
        BadInputError: fewer than two arms, two arms with one text, or no outcome.
        UnknownNameError: a target that is no label, or none at all for a Choice.

    Used in lesson 10.
    """

    name: str
    arms: dict[str, str]
    outcomes: dict[str, Question]
    targets: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.arms, Mapping) or len(self.arms) < 2:
            given = list(self.arms) if isinstance(self.arms, Mapping) else self.arms
            raise BadInputError(
                f"The arms are {given!r}: an effect compares two. Give a control and a treatment."
            )
        texts = list(self.arms.values())
        if not all(isinstance(text, str) for text in texts) or len(set(texts)) < len(texts):
            raise BadInputError(
                "Two arms show the same, or an arm's text is no string. Give each arm a text of "
                "its own."
            )
        if not isinstance(self.outcomes, Mapping) or not self.outcomes:
            raise BadInputError(
                f"The outcomes are {self.outcomes!r}. Give a dict: {{'support': Scale(1, 5)}}."
            )
        if stray := [name for name in self.targets if name not in self.outcomes]:
            raise UnknownNameError(
                f"There is no outcome {stray[0]!r}. {closest(stray[0], list(self.outcomes))}"
            )
        for name in self.outcomes:
            self.values(name)

    @property
    def control(self) -> str:
        """The first arm."""
        return next(iter(self.arms))

    def values(self, outcome: str) -> np.ndarray:
        """Return the number that each answer to an outcome counts as, shape (options,)."""
        return values_of(self.outcomes[outcome], self.targets.get(outcome))

    def run(
        self,
        personas: Sequence[Persona],
        engine: Engine,
        folder: str | Path | None = None,
        assign: str = "all",
        seed: int = 0,
        **how: Any,
    ) -> pd.DataFrame:
        """Ask all personas, and return one distribution for each persona, arm and outcome.

        Args:
            personas: who is simulated.
            engine, folder: as in ``surveys.ask``.
            assign: "all" shows every arm to every persona, each as if it were the only one;
                "random" shows each persona one arm, as people see it, in groups of equal size.
            seed: of the random assignment.
            **how: style, introduction, wording, order_seed, draws, max_cost, … of ``surveys.ask``.

        Returns:
            What ``surveys.ask`` returns, with columns "arm" and "persona"; ids are "persona|arm".

        Raises:
            BadInputError: fewer personas than arms. SettingError: an unknown assignment.
        """
        shown = self.assigned(personas, assign, seed)
        copies = [
            Persona(f"{one.id}|{arm}", one.profile, one.weight, one.missing, one.sentences)
            for one, arm in shown
        ]
        stimuli = {copy.id: self.arms[arm] for copy, (_, arm) in zip(copies, shown, strict=True)}
        responses = ask(copies, self.outcomes, engine, folder, stimuli=stimuli, **how)
        origin = {copy.id: (one.id, arm) for copy, (one, arm) in zip(copies, shown, strict=True)}
        responses["persona"] = [origin[one][0] for one in responses["id"]]
        responses["arm"] = [origin[one][1] for one in responses["id"]]
        responses.attrs |= {"experiment": self.name, "assign": assign}
        return responses

    def assigned(
        self, personas: Sequence[Persona], assign: str = "all", seed: int = 0
    ) -> list[tuple[Persona, str]]:
        """Return which persona is shown which arm."""
        if assign not in ASSIGNMENTS:
            raise SettingError(
                f"There is no assignment {assign!r}. {closest(str(assign), list(ASSIGNMENTS))}"
            )
        if assign == "all":
            return [(one, arm) for one in personas for arm in self.arms]
        if len(personas) < len(self.arms):
            raise BadInputError(
                f"{len(personas)} personas can't fill {len(self.arms)} arms. Give more personas."
            )
        arms = list(itertools.islice(itertools.cycle(self.arms), len(personas)))
        order = np.random.default_rng(seed).permutation(len(personas))
        return [(persona, arms[place]) for persona, place in zip(personas, order, strict=True)]

    def effects(
        self,
        responses: pd.DataFrame,
        over: str = "draws",
        by: Mapping[str, str] | None = None,
        level: float = 0.95,
        bootstrap: int = 1000,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Return the effect of each arm on each outcome, with an interval that says what it covers.

        effect = Σ w_i E_i(arm) / Σ w_i − Σ w_i E_i(control) / Σ w_i, with E_i the mean of persona
        i's distribution (of a Choice: the probability of the target).

        Args:
            responses: what :meth:`run` returned.
            over: "draws": what would change if the answers were drawn again, one from each
                distribution (SE² = Σ (w_i / Σ w)² v_i / k_i in each arm, v_i the variance of the
                distribution, k_i the draws that it was made of, 1 for probabilities);
                "profiles": what would change with other profiles (a bootstrap over personas).
            by: persona -> group; the effects are then those within each group.
            level: of the intervals.
            bootstrap, seed: of the bootstrap.

        Returns:
            One row an outcome, arm and group: estimate, standard_error, low, high, n (personas in
            the arm), n_control, lost (distributions that are missing), covers, doesnt_cover.

        Raises:
            BadInputError: an arm has no answers, or a persona has no group.
            SettingError: unknown ``over``. UnknownNameError: no column "arm".
        """
        import pandas as pd
        from scipy.stats import norm

        from workshop_lib.labeling.tables import need_columns

        if over not in ("draws", "profiles"):
            raise SettingError(
                f"There is no interval over {over!r}. {closest(str(over), ['draws', 'profiles'])}"
            )
        check_level(level)
        need_columns(responses, ["arm", "persona", "weight"], "the responses")
        groups = _groups(responses["persona"], by)
        treatments = list(self.arms)[1:]
        rows = []
        for outcome, group in itertools.product(self.outcomes, dict.fromkeys(groups.values())):
            asked = (responses["question"] == outcome) & (responses["persona"].map(groups) == group)
            part = responses[asked]
            cells = {arm: self._cell(part[part["arm"] == arm], outcome) for arm in self.arms}
            if empty := [arm for arm, cell in cells.items() if not len(cell)]:
                raise BadInputError(
                    f"The arm {empty[0]!r} has no answers to {outcome!r} (group: {group}). See the "
                    "column 'detail', or give more personas."
                )
            for arm in treatments:
                pair = cells[self.control], cells[arm]
                if over == "draws":
                    error = np.sqrt(sum(_variance(cell) for cell in pair))
                    bounds = (
                        _difference(pair) + norm.ppf([(1 - level) / 2, (1 + level) / 2]) * error
                    )
                else:
                    error, *bounds = _over_profiles(pair, level, bootstrap, seed)
                lost = part["arm"].isin((arm, self.control)) & (part["status"] != "ok")
                rows.append(
                    {
                        "outcome": outcome,
                        "arm": arm,
                        "control": self.control,
                        "group": group,
                        "estimate": _difference(pair),
                        "standard_error": float(error),
                        "low": float(bounds[0]),
                        "high": float(bounds[1]),
                        "n": len(pair[1]),
                        "n_control": len(pair[0]),
                        "lost": int(lost.sum()),
                        "covers": COVERS[over],
                        "doesnt_cover": NEVER[over],
                    }
                )
        found = pd.DataFrame(rows)
        return found.drop(columns="group") if by is None else found

    def _cell(self, part: pd.DataFrame, outcome: str) -> pd.DataFrame:
        """Return mean, variance, draws and weight of each persona's distribution in one arm."""
        import pandas as pd

        values, options = self.values(outcome), self.outcomes[outcome].options
        kept = part[(part["status"] == "ok") & (part["weight"] > 0)]
        shares = np.array(
            [checked_distribution(one, options) for one in kept["probabilities"]]
        ).reshape(-1, len(values))
        mean = shares @ values
        return pd.DataFrame(
            {
                "persona": kept["persona"].to_numpy(),
                "mean": mean,
                "variance": shares @ values**2 - mean**2,
                "draws": np.where(kept["source"] == "draws", kept["draws"], 0),
                "weight": kept["weight"].to_numpy(float),
            }
        )


def groups_of(personas: Sequence[Persona], column: str) -> dict[str, str]:
    """Return persona -> group, from a column of the profiles.

    Raises:
        UnknownNameError: no such column.
    """
    from workshop_lib.labeling.tables import need_columns

    frame = table(personas)
    need_columns(frame, [column], "the profiles")
    return dict(zip(frame["id"], frame[column].astype(str), strict=True))


# ── Means and intervals ──────────────────────────────────────────────────────────────────


def _mean(cell: pd.DataFrame) -> float:
    return float(np.average(cell["mean"], weights=cell["weight"]))


def _difference(pair: tuple[pd.DataFrame, pd.DataFrame]) -> float:
    return _mean(pair[1]) - _mean(pair[0])


def _variance(cell: pd.DataFrame) -> float:
    """Return the variance of an arm's mean if the answers were drawn again.

    Of a distribution made of k draws, v is estimated by v · k / (k − 1). With a single draw each,
    the spread between personas stands in for it, which is too wide rather than too narrow.
    """
    weights = cell["weight"].to_numpy() / cell["weight"].sum()
    drawn = cell["draws"].to_numpy()
    if (drawn == 1).any():
        spread = np.average((cell["mean"] - _mean(cell)) ** 2, weights=weights)
        return float(spread * (weights**2).sum() * len(cell) / max(1, len(cell) - 1))
    each = np.where(drawn == 0, cell["variance"], cell["variance"] / np.maximum(drawn - 1, 1))
    return float((weights**2 * each).sum())


def _over_profiles(
    pair: tuple[pd.DataFrame, pd.DataFrame], level: float, bootstrap: int, seed: int
) -> tuple[float, float, float]:
    """Return standard error and interval of an effect, from a bootstrap over personas."""
    names = sorted(set(pair[0]["persona"]) | set(pair[1]["persona"]))
    if len(names) < 2:
        raise BadInputError(
            f"{len(names)} persona is too few for an interval over profiles. Give more, or "
            "over='draws'."
        )
    weights, sums = np.zeros((2, len(names))), np.zeros((2, len(names)))
    place = {name: number for number, name in enumerate(names)}
    for number, cell in enumerate(pair):
        at = [place[name] for name in cell["persona"]]
        weights[number, at] = cell["weight"]
        sums[number, at] = cell["weight"] * cell["mean"]
    counts = np.random.default_rng(seed).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=bootstrap
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (counts @ sums.T) / (counts @ weights.T)  # Shape: (bootstrap, 2)
    effects = means[:, 1] - means[:, 0]
    effects = effects[np.isfinite(effects)]
    low, high = np.percentile(effects, [50 * (1 - level), 50 * (1 + level)])
    return float(effects.std(ddof=1)), float(low), float(high)


def _groups(personas: pd.Series, by: Mapping[str, str] | None) -> dict[str, str]:
    """Return persona -> group, for all personas."""
    names = list(dict.fromkeys(personas))
    if by is None:
        return dict.fromkeys(names, "all")
    if lacking := [name for name in names if name not in by]:
        raise BadInputError(
            f"{len(lacking)} personas have no group, such as {lacking[0]!r}. Give by=groups_of(…)."
        )
    return {name: by[name] for name in names}


def check_level(level: float) -> None:
    if not 0 < level < 1:
        raise BadInputError(f"The level is {level}. Give a share between 0 and 1, such as 0.95.")
