"""What a run tells its loggers beside the measures of each outer iteration: at its beginning and at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lightning.pytorch.loggers import Logger

from deepham.measures.verdict import Row
from deepham.system.disk import Disk

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@runtime_checkable
class WritesFiles(Protocol):
    """A logger whose files may fail to be written, and show an outer iteration twice where a run is resumed."""

    disk: Disk

    def resume_after(self, outer_iteration: int) -> None: ...


@runtime_checkable
class TakesFigures(Protocol):
    """A logger that shows figures."""

    def log_figure(self, name: str, figure: Figure, step: int) -> None: ...


@runtime_checkable
class TakesConfiguration(Protocol):
    """A logger that shows the configuration of a run, in yaml."""

    def log_configuration(self, configuration: str, step: int) -> None: ...


@runtime_checkable
class Concludes(Protocol):
    """A logger that is told when a run is through."""

    def conclude(self) -> None: ...


def begin_logging(loggers: list[Logger], disk: Disk, configuration: str, done: int | None) -> None:
    """Hand over the configuration, in yaml. So many outer iterations are `done` in a run that is resumed, whatever it
    had logged after them; None in a new one.
    """
    for logger in loggers:
        if isinstance(logger, WritesFiles):
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
