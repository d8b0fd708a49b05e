import lightning
import pytest
import yaml

from deepham import economics
from deepham.paths import conf_folder
from deepham.training.checkpoints import LastCheckpoint, SealedCheckpoints
from deepham.training.disk import Disk

SMALL = {"outer_iterations": 2, "policy_steps": 4, "economies": 3, "value_economies": 2, "agents": 5, "burn_in": 3,
         "horizon": 1, "realised_periods": 10, "dates": 2, "spacing": 2}


@pytest.fixture
def hyperparameters():
    """What a DeepHAM module is made from: a small ks98 with the shipped settings, except for the ones given."""

    def make(algorithm_name="deepham", **algorithm):
        with open(conf_folder() / "algorithm" / f"{algorithm_name}.yaml", encoding="utf-8") as file:
            shipped = yaml.safe_load(file)
        settings = shipped.get("algorithm", shipped) | SMALL
        if settings["value_steps"]:
            settings["value_steps"] = 3
        model = {"name": "ks98"} | economics.calibration("ks98")
        network = {"name": "first_moment", "width": 6, "depth": 1, "activation": "tanh", "base": True,
                   "aggregate_scale": 10.0, "ensemble": 1}
        return {"model": model, "network": network, "algorithm": settings | algorithm, "seed": 1}

    return make


@pytest.fixture
def trainer():
    """trainer(epochs, folder, callbacks) is Lightning's, saving as a run does where a folder is given."""

    def make(epochs, folder=None, callbacks=()):
        saving = [LastCheckpoint(folder, Disk())] if folder else []
        return lightning.Trainer(accelerator="cpu", max_epochs=epochs, logger=False, callbacks=[*callbacks, *saving],
                                 plugins=[SealedCheckpoints()], enable_checkpointing=bool(saving),
                                 enable_progress_bar=False, enable_model_summary=False)

    return make
