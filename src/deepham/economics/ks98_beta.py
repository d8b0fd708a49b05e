"""Krusell and Smith (1998, section IV): households that differ in patience, which explains who is rich.

The economy of ks98.py, in which a household's discount factor is part of its state: high, middle or low, for some fifty
years on average. The unemployed make some goods at home, untaxed, in place of a benefit, and households can borrow.

    household    max E sum_t beta_0 ... beta_(t-1) u(c_t),   c + k' = m,   k' >= limit
    resources    m = R k + w hours   if employed,            m = R k + home   if unemployed
    patience     beta_h in {beta - spread, beta, beta + spread}, which leaves an extreme with probability 1 - stay
    output       z K^alpha L^(1-alpha) + home u(z)

The other symbols are those of ks98.py. eps counts through (h, employment): 0 and 1 are the least patient, unemployed
and employed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from deepham.economics.economy import Groups, Own, Seen, Wide, parameter, require
from deepham.economics.ks98 import KS98

TYPES = ("impatient", "middle", "patient")


@dataclass(eq=False)
class KS98Beta(KS98):
    """Stochastic discount factors; the calibration lies in conf/model/ks98_beta.yaml."""

    spread: float = parameter(
        "distance of the highest and the lowest discount factor from beta", "per quarter", low=0, closed="low"
    )
    extreme: float = parameter(
        "households with the highest discount factor, and as many with the lowest", "share", low=0, high=0.5
    )
    stay: float = parameter(
        "probability that an extreme discount factor stays what it is", "probability", low=0, high=1
    )
    home: float = parameter("goods that an unemployed household makes at home", "goods per quarter", low=0)
    limit: float = parameter("the least assets that a household can hold", "goods", high=0, closed="high")

    source: ClassVar = "Krusell and Smith (1998)"
    shock_names: ClassVar = {
        "eps": tuple(f"{kind}, {job}" for kind in TYPES for job in KS98.shock_names["eps"]),
        "z": ("bad", "good"),
    }

    def discount(self, eps: Tensor) -> Tensor:
        return self.patience[eps // 2]

    def jobless(self, eps: Tensor) -> Tensor:
        return eps % 2 == 0

    def groups(self) -> Groups:
        """The three types."""
        return Groups(TYPES, torch.arange(self.chain.n_eps, device=self.chain.device) // 2)

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        return super().resources(k, eps % 2, z, prices) + self.made[eps % 2]

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        found = super().accounts(choice, carried, seen)
        return found | {"Y": found["Y"] + self.home * found["unemployment"]}

    def steady_state(self) -> dict[str, float]:
        """As if all were of the middle patience."""
        made = self.home * float(self.chain.stationary_z() @ (1 - self.labour / self.hours))
        state = super().steady_state()
        return state | {"c": state["c"] + made, "m": state["m"] + made}

    def check(self) -> None:
        require(self.mu == 0, f"mu: the unemployed make goods at home here, and no benefit is paid; got {self.mu:g}")
        require(
            self.spread < min(self.beta, 1 - self.beta),
            f"spread: expected a number that leaves all discount factors in (0, 1), got {self.spread:g}",
        )
        require(
            self._leaving <= 0.5,
            f"stay: {self.stay:g} moves more of the middle type to an extreme than there are; expected at least "
            f"{1 - (0.5 - self.extreme) / self.extreme:.4g}",
        )

    @property
    def _leaving(self) -> float:
        """Probability that the middle type becomes one of the extremes, so that the shares stay what they are."""
        return (1 - self.stay) * self.extreme / (1 - 2 * self.extreme)

    def tables(self) -> None:
        super().tables()
        leave, stay = self._leaving, self.stay
        moves = [[stay, 1 - stay, 0.0], [leave, 1 - 2 * leave, leave], [0.0, 1 - stay, stay]]
        self.chain = self.jobs.with_types(moves)
        self.patience = self.table([self.beta - self.spread, self.beta, self.beta + self.spread])
        self.made = self.table([self.home, 0.0])
        self.borrowing_limit = self.limit
