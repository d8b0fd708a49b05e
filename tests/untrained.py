"""A solution without the training, for tests of what is done with one; and what is refused there, in one line."""

from __future__ import annotations

import copy
from dataclasses import asdict

import pytest
import torch

from deepham import economics
from deepham.algorithm.ergodic import ergodic_path
from deepham.errors import LONGEST, InputError
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.solution.solution import Solution

NETWORK = NetworkSettings(
    name="first_moment", width=8, depth=1, activation="tanh", base="frictionless", aggregate_scale=10.0, ensemble=1
)
META = {"seed": 0, "measures": {"euler.mean": 0.04, "bellman_policy.mean": 0.0007, "mean_K": 39.4, "gini": 0.27}}


def make(name, nodes=60, **calibration):
    """A solution that nobody trained: networks with a little noise in their last layer, a short ergodic path."""
    economy = economics.create(name, **calibration)
    policy, value = build_networks(economy, NETWORK, seed=0)
    generator = torch.Generator().manual_seed(0)
    for mlp in (policy.mlp, value.mlps[0]):
        mlp[-1].weight.data.normal_(0, 0.01, generator=generator)
    grid = wealth_grid(economy, nodes, 8.0)
    if name == "brock_mirman":
        grid = grid[1:]  # nobody holds nothing there: resources would be zero
    panel = Population.panel(economy.initial_assets((1, 200), generator), torch.zeros(1, 200, dtype=torch.long))
    z_path = economy.chain.draw_path(torch.zeros(1, 1, dtype=torch.long), 300, generator)
    start = Panel(on_grid(grid, panel, economy.chain.n_eps), z_path[:, 0])
    ergodic = ergodic_path(World(economy, copy.deepcopy(policy).double()), grid, start, z_path, burn_in=100, dates=1)
    return Solution(name, economy.parameters(), asdict(NETWORK), policy, value, grid, ergodic.mean_mass, META)


def refused(call, *words):
    """The call raises InputError of one line that says the words."""
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and len(message) <= LONGEST
    for word in words:
        assert word in message, message
