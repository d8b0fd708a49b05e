"""A process that trains beside the one that was started: `python -m deepham.training.worker`, see processes.py.

It does what that process does, on its own share of the economies, and neither measures nor writes anything. It lives as
long as the other one: its standard input ends when that one ends, even by kill -9.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from pathlib import Path

from deepham.training.allocator import keep_freed_memory
from deepham.training.interruption import STOPPING, deaf


def main(rank: str, size: str, store: str, length: str) -> None:
    keep_freed_memory()
    deaf()  # a terminal or a cluster sends its signals to all; the process that was started decides
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)  # Lightning would hear SIGTERM again
    job = sys.stdin.buffer.read(int(length))
    watch = threading.Thread(target=_end_with_the_other, daemon=True)
    watch.start()

    # from here on slow to import
    from deepham.training.fit import fit_once
    from deepham.training.processes import join, ready
    from deepham.training.ranks import Ranks

    ranks = Ranks(int(rank), int(size))
    module, data, trainer, callbacks, resume = pickle.loads(job)
    data.ranks = ranks
    ready(ranks, Path(store))
    join(ranks, Path(store))
    fit_once(module, data, trainer, callbacks, [], resume)
    watch.join()  # a connection that closes early could be taken for an accident


def _end_with_the_other() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
