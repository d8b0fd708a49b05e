"""Training of economies that are not among the public ones, as `training` does it and with nothing around it."""

from __future__ import annotations

import yaml

from benchmarks.many_shocks import ManyShocks
from deepham import economics
from deepham.economics.economy import Economy
from deepham.paths import conf_folder
from deepham.training.data import PanelData
from deepham.training.fit import fit_once
from deepham.training.module import DeepHAM
from deepham.training.settings import TrainerSettings

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
    model: dict, network: dict, algorithm: dict, seed: int = 1, callbacks: tuple = (), gpus: int = 0
) -> tuple[BenchmarkDeepHAM, PanelData]:
    """Train in memory, on one thread as shipped, without checkpoints, measures or logs.

    Args:
        model: name of the economy and its parameters; network, algorithm: see DeepHAM.
        gpus: 0 (the CPU) or 1.
    """
    module = BenchmarkDeepHAM(model, network, algorithm, seed)
    data = PanelData(module.settings, seed)
    where = TrainerSettings(gpus=gpus, processes=1, nodes=1, threads=1, cuda_graphs=False, deterministic=False)
    fit_once(module, data, where, list(callbacks), [], None)
    return module, data
