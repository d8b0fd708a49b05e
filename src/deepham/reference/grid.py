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
        low, share = bracket(self.grid.K.log(), seen.aggregates["K"].log())
        share = share[:, None, None]
        table = (1 - share) * self.values[seen.z, :, low] + share * self.values[seen.z, :, low + 1]  # (B, n_eps, G)
        economy = torch.arange(len(seen.z), device=seen.z.device)[:, None]
        low, share = bracket(self.grid.k, seen.k)
        result = (1 - share) * table[economy, seen.eps, low] + share * table[economy, seen.eps, low + 1]
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
