"""Prices that do not clear, from which the policy learns its demand and V nothing."""

from dataclasses import replace

import pytest
import torch
import yaml

from deepham import economics
from deepham.algorithm import gradients
from deepham.algorithm.settings import AlgorithmSettings
from deepham.errors import InputError
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.period import World
from deepham.simulation.walk import initial_panel
from deepham.system.paths import conf_folder


def conf(group, name):
    return yaml.safe_load((conf_folder() / group / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def settings():
    return AlgorithmSettings.from_dict(conf("algorithm", "deepham") | {"off_equilibrium": 0.5, "rich_weight": 0.0})


@pytest.fixture
def world():
    economy = economics.create("huggett")
    networks = build_networks(economy, NetworkSettings(**conf("network", "first_moment")), seed=1)
    return World(economy, *(network.double() for network in networks))


def test_half_of_the_economies_see_the_price_that_clears_and_teach_v(world, settings, seeded):
    panel = initial_panel(world.economy, 6, 80, seeded())
    typical = world.economy.typical_household()
    settings.poor_weight = 0.0
    policy, value = gradients.update_gradients(world, panel, settings, seeded(5), typical)
    moved, everywhere = gradients._off_equilibrium(world, panel, settings, seeded(5))
    clearing, seen = world.observe(panel).prices["q"], moved.observe(panel).prices["q"]
    assert torch.equal((clearing == seen).double(), everywhere) and int(everywhere.sum()) == 3
    # both gradients at once are that of V where prices clear, and that of the policy where each economy sees its own
    kept = [b for b in range(6) if everywhere[b] == 1]
    still = replace(settings, off_equilibrium=0.0)
    alone = gradients.update_gradients(world, panel.select(kept), still, seeded(5), typical)
    for ours, theirs in zip(value.gradient, alone[1].gradient, strict=True):
        torch.testing.assert_close(ours, theirs / 2, rtol=1e-6, atol=1e-12)
    at_cleared = gradients.update_gradients(world, panel, still, seeded(5), typical)[0]
    assert not torch.allclose(policy.gradient[-1], at_cleared.gradient[-1], rtol=1e-3)


def test_an_economy_without_unknowns_draws_nothing(settings, seeded):
    ks98 = economics.create("ks98")
    generator = seeded(1)
    before = generator.get_state()
    panel = initial_panel(ks98, 2, 5, seeded())
    assert gradients._off_equilibrium(World(ks98), panel, settings, generator) == (World(ks98), None)
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("changes, said", [({"off_equilibrium": 1.0}, r"\[0, 1\)"), ({"horizon": 2}, "horizon=1")])
def test_shares_and_horizons_that_make_no_sense_are_refused(settings, changes, said):
    with pytest.raises(InputError, match=f"off_equilibrium: .*{said}"):
        replace(settings, **changes).validate()
