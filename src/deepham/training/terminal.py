"""What a run says: to the terminal, to train.log, and at its end."""

from __future__ import annotations

import io
import logging
import os
import platform
import sys
import threading
import warnings
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import rich
import rich.console
import torch

from deepham.algorithm.evaluation import VerdictSettings
from deepham.saying import say
from deepham.tables import advice, verdict_table
from deepham.training.checkpoints import RunFolders
from deepham.training.disk import Disk
from deepham.training.settings import TrainerSettings
from deepham.verdict import Row, named

log = logging.getLogger("deepham")


class _Terminal(logging.Handler):
    """Prints through rich's shared console, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))


class _File(logging.FileHandler):
    """train.log, which says once when it cannot be written."""

    def __init__(self, path: Path, disk: Disk):
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self.disk = disk

    def handleError(self, record: logging.LogRecord) -> None:
        self.disk.failed(self.baseFilename, sys.exception())

    def close(self) -> None:
        with self.disk.attempt(self.baseFilename):
            super().close()


@contextmanager
def quiet_lightning():
    """Without Lightning's hints about things that are meant to be as they are."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        threads = threading.excepthook
        threading.excepthook = _quiet_about_events
        for message in (
            ".*treespec.*",
            ".*`IterableDataset` has `__len__`.*",
            ".*does not have many workers.*",
            ".*exists and is not empty.*",
            ".*GPU available but not used.*",
            ".*`srun` command is available.*",
            ".*Please add the following callbacks.*",
        ):
            warnings.filterwarnings("ignore", message=message)
        try:
            yield
        finally:
            logger.setLevel(level)
            threading.excepthook = threads


def _quiet_about_events(failure) -> None:
    """The thread that writes TensorBoard's events hands its OSError on to the logger, which says it."""
    if not issubclass(failure.exc_type, OSError):
        threading.__excepthook__(failure)


@contextmanager
def telling(shown: bool):
    """What the run says goes to the terminal, if it is to be shown; the logger is left as it was found."""
    before, handler = (log.level, log.propagate), _Terminal()
    if shown:
        log.setLevel(logging.INFO)
        log.propagate = False
        log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before[0])
        log.propagate = before[1]


@contextmanager
def log_file(path: Path, disk: Disk):
    """What the run says goes to the terminal and to train.log."""
    handlers = [_Terminal(), _File(path, disk)]
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


def show_progress(done: int, periods: int) -> None:
    """One line that is written over, on a terminal only."""
    if rich.get_console().is_terminal:
        say(f"  period {done} of {periods}", end="\r")


def report(
    rows: list[Row], folders: RunFolders, seconds: dict[str, float], verdict: VerdictSettings, unbalanced: str
) -> None:
    """The verdict, what it misses, why goods do not add up if they do not, and where everything lies."""
    text = io.StringIO()
    title = f"Verdict on {folders.name}, measured in the continuum against the {named(verdict.bars, verdict.own_bars)}"
    table = verdict_table(rows, title)
    rich.console.Console(file=text, width=100, markup=False, emoji=False).print(table)
    log.info("%s", text.getvalue().rstrip())
    missed = [row.description for row in rows if row.met is False]
    if missed:
        log.info("THE BAR IS MISSED by: %s", "; ".join(missed))
    if unbalanced:
        log.info("goods do not add up: %s", unbalanced)
    if advice(rows):
        log.info("%s", advice(rows))
    log.info("solution, checkpoint, metrics.json  %s/", folders.checkpoints)
    log.info("TensorBoard, metrics.csv, log       %s/", folders.logs)
    log.info(
        "training %.0f s, verdict %.0f s, peak memory %.0f MB", seconds["training"], seconds["verdict"], peak_memory()
    )


def peak_memory() -> float:
    """Peak resident memory of this process in MB, NaN where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def machine(hardware: str) -> dict[str, str]:
    """Hardware and versions, for a manifest."""
    versions = {name: version(name) for name in ("numpy", "lightning", "scipy")}
    return {
        "hardware": hardware,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    } | versions


def device_name(settings: TrainerSettings) -> str:
    """The card, or the processor and the threads used of it."""
    nodes = f"{settings.nodes} nodes with " * (settings.nodes > 1)
    if settings.gpus:
        return nodes + f"{settings.gpus} x " * (settings.gpus > 1) + torch.cuda.get_device_name(0)
    return nodes + cpu_name(settings.processes * settings.threads)


def cpu_name(used: int) -> str:
    try:  # Linux says there what Python's platform does not
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, ValueError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"the CPU ({model}, {used} of {os.cpu_count()} cores)"
