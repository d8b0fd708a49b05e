"""Properties of a period: who is asked, in which order and beside whom changes nothing, and goods add up."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from deepham.checks.trial import CLOSE, NotAsked, distance, hold, panel, rule, ruled, world
from deepham.economics.economy import Economy
from deepham.simulation.balance import why_unbalanced
from deepham.simulation.period import Panel, Period, World
from deepham.simulation.population import Population
from deepham.simulation.walk import walk

PERIODS = 20
ROUNDING = 1e-8  # percent of output
TOLERATED = 1e-6  # of a price that is searched for


def goods_add_up(economy: Economy) -> None:
    """Resource constraints hold to rounding in the continuum and in a panel, or the economy says why they cannot."""
    if economy.unknowns:
        return _goods_in_the_next_period(economy)
    for agents in (None, 120):
        why = why_unbalanced(economy, agents is not None)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*top node")
            data = ruled("economy", economy).simulate(PERIODS, economies=2, agents=agents, seed=1)
        gap = float(data.attrs["resource_gap"])
        hold(
            gap < ROUNDING or len(why) > 20,
            f"goods miss by {gap:.3g} % of output; budgets, accounts and balance do not say the same",
        )


def _goods_in_the_next_period(economy: Economy) -> None:
    """Where a price clears a market only to a tolerance, and the first cross-section is not one that it cleared."""
    generator = torch.Generator().manual_seed(2)
    start = panel(economy, 2, 300)
    for t, period in enumerate(walk(world(economy), start, 4, generator)):
        for name, left in period.conditions.items():
            hold(float(left.abs().max()) < 1e-7, f"the condition of {name} does not hold where it was cleared")
        if not t or why_unbalanced(
            economy, True
        ):  # by whose luck in a panel the shares of states are not the long-run ones
            continue
        for name, missing in economy.balance(period.accounts).items():
            hold(
                float(missing.abs().max()) < 1e-6, f"{name} do not add up: {float(missing.abs().max()):.3g} are missing"
            )


def order(economy: Economy) -> None:
    """Households in another order: the same economy, and to each household the same."""
    start = panel(economy)
    turn = torch.randperm(start.population.k.shape[1], generator=torch.Generator().manual_seed(0))
    turned = Panel(Population(*(x[:, turn] for x in _people(start))), start.z)
    one, other = world(economy).period(start), world(economy).period(turned)
    _same(one, other, "in another order")
    for name, ours, theirs in _own(one, other):
        hold(distance(ours[:, turn], theirs) < CLOSE, f"{name} of a household changes with its place in the list")


def weights(economy: Economy) -> None:
    """Two households of half the weight in place of one, and one that weighs nothing: the same economy."""
    start = panel(economy)
    k, eps, weight = _people(start)
    ghost = torch.zeros_like(weight[:, :1])
    split = Population(
        torch.cat([k, k, k[:, :1] + economy.scale], 1),
        torch.cat([eps, eps, eps[:, :1]], 1),
        torch.cat([weight / 2, weight / 2, ghost], 1),
    )
    one, other = world(economy).period(start), world(economy).period(Panel(split, start.z))
    _same(one, other, "where a household is split in two halves")


def apart(economy: Economy) -> None:
    """Economies that are computed together are what each is by itself."""
    start = panel(economy)
    together = world(economy).period(start)
    for b in range(len(start.z)):
        alone = world(economy).period(start.select([b]))
        for name, ours, theirs in [*_wide(together, alone), *_own(together, alone)]:
            hold(distance(ours[b : b + 1], theirs) < CLOSE, f"{name} depends on which economies are computed beside it")


def gradient(economy: Economy) -> None:
    """The slope of lifetime utility by differentiation is the one by trying: nothing in the equations is cut."""
    if economy.unknowns:
        raise NotAsked("prices are found outside of the gradient")
    start, spent = panel(economy), rule(economy)

    def lifetime(theta: Tensor) -> Tensor:
        households = World(economy, lambda seen: (1 + theta) * spent(seen), price_taking=False)
        generator, total, discount = torch.Generator().manual_seed(3), torch.zeros(()), 1.0
        for period in walk(households, start, 3, generator):
            total = total + discount * period.seen.population.mean(period.utility).sum()
            discount *= economy.beta
        return total

    theta = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(lifetime(theta), theta)
    step = 1e-5
    with torch.no_grad():
        tried = (lifetime(theta + step) - lifetime(theta - step)) / (2 * step)
    gap = abs(float(slope - tried)) / max(abs(float(tried)), 1e-8)
    hold(
        gap < 1e-4,
        f"by differentiation {float(slope):.6g}, by trying {float(tried):.6g}; is a tensor detached or rounded?",
    )


def _people(start: Panel) -> tuple[Tensor, Tensor, Tensor]:
    return start.population.k, start.population.eps, start.population.weight


def _wide(one: Period, other: Period) -> list[tuple[str, Tensor, Tensor]]:
    pairs = ((one.seen.aggregates, other.seen.aggregates), (one.seen.prices, other.seen.prices))
    found = [(name, ours[name], theirs[name]) for ours, theirs in pairs for name in ours]
    return found + [(name, one.accounts[name], other.accounts[name]) for name in one.accounts]


def _own(one: Period, other: Period) -> list[tuple[str, Tensor, Tensor]]:
    return [
        ("resources", one.seen.resources, other.seen.resources),
        ("what is carried over", one.carried, other.carried),
        ("utility", one.utility, other.utility),
    ]


def _same(one: Period, other: Period, where: str) -> None:
    for name, ours, theirs in _wide(one, other):
        gap = distance(ours, theirs)
        hold(gap < TOLERATED if one.world.economy.unknowns else gap < CLOSE, f"{name} is another number {where}")
