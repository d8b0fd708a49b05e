"""Functions of (z, eps, K, k) on a grid, usable wherever a network is: Observation -> (B, N).

z is the index of a chain, at which a function is looked up, and the function is linear in log K; or it is a number, and
the function is a cubic in log K and in z around each point: mean assets that move over hundreds of years show every
bias of saving.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from deepham.simulation.period import Observation


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

    def corners(self, z: Tensor, K: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Nodes around (z, K), as places row * J + column in the table of (z, K), and what each weighs in a function's
        value there. All are of one shape. Where z is a number the function goes on
        beyond the nodes as it is at the last: what may come of a rare state is not extrapolated.
        """
        J, log_K = len(self.K), self.K.log()
        if self.z is None:
            low, share = bracket(log_K, K.log())
            return [(z * J + low, 1 - share), (z * J + low + 1, share)]
        rows, columns = cubic(self.z, z), cubic(log_K, K.log())
        return [(row * J + column, up * right) for row, up in rows for column, right in columns]


@dataclass(frozen=True)
class GridFunction:
    """Values (n_z, n_eps, J, G) at the nodes, linear in k between them and beyond the last; see above for K and z.

    Attributes:
        most: of consumption, `Economy.spendable`, which it cannot exceed; None of other functions.
    """

    grid: Grid
    values: Tensor
    most: Callable[[Observation], Tensor] | None

    def __call__(self, seen: Observation) -> Tensor:
        column, right = bracket(self.grid.k, seen.k)

        def between(z: Tensor, row: Tensor) -> Tensor:
            return torch.lerp(self.values[z, seen.eps, row, column], self.values[z, seen.eps, row, column + 1], right)

        K, J = seen.aggregates[self.grid.mean], len(self.grid.K)
        if self.grid.z is None:
            row, up = bracket(self.grid.K.log(), K.log())
            result = torch.lerp(between(seen.z, row), between(seen.z, row + 1), up)
        else:
            corners = self.grid.corners(seen.z, K)
            result = reduce(torch.add, (weight * between(place // J, place % J) for place, weight in corners))
        return result if self.most is None else torch.minimum(result, self.most(seen))

    def on_histogram(self, nodes: Tensor) -> HistogramFunction:
        """The same function for populations that are histograms on `nodes` (G',), several times faster."""
        low, share = bracket(self.grid.k, nodes)
        values = (1 - share) * self.values[..., low] + share * self.values[..., low + 1]  # (n_z, n_eps, J, G')
        return HistogramFunction(self.grid, values.transpose(1, 2).flatten(2), self.most)


@dataclass(frozen=True)
class HistogramFunction:
    """A GridFunction at the nodes of a wealth histogram: looked up instead of searched for.

    Attributes:
        grid: of the function.
        values: (n_z, J, n_eps * G), households in the order of `Population.histogram`.
    """

    grid: Grid
    values: Tensor
    most: Callable[[Observation], Tensor] | None

    @property
    def of_mean_assets(self) -> bool:
        """Whether it depends on the state of a chain and what is on the nodes of K alone."""
        return self.grid.z is None

    def __call__(self, seen: Observation) -> Tensor:
        K = seen.aggregates[self.grid.mean]
        if self.grid.z is None:
            low, share = bracket(self.grid.K.log(), K.log())
            z, row = seen.z[:, 0], low[:, 0]
            result = torch.lerp(self.values[z, row], self.values[z, row + 1], share)
        else:
            places, weights = (torch.cat(x, 1) for x in zip(*self.grid.corners(seen.z, K)))
            result = torch.einsum("bc,bcn->bn", weights, self.values.flatten(0, 1)[places])
        return result if self.most is None else torch.minimum(result, self.most(seen))


def cubic(nodes: Tensor, points: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Indices of the four nodes (of fewer, of all) around each point, and their weights in the polynomial through them;
    of a point beyond the ends as at the end. points, indices and weights of one shape.
    """
    count = min(4, len(nodes))
    points = points.clamp(nodes[0], nodes[-1]).contiguous()
    first = (torch.searchsorted(nodes, points, right=True) - count // 2).clamp(0, len(nodes) - count)
    around = nodes.unfold(0, count, 1)  # (windows, count)
    itself = torch.eye(count, dtype=torch.bool, device=nodes.device)
    apart = (around[:, :, None] - around[:, None]).masked_fill(itself, 1.0).prod(-1)
    away = points[..., None] - around[first]
    others = away[..., None, :].expand(*away.shape, count).masked_fill(itself, 1.0).prod(-1)
    return [(first + i, weight) for i, weight in enumerate((others / apart[first]).unbind(-1))]


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
