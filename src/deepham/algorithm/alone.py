"""Households one at a time: what each sees, and how what it sees of the others' cross-section moves with the policy.

A household sees of its economy the aggregates, the prices that cleared and what its network's inputs take of the
population: A numbers. With these given it stands for itself, an economy of one household, and so do its possible
tomorrows; the A numbers of tomorrow move with what everybody saves and, where markets clear, with what everybody will
want at a price, which is the other half of a derivative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from deepham.algorithm.tapped import Tapped, row_by_row
from deepham.economics.economy import Economy
from deepham.networks.inputs import Inputs
from deepham.networks.policy import PolicyNetwork
from deepham.simulation.expectation import expand_next
from deepham.simulation.period import Observation, Panel, World
from deepham.simulation.population import Population

CLEARED = 1e-6  # what may be left of a condition where a market counts as cleared, in its own unit


class Onlooker:
    """Observations of households to whom their economy is A numbers.

    Args:
        inputs: of the network that is asked.
        names: of the aggregates and the unknowns, the first of the A numbers.
    """

    def __init__(self, economy: Economy, inputs: Inputs, names: list[str]):
        self.economy, self.inputs, self.names = economy, inputs, names

    def observe(self, wide: Tensor, k: Tensor, eps: Tensor, z: Tensor, people: Population | None = None) -> Observation:
        """Of households (B, N), given what they see of all, (B, A); `people`: the members, where they are these."""
        aggregates = {name: wide[:, i : i + 1] for i, name in enumerate(self.names)}
        prices = self.economy.prices(aggregates, z)
        # no equation of a single household asks for the cross-section
        nobody = cast(Population, people)
        resources = self.economy.resources(k, eps, z, prices)
        return Observation(resources, k, eps, z, nobody, aggregates, prices)

    def before(self, wide: Tensor) -> Tensor:
        """The same (B, A) where unknowns are typical: what there is before markets clear, which V is asked about."""
        wide = wide.clone()
        wide[:, self._unknowns] = wide.new_tensor([unknown.typical for unknown in self.economy.unknowns.values()])
        return wide

    def elsewhere(self, wide: Tensor, off: Tensor) -> Tensor:
        """The same (B, A) where the unknowns are off by so much, (B, U)."""
        wide = wide.clone()
        wide[:, self._unknowns] += off
        return wide

    @property
    def _unknowns(self) -> slice:
        return slice(len(self.names) - len(self.economy.unknowns), len(self.names))

    def tap(self, mlp: nn.Module, seen: Observation, wide: Tensor) -> Tapped:
        """A network's evaluation at what the households see."""
        own, common = self.inputs.own_inputs(seen), self.inputs.common(seen, wide[:, len(self.names) :])
        return Tapped(cast(nn.Sequential, mlp), torch.cat([own, common[:, None].expand(-1, own.shape[1], -1)], -1))


@dataclass(frozen=True)
class Tomorrow:
    """What the households of B economies see of them in each of S states tomorrow.

    Attributes:
        look: how they look at their economies.
        now: (B, A) what they see today; after: (B, S, A).
        moves: (B, S * A, W) how `after` moves with the policy's weights; None where nobody asked.
        at_once: (B, A, W) how `now` does, where households are asked at prices that go on clearing; None: at these.
    """

    look: Onlooker
    now: Tensor
    after: Tensor
    moves: Tensor | None
    at_once: Tensor | None = None


def today_of_all(economy: Economy, policy: PolicyNetwork, panel: Panel) -> tuple[Onlooker, Tensor]:
    """How households look at the economies of a panel, and what they see of them, (B, A)."""
    people = panel.population
    known = economy.aggregates(people, panel.z)
    found = () if panel.near is None else panel.near.split(1, 1)
    now = torch.cat([*known.values(), *found, policy.inputs.crowd(people)], 1)
    return Onlooker(economy, policy.inputs, [*known, *economy.unknowns]), now


def tomorrow_of_all(economy: Economy, policy: PolicyNetwork, panel: Panel, derivative: bool) -> Tomorrow:
    """What everybody's choices lead to.

    Args:
        panel: the economies, and the unknowns that clear in them, `near`.
        derivative: whether the moves are asked for; else tomorrow's markets need not clear, and unknowns are typical.
    """
    people, z, names = panel.population, panel.z, list(economy.unknowns)
    look, now = today_of_all(economy, policy, panel)
    seen = look.observe(now, people.k, people.eps, z, people)
    tap = look.tap(policy.mlp, seen, now)
    decided = policy.plan(seen, tap.y).decided()
    saved = people.with_assets(economy.carry(economy.complete(decided, seen), seen))
    following, p_z, _ = expand_next(economy, saved, seen)
    everybody, z_next, states = following.population, following.z, p_z.shape[1]
    near = None if panel.near is None else panel.near.repeat_interleave(states, 0)
    with torch.no_grad():
        world = World(economy, policy, clamped=True)
        clears = (world.observe if derivative else world.before)(Panel(everybody.detach(), z_next, near)).aggregates
    unknown = torch.cat([now[:, :0].repeat_interleave(states, 0), *(clears[name] for name in names)], 1)
    unknown = unknown.detach().requires_grad_(derivative and bool(names))
    known, crowd = list(economy.aggregates(everybody, z_next).values()), policy.inputs.crowd(everybody)
    after = torch.cat([*known, unknown, crowd], 1)
    moves = None
    if derivative:
        rows = [_today(each[:, 0], tap, states) for each in known]
        if names:
            rows += _of_unknowns(economy, policy, look, following, after, unknown, tap).unbind(1)
        rows += [_today(each, tap, states) for each in crowd.unbind(1)]
        moves = torch.stack(rows, 1).reshape(len(z), states * len(rows), -1)
    return Tomorrow(look, now.detach(), after.detach().reshape(len(z), states, -1), moves)


def _today(number: Tensor, tap: Tapped, states: int) -> Tensor:
    """How a number of tomorrow, (B * S,), moves with today's choices: (B * S, W). Of states in which it moves alike
    with what the network says, as capital does in all, the way through the network is gone once."""
    pushes: list[Tensor] = []
    rows: list[Tensor] = []
    for of_state in number.reshape(-1, states).unbind(1):
        (push,) = torch.autograd.grad(of_state.sum(), tap.y, retain_graph=True, materialize_grads=True)
        row = next((row for one, row in zip(pushes, rows) if torch.equal(one, push)), None)
        rows.append(row_by_row((push * tap.y).flatten(1).sum(1), [tap]) if row is None else row)
        pushes.append(push)
    return torch.stack(rows, 1).flatten(0, 1)


def _of_unknowns(
    economy: Economy,
    policy: PolicyNetwork,
    look: Onlooker,
    later: Panel,
    after: Tensor,
    unknown: Tensor,
    tap: Tapped,
) -> Tensor:
    """How tomorrow's unknowns (B * S, U) move with the weights, (B * S, U, W), so that their conditions go on holding
    (the implicit function theorem); not at all where a market has not cleared.

    Args:
        unknown: a leaf of the graph that `after` (B * S, A) holds, and where the conditions hold.
        tap: the evaluation of the policy today.
    """
    people, states = later.population, len(after) // len(tap.y)
    seen = look.observe(after, people.k, people.eps, later.z, people)
    tomorrow = look.tap(policy.mlp, seen, after)
    choice = economy.complete(policy.plan(seen, tomorrow.y).decided(), seen)
    left = torch.cat(list(economy.conditions(choice, economy.carry(choice, seen), seen).values()), 1)
    each = left.unbind(1)
    slopes = torch.stack([torch.autograd.grad(one.sum(), unknown, retain_graph=True)[0] for one in each], 1)
    rows = torch.stack([row_by_row(one, [tomorrow]) + _today(one, tap, states) for one in each], 1)
    cleared = (left.detach().abs().amax(1) < CLEARED)[:, None, None]
    eye = torch.eye(len(each), dtype=slopes.dtype, device=slopes.device)
    return torch.where(cleared, -torch.linalg.solve(torch.where(cleared, slopes, eye), rows), 0.0)
