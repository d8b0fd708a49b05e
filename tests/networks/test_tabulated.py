"""A policy network looked up at the nodes of a histogram is the network."""

import pytest
import torch

from deepham import economics
from deepham.networks import tabulated
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.networks.tabulated import TabulatedPolicy, on_histogram
from deepham.simulation.continuum import wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

NETWORK = {"width": 8, "depth": 2, "activation": "tanh", "base": "frictionless", "aggregate_scale": 10.0, "ensemble": 1}


def trained(economy, **settings):
    """A policy whose last layer is not zero, in double precision."""
    policy, _ = build_networks(economy, NetworkSettings(name="any", **NETWORK | settings), seed=1)
    policy.mlp[-1].weight.data.normal_(0, 0.3, generator=torch.Generator().manual_seed(2))
    return policy.double()


def cross_sections(economy, nodes, K):
    """One economy for each mean K, in states of z by turns, on the nodes."""
    generator = torch.Generator().manual_seed(3)
    mass = torch.rand(len(K), economy.chain.n_eps, len(nodes), generator=generator, dtype=torch.float64)
    mean = mass.sum(1) @ nodes / mass.sum((1, 2))
    poor = torch.zeros_like(mass)
    poor[:, :, 0] = 1 / economy.chain.n_eps
    share = (torch.tensor(K) / mean)[:, None, None]  # of those who are not at the lowest node
    mass = share * mass / mass.sum((1, 2), keepdim=True) + (1 - share) * poor
    z = torch.arange(len(K))[:, None] % economy.chain.n_z
    return Panel(Population.histogram(nodes, mass), z)


@pytest.mark.parametrize(
    "model, settings", [("ks98", {}), ("ks98", {"base": "share"}), ("ks98_beta", {}), ("davila12", {"base": "typical"})]
)
def test_what_is_looked_up_is_what_the_network_says(model, settings):
    """On both sides of a piece's end, where it comes a second time, and where the limit binds."""
    economy = economics.create(model)
    policy, nodes = trained(economy, **settings), wealth_grid(economy, 50, 4.0)
    typical = next(iter(economy.typical_aggregates().values()))
    K = [share * typical for share in (0.8, 0.8999, 0.9001, 1.0, 1.005, 1.2, 0.8, 0.803)]
    looked_up = on_histogram(economy, policy, nodes)
    assert isinstance(looked_up, TabulatedPolicy)
    seen = World(economy).observe(cross_sections(economy, nodes, K))
    with torch.no_grad():
        expected, found = policy(seen), looked_up(seen)
        plan = policy.plan(seen, policy.mlp(*policy.inputs(seen)))
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=0)
    assert len(looked_up._pieces) <= len(K) and all(piece is not None for piece in looked_up._pieces.values())
    if settings.get("base") != "share":
        assert bool((plan.wanted > plan.most).any() and (plan.wanted < plan.most).any())


def test_pieces_that_are_given_up_for_memory_are_made_again(monkeypatch):
    economy = economics.create("ks98")
    policy, nodes = trained(economy), wealth_grid(economy, 30, 4.0)
    looked_up = on_histogram(economy, policy, nodes)
    monkeypatch.setattr(tabulated, "MOST_NUMBERS", 2 * 9 * 60)
    seen = World(economy).observe(cross_sections(economy, nodes, [30.0, 34.0, 38.0, 30.0]))
    with torch.no_grad():
        torch.testing.assert_close(looked_up(seen), policy(seen), rtol=1e-11, atol=0)
    assert len(looked_up._pieces) <= 2


def test_a_piece_on_which_the_network_bends_too_much_is_left_to_the_network():
    economy = economics.create("ks98")
    policy, nodes = trained(economy), wealth_grid(economy, 30, 4.0)
    policy.mlp[0].weight.data[:, -1] *= 300
    looked_up = on_histogram(economy, policy, nodes)
    seen = World(economy).observe(cross_sections(economy, nodes, [30.0, 38.0, 39.0]))
    with torch.no_grad():
        assert torch.equal(looked_up(seen), policy(seen))
    assert None in looked_up._pieces.values()


def test_a_network_that_sees_more_of_the_population_is_left_as_it_is():
    economy = economics.create("ks98")
    nodes = wealth_grid(economy, 30, 4.0)
    for settings in ({"moments": 1}, {"quantiles": 3}, {"dispersion": True}, {"poverty": True}):
        policy = trained(economy, **settings)
        assert on_histogram(economy, policy, nodes) is policy
    numbers, priced = economics.create("ks98_ar1"), economics.create("huggett")
    for other in (numbers, priced):
        policy = build_networks(other, NetworkSettings(name="any", **NETWORK | {"base": "typical"}), seed=1)[0]
        assert on_histogram(other, policy, wealth_grid(other, 30, 4.0)) is policy
