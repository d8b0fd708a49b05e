"""How markets clear in one solved economy: what is left of a condition where its unknown is another than the one that
clears, what households do there, and the path of what clears. Nothing here draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from deepham.algorithm.evaluation import Ergodic
from deepham.economics.economy import Wide
from deepham.presentation.labels import labelled
from deepham.simulation.period import Observation, Panel, World

REACH = 1.0  # of a schedule to both sides of where the market clears, in units of the unknown's spread
POINTS = 21  # on it
ELSEWHERE = (-0.5, 0.0, 0.5)  # where policies are looked at, likewise
PLACES = (0.05, 0.5, 0.95)  # of three cross-sections among those of a path, from the worst aggregate state to the best
WEALTH = 300  # points at which a policy is looked at
NEARLY_ALL = 0.995  # of households hold no more than a policy is looked at for


@dataclass(frozen=True)
class Schedule:
    """Of one cross-section: what is left of a condition, by its unknown; the others stay where they clear.

    Attributes:
        at: label of the aggregate state.
        shown: (POINTS,) what the unknown is told by; increasing.
        excess: (POINTS,) what is left of the condition there, percent.
        clears: what the unknown is told by where the market clears.
        slope: of excess there, percent per unit of `shown`.
    """

    at: str
    shown: np.ndarray
    excess: np.ndarray
    clears: float
    slope: float


@dataclass(frozen=True)
class Plan:
    """What households do where the unknown is told by `shown`, in the middle of the cross-sections.

    Attributes:
        c, carried: (n_eps, WEALTH), goods: consumption and the assets carried out of the period.
    """

    shown: float
    c: np.ndarray
    carried: np.ndarray


@dataclass(frozen=True)
class Market:
    """Of one unknown that clears a market.

    Attributes:
        name, text, unit: of what it is told by (`Unknown.shown`), its symbol, meaning and unit.
        excess: what is left of its condition, in words.
        schedules: of up to three cross-sections, as many as are told apart by the aggregate state.
        path: (T,) along the path of the verdict.
        k: (WEALTH,) at which `plans` are.
        plans: below the value that clears, there, and above it.
    """

    name: str
    text: str
    unit: str
    excess: str
    schedules: list[Schedule]
    path: np.ndarray
    k: np.ndarray
    plans: list[Plan]


@torch.no_grad()
def markets(world: World, ergodic: Ergodic) -> list[Market]:
    """Each market of an economy that clears within the period; none where all prices follow from the cross-section.

    Args:
        ergodic: the path of the verdict; its dates are the cross-sections that are looked at.

    Raises:
        OutOfDomain: a market that clears nowhere in the range of its unknown.
    """
    economy, cross_sections = world.economy, _apart(world, ergodic.dates)
    found = []
    for name, unknown in economy.cleared.items():
        shown = unknown.shown or name
        text, unit = economy.variables.get(shown, (unknown.meaning, unknown.unit))
        middle = cross_sections[len(cross_sections) // 2]
        k = _wealth(ergodic)
        found.append(
            Market(
                shown,
                text,
                unit,
                unknown.excess,
                [_schedule(world, panel, name) for panel in cross_sections],
                ergodic.accounts[shown][0].cpu().numpy(),
                k[0].cpu().numpy(),
                [_plan(world, middle, name, share, k) for share in ELSEWHERE],
            )
        )
    return found


def _apart(world: World, dates: Panel) -> list[Panel]:
    """Up to three of the cross-sections, one economy each, in aggregate states from the worst to the best."""
    states = dates.z.double().sum(1)
    order = states.argsort(stable=True)
    places = [int(order[round(place * (len(order) - 1))]) for place in PLACES]
    apart = {float(states[place]): place for place in places}  # the same state twice is shown once
    return [dates.select(slice(place, place + 1)) for place in apart.values()]


def _wealth(ergodic: Ergodic) -> Tensor:
    """(1, WEALTH) levels of wealth, more of them near the limit, where plans bend."""
    pooled = (ergodic.share_z[:, None].to(ergodic.mean_mass) * ergodic.mean_mass).sum(0).reshape(-1, len(ergodic.grid))
    low = ergodic.grid[0]
    top = ergodic.grid[int(torch.searchsorted(pooled.sum(0).cumsum(0), NEARLY_ALL).clamp_max(len(ergodic.grid) - 1))]
    return low + (top - low) * torch.linspace(0, 1, WEALTH + 1, dtype=low.dtype, device=low.device)[None, 1:] ** 2


def _elsewhere(world: World, cleared: Wide, name: str, share: float) -> Wide:
    """The unknowns of the period where one is so many spreads off, within its range."""
    unknown = world.economy.unknowns[name]
    moved = (cleared[name] + share * unknown.spread).clamp(unknown.low, unknown.high)
    return {each: cleared[each] for each in world.economy.unknowns} | {name: moved}


def _left(world: World, seen: Observation, name: str) -> tuple[float, float]:
    """What the unknown is told by, and what is left of its condition, percent."""
    economy, choice = world.economy, world.choose(seen)
    carried = economy.carry(choice, seen)
    left = float(economy.conditions(choice, carried, seen)[name])
    accounts = economy.accounts(choice, carried, seen)
    return float(accounts[economy.unknowns[name].shown or name]), 100 * left


def _schedule(world: World, panel: Panel, name: str) -> Schedule:
    cleared = world.observe(panel).aggregates
    shares = np.linspace(-REACH, REACH, POINTS)
    points = np.array(
        [_left(world, world.seen_at(panel, _elsewhere(world, cleared, name, share)), name) for share in shares]
    )
    middle = POINTS // 2
    clears = points[middle, 0]
    slope = (points[middle + 1, 1] - points[middle - 1, 1]) / (points[middle + 1, 0] - points[middle - 1, 0])
    shown, excess = points[points[:, 0].argsort()].T
    label = "at rest" if world.economy.chain.constant else labelled(world.economy, panel.z)[0][0]
    return Schedule(label, shown, excess, clears, slope)


def _plan(world: World, panel: Panel, name: str, share: float, k: Tensor) -> Plan:
    economy, cleared = world.economy, world.observe(panel).aggregates
    there = _elsewhere(world, cleared, name, share)
    shown, _ = _left(world, world.seen_at(panel, there), name)
    c, carried = [], []
    for eps in range(economy.chain.n_eps):
        seen = world.seen_at(panel, there, k, torch.full_like(k, eps, dtype=torch.long))
        choice = world.choose(seen)
        c.append(choice["c"][0].cpu().numpy())
        carried.append(economy.carry(choice, seen)[0].cpu().numpy())
    return Plan(shown, np.array(c), np.array(carried))
