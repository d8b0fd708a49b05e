"""What is kept of the continuum while it is followed. Nothing of it moves the economies, so that many periods are
worked out at once: operations on one histogram cost more to start than to finish.
"""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.simulation.abreast import side_by_side
from deepham.simulation.period import Period, World

AT_ONCE = 2**16  # points of histograms that are worked out at once, which still fit into the cache
ALONE = 2**14  # of one period: of so many, copying them beside others costs more than it saves


class Record:
    """Sums and series of a path of B economies in T measured periods, which are added one after the other.

    Args:
        world: whose periods these are.
        periods: T.
        blocks: of how many equal parts of the path there are sums of masses.
        groups: the economies are so many groups of equal size, whose masses are summed apart.
        accounted: whether utility and all accounts are wanted; else they are NaN, and unknowns alone.

    Attributes:
        masses: (groups, blocks, n_z, N), the summed histograms by state of z.
        utility: (B,), mean utility over households and periods.
        K, held, carried, z: (B, T, ...), what is tracked, and mean assets at the start and at the end of each period.
        accounts: name -> (B, T). premium, clearing: (B, T), or None; as in `Ergodic`.
    """

    def __init__(self, world: World, periods: int, blocks: int, groups: int = 1, accounted: bool = True):
        self._world, self._periods, self._blocks, self._groups = world, periods, blocks, groups
        self.accounted = accounted
        self._waiting: list[Period] = []
        self._series: list[dict[str, Tensor]] = []
        self._accounts: list[dict[str, Tensor]] = []
        self._done = 0

    def add(self, period: Period) -> None:
        """The next period of the path."""
        self._waiting.append(period)
        points = period.panel.population.k.numel()
        if points >= ALONE or len(self._waiting) * points >= AT_ONCE:
            self._work_out()

    def finish(self) -> Record:
        """The record of all periods that have been added."""
        if self._waiting:
            self._work_out()
        series = {name: torch.cat([one[name] for one in self._series]).transpose(0, 1) for name in self._series[0]}
        self.K, self.held, self.carried, self.z = (series[name] for name in ("K", "held", "carried", "z"))
        self.premium, self.clearing = series.get("premium"), series.get("clearing")
        self.accounts = {name: torch.cat([one[name] for one in self._accounts]).T for name in self._accounts[0]}
        return self

    def _work_out(self) -> None:
        first, count = self._waiting[0], len(self._waiting)
        economy, chain, people = self._world.economy, self._world.economy.chain, first.panel.population
        economies, points = people.k.shape
        if self._done == 0:
            shape = self._groups, self._blocks, chain.n_z, points
            self.masses = torch.zeros(shape, dtype=people.weight.dtype, device=people.k.device)
            self.utility = torch.zeros(economies, dtype=people.weight.dtype, device=people.k.device)
        period = side_by_side(self._waiting)
        population = period.panel.population

        def by_time(values: Tensor) -> Tensor:
            return values.reshape(count, economies, *values.shape[2:])

        device = people.k.device
        block = (torch.arange(count, device=device) + self._done) * self._blocks // self._periods
        group = torch.arange(economies, device=device) * self._groups // economies
        cell = (group * self._blocks + block[:, None]) * chain.n_z + chain.cell(period.panel.z).reshape(count, -1)
        self.masses.flatten(0, 2).index_add_(0, cell.flatten(), population.weight)
        if self.accounted:
            self.utility += (population.mean(period.utility) / self._periods).reshape(count, economies).sum(0)
            accounts = period.accounts
        else:
            self.utility += torch.nan
            accounts = {name: period.seen.aggregates[name] for name in economy.unknowns}
        series = {
            "K": by_time(period.seen.aggregates[economy.tracked]),
            "held": by_time(population.mean(population.k)),
            "carried": by_time(population.mean(period.carried)),
            "z": period.panel.z.reshape(count, economies, -1),
        }
        if economy.pays is not None:
            series["premium"] = by_time(period.seen.prices[economy.pays])
        if economy.cleared:
            series["clearing"] = by_time(100 * torch.cat(list(period.conditions.values()), 1).abs().amax(1)[:, None])
        self._series.append(series)
        self._accounts.append({name: by_time(values) for name, values in accounts.items()})
        self._done += count
        self._waiting = []
