"""Second-order steps of a policy that learns hours beside consumption: derivatives against differences."""

import pytest
import torch

from deepham import economics
from deepham.algorithm.ergodic_sample import Sample
from deepham.algorithm.first_order import first_order_condition
from deepham.algorithm.newton import flat, shift
from deepham.algorithm.within import conditions_within
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel


@pytest.mark.parametrize("name", ["brock_mirman_labour", "ks98_ghh", "ks98_labour", "ks98_leisure"])
def test_conditions_move_with_the_weights_as_their_jacobians_say(name, seeded):
    """At wages that clear, and at others; labour of tomorrow goes on clearing, by hours that the network says."""
    economy = economics.create(name)
    policy, _ = build_networks(
        economy, NetworkSettings("test", 5, 2, "tanh", "frictionless", 10.0, 1, learned=["n"]), 3
    )
    policy.double()
    shift(policy, 0.05 * torch.randn(flat(policy).shape, generator=seeded(), dtype=torch.float64))
    panel = initial_panel(economy, 2, 60, seeded())
    panel = Panel(Population.panel(panel.population.k.double(), panel.population.eps), panel.z)
    with torch.no_grad():
        found = World(economy, policy).period(panel).found
    k = torch.rand((2, 6), generator=seeded(2), dtype=torch.float64) + 0.2
    eps = torch.randint(economy.chain.n_eps, (2, 6), generator=seeded(3))
    off = 0.01 * torch.randn((12, 1), generator=seeded(4), dtype=torch.float64)
    sample = Sample(Panel(panel.population, panel.z, found), k * economy.scale, eps, torch.ones_like(k), off)
    direction = torch.randn(flat(policy).shape, generator=seeded(7), dtype=torch.float64)
    for conditions in (conditions_within, first_order_condition):
        linear = conditions(economy, policy, sample)
        above, below = (_after(policy, step * direction, conditions, economy, sample) for step in (1e-5, -1e-5))
        torch.testing.assert_close(linear.jacobian @ direction, (above - below) / 2e-5, rtol=1e-4, atol=1e-6)
    assert float(conditions_within(economy, policy, sample).residual.abs().max()) > 0.01


def _after(policy, change, conditions, economy, sample):
    shift(policy, change)
    found = conditions(economy, policy, sample).residual
    shift(policy, -change)
    return found
