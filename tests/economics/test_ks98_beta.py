"""Krusell and Smith's economy of three discount factors."""

import pytest
import torch

from deepham import economics
from deepham.algorithm.residuals import residuals
from deepham.economics.ks98_beta import KS98Beta
from deepham.errors import InputError
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel


@pytest.fixture
def economy():
    return economics.create("ks98_beta")


def test_shares_and_moves_are_the_published_ones(economy):
    by_type = economy.chain.eps_shares().reshape(3, 2).sum(1)
    torch.testing.assert_close(by_type, economy.table([0.1, 0.8, 0.1]), rtol=1e-12, atol=0)
    assert economy.patience.tolist() == pytest.approx([0.9858, 0.9894, 0.9930], abs=1e-12)
    moves = economy.chain.individual[0, 0].reshape(3, 2, 3, 2).sum(3)[:, 0]
    assert moves[1].tolist() == pytest.approx([0.000625, 0.99875, 0.000625])  # printed in the paper
    for z, rate in enumerate((0.10, 0.04)):  # the rate of u(z) is the same in each type
        jobs = torch.tensor([rate, 1 - rate], dtype=torch.float64) * by_type[:, None]
        for z_next, rate_next in enumerate((0.10, 0.04)):
            after = jobs.flatten() @ economy.chain.individual[z, z_next]
            assert after.reshape(3, 2)[:, 0].tolist() == pytest.approx((rate_next * by_type).tolist(), rel=1e-12)


def test_the_euler_equation_asks_each_household_for_its_own_patience(economy, seeded):
    """Where all types do the same, what the Euler equation asks of them differs by their discount factors alone."""
    panel = initial_panel(economy, 2, 30, seeded())
    world = World(economy, lambda seen: 0.05 * (seen.resources + 30), lambda seen: torch.log(seen.resources + 30))
    alike = panel.population.eps % 2
    wanted = []
    for kind in range(3):
        people = panel.population.__class__(panel.population.k, alike + 2 * kind, panel.population.weight)
        errors = residuals(world, panel.__class__(people, panel.z))
        seen = world.observe(panel.__class__(people, panel.z))
        wanted.append(world.policy(seen) / (1 + errors.euler))
    inside = wanted[0] < seen.resources - economy.borrowing_limit - 1e-9
    assert bool(inside.any())
    for kind in (1, 2):
        ratio = float(economy.patience[0] / economy.patience[kind])  # log utility
        torch.testing.assert_close((wanted[kind] / wanted[0])[inside], torch.full_like(wanted[0], ratio)[inside])


@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_who_never_changes_spends_the_share_that_is_known(sigma):
    """For ever of one patience: mpc = 1 - (beta R)^(1/sigma) / R, here at R = 1 / 0.9894."""
    lasting = economics.create("ks98_beta", sigma=sigma, stay=1 - 1e-12)
    base = lasting.frictionless()
    expected = 1 - 0.9894 * (lasting.patience / 0.9894) ** (1 / sigma)
    torch.testing.assert_close(base.mpc, expected.repeat_interleave(2), rtol=1e-4, atol=0)


def test_the_rich_of_each_type_consume_their_share_of_wealth_whatever_networks_have_learned(economy, random_networks):
    policy, value = (network.double() for network in random_networks(economy))
    mpc = economy.frictionless().mpc
    # with log utility the Euler equation between types that move: L = 1 / mpc, L = 1 + beta E[L']
    periods = 1 + economy.patience.repeat_interleave(2) * (economy.chain.average() @ (1 / mpc))
    torch.testing.assert_close(1 / mpc, periods, rtol=1e-10, atol=0)
    k, eps = torch.full((1, 6), 1e7, dtype=torch.float64).requires_grad_(), torch.arange(6)[None]
    usual = Population.panel(torch.full((1, 6), 10.0, dtype=torch.float64), eps)
    seen = World(economy).before(Panel(usual, economy.chain.typical_z()[[0]]), k=k, eps=eps)
    torch.testing.assert_close((policy(seen) / seen.resources)[0], mpc, rtol=1e-3, atol=0)
    (slope,) = torch.autograd.grad(value(seen).sum(), k)
    torch.testing.assert_close((slope * policy(seen) / seen.prices["R"])[0], torch.ones_like(mpc), rtol=1e-2, atol=0)


def test_some_may_borrow_less_than_others(economy, random_networks, seeded):
    class Strict(KS98Beta):
        least = (-2.0, -2.0, -2.2, -2.2, -2.4, -2.4)

        def limit_of(self, eps):
            return torch.tensor(self.least, dtype=torch.float64)[eps]

    given = economy.parameters() | {"home": 0.6}
    strict = Strict(**given)
    panel = initial_panel(strict, 2, 60, seeded())
    indebted = panel.population.with_assets(torch.where(torch.arange(60) % 3 == 0, -2.4, panel.population.k))
    for policy in (random_networks(strict)[0], lambda seen: strict.spendable(seen)):
        period = World(strict, policy).period(panel.__class__(indebted, panel.z))
        limits = strict.limit_of(indebted.eps)
        assert bool((period.carried >= limits - 1e-12).all())
    torch.testing.assert_close(period.carried, limits, rtol=1e-12, atol=0)
    for least, says in (
        ((-3.0, *Strict.least[1:]), "expected no state below"),
        ((0.5, *Strict.least[1:]), "unemployed"),
    ):
        Strict.least = least
        with pytest.raises(InputError, match=f"limit_of: .*{says}") as error:
            Strict(**given)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "given, name",
    [({"spread": 0.02}, "spread"), ({"extreme": 0.5}, "extreme"), ({"stay": 0.1, "extreme": 0.4}, "stay"),
     ({"mu": 0.1}, "mu"), ({"home": 0.0}, "home"), ({"limit": 1.0}, "limit"), ({"limit": -8.0}, "limit")],
)  # fmt: skip
def test_parameters_out_of_range_are_refused_by_name(given, name):
    with pytest.raises(InputError, match=name) as error:
        economics.create("ks98_beta", **given)
    assert "\n" not in str(error.value)
