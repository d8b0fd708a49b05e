import sys
from functools import cache

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from sizes import BY_GRADIENTS, BY_NEWTON, FIRST_ORDER, TINY

from deepham.commands.cli import train
from deepham.system.paths import conf_folder

NEW = ("ckpt_path=auto", "ckpt_path=last")  # of any other path the checkpoint says with what it was trained

QUICK = [*TINY, "figures=false", "callbacks.asset_distribution.figure_every=0"]


@pytest.fixture(autouse=True, scope="package")
def composed_once():
    """Hydra composes every configuration twice, first to look for hydra.mode, which no command here sets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hydra, "get_mode", lambda self, config_name, overrides: None)
        yield


@cache
def is_newton(*groups):
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        try:
            return compose("train", overrides=[*groups]).algorithm.get("steps_by") == "euler_newton"
        except Exception:  # what is wrong with them is for the command to say
            return False


def resumed(words):
    return any(text.startswith("ckpt_path=") and text not in NEW for text in words)


def read_by_its_algorithm(words):
    """The words without sizes that the algorithm that they name does not read."""
    if resumed(words):
        return words
    newton = is_newton(*(text for text in words if text.startswith(("algorithm=", "experiment=", "sweep="))))
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
        named = any(text.startswith(("experiment=", "algorithm=", "sweep=")) for text in settings)
        if not named and not resumed(settings):
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
