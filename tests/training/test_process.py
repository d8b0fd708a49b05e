"""What training does to the process of its caller: nothing. And the same bits every time."""

import logging
import os
import random
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import deepham
from deepham import economics
from deepham.commands import solve as solve_module
from deepham.commands.cli import train
from deepham.errors import InputError
from deepham.system.interruption import Interrupted, heed, interruptible
from deepham.training.fit import fit
from deepham.training.module import DeepHAM

TINY = [
    "algorithm=deepham",  # whose steps processes can share
    "algorithm.outer_iterations=1",
    "algorithm.policy_steps=2",
    "algorithm.economies=2",
    "algorithm.agents=4",
    "algorithm.burn_in=2",
    "verdict.nodes=20",
    "verdict.burn_in=2",
    "verdict.periods=4",
    "verdict.dates=2",
]


def process_state() -> dict:
    return {
        "random": random.getstate(),
        "numpy": np.random.get_state()[1].tolist(),
        "torch": torch.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "environment": dict(os.environ),
        "handlers": {
            number: signal.getsignal(number)
            for number in signal.valid_signals()
            if number not in (signal.SIGKILL, signal.SIGSTOP)
        },
        "hook": threading.excepthook,
        "folder": os.getcwd(),
        "files": os.listdir(),
    }


@pytest.fixture
def found(monkeypatch, tmp_path):
    """The process in a state of its own, which is given back afterwards."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    torch.set_num_threads(2)
    yield process_state
    torch.set_num_threads(threads)


def test_the_form_of_the_numbers_and_the_callers_precision_change_nothing(found):
    """Numbers of NumPy, torch and pandas, in a program whose default is float64."""
    matrix = economics.calibration("ks98")["chain_matrix"]
    plain = deepham.solve("ks98", seed=2, beta=0.985, chain_matrix=matrix, overrides=TINY)
    torch.set_default_dtype(torch.float64)
    try:
        before = found()
        other = deepham.solve(
            "ks98",
            seed=torch.tensor(2),
            beta=np.float64(0.985),
            chain_matrix=pd.DataFrame(matrix),
            productivity=np.array([0.99, 1.01]),
            overrides=TINY,
        )
        loaded = deepham.load("ks98").consumption(k=[1.0, 40.0], eps=1, z=0)
        assert found() == before
    finally:
        torch.set_default_dtype(torch.float32)
    assert other.calibration == plain.calibration and other.meta["measures"] == plain.meta["measures"]
    assert loaded.tolist() == deepham.load("ks98").consumption(k=[1.0, 40.0], eps=1, z=0).tolist()
    with pytest.raises(InputError, match="seed: expected a whole number"):
        deepham.solve("ks98", seed=np.bool_(True))


@pytest.mark.parametrize(
    "overrides",
    [[], ["trainer.deterministic=true"], pytest.param(["trainer.processes=2"], marks=pytest.mark.slow)],
    ids=["plain", "deterministic", "two"],
)
def test_solving_leaves_the_process_as_found(found, overrides):
    before = found()
    deepham.solve("ks98", overrides=[*TINY, *overrides])
    assert found() == before


def test_solving_says_how_far_it_is_where_somebody_reads_along(found, capsys, monkeypatch):
    logger = logging.getLogger("deepham")
    before = logger.level, logger.propagate, list(logger.handlers)
    for progress, watched, shown in (
        (None, False, False),
        (None, True, True),
        (True, False, True),
        (False, True, False),
    ):
        monkeypatch.setattr(solve_module, "is_watched", lambda watched=watched: watched)
        deepham.solve("ks98", overrides=TINY, progress=progress)
        printed = capsys.readouterr().out
        assert bool(printed) == shown
        assert not shown or "outer iteration 1/1" in printed and "mean Euler error" in printed
    assert (logger.level, logger.propagate, logger.handlers) == before
    with pytest.raises(InputError, match="progress: expected True or False"):
        deepham.solve("ks98", overrides=TINY, progress="yes")


def test_so_does_solving_that_fails(found, monkeypatch):
    def fail(self, batch, batch_idx):
        raise ZeroDivisionError

    monkeypatch.setattr(DeepHAM, "training_step", fail)
    before = found()
    with pytest.raises(ZeroDivisionError):
        deepham.solve("ks98", overrides=[*TINY, "trainer.deterministic=true"])
    assert found() == before


def test_the_key_that_interrupts_reaches_the_caller_and_goes_on_working(found, monkeypatch):
    monkeypatch.setattr(DeepHAM, "training_step", lambda self, batch, batch_idx: os.kill(os.getpid(), signal.SIGINT))
    before = found()
    with pytest.raises(KeyboardInterrupt):
        deepham.solve("ks98", overrides=TINY)
    assert found() == before


@pytest.mark.slow
def test_the_key_is_heeded_at_the_end_of_the_outer_iteration_where_it_was_lost(found, monkeypatch, caplog):
    seen, honest = [], DeepHAM.training_step

    def swallow(self, batch, batch_idx):
        try:
            if self.current_epoch == 1 and batch_idx == 0:
                os.kill(os.getpid(), signal.SIGINT)
        except BaseException:
            pass
        seen.append(self.current_epoch)
        return honest(self, batch, batch_idx)

    monkeypatch.setattr(DeepHAM, "training_step", swallow)
    given = {"beta": 0.985, "overrides": [*TINY, "algorithm.outer_iterations=4"]}
    with pytest.raises(KeyboardInterrupt):
        deepham.solve("ks98", **given)
    assert seen == [0, 0, 1, 1]
    (left,) = Path("checkpoints").iterdir()
    assert str(left) in caplog.text and "resume=" in caplog.text, "what was trained is left, and a line says where"
    monkeypatch.setattr(DeepHAM, "training_step", honest)
    with pytest.raises(InputError, match="was trained with model.beta=0.985"):
        deepham.solve("ks98", **given | {"beta": 0.98}, resume=left)
    with pytest.raises(InputError, match="init_from and resume"):
        deepham.solve("ks98", **given, resume=left, init_from="ks98")
    resumed, undisturbed = deepham.solve("ks98", **given, resume=left), deepham.solve("ks98", **given)
    assert resumed.meta["measures"] == undisturbed.meta["measures"]
    words = ["model=ks98", "model.beta=0.985", *given["overrides"], f"ckpt_path={left}", "figures=false"]
    monkeypatch.setattr(sys, "argv", ["train.py", *words])
    assert train() == 0, "the command line goes on with it, too"


def test_the_same_seed_gives_the_same_bits_also_when_asked_to_be_deterministic(settings):
    results = [
        fit(settings(*overrides), [], [])[0].state_dict()
        for overrides in ([], [], ["trainer.deterministic=true"], ["seed=2"])
    ]
    for name, leaf in results[0].items():
        assert torch.equal(results[1][name], leaf) and torch.equal(results[2][name], leaf), name
    assert any(not torch.equal(results[3][name], leaf) for name, leaf in results[0].items())


def test_what_torch_cannot_do_deterministically_is_named(settings, monkeypatch):
    """In torch's words on a GPU; on a CPU everything that is used here can be done."""

    def refuse(self, batch, batch_idx):
        assert torch.are_deterministic_algorithms_enabled() and os.environ["CUBLAS_WORKSPACE_CONFIG"]
        raise RuntimeError(
            "cumsum_cuda_kernel does not have a deterministic implementation, but you set "
            "'torch.use_deterministic_algorithms(True)'. You can turn off determinism just for ..."
        )

    monkeypatch.setattr(DeepHAM, "training_step", refuse)
    with pytest.raises(
        InputError, match="trainer.deterministic: cumsum_cuda_kernel does not.*trainer.deterministic=false"
    ):
        fit(settings("trainer.deterministic=true"), [], [])
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_signal_that_a_library_turns_into_another_error_is_a_signal_all_the_same():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted) as stop, interruptible(signal.SIGTERM):
        try:
            signal.raise_signal(signal.SIGTERM)
        except BaseException:
            raise AttributeError("half done") from None
    assert stop.value.exit_code == 143 and isinstance(stop.value.__cause__, AttributeError)
    with pytest.raises(AttributeError), interruptible(signal.SIGTERM):
        raise AttributeError("a bug, and no signal")
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_signal_that_was_lost_is_heeded_at_the_end_of_the_outer_iteration():
    with pytest.raises(Interrupted), interruptible(signal.SIGTERM):
        try:
            signal.raise_signal(signal.SIGTERM)
        except BaseException:
            pass
        heed()
    heed()  # that was another run
