"""The conditions of choices within the period, such as hours that are worth their pay, linear in the policy's weights:
a further block of the equations of a Newton step, where the network learns such choices."""

from __future__ import annotations

import torch

from deepham.algorithm.alone import today_of_all
from deepham.algorithm.ergodic_sample import Sample
from deepham.algorithm.first_order import Linear
from deepham.algorithm.tapped import row_by_row
from deepham.economics.economy import Economy
from deepham.networks.policy import PolicyNetwork


@torch.enable_grad()
def conditions_within(economy: Economy, policy: PolicyNetwork, sample: Sample) -> Linear:
    """What `Economy.missed` says of the households of a sample, by name one after the other; nothing of those who have
    no such choice."""
    n = sample.k.shape[1]
    look, now = today_of_all(economy, policy, sample.panel)
    wide = now.detach().repeat_interleave(n, 0)
    if sample.off is not None:
        wide = look.elsewhere(wide, sample.off)
    k, eps = sample.k.reshape(-1, 1), sample.eps.reshape(-1, 1)
    seen = look.observe(wide, k, eps, sample.panel.z.repeat_interleave(n, 0))
    today = look.tap(policy.mlp, seen, wide)
    missed = economy.missed(economy.complete(policy.plan(seen, today.y).decided(), seen), seen)
    residual = torch.stack([torch.where(each.isnan(), 0.0, each)[:, 0] for each in missed.values()])
    jacobian = torch.cat([row_by_row(each, [today]) for each in residual])
    weight = (
        sample.weight.flatten().repeat(len(residual))
        * torch.stack([~m.isnan()[:, 0] for m in missed.values()]).flatten()
    )
    # nothing of tomorrow is in them
    return Linear(residual.detach().flatten(), weight / weight.sum(), jacobian, jacobian)
