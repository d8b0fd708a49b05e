"""Krusell and Smith (1998) with productivity that is an autoregression, and incomes by Rouwenhorst.

The economy that sequence-jacobian solves in its first example (Auclert, Bardoczy, Rognlie and Straub, 2021), in that
calibration, so that its linear response to productivity can be laid over the global one. A quarter a period.

    household    max E sum_t beta^t u(c),   c + k' = R k + w e,   k' >= 0
    firm         R = 1 - delta + alpha Z K^(alpha-1),   w = (1-alpha) Z K^alpha,   one unit of labour
    shocks       log Z' = (1 - rho_Z) log Z_mean + rho_Z log Z + sd_Z times a standard normal;   log e a chain

symbol         meaning                                                             unit
k, K           capital held at the start of the period; its mean                   goods
e              labour that a household supplies, a chain of log e, of mean one     -
Z              productivity, a number                                              -
c, C           consumption; its mean                                               goods per quarter
R, r           gross return on capital; r = R - 1                                  per quarter
w              wage of a unit of labour                                            goods per quarter
Y, I           output Z K^alpha; investment K' - (1-delta) K                       goods per quarter

sd is the long-run standard deviation of log e, sd_Z that of the innovation of log Z. Without aggregate risk, sd_Z = 0,
the printed beta clears the market at r = 1 percent, K = 3.142857 and Y = 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from deepham.economics.autoregressions import LogAutoregression
from deepham.economics.economy import Economy, Own, Seen, Wide, parameter, series
from deepham.economics.firm import CobbDouglas
from deepham.economics.income import rouwenhorst
from deepham.economics.markov import JointChain
from deepham.economics.preferences import CRRA
from deepham.economics.process import ShockProcess

NODES = 3  # Gauss-Hermite nodes of an expectation over log Z, whose innovations are small


@dataclass(eq=False)
class KS98AR1(Economy):
    """Krusell and Smith (1998) with an autoregression; the calibration lies in conf/model/ks98_ar1.yaml."""

    beta: float = parameter("discount factor", "per quarter", low=0, high=1)
    sigma: float = parameter("relative risk aversion; 1 is log utility", low=0)
    alpha: float = parameter("capital share in output", "share", low=0, high=1)
    delta: float = parameter("depreciation", "per quarter", low=0, high=1, closed="high")
    rho: float = parameter("persistence of log e", low=-1, high=1)
    sd: float = parameter("long-run standard deviation of log e", low=0, high=10, closed="both")
    states: int = parameter("states of e", low=1, high=99, closed="both")
    Z_mean: float = parameter("productivity, the exponential of the mean of its log", low=0)
    rho_Z: float = parameter("persistence of log Z", low=-1, high=1)
    sd_Z: float = parameter(
        "standard deviation of the innovation of log Z; 0: Z is Z_mean for ever", low=0, high=10, closed="both"
    )

    individual_shock: ClassVar = "e"
    aggregate_shock: ClassVar = "Z"
    shock_names: ClassVar = {"e": ("lowest", "second", "third", "middle", "fifth", "sixth", "highest")}  # of seven
    period: ClassVar = "quarter"
    source: ClassVar = "sequence-jacobian's example of Krusell and Smith; Auclert et al. (2021)"
    variables: ClassVar = series("K", "Y", "C", "I", "r", period="quarter") | {
        "w": ("wage of a unit of labour", "goods per quarter"),
        "L": ("labour, mean of e", "units"),
    }

    def tables(self) -> None:
        self.preferences = CRRA(self.sigma)
        self.e, moves = rouwenhorst(self.rho, self.sd, self.states)
        self.chain: ShockProcess = (
            LogAutoregression(self.Z_mean, self.rho_Z, self.sd_Z, moves, NODES)
            if self.sd_Z
            else JointChain(moves, n_z=1, n_eps=self.states)
        )

    @property
    def firm(self) -> CobbDouglas:
        return CobbDouglas(self.alpha, self.delta)

    def level(self, z: Tensor) -> Tensor:
        """Productivity (B, 1): the aggregate state itself, or its mean in an economy of one state."""
        return z if self.sd_Z else torch.full_like(z, self.Z_mean, dtype=self.e.dtype)

    def aggregates(self, population, z: Tensor) -> Wide:
        return {"K": population.mean(population.k)}

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        return self.firm.prices(aggregates["K"], 1.0, self.level(z))

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        return prices["R"] * k + prices["w"] * self.e[eps]

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        people, prices, K = seen.population, seen.prices, seen.aggregates["K"]
        return {
            "K": K,
            "Y": self.firm.output(K, 1.0, self.level(seen.z)),
            "C": people.mean(choice["c"]),
            "I": people.mean(carried) - (1 - self.delta) * K,
            "r": 100 * (prices["R"] - 1),
            "w": prices["w"],
            "L": people.mean(self.e[people.eps]),
        }

    def balance(self, accounts: Wide) -> Wide:
        """Goods, and labour at its wage: firms employ one unit, which is what households supply."""
        return super().balance(accounts) | {"labour": accounts["w"] * (accounts["L"] - 1)}

    def steady_state(self) -> dict[str, float]:
        """No risk, Z at its mean, beta R = 1."""
        return self.firm.at_rest(1 / self.beta - 1 + self.delta, 1.0, self.Z_mean)

    def initial_assets(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Exponentially distributed around the steady state: wealth is about as unequal."""
        return self.gamma(self.steady_state()["K"], 1, shape, generator)

    def fault(self, z: Tensor, aggregates: Wide | None = None) -> str | None:
        least = float(z.min()) if self.sd_Z and z.numel() else 1.0
        return None if least > 0 else f"productivity is {least:.4g}; expected a positive number"

    def without_aggregate_risk(self) -> KS98AR1:
        """Z is Z_mean for ever."""
        return replace(self, sd_Z=0.0)
