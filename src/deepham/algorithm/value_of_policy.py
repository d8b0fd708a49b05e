"""V of a policy that stays as it is: its Bellman equation is linear in V, and a few steps find its network."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.algorithm.ergodic_sample import Sampling, scaled
from deepham.algorithm.newton import Equations, flat, shift
from deepham.algorithm.settings import AlgorithmSettings
from deepham.algorithm.value_equation import add_bellman_equations, bellman_equation
from deepham.economics.economy import Economy
from deepham.errors import NotConverged
from deepham.networks.policy import PolicyNetwork
from deepham.networks.value import ValueNetwork
from deepham.simulation.period import Panel, World

UPDATES = 8


def fit_value(
    economy: Economy,
    policy: PolicyNetwork,
    value: ValueNetwork,
    dates: Panel,
    grid: Tensor,
    settings: AlgorithmSettings,
    seed: int,
) -> None:
    """Teach V, a network near it, the value of the policy, as second-order training does (conf/algorithm/
    euler_newton.yaml). All in float64.

    Args:
        dates: economies of the policy's ergodic set, histograms on the grid (G,).
        settings: of the training that the policy comes from.
        seed: of the households that are drawn.

    Raises:
        NotConverged: the equations have no solution.
    """
    newton, equations = settings.newton, Equations()
    households = newton.drawn(len(flat(policy)))
    sampling = Sampling(households, newton.spread, newton.spread_weight, settings.rich_weight, settings.poor_weight)
    generator = torch.Generator(grid.device).manual_seed(seed)
    with torch.no_grad():
        period = World(economy, policy, clamped=True).period(dates)
        typical, limit = economy.typical_household(), economy.borrowing_limit
        width = 0.0 if economy.tracked in economy.unknowns else newton.scale_late
    for _ in range(UPDATES):
        with torch.no_grad():
            sample = scaled(sampling.draw(period, grid, typical, generator), limit, width, generator)
        found = [bellman_equation(economy, policy, value, sample)]
        least, level, slope = add_bellman_equations(equations, found, newton)
        # so near to V a first step on one sample is a step away from it, unless it is damped by all that is left
        change = equations.solve(max(least, newton.damping * (newton.level_weight * level**2 + slope**2)))
        if not bool(change.isfinite().all()):
            raise NotConverged("the value of the policy: the equations of its network have no solution")
        shift(value, change)
        equations.moved(change)
