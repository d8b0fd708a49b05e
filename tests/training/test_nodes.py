"""One run in tasks that srun or torchrun has started: here processes of one machine, with the variables that these
set."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from tasks import end, start
from test_processes import digest

from deepham.commands.cli import train
from deepham.commands.started_by import find_environment
from deepham.runs.checkpoints import read_checkpoint
from deepham.system import nodes as tested
from deepham.system.nodes import Tasks
from deepham.training.module import DeepHAM

SCRIPT = Path(__file__).parents[2] / "scripts/train.py"
SIZES = [
    "algorithm=deepham",
    "algorithm.outer_iterations=8",
    "algorithm.policy_steps=4",
    "algorithm.economies=12",
    "algorithm.agents=6",
    "algorithm.burn_in=3",
    "verdict.nodes=20",
    "verdict.burn_in=2",
    "verdict.periods=4",
    "verdict.dates=2",
    "figures=false",
    "logger=none",
    "run=r",
]
ENDLESS = "algorithm.outer_iterations=100000"

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not torch.distributed.is_available(), reason="there is no kill"
)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return one.getsockname()[1]


def by_srun(rank, nodes, each, port):
    """Variables of a task, in a job that was started from a shell: Lightning would take it for no task."""
    return {
        "SLURM_JOB_ID": "4711",
        "SLURM_JOB_NAME": "bash",
        "SLURM_NODELIST": "localhost,other",
        "SLURM_STEP_ID": "0",
        "SLURM_STEP_NUM_NODES": str(nodes),
        "SLURM_NTASKS": str(nodes * each),
        "SLURM_NTASKS_PER_NODE": str(each),
        "SLURM_PROCID": str(rank),
        "SLURM_LOCALID": str(rank % each),
        "SLURM_NODEID": str(rank // each),
        "MASTER_PORT": str(port),
    }


def by_torchrun(rank, nodes, each, port):
    return {
        "TORCHELASTIC_RUN_ID": "none",
        "RANK": str(rank),
        "WORLD_SIZE": str(nodes * each),
        "LOCAL_RANK": str(rank % each),
        "LOCAL_WORLD_SIZE": str(each),
        "GROUP_RANK": str(rank // each),
        "GROUP_WORLD_SIZE": str(nodes),
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
    }


@pytest.fixture
def tasks(tmp_path):
    """tasks(*overrides) starts the tasks of a run in an empty folder, first the one that is to lead."""
    started = []

    def launch(*overrides, by=by_srun, nodes=2, each=1):
        port = free_port()
        flags, settings = ([text for text in overrides if text.startswith("-") == is_flag] for is_flag in (True, False))
        line = [*flags, *SIZES, f"trainer.nodes={nodes}", *settings]
        started[:] = [start(tmp_path, f"task{rank}", by(rank, nodes, each, port), line) for rank in range(nodes * each)]
        return list(started)

    yield launch
    for process in started:
        process.kill()


def said(folder, rank):
    """What a task has printed, and its lines of errors."""
    return (folder / f"task{rank}.out").read_text(), (folder / f"task{rank}.err").read_text().splitlines()


def status(folder):
    return json.loads((folder / "checkpoints/r/status.json").read_text())


def await_outer_iterations(folder, number):
    until = time.monotonic() + 60
    while len(rows(folder)) < number:
        assert time.monotonic() < until, said(folder, 0)
        time.sleep(0.02)


def rows(folder):
    try:
        return (folder / "logs/r/metrics.csv").read_text().splitlines()[1:]
    except FileNotFoundError:
        return []


def result(folder):
    """What training came to."""
    found = read_checkpoint(folder / "checkpoints/r/last.ckpt")
    measures = json.loads((folder / "checkpoints/r/metrics.json").read_text())["measures"]
    return measures | {
        key: digest(found[key]) for key in ("state_dict", "optimizer_states", "lr_schedulers", "PanelData", "updates")
    }


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What two processes of one machine come to, as they start each other."""
    folder = tmp_path_factory.mktemp("together")
    assert end(start(folder, "task0", {}, [*SIZES, "trainer.processes=2"])) == 0, said(folder, 0)
    return result(folder)


@pytest.mark.slow
@pytest.mark.parametrize("by", [by_srun, by_torchrun])
def test_two_nodes_come_to_what_two_processes_do(tasks, tmp_path, together, by):
    """To the last bit: the same streams of random numbers, and sums in the same order."""
    assert [end(task) for task in tasks(by=by)] == [0, 0]
    assert result(tmp_path) == together
    assert said(tmp_path, 1) == ("", []) and said(tmp_path, 0)[1] == [] and "2 nodes" in said(tmp_path, 0)[0]


@pytest.mark.slow
def test_a_signal_to_all_saves_and_the_run_goes_on_exactly(tasks, tmp_path, together):
    started = tasks()
    await_outer_iterations(tmp_path, 2)
    for task in reversed(started):  # as srun does; those that do not lead are deaf
        os.kill(task.pid, signal.SIGUSR1)
    assert [end(task) for task in started] == [138, 138]
    assert said(tmp_path, 0)[1] == said(tmp_path, 1)[1] == []
    left = status(tmp_path)
    assert left["state"] == "interrupted" and left["signal"] == "SIGUSR1"
    assert left["resume"].startswith("srun --nodes=2 --ntasks-per-node=1 ") and "trainer.nodes=2" in left["resume"]
    assert read_checkpoint(tmp_path / "checkpoints/r/last.ckpt")["epoch"] < 7
    assert [end(task) for task in tasks("ckpt_path=auto", by=by_torchrun)] == [0, 0]
    assert result(tmp_path) == together


@pytest.mark.slow
def test_a_task_that_is_killed_ends_all_in_one_line(tasks, tmp_path):
    started = tasks(ENDLESS, nodes=3)
    await_outer_iterations(tmp_path, 2)
    started[2].kill()
    assert [end(task) for task in started] == [1, 1, 137]
    assert said(tmp_path, 1) == ("", [])
    assert said(tmp_path, 0)[1] == [
        f"error: lost process 3 of 3 on {socket.gethostname()}; training cannot go on without it"
    ]
    left = status(tmp_path)
    assert left["state"] == "failed" and "process 3 of 3" in left["why"] and "trainer.nodes=3" in left["resume"]
    assert read_checkpoint(tmp_path / "checkpoints/r/last.ckpt")["epoch"] >= 1


def make_faulty():
    def training_step(self, batch, batch_idx):
        raise ZeroDivisionError

    DeepHAM.training_step = training_step


@pytest.mark.slow
def test_a_task_that_fails_says_why_and_ends_all(tmp_path):
    port = free_port()
    started = [
        start(tmp_path, f"task{rank}", by_srun(rank, 2, 1, port), [*SIZES, "trainer.nodes=2"], prepare)
        for rank, prepare in ((0, None), (1, make_faulty))
    ]
    assert [end(task) for task in started] == [1, 1]
    assert said(tmp_path, 1)[1][-1].endswith("ZeroDivisionError") and "process 2 of 2" in said(tmp_path, 0)[1][-1]


@pytest.mark.slow
def test_all_end_with_the_first_also_when_it_is_killed(tasks, tmp_path):
    started = tasks(ENDLESS)
    await_outer_iterations(tmp_path, 1)
    started[0].kill()
    assert [end(task) for task in started] == [137, 1]


@pytest.mark.parametrize(
    "overrides, says",
    [
        (["seed=-1"], "seed: expected a whole number"),
        (["model.beto=1"], "model.beto: unknown key"),
        (["trainer.nodes=two"], "trainer.nodes"),
        (["trainer.processes=2"], "expected 4 tasks, 2 on each node"),
        (["-m", "seed=1,2"], "trainer.nodes=2: a run over nodes is no job of a sweep"),
    ],
)
def test_bad_input_is_one_line_of_one_task_and_ends_all(tasks, tmp_path, overrides, says):
    started = tasks(*overrides)
    assert [end(task) for task in started] == [2, 2]
    errors = said(tmp_path, 0)[1]
    assert len(errors) == 1 and says in errors[0] and said(tmp_path, 1) == ("", [])
    assert not (tmp_path / "checkpoints").exists()


def make_impatient():
    tested.JOINING = timedelta(seconds=1)


def test_who_does_not_come_is_said(tmp_path):
    port = free_port()
    for rank, says in (
        (0, "not all of 2 tasks have come within"),
        (1, f"task 2 of 2 found nobody at localhost:{port}"),
    ):
        task = start(tmp_path, f"task{rank}", by_srun(rank, 2, 1, port), [*SIZES, "trainer.nodes=2"], make_impatient)
        assert end(task) == 1
        assert says in said(tmp_path, rank)[1][-1]
    assert not (tmp_path / "checkpoints").exists()


# -- what has started this process -------------------------------------------------------------------------------------


@pytest.fixture
def variables(monkeypatch):
    """variables(**environment): nothing else of a cluster is set."""

    def put(**environment):
        for name in list(os.environ):
            if name.startswith(("SLURM_", "TORCHELASTIC_", "MASTER_")):
                monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    put()
    return put


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """command(*overrides) runs the training script in an empty folder: exit code, lines of standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*overrides):
        monkeypatch.setattr(sys, "argv", ["train.py", *SIZES, "algorithm.outer_iterations=1", *overrides])
        return train(), capsys.readouterr().err.splitlines()

    return call


BATCH = {name: value for name, value in by_srun(0, 2, 1, 1).items() if name not in ("SLURM_STEP_ID", "MASTER_PORT")}


@pytest.mark.parametrize(
    "environment",
    [{}, BATCH, BATCH | {"SLURM_STEP_ID": str(2**32 - 6)}],
    ids=["no cluster", "a batch script", "an interactive shell"],
)
def test_several_nodes_take_srun_or_torchrun(command, variables, environment):
    variables(**environment)
    code, errors = command("trainer.nodes=2", "trainer.processes=3")
    assert code == 2 and len(errors) == 1 and list(Path(".").iterdir()) == []
    assert (
        "srun --nodes=2 --ntasks-per-node=3 python" in errors[0]
        and "torchrun --nnodes=2 --nproc-per-node=3" in errors[0]
    )


UNCOUNTED = {name: value for name, value in by_srun(0, 2, 1, 1).items() if name != "SLURM_NTASKS_PER_NODE"}


@pytest.mark.parametrize(
    "environment, says",
    [
        (UNCOUNTED, "--ntasks-per-node"),
        (by_torchrun(0, 2, 1, 1) | {"TORCHELASTIC_MAX_RESTARTS": "3"}, "--max-restarts"),
    ],
)
def test_tasks_that_cannot_meet_are_refused_by_the_first_of_them(command, variables, tmp_path, environment, says):
    variables(**environment)
    code, errors = command("trainer.nodes=2")
    assert code == 2 and len(errors) == 1 and says in errors[0]
    other = start(tmp_path, "task1", environment | {"RANK": "1", "SLURM_PROCID": "1"}, [*SIZES, "trainer.nodes=2"])
    assert end(other) == 2 and said(tmp_path, 1) == ("", [])


def test_a_task_alone_is_not_two(command, variables):
    variables(
        **{name: value for name, value in by_srun(0, 1, 1, free_port()).items() if name != "SLURM_NTASKS_PER_NODE"}
    )
    code, errors = command("trainer.nodes=2")
    assert code == 2 and len(errors) == 1 and "expected 2 tasks, 1 on each node" in errors[0] and "got 1;" in errors[0]
    assert Tasks.current is None and not torch.distributed.is_initialized() and list(Path(".").iterdir()) == []


@pytest.mark.parametrize(
    "environment",
    [BATCH, by_srun(0, 1, 1, 1), by_srun(1, 2, 1, 1), by_torchrun(1, 2, 1, 1)],
    ids=["a batch script", "a task", "one of two tasks", "one of torchrun's"],
)
def test_one_node_does_not_look_at_the_cluster(command, variables, environment, monkeypatch, tmp_path, recwarn):
    srun = tmp_path / "bin/srun"
    srun.parent.mkdir()
    srun.touch(0o700)
    monkeypatch.setenv("PATH", str(srun.parent), prepend=os.pathsep)
    variables(**environment | {"SLURM_NTASKS_PER_NODE": "7"})
    assert command("trainer.nodes=1") == (0, [])
    assert status(Path("."))["state"] == "finished"
    assert not any("srun" in str(warning.message) for warning in recwarn)  # Lightning's advice, which would be wrong


def test_torchrun_in_a_slurm_job_is_torchrun(variables):
    variables(**by_srun(1, 2, 1, 1) | by_torchrun(3, 2, 2, 29500))
    found = find_environment()
    assert (found.global_rank(), found.world_size(), found.local_rank(), found.main_port) == (3, 4, 1, 29500)


@pytest.mark.parametrize("nodes, first", [("gpu[01-04,07],big3", "gpu01"), ("node7", "node7"), ("a-1,b-[1-2]", "a-1")])
def test_the_first_node_serves_the_others(variables, nodes, first):
    task = by_srun(1, 2, 2, 1) | {"SLURM_NODELIST": nodes, "SLURM_JOB_ID": "1234567"}
    del task["MASTER_PORT"]
    variables(**task)
    found = find_environment()
    assert (found.main_address, found.main_port) == (first, 15000 + 4567)
    assert (found.global_rank(), found.world_size(), found.local_rank()) == (1, 4, 1)


# -- torchrun itself ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_torchrun_on_two_nodes_of_two_processes(tmp_path, together):
    """On one machine, of which it does not know; and the same bits as one process that starts three."""
    endpoint = f"localhost:{free_port()}"
    results = []
    for overrides, name in (
        (["trainer.nodes=2", "trainer.processes=2"], "nodes"),
        (["trainer.processes=4"], "processes"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        program = (
            [
                sys.executable,
                "-m",
                "torch.distributed.run",
                "--nnodes=2",
                "--nproc-per-node=2",
                "--rdzv-backend=c10d",
                f"--rdzv-endpoint={endpoint}",
            ]
            if name == "nodes"
            else [sys.executable]
        )
        started = [
            subprocess.Popen(
                [*program, str(SCRIPT), *SIZES, *overrides],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(2 if name == "nodes" else 1)
        ]
        outputs = [process.communicate(timeout=300)[0] for process in started]
        assert [process.returncode for process in started] == [0] * len(started), outputs
        results.append(result(folder))
    assert results[0] == results[1]
    assert "torchrun --nnodes=2 --nproc-per-node=2" in (tmp_path / "nodes/checkpoints/r/meta.json").read_text()
