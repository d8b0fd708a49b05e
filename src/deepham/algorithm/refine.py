"""A solution of one calibration made more exact, from networks near it: a few steps of second-order training over
households of its ergodic set.

Networks of a box of calibrations err by little everywhere, and so by much in what little errors add up to: how unequal
wealth is, and V.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from deepham.algorithm.ergodic_sample import Sample, Sampling, scaled
from deepham.algorithm.first_order import first_order_condition
from deepham.algorithm.looking_ahead import looking_ahead
from deepham.algorithm.newton import LEAST_DAMPING, Equations, flat, huber, shift, size, tested
from deepham.algorithm.settings import AlgorithmSettings
from deepham.algorithm.value_equation import add_bellman_equations, bellman_equation
from deepham.economics.economy import Economy
from deepham.errors import NotConverged
from deepham.networks.policy import PolicyNetwork
from deepham.networks.value import ValueNetwork
from deepham.simulation.period import Panel, World

STEPS, STEPS_OF_VALUE = 6, 8
CAREFUL = 100.0  # times the damping of a training: the first step is on one sample, and starts next to where it ends


def refine_policy(
    economy: Economy,
    policy: PolicyNetwork,
    dates: Panel,
    grid: Tensor,
    settings: AlgorithmSettings,
    seed: int,
    steps: int = STEPS,
) -> None:
    """Teach the policy its first-order condition, and what looks ahead its own, in float64.

    Args:
        economy: without markets that clear within its periods.
        dates: economies of the policy's ergodic set, histograms on the grid (G,).
        settings: of the training that the networks come from.
        seed: of the households that are drawn.

    Raises:
        NotConverged: the equations have no solution.
    """
    newton, equations = settings.newton, Equations()
    for sample in _samples(economy, policy, dates, grid, settings, seed, steps):
        tomorrow, ahead = looking_ahead(economy, policy, sample.panel) if economy.foreseen else (None, None)
        linear = first_order_condition(economy, policy, sample, tomorrow)
        weight = huber(linear.residual, linear.weight, newton.outlier)
        matrix, vector = tested(linear, weight, newton.least_squares)
        damping = CAREFUL * newton.damping * size(linear.residual, weight) ** 2
        if ahead is not None:
            more = tested(ahead, ahead.weight, newton.least_squares)
            matrix, vector = matrix + more[0], vector + more[1]
            damping = torch.full_like(vector, max(damping, LEAST_DAMPING))
            left = newton.damping * size(ahead.residual, ahead.weight) ** 2
            damping[len(flat(policy.mlp)) :] = max(left, LEAST_DAMPING)
        equations.add(matrix, vector, newton.memory_late)
        change = _solved(equations, damping)
        change = change * min(1.0, newton.largest_step / max(size(linear.own @ change, weight), 1e-300))
        shift(policy, change)
        equations.moved(change)


def refine_value(
    economy: Economy,
    policy: PolicyNetwork,
    value: ValueNetwork,
    dates: Panel,
    grid: Tensor,
    settings: AlgorithmSettings,
    seed: int,
) -> None:
    """Teach V the Bellman equation of the policy, which stays. As `refine_policy`."""
    newton, equations = settings.newton, Equations()
    for sample in _samples(economy, policy, dates, grid, settings, seed, STEPS_OF_VALUE):
        found = [bellman_equation(economy, policy, value, sample)]
        _, level, slope = add_bellman_equations(equations, found, newton)
        change = _solved(equations, newton.damping * (newton.level_weight * level**2 + slope**2))
        shift(value, change)
        equations.moved(change)


def _samples(
    economy: Economy,
    policy: PolicyNetwork,
    dates: Panel,
    grid: Tensor,
    settings: AlgorithmSettings,
    seed: int,
    number: int,
) -> Iterator[Sample]:
    newton = settings.newton
    households = newton.drawn(len(flat(policy.mlp)))
    sampling = Sampling(households, newton.spread, newton.spread_weight, settings.rich_weight, settings.poor_weight)
    generator = torch.Generator(grid.device).manual_seed(seed)
    with torch.no_grad():
        period, typical = World(economy, policy, clamped=True).period(dates), economy.typical_household()
    for _ in range(number):
        with torch.no_grad():
            sample = sampling.draw(period, grid, typical, generator)
            sample = scaled(sample, economy.borrowing_limit, newton.scale_late, generator)
        yield sample


def _solved(equations: Equations, damping: float | Tensor) -> Tensor:
    change = equations.solve(damping)
    if not bool(change.isfinite().all()):
        raise NotConverged("networks of this calibration: the equations of a step have no solution")
    return change
