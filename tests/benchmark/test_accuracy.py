"""That errors do not grow with the number of aggregate shocks, and that capital moves as a grid says."""

import pytest

from deepham.benchmark.accuracy import against_grid, ergodic_capital, errors, solve_many_shocks

SHORT = {"outer_iterations": 1, "burn_in": 50, "average": 0.02}


def test_a_short_training_takes_errors_away():
    before, after = (errors(solve_many_shocks(3, policy_steps=steps, agents=100, **SHORT)) for steps in (1, 300))
    for error in ("euler.mean", "bellman_policy.mean"):
        assert after[error] < 0.35 * before[error]


def test_capital_is_measured_in_the_continuum():
    found = ergodic_capital(solve_many_shocks(3, policy_steps=5, **SHORT), pairs=2, periods=5)
    assert 20 < found["mean_K"] < 60 and found["mean_K_se"] >= 0 and found["sd_K_se"] >= 0


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 2, 5, 10, 30])
def test_errors_stay_small_as_shocks_are_added(d):
    solved = solve_many_shocks(d)
    found = errors(solved)
    assert found["euler.mean"] < 0.01 and found["euler.p99"] < 0.05  # percent of consumption
    assert found["bellman_policy.mean"] < 0.003  # utils
    if d <= 2:  # a grid of 5 points a shock can still be solved
        grid = against_grid(solved)
        assert abs(grid["mean_K_gap"]) < 0.15 and grid["path_gap.mean"] < 0.15 and abs(grid["sd_K_gap"]) < 2  # percent
        own = ergodic_capital(solved)  # the rest is the sampling error of the grid solution's paths
        assert own["mean_K"] == pytest.approx(grid["mean_K_grid"], rel=0.005)
        assert own["sd_K"] == pytest.approx(grid["sd_K_grid"], rel=0.2)


@pytest.mark.slow
def test_panels_of_agents_do_as_well_up_to_what_their_capital_does_not_tell():
    assert errors(solve_many_shocks(30, agents=300))["euler.mean"] < 0.05  # percent of consumption
