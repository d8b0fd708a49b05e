"""The stationary equilibrium of an economy without an aggregate shock (Aiyagari, 1994).

Capital rests at the K whose prices make households hold K: a root in one number. At given prices the policy comes from
the endogenous grid method and the stationary cross-section is the eigenvector of the histogram's transition matrix,
solved for instead of simulated.
"""

from __future__ import annotations

import torch
from scipy.optimize import brentq
from torch import Tensor

from deepham import memory
from deepham.algorithm.evaluation import ergodic_path
from deepham.economics.economy import Economy, require
from deepham.reference.grid import Grid, GridFunction
from deepham.reference.household import HouseholdProblem, LawOfMotion
from deepham.reference.law_of_motion import Equilibrium, Progress, household_grid
from deepham.reference.settings import ReferenceSettings
from deepham.simulation.continuum import advance_histogram, wealth_grid
from deepham.simulation.household import Observation
from deepham.simulation.population import Population

FACTOR = 1.2  # step upwards from the steady state, in which the root is bracketed


def solve_stationary(
    economy: Economy, settings: ReferenceSettings, progress: Progress | None = None
) -> Equilibrium:
    """Find the K at which households hold K.

    Returns:
        The equilibrium with the law of motion K' = K. Beside that K the policy is that of households who expect to be
        back at it next period.

    Raises:
        InputError: no K was found.
    """
    memory.require_memory(memory.grid_solution(economy, settings))
    market = _Market(economy, settings, progress)
    low = economy.steady_state()["K"]  # at beta R = 1 households would save without end
    high = FACTOR * low
    while market.excess(high) >= 0:
        low, high = high, FACTOR * high
        require(high < float(market.nodes[-1]) / 2,
                f"reference.top: households hold more capital than firms use, up to K = {low:.4g} and half of the grid; "
                f"expected more than {settings.top:g}, or a calibration in which saving comes to an end")
    K = brentq(market.excess, low, high, xtol=settings.tolerance * low, rtol=1e-12)
    policy, population = market.at(K)
    rest = torch.zeros(1, 10, dtype=torch.long)
    ergodic = ergodic_path(economy, policy.on_histogram(market.nodes), market.nodes, population, rest, 0, 1)
    return Equilibrium(market.law(K), torch.ones(1, dtype=torch.float64), policy, ergodic)


class _Market:
    """What households do when capital is expected to rest at K."""

    def __init__(self, economy: Economy, settings: ReferenceSettings, progress: Progress | None):
        self.economy, self.settings, self.progress = economy, settings, progress
        self.nodes = wealth_grid(economy, settings.histogram_nodes, settings.top)
        self.k = household_grid(economy, settings).k
        self.consumption: Tensor | None = None
        self.evaluations = 0

    def excess(self, K: float) -> float:
        """Capital that households hold above the K whose prices they face."""
        _, population = self.at(K)
        held = float(population.mean(population.k))
        self.evaluations += 1
        if self.progress:
            self.progress(self.evaluations, abs(held / K - 1), K)
        return held - K

    def at(self, K: float) -> tuple[GridFunction, Population]:
        """The policy and the stationary cross-section at the prices of K."""
        width = torch.tensor([-self.settings.K_width, 0.0, self.settings.K_width], dtype=torch.float64)
        grid = Grid(self.k, K * width.exp())
        problem = HouseholdProblem(self.economy, self.law(K), grid)
        self.consumption = problem.consumption(self.consumption, tolerance=1e-9)
        policy = GridFunction(grid, self.consumption, True, self.economy.borrowing_limit)
        return policy, self._stationary(policy, K)

    def law(self, K: float) -> LawOfMotion:
        """K' = K whatever today's capital."""
        return LawOfMotion(torch.tensor([K], dtype=torch.float64).log(), torch.zeros(1, dtype=torch.float64))

    def _stationary(self, policy: GridFunction, K: float) -> Population:
        economy, n_eps = self.economy, self.economy.chain.n_eps
        points = n_eps * len(self.nodes)
        # one economy for every point of the histogram, with all of its mass there: the next masses are the transition
        corners = Population.histogram(self.nodes, torch.eye(points, dtype=torch.float64).reshape(points, n_eps, -1))
        z = torch.zeros(points, dtype=torch.long)
        aggregates = {"K": torch.full((points,), K, dtype=torch.float64)}
        prices = economy.prices(aggregates, z)
        seen = Observation(economy.resources(corners.k, corners.eps, z, prices), corners.k, corners.eps, z, corners,
                           aggregates, prices)
        transition = advance_histogram(economy, policy.on_histogram(self.nodes), self.nodes, corners, z, z, seen)[0].weight
        system = transition.T - torch.eye(points, dtype=torch.float64)
        system[-1] = 1.0  # one balance equation follows from the others; in its place the masses sum to one
        mass = torch.linalg.solve(system, torch.eye(points, dtype=torch.float64)[-1]).clamp_min(0)
        return Population.histogram(self.nodes, (mass / mass.sum()).reshape(1, n_eps, -1))
