"""The figures show what they say."""

import numpy as np
import pytest
import torch
import yaml

from deepham import economics
from deepham.algorithm.evaluation import ergodic_path
from deepham.figures import asset_histogram, wealth_and_policy
from deepham.figures_against_grid import capital_against_grid, policy_against_grid, wealth_against_grid
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.paths import conf_folder
from deepham.reference.compare import compare
from deepham.reference.settings import ReferenceSettings
from deepham.reference.store import find
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.rollout import Panel, initial_panel
from deepham.solution import Solution


def test_the_histogram_has_all_households_the_mean_and_the_mass_at_the_constraint():
    k = torch.tensor([0.0, 1.0, 2.0, 5.0])
    (axes,) = asset_histogram(k, torch.full((4,), 0.25), constrained=0.25).axes
    assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(100)
    assert "25.00 % at the constraint" in axes.get_title()
    assert axes.get_legend().get_texts()[0].get_text() == "mean 2"
    assert axes.get_xlabel() and axes.get_ylabel()


def test_the_solution_is_drawn_for_every_individual_and_aggregate_state(economy, seeded):
    settings = {"name": "test", "width": 4, "depth": 1, "activation": "tanh", "base": "frictionless", "aggregate_scale": 10.0,
                "ensemble": 1}
    policy, value = build_networks(economy, NetworkSettings(**settings), seed=0)
    grid = wealth_grid(economy, 60, 8.0)
    start = initial_panel(economy, 1, 50, seeded())
    finite = economy.chain.finite
    shocks = torch.tensor([[0, 1, 0, 1, 1, 0]]) if finite else economy.chain.draw_path(start.z, 6, seeded())
    start = Panel(on_grid(grid, start.population, economy.chain.n_eps), shocks[:, 0] if finite else start.z)
    ergodic = ergodic_path(economy, policy.double(), grid, start, shocks, 0, 2)
    solution = Solution(_name(economy), economy.parameters(), settings, policy, value, grid, ergodic.mean_mass,
                        z=None if finite else ergodic.mean_z)
    left, right = wealth_and_policy(solution).axes
    n_eps, n_z = economy.chain.n_eps, economy.chain.n_z
    assert len(left.lines) == n_eps and len(right.lines) == n_eps * n_z
    for line in left.lines:  # densities
        x, y = line.get_data()
        assert float(np.gradient(x) @ y) == pytest.approx(1, abs=1e-6)  # households at the limit fill a cell of their own
    drawn = right.lines[0].get_ydata()
    assert (drawn[1:] > drawn[:-1]).all()


def _name(economy) -> str:
    return type(economy).__module__.rpartition(".")[2]


def test_the_grid_solution_drawn_against_itself_shows_no_distance():
    economy = economics.create("ks98")
    settings = yaml.safe_load((conf_folder() / "reference/standard.yaml").read_text(encoding="utf-8"))
    reference = find("ks98", economy, ReferenceSettings(**settings), store=None)
    z_path = economy.chain.draw_path(torch.tensor([1]), 30, torch.Generator().manual_seed(0))
    candidate, truth, _ = compare(economy, reference.policy.on_histogram(reference.nodes), reference, z_path, 10, 2)
    gap = capital_against_grid(economy, candidate, truth).axes[1].lines[0].get_ydata()
    assert len(gap) == 20 and (gap == 0).all()
    quantiles = wealth_against_grid(economy, candidate, truth).axes[2].lines
    assert (quantiles[0].get_ydata() == quantiles[1].get_ydata()).all()
    level, distance, mpc = policy_against_grid(economy, reference.policy, reference, truth).axes
    assert len(distance.lines) == 4 and all((line.get_ydata() == 0).all() for line in distance.lines)
    spent = mpc.lines[0].get_ydata()
    assert (spent > 0).all() and (spent < 1.001).all()
