"""What a sweep says at its end: how each of its jobs went, also on the disk."""

from __future__ import annotations

import json
from pathlib import Path

import rich
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.table import Table

from deepham.files import write_json
from deepham.training.checkpoints import STATUS


class SweepSummary(Callback):
    """A table of the jobs' status.json, and the same in sweep.json in the sweep's folder."""

    def on_multirun_end(self, config: DictConfig, **kwargs) -> None:
        home = Path(config.hydra.sweep.dir)
        jobs = jobs_of(home.name, Path(config.checkpoint_dir))
        failed = [job for job in jobs if job["state"] != "finished"]
        write_json(home / "sweep.json", {"sweep": home.name, "jobs": jobs})
        table = Table("job", "settings", "state", "why", title=f"Sweep {home.name}: {len(jobs)} jobs, {len(failed)} failed")
        for job in jobs:
            table.add_row(str(job["job"]), " ".join(job["overrides"]), job["state"], job.get("why") or "")
        rich.get_console().print(table)
        rich.get_console().print(f"{home}/sweep.json", highlight=False, soft_wrap=True)


def jobs_of(sweep: str, checkpoint_dir: Path) -> list[dict]:
    """status.json of every job of the sweep, in the order of their numbers."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in checkpoint_dir.glob(f"{sweep}-*/{STATUS}")]
    return sorted(found, key=lambda status: status["job"])
