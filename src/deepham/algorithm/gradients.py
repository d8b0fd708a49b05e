"""One update, from where the economies stand to the gradients of the two losses: pure functions of panel and weights.

Policy: V is held and lifetime utility is maximised. Value: the same lifetime utility, and u'(c), are what V is fitted
to. Both gradients are taken at the same weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from deepham.algorithm.losses import agent_weights, policy_loss, value_loss
from deepham.algorithm.objective import Lifetime, lifetime_utility
from deepham.algorithm.settings import AlgorithmSettings
from deepham.networks.policy import PolicyNetwork
from deepham.networks.value import ValueNetwork
from deepham.simulation.period import Observation, Panel, Value, World


@dataclass(frozen=True)
class Descent:
    """A loss and its gradient.

    Attributes:
        loss: (), the weighted mean over the households.
        weight: (), their mean weight, which the loss has been divided by.
        gradient: towards the parameters of the network, in their order.
    """

    loss: Tensor
    weight: Tensor
    gradient: tuple[Tensor, ...]


def update_gradients(
    world: World,
    panel: Panel,
    settings: AlgorithmSettings,
    generator: torch.Generator,
    typical: dict[str, float],
) -> list[Descent]:
    """Of the policy and, where V learns along with it (value_steps = 0), of V.

    Args:
        typical: `economy.typical_household()`.
    """
    found = lifetime(world, panel, settings, generator)
    seen, (policy, value) = found.first.seen, _networks(world)
    weight, mean = _weights(seen, settings, typical)
    players = _players(settings)
    loss = policy_loss(found.utility[:, :players], weight[:, :players])
    descents = [_descent(loss, mean, policy)]
    if settings.value_steps == 0:
        choice = {name: each.detach() for name, each in found.first.choice.items()}
        marginal = world.economy.marginal_utility(choice, seen).detach() if settings.slope else None
        loss = value_loss(value, seen, found.utility.detach(), marginal, weight, settings.level_weight)
        descents.append(_descent(loss, mean, value))
    return descents


def regression_gradient(
    world: World,
    panel: Panel,
    realised: Tensor,
    settings: AlgorithmSettings,
    typical: dict[str, float],
) -> Descent:
    """Of V where it is fitted to the utility (B, N) realised from the panel on: levels, since a path has no slope."""
    seen, (_, value) = world.observe(panel), _networks(world)
    weight, mean = _weights(seen, settings, typical)
    return _descent(value_loss(value, seen, realised, None, weight, settings.level_weight), mean, value)


def lifetime(world: World, panel: Panel, settings: AlgorithmSettings, generator: torch.Generator) -> Lifetime:
    """Utility over the horizon plus V at its end, as a function of the policy's weights."""
    return lifetime_utility(
        World(world.economy, world.policy, held(_networks(world)[1]), settings.price_taking),
        panel,
        settings.horizon,
        generator,
        players=_players(settings),
        exact=settings.expectation == "exact",
    )


def held(value: ValueNetwork) -> Value:
    """V for the objective: the gradient runs through V to k', not into V's weights.

    They are held during the call only, since moments that policy and value share belong to the policy, too.
    """

    def of(seen: Observation) -> Tensor:
        value.requires_grad_(False)
        utility = value(seen)
        value.requires_grad_(True)
        return utility

    return of


def _networks(world: World) -> tuple[PolicyNetwork, ValueNetwork]:
    """The policy and the value function of a world that learns."""
    return cast(PolicyNetwork, world.policy), cast(ValueNetwork, world.value)


def _players(settings: AlgorithmSettings) -> int | None:
    return 1 if settings.players == "first" else None


def _weights(seen: Observation, settings: AlgorithmSettings, typical: dict[str, float]) -> tuple[Tensor, Tensor]:
    """Weights (B, N) with mean one, and the mean that they were divided by."""
    mass = seen.population.weight if settings.agents is None else None
    weight = agent_weights(typical, seen, settings.rich_weight, settings.poor_weight, mass)
    mean = weight.mean()
    return weight / mean, mean


def _descent(loss: Tensor, weight: Tensor, network: torch.nn.Module) -> Descent:
    return Descent(loss.detach(), weight, torch.autograd.grad(loss, list(network.parameters())))
