"""The cost of fluctuations: nil where there are none, and closed forms of its pieces."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deepham import economics
from deepham.errors import InputError
from deepham.reference.grid import GridFunction
from deepham.reference.household import HouseholdProblem
from deepham.reference.settings import ReferenceSettings
from deepham.reference.stationary import solve_stationary
from deepham.reference.transition import solve_transition
from deepham.report.welfare import cost_of_fluctuations
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population, concatenate
from deepham.solution.solved import SolvedEconomy
from deepham.solution.welfare import equivalent

SETTINGS = ReferenceSettings(
    k_nodes=150,
    K_nodes=3,
    K_width=0.2,
    top=6.0,
    histogram_nodes=150,
    economies=1,
    burn_in=0,
    periods=100,
    tolerance=1e-6,
    damping=0.25,
    iterations=60,
    seed=1,
)
FIND, LOSE = 0.6, 0.6 * 0.07 / 0.93
CHAIN = np.array([[1 - FIND, FIND], [LOSE, 1 - LOSE]])


@pytest.fixture(scope="module")
def calm():
    return economics.create("ks98", beta=0.97, productivity=[1.0], unemployment=[0.07], chain_matrix=CHAIN.tolist())


@pytest.fixture(scope="module")
def rest(calm):
    """Its stationary equilibrium, with the value function there."""
    equilibrium = solve_stationary(calm, SETTINGS)
    grid = equilibrium.policy.grid
    value = HouseholdProblem(calm, equilibrium.law, grid).value(equilibrium.policy.values)
    return equilibrium, GridFunction(grid, value, None)


def start_of(rest):
    ergodic = rest[0].ergodic
    return Population.histogram(ergodic.grid, ergodic.mean_mass.reshape(1, 2, -1))


def test_who_starts_at_rest_stays_there(calm, rest):
    path = solve_transition(calm, start_of(rest), SETTINGS, periods=60)
    assert (path.K / path.stationary_K - 1).abs().max() < 1e-5
    start = start_of(rest)
    c = rest[0].policy(World(calm).observe(Panel(start, torch.zeros(1, 1, dtype=torch.long))))
    lifetime = start.mean(calm.preferences.utility(c)) / (1 - calm.beta)
    gap = float(start.mean(path.value_at(start.k, start.eps)) - lifetime)
    assert abs(gap) < 0.01, "the lottery of the histogram disperses consumption, nothing else does"
    distance = path.value - rest[1].values[0, :, 1]  # of the value function at the K where it rests: a constant
    assert float(distance.std()) < 1e-4 and abs(float(distance.mean())) < 0.05


def test_who_differ_in_patience_stay_at_rest_too():
    """Each discounts by its own factor, in its choices, its value and the error of that."""
    settings = replace(SETTINGS, k_nodes=50, histogram_nodes=50)
    given = {"productivity": [1.0], "unemployment": [0.07], "chain_matrix": CHAIN.tolist(), "limit": 0.0}
    economy = economics.create("ks98_beta", beta=0.94, spread=0.02, stay=0.9, **given)
    rest = solve_stationary(economy, settings)
    start = Population.histogram(rest.ergodic.grid, rest.ergodic.mean_mass.reshape(1, 6, -1))
    path = solve_transition(economy, start, settings, periods=20)
    assert (path.K / path.stationary_K - 1).abs().max() < 1e-4
    value = HouseholdProblem(economy, rest.law, rest.policy.grid).value(rest.policy.values)[0, :, 1]
    distance = path.value - value  # the error of each type's value is its own
    assert float(distance.reshape(3, -1).std(1).max()) < 1e-3 and abs(float(distance.mean())) < 0.05


def test_whose_lives_end_stay_at_rest_too():
    """Backward induction over ages, and over periods, is the same; in the last year V is the utility of the period."""
    settings = replace(SETTINGS, k_nodes=50, histogram_nodes=40, top=10.0)
    short = {"ages": 6, "working": 4, "incomes": 2, "mode": 28.0, "spread": 3.0, "capital": 1.0}
    economy = economics.create("life_cycle", **short, productivity=[1.0])
    rest = solve_stationary(economy, settings)
    start = Population.histogram(rest.ergodic.grid, rest.ergodic.mean_mass.reshape(1, 12, -1))
    path = solve_transition(economy, start, settings)
    assert len(path.K) == 60 and (path.K / path.stationary_K - 1).abs().max() < 1e-4
    value = HouseholdProblem(economy, rest.law, rest.policy.grid).value(rest.policy.values)[0, :, 1]
    consumed = economy.preferences.utility(rest.policy.values[0, -2:, 1])
    torch.testing.assert_close(value[-2:], consumed, rtol=1e-6, atol=1e-9)
    distance = path.value - value  # the error of each age's value is its own
    assert float(distance.reshape(6, -1).std(1).max()) < 1e-3 and abs(float(distance.mean())) < 0.05
    # of two aggregate states that are alike nobody pays for, nor among the newborn, who are all of one income
    values = (rest.policy, GridFunction(rest.policy.grid, value[None, :, None].expand(1, -1, 3, -1), None))
    policy, value = (replace(each, values=each.values.repeat(2, 1, 1, 1)) for each in values)
    both = replace(economy, productivity=[1.0, 1.0])
    mass = rest.ergodic.mean_mass.repeat(2, 1)
    solved = SolvedEconomy("life_cycle", both, policy, value, rest.ergodic.grid, mass)
    cost = cost_of_fluctuations(solved, path, Panel(start, torch.zeros(1, 1, dtype=torch.long)))
    # but for what the cubic of a mean is off the mean of cubics, a two hundredth of what values are corrected by
    assert cost.shares.min() == 0 and np.abs([cost.mean, *cost.by_state]).max() < 1e-5 and cost.level_error > 5e-4


@pytest.mark.slow
def test_the_path_fulfils_its_own_forecast_and_does_not_depend_on_its_length(calm, rest):
    start = start_of(rest)
    poorer = start.with_assets(0.9 * start.k)
    short, long = (solve_transition(calm, poorer, SETTINGS, periods) for periods in (250, 350))
    assert float(short.K[0]) == pytest.approx(0.9 * short.stationary_K, rel=1e-4)
    assert (short.K / long.K[:250] - 1)[:150].abs().max() < 1e-5 and (short.K[1:60].diff() > 0).all()
    assert float((short.value - long.value).abs().max()) < 1e-3
    at_rest = solve_transition(calm, start, SETTINGS, 60)
    k = torch.tensor([1.0, 1.0, 10.0], dtype=torch.float64)
    eps = torch.tensor([0, 1, 1])
    assert (short.value_at(k, eps) < at_rest.value_at(k, eps)).all(), "wages are lower"


def test_an_economy_with_aggregate_risk_has_no_path_to_foresee(ks98, rest):
    with pytest.raises(InputError, match="one aggregate state"):
        solve_transition(ks98, start_of(rest), SETTINGS)


def test_an_economy_whose_markets_clear_within_the_period_has_none_yet(rest):
    calm = economics.create("ks98_labour").without_aggregate_risk()
    with pytest.raises(InputError, match="L of every period"):
        solve_transition(calm, start_of(rest), SETTINGS)


def test_fluctuations_that_move_nothing_cost_nothing(calm, rest):
    """Two aggregate states that are alike: the twin without aggregate risk is the economy itself."""
    both = np.kron(np.full((2, 2), 0.5), CHAIN)
    economy = replace(calm, productivity=[1.0, 1.0], unemployment=[0.07, 0.07], chain_matrix=both.tolist())
    policy, value = (replace(each, values=each.values.repeat(2, 1, 1, 1)) for each in (rest[0].policy, rest[1]))
    ergodic = rest[0].ergodic
    solved = SolvedEconomy("ks98", economy, policy, value, ergodic.grid, ergodic.mean_mass.repeat(2, 1))
    path = solve_transition(economy.without_aggregate_risk(), solved.pooled, SETTINGS, periods=60)
    dates = Panel(start_of(rest), torch.zeros(1, 1, dtype=torch.long))
    cost = cost_of_fluctuations(solved, path, dates)
    assert abs(cost.mean) < 1e-4 and np.abs(cost.by_state).max() < 1e-4
    assert 0 < cost.level_error < 0.1, "linear interpolation of the value function errs downwards"
    people = start_of(rest)
    dates = [Panel(people.with_assets(factor * people.k), torch.zeros(1, 1, dtype=torch.long)) for factor in (0.9, 1.1)]
    one, other = (cost_of_fluctuations(solved, path, date).level_error for date in dates)
    both = Panel(concatenate([date.population for date in dates]), torch.zeros(2, 1, dtype=torch.long))
    assert cost_of_fluctuations(solved, path, both).standard_error == pytest.approx(abs(one - other) / 2) != 0
    assert cost.wealth == pytest.approx(sorted(cost.wealth)) and cost.groups.shape == (9, 2)
    weights = np.array([0.01, 0.04, 0.15, 0.2, 0.2, 0.2, 0.15, 0.04, 0.01])
    assert weights @ cost.wealth == pytest.approx(float(ergodic.K[0, 0]), rel=1e-6)


@pytest.mark.parametrize("sigma", [1.0, 0.5, 3.0])
def test_the_equivalent_of_consumption_that_is_three_percent_higher(calm, sigma):
    economy = replace(calm, sigma=sigma)
    c = torch.tensor([0.5, 2.0], dtype=torch.float64)
    lifetime = economy.preferences.utility(c) / (1 - economy.beta)
    raised = economy.preferences.utility(1.03 * c) / (1 - economy.beta)
    np.testing.assert_allclose(
        equivalent(economy, raised.numpy(), lifetime.numpy(), 1 / (1 - economy.beta)), 3.0, rtol=1e-9
    )
