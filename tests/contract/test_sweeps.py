"""Sweeps: bad settings end them before the first job, and at the end there is one table and one figure by setting."""

import csv
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir

from deepham.commands.cli import summarize
from deepham.runs.summary import duration
from deepham.system.paths import conf_folder

ROOT = Path(__file__).parents[2]


def installed(plugin):
    return bool(importlib.util.find_spec("hydra_plugins") and importlib.util.find_spec(f"hydra_plugins.{plugin}"))


def needs(plugin):
    return pytest.mark.skipif(not installed(plugin), reason=f"{plugin} comes with an extra")


@pytest.mark.slow
def test_a_sweep_is_one_table_and_one_figure_by_setting(command, script):
    code, output, errors = command("-m", "algorithm.horizon=-1,1", "seed=1,2", "figures=true")
    assert code == 1 and len(errors) == 2 and "By setting" in output
    assert "job 0, failed; 1 of 4 done, 1 failed; " in output and "job 3, euler.mean " in output
    assert "; 4 of 4 done, 2 failed; 0 s left" in output
    # the number is that of the table and of the folders, and what each job was given stands in its log without all the
    # rest
    assert output.count("job 3: ") == 1 and "burn_in:" not in output
    (home,) = (path.parent for path in Path("logs").glob("*/sweep.json"))
    with open(home / "settings.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["algorithm.horizon"], row["runs"], row["not finished"]) for row in rows] == [
        ("-1", "0", "2"),
        ("1", "2", "0"),
    ]
    values = [
        json.loads(path.read_text())["measures"]["euler.mean"] for path in Path("checkpoints").glob("*/metrics.json")
    ]
    assert float(rows[1]["euler.mean"]) == pytest.approx(sum(values) / 2)
    assert {path.suffix for path in home.glob("settings.*")} == {".md", ".csv", ".tex", ".png", ".pdf"}

    code, output, errors = script(summarize, f"runs=checkpoints/{home.name}*")
    assert (code, errors) == (0, []) and output.count("failed: algorithm.horizon") == 2 and "2 runs" in output
    assert Path("logs/summary/settings.csv").read_text() == (home / "settings.csv").read_text()
    assert Path("logs/summary/settings.png").is_file()


@pytest.mark.parametrize(
    "overrides, says",
    [(["measure=foo"], "there is euler.mean"), (["measure=[a]"], "there is euler.mean"), ([], "none of 1 is finished")],
)
def test_what_cannot_be_summarised_is_one_line(script, overrides, says):
    Path("r").mkdir()
    Path("r/status.json").write_text('{"state": "failed", "why": "a reason"}')
    code, _, errors = script(summarize, "runs=r", *overrides)
    assert code == 2 and len(errors) == 1 and says in errors[0]


@pytest.mark.parametrize(
    "overrides, says",
    [
        (["seed=1,abc"], "seed: expected a whole number"),
        (["seed=1,2", "network.widht=4"], "did you mean network.width"),
        (["network.width=4,8.5"], "network.width"),
        (["model.beta=0.98,x"], "model.beta"),
        (["network=first_moment,foo"], "choose from"),
        (["algorithm.horizon=1,2", "verdict.nodes=20,a"], "verdict.nodes"),
        (["seed=1,2", "optimized_metric=foo"], "there is euler.mean"),
        (["seed=1,2", "model=ks98,brock_mirman", "model.mu=0.1"], "mu"),
        (["optimized_metric=euler.mean,foo"], "there is euler.mean"),
        (["seed=range(2,1)"], "no value"),
        (["seed=1,2", "hydra/sweeper=foo"], "choose from basic"),
        (["seed=1,"], "seed=1,"),
    ],
)
def test_a_sweep_with_a_wrong_setting_ends_before_its_first_job(command, overrides, says):
    code, output, errors = command("-m", *overrides)
    assert code == 2 and len(errors) == 1 and says in errors[0], errors
    assert list(Path(".").iterdir()) == [] and output == ""


@pytest.mark.slow
def test_the_grid_that_ships_is_changed_by_the_command_line(command):
    code, output, errors = command("-m", "sweep=grid", "network.width=4", "algorithm.horizon=1,2", "seed=3")
    assert (code, errors) == (0, []) and "2 of 2 done" in output
    (home,) = (path.parent for path in Path("logs").glob("*/sweep.json"))
    jobs = json.loads((home / "sweep.json").read_text())["jobs"]
    assert [
        [text for text in job["overrides"] if text.startswith(("network", "algorithm.horizon", "seed"))] for job in jobs
    ] == [["network.width=4", f"algorithm.horizon={horizon}", "seed=3"] for horizon in (1, 2)]


@pytest.mark.slow
def test_a_sweep_of_a_name_goes_on_where_it_was(command):
    again = ("-m", "hydra.sweep.dir=logs/night", "run=r", "ckpt_path=auto", "seed=1,2")
    assert command(*again)[0] == 0
    weights = {path: path.read_bytes() for path in Path("checkpoints").glob("night-?-r/weights.safetensors")}
    assert len(weights) == 2
    next(iter(weights)).unlink()  # as if the job had been stopped before its end
    code, output, errors = command(*again)
    assert (code, errors) == (0, []) and "outer iteration 1/1" not in output
    assert {path: path.read_bytes() for path in Path("checkpoints").glob("night-?-r/weights.safetensors")} == weights


RATE = "algorithm.policy_optimizer.learning_rate="
HOPELESS = ("algorithm.outer_iterations=3", "callbacks.guard=null", f"{RATE}0.3")
STOP = ("callbacks=early_stop", "callbacks.early_stop.factor=2")


@pytest.mark.slow
def test_a_hopeless_job_is_stopped_measured_and_kept_out_of_the_means(command, script):
    code, output, errors = command(
        "-m",
        "hydra.sweep.dir=logs/s",
        "run=r",
        *HOPELESS[:-1],
        f"{RATE}0.001,0.002,0.003,0.3,0.0015",
        *STOP,
        "callbacks.early_stop.jobs=3",
    )
    assert (code, errors) == (0, []) and "outer iteration 2/3" in output
    assert "training stopped early, after outer iteration 1 of 3: euler.mean " in output
    found = {
        path.parent.name: json.loads(path.read_text()) for path in sorted(Path("checkpoints").glob("*/metrics.json"))
    }
    stopped = found["s-3-r"]["stopped_early"]
    assert [name for name, metrics in found.items() if metrics["stopped_early"]] == ["s-3-r"]
    assert (stopped["outer_iteration"], stopped["of"]) == (1, 3) and "the median of 3 other jobs" in stopped["why"]
    status = json.loads(Path("checkpoints/s-3-r/status.json").read_text())
    assert (status["state"], status["stopped_early"]) == ("finished", stopped)
    assert (
        f"job 3, euler.mean {found['s-3-r']['measures']['euler.mean']:.3g}, stopped after 1 of 3; 4 of 5 done, 0 failed"
        in output
    )
    assert [len(Path(f"logs/s-{job}-r/metrics.csv").read_text().splitlines()) - 1 for job in range(5)] == [
        3,
        3,
        3,
        1,
        3,
    ]
    assert {"last.ckpt", "weights.safetensors", "meta.json"} <= {
        path.name for path in Path("checkpoints/s-3-r").iterdir()
    }

    with open("logs/s/settings.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["runs"], row["stopped early"]) for row in rows] == [("1", "0")] * 4 + [("0", "1")]
    assert [row["euler.mean"] for row in rows][-1] == "nan"
    code, output, errors = script(summarize, "runs=checkpoints/s-*")
    assert (code, errors) == (0, []) and "s-3-r: stopped after 1 of 3" in output and "4 runs" in output
    assert Path("logs/summary/settings.csv").read_text() == Path("logs/s/settings.csv").read_text()

    # resumed it repeats its verdict, and without the callback it goes on to its end as if it had not been stopped
    before = Path("checkpoints/s-3-r/weights.safetensors").read_bytes()
    code, output, errors = command(*HOPELESS, "run=s-3-r", "ckpt_path=auto", *STOP)
    assert (
        (code, errors) == (0, [])
        and "outer iteration 2/3" not in output
        and "stopped early, after outer iteration 1" in output
    )
    assert Path("checkpoints/s-3-r/weights.safetensors").read_bytes() == before
    code, output, errors = command(*HOPELESS, "run=s-3-r", "ckpt_path=auto")
    # nor in the configuration
    assert (code, errors) == (0, []) and "outer iteration 3/3" in output
    assert "early_stop" not in output and "stopped early" not in output
    assert json.loads(Path("checkpoints/s-3-r/status.json").read_text())["stopped_early"] is None
    assert command(*HOPELESS, "run=whole")[0] == 0
    weights = [Path(f"checkpoints/{name}/weights.safetensors").read_bytes() for name in ("s-3-r", "whole")]
    assert weights[0] == weights[1] != before


@pytest.mark.parametrize(
    "options, stops",
    [
        ([], False),
        (["sweep=grid"], False),
        (["callbacks=early_stop"], True),
        *(
            pytest.param(options, stops, marks=needs("hydra_optuna_sweeper"))
            for options, stops in (
                (["sweep=random"], True),
                (["sweep=optuna"], True),
                (["sweep=random", "callbacks=default"], False),
            )
        ),
    ],
)
def test_early_stop_is_on_in_searches_alone_unless_asked_for(options, stops):
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        assert ("early_stop" in compose("train", overrides=options).callbacks) == stops


@pytest.mark.slow
def test_all_processes_of_a_hopeless_job_stop(command):
    code, output, errors = command(
        "-m", "run=r", *HOPELESS[:-1], f"{RATE}0.001,0.3", *STOP, "callbacks.early_stop.jobs=1", "trainer.processes=2"
    )
    assert (
        (code, errors) == (0, [])
        and "job 1, euler.mean " in output
        and ", stopped after 1 of 3; 2 of 2 done, 0 failed" in output
    )


def test_early_stop_outside_of_a_sweep_says_that_it_stops_nothing(command):
    code, output, errors = command("callbacks=early_stop")
    assert (code, errors) == (0, []) and output.count("this run is no job of a sweep") == 1


@pytest.mark.parametrize(
    "overrides, says",
    [
        (["measure=gini"], "there is euler.mean"),
        (["measure=[a]"], "there is euler.mean"),
        (["warm_up=2"], "a share from 0 to 1, got 2"),
        (["jobs=0"], "a whole number from 1 on, got 0"),
        (["factor=0.5"], "a number from 1 on, got 0.5"),
        (["factor=a"], "a number from 1 on, got 'a'"),
    ],
)
def test_a_wrong_setting_of_early_stop_is_one_line(command, overrides, says):
    code, output, errors = command("callbacks=early_stop", *(f"callbacks.early_stop.{text}" for text in overrides))
    assert code == 2 and len(errors) == 1 and says in errors[0] and output == "" and list(Path(".").iterdir()) == []


def test_early_stop_asks_for_the_errors_that_it_compares(command):
    code, output, errors = command("callbacks=early_stop", "callbacks.bellman_errors=null")
    assert (
        code == 2
        and len(errors) == 1
        and "off with callbacks.early_stop=null" in errors[0]
        and list(Path(".").iterdir()) == []
    )


@pytest.mark.parametrize(
    "override, plugin, extra",
    [
        ("hydra/launcher=joblib", "hydra_joblib_launcher", "sweep"),
        ("sweep=optuna", "hydra_optuna_sweeper", "sweep"),
        ("sweep=random", "hydra_optuna_sweeper", "sweep"),
        ("hydra/launcher=submitit_local", "hydra_submitit_launcher", "cluster"),
        ("hydra/launcher=slurm", "hydra_submitit_launcher", "cluster"),
    ],
)
def test_what_is_not_installed_says_which_extra_brings_it(command, override, plugin, extra):
    if installed(plugin):
        pytest.skip("what is tested is the message where it is not installed")
    code, output, errors = command("-m", override, "seed=1,2")
    assert code == 2 and len(errors) == 1 and f".[{extra}]" in errors[0] and output == ""


def test_every_extra_is_pinned():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    pins = {line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert {re.split(r"[\[<>=]", package)[0].lower() for packages in extras.values() for package in packages} <= pins
    assert {"sweep", "cluster", "mlflow", "wandb"} <= extras.keys()


@pytest.mark.parametrize(
    "seconds, says", [(0.2, "0 s"), (119, "119 s"), (120, "2 min"), (7000, "117 min"), (7200, "2 h")]
)
def test_the_time_left_is_in_a_unit_that_suits(seconds, says):
    assert duration(seconds) == says


PARALLEL = [
    pytest.param(launcher, marks=[pytest.mark.slow, needs(plugin)])
    for launcher, plugin in (("joblib", "hydra_joblib_launcher"), ("submitit_local", "hydra_submitit_launcher"))
]


def sweep(folder, *overrides):
    return subprocess.Popen(
        [sys.executable, str(ROOT / "scripts/train.py"), "-m", *overrides, "logger=none", "figures=false"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("launcher", PARALLEL)
def test_a_parallel_sweep_comes_to_the_same(tmp_path, tiny, launcher):
    found = []
    for seeds, code in (("1,2", 0), ("1,-1,2", 1)):
        process = sweep(tmp_path, *tiny, f"hydra/launcher={launcher}", f"seed={seeds}", f"hydra.sweep.dir=logs/{code}")
        output = process.communicate(timeout=300)[0]
        assert process.returncode == code, output
        jobs = json.loads((tmp_path / f"logs/{code}/sweep.json").read_text())["jobs"]
        found.append([job["state"] for job in jobs])
        assert [job["job"] for job in jobs] == list(range(len(jobs)))
        meta = json.loads((tmp_path / "checkpoints" / jobs[0]["run"] / "meta.json").read_text())
        assert f"hydra/launcher={launcher}" in meta["made_by"]["command"]
    assert found == [["finished"] * 2, ["finished", "failed", "finished"]]
    plain = sweep(tmp_path, *tiny, "seed=1,2", "hydra.sweep.dir=logs/plain")
    assert plain.communicate(timeout=300) and plain.returncode == 0
    assert (tmp_path / "logs/plain/settings.csv").read_text() == (tmp_path / "logs/0/settings.csv").read_text()


@pytest.mark.slow
@needs("hydra_joblib_launcher")
def test_a_hopeless_job_is_stopped_in_a_process_of_its_own(tmp_path, tiny):
    process = sweep(
        tmp_path,
        *tiny,
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
        *HOPELESS[:-1],
        f"{RATE}0.001,0.002,0.003,0.3",
        # two have ended before it begins
        *STOP,
        "callbacks.early_stop.jobs=2",
        "run=r",
        "hydra.sweep.dir=logs/s",
    )
    output = process.communicate(timeout=300)[0]
    jobs = json.loads((tmp_path / "logs/s/sweep.json").read_text())["jobs"]
    assert process.returncode == 0 and [bool(job["stopped_early"]) for job in jobs] == [False, False, False, True], (
        output
    )


@pytest.mark.slow
@needs("hydra_joblib_launcher")
def test_a_job_that_is_preempted_says_how_to_go_on_and_the_others_are_kept(tmp_path, tiny):
    process = sweep(
        tmp_path,
        *tiny,
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
        "algorithm.outer_iterations=100000,1",
        "run=r",
        "hydra.sweep.dir=logs/s",
    )
    job, end = tmp_path / "checkpoints/s-0-r", time.monotonic() + 120
    while time.monotonic() < end and not (job / "last.ckpt").exists():
        time.sleep(0.2)
    (worker,) = holders(job / ".lock")
    os.kill(worker, signal.SIGUSR1)
    output = process.communicate(timeout=120)[0]
    jobs = json.loads((tmp_path / "logs/s/sweep.json").read_text())["jobs"]
    assert [each["state"] for each in jobs] == ["interrupted", "finished"] and process.returncode == 1, output
    assert "ckpt_path=checkpoints/s-0-r" in jobs[0]["resume"] and jobs[0]["signal"] == "SIGUSR1"


def holders(path):
    """The processes that have the file open."""
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and any(
                os.readlink(handle) == str(path) for handle in (process / "fd").iterdir()
            ):
                yield int(process.name)
        except OSError:
            continue


@pytest.mark.slow
@needs("hydra_optuna_sweeper")
@pytest.mark.parametrize("search", ["random", "optuna"])
def test_a_search_goes_on_when_a_run_fails(tmp_path, tiny, search):
    process = sweep(
        tmp_path,
        *tiny,
        f"sweep={search}",
        "hydra.sweeper.n_trials=6",
        "network.width=choice(4,5,-1)",
        "hydra.sweep.dir=logs/s",
    )
    output = process.communicate(timeout=300)[0]
    jobs = json.loads((tmp_path / "logs/s/sweep.json").read_text())["jobs"]
    assert {job["state"] for job in jobs} == {"finished", "failed"} and len(jobs) == 6 and process.returncode == 1, (
        output
    )
    best = yaml.safe_load((tmp_path / "logs/s/optimization_results.yaml").read_text())
    values = [
        json.loads(path.read_text())["measures"]["euler.mean"]
        for path in (tmp_path / "checkpoints").glob("*/metrics.json")
    ]
    assert best["best_value"] == min(values)
