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

    mlp: nn.Sequential

    def __init__(self, economy: Economy, inputs: Inputs, generator: torch.Generator):
        super().__init__()
        self.inputs, self.unknowns = inputs, economy.foreseen
        self.mlp = MLP(inputs.size - inputs.own, WIDTH, 1, "tanh", generator, len(self.unknowns))

    def forward(self, seen: Observation) -> Wide:
        common = self.seen(seen, self.inputs.crowd(seen.population))
        return self.said(self.mlp(self.fed(common)), common)

    def seen(self, seen: Observation, crowd: Tensor) -> Tensor:
        """What it sees, (B, J)."""
        return self.inputs.common(seen, crowd)

    def fed(self, common: Tensor) -> Tensor:
        """What of this its layers are fed, (B, inputs)."""
        return common

    def said(self, y: Tensor, common: Tensor) -> Wide:
        """The unknowns, name -> (B, 1), where its layers say so much, (B,) or (B, outputs)."""
        each = y.reshape(len(y), -1).split(1, 1)
        return {
            name: unknown.typical + unknown.spread * one
            for (name, unknown), one in zip(self.unknowns.items(), each, strict=True)
        }


class LinearOutlook(OutlookNetwork):
    """The same, linear in what it sees: one layer. In a box of calibrations its slopes and intercepts are functions of
    the parameters that vary, by a network of the width and depth of the others: as exact in the aggregate state as a
    linear economy is.
    """

    def __init__(self, economy: Economy, inputs: Inputs, width: int, depth: int, generator: torch.Generator):
        super().__init__(economy, inputs, generator)
        self.varied = len(inputs.calibration)
        self.slopes = inputs.size - inputs.own - self.varied
        if self.varied:
            outputs = len(self.unknowns) * (self.slopes + 1)
            self.mlp = MLP(self.varied, width, depth, "tanh", generator, outputs)
        else:
            self.mlp = nn.Sequential(nn.Linear(self.slopes, len(self.unknowns)))
            for leaf in self.mlp.parameters():
                nn.init.zeros_(leaf)

    def fed(self, common: Tensor) -> Tensor:
        return common[:, self.slopes :] if self.varied else common

    def said(self, y: Tensor, common: Tensor) -> Wide:
        if self.varied:
            slopes, intercepts = self._line(y)
            y = (slopes * common[:, None, : self.slopes]).sum(2) + intercepts
        return super().said(y, common)

    def at(self, calibration: Tensor) -> tuple[Tensor, Tensor]:
        """Slopes (unknowns, J) and intercepts (unknowns,) at a calibration of the box, (P,)."""
        slopes, intercepts = self._line(self.mlp(calibration[None].to(next(self.parameters()))))
        return slopes[0], intercepts[0]

    def _line(self, y: Tensor) -> tuple[Tensor, Tensor]:
        each = y.reshape(len(y), len(self.unknowns), self.slopes + 1)
        return each[..., :-1], each[..., -1]
