"""Settings of the grid solution."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Real

import yaml

from deepham import economics
from deepham.economics.economy import require
from deepham.errors import show
from deepham.solution.arguments import whole
from deepham.system.paths import conf_folder

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


def settings_for(economy_name: str, changes: dict | None = None) -> ReferenceSettings:
    """Those of scripts/reference.py: conf/reference/standard.yaml, what the economy's file in conf/model/ says of
    `reference`, and these changes.

    Raises:
        InputError: a setting that there is none of, or a value of another type or out of range.
    """
    group = yaml.safe_load((conf_folder() / "reference" / "standard.yaml").read_text(encoding="utf-8"))
    own = economics.settings(economy_name)
    settings = ReferenceSettings(**group | own.get("reference", {}) | _checked(changes or {}))
    settings.validate()
    return settings


def _checked(changes: dict) -> dict:
    """The changes with numbers of their types; boxes are for `validate`."""
    kinds, read = {each.name: str(each.type) for each in fields(ReferenceSettings)}, dict(changes)
    for name, value in changes.items():
        require(name in kinds, f"settings: there is no {show(name)}; there is {', '.join(kinds)}")
        if kinds[name] == "float":
            require(
                isinstance(value, Real) and not isinstance(value, bool),
                f"settings: expected a number for {name}, got {show(value)}",
            )
            read[name] = float(value)
        elif name != "box":
            read[name] = whole(f"settings: {name}", value, 0)
    return read
