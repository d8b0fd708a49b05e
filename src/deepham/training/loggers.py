"""What a run tells its loggers beside the measures of each outer iteration: at its beginning and at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning.pytorch.loggers import Logger

from deepham.training.disk import Disk
from deepham.training.roles import Concludes, TakesConfiguration, TakesFigures
from deepham.training.tensorboard import TensorBoard
from deepham.verdict import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def begin_logging(loggers: list[Logger], disk: Disk, configuration: str, done: int | None) -> None:
    """Hand over the configuration, in yaml. So many outer iterations are `done` in a run that is resumed, whatever it
    had logged after them; None in a new one.
    """
    for logger in loggers:
        if isinstance(logger, TensorBoard):
            logger.disk = disk
            if done is not None:
                logger.resume_after(done)
        if isinstance(logger, TakesConfiguration):
            logger.log_configuration(configuration, done or 0)


def end_logging(loggers: list[Logger], rows: list[Row], figures: dict[str, Figure], step: int) -> None:
    """Hand over the verdict, measures that have a bar under accuracy/ and moments under moments/, and how the solution
    looks."""
    measures = {f"{'moments' if row.bar is None else 'accuracy'}/{row.measure}": row.value for row in rows}
    for logger in loggers:
        logger.log_metrics(measures, step=step)
        if isinstance(logger, TakesFigures):
            for name, figure in figures.items():
                logger.log_figure(f"verdict/{name}", figure, step)
        logger.save()
        if isinstance(logger, Concludes):
            logger.conclude()
