"""The stationary equilibrium of an economy without an aggregate shock (Aiyagari, 1994; Huggett, 1993), and its
planner's stationary choice.

Capital rests at the K whose prices make households hold K. An aggregate state that is a number rests beside it where it
stays as it is: K stands for mean assets here. Where a price is found within the period it is that price, K below, which
is looked for. How each is found: at_rest.py and planner_at_rest.py.
"""

from __future__ import annotations

import torch

from deepham.algorithm.ergodic import ergodic_path
from deepham.economics.economy import Economy
from deepham.reference.at_rest import MarketAtRest, PriceAtRest
from deepham.reference.families import family_of
from deepham.reference.grid import GridFunction
from deepham.reference.household import HouseholdProblem
from deepham.reference.law_of_motion import Equilibrium, Progress
from deepham.reference.planner_at_rest import PlannerAtRest
from deepham.reference.settings import ReferenceSettings
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population


def solve_stationary(
    economy: Economy, settings: ReferenceSettings, progress: Progress | None = None, near: Equilibrium | None = None
) -> Equilibrium:
    """Find the K at which households hold K.

    Args:
        near: an equilibrium on other grids, near whose K a planner's is looked for.

    Returns:
        The equilibrium with the law of motion K' = K. Beside that K the policy is that of households who expect to be
        back at it next period, or, where z is a number, to stay where they are.

    Raises:
        NotConverged: no K was found.
    """
    if economy.pays:
        market = PlannerAtRest(economy, settings, progress)
        K = market.best(None if near is None else float(near.ergodic.K[0, -1]))
    else:
        market = (PriceAtRest if economy.tracked in economy.unknowns else MarketAtRest)(economy, settings, progress)
        K = market.clears()
    policy, population = market.at(K)
    start = Panel(population, market.family.resting(K))
    rest = torch.zeros(1, 10, 1, dtype=start.z.dtype)  # no shocks
    ergodic = ergodic_path(World(economy, policy.on_histogram(market.nodes)), market.nodes, start, rest, 0, 1)
    return Equilibrium(market.law(K), torch.ones(1, dtype=torch.float64), policy, ergodic, rest)


def households_at(economy: Economy, settings: ReferenceSettings, K: float) -> tuple[GridFunction, Population]:
    """The policy of households who face the prices of K for ever, and the stationary cross-section to which it leads,
    (1, N), whether they then hold K or not. Raises NotConverged."""
    return MarketAtRest(economy, settings, None).at(K)


def worth_at(economy: Economy, policy: GridFunction, K: float) -> GridFunction:
    """The lifetime utility of following that policy, utils, of households who face the prices of K for ever. Raises
    NotConverged."""
    problem = HouseholdProblem(economy, family_of(economy).law_at_rest(K), policy.grid)
    return GridFunction(policy.grid, problem.value(policy.values), None)
