"""One update, from where the economies stand to the gradients of the two losses: pure functions of panel and weights.

Policy: V is held and lifetime utility is maximised. Value: the same lifetime utility, and u'(c), are what V is fitted
to. Both gradients are taken at the same weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor
from torch.func import functional_call

from deepham.algorithm.losses import agent_weights, policy_loss, value_loss
from deepham.algorithm.objective import Lifetime, lifetime_utility
from deepham.algorithm.off_equilibrium import moved_unknowns
from deepham.algorithm.settings import AlgorithmSettings
from deepham.networks.policy import PolicyNetwork
from deepham.networks.value import ValueNetwork
from deepham.simulation.period import Observation, Panel, Period, Value, World


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


def mean_of(descents: Sequence[Descent]) -> Descent:
    """Of several batches of one network, such as those of several calibrations, which all count alike."""
    if len(descents) == 1:
        return descents[0]
    return Descent(
        torch.stack([each.loss for each in descents]).mean(),
        torch.stack([each.weight for each in descents]).mean(),
        tuple(torch.stack(leaves).mean(0) for leaves in zip(*(each.gradient for each in descents))),
    )


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
    world, everywhere = _off_equilibrium(world, panel, settings, generator)
    found = lifetime(world, panel, settings, generator)
    seen, before, (policy, value) = found.first.seen, found.first.before, _networks(world)
    weight, mean = _weights(seen, settings, typical)
    players = _players(settings)
    loss = policy_loss(found.utility[:, :players], weight[:, :players])
    descents = [_descent(loss, mean, policy)]
    if settings.value_steps == 0:
        if everywhere is not None:
            weight = weight * everywhere
        marginal = _marginal(found.first) if settings.slope else None
        loss = value_loss(value, before, found.utility.detach(), marginal, weight, settings.level_weight)
        descents.append(_descent(loss, mean, value))
    return descents


def _marginal(period: Period) -> Tensor:
    """What one more unit of the resources that households know of before markets clear is worth, (B, N), utils."""
    economy, choice = period.world.economy, {name: each.detach() for name, each in period.choice.items()}
    return (
        economy.marginal_utility(choice, period.seen) * (period.seen.prices["R"] / period.before.prices["R"])
    ).detach()


def _off_equilibrium(
    world: World, panel: Panel, settings: AlgorithmSettings, generator: torch.Generator
) -> tuple[World, Tensor | None]:
    """The world in which some economies see unknowns where they do not clear, so that the policy learns its demand
    there, and which economies (B, 1) V learns from: those that do clear; None: all.
    """
    unknowns, share = world.economy.unknowns, settings.off_equilibrium
    if not unknowns or share == 0:
        return world, None
    off, moved = moved_unknowns(unknowns, share, panel.population.k, generator)
    return replace(world, off=off), 1 - moved


def regression_gradient(
    world: World,
    panel: Panel,
    realised: Tensor,
    settings: AlgorithmSettings,
    typical: dict[str, float],
) -> Descent:
    """Of V where it is fitted to the utility (B, N) realised from the panel on: levels, since a path has no slope."""
    seen, (_, value) = world.before(panel), _networks(world)
    weight, mean = _weights(seen, settings, typical)
    return _descent(value_loss(value, seen, realised, None, weight, settings.level_weight), mean, value)


def lifetime(world: World, panel: Panel, settings: AlgorithmSettings, generator: torch.Generator) -> Lifetime:
    """Utility over the horizon plus V at its end, as a function of the policy's weights."""
    return lifetime_utility(
        replace(world, value=held(_networks(world)[1]), price_taking=settings.price_taking),
        panel,
        settings.horizon,
        generator,
        players=_players(settings),
        exact=settings.expectation == "exact",
    )


def held(value: ValueNetwork) -> Value:
    """V for the objective: the gradient runs through V to k', not into V's weights.

    They are held inside V only: moments that policy and value share belong to the policy, too.
    """
    weights = {name: leaf.detach() for name, leaf in value.named_parameters()}
    return lambda seen: functional_call(value, weights, (seen,))


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
