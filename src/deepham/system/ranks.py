"""The processes that train together, as one of them sees the others: a share of the economies each, and one mean over
all.

Each process simulates its own economies and computes the gradient of its own loss; then all of them take the same step
with the mean gradient. The networks are small, a few thousand numbers, so that what is exchanged is one short message a
step. It goes through the host's memory also where each process has a GPU: whoever dies breaks the connection, and is
noticed at once.

torch.distributed connects and exchanges. What is here beside it keeps promises of docs/reliability.md: a weighted mean
that is added up in the same order by all (several processes take the step of one; as many tasks come to the same bits),
random streams of their own (they draw different shocks), an error of its own where a connection breaks (if one dies the
run stops with a line) and signals that are heard while the others are waited for. A strategy of Lightning's has none of
these, and runs rank 0 in a process of its own making: here it is that of a notebook that calls `deepham.solve`.
"""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed
from torch import Tensor

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

JOINING = timedelta(minutes=5)  # until all are connected
WAITING = timedelta(days=7)  # for each other after that: who dies is noticed anyway, and a run that is stopped may wait


class Disconnected(RuntimeError):
    """The connection to another process broke, as it does when that one ends."""


@contextmanager
def connected() -> Iterator[None]:
    """Turn an error of torch.distributed inside this block into Disconnected."""
    try:
        yield
    except RuntimeError as error:
        raise Disconnected(str(error)) from error


@dataclass(frozen=True)
class Ranks:
    """Which process this is, `rank` out of `size`, and `local` of those on its machine, by which it takes its GPU. Rank
    0 is the one that was started, or the cluster's first, and the only one that writes.

    The methods are collective: a process waits in them until all others are there, and Disconnected is raised where one
    of them is gone.
    """

    rank: int = 0
    size: int = 1
    local: int = 0

    def join(self, store: Store, look: Callable[[], object] | None = None) -> list[str]:
        """Connect to the others, by a store that all of them know. Raises Disconnected.

        Args:
            look: called until all are ready, by rank 0, and may raise: nothing is heard and nobody missed while the
                library connects.

        Returns:
            To rank 0: the machines of the others, by rank.
        """
        from torch.distributed.distributed_c10d import _set_pg_timeout  # not in a torch that is built without

        others = [f"ready-{rank}" for rank in range(1, self.size)]
        if self.rank > 0:
            store.set(f"ready-{self.rank}", socket.gethostname())
        while look is not None and not store.check(others):
            look()
            time.sleep(0.02)
        with connected():
            torch.distributed.init_process_group(
                "gloo", store=store, rank=self.rank, world_size=self.size, timeout=JOINING
            )
            _set_pg_timeout(WAITING)
        return [] if look is None else [store.get(key).decode() for key in others]

    def seed(self, seed: int) -> int:
        """Of this process's random stream: the run's own seed in rank 0, and unrelated ones, also to those of other
        runs."""
        if self.rank == 0:
            return seed
        return int.from_bytes(hashlib.sha256(f"{seed} {self.rank}".encode()).digest()[:8]) >> 1

    def gather(self, item) -> list:
        """The items of all processes, plain data or tensors of the CPU, by rank."""
        if self.size == 1:
            return [item]
        items = [None] * self.size
        with connected():
            torch.distributed.all_gather_object(items, item)
        return items

    def broadcast(self, item: Any = None) -> Any:
        """Rank 0's item, in all processes; theirs are passed over.

        It is pickled, which can hold code to execute, and comes from rank 0 of the same job: whoever can connect to the
        processes of a run could send something else, as in every program on torch.distributed. On one machine that is
        nobody but its users; the network between the nodes of a cluster has to be one that is trusted.
        """
        if self.size == 1:
            return item
        items = [item]
        with connected():
            torch.distributed.broadcast_object_list(items, src=0)
        return items[0]

    def average(self, gradient: list[Tensor], loss: Tensor, weight: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Make gradient and loss those of all economies.

        Args:
            gradient: changed in place.
            weight: mean weight of the households here, by which the loss here is divided: a process counts by it.

        Returns:
            The loss, and the sum of `state`: a NaN or an infinite number in one process is one in all.
        """
        if self.size == 1:
            return loss, state
        parts = [state, weight, loss, *gradient]
        own = torch.cat([part.detach().flatten() for part in parts]).cpu()
        rows = [torch.empty_like(own) for _ in range(self.size)]
        with connected():  # at this size faster than a reduction, and added up in the same order by all
            torch.distributed.all_gather(rows, own)
        rows = torch.stack(rows).to(loss.device)
        mean = (rows[:, 1:2] / rows[:, 1].sum() * rows[:, 2:]).sum(0)
        for leaf, piece in zip(gradient, mean[1:].split([leaf.numel() for leaf in gradient])):
            leaf.copy_(piece.view_as(leaf))
        return mean[0], rows[:, 0].sum()


ALONE = Ranks()
