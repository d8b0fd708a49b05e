"""The premium that a planner pays for assets: against the formulas of Davila et al. (2012), against prices that really
move, and in the fixed point of the grid method.
"""

import copy
import math
import pickle
from dataclasses import replace

import pytest
import torch
from walking import externality

from deepham import economics
from deepham.algorithm.objective import lifetime_utility
from deepham.algorithm.residuals import residuals
from deepham.economics.planner import under
from deepham.errors import InputError
from deepham.simulation.expectation import expand_next, expect
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population


@pytest.fixture(scope="module")
def economy():
    return under(economics.create("davila12"), "planner")


@pytest.fixture
def panel(economy, seeded):
    """A bad and a good economy of forty households, some of them without assets."""
    k = (200 * torch.rand((2, 40), generator=seeded(3), dtype=torch.float64) - 40).clamp_min(0)
    eps = torch.arange(40).remainder(3).expand(2, -1)
    weight = torch.rand((2, 40), generator=seeded(4), dtype=torch.float64)
    return Panel(Population(k, eps, weight / weight.sum(1, keepdim=True)), torch.tensor([[0], [1]]))


def half(seen):
    return 0.5 * seen.resources


def test_the_externality_is_that_of_the_production_function(economy, panel):
    """D = F_KK mean(u'(c) k) + F_KL mean(u'(c) e), F = z K^alpha L^(1-alpha)."""
    population, z = panel.population, panel.z
    K, L, level, alpha = population.mean(population.k), economy.labour[z], economy.z_level[z], economy.alpha
    marginal = economy.preferences.marginal_utility(half(World(economy, half).observe(Panel(population, z))))
    F_KK = level * alpha * (alpha - 1) * K ** (alpha - 2) * L ** (1 - alpha)
    F_KL = level * alpha * (1 - alpha) * K ** (alpha - 1) * L**-alpha
    expected = F_KK * population.mean(marginal * population.k) + F_KL * population.mean(
        marginal * economy.e[population.eps]
    )
    torch.testing.assert_close(externality(World(economy, half), Panel(population, z)), expected, rtol=1e-12, atol=0)


def test_households_that_are_all_alike_lose_by_a_return_what_they_gain_by_a_wage():
    """Euler's theorem: F_KK K + F_KL L = 0, where labour is what households have."""
    economy = under(
        economics.create("davila12", efficiency=[2.0], chains=[[[1.0]], [[1.0]]], labour_supply=[2.0, 2.0]), "planner"
    )
    population = Population.panel(torch.full((2, 3), 30.0, dtype=torch.float64), torch.zeros(2, 3, dtype=torch.long))
    found = externality(World(economy, half), Panel(population, torch.tensor([[0], [1]])))
    assert float(found.abs().max()) < 1e-15


def test_a_little_more_saving_is_worth_to_all_what_the_first_order_condition_says(economy, panel):
    """Everybody of one group saves delta more, and consumes all that it brings in the next period: welfare moves by
    sum of mass (beta E[R' u'(c') + D'] - u'(c)) delta, with prices of the next period that really move.
    """
    population, z = panel.population, panel.z
    seen = World(economy, half).observe(Panel(population, z))
    consumption = half(seen)
    group = (population.eps == 1).to(torch.float64)

    def welfare(delta):
        saved = population.with_assets(seen.resources - consumption + delta * group)
        later, p_z, p_eps = expand_next(economy, saved, seen)
        unchanged, _, _ = expand_next(economy, population.with_assets(seen.resources - consumption), seen)
        before, after = (World(economy, half).observe(each) for each in (unchanged, later))
        utility = economy.preferences.utility(after.resources - before.resources + half(before))  # k'' as it was
        now = population.mean(economy.preferences.utility(consumption - delta * group))
        return now + economy.beta * population.mean(expect(utility, p_z, p_eps))

    delta = 1e-4
    found = (welfare(delta) - welfare(-delta)) / (2 * delta)
    later, p_z, p_eps = expand_next(economy, population.with_assets(seen.resources - consumption), seen)
    after = World(economy, half).observe(later)
    worth = after.prices["R"] * economy.preferences.marginal_utility(half(after))
    worth = expect(worth + externality(World(economy, half), later), p_z, p_eps)
    condition = economy.beta * worth - economy.preferences.marginal_utility(consumption)
    torch.testing.assert_close(found, population.mean(group * condition), rtol=1e-6, atol=0)


def test_the_residual_is_that_of_the_planners_condition(economy, panel):
    found = residuals(World(economy, half, lambda seen: seen.resources), panel, optimality=False)
    seen = World(economy, half).observe(panel)
    saved = panel.population.with_assets(0.5 * seen.resources)
    later, p_z, p_eps = expand_next(economy, saved, seen)
    after = World(economy, half).observe(later)
    worth = after.prices["R"] * economy.preferences.marginal_utility(half(after))
    worth = worth + externality(World(economy, half), later)
    wanted = economy.preferences.inverse_marginal_utility(economy.beta * expect(worth, p_z, p_eps))
    torch.testing.assert_close(found.euler, 0.5 * seen.resources / torch.minimum(wanted, seen.resources) - 1)
    market = residuals(World(under(economy, "market"), half, lambda seen: seen.resources), panel, optimality=False)
    assert float((market.euler - found.euler).abs().max()) > 1e-3


def test_lifetime_utility_counts_the_premium_of_every_period_but_the_first(seeded):
    """In an economy without any risk its two periods can be written down."""
    economy = under(
        economics.create("davila12", productivity=[1.0], efficiency=[2.0], chains=[[[1.0]]], labour_supply=[5.0]),
        "planner",
    )
    population = Population.panel(
        torch.tensor([[10.0, 60.0]], dtype=torch.float64), torch.zeros(1, 2, dtype=torch.long)
    )
    panel = Panel(population, torch.tensor([[0]]))

    def value(seen):
        return torch.log(seen.resources)

    found = lifetime_utility(World(economy, half, value), panel, 2, seeded(0)).utility
    total = economy.preferences.utility(half(World(economy, half).observe(Panel(population, panel.z))))
    for t in (1, 2):
        before = World(economy, half).observe(Panel(population, panel.z))
        population = population.with_assets(before.resources - half(before))
        seen = World(economy, half).observe(Panel(population, panel.z))
        following = economy.preferences.utility(half(seen)) if t == 1 else value(seen)
        total = total + economy.beta**t * (
            externality(World(economy, half), Panel(population, panel.z)) * population.k + following
        )
    torch.testing.assert_close(found, total, rtol=1e-12, atol=0)


def test_no_gradient_leads_through_the_premium(economy, panel):
    scale = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    seen = World(economy, lambda seen: scale * seen.resources).observe(panel)
    assert not economy.premium(seen).requires_grad


def test_the_market_pays_nothing(economy, panel):
    market = under(economy, "market")
    seen = World(market).observe(panel)
    assert market.premium(seen) is None and torch.equal(World(market, half, half).start_value(seen), half(seen))


def test_an_economy_without_a_planner_says_so():
    with pytest.raises(InputError, match="states no planner's problem"):
        under(economics.create("brock_mirman"), "planner")
    with pytest.raises(InputError, match="market or planner"):
        under(economics.create("davila12"), "dictator")
    assert math.isfinite(under(economics.create("davila12"), "planner").to(dtype=torch.float32).beta)
    assert under(economics.create("davila12"), "planner").to(dtype=torch.float32).objective == "planner"


def test_a_planner_survives_copies_pickles_and_other_parameters(economy):
    for each in (copy.copy(economy), copy.deepcopy(economy), pickle.loads(pickle.dumps(economy)), replace(economy)):
        assert each.objective == "planner" and each.parameters() == economy.parameters()
        assert under(each, "market").objective == "market" and type(each) is type(economy)
    assert economy.without_aggregate_risk().objective == "planner"
