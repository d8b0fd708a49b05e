"""Hours as a second output of the policy network."""

import pytest
import torch

from deepham import economics
from deepham.algorithm.residuals import residuals
from deepham.errors import InputError
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.period import World
from deepham.simulation.walk import initial_panel

SETTINGS = ("test", 8, 2, "tanh", "frictionless", 10.0, 1)
NAMES = ("brock_mirman_labour", "ks98_ghh", "ks98_labour", "ks98_leisure")


def learner(economy, spread, seed=0):
    """A policy that has learned anything: its output layer is drawn."""
    policy, value = build_networks(economy, NetworkSettings(*SETTINGS, learned=["n"]), seed)
    with torch.no_grad():
        policy.mlp[-1].weight.normal_(0, spread, generator=torch.Generator().manual_seed(seed))
    return policy.double(), value.double()


def panel_of(economy):
    return initial_panel(economy, 3, 200, torch.Generator().manual_seed(5))


@pytest.mark.parametrize("name", NAMES)
def test_hours_and_consumption_stay_in_their_domains_whatever_a_network_says(name):
    economy = economics.create(name)
    policy, value = learner(economy, 3.0)
    period = World(economy, policy, value, clamped=True).period(panel_of(economy))
    c, n, works = period.choice["c"], period.choice["n"], economy.works(period.seen.eps)
    assert bool((n[works] >= 0).all()) and bool((n[~works] == 0).all())
    assert float(period.carried.min()) >= 0 and bool(period.utility.isfinite().all()) and float(c.min()) > 0
    if economy.effort.most is None:
        assert float(n[works].min()) > 0
    else:  # the corner is met, and exactly
        assert float(n.max()) < economy.effort.most and bool((n[works] == 0).any())


@pytest.mark.parametrize("name", NAMES)
def test_an_untrained_network_misses_the_condition_and_one_that_says_the_same_as_it_does_not(name):
    economy = economics.create(name)
    policy, value = learner(economy, 0.0)
    panel = panel_of(economy)
    world = World(economy, policy, value)
    missed = residuals(world, panel, optimality=False).missed["labour"]
    assert float(missed[~missed.isnan()].abs().mean()) > 1e-3

    def told(seen):
        c = policy(seen)[..., 1]
        return torch.stack([economy.follows(c, seen)["n"].expand_as(c), c], -1)

    both, alone = (World(economy, rule, value) for rule in (told, lambda seen: policy(seen)[..., 1]))
    for name in ("c", "n"):
        torch.testing.assert_close(
            both.period(panel).choice[name], alone.period(panel).choice[name], rtol=1e-8, atol=1e-12
        )


def test_gradients_reach_hours_at_the_corner_and_consumption_at_the_limit():
    """Who works nothing by mistake, and who can consume no more, still learn: the gradient leads out."""
    economy = economics.create("ks98_leisure")
    policy, value = learner(economy, 3.0)
    world = World(economy, policy, value, clamped=True)
    period = world.period(panel_of(economy))
    (-period.utility.mean()).backward()
    assert all(bool(leaf.grad.isfinite().all()) for leaf in policy.parameters())
    assert float(policy.mlp[-1].weight.grad[0].abs().max()) > 0


@pytest.mark.parametrize("name, learned", [("ks98", ["n"]), ("ks98_ghh", ["c"]), ("ks98_ghh", ["n", "n"])])
def test_a_choice_that_there_is_none_of_is_refused_in_one_line(name, learned):
    with pytest.raises(InputError, match="network.learned") as error:
        build_networks(economics.create(name), NetworkSettings(*SETTINGS, learned=learned), 0)
    assert "\n" not in str(error.value)
