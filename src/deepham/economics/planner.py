"""A planner in place of the market: its households are price-takers who are paid for the assets that they hold.

Constrained efficiency (Davila, Hong, Krusell and Rios-Rull, 2012): a planner tells households how much to save, who
live on their own incomes at market prices, and counts all of them alike. Its first-order condition is

    u'(c) >= beta E[R' u'(c') + D'],     D' = sum over tomorrow's households j of their mass times u'(c_j') dm_j'/dK'

with equality where k' > 0; with competitive factor prices dm_j/dK = F_KK k_j + F_LK e_j. So the planner's choice is
that of price-takers who are paid D utils at the start of a period for each unit of assets that they hold, and this
premium is all there is to it: V is the value of such a household before it is paid, and its slope in resources is
still u'(c).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from deepham.economics.economy import Economy, Own, Seen, Wide
from deepham.errors import require, show

OBJECTIVES = ("market", "planner")
LEAST = 1e-12  # utils a unit: nobody consumes what it belongs to


def under(economy: Economy, objective: str) -> Economy:
    """A copy of the economy in which this objective, "market" or "planner", chooses savings.

    Raises:
        InputError: a planner of an economy that states none.
    """
    require(objective in OBJECTIVES, f"objective: expected {' or '.join(OBJECTIVES)}, got {show(objective)}")
    require(
        objective == "market" or economy.planner,
        f"objective: {type(economy).__name__} states no planner's problem; expected "
        "market, or an economy whose class says planner = True",
    )
    market = economy.market if isinstance(economy, Planner) else type(economy)
    chosen = object.__new__(planned(market) if objective == "planner" else market)
    vars(chosen).update(vars(economy))
    chosen.check_long_run()
    return chosen


class Planner(Economy):
    """What a planner changes in a class of economies, see `planned`. The price D (B, 1), utils a unit of assets, is
    among the prices that households see.
    """

    objective, pays = "planner", "D"
    market: type[Economy]  # the class of economies without the planner

    def outcomes(self, everybody: Callable[[], Seen], policy: Callable[[Any], Tensor]) -> Wide:
        with torch.no_grad():
            seen = everybody()
            choice = self.complete(policy(seen), seen)
        return super().outcomes(everybody, policy) | {"D": externality(self, choice, seen)}

    def premium(self, seen: Seen) -> Tensor:
        return seen.prices["D"] * seen.k

    def worth(self, choice: Own, seen: Seen) -> Tensor:
        return super().worth(choice, seen) + seen.prices["D"]

    def interior(self, worth: Tensor, seen: Seen) -> Own:
        # assets of the rich can be worth less than nothing to a planner: they would consume without end
        return super().interior(worth.clamp_min(LEAST), seen)

    def __reduce__(self):
        return _blank, (self.market,), vars(self)


@cache
def planned(market: type[Economy]) -> type[Economy]:
    """The class of economies with a planner in place of the market."""
    return type(market.__name__, (Planner, market), {"market": market, "__doc__": market.__doc__})


def _blank(market: type[Economy]) -> Economy:
    """What copies and pickles are filled in from: a class that is made on the fly has no name to be found by."""
    return object.__new__(planned(market))


def externality(economy: Economy, choice: Own, seen: Seen) -> Tensor:
    """D (B, 1): what one more unit of capital a head is worth to all households by the prices that it moves, where all
    of the cross-sections choose so. Utils a unit.

    No gradient leads through it: a household takes it as given, like prices.
    """
    population, z = seen.population.detach(), seen.z
    marginal = economy.marginal_utility(choice, seen)
    with torch.enable_grad():
        aggregates = {name: value.detach().requires_grad_() for name, value in seen.aggregates.items()}
        income = economy.resources(population.k, population.eps, z, economy.prices(aggregates, z))
        (worth,) = torch.autograd.grad(population.mean(marginal * income).sum(), aggregates["K"])
    return worth
