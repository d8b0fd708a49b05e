"""The conventional solution of an economy: its equilibrium on a grid, and how accurate that is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepham.algorithm.evaluation import distribution_measures, error_measures
from deepham.economics.economy import Economy, require
from deepham.reference.equations import equations
from deepham.reference.families import family_of
from deepham.reference.grid import GridFunction
from deepham.reference.household import HouseholdProblem, LawOfMotion, PolynomialLaw, aggregates_at
from deepham.reference.law_of_motion import Equilibrium, Progress, forecast_errors, solve_law_of_motion
from deepham.reference.settings import ReferenceSettings
from deepham.reference.stationary import solve_stationary
from deepham.simulation.period import World
from deepham.simulation.population import Population


@dataclass(frozen=True)
class Reference:
    """A solved economy.

    Attributes:
        calibration: the economy's parameters.
        equations: what they stand in, as `deepham.reference.equations` tells them apart.
        objective: who chooses savings, as in `Economy.under`.
        law: the law of motion households forecast with.
        r_squared: (n_z,) of its regression on the simulated path, as in `Equilibrium`.
        policy, value: Observation -> (B, N), consumption and lifetime utility.
        nodes: (G,) of the wealth histogram.
        start: average cross-section of the path it was found on, one economy; where a comparison starts.
        z: (1, 1) mean aggregate state of that path where it is a number; None where it is the index of a chain.
        measures: of the solution under the project's definitions; "forecast": errors of the law of motion iterated on
            its own (Den Haan, 2010); "doubling": distance to a solution on grids of half as many nodes.
    """

    calibration: dict
    law: LawOfMotion | PolynomialLaw
    r_squared: Tensor
    policy: GridFunction
    value: GridFunction
    nodes: Tensor
    start: Population
    measures: dict[str, float]
    equations: str
    objective: str
    z: Tensor | None = None

    def to(self, device) -> Reference:
        """A copy on the device."""

        def moved(function: GridFunction) -> GridFunction:
            return replace(function, grid=function.grid.to(device), values=function.values.to(device))

        start = Population(*(x.to(device) for x in (self.start.k, self.start.eps, self.start.weight)))
        law = type(self.law)(*(x if x is None else x.to(device) for x in vars(self.law).values()))
        z = None if self.z is None else self.z.to(device)
        return replace(
            self,
            law=law,
            z=z,
            policy=moved(self.policy),
            value=moved(self.value),
            nodes=self.nodes.to(device),
            start=start,
        )


def solve_reference(economy: Economy, settings: ReferenceSettings, progress: Progress | None = None) -> Reference:
    """Solve an economy with one asset and prices that depend on mean assets and the aggregate state alone, the state of
    a chain or a number.

    Args:
        economy: in float64.
        progress: called with (iteration, change of the law of motion, mean K).

    Raises:
        InputError: settings out of range, an economy of another kind, or more memory than there is.
        NotConverged: an equilibrium that was not found.
    """
    settings.validate()
    fault = no_grid(economy)
    require(fault is None, f"reference: {fault}")
    equilibrium = _solve(economy, settings, progress)
    coarse = _solve(economy, _halved(settings), None, near=equilibrium)
    return _conclude(economy, equilibrium, _doubling(economy, equilibrium, coarse))


def _solve(
    economy: Economy, settings: ReferenceSettings, progress: Progress | None, near: Equilibrium | None = None
) -> Equilibrium:
    if not has_aggregate_risk(economy):
        return solve_stationary(economy, settings, progress, near)
    return solve_law_of_motion(economy, settings, progress, near)


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


def _conclude(economy: Economy, equilibrium: Equilibrium, doubling: dict[str, float]) -> Reference:
    law, grid, ergodic = equilibrium.law, equilibrium.policy.grid, equilibrium.ergodic
    problem = HouseholdProblem(economy, law, grid)
    c = problem.consumption(equilibrium.policy.values, tolerance=1e-9)
    policy = GridFunction(grid, c, True, economy.borrowing_limit)
    value = GridFunction(grid, problem.value(c), False, economy.borrowing_limit)
    mass = (ergodic.share_z[:, None].to(ergodic.grid) * ergodic.mean_mass).sum(0)
    start = Population.histogram(ergodic.grid, mass.reshape(1, economy.chain.n_eps, -1))
    forecast = forecast_errors(economy, law, ergodic, equilibrium.shocks)
    measures = (
        error_measures(World(economy, policy, value), ergodic.dates, optimality_every=4)
        | distribution_measures(ergodic)
        | {"forecast.mean": float(forecast.mean()), "forecast.max": float(forecast.max())}
        | doubling
    )
    return Reference(
        economy.parameters(),
        law,
        equilibrium.r_squared,
        policy,
        value,
        ergodic.grid,
        start,
        measures,
        equations(economy),
        economy.objective,
        **economy.chain.kept(ergodic.mean_z),
    )


def no_grid(economy: Economy) -> str | None:
    """Why the economy is none that the grid method solves; None where it is."""
    return family_of(economy).fault()


def no_comparison(economy: Economy, settings: ReferenceSettings) -> str | None:
    """Why these settings give the economy no grid solution: `no_grid`, or a setting without a value. None where they
    may."""
    return no_grid(economy) or (family_of(economy).unset(settings) if has_aggregate_risk(economy) else None)


def has_aggregate_risk(economy: Economy) -> bool:
    """Whether there is more than one state of the chain, or a shock moves the number that the aggregate state is."""
    z = economy.chain.typical_z()
    mean = economy.table([economy.typical_assets]).expand(len(z), 1)
    return economy.chain.moved_by_shocks(aggregates_at(economy, mean, z))
