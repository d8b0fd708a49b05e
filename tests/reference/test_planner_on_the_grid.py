"""A planner's stationary choice: against the published figures of Davila et al. (2012), and against its own
condition."""

import pytest
import torch
import yaml
from walking import externality

from deepham import economics
from deepham.economics.planner import under
from deepham.reference.settings import ReferenceSettings
from deepham.reference.solve import solve_reference
from deepham.simulation.period import Panel
from deepham.simulation.population import gini
from deepham.system.paths import conf_folder

SETTINGS = ReferenceSettings(
    k_nodes=150,
    K_nodes=3,
    K_width=0.2,
    top=40.0,
    histogram_nodes=200,
    economies=1,
    burn_in=0,
    periods=100,
    tolerance=1e-6,
    damping=0.25,
    iterations=60,
    seed=1,
)
REST = yaml.safe_load((conf_folder() / "calibration/davila12_rest.yaml").read_text())


@pytest.fixture(scope="module")
def economy():
    return economics.create("davila12", **{key: value for key, value in REST.items() if key != "name"})


@pytest.fixture(scope="module")
def solved(economy):
    """(economy, reference, what households see where it rests, their consumption), of market and planner."""
    found = {}
    for objective in ("market", "planner"):
        chosen = under(economy, objective)
        reference = solve_reference(chosen, SETTINGS)
        seen = reference.world.observe(Panel(reference.start, torch.zeros(1, 1, dtype=torch.long)))
        found[objective] = chosen, reference, seen, reference.policy_function(seen)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "objective, K, r, wealth, consumed",
    [("market", 30.635, 4.097, 0.864, 0.615), ("planner", 119.741, -2.944, 0.862, 0.386)],
)
def test_capital_return_and_inequality_are_the_published_ones(solved, objective, K, r, wealth, consumed):
    """Table of Han, Yang and E (2021), from panels of fifty households, whose noise is most of the distance."""
    economy, reference, seen, consumption = solved[objective]
    assert reference.measures["mean_K"] == pytest.approx(K, rel=0.01)
    assert 100 * (float(seen.prices["R"]) - 1) == pytest.approx(r, abs=0.03)
    assert reference.measures["gini"] == pytest.approx(wealth, abs=0.01)
    assert float(gini(consumption, reference.start.weight)) == pytest.approx(consumed, abs=0.01)


@pytest.mark.slow
def test_a_planner_pays_for_assets_what_they_are_worth_to_all(solved):
    economy, reference, _, _ = solved["planner"]
    z = torch.zeros(1, 1, dtype=torch.long)
    worth = externality(reference.world, Panel(reference.start, z))
    paid = reference.law.outcomes(reference.start.mean(reference.start.k), z)["D"]
    torch.testing.assert_close(worth, paid, rtol=1e-4, atol=0)
    assert reference.measures["euler.mean"] < 0.05 and reference.measures["bellman_policy.mean"] < 0.003


@pytest.mark.slow
def test_households_are_better_off_on_average_than_in_the_market(solved):
    mean = {
        name: float(reference.start.mean(economy.preferences.utility(consumption)))
        for name, (economy, reference, _, consumption) in solved.items()
    }
    assert mean["planner"] > mean["market"] + 0.1


def test_the_grid_solutions_of_market_and_planner_are_stored_apart(economy):
    from deepham.reference.store import file_name

    assert file_name("davila12", economy, SETTINGS) != file_name("davila12", under(economy, "planner"), SETTINGS)
