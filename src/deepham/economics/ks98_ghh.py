"""Krusell and Smith (1998) in the calibration of Den Haan, Judd and Juillard (2010), with hours and no wealth effect.

    u(c - phi n^(1+nu) / (1+nu)),   phi n^nu = pay,   nu = 1 / frisch

the preferences of Greenwood, Hercowitz and Huffman (1988): all the employed work n = (pay / phi)^(1/nu), whatever they
hold. phi is what has them work `hours` in the deterministic steady state. The other equations are those of
ks98_labour.py.
"""

# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from deepham.economics.economy import Frictionless, Wide, parameter
from deepham.economics.effort import Isoelastic
from deepham.economics.ks98_labour import KS98WithHours
from deepham.economics.labour import WithoutWealthEffect


@dataclass(eq=False)
class KS98GHH(WithoutWealthEffect, KS98WithHours):
    """The calibration lies in conf/model/ks98_ghh.yaml."""

    hours: float = parameter("hours of the employed in the deterministic steady state", "hours", low=0)
    frisch: float = parameter("elasticity of hours (Frisch), 1 / nu", low=0)

    source: ClassVar = "Den Haan, Judd and Juillard (2010), with hours; Greenwood, Hercowitz and Huffman (1988)"
    answers: ClassVar = {"hours": ("hours, largest distance to the closed form", "%")}

    def known(self, period, accounts: Wide) -> dict[str, tuple[Tensor, float]]:
        """Hours follow from what an hour brings, everywhere."""
        pay, lives = period.seen.prices["pay"], self.works(period.seen.eps) & (period.panel.population.weight > 1e-9)
        exact = (pay / self.phi) ** self.frisch
        return {"hours": (100 * (period.choice["n"] / exact - 1).abs()[lives].max(), 0.0)}

    def frictionless(self) -> Frictionless:
        """Permanent income less what work costs, which is consumed in every period."""
        base = super().frictionless()
        assert base is not None
        cost = float(self.effort.level(self.table(self.customary))) * self.typical_labour / self.customary
        return Frictionless(base.mpc, base.human_wealth - cost * self.beta / (1 - self.beta))

    def tables(self) -> None:
        super().tables()
        self.phi = self.typical_pay * self.hours ** (-1 / self.frisch)
        self.effort = Isoelastic(self.phi, 1 / self.frisch)
