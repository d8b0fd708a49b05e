"""The other processes of a run on one machine: torch.multiprocessing starts them and says how one of them has ended.

What is here beside it keeps promises of docs/reliability.md: they end with the process that was started, whatever ends
it, be it killed before they are connected (`_end_with_the_first`); they hear no signal that it decides about, from
their first thread on (`_signals_kept_from_children`, `settle`); if one of them dies the run stops with a line that
names it (`_lost`); and the environment of the caller is left as found.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from unittest.mock import patch

import torch.distributed
from torch.multiprocessing.spawn import ProcessContext, ProcessException, ProcessExitedException, start_processes

from deepham.errors import ProcessLost, one_line, require
from deepham.system.allocator import keep_freed_memory
from deepham.system.interruption import STOPPING, deaf
from deepham.system.ranks import Disconnected, Ranks

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

LOOPBACK = {"linux": "lo", "darwin": "lo0"}  # the connection neither leaves the machine nor breaks with its network
PATIENCE = 5.0  # seconds until it is clear which process has ended, where a connection broke
GRACE = 0.1  # seconds between what ends a process politely, to which ours are deaf, and what ends it

logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)  # that the others end, too, is no news


@contextmanager
def started(number: int) -> Iterator[Ranks]:
    """This process, rank 0, and number - 1 more that do what it hands out by `Ranks.broadcast`; they are started
    here and end with the block.

    Raises:
        ProcessLost: one of them ended by itself.
        InputError: this process belongs to others already.
    """
    require(
        not torch.distributed.is_initialized(),
        f"trainer: {number} processes cannot be started from a process that uses "
        "torch.distributed itself; train in one that does not",
    )
    interface = {"GLOO_SOCKET_IFNAME": LOOPBACK[sys.platform]} if sys.platform in LOOPBACK else {}
    workers, ranks = ProcessContext([], []), Ranks(0, number)
    with TemporaryDirectory(prefix="deepham-") as home:
        place = os.path.join(home, "store")
        try:
            with patch.dict(os.environ, interface), _signals_kept_from_children():
                begun = start_processes(_work_beside, (number, place), number - 1, join=False, start_method="spawn")
            assert begun is not None  # None is what one gets that waits for them
            workers = begun
            with patch.dict(os.environ, interface):
                ranks.join(_store(place, number), partial(workers.join, 0, GRACE))
            yield ranks
        except (Disconnected, ProcessException) as error:
            lost = _lost(workers, error, number)
            if lost is None:
                raise
            raise lost from error
        finally:
            for process in workers.processes:  # they hold nothing that this process has not
                process.kill()
                process.join()
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()


def _lost(workers: ProcessContext, error: Exception, number: int) -> ProcessLost | None:
    """The error that names the process that has ended; None where all are there."""
    until = time.monotonic() + PATIENCE
    try:
        while isinstance(error, Disconnected) and time.monotonic() < until and not workers.join(GRACE, GRACE):
            pass
    except ProcessException as found:
        error = found
    if not isinstance(error, ProcessException):
        return None
    how = f"ended with exit code 1 ({one_line(str(error).strip().splitlines()[-1])[:300]})"
    if isinstance(error, ProcessExitedException):
        how = f"was ended by {error.signal_name}" if error.signal_name else f"ended with exit code {error.exit_code}"
        how += ", as where the memory is full" if error.signal_name == "SIGKILL" else ""
    return ProcessLost(f"process {error.error_index + 2} of {number} {how}; training cannot go on without it")


@contextmanager
def _signals_kept_from_children() -> Iterator[None]:
    """Processes that are started inside this block hear none of STOPPING from their first thread on: the threads that a
    library starts when it is imported would hear them for the process."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # whose start would let two of them through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work_beside(index: int, size: int, place: str) -> None:
    """What a process does that rank 0 has started; it lives as long as that, even where that is killed."""
    settle()
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    sys.stdout = sys.stderr = open(os.devnull, "w")  # rank 0 says everything
    ranks = Ranks(index + 1, size, index + 1)
    with suppress(Disconnected):  # by one that was killed, and that rank 0 is to name
        ranks.join(_store(place, size))
        serve(ranks)


def _store(place: str, size: int) -> Store:
    return torch.distributed.FileStore(place, size)  # pyright: ignore[reportPrivateImportUsage]  # not in the stub


def _end_with_the_first() -> None:
    first = multiprocessing.parent_process()
    assert first is not None
    first.join()
    os._exit(0)


def settle() -> None:
    """Make this process one that rank 0 decides about."""
    keep_freed_memory()
    deaf()  # a terminal or a cluster sends its signals to all processes
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)  # Lightning would hear SIGTERM again


def serve(ranks: Ranks) -> None:
    """Do what rank 0 hands out, one after the other, until this process is ended: each is a function of the Ranks.
    Raises Disconnected."""
    while True:
        ranks.broadcast()(ranks)
