"""The household's problem against Brock-Mirman's closed form and against Krusell-Smith's equations in plain loops."""

import math

import numpy as np
import pytest
import torch
from scipy.interpolate import BarycentricInterpolator, PchipInterpolator

from deepham import economics
from deepham.errors import NotConverged
from deepham.reference.forecasts import LawOfMotion
from deepham.reference.grid import Grid
from deepham.reference.household import HouseholdProblem

PUBLISHED = ((0.124842, 0.965287), (0.137739, 0.963242))  # log K' = a + b log K in the bad and the good state


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def spread(low, high, nodes):
    return torch.linspace(low, high, nodes, dtype=torch.float64)


# -- Brock-Mirman ------------------------------------------------------------------------------------------------------


def bm_problem(bm, k, K_nodes):
    """Households that know the true law; its K' stays within the nodes, exp(+-0.25) of the steady state."""
    law = LawOfMotion(torch.log(bm.alpha * bm.beta * tensor(bm.productivity)), tensor([bm.alpha] * 2))
    return HouseholdProblem(bm, law, Grid(k, bm.steady_state()["K"] * torch.exp(spread(-0.25, 0.25, K_nodes))))


@pytest.mark.parametrize("K_nodes", [41, 161])
def test_consumption_is_the_closed_form(bm, K_nodes):
    """c is linear in k, but like R proportional to K^(alpha-1), hence off between the nodes of log K, h apart, by up to
    e = ((1-alpha) h)^2 / 8. A propensity too high by e tomorrow makes today's too high by beta e, so that beta e /
    (1-beta) bounds the whole; e at 161 nodes is 5e-7.
    """
    problem = bm_problem(bm, bm.steady_state()["K"] * spread(0.05, 4, 50), K_nodes)
    error = (problem.consumption() / ((1 - bm.beta) * problem.today.resources) - 1).abs()
    e = ((1 - bm.alpha) * 0.5 / (K_nodes - 1)) ** 2 / 8
    assert float(error.max()) < bm.beta / (1 - bm.beta) * e + 1e-6


def test_value_is_the_closed_form(bm, closed_form):
    """V is linear in log K, and log(k)/(1-beta) in k. With nodes of k in steps of h in logs a period's interpolation
    loses up to h^2/8/(1-beta), all of them together beta/(1-beta) times that. Relative wealth k/K stays what it is, so
    that households within exp(+-1) of K never come near the ends of a grid that reaches exp(+-2).
    """
    worst = []
    for nodes in (101, 201):
        k = bm.steady_state()["K"] * torch.exp(spread(-2, 2, nodes))
        problem = bm_problem(bm, k, 81)
        v = problem.value(problem.consumption())[:, 0]
        K = problem.grid.K[:, None]
        exact = torch.log(k) / (1 - bm.beta) + closed_form.a[:, None, None] + closed_form.b * torch.log(K)
        error = (v - exact)[:, (k / K).log().abs() < 1].abs()
        worst.append(float(error.max()))
        assert worst[-1] < bm.beta / (1 - bm.beta) ** 2 * (4 / (nodes - 1)) ** 2 / 8
    assert worst[1] < worst[0] / 3.5  # second order: a quarter


# -- Krusell-Smith -----------------------------------------------------------------------------------------------------


def ks98_problem(ks98, k_nodes, K_nodes):
    law = LawOfMotion(*(tensor(column) for column in zip(*PUBLISHED)))
    K = ks98.steady_state()["K"]
    return HouseholdProblem(
        ks98, law, Grid(12 * K * spread(0, 1, k_nodes) ** 3, K * torch.exp(spread(-0.25, 0.25, K_nodes)))
    )


@pytest.fixture(scope="module")
def solved():
    """A solved problem, its consumption and its value."""
    problem = ks98_problem(economics.create("ks98"), 201, 9)
    c = problem.consumption()
    return problem, c, problem.value(c)


def at(problem, values, z, eps, K, k):
    """The value between the nodes: a monotone cubic in k, and one through the four nodes around log K."""
    nodes, log_K = problem.grid.k.numpy(), problem.grid.K.log().numpy()
    first = int(np.clip(np.searchsorted(log_K, math.log(K), side="right") - 2, 0, len(log_K) - 4))
    by_K = [PchipInterpolator(nodes, row)(k) for row in values[z, eps, first : first + 4].numpy()]
    return float(BarycentricInterpolator(log_K[first : first + 4], by_K)(math.log(K)))


def next_states(plain, z, eps):
    return [(plain.probability(z, eps, y, f), y, f) for y in (0, 1) for f in (0, 1)]


SOME_NODES = [(z, eps, j, i) for z in (0, 1) for eps in (0, 1) for j in (1, 4, 7) for i in (0, 20, 60, 100, 140)]


def test_the_euler_equation_holds_in_plain_numbers(solved, plain):
    """c* = min(1 / (beta E[R'/c']), m). It is exact where k' is a node, a second-order error in between."""
    problem, c, _ = solved
    errors = []
    for z, eps, j, i in SOME_NODES:
        k, K = float(problem.grid.k[i]), float(problem.grid.K[j])
        m = plain.resources(k, eps, z, K)
        K_next = math.exp(PUBLISHED[z][0] + PUBLISHED[z][1] * math.log(K))
        today = float(c[z, eps, j, i])
        marginal = sum(
            p * plain.gross_return(K_next, y) / at(problem, c, y, f, K_next, m - today)
            for p, y, f in next_states(plain, z, eps)
        )
        errors.append(abs(today / min(1 / (plain.beta * marginal), m) - 1))
    assert max(errors) < 5e-4 and sum(errors) / len(errors) < 5e-5


def test_value_satisfies_its_bellman_equation_in_plain_numbers(solved, plain):
    problem, c, v = solved
    for z, eps, j, i in SOME_NODES:
        k, K = float(problem.grid.k[i]), float(problem.grid.K[j])
        K_next = math.exp(PUBLISHED[z][0] + PUBLISHED[z][1] * math.log(K))
        today = float(c[z, eps, j, i])
        saved = plain.resources(k, eps, z, K) - today
        tomorrow = sum(p * at(problem, v, y, f, K_next, saved) for p, y, f in next_states(plain, z, eps))
        assert float(v[z, eps, j, i]) == pytest.approx(math.log(today) + plain.beta * tomorrow, abs=1e-6)


def test_resources_in_plain_numbers(solved, plain):
    problem = solved[0]
    for z, eps, j, i in SOME_NODES:
        expected = plain.resources(float(problem.grid.k[i]), eps, z, float(problem.grid.K[j]))
        assert float(problem.today.resources[z, eps, j, i]) == pytest.approx(expected, rel=1e-12)


def test_the_unemployed_without_assets_consume_everything(solved):
    problem, c, _ = solved
    assert torch.equal(c[:, 0, :, 0], problem.today.resources[:, 0, :, 0])
    assert bool((c <= problem.today.resources).all())
    rich = problem.grid.k > 1
    assert bool((c < problem.today.resources)[..., rich].all())


def test_shape_of_the_policy(solved):
    problem, c, v = solved
    for function in (c, v):
        slope = function.diff(dim=-1) / problem.grid.k.diff()
        assert bool((slope > 0).all())
        bends_up = slope.diff(dim=-1) > 1e-9
        # next to the kink at the limit the cubic of consumption overshoots between two nodes
        assert not bool(bends_up[..., problem.grid.k[1:-1] > 5].any()) and float(bends_up.double().mean()) < 2e-3
        assert bool((function[:, 1] > function[:, 0]).all())  # the employed have more


@pytest.mark.slow
def test_finer_grids_change_consumption_little(ks98, solved):
    """At the common nodes: by less than 0.3 % at worst, for the poor next to the kink, and 0.05 % on average."""
    coarse = solved[1]
    for (k_nodes, K_nodes), common in (
        ((401, 9), (slice(None), slice(None, None, 2))),
        ((201, 17), (slice(None, None, 2), slice(None))),
    ):
        change = (coarse / ks98_problem(ks98, k_nodes, K_nodes).consumption()[:, :, common[0], common[1]] - 1).abs()
        assert float(change.max()) < 3e-3 and float(change.mean()) < 5e-4


def test_iterations_that_do_not_end_are_reported(ks98):
    problem = ks98_problem(ks98, 20, 2)
    with pytest.raises(NotConverged, match="still moves"):
        problem.consumption(most=3)
    with pytest.raises(NotConverged, match="still moves"):
        problem.value(0.5 * problem.today.resources, most=3)
