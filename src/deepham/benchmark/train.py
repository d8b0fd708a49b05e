"""Training of economies that are not among the public ones, as `training` does it and with nothing around it."""

from __future__ import annotations

import lightning
import yaml
from lightning.fabric.plugins.environments import LightningEnvironment

from deepham import economics
from deepham.benchmark.many_shocks import ManyShocks
from deepham.economics.economy import Economy
from deepham.paths import conf_folder
from deepham.training.data import PanelData
from deepham.training.fit import computing
from deepham.training.module import DeepHAM
from deepham.training.settings import TrainerSettings
from deepham.training.terminal import quiet_lightning

MANY_SHOCKS = "many_shocks"


class BenchmarkDeepHAM(DeepHAM):
    """DeepHAM that knows ManyShocks, too."""

    @staticmethod
    def create_economy(name: str, **parameters) -> Economy:
        return ManyShocks(**parameters) if name == MANY_SHOCKS else economics.create(name, **parameters)


def model_of(economy: ManyShocks) -> dict:
    """Name and parameters, as the module is made from them."""
    return {"name": MANY_SHOCKS} | economy.parameters()


def shipped(group: str, name: str, **changes) -> dict:
    """The settings in conf/<group>/<name>.yaml, some of them changed."""
    with open(conf_folder() / group / f"{name}.yaml", encoding="utf-8") as file:
        return yaml.safe_load(file) | changes


def train(
    model: dict, network: dict, algorithm: dict, seed: int = 1, callbacks: tuple = (), accelerator: str = "cpu"
) -> tuple[BenchmarkDeepHAM, PanelData]:
    """Train in memory, on one thread as shipped, without checkpoints, measures or logs.

    Args:
        model: name of the economy and its parameters; network, algorithm: see DeepHAM.
        accelerator: cpu or gpu.
    """
    module = BenchmarkDeepHAM(model, network, algorithm, seed)
    data = PanelData(module.settings, seed)
    with quiet_lightning(), computing(TrainerSettings(gpus=int(accelerator == "gpu"), processes=1, threads=1, cuda_graphs=False, deterministic=False)):
        lightning.Trainer(
            accelerator=accelerator, devices=1, max_epochs=module.settings.outer_iterations, callbacks=list(callbacks),
            logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            use_distributed_sampler=False, plugins=[LightningEnvironment()],
        ).fit(module, datamodule=data)
    return module, data
