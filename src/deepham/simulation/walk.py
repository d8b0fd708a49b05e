"""The only loop over time, for panels of agents and for the continuum, and where it begins."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.simulation.continuum import settle
from deepham.simulation.period import Panel, Period, World
from deepham.simulation.population import Population


def walk(
    world: World,
    start: Panel,
    shocks: Tensor | int,
    generator: torch.Generator | None = None,
    grid: Tensor | None = None,
) -> Iterator[Period]:
    """Yield one period after the other, the first of which begins at `start`. Nothing is chosen in a period, nor drawn
    after it, before somebody asks.

    Args:
        shocks: path (B, T, d) of aggregate shocks as `ShockProcess.draw_path` gives them, the first of which is that
            of the start itself; or T, a number of periods whose shocks are drawn.
        generator: draws them, and the individual shocks of a panel.
        grid: (G,) nodes on which the populations are histograms: the continuum, which has no individual luck.
    """
    periods = shocks if isinstance(shocks, int) else shocks.shape[1]
    period = world.period(start)
    for t in range(1, periods + 1):
        yield period
        if t < periods:
            period = world.period(_next(period, None if isinstance(shocks, int) else shocks[:, t], generator, grid))


@torch.no_grad()
def later(
    world: World, start: Panel, periods: int | Tensor, generator: torch.Generator, grid: Tensor | None = None
) -> Panel:
    """Where the economies stand after so many periods whose shocks are drawn, or in the last one of a path of shocks,
    as `walk` takes it."""
    shocks = periods + 1 if isinstance(periods, int) else periods
    (last,) = deque(walk(world, start, shocks, generator, grid), maxlen=1)
    return last.panel


def initial_panel(economy: Economy, economies: int, agents: int, generator: torch.Generator) -> Panel:
    """Start of a simulation: z and eps at their long-run shares, assets as the economy says."""
    device, dtype, draws = generator.device, economy.chain.dtype, economy.chain.draws
    uniform = torch.rand((economies, agents + draws), generator=generator, device=device, dtype=dtype)
    z, eps = economy.chain.start(uniform[:, :draws], uniform[:, draws:])
    return Panel(Population.panel(economy.initial_assets((economies, agents), generator), eps), z)


def _next(period: Period, shock: Tensor | None, generator: torch.Generator | None, grid: Tensor | None) -> Panel:
    """Where the economies stand after the period. Drawn: the aggregate shock where none is given, and the individual
    ones of a panel.
    """
    chain, flow = period.world.economy.chain, period.world.flow
    if flow is not None and shock is not None:
        z_next = chain.follow(period.panel.z, shock)
        return Panel(flow(period.panel, z_next), z_next)
    seen = period.seen
    b, n = seen.k.shape
    draws = chain.draws if shock is None else 0
    individual = n if grid is None else 0
    shape = b, draws + individual
    uniform = seen.k.new_empty(0)
    if shape[1]:  # with nothing to draw nothing is taken from the generator
        uniform = torch.rand(shape, generator=generator, device=seen.k.device, dtype=seen.k.dtype)
    if shock is None:
        z_next = chain.draw_z(seen.z, uniform[:, :draws], seen.wide)
    else:
        z_next = chain.follow(seen.z, shock, seen.wide)
    if grid is not None:
        return Panel(settle(period.world.economy, grid, period.saved, seen.z, z_next), z_next, period.found)
    eps_next = chain.draw_eps(seen.eps, seen.z, z_next, uniform[:, draws:])
    arriving = period.world.economy.arrive(period.carried, seen.eps, eps_next)
    k = period.carried if arriving is None else arriving
    return Panel(Population(k, eps_next, period.panel.population.weight), z_next, period.found)
