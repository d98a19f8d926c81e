"""The epidemic as a differential equation: SIR curves, final size, and herd immunity.

This is the macro view of :mod:`workshop_lib.abm.epidemic`: it knows shares of a population in which
everybody meets everybody, and no persons. Used in lesson 07.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workshop_lib.abm.inputs import INFINITY, number_between, whole_number
from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd


def sir_curve(
    beta: float,
    gamma: float,
    population: float = 1000,
    infected: float = 5,
    immune: float = 0.0,
    steps: int = 150,
) -> pd.DataFrame:
    """Solve dS/dt = −beta·S·I/N, dI/dt = beta·S·I/N − gamma·I, dR/dt = gamma·I.

    Args:
        beta: infections that one case causes per step while everyone else is susceptible:
            transmission × contacts_per_step of the agents.
        gamma: rate of recovery per step; a case lasts 1 / gamma steps on average.
        population: N.
        infected: number of people infected at the start.
        immune: share of the people immune at the start; they count as recovered.
        steps: until when to solve.

    Returns:
        Numbers of people at steps 0, 1, …, ``steps``, with the columns "susceptible", "infected",
        "recovered" and "new_cases" (since the step before), as :attr:`Epidemic.history` has.

    Raises:
        BadInputError: a negative rate, or more first cases and immune people than people.

    Source: Kermack and McKendrick (1927), Proceedings of the Royal Society A 115.

    Used in lesson 07.

    >>> curve = sir_curve(beta=0.25, gamma=0.1, population=1000, infected=1, steps=300)
    >>> print(round(curve["recovered"].iloc[-1] / 1000, 2), round(final_size(2.5), 2))
    0.89 0.89
    """
    import numpy as np
    import pandas as pd
    from scipy.integrate import solve_ivp

    for name, value in {"beta": beta, "gamma": gamma, "infected": infected}.items():
        number_between(name, value)
    number_between("immune", immune, 0, 1)
    number_between("population", population, 1)
    times = np.arange(whole_number("steps", steps, 1) + 1)
    susceptible = population * (1 - immune) - infected
    if susceptible < -1e-9 * population:
        raise BadInputError(
            f"Of {population} people, {immune * population:g} are immune and {infected} infected, "
            "which is more than there are. Lower immune or infected."
        )

    def change(_, people):
        susceptible, infected, _ = people
        infections, recoveries = beta * susceptible * infected / population, gamma * infected
        return [-infections, infections - recoveries, recoveries]

    start = [max(susceptible, 0.0), infected, population * immune]
    solved = solve_ivp(
        change, (0, times[-1]), start, t_eval=times, rtol=1e-8, atol=1e-8 * population
    )
    curve = pd.DataFrame(solved.y.T, columns=["susceptible", "infected", "recovered"], index=times)
    curve["new_cases"] = -curve["susceptible"].diff().fillna(-float(infected))
    return curve.rename_axis("step")


def final_size(R0: float, immune: float = 0.0) -> float:
    """Return the share z of a mixed population that a large outbreak infects before it ends.

    z solves z = (1 − immune) · (1 − exp(−R0 · z)): the susceptible share, times the probability
    not to escape all infections. If R0 · (1 − immune) ≤ 1, only z = 0 does. Outbreaks that begin
    with a few cases are seldom of a size in between: they die out by chance, or reach about z.

    Args:
        R0: basic reproduction number, beta / gamma.
        immune: share immune at the start.

    Source: Kermack and McKendrick (1927), Proceedings of the Royal Society A 115; discussed by
    Ma and Earn (2006), Bulletin of Mathematical Biology 68.

    Used in lesson 07.

    >>> round(final_size(2.0), 3)
    0.797
    >>> final_size(2.0, immune=0.5)
    0.0
    """
    from math import exp

    from scipy.special import lambertw

    number_between("immune", immune, 0, 1)
    if R0 == INFINITY:
        return 1.0 - immune
    infects = number_between("R0", R0) * (1 - immune)  # how many the first case infects
    if infects <= 1:
        return 0.0
    return float(1 - immune + lambertw(-infects * exp(-infects)).real / R0)  # W(x): w · exp(w) = x


def herd_immunity(R0: float) -> float:
    """Return the share of immune people at which a case infects one other: 1 − 1 / R0.

    With more, outbreaks stay small. Holds where everybody meets everybody and the immune are drawn
    at random. 0 if R0 ≤ 1.

    Source: Fine, Eames and Heymann (2011), Clinical Infectious Diseases 52.

    Used in lesson 07.

    >>> herd_immunity(2.5)
    0.6
    """
    if R0 == INFINITY:
        return 1.0
    return max(0.0, 1 - 1 / R0) if number_between("R0", R0) > 0 else 0.0
