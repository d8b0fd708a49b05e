"""The distribution of assets after each outer iteration: moments and a figure."""

from __future__ import annotations

import lightning
import torch

from deepham.economics.economy import require
from deepham.simulation.population import gini, quantile

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
    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        economy, population = module.economy, trainer.datamodule.panel.population
        k, weight = population.k.flatten(), population.weight.flatten() / len(population.k)
        mean = (weight * k).sum()
        # as good as at the limit: less than a hundredth of a percent of mean assets above it
        unit = economy.scale if economy.tracked in economy.unknowns else mean
        constrained = (weight * (k <= economy.borrowing_limit + 1e-4 * unit)).sum()
        measures = {
            "mean": mean,
            "sd": (weight * (k - mean) ** 2).sum().sqrt(),
            "gini": gini(k[None], weight[None]),
            "constrained": constrained,
        }
        measures |= {f"q{round(100 * p):02d}": q for p, q in zip(LEVELS, quantile(k, weight, LEVELS))}
        module.measures |= {f"distribution/{name}": float(value) for name, value in measures.items()}
        if self.figure_every and (trainer.current_epoch + 1) % self.figure_every == 0:
            from deepham.figures import asset_histogram  # matplotlib, for runs that draw

            for logger in trainer.loggers:
                if hasattr(logger, "log_figure"):
                    figure = asset_histogram(k.cpu(), weight.cpu(), float(constrained), economy.asset)
                    logger.log_figure("distribution/assets", figure, trainer.current_epoch + 1)
