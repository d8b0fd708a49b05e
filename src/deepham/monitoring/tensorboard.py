"""TensorBoard, as a run uses it: figures, settings to compare runs by, a resumed curve without a fold, and a disk that
may fail.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lightning.pytorch.loggers import TensorBoardLogger

from deepham.monitoring.dashboard import LAYOUT, as_text, image, session_end, session_start, settings_of
from deepham.system.disk import Disk

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class TensorBoard(TensorBoardLogger):
    """Lightning's logger, which neither stops a run when its events cannot be written nor shows an iteration twice.

    The HPARAMS tab compares runs by all their settings, from the first outer iteration on, and by what they ended with;
    CUSTOM SCALARS has the five charts to watch first.

    Args:
        save_dir, name, version: as in Lightning; events lie in save_dir/name/version.

    Attributes:
        disk: told of what cannot be written.
    """

    def __init__(self, save_dir: str, name: str, version: str = ""):
        super().__init__(save_dir, name, version, default_hp_metric=False)
        self.disk = Disk()

    def resume_after(self, outer_iteration: int) -> None:
        """Let TensorBoard drop what an interrupted run has logged of later outer iterations."""
        self._kwargs["purge_step"] = outer_iteration + 1

    def log_hyperparams(self, params: dict[str, Any] | Namespace, metrics=None, step: int | None = None) -> None:
        with self._writing():
            super().log_hyperparams(params, metrics, step)  # for hparams.yaml
            self._add(session_start(settings_of(vars(params) if isinstance(params, Namespace) else params)))
            self.experiment.add_custom_scalars(LAYOUT)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        with self._writing():  # Lightning's own method makes a ValueError of every error
            for name, value in metrics.items():
                self.experiment.add_scalar(name, value, step)

    def log_figure(self, name: str, figure: Figure, step: int) -> None:
        """A figure under a name."""
        from deepham.presentation.figures import DPI, picture  # matplotlib, for runs that draw

        width, height = (round(DPI * inches) for inches in figure.get_size_inches())
        with self._writing():
            self._add(image(name, picture(figure), width, height), step)

    def log_configuration(self, configuration: str, step: int) -> None:
        """The whole configuration, in yaml, as text."""
        with self._writing():
            self.experiment.add_text("config", as_text(configuration), step)

    def conclude(self) -> None:
        """The run is through, and all of it has been logged."""
        with self._writing():
            self._add(session_end())
        self.finalize("success")

    def save(self) -> None:
        with self._writing():
            super().save()

    def finalize(self, status: str) -> None:
        with self._writing():
            super().finalize(status)

    def _add(self, summary, step: int | None = None) -> None:
        self.experiment._get_file_writer().add_summary(summary, step)

    def _writing(self):
        return self.disk.attempt(f"TensorBoard's events in {self.log_dir}")
