"""Households one at a time: what each sees, and how what it sees of the others' cross-section moves with the policy.

A household sees of its economy the aggregates and what its network's inputs take of the population: A numbers. With
these given it stands for itself, an economy of one household, and so do its possible tomorrows; the A numbers of
tomorrow move with what everybody saves, which is the other half of a derivative.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from deepham.algorithm.tapped import Tapped, row_by_row
from deepham.economics.economy import Economy
from deepham.networks.inputs import Inputs
from deepham.networks.policy import PolicyNetwork
from deepham.simulation.expectation import expand_next
from deepham.simulation.period import Observation, Panel
from deepham.simulation.population import Population


def seen_of_all(economy: Economy, inputs: Inputs, panel: Panel) -> Tensor:
    """What the households of each economy see of it, (B, A): the aggregates, then the inputs taken of the
    population."""
    aggregates = economy.aggregates(panel.population, panel.z)
    return torch.cat([*aggregates.values(), inputs.crowd(panel.population)], 1)


class Onlooker:
    """Observations of households to whom their economy is A numbers.

    Args:
        names: of the aggregates, the first of the A numbers.
    """

    def __init__(self, economy: Economy, inputs: Inputs, names: list[str]):
        self.economy, self.inputs, self.names = economy, inputs, names

    def observe(self, wide: Tensor, k: Tensor, eps: Tensor, z: Tensor) -> Observation:
        """Of households (B, N), given what they see of all, (B, A)."""
        aggregates = {name: wide[:, i : i + 1] for i, name in enumerate(self.names)}
        prices = self.economy.prices(aggregates, z)
        # no equation of a single household asks for the cross-section
        nobody = cast(Population, None)
        resources = self.economy.resources(k, eps, z, prices)
        return Observation(resources, k, eps, z, nobody, aggregates, prices)

    def tap(self, mlp: nn.Module, seen: Observation, wide: Tensor) -> Tapped:
        """A network's evaluation at what the households see."""
        own, common = self.inputs.own_inputs(seen), self.inputs.common(seen, wide[:, len(self.names) :])
        return Tapped(cast(nn.Sequential, mlp), torch.cat([own, common[:, None].expand(-1, own.shape[1], -1)], -1))


def tomorrow_of_all(
    economy: Economy, policy: PolicyNetwork, panel: Panel, derivative: bool
) -> tuple[Onlooker, Tensor, Tensor, Tensor]:
    """How households look at their economies, what they see of them today (B, A) and in each of S states tomorrow
    (B, S, A), and the derivative of that in the policy's weights, (B, S * A, W); empty where it is not asked for.
    """
    people, z = panel.population, panel.z
    now = seen_of_all(economy, policy.inputs, panel)
    look = Onlooker(economy, policy.inputs, list(economy.aggregates(people, z)))
    seen = look.observe(now, people.k, people.eps, z)
    tap = look.tap(policy.mlp, seen, now)
    decided = torch.minimum(*policy.wanted(seen, tap.y))
    saved = people.with_assets(economy.carry(economy.complete(decided, seen), seen))
    following, p_z, _ = expand_next(economy, saved, seen)
    after = seen_of_all(economy, policy.inputs, following).reshape(len(z), p_z.shape[1], -1)
    each = after.flatten(1).unbind(1) if derivative else ()
    moves = torch.stack([row_by_row(number, [tap]) for number in each], 1) if derivative else now.new_empty(0)
    return look, now.detach(), after.detach(), moves
