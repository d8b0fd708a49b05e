"""How the time of one update grows with everything that has a size, and the time of a grid solution beside it.

One update is what training does between two steps of its schedule: the panel moves, the policy and then the value
network take their gradient steps, the averages follow. It is timed inside Lightning's loop, in blocks of BLOCK updates
(SOAP computes its eigenbases anew in every tenth); a figure is the median over blocks after a first one that is left
out.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from deepham import economics
from deepham.benchmark.accuracy import DIRECTIONS, POINTS, grid_settings
from deepham.benchmark.clock import Clock
from deepham.benchmark.many_shocks import many_shocks
from deepham.benchmark.train import model_of, shipped, train
from deepham.economics.ks98 import KS98
from deepham.errors import NotConverged, NotEnoughMemory
from deepham.memory import grid_solution, require_memory
from deepham.reference.household import HouseholdProblem, LawOfMotion
from deepham.reference.law_of_motion import household_grid, solve_law_of_motion
from deepham.reference.settings import ReferenceSettings

BLOCK = 10  # updates
REPEATS = 5  # blocks that are timed
MOST_SHOCKS = 3  # that the grid is tried with: 125 aggregate states; of four the chain alone has 1.5 million numbers
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


def measure_growth(quick: bool = False, gpus: int = 0, grid_limit: float = 180.0) -> dict:
    """Time every axis at every size, and the grid solution for as many shocks as it can carry.

    Args:
        quick: a few seconds in all, with sizes that show that it runs and no more.
        gpus: 0 (the CPU) or 1, of the networks; the grid solution is computed on the CPU.
        grid_limit: seconds; a grid solution that is expected to take longer is not started.

    Returns:
        "rows": dictionaries with axis, size and seconds (of one update; of axis "grid": one solution, None if not
        computed, with the number of aggregate states in "states" and "step_seconds", one step of the household's
        problem); "exponents": by axis, see `exponent`; "grid" and "grid_step" are in the number of aggregate states.
    """
    rows = []
    for name, axis in AXES.items():
        for size in axis.sizes[:2] if quick else axis.sizes:
            rows.append({"axis": name, "size": size, "seconds": time_update(*axis.setting(size), quick, gpus)})
    rows += grid_growth(grid_limit, MOST_SHOCKS, {}) if not quick else grid_growth(grid_limit, 1, QUICK_GRID)
    return {"rows": rows, "exponents": exponents(rows)}


def time_update(model: dict | None, network: dict, algorithm: dict, quick: bool = False, gpus: int = 0) -> float:
    """Seconds of one update with the shipped settings of Krusell-Smith, except for those given; see the module."""
    block, repeats = (2, 2) if quick else (BLOCK, REPEATS)
    clock = Clock(block)
    steps = {"outer_iterations": 1, "policy_steps": block * (1 + repeats), "burn_in": 1}
    train(
        model or {"name": "ks98"} | economics.calibration("ks98"),
        shipped("network", "first_moment", **network),
        shipped("algorithm", "deepham", **steps | (QUICK if quick else {}) | algorithm),
        callbacks=(clock,),
        gpus=gpus,
    )
    return statistics.median(clock.seconds(skip=1))


def grid_growth(limit: float, most: int, changed: dict) -> list[dict]:
    """Rows of axis "grid": the conventional solution with 1 ... `most` shocks, POINTS^d aggregate states.

    The grids in k and K are the same for every d. Where a solution is not computed, "reason" says whether it would take
    too long (more than `limit` seconds if it takes as many more as one step of the household's problem does) or too
    much, or why it was not found.

    Args:
        changed: settings in place of those of `grid_settings`.
    """
    rows = []
    for d in range(1, most + 1):
        settings = ReferenceSettings(**vars(grid_settings(d)) | changed)
        row = {"axis": "grid", "size": d, "states": POINTS**d, "seconds": None, "step_seconds": None}
        rows.append(row)
        try:
            economy, _ = many_shocks(d).on_grid(POINTS)
            require_memory(grid_solution(economy, settings))
            row["step_seconds"] = _time_step(economy, settings)
            if d > 1:
                row["expected_seconds"] = rows[-2]["seconds"] * row["step_seconds"] / rows[-2]["step_seconds"]
                if row["expected_seconds"] > limit:
                    row["reason"] = f"longer than {limit:g} s"
                    break
            begun = time.perf_counter()
            solve_law_of_motion(economy, settings)
            row["seconds"] = time.perf_counter() - begun
        except (NotEnoughMemory, NotConverged) as error:
            row["reason"] = str(error)
            break
    return rows


def _time_step(economy: KS98, settings: ReferenceSettings) -> float:
    """Median seconds of one step of the endogenous grid method, with the expectation over all z'."""
    log_K = torch.full((economy.chain.n_z,), math.log(economy.typical_state()["K"]), dtype=torch.float64)
    law = LawOfMotion(0.04 * log_K, torch.full_like(log_K, 0.96))
    problem = HouseholdProblem(economy, law, household_grid(economy, settings))
    c, seconds = problem.consumption(tolerance=math.inf), []
    for _ in range(STEPS):
        begun = time.perf_counter()
        c = problem.consumption(c, tolerance=math.inf)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


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


def exponent(sizes, seconds) -> float:
    """Slope of log seconds on log size by least squares over the larger half of the sizes, where overheads matter
    least.

    Of an odd number the one in the middle counts, too, and of few at least two.
    """
    half = max(2, -(-len(sizes) // 2))
    x, y = (
        torch.tensor([math.log(value) for value in values][-half:], dtype=torch.float64) for values in (sizes, seconds)
    )
    x, y = x - x.mean(), y - y.mean()
    return float((x * y).sum() / (x * x).sum())
