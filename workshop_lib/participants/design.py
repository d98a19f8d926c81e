"""From a question to a designed experiment: power, minimum detectable effect, analysis script.

The analysis is written before there are data, and run on simulated ones: then nothing about it can
have been chosen after looking. Used in lesson 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError, SettingError, closest

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("share", "mean")
COLUMNS = ("id", "arm", "outcome")  # of the file that the analysis script reads


@dataclass(frozen=True)
class Design:
    """A two-arm experiment with the number of people that it needs.

    Args:
        name: of the experiment, for the script.
        control, treatment: names of the arms.
        kind: "share" (the outcome is 0 or 1) or "mean" (a number, such as an answer on a scale).
        base: share or mean expected in the control arm.
        effect: smallest difference worth finding, in the outcome's own unit.
        spread: standard deviation of the outcome within an arm; needed for a mean.
        alpha: of the two-sided test.
        power: probability of finding the effect if it is there.

    Raises:
        SettingError: an unknown kind.
        BadInputError: numbers that don't fit, such as an effect of 0 or a share above 1.

    Used in lesson 10.

    >>> Design("calm", "as written", "polite", "share", base=0.5, effect=0.1).n_per_arm
    388
    """

    name: str
    control: str
    treatment: str
    kind: str
    base: float
    effect: float
    spread: float | None = None
    alpha: float = 0.05
    power: float = 0.8

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SettingError(
                f"There is no kind {self.kind!r} of outcome. {closest(str(self.kind), list(KINDS))}"
            )
        if self.control == self.treatment or not all((self.name, self.control, self.treatment)):
            raise BadInputError(
                f"The arms are {self.control!r} and {self.treatment!r}. Give two different names."
            )
        if any(mark in self.name for mark in '"\\\n{}'):
            raise BadInputError(
                f"The name is {self.name!r}. Leave out quotation marks, backslashes, braces and "
                "line breaks."
            )
        if not self.effect or not np.isfinite(self.effect) or not np.isfinite(self.base):
            raise BadInputError(
                f"base is {self.base} and effect is {self.effect}. Give numbers, and an effect "
                "other than 0."
            )
        if self.kind == "share" and not (0 < self.base < 1 and 0 < self.base + self.effect < 1):
            raise BadInputError(
                f"A share of {self.base} and one of {self.base + self.effect:g} are wanted. Both "
                "must lie between 0 and 1."
            )
        if self.kind == "mean" and not (self.spread or 0) > 0:
            raise BadInputError(
                f"The spread is {self.spread}. Give the outcome's standard deviation, from a pilot "
                "or a paper."
            )
        if not 0 < self.alpha < 1 or not self.alpha < self.power < 1:
            raise BadInputError(
                f"alpha is {self.alpha} and power is {self.power}. Give shares, such as 0.05 and "
                "0.8."
            )

    @property
    def standardised(self) -> float:
        """Cohen's h of shares, 2 asin √p₁ − 2 asin √p₀, or d of means, effect / spread."""
        if self.kind == "mean":
            return self.effect / self.spread
        after, before = np.sqrt([self.base + self.effect, self.base])
        return float(2 * np.arcsin(after) - 2 * np.arcsin(before))

    @property
    def n_per_arm(self) -> int:
        """People needed in each arm, before anyone drops out."""
        solver = _solver(self.kind)
        found = solver.solve_power(
            effect_size=abs(self.standardised),
            alpha=self.alpha,
            power=self.power,
            ratio=1.0,
            alternative="two-sided",
        )
        return int(np.ceil(np.squeeze(found)))

    def power_at(self, n_per_arm: int) -> float:
        """Return the probability of finding the effect with n people in each arm."""
        if not n_per_arm >= 2:
            raise BadInputError(f"n_per_arm is {n_per_arm}. Give 2 or more.")
        return float(
            _solver(self.kind).power(
                abs(self.standardised), n_per_arm, self.alpha, ratio=1.0, alternative="two-sided"
            )
        )

    def detectable(self, n_per_arm: int) -> float:
        """Return the smallest positive effect that n people in each arm find with the wanted power.

        In the outcome's own unit; of a share at most 1 − base.
        """
        if not n_per_arm >= 2:
            raise BadInputError(f"n_per_arm is {n_per_arm}. Give 2 or more.")
        found = float(
            np.squeeze(
                _solver(self.kind).solve_power(
                    nobs1=n_per_arm,
                    alpha=self.alpha,
                    power=self.power,
                    ratio=1.0,
                    alternative="two-sided",
                )
            )
        )
        if self.kind == "mean":
            return found * self.spread
        angle = min(np.arcsin(np.sqrt(self.base)) + found / 2, np.pi / 2)
        return float(np.sin(angle) ** 2 - self.base)

    def table(self, sizes: Sequence[int] | None = None) -> pd.DataFrame:
        """Return power and detectable effect for several numbers of people in each arm."""
        import pandas as pd

        wanted = self.n_per_arm
        sizes = sizes or sorted(
            {max(2, round(wanted * share)) for share in (0.25, 0.5, 0.75, 1, 1.5, 2)}
        )
        rows = [
            {"n_per_arm": n, "power": self.power_at(n), "detectable": self.detectable(n)}
            for n in sizes
        ]
        return pd.DataFrame(rows).set_index("n_per_arm")

    def simulate(
        self, n_per_arm: int | None = None, effect: float | None = None, seed: int = 0
    ) -> pd.DataFrame:
        """Return simulated data in the form that the analysis script reads.

        Args:
            n_per_arm: None takes what the design needs.
            effect: that is planted; None takes the design's, 0 plants none.
            seed: of the data.

        Returns:
            Columns id, arm, outcome: 0 or 1 of a share, normal numbers of a mean.
        """
        import pandas as pd

        n = self.n_per_arm if n_per_arm is None else n_per_arm
        planted = self.effect if effect is None else effect
        chance = np.random.default_rng(seed)
        centre = np.repeat([self.base, self.base + planted], n)
        if self.kind == "share":
            if not 0 <= self.base + planted <= 1:
                raise BadInputError(
                    f"A share of {self.base + planted:g} can't be simulated. Choose a smaller "
                    "effect."
                )
            outcome = (chance.random(2 * n) < centre).astype(int)
        else:
            outcome = centre + self.spread * chance.standard_normal(2 * n)
        arms = np.repeat([self.control, self.treatment], n)
        return pd.DataFrame(
            {
                "id": [f"p{number:05d}" for number in range(1, 2 * n + 1)],
                "arm": arms,
                "outcome": outcome,
            }
        )

    def script(self) -> str:
        """Return the analysis as a Python program that reads a CSV file and prints the result.

        It needs pandas, numpy and statsmodels only, checks the file first, and analyses what was
        planned and nothing else.

        >>> "read_csv" in Design("calm", "a", "b", "share", 0.5, 0.1).script()
        True
        """
        analysis = SHARE if self.kind == "share" else MEAN
        return SCRIPT.format(
            name=self.name,
            control=self.control,
            treatment=self.treatment,
            kind=self.kind,
            alpha=self.alpha,
            effect=self.effect,
            n=self.n_per_arm,
            power=self.power,
            analysis=analysis,
        )

    def __str__(self) -> str:
        unit = "share" if self.kind == "share" else "mean"
        return (
            f"{self.name}: {self.treatment} against {self.control}, {unit} of {self.base:g} in the "
            f"control arm; {self.n_per_arm} people in each arm find a difference of "
            f"{self.effect:g} with power {self.power:g} (two-sided, alpha {self.alpha:g})."
        )


def _solver(kind: str):
    from statsmodels.stats.power import NormalIndPower, TTestIndPower

    return NormalIndPower() if kind == "share" else TTestIndPower()


SCRIPT = '''"""Analysis of the experiment "{name}", written before the data were collected.

Planned: {n} people in each arm; power {power:g} for a difference of {effect:g}; two-sided test,
alpha {alpha:g}.
Run: python analysis.py data.csv
"""

import sys

import numpy as np
import pandas as pd

CONTROL, TREATMENT, ALPHA, PLANNED = {control!r}, {treatment!r}, {alpha!r}, {n}

data = pd.read_csv(sys.argv[1])
for column in ("id", "arm", "outcome"):
    if column not in data.columns:
        sys.exit(f"The file has no column {{column!r}}.")
if data["id"].duplicated().any():
    sys.exit("An id occurs twice.")
if set(data["arm"]) != {{CONTROL, TREATMENT}}:
    sys.exit(f"The arms are {{sorted(set(data['arm']))}}, not those that were planned.")
lost = int(data["outcome"].isna().sum())
data = data.dropna(subset=["outcome"])
control = data.loc[data["arm"] == CONTROL, "outcome"].to_numpy(float)
treatment = data.loc[data["arm"] == TREATMENT, "outcome"].to_numpy(float)
{analysis}
print(f"people: {{len(control)}} and {{len(treatment)}}, planned {{PLANNED}} each")
print(f"without an outcome: {{lost}}")
print(f"{{CONTROL}}: {{control.mean():.4f}}   {{TREATMENT}}: {{treatment.mean():.4f}}")
print(f"difference: {{difference:.4f}}, p = {{p:.4f}}")
print(f"{{100 * (1 - ALPHA):g}} % interval: {{low:.4f}} to {{high:.4f}}")
'''

SHARE = """if not np.isin(data["outcome"], (0, 1)).all():
    sys.exit("The outcome must be 0 or 1.")
from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

counts = treatment.sum(), len(treatment), control.sum(), len(control)
difference = treatment.mean() - control.mean()
low, high = confint_proportions_2indep(*counts, compare="diff", method="score", alpha=ALPHA)
p = test_proportions_2indep(*counts, compare="diff", method="score").pvalue"""

MEAN = """from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

compared = CompareMeans(DescrStatsW(treatment), DescrStatsW(control))
difference = treatment.mean() - control.mean()
low, high = compared.tconfint_diff(alpha=ALPHA, usevar="unequal")
p = compared.ttest_ind(usevar="unequal")[1]"""
