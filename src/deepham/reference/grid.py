"""Functions of (z, eps, K, k) on a grid, usable wherever a network is: Observation -> (B, N).

A function is a monotone cubic by pieces in k, and a cubic around each point in log K, and in z where that is a number
and not the index of a chain. Consumption bends towards k. Linear between nodes it is too low there, households save too
much, and what they hold shows every bias of saving: of ks98 on 300 nodes its standard deviation was 0.9 % too low.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from deepham.economics.economy import Economy
from deepham.simulation.period import Observation

LEAST_WIDTH = 1e-12  # between two points of a guess of the policy, which may coincide


@dataclass(frozen=True)
class Grid:
    """Nodes, increasing.

    Attributes:
        k: (G,) individual assets.
        K: (J,) their mean over the households, which is capital where they own all of it.
        z: (n_z,) the aggregate state where it is a number; None where it is the index of a chain.
        mean: what the economy calls mean assets among its aggregates.
        lines: functions are lines between the nodes. A planner's choices swing so much on few nodes that the choices of
            households on cubics do not settle.
    """

    k: Tensor
    K: Tensor
    z: Tensor | None = None
    mean: str = "K"
    lines: bool = False

    @staticmethod
    def of(economy: Economy, k: Tensor, K: Tensor, z: Tensor | None) -> Grid:
        """Nodes of an economy's functions."""
        return Grid(k, K, z, economy.tracked, economy.pays is not None)

    def to(self, device) -> Grid:
        """A copy on the device."""
        z = None if self.z is None else self.z.to(device)
        return replace(self, k=self.k.to(device), K=self.K.to(device), z=z)

    def corners(self, z: Tensor, K: Tensor) -> Corners:
        """Nodes around points z and K of one shape. A function goes on beyond the nodes as it is at the last: what may
        come of a rare state is not extrapolated.
        """
        columns, right = polynomial(self.K.log(), K.log().flatten(), 2 if self.lines else 4)
        if self.z is None:
            return Corners(z.reshape(-1, 1) * len(self.K) + columns, right)
        rows, up = polynomial(self.z, z.flatten(), 4)
        places, weights = rows[:, :, None] * len(self.K) + columns[:, None], up[:, :, None] * right[:, None]
        return Corners(places.flatten(1), weights.flatten(1))


class Corners(NamedTuple):
    """Nodes around points (z, K).

    Attributes:
        places: (points, C), row * J + column in the table of (z, K). weights: of each in a function's value there.
    """

    places: Tensor
    weights: Tensor

    def of(self, table: Tensor) -> Tensor:
        """Functions at the points, (points, N), whose values at the nodes are the rows of the table (n_z * J, N)."""
        return embedding_bag(self.places, table, per_sample_weights=self.weights, mode="sum")


@dataclass(frozen=True)
class GridFunction:
    """Values (n_z, n_eps, J, G) at the nodes, linear in k beyond the last of them; see above for what is between.

    Attributes:
        most: of consumption, `Economy.spendable`, which it cannot exceed; None of other functions.
    """

    grid: Grid
    values: Tensor
    most: Callable[[Observation], Tensor] | None

    def __call__(self, seen: Observation) -> Tensor:
        column, share = bracket(self.grid.k, seen.k)
        # first the functions of k alone of each economy, then their values: few economies have many households
        found = self.grid.corners(seen.z, seen.aggregates[self.grid.mean]).of(self.table)
        parts = found.reshape(len(found), 2, -1)
        at = seen.eps * len(self.grid.k) + column
        low, low_slope = (part.gather(1, at) for part in parts.unbind(1))
        high, high_slope = (part.gather(1, at + 1) for part in parts.unbind(1))
        if self.grid.lines:
            result = torch.lerp(low, high, share)
        else:
            result = hermite(share, self.grid.k.diff()[column], low, high, low_slope, high_slope)
        return result if self.most is None else torch.minimum(result, self.most(seen))

    @cached_property
    def table(self) -> Tensor:
        """Values, and slopes in k, by (z, K): (n_z * J, 2 * n_eps * G)."""
        both = torch.stack([self.values, slopes(self.grid.k, self.values)])
        return both.permute(1, 3, 0, 2, 4).flatten(2).flatten(0, 1)

    def on_histogram(self, nodes: Tensor) -> HistogramFunction:
        """The same function for populations that are histograms on `nodes` (G',), several times faster."""
        low, share = bracket(self.grid.k, nodes)
        low, share = (x.expand(*self.values.shape[:-1], -1) for x in (low, share))
        values = between(self.grid.k, self.values, low, share, self.grid.lines)  # (n_z, n_eps, J, G')
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
        result = self.grid.corners(seen.z, seen.aggregates[self.grid.mean]).of(self.values.flatten(0, 1))
        return result if self.most is None else torch.minimum(result, self.most(seen))


def polynomial(nodes: Tensor, points: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Indices of so many nodes (of fewer, of all) around each point (P,), and their weights in the polynomial through
    them, (P, nodes); of a point beyond the ends as at the end.
    """
    count = min(most, len(nodes))
    points = points.clamp(nodes[0], nodes[-1]).contiguous()
    first = (torch.searchsorted(nodes, points, right=True) - count // 2).clamp(0, len(nodes) - count)
    around = nodes.unfold(0, count, 1)  # (windows, count)
    itself = torch.eye(count, dtype=torch.bool, device=nodes.device)
    apart = (around[:, :, None] - around[:, None]).masked_fill(itself, 1.0).prod(-1)
    away = points[:, None] - around[first]
    others = away[:, None].expand(-1, count, -1).masked_fill(itself, 1.0).prod(-1)
    return first[:, None] + torch.arange(count, device=nodes.device), others / apart[first]


def slopes(nodes: Tensor, values: Tensor) -> Tensor:
    """Slopes (..., G) at the nodes, of that shape or one row (G,), of a cubic by pieces that rises and falls where the
    values do: each between those of the lines on both sides, and nearer to the smaller one (Fritsch and Butland, 1984).
    """
    width = nodes.diff(dim=-1).clamp_min(LEAST_WIDTH)
    steep = values.diff(dim=-1) / width
    left, right = steep[..., :-1], steep[..., 1:]
    near, far = width[..., :-1] + 2 * width[..., 1:], 2 * width[..., :-1] + width[..., 1:]
    both = left * right
    inner = torch.where(both > 0, (near + far) * both / (near * right + far * left), 0.0)
    first = _at_the_end(width[..., :2], steep[..., :2])
    last = _at_the_end(width[..., -2:].flip(-1), steep[..., -2:].flip(-1))
    return torch.cat([first, inner, last], -1)


def _at_the_end(width: Tensor, steep: Tensor) -> Tensor:
    """The slope at an end of the nodes, (..., 1), from the two intervals next to it, (..., 2) each, the nearest first:
    that of a parabola, held to what keeps the cubic monotone."""
    (near, far), (this, that) = width.split(1, -1), steep.split(1, -1)
    slope = ((2 * near + far) * this - near * that) / (near + far)
    slope = torch.where(slope * this > 0, slope, 0.0)
    return torch.where((this * that <= 0) & (slope.abs() > 3 * this.abs()), 3 * this, slope)


def between(nodes: Tensor, values: Tensor, low: Tensor, share: Tensor, lines: bool = False) -> Tensor:
    """The cubic by pieces, or the lines, through values (..., G) at nodes of their shape, or at one row of nodes (G,),
    at points (..., N) that `bracket` has found between them."""
    if lines:
        return torch.lerp(values.gather(-1, low), values.gather(-1, low + 1), share)
    width = nodes.diff(dim=-1)
    width = width[low] if nodes.dim() == 1 else width.gather(-1, low)
    ends = (part.gather(-1, node) for part in (values, slopes(nodes, values)) for node in (low, low + 1))
    return hermite(share, width, *ends)


def hermite(share: Tensor, width: Tensor, low: Tensor, high: Tensor, low_slope: Tensor, high_slope: Tensor) -> Tensor:
    """The cubic with these values and slopes at both ends of an interval of this width, at a share of the way; linear
    outside of it."""
    rise = high - low
    bend = (1 - share) * (low_slope * width - rise) - share * (high_slope * width - rise)
    inside = (share * (1 - share)).clamp_min(0)
    return low + share * rise + inside * bend


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
