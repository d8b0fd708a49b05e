"""Generalized moments: what a network sees of the population, chosen by learning instead of by hand.

Han, Yang and E (2021), section on generalized moments: Q_j = sum_i weight_i q_j(s_i), j = 1 ... M, with basis
functions q_j that are small networks and learn along with the policy or the value that reads them. s is wealth, as in
the paper, or wealth and the individual shock. A weighted sum over households does not depend on their order or number,
so the same q serves a panel and the continuum.

Only affine maps of q leave what a network can do with Q unchanged, and an optimiser would wander along them. Here
they are fixed by construction. With x = k / K_ss, n_j a network and g_j what n_j leaves when the straight line in k
fitted to it over fixed reference households is taken out,

    q_1(s) / K_ss = x + g_1(s)      and      q_j(s) / K_ss = g_j(s),  j > 1.

Over the reference households q_1 therefore has the mean and the slope of wealth itself, whatever its weights, and the
others carry what mean wealth does not. Each g starts at zero: untrained, one moment is mean wealth.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deepham.economics.economy import Economy
from deepham.networks.mlp import MLP
from deepham.simulation.population import Population

NODES = 64  # levels of wealth of the reference households
SHAPE = 4.0  # of the gamma distribution that they are weighted by: its coefficient of variation is one half
TOP = 4.0  # their highest wealth, in units of K_ss


class GeneralizedMoments(nn.Module):
    """Population -> (B, M), the relative deviations of Q from their values among the reference households.

    Args:
        count: M.
        with_mean: the first moment contains mean wealth. False where the networks are given it anyway.
        with_shock: q depends on the individual shock, too.
        width, depth, activation: of each basis network.
    """

    linear: Tensor
    nodes: Tensor
    shock: Tensor
    weight: Tensor

    def __init__(
        self,
        economy: Economy,
        count: int,
        with_mean: bool,
        with_shock: bool,
        width: int,
        depth: int,
        activation: str,
        generator: torch.Generator,
    ):
        super().__init__()
        self.shocks = economy.chain.n_eps if with_shock else 1
        self.steady, self.limit = economy.scale, economy.borrowing_limit
        networks = [MLP(self.shocks, width, depth, activation, generator) for _ in range(count)]
        self.networks = nn.ModuleList(networks)
        for network in networks:
            network[-1].register_parameter("bias", None)  # a constant in n would be taken out
        linear = torch.zeros(count)
        linear[0] = float(with_mean)
        x = torch.linspace(0, TOP, NODES + 1)[1:]
        weight = x ** (SHAPE - 1) * torch.exp(-SHAPE * x)
        share = economy.chain.eps_shares().to(weight) if with_shock else weight.new_ones(1)
        # constants of the construction: a solution's file does not hold them
        self.register_buffer("linear", linear, persistent=False)
        self.register_buffer("nodes", (self.limit + self.steady * x).repeat(len(share)), persistent=False)
        self.register_buffer("shock", torch.arange(len(share)).repeat_interleave(NODES), persistent=False)
        self.register_buffer("weight", (share[:, None] * weight).flatten(), persistent=False)

    def basis(self, k: Tensor, eps: Tensor) -> Tensor:
        """q of households with assets k and shock eps: (...) -> (..., M), goods."""
        return k[..., None] * self.linear + self.steady * self._bend(k, eps)

    def forward(self, population: Population) -> Tensor:
        moments = torch.cat([population.mean(q) for q in self.basis(population.k, population.eps).unbind(-1)], -1)
        return moments / self.steady - self.linear

    def _bend(self, k: Tensor, eps: Tensor) -> Tensor:
        """g: the networks less the straight lines fitted to them among the reference households."""
        at_nodes = self._raw(self.nodes, self.shock)  # (households, M)
        weight = self.weight / self.weight.sum()  # again: one to the precision of today's dtype
        centre = weight @ self.nodes
        distance = self.nodes - centre
        slope = (weight * distance) @ at_nodes / (weight @ distance**2)
        return self._raw(k, eps) - weight @ at_nodes - slope * (k - centre)[..., None]

    def _raw(self, k: Tensor, eps: Tensor) -> Tensor:
        wealth = (k - self.limit) / self.steady
        bounded = 4 * wealth / (1 + wealth) - 2  # resolves the poor, and lets the network end in a line for the rich
        inputs = torch.stack([bounded, *(2.0 * (eps == index).to(k.dtype) - 1 for index in range(1, self.shocks))], -1)
        return torch.stack([network(inputs) for network in self.networks], -1)
