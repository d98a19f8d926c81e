"""Who can meet whom in an epidemic, and what follows from it for the reproduction number.

Mixed: anybody anybody. Grid: people sit in rows on a square grid that doesn't wrap around, and meet
the up to eight people around them. Network: people meet those they are linked with. Used in lesson
07.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workshop_lib.abm.inputs import number_between, one_of, whole_number
from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    import networkx as nx
    import numpy as np

STRUCTURES = ("mixed", "grid", "network")
NETWORKS = ("watts_strogatz", "barabasi_albert")


def neighbours_of(
    contacts: str,
    population: int,
    graph: str | nx.Graph,
    mean_degree: int,
    rewiring: float,
    seed: int,
) -> list[list[int]] | None:
    """Return the places of each person's neighbours, or None in a mixed population.

    The arguments are those of :class:`workshop_lib.abm.epidemic.Epidemic`.
    """
    if contacts != "network" and not isinstance(graph, str):
        raise BadInputError(
            f"A graph is given, but contacts is '{contacts}'. Give contacts='network' as well."
        )
    if contacts == "mixed":
        return None
    if contacts == "grid":
        return grid_neighbours(population)
    if isinstance(graph, str):
        graph = random_network(graph, population, mean_degree, rewiring, seed)
    return network_neighbours(graph, population)


def grid_shape(population: int) -> tuple[int, int]:
    """Return rows and columns of the smallest square-like grid for so many people.

    >>> grid_shape(100), grid_shape(11)
    ((10, 10), (3, 4))
    """
    from math import isqrt

    columns = isqrt(population - 1) + 1
    return -(-population // columns), columns


def grid_neighbours(population: int) -> list[list[int]]:
    """Return the places of the Moore neighbours of each person; the last row may be short.

    >>> grid_neighbours(6)  # 0 1 2
    [[1, 3, 4], [0, 2, 3, 4, 5], [1, 4, 5], [0, 1, 4], [0, 1, 2, 3, 5], [1, 2, 4]]
    """
    _, columns = grid_shape(population)
    steps = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]
    lists = []
    for place in range(population):
        row, column = divmod(place, columns)
        around = [(row + down, column + right) for down, right in steps]
        places = [r * columns + c for r, c in around if r >= 0 and 0 <= c < columns]
        lists.append([other for other in places if other < population])
    return lists


def random_network(
    name: str, population: int, mean_degree: int, rewiring: float, seed: int
) -> nx.Graph:
    """Return a network of a known kind.

    Args:
        name: "watts_strogatz": everyone is linked with the nearest ``mean_degree`` people on a
            ring, and a share ``rewiring`` of the links is moved to anywhere; "barabasi_albert":
            people join one by one and link with mean_degree / 2 others, the more likely with
            those who have more links.

    Source: Watts and Strogatz (1998), Nature 393; Barabási and Albert (1999), Science 286.
    """
    import networkx as nx

    one_of("network", name, NETWORKS)
    number_between("rewiring", rewiring, 0, 1)
    if whole_number("mean_degree", mean_degree, 2) % 2 or mean_degree >= population:
        raise BadInputError(
            f"mean_degree is {mean_degree!r} in a population of {population}. Give an even number "
            "from 2 that is smaller than the population."
        )
    if name == "watts_strogatz":
        return nx.watts_strogatz_graph(population, mean_degree, rewiring, seed=seed)
    return nx.barabasi_albert_graph(population, mean_degree // 2, seed=seed)


def network_neighbours(graph: nx.Graph, population: int) -> list[list[int]]:
    """Return the places of those each person is linked with, in the order of the graph's nodes."""
    for attribute in ("nodes", "neighbors", "is_directed"):
        if not hasattr(graph, attribute):
            raise BadInputError(
                f"graph is a {type(graph).__name__}. Give a networkx graph, or one of: "
                f"{', '.join(NETWORKS)}."
            )
    if graph.is_directed():
        raise BadInputError(
            "The graph is directed, and meetings are mutual. Give graph.to_undirected()."
        )
    if len(graph) != population:
        raise BadInputError(
            f"The graph has {len(graph)} nodes, and population is {population}. "
            f"Give population={len(graph)}."
        )
    place = {node: i for i, node in enumerate(graph.nodes)}
    return [
        [place[other] for other in graph.neighbors(node) if other != node] for node in graph.nodes
    ]


def reproduction_number(
    transmission: float,
    recovery: float,
    contacts_per_step: float,
    degrees: Sequence[int] | np.ndarray | None = None,
) -> float:
    """Return R0: how many people one case infects on average while all others are susceptible.

    Mixed: R0 = beta / gamma = transmission × contacts_per_step / recovery.

    Grid or network: R0 = T · (⟨k²⟩ / ⟨k⟩ − 1), with k the number of neighbours and ⟨⟩ a mean over
    people. In a step, a link is used with probability contacts_per_step / ⟨k⟩, and the infection
    takes it with q = transmission · contacts_per_step / ⟨k⟩. T = q / (q + gamma − q · gamma) is the
    probability that it does so before the case ends. People with many links are infected more
    often: a person at the end of a link has ⟨k²⟩ / ⟨k⟩ − 1 other links on average. The formula
    takes all those others for susceptible, which holds where friends of friends are no friends.
    On a grid, where they are, it is an upper bound.

    Args:
        transmission, recovery, contacts_per_step: as in
            :class:`workshop_lib.abm.epidemic.Epidemic`.
        degrees: k, the number of neighbours of each person; None: a mixed population.

    Source: Newman (2002), Physical Review E 66, 016128 (T for steps of whole length).

    Used in lesson 07.

    >>> reproduction_number(0.05, 0.1, 5)
    2.5
    >>> round(reproduction_number(0.05, 0.1, 5, [8, 8, 8]), 2)  # 8 neighbours each, so 7 at most
    1.71
    """
    import numpy as np

    if transmission == 0 or contacts_per_step == 0:
        return 0.0
    if degrees is None:
        return transmission * contacts_per_step / recovery if recovery else float("inf")
    degrees = np.asarray(degrees, dtype=float)  # Shape: (population,)
    along_link = transmission * contacts_per_step / degrees.mean()
    passed_on = along_link / (along_link + recovery - along_link * recovery)
    return float(passed_on * ((degrees**2).mean() / degrees.mean() - 1))
