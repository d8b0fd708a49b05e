"""The linear New Keynesian economy, whose solution is known at every calibration (Galí, 2015, chapter 3).

    demand       x = E x' - (i - E pi' - rstar) / sigma
    prices       pi = beta E pi' + kappa x,   kappa = (1 - theta) (1 - theta beta) (sigma + eta) / theta
    policy       i = phi_pi pi + phi_x x
    shock        rstar' = rho rstar + innovation
    solution     x = (1 - beta rho) rstar / D,   pi = kappa rstar / D,
                 D = (sigma (1 - rho) + phi_x) (1 - beta rho) + kappa (phi_pi - rho)

symbol         meaning                                                           unit
x              output less what it would be if all prices moved                  share
pi, i          inflation; nominal interest rate less its value at rest           per quarter
rstar          natural rate of interest less its value at rest                   per quarter

Inflation and the output gap look ahead: both are learned, by the two conditions of demand and prices. Households stand
beside them and notice nothing: they hold claims that pay 1/beta - 1, and consume what these pay.
"""

# fields for what the base class declares for the class, as in every economy
# pyright: reportIncompatibleVariableOverride=false, reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from deepham.economics.autoregressions import Autoregressions
from deepham.economics.economy import Economy, Own, Seen, Wide, parameter
from deepham.economics.preferences import CRRA
from deepham.economics.unknown import Unknown

MOST = 10.0  # of inflation and the gap: the equations are linear everywhere


@dataclass(eq=False)
class NewKeynesian(Economy):
    """Three equations, linear."""

    beta: float = parameter("discount factor", "per quarter", default=0.97, low=0, high=1)
    sigma: float = parameter("inverse of the elasticity of substitution over time", default=2.0, low=0)
    eta: float = parameter("inverse of the elasticity of hours", default=2.0, low=0)
    theta: float = parameter("share of prices that stay", "per quarter", default=0.7, low=0, high=1)
    phi_pi: float = parameter("response of the nominal rate to inflation", default=1.5, low=1)
    phi_x: float = parameter("response of the nominal rate to the gap", default=0.1, low=0, closed="low")
    rho: float = parameter("persistence of rstar", default=0.9, low=-1, high=1)
    sd: float = parameter("long-run standard deviation of rstar", "per quarter", default=0.01, low=0)

    source: ClassVar = "Galí (2015), chapter 3"
    shock_names: ClassVar = {"eps": ("household",), "z": ("rstar",)}
    period: ClassVar = "quarter"
    variables: ClassVar = {
        "K": ("claims held", "goods"),
        "C": ("consumption", "goods per quarter"),
        "x": ("output gap", "percent"),
        "pi": ("inflation", "percent per quarter"),
        "i": ("nominal interest rate, from its value at rest", "percent per quarter"),
    }

    def unbalanced(self) -> str:
        return "claims pay from outside of the economy"

    @property
    def unknowns(self) -> dict[str, Unknown]:
        # as far as they would move if inflation alone kept the real rate at rstar
        inflation = self.sd / (self.phi_pi - self.rho)
        gap = inflation * (1 - self.beta * self.rho) / self.kappa
        return {
            "pi": Unknown("inflation", "per quarter", -MOST, MOST, 0.0, inflation, "network", seen=False),
            "x": Unknown("output gap", "share", -MOST, MOST, 0.0, gap, "network", seen=False),
        }

    def aggregates(self, population, z: Tensor) -> Wide:
        return {"K": population.mean(population.k)}

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        pi, x = aggregates["pi"], aggregates["x"]
        return {"R": torch.full_like(pi, 1 / self.beta), "i": self.phi_pi * pi + self.phi_x * x, "rstar": z.to(pi)}

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        return prices["R"] * k

    def conditions(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        return {}

    def foresight(self, today: Wide, tomorrow: Wide, expect: Callable[[Tensor], Tensor]) -> Wide:
        """What is left of prices and of demand."""
        hoped = expect(tomorrow["pi"])
        real = today["i"] - hoped - today["rstar"]
        return {
            "pi": today["pi"] - self.beta * hoped - self.kappa * today["x"],
            "x": today["x"] - expect(tomorrow["x"]) + real / self.sigma,
        }

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        people, found = seen.population, seen.aggregates
        return {
            "K": people.mean(people.k),
            "C": people.mean(choice["c"]),
            "x": 100 * found["x"],
            "pi": 100 * found["pi"],
            "i": 100 * seen.prices["i"],
        }

    def steady_state(self) -> dict[str, float]:
        return {"K": 1.0, "c": 1 / self.beta - 1, "m": 1 / self.beta}

    def initial_assets(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        return torch.ones(shape, device=generator.device, dtype=self.chain.dtype)

    def exact(self) -> dict[str, float]:
        """By how much each answers one of rstar, by undetermined coefficients."""
        lasts = 1 - self.beta * self.rho
        d = (self.sigma * (1 - self.rho) + self.phi_x) * lasts + self.kappa * (self.phi_pi - self.rho)
        return {"pi": self.kappa / d, "x": lasts / d}

    def tables(self) -> None:
        self.preferences = CRRA(1.0)
        self.chain = Autoregressions(
            [self.rho], [self.sd * (1 - self.rho**2) ** 0.5], torch.ones(1, 1, dtype=torch.float64)
        )
        self.kappa = (1 - self.theta) * (1 - self.theta * self.beta) * (self.sigma + self.eta) / self.theta
