"""A process that trains beside rank 0: `python -m deepham.training.worker`, see processes.py, or a task of nodes.py.

It does what rank 0 does, on its own share of the economies, and neither measures nor writes anything. One that rank 0
has started lives as long as that: its standard input ends when rank 0 ends, even by kill -9.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from deepham.system.interruption import STOPPING, deaf
from deepham.training.allocator import keep_freed_memory

if TYPE_CHECKING:
    from deepham.training.ranks import Ranks


def main(rank: str, size: str, store: str) -> None:
    settle()
    threading.Thread(target=_end_with_the_other, daemon=True).start()

    # from here on slow to import
    import torch

    from deepham.training.meeting import join, ready
    from deepham.training.processes import loopback
    from deepham.training.ranks import Ranks

    ranks = Ranks(int(rank), int(size), int(rank))
    with loopback():
        meeting = torch.distributed.FileStore(store, ranks.size)
        ready(ranks, meeting)
        join(ranks, meeting)
    work(ranks)


def settle() -> None:
    """Make this process one that rank 0 decides about."""
    keep_freed_memory()
    deaf()  # a terminal or a cluster sends its signals to all processes
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)  # Lightning would hear SIGTERM again


def work(ranks: Ranks) -> None:
    """Train what rank 0 hands out, one after the other, until this process is ended. Raises Disconnected."""
    from deepham.errors import TrainingDiverged
    from deepham.training.fit import fit_once

    while True:
        module, data, trainer, callbacks, checkpoint = ranks.broadcast()
        data.ranks = ranks
        with suppress(TrainingDiverged):  # in all processes, and rank 0 knows how to go on
            fit_once(module, data, trainer, callbacks, [], checkpoint)


def _end_with_the_other() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
