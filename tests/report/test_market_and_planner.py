"""Lifetime utility of a policy along given paths: sums written down by hand, and what is known of an economy at
rest."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from walking import externality

from deepham import economics
from deepham.economics.planner import under
from deepham.errors import InputError
from deepham.reference.grid import GridFunction
from deepham.reference.household import HouseholdProblem
from deepham.reference.settings import ReferenceSettings
from deepham.reference.stationary import solve_stationary
from deepham.report.takeover import _jackknife, follow, statistics, take_over
from deepham.simulation.continuum import wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.solution.solved import SolvedEconomy

SETTINGS = ReferenceSettings(
    k_nodes=100,
    K_nodes=3,
    K_width=0.2,
    top=6.0,
    histogram_nodes=100,
    economies=1,
    burn_in=0,
    periods=100,
    tolerance=1e-6,
    damping=0.25,
    iterations=60,
    seed=1,
)
LOW, HIGH = 1.0, 5.0


@pytest.fixture(scope="module")
def rest():
    """An economy without aggregate shocks, solved: (economy, equilibrium, nodes, its stationary cross-section)."""
    economy = economics.create(
        "davila12",
        beta=0.93,
        productivity=[1.0],
        efficiency=[LOW, HIGH],
        chains=[[[0.9, 0.1], [0.1, 0.9]]],
        labour_supply=[3.0],
        stated_return=1.05,
    )
    equilibrium = solve_stationary(economy, SETTINGS)
    nodes = equilibrium.ergodic.grid
    return economy, equilibrium, nodes, Population.histogram(nodes, equilibrium.ergodic.mean_mass.reshape(1, 2, -1))


def solved(economy, policy, grid, mass):
    return SolvedEconomy("davila12", economy, policy, policy, grid, mass)


def test_without_individual_risk_it_is_the_sum_that_one_writes_down():
    """All save the same share, so that capital and each household's assets follow a recursion in one number."""
    economy = economics.create("davila12", efficiency=[2.0], chains=[[[1.0]], [[1.0]]])
    grid = wealth_grid(economy, 1200, 20.0)
    mass = torch.zeros(1, 1, 1200, dtype=torch.float64)
    mass[0, 0, [80, 240]] = 0.5
    start, z = Population.histogram(grid, mass), torch.tensor([[1, 1, 0, 1, 0, 0, 1]])[..., None]
    found = follow(World(economy, lambda seen: 0.6 * seen.resources), grid, start, z)
    k, K, expected, discount = grid, start.mean(start.k), 0.0, 1.0
    for t in range(7):
        prices = economy.prices({"K": K}, z[:, t])
        m = prices["R"] * k + 2 * prices["w"]
        expected = expected + discount * economy.preferences.utility(0.6 * m) / ((1 - economy.beta) if t == 6 else 1)
        assert float(found.K[0, t]) == pytest.approx(float(K), rel=1e-12)
        k, K, discount = 0.4 * m, 0.4 * (prices["R"] * K + 2 * prices["w"]), discount * economy.beta
    # of a quarter of the nodes thirteen times as much
    torch.testing.assert_close(found.value, expected, rtol=2e-4, atol=0)
    torch.testing.assert_close(found.consumption[0], 0.6 * World(economy).observe(Panel(start, z[:, 0])).resources[0])


def test_at_rest_everybody_together_has_the_utility_of_a_period_for_ever(rest):
    economy, equilibrium, nodes, population = rest
    policy = equilibrium.policy.on_histogram(nodes)
    found = follow(World(economy, policy), nodes, population, torch.zeros(1, 250, 1, dtype=torch.long))
    utility = economy.preferences.utility(
        policy(World(economy).observe(Panel(population, torch.zeros(1, 1, dtype=torch.long))))
    )
    lifetime = population.mean(utility) / (1 - economy.beta)
    torch.testing.assert_close(population.mean(found.value), lifetime, rtol=2e-4, atol=0)
    value = GridFunction(
        equilibrium.policy.grid,
        HouseholdProblem(economy, equilibrium.law, equilibrium.policy.grid).value(equilibrium.policy.values),
        None,
    )
    by_the_grid = value(World(economy).observe(Panel(population, torch.zeros(1, 1, dtype=torch.long))))
    assert float(population.mean((found.value - by_the_grid).abs())) < 1e-3 * float(lifetime.abs())
    assert float((found.K / equilibrium.ergodic.K[0, 0] - 1).abs().max()) < 1e-5


def test_capital_is_worth_to_others_what_the_planner_says(rest):
    economy, equilibrium, nodes, population = rest
    policy, z = equilibrium.policy.on_histogram(nodes), torch.zeros(1, 3, 1, dtype=torch.long)
    marginal = population.mean(
        economy.preferences.marginal_utility(policy(World(economy).observe(Panel(population, z[:, 0]))))
    )
    expected = 100 * externality(World(economy, policy), Panel(population, z[:, 0])) / marginal
    torch.testing.assert_close(follow(World(economy, policy), nodes, population, z).worth[:, :1], expected)
    path = solved(economy, policy, nodes, population.weight).simulate(3)
    assert path["externality"].values[0, 0] == pytest.approx(float(expected), rel=1e-9)
    assert path["externality"].attrs["units"] == "percent per year"


def test_nobody_gains_from_a_planner_that_changes_nothing_and_all_from_one_that_gives(rest):
    economy, equilibrium, nodes, population = rest
    policy = equilibrium.policy
    market = solved(economy, policy, nodes, population.weight)
    same = take_over(
        ("market", market), ("planner", solved(under(economy, "planner"), policy, nodes, population.weight)), 4, 0
    )
    assert abs(float(same.mean.value)) < 1e-9 and float(same.gaining.value) == 0 and np.abs(same.first).max() < 1e-9
    assert np.isnan(same.mean.se) and same.wealth == pytest.approx(sorted(same.wealth))

    def richer(seen):  # production that is not there
        return 1.02 * policy(seen)

    class Gives(type(economy)):
        def resources(self, k, eps, z, prices):
            m = super().resources(k, eps, z, prices)
            return (
                m + 0.02 * policy(World(economy).observe(Panel(population, z))) if m.shape == population.k.shape else m
            )

    giving = under(Gives(**economy.parameters()), "planner")
    gains = take_over(("market", market), ("planner", solved(giving, richer, nodes, population.weight)), 4, 0)
    np.testing.assert_allclose(gains.gain[population.weight.reshape(2, -1).numpy() > 1e-6], 2.0, rtol=0.05)
    assert float(gains.gaining.value) == pytest.approx(1) and float(gains.veil.value) == pytest.approx(2.0, rel=0.02)
    np.testing.assert_allclose(gains.groups.value[:, -1], 2.0, rtol=0.05)


def test_a_planner_of_another_calibration_is_refused(rest):
    economy, equilibrium, nodes, population = rest
    both = [
        solved(each, equilibrium.policy.on_histogram(nodes), nodes, population.weight)
        for each in (economy, under(replace(economy, sigma=3.0), "planner"))
    ]
    with pytest.raises(InputError, match="different calibrations"):
        take_over(*zip(("market", "planner"), both), 4, 0)


def test_the_standard_error_of_a_mean_is_the_textbook_one():
    draws, stratum = np.random.default_rng(0).normal(size=(12, 2)), np.repeat([0, 1], 6)
    left_out = np.stack([sum(draws[(stratum == s) & (np.arange(12) != i)].mean(0) for s in (0, 1)) for i in range(12)])
    expected = np.sqrt(sum(draws[stratum == s].var(0, ddof=1) / 6 for s in (0, 1)))
    np.testing.assert_allclose(_jackknife(left_out, stratum), expected, rtol=1e-12)


def test_statistics_are_means_over_time_by_the_aggregate_state():
    economy = economics.create("davila12")
    grid = wealth_grid(economy, 40, 10.0)
    mass = torch.zeros(2, 3 * 40, dtype=torch.float64)
    mass[:, [5, 55, 95]] = torch.tensor([0.5, 0.45, 0.05], dtype=torch.float64)
    half = solved(economy, lambda seen: 0.5 * seen.resources, grid, mass)
    path = half.simulate(50, economies=3, seed=1)
    found, z = statistics(economy, path), path["z"].values
    K, C = path["K"].values, path["C"].values
    assert found["K"] == pytest.approx((K.mean(), K.mean(1).std(ddof=1) / 3**0.5))
    assert found["K, good"][0] == pytest.approx(np.mean([row[state == 1].mean() for row, state in zip(K, z)]))
    assert found["C_cv"][0] == pytest.approx((path["C_sd"].values / C).mean())
    assert {"Y", "K/Y", "r", "cv", "gini", "C_gini", "externality", "externality, bad"} < set(found)
    assert np.isnan(statistics(economy, path.isel(economy=slice(1)))["K"][1])
