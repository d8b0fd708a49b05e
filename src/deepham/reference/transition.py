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
from torch import Tensor

from deepham.economics.economy import Economy, require
from deepham.economics.patience import mean_of_alike
from deepham.errors import NotConverged
from deepham.reference.household import HouseholdProblem, equal_households
from deepham.reference.settings import ReferenceSettings
from deepham.reference.stationary import solve_stationary
from deepham.simulation.continuum import on_grid
from deepham.simulation.interpolation import between, bracket, hermite, slopes
from deepham.simulation.period import Observation, Panel, Period, World
from deepham.simulation.population import Population
from deepham.simulation.walk import walk

TOLERANCE = 1e-6  # of log K, at every date
ITERATIONS = 60
PERIODS, LIVES, LEAST = 400, 3, 60  # until capital rests, a few generations after those whose wealth was not at rest


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
        """Lifetime utility of households with k, eps of one shape."""
        return _at(self.k, self.value, k, eps)


@torch.no_grad()
def solve_transition(
    economy: Economy, start: Population, settings: ReferenceSettings, periods: int | None = None
) -> Transition:
    """Follow an economy with one aggregate state from the cross-section `start` (one economy) to its rest.

    Args:
        periods: after which it rests; None: 400, or three lives where these are shorter together.

    Raises:
        InputError: an economy with aggregate risk, or with markets that clear within the period, or more memory than
            there is.
        NotConverged: no stationary equilibrium, or a path that was not found.
    """
    from scipy.optimize import NoConvergence, anderson  # slow to import, and few commands solve

    chain = economy.chain
    require(
        chain.constant,
        f"transition: expected an economy with one aggregate state, got {chain.counted}",
    )
    require(
        not economy.unknowns,
        f"transition: {', '.join(economy.unknowns)} of every period would have to be found beside capital, which a "
        "path without shocks is not solved with yet",
    )
    periods = periods or _long_enough(economy)
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


def _long_enough(economy: Economy) -> int:
    age = economy.age_of(torch.arange(economy.chain.n_eps, device=economy.chain.device))
    return PERIODS if age is None else min(PERIODS, max(LEAST, LIVES * (int(age.max()) + 1)))


class _Path:
    """The map from a path of capital that households foresee to the one that they bring about."""

    def __init__(self, economy: Economy, start: Population, settings: ReferenceSettings, periods: int):
        self.economy, self.periods = economy, periods
        end = solve_stationary(economy, settings)
        self.nodes, self.k = end.ergodic.grid, end.policy.grid.k
        self.stationary_K = float(end.ergodic.K[0, -1])
        self.start = on_grid(self.nodes, start, economy.chain.n_eps)
        middle = len(end.policy.grid.K) // 2  # the node of K at which the economy rests
        self.last_c = end.policy.values[0, :, middle]
        at_rest = HouseholdProblem(economy, end.law, end.policy.grid)
        self.last_value = at_rest.value(end.policy.values)[0, :, middle]
        self.chances, self.most = at_rest.probability[0, 0], at_rest.most  # (eps, eps'), of the household itself
        self.discount = economy.discount(torch.arange(economy.chain.n_eps)[:, None])  # of each eps, or of all
        self.low, self.share = (x.expand(len(self.chances), -1) for x in bracket(self.k, self.nodes))

    def residual(self, log_K: np.ndarray) -> np.ndarray:
        """Distance (T - 1,) of what follows from a path of log capital, from period 1 on, to the path."""
        everybody = [period.panel.population for period in self._follow(self.policies(log_K))][1:]
        found = [population.mean(population.k) for population in everybody]
        return torch.cat(found)[:, 0].log().numpy() - log_K

    def mean_error(self, policies: list[Tensor], values: list[Tensor]) -> Tensor:
        """By how much the values of period 0 exceed those of the policies, (n_eps, 1), utils, on average over the
        households that have a life of the same length and patience before them.

        It is what each household expects of the discounted sum of Bellman residuals V - (u + beta E V') along the path
        and, as in its last period, for as long after it.
        """
        residuals, places, shape = [], [], (len(self.chances), len(self.nodes))
        error, end = torch.zeros(shape, dtype=torch.float64), len(values) - 1
        for t, period in enumerate(self._follow(policies)):
            seen, tomorrow = period.seen, self.discount * (self.chances @ values[min(t + 1, end)])
            residual = self._value_at(values[t], seen.k, seen.eps) - period.utility
            residual = residual - self._value_at(tomorrow, period.carried, seen.eps)
            residuals.append(residual.reshape(shape))
            places.append(bracket(self.nodes, period.carried.reshape(shape)))
            error = period.panel.population.mean(residual).expand(shape) / (1 - self.economy.beta)
        for t in [end] * len(values) + list(range(end, -1, -1)):
            tomorrow, (low, share) = self.discount * (self.chances @ error), places[t]
            error = residuals[t] + torch.lerp(tomorrow.gather(-1, low), tomorrow.gather(-1, low + 1), share)
        mass = self.start.weight.reshape(shape)
        each = ((mass * error).sum(1) / mass.sum(1)).nan_to_num(0.0)
        return mean_of_alike(self.economy, each, mass.sum(1))[:, None]

    def _follow(self, policies: list[Tensor]) -> Iterator[Period]:
        """The continuum from the start on, whose households consume (n_eps, G) as the policy of each period says."""
        by_period = iter(policies)

        def policy(seen: Observation) -> Tensor:  # a period asks once
            c = next(by_period)
            at_nodes = between(self.k, c, self.low, self.share).reshape(1, -1)
            return torch.minimum(at_nodes, self.economy.spendable(seen))

        z = torch.zeros(1, len(policies), 1, dtype=torch.long)
        return walk(World(self.economy, policy), Panel(self.start, z[:, 0]), z, grid=self.nodes)

    def _value_at(self, value: Tensor, k: Tensor, eps: Tensor) -> Tensor:
        return _at(self.k, value, k, eps)

    def policies(self, log_K: np.ndarray) -> list[Tensor]:
        """Consumption (n_eps, G) in every period of the path."""
        economy, seen = self.economy, self._seen(self.capital(log_K))
        c, path = self.last_c, [self.last_c]
        for t in range(self.periods - 2, -1, -1):
            choice = economy.complete(c.reshape(1, -1), seen[t + 1])
            choice = economy.desired(choice, seen[t + 1], self._expected, seen[t])
            chosen = choice["c"].clamp_max(self.most)
            needed = economy.needed(choice | {"c": chosen}, self.k.repeat(len(c))[None], seen[t]).reshape(c.shape)
            low, share = bracket(needed, seen[t].resources.reshape(c.shape))
            chosen = chosen.reshape(c.shape)
            c = between(needed, chosen, low, share)
            c = torch.minimum(c, economy.spendable(seen[t]).reshape(c.shape))
            path.append(c)
        return path[::-1]

    def _expected(self, tomorrow: Tensor) -> Tensor:
        """The mean of tomorrow's numbers (1, n_eps * G) as each of today's households expects it."""
        return (self.chances @ tomorrow.reshape(len(self.chances), -1)).reshape(1, -1)

    def values(self, log_K: np.ndarray, consumption: list[Tensor]) -> list[Tensor]:
        """Lifetime utility (n_eps, G) in every period of the path."""
        economy, seen = self.economy, self._seen(self.capital(log_K))
        path = [self.last_value]
        for t in range(self.periods - 2, -1, -1):
            choice = economy.complete(consumption[t].reshape(1, -1), seen[t])
            low, share = bracket(self.k, economy.carry(choice, seen[t]).reshape(consumption[t].shape))
            tomorrow = self.chances @ path[-1]
            path.append(
                economy.utility(choice, seen[t]).reshape(consumption[t].shape)
                + self.discount * between(self.k, tomorrow, low, share)
            )
        return path[::-1]

    def capital(self, log_K: np.ndarray) -> Tensor:
        """The path of capital (T,), from the one of its logarithm from period 1 on."""
        return torch.cat([self.start.mean(self.start.k)[0], torch.as_tensor(log_K).exp()])

    def _seen(self, K: Tensor) -> list[Observation]:
        """What households (1, n_eps * G) at the nodes of assets see in every period of a path of capital (T,)."""
        n_eps, every = self.economy.chain.n_eps, World(self.economy)
        k = self.k.repeat(n_eps)[None]
        eps = torch.arange(n_eps).repeat_interleave(len(self.k))[None]
        z = torch.zeros(1, 1, dtype=torch.long)
        return [every.observe(Panel(equal_households(each[None]), z), k, eps) for each in K[:, None]]


def _at(nodes: Tensor, values: Tensor, k: Tensor, eps: Tensor) -> Tensor:
    """A function (n_eps, G) of assets at its nodes (G,), for households with k, eps of one shape."""
    low, share = bracket(nodes, k)
    steep = slopes(nodes, values)
    ends = (part[eps, node] for part in (values, steep) for node in (low, low + 1))
    return hermite(share, nodes.diff()[low], *ends)
