"""The representative firm of most economies: z K^alpha L^(1-alpha), rented capital and labour, paid what they add."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CobbDouglas:
    """Production with capital K, labour L and productivity z, numbers or (B, 1).

    Attributes:
        alpha: capital share. delta: depreciation, per period.
    """

    alpha: float
    delta: float

    def output(self, K, L, z) -> Any:
        return z * K**self.alpha * L ** (1 - self.alpha)

    def prices(self, K, L, z) -> dict[str, Any]:
        """R, the gross return on capital, and w, the wage."""
        ratio = K / L
        return {
            "R": 1 - self.delta + self.alpha * z * ratio ** (self.alpha - 1),
            "w": (1 - self.alpha) * z * ratio**self.alpha,
        }

    def capital_at(self, rental: float, L: float, z: float) -> float:
        """The capital that earns so much before it wears out, r + delta."""
        return L * (self.alpha * z / rental) ** (1 / (1 - self.alpha))

    def at_rest(self, rental: float, L: float, z: float) -> dict[str, float]:
        """K where it earns so much and stays what it is; c and m of the average household, who owns all of it."""
        K = self.capital_at(rental, L, z)
        Y = self.output(K, L, z)
        return {"K": K, "c": Y - self.delta * K, "m": Y + (1 - self.delta) * K}
