"""Numbers of a whole economy that are found within the period, because a market has to clear at them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deepham.errors import require


@dataclass(frozen=True)
class Unknown:
    """A price, or another number of a whole economy, that is found within the period: where its condition holds.

    Attributes:
        meaning, unit: in words.
        low, high: the range in which it is looked for.
        typical: where it is looked for first. V, which is asked before markets clear, is asked there.
        spread: how far it moves, roughly: the unit in which the policy sees it.
    """

    meaning: str
    unit: str
    low: float
    high: float
    typical: float
    spread: float

    def check(self, name: str) -> None:
        """Raise InputError for a range that brackets nothing."""
        numbers = (self.low, self.typical, self.high, self.spread)
        require(
            all(math.isfinite(x) for x in numbers) and self.low < self.typical < self.high and self.spread > 0,
            f"{name}: expected finite numbers low < typical < high and a spread above 0, got low={self.low:g}, "
            f"typical={self.typical:g}, high={self.high:g}, spread={self.spread:g}",
        )
