"""The representative firm of most economies: z K^alpha L^(1-alpha), rented capital and labour, paid what they add."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CobbDouglas:
    """A firm that produces Y = z K^alpha L^(1-alpha) and pays capital and labour what they add. Capital K, labour L and
    productivity z are numbers or (B, 1); output and wages are goods per period.

    Attributes:
        alpha: capital share in output.
        delta: depreciation, share per period.
    """

    alpha: float
    delta: float

    def output(self, K, L, z) -> Any:
        """Y, goods per period."""
        return z * K**self.alpha * L ** (1 - self.alpha)

    def prices(self, K, L, z) -> dict[str, Any]:
        """R, the gross return on capital per period, and w, the wage of a unit of labour, by name."""
        ratio = K / L
        return {
            "R": 1 - self.delta + self.alpha * z * ratio ** (self.alpha - 1),
            "w": (1 - self.alpha) * z * ratio**self.alpha,
        }

    def capital_at(self, rental: float, L: float, z: float) -> float:
        """The capital at which a unit of it earns the rental, r + delta, goods per period."""
        return L * (self.alpha * z / rental) ** (1 / (1 - self.alpha))

    def at_rest(self, rental: float, L: float, z: float) -> dict[str, float]:
        """A steady state, as `Economy.steady_state` returns it: K at which capital earns the rental, r + delta, and
        stays what it is, and c and m of the average household, which owns it."""
        K = self.capital_at(rental, L, z)
        Y = self.output(K, L, z)
        return {"K": K, "c": Y - self.delta * K, "m": Y + (1 - self.delta) * K}
