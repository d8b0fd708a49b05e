"""What a sweep says: a line after each job, and at its end how each of them went and what the settings come to."""

from __future__ import annotations

import math
import time
from pathlib import Path

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.table import Table
from rich.text import Text

from deepham.errors import InputError
from deepham.presentation.saying import say
from deepham.runs.by_setting import SweepRun, most_welfare, varying
from deepham.runs.folders import jobs_of
from deepham.runs.outcomes import outcomes, stop_of, typed
from deepham.runs.plan import plan
from deepham.runs.tables import ECONOMIC, MAIN, settings_file_table, settings_table
from deepham.system.files import write_json


class SweepSummary(Callback):
    """After each job a line; after the last a table of the jobs' status.json, and the same in sweep.json in the sweep's
    folder, with one table and one figure of the measures by setting beside it.

    A launcher that starts processes copies this object into them, and the lines come from there.
    """

    latest: SweepSummary | None = None  # of this process
    concluded = False

    def on_multirun_start(self, config: DictConfig, **kwargs) -> None:
        SweepSummary.latest = self
        self.home, self.checkpoints = Path(config.hydra.sweep.dir), Path(str(config.checkpoint_dir))
        self.measure, self.figures = config.optimized_metric, config.figures
        self.began = time.time()
        self.planned = plan(list(config.hydra.overrides.task), config.hydra.sweeper).jobs

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs) -> None:
        if config.hydra.mode != RunMode.MULTIRUN:
            return
        over = [job for job in jobs_of(self.home.name, self.checkpoints) if job["state"] != "running"]
        failed = sum(job["state"] != "finished" for job in over)
        measured = isinstance(job_return._return_value, float) and math.isfinite(job_return._return_value)
        said = f"{self.measure} {job_return._return_value:.3g}" if measured else "failed"
        stop = next((stop_of(job) for job in over if job["job"] == config.hydra.job.num), "")
        said += f", {stop}" if stop else ""
        left = (time.time() - self.began) / max(1, len(over)) * max(0, self.planned - len(over))
        say(
            f"{self.home.name}: job {config.hydra.job.num}, {said}; {len(over)} of {self.planned} done, {failed} "
            f"failed; {duration(left)} left"
        )

    def on_multirun_end(self, config: DictConfig, **kwargs) -> None:
        self.conclude()

    @classmethod
    def conclude_latest(cls) -> int | None:
        """Conclude the sweep of this process. Its exit code; None where none has begun."""
        if cls.latest is None or not jobs_of(cls.latest.home.name, cls.latest.checkpoints):
            return None
        return cls.latest.conclude()

    def conclude(self) -> int:
        """Say and write how the jobs went, once. 0, or 1 where not all of them are finished."""
        jobs = jobs_of(self.home.name, self.checkpoints)
        # at the end of a sweep nothing is running: such a process was killed
        jobs = [
            job | {"state": "lost", "why": "its process was killed"} if job["state"] == "running" else job
            for job in jobs
        ]
        failed = [job for job in jobs if job["state"] != "finished"]
        code = int(bool(failed) or len(jobs) < self.planned)
        if self.concluded:
            return code
        self.concluded = True
        write_json(self.home / "sweep.json", {"sweep": self.home.name, "jobs": jobs})
        say(_jobs_table(self.home.name, jobs, len(failed)))
        say(f"{self.home}/sweep.json")
        try:
            runs = outcomes([self.checkpoints / str(job["run"]) for job in jobs])
            if len(failed) < len(jobs):
                show_settings(runs, self.measure, self.home, self.figures)
        except (InputError, OSError) as error:  # where the disk is full, say; the jobs said so themselves
            say(f"no table by setting: {error}")
        return code


def _jobs_table(name: str, jobs: list[dict], failed: int) -> Table:
    shown = varying([SweepRun(str(job["job"]), typed(job), None) for job in jobs])
    table = Table("job", "settings", "state", "why", title=Text(f"Sweep {name}: {len(jobs)} jobs, {failed} failed"))
    for job in jobs:
        settings = " ".join(f"{key}={value}" for key, value in typed(job).items() if key in (*shown, "seed"))
        table.add_row(str(job["job"]), settings, job["state"], job.get("why") or stop_of(job, why=True))
    return table


def show_settings(runs: list[SweepRun], measure: str, home: Path, figure: bool) -> None:
    """Print the table by setting and write it as settings.md, .csv and .tex and, with `figure`, settings.png and .pdf.

    Args:
        runs: of which at least one is finished.
        measure: what the figure shows, and a column beside the main ones; of welfare also the run that has most of it.
    """
    settings_file_table(runs, (*MAIN, *ECONOMIC, measure)).write(home, "settings")
    if figure:
        from deepham.presentation.figures import save_figures  # matplotlib, for runs that draw
        from deepham.runs.sweep_figure import sweep_figure

        save_figures({"settings": sweep_figure(runs, measure)}, home)
    say(settings_table(runs, measure))
    say(f"{home}/settings.md, .csv, .tex{', .png, .pdf' if figure else ''}")
    best = most_welfare(runs)
    if measure == "welfare" and best is not None:
        say(f"most welfare: {best.name}, {best.taken['welfare']:.5g} goods")


def duration(seconds: float) -> str:
    """In the unit that suits."""
    size, unit = next((size, unit) for size, unit in ((3600, "h"), (60, "min"), (0, "s")) if seconds >= 2 * size)
    return f"{seconds / max(1, size):.0f} {unit}"
