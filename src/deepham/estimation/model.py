"""What the model says at one calibration of a box: samples as long as the data, and households at their ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import qmc

from deepham.economics.box import Box
from deepham.economics.economy import Economy
from deepham.errors import OutOfDomain
from deepham.estimation.moments import WEALTH
from deepham.networks.settings import NetworkSettings
from deepham.networks.tabulated import on_histogram
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.growth import growth
from deepham.simulation.period import World
from deepham.simulation.walk import walk
from deepham.solution.calibrated import Begun, begun, refining
from deepham.solution.datasets import distribution
from deepham.solution.solution import Solution
from deepham.solution.solved import SolvedEconomy
from deepham.system.threads import one_thread

NODES = 300  # of the wealth grid, at most: moments take no more
STARTS = 12  # pairs of paths, at whose ends pairs of samples begin, one after the other
STEPS = 4  # by which networks are made more exact: moments take no more
SETTLING = 25  # periods before a sample begins, in which the two of a pair part
BLOCK = 60  # samples that are followed at once, an even number


@dataclass(frozen=True)
class Simulated:
    """One calibration: series of its samples, name -> (S, T), and moments of households at the end of each, name ->
    (S,): of the cross-section in the last period, and of growth from the one before."""

    series: dict[str, np.ndarray]
    households: dict[str, np.ndarray]


class Model:
    """A box of calibrations as a function from points of the unit cube to what is simulated there.

    All calibrations see the same luck: moments differ by their parameters alone, and smoothly. What has been simulated
    is kept.

    Args:
        solution: its networks are told where in the box they are.
        periods: T, of a sample; 0: no series are asked for, but moments of households.
        samples: S.
        seed: of all luck.
    """

    def __init__(self, solution: Solution, periods: int, samples: int, seed: int):
        assert solution.box is not None
        self.box: Box = solution.box
        self.shape = NetworkSettings(**solution.network)
        self.settings = refining(solution.meta, solution.economy)
        self.periods, self.samples, self.seed = periods, samples, seed
        self.solved = _coarser(solution)
        self._found: dict[tuple, Simulated] = {}
        self._last: tuple[tuple, Begun] | None = None

    def at(self, unit: np.ndarray) -> Simulated:
        """What is simulated at a point (P,) of the unit cube, kept.

        Raises:
            OutOfDomain: the paths leave the economy's domain.
        """
        key = tuple(np.round(unit, 12).tolist())
        if key not in self._found:
            self._found[key] = self._simulated(unit, self.samples, self.seed, in_pairs=True)
        return self._found[key]

    def fresh(self, unit: np.ndarray, samples: int, seed: int) -> Simulated:
        """So many samples of other luck, each its own: the second of a pair would say of a variance what the first
        says. Raises as `at`."""
        return self._simulated(unit, samples, seed, in_pairs=False)

    @one_thread()
    def _simulated(self, unit: np.ndarray, samples: int, seed: int, in_pairs: bool) -> Simulated:
        one, blocks = self._begun(unit), []
        for first in range(0, samples, BLOCK):
            generator = torch.Generator(one.grid.device).manual_seed(seed + 1 + first)
            number = min(BLOCK, samples - first)
            blocks.append(_sampled(one, first, number, max(self.periods, 1), generator, in_pairs))
        joined = [{name: np.concatenate([found[name] for found in each]) for name in each[0]} for each in zip(*blocks)]
        return Simulated(*joined)

    def _begun(self, unit: np.ndarray) -> Begun:
        key = tuple(unit.tolist())
        if self._last is None or self._last[0] != key:
            where, seed = self.box.at(unit), self.seed + 1
            found = begun(self.solved, self.box, where, self.shape, self.settings, seed, STARTS, STEPS)
            self._last = key, found
        return self._last[1]


@torch.no_grad()
def _sampled(
    one: Begun, first: int, samples: int, periods: int, generator: torch.Generator, in_pairs: bool
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What the economy accounts for, name -> (samples, periods), and moments of households at the end, name ->
    (samples,), of samples from the one with the number `first` on.

    They begin where paths have parted, so that cross-sections differ as much as they do in the long run, and have gone
    on for a while. From each there are two, with luck and with its mirror image, or with luck of its own.
    """
    economy, starts, grid = one.economy, one.panel, one.grid
    pairs = list(range(first // 2, first // 2 + -(-samples // 2)))
    rows = [at % len(starts.z) for at in pairs * 2][:samples]
    start = starts.select(rows)
    if in_pairs:
        shocks = _in_pairs(economy, starts.z[rows[: len(pairs)]], SETTLING + periods, generator)[:samples]
    else:
        shocks = economy.chain.draw_path(starts.z[rows], SETTLING + periods, generator)
    world, kept, before, last = World(economy, on_histogram(economy, one.policy, grid), one.value), [], None, None
    for t, period in enumerate(walk(world, start, shocks, grid=grid)):
        before, last = last, period
        if t >= SETTLING:
            kept.append(period.accounts)
    assert before is not None and last is not None
    economy.check_domain(last.panel.z, last.seen.aggregates, error=OutOfDomain)
    people = distribution(last.panel.population, last.consumption, economy.borrowing_limit)
    series = {name: torch.cat([row[name] for row in kept], 1).cpu().numpy() for name in economy.variables}
    households = {name: people[name] for name in WEALTH} | growth(World(economy, one.policy), before, last)
    return series, {name: value[:, 0].cpu().numpy() for name, value in households.items()}


def _in_pairs(economy: Economy, start: torch.Tensor, periods: int, generator: torch.Generator) -> torch.Tensor:
    """Shocks (2 * B, T, d) of paths from z = start (B, d): after the first B the same again with bad luck for good, so
    that most of what is random about a mean over samples cancels. Each path alone is one like any other."""
    luck, paths = generator.get_state(), []
    for mirrored in (False, True):
        generator.set_state(luck)
        paths.append(economy.chain.draw_path(start, periods, generator, mirrored))
    return torch.cat(paths)


def _coarser(solution: Solution) -> SolvedEconomy:
    """The policies on a wealth grid of at most NODES nodes."""
    economy, grid, people = solution.economy, solution.grid, solution.ergodic
    if len(grid) > NODES:
        grid = wealth_grid(economy, NODES, float(grid[-1] - economy.borrowing_limit) / economy.scale)
        people = on_grid(grid, people.with_assets(people.k.clamp(grid[0], grid[-1])), economy.chain.n_eps)
    networks = solution.policy_function, solution.value_function
    kept = economy.chain.kept(solution.z)
    return SolvedEconomy(solution.name, economy, *networks, grid, people.weight, **kept)


def design(dimensions: int, points: int) -> np.ndarray:
    """Points (n, P) of the unit cube at which the model is simulated first: those of a Sobol sequence, its
    middle before all others, denser towards the edges, so that moments are known up to there."""
    spread = qmc.Sobol(dimensions, scramble=False).random_base2(points.bit_length())[1 : points + 1]
    return 0.5 - 0.5 * np.cos(np.pi * spread)
