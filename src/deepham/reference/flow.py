"""What households at the nodes of a wealth histogram carry out of a period, and so where the histogram goes, looked up
in a table by aggregate state and mean assets.

Along a path of thousands of periods that is several times faster than to look consumption up and to work the budget and
the lottery between nodes out again in each of them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.reference.grid import Grid, GridFunction, HistogramFunction, bracket
from deepham.reference.household import aggregates_at
from deepham.simulation.period import Observation, Panel, World
from deepham.simulation.population import Population

BETWEEN = 8  # steps of the table between two nodes of mean assets: its error is 1e-6 of K
INSIDE = 1 - 1e-9  # the last place of a row lies before its last node


def is_looked_up(economy: Economy, grid: Grid) -> bool:
    """Whether the next histogram depends on no more than the state of a chain and mean assets, and households arrive
    with what they have carried: there is a table then."""
    alone = not economy.unknowns and economy.pays is None and economy.keeps
    return grid.z is None and alone and not economy.within and economy.choices == ("c",)


class Flow:
    """The place among the nodes to which each node's assets are carried, linear in log K between the steps of a table:
    place 3.25 is the lottery of 3/4 at node 3 and 1/4 at node 4. Beyond the nodes of K it is what it is at the last.
    """

    def __init__(self, economy: Economy, policy: GridFunction, nodes: Tensor):
        self._economy, self._nodes, log_K = economy, nodes, policy.grid.K.log()
        self._steps = BETWEEN * (len(log_K) - 1)
        self._low, self._width = log_K[0], (log_K[-1] - log_K[0]) / self._steps
        K = (self._low + self._width * torch.arange(self._steps + 1)).exp()[:, None]
        self._rows = torch.arange(economy.chain.n_eps).repeat_interleave(len(nodes)) * len(nodes)
        rule = policy.on_histogram(nodes)
        self._places = torch.cat([self._of_state(rule, K, z.expand(len(K), -1)) for z in economy.chain.typical_z()])

    def _of_state(self, rule: HistogramFunction, K: Tensor, z: Tensor) -> Tensor:
        economy, nodes = self._economy, self._nodes
        people = Population.histogram(nodes, nodes.new_zeros(len(K), economy.chain.n_eps, len(nodes)))
        aggregates = aggregates_at(economy, K, z)
        prices = economy.prices(aggregates, z)
        resources = economy.resources(people.k, people.eps, z, prices)
        seen = Observation(resources, people.k, people.eps, z, people, aggregates, prices)
        carried = economy.carry(World(economy, rule).choose(seen), seen)
        low, share = bracket(nodes, carried.clamp(nodes[0], nodes[-1]))
        return low + share.clamp_max(INSIDE)

    def _at(self, K: Tensor, z: Tensor) -> Tensor:
        """The places (B, N) in states z, at mean assets K, (B, 1) each."""
        at = K.log().sub_(self._low).div_(self._width).clamp_(0, self._steps * INSIDE)
        step = at.long()
        row = (z * (self._steps + 1) + step)[:, 0]
        return torch.lerp(self._places.index_select(0, row), self._places.index_select(0, row + 1), at - step)

    def policy(self, seen: Observation) -> Tensor:
        """Consumption (B, N) of the members of such populations, who carry what is looked up."""
        place = self._at(seen.aggregates[self._economy.tracked], seen.z)
        node = place.long()
        carried = self._nodes.take(node) + (place - node) * self._nodes.diff().take(node)
        return seen.resources - self._economy.asset_price(seen) * carried

    def __call__(self, panel: Panel, z_next: Tensor) -> Population:
        """The population at the start of the next period, in state z_next (B, 1)."""
        people, z, chain = panel.population, panel.z, self._economy.chain
        place = self._at(people.mean(people.k), z)
        node = place.long()
        up = people.weight * (place - node)
        node += self._rows
        mass = torch.zeros_like(up).scatter_add_(1, node, people.weight - up).scatter_add_(1, node.add_(1), up)
        transition = chain.individual[z[:, 0], z_next[:, 0]]
        mass = torch.bmm(transition.transpose(1, 2), mass.reshape(len(z), chain.n_eps, -1))
        return Population(people.k, people.eps, mass.flatten(1))
