"""Histories of single households: they add up to the aggregates, and following them changes nothing else."""

import numpy as np
import pytest
import torch
import xarray
from untrained import make, refused

from deepham.simulation.period import World
from deepham.simulation.walk import initial_panel
from deepham.solution import datasets
from deepham.solution.histories import Histories, household_names
from deepham.system import memory

OWN = {"k", "eps", "c", "m", "income", "k_next", "mpc"}


@pytest.fixture(scope="module")
def ks():
    return make("ks98")


def eat(seen):
    return 0.05 * seen.resources


def test_in_every_economy_they_are_the_households_that_the_accounts_are_made_of(economy, seeded):
    """With consumption of a twentieth of resources, the propensity to consume is a twentieth."""
    if economy.unknowns:
        pytest.skip("nobody buys at a price that clears")
    start, periods = initial_panel(economy, 2, 30, seeded(1)), 4
    path = economy.chain.draw_path(start.z, periods, seeded(2))
    kept = Histories(economy, start, periods)
    series, last, *_ = datasets.record(World(economy, eat), start, path, None, seeded(3), kept)
    own = {key: kept.series[name] for key, name in household_names(economy).items()}
    assert len(own) == 7 and all(values.shape == (2, 30, periods) for values in own.values())
    torch.testing.assert_close(own["k"].mean(1), series[economy.tracked])
    torch.testing.assert_close(own["c"].mean(1) / economy.period_length, series["C"])
    torch.testing.assert_close(own["mpc"], torch.full_like(own["mpc"], 0.05))
    torch.testing.assert_close(own["c"] + own["k_next"], own["m"])
    torch.testing.assert_close(own["income"], own["m"] - own["k"])
    assert torch.equal(own["k_next"][..., :-1], own["k"][..., 1:])
    assert torch.equal(own["k"][..., 0], start.population.k) and torch.equal(own["eps"][..., -1], last.population.eps)


def test_a_panel_with_histories_is_the_same_panel(ks, tmp_path):
    arguments = {"economies": 2, "agents": 25, "seed": 4}
    plain, data = ks.simulate(6, **arguments), ks.simulate(6, **arguments, histories=True)
    assert data[list(plain.data_vars)].identical(plain)
    assert set(data.data_vars) == set(plain.data_vars) | OWN
    for name in OWN:
        assert data[name].dims == ("economy", "agent", "period")
        assert data[name].attrs["units"] and data[name].attrs["long_name"]
    np.testing.assert_allclose((data.eps == 0).mean("agent"), data.unemployment, rtol=1e-12)
    assert data.eps.attrs["flag_meanings"] == "unemployed employed"
    assert ((data.mpc > 0) & (data.mpc <= 1)).all()
    datasets.save(data, tmp_path / "panel.nc.gz")
    np.testing.assert_array_equal(xarray.open_dataset(tmp_path / "panel.nc.gz").k, data.k)


def test_the_propensity_to_consume_is_the_slope_of_the_policy(ks):
    """Beside the same cross-section, that of the panel, which stands for itself."""
    data = ks.simulate(1, agents=40, seed=2, histories=True, shocks=["bad"]).isel(economy=0, period=0)
    people = {"k": data.k.values, "eps": data.eps.values, "weight": np.full(40, 1 / 40)}
    state, gift = {"eps": people["eps"], "z": "bad", "population": people}, 1e-5
    more, less = ({"k": people["k"] + step} | state for step in (gift, 0.0))
    slope = (ks.consumption(**more) - ks.consumption(**less)) / (ks.resources(**more) - ks.resources(**less))
    np.testing.assert_allclose(data.mpc, slope, rtol=5e-3)


def test_the_continuum_has_no_histories(ks):
    refused(lambda: ks.simulate(3, histories=True), "histories", "agents=")
    refused(lambda: ks.simulate(3, agents=5, histories=1), "histories", "True or False")


def test_what_is_kept_of_every_household_is_counted(ks, monkeypatch):
    kept = ks.simulate(40, economies=2, agents=50, histories=True)[sorted(OWN)].drop_vars(
        ["agent", "economy", "period"]
    )
    monkeypatch.setattr(memory, "available", lambda device="cpu": kept.nbytes - 1)
    ks.simulate(40, economies=2, agents=50)
    refused(lambda: ks.simulate(40, economies=2, agents=50, histories=True), "memory")


def test_no_name_is_taken_twice(ks98, monkeypatch):
    monkeypatch.setattr(type(ks98), "variables", dict(ks98.variables) | {"c": ("a price", "-"), "mpc": ("mean", "-")})
    monkeypatch.setattr(type(ks98), "asset", "m")
    names = household_names(ks98)
    assert names["c"] == "household_c" and names["mpc"] == "household_mpc" and names["m"] == "household_m"
    assert len(set(names.values())) == 7 and not set(names.values()) & set(ks98.variables)
