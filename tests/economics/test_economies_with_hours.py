"""Economies whose households choose their hours: what holds before anybody is trained."""

import math

import pytest
import torch

from deepham import economics
from deepham.algorithm.residuals import residuals
from deepham.economics.effort import Isoelastic, Leisure
from deepham.errors import InputError
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel

WITH_HOURS = ("brock_mirman_labour", "ks98_ghh", "ks98_labour", "ks98_leisure")
KS98 = WITH_HOURS[1:]


def household_rule(economy):
    """Permanent income, as far as it can be afforded."""
    base = economy.frictionless()

    def rule(seen):
        floor = economy.floor(seen)
        wanted = base.mpc * (seen.resources + base.human_wealth)
        wanted = wanted if floor is None else floor + base.mpc * (seen.resources - floor + base.human_wealth)
        return torch.minimum(wanted, economy.spendable(seen))

    return rule


def lives(economy, agents=500):
    return initial_panel(economy, 4, agents, torch.Generator().manual_seed(3))


def in_proportion(economy, panel):
    """The same households, in whose population as many are unemployed as the aggregate state says."""
    people = panel.population
    employed = economy.works(people.eps)
    unemployed = economy.jobless_share[panel.z]
    weight = torch.where(
        employed,
        (1 - unemployed) / employed.sum(1, keepdim=True),
        unemployed / (~employed).sum(1, keepdim=True),
    )
    return Panel(Population(people.k, people.eps, weight), panel.z)


@pytest.mark.parametrize("name", WITH_HOURS)
def test_a_household_keeps_its_budget_and_works_for_its_pay(name):
    economy = economics.create(name)
    period = World(economy, household_rule(economy)).period(lives(economy))
    seen, c, n = period.seen, period.choice["c"], period.choice["n"]
    pay = seen.prices["pay"] * economy.works(seen.eps)
    unpaid = 0 if name == "brock_mirman_labour" else economy.mu * seen.prices["w"] * ~economy.works(seen.eps)
    earned = seen.prices["R"] * seen.k + pay * n + unpaid
    torch.testing.assert_close(c + period.carried, earned, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        economy.needed(period.choice, period.carried, seen), seen.resources, rtol=1e-12, atol=1e-12
    )
    assert bool((n[pay == 0] == 0).all()) and float(period.carried.min()) > -1e-12


@pytest.mark.parametrize("name", WITH_HOURS)
def test_labour_clears_and_goods_add_up(name):
    economy = economics.create(name)
    panel = lives(economy)
    panel = panel if name == "brock_mirman_labour" else in_proportion(economy, panel)
    period = World(economy, household_rule(economy)).period(panel)
    torch.testing.assert_close(period.accounts["L"], panel.population.mean(period.choice["n"]), rtol=1e-8, atol=0)
    for missing in economy.balance(period.accounts).values():
        assert float((missing / period.accounts["Y"]).abs().max()) < 1e-8


@pytest.mark.parametrize("name", WITH_HOURS)
def test_hours_are_what_utility_is_highest_at(name):
    """An hour more, paid for by consumption today, changes utility by nothing; whoever does not work loses by it."""
    economy = economics.create(name)
    period = World(economy, household_rule(economy)).period(lives(economy))
    seen, choice = period.seen, period.choice
    works, pay = economy.works(seen.eps), seen.prices["pay"]
    n = choice["n"].clone().requires_grad_()
    utility = economy.utility({"c": choice["c"] + pay * (n - choice["n"]), "n": n}, seen)
    (gain,) = torch.autograd.grad(utility.sum(), n)
    gain = gain / (pay * economy.marginal_utility(choice, seen))
    at_corner = works & (choice["n"] == 0)
    assert float(gain[works & ~at_corner].abs().max()) < 1e-12
    assert bool((gain[at_corner] <= 0).all())
    assert float(economy.missed(choice, seen)["labour"][works].abs().max()) == 0


@pytest.mark.parametrize("name", WITH_HOURS)
def test_at_the_limit_hours_and_consumption_are_best_together(name):
    economy = economics.create(name)
    if name == "brock_mirman_labour":
        economy = economics.create(name, frisch=0.4)
    elif name != "ks98_leisure":
        economy = economics.create(name, frisch=0.4, sigma=2.0)
    seen = World(economy).seen_at(lives(economy), {"L": torch.full((4, 1), economy.unknowns["L"].typical)})
    most = economy.spendable(seen)
    choice = economy.complete(most, seen)
    torch.testing.assert_close(economy.carry(choice, seen), torch.zeros_like(most), rtol=0, atol=1e-11)
    more, _ = economy.spending(torch.full_like(most, 1.0), seen)
    torch.testing.assert_close(more["c"], most, rtol=1e-12, atol=0)


def test_the_rich_do_not_work_where_leisure_is_in_the_utility_and_the_poor_never_stop():
    economy = economics.create("ks98_leisure")
    k = torch.tensor([[0.5, 10.0, 40.0, 200.0, 1000.0]], dtype=torch.float64)
    employed, K = torch.ones_like(k, dtype=torch.long), economy.steady_state()["K"]
    panel = Panel(Population.panel(torch.full_like(k, K), employed), torch.zeros(1, 1, dtype=torch.long))
    seen = World(economy).seen_at(panel, {"L": torch.full((1, 1), 0.3, dtype=torch.float64)}, k, employed)
    n = economy.complete(household_rule(economy)(seen), seen)["n"][0]
    assert bool((n[:3].diff() < 0).all()) and n[2] > 0 and n[3] == 0 and n[4] == 0
    assert economy.spendable(seen)[0, -1] == seen.prices["R"] * 1000.0  # who could not consume more by working


@pytest.mark.parametrize("nu", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("sigma", [0.5, 1.0, 5.0])
def test_hours_at_the_limit_solve_their_condition_and_pass_gradients_on(nu, sigma):
    rest = torch.logspace(-3, 3, 25, dtype=torch.float64).requires_grad_()
    effort, wage = Isoelastic(0.7, nu), torch.full_like(rest, 2.3)
    n = effort.at_limit(rest, wage, sigma)
    torch.testing.assert_close(0.7 * n**nu, wage * (rest + wage * n) ** -sigma, rtol=1e-10, atol=0)
    (slope,) = torch.autograd.grad(n.sum(), rest)
    c = rest + wage * n
    exact = -sigma / c / (nu / n + sigma * wage / c)
    torch.testing.assert_close(slope, exact.detach(), rtol=1e-9, atol=0)


def test_leisure_at_the_limit_is_a_share_of_full_income():
    effort, rest = Leisure(1.9, 1.0), torch.tensor([0.0, 0.4, 5.0], dtype=torch.float64)
    n = effort.at_limit(rest, torch.full_like(rest, 2.0), 1.0)
    torch.testing.assert_close(rest + 2 * n, torch.tensor([2 / 2.9, 2.4 / 2.9, 5.0], dtype=torch.float64))


@pytest.mark.parametrize("frisch, phi", [(1.0, 1.0), (0.5, 3.0), pytest.param(2.0, 0.6, marks=pytest.mark.slow)])
def test_the_closed_form_of_brock_and_mirman_satisfies_every_condition(frisch, phi):
    economy = economics.create("brock_mirman_labour", frisch=frisch, phi=phi)
    a = economy.alpha * economy.beta

    def rule(seen):
        t, _ = economy.closed_form(seen.population)
        Y = seen.prices["R"] * seen.aggregates["K"] / economy.alpha
        return t * (1 - a) * Y

    panel = lives(economy, agents=12)
    world = World(economy, rule, lambda seen: seen.resources)
    period = world.period(panel)
    t, L = economy.closed_form(panel.population)
    torch.testing.assert_close(t.mean(1), torch.ones(4, dtype=torch.float64), rtol=1e-10, atol=0)
    torch.testing.assert_close(period.seen.aggregates["L"], L, rtol=1e-7, atol=0)
    torch.testing.assert_close(period.accounts["I"], a * period.accounts["Y"], rtol=1e-7, atol=0)
    before = panel.population.k / panel.population.k.mean(1, keepdim=True)
    after = period.carried / period.carried.mean(1, keepdim=True)
    torch.testing.assert_close(after, before, rtol=1e-7, atol=0)
    assert float(residuals(world, panel, optimality=False).euler.abs().max()) < 1e-7
    assert all(abs(float(ours) - truth) < 1e-5 for ours, truth in economy.known(period, period.accounts).values())
    if (frisch, phi) == (1.0, 1.0):  # stated for beta .99: households that are alike
        alike = economics.create("brock_mirman_labour", beta=0.99)
        assert round(alike.customary, 6) == 0.997199


@pytest.mark.parametrize("name", KS98)
def test_the_deterministic_steady_state_is_one_of_the_households(name):
    """All consume the same there, and hours are worth their pay: phi was found, or hours were, for this."""
    economy = economics.create(name)
    state, n = economy.steady_state(), torch.tensor(economy.customary, dtype=torch.float64)
    pay = economy.typical_pay
    cost = torch.func.grad(economy.effort.level)(n)
    c = state["c"] if name != "ks98_ghh" else None
    assert math.isclose(float(cost), pay if c is None else pay / c, rel_tol=1e-12)


def test_ghh_hours_are_those_of_the_wage_and_hours_fall_in_wealth_elsewhere():
    for name in KS98:
        economy = economics.create(name)
        k = torch.linspace(1, 80, 30, dtype=torch.float64)[None] * economy.scale / 40
        panel = Panel(Population.panel(k, torch.ones_like(k, dtype=torch.long)), torch.ones(1, 1, dtype=torch.long))
        n = World(economy, household_rule(economy)).period(panel).choice["n"][0]
        assert bool((n.diff() == 0).all() if name == "ks98_ghh" else (n.diff() < 0).all())


@pytest.mark.parametrize(
    "name, parameter, value",
    [
        ("ks98_labour", "frisch", -1.0),
        ("ks98_ghh", "frisch", 0.0),
        ("brock_mirman_labour", "frisch", -0.5),
        ("brock_mirman_labour", "phi", 0.0),
        ("ks98_labour", "sigma", -1.0),
        ("ks98_labour", "hours", 0.0),
        ("ks98_ghh", "hours", -1.0),
        ("ks98_leisure", "hours", 0.0),
        ("ks98_leisure", "theta", 1.0),
        ("ks98_leisure", "sigma", 2.0),
        ("ks98_leisure", "mu", -0.1),
        ("ks98_labour", "mu", 0.0),
    ],
)
def test_what_is_no_economy_is_refused_in_one_line(name, parameter, value):
    with pytest.raises(InputError, match=f"^{parameter}: ") as error:
        economics.create(name, **{parameter: value})
    assert "\n" not in str(error.value)
