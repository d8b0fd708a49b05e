"""Households of the ergodic set at which second-order training takes its conditions: where they are, and how many.

So many are drawn of each economy of the continuum by mass, the rich and the poor more often, and put anywhere between
the nodes around theirs; a few more are spread over all wealth, near the limit and far out, where there may be next to
nobody and a network would otherwise be free.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepham.algorithm.losses import agent_weights
from deepham.simulation.period import Panel, Period

RICHEST = 6.0  # where the spread ones end, in units of typical assets, where nothing else is said
POOREST = 0.003  # and where they begin


@dataclass(frozen=True)
class Sample:
    """Economies (B) and n households of each.

    Attributes:
        panel: where the economies stand, and the unknowns that clear in them, `near`.
        k, eps, weight: (B, n), what each household counts.
        off: (B * n, U) by how much each of them alone sees the unknowns off where they clear; None: not at all.
        spends: (B, n), of what everybody consumes the share that each stands for; None where that is not known.
    """

    panel: Panel
    k: Tensor
    eps: Tensor
    weight: Tensor
    off: Tensor | None = None
    spends: Tensor | None = None


@dataclass(frozen=True)
class Sampling:
    """How households are drawn.

    Attributes:
        households, spread: of each economy, drawn by mass and spread.
        spread_weight: what one that is spread counts.
        rich, poor: as in `agent_weights`.
        richest: where the spread ones end, in units of typical assets.
    """

    households: int
    spread: int
    spread_weight: float
    rich: float
    poor: float
    richest: float = RICHEST

    def fewer(self, share: float) -> Sampling:
        """The same of a share of the households that are drawn by mass. Where next to nobody is, fewer would not do."""
        return replace(self, households=math.ceil(share * self.households))

    def draw(self, period: Period, grid: Tensor, typical: dict[str, float], generator: torch.Generator) -> Sample:
        """Of economies that are histograms on the grid (G,)."""
        seen, population = period.seen, period.panel.population
        b, g, limit, unit = len(seen.z), len(grid), typical["limit"], typical["assets"] - typical["limit"]
        weight = agent_weights(typical, seen, self.rich, self.poor, population.weight)

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator, device=grid.device, dtype=grid.dtype)

        reached = weight.cumsum(1) / weight.sum(1, keepdim=True)
        levels = (torch.arange(self.households, device=grid.device) + uniform(b, 1)) / self.households
        drawn = torch.searchsorted(reached, levels).clamp_max(reached.shape[1] - 1)
        node = drawn % g
        low, high = ((grid[(node + step).clamp(0, g - 1)] + grid[node]) / 2 for step in (-1, 1))
        k = low + (high - low) * uniform(b, self.households)
        poor = self.spread // 2
        far = unit * torch.cat(
            [torch.exp(math.log(POOREST) * uniform(b, poor)), self.richest * uniform(b, self.spread - poor)], 1
        )
        anybody = (uniform(b, self.spread) * (population.k.shape[1] // g)).long()
        k = torch.cat([k, limit + far], 1).clamp_min(float(grid[0]))
        counts = torch.cat([torch.ones_like(levels), torch.full_like(far, self.spread_weight)], 1)
        eps = torch.cat([population.eps.gather(1, drawn), anybody], 1)
        # drawn more often than there are of them, each stands for fewer
        spends = (population.weight * period.choice["c"] / weight.clamp_min(1e-300)).gather(1, drawn)
        spends = torch.cat([spends / spends.sum(1, keepdim=True), torch.zeros_like(far)], 1)
        return Sample(Panel(population, seen.z, period.found), k, eps, counts, spends=spends)


def scaled(sample: Sample, limit: float, width: float, generator: torch.Generator) -> Sample:
    """The same economies with the assets of all scaled by a factor within 1 +- width, each by its own: aggregates that
    the policy has not led to yet."""
    people = sample.panel.population
    uniform = torch.rand((len(people.k), 1), generator=generator, device=people.k.device, dtype=people.k.dtype)
    factor = 1 + width * (2 * uniform - 1)
    moved = people.with_assets(limit + factor * (people.k - limit))
    panel = Panel(moved, sample.panel.z, sample.panel.near)
    return replace(sample, panel=panel, k=limit + factor * (sample.k - limit))


def redistributed(sample: Sample, limit: float, power: Tensor) -> Sample:
    """The same economies with the assets of all, beyond the limit, to these powers (B, 1) and then scaled to the mean
    that there was: cross-sections that the policy seldom leads to, where a market fixes the mean. Who is at the limit
    stays there.
    """
    people = sample.panel.population
    held = people.k - limit
    factor = people.mean(held) / people.mean(held**power)
    panel = Panel(people.with_assets(limit + factor * held**power), sample.panel.z, sample.panel.near)
    return replace(sample, panel=panel, k=limit + factor * (sample.k - limit) ** power)
