"""The wealth distribution and the policy after some outer iterations, drawn over the grid solution's."""

from __future__ import annotations

import copy
from typing import cast

import lightning
import torch

from deepham.economics.economy import require
from deepham.monitoring.loggers import TakesFigures
from deepham.reference.grid_solution import GridSolution
from deepham.runs.folders import RunFolders
from deepham.simulation.period import World
from deepham.training.data import data_of
from deepham.training.module import DeepHAM


class SolutionFigures(lightning.Callback):
    """Figures of the simulated households and the averaged policy, for loggers that take figures.

    Args:
        figure_every: outer iterations between two of each; 0 draws none.

    Attributes:
        reference: the grid solution on the CPU, of a run that has one.
    """

    def __init__(self, figure_every: int = 5):
        require(
            isinstance(figure_every, int) and figure_every >= 0,
            f"figure_every: expected a whole number that is not negative, got {figure_every!r}",
        )
        self.figure_every = figure_every
        self.reference: GridSolution | None = None

    def begin(self, folders: RunFolders, reference: GridSolution | None) -> None:
        self.reference = reference

    @torch.no_grad()
    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        done = trainer.current_epoch + 1
        takers = [logger for logger in trainer.loggers if isinstance(logger, TakesFigures)]
        if not takers or not self.figure_every or done % self.figure_every:
            return
        from deepham.report.figures_in_training import figures_in_training  # matplotlib, for runs that draw

        # a copy in the grid solution's precision: what is trained stays as it is
        module = cast(DeepHAM, pl_module)
        economy = module.economy.to(device="cpu", dtype=torch.float64)
        world = World(economy, copy.deepcopy(module.policy_average).double().cpu())
        panel = data_of(trainer).panel.to("cpu", torch.float64)
        for logger in takers:
            figures = figures_in_training(world, panel, self.reference)
            for name, figure in figures.items():
                logger.log_figure(f"solution/{name}", figure, done)
