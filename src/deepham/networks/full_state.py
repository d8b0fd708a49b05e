"""The full state: the wealth of every household, as the paper's comparison with generalized moments feeds it."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.simulation.population import Population


def ordered_wealth(population: Population, points: int) -> Tensor:
    """Wealth at the midpoints (i + 1/2) / points of the cross-section, from the poorest up: (B, points).

    Among N = points households of equal weight that is the vector of their wealth in order. The order of households
    carries no information, so ordering it loses nothing; the published networks are fed the vector as it comes. And
    unlike that vector, these points exist in a population of any size and in the continuum.
    """
    order = population.k.argsort(-1)
    k, cumulated = population.k.gather(-1, order), population.weight.gather(-1, order).cumsum(-1)
    levels = (torch.arange(points, device=k.device, dtype=k.dtype) + 0.5) / points
    index = torch.searchsorted(cumulated, cumulated[:, -1:] * levels).clamp_max(k.shape[-1] - 1)
    return k.gather(-1, index)
