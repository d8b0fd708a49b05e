"""How fast a run trains: seconds per update, with any settings and any number of processes or GPUs."""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import median

import lightning

from deepham.training.configuration import Settings
from deepham.training.fit import fit


def seconds_per_update(settings: Settings, updates: int = 50, rounds: int = 5) -> float:
    """From the end of one policy update to the end of the next: the move of the panels, the losses, the steps.

    The mean over so many updates, and of that the median over rounds; there is one more round before them, which warms up.
    Neither callbacks nor a verdict are counted, nor what an outer iteration does once before its updates.
    """
    algorithm = replace(settings.algorithm, outer_iterations=rounds + 1, policy_steps=updates + 1)
    clock = _Clock()
    fit(replace(settings, algorithm=algorithm), [clock], [])
    return median(ends[-1] - ends[0] for ends in clock.ends[1:]) / updates


class _Clock(lightning.Callback):
    """When each policy update ended, by outer iteration."""

    def __init__(self):
        self.ends: list[list[float]] = []

    def on_train_epoch_start(self, trainer, module) -> None:
        self.ends.append([])

    def on_train_batch_end(self, trainer, module, outputs: dict, batch, batch_index: int) -> None:
        if "policy_loss" in outputs:
            self.ends[-1].append(time.perf_counter())
