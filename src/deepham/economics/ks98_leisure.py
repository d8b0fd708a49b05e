"""Krusell and Smith (1998, the section on leisure), in their own calibration.

    log [c^theta (hours - n)^(1-theta)],   here   log c + weight log(1 - n / hours),   weight = (1-theta) / theta

which is the same, divided by theta and counted from all the time being leisure. The rich would like to work less than
no hours: n >= 0 is a corner. No benefit is paid and no tax levied, and households without income keep some capital.
The other equations are those of ks98_labour.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from deepham.economics.economy import Wide, parameter, require
from deepham.economics.effort import Leisure
from deepham.economics.ks98_labour import KS98WithHours

# of log K' and of log L on log K, and mean K
PUBLISHED = {"slope_K": (0.953, 0.951), "slope_L": (-0.255, -0.252)}
MEAN_K = 11.58


@dataclass(eq=False)
class KS98Leisure(KS98WithHours):
    """The calibration lies in conf/model/ks98_leisure.yaml."""

    theta: float = parameter("weight of consumption in utility, that of leisure is 1 - theta", "share", low=0, high=1)

    source: ClassVar = "Krusell and Smith (1998)"
    # of the poorest, by the grid .76; who has no income would otherwise hold next to nothing before networks learn
    most_spent: ClassVar = 0.8
    answers: ClassVar = {
        "mean_K": ("mean K, less the published 11.58", "%"),
        **{
            f"{name}_{state}": (f"slope of log {what} on log K, {state} state, less the published", "")
            for name, what in (("slope_K", "K'"), ("slope_L", "L"))
            for state in ("bad", "good")
        },
    }

    def known(self, period, accounts: Wide) -> dict[str, tuple[Tensor, float]]:
        """Krusell and Smith's laws of motion, and mean capital."""
        K, L = accounts["K"].log(), accounts["L"].log()
        found = {"mean_K": (100 * (accounts["K"].mean() / MEAN_K - 1), 0.0)}
        for index, state in enumerate(self.shock_names["z"]):
            here = (accounts["unemployment"] - self.jobless_share[index]).abs() < 1e-3
            for name, y, x, at in (
                ("slope_K", K[:, 1:], K[:, :-1], here[:, :-1]),
                ("slope_L", L, K, here),
            ):
                x, y = x[at], y[at]
                slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
                found[f"{name}_{state}"] = (slope, PUBLISHED[name][index])
        return found if all(bool(ours.isfinite()) for ours, _ in found.values()) and self.chain.n_z == 2 else {}

    def check_benefit(self) -> None:
        """Who works as long as they like can save for it."""

    def check(self) -> None:
        super().check()
        require(
            math.isclose(self.sigma, 1),
            f"sigma: utility is the logarithm of consumption and leisure, 1; got {self.sigma:g}",
        )

    def tables(self) -> None:
        self.weight = (1 - self.theta) / self.theta
        self.effort = Leisure(self.weight, self.hours)
        super().tables()

    def hours_at_rest(self, unemployment: float) -> float:
        """n of weight c / (hours - n) = pay, where c is a multiple of n, and the tax falls in it: a quadratic."""
        share = self.chain.stationary_z()
        z, rental = float(share @ self.z_level), 1 / self.beta - 1 + self.delta
        ratio = (self.alpha * z / rental) ** (1 / (1 - self.alpha))  # K / L
        Y, w = z * ratio**self.alpha, (1 - self.alpha) * z * ratio**self.alpha
        benefit = self.mu * unemployment / (1 - unemployment)
        a = 1 + self.weight * (1 - unemployment) * (Y - self.delta * ratio) / w
        b = self.hours + benefit
        root = b**2 - 4 * a * benefit * self.hours
        require(root > 0, f"mu: benefits of {self.mu:g} would tax all labour income away")
        return (b + math.sqrt(root)) / (2 * a)
