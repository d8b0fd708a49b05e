"""Every function that draws uses its own generator or seed and nothing else."""

import pytest
import torch
from walking import advance, draw_shocks, simulate

from deepham.algorithm.objective import lifetime_utility
from deepham.algorithm.realised import realised_utility
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.period import World
from deepham.simulation.walk import initial_panel


def weights(economy, seed):
    settings = NetworkSettings(
        "test", width=4, depth=1, activation="tanh", base="frictionless", aggregate_scale=10.0, ensemble=2
    )
    return [list(network.parameters()) for network in build_networks(economy, settings, seed)]


def save_most(seen):
    return 0.07 * seen.resources


def log_resources(seen):
    return torch.log(seen.resources)


def start(economy):
    return initial_panel(economy, 2, 30, torch.Generator().manual_seed(9))


DRAWS = {
    "draw_path": lambda e, g: e.chain.draw_path(torch.zeros(20, 1, dtype=torch.long), 30, g),
    "initial_assets": lambda e, g: e.initial_assets((2, 3), g),
    "initial_panel": lambda e, g: initial_panel(e, 2, 3, g),
    "draw_shocks": lambda e, g: draw_shocks(e, World(e).observe(start(e)), g),
    "advance": lambda e, g: advance(World(e, save_most), start(e), g),
    "simulate": lambda e, g: list(simulate(World(e, save_most), start(e), 3, g)),
    "lifetime_utility": lambda e, g: lifetime_utility(World(e, save_most, log_resources), start(e), 3, g).utility,
    "realised_utility": lambda e, g: realised_utility(World(e, save_most), start(e), 2, 1, 3, g),
    "build_networks": lambda e, g: weights(e, g.initial_seed()),
}


def leaves(result):
    """Every tensor of a result, in order."""
    if result is None or isinstance(result, torch.Tensor):
        return [] if result is None else [result]
    parts = vars(result).values() if hasattr(result, "__dict__") else result
    return [leaf for part in parts for leaf in leaves(part)]


@pytest.mark.parametrize("name", DRAWS)
def test_same_seed_same_result_and_the_global_generator_is_left_as_found(ks98, seeded, name):
    results = []
    for own_seed, global_seed in ((0, 7), (0, 8), (1, 7)):
        with torch.random.fork_rng():
            before = torch.manual_seed(global_seed).get_state()
            results.append(leaves(DRAWS[name](ks98, seeded(own_seed))))
            assert torch.equal(torch.random.get_rng_state(), before)
    first, second, other = results
    assert all(torch.equal(a, b) for a, b in zip(first, second))
    assert not all(torch.equal(a, b) for a, b in zip(first, other))
