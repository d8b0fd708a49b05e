"""How the time of one update grows with everything that has a size, and the time of a grid solution beside it.

One update is what training does between two steps of its schedule: the panel moves, the policy and then the value
network take their gradient steps, the averages follow. It is timed inside Lightning's loop, in blocks of BLOCK updates
(SOAP computes its eigenbases anew in every tenth); a figure is the median over blocks.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from benchmarks.accuracy import DIRECTIONS, POINTS, grid_settings
from benchmarks.many_shocks import many_shocks
from benchmarks.timing import Timed, seconds
from benchmarks.train import model_of, shipped, train
from deepham import economics
from deepham.economics.ks98 import KS98
from deepham.reference.forecasts import LawOfMotion
from deepham.reference.household import HouseholdProblem
from deepham.reference.law_of_motion import household_grid, solve_law_of_motion
from deepham.reference.settings import ReferenceSettings

BLOCK = 10  # updates
REPEATS = 5  # blocks that are timed
# shocks that a grid is solved with; in the 125 states of three a path is too seldom in some to regress a law of motion
SOLVED = 2
STEPPED = 3  # shocks that one step is timed with; of four the chain alone has 1.5 million numbers
STEPS = 3  # of the household's problem on the grid that are timed


@dataclass(frozen=True)
class Axis:
    """Something that has a size.

    Attributes:
        label: of an axis in a figure.
        sizes: from small to large.
        setting: size -> (model, network, algorithm), what differs from the shipped settings of Krusell-Smith.
    """

    label: str
    sizes: tuple[int, ...]
    setting: Callable[[int], tuple[dict | None, dict, dict]]


SHOCKS = (1, 2, 5, 10, 20, 30)
AXES = {
    "agents": Axis("agents in each economy", (50, 100, 300, 1000, 3000, 10_000), lambda n: (None, {}, {"agents": n})),
    "economies": Axis("economies in a batch", (2, 4, 8, 16, 32, 64, 128), lambda n: (None, {}, {"economies": n})),
    "horizon": Axis("periods of the objective", (1, 2, 5, 10, 20, 50), lambda n: (None, {}, {"horizon": n})),
    "moments": Axis("generalized moments", (1, 2, 4, 8, 16, 32), lambda n: (None, {"moments": n}, {})),
    "shocks": Axis("aggregate shocks, full quadrature", SHOCKS, lambda d: (model_of(many_shocks(d)), {}, {})),
    "shocks_directions": Axis(
        "aggregate shocks, random directions", SHOCKS, lambda d: (model_of(many_shocks(d, DIRECTIONS)), {}, {})
    ),
}
QUICK = {"agents": 20, "economies": 2}
QUICK_GRID = {
    "k_nodes": 20,
    "K_nodes": 3,
    "histogram_nodes": 30,
    "economies": 2,
    "burn_in": 20,
    "periods": 600,
    "tolerance": 1e-2,
}


def measure_growth(quick: bool = False, gpus: int = 0) -> dict:
    """Time every axis at every size, and the grid solution for as many shocks as it can carry.

    Args:
        quick: a few seconds in all, with sizes that show that it runs and no more.
        gpus: 0 (the CPU) or 1, of the networks; the grid solution is computed on the CPU.

    Returns:
        "rows": dictionaries with axis, size and seconds (of one update; of axis "grid": one solution, None if not
        computed, with the number of aggregate states in "states" and "step_seconds", one step of the household's
        problem); "exponents": by axis, see `exponent`; "grid" and "grid_step" are in the number of aggregate states.
    """
    rows = []
    for name, axis in AXES.items():
        for size in axis.sizes[:2] if quick else axis.sizes:
            rows.append({"axis": name, "size": size, "seconds": time_update(*axis.setting(size), quick, gpus)})
    rows += grid_growth(1, 1, QUICK_GRID) if quick else grid_growth(SOLVED, STEPPED, {})
    return {"rows": rows, "exponents": exponents(rows)}


def time_update(model: dict | None, network: dict, algorithm: dict, quick: bool = False, gpus: int = 0) -> float:
    """Seconds of one update with the shipped settings of Krusell-Smith, except for those given; see the module."""
    timed = Timed(*((2, 2) if quick else (REPEATS, BLOCK)))
    steps = {"outer_iterations": 1, "policy_steps": timed.steps, "burn_in": 1}
    train(
        model or {"name": "ks98"} | economics.calibration("ks98"),
        shipped("network", "first_moment", **network),
        shipped("algorithm", "deepham", **steps | (QUICK if quick else {}) | algorithm),
        callbacks=(timed,),
        gpus=gpus,
    )
    return statistics.median(timed.seconds)


def grid_growth(solved: int, stepped: int, changed: dict) -> list[dict]:
    """Rows of axis "grid": one step of the household's problem with 1 ... `stepped` shocks, POINTS^d aggregate states,
    and the whole solution with 1 ... `solved`.

    The grids in k and K are the same for every d.

    Args:
        changed: settings in place of those of `grid_settings`.
    """
    rows = []
    for d in range(1, stepped + 1):
        settings, (economy, _) = replace(grid_settings(d), **changed), many_shocks(d).on_grid(POINTS)
        row = {"axis": "grid", "size": d, "states": POINTS**d, "seconds": None}
        rows.append(row | {"step_seconds": _time_step(economy, settings)})
        if d <= solved:
            begun = time.perf_counter()
            solve_law_of_motion(economy, settings)
            rows[-1]["seconds"] = time.perf_counter() - begun
    return rows


def _time_step(economy: KS98, settings: ReferenceSettings) -> float:
    """Median seconds of one step of the endogenous grid method, with the expectation over all z'."""
    log_K = torch.full((economy.chain.n_z,), math.log(economy.typical_state()["K"]), dtype=torch.float64)
    law = LawOfMotion(0.04 * log_K, torch.full_like(log_K, 0.96))
    problem = HouseholdProblem(economy, law, household_grid(economy, settings))
    c = problem.consumption(tolerance=math.inf)
    return statistics.median(seconds(lambda: problem.consumption(c, tolerance=math.inf), STEPS))


def exponents(rows: list[dict]) -> dict[str, float]:
    """By axis; of the grid, whose size is the number of aggregate states, that of the solution and that of one step."""
    found = {}
    for name in dict.fromkeys(row["axis"] for row in rows):
        size = "states" if name == "grid" else "size"
        for key, label in (("seconds", name), ("step_seconds", f"{name}_step")):
            points = [(row[size], row[key]) for row in rows if row["axis"] == name and row.get(key)]
            if len(points) > 1:
                found[label] = exponent(*zip(*points))
    return found


def exponent(sizes, times) -> float:
    """Slope of log seconds on log size by least squares over the larger half of the sizes, where overheads matter
    least.

    Of an odd number the one in the middle counts, too, and of few at least two.
    """
    half = max(2, -(-len(sizes) // 2))
    return float(np.polyfit(np.log(sizes[-half:]), np.log(times[-half:]), 1)[0])
