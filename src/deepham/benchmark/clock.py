"""When updates end, inside Lightning's loop."""

from __future__ import annotations

import time

import lightning
import torch


class Clock(lightning.Callback):
    """Seconds of policy updates, in blocks: a GPU is waited for at the end of each block only.

    An update is all of it: the panel moved, losses, gradients, optimisers, averages, and what Lightning adds.
    """

    def __init__(self, block: int):
        self.block, self._updates, self._ends = block, 0, []

    def on_train_batch_end(self, trainer, module, outputs: dict, batch, batch_index: int) -> None:
        if "policy_loss" not in outputs:
            return
        self._updates += 1
        if self._updates % self.block == 0:
            if module.device.type == "cuda":
                torch.cuda.synchronize()
            self._ends.append(time.perf_counter())

    def seconds(self, skip: int) -> list[float]:
        """Of one update, for each block after the first `skip` (at least one), in which libraries and caches warm
        up."""
        ends = self._ends[skip - 1 :]
        return [(after - before) / self.block for before, after in zip(ends, ends[1:])]
