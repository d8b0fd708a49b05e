"""What has started this process: `srun`, `torchrun`, or nothing; and how these are told to start a run."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from deepham.economics.economy import require
from deepham.errors import InputError
from deepham.system.entry import called

if TYPE_CHECKING:
    from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment

# SLURM counts srun's steps from 0, and gives batch scripts and shells numbers from here on
NO_STEP_OF_SRUN = 0xFFFFFFF0


def find_environment() -> ClusterEnvironment | None:
    """Lightning's view of what has started this process as one of several tasks; None where nothing has. Raises
    InputError."""
    from lightning.fabric.plugins.environments.slurm import SLURMEnvironment  # slow
    from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment

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
