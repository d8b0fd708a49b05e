"""What aggregate fluctuations cost households, by wealth and individual state.

Two economies begin with the same households. In one aggregate shocks go on, on average over the aggregate states in
which they may find themselves; in the other they end, the aggregate state keeps its long-run mean, and prices follow
the perfect-foresight path to the new rest (Krusell, Mukoyama, Sahin and Smith, 2009, do away with cycles likewise). The
cost is the share by which consumption with fluctuations would have to be raised, for ever, to make a household as well
off as without.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch

from deepham.reference.transition import Transition
from deepham.simulation.period import Panel
from deepham.solution.solved import SolvedEconomy
from deepham.solution.welfare import equivalent, mean_residuals, means_of_groups, members_of_groups


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
        standard_error: of that correction, and so of every cost, over the cross-sections that it is a mean over, taken
            as independent of each other.
    """

    k: np.ndarray
    by_wealth: np.ndarray
    groups: np.ndarray
    wealth: np.ndarray
    mean: float
    by_state: np.ndarray
    losing: float
    level_error: float
    standard_error: float


@torch.no_grad()
def cost_of_fluctuations(solved: SolvedEconomy, calm: Transition, dates: Panel) -> FluctuationCost:
    """Compare the value of a solved economy with that of the transition that begins at `solved.pooled`.

    Args:
        dates: cross-sections of the ergodic set. The mean of the Bellman residual there, over 1 - beta, is by how much
            the value function misses its policy's true value on average; it is corrected for.
    """
    economy, n_eps = solved.economy, solved.economy.chain.n_eps
    everybody = solved.pooled
    k, mass = solved.grid, everybody.weight.reshape(n_eps, -1)
    missed = -mean_residuals(solved, dates)
    error = float(missed.mean()) / (1 - economy.beta)
    share_z = economy.chain.stationary_z()
    chances = share_z[:, None] * solved.mass.reshape(len(share_z), n_eps, -1).sum(-1)  # of z and eps together
    chances = chances / chances.sum(0)
    cost = np.empty((n_eps, len(k)))
    for eps in range(n_eps):
        states = {economy.asset: k.numpy(), economy.individual_shock: eps}
        values = (solved.value(**states, **{economy.aggregate_shock: z}) for z in range(len(share_z)))
        shaken = reduce(np.add, (float(chances[z, eps]) * value for z, value in enumerate(values)))
        still = calm.value_at(k, torch.full(k.shape, eps)).numpy()
        cost[eps] = equivalent(economy, still, shaken + error)
    weight = mass.numpy()
    members = members_of_groups(weight)
    wealth, groups = means_of_groups(members, k.numpy(), cost)
    c = economy.typical_state()["c"]
    unit = 100 / (float(economy.preferences.marginal_utility(torch.tensor(c))) * c)  # percent of consumption, of a util
    return FluctuationCost(
        k.numpy(),
        cost,
        groups,
        wealth,
        float((weight * cost).sum()),
        (weight * cost).sum(1) / weight.sum(1),
        float(weight[cost > 0].sum()),
        unit * float(missed.mean()),
        unit * float(missed.std(ddof=1)) / len(missed) ** 0.5 if len(missed) > 1 else float("nan"),
    )
