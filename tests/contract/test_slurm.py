"""A sweep as a SLURM array, on stand-ins for SLURM's commands that run the jobs on this machine."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from slurm import directives, install
from test_sweeps import holders

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("submitit") is None, reason="hydra_submitit_launcher comes with the extra cluster"
    ),
]


@pytest.fixture
def sweep(tmp_path, tiny):
    """sweep(*overrides) starts one on the cluster."""
    environment = install(tmp_path / "cluster") | {"OMP_NUM_THREADS": "1"}

    def start(*overrides):
        command = [
            sys.executable,
            str(ROOT / "scripts/train.py"),
            "-m",
            "hydra/launcher=slurm",
            *tiny,
            *overrides,
            "hydra.sweep.dir=logs/night",
            "logger=none",
            "figures=false",
        ]
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    return start


def jobs(folder):
    return json.loads((folder / "logs/night/sweep.json").read_text())["jobs"]


def submitted(folder):
    return {path.name: directives(path.read_text()) for path in (folder / "cluster/submitted").iterdir()}


def rows(folder):
    path = folder / "logs/night-0-r/metrics.csv"
    return path.read_text().splitlines()[1:] if path.exists() else []


def test_a_sweep_is_an_array(tmp_path, sweep):
    process = sweep(
        "seed=1,-1,2",
        "trainer.threads=2",
        "hydra.launcher.partition=cpu",
        "hydra.launcher.gpus_per_node=1",
        "hydra.launcher.array_parallelism=2",
        "hydra.launcher.timeout_min=30",
    )
    output = process.communicate(timeout=300)[0]
    assert process.returncode == 1, output
    (asked,) = submitted(tmp_path).values()
    expected = {
        "array": "0-2%2",
        "time": "30",
        "mem": "4GB",
        "cpus-per-task": "2",
        "gpus-per-node": "1",
        "partition": "cpu",
        "signal": "USR1@120",
        "nodes": "1",
        "ntasks-per-node": "1",
        "job-name": "deepham",
    }
    assert expected.items() <= asked.items()
    assert [job["state"] for job in jobs(tmp_path)] == ["finished", "failed", "finished"]
    assert "By setting" in output and (tmp_path / "logs/night/settings.csv").is_file()
    assert {path.read_text() for path in (tmp_path / "cluster/states").iterdir()} == {"COMPLETED"}


def test_a_preempted_job_leaves_the_others_and_goes_on_when_the_command_is_repeated(tmp_path, sweep):
    again = ("run=r", "ckpt_path=auto", "algorithm.outer_iterations=20,1")
    process = sweep(*again)
    job, until = tmp_path / "checkpoints/night-0-r", time.monotonic() + 120
    while len(rows(tmp_path)) < 3:
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.02)
    (task,) = holders(job / ".lock")
    os.kill(task, signal.SIGUSR1)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 1 and [each["state"] for each in jobs(tmp_path)] == ["interrupted", "finished"], output
    assert jobs(tmp_path)[0]["signal"] == "SIGUSR1" and "ckpt_path=checkpoints/night-0-r" in jobs(tmp_path)[0]["resume"]
    assert not (tmp_path / "cluster/called").exists()  # nothing is requeued: the command is repeated

    kept = (job / "last.ckpt").read_bytes()
    process = sweep(*again)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0 and [each["state"] for each in jobs(tmp_path)] == ["finished", "finished"], output
    assert (job / "last.ckpt").read_bytes() != kept and len(submitted(tmp_path)) == 2
    assert [row.split(",")[0] for row in rows(tmp_path)] == [str(number) for number in range(1, 21)]
    undisturbed = sweep("hydra/launcher=basic", "run=alone", "algorithm.outer_iterations=20")
    assert undisturbed.communicate(timeout=120) and undisturbed.returncode == 0
    weights = [(tmp_path / f"checkpoints/night-0-{name}/weights.safetensors").read_bytes() for name in ("r", "alone")]
    assert weights[0] == weights[1]
