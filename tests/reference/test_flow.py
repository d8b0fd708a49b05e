"""Histograms that are followed by a table, against the same walk worked out; and fixed points by acceleration."""

from __future__ import annotations

import pytest
import torch

from deepham import economics
from deepham.algorithm.ergodic import ergodic_path
from deepham.reference.fixed_point import fixed_point
from deepham.reference.flow import Flow, is_looked_up
from deepham.reference.forecasts import LawOfMotion
from deepham.reference.grid import GridFunction
from deepham.reference.household import HouseholdProblem
from deepham.reference.law_of_motion import _paths, household_grid
from deepham.reference.settings import settings_for
from deepham.simulation.continuum import wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

SMALL = {"k_nodes": 60, "K_nodes": 11, "histogram_nodes": 80, "economies": 4, "periods": 100, "burn_in": 0}


def test_a_path_that_is_looked_up_is_the_one_that_is_worked_out():
    """To what a table of eight steps between nodes of K misses; goods add up to rounding, and the accounts are those of
    households who carry what is looked up."""
    economy, settings = economics.create("ks98"), settings_for("ks98", SMALL)
    grid, nodes = household_grid(economy, settings), wealth_grid(economy, settings.histogram_nodes, settings.top)
    law = LawOfMotion(economy.table([0.1246, 0.1375]), economy.table([0.9654, 0.9633]))
    c = HouseholdProblem(economy, law, grid).consumption(tolerance=1e-5)
    policy = GridFunction(grid, c, economy.spendable)
    shocks = _paths(economy, settings, nodes)[1]
    z = shocks[:, 0]
    rich = torch.linspace(0, 1, len(nodes), dtype=torch.float64) < 0.6  # evenly on the lower nodes, as many out of work
    mass = economy.chain.stationary_eps()[z[:, 0]][..., None] * rich / rich.sum()  # as there are in each state
    start = Panel(Population.histogram(nodes, mass), z)
    flow = Flow(economy, policy, nodes)
    by_table, worked_out = (
        ergodic_path(world, nodes, start, shocks, 0, 4)
        for world in (World(economy, flow.policy, flow=flow), World(economy, policy.on_histogram(nodes)))
    )
    torch.testing.assert_close(by_table.K, worked_out.K, rtol=1e-5, atol=0)
    assert float((by_table.mean_mass - worked_out.mean_mass).abs().sum()) < 1e-4
    for name, values in worked_out.accounts.items():
        torch.testing.assert_close(by_table.accounts[name], values, rtol=1e-5, atol=1e-5)
    assert by_table.welfare == pytest.approx(worked_out.welfare, rel=1e-6)
    assert by_table.resource_gap < 1e-9


def test_what_depends_on_more_than_a_state_and_mean_assets_is_worked_out():
    for name, looked_up in (("ks98", True), ("rare_event", True), ("ks98_labour", False), ("jfv", False)):
        economy = economics.create(name)
        assert is_looked_up(economy, household_grid(economy, settings_for(name))) == looked_up


def test_a_fixed_point_is_found_in_fewer_steps_than_the_map_takes_and_a_failure_is_said(seeded):
    """x = A x + b with eigenvalues up to 0.97, of which each plain step leaves as much."""
    values = torch.linspace(0.5, 0.97, 6, dtype=torch.float64)
    basis = torch.linalg.qr(torch.randn((6, 6), generator=seeded(), dtype=torch.float64)).Q
    slope, level = basis * values @ basis.T, torch.ones(6, dtype=torch.float64)
    x, change, count = fixed_point(lambda x: slope @ x + level, torch.zeros(6, dtype=torch.float64), 1e-10, 1000)
    torch.testing.assert_close(
        x, torch.linalg.solve(torch.eye(6, dtype=torch.float64) - slope, level), rtol=1e-7, atol=0
    )
    assert change < 1e-10 and count < 150  # a plain search takes 800
    assert fixed_point(lambda x: slope @ x + level, torch.zeros(6, dtype=torch.float64), 1e-10, 4)[1] > 1e-10
