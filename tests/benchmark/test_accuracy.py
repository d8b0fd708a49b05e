"""That errors do not grow with the number of aggregate shocks, and that capital moves as a grid says."""

import pytest

from deepham.benchmark.accuracy import against_grid, continuum, ergodic_capital, errors, solve_many_shocks

TINY = {"outer_iterations": 1, "policy_steps": 20, "economies": 3, "agents": 40, "burn_in": 5}


def test_measures_run_on_a_barely_trained_solution():
    solved = solve_many_shocks(3, **TINY)
    for panel in (None, continuum(solved, periods=5)):
        assert 0 < errors(solved, panel)["euler.mean"] < 100
    found = ergodic_capital(solved, pairs=2, periods=5)
    assert 20 < found["mean_K"] < 60 and found["mean_K_se"] >= 0


def test_a_short_training_takes_errors_away():
    short = {"outer_iterations": 1, "agents": 100, "average": 0.02}
    before, after = (errors(solve_many_shocks(3, policy_steps=steps, **short)) for steps in (1, 300))
    for error in ("euler.mean", "bellman_policy.mean"):
        assert after[error] < 0.35 * before[error]


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 2, 5, 10, 30])
def test_errors_stay_small_as_shocks_are_added(d):
    solved = solve_many_shocks(d)
    assert errors(solved)["euler.mean"] < 0.05  # percent of consumption
    exact = errors(solved, continuum(solved))
    assert exact["euler.mean"] < 0.02 and exact["bellman_policy.mean"] < 0.003
    if d <= 2:  # a grid of 5 points a shock can still be solved
        found = against_grid(solved)
        assert abs(found["mean_K_gap"]) < 0.1 and found["path_gap.mean"] < 0.15  # percent
        assert abs(found["sd_K_gap"]) < 8
        own = ergodic_capital(solved)
        assert own["mean_K"] == pytest.approx(found["mean_K_grid"], rel=0.005)  # the sampling error of the grid's paths
