"""One run over several machines: the tasks of `srun` or `torchrun`, each of which is started with the same command.

Task 0 goes on as a run does: it prepares, hands out, measures, writes and hears signals. The others train beside it.
They say and write nothing, read nothing from the disk, and end with task 0's exit code, whether it finishes or fails
before anything has begun: they wait for that code at the store that task 0 serves, and whose connection breaks when it
is killed.

srun or torchrun starts the tasks, Lightning says which of them this one is, torch.distributed has the store. What is
here beside them keeps the promise of docs/reliability.md that all tasks end together, whoever ends: with task 0's exit
code (`Tasks.end`, `_end_with_task_0`), in one line that says which of them is lost on which machine (`Tasks.beside`) or
has not come (`Tasks.connect`). torchrun ends the others too, with a page of its own and exit code 1; srun does if it is
told to.
"""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

import torch.distributed

from deepham.errors import InputError, ProcessLost
from deepham.system.interruption import STOPPING, Interrupted, interruptible
from deepham.system.processes import PATIENCE, serve, settle, started
from deepham.system.ranks import ALONE, JOINING, WAITING, Disconnected, Ranks

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

END = "end"  # where task 0 leaves its exit code
LEAVING = 30.0  # seconds until a task whose connection broke no longer expects it


class Environment(Protocol):
    """What has started these tasks says which of them this process is, and where the first one is; see Lightning's
    ClusterEnvironment."""

    @property
    def main_address(self) -> str: ...
    @property
    def main_port(self) -> int: ...
    def global_rank(self) -> int: ...
    def world_size(self) -> int: ...
    def local_rank(self) -> int: ...


@dataclass
class Tasks:
    """The tasks of this run, as task 0 sees them.

    Attributes:
        store: what all of them can read and write.
        machines: where the others are, by rank.
        lost: ranks of those that have ended.
    """

    ranks: Ranks
    store: Store
    machines: list[str] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)

    current: ClassVar[Tasks | None] = None  # of this process

    @contextmanager
    def beside(self) -> Iterator[Ranks]:
        """Those that train together inside this block. Raises ProcessLost."""
        try:
            yield self.ranks
        except Disconnected as error:
            others = set(range(1, self.ranks.size))
            with suppress(RuntimeError):  # the store is lost as well
                # the others say that they are there when their connections break, too
                _until(lambda: len(self._who("here", others)) >= len(others) - 1)
                self.lost = others - self._who("here", others)
            who = ", ".join(
                f"process {rank + 1} of {self.ranks.size} on {self.machines[rank - 1]}" for rank in sorted(self.lost)
            )
            raise ProcessLost(
                f"lost {who or 'the connection between the processes'}; training cannot go on without it"
            ) from error

    def connect(self) -> None:
        """Connect all of them. Raises ProcessLost."""
        until = time.monotonic() + JOINING.total_seconds()

        def look() -> None:
            if time.monotonic() > until:
                raise ProcessLost(
                    f"trainer.nodes: not all of {self.ranks.size} tasks have come within {_minutes()}; is each of "
                    "them started, and does the first node let the others in?"
                )

        try:
            self.machines = self.ranks.join(self.store, look)
        except Disconnected as error:
            raise ProcessLost(
                f"trainer.nodes: the tasks cannot connect ({str(error).splitlines()[0]}); name the network between "
                "the nodes with GLOO_SOCKET_IFNAME"
            ) from error

    def end(self, code: int) -> None:
        """Let the others end with this exit code, and wait for that: the store ends with this process."""
        with suppress(RuntimeError):  # torchrun's own store may have ended already
            self.store.set(END, str(code))
            came = self._who("ready", set(range(1, self.ranks.size)) - self.lost)
            _until(lambda: self._who("gone", came) == came)
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    def _who(self, said: str, ranks: set[int]) -> set[int]:
        return {rank for rank in ranks if self.store.check([f"{said}-{rank}"])}


@contextmanager
def beside(nodes: int, number: int) -> Iterator[Ranks]:
    """So many processes that train together inside this block, on so many nodes, as rank 0 sees them: they do what it
    hands out by Ranks.broadcast.

    Raises:
        ProcessLost: one of them ended by itself.
        InputError: this process belongs to others already.
    """
    if nodes > 1:
        assert Tasks.current is not None  # as TrainerSettings.validate has found
        with Tasks.current.beside() as ranks:
            yield ranks
    elif number > 1:
        with started(number) as ranks:
            yield ranks
    else:
        yield ALONE


def take_part(lead: Callable[[], int], find_environment: Callable[[], Environment | None]) -> int:
    """Call `lead`, a run, in task 0 and return its exit code; the other tasks end here, with the same. Where this
    process is no task, `lead` is called all the same, and finds that out.

    Args:
        find_environment: what has started this process, None where nothing has; may raise InputError.

    Raises:
        InputError: the tasks are started in a way that cannot be.
        ProcessLost: some of them do not come, or, in one of the others, task 0.
    """
    try:
        environment = find_environment()
    except InputError:
        if os.environ.get("RANK", os.environ.get("SLURM_PROCID")) != "0":  # the first task says it
            os._exit(2)
        raise
    if environment is None or not torch.distributed.is_available():
        return lead()
    ranks = Ranks(environment.global_rank(), environment.world_size(), environment.local_rank())
    if ranks.rank > 0:
        _follow(ranks, environment)
    tasks, code = Tasks(ranks, _store(ranks, environment)), 1
    try:
        with interruptible(*STOPPING):
            tasks.connect()
            Tasks.current = tasks
            code = lead()
    except Interrupted as stop:
        code = stop.exit_code
    finally:
        Tasks.current = None
        tasks.end(code)
    return code


def _store(ranks: Ranks, environment: Environment) -> Store:
    """Task 0's, unless torchrun has one already. Raises InputError, ProcessLost."""
    from torch.distributed.distributed_c10d import PrefixStore  # not in a torch that is built without

    address, port = environment.main_address, environment.main_port
    serves = ranks.rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    try:
        store = torch.distributed.TCPStore(  # pyright: ignore[reportPrivateImportUsage]  # not in the stub
            address, port, None, serves, JOINING, wait_for_workers=False
        )
    except RuntimeError as error:
        if serves:
            raise InputError(
                f"trainer.nodes: the first task cannot serve the others at port {port} ({str(error).splitlines()[0]}); "
                "choose another with the environment variable MASTER_PORT, the same in all tasks"
            ) from error
        raise ProcessLost(
            f"trainer.nodes: task {ranks.rank + 1} of {ranks.size} found nobody at {address}:{port} within "
            f"{_minutes()}; where that is not the first task's machine, set MASTER_ADDR"
        ) from error
    # another job on these machines could use the same port by chance
    names = ("TORCHELASTIC_RUN_ID", "SLURM_JOB_ID", "SLURM_STEP_ID")
    return PrefixStore(" ".join(["deepham", *(os.environ.get(name, "") for name in names)]), store)


def _follow(ranks: Ranks, environment: Environment) -> None:
    """Train beside task 0, and end with it."""
    settle()
    store = _store(ranks, environment)
    threading.Thread(target=_end_with_task_0, args=(ranks, _store(ranks, environment)), daemon=True).start()
    try:
        ranks.join(store)
        serve(ranks)
    except Disconnected:
        with suppress(RuntimeError):
            store.set(f"here-{ranks.rank}", "")
        time.sleep(LEAVING)
    except Exception:
        traceback.print_exc()
    os._exit(1)  # the other thread waits inside torch, which Python's own way out does not stand


def _end_with_task_0(ranks: Ranks, store: Store) -> None:
    code = 1
    with suppress(RuntimeError):  # the connection breaks where task 0 is killed
        store.wait([END], WAITING)
        code = int(store.get(END))
        store.set(f"gone-{ranks.rank}", "")
    os._exit(code)


def _until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds, or after some seconds."""
    until = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)


def _minutes() -> str:
    return f"{JOINING.total_seconds() / 60:g} minutes"
