"""A life cycle with aggregate risk: households age, retire, and die; productivity moves all prices.

Households enter at 25, work until they retire, and live to 84 at most. The chance to see the next year is that of
Gompertz's law of mortality. Who dies is replaced by an heir of 25 with the middle income, who inherits what it had
saved: bequests are accidents, nobody plans them. Contributions pay for the pensions of the same year.

    household    max E sum_j beta^j s_0 ... s_(j-1) u(c_j),   c + k' = m,   k' >= 0
    resources    m = R k + (1 - tau) w g_j e    at work,      m = R k + b     retired
    survival     s_j = exp(-exp((x - mode) / spread) (exp(1 / spread) - 1)),   x the age in years;  0 at the last one
    pensions     b = replacement w L / workers,     tau w L = b retired
    firm         R = 1 - delta + alpha z (K/L)^(alpha-1),     w = (1-alpha) z (K/L)^alpha
    aggregates   K = mean of k,   L = mean of g_j e among all, those who work supplying it

symbol         meaning                                                     unit
k, K           capital held at the start of the year; its mean             goods
eps            age and income: (x - 25) * incomes + income                 -
z              productivity: 0 bad, 1 good                                 -
g              efficiency by age, exp of a cubic in x (Cocco, Gomes and Maenhout, 2005, high school), 1 at 25
e              income, a chain for an autoregression                       -
b, tau         pension; rate of contribution                               goods per year; share
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from deepham.economics.economy import Economy, Own, Seen, Wide, parameter, require, series
from deepham.economics.firm import CobbDouglas
from deepham.economics.generations import Generations
from deepham.economics.income import rouwenhorst
from deepham.economics.preferences import CRRA

FIRST = 25  # years, of a household that enters
LEAST_AGES, MOST_AGES, MOST_INCOMES = 2, 100, 25


@dataclass(eq=False)
class LifeCycle(Economy):
    """Overlapping generations with income risk; the calibration lies in conf/model/life_cycle.yaml."""

    beta: float = parameter("discount factor, beside mortality", "per year", low=0, high=2)
    sigma: float = parameter("relative risk aversion; 1 is log utility", low=0)
    alpha: float = parameter("capital share in output", "share", low=0, high=1)
    delta: float = parameter("depreciation", "per year", low=0, high=1, closed="high")
    ages: int = parameter("years that a household lives at most", "years", low=LEAST_AGES, high=MOST_AGES)
    working: int = parameter("years of work before it retires", "years", low=1)
    mode: float = parameter("age at which most die, by Gompertz's law", "years", low=0)
    spread: float = parameter("years in which mortality grows by the factor e", "years", low=0)
    efficiency: list[float] = parameter("coefficients of x, x^2, x^3 in the log of efficiency by age x")
    rho: float = parameter("autocorrelation of log income", "per year", low=-1, high=1)
    sd: float = parameter("long-run standard deviation of log income", low=0, closed="low")
    incomes: int = parameter("number of incomes", low=1, high=MOST_INCOMES)
    replacement: float = parameter("pension, as a share of the mean wage bill of a worker", "share", low=0)
    productivity: list[float] = parameter("z in each aggregate state, bad before good", by="z", low=0)
    stay: float = parameter("probability that z stays what it is", "probability", low=0, high=1)
    capital: float = parameter("mean capital without aggregate risk, which networks are scaled by", "goods", low=0)

    period: ClassVar = "year"
    youngest: ClassVar = FIRST
    source: ClassVar = "Gompertz mortality; ages by Cocco, Gomes and Maenhout (2005)"
    variables: ClassVar = series("K", "L", "Y", "C", "I", "r", "w", period="year") | {
        "L": ("labour, in units of efficiency at 25", "hours"),
        "pension": ("pension", "goods per year"),
    }

    @property  # as many as there are ages and incomes
    def shock_names(self) -> dict[str, tuple[str, ...]]:  # pyright: ignore[reportIncompatibleVariableOverride]
        each = (f"age {FIRST + x}, income {e}" for x in range(self.ages) for e in range(1, self.incomes + 1))
        return {"eps": tuple(each), "z": ("bad", "good")}

    def check(self) -> None:
        require(
            self.working < self.ages,
            f"working: expected fewer years of work than the {self.ages} of a life, got {self.working}",
        )
        require(
            len(self.efficiency) == 3,
            f"efficiency: expected three coefficients, of x, x^2 and x^3, got {self.efficiency}",
        )

    def tables(self) -> None:
        n_z, x = len(self.productivity), FIRST + torch.arange(self.ages, dtype=torch.float64)
        survival = torch.exp(-torch.exp((x - self.mode) / self.spread) * torch.expm1(x.new_tensor(1 / self.spread)))
        survival[-1] = 0.0
        income, moves = rouwenhorst(self.rho, self.sd, self.incomes)
        leave = (1 - self.stay) / max(n_z - 1, 1)
        aggregate = [[self.stay if i == j else leave for j in range(n_z)] for i in range(n_z)] if n_z > 1 else [[1.0]]
        newborn = torch.zeros(self.incomes, dtype=torch.float64)
        newborn[self.incomes // 2] = 1.0
        self.chain = Generations(survival, moves, newborn, aggregate, self.working)
        self.preferences, self.z_level, self.survival = CRRA(self.sigma), self.table(self.productivity), survival
        terms = [a * (x ** (i + 1) - FIRST ** (i + 1)) for i, a in enumerate(self.efficiency)]
        works = (torch.arange(self.ages) < self.working).double()
        self.units = ((works * torch.stack(terms).sum(0).exp())[:, None] * income).flatten()
        shares = self.chain.eps_shares()
        self.retired = (1 - works).repeat_interleave(self.incomes)
        old = float(shares @ self.retired)
        self.labour = float(shares @ self.units)
        self.pension = self.replacement * self.labour / (1 - old)  # in wages of a unit
        self.contribution = self.pension * old / self.labour
        require(
            self.contribution < 1,
            f"replacement: pensions of {self.replacement:g} would take {self.contribution:.4g} of all wages; expected "
            f"a number below {self.replacement / self.contribution:.4g}",
        )
        self.paid = (1 - self.contribution) * self.units + self.pension * self.retired
        self._plan()

    def _plan(self) -> None:
        """What a household would consume without risk beside mortality and without a limit, c = mpc_j (m + w H_j(e)),
        and how many years of the present one's worth it counts on: what networks start from. With log utility the
        plan's consumption grows by rates that do not depend on it, and so does `growth`, what they are worth.
        """
        R = self.firm.prices(self.capital, self.labour, self.mean_of(self.z_level))["R"]
        n, (_, moves) = self.incomes, rouwenhorst(self.rho, self.sd, self.incomes)
        paid = self.paid.reshape(-1, n)
        spends, later = [paid.new_tensor(1.0)], [torch.zeros_like(paid[0])]
        years, growth = [paid.new_tensor(1.0)], [paid.new_tensor(0.0)]
        for age in range(self.ages - 2, -1, -1):
            weight = self.beta * self.survival[age]
            goes_on = (weight * R) ** (1 / self.sigma) / R
            spends.insert(0, 1 / (1 + goes_on / spends[0]))
            growth.insert(0, weight * (growth[0] + years[0] * torch.log(weight * R)))
            years.insert(0, 1 + weight * years[0])
            expected = paid[age + 1] + later[0]
            later.insert(0, (moves @ expected if age + 1 < self.working else expected) / R)
        self.mpc, self.years, self.growth = (torch.stack(each).repeat_interleave(n) for each in (spends, years, growth))
        self.human_wealth = torch.stack(later).flatten()

    @property
    def firm(self) -> CobbDouglas:
        return CobbDouglas(self.alpha, self.delta)

    def aggregates(self, population, z: Tensor) -> Wide:
        return {"K": population.mean(population.k)}

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        return self.firm.prices(aggregates["K"], self.labour, self.z_level[z])

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        return prices["R"] * k + prices["w"] * self.paid[eps]

    def continues(self, eps: Tensor, eps_next: Tensor) -> Tensor:
        return (eps_next // self.incomes > eps // self.incomes).to(self.paid)

    def age_of(self, eps: Tensor) -> Tensor:
        return eps // self.incomes

    def described(self) -> Tensor:
        """Age and log income on a scale, the years left of work, 0 once it is over, and one over the years left of work
        and of life: at their end each year is unlike the one before."""
        age, income = (
            x.flatten()
            for x in torch.meshgrid(
                torch.arange(self.ages, dtype=torch.float64),
                torch.linspace(-1, 1, self.incomes).double(),
                indexing="ij",
            )
        )
        income = income if self.incomes > 1 else torch.zeros_like(income)
        at_work = age < self.working
        left = 1 - age / self.working
        last = [at_work / (self.working - age).clamp_min(1.0), 1 / (self.ages - age)]
        numbers = [2 * age / (self.ages - 1) - 1, 2 * at_work - 1.0, left.clamp_min(0.0), income * at_work, *last]
        return torch.stack(numbers, 1)

    def substitution(self, seen: Seen) -> Tensor:
        """By the plan without risk, at this period's wage: what a household consumes as against the typical one."""
        return self._plan_now(seen) / self._typical["c"]

    def planned(self, seen: Seen, change: Tensor) -> Tensor:
        """The plan's V has the slope u'(c): with c today it is c^(1-sigma) / (1-sigma) / mpc, less the constant in u.
        In the last year the plan is what households do, and nothing is to be learned.
        """
        last = seen.eps >= (self.ages - 1) * self.incomes
        c = self._plan_now(seen) * torch.exp(torch.where(last, 0.0, change))
        years = _of(self.years, seen)
        if self.sigma == 1:
            return years * torch.log(c) + _of(self.growth, seen)
        return (c ** (1 - self.sigma) / _of(self.mpc, seen) - years) / (1 - self.sigma)

    def _plan_now(self, seen: Seen) -> Tensor:
        """What the plan has households consume in the period, (B, N), at this period's wage."""
        return _of(self.mpc, seen) * (seen.resources + seen.prices["w"] * _of(self.human_wealth, seen))

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        people, z, prices, K = seen.population, seen.z, seen.prices, seen.aggregates["K"]
        return {
            "K": K,
            "L": torch.full_like(K, self.labour),
            "Y": self.firm.output(K, self.labour, self.z_level[z]),
            "C": people.mean(choice["c"]),
            "I": people.mean(carried) - (1 - self.delta) * K,
            "r": 100 * (prices["R"] - 1),
            "w": prices["w"],
            "pension": prices["w"] * self.pension,
        }

    @property
    def _typical(self) -> dict[str, float]:
        Y = self.firm.output(self.capital, self.labour, self.mean_of(self.z_level))
        return {
            "K": self.capital,
            "c": Y - self.delta * self.capital,
            "m": Y + (1 - self.delta) * self.capital,
        }

    def steady_state(self) -> dict[str, float]:
        """Where capital is the `capital` that it has been found to be without aggregate risk."""
        return self._typical

    def without_aggregate_risk(self) -> LifeCycle:
        """Productivity at its long-run mean."""
        return replace(self, productivity=[self.mean_of(self.z_level)])


def _of(table: Tensor, seen: Seen) -> Tensor:
    """What a table (n_eps,) says of households, (B, N). Networks may be elsewhere than the economy they came from."""
    return table.to(seen.eps.device)[seen.eps]
