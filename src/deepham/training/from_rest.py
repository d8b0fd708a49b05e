"""Where training starts in an economy that states how it rests (`Economy.at_rest`): at the household of the grid.

A plan that nobody has taught asks for prices far from any that it was meant for, and where a number of the economy
looks ahead those feed on themselves. So the plan is the stationary one at the prices of rest, times what the network
says (`PlanAtRest`), and V is what that plan is worth, and what the network adds (`ValueAtRest`). Newton steps begin
with economies that are the cross-section to which it leads. For a few updates the network then learns the shocks while
unknowns rest (`World.resting`) and mean assets are held at what there is of them; only then do markets clear.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from deepham.algorithm.settings import AlgorithmSettings
from deepham.economics.economy import Economy
from deepham.networks.at_rest import NODES, PlanAtRest
from deepham.networks.policy import PolicyNetwork
from deepham.networks.value import ValueNetwork
from deepham.reference.grid import GridFunction
from deepham.reference.settings import ReferenceSettings
from deepham.reference.stationary import households_at, worth_at
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Observation
from deepham.simulation.population import Population

WIDTH = 0.1  # of the nodes of mean assets, which do not move
HELD = 1e-6  # of what can be spent: who consumes all but so much is at the limit


def from_rest(
    economy: Economy, networks: Iterable[PolicyNetwork | ValueNetwork], settings: AlgorithmSettings
) -> Population | None:
    """Give the networks their bases, and return the cross-section (1, N) on the nodes of training to which the plan
    leads, for Newton steps to begin with. Where the networks have no such bases nothing is done; None there, and
    where economies begin otherwise.

    Raises:
        NotConverged: the grid method found no plan.
    """
    tables, household = [each.at_rest for each in networks if each.at_rest is not None], economy.at_rest()
    if not tables or household is None:
        return None
    K = household.typical_household()["assets"]
    plan, people = households_at(household, on_a_grid(settings.nodes, settings.top), K)
    seen = _at_nodes(household, plan, people)
    c, least = plan(seen), household.floor(seen)
    free = c < (1 - HELD) * household.spendable(seen)
    slope = household.marginal_utility(household.complete(c, seen), seen)
    of_plan = seen.resources, c if least is None else c - least, free
    of_value = seen.resources, worth_at(household, plan, K)(seen), slope
    for table in tables:
        each = of_plan if isinstance(table, PlanAtRest) else of_value
        table.learn(*(values.reshape(household.chain.n_eps, -1) for values in each))
    if not settings.starts_at_rest:
        return None
    if economy.chain.n_eps == 1:
        # with no luck of their own households are as alike as they were, and where they drift to in the end is no start
        grid = wealth_grid(household, settings.nodes, settings.top)
        people = on_grid(grid, Population.panel(people.k.new_full((1, 1), K), people.eps[:, :1]), 1)
    return people


def on_a_grid(nodes: int, top: float) -> ReferenceSettings:
    """How the household at rest is solved: its cross-section is on the nodes of training's own histograms."""
    return ReferenceSettings(
        k_nodes=NODES,
        K_nodes=3,
        K_width=WIDTH,
        top=top,
        histogram_nodes=nodes,
        economies=1,
        burn_in=0,
        periods=100,
        tolerance=1e-6,
        damping=0.5,
        iterations=4,
        seed=0,
    )


def _at_nodes(household: Economy, plan: GridFunction, people: Population) -> Observation:
    """What households see in each individual state at each of the plan's nodes, (1, E NODES)."""
    z, nodes = household.chain.typical_z()[:1], plan.grid.k
    shape = household.chain.n_eps, len(nodes)
    aggregates = household.aggregates(people, z)
    prices = household.prices(aggregates, z)
    k, eps = nodes.expand(shape).reshape(1, -1), torch.arange(shape[0])[:, None].expand(shape).reshape(1, -1)
    return Observation(household.resources(k, eps, z, prices), k, eps, z, people, aggregates, prices)
