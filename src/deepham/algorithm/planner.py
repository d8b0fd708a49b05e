"""What a planner counts beyond a household's own gain: its assets move prices for everybody.

Constrained efficiency (Davila, Hong, Krusell and Rios-Rull, 2012): a planner tells households how much to save, who
live on their own incomes at market prices, and counts all of them alike. Its first-order condition is

    u'(c) >= beta E[R' u'(c') + D'],     D' = sum over tomorrow's households j of their mass times u'(c_j') dm_j'/dK'

with equality where k' > 0; with competitive factor prices dm_j/dK = F_KK k_j + F_LK e_j. So the planner's choice is
that of price-takers who are paid D utils at the start of a period for each unit of assets that they hold, and this
premium is all there is to it: V is the value of such a household, and its slope in resources is still u'(c).
"""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.simulation.period import Observation, Panel, World


def start_value(world: World, seen: Observation) -> Tensor:
    """What a household has at the start of a period, (B, N), utils: V and, under a planner, the premium on its
    assets."""
    value = world.value(seen)
    return value if world.economy.objective == "market" else value + premium(world, seen)


def premium(world: World, seen: Observation) -> Tensor:
    """What a planner pays households for the assets that they hold, by what everybody beside them does: (B, N),
    utils."""
    return externality(world, seen.panel)[:, None] * seen.k


@torch.no_grad()
def externality(world: World, panel: Panel) -> Tensor:
    """D (B,): what one more unit of capital a head is worth to all households by the prices that it moves. Utils a
    unit.

    No gradient leads through it: a household takes it as given, like prices.
    """
    period = world.period(panel)
    return externality_of(world.economy, period.seen, period.consumption)


def externality_of(economy: Economy, seen: Observation, consumption: Tensor) -> Tensor:
    """D (B,) where all households of the cross-sections consume so much, (B, N)."""
    population, z = seen.population.detach(), seen.z
    marginal = economy.preferences.marginal_utility(consumption)
    with torch.enable_grad():
        aggregates = {name: value.detach().requires_grad_() for name, value in seen.aggregates.items()}
        income = economy.resources(population.k, population.eps, z, economy.prices(aggregates, z))
        (worth,) = torch.autograd.grad(population.mean(marginal * income).sum(), aggregates["K"])
    return worth
