"""Krusell and Smith's fixed point: the law of motion that households forecast with is the one they bring about.

The cross-section is followed as a histogram (Young, 2010) along fixed paths of the aggregate shock, so that the map
from one law of motion to the next has no noise of its own, and the fixed point is found by Anderson acceleration (the
undamped update diverges in ks98). A law of motion is one of a family of functions with a few parameters: a line for
each state of a chain, or a polynomial where the aggregate state is a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from deepham.algorithm.ergodic import Ergodic, ergodic_path
from deepham.economics.economy import Economy
from deepham.errors import NotConverged
from deepham.reference.families import family_of
from deepham.reference.forecasts import LawOfMotion, PolynomialLaw, PriceLaw
from deepham.reference.grid import Grid, GridFunction, bracket
from deepham.reference.household import HouseholdProblem, wide_at
from deepham.reference.settings import ReferenceSettings
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.walk import initial_panel

DATES = 40  # cross-sections at which the errors are measured
MEMORY = 5  # earlier steps that Anderson acceleration combines
# iterations that look for the neighbourhood, over so many periods of all economies together, after so many of each
SETTLING, SETTLING_PERIODS, SETTLING_BURN_IN = 3, 2000, 200
NEAREST = 1e-3  # to the limit that nodes start, where they cannot start at it, as a share of the histogram's distance
ROUGH = 100  # along the beginning of the paths and with each lower order, to this many times the tolerance
ROUGH_BURN_IN = 100  # of the beginning: the paths start where earlier ones have been

Progress = Callable[[int, float, float], None]  # of iteration, change of the law of motion, mean K


@dataclass(frozen=True)
class Equilibrium:
    """What a fixed point leaves.

    Attributes:
        law: the law of motion households forecast with.
        r_squared: (n_z,) of its regression on the simulated paths, of log K' by state of a chain, of log K'/K for a
        polynomial. policy: consumption on the grid.
        ergodic: the continuum along the paths on which the law was found.
        shocks: (B, T, d) the aggregate shocks of these paths.
        secants: (step of the law's parameters, change of the residual) of the last iterations.
    """

    law: LawOfMotion | PolynomialLaw | PriceLaw
    r_squared: Tensor
    policy: GridFunction
    ergodic: Ergodic
    shocks: Tensor
    secants: list[tuple[Tensor, Tensor]] = field(default_factory=list)


def solve_law_of_motion(
    economy: Economy,
    settings: ReferenceSettings,
    progress: Progress | None = None,
    near: Equilibrium | None = None,
    whole: bool = True,
) -> Equilibrium:
    """Find the law of motion log K' = a(z) + b(z) log K, or a `PolynomialLaw` where z is a number; of a price that
    clears a `PriceLaw`.

    Args:
        near: an equilibrium on other grids, or on other paths, where the search starts.
        whole: whether the law is to hold along the whole paths, or along as much of them as a rough search needs.

    Raises:
        InputError: a path of the aggregate shock that misses one of its states.
        NotConverged: capital leaves its nodes, or the fixed point is not found.
    """
    grid, nodes = household_grid(economy, settings), wealth_grid(economy, settings.histogram_nodes, settings.top)
    laws = family_of(economy).laws(grid, settings, near is not None)
    start, shocks = _paths(economy, settings, nodes)
    lengths = _Lengths(settings, laws.enough(settings), near is None, near is not None and whole)
    x, secants, c = laws.first(), [], None
    if near is not None:
        start = _on_these_nodes(economy, laws.go_on(near.ergodic, start), nodes)
        x, secants, c = laws.parameters(near.law), near.secants, _on_other_grid(near.policy, grid)
    laws.require_states(shocks[:, settings.burn_in :][:, : lengths.periods])
    previous, change, iteration, ergodic = None, math.inf, -1, None
    for iteration in range(settings.iterations):
        path = shocks[:, : lengths.burn_in + lengths.periods]
        c = HouseholdProblem(economy, laws.law(x), grid).consumption(c, tolerance=1e-5 if lengths.settling else 1e-7)
        policy = GridFunction(grid, c, economy.spendable)
        world = World(economy, policy.on_histogram(nodes), clamped=True)  # early laws lead anywhere
        ergodic = ergodic_path(world, nodes, start, path, lengths.burn_in, DATES, accounted=lengths.whole)
        _check_alive(ergodic, iteration)
        found, r_squared = laws.regress(ergodic)
        residual = found - x
        change = laws.moved(residual, ergodic)
        if not math.isfinite(change):
            break
        if progress:
            progress(iteration + 1, change, float(ergodic.K.mean()))
        if lengths.settling:
            start = laws.go_on(ergodic, start)
            lengths.settle(iteration)
        else:
            long_enough = lengths.whole or not whole
            solved = long_enough and change < settings.tolerance and not laws.higher
            if solved:  # on the way to the law economies may leave the nodes for a while
                laws.check_inside(economy, ergodic, grid, settings)
                return Equilibrium(laws.law(x), r_squared, policy, ergodic, path[:, lengths.burn_in :], secants)
            if previous is not None:
                secants = [*secants, (x - previous[0], residual - previous[1])][-MEMORY:]
            previous = x, residual
            if change < ROUGH * settings.tolerance:
                if not long_enough:
                    lengths.go_all_the_way()
                    previous = None  # longer paths: another map, of nearly the same slopes
                elif laws.higher:
                    x, secants, previous = laws.raised(x), [], None
                    residual = laws.regress(ergodic)[0] - x
        x = _anderson(x, residual, secants, settings.damping)
    if ergodic is not None and math.isfinite(change):
        laws.check_inside(economy, ergodic, grid, settings)  # this may be why
    raise NotConverged(
        f"reference: the law of motion still moves by {change:.1e} after {iteration + 1} iterations; "
        "try a smaller reference.damping"
    )


def _check_alive(ergodic: Ergodic, iteration: int) -> None:
    """Raise NotConverged where the path of an iteration has left all that there can be."""
    if not bool(ergodic.K.log().isfinite().all() and ergodic.z.isfinite().all()):
        raise NotConverged(
            f"reference: the law of motion of iteration {iteration + 1} leads to economies that are NaN, infinite "
            "or without assets; try a smaller reference.damping"
        )


def _on_these_nodes(economy: Economy, panel: Panel, nodes: Tensor) -> Panel:
    """The cross-sections of a panel as histograms on other nodes."""
    people = panel.population
    return Panel(on_grid(nodes, people.with_assets(people.k.clamp_min(nodes[0])), economy.chain.n_eps), panel.z)


class _Lengths:
    """How much of the paths an iteration follows.

    Attributes:
        burn_in, periods: that are thrown away, and that are used.
        settling: whether the neighbourhood is still looked for.
        whole: whether it is all of the paths.
    """

    def __init__(self, settings: ReferenceSettings, enough: int, settling: bool, whole: bool):
        self._settings, self._enough, self.settling, self.whole = settings, enough, settling, whole
        if settling:
            self.burn_in = min(settings.burn_in, SETTLING_BURN_IN) if self._shorter else settings.burn_in
            self.periods = min(settings.periods, -(-SETTLING_PERIODS // settings.economies))
        elif whole:
            self.go_all_the_way()
        else:
            self._go_on()

    @property
    def _shorter(self) -> bool:
        return self._enough < self._settings.periods

    def settle(self, iteration: int) -> None:
        """After the last of the first iterations the beginning of the paths is followed."""
        if iteration + 1 >= SETTLING:
            self.settling = False
            self._go_on()

    def _go_on(self) -> None:
        if not self._shorter:
            return self.go_all_the_way()
        self.burn_in, self.periods = min(self._settings.burn_in, ROUGH_BURN_IN), self._enough

    def go_all_the_way(self) -> None:
        """From now on the whole paths."""
        self.burn_in, self.periods, self.whole = self._settings.burn_in, self._settings.periods, True


def _paths(economy: Economy, settings: ReferenceSettings, nodes: Tensor) -> tuple[Panel, Tensor]:
    """Where the economies start, histograms on the nodes, and the aggregate shocks that they see, (B, T, d): half of
    them the mirror image of the others, as `verdict_path` has it.
    """

    def generator() -> torch.Generator:
        return torch.Generator(nodes.device).manual_seed(settings.seed)

    panel = initial_panel(economy, settings.economies, 200, generator())
    first = panel.z[: -(-settings.economies // 2)]
    length = settings.burn_in + settings.periods
    paths = [economy.chain.draw_path(first, length, generator(), mirrored) for mirrored in (False, True)]
    z, shocks = (torch.cat(both)[: settings.economies] for both in ([first, first], paths))
    return Panel(on_grid(nodes, panel.population, economy.chain.n_eps), z), shocks


def asset_nodes(economy: Economy, settings: ReferenceSettings) -> Tensor:
    """Nodes of individual assets (G,), dense where the policy bends."""
    unit = torch.linspace(0, 1, settings.k_nodes, dtype=torch.float64)
    limit = economy.borrowing_limit
    # where the limit leaves nothing to live on, households who spend what is left come close to it
    lowest = limit + NEAREST * (float(wealth_grid(economy, settings.histogram_nodes, settings.top)[0]) - limit)
    return lowest + (1.5 * settings.top * economy.scale - lowest) * unit**3


def household_grid(economy: Economy, settings: ReferenceSettings) -> Grid:
    """Nodes of the household's problem, those of K around the typical state or, with z, in the box."""
    K, z = family_of(economy).nodes(settings)
    return Grid(asset_nodes(economy, settings), K, z, economy.tracked)


def forecast_errors(
    economy: Economy, law: LawOfMotion | PolynomialLaw | PriceLaw, ergodic: Ergodic, shocks: Tensor
) -> Tensor:
    """Percent distance of the law of motion, iterated alone along the shocks, to K (Den Haan, 2010): (B, T). A z that
    moves with aggregates is iterated with it.
    """
    K, z = ergodic.K[:, :1], ergodic.z[:, 0]
    forecasts = [K]
    for t in range(1, ergodic.K.shape[1]):
        z_next = economy.chain.follow(z, shocks[:, t], wide_at(economy, K, z))
        K, z = law.following(K, z, z_next), z_next
        forecasts.append(K)
    return 100 * (torch.cat(forecasts, 1) / ergodic.K).log().abs()


def _anderson(x: Tensor, residual: Tensor, secants: list[tuple[Tensor, Tensor]], damping: float) -> Tensor:
    """The next point from this one, its residual and earlier secants (Walker and Ni, 2011)."""
    if not secants:
        return x + damping * residual
    dx, df = (torch.stack(parts, 1) for parts in zip(*secants))
    weight = torch.linalg.lstsq(df, residual[:, None], driver="gelsd").solution[:, 0]
    return x + damping * residual - (dx + damping * df) @ weight


def _on_other_grid(policy: GridFunction, grid: Grid) -> Tensor | None:
    """The values of a policy at the nodes of another grid, where the search for consumption starts; None where z is a
    number, whose nodes differ, too."""
    old = policy.grid
    if grid.z is not None:
        return None
    values = policy.values
    for dimension, (have, want) in ((-1, (old.k, grid.k)), (-2, (old.K.log(), grid.K.log()))):
        low, share = bracket(have, want)
        shape = [1] * values.dim()
        shape[dimension] = -1
        share = share.reshape(shape)
        values = (1 - share) * values.index_select(dimension, low) + share * values.index_select(dimension, low + 1)
    return values
