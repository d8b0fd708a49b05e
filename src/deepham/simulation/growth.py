"""How the consumption of households grows from one period to the next, and what of the growth of their income goes into
it: exactly, by the probabilities of who is where in both.

A household of the histogram carries assets into the next period, in which each individual state that may follow has its
probability, given the aggregate state that has come. Growth is that of logs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.simulation.period import Period, World

MOMENTS = ("consumption_growth_sd", "pass_through")
NOTHING = 1e-6  # percent: a standard deviation of growth that is rounding


@torch.no_grad()
def growth(world: World, before: Period, after: Period) -> dict[str, Tensor]:
    """Moments of growth from one period to the one that has come after it, name -> (B, 1).

    consumption_growth_sd is the standard deviation across households of the growth of consumption, percent.
    pass_through is the coefficient of the regression across households of the growth of consumption on that of income
    and a constant, which takes what all have in common (Mace, 1991; Cochrane, 1991): zero under full insurance, one
    where everybody lives from hand to mouth. Income is resources less assets at the start of the period, so that what
    assets earn is in it. A household that dies is left out. NaN where somebody has nothing to take a log of, and the
    pass-through where no household's income moves beside that of the others.

    Args:
        world: with a policy for households anywhere, and not on the nodes of a histogram alone.
        before, after: periods of the same B economies.
    """
    economy, seen, people = world.economy, before.seen, before.panel.population
    chain = economy.chain
    later = chain.successors[seen.eps]  # (B, N, E)
    share = people.weight[..., None] * chain.move_probabilities(seen.eps, seen.z, after.panel.z)
    lives = economy.continues(seen.eps[..., None], later)
    share = share if lives is None else share * lives
    carried = before.carried[..., None]
    arriving = economy.arrive(carried, seen.eps[..., None], later)
    k = (carried if arriving is None else arriving).expand(later.shape)
    unknowns = {name: after.seen.aggregates[name] for name in economy.unknowns}
    then = world.seen_at(after.panel, unknowns, k.flatten(1), later.flatten(1))
    share = (share / share.sum((1, 2), keepdim=True)).flatten(1)

    def grows(now: Tensor, next_: Tensor) -> Tensor:
        """Growth less its mean (B, N * E), percent; zero where nobody is."""
        logs = 100 * (next_.reshape(later.shape).log() - now[..., None].log()).flatten(1)
        logs = torch.where(share > 0, logs, 0.0)
        return logs - (share * logs).sum(1, keepdim=True)

    consumption = grows(before.consumption, world.choose(then)["c"])
    income = grows(seen.resources - seen.k, then.resources - then.k)
    together, variance = ((share * income * each).sum(1, keepdim=True) for each in (consumption, income))
    return {
        "consumption_growth_sd": (share * consumption**2).sum(1, keepdim=True).sqrt(),
        "pass_through": together / variance.where(variance > NOTHING**2, torch.nan),
    }
