"""Seconds and operations of updates inside Lightning's loop, by torch's own tools."""

from __future__ import annotations

from functools import partial

import lightning
import torch
from torch.utils.benchmark import Timer
from torch.utils.flop_counter import FlopCounterMode

OF_THE_POLICY = {"policy_loss", "policy_residual"}  # what an update of it returns, by gradients and by Newton steps


def seconds(call, blocks: int, block: int = 1) -> list[float]:
    """Of one call, as the mean of each of so many blocks of calls, each after two calls to warm up. A GPU is waited for
    at the ends of a block only."""
    timer = Timer("call()", globals={"call": call}, num_threads=torch.get_num_threads())
    return [timer.timeit(block).median for _ in range(blocks)]


class _After(lightning.Callback):
    """What is done once, in the middle of a training, after the first `warm_up` updates: a subclass measures some more.

    An update is all of it: the panel moved, losses, gradients, optimisers, averages, and what Lightning adds.
    """

    def __init__(self, warm_up: int):
        self.left = warm_up

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        if isinstance(outputs, dict) and OF_THE_POLICY & outputs.keys():
            self.left -= 1
            if self.left == 0:
                fetcher = trainer.fit_loop._data_fetcher
                assert fetcher is not None
                self.measure(partial(trainer.fit_loop.epoch_loop.advance, fetcher))

    def measure(self, update) -> None:
        raise NotImplementedError


class Timed(_After):
    """Seconds of one update, in `seconds` a number for each block. `steps` is how many the training has to have."""

    def __init__(self, blocks: int, block: int):
        super().__init__(2 * block)
        self.blocks, self.block, self.seconds = blocks, block, []
        self.steps = 2 * block + blocks * (block + 2) + 1

    def measure(self, update) -> None:
        self.seconds = seconds(update, self.blocks, self.block)


class Counted(_After):
    """`flops` of one update: floating-point operations of its matrix products, two for each product of two numbers."""

    STEPS = 4

    def __init__(self):
        super().__init__(2)
        self.flops = 0

    def measure(self, update) -> None:
        with FlopCounterMode(display=False) as counter:
            update()
        self.flops = counter.get_total_flops()
