"""What a sweep says at its end: how each of its jobs went, and what the settings come to."""

from __future__ import annotations

import json
from pathlib import Path

import rich
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.table import Table

from deepham.errors import InputError
from deepham.files import write_json
from deepham.sweeps import SweepRun, varying
from deepham.tables_sweep import MAIN, settings_sheet, settings_table
from deepham.training.checkpoints import STATUS
from deepham.training.outcomes import outcomes, typed


class SweepSummary(Callback):
    """After the last job a table of the jobs' status.json, and the same in sweep.json in the sweep's
    folder, with one table and one figure of the measures by setting beside it.
    """

    def on_multirun_end(self, config: DictConfig, **kwargs) -> None:
        home, checkpoints = Path(config.hydra.sweep.dir), Path(config.checkpoint_dir)
        jobs = jobs_of(home.name, checkpoints)
        failed = [job for job in jobs if job["state"] != "finished"]
        write_json(home / "sweep.json", {"sweep": home.name, "jobs": jobs})
        shown = varying([SweepRun(str(job["job"]), typed(job), None) for job in jobs])
        table = Table("job", "settings", "state", "why", title=f"Sweep {home.name}: {len(jobs)} jobs, {len(failed)} failed")
        for job in jobs:
            settings = " ".join(f"{key}={value}" for key, value in typed(job).items() if key in (*shown, "seed"))
            table.add_row(str(job["job"]), settings, job["state"], job.get("why") or "")
        rich.get_console().print(table)
        rich.get_console().print(f"{home}/sweep.json", highlight=False, soft_wrap=True)
        try:
            runs = outcomes([checkpoints / str(job["run"]) for job in jobs])
        except InputError as error:  # where the disk was full, say; the jobs said so themselves
            rich.get_console().print(f"no table by setting: {error}", highlight=False, markup=False, soft_wrap=True)
            return
        if len(failed) < len(jobs):
            show_settings(runs, config.optimized_metric, home, config.figures)


def show_settings(runs: list[SweepRun], measure: str, home: Path, figure: bool) -> None:
    """Print the table by setting and write it as settings.md, .csv and .tex and, with `figure`, settings.png and .pdf.

    Args:
        runs: of which at least one is finished.
        measure: what the figure shows, and a column beside the main ones.
    """
    settings_sheet(runs, (*MAIN, measure)).write(home, "settings")
    console = rich.get_console()
    console.print(settings_table(runs, measure))
    if figure:
        from deepham.figures import save_figures  # matplotlib, for runs that draw
        from deepham.figures_sweep import sweep_figure

        save_figures({"settings": sweep_figure(runs, measure)}, home)
    console.print(f"{home}/settings.md, .csv, .tex{', .png, .pdf' if figure else ''}", highlight=False, soft_wrap=True)


def jobs_of(sweep: str, checkpoint_dir: Path) -> list[dict]:
    """status.json of every job of the sweep, in the order of their numbers."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in checkpoint_dir.glob(f"{sweep}-*/{STATUS}")]
    return sorted(found, key=lambda status: status["job"])
