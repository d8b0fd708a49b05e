"""Recognises a policy that has run away, and says so, before anything is learned from it."""

from __future__ import annotations

from typing import cast

import lightning
import torch

from deepham.economics.economy import Economy, require
from deepham.errors import TrainingDiverged
from deepham.simulation.period import Panel
from deepham.training.module import DeepHAM
from deepham.training.stream import Batch


class Guard(lightning.Callback):
    """Raises TrainingDiverged before a step on an economy that no good policy leads to.

    These are: mean assets outside of stated multiples of the typical state's K (an untrained network without a base has
    a fiftieth of it; saving everything leads to eight times as much in Krusell-Smith), all agents at the borrowing
    limit, and an aggregate state in which the economy itself says that it has no meaning. NaN and infinite numbers are
    found in every step, with or without this callback. With several processes each looks at its own economies, and
    all stop together.

    Args:
        every: batches between two looks; there is another one before an outer iteration of at least so many is kept. A
            look makes the host wait for the device: on a GPU there is one before each outer iteration is kept, and no
            other.
        least, most: the stated multiples.
    """

    every_process = True  # this callback is needed in all of them

    def __init__(self, every: int = 20, least: float = 0.005, most: float = 5.0):
        require(isinstance(every, int) and every >= 1, f"every: expected a whole number from 1 on, got {every!r}")
        for name, multiple in (("least", least), ("most", most)):
            require(
                isinstance(multiple, int | float) and multiple >= 0,
                f"{name}: expected a number that is not negative, got {multiple!r}",
            )
        require(least < most, f"least and most: expected a range, got {least} to {most}")
        self.every, self.least, self.most = every, least, most

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        module = cast(DeepHAM, pl_module)
        if module.at_once and batch_idx % self.every == 0:
            self._look(trainer, module, batch, batch_idx)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs, batch: Batch, batch_idx: int
    ) -> None:
        module = cast(DeepHAM, pl_module)
        if batch_idx + 1 == trainer.num_training_batches and (not module.at_once or batch_idx + 1 >= self.every):
            self._look(trainer, module, batch, batch_idx)

    @torch.no_grad()
    def _look(self, trainer: lightning.Trainer, module: DeepHAM, batch: Batch, batch_idx: int) -> None:
        found = [one for one in module.ranks.gather(self._ran_away(module.economy, batch.panel)) if one]
        if found:
            raise TrainingDiverged(
                f"the policy has run away: {found[0]}", batch_idx + 1, trainer.current_epoch + 1, batch
            )

    def _ran_away(self, economy: Economy, panel: Panel) -> str | None:
        fault = economy.fault(panel.z, economy.aggregates(panel.population, panel.z))
        if fault:
            return fault
        typical, population = economy.scale, panel.population
        mean = population.mean(population.k)
        held = [] if economy.tracked in economy.unknowns else [float(mean.min()), float(mean.max())]
        for K in held:  # where a price clears the market households hold on average what there is
            if not self.least * typical <= K <= self.most * typical:
                return (
                    f"mean {economy.asset} of an economy is {K:.4g}, outside of {self.least:g} to {self.most:g} times "
                    f"the typical {typical:.4g}"
                )
        # as good as at the limit, as in AssetDistribution
        free = population.mean((population.k > economy.borrowing_limit + 1e-4 * typical).to(mean))
        return "all agents of an economy are at the borrowing limit" if float(free.min()) == 0 else None
