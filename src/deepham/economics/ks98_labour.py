"""Krusell and Smith (1998) in the calibration of Den Haan, Judd and Juillard (2010), whose employed choose their hours.

    u(c) - phi n^(1+nu) / (1+nu),   phi n^nu = pay u'(c),   nu = 1 / frisch

phi is what has the employed work `hours` in the deterministic steady state, so that all else is as in ks98.py there.
The wealthy work less. The other equations are those of ks98_hours.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deepham.economics.economy import parameter
from deepham.economics.effort import Isoelastic
from deepham.economics.ks98_hours import KS98Hours, check_frisch


@dataclass(eq=False)
class KS98Labour(KS98Hours):
    """Separable utility; the calibration lies in conf/model/ks98_labour.yaml."""

    hours: float = parameter("hours of the employed in the deterministic steady state", "hours")
    frisch: float = parameter("elasticity of hours (Frisch), 1 / nu")

    source: ClassVar = "Den Haan, Judd and Juillard (2010), with hours"

    def check_effort(self) -> None:
        check_frisch(self.frisch)

    def tables(self) -> None:
        super().tables()
        nu, worth = 1 / self.frisch, self.typical_pay * self.steady_state()["c"] ** -self.sigma
        self.effort = Isoelastic(worth / self.hours**nu, nu)
