"""A candidate against the grid solution on the same shocks, in the continuum, where nothing is sampling noise.

Both economies start from the same cross-section and see the same path of the aggregate shock, each with its own
policy. Burn-in is long because a cross-section forgets its start only over thousands of quarters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from deepham.algorithm.ergodic import Ergodic, VerdictSettings, ergodic_paths, pooled, together, verdict_path
from deepham.algorithm.evaluation import distribution_measures, measures_along
from deepham.economics.economy import Economy, Own
from deepham.errors import InputError
from deepham.networks.tabulated import on_histogram
from deepham.reference.equations import equations
from deepham.reference.forecasts import beside_of
from deepham.reference.grid_solution import GridSolution
from deepham.simulation.abreast import side_by_side
from deepham.simulation.continuum import settle
from deepham.simulation.period import Panel, Period, World
from deepham.simulation.population import Population, concatenate
from deepham.simulation.walk import walk
from deepham.system.entry import called

WELFARE_PERIODS = 300  # of a path; what comes after them is closed by their average
AT_ONCE = 16  # of these, whose costs are worked out together


OF_WEALTH = ("wealth_sd", "gini", "top10_share", "top1_share")  # whose relative distance to the reference's is measured
GAPS = (
    "mean_K_gap",
    "path_gap.mean",
    "path_gap.max",
    "wealth_w1",
    *(f"{name}_gap" for name in OF_WEALTH),
    "welfare_gap",
)
PATHS_BESIDE = ("path_gap_L.mean", "path_gap_L.max")  # where labour is found within the period
# where a price is found within the period; the distance of wealth where its mean is nothing
PRICE_GAPS = ("price_gap.mean", "price_gap.max", "wealth_distance")


def measure_against(
    world: World,
    reference: GridSolution,
    settings: VerdictSettings,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Ergodic, Ergodic, dict[str, float]]:
    """Every measure of a candidate, with those that compare it with the reference on the same shocks.

    Returns:
        The candidate's path, the reference's, and the candidate's measures.

    Raises:
        InputError: as `compare`.
        OutOfDomain: the candidate's path leaves the economy's domain.
    """
    z_path = verdict_path(world.economy, settings, seed)
    candidate, conventional, gaps = compare(world, reference, z_path, settings.burn_in, settings.dates, progress)
    return candidate, conventional, measures_along(world, candidate) | gaps


@torch.no_grad()
def compare(
    world: World,
    reference: GridSolution,
    z_path: Tensor,
    burn_in: int,
    dates: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Ergodic, Ergodic, dict[str, float]]:
    """Follow both economies along the shocks z_path (B, T, d) and measure their distance after `burn_in` periods.

    Returns:
        The candidate's path, the reference's, and in percent: mean_K_gap (signed), path_gap.mean and .max,
        wealth_w1 (of mean wealth), wealth_sd_gap, gini_gap, top10_share_gap, top1_share_gap (signed) and welfare_gap
        (consumption equivalent).

    Raises:
        InputError: the reference was solved for another calibration, objective or set of equations.
    """
    _check_same(world.economy, reference)
    nodes, start = reference.grid, together(world.economy, reference.start, reference.z, z_path)
    world = replace(world, policy=on_histogram(world.economy, world.policy, nodes))
    worlds = [world, replace(reference.on_nodes, economy=world.economy)]  # one economy, as has just been checked
    candidate, conventional = ergodic_paths(worlds, nodes, start, z_path, burn_in, dates, progress)
    gap = 100 * (candidate.K / conventional.K).log().abs()
    mass, other_mass = pooled(candidate), pooled(conventional)
    moments, other_moments = distribution_measures(candidate), distribution_measures(conventional)
    measures = {
        "mean_K_gap": 100 * float(candidate.K.mean() / conventional.K.mean() - 1),
        "path_gap.mean": float(gap.mean()),
        "path_gap.max": float(gap.max()),
        **wealth_distance(nodes, mass, other_mass, other_moments),
        **{
            f"{name}_gap": 100 * (moments[name] / other_moments[name] - 1) if other_moments[name] else float("nan")
            for name in OF_WEALTH
            if name in other_moments.keys() & moments.keys()
        },
        **paths_beside(world.economy, candidate, conventional),
        **price_distance(world.economy, candidate, conventional),
        "welfare_gap": welfare_gap(world, reference, z_path[:1, :WELFARE_PERIODS]),
    }
    return candidate, conventional, measures


def _check_same(economy: Economy, reference: GridSolution) -> None:
    known = reference.calibration | {"objective": reference.economy.objective}
    for name, value in [*economy.parameters().items(), ("objective", economy.objective)]:
        solved = known.get(name, "not among its parameters")
        if solved != value:
            raise InputError(
                f"reference: solved for {name}={solved}, the solution is of {name}={value}; make the one "
                f"of this calibration with {called('reference')}"
            )
    if reference.equations != equations(economy):
        raise InputError(
            "reference: solved for other equations than the economy has now; make the one of these with "
            f"{called('reference')}"
        )


def price_distance(economy: Economy, candidate: Ergodic, conventional: Ergodic) -> dict[str, float]:
    """Distance of the interest rates that clear, basis points a period; nothing where no price is found within one."""
    if not economy.unknowns or "r" not in economy.variables:
        return {}
    gap = 100 * (candidate.accounts["r"] - conventional.accounts["r"]).abs()
    return {"price_gap.mean": float(gap.mean()), "price_gap.max": float(gap.max())}


def wealth_distance(nodes: Tensor, mass: Tensor, other: Tensor, moments: dict[str, float]) -> dict[str, float]:
    """Wasserstein-1 distance of the distribution of wealth to the other one, percent of its mean, or of its standard
    deviation where there is no mean to speak of."""
    distance = 100 * wasserstein(nodes, mass, other)
    if "gini" in moments:
        return {"wealth_w1": distance / float((other * nodes).sum())}
    return {"wealth_distance": distance / moments["wealth_sd"]}


def wasserstein(nodes: Tensor, mass: Tensor, other: Tensor) -> float:
    """Wasserstein-1 distance of two distributions on the same nodes (G,), in their unit."""
    gap = (mass.cumsum(0) - other.cumsum(0)).abs()
    return float((gap[:-1] * nodes.diff()).sum())


def paths_beside(economy: Economy, candidate: Ergodic, conventional: Ergodic) -> dict[str, float]:
    """path_gap_<name>.mean and .max, percent, of each unknown of the period beside what is tracked, such as labour."""
    found = {}
    for name in beside_of(economy):
        gap = 100 * (candidate.accounts[name] / conventional.accounts[name]).log().abs()
        found |= {f"path_gap_{name}.mean": float(gap.mean()), f"path_gap_{name}.max": float(gap.max())}
    return found


@torch.no_grad()
def welfare_gap(world: World, reference: GridSolution, z_path: Tensor) -> float:
    """What one household loses that follows the candidate's policy while everybody else, and so every price, follows
    the reference: percent of consumption for ever. Both start from the reference's cross-section and see the shocks of
    z_path (1, T, d).

    With V the reference's value function, the loss is the discounted sum of what each choice costs, V - (u(c) + beta E
    V'), beyond what the reference's own choices cost, which is the error of V. E is exact: a household that happens to
    hold more while the path is kind to capital gains nothing by it. What comes after the path costs as much a period as
    the path does on its discounted average, so that the length of the path hardly matters.

    Returns:
        NaN under a planner, whose households do not save for their own sake alone, and for a path of a single period.
    """
    economy = world.economy
    if economy.pays or z_path.shape[1] < 2:
        return float("nan")
    nodes, preferences, conventional = reference.grid, economy.preferences, reference.on_nodes
    alone = replace(world, policy=on_histogram(economy, world.policy, nodes))
    start, household = together(economy, reference.start, reference.z, z_path), reference.start
    lifetime = float(start.population.mean(conventional.value(conventional.before(start))))
    costs, periods = [], list(walk(conventional, start, z_path, grid=nodes))
    for first in range(0, len(periods) - 1, AT_ONCE):
        days = periods[first : min(first + AT_ONCE, len(periods) - 1)]
        everybody, households = side_by_side(days), [household]
        chosen = alone.choose(everybody.seen)  # all are at the same nodes
        carried = economy.carry(chosen, everybody.seen)
        for row, day in enumerate(days):
            saved, z_next = household.with_assets(carried[row : row + 1]), periods[first + row + 1].panel.z
            household = settle(economy, nodes, saved, day.panel.z, z_next)
            households.append(household)
        costs.append(_extra_cost(everybody, concatenate(households[:-1]), chosen, carried, nodes))
    cost = torch.cat(costs)
    discount = economy.beta ** torch.arange(len(cost), dtype=cost.dtype, device=cost.device)
    loss = float(discount @ cost) / (1 - economy.beta ** len(cost))
    constant = (1 - economy.beta) * torch.tensor([lifetime, lifetime - loss], dtype=torch.float64)
    worth_conventional, worth = preferences.inverse_utility(constant).tolist()  # in consumption for ever
    return 100 * (1 - worth / worth_conventional)


def _extra_cost(period: Period, household: Population, chosen: Own, carried: Tensor, nodes: Tensor) -> Tensor:
    """What it costs to choose so and carry these assets, beyond what the choices of the others cost, (B,), utils.

    Args:
        period: of B economies of the reference.
        household: (B, N) who lives in each of them, and chooses otherwise.
    """
    conventional, economy, seen = period.world, period.world.economy, period.seen
    z_next, chance = economy.chain.next_states(seen.z, seen.wide)
    copies = [row for row in range(len(z_next)) for _ in range(z_next.shape[1])]
    before, ahead = seen.z[copies], z_next.flatten(0, 1)
    everybody_next, household_next = (
        settle(economy, nodes, saved.select(copies), before, ahead)
        for saved in (period.saved, household.with_assets(carried))
    )
    v, v_next = conventional.value(period.before), conventional.value(conventional.before(Panel(everybody_next, ahead)))

    def cost(people: Population, choice: Own, people_next: Population) -> Tensor:
        expected = (chance * people_next.mean(v_next).reshape(chance.shape)).sum(1)
        return people.mean(v - economy.utility(choice, seen))[:, 0] - economy.beta * expected

    return cost(household, chosen, household_next) - cost(seen.population, period.choice, everybody_next)
