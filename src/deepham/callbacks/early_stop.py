"""Ends the training of a job of a sweep whose error is far above that of most others as far on: the median rule."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from statistics import median
from typing import cast

import lightning
import yaml

from deepham.algorithm.evaluation import ERRORS, STATISTICS
from deepham.callbacks.bellman_errors import BellmanErrors
from deepham.callbacks.history import history_of, rows_of
from deepham.economics.economy import require
from deepham.errors import InputError
from deepham.reference.grid_solution import GridSolution
from deepham.runs.folders import RunFolders, jobs_of
from deepham.solution.folder import plain_yaml
from deepham.training.module import DeepHAM

log = logging.getLogger("deepham")
MEASURES = tuple(f"{error}.{statistic}" for error in ERRORS for statistic in STATISTICS)


class EarlyStop(lightning.Callback):
    """Stops training after an outer iteration at which the least error so far is more than `factor` times the median of
    what the other jobs of the sweep had had by the same one. The run is then measured and saved like any other.

    Jobs know each other by what they have left on the disk, so that it is all the same which sweeper draws them and
    which launcher runs them. An error says which run is better only where they train for as long in the same economy:
    jobs of another calibration or objective, or with other numbers of updates are not compared with. A resumed run
    stays stopped.

    Args:
        measure: the error that is compared, one that BellmanErrors measures.
        warm_up: share of the outer iterations before which no job is stopped.
        jobs: how many others have to have come as far.
        factor: how many times the median the error has to be; with 1 the best run of a search is lost every now and
        then.

    Attributes:
        stopped: None, or the outer iteration after which training was stopped, of how many, and why.
        folders: of the run, as it begins; without, as outside of a sweep, nothing is stopped.
    """

    every_process = True  # the first one decides, all stop

    def __init__(self, measure: str = "euler.mean", warm_up: float = 0.2, jobs: int = 4, factor: float = 1.5):
        require(
            measure in MEASURES,
            f"measure: no error {measure!r} is measured while training; there is {', '.join(MEASURES)}",
        )
        require(_is_number(warm_up) and 0 <= warm_up <= 1, f"warm_up: expected a share from 0 to 1, got {warm_up!r}")
        require(type(jobs) is int and jobs >= 1, f"jobs: expected a whole number from 1 on, got {jobs!r}")
        require(_is_number(factor) and 1 <= factor < math.inf, f"factor: expected a number from 1 on, got {factor!r}")
        self.measure, self.warm_up, self.jobs, self.factor = measure, warm_up, jobs, factor
        self.stopped: dict | None = None
        self.folders: RunFolders | None = None
        self._trainings: dict[str, dict | None] = {}  # run -> what it trains, read once

    def check(self, callbacks: list) -> None:
        """Raise InputError where nobody measures the error that is compared."""
        require(
            any(isinstance(callback, BellmanErrors) for callback in callbacks),
            "callbacks.early_stop: needs the errors that callbacks.bellman_errors measures; switch that on, or this "
            "off with callbacks.early_stop=null",
        )

    def begin(self, folders: RunFolders, reference: GridSolution | None) -> None:
        self.folders = folders

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        trainer.should_stop = self.stopped is not None
        ranks = cast(DeepHAM, pl_module).ranks
        if self.folders and not self.folders.job and not self.stopped and ranks.rank == 0:
            log.info(
                "early_stop: this run is no job of a sweep; there is nothing to compare it with, and nothing stops it"
            )

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        ranks, done = cast(DeepHAM, pl_module).ranks, trainer.current_epoch + 1
        assert trainer.max_epochs is not None
        if done not in self.looks(trainer.max_epochs):
            return
        folders = self.folders
        why = self._why(trainer, folders) if ranks.rank == 0 and folders and folders.job else None
        why = ranks.gather(why)[0]
        if why:
            self.stopped = {"outer_iteration": done, "of": trainer.max_epochs, "why": why}
            trainer.should_stop = True

    def looks(self, outer_iterations: int) -> range:
        """After which outer iterations of so many a job can be stopped; after the last there is nothing to stop."""
        return range(max(1, math.ceil(self.warm_up * outer_iterations)), outer_iterations)

    def why(self, own: list[float], others: list[list[float]]) -> str | None:
        """The rule: why a job with these errors after each outer iteration so far is stopped, None where it is not.

        Args:
            others: the same of the jobs that it is compared with, as far as they have come.
        """
        reached = [_least(errors[: len(own)]) for errors in others if len(errors) >= len(own)]
        if len(reached) < self.jobs or not _least(own) > self.factor * median(reached):
            return None
        return f"{self.measure} {_least(own):.3g}, the median of {len(reached)} other jobs {median(reached):.3g}"

    def _why(self, trainer: lightning.Trainer, folders: RunFolders) -> str | None:
        key = f"errors/{self.measure}"
        return self.why([row[key] for row in rows_of(trainer)], self._others(key, folders))

    def _others(self, key: str, folders: RunFolders) -> list[list[float]]:
        """Errors by outer iteration of the jobs that are compared with."""
        try:
            jobs = jobs_of(folders.job["sweep"], folders.checkpoints.parent)
        except InputError:  # whatever another job has left: this one trains on
            return []
        names, logs = [str(job["run"]) for job in jobs if job["run"] != folders.name], folders.logs.parent
        own = self._training(folders.logs)
        return [history_of(logs / name, key) for name in names if self._training(logs / name) == own]

    def _training(self, logs: Path) -> dict | None:
        if self._trainings.get(logs.name) is None:  # of a run that has just begun it may not be there yet
            self._trainings[logs.name] = training_of(logs)
        return self._trainings[logs.name]

    def state_dict(self) -> dict:
        return {"stopped": self.stopped}

    def load_state_dict(self, state_dict: dict) -> None:
        self.stopped = state_dict["stopped"]


def _least(errors: list[float]) -> float:
    """Of those that are numbers; infinite where none is: such a run is behind every other, and stops none."""
    return min((error for error in errors if not math.isnan(error)), default=math.inf)


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def training_of(log_folder: Path) -> dict | None:
    """The economy that a run trains in and how long it does; None where it has not said so yet."""
    try:
        config = plain_yaml((log_folder / "config.yaml").read_bytes())
        trained = {key: config["algorithm"][key] for key in ("outer_iterations", "policy_steps")}
        return {"model": config["model"], "objective": config["algorithm"].get("objective", "market")} | trained
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError, RecursionError):
        return None
