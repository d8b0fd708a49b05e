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

from deepham import memory
from deepham.algorithm.evaluation import Ergodic, ergodic_path
from deepham.economics.economy import Economy, require
from deepham.errors import NotConverged
from deepham.reference.grid import Grid, GridFunction
from deepham.reference.household import HouseholdProblem, LawOfMotion, PolynomialLaw, aggregates_at, monomials
from deepham.reference.settings import ReferenceSettings
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.population import Population
from deepham.simulation.rollout import Panel, initial_panel

DATES = 40  # cross-sections at which the errors are measured
MEMORY = 5  # earlier steps that Anderson acceleration combines
SETTLING, SETTLING_PERIODS = 3, 500  # iterations, and periods of each, that look for the neighbourhood
ROUGH = 100  # with a quarter of the economies and each lower order, to this many times the tolerance
FIRST_ORDER = 2  # of a polynomial law: a plane says too little to start from

Progress = Callable[[int, float, float], None]  # of iteration, change of the law of motion, mean K


@dataclass(frozen=True)
class Equilibrium:
    """What a fixed point leaves.

    Attributes:
        law: the law of motion households forecast with.
        r_squared: (n_z,) of its regression on the simulated paths, of log K' by state of a chain, of log K'/K for a
        polynomial. policy: consumption on the grid.
        ergodic: the continuum along the paths on which the law was found.
        shocks: (B, T, ...) the aggregate shocks of these paths.
        secants: (step of the law's parameters, change of the residual) of the last iterations.
    """

    law: LawOfMotion | PolynomialLaw
    r_squared: Tensor
    policy: GridFunction
    ergodic: Ergodic
    shocks: Tensor
    secants: list[tuple[Tensor, Tensor]] = field(default_factory=list)


def solve_law_of_motion(
    economy: Economy, settings: ReferenceSettings, progress: Progress | None = None, near: Equilibrium | None = None
) -> Equilibrium:
    """Find the law of motion log K' = a(z) + b(z) log K, or a `PolynomialLaw` where z is a number.

    Args:
        near: an equilibrium on other grids, where the search starts.

    Raises:
        InputError: more memory than there is, or a path of the aggregate shock that misses one of its states.
        NotConverged: capital leaves its nodes, or the fixed point is not found.
    """
    memory.require_memory(memory.grid_solution(economy, settings))
    grid, nodes = household_grid(economy, settings), wealth_grid(economy, settings.histogram_nodes, settings.top)
    generator = torch.Generator(nodes.device).manual_seed(settings.seed)
    panel = initial_panel(economy, settings.economies, 200, generator)
    shocks = economy.chain.draw_path(panel.z, settings.burn_in + settings.periods, generator)
    start = Panel(on_grid(nodes, panel.population, economy.chain.n_eps), panel.z)
    order = settings.order if near or grid.z is None else min(FIRST_ORDER, settings.order)
    laws = _ByState(economy) if grid.z is None else _Polynomials(grid, order, settings.order)
    # a polynomial that few economies show says nothing of where the others are
    few = max(1, settings.economies // 4) if grid.z is None else settings.economies
    if near is None:
        x, secants, economies = laws.first(), [], few
    else:
        start = laws.go_on(near.ergodic, start)
        start = Panel(
            on_grid(nodes, start.population.with_assets(start.population.k.clamp_min(nodes[0])), economy.chain.n_eps),
            start.z,
        )
        x, secants, economies = laws.parameters(near.law), near.secants, settings.economies
    # the first iterations see the shortest path
    laws.require_states(shocks[:economies, settings.burn_in :][:, : None if near else SETTLING_PERIODS])
    previous = c = None
    for iteration in range(settings.iterations):
        settling = near is None and iteration < SETTLING
        path = shocks[:economies, : settings.burn_in + SETTLING_PERIODS] if settling else shocks[:economies]
        c = HouseholdProblem(economy, laws.law(x), grid).consumption(c, tolerance=1e-5 if settling else 1e-7)
        policy = GridFunction(grid, c, True, economy.borrowing_limit)
        ergodic = ergodic_path(
            economy, policy.on_histogram(nodes), nodes, start.select(slice(economies)), path, settings.burn_in, DATES
        )
        if not bool(ergodic.K.log().isfinite().all() and ergodic.z.isfinite().all()):
            raise NotConverged(
                f"reference: the law of motion of iteration {iteration + 1} leads to economies that are NaN, infinite "
                "or without assets; try a smaller reference.damping"
            )
        found, r_squared = laws.regress(ergodic)
        residual = found - x
        change = float(residual.abs().max())
        if not math.isfinite(change):
            break
        if progress:
            progress(iteration + 1, change, float(ergodic.K.mean()))
        if settling:
            start = laws.go_on(ergodic, start)
        else:
            solved = economies == settings.economies and change < settings.tolerance and not laws.higher
            if solved or grid.z is None:  # a box is left for a while by economies on their way to a law
                _check_width(economy, ergodic, grid, settings)
            if solved:
                return Equilibrium(laws.law(x), r_squared, policy, ergodic, path[:, settings.burn_in :], secants)
            if previous is not None:
                secants = [*secants, (x - previous[0], residual - previous[1])][-MEMORY:]
            previous = x, residual
            if change < ROUGH * settings.tolerance:
                if economies < settings.economies:
                    # other paths: another map, of nearly the same slopes
                    economies, previous = settings.economies, None
                elif laws.higher:
                    laws.order += 1
                    x, secants, previous = laws.padded(x), [], None
                    residual = laws.regress(ergodic)[0] - x
        x = _anderson(x, residual, secants, settings.damping)
    raise NotConverged(
        f"reference: the law of motion still moves by {change:.1e} after {iteration + 1} iterations; "
        "try a smaller reference.damping"
    )


def asset_nodes(economy: Economy, settings: ReferenceSettings) -> Tensor:
    """Nodes of individual assets (G,), dense where the policy bends."""
    unit = torch.linspace(0, 1, settings.k_nodes, dtype=torch.float64)
    lowest = float(wealth_grid(economy, settings.histogram_nodes, settings.top)[0])
    return lowest + (1.5 * settings.top * economy.typical_assets - lowest) * unit**3


def unset(economy: Economy, settings: ReferenceSettings) -> str | None:
    """Which of the settings that a grid in z takes has no value; None where all have, or there is no such grid."""
    for name in () if economy.chain.finite else ("z_nodes", "box", "order"):
        if getattr(settings, name) is None:
            return (
                f"reference.{name}: expected a value, as the aggregate state of the economy, "
                f"{economy.aggregate_shock}, is a number; see conf/reference/standard.yaml"
            )
    return None


def household_grid(economy: Economy, settings: ReferenceSettings) -> Grid:
    """Nodes of the household's problem, those of K around the typical state or, with z, in the box."""
    k = asset_nodes(economy, settings)
    if economy.chain.finite:
        K = economy.typical_assets
        return Grid(k, K * torch.exp(torch.linspace(-1, 1, settings.K_nodes, dtype=torch.float64) * settings.K_width))
    missing = unset(economy, settings)
    require(missing is None, str(missing))
    (low, high), ends = settings.box
    K_nodes = torch.linspace(math.log(low), math.log(high), settings.K_nodes, dtype=torch.float64).exp()
    return Grid(k, K_nodes, torch.linspace(*ends, settings.z_nodes, dtype=torch.float64), economy.mean_assets)


def forecast_errors(economy: Economy, law: LawOfMotion | PolynomialLaw, ergodic: Ergodic, shocks: Tensor) -> Tensor:
    """Percent distance of the law of motion, iterated alone along the shocks, to K (Den Haan, 2010): (B, T). A z that
    moves with aggregates is iterated with it.
    """
    K, z = ergodic.K[:, 0], ergodic.z[:, 0]
    forecasts = [K]
    for t in range(1, ergodic.K.shape[1]):
        K, z = law(K, z), economy.chain.follow(z, shocks[:, t], aggregates_at(economy, K, z))
        forecasts.append(K)
    return 100 * (torch.stack(forecasts, 1) / ergodic.K).log().abs()


class _ByState:
    """Lines log K' = level(z) + slope(z) (log K - centre) by state of a chain, (levels, slopes) as one vector: at the
    steady state the two are nearly independent. Under a planner what assets are paid likewise, in units of the marginal
    utility of typical consumption.
    """

    higher = False  # there is no larger family to go on with

    def __init__(self, economy: Economy):
        typical = economy.typical_state()
        self.n_z, self.n_eps, self.centre = economy.chain.n_z, economy.chain.n_eps, math.log(typical["K"])
        self.unit = (
            None
            if economy.objective == "market"
            else float(economy.preferences.marginal_utility(economy.table(typical["c"])))
        )

    def first(self) -> Tensor:
        """Where a search starts."""
        x = torch.tensor([self.centre] * self.n_z + [0.96] * self.n_z, dtype=torch.float64)
        return torch.cat([x, torch.zeros_like(x)]) if self.unit else x

    def law(self, x: Tensor) -> LawOfMotion:
        """The law of these parameters."""
        level, slope, *premium = x.chunk(4 if self.unit else 2)
        if not self.unit:
            return LawOfMotion(level - slope * self.centre, slope)
        worth, moves = premium
        return LawOfMotion(
            level - slope * self.centre, slope, self.unit * (worth - moves * self.centre), self.unit * moves
        )

    def parameters(self, law: LawOfMotion) -> Tensor:
        """The other way round."""
        found = [law.intercept + law.slope * self.centre, law.slope]
        if self.unit:
            found += [
                (law.premium_intercept + law.premium_slope * self.centre) / self.unit,
                law.premium_slope / self.unit,
            ]
        return torch.cat(found)

    def require_states(self, z: Tensor) -> None:
        """Raise InputError unless a line can be laid through what follows each state of the path z (B, T)."""
        for index in range(self.n_z):
            seen = int((z[:, :-1] == index).sum())
            require(
                seen > 2,
                f"reference.periods: the path is in state {index} of the aggregate shock only {seen} "
                "times; expected a longer path or more reference.economies",
            )

    def regress(self, ergodic: Ergodic) -> tuple[Tensor, Tensor]:
        """Least squares of log K', and of a planner's premium, on log K by z, and R2 of log K'."""
        log_K = ergodic.K.log()
        z = ergodic.z[:, :-1].flatten()
        law, fit = _lines(log_K[:, :-1].flatten() - self.centre, log_K[:, 1:].flatten(), z)
        if self.unit:
            law = torch.cat(
                [
                    law,
                    _lines(log_K.flatten() - self.centre, ergodic.premium.flatten() / self.unit, ergodic.z.flatten())[
                        0
                    ],
                ]
            )
        return law, fit

    def go_on(self, ergodic: Ergodic, start: Panel) -> Panel:
        """Where a path of the same shocks starts next: in the average cross-section of each economy's first z."""
        mass = ergodic.mean_mass.reshape(self.n_z, self.n_eps, -1)
        return Panel(Population.histogram(ergodic.grid, mass[start.z]), start.z)


class _Polynomials:
    """The laws of a `PolynomialLaw`, around the middle of the nodes. Of a high order they run away where economies have
    not been yet, so that a search begins with a low one.
    """

    def __init__(self, grid: Grid, order: int, most: int):
        self.order, self.most, self.centre = order, most, torch.stack([grid.K.log().mean(), grid.z.mean()])

    def first(self) -> Tensor:
        """Mean assets stay as they are."""
        return self.padded(torch.zeros(1, dtype=torch.float64))

    def padded(self, x: Tensor) -> Tensor:
        """The law of a lower order as one of this order."""
        return torch.cat([x, x.new_zeros((self.order + 1) * (self.order + 2) // 2 - len(x))])

    @property
    def higher(self) -> bool:
        """Whether there is a higher order to go on with."""
        return self.order < self.most

    def law(self, x: Tensor) -> PolynomialLaw:
        """The law of these coefficients."""
        return PolynomialLaw(x, self.centre)

    def parameters(self, law: PolynomialLaw) -> Tensor:
        """The other way round."""
        return law.coefficients

    def require_states(self, z: Tensor) -> None:
        """None can be missed: the polynomial is of z itself."""

    def regress(self, ergodic: Ergodic) -> tuple[Tensor, Tensor]:
        """Least squares of log K'/K on the terms, and its R2, (1,)."""
        terms = monomials(ergodic.K[:, :-1], ergodic.z[:, :-1], self.centre, self.order).flatten(0, 1)
        growth = ergodic.K.log().diff(dim=1).flatten()
        x = torch.linalg.lstsq(terms, growth[:, None], driver="gelsd").solution[:, 0]
        return x, 1 - ((growth - terms @ x) ** 2).sum()[None] / ((growth - growth.mean()) ** 2).sum()

    def go_on(self, ergodic: Ergodic, start: Panel) -> Panel:
        """Where a path of the same shocks starts next: as it did. What early laws bring about takes centuries to be
        forgotten."""
        return start


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


def _check_width(economy: Economy, ergodic: Ergodic, grid: Grid, settings: ReferenceSettings) -> None:
    """Raise NotConverged where the path leaves the nodes: beyond them the policy is not that of the economy."""
    if grid.z is not None:
        for name, nodes, path in (
            (economy.mean_assets, grid.K, ergodic.K),
            (economy.aggregate_shock, grid.z, ergodic.z),
        ):
            low, high = float(path.min()), float(path.max())
            if not (float(nodes[0]) < low and high < float(nodes[-1])):
                raise NotConverged(
                    f"reference.box: {name} moves between {low:.4g} and {high:.4g}, beyond its nodes; expected more "
                    f"than [{float(nodes[0]):g}, {float(nodes[-1]):g}]"
                )
        return
    low, high = float(ergodic.K.min()), float(ergodic.K.max())
    if not (grid.K[0] < low and high < grid.K[-1]):
        raise NotConverged(
            f"reference.K_width: capital moves between {low:.4g} and {high:.4g}, beyond its nodes; "
            f"expected more than {settings.K_width:g}"
        )
