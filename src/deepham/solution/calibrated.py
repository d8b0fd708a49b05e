"""One calibration of a box, from networks that are told where in the box they are."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch

from deepham.algorithm.ergodic import Ergodic, VerdictSettings, ergodic_path, verdict_path
from deepham.algorithm.evaluation import distribution_measures
from deepham.economics.box import Box, Side
from deepham.economics.economy import Economy
from deepham.errors import OutOfDomain, require, show
from deepham.networks.policy import PolicyNetwork
from deepham.networks.settings import NetworkSettings
from deepham.networks.value import ValueNetwork
from deepham.networks.varied import Networks, settled
from deepham.simulation.continuum import followed, on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.solution.solved import SolvedEconomy
from deepham.system.precision import float32

BURN_IN, PERIODS = 2000, 2000  # of the path that the ergodic cross-sections are means over
OF_WEALTH = ("gini", "wealth_sd", "bottom50_share", "top10_share", "top1_share", "sd_K", "welfare")
STEP = 0.02  # of the length of a side, to either side of where a derivative is taken


@dataclass(frozen=True)
class Calibrated:
    """An economy of the box with ordinary networks of its own, and a path of its continuum."""

    economy: Economy
    policy: PolicyNetwork
    value: ValueNetwork
    ergodic: Ergodic


@torch.no_grad()
def calibrated(
    solved: SolvedEconomy, box: Box, parameters: dict, shape: NetworkSettings, seed: int = 1, dates: int = 1
) -> Calibrated:
    """This calibration of the box.

    Args:
        solved: the solution whose networks are told; its cross-sections are where the path begins.
        parameters: the calibration, all of it.
        shape: of the networks.
        seed: of the path.
        dates: how many of its cross-sections are kept.

    Raises:
        InputError: there is no such economy.
        OutOfDomain: the path leaves the economy's domain.
    """
    device, networks = solved.grid.device, cast(Networks, (solved.policy_function, solved.value_function))
    economy = box.create(parameters)
    with float32():
        policy, value = settled(networks, economy, shape, box.scaled(parameters))
    policy, value = policy.double().to(device), value.double().to(device)
    economy = economy.to(device=device)
    # a grid like the other's, in units of what is typical here
    top = float(solved.grid[-1] - solved.economy.borrowing_limit) / solved.economy.scale
    path = VerdictSettings(len(solved.grid), top, BURN_IN, PERIODS, dates)
    grid, shocks = wealth_grid(economy, path.nodes, top), verdict_path(economy, path, seed)
    begin = solved.begin(shocks[:, 0])
    people = followed(begin.population, solved.economy, economy)
    people = on_grid(grid, people.with_assets(people.k.clamp(grid[0], grid[-1])), economy.chain.n_eps)
    world = World(economy, policy, value)
    ergodic = ergodic_path(world, grid, Panel(people, begin.z), shocks, path.burn_in, path.dates)
    economy.check_domain(ergodic.z.flatten(0, 1), error=OutOfDomain)
    return Calibrated(economy, policy, value, ergodic)


def derivatives(
    solved: SolvedEconomy, box: Box, parameters: dict, shape: NetworkSettings, names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Of long-run means in each number that varies: its label -> name -> derivative, in the units of both.

    Differences between paths that see the same shocks and begin at the same cross-section, so that their luck cancels;
    at an edge of the box they are taken inside of it.

    Args:
        names: of what the economy accounts for, or of moments, those of OF_WEALTH.

    Raises:
        InputError: a name that is neither.
        OutOfDomain: as `calibrated`.
    """
    known = {*solved.economy.variables, *OF_WEALTH}
    for name in names:
        require(name in known, f"sensitivity: there is no {show(name)}; there is {', '.join(sorted(known))}")
    found = {}
    for side in box.sides:
        step, here = STEP * (side.high - side.low), side.of(parameters)
        ends = max(here - step, side.low), min(here + step, side.high)
        low, high = (_means(calibrated(solved, box, _changed(parameters, side, end), shape), names) for end in ends)
        found[side.label] = {name: (high[name] - low[name]) / (ends[1] - ends[0]) for name in names}
    return found


def _changed(parameters: dict, side: Side, number: float) -> dict:
    changed = copy.deepcopy(parameters)
    side.put(changed, number)
    return changed


def _means(found: Calibrated, names: Sequence[str]) -> dict[str, float]:
    moments = distribution_measures(found.ergodic)
    accounts = found.ergodic.accounts
    return {name: float(accounts[name].mean()) if name in accounts else moments[name] for name in names}
