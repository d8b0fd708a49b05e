"""The measures of each outer iteration: those of the callbacks that measure, in metrics.csv and in the loggers."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import lightning
import torch
from lightning.pytorch.utilities.types import STEP_OUTPUT

from deepham.system.disk import Disk
from deepham.system.files import replace
from deepham.training.data import data_of
from deepham.training.module import DeepHAM
from deepham.training.roles import Measures
from deepham.training.stream import Batch


class History(lightning.Callback):
    """One row per outer iteration. The rows are part of a checkpoint, so that a resumed run repeats and loses none.

    It stands before the callbacks that read the row of an outer iteration, by `rows_of`.

    Args:
        path: metrics.csv of the run, or None to write no file.
        disk: the disk it is on.
    """

    def __init__(self, path: Path | None, disk: Disk | None = None):
        self.path, self.disk = path, disk or Disk()
        self.rows: list[dict[str, float]] = []
        self._losses: dict[str, list] = {}

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._started = time.perf_counter()

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._losses, self._updates_before = {}, cast(DeepHAM, pl_module).updates

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        assert isinstance(outputs, Mapping)  # losses by name
        for name, loss in outputs.items():
            self._losses.setdefault(name, []).append(loss)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        module = cast(DeepHAM, pl_module)
        losses = {f"train/{name}": float(torch.stack(values).double().mean()) for name, values in self._losses.items()}
        rates = {f"train/{name}": rate for name, rate in module.learner.rates().items()}
        measured = self._measured(trainer, module)
        now = time.perf_counter()  # since the last row: with what is measured, and what was drawn after that
        seconds, self._started = now - self._started, now
        timing = {
            "timing/seconds": seconds,
            "timing/updates_per_second": (module.updates - self._updates_before) / seconds,
        }
        measures = losses | rates | timing | measured
        self.rows.append({"outer_iteration": trainer.current_epoch + 1} | measures)
        for logger in trainer.loggers:
            logger.log_metrics(measures, step=trainer.current_epoch + 1)
        if self.path:
            self._write(self.path)

    @staticmethod
    def _measured(trainer: lightning.Trainer, module: DeepHAM) -> dict[str, float]:
        panel, measured = data_of(trainer).panel, {}
        for callback in callbacks_of(trainer):
            if isinstance(callback, Measures):
                measured |= callback.take_measures(module.averaged, panel)
        return measured

    def columns(self, most: int | None = None) -> dict[str, list[float | None]]:
        """Measure -> its values by outer iteration, None where a row lacks it; of at most so many rows, evenly
        spread."""
        every = -(-len(self.rows) // most) if most and self.rows else 1
        rows = self.rows[::-every][::-1]  # with the last
        return {name: [row.get(name) for row in rows] for name in dict.fromkeys(name for row in rows for name in row)}

    def _write(self, path: Path) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.columns()), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        with self.disk.attempt(str(path)):
            replace(path, text.getvalue().encode())

    def state_dict(self) -> dict:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict) -> None:
        self.rows = state_dict["rows"]


def rows_of(trainer: lightning.Trainer) -> list[dict[str, float]]:
    """The rows up to the outer iteration that ends; none where nobody keeps them."""
    return next((callback.rows for callback in callbacks_of(trainer) if isinstance(callback, History)), [])


def callbacks_of(trainer: lightning.Trainer) -> list[lightning.Callback]:
    """Those that a trainer calls, in their order."""
    return trainer.callbacks  # pyright: ignore[reportAttributeAccessIssue]  # Lightning sets it undeclared


def history_of(log_folder: Path, measure: str) -> list[float]:
    """The measure after each outer iteration so far, also of a run that goes on; empty where there is no such
    history."""
    try:
        with open(log_folder / "metrics.csv", encoding="utf-8", newline="") as file:
            return [float(row[measure]) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return []
