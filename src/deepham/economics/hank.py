"""A heterogeneous-agent New Keynesian economy with one asset: sequence-jacobian's example (Auclert et al., 2021).

Prices are sticky, a central bank sets a nominal rate, and households insure themselves by government bonds that pay it
a quarter later. A quarter a period.

    household    max E sum_t beta^t [c^(1-sigma)/(1-sigma) - phi n^(1+nu)/(1+nu)],   a' >= 0
                 c + a' = R a + w e n + (d - tax) e
    firms        Y = Z L;   d = Y - w L - cost;   cost = mu/(mu-1) / (2 kappa) log(1+pi)^2 Y
    prices       log(1+pi) = kappa (w/Z - 1/mu) + E[(Y'/Y) log(1+pi') / R']
    policy       i = rstar + phi_pi pi;   R = (1 + i_lag) / (1 + pi);   tax = r B
    markets      mean of a' = B;   mean of e n = L;   then Y = C + cost
    shocks       rstar' = rstar_bar + rho_r (rstar - rstar_bar) + innovation;   log Z' = rho_Z log Z + innovation

symbol         meaning                                                             unit
a              bonds held at the start of the period; B of them a head             goods
e              skill, a chain of log e, of mean one                                -
n              hours                                                               hours
w, d, tax      wage of an hour of skill one; dividends and tax of skill one        goods per quarter
pi             inflation, log of next to nothing away from it                      per quarter
i, i_lag       nominal rate set this quarter, and paid in it (set a quarter ago)   per quarter
r              real return on bonds in the period, R - 1                           per quarter
Y, L, Z        output, labour in units of skill one, productivity                  goods; hours; -

The aggregate state is z = (rstar - rstar_bar, log Z, i_lag): the third number moves with inflation, and has no luck of
its own. Found within the period: w and L, at which the two markets clear, beside pi, which firms set looking ahead
(`foresight`). At rest, without aggregate risk, pi = 0 and r = rstar_bar.
"""

# fields for what the base class declares for the class, as in every economy
# pyright: reportIncompatibleVariableOverride=false, reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from deepham.economics.autoregressions import of_percent
from deepham.economics.economy import Economy, Frictionless, Own, Seen, Wide, parameter, require
from deepham.economics.effort import Isoelastic
from deepham.economics.gaussian import GaussianProcess
from deepham.economics.income import rouwenhorst
from deepham.economics.labour import Labour
from deepham.economics.markov import JointChain
from deepham.economics.preferences import CRRA
from deepham.economics.process import Aggregates
from deepham.economics.quadrature import monomial, standard_normal
from deepham.economics.unknown import Unknown

RANGE = 4.0  # wages and labour are looked for up to so many times what they typically are, and down to as much below
SPREAD = 3.3  # how far they move, relative, in units of how far rates move
INFLATION, MOST_INFLATION = 0.5, 0.05  # how far inflation moves, in these units, and the most of it, per quarter
BY_PRODUCTIVITY = 0.25  # what log Z moves of inflation, where rstar moves one
TOLD = 4e4  # basis points a year, of a logarithm a quarter
DISPERSION = 1.44  # standard deviation of bonds held, relative to their mean, at rest
POVERTY = 0.445  # mean of 1 / (1 + a / c), c mean consumption, there
RATES = 0.005  # standard deviation of nominal rates, where the economy has no shocks to tell


class RatesAndProductivity(GaussianProcess):
    """z (B, 3): rstar - rstar_bar and log Z, two autoregressions, and i_lag, last quarter's nominal rate.

    Args:
        rest: rstar_bar.
        persistence, innovation: of the two.
        individual: P(e' | e).

    Attributes:
        moves_of_rates: how far nominal rates move, roughly, per quarter.
    """

    def __init__(self, rest: float, persistence: list[float], innovation: list[float], individual: Tensor):
        super().__init__(3, individual)
        nodes, self.weights = monomial(2)
        self.nodes = torch.cat([nodes, torch.zeros_like(nodes[:, :1])], 1)  # the third number has no luck
        self.n_next, self.rest = len(nodes), rest
        self.rho, self.sigma = (torch.tensor([*two, 0.0], dtype=torch.float64) for two in (persistence, innovation))
        self.spread = self.sigma / (1 - self.rho**2).sqrt()
        self.moves_of_rates = float(self.spread[0] + BY_PRODUCTIVITY * self.spread[1]) or RATES
        self.feature_unit = self.unit_of_rates()

    def unit_of_rates(self) -> Tensor:
        unit = 3 * self.spread
        unit[2] = max(float(unit[0]), 3 * INFLATION * self.moves_of_rates)
        return torch.where(unit > 0, unit, RATES)

    def start(self, for_z: Tensor, for_eps: Tensor) -> tuple[Tensor, Tensor]:
        return self.typical_z() + self.spread * standard_normal(for_z), self.draw_first_eps(for_eps)

    def follow(self, z: Tensor, shock: Tensor, aggregates: Aggregates | None = None) -> Tensor:
        moved = self.rho * z + self.sigma * shock
        set_now = z[..., :1] + self.rest if aggregates is None else aggregates["i"]
        return torch.cat([moved[..., :2], set_now.expand_as(moved[..., :1])], -1)

    def in_deviations(self, size: np.ndarray, unit: str, number: int = 0) -> np.ndarray:
        """Of rstar only its own units, a rate per quarter; of Z percent, or a level that counts from one."""
        require(number < 2, "shock: i_lag moves with inflation, and has no innovation; expected rstar or Z")
        require(number == 1 or unit == "level", "unit: rstar is a rate and has no percent; expected 'level'")
        if number == 1:
            size = of_percent(size if unit == "percent" else 100 * size)
        return size / float(self.sigma[number])

    def features(self, z: Tensor) -> Tensor:
        return z - self.typical_z()

    def typical_z(self) -> Tensor:
        return torch.tensor([[0.0, 0.0, self.rest]], dtype=self.dtype, device=self.device)


@dataclass(eq=False)
class HANK(Labour, Economy):
    """One asset, sticky prices and a Taylor rule; the calibration lies in conf/model/hank.yaml."""

    beta: float = parameter("discount factor", "per quarter", low=0, high=1)
    sigma: float = parameter("relative risk aversion; 1 is log utility", low=0)
    nu: float = parameter("inverse of the elasticity of hours (Frisch)", low=0)
    phi: float = parameter("weight of the disutility of hours", low=0)
    mu: float = parameter("markup of prices over costs at rest", low=1)
    kappa: float = parameter("slope of the Phillips curve", low=0)
    phi_pi: float = parameter("by how much the nominal rate rises with inflation", low=1)
    rstar_bar: float = parameter("mean of the intercept of the rule for the nominal rate", "per quarter", low=0, high=1)
    B: float = parameter("government bonds a head", "goods", low=0)
    rho: float = parameter("persistence of log e", low=-1, high=1)
    sd: float = parameter("long-run standard deviation of log e", low=0, high=10, closed="both")
    states: int = parameter("states of e", low=1, high=99, closed="both")
    rho_r: float = parameter("persistence of rstar", low=-1, high=1)
    sd_r: float = parameter("standard deviation of the innovation of rstar", "per quarter", low=0, closed="low")
    rho_Z: float = parameter("persistence of log Z", low=-1, high=1)
    sd_Z: float = parameter("standard deviation of the innovation of log Z", low=0, closed="low")

    asset: ClassVar = "a"
    individual_shock: ClassVar = "e"
    shock_names: ClassVar = {
        "e": ("lowest", "second", "third", "middle", "fifth", "sixth", "highest"),  # of seven
        "z": ("rstar", "Z", "i_lag"),
    }
    tracked: ClassVar = "L"  # mean bonds are B, whatever happens
    period: ClassVar = "quarter"
    source: ClassVar = "sequence-jacobian's one-asset HANK; Auclert et al. (2021)"
    variables: ClassVar = {
        "B": ("bonds held, start of period", "goods"),
        "Y": ("output", "goods per quarter"),
        "C": ("consumption", "goods per quarter"),
        "cost": ("cost of changing prices", "goods per quarter"),
        "L": ("labour, in units of skill one", "hours"),
        "hours": ("mean hours", "hours"),
        "w": ("wage", "goods per hour"),
        "pi": ("inflation", "percent per quarter"),
        "i": ("nominal interest rate", "percent per quarter"),
        "r": ("real return on bonds", "percent per quarter"),
        "d": ("dividends", "goods per quarter"),
        "tax": ("tax", "goods per quarter"),
        "rstar": ("intercept of the rule for the nominal rate", "percent per quarter"),
        "Z": ("productivity", "-"),
    }

    @property
    def unknowns(self) -> dict[str, Unknown]:
        w, L, moves = 1 / self.mu, self.labour, self.chain.moves_of_rates
        inflation, spread = INFLATION * moves, SPREAD * moves
        return {
            "pi": Unknown("inflation", "per quarter", -MOST_INFLATION, MOST_INFLATION, 0.0, inflation, "network", TOLD),
            "w": Unknown("wage", "goods per hour", w / RANGE, RANGE * w, w, spread * w),
            "L": Unknown("labour", "hours", L / RANGE, RANGE * L, L, spread * L),
        }

    def aggregates(self, population, z: Tensor) -> Wide:
        return {}

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        pi, w, L = (aggregates[name] for name in ("pi", "w", "L"))
        rstar, log_Z, i_lag = (each.to(pi) for each in z[..., :3].split(1, -1))
        Z = log_Z.exp()
        Y = Z * L
        cost = self.menu * torch.log1p(pi) ** 2 * Y
        R = (1 + i_lag) / (1 + pi)
        d, tax = Y - w * L - cost, (R - 1) * self.B
        return {"R": R, "i": self.rate(rstar, pi), "d": d, "tax": tax, "Y": Y, "cost": cost, "Z": Z, "pay": w}

    def rate(self, rstar: Tensor, pi: Tensor) -> Tensor:
        """The Taylor rule; rstar as it is in z, a deviation."""
        return self.rstar_bar + rstar + self.phi_pi * pi

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        each = self.customary * prices["pay"] + prices["d"] - prices["tax"]
        return prices["R"] * k + each * self.e[eps]

    def pay(self, seen: Seen) -> Tensor:
        return seen.prices["pay"] * self.e[seen.eps]

    def conditions(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        """Labour that firms use beyond what is supplied; goods that are bought beyond those that are made, which by the
        households' budgets is what they hold less than all bonds."""
        people, L = seen.population, seen.aggregates["L"]
        supplied = people.mean(self.e[people.eps] * choice["n"])
        return {"w": (L - supplied) / self.labour, "L": (self.B - people.mean(carried)) / self.labour}

    def foresight(self, today: Wide, tomorrow: Wide, expect: Callable[[Tensor], Tensor]) -> Wide:
        """The Phillips curve, in logarithms of gross inflation."""
        hoped = expect(tomorrow["Y"] / today["Y"] * torch.log1p(tomorrow["pi"]) / tomorrow["R"])
        gap = today["w"] / today["Z"] - 1 / self.mu
        return {"pi": torch.log1p(today["pi"]) - self.kappa * gap - hoped}

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        people, prices, found = seen.population, seen.prices, seen.aggregates
        return {
            "B": people.mean(people.k),
            "Y": prices["Y"],
            "C": people.mean(choice["c"]),
            "cost": prices["cost"],
            "L": found["L"],
            "hours": people.mean(choice["n"]),
            "w": found["w"],
            "pi": 100 * found["pi"],
            "i": 100 * prices["i"],
            "r": 100 * (prices["R"] - 1),
            "d": prices["d"],
            "tax": prices["tax"],
            "rstar": 100 * (self.rstar_bar + seen.z[:, :1].to(prices["R"])),
            "Z": prices["Z"],
        }

    def balance(self, accounts: Wide) -> Wide:
        """Goods: output is consumed, or lost where prices change."""
        return {"goods": accounts["Y"] - accounts["cost"] - accounts["C"]}

    def steady_state(self) -> dict[str, float]:
        """Of one household of skill one, who holds B: pi = 0, Z = 1."""
        return {"c": self.labour, "m": self.labour + self.B}

    def typical_household(self) -> dict[str, float]:
        return {"assets": self.B, "c": self.labour, "limit": self.borrowing_limit}

    @property
    def scale(self) -> float:
        return self.B

    @property
    def typical_dispersion(self) -> float:
        return DISPERSION * self.B

    @property
    def typical_poverty(self) -> float:
        return POVERTY

    def frictionless(self) -> Frictionless | None:
        """At beta R = 1: the impatient who count on no risk would spend at once what they will earn."""
        income = self.labour - self.rstar_bar * self.B
        return Frictionless(mpc=1 - self.beta, human_wealth=income * self.beta / (1 - self.beta))

    def initial_assets(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Exponentially distributed, of mean B; where nobody has luck of his own B each, as nothing would even out what
        some have more of."""
        if self.chain.n_eps == 1:
            return torch.full(shape, self.B, device=generator.device, dtype=self.e.dtype)
        uniform = torch.rand(shape, generator=generator, device=generator.device, dtype=self.e.dtype)
        held = -torch.log1p(-uniform)
        return self.B * held / held.mean(1, keepdim=True)

    def without_aggregate_risk(self) -> HANK:
        return replace(self, sd_r=0.0, sd_Z=0.0)

    def at_rest(self) -> HouseholdAtRest:
        return HouseholdAtRest(**{each.name: getattr(self, each.name) for each in fields(HANK)})

    def check(self) -> None:
        require(
            self.rstar_bar < 1 / self.beta - 1,
            f"rstar_bar: at a rate of {self.rstar_bar:g} or above 1/beta - 1 = {1 / self.beta - 1:.4g} households save "
            "without end; expected less",
        )

    def process(self, individual: Tensor) -> RatesAndProductivity:
        """individual: P(e' | e)."""
        return RatesAndProductivity(self.rstar_bar, [self.rho_r, self.rho_Z], [self.sd_r, self.sd_Z], individual)

    def tables(self) -> None:
        self.preferences, self.effort = CRRA(self.sigma), Isoelastic(self.phi, self.nu)
        self.e, moves = rouwenhorst(self.rho, self.sd, self.states)
        self.chain = self.process(moves)
        self.menu = self.mu / (self.mu - 1) / (2 * self.kappa)
        # of one household of skill one: phi L^nu = w c^-sigma with c = L
        self.labour = (1 / (self.mu * self.phi)) ** (1 / (self.nu + self.sigma))
        self.customary, self.typical_pay = self.labour, 1 / self.mu
        income = self.labour - self.rstar_bar * self.B
        require(
            income > 0,
            f"B: interest on {self.B:g} bonds takes {self.rstar_bar * self.B:.4g} of an income of {self.labour:.4g}; "
            f"expected less than {self.labour / self.rstar_bar:.4g}",
        )


@dataclass(eq=False)
class HouseholdAtRest(HANK):
    """A household at the prices of rest, for ever; z is the index 0 of a chain of one state, and moves nothing."""

    tracked: ClassVar = "B"

    @property
    def unknowns(self) -> dict[str, Unknown]:
        return {}

    def aggregates(self, population, z: Tensor) -> Wide:
        return {"B": population.mean(population.k)}

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        zero = torch.zeros_like(aggregates["B"])
        return super().prices(
            {"pi": zero, "w": zero + 1 / self.mu, "L": zero + self.labour}, self.rest.expand(len(z), -1)
        )

    def steady_state(self) -> dict[str, float]:
        return super().steady_state() | {"B": self.B}

    def without_aggregate_risk(self) -> HouseholdAtRest:
        return self

    def at_rest(self) -> HouseholdAtRest:
        return self

    def tables(self) -> None:
        super().tables()
        self.rest, self.chain = self.chain.typical_z(), JointChain(self.chain.individual, n_z=1, n_eps=self.states)
