"""One run from settings to a saved solution: train, measure, judge, write."""

from __future__ import annotations

import io
import logging
import os
import platform
import random
import re
import shlex
import signal
import sys
import threading
import time
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import lightning
import rich
import rich.console
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf

from deepham.algorithm.evaluation import distribution_measures, measure
from deepham.training.history import History
from deepham.economics.economy import require
from deepham.errors import InputError
from deepham.figures import wealth_and_policy
from deepham.reference.compare import GAPS, measure_against
from deepham.reference.solve import Reference
from deepham.reference.store import find
from deepham.simulation.population import Population
from deepham.solution import Solution
from deepham.tables import verdict_table
from deepham.training.checkpoints import (
    LastCheckpoint,
    RunFolders,
    check_hyperparameters,
    find_checkpoint,
    read_hyperparameters,
    write_json,
)
from deepham.training.configuration import Settings, check_run_name, read
from deepham.training.data import PanelData
from deepham.training.module import DeepHAM
from deepham.verdict import Row, judge

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
    reference = find(settings.economy_name, settings.economy, settings.reference, folders.checkpoints.parent / "reference")
    require(reference is not None or cfg.optimized_metric not in GAPS,
            f"optimized_metric: {cfg.optimized_metric} needs the grid solution of this calibration; make it with "
            f"{_reference_command()}")
    callbacks, loggers = instantiate_all("callbacks", cfg.callbacks), instantiate_all("logger", cfg.logger)
    folders.create(resuming=resume is not None and resume.resolve() == folders.last.resolve())
    folders.set_status("running")
    with _log_file(folders.logs / "train.log"):
        try:
            with _signals():
                return _train(cfg, settings, folders, callbacks, loggers, resume, reference, began)
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
    reference: Reference | None, began: float,
) -> float:
    plain = OmegaConf.to_container(cfg, resolve=True)
    OmegaConf.save(OmegaConf.create(plain), folders.logs / "config.yaml")
    log.info("%s", OmegaConf.to_yaml(OmegaConf.create(plain)).rstrip())
    log.info("run %s: %s on %s", folders.name, settings.economy_name, _device_name(settings))
    callbacks = [*callbacks, History(folders.logs / "metrics.csv"), LastCheckpoint(folders.checkpoints)]
    module, data = fit(settings, callbacks, loggers, resume)
    trained = time.perf_counter()
    log.info("training took %.0f s; measuring in the continuum ...", trained - began)
    with _threads(settings.trainer.threads):
        solution, measures, beside = conclude(settings, module, data, reference, _show_progress)
    seconds = {"training": trained - began, "verdict": time.perf_counter() - trained,
               "total": time.perf_counter() - began}
    rows = judge(measures, beside)
    if reference is None:
        log.info("no grid solution of this calibration is stored to compare with; make it with: %s", _reference_command())
    solution.save(folders.checkpoints, overwrite=True)
    missed = [row.measure for row in rows if row.met is False]
    write_json(folders.checkpoints / "metrics.json", {
        "run": folders.name, "measures": measures, "reference": beside, "bar_met": not missed, "missed": missed, "seconds": seconds,
        "peak_memory_mb": _peak_memory(), "verdict": [vars(row) for row in rows]})
    wealth_and_policy(solution).savefig(folders.logs / "solution.png", dpi=150)
    _report(rows, folders, seconds)
    folders.set_status("finished", bar_met=not missed)
    return measures[cfg.optimized_metric]


def fit(settings: Settings, callbacks: list, loggers: list, resume: Path | None) -> tuple[DeepHAM, PanelData]:
    """Train the networks. The caller's global random state is left as found."""
    module = DeepHAM(**settings.hyperparameters())
    data = PanelData(settings.algorithm, settings.seed)
    with _quiet_lightning(), _threads(settings.trainer.threads):
        _trainer(settings, callbacks, loggers).fit(
            module, datamodule=data, ckpt_path=resume, weights_only=True if resume else None)
    return module, data


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


def conclude(
    settings: Settings, module: DeepHAM, data: PanelData, reference: Reference | None, progress=None
) -> tuple[Solution, dict[str, float], dict[str, float] | None]:
    """The averaged networks as a solution with its ergodic cross-sections, its measures in the continuum, and the
    reference's moments on the same shocks, where there is a reference.
    """
    device = data.stream.generator.device
    economy = settings.economy.to(device=device)  # float64: errors are measured more finely than they are trained
    policy, value = module.policy_average.double().to(device), module.value_average.double().to(device)
    if reference is None:
        beside = None
        population = data.stream.panel.population
        start = Population(population.k.double(), population.eps, population.weight.double())
        ergodic, measures = measure(economy, policy, value, start, settings.verdict, settings.seed, progress)
    else:
        ergodic, truth, measures = measure_against(
            economy, policy, value, reference.to(device), settings.verdict, settings.seed, progress)
        beside = distribution_measures(truth)
    plain = settings.hyperparameters()
    calibration = {key: parameter for key, parameter in plain["model"].items() if key != "name"}
    meta = {"seed": settings.seed, "algorithm": plain["algorithm"], "measures": measures,
            "created": datetime.now(UTC).isoformat(timespec="seconds")}
    solution = Solution(settings.economy_name, calibration, plain["network"], policy.float().cpu(),
                        value.float().cpu(), ergodic.grid.cpu(), ergodic.mean_mass.cpu(), meta)
    return solution, measures, beside


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
    overrides = [argument for argument in sys.argv[1:]
                 if not argument.startswith(("ckpt_path=", "run=")) and argument not in ("-m", "--multirun")]
    if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
        overrides = [str(text) for text in HydraConfig.get().overrides.task if not str(text).startswith("run=")]
    program = ["python", "scripts/train.py"] if sys.argv[0].endswith(".py") else ["deepham-train"]
    return shlex.join([*program, *overrides, f"ckpt_path={folders.checkpoints}"])


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


class _Terminal(logging.Handler):
    """Prints through rich's shared console, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        rich.get_console().print(self.format(record), highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _threads(number: int):
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet_lightning():
    """Without Lightning's hints about things that are meant to be as they are."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        for message in (".*treespec.*", ".*`IterableDataset` has `__len__`.*", ".*does not have many workers.*",
                        ".*exists and is not empty.*", ".*GPU available but not used.*"):
            warnings.filterwarnings("ignore", message=message)
        try:
            yield
        finally:
            logger.setLevel(level)


@contextmanager
def _log_file(path: Path):
    """What the run says goes to the terminal and to train.log."""
    handlers = [_Terminal(), logging.FileHandler(path, encoding="utf-8")]
    handlers[1].setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.setLevel(logging.INFO)
    log.propagate = False
    for handler in handlers:
        log.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()


def _reference_command() -> str:
    """The command that makes the grid solution of the calibration that was typed."""
    typed = [text for text in sys.argv[1:] if text.startswith(("model", "reference"))]
    return shlex.join(["python", "scripts/reference.py", *typed])


def _show_progress(done: int, periods: int) -> None:
    console = rich.get_console()
    if console.is_terminal:
        console.print(f"  period {done} of {periods}", end="\r")


def _report(rows: list[Row], folders: RunFolders, seconds: dict[str, float]) -> None:
    text = io.StringIO()
    table = verdict_table(rows, f"Verdict on {folders.name}, measured in the continuum")
    rich.console.Console(file=text, width=100).print(table)
    log.info("%s", text.getvalue().rstrip())
    missed = [row.description for row in rows if row.met is False]
    if missed:
        log.info("THE BAR IS MISSED by: %s", "; ".join(missed))
    log.info("solution, checkpoint, metrics.json  %s/", folders.checkpoints)
    log.info("TensorBoard, metrics.csv, log       %s/", folders.logs)
    log.info("training %.0f s, verdict %.0f s, peak memory %.0f MB",
             seconds["training"], seconds["verdict"], _peak_memory())


def _peak_memory() -> float:
    """Peak resident memory of this process in MB, NaN where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def _device_name(settings: Settings) -> str:
    if settings.trainer.gpus:
        return torch.cuda.get_device_name(0)
    return f"the CPU ({platform.processor() or platform.machine()}, {settings.trainer.threads} of {os.cpu_count()} cores)"
