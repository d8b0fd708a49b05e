"""A life cycle: what is paid adds up, ages are moved by few successors, bad demographics are refused in one line."""

import pytest
import torch

from deepham import economics
from deepham.algorithm.by_age import profile
from deepham.economics.generations import Generations
from deepham.errors import InputError
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.reference.at_rest import settled
from deepham.reference.families import family_of
from deepham.reference.settings import settings_for
from deepham.reference.stationary import solve_stationary
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Observation, Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel, walk

SHORT = {"ages": 8, "working": 5, "incomes": 3, "mode": 28.0, "spread": 3.0, "capital": 1.5}


@pytest.fixture
def short():
    return economics.create("life_cycle", **SHORT)


def halves(seen):
    return seen.resources / 2


def test_contributions_pay_for_the_pensions_and_goods_add_up_in_every_period(short, seeded):
    shares = short.chain.eps_shares()
    assert float(shares @ short.paid) == pytest.approx(float(shares @ short.units), rel=1e-12)
    grid = wealth_grid(short, 60, 8.0)
    start = initial_panel(short, 2, 500, seeded())
    people = on_grid(grid, start.population, short.chain.n_eps)
    mass = short.chain.settled(people.weight.reshape(2, -1, len(grid)))
    people = Population.histogram(grid, mass)
    for period in walk(World(short, halves), Panel(people, start.z), 6, seeded(1), grid):
        books = period.accounts
        torch.testing.assert_close(books["Y"], books["C"] + books["I"], rtol=1e-10, atol=0)


def test_states_have_a_handful_of_successors_and_the_shares_are_those_that_they_lead_to():
    economy = economics.create("life_cycle")
    chain = economy.chain
    assert chain.successors.shape == (300, 6)  # five incomes of the next age, and the newborn's
    torch.testing.assert_close(chain.shares @ chain.average(), chain.shares, rtol=1e-12, atol=1e-16)
    assert economy.last().nonzero().flatten().tolist() == list(range(295, 300))


def test_networks_see_ages_on_a_scale_and_who_has_no_tomorrow_keeps_nothing(seeded):
    economy = economics.create("life_cycle")
    shape = NetworkSettings("test", 4, 1, "tanh", "typical", 10.0, 1)
    policy, _ = build_networks(economy, shape, 1)
    assert policy.inputs.size < 12
    panel = initial_panel(economy, 1, 600, seeded())
    period = World(economy, policy.double()).period(panel)
    last = economy.age_of(panel.population.eps) == 59
    assert bool(last.any()) and float((period.carried / period.seen.resources)[last].max()) < 1e-5
    assert float((period.carried / period.seen.resources)[~last].max()) > 0.5


@pytest.mark.parametrize(
    ("survival", "incomes", "says"),
    [
        ([1.0, 1.2, 0.0], [[1.0]], r"survival: expected probabilities in \[0, 1\], got \[1.2\]"),
        ([1.0, -0.1, 0.0], [[1.0]], r"survival: .*got \[-0.1\]"),
        ([1.0, 0.9, 0.5], [[1.0]], "the last age goes on with probability 0.5; expected 0"),
        ([1.0, 0.9, 0.0], [[1.0, 0.0], [0.0, 1.0]], "incomes: some states are never left"),
        ([], [[1.0]], "survival: expected a list of probabilities"),
    ],
)
def test_bad_demographics_are_one_line(survival, incomes, says):
    newborn = [1.0] + [0.0] * (len(incomes) - 1)
    with pytest.raises(InputError, match=says) as refused:
        Generations(survival, incomes, newborn, [[1.0]])
    assert "\n" not in str(refused.value)


def test_newborn_whose_shares_are_none_are_refused():
    with pytest.raises(InputError, match=r"newborn: expected shares of incomes that sum to 1, got \[0.5, 0.2\]"):
        Generations([1.0, 0.0], [[0.9, 0.1], [0.1, 0.9]], [0.5, 0.2], [[1.0]])


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"working": 60}, "working: "), ({"replacement": 4.0}, "replacement: "), ({"ages": 1}, "ages: ")],
)
def test_bad_parameters_are_one_line(changes, says):
    with pytest.raises(InputError, match=says):
        economics.create("life_cycle", **changes)


def test_the_grid_finds_the_k_that_households_hold_and_nobody_keeps_anything_at_the_end(short):
    """By backward induction over ages: a step of the endogenous grid is an age."""
    rest = short.without_aggregate_risk()
    grid = settings_for("life_cycle", {"k_nodes": 60, "histogram_nodes": 250, "top": 10.0, "tolerance": 1e-4})
    solved = solve_stationary(rest, grid)
    K = float(solved.ergodic.K[0, -1])
    nodes, family = solved.ergodic.grid, family_of(rest)
    people, choice = settled(rest, solved.policy.on_histogram(nodes), nodes, K, family)
    assert float(people.mean(people.k)) == pytest.approx(K, rel=1e-3)
    found = profile(rest, people, choice["c"])
    torch.testing.assert_close(found["share"].sum(), torch.ones((), dtype=torch.float64))
    # what the oldest consume is all that they have
    R, w = rest.firm.prices(K, rest.labour, 1.0).values()
    assert float(found["consumption"][-1]) == pytest.approx(R * float(found["assets"][-1]) + w * rest.pension, rel=1e-4)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_v_starts_from_what_the_plan_without_risk_is_worth(sigma):
    """It solves the Bellman equation of those who are rich enough for no limit, without risk at the prices of rest."""
    economy = economics.create("life_cycle", **SHORT | {"sd": 0.0, "sigma": sigma, "productivity": [1.0]})
    eps = economy.incomes * torch.arange(economy.ages)[None]
    k = torch.full(eps.shape, 40.0, dtype=torch.float64)
    z = torch.zeros(1, 1, dtype=torch.long)
    prices = economy.prices({"K": k.new_full((1, 1), economy.capital)}, z)

    def value(k, eps):
        seen = Observation(economy.resources(k, eps, z, prices), k, eps, z, None, {}, prices)
        return economy.planned(seen, torch.zeros_like(k)), economy.substitution(seen) * economy.typical_state()["c"]

    v, c = value(k, eps)
    carried = economy.resources(k, eps, z, prices) - c
    tomorrow, _ = value(carried[:, :-1], eps[:, 1:])
    expected = economy.preferences.utility(c)
    expected[:, :-1] += economy.beta * economy.survival[:-1] * tomorrow
    torch.testing.assert_close(v, expected, rtol=1e-9, atol=1e-9)
