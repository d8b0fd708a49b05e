"""Conditions of unknowns that look ahead, linear in the weights: a further block of the equations of a Newton step.

Inflation today depends on tomorrow's, and both on what households plan. The condition is asked of today's people,
with what may come tomorrow enumerated and the markets of both days cleared; where they clear moves with the weights by
the implicit function theorem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn.functional import pad

from deepham.algorithm.alone import CLEARED, Onlooker, Tomorrow
from deepham.algorithm.first_order import Linear
from deepham.algorithm.tapped import Tapped, row_by_row
from deepham.economics.economy import Economy, Own
from deepham.networks.outlook import OutlookNetwork
from deepham.networks.policy import PolicyNetwork
from deepham.simulation.continuum import settle
from deepham.simulation.period import Observation, Panel, World
from deepham.simulation.population import Population

# of a missed condition that counts as much as all of consumption missed: 1 basis point a year as 0.12 percent
UNIT = 0.02


@dataclass
class _Day:
    """A day of B economies whose numbers carry gradients to the outputs of network layers.

    Attributes:
        wide: (B, A) what households see of their economy; seen, choice, carried: theirs.
        plans, outlooks: the evaluations of the two networks that it rests on.
    """

    wide: Tensor
    seen: Observation
    choice: Own
    carried: Tensor
    plans: list[Tapped]
    outlooks: list[Tapped]


class _Days:
    """How days come about.

    Args:
        policy: with its outlook, in float64.
    """

    def __init__(self, economy: Economy, policy: PolicyNetwork, known: list[str]):
        self.economy, self.policy = economy, policy
        self.look = Onlooker(economy, policy.inputs, [*known, *economy.unknowns])

    def day(self, people: Population, z: Tensor, found: Tensor) -> _Day:
        """found: (B, U), the unknowns there."""
        economy, names = self.economy, list(self.economy.unknowns)
        outlook = cast(OutlookNetwork, self.policy.outlook)
        typical = {name: found.new_full((len(z), 1), unknown.typical) for name, unknown in economy.unknowns.items()}
        before = World(economy, price_taking=False).seen_at(Panel(people, z), typical)
        common = outlook.seen(before, outlook.inputs.crowd(people))
        tap = Tapped(outlook.mlp, outlook.fed(common))
        said = outlook.said(tap.y, common)
        if not economy.cleared:
            return self._at(people, z, torch.cat([said[name] for name in names], 1), [], [tap])
        values = dict(zip(names, found.detach().split(1, 1), strict=True))
        leaf = torch.cat([values[name] for name in economy.cleared], 1).requires_grad_()
        markets = dict(zip(economy.cleared, leaf.split(1, 1), strict=True))
        guess = self._at(people, z, torch.cat([(said | markets)[name] for name in names], 1), [], [])
        left = torch.cat(list(economy.conditions(guess.choice, guess.carried, guess.seen).values()), 1)
        slopes = torch.stack(
            [torch.autograd.grad(one.sum(), leaf, retain_graph=True)[0] for one in left.unbind(1)], 1
        ).detach()
        cleared = (left.detach().abs().amax(1) < CLEARED)[:, None]
        eye = torch.eye(len(slopes[0]), dtype=slopes.dtype, device=slopes.device)
        step = torch.linalg.solve(torch.where(cleared[..., None], slopes, eye), left)
        clears = leaf.detach() - torch.where(cleared, step, 0.0)
        moving = said | dict(zip(economy.cleared, clears.split(1, 1), strict=True))
        return self._at(people, z, torch.cat([moving[name] for name in names], 1), guess.plans, [tap])

    def _at(self, people: Population, z: Tensor, found: Tensor, plans: list[Tapped], outlooks: list[Tapped]) -> _Day:
        known = list(self.economy.aggregates(people, z).values())
        wide = torch.cat([*known, found, self.policy.inputs.crowd(people)], 1)
        seen = self.look.observe(wide, people.k, people.eps, z, people)
        tap = self.look.tap(self.policy.mlp, seen, wide)
        choice = self.economy.complete(self.policy.plan(seen, tap.y).decided(), seen)
        return _Day(wide, seen, choice, self.economy.carry(choice, seen), [*plans, tap], outlooks)


class _Ahead:
    """The economies of a panel today, where all unknowns move with the weights, and in each state of tomorrow.

    Args:
        panel: histograms on one grid, and the unknowns there, `near`.
    """

    def __init__(self, economy: Economy, policy: PolicyNetwork, panel: Panel):
        people, z, found = panel.population, panel.z, panel.near
        assert found is not None
        self.economy, self.panel, chain = economy, panel, economy.chain
        self.days = _Days(economy, policy, list(economy.aggregates(people, z)))
        self.grid = people.k[0, : people.k.shape[1] // chain.n_eps]
        self.today = self.days.day(people, z, found)
        self.z_next, self.p_z = chain.next_states(z, self.today.seen.wide)
        states = self.p_z.shape[1]
        there = _tomorrow(economy, self.grid, people, self.today, z, self.z_next, states)
        self.near = found.repeat_interleave(states, 0)
        with torch.no_grad():
            world = World(economy, policy, clamped=True)
            following = Panel(there.detach(), self.z_next.detach().flatten(0, 1), self.near)
            cleared = world.observe(following).aggregates
            self.found_next = torch.cat([cleared[name] for name in economy.unknowns], 1)
        self.tomorrow = self.days.day(there, self.z_next.flatten(0, 1), self.found_next)

    def left(self) -> Tensor:
        """What is left of the conditions, in units of `UNIT`, (B, conditions)."""
        wide = {name: value.reshape(self.p_z.shape) for name, value in self.tomorrow.seen.wide.items()}
        today, p_z = self.today.seen.wide, self.p_z
        missed = self.economy.foresight(today, wide, lambda values: (p_z * values).sum(1, keepdim=True))
        return torch.cat(list(missed.values()), 1) / UNIT


@torch.enable_grad()
def looking_ahead(economy: Economy, policy: PolicyNetwork, panel: Panel) -> tuple[Tomorrow, Linear]:
    """What everybody's choices lead to, and the conditions of what is foreseen at each economy of the panel.

    Args:
        panel: histograms on one grid, and the unknowns there, `near`.
    """
    ahead = _Ahead(economy, policy, panel)
    days, today, states = ahead.days, ahead.today, ahead.p_z.shape[1]
    people, z, near = panel.population, panel.z, ahead.near
    missed = _missed(ahead, plans=True)
    # and what households see of both days, of each of tomorrow's states: they live where markets clear, which moves
    # with the weights several times as much as plans do
    each = [row for row in range(len(z)) for _ in range(states)]
    people, z = people.select(each), z.repeat_interleave(states, 0)
    before = days.day(people, z, near)
    own = torch.arange(states, device=z.device).repeat(len(ahead.z_next))
    comes = days.economy.chain.next_states(z, before.seen.wide)[0][torch.arange(len(z), device=z.device), own]
    there = settle(economy, ahead.grid, people.with_assets(before.carried), z, comes.detach())
    later = days.day(there, comes, ahead.found_next)
    taps = [*before.plans, *later.plans[:1]], [*before.outlooks, *later.outlooks]
    moves = torch.stack([_rows(number, *taps) for number in later.wide.unbind(1)], 1)
    at_once = torch.stack([_rows(number, today.plans[:1], today.outlooks) for number in today.wide.unbind(1)], 1)
    after = later.wide.detach().reshape(len(today.wide), states, -1)
    seen = Tomorrow(days.look, today.wide.detach(), after, moves.reshape(len(after), -1, moves.shape[-1]), at_once)
    return seen, missed


@torch.enable_grad()
def foresight(economy: Economy, policy: PolicyNetwork, panel: Panel) -> Linear:
    """The conditions of what is foreseen at each economy of the panel, in the weights of the outlook alone: of
    households whose plans are what they are."""
    return _missed(_Ahead(economy, policy, panel), plans=False)


def _tomorrow(economy: Economy, grid, people, today: _Day, z: Tensor, z_next: Tensor, states: int) -> Population:
    every = [row for row in range(len(z)) for _ in range(states)]
    saved = people.select(every).with_assets(today.carried[every])
    return settle(economy, grid, saved, z[every], z_next.detach().flatten(0, 1))


def _missed(ahead: _Ahead, plans: bool) -> Linear:
    """plans: in the weights of the plan, too, which come first."""
    economy, today, tomorrow, residual = ahead.economy, ahead.today, ahead.tomorrow, ahead.left()
    taps = [*today.plans, *tomorrow.plans], [*today.outlooks, *tomorrow.outlooks]
    rows, own = [], []
    policy_own = [torch.log1p(today.seen.aggregates[name]) / UNIT for name in economy.foreseen]
    for one, self_ in zip(residual.unbind(1), policy_own, strict=True):
        by_outlook = row_by_row(self_[:, 0], today.outlooks)
        if plans:
            rows.append(_rows(one, *taps))
            own.append(pad(by_outlook, (rows[-1].shape[1] - by_outlook.shape[1], 0)))
        else:
            rows.append(row_by_row(one, taps[1]))
            own.append(by_outlook)
    weight = torch.full_like(residual.detach().flatten(), 1 / residual.numel())
    return Linear(residual.detach().T.flatten(), weight, torch.cat(rows), torch.cat(own))


def _rows(number: Tensor, plans: list[Tapped], outlooks: list[Tapped]) -> Tensor:
    """Derivatives of numbers (H,) in the weights of the policy and then of its outlook, (H, W)."""
    return torch.cat([row_by_row(number, plans), row_by_row(number, outlooks)], 1)
