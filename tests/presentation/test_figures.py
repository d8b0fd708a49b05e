"""The figures show what they say."""

import numpy as np
import pytest
import torch
import yaml
from matplotlib.colors import to_rgb

from benchmarks.many_shocks import rouwenhorst
from deepham import economics
from deepham.algorithm.ergodic import ergodic_path
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.presentation.figures import (
    MOST_STATES,
    Figure,
    asset_histogram,
    density,
    frame_density,
    highest_inside,
    of_each_state,
    shown_states,
    wealth_and_policy,
)
from deepham.reference.compare import compare
from deepham.reference.settings import ReferenceSettings
from deepham.reference.store import find
from deepham.report.figures_against_grid import capital_against_grid, policy_against_grid, wealth_against_grid
from deepham.report.figures_in_training import figures_in_training
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.walk import initial_panel
from deepham.solution.solution import Solution
from deepham.system.paths import conf_folder


def test_the_histogram_has_all_households_the_mean_and_the_mass_at_the_constraint():
    k = torch.tensor([0.0, 1.0, 2.0, 5.0])
    (axes,) = asset_histogram(k, torch.full((4,), 0.25), constrained=0.25).axes
    assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(100)
    assert "25.00 % at the constraint" in axes.get_title()
    assert axes.get_legend().get_texts()[0].get_text() == "mean 2"
    assert axes.get_xlabel() and axes.get_ylabel()


def test_the_solution_is_drawn_for_every_individual_and_aggregate_state(economy, seeded):
    if economy.chain.n_eps > MOST_STATES or economy.frictionless() is None:
        pytest.skip("a few of so many states are drawn, see below, or there is no rule whose policies lie apart")
    settings = {
        "name": "test",
        "width": 4,
        "depth": 1,
        "activation": "tanh",
        "base": "frictionless",
        "aggregate_scale": 10.0,
        "ensemble": 1,
    }
    policy, value = build_networks(economy, NetworkSettings(**settings), seed=0)
    grid = wealth_grid(economy, 60, 8.0)
    start = initial_panel(economy, 1, 50, seeded())
    numbers = economy.chain.every_z() is None
    shocks = economy.chain.draw_path(start.z, 6, seeded()) if numbers else torch.tensor([[0, 1, 0, 1, 1, 0]])[..., None]
    first = economy.chain.begin(shocks[:, 0], start.z)
    start = Panel(on_grid(grid, start.population, economy.chain.n_eps), first)
    ergodic = ergodic_path(World(economy, policy.double()), grid, start, shocks, 0, 2)
    solution = Solution(
        _name(economy),
        economy.parameters(),
        settings,
        policy,
        value,
        grid,
        ergodic.mean_mass,
        **economy.chain.kept(ergodic.mean_z),
    )
    figure = wealth_and_policy(solution)
    left, right = figure.axes
    n_eps, n_z = economy.chain.n_eps, economy.chain.n_z
    assert len(left.lines) == n_eps and len(right.lines) == n_eps * n_z
    by_state = torch.einsum("z,zn->n", economy.chain.stationary_z(), ergodic.mean_mass).reshape(n_eps, -1)
    at_limit = by_state[:, 0] * (float(grid[0]) == economy.borrowing_limit)
    width = np.gradient(grid)[-len(left.lines[0].get_xdata()) :]
    shares = {line.get_label(): float(width @ line.get_ydata()) for line in left.lines}
    for name, mass, at in zip(economy.names_of(economy.individual_shock, n_eps), by_state, at_limit):
        assert shares[name] == pytest.approx(1 - float(at / mass.sum()), abs=1e-9), "those at the limit are no density"
    drawn = right.lines[0].get_ydata()
    assert (drawn[1:] > drawn[:-1]).all()
    assert not left.get_legend() and not right.get_legend() and bool(figure.legends) == (n_eps * n_z > 1)


def test_households_at_the_limit_are_a_bar_whose_area_is_their_share(ks98):
    (axes,) = Figure().subplots(1, 1, squeeze=False).flatten()
    bar = frame_density(axes, ks98, top=100.0, highest=0.02, at_limit=0.1)
    drawn = axes.patches[0].get_bbox()
    assert drawn.xmax == ks98.borrowing_limit and "10.0 %" in bar.get_label()
    assert (drawn.xmax - drawn.xmin) * drawn.ymax == pytest.approx(0.1) and drawn.ymax <= axes.get_ylim()[1]
    assert axes.get_xlim()[0] < drawn.xmin and axes.get_xlim()[1] == 100
    assert frame_density(axes, ks98, 100.0, 0.02, 1e-6) is None, "nobody stands there"


def test_a_state_that_nobody_is_in_is_drawn_as_nothing(ks98):
    grid, by_state = np.array([0.0, 10.0, 30.0]), np.array([[0.0, 0.0, 0.0], [0.1, 0.3, 0.1]])
    nodes, per_good, at_limit = density(ks98, grid, of_each_state(by_state))
    assert (per_good[0] == 0).all() and at_limit.tolist() == [0, pytest.approx(0.2)]
    assert np.isfinite(highest_inside(ks98, nodes, 30.0, per_good))
    (axes,) = Figure().subplots(1, 1, squeeze=False).flatten()
    frame_density(axes, ks98, 30.0, 0.0, 1.0)
    assert axes.get_ylim()[1] > 0


def with_incomes(number):
    """The economy with so many incomes, of which the first is the highest and the last the lowest."""
    incomes, moves = rouwenhorst(0.9, 0.2, number)
    moves = moves.flip(0, 1).tolist()
    return economics.create(
        "rare_event", efficiency=torch.exp(incomes).flip(0).tolist(), chains=[moves, moves], labour_supply=[]
    )


@pytest.mark.parametrize(
    "number, shown",
    [(1, [0]), (2, [1, 0]), (3, [2, 1, 0]), (5, [4, 3, 2, 1, 0]), (7, [6, 5, 4, 2, 1, 0]), (15, [14, 11, 8, 6, 3, 0])],
)
def test_of_many_individual_states_a_few_are_shown_from_low_to_high(number, shown):
    some = shown_states(with_incomes(number))
    assert [each.eps for each in some] == shown
    assert len({tuple(np.round(to_rgb(each.color), 3)) for each in some}) == len(shown), "one colour each"
    if number > 2:  # from dark to light, also in print
        brightness = [np.dot(to_rgb(each.color), (0.299, 0.587, 0.114)) for each in some]
        assert (np.diff(brightness) > 0.05).all()


def test_a_legend_says_what_is_not_shown_and_covers_nothing(seeded):
    economy = with_incomes(15)
    panel = initial_panel(economy, 2, 400, seeded())
    figure = figures_in_training(World(economy, lambda seen: 0.1 * seen.resources), panel, None)["policy"]
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert legend.get_title().get_text() == "eps: 6 of 15 states" and len(legend.get_texts()) == 6 + 2  # incomes, z
    box = legend.get_window_extent()
    assert not any(box.overlaps(axes.get_window_extent()) for axes in figure.axes) and box.x1 <= figure.bbox.x1


def _name(economy) -> str:
    return type(economy).__module__.rpartition(".")[2]


def test_the_grid_solution_drawn_against_itself_shows_no_distance():
    economy = economics.create("ks98")
    settings = yaml.safe_load((conf_folder() / "reference/standard.yaml").read_text(encoding="utf-8"))
    reference = find("ks98", economy, ReferenceSettings(**settings), store=None)
    z_path = economy.chain.draw_path(torch.tensor([[1]]), 30, torch.Generator().manual_seed(0))
    candidate, truth, _ = compare(reference.on_nodes, reference, z_path, 10, 2)
    gap = capital_against_grid(economy, candidate, truth).axes[1].lines[0].get_ydata()
    assert len(gap) == 20 and (gap == 0).all()
    quantiles = wealth_against_grid(economy, candidate, truth).axes[2].lines
    assert (quantiles[0].get_ydata() == quantiles[1].get_ydata()).all()
    level, distance, mpc = policy_against_grid(reference.world, reference, truth).axes
    assert len(distance.lines) == 4 and all((line.get_ydata() == 0).all() for line in distance.lines)
    spent = mpc.lines[0].get_ydata()
    assert (spent > 0).all() and (spent < 1.001).all()
