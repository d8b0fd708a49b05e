"""The bond economy: its known answers, without any training."""

import math

import numpy as np
import pytest
import torch
import yaml

import deepham
from deepham import economics
from deepham.algorithm.evaluation import known_measures
from deepham.errors import InputError, OutOfDomain
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.reference.law_of_motion import household_grid
from deepham.reference.laws import PricePolynomials
from deepham.reference.settings import settings_for
from deepham.reference.stationary import solve_stationary
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel, walk
from deepham.system.paths import conf_folder


def calibrated(name, **changes):
    parameters = yaml.safe_load((conf_folder() / "calibration" / f"{name}.yaml").read_text(encoding="utf-8"))
    parameters.pop("name")
    return economics.create("huggett", **parameters | changes)


def untrained(economy, base="frictionless"):
    network = yaml.safe_load((conf_folder() / "network" / "first_moment.yaml").read_text(encoding="utf-8"))
    policy, value = build_networks(economy, NetworkSettings(**network | {"base": base}), seed=3)
    return policy.double(), value.double()


@pytest.fixture(scope="module")
def huggett():
    return economics.create("huggett")


def test_identical_households_price_the_bond_by_growth_alone():
    """y = 1 and B = 0: nobody holds anything, and q(z) = beta E[(z'/z)^-sigma | z], a lognormal expectation."""
    e = economics.create("huggett", states=1)
    log_z = torch.linspace(-0.06, 0.06, 5, dtype=torch.float64)[:, None]
    innovation = e.sd_z * math.sqrt(1 - e.rho_z**2)
    hoped = torch.exp(-e.sigma * (e.rho_z - 1) * log_z + (e.sigma * innovation) ** 2 / 2)  # E[(z'/z)^-sigma]

    def policy(seen):  # of a household that consumes its income tomorrow, whatever it saves today
        return (e.beta * hoped / seen.prices["q"]) ** (-1 / e.sigma) * seen.prices["z"] * torch.ones_like(seen.k)

    nobody = Population.panel(torch.zeros(5, 2, dtype=torch.float64), torch.zeros(5, 2, dtype=torch.long))
    period = World(e, policy).period(Panel(nobody, log_z))
    torch.testing.assert_close(period.seen.prices["q"], e.beta * hoped, rtol=1e-8, atol=0)
    worth = e.beta * e.chain.next_states(log_z)[1].unsqueeze(-1)
    following = e.chain.next_states(log_z)[0].exp() ** -e.sigma
    found = (worth * following).sum(1) / log_z.exp() ** -e.sigma
    torch.testing.assert_close(period.seen.prices["q"], found, rtol=1e-5, atol=0)  # .1 basis points: the quadrature


def at_rest(economy, **settings):
    return solve_stationary(economy, settings_for("huggett", settings))


def test_with_the_papers_risk_at_rest_the_interest_rate_is_known():
    """2.3997 % by endogenous grid points on grids of 3,000 nodes."""
    e = calibrated("huggett_certain")
    found = at_rest(e, k_nodes=200, histogram_nodes=200, top=14.0)
    accounts, people = found.ergodic.accounts, found.ergodic.dates.population
    assert float(accounts["r"][0, 0]) == pytest.approx(2.3997, abs=0.002)
    assert float(accounts["C"][0, 0]) == pytest.approx(1.02719, abs=1e-5)
    assert found.ergodic.resource_gap < 1e-6
    at_limit = people.mean((people.k <= e.b_min).double())
    assert float(at_limit[0]) == pytest.approx(0.0233, abs=0.001)
    assert float(people.mean(people.k**2)[0].sqrt()) == pytest.approx(1.173, rel=3e-3)
    known = known_measures(World(e, found.policy), found.ergodic)  # as the verdict says it: basis points, and percent
    assert known["known.r"] == pytest.approx(100 * (float(accounts["r"][0, 0]) - 2.3997), abs=1e-3)
    assert abs(known["known.wealth_sd"]) < 0.3
    assert not calibrated("huggett_certain", beta=0.961).answers and not economics.create("huggett").answers


@pytest.mark.slow
def test_with_bonds_in_supply_the_interest_rate_is_known():
    """.5578 %, and a share of .1196 at the limit, by the same."""
    e = calibrated("huggett_rest")
    found = at_rest(e, k_nodes=500, histogram_nodes=600, top=6.0)
    people = found.ergodic.dates.population
    assert float(found.ergodic.accounts["r"][0, 0]) == pytest.approx(0.5578, abs=0.0003)
    assert float(people.mean((people.k - e.B) ** 2)[0].sqrt()) == pytest.approx(6.551, rel=1e-3)


def test_in_the_tight_limit_the_most_cautious_price_the_bond():
    """b_min = 0 and B -> 0: q = beta max_y E[(y'/y)^-sigma | y], from which it is away by an amount linear in B."""
    found = []
    for B in (2e-4, 1e-4):
        e = calibrated("huggett_rest", B=B)
        found.append(float(at_rest(e, k_nodes=120, histogram_nodes=120, top=60.0).ergodic.K[0, 0]))
    assert e.highest == pytest.approx(1.086479, abs=1e-6)
    assert 2 * found[1] - found[0] == pytest.approx(e.highest, abs=1e-5)
    assert e.highest - found[1] == pytest.approx(1.43e-4, rel=0.05)


def test_households_who_forecast_from_the_price_know_its_mean_in_each_state(huggett):
    """A path of the law's own prices, regressed on z: the mean that V is asked at."""
    settings = settings_for("huggett")
    laws = PricePolynomials(huggett, household_grid(huggett, settings), 2, 2)
    law = laws.law(torch.tensor([-0.035, 0.2, 0.0, -0.17, 0.85], dtype=torch.float64))
    shocks = huggett.chain.draw_path(huggett.chain.typical_z().expand(400, 1), 160, torch.Generator().manual_seed(0))
    z = huggett.chain.typical_z().expand(400, 1)
    price = law(z, z[:, 0])[:, None]
    for shock in shocks.unbind(1):
        following = huggett.chain.follow(z, shock)
        price, z = law.following(price, z, following), following
    slope, level = np.polyfit(z[:, 0].numpy(), price.log()[:, 0].numpy(), 1)
    assert slope == pytest.approx(float(law.average[1]), rel=0.01)
    assert level == pytest.approx(float(law.average[0]), abs=1e-4)


@pytest.mark.slow
def test_on_the_grid_a_percent_of_z_moves_the_interest_rate_as_in_the_linear_answer():
    """-20.05 basis points, then .9 of it; forecasts from z and the price are good to basis points."""
    small = {
        "k_nodes": 80,
        "K_nodes": 5,
        "z_nodes": 5,
        "histogram_nodes": 120,
        "burn_in": 50,
        "periods": 100,
        "tolerance": 2e-5,
    }
    grid = deepham.solve_on_grid("huggett", settings=small, progress=False)
    rates = []
    for size in (0.01, -0.01):
        innovations = np.zeros(110)
        innovations[100] = size / (0.02 * math.sqrt(1 - 0.9**2))
        rates.append(grid.simulate(periods=110, shocks=innovations)["r"].values[0, 100:])
    response = 100 * (rates[0] - rates[1]) / 2
    assert response[0] == pytest.approx(-20.05, rel=0.01)
    np.testing.assert_allclose(response[1:5] / response[:4], 0.896, atol=0.003)
    # on grids as coarse as these; the standard ones forecast to 0.4 at most
    assert 100 * grid.measures["forecast.mean"] < 0.5 and 100 * grid.measures["forecast.max"] < 2
    assert grid.measures["euler.mean"] < 0.01


@pytest.mark.parametrize("calibration", ["huggett_certain", "huggett_rest"])
@pytest.mark.parametrize("base", ["frictionless", "typical"])
def test_before_any_training_demand_falls_in_the_price(calibration, base, seeded):
    e = calibrated(calibration)
    panel = initial_panel(e, 1, 500, seeded())
    world = World(e, untrained(e, base)[0])
    excess = []
    for q in torch.linspace(0.9, 1.1, 21, dtype=torch.float64):
        seen = world.seen_at(panel, {"q": q.reshape(1, 1)})
        choice = world.choose(seen)
        excess.append(float(e.conditions(choice, e.carry(choice, seen), seen)["q"].detach()))
    assert all(later < earlier for earlier, later in zip(excess, excess[1:]))


def test_the_price_moves_what_the_policy_says_and_not_what_is_expected(huggett, seeded):
    """V is asked before markets clear: of tomorrow nobody has to know the price."""
    torch.manual_seed(0)
    policy, value = untrained(huggett)
    for network in (policy, value):
        for leaf in network.parameters():
            leaf.data = leaf.data + 0.1 * torch.randn_like(leaf)
    world, panel = World(huggett, policy, value), initial_panel(huggett, 3, 50, seeded())
    low, high = (world.seen_at(panel, {"q": torch.full((3, 1), q, dtype=torch.float64)}) for q in (0.95, 1.0))
    assert not torch.equal(policy(low), policy(high))
    assert torch.equal(value(low), value(high)) and torch.equal(value(low), value(world.before(panel)))


def test_markets_clear_at_every_date_and_goods_add_up(huggett, seeded):
    generator = seeded(2)
    world, panel = World(huggett, untrained(huggett)[0]), initial_panel(huggett, 2, 300, generator)
    for period in walk(world, panel, 8, generator):
        assert float(period.conditions["q"].abs().max()) < 1e-8
        assert float(period.seen.population.mean(period.carried).abs().max()) < 1e-8
        torch.testing.assert_close(period.accounts["q"], period.found)
        if period.panel.near is not None:  # from the second on the first has been forgotten
            assert float(huggett.balance(period.accounts)["goods"].abs().max()) < 1e-7


def test_a_market_that_cannot_clear_is_said_and_in_training_kept_at_the_end(huggett, seeded):
    panel = initial_panel(huggett, 2, 50, seeded())
    thrifty = World(huggett, lambda seen: 1e-3 * seen.resources.clamp_min(0.1))
    with pytest.raises(OutOfDomain, match=r"q: excess demand is .* at 0\.768 and .* at 2\.186"):
        thrifty.observe(panel)
    kept = World(huggett, thrifty.policy, clamped=True).observe(panel)
    assert kept.prices["q"][:, 0].tolist() == [huggett.unknowns["q"].high] * 2


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"b_min": 0.0}, "B: 0 bonds a head cannot be held"),
        ({"B": -2.0}, "B: -2 bonds a head cannot be held"),
        ({"b_min": -4.0}, "b_min: a household that earns 0.5488 cannot stay 4 in debt"),
        ({"b_min": 0.5, "B": 1.0}, "b_min: expected a number of at most 0"),
        ({"income_grid": "tauchen"}, "income_grid: expected rouwenhorst or bins, got tauchen"),
        ({"states": 0}, r"states: expected a whole number in \[1, 99\]"),
        ({"rho": 1.0}, r"rho: expected a number in \(-1, 1\)"),
        ({"sd_z": -0.1}, "sd_z: expected a number of at least 0"),
    ],
)
def test_what_is_no_bond_economy_is_refused_in_one_line(changes, said):
    with pytest.raises(InputError, match=said):
        economics.create("huggett", **changes)
