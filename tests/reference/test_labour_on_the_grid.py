"""Hours on the grid: endogenous grid points with labour, and a law of motion for it."""

import pytest
import torch

from deepham import economics
from deepham.reference.forecasts import LawOfMotion
from deepham.reference.household import HouseholdProblem
from deepham.reference.law_of_motion import household_grid
from deepham.reference.settings import settings_for
from deepham.reference.solve import no_grid, solve_reference

SMALL = {"k_nodes": 120, "K_nodes": 5, "histogram_nodes": 200}
# slopes of log K' and log L on log K in the bad and in the good state, near those of the equilibrium
SLOPES = {"ks98_labour": (0.957, -0.17), "ks98_ghh": (0.979, 0.266), "ks98_leisure": (0.952, -0.253)}


def law_of(economy, slopes):
    """Lines through the steady state."""
    log_K, log_L = (
        economy.table([economy.steady_state()["K"]]).log(),
        economy.table([economy.unknowns["L"].typical]).log(),
    )
    K, L = (torch.full((2,), slope, dtype=torch.float64) for slope in slopes)
    return LawOfMotion((1 - K) * log_K, K, beside=torch.stack([log_L - L * log_K, L])[None])


@pytest.mark.parametrize("name", SLOPES)
def test_the_household_s_problem_is_solved_at_its_nodes(name):
    """Budget, hours and the Euler equation of households at the prices that they forecast, today and tomorrow."""
    economy = economics.create(name)
    law, grid = law_of(economy, SLOPES[name]), household_grid(economy, settings_for(name, SMALL))
    problem = HouseholdProblem(economy, law, grid)
    c = problem.consumption(tolerance=1e-8)
    choice = economy.complete(c, problem.today)
    carried = economy.carry(choice, problem.today)
    assert float(carried.min()) > -1e-9 and bool((c.diff(dim=-1) > 0).all())
    employed = choice["n"][:, 1]
    assert bool(
        (employed.diff(dim=-1).abs() < 1e-12).all() if name == "ks98_ghh" else (employed.diff(dim=-1) <= 0).all()
    )
    assert float(choice["n"][:, 0].abs().max()) == 0
    torch.testing.assert_close(problem._egm_step(c), c, rtol=1e-7, atol=0)


def test_the_grid_says_what_it_does_not_solve():
    fault = no_grid(economics.create("ks98_labour").without_aggregate_risk())
    assert fault is not None and "L" in fault
    assert no_grid(economics.create("ks98_labour")) is None


@pytest.mark.slow
def test_leisure_has_the_published_laws_of_motion():
    """Krusell and Smith (1998): log K' = .123 + .951 log K (good), .114 + .953 (bad); log L = -.544 - .252 log K
    (good), -.592 - .255 (bad); mean K 11.58."""
    settings = settings_for(
        "ks98_leisure",
        # on 100 nodes the household's problem does not always converge at the laws that the search tries
        SMALL | {"k_nodes": 150, "K_nodes": 7, "economies": 6, "periods": 900, "burn_in": 200, "tolerance": 1e-4},
    )
    solution = solve_reference(economics.create("ks98_leisure"), settings)
    law = solution.law
    assert law.slope.tolist() == pytest.approx([0.953, 0.951], abs=0.003)
    assert law.intercept.tolist() == pytest.approx([0.114, 0.123], abs=0.008)
    ((intercept, slope),) = law.beside
    assert slope.tolist() == pytest.approx([-0.255, -0.252], abs=0.01)
    assert intercept.tolist() == pytest.approx([-0.592, -0.544], abs=0.01)
    assert solution.measures["mean_K"] == pytest.approx(11.58, rel=0.01)
    assert solution.measures["labour.max"] == 0 and solution.measures["euler.mean"] < 0.02
