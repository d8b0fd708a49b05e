import sys

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra

from deepham.commands.cli import train
from deepham.system.paths import conf_folder

FIRST_ORDER = "algorithm=deepham"  # of which a run of two small steps says most; experiments name their own algorithm

BY_GRADIENTS = [  # sizes that Newton steps do not read
    "algorithm.economies=2",
    "algorithm.value_economies=2",
    "algorithm.agents=4",
    "algorithm.dates=2",
    "algorithm.spacing=1",
    "algorithm.realised_periods=3",
]
BY_NEWTON = ["algorithm.newton.economies=2"]
RESUMED = "ckpt_path=c"  # of a run's folder

TINY = [
    "algorithm.outer_iterations=1",
    "algorithm.policy_steps=2",
    "algorithm.burn_in=2",
    *BY_GRADIENTS,
    "verdict.nodes=20",
    "verdict.burn_in=2",
    "verdict.periods=4",
    "verdict.dates=2",
]

QUICK = [*TINY, "figures=false", "callbacks.asset_distribution.figure_every=0"]


@pytest.fixture(autouse=True, scope="package")
def composed_once():
    """Hydra composes every configuration twice, first to look for hydra.mode, which no command here sets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hydra, "get_mode", lambda self, config_name, overrides: None)
        yield


def read_by_its_algorithm(words):
    """The words without sizes that the algorithm that they name does not read."""
    if any(text.startswith(RESUMED) for text in words):
        return words
    groups = [text for text in words if text.startswith(("algorithm=", "experiment=", "sweep="))]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        try:
            newton = "newton" in compose("train", overrides=groups).algorithm
        except Exception:  # what is wrong with them is for the command to say
            return words
    return [text for text in words if text not in BY_GRADIENTS] + BY_NEWTON if newton else words


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """command(*overrides) runs the training script in an empty folder, at tiny sizes unless told otherwise: exit code,
    standard output, lines of standard error.
    """
    monkeypatch.chdir(tmp_path)

    def call(*overrides, sizes=QUICK):
        flags = [text for text in overrides if text.startswith("-")]
        settings = [text for text in overrides if not text.startswith("-")]
        # a checkpoint says with what it was trained
        if not any(text.startswith(("experiment=", "algorithm=", "sweep=", RESUMED)) for text in settings):
            settings = [FIRST_ORDER, *settings]
        monkeypatch.setattr(sys, "argv", ["train.py", *flags, *read_by_its_algorithm([*sizes, *settings])])
        code = train()
        captured = capsys.readouterr()
        return code, captured.out, captured.err.splitlines()

    return call


@pytest.fixture(scope="session")
def tiny():
    return [FIRST_ORDER, *TINY]


@pytest.fixture
def script(monkeypatch, tmp_path, capsys):
    """script(entry, *overrides) runs another script in an empty folder: (exit code, standard output, error lines)."""
    monkeypatch.chdir(tmp_path)

    def call(entry, *overrides):
        monkeypatch.setattr(sys, "argv", ["script.py", *overrides])
        code = entry()
        captured = capsys.readouterr()
        return code, captured.out, captured.err.splitlines()

    return call
