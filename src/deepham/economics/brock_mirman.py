"""Brock and Mirman (1972) with many agents: the economy whose solution is known.

Log utility, full depreciation, and households that live on capital income alone (labour is paid to workers who
consume their wage and hold nothing):

    household    max E sum_t beta^t log c,   c + k' = R k,   k' >= 0
    firm         Y = z K^alpha,   R = alpha z K^(alpha-1)

A household that takes R as given saves k' = beta R k whatever the law of R, so capital follows
K' = alpha beta z K^alpha: the aggregate saving rate out of output is alpha beta. Households that start with different
k keep their relative wealth for ever, which is what tells a market from a planner (who would save more or less than
that for each of them).

symbol         meaning                                             unit
k, K           capital held at the start of the period; its mean   goods
z              productivity, two states                            -
c, C           consumption of a household; mean                    goods per period
R, r           gross return on capital; r = R - 1                  per period
w              wage bill, consumed by workers                      goods per period
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from deepham.economics.economy import Economy, Frictionless, Own, Seen, Wide, parameter, require
from deepham.economics.markov import JointChain
from deepham.economics.preferences import CRRA


@dataclass(eq=False)
class BrockMirman(Economy):
    """Closed form: c = (1 - beta) R k."""

    beta: float = parameter("discount factor", "per period", low=2 / 3, high=1)
    alpha: float = parameter("capital share in output", "share", low=0, high=1)
    productivity: list[float] = parameter("z in the bad and in the good state", by="z", low=0)
    stay: float = parameter("probability that z stays what it is", "probability", low=0, high=1)

    source: ClassVar = "a test case"
    shock_names: ClassVar = {"eps": ("capitalist",), "z": ("bad", "good")}
    answers: ClassVar = {
        "consumption": ("consumption, mean distance to the closed form", "% cons."),
        "saving_rate": ("share of output saved, less alpha beta", "% of Y"),
    }
    variables: ClassVar = {
        "K": ("capital, start of period", "goods"),
        "Y": ("output", "goods per period"),
        "C": ("consumption of the households that own capital", "goods per period"),
        "I": ("investment, K'", "goods per period"),
        "r": ("net return on capital", "percent per period"),
        "w": ("wage bill", "goods per period"),
    }

    def aggregates(self, population, z: Tensor) -> Wide:
        return {"K": population.mean(population.k)}

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        output = self.z_level[z] * aggregates["K"] ** self.alpha
        return {"R": self.alpha * output / aggregates["K"], "w": (1 - self.alpha) * output}

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        return prices["R"] * k

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        people, K, prices = seen.population, seen.aggregates["K"], seen.prices
        return {
            "K": K,
            "Y": self.z_level[seen.z] * K**self.alpha,
            "C": people.mean(choice["c"]),
            "I": people.mean(carried),
            "r": 100 * (prices["R"] - 1),
            "w": prices["w"],
        }

    def balance(self, accounts: Wide) -> Wide:
        """Goods: workers consume their wage."""
        return {"goods": accounts["Y"] - accounts["w"] - accounts["C"] - accounts["I"]}

    def known(self, period, accounts: Wide) -> dict[str, tuple[Tensor, float]]:
        """Brock and Mirman (1972): the saving rate is alpha beta in every period, as each household consumes the share
        1 - beta of what it has.
        """
        exact = (1 - self.beta) * period.seen.resources
        distance = period.panel.population.mean((period.consumption / exact - 1).abs()).mean()
        rate = (accounts["I"] / accounts["Y"]).mean()
        return {"consumption": (100 * distance, 0.0), "saving_rate": (100 * rate, 100 * self.alpha * self.beta)}

    def steady_state(self) -> dict[str, float]:
        z = self.mean_of(self.z_level)
        K = (self.alpha * self.beta * z) ** (1 / (1 - self.alpha))
        return {"K": K, "c": (1 / self.beta - 1) * K, "m": K / self.beta}

    def initial_assets(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Between half and one and a half times the steady state: agents have to differ."""
        uniform = torch.rand(shape, generator=generator, device=generator.device, dtype=self.z_level.dtype)
        return self.steady_state()["K"] * (0.5 + uniform)

    def frictionless(self) -> Frictionless:
        """A base that is wrong on purpose, as if households were three times as impatient.

        The true one would be the closed form, and an untrained network would pass the tests.
        """
        return Frictionless(mpc=3 * (1 - self.beta), human_wealth=0.0)

    def check(self) -> None:
        require(len(self.productivity) == 2, f"productivity: expected two numbers, got {self.productivity}")

    def tables(self) -> None:
        self.preferences = CRRA(1.0)
        self.chain = JointChain([[self.stay, 1 - self.stay], [1 - self.stay, self.stay]], n_z=2, n_eps=1)
        self.z_level = self.table(self.productivity)
