"""The Bellman error as the authors of DeepHAM measure it, to compare with published figures and for nothing else.

    |V - max_c {u(c) + beta E V'}|   over c on 11 points from c - min(.95 c, 5) to c + min(k', 5)

at 100 random dates of 64 simulated economies of 50 agents. E takes z' from 100 random draws (if z is a number, from the
nodes of a quadrature) and eps' exactly. One agent's deviation moves tomorrow's aggregates by 1/N. Even the true
solution has an error by this measure, because of the draws and of the coarse choice among 11 points. This is the noise
of the protocol; the score of the grid solution shows how large it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from deepham.economics.economy import require
from deepham.simulation.period import Panel, Period, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel, walk

POINTS, REACH = 11, 5.0  # choices of c, and the farthest from the policy's, goods


@dataclass
class Protocol:
    """Sizes of the protocol; each field is explained in conf/evaluate.yaml, where the published ones stand."""

    agents: int
    economies: int
    burn_in: int
    periods: int
    dates: int
    draws: int

    def validate(self) -> None:
        """Raise InputError for a value out of range."""
        for name, least in (
            ("agents", 1),
            ("economies", 1),
            ("burn_in", 0),
            ("periods", 1),
            ("dates", 1),
            ("draws", 1),
        ):
            given = getattr(self, name)
            require(least <= given <= 10**6, f"bellman_paper.{name}: expected {least} to 10^6, got {given}")
        require(
            self.dates <= self.periods,
            f"bellman_paper.dates: expected at most bellman_paper.periods={self.periods}, got {self.dates}",
        )


@torch.no_grad()
def bellman_paper(world: World, seed: int, protocol: Protocol) -> float:
    """Mean error, utils per unit of time, over households and dates. The same seed gives two solutions the same
    shocks."""
    p, economy = protocol, world.economy
    device = economy.chain.device
    generator = torch.Generator(device).manual_seed(seed)
    dates = set((p.burn_in + torch.randperm(p.periods, generator=generator, device=device)[: p.dates]).tolist())
    panel = initial_panel(economy, p.economies, p.agents, generator)
    draws = torch.Generator(device).manual_seed(seed + 1)  # its own: the path is the same whatever is measured on it
    total = 0.0
    for t, period in enumerate(walk(world, panel, 1 + p.burn_in + p.periods, generator), start=-1):
        if t in dates:
            total += float(_errors(period, p, draws).mean())
    return total / len(dates)


def _errors(period: Period, p: Protocol, generator: torch.Generator) -> Tensor:
    """Absolute errors (B, N) in one period."""
    world, economy, seen, c = period.world, period.world.economy, period.seen, period.consumption
    chain, population = economy.chain, period.panel.population
    b, n = population.k.shape
    available = economy.spendable(seen)
    span = torch.linspace(0, 1, POINTS, dtype=c.dtype, device=c.device)[:, None, None]
    low, high = c - (0.95 * c).clamp_max(REACH), c + (available - c).clamp_max(REACH)
    choice = low + span * (high - low)  # (points, B, N)
    z_next, p_z = chain.sampled_states(seen.z, seen.wide, p.draws, generator)
    uniform = torch.rand((b, n), generator=generator, device=c.device, dtype=c.dtype)
    payoff, discount = economy.utility(economy.complete(choice, seen), seen), economy.discount(seen.eps)
    for z, probability in zip(z_next.unbind(1), p_z.unbind(1)):
        others = Population(period.carried, chain.draw_eps(population.eps, seen.z, z, uniform), population.weight)
        p_eps = chain.eps_probabilities(population.eps, seen.z, z)  # (B, N, n_eps)
        for index in range(POINTS):
            tomorrow = _value_after(world, others, economy.carry(economy.complete(choice[index], seen), seen), z)
            payoff[index] += discount * probability[:, None] * (p_eps * tomorrow).sum(-1)
    # a choice that leaves nothing to live on is worth -inf, and NaN where its probability is zero
    return (world.value(period.before) - payoff.nan_to_num(nan=-torch.inf).amax(0)).abs() / economy.period_length


def _value_after(world: World, others: Population, k_next: Tensor, z: Tensor) -> Tensor:
    """V' (B, N, n_eps) of each agent who carries k_next (B, N) while the other agents of its economy carry `others`."""
    b, n = k_next.shape
    n_eps = world.economy.chain.n_eps
    alone = torch.eye(n, dtype=torch.bool, device=z.device)  # one economy for each agent that deviates
    k = torch.where(alone, k_next[:, :, None], others.k[:, None, :]).reshape(b * n, n)
    eps = others.eps[:, None].expand(b, n, n).reshape(b * n, n)
    weight = others.weight[:, None].expand(b, n, n).reshape(b * n, n)
    asked = k_next.reshape(-1, 1).expand(-1, n_eps)
    states = torch.arange(n_eps, device=z.device).expand(b * n, n_eps)
    seen = world.before(Panel(Population(k, eps, weight), z.repeat_interleave(n, 0)), asked, states)
    return world.start_value(seen).reshape(b, n, n_eps)
