"""Single steps of a walk, for tests that look at one."""

import torch

from deepham.algorithm import objective
from deepham.economics import planner
from deepham.economics.planner import under
from deepham.simulation.continuum import settle
from deepham.simulation.period import Panel, World
from deepham.simulation.walk import walk


@torch.no_grad()
def advance(world, panel, generator):
    """The panel a period later, and consumption (B, N) in this one."""
    now, after = walk(world, panel, 2, generator)
    return after.panel, now.consumption


@torch.no_grad()
def simulate(world, panel, periods, generator, grid=None):
    """The panels after each of the next periods."""
    return [period.panel for period in walk(world, panel, periods + 1, generator, grid)][1:]


def advance_histogram(world, grid, panel, z_next):
    """The histograms in tomorrow's aggregate state z_next, and consumption in this period."""
    period = world.period(panel)
    return settle(world.economy, grid, period.saved, panel.z, z_next), period.consumption


def draw_shocks(economy, seen, generator):
    """Tomorrow's z and eps of a panel, drawn."""
    after, _ = advance(World(economy, lambda seen: seen.resources / 2), Panel(seen.population, seen.z), generator)
    return after.z, after.population.eps


def externality(world, panel):
    """D of the cross-sections as they are, whoever chooses savings."""
    seen = World(under(world.economy, "market")).observe(panel)
    return planner.externality(world.economy, world.choose(seen), seen)


def expected_value(economy, value, saved, seen, price_taking=True, generator=None):
    """E V of households who carry the assets of `saved` out of the period that they see."""
    world = World(economy, value=value, price_taking=price_taking)
    period = world.period(seen.panel)
    period.seen, period.saved = seen, saved
    return objective.expected_value(world, period, generator)
