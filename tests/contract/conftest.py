import sys

import pytest
from hydra._internal.hydra import Hydra

from deepham.commands.cli import train

FIRST_ORDER = "algorithm=deepham"  # of which a run of two small steps says most; experiments name their own algorithm

TINY = [
    "algorithm.outer_iterations=1",
    "algorithm.policy_steps=2",
    "algorithm.economies=2",
    "algorithm.value_economies=2",
    "algorithm.agents=4",
    "algorithm.burn_in=2",
    "algorithm.dates=2",
    "algorithm.spacing=1",
    "algorithm.realised_periods=3",
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
        named = any(text.startswith(("experiment=", "algorithm=", "sweep=", "ckpt_path=c")) for text in settings)
        monkeypatch.setattr(sys, "argv", ["train.py", *flags, *([] if named else [FIRST_ORDER]), *sizes, *settings])
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
