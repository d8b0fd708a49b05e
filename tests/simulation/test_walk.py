"""One period and many; next states enumerated against loops and draws."""

import math

import pytest
import torch
from walking import advance, draw_shocks, simulate

from deepham import economics
from deepham.economics.markov import JointChain
from deepham.simulation.expectation import expand_next, expect
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel


def save_most(seen):
    return 0.07 * seen.resources


def test_budget_holds_and_weights_travel(ks98, ks98_panel, random_networks, seeded):
    policy, _ = random_networks(ks98)
    following, consumption = advance(World(ks98, policy), ks98_panel, seeded())
    resources = World(ks98).observe(ks98_panel).resources
    torch.testing.assert_close(following.population.k + consumption, resources, rtol=1e-13, atol=0)
    assert torch.equal(following.population.weight, ks98_panel.population.weight)


def test_simulate_yields_each_period_without_gradients(bm, bm_panel, seeded):
    theta = torch.tensor(0.05, dtype=torch.float64, requires_grad=True)
    panels = list(simulate(World(bm, lambda seen: theta * seen.resources), bm_panel, 5, seeded()))
    assert len(panels) == 5 and not any(panel.population.k.requires_grad for panel in panels)
    generator, panel = seeded(), bm_panel
    for simulated in panels:
        panel, _ = advance(World(bm, lambda seen: 0.05 * seen.resources), panel, generator)
        assert torch.equal(panel.population.k, simulated.population.k) and torch.equal(panel.z, simulated.z)


def test_initial_panel_is_drawn_from_long_run_shares(ks98, plain, seeded):
    panel = initial_panel(ks98, 400, 500, seeded())
    assert float(panel.z.double().mean()) == pytest.approx(0.5, abs=4 * 0.5 / 400**0.5)
    for z, u in enumerate(plain.u):
        jobless = (panel.population.eps[panel.z[:, 0] == z] == 0).double()
        assert float(jobless.mean()) == pytest.approx(u, abs=4 * (u * (1 - u) / jobless.numel()) ** 0.5)
    relative = panel.population.k / ks98.steady_state()["K"]
    assert float(relative.min()) > 0
    assert float(relative.mean()) == pytest.approx(1, abs=4 * 0.5 / 200_000**0.5)
    assert float(relative.std()) == pytest.approx(0.5, abs=0.01)


def test_unemployment_in_a_large_panel_follows_z(ks98, plain, seeded):
    start = initial_panel(ks98, 6, 20_000, seeded(3))
    visited = set()
    for panel in simulate(World(ks98, save_most), start, 25, seeded(4)):
        for z, eps in zip(panel.z[:, 0].tolist(), panel.population.eps):
            u = plain.u[z]
            assert float((eps == 0).double().mean()) == pytest.approx(u, abs=4 * (u * (1 - u) / 20_000) ** 0.5)
            visited.add(z)
    assert visited == {0, 1}


def test_weights_and_probabilities_of_what_may_follow_sum_to_one(economy, seeded):
    panel = initial_panel(economy, 3, 7, seeded())
    following, p_z, p_eps = expand_next(economy, panel.population, World(economy).before(panel))
    n_next, most = economy.chain.n_next, economy.chain.successors.shape[1]
    assert following.population.k.shape == (3 * n_next, 7 * most) and len(following.z) == 3 * n_next
    every = economy.chain.every_z()
    assert every is None or torch.equal(following.z, every.repeat(3, 1))
    for weight in (following.population.weight, p_z):
        torch.testing.assert_close(weight.sum(-1), torch.ones(weight.shape[:-1], dtype=torch.float64))
    eps = panel.population.eps[..., None]
    lives = economy.continues(eps, economy.chain.successors[panel.population.eps])
    survival = torch.ones(3, 7, dtype=torch.float64)
    if lives is not None:
        survival = (economy.chain.move_probabilities(panel.population.eps, panel.z, panel.z) * lives).sum(-1)
    ones = torch.ones_like(following.population.k)
    torch.testing.assert_close(expect(ones, p_z, p_eps), survival)


def test_expectation_equals_a_plain_loop(ks98, plain, ks98_panel):
    own, z = ks98_panel.population, ks98_panel.z
    following, p_z, p_eps = expand_next(ks98, own, World(ks98).observe(Panel(own, z)))
    expected = expect(torch.log(World(ks98).observe(following).resources), p_z, p_eps)
    for b in range(2):
        K = sum(own.k[b].tolist()) / 50
        for n in range(50):
            total = 0.0
            for z_next in (0, 1):
                for eps_next in (0, 1):
                    p = plain.probability(b, int(own.eps[b, n]), z_next, eps_next)
                    total += p * math.log(plain.resources(float(own.k[b, n]), eps_next, z_next, K))
            assert float(expected[b, n]) == pytest.approx(total, rel=1e-12)


def test_weights_of_what_may_follow_are_those_of_the_next_cross_section(ks98, plain, ks98_panel):
    following, _, _ = expand_next(ks98, ks98_panel.population, World(ks98).observe(ks98_panel))
    weight = following.population.weight.reshape(2, 2, 50, 2)
    for b in range(2):
        for n, eps in enumerate(ks98_panel.population.eps[b].tolist()):
            for z_next in (0, 1):
                p = [plain.probability(b, eps, z_next, eps_next) for eps_next in (0, 1)]
                assert weight[b, z_next, n].tolist() == pytest.approx([0.02 * q / sum(p) for q in p], rel=1e-12)


@pytest.mark.parametrize("z", [0, 1])
def test_expectation_equals_the_mean_of_many_draws(seeded, z):
    copies = 40_000
    ks98 = economics.create("ks98")
    ks98.chain = JointChain(
        [[0.4, 0.4, 0.1, 0.1], [0.2, 0.6, 0.05, 0.15], [0.2, 0.3, 0.3, 0.2], [0.1, 0.4, 0.2, 0.3]], 2, 2
    )  # P(z' | z) is not symmetric
    k, eps = torch.tensor([[0.5, 0.5, 60.0, 60.0]], dtype=torch.float64), torch.tensor([[0, 1, 0, 1]])
    one = Population.panel(k, eps)
    following, p_z, p_eps = expand_next(ks98, one, World(ks98).observe(Panel(one, torch.tensor([[z]]))))
    exact = expect(torch.log(World(ks98).observe(following).resources), p_z, p_eps)[0]
    many = Panel(Population.panel(k.expand(copies, 4), eps.expand(copies, 4)), torch.full((copies, 1), z))
    z_next, eps_next = draw_shocks(ks98, World(ks98).observe(many), seeded(z))
    drawn = torch.log(World(ks98).observe(Panel(Population.panel(many.population.k, eps_next), z_next)).resources)
    assert bool(((drawn.mean(0) - exact).abs() < 4 * drawn.std(0) / copies**0.5).all())
