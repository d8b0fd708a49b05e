"""Loggers for those who have MLflow or Weights & Biases, which this package does not need: figures, and an end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning.pytorch.loggers import MLFlowLogger, WandbLogger

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class MLflow(MLFlowLogger):
    """Lightning's logger, with figures and the configuration as artifacts. Arguments as in Lightning."""

    def log_figure(self, name: str, figure: Figure, step: int) -> None:
        """A figure under a name."""
        self.experiment.log_figure(self.run_id, figure, f"{name}-{step:04d}.png")

    def log_configuration(self, configuration: str, step: int) -> None:
        """The whole configuration, in yaml."""
        self.experiment.log_text(self.run_id, configuration, "config.yaml")


class WandB(WandbLogger):
    """Lightning's logger, with figures, and one run of Weights & Biases for each run. Arguments as in Lightning."""

    def log_figure(self, name: str, figure: Figure, step: int) -> None:
        """A figure under a name."""
        import wandb  # pyright: ignore[reportMissingImports]  # an extra, see pyproject.toml

        self.log_metrics({name: wandb.Image(figure)}, step)

    def conclude(self) -> None:
        """The next job of a sweep has a run of its own."""
        self.experiment.finish()
