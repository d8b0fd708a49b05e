"""A long run does not grow: what an outer iteration leaves behind is a row of numbers."""

import json
import subprocess
import sys

import pytest

RUN = """
import gc, json, sys
import lightning, psutil
from lightning.pytorch.loggers import TensorBoardLogger
from deepham.callbacks.asset_distribution import AssetDistribution
from deepham.callbacks.bellman_errors import BellmanErrors
from deepham.callbacks.guard import Guard
from deepham.runs.checkpoints import LastCheckpoint
from deepham.training.data import PanelData
from deepham.callbacks.history import History
from deepham.training.module import DeepHAM
from pathlib import Path

hyperparameters, epochs, figure_every, leak, folder = json.loads(sys.argv[1])
resident = []


class Resident(lightning.Callback):
    kept = []

    def on_train_epoch_start(self, trainer, module):
        self.kept.append(bytearray(leak))
        if trainer.current_epoch % 20 == 0:
            gc.collect()
            resident.append(psutil.Process().memory_info().rss / 1e6)


module = DeepHAM(**hyperparameters)
lightning.Trainer(
    accelerator="cpu", max_epochs=epochs, log_every_n_steps=1, enable_progress_bar=False, enable_model_summary=False,
    logger=TensorBoardLogger(folder, name="logs", version=""),
    callbacks=[BellmanErrors(), AssetDistribution(figure_every), Guard(), Resident(), History(Path(folder) /
               "metrics.csv"), LastCheckpoint(Path(folder))]).fit(module,
    datamodule=PanelData(module.world, module.settings, 1))
print(json.dumps(resident))
"""


def resident_memory(hyperparameters, folder, epochs, figure_every=0, leak=0):
    """Resident memory in MB at the start of every twentieth outer iteration of a run in a process of its own.

    leak: bytes that the run is made to keep from each outer iteration.
    """
    request = json.dumps([hyperparameters, epochs, figure_every, leak, str(folder)])
    shown = subprocess.run([sys.executable, "-W", "ignore", "-c", RUN, request], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("leak", [0, 100_000])
def test_a_run_of_many_outer_iterations_does_not_grow(hyperparameters, tmp_path, leak):
    memory = resident_memory(hyperparameters(outer_iterations=201, policy_steps=2), tmp_path, 201, leak=leak)
    middle, end = memory[5], memory[10]
    assert (end < middle + 3) == (leak == 0), memory  # a hundred rows of metrics are half a megabyte
