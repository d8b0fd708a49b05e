"""A household's period, as it is where one asset is held and one good consumed: what most economies need not say.

An economy with other choices or assets states its own of these methods. Timing and shapes are those of `Economy`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from deepham.economics.domain import Domain
from deepham.economics.preferences import CRRA
from deepham.economics.process import ShockProcess
from deepham.economics.terms import Groups, Own, Seen, Wide

MOST_GROUPS = 6  # of ages, where the economy does not say otherwise


class OneAsset:
    """The budget, the Euler equation and the life of a household with one asset; the base of every `Economy`.

    No dataclass: what is declared here are no parameters.
    """

    beta: float  # discount factor per period, a parameter of most; of a mean household where they differ
    borrowing_limit: float = 0.0
    youngest: ClassVar[int] = 0  # the age, in periods, at which households enter: what `age_of` counts from
    # set in `Economy.tables`; the process of (z, eps) is a JointChain where z is finite
    preferences: CRRA
    chain: ShockProcess
    # what the policy decides, in this order; what follows from it is added in `complete`
    choices: ClassVar[tuple[str, ...]] = ("c",)
    # choices beside, by name, that follow from consumption by a condition within the period (`follows`). A network may
    # learn them instead (network.learned): they then come first in what the policy decides
    within: ClassVar[dict[str, Domain]] = {}

    def complete(self, decided: Tensor, seen: Seen) -> Own:
        """All that households choose, by name, (B, N) each, from what the policy decides.

        Args:
            decided: consumption, (B, N), from which the rest `follows`; or the choices of `within` and then those of
                `choices`, (B, N, C).
            seen: what households see before they choose.
        """
        if decided.shape[:-1] != seen.resources.shape:
            return {"c": decided} | self.follows(decided, seen)
        return dict(zip((*self.within, *self.choices), decided.unbind(-1), strict=True))

    def follows(self, c: Tensor, seen: Seen) -> Own:
        """The choices of `within`, (B, N), that follow from consumption c (B, N) by a condition within the period, such
        as hours that are worth their pay."""
        return {}

    def missed(self, choice: Own, seen: Seen) -> Own:
        """By which share the choices of `within` miss their conditions, by the name of the measure, (B, N); NaN for
        households that have no such choice."""
        return {}

    def utility(self, choice: Own, seen: Seen) -> Tensor:
        """Utils of the period, (B, N)."""
        return self.preferences.utility(choice["c"])

    def marginal_utility(self, choice: Own, seen: Seen) -> Tensor:
        """What one more unit of resources is worth, (B, N), utils: dV/dm by the envelope theorem."""
        return self.preferences.marginal_utility(choice["c"])

    def asset_price(self, seen: Seen) -> Tensor | float:
        """What a unit of assets costs that is carried out of the period, goods: a bond's price, 1 of capital."""
        return 1.0

    def carry(self, choice: Own, seen: Seen) -> Tensor:
        """Assets (B, N), goods, that households carry out of the period: the budget constraint."""
        return (seen.resources - choice["c"]) / self.asset_price(seen)

    def needed(self, choice: Own, carried: Tensor, seen: Seen) -> Tensor:
        """Resources (B, N), goods per period, that pay for these choices and carried assets: the budget the other way
        round."""
        return choice["c"] + self.asset_price(seen) * carried

    def limit_of(self, eps: Tensor) -> Tensor | float:
        """The least assets, goods, that a household in eps (B, N) may carry out of the period. State it where some may
        borrow less than others; none may borrow more than `borrowing_limit`.
        """
        return self.borrowing_limit

    def available(self, seen: Seen) -> Tensor:
        """Resources (B, N), goods per period, of households that borrow as much as they may."""
        return seen.resources - self.asset_price(seen) * self.limit_of(seen.eps)

    def spendable(self, seen: Seen, chosen: Own | None = None) -> Tensor:
        """The most that households can consume, (B, N), goods per period, if they borrow as much as they may.

        Args:
            seen: what they see.
            chosen: choices of `within`; None: the best ones at that consumption.
        """
        return self.available(seen)

    def sensible(self, chosen: Own, seen: Seen) -> Own:
        """The same choices of `within`, moved to where households can consume something at all."""
        return chosen

    def floor(self, seen: Seen, chosen: Own | None = None) -> Tensor | None:
        """The consumption (B, N) below which utility is not defined; None: zero. `chosen` as in `spendable`."""
        return None

    def spending(self, share: Tensor | float, seen: Seen) -> tuple[Own, Tensor]:
        """The choices of households that spend this share of what they can, and the assets that they then carry,
        (B, N)."""
        available = self.spendable(seen)
        carried = self.limit_of(seen.eps) + (1 - share) * available / self.asset_price(seen)
        return self.complete(share * available, seen), carried

    def conditions(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        """By how much the condition of each unknown is missed: its name -> (B, 1), a market's excess demand in units of
        mean income, which falls as the unknown rises.

        Args:
            choice, carried: what the members of the population choose, and the assets that they carry, (B, N).
            seen: what they see.
        """
        return {}

    def foresight(self, today: Wide, tomorrow: Wide, expect: Callable[[Tensor], Tensor]) -> Wide:
        """By how much the condition of each unknown that looks ahead (`by="network"`) is missed: its name -> (B, 1).
        For a Phillips curve it is the inflation that is missing.

        Args:
            today, tomorrow: aggregates, unknowns and prices by name, (B, 1), and in each state that may follow, (B, S).
            expect: the mean over these, (B, S) -> (B, 1).
        """
        return {}

    def substitution(self, seen: Seen) -> Tensor | float:
        """The factor by which this period's unknowns, where they differ from typical ones, change what the frictionless
        household consumes in it: networks start with a demand that falls in its price.
        """
        return 1.0

    def worth(self, choice: Own, seen: Seen) -> Tensor:
        """What one more unit of assets at the start of the period is worth, (B, N), utils: dV/dk by the envelope
        theorem. Discounted and expected it is the right-hand side of the Euler equation.
        """
        return seen.prices["R"] * self.marginal_utility(choice, seen)

    def interior(self, worth: Tensor, seen: Seen) -> Own:
        """The choices, by name, (B, N), at which the Euler equation holds with equality.

        Args:
            worth: what one more unit of assets carried out of the period is worth, (B, N), utils of today.
            seen: what households see.
        """
        return {"c": self.preferences.inverse_marginal_utility(worth / self.asset_price(seen))}

    def desired(self, choice_next: Own, seen_next: Seen, expect: Callable[[Tensor], Tensor], seen: Seen) -> Own:
        """The Euler equation: what households choose in the period whom no limit holds, given what they choose in the
        next, u'(c) = discount E[R' u'(c')] by default. Whoever asks it for a household at its limit takes the least of
        this and what is `spendable` (Krusell and Smith, 1998; Carroll, 2006, for the endogenous grid points).

        Args:
            choice_next, seen_next: what may be chosen and seen in the next period, in every state that may follow: in
                the shape of whoever enumerates them, (B * S, N * E) in simulation/expectation.py.
            expect: the mean of `worth` of these over the states that may follow, as today's households (B, N) expect
                it; of who dies it is zero.
            seen: what households see in the period.

        Returns:
            By name, (B, N), as `interior`.
        """
        return self.interior(self.discount(seen.eps) * expect(self.worth(choice_next, seen_next)), seen)

    def discount(self, eps: Tensor) -> Tensor | float:
        """The weight of the next period's utils for a household in eps (B, N). State it where households differ in
        patience; networks and grids are still scaled by `beta`.
        """
        return self.beta

    def continues(self, eps: Tensor, eps_next: Tensor) -> Tensor | None:
        """1 where the household in eps is the same one in eps', 0 where it dies and a newborn is in eps' instead; of
        the shape of both. None: nobody dies.
        """
        return None

    def age_of(self, eps: Tensor) -> Tensor | None:
        """The age of a household in eps, in whole periods since it entered; None where nobody ages."""
        return None

    def groups(self) -> Groups | None:
        """The groups of households that reports and responses tell apart; None: none. By default ages, a few of them
        together where there are many.
        """
        age = self.age_of(torch.arange(self.chain.n_eps, device=self.chain.device))
        if age is None:
            return None
        ages = int(age.max()) + 1
        width = -(-ages // MOST_GROUPS)
        bands = [(self.youngest + low, self.youngest + min(low + width, ages) - 1) for low in range(0, ages, width)]
        return Groups(tuple(f"age {a}" if a == b else f"ages {a}-{b}" for a, b in bands), age // width)

    def arrive(self, carried: Tensor, eps: Tensor, eps_next: Tensor) -> Tensor | None:
        """Assets at the start of the next period of the household that is then in eps', where the one in eps carries so
        much out of this period: it says what the newborn begin with. None: everybody has what they carried.
        """
        return None

    @property
    def keeps(self) -> bool:
        """Whether everybody arrives with what they carried: `arrive` is not stated."""
        return type(self).arrive is OneAsset.arrive

    def outcomes(self, everybody: Callable[[], Seen], policy: Callable[[Any], Tensor]) -> Wide:
        """What all households together bring about by their choices in the period, and each takes as given: name ->
        (B, 1), which stands among the prices that they see.

        Args:
            everybody: returns what the members of the population see before that.
            policy: from what they see to what they choose.
        """
        return {}

    def premium(self, seen: Seen) -> Tensor | None:
        """A payment to households at the start of the period, (B, N), utils, which V does not count; None: nothing."""
        return None

    def balance(self, accounts: Wide) -> Wide:
        """By how much each resource constraint of the economy is missed, by name, in goods per period like "Y" of the
        accounts: zero to rounding in every period, or `unbalanced` says why not. Accounts may be paths, (B, T), too.

        By default goods, Y = C + I. An economy with other uses of output, or with more constraints, states them all.
        """
        return {"goods": accounts["Y"] - accounts["C"] - accounts["I"]} if {"Y", "C", "I"} <= accounts.keys() else {}

    def unbalanced(self) -> str:
        """Why the resource constraints of the economy do not hold, in words; empty where they do."""
        return ""
