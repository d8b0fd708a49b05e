"""Everything a report says of one solved economy, computed; nothing here draws or writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch

from deepham.algorithm.business_cycle import Moments
from deepham.algorithm.ergodic import Ergodic
from deepham.algorithm.evaluation import cycle_moments, distribution_measures, moment_errors
from deepham.economics.economy import require
from deepham.errors import InputError, NotConverged, NotEnoughMemory, OutOfDomain
from deepham.reference.settings import ReferenceSettings
from deepham.reference.transition import solve_transition
from deepham.report.markets import Market, markets
from deepham.report.takeover import PANEL_BURN_IN, PANEL_PERIODS, PANELS, panel_statistics, statistics
from deepham.report.welfare import FluctuationCost, cost_of_fluctuations
from deepham.simulation.period import Panel
from deepham.solution.paired import POOL
from deepham.solution.risky import RiskySteadyState
from deepham.solution.solved import SolvedEconomy
from deepham.system import memory

if TYPE_CHECKING:
    from xarray import Dataset

GRID = "grid"
MEMORY = 500  # periods that a simulation leaves out at most: it begins at an average cross-section
NOT_SHOWN = ("L",)  # moves one for one with what is shown, where it is no unknown


@dataclass
class StudySettings:
    """Lengths of simulations; each field is explained in conf/report.yaml."""

    periods: int
    irf_periods: int
    irf_draws: int
    risky_periods: int
    agents: int
    paths: int

    @property
    def memory(self) -> int:
        """Periods of a simulation that are left out."""
        return min(MEMORY, self.periods)

    def validate(self) -> None:
        """Raise InputError for a value out of range."""
        for name, least in (
            ("periods", 20),
            ("irf_periods", 1),
            ("irf_draws", 1),
            ("risky_periods", 2),
            ("agents", 1),
            ("paths", 1),
        ):
            require(getattr(self, name) >= least, f"study.{name}: expected at least {least}, got {getattr(self, name)}")

    def require_memory(self, solved: SolvedEconomy, processes: int = 1) -> None:
        """Raise InputError where simulations of these lengths, in so many processes at once, do not fit the memory."""
        of = (solved.economy, len(solved.grid), memory.widest(solved.policy_function))
        simulations = {
            ("periods",): memory.simulation(*of, self.memory + self.periods, 1, None),
            ("risky_periods",): memory.simulation(*of, self.risky_periods, 1, None),
            ("irf_periods", "irf_draws"): memory.response(*of, self.irf_periods, self.irf_draws, None, POOL),
        }
        if solved.economy.planner:
            simulations[("agents",)] = memory.simulation(*of, PANEL_BURN_IN + PANEL_PERIODS, PANELS, self.agents)
        for names, arrays in simulations.items():
            settings = {f"study.{name}": getattr(self, name) for name in names}
            memory.require_memory([(processes * size, settings) for size, _ in arrays], solved.grid.device)


@dataclass(frozen=True)
class Study:
    """One solved economy, looked at from all sides.

    Attributes:
        label: what figures and tables call it; GRID is the grid solution.
        solved: the economy.
        path: Dataset of a simulation on the shocks that all studies share.
        moments: of the cycle, over the ergodic paths of the verdict.
        wealth: over the same paths, moment of wealth -> value and standard error.
        dates: cross-sections along them.
        recession: response to the worst aggregate state after the best; None where there is one state only.
        transfer: response to a redistribution of wealth.
        risky: aggregate state -> risky steady state.
        basins: where the aggregate state is a number, paths without shocks (Datasets) that start far from each other.
        cost: welfare cost of aggregate fluctuations, None where it cannot be computed.
        statistics: of an economy that states a planner's problem, what planner and market differ in: "continuum" and
            "panels of N" -> statistic -> mean and standard error.
        markets: those that clear within the period.
        missing: what could not be computed, and why.
    """

    label: str
    solved: SolvedEconomy
    path: Dataset
    moments: list[Moments]
    wealth: dict[str, tuple[float, float]]
    dates: Panel
    recession: Dataset | None = None
    transfer: Dataset | None = None
    risky: dict[str, RiskySteadyState] = field(default_factory=dict)
    cost: FluctuationCost | None = None
    basins: list[Dataset] = field(default_factory=list)
    statistics: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    markets: list[Market] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def is_grid(self) -> bool:
        return self.label == GRID


FAR_OFF = (0.6, 1.3)  # multiples of usual assets from which an economy finds its way back,
FAR = 4  # and standard deviations of the aggregate state
TRANSFER = {"transfer": 0.05, "top": 0.1, "bottom": 0.5}


def study(
    label: str,
    solved: SolvedEconomy,
    ergodic: Ergodic,
    settings: StudySettings,
    grid: ReferenceSettings,
    seed: int,
    say: Callable[[str], None] = lambda text: None,
) -> Study:
    """Simulate, shock and weigh one solved economy.

    Args:
        ergodic: the paths that its verdict was taken on.
        grid: of the economy without aggregate risk.
        say: called with what comes next.

    Raises:
        NotEnoughMemory: grids that are too large for this machine.
        OutOfDomain: the simulation that the rest is built on leaves the economy's domain.
    """
    economy = solved.economy
    missing: dict[str, str] = {}

    def attempt(name: str, call):
        """What an economy of another kind cannot answer, and what is not found, is left out of the report, with its
        reason."""
        say(f"{label}: {name}")
        try:
            return call()
        except NotEnoughMemory:  # another request can be met
            raise
        except (InputError, NotConverged, OutOfDomain) as error:
            missing[name] = str(error)
            return None

    say(f"{label}: simulation")
    whole = settings.memory + settings.periods
    path = solved.simulate(whole, shocks=common_path(solved, whole, seed))
    path = path.isel(period=slice(settings.memory, None)).assign_coords(period=range(settings.periods))
    bad = economy.naming.worst
    recession = (
        attempt("recession", lambda: solved.irf(bad, settings.irf_periods, settings.irf_draws, seed)) if bad else None
    )
    transfer = attempt(
        "redistribution", lambda: solved.irf(TRANSFER, settings.irf_periods, max(2, settings.irf_draws // 8), seed)
    )
    risky = {
        state: attempt(
            f"risky steady state, {state}",
            lambda given=given: solved.risky_steady_state(given, settings.risky_periods),
        )
        for state, given in economy.naming.held.given.items()
    }
    cost = attempt("welfare", lambda: _cost(solved, ergodic.dates, grid)) if economy.chain.n_z > 1 else None
    basins = (
        attempt("basins", lambda: _basins(solved, path, settings.risky_periods)) or [] if economy.naming.series else []
    )
    by_population = {}
    if economy.planner:
        panels = attempt(f"panels of {settings.agents}", lambda: panel_statistics(solved, settings.agents, seed))
        by_population = {"continuum": statistics(economy, path)} | (
            {f"panels of {settings.agents}": panels} if panels else {}
        )
    cleared = attempt("markets", lambda: markets(solved.world, ergodic)) or []
    left_out = set(NOT_SHOWN) - economy.unknowns.keys()
    cycle = [one for one in cycle_moments(economy, ergodic) if one.name not in left_out]
    measures, errors = distribution_measures(ergodic), moment_errors(ergodic)
    wealth = {name: (measures[name], error) for name, error in errors.items() if name not in ("mean_K", "sd_K")}
    return Study(
        label,
        solved,
        path,
        cycle,
        wealth,
        ergodic.dates,
        recession,
        transfer,
        {state: found for state, found in risky.items() if found is not None},
        cost,
        basins,
        by_population,
        cleared,
        missing,
    )


def _basins(solved: SolvedEconomy, path: Dataset, periods: int) -> list[Dataset]:
    """Paths without shocks from the ergodic cross-section, and from there with assets and aggregate state far off what
    they are along the path.
    """
    economy, people = solved.economy, solved.ergodic
    names = economy.asset, economy.individual_shock, "weight"
    k, eps, weight = (x[0].cpu().numpy() for x in (people.k, people.eps, people.weight))
    top, spread = float(solved.grid[-1]), float(path[economy.aggregate_shock].std())
    return [
        solved.simulate(
            periods,
            shocks=np.zeros(periods),
            start=dict(zip(names, (np.minimum(assets * k, top), eps, weight)))
            | {economy.aggregate_shock: float(solved.z) + state * spread},
        )
        for assets, state in ((1.0, 0.0), *product(FAR_OFF, (-FAR, FAR)))
    ]


def common_path(solved: SolvedEconomy, periods: int, seed: int) -> np.ndarray:
    """A path (periods,) of the aggregate shock that depends on its process and the seed alone."""
    chain = solved.economy.chain
    generator = torch.Generator(solved.grid.device).manual_seed(seed)
    start = chain.typical_z()[chain.stationary_z().argmax()][None]
    return chain.draw_path(start, periods, generator)[0].reshape(periods).cpu().numpy()


def _cost(solved: SolvedEconomy, dates: Panel, grid: ReferenceSettings) -> FluctuationCost:
    require(
        not solved.economy.pays,
        "the value function of a planner's household has in it what it is paid for assets",
    )
    calm = solved.economy.without_aggregate_risk()
    if calm is None:
        raise InputError(f"{solved.name} states no twin without aggregate risk")
    return cost_of_fluctuations(solved, solve_transition(calm, solved.pooled, grid), dates)
