"""The policy: what a household would consume if it could borrow, as far as it can afford it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deepham.economics.economy import Economy
from deepham.networks.inputs import Inputs
from deepham.networks.mlp import MLP
from deepham.simulation.period import Observation

MOST = 1 - 1e-6  # share of what can be consumed: an economy may leave those without savings nothing to live on


class PolicyNetwork(nn.Module):
    """c = min(c0 exp(network), spendable): the kink of the borrowing constraint is sharp, and the network is smooth.

    By `base` c0 is the frictionless rule mpc (m + H), H human wealth; or typical consumption whatever m, where there is
    no such rule or it is far off (the rich that save for a planner). Or it is the published form, a share
    sigmoid(network) of what can be consumed, which no household ever consumes all of. Where unknowns are found within
    the period c0 moves with them by the economy's `substitution`.

    Where there is human wealth the network's part is multiplied by (m_ss + H) / (m + H). Beyond the wealth that
    training visits the network saturates, and c - c0 is then constant: the rich consume mpc out of an extra good, as
    theory says, and the tail of the wealth distribution is neither cut off nor drawn out.
    """

    def __init__(
        self,
        economy: Economy,
        inputs: Inputs,
        width: int,
        depth: int,
        activation: str,
        base: str,
        generator: torch.Generator,
    ):
        super().__init__()
        self.inputs = inputs
        self.mlp = MLP(inputs.size, width, depth, activation, generator)
        self.share = base == "share"
        self.base = economy.frictionless() if base == "frictionless" else None
        self.typical_consumption = economy.typical_state()["c"]
        self.spendable, self.substitution = economy.spendable, economy.substitution
        # m + H = (m - limit) + (H + limit): of what it will earn, what a household at the limit has not borrowed yet
        self.beyond_limit = self.base.human_wealth + economy.borrowing_limit if self.base else 0.0
        self.steady_wealth = economy.typical_state()["m"] + (self.base.human_wealth if self.base else 0.0)

    def forward(self, seen: Observation) -> Tensor:
        return Capped.apply(*self.wanted(seen, self.mlp(*self.inputs(seen))))

    def wanted(self, seen: Observation, change: Tensor) -> tuple[Tensor, Tensor]:
        """What households would consume if they could borrow, and the most that they can consume, both (B, N).

        change: (B, N) the network's part.
        """
        available = self.spendable(seen)
        if self.share:
            return torch.sigmoid(change) * available, available
        if self.base is None:
            return self.typical_consumption * self.substitution(seen) * torch.exp(change), MOST * available
        wealth = available + self.beyond_limit
        if self.beyond_limit > 0:
            change = change * self.steady_wealth / wealth
        return self.base.mpc * self.substitution(seen) * wealth * torch.exp(change), MOST * available


class Capped(torch.autograd.Function):
    """min(wanted, most), with a gradient that can lead back out of the constraint.

    The derivative of a minimum is zero at the constraint for good: a household that is held there by mistake would
    stay. So the gradient reaches `wanted` also at the constraint wherever the loss falls as less is consumed; where it
    falls as more is, the constraint binds and there is nothing to learn. (The projected gradient of a constrained
    problem.)
    """

    @staticmethod
    def forward(context, wanted: Tensor, most: Tensor) -> Tensor:
        free = ~(wanted >= most)  # so that what is no number stays what it is
        context.save_for_backward(free)
        return torch.where(free, wanted, most)

    @staticmethod
    def backward(context, gradient: Tensor) -> tuple[Tensor, Tensor]:
        (free,) = context.saved_tensors
        return torch.where(free | (gradient > 0), gradient, 0.0), torch.where(free, 0.0, gradient)
