"""Properties of a household's problem: its slopes are those of what it maximises."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.checks.trial import distance, hold, panel, world
from deepham.economics.economy import Economy

CLOSE = 1e-7  # relative


def marginal_utility(economy: Economy) -> None:
    """Marginal utility is the slope of utility, which rises and bends."""
    seen, choice = _chosen(economy)
    c = choice["c"].detach().requires_grad_()
    (slope,) = torch.autograd.grad(economy.utility(choice | {"c": c}, seen).sum(), c)
    stated = economy.marginal_utility(choice, seen)
    hold(distance(slope, stated) < CLOSE, "marginal_utility is not the slope of utility")
    hold(bool((stated > 0).all()), "one more good is worth nothing")
    more = economy.marginal_utility(choice | {"c": 1.01 * choice["c"]}, seen)
    hold(bool((more < stated).all()), "marginal utility does not fall")


def returns(economy: Economy) -> None:
    """What one more unit of assets is worth is what it adds to resources, times marginal utility: the return in the
    Euler equation is the one in the budget."""
    seen, choice = _chosen(economy)
    k = seen.k.detach().requires_grad_()
    resources = economy.resources(k, seen.eps, seen.z, seen.prices)
    (slope,) = torch.autograd.grad(resources.sum(), k)
    stated = economy.worth(choice, seen)
    expected = slope * economy.marginal_utility(choice, seen)
    hold(
        distance(stated, expected) < CLOSE,
        f"one more unit of assets adds {float(slope.flatten()[0]):.6g} to resources, and the Euler equation counts "
        f"{float((stated / economy.marginal_utility(choice, seen)).flatten()[0]):.6g}; is prices['R'] the return after "
        "taxes and costs?",
    )


def savings(economy: Economy) -> None:
    """A good that is not consumed buys as many assets as their price says, and `interior` undoes marginal utility."""
    seen, choice = _chosen(economy)
    price = torch.as_tensor(economy.asset_price(seen), dtype=torch.float64)
    c = choice["c"].detach().requires_grad_()
    (slope,) = torch.autograd.grad(economy.carry(choice | {"c": c}, seen).sum(), c)
    hold(distance(slope, (-1 / price).expand_as(slope)) < CLOSE, "a good less consumed is not a good more of assets")
    back = economy.interior(economy.marginal_utility(choice, seen) * price, seen)["c"]
    hold(distance(back, choice["c"]) < CLOSE, "interior finds another consumption than the one it is asked about")
    least = economy.carry(economy.complete(economy.spendable(seen), seen), seen)
    gap = float((least - economy.limit_of(seen.eps)).abs().max()) / economy.scale
    hold(gap < CLOSE, "who spends all that is spendable does not end at the borrowing limit")


def _chosen(economy: Economy):
    where = world(economy)
    start = panel(economy)
    seen = where.before(start) if economy.unknowns else where.observe(start)
    choice: dict[str, Tensor] = {name: value.detach() for name, value in where.choose(seen).items()}
    return seen, choice
