"""What the terminal shows while a run trains: outer iteration, current errors, time left."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

import lightning
import rich
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from deepham.callbacks.history import rows_of
from deepham.presentation.saying import UNSAID

SHOWN = (
    ("errors/euler.mean", "Euler", "{:.3f} %"),
    ("errors/bellman_policy.mean", "Bellman", "{:.5f}"),
    ("distribution/mean", "mean assets", "{:.4g}"),
    ("distribution/sd", "sd", "{:.4g}"),
)


class OuterProgress(lightning.Callback):
    """A bar on a terminal, one line per outer iteration in a file or a pipe."""

    def __init__(self):
        self.bar: Progress | None = None

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._first, self._started = trainer.current_epoch, time.monotonic()
        console = rich.get_console()
        if console.is_terminal:
            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[left]}"),
                TimeElapsedColumn(),
                console=console,
            )
            self._task = self.bar.add_task(self._title(trainer), total=self._total(trainer), left="")
            with suppress(*UNSAID):
                self.bar.start()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs, batch, batch_idx: int
    ) -> None:
        if self.bar and batch_idx % 20 == 0:
            done = (trainer.current_epoch - self._first) * trainer.num_training_batches + batch_idx + 1
            self.bar.update(self._task, completed=done, left=self._left(trainer, done))

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        done = (trainer.current_epoch + 1 - self._first) * trainer.num_training_batches
        latest = next(reversed(rows_of(trainer)), {})
        shown = [f"{label} {form.format(latest[name])}" for name, label, form in SHOWN if name in latest]
        line = "  ".join([self._title(trainer), *shown, self._left(trainer, done)])
        logging.getLogger("deepham").info("%s", line)  # to the terminal, above the bar, and to train.log
        if self.bar:
            self.bar.update(self._task, description=self._title(trainer, 2), completed=done)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._stop()

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self.bar:
            with suppress(*UNSAID):
                self.bar.stop()

    def _title(self, trainer: lightning.Trainer, ahead: int = 1) -> str:
        of = _outer_iterations(trainer)
        return f"outer iteration {min(trainer.current_epoch + ahead, of)}/{of}"

    def _total(self, trainer: lightning.Trainer) -> float:
        return (_outer_iterations(trainer) - self._first) * trainer.num_training_batches

    def _left(self, trainer: lightning.Trainer, done: float) -> str:
        seconds = (time.monotonic() - self._started) * (self._total(trainer) - done) / done
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d} left"


def _outer_iterations(trainer: lightning.Trainer) -> int:
    assert trainer.max_epochs is not None
    return trainer.max_epochs
