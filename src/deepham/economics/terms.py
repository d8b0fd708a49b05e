"""The words of the contract between an economy and those who ask it, `Economy`: what they hand over and get back.

Shape letters: B economies, N agents or support points. What a whole economy has in common is (B, 1), so that it
broadcasts against its households, (B, N).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from deepham.errors import require

Wide = dict[str, Tensor]  # of whole economies, name -> (B, 1): aggregates, prices, accounts
Own = dict[str, Tensor]  # of households, name -> (B, N): what they choose, of which consumption is "c"


class Seen(Protocol):
    """What an economy asks of the households' information in a period (simulation/period.py): their resources, assets
    and individual states (B, N), the aggregate state, the cross-section that they live in, aggregates and prices.
    """

    @property
    def resources(self) -> Tensor: ...
    @property
    def k(self) -> Tensor: ...
    @property
    def eps(self) -> Tensor: ...
    @property
    def z(self) -> Tensor: ...
    @property
    def population(self) -> Any: ...
    @property
    def aggregates(self) -> Wide: ...
    @property
    def prices(self) -> Wide: ...


@dataclass(frozen=True)
class Frictionless:
    """The household's rule without risk and without a borrowing limit: c = mpc (m + human_wealth). The networks learn
    the difference from it.

    Attributes:
        mpc: marginal propensity to consume out of wealth, share, at the typical state; where it differs by individual
            state (n_eps,), in float64.
        human_wealth: present value of income after this period, goods, at the typical state.
    """

    mpc: float | Tensor
    human_wealth: float

    @property
    def possible(self) -> bool:
        """Whether households spend something of a wealth that they have, and it is finite."""
        return bool((torch.as_tensor(self.mpc) > 0).all()) and math.isfinite(self.human_wealth)


@dataclass(frozen=True)
class Groups:
    """Households told apart by what they are: of an age, of a type.

    Attributes:
        names: of the groups, in their order.
        of: which one each individual state belongs to, (n_eps,).
    """

    names: tuple[str, ...]
    of: Tensor

    def members(self) -> Tensor:
        """1 where an individual state belongs to a group: (groups, n_eps), float64."""
        return (self.of == torch.arange(len(self.names), device=self.of.device)[:, None]).double()

    def means(self, eps: Tensor, weight: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Of values (B, N) over the members of each group, (B, groups), and the shares of these in the weights (B, N);
        a mean over nobody is NaN."""
        group, empty = self.of[eps], weight.new_zeros(len(eps), len(self.names))
        share, total = (empty.scatter_add(1, group, x) for x in (weight, weight * values))
        return total / share, share


WORDS = {  # what most economies report: name -> description, unit
    "K": ("capital, start of period", "goods"),
    "L": ("labour", "hours"),
    "Y": ("output", "goods per {period}"),
    "C": ("consumption", "goods per {period}"),
    "I": ("investment, K' - (1-delta) K", "goods per {period}"),
    "r": ("net return on capital", "percent per {period}"),
    "w": ("wage", "goods per hour"),
}


def series(*names: str, period: str) -> dict[str, tuple[str, str]]:
    """Description and unit of series that most economies report, for `Economy.variables`.

    Args:
        names: of K, L, Y, C, I, r and w. Others: give a description and a unit yourself, as in
            series("K", "Y", period="year") | {"tax": ("tax revenue", "goods per year")}.
        period: what one period is, such as "quarter".

    Raises:
        InputError: another name.
    """
    require(set(names) <= set(WORDS), f"series: expected names of {', '.join(WORDS)}, got {', '.join(names)}")
    return {name: (WORDS[name][0], WORDS[name][1].format(period=period)) for name in names}
