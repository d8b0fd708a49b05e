"""One calibration of a box, from networks that are told where in the box they are."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from deepham.algorithm.ergodic import Ergodic, VerdictSettings, ergodic_path, verdict_path
from deepham.algorithm.evaluation import distribution_measures
from deepham.algorithm.refine import refine_policy
from deepham.algorithm.settings import AlgorithmSettings
from deepham.economics.box import Box, Side
from deepham.economics.economy import Economy
from deepham.errors import OutOfDomain, require, show
from deepham.networks.policy import PolicyNetwork
from deepham.networks.settings import NetworkSettings
from deepham.networks.value import ValueNetwork
from deepham.networks.varied import Networks, settled
from deepham.simulation.continuum import followed, on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.solution.solved import SolvedEconomy
from deepham.system.precision import float32

BURN_IN, PERIODS = 1000, 4000  # of the paths that the ergodic cross-sections are means over, and all periods after it
PAIRS = 4  # of paths, of which the second mirrors the first
REFINED_ON = 24  # cross-sections of paths that are as long as paths take to part
PARTING = 250
# until wealth has forgotten how it is in another calibration; then the mean over so many periods
SETTLING, AVERAGED = 5000, 1000
OF_WEALTH = ("gini", "wealth_sd", "bottom50_share", "top10_share", "top1_share", "sd_K", "welfare")
STEP = 0.02  # of the length of a side, to either side of where a derivative is taken


@dataclass(frozen=True)
class Calibrated:
    """An economy of the box with ordinary networks of its own, and a path of its continuum."""

    economy: Economy
    policy: PolicyNetwork
    value: ValueNetwork
    ergodic: Ergodic


def refining(meta: dict, economy: Economy) -> AlgorithmSettings | None:
    """Settings of the training by which networks are made more exact at a calibration; None: they are taken as they
    are, since they learned by gradients, or of markets that clear within the period."""
    algorithm = meta.get("algorithm", {})
    if algorithm.get("steps_by") != "euler_newton" or economy.unknowns or economy.foreseen:
        return None
    return AlgorithmSettings.from_dict(algorithm)


@torch.no_grad()
def calibrated(
    solved: SolvedEconomy,
    box: Box,
    parameters: dict,
    shape: NetworkSettings,
    settings: AlgorithmSettings | None,
    seed: int = 1,
    dates: int = 1,
) -> Calibrated:
    """This calibration of the box.

    Args:
        solved: the solution whose networks are told; its cross-sections are where the paths begin.
        parameters: the calibration, all of it.
        shape: of the networks.
        settings: by which the policy is made more exact; see `refining`.
        seed: of the paths.
        dates: how many of their cross-sections are kept.

    Raises:
        InputError: there is no such economy.
        OutOfDomain: the paths leave the economy's domain.
        NotConverged: the policy has no solution near that of the box.
    """
    device, networks = solved.grid.device, cast(Networks, (solved.policy_function, solved.value_function))
    economy = box.create(parameters)
    with float32():
        policy, value = settled(networks, economy, shape, box.scaled(parameters))
    policy, value = policy.double().to(device), value.double().to(device)
    economy = economy.to(device=device)
    # a grid like the other's, in units of what is typical here
    top = float(solved.grid[-1] - solved.economy.borrowing_limit) / solved.economy.scale
    settles = settings is not None and not settings.restart  # else wealth has no ergodic distribution
    path = VerdictSettings(len(solved.grid), top, PARTING if settles else BURN_IN, PERIODS // PAIRS, dates)
    grid = wealth_grid(economy, path.nodes, top)
    shocks = torch.cat([verdict_path(economy, path, seed + pair) for pair in range(PAIRS)])
    begin = solved.begin(shocks[:, 0])
    people = followed(begin.population, solved.economy, economy)
    people = on_grid(grid, people.with_assets(people.k.clamp(grid[0], grid[-1])), economy.chain.n_eps)
    start, world = Panel(people, begin.z), World(economy, policy, value)
    if settings is not None:
        short = shocks[:, :PARTING]
        near = ergodic_path(world, grid, start, short, short.shape[1] // 2, REFINED_ON, accounted=False).dates
        refine_policy(economy, policy, near, grid, settings, seed)
    if settles:
        start = _forgotten(world, grid, start, replace(path, burn_in=SETTLING, periods=AVERAGED), seed)
    ergodic = ergodic_path(world, grid, start, shocks, path.burn_in, path.dates)
    economy.check_domain(ergodic.z.flatten(0, 1), error=OutOfDomain)
    return Calibrated(economy, policy, value, ergodic)


def _forgotten(world: World, grid: Tensor, start: Panel, path: VerdictSettings, seed: int) -> Panel:
    """The same aggregate states with the mean cross-section of each on a path, and its mirror image, that is so long
    that the start is forgotten."""
    chain, shocks = world.economy.chain, verdict_path(world.economy, path, seed)
    long = ergodic_path(world, grid, start.select(list(range(len(shocks)))), shocks, path.burn_in, 1, accounted=False)
    mass = long.mean_mass[chain.cell(start.z)]
    return Panel(Population.histogram(grid, mass.reshape(len(start.z), chain.n_eps, -1)), start.z)


def derivatives(
    solved: SolvedEconomy,
    box: Box,
    parameters: dict,
    shape: NetworkSettings,
    settings: AlgorithmSettings | None,
    names: Sequence[str],
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
        low, high = (
            _means(calibrated(solved, box, _changed(parameters, side, end), shape, settings), names) for end in ends
        )
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
