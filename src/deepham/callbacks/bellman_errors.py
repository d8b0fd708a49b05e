"""Euler and Bellman errors after each outer iteration."""

from __future__ import annotations

import lightning

from deepham.algorithm.evaluation import error_measures
from deepham.economics.economy import require


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

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        panel = trainer.datamodule.panel.select(slice(0, self.economies))
        errors = error_measures(module.averaged, panel)
        module.measures |= {f"errors/{name}": value for name, value in errors.items()}
