"""Six generations with aggregate shocks, whose solution is known (Krueger and Kubler, 2004).

Households live for six periods, work in the first of them, and leave nothing. With log utility each age saves a fixed
share of what it has, whatever the shocks, the other ages and the returns are: income comes before all saving.

    household    max E sum_h beta^h log c_h,   c + k' = m,   k' >= 0,   h = 1 ... 6
    resources    m = w at age 1,   m = R k after that
    firm         R = 1 - delta(z) + alpha eta(z) (K/L)^(alpha-1),       w = (1-alpha) eta(z) (K/L)^alpha
    aggregates   K = mean of k,   L = 1/6
    solution     k' = beta_h m,   beta_h = beta (1 - beta^(6-h)) / (1 - beta^(7-h))

symbol         meaning                                                     unit
k, K           capital held at the start of the period; its mean           goods
eps            age, 0 (the young, h = 1) to 5 (the oldest)                 -
z              one of four equally likely states, drawn anew each period   -
delta, eta     depreciation and productivity                               per period; -
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from scipy.optimize import root_scalar
from torch import Tensor

from deepham.economics.economy import Economy, Own, Seen, Wide, parameter, series
from deepham.economics.generations import Generations
from deepham.economics.preferences import CRRA

AGES = 6
LEAST, MOST = 1e-9, 1e9  # goods, of capital at rest


@dataclass(eq=False)
class OLG6(Economy):
    """Six overlapping generations; the calibration lies in conf/model/olg6.yaml."""

    beta: float = parameter("discount factor", "per period", low=0, high=1)
    alpha: float = parameter("capital share in output", "share", low=0, high=1)
    depreciation: list[float] = parameter(
        "delta in each aggregate state", "per period", by="z", low=0, high=1, closed="both"
    )
    productivity: list[float] = parameter("eta in each aggregate state", by="z", low=1e-9, high=1e9, closed="both")

    source: ClassVar = "Krueger and Kubler (2004)"
    youngest: ClassVar = 1
    shock_names: ClassVar = {
        "eps": tuple(f"age {h}" for h in range(1, AGES + 1)),
        "z": ("slow wear, bad", "slow wear, good", "fast wear, bad", "fast wear, good"),
    }
    answers: ClassVar = {
        "saving_rate": ("saving of an age out of what it has, largest distance to the closed form", "% of m"),
        "consumption": ("consumption, mean distance to the closed form", "% cons."),
    }
    variables: ClassVar = series("K", "Y", "C", "I", "r", "w", period="period") | {
        "K": ("capital, start of period, a head", "goods"),
        "w": ("wage", "goods per period"),
    }

    def aggregates(self, population, z: Tensor) -> Wide:
        return {"K": population.mean(population.k)}

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        ratio = AGES * aggregates["K"]
        return {
            "R": 1 - self.delta[z] + self.alpha * self.eta[z] * ratio ** (self.alpha - 1),
            "w": (1 - self.alpha) * self.eta[z] * ratio**self.alpha,
        }

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        return prices["R"] * k + prices["w"] * self.works[eps]

    def continues(self, eps: Tensor, eps_next: Tensor) -> Tensor:
        return (eps_next > eps).to(self.works)

    def age_of(self, eps: Tensor) -> Tensor:
        return eps

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        people, z, prices, K = seen.population, seen.z, seen.prices, seen.aggregates["K"]
        return {
            "K": K,
            "Y": self.eta[z] * (AGES * K) ** self.alpha / AGES,
            "C": people.mean(choice["c"]),
            "I": people.mean(carried) - (1 - self.delta[z]) * K,
            "r": 100 * (prices["R"] - 1),
            "w": prices["w"],
        }

    def known(self, period: Any, accounts: Wide) -> dict[str, tuple[Tensor, float]]:
        people, seen = period.panel.population, period.seen
        ages = (people.eps[..., None] == torch.arange(AGES - 1, device=people.eps.device)) * people.weight[..., None]
        saved, had = ((x[..., None] * ages).sum((0, 1)) for x in (period.carried, seen.resources))
        exact = (1 - self.saved[people.eps]) * seen.resources
        distance = people.mean((period.consumption / exact - 1).abs()).mean()
        return {
            "saving_rate": (100 * (saved / had - self.saved[:-1]).abs().max(), 0.0),
            "consumption": (100 * distance, 0.0),
        }

    def steady_state(self) -> dict[str, float]:
        """Without shocks, at the means of delta and eta: what all ages save is what they hold."""
        delta, eta = float(self.delta.mean()), float(self.eta.mean())

        def prices(K: float) -> tuple[float, float]:
            return 1 - delta + self.alpha * eta * K ** (self.alpha - 1), (1 - self.alpha) * eta * K**self.alpha

        def saved(K: float) -> float:
            R, k = prices(K)
            held = 0.0
            for h, share in enumerate(self.saved.tolist()):
                k = share * (k if h == 0 else R * k)
                held += k
            return held

        if not saved(LEAST) > LEAST or not saved(MOST) < MOST:
            raise OverflowError(f"capital would not be between {LEAST:g} and {MOST:g}")
        K = float(root_scalar(lambda K: saved(K) - K, bracket=(LEAST, MOST)).root)
        R, w = prices(K)
        m = (R * K + w) / AGES
        return {"K": K / AGES, "c": m - K / AGES, "m": m}

    def initial_assets(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Exponentially distributed around the steady state."""
        return self.gamma(self.steady_state()["K"], 1, shape, generator)

    def tables(self) -> None:
        n_z = len(self.productivity)
        one_after_the_other = [1.0] * (AGES - 1) + [0.0]
        self.preferences = CRRA(1.0)
        self.chain = Generations(one_after_the_other, [[1.0]], [1.0], [[1 / n_z] * n_z] * n_z)
        self.delta, self.eta = self.table(self.depreciation), self.table(self.productivity)
        self.works = self.table([1.0] + [0.0] * (AGES - 1))
        power = [self.beta ** (AGES - h) for h in range(AGES + 1)]
        self.saved = self.table([self.beta * (1 - power[h + 1]) / (1 - power[h]) for h in range(AGES)])
