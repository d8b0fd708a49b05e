"""The command line: what a run leaves behind, exit codes, and one line for every bad input."""

import csv
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

import deepham
from deepham.commands.cli import train
from deepham.runs.overrides import override
from deepham.training.module import DeepHAM

ROOT = Path(__file__).parents[2]
SQUARE = "[[0.5,0.5,0,0],[0.5,0.5,0,0],[0,0,0.5,0.5],[0,0,0.5,0.6]]"


def test_a_run_leaves_a_solution_a_checkpoint_measures_and_logs(command):
    code, output, errors = command("run=r", "algorithm.outer_iterations=2", "figures=true")
    assert (code, errors) == (0, [])
    kept = {path.name for path in Path("checkpoints/r").iterdir()}
    assert {
        "last.ckpt",
        "weights.safetensors",
        "ergodic.safetensors",
        "config.yaml",
        "meta.json",
        "metrics.json",
        "status.json",
    } <= kept
    measures = json.loads(Path("checkpoints/r/metrics.json").read_text())
    assert measures["bar_met"] is False and "euler.mean" in measures["missed"]
    assert measures["measures"]["euler.mean"] > 0
    with open("logs/r/metrics.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["outer_iteration"] for row in rows] == ["1", "2"]
    assert float(rows[1]["errors/bellman_policy.mean"]) > 0 and float(rows[1]["distribution/gini"]) > 0
    assert {"config.yaml", "train.log"} <= {path.name for path in Path("logs/r").iterdir()}
    drawn = {path.name for path in Path("logs/r/report").iterdir() if path.stat().st_size > 10_000}
    assert drawn == {f"{name}.png" for name in ("solution", "wealth", "policy", "capital", "errors")}
    assert "THE BAR IS MISSED" in output and "Verdict" in output
    assert output.index("model:") < output.index("outer iteration 1/2"), "the configuration comes before the training"
    solution = deepham.load("checkpoints/r")
    assert solution.consumption(k=10.0, eps="employed", z="good") > 0


def test_an_encoding_without_greek_letters_or_lines_costs_nothing(command, monkeypatch):
    """What Windows gives a file that output is redirected to."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    assert command("run=r", "checkpoint_dir='β'")[0] == 0
    said = stream.buffer.getvalue().decode("cp1252")
    assert "Verdict on r" in said and "\\u03b2/r/" in said and "-----" in said
    assert json.loads(Path("β/r/status.json").read_text())["state"] == "finished"


@pytest.mark.slow
def test_the_solution_is_kept_before_it_is_talked_about(command, monkeypatch):
    """Neither the figures, nor a logger, nor the table may cost the run its solution."""

    def fail(*args):
        raise ZeroDivisionError

    for index, name in enumerate(("Conclusion.figures", "end_logging", "say_results")):
        where = f"deepham.commands.conclusion.{name}" if "." in name else f"deepham.commands.train.{name}"
        with monkeypatch.context() as patch:
            patch.setattr(where, fail)
            assert command(f"run=r{index}", "figures=true")[0] == 1
        assert json.loads(Path(f"checkpoints/r{index}/metrics.json").read_text())["measures"]
        assert deepham.load(f"checkpoints/r{index}").name == "ks98"


def test_each_callback_can_be_switched_off(command):
    names = ("bellman_errors", "asset_distribution", "aggregates", "progress")
    code, output, _ = command("run=r", *(f"callbacks.{name}=null" for name in names))
    assert code == 0 and "outer iteration 1/1" not in output
    header = Path("logs/r/metrics.csv").read_text().splitlines()[0].split(",")
    assert {name.split("/")[0] for name in header} == {"outer_iteration", "train", "timing"}


def test_a_run_that_diverges_says_where_and_how_to_resume(command, monkeypatch):
    def nothing(utility, weight):
        return float("nan") * utility.mean()

    monkeypatch.setattr("deepham.algorithm.gradients.policy_loss", nothing)
    for name, guard in (("guarded", "callbacks.guard.every=1"), ("free", "callbacks.guard=null")):
        code, output, errors = command(f"run={name}", guard)
        assert code == 1 and len(errors) == 1 and "the policy loss is not a number in step 1" in errors[0]
        assert output.count("going back to the last checkpoint") == 1
        folder = Path("checkpoints") / name
        status = json.loads((folder / "status.json").read_text())
        assert status["state"] == "failed" and f"ckpt_path={folder}" in status["resume"]
        assert status["why"] in errors[0].replace("error: ", "TrainingDiverged: ")
        assert not (folder / "weights.safetensors").exists() and (folder / "last.ckpt").exists()


@pytest.mark.slow
def test_a_sweep_runs_the_rest_when_a_job_fails_and_exits_1(command):
    code, output, errors = command("-m", "seed=1,-1,2")
    assert code == 1 and len(errors) == 1 and "seed" in errors[0]
    folders = sorted(Path("checkpoints").iterdir(), key=lambda path: path.name.split("-")[4])
    assert [folder.name.split("-")[4] for folder in folders] == ["0", "1", "2"]
    status = [json.loads((folder / "status.json").read_text()) for folder in folders]
    assert [job["state"] for job in status] == ["finished", "failed", "finished"]
    assert "seed: expected a whole number" in status[1]["why"] and status[1]["overrides"][-1] == "seed=-1"
    assert [path.name for path in folders[1].iterdir()] == ["status.json"]
    summary = next(Path("logs").glob("sweep-*/sweep.json"))
    assert json.loads(summary.read_text())["jobs"] == status
    assert "3 jobs, 1 failed" in output and str(summary) in output


@pytest.mark.parametrize(
    "override, says",
    [
        ("model.alhpa=0.3", "did you mean model.alpha"),
        ("bogus=1", "unknown key"),
        ("+bogus=1", "unknown key"),
        ("+model.bogus=1", "bogus"),
        ("model=foo", "choose from .*ks98"),
        ("model=null", "group"),
        ("network=foo", "choose from .*first_moment"),
        ("algorithm=foo", "choose from deepham, deepham_paper, euler_newton, neighbour"),
        ("model.alpha=abc", "model.alpha: .*'abc'"),
        ("model.alpha=null", "model.alpha"),
        ("model.beta=1.0", r"model.beta: expected a number in \(0, 1\), got 1"),
        ("model.beta=.nan", "model.beta"),
        ("model.delta=-0.1", "model.delta"),
        (f"model.chain_matrix={SQUARE}", "row 3 sums to 1.1"),
        ("model.productivity=[1]", "productivity"),
        ("model.productivity=3", "expected a list"),
        ("algorithm.agents=0", "algorithm.agents: expected at least 1, got 0"),
        ("algorithm.horizon=1.5", "algorithm.horizon"),
        ("algorithm.players=none", "all or first"),
        ("algorithm.price_taking=false", "algorithm.slope"),
        ("algorithm.policy_optimizer.learning_rate=-1", "learning_rate"),
        ("network.width=0", "network.width"),
        ("network.activation=foo", "tanh"),
        ("network.moments=-1", "network.moments"),
        ("network.moments=one", "network.moments"),
        ("network.moments_shared=true", "no moments to share"),
        ("network.aggregates=false", "do not see the population"),
        ("network.quantiles=1e99", "network.quantiles"),
        ("seed=-1", "seed"),
        ("seed=abc", "seed"),
        ("trainer.gpus=-3", "trainer.gpus"),
        ("trainer.gpus=two", "trainer.gpus"),
        ("trainer.threads=0", "trainer.threads"),
        ("trainer.processes=0", "trainer.processes: expected 1 to 1024, got 0"),
        ("trainer.processes=3", "algorithm.economies: 2 economies cannot be split evenly over 3 processes"),
        ("verdict.nodes=1", "verdict.nodes"),
        ("optimized_metric=foo", "there is euler.mean"),
        ("verdict.dates=100", "verdict.dates"),
        ("verdict=null", "group"),
        ("~seed", "seed"),
        ("seed=???", "seed"),
        ("trainer.threads=9999999999999", "trainer.threads"),
        ("algorithm.agents=100000000000000000000", "algorithm.agents"),
        (
            "algorithm.agents=1000000000",
            r"algorithm.agents=1000000000: about .* GB of memory, .* GB are available; lower .*agents",
        ),
        ("network.width=1000000000000000000", "network: width, .* more than .* weights"),
        ("algorithm.policy_optimizer=null", "policy_optimizer"),
        ("algorithm.name=a/b", "run: expected a name"),
        ("model.alpha=0.9999", "steady state"),
        ("model.unemployment=[0.2,0.04]", "chain_matrix"),
        ("checkpoint_dir=logs", "two folders"),
        ("callbacks.guard.every=0", "every"),
        ("callbacks.bellman_errors.economies=-1", "economies"),
        ("callbacks.asset_distribution.figure_every=abc", "figure_every"),
        ("callbacks.solution_figures.figure_every=-1", "figure_every"),
        ("callbacks.guard._target_=deepham.commands.train.os.getcwd", "no class"),
        ("callbacks.guard._target_=deepham.solution.solution.Solution", "callbacks"),
        ("ckpt_path=nowhere", "ckpt_path: nowhere"),
        ("ckpt_path=last", "no run"),
        (f"ckpt_path={'x' * 300}", "ckpt_path: .*does not exist"),
        ("ckpt_path=3", "ckpt_path"),
        ("ckpt_path=[a]", "ckpt_path"),
        ("ckpt_path=auto", "ckpt_path=auto: .*run="),
        ("run=../elsewhere", "run: expected a name"),
        ("callbacks.guard._target_=os.system", "refused"),
        ("callbacks.guard=3", "callbacks.guard"),
        ("+callbacks.guard.bogus=1", "bogus"),
        ("+callbacks.mine._target_=deepham.callbacks.nothing.Here", "mine|nothing"),
        ("model.alpha", "model.alpha"),
        ("log_dir=" + "x" * 5000, "log_dir: .*cannot be a folder"),
        ("checkpoint_dir='a\0b'", "checkpoint_dir"),
        ("callbacks=[]", "callbacks"),
        ("seed=" + "9" * 3000, "seed"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2_and_nothing_is_written(command, override, says):
    code, output, errors = command(override)
    assert code == 2
    assert len(errors) == 1 and errors[0].startswith("error: ") and re.search(says, errors[0]), errors
    assert output == ""
    assert list(Path(".").iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_said_with_what_torch_sees(command):
    code, _, errors = command("trainer.gpus=1")
    assert code == 2 and len(errors) == 1 and torch.__version__ in errors[0] and "trainer.gpus=0" in errors[0]


def test_a_run_folder_that_exists_is_refused_and_left_alone(command):
    assert command("run=r")[0] == 0
    before = {path: path.stat().st_mtime_ns for path in Path(".").rglob("*")}
    code, _, errors = command("run=r")
    assert code == 2 and len(errors) == 1 and "exists and is not empty" in errors[0]
    assert {path: path.stat().st_mtime_ns for path in Path(".").rglob("*")} == before


def test_a_foreign_or_damaged_checkpoint_is_refused(command):
    assert command("run=r")[0] == 0
    checkpoint = Path("checkpoints/r/last.ckpt")
    Path("half.ckpt").write_bytes(checkpoint.read_bytes()[:5000])
    torch.save({"state_dict": {}}, "foreign.ckpt")
    for path in ("half.ckpt", "foreign.ckpt"):
        code, _, errors = command(f"ckpt_path={path}", "run=s")
        assert code == 2 and len(errors) == 1 and "not a checkpoint of deepham" in errors[0]
    code, _, errors = command("ckpt_path=checkpoints/r", "model.beta=0.98")
    assert code == 2 and "model.beta=0.99" in errors[0] and "0.98" in errors[0]


def test_a_run_is_resumed_with_what_it_was_trained_with(monkeypatch, command):
    assert command("run=r", "seed=7", "model.beta=0.98", "network.width=8")[0] == 0
    before = json.loads(Path("checkpoints/r/metrics.json").read_text())["measures"]
    monkeypatch.setattr(sys, "argv", ["train.py", "ckpt_path=last"])
    assert train() == 0
    assert json.loads(Path("checkpoints/r/metrics.json").read_text())["measures"] == before


@pytest.mark.slow
def test_a_run_whose_folders_were_moved_goes_on_with_its_own_name_and_settings(command):
    """The settings are not read from its logs, which may be anywhere, and a setting that is typed replaces that one
    alone."""
    assert command("run=r", "algorithm.outer_iterations=2")[0] == 0
    before = json.loads(Path("checkpoints/r/metrics.json").read_text())["measures"]
    os.rename("checkpoints", "old, (a=1)"), os.rename("logs", "old logs")
    checkpoint = override("ckpt_path", "old, (a=1)/r")
    code, output, _ = command(checkpoint, sizes=[])
    assert code == 0 and not Path("checkpoints").exists() and "old, (a=1)/r/" in output
    assert json.loads(Path("old, (a=1)/r/metrics.json").read_text())["measures"] == before
    config = yaml.safe_load(Path("logs/r/config.yaml").read_text())
    assert (config["run"], config["figures"], config["verdict"]["nodes"]) == ("r", False, 20)
    assert command(checkpoint, "verdict.nodes=30", sizes=[])[0] == 0
    assert yaml.safe_load(Path("logs/r/config.yaml").read_text())["verdict"] == config["verdict"] | {"nodes": 30}

    shutil.copy("old, (a=1)/r/last.ckpt", "copy.ckpt")
    assert command("ckpt_path=copy.ckpt", "log_dir=others", sizes=[])[0] == 0
    assert json.loads(Path("checkpoints/r/metrics.json").read_text())["measures"] == before
    code, _, errors = command(checkpoint, sizes=[])
    assert code == 2 and "another run called r in checkpoints" in errors[0]


def test_resuming_a_finished_run_repeats_its_result(command):
    assert command("run=r")[0] == 0
    before = json.loads(Path("checkpoints/r/metrics.json").read_text())["measures"]
    for path in ("last", "checkpoints/r/last.ckpt"):
        assert command(f"ckpt_path={path}")[0] == 0
        assert json.loads(Path("checkpoints/r/metrics.json").read_text())["measures"] == before


@pytest.mark.parametrize(
    "name, code",
    [
        ("SIGINT", 130),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in [("SIGTERM", 143), ("SIGUSR1", 138), ("SIGHUP", 129)]
        ),
    ],
)
def test_an_interrupted_run_says_how_to_resume_and_resumes(command, monkeypatch, name, code):
    number = getattr(signal, name)
    step = DeepHAM.training_step

    def interrupted(self, batch, batch_idx):
        if self.current_epoch == 1:
            signal.raise_signal(number)
        return step(self, batch, batch_idx)

    before = [signal.getsignal(each) for each in signal.valid_signals()]
    with monkeypatch.context() as patch:
        patch.setattr(DeepHAM, "training_step", interrupted)
        exit_code, output, errors = command("run=r", "algorithm.outer_iterations=2", "logger=none")
    assert (exit_code, errors) == (code, [])
    status = json.loads(Path("checkpoints/r/status.json").read_text())
    assert (status["state"], status["signal"]) == ("interrupted", name) and status["resume"] in output
    assert [signal.getsignal(each) for each in signal.valid_signals()] == before
    script, *overrides = shlex.split(status["resume"])[1:]
    assert script == "scripts/train.py" and overrides[-1] == "ckpt_path=checkpoints/r"
    assert command(*overrides, sizes=())[0] == 0
    with open("logs/r/metrics.csv", encoding="utf-8") as file:
        assert [row["outer_iteration"] for row in csv.DictReader(file)] == ["1", "2"]


def test_help_is_fast_and_for_people():
    start = time.monotonic()
    shown = subprocess.run([sys.executable, str(ROOT / "scripts/train.py"), "--help"], capture_output=True, text=True)
    assert shown.returncode == 0 and "model" in shown.stdout and "ks98" in shown.stdout
    assert time.monotonic() - start < 30  # a sign of life, not a benchmark


def test_solve_from_python_keeps_nothing_on_disk(tmp_path, monkeypatch, tiny):
    monkeypatch.chdir(tmp_path)
    solution = deepham.solve("ks98", beta=0.985, overrides=tiny)
    assert solution.calibration["beta"] == 0.985
    assert list(tmp_path.iterdir()) == []
    for overrides in (["seed=3"], ["run=x"], "algorithm.horizon=2", ["algorithm.bogus=2"]):
        with pytest.raises(deepham.InputError):
            deepham.solve("ks98", overrides=overrides)
    for wrong, says in ((dict(bta=0.9), "did you mean beta"), (dict(beta=2.0), "beta"), (dict(seed=-1), "seed")):
        with pytest.raises(deepham.InputError, match=says):
            deepham.solve("ks98", **wrong)
    with pytest.raises(deepham.InputError, match="no economy"):
        deepham.solve("nowhere")


def test_importing_deepham_loads_neither_hydra_nor_lightning_nor_matplotlib():
    code = "import sys, deepham; deepham.load; print(any(m in sys.modules for m in ('hydra','lightning','matplotlib')))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
    assert shown.stdout.strip() == "False"


def test_a_run_can_start_from_a_solution_of_another_calibration(command):
    assert command("run=first")[0] == 0
    assert (
        command(
            "run=second",
            "init_from=checkpoints/first",
            "model.beta=0.985",
            "algorithm.policy_optimizer.learning_rate=1e-12",
        )[0]
        == 0
    )
    first, second = deepham.load("checkpoints/first"), deepham.load("checkpoints/second")
    for one, other in zip(first.policy_function.mlp.parameters(), second.policy_function.mlp.parameters()):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    assert second.calibration["beta"] == 0.985 and first.calibration["beta"] == 0.99


def test_a_shipped_solution_is_a_starting_point(command):
    code, output, errors = command("run=r", "init_from=ks98")
    assert (code, errors) == (0, [])
    measures = json.loads(Path("checkpoints/r/metrics.json").read_text())["measures"]
    assert measures["euler.mean"] < 0.5  # two updates on eight households do not undo it; untrained: above 1


@pytest.mark.parametrize(
    "overrides, says",
    [
        (["init_from=nowhere"], "ships with the package"),
        (["init_from=ks98", "network.width=16"], "network.width=24"),
        (["init_from=ks98", "model=brock_mirman"], "solution of ks98, this run is of brock_mirman"),
        (["init_from=ks98", "ckpt_path=last"], "ckpt_path"),
    ],
)
def test_what_is_no_starting_point_is_said_in_one_line(command, overrides, says):
    code, output, errors = command("run=r", *overrides)
    assert code == 2 and len(errors) == 1 and says in errors[0] and not Path("checkpoints").exists()


def test_too_few_agents_for_a_rare_state_are_refused(command):
    code, _, errors = command("model=rare_event", "algorithm.economies=1", "algorithm.agents=3")
    assert code == 2 and len(errors) == 1 and "algorithm.agents" in errors[0] and "state high" in errors[0]
    assert command("model=rare_event", "algorithm.agents=null", "run=continuum")[0] == 0


def test_a_solution_says_how_it_was_made(command):
    assert command("run=r", "algorithm.outer_iterations=2")[0] == 0
    meta = deepham.load("checkpoints/r").meta
    assert "algorithm.outer_iterations=2" in meta["made_by"]["command"] and meta["made_by"]["seconds"]["total"] > 0
    assert {"hardware", "python", "peak_memory_mb", "lightning"} <= set(meta["made_by"])
    assert meta["history"]["outer_iteration"] == [1, 2] and len(meta["history"]["errors/euler.mean"]) == 2


@pytest.mark.parametrize(
    "typed, instead",
    [
        (
            "algorithm.agents=50",
            "set algorithm.newton.households instead, or train by gradients with algorithm=deepham",
        ),
        ("algorithm.policy_optimizer.learning_rate=1e-3", "algorithm.newton.largest_step"),
        ("++algorithm.horizon=2", "by Newton steps (algorithm.steps_by=euler_newton); train by gradients"),
    ],
)
def test_what_newton_steps_do_not_read_is_refused_where_it_is_typed(command, typed, instead):
    for words in ([typed], ["-m", "seed=1,2", typed]):
        code, _, errors = command("algorithm=euler_newton", *words)
        assert code == 2 and len(errors) == 1 and errors[0].startswith(f"error: {typed}: ") and instead in errors[0]
        assert list(Path(".").iterdir()) == [], "before anything is written"
    with pytest.raises(deepham.InputError, match="not read by Newton steps"):
        deepham.solve("ks98", overrides=["algorithm=euler_newton", typed.lstrip("+")])


@pytest.mark.slow
def test_files_may_set_the_sizes_of_both_ways_of_training(command):
    """Those of olg6 set its agents, which Newton steps do not read."""
    assert command("algorithm=euler_newton", "model=olg6", "run=r")[0] == 0
