"""Huggett (1993): a bond whose price clears a market, with aggregate risk as in arXiv 2512.18892.

Households insure themselves by one bond that pays one good a period later. Its price q is found within the period: it
depends on the whole cross-section and on z, and what households buy depends on q.

    household    max E sum_t beta^t u(c),   c + q b' = b + z y,   b' >= b_min
    market       sum over households of b' = B;   r = 1/q - 1

symbol         meaning                                                            unit
b              bonds held at the start of the period, debt below zero             goods
y              income of a household, a chain of log y                            goods per period
z              factor of all incomes; log z' = rho_z log z + a normal innovation  -
q, r           price of a bond that pays one good; its return                     goods; per period
c, C           consumption; its mean                                              goods per period
B              bonds in supply a head; who issues them is not modelled            goods

sd and sd_z are long-run standard deviations of log y and of log z. Known answers: identical households (y = 1, B = 0)
hold nothing and q = beta E[(z'/z)^-sigma | z]; with b_min = 0 and B -> 0 the household who hopes for the least prices
the bond, q = beta E[(z'/z)^-sigma | z] max_y E[(y'/y)^-sigma | y].
"""

# a field for what the base class declares for the class, as in every economy
# pyright: reportIncompatibleVariableOverride=false, reportAttributeAccessIssue=false

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from deepham.economics.autoregressions import Autoregressions
from deepham.economics.economy import Economy, Frictionless, Own, Seen, Wide, parameter, require
from deepham.economics.income import bins, rouwenhorst
from deepham.economics.markov import JointChain
from deepham.economics.preferences import CRRA
from deepham.economics.process import ShockProcess
from deepham.economics.unknown import Unknown

GRIDS = {"rouwenhorst": rouwenhorst, "bins": bins}
WIDE = 1.25  # the range of q: so far below beta, and above what the most cautious would pay without aggregate risk
NODES = 3  # Gauss-Hermite nodes of an expectation over log z, whose innovations are small
SPREAD = 0.02  # how far q moves
PATIENCE = 0.1  # share of the way from beta to one at which the typical price is

# without aggregate risk, on grids of 3,000 nodes: of beta, sigma, b_min, B, rho, sd, states and income_grid the rate
# (percent per period), the standard deviation of b (goods) and the share of households at the limit
KNOWN = {
    (0.96, 2.0, -1.0, 0.0, 0.6, 0.2, 3, "bins"): (2.3997, 1.173, 0.0233),
    (0.98, 2.0, 0.0, 5.6, 0.966, 0.5, 3, "rouwenhorst"): (0.5578, 6.551, 0.1196),
}
ANSWERS = {
    "r": ("interest rate, less the known", "bp"),
    "wealth_sd": ("sd of bonds, less the known", "%"),
    "at_limit": ("households at the limit, less the known", "%"),
}


@dataclass(eq=False)
class Huggett(Economy):
    """The bond economy; calibrations lie in conf/model/huggett.yaml and conf/calibration/huggett_*.yaml."""

    beta: float = parameter("discount factor", "per period", low=0, high=1)
    sigma: float = parameter("relative risk aversion; 1 is log utility", low=0)
    b_min: float = parameter("least bonds that a household may hold", "goods", high=0, closed="high")
    B: float = parameter("bonds in supply", "goods")
    rho: float = parameter("persistence of log y", low=-1, high=1)
    sd: float = parameter("long-run standard deviation of log y", low=0, closed="low")
    states: int = parameter("states of y", low=1, high=99, closed="both")
    income_grid: str = parameter("chain of log y: rouwenhorst, of mean y one, or bins of equal width on +-3 sd")
    rho_z: float = parameter("persistence of log z", low=-1, high=1)
    sd_z: float = parameter("long-run standard deviation of log z; 0: z is one for ever", low=0, closed="low")

    asset: ClassVar = "b"
    individual_shock: ClassVar = "y"
    shock_names: ClassVar = {"y": ("low", "middle", "high")}
    tracked: ClassVar = "q"  # mean bonds are B, whatever happens
    source: ClassVar = "Huggett (1993); arXiv 2512.18892"
    variables: ClassVar = {
        "B": ("bonds held, start of period", "goods"),
        "Y": ("income", "goods per period"),
        "C": ("consumption", "goods per period"),
        "q": ("price of a bond", "goods"),
        "r": ("interest rate", "percent per period"),
    }

    @property
    def borrowing_limit(self) -> float:
        return self.b_min

    @property
    def scale(self) -> float:
        """What households hold above the limit, on average."""
        return self.B - self.b_min

    @property
    def unknowns(self) -> dict[str, Unknown]:
        # what the patient pay is beta; at a price far above it a household without risk spends its income in advance
        typical = self.beta + PATIENCE * (1 - self.beta)
        low, high = self.beta / WIDE, WIDE * self.highest
        excess = "excess demand, percent of mean income"
        return {"q": Unknown("price of a bond", "goods", low, high, typical, SPREAD, shown="r", excess=excess)}

    @property
    def answers(self) -> dict[str, tuple[str, str]]:
        return ANSWERS if self._known() else {}

    def known(self, period: Any, accounts: Wide) -> dict[str, tuple[Tensor, float]]:
        """Rate, dispersion and the constrained, of a calibration of which they are known."""
        if not self._known():
            return {}
        r, sd, share = self._known()
        people = period.panel.population
        mean = people.mean(people.k)
        found_sd = people.mean((people.k - mean) ** 2).sqrt().mean()
        found_share = people.mean((people.k <= self.b_min).to(people.weight)).mean()
        return {
            "r": (100 * (accounts["r"].mean() - r), 0.0),
            "wealth_sd": (100 * (found_sd / sd - 1), 0.0),
            "at_limit": (100 * (found_share / share - 1), 0.0),
        }

    def _known(self) -> tuple[float, ...]:
        given = (self.beta, self.sigma, self.b_min, self.B, self.rho, self.sd, self.states, self.income_grid)
        return () if self.sd_z else KNOWN.get(given, ())

    def aggregates(self, population, z: Tensor) -> Wide:
        return {}

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        q = aggregates["q"]
        return {"R": torch.ones_like(q), "q": q, "z": self.level(z).to(q)}

    def level(self, z: Tensor) -> Tensor:
        """z itself, (B, 1), of the aggregate state: its logarithm, or the one state of an economy without risk."""
        return z.exp() if self.sd_z else torch.ones_like(z, dtype=self.y.dtype)

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        return k + prices["z"] * self.y[eps]

    def asset_price(self, seen: Seen) -> Tensor:
        return seen.prices["q"]

    def conditions(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        """Bonds that households want beyond those in supply."""
        return {"q": (seen.population.mean(carried) - self.B) / self.mean_income}

    def substitution(self, seen: Seen) -> Tensor:
        """A household without risk consumes q^(1/sigma) times as much today where bonds cost q times as much today."""
        return (seen.prices["q"] / self.unknowns["q"].typical) ** (1 / self.sigma)

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        people, prices = seen.population, seen.prices
        return {
            "B": people.mean(people.k),
            "Y": prices["z"] * people.mean(self.y[people.eps]),
            "C": people.mean(choice["c"]),
            "q": prices["q"],
            "r": 100 * (1 / prices["q"] - 1),
        }

    def balance(self, accounts: Wide) -> Wide:
        """Goods: income, and what is paid on the bonds in supply beyond what new ones bring in, are consumed."""
        return {"goods": accounts["Y"] + (1 - accounts["q"]) * self.B - accounts["C"]}

    def steady_state(self) -> dict[str, float]:
        """The average household at the typical price, which holds B."""
        price = self.unknowns["q"].typical
        c = self.mean_income + (1 - price) * self.B
        return {"c": c, "m": self.mean_income + self.B}

    def typical_household(self) -> dict[str, float]:
        return {"assets": self.B, "c": self.steady_state()["c"], "limit": self.b_min}

    def frictionless(self) -> Frictionless | None:
        """Without risk at the typical price: consumption changes by the factor (beta/q)^(1/sigma) a period."""
        price = self.unknowns["q"].typical
        return Frictionless(
            mpc=1 - price * (self.beta / price) ** (1 / self.sigma), human_wealth=self.mean_income * price / (1 - price)
        )

    def initial_assets(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Exponentially distributed above the limit, around B."""
        uniform = torch.rand(shape, generator=generator, device=generator.device, dtype=self.y.dtype)
        above = -torch.log1p(-uniform)
        return self.b_min + self.scale * above / above.mean(1, keepdim=True)

    def without_aggregate_risk(self) -> Huggett:
        """z is one for ever."""
        return replace(self, sd_z=0.0)

    def check(self) -> None:
        require(self.income_grid in GRIDS, f"income_grid: expected {' or '.join(GRIDS)}, got {self.income_grid}")
        require(
            self.b_min < self.B,
            f"B: {self.B:g} bonds a head cannot be held by households of which none may hold less than "
            f"b_min={self.b_min:g}, with anything to trade; expected B > b_min, so supply or room to borrow",
        )

    def tables(self) -> None:
        self.preferences = CRRA(self.sigma)
        if self.sd == 0:
            self.y, moves = torch.ones(self.states, dtype=torch.float64), self._moves(1.0)
        else:
            self.y, moves = GRIDS[self.income_grid](self.rho, self.sd, self.states)
        self.chain: ShockProcess = (
            Autoregressions([self.rho_z], [self.sd_z * math.sqrt(1 - self.rho_z**2)], moves, NODES, logs=True)
            if self.sd_z
            else JointChain(moves, n_z=1, n_eps=self.states)
        )
        self.mean_income = float(self.chain.eps_shares() @ self.y)
        growth = (moves @ self.y**-self.sigma) * self.y**self.sigma  # E[(y'/y)^-sigma | y]
        self.highest = self.beta * float(growth.max())  # price without aggregate risk where nobody can borrow
        self._check_debt()

    def _moves(self, sd: float) -> Tensor:
        return GRIDS[self.income_grid](self.rho, sd, self.states)[1]

    def _check_debt(self) -> None:
        """Raise InputError for a limit whose interest the poorest cannot pay at the lowest price of the range."""
        price, least = self.unknowns["q"].low, float(self.y.min())
        left = least + (1 - price) * self.b_min
        require(
            left > 0,
            f"b_min: a household that earns {least:.4g} cannot stay {-self.b_min:g} in debt at a bond price of "
            f"{price:.4g}, the lowest in the range; expected above {-least / (1 - price):.4g}",
        )
