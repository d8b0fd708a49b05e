"""Krusell and Smith's fixed point: the law of motion that households forecast with is the one they bring about.

The cross-section is followed as a histogram (Young, 2010) along fixed paths of the aggregate shock, so that the map
from one law of motion to the next has no noise of its own, and the fixed point is found by Anderson acceleration (the
undamped update diverges in ks98).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from deepham import memory
from deepham.algorithm.evaluation import Ergodic, ergodic_path
from deepham.economics.economy import Economy, require
from deepham.errors import InputError
from deepham.reference.grid import Grid, GridFunction
from deepham.reference.household import HouseholdProblem, LawOfMotion
from deepham.reference.settings import ReferenceSettings
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.population import Population
from deepham.simulation.rollout import Panel, initial_panel

DATES = 40  # cross-sections at which the errors are measured
MEMORY = 5  # earlier steps that Anderson acceleration combines
SETTLING, SETTLING_PERIODS = 3, 500  # iterations, and periods of each, that look for the neighbourhood
ROUGH = 100  # with a quarter of the economies, to this many times the tolerance

Progress = Callable[[int, float, float], None]  # of iteration, change of the law of motion, mean K


@dataclass(frozen=True)
class Equilibrium:
    """What a fixed point leaves.

    Attributes:
        law: the law of motion households forecast with.
        r_squared: (n_z,) of its regression on the simulated paths.
        policy: consumption on the grid.
        ergodic: the continuum along the paths on which the law was found.
        secants: (step of the law's parameters, change of the residual) of the last iterations.
    """

    law: LawOfMotion
    r_squared: Tensor
    policy: GridFunction
    ergodic: Ergodic
    secants: list[tuple[Tensor, Tensor]] = field(default_factory=list)


def solve_law_of_motion(
    economy: Economy, settings: ReferenceSettings, progress: Progress | None = None, near: Equilibrium | None = None
) -> Equilibrium:
    """Find the law of motion log K' = a(z) + b(z) log K.

    Args:
        near: an equilibrium on other grids, where the search starts.

    Raises:
        InputError: capital leaves its nodes, or the fixed point is not found.
    """
    memory.require_memory(memory.grid_solution(economy, settings))
    grid, nodes = household_grid(economy, settings), wealth_grid(economy, settings.histogram_nodes, settings.top)
    generator = torch.Generator(nodes.device).manual_seed(settings.seed)
    panel = initial_panel(economy, settings.economies, 200, generator)
    z_path = economy.chain.draw_path(panel.z, settings.burn_in + settings.periods, generator)
    population = on_grid(nodes, panel.population, economy.chain.n_eps)
    typical = economy.typical_state()
    centre = math.log(typical["K"])
    unit = None if economy.objective == "market" else float(economy.preferences.marginal_utility(nodes.new_tensor(typical["c"])))
    few = max(1, settings.economies // 4)
    if near is None:
        # a law of motion as (level at the steady state, slope) by z: the two are then nearly independent
        x = torch.cat([nodes.new_full((economy.chain.n_z,), centre), nodes.new_full((economy.chain.n_z,), 0.96)])
        if unit:
            x = torch.cat([x, torch.zeros_like(x)])
        secants, economies = [], few
    else:
        average = _average(near.ergodic, panel.z)
        population = on_grid(nodes, average.with_assets(average.k.clamp_min(nodes[0])), economy.chain.n_eps)
        x = _parameters(near.law, centre, unit)
        secants, economies = near.secants, settings.economies
    previous = c = None
    for iteration in range(settings.iterations):
        settling = near is None and iteration < SETTLING
        path = z_path[:economies, : settings.burn_in + SETTLING_PERIODS] if settling else z_path[:economies]
        c = HouseholdProblem(economy, _law(x, centre, unit), grid).consumption(c, tolerance=1e-5 if settling else 1e-7)
        policy = GridFunction(grid, c, True, economy.borrowing_limit)
        start = Panel(population.select(slice(economies)), path[:, 0])
        ergodic = ergodic_path(economy, policy.on_histogram(nodes), nodes, start, path, settings.burn_in, DATES)
        found, r_squared = _regress(ergodic, centre, unit)
        residual = found - x
        change = float(residual.abs().max())
        if progress:
            progress(iteration + 1, change, float(ergodic.K.mean()))
        if settling:
            population = on_grid(nodes, _average(ergodic, panel.z), economy.chain.n_eps)
        else:
            _check_width(ergodic, grid, settings)
            if economies == settings.economies and change < settings.tolerance:
                return Equilibrium(_law(x, centre, unit), r_squared, policy, ergodic, secants)
            if previous is not None:
                secants = [*secants, (x - previous[0], residual - previous[1])][-MEMORY:]
            previous = x, residual
            if economies < settings.economies and change < ROUGH * settings.tolerance:
                economies, previous = settings.economies, None  # other paths: another map, of nearly the same slopes
        x = _anderson(x, residual, secants, settings.damping)
    raise InputError(f"reference: the law of motion still moves by {change:.1e} after {settings.iterations} "
                     "iterations; try a smaller reference.damping")


def household_grid(economy: Economy, settings: ReferenceSettings) -> Grid:
    """Nodes of the household's problem: k dense where the policy bends, K around the typical state."""
    K = economy.typical_state()["K"]
    unit = torch.linspace(0, 1, settings.k_nodes, dtype=torch.float64)
    lowest = float(wealth_grid(economy, settings.histogram_nodes, settings.top)[0])
    k = lowest + (1.5 * settings.top * K - lowest) * unit**3
    return Grid(k, K * torch.exp(torch.linspace(-1, 1, settings.K_nodes, dtype=torch.float64) * settings.K_width))


def forecast_errors(law: LawOfMotion, ergodic: Ergodic) -> Tensor:
    """Percent distance of the law of motion, iterated alone along the path, to K (Den Haan, 2010): (B, T)."""
    K = ergodic.K[:, 0]
    forecasts = [K]
    for t in range(ergodic.K.shape[1] - 1):
        K = law(K, ergodic.z[:, t])
        forecasts.append(K)
    return 100 * (torch.stack(forecasts, 1) / ergodic.K).log().abs()


def _average(ergodic: Ergodic, z: Tensor) -> Population:
    """The average cross-section of each economy's aggregate state z (B,)."""
    n_eps = ergodic.mean_mass.shape[1] // len(ergodic.grid)
    return Population.histogram(ergodic.grid, ergodic.mean_mass.reshape(len(ergodic.mean_mass), n_eps, -1)[z])


def _law(x: Tensor, centre: float, unit: float | None) -> LawOfMotion:
    """Of the parameters that are searched for: level at the centre and slope by z, and a planner's premium likewise, in units
    of the marginal utility of typical consumption.
    """
    level, slope, *premium = x.chunk(4 if unit else 2)
    if not unit:
        return LawOfMotion(level - slope * centre, slope)
    worth, moves = premium
    return LawOfMotion(level - slope * centre, slope, unit * (worth - moves * centre), unit * moves)


def _parameters(law: LawOfMotion, centre: float, unit: float | None) -> Tensor:
    """The other way round."""
    found = [law.intercept + law.slope * centre, law.slope]
    if unit:
        found += [(law.premium_intercept + law.premium_slope * centre) / unit, law.premium_slope / unit]
    return torch.cat(found)


def _regress(ergodic: Ergodic, centre: float, unit: float | None) -> tuple[Tensor, Tensor]:
    """Least squares of log K', and of a planner's premium, on log K by z: (levels, slopes) as one vector, and R2 of log K'."""
    log_K = ergodic.K.log()
    z = ergodic.z[:, :-1].flatten()
    for index in range(len(ergodic.share_z)):
        seen = int((z == index).sum())
        require(seen > 2, f"reference.periods: the path is in state {index} of the aggregate shock only {seen} "
                "times; expected a longer path or more reference.economies")
    law, fit = _lines(log_K[:, :-1].flatten() - centre, log_K[:, 1:].flatten(), z)
    if unit:
        law = torch.cat([law, _lines(log_K.flatten() - centre, ergodic.premium.flatten() / unit, ergodic.z.flatten())[0]])
    return law, fit


def _lines(x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """A line through the points of each z: (levels at zero, slopes) as one vector, and R2 by z."""
    levels, slopes, fits = [], [], []
    for index in range(int(z.max()) + 1):
        here, there = x[z == index], y[z == index]
        slope = ((here - here.mean()) * (there - there.mean())).sum() / ((here - here.mean()) ** 2).sum()
        levels.append(there.mean() - slope * here.mean())
        slopes.append(slope)
        fits.append(1 - ((there - levels[-1] - slope * here) ** 2).sum() / ((there - there.mean()) ** 2).sum())
    return torch.stack(levels + slopes), torch.stack(fits)


def _anderson(x: Tensor, residual: Tensor, secants: list[tuple[Tensor, Tensor]], damping: float) -> Tensor:
    """The next point from this one, its residual and earlier secants (Walker and Ni, 2011)."""
    if not secants:
        return x + damping * residual
    dx, df = (torch.stack(parts, 1) for parts in zip(*secants))
    weight = torch.linalg.lstsq(df, residual[:, None], driver="gelsd").solution[:, 0]
    return x + damping * residual - (dx + damping * df) @ weight


def _check_width(ergodic: Ergodic, grid: Grid, settings: ReferenceSettings) -> None:
    low, high = float(ergodic.K.min()), float(ergodic.K.max())
    if not (grid.K[0] < low and high < grid.K[-1]):
        raise InputError(f"reference.K_width: capital moves between {low:.4g} and {high:.4g}, beyond its nodes; "
                         f"expected more than {settings.K_width:g}")
