"""Krusell-Smith against its equations, written plainly in conftest.py."""

import pytest
import torch

from deepham import economics
from deepham.errors import InputError
from deepham.simulation.period import World

TIGHT = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture
def seen(ks98, ks98_panel):
    return World(ks98).observe(ks98_panel)


@pytest.fixture
def books(ks98, seen):
    consumption = 0.07 * seen.resources
    return ks98.accounts({"c": consumption}, seen.resources - consumption, seen)


@pytest.mark.parametrize("z", [0, 1])
@pytest.mark.parametrize("K", [1e-3, 39.4, 300.0])
def test_prices_and_resources_are_those_of_the_paper(ks98, plain, z, K):
    state = torch.tensor([[z]])
    prices = ks98.prices({"K": torch.tensor([[K]], dtype=torch.float64)}, state)
    assert float(prices["R"]) == pytest.approx(plain.gross_return(K, z), rel=1e-13)
    assert float(prices["w"]) == pytest.approx(plain.wage(K, z), rel=1e-13)
    k = torch.tensor([[0.0, 0.0, 7.5, 7.5]], dtype=torch.float64)
    eps = torch.tensor([[0, 1, 0, 1]])
    resources = ks98.resources(k, eps, state, prices)
    for n in range(4):
        assert float(resources[0, n]) == pytest.approx(plain.resources(float(k[0, n]), int(eps[0, n]), z, K), rel=1e-13)


def test_prices_depend_on_the_mean_of_k(seen):
    torch.testing.assert_close(seen.aggregates["K"], seen.population.k.mean(1, keepdim=True), **TIGHT)


def test_factors_exhaust_output(books):
    torch.testing.assert_close((books["r"] / 100 + 0.025) * books["K"] + books["w"] * books["L"], books["Y"], **TIGHT)


def test_taxes_pay_the_benefits(plain, seen):
    income = seen.resources - seen.prices["R"] * seen.k
    gross = seen.prices["w"] * plain.hours
    taxes = seen.population.mean(torch.where(seen.eps == 1, gross - income, 0.0))
    benefits = seen.population.mean(torch.where(seen.eps == 0, income, 0.0))
    assert float(benefits.min()) > 0
    torch.testing.assert_close(taxes, benefits, **TIGHT)


def test_resource_constraint_and_accounts_add_up(books, seen):
    m = seen.resources.mean(1, keepdim=True)
    C, K_next = 0.07 * m, 0.93 * m
    torch.testing.assert_close(C + K_next, books["Y"] + 0.975 * books["K"], **TIGHT)
    torch.testing.assert_close(books["C"] + books["I"], books["Y"], **TIGHT)
    torch.testing.assert_close(books["unemployment"], torch.tensor([[0.10], [0.04]], dtype=torch.float64), **TIGHT)


def test_steady_state_return_is_one_over_beta(ks98):
    state = ks98.steady_state()
    L = (0.9 + 0.96) / 2 / 0.9  # z is good half of the time, and one on average
    assert 0.975 + 0.36 * (state["K"] / L) ** -0.64 == pytest.approx(1 / 0.99, rel=1e-8)
    assert state["m"] - state["c"] == pytest.approx(state["K"], rel=1e-12)


def test_human_wealth_of_the_frictionless_rule_is_that_of_the_paper(ks98):
    base = ks98.frictionless()
    state = ks98.steady_state()
    assert base.mpc == pytest.approx(0.01)
    assert base.human_wealth == pytest.approx(243, abs=0.5)
    assert base.mpc * (state["m"] + base.human_wealth) == pytest.approx(state["c"], rel=1e-12)


@pytest.mark.parametrize(
    "parameter, value",
    [
        ("beta", 1.0),
        ("beta", 1.2),
        ("beta", 0.0),
        ("beta", -0.5),
        ("sigma", 0.0),
        ("sigma", -1.0),
        ("alpha", 0.0),
        ("alpha", 1.0),
        ("alpha", -0.3),
        ("delta", 0.0),
        ("delta", -0.025),
        ("delta", 1.1),
        ("mu", -0.1),
        ("mu", 1.0),
        ("hours", 0.0),
        ("hours", -1.0),
        ("productivity", [0.99]),
        ("productivity", [0.0, 1.01]),
        ("productivity", [1.0, -1.0]),
        ("unemployment", [0.1]),
        ("unemployment", [-0.1, 0.04]),
        ("unemployment", [0.1, 1.0]),
        ("chain_matrix", [[1.0]]),
    ],
)
def test_parameter_out_of_range_is_refused_in_one_line(parameter, value):
    with pytest.raises(InputError, match=parameter) as error:
        economics.create("ks98", **{parameter: value})
    assert "\n" not in str(error.value)


def test_unemployment_that_the_chain_does_not_lead_to_is_refused():
    with pytest.raises(InputError, match=r"unemployment: .* z 0 to \[.*; change chain_matrix"):
        economics.create("ks98", unemployment=[0.2, 0.04])


ONE_STATE = {
    "productivity": [1.0],
    "unemployment": [0.07],
    "chain_matrix": [[0.4, 0.6], [0.6 * 7 / 93, 1 - 0.6 * 7 / 93]],
}


def test_with_one_aggregate_state_it_is_the_economy_of_aiyagari():
    economy = economics.create("ks98", **ONE_STATE)
    assert (economy.chain.n_z, economy.chain.n_eps) == (1, 2)
    torch.testing.assert_close(economy.chain.stationary_eps()[0], torch.tensor([0.07, 0.93], dtype=torch.float64))
    L = 0.93 / 0.9
    assert 0.975 + 0.36 * (economy.steady_state()["K"] / L) ** -0.64 == pytest.approx(1 / 0.99, rel=1e-12)
    assert economy.names_of("z", 1) == ("0",) and economy.names_of("eps", 2) == ("unemployed", "employed")


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"unemployment": [0.07, 0.07]}, "as many numbers as productivity has, 1"),
        ({"unemployment": [0.08]}, "the chain leads to other rates"),
        ({"productivity": []}, "a number for each"),
        ({"productivity": [1.0, 1.0], "unemployment": [0.07, 0.07]}, "4 x 4"),
    ],
)
def test_states_that_do_not_fit_together_are_refused(changes, says):
    with pytest.raises(InputError, match=says):
        economics.create("ks98", **(ONE_STATE | changes))


def test_without_aggregate_risk_the_means_are_kept(ks98):
    calm = ks98.without_aggregate_risk()
    assert calm.productivity == pytest.approx([1.0]) and calm.unemployment == pytest.approx([0.07])
    for name, value in ks98.steady_state().items():
        assert calm.steady_state()[name] == pytest.approx(value, rel=1e-12)
    torch.testing.assert_close(calm.without_aggregate_risk().chain.individual, calm.chain.individual)
