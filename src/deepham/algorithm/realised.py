"""Lifetime utility realised along simulated paths: the published target of the value network."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.economy import Economy, require
from deepham.simulation.period import Panel, World
from deepham.simulation.population import concatenate
from deepham.simulation.walk import walk


def require_one_life(economy: Economy) -> None:
    """Raise InputError for an economy whose households die or differ in patience: paths add up one household's utility,
    discounted with beta.
    """
    eps = torch.arange(economy.chain.n_eps, device=economy.chain.device)
    require(
        economy.continues(eps, eps) is None and isinstance(economy.discount(eps), float),
        "algorithm.value_steps: V is fitted to utility along paths, discounted with one beta, while households of this "
        "economy die or differ in patience; expected 0, so that V learns along with the policy",
    )


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
        from each of them, (dates * B, N), utils, one path each; and the panel at the end of the paths.
    """
    starts: list[Panel] = []
    length = (dates - 1) * spacing + periods
    k = panel.population.k
    # one block: a list of small tensors, stacked at the end, takes four times as much
    paths = torch.empty((length, *k.shape), dtype=k.dtype, device=k.device)  # (T, B, N)
    for t, period in enumerate(walk(world, panel, length + 1, generator)):
        panel = period.panel
        if t % spacing == 0 and len(starts) < dates:
            starts.append(panel)
        if t < length:
            paths[t] = period.utility
    discount = world.economy.beta ** torch.arange(periods, device=paths.device, dtype=paths.dtype)
    sums = [torch.tensordot(discount, paths[d * spacing : d * spacing + periods], 1) for d in range(dates)]
    start = Panel(concatenate([s.population for s in starts]), torch.cat([s.z for s in starts]))
    return start, torch.cat(sums), panel
