"""A run that is interrupted or killed, at any moment, ends like one that was left in peace."""

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from deepham.runs.checkpoints import LastCheckpoint

TRIALS = Path(__file__).parent / "trials.py"
SIZES = [
    "algorithm=deepham",
    "algorithm.outer_iterations=6",
    "algorithm.policy_steps=4",
    "algorithm.economies=2",
    "algorithm.agents=8",
    "algorithm.burn_in=2",
    "verdict.nodes=20",
    "verdict.burn_in=2",
    "verdict.periods=4",
    "verdict.dates=2",
    "figures=false",
    "callbacks.asset_distribution.figure_every=6",
]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is neither fork nor kill")


def survive(folder, number, trials, seed=1, *more):
    command = [sys.executable, str(TRIALS), str(folder), str(int(number)), str(seed), str(trials), *SIZES, *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr
    undisturbed, *results = [json.loads(line) for line in done.stdout.splitlines()]
    assert undisturbed["codes"] == [0] and undisturbed["outcome"]["state"] == "finished"
    assert [row[0] for row in undisturbed["outcome"]["rows"]] == ["outer_iteration", *"123456"]
    assert len(results) == trials
    for result in results:
        assert result["outcome"] == undisturbed["outcome"], result
    return results


def check_killed(results):
    hit = [result for result in results if 128 + signal.SIGKILL in result["codes"]]
    assert len(hit) > len(results) / 2, "the signals came after the runs"


def check_interrupted(results, number):
    hit = [result for result in results if 128 + number in result["codes"]]
    assert len(hit) > len(results) / 2, "the signals came after the runs"
    states = {moment for result in hit for moment in result["moments"] if isinstance(moment, str)}
    # "finished" or "running" where the signal came between the last word of the run and its end, or before its first
    assert "interrupted" in states


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(tmp_path):
    check_killed(survive(tmp_path, signal.SIGKILL, 4))


@pytest.mark.slow
def test_an_interrupted_run_goes_on_where_it_was(tmp_path):
    check_interrupted(survive(tmp_path, signal.SIGTERM, 2, seed=3), signal.SIGTERM)


@pytest.mark.slow
def test_neither_metrics_nor_tensorboard_show_an_outer_iteration_twice(command, monkeypatch):
    """The signal comes after the third is logged and before its checkpoint is there."""
    save = LastCheckpoint._save

    def interrupted(self, trainer):
        if trainer.current_epoch == 2:
            signal.raise_signal(signal.SIGTERM)
        save(self, trainer)

    with monkeypatch.context() as patch:
        patch.setattr(LastCheckpoint, "_save", interrupted)
        assert command("run=r", "algorithm.outer_iterations=4")[0] == 143
    assert events() == [1, 2, 3]
    code, output, errors = command("algorithm.outer_iterations=4", "ckpt_path=last")
    assert (code, errors) == (0, []) and "outer iteration 3/4" in output and "outer iteration 2/4" not in output
    assert events() == [1, 2, 3, 4]
    with open("logs/r/metrics.csv", encoding="utf-8") as file:
        assert [row["outer_iteration"] for row in csv.DictReader(file)] == ["1", "2", "3", "4"]


def events():
    """Outer iterations of which TensorBoard shows a loss."""
    read = EventAccumulator("logs/r")
    read.Reload()
    return [event.step for event in read.Scalars("train/policy_loss")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_so_do_two_processes(tmp_path, name):
    number = getattr(signal, name)
    results = survive(tmp_path, number, 5, 11, "trainer.processes=2")
    check_killed(results) if name == "SIGKILL" else check_interrupted(results, number)


@pytest.mark.slow
@pytest.mark.parametrize("name, trials", [("SIGKILL", 40), ("SIGINT", 12), ("SIGTERM", 12), ("SIGUSR1", 12)])
def test_many_trials(tmp_path, name, trials):
    number = getattr(signal, name)
    results = survive(tmp_path, number, trials, seed=7)
    check_killed(results) if name == "SIGKILL" else check_interrupted(results, number)
