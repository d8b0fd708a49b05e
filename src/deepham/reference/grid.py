"""Functions of (z, eps, K, k) on a grid, usable wherever a network is: Observation -> (B, N).

z is the index of a chain, at which a function is looked up, or a number with nodes of its own, between which it is linear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from deepham.simulation.household import Observation


@dataclass(frozen=True)
class Grid:
    """Nodes, increasing.

    Attributes:
        k: (G,) individual assets.
        K: (J,) their mean over the households, which is capital where they own all of it.
        z: (n_z,) the aggregate state where it is a number; None where it is the index of a chain.
        mean: what the economy calls mean assets among its aggregates.
    """

    k: Tensor
    K: Tensor
    z: Tensor | None = None
    mean: str = "K"

    def to(self, device) -> Grid:
        """A copy on the device."""
        return Grid(self.k.to(device), self.K.to(device), None if self.z is None else self.z.to(device), self.mean)

    def in_state(self, z: Tensor, values: Callable[[Tensor], Tensor]) -> Tensor:
        """Values (B, N) in the aggregate states z (B,) or (B, 1), from those in rows (B,) of the grid."""
        if self.z is None:
            return values(z)
        low, share = bracket(self.z, z[:, 0])
        return torch.lerp(values(low), values(low + 1), share[:, None])

    def corners(self, z: Tensor, K: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Nodes around (z, K), as places row * J + column in the table of (z, K), and what each weighs in a function that is
        linear in log K and in z where it is a number. z (...) or (..., 1), K (...); so are places and weights. Beyond the nodes
        of a number the function goes on as it is at the last: what may come of a rare state is not extrapolated.
        """
        J = len(self.K)
        if self.z is None:
            low, share = bracket(self.K.log(), K.log())
            rows = [(z, None)]
        else:
            low, share = bracket(self.K.log(), K.log().clamp(self.K[0].log(), self.K[-1].log()))
            row, up = bracket(self.z, z[..., 0].clamp(self.z[0], self.z[-1]))
            rows = [(row, 1 - up), (row + 1, up)]
        found = []
        for row, weight in rows:
            for column, part in ((low, 1 - share), (low + 1, share)):
                found.append((row * J + column, part if weight is None else weight * part))
        return found


@dataclass(frozen=True)
class GridFunction:
    """Values (n_z, n_eps, J, G) at the nodes, linear in log K, in k and in a z that is a number, between them and beyond the last.

    Attributes:
        capped: whether the function is consumption, which cannot exceed resources less the borrowing limit.
    """

    grid: Grid
    values: Tensor
    capped: bool
    borrowing_limit: float

    def __call__(self, seen: Observation) -> Tensor:
        row, up = (x[:, None] for x in bracket(self.grid.K.log(), seen.aggregates[self.grid.mean].log()))
        column, right = bracket(self.grid.k, seen.k)

        def in_row(z: Tensor) -> Tensor:
            def between(row: Tensor) -> Tensor:
                return torch.lerp(self.values[z[:, None], seen.eps, row, column], self.values[z[:, None], seen.eps, row, column + 1],
                                  right)

            return torch.lerp(between(row), between(row + 1), up)

        result = self.grid.in_state(seen.z, in_row)
        return torch.minimum(result, seen.resources - self.borrowing_limit) if self.capped else result

    def on_histogram(self, nodes: Tensor) -> HistogramFunction:
        """The same function for populations that are histograms on `nodes` (G',), several times faster."""
        low, share = bracket(self.grid.k, nodes)
        values = (1 - share) * self.values[..., low] + share * self.values[..., low + 1]  # (n_z, n_eps, J, G')
        return HistogramFunction(self.grid, values.transpose(1, 2).flatten(2), self.capped, self.borrowing_limit)


@dataclass(frozen=True)
class HistogramFunction:
    """A GridFunction at the nodes of a wealth histogram: looked up instead of searched for.

    Attributes:
        grid: of the function.
        values: (n_z, J, n_eps * G), households in the order of `Population.histogram`.
    """

    grid: Grid
    values: Tensor
    capped: bool
    borrowing_limit: float

    def __call__(self, seen: Observation) -> Tensor:
        low, share = bracket(self.grid.K.log(), seen.aggregates[self.grid.mean].log())
        result = self.grid.in_state(
            seen.z, lambda z: torch.lerp(self.values[z, low], self.values[z, low + 1], share[:, None]))
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
