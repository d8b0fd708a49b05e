"""The risky steady state: an economy whose rest point is known, and what a path is said to do."""

import numpy as np
import pytest
import torch
import xarray
from untrained import make, refused

from deepham import economics
from deepham.economics.markov import JointChain
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.population import Population
from deepham.solution.risky import describe_path
from deepham.solution.solved import SolvedEconomy


@pytest.fixture(scope="module")
def ks():
    return make("ks98")


@pytest.mark.parametrize("z, level", [("bad", 0.9), ("good", 1.1)])
def test_brock_mirman_comes_to_rest_where_its_law_of_motion_does(z, level):
    """K = (alpha beta z)^(1/(1-alpha)), whatever households expect: with log utility the saving rate does not move."""
    solution = make("brock_mirman", beta=0.95, nodes=200)
    solution.policy_function = lambda seen: (1 - 0.95) * seen.resources
    start = {"k": np.array([0.15, 0.25]), "weight": np.array([0.5, 0.5])}
    found = solution.risky_steady_state(z=z, periods=60, start=start)
    assert found.level == pytest.approx((0.36 * 0.95 * level) ** (1 / 0.64), rel=1e-4)
    assert found.deterministic == pytest.approx((0.36 * 0.95) ** (1 / 0.64), rel=1e-9)


def test_what_is_reported_is_what_the_path_does(ks):
    found = ks.risky_steady_state(z="bad", periods=400)
    K = found.path.K.values[0]
    assert (found.path.z == 0).all() and found.level == K[-1] and K[-1] < found.ergodic
    assert found.drift == pytest.approx(100 * np.log(K[-1] / K[-101]))
    assert (found.population["weight"] @ found.population["k"]) == pytest.approx(found.level)
    assert (
        found.consumption.shape == (2, len(found.wealth)) and (found.consumption[1] > found.consumption[0])[:20].all()
    )
    again = ks.simulate(1, shocks=["bad"], start=found.population)
    assert float(again.K[0, 0]) == pytest.approx(found.level), "the cross-section at the end can be gone on with"
    beside = ks.consumption(k=10.0, eps=1, z="bad", population=found.population)
    assert np.interp(10.0, found.wealth, found.consumption[1]) == pytest.approx(float(beside), rel=1e-2)
    assert f"{found.level:.4g}" in str(found) and "ergodic mean" in str(found)
    assert repr(found) == f"RiskySteadyState({found})" and len(repr(found)) < 250, "one line at a prompt"


def test_paths_that_settle_turn_or_go_on():
    t = np.arange(3000.0)
    settled, drift, turn = describe_path(40 + 2 * np.exp(-t / 30))
    assert settled and abs(drift) < 1e-3 and turn is None
    settled, drift, turn = describe_path(36 + 3 * np.exp(-t / 30) + 5e-4 * t)
    # -exp(-t/30)/10 + 5e-4 = 0
    assert not settled and drift == pytest.approx(100 * 0.05 / 37.5, rel=0.02)
    assert turn == (159, pytest.approx(36 + 3 * np.exp(-159 / 30) + 5e-4 * 159))
    assert describe_path(np.full(200, 3.0)) == (True, 0.0, None)


def test_a_path_settles_by_resting_for_a_hundred_periods():
    for periods in (2, 3, 50, 100):
        assert describe_path(np.full(periods, 3.0)) == (False, 0.0, None)
    assert describe_path(np.full(101, 3.0))[0]
    t = np.arange(-50.0, 51.0)
    there_and_back = 40 + np.append(np.full(300, -0.1), -0.1 * (t / 50) ** 2)  # moves away and returns to where it was
    settled, drift, _ = describe_path(there_and_back)
    assert not settled and drift == pytest.approx(100 * np.log(39.9 / 40), rel=1e-6)


def test_a_few_periods_at_a_turn_are_no_rest(ks):
    for periods in (2, 3):
        found = ks.risky_steady_state(z="bad", periods=periods)
        K = found.path.K.values[0]
        assert not found.settled and found.drift == pytest.approx(100 * np.log(K[-1] / K[0]))
        assert f"after {periods} periods and moves by" in str(found) and f"% in the last {periods - 1};" in str(found)


def test_capital_at_rest_has_not_settled_while_those_who_own_it_are_moving():
    solution = make("brock_mirman")
    simulate = solution._simulate

    def with_owners(*arguments):
        path, last = simulate(*arguments)
        solution.economy.tracked = "B"
        rest = xarray.ones_like(path.K)
        return path.assign(K=0.2 * rest, B=rest * np.linspace(1, 1.01, path.sizes["period"])), last

    solution._simulate = with_owners
    found = solution.risky_steady_state(periods=201)
    assert not found.settled and found.drift == pytest.approx(100 * np.log(1.01 / 1.005), rel=1e-6)


def test_the_ergodic_mean_counts_states_by_how_often_they_are():
    solution = make("brock_mirman")
    bad, good = solution.ergodic.mean(solution.ergodic.k)[:, 0].tolist()
    solution.economy.chain = JointChain([[0.9, 0.1], [0.3, 0.7]], n_z=2, n_eps=1)
    found = solution.risky_steady_state(periods=2).ergodic
    assert bad < good and found == pytest.approx(0.75 * bad + 0.25 * good, rel=1e-9)


def test_what_is_refused_in_one_line(ks):
    refused(lambda: ks.risky_steady_state(z="ugly"), "ugly", "'bad'")
    refused(lambda: ks.risky_steady_state(z="bad", periods=1), "periods", "at least 2")
    for z in ([0, 1], ["bad", "good", "bad"], np.ones((2, 2)), [[0], [0, 1]]):
        refused(lambda: ks.risky_steady_state(z=z, periods=2), "z:", "expected")


def test_without_capital_the_price_that_clears_is_followed():
    """Who spends the share s of what they can buys (1 - s) (m / q - b_min) more than b_min. Nobody holds anything on
    average, so that q = (1 - s) Y / (-s b_min)."""
    economy, share = economics.create("huggett"), 0.5
    grid = wealth_grid(economy, 200, 8.0)
    nobody = on_grid(grid, Population.panel(torch.zeros(1, 1).double(), torch.zeros(1, 1, dtype=torch.long)), 1)
    mass = (economy.chain.stationary_eps().reshape(-1, 1) * nobody.weight).reshape(1, -1)
    solved = SolvedEconomy(
        "huggett",
        economy,
        lambda seen: share * economy.spendable(seen),
        None,
        grid,
        mass,
        **economy.chain.kept(economy.chain.typical_z()),
    )
    found = solved.risky_steady_state(periods=120)
    Y = found.path.Y.values[0]
    assert found.variable == "q" and found.settled and str(found).startswith("q settles at")
    assert found.level == pytest.approx((1 - share) * Y[-1] / (-share * economy.b_min), rel=1e-6)
    assert found.deterministic is None and found.ergodic == pytest.approx(found.level, rel=0.05)
