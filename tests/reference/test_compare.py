"""Faults planted in the grid solution: each is caught by the measure that is made for it."""

import copy
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from scipy.stats import wasserstein_distance

from deepham import economics
from deepham.algorithm.ergodic import pooled
from deepham.algorithm.evaluation import distribution_measures, error_measures
from deepham.economics.planner import under
from deepham.errors import InputError
from deepham.measures.verdict import BAR_SETS
from deepham.reference.compare import OF_WEALTH, compare, wasserstein, welfare_gap
from deepham.reference.equations import equations
from deepham.reference.settings import ReferenceSettings
from deepham.reference.store import find
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import World
from deepham.simulation.population import Population
from deepham.solution.loading import load
from deepham.system.paths import conf_folder

BURN_IN, PERIODS = 1500, 2500


def standard() -> ReferenceSettings:
    return ReferenceSettings(**yaml.safe_load((conf_folder() / "reference/standard.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def economy():
    return economics.create("ks98")


@pytest.fixture(scope="module")
def reference(economy):
    return find("ks98", economy, standard(), store=None)


@pytest.fixture(scope="module")
def z_path(economy):
    return economy.chain.draw_path(torch.tensor([[1]]), PERIODS, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def scaled(economy, reference, z_path):
    """The reference's policy with one percent less consumption, and what is measured of it."""

    def policy(seen):
        return 0.99 * reference.policy_function(seen)

    candidate, _, gaps = compare(World(economy, policy), reference, z_path, BURN_IN, 5)
    return gaps | error_measures(World(economy, policy, reference.value_function), candidate.dates, searched=50)


def test_the_shipped_solution_is_found_and_lands_on_the_published_law_of_motion(economy, reference):
    """What a finer solution forecasts, to a thousandth of a percent three sds to either side of mean K."""
    assert reference is not None
    log_K = torch.linspace(36.4, 42.4, 5, dtype=torch.float64).log()[:, None]
    finer = torch.tensor([0.124842, 0.137739]) + torch.tensor([0.965287, 0.963242]) * log_K
    found = reference.law.intercept + reference.law.slope * log_K
    torch.testing.assert_close(found, finer, rtol=0, atol=1e-5)
    assert (reference.r_squared > 0.99999).all()
    measures = reference.measures
    assert measures["mean_K"] == pytest.approx(39.41, rel=0.001)
    # 20.1 and 0.275 on finer grids whose functions are lines between nodes, which come to these as nodes are added
    assert measures["wealth_sd"] == pytest.approx(20.35, rel=0.01)
    assert measures["gini"] == pytest.approx(0.2775, abs=0.003)
    assert measures["euler.mean"] < 0.002 and measures["bellman_policy.mean"] < 0.0003
    assert measures["forecast.mean"] < 0.1 and measures["forecast.max"] < 0.5


def test_the_reference_has_no_distance_to_itself(economy, reference, z_path):
    gaps = compare(reference.on_nodes, reference, z_path[:, :200], 50, 2)[2]
    assert gaps == dict.fromkeys(gaps, 0.0)


def test_one_percent_less_consumption_shows_in_capital_and_hardly_in_euler_errors(scaled):
    assert scaled["mean_K_gap"] > 5 * 0.3 and scaled["path_gap.mean"] > 5 * 0.3  # five times their bars
    assert scaled["wealth_w1"] > 4  # its bar
    assert scaled["path_gap.max"] >= scaled["path_gap.mean"]
    assert scaled["euler.mean"] < 0.05, "the trap: nothing of it is seen by a measure of single choices"


def test_following_a_wrong_policy_costs_welfare(economy, reference, scaled, z_path):
    """Of second order, by too little consumption or too much, and on a path of whatever length and luck."""

    def cost(factor, path):
        return welfare_gap(World(economy, lambda seen: factor * reference.policy_function(seen)), reference, path)

    assert scaled["welfare_gap"] == pytest.approx(0.005, rel=0.1)
    assert cost(1.01, z_path[:, :101]) == pytest.approx(0.005, rel=0.15)
    luck = economy.chain.draw_path(torch.tensor([[0]]), 201, torch.Generator().manual_seed(1))
    for path in (z_path[:, :2], z_path[:, :10], z_path[:, :51], z_path[:, :201], luck):
        assert cost(0.97, path) == pytest.approx(0.045, rel=0.1), path.shape
    assert math.isnan(cost(0.97, z_path[:, :1])), "nothing is seen of what a single period leads to"


@pytest.mark.parametrize("periods", [2, 30])
@pytest.mark.parametrize("factor", [0.5, 0.97, 1.0, 1.1])
def test_the_cost_of_a_constant_share_is_that_of_the_closed_form(bm, closed_form, periods, factor):
    """With log c = log(f (1-beta) m) and m' = R (1 - f (1-beta)) m the loss is -log f/(1-beta) - beta/(1-beta)^2 log
    s/beta."""
    nodes = wealth_grid(bm, 3000, 4.0)
    start = on_grid(
        nodes, Population.panel(torch.tensor([[0.1, 0.15, 0.3]]).double(), torch.zeros(1, 3, dtype=torch.long)), 1
    )
    world = World(bm, closed_form.policy, closed_form.value)
    known = SimpleNamespace(grid=nodes, start=start, z=None, on_nodes=world)
    path = bm.chain.draw_path(torch.tensor([[1]]), periods, torch.Generator().manual_seed(0))
    found = welfare_gap(World(bm, lambda seen: factor * closed_form.policy(seen)), known, path)
    saved = (1 - factor * 0.05) / 0.95
    assert found == pytest.approx(100 * (1 - factor * saved ** (0.95 / 0.05)), rel=0.02, abs=1e-10)


def test_a_shifted_value_shows_in_the_bellman_error_alone(economy, reference, z_path):
    candidate = compare(reference.world, reference, z_path[:, :60], 20, 4)[0]

    def shifted(seen):
        return reference.value_function(seen) + 1.0

    right = error_measures(reference.world, candidate.dates, searched=50)
    wrong = error_measures(World(economy, reference.policy_function, shifted), candidate.dates, searched=50)
    assert wrong["bellman_policy.mean"] == pytest.approx(0.01, abs=0.0005) and right["bellman_policy.mean"] < 0.0005
    assert wrong["euler.mean"] == right["euler.mean"]


def test_a_wrong_slope_and_a_wrong_kink_show_in_euler_errors(economy, reference, z_path):
    dates = compare(reference.world, reference, z_path[:, :60], 20, 4)[0].dates

    def steep(seen):
        return reference.policy_function(seen) * (seen.k / 40 + 0.1) ** 0.01

    def kinked(seen):
        return torch.minimum(reference.policy_function(seen), 0.5 * seen.resources)

    right, *wrong = (
        error_measures(World(economy, policy, reference.value_function), dates, searched=50)
        for policy in (reference.policy_function, steep, kinked)
    )
    assert wrong[0]["euler.mean"] > 10 * right["euler.mean"]
    assert wrong[1]["euler.max"] > 10 and right["euler.max"] < 2


def test_a_narrower_cross_section_shows_in_the_distance_of_distributions(reference):
    nodes = reference.grid
    mass = reference.start.weight.reshape(2, -1).sum(0)
    mean = float((mass * nodes).sum())
    narrow = torch.zeros_like(mass)
    index = torch.searchsorted(nodes, mean + 0.9 * (nodes - mean)).clamp_max(len(nodes) - 1)
    narrow.index_add_(0, index, mass)
    assert wasserstein(nodes, narrow, mass) / mean > 0.02


def test_a_solution_of_another_calibration_is_refused_by_the_first_parameter_that_differs(reference, z_path):
    other = economics.create("ks98", alpha=0.35, delta=0.03)
    with pytest.raises(InputError, match=r"solved for alpha=0\.36, the solution is of alpha=0\.35"):
        compare(World(other, reference.policy_function), reference, z_path[:, :50], 0, 2)
    without = copy.copy(reference)
    without.economy = economics.create("jfv")  # states a rate in place of beta
    with pytest.raises(InputError, match="solved for beta=not among its parameters"):
        compare(World(economics.create("ks98"), reference.policy_function), without, z_path[:, :50], 0, 2)


def test_a_solution_of_another_objective_or_of_other_equations_is_refused(reference, z_path):
    davila = economics.create("davila12")
    market, changed = copy.copy(reference), copy.copy(reference)
    market.economy, market.equations, changed.equations = davila, equations(davila), "those of yesterday"
    with pytest.raises(InputError, match="solved for objective=market, the solution is of objective=planner"):
        compare(World(under(davila, "planner"), reference.policy_function), market, z_path[:, :50], 0, 2)
    with pytest.raises(InputError, match="solved for other equations than the economy has now"):
        compare(
            World(economics.create("ks98"), reference.policy_function),
            changed,
            z_path[:, :50],
            0,
            2,
        )


@pytest.mark.parametrize("factor", [0.99, 1.01])
def test_the_gap_of_a_path_counts_above_and_below(economy, reference, z_path, factor):
    candidate, truth, gaps = compare(
        World(economy, lambda seen: factor * reference.policy_function(seen)), reference, z_path[:, :40], 10, 2
    )
    gap = 100 * (candidate.K.log() - truth.K.log()).abs()
    assert gaps["path_gap.mean"] == pytest.approx(float(gap.mean())) and gaps["path_gap.max"] == pytest.approx(
        float(gap.max())
    )
    assert (gaps["mean_K_gap"] > 0.1) == (factor < 1) and gaps["path_gap.mean"] > 0.1
    ours, theirs = distribution_measures(candidate), distribution_measures(truth)
    for name in OF_WEALTH:
        assert gaps[f"{name}_gap"] == pytest.approx(100 * (ours[name] - theirs[name]) / theirs[name], rel=1e-9)
    assert gaps["wealth_w1"] == pytest.approx(
        100 * wasserstein(reference.grid, pooled(candidate), pooled(truth)) / theirs["mean_K"], rel=1e-9
    )


@pytest.mark.parametrize("seed", range(3))
def test_wasserstein_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    nodes, (mass, other) = rng.exponential(size=30).cumsum(), rng.exponential(size=(2, 30))
    mass, other = mass / mass.sum(), other / other.sum()
    found = wasserstein(*(torch.tensor(each) for each in (nodes, mass, other)))
    assert found == pytest.approx(wasserstein_distance(nodes, nodes, mass, other), rel=1e-12)


def test_wasserstein_of_a_shift_is_the_shift():
    nodes = torch.tensor([0.0, 1.0, 3.0, 4.0])
    assert wasserstein(nodes, torch.tensor([0.5, 0.0, 0.5, 0.0]), torch.tensor([0.0, 0.5, 0.0, 0.5])) == 1.0


def test_equal_policies_have_equal_paths_and_another_calibration_has_no_shipped_solution(economy, reference, z_path):
    candidate, truth, _ = compare(reference.world, reference, z_path[:, :50], 0, 2)
    torch.testing.assert_close(candidate.K, truth.K, rtol=1e-12, atol=0)  # interpolated in another order of operations
    assert find("ks98", economics.create("ks98", beta=0.985), standard(), store=None) is None


@pytest.mark.slow
def test_the_evaluation_of_a_shipped_solution_is_stable(economy, reference, z_path):
    """To the bit when repeated, and at the goal of every comparison on a path it was not measured on."""
    solution = load("ks98")
    first, again = (
        compare(World(economy, solution.policy_function), reference, z_path[:, :200], 50, 5)[2] for _ in range(2)
    )
    assert first == again
    first = compare(World(economy, solution.policy_function), reference, z_path, BURN_IN, 5)[2]
    for name in ("mean_K_gap", "path_gap.mean", "path_gap.max", "wealth_sd_gap", "wealth_w1"):
        assert abs(first[name]) < BAR_SETS["quick"][name][1], name
    assert abs(first["welfare_gap"]) < 0.0001  # the reference's own error decides its sign
