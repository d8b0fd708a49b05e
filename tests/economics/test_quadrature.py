"""Quadrature rules against the moments of independent standard normals."""

from itertools import combinations_with_replacement
from math import prod

import pytest
import torch

from deepham.economics.quadrature import gauss_hermite, monomial, random_directions, standard_normal


def normal_moment(power):
    return 0.0 if power % 2 else float(prod(range(1, power, 2)))  # 1, 0, 1, 0, 3, 0, 15, ...


@pytest.mark.parametrize("points", [1, 2, 3, 5, 8])
def test_gauss_hermite_is_exact_up_to_its_degree_and_no_further(points):
    nodes, weights = gauss_hermite(points)
    assert nodes.shape == (points, 1) and bool((weights > 0).all())
    for power in range(2 * points):
        assert float(weights @ nodes[:, 0] ** power) == pytest.approx(normal_moment(power), rel=1e-10, abs=1e-8)
    assert abs(float(weights @ nodes[:, 0] ** (2 * points)) / normal_moment(2 * points) - 1) > 1e-4


@pytest.mark.parametrize("d", [1, 2, 3, 7])
def test_the_monomial_rule_is_exact_up_to_degree_three_in_any_dimension(d):
    nodes, weights = monomial(d)
    assert nodes.shape == (2 * d, d)
    for degree in range(4):
        for which in combinations_with_replacement(range(d), degree):
            exact = prod(normal_moment(which.count(i)) for i in set(which))
            assert float(weights @ nodes[:, list(which)].prod(1)) == pytest.approx(exact, abs=1e-12)
    assert float(weights @ nodes[:, 0] ** 4) == pytest.approx(d)  # three would be right


def test_in_one_dimension_the_monomial_rule_is_gauss_hermite_of_two_points():
    for ours, known in zip(monomial(1), gauss_hermite(2)):
        torch.testing.assert_close(ours.sort(0).values, known, rtol=0, atol=1e-14)


def test_random_directions_cancel_odd_powers_and_average_to_the_right_squares(seeded):
    draws, m, d = 4000, 3, 5
    nodes = random_directions(torch.randn(draws, m, d, generator=seeded(), dtype=torch.float64))
    assert nodes.shape == (draws, 2 * m, d)
    torch.testing.assert_close(nodes.norm(dim=-1), torch.full((draws, 2 * m), d**0.5, dtype=torch.float64))
    for odd in (nodes, nodes**3, nodes.prod(-1, keepdim=True)):
        assert float(odd.mean(1).abs().max()) < 1e-13
    second = torch.einsum("bsi,bsj->bij", nodes, nodes) / (2 * m)
    error = (second.mean(0) - torch.eye(d)) / (second.std(0) / draws**0.5)
    assert float(error.abs().max()) < 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_normals_by_inversion(seeded, dtype):
    n = 200_000
    x = standard_normal(torch.rand(n, generator=seeded(), dtype=dtype))
    for power in range(1, 5):
        spread = (normal_moment(2 * power) - normal_moment(power) ** 2) ** 0.5
        assert float((x**power).mean()) == pytest.approx(normal_moment(power), abs=4 * spread / n**0.5)
    ends = standard_normal(torch.tensor([0.0, 0.5, 1.0], dtype=dtype))
    assert bool(ends.isfinite().all()) and float(ends[1]) == 0 and float(ends[0]) < -5 < 5 < float(ends[2])
