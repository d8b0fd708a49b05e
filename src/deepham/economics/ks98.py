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

from deepham.economics.economy import Economy, Frictionless, Own, Seen, Wide, parameter, require
from deepham.economics.markov import JointChain
from deepham.economics.preferences import CRRA


@dataclass(eq=False)
class KS98(Economy):
    """The economy of Krusell and Smith (1998, section II); the calibration lies in conf/model/ks98.yaml."""

    beta: float = parameter("discount factor", "per quarter")
    sigma: float = parameter("relative risk aversion; 1 is log utility")
    alpha: float = parameter("capital share in output", "share")
    delta: float = parameter("depreciation", "per quarter")
    mu: float = parameter("unemployment benefit, in wages of one hour", "share")
    hours: float = parameter("time endowment of an employed household", "hours")
    productivity: list[float] = parameter("z in each aggregate state, bad before good")
    unemployment: list[float] = parameter("u(z) in each aggregate state", "share")
    # a list of rows; whole numbers are welcome, which a list of lists of floats would refuse
    chain_matrix: list = parameter("P(z', eps' | z, eps), order (bad,0) (bad,1) (good,0) (good,1)", "probability")

    period: ClassVar = "quarter"
    source: ClassVar = "Den Haan, Judd and Juillard (2010)"
    shock_names: ClassVar = {"eps": ("unemployed", "employed"), "z": ("bad", "good")}
    variables: ClassVar = {
        "K": ("capital, start of period", "goods"),
        "L": ("labour", "hours"),
        "Y": ("output", "goods per quarter"),
        "C": ("consumption", "goods per quarter"),
        "I": ("investment, K' - (1-delta) K", "goods per quarter"),
        "r": ("net return on capital", "percent per quarter"),
        "w": ("wage", "goods per hour"),
        "unemployment": ("unemployment rate", "share"),
    }

    def aggregates(self, population, z: Tensor) -> Wide:
        return {"K": population.mean(population.k)}

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        ratio = aggregates["K"] / self.labour[z]
        return {
            "R": 1 - self.delta + self.alpha * self.z_level[z] * ratio ** (self.alpha - 1),
            "w": (1 - self.alpha) * self.z_level[z] * ratio**self.alpha,
        }

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        return prices["R"] * k + prices["w"] * self.income[z, eps]

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        people, z, prices, K = seen.population, seen.z, seen.prices, seen.aggregates["K"]
        L = self.labour[z]
        return {
            "K": K,
            "L": L,
            "Y": self.z_level[z] * K**self.alpha * L ** (1 - self.alpha),
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
        share = self.chain.stationary_z()
        z, L = float(share @ self.z_level), float(share @ self.labour)
        K = L * (self.alpha * z / (1 / self.beta - 1 + self.delta)) ** (1 / (1 - self.alpha))
        Y = z * K**self.alpha * L ** (1 - self.alpha)
        return {"K": K, "c": Y - self.delta * K, "m": Y + (1 - self.delta) * K}

    def frictionless(self) -> Frictionless | None:
        """Permanent income at R = 1/beta: c = (1-beta) (m + H), H the present value of mean labour income."""
        state = self.steady_state()
        labour_income = state["m"] - state["K"] / self.beta
        return Frictionless(mpc=1 - self.beta, human_wealth=labour_income * self.beta / (1 - self.beta))

    def initial_assets(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Gamma-distributed around the steady state, with the dispersion of roughly half the mean."""
        uniform = torch.rand((4, *shape), generator=generator, device=generator.device, dtype=self.z_level.dtype)
        return self.steady_state()["K"] / 4 * -torch.log1p(-uniform).sum(0)

    def without_aggregate_risk(self) -> KS98:
        """Productivity, unemployment and the flows in and out of it at their long-run means."""
        share = self.chain.stationary_z()
        return replace(
            self,
            productivity=[float(share @ self.z_level)],
            unemployment=[float(share @ self.table(self.unemployment))],
            chain_matrix=self.jobs.average().tolist(),
        )

    def jobless(self, eps: Tensor) -> Tensor:
        """Which households are unemployed."""
        return eps == 0

    def check(self) -> None:
        require(0 < self.beta < 1, f"beta: expected a number in (0, 1), got {self.beta:g}")
        require(self.sigma > 0, f"sigma: expected a positive number, got {self.sigma:g}")
        require(0 < self.alpha < 1, f"alpha: expected a number in (0, 1), got {self.alpha:g}")
        require(0 < self.delta <= 1, f"delta: expected a number in (0, 1], got {self.delta:g}")
        self.check_benefit()
        require(self.hours > 0, f"hours: expected a positive number, got {self.hours:g}")
        for name in ("productivity", "unemployment"):
            values = getattr(self, name)
            require(
                len(values) >= 1 and not any(isinstance(value, list) for value in values),
                f"{name}: expected a number for each aggregate state, such as bad and good, got {values}",
            )
        n_z = len(self.productivity)
        require(
            len(self.unemployment) == n_z,
            f"unemployment: expected as many rates as productivity has states, {n_z}, got {self.unemployment}",
        )
        require(min(self.productivity) > 0, f"productivity: expected positive numbers, got {self.productivity}")
        require(
            0 <= min(self.unemployment) and max(self.unemployment) < 1,
            f"unemployment: expected rates in [0, 1), got {self.unemployment}",
        )
        chain, shares = JointChain(self.chain_matrix, n_z=n_z, n_eps=2), self._shares()
        # u(z) is a function of z alone only if the flows between z and z' carry one rate into the other
        arriving = torch.einsum("zye,ze->zy", chain.individual[..., 0], shares)
        gap = torch.where(chain.aggregate > 0, arriving - shares[:, 0], 0.0).abs()
        wrong = gap.amax(0).argmax()
        require(
            float(gap.max()) < 1e-4,
            f"unemployment: the chain leads to other rates than {self.unemployment}, for z "
            f"{self.names_of('z', n_z)[int(wrong)]} to {[round(x, 6) for x in arriving[:, wrong].tolist()]}; change "
            "chain_matrix with it",
        )
        require(bool((self._tax() < 1).all()), f"mu: benefits of {self.mu:g} would tax all labour income away")

    def check_benefit(self) -> None:
        """Raise InputError where the unemployed have nothing to live on."""
        require(
            0 < self.mu < 1,
            f"mu: expected a number in (0, 1), got {self.mu:g}; without a benefit the unemployed "
            "without assets could not consume",
        )

    def tables(self) -> None:
        shares = self._shares()
        self.preferences = CRRA(self.sigma)
        self.chain = self.jobs = JointChain(self.chain_matrix, n_z=len(shares), n_eps=2).carrying(shares)
        self.z_level = self.table(self.productivity)
        self.labour = self.hours * shares[:, 1]
        tax = self._tax()
        # hours paid at the wage, by (z, eps)
        self.income = torch.stack([torch.full_like(tax, self.mu), (1 - tax) * self.hours], 1)

    def _shares(self) -> Tensor:
        """Of the unemployed and the employed, by z: (n_z, 2)."""
        rate = self.table(self.unemployment)
        return torch.stack([rate, 1 - rate], 1)

    def _tax(self) -> Tensor:
        """Rate on labour income that pays for the benefits, by z."""
        unemployed, employed = self._shares().unbind(1)
        return self.mu * unemployed / (self.hours * employed)
