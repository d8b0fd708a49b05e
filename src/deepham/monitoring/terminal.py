"""What a run says: to the terminal and to train.log."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rich

from deepham.presentation.saying import say
from deepham.system.disk import Disk

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
        error = sys.exception()
        assert error is not None  # logging calls this while it handles one
        self.disk.failed(self.baseFilename, error)

    def close(self) -> None:
        with self.disk.attempt(self.baseFilename):
            super().close()


@contextmanager
def quiet_lightning() -> Iterator[None]:
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
def telling(shown: bool) -> Iterator[None]:
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
def log_file(path: Path, disk: Disk) -> Iterator[None]:
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
