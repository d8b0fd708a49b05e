"""Where a wealth histogram goes, looked up: what the households at each node carry out of a period, in a table by
aggregate state and mean assets.

Along a path of thousands of periods that is several times faster than to ask the policy, and to work the budget and
the lottery between nodes out again, in each of them.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.simulation.continuum import grown, places
from deepham.simulation.period import Observation, Panel, Policy, World
from deepham.simulation.population import Population

WIDTH = 0.01  # of a block of the table, as a share of what mean assets typically are
STEPS, ROUGH_STEPS = 16, 8  # in a block, between which places are linear: the error is 5e-8 of K; 2e-7
NEGLIGIBLE = 1e-10  # of typical mean assets, carried beyond the top node in a period: it is consumed instead
INSIDE = 1 - 1e-11  # the last place of a row lies before its last node
MOST_NUMBERS = 2 * 10**7  # in the table, 160 MB: a path that wanders on has no use for its first blocks


def is_looked_up(economy: Economy, policy: Policy, nodes: Tensor) -> bool:
    """Whether the next histogram depends on no more than the state of a chain and mean assets, and households arrive
    with what they have carried: there is a table then. A policy says so of itself by an attribute `of_mean_assets`.
    """
    if not getattr(policy, "of_mean_assets", False) or nodes.dtype != torch.float64 or nodes.device.type != "cpu":
        return False
    alone = not economy.unknowns and economy.pays is None and economy.keeps
    return alone and not economy.within and economy.choices == ("c",) and len(economy.typical_aggregates()) == 1


class Flow:
    """The place among the points of the histogram to which each point's assets are carried, linear in mean assets
    between the steps of a table: place 3.25 is the lottery of 3/4 at point 3 and 1/4 at point 4. The table grows by
    blocks as a path moves on.

    Args:
        policies: which `is_looked_up`; each is followed in as many economies, one policy's after the other's.
        copies: in how many.
        steps: of the table in a hundredth of typical mean assets.
    """

    def __init__(self, economy: Economy, policies: list[Policy], nodes: Tensor, copies: int, steps: int = STEPS):
        self._economy, self._nodes, self._policies = economy, nodes, policies
        chain = economy.chain
        ((self._name, typical),) = economy.typical_aggregates().items()
        self._steps, self._width = steps, WIDTH * abs(typical)
        self._k = nodes.repeat(chain.n_eps).numpy()
        self._gaps, self._rows = np.diff(self._k), torch.arange(chain.n_eps).repeat_interleave(len(nodes)) * len(nodes)
        self._people = Population.histogram(nodes, nodes.new_zeros(1, chain.n_eps, len(nodes)))
        self._kinds = chain.n_z * np.repeat(np.arange(len(policies)), copies)
        self._moves = chain.individual.transpose(-1, -2).flatten(0, 1).numpy()  # (n_z * n_z, eps', eps)
        self._negligible = NEGLIGIBLE * abs(typical)
        self._first = self._last = 0  # blocks of the table, the last not among them
        self._tables = nodes.new_empty(2, len(policies) * chain.n_z, 1, len(self._k))
        # of mean assets, and of the most that each point ever carries beyond the top node
        self._sums = np.stack([self._k, np.zeros_like(self._k)], 1)
        self._broken = False  # whether places are NaN, of a policy that is

    def __call__(self, panel: Panel, z_next: Tensor) -> Population:
        """The population at the start of the next period, in state z_next (B, 1)."""
        people, z, chain = panel.population, panel.z, self._economy.chain
        weight, states = people.weight.numpy(), z.numpy()[:, 0]
        row, share, over = self._row(weight, states)
        node, up = self._split(self._at(self._places, row, share))
        up *= weight
        node += len(self._k) * np.arange(len(node))[:, None]  # of all economies, one after the other
        mass = np.bincount(node.ravel(), weight.ravel(), weight.size)
        moved = np.bincount(node.ravel(), up.ravel(), weight.size)
        mass -= moved
        mass[1:] += moved[:-1]  # nobody is at the last node of all
        mass = mass.reshape(len(z), chain.n_eps, -1)
        if over is not None:
            beyond = (over * weight[:, self._rich] * self._at(self._beyond, row, share)).sum(1)
            mass = self._shared_out(mass, beyond)
        mass = np.matmul(self._moves[states * chain.n_z + z_next.numpy()[:, 0]], mass)
        return Population(people.k, people.eps, torch.from_numpy(mass.reshape(weight.shape)))

    def policy(self, seen: Observation) -> Tensor:
        """Consumption (B, N) of the members of such populations, who carry what is looked up; of several periods beside
        each other, too."""
        row, share, over = self._row(seen.population.weight.numpy(), seen.z.numpy()[:, 0])
        node, up = self._split(self._at(self._places, row, share))
        up *= self._gaps.take(node)
        up += self._k.take(node)
        if over is not None:
            up[:, self._rich] += over * self._at(self._beyond, row, share)
        return seen.resources - self._economy.asset_price(seen) * torch.from_numpy(up)

    def _split(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The node below each place, and the place's share of the way to the next."""
        node = (np.nan_to_num(place) if self._broken else place).astype(np.int64)
        return node, np.subtract(place, node, out=place)

    def _shared_out(self, mass: np.ndarray, beyond: np.ndarray) -> np.ndarray:
        """Masses (B, n_eps, G) of which this much (B,) was carried beyond the top node: the others hold it, as in
        `settle`."""
        found = torch.from_numpy(mass)
        held = (found[..., :-1] * (self._nodes[:-1] - self._nodes[0])).sum((1, 2))
        return grown(self._nodes, found, torch.from_numpy(beyond) / held, rising=True).numpy()

    def _at(self, table: np.ndarray, row: np.ndarray, share: np.ndarray) -> np.ndarray:
        below, above = table.take(row, 0), table.take(row + 1, 0)
        above -= below
        above *= share
        below += above
        return below

    def _row(self, weight: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """The rows (B,) of the table at or below the mean assets of these masses (B, N) in states z (B,), the share
        (B, 1) of the way to the next, and in which economies (B, 1) more than next to nothing may be carried beyond the
        top node; None: in none."""
        sums = weight @ self._sums
        at = sums[:, 0] * (self._steps / self._width) - self._steps * self._first
        if not (at.min() >= 0 and at.max() < self._steps * (self._last - self._first)):
            K = np.nan_to_num(sums[:, 0], nan=float(self._k.mean()))  # of those who are lost already, any
            self._reach(math.floor(K.min() / self._width), math.floor(K.max() / self._width) + 1)
            sums, at = weight @ self._sums, K * (self._steps / self._width) - self._steps * self._first
        over, step = sums[:, 1:], at.astype(np.int64)
        share = (at - step)[:, None]
        if len(self._policies) > 1:
            z = np.tile(self._kinds, len(z) // len(self._kinds)) + z
        step += z * (self._steps * (self._last - self._first) + 1)
        return step, share, over > self._negligible if over.max() > self._negligible else None

    def _reach(self, first: int, last: int) -> None:
        """Make the table reach over these blocks, and those between them and what is there; of a table that is copied
        each time by a part of it more."""
        more = (self._last - self._first) // 4
        first, last = first - more * (first < self._first), last + more * (last > self._last)
        whole = max(last, self._last) - min(first, self._first)
        if self._first == self._last or self._tables.shape[1] * whole * self._steps * len(self._k) > MOST_NUMBERS:
            self._first, self._last, self._tables = first, last, self._blocks(first, last)
        if first < self._first:
            self._tables = torch.cat([self._blocks(first, self._first), self._tables[:, :, 1:]], 2)
            self._first = first
        if last > self._last:
            self._tables = torch.cat([self._tables[:, :, :-1], self._blocks(self._last, last)], 2)
            self._last = last
        self._rich = self._sums[:, 1].nonzero()[0]  # points from which anything is carried beyond
        self._places, beyond = self._tables.flatten(1, 2).numpy()
        self._beyond = beyond[:, self._rich]

    def _blocks(self, first: int, last: int) -> Tensor:
        """Places and what is carried beyond the top node from one block to another, (2, policies * n_z, rows, N)."""
        economy, nodes = self._economy, self._nodes
        steps = torch.arange(self._steps * first, self._steps * last + 1, dtype=nodes.dtype)[:, None]
        K, people = self._width / self._steps * steps, self._people.select([0] * len(steps))
        found = []
        for policy in self._policies:
            for state in range(economy.chain.n_z):
                z, aggregates = torch.full(K.shape, state), {self._name: K}
                prices = economy.prices(aggregates, z)
                resources = economy.resources(people.k, people.eps, z, prices)
                seen = Observation(resources, people.k, people.eps, z, people, aggregates, prices)
                found.append(economy.carry(World(economy, policy).choose(seen), seen))
        carried = torch.stack(found)
        low, share = places(nodes, carried.clamp(nodes[0], nodes[-1]))
        place, beyond = self._rows + low + share.clamp_max(INSIDE), (carried - nodes[-1]).clamp_min(0)
        self._sums[:, 1] = np.maximum(self._sums[:, 1], beyond.flatten(0, 1).amax(0).numpy())
        self._broken |= not bool(place.isfinite().all())
        return torch.stack([place, beyond])
