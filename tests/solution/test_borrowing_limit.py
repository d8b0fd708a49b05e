"""Borrowing limits other than zero: whatever divides by what a household has, or takes its logarithm, counts from the
limit."""

from dataclasses import dataclass

import pytest
import torch

from deepham import economics
from deepham.algorithm.bellman_paper import Protocol, _errors
from deepham.algorithm.losses import agent_weights
from deepham.algorithm.residuals import residuals
from deepham.economics.economy import parameter
from deepham.economics.ks98 import KS98
from deepham.errors import InputError
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.reference.forecasts import LawOfMotion
from deepham.reference.grid import Grid
from deepham.reference.household import HouseholdProblem
from deepham.reference.settings import ReferenceSettings
from deepham.reference.solve import solve_reference
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

LIMIT = -2.0


class Debt(KS98):
    """Krusell-Smith with room to borrow: at the limit even resources are negative."""

    borrowing_limit = LIMIT


class FromTheLimit(KS98):
    """The same economy told in other words: assets are counted from the limit on, which is zero then."""

    def aggregates(self, population, z):
        return {"K": population.mean(population.k) + LIMIT}

    def resources(self, k, eps, z, prices):
        return super().resources(k + LIMIT, eps, z, prices) - LIMIT


@dataclass(eq=False)
class Stated(KS98):
    """The limit as a parameter."""

    borrowing_limit: float = parameter("borrowing limit", "goods")


def calibrated(economy, **changed):
    return economy(**economics.calibration("ks98") | changed)


@pytest.fixture(scope="module")
def debt():
    return calibrated(Debt)


@pytest.fixture(scope="module")
def same():
    return calibrated(FromTheLimit)


@pytest.fixture
def panel(seeded):
    """Households from the limit on, of whom some are on it."""
    k = LIMIT + (60 * torch.rand((2, 40), generator=seeded(), dtype=torch.float64) - 10).clamp_min(0)
    return Panel(Population.panel(k, (torch.arange(40) % 3 > 0).long().expand(2, -1)), torch.tensor([[0], [1]]))


def from_the_limit(panel):
    return Panel(panel.population.with_assets(panel.population.k - LIMIT), panel.z)


@pytest.mark.parametrize(
    "network", [{}, {"base": "typical", "quantiles": 5}, {"moments": 2, "aggregates": False}], ids=str
)
def test_networks_are_fed_finite_numbers_down_to_the_limit(debt, panel, network):
    settings = NetworkSettings(
        **{
            "name": "t",
            "width": 6,
            "depth": 1,
            "activation": "tanh",
            "base": "frictionless",
            "aggregate_scale": 10.0,
            "ensemble": 1,
        }
        | network
    )
    policy, value = (each.double() for each in build_networks(debt, settings, 1))
    seen = World(debt).observe(panel)
    assert float(seen.resources.min()) < 0
    own, common = policy.inputs(seen)
    assert all(bool(x.isfinite().all()) for x in (own, common, value(seen)))
    typical, can = debt.typical_state(), seen.resources - LIMIT
    expected = torch.stack([(can / (typical["m"] - LIMIT)).log(), 2 / (1 + can / typical["c"]) - 1], -1)
    torch.testing.assert_close(own[..., :2], expected)
    c = policy(seen)
    assert bool((c > 0).all()) and bool((c < seen.resources - LIMIT).all())


def test_untrained_networks_follow_the_frictionless_rule_where_they_can_afford_it(debt, panel):
    policy, _ = build_networks(debt, NetworkSettings("t", 6, 1, "tanh", "frictionless", 10.0, 1), 1)
    seen, rule = World(debt).observe(panel), debt.frictionless()
    with torch.no_grad():
        policy.mlp[-1].weight.zero_()
        wanted = rule.mpc * (seen.resources + rule.human_wealth)
        torch.testing.assert_close(policy.double()(seen), torch.minimum(wanted, (1 - 1e-6) * (seen.resources - LIMIT)))


def test_an_untrained_share_would_leave_no_capital_and_is_refused(debt):
    with pytest.raises(InputError, match="network.base: with a borrowing limit below zero, here -2"):
        build_networks(debt, NetworkSettings("t", 6, 1, "tanh", "share", 10.0, 1), 1)


def test_weights_in_the_losses_are_those_of_the_economy_told_from_the_limit(debt, same, panel):
    typical = debt.typical_household()
    told = {"assets": typical["assets"] - LIMIT, "c": typical["c"], "limit": 0.0}
    found = agent_weights(typical, World(debt).observe(panel), 2.0, 0.3)
    moved = from_the_limit(panel)
    torch.testing.assert_close(found, agent_weights(told, World(same).observe(moved), 2.0, 0.3))


def test_errors_are_those_of_the_economy_told_from_the_limit(debt, same, panel):
    def measured(economy, panel):
        """Of households who consume most of what they can, some of them all of it."""

        def can(seen):
            return seen.resources - economy.borrowing_limit

        found = residuals(
            World(
                economy,
                lambda seen: torch.minimum(0.5 + 0.06 * can(seen), can(seen)),
                lambda seen: 40 * can(seen).log(),
            ),
            panel,
        )
        return found.euler, found.bellman_policy, found.bellman_optimality

    for ours, theirs in zip(measured(debt, panel), measured(same, from_the_limit(panel))):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_the_published_error_is_that_of_the_economy_told_from_the_limit(debt, same, panel):
    """Whose choices reach from next to nothing to all that it could spend, borrowing included."""
    settings = Protocol(agents=40, economies=2, burn_in=0, periods=1, dates=1, draws=5)
    ours, theirs = (
        _errors(
            World(
                economy,
                lambda seen: 0.05 * (seen.resources - limit),
                lambda seen: 20 * (seen.resources - limit).log(),
            ).period(start),
            settings,
            torch.Generator().manual_seed(0),
        )
        for economy, limit, start in ((debt, LIMIT, panel), (same, 0.0, from_the_limit(panel)))
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_the_household_s_problem_is_that_of_the_economy_told_from_the_limit():
    K, k = (
        torch.tensor([30.0, 39.0, 48.0], dtype=torch.float64),
        300 * torch.linspace(0, 1, 60, dtype=torch.float64) ** 3,
    )

    def solved(economy, shift):
        """Capital is expected to be at its middle node, whatever it is today."""
        law = LawOfMotion((K[1:2] + shift).log().expand(2), torch.zeros(2, dtype=torch.float64))
        problem = HouseholdProblem(economy, law, Grid(k + economy.borrowing_limit, K + shift))
        c = problem.consumption()
        return problem, c, problem.value(c)

    (problem, c, value), (_, same_c, same_value) = (
        solved(calibrated(economy, sigma=1.5), shift) for economy, shift in ((Debt, 0.0), (FromTheLimit, -LIMIT))
    )
    torch.testing.assert_close(c, same_c, rtol=1e-6, atol=0)
    torch.testing.assert_close(value, same_value, rtol=1e-6, atol=0)
    assert torch.equal(c[:, 0, :, 0], problem.today.resources[:, 0, :, 0] - LIMIT), (
        "the unemployed at the limit consume what they can"
    )


@pytest.mark.slow
def test_the_grid_solves_it_and_some_are_in_debt(debt):
    found = solve_reference(
        debt,
        ReferenceSettings(
            k_nodes=40,
            K_nodes=3,
            K_width=0.25,
            top=8.0,
            histogram_nodes=60,
            economies=1,
            burn_in=50,
            periods=200,
            tolerance=1e-3,
            damping=0.25,
            iterations=60,
            seed=1,
        ),
    )
    assert (
        float(found.grid[0]) == float(found.policy_function.grid.k[0]) == LIMIT and 36 < found.measures["mean_K"] < 42
    )
    assert found.measures["euler.mean"] < 0.1 and 0 < found.measures["gini"] < 0.4
    mass = found.start.weight[0]
    assert float(mass[found.start.k[0] < 0].sum()) > 1e-6


def test_a_limit_beyond_the_natural_one_is_refused_with_the_natural_one():
    """The worst off earns the benefit in the bad state; capital earns most in the good one."""
    calibration = economics.calibration("ks98")
    for limit, expected in (
        (-50.0, r"at -50 .* above the natural one, -31\.76"),
        (45.0, "below the typical assets 39"),
        (float("nan"), "finite number"),
        ("two", "finite number"),
    ):
        with pytest.raises(InputError, match=f"borrowing_limit: .*{expected}") as error:
            type("Limited", (KS98,), {"borrowing_limit": limit})(**calibration)
        assert "\n" not in str(error.value)
    economy = type("Limited", (KS98,), {"borrowing_limit": -31.7})(**calibration)
    K, z = torch.full((2, 1), economy.steady_state()["K"], dtype=torch.float64), torch.tensor([[0], [1]])
    prices = economy.prices({"K": K}, z)
    left = economy.resources(torch.full((2, 2), -31.7).double(), torch.arange(2).expand(2, 2), z, prices) + 31.7
    assert 0 < float(left.min()) < 0.01
    assert Stated(**calibration, borrowing_limit=-2).typical_household()["limit"] == -2
    with pytest.raises(InputError, match="natural one"):
        Stated(**calibration, borrowing_limit=-40)
