"""What aggregate fluctuations cost households, by wealth and individual state.

Two economies begin with the same households. In one aggregate shocks go on, on average over the aggregate states in
which they may find themselves; in the other they end, the aggregate state keeps its long-run mean, and prices follow
the perfect-foresight path to the new rest (Krusell, Mukoyama, Sahin and Smith, 2009, do away with cycles likewise). The
cost is the share by which consumption with fluctuations would have to be raised, for ever, to make a household as well
off as without.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from deepham.algorithm.residuals import residuals
from deepham.economics.economy import Economy
from deepham.reference.transition import Transition
from deepham.simulation.period import Panel
from deepham.simulation.population import Population
from deepham.solution.solved import SolvedEconomy

GROUPS = (
    (0.0, 0.01),
    (0.01, 0.05),
    (0.05, 0.2),
    (0.2, 0.4),
    (0.4, 0.6),
    (0.6, 0.8),
    (0.8, 0.95),
    (0.95, 0.99),
    (0.99, 1.0),
)


@dataclass(frozen=True)
class FluctuationCost:
    """Percent of consumption, for ever.

    Attributes:
        k: (G,) nodes of wealth.
        by_wealth: (n_eps, G) at the nodes.
        groups: (len(GROUPS), n_eps) means between quantiles of wealth, NaN where nobody is.
        wealth: (len(GROUPS),) mean wealth of each group, goods.
        mean: over all households.
        by_state: (n_eps,) over those of each individual state.
        losing: share of households for whom fluctuations are a cost.
        level_error: what the value function was corrected by, percent of consumption.
    """

    k: np.ndarray
    by_wealth: np.ndarray
    groups: np.ndarray
    wealth: np.ndarray
    mean: float
    by_state: np.ndarray
    losing: float
    level_error: float


@torch.no_grad()
def cost_of_fluctuations(solved: SolvedEconomy, calm: Transition, dates: Panel) -> FluctuationCost:
    """Compare the value of a solved economy with that of the transition that begins at `pooled(solved)`.

    Args:
        dates: cross-sections of the ergodic set. The mean of the Bellman residual there, over 1 - beta, is by how much
            the value function misses its policy's true value on average; it is corrected for.
    """
    economy, n_eps = solved.economy, solved.economy.chain.n_eps
    everybody = pooled(solved)
    k, mass = solved.grid, everybody.weight.reshape(n_eps, -1)
    error = -mean_residual(solved, dates) / (1 - economy.beta)
    share_z = economy.chain.stationary_z()
    chances = share_z[:, None] * solved.mass.reshape(len(share_z), n_eps, -1).sum(-1)  # of z and eps together
    chances = chances / chances.sum(0)
    cost = np.empty((n_eps, len(k)))
    for eps in range(n_eps):
        states = {economy.asset: k.numpy(), economy.individual_shock: eps}
        shaken = sum(
            float(chances[z, eps]) * solved.value(**states, **{economy.aggregate_shock: z}) for z in range(len(share_z))
        )
        still = calm.value_at(k, torch.full(k.shape, eps)).numpy()
        cost[eps] = equivalent(economy, still, shaken + error)
    weight = mass.numpy()
    members = members_of_groups(weight)
    wealth, groups = means_of_groups(members, k.numpy(), cost)
    at_steady_state = float(economy.preferences.marginal_utility(torch.tensor(economy.typical_state()["c"])))
    return FluctuationCost(
        k.numpy(),
        cost,
        groups,
        wealth,
        float((weight * cost).sum()),
        (weight * cost).sum(1) / weight.sum(1),
        float(weight[cost > 0].sum()),
        100 * error * (1 - economy.beta) / (at_steady_state * economy.typical_state()["c"]),
    )


def pooled(solved: SolvedEconomy) -> Population:
    """The cross-section on average over the aggregate states, one economy."""
    share = solved.economy.chain.stationary_z().to(solved.mass)
    return Population.histogram(solved.grid, (share @ solved.mass).reshape(1, solved.economy.chain.n_eps, -1))


def mean_residual(solved: SolvedEconomy, dates: Panel) -> float:
    """Mean of V - (u + beta E V') over the cross-sections, signed, utils."""
    total = 0.0
    for index in range(len(dates.z)):  # one economy at a time keeps the memory small
        one = dates.select(slice(index, index + 1))
        found = residuals(solved.world, one, optimality=False)
        total += float((found.weight * found.bellman_policy).sum()) / len(dates.z)
    return total


def members_of_groups(mass: np.ndarray) -> np.ndarray:
    """Masses (len(GROUPS), n_eps, G) of the households of each group, of those (n_eps, G) at increasing levels of
    wealth."""
    level = mass.sum(0).cumsum()
    below = np.concatenate([[0.0], level[:-1]])
    inside = [
        np.clip(np.minimum(level, high) - np.maximum(below, low), 0, None) / (level - below).clip(1e-300)
        for low, high in GROUPS
    ]
    return np.stack(inside)[:, None] * mass


def means_of_groups(members: np.ndarray, k: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean wealth (len(GROUPS),), and means (len(GROUPS), n_eps) of values (n_eps, G), NaN where nobody is."""
    each = members.sum(2)
    means = np.divide((members * values).sum(2), each, out=np.full(each.shape, np.nan), where=each > 1e-9)
    return (members * k).sum((1, 2)) / each.sum(1), means


def equivalent(economy: Economy, value: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Percent by which consumption would have to rise for ever to turn lifetime utility `other` into `value`, utils."""
    constant, other = (
        economy.preferences.inverse_utility((1 - economy.beta) * torch.as_tensor(each)) for each in (value, other)
    )
    return 100 * (constant / other - 1).numpy()
