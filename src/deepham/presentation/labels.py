"""What figures and summaries call an aggregate state."""

from __future__ import annotations

from torch import Tensor

from deepham.economics.economy import Economy


def labelled(economy: Economy, z: Tensor) -> list[tuple[str, int | float | list[float], Tensor]]:
    """Aggregate states (n, d) as figures name them, as users give them, and as tensors of one economy each."""
    return [(label, given, one[None]) for (label, given), one in zip(economy.naming.labels(z), z)]
