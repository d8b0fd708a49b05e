"""One set of weights at many calibrations: networks that see where in a box of calibrations their economy is."""

from __future__ import annotations

import torch

from deepham.economics.economy import Economy
from deepham.errors import require
from deepham.networks.outlook import LinearOutlook
from deepham.networks.policy import PolicyNetwork
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.networks.value import ValueNetwork

Networks = tuple[PolicyNetwork, ValueNetwork]


def sharing(
    networks: Networks, economy: Economy, settings: NetworkSettings, calibration: tuple[float, ...]
) -> Networks:
    """Networks of another calibration, its bases and scales, whose weights are those of these: one set of parameters,
    which moves with either.

    Raises:
        InputError: networks of this calibration have other inputs.
    """
    device = next(networks[0].parameters()).device
    built = [each.to(device) for each in build_networks(economy, settings, 0, calibration)]
    for there, here in zip(built, networks, strict=True):
        own = dict(there.named_parameters())
        for name, leaf in here.named_parameters():
            require(
                name in own and own[name].shape == leaf.shape,
                "vary: networks take other inputs in one calibration of the box than in another; make it smaller",
            )
            module, _, last = name.rpartition(".")
            setattr(there.get_submodule(module), last, leaf)
    policy, value = built
    assert isinstance(policy, PolicyNetwork) and isinstance(value, ValueNetwork)
    return policy, value


@torch.no_grad()
def settled(
    networks: Networks, economy: Economy, settings: NetworkSettings, calibration: tuple[float, ...]
) -> Networks:
    """Ordinary networks of one calibration, which are not told of it: what the weights of its inputs add to each unit
    of a first layer is a constant, and goes into the unit's bias. A linear outlook is the line that it is there.
    """
    built = build_networks(economy, settings, 0)
    told = torch.tensor(calibration, dtype=torch.float64)
    for there, here in zip(built, networks, strict=True):
        found = {name: leaf.detach().double().cpu() for name, leaf in here.named_parameters()}
        if isinstance(here, PolicyNetwork) and isinstance(here.outlook, LinearOutlook):
            slopes, intercepts = here.outlook.at(told)
            found |= {"outlook.mlp.0.weight": slopes, "outlook.mlp.0.bias": intercepts}
        for name, leaf in there.named_parameters():
            weight = found[name]
            if weight.shape != leaf.shape:
                weight, inputs = weight[:, : leaf.shape[1]], weight[:, leaf.shape[1] :]
                bias = name.removesuffix("weight") + "bias"
                found[bias] = found[bias] + inputs @ told
            found[name] = weight
        for name, leaf in there.named_parameters():
            leaf.copy_(found[name])
    return built
