"""Growth of households' consumption by probabilities, against households that are drawn and followed."""

import math

import pytest
import torch

from deepham import economics
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.growth import MOMENTS, growth
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel, walk
from deepham.solution.datasets import draw_panel

AGENTS = 100_000
SHOCKS = torch.tensor([[[0], [1]]])


def saves(seen):
    """A share that falls with what there is, so that the rich and the poor grow apart."""
    return 0.3 * seen.resources**0.8


def two_periods(name, choose):
    """The two periods of a continuum and those of a panel of many households, who begin alike."""
    economy, generator = economics.create(name), torch.Generator().manual_seed(1)
    world, grid = World(economy, choose), wealth_grid(economy, 60, 8.0)
    some = initial_panel(economy, 1, 500, generator).population
    people, z = on_grid(grid, some.with_assets(some.k.clamp(grid[0], grid[-1])), economy.chain.n_eps), SHOCKS[:, 0]
    exact = tuple(walk(world, Panel(people, z), SHOCKS, grid=grid))
    return world, exact, tuple(walk(world, Panel(draw_panel(people, AGENTS, generator), z), SHOCKS, generator))


def of_panel(before, after):
    """What a survey of the same households in both periods says, of those who live in both."""
    lives = before.world.economy.continues(before.seen.eps, after.seen.eps)
    c, y = (
        100 * (values(after).log() - values(before).log())[... if lives is None else lives > 0].flatten()
        for values in (lambda at: at.consumption, lambda at: at.seen.resources - at.seen.k)
    )
    return {
        "consumption_growth_sd": float(c.std()),
        "pass_through": float(torch.cov(torch.stack([y, c]))[0, 1] / y.var()),
    }


@pytest.mark.parametrize("name", ["ks98", "life_cycle"])
def test_it_is_what_a_panel_of_many_households_says(name):
    world, exact, panel = two_periods(name, saves)
    found = growth(world, *exact)
    assert tuple(found) == MOMENTS
    assert {each: float(value) for each, value in found.items()} == pytest.approx(of_panel(*panel), rel=0.03)


def test_who_lives_from_hand_to_mouth_passes_all_of_it_through_and_who_is_insured_nothing():
    consumes = {
        1.0: lambda seen: seen.resources - seen.k,  # and holds what it held
        0.0: lambda seen: 1 + 0.1 * seen.z.expand(seen.k.shape),  # moves with what all have in common alone
    }
    for share, choose in consumes.items():
        world, exact, _ = two_periods("ks98", choose)
        found = growth(world, *exact)
        assert float(found["pass_through"]) == pytest.approx(share, abs=1e-9)
        assert (float(found["consumption_growth_sd"]) > 1) == (share == 1.0)


def test_where_nobody_s_income_moves_beside_that_of_the_others_there_is_no_pass_through():
    economy, z = economics.create("brock_mirman"), SHOCKS[:, 0]
    one = Panel(Population.panel(torch.full((1, 1), economy.scale, dtype=torch.float64), z), z)
    world = World(economy, saves)
    found = growth(world, *walk(world, one, SHOCKS, torch.Generator()))
    assert float(found["consumption_growth_sd"]) == pytest.approx(0, abs=1e-9)
    assert math.isnan(float(found["pass_through"]))
