"""What is drawn while a run trains: all households, and the grid solution where it is."""

import numpy as np
import pytest
import torch
import yaml

from benchmarks.many_shocks import many_shocks
from deepham.presentation.figures import MOST_STATES
from deepham.reference.settings import ReferenceSettings
from deepham.reference.store import find
from deepham.report.figures_in_training import figures_in_training, policy_in_panel, wealth_in_panel
from deepham.simulation.period import Panel, World
from deepham.simulation.walk import initial_panel
from deepham.system.paths import conf_folder


@pytest.fixture
def reference(ks98):
    settings = yaml.safe_load((conf_folder() / "reference/standard.yaml").read_text(encoding="utf-8"))
    return find("ks98", ks98, ReferenceSettings(**settings), store=None)


def eat(seen):
    return 0.05 * seen.resources


def test_the_grid_solution_beside_itself_shows_no_distance(ks98, reference):
    level, gap = policy_in_panel(reference.world, reference.start, torch.tensor([[0]]), reference).axes
    curves = [line for line in gap.lines if len(line.get_ydata()) > 2]
    assert len(curves) == 4 and all((curve.get_ydata() == 0).all() for curve in curves)
    low, high = gap.get_ylim()
    assert low < 0 < high
    density, tail = wealth_in_panel(ks98, reference.start, reference).axes
    ours, grid = density.get_title().split("; grid: ")
    assert ours == grid
    x, y = tail.lines[0].get_data()
    at = np.interp([10.0, 40.0, 100.0], x, y)
    assert at == pytest.approx(np.interp([10.0, 40.0, 100.0], *tail.lines[1].get_data()), rel=0.05)


def test_a_distance_to_the_grid_solution_is_seen(ks98, reference):
    gap = policy_in_panel(
        World(ks98, lambda seen: 1.01 * reference.policy_function(seen)),
        reference.start,
        torch.tensor([[0]]),
        reference,
    ).axes[1]
    curves = [line.get_ydata() for line in gap.lines if len(line.get_ydata()) > 2]
    assert all(np.allclose(curve, 1.0) for curve in curves) and gap.get_ylim()[1] > 1


def test_all_households_are_counted_in_every_state(economy, seeded):
    if economy.unknowns:
        pytest.skip("nobody buys at a price that clears")
    panel = initial_panel(economy, 4, 200, seeded())
    figures = figures_in_training(World(economy, eat), panel, None)
    density, tail = figures["wealth"].axes
    n_eps = min(economy.chain.n_eps, MOST_STATES)
    assert len(density.patches) == n_eps and len(tail.lines) == 1
    for patch in density.patches:
        values, edges, _ = patch.get_data()
        inside = float((values * np.diff(edges)).sum())
        # all but the richest, of whom a rare state may have many
        assert inside == pytest.approx(1, abs=0.05) or inside == 0
    k = panel.population.k
    assert f"mean {float(k.mean()):.4g}, sd {float(k.std(correction=0)):.4g}" == density.get_title()
    (level,) = figures["policy"].axes
    # of a chain the states that the panel is in, of numbers their mean
    assert len(level.lines) == n_eps * len(economy.chain.cell(panel.z).unique())


def test_an_aggregate_state_that_is_numbers_is_drawn_at_its_mean(seeded):
    economy = many_shocks(2)
    panel = initial_panel(economy, 2, 50, seeded())
    (level,) = figures_in_training(World(economy, eat), panel, None)["policy"].axes
    mean = ", ".join(f"{x:.3g}" for x in panel.z.mean(0).tolist())
    assert [line.get_label() for line in level.lines] == [f"unemployed, z {mean}", f"employed, z {mean}"]


def test_a_histogram_is_drawn_as_well(ks98, reference):
    panel = Panel(reference.start, torch.tensor([[0]]))
    values, edges, _ = figures_in_training(World(ks98, eat), panel, None)["wealth"].axes[0].patches[1].get_data()
    assert float((values * np.diff(edges)).sum()) == pytest.approx(1, abs=0.02)
