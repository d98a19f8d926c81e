"""The epidemic keeps its rules, conserves people, and agrees with the theory where it must."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop_lib.abm.behaviour import CutContacts, Isolate, together
from workshop_lib.abm.contacts import grid_neighbours, grid_shape, reproduction_number
from workshop_lib.abm.epidemic import Epidemic, Person
from workshop_lib.abm.epidemic_theory import final_size, herd_immunity, sir_curve
from workshop_lib.abm.immunity import immunity_sweep
from workshop_lib.errors import BadInputError, SettingError, UnknownNameError, WorkshopError

STATES = ["susceptible", "infected", "recovered"]
CERTAIN = {"transmission": 1.0, "recovery": 1.0}


def line(people, **settings):
    """Return an epidemic on people in a row, the first of whom is infected."""
    degree = 2 * (people - 1) / people
    graph = nx.path_graph(people)
    model = Epidemic(
        people, "network", contacts_per_step=degree, infected=1, graph=graph, **settings
    )
    for person in model.people:
        person.state, person.infected_at = "susceptible", None
    model.people[0].catch(None, 0)
    return model


# One step


def test_the_infection_moves_one_place_a_step_and_lasts_one_step_if_all_is_certain():
    model = line(5, **CERTAIN)
    seen = []
    for _ in range(5):
        seen.append("".join(person.state[0] for person in model.people))
        model.step()
    # Synchronous: who is infected in a step passes it on in the next one, and not before.
    assert seen == ["issss", "risss", "rriss", "rrris", "rrrri"]
    assert [person.state for person in model.people] == ["recovered"] * 5
    assert not model.running
    assert model.final_size == 1.0


def test_persons_know_from_whom_and_when_they_caught_it():
    model = line(4, **CERTAIN)
    model.run()
    assert [person.infected_at for person in model.people] == [0, 1, 2, 3]
    assert [person.infected_by for person in model.people] == [None, *model.people[:3]]
    assert model.secondary_cases == [1, 1, 1, 0]


def test_who_recovers_was_infectious_for_the_whole_step():
    model = line(2, **CERTAIN)
    model.step()
    assert [person.state for person in model.people] == ["recovered", "infected"]


def test_one_step_infects_as_many_as_it_should():
    """S · (1 − (1 − p)^I), with p = 1 − (1 − transmission / (N − 1))^contacts."""
    settings = {
        "population": 300,
        "infected": 60,
        "transmission": 0.2,
        "contacts_per_step": 4,
        "recovery": 0.3,
    }
    new, gone = [], []
    for seed in range(150):
        model = Epidemic(**settings, seed=seed)
        model.step()
        new.append(model.new_cases)
        gone.append(model.recovered)
    expected = 240 * (1 - (1 - 0.2 / 299) ** (4 * 60))
    assert np.mean(new) == pytest.approx(expected, abs=4 * np.std(new) / 150**0.5)
    assert np.std(new) / 150**0.5 < 0.02 * expected  # so the band is narrow
    assert np.mean(gone) == pytest.approx(0.3 * 60, abs=4 * (60 * 0.3 * 0.7 / 150) ** 0.5)


def test_a_fraction_of_a_contact_is_kept_on_average():
    model = Epidemic(population=50, contacts_per_step=2.25)
    numbers = [len(model.people[3].usual_contacts()) for _ in range(4000)]
    assert set(numbers) == {2, 3}
    assert np.mean(numbers) == pytest.approx(2.25, abs=0.03)


def test_in_a_mixed_population_one_meets_everybody_equally_often_but_not_oneself():
    model = Epidemic(population=5, contacts_per_step=1, infected=1)
    met = np.bincount([model.people[2].usual_contacts()[0].place for _ in range(4000)], minlength=5)
    assert met[2] == 0
    assert met[[0, 1, 3, 4]] == pytest.approx(1000, abs=120)


def test_a_link_is_used_as_often_as_contacts_per_step_says_and_hubs_meet_more_people():
    model = Epidemic(
        population=200, contacts="network", graph="barabasi_albert", contacts_per_step=2
    )
    per_person = [len(person.usual_contacts()) for person in model.people for _ in range(40)]
    assert np.mean(per_person) == pytest.approx(2, abs=0.1)
    hub = model.people[int(model.degrees.argmax())]
    meets = np.mean([len(hub.usual_contacts()) for _ in range(500)])
    assert meets == pytest.approx(2 * model.degrees.max() / model.degrees.mean(), rel=0.1)
    assert meets > 6


@pytest.mark.parametrize("contacts", ["mixed", "grid", "network"])
def test_the_same_seed_gives_the_same_run_and_another_seed_another(contacts):
    runs = [
        Epidemic(300, contacts, infected=10, seed=seed, behaviour=Isolate()).run()
        for seed in (3, 3, 4)
    ]
    assert runs[0].equals(runs[1])
    assert not runs[0].equals(runs[2])


# What always holds


@settings(max_examples=25, deadline=None)
@given(
    contacts=st.sampled_from(["mixed", "grid", "network"]), population=st.integers(12, 60),
    transmission=st.floats(0, 1), recovery=st.floats(0.05, 1), immune=st.floats(0, 0.8),
    seed=st.integers(0, 999),
)  # fmt: skip
def test_people_are_conserved_and_nobody_goes_back(
    contacts, population, transmission, recovery, immune, seed
):
    model = Epidemic(
        population, contacts, transmission, recovery, 2, infected=2, immune=immune, seed=seed
    )
    history = model.run(60)
    assert (history[STATES].sum(axis=1) == population).all()
    assert (history["susceptible"].diff().dropna() <= 0).all()
    assert (history["recovered"].diff().dropna() >= 0).all()
    assert (history["new_cases"].iloc[1:] == -history["susceptible"].diff().iloc[1:]).all()
    counted = [sum(person.state == state for person in model.people) for state in STATES]
    assert counted == history[STATES].iloc[-1].tolist()
    ever = [person for person in model.people if person.infected_at is not None]
    assert model.final_size == len(ever) / population == history["new_cases"].sum() / population
    assert sum(model.secondary_cases) == len(ever) - 2
    assert history["recovered"].iloc[0] == round(immune * population)


@pytest.mark.parametrize("contacts", ["mixed", "grid", "network"])
def test_without_transmission_or_without_contacts_nobody_is_infected(contacts):
    for none in ({"transmission": 0}, {"contacts_per_step": 0}):
        model = Epidemic(100, contacts, infected=5, **none)
        model.run()
        assert model.final_size == 0.05
        assert model.R0 == 0


def test_without_recovery_everybody_is_infected_in_the_end_and_the_run_stops_at_its_limit():
    model = Epidemic(60, recovery=0, transmission=0.5, infected=1)
    history = model.run(max_steps=40)
    assert model.steps == 40
    assert model.running
    assert history["infected"].iloc[-1] == 60
    assert model.R0 == float("inf")


def test_running_on_after_the_end_changes_nothing():
    model = Epidemic(50, transmission=0, infected=1, recovery=1)
    first = model.run()
    assert len(first) == 2
    assert model.run().equals(first)


# The structures


def test_a_grid_has_moore_neighbours_and_an_edge():
    assert grid_shape(9) == (3, 3)
    lists = grid_neighbours(9)
    assert sorted(lists[4]) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert sorted(lists[0]) == [1, 3, 4]
    assert sorted(lists[5]) == [1, 2, 4, 7, 8]  # the right edge doesn't wrap around


@given(st.integers(2, 80))
def test_grid_neighbours_are_mutual_and_all_who_are_one_step_away(population):
    rows, columns = grid_shape(population)
    assert (rows - 1) * columns < population <= rows * columns
    lists = grid_neighbours(population)
    places = np.array([divmod(place, columns) for place in range(population)])
    for place, others in enumerate(lists):
        distance = np.abs(places - places[place]).max(axis=1)
        assert sorted(others) == np.flatnonzero(distance == 1).tolist()


def test_the_board_shows_who_is_where():
    model = Epidemic(7, "grid", infected=1, immune=2 / 7, contacts_per_step=2)
    board = model.board
    assert board.shape == (3, 3)
    assert board.ravel()[7:].tolist() == [-1, -1]
    assert board.ravel()[:7].tolist() == [STATES.index(person.state) for person in model.people]
    with pytest.raises(BadInputError, match="contacts='grid'"):
        _ = Epidemic(7).board


def test_a_given_graph_is_used_whatever_its_nodes_are_called():
    graph = nx.Graph([("Ann", "Bo"), ("Bo", "Cy"), ("Cy", "Cy")])
    model = Epidemic(3, "network", contacts_per_step=1, infected=1, graph=graph)
    assert model.degrees.tolist() == [1, 2, 1]  # nobody meets oneself
    assert [[other.place for other in person.neighbours] for person in model.people] == [
        [1],
        [0, 2],
        [1],
    ]


def test_named_networks_have_the_links_they_are_known_for():
    ring = Epidemic(100, "network", mean_degree=6, rewiring=0)
    assert ring.degrees.tolist() == [6] * 100
    assert sorted(other.place for other in ring.people[0].neighbours) == [1, 2, 3, 97, 98, 99]
    hubs = Epidemic(400, "network", graph="barabasi_albert")
    assert hubs.degrees.mean() == pytest.approx(8, abs=0.2)
    assert hubs.degrees.max() > 40


def test_immunising_hubs_takes_those_with_most_neighbours():
    settings = {"contacts": "network", "graph": "barabasi_albert", "immune": 0.1, "infected": 3}
    model = Epidemic(300, immunise="hubs", **settings)
    immune = np.array([person.state == "recovered" for person in model.people])
    assert immune.sum() == 30
    assert model.degrees[immune].min() >= model.degrees[~immune].max()
    sizes = {
        way: np.mean(
            [
                Epidemic(300, immunise=way, seed=seed, **settings).run()["new_cases"].sum()
                for seed in range(8)
            ]
        )
        for way in ("random", "hubs")
    }
    assert sizes["hubs"] < 0.8 * sizes["random"]


# Theory


def test_an_infection_takes_a_link_as_often_as_the_formula_says():
    """Two people, one link: T = q / (q + gamma − q · gamma)."""
    link = nx.path_graph(2)
    sizes = []
    for seed in range(1500):
        model = Epidemic(2, "network", 0.4, 0.3, 0.5, infected=1, graph=link, seed=seed)
        model.run()
        sizes.append(model.cases - 1)
    passed_on = 0.2 / (0.2 + 0.3 - 0.2 * 0.3)
    assert np.mean(sizes) == pytest.approx(passed_on, abs=0.045)
    assert reproduction_number(0.4, 0.3, 0.5, [3, 3]) == pytest.approx(2 * T(0.4 * 0.5 / 3, 0.3))


def T(along_link, recovery):
    """Return the probability that a link is taken before the case ends: a sum over its length."""
    steps = np.arange(1, 2000)
    return float((recovery * (1 - recovery) ** (steps - 1) * (1 - (1 - along_link) ** steps)).sum())


def test_R0_is_what_one_case_passes_on_in_a_mixed_population():
    passed_on = []
    for seed in range(120):
        model = Epidemic(
            1500, transmission=0.1, recovery=0.25, contacts_per_step=5, infected=1, seed=seed
        )
        first = next(person for person in model.people if person.state == "infected")
        while first.state == "infected":
            model.step()
        passed_on.append(first.passed_on)
    assert model.R0 == pytest.approx(2.0)
    assert np.mean(passed_on) == pytest.approx(2.0, abs=0.65)


def test_R0_of_a_network_is_what_its_second_generation_passes_on():
    """On a random regular graph, where friends of friends are hardly friends."""
    graph = nx.random_regular_graph(6, 3000, seed=1)
    passed_on = []
    for seed in range(20):
        model = Epidemic(3000, "network", 0.15, 0.2, 3, infected=15, graph=graph, seed=seed)
        model.run(18)
        passed_on += [
            p.passed_on for p in model.people if p.state == "recovered" and p.infected_at in (1, 2)
        ]
    # By step 18, almost all of those cases are over.
    assert model.R0 == pytest.approx(5 * T(0.15 * 3 / 6, 0.2))
    assert np.mean(passed_on) == pytest.approx(model.R0, rel=0.12)


def gap_to_the_equation(days_a_step):
    """Return the largest gap of agents and equation, in any state at any time, as a share of all.

    A tenth is infected at the start, so that chance does little; the mean of three runs.
    """
    theory = sir_curve(beta=0.5, gamma=0.2, population=3000, infected=300, steps=40)[STATES]
    steps, curves = round(40 / days_a_step), []
    for seed in range(3):
        rates = {"transmission": 0.1 * days_a_step, "recovery": 0.2 * days_a_step}
        model = Epidemic(3000, contacts_per_step=5, infected=300, seed=seed, **rates)
        curves.append(model.run(steps)[STATES].reindex(range(steps + 1), method="ffill").to_numpy())
    shown = np.arange(0, steps + 1, max(1, round(1 / days_a_step)))
    days = (shown * days_a_step).round().astype(int)
    return np.abs(np.mean(curves, axis=0)[shown] - theory.loc[days].to_numpy()).max() / 3000


def test_the_mixed_model_agrees_with_the_differential_equation_in_small_steps():
    assert gap_to_the_equation(days_a_step=0.25) < 0.04


def test_large_steps_bend_the_curve_away_from_the_equation():
    """So the band above is narrow enough to see a difference."""
    assert gap_to_the_equation(days_a_step=4) > 0.08


def test_below_one_an_outbreak_dies_out():
    sizes = []
    for seed in range(30):
        model = Epidemic(
            1000, transmission=0.01, recovery=0.1, contacts_per_step=5, infected=5, seed=seed
        )
        model.run()
        assert not model.running
        sizes.append(model.final_size)
    assert model.R0 == pytest.approx(0.5)
    assert np.mean(sizes) == pytest.approx(5 / 1000 / (1 - 0.5), rel=0.35)  # 1 + R0 + R0² + …
    assert max(sizes) < 0.06


def test_enough_immune_people_protect_the_others():
    shares = [0.0, herd_immunity(2.5) + 0.15]
    table = immunity_sweep(shares, seeds=range(12), population=800, infected=4)
    assert table.attrs["R0"] == 2.5
    assert len(table) == 24
    free, protected = (table.loc[table["immune"] == share, "final_size"] for share in shares)
    assert free.median() == pytest.approx(final_size(2.5), abs=0.05)
    assert protected.max() < 0.1
    assert (table["peak"] <= table["final_size"]).all()


def test_the_agents_end_where_the_final_size_says():
    sizes = [
        Epidemic(1500, immune=0.3, infected=20, seed=seed).run()["new_cases"].sum() / 1500
        for seed in range(6)
    ]
    assert np.mean(sizes) == pytest.approx(final_size(2.5, immune=0.3), abs=0.04)


@given(st.floats(0, 30), st.floats(0, 1))
def test_the_final_size_solves_its_equation(R0, immune):
    size = final_size(R0, immune)
    assert size == pytest.approx((1 - immune) * (1 - np.exp(-R0 * size)), abs=1e-6)
    assert 0 <= size <= 1 - immune
    assert (size > 0) == (R0 * (1 - immune) > 1) or abs(R0 * (1 - immune) - 1) < 1e-6


def test_herd_immunity_is_where_the_final_size_vanishes():
    for R0 in (1.2, 2.5, 12):
        assert final_size(R0, herd_immunity(R0) + 0.001) == 0
        assert final_size(R0, herd_immunity(R0) - 0.01) > 0
    assert herd_immunity(0.8) == herd_immunity(0) == 0
    assert herd_immunity(float("inf")) == final_size(float("inf")) == 1


def test_the_equation_conserves_people_and_peaks_where_it_must():
    curve = sir_curve(beta=0.5, gamma=0.2, population=1000, infected=1, immune=0.1, steps=200)
    assert curve[STATES].sum(axis=1).to_numpy() == pytest.approx(1000)
    assert curve["recovered"].iloc[0] == 100
    peak = curve["infected"].idxmax()
    assert (
        curve.loc[peak + 1, "susceptible"] < 1000 * 0.2 / 0.5 < curve.loc[peak - 1, "susceptible"]
    )
    assert curve["new_cases"].sum() / 1000 == pytest.approx(final_size(2.5, 0.1), abs=0.002)


# Behaviour


def test_people_cut_their_contacts_above_the_threshold_and_return_when_it_is_over():
    rule = CutContacts(above=0.1, to=0.25, below=0.05)
    model = Epidemic(100, infected=1, behaviour=rule, transmission=0)
    kept = []
    for infected in (5, 11, 9, 6, 5, 4, 9, 10, 12):
        model.infected = infected  # what the news says
        kept.append(rule(model.people[0]))
    assert kept == [1, 0.25, 0.25, 0.25, 0.25, 1, 1, 1, 0.25]


def test_only_the_share_who_comply_cut_their_contacts():
    rule = CutContacts(above=0.0, to=0.0, share=0.4)
    model = Epidemic(2000, behaviour=rule, transmission=0)
    model.step()
    assert model.contacts_kept == pytest.approx(0.6, abs=0.04)
    assert {person.keeps for person in model.people if person.disposition < 0.4} == {0.0}


def test_infected_people_isolate_after_their_first_steps():
    model = Epidemic(
        10, infected=1, transmission=0, recovery=0, behaviour=Isolate(share=1.0, after=2)
    )
    sick = next(person for person in model.people if person.state == "infected")
    kept = []
    for _ in range(4):
        model.step()
        kept.append(sick.keeps)
    assert kept == [1, 1, 0, 0]
    assert {person.keeps for person in model.people if person is not sick} == {1.0}


def test_the_more_careful_of_two_decides_whether_they_meet():
    model = Epidemic(
        2, contacts_per_step=1, infected=1, behaviour=lambda person: 0.6 if person.place else 0.3
    )
    model.decide()
    for person in model.people:  # 0.3, not 0.6 · 0.3
        met = np.mean([len(person.meetings()) for _ in range(3000)])
        assert met == pytest.approx(0.3, abs=0.03)


def test_behaviour_makes_epidemics_smaller_and_flatter():
    def outcome(rule):
        models = [Epidemic(800, seed=seed, infected=8, behaviour=rule) for seed in range(5)]
        peaks = [model.run()["infected"].max() for model in models]
        return np.mean([model.final_size for model in models]), np.mean(peaks) / 800

    usual, careful = outcome(None), outcome(CutContacts(above=0.03, to=0.3))
    isolating = outcome(Isolate(share=0.9, after=2))
    assert careful[0] < usual[0] - 0.1
    assert careful[1] < 0.6 * usual[1]
    assert isolating[0] < 0.2


def test_no_behaviour_is_the_same_as_keeping_all_contacts_in_law():
    sizes = [
        np.mean(
            [
                Epidemic(400, seed=seed, infected=10, behaviour=rule).run()["new_cases"].sum()
                for seed in range(8)
            ]
        )
        for rule in (None, lambda person: 1.0)
    ]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.06)


def test_of_several_rules_the_strictest_counts():
    assert together(lambda person: 0.7, lambda person: 0.4)(None) == 0.4


# Bad input


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"population": 0}, "population is 0. Give a whole number, 2 or more"),
        ({"population": 1}, "population is 1"),
        ({"population": -5}, "population is -5"),
        ({"population": 10.5}, "population is 10.5"),
        ({"population": True}, "population is True"),
        ({"transmission": -0.1}, "transmission is -0.1. Give a number, from 0 to 1"),
        ({"transmission": 1.5}, "transmission is 1.5"),
        ({"transmission": "high"}, "transmission is 'high'"),
        ({"recovery": float("nan")}, "recovery is nan"),
        ({"recovery": 2}, "recovery is 2"),
        ({"contacts_per_step": -1}, "contacts_per_step is -1. Give a number, 0 or more"),
        ({"contacts_per_step": float("inf")}, "contacts_per_step is inf"),
        ({"contacts": "grid", "contacts_per_step": 9}, "neighbours on average"),
        ({"infected": 0}, "infected is 0. Give a whole number, 1 or more"),
        ({"infected": 60, "immune": 0.5}, "50 are immune and 60 infected"),
        ({"immune": 1.0}, "Lower immune or infected"),
        ({"immune": None}, "immune is None"),
        ({"behaviour": 0.5}, "should be a function"),
        ({"graph": nx.path_graph(100)}, "Give contacts='network' as well"),
        ({"contacts": "network", "graph": nx.path_graph(5)}, "Give population=5"),
        ({"contacts": "network", "graph": nx.DiGraph([(0, 1)])}, "to_undirected"),
        ({"contacts": "network", "graph": [(0, 1)]}, "graph is a list"),
        ({"contacts": "network", "graph": nx.empty_graph(100)}, "0.00 neighbours on average"),
        ({"contacts": "network", "mean_degree": 7}, "even number"),
        ({"contacts": "network", "mean_degree": 100}, "smaller than the population"),
        ({"contacts": "network", "rewiring": 1.2}, "rewiring is 1.2"),
    ],
)  # fmt: skip
def test_bad_input_says_what_is_wrong(settings, words):
    with pytest.raises(BadInputError) as caught:
        Epidemic(**{"population": 100, **settings})
    assert words in str(caught.value)


@pytest.mark.parametrize("seed", [-1, "seven", 1.5])
def test_a_seed_is_a_whole_number_from_0(seed):
    with pytest.raises(SettingError, match=f"The seed is {seed!r}. Choose a whole number from 0."):
        Epidemic(100, seed=seed)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"contacts": "netwrok"}, "Did you mean 'network'?"),
        ({"contacts": "network", "graph": "barabasi"}, "Did you mean 'barabasi_albert'?"),
        ({"immunise": "hub"}, "Did you mean 'hubs'?"),
    ],
)
def test_unknown_names_are_answered_with_the_known_ones(settings, words):
    with pytest.raises(UnknownNameError) as caught:
        Epidemic(**settings)
    assert words in str(caught.value)


@pytest.mark.parametrize("returned", [1.5, -0.1, float("nan"), None, "half"])
def test_a_rule_must_return_a_share(returned):
    model = Epidemic(20, behaviour=lambda person: returned)
    with pytest.raises(BadInputError, match="from 0 to 1"):
        model.step()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: CutContacts(above=1.2),
        lambda: CutContacts(to=-0.1),
        lambda: CutContacts(above=0.05, below=0.1),
        lambda: Isolate(after=-1),
        lambda: Isolate(after=1.5),
        lambda: Isolate(share=2),
        lambda: together(),
        lambda: sir_curve(-0.1, 0.1),
        lambda: sir_curve(0.1, 0.1, population=10, infected=20),
        lambda: sir_curve(0.1, 0.1, steps=0),
        lambda: final_size(-1),
        lambda: final_size(2, immune=1.1),
        lambda: herd_immunity("two"),
        lambda: immunity_sweep([]),
        lambda: Epidemic(20).run(max_steps=-1),
    ],
)
def test_bad_input_elsewhere_is_a_workshop_error(wrong):
    with pytest.raises(WorkshopError):
        wrong()


def test_persons_are_mesa_agents():
    model = Epidemic(30)
    assert len(model.agents) == 30
    assert all(isinstance(agent, Person) for agent in model.agents)
