"""Settings of the networks, and their construction."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from deepham.economics.economy import Economy, require
from deepham.networks.mlp import ACTIVATIONS
from deepham.networks.policy import PolicyNetwork
from deepham.networks.value import ValueNetwork


@dataclass
class NetworkSettings:
    """Size and form of the policy and value networks; each field is explained in conf/network/."""

    name: str
    width: int
    depth: int
    activation: str
    base: bool
    aggregate_scale: float
    ensemble: int

    def validate(self) -> None:
        """Raise InputError for a value out of range."""
        require(self.width >= 1, f"network.width: expected at least 1 unit, got {self.width}")
        require(self.depth >= 1, f"network.depth: expected at least 1 hidden layer, got {self.depth}")
        require(self.ensemble >= 1, f"network.ensemble: expected at least 1 value network, got {self.ensemble}")
        require(0 < self.aggregate_scale < float("inf"),
                f"network.aggregate_scale: expected a positive number, got {self.aggregate_scale}")
        require(self.activation in ACTIVATIONS,
                f"network.activation: expected one of {', '.join(ACTIVATIONS)}, got {self.activation!r}")


def build_networks(economy: Economy, settings: NetworkSettings, seed: int) -> tuple[PolicyNetwork, ValueNetwork]:
    """Freshly initialised policy and value network, on the CPU in float32; the same seed gives the same weights."""
    settings.validate()
    generator = torch.Generator().manual_seed(seed)
    shape = (settings.width, settings.depth, settings.activation, settings.base, settings.aggregate_scale)
    return (PolicyNetwork(economy, *shape, generator),
            ValueNetwork(economy, *shape, settings.ensemble, generator))
