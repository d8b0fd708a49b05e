"""The linear New Keynesian economy: its closed form solves it, and unknowns that look ahead learn it in a box."""

import copy

import pytest
import torch

import deepham
from benchmarks.closed_forms import CASES, distances
from benchmarks.new_keynesian import NewKeynesian
from deepham.algorithm.looking_ahead import foresight
from deepham.algorithm.newton import flat, shift
from deepham.algorithm.refine import refine_policy
from deepham.algorithm.residuals import missed_foresight
from deepham.economics.box import Box
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.walk import initial_panel
from deepham.solution import calibrated

VARY = {"phi_pi": [1.25, 2.5], "rho": [0.8, 0.95]}
SHAPE = NetworkSettings("test", 4, 1, "tanh", "frictionless", 10.0, 1, outlook_linear=True)
FAR = {"theta": 0.5, "sigma": 3.0, "eta": 4.0, "phi_x": 0.5}


def panel_of(economy, number=6):
    """Histograms of so many economies, away from rest."""
    grid = wealth_grid(economy, 12, 8.0)
    start = initial_panel(economy, number, 20, torch.Generator().manual_seed(0))
    people = on_grid(grid, start.population, economy.chain.n_eps)
    return grid, Panel(people, start.z, torch.zeros(number, 2, dtype=torch.float64))


@pytest.mark.parametrize("changes", [{}, FAR, {"beta": 0.99, "theta": 0.9, "phi_x": 0.0, "rho": 0.95}])
def test_the_closed_form_solves_it_and_nothing_beside_it(changes):
    economy = NewKeynesian(**changes)
    _, panel = panel_of(economy)

    def missed(factor):
        def outlook(seen):
            return {name: factor * by * seen.z for name, by in economy.exact().items()}

        world = World(economy, lambda seen: (1 - economy.beta) * seen.resources, outlook=outlook)
        left = missed_foresight(world.period(panel))
        return max(float(each.abs().max()) for each in left.values())

    assert missed(1.0) < 1e-15 and missed(1.01) > 1e-6


def test_conditions_that_look_ahead_move_with_the_slopes_of_a_box_as_differences_say():
    economy = NewKeynesian()
    policy, _ = build_networks(economy, SHAPE, 0, Box(VARY, economy).scaled(economy.parameters()))
    policy = policy.double()
    shift(policy.outlook, 0.3 * torch.randn(len(flat(policy.outlook)), generator=torch.Generator().manual_seed(1)))
    _, panel = panel_of(economy)
    found, step = foresight(economy, policy, panel).jacobian, 1e-5
    for place in range(0, found.shape[1], 3):
        ends = []
        for sign in (-1, 1):
            moved, change = copy.deepcopy(policy), torch.zeros(found.shape[1], dtype=torch.float64)
            change[place] = sign * step
            shift(moved.outlook, change)
            ends.append(foresight(economy, moved, panel).residual)
        torch.testing.assert_close(found[:, place], (ends[1] - ends[0]) / (2 * step), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("changes", [{}, FAR])
def test_a_linear_outlook_that_is_some_percents_off_is_refined_to_the_closed_form(changes, settings):
    economy = NewKeynesian(**changes)
    policy = build_networks(economy, SHAPE, 0)[0].double()
    slopes, intercepts = policy.outlook.mlp.parameters()
    unit, spreads = float(economy.chain.feature_unit), [each.spread for each in economy.foreseen.values()]
    with torch.no_grad():
        for row, (by, spread) in enumerate(zip(economy.exact().values(), spreads)):
            slopes[row, 0] = 1.1 * by * unit / spread
        intercepts += 0.05
    grid, panel = panel_of(economy)
    newton = ["algorithm.newton.households=4", "algorithm.newton.spread=2", "algorithm.newton.scale_late=0"]
    chosen = settings("model=brock_mirman", "algorithm=euler_newton", *newton).algorithm
    refine_policy(economy, policy, panel, grid, chosen, 1)
    found = World(economy, policy).observe(panel).aggregates
    for name, by in economy.exact().items():
        torch.testing.assert_close(found[name], by * panel.z, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_a_box_of_a_linear_economy_answers_as_the_closed_form_says(monkeypatch):
    monkeypatch.setattr(calibrated, "BURN_IN", 20)
    monkeypatch.setattr(calibrated, "PERIODS", 80)
    case = CASES["new_keynesian"]
    few = {"calibrations": 8, "newton.economies": 16}
    solution = deepham.solve(
        NewKeynesian,
        vary=VARY,
        overrides=[
            *case.overrides,
            *(f"algorithm.{name}={value}" for name, value in few.items()),
            "network.width=8",
            "verdict.nodes=12",
            "verdict.burn_in=5",
            "verdict.periods=10",
            "verdict.dates=2",
        ],
        progress=False,
    )
    for number in range(3):
        _, told, refined = distances(solution, case, number)
        assert refined < 0.01 and told < 20  # percent of a response
