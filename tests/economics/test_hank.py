"""sequence-jacobian's one-asset HANK: its printed steady state and policies, put into the equations (no training)."""

import json
import math
from pathlib import Path

import pytest
import torch

from deepham.algorithm.residuals import missed_foresight
from deepham.economics import create
from deepham.errors import InputError
from deepham.reference.forecasts import LawOfMotion
from deepham.reference.grid import Grid, GridFunction
from deepham.reference.household import HouseholdProblem
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import walk

PRINTED = json.loads((Path(__file__).parent / "hank_printed.json").read_text())
STEADY, POLICY = PRINTED["steady"], PRINTED["policy"]


@pytest.fixture(scope="module")
def economy():
    return create("hank")


@pytest.fixture
def seen(economy):
    """What the twelve households of the printed table see at rest."""
    places = (economy.e[None] - torch.tensor([[row["e"]] for row in POLICY], dtype=torch.float64)).abs()
    k = torch.tensor([[row["a"] for row in POLICY]], dtype=torch.float64)
    panel = Panel(Population.panel(k, places.argmin(1)[None]), economy.chain.typical_z())
    found = {"pi": 0.0, "w": STEADY["w"], "L": 1.0}
    return World(economy).seen_at(panel, {name: economy.table([[value]]) for name, value in found.items()})


def printed(name):
    return torch.tensor([[row[name] for row in POLICY]], dtype=torch.float64)


def test_prices_at_rest_are_the_printed_ones(seen):
    for ours, theirs in (("d", STEADY["Div"]), ("tax", STEADY["Tax"]), ("i", STEADY["r"]), ("Y", STEADY["Y"])):
        assert float(seen.prices[ours]) == pytest.approx(theirs, abs=1e-6)
    assert float(seen.prices["R"]) == pytest.approx(1 + STEADY["r"], abs=1e-6)


def test_printed_policies_satisfy_budgets_and_the_condition_of_hours(economy, seen):
    carried = economy.carry({"c": printed("c"), "n": printed("n")}, seen)
    torch.testing.assert_close(carried, printed("a_next"), atol=1e-6, rtol=0)
    torch.testing.assert_close(economy.follows(printed("c"), seen)["n"], printed("n"), atol=1e-5, rtol=0)


def test_the_phillips_curve_and_the_taylor_rule_off_their_rest(economy):
    """With numbers that are worked out by hand, so that a sign or a date that is wrong shows."""
    z = torch.tensor([[0.001, 0.02, 0.007]], dtype=torch.float64)
    found = {name: economy.table([[value]]) for name, value in (("pi", 0.004), ("w", 0.85), ("L", 1.1))}
    prices = economy.prices(found, z)
    assert float(prices["i"]) == pytest.approx(0.005 + 0.001 + 1.5 * 0.004)
    assert float(prices["R"]) == pytest.approx(1.007 / 1.004)
    Y = 1.1 * 2.718281828459045**0.02
    cost = 6 / 0.2 * 0.003992021269537453**2 * Y
    assert float(prices["d"]) == pytest.approx(Y - 0.85 * 1.1 - cost)
    moved = economy.chain.follow(z, torch.zeros_like(z), found | prices)[0]
    assert moved.tolist() == pytest.approx([0.61 * 0.001, 0.9 * 0.02, 0.012])
    tomorrow = {
        "Y": Y * torch.tensor([[0.9, 1.2]]),
        "pi": torch.tensor([[0.01, 0.02]]),
        "R": torch.tensor([[1.01, 1.0]]),
    }
    left = economy.foresight(found | prices, tomorrow, lambda values: values.double().mean(1, keepdim=True))["pi"]
    hoped = (0.9 * 0.009950330853168092 / 1.01 + 1.2 * 0.019802627296179754) / 2
    gap = 0.85 / 2.718281828459045**0.02 - 1 / 1.2
    assert float(left) == pytest.approx(0.003992021269537453 - 0.1 * gap - hoped, rel=1e-5)


def test_markets_clear_by_walras_law_away_from_rest(economy):
    """Whatever a plan and an outlook say: bonds and labour clear in the period, and goods are then used up."""
    generator = torch.Generator().manual_seed(1)
    k = economy.initial_assets((2, 280), generator)
    eps = torch.arange(7).repeat(40).expand(2, -1)
    weight = economy.chain.eps_shares()[eps] / 40  # of which the mean of e is one
    z = torch.tensor([[0.002, 0.01, 0.008], [-0.003, -0.01, 0.001]], dtype=torch.float64)

    def plan(seen):
        return torch.minimum(0.05 * seen.resources + 0.65 * economy.e[seen.eps] ** 0.7, economy.spendable(seen))

    world = World(economy, plan, outlook=lambda seen: {"pi": 0.5 * seen.z[:, :1]})
    period = world.period(Panel(Population(k * economy.B / (weight * k).sum(1, keepdim=True), eps, weight), z))
    assert max(float(left.abs().max()) for left in period.conditions.values()) < 1e-8
    assert float(economy.balance(period.accounts)["goods"].abs().max()) < 1e-7
    assert missed_foresight(period)["pi"].shape == (2, 1)


def test_bad_input_is_said():
    with pytest.raises(InputError, match="phi_pi"):
        create("hank", phi_pi=0.9)
    with pytest.raises(InputError, match="rstar_bar"):
        create("hank", rstar_bar=0.02)
    with pytest.raises(InputError, match="^B: interest"):
        create("hank", B=300.0)


@pytest.fixture(scope="module")
def stationary(economy):
    """The policy and the cross-section of the grid method on sequence-jacobian's own nodes, between which its functions
    are lines."""
    return settled_household(economy, lines=True)


def settled_household(economy, lines):
    household = economy.at_rest()
    household.labour = 1.0  # that of the printed prices, not of one household without risk
    nodes = torch.logspace(math.log10(0.25), math.log10(150.25), 500, dtype=torch.float64) - 0.25
    nodes[0] = 0.0
    grid = Grid(nodes, household.B * torch.tensor([0.9, 1.0, 1.1], dtype=torch.float64), None, "B", lines)
    law = LawOfMotion(household.table([household.B]).log(), household.table([0.0]))
    c = HouseholdProblem(household, law, grid).consumption(tolerance=1e-10)
    world = World(household, GridFunction(grid, c, household.spendable).on_histogram(nodes))
    mass = (household.chain.eps_shares()[:, None] * torch.exp(-nodes / 6) * (nodes + 0.1)).reshape(1, 7, -1)
    start = Panel(Population.histogram(nodes, mass / mass.sum()), torch.zeros(1, 1, dtype=torch.long))
    *_, last = walk(world, start, 2500, torch.Generator().manual_seed(0), grid=nodes)
    return last


@pytest.mark.slow
def test_the_grid_household_holds_the_printed_assets_and_supplies_the_printed_labour(economy, stationary):
    people, choice = stationary.panel.population, stationary.choice
    held = float(people.mean(people.k))
    assert held == pytest.approx(STEADY["A"], abs=1e-5 * STEADY["A"])
    assert float(people.mean(economy.e[people.eps] * choice["n"])) == pytest.approx(1.0, abs=1e-5)
    assert float(people.mean(choice["n"])) == pytest.approx(STEADY["N"], abs=1e-5)
    at_limit = float(people.weight[people.k == 0].sum())
    assert at_limit == pytest.approx(PRINTED["share_at_limit"], abs=1e-4)
    by_cubics = settled_household(economy, lines=False).panel.population  # what lines between 500 nodes make of it
    assert 5e-5 < 1 - float(by_cubics.mean(by_cubics.k)) / held < 5e-4
