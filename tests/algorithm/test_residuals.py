"""Euler and Bellman errors of Brock-Mirman, where each is known."""

import math

import pytest
import torch

from deepham import economics
from deepham.algorithm.residuals import residuals
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

ZERO = torch.zeros(4, 7, dtype=torch.float64)


def test_the_closed_form_has_no_error(bm, bm_panel, closed_form):
    errors = residuals(World(bm, closed_form.policy, closed_form.value), bm_panel)
    torch.testing.assert_close(errors.euler, ZERO, rtol=0, atol=1e-12)
    torch.testing.assert_close(errors.bellman_policy, ZERO, rtol=0, atol=1e-10)
    torch.testing.assert_close(errors.bellman_optimality, ZERO, rtol=0, atol=1e-7)
    assert torch.equal(errors.weight, bm_panel.population.weight)


@pytest.mark.parametrize("stay", [0.8, 1e-12])
@pytest.mark.parametrize("factors", [(0.99, 1.0), (1.0, 1.02), (0.5, 2.0), (0.9, 0.9)])
def test_euler_error_of_scaled_consumption(bm_panel, closed_form, factors, stay):
    """c = f(z) (1-beta) m gives c/c* - 1 = f(z) beta E[1/f(z')] / (1 - f(z)(1-beta)) - 1; f = .99 today only: -1 %."""
    economy = economics.create("brock_mirman", beta=0.95, stay=stay)
    f = torch.tensor(factors, dtype=torch.float64)

    def scaled(seen):
        return f[seen.z] * closed_form.policy(seen)

    errors = residuals(World(economy, scaled, closed_form.value), bm_panel)
    for b, z in enumerate(bm_panel.z[:, 0].tolist()):
        own, other = factors[z], factors[1 - z]
        expected = own * 0.95 * (stay / own + (1 - stay) / other) / (1 - 0.05 * own) - 1
        torch.testing.assert_close(errors.euler[b], ZERO[b] + expected, rtol=1e-10, atol=1e-12)
        if stay < 0.5 and own == 0.99:
            assert expected == pytest.approx(-0.01, abs=6e-4)


def test_who_would_like_to_borrow_and_consumes_everything_makes_no_error(ks98, plain, ks98_panel):
    """c = min(m, 5): right for the unemployed without wealth; too much for the employed; beta E R' - 1 for the rich."""
    own, z = ks98_panel.population, ks98_panel.z
    k = torch.cat([torch.tensor([[1e-9, 1e-9, 1e5]] * 2, dtype=torch.float64), own.k], 1)
    eps = torch.cat([torch.tensor([[0, 1, 1]] * 2), own.eps], 1)
    weight = torch.cat([torch.zeros(2, 3, dtype=torch.float64), own.weight], 1)  # the three move no price

    def spend(seen):
        return seen.resources.clamp_max(5.0)

    panel = Panel(Population(k, eps, weight), z)
    errors = residuals(World(ks98, spend, lambda seen: torch.log(seen.resources)), panel, optimality=False).euler
    seen = World(ks98).observe(Panel(own, z))
    K_next = (seen.resources - spend(seen)).mean(1)
    for b in (0, 1):
        assert float(errors[b, 0]) == pytest.approx(0, abs=1e-12)
        assert float(errors[b, 1]) > 0.1
        stay = [plain.gross_return(float(K_next[b]), z_next) * (0.875 if z_next == b else 0.125) for z_next in (0, 1)]
        assert float(errors[b, 2]) == pytest.approx(0.99 * sum(stay) - 1, rel=1e-9)


def test_a_shifted_value_is_off_by_its_interest(bm, bm_panel, closed_form):
    errors = residuals(World(bm, closed_form.policy, lambda seen: closed_form.value(seen) + 0.1), bm_panel)
    torch.testing.assert_close(errors.bellman_policy, ZERO + 0.1 * 0.05, rtol=1e-9, atol=0)
    torch.testing.assert_close(errors.bellman_optimality, ZERO + 0.1 * 0.05, rtol=1e-5, atol=0)
    torch.testing.assert_close(errors.euler, ZERO, rtol=0, atol=1e-12)


@pytest.mark.parametrize("factor", [0.3, 0.97, 1.03, 5.0])
def test_a_wrong_choice_shows_in_bellman_policy_and_not_in_bellman_optimality(bm, bm_panel, closed_form, factor):
    own = bm_panel.population
    mass = torch.tensor([0, 0, 0, 0.25, 0.25, 0.25, 0.25], dtype=torch.float64)  # the first three move no price
    panel = Panel(Population(own.k, own.eps, mass.expand(4, 7)), bm_panel.z)
    factors = torch.tensor([factor, factor, factor, 1, 1, 1, 1], dtype=torch.float64)
    errors = residuals(World(bm, lambda seen: factors * closed_form.policy(seen), closed_form.value), panel)
    loss = -math.log(factor) - 19 * math.log((1 - 0.05 * factor) / 0.95)
    assert loss > 0
    torch.testing.assert_close(errors.bellman_policy, loss * (factors != 1).double() + ZERO, rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(errors.bellman_optimality, ZERO, rtol=0, atol=1e-7)


def test_optimality_is_found_on_a_fine_search_with_prices_as_they_are(ks98, ks98_panel, random_networks):
    """Against a plain scan of consumption shares, with a value network that is wrong and a population that saves."""
    policy, value = random_networks(ks98)
    errors = residuals(World(ks98, policy, value), ks98_panel)
    own, chain = ks98_panel.population, ks98.chain
    seen = World(ks98).observe(Panel(own, ks98_panel.z))
    shares = torch.linspace(1e-3, 1 - 1e-6, 2001, dtype=torch.float64)
    saved = Population(seen.resources - policy(seen).detach(), own.eps, own.weight)
    for b in (0, 1):
        for n in (0, 20, 49):
            m = seen.resources[b, n]
            total = torch.log(shares * m)
            for z_next in (0, 1):
                for eps_next in (0, 1):
                    p = chain.aggregate[b, z_next] * chain.individual[b, z_next, own.eps[b, n], eps_next]
                    ahead = World(ks98).observe(
                        Panel(saved.select([b]), torch.tensor([[z_next]])),
                        k=((1 - shares) * m)[None],
                        eps=torch.full((1, 2001), eps_next),
                    )
                    total = total + ks98.beta * p * value(ahead)[0].detach()
            best = value(seen).detach()[b, n] - total.max()
            assert float(errors.bellman_optimality[b, n]) == pytest.approx(float(best), abs=1e-3)


def test_optimality_is_left_out_on_request(bm, bm_panel, closed_form):
    assert (
        residuals(World(bm, closed_form.policy, closed_form.value), bm_panel, optimality=False).bellman_optimality
        is None
    )
