"""How the processes of a run find each other: at a store of torch.distributed that all of them know."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from datetime import timedelta

import torch.distributed

from deepham.training.ranks import Ranks, connected

JOINING = timedelta(minutes=5)  # until all are connected
WAITING = timedelta(days=7)  # for each other after that: who dies is noticed anyway, and a run that is stopped may wait
PATIENCE = 5.0  # seconds until it is clear which process has ended, where a connection broke


def ready(ranks: Ranks, store: torch.distributed.Store) -> None:
    """Let rank 0 know that this process, on this machine, is about to join."""
    store.set(f"ready-{ranks.rank}", socket.gethostname())


def await_ready(size: int, store: torch.distributed.Store, look: Callable[[], None]) -> list[str]:
    """Return the machines of all processes but the first when all are ready; `look` is called until then, and may
    raise."""
    keys = [f"ready-{rank}" for rank in range(1, size)]
    while not all(store.check([key]) for key in keys):
        look()
        time.sleep(0.02)
    return [store.get(key).decode() for key in keys]


def join(ranks: Ranks, store: torch.distributed.Store) -> None:
    """Connect to the other processes; each calls this once it is ready. Raises Disconnected."""
    from torch.distributed.distributed_c10d import _set_pg_timeout  # not in a torch that is built without

    with connected():
        torch.distributed.init_process_group(
            "gloo", store=store, rank=ranks.rank, world_size=ranks.size, timeout=JOINING
        )
        _set_pg_timeout(WAITING)
