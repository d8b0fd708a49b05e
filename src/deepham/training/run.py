"""One run from settings to a saved solution: train, measure, judge, write."""

from __future__ import annotations

import logging
import os
import secrets
import shlex
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from deepham.algorithm.business_cycle import Moments
from deepham.economics.economy import require
from deepham.errors import InputError
from deepham.files import replace, write_json
from deepham.memory import grid_solution, require_memory
from deepham.reference.compare import GAPS
from deepham.reference.grid_solution import GridSolution
from deepham.reference.solve import no_grid
from deepham.reference.store import find, obtain
from deepham.solution import Solution
from deepham.sweeps import bar_met
from deepham.training.checkpoints import (
    CARRIED_KEYS,
    CHECKPOINT,
    STATUS,
    Carried,
    RunFolders,
    carried_by,
    check_hyperparameters,
    find_checkpoint,
    hyperparameters_of,
    read_checkpoint,
)
from deepham.training.cluster import launcher
from deepham.training.composing import key_of, override, read_words
from deepham.training.conclusion import conclude
from deepham.training.configuration import Settings, check_run_name, read
from deepham.training.fit import check_processes, check_weights, computing, fit, starting_point
from deepham.training.history import History
from deepham.training.interruption import STOPPING, Interrupted, deaf, interruptible
from deepham.training.job import job_of_sweep, name_in_sweep
from deepham.training.loggers import begin_logging, end_logging
from deepham.training.nodes import Tasks
from deepham.training.parts import instantiate_all
from deepham.training.terminal import device_name, log_file, machine, peak_memory, report, show_progress
from deepham.verdict import bars_of, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger("deepham")
STORE = "reference"  # folder of the grid solutions, beside the runs
LONGEST_HISTORY = 2000  # outer iterations that meta.json shows; metrics.csv has all


def run(cfg: DictConfig) -> float:
    """Train one economy as configured and write its folders. Returns the measure named by cfg.optimized_metric.

    Raises:
        InputError: bad input, before anything is simulated or written; as a job of a sweep it leaves its status.json.
        NotConverged: the grid solution was not found, as status.json says.
        TrainingDiverged: training found no way on, and status.json says where.
        OutOfDomain: trained, and the economy leaves its domain where it is measured, as status.json says.
        ProcessLost: one of several processes died, and status.json says how to resume.
        NotSaved: trained and measured, but not all of it could be written.
        Interrupted: a signal, with status.json saying how to resume.
    """
    began = time.perf_counter()
    try:
        prepared = _prepare(cfg)
    except InputError as error:
        _leave_status_of_job(cfg, error)
        raise
    folders = prepared.folders
    resuming = prepared.resume is not None and prepared.resume.resolve() == folders.last.resolve()
    with folders.claimed(resuming), _start_log(cfg, folders):
        try:
            with interruptible(*STOPPING):
                return _train(cfg, prepared, began)
        except Interrupted as stop:
            deaf()
            command = _resume_command(folders)
            _set_status(folders, "interrupted", signal=str(stop), resume=command)
            log.info("interrupted by %s; %s", stop, f"resume with: {command}" if command else "nothing was saved yet")
            raise
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else ""
            _set_status(folders, "failed", why=f"{type(error).__name__}: {reason}", resume=_resume_command(folders))
            raise


@dataclass(frozen=True)
class _Prepared:
    """What a run is made of, all of it checked; `resume` is the checkpoint to go on from, or None."""

    settings: Settings
    folders: RunFolders
    callbacks: list
    loggers: list
    resume: Path | None
    init: Solution | None
    reference: GridSolution | None


def _prepare(cfg: DictConfig) -> _Prepared:
    """Check everything that can be checked before anything is written. Raises InputError."""
    resume = found = None
    if cfg.get("ckpt_path") is not None:
        resume = find_checkpoint(cfg.ckpt_path, cfg.get("checkpoint_dir"), name_in_sweep(cfg.get("run")))
    if resume is not None:
        found, carried = hyperparameters_of(resume), carried_by(resume)
        _restore(cfg, found | carried, resume)
    settings = read(cfg)
    if resume is not None:
        check_hyperparameters(resume, found, settings.hyperparameters())
        check_weights(resume, settings)
        check_processes(resume, settings)
    folders = _folders(cfg, settings)
    check_run_name(folders.name)
    cfg.run = folders.name
    init = None if cfg.init_from is None or resume is not None else starting_point(str(cfg.init_from), settings)
    reference = find(settings.economy_name, settings.economy, settings.reference, folders.checkpoints.parent / STORE)
    require(
        reference is not None or cfg.solve_reference or cfg.optimized_metric not in GAPS,
        f"optimized_metric: {cfg.optimized_metric} needs the grid solution of this calibration; make it with "
        f"{_reference_command(settings.economy.objective)}, or let the run make it with solve_reference=true",
    )
    if reference is None and cfg.solve_reference:
        require_memory(grid_solution(settings.economy, settings.reference))
    callbacks, loggers = instantiate_all("callbacks", cfg.callbacks), instantiate_all("logger", cfg.logger)
    for callback in callbacks:
        if hasattr(callback, "check"):
            callback.check(callbacks)
    return _Prepared(settings, folders, callbacks, loggers, resume, init, reference)


@contextmanager
def _start_log(cfg: DictConfig, folders: RunFolders):
    """The first files of a run, while a folder that cannot be written in is still bad input."""
    with ExitStack() as stack:
        try:
            folders.set_status("running")
            replace(folders.logs / "config.yaml", OmegaConf.to_yaml(cfg, resolve=True).encode())
            stack.enter_context(log_file(folders.logs / "train.log", folders.disk))
        except OSError as error:
            raise InputError(
                f"run: cannot write in {folders.checkpoints} and {folders.logs}: {error.strerror}; choose other "
                "folders with checkpoint_dir=... and log_dir=..."
            ) from error
        yield


def _train(cfg: DictConfig, run: _Prepared, began: float) -> float:
    settings, folders, disk = run.settings, run.folders, run.folders.disk
    job = job_of_sweep()
    # the configurations of a sweep's jobs would hide what they say
    log.info(
        "%s",
        f"job {job['job']}: {' '.join(job['overrides'])}" if job else OmegaConf.to_yaml(cfg, resolve=True).rstrip(),
    )
    log.info("run %s: %s on %s", folders.name, settings.economy_name, device_name(settings.trainer))
    done = None if run.resume is None else read_checkpoint(run.resume)["updates"] // settings.algorithm.policy_steps
    begin_logging(run.loggers, disk, OmegaConf.to_yaml(cfg, resolve=True), done)
    solving = time.perf_counter()
    reference = run.reference
    if reference is None and cfg.solve_reference:
        reference = _solve_reference(settings, folders)
    solved = time.perf_counter() - solving
    for callback in run.callbacks:
        if hasattr(callback, "reference"):
            callback.reference = reference
        if hasattr(callback, "folders"):
            callback.folders = folders
    history = History(folders.logs / "metrics.csv", disk)
    carried = Carried({key: OmegaConf.to_container(cfg, resolve=True)[key] for key in CARRIED_KEYS})
    module, data = fit(settings, [*run.callbacks, history, carried], run.loggers, folders, run.resume, run.init)
    trained = time.perf_counter()
    stopped = next((callback.stopped for callback in run.callbacks if getattr(callback, "stopped", None)), None)
    if stopped:
        log.info("training stopped early, after outer iteration %d of %d: %s", *stopped.values())
    log.info("training took %.0f s; measuring in the continuum ...", trained - began - solved)
    with computing(settings.trainer):
        end = conclude(settings, module, data, reference, show_progress)
    if reference is None:
        log.info(
            "no grid solution of this calibration is stored to compare with; %s",
            no_grid(settings.economy)
            or f"make it with: {_reference_command(settings.economy.objective)}, or let a run make it with "
            "solve_reference=true",
        )
    seconds = {
        "training": trained - began - solved,
        "verdict": time.perf_counter() - trained,
        "total": time.perf_counter() - began,
    } | ({"reference": solved} if reference is not run.reference else {})
    economy, bars = settings.economy, bars_of(settings.verdict.bars, settings.verdict.own_bars)
    rows = judge(end.measures, bars, end.beside, end.errors, economy)
    missed = [row.measure for row in rows if row.met is False]
    end.solution.meta["history"] = {
        name: [None if x is None else float(f"{x:.6g}") for x in column]
        for name, column in history.columns(LONGEST_HISTORY).items()
    }
    end.solution.meta["made_by"] = {
        "command": shlex.join([*_program(), *sys.argv[1:]]),
        "seconds": seconds,
        "peak_memory_mb": peak_memory(),
    } | machine(device_name(settings.trainer))
    metrics = folders.checkpoints / "metrics.json"
    with disk.attempt(str(folders.checkpoints), "free some space and resume: last.ckpt is all it takes"):
        end.solution.save(folders.checkpoints, overwrite=True)
    with disk.attempt(str(metrics)):
        write_json(
            metrics,
            {
                "run": folders.name,
                "measures": end.measures,
                "standard_errors": end.errors,
                "reference": end.beside,
                "cycle": _by_name(end.cycle),
                "cycle_reference": end.cycle_beside and _by_name(end.cycle_beside),
                "bars": settings.verdict.bars,
                "bar_met": bar_met(rows),
                "missed": missed,
                "unbalanced": economy.unbalanced(),
                "stopped_early": stopped,
                "retreats": module.retreats,
                "seconds": seconds,
                "peak_memory_mb": peak_memory(),
                "verdict": [vars(row) for row in rows],
                "verdict_settings": asdict(settings.verdict),
            },
        )
        if module.updates // settings.algorithm.policy_steps != done:
            (folders.checkpoints / "evaluation.json").unlink(missing_ok=True)  # of the networks before
    figures = end.figures() if cfg.figures else {}  # what is only shown comes after what is kept
    if figures:
        _keep_figures(figures, folders)
    end_logging(run.loggers, rows, figures, len(history.rows))
    report(rows, folders, seconds, settings.verdict, economy.unbalanced())
    disk.check(folders.checkpoints, metrics, folders.last, history.path)
    _set_status(folders, "finished", bar_met=bar_met(rows), stopped_early=stopped)
    disk.check(folders.status)
    return end.measures[cfg.optimized_metric]


def _by_name(cycle: list[Moments]) -> dict[str, dict]:
    return {one.name: asdict(one) for one in cycle}


def _solve_reference(settings: Settings, folders: RunFolders) -> GridSolution:
    """On the grid, and stored for the runs to come. Raises InputError where that cannot be, and NotConverged."""

    def progress(iteration: int, change: float, mean_K: float) -> None:
        log.info(
            "grid solution, iteration %d: law of motion moves by %.1e, mean assets %.4f", iteration, change, mean_K
        )

    store = folders.checkpoints.parent / STORE
    try:
        with computing(settings.trainer):
            return obtain(settings.economy_name, settings.economy, settings.reference, store, progress=progress)
    except OSError as error:
        raise InputError(
            f"solve_reference: cannot write in {store}: {error.strerror}; choose another folder with checkpoint_dir=..."
        ) from error


def _keep_figures(figures: dict[str, Figure], folders: RunFolders) -> None:
    """As files in the run's report."""
    from deepham.figures import save_figures  # matplotlib, for runs that draw

    home = folders.logs / "report"
    with folders.disk.attempt(str(home)):
        save_figures(figures, home, ("png",))


# -- folders and the command line -----------------------------------------------------------------------------


def _folders(cfg: DictConfig, settings: Settings) -> RunFolders:
    checkpoint_dir, log_dir = Path(cfg.checkpoint_dir), Path(cfg.log_dir)
    if cfg.run is not None:
        name = cfg.run
    else:
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        unique = secrets.token_hex(3)
        name = f"{settings.economy_name}-{settings.algorithm.name}-seed{settings.seed}-{stamp}-{unique}"
    name = name_in_sweep(name)
    return RunFolders(name, checkpoint_dir / name, log_dir / name, job_of_sweep())


def _leave_status_of_job(cfg: DictConfig, error: InputError) -> None:
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
    _set_status(folders, "failed", why=str(error), resume=None)


def _set_status(folders: RunFolders, state: str, **details) -> None:
    with folders.disk.attempt(str(folders.status)):
        folders.set_status(state, **details)


def _restore(cfg: DictConfig, carried: dict, checkpoint: Path) -> None:
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


def _resume_command(folders: RunFolders) -> str | None:
    """The command that was typed, with ckpt_path pointing to this run; None where no checkpoint was written yet."""
    if not folders.last.exists():
        return None
    words = [text for text in _typed() if key_of(text) not in ("ckpt_path", "init_from", "run")]
    return shlex.join([*_program(), *words, override("ckpt_path", str(folders.checkpoints))])


def _typed() -> list[str]:
    """What was typed for this run; of a job of a sweep its own overrides, and where Hydra finds the options that they
    name."""
    words, job = read_words(sys.argv[1:]), job_of_sweep()
    folder = [] if words.config_dir is None else [f"--config-dir={words.config_dir}"]
    if not job:
        return [*folder, *words.overrides]
    return [
        *folder,
        *job["overrides"],
        *(text for text in HydraConfig.get().overrides.hydra if key_of(text) == "hydra.searchpath"),
    ]


def _program() -> list[str]:
    return [
        *(launcher() if Tasks.current else []),
        *(["python", "scripts/train.py"] if sys.argv[0].endswith(".py") else ["deepham-train"]),
    ]


def _reference_command(objective: str) -> str:
    """The command that makes the grid solution of the calibration that was typed."""
    typed = [
        text
        for text in _typed()
        if text.startswith(("--config-dir", "model", "calibration", "reference", "hydra.searchpath"))
    ]
    planner = ["objective=planner"] if objective == "planner" else []
    return shlex.join(["python", "scripts/reference.py", *typed, *planner])
