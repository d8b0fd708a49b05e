"""The cross-section of households: a panel or a histogram, in one type.

Every aggregate and every moment is a weighted sum over a population, so that a policy trained on one kind runs on
the other: a panel of N agents has weights 1/N, a histogram has the masses of its nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

NOTHING = 1e-4  # of the standard deviation of wealth: what is no mean to take shares of


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
        eps = torch.arange(n_eps, device=mass.device).repeat_interleave(g)
        return cls(grid.repeat(b, n_eps), eps.repeat(b, 1), mass.reshape(b, -1))  # no views: a graph writes into them

    def mean(self, values: Tensor) -> Tensor:
        """Weighted mean over the population of values (B, N): (B, 1)."""
        return (self.weight * values).sum(-1, keepdim=True)

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


def quantile(values: Tensor, weight: Tensor, levels, atom: float | None = None) -> Tensor:
    """Weighted quantiles over the last dimension: values and weight (..., N), levels (L,), result (..., L).

    The distribution function passes the middle of each value's mass and is linear between values: the mass of a
    histogram's node stands for households around it, and a quantile moves when they do. Below the first and above the
    last middle it is the first and the last value.

    atom: a value at which households really are, such as the borrowing limit: all levels up to its mass are that value.
    """
    order = values.argsort(-1)
    x, mass = values.gather(-1, order).contiguous(), weight.gather(-1, order)
    below, above = levels_of(x, mass)
    middle = (below + above) / 2
    if atom is not None:
        middle = torch.where(x <= atom, above, middle)
    target = above[..., -1:] * torch.as_tensor(levels, dtype=x.dtype, device=x.device)
    right = torch.searchsorted(middle.contiguous(), target).clamp(1, max(1, x.shape[-1] - 1)).clamp_max(x.shape[-1] - 1)
    left = (right - 1).clamp_min(0)
    start, end = middle.gather(-1, left), middle.gather(-1, right)
    share = ((target - start) / (end - start).clamp_min(torch.finfo(x.dtype).tiny)).clamp(0, 1)
    return torch.lerp(x.gather(-1, left), x.gather(-1, right), share)


def levels_of(values: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    """How much mass lies below the value of each point, and how much up to and with it.

    Points of one value are one mass: in which order they stand among themselves, by individual state or by date, says
    nothing.

    Args:
        values, mass: (..., N), in increasing order of the values; so are the two results.
    """
    x, cumulated = values.contiguous(), mass.cumsum(-1)
    last = x.shape[-1] - 1  # beyond it a NaN is found
    below = (cumulated - mass).gather(-1, torch.searchsorted(x, x).clamp_max(last))
    return below, cumulated.gather(-1, torch.searchsorted(x, x, right=True) - 1)


def gini(values: Tensor, weight: Tensor) -> Tensor:
    """Gini coefficient of values with a positive mean in each economy. values, weight: (B, N); result (B,).

    Twice the area between the diagonal and the Lorenz curve, the curve being linear between points. Where some values
    are negative, as the wealth of debtors, the curve dips below zero and the coefficient can exceed one.
    """
    order = values.argsort(-1)
    value = values.gather(-1, order)
    mass = weight.gather(-1, order)
    mass = mass / mass.sum(-1, keepdim=True)
    lorenz = (mass * value).cumsum(-1)
    lorenz = lorenz / lorenz[..., -1:]
    left = torch.cat([torch.zeros_like(lorenz[..., :1]), lorenz[..., :-1]], -1)
    return 1 - (mass * (left + lorenz)).sum(-1)


def curve_at(cumulated: Tensor, curve: Tensor, shares: list[float]) -> Tensor:
    """A cumulated quantity (B, N), linear between points, at shares of the population: (B, len(shares))."""
    zero = torch.zeros_like(curve[:, :1])
    x, y = torch.cat([zero, cumulated], 1), torch.cat([zero, curve], 1)
    at = torch.tensor(shares, dtype=x.dtype, device=x.device) * x[:, -1:]
    right = torch.searchsorted(x, at).clamp(1, x.shape[1] - 1)
    low, high = x.gather(1, right - 1), x.gather(1, right)
    share = ((at - low) / (high - low).clamp_min(1e-300)).clamp(0, 1)
    return torch.lerp(y.gather(1, right - 1), y.gather(1, right), share)


def has_mean(people: Population) -> bool:
    """Whether assets have a mean that one can take shares of: debts and wealth do not cancel. One economy."""
    mean = people.mean(people.k)
    return bool((mean > NOTHING * people.mean((people.k - mean) ** 2).sqrt()).all())


def lorenz(values: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The Lorenz curve of values with a positive mean in each economy: shares of households from the poorest, and what
    these have of all, each (B, N + 1) from zero to one. values, weight: (B, N).
    """
    order = values.argsort(dim=-1, stable=True)
    mass = weight.gather(-1, order)
    held = (mass * values.gather(-1, order)).cumsum(-1)
    households = mass.cumsum(-1)
    zero = torch.zeros_like(held[..., :1])
    return torch.cat([zero, households / households[..., -1:]], -1), torch.cat([zero, held / held[..., -1:]], -1)
