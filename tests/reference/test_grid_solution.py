"""A grid solution answers what every solved economy answers, and as the networks of the same economy do."""

import pickle

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir

import deepham
from deepham import InputError, economics
from deepham.commands.configuration import read_reference
from deepham.reference import solve_on_grid, store
from deepham.reference.grid_solution import GridSolution
from deepham.reference.settings import ReferenceSettings, settings_for
from deepham.solution.solved import SolvedEconomy
from deepham.system.paths import conf_folder

SMALL = {"k_nodes": 40, "K_nodes": 5, "histogram_nodes": 40, "economies": 1, "burn_in": 50, "periods": 200}
SMALL |= {"tolerance": 1e-3}


@pytest.fixture(scope="module")
def grid():
    return deepham.solve_on_grid("ks98")


@pytest.fixture(scope="module")
def networks():
    return deepham.load("ks98")


def test_it_is_a_solved_economy_of_its_calibration(grid):
    assert isinstance(grid, GridSolution) and isinstance(grid, SolvedEconomy)
    assert grid.name == "ks98" and grid.calibration == economics.create("ks98").parameters()
    assert grid.mass.shape == (2, 2 * len(grid.grid)) and repr(grid) == str(grid)
    pooled = grid.economy.chain.stationary_z() @ grid.mass
    assert float((pooled - grid.start.weight[0]).abs().sum()) < 0.02, "the path was in each state for half of the time"


def test_its_policy_and_value_are_those_of_the_networks(grid, networks):
    asked = {"k": np.array([1.0, 10.0, 40.0, 100.0]), "eps": [[0], [1]], "z": "good"}
    np.testing.assert_allclose(grid.consumption(**asked), networks.consumption(**asked), rtol=0.005)
    np.testing.assert_allclose(grid.value(**asked), networks.value(**asked), atol=0.05)
    assert (grid.resources(**asked) > grid.consumption(**asked)).all()


def test_it_simulates_the_same_economy(grid, networks):
    ours, theirs = (each.simulate(40, seed=1) for each in (grid, networks))
    np.testing.assert_array_equal(ours["z"], theirs["z"])
    np.testing.assert_allclose(ours["K"], theirs["K"], rtol=0.002)
    np.testing.assert_allclose(ours["gini"], theirs["gini"], atol=0.005)
    assert float(ours["K"].mean()) == pytest.approx(float(theirs["K"].mean()), rel=0.001)
    assert ours.attrs["model"] == "ks98" and ours.attrs["resource_gap"] < 1e-8
    panel = grid.simulate(3, agents=50, seed=1, histories=True)
    assert panel["c"].shape == (1, 50, 3) and bool((panel["mpc"] > 0).all())


@pytest.mark.slow
def test_its_response_to_a_recession_is_that_of_the_networks(grid, networks):
    ours, theirs = (each.irf("good->bad", periods=6, draws=8, seed=1) for each in (grid, networks))
    for name in ("Y", "C", "K"):  # percent, where the response of Y is about -2
        np.testing.assert_allclose(ours[name], theirs[name], atol=0.02)
    np.testing.assert_allclose(ours["I"], theirs["I"], atol=0.1)
    assert len(grid.plot_irf(ours, ["Y", "C"]).axes) >= 2


def test_its_risky_steady_state_and_its_errors(grid, networks):
    ours, theirs = (each.risky_steady_state("good", periods=20) for each in (grid, networks))
    assert ours.level == pytest.approx(theirs.level, rel=0.002) and ours.ergodic == pytest.approx(
        theirs.ergodic, rel=0.002
    )
    errors = grid.errors(dates=1, periods=5)
    assert errors["euler.mean"] < 0.01 and errors["bellman_policy.mean"] < 0.001


def test_it_travels_to_other_processes_and_devices(grid):
    for again in (pickle.loads(pickle.dumps(grid)), grid.to("cpu")):
        for function in ("policy_function", "value_function"):
            assert torch.equal(getattr(again, function).values, getattr(grid, function).values)
        assert torch.equal(again.mass, grid.mass) and torch.equal(again.law.slope, grid.law.slope)
        assert again.measures == grid.measures and again.calibration == grid.calibration


def test_along_a_path_it_has_the_cross_sections_of_the_path(grid):
    """As a report compares solutions."""
    from deepham.algorithm.ergodic import ergodic_path

    shocks = torch.tensor([[[0], [1], [1], [0], [0], [1]]])
    ergodic = ergodic_path(grid.world, grid.grid, grid.begin(shocks[:, 0]), shocks, burn_in=0, dates=1)
    along = grid.along(ergodic)
    assert torch.equal(along.mass, ergodic.mean_mass) and along.policy_function is grid.policy_function


# -- from Python -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", economics.names())
def test_the_settings_are_those_of_the_command(name):
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        composed = read_reference(compose("reference", overrides=[f"model={name}"]))[2]
    assert settings_for(name) == composed


def test_what_is_stored_is_read_and_what_is_not_is_solved_and_kept_where_a_folder_is_named(
    monkeypatch, tmp_path, grid, capsys
):
    found = []

    def solved(economy, settings, progress, name):
        progress(3, 1e-4, 39.0)
        found.append((economy.beta, settings.k_nodes, name))
        return grid

    for module in (solve_on_grid, store):
        monkeypatch.setattr(module, "solve_reference", solved)
    monkeypatch.chdir(tmp_path)
    for kept in (None, tmp_path / "kept", tmp_path / "kept"):
        assert deepham.solve_on_grid("ks98", beta=0.98, settings=SMALL, store=kept, progress=True).name == "ks98"
    assert found == [(0.98, 40, "ks98")] * 2, "once where it is not kept, once where it is"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert "iteration 3" in capsys.readouterr().out


def test_settings_can_be_given_whole(grid):
    assert isinstance(deepham.solve_on_grid("ks98", settings=settings_for("ks98")), GridSolution)
    assert isinstance(settings_for("ks98"), ReferenceSettings)


@pytest.mark.parametrize(
    "asked, words",
    [
        ({"economy": "nowhere"}, "no economy 'nowhere'"),
        ({"betta": 0.9}, "did you mean beta"),
        ({"beta": 2.0}, "beta"),
        ({"objective": "planner"}, "states no planner's problem"),
        ({"objective": 3}, "objective: expected market or planner"),
        ({"settings": {"nodes": 3}}, "settings: there is no 'nodes'"),
        ({"settings": {"k_nodes": 30.5}}, "settings: k_nodes: expected a whole number"),
        ({"settings": {"top": "high"}}, "settings: expected a number for top"),
        ({"settings": {"k_nodes": 3}}, "reference.k_nodes: expected at least 20"),
        ({"settings": 3}, "settings: expected a dict"),
        ({"store": 3}, "store: expected a folder"),
        ({"progress": "yes"}, "progress: expected True or False"),
    ],
)
def test_bad_input_is_one_line(asked, words):
    asked = {"economy": "ks98"} | asked
    with pytest.raises(InputError) as caught:
        deepham.solve_on_grid(asked.pop("economy"), **asked)
    assert words in str(caught.value) and len(str(caught.value).splitlines()) == 1
