"""A permanent and unexpected change of parameters: the households of one solved economy wake up in another.

Two copies begin with the same cross-section and the same aggregate state, drawn from the ergodic set of the first
economy. One goes on as before, the other by the solution of the second, with the same luck.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.errors import InputError, show
from deepham.presentation.saying import Tick, counting
from deepham.simulation.balance import SMALL, gap_of
from deepham.simulation.continuum import on_grid
from deepham.simulation.period import Panel
from deepham.solution import arguments, datasets, impulse, paired
from deepham.system import memory

if TYPE_CHECKING:
    from xarray import Dataset

LONGEST = 12  # characters of a value in a title; longer ones are lists


def transition(
    before: Any, after: Any, periods: int, draws: int, seed: int, agents: int | None, keep_draws: bool
) -> Dataset:
    """See `SolvedEconomy.transition`; both are SolvedEconomies."""
    periods, draws = arguments.whole("periods", periods, 1), arguments.whole("draws", draws, 1)
    agents = None if agents is None else arguments.whole("agents", agents, 1)
    _require_alike(before, after)
    for solved in (before, after):
        width = memory.widest(solved.policy_function)
        arrays = memory.response(solved.economy, len(solved.grid), width, periods, draws, agents, draws)
        memory.require_memory(arrays, solved.grid.device)
    generator = torch.Generator(before.grid.device).manual_seed(arguments.whole("seed", seed, 0))
    with counting("transition", paired.economies(before) * (paired.SETTLE + 1) + 2 * draws * (periods + 1)) as tick:
        starts = paired.ergodic_starts(before, generator, tick)
        drawn = follow(before, after, starts, periods, draws, agents, generator, tick)
    attributes = {
        "title": f"Response to {in_words(before.economy, after.economy)}",
        "model": before.name,
        "calibration": json.dumps(before.calibration),
        "calibration_after": json.dumps(after.calibration),
        "draws": draws,
        "seed": int(seed),
        "agents": "continuum" if agents is None else agents,
    }
    return impulse.to_dataset(before.economy, drawn, keep_draws, attributes)


@torch.no_grad()
def follow(
    before: Any,
    after: Any,
    starts: Panel,
    periods: int,
    draws: int,
    agents: int | None,
    generator: torch.Generator,
    tick: Tick | None = None,
) -> paired.Draws:
    """Both copies of every draw, from M cross-sections on the grid of the first economy, which are used in turn."""
    start = starts.select(torch.arange(draws, device=starts.z.device) % len(starts.z))
    _require_welcome(after, starts)
    if agents is not None:
        start = Panel(datasets.draw_panel(start.population, agents, generator), start.z)
    luck, shocks = (int(torch.randint(2**62, (1,), generator=generator, device=generator.device)) for _ in range(2))
    copies = []
    for solved in (after, before):
        grid, population = (None, start.population) if agents is not None else (solved.grid, start.population)
        if grid is not None and solved is after:
            population = on_grid(grid, population, solved.economy.chain.n_eps)
        path = solved.economy.chain.draw_path(start.z, periods, _fresh(generator, shocks))
        copies.append(
            datasets.record(solved.world, Panel(population, start.z), path, grid, _fresh(generator, luck), tick=tick)
        )
    shocked, baseline = copies
    weight = start.population.weight.new_full((draws,), 1 / draws)
    return paired.Draws(
        shocked.series,
        baseline.series,
        torch.zeros(draws, dtype=torch.long, device=weight.device),
        weight,
        max(each.resource_gap for each in copies),
        None if agents is not None else max(each.top_mass for each in copies),
    )


def in_words(before: Economy, after: Economy) -> str:
    """What a figure says of the change."""
    old, new = before.parameters(), after.parameters()
    told = [
        f"{name} from {show(old[name])} to {show(new[name])}"
        if max(len(show(old[name])), len(show(new[name]))) <= LONGEST
        else name
        for name in old
        if old[name] != new[name]
    ]
    return f"a permanent change of {', '.join(told)}" if told else "no change of parameters"


def _fresh(generator: torch.Generator, seed: int) -> torch.Generator:
    return torch.Generator(generator.device).manual_seed(seed)


def _require_alike(before: Any, after: Any) -> None:
    """Raise InputError unless the second is another calibration of the first, with the same states."""
    if not hasattr(after, "policy_function"):
        raise InputError(f"to: expected the solved economy of another calibration, got {show(after)}")
    one, other = before.economy, after.economy
    if before.name != after.name:
        raise InputError(f"to: expected a solution of {before.name}, got one of {after.name}")
    sizes = [(each.chain.n_z, each.chain.n_eps, each.chain.draws) for each in (one, other)]
    if sizes[0] != sizes[1] or type(one.chain) is not type(other.chain):
        raise InputError(
            f"to: expected {one.chain.n_z} aggregate and {one.chain.n_eps} individual states as before, got "
            f"{other.chain.n_z} and {other.chain.n_eps}"
        )
    if before.grid.device != after.grid.device:
        raise InputError(f"to: expected it on the device {before.grid.device}, got {after.grid.device}")


def _require_welcome(after: Any, starts: Panel) -> None:
    """Raise InputError unless the second economy has a place for these households."""
    people, economy = starts.population, after.economy
    there = people.weight > 0
    lowest, beyond = float(people.k[there].min()), float((people.weight * (people.k > after.grid[-1])).sum(-1).max())
    if lowest < float(after.grid[0]) - 1e-9:
        raise InputError(
            f"to: some households hold {lowest:g}, which is below {float(after.grid[0]):g}, the least that "
            "they may hold after the change; expected a limit that is not tighter"
        )
    if beyond > datasets.CROWDED:
        raise InputError(
            f"to: {beyond:.2%} of the households hold more than {float(after.grid[-1]):g}, where the grid of the "
            "solution after the change ends; train or evaluate it with a higher verdict.top"
        )
    gap = _worst(gap_of(economy, starts))
    if not economy.unbalanced() and gap > SMALL:
        raise InputError(
            f"to: with as many households in each individual state as before the change goods do not add up after it: "
            f"incomes and output differ by {gap:.2g} % of output; expected a change that leaves these shares alone"
        )


def _worst(gaps: Tensor) -> float:
    return float(gaps.nan_to_num(0).max())
