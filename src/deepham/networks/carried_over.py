"""Weights of another calibration as a start: the networks see and say numbers in units of how far these move, and the
units are of the calibration."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from deepham.networks.inputs import Inputs
from deepham.networks.outlook import OutlookNetwork
from deepham.networks.policy import PolicyNetwork
from deepham.networks.value import ValueNetwork


@torch.no_grad()
def carry_over(network: PolicyNetwork | ValueNetwork, found: nn.Module) -> None:
    """Load the weights of a network of the same shape, so that the same deviations of z and of unknowns from what is
    typical mean the same in both calibrations: where shocks are a fifth as large the plan answers them as before."""
    network.load_state_dict(found.state_dict())
    factor = _units(network.inputs, cast(PolicyNetwork | ValueNetwork, found).inputs)
    for mlp in [network.mlp] if isinstance(network, PolicyNetwork) else network.mlps:
        _first(mlp).weight *= factor
    if isinstance(network, PolicyNetwork) and network.outlook is not None:
        ours, theirs = cast(OutlookNetwork, network.outlook), cast(OutlookNetwork, cast(PolicyNetwork, found).outlook)
        _first(ours.mlp).weight *= _units(ours.inputs, theirs.inputs)[ours.inputs.own :]
        said = [theirs.unknowns[name].spread / unknown.spread for name, unknown in ours.unknowns.items()]
        last = cast(nn.Linear, ours.mlp[-1])
        for leaf in (last.weight.T, last.bias):
            leaf *= leaf.new_tensor(said)


def _first(mlp: nn.Module) -> nn.Linear:
    return cast(nn.Linear, cast(nn.Sequential, mlp)[0])


def _units(ours: Inputs, theirs: Inputs) -> Tensor:
    """(inputs,): our unit of each in theirs."""
    spreads = [unknown.spread / theirs.unknowns[name].spread for name, unknown in ours.unknowns.items()]
    z = ours.unit / theirs.unit.to(ours.unit)
    rest = ours.size - ours.own - len(z) - len(spreads)
    return torch.cat([z.new_ones(ours.own), z, z.new_tensor(spreads), z.new_ones(rest)])
