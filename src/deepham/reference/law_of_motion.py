"""Krusell and Smith's fixed point: the law of motion that households forecast with is the one they bring about.

The cross-section is followed as a histogram (Young, 2010) along fixed paths of the aggregate shock, so that the map
from one law of motion to the next has no noise of its own, and the fixed point is found by Anderson acceleration (the
undamped update diverges in ks98). A law of motion is one of a family of functions with a few parameters: a line for
each state of a chain, or a polynomial where the aggregate state is a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepham.algorithm.ergodic import Ergodic, ergodic_path
from deepham.economics.economy import Economy
from deepham.errors import NotConverged
from deepham.reference.families import family_of
from deepham.reference.fixed_point import Anderson
from deepham.reference.forecasts import LawOfMotion, PolynomialLaw, PriceLaw
from deepham.reference.grid import Grid, GridFunction
from deepham.reference.household import HouseholdProblem, wide_at
from deepham.reference.laws import LinesByState, Polynomials
from deepham.reference.settings import ReferenceSettings
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.interpolation import bracket
from deepham.simulation.period import Panel, World
from deepham.simulation.walk import initial_panel

DATES = 40  # cross-sections at which the errors are measured
MEMORY = 5  # earlier steps of the law that are combined
# iterations that look for the neighbourhood, over so many periods of all economies together, after so many of each
SETTLING, SETTLING_PERIODS, SETTLING_BURN_IN = 3, 2000, 200
NEAREST = 1e-3  # to the limit that nodes start, where they cannot start at it, as a share of the histogram's distance
ROUGH = 100  # along the beginning of the paths and with each lower order, to this many times the tolerance
NEARLY = 3  # times the tolerance, before the accounts of a path are worked out: the next step leaves less
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
        search: what its iterations have learned.
    """

    law: LawOfMotion | PolynomialLaw | PriceLaw
    r_squared: Tensor
    policy: GridFunction
    ergodic: Ergodic
    shocks: Tensor
    search: Anderson | None = None


def solve_law_of_motion(
    economy: Economy,
    settings: ReferenceSettings,
    progress: Progress | None = None,
    near: Equilibrium | None = None,
    accounted: bool = True,
) -> Equilibrium:
    """Find the law of motion log K' = a(z) + b(z) log K, or a `PolynomialLaw` where z is a number; of a price that
    clears a `PriceLaw`.

    Args:
        near: an equilibrium on other grids, where the search starts.
        accounted: whether welfare and all accounts are wanted of the path.

    Raises:
        InputError: a path of the aggregate shock that misses one of its states.
        NotConverged: capital leaves its nodes, or the fixed point is not found.
    """
    grid, nodes = household_grid(economy, settings), wealth_grid(economy, settings.histogram_nodes, settings.top)
    laws = family_of(economy).laws(grid, settings, near is not None)
    start, shocks = _paths(economy, settings, nodes)
    stages = _stages(settings, laws.enough(settings), near is not None, accounted)
    x, search, c = laws.first(), Anderson(MEMORY, settings.damping), None
    if near is not None:
        start = _on_these_nodes(economy, laws.go_on(near.ergodic, start), nodes)
        x, search, c = laws.parameters(near.law), near.search or search, _on_other_grid(near.policy, grid)
        search.change_map()
    change, iteration, ergodic = math.inf, -1, None
    for iteration in range(settings.iterations):
        stage = stages[0]
        path = shocks[:, : stage.burn_in + stage.periods]
        laws.require_states(path[:, stage.burn_in :])
        c = HouseholdProblem(economy, laws.law(x), grid).consumption(c, tolerance=1e-5 if stage.settling else 1e-7)
        policy = GridFunction(grid, c, economy.spendable)
        world = World(economy, policy.on_histogram(nodes), clamped=True)  # early laws lead anywhere
        ergodic = ergodic_path(world, nodes, start, path, stage.burn_in, DATES, accounted=stage.accounted)
        _check_alive(ergodic, iteration)
        found, r_squared = laws.regress(ergodic)
        residual = found - x
        change = float(laws.moved(residual, ergodic).abs().max())
        if not math.isfinite(change):
            break
        if progress:
            progress(iteration + 1, change, float(ergodic.K.mean()))
        higher = laws.higher and not stage.settling
        solved = change < stage.enough and not higher
        if solved and len(stages) == 1:  # on the way to the law economies may leave the nodes for a while
            laws.check_inside(economy, ergodic, grid, settings)
            return Equilibrium(laws.law(x), r_squared, policy, ergodic, path[:, stage.burn_in :], search)
        if higher and change < ROUGH * settings.tolerance:
            x = laws.raised(x)
            search.forget()
            residual = laws.regress(ergodic)[0] - x
        x = search.next(x, residual, _felt(laws, ergodic, x))
        if solved:
            start = laws.go_on(ergodic, start)
            stages = stages[1:]
            search.change_map()
    if ergodic is not None and math.isfinite(change):
        laws.check_inside(economy, ergodic, grid, settings)  # this may be why
    raise NotConverged(
        f"reference: the law of motion still moves by {change:.1e} after {iteration + 1} iterations; "
        "try a smaller reference.damping"
    )


def _felt(laws: LinesByState | Polynomials, ergodic: Ergodic, x: Tensor) -> Tensor:
    """What turns a residual of the parameters x (n,) into one of as many numbers, whose length is by how much it moves
    forecasts along the paths: some parameters, and most of all combinations of them, are hardly felt."""
    moves = laws.moved(torch.eye(len(x), dtype=x.dtype), ergodic)
    return torch.linalg.qr(moves.T).R / math.sqrt(moves.shape[1])


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


@dataclass(frozen=True)
class _Stage:
    """A part of the search.

    Attributes:
        burn_in, periods: of the paths, how many are thrown away and how many are used.
        enough: the change of the law with which it ends.
        settling: whether the neighbourhood is still looked for.
        accounted: whether all accounts of the path are wanted.
    """

    burn_in: int
    periods: int
    enough: float
    settling: bool = False
    accounted: bool = False


def _stages(settings: ReferenceSettings, enough: int, near: bool, accounted: bool) -> list[_Stage]:
    """From an equilibrium nearby the whole paths are followed. From nothing the neighbourhood is found along a few
    periods first, then roughly the law along `enough` of them."""
    whole = _Stage(settings.burn_in, settings.periods, settings.tolerance, accounted=accounted)
    if near:
        return [replace(whole, enough=NEARLY * settings.tolerance, accounted=False)] * accounted + [whole]
    stages = [whole]
    shorter, few = enough < settings.periods, -(-SETTLING_PERIODS // settings.economies)
    if shorter:
        rough = ROUGH * settings.tolerance
        stages = [_Stage(min(settings.burn_in, ROUGH_BURN_IN), enough, rough), *stages]
    burn_in = min(settings.burn_in, SETTLING_BURN_IN) if shorter else settings.burn_in
    return [_Stage(burn_in, min(settings.periods, few), math.inf, settling=True)] * SETTLING + stages


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
    return Grid.of(economy, asset_nodes(economy, settings), K, z)


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
