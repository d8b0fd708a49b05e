"""The outlook: unknowns of the period that look ahead, such as inflation, of what is known before anybody chooses."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deepham.economics.economy import Economy, Wide
from deepham.networks.inputs import Inputs
from deepham.networks.mlp import MLP
from deepham.simulation.period import Observation

WIDTH = 8  # units of its one hidden layer: it is nearly linear


class OutlookNetwork(nn.Module):
    """Each unknown by="network" is its typical value and its spread times what the network says of z, the aggregates
    and what is seen of the population. It is part of the policy: one plan for the household and for those who look
    ahead, with one set of weights to step, to average and to keep.
    """

    def __init__(self, economy: Economy, inputs: Inputs, generator: torch.Generator):
        super().__init__()
        self.inputs, self.unknowns = inputs, economy.foreseen
        self.mlp = MLP(inputs.size - inputs.own, WIDTH, 1, "tanh", generator, len(self.unknowns))

    def forward(self, seen: Observation) -> Wide:
        return self.said(self.mlp(self.seen(seen, self.inputs.crowd(seen.population))))

    def seen(self, seen: Observation, crowd: Tensor) -> Tensor:
        """What the network is fed, (B, inputs)."""
        return self.inputs.common(seen, crowd)

    def said(self, y: Tensor) -> Wide:
        """The unknowns, name -> (B, 1), where the network says so much, (B,) or (B, unknowns)."""
        each = y.reshape(len(y), -1).split(1, 1)
        return {
            name: unknown.typical + unknown.spread * one
            for (name, unknown), one in zip(self.unknowns.items(), each, strict=True)
        }
