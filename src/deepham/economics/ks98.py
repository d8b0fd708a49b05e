"""Krusell and Smith (1998), in the calibration of Den Haan, Judd and Juillard (2010).

A unit mass of households saves in capital, without insurance against unemployment and above a borrowing limit of
zero; a representative firm rents capital and labour; productivity and unemployment move together. A quarter a period.
With one aggregate state (`productivity` and `unemployment` of one number each, a chain of eps alone) it is the economy
of Aiyagari (1994), whose capital rests.

    household    max E sum_t beta^t u(c),   c + k' = m,   k' >= 0
    resources    m = R k + (1 - tau) w hours   if employed,     m = R k + mu w   if unemployed
    firm         R = 1 - delta + z alpha (K/L)^(alpha-1),       w = z (1-alpha) (K/L)^alpha
    aggregates   K = mean of k,   L = hours (1 - u(z)),         tau = mu u(z) / L   (benefits are paid by taxes)

symbol         meaning                                                     unit
k, K           capital held at the start of the period; its mean           goods
eps            0 unemployed, 1 employed                                    -
z              productivity: 0 bad, 1 good                                 -
c, C           consumption; its mean                                       goods per quarter
R, r           gross return on capital; r = R - 1                          per quarter
w, tau         wage per hour; tax rate on labour income                    goods per hour; share
u(z)           unemployment rate                                           share
chain          P(z', eps' | z, eps), order (bad,0) (bad,1) (good,0) (good,1)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from deepham.economics.economy import Economy, Own, Seen, Wide, parameter, require, series
from deepham.economics.firm import CobbDouglas
from deepham.economics.preferences import CRRA
from deepham.economics.unemployment import printed_chain


@dataclass(eq=False)
class KS98(Economy):
    """The economy of Krusell and Smith (1998, section II); the calibration lies in conf/model/ks98.yaml."""

    beta: float = parameter("discount factor", "per quarter", low=0, high=1)
    sigma: float = parameter("relative risk aversion; 1 is log utility", low=0)
    alpha: float = parameter("capital share in output", "share", low=0, high=1)
    delta: float = parameter("depreciation", "per quarter", low=0, high=1, closed="high")
    mu: float = parameter("unemployment benefit, in wages of one hour", "share", low=0, high=1, closed="low")
    hours: float = parameter("time endowment of an employed household", "hours", low=0)
    productivity: list[float] = parameter("z in each aggregate state, bad before good", by="z", low=0)
    unemployment: list[float] = parameter("u(z) in each aggregate state", "share", by="z", low=0, high=1, closed="low")
    # a list of rows; whole numbers are welcome, which a list of lists of floats would refuse
    chain_matrix: list = parameter("P(z', eps' | z, eps), order (bad,0) (bad,1) (good,0) (good,1)", "probability")

    period: ClassVar = "quarter"
    source: ClassVar = "Den Haan, Judd and Juillard (2010)"
    shock_names: ClassVar = {"eps": ("unemployed", "employed"), "z": ("bad", "good")}
    variables: ClassVar = series("K", "L", "Y", "C", "I", "r", "w", period="quarter") | {
        "unemployment": ("unemployment rate", "share")
    }

    def tables(self) -> None:
        self.preferences = CRRA(self.sigma)
        self.chain = self.jobs = printed_chain(self.chain_matrix, self.unemployment)
        self.z_level, u = self.table(self.productivity), self.table(self.unemployment)
        self.labour = self.hours * (1 - u)
        tax = self.mu * u / self.labour
        require(bool((tax < 1).all()), f"mu: benefits of {self.mu:g} would tax all labour income away")
        # hours paid at the wage, by (z, eps)
        self.income = torch.stack([torch.full_like(tax, self.mu), (1 - tax) * self.hours], 1)

    @property
    def firm(self) -> CobbDouglas:
        return CobbDouglas(self.alpha, self.delta)

    def aggregates(self, population, z: Tensor) -> Wide:
        return {"K": population.mean(population.k)}

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        return self.firm.prices(aggregates["K"], self.labour[z], self.z_level[z])

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        return prices["R"] * k + prices["w"] * self.income.take(z * self.income.shape[1] + eps)

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        people, z, prices, K = seen.population, seen.z, seen.prices, seen.aggregates["K"]
        return {
            "K": K,
            "L": self.labour[z],
            "Y": self.firm.output(K, self.labour[z], self.z_level[z]),
            "C": people.mean(choice["c"]),
            "I": people.mean(carried) - (1 - self.delta) * K,
            "r": 100 * (prices["R"] - 1),
            "w": prices["w"],
            "unemployment": people.mean(self.jobless(people.eps).to(K.dtype)),
        }

    def balance(self, accounts: Wide) -> Wide:
        """Goods, and labour at its wage: firms employ the hours that households work."""
        worked = self.hours * (1 - accounts["unemployment"])
        return super().balance(accounts) | {"labour": accounts["w"] * (accounts["L"] - worked)}

    def steady_state(self) -> dict[str, float]:
        """No aggregate risk, productivity and labour at their long-run means, beta R = 1."""
        return self.firm.at_rest(1 / self.beta - 1 + self.delta, self.mean_of(self.labour), self.mean_of(self.z_level))

    def without_aggregate_risk(self) -> KS98:
        """Productivity, unemployment and the flows in and out of it at their long-run means."""
        return replace(
            self,
            productivity=[self.mean_of(self.z_level)],
            unemployment=[self.mean_of(self.table(self.unemployment))],
            chain_matrix=self.jobs.average().tolist(),
        )

    def jobless(self, eps: Tensor) -> Tensor:
        """Which households are unemployed."""
        return eps == 0

    def check(self) -> None:
        self.check_benefit()

    def check_benefit(self) -> None:
        """Raise InputError where the unemployed have nothing to live on."""
        require(
            self.mu > 0, "mu: expected a positive benefit, without which the unemployed without assets live on nothing"
        )
