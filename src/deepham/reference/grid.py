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
from deepham.simulation.interpolation import between, bracket, hermite, polynomial, slopes
from deepham.simulation.period import Observation


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
