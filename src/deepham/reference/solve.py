"""The conventional solution of an economy: its equilibrium on a grid, and how accurate that is."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import torch

from deepham.algorithm.evaluation import SEARCHED, distribution_measures, error_measures
from deepham.economics.economy import Economy, require
from deepham.reference.equations import equations
from deepham.reference.families import OfAPrice, family_of
from deepham.reference.grid import GridFunction
from deepham.reference.grid_solution import GridSolution
from deepham.reference.household import HouseholdProblem, wide_at
from deepham.reference.law_of_motion import Equilibrium, Progress, forecast_errors, solve_law_of_motion
from deepham.reference.settings import ReferenceSettings
from deepham.reference.stationary import solve_stationary
from deepham.simulation.period import World
from deepham.system import memory

MOST_IN_PASSING = 250_000  # points of a household's problem with aggregate risk that is solved without being asked for


def solve_reference(
    economy: Economy, settings: ReferenceSettings, progress: Progress | None = None, name: str = "economy"
) -> GridSolution:
    """Solve an economy with one asset and prices that depend on mean assets and the aggregate state alone, the state of
    a chain or a number.

    Args:
        economy: in float64.
        progress: called with (iteration, change of the law of motion, mean K).
        name: of the economy, as in conf/model/: what it is called in what the solution says.

    Raises:
        InputError: settings out of range, an economy of another kind, or more memory than there is.
        NotConverged: an equilibrium that was not found.
    """
    settings.validate()
    fault = no_grid(economy)
    require(fault is None, f"reference: {fault}")
    memory.require_memory(memory.grid_solution(economy, settings))
    told = _counted(progress)
    coarse = _solve(economy, _halved(settings), told, accounted=False)
    fine = _solve(economy, settings, told, near=coarse)
    return _conclude(name, economy, fine, _doubling(economy, fine, coarse))


def _solve(
    economy: Economy,
    settings: ReferenceSettings,
    progress: Progress | None,
    near: Equilibrium | None = None,
    accounted: bool = True,
) -> Equilibrium:
    """The equilibrium on grids of this size. near, accounted: as in `solve_law_of_motion`."""
    if not has_aggregate_risk(economy):
        return solve_stationary(economy, settings, progress, near)
    calm = economy.without_aggregate_risk()
    if near is None and calm is not None and isinstance(family_of(economy), OfAPrice):
        near = solve_stationary(calm, settings)  # prices with risk are near those without
    return solve_law_of_motion(economy, settings, progress, near, accounted)


def _counted(progress: Progress | None) -> Progress | None:
    """The same, with the iterations of all searches counted on."""
    if progress is None:
        return None
    numbers = count(1)
    return lambda _, change, mean: progress(next(numbers), change, mean)


def _halved(settings: ReferenceSettings) -> ReferenceSettings:
    """Every second node of each grid."""
    return replace(
        settings,
        k_nodes=settings.k_nodes // 2,
        K_nodes=max(2, settings.K_nodes // 2 + 1),
        z_nodes=None if settings.z_nodes is None else max(2, settings.z_nodes // 2 + 1),
        histogram_nodes=settings.histogram_nodes // 2,
    )


@torch.no_grad()
def _doubling(economy: Economy, fine: Equilibrium, coarse: Equilibrium) -> dict[str, float]:
    """What twice as many nodes change, in percent: mean and path of K, sd of wealth, consumption over the ergodic
    set."""
    wealth_sd = [distribution_measures(each.ergodic)["wealth_sd"] for each in (fine, coarse)]
    dates = fine.ergodic.dates
    period = World(economy, fine.policy).period(dates)
    distance = (coarse.policy(period.seen) / period.consumption - 1).abs()
    return {
        "doubling.mean_K": 100 * abs(float(coarse.ergodic.K.mean() / fine.ergodic.K.mean()) - 1),
        "doubling.path_gap": 100 * float((coarse.ergodic.K / fine.ergodic.K).log().abs().mean()),
        "doubling.wealth_sd": 100 * abs(wealth_sd[1] / wealth_sd[0] - 1),
        "doubling.consumption": 100 * float(dates.population.mean(distance).mean()),
    }


def _conclude(name: str, economy: Economy, equilibrium: Equilibrium, doubling: dict[str, float]) -> GridSolution:
    law, grid, ergodic = equilibrium.law, equilibrium.policy.grid, equilibrium.ergodic
    problem = HouseholdProblem(economy, law, grid)
    c = problem.consumption(equilibrium.policy.values, tolerance=1e-9)
    policy = GridFunction(grid, c, economy.spendable)
    value = GridFunction(grid, problem.before_clearing(problem.value(c)), None)
    start = (ergodic.share_z[:, None].to(ergodic.grid) * ergodic.mean_mass).sum(0, keepdim=True)
    forecast = forecast_errors(economy, law, ergodic, equilibrium.shocks)
    measures = (
        error_measures(World(economy, policy, value), ergodic.dates, SEARCHED)
        | distribution_measures(ergodic)
        | {"forecast.mean": float(forecast.mean()), "forecast.max": float(forecast.max())}
        | doubling
    )
    return GridSolution(
        name,
        economy,
        law,
        equilibrium.r_squared,
        policy,
        value,
        ergodic.grid,
        start,
        measures,
        equations(economy),
        ergodic.mean_mass,
        **economy.chain.kept(ergodic.mean_z),
    )


def no_grid(economy: Economy) -> str | None:
    """Why the economy is none that the grid method solves; None where it is."""
    return family_of(economy).fault()


def no_comparison(economy: Economy, settings: ReferenceSettings) -> str | None:
    """Why these settings give the economy no grid solution: `no_grid`, or a setting without a value. None where they
    may."""
    return no_grid(economy) or (family_of(economy).unset(settings) if has_aggregate_risk(economy) else None)


def takes_long(economy: Economy, settings: ReferenceSettings) -> str | None:
    """Why nothing solves the economy on a grid unless it is asked to, in words; None where a solution takes minutes."""
    states = economy.chain.every_z()
    z = (settings.z_nodes or 1) if states is None else len(states)
    points = z * economy.chain.n_eps * settings.K_nodes * settings.k_nodes
    if points <= MOST_IN_PASSING or not has_aggregate_risk(economy):
        return None
    return (
        f"with aggregate risk its grid has {points:,} points ({economy.aggregate_shock} x {economy.individual_shock} x "
        f"{economy.tracked} x {economy.asset}) and takes long"
    )


def has_aggregate_risk(economy: Economy) -> bool:
    """Whether there is more than one state of the chain, or a shock moves the number that the aggregate state is."""
    z = economy.chain.typical_z()
    mean = economy.table([economy.typical_aggregates()[economy.tracked]]).expand(len(z), 1)
    return economy.chain.moved_by_shocks(wide_at(economy, mean, z))
