"""The first-order condition of households, linear in the policy's weights: what a Newton step solves.

    r = log c - log min(c*, m - limit),    c* = interior(beta E worth')

at a sample of households, where worth' is that of tomorrow's choices by the same policy, of households who then see
what everybody's saving has brought about. r is zero where the limit binds and the policy is at it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from deepham.algorithm.alone import Onlooker, tomorrow_of_all
from deepham.algorithm.ergodic_sample import Sample
from deepham.algorithm.tapped import Tapped, row_by_row
from deepham.economics.economy import Economy
from deepham.networks.policy import PolicyNetwork
from deepham.networks.value import ValueNetwork
from deepham.simulation.expectation import expand_next, expect
from deepham.simulation.period import Observation
from deepham.simulation.population import Population

STEP = 1e-4  # of the difference that is taken for a slope of V, as a share of what a household can consume


@dataclass(frozen=True)
class Linear:
    """Conditions r + J d = 0 in a change d of W weights, at H households.

    Attributes:
        residual, weight: (H,), shares of consumption, and what each counts.
        jacobian: (H, W), all that the weights move: today's choice, tomorrow's by the same policy, and what is then
            seen of everybody.
        own: (H, W), today's choice alone.
    """

    residual: Tensor
    weight: Tensor
    jacobian: Tensor
    own: Tensor


# what assets are worth tomorrow to those who see this, and the evaluations of the policy that it comes from
Worth = Callable[[Onlooker, Observation, Tensor], tuple[Tensor, list[Tapped]]]


def by_policy(economy: Economy, policy: PolicyNetwork) -> Worth:
    """By the choices of the same policy: the Euler equation."""

    def worth(look: Onlooker, seen: Observation, wide: Tensor) -> tuple[Tensor, list[Tapped]]:
        tap = look.tap(policy.mlp, seen, wide)
        decided = torch.minimum(*policy.wanted(seen, tap.y))
        return economy.worth(economy.complete(decided, seen), seen), [tap]

    return worth


def by_value(economy: Economy, value: ValueNetwork) -> Worth:
    """By the slope of V, which is held: the policy that is best by it."""

    def worth(look: Onlooker, seen: Observation, wide: Tensor) -> tuple[Tensor, list[Tapped]]:
        return slope(economy, value, look, seen, wide)[0], []

    return worth


def slope(
    economy: Economy, value: ValueNetwork, look: Onlooker, seen: Observation, wide: Tensor
) -> tuple[Tensor, list[Tapped]]:
    """dV/dk of households who see this, a difference, and the two evaluations of V's one network."""
    look, (network,) = Onlooker(economy, value.inputs, look.names), value.mlps
    step = STEP * (seen.resources - economy.borrowing_limit).detach()
    seen_up, seen_down = (look.observe(wide, seen.k + sign * step, seen.eps, seen.z) for sign in (1, -1))
    up, down = look.tap(network, seen_up, wide), look.tap(network, seen_down, wide)
    return (value.corrected(seen_up, up.y) - value.corrected(seen_down, down.y)) / (2 * step), [up, down]


@torch.enable_grad()
def first_order_condition(economy: Economy, policy: PolicyNetwork, sample: Sample, worth_of: Worth) -> Linear:
    """At the households of a sample. The policy has learned no moments: they would move with weights of their own."""
    b, n = sample.k.shape
    look, now, after, moves = tomorrow_of_all(economy, policy, sample.panel, derivative=True)
    wide = now.repeat_interleave(n, 0)
    k, eps = sample.k.reshape(-1, 1), sample.eps.reshape(-1, 1)
    seen = look.observe(wide, k, eps, sample.panel.z.repeat_interleave(n, 0))
    today = look.tap(policy.mlp, seen, wide)
    wanted, most = policy.wanted(seen, today.y)
    # who is held at the limit by mistake moves as if it were free
    decided = wanted + (torch.minimum(wanted, most) - wanted).detach()
    saved = economy.carry(economy.complete(decided, seen), seen)
    following, p_z, p_eps = expand_next(economy, Population.panel(saved, eps), seen)
    wide_next = after.repeat_interleave(n, 0).flatten(0, 1).requires_grad_()
    seen_next = look.observe(wide_next, following.population.k, following.population.eps, following.z)
    worth, taps = worth_of(look, seen_next, wide_next)
    target = economy.interior(economy.discount(eps) * expect(worth, p_z, p_eps), seen)["c"]
    free = (~((wanted >= most) & (target >= most))).to(wanted)
    residual = free * (wanted.log() - torch.minimum(target, most).log())
    own = free * row_by_row(wanted.log(), [today])
    jacobian = row_by_row(residual, [today, *taps])
    (push,) = torch.autograd.grad(residual.sum(), wide_next)
    jacobian = jacobian + torch.bmm(push.reshape(b, n, -1), moves).flatten(0, 1)
    return Linear(residual.detach().flatten(), sample.weight.flatten(), jacobian, own)
