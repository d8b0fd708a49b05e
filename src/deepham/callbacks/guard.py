"""Stops a run whose losses are no numbers any more."""

from __future__ import annotations

import math

import lightning

from deepham.economics.economy import require
from deepham.errors import TrainingDiverged


class Guard(lightning.Callback):
    """Raises TrainingDiverged when a loss is not finite; `last.ckpt` keeps the state before the outer iteration.

    Args:
        every: batches between two looks (a look makes the host wait for the device).
    """

    def __init__(self, every: int = 20):
        require(isinstance(every, int) and every >= 1, f"every: expected a whole number from 1 on, got {every!r}")
        self.every = every

    def on_train_batch_end(self, trainer, module, outputs: dict, batch, batch_index: int) -> None:
        if batch_index % self.every and batch_index + 1 < trainer.num_training_batches:
            return
        for name, loss in outputs.items():
            if not math.isfinite(float(loss)):
                raise TrainingDiverged.at(f"{name} is {float(loss)}", batch_index, trainer.current_epoch)
