"""The measures of a solution, taken in the continuum over its own ergodic set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor

from deepham.algorithm import business_cycle
from deepham.algorithm.business_cycle import BLOCKS, Moments, standard_error
from deepham.algorithm.record import Record
from deepham.algorithm.residuals import missed_foresight, residuals, schedule_errors
from deepham.economics.economy import Economy, require
from deepham.errors import OutOfDomain
from deepham.networks.tabulated import on_histogram
from deepham.simulation.balance import resource_gap
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Abreast, Panel, World
from deepham.simulation.population import NOTHING, Population, concatenate, curve_at, gini, quantile
from deepham.simulation.walk import walk


@dataclass
class VerdictSettings:
    """How long and how finely the continuum is followed, and what it is held against; each field is explained in
    conf/train.yaml.
    """

    nodes: int
    top: float
    burn_in: int
    periods: int
    dates: int
    bars: str = "standard"
    own_bars: dict[str, Any] = field(default_factory=dict)

    def validate(self) -> None:
        """Raise InputError for a value out of range."""
        for name, least in (("nodes", 10), ("burn_in", 0), ("periods", 2), ("dates", 1)):
            require(
                getattr(self, name) >= least, f"verdict.{name}: expected at least {least}, got {getattr(self, name)}"
            )
            require(getattr(self, name) <= 10**7, f"verdict.{name}: expected at most 10^7, got {getattr(self, name)}")
        require(2 <= self.top < float("inf"), f"verdict.top: expected a number from 2 on, got {self.top}")
        require(
            self.dates <= self.periods,
            f"verdict.dates: expected at most verdict.periods={self.periods}, got {self.dates}",
        )


STATISTICS = ("mean", "p99", "max")
QUANTILES = (0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99, 0.999)
RICHEST = {"top10_share": 0.1, "top1_share": 0.01, "top01_share": 0.001}  # shares of households
POOREST = {"bottom50_share": 0.5}


OFF = 0.01  # of a price: by how much it is off where a household's plan is looked at beside the one that clears
SCHEDULE_EVERY = 5  # dates
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
        *(CLEARING if economy.unknowns else ()),
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


@dataclass(frozen=True)
class Ergodic:
    """A long path of the continuum.

    Attributes:
        grid: (G,) wealth nodes.
        mean_mass: (n_z, n_eps * G) average histogram in the periods with each z, or in all where z is numbers, summing
            to one each. If the paths never visit a z: where the chain would have gone from the last period to it.
        block_mass: (BLOCKS, G) average distribution of wealth in each of so many equal parts of the paths; fewer of a
            path of fewer periods.
        mean_z: (n_z, d) the aggregate state of each of these: every index, or the mean of z.
        share_z: (n_z,) share of periods with each z.
        dates: histograms at dates spread evenly over the path, as a panel of economies.
        accounts: name -> (B, T), what the economy accounts for.
        K: (B, T) path of the aggregate that is tracked after burn-in: mean assets, which are capital where households
            own all of it, or a price.
        z: (B, T, d).
        welfare: consumption that, were it certain and the same for all, would be worth what households consume along
            the path: its utility is theirs, a mean over households and periods. Goods per period.
        resource_gap: largest violation of the economy's resource constraints along the path, percent of output; NaN
            where it states none.
        premium: (B, T), what assets are worth to others (economics/planner.py), utils a unit; None in the market.
        clearing: (B, T), the largest of what is left of the conditions of unknowns, percent of mean income; None where
            there are no unknowns.
    """

    grid: Tensor
    mean_mass: Tensor
    block_mass: Tensor
    mean_z: Tensor
    share_z: Tensor
    dates: Panel
    accounts: dict[str, Tensor]
    K: Tensor
    z: Tensor
    welfare: float
    resource_gap: float
    premium: Tensor | None = None
    clearing: Tensor | None = None

    def to(self, device) -> Ergodic:
        """A copy on the device."""

        def moved(value):
            if isinstance(value, dict):
                return {name: moved(each) for name, each in value.items()}
            return value.to(device=device) if isinstance(value, Tensor | Panel) else value

        return Ergodic(**{each.name: moved(getattr(self, each.name)) for each in fields(self)})


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


def verdict_path(economy: Economy, settings: VerdictSettings, seed: int) -> Tensor:
    """The shocks that a verdict is taken on: a path and its mirror image, (2, burn_in + half of the periods, d).

    Where the first has good luck the second has bad luck, so that most of what is random about a long-run mean cancels:
    in ks98 long-run means scatter some 25 times less than over as many periods of one path. Without aggregate
    risk there is one path, (1, burn_in + periods, d).
    """
    chain = economy.chain
    start = chain.typical_z()[chain.stationary_z().argmax()][None]
    images = (False, True) if chain.n_next > 1 else (False,)
    length = settings.burn_in - (-settings.periods // len(images))
    return torch.cat(
        [
            chain.draw_path(start, length, torch.Generator(chain.device).manual_seed(seed), mirrored)
            for mirrored in images
        ]
    )


def together(economy: Economy, population: Population, z: Tensor | None, shocks: Tensor) -> Panel:
    """One cross-section (1, N) at the beginning of every path of shocks (B, T, d): in the state that the path begins
    with, or where z is numbers at z (1, d).
    """
    return Panel(population.select([0] * len(shocks)), economy.chain.begin(shocks[:, 0], z))


def measures_along(world: World, ergodic: Ergodic) -> dict[str, float]:
    """Errors at the dates kept of a path, distance to what is known in advance, and the distribution.

    Raises:
        OutOfDomain: the path leaves the economy's domain.
    """
    world.economy.check_domain(ergodic.z.flatten(0, 1), error=OutOfDomain)
    errors = error_measures(world, ergodic.dates, optimality_every=5)
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
    return {f"known.{name}": float(ours) - truth for name, (ours, truth) in answers.items()}


def ergodic_path(
    world: World,
    grid: Tensor,
    start: Panel,
    shocks: Tensor,
    burn_in: int,
    dates: int,
    progress: Callable[[int, int], None] | None = None,
) -> Ergodic:
    """Follow the continuum along the paths of shocks (B, T, d) from the histograms `start` and keep what comes after
    burn_in periods. The first shocks are those of `start` itself.
    """
    return ergodic_paths([world], grid, start, shocks, burn_in, dates, progress)[0]


@torch.no_grad()
def ergodic_paths(
    worlds: list[World],
    grid: Tensor,
    start: Panel,
    shocks: Tensor,
    burn_in: int,
    dates: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Ergodic]:
    """The same in several worlds of one economy, each from `start` and along the same shocks, in one walk."""
    if len(worlds) > 1 and worlds[0].economy.unknowns:  # markets clear at each world's own pace
        return [
            path for each in worlds for path in ergodic_paths([each], grid, start, shocks, burn_in, dates, progress)
        ]
    worlds = [replace(each, policy=on_histogram(each.economy, each.policy, grid)) for each in worlds]
    world = replace(worlds[0], policy=Abreast([each.policy for each in worlds])) if len(worlds) > 1 else worlds[0]
    b, periods = shocks.shape[:2]
    measured, each = periods - burn_in, max(1, dates // b)
    at = {burn_in + i * measured // each for i in range(each)}
    copies = list(range(b)) * len(worlds)
    record, kept = Record(world, measured, min(BLOCKS, measured), len(worlds)), []
    end = start
    for t, period in enumerate(walk(world, start.select(copies), shocks[copies], grid=grid)):
        end = period.panel
        if t >= burn_in:
            record.add(period)
        if t in at:
            kept.append(period.panel)
        if progress and (t + 1) % 500 == 0:
            progress(t + 1, periods)
    record.finish()
    rows = [slice(i * b, (i + 1) * b) for i in range(len(worlds))]
    return [
        _ergodic(one, grid, record, group, here, [panel.select(here) for panel in (*kept, end)])
        for group, (one, here) in enumerate(zip(worlds, rows))
    ]


def _ergodic(world: World, grid: Tensor, record: Record, group: int, here: slice, panels: list[Panel]) -> Ergodic:
    """The path of a group of the record's economies, `here` among them; panels: the dates kept, and the last one."""
    economy, chain, masses = world.economy, world.economy.chain, record.masses[group]
    *kept, last = panels
    mean_mass = masses.sum(0)
    block_mass = masses.sum(1).reshape(len(masses), chain.n_eps, -1).sum(1)
    for index in range(chain.n_z):
        if mean_mass[index].sum() == 0:  # a short path may miss a state
            mean_mass[index] = _turned(world, grid, last, index)
    path, lost = record.z[here].contiguous(), torch.zeros_like(record.K[here])
    lost[:, :-1] = record.carried[here, :-1] - record.held[here, 1:]
    cells = chain.cell(path.flatten(0, 1))
    accounts = {name: values[here] for name, values in record.accounts.items()}
    return Ergodic(
        grid,
        mean_mass / mean_mass.sum(1, keepdim=True),
        block_mass / block_mass.sum(1, keepdim=True),
        chain.mean_z(path),
        torch.stack([(cells == index).double().mean() for index in range(chain.n_z)]),
        Panel(concatenate([p.population for p in kept]), torch.cat([p.z for p in kept])),
        accounts,
        record.K[here].contiguous(),
        path,
        float(economy.preferences.inverse_utility(record.utility[here].mean())),
        float(resource_gap(economy, accounts, lost).max()),
        None if record.premium is None else record.premium[here],
        None if record.clearing is None else record.clearing[here],
    )


def _turned(world: World, grid: Tensor, panel: Panel, state: int) -> Tensor:
    """Mean histogram (n_eps * G,) where the chain goes from the panel's states to `state` in the fewest possible
    periods."""
    masses = []
    for one in (panel.select(slice(b, b + 1)) for b in range(len(panel.z))):
        way, last = [int(one.z), *world.economy.chain.route(int(one.z), state)], one.population
        for period in walk(world, one, torch.tensor(way, device=one.z.device)[None, :, None], grid=grid):
            last = period.panel.population
        masses.append(last.weight[0])
    return torch.stack(masses).mean(0)


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


def pooled(ergodic: Ergodic) -> Tensor:
    """Time-averaged distribution of wealth over the nodes, (G,)."""
    weight = (ergodic.share_z[:, None].to(ergodic.mean_mass) * ergodic.mean_mass).sum(0)
    return weight.reshape(-1, len(ergodic.grid)).sum(0)


def cycle_moments(economy: Economy, ergodic: Ergodic) -> list[Moments]:
    """Business-cycle moments of everything that the economy accounts for and that moves."""
    series = {name: values.cpu().numpy() for name, values in ergodic.accounts.items()}
    return business_cycle.moments(series, economy.variables, economy.period)


def error_measures(world: World, panel: Panel, optimality_every: int = 1) -> dict[str, float]:
    """Euler errors in percent of consumption and Bellman errors in utils per unit of time: weighted mean, 99th
    percentile, maximum; and errors in percent of hours, where they are chosen, with their signed mean, "bias".

    The optimality error, a search at every point, is taken in every `optimality_every`-th economy of the panel.
    """
    euler, bellman, weight, best, best_weight = [], [], [], [], []
    missed: dict[str, list[Tensor]] = {}
    for index in range(len(panel.z)):  # one economy at a time keeps the memory small
        optimality = index % optimality_every == 0
        errors = residuals(world, panel.select(slice(index, index + 1)), optimality)
        euler.append(100 * errors.euler.abs())
        bellman.append(errors.bellman_policy.abs() / world.economy.period_length)
        weight.append(errors.weight)
        for name, error in errors.missed.items():
            missed.setdefault(name, []).append(100 * error)
        if errors.bellman_optimality is not None:
            best.append(errors.bellman_optimality.abs() / world.economy.period_length)
            best_weight.append(errors.weight)
    return (
        _statistics("euler", torch.cat(euler), torch.cat(weight))
        | _statistics("bellman_policy", torch.cat(bellman), torch.cat(weight))
        | _statistics("bellman_optimality", torch.cat(best), torch.cat(best_weight))
        | _conditions_within({name: torch.cat(error) for name, error in missed.items()}, torch.cat(weight))
    )


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
