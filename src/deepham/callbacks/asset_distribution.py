"""The distribution of assets after each outer iteration: moments and a figure."""

from __future__ import annotations

from typing import cast

import lightning
import torch
from torch import Tensor

from deepham.economics.economy import Economy, require
from deepham.monitoring.loggers import TakesFigures
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population, gini, quantile
from deepham.training.data import data_of
from deepham.training.module import DeepHAM

LEVELS = (0.01, 0.10, 0.50, 0.90, 0.99)


class AssetDistribution(lightning.Callback):
    """Mean, standard deviation, Gini, quantiles and the mass at the constraint, pooled over the simulated economies,
    those of all processes.

    Args:
        figure_every: outer iterations between two histogram figures; 0 draws none.
    """

    def __init__(self, figure_every: int = 1):
        require(
            isinstance(figure_every, int) and figure_every >= 0,
            f"figure_every: expected a whole number that is not negative, got {figure_every!r}",
        )
        self.figure_every = figure_every

    @torch.no_grad()
    def take_measures(self, world: World, panel: Panel) -> dict[str, float]:
        k, weight = _pooled(panel.population)
        mean = (weight * k).sum()
        measures = {
            "mean": mean,
            "sd": (weight * (k - mean) ** 2).sum().sqrt(),
            "gini": gini(k[None], weight[None]),
            "constrained": _constrained(k, weight, world.economy),
        }
        measures |= {f"q{round(100 * p):02d}": q for p, q in zip(LEVELS, quantile(k, weight, LEVELS))}
        return {f"distribution/{name}": float(value) for name, value in measures.items()}

    @torch.no_grad()
    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        done = trainer.current_epoch + 1
        takers = [logger for logger in trainer.loggers if isinstance(logger, TakesFigures)]
        if not takers or not self.figure_every or done % self.figure_every:
            return
        from deepham.presentation.figures import asset_histogram  # matplotlib, for runs that draw

        k, weight = _pooled(data_of(trainer).panel.population)
        economy = cast(DeepHAM, pl_module).economy
        constrained = float(_constrained(k, weight, economy))
        for logger in takers:
            figure = asset_histogram(k.cpu(), weight.cpu(), constrained, economy.asset)
            logger.log_figure("distribution/assets", figure, done)


def _pooled(population: Population) -> tuple[Tensor, Tensor]:
    """Assets and weights of the households of all economies, one after the other."""
    return population.k.flatten(), population.weight.flatten() / len(population.k)


def _constrained(k: Tensor, weight: Tensor, economy: Economy) -> Tensor:
    """The share as good as at the limit: less than a hundredth of a percent of mean assets above it."""
    unit = economy.scale if economy.tracked in economy.unknowns else (weight * k).sum()
    return (weight * (k <= economy.borrowing_limit + 1e-4 * unit)).sum()
