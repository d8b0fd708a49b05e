"""Lifetime utility against a slow loop, its gradients, and the closed form that maximises it."""

import math

import pytest
import torch
from walking import draw_shocks, expected_value

from deepham.algorithm.objective import lifetime_utility
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

LENGTHS = pytest.mark.parametrize("horizon, exact", [(1, True), (1, False), (5, True), (5, False)])


def rule(m, K):
    return 0.08 * m * (K / 40) ** 0.2


def worth(m, K):
    return 30 * m**0.3 * K**-0.1


def policy(seen):
    return rule(seen.resources, seen.aggregates["K"])


def value(seen):
    return worth(seen.resources, seen.aggregates["K"])


def slow_lifetime_utility(plain, economy, panel, horizon, generator, exact):
    """The objective household by household; only the draws are the package's."""
    k, eps, z = panel.population.k.tolist(), panel.population.eps.tolist(), panel.z[:, 0].tolist()
    total = [[0.0] * len(row) for row in k]
    for t in range(horizon):
        for b, row in enumerate(k):
            K = sum(row) / len(row)
            for n in range(len(row)):
                m = plain.resources(row[n], eps[b][n], z[b], K)
                total[b][n] += plain.beta**t * math.log(rule(m, K))
                row[n] = m - rule(m, K)
        if t < horizon - 1 or not exact:
            panel = Panel(Population.panel(panel.population.k, torch.tensor(eps)), torch.tensor(z)[:, None])
            z_next, eps_next = draw_shocks(economy, World(economy).observe(panel), generator)
            z, eps = z_next[:, 0].tolist(), eps_next.tolist()
    for b, row in enumerate(k):
        K = sum(row) / len(row)
        for n in range(len(row)):
            if exact:
                end = sum(
                    plain.probability(z[b], eps[b][n], i, j) * worth(plain.resources(row[n], j, i, K), K)
                    for i in (0, 1)
                    for j in (0, 1)
                )
            else:
                end = worth(plain.resources(row[n], eps[b][n], z[b], K), K)
            total[b][n] += plain.beta**horizon * end
    return torch.tensor(total, dtype=torch.float64)


@LENGTHS
@pytest.mark.parametrize("price_taking", [True, False])
def test_equals_a_slow_loop(ks98, plain, ks98_panel, seeded, horizon, exact, price_taking):
    fast = lifetime_utility(World(ks98, policy, value, price_taking), ks98_panel, horizon, seeded(5), exact=exact)
    slow = slow_lifetime_utility(plain, ks98, ks98_panel, horizon, seeded(5), exact)
    torch.testing.assert_close(fast.utility, slow, rtol=1e-12, atol=0)
    seen = World(ks98).observe(ks98_panel)
    torch.testing.assert_close(fast.first.seen.resources, seen.resources, rtol=0, atol=0)
    torch.testing.assert_close(fast.first.consumption, policy(seen), rtol=0, atol=0)


def test_draws_at_the_horizon_average_to_the_exact_expectation(ks98, seeded):
    copies = 20_000
    own = Population.panel(torch.tensor([[5.0, 60.0]]).double().expand(copies, 2), torch.tensor([[0, 1]] * copies))
    panel = Panel(own, torch.zeros(copies, 1, dtype=torch.long))
    drawn = lifetime_utility(World(ks98, policy, value), panel, 1, seeded(), exact=False).utility
    exact = lifetime_utility(World(ks98, policy, value), panel.select(slice(1)), 1, seeded()).utility[0]
    assert bool(((drawn.mean(0) - exact).abs() < 4 * drawn.std(0) / copies**0.5).all())


def reads_everything(seen):
    """A policy that looks at prices, at an aggregate and at the population itself."""
    moment = seen.population.mean(seen.population.k**0.5)
    return 0.05 * seen.resources * ((seen.aggregates["K"] / 40) ** 0.2 * seen.prices["R"] * moment**0.1)


def values_everything(seen):
    moment = seen.population.mean(seen.population.k**0.5)
    return 30 * seen.resources**0.3 * (seen.aggregates["K"] ** -0.1 * seen.prices["w"] * moment**0.1)


K_START = torch.tensor([[1.0, 20.0, 50.0, 90.0]], dtype=torch.float64)
MASS = torch.tensor([[0.0, 0.4, 0.3, 0.3]], dtype=torch.float64)  # the first household moves no price


def utilities(economy, k, horizon, exact, generator, price_taking):
    panel = Panel(Population(k, torch.tensor([[0, 1, 1, 1]]), MASS), torch.tensor([[1]]))
    return lifetime_utility(
        World(economy, reads_everything, values_everything, price_taking), panel, horizon, generator, exact=exact
    ).utility[0]


@pytest.fixture
def jacobian(ks98, seeded):
    """jacobian(horizon, exact, price_taking)[i, j]: gradient of i's utility towards j's wealth."""

    def differentiate(*setting):
        k = K_START.clone().requires_grad_()
        horizon, exact, price_taking = setting
        utility = utilities(ks98, k, horizon, exact, seeded(), price_taking)
        return torch.stack([torch.autograd.grad(u, k, retain_graph=True)[0][0] for u in utility])

    return differentiate


@pytest.fixture
def slopes(ks98, seeded):
    """The same by central differences of the simulation itself, prices moving as they do."""

    def differentiate(horizon, exact):
        columns = []
        for step in 1e-5 * K_START[0].diag():
            ends = [utilities(ks98, K_START + sign * step, horizon, exact, seeded(), True) for sign in (1, -1)]
            columns.append((ends[0] - ends[1]) / (2 * step.sum()))
        return torch.stack(columns, 1)

    return differentiate


@LENGTHS
def test_price_takers_see_no_effect_of_others(jacobian, slopes, horizon, exact):
    taking = jacobian(horizon, exact, True)
    assert bool((taking[~torch.eye(4, dtype=torch.bool)] == 0).all()) and bool((taking.diagonal() > 0).all())
    # who moves no price has the full derivative
    torch.testing.assert_close(taking[0, 0], slopes(horizon, exact)[0, 0], rtol=1e-6, atol=0)


@LENGTHS
def test_players_of_a_game_know_all_effects(jacobian, slopes, horizon, exact):
    game = jacobian(horizon, exact, False)
    torch.testing.assert_close(game, slopes(horizon, exact), rtol=1e-5, atol=1e-8)
    assert bool((game[:, 1:] != 0).all())


@LENGTHS
@pytest.mark.parametrize("price_taking", [True, False])
def test_only_the_choices_of_players_carry_a_gradient(ks98, ks98_panel, seeded, horizon, exact, price_taking):
    players = 7
    shift = torch.zeros(50, dtype=torch.float64, requires_grad=True)

    def shifted(seen):
        return policy(seen) * (1 + shift[: seen.resources.shape[1]])

    arguments = World(ks98, shifted, value, price_taking), ks98_panel, horizon
    held = lifetime_utility(*arguments, seeded(), players, exact)
    free = lifetime_utility(*arguments, seeded(), None, exact)
    torch.testing.assert_close(held.utility, free.utility, rtol=0, atol=0)
    (slope,) = torch.autograd.grad(held.utility.sum(), shift)
    assert bool((slope[players:] == 0).all()) and bool((slope[:players] != 0).all())
    (slope,) = torch.autograd.grad(free.utility.sum(), shift)
    assert bool((slope != 0).all())


@LENGTHS
def test_closed_form_is_worth_what_the_closed_form_says(bm, bm_panel, closed_form, seeded, horizon, exact):
    """V - u(c_0) - ... telescopes: with enumerated shocks and one period the objective is V itself."""
    lifetime = lifetime_utility(
        World(bm, closed_form.policy, closed_form.value), bm_panel, horizon, seeded(), exact=exact
    )
    exact_value = closed_form.value(World(bm).observe(bm_panel))
    if horizon == 1 and exact:
        torch.testing.assert_close(lifetime.utility, exact_value, rtol=1e-12, atol=0)
    # relative wealth enters by log(k)/(1-beta), whatever is drawn
    gap = lifetime.utility - exact_value
    torch.testing.assert_close(gap, gap[:, :1].expand_as(gap), rtol=0, atol=1e-10)


def test_first_order_condition_holds_at_the_closed_form_for_price_takers_only(bm, bm_panel, closed_form, seeded):
    def slope(price_taking):
        theta = torch.ones(7, dtype=torch.float64, requires_grad=True)

        def scaled(seen):
            return theta * closed_form.policy(seen)

        lifetime = lifetime_utility(World(bm, scaled, closed_form.value, price_taking), bm_panel, 5, seeded())
        return torch.autograd.grad(lifetime.utility.sum(), theta)[0]

    torch.testing.assert_close(slope(True), torch.zeros(7, dtype=torch.float64), rtol=0, atol=1e-11)
    assert float(slope(False).abs().min()) > 0.1


@LENGTHS
@pytest.mark.parametrize("factor", [0.5, 0.98, 1.02, 2.0])
def test_a_household_that_leaves_the_closed_form_loses(bm, bm_panel, closed_form, seeded, horizon, exact, factor):
    own = bm_panel.population
    mass = torch.tensor([0, 0, 0, 0.25, 0.25, 0.25, 0.25], dtype=torch.float64)  # the first three move no price
    panel = Panel(Population(own.k, own.eps, mass.expand(4, 7)), bm_panel.z)
    factors = torch.tensor([factor, 1.0, factor, 1, 1, 1, 1], dtype=torch.float64)

    def deviating(seen):
        return factors * closed_form.policy(seen)

    loss = (
        lifetime_utility(
            World(bm, closed_form.policy, closed_form.value), panel, horizon, seeded(), exact=exact
        ).utility
        - lifetime_utility(World(bm, deviating, closed_form.value), panel, horizon, seeded(), exact=exact).utility
    )
    # u falls by log f a period, k' moves by the factor g in each: its later worth is log(g) beta / (1-beta) in utils
    g = (1 - factor * 0.05) / 0.95
    expected = -(1 - 0.95**horizon) / 0.05 * (math.log(factor) + 19 * math.log(g))
    assert expected > 0
    torch.testing.assert_close(loss, expected * (factors != 1).double().expand(4, 7), rtol=1e-9, atol=1e-10)


def test_expected_value_is_that_of_the_closed_form(bm, bm_panel, closed_form):
    own, z = bm_panel.population, bm_panel.z
    K = own.mean(own.k)
    for taking in (True, False):
        expected = expected_value(bm, closed_form.value, own, World(bm).observe(Panel(own, z)), taking)
        level = 0.8 * closed_form.a[z] + 0.2 * closed_form.a[1 - z] + closed_form.b * torch.log(K)
        torch.testing.assert_close(expected, torch.log(own.k) / 0.05 + level, rtol=1e-12, atol=0)
