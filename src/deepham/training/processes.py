"""The other processes of a run: started here, and ended whatever happens to this one."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

import torch.distributed

from deepham.economics.economy import require
from deepham.errors import ProcessLost, TrainingDiverged, one_line
from deepham.training.ranks import Ranks

JOINING = timedelta(minutes=5)  # until all are connected
WAITING = timedelta(days=7)  # for each other after that: who dies is noticed anyway, and a run that is stopped may wait
PATIENCE = 5.0  # seconds until a process whose connection broke has ended
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
def beside(job: tuple, number: int):
    """Run the job in number - 1 more processes, which train together with this one inside this block and end with it.

    Args:
        job: what deepham.training.worker does; it is pickled.

    Raises:
        ProcessLost: one of them ended by itself.
        InputError: this process belongs to others already.
    """
    if number == 1:
        yield
        return
    require(not torch.distributed.is_initialized(), f"trainer: {number} processes cannot be started from a process that uses "
            "torch.distributed itself; train in one that does not")
    workers: list[_Worker] = []
    with TemporaryDirectory(prefix="deepham-") as home:
        store = Path(home) / "store"
        try:
            data = pickle.dumps(job)
            for rank in range(1, number):
                workers.append(_start(Ranks(rank, number), store, data))
            _await(workers, home)
            join(Ranks(0, number), store)
            yield
        except (TrainingDiverged, ProcessLost):
            raise
        except RuntimeError as error:  # a broken connection, unless nobody is gone
            _look_for_the_lost(workers, error)
            raise
        finally:
            # they hold nothing that this process has not
            for worker in workers:
                worker.process.kill()
                worker.process.wait()
                with suppress(OSError):
                    worker.process.stdin.close()
                worker.said.close()
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()


def join(ranks: Ranks, store: Path) -> None:
    """Meet the other processes, at a file that all of them know; each process calls this once it is ready."""
    from torch.distributed.distributed_c10d import _set_pg_timeout  # not in a torch that is built without

    before = os.environ.get("GLOO_SOCKET_IFNAME")
    if sys.platform in LOOPBACK:
        os.environ["GLOO_SOCKET_IFNAME"] = LOOPBACK[sys.platform]
    try:
        torch.distributed.init_process_group("gloo", store=torch.distributed.FileStore(str(store), ranks.size),
                                             rank=ranks.rank, world_size=ranks.size, timeout=JOINING)
        _set_pg_timeout(WAITING)
    finally:
        if before is None:
            os.environ.pop("GLOO_SOCKET_IFNAME", None)
        else:
            os.environ["GLOO_SOCKET_IFNAME"] = before


def ready(ranks: Ranks, store: Path) -> None:
    """Let rank 0 know that this process is about to join."""
    store.with_name(f"ready-{ranks.rank}").touch()


def _start(ranks: Ranks, store: Path, data: bytes) -> _Worker:
    said = TemporaryFile()
    # -P and this path: it finds what this process finds, and nothing that happens to lie in the current folder
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(os.path.abspath(place) for place in map(str, sys.path))}
    command = [sys.executable, "-P", "-m", "deepham.training.worker", str(ranks.rank), str(ranks.size), str(store), str(len(data))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=said, env=environment)
    with suppress(BrokenPipeError):  # gone already, which is noticed below
        process.stdin.write(data)
        process.stdin.flush()  # and stays open: its end is the end of this process
    return _Worker(process, said)


def _await(workers: list[_Worker], home: str) -> None:
    """Return when all are ready. Raises ProcessLost."""
    while not all((Path(home) / f"ready-{rank}").exists() for rank in range(1, len(workers) + 1)):
        _raise_if_lost(workers, None)
        time.sleep(0.02)


def _look_for_the_lost(workers: list[_Worker], error: Exception) -> None:
    """Raise ProcessLost if a process ends within seconds of this error."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        _raise_if_lost(workers, error)
        time.sleep(0.05)


def _raise_if_lost(workers: list[_Worker], error: Exception | None) -> None:
    lost = [(worker.process.returncode, index) for index, worker in enumerate(workers) if worker.process.poll() is not None]
    if lost:
        # one that was killed comes first: others end since they miss it
        index = min(lost)[1]
        raise ProcessLost(f"process {index + 2} of {len(workers) + 1} {workers[index].ending()}; training cannot go on without "
                          "it") from error
