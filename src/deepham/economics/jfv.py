"""The economy of Fernandez-Villaverde, Hurtado and Nuno (2023): households lend to an expert who owns the risky
capital.

A period is a step of dt years, sigma is what a year's shock to the quality of capital comes to, and flows are by the
year:

    capital       K = B + W,  B = mean of a, what households hold;  W, the expert's net worth
    prices        w = (1-alpha) K^alpha,   r = alpha K^(alpha-1) - delta - sigma^2 K/W
    households    c dt + a' = a + (w e + r a) dt,   a' >= 0;   utility (1 - 1/c) dt with CRRA 2, discounted at the rate
                                                               rho
    expert        W' = W + (alpha K^(alpha-1) - delta - rho_hat - sigma^2 (1 - K/W) K/W) W dt + sigma K sqrt(dt) Z
    earnings      e in {low, high}: from low to high at the rate finding, from high to low at the rate losing, a mean of
                  one

The expert borrows B from households at the rate r, which is known a step ahead, holds all capital, consumes the share
rho_hat of its net worth and bears all risk: the spread alpha K^(alpha-1) - delta - r is sigma^2 times its leverage K/W.
Z is standard normal. W moves with what households hold, and is their aggregate state z = W, (B, 1). So

    K' = K + (Y - C - rho_hat W - delta K) dt + sigma K sqrt(dt) Z.

The equations are those of the paper in discrete time, as in Han, Yang and E (2021, section 5). Interest is simple, and
the discount factor that belongs to it is 1/(1 + rho dt) (`discounting: simple`); that publication writes exp(-rho dt).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from deepham.economics.economy import Economy, Frictionless, Own, Seen, Wide, parameter, require
from deepham.economics.gaussian import GaussianProcess
from deepham.economics.preferences import Flow
from deepham.economics.process import Aggregates
from deepham.economics.quadrature import standard_normal

SPREAD = 0.1  # of the net worth that simulations start from: standard deviation of its logarithm
WIPED_OUT = 4.0  # standard deviations of a step's shock that the typical expert has to survive


class NetWorth(GaussianProcess):
    """z = W (B, 1), which moves with capital: the law of motion of the expert above.

    Args:
        economy: whose parameters are read.
        typical: W around which simulations start and networks are scaled.
        individual, points: as in GaussianProcess.
    """

    def __init__(self, economy: JFV, typical: float, individual: Tensor, points: int):
        super().__init__(1, individual, points)
        self.alpha, self.delta, self.rho_hat = economy.alpha, economy.delta, economy.rho_hat
        self.sigma, self.dt, self.typical = economy.sigma, economy.dt, typical
        self.feature_unit = torch.full((1,), 2 * SPREAD, dtype=torch.float64)

    def start(self, for_z: Tensor, for_eps: Tensor) -> tuple[Tensor, Tensor]:
        return self.typical * torch.exp(SPREAD * standard_normal(for_z)), self.draw_first_eps(for_eps)

    def follow(self, z: Tensor, shock: Tensor, aggregates: Aggregates | None = None) -> Tensor:
        assert aggregates is not None
        W, K = z, aggregates["K"]
        leverage = K / W
        growth = (
            self.alpha * K ** (self.alpha - 1) - self.delta - self.rho_hat - self.sigma**2 * (1 - leverage) * leverage
        )
        return W + growth * W * self.dt + self.sigma * K * math.sqrt(self.dt) * shock

    def features(self, z: Tensor) -> Tensor:
        return z / self.typical - 1

    def typical_z(self) -> Tensor:
        return torch.full((1, 1), self.typical, dtype=self.dtype, device=self.device)


@dataclass(eq=False)
class JFV(Economy):
    """Financial frictions: a household's parameters, the expert's, and the length of a step; see
    conf/model/jfv.yaml."""

    rho: float = parameter("discount rate of households", "per year", low=0)
    discounting: str = parameter("discount factor: simple is 1/(1 + rho dt), exponential is exp(-rho dt)")
    crra: float = parameter("relative risk aversion", low=0)
    alpha: float = parameter("capital share", low=0, high=1)
    delta: float = parameter("depreciation", "per year", low=0, closed="low")
    rho_hat: float = parameter("share of its net worth that the expert consumes", "per year", low=0)
    sigma: float = parameter(
        "volatility of the quality of capital; 0: no aggregate shocks", "per year^0.5", low=0, closed="low"
    )
    low: float = parameter("e of the low earners", "hours", low=0)
    finding: float = parameter("rate from low to high earnings", "per year", low=0)
    losing: float = parameter("rate from high to low earnings", "per year", low=0)
    dt: float = parameter("length of a step", "years", low=0)
    quadrature: int = parameter("Gauss-Hermite nodes of an expectation over Z")
    stated_assets: float = parameter("B at which networks and grids are scaled and simulations start", "goods", low=0)
    stated_net_worth: float = parameter("W at which networks are scaled and simulations start", "goods", low=0)

    asset: ClassVar = "a"
    individual_shock: ClassVar = "e"
    aggregate_shock: ClassVar = "W"
    tracked: ClassVar = "B"
    shock_names: ClassVar = {"e": ("low", "high")}
    period: ClassVar = "step"
    source: ClassVar = "Fernandez-Villaverde, Hurtado and Nuno (2023); Han, Yang and E (2021)"
    variables: ClassVar = {
        "B": ("assets of households, start of step", "goods"),
        "W": ("net worth of the expert, start of step", "goods"),
        "K": ("capital, start of step", "goods"),
        "Y": ("output", "goods per year"),
        "C": ("consumption of households", "goods per year"),
        "C_expert": ("consumption of the expert", "goods per year"),
        "I": ("investment, K' - (1 - delta) K where no shock comes", "goods per year"),
        "r": ("interest rate", "percent per year"),
        "spread": ("return on capital above the interest rate", "percent per year"),
        "leverage": ("leverage of the expert, K/W", "ratio"),
        "w": ("wage", "goods per hour and year"),
    }

    def aggregates(self, population, z: Tensor) -> Wide:
        B = population.mean(population.k)
        return {"B": B, "K": B + z}

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        K, W = aggregates["K"], z
        r = self.alpha * K ** (self.alpha - 1) - self.delta - self.sigma**2 * K / W
        return {"R": 1 + r * self.dt, "w": (1 - self.alpha) * K**self.alpha}

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        return prices["R"] * k + prices["w"] * self.dt * self.e[eps]

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        people, W, prices, K = seen.population, seen.z, seen.prices, seen.aggregates["K"]
        r, output, consumed = (prices["R"] - 1) / self.dt, K**self.alpha, people.mean(choice["c"]) / self.dt
        K_next = people.mean(carried) + self.chain.follow(W, torch.zeros_like(W), seen.aggregates)
        return {
            "B": seen.aggregates["B"],
            "W": W,
            "K": K,
            "Y": output,
            "C": consumed,
            "C_expert": self.rho_hat * W,
            "I": (K_next - K) / self.dt + self.delta * K,
            "r": 100 * r,
            "spread": 100 * (self.alpha * output / K - self.delta - r),
            "leverage": K / W,
            "w": prices["w"],
        }

    def balance(self, accounts: Wide) -> Wide:
        """Goods: households and the expert consume."""
        return {"goods": accounts["Y"] - accounts["C"] - accounts["C_expert"] - accounts["I"]}

    def steady_state(self) -> dict[str, float]:
        """Without shocks: r = rho_hat, and with it K. Of K households hold the B that is stated: what they hold at an
        interest rate is a problem with risk, which has no closed form.
        """
        return self._at(((self.rho_hat + self.delta) / self.alpha) ** (1 / (self.alpha - 1)), self.rho_hat)

    def typical_state(self) -> dict[str, float]:
        """At the stated B and W."""
        return self._at(self.stated_assets + self.stated_net_worth, self._r)

    def _at(self, K: float, r: float) -> dict[str, float]:
        """The average household of stated assets beside K."""
        earned = self.dt * (1 - self.alpha) * K**self.alpha
        income = r * self.dt * self.stated_assets + earned
        return {"B": self.stated_assets, "K": K, "c": income, "m": self.stated_assets + income}

    def frictionless(self) -> Frictionless | None:
        """Without risk at the stated prices: consumption grows by the factor (beta R)^(1/crra) a step."""
        R, state = 1 + self._r * self.dt, self.typical_state()
        if R <= 1:
            return None
        income = state["m"] - R * state["B"]
        return Frictionless(mpc=1 - (self.beta * R) ** (1 / self.crra) / R, human_wealth=income / (R - 1))

    def initial_assets(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Exponentially distributed around the stated B, which differs by a tenth or so between economies."""
        draws = torch.rand((shape[0], shape[1] + 1), generator=generator, device=generator.device, dtype=self.e.dtype)
        level = self.stated_assets * torch.exp(SPREAD * standard_normal(draws[:, :1]))
        return level * -torch.log1p(-draws[:, 1:])

    def fault(self, z: Tensor, aggregates: Wide | None = None) -> str | None:
        least = float(z.min()) if z.numel() else 1.0
        if not least > 0:
            return (
                f"the expert's net worth is {least:.4g}, and a leverage K/W means nothing there; expected a positive "
                f"number, as a smaller sigma or dt keeps it"
            )
        if aggregates is not None:
            R = self.prices(aggregates, z)["R"]
            if not bool((R > 0).all()):
                leverage = float((aggregates["K"] / z).max())
                return (
                    f"at a leverage K/W of {leverage:.4g} deposits are worth less than nothing a step later; expected "
                    f"households who hold less, or an expert of more net worth"
                )
        return None

    def check(self) -> None:
        require(
            self.discounting in ("simple", "exponential"),
            f"discounting: expected simple or exponential, got {self.discounting}",
        )
        require(self.low < 1, f"low: expected less than the mean of e, which is one, got {self.low:g}")
        fastest = max(self.finding, self.losing)
        require(
            fastest * self.dt <= 1,
            f"dt: in a step of {self.dt:g} years a rate of {fastest:g} a year comes to a probability of "
            f"{fastest * self.dt:g}; expected at most 1, and so dt of at most {1 / fastest:.4g}",
        )
        require(
            self.delta * self.dt < 1,
            f"dt: in a step of {self.dt:g} years more capital wears out than there is; expected less "
            f"than 1/delta, {1 / self.delta if self.delta else math.inf:.4g}",
        )
        least = 2 if self.sigma else 1
        require(
            least <= self.quadrature <= 99,
            f"quadrature: expected a whole number of nodes from {least} to 99, with one of "
            f"which no shock is expected, got {self.quadrature}",
        )
        capital = self.stated_assets + self.stated_net_worth
        shock = WIPED_OUT * self.sigma * math.sqrt(self.dt) * capital
        require(
            shock < self.stated_net_worth,
            f"stated_net_worth: at a leverage of {capital / self.stated_net_worth:.4g} a shock of {WIPED_OUT:g} "
            f"standard deviations takes {shock:.4g} of a net worth of {self.stated_net_worth:g}; expected more net "
            f"worth, or a smaller sigma or dt",
        )

    def tables(self) -> None:
        capital = self.stated_assets + self.stated_net_worth
        self.beta = 1 / (1 + self.rho * self.dt) if self.discounting == "simple" else math.exp(-self.rho * self.dt)
        self.preferences, self.period_length = Flow(self.crra, self.dt), self.dt
        self.high = 1 + self.losing / self.finding * (1 - self.low)  # so that the mean is one in the long run
        self.e = self.table([self.low, self.high])
        up, down = self.finding * self.dt, self.losing * self.dt
        self.chain = NetWorth(
            self, self.stated_net_worth, self.table([[1 - up, up], [down, 1 - down]]), self.quadrature
        )
        self._r = (
            self.alpha * capital ** (self.alpha - 1) - self.delta - self.sigma**2 * capital / self.stated_net_worth
        )
