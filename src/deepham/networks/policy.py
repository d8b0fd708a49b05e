"""The policy: the share of resources consumed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deepham.economics.economy import Economy
from deepham.networks.inputs import Inputs
from deepham.networks.mlp import MLP
from deepham.simulation.household import Observation

BEND = 4.0  # how sharply the frictionless share bends into the constraint c <= m


class PolicyNetwork(nn.Module):
    """c = s (m - limit) with logit(s) = logit(base share) + network.

    So 0 < c <= m - limit always, and equal only by rounding.

    The base share is that of the frictionless rule c0 = mpc (m + H) where it is well below one, and bends smoothly
    below one as resources vanish: s0 = (1 + (c0/m)^-BEND)^(-1/BEND). Without a base it is one half.

    Where there is human wealth the network's part is multiplied by (m_ss + H) / (m + H). Beyond the wealth that
    training visits the network saturates, and c - c0 is then constant: the rich consume mpc out of an extra good, as
    theory says, and the tail of the wealth distribution is neither cut off nor drawn out.
    """

    def __init__(self, economy: Economy, inputs: Inputs, width: int, depth: int, activation: str,
                 base: bool, generator: torch.Generator):
        super().__init__()
        self.inputs = inputs
        self.mlp = MLP(inputs.size, width, depth, activation, generator)
        self.base = economy.frictionless() if base else None
        self.limit = economy.borrowing_limit
        self.steady_wealth = economy.steady_state()["m"] + (self.base.human_wealth if self.base else 0.0)

    def forward(self, seen: Observation) -> Tensor:
        available = seen.resources - self.limit
        logit = self.mlp(self.inputs(seen))
        if self.base is not None:
            if self.base.human_wealth > 0:
                logit = logit * self.steady_wealth / (available + self.base.human_wealth)
            ratio = self.base.mpc * (available + self.base.human_wealth) / available
            logit = logit - torch.log(torch.expm1(torch.log1p(ratio**-BEND) / BEND))
        return torch.sigmoid(logit) * available
