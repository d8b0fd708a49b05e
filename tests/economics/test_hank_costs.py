"""The cost of fluctuations of `hank`: rest on coarse nodes clears its markets, and households followed there lose
nothing."""

import pytest
import torch

from benchmarks.hank_costs import AtPrices, cost, followed, groups_of, rest_on
from deepham import economics
from deepham.economics.hank import HANK
from deepham.simulation.continuum import wealth_grid


def test_who_consumes_a_hundredth_less_at_rest_loses_one_percent():
    goods, hours, sigma = torch.tensor([-3.0, -50.0]), torch.tensor([-0.3, -20.0]), 2.5
    along = torch.stack([goods * 0.99 ** (1 - sigma), hours])
    torch.testing.assert_close(cost(along, torch.stack([goods, hours]), sigma), torch.ones(2), rtol=1e-4, atol=0)


@pytest.mark.slow
@torch.no_grad()
def test_at_rest_on_coarse_nodes_markets_clear_and_groups_make_up_everybody():
    hank = economics.create("hank")
    assert isinstance(hank, HANK)
    nodes = wealth_grid(hank, 30, 25.0)
    world, panel, rest = rest_on(hank, nodes)
    pi, r, people = rest["pi"] / 100, rest["r"] / 100, panel.population
    assert abs(400 * rest["pi"]) > 1, "on so few nodes inflation is not zero"
    # firms are content, and by Walras' law goods are what they make, less what it costs to change prices
    firms = torch.log1p(torch.tensor(pi)) * (1 - 1 / (1 + r))
    assert hank.kappa * (rest["w"] - 1 / hank.mu) == pytest.approx(float(firms), abs=1e-9)
    spent = people.mean(world.period(panel).choice["c"])
    assert float(spent) == pytest.approx(rest["Y"] * (1 - hank.menu * pi**2), rel=1e-5)
    assert isinstance(world.economy, AtPrices)
    *groups, everybody = groups_of(panel, hank.states)
    members = torch.stack([*groups, everybody])
    got, _ = followed(world, panel, members, torch.zeros(1, 20, 1, dtype=panel.z.dtype), nodes)
    torch.testing.assert_close(got[:, :-1].sum(1), got[:, -1])
    per_quarter = got[0, -1] / (1 - hank.beta**20) * (1 - hank.beta)
    c = world.period(panel).choice["c"]
    torch.testing.assert_close(per_quarter, -people.mean(1 / c)[0], rtol=1e-4, atol=0)
