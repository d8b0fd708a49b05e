"""The two losses of one training step: the policy's and the value network's.

Policy: minus the lifetime utility of the objective. Value: the same lifetime utility as target for the level, and
the envelope theorem, dV/dm = u'(c), as target for the slope. The policy only ever uses the slope of V, and a level
that fits well can hide a slope that does not.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from deepham.networks.value import ValueNetwork
from deepham.simulation.period import Observation


def agent_weights(
    typical: dict[str, float], seen: Observation, rich: float, poor: float, mass: Tensor | None = None
) -> Tensor:
    """Weights (B, N) of the agents in both losses, before they are divided by their mean: 1 + rich (k/K)^2 + poor
    (c/m)^2, with K the mean assets and c the consumption of the economy's typical state, and k, K and m counted from
    the borrowing limit on.

    Under price-taking every state is a problem of its own: weights move no optimum, they say where the networks'
    error goes. The dispersion of wealth hangs on the slope of the policy where few agents live. Each term is capped
    at 9 times its coefficient. The points of a histogram count by their mass (B, N).
    """
    weight, limit = torch.ones_like(seen.resources), typical["limit"]
    if rich:
        weight = weight + rich * (((seen.k - limit) / (typical["assets"] - limit)) ** 2).clamp_max(9.0)
    if poor:
        weight = weight + poor * ((typical["c"] / (seen.resources - limit)) ** 2).clamp_max(9.0)
    if mass is not None:
        weight = weight * mass
    return weight


def policy_loss(utility: Tensor, weight: Tensor) -> Tensor:
    """Minus the weighted mean of lifetime utility (B, N), in utils."""
    return -(weight * utility).mean()


def value_loss(
    value: ValueNetwork,
    seen: Observation,
    target: Tensor,
    marginal_utility: Tensor | None,
    weight: Tensor,
    level_weight: float,
) -> Tensor:
    """Mean squared error of the level and, where `marginal_utility` is given, of the slope (a Sobolev loss).

    Args:
        target: (B, N) lifetime utility in utils, without gradients.
        marginal_utility: (B, N) u'(c), the target of dV/dm, or None for levels alone.
        level_weight: weight of the level, whose error is measured in permanent relative consumption
            (for log utility (1 - beta) (V - target)).
    """
    if marginal_utility is None:
        members, slope_error = value.members(seen), 0.0
    else:
        resources = seen.resources.detach().requires_grad_(True)
        members = value.members(replace(seen, resources=resources))
        (slope,) = torch.autograd.grad(members.sum(), resources, create_graph=True)
        # of the ensemble's mean, which is the V that is used
        slope_error = (slope / len(members) / marginal_utility - 1) ** 2
    level_error = ((members - target) / value.unit) ** 2
    return (weight * (level_weight * level_error.mean(0) + slope_error)).mean()
