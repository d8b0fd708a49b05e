"""A long path of the continuum, and what is kept of it: the ergodic set on which a solution is measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor

from deepham.algorithm.business_cycle import BLOCKS
from deepham.algorithm.record import Record
from deepham.economics.economy import Economy, require
from deepham.networks.tabulated import on_histogram
from deepham.simulation.abreast import Abreast
from deepham.simulation.balance import resource_gap
from deepham.simulation.flow import ROUGH_STEPS, STEPS, Flow, is_looked_up
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population, concatenate
from deepham.simulation.walk import walk

WORTH_A_TABLE = 50  # periods of a path; a shorter one is done before its table is made


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
        clearing: (B, T), the largest of what is left of the conditions of markets, percent of mean income; None where
            no market clears, or the path is not accounted for.
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


def pooled(ergodic: Ergodic) -> Tensor:
    """Time-averaged distribution of wealth over the nodes, (G,)."""
    weight = (ergodic.share_z[:, None].to(ergodic.mean_mass) * ergodic.mean_mass).sum(0)
    return weight.reshape(-1, len(ergodic.grid)).sum(0)


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


def ergodic_path(
    world: World,
    grid: Tensor,
    start: Panel,
    shocks: Tensor,
    burn_in: int,
    dates: int,
    progress: Callable[[int, int], None] | None = None,
    accounted: bool = True,
) -> Ergodic:
    """Follow the continuum along the paths of shocks (B, T, d) from the histograms `start` and keep what comes after
    burn_in periods. The first shocks are those of `start` itself.

    Args:
        accounted: whether welfare and all accounts are wanted; else that and the gap of resources are NaN, and accounts
            are the unknowns alone.
    """
    return ergodic_paths([world], grid, start, shocks, burn_in, dates, progress, accounted)[0]


@torch.no_grad()
def ergodic_paths(
    worlds: list[World],
    grid: Tensor,
    start: Panel,
    shocks: Tensor,
    burn_in: int,
    dates: int,
    progress: Callable[[int, int], None] | None = None,
    accounted: bool = True,
) -> list[Ergodic]:
    """The same in several worlds of one economy, each from `start` and along the same shocks, in one walk."""
    if len(worlds) > 1 and worlds[0].economy.unknowns:  # markets clear at each world's own pace
        return [
            path
            for each in worlds
            for path in ergodic_paths([each], grid, start, shocks, burn_in, dates, progress, accounted)
        ]
    worlds = [replace(each, policy=on_histogram(each.economy, each.policy, grid)) for each in worlds]
    b, periods = shocks.shape[:2]
    world = _abreast(worlds, grid, shocks, accounted)
    measured, each = periods - burn_in, max(1, dates // b)
    at = {burn_in + i * measured // each for i in range(each)}
    copies = list(range(b)) * len(worlds)
    record, kept = Record(world, measured, min(BLOCKS, measured), len(worlds), accounted), []
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


def _abreast(worlds: list[World], grid: Tensor, shocks: Tensor, precise: bool) -> World:
    """Several worlds of one economy as one, with an economy of each for every path (B, T), one world's after the
    other's."""
    economy, policies = worlds[0].economy, [each.policy for each in worlds]
    copies, periods = shocks.shape[:2]
    if periods >= WORTH_A_TABLE and all(is_looked_up(economy, policy, grid) for policy in policies):
        flow = Flow(economy, policies, grid, copies, STEPS if precise else ROUGH_STEPS)
        return replace(worlds[0], policy=flow.policy, flow=flow)
    return replace(worlds[0], policy=Abreast(policies)) if len(worlds) > 1 else worlds[0]


def _ergodic(world: World, grid: Tensor, record: Record, group: int, here: slice, panels: list[Panel]) -> Ergodic:
    """The path of a group of the record's economies, `here` among them; panels: the dates kept, and the last one."""
    economy, chain, masses = world.economy, world.economy.chain, record.masses[group]
    *kept, last = panels
    mean_mass = masses.sum(0)
    block_mass = masses.sum(1).reshape(len(masses), chain.n_eps, -1).sum(1)
    for index in range(chain.n_z):
        if mean_mass[index].sum() == 0:  # a short path may miss a state
            mean_mass[index] = _turned(world, grid, last, index)
    path, gap = record.z[here].contiguous(), math.nan
    cells = chain.cell(path.flatten(0, 1))
    accounts = {name: values[here] for name, values in record.accounts.items()}
    if record.held is not None and record.carried is not None:
        lost = torch.zeros_like(record.held[here])
        lost[:, :-1] = record.carried[here, :-1] - record.held[here, 1:]
        gap = float(resource_gap(economy, accounts, lost).max())
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
        gap,
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
