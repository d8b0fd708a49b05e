"""One training for a box of calibrations, held against the grid and against trainings for one calibration each.

    python scripts/train.py experiment=ks98_vary run=box       # the box
    python -m benchmarks.one_training checkpoints/box 0 1 2    # held-out points of it, each against its grid solution
    python -m benchmarks.one_training checkpoints/box          # all that has been measured, and the break-even

Points are of a Sobol sequence that training does not use, a tenth of each side away from the edges; those from 8 on are
corners. Every measure is that of the quick verdict, whose bars it is held against.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

import deepham
from deepham.algorithm.evaluation import VerdictSettings
from deepham.economics.box import Box
from deepham.measures.verdict import bars_of
from deepham.reference.compare import measure_against
from deepham.solution.solution import Solution
from deepham.system.threads import one_thread

VERDICT = VerdictSettings(nodes=600, top=8.0, burn_in=2000, periods=3000, dates=30, bars="quick")
POINTS, EDGE = 8, 0.1
SHOWN = ("euler.mean", "euler.p99", "bellman_policy.mean", "mean_K_gap", "path_gap.mean", "path_gap.max")
SHOWN += ("wealth_sd_gap", "gini_gap", "wealth_w1")


def held_out(box: Box) -> list[list[float]]:
    """Points of the unit cube: eight inside, and then all corners."""
    sides = len(box.sides)
    inside = torch.quasirandom.SobolEngine(sides, scramble=True, seed=20).draw(POINTS)
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * sides).reshape(-1, sides)
    return torch.cat([EDGE + (1 - 2 * EDGE) * inside, corners]).tolist()


def quick() -> list[str]:
    return [f"verdict.{name}={getattr(VERDICT, name)}" for name in ("nodes", "burn_in", "periods", "dates", "bars")]


def measures(solution: Solution, grid) -> dict[str, float]:
    with one_thread():
        return measure_against(solution.world, grid, VERDICT, 1)[2]


def measure(solution: Solution, folder: Path, index: int) -> None:
    """A point: the box there, a training of as many updates for it alone, and the grid. The last two are kept."""
    assert solution.box is not None
    calibration = solution.box.at(held_out(solution.box)[index])
    changed = {side.name: calibration[side.name] for side in solution.box.sides}
    updates = [f"algorithm.{name}={solution.meta['algorithm'][name]}" for name in ("outer_iterations", "policy_steps")]
    begun = time.process_time()
    grid = deepham.solve_on_grid(solution.name, store=folder / "grid", progress=False, **changed)
    on_grid = time.process_time() - begun
    file = folder / f"alone{index}.json"
    if not file.exists():
        begun = time.process_time()
        alone = deepham.solve(solution.name, overrides=[*quick(), *updates], progress=False, **changed)
        trained = time.process_time() - begun
        file.write_text(json.dumps({"grid": on_grid, "seconds": trained, "measures": measures(alone, grid)}))
    begun = time.process_time()
    here = solution.at(**changed)
    found = {"at": changed, "seconds": time.process_time() - begun, "measures": measures(here, grid)}
    (folder / f"point{index}.json").write_text(json.dumps(found))
    print_point(folder, index)


def print_point(folder: Path, index: int) -> None:
    here, alone = (json.loads((folder / f"{name}{index}.json").read_text()) for name in ("point", "alone"))
    bars = bars_of("quick")
    said = ", ".join(f"{name} {value:.4g}" for name, value in here["at"].items())
    print(f"point {index}: {said}")
    for name in SHOWN:
        one, other, bar = here["measures"][name], alone["measures"][name], bars[name][0]
        missed = "" if abs(one) < bar else "  MISSED" + ("" if abs(other) < bar else ", alone too")
        print(f"  {name:<22}{one:>10.4f}{other:>10.4f}   bar {bar:g}{missed}")


def table(solution: Solution, folder: Path) -> None:
    """All points, and how many calibrations it takes until one training is the cheaper way."""
    points = [index for index in range(POINTS + 8) if (folder / f"point{index}.json").exists()]
    for index in points:
        print_point(folder, index)
    alone = [json.loads((folder / f"alone{index}.json").read_text())["seconds"] for index in points]
    each = [json.loads((folder / f"point{index}.json").read_text())["seconds"] for index in points]
    box = solution.meta["made_by"]["seconds"]["training"]
    mean, at = sum(alone) / len(alone), sum(each) / len(each)
    print(f"the box {box:.0f} s and {at:.1f} s a calibration, alone {mean:.0f} s each: even at {box / (mean - at):.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="One training for every calibration of a box.")
    parser.add_argument("solution", help="of the box, a run's folder")
    parser.add_argument(
        "points", nargs="*", type=int, help="numbers of points to measure; none: show the measured ones"
    )
    parser.add_argument("--folder", type=Path, default=Path("benchmark/one_training"), help="what is measured, is kept")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    solution = deepham.load(given.solution)
    for index in given.points:
        measure(solution, given.folder, index)
    if not given.points:
        table(solution, given.folder)


if __name__ == "__main__":
    main()
