"""Krusell and Smith (1998) in the calibration of Den Haan, Judd and Juillard (2010), whose employed choose their hours.

What they earn depends on how long all of them work, and how long they work on what they earn: labour L is found within
the period.

    household    m = R k + pay n   if employed,   m = R k + mu w   if unemployed;   pay = (1 - tau) w
    market       L = (1 - u(z)) (mean of n over the employed),   tau = mu u(z) / L
    utility      u(c) - phi n^(1+nu) / (1+nu),   phi n^nu = pay u'(c),   nu = 1 / frisch

phi is what has the employed work `hours` in the deterministic steady state, so that all else is as in ks98.py there.
The wealthy work less. Resources are stated at customary hours, those of the steady state (labour.py). The other
equations are those of ks98.py; economies with other utility share all but the last line (`KS98WithHours`).
"""

# fields for what the base class declares for the class, as in every economy
# pyright: reportIncompatibleVariableOverride=false, reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from deepham.economics.economy import Own, Seen, Wide, parameter
from deepham.economics.effort import Isoelastic
from deepham.economics.ks98 import KS98
from deepham.economics.labour import Labour, labour_unknown
from deepham.economics.unknown import Unknown


@dataclass(eq=False)
class KS98WithHours(Labour, KS98):
    """Krusell and Smith's economy with hours, whatever they cost; a subclass sets `effort`."""

    variables: ClassVar = KS98.variables | {"hours": ("hours of the employed", "hours")}

    @property
    def unknowns(self) -> dict[str, Unknown]:
        # with less labour than the least all that is earned would be taxed away; and beside K and z all that L tells a
        # household is its pay, which is in its resources
        return labour_unknown(self.typical_labour, 1.01 * self.mu * max(self.unemployment), seen=False)

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        L = aggregates["L"]
        ratio, level = aggregates["K"] / L, self.z_level[z]
        w = (1 - self.alpha) * level * ratio**self.alpha
        pay = (1 - self.mu * self.jobless_share[z] / L) * w
        return {"R": 1 - self.delta + self.alpha * level * ratio ** (self.alpha - 1), "w": w, "pay": pay}

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        income = torch.where(self.works(eps), self.customary * prices["pay"], self.mu * prices["w"])
        return prices["R"] * k + income

    def works(self, eps: Tensor) -> Tensor:
        return ~self.jobless(eps)

    def conditions(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        """Labour that households supply beyond what firms use, whose share of the employed is that of the continuum."""
        L, supplied = seen.aggregates["L"], (1 - self.jobless_share[seen.z]) * self._mean_hours(choice, seen)
        return {"L": (supplied - L) / self.typical_labour}

    def _mean_hours(self, choice: Own, seen: Seen) -> Tensor:
        employed = self.works(seen.population.eps).to(choice["n"].dtype)
        return seen.population.mean(employed * choice["n"]) / seen.population.mean(employed)

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        K, L = seen.aggregates["K"], seen.aggregates["L"]
        return super().accounts(choice, carried, seen) | {
            "L": L,
            "Y": self.z_level[seen.z] * K**self.alpha * L ** (1 - self.alpha),
            "hours": self._mean_hours(choice, seen),
        }

    def balance(self, accounts: Wide) -> Wide:
        worked = accounts["hours"] * (1 - accounts["unemployment"])
        return super().balance(accounts) | {"labour": accounts["w"] * (accounts["L"] - worked)}

    def tables(self) -> None:
        super().tables()
        share = self.chain.stationary_z()
        self.jobless_share = self.table(self.unemployment)
        self.customary = self.hours_at_rest(float(share @ self.jobless_share))
        self.labour = self.customary * (1 - self.jobless_share)
        self.typical_labour = float(share @ self.labour)
        self.typical_pay = self._pay_at_rest()

    def hours_at_rest(self, unemployment: float) -> float:
        """Hours of the employed in the deterministic steady state."""
        return self.hours

    def _pay_at_rest(self) -> float:
        """What an hour brings there, after taxes."""
        state, unemployment = self.steady_state(), float(self.chain.stationary_z() @ self.jobless_share)
        z = float(self.chain.stationary_z() @ self.z_level)
        w = (1 - self.alpha) * z * (state["K"] / self.typical_labour) ** self.alpha
        return w * (1 - self.mu * unemployment / self.typical_labour)


@dataclass(eq=False)
class KS98Labour(KS98WithHours):
    """Separable utility; the calibration lies in conf/model/ks98_labour.yaml."""

    hours: float = parameter("hours of the employed in the deterministic steady state", "hours", low=0)
    frisch: float = parameter("elasticity of hours (Frisch), 1 / nu", low=0)

    source: ClassVar = "Den Haan, Judd and Juillard (2010), with hours"

    def tables(self) -> None:
        super().tables()
        nu, worth = 1 / self.frisch, self.typical_pay * self.steady_state()["c"] ** -self.sigma
        self.effort = Isoelastic(worth / self.hours**nu, nu)
