"""Settings of the grid solution."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deepham.economics.economy import require

MOST_ORDER = 5  # of a polynomial law: beyond it the terms can hardly be told apart


@dataclass
class ReferenceSettings:
    """Grids, path and precision; each field is explained in conf/reference/. The last three are of economies whose
    aggregate state is a number.
    """

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
    z_nodes: int | None = None
    box: list[list[float]] | None = None
    order: int | None = None

    def validate(self) -> None:
        """Raise InputError for a value out of range."""
        for name, least in (
            ("k_nodes", 20),
            ("K_nodes", 2),
            ("histogram_nodes", 20),
            ("economies", 1),
            ("burn_in", 0),
            ("periods", 100),
            ("iterations", 4),
            ("seed", 0),
            ("z_nodes", 2),
            ("order", 1),
        ):
            value = getattr(self, name)
            require(
                value is None and name in ("z_nodes", "order") or value is not None and least <= value < 2**63,
                f"reference.{name}: expected at least {least}, got {value}",
            )
        require(
            self.order is None or self.order <= MOST_ORDER,
            f"reference.order: expected at most {MOST_ORDER}, got {self.order}",
        )
        require(
            self.box is None
            or len(self.box) == 2
            and all(len(ends) == 2 and -math.inf < ends[0] < ends[1] < math.inf for ends in self.box)
            and self.box[0][0] > 0,
            "reference.box: expected [[lowest, highest] of mean assets, above 0, [lowest, highest] of the aggregate "
            f"state], got {self.box}",
        )
        require(0 < self.K_width < 1, f"reference.K_width: expected a number in (0, 1), got {self.K_width}")
        require(2 <= self.top < float("inf"), f"reference.top: expected a number from 2 on, got {self.top}")
        require(0 < self.tolerance < 1, f"reference.tolerance: expected a number in (0, 1), got {self.tolerance}")
        require(0 < self.damping <= 1, f"reference.damping: expected a number in (0, 1], got {self.damping}")
