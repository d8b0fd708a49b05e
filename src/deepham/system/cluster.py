"""How `srun` and `torchrun` are told to start a run over several machines, in words and as the command that did.

docs/reliability.md: a run says how it goes on, and one that cannot start how it can.
"""

from __future__ import annotations

import os

from deepham.system.entry import called


def how_to_start(nodes: int, each: int) -> str:
    """In words, a run on so many nodes with so many processes each."""
    torchrun = " ".join([*_torchrun(nodes, each, "FIRST_MACHINE"), "--no-python"])
    return (
        f"start it with {' '.join(_srun(nodes, each))} {called('train')} ... or, on each machine, {torchrun} "
        f"{called('train')} ..., see docs/cluster.md"
    )


def launcher() -> list[str]:
    """The command that has started this process as one of several tasks."""
    given = os.environ.get
    if "TORCHELASTIC_RUN_ID" in os.environ:
        torchrun = _torchrun(given("GROUP_WORLD_SIZE", 1), given("LOCAL_WORLD_SIZE", 1), given("MASTER_ADDR"))
        return [*torchrun, "--no-python"]
    return _srun(given("SLURM_STEP_NUM_NODES", 1), given("SLURM_NTASKS_PER_NODE", 1))


def _srun(nodes, each) -> list[str]:
    return ["srun", f"--nodes={nodes}", f"--ntasks-per-node={each}"]


def _torchrun(nodes, each, first) -> list[str]:
    endpoint = f"--rdzv-endpoint={first}:29400"
    return ["torchrun", f"--nnodes={nodes}", f"--nproc-per-node={each}", "--rdzv-backend=c10d", endpoint]
