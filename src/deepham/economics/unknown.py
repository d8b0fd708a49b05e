"""Numbers of a whole economy that are found within the period: where a market clears, or looking ahead."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from deepham.errors import require


@dataclass(frozen=True)
class Unknown:
    """A price, or another number of a whole economy, that is found within the period: where its condition holds.

    Attributes:
        meaning, unit: in words.
        low, high: the range in which it is looked for.
        typical: where it is looked for first, and its value where V is asked before markets clear.
        spread: how far it moves, roughly: the unit in which the policy sees it.
        seen: whether the policy sees it beside what it does to resources; else it is one number less to
            learn of, which matters where it is nearly a function of the aggregates. A policy that learns further
            choices sees it all the same.
        by: clearing, where a condition of the period holds (`Economy.conditions`); or network, a function of what is
            known before anybody chooses, so that a condition that asks for tomorrow holds (`Economy.foresight`).
        told: the factor by which the verdict multiplies what that condition misses: 40,000 turns quarterly inflation
            into basis points per year.
        shown: what figures tell it by, a name among `Economy.variables`: the rate of return of a bond with this price;
            empty: by itself.
        excess: what is left of its condition times hundred, in words.
    """

    meaning: str
    unit: str
    low: float
    high: float
    typical: float
    spread: float
    by: Literal["clearing", "network"] = "clearing"
    told: float = 1.0
    shown: str = ""
    excess: str = "left of its condition, percent"
    seen: bool = True

    def check(self, name: str) -> None:
        """Raise InputError for a range that brackets nothing."""
        require(self.by in ("clearing", "network"), f"{name}: expected by='clearing' or 'network', got {self.by!r}")
        numbers = (self.low, self.typical, self.high, self.spread)
        require(
            all(math.isfinite(x) for x in numbers) and self.low < self.typical < self.high and self.spread > 0,
            f"{name}: expected finite numbers low < typical < high and a spread above 0, got low={self.low:g}, "
            f"typical={self.typical:g}, high={self.high:g}, spread={self.spread:g}",
        )
