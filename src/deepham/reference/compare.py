"""A candidate against the grid solution on the same shocks, in the continuum, where nothing is sampling noise.

Both economies start from the same cross-section and see the same path of the aggregate shock, each with its own
policy. Burn-in is long because a cross-section forgets its start only over thousands of quarters.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from deepham.algorithm.evaluation import (
    Ergodic,
    VerdictSettings,
    distribution_measures,
    ergodic_path,
    measures_along,
    pooled,
    together,
    verdict_path,
)
from deepham.economics.economy import Economy
from deepham.errors import InputError
from deepham.reference.solve import Reference
from deepham.simulation.continuum import advance_histogram
from deepham.simulation.household import Policy, Value, observe

WELFARE_PERIODS = 1500  # 0.99^1500 is 3e-7 of lifetime utility


OF_WEALTH = ("wealth_sd", "gini", "top10_share", "top1_share")  # whose relative distance to the reference's is measured
GAPS = ("mean_K_gap", "path_gap.mean", "path_gap.max", "wealth_w1", *(f"{name}_gap" for name in OF_WEALTH), "welfare_gap")


def measure_against(
    economy: Economy, policy: Policy, value: Value, reference: Reference, settings: VerdictSettings, seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Ergodic, Ergodic, dict[str, float]]:
    """Every measure of a candidate, with those that compare it with the reference on the same shocks.

    Returns:
        The candidate's path, the reference's, and the candidate's measures.
    """
    z_path = verdict_path(economy, settings, seed)
    candidate, truth, gaps = compare(
        economy, policy, reference, z_path, settings.burn_in, settings.dates, progress)
    return candidate, truth, measures_along(economy, policy, value, candidate) | gaps


@torch.no_grad()
def compare(
    economy: Economy, policy: Policy, reference: Reference, z_path: Tensor, burn_in: int, dates: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Ergodic, Ergodic, dict[str, float]]:
    """Follow both economies along the shocks z_path (B, T, ...) and measure their distance after `burn_in` periods.

    Returns:
        The candidate's path, the reference's, and in percent: mean_K_gap (signed), path_gap.mean and .max,
        wealth_w1 (of mean wealth), wealth_sd_gap, gini_gap, top10_share_gap, top1_share_gap (signed) and welfare_gap
        (consumption equivalent).

    Raises:
        InputError: the reference was solved for another calibration.
    """
    _check_calibration(economy, reference)
    nodes, start = reference.nodes, together(economy, reference.start, reference.z, z_path)
    candidate = ergodic_path(economy, policy, nodes, start, z_path, burn_in, dates, progress)
    truth = ergodic_path(
        economy, reference.policy.on_histogram(nodes), nodes, start, z_path, burn_in, dates, progress)
    gap = 100 * (candidate.K / truth.K).log().abs()
    mass, true_mass = pooled(candidate), pooled(truth)
    moments, true_moments = distribution_measures(candidate), distribution_measures(truth)
    measures = {
        "mean_K_gap": 100 * float(candidate.K.mean() / truth.K.mean() - 1),
        "path_gap.mean": float(gap.mean()),
        "path_gap.max": float(gap.max()),
        "wealth_w1": 100 * wasserstein(nodes, mass, true_mass) / float((true_mass * nodes).sum()),
        **{f"{name}_gap": 100 * (moments[name] / true_moments[name] - 1) if true_moments[name] else float("nan")
           for name in OF_WEALTH},
        "welfare_gap": welfare_gap(economy, policy, reference, z_path[:1, :WELFARE_PERIODS]),
    }
    return candidate, truth, measures


def _check_calibration(economy: Economy, reference: Reference) -> None:
    for name, value in economy.parameters().items():
        solved = reference.calibration.get(name, "not among its parameters")
        if solved != value:
            raise InputError(f"reference: solved for {name}={solved}, the solution is of {name}={value}; make the one "
                             "of this calibration with scripts/reference.py")


def wasserstein(nodes: Tensor, mass: Tensor, other: Tensor) -> float:
    """Wasserstein-1 distance of two distributions on the same nodes (G,), in their unit."""
    gap = (mass.cumsum(0) - other.cumsum(0)).abs()
    return float((gap[:-1] * nodes.diff()).sum())


@torch.no_grad()
def welfare_gap(economy: Economy, policy: Policy, reference: Reference, z_path: Tensor) -> float:
    """What one household loses that follows the candidate's policy while everybody else, and so every price, follows
    the reference: percent of consumption for ever. Both start from the reference's cross-section. NaN under a planner, whose
    households do not save for their own sake alone.
    """
    if economy.objective == "planner":
        return float("nan")
    nodes = reference.nodes
    truth = reference.policy.on_histogram(nodes)
    everybody = household = reference.start
    lifetime = lifetime_true = 0.0
    discount, z_next = 1.0, together(economy, reference.start, reference.z, z_path).z
    for t in range(z_path.shape[1] - 1):
        z = z_next
        alone = observe(economy, everybody, z, k=household.k, eps=household.eps)
        z_next = economy.chain.follow(z, z_path[:, t + 1], alone.aggregates)
        following, c_true = advance_histogram(economy, truth, nodes, everybody, z, z_next)
        household_next, c = advance_histogram(economy, policy, nodes, household, z, z_next, alone)
        lifetime += discount * float(household.mean(economy.preferences.utility(c)))
        lifetime_true += discount * float(everybody.mean(economy.preferences.utility(c_true)))
        everybody, household, discount = following, household_next, discount * economy.beta
    constant, constant_true = (1 - economy.beta) * torch.tensor([lifetime, lifetime_true], dtype=torch.float64)
    worth = economy.preferences.inverse_utility  # in consumption for ever
    return 100 * (1 - float(worth(constant)) / float(worth(constant_true)))
