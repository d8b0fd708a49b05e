"""From a given cross-section to the stationary equilibrium, without aggregate risk and with everything foreseen.

Households know the path of capital. Backwards from the stationary equilibrium their policies follow by endogenous grid
points, forwards from the cross-section the capital that they bring about: a fixed point in the path (Auerbach and
Kotlikoff, 1987), found by Anderson acceleration.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import NoConvergence, anderson
from torch import Tensor

from deepham.economics.economy import Economy, require
from deepham.errors import NotConverged
from deepham.reference.grid import bracket
from deepham.reference.household import HouseholdProblem
from deepham.reference.settings import ReferenceSettings
from deepham.reference.stationary import solve_stationary
from deepham.simulation.continuum import advance_histogram, on_grid
from deepham.simulation.household import observe
from deepham.simulation.population import Population

TOLERANCE = 1e-6  # of log K, at every date
ITERATIONS = 60


@dataclass(frozen=True)
class Transition:
    """A perfect-foresight path.

    Attributes:
        K: (T,) capital at the start of each period.
        k: (G,) nodes of assets.
        value: (n_eps, G) lifetime utility at the start of the path, utils.
        stationary_K: where capital comes to rest.
    """

    K: Tensor
    k: Tensor
    value: Tensor
    stationary_K: float

    def value_at(self, k: Tensor, eps: Tensor) -> Tensor:
        """Lifetime utility of households with k, eps of one shape, linear between the nodes."""
        low, share = bracket(self.k, k)
        return torch.lerp(self.value[eps, low], self.value[eps, low + 1], share)


@torch.no_grad()
def solve_transition(
    economy: Economy, start: Population, settings: ReferenceSettings, periods: int = 400
) -> Transition:
    """Follow an economy with one aggregate state from the cross-section `start` (one economy) to its rest.

    Raises:
        InputError: an economy with aggregate risk, or more memory than there is.
        NotConverged: no stationary equilibrium, or a path that was not found.
    """
    chain = economy.chain
    require(
        chain.finite and chain.n_z == 1,
        f"transition: expected an economy with one aggregate state, got {chain.n_z if chain.finite else 'numbers'}",
    )
    path = _Path(economy, start, settings, periods)
    K_0, K_end = float(start.mean(start.k)), path.stationary_K
    guess = np.log(K_end) + (np.log(K_0) - np.log(K_end)) * 0.97 ** np.arange(1, periods)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            log_K = anderson(
                path.residual, guess, M=6, alpha=0.3, f_tol=TOLERANCE, maxiter=ITERATIONS, line_search=None
            )
    except NoConvergence as error:
        moved = float(np.abs(path.residual(error.args[0])).max())
        raise NotConverged(
            f"transition: capital still moves by {100 * moved:.1g} % after {ITERATIONS} iterations; expected "
            "a start nearer to the stationary equilibrium"
        ) from None
    consumption = path.policies(log_K)
    values = path.values(log_K, consumption)
    # interpolation of a concave function errs to one side, period after period
    value = values[0] - path.mean_error(consumption, values)
    return Transition(path.capital(log_K), path.k, value, K_end)


class _Path:
    """The map from a path of capital that households foresee to the one that they bring about."""

    def __init__(self, economy: Economy, start: Population, settings: ReferenceSettings, periods: int):
        self.economy, self.periods = economy, periods
        end = solve_stationary(economy, settings)
        self.nodes, self.k = end.ergodic.grid, end.policy.grid.k
        self.stationary_K = float(end.ergodic.K[0, -1])
        self.start = on_grid(self.nodes, start, economy.chain.n_eps)
        self.chances = economy.chain.individual[0, 0]  # (eps, eps')
        middle = len(end.policy.grid.K) // 2  # the node of K at which the economy rests
        self.last_c = end.policy.values[0, :, middle]
        self.last_value = HouseholdProblem(economy, end.law, end.policy.grid).value(end.policy.values)[0, :, middle]
        self.low, self.share = bracket(self.k, self.nodes)

    def residual(self, log_K: np.ndarray) -> np.ndarray:
        """Distance (T - 1,) of what follows from a path of log capital, from period 1 on, to the path."""
        found = [population.mean(population.k) for population, *_ in self._follow(self.policies(log_K))][1:]
        return torch.cat(found).log().numpy() - log_K

    def mean_error(self, policies: list[Tensor], values: list[Tensor]) -> float:
        """By how much the values of period 0 exceed those of the policies, on average over the households, utils.

        It is the discounted sum of the mean Bellman residuals V - (u + beta E V') along the path and after it.
        """
        total, discount = 0.0, 1.0
        for t, (population, c, k_next) in enumerate(self._follow(policies)):
            last = t + 1 == len(policies)
            tomorrow = self._value_at(self.chances @ values[t if last else t + 1], k_next, population.eps)
            residual = (
                self._value_at(values[t], population.k, population.eps)
                - self.economy.preferences.utility(c)
                - self.economy.beta * tomorrow
            )
            total += discount * float(population.mean(residual)) / (1 - self.economy.beta if last else 1)
            discount *= self.economy.beta
        return total

    def _follow(self, policies: list[Tensor]) -> Iterator[tuple[Population, Tensor, Tensor]]:
        """In every period the cross-section, and of its points (1, n_eps * G') consumption and next period's assets."""
        z = torch.zeros(1, dtype=torch.long)
        population = self.start
        for c in policies:
            seen = observe(self.economy, population, z)
            at_nodes = torch.lerp(c[:, self.low], c[:, self.low + 1], self.share).reshape(1, -1)
            chosen = torch.minimum(at_nodes, seen.resources - self.economy.borrowing_limit)
            yield population, chosen, seen.resources - chosen
            population, _ = advance_histogram(
                self.economy, lambda _, chosen=chosen: chosen, self.nodes, population, z, z, seen
            )

    def _value_at(self, value: Tensor, k: Tensor, eps: Tensor) -> Tensor:
        low, share = bracket(self.k, k)
        return torch.lerp(value[eps, low], value[eps, low + 1], share)

    def policies(self, log_K: np.ndarray) -> list[Tensor]:
        """Consumption (n_eps, G) in every period of the path."""
        preferences, beta = self.economy.preferences, self.economy.beta
        resources, R = self._resources(self.capital(log_K))
        c, path = self.last_c, [self.last_c]
        for t in range(self.periods - 2, -1, -1):
            marginal = R[t + 1] * preferences.marginal_utility(c)
            chosen = preferences.inverse_marginal_utility(beta * (self.chances @ marginal))
            low, share = bracket(chosen + self.k, resources[t])
            c = torch.lerp(chosen.gather(-1, low), chosen.gather(-1, low + 1), share)
            c = torch.minimum(c, resources[t] - self.economy.borrowing_limit)
            path.append(c)
        return path[::-1]

    def values(self, log_K: np.ndarray, consumption: list[Tensor]) -> list[Tensor]:
        """Lifetime utility (n_eps, G) in every period of the path."""
        resources, _ = self._resources(self.capital(log_K))
        path = [self.last_value]
        for t in range(self.periods - 2, -1, -1):
            low, share = bracket(self.k, resources[t] - consumption[t])
            tomorrow = self.chances @ path[-1]
            path.append(
                self.economy.preferences.utility(consumption[t])
                + self.economy.beta * torch.lerp(tomorrow.gather(-1, low), tomorrow.gather(-1, low + 1), share)
            )
        return path[::-1]

    def capital(self, log_K: np.ndarray) -> Tensor:
        """The path of capital (T,), from the one of its logarithm from period 1 on."""
        return torch.cat([self.start.mean(self.start.k), torch.as_tensor(log_K).exp()])

    def _resources(self, K: Tensor) -> tuple[Tensor, Tensor]:
        """Resources (T, n_eps, G) on the nodes of assets, and the gross return (T,)."""
        z = torch.zeros(len(K), dtype=torch.long)
        prices = self.economy.prices({"K": K}, z)
        n_eps = self.economy.chain.n_eps
        shape = len(K), n_eps, len(self.k)
        k = self.k.expand(shape).reshape(len(K), -1)
        eps = torch.arange(n_eps)[:, None].expand(shape[1:]).reshape(1, -1).expand_as(k)
        return self.economy.resources(k, eps, z, prices).reshape(shape), prices["R"]
