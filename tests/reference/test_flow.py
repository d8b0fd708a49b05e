"""Histograms that are followed by a table, against the same walk worked out; and fixed points by acceleration."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from untrained import NETWORK

from deepham import economics
from deepham.algorithm import ergodic
from deepham.algorithm.ergodic import ergodic_paths
from deepham.networks.settings import build_networks
from deepham.networks.tabulated import on_histogram
from deepham.reference.fixed_point import fixed_point
from deepham.reference.forecasts import LawOfMotion
from deepham.reference.grid import GridFunction
from deepham.reference.household import HouseholdProblem
from deepham.reference.law_of_motion import _paths, household_grid
from deepham.reference.settings import settings_for
from deepham.simulation.continuum import wealth_grid
from deepham.simulation.flow import Flow, is_looked_up
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

SMALL = {
    "k_nodes": 60,
    "K_nodes": 11,
    "K_width": 0.6,
    "histogram_nodes": 80,
    "economies": 4,
    "periods": 100,
    "burn_in": 0,
}


@pytest.fixture(scope="module")
def grid_policy():
    """Of households who know the law of motion, on few nodes."""
    economy, settings = economics.create("ks98"), settings_for("ks98", SMALL)
    grid = household_grid(economy, settings)
    law = LawOfMotion(economy.table([0.1246, 0.1375]), economy.table([0.9654, 0.9633]))
    return economy, GridFunction(
        grid, HouseholdProblem(economy, law, grid).consumption(tolerance=1e-5), economy.spendable
    )


@pytest.mark.parametrize("top", [8.0, 2.0])
def test_paths_that_are_looked_up_are_those_that_are_worked_out(grid_policy, top, monkeypatch):
    """A grid's policy beside a network's, from a corner in which many hold much: of a top of twice typical capital
    households would carry beyond it, which is shared out. Goods add up to rounding."""
    economy, policy = grid_policy
    settings = settings_for("ks98", SMALL)
    nodes = wealth_grid(economy, settings.histogram_nodes, top)
    network, _ = build_networks(economy, NETWORK, seed=0)
    worlds = [
        World(economy, rule) for rule in (policy.on_histogram(nodes), on_histogram(economy, network.double(), nodes))
    ]
    shocks = _paths(economy, settings, nodes)[1]
    rich = torch.linspace(0, 1, len(nodes), dtype=torch.float64) < 0.6 + 0.4 * (top == 2.0)
    mass = economy.chain.stationary_eps()[shocks[:, 0, 0]][..., None] * rich / rich.sum()
    start = Panel(Population.histogram(nodes, mass), shocks[:, 0])
    assert all(is_looked_up(economy, world.policy, nodes) for world in worlds)
    by_table = ergodic_paths(worlds, nodes, start, shocks, 0, 4)
    monkeypatch.setattr(ergodic, "is_looked_up", lambda *_: False)
    for looked_up, worked_out in zip(by_table, ergodic_paths(worlds, nodes, start, shocks, 0, 4), strict=True):
        torch.testing.assert_close(looked_up.K, worked_out.K, rtol=3e-7, atol=0)
        assert float((looked_up.mean_mass - worked_out.mean_mass).abs().sum()) < 1e-5
        for name, values in worked_out.accounts.items():
            torch.testing.assert_close(looked_up.accounts[name], values, rtol=1e-6, atol=1e-5)
        assert looked_up.welfare == pytest.approx(worked_out.welfare, rel=1e-7)
        assert looked_up.resource_gap < 1e-9


def test_a_path_without_accounts_is_nearly_the_same(grid_policy):
    economy, policy = grid_policy
    nodes = wealth_grid(economy, 80, 8.0)
    start, shocks = _paths(economy, settings_for("ks98", SMALL), nodes)
    worlds = [World(economy, policy.on_histogram(nodes))]
    (whole,), (bare,) = (ergodic_paths(worlds, nodes, start, shocks, 10, 4, accounted=each) for each in (True, False))
    torch.testing.assert_close(bare.K, whole.K, rtol=3e-7, atol=0)
    assert float((bare.mean_mass - whole.mean_mass).abs().sum()) < 1e-5
    assert math.isnan(bare.welfare) and not bare.accounts


def test_a_policy_that_is_nan_leaves_nan_behind(grid_policy):
    """As where it is worked out, so that whoever follows it can say so."""
    economy, policy = grid_policy
    nodes = wealth_grid(economy, 80, 8.0)
    start, shocks = _paths(economy, settings_for("ks98", SMALL), nodes)
    nothing = replace(policy, values=policy.values * torch.nan).on_histogram(nodes)
    flow = Flow(economy, [nothing], nodes, 4)
    assert flow(start, shocks[:, 1]).weight.isnan().any()


def test_what_depends_on_more_than_a_state_and_mean_assets_is_worked_out():
    for name, looked_up in (("ks98", True), ("rare_event", True), ("ks98_labour", False), ("jfv", False)):
        economy, settings = economics.create(name), settings_for(name, {"k_nodes": 20, "histogram_nodes": 20})
        grid, nodes = household_grid(economy, settings), wealth_grid(economy, 20, 8.0)
        z = len(grid.z) if grid.z is not None else economy.chain.n_z
        shape = z, economy.chain.n_eps, len(grid.K), len(grid.k)
        policy = GridFunction(grid, torch.ones(shape, dtype=torch.float64), None)
        assert is_looked_up(economy, policy.on_histogram(nodes), nodes) == looked_up
        assert not is_looked_up(economy, policy, nodes)  # it is known at any assets, and asked at these


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
