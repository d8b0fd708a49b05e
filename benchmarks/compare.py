"""Other codes beside ours, in one run on one thread: what they solve, how long it takes, and how exact the answer is.

    pip install -c constraints.txt -e ".[compare]"
    python -m benchmarks.compare                       # all of it: compare.md, .csv and .tex in logs/compare
    python -m benchmarks.compare --only hark --small   # one part of it, at sizes that only show that it runs

Every answer to Krusell and Smith (1998) is measured by the same definitions, on the same shocks, and against the grid
solution that ships with deepham: HARK's, too. Times are seconds of the processor, on one thread, for the solution
alone: no imports, no compilation, no verdict. What takes less than a second is the median of three.

Not here: scikit-agent 0.2.0. It states economies of many households (its Aiyagari has a fixed savings rate), but what
it solves them for is a symmetric equilibrium of N players, who each move prices, and no competitive one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields, replace
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from hydra import compose, initialize_config_dir

import deepham
from benchmarks.rows import number
from benchmarks.unit import machine_unit
from deepham import economics
from deepham.algorithm.ergodic import VerdictSettings
from deepham.commands.conclusion import conclude
from deepham.commands.configuration import read
from deepham.economics.ks98 import KS98
from deepham.errors import InputError
from deepham.presentation.file_table import FileTable
from deepham.presentation.saying import say
from deepham.reference.compare import measure_against
from deepham.reference.forecasts import LawOfMotion
from deepham.reference.grid_solution import GridSolution
from deepham.reference.settings import settings_for
from deepham.reference.solve import solve_reference
from deepham.reference.stationary import solve_stationary
from deepham.simulation.period import World
from deepham.system.allocator import keep_freed_memory
from deepham.system.paths import conf_folder
from deepham.system.threads import one_thread
from deepham.training.fit import computing, fit
from deepham.training.settings import Settings

VERDICT = VerdictSettings(nodes=600, top=8.0, burn_in=2000, periods=3000, dates=30, bars="quick")
SMALL = replace(VERDICT, nodes=60, burn_in=20, periods=40, dates=4)
PERIODS = 40  # quarters of a response
REPEATS = 3


@dataclass(frozen=True)
class Line:
    """A row of the table; what was not measured is None.

    Attributes:
        code: whose it is.
        what: it solves, and how.
        kind: what aggregate risk is to it: global, none or linear.
        seconds, units: of the solution; units of the machine.
        euler_mean, euler_p99: percent of consumption.
        path: largest distance of the path of K to the grid's on the same shocks, or of a response of K to the linear
            one; percent, of K or of the response's peak.
        wealth_sd: distance of the standard deviation of wealth to the grid's, percent.
    """

    code: str
    what: str
    kind: str
    seconds: float
    units: float | None = None
    euler_mean: float | None = None
    euler_p99: float | None = None
    path: float | None = None
    wealth_sd: float | None = None


HEADINGS = ("code", "what", "aggregate risk", "s", "units", "Euler, mean, %", "99 %", "K, max, %", "sd of wealth, %")


def ours(small: bool) -> Iterator[Line]:
    """Krusell and Smith here: by the grid, and by Newton steps."""
    for what, changes in (("grid, fewer nodes", FEWER), ("grid", {})):
        seconds, found = _timed(lambda changes=changes: _grid(TINY if small else changes))
        yield _measured(
            "deepham", what, seconds, World(found.economy, found.policy_function, found.value_function), small
        )
    for what, overrides in (("networks, 20 Newton updates", ["experiment=ks98_quick"]), ("networks, 32", [])):
        settings = _settings([*overrides, *(TINY_NETWORKS if small else [])])
        seconds, (module, _) = _timed(lambda settings=settings: fit(settings, [], []))
        policy, value = module.policy_average.double(), module.value_average.double()
        yield _measured("deepham", what, seconds, World(settings.economy, policy, value), small)


def hark(small: bool) -> Iterator[Line]:
    """The same economy by HARK, on its own nodes and on more."""
    from benchmarks.hark import Sizes, solve

    economy, law = KS98(**economics.create("ks98").parameters()), deepham.solve_on_grid("ks98", progress=False).law
    assert isinstance(law, LawOfMotion)
    tiny = Sizes(savings=12, resources=5, households=200, quarters=150, burn_in=50, tolerance=1.0)
    for what, sizes in (("32 nodes of savings", Sizes()), ("200 nodes", Sizes(savings=200))):
        seconds, world = _timed(lambda sizes=sizes: solve(economy, tiny if small else sizes, law))
        yield _measured("HARK", f"grid, {what}", seconds, world, small)


def linear(small: bool) -> Iterator[Line]:
    """Krusell and Smith with an autoregression, by sequence-jacobian: what is linear, and ours beside it."""
    from benchmarks.sequence_space import SIZES, Model
    from benchmarks.sequence_space import SMALL as FEW

    model = Model.of_the_example(FEW)
    model.jacobian(model.at_rest())  # compiles
    model = replace(model, calibration=model.calibration | (FEW if small else SIZES))
    seconds, rest = _timed(model.at_rest, REPEATS)
    yield Line("sequence-jacobian", "ks98_ar1: steady state, 7 incomes, 500 nodes", "none", seconds)
    seconds, jacobian = _timed(lambda: model.jacobian(rest), REPEATS)
    yield Line("sequence-jacobian", "ks98_ar1: Jacobians of 300 quarters", "linear", seconds)
    nodes = {"k_nodes": 30, "histogram_nodes": 30} if small else {}
    calm = economics.create("ks98_ar1", sd_Z=0.0)
    seconds, _ = _timed(lambda: solve_stationary(calm, settings_for("ks98_ar1", nodes)), REPEATS)
    yield Line("deepham", "ks98_ar1: steady state, grid of 7 incomes, 200 nodes", "none", seconds)
    settings = _settings(["model=ks98_ar1", *(TINY_NETWORKS if small else [])])
    seconds, (module, data) = _timed(lambda: fit(settings, [], []))
    with computing(settings.trainer):
        end = conclude(settings, module, data, None)
    response = end.solution.irf({"Z": 1.0}, unit="percent", periods=PERIODS, draws=20, baseline="forced")["K"].values
    path = model.response(rest, jacobian, "K", PERIODS)
    off = 100 * float(np.abs(response - path).max() / np.abs(path).max())
    errors = end.measures["euler.mean"], end.measures["euler.p99"]
    yield Line("deepham", "ks98_ar1: networks, 32 Newton updates", "global", seconds, None, *errors, off)


PARTS: dict[str, Callable[[bool], Iterator[Line]]] = {"ours": ours, "hark": hark, "linear": linear}
NEEDS = {"hark": "HARK", "linear": "sequence_jacobian"}
FEWER = {"k_nodes": 100, "K_nodes": 9, "economies": 4, "histogram_nodes": 200, "periods": 1500}
TINY = {"k_nodes": 40, "K_nodes": 5, "histogram_nodes": 60, "burn_in": 50, "periods": 300, "tolerance": 1e-3}
TINY_NETWORKS = ["network.width=4", "algorithm.outer_iterations=1"]


def _measured(code: str, what: str, seconds: float, world: World, small: bool) -> Line:
    """With the errors of what was found, by the definitions and on the shocks of every verdict."""
    settings = VERDICT if not small else SMALL
    _, _, found = measure_against(world, deepham.solve_on_grid("ks98", progress=False), settings, 1)
    errors = (found[name] for name in ("euler.mean", "euler.p99", "path_gap.max", "wealth_sd_gap"))
    return Line(code, what, "global", seconds, None, *errors)


def _grid(changes: dict) -> GridSolution:
    return solve_reference(economics.create("ks98"), settings_for("ks98", changes), None, "ks98")


def _settings(overrides: list[str]) -> Settings:
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return read(compose("train", overrides=["logger=none", *overrides]))


def _timed(call: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Seconds, the median of so many repeats, and what the last of them returned."""
    taken, found = [], None
    for _ in range(repeats):
        began = time.process_time()
        found = call()
        taken.append(time.process_time() - began)
    return median(taken), found


def sheet(lines: list[Line]) -> FileTable:
    """For markdown, CSV and LaTeX."""
    exact = [astuple(line) for line in lines]
    rows = [
        tuple("" if cell is None else cell if isinstance(cell, str) else number(cell) for cell in row) for row in exact
    ]
    return FileTable(HEADINGS, rows, "lllrrrrrr", tuple(each.name for each in fields(Line)), exact)


def run(parts: list[str], small: bool, output: Path) -> list[Line]:
    """Measure, say and write; after each line, so that none is lost with the next.

    Raises:
        InputError: a part whose package is missing.
    """
    for part in parts:
        if part in NEEDS and find_spec(NEEDS[part]) is None:
            raise InputError(f'{part}: {NEEDS[part]} is missing; pip install -c constraints.txt -e ".[compare]"')
    output.mkdir(parents=True, exist_ok=True)
    lines, unit = [], 1.0
    with one_thread():
        for part in parts:
            unit = machine_unit(time.process_time)
            say(f"machine unit {number(unit)} s")
            for line in PARTS[part](small):
                lines.append(replace(line, units=line.seconds / unit))
                say("  ".join(sheet(lines).rows[-1]))
                sheet(lines).write(output, "compare")
    return lines


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description="Other codes beside ours.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts; without it all of them")
    parser.add_argument("--small", action="store_true", help="sizes that only show that it runs")
    parser.add_argument("--output", type=Path, default=Path("logs/compare"), help="folder of compare.md, .csv and .tex")
    given = parser.parse_args(arguments)
    keep_freed_memory()
    try:
        run(given.only, given.small, given.output)
    except InputError as error:
        say(f"error: {error}")
        return 2
    say(f"{given.output}/compare.md, .csv, .tex")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
