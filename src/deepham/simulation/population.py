"""The cross-section of households: a panel or a histogram, in one type.

Every aggregate and every moment is a weighted sum over a population, so that a policy trained on one kind runs on
the other: a panel of N agents has weights 1/N, a histogram has the masses of its nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Population:
    """Weighted cross-sections of B economies with N agents (or support points) each.

    Attributes:
        k: (B, N) endogenous individual state (assets) at the start of the period.
        eps: (B, N) index of the exogenous individual state.
        weight: (B, N), not negative, summing to one over N.
    """

    k: Tensor
    eps: Tensor
    weight: Tensor

    @classmethod
    def panel(cls, k: Tensor, eps: Tensor) -> Population:
        """N agents of equal weight. k, eps: (B, N)."""
        return cls(k, eps, torch.full_like(k, 1.0 / k.shape[1]))

    @classmethod
    def histogram(cls, grid: Tensor, mass: Tensor) -> Population:
        """Masses on the nodes of a wealth grid. grid: (G,); mass: (B, n_eps, G), summing to one in each economy."""
        b, n_eps, g = mass.shape
        k = grid.expand(b, n_eps, g).reshape(b, -1)
        eps = torch.arange(n_eps, device=mass.device)[:, None].expand(b, n_eps, g).reshape(b, -1)
        return cls(k, eps, mass.reshape(b, -1))

    def mean(self, values: Tensor) -> Tensor:
        """Weighted mean over the population of values (B, N): (B,)."""
        return (self.weight * values).sum(-1)

    def detach(self) -> Population:
        return Population(self.k.detach(), self.eps, self.weight.detach())

    def select(self, index) -> Population:
        """The economies named by an index or a slice over B."""
        return Population(self.k[index], self.eps[index], self.weight[index])

    def with_assets(self, k: Tensor) -> Population:
        return replace(self, k=k)


def concatenate(populations: list[Population]) -> Population:
    """Stack populations of equal N along the economies."""
    return Population(*(torch.cat([getattr(p, name) for p in populations]) for name in ("k", "eps", "weight")))


def quantile(values: Tensor, weight: Tensor, levels) -> Tensor:
    """Weighted quantiles of flattened values: the smallest value whose cumulated weight reaches each level."""
    order = values.flatten().argsort()
    sorted_values = values.flatten()[order]
    cumulated = weight.flatten()[order].cumsum(0)
    target = torch.as_tensor(levels, dtype=cumulated.dtype, device=cumulated.device) * cumulated[-1]
    return sorted_values[torch.searchsorted(cumulated, target).clamp_max(len(sorted_values) - 1)]


def gini(values: Tensor, weight: Tensor) -> Tensor:
    """Gini coefficient of values with a positive mean in each economy. values, weight: (B, N); result (B,).

    Twice the area between the diagonal and the Lorenz curve, the curve being linear between points. Where some values are
    negative, as the wealth of debtors, the curve dips below zero and the coefficient can exceed one.
    """
    order = values.argsort(-1)
    value = values.gather(-1, order)
    mass = weight.gather(-1, order)
    mass = mass / mass.sum(-1, keepdim=True)
    lorenz = (mass * value).cumsum(-1)
    lorenz = lorenz / lorenz[..., -1:]
    left = torch.cat([torch.zeros_like(lorenz[..., :1]), lorenz[..., :-1]], -1)
    return 1 - (mass * (left + lorenz)).sum(-1)
