"""How many must be immune? Epidemics over shares of immune people, to compare with theory.

Used in lesson 07.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from workshop_lib.abm.epidemic import Epidemic
from workshop_lib.abm.schelling import let_go
from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd


def immunity_sweep(
    shares: Iterable[float], seeds: Iterable[int] = range(20), **settings
) -> pd.DataFrame:
    """Run an epidemic for each share of immune people and each seed.

    Args:
        shares: values of ``immune``.
        seeds: of the runs.
        **settings: passed on to :class:`Epidemic`.

    Returns:
        A line for each run: "immune", "seed", "final_size" (share of the population infected),
        "peak" (largest share infected at once) and "steps". ``attrs["R0"]`` is the mean R0.

    Used in lesson 07.
    """
    import pandas as pd

    seeds, rows, reproduction = list(seeds), [], []
    for share in shares:
        for seed in seeds:
            model = Epidemic(immune=share, seed=seed, **settings)
            peak = model.run()["infected"].max() / model.population
            rows.append((share, seed, model.final_size, peak, model.steps))
            reproduction.append(model.R0)
            let_go(model)
    if not rows:
        raise BadInputError("There is nothing to run. Give at least one share and one seed.")
    table = pd.DataFrame(rows, columns=["immune", "seed", "final_size", "peak", "steps"])
    table.attrs["R0"] = sum(reproduction) / len(reproduction)
    return table
