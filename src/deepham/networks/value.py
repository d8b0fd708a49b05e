"""The value function: lifetime utility."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from deepham.economics.economy import Economy
from deepham.networks.inputs import Inputs
from deepham.networks.mlp import MLP
from deepham.simulation.period import Observation


class ValueNetwork(nn.Module):
    """V = base + scale * mean over the ensemble of networks, in utils.

    The base is the value of the frictionless rule, whose slope is u'(c) (`CRRA.frictionless_value`); without one it is
    the utility of steady-state consumption for ever. Where an economy states what households plan (`Economy.planned`),
    V is the value of that plan with so much more consumed, by the networks' mean, in each period. `unit` converts utils
    into permanent relative consumption.
    """

    mpc: Tensor | None

    def __init__(
        self,
        economy: Economy,
        inputs: Inputs,
        width: int,
        depth: int,
        activation: str,
        base: str,
        ensemble: int,
        generator: torch.Generator,
    ):
        super().__init__()
        self.inputs = inputs
        self.mlps = nn.ModuleList(MLP(inputs.size, width, depth, activation, generator) for _ in range(ensemble))
        self.base = economy.frictionless() if base in ("frictionless", "rest") else None
        mpc = self.base.mpc if self.base else None
        self.register_buffer("mpc", mpc if isinstance(mpc, Tensor) else None, persistent=False)
        self.preferences, self.beta, self.lifetime = economy.preferences, economy.beta, economy.lifetime
        self.planned = economy.planned if base == "typical" else None
        self.steady_consumption = economy.typical_state()["c"]
        c = torch.tensor(self.steady_consumption, dtype=torch.float64)
        # utils that a permanent change of consumption is worth, per unit of relative change
        self.unit = float(economy.preferences.marginal_utility(c) * c) / (1 - economy.beta)
        self.scale = self.unit / 10 if self.base else self.unit  # a base leaves small corrections

    def members(self, seen: Observation) -> Tensor:
        """The estimate of each network in the ensemble: (ensemble, B, N)."""
        inputs = self.inputs(seen)
        return self.corrected(seen, torch.stack([mlp(*inputs) for mlp in self.mlps]))

    def corrected(self, seen: Observation, corrections: Tensor) -> Tensor:
        """V where the networks say so much, (..., B, N)."""
        planned = None if self.planned is None else self.planned(seen, corrections)
        if planned is not None:
            return planned
        if self.base is None:
            steady = torch.full_like(seen.resources, self.steady_consumption)
            return self.preferences.utility(steady) / (1 - self.beta) + self.scale * corrections
        base = self.base if self.mpc is None else replace(self.base, mpc=self.mpc[seen.eps])
        base = self.lifetime(base.mpc * (seen.resources + base.human_wealth), base)
        return base + self.scale * corrections

    def forward(self, seen: Observation) -> Tensor:
        return self.members(seen).mean(0)
