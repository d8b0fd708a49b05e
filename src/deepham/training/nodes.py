"""One run over several machines: the tasks of `srun` or `torchrun`, each of which is started with the same command.

Task 0 goes on as a run does: it prepares, hands out, measures, writes and hears signals. The others train beside it.
They say and write nothing, read nothing from the disk, and end with task 0's exit code, whether it finishes or fails
before anything has begun: they wait for that code at the store that task 0 serves, and whose connection breaks when it
is killed.
"""

from __future__ import annotations

import os
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import torch.distributed

from deepham.economics.economy import require
from deepham.errors import InputError, ProcessLost
from deepham.system.interruption import STOPPING, Interrupted, interruptible
from deepham.training.meeting import JOINING, PATIENCE, WAITING, await_ready, join, ready
from deepham.training.ranks import Disconnected, Ranks
from deepham.training.worker import settle, work

if TYPE_CHECKING:
    from lightning.fabric.plugins.environments import ClusterEnvironment

END = "end"  # where task 0 leaves its exit code
LEAVING = 30.0  # seconds until a task whose connection broke no longer expects it
# SLURM counts srun's steps from 0, and gives batch scripts and shells numbers from here on
NO_STEP_OF_SRUN = 0xFFFFFFF0


@dataclass
class Tasks:
    """The tasks of this run, as task 0 sees them.

    Attributes:
        store: what all of them can read and write.
        launcher: the command that has started them.
        machines: where the others are, by rank.
        lost: ranks of those that have ended.
    """

    ranks: Ranks
    store: torch.distributed.Store
    launcher: list[str]
    machines: list[str] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)

    current: ClassVar[Tasks | None] = None  # of this process

    @contextmanager
    def beside(self) -> Iterator[Ranks]:
        """Those that train together inside this block. Raises ProcessLost."""
        try:
            yield self.ranks
        except Disconnected as error:
            with suppress(RuntimeError):  # the store is lost as well
                self._roll_call()
            who = ", ".join(
                f"process {rank + 1} of {self.ranks.size} on {self.machines[rank - 1]}" for rank in sorted(self.lost)
            )
            raise ProcessLost(
                f"lost {who or 'the connection between the processes'}; training cannot go on without it"
            ) from error

    def meet(self) -> None:
        """Connect all of them. Raises ProcessLost."""
        until = time.monotonic() + JOINING.total_seconds()

        def look() -> None:
            if time.monotonic() > until:
                raise ProcessLost(
                    f"trainer.nodes: not all of {self.ranks.size} tasks have come within {_minutes()}; is each of "
                    "them started, and does the first node let the others in?"
                )

        self.machines = await_ready(self.ranks.size, self.store, look)
        try:
            join(self.ranks, self.store)
        except Disconnected as error:
            raise ProcessLost(
                f"trainer.nodes: the tasks cannot connect ({str(error).splitlines()[0]}); name the network between "
                "the nodes with GLOO_SOCKET_IFNAME"
            ) from error

    def end(self, code: int) -> None:
        """Let the others end with this exit code, and wait for that: the store ends with this process."""
        with suppress(RuntimeError):  # torchrun's own store may have ended already
            self.store.set(END, str(code))
            came = [rank for rank in self._others() if self._said("ready", rank)]
            _until(lambda: all(self._said("gone", rank) for rank in came))
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    def _roll_call(self) -> None:
        """Note who is lost: the others say that they are there when their connections break, too."""
        _until(lambda: sum(not self._said("here", rank) for rank in self._others()) <= 1)
        self.lost = {rank for rank in self._others() if not self._said("here", rank)}

    def _others(self) -> set[int]:
        return set(range(1, self.ranks.size)) - self.lost

    def _said(self, what: str, rank: int) -> bool:
        return self.store.check([f"{what}-{rank}"])


def take_part(lead: Callable[[], int]) -> int:
    """Call `lead`, a run, in task 0 and return its exit code; the other tasks end here, with the same. Where this
    process is no task, `lead` is called all the same, and finds that out.

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
    tasks = Tasks(ranks, _store(ranks, environment), _launcher(environment))
    code = 1
    try:
        with interruptible(*STOPPING):
            tasks.meet()
            Tasks.current = tasks
            code = lead()
    except Interrupted as stop:
        code = stop.exit_code
    finally:
        Tasks.current = None
        tasks.end(code)
    return code


def find_environment() -> ClusterEnvironment | None:
    """Lightning's view of what has started this process as one of several tasks; None where nothing has. Raises
    InputError."""
    from lightning.fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment  # slow

    if TorchElasticEnvironment.detect():  # first: it is used in SLURM jobs as well
        require(
            int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", 0)) == 0,
            "trainer.nodes: torchrun --max-restarts starts tasks again "
            "while others still wait; leave it out, and repeat the command with ckpt_path=auto",
        )
        return TorchElasticEnvironment()
    # more exact than Lightning's, which takes a batch script for a task, and none of an interactive job for one
    if int(os.environ.get("SLURM_STEP_ID", NO_STEP_OF_SRUN)) >= NO_STEP_OF_SRUN:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):  # about an interactive job
            return SLURMEnvironment(auto_requeue=False)
    except RuntimeError:
        raise InputError(
            "trainer.nodes: srun does not say how many tasks there are on a node; give it --ntasks-per-node"
        ) from None


def how_to_start(nodes: int, each: int) -> str:
    """In words, a run on so many nodes with so many processes each."""
    return (
        f"start it with srun --nodes={nodes} --ntasks-per-node={each} python scripts/train.py ... or, on each machine, "
        f"torchrun --nnodes={nodes} --nproc-per-node={each} --rdzv-backend=c10d --rdzv-endpoint=FIRST_MACHINE:29400 "
        "scripts/train.py ..., see docs/cluster.md"
    )


def launcher() -> list[str]:
    """The command that has started this process as one of several tasks; empty where it is alone."""
    return Tasks.current.launcher if Tasks.current else []


def _launcher(environment: ClusterEnvironment) -> list[str]:
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return [
            "torchrun",
            f"--nnodes={os.environ.get('GROUP_WORLD_SIZE', 1)}",
            f"--nproc-per-node={os.environ.get('LOCAL_WORLD_SIZE', 1)}",
            "--rdzv-backend=c10d",
            f"--rdzv-endpoint={environment.main_address}:29400",
            "--no-python",
        ]
    return [
        "srun",
        f"--nodes={os.environ.get('SLURM_STEP_NUM_NODES', 1)}",
        f"--ntasks-per-node={os.environ.get('SLURM_NTASKS_PER_NODE', 1)}",
    ]


def _store(ranks: Ranks, environment: ClusterEnvironment) -> torch.distributed.Store:
    """Task 0's, unless torchrun has one already. Raises InputError, ProcessLost."""
    address, port = environment.main_address, environment.main_port
    serves = ranks.rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    try:
        store = torch.distributed.TCPStore(address, port, None, serves, JOINING, wait_for_workers=False)
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
    return torch.distributed.PrefixStore(" ".join(["deepham", *(os.environ.get(name, "") for name in names)]), store)


def _follow(ranks: Ranks, environment: ClusterEnvironment) -> None:
    """Train beside task 0, and end with it."""
    settle()
    store = _store(ranks, environment)
    threading.Thread(target=_end_with_task_0, args=(ranks, _store(ranks, environment)), daemon=True).start()
    ready(ranks, store)
    try:
        join(ranks, store)
        work(ranks)
    except Disconnected:
        with suppress(RuntimeError):
            store.set(f"here-{ranks.rank}", "")
        time.sleep(LEAVING)
    except Exception:
        traceback.print_exc()
    os._exit(1)  # the other thread waits inside torch, which Python's own way out does not stand


def _end_with_task_0(ranks: Ranks, store: torch.distributed.Store) -> None:
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
