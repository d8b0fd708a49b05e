"""The first-order condition of households, linear in the policy's weights: what a Newton step solves.

    r = log c - log min(c*, m - limit),    c* of the Euler equation, `Economy.desired`

at a sample of households, where tomorrow's choices are those of the same policy, of households who then see
what everybody's saving has brought about. r is zero where the limit binds and the policy is at it.

Where unknowns look ahead the condition is asked of households at prices that go on clearing as the weights move, today
as tomorrow. At today's prices as they are, equations would say of everybody's wish to consume one percent more that it
is missed by several: tomorrow's markets turn it into several, today's would not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn.functional import pad

from deepham.algorithm.alone import Tomorrow, tomorrow_of_all
from deepham.algorithm.ergodic_sample import Sample
from deepham.algorithm.tapped import row_by_row
from deepham.economics.economy import Economy
from deepham.networks.policy import PolicyNetwork
from deepham.simulation.expectation import expand_next, expect
from deepham.simulation.population import Population

WORTHLESS = 1e-100  # what assets are worth at least: to who dies nothing, and what it would consume has no derivative


@dataclass(frozen=True)
class Linear:
    """Conditions r + J d = 0 in a change d of W weights, at H households.

    Attributes:
        residual, weight: (H,), shares of consumption, and what each counts.
        jacobian: (H, W), all that the weights move: today's choice, tomorrow's by the same policy, and what is then
            seen of everybody; where unknowns look ahead, what is seen today, too.
        own: (H, W), today's choice alone.
    """

    residual: Tensor
    weight: Tensor
    jacobian: Tensor
    own: Tensor


def together(conditions: Sequence[Linear]) -> Linear:
    """The conditions of several samples in the same weights."""
    if len(conditions) == 1:
        return conditions[0]
    names = [each.name for each in fields(Linear)]
    return Linear(*(torch.cat([getattr(each, name) for each in conditions]) for name in names))


@torch.enable_grad()
def first_order_condition(
    economy: Economy, policy: PolicyNetwork, sample: Sample, tomorrow: Tomorrow | None = None
) -> Linear:
    """At the households of a sample. The policy has learned no moments: they would move with weights of their own.

    tomorrow: what everybody's choices lead to, where that has been worked out.
    """
    b, n = sample.k.shape
    tomorrow = tomorrow or tomorrow_of_all(economy, policy, sample.panel, derivative=True)
    look, here = tomorrow.look, tomorrow.now.repeat_interleave(n, 0).requires_grad_(tomorrow.at_once is not None)
    wide = here
    if sample.off is not None:
        wide = look.elsewhere(wide, sample.off)
    k, eps = sample.k.reshape(-1, 1), sample.eps.reshape(-1, 1)
    seen = look.observe(wide, k, eps, sample.panel.z.repeat_interleave(n, 0))
    today = look.tap(policy.mlp, seen, wide)
    plan = policy.plan(seen, today.y)
    wanted, most = plan.wanted, plan.most
    # who is held at the limit by mistake moves as if it were free
    decided = wanted + (torch.minimum(wanted, most) - wanted).detach()
    saved = economy.carry(economy.complete(plan.decided(decided), seen), seen)
    following, p_z, p_eps = expand_next(economy, Population.panel(saved, eps), seen)
    wide_next = tomorrow.after.repeat_interleave(n, 0).flatten(0, 1).requires_grad_()
    seen_next = look.observe(wide_next, following.population.k, following.population.eps, following.z)
    later = look.tap(policy.mlp, seen_next, wide_next)
    decided_next = policy.plan(seen_next, later.y).decided()
    choice_next = economy.complete(decided_next, seen_next)
    target = economy.desired(
        choice_next, seen_next, lambda worth: expect(worth, p_z, p_eps).clamp_min(WORTHLESS), seen
    )["c"]
    free = (~((wanted >= most) & (target >= most))).to(wanted)
    residual = free * (wanted.log() - torch.minimum(target, most).log())
    own = free * row_by_row(wanted.log(), [today])
    jacobian = row_by_row(residual, [today, later])
    (push,) = torch.autograd.grad(residual.sum(), wide_next, retain_graph=True)
    # an outlook has weights of its own, after those of the plan
    beside = 0 if policy.outlook is None else sum(leaf.numel() for leaf in policy.outlook.parameters())
    jacobian, own = pad(jacobian, (0, beside)), pad(own, (0, beside))
    if tomorrow.moves is not None:
        jacobian = jacobian + torch.bmm(push.reshape(b, n, -1), tomorrow.moves).flatten(0, 1)
    if tomorrow.at_once is not None:
        (push,) = torch.autograd.grad(residual.sum(), here)
        jacobian = jacobian + torch.bmm(push.reshape(b, n, -1), tomorrow.at_once).flatten(0, 1)
    return Linear(residual.detach().flatten(), sample.weight.flatten(), jacobian, own)
