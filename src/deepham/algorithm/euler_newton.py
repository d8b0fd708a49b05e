"""The residual of the Euler equation at households of the ergodic set, and its derivative in the policy's weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from deepham.algorithm.tapped import Tapped, row_by_row
from deepham.economics.economy import Economy, Wide
from deepham.networks.policy import PolicyNetwork
from deepham.simulation.expectation import expand_next, expect
from deepham.simulation.period import Observation, Panel


@dataclass(frozen=True)
class Households:
    """So many households of each economy: assets k (B, n), individual states eps (B, n) and weights (B, n)."""

    k: Tensor
    eps: Tensor
    weight: Tensor


def shared(network, economy: Economy, panel: Panel) -> Tensor:
    """What is seen of the cross-sections, (B, A): the aggregates, then the inputs that are taken of the population."""
    aggregates = economy.aggregates(panel.population, panel.z)
    return torch.cat([*aggregates.values(), network.inputs.crowd(panel.population)], 1)


def _observe(economy: Economy, names: list[str], x: Tensor, k: Tensor, eps: Tensor, z: Tensor) -> Observation:
    aggregates: Wide = {name: x[:, i : i + 1] for i, name in enumerate(names)}
    prices = economy.prices(aggregates, z)
    nobody = None  # no equation of a single household asks for the cross-section
    return Observation(economy.resources(k, eps, z, prices), k, eps, z, nobody, aggregates, prices)  # type: ignore


def _tap(network, mlp, seen: Observation, crowd: Tensor) -> Tapped:
    own, common = network.inputs.own_inputs(seen), network.inputs.common(seen, crowd)
    return Tapped(mlp, torch.cat([own, common[:, None].expand(-1, own.shape[1], -1)], -1))


@dataclass(frozen=True)
class Linearised:
    """Residuals r (H,), their derivative J (H, W), that of log c (G, (H, W)), and weights (H,)."""

    residual: Tensor
    jacobian: Tensor
    gradient: Tensor
    weight: Tensor


def moved_population(policy: PolicyNetwork, economy: Economy, panel: Panel, derivative: bool):
    """Tomorrow's shared inputs (B, S, A) and their derivative in the policy's weights (B, S, A, W), or None."""
    population, z = panel.population, panel.z
    x = shared(policy, economy, panel)
    names = list(economy.aggregates(population, z))
    seen = _observe(economy, names, x, population.k, population.eps, z)
    tap = _tap(policy, policy.mlp, seen, x[:, len(names) :])
    wanted, most = policy.wanted(seen, tap.y)
    carried = economy.carry({"c": torch.minimum(wanted, most)}, seen)
    following, p_z, _ = expand_next(economy.chain, population.with_assets(carried), seen)
    after = shared(policy, economy, following).reshape(len(z), p_z.shape[1], -1)
    if not derivative:
        return x.detach(), after.detach(), None
    parts = [row_by_row(after[:, s, a], [tap]) for s in range(after.shape[1]) for a in range(after.shape[2])]
    return x.detach(), after.detach(), torch.stack(parts, 1)


def linearise(
    policy: PolicyNetwork, economy: Economy, panel: Panel, households: Households, moves: bool, tomorrow: bool = True
) -> Linearised:
    """moves: with the derivative through what all carry into tomorrow. tomorrow: with that through tomorrow's rule."""
    with torch.enable_grad():
        return _linearise(policy, economy, panel, households, moves, tomorrow)


def _linearise(policy, economy, panel, households, moves, tomorrow) -> Linearised:
    chain = economy.chain
    b, n = households.k.shape
    x, after, channel = moved_population(policy, economy, panel, moves)
    names = list(economy.aggregates(panel.population, panel.z))
    z_next, p_z = chain.next_states(panel.z, {name: x[:, i : i + 1] for i, name in enumerate(names)})
    s, e = p_z.shape[1], chain.n_eps

    def of_each(values: Tensor) -> Tensor:
        return values.repeat_interleave(n, 0)

    k, eps, z = households.k.reshape(-1, 1), households.eps.reshape(-1, 1), of_each(panel.z)
    x, z_next, p_z = of_each(x), of_each(z_next), of_each(p_z)
    seen = _observe(economy, names, x, k, eps, z)
    today = _tap(policy, policy.mlp, seen, x[:, len(names) :])
    wanted, most = policy.wanted(seen, today.y)
    capped = wanted >= most
    c = wanted + (torch.minimum(wanted, most) - wanted).detach()  # held at the limit by mistake it can leave it
    carried = economy.carry({"c": c}, seen)
    p_eps = chain.eps_probabilities(eps[:, None], z[:, None], z_next).expand(-1, s, 1, e)
    x_next = of_each(after).flatten(0, 1).requires_grad_()
    k_next = carried[:, None].expand(-1, s, e).flatten(0, 1)
    eps_next = torch.arange(e).expand(len(k_next), -1)
    seen_next = _observe(economy, names, x_next, k_next, eps_next, z_next.flatten(0, 1))
    following = _tap(policy, policy.mlp, seen_next, x_next[:, len(names) :])
    c_next = torch.minimum(*policy.wanted(seen_next, following.y))
    worth = economy.worth({"c": c_next}, seen_next)
    target = economy.interior(economy.beta * expect(worth, p_z, p_eps), seen)["c"]
    free = (~(capped & (target >= most))).to(c)  # (H, 1)
    r = (free * (wanted.log() - torch.minimum(target, most).log()))[:, 0]
    gradient = free * row_by_row(wanted.log(), [today])
    if tomorrow:
        for tap in (following,):  # tomorrow's points belong to today's household: (H * S, E, .) -> (H, S * E, .)
            pass
        jacobian = _joint(r, today, following, len(k))
    else:
        jacobian = row_by_row(r, [today])
    if channel is not None:
        (push,) = torch.autograd.grad(r.sum(), x_next)
        push = push.reshape(b, n, -1)
        jacobian = jacobian + torch.bmm(push, channel).flatten(0, 1)
    return Linearised(r.detach(), jacobian.detach(), gradient.detach(), households.weight.flatten())


def _joint(r: Tensor, today: Tapped, following: Tapped, h: int) -> Tensor:
    outs = today.out + following.out
    deltas = torch.autograd.grad(r.sum(), outs, retain_graph=True)
    layers, columns = len(today.out), []
    for layer in range(layers):
        delta = torch.cat([deltas[layer], deltas[layers + layer].reshape(h, -1, deltas[layer].shape[-1])], 1)
        later = following.into[layer].reshape(h, -1, today.into[layer].shape[-1])
        into = torch.cat([today.into[layer], later], 1).detach()
        columns += [torch.bmm(delta.transpose(1, 2), into).flatten(1), delta.sum(1)]
    return torch.cat(columns, 1)
