"""Lifetime utility realised along simulated paths: the published target of the value network."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.simulation.period import Panel, World
from deepham.simulation.population import concatenate
from deepham.simulation.walk import walk


@torch.no_grad()
def realised_utility(
    world: World, panel: Panel, dates: int, spacing: int, periods: int, generator: torch.Generator
) -> tuple[Panel, Tensor, Panel]:
    """Follow B economies and add up each agent's utility over the `periods` after each of `dates` starting points.

    Args:
        panel: B economies of N agents, at the first starting point.
        dates, spacing: number of starting points on each path and the periods between two of them.

    Returns:
        The cross-sections at the starting points, as a panel of dates * B economies; sum_{t<periods} beta^t u(c_t)
        from each of them, (dates * B, N), utils, one path each, for as long as the household lives; and the panel at
        the end of the paths.
    """
    starts: list[Panel] = []
    length = (dates - 1) * spacing + periods
    k = panel.population.k
    # one block: a list of small tensors, stacked at the end, takes four times as much
    paths = torch.empty((length, *k.shape), dtype=k.dtype, device=k.device)  # (T, B, N)
    factors = []  # what utils of the next period weigh
    for t, period in enumerate(walk(world, panel, length + 1, generator)):
        if t > 0:
            factors.append(_factor(world.economy, panel.population.eps, period.panel.population.eps))
        panel = period.panel
        if t % spacing == 0 and len(starts) < dates:
            starts.append(panel)
        if t < length:
            paths[t] = period.utility
    windows = [slice(d * spacing, d * spacing + periods) for d in range(dates)]
    sums = [_discounted(paths[window], factors[window]) for window in windows]
    start = Panel(concatenate([s.population for s in starts]), torch.cat([s.z for s in starts]))
    return start, torch.cat(sums), panel


def _factor(economy: Economy, eps: Tensor, eps_next: Tensor) -> Tensor | float:
    """What a household in eps weighs utils of the next period with, where it is then in eps'."""
    lives = economy.continues(eps, eps_next)
    return economy.discount(eps) if lives is None else economy.discount(eps) * lives


def _discounted(utility: Tensor, factors: list[Tensor | float]) -> Tensor:
    """Utility (T, B, N) discounted to the first period, (B, N)."""
    first = factors[0]
    if isinstance(first, float):  # the same for all
        return torch.tensordot(first ** torch.arange(len(utility)).to(utility), utility, 1)
    total = utility[-1]
    for t in range(len(utility) - 2, -1, -1):
        total = utility[t] + factors[t] * total
    return total
