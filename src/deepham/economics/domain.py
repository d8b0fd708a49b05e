"""Where a choice beside consumption lies, which a network can learn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Domain:
    """From zero on, to less than `most`.

    Attributes:
        typical: what an untrained network chooses.
        most: None where there is no end, and zero is never chosen. Otherwise zero is: a corner, met exactly.
        meaning, unit: in words.
    """

    typical: float
    most: float | None = None
    meaning: str = ""
    unit: str = ""
