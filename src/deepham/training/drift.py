"""Whether training drifts, in an economy in which something looks ahead: for large shocks, and at a lower bound, there
need not be an equilibrium, and a search for one that is not there goes on without an end."""

from __future__ import annotations

UPDATES = 20  # at the beginning, and the last ones, of which each has left more than was left there
RISEN, MUCH = 2.5, 0.002  # so many times, and more than this share of consumption


class Drift:
    """What households have missed in each update since markets opened.

    Attributes:
        missed: root mean squared residuals of plans, shares of consumption.
    """

    def __init__(self) -> None:
        self.missed: list[float] = []

    def add(self, residual: float) -> str | None:
        """What is wrong, as the beginning of a sentence; None where nothing is."""
        self.missed.append(residual)
        first, last = min(self.missed[:UPDATES]), min(self.missed[-UPDATES:])
        if len(self.missed) < 2 * UPDATES or last < max(MUCH, RISEN * first):
            return None
        return (
            f"what households miss has risen from {100 * first:.2g} to {100 * last:.2g} % of consumption since markets "
            "opened: training drifts, and there may be no equilibrium at shocks so large (try smaller ones)"
        )
