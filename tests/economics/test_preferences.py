"""Utility."""

import pytest
import torch

from deepham.economics.preferences import CRRA, Flow

C = torch.tensor([0.01, 0.7, 2.8, 500.0], dtype=torch.float64)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0, 5.0])
def test_marginal_utility_is_the_derivative_and_is_inverted(sigma):
    preferences, c = CRRA(sigma), C.clone().requires_grad_()
    (slope,) = torch.autograd.grad(preferences.utility(c).sum(), c)
    torch.testing.assert_close(preferences.marginal_utility(C), slope, rtol=1e-12, atol=0)
    torch.testing.assert_close(preferences.inverse_marginal_utility(slope), C, rtol=1e-12, atol=0)


@pytest.mark.parametrize("sigma", [0.5, 0.99, 1.0, 1 + 1e-7, 2.0, 5.0])
def test_utility_is_inverted(sigma):
    c = torch.tensor([0.1, 0.7, 2.8, 50.0], dtype=torch.float64)
    torch.testing.assert_close(CRRA(sigma).inverse_utility(CRRA(sigma).utility(c)), c, rtol=1e-9, atol=0)


def test_utility_is_continuous_at_log():
    torch.testing.assert_close(CRRA(1.0).utility(C), torch.log(C))
    torch.testing.assert_close(CRRA(1 + 1e-7).utility(C), torch.log(C), rtol=0, atol=1e-5)


def test_values_at_risk_aversion_two():
    torch.testing.assert_close(CRRA(2.0).utility(C), 1 - 1 / C)


@pytest.mark.parametrize("sigma", [1 + 1e-7, 0.999, 1.04, 1.06, 3.0])
def test_single_precision_keeps_six_digits_of_utility_and_of_its_gradient(sigma):
    c = torch.tensor([0.3, 2.0, 2.8, 3.0, 30.0], dtype=torch.float64)
    single = c.float().requires_grad_()
    utility = CRRA(sigma).utility(single)
    (slope,) = torch.autograd.grad(utility.sum(), single)
    torch.testing.assert_close(utility.double(), CRRA(sigma).utility(c), rtol=3e-5, atol=0)
    torch.testing.assert_close(slope.double(), CRRA(sigma).marginal_utility(c), rtol=3e-5, atol=0)


@pytest.mark.parametrize("sigma, R", [(2.0, 1.04), (0.8, 1.1), (3.0, 1 / 0.95), (1.0, 1 / 0.95)])
def test_the_value_of_the_frictionless_path_is_the_sum_of_its_utilities(sigma, R):
    beta, c = 0.95, torch.tensor([0.4, 1.0, 2.5], dtype=torch.float64)
    growth = (beta * R) ** (1 / sigma)
    t = torch.arange(900, dtype=torch.float64)
    expected = (beta**t * CRRA(sigma).utility(c[:, None] * growth**t)).sum(1)
    found = CRRA(sigma).frictionless_value(c, 1 - growth / R, beta)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_a_flow_is_utility_by_the_unit_of_time(sigma):
    length, c = 0.2, torch.tensor([0.1, 0.3], dtype=torch.float64).requires_grad_()
    flow = Flow(sigma, length)
    torch.testing.assert_close(flow.utility(c), 0.2 * CRRA(sigma).utility(5 * c))
    torch.testing.assert_close(flow.inverse_utility(flow.utility(c)), c)
    (slope,) = torch.autograd.grad(flow.utility(c).sum(), c)
    torch.testing.assert_close(flow.marginal_utility(c), slope, rtol=1e-12, atol=0)
    torch.testing.assert_close(flow.inverse_marginal_utility(slope), c, rtol=1e-12, atol=0)
    beta, R = 0.95, 1 / 0.95 if sigma == 1 else 1.04
    growth = (beta * R) ** (1 / sigma)
    t = torch.arange(2000, dtype=torch.float64)[:, None]
    total = (beta**t * flow.utility(c.detach() * growth**t)).sum(0)
    torch.testing.assert_close(flow.frictionless_value(c.detach(), 1 - growth / R, beta), total, rtol=1e-9, atol=0)
