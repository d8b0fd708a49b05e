"""What the properties are tried on: a few economies of households who follow a rule of thumb."""

from __future__ import annotations

from typing import Any

import torch

from deepham.economics.economy import Economy
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, Policy, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel
from deepham.solution.solved import SolvedEconomy

SPENT = 0.1  # share of what can be spent that the rule of thumb consumes
ECONOMIES, AGENTS, SEED = 3, 24, 1
NODES, TOP = 60, 8.0  # of a histogram of wealth; in units of typical assets
CLOSE = 1e-9  # relative, of two ways to one number
FLOOR = 1e-3  # a mean of bonds in zero supply is zero only to rounding


class Broken(AssertionError):
    """A property that does not hold; the message says where and by how much."""


class NotAsked(Exception):
    """A property that this economy cannot be asked about; the message says why."""


def hold(condition: bool, message: str) -> None:
    """Raise Broken(message) unless the condition holds."""
    if not condition:
        raise Broken(message)


def rule(economy: Economy) -> Policy:
    """A policy without training: a share of what can be spent. Where a price has to clear a market it is that of
    untrained networks, whose demand falls in the price."""
    if not economy.unknowns:
        return lambda seen: SPENT * economy.spendable(seen)
    base = "typical" if economy.frictionless() is None else "frictionless"
    return (
        build_networks(economy, NetworkSettings("check", 4, 1, "tanh", base, 10.0, 1), seed=0)[0]
        .double()
        .requires_grad_(False)
    )


def panel(economy: Economy, economies: int = ECONOMIES, agents: int = AGENTS) -> Panel:
    """Some economies as a simulation begins, each with its own cross-section; the same at every call."""
    return initial_panel(economy, economies, agents, torch.Generator().manual_seed(SEED))


def world(economy: Economy) -> World:
    return World(economy, rule(economy))


def ruled(name: str, economy: Economy, top: float = TOP, policy: Policy | None = None) -> SolvedEconomy:
    """The economy with households who follow the rule, from cross-sections with the right shares of individual
    states: what `simulate` and `irf` take."""
    policy = rule(economy) if policy is None else policy
    chain: Any = economy.chain  # a finite one knows more
    grid = wealth_grid(economy, NODES, top)
    shares = chain.eps_shares()[None] if chain.every_z() is None else chain.stationary_eps()
    k = economy.scale * torch.tensor([0.2, 1.0, 1.8], dtype=torch.float64).repeat(chain.n_eps)[None]
    eps = torch.arange(chain.n_eps).repeat_interleave(3)[None]
    start = [Population(k, eps, share.repeat_interleave(3)[None] / 3) for share in shares]
    mass = torch.cat([on_grid(grid, people, chain.n_eps).weight for people in start])
    return SolvedEconomy(name, economy, policy, policy, grid, mass, **chain.kept(chain.typical_z()))


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest distance of two tensors, in units of the larger of their numbers, or of FLOOR where all are less."""
    scale = max(float(one.abs().max()), float(other.abs().max()), FLOOR)
    return float((one - other).abs().max()) / scale
