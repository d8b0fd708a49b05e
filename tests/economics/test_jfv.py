"""Financial frictions: the equations in plain numbers, what adds up, and what cannot be."""

import math
from statistics import NormalDist

import pytest
import torch
from walking import advance

from deepham import economics
from deepham.errors import InputError
from deepham.simulation.expectation import expand_next
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel

TIGHT = {"rtol": 1e-12, "atol": 1e-12}
ALPHA, DELTA, RHO_HAT, SIGMA, DT, LOW, FINDING, LOSING = 0.35, 0.1, 0.04971, 0.014, 0.2, 0.72, 0.986, 0.052


@pytest.fixture
def jfv():
    return economics.create("jfv")


@pytest.fixture
def panel():
    """Two economies of three households, who hold 1.2 and 2.0 on average."""
    k = torch.tensor([[0.0, 1.2, 2.4], [0.5, 1.5, 4.0]], dtype=torch.float64)
    return Panel(
        Population.panel(k, torch.tensor([[0, 1, 1], [1, 0, 1]])), torch.tensor([[2.5], [1.7]], dtype=torch.float64)
    )


def expert(W, K, Z):
    """W' by hand."""
    leverage = K / W
    growth = ALPHA * K ** (ALPHA - 1) - DELTA - RHO_HAT - SIGMA**2 * (1 - leverage) * leverage
    return W + growth * W * DT + SIGMA * K * math.sqrt(DT) * Z


def test_prices_and_resources_by_hand(jfv, panel):
    seen = World(jfv).observe(panel)
    high = 1 + LOSING / FINDING * (1 - LOW)
    for b, (B, W) in enumerate(((1.2, 2.5), (2.0, 1.7))):
        K = B + W
        r = ALPHA * K ** (ALPHA - 1) - DELTA - SIGMA**2 * K / W
        w = (1 - ALPHA) * K**ALPHA
        assert float(seen.prices["R"][b]) == pytest.approx(1 + r * DT, rel=1e-14)
        for a, e, m in zip(
            panel.population.k[b].tolist(), panel.population.eps[b].tolist(), seen.resources[b].tolist()
        ):
            assert m == pytest.approx(a + (w * (LOW, high)[e] + r * a) * DT, rel=1e-14)


def test_earnings_have_a_mean_of_one(jfv):
    shares = jfv.chain.eps_shares()
    assert float(shares @ jfv.e) == pytest.approx(1, rel=1e-12)
    assert float(shares[0]) == pytest.approx(LOSING / (LOSING + FINDING), rel=1e-12)
    torch.testing.assert_close(
        jfv.chain.individual,
        torch.tensor([[1 - FINDING * DT, FINDING * DT], [LOSING * DT, 1 - LOSING * DT]], dtype=torch.float64),
        **TIGHT,
    )


def test_net_worth_follows_its_law_for_a_draw_for_a_shock_and_for_the_nodes(jfv, panel):
    seen = World(jfv).observe(panel)
    u = torch.tensor([[0.9], [0.2]], dtype=torch.float64)
    drawn = jfv.chain.draw_z(panel.z, u, seen.aggregates)
    shocked = jfv.chain.follow(panel.z, torch.tensor([[-2.0], [0.5]], dtype=torch.float64), seen.aggregates)
    following, p = jfv.chain.next_states(panel.z, seen.aggregates)
    nodes, weights = (-math.sqrt(3), 0.0, math.sqrt(3)), (1 / 6, 2 / 3, 1 / 6)
    for b, (K, W) in enumerate(((3.7, 2.5), (3.7, 1.7))):
        assert float(drawn[b]) == pytest.approx(expert(W, K, NormalDist().inv_cdf(float(u[b]))), rel=1e-12)
        assert float(shocked[b]) == pytest.approx(expert(W, K, (-2.0, 0.5)[b]), rel=1e-12)
        by_node = dict(zip((round(float(x), 10) for x in following[b, :, 0]), p[b].tolist()))
        expected = {round(expert(W, K, node), 10): weight for node, weight in zip(nodes, weights)}
        assert by_node == pytest.approx(expected, rel=1e-9)


def test_what_is_produced_is_consumed_or_invested(jfv, panel, seeded):
    """K' = K + (Y - C - C_expert - delta K) dt + sigma K sqrt(dt) Z."""
    seen, population = World(jfv).observe(panel), panel.population
    consumption = 0.1 * seen.resources
    accounts = jfv.accounts({"c": consumption}, seen.resources - consumption, seen)
    Z = torch.tensor([[1.3], [-0.4]], dtype=torch.float64)
    W_next = jfv.chain.follow(panel.z, Z, seen.aggregates)
    K_next = population.mean(seen.resources - consumption) + W_next
    K = accounts["K"]
    expected = K + (accounts["I"] - DELTA * K) * DT + SIGMA * K * math.sqrt(DT) * Z
    torch.testing.assert_close(K_next, expected, **TIGHT)
    # earnings of these few do not have the mean of one that output is reckoned with
    (missing,) = jfv.balance(accounts).values()
    torch.testing.assert_close(missing, accounts["w"] * (1 - population.mean(jfv.e[population.eps])), rtol=1e-9, atol=0)
    assert bool((missing.abs() > 1e-3).all())
    torch.testing.assert_close(accounts["spread"], 100 * SIGMA**2 * accounts["leverage"], rtol=1e-9, atol=0)


def test_tomorrows_net_worth_hangs_on_what_households_hold_today(jfv, panel, seeded):
    following, _ = advance(World(jfv, lambda seen: 0.1 * seen.resources), panel, seeded())
    richer = Panel(panel.population.with_assets(panel.population.k + 1), panel.z)
    other, _ = advance(World(jfv, lambda seen: 0.1 * seen.resources), richer, seeded())
    assert bool((following.z != other.z).all())
    seen = World(jfv).observe(panel)
    nodes, p_z, p_eps = expand_next(jfv, panel.population, seen)
    assert nodes.z.shape == (6, 1) and p_z.shape == (2, 3) and p_eps.shape == (2, 3, 3, 2)


def test_a_household_that_takes_prices_as_given_does_not_move_net_worth(jfv, panel):
    k = panel.population.k.clone().requires_grad_()
    for price_taking in (True, False):
        seen = World(jfv, price_taking=price_taking).observe(Panel(panel.population.with_assets(k), panel.z))
        z_next, _ = jfv.chain.next_states(panel.z, seen.aggregates)
        assert z_next.requires_grad is not price_taking


def test_the_two_conventions_of_discounting():
    simple, exponential = (economics.create("jfv", discounting=name) for name in ("simple", "exponential"))
    assert simple.beta == pytest.approx(1 / 1.01, rel=1e-15) and exponential.beta == pytest.approx(
        math.exp(-0.01), rel=1e-15
    )
    r = (1 / simple.beta - 1) / DT  # at which a household without risk neither saves nor dissaves
    assert r == pytest.approx(0.05, rel=1e-12)
    # at a rate of interest rho_hat, .00029 below: by the other convention twice as far
    assert ((1 / exponential.beta - 1) / DT - RHO_HAT) / (r - RHO_HAT) == pytest.approx(1.86, abs=0.01)


def test_without_shocks_capital_earns_what_the_expert_consumes(jfv):
    """Net worth rests where r = alpha K^(alpha-1) - delta is rho_hat, of whatever households hold of K."""
    K = jfv.steady_state()["K"]
    assert ALPHA * K ** (ALPHA - 1) - DELTA == pytest.approx(RHO_HAT, rel=1e-12)
    W, B = torch.tensor([[1.5]], dtype=torch.float64), torch.tensor([K - 1.5], dtype=torch.float64)
    calm = economics.create("jfv", sigma=0.0)
    torch.testing.assert_close(calm.chain.follow(W, torch.zeros_like(W), {"B": B, "K": B + 1.5}), W, **TIGHT)


def test_the_frictionless_rule_keeps_its_budget_and_its_euler_equation(jfv):
    """Wealth m + H earns the typical return after consumption, and consumption grows by (beta R)^(1/crra) a step."""
    base, state, m = jfv.frictionless(), jfv.typical_state(), 3.0
    prices = jfv.prices({name: jfv.table([state[name]]) for name in ("B", "K")}, jfv.chain.typical_z())
    R, income = float(prices["R"]), float(prices["w"]) * DT
    c = base.mpc * (m + base.human_wealth)
    c_next = base.mpc * (R * (m - c) + income + base.human_wealth)
    assert c_next / c == pytest.approx((jfv.beta * R) ** (1 / jfv.crra), rel=1e-12)
    assert base.human_wealth == pytest.approx(income / (R - 1), rel=1e-9)


def test_simulations_start_around_the_stated_state(jfv, seeded):
    start = initial_panel(jfv, 400, 300, seeded())
    B = start.population.mean(start.population.k)
    for mean, values in ((jfv.stated_net_worth, start.z[:, 0]), (jfv.stated_assets, B)):
        assert float(values.log().mean()) == pytest.approx(math.log(mean), abs=0.03)
        assert float(values.log().std()) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(
    "changes, said",
    [
        (
            {"dt": 1.2},
            r"dt: .* a rate of 0.986 a year comes to a probability of 1.1832; "
            r"expected at most 1, and so dt of at most 1.014",
        ),
        (
            {"dt": 11.0, "finding": 0.05, "losing": 0.05},
            "dt: .* more capital wears out than there is; expected less than 1/delta, 10",
        ),
        ({"stated_net_worth": -1.0}, "stated_net_worth: expected a positive number, got -1"),
        ({"stated_net_worth": 0.02}, "stated_net_worth: at a leverage of 62 a shock of 4 standard deviations takes"),
        ({"sigma": 0.5}, "stated_net_worth: at a leverage of .* or a smaller sigma or dt"),
        ({"discounting": "daily"}, "discounting: expected simple or exponential, got daily"),
        ({"discounting": 3}, "discounting: expected a text, got 3"),
        ({"low": 1.5}, "low: expected less than the mean of e"),
        ({"quadrature": 2.5}, "quadrature: expected a whole number, got 2.5"),
        (
            {"quadrature": 1},
            "quadrature: expected a whole number of nodes from 2 to 99, with one of which no shock is expected, got 1",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_line(changes, said):
    with pytest.raises(InputError, match=said) as refused:
        economics.create("jfv", **changes)
    assert "\n" not in str(refused.value)


def test_net_worth_and_leverage_have_a_domain(jfv):
    good = torch.tensor([[2.5]], dtype=torch.float64)
    assert jfv.fault(good) is None and jfv.fault(good, {"K": torch.tensor([3.7])}) is None
    assert "net worth is -0.1" in jfv.fault(torch.tensor([[2.5], [-0.1]]))
    assert "net worth is nan" in jfv.fault(torch.tensor([[math.nan]]), {"K": torch.tensor([math.nan])})
    huge = {"B": torch.tensor([1e6]), "K": torch.tensor([1e6 + 2.5])}
    assert "leverage K/W of 4e+05" in jfv.fault(good, huge)
