"""Two copies of one economy with the same luck and one difference in period 0, simulated as often as asked.

In the continuum only the aggregate state is random, and most of what is random about a response to a
state of a finite chain is how long the two copies' aggregate states differ: once they meet they stay together, since
both follow the same draws. The chain gives the probability of each meeting time exactly. So the draws are stratified by
it: every stratum is simulated at least twice and weighted with its probability, and what is left is the little that
differs within a stratum. Where the aggregate state is a number an innovation is shocked in place of a state. What is
random then is the innovation that the baseline draws instead: its draws are spread evenly over the distribution, two
neighbours to a stratum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.economics.named_numbers import Innovation
from deepham.economics.named_states import StateShock
from deepham.errors import InputError
from deepham.presentation.saying import Tick
from deepham.simulation.continuum import on_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.walk import walk
from deepham.solution import datasets
from deepham.solution.asked import Solved
from deepham.solution.shocks import Shock, Transfer

if TYPE_CHECKING:
    pass

ECONOMIES, SETTLE = 64, 80  # where the starts come from: K remembers little after so many quarters of ks98
FEWER, POINTS = 16, 2**19  # economies, at the least, of histograms so large that all together have more points
POOL = 2**16  # pairs of paths of the aggregate state, from which the strata are filled
LEAST = 10  # expected pairs of the pool in a stratum; all later meeting times together are the last one


@torch.no_grad()
def ergodic_starts(solved: Solved, generator: torch.Generator, tick: Tick | None = None) -> Panel:
    """Economies of the continuum at the ends of independent paths; `tick` as in `datasets.record`."""
    chain, grid = solved.economy.chain, solved.grid
    number = economies(solved)
    index = (
        torch.rand((number, 1), generator=generator, device=grid.device, dtype=grid.dtype)
        >= chain.stationary_z()[:-1].cumsum(0)
    ).sum(-1)
    path = chain.draw_path(solved.z[index], SETTLE + 1, generator)
    last = solved.begin(path[:, 0])
    for period in walk(solved.world, last, path, grid=grid):
        last = period.panel
        if tick is not None:
            tick(number)
    return last


def economies(solved: Solved) -> int:
    """How many economies the starts come from."""
    return min(ECONOMIES, max(FEWER, POINTS // (solved.economy.chain.n_eps * len(solved.grid))))


@dataclass(frozen=True)
class Draws:
    """Paired simulations: name -> (D, T) of each copy; stratum and weight (D,), weights summing to one.

    resource_gap, top_mass: the largest of both copies, as in `datasets.Record`.
    could_differ: whether the copies may see different aggregate states, be it in none of these draws.
    """

    shocked: dict[str, Tensor]
    baseline: dict[str, Tensor]
    stratum: Tensor
    weight: Tensor
    resource_gap: float = 0.0
    top_mass: float | None = None
    could_differ: bool = False


@torch.no_grad()
def simulate_pairs(
    world: World,
    grid: Tensor,
    starts: Panel,
    shock: Shock,
    periods: int,
    draws: int,
    agents: int | None,
    generator: torch.Generator,
    tick: Tick | None = None,
) -> Draws:
    """Simulate both copies of every draw from cross-sections of the period before the shock.

    Args:
        starts: M economies, which are used in turn.
        agents: None for the continuum; a number draws a panel from each cross-section, and both copies' households have
            the same individual luck.
        tick: as in `datasets.record`.
    """
    economy = world.economy
    index, high, low, stratum, weight, could_differ = _paths(economy, starts, shock, periods, draws, generator)
    start = starts.select(index)
    if agents is not None:
        start = Panel(datasets.draw_panel(start.population, agents, generator), start.z)
    copies: list[datasets.Record] = []
    luck = int(torch.randint(2**62, (1,), generator=generator, device=generator.device))

    def follow(start: Panel, path: Tensor) -> dict[str, Tensor]:
        common = torch.Generator(generator.device).manual_seed(luck)
        found = datasets.record(world, start, path, grid if agents is None else None, common, tick=tick)
        copies.append(found)
        return found.series

    if not isinstance(shock, Transfer):
        # the period before belongs to both: its state is known, and what is recorded begins after it
        shocked, baseline = (
            {name: series[:, 1:] for name, series in follow(start, torch.cat([start.z[:, None], path], 1)).items()}
            for path in (high, low)
        )
    else:
        after = shock.apply(start.population)
        shocked = follow(Panel(on_grid(grid, after, economy.chain.n_eps) if agents is None else after, start.z), high)
        baseline = follow(start, low)
    return Draws(
        shocked,
        baseline,
        stratum,
        weight,
        float(np.max([each.resource_gap for each in copies])),
        max((each.top_mass for each in copies if each.top_mass is not None), default=None),
        could_differ,
    )


def _paths(
    economy: Economy, starts: Panel, shock: Shock, periods: int, draws: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, bool]:
    """Start, paths of the shocked and of the baseline copy (D, T, d), stratum and weight of each draw, and whether the
    paths could differ."""
    index = _candidates(economy, starts.z, shock)
    could_differ = isinstance(shock, Innovation) and shock.baseline == "drawn"
    if isinstance(shock, StateShock):
        could_differ = bool((shock.apart(economy.chain.aggregate, starts.z[index], periods) > 0).any())
        index, high, low, stratum, weight = _stratified(economy, shock, starts.z, index, periods, draws, generator)
    else:
        index = index[torch.arange(draws, device=index.device) % len(index)]
        if isinstance(shock, Innovation):
            # starts at random, or the baseline's first innovation, which is spread evenly, would go with them
            index = index[torch.randperm(draws, generator=generator, device=index.device)]
            high, low = shock.paths(economy.chain, starts.z[index], periods, generator)
            stratum = (torch.arange(draws, device=index.device) // 2).clamp_max(max(0, draws // 2 - 1))
        else:
            high = low = economy.chain.draw_path(starts.z[index], periods, generator)
            stratum = torch.zeros_like(index)
        weight = starts.population.weight.new_full((draws,), 1 / draws)
    return index, high, low, stratum, weight, could_differ


def _candidates(economy: Economy, z: Tensor, shock: Shock) -> Tensor:
    """Indices of the starts that stand in the state before the shock, and from which it can come."""
    names, z = economy.naming.names, z[:, 0]
    index = torch.arange(len(z), device=z.device) if shock.before is None else (z == shock.before).nonzero()[:, 0]
    if not len(index):
        assert shock.before is not None  # there is a start
        raise InputError(
            f"shock: no start is in the state {names[shock.before]}; give one with start= or another shock"
        )
    if not isinstance(shock, StateShock):
        return index
    chances = economy.chain.aggregate
    possible = index[chances[z[index], shock.to] > 0]
    if not len(possible) or shock.hold > 1 and chances[shock.to, shock.to] == 0:
        before = names[shock.to] if len(possible) else names[int(z[index[0]])]
        follow = [names[state] for state in (chances[names.index(before)] > 0).nonzero()[:, 0].tolist()]
        raise InputError(
            f"shock: {economy.aggregate_shock} never goes from {before} to {names[shock.to]} in one {economy.period}; "
            f"expected a state that can follow {before}: {', '.join(follow)}"
        )
    if shock.baseline == "forced":
        possible = possible[chances[z[possible], z[possible]] > 0]
        if not len(possible):
            raise InputError(
                f"baseline: {economy.aggregate_shock} never stays in the state before the shock; expected 'drawn'"
            )
    return possible


def _stratified(
    economy: Economy,
    shock: StateShock,
    start_z: Tensor,
    candidates: Tensor,
    periods: int,
    draws: int,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Pairs of paths, stratified by the period in which they meet: start, both paths (D, T, 1), stratum, weight."""
    pool = candidates[torch.arange(POOL, device=candidates.device) % len(candidates)]
    shocked, baseline = shock.paths(economy.chain, start_z[pool], periods, generator)
    # the period from which on they are together; while one is forced they may meet and part again, which counts as one
    held = min(shock.hold - 1, periods)
    met = (periods - (shocked == baseline)[..., 0].long().flip(1).cumprod(1).sum(1)).clamp_min(held)
    apart = shock.apart(economy.chain.aggregate, start_z[candidates], periods)
    apart = torch.cat([torch.ones_like(apart[:held]), apart[held:]])
    chance = torch.cat([1 - apart[:1], apart[:-1] - apart[1:], apart[-1:]])  # last: they do not meet
    tail = chance.flip(0).cumsum(0).flip(0)
    usable = ((chance * POOL >= LEAST) | (chance < 1e-12))[held:].cumprod(0)  # strata that the pool is sure to fill
    last = held + max(0, min(int(usable.sum()), draws // 2) - 1)
    stratum = met.clamp_max(last)
    chosen, weights = [], []
    for index in range(held, last + 1):
        members = (stratum == index).nonzero()[:, 0]
        share = float(tail[index] if index == last else chance[index])
        if share < 1e-12:
            continue
        spare = draws - 2 * (last + 1 - held)  # beyond two draws a stratum, in proportion to the probabilities
        chosen.append(members[: max(1, min(2, draws) + round(share * spare))])
        weights.append(tail.new_full((len(chosen[-1]),), share / max(1, len(chosen[-1]))))
    index, weight = torch.cat(chosen), torch.cat(weights)
    return pool[index], shocked[index], baseline[index], stratum[index], weight / weight.sum()
