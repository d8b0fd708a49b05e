"""That errors do not grow with the number of aggregate shocks, and that capital moves as a grid says."""

import pytest
import torch
from walking import advance_histogram

from benchmarks.accuracy import NODES, SETTLE, against_grid, errors, solve_many_shocks
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel

SHORT = {"outer_iterations": 1, "burn_in": 50, "average": 0.02}


@pytest.mark.slow
def test_a_short_training_takes_errors_away():
    before, after = (errors(*solve_many_shocks(3, policy_steps=steps, agents=100, **SHORT)[:2]) for steps in (1, 300))
    for error in ("euler.mean", "bellman_policy.mean"):
        assert after[error] < 0.35 * before[error]


@torch.no_grad()
def ergodic_capital(world, pairs=16, periods=2000, seed=0):
    """Mean and standard deviation of K in the continuum under the networks' own Gaussian shocks, with standard errors.

    Economies come in pairs whose innovations have opposite signs, which takes what is linear in them out of the mean.

    Returns:
        mean_K, sd_K, and mean_K_se, sd_K_se, over pairs; goods.
    """
    economy, chain = world.economy, world.economy.chain
    generator = torch.Generator().manual_seed(seed)
    nodes = wealth_grid(economy, NODES, 8.0)
    panel = initial_panel(economy, pairs, 2000, generator)
    population = on_grid(nodes, panel.population, chain.n_eps)
    population = Population(*(each.repeat(2, 1) for each in (population.k, population.eps, population.weight)))
    z, path = torch.cat([panel.z, -panel.z]), []
    for t in range(SETTLE + periods):
        if t >= SETTLE:
            path.append(population.mean(population.k))
        population, _ = advance_histogram(world, nodes, Panel(population, z), z)
        uniform = torch.rand((pairs, chain.draws), generator=generator, dtype=z.dtype)
        z = torch.cat([chain.draw_z(z[:pairs], uniform), chain.draw_z(z[pairs:], 1 - uniform)])
    K = torch.stack(path, 1).reshape(2, pairs, periods)
    mean, variance = K.mean((0, 2)), ((K - K.mean()) ** 2).mean((0, 2))
    sd = variance.mean().sqrt()
    return {
        "mean_K": float(mean.mean()),
        "mean_K_se": float(mean.std() / pairs**0.5),
        "sd_K": float(sd),
        "sd_K_se": float(variance.std() / pairs**0.5 / (2 * sd)),
    }


@pytest.mark.slow
@pytest.mark.parametrize("d", [2, 30])
def test_errors_stay_small_as_shocks_are_added(d):
    world, panel, _ = solve_many_shocks(d)
    found = errors(world, panel)
    assert found["euler.mean"] < 0.01 and found["euler.p99"] < 0.05  # percent of consumption
    assert found["bellman_policy.mean"] < 0.003  # utils
    if d <= 2:  # a grid of 5 points a shock can still be solved
        grid = against_grid(world)
        assert abs(grid["mean_K_gap"]) < 0.15 and grid["path_gap.mean"] < 0.15 and abs(grid["sd_K_gap"]) < 2  # percent
        own = ergodic_capital(world)  # the rest is the sampling error of the grid solution's paths
        assert own["mean_K"] == pytest.approx(grid["mean_K_grid"], rel=0.005)
        assert own["sd_K"] == pytest.approx(grid["sd_K_grid"], rel=0.2)


@pytest.mark.slow
def test_panels_of_agents_do_as_well_up_to_what_their_capital_does_not_tell():
    assert errors(*solve_many_shocks(30, agents=300)[:2])["euler.mean"] < 0.05  # percent of consumption
