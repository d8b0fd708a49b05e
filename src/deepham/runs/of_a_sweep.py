"""What a run knows of the sweep that it is a job of."""

from __future__ import annotations

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode


def job_of_sweep() -> dict:
    """Sweep, number and settings of this job; empty outside of a sweep."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return {}
    hydra = HydraConfig.get()
    return {"sweep": Path(hydra.sweep.dir).name, "job": int(hydra.job.num), "overrides": list(hydra.overrides.task)}


def name_in_sweep(name: str) -> str:
    """The name of a run with the sweep's and the job's before it; as it is outside of a sweep."""
    job = job_of_sweep()
    return f"{job['sweep']}-{job['job']}-{name}" if job else name
