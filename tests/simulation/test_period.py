"""What households see, and what price-taking cuts from the gradient."""

import torch

from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

TIGHT = {"rtol": 1e-12, "atol": 0}


def test_a_household_beside_the_population_sees_its_prices_and_moves_none(ks98, plain, ks98_panel):
    k, eps = torch.tensor([[1e6], [0.0]], dtype=torch.float64), torch.tensor([[1], [0]])
    beside, members = [World(ks98).observe(ks98_panel, *own) for own in ((k, eps), ())]
    assert beside.prices.keys() == members.prices.keys()
    torch.testing.assert_close(beside.prices, members.prices, rtol=0, atol=0)
    for b in (0, 1):
        K = float(ks98_panel.population.k[b].mean())
        expected = plain.resources(float(k[b]), int(eps[b]), b, K)
        torch.testing.assert_close(float(beside.resources[b]), expected, **TIGHT)


def test_price_taking_changes_no_value_and_leaves_only_the_own_gradient(ks98, ks98_panel):
    own = ks98_panel.population
    k = own.k.clone().requires_grad_()
    seen, taking = (
        World(ks98, price_taking=taking).observe(Panel(Population(k, own.eps, own.weight), ks98_panel.z))
        for taking in (False, True)
    )
    torch.testing.assert_close(taking.resources, seen.resources, rtol=0, atol=0)
    torch.testing.assert_close(taking.prices, seen.prices, rtol=0, atol=0)
    cut = [*taking.prices.values(), *taking.aggregates.values(), taking.population.k]
    assert not any(value.requires_grad for value in cut)
    (slope,) = torch.autograd.grad(taking.resources.sum(), k)
    torch.testing.assert_close(slope, seen.prices["R"].detach().expand(2, 50), **TIGHT)
