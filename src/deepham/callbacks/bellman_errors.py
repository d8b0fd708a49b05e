"""Euler and Bellman errors after each outer iteration."""

from __future__ import annotations

import lightning

from deepham.algorithm.evaluation import SEARCHED, error_measures
from deepham.economics.economy import require
from deepham.simulation.period import Panel, World


class BellmanErrors(lightning.Callback):
    """Errors of the averaged networks on the cross-sections that training is at, expectations enumerated.

    Of several processes the first one measures, with the economies of all.

    The cross-sections are finite panels, so the maximum is rougher than the verdict's in the continuum.

    Args:
        economies: how many of the simulated economies are looked at.
    """

    def __init__(self, economies: int = 4):
        require(
            isinstance(economies, int) and economies >= 1,
            f"economies: expected a whole number from 1 on, got {economies!r}",
        )
        self.economies = economies

    def take_measures(self, world: World, panel: Panel) -> dict[str, float]:
        # the search for the best choice takes longer than all else: for half as many as in a verdict
        errors = error_measures(world, panel.select(slice(0, self.economies)), searched=SEARCHED // 2)
        return {f"errors/{name}": value for name, value in errors.items()}
