"""What aggregate fluctuations cost households, by wealth and individual state.

Two economies begin with the same households. In one aggregate shocks go on, on average over the aggregate states in
which they may find themselves; in the other they end, the aggregate state keeps its long-run mean, and prices follow
the perfect-foresight path to the new rest (Krusell, Mukoyama, Sahin and Smith, 2009, do away with cycles likewise). The
cost is the share by which consumption with fluctuations would have to be raised, for the rest of a life, to make a
household as well off as without.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch

from deepham.economics.economy import Economy
from deepham.reference.transition import Transition
from deepham.simulation.period import Panel
from deepham.solution.solved import SolvedEconomy
from deepham.solution.welfare import equivalent, lives, means_of_groups, members_of_groups, missed


@dataclass(frozen=True)
class FluctuationCost:
    """Percent of consumption, for the rest of a life.

    Attributes:
        k: (G,) nodes of wealth.
        by_wealth: (n_eps, G) at the nodes.
        columns: names of the individual states, or of the groups that the economy tells apart.
        groups, all: (len(GROUPS), columns) means between quantiles of wealth, NaN where nobody is; (columns,) means
            over all wealth.
        wealth: (len(GROUPS),) mean wealth of each group, goods.
        mean: over all households.
        by_state, shares: (n_eps,) over those of each individual state, 0 where nobody is, and how many they are.
        losing: share of households for whom fluctuations are a cost.
        level_error: what the value function was corrected by, percent of consumption.
        standard_error: of that correction, and so of every cost, over the cross-sections that it is a mean over, taken
            as independent of each other.
    """

    k: np.ndarray
    by_wealth: np.ndarray
    columns: tuple[str, ...]
    groups: np.ndarray
    all: np.ndarray
    wealth: np.ndarray
    mean: float
    by_state: np.ndarray
    shares: np.ndarray
    losing: float
    level_error: float
    standard_error: float


@torch.no_grad()
def cost_of_fluctuations(solved: SolvedEconomy, calm: Transition, dates: Panel) -> FluctuationCost:
    """Compare the value of a solved economy with that of the transition that begins at `solved.pooled`.

    Args:
        dates: cross-sections of the ergodic set. The discounted sum of the mean Bellman residual there is by how much
            the value function misses its policy's true value on average; it is corrected for.
    """
    economy, n_eps = solved.economy, solved.economy.chain.n_eps
    everybody = solved.pooled
    k, mass = solved.grid, everybody.weight.reshape(n_eps, -1)
    error, life = missed(solved, dates), lives(economy)
    share_z = economy.chain.stationary_z()
    chances = share_z[:, None] * solved.mass.reshape(len(share_z), n_eps, -1).sum(-1)  # of z and eps together
    # of states that nobody is in, as a newborn of another income, those of z alone
    chances = torch.where(chances.sum(0) > 0, chances / chances.sum(0), share_z[:, None])
    cost = np.empty((n_eps, len(k)))
    for eps in range(n_eps):
        states = {economy.asset: k.numpy(), economy.individual_shock: eps}
        values = (solved.value(**states, **{economy.aggregate_shock: z}) for z in range(len(share_z)))
        shaken = reduce(np.add, (float(chances[z, eps]) * value for z, value in enumerate(values)))
        still = calm.value_at(k, torch.full(k.shape, eps)).numpy()
        cost[eps] = equivalent(economy, still, shaken + error.of_value[eps], life[eps])
    weight = mass.numpy()
    members = members_of_groups(weight)
    wealth, _ = means_of_groups(members, k.numpy(), cost)
    columns, belongs = _columns(economy)
    everybody = np.concatenate([members, weight[None]])
    total, held = ((x.sum(2) @ belongs.T) for x in (everybody * cost, everybody))
    means = np.divide(total, held, out=np.full(held.shape, np.nan), where=held > 1e-9)
    c = economy.typical_state()["c"]
    unit = 100 / (float(economy.preferences.marginal_utility(torch.tensor(c))) * c)  # percent of consumption, of a util
    return FluctuationCost(
        k.numpy(),
        cost,
        columns,
        means[:-1],
        means[-1],
        wealth,
        float((weight * cost).sum()),
        np.divide((weight * cost).sum(1), weight.sum(1), out=np.zeros(n_eps), where=weight.sum(1) > 0),
        weight.sum(1),
        float(weight[cost > 0].sum()),
        unit * float(error.by_date.mean()),
        unit * float(error.by_date.std(ddof=1)) / len(dates.z) ** 0.5 if len(dates.z) > 1 else float("nan"),
    )


def _columns(economy: Economy) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of what costs are told by, and 1 where an individual state belongs to it, (columns, n_eps)."""
    groups, n_eps = economy.groups(), economy.chain.n_eps
    if groups is None:
        return economy.names_of(economy.individual_shock, n_eps), np.eye(n_eps)
    return groups.names, groups.members().cpu().numpy()
