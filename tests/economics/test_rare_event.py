"""The economy with a rare high income against its equations and the published shares."""

import pytest
import torch

from deepham import economics
from deepham.economics.planner import under
from deepham.errors import InputError
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

TIGHT = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture
def published():
    return economics.create("rare_event")


@pytest.fixture
def adding_up():
    return economics.create("rare_event", labour_supply=[])


@pytest.fixture
def households():
    """Two economies, bad and good, of six unequal households of every income."""
    k = torch.tensor([[0.0, 2.0, 5.0, 8.0, 30.0, 400.0]], dtype=torch.float64).repeat(2, 1)
    return Population.panel(k, torch.tensor([[0, 1, 0, 0, 1, 2], [0, 0, 1, 1, 2, 2]])), torch.tensor([[0], [1]])


def test_the_long_run_shares_are_the_published_ones(published):
    expected = torch.tensor([[0.7280, 0.2591, 0.0130], [0.3226, 0.6452, 0.0323]], dtype=torch.float64)
    torch.testing.assert_close(published.chain.stationary_eps(), expected, rtol=0, atol=6e-5)
    # the published labour supply is the mean of e there, by state
    supply = published.chain.stationary_eps() @ published.e
    torch.testing.assert_close(supply, torch.tensor(published.labour_supply, dtype=torch.float64), rtol=2e-4, atol=0)


def test_the_mean_of_e_in_good_times_is_not_the_published_supply(published, seeded):
    """About 3.1, since times turn before the shares have settled."""
    z = published.chain.draw_path(torch.ones(2000, 1, dtype=torch.long), 60, seeded(0))[..., 0]
    shares = torch.full((2000, 3), 1 / 3, dtype=torch.float64)
    for t in range(59):
        shares = torch.einsum("be,bef->bf", shares, published.chain.individual[z[:, t], z[:, t + 1]])
    assert float((shares @ published.e)[z[:, -1] == 1].mean()) == pytest.approx(3.1, abs=0.1)
    assert float((shares @ published.e).mean()) == pytest.approx(published.mean_efficiency, abs=0.05)


def test_tomorrows_state_moves_the_households(published):
    for z in (0, 1):
        for z_next, chain in enumerate(published.chains):
            torch.testing.assert_close(
                published.chain.individual[z, z_next], torch.tensor(chain, dtype=torch.float64), **TIGHT
            )


def test_prices_and_resources(published, households):
    population, z = households
    seen = World(published).observe(Panel(population, z))
    for b, (level, L) in enumerate(((0.95, 2.701586641), (1.05, 5.237096774))):
        K = sum((0.0, 2.0, 5.0, 8.0, 30.0, 400.0)) / 6
        R, w = 0.92 + 0.36 * level * (K / L) ** -0.64, 0.64 * level * (K / L) ** 0.36
        assert float(seen.prices["R"][b]) == pytest.approx(R, rel=1e-12)
        e = (1.0, 5.29, 46.55)[int(population.eps[b, 5])]
        assert float(seen.resources[b, 5]) == pytest.approx(R * 400 + w * e, rel=1e-12)


def test_with_labour_as_it_is_factors_exhaust_output(adding_up, published, households):
    population, z = households
    for economy, exact in ((adding_up, True), (published, False)):
        seen = World(economy).observe(Panel(population, z))
        c = seen.resources / 3
        books = economy.accounts({"c": c}, seen.resources - c, seen)
        gap = (books["Y"] - books["C"] - books["I"]).abs().max()
        assert (float(gap) < 1e-10) is exact, "as published, wages paid are not the wage bill"


def test_the_frictionless_rule_keeps_its_budget_and_its_euler_equation(published):
    """Wealth m + H earns the stated return after consumption, and consumption grows by (beta R)^(1/sigma)."""
    base, R, m = published.frictionless(), published.stated_return, 30.0
    state = published.typical_state()
    income = state["m"] - R * state["K"]
    c = base.mpc * (m + base.human_wealth)
    c_next = base.mpc * (R * (m - c) + income + base.human_wealth)
    assert c_next / c == pytest.approx((published.beta * R) ** (1 / published.sigma), rel=1e-12)
    assert published.prices({"K": torch.tensor([[state["K"]]])}, torch.tensor([[0]]))["R"] > 1 > published.beta * R


@pytest.mark.parametrize("name", ["rare_event", "davila12"])
def test_capital_of_the_typical_state_earns_the_return_that_is_stated(name):
    """Without aggregate risk, of which labour is the mean of what is stated and not of what households have."""
    economy = economics.create(name).without_aggregate_risk()
    for state, R in ((economy.typical_state(), economy.stated_return), (economy.steady_state(), 1 / economy.beta)):
        prices = economy.prices({"K": economy.table([[state["K"]]])}, torch.tensor([[0]]))
        assert float(prices["R"]) == pytest.approx(R, rel=1e-9)


def test_without_aggregate_risk_the_means_are_kept(published):
    calm = published.without_aggregate_risk()
    assert calm.chain.n_z == 1 and calm.productivity == pytest.approx([1.0])
    assert (
        calm.mean_efficiency == pytest.approx(published.mean_efficiency) and calm.mean_labour == published.mean_labour
    )


@pytest.mark.parametrize(
    "parameter, value",
    [
        ("beta", 1.0),
        ("stay", 1.0),
        ("stated_return", 0.9),
        ("stated_return", 1.2),
        ("productivity", [1.0]),
        ("productivity", [1.0, 1.0, 1.0]),
        ("efficiency", [1.0, 2.0]),
        ("labour_supply", [3.0]),
        ("chains", []),
        ("chains", [[[1.0]], [[1.0]]]),
        ("chains", [[[0.5, 0.5, 0.0]] * 3, [[0.5, 0.6, 0.0]] * 3]),
        ("chains", [1.0, 2.0]),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(parameter, value):
    with pytest.raises(InputError, match=parameter) as error:
        economics.create("rare_event", **{parameter: value})
    assert "\n" not in str(error.value)


def test_a_planners_economies_begin_with_the_markets_capital_where_that_is_less(seeded):
    market = economics.create("davila12")
    for planner_return, share in ((market.planner_return, None), (1.29, 1.0)):
        planner = under(economics.create("davila12", planner_return=planner_return), "planner")
        k = planner.initial_assets((4, 200_000), seeded(1))
        expected = market.typical_state()["K"] if share is None else share * planner.typical_state()["K"]
        assert float(k.mean()) == pytest.approx(expected, rel=0.01)
        assert float(k.std() / k.mean()) == pytest.approx(5**0.5, rel=0.02)
    assert planner.typical_state()["K"] < market.steady_state()["K"], "less than at beta R = 1"
    with pytest.raises(InputError, match="planner_return: expected a gross return above 1 - delta"):
        economics.create("davila12", planner_return=0.92)
