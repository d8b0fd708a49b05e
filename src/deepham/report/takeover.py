"""What a planner changes: who gains when it takes over from the market, and how their economies differ.

Values are those of the policies alone: households are followed along paths of the aggregate shock, and their utility is
added up backwards along each. A planner's own value function has the premium in it that it pays for assets.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from deepham.algorithm.residuals import residuals
from deepham.economics.economy import Economy, require
from deepham.economics.planner import externality
from deepham.simulation.continuum import on_grid
from deepham.simulation.interpolation import bracket
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population, concatenate, quantile
from deepham.simulation.walk import walk
from deepham.solution.cross_sections import over_states
from deepham.solution.solved import SolvedEconomy
from deepham.solution.welfare import equivalent, gains

NEGLIGIBLE = 1e-7  # the share of lifetime utility that lies beyond a path
BLOCK = 8  # paths that are followed at once: every period of them is kept
DATES = (0, 1, 2, 5, 10, 20, 50, 100)  # years after the change at which the planner's condition is looked at
PANELS, PANEL_BURN_IN, PANEL_PERIODS = 100, 300, 1000


@dataclass(frozen=True)
class Followed:
    """Economies that follow a policy along given paths of the aggregate shock.

    Attributes:
        value: (B, n_eps * G), lifetime utility that a household at each point of the histogram expects at the start,
            over its own shocks, where the aggregate shock takes this path. Utils.
        consumption: (B, n_eps * G) in the first period.
        K, worth: (B, T), capital, and what one more unit of it is worth to all by the prices that it moves, over the
            mean marginal utility, percent per period.
        dates: cross-sections in the periods DATES of the first path.
    """

    value: Tensor
    consumption: Tensor
    K: Tensor
    worth: Tensor
    dates: Panel


@torch.no_grad()
def follow(world: World, grid: Tensor, start: Population, z_path: Tensor) -> Followed:
    """Follow the continuum from histograms on `grid` (B, n_eps * G) along z_path (B, T, 1), whose last period repeats
    for ever: T is such that beta^T does not count.
    """
    parts = [
        _follow(world, grid, start.select(slice(first, first + BLOCK)), z_path[first : first + BLOCK])
        for first in range(0, len(z_path), BLOCK)
    ]
    value, consumption, K, worth = (
        torch.cat([getattr(part, name) for part in parts]) for name in ("value", "consumption", "K", "worth")
    )
    return Followed(value, consumption, K, worth, parts[0].dates)


def _follow(world: World, grid: Tensor, start: Population, z_path: Tensor) -> Followed:
    b, periods = z_path.shape[:2]
    economy, n_eps = world.economy, world.economy.chain.n_eps
    preferences = economy.preferences
    chosen, K, worth, dates = [], [], [], []
    for t, period in enumerate(walk(world, Panel(start, z_path[:, 0]), z_path, grid=grid)):
        population, consumption = period.panel.population, period.consumption
        if t in DATES:
            dates.append(period.panel.select(slice(1)))
        K.append(population.mean(population.k))
        marginal = population.mean(economy.marginal_utility(period.choice, period.seen))
        worth.append(100 * externality(economy, period.choice, period.seen) / marginal)
        chosen.append((consumption, period.carried))
    every = torch.arange(n_eps, device=grid.device).expand(b, -1)
    value = preferences.utility(chosen[-1][0]) / (1 - economy.beta)
    for t in reversed(range(periods - 1)):
        consumption, k_next = chosen[t]
        chances = economy.chain.eps_probabilities(every, z_path[:, t], z_path[:, t + 1])  # (B, eps, eps')
        expected = torch.einsum("bef,bfg->beg", chances, value.reshape(b, n_eps, -1))
        # as consumption for ever a value is nearly linear in wealth, which utils are not near the borrowing limit
        constant = preferences.inverse_utility((1 - economy.beta) * expected)
        low, share = bracket(grid, k_next.reshape(b, n_eps, -1))
        constant = torch.lerp(constant.gather(-1, low), constant.gather(-1, low + 1), share)
        following = preferences.utility(constant).reshape(b, -1) / (1 - economy.beta)
        value = preferences.utility(consumption) + economy.beta * following
    panel = Panel(concatenate([each.population for each in dates]), torch.cat([each.z for each in dates]))
    return Followed(value, chosen[0][0], torch.cat(K, 1), torch.cat(worth, 1), panel)


@dataclass(frozen=True)
class Estimate:
    """Means over paths of the aggregate shock and their standard errors, of one shape; without aggregate shocks `se` is
    NaN."""

    value: np.ndarray
    se: np.ndarray


@dataclass(frozen=True)
class Takeover:
    """From today on a planner chooses, where the market would have gone on; both from the market's cross-sections, on
    the same shocks. Gains are percent of consumption, for ever.

    Attributes:
        market, planner: their labels.
        z: (B, T, 1) paths of the aggregate shock.
        K, worth: label -> (B, T), see `Followed`.
        k: (G,) nodes of wealth.
        mass: (n_eps, G) households at the start, pooled over the aggregate states.
        first: (n_eps, G) by how much consumption changes in the first period, percent.
        gain: (n_eps, G).
        groups: (len(GROUPS), n_eps + 1) means between quantiles of wealth, by individual state and of all; NaN where
        nobody is. wealth: (len(GROUPS),) mean wealth of each group, goods.
        winners: (len(GROUPS),) share of those who gain.
        mean, by_state, gaining: over all households, over those of each individual state, and the share of those who
        gain. veil: of a household that does not know which one it is: the gain in the mean of everybody's utility.
        errors: period -> mean and 99th percentile of the error of the planner's condition in that period of the first
            path, percent of consumption.
    """

    market: str
    planner: str
    z: Tensor
    K: dict[str, Tensor]
    worth: dict[str, Tensor]
    k: np.ndarray
    mass: np.ndarray
    first: np.ndarray
    gain: np.ndarray
    groups: Estimate
    wealth: np.ndarray
    winners: Estimate
    mean: Estimate
    by_state: Estimate
    gaining: Estimate
    veil: Estimate
    errors: dict[int, tuple[float, float]]


def no_take_over(market: tuple[str, SolvedEconomy], planner: tuple[str, SolvedEconomy]) -> str | None:
    """Why the two, each with its label, are not compared; None where they are."""
    if market[1].calibration == planner[1].calibration:
        return None
    return (
        f"{planner[0]} and {market[0]} are of different calibrations; "
        "expected a planner's and a market's solution of the same economy"
    )


def _estimates(
    gains_of: Callable[[np.ndarray], dict[str, np.ndarray]], z_0: np.ndarray, alone: bool
) -> dict[str, Estimate]:
    """Gains over all paths, which begin in z_0, with standard errors from those over all but one; alone: there is one
    path, and no error."""
    found = gains_of(np.ones(len(z_0), bool))
    if alone:
        return {name: Estimate(each, np.full(np.shape(each), np.nan)) for name, each in found.items()}
    left_out = [gains_of(np.arange(len(z_0)) != path) for path in range(len(z_0))]
    return {
        name: Estimate(each, _jackknife(np.stack([one[name] for one in left_out]), z_0)) for name, each in found.items()
    }


def take_over(
    market: tuple[str, SolvedEconomy],
    planner: tuple[str, SolvedEconomy],
    paths: int,
    seed: int,
    say: Callable[[str], None] = lambda text: None,
) -> Takeover:
    """Compare a planner with the market in whose place it comes.

    Args:
        market, planner: label and solution.
        paths: of the aggregate shock, evenly from each of its states.

    Raises:
        InputError: solutions of different calibrations.
    """
    economy = market[1].economy
    reason = no_take_over(market, planner)
    require(reason is None, str(reason))
    say(f"{planner[0]} in place of {market[0]}")
    grid, chain = max((market[1].grid, planner[1].grid), key=lambda nodes: float(nodes[-1])), economy.chain
    n_z, n_eps = chain.n_z, chain.n_eps
    z_0 = torch.arange(n_z, device=grid.device).repeat_interleave(1 if n_z == 1 else max(2, paths // n_z))
    periods = math.ceil(math.log(NEGLIGIBLE) / math.log(economy.beta))
    z_path = chain.draw_path(z_0[:, None], periods, torch.Generator(grid.device).manual_seed(seed))
    start = on_grid(grid, market[1].ergodic, n_eps)
    followed = {label: follow(solved.world, grid, start.select(z_0), z_path) for label, solved in (market, planner)}
    share_z = chain.stationary_z().to(grid)
    mass = (share_z[:, None] * start.weight).reshape(n_z, n_eps, -1).cpu().numpy()
    k, z_0 = grid.cpu().numpy(), z_0.cpu().numpy()
    value = {label: each.value.reshape(len(z_0), n_eps, -1).cpu().numpy() for label, each in followed.items()}

    for_ever = 1 / (1 - economy.beta)

    def gains_of(used: np.ndarray) -> dict[str, np.ndarray]:
        """By the mean over the paths that are used."""
        before, after = (np.stack([value[label][used & (z_0 == z)].mean(0) for z in range(n_z)]) for label in value)
        return gains(k, mass, equivalent(economy, after, before, for_ever)) | {
            "veil": equivalent(economy, (mass * after).sum(), (mass * before).sum(), for_ever)
        }

    estimates = _estimates(gains_of, z_0, alone=n_z == 1)
    first = {
        label: np.stack([each.consumption.cpu().numpy()[z_0 == z][0] for z in range(n_z)]).reshape(n_z, n_eps, -1)
        for label, each in followed.items()
    }
    return Takeover(
        market[0],
        planner[0],
        z_path,
        {label: each.K for label, each in followed.items()},
        {label: each.worth for label, each in followed.items()},
        k,
        mass.sum(0),
        over_states(mass, 100 * (first[planner[0]] / first[market[0]] - 1)),
        estimates["gain"].value,
        estimates["groups"],
        estimates["wealth"].value,
        estimates["winners"],
        estimates["mean"],
        estimates["by_state"],
        estimates["gaining"],
        estimates["veil"],
        _errors_along(planner[1], followed[planner[0]].dates),
    )


def _errors_along(solved: SolvedEconomy, way: Panel) -> dict[int, tuple[float, float]]:
    """Period -> mean and 99th percentile of the error of the condition in the cross-sections of DATES, percent of
    consumption."""
    errors = {}
    for index, t in zip(range(len(way.z)), DATES):
        one = way.select(slice(index, index + 1))
        found = residuals(solved.world, one, optimality=False)
        size = 100 * found.euler.abs()
        errors[t] = float((found.weight * size).sum()), float(quantile(size[0], found.weight[0], [0.99]))
    return errors


def _jackknife(left_out: np.ndarray, stratum: np.ndarray) -> np.ndarray:
    """Standard error of a statistic from its values (B, ...) without each of the paths, of which each stratum (B,) has
    some."""
    variance = 0.0
    for index in np.unique(stratum):
        without = left_out[stratum == index]
        variance = variance + (len(without) - 1) / len(without) * ((without - without.mean(0)) ** 2).sum(0)
    return np.sqrt(variance)


def statistics(economy: Economy, path) -> dict[str, tuple[float, float]]:
    """Means over a simulation (a Dataset of `simulate`), and their standard errors over its economies, NaN of one
    alone.

    Dispersions are those across households within a period. For economies that have K, Y and r.
    """
    z = path[economy.aggregate_shock].values
    names = economy.naming.names
    shown = {
        "K": path["K"].values,
        "Y": path["Y"].values,
        "K/Y": path["K"].values / path["Y"].values,
        "r": path["r"].values,
        "cv": path["wealth_sd"].values / path["K"].values,
        "gini": path["gini"].values,
        "C_cv": path["C_sd"].values / economy.period_length / path["C"].values,
        "C_gini": path["C_gini"].values,
        "externality": path["externality"].values,
    }
    if len(names) > 1:
        for name in ("K", "externality"):
            shown |= {
                f"{name}, {names[state]}": np.where(z == state, shown[name], np.nan)
                for state in reversed(range(len(names)))
            }
    found = {}
    for name, series in shown.items():
        means = np.ma.masked_invalid(series).mean(1).filled(math.nan)  # a short path may miss a state
        spread = means.std(ddof=1) / len(means) ** 0.5 if len(means) > 1 else math.nan
        found[name] = float(means.mean()), float(spread)
    return found


def panel_statistics(solved: SolvedEconomy, agents: int, seed: int) -> dict[str, tuple[float, float]]:
    """The same in panels of so many households, in which aggregates are those of the panel."""
    path = solved.simulate(PANEL_BURN_IN + PANEL_PERIODS, economies=PANELS, agents=agents, seed=seed)
    return statistics(solved.economy, path.isel(period=slice(PANEL_BURN_IN, None)))
