"""Second-order steps: derivatives against differences, equations that are remembered, where households are drawn."""

from dataclasses import replace

import pytest
import torch

from deepham import economics
from deepham.algorithm import newton
from deepham.algorithm.ergodic_sample import Sample, Sampling, scaled
from deepham.algorithm.first_order import Linear, first_order_condition
from deepham.algorithm.looking_ahead import foresight, looking_ahead
from deepham.algorithm.newton import Equations, flat, huber, shift
from deepham.algorithm.residuals import residuals
from deepham.algorithm.value_equation import bellman_equation
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.continuum import held, on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel
from deepham.training.conditions import on_average


@pytest.fixture
def networks(ks98):
    """Small ones near their base, as they are met in training."""

    def build(economy=ks98, **changes):
        shape = {"width": 5, "depth": 2, "activation": "tanh", "base": "frictionless", "aggregate_scale": 10.0}
        found = build_networks(economy, NetworkSettings("test", ensemble=1, **(shape | changes)), 3)
        generator = torch.Generator().manual_seed(5)
        for network in found:
            network.double()
            shift(network, 0.05 * torch.randn(flat(network).shape, generator=generator, dtype=torch.float64))
        return found

    return build


@pytest.fixture
def sample(ks98, seeded):
    grid = wealth_grid(ks98, 40, 8.0)
    panel = initial_panel(ks98, 3, 500, seeded())
    people = on_grid(grid, panel.population.with_assets(panel.population.k.clamp(grid[0], grid[-1])), 2)
    k = torch.rand((3, 20), generator=seeded(2), dtype=torch.float64) * 100 + 5
    eps = torch.randint(2, (3, 20), generator=seeded(3))
    return Sample(Panel(people, panel.z), k, eps, torch.ones_like(k))


def along(network, jacobian, numbers, step=1e-4):
    """How numbers() change along a direction in the weights, by the Jacobian and by a difference."""
    generator = torch.Generator().manual_seed(7)
    direction = torch.randn(flat(network).shape, generator=generator, dtype=torch.float64)
    shift(network, step * direction)
    above = numbers()
    shift(network, -2 * step * direction)
    below = numbers()
    shift(network, step * direction)
    return jacobian @ direction, (above - below) / (2 * step)


@pytest.mark.parametrize("changes", [{}, {"aggregates": False, "quantiles": 4}], ids=["mean", "quantiles"])
def test_the_first_order_condition_moves_with_the_weights_as_its_jacobian_says(ks98, networks, sample, changes):
    policy, _ = networks(**changes)
    linear = first_order_condition(ks98, policy, sample)
    said, found = along(policy, linear.jacobian, lambda: first_order_condition(ks98, policy, sample).residual)
    torch.testing.assert_close(said, found, rtol=1e-5, atol=1e-6)


def test_a_price_that_clears_tomorrow_moves_with_the_weights_as_its_jacobian_says(seeded, networks):
    """Of households who know what everybody's demand does to tomorrow's price, in three states of z each."""
    economy = economics.create("huggett", **economics.calibration("huggett"))
    policy, _ = networks(economy)
    panel = initial_panel(economy, 2, 60, seeded())
    panel = Panel(Population.panel(panel.population.k.double(), panel.population.eps), panel.z.double() + 0.01)
    found = World(economy, policy).period(panel).found
    k = torch.rand((2, 5), generator=seeded(2), dtype=torch.float64) * 3 + 0.5
    eps = torch.randint(3, (2, 5), generator=seeded(3))
    off = 0.01 * torch.randn((10, 1), generator=seeded(4), dtype=torch.float64)
    sample = Sample(Panel(panel.population, panel.z, found), k, eps, torch.ones_like(k), off)
    linear = first_order_condition(economy, policy, sample)
    said, found = along(policy, linear.jacobian, lambda: first_order_condition(economy, policy, sample).residual, 1e-5)
    torch.testing.assert_close(said, found, rtol=1e-4, atol=1e-6)


def test_what_looks_ahead_moves_with_the_weights_as_its_jacobian_says(seeded, networks):
    """The Phillips curve and households' condition, where both days' markets go on clearing."""
    hank = economics.create("hank")
    policy, _ = networks(hank, aggregates=False, dispersion=True, poverty=True)
    nodes = wealth_grid(hank, 25, 25.0)
    eps = torch.arange(7).repeat(100).expand(2, -1)
    k = hank.initial_assets((2, 700), seeded()).clamp(0, float(nodes[-1]))
    people = on_grid(nodes, Population(k, eps, hank.chain.eps_shares()[eps] / 100), 7)
    people = held(nodes, people, hank.B, 0.0, 7)
    z = torch.tensor([[0.002, 0.01, 0.008], [-0.003, -0.01, 0.001]], dtype=torch.float64)

    def panel():
        with torch.no_grad():
            return Panel(people, z, World(hank, policy, clamped=True).period(Panel(people, z)).found)

    def missed():
        return looking_ahead(hank, policy, panel())[1]

    torch.testing.assert_close(*along(policy, missed().jacobian, lambda: missed().residual, 1e-5), rtol=1e-5, atol=1e-6)
    # the outlook alone is a part of it, the last weights
    part, whole = foresight(hank, policy, panel()), missed()
    beside = sum(leaf.numel() for leaf in policy.mlp.parameters())
    torch.testing.assert_close(part.residual, whole.residual)
    torch.testing.assert_close((part.jacobian, part.own), (whole.jacobian[:, beside:], whole.own[:, beside:]))
    k = 2 + 20 * torch.rand((2, 8), generator=seeded(2), dtype=torch.float64)
    eps, off = torch.randint(7, (2, 8), generator=seeded(3)), torch.zeros(16, 3, dtype=torch.float64)
    off[::2] = 0.001  # half of them see other prices, by so much more than those that clear

    def condition():
        sample = Sample(panel(), k, eps, torch.ones_like(k), off)
        return first_order_condition(hank, policy, sample, looking_ahead(hank, policy, sample.panel)[0])

    by_jacobian, by_difference = along(policy, condition().jacobian, lambda: condition().residual, 1e-5)
    # those few whom the limit may hold tomorrow are taken to be free, and what they do is part of everybody's prices
    assert float((by_jacobian - by_difference).norm() / by_difference.norm()) < 0.002


def test_the_bellman_equation_moves_with_the_weights_of_the_value_as_its_jacobian_says(ks98, networks, sample):
    policy, value = networks()
    for part in (0, 1):
        linear = bellman_equation(ks98, policy, value, sample)[part]
        said, found = along(
            value, linear.jacobian, lambda: bellman_equation(ks98, policy, value, sample)[part].residual
        )
        torch.testing.assert_close(said, found, rtol=1e-5, atol=1e-6)


def test_residuals_are_those_that_solutions_are_measured_by(ks98, networks, sample):
    policy, value = networks()
    people = sample.panel.population
    everybody = Sample(sample.panel, people.k, people.eps, people.weight)
    measured = residuals(World(ks98, policy, value), sample.panel, optimality=False)
    linear = first_order_condition(ks98, policy, everybody)
    level, _ = bellman_equation(ks98, policy, value, everybody)
    seen = World(ks98, policy).observe(sample.panel)
    inner = (policy(seen) < 0.99 * seen.resources).flatten()  # those at the limit may want more than they can have
    torch.testing.assert_close(
        linear.residual[inner], (1 + measured.euler.flatten()[inner]).log(), rtol=1e-9, atol=1e-12
    )
    torch.testing.assert_close(level.residual * value.unit, measured.bellman_policy.flatten(), rtol=1e-9, atol=1e-9)


def test_who_is_held_at_the_limit_and_wants_to_be_there_has_nothing_to_learn(ks98, networks, sample):
    policy, _ = networks()
    poor = Sample(sample.panel, torch.full_like(sample.k, 1e-3), torch.zeros_like(sample.eps), sample.weight)
    with torch.no_grad():
        policy.mlp[-1].bias += 3.0  # everybody consumes all, today and tomorrow
    linear = first_order_condition(ks98, policy, poor)
    held = linear.residual == 0
    assert bool(held.any()) and not bool(linear.jacobian[held].any())
    saved = (~held).nonzero()[:, 0]
    assert bool((linear.residual[saved] > 0).all()) and bool(linear.own[saved].any(1).all())


def test_equations_that_have_been_solved_are_remembered_at_the_weights_they_led_to():
    generator = torch.Generator().manual_seed(1)
    slopes, truth = torch.randn((50, 4), generator=generator, dtype=torch.float64), torch.arange(4.0).double()
    equations, weights = Equations(), torch.zeros(4, dtype=torch.float64)
    for rows in slopes.split(10):  # each alone would do
        equations.add(rows.T @ rows, rows.T @ (rows @ (weights - truth)), 0.7)
        change = 0.5 * equations.solve(1e-12)
        weights = weights + change
        equations.moved(change)
    torch.testing.assert_close(weights, truth * (1 - 0.5**5), rtol=1e-9, atol=1e-9)


def test_a_relaxed_step_is_between_newtons_and_a_short_one_of_time_iteration():
    """Time iteration moves today's choices by what is left, tomorrow's as they are: G d = -r."""
    generator = torch.Generator().manual_seed(2)
    own = torch.randn((30, 4), generator=generator, dtype=torch.float64)
    ahead = 0.9 * torch.randn((30, 4), generator=generator, dtype=torch.float64)
    linear = Linear(own @ torch.ones(4).double(), torch.ones(30).double(), own - ahead, own)
    weight = torch.full((30,), 1 / 30, dtype=torch.float64)
    equations = Equations()
    equations.add(*newton.tested(linear, weight, 0.0), 0.5, newton.tested_own(linear, weight, 0.0))
    solved = -torch.linalg.solve(own.T @ (own - ahead), own.T @ linear.residual)
    torch.testing.assert_close(equations.solve(1e-14, 0.0), solved)
    torch.testing.assert_close(1e6 * equations.solve(1e-14, 1e6), -torch.ones(4).double(), rtol=1e-4, atol=1e-4)


def test_outliers_weigh_less_and_weights_sum_to_one():
    residual, weight = torch.tensor([0.01, -0.02, 0.03, -3.0]), torch.tensor([1.0, 2.0, 1.0, 1.0])
    found = huber(residual, weight, 0.1)
    torch.testing.assert_close(found / found[0], torch.tensor([1.0, 2.0, 1.0, 0.1 / 3.0]))
    assert float(found.sum()) == pytest.approx(1)


def test_households_are_drawn_by_mass_and_scaled_with_their_economy(ks98, sample, seeded, networks):
    grid = wealth_grid(ks98, 40, 8.0)
    typical, people = ks98.typical_household(), sample.panel.population
    period = World(ks98, networks()[0]).period(sample.panel)
    drawn = Sampling(4000, 10, 0.1, 0.0, 0.0).draw(period, grid, typical, seeded())
    inner = drawn.weight == 1
    assert inner.sum(1).tolist() == [4000] * 3 and drawn.k.shape == (3, 4010)
    held = (drawn.k * inner).sum(1, keepdim=True) / 4000
    torch.testing.assert_close(held, people.mean(people.k), rtol=0.02, atol=0.0)
    unemployed = ((drawn.eps == 0) & inner).sum(1, keepdim=True) / 4000
    torch.testing.assert_close(unemployed.double(), people.mean((people.eps == 0).double()), rtol=0.0, atol=0.002)
    moved = scaled(drawn, 0.0, 0.1, seeded())
    factor = moved.k / drawn.k
    assert 0.9 < float(factor.min()) < float(factor.max()) < 1.1
    torch.testing.assert_close(factor, factor[:, :1].expand_as(factor))
    torch.testing.assert_close(
        moved.panel.population.k / people.k.clamp_min(1e-9), factor[:, :1].expand_as(people.k) * (people.k > 0)
    )


def test_fewer_households_are_fewer_of_those_drawn_by_mass():
    """Far out, where next to nobody is, half of the spread ones leave a network free to save too much."""
    assert Sampling(45, 20, 0.1, 2.0, 0.3).fewer(0.5) == Sampling(23, 20, 0.1, 2.0, 0.3)


def test_what_all_miss_together_is_weighed_by_what_they_consume_at_prices_that_clear(ks98, sample, seeded, networks):
    grid = wealth_grid(ks98, 40, 8.0)
    period = World(ks98, networks()[0]).period(sample.panel)
    drawn = Sampling(4000, 10, 0.1, 2.0, 0.3).draw(period, grid, ks98.typical_household(), seeded())
    by_assets = Linear(drawn.k.flatten(), drawn.weight.flatten(), drawn.k.reshape(-1, 1), 2 * drawn.k.reshape(-1, 1))
    people, c = sample.panel.population, period.choice["c"]
    wanted = people.mean(c * people.k)[:, 0] / people.mean(c)[:, 0]
    both = on_average(by_assets, [drawn])
    torch.testing.assert_close(both.residual, wanted, rtol=0.02, atol=0.0)
    torch.testing.assert_close(both.jacobian[:, 0], both.residual)
    torch.testing.assert_close(both.own, 2 * both.jacobian)
    off = torch.zeros(3 * 4010, 2, dtype=torch.float64)
    off[::2] = 0.01  # every other household sees other prices
    halved = by_assets.residual.clone()
    halved[::2] = 1e6
    seen = on_average(replace(by_assets, residual=halved), [replace(drawn, off=off)])
    torch.testing.assert_close(seen.residual, wanted, rtol=0.02, atol=0.0)
