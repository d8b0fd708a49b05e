"""Settings of the networks, and their construction."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from deepham.economics.economy import Economy, require
from deepham.networks.inputs import Inputs
from deepham.networks.mlp import ACTIVATIONS
from deepham.networks.moments import GeneralizedMoments
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
    # what is seen of the population: as it stands, the first moment
    aggregates: bool = True
    moments: int = 0
    moment_states: list[str] = field(default_factory=lambda: ["k"])
    moment_width: int = 12
    moments_shared: bool = False
    quantiles: int = 0

    def validate(self) -> None:
        """Raise InputError for a value out of range."""
        require(self.width >= 1, f"network.width: expected at least 1 unit, got {self.width}")
        require(self.depth >= 1, f"network.depth: expected at least 1 hidden layer, got {self.depth}")
        require(self.ensemble >= 1, f"network.ensemble: expected at least 1 value network, got {self.ensemble}")
        require(0 < self.aggregate_scale < float("inf"),
                f"network.aggregate_scale: expected a positive number, got {self.aggregate_scale}")
        require(self.activation in ACTIVATIONS,
                f"network.activation: expected one of {', '.join(ACTIVATIONS)}, got {self.activation!r}")
        for name, least in (("moments", 0), ("moment_width", 1), ("quantiles", 0)):
            require(least <= getattr(self, name) <= 10**4,
                    f"network.{name}: expected {least} to 10^4, got {getattr(self, name)}")
        require(self.aggregates or self.moments > 0 or self.quantiles > 0,
                "network.aggregates: without aggregates, moments and quantiles the networks do not see the population; "
                "set network.aggregates=true or network.moments=1")
        require(self.moments > 0 or not self.moments_shared,
                "network.moments_shared: there are no moments to share; set network.moments=1 or leave it false")

    def check_states(self, economy: Economy) -> None:
        """Raise InputError where the moments are of states that the economy's population does not have."""
        known = [economy.asset, economy.individual_shock]
        require(list(self.moment_states) in (known[:1], known),
                f"network.moment_states: a population has the states {' and '.join(known)}; expected [{known[0]}] or "
                f"[{', '.join(known)}], got {list(self.moment_states)}")


def build_networks(economy: Economy, settings: NetworkSettings, seed: int) -> tuple[PolicyNetwork, ValueNetwork]:
    """Freshly initialised policy and value network, on the CPU in float32; the same seed gives the same weights."""
    settings.validate()
    settings.check_states(economy)
    generator = torch.Generator().manual_seed(seed)
    policy_inputs = _inputs(economy, settings, generator)
    value_inputs = policy_inputs if settings.moments_shared else _inputs(economy, settings, generator)
    shape = (settings.width, settings.depth, settings.activation, settings.base)
    return (PolicyNetwork(economy, policy_inputs, *shape, generator),
            ValueNetwork(economy, value_inputs, *shape, settings.ensemble, generator))


def _inputs(economy: Economy, settings: NetworkSettings, generator: torch.Generator) -> Inputs:
    moments = None
    if settings.moments:
        with_shock = economy.individual_shock in settings.moment_states
        moments = GeneralizedMoments(economy, settings.moments, not settings.aggregates, with_shock, settings.moment_width,
                                     settings.depth, settings.activation, generator)
    return Inputs(economy, settings.aggregate_scale, settings.aggregates, moments, settings.quantiles)
