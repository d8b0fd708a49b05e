"""How several processes end: together, whoever of them it is that ends, and as one process would."""

import json
import multiprocessing
import multiprocessing.spawn
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import lightning
import psutil
import pytest
import safetensors.torch
import torch

from deepham.callbacks.guard import Guard
from deepham.commands.cli import train
from deepham.errors import ProcessLost, TrainingDiverged
from deepham.runs.checkpoints import read_checkpoint
from deepham.runs.folders import RunFolders
from deepham.simulation.period import Panel
from deepham.training.fit import OFFENDING, fit
from deepham.training.module import DeepHAM
from deepham.training.stream import Batch

FIRST_ORDER = "algorithm=deepham"
SIZES = [
    "algorithm.outer_iterations=2",
    "algorithm.policy_steps=4",
    "algorithm.economies=4",
    "algorithm.agents=6",
    "algorithm.burn_in=3",
    "trainer.processes=2",
]

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not torch.distributed.is_available(), reason="there is no kill"
)


@pytest.fixture
def folders(tmp_path):
    return RunFolders("run", tmp_path, tmp_path)


def workers():
    """The processes that train beside this one."""
    return [psutil.Process(process.pid) for process in multiprocessing.active_children()]


def no_process_is_left():
    return workers() == []


class Spoil(lightning.Callback):
    """The second process holds assets that are no number, once."""

    every_process = True

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        if (trainer.current_epoch, batch_idx, module.retreats, trainer.datamodule.ranks.rank) == (1, 2, 0, 1):
            batch.panel.population.k[1, 4] = float("nan")


@pytest.mark.slow
def test_a_number_that_is_none_in_one_process_takes_all_of_them_back(settings, folders, caplog):
    module, data = fit(settings(*SIZES), [Spoil()], [], folders)
    assert module.retreats == 1 and module.updates == 8 and bool(data.panel.population.k.isfinite().all())
    assert "a state of the population is not a number in step 3 of outer iteration 2; going back" in caplog.text
    bad = safetensors.torch.load_file(folders.checkpoints / OFFENDING)
    assert bad["k"].isnan().nonzero().tolist() == [[3, 4]]  # of all economies, the second process's last
    assert no_process_is_left()


def test_a_policy_that_runs_away_in_one_process_stops_all(ks98, bm_panel):
    class Others:
        def gather(self, item):
            return [item, "mean k of an economy is 1"]

    panel = Panel(bm_panel.population.with_assets(torch.full((4, 7), 40.0)), bm_panel.z)
    trainer, module = SimpleNamespace(current_epoch=0), SimpleNamespace(economy=ks98, at_once=True, ranks=Others())
    with pytest.raises(TrainingDiverged, match="the policy has run away: mean k of an economy is 1 in step 1"):
        Guard().on_train_batch_start(trainer, module, Batch(panel), 0)
    assert Guard.every_process


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """command(*overrides) runs the training script in an empty folder: exit code, lines of standard error, status."""
    monkeypatch.chdir(tmp_path)

    def call(*overrides):
        tiny = [
            "verdict.nodes=20",
            "verdict.burn_in=2",
            "verdict.periods=4",
            "verdict.dates=2",
            "figures=false",
            "logger=none",
        ]
        monkeypatch.setattr(sys, "argv", ["train.py", FIRST_ORDER, *SIZES, *tiny, "run=r", *overrides])
        code, errors = train(), capsys.readouterr().err.splitlines()
        assert no_process_is_left()
        status = Path("checkpoints/r/status.json")
        return code, errors, json.loads(status.read_text())

    return call


@pytest.fixture
def meanwhile(monkeypatch):
    """meanwhile(act) calls act(step) in the process that was started, in each step of the second outer iteration."""

    def plant(act):
        honest = DeepHAM.training_step

        def training_step(self, batch, batch_idx):
            if self.current_epoch == 1:
                act(batch_idx)
            return honest(self, batch, batch_idx)

        monkeypatch.setattr(DeepHAM, "training_step", training_step)

    return plant


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_run_in_one_line(command, meanwhile):
    meanwhile(lambda step: [worker.kill() for worker in workers()])
    code, errors, status = command()
    assert code == 1 and len(errors) == 1 and "process 2 of 2 was ended by SIGKILL" in errors[0]
    assert status["state"] == "failed" and "process 2 of 2" in status["why"] and SIZES[-1] in status["resume"]
    assert read_checkpoint(Path("checkpoints/r/last.ckpt"))["epoch"] == 0  # the first outer iteration is kept


@pytest.mark.slow
def test_a_signal_ends_the_run_as_it_ends_one_process_and_is_not_for_the_others(command, meanwhile):
    def terminate(step):
        if step == 1:
            for worker in workers():
                worker.send_signal(signal.SIGTERM), worker.send_signal(signal.SIGINT)  # as a cluster and a terminal do
        elif step == 3:
            signal.raise_signal(signal.SIGTERM)

    meanwhile(terminate)
    code, errors, status = command()
    assert (code, errors) == (143, []) and status["state"] == "interrupted" and SIZES[-1] in status["resume"]
    assert read_checkpoint(Path("checkpoints/r/last.ckpt"))["epoch"] == 0


@pytest.mark.slow
def test_the_others_end_with_the_first_also_when_it_is_killed(tmp_path):
    command = [
        sys.executable,
        "-c",
        "from deepham.commands.cli import train; train()",
        FIRST_ORDER,
        *SIZES,
        "run=r",
        "algorithm.outer_iterations=100000",
    ]
    run = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not (tmp_path / "checkpoints/r/last.ckpt").exists():
        assert time.monotonic() < until and run.poll() is None
        time.sleep(0.05)
    others = psutil.Process(run.pid).children()
    run.kill(), run.wait()
    assert others and psutil.wait_procs(others, timeout=10)[1] == []


WAITING = """
import multiprocessing, sys
from deepham.system.processes import _work_beside
worker = multiprocessing.get_context("spawn").Process(target=_work_beside, args=(0, 2, sys.argv[1]))
worker.start()
print(worker.pid, flush=True)
"""


@pytest.mark.slow
def test_a_process_that_waits_for_the_first_ends_with_it(tmp_path):
    """Before they are connected, and whatever ends the first."""
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, str(tmp_path / "store")], stdout=subprocess.PIPE, text=True
    ) as first:
        worker = psutil.Process(int(first.stdout.readline()))
        time.sleep(0.5)
        assert worker.is_running()
        first.kill()
        assert psutil.wait_procs([worker], timeout=10)[1] == []


def test_a_process_that_cannot_start_is_named(settings, folders, monkeypatch, tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o700)
    monkeypatch.setattr(multiprocessing.spawn, "_python_exe", os.fsencode(program))
    with pytest.raises(ProcessLost, match="process 2 of 2 ended with exit code 3; "):
        fit(settings(*SIZES), [], [], folders)
    assert no_process_is_left()


class Fail(lightning.Callback):
    """The second process has a bug."""

    every_process = True

    def on_train_start(self, trainer, module):
        if trainer.datamodule.ranks.rank == 1:
            raise ZeroDivisionError("no room")


@pytest.mark.slow
def test_a_process_that_fails_is_said_with_its_last_words(settings, folders):
    with pytest.raises(ProcessLost, match=r"process 2 of 2 ended with exit code 1 \(ZeroDivisionError: no room\); "):
        fit(settings(*SIZES), [Fail()], [], folders)
    assert no_process_is_left()
