"""What papers need in one line: tables, figures, paths of shocks, changes of parameters and their worth. Known answers:
Brock and Mirman (1972), where every household consumes the share 1 - beta of what it has."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from untrained import make, refused

import deepham
from deepham import economics
from deepham.simulation.population import gini, lorenz
from deepham.solution.solved import SolvedEconomy


@pytest.fixture(scope="module")
def ks():
    return make("ks98")


@pytest.fixture(scope="module")
def shape():
    """A grid and cross-sections for the closed form."""
    return make("brock_mirman")


def closed_form(shape, factor=1.0, **changes):
    """Brock and Mirman's economy with all productivities so many times as high, and its exact policy and value."""
    levels = [factor * z for z in economics.calibration("brock_mirman")["productivity"]]
    e = economics.create("brock_mirman", **{"productivity": levels} | changes)
    slope = e.alpha / (1 - e.alpha * e.beta)  # of the mean household's value in log K
    each = (math.log((1 - e.beta) * e.alpha) + e.z_level.log()) + e.beta * slope * (e.alpha * e.beta * e.z_level).log()
    level = torch.linalg.solve(torch.eye(2, dtype=torch.float64) - e.beta * e.chain.aggregate, each)

    def value(seen):
        log_K = seen.aggregates["K"].log()
        return level[seen.z] + slope * log_K + (seen.k.log() - log_K) / (1 - e.beta)

    return SolvedEconomy("brock_mirman", e, lambda seen: (1 - e.beta) * seen.resources, value, shape.grid, shape.mass)


# -- tables --------------------------------------------------------------------------------------------------------


def test_a_distribution_is_a_cross_section_that_every_question_takes(ks):
    table = ks.distribution("good")
    assert list(table) == ["k", "eps", "mass"] and set(table["eps"]) == {"unemployed", "employed"}
    people = ks.ergodic.select([1])
    assert (table["k"] * table["mass"]).sum() == pytest.approx(float(people.mean(people.k)), rel=1e-12)
    at = {"k": [1.0, 40.0], "eps": "employed", "z": "good"}
    np.testing.assert_allclose(ks.consumption(**at, population=table), ks.consumption(**at), rtol=1e-12)
    path = ks.simulate(shocks=["good", "bad"], start=table)
    np.testing.assert_allclose(path["K"], ks.simulate(shocks=["good", "bad"])["K"], rtol=1e-12)
    both, share = ks.distribution(), ks.economy.chain.stationary_z().numpy()
    parts = [ks.distribution(z)["mass"] for z in ("bad", "good")]
    np.testing.assert_allclose(both["mass"], share[0] * parts[0] + share[1] * parts[1], atol=1e-15)


def test_the_propensity_to_consume_is_known_and_its_mean_is_that_of_households(shape, ks):
    exact = closed_form(shape)
    for gift in (None, 0.5):
        np.testing.assert_allclose(exact.mpc(gift)["mpc"], 1 - exact.economy.beta, rtol=1e-6)
    table = ks.mpc(z="bad")
    panel = ks.simulate(1, agents=20_000, shocks=["bad"], histories=True)
    assert table.attrs["mean"] == pytest.approx(float(panel["mpc"].mean()), rel=0.01)
    both = ks.mpc()
    assert both.attrs["mean"] == pytest.approx(float(np.mean([ks.mpc(z=z).attrs["mean"] for z in (0, 1)])), rel=1e-9)


def test_the_lorenz_curve_of_two_kinds_of_households():
    """A quarter hold three quarters of all."""
    k, weight = torch.tensor([[9.0, 1.0, 1.0]]), torch.tensor([[0.25, 0.5, 0.25]])
    households, wealth = lorenz(k, weight)
    assert households[0].tolist() == [0, 0.5, 0.75, 1.0]
    np.testing.assert_allclose(wealth[0], [0, 1 / 6, 0.25, 1.0])
    assert float(gini(k, weight)) == pytest.approx(0.5)


def test_the_lorenz_curve_has_the_area_of_its_gini(ks):
    table = ks.lorenz()
    area = np.trapezoid(table["wealth"], table["households"])
    assert table.attrs["gini"] == pytest.approx(1 - 2 * area, rel=1e-9)
    assert table.iloc[0].tolist() == [0, 0] and table.iloc[-1].tolist() == [1, 1]


# -- figures -------------------------------------------------------------------------------------------------------


def test_figures_show_what_the_tables_say_and_name_what_is_laid_over_them(ks):
    other = make("ks98", beta=0.98)
    (lorenz_axes,) = ks.plot_lorenz({"beta 0.98": other}).axes
    table = other.lorenz()
    np.testing.assert_allclose(lorenz_axes.lines[1].get_ydata(), 100 * table["wealth"])
    assert [text.get_text() for text in lorenz_axes.get_legend().get_texts()] == [
        f"ks98, Gini {ks.lorenz().attrs['gini']:.3f}",
        f"beta 0.98, Gini {table.attrs['gini']:.3f}",
    ]
    level, saved, mpc = ks.plot_policy(z="bad").axes
    k = level.lines[0].get_xdata()
    np.testing.assert_allclose(level.lines[1].get_ydata(), ks.consumption(k=k, eps="employed", z="bad"))
    assert "bad" in level.get_title() and len(ks.plot_policy(beside={"other": other}).axes[2].lines) == 4
    density, tail = ks.plot_distribution({"other": other}).axes
    assert len(density.lines) == 4 and len(tail.lines) == 2
    euler, bellman = ks.plot_errors({"other": other}).axes
    assert len(euler.lines) == 2 and euler.get_yscale() == "log" and bellman.get_ylabel() == "utils"


def test_figures_and_tables_refuse_in_one_line_what_they_cannot_show(ks, shape):
    refused(lambda: ks.plot_lorenz({"other": shape}), "beside['other']", "individual states")
    refused(lambda: ks.plot_policy(beside=ks), "beside", "label")
    refused(lambda: ks.plot_errors({"other": 3}), "beside['other']", "solved economy")
    refused(lambda: ks.plot_policy(z="good times"), "there is no state")
    refused(lambda: ks.mpc(gift=0), "gift", "positive")
    refused(lambda: ks.distribution(z=2), "there is no state 2")


# -- paths of shocks -----------------------------------------------------------------------------------------------


def test_a_path_from_a_series_or_a_file_is_the_path(ks, tmp_path):
    states, dates = ["good", "bad", "bad"], pd.period_range("2007Q4", periods=3, freq="Q")
    wanted = ks.simulate(3, shocks=states)
    series = pd.Series(states, index=dates)
    file = tmp_path / "recession.csv"
    file.write_text("date, z, gdp\n2007Q4, good, 1.0\n2008Q1, bad, 2.0\n2008Q2, bad, 3.0\n")
    alone = tmp_path / "alone.csv"
    alone.write_text("state\n1\n0\n0\n")
    for given in (series, file, str(file), alone, pd.read_csv(alone), series.astype("category")):
        np.testing.assert_array_equal(ks.simulate(shocks=given)["K"], wanted["K"])
    assert ks.simulate(shocks=file)["date"].values.tolist() == ["2007Q4", "2008Q1", "2008Q2"]
    assert ks.simulate(shocks=series)["date"].dt.year.values.tolist() == [2007, 2008, 2008]
    assert "date" not in ks.simulate(shocks=alone).coords
    deepham.datasets.save(ks.simulate(shocks=series), tmp_path / "path.nc.gz")


def test_a_path_that_is_none_is_refused_in_one_line(ks, tmp_path):
    file = tmp_path / "path.csv"
    for text, said in (("a,b\n1,2\n", "a, b"), ("", "no CSV"), ("z\ngood\n\nbaad\n", "baad")):
        file.write_text(text)
        refused(lambda: ks.simulate(shocks=file), "shocks", said)
    refused(lambda: ks.simulate(shocks=tmp_path / "none.csv"), "cannot be read")
    refused(lambda: ks.simulate(shocks=pd.Series(["good", None, "bad"])), "1 of 3 values are missing")
    refused(lambda: ks.simulate(), "periods", "shocks=")
    refused(lambda: ks.simulate(4, shocks=pd.Series(["good", "bad"])), "one state a period")


# -- another calibration -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("agents", [None, 50])
def test_the_way_to_higher_productivity_is_known(shape, agents):
    """K_t rises by the factor (1 + g) to the power of 1 + alpha + ... + alpha^(t-1), whatever z does."""
    old, new = closed_form(shape), closed_form(shape, 1.05)
    way = old.transition(new, periods=6, draws=8, agents=agents, keep_draws=True)
    powers = (1 - old.economy.alpha ** np.arange(6)) / (1 - old.economy.alpha)
    np.testing.assert_allclose(way["K"], 100 * (1.05**powers - 1), atol=1e-6)
    assert way["K_baseline"].values.std() > 0 and "productivity" in way.attrs["title"]
    assert deepham.plot_irf(way, ["K"]).axes[0].lines


def test_what_higher_productivity_is_worth_is_known(shape):
    """Everybody's consumption is higher by 1 + g to the power of 1/(1 - alpha beta), as consumption for ever."""
    old, new = closed_form(shape), closed_form(shape, 1.05)
    found = old.welfare(new)
    exact = 100 * (1.05 ** (1 / (1 - old.economy.alpha * old.economy.beta)) - 1)
    np.testing.assert_allclose(found.gain, exact, rtol=1e-9)
    assert found.mean == pytest.approx(exact) and found.gaining == pytest.approx(1)
    np.testing.assert_allclose(found.table["all"], exact, rtol=1e-9)
    assert np.abs(found.level_error).max() < 1e-9, "the values are exact"
    assert new.welfare(old).mean == pytest.approx(100 * (1 / (1 + exact / 100) - 1)) and "gain" in str(found)


def test_a_change_to_what_is_no_other_calibration_is_refused_in_one_line(ks, shape):
    old = closed_form(shape)
    refused(lambda: old.transition(ks), "to", "brock_mirman")
    refused(lambda: old.transition(None), "to", "solved economy")
    refused(lambda: old.transition(closed_form(shape), draws=2), "both copies are the same economy")
    refused(lambda: old.welfare(ks), "two economies")
    refused(lambda: old.welfare(closed_form(shape, beta=0.97)), "tastes")
    refused(lambda: old.welfare("ks98"), "other", "solved economy")


def test_households_who_cannot_live_in_the_other_economy_are_named(ks):
    def moved(first, last):
        """The same with nodes from the first to the last alone."""
        mass = torch.full((2, 4), 0.25, dtype=torch.float64)
        grid = torch.tensor([first, last], dtype=torch.float64)
        return SolvedEconomy("ks98", ks.economy, ks.policy_function, ks.value_function, grid, mass)

    refused(lambda: ks.transition(moved(20.0, 900.0), draws=2), "to", "below 20")
    refused(lambda: ks.transition(moved(0.0, 20.0), draws=2), "to", "verdict.top")
    worse = make(
        "ks98",
        unemployment=[0.1, 0.1],
        chain_matrix=np.kron([[0.875, 0.125], [0.125, 0.875]], [[0.55, 0.45], [0.05, 0.95]]).tolist(),
    )
    refused(lambda: ks.transition(worse, draws=2), "to", "goods do not add up")
