"""What has started this process: `srun`, `torchrun`, or nothing. Lightning knows; here is what it takes for something
else.

docs/reliability.md: one run in tasks of `srun` or `torchrun`, also where a shell or a batch script has SLURM's
variables and is no task of it.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from deepham.errors import InputError, require

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
