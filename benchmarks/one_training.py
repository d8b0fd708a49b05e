"""One training for a box of calibrations, held against the grid and against trainings for one calibration each.

    python scripts/train.py experiment=ks98_vary run=box       # the box
    python -m benchmarks.one_training checkpoints/box 0 1 2    # held-out points of it, each against its grid solution
    python -m benchmarks.one_training checkpoints/box 0 1 2 --errors    # errors there, without a grid
    python -m benchmarks.one_training checkpoints/box 0 1 --alone usual warm    # trainings for each of them alone
    python -m benchmarks.one_training checkpoints/box          # all that has been measured, and the break-even
    python -m benchmarks.one_training checkpoints/box 0 5 --sensitivity    # derivatives there, against the grid's
    python -m benchmarks.one_training checkpoints/box --sweep beta=0.98,0.99 mu=0.05,0.4    # every combination
    python -m benchmarks.one_training checkpoints/box --sweep beta=0.98,0.99 --grid         # each against its grid

Points are of a Sobol sequence that training does not use, a tenth of each side away from the edges; those from 8 on are
corners. They lie in what is asked about, `--within beta=0.98,0.995 sigma=1,3 mu=0.05,0.4`, of which the box of a
training should be wider. Every measure is that of the quick verdict, whose bars it is held against.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path
from statistics import fmean

import torch

import deepham
from deepham.algorithm.ergodic import Ergodic, VerdictSettings, ergodic_path, together, verdict_path
from deepham.algorithm.evaluation import distribution_measures
from deepham.economics.box import Box
from deepham.errors import InputError
from deepham.measures.verdict import bars_of
from deepham.reference.compare import measure_against
from deepham.reference.grid_solution import GridSolution
from deepham.simulation.population import gini
from deepham.solution import calibrated
from deepham.solution.long_run import PERIODS as SETTLING
from deepham.solution.long_run import long_run
from deepham.solution.solution import Solution
from deepham.system.threads import one_thread

VERDICT = VerdictSettings(nodes=600, top=8.0, burn_in=2000, periods=3000, dates=30, bars="quick")
POINTS, EDGE = 8, 0.1
WITHIN = {"beta": [0.98, 0.995], "sigma": [1.0, 3.0], "mu": [0.05, 0.4]}  # what is asked of experiment=ks98_vary
ALONE = ("usual", "same", "warm")
WAYS = ("box", *ALONE)  # to the solution of a calibration
SHOWN = ("euler.mean", "euler.p99", "bellman_policy.mean", "mean_K_gap", "path_gap.mean", "path_gap.max")
SHOWN += ("wealth_sd_gap", "gini_gap", "wealth_w1")
MEANS = ("K", "r", "gini", "wealth_sd", "top10_share")  # whose derivatives are taken
STEP = 0.05  # of a side, to either side: of differences between grid solutions, each as exact as its tolerance


def asked(solution: Solution, given: list[str] | None) -> Box:
    """The calibrations that the solution is asked about: as given on the command line, otherwise those of the
    experiment, or all of another box."""
    if solution.box is None:
        raise InputError("solution: it is of one calibration; train with vary=...")
    if given:
        return Box({name: list(values) for name, values in axes(given).items()}, solution.economy)
    return Box(WITHIN if WITHIN.keys() == solution.box.vary.keys() else solution.box.vary, solution.economy)


def axes(words: list[str]) -> dict[str, tuple[float, ...]]:
    """Names and numbers of `name=number,number`."""
    pairs = (word.split("=") for word in words)
    return {name: tuple(map(float, values.split(","))) for name, values in pairs}


def held_out(box: Box) -> list[list[float]]:
    """Points of the unit cube: eight inside, and then all corners."""
    sides = len(box.sides)
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * sides).reshape(-1, sides)
    return torch.cat([torch.tensor([inside(box, index) for index in range(POINTS)]), corners]).tolist()


def inside(box: Box, number: int) -> list[float]:
    """A point of a sequence in the unit cube, away from the edges."""
    point = torch.quasirandom.SobolEngine(len(box.sides), scramble=True, seed=20).draw(number + 1)[-1]
    return (EDGE + (1 - 2 * EDGE) * point).tolist()


def quick() -> list[str]:
    return [f"verdict.{name}={getattr(VERDICT, name)}" for name in ("nodes", "burn_in", "periods", "dates", "bars")]


def against(solution: Solution, grid: GridSolution) -> tuple[Ergodic, Ergodic, dict[str, float]]:
    with one_thread():
        return measure_against(solution.world, grid, VERDICT, 1)


def measures(solution: Solution, grid: GridSolution) -> dict[str, float]:
    return against(solution, grid)[2]


def calibration_of(box: Box, unit: list[float]) -> dict:
    """What varies, at a point of the unit cube."""
    calibration = box.at(unit)
    return {side.name: calibration[side.name] for side in box.sides}


def measure(solution: Solution, box: Box, folder: Path, index: int) -> None:
    """A point against the grid, whose solution is kept."""
    changed = calibration_of(box, held_out(box)[index])
    grid = deepham.solve_on_grid(solution.name, store=folder / "grid", progress=False, **changed)
    begun = time.process_time()
    found = solution.at(**changed)
    keep(folder / f"box{index}.json", changed, time.process_time() - begun, measures(found, grid))


def measure_alone(solution: Solution, box: Box, folder: Path, index: int, ways: list[str]) -> None:
    """Trainings for the calibration of a point alone, with their verdicts: as the model is usually trained, with as
    many updates as the box had, or from the model's own calibration, whose training is not counted."""
    changed = calibration_of(box, held_out(box)[index])
    grid = deepham.solve_on_grid(solution.name, store=folder / "grid", progress=False, **changed)
    updates = [f"algorithm.{name}={solution.meta['algorithm'][name]}" for name in ("outer_iterations", "policy_steps")]
    for what in ways:
        overrides = {"usual": [], "same": updates, "warm": ["algorithm=neighbour"]}[what]
        start = solution.name if what == "warm" else None
        begun = time.process_time()
        found = deepham.solve(
            solution.name, overrides=[*quick(), *overrides], init_from=start, progress=False, **changed
        )
        keep(folder / f"{what}{index}.json", changed, time.process_time() - begun, measures(found, grid))


def errors(solution: Solution, box: Box, index: int) -> None:
    changed = calibration_of(box, held_out(box)[index])
    found = solution.at(**changed).errors()
    names = [name for name in SHOWN if name in found]
    print(f"point {index}: {said(changed)}: " + ", ".join(f"{name} {found[name]:.4f}" for name in names), flush=True)


def keep(file: Path, at: dict, seconds: float, found: dict) -> None:
    file.write_text(json.dumps({"at": at, "seconds": seconds, "measures": found}))


def read(folder: Path, what: str, index: int) -> dict | None:
    file = folder / f"{what}{index}.json"
    return json.loads(file.read_text()) if file.exists() else None


def print_point(folder: Path, index: int) -> None:
    """Rows of a point, one for each way that has been measured there."""
    for what in WAYS:
        if found := read(folder, what, index):
            print(row(f"{index}, {what}", said(found["at"]), found["measures"]))


def header() -> str:
    names = ["point, way", "calibration", *SHOWN]
    return "\n".join([f"| {' | '.join(names)} |", "|" + "---|" * len(names)])


def row(label: str, where: str, found: dict[str, float]) -> str:
    """A row of the table of the page, and after it the bars that are missed."""
    missed = [name for name in SHOWN if abs(found[name]) >= bars_of("quick")[name][0]]
    cells = [label, where, *(f"{found[name]:.2g}" for name in SHOWN)]
    return f"| {' | '.join(cells)} |" + (f"  MISSED: {', '.join(missed)}" if missed else "")


def table(solution: Solution, box: Box, folder: Path, training: float | None) -> None:
    """All points, the worst of each way, and how many calibrations it takes until one training is the cheaper way."""
    points = [index for index in range(len(held_out(box))) if read(folder, "box", index)]
    print(header())
    for index in points:
        print_point(folder, index)
    seconds = {}
    for what in WAYS:
        if each := [found for index in points if (found := read(folder, what, index))]:
            worst = {name: max((one["measures"][name] for one in each), key=abs) for name in SHOWN}
            print(row(f"worst of {len(each)}, {what}", "", worst))
            seconds[what] = fmean(one["seconds"] for one in each)
    training, at = training or solution.meta["made_by"]["seconds"]["training"], seconds.pop("box")
    print(f"seconds of a processor: the box {training:.0f}, and {at:.1f} for each calibration of it")
    for what, one in seconds.items():
        even = f"even at {training / (one - at):.1f} calibrations" if one > at else "never dearer than the box"
        print(f"a training for one calibration, {what}: {one:.1f} s, {even}")


@one_thread()
def long_run_means(grid: GridSolution) -> dict[str, float]:
    """Long-run means of a grid solution, by the same steps and on the same shocks as those of a calibration of the
    box."""
    path = VerdictSettings(len(grid.grid), VERDICT.top, SETTLING - 1, calibrated.PERIODS // calibrated.PAIRS, 1)
    shocks = torch.cat([verdict_path(grid.economy, path, 1 + pair) for pair in range(calibrated.SETTLED_PAIRS)])
    start = together(grid.economy, grid.start, grid.z, shocks)
    few = list(range(2 * calibrated.PAIRS))
    end = long_run(grid.on_nodes, grid.grid, start, shocks[:, :SETTLING]).select(few)
    found = ergodic_path(grid.on_nodes, grid.grid, end, shocks[few, SETTLING - 1 :], 0, 1)
    means = distribution_measures(found) | {name: float(each.mean()) for name, each in found.accounts.items()}
    return {name: means[name] for name in MEANS}


def sensitivity(solution: Solution, box: Box, index: int) -> None:
    """Derivatives at a point, of the box and by differences of grid solutions, in the units of both; as elasticities
    they are easier to read."""
    unit = held_out(box)[index]
    here = calibration_of(box, unit)
    begun = time.process_time()
    found = solution.sensitivity(*MEANS, **here)
    print(f"point {index}: {said(here)}; {time.process_time() - begun:.0f} s")
    for place, side in enumerate(box.sides):
        ends = []
        for sign in (-1, 1):
            beside = unit[:place] + [unit[place] + sign * STEP] + unit[place + 1 :]
            changed = calibration_of(box, beside)
            ends.append(long_run_means(deepham.solve_on_grid(solution.name, progress=False, **changed)))
        for name in MEANS:
            slope = (ends[1][name] - ends[0][name]) / (2 * STEP * (side.high - side.low))
            own = found.loc[name, side.label]
            elasticity = slope * side.of(here) / (sum(end[name] for end in ends) / 2)
            print(
                f"  {name:<12} by {side.label:<6} {own:>10.4g}  grid {slope:>10.4g}  {own / slope - 1:>+7.1%}  "
                f"elasticity on the grid {elasticity:.3g}",
                flush=True,
            )


def said(calibration: dict) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in calibration.items())


def sweep(solution: Solution, folder: Path, values: dict[str, tuple[float, ...]], on_grid: bool) -> None:
    """Moments of wealth and errors at every combination of the values of some parameters; with `on_grid` those of its
    grid solution beside them, on the same shocks."""
    for point in itertools.product(*values.values()):
        here: dict = dict(zip(values, point))
        begun = time.process_time()
        one = solution.at(**here)
        seconds = time.process_time() - begun
        if not on_grid:
            found, people = one.errors(), one.ergodic
            weight = (one.economy.chain.stationary_z()[:, None] * people.weight).reshape(1, -1)
            k = people.k.reshape(1, -1)
            sd = float((weight * (k - (weight * k).sum()) ** 2).sum().sqrt())
            row = f"Gini {float(gini(k, weight)):.4f}, sd {sd:.2f}"
        else:
            grid = deepham.solve_on_grid(solution.name, store=folder / "grid", progress=False, **here)
            own, other, found = against(one, grid)
            a, b = distribution_measures(own), distribution_measures(other)
            row = f"Gini {a['gini']:.4f} grid {b['gini']:.4f}, sd {a['wealth_sd']:.2f} grid {b['wealth_sd']:.2f}"
            row += "".join(f", {name} {found[name]:.4g}" for name in SHOWN if not name.startswith("euler"))
        print(f"{said(here)}: {row}, Euler {found['euler.mean']:.4f} %, {seconds:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="One training for every calibration of a box.")
    parser.add_argument("solution", help="of the box, a run's folder")
    parser.add_argument(
        "points", nargs="*", type=int, help="numbers of points to measure; none: show the measured ones"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--alone", nargs="+", choices=ALONE, help="train for each of these calibrations alone")
    what.add_argument("--errors", action="store_true", help="errors at these points, without a grid")
    what.add_argument("--sensitivity", action="store_true", help="derivatives at these points, and by the grid")
    parser.add_argument("--within", nargs="+", help="what is asked about, beta=0.98,0.995")
    parser.add_argument("--sweep", nargs="+", help="parameters with their values, beta=0.98,0.99")
    parser.add_argument("--grid", action="store_true", help="hold each of the sweep against its grid solution")
    parser.add_argument(
        "--training", type=float, help="seconds of a processor that the box took; else those of a clock"
    )
    parser.add_argument("--folder", type=Path, default=Path("benchmark/one_training"), help="what is measured, is kept")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    solution = deepham.load(given.solution)
    box = asked(solution, given.within)
    for index in given.points:
        if given.errors:
            errors(solution, box, index)
        elif given.sensitivity:
            sensitivity(solution, box, index)
        elif given.alone:
            measure_alone(solution, box, given.folder, index, given.alone)
            print_point(given.folder, index)
        else:
            measure(solution, box, given.folder, index)
            print_point(given.folder, index)
    if given.sweep:
        sweep(solution, given.folder, axes(given.sweep), given.grid)
    elif not given.points:
        table(solution, box, given.folder, given.training)


if __name__ == "__main__":
    main()
