"""The figure of generalized moments shows what it says."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from deepham.errors import InputError
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.report.figures_moments import TRANSFER, Basis, generalized_moments
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.population import Population
from deepham.solution.solution import Solution

SETTINGS = NetworkSettings(
    "test",
    width=4,
    depth=1,
    activation="tanh",
    base="frictionless",
    aggregate_scale=10.0,
    ensemble=1,
    aggregates=False,
    moments=1,
    moment_width=3,
)


@pytest.fixture
def solved(ks98, seeded):
    """solved(spread, **network) is a solution whose weights are the untrained ones and a draw times the spread."""

    def make(spread=0.0, **changes):
        settings = replace(SETTINGS, **changes)
        networks = build_networks(ks98, settings, seed=0)
        for network in networks:
            for parameter in network.parameters():
                parameter.data += spread * torch.randn(parameter.shape, generator=seeded(1))
        grid = wealth_grid(ks98, 80, 8.0)
        k = 80 * torch.rand((2, 400), generator=seeded(2), dtype=torch.float64)
        panel = Population.panel(k, (torch.arange(400) >= torch.tensor([[40], [16]])).long())
        return Solution("ks98", ks98.parameters(), asdict(settings), *networks, grid, on_grid(grid, panel, 2).weight)

    return make


def test_untrained_moments_are_the_line_of_the_first_moment_and_no_transfer_matters(solved):
    basis, levels, consumption, lifetime = generalized_moments(solved()).axes
    (distance,) = basis.child_axes
    assert len(basis.lines) == 3 and len(distance.lines) == 3
    for line in distance.lines:
        np.testing.assert_allclose(line.get_ydata(), 0, atol=1e-10)
    for axes in (consumption, lifetime):
        assert len(axes.lines) == 4 + 1
        for line in axes.lines:
            np.testing.assert_allclose(line.get_ydata(), 0, atol=1e-10)
    assert all(axes.get_xlabel() and axes.get_ylabel() and axes.get_title() for axes in (basis, levels, consumption))


def test_the_drawn_basis_has_mean_zero_and_slope_one_at_mean_wealth(solved):
    solution = solved(0.5)
    basis = Basis.of(solution.policy_function.inputs.moments, solution.ergodic)
    mean = solution.ergodic.mean(solution.ergodic.k).mean()
    assert float(basis.moment(solution.ergodic).mean()) == pytest.approx(0, abs=1e-10)
    around = basis(mean + torch.tensor([-1e-4, 1e-4], dtype=torch.float64))
    assert float(around.diff() / 2e-4) == pytest.approx(1, rel=1e-6)


def test_the_effect_drawn_is_that_of_the_transfer_at_unchanged_prices(solved):
    solution = solved(0.5)
    _, _, consumption, _ = generalized_moments(solution).axes
    line = consumption.lines[0]  # the first individual and the first aggregate state
    after = TRANSFER.apply(solution.ergodic)
    population = {"k": after.k[0].numpy(), "eps": after.eps[0].numpy(), "weight": after.weight[0].numpy()}
    household = {"k": line.get_xdata(), "eps": 0, "z": 0}
    expected = 100 * (solution.consumption(population=population, **household) / solution.consumption(**household) - 1)
    np.testing.assert_allclose(line.get_ydata(), expected, atol=1e-9)
    assert np.abs(expected).max() > 1e-3


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"moments": 0, "aggregates": True}, "no generalized moments"),
        ({"aggregates": True}, "network.aggregates=false"),
    ],
)
def test_networks_without_a_moment_to_draw_are_refused(solved, changes, said):
    with pytest.raises(InputError, match=said):
        generalized_moments(solved(**changes))
