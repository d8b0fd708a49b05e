"""The value function: lifetime utility."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from deepham.economics.economy import Economy
from deepham.networks.at_rest import ValueAtRest
from deepham.networks.inputs import Inputs
from deepham.networks.mlp import MLP
from deepham.simulation.period import Observation


class ValueNetwork(nn.Module):
    """V = base + scale * mean over the ensemble of networks, in utils.

    The base is the value of the frictionless rule, whose slope is u'(c) (`CRRA.frictionless_value`), or of the plan at
    rest (`ValueAtRest`); without one it is the utility of steady-state consumption for ever. Where an economy states
    what households plan (`Economy.planned`), V is the value of that plan with so much more consumed, by the networks'
    mean, in each period. `unit` converts utils into permanent relative consumption.
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
        self.base = economy.frictionless() if base == "frictionless" else None
        mpc = self.base.mpc if self.base else None
        self.register_buffer("mpc", mpc if isinstance(mpc, Tensor) else None, persistent=False)
        self.lifetime = economy.lifetime
        self.planned = economy.planned if base == "typical" else None
        c = torch.tensor(economy.typical_state()["c"], dtype=torch.float64)
        self.steady = float(economy.preferences.utility(c)) / (1 - economy.beta)
        self.at_rest = ValueAtRest(economy.chain.n_eps, self.steady) if base == "rest" else None
        # utils that a permanent change of consumption is worth, per unit of relative change
        self.unit = float(economy.preferences.marginal_utility(c) * c) / (1 - economy.beta)
        has_base = self.base is not None or self.at_rest is not None
        self.scale = self.unit / 10 if has_base else self.unit  # a base leaves small corrections

    def members(self, seen: Observation) -> Tensor:
        """The estimate of each network in the ensemble: (ensemble, B, N)."""
        inputs = self.inputs(seen)
        return self.corrected(seen, torch.stack([mlp(*inputs) for mlp in self.mlps]))

    def corrected(self, seen: Observation, corrections: Tensor) -> Tensor:
        """V where the networks say so much, (..., B, N)."""
        planned = None if self.planned is None else self.planned(seen, corrections)
        if planned is not None:
            return planned
        return self._based(seen) + self.scale * corrections

    def _based(self, seen: Observation) -> Tensor:
        if self.at_rest is not None:
            return self.at_rest(seen.resources, seen.eps)
        if self.base is None:
            return torch.full_like(seen.resources, self.steady)
        base = self.base if self.mpc is None else replace(self.base, mpc=self.mpc[seen.eps])
        return self.lifetime(base.mpc * (seen.resources + base.human_wealth), base)

    def forward(self, seen: Observation) -> Tensor:
        return self.members(seen).mean(0)
