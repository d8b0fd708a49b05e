"""One run from settings to a saved solution: train, measure, judge, write."""

from __future__ import annotations

import logging
import random
import re
import shlex
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import lightning
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger
from matplotlib.figure import Figure
from omegaconf import DictConfig, OmegaConf

from deepham.economics.economy import require
from deepham.errors import InputError
from deepham.figures import save_figures
from deepham.loading import load
from deepham.reference.compare import GAPS
from deepham.reference.solve import Reference
from deepham.reference.store import find
from deepham.solution import Solution
from deepham.training.checkpoints import (
    LastCheckpoint,
    RunFolders,
    check_hyperparameters,
    find_checkpoint,
    read_hyperparameters,
    write_json,
)
from deepham.training.conclusion import conclude
from deepham.training.configuration import Settings, check_run_name, read
from deepham.training.data import PanelData
from deepham.training.history import History
from deepham.training.module import DeepHAM
from deepham.training.terminal import (
    device_name,
    log_file,
    machine,
    peak_memory,
    quiet_lightning,
    report,
    show_progress,
)
from deepham.verdict import judge

log = logging.getLogger("deepham")


class Interrupted(BaseException):
    """SIGINT or SIGTERM reached a run; its last complete outer iteration is saved."""

    def __init__(self, signum: int):
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


def run(cfg: DictConfig) -> float:
    """Train one economy as configured and write its folders. Returns the measure named by cfg.optimized_metric.

    Raises:
        InputError: bad input, before anything is simulated or written.
        Interrupted: on SIGINT or SIGTERM, with status.json saying how to resume.
    """
    began = time.perf_counter()
    resume = found = None
    if cfg.get("ckpt_path") is not None:
        resume = find_checkpoint(str(cfg.ckpt_path), Path(cfg.checkpoint_dir))
        found = read_hyperparameters(resume)
        _restore(cfg, found, resume)
    settings = read(cfg)
    if resume is not None:
        check_hyperparameters(resume, found, settings.hyperparameters())
    folders = _folders(cfg, settings, resume)
    check_run_name(folders.name)
    cfg.run = folders.name
    init = None if cfg.init_from is None else starting_point(str(cfg.init_from), settings)
    reference = find(settings.economy_name, settings.economy, settings.reference, folders.checkpoints.parent / "reference")
    require(reference is not None or cfg.optimized_metric not in GAPS,
            f"optimized_metric: {cfg.optimized_metric} needs the grid solution of this calibration; make it with "
            f"{_reference_command()}")
    callbacks, loggers = instantiate_all("callbacks", cfg.callbacks), instantiate_all("logger", cfg.logger)
    folders.create(resuming=resume is not None and resume.resolve() == folders.last.resolve())
    folders.set_status("running")
    with log_file(folders.logs / "train.log"):
        try:
            with _signals():
                return _train(cfg, settings, folders, callbacks, loggers, resume, init, reference, began)
        except Interrupted as stop:
            command = _resume_command(folders)
            folders.set_status("interrupted", signal=str(stop), resume=command)
            log.info("interrupted by %s; %s", stop, f"resume with: {command}" if command else "nothing was saved yet")
            raise
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else ""
            folders.set_status("failed", why=f"{type(error).__name__}: {reason}", resume=_resume_command(folders))
            raise


def _train(
    cfg: DictConfig, settings: Settings, folders: RunFolders, callbacks: list, loggers: list, resume: Path | None,
    init: Solution | None, reference: Reference | None, began: float,
) -> float:
    plain = OmegaConf.to_container(cfg, resolve=True)
    OmegaConf.save(OmegaConf.create(plain), folders.logs / "config.yaml")
    log.info("%s", OmegaConf.to_yaml(OmegaConf.create(plain)).rstrip())
    log.info("run %s: %s on %s", folders.name, settings.economy_name, device_name(settings.trainer))
    history = History(folders.logs / "metrics.csv")
    callbacks = [*callbacks, history, LastCheckpoint(folders.checkpoints)]
    module, data = fit(settings, callbacks, loggers, resume, init)
    trained = time.perf_counter()
    log.info("training took %.0f s; measuring in the continuum ...", trained - began)
    with _threads(settings.trainer.threads):
        end = conclude(settings, module, data, reference, show_progress)
    if reference is None:
        log.info("no grid solution of this calibration is stored to compare with; make it with: %s", _reference_command())
    if cfg.figures:
        _keep_figures(end.figures(), folders, loggers, settings.algorithm.outer_iterations)
    seconds = {"training": trained - began, "verdict": time.perf_counter() - trained,
               "total": time.perf_counter() - began}
    rows = judge(end.measures, end.beside)
    end.solution.meta["history"] = {name: [None if x is None else float(f"{x:.6g}") for x in column]
                                    for name, column in history.columns().items()}
    end.solution.meta["made_by"] = {"command": shlex.join([*_program(), *sys.argv[1:]]), "seconds": seconds,
                                    "peak_memory_mb": peak_memory()} | machine(device_name(settings.trainer))
    end.solution.save(folders.checkpoints, overwrite=True)
    missed = [row.measure for row in rows if row.met is False]
    write_json(folders.checkpoints / "metrics.json", {
        "run": folders.name, "measures": end.measures, "reference": end.beside, "bar_met": not missed, "missed": missed,
        "seconds": seconds, "peak_memory_mb": peak_memory(), "verdict": [vars(row) for row in rows]})
    report(rows, folders, seconds)
    folders.set_status("finished", bar_met=not missed)
    return end.measures[cfg.optimized_metric]


def fit(
    settings: Settings, callbacks: list, loggers: list, resume: Path | None, init: Solution | None = None
) -> tuple[DeepHAM, PanelData]:
    """Train the networks, from those of `init` where it is given. The caller's global random state is left as found."""
    module = DeepHAM(**settings.hyperparameters())
    if init is not None:
        module.start_from(init)
    data = PanelData(settings.algorithm, settings.seed, init and init.ergodic)
    with quiet_lightning(), _threads(settings.trainer.threads):
        _trainer(settings, callbacks, loggers).fit(
            module, datamodule=data, ckpt_path=resume, weights_only=True if resume else None)
    return module, data


def starting_point(path: str, settings: Settings) -> Solution:
    """The solution that init_from names.

    Raises:
        InputError: none there, of another economy, or of other networks.
    """
    solution = load(path)
    require(solution.name == settings.economy_name,
            f"init_from: {path} is a solution of {solution.name}, this run is of {settings.economy_name}")
    for key, value in asdict(settings.network).items():
        require(key == "name" or solution.network[key] == value,
                f"init_from: {path} has network.{key}={solution.network[key]}, this run has {value}; set network.{key}="
                f"{solution.network[key]}")
    chain = settings.economy.chain
    require((solution.economy.chain.n_z, solution.economy.chain.n_eps) == (chain.n_z, chain.n_eps),
            f"init_from: {path} has another number of states than this run")
    return solution


def _trainer(settings: Settings, callbacks: list, loggers: list) -> lightning.Trainer:
    return lightning.Trainer(
        accelerator="gpu" if settings.trainer.gpus else "cpu",
        devices=settings.trainer.gpus or 1,
        max_epochs=settings.algorithm.outer_iterations,
        callbacks=callbacks,
        logger=loggers or False,
        enable_checkpointing=any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
        enable_progress_bar=False,
        log_every_n_steps=1,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def _keep_figures(figures: dict[str, Figure], folders: RunFolders, loggers: list[Logger], step: int) -> None:
    """As files in the run's report, and in TensorBoard."""
    save_figures(figures, folders.logs / "report", ("png",))
    for logger in loggers:
        if hasattr(logger.experiment, "add_figure"):
            for name, figure in figures.items():
                logger.experiment.add_figure(f"verdict/{name}", figure, step)
            logger.experiment.flush()


# -- folders, signals and the terminal ---------------------------------------------------------------------------


def _folders(cfg: DictConfig, settings: Settings, resume: Path | None) -> RunFolders:
    checkpoint_dir, log_dir = Path(cfg.checkpoint_dir), Path(cfg.log_dir)
    if cfg.run is not None:
        name = cfg.run
    elif resume is not None and resume.resolve().parent.parent == checkpoint_dir.resolve():
        name = resume.resolve().parent.name
    else:
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        unique = f"{random.SystemRandom().randrange(16**4):04x}"
        name = f"{settings.economy_name}-{settings.algorithm.name}-seed{settings.seed}-{stamp}-{unique}"
    if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
        name = f"{Path(HydraConfig.get().sweep.dir).name}-{HydraConfig.get().job.num}-{name}"
    return RunFolders(name, checkpoint_dir / name, log_dir / name)


@contextmanager
def _signals():
    """Turn SIGINT and SIGTERM into Interrupted, so that a run can say how to resume."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum, frame):
        raise Interrupted(signum)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _restore(cfg: DictConfig, hyperparameters: dict, checkpoint: Path) -> None:
    """Take what the command line does not mention from the checkpoint and, for the verdict, from its run's log."""
    said = {re.split("[.=@]", text.lstrip("+~"))[0] for text in HydraConfig.get().overrides.task}
    if "experiment" in said:
        return  # it may set anything
    log_config = Path(cfg.log_dir) / checkpoint.resolve().parent.name / "config.yaml"
    if log_config.is_file():
        verdict = OmegaConf.to_container(OmegaConf.load(log_config), resolve=False).get("verdict")
        hyperparameters = hyperparameters | ({"verdict": verdict} if isinstance(verdict, dict) else {})
    for key, value in hyperparameters.items():
        if key not in said:
            OmegaConf.update(cfg, key, value, merge=False, force_add=True)


def _resume_command(folders: RunFolders) -> str | None:
    """The command that was typed, with ckpt_path pointing to this run; None where no checkpoint was written yet."""
    if not folders.last.exists():
        return None
    overrides = [argument for argument in sys.argv[1:] if argument not in ("-m", "--multirun")]
    if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
        overrides = [str(text) for text in HydraConfig.get().overrides.task]
    overrides = [text for text in overrides if not text.startswith(("ckpt_path=", "init_from=", "run="))]
    return shlex.join([*_program(), *overrides, f"ckpt_path={folders.checkpoints}"])


def _program() -> list[str]:
    return ["python", "scripts/train.py"] if sys.argv[0].endswith(".py") else ["deepham-train"]


def instantiate_all(group: str, cfg: DictConfig | dict | None) -> list:
    """The callbacks or loggers of a checked group that are not switched off. Raises InputError for wrong arguments."""
    try:
        built = [instantiate(part) for part in (cfg or {}).values() if part is not None]
    except InstantiationException as error:
        reason = error.__cause__ if isinstance(error.__cause__, InputError) else error
        raise InputError(f"{group}: {' '.join(str(reason).splitlines()[:2])}") from error
    expected = lightning.Callback if group == "callbacks" else Logger
    for part in built:
        require(isinstance(part, expected), f"{group}: expected a {expected.__name__} of Lightning, got {part!r}")
    return built


@contextmanager
def _threads(number: int):
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _reference_command() -> str:
    """The command that makes the grid solution of the calibration that was typed."""
    typed = [text for text in sys.argv[1:] if text.startswith(("model", "reference"))]
    return shlex.join(["python", "scripts/reference.py", *typed])
