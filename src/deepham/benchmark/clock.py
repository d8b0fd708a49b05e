"""When updates end, inside Lightning's loop."""

from __future__ import annotations

import time

import lightning
import torch


class Clock(lightning.Callback):
    """The moment at which each policy update ended; `seconds` are the times between.

    An update is all of it: the panel moved, losses, gradients, optimisers, averages, and what Lightning adds.
    """

    def __init__(self):
        self._ends: list[float] = []

    def on_train_batch_end(self, trainer, module, outputs: dict, batch, batch_index: int) -> None:
        if "policy_loss" in outputs:
            if module.device.type == "cuda":
                torch.cuda.synchronize()
            self._ends.append(time.perf_counter())

    def seconds(self, skip: int) -> list[float]:
        """Of each update after the first `skip`, in which libraries and caches warm up."""
        ends = self._ends[skip - 1:]
        return [after - before for before, after in zip(ends, ends[1:])]
