"""Krusell and Smith's fixed point: the law of motion that households forecast with is the one they bring about.

The cross-section is followed as a histogram (Young, 2010) along one fixed path of the aggregate shock, so that the
map from one law of motion to the next has no noise of its own, and the fixed point is found by Anderson acceleration
(the undamped update diverges in ks98).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepham.algorithm.evaluation import Ergodic, distribution_measures, ergodic_path, error_measures
from deepham.economics.economy import Economy, require
from deepham.errors import InputError
from deepham.reference.grid import Grid, GridFunction
from deepham.reference.household import HouseholdProblem, LawOfMotion
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.population import Population
from deepham.simulation.rollout import initial_panel

DATES = 40  # cross-sections at which the errors are measured
MEMORY = 5  # earlier steps that Anderson acceleration combines


@dataclass
class ReferenceSettings:
    """Grids, path and precision; each field is explained in conf/reference/."""

    k_nodes: int
    K_nodes: int
    K_width: float
    top: float
    histogram_nodes: int
    economies: int
    burn_in: int
    periods: int
    tolerance: float
    damping: float
    iterations: int
    seed: int

    def validate(self) -> None:
        """Raise InputError for a value out of range."""
        for name, least in (("k_nodes", 20), ("K_nodes", 2), ("histogram_nodes", 20), ("economies", 1), ("burn_in", 0),
                            ("periods", 100), ("iterations", 4), ("seed", 0)):
            require(least <= getattr(self, name) < 2**63,
                    f"reference.{name}: expected at least {least}, got {getattr(self, name)}")
        require(0 < self.K_width < 1, f"reference.K_width: expected a number in (0, 1), got {self.K_width}")
        require(2 <= self.top < float("inf"), f"reference.top: expected a number from 2 on, got {self.top}")
        require(0 < self.tolerance < 1, f"reference.tolerance: expected a number in (0, 1), got {self.tolerance}")
        require(0 < self.damping <= 1, f"reference.damping: expected a number in (0, 1], got {self.damping}")


@dataclass(frozen=True)
class Reference:
    """A solved economy.

    Attributes:
        law: the law of motion households forecast with.
        r_squared: (n_z,) of its regression on the simulated path.
        policy, value: Observation -> (B, N), consumption and lifetime utility.
        nodes: (G,) of the wealth histogram.
        start: average cross-section of the path it was found on, one economy; where a comparison starts.
        measures: of the solution under the project's definitions, and the forecast errors of the law of motion.
    """

    law: LawOfMotion
    r_squared: Tensor
    policy: GridFunction
    value: GridFunction
    nodes: Tensor
    start: Population
    measures: dict[str, float]

    def to(self, device) -> Reference:
        """A copy on the device."""
        def moved(function: GridFunction) -> GridFunction:
            grid = Grid(function.grid.k.to(device), function.grid.K.to(device))
            return replace(function, grid=grid, values=function.values.to(device))

        start = Population(*(x.to(device) for x in (self.start.k, self.start.eps, self.start.weight)))
        law = LawOfMotion(self.law.intercept.to(device), self.law.slope.to(device))
        return replace(self, law=law, policy=moved(self.policy), value=moved(self.value), nodes=self.nodes.to(device),
                       start=start)


def solve_reference(
    economy: Economy, settings: ReferenceSettings, progress: Callable[[int, float, float], None] | None = None
) -> Reference:
    """Solve an economy with one asset, a finite chain and prices that depend on K alone.

    Args:
        economy: in float64.
        progress: called with (iteration, change of the law of motion, mean K).

    Raises:
        InputError: an economy of another kind, or a fixed point that was not found.
    """
    settings.validate()
    _check_kind(economy)
    generator = torch.Generator(economy.chain.aggregate.device).manual_seed(settings.seed)
    panel = initial_panel(economy, settings.economies, 200, generator)
    nodes = wealth_grid(economy, settings.histogram_nodes, settings.top)
    population = on_grid(nodes, panel.population, economy.chain.n_eps)
    z_path = economy.chain.draw_path(panel.z, settings.burn_in + settings.periods, generator)
    grid = _grid(economy, settings)
    centre = math.log(economy.steady_state()["K"])

    # a law of motion as (level at the steady state, slope) by z: the two are then nearly independent
    x = torch.cat([torch.full((economy.chain.n_z,), centre, dtype=grid.K.dtype),
                   torch.full((economy.chain.n_z,), 0.96, dtype=grid.K.dtype)])
    steps: list[tuple[Tensor, Tensor]] = []
    c = None
    for iteration in range(settings.iterations):
        c = HouseholdProblem(economy, _law(x, centre), grid).consumption(c, tolerance=1e-7)
        policy = GridFunction(grid, c, True, economy.borrowing_limit)
        # the first iterations only have to find the neighbourhood, and where the cross-section settles
        settled = iteration >= 3
        path = z_path if settled else z_path[:, : settings.burn_in + 500]
        ergodic = ergodic_path(economy, policy, nodes, population, path, settings.burn_in, DATES)
        if not settled:
            population = Population.histogram(nodes, ergodic.mean_mass.reshape(economy.chain.n_z, -1, len(nodes))[panel.z])
        if settled and not (grid.K[0] < ergodic.K.min() and ergodic.K.max() < grid.K[-1]):
            raise InputError(f"reference.K_width: capital moves between {float(ergodic.K.min()):.4g} and "
                             f"{float(ergodic.K.max()):.4g}, beyond its nodes; expected more than {settings.K_width:g}")
        found, r_squared = _regress(ergodic, centre)
        change = float((found - x).abs().max())
        if progress:
            progress(iteration + 1, change, float(ergodic.K.mean()))
        if settled and change < settings.tolerance:
            break
        steps = [*steps, (x, found - x)][-MEMORY:] if settled else [(x, found - x)]
        x = _anderson(steps, settings.damping)
    else:
        raise InputError(f"reference: the law of motion still moves by {change:.1e} after {settings.iterations} "
                         "iterations; try a smaller reference.damping")
    return _conclude(economy, _law(x, centre), r_squared, policy, ergodic, nodes)


def _conclude(
    economy: Economy, law: LawOfMotion, r_squared: Tensor, policy: GridFunction, ergodic: Ergodic, nodes: Tensor
) -> Reference:
    problem = HouseholdProblem(economy, law, policy.grid)
    c = problem.consumption(policy.values, tolerance=1e-9)
    policy = GridFunction(policy.grid, c, True, economy.borrowing_limit)
    value = GridFunction(policy.grid, problem.value(c), False, economy.borrowing_limit)
    mass = (ergodic.share_z[:, None].to(nodes) * ergodic.mean_mass).sum(0)
    start = Population.histogram(nodes, mass.reshape(1, economy.chain.n_eps, -1))
    measures = error_measures(economy, policy, value, ergodic.dates, optimality_every=4) | distribution_measures(ergodic)
    forecast = _forecast_errors(law, ergodic)
    measures |= {"forecast.mean": float(forecast.mean()), "forecast.max": float(forecast.max())}
    return Reference(law, r_squared, policy, value, nodes, start, measures)


def _check_kind(economy: Economy) -> None:
    names = set(economy.steady_state()) - {"c", "m"}
    if names != {"K"}:
        raise InputError("reference: the grid solver handles economies whose prices depend on K alone, this one has "
                         f"the aggregates {', '.join(sorted(names))}")


def _grid(economy: Economy, settings: ReferenceSettings) -> Grid:
    K = economy.steady_state()["K"]
    dtype = economy.chain.aggregate.dtype
    unit = torch.linspace(0, 1, settings.k_nodes, dtype=dtype)
    lowest = float(wealth_grid(economy, settings.histogram_nodes, settings.top)[0])
    k = lowest + (1.5 * settings.top * K - lowest) * unit**3  # dense where the policy bends
    return Grid(k, K * torch.exp(torch.linspace(-1, 1, settings.K_nodes, dtype=dtype) * settings.K_width))


def _law(x: Tensor, centre: float) -> LawOfMotion:
    level, slope = x.chunk(2)
    return LawOfMotion(level - slope * centre, slope)


def _regress(ergodic: Ergodic, centre: float) -> tuple[Tensor, Tensor]:
    """Least squares of log K' on log K by z: (level at the centre, slope) as one vector, and R2 by z."""
    log_K = ergodic.K.log()
    now, following, z = log_K[:, :-1].flatten() - centre, log_K[:, 1:].flatten(), ergodic.z[:, :-1].flatten()
    levels, slopes, fits = [], [], []
    for index in range(len(ergodic.share_z)):
        x, y = now[z == index], following[z == index]
        require(len(x) > 2, f"reference.periods: the path is in state {index} of the aggregate shock only {len(x)} "
                "times; expected a longer path or more reference.economies")
        slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
        level = y.mean() - slope * x.mean()
        levels.append(level)
        slopes.append(slope)
        fits.append(1 - ((y - level - slope * x) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    return torch.stack(levels + slopes), torch.stack(fits)


def _anderson(steps: list[tuple[Tensor, Tensor]], damping: float) -> Tensor:
    """The next point from earlier ones and their residuals (Walker and Ni, 2011)."""
    x, residual = steps[-1]
    if len(steps) == 1:
        return x + damping * residual
    dx = torch.stack([x - earlier for earlier, _ in steps[:-1]], 1)
    df = torch.stack([residual - earlier for _, earlier in steps[:-1]], 1)
    weight = torch.linalg.lstsq(df, residual[:, None], driver="gelsd").solution[:, 0]
    return x + damping * residual - (dx + damping * df) @ weight


def _forecast_errors(law: LawOfMotion, ergodic: Ergodic) -> Tensor:
    """Percent distance of the law of motion, iterated alone along the path, to K (Den Haan, 2010): (B, T)."""
    K = ergodic.K[:, 0]
    forecasts = [K]
    for t in range(ergodic.K.shape[1] - 1):
        K = law(K, ergodic.z[:, t])
        forecasts.append(K)
    return 100 * (torch.stack(forecasts, 1) / ergodic.K).log().abs()
