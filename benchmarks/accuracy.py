"""Whether the errors stay where they are as aggregate shocks are added: Euler errors for any number of them, and the
distance to a grid solution for as many as a grid can carry."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from benchmarks.many_shocks import ManyShocks, many_shocks
from benchmarks.train import model_of, shipped, train
from deepham.algorithm.evaluation import error_measures
from deepham.economics.autoregressions import Autoregressions
from deepham.economics.ks98 import KS98
from deepham.reference.law_of_motion import Equilibrium, solve_law_of_motion
from deepham.reference.settings import ReferenceSettings
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import walk

# 3,000 updates, otherwise conf/algorithm/deepham.yaml. In the continuum: shocks that together move K by 1.5 % are small
# beside the sampling noise in the K of a few hundred agents, and households that learn among those respond to K too
# little
TRAINING = {"outer_iterations": 10, "policy_steps": 300, "average": 0.003, "agents": None}
DIRECTIONS = 1  # in training: two next states, whatever d
POINTS = 5  # of each shock on the grid
NODES = 200  # of the wealth histogram in which the networks are followed
SETTLE = 500  # periods before the networks' continuum is compared


def solve_many_shocks(d: int, directions: int = DIRECTIONS, seed: int = 1, **algorithm) -> tuple[World, Panel, float]:
    """Train d shocks with the same networks, sizes and updates for every d.

    Args:
        algorithm: settings in place of those of TRAINING and conf/algorithm/deepham.yaml, such as agents=300.

    Returns:
        The networks in their economy, in float64; the cross-sections that training ended with; the seconds it took.
    """
    begun = time.perf_counter()
    module, data = train(
        model_of(many_shocks(d, directions)),
        shipped("network", "first_moment"),
        shipped("algorithm", "deepham", **TRAINING | algorithm),
        seed,
    )
    seconds = time.perf_counter() - begun
    people, z = data.panel.population, data.panel.z
    panel = Panel(Population(people.k.double(), people.eps, people.weight.double()), z.double())
    world = World(many_shocks(d, directions), module.policy_average.double(), module.value_average.double())
    return world, panel, seconds


def errors(world: World, panel: Panel) -> dict[str, float]:
    """Euler errors, percent of consumption, and Bellman errors, utils, in the cross-sections that training ended with.

    Expectations over eps' are exact, those over the innovations by the full quadrature.
    """
    return error_measures(world, panel, searched=10)


def grid_settings(d: int) -> ReferenceSettings:
    """Grids of one size for every d, and paths long enough that each of the 5^d states is met often enough to regress
    in.

    The corner states of the grid have a share of 1/16^d. With d = 1, three times as many nodes move the mean of K by
    .03 % and its standard deviation by less than .01 %.
    """
    return ReferenceSettings(
        k_nodes=100,
        K_nodes=7,
        K_width=0.12,
        top=8.0,
        histogram_nodes=200,
        economies=16 * 4 ** (d - 1),
        burn_in=300,
        periods=2000,
        tolerance=1e-5,
        damping=0.25,
        iterations=60,
        seed=1,
    )


@torch.no_grad()
def against_grid(world: World, points: int = POINTS, settings: ReferenceSettings | None = None) -> dict[str, float]:
    """Capital of the networks and of the grid solution on the same shocks: no sampling error is in the difference.

    Both continua follow the paths of the finite chains that the grid solution was found on. The networks expect
    Gaussian innovations and the grid's households those of Rouwenhorst's chains; mean and variance of the two agree,
    higher moments do not.

    Returns:
        mean_K, sd_K and the grid's, goods; mean_K_gap, sd_K_gap, and mean and maximum of the gap of the path of K,
        percent; seconds that the grid solution took.
    """
    economy = world.economy
    assert isinstance(economy, ManyShocks)
    finite, x = economy.on_grid(points)
    begun = time.perf_counter()
    equilibrium = solve_law_of_motion(finite, settings or grid_settings(economy.chain.draws))
    seconds = time.perf_counter() - begun
    K = _follow(world, equilibrium, finite, x)
    ours, grid = K[:, SETTLE:], equilibrium.ergodic.K[:, SETTLE:]
    gap = 100 * (ours / grid).log().abs()
    return {
        "mean_K": float(ours.mean()),
        "sd_K": float(ours.std()),
        "mean_K_grid": float(grid.mean()),
        "sd_K_grid": float(grid.std()),
        "mean_K_gap": 100 * float(ours.mean() / grid.mean() - 1),
        "sd_K_gap": 100 * float(ours.std() / grid.std() - 1),
        "path_gap.mean": float(gap.mean()),
        "path_gap.max": float(gap.max()),
        "seconds": seconds,
    }


def _follow(world: World, equilibrium: Equilibrium, finite: KS98, x: Tensor) -> Tensor:
    """Capital (B, T) of the networks' continuum along the grid solution's paths."""
    assert isinstance(world.economy, ManyShocks)
    nodes, z_path = wealth_grid(world.economy, NODES, 8.0), equilibrium.ergodic.z
    share = equilibrium.ergodic.share_z.to(nodes)
    mass = (share @ equilibrium.ergodic.mean_mass).reshape(1, finite.chain.n_eps, -1)
    start = on_grid(nodes, Population.histogram(equilibrium.ergodic.grid, mass), finite.chain.n_eps)
    states, chain = x[z_path[..., 0]], world.economy.chain  # (B, T, d)
    assert isinstance(chain, Autoregressions)
    shocks = torch.cat([states[:, :1], (states[:, 1:] - chain.rho * states[:, :-1]) / chain.sigma], 1)
    begin = Panel(start.select([0] * len(z_path)), states[:, 0])
    periods = walk(world, begin, shocks, grid=nodes)
    return torch.cat([period.panel.population.mean(period.panel.population.k) for period in periods], 1)
