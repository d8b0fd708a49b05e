"""One calibration of a box, from networks that are told where in the box they are."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from deepham.algorithm.ergodic import Ergodic, VerdictSettings, ergodic_path, verdict_path
from deepham.algorithm.evaluation import distribution_measures
from deepham.algorithm.refine import STEPS, refine_policy
from deepham.algorithm.settings import AlgorithmSettings
from deepham.economics.box import Box, Side
from deepham.economics.economy import Economy
from deepham.errors import OutOfDomain, require, show
from deepham.networks.policy import PolicyNetwork
from deepham.networks.settings import NetworkSettings
from deepham.networks.tabulated import on_histogram
from deepham.networks.value import ValueNetwork
from deepham.networks.varied import Networks, settled
from deepham.simulation.continuum import followed, on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.walk import walk
from deepham.solution.long_run import PERIODS as SETTLING
from deepham.solution.long_run import long_run
from deepham.solution.solved import SolvedEconomy
from deepham.system.precision import float32

BURN_IN, PERIODS = 1000, 4000  # of the paths that the ergodic cross-sections are means over, and all periods after it
PAIRS = 4  # of paths, of which the second mirrors the first
SETTLED_PAIRS = 12  # that say what the long run of wealth is
REFINED_ON, PARTING = 24, 250  # cross-sections of paths that are as long as paths take to part
OF_WEALTH = ("gini", "wealth_sd", "bottom50_share", "top10_share", "top1_share", "sd_K", "welfare")
STEP = 0.02  # of the length of a side, to either side of where a derivative is taken


@dataclass(frozen=True)
class Begun:
    """An economy of the box with ordinary networks of its own, at the first periods of paths.

    Attributes:
        grid: (G,) wealth nodes. panel: histograms on them, of B economies that have parted.
        shocks: (B, T, d) from that period on.
    """

    economy: Economy
    policy: PolicyNetwork
    value: ValueNetwork
    grid: Tensor
    panel: Panel
    shocks: Tensor

    @property
    def world(self) -> World:
        return World(self.economy, self.policy, self.value)


@dataclass(frozen=True)
class Calibrated:
    """An economy of the box with ordinary networks of its own, and a path of its continuum."""

    economy: Economy
    policy: PolicyNetwork
    value: ValueNetwork
    ergodic: Ergodic


def refining(meta: dict, economy: Economy) -> AlgorithmSettings | None:
    """Settings of the training by which networks are made more exact at a calibration; None: they are taken as they
    are, since they learned by gradients, or where markets clear within the period."""
    algorithm = meta.get("algorithm", {})
    if algorithm.get("steps_by") != "euler_newton" or economy.cleared:
        return None
    return AlgorithmSettings.from_dict(algorithm)


@torch.no_grad()
def begun(
    solved: SolvedEconomy,
    box: Box,
    parameters: dict,
    shape: NetworkSettings,
    settings: AlgorithmSettings | None,
    seed: int = 1,
    pairs: int = PAIRS,
    steps: int = STEPS,
) -> Begun:
    """Where the long run of this calibration of the box begins.

    Args:
        solved: the solution whose networks are told; its cross-sections are where the paths begin.
        parameters: the calibration, all of it.
        shape: of the networks.
        settings: by which the policy is made more exact; see `refining`.
        seed: of the paths.
        pairs: of paths, at least; those of wealth that settles are more.
        steps: by which the policy is made more exact.

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
    # else wealth has no ergodic distribution, or its long run is not looked for by its own equations
    settles = settings is not None and not settings.restart and not economy.unknowns
    before = SETTLING if settles else BURN_IN
    path = VerdictSettings(len(solved.grid), top, before - 1, PERIODS // PAIRS, 1)
    grid = wealth_grid(economy, path.nodes, top)
    pairs = max(pairs, SETTLED_PAIRS) if settles else pairs
    shocks = torch.cat([verdict_path(economy, path, seed + pair) for pair in range(pairs)])
    begin = solved.begin(shocks[:, 0])
    people = followed(begin.population, solved.economy, economy)
    people = on_grid(grid, people.with_assets(people.k.clamp(grid[0], grid[-1])), economy.chain.n_eps)
    panel, world = Panel(people, begin.z), World(economy, policy, value)
    if settings is not None:
        few = list(range(min(2 * PAIRS, len(shocks))))
        short = shocks[few, :PARTING]
        near = ergodic_path(world, grid, panel.select(few), short, short.shape[1] // 2, REFINED_ON, accounted=False)
        refine_policy(economy, policy, near.dates, grid, settings, seed, steps)
    if settles:
        panel = long_run(world, grid, panel, shocks[:, :before])
    else:
        looked_up = replace(world, policy=on_histogram(economy, policy, grid))
        (last,) = deque(walk(looked_up, panel, shocks[:, :before], grid=grid), maxlen=1)
        panel = last.panel
    economy.check_domain(panel.z, error=OutOfDomain)
    return Begun(economy, policy, value, grid, panel, shocks[:, before - 1 :])


@torch.no_grad()
def calibrated(
    solved: SolvedEconomy,
    box: Box,
    parameters: dict,
    shape: NetworkSettings,
    settings: AlgorithmSettings | None,
    dates: int = 1,
) -> Calibrated:
    """This calibration of the box, with so many cross-sections of its paths; else as `begun`."""
    here = begun(solved, box, parameters, shape, settings)
    few = list(range(min(2 * PAIRS, len(here.shocks))))
    ergodic = ergodic_path(here.world, here.grid, here.panel.select(few), here.shocks[few], 0, dates)
    here.economy.check_domain(ergodic.z.flatten(0, 1), error=OutOfDomain)
    return Calibrated(here.economy, here.policy, here.value, ergodic)


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
