import lightning
import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from deepham import economics
from deepham.commands.configuration import read
from deepham.system.paths import conf_folder

SMALL = {
    "outer_iterations": 2,
    "policy_steps": 4,
    "economies": 3,
    "value_economies": 2,
    "agents": 5,
    "burn_in": 3,
    "horizon": 1,
    "realised_periods": 10,
    "dates": 2,
    "spacing": 2,
}


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
        network = {
            "name": "first_moment",
            "width": 6,
            "depth": 1,
            "activation": "tanh",
            "base": "frictionless",
            "aggregate_scale": 10.0,
            "ensemble": 1,
        }
        return {"model": model, "network": network, "algorithm": settings | algorithm, "seed": 1}

    return make


@pytest.fixture
def trainer():
    """trainer(epochs) is Lightning's, keeping nothing."""

    def make(epochs):
        return lightning.Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )

    return make


@pytest.fixture
def settings():
    """settings(*overrides) are those of a small run, read as from the command line."""

    def make(*overrides):
        small = ["algorithm=deepham", *(f"algorithm.{name}={value}" for name, value in SMALL.items())]
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            return read(compose("train", [*small, *overrides]))

    return make
