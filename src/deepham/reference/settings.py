"""Settings of the grid solution."""

from __future__ import annotations

from dataclasses import dataclass

from deepham.economics.economy import require


@dataclass
class ReferenceSettings:
    """Grids, path and precision; each field is explained in conf/reference/."""

    k_nodes: int
    K_nodes: int
    K_width: float
    top: float
    histogram_nodes: int
    economies: int
    burn_in: int
    periods: int
    tolerance: float
    damping: float
    iterations: int
    seed: int

    def validate(self) -> None:
        """Raise InputError for a value out of range."""
        for name, least in (("k_nodes", 20), ("K_nodes", 2), ("histogram_nodes", 20), ("economies", 1), ("burn_in", 0),
                            ("periods", 100), ("iterations", 4), ("seed", 0)):
            require(least <= getattr(self, name) < 2**63,
                    f"reference.{name}: expected at least {least}, got {getattr(self, name)}")
        require(0 < self.K_width < 1, f"reference.K_width: expected a number in (0, 1), got {self.K_width}")
        require(2 <= self.top < float("inf"), f"reference.top: expected a number from 2 on, got {self.top}")
        require(0 < self.tolerance < 1, f"reference.tolerance: expected a number in (0, 1), got {self.tolerance}")
        require(0 < self.damping <= 1, f"reference.damping: expected a number in (0, 1], got {self.damping}")
