"""An epidemic of people who meet: susceptible, infected, recovered (SIR), agent by agent.

The rules of one step, in their order:

1. Everyone decides which share of their usual contacts to keep (``behaviour``; without one, all).
2. Each infected person meets others, ``contacts_per_step`` on average. Who they can be is the
   contact structure (:mod:`workshop_lib.abm.contacts`). The more careful of the two decides whether
   a meeting takes place: with the smaller of their two shares.
3. A meeting with a susceptible person infects them with probability ``transmission``.
4. Each infected person recovers with probability ``recovery``, and is immune from then on.

All changes take effect together at the end of the step (synchronous update): nobody passes on what
they caught in the same step, and who recovers was infectious for the whole step.

In the words of the theory, beta = transmission × contacts_per_step (infections that one case
causes per step while everyone else is susceptible), gamma = recovery, and a case lasts 1 / gamma
steps on average. Chance comes from ``model.random`` alone, so that a seed fixes the run. Used in
lesson 07.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import mesa
import numpy as np

from workshop_lib.abm.contacts import STRUCTURES, grid_shape, neighbours_of, reproduction_number
from workshop_lib.abm.inputs import number_between, one_of, whole_number
from workshop_lib.abm.rules import checked_seed
from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

SUSCEPTIBLE, INFECTED, RECOVERED = STATES = ("susceptible", "infected", "recovered")
IMMUNISE = ("random", "hubs")


class Person(mesa.Agent):
    """Somebody who meets people, and may be infected and recover.

    Attributes:
        state: "susceptible", "infected" or "recovered" (also who was immune from the start).
        neighbours: the people whom this one can meet; None in a mixed population: everybody.
        keeps: share of the usual contacts kept in this step, from 0 to 1.
        disposition: a number from 0 to 1 drawn once; behaviour rules ask it who complies.
        infected_at: step of the infection, 0 for the first cases, None for who never caught it.
        infected_by: the person who passed it on, or None.
        passed_on: how many people this one infected.
    """

    def __init__(self, model: Epidemic, place: int) -> None:
        super().__init__(model)
        self.place = place  # in model.people
        self.state = SUSCEPTIBLE
        self.neighbours: list[Person] | None = None
        self.keeps = 1.0
        self.disposition = self.random.random()
        self.alarmed = False  # the memory of CutContacts
        self.infected_at: int | None = None
        self.infected_by: Person | None = None
        self.passed_on = 0

    def usual_contacts(self) -> list[Person]:
        """Return whom this person would meet in a step if nobody were careful."""
        model, chance = self.model, self.random.random
        if self.neighbours is not None:
            return [other for other in self.neighbours if chance() < model.link_use]
        whole = int(model.contacts_per_step)
        number = whole + (chance() < model.contacts_per_step - whole)
        others = [int(chance() * (model.population - 1)) for _ in range(number)]
        return [
            model.people[other + (other >= self.place)] for other in others
        ]  # nobody meets oneself

    def meetings(self) -> list[Person]:
        """Return whom this person meets in this step; in a mixed population maybe twice."""
        contacts = self.usual_contacts()
        if self.model.behaviour is None:
            return contacts
        chance = self.random.random
        return [other for other in contacts if chance() < min(self.keeps, other.keeps)]

    def catch(self, source: Person | None, step: int) -> None:
        """Become infected by ``source``; None for a first case."""
        self.state, self.infected_at, self.infected_by = INFECTED, step, source
        if source is not None:
            source.passed_on += 1


class Epidemic(mesa.Model):
    """An SIR epidemic among people who are mixed, sit on a grid, or are linked in a network.

    Args:
        population: number of people, at least 2.
        contacts: "mixed": anybody may meet anybody; "grid": the up to eight people around one's
            place (Moore neighbours); "network": the people one is linked with.
        transmission: probability that a meeting of an infected and a susceptible person infects.
        recovery: probability that an infected person recovers in a step; a case lasts 1 / recovery
            steps on average.
        contacts_per_step: people whom one meets in a step, on average over the population, from 0.
            On a grid or network, each link is used with probability contacts_per_step / mean number
            of neighbours, which is therefore the most; people with many links have many contacts.
        infected: number of people infected at the start, at least 1, drawn at random.
        immune: share of the people immune at the start, from 0 to 1; they count as recovered.
        immunise: who is immune: drawn at "random", or "hubs": those with most neighbours first.
        behaviour: a rule that takes a :class:`Person` and returns the share of the usual contacts
            that they keep in this step, or None. See :class:`CutContacts`, :class:`Isolate`, and
            :func:`together`.
        seed: of all chance, a whole number from 0.
        graph: the network: "watts_strogatz", "barabasi_albert", or an undirected networkx graph
            with a node for each person.
        mean_degree: of the two named networks: an even number of links per person, on average.
        rewiring: of "watts_strogatz": the share of links that lead anywhere instead of to the
            nearest people.

    Attributes:
        people: all persons, a list.
        susceptible, infected, recovered, new_cases: numbers of people after the last step.
        running: whether anybody is infected.

    Raises:
        BadInputError: a number is out of its range, or there are more first cases and immune
            people than people.
        SettingError: the seed isn't a whole number from 0.
        UnknownNameError: an unknown contact structure, network or order of immunisation.

    Source: Kermack and McKendrick (1927), Proceedings of the Royal Society A 115; on networks
    Newman (2002), Physical Review E 66, 016128.

    Used in lesson 07.

    >>> model = Epidemic(500, transmission=0.05, recovery=0.1, contacts_per_step=5, seed=7)
    >>> model.R0
    2.5
    >>> curve = model.run()
    >>> list(curve.columns)
    ['susceptible', 'infected', 'recovered', 'new_cases', 'contacts_kept']
    >>> int(curve[["susceptible", "infected", "recovered"]].sum(axis=1).max())
    500
    """

    def __init__(
        self,
        population: int = 1000,
        contacts: str = "mixed",
        transmission: float = 0.05,
        recovery: float = 0.1,
        contacts_per_step: float = 5.0,
        infected: int = 5,
        immune: float = 0.0,
        immunise: str = "random",
        behaviour: Callable[[Person], float] | None = None,
        seed: int = 7,
        graph: str | nx.Graph = "watts_strogatz",
        mean_degree: int = 8,
        rewiring: float = 0.1,
    ) -> None:
        super().__init__(rng=checked_seed(seed))
        self.population = whole_number("population", population, 2)
        self.contacts = one_of("contact structure", contacts, STRUCTURES)
        self.transmission = number_between("transmission", transmission, 0, 1)
        self.recovery = number_between("recovery", recovery, 0, 1)
        self.contacts_per_step = number_between("contacts_per_step", contacts_per_step)
        immune_people = round(number_between("immune", immune, 0, 1) * self.population)
        first_cases = whole_number("infected", infected, 1)
        if immune_people + first_cases > self.population:
            raise BadInputError(
                f"Of {self.population} people, {immune_people} are immune and {first_cases} "
                "infected, which is more than there are. Lower immune or infected."
            )
        if behaviour is not None and not callable(behaviour):
            raise BadInputError(
                f"behaviour is {behaviour!r}, and should be a function that takes a person and "
                "returns the share of contacts they keep, such as CutContacts(to=0.3), or None."
            )
        self.behaviour = behaviour
        self.people = [Person(self, place) for place in range(self.population)]
        self.degrees = self.meet_neighbours(graph, mean_degree, rewiring, int(seed))
        self.begin(first_cases, immune_people, one_of("order", immunise, IMMUNISE))

    def meet_neighbours(
        self, graph: str | nx.Graph, mean_degree: int, rewiring: float, seed: int
    ) -> np.ndarray | None:
        """Give each person their neighbours; return how many each has, or None if all may meet."""
        lists = neighbours_of(self.contacts, self.population, graph, mean_degree, rewiring, seed)
        if lists is None:
            return None
        for person, places in zip(self.people, lists, strict=True):
            person.neighbours = [self.people[place] for place in places]
        degrees = np.array([len(places) for places in lists])  # Shape: (population,)
        if self.contacts_per_step > degrees.mean():
            raise BadInputError(
                f"contacts_per_step is {self.contacts_per_step:g}, but these people have "
                f"{degrees.mean():.2f} neighbours on average, whom they meet at most once in a "
                "step. Give a smaller number."
            )
        self.link_use = self.contacts_per_step / max(degrees.mean(), 1e-12)
        return degrees

    def begin(self, first_cases: int, immune_people: int, immunise: str) -> None:
        """Make some people immune and some infected, and record step 0."""
        order = self.random.sample(self.people, self.population)
        if immunise == "hubs":
            order.sort(
                key=lambda person: -len(person.neighbours or ())
            )  # ties stay in random order
        for person in order[:immune_people]:
            person.state = RECOVERED
        for person in self.random.sample(order[immune_people:], first_cases):
            person.catch(None, 0)
        self.susceptible = self.population - immune_people - first_cases
        self.infected, self.recovered, self.new_cases = first_cases, immune_people, first_cases
        self.cases, self.contacts_kept = first_cases, 1.0
        columns = (*STATES, "new_cases", "contacts_kept")
        self.datacollector = mesa.DataCollector(model_reporters={name: name for name in columns})
        self.datacollector.collect(self)

    def step(self) -> None:
        """Let everyone decide, the infected meet others, and then all changes take effect."""
        if self.behaviour is not None:
            self.decide()
        chance = self.random.random
        infectious = [person for person in self.people if person.state == INFECTED]
        self.random.shuffle(
            infectious
        )  # so that who counts as the source of a double exposure is random
        caught: dict[Person, Person] = {}  # who -> from whom
        for person in infectious:
            for other in person.meetings():
                if other.state == SUSCEPTIBLE and chance() < self.transmission:
                    caught.setdefault(other, person)
        recovering = [person for person in infectious if chance() < self.recovery]

        for person, source in caught.items():
            person.catch(source, self.steps)
        for person in recovering:
            person.state = RECOVERED
        self.new_cases = len(caught)
        self.cases += len(caught)
        self.susceptible -= len(caught)
        self.infected += len(caught) - len(recovering)
        self.recovered += len(recovering)
        self.running = self.infected > 0
        self.datacollector.collect(self)

    def decide(self) -> None:
        """Ask everyone which share of their usual contacts they keep in this step."""
        for person in self.people:
            person.keeps = self.behaviour(person)
        shares = np.array([person.keeps for person in self.people])
        wrong = (
            ~((shares >= 0) & (shares <= 1))
            if shares.dtype.kind in "iufb"
            else np.ones(len(shares), bool)
        )
        if wrong.any():
            raise BadInputError(
                f"The behaviour rule returned {self.people[wrong.argmax()].keeps!r} for a person. "
                "It must return the share of the usual contacts that they keep, from 0 to 1."
            )
        self.contacts_kept = float(shares.mean())

    def run(self, max_steps: int = 1000) -> pd.DataFrame:
        """Step until nobody is infected, at most ``max_steps`` times; return :attr:`history`."""
        for _ in range(whole_number("max_steps", max_steps)):
            if not self.running:
                break
            self.step()
        return self.history

    @property
    def history(self) -> pd.DataFrame:
        """Counts of people after each step: the index is the step, from 0.

        Columns "susceptible", "infected", "recovered" (with who was immune at the start),
        "new_cases" (in that step), and "contacts_kept": the mean share of the usual contacts.
        """
        return self.datacollector.get_model_vars_dataframe().rename_axis("step")

    @property
    def share_infected(self) -> float:
        """Share of the population infected after the last step: what everyone hears in the news."""
        return self.infected / self.population

    @property
    def final_size(self) -> float:
        """Share of the population that was infected so far, with the first cases."""
        return self.cases / self.population

    @property
    def beta(self) -> float:
        """Infections that one case causes per step while everyone it meets is susceptible."""
        return self.transmission * self.contacts_per_step

    @property
    def gamma(self) -> float:
        """Share of the infected who recover per step."""
        return self.recovery

    @property
    def R0(self) -> float:
        """Basic reproduction number; see :func:`workshop_lib.abm.contacts.reproduction_number`."""
        return reproduction_number(
            self.transmission, self.recovery, self.contacts_per_step, self.degrees
        )

    @property
    def secondary_cases(self) -> list[int]:
        """How many people each one infected, for all who were ever infected."""
        return [person.passed_on for person in self.people if person.infected_at is not None]

    @property
    def board(self) -> np.ndarray:
        """The grid, shape (rows, columns): 0 susceptible, 1 infected, 2 recovered, −1 nobody."""
        if self.contacts != "grid":
            raise BadInputError(
                f"Only a grid has a board, and contacts is '{self.contacts}'. Give contacts='grid'."
            )
        cells = np.full(grid_shape(self.population), -1, dtype=np.int8)
        cells.flat[: self.population] = [STATES.index(person.state) for person in self.people]
        return cells
