"""The settings of a run: what it trains, and where it computes."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch

from deepham.algorithm.ergodic import VerdictSettings
from deepham.algorithm.settings import AlgorithmSettings
from deepham.economics.box import Box
from deepham.economics.economy import Economy, require
from deepham.errors import InputError
from deepham.networks.settings import NetworkSettings
from deepham.reference.settings import ReferenceSettings
from deepham.system.cluster import how_to_start
from deepham.system.hardware import cpu_name
from deepham.system.nodes import Tasks


@dataclass
class TrainerSettings:
    """Where a run computes; each field is explained in conf/trainer/."""

    gpus: int
    processes: int
    nodes: int
    threads: int
    deterministic: bool
    cuda_graphs: bool

    @property
    def ranks(self) -> int:
        """Processes that train together, on all nodes."""
        return self.nodes * self.on_a_node

    @property
    def on_a_node(self) -> int:
        """Processes on one machine: one for each GPU, or so many on the CPU."""
        return max(self.gpus, self.processes)

    def validate(self) -> None:
        """Raise InputError for a value out of range or a GPU that is not there."""
        require(1 <= self.threads <= 1024, f"trainer.threads: expected 1 to 1024, got {self.threads}")
        require(self.gpus >= 0, f"trainer.gpus: expected 0 (the CPU) or the number of GPUs, got {self.gpus}")
        require(1 <= self.processes <= 1024, f"trainer.processes: expected 1 to 1024, got {self.processes}")
        require(1 <= self.nodes <= 1024, f"trainer.nodes: expected 1 to 1024, got {self.nodes}")
        require(
            self.gpus == 0 or self.processes == 1,
            f"trainer.processes={self.processes} with trainer.gpus={self.gpus}: there is one process for each GPU; "
            f"leave out trainer.processes, or set trainer.gpus=0 for processes on the CPU",
        )
        require(
            self.gpus > 0 or not self.cuda_graphs,
            "trainer.cuda_graphs: there are none on the CPU; set trainer.gpus=1 or trainer.cuda_graphs=false",
        )
        require(
            self.ranks == 1 or torch.distributed.is_available(),
            f"trainer: this build of torch, {torch.__version__}, has no torch.distributed, which {self.ranks} "
            f"processes need; set trainer.processes=1 and trainer.gpus=0 or 1",
        )
        if self.nodes > 1:
            self._check_tasks()
        seen = torch.cuda.device_count()
        require(
            self.gpus <= seen,
            f"trainer.gpus={self.gpus}: torch {torch.__version__} sees {seen} GPUs; set trainer.gpus=0 for the CPU"
            + (f", or at most {seen}" if seen else ""),
        )

    def _check_tasks(self) -> None:
        """Raise InputError unless a cluster has started as many tasks as there are to be processes."""
        tasks = Tasks.current
        how = how_to_start(self.nodes, self.on_a_node)
        if tasks is None:
            raise InputError(
                f"trainer.nodes={self.nodes}: takes one task for each process, each with trainer.nodes={self.nodes} "
                f"on its command line; {how}"
            )
        require(
            tasks.ranks.size == self.ranks,
            f"trainer.nodes={self.nodes}: expected {self.ranks} tasks, {self.on_a_node} on each "
            f"node as trainer.processes or trainer.gpus says, got {tasks.ranks.size}; {how}",
        )


def device_name(settings: TrainerSettings) -> str:
    """The card, or the processor and the threads used of it."""
    nodes = f"{settings.nodes} nodes with " * (settings.nodes > 1)
    if settings.gpus:
        return nodes + f"{settings.gpus} x " * (settings.gpus > 1) + torch.cuda.get_device_name(0)
    return nodes + cpu_name(settings.processes * settings.threads)


@dataclass(frozen=True)
class Settings:
    """Everything a run needs, checked."""

    economy_name: str
    economy: Economy
    network: NetworkSettings
    algorithm: AlgorithmSettings
    trainer: TrainerSettings
    verdict: VerdictSettings
    reference: ReferenceSettings
    seed: int
    box: Box | None = None  # of calibrations, where parameters vary

    def hyperparameters(self) -> dict:
        """The plain data that identifies what is trained, as a checkpoint holds it."""
        return {
            "model": {"name": self.economy_name} | self.economy.parameters(),
            "network": asdict(self.network),
            "algorithm": asdict(self.algorithm),
            "seed": self.seed,
        } | ({"vary": self.box.vary} if self.box else {})
