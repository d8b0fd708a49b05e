"""Households at prices that stay what they are, and the prices at which a market rests.

At given prices the policy comes from the endogenous grid method and the stationary cross-section is the eigenvector of
the histogram's transition matrix, solved for instead of simulated. Capital rests at the K whose prices make households
hold K, a price that is found within the period where its condition holds: roots in one number.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from deepham.economics.economy import Economy, Own
from deepham.errors import NotConverged
from deepham.reference.families import Family, Law, family_of
from deepham.reference.grid import Grid, GridFunction
from deepham.reference.household import HouseholdProblem, aggregates_at
from deepham.reference.law_of_motion import Progress, asset_nodes
from deepham.reference.settings import ReferenceSettings
from deepham.simulation.continuum import moves, settle, wealth_grid
from deepham.simulation.period import Observation, Panel, Policy, World
from deepham.simulation.population import Population
from deepham.system import memory

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

FACTOR = 1.2  # step between values of K down to which a root is bracketed
NEARBY = 1.02  # first step up, then twice as far each time, up to the same: with little risk K is near that without
# growth of assets that are shared out from beyond the top: iterations; what is none; and what is found only where
# households save without end, at prices that are no equilibrium's
MOST_RATES, LEAST_RATE, MOST_RATE = 20, 1e-12, 1e-3
NEAREST = 0.125  # first step in which the root of a price is bracketed, in units of its spread
FORGOTTEN = (100, 1_000, 10_000)  # periods after which it hardly matters where households were
ROUNDING = 1e-10  # by which a mass may be negative
MOST_STEPS, SETTLED = 5_000, 1e-9  # so many periods, until they move by so much in a period


def root(function: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    """A root between two points at which the signs differ, to within the tolerance. Raises NotConverged."""
    from scipy.optimize import brentq  # slow to import, and few commands solve

    def value(x: float) -> float:
        y = function(x)
        if math.isnan(y):  # brentq would raise a ValueError
            raise NotConverged(
                f"reference: there is no solution at {x:.4g}, on the way to a root between {low:.4g} and {high:.4g}; "
                "try more reference.k_nodes"
            )
        return y

    root, found = brentq(value, low, high, xtol=tolerance, rtol=np.float64(1e-12), full_output=True, disp=False)
    if not found.converged:
        raise NotConverged(
            f"reference: the root between {low:.4g} and {high:.4g} is still sought at {root:.4g} after "
            f"{found.iterations} steps; try a larger reference.tolerance"
        )
    return root


def settled(
    economy: Economy, policy: Policy, nodes: Tensor, K: float, family: Family, start: Population | None = None
) -> tuple[Population, Own]:
    """The stationary cross-section, on the nodes, of households who face the prices of K for ever, and what they
    choose: walked to, where it has too many points for its masses to be solved for. start: another, nearby. Raises
    NotConverged.
    """
    z, n_eps = family.resting(K), economy.chain.n_eps
    if start is None:
        mass = torch.zeros(1, n_eps, len(nodes), dtype=torch.float64)
        mass[..., int((nodes - K).abs().argmin())] = economy.chain.stationary_eps()[economy.chain.cell(z)]
        start = Population.histogram(nodes, mass)
    people = start
    carried, choice = _carried(economy, policy, people, K, z)
    for _ in range(MOST_STEPS):
        before, people = people, settle(economy, nodes, people.with_assets(carried), z, z)
        if float((people.weight - before.weight).abs().sum()) < SETTLED:
            return people, choice
    raise NotConverged(
        f"reference: the cross-section still moves after {MOST_STEPS} periods; try fewer reference.histogram_nodes"
    )


def _carried(economy: Economy, policy: Policy, people: Population, K: float, z: Tensor) -> tuple[Tensor, Own]:
    """The assets (1, N) that households carry out of a period at the prices of K, and all that they choose."""
    aggregates = aggregates_at(economy, torch.full((1, 1), K, dtype=torch.float64), z)
    prices = economy.prices(aggregates, z)
    resources = economy.resources(people.k, people.eps, z, prices)
    seen = Observation(resources, people.k, people.eps, z, people, aggregates, prices)
    choice = World(economy, policy).choose(seen)
    return economy.carry(choice, seen), choice


def _stationary_mass(transition: Any) -> Tensor:
    """The masses (N,) that stay where they are, of the probabilities (N, N) of going from a point to another, a sparse
    matrix.

    One balance equation follows from the others. In its place the mass of a point is one, until all are scaled: that
    keeps the equations sparse, and it has to be a point at which households are, after some periods from anywhere.
    Raises NotConverged.
    """
    from scipy.sparse import eye  # slow to import, and few commands solve
    from scipy.sparse.linalg import MatrixRankWarning, spsolve

    n = transition.shape[0]
    balance = (transition.transpose() - eye(n)).tocsc()
    walked = np.full(n, 1 / n)
    for periods in FORGOTTEN:
        for _ in range(periods):
            walked = walked @ transition
        there = np.arange(n) == walked.argmax()
        mass = np.ones(n)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MatrixRankWarning)  # nobody stays at that point
            rest = balance[~there][:, ~there]
            mass[~there] = np.asarray(spsolve(rest.tocsc(), -balance[~there][:, there].toarray()[:, 0]))
        mass /= mass.sum()
        if bool(np.isfinite(mass).all()) and mass.min() > -ROUNDING:
            found = torch.from_numpy(mass).clamp_min(0)
            return found / found.sum()
    raise NotConverged("reference: the cross-section of households at constant prices is not to be found")


def _growth(nodes: Tensor, n_eps: int, rate: float) -> csr_matrix:
    """What assets above the lowest node that grow at a rate do to a histogram, as probabilities (N, N): `grown`."""
    from scipy.sparse import csr_matrix, kron

    up = (rate * (nodes[:-1] - nodes[0]) / nodes.diff()).clamp(0, 1).numpy()
    each = np.diag(1 - np.append(up, 0.0)) + np.diag(up, 1)
    return csr_matrix(kron(np.eye(n_eps), csr_matrix(each)))


class MarketAtRest:
    """What households do when capital is expected to rest at K."""

    def __init__(self, economy: Economy, settings: ReferenceSettings, progress: Progress | None):
        self.economy, self.settings, self.progress = economy, settings, progress
        self.family = family_of(economy)
        self.nodes = wealth_grid(economy, settings.histogram_nodes, settings.top)
        self.k = asset_nodes(economy, settings)
        self.consumption: Tensor | None = None
        self.evaluations = 0
        self.settled: Population | None = None  # the last cross-section that was walked to

    def clears(self) -> float:
        """The K that households hold at its own prices. Raises NotConverged."""
        low = self.economy.steady_state()[self.economy.tracked]  # at beta R = 1 households would save without end
        if not self.family.saves_at_steady_state or bool(self.economy.last().any()):
            while self.excess(low) < 0:
                low /= FACTOR
                if low <= float(self.nodes[1] - self.nodes[0]):
                    raise NotConverged(
                        f"reference: households hold next to nothing at any {self.economy.tracked} "
                        f"down to {low:.4g}; expected more patient ones, or more risk"
                    )
        step = NEARBY
        high = step * low
        while self.excess(high) >= 0:
            step = min(step**2, FACTOR)
            low, high = high, step * high
            if high >= float(self.nodes[-1]) / 2:
                raise NotConverged(
                    f"reference.top: households hold more capital than firms use, up to K = {low:.4g} and half of the "
                    f"grid; expected more than {self.settings.top:g}, or a calibration in which saving comes to an end"
                )
        return self._root(self.excess, low, high)

    def _root(self, excess: Callable[[float], float], low: float, high: float) -> float:
        return root(excess, low, high, self.settings.tolerance * low)

    def excess(self, K: float) -> float:
        """Capital that households hold above the K whose prices they face."""
        _, population = self.at(K)
        held = float(population.mean(population.k))
        self._tell(abs(held / K - 1), K)
        return held - K

    def at(self, K: float) -> tuple[GridFunction, Population]:
        """The policy and the stationary cross-section at the prices of K."""
        return self._households(K)

    def _tell(self, change: float, K: float) -> None:
        self.evaluations += 1
        if self.progress:
            self.progress(self.evaluations, change, K)

    def _households(self, K: float) -> tuple[GridFunction, Population]:
        width = torch.tensor([-self.settings.K_width, 0.0, self.settings.K_width], dtype=torch.float64)
        z = self.family.nodes_at_rest(K, width)
        grid = Grid.of(self.economy, self.k, K * width.exp(), z)
        problem = HouseholdProblem(self.economy, self.law(K), grid)
        self.consumption = problem.consumption(self.consumption, tolerance=1e-9)
        policy = GridFunction(grid, self.consumption, self.economy.spendable)
        return policy, self._stationary(policy, K)

    def law(self, K: float) -> Law:
        """The law of motion that households expect at rest."""
        return self.family.law_at_rest(K)

    def _stationary(self, policy: GridFunction, K: float) -> Population:
        from scipy.sparse import csr_matrix  # slow to import, and few commands solve

        economy, n_eps = self.economy, self.economy.chain.n_eps
        points = n_eps * len(self.nodes)
        if points > memory.MOST_POINTS:
            rule = policy.on_histogram(self.nodes)
            self.settled, _ = settled(economy, rule, self.nodes, K, self.family, self.settled)
            return self.settled
        rest, mass = self.family.resting(K), torch.zeros(1, n_eps, len(self.nodes), dtype=torch.float64)
        people = Population.histogram(self.nodes, mass)
        carried = _carried(economy, policy.on_histogram(self.nodes), people, K, rest)[0]
        leave, come, chance = moves(economy, self.nodes, people.with_assets(carried), rest, rest)
        transition = csr_matrix((chance.numpy(), (leave.numpy(), come.numpy())), shape=(points, points))
        # what would be held beyond the top is shared out to all, at one rate
        beyond = (carried[0] - self.nodes[-1]).clamp_min(0)
        height, rate, mass = self.nodes[:-1] - self.nodes[0], 0.0, beyond
        for _ in range(MOST_RATES):
            mass = _stationary_mass(transition @ _growth(self.nodes, n_eps, rate) if rate else transition)
            held = (torch.from_numpy(mass.numpy() @ transition).reshape(n_eps, -1)[:, :-1] * height).sum()
            rate, before = float(mass @ beyond / held.clamp_min(1e-300)), rate
            if abs(rate - before) < LEAST_RATE or rate > MOST_RATE:
                break
        return Population.histogram(self.nodes, mass.reshape(1, n_eps, -1))


class PriceAtRest(MarketAtRest):
    """What households do when a price is expected to rest."""

    def clears(self) -> float:
        """The price at which its condition holds. Raises NotConverged."""
        name = self.economy.tracked
        unknown = self.economy.unknowns[name]
        step = NEAREST * unknown.spread
        ends = [unknown.typical, unknown.typical]
        direction = 1 if self.excess(unknown.typical) > 0 else -1
        while direction * self.excess(ends[1]) > 0:
            if not unknown.low < ends[1] < unknown.high:
                raise NotConverged(
                    f"reference: {name}: no price from {unknown.low:.4g} to {unknown.high:.4g} clears, at the last of "
                    f"which excess demand is {self.excess(ends[1]):.3g} of mean income; expected a wider range"
                )
            ends, step = [ends[1], min(max(ends[1] + direction * step, unknown.low), unknown.high)], 2 * step
        return root(self.excess, min(ends), max(ends), 1e-3 * self.settings.tolerance * unknown.spread)

    def excess(self, K: float) -> float:
        """What is left of the condition where the price is K."""
        policy, population = self.at(K)
        world, name = World(self.economy, policy.on_histogram(self.nodes)), self.economy.tracked
        seen = world.seen_at(Panel(population, self.family.resting(K)), {name: population.k.new_full((1, 1), K)})
        choice = world.choose(seen)
        left = float(self.economy.conditions(choice, self.economy.carry(choice, seen), seen)[name])
        self._tell(abs(left), K)
        return left
