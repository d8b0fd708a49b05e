"""The measures of a solution, taken in the continuum over its own ergodic set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from deepham.algorithm.planner import externality
from deepham.algorithm.residuals import residuals
from deepham.economics.economy import Economy, require
from deepham.simulation.continuum import advance_histogram, on_grid, wealth_grid
from deepham.simulation.household import Policy, Value, observe
from deepham.simulation.population import Population, concatenate, gini, quantile
from deepham.simulation.rollout import Panel

@dataclass
class VerdictSettings:
    """How long and how finely the continuum is followed; each field is explained in conf/train.yaml."""

    nodes: int
    top: float
    burn_in: int
    periods: int
    dates: int

    def validate(self) -> None:
        """Raise InputError for a value out of range."""
        for name, least in (("nodes", 10), ("burn_in", 0), ("periods", 2), ("dates", 1)):
            require(getattr(self, name) >= least, f"verdict.{name}: expected at least {least}, got {getattr(self, name)}")
            require(getattr(self, name) <= 10**7, f"verdict.{name}: expected at most 10^7, got {getattr(self, name)}")
        require(2 <= self.top < float("inf"), f"verdict.top: expected a number from 2 on, got {self.top}")
        require(self.dates <= self.periods,
                f"verdict.dates: expected at most verdict.periods={self.periods}, got {self.dates}")


STATISTICS = ("mean", "p99", "max")
QUANTILES = (0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99)


ERRORS = ("euler", "bellman_policy", "bellman_optimality")


def measure_names(economy: Economy) -> list[str]:
    """Names of everything that `measure` returns for the economy."""
    errors = [f"{error}.{statistic}" for error in ERRORS for statistic in STATISTICS]
    exact = [] if economy.closed_form(torch.ones(1, 1)) is None else ["closed_form_gap.mean"]
    quantiles = [f"wealth_q{round(100 * level):02d}" for level in QUANTILES]
    return [*errors, *exact, "mean_K", "sd_K", "welfare", "wealth_sd", "gini", "top_mass", *quantiles]


@dataclass(frozen=True)
class Ergodic:
    """A long path of the continuum.

    Attributes:
        grid: (G,) wealth nodes.
        mean_mass: (n_z, n_eps * G) average histogram in the periods with each z, or in all where z is numbers, summing to one
            each. Where the path misses a z it is the cross-section that would have followed the last period but one, had z
            turned to it.
        mean_z: (n_z, ...) the aggregate state of each of these: every index, or the mean of z.
        share_z: (n_z,) share of periods with each z.
        dates: histograms at dates spread evenly over the path, as a panel of economies.
        K: (B, T) path of mean assets after burn-in: capital, where households own all of it.
        z: (B, T, ...).
        welfare: consumption that, were it certain and the same for all, would be worth what households consume along the path:
            its utility is theirs, a mean over households and periods. Goods per period.
        premium: (B, T), what assets are worth to others (planner.py), utils a unit; None in the market.
    """

    grid: Tensor
    mean_mass: Tensor
    mean_z: Tensor
    share_z: Tensor
    dates: Panel
    K: Tensor
    z: Tensor
    welfare: float
    premium: Tensor | None = None

    def to(self, device) -> Ergodic:
        """A copy on the device."""
        population = self.dates.population
        moved = Population(*(x.to(device) for x in (population.k, population.eps, population.weight)))
        return Ergodic(self.grid.to(device), self.mean_mass.to(device), self.mean_z.to(device), self.share_z.to(device),
                       Panel(moved, self.dates.z.to(device)), self.K.to(device), self.z.to(device),
                       self.welfare, None if self.premium is None else self.premium.to(device))


def measure(
    economy: Economy, policy: Policy, value: Value, start: Panel, settings: VerdictSettings, seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Ergodic, dict[str, float]]:
    """Follow one economy of the continuum to its ergodic set and take every measure there.

    Args:
        start: B economies to start from, pooled; of their aggregate states the mean, where they are numbers.
        seed: of the path of the aggregate shock.
        progress: called with (periods done, periods in all).
    """
    people = start.population
    pooled = Population(*(x.reshape(1, -1) for x in (people.k, people.eps, people.weight / len(people.weight))))
    grid = wealth_grid(economy, settings.nodes, settings.top)
    shocks = verdict_path(economy, settings, seed)
    z = shocks[:, 0] if economy.chain.finite else start.z.mean(0, keepdim=True)
    histogram = Panel(on_grid(grid, pooled, economy.chain.n_eps), z)
    ergodic = ergodic_path(economy, policy, grid, histogram, shocks, settings.burn_in, settings.dates, progress)
    return ergodic, measures_along(economy, policy, value, ergodic)


def verdict_path(economy: Economy, settings: VerdictSettings, seed: int) -> Tensor:
    """The path of the aggregate shock that a verdict is taken on: (1, burn_in + periods, ...)."""
    chain = economy.chain
    generator = torch.Generator(chain.device).manual_seed(seed)
    start = chain.typical_z()
    return chain.draw_path(start[chain.stationary_z().argmax()][None], settings.burn_in + settings.periods, generator)


def measures_along(economy: Economy, policy: Policy, value: Value, ergodic: Ergodic) -> dict[str, float]:
    """Errors at the dates kept of a path, distance to a closed form where there is one, and the distribution.

    Raises:
        InputError: the path leaves the economy's domain.
    """
    economy.check_domain(ergodic.z.flatten(0, 1))
    errors = error_measures(economy, policy, value, ergodic.dates, optimality_every=5)
    return errors | closed_form_measures(economy, policy, ergodic.dates) | distribution_measures(ergodic)


@torch.no_grad()
def closed_form_measures(economy: Economy, policy: Policy, panel: Panel) -> dict[str, float]:
    """Mean distance of consumption to the closed form, in percent, for an economy that has one."""
    seen = observe(economy, panel.population, panel.z)
    exact = economy.closed_form(seen.resources)
    if exact is None:
        return {}
    return {"closed_form_gap.mean": 100 * float(panel.population.mean((policy(seen) / exact - 1).abs()).mean())}


@torch.no_grad()
def ergodic_path(
    economy: Economy, policy: Policy, grid: Tensor, start: Panel, shocks: Tensor, burn_in: int, dates: int,
    progress: Callable[[int, int], None] | None = None,
) -> Ergodic:
    """Follow the continuum along the path of shocks (B, T, ...) from the histogram `start` and keep what comes after burn_in
    periods. The first shock is that of `start` itself.
    """
    b, periods = shocks.shape[:2]
    measured = periods - burn_in
    at = {burn_in + i * measured // max(1, dates // b) for i in range(max(1, dates // b))}
    population, z = start.population, start.z
    chain, weight = economy.chain, population.weight
    mean_mass = torch.zeros(chain.n_z, weight.shape[1], dtype=weight.dtype, device=weight.device)
    kept: list[Panel] = []
    K = torch.empty(b, measured, dtype=weight.dtype, device=weight.device)
    path = torch.empty(b, measured, *z.shape[1:], dtype=z.dtype, device=z.device)
    premium = torch.empty_like(K) if economy.objective == "planner" else None
    utility = torch.zeros_like(K[:, 0])
    for t in range(periods):
        seen = observe(economy, population, z)
        if t >= burn_in:
            K[:, t - burn_in] = population.mean(population.k)
            path[:, t - burn_in] = z
            if premium is not None:
                premium[:, t - burn_in] = externality(economy, policy, population, z)
            mean_mass.index_add_(0, chain.cell(z), population.weight)
            if t in at:
                kept.append(Panel(population, z))
        before = seen
        if t + 1 < periods:
            z = chain.follow(z, shocks[:, t + 1], seen.aggregates)
            population, consumption = advance_histogram(economy, policy, grid, population, seen.z, z, seen)
        else:
            consumption = policy(seen)
        if t >= burn_in:
            utility += seen.population.mean(economy.preferences.utility(consumption)) / measured
        if progress and (t + 1) % 500 == 0:
            progress(t + 1, periods)
    for index in range(chain.n_z):
        if mean_mass[index].sum() == 0:  # a short path may miss a state: the cross-section had z turned to it last
            turned = torch.full_like(z, index)
            mean_mass[index] = advance_histogram(economy, policy, grid, before.population, z, turned, before)[0].weight.mean(0)
    cells = chain.cell(path.flatten(0, 1))
    share_z = torch.stack([(cells == index).double().mean() for index in range(chain.n_z)])
    mean_z = torch.arange(chain.n_z, device=z.device) if chain.finite else path.flatten(0, 1).mean(0, keepdim=True)
    dates_panel = Panel(concatenate([p.population for p in kept]), torch.cat([p.z for p in kept]))
    mean_mass = mean_mass / mean_mass.sum(1, keepdim=True)
    welfare = float(economy.preferences.inverse_utility(utility.mean()))
    return Ergodic(grid, mean_mass, mean_z, share_z, dates_panel, K, path, welfare, premium)


def distribution_measures(ergodic: Ergodic) -> dict[str, float]:
    """Mean and sd of K, welfare, moments of individual wealth pooled over time, and the mass at the top node."""
    grid_k = ergodic.dates.population.k[0]
    weight = (ergodic.share_z[:, None].to(grid_k) * ergodic.mean_mass).sum(0)
    mean = float((weight * grid_k).sum())
    measures = {
        "mean_K": float(ergodic.K.mean()),
        "sd_K": float(ergodic.K.std()),
        "welfare": ergodic.welfare,
        "wealth_sd": float(((weight * (grid_k - mean) ** 2).sum()).sqrt()),
        "gini": float(gini(grid_k[None], weight[None])),
        # what would be saved beyond the grid stays at its top: much of it there, and the moments are wrong
        "top_mass": float(weight[grid_k == ergodic.grid[-1]].sum()),
    }
    levels = quantile(grid_k, weight, QUANTILES)
    return measures | {f"wealth_q{round(100 * q):02d}": float(level) for q, level in zip(QUANTILES, levels)}


def error_measures(
    economy: Economy, policy: Policy, value: Value, panel: Panel, optimality_every: int = 1
) -> dict[str, float]:
    """Euler errors in percent of consumption and Bellman errors in utils per unit of time: weighted mean, 99th percentile, maximum.

    The optimality error, a search at every point, is taken in every `optimality_every`-th economy of the panel.
    """
    euler, bellman, weight, best, best_weight = [], [], [], [], []
    for index in range(len(panel.z)):  # one economy at a time keeps the memory small
        optimality = index % optimality_every == 0
        errors = residuals(economy, policy, value, panel.select(slice(index, index + 1)), optimality)
        euler.append(100 * errors.euler.abs())
        bellman.append(errors.bellman_policy.abs() / economy.period_length)
        weight.append(errors.weight)
        if optimality:
            best.append(errors.bellman_optimality.abs() / economy.period_length)
            best_weight.append(errors.weight)
    return (_statistics("euler", torch.cat(euler), torch.cat(weight))
            | _statistics("bellman_policy", torch.cat(bellman), torch.cat(weight))
            | _statistics("bellman_optimality", torch.cat(best), torch.cat(best_weight)))


def _statistics(name: str, error: Tensor, weight: Tensor) -> dict[str, float]:
    return {
        f"{name}.mean": float((weight * error).sum() / weight.sum()),
        f"{name}.p99": float(quantile(error, weight, [0.99])[0]),
        # nodes that nobody reaches carry no error
        f"{name}.max": float(error[weight > 1e-9].max()),
    }
