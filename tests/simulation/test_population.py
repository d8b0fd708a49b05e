"""Weighted cross-sections: a panel, a histogram, and the statistics of both."""

import numpy as np
import pytest
import torch

from deepham.algorithm.objective import lifetime_utility
from deepham.simulation.continuum import on_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population, concatenate, curve_at, gini, quantile

TIGHT = {"rtol": 1e-12, "atol": 1e-12}


def test_order_of_agents_changes_nothing(ks98, ks98_panel, random_networks, seeded):
    policy, value = random_networks(ks98)
    order = torch.randperm(50, generator=seeded())
    own = ks98_panel.population
    shuffled = Panel(Population(own.k[:, order], own.eps[:, order], own.weight[:, order]), ks98_panel.z)
    first, second = [
        lifetime_utility(World(ks98, policy, value), panel, 1, seeded()) for panel in (ks98_panel, shuffled)
    ]
    torch.testing.assert_close(second.first.seen.aggregates, first.first.seen.aggregates, **TIGHT)
    torch.testing.assert_close(second.first.seen.prices, first.first.seen.prices, **TIGHT)
    torch.testing.assert_close(second.first.consumption, first.first.consumption[:, order], **TIGHT)
    torch.testing.assert_close(second.utility, first.utility[:, order], **TIGHT)


def test_panel_and_histogram_of_the_same_households_agree(ks98, random_networks, seeded):
    policy, _ = random_networks(ks98)
    grid = torch.tensor([0.0, 3.0, 30.0, 45.0, 200.0], dtype=torch.float64)
    node, eps = (torch.randint(n, (2, 40), generator=seeded(n)) for n in (5, 2))
    mass = torch.zeros(2, 2, 5, dtype=torch.float64)
    for b in range(2):
        for n in range(40):
            mass[b, eps[b, n], node[b, n]] += 1 / 40
    panel, histogram, z = Population.panel(grid[node], eps), Population.histogram(grid, mass), torch.tensor([[0], [1]])
    few, many = World(ks98).observe(Panel(panel, z)), World(ks98).observe(Panel(histogram, z))
    torch.testing.assert_close(few.prices, many.prices, **TIGHT)
    torch.testing.assert_close(panel.mean(panel.k**2), histogram.mean(histogram.k**2), **TIGHT)
    torch.testing.assert_close(gini(panel.k, panel.weight), gini(histogram.k, histogram.weight), **TIGHT)
    at_nodes = policy(many).gather(1, 5 * eps + node)
    torch.testing.assert_close(policy(few), at_nodes, **TIGHT)
    torch.testing.assert_close(panel.mean(policy(few)), histogram.mean(policy(many)), **TIGHT)


def test_weights_of_a_panel_are_equal_and_sum_to_one(ks98_panel):
    torch.testing.assert_close(ks98_panel.population.weight, torch.full((2, 50), 0.02, dtype=torch.float64))


def test_histogram_lays_out_assets_within_each_eps():
    grid = torch.tensor([0.0, 1.0, 5.0])
    mass = torch.arange(12.0).reshape(2, 2, 3)
    histogram = Population.histogram(grid, mass)
    assert histogram.k.tolist() == [[0, 1, 5, 0, 1, 5]] * 2
    assert histogram.eps.tolist() == [[0, 0, 0, 1, 1, 1]] * 2
    assert histogram.weight.tolist() == [list(range(6)), list(range(6, 12))]


def test_selected_economies_are_stacked_back(ks98_panel):
    own = ks98_panel.population
    again = concatenate([own.select([0]), own.select(slice(1, 2))])
    for name in ("k", "eps", "weight"):
        assert torch.equal(getattr(again, name), getattr(own, name))


def test_quantiles_are_linear_between_the_middles_of_masses(seeded):
    """By hand: of 0.5 at 1, 0.3 at 2 and 0.2 at 4 the distribution function is 0.25, 0.65, 0.9 there."""
    values, weight = torch.tensor([[4.0, 1.0, 2.0, 1.0]]).double(), torch.tensor([[0.2, 0.1, 0.3, 0.4]]).double()
    levels = [0.0, 0.25, 0.45, 0.65, 0.7, 0.9, 1.0]
    assert quantile(values, weight, levels)[0].tolist() == pytest.approx([1, 1, 1.5, 2, 2.4, 4, 4])
    # at a borrowing limit of 1 half of all households really are
    assert quantile(values, weight, levels, atom=1.0)[0].tolist() == pytest.approx([1, 1, 1, 2, 2.4, 4, 4])
    # of N equal weights Hazen's rule, which NumPy knows
    sample = torch.rand((3, 40), generator=seeded(), dtype=torch.float64)
    for row, found in zip(sample, quantile(sample, torch.full_like(sample, 1 / 40), [0.1, 0.5, 0.83])):
        assert found.tolist() == pytest.approx(
            np.quantile(row.numpy(), [0.1, 0.5, 0.83], method="hazen").tolist(), rel=1e-12
        )


def test_a_quantile_moves_as_mass_moves(seeded):
    """All assets up by 0.2 %: so is every quantile of their histogram, where a node would be, or the next."""
    grid = torch.linspace(0, 60, 61, dtype=torch.float64)
    k = 50 * torch.rand((1, 4000), generator=seeded(), dtype=torch.float64)
    before, after = (
        on_grid(grid, Population.panel(x, torch.zeros_like(x, dtype=torch.long)), 1) for x in (k, 1.002 * k)
    )
    levels = [0.1, 0.25, 0.5, 0.75, 0.9]
    growth = quantile(after.k, after.weight, levels) / quantile(before.k, before.weight, levels) - 1
    torch.testing.assert_close(growth, torch.full_like(growth, 0.002), rtol=0, atol=4e-4)


def test_a_curve_is_linear_between_points_at_shares_of_all_mass():
    """Masses of 1, 2 and 1 that hold 0, 4 and 8 together."""
    cumulated, curve = torch.tensor([[1.0, 3.0, 4.0]]).double(), torch.tensor([[0.0, 4.0, 12.0]]).double()
    found = curve_at(cumulated, curve, [0.0, 0.25, 0.5, 0.75, 0.875, 1.0])
    assert found[0].tolist() == pytest.approx([0, 0, 2, 4, 8, 12])


def test_gini_is_half_the_relative_mean_difference(seeded):
    values = torch.rand((3, 25), generator=seeded(), dtype=torch.float64) ** 3
    weight = torch.rand((3, 25), generator=seeded(1), dtype=torch.float64)
    for b, answer in enumerate(gini(values, weight).tolist()):
        x, w = values[b].tolist(), (weight[b] / weight[b].sum()).tolist()
        difference = sum(w[i] * w[j] * abs(x[i] - x[j]) for i in range(25) for j in range(25))
        mean = sum(w[i] * x[i] for i in range(25))
        assert answer == pytest.approx(difference / (2 * mean), rel=1e-12)


@pytest.mark.parametrize(
    "values, weight, answer",
    [
        ([4.0, 4.0, 4.0], [0.2, 0.3, 0.5], 0.0),
        ([0.0, 1.0], [0.5, 0.5], 0.5),
        ([7.0, 0.0], [0.1, 0.9], 0.9),
        ([1.0, 3.0], [0.5, 0.5], 0.25),
    ],
)
def test_gini_of_known_distributions(values, weight, answer):
    double = {"dtype": torch.float64}
    assert float(gini(torch.tensor([values], **double), torch.tensor([weight], **double))) == pytest.approx(answer)
