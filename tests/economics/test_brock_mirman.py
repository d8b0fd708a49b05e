"""The closed form of Brock-Mirman, for households that differ in k."""

import pytest
import torch
from walking import advance

from deepham.simulation.period import World

TIGHT = {"rtol": 1e-12, "atol": 0}


def test_prices_are_marginal_products(bm):
    K, z = torch.tensor([[0.1], [0.3]], dtype=torch.float64), torch.tensor([[0], [1]])
    prices = bm.prices({"K": K}, z)
    for index, (capital, level) in enumerate([(0.1, 0.9), (0.3, 1.1)]):
        assert float(prices["R"][index]) == pytest.approx(0.36 * level * capital**-0.64, rel=1e-13)
        assert float(prices["w"][index]) == pytest.approx(0.64 * level * capital**0.36, rel=1e-13)


def test_steady_state_is_at_rest_with_return_one_over_beta(bm):
    state = bm.steady_state()
    assert state["K"] == pytest.approx((0.36 * 0.95) ** (1 / 0.64), rel=1e-10)
    assert state["m"] == pytest.approx(state["K"] / 0.95, rel=1e-12)
    assert state["c"] == pytest.approx(0.05 * state["m"], rel=1e-12)


def test_aggregate_saving_rate_is_alpha_beta_whatever_the_distribution(bm, bm_panel, closed_form, seeded):
    generator, panel = seeded(), bm_panel
    for _ in range(10):
        K, level = panel.population.mean(panel.population.k), bm.z_level[panel.z]
        panel, _ = advance(World(bm, closed_form.policy), panel, generator)
        K_next = panel.population.mean(panel.population.k)
        torch.testing.assert_close(K_next, 0.36 * 0.95 * level * K**0.36, **TIGHT)


def test_relative_wealth_never_moves(bm, bm_panel, closed_form, seeded):
    generator, panel = seeded(), bm_panel
    relative = panel.population.k / panel.population.mean(panel.population.k)
    assert float(relative.std()) > 0.2
    for _ in range(10):
        panel, _ = advance(World(bm, closed_form.policy), panel, generator)
        torch.testing.assert_close(panel.population.k / panel.population.mean(panel.population.k), relative, **TIGHT)


def test_output_is_consumed_invested_or_paid_to_workers(bm, bm_panel, closed_form):
    seen = World(bm).observe(bm_panel)
    consumption = closed_form.policy(seen)
    books = bm.accounts({"c": consumption}, seen.resources - consumption, seen)
    torch.testing.assert_close(books["C"] + books["I"] + books["w"], books["Y"], **TIGHT)
    torch.testing.assert_close(books["I"] / books["Y"], torch.full((4, 1), 0.36 * 0.95, dtype=torch.float64), **TIGHT)


def test_closed_form_is_the_hand_written_one_and_the_base_is_not(bm, bm_panel, closed_form):
    seen = World(bm).observe(bm_panel)
    torch.testing.assert_close(bm.closed_form(seen.resources), closed_form.policy(seen), **TIGHT)
    base = bm.frictionless()
    assert abs(base.mpc / 0.05 - 1) > 0.5 and base.human_wealth == 0
