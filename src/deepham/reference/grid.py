"""Functions of (z, eps, K, k) on a grid, usable wherever a network is: Observation -> (B, N)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from deepham.simulation.household import Observation


@dataclass(frozen=True)
class Grid:
    """Nodes of individual assets k (G,) and of aggregate capital K (J,), both increasing."""

    k: Tensor
    K: Tensor


@dataclass(frozen=True)
class GridFunction:
    """Values (n_z, n_eps, J, G) at the nodes, linear in log K and in k between them and beyond the last.

    Attributes:
        capped: whether the function is consumption, which cannot exceed resources less the borrowing limit.
    """

    grid: Grid
    values: Tensor
    capped: bool
    borrowing_limit: float

    def __call__(self, seen: Observation) -> Tensor:
        row, up = (x[:, None] for x in bracket(self.grid.K.log(), seen.aggregates["K"].log()))
        column, right = bracket(self.grid.k, seen.k)
        z = seen.z[:, None]

        def between(row: Tensor) -> Tensor:
            return torch.lerp(self.values[z, seen.eps, row, column], self.values[z, seen.eps, row, column + 1], right)

        result = torch.lerp(between(row), between(row + 1), up)
        return torch.minimum(result, seen.resources - self.borrowing_limit) if self.capped else result

    def on_histogram(self, nodes: Tensor) -> HistogramFunction:
        """The same function for populations that are histograms on `nodes` (G',), several times faster."""
        low, share = bracket(self.grid.k, nodes)
        values = (1 - share) * self.values[..., low] + share * self.values[..., low + 1]  # (n_z, n_eps, J, G')
        return HistogramFunction(self.grid.K.log(), values.transpose(1, 2).flatten(2), self.capped, self.borrowing_limit)


@dataclass(frozen=True)
class HistogramFunction:
    """A GridFunction at the nodes of a wealth histogram: looked up instead of searched for.

    Attributes:
        log_K: (J,) nodes of aggregate capital, in logs.
        values: (n_z, J, n_eps * G), households in the order of `Population.histogram`.
    """

    log_K: Tensor
    values: Tensor
    capped: bool
    borrowing_limit: float

    def __call__(self, seen: Observation) -> Tensor:
        low, share = bracket(self.log_K, seen.aggregates["K"].log())
        result = torch.lerp(self.values[seen.z, low], self.values[seen.z, low + 1], share[:, None])
        return torch.minimum(result, seen.resources - self.borrowing_limit) if self.capped else result


def bracket(nodes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Index of the node below each point, and the point's share of the way to the next; beyond the ends, extrapolated.

    nodes: (..., G), increasing; points: (..., N) with the same leading dimensions, or any shape for one row of nodes.
    """
    low = (torch.searchsorted(nodes, points.contiguous(), right=True) - 1).clamp(0, nodes.shape[-1] - 2)
    if nodes.dim() == 1:
        left, right = nodes[low], nodes[low + 1]
    else:
        left, right = nodes.gather(-1, low), nodes.gather(-1, low + 1)
    return low, (points - left) / (right - left)
