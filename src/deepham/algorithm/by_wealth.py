"""Where in the wealth distribution the errors are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from deepham.algorithm.residuals import residuals
from deepham.simulation.period import Panel, World
from deepham.simulation.population import levels_of, quantile

EDGES = (0.0, 0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99, 1.0)  # quantiles of wealth


@dataclass(frozen=True)
class WealthBin:
    """Mean errors of the households between two quantiles of wealth, pooled over economies.

    Attributes:
        low, high: the quantiles, as shares of households.
        k_low, k_high: wealth there, goods.
        euler, euler_signed: mean of the absolute and of the signed Euler error, percent of consumption; a positive
            sign is consumption above what the Euler equation asks for.
        bellman, bellman_signed: the same of the policy's Bellman error, utils per unit of time.
    """

    low: float
    high: float
    k_low: float
    k_high: float
    euler: float
    euler_signed: float
    bellman: float
    bellman_signed: float


def errors_by_wealth(world: World, panel: Panel) -> list[WealthBin]:
    """Mean errors in each bin of EDGES at the cross-sections of the panel, expectations enumerated.

    All who hold as much count alike: a level of wealth that straddles an edge is on both sides, with its share of the
    mass.
    """
    k, weight = panel.population.k.flatten(), panel.population.weight.flatten() / len(panel.z)
    errors = [
        residuals(world, panel.select(slice(index, index + 1)), optimality=False) for index in range(len(panel.z))
    ]  # one economy at a time keeps the memory small
    euler = 100 * torch.cat([each.euler.flatten() for each in errors])
    bellman = torch.cat([each.bellman_policy.flatten() for each in errors]) / world.economy.period_length
    order = k.argsort()
    below, above = levels_of(k[order], weight[order])
    part = weight[order] / (above - below).clamp_min(torch.finfo(weight.dtype).tiny)  # of what its level weighs
    wealth = quantile(k, weight, EDGES).tolist()

    def mean(values: Tensor, share: Tensor) -> float:
        return float((share * values[order]).sum() / share.sum())

    bins = []
    for index, (low, high) in enumerate(zip(EDGES[:-1], EDGES[1:])):
        share = part * (above.clamp_max(high) - below.clamp_min(low)).clamp_min(0)
        bins.append(
            WealthBin(
                low,
                high,
                wealth[index],
                wealth[index + 1],
                mean(euler.abs(), share),
                mean(euler, share),
                mean(bellman.abs(), share),
                mean(bellman, share),
            )
        )
    return bins
