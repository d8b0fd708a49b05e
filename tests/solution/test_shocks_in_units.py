"""Innovations by the name of what they move, in percent and in levels, one of them or a path: productivity moves by
itself, so that its response is known exactly."""

import numpy as np
import pandas as pd
import pytest
import torch
from untrained import NETWORK, refused

from deepham import economics
from deepham.networks.settings import build_networks
from deepham.simulation.continuum import wealth_grid
from deepham.solution.solved import SolvedEconomy


@pytest.fixture(scope="module")
def solved():
    """Nobody trained it, and nobody asks about capital."""
    economy = economics.create("ks98_ar1", states=2)
    policy, value = (network.double() for network in build_networks(economy, NETWORK, seed=0))
    grid = wealth_grid(economy, 30, 8.0)
    mass = torch.full((1, 60), 1 / 60, dtype=torch.float64)
    return SolvedEconomy("ks98_ar1", economy, policy, value, grid, mass, economy.chain.typical_z())


def response(solved, sizes, unit, **options):
    return solved.irf({"Z": sizes}, unit=unit, periods=6, draws=4, **options)


def expected(solved, percent):
    """Of Z to innovations in percent from period 0 on."""
    rho, log = solved.economy.rho_Z, np.zeros(6)
    for period, size in enumerate(percent):
        log[period:] += np.log1p(size / 100) * rho ** np.arange(6 - period)
    return 100 * np.expm1(log)


def test_one_percent_is_one_percent_and_dies_out(solved):
    found = response(solved, 1.0, "percent", baseline="forced")
    np.testing.assert_allclose(found["Z"], expected(solved, [1.0]), rtol=1e-9)
    assert float(found["Y"][0]) == pytest.approx(1.0, rel=1e-9)
    assert "an innovation of Z of 1 percent" in found.attrs["title"]
    same = solved.irf({"innovation": np.log(1.01) / solved.economy.sd_Z}, periods=6, draws=4, baseline="forced")
    np.testing.assert_allclose(found["C"], same["C"], rtol=1e-9)


def test_a_level_counts_from_the_mean(solved):
    found = response(solved, 0.01, "level", baseline="forced")
    assert float(found["Z"][0]) == pytest.approx(1 / solved.economy.Z_mean, rel=1e-9)


@pytest.mark.parametrize("path", [[1.0, 0.5, -0.25], pd.Series([1.0, 0.5, -0.25]), np.array([1.0, 0.5, -0.25])])
def test_a_path_of_innovations_adds_up(solved, path):
    found = response(solved, path, "percent", baseline="forced")
    np.testing.assert_allclose(found["Z"], expected(solved, path), rtol=1e-9)
    assert "3 innovations of Z, the first of 1 percent" in found.attrs["title"]


def test_an_innovation_that_is_held_is_a_path_of_equal_ones(solved):
    held = response(solved, 1.0, "percent", baseline="forced", hold=3)
    np.testing.assert_allclose(held["Z"], expected(solved, [1.0] * 3), rtol=1e-9)


def test_a_price_economy_knows_its_percent_too():
    """z of huggett is a logarithm."""
    naming = economics.create("huggett").naming
    (size,) = naming.read_change({"z": 1.0}, 1, "forced", "percent").path
    assert size == pytest.approx(np.log(1.01) / (0.02 * np.sqrt(1 - 0.9**2)))


def test_what_has_no_unit_is_refused_in_one_line(solved):
    refused(lambda: solved.irf({"Z": 1.0}), "unit", "percent", "level")
    refused(lambda: response(solved, 1.0, "pct"), "unit", "'pct'")
    refused(lambda: response(solved, -100.0, "percent"), "-100")
    refused(lambda: response(solved, [1.0] * 7, "percent"), "7 periods")
    refused(lambda: response(solved, [1.0, 2.0], "percent", hold=2), "hold")
    refused(lambda: response(solved, [], "percent"), "shock['Z']")
    refused(lambda: solved.irf({"innovation": 1.0}, unit="percent"), "standard deviations")
    refused(lambda: solved.irf({"K": 1.0}, unit="percent"), "'Z'")
    refused(lambda: solved.consumption(k=1.0, e=0, Z=-0.1), "Z", "productivity is -0.1")
    naming = economics.create("jfv").naming
    refused(lambda: naming.read_change({naming.shock: 1.0}, 1, "forced", "level"), "depends on the state")
    naming = economics.create("ks98").naming
    refused(lambda: naming.read_change("good->bad", 1, "forced", "percent"), "unit", "states")
