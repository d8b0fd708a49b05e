"""Functions on a grid: what is between the nodes, and beyond them."""

import pytest
import torch

from deepham.reference.grid import Grid, GridFunction
from deepham.simulation.interpolation import bracket
from deepham.simulation.period import Observation
from deepham.simulation.population import Population

GRID = Grid(torch.tensor([0.0, 1.0, 3.0, 10.0], dtype=torch.float64), torch.tensor([30.0, 35, 45], dtype=torch.float64))


def smooth(z, eps, K, k):
    """Linear in k and a parabola in log K, another in each state; beyond the nodes of K as at the last."""
    x = K.clamp(GRID.K[0], GRID.K[-1]).log()
    return 1 + z + 10 * eps + 0.1 * (2 - z) * x**2 + (0.5 + eps) * k + 0.3 * (1 + z) * x * k


def on_nodes(most=None):
    z, eps = torch.arange(2)[:, None, None, None], torch.arange(2)[:, None, None]
    return GridFunction(GRID, smooth(z, eps, GRID.K[:, None], GRID.k), most)


def seen(K, z, k, eps, resources=None):
    population = Population.panel(k, eps)
    return Observation(k if resources is None else resources, k, eps, z, population, {"K": K}, {})


@pytest.fixture
def drawn(seeded):
    """Five economies of seven households, on, between and beyond the nodes."""
    generator = seeded(3)
    K = torch.tensor([20.0, 30, 33, 45, 60], dtype=torch.float64)[:, None]
    k = torch.cat([GRID.k.expand(5, -1), -2 + 20 * torch.rand((5, 3), generator=generator, dtype=torch.float64)], 1)
    return K, torch.tensor([[0], [1], [0], [1], [1]]), k, torch.randint(2, (5, 7), generator=generator)


def test_a_line_in_k_and_a_parabola_in_log_K_are_exact_between_the_nodes_and_beyond(drawn):
    K, z, k, eps = drawn
    expected = smooth(z, eps, K, k)
    torch.testing.assert_close(on_nodes()(seen(K, z, k, eps)), expected, rtol=1e-13, atol=1e-12)


def test_consumption_cannot_exceed_resources_less_the_limit(drawn):
    K, z, k, eps = drawn
    resources = torch.full_like(k, 8.0)
    result = on_nodes(lambda seen: seen.resources + 1.5)(seen(K, z, k, eps, resources))
    free = on_nodes()(seen(K, z, k, eps))
    assert bool((free < 9.5).any()) and bool((free > 9.5).any())
    torch.testing.assert_close(result, free.clamp_max(9.5))


def test_on_a_histogram_it_is_the_same_function(drawn):
    K, z, *_ = drawn
    nodes = torch.linspace(0, 12, 31, dtype=torch.float64)  # beyond the last node of GRID, too
    everybody = Population.histogram(nodes, torch.full((5, 2, 31), 1 / 62, dtype=torch.float64))
    asked = seen(K, z, everybody.k, everybody.eps, resources=torch.full_like(everybody.k, 25.0))
    for most in (None, lambda seen: seen.resources):
        function = on_nodes(most)
        torch.testing.assert_close(function.on_histogram(nodes)(asked), function(asked), rtol=1e-12, atol=1e-12)


def test_a_batch_of_economies_is_each_of_them_alone(drawn):
    K, z, k, eps = drawn
    function = on_nodes()
    alone = [function(seen(K[b : b + 1], z[b : b + 1], k[b : b + 1], eps[b : b + 1])) for b in range(5)]
    assert torch.equal(function(seen(K, z, k, eps)), torch.cat(alone))


def test_bracket_by_hand():
    low, share = bracket(GRID.k, torch.tensor([[-1.0, 0, 0.25], [1, 10, 17]], dtype=torch.float64))
    assert low.tolist() == [[0, 0, 0], [1, 2, 2]]
    assert share.tolist() == [[-1.0, 0, 0.25], [0, 1, 2]]


def test_bracket_with_nodes_of_its_own_in_each_row():
    nodes = torch.stack([GRID.k, 2 * GRID.k])
    points = torch.tensor([[2.0, 5], [2, 5]], dtype=torch.float64)
    together = bracket(nodes, points)
    for row in range(2):
        for one, both in zip(bracket(nodes[row], points[row]), together):
            assert torch.equal(one, both[row])
