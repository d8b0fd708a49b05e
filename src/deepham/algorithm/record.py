"""What is kept of the continuum while it is followed. Nothing of it moves the economies, so that many periods are
worked out at once: operations on one histogram cost more to start than to finish.
"""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.simulation.abreast import all_of, histograms, side_by_side
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
        K, z: (B, T, ...), what is tracked, and the aggregate state.
        held, carried: (B, T), mean assets at the start and at the end of each period; None if not accounted for.
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
        self.K, self.z = series["K"], series["z"]
        self.held, self.carried, self.premium, self.clearing = (
            series.get(name) for name in ("held", "carried", "premium", "clearing")
        )
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
        period = side_by_side(self._waiting) if self.accounted else None
        if period is None:
            population = histograms([one.panel.population for one in self._waiting])
        else:
            population = period.panel.population
        z = torch.cat([one.panel.z for one in self._waiting])

        def by_time(values: Tensor) -> Tensor:
            return values.reshape(count, economies, *values.shape[2:])

        device = people.k.device
        block = (torch.arange(count, device=device) + self._done) * self._blocks // self._periods
        group = torch.arange(economies, device=device) * self._groups // economies
        cell = (group * self._blocks + block[:, None]) * chain.n_z + chain.cell(z).reshape(count, -1)
        self.masses.flatten(0, 2).index_add_(0, cell.flatten(), population.weight)
        series, accounts = {"z": z.reshape(count, economies, -1)}, {}
        if period is not None:
            aggregates, prices, accounts = period.seen.aggregates, period.seen.prices, period.accounts
            self.utility += (population.mean(period.utility) / self._periods).reshape(count, economies).sum(0)
            series["held"] = by_time(population.mean(population.k))
            series["carried"] = by_time(population.mean(period.carried))
            if economy.cleared:
                left = torch.cat(list(period.conditions.values()), 1).abs().amax(1)[:, None]
                series["clearing"] = by_time(100 * left)
        elif economy.unknowns or economy.pays:  # the path itself has asked for what is found in a period
            seen = [one.seen for one in self._waiting]
            aggregates, prices = all_of([one.aggregates for one in seen]), all_of([one.prices for one in seen])
            accounts = {name: aggregates[name] for name in economy.unknowns}
        else:
            aggregates, prices = economy.aggregates(population, z), {}
        if period is None:
            self.utility += torch.nan
        series["K"] = by_time(aggregates[economy.tracked])
        if economy.pays is not None:
            series["premium"] = by_time(prices[economy.pays])
        self._series.append(series)
        self._accounts.append({name: by_time(values) for name, values in accounts.items()})
        self._done += count
        self._waiting = []
