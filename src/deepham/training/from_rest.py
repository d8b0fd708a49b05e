"""Where second-order training starts in an economy that states how it rests (`Economy.at_rest`): at the household of
the grid method.

A plan that nobody has taught asks for prices far from any that it was meant for, and where a number of the economy
looks ahead those feed on themselves. So the plan is fitted to the stationary one at the prices of rest, and the
simulated economies begin as the cross-section to which that leads. For a few updates it then learns the shocks while
unknowns rest (`World.resting`) and mean assets are held at what there is of them; only then do markets clear.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn

from deepham.algorithm.alone import Onlooker
from deepham.algorithm.newton import flat, shift
from deepham.algorithm.settings import AlgorithmSettings
from deepham.algorithm.tapped import row_by_row
from deepham.economics.economy import Economy
from deepham.networks.policy import PolicyNetwork
from deepham.reference.grid import GridFunction
from deepham.reference.settings import ReferenceSettings
from deepham.reference.stationary import households_at
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.population import Population

NODES = 120  # of the household's problem
WIDTH = 0.1  # of the nodes of mean assets, which do not move
FITS, FIRST_DAMPING, LEAST_DAMPING = 120, 1e-4, 1e-11  # Levenberg and Marquardt's steps, and their damping
RAISED, EASED = 4.0, 3.0  # by what it rises after a step that left more, and falls after one that left less
RARE = 4.0  # assets, in units of the typical, at which a household counts half of one without any
UNTAUGHT = 0.1  # what is left of first-layer weights of what is the same for all, about which rest says nothing


def from_rest(economy: Economy, policy: PolicyNetwork, settings: AlgorithmSettings) -> Population | None:
    """Fit the policy to the stationary one, and return the cross-section (1, N) on the nodes of the settings' histogram
    to which that leads; None, and the policy as it was, where the economy does not state how it rests, or where each
    outer iteration starts afresh.

    Raises:
        NotConverged: the grid method found no plan.
    """
    household = economy.at_rest()
    if household is None or not settings.second_order or not settings.newton.resting or settings.restart:
        return None
    K = household.typical_household()["assets"]
    plan, people = households_at(household, on_a_grid(settings.nodes, settings.top), K)
    if economy.chain.n_eps == 1:
        # with no luck of their own households are as alike as they were, and where they drift to in the end is no start
        grid = wealth_grid(household, settings.nodes, settings.top)
        people = on_grid(grid, Population.panel(people.k.new_full((1, 1), K), people.eps[:, :1]), 1)
    learns = copy.deepcopy(policy).double()
    _fit(economy, learns, plan, people)
    shift(policy, flat(learns) - flat(policy))
    return people


def on_a_grid(nodes: int, top: float) -> ReferenceSettings:
    """How the household at rest is solved: its cross-section is on the nodes of training's own histograms."""
    return ReferenceSettings(
        k_nodes=NODES,
        K_nodes=3,
        K_width=WIDTH,
        top=top,
        histogram_nodes=nodes,
        economies=1,
        burn_in=0,
        periods=100,
        tolerance=1e-6,
        damping=0.5,
        iterations=4,
        seed=0,
    )


class _Fit:
    """How far a policy is from the plan, and how that moves with its weights.

    Args:
        plan: consumption by assets and individual state at rest, the middle one of three nodes of mean assets.
        people: the cross-section that households see.
    """

    def __init__(self, economy: Economy, policy: PolicyNetwork, plan: GridFunction, people: Population):
        k, n_eps = plan.grid.k, economy.chain.n_eps
        self.assets = k.repeat(n_eps)[:, None]
        self.eps = torch.arange(n_eps).repeat_interleave(len(k))[:, None]
        self.target = plan.values[0, :, plan.values.shape[2] // 2].flatten()
        z = economy.chain.typical_z()[:1]
        known = [*economy.aggregates(people, z).values()]
        found = [people.k.new_full((1, 1), unknown.typical) for unknown in economy.unknowns.values()]
        wide = torch.cat([*known, *found, policy.inputs.crowd(people)], 1)
        names = [*economy.aggregates(people, z), *economy.unknowns]
        self.wide, z = (one.expand(len(self.assets), -1) for one in (wide, z))
        self.look, self.policy = Onlooker(economy, policy.inputs, names), policy
        self.seen = self.look.observe(self.wide, self.assets, self.eps, z)
        self.counts = 1 / (1 + (self.assets[:, 0] - economy.borrowing_limit) / (RARE * economy.scale))

    def equations(self) -> tuple[Tensor, Tensor, Tensor]:
        """Residuals (H,), shares of consumption, their weights, which sum to one, and the Jacobian (H, W)."""
        tap = self.look.tap(self.policy.mlp, self.seen, self.wide)
        plan = self.policy.plan(self.seen, tap.y)
        wanted, most = plan.wanted[:, 0], plan.most[:, 0]
        # whom the limit holds, by the plan and by the policy alike, is where it should be
        free = (self.target < (1 - 1e-4) * most.detach()) | (wanted.detach() < most.detach())
        residual = (wanted.log() - self.target.log()) * free
        weight = free * self.counts
        return residual, weight / weight.sum(), row_by_row(residual, [tap])


@torch.enable_grad()
def _fit(economy: Economy, policy: PolicyNetwork, plan: GridFunction, people: Population) -> None:
    """Levenberg and Marquardt's steps of the policy, in float64, towards the plan."""
    with torch.no_grad():
        first = cast(nn.Linear, cast(nn.Sequential, policy.mlp)[0])
        first.weight[:, policy.inputs.own :] *= UNTAUGHT
    fit = _Fit(economy, policy, plan, people)
    damping, best, kept = FIRST_DAMPING, float("inf"), flat(policy.mlp)
    normal = right = torch.empty(0)
    for _ in range(FITS):
        residual, weight, jacobian = fit.equations()
        residual = residual.detach()
        left = float((weight * residual**2).sum())
        if left <= best:
            best, damping, kept = left, max(damping / EASED, LEAST_DAMPING), flat(policy.mlp)
            tests = weight[:, None] * jacobian
            normal, right = jacobian.T @ tests, tests.T @ residual
        else:  # a shorter step from where the last good one led
            damping *= RAISED
        step = torch.linalg.solve(normal + damping * torch.eye(len(right), dtype=right.dtype), right)
        shift(policy.mlp, kept - step - flat(policy.mlp))
    shift(policy.mlp, kept - flat(policy.mlp))
