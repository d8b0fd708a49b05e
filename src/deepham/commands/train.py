"""One run from settings to a saved solution: train, measure, judge, write."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from deepham.callbacks.history import History
from deepham.commands.closing import metrics_of, origin, say_results
from deepham.commands.conclusion import conclude
from deepham.commands.configuration import check_run_name, read
from deepham.commands.instantiate import instantiate_all
from deepham.commands.resuming import (
    folders_of,
    leave_status_of_job,
    reference_command,
    resume_command,
    set_status,
    take_over,
)
from deepham.commands.unread import check_read
from deepham.economics.economy import require
from deepham.economics.units import other_period
from deepham.errors import InputError
from deepham.measures.verdict import bar_met, bars_of, judge
from deepham.monitoring.loggers import begin_logging, end_logging
from deepham.monitoring.terminal import log_file, show_progress
from deepham.reference.compare import GAPS
from deepham.reference.grid_solution import GridSolution
from deepham.reference.solve import no_grid, takes_long
from deepham.reference.store import find, obtain
from deepham.runs.checkpoints import (
    CARRIED_KEYS,
    Carried,
    carried_by,
    find_checkpoint,
    hyperparameters_of,
    read_checkpoint,
)
from deepham.runs.folders import RunFolders
from deepham.runs.of_a_sweep import job_of_sweep, name_in_sweep
from deepham.solution.solution import Solution
from deepham.system.files import replace, write_json
from deepham.system.interruption import STOPPING, Interrupted, deaf, interruptible
from deepham.system.memory import grid_solution, require_memory
from deepham.training.fit import check_resumable, computing, fit, starting_point
from deepham.training.roles import Begins, Checks, Stops
from deepham.training.settings import Settings, device_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger("deepham")
STORE = "reference"  # folder of the grid solutions, beside the runs


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
        leave_status_of_job(cfg, error)
        raise
    folders = prepared.folders
    resuming = prepared.resume is not None and prepared.resume.resolve() == folders.last.resolve()
    with folders.claimed(resuming), _start_log(cfg, folders):
        try:
            with interruptible(*STOPPING):
                return _train(cfg, prepared, began)
        except Interrupted as stop:
            deaf()
            command = resume_command(folders)
            set_status(folders, "interrupted", signal=str(stop), resume=command)
            log.info("interrupted by %s; %s", stop, f"resume with: {command}" if command else "nothing was saved yet")
            raise
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else ""
            set_status(folders, "failed", why=f"{type(error).__name__}: {reason}", resume=resume_command(folders))
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
        run = cfg.get("run")
        named = None if run is None else name_in_sweep(run)
        resume = find_checkpoint(cfg.ckpt_path, cfg.get("checkpoint_dir"), named)
    if resume is not None:
        found, carried = hyperparameters_of(resume), carried_by(resume)
        take_over(cfg, found | carried, resume)
    settings = read(cfg)
    check_read(settings.algorithm.steps_by, HydraConfig.get().overrides.task)
    if resume is not None:
        check_resumable(resume, settings)
    folders = folders_of(cfg, settings)
    check_run_name(folders.name)
    cfg.run = folders.name
    init = None if cfg.init_from is None or resume is not None else starting_point(str(cfg.init_from), settings)
    reference = find(settings.economy_name, settings.economy, settings.reference, folders.checkpoints.parent / STORE)
    require(
        reference is not None or cfg.solve_reference or cfg.optimized_metric not in GAPS,
        f"optimized_metric: {cfg.optimized_metric} needs the grid solution of this calibration; make it with "
        f"{reference_command(settings)}, or let the run make it with solve_reference=true",
    )
    if reference is None and cfg.solve_reference:
        require_memory(grid_solution(settings.economy, settings.reference))
    callbacks, loggers = instantiate_all("callbacks", cfg.callbacks), instantiate_all("logger", cfg.logger)
    for callback in callbacks:
        if isinstance(callback, Checks):
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
    done = _announce(cfg, run)
    solving = time.perf_counter()
    reference = run.reference
    if reference is None and cfg.solve_reference:
        reference = _solve_reference(settings, folders)
    on_grid = time.perf_counter() - solving  # seconds
    for callback in run.callbacks:
        if isinstance(callback, Begins):
            callback.begin(folders, reference)
    table, whole = folders.logs / "metrics.csv", OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(whole, dict)
    history, carried = History(table, disk), Carried({key: whole[key] for key in CARRIED_KEYS})
    module, data = fit(settings, [history, *run.callbacks, carried], run.loggers, folders, run.resume, run.init)
    trained = time.perf_counter()
    stopped = next((each.stopped for each in run.callbacks if isinstance(each, Stops) and each.stopped), None)
    if stopped:
        log.info("training stopped early, after outer iteration %d of %d: %s", *stopped.values())
    log.info("training took %.0f s; measuring in the continuum ...", trained - began - on_grid)
    with computing(settings.trainer):
        end = conclude(settings, module, data, reference, show_progress)
    if reference is None:
        log.info(
            "no grid solution of this calibration is stored to compare with: the verdict rests on the errors in its "
            "equations alone; %s",
            no_grid(settings.economy) or _how_to_compare(settings),
        )
    seconds = {
        "training": trained - began - on_grid,
        "verdict": time.perf_counter() - trained,
        "total": time.perf_counter() - began,
    } | ({"reference": on_grid} if reference is not run.reference else {})
    economy, bars = settings.economy, bars_of(settings.verdict.bars, settings.verdict.own_bars)
    rows = judge(end.measures, bars, end.beside, end.errors, economy)
    end.solution.meta |= origin(history, seconds, settings)
    metrics, went = folders.checkpoints / "metrics.json", {"stopped_early": stopped, "retreats": module.retreats}
    with disk.attempt(str(folders.checkpoints), "free some space and resume: last.ckpt is all it takes"):
        end.solution.save(folders.checkpoints, overwrite=True)
    with disk.attempt(str(metrics)):
        write_json(metrics, metrics_of(settings, folders, end, rows, seconds, went))
        if module.updates // settings.algorithm.policy_steps != done:
            (folders.checkpoints / "evaluation.json").unlink(missing_ok=True)  # of the networks before
    say_results(rows, folders, seconds, settings.verdict, economy.unbalanced())
    figures = end.figures() if cfg.figures else {}  # what is only shown comes after what is kept, and said
    if figures:
        _keep_figures(figures, folders)
    end_logging(run.loggers, rows, figures, len(history.rows))
    disk.check(folders.checkpoints, metrics, folders.last, table)
    set_status(folders, "finished", bar_met=bar_met(rows), stopped_early=stopped)
    disk.check(folders.status)
    return end.measures[cfg.optimized_metric]


def _announce(cfg: DictConfig, run: _Prepared) -> int | None:
    """Say what the run is, in the log and to the loggers. Returns the outer iterations that a resumed run has done."""
    settings, folders = run.settings, run.folders
    job = job_of_sweep()
    # the configurations of a sweep's jobs would hide what they say
    log.info(
        "%s",
        f"job {job['job']}: {' '.join(job['overrides'])}" if job else OmegaConf.to_yaml(cfg, resolve=True).rstrip(),
    )
    period, where = settings.economy.period, device_name(settings.trainer)
    log.info("run %s: %s, a %s per period, on %s", folders.name, settings.economy_name, period, where)
    if doubt := other_period(settings.economy):
        log.warning("%s", doubt)
    done = None if run.resume is None else read_checkpoint(run.resume)["updates"] // settings.algorithm.policy_steps
    begin_logging(run.loggers, folders.disk, OmegaConf.to_yaml(cfg, resolve=True), done)
    return done


def _how_to_compare(settings: Settings) -> str:
    long = takes_long(settings.economy, settings.reference)
    how = f"make it with: {reference_command(settings)}, or let a run make it with solve_reference=true"
    return how if long is None else f"{long}; {how}"


def _solve_reference(settings: Settings, folders: RunFolders) -> GridSolution:
    """On the grid, and stored for the runs to come. Raises InputError where that cannot be, and NotConverged."""

    name = settings.economy.tracked

    def progress(iteration: int, change: float, mean_K: float) -> None:
        log.info("grid solution, iteration %d: moves by %.1e, mean of %s %.4f", iteration, change, name, mean_K)

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
    from deepham.presentation.figures import save_figures  # matplotlib, for runs that draw

    home = folders.logs / "report"
    with folders.disk.attempt(str(home)):
        save_figures(figures, home, ("png",))
