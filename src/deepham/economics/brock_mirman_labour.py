"""Brock and Mirman (1972) with many agents who also work: hours, and the economy whose solution is known with them.

    household    max E sum_t beta^t [log c - phi n^(1+nu) / (1+nu)],   c + k' = R k + w n,   k' >= 0,   nu = 1 / frisch
    firm         Y = z K^alpha L^(1-alpha),   R = alpha Y / K,   w = (1-alpha) Y / L,   L = mean of n

Output is saved at the rate alpha beta. Households keep their shares kappa = k/K for ever, and so their shares t of
consumption, with n / L = t^(-1/nu) / M, M the mean of t^(-1/nu):

    kappa alpha (1-beta) = t (1 - alpha beta) - (1-alpha) t^(-1/nu) / M
    n = ((1-alpha) / (phi t L (1 - alpha beta)))^(1/nu)

whatever z. The other symbols are those of brock_mirman.py.
"""

# fields for what the base class declares for the class, as in every economy
# pyright: reportIncompatibleVariableOverride=false, reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from deepham.economics.brock_mirman import BrockMirman
from deepham.economics.economy import Frictionless, Own, Seen, Wide, parameter
from deepham.economics.effort import Isoelastic
from deepham.economics.labour import Labour, labour_unknown
from deepham.economics.unknown import Unknown

SHARE = 0.9  # of permanent income that the base consumes which networks start from
ROUNDS, HALVINGS = 200, 100  # of the fixed point in M, and of each bracket of log t


@dataclass(eq=False)
class BrockMirmanLabour(Labour, BrockMirman):
    """The calibration lies in conf/model/brock_mirman_labour.yaml."""

    phi: float = parameter("weight of the disutility of work", low=0)
    frisch: float = parameter("elasticity of hours (Frisch), 1 / nu", low=0)

    answers: ClassVar = {
        "hours": ("hours of each household, mean distance to the closed form", "%"),
        "consumption": ("consumption of each, mean distance to the closed form", "%"),
        "labour": ("labour, less the closed form", "%"),
        "saving_rate": ("share of output saved, less alpha beta", "% of Y"),
    }
    variables: ClassVar = {
        **BrockMirman.variables,
        "C": ("consumption", "goods per period"),
        "w": ("wage", "goods per hour"),
        "L": ("labour", "hours"),
    }

    @property
    def unknowns(self) -> dict[str, Unknown]:
        return labour_unknown(self.customary)

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        K, L = aggregates["K"], aggregates["L"]
        output = self.z_level[z] * K**self.alpha * L ** (1 - self.alpha)
        w = (1 - self.alpha) * output / L
        return {"R": self.alpha * output / K, "w": w, "pay": w}

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        return prices["R"] * k + prices["w"] * self.customary

    def conditions(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        """Labour that households supply beyond what firms use."""
        return {"L": (seen.population.mean(choice["n"]) - seen.aggregates["L"]) / self.customary}

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        L = seen.aggregates["L"]
        found = super().accounts(choice, carried, seen)
        return found | {"Y": found["Y"] * L ** (1 - self.alpha), "L": L}

    def balance(self, accounts: Wide) -> Wide:
        return {"goods": accounts["Y"] - accounts["C"] - accounts["I"]}

    def known(self, period, accounts: Wide) -> dict[str, tuple[Tensor, float]]:
        """The closed form at the cross-sections of the period."""
        people, seen = period.panel.population, period.seen
        t, L = self.closed_form(people)
        output = period.accounts["Y"]
        c = t * (1 - self.alpha * self.beta) * output
        n = ((1 - self.alpha) / (self.phi * t * L * (1 - self.alpha * self.beta))) ** self.frisch
        far = {
            name: 100 * people.mean((period.choice[key] / exact - 1).abs()).mean()
            for name, key, exact in (("hours", "n", n), ("consumption", "c", c))
        }
        rate = (accounts["I"] / accounts["Y"]).mean()
        return {name: (distance, 0.0) for name, distance in far.items()} | {
            "labour": (100 * (seen.aggregates["L"] / L - 1).mean(), 0.0),
            "saving_rate": (100 * rate, 100 * self.alpha * self.beta),
        }

    def closed_form(self, people) -> tuple[Tensor, Tensor]:
        """Shares t (B, N) of mean consumption, and L (B, 1)."""
        kappa, power = people.k / people.mean(people.k), -self.frisch
        a, b, g = self.alpha * (1 - self.beta), 1 - self.alpha * self.beta, 1 - self.alpha
        M, t = torch.ones_like(kappa[:, :1]), torch.ones_like(kappa)
        for _ in range(ROUNDS):
            low, high = torch.full_like(kappa, -40.0), torch.log1p(kappa * a / b + g / (b * M)) + 1
            for _ in range(HALVINGS):
                middle = (low + high) / 2
                above = b * middle.exp() - g / M * (power * middle).exp() > a * kappa
                low, high = torch.where(above, low, middle), torch.where(above, middle, high)
            t = ((low + high) / 2).exp()
            M_next = people.mean(t**power)
            if bool((M_next / M - 1).abs().max() < 1e-13):
                break
            M = M_next
        return t, (M * (g / (self.phi * b)) ** self.frisch) ** (1 / (1 + self.frisch))

    def steady_state(self) -> dict[str, float]:
        z, L = float(self.chain.stationary_z() @ self.z_level), self.customary
        K = L * (self.alpha * self.beta * z) ** (1 / (1 - self.alpha))
        Y = K / (self.alpha * self.beta)
        return {"K": K, "c": Y - K, "m": Y}

    def frictionless(self) -> Frictionless:
        """A base that is wrong on purpose: a share of permanent income, which leaves too much capital."""
        state = self.steady_state()
        wages = (1 - self.alpha) * state["m"]
        return Frictionless(SHARE * (1 - self.beta), wages * self.beta / (1 - self.beta))

    def substitution(self, seen: Seen) -> Tensor:
        """That base moves with output, as capital does at once, or it would consume all there is in bad times."""
        return seen.prices["pay"] / self.typical_pay

    def permanent(self, c: Tensor) -> Own:
        return {"c": c, "n": torch.full_like(c, self.customary)}

    def lifetime(self, c: Tensor, base: Frictionless) -> Tensor:
        return self.preferences.frictionless_value(c, base.mpc, self.beta)

    def tables(self) -> None:
        super().tables()
        nu = 1 / self.frisch
        self.effort = Isoelastic(self.phi, nu)
        # households that are alike
        self.customary = ((1 - self.alpha) / (self.phi * (1 - self.alpha * self.beta))) ** (1 / (1 + nu))
        self.typical_pay = (1 - self.alpha) * self.steady_state()["m"] / self.customary
