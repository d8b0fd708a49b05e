"""Households that choose how long they work: what an economy with hours adds to one without.

    household    max E sum_t beta^t [u(c) - v(n)],   c + k' = m + pay (n - customary)
    hours        v'(n) = pay u'(c), or n = 0 where even the first hour costs more than it is worth
    GHH          max E sum_t beta^t u(c - v(n)),     v'(n) = pay, whatever wealth and beta

Resources m are stated at customary hours, so that they are those of an economy without the choice, and positive where
wealth is not: `pay` is what an hour brings, after taxes, and zero for who has no work. Hours follow from consumption
and pay (`follows`); a network may learn them instead, as a choice of its own (`within`). GHH: Greenwood, Hercowitz and
Huffman (1988).
"""

# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.domain import Domain
from deepham.economics.economy import Economy, Frictionless, Own, Seen
from deepham.economics.effort import Effort, Isoelastic
from deepham.economics.unknown import Unknown

BREAK_EVEN = 0.99  # of the hours that cost all that they pay
LEAST, MOST = 0.05, 20.0  # the range of labour, in units of what it typically is
SPREAD = 0.03  # how far it moves, likewise
SMALL = 0.1  # of customary hours: whose error is told relative to so much, who should work less


def labour_unknown(typical: float, least: float = 0.0, seen: bool = True) -> dict[str, Unknown]:
    """Labour L as what is found within the period, above `least`, hours; seen: whether the policy sees it beside the
    resources that it leaves households."""
    low = max(LEAST * typical, least)
    excess = "excess supply, percent of typical labour"
    high, spread = MOST * typical, SPREAD * typical
    return {"L": Unknown("labour", "hours", low, high, typical, spread, excess=excess, seen=seen)}


class Labour(Economy):
    """Utility u(c) - v(n). To be put before an economy whose prices have "pay", (B, 1).

    Attributes, set in `tables`:
        effort: v.
        customary: hours at which resources are stated.
        typical_pay: what an hour typically brings, goods.
    """

    effort: Effort
    customary: float
    typical_pay: float

    @property  # hours that are typical depend on parameters
    def within(self) -> dict[str, Domain]:
        return {"n": Domain(self.customary, self.effort.most, "hours worked", "hours")}

    def works(self, eps: Tensor) -> Tensor:
        """Which households can work."""
        return torch.ones_like(eps, dtype=torch.bool)

    def pay(self, seen: Seen) -> Tensor:
        """What an hour brings each household, (B, N), goods."""
        return seen.prices["pay"] * self.works(seen.eps)

    def follows(self, c: Tensor, seen: Seen) -> Own:
        return {"n": self.effort.supply(self.pay(seen) * self.preferences.marginal_utility(c))}

    def complete(self, decided: Tensor, seen: Seen) -> Own:
        choice = super().complete(decided, seen)
        return choice | {"n": choice["n"] * self.works(seen.eps)}

    def utility(self, choice: Own, seen: Seen) -> Tensor:
        return self.preferences.utility(choice["c"]) - self.effort.level(choice["n"])

    def carry(self, choice: Own, seen: Seen) -> Tensor:
        return seen.resources + self._overtime(choice["n"], seen) - choice["c"]

    def needed(self, choice: Own, carried: Tensor, seen: Seen) -> Tensor:
        return choice["c"] + carried - self._overtime(choice["n"], seen)

    def spendable(self, seen: Seen, chosen: Own | None = None) -> Tensor:
        """By how long households work where it is chosen, else where they work as long as is best for them."""
        pay = self.pay(seen)
        rest = self.available(seen) - pay * self.customary  # without any work
        return rest + pay * (self._at_limit(rest, pay) if chosen is None else chosen["n"])

    def spending(self, share: Tensor | float, seen: Seen) -> tuple[Own, Tensor]:
        least = self.floor(seen)
        least = 0.0 if least is None else least
        choice = self.complete(least + share * (self.spendable(seen) - least), seen)
        return choice, self.carry(choice, seen).clamp_min(self.limit_of(seen.eps))

    def interior(self, worth: Tensor, seen: Seen) -> Own:
        c = self.preferences.inverse_marginal_utility(worth)
        return {"c": c} | self.follows(c, seen)

    def permanent(self, c: Tensor) -> Own:
        """Whoever could consume c for ever at customary hours and typical pay works less, and consumes less, the richer
        they are."""
        rest, pay = c - self.typical_pay * self.customary, torch.full_like(c, self.typical_pay)
        n = self._at_limit(rest, pay)
        return {"c": rest + pay * n, "n": n}

    def lifetime(self, c: Tensor, base: Frictionless) -> Tensor:
        choice = self.permanent(c)
        return super().lifetime(choice["c"], base) - self.effort.level(choice["n"]) / (1 - self.beta)

    def missed(self, choice: Own, seen: Seen) -> Own:
        """Hours beyond those that are best beside what is consumed, a share of these, or of a tenth of customary hours
        where they are fewer; NaN of who cannot work."""
        best = self.follows(choice["c"], seen)["n"]
        error = (choice["n"] - best) / best.clamp_min(SMALL * self.customary)
        return {"labour": torch.where(self.works(seen.eps), error, torch.nan)}

    def _at_limit(self, rest: Tensor, pay: Tensor) -> Tensor:
        return self.effort.at_limit(rest, pay, self.preferences.sigma)

    def _overtime(self, n: Tensor, seen: Seen) -> Tensor:
        """What is earned beyond the pay of customary hours."""
        return self.pay(seen) * (n - self.customary)


class WithoutWealthEffect(Labour):
    """GHH: utility u(c - v(n))."""

    effort: Isoelastic

    def permanent(self, c: Tensor) -> Own:
        """c beyond what work costs: everybody works as long."""
        return {"c": c, "n": torch.full_like(c, self.customary)}

    def lifetime(self, c: Tensor, base: Frictionless) -> Tensor:
        return self.preferences.frictionless_value(c, base.mpc, self.beta)

    def follows(self, c: Tensor, seen: Seen) -> Own:
        return {"n": self.effort.supply(self.pay(seen))}

    def sensible(self, chosen: Own, seen: Seen) -> Own:
        """Nobody works so long that it costs more than it pays."""
        most = self.effort.break_even(self.pay(seen))
        return {"n": torch.minimum(chosen["n"], BREAK_EVEN * most)}

    def floor(self, seen: Seen, chosen: Own | None = None) -> Tensor:
        """Nobody consumes less than their work costs them."""
        n = self.effort.supply(self.pay(seen)) if chosen is None else chosen["n"] * self.works(seen.eps)
        return self.effort.level(n)

    def utility(self, choice: Own, seen: Seen) -> Tensor:
        return self.preferences.utility(choice["c"] - self.effort.level(choice["n"]))

    def marginal_utility(self, choice: Own, seen: Seen) -> Tensor:
        return self.preferences.marginal_utility(choice["c"] - self.effort.level(choice["n"]))

    def interior(self, worth: Tensor, seen: Seen) -> Own:
        beyond = self.preferences.inverse_marginal_utility(worth)
        n = self.effort.supply(self.pay(seen)).expand_as(beyond)
        return {"c": beyond + self.effort.level(n), "n": n}

    def _at_limit(self, rest: Tensor, pay: Tensor) -> Tensor:
        return self.effort.supply(pay)
