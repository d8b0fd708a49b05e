"""Errors of a policy and a value function, with expectations enumerated (over a vector z by quadrature) and never
sampled.

Definitions. c(s) is the policy, k' = m - c, next states (z', eps') with their probabilities P, and the next
cross-section P' that everybody's choice brings about.

    euler               |c / c* - 1|,  c* = min(desired, spendable)                              share of consumption
    bellman_policy      |V - (u(c) + beta E V')|                                                 utils
    bellman_optimality  |V - max_c {u(c) + beta E V'}|, prices and P' as they are                utils

`Economy.desired` is the Euler equation, u'^-1 of beta E[R' u'(c')] by default. A planner's V' has the premium
D' k' in it (economics/planner.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepham.algorithm.objective import expected_value
from deepham.economics.economy import Own, Wide
from deepham.simulation.expectation import expand_next, expect
from deepham.simulation.period import Observation, Panel, Period, World

GOLDEN = (5**0.5 - 1) / 2
SEARCH_STEPS = 16  # golden section: the bracket shrinks by 1e-3, the value error by its square


@dataclass(frozen=True)
class Residuals:
    """Signed errors (B, N) and the weights they carry in the population; bellman_optimality on request, of the
    households that were asked for. missed: of the conditions within the period, `Economy.missed`.
    """

    euler: Tensor
    bellman_policy: Tensor
    bellman_optimality: Tensor | None
    weight: Tensor
    missed: Own


@torch.no_grad()
def residuals(world: World, panel: Panel, optimality: bool = True, of: Tensor | None = None) -> Residuals:
    """Errors at every point of the population. The measures of a population are weighted means of absolute values.

    of: (B, M), the households whose best choice is searched for; None: all.
    """
    period = world.period(panel)
    v = world.value(period.before)
    discount = world.economy.discount(period.seen.eps)
    gap = v - period.utility - discount * expected_value(world, period)
    best = None
    if optimality:
        best = (v if of is None else v.gather(1, of)) - _best_value(period, of)
    return Residuals(
        _euler(period), gap, best, panel.population.weight, world.economy.missed(period.choice, period.seen)
    )


@torch.no_grad()
def missed_foresight(period: Period) -> Wide:
    """What is left of the conditions of unknowns that look ahead, name -> (B, 1): today's cross-section, what may come
    tomorrow enumerated, and tomorrow's markets cleared.
    """
    world, economy = period.world, period.world.economy
    panel, p_z, _ = expand_next(economy, period.saved, period.seen)
    near = None if period.found is None else period.found.repeat_interleave(p_z.shape[1], 0)
    following = world.observe(replace(panel, near=near))
    tomorrow = {name: value.reshape(p_z.shape) for name, value in following.wide.items()}

    def expect(values: Tensor) -> Tensor:
        return (p_z * values).sum(1, keepdim=True)

    return economy.foresight(period.seen.wide, tomorrow, expect)


@torch.no_grad()
def schedule_errors(world: World, panel: Panel, share: float) -> Tensor:
    """Euler errors (B, N) of households who see each unknown off by this share of where it clears, today and alone: a
    plan has to be right there, too, or the demand curve is wrong, and with it the price.
    """
    period = world.period(panel)
    off = {name: (1 + share) * period.seen.aggregates[name] for name in world.economy.unknowns}
    return _euler(period, world.seen_at(panel, off))


def _euler(period: Period, own: Observation | None = None) -> Tensor:
    """own: what households see who live beside those of the period; None: what these see."""
    world, economy = period.world, period.world.economy
    panel, p_z, p_eps = expand_next(economy, period.saved, period.seen)
    if own is None:
        own, choice = period.seen, period.choice
        following = world.observe(panel)
    else:
        choice = world.choose(own)
        k = economy.carry(choice, own)[:, None, :, None].expand(p_eps.shape)
        following = world.observe(panel, k.reshape(panel.population.k.shape))
    wanted = economy.desired(world.choose(following), following, lambda worth: expect(worth, p_z, p_eps), own)["c"]
    return choice["c"] / torch.minimum(wanted, economy.spendable(own)) - 1


def _best_value(period: Period, of: Tensor | None) -> Tensor:
    """max over c of u(c) + beta E V' for each of these households (B, M), from 1e-5 of what it can consume to all of
    it; what follows from c within the period is best for it."""
    world, economy, seen = period.world, period.world.economy, period.seen
    panel, p_z, p_eps = expand_next(economy, period.saved, seen)
    eps = panel.population.eps
    if of is not None:
        seen = replace(seen, **{name: getattr(seen, name).gather(1, of) for name in ("resources", "k", "eps")})
        which = of[:, None, :, None].expand(-1, p_eps.shape[1], -1, p_eps.shape[3])
        eps, p_eps = eps.reshape(p_eps.shape).gather(2, which).reshape(len(eps), -1), p_eps.gather(2, which)
    discount = economy.discount(seen.eps)

    def payoff(share: Tensor) -> Tensor:
        choice, carried = economy.spending(share, seen)
        k = carried[:, None, :, None].expand(p_eps.shape).reshape(eps.shape)
        expected = expect(world.start_value(world.before(panel, k, eps)), p_z, p_eps)
        return economy.utility(choice, seen) + discount * expected

    # V need not be concave where it is wrong: look over the whole range before narrowing down
    coarse = torch.cat([torch.logspace(-5, -0.3, 16), torch.linspace(0.6, 1.0, 5)]).to(seen.resources)
    values = torch.stack([payoff(share.expand_as(seen.resources)) for share in coarse])
    best = values.argmax(0)
    low, high = coarse[(best - 1).clamp_min(0)], coarse[(best + 1).clamp_max(len(coarse) - 1)]
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = payoff(left), payoff(right)
    for _ in range(SEARCH_STEPS):
        to_left = at_left > at_right
        low, high = torch.where(to_left, low, left), torch.where(to_left, right, high)
        new = torch.where(to_left, high - GOLDEN * (high - low), low + GOLDEN * (high - low))
        at_new = payoff(new)
        left, at_left, right, at_right = (
            torch.where(to_left, new, right),
            torch.where(to_left, at_new, at_right),
            torch.where(to_left, left, new),
            torch.where(to_left, at_left, at_new),
        )
    return torch.maximum(values.amax(0), torch.maximum(at_left, at_right))
