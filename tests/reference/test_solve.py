"""The fixed point: Brock-Mirman's exactly known law of motion, Krusell-Smith's published one, and what is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from deepham import economics
from deepham.errors import InputError, NotConverged
from deepham.reference import law_of_motion
from deepham.reference.at_rest import root
from deepham.reference.laws import lines
from deepham.reference.settings import ReferenceSettings, settings_for
from deepham.reference.solve import _doubling, _halved, _solve, solve_reference, takes_long

SMALL = ReferenceSettings(
    k_nodes=150,
    K_nodes=15,
    K_width=0.25,
    top=8.0,
    histogram_nodes=300,
    economies=2,
    burn_in=300,
    periods=1500,
    tolerance=1e-5,
    damping=0.25,
    iterations=60,
    seed=1,
)
TINY = replace(SMALL, k_nodes=40, K_nodes=5, histogram_nodes=60, burn_in=50, periods=300, tolerance=1e-3)


def check_published_law(law, level, slope):
    """log K' = 0.124842 + 0.965287 log K in the bad state, 0.137739 + 0.963242 log K in the good one."""
    for z, (a, b) in enumerate(((0.124842, 0.965287), (0.137739, 0.963242))):
        assert float(law.slope[z]) == pytest.approx(b, abs=slope)
        for K in (37, 39.4, 42):
            found = float(law(torch.tensor([K], dtype=torch.float64), torch.tensor([z])).log())
            assert found == pytest.approx(a + b * math.log(K), abs=level)


@pytest.fixture(scope="module")
def small():
    return solve_reference(economics.create("ks98"), SMALL)


@pytest.mark.slow
def test_law_of_motion_is_the_published_one(small):
    """2 economies x 1500 periods: K has an sd of 2.5 %, and R2 = 1 - 2e-6 leaves little room for sampling error."""
    check_published_law(small.law, level=1e-4, slope=1e-3)
    assert float(small.r_squared.min()) > 0.99999


@pytest.mark.slow
def test_measures_of_ks98(small):
    measures = small.measures
    assert measures["mean_K"] == pytest.approx(39.41, rel=0.01)  # the sampling error of so short a path
    # 0.278 and 20.4 on more nodes of the histogram and longer paths: that of 300 spreads wealth out by a percent
    assert measures["gini"] == pytest.approx(0.281, abs=0.005)
    assert measures["wealth_sd"] == pytest.approx(20.6, rel=0.025)
    assert measures["top_mass"] < 1e-6
    assert measures["euler.mean"] < 0.01  # percent of consumption
    assert measures["bellman_policy.mean"] < 3e-4  # utils
    assert measures["forecast.mean"] < 0.1  # percent


@pytest.mark.slow
def test_start_is_the_average_cross_section(small):
    start = small.start
    assert start.k.shape == (1, 2 * SMALL.histogram_nodes)
    assert float(start.weight.sum()) == pytest.approx(1)
    # histograms keep the mean, so that it is that of K up to how the economies weigh in
    assert float(start.mean(start.k)) == pytest.approx(small.measures["mean_K"], rel=1e-6)


@pytest.mark.slow
def test_law_of_motion_at_full_size():
    settings = replace(SMALL, k_nodes=300, K_nodes=21, histogram_nodes=600, burn_in=500, periods=3000, tolerance=1e-6)
    solution = solve_reference(economics.create("ks98"), settings)
    check_published_law(solution.law, level=5e-5, slope=5e-4)
    assert float(solution.r_squared.min()) > 0.99999
    assert solution.measures["mean_K"] == pytest.approx(39.41, rel=0.005)
    assert solution.measures["euler.mean"] < 0.005
    assert solution.measures["bellman_policy.mean"] < 2e-4
    assert solution.measures["forecast.mean"] < 0.1


def test_brock_mirmans_law_of_motion_is_found(bm):
    """K' = alpha beta z K^alpha. Relative wealth has no ergodic distribution, and the lottery spreads it, until the
    poorest reach the lowest node: a short path.
    """
    settings = replace(SMALL, K_nodes=81, burn_in=20, periods=200, tolerance=1e-6)
    solution = solve_reference(bm, settings)
    for z, level in enumerate(bm.productivity):
        assert float(solution.law.intercept[z]) == pytest.approx(math.log(bm.alpha * bm.beta * level), abs=1e-4)
        assert float(solution.law.slope[z]) == pytest.approx(bm.alpha, abs=1e-4)
    assert solution.measures["euler.mean"] < 0.01


@pytest.mark.slow
def test_one_seed_is_one_solution_and_the_global_generator_is_left_alone(ks98):
    before = torch.get_rng_state()
    seen = []
    first = solve_reference(ks98, TINY, progress=lambda *report: seen.append(report))
    second = solve_reference(ks98, TINY)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.law.intercept, second.law.intercept) and torch.equal(first.law.slope, second.law.slope)
    assert not torch.equal(first.law.slope, solve_reference(ks98, replace(TINY, seed=2)).law.slope)
    assert [report[0] for report in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][1] < TINY.tolerance


@pytest.mark.parametrize(
    "field, value",
    [
        ("k_nodes", 19),
        ("K_nodes", 1),
        ("K_width", 0.0),
        ("K_width", 1.0),
        ("K_width", math.nan),
        ("top", 1.9),
        ("histogram_nodes", 19),
        ("economies", 0),
        ("burn_in", -1),
        ("periods", 99),
        ("tolerance", 0.0),
        ("damping", 0.0),
        ("damping", 1.1),
        ("iterations", 0),
        ("seed", -1),
    ],
)
def test_settings_out_of_range_are_refused(ks98, field, value):
    with pytest.raises(InputError, match=rf"^reference\.{field}: expected .*, got {value}"):
        solve_reference(ks98, replace(TINY, **{field: value}))


def test_prices_that_depend_on_more_than_capital_are_refused(ks98):
    state = ks98.steady_state()
    ks98.steady_state = lambda: state | {"B": 1.0}
    with pytest.raises(InputError, match="prices depend on K alone, this one has the aggregates B, K"):
        solve_reference(ks98, TINY)


def test_a_fixed_point_that_is_not_found_says_what_to_try(ks98):
    with pytest.raises(NotConverged, match="still moves by .* after 4 iterations; try a smaller reference.damping"):
        solve_reference(ks98, replace(TINY, tolerance=1e-12, iterations=4))


def test_a_path_that_misses_a_state_is_refused_before_anything_is_solved(ks98, monkeypatch):
    monkeypatch.setattr(law_of_motion, "HouseholdProblem", None)
    draw = ks98.chain.draw_path
    ks98.chain.draw_path = lambda *arguments: torch.zeros_like(draw(*arguments))
    with pytest.raises(
        InputError, match=r"reference\.periods: the path is in state 1 of the aggregate shock only 0 times"
    ):
        solve_reference(ks98, TINY)


def test_a_search_that_ends_in_nan_has_not_converged(ks98, monkeypatch):
    follow = law_of_motion.ergodic_path

    def lost(*arguments, **others):
        found = follow(*arguments)
        return replace(found, K=torch.full_like(found.K, math.nan))

    monkeypatch.setattr(law_of_motion, "ergodic_path", lost)
    with pytest.raises(NotConverged, match="the law of motion of iteration 1 leads to economies that are NaN"):
        solve_reference(ks98, TINY)
    with pytest.raises(NotConverged, match="there is no solution at .* between -2 and 3"):
        root(lambda x: x if abs(x) > 1 else math.nan, -2.0, 3.0, 1e-6)


def test_a_line_through_the_points_of_each_state_and_how_well_it_fits(seeded):
    x, noise = torch.randn((2, 200), generator=seeded(), dtype=torch.float64)
    z = torch.arange(200) % 2
    y = 3 + x * torch.tensor([0.5, -2.0], dtype=torch.float64)[z] + noise
    (level_0, level_1, *slopes), fits = lines(x, y, z)
    for index, level, slope in zip((0, 1), (level_0, level_1), slopes):
        here = (z == index).numpy()
        expected = np.polyfit(x.numpy()[here], y.numpy()[here], 1)
        assert (float(slope), float(level)) == pytest.approx(tuple(expected), rel=1e-9)
        assert float(fits[index]) == pytest.approx(np.corrcoef(x.numpy()[here], y.numpy()[here])[0, 1] ** 2, rel=1e-9)


@pytest.mark.slow
def test_doubling_is_the_distance_to_half_as_many_nodes_in_percent(ks98):
    half = _halved(TINY)
    assert (half.k_nodes, half.K_nodes, half.histogram_nodes) == (20, 3, 30)
    assert replace(half, k_nodes=40, K_nodes=5, histogram_nodes=60) == TINY
    fine = _solve(ks98, TINY, None)
    coarse = replace(
        fine,
        policy=replace(fine.policy, values=1.02 * fine.policy.values, most=None),
        ergodic=replace(fine.ergodic, K=0.99 * fine.ergodic.K),
    )
    found = _doubling(ks98, replace(fine, policy=replace(fine.policy, most=None)), coarse)
    path_gap = -100 * math.log(0.99)
    assert found == pytest.approx(
        {"doubling.mean_K": 1, "doubling.path_gap": path_gap, "doubling.wealth_sd": 0, "doubling.consumption": 2}
    )


def test_three_hundred_states_with_aggregate_risk_are_not_solved_in_passing():
    economy, grid = economics.create("life_cycle"), settings_for("life_cycle", {"k_nodes": 200, "K_nodes": 21})
    assert "its grid has 2,520,000 points (z x eps x K x k) and takes long" in str(takes_long(economy, grid))
    assert takes_long(economy.without_aggregate_risk(), grid) is None  # backward induction is fast
    for name in ("ks98", "ks98_beta", "olg6", "ks98_ar1"):
        assert takes_long(economics.create(name), settings_for(name)) is None
