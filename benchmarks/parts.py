"""The parts of the benchmark: each measures in processes of its own and gives rows; tables and figures go to a
folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks import ROOT
from benchmarks.figure import growth as drawn
from benchmarks.rows import Row
from benchmarks.settings import BenchmarkSettings
from deepham.errors import ProcessLost
from deepham.presentation.figures import save_figures

OFFICIAL = 2.87  # seconds of a policy step of the official code on one CPU core: TensorFlow, float64, 384 x 50 x 150
PAPER = [
    "algorithm=deepham_paper",
    "algorithm.value_steps=1",
    "algorithm.realised_periods=1",
    "algorithm.dates=1",
    "algorithm.spacing=1",
]  # the policy's steps as published, and next to nothing before them
SMALL_NEWTON = ["network.width=4", "algorithm.newton.economies=2", "algorithm.newton.households=60"]
TRAIN = "from deepham.commands.cli import train; raise SystemExit(train())"


def start_up(settings: BenchmarkSettings, output: Path) -> Iterator[Row]:
    """Of the interpreter to the point where work begins, in processes that are new but whose files are in memory."""
    for what, arguments in (
        ("import torch", ["-c", "import torch"]),
        ("import deepham", ["-c", "import deepham"]),
        ("deepham.load and its summary", ["-c", f"import deepham; deepham.load({settings.solution!r}).summary()"]),
        ("train.py --help", ["-c", TRAIN, "--help"]),
        ("everything that training imports", ["-c", "import deepham.commands.train"]),
    ):
        yield Row.of("start_up", what, [_seconds(arguments) for _ in range(settings.repeats + 1)][1:], "s", "included")


def simulation(settings: BenchmarkSettings, output: Path) -> Iterator[Row]:
    """Simulated periods of a household, in a second."""
    large = ["algorithm.economies=384", "algorithm.agents=50"]
    for what, kind, overrides in (
        ("household-periods, 12 x 300", "panel", []),
        ("household-periods, 384 x 50", "panel", large),
        ("points of the continuum, 12 x 300", "continuum", []),
        ("household-periods with the gradient of all, 12 x 300", "gradient", []),
        ("household-periods with the gradient of all, 384 x 50", "gradient", large),
    ):
        periods = 20 if settings.small else 150
        given = {"overrides": [*overrides, *_device(settings)], "periods": periods, "repeats": settings.repeats}
        found = _child("simulation", kind=kind, **given)
        speed = [found["households"] * periods / seconds / 1e6 for seconds in found["seconds"]]
        yield Row.of("simulation", what, speed, "million/s", "excluded", found["peak_memory_mb"])


def steps(settings: BenchmarkSettings, output: Path) -> Iterator[Row]:
    """One update of the policy (and the value), and how little of it is arithmetic."""
    blocks = 2 if settings.small else 4 * settings.repeats
    yield _update("steps", "first-order update, 12 x 300 households", _device(settings), blocks)
    other = (
        ("first-order update by CUDA graphs", ["trainer.cuda_graphs=true"])
        if settings.gpus
        else ("first-order update with two threads", ["trainer.threads=2"])
    )
    yield _update("steps", other[0], [*_device(settings), *other[1]], blocks)
    newton = ["algorithm=euler_newton", *(SMALL_NEWTON if settings.small else [])]
    yield _update(
        "steps", "Newton update, 24 x 65 households", [*_device(settings), *newton], settings.repeats + 1, block=1
    )
    paper = _update(
        "steps",
        "policy step of the paper: 384 x 50, 150 periods",
        [*_device(settings), *PAPER],
        settings.repeats + 1,
        block=1,
    )
    yield paper
    yield Row.of(
        "steps",
        "official code's policy step over that",
        [1e3 * OFFICIAL / paper.value],
        "times",
        "excluded",
        note=f"{OFFICIAL} s on one core of another machine, float64",
    )
    if settings.gpus:
        return
    counted = _child("arithmetic", overrides=_device(settings))
    for what, value, unit in (
        ("first-order update: operations of its matrix products", counted["flops"] / 1e6, "million"),
        ("peak of this machine: matrix product", counted["peak"] / 1e9, "billion/s"),
        ("first-order update: its matrix products at that peak", 1e3 * counted["flops"] / counted["peak"], "ms"),
    ):
        yield Row.of("steps", what, [value], unit, "excluded")


def time_to_bar(settings: BenchmarkSettings, output: Path) -> Iterator[Row]:
    """From the start of the process to the verdict that the bar is met, of every seed."""
    overrides = [f"experiment={settings.to_the_bar}", f"trainer.gpus={settings.gpus}"]
    if settings.small:
        overrides += [
            "algorithm.outer_iterations=1",
            "algorithm.policy_steps=3",
            "verdict.burn_in=10",
            "verdict.periods=20",
            "verdict.dates=2",
        ]
    totals, within, met, peaks = [], [], [], []
    with TemporaryDirectory(prefix="deepham-") as home:
        for seed in settings.seeds:
            folders = [f"run=seed{seed}", f"log_dir={home}/logs", f"checkpoint_dir={home}/checkpoints"]
            totals.append(_seconds(["-c", TRAIN, *overrides, f"seed={seed}", *folders]))
            ended = json.loads(Path(home, "checkpoints", f"seed{seed}", "metrics.json").read_text())
            within.append(ended["seconds"]["total"])
            met.append(ended["bar_met"])
            peaks.append(ended["peak_memory_mb"])
    note = f"experiment={settings.to_the_bar}; the bar is met by {sum(met)} of {len(met)} seeds"
    yield Row.of("time_to_bar", "from the command to the verdict", totals, "s", "included", max(peaks), note)
    yield Row.of(
        "time_to_bar", "from the first line of the run to the verdict", within, "s", "excluded", max(peaks), note
    )


def processes(settings: BenchmarkSettings, output: Path) -> Iterator[Row]:
    """The same update shared by two processes of the CPU, or by all GPUs, over that of one."""
    ranks = torch.cuda.device_count() if settings.gpus else 2
    if ranks == 1:
        return
    shared = f"trainer.gpus={ranks}" if settings.gpus else f"trainer.processes={ranks}"
    blocks = 2 if settings.small else 4 * settings.repeats
    for economies in (6 * ranks, 24 * ranks):
        what, overrides = f"{economies} economies of 300", [f"algorithm.economies={economies}"]
        alone = _update("processes", f"{what}: update of one process", [*_device(settings), *overrides], blocks)
        together = _update(
            "processes", f"{what}: update with {shared}", [*_device(settings), *overrides, shared], blocks
        )
        yield from (alone, together)
        yield Row.of("processes", f"{what}: speed-up", [alone.value / together.value], "times", "excluded")


def growth(settings: BenchmarkSettings, output: Path) -> Iterator[Row]:
    """Time against sizes and its exponents, and growth.png and .pdf."""
    found = _child("growth", quick=settings.small, gpus=settings.gpus)
    for row in found["rows"]:
        what, grid = f"{row['axis']}: {row['size']}", row["axis"] == "grid"
        if grid and row["step_seconds"]:
            yield Row.of("growth", f"{what}, one step", [1e3 * row["step_seconds"]], "ms", "excluded")
        if row["seconds"]:  # a grid may be too large
            yield Row.of(
                "growth", what, [(1 if grid else 1e3) * row["seconds"]], "s, a solution" if grid else "ms", "excluded"
            )
    for axis, exponent in found["exponents"].items():
        yield Row.of("growth", f"exponent of {axis}", [exponent], "")
    save_figures({"growth": drawn(found)}, output)


def shocks(settings: BenchmarkSettings, output: Path) -> Iterator[Row]:
    """Whether errors stay where they are as aggregate shocks are added: the same networks, sizes and updates for every
    d.

    Always on the CPU.
    """
    for d in (1,) if settings.small else (1, 2, 5, 10, 30):
        found = _child("shocks", d=d, small=settings.small)
        yield Row.of("shocks", f"{d} shocks: training", [found["seconds"]], "s", "excluded", found["peak_memory_mb"])
        for measure, unit in (("euler.mean", "% cons."), ("euler.p99", "% cons."), ("bellman_policy.mean", "utils")):
            yield Row.of("shocks", f"{d} shocks: {measure}", [found["errors"][measure]], unit)
        for measure in ("mean_K_gap", "sd_K_gap", "path_gap.mean", "path_gap.max", "seconds"):
            if measure in found["gap"]:
                what, unit = f"{d} shocks, grid of {5**d} states: {measure}", "s" if measure == "seconds" else "%"
                yield Row.of("shocks", what, [found["gap"][measure]], unit)


PARTS: dict[str, Callable[[BenchmarkSettings, Path], Iterator[Row]]] = {
    "start_up": start_up,
    "simulation": simulation,
    "steps": steps,
    "time_to_bar": time_to_bar,
    "growth": growth,
    "shocks": shocks,
    "processes": processes,
}


def _device(settings: BenchmarkSettings) -> list[str]:
    """Where it computes, and a small batch where it only has to run."""
    return [f"trainer.gpus={settings.gpus}", *(["algorithm.economies=2"] if settings.small else [])]


def _update(part: str, what: str, overrides: list[str], blocks: int, block: int = 10) -> Row:
    """Of one update; in blocks of ten, since SOAP computes its eigenbases anew in every tenth."""
    found = _child("updates", overrides=overrides, blocks=blocks, block=block)
    return Row.of(
        part, what, [1e3 * seconds for seconds in found["seconds"]], "ms", "excluded", found["peak_memory_mb"]
    )


def _child(case: str, **arguments) -> dict:
    """What a case of cases.py returns, from a process of its own."""
    return json.loads(_run(["-m", "benchmarks.cases", case, json.dumps(arguments)]).splitlines()[-1])


def _seconds(arguments: list[str]) -> float:
    began = time.perf_counter()
    _run(arguments)
    return time.perf_counter() - began


def _run(arguments: list[str]) -> str:
    """Output of a fresh interpreter. Raises ProcessLost with its last line where it fails."""
    found = os.pathsep.join([str(ROOT), *filter(None, sys.path)])  # what this process finds, wherever it was started
    environment = os.environ | {"PYTHONPATH": found}
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment)
    if done.returncode:
        raise ProcessLost(
            f"benchmark: {' '.join(arguments)[:200]} failed: {(done.stderr.strip().splitlines() or ['no word'])[-1]}"
        )
    return done.stdout
