"""Euler and Bellman errors of Brock-Mirman, where each is known."""

import math

import pytest
import torch

from deepham import economics
from deepham.algorithm.residuals import residuals
from deepham.simulation.household import observe
from deepham.simulation.population import Population
from deepham.simulation.rollout import Panel

ZERO = torch.zeros(4, 7, dtype=torch.float64)


def test_the_closed_form_has_no_error(bm, bm_panel, closed_form):
    errors = residuals(bm, closed_form.policy, closed_form.value, bm_panel)
    torch.testing.assert_close(errors.euler, ZERO, rtol=0, atol=1e-12)
    torch.testing.assert_close(errors.bellman_policy, ZERO, rtol=0, atol=1e-10)
    torch.testing.assert_close(errors.bellman_optimality, ZERO, rtol=0, atol=1e-7)
    assert torch.equal(errors.weight, bm_panel.population.weight)


@pytest.mark.parametrize("stay", [0.8, 1e-12])
@pytest.mark.parametrize("factors", [(0.99, 1.0), (1.0, 1.02), (0.5, 2.0), (0.9, 0.9)])
def test_euler_error_of_scaled_consumption(bm_panel, closed_form, factors, stay):
    """c = f(z) (1-beta) m gives c/c* - 1 = f(z) beta E[1/f(z')] / (1 - f(z)(1-beta)) - 1; f = .99 today only: -1 %."""
    economy = economics.create("brock_mirman", stay=stay)
    f = torch.tensor(factors, dtype=torch.float64)
    errors = residuals(economy, lambda seen: f[seen.z][:, None] * closed_form.policy(seen), closed_form.value, bm_panel)
    for b, z in enumerate(bm_panel.z.tolist()):
        own, other = factors[z], factors[1 - z]
        expected = own * 0.95 * (stay / own + (1 - stay) / other) / (1 - 0.05 * own) - 1
        torch.testing.assert_close(errors.euler[b], torch.full((7,), expected).double(), rtol=1e-10, atol=1e-12)
        if stay < 0.5 and own == 0.99:
            assert expected == pytest.approx(-0.01, abs=6e-4)


def test_euler_error_of_the_constrained_is_measured_at_the_constraint(ks98, ks98_panel):
    """Who would like to borrow and consumes everything makes no error."""
    own = ks98_panel.population
    k = torch.cat([torch.full((2, 1), 1e-9, dtype=torch.float64), own.k[:, 1:]], 1)
    panel = Panel(Population(k, own.eps, own.weight), ks98_panel.z)
    poor = torch.arange(50) == 0

    def hand_to_mouth(seen):  # rich tomorrow, so that everybody wants to consume more today
        return torch.where(poor, 1.0, 0.05) * seen.resources if seen.k.shape[1] == 50 else 50 + seen.resources

    errors = residuals(ks98, hand_to_mouth, lambda seen: torch.log(seen.resources), panel, optimality=False)
    torch.testing.assert_close(errors.euler[:, 0], torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(errors.euler[:, 3:].clamp_max(-0.9499), errors.euler[:, 3:])


def test_a_shifted_value_is_off_by_its_interest(bm, bm_panel, closed_form):
    errors = residuals(bm, closed_form.policy, lambda seen: closed_form.value(seen) + 0.1, bm_panel)
    torch.testing.assert_close(errors.bellman_policy, ZERO + 0.1 * 0.05, rtol=1e-9, atol=0)
    torch.testing.assert_close(errors.bellman_optimality, ZERO + 0.1 * 0.05, rtol=1e-5, atol=0)
    torch.testing.assert_close(errors.euler, ZERO, rtol=0, atol=1e-12)


@pytest.mark.parametrize("factor", [0.3, 0.97, 1.03, 5.0])
def test_a_wrong_choice_shows_in_bellman_policy_and_not_in_bellman_optimality(bm, bm_panel, closed_form, factor):
    own = bm_panel.population
    mass = torch.tensor([0, 0, 0, 0.25, 0.25, 0.25, 0.25], dtype=torch.float64)  # the first three move no price
    panel = Panel(Population(own.k, own.eps, mass.expand(4, 7)), bm_panel.z)
    factors = torch.tensor([factor, factor, factor, 1, 1, 1, 1], dtype=torch.float64)
    errors = residuals(bm, lambda seen: factors * closed_form.policy(seen), closed_form.value, panel)
    loss = -math.log(factor) - 19 * math.log((1 - 0.05 * factor) / 0.95)
    assert loss > 0
    torch.testing.assert_close(errors.bellman_policy, loss * (factors != 1).double() + ZERO, rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(errors.bellman_optimality, ZERO, rtol=0, atol=1e-7)


def test_optimality_is_found_on_a_fine_search_with_prices_as_they_are(ks98, ks98_panel, random_networks):
    """Against a plain scan of consumption shares, with a value network that is wrong and a population that saves."""
    policy, value = random_networks(ks98)
    errors = residuals(ks98, policy, value, ks98_panel)
    own, chain = ks98_panel.population, ks98.chain
    seen = observe(ks98, own, ks98_panel.z)
    shares = torch.linspace(1e-3, 1 - 1e-6, 2001, dtype=torch.float64)
    saved = Population(seen.resources - policy(seen).detach(), own.eps, own.weight)
    for b in (0, 1):
        for n in (0, 20, 49):
            m = seen.resources[b, n]
            total = torch.log(shares * m)
            for z_next in (0, 1):
                for eps_next in (0, 1):
                    p = chain.aggregate[b, z_next] * chain.individual[b, z_next, own.eps[b, n], eps_next]
                    ahead = observe(ks98, saved.select([b]), torch.tensor([z_next]), k=((1 - shares) * m)[None],
                                    eps=torch.full((1, 2001), eps_next))
                    total = total + ks98.beta * p * value(ahead)[0].detach()
            best = value(seen).detach()[b, n] - total.max()
            assert float(errors.bellman_optimality[b, n]) == pytest.approx(float(best), abs=1e-3)


def test_optimality_is_left_out_on_request(bm, bm_panel, closed_form):
    assert residuals(bm, closed_form.policy, closed_form.value, bm_panel, optimality=False).bellman_optimality is None
