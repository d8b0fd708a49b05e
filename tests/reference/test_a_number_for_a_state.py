"""An aggregate state that is a number: financial frictions on the grid, against another method and against plain
numbers."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.interpolate import PchipInterpolator
from scipy.sparse import coo_matrix, diags, eye, kron
from scipy.sparse.linalg import spsolve

from benchmarks.many_shocks import many_shocks
from deepham import economics
from deepham.errors import InputError, NotConverged
from deepham.reference import solve, store
from deepham.reference.compare import compare
from deepham.reference.families import family_of
from deepham.reference.forecasts import PolynomialLaw
from deepham.reference.grid import Grid, GridFunction
from deepham.reference.household import HouseholdProblem, aggregates_at
from deepham.reference.law_of_motion import forecast_errors, solve_law_of_motion
from deepham.reference.laws import Polynomials
from deepham.reference.settings import ReferenceSettings
from deepham.reference.solve import has_aggregate_risk, no_grid, solve_reference
from deepham.reference.stationary import solve_stationary
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

REST = ReferenceSettings(
    k_nodes=150,
    K_nodes=5,
    K_width=0.1,
    top=5.0,
    histogram_nodes=200,
    economies=1,
    burn_in=0,
    periods=100,
    tolerance=1e-7,
    damping=0.25,
    iterations=60,
    seed=1,
)
# with steps of a year, which households look through five times as fast
SMALL = replace(
    REST,
    k_nodes=60,
    K_nodes=8,
    top=10.0,
    histogram_nodes=80,
    economies=4,
    burn_in=150,
    periods=300,
    tolerance=1e-6,
    z_nodes=7,
    box=[[0.4, 3.0], [1.0, 4.0]],
    order=2,
)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def without_shocks(**overrides):
    return economics.create("jfv", **{"sigma": 0.0, "stated_assets": 1.87, "stated_net_worth": 1.82} | overrides)


# -- without shocks ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rest():
    economy = without_shocks()
    return economy, solve_stationary(economy, REST)


def between(points, nodes, values):
    """The monotone cubic; below the first node all is consumed, and what is beyond the last is worked out elsewhere."""
    return PchipInterpolator(nodes, values)(np.clip(points, nodes[0], nodes[-1]))


def plain_assets(e, k, nodes):
    """What households hold on average at r = rho_hat: endogenous grid points, and the histogram's balance as a sparse
    system."""
    K = (e.alpha / (e.delta + e.rho_hat)) ** (1 / (1 - e.alpha))
    income = e.dt * (1 - e.alpha) * K**e.alpha * np.array([e.low, 1 + e.losing / e.finding * (1 - e.low)])
    R, beta = 1 + e.dt * e.rho_hat, 1 / (1 + e.dt * e.rho)
    chances = np.array([[1 - e.dt * e.finding, e.dt * e.finding], [e.dt * e.losing, 1 - e.dt * e.losing]])
    m = R * k + income[:, None]
    c = m / 2
    for _ in range(4000):
        chosen = (beta * R * chances @ c**-2.0) ** -0.5
        new = np.stack([np.minimum(between(m[i], chosen[i] + k, chosen[i]), m[i]) for i in range(2)])
        for i in range(2):  # beyond the last node as between the last two
            beyond = m[i] > chosen[i, -1] + k[-1]
            slope = (chosen[i, -1] - chosen[i, -2]) / (chosen[i, -1] + k[-1] - chosen[i, -2] - k[-2])
            new[i, beyond] = chosen[i, -1] + slope * (m[i, beyond] - chosen[i, -1] - k[-1])
        change, c = np.abs(new / c - 1).max(), new
        if change < 1e-10:
            break
    g = len(nodes)
    rows, columns, values = [], [], []
    for i in range(2):
        saved = R * nodes + income[i] - between(nodes, k, c[i])
        above = np.clip(np.searchsorted(nodes, saved, side="right"), 1, g - 1)
        share = np.clip((saved - nodes[above - 1]) / (nodes[above] - nodes[above - 1]), 0, 1)
        for j in range(2):
            for node, mass in ((above, share), (above - 1, 1 - share)):
                rows.append(j * g + node), columns.append(i * g + np.arange(g)), values.append(chances[i, j] * mass)
    moves = coo_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(2 * g, 2 * g))
    over = np.concatenate(
        [np.maximum(R * nodes + income[i] - between(nodes, k, c[i]) - nodes[-1], 0) for i in range(2)]
    )
    height = np.append(nodes[:-1], 0.0)  # of what would be held beyond the top everybody below has a share
    rate = 0.0
    for _ in range(20):
        share = rate * height / np.append(np.diff(nodes), 1.0)
        rises = kron(eye(2), eye(g) + diags([share[:-1], -share], [-1, 0], shape=(g, g)))
        balance = (rises @ moves.tocsr() - eye(2 * g)).tolil()
        balance[-1] = 1.0
        mass = spsolve(balance.tocsc(), np.eye(2 * g)[-1])
        rate = mass @ over / (moves @ mass @ np.tile(height, 2))
    return mass @ np.tile(nodes, 2), K, c


def test_where_the_economy_rests_is_what_another_program_finds(rest):
    economy, found = rest
    k, nodes = found.policy.grid.k.numpy(), found.ergodic.grid.numpy()
    B, K, c = plain_assets(economy, k, nodes)
    assert float(found.ergodic.K[0, -1]) == pytest.approx(B, rel=1e-5)
    assert float(found.ergodic.z[0, -1, 0]) == pytest.approx(K - B, rel=1e-5)
    np.testing.assert_allclose(found.policy.values[1, :, 1].numpy(), c, rtol=1e-6)


def test_the_rest_is_near_the_published_one(rest):
    """B 1.8718 and W 1.8215 in continuous time. Households hold much more if interest rises a little, and what they
    hold here falls by some 2 % as nodes are added.
    """
    economy, found = rest
    B, W = float(found.ergodic.K[0, -1]), float(found.ergodic.z[0, -1, 0])
    assert B == pytest.approx(1.8718, rel=0.03) and W == pytest.approx(1.8215, rel=0.03)
    assert B + W == pytest.approx(1.8718 + 1.8215, rel=1e-4)  # alpha K^(alpha-1) - delta = rho_hat


def test_at_rest_nothing_moves(rest):
    economy, found = rest
    assert not has_aggregate_risk(economy) and has_aggregate_risk(economics.create("jfv"))
    assert float(found.ergodic.K.std()) < 1e-9 and float(found.ergodic.z.std()) < 1e-9
    assert float(forecast_errors(economy, found.law, found.ergodic, found.shocks).max()) < 1e-6


# -- the household's problem -------------------------------------------------------------------------------------------

LAW = PolynomialLaw(tensor([0.002, -0.04, -0.03]), tensor([math.log(1.2), 2.4]))


@pytest.fixture(scope="module")
def yearly():
    """Steps of a year."""
    return economics.create("jfv", dt=1.0)


@pytest.fixture(scope="module")
def problem(yearly):
    grid = Grid(
        12 * torch.linspace(0, 1, 100, dtype=torch.float64) ** 3,
        torch.linspace(0.6, 2.2, 12, dtype=torch.float64),
        torch.linspace(1.4, 3.4, 9, dtype=torch.float64),
        "B",
    )
    return HouseholdProblem(yearly, LAW, grid)


def test_the_euler_equation_holds_in_plain_numbers_between_the_nodes(yearly, problem):
    """c* = min(1 / sqrt(beta E[R' c'^-2]), m) with W' by its own law of motion at the three Gauss-Hermite nodes."""
    e, consumption = yearly, problem.consumption()
    policy = GridFunction(problem.grid, consumption, problem.economy.spendable)

    def at(k, eps, B, W):
        households = Population.panel(tensor([[B]]), torch.zeros(1, 1, dtype=torch.long))
        seen = World(e).observe(Panel(households, tensor([[W]])), k=tensor([[k]]), eps=torch.tensor([[eps]]))
        return float(seen.resources), float(policy(seen))

    def interest(B, W):
        return e.alpha * (B + W) ** (e.alpha - 1) - e.delta - e.sigma**2 * (B + W) / W

    earnings = [e.low, 1 + e.losing / e.finding * (1 - e.low)]
    chances = [[1 - e.finding, e.finding], [e.losing, 1 - e.losing]]
    errors = []
    for k, eps, B, W in (
        (0.02, 0, 1.05, 2.3),
        (0.5, 0, 1.3, 2.55),
        (0.8, 1, 0.93, 2.83),
        (2.2, 1, 1.6, 1.9),
        (6.1, 0, 1.31, 2.4),
    ):
        m, c = at(k, eps, B, W)
        K = B + W
        assert m == pytest.approx((1 + interest(B, W)) * k + (1 - e.alpha) * K**e.alpha * earnings[eps], rel=1e-12)
        B_next = B * math.exp(0.002 - 0.04 * math.log(B / 1.2) - 0.03 * (W - 2.4))
        growth = e.alpha * K ** (e.alpha - 1) - e.delta - e.rho_hat - e.sigma**2 * (1 - K / W) * K / W
        marginal = 0.0
        for shock, weight in ((-math.sqrt(3), 1 / 6), (0.0, 2 / 3), (math.sqrt(3), 1 / 6)):
            W_next = W + growth * W + e.sigma * K * shock
            for j in range(2):
                marginal += (
                    weight * chances[eps][j] * (1 + interest(B_next, W_next)) * at(m - c, j, B_next, W_next)[1] ** -2
                )
        errors.append(abs(c / min((e.beta * marginal) ** -0.5, m) - 1))
    assert max(errors) < 1e-3 and sum(errors) / len(errors) < 3e-4, errors


def test_beyond_its_nodes_a_state_counts_as_at_the_last(problem):
    grid, one = problem.grid, tensor([[1.0], [1.0], [1.0]])
    outside, ends = (grid.corners(z, one) for z in (tensor([[0.1], [2.0], [9.0]]), tensor([[1.4], [2.0], [3.4]])))
    assert outside.places.shape == (3, 16)
    assert torch.equal(outside.places, ends.places) and torch.equal(outside.weights, ends.weights)
    torch.testing.assert_close(outside.weights.sum(1), torch.ones(3, dtype=torch.float64), rtol=0, atol=1e-14)


def test_a_cubic_of_z_and_log_k_is_exact_between_the_nodes(problem):
    grid = problem.grid

    def surface(z, eps, K, k):
        x = K.log()
        return 1 + 2 * z - 0.3 * z**3 + eps + (3 - z**2) * x**3 + 0.5 * k * (1 + z * x)

    z, eps = grid.z[:, None, None, None], torch.arange(2)[:, None, None]
    function = GridFunction(grid, surface(z, eps, grid.K[:, None], grid.k), None)
    k, eps = tensor([[0.3, 1.0, 2.3], [0.0, 2.2, 3.1]]), torch.tensor([[0, 1, 1], [1, 0, 1]])
    seen = World(problem.economy).observe(Panel(Population.panel(k, eps), tensor([[1.5], [3.3]])))
    expected = surface(seen.z, eps, seen.aggregates["B"], k)
    torch.testing.assert_close(function(seen), expected, rtol=1e-11, atol=1e-11)
    poor = torch.zeros(2, 2, 100, dtype=torch.float64)
    poor[:, :, 30:60] = 1 / 60
    asked = World(problem.economy).observe(Panel(Population.histogram(grid.k, poor), tensor([[1.5], [3.3]])))
    assert 0.6 < float(asked.aggregates["B"][0]) < 2.2
    torch.testing.assert_close(function.on_histogram(grid.k)(asked), function(asked), rtol=1e-11, atol=1e-11)


# -- the law of motion -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(yearly):
    return solve._conclude("jfv", yearly, solve_law_of_motion(yearly, SMALL), {})  # grids are doubled in a slow test


@pytest.mark.slow
def test_households_forecast_what_they_bring_about(yearly, small):
    """On another path than the law was found on: from each period to the next to a hundredth of a percent or so."""
    shocks = yearly.chain.draw_path(small.z, 500, torch.Generator().manual_seed(5))
    candidate, truth, gaps = compare(World(yearly, small.policy_function), small, shocks, 100, 4)
    expected = small.law(truth.K[:, :-1], truth.z[:, :-1, 0])
    error, step = (expected / truth.K[:, 1:]).log().abs(), truth.K.log().diff(dim=1).abs()
    assert float(error.mean()) < 0.1 * float(step.mean()) and float(error.max()) < 0.002
    assert float(small.r_squared) > 0.97
    assert max(abs(gap) for gap in gaps.values()) < 1e-6, "it has no distance to itself"
    assert float(candidate.z.std()) > 0.05


def test_how_well_a_polynomial_fits_is_told_of_growth(seeded):
    """The share of the variance of log K'/K that least squares explain, by NumPy's."""
    K, z = (1 + torch.rand((2, 60), generator=seeded(seed), dtype=torch.float64) for seed in (1, 2))
    laws = Polynomials(Grid(tensor([1.0]), tensor([1.2, 1.7]), tensor([1.1, 1.9])), 1, 1)
    found, fit = laws.regress(SimpleNamespace(K=K, z=z[..., None]))
    x, y = K[:, :-1].log() - laws.centre[0], z[:, :-1] - laws.centre[1]
    x, y, growth = (each.flatten().numpy() for each in (x, y, K.log().diff(dim=1)))
    terms = np.stack([np.ones_like(x), x, y], 1)
    expected, (left,), *_ = np.linalg.lstsq(terms, growth)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)
    assert float(fit) == pytest.approx(1 - left / (len(growth) * growth.var()), rel=1e-9)


@pytest.mark.slow
def test_measures_of_the_small_solution(small):
    measures = small.measures
    assert measures["euler.mean"] < 0.02 and measures["bellman_policy.mean"] < 0.001
    assert measures["forecast.mean"] < 1.5 and measures["top_mass"] < 1e-4
    assert 1.0 < measures["mean_K"] < 1.5 and float(small.z) == pytest.approx(2.48, abs=0.2)


@pytest.mark.slow
def test_doubling_the_grids_is_measured(yearly, small):
    doubled = solve_reference(yearly, SMALL).measures
    # found from half of the nodes, the same equilibrium to the tolerance
    of_both = {name: doubled[name] for name in small.measures}
    assert of_both == pytest.approx(small.measures, rel=0.02, abs=1e-5)
    assert 0 < doubled["doubling.consumption"] < 0.3 and 0 < doubled["doubling.mean_K"] < 10


@pytest.mark.slow
def test_the_forecast_iterates_the_number_with_mean_assets(yearly, small):
    """In plain loops."""
    truth = solve_law_of_motion(yearly, replace(SMALL, order=1, tolerance=0.5, iterations=4, periods=100, burn_in=20))
    law, shocks = truth.law, truth.shocks
    errors = forecast_errors(yearly, law, truth.ergodic, shocks)
    B, W = float(truth.ergodic.K[0, 0]), float(truth.ergodic.z[0, 0, 0])
    e, (a, b, c) = yearly, law.coefficients.tolist()
    for t in range(1, 60):
        K = B + W
        growth = e.alpha * K ** (e.alpha - 1) - e.delta - e.rho_hat - e.sigma**2 * (1 - K / W) * K / W
        B_next = B * math.exp(a + b * (math.log(B) - float(law.centre[0])) + c * (W - float(law.centre[1])))
        W, B = W + growth * W + e.sigma * K * float(shocks[0, t, 0]), B_next
        assert float(errors[0, t]) == pytest.approx(
            100 * abs(math.log(B / float(truth.ergodic.K[0, t]))), rel=1e-6, abs=1e-9
        )


@pytest.mark.slow
def test_the_solution_is_stored_and_read_to_the_bit(yearly, small, tmp_path):
    path = tmp_path / store.file_name("jfv", yearly, SMALL)
    path.write_bytes(store._bytes(small))
    again = store.find("jfv", yearly, SMALL, tmp_path)
    assert torch.equal(again.policy_function.values, small.policy_function.values) and torch.equal(again.z, small.z)
    assert torch.equal(again.law.coefficients, small.law.coefficients) and torch.equal(
        again.policy_function.grid.z, small.policy_function.grid.z
    )
    assert again.policy_function.grid.mean == "B" and again.measures == small.measures
    assert store.find("ks98", economics.create("ks98"), SMALL, tmp_path) is None


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"box": None}, r"reference\.box: expected a value, as the aggregate state of the economy, W, is a number"),
        ({"order": None}, r"reference\.order: expected a value"),
        ({"z_nodes": None}, r"reference\.z_nodes: expected a value"),
        ({"z_nodes": 1}, r"reference\.z_nodes: expected at least 2, got 1"),
        ({"order": 6}, r"reference\.order: expected at most 5, got 6"),
        ({"box": [[2.0, 1.0], [1.0, 2.0]]}, r"reference\.box: expected \[\[lowest, highest\] of mean assets"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_a_line(yearly, changed, message):
    with pytest.raises(InputError, match=message) as refused:
        solve_reference(yearly, replace(SMALL, **{"k_nodes": 40, "periods": 100, "burn_in": 20} | changed))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "changed, message",
    [
        (
            {"box": [[1.2, 1.3], [1.0, 4.0]], "tolerance": 0.5, "order": 1},
            r"reference\.box: B moves between .* beyond its nodes",
        ),
        ({"tolerance": 1e-12, "iterations": 4}, "still moves by .* after 4 iterations"),
    ],
)
def test_an_equilibrium_that_is_not_found_is_said_in_a_line(yearly, changed, message):
    with pytest.raises(NotConverged, match=message) as failed:
        solve_reference(yearly, replace(SMALL, **{"k_nodes": 40, "periods": 100, "burn_in": 20} | changed))
    assert "\n" not in str(failed.value)


def test_a_state_of_several_numbers_is_refused(yearly):
    several = economics.create("jfv")
    several.chain.draws = 2
    with pytest.raises(InputError, match="a finite chain or one number, this one's, W, is 2 numbers"):
        solve_reference(several, SMALL)


def test_aggregates_of_mean_assets(yearly):
    found = aggregates_at(yearly, tensor([[1.0], [2.0]]), tensor([[2.0], [3.0]]))
    assert found["B"].tolist() == [[1.0], [2.0]] and found["K"].tolist() == [[3.0], [5.0]]


def test_an_economy_without_a_rest_is_said_in_a_line():
    with pytest.raises(NotConverged, match="households hold next to nothing at any B") as refused:
        solve_stationary(without_shocks(rho=0.5), replace(REST, k_nodes=30, histogram_nodes=60))
    assert "\n" not in str(refused.value)
    with pytest.raises(NotConverged, match="W beside B = 4: .*; expected a calibration with a rest") as refused:
        family_of(without_shocks()).resting(4.0)  # more than firms use
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_a_number_that_rests_at_zero_is_an_economy_without_shocks():
    moving = many_shocks(1, sd=0.0)
    settings = replace(REST, k_nodes=60, histogram_nodes=80)
    found, known = (
        float(solve_stationary(each, settings).ergodic.K[0, 0]) for each in (moving, moving.without_aggregate_risk())
    )
    assert found == pytest.approx(known, rel=1e-4)


def test_a_planner_beside_a_number_and_aggregates_of_more_than_the_mean_are_refused(yearly, monkeypatch):
    chosen = economics.create("jfv")
    chosen.pays = "D"
    assert "a planner for a finite chain only" in no_grid(chosen)
    assert no_grid(yearly) is None
    monkeypatch.setattr(
        type(yearly),
        "aggregates",
        lambda self, population, z: {"B": population.mean(population.k), "K": population.mean(population.k**2)},
    )
    assert "follow from mean assets and z" in no_grid(yearly)
