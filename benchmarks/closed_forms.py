"""Boxes of economies whose solution is known at every calibration: one training each, held against the closed form.

    python -m benchmarks.closed_forms olg6               # train a box, and measure it at eight held-out calibrations
    python -m benchmarks.closed_forms new_keynesian
    python -m benchmarks.closed_forms olg6 --solution checkpoints/box    # one that has been trained

Points are of a Sobol sequence that training does not use, a tenth of each side away from the edges. At each the
distance is taken twice: of the networks of the box as they are, told where they are, and of what `solution.at(...)`
makes of them. Both are asked on the same cross-sections, of a path of the latter.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor

import deepham
from benchmarks.new_keynesian import NewKeynesian
from benchmarks.one_training import POINTS, calibration_of, inside, said
from deepham.algorithm.ergodic import VerdictSettings, ergodic_path, verdict_path
from deepham.economics.economy import Economy
from deepham.economics.olg6 import OLG6
from deepham.networks.settings import NetworkSettings
from deepham.networks.varied import Networks, settled
from deepham.simulation.period import Panel, Period, World
from deepham.solution.solution import Solution
from deepham.system.threads import one_thread

PATH = VerdictSettings(nodes=100, top=8.0, burn_in=50, periods=200, dates=40)  # on the nodes of the solution
BAR = 0.1  # percent


@dataclass(frozen=True)
class Case:
    """A box of an economy.

    Attributes:
        economy: its name, or its class.
        vary: the box.
        distance: at a period, the largest distance to the closed form, percent.
        overrides: settings of its training.
        calibration: of what does not vary, where the economy does not come with one.
    """

    economy: str | type[Economy]
    vary: dict[str, list]
    distance: Callable[[Period], float]
    overrides: list[str]
    calibration: dict = field(default_factory=dict)


def of_ages(period: Period) -> float:
    """Saving of an age, in any cross-section, relative to what the closed form says it saves."""
    economy, people = period.world.economy, period.panel.population
    assert isinstance(economy, OLG6)
    ages = people.eps[..., None] == torch.arange(len(economy.saved) - 1)
    saved, had = ((x * people.weight)[..., None] * ages for x in (period.carried, period.seen.resources))
    return float(100 * (saved.sum(1) / had.sum(1) / economy.saved[:-1] - 1).abs().max())


def of_responses(period: Period) -> float:
    """Inflation and the output gap, each relative to what the closed form says; where rstar is within one standard
    deviation of its mean, relative to what it would be at one."""
    economy, z, found = period.world.economy, period.panel.z, period.seen.aggregates
    assert isinstance(economy, NewKeynesian)
    answers = economy.exact().items()
    each = [(found[name] - by * z).abs() / (by * z.abs().clamp_min(economy.sd)) for name, by in answers]
    return float(100 * torch.cat(each).max())


CASES = {
    "olg6": Case(
        "olg6",
        {"beta": [0.5, 0.9], "alpha": [0.2, 0.4]},
        of_ages,
        [
            "algorithm=euler_newton",
            "algorithm.outer_iterations=12",
            "algorithm.newton.value_updates=48",
        ],
    ),
    "new_keynesian": Case(
        NewKeynesian,
        {
            "beta": [0.95, 0.99],
            "sigma": [1.0, 3.0],
            "eta": [1.0, 4.0],
            "theta": [0.5, 0.9],
            "phi_pi": [1.25, 2.5],
            "phi_x": [0.0, 0.5],
            "rho": [0.8, 0.95],
        },
        of_responses,
        [
            "algorithm=euler_newton",
            "algorithm.restart=true",
            "algorithm.burn_in=5",
            "algorithm.nodes=12",
            "algorithm.move=2",
            "algorithm.outer_iterations=2",
            "algorithm.policy_steps=10",
            "algorithm.calibrations=24",
            "algorithm.newton.economies=48",
            "algorithm.newton.households=4",
            "algorithm.newton.spread=2",
            "algorithm.newton.scale_early=0",
            "algorithm.newton.scale_late=0",
            "algorithm.newton.outlook_updates=20",
            "algorithm.newton.value_updates=1",
            "network.width=16",
            "network.outlook_linear=true",
        ],
    ),
}
SHORT = ["verdict.nodes=100", "verdict.burn_in=20", "verdict.periods=60", "verdict.dates=6"]  # of the model's own


def trained(case: Case, seed: int = 1) -> Solution:
    return deepham.solve(
        case.economy,
        seed=seed,
        vary=case.vary,
        overrides=[*case.overrides, *SHORT],
        progress=False,
        **case.calibration,
    )


def distances(solution: Solution, case: Case, number: int) -> tuple[dict, float, float]:
    """A held-out calibration, and the distance there of the networks of the box and of what `at` makes of them."""
    box = solution.box
    assert box is not None
    changed = calibration_of(box, inside(box, number))
    one = solution.at(**changed)
    with one_thread(), torch.no_grad():
        dates = cross_sections(one)
        told, _ = settled(
            cast(Networks, (solution.policy_function, solution.value_function)),
            one.economy,
            NetworkSettings(**solution.network),
            box.scaled(one.calibration),
        )
        each = (told.double(), one.policy_function)
        box_alone, refined = (case.distance(World(one.economy, policy).period(dates)) for policy in each)
    return changed, box_alone, refined


def cross_sections(one: Solution) -> Panel:
    """Of a path of a solution, histograms."""
    shocks = verdict_path(one.economy, PATH, 1)
    start = one.begin(shocks[:, 0])
    return ergodic_path(one.world, one.grid, start, shocks, PATH.burn_in, PATH.dates, accounted=False).dates


def row(name: str, case: Case, solution: Solution, seconds: float) -> None:
    found = []
    for number in range(POINTS):
        changed, *each = distances(solution, case, number)
        found.append(each)
        print(f"  point {number}: {said(changed)}: box {each[0]:.4f} %, at {each[1]:.5f} %", flush=True)
    worst: Tensor = torch.tensor(found).amax(0)
    box = (
        ", ".join(f"{side.label} {side.low:g} to {side.high:g}" for side in solution.box.sides) if solution.box else ""
    )
    missed = "" if float(worst[1]) < BAR else "  MISSED"
    print(f"| {name} | {box} | {worst[0]:.2g} | {worst[1]:.2g} | {seconds:.0f} |{missed}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Boxes of economies whose solution is known.")
    parser.add_argument("economies", nargs="+", choices=CASES)
    parser.add_argument("--solution", help="of the box, a run's folder, in place of a training")
    parser.add_argument("--keep", help="where to save what has been trained")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for name in given.economies:
        case, begun = CASES[name], time.process_time()
        if given.solution:
            own = {} if isinstance(case.economy, str) else {"economy": case.economy}
            solution = deepham.load(given.solution, **own)
            seconds = float("nan")
        else:
            solution = trained(case, given.seed)
            seconds = time.process_time() - begun
            if given.keep:
                solution.save(given.keep, overwrite=True)
        row(name, case, solution, seconds)


if __name__ == "__main__":
    main()
