"""The other processes of a run: started here, or by a cluster (nodes.py), and ended whatever happens to this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

import torch.distributed

from deepham.economics.economy import require
from deepham.errors import ProcessLost, one_line
from deepham.training.meeting import PATIENCE, await_ready, join
from deepham.training.nodes import Tasks
from deepham.training.ranks import ALONE, Disconnected, Ranks
from deepham.training.settings import TrainerSettings

LOOPBACK = {"linux": "lo", "darwin": "lo0"}  # the connection neither leaves the machine nor breaks with its network


@dataclass
class _Worker:
    process: subprocess.Popen
    said: IO[bytes]  # what it prints, errors too

    def ending(self) -> str:
        """How it ended, with the last line that it printed."""
        code = self.process.returncode
        if code < 0:
            name = signal.Signals(-code).name
            return f"was ended by {name}" + (", as where the memory is full" if name == "SIGKILL" else "")
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").split("\n")
        said = next((line for line in reversed(lines) if line.strip()), "")
        return f"ended with exit code {code}" + (f" ({one_line(said)[:300]})" if said else "")


@contextmanager
def beside(trainer: TrainerSettings) -> Iterator[Ranks]:
    """The processes that train together inside this block, as rank 0 sees them: they do what it hands out by
    Ranks.broadcast, see deepham.training.worker.

    Raises:
        ProcessLost: one of them ended by itself.
        InputError: this process belongs to others already.
    """
    if trainer.nodes > 1:
        with Tasks.current.beside() as ranks:
            yield ranks
    elif trainer.ranks > 1:
        with _started(trainer.ranks) as ranks:
            yield ranks
    else:
        yield ALONE


@contextmanager
def _started(number: int) -> Iterator[Ranks]:
    """This process and number - 1 more, which are started here and end with the block."""
    require(
        not torch.distributed.is_initialized(),
        f"trainer: {number} processes cannot be started from a process that uses "
        "torch.distributed itself; train in one that does not",
    )
    workers: list[_Worker] = []
    ranks = Ranks(0, number)
    with TemporaryDirectory(prefix="deepham-") as home:
        place = Path(home) / "store"
        try:
            for rank in range(1, number):
                workers.append(_start(rank, number, place))
            with loopback():
                store = torch.distributed.FileStore(str(place), number)
                await_ready(number, store, partial(_raise_if_lost, workers, None))
                join(ranks, store)
            yield ranks
        except Disconnected as error:
            _look_for_the_lost(workers, error)
            raise
        finally:
            # they hold nothing that this process has not
            for worker in workers:
                worker.process.kill()
                worker.process.wait()
                worker.process.stdin.close()
                worker.said.close()
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()


@contextmanager
def loopback():
    """Processes that join inside this block are on one machine."""
    before = os.environ.get("GLOO_SOCKET_IFNAME")
    if sys.platform in LOOPBACK:
        os.environ["GLOO_SOCKET_IFNAME"] = LOOPBACK[sys.platform]
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("GLOO_SOCKET_IFNAME", None)
        else:
            os.environ["GLOO_SOCKET_IFNAME"] = before


def _start(rank: int, size: int, store: Path) -> _Worker:
    said = TemporaryFile()
    # -P and this path: it finds what this process finds, and nothing that happens to lie in the current folder
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(os.path.abspath(place) for place in map(str, sys.path))}
    command = [sys.executable, "-P", "-m", "deepham.training.worker", str(rank), str(size), str(store)]
    # its standard input stays open, and ends with this process
    return _Worker(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=said, env=environment), said)


def _look_for_the_lost(workers: list[_Worker], error: Exception) -> None:
    """Raise ProcessLost if a process ends within seconds of this error."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        _raise_if_lost(workers, error)
        time.sleep(0.05)


def _raise_if_lost(workers: list[_Worker], error: Exception | None) -> None:
    lost = [
        (worker.process.returncode, index) for index, worker in enumerate(workers) if worker.process.poll() is not None
    ]
    if lost:
        # one that was killed comes first: others end since they miss it
        index = min(lost)[1]
        raise ProcessLost(
            f"process {index + 2} of {len(workers) + 1} {workers[index].ending()}; training cannot go on without it"
        ) from error
