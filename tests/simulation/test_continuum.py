"""The wealth histogram and its transition."""

import numpy as np
import pytest
import torch
from walking import advance_histogram, draw_shocks

from deepham.errors import InputError
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel

TIGHT = {"rtol": 1e-12, "atol": 1e-13}


def save_most(seen):
    return 0.07 * seen.resources


@pytest.fixture
def grid(ks98):
    return wealth_grid(ks98, 60, 12.0)


@pytest.fixture
def histogram(ks98, plain, grid, seeded):
    """Two economies, z bad and good, with exactly u(z) unemployed and any distribution of wealth below 7 K_ss."""
    mass = torch.rand((2, 2, 60), generator=seeded(), dtype=torch.float64) * (grid < 7 * ks98.steady_state()["K"])
    share = torch.tensor([[u, 1 - u] for u in plain.u], dtype=torch.float64)
    return Population.histogram(grid, mass / mass.sum(2, keepdim=True) * share[..., None])


def test_grid_starts_at_the_limit_where_that_leaves_something_to_consume(ks98, bm):
    assert len(wealth_grid(ks98, 50, 6.0)) == 50 and float(wealth_grid(ks98, 50, 6.0)[0]) == 0
    assert len(wealth_grid(bm, 50, 6.0)) == 49 and 0 < float(wealth_grid(bm, 50, 6.0)[0]) < 0.05


def test_grid_ends_at_the_top_and_widens(economy):
    grid = wealth_grid(economy, 50, 6.0)
    assert float(grid[-1]) == pytest.approx(economy.borrowing_limit + 6 * economy.scale, rel=1e-10)
    step = grid.diff()
    assert float(step.min()) > 0 and bool((step.diff() > 0).all())
    even = (grid - economy.borrowing_limit + economy.scale / 2).log().diff()
    torch.testing.assert_close(even[1:], even[1:2].expand_as(even[1:]), rtol=1e-9, atol=0)
    # where some have nothing at the limit the first node lies next to it
    assert float(even[0]) == pytest.approx(float(even[1]), rel=2e-5)


def test_lottery_keeps_mass_mean_and_shocks(ks98, grid, seeded):
    population = initial_panel(ks98, 3, 200, seeded()).population
    histogram = on_grid(grid, population, 2)
    assert float(histogram.weight.min()) >= 0
    for eps in (0, 1):
        here, there = population.eps == eps, histogram.eps == eps
        torch.testing.assert_close(histogram.mean(there.double()), population.mean(here.double()), **TIGHT)
        torch.testing.assert_close(histogram.mean(histogram.k * there), population.mean(population.k * here), **TIGHT)


def test_households_on_a_node_stay_there(grid, histogram):
    torch.testing.assert_close(on_grid(grid, histogram, 2).weight, histogram.weight, **TIGHT)


def test_wealth_beyond_the_top_is_kept_at_the_top(grid):
    rich = Population.panel(10 * grid[-1:].reshape(1, 1), torch.zeros(1, 1, dtype=torch.long))
    assert on_grid(grid, rich, 1).weight.tolist() == [[0.0] * 59 + [1.0]]


@pytest.mark.parametrize("low, high", [(0.2, 1.0), (0.2, 1.01), (1.0, 1.01), (0.2, 1.001)])
def test_what_is_carried_beyond_either_end_is_shared_out_among_all(bm, low, high):
    """Households at the ends of a grid above the limit and in its middle, some of whom go below or beyond it."""
    grid = wealth_grid(bm, 40, 4.0)
    mass = torch.zeros(1, 1, len(grid), dtype=torch.float64)
    mass[0, 0, [0, 20, -1]] = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    population, z = Population.histogram(grid, mass), torch.tensor([[1]])
    factor = torch.ones(len(grid), dtype=torch.float64)
    factor[0], factor[-1] = low, high
    following, _ = advance_histogram(
        World(bm, lambda seen: seen.resources - factor * seen.k), grid, Panel(population, z), z
    )
    torch.testing.assert_close(following.mean(following.k), population.mean(factor * population.k), **TIGHT)


def test_assets_below_the_limit_are_refused(grid):
    with pytest.raises(InputError, match="assets below 0"):
        on_grid(grid, Population.panel(torch.tensor([[-0.1, 2.0]]).double(), torch.zeros(1, 2, dtype=torch.long)), 2)


@pytest.mark.parametrize("z_next", [[0, 1], [1, 0]])
def test_transition_equals_a_plain_double_loop(ks98, plain, grid, histogram, z_next):
    following, consumption = advance_histogram(
        World(ks98, save_most), grid, Panel(histogram, torch.tensor([[0], [1]])), torch.tensor(z_next)[:, None]
    )
    nodes, weight = grid.tolist(), histogram.weight.reshape(2, 2, 60).tolist()
    expected = torch.zeros(2, 2, 60, dtype=torch.float64)
    for z in (0, 1):
        K = sum(weight[z][eps][g] * nodes[g] for eps in (0, 1) for g in range(60))
        p_z = sum(plain.probability(z, 0, z_next[z], eps_next) for eps_next in (0, 1))
        for eps in (0, 1):
            for g in range(60):
                resources = plain.resources(nodes[g], eps, z, K)
                assert float(consumption[z, 60 * eps + g]) == pytest.approx(0.07 * resources, rel=1e-12)
                left = max(i for i in range(59) if nodes[i] <= 0.93 * resources)
                share = (0.93 * resources - nodes[left]) / (nodes[left + 1] - nodes[left])
                for eps_next in (0, 1):
                    arriving = weight[z][eps][g] * plain.probability(z, eps, z_next[z], eps_next) / p_z
                    expected[z, eps_next, left] += arriving * (1 - share)
                    expected[z, eps_next, left + 1] += arriving * share
    torch.testing.assert_close(following.weight, expected.reshape(2, 120), **TIGHT)


def test_a_step_equals_that_of_a_large_panel_in_expectation(ks98, grid, histogram, seeded):
    agents = 100_000
    z = torch.tensor([[0], [1]])
    node = torch.stack([torch.multinomial(w, agents, replacement=True, generator=seeded(1)) for w in histogram.weight])
    panel = Panel(Population.panel(histogram.k.gather(1, node), histogram.eps.gather(1, node)), z)
    same = on_grid(grid, panel.population, 2)  # the sample itself as a histogram
    k_next = 0.93 * World(ks98).observe(Panel(panel.population, z)).resources
    z_next, eps_next = draw_shocks(ks98, World(ks98).observe(panel), seeded(2))
    following, _ = advance_histogram(World(ks98, save_most), grid, Panel(same, z), z_next)
    torch.testing.assert_close(following.mean(following.k), k_next.mean(1, keepdim=True), rtol=1e-11, atol=0)
    for drawn, expected in [
        ((eps_next == 0).double(), following.eps == 0),
        (k_next * (eps_next == 0), following.k * (following.eps == 0)),
    ]:
        error = (drawn.mean(1) - following.mean(expected.double())[:, 0]).abs()
        assert bool((error < 4 * drawn.std(1) / agents**0.5).all())


def test_unemployment_is_u_of_z_for_ever(ks98, plain, grid, histogram, seeded):
    path = ks98.chain.draw_path(torch.tensor([[0], [1]]), 100, seeded())
    for t in range(99):
        histogram, _ = advance_histogram(World(ks98, save_most), grid, Panel(histogram, path[:, t]), path[:, t + 1])
        jobless = histogram.mean((histogram.eps == 0).double())
        u = torch.tensor(plain.u, dtype=torch.float64)[path[:, t + 1]]
        torch.testing.assert_close(jobless, u, rtol=0, atol=5e-6)  # the chain is printed with six digits


def test_capital_of_the_closed_form_follows_its_law(bm, closed_form, bm_panel, seeded):
    grid = wealth_grid(bm, 80, 4.0)
    histogram = on_grid(grid, bm_panel.population, 1)
    path = bm.chain.draw_path(bm_panel.z, 30, seeded())
    for t in range(29):
        K = histogram.mean(histogram.k)
        histogram, _ = advance_histogram(
            World(bm, closed_form.policy), grid, Panel(histogram, path[:, t]), path[:, t + 1]
        )
        expected = 0.36 * 0.95 * bm.z_level[path[:, t]] * K**0.36
        torch.testing.assert_close(histogram.mean(histogram.k), expected, rtol=1e-11, atol=0)


@pytest.mark.parametrize("power", [1, 2, 6])
def test_every_point_is_split_between_its_two_neighbours(power, seeded):
    """By hat functions, on even nodes and on nodes so uneven that points are searched for; at nodes and beside them."""
    grid = 5 * torch.linspace(0, 1, 40, dtype=torch.float64) ** power
    k = torch.cat([5 * torch.rand(200, generator=seeded(1), dtype=torch.float64), grid, (grid[1:-1] * (1 + 1e-15))])
    people = Population.panel(k[None].clamp(0, 5), torch.zeros(1, len(k), dtype=torch.long))
    mass = on_grid(grid, people, 1).weight[0]
    hats = torch.stack([torch.from_numpy(np.interp(people.k[0].numpy(), grid.numpy(), row)) for row in np.eye(40)])
    torch.testing.assert_close(mass, hats.mean(1), rtol=0, atol=1e-13)
