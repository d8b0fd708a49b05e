"""Where a planner rests (economics/planner.py), who can have households hold any K, by the premium on assets that it
takes: where the premium is what assets are worth to others (Davila, Hong, Krusell and Rios-Rull, 2012).
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import torch

from deepham.economics.economy import Economy
from deepham.errors import NotConverged
from deepham.reference.at_rest import FACTOR, MarketAtRest, root
from deepham.reference.forecasts import LawOfMotion
from deepham.reference.grid import GridFunction
from deepham.reference.law_of_motion import Progress
from deepham.reference.settings import ReferenceSettings
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

SEARCH = 10  # so many of them on either side of the typical state are a planner's candidates


class PlannerAtRest(MarketAtRest):
    """What households do that a planner has hold K."""

    def __init__(self, economy: Economy, settings: ReferenceSettings, progress: Progress | None):
        super().__init__(economy, settings, progress)
        c = torch.tensor(economy.typical_state()["c"], dtype=torch.float64)
        self.unit = float(economy.preferences.marginal_utility(c))  # of a premium
        self.premium = 0.0

    def best(self, near: float | None) -> float:
        """The K at which a planner rests; where there are several, that of the highest mean utility.

        Args:
            near: looked for within a step of FACTOR of this one, instead of within SEARCH steps of the typical state.

        Raises:
            NotConverged: there is none.
        """

        @cache  # asked again it would differ in the last digits, by where its iterations start
        def excess(K: float) -> float:
            try:
                return self.excess(K)
            # households cannot be had to hold it: where R > 1 the rich that are paid for assets save without end
            except NotConverged:
                self.consumption, self.premium = None, 0.0
                return math.nan

        centre, steps = (self.economy.typical_state()["K"], SEARCH) if near is None else (near, 1)
        levels = [centre * FACTOR**power for power in range(-steps, steps + 1)]
        brackets = [(low, high) for low, high in zip(levels, levels[1:]) if excess(low) >= 0 > excess(high)]
        if not brackets:
            raise NotConverged(
                f"reference: the planner rests at no K from {levels[0]:.4g} to {levels[-1]:.4g}; expected a "
                "calibration whose typical state is closer"
            )
        return max((self._root(excess, *ends) for ends in brackets), key=self.utility)

    def utility(self, K: float) -> float:
        """Mean utility of a period where the planner has households hold K."""
        policy, population = self.at(K)
        period = World(self.economy, policy).period(Panel(population, torch.zeros(1, 1, dtype=torch.long)))
        return float(population.mean(period.utility))

    def excess(self, K: float) -> float:
        """What one more unit of capital is worth to all above the premium at which households hold K, as a share of the
        marginal utility of typical consumption.
        """
        policy, population = self.at(K)
        world = World(self.economy, policy.on_histogram(self.nodes))
        seen = world.observe(Panel(population, torch.zeros(1, 1, dtype=torch.long)))
        worth = float(seen.prices["D"])
        excess = (worth - self.premium) / self.unit
        self._tell(abs(excess), K)
        return excess

    def at(self, K: float) -> tuple[GridFunction, Population]:
        """The policy and the stationary cross-section of those who hold K at its prices, with the premium that it
        takes. Raises NotConverged."""
        no_premium = (
            f"reference: no premium on assets has households hold K = {K:.4g}; try more reference.k_nodes or a higher "
            "reference.top"
        )

        @cache
        def short(premium: float) -> float:
            self.premium = premium
            _, population = self._households(K)
            return K - float(population.mean(population.k))

        step, direction = 0.01 * self.unit, 1 if short(self.premium) > 0 else -1
        ends = [self.premium, self.premium + direction * step]
        while direction * short(ends[1]) > 0:
            step *= 2
            ends = [ends[1], ends[1] + direction * step]
            if step >= 100 * self.unit:
                raise NotConverged(no_premium)
        premium = root(short, *sorted(ends), 1e-9 * self.unit)
        if not abs(short(premium)) < 1e-3 * K:
            raise NotConverged(no_premium)
        self.premium = premium
        return self._households(K)

    def law(self, K: float) -> LawOfMotion:
        rests = super().law(K)
        assert isinstance(rests, LawOfMotion)  # a planner is solved for in states alone
        return replace(
            rests,
            premium_intercept=torch.tensor([self.premium], dtype=torch.float64),
            premium_slope=torch.zeros(1, dtype=torch.float64),
        )
