"""The Bellman equation of a given policy, linear in the weights of V: its level and its slope.

    level   (V - u - beta E V') / unit,    slope   (dV/dk) / worth - 1

at a sample of households. The level is scaled to permanent relative consumption, the slope is what the envelope
theorem says of the policy's own choices.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from deepham.algorithm.alone import Onlooker, tomorrow_of_all
from deepham.algorithm.ergodic_sample import Sample
from deepham.algorithm.first_order import Linear, together
from deepham.algorithm.newton import Equations, huber, size, tested
from deepham.algorithm.settings import NewtonSettings
from deepham.algorithm.tapped import row_by_row
from deepham.economics.economy import Economy
from deepham.networks.policy import PolicyNetwork
from deepham.networks.value import ValueNetwork
from deepham.simulation.expectation import expand_next, expect
from deepham.simulation.population import Population

LEAST_DAMPING = 1e-8
BOTH = 1.0  # weight of least squares among the test functions of V
STEP = 1e-4  # of the difference that is taken for a slope of V, as a share of what a household can consume


def bellman_equation(
    economy: Economy, policy: PolicyNetwork, value: ValueNetwork, sample: Sample
) -> tuple[Linear, Linear]:
    """Level and slope; the weights of `Linear` are those of V's one network."""
    (network,) = value.mlps
    n = sample.k.shape[1]
    with torch.no_grad():
        later = tomorrow_of_all(economy, policy, sample.panel, derivative=False)
        look, wide = later.look, later.now.repeat_interleave(n, 0)
        wide_next = later.after.repeat_interleave(n, 0).flatten(0, 1)
        k, eps, z = sample.k.reshape(-1, 1), sample.eps.reshape(-1, 1), sample.panel.z.repeat_interleave(n, 0)
        seen = look.observe(wide, k, eps, z)
        decided = policy.plan(seen, look.tap(policy.mlp, seen, wide).y).decided()
        choice = economy.complete(decided, seen)
        following, p_z, p_eps = expand_next(economy, Population.panel(economy.carry(choice, seen), eps), seen)
        utility, worth = economy.utility(choice, seen), economy.worth(choice, seen)
    look, wide = Onlooker(economy, value.inputs, look.names), look.before(wide)
    with torch.enable_grad():

        def of(wide, k, eps, z):
            seen = look.observe(wide, k, eps, z)
            tap = look.tap(network, seen, wide)
            return value.corrected(seen, tap.y), tap

        level, today = of(wide, k, eps, z)
        people = following.population
        expected, tomorrow = of(wide_next, people.k, people.eps, following.z)
        gap = (level - utility - economy.discount(eps) * expect(expected, p_z, p_eps)) / value.unit
        step = STEP * (seen.resources - economy.borrowing_limit)
        (up, above), (down, below) = (of(wide, k + sign * step, eps, z) for sign in (1, -1))
        steep, taps = (up - down) / (2 * step), [above, below]
        steep = steep / worth - 1
        weight = sample.weight.flatten()
        steepness = row_by_row(steep, taps)
        return (
            Linear(
                gap.detach().flatten(),
                weight,
                row_by_row(gap, [today, tomorrow]),
                row_by_row(level / value.unit, [today]),
            ),
            Linear(steep.detach().flatten(), weight, steepness, steepness),
        )


def add_bellman_equations(
    equations: Equations, found: Sequence[tuple[Linear, Linear]], settings: NewtonSettings
) -> tuple[float, float, float]:
    """Add those of samples to what is remembered. Returns the damping of a step, and the root mean squares of level
    and slope."""
    level, slope = (together(each) for each in zip(*found))
    at_level, at_slope = (huber(each.residual, each.weight, settings.outlier) for each in (level, slope))
    (a, b), (c, d) = (tested(each, weight, BOTH) for each, weight in ((level, at_level), (slope, at_slope)))
    equations.add(settings.level_weight * a + c, settings.level_weight * b + d, settings.memory_of_value)
    left = size(level.residual, at_level)
    return settings.damping * left**2 + LEAST_DAMPING, left, size(slope.residual, at_slope)
