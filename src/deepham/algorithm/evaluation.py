"""The measures of a solution, taken in the continuum over its own ergodic set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from deepham.algorithm import business_cycle
from deepham.algorithm.business_cycle import Moments, standard_error
from deepham.algorithm.ergodic import Ergodic, VerdictSettings, ergodic_path, pooled, together, verdict_path
from deepham.algorithm.residuals import missed_foresight, residuals, schedule_errors
from deepham.economics.economy import Economy
from deepham.errors import OutOfDomain
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import NOTHING, Population, curve_at, gini, quantile

STATISTICS = ("mean", "p99", "max")
QUANTILES = (0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99, 0.999)
RICHEST = {"top10_share": 0.1, "top1_share": 0.01, "top01_share": 0.001}  # shares of households
POOREST = {"bottom50_share": 0.5}


OFF = 0.01  # of a price: by how much it is off where a household's plan is looked at beside the one that clears
SCHEDULE_EVERY = 5  # dates
SEARCHED = 100  # households of each date whose best choice is searched for
POINTS = 2**15  # that may come next of histograms that are looked at together
CLEARING = ("clearing.mean", "clearing.max", "schedule.mean", "schedule.p99", "schedule.max")
ERRORS = ("euler", "bellman_policy", "bellman_optimality")
LABOUR = tuple(f"labour.{statistic}" for statistic in (*STATISTICS, "bias"))  # of hours, where they are chosen


def measure_names(economy: Economy) -> list[str]:
    """Names of everything that `measure` returns for the economy."""
    errors = [f"{error}.{statistic}" for error in ERRORS for statistic in STATISTICS]
    return [
        *errors,
        *(LABOUR if "n" in economy.within else ()),
        *(f"known.{name}" for name in economy.answers),
        *(CLEARING if economy.cleared else ()),
        *(f"condition.{name}.{statistic}" for name in economy.foreseen for statistic in ("mean", "max")),
        "mean_K",
        "sd_K",
        "welfare",
        "resource_gap",
        "wealth_sd",
        "gini",
        *POOREST,
        *RICHEST,
        "top_mass",
        *map(quantile_name, QUANTILES),
    ]


def quantile_name(level: float) -> str:
    """wealth_q01, wealth_q10, wealth_q50, wealth_q999 of .01, .1, .5, .999."""
    return f"wealth_q{f'{level:.3f}'[2:].removesuffix('0')}"


def measure(
    world: World,
    start: Panel,
    settings: VerdictSettings,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Ergodic, dict[str, float]]:
    """Follow one economy of the continuum to its ergodic set and take every measure there.

    Args:
        start: B economies to start from, pooled; of their aggregate states the mean, where they are numbers.
        seed: of the path of the aggregate shock.
        progress: called with (periods done, periods in all).

    Raises:
        OutOfDomain: the path leaves the economy's domain.
    """
    economy, people = world.economy, start.population
    people_of_all = Population(*(x.reshape(1, -1) for x in (people.k, people.eps, people.weight / len(people.weight))))
    grid = wealth_grid(economy, settings.nodes, settings.top)
    # where nobody can live without assets the grid starts above the limit, and households may be in between
    people_of_all = people_of_all.with_assets(people_of_all.k.clamp_min(grid[0]))
    shocks = verdict_path(economy, settings, seed)
    one = on_grid(grid, people_of_all, economy.chain.n_eps)
    one = replace(one, weight=economy.chain.settled(one.weight.reshape(1, -1, len(grid))).flatten(1))
    begin = together(economy, one, economy.chain.mean_z(start.z), shocks)
    ergodic = ergodic_path(world, grid, begin, shocks, settings.burn_in, settings.dates, progress)
    return ergodic, measures_along(world, ergodic)


def measures_along(world: World, ergodic: Ergodic) -> dict[str, float]:
    """Errors at the dates kept of a path, distance to what is known in advance, and the distribution.

    Raises:
        OutOfDomain: the path leaves the economy's domain.
    """
    world.economy.check_domain(ergodic.z.flatten(0, 1), error=OutOfDomain)
    errors = error_measures(world, ergodic.dates, SEARCHED)
    errors |= known_measures(world, ergodic) | clearing_measures(world, ergodic) | foresight_measures(world, ergodic)
    return errors | distribution_measures(ergodic)


def clearing_measures(world: World, ergodic: Ergodic) -> dict[str, float]:
    """How well markets clear along the path, percent of mean income, and Euler errors at prices that do not clear,
    percent of consumption; nothing where no price is found within the period."""
    if ergodic.clearing is None:
        return {}
    errors, weights, dates = [], [], ergodic.dates
    for index in range(0, len(dates.z), SCHEDULE_EVERY):
        one = dates.select(slice(index, index + 1))
        for share in (-OFF, OFF):
            errors.append(100 * schedule_errors(world, one, share).abs())
            weights.append(one.population.weight)
    return {
        "clearing.mean": float(ergodic.clearing.mean()),
        "clearing.max": float(ergodic.clearing.max()),
    } | _statistics("schedule", torch.cat(errors), torch.cat(weights))


@torch.no_grad()
def foresight_measures(world: World, ergodic: Ergodic) -> dict[str, float]:
    """condition.<name>: what is left of the conditions of unknowns that look ahead, at the dates kept of a path."""
    found, dates = {}, ergodic.dates
    if not world.economy.foreseen:
        return found
    each = [missed_foresight(world.period(dates.select(slice(index, index + 1)))) for index in range(len(dates.z))]
    for name, unknown in world.economy.foreseen.items():
        left = unknown.told * torch.cat([one[name] for one in each]).abs()
        found |= {f"condition.{name}.mean": float(left.mean()), f"condition.{name}.max": float(left.max())}
    return found


@torch.no_grad()
def known_measures(world: World, ergodic: Ergodic) -> dict[str, float]:
    """known.<name>: distance of the solution to each answer that the economy knows in advance, in its unit."""
    answers = world.economy.known(world.period(ergodic.dates), ergodic.accounts)
    return {f"known.{name}": float(ours) - answer for name, (ours, answer) in answers.items()}


def distribution_measures(ergodic: Ergodic) -> dict[str, float]:
    """Moments over the ergodic set, how well goods add up, and the mass at the top node."""
    # what would be saved beyond the grid is shared out: much mass at its top, and the moments are wrong
    return _moments(ergodic.grid, pooled(ergodic), ergodic.K) | {
        "welfare": ergodic.welfare,
        "resource_gap": ergodic.resource_gap,
        "top_mass": float(pooled(ergodic)[-1]),
    }


def moment_errors(ergodic: Ergodic) -> dict[str, float]:
    """Standard errors of those moments of `distribution_measures` that have one; NaN for paths that are too short."""
    grid, blocks, total = ergodic.grid, ergodic.block_mass, ergodic.block_mass.sum(0)
    number, periods = len(blocks), ergodic.K.shape[1]
    K = ergodic.K.tensor_split([-(-i * periods // number) for i in range(1, number)], 1)  # as the masses are
    whole = _moments(grid, total / total.sum(), ergodic.K)
    without = [
        _moments(grid, (total - blocks[i]) / (total - blocks[i]).sum(), torch.cat([*K[:i], *K[i + 1 :]], 1))
        for i in range(len(blocks) if len(blocks) > 1 else 0)
    ]
    return {name: standard_error(whole[name], [each[name] for each in without]) for name in whole}


def _moments(grid: Tensor, weight: Tensor, K: Tensor) -> dict[str, float]:
    """Mean and sd of what is tracked, K (B, T), and moments of individual wealth, pooled over time: weight (G,); no
    shares of what is nothing on average."""
    mean = (weight * grid).sum()
    sd, levels = (weight * (grid - mean) ** 2).sum().sqrt(), quantile(grid, weight, QUANTILES, atom=float(grid[0]))
    found = {"mean_K": float(K.mean()), "sd_K": float(K.std()), "wealth_sd": float(sd)}
    found |= dict(zip(map(quantile_name, QUANTILES), levels.tolist()))
    return found if float(mean) <= NOTHING * float(sd) else found | _shares(grid, weight, mean)


def _shares(grid: Tensor, weight: Tensor, mean: Tensor) -> dict[str, float]:
    """How unequally wealth (G,) of a positive mean is held."""
    lorenz = (weight * grid).cumsum(0) / mean
    below = curve_at(
        weight.cumsum(0)[None], lorenz[None], [*POOREST.values(), *(1 - share for share in RICHEST.values())]
    )[0]
    poorest, richest = below[: len(POOREST)], 1 - below[len(POOREST) :]
    return {
        "gini": float(gini(grid[None], weight[None])),
        **dict(zip(POOREST, poorest.tolist())),
        **dict(zip(RICHEST, richest.tolist())),
    }


def cycle_moments(economy: Economy, ergodic: Ergodic) -> list[Moments]:
    """Business-cycle moments of everything that the economy accounts for and that moves."""
    series = {name: values.cpu().numpy() for name, values in ergodic.accounts.items()}
    return business_cycle.moments(series, economy.variables, economy.period)


def error_measures(world: World, panel: Panel, searched: int | None = None) -> dict[str, float]:
    """Euler errors in percent of consumption and Bellman errors in utils per unit of time: weighted mean, 99th
    percentile, maximum; and errors in percent of hours, where they are chosen, with their signed mean, "bias".

    searched: of how many households of each economy, each of whom stands for as many, the best choice is searched for,
    which takes longest; None: of all.
    """
    euler, bellman, weight, best, best_weight = [], [], [], [], []
    missed: dict[str, list[Tensor]] = {}
    chain = world.economy.chain
    follow = panel.population.k.shape[1] * chain.n_next * chain.successors.shape[-1]
    few = max(1, POINTS // follow)  # economies at a time keep the memory small
    for first in range(0, len(panel.z), few):
        some = panel.select(slice(first, first + few))
        of = None if searched is None else _evenly(some.population.weight, searched)
        errors = residuals(world, some, of=of)
        assert errors.bellman_optimality is not None
        euler.append(100 * errors.euler.abs())
        bellman.append(errors.bellman_policy.abs() / world.economy.period_length)
        weight.append(errors.weight)
        best.append(errors.bellman_optimality.abs() / world.economy.period_length)
        best_weight.append(errors.weight if of is None else torch.full_like(best[-1], 1 / of.shape[1]))
        for name, error in errors.missed.items():
            missed.setdefault(name, []).append(100 * error)
    return (
        _statistics("euler", torch.cat(euler), torch.cat(weight))
        | _statistics("bellman_policy", torch.cat(bellman), torch.cat(weight))
        | _statistics("bellman_optimality", torch.cat(best), torch.cat(best_weight))
        | _conditions_within({name: torch.cat(error) for name, error in missed.items()}, torch.cat(weight))
    )


def _evenly(weight: Tensor, count: int) -> Tensor:
    """Households (B, count), one in the middle of each of so many equal parts of the masses (B, N)."""
    mass = weight.cumsum(1)
    at = (torch.arange(count, device=weight.device, dtype=weight.dtype) + 0.5) / count * mass[:, -1:]
    return torch.searchsorted(mass, at).clamp_max(weight.shape[1] - 1)


def _conditions_within(missed: dict[str, Tensor], weight: Tensor) -> dict[str, float]:
    """Statistics of errors (B, N), and their signed mean, over the households that have the choice."""
    found = {}
    for name, error in missed.items():
        chosen = ~error.isnan()
        found |= _statistics(name, error[chosen].abs(), weight[chosen])
        found[f"{name}.bias"] = float((weight[chosen] * error[chosen]).sum() / weight[chosen].sum())
    return found


def _statistics(name: str, error: Tensor, weight: Tensor) -> dict[str, float]:
    return {
        f"{name}.mean": float((weight * error).sum() / weight.sum()),
        f"{name}.p99": float(quantile(error[weight > 0], weight[weight > 0], [0.99])),
        # nodes that nobody reaches carry no error
        f"{name}.max": float(error[weight > 1e-9].max()),
    }
