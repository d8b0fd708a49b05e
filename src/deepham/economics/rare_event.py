"""A Krusell-Smith economy with a rare high income (Han, Yang and E, 2021, section 4.3): the cost of many agents.

A year a period. Three incomes, of which a few households draw one that is nearly fifty times the lowest; when times are
bad the poor stay poor less often, and nobody leaves the middle for it. The chain that moves efficiency e to e' is that
of tomorrow's aggregate state z'.

    household    max E sum_t beta^t u(c),   u = (c^(1-sigma) - 1) / (1-sigma),   c + k' = m,   k' >= 0
    resources    m = R k + w e
    firm         R = 1 - delta + z alpha (K/L)^(alpha-1),       w = z (1-alpha) (K/L)^alpha
    aggregates   K = mean of k,   L = labour_supply by z, or the mean of e

As published L is the long-run mean of e were z to last for ever. Since z moves, the mean of e in the population is
another (3.1 in good times), and wages paid do not add up to the wage bill. With an empty `labour_supply` L is the mean
of e in the cross-section, and they do; K then follows from two aggregates.

Households are impatient (beta R is far below one) and save against their risk: capital is far above the deterministic
steady state. `stated_return` is the return at which networks and grids are scaled.

symbol         meaning                                          unit
k, K           capital held at the start of the period; mean    goods
e, L           efficiency; labour                               hours
z              productivity: 0 bad, 1 good                      -
c, C           consumption; mean                                goods per year
R, r           gross return on capital; r = R - 1               per year
w              wage per unit of efficiency                      goods per hour
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from deepham.economics.economy import Economy, Frictionless, Own, Seen, Wide, parameter, require, series
from deepham.economics.firm import CobbDouglas
from deepham.economics.markov import JointChain
from deepham.economics.preferences import CRRA
from deepham.errors import InputError


@dataclass(eq=False)
class RareEvent(Economy):
    """The economy with a rare high income of Han, Yang and E (2021); the calibration lies in
    conf/model/rare_event.yaml."""

    beta: float = parameter("discount factor", "per year", low=0, high=1)
    sigma: float = parameter("relative risk aversion; 1 is log utility", low=0)
    alpha: float = parameter("capital share in output", "share", low=0, high=1)
    delta: float = parameter("depreciation", "per year", low=0, high=1, closed="high")
    productivity: list[float] = parameter("z in each aggregate state, bad before good", by="z", low=0)
    stay: float = parameter("probability that z stays what it is", "probability", low=0, high=1)
    efficiency: list[float] = parameter("e in each individual state", "hours", by="eps", low=0)
    # by z' a list of rows; whole numbers are welcome
    chains: list = parameter("P(e' | e, z'), a matrix for each z', bad before good", "probability")
    labour_supply: list[float] = parameter(
        "L in each aggregate state; empty: mean of e in the cross-section", "hours", low=0
    )
    stated_return: float = parameter("gross return at which networks and grids are scaled", "per year")

    period: ClassVar = "year"
    source: ClassVar = "Han, Yang and E (2021)"
    shock_names: ClassVar = {"eps": ("low", "middle", "high"), "z": ("bad", "good")}
    variables: ClassVar = series("K", "L", "Y", "C", "I", "r", "w", period="year") | {
        "efficiency": ("mean efficiency of households", "hours")
    }

    @property
    def firm(self) -> CobbDouglas:
        return CobbDouglas(self.alpha, self.delta)

    def aggregates(self, population, z: Tensor) -> Wide:
        found = {"K": population.mean(population.k)}
        if not self.labour_supply:
            found["L"] = population.mean(self.e[population.eps])
        return found

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        return self.firm.prices(aggregates["K"], self._labour(aggregates, z), self.z_level[z])

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        return prices["R"] * k + prices["w"] * self.e[eps]

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        people, z, prices, K = seen.population, seen.z, seen.prices, seen.aggregates["K"]
        L = self._labour(seen.aggregates, z)
        return {
            "K": K,
            "L": L,
            "Y": self.firm.output(K, L, self.z_level[z]),
            "C": people.mean(choice["c"]),
            "I": people.mean(carried) - (1 - self.delta) * K,
            "r": 100 * (prices["R"] - 1),
            "w": prices["w"],
            "efficiency": people.mean(self.e[people.eps]),
        }

    def balance(self, accounts: Wide) -> Wide:
        """Goods, and labour at its wage: firms employ the efficiency that households have."""
        return super().balance(accounts) | {"labour": accounts["w"] * (accounts["L"] - accounts["efficiency"])}

    def unbalanced(self) -> str:
        if not self.labour_supply:
            return ""
        return (
            "labour is the constant labour_supply as published, not what households have in the cross-section; "
            "with an empty labour_supply it is, and goods add up"
        )

    def steady_state(self) -> dict[str, float]:
        """No risk at all, productivity and labour at their long-run means, beta R = 1."""
        return self._state_at(1 / self.beta)

    def typical_state(self) -> dict[str, float]:
        return self._state_at(self.scaling_return())

    def scaling_return(self) -> float:
        """The gross return at which networks and grids are scaled."""
        return self.stated_return

    def _state_at(self, R: float) -> dict[str, float]:
        """The average household where capital earns R and stays what it is."""
        z, L = self.mean_of(self.z_level), self.mean_labour
        ratio = (self.alpha * z / (R - 1 + self.delta)) ** (1 / (1 - self.alpha))
        wage = (1 - self.alpha) * z * ratio**self.alpha
        K = L * ratio
        state = {"K": K, "c": (R - 1) * K + wage * self.mean_efficiency, "m": R * K + wage * self.mean_efficiency}
        return state if self.labour_supply else state | {"L": L}

    def frictionless(self) -> Frictionless | None:
        """Without risk at the stated return: consumption falls by the factor (beta R)^(1/sigma) a year. Income for ever
        is worth no finite sum at a return of one or less.
        """
        if self.scaling_return() <= 1:
            return None
        R, state = self.scaling_return(), self.typical_state()
        income = state["m"] - R * state["K"]
        return Frictionless(mpc=1 - (self.beta * R) ** (1 / self.sigma) / R, human_wealth=income / (R - 1))

    def initial_assets(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Exponentially distributed around the typical state: standard deviation as large as the mean."""
        return self.gamma(self.typical_state()["K"], 1, shape, generator)

    def without_aggregate_risk(self) -> Economy:
        """Productivity, labour and the moves of efficiency at their long-run means."""
        assert isinstance(self.chain, JointChain)
        share = self.chain.stationary_z()
        changed = {"productivity": [float(share @ self.z_level)], "chains": [self.chain.average().tolist()]}
        if self.labour_supply:
            changed["labour_supply"] = [float(share @ self.labour)]
        return type(self)(**self.parameters() | changed)

    def check(self) -> None:
        require(
            1 - self.delta < self.stated_return <= 1 / self.beta,
            "stated_return: expected a gross return above 1 - delta, "
            f"what capital keeps by itself, and at most 1/beta, got {self.stated_return:g}",
        )
        n_z = len(self.productivity)
        require(n_z in (1, 2), f"productivity: expected one or two aggregate states, got {self.productivity}")
        require(
            len(self.labour_supply) in (0, n_z),
            f"labour_supply: expected {n_z} numbers as productivity has, or none, got {self.labour_supply}",
        )
        require(len(self.chains) == n_z, f"chains: expected {n_z} matrices, one for each z', got {len(self.chains)}")
        self._joint_chain()

    def tables(self) -> None:
        self.preferences, self.chain = CRRA(self.sigma), self._joint_chain()
        self.z_level, self.e = self.table(self.productivity), self.table(self.efficiency)
        self.labour = self.table(self.labour_supply)
        average = JointChain(self.chain.average().tolist(), n_z=1, n_eps=len(self.e)).stationary_eps()[0]
        self.mean_efficiency = float(average @ self.e)
        self.mean_labour = (
            float(self.chain.stationary_z() @ self.labour) if self.labour_supply else self.mean_efficiency
        )

    def _joint_chain(self) -> JointChain:
        """Of (z, e). Raises InputError for `chains` that are none."""
        n_z, n_eps = len(self.productivity), len(self.efficiency)
        aggregate = [[1.0]] if n_z == 1 else [[self.stay, 1 - self.stay], [1 - self.stay, self.stay]]
        try:
            by_next = torch.tensor(self.chains, dtype=torch.float64).reshape(n_z, n_eps, n_eps)
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"chains: expected matrices of {n_eps} x {n_eps} numbers, as efficiency has states, got {self.chains}"
            ) from error
        joint = torch.einsum("zy,yef->zeyf", self.table(aggregate), by_next)
        try:
            return JointChain(joint.reshape(n_z * n_eps, -1).tolist(), n_z=n_z, n_eps=n_eps)
        except InputError as error:
            raise InputError(f"chains: {error}") from error

    def _labour(self, aggregates: Wide, z: Tensor) -> Tensor:
        return self.labour[z] if self.labour_supply else aggregates["L"]
