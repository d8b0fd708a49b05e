"""Where a simulation begins, from what a user gives: a cross-section, in aggregate states in which goods add up."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.errors import InputError
from deepham.simulation.balance import SMALL, gap_of
from deepham.simulation.continuum import on_grid
from deepham.simulation.period import Observation, Panel
from deepham.simulation.population import Population
from deepham.solution import arguments, datasets
from deepham.solution.asked import Solved

LEAST = 1e-300  # resources of a household that can consume: a share of less would be rounded to nothing


@torch.no_grad()
def start_at(solved: Solved, start, ergodic: Panel, agents: int | None, generator: torch.Generator) -> Panel:
    """Where a simulation begins: the cross-section that the user gives, in the aggregate states of `ergodic`, or
    that itself; for a panel the agents drawn from it.
    """
    population, z = ergodic.population, ergodic.z
    if start is not None:
        start, z = arguments.with_aggregate_state(solved.economy, "start", start, z)
        given = arguments.cross_section(solved.economy, "start", start, solved.grid.device)
        population = given.select([0] * len(z))
        check_resources(solved.economy, f"start[{solved.economy.asset!r}]", solved.world.observe(Panel(population, z)))
        if agents is None:
            if bool((given.k > solved.grid[-1]).any()):
                raise InputError(
                    f"start: assets of {float(given.k.max()):g} lie above the top {solved.grid[-1]:g} "
                    f"of the wealth grid; lower them, or simulate a panel with agents="
                )
            population = on_grid(solved.grid, population, solved.economy.chain.n_eps)
        _adds_up(solved, given, z)
    if agents is None:
        return Panel(population, z)
    panel = Panel(datasets.draw_panel(population, agents, generator), z)
    if start is not None:  # so few may be drawn that all hold nothing, and capital that is nowhere has no price
        check_resources(solved.economy, f"start, of which agents={agents} are drawn", solved.world.observe(panel))
    return panel


def adding_up(solved: Solved, start) -> Tensor | None:
    """Which of `cross_sections` are in an aggregate state in which goods add up if households are those of `start`,
    (n_z,); None for all of them. Where labour follows from z, it takes as many in each individual state as belong
    to z.
    """
    if start is None or solved.economy.unbalanced():
        return None
    start, z = arguments.with_aggregate_state(solved.economy, "start", start, solved.z)
    given = arguments.cross_section(solved.economy, "start", start, solved.grid.device)
    fits = ~(gap_of(solved.economy, Panel(given.select([0] * len(z)), z)) > SMALL)
    return fits if bool(fits.any()) else None  # the refusal is that of the first state


def _adds_up(solved: Solved, given: Population, z: Tensor) -> None:
    """Raise InputError unless goods add up where the households (1, N) are in these aggregate states (B, d)."""
    economy, chain = solved.economy, solved.economy.chain
    gaps = gap_of(economy, Panel(given.select([0] * len(z)), z))
    if economy.unbalanced() or not bool((gaps > SMALL).any()):
        return
    worst = int(gaps.nan_to_num(0).argmax())
    cell = int(chain.cell(z[worst : worst + 1]))
    names = economy.names_of(economy.individual_shock, chain.n_eps)
    here, wanted = (
        ", ".join(
            f"{float(people.mean((people.eps == index).double())):.4g} {name}" for index, name in enumerate(names)
        )
        for people in (given, solved.cross_sections.population.select([cell]))
    )
    raise InputError(
        f"start: with {here} of the households goods do not add up{economy.naming.where(cell)}: incomes and "
        f"output differ by {float(gaps[worst]):.2g} % of output; expected {wanted}, so scale the weights of each "
        f"state to its share"
    )


def check_resources(economy: Economy, name: str, seen: Observation) -> None:
    """Raise InputError for households that cannot consume; `name` of what was given."""
    short = ~(economy.spendable(seen) >= LEAST)  # where there are no prices it is not a number
    if bool(short.any()):
        k = seen.k.expand_as(short)[short].max()
        raise InputError(
            f"{name}: households with {economy.asset} = {float(k):g} have no resources above the "
            f"borrowing limit, so that they cannot consume; expected more assets"
        )
