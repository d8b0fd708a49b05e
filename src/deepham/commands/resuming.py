"""Which run it is: its name and folders, the checkpoint that it goes on from, and the command that resumes it."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import sys
from datetime import datetime
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from deepham import economics
from deepham.commands.composing import read_words
from deepham.commands.own_models import typed_as
from deepham.economics.economy import require
from deepham.errors import InputError
from deepham.runs.folders import CHECKPOINT, STATUS, RunFolders
from deepham.runs.of_a_sweep import job_of_sweep, name_in_sweep
from deepham.runs.overrides import key_of, override
from deepham.system.cluster import launcher
from deepham.system.entry import command
from deepham.system.nodes import Tasks
from deepham.training.settings import Settings


def folders_of(cfg: DictConfig, settings: Settings) -> RunFolders:
    """Of the run that is configured; one without a name gets one that no other has."""
    checkpoint_dir, log_dir = Path(cfg.checkpoint_dir), Path(cfg.log_dir)
    if cfg.run is not None:
        name = cfg.run
    else:
        name = name_of_its_own(settings)
    name = name_in_sweep(name)
    return RunFolders(name, checkpoint_dir / name, log_dir / name, job_of_sweep())


def name_of_its_own(settings: Settings) -> str:
    """A name for a run that no other has."""
    stamp, unique = datetime.now().strftime("%Y%m%d-%H%M%S"), secrets.token_hex(3)
    return f"{settings.economy_name}-{settings.algorithm.name}-seed{settings.seed}-{stamp}-{unique}"


def leave_status_of_job(cfg: DictConfig, error: InputError) -> None:
    """A job of a sweep that never became a run says why in a folder of its own."""
    job = job_of_sweep()
    if not job or not isinstance(cfg.get("checkpoint_dir"), str):
        return
    name = f"{job['sweep']}-{job['job']}"
    folders = RunFolders(name, Path(cfg.checkpoint_dir) / name, Path(str(cfg.get("log_dir"))) / name, job)
    try:
        folders.checkpoints.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # the line on the terminal has to do
    set_status(folders, "failed", why=str(error), resume=None)


def set_status(folders: RunFolders, state: str, **details) -> None:
    """Replace status.json, if the disk allows."""
    with folders.disk.attempt(str(folders.status)):
        folders.set_status(state, **details)


def take_over(cfg: DictConfig, carried: dict, checkpoint: Path) -> None:
    """Take what the command line does not mention from the checkpoint, and go on in the run's own folder where it lies
    now."""
    said = {key_of(text) for text in HydraConfig.get().overrides.task}
    if "run" not in said and not job_of_sweep() and _is_of_a_run(checkpoint):
        _stay(cfg, checkpoint.resolve().parent, said)
    if cfg.run is None:
        cfg.run = carried["run"]
    if "experiment" in said:
        return  # it may set anything
    said |= {"model"} if "calibration" in said else set()
    for key, value in carried.items():
        if key == "run" or key in said:
            continue
        typed = {inner: OmegaConf.select(cfg, inner) for inner in said if inner.startswith(f"{key}.")}
        for place, setting in ({key: value} | typed).items():
            OmegaConf.update(cfg, place, setting, merge=False, force_add=True)


def _stay(cfg: DictConfig, home: Path, said: set[str]) -> None:
    """Go on in this folder, unless another is named. Raises InputError where the logs would be mixed with another
    run's."""
    usual = Path(cfg.checkpoint_dir).resolve()
    if home.parent != usual and "checkpoint_dir" not in said:
        require(
            "log_dir" in said or not (usual / home.name).exists(),
            f"ckpt_path: there is another run called {home.name} in "
            f"{cfg.checkpoint_dir}, whose logs would be written over; choose a folder for the logs of this one with "
            f"log_dir=...",
        )
        cfg.checkpoint_dir = os.path.relpath(home.parent) if home.is_relative_to(Path.cwd()) else str(home.parent)
    if home.parent == Path(cfg.checkpoint_dir).resolve():
        cfg.run = home.name


def _is_of_a_run(checkpoint: Path) -> bool:
    """Whether the file is the last one of a run, and not a copy of it."""
    return checkpoint.name == CHECKPOINT and (checkpoint.parent / STATUS).is_file()


def resume_command(folders: RunFolders) -> str | None:
    """The command that was typed, with ckpt_path pointing to this run; None where no checkpoint was written yet."""
    if not folders.last.exists():
        return None
    words = [text for text in _typed() if key_of(text) not in ("ckpt_path", "init_from", "run")]
    return shlex.join([*program(), *words, override("ckpt_path", str(folders.checkpoints))])


def _typed() -> list[str]:
    """What was typed for this run; of a job of a sweep its own overrides, and where Hydra finds the options that they
    name."""
    words, job = read_words(sys.argv[1:]), job_of_sweep()
    folder = [] if words.config_dir is None else [f"--config-dir={words.config_dir}"]
    if not job:
        return [*folder, *words.overrides]
    return [
        *folder,
        *map(typed_as, job["overrides"]),
        *(text for text in HydraConfig.get().overrides.hydra if key_of(text) == "hydra.searchpath"),
    ]


def program() -> list[str]:
    """What this process was started by, as words of a command."""
    return [*(launcher() if Tasks.current else []), *command("train")]


def reference_command(settings: Settings) -> str:
    """The command that makes the grid solution of the calibration that was typed or, of a resumed run or an experiment,
    is elsewhere."""
    typed = [
        text
        for text in _typed()
        if text.startswith(("--config-dir", "model", "calibration", "reference", "hydra.searchpath"))
    ]
    if any(key_of(text) in ("ckpt_path", "experiment") for text in _typed()):
        typed = [text for text in typed if not text.startswith(("model", "calibration"))]
        name, usual = settings.economy_name, economics.calibration(settings.economy_name)
        changed = {key: x for key, x in settings.economy.parameters().items() if x != usual.get(key)}
        typed += [typed_as(f"model={name}"), *(_setting(f"model.{key}", x) for key, x in changed.items())]
    planner = ["objective=planner"] if settings.economy.objective == "planner" else []
    return shlex.join([*command("reference"), *typed, *planner])


def _setting(key: str, value) -> str:
    return override(key, value) if isinstance(value, str) else f"{key}={json.dumps(value, separators=(',', ':'))}"
