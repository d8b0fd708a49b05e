"""Moments of the cycle: the filter against its definition, and series whose moments are known."""

import numpy as np
import pytest
import xarray

from deepham.report.business_cycle import hodrick_prescott, moments


def test_the_trend_solves_the_minimisation():
    series = np.random.default_rng(0).normal(size=40).cumsum()
    difference = np.diff(np.eye(40), 2, axis=0)
    expected = np.linalg.solve(np.eye(40) + 1600 * difference.T @ difference, series)
    np.testing.assert_allclose(hodrick_prescott(series, 1600.0), expected, rtol=1e-9, atol=1e-9)
    line = 3 + 0.2 * np.arange(40.0)
    np.testing.assert_allclose(hodrick_prescott(line, 1600.0), line, rtol=1e-9)  # a straight line is all trend


def dataset(**series):
    units = {"Y": "goods", "C": "goods", "r": "percent per period", "u": "share", "flat": "goods"}
    return xarray.Dataset({
        name: (("economy", "period"), values[None], {"long_name": f"{name}, of the period", "units": units[name]})
        for name, values in series.items()})


def test_moments_of_known_series():
    """Without a filter (a period of no known length): a log wave, another of half its size, and rates in points."""
    wave = np.sin(2 * np.pi * np.arange(400) / 8)
    path = dataset(Y=np.exp(1 + 0.02 * wave), C=np.exp(0.01 * wave), r=1.0 - 0.5 * wave, u=0.05 + 0.01 * np.roll(wave, 2),
                   flat=np.ones(400))
    y, c, r, u = moments(path, "period", ("Y", "C", "r", "u", "flat", "absent"))
    assert (y.sd, c.sd) == (pytest.approx(2 / 2**0.5), pytest.approx(1 / 2**0.5)) and c.relative_sd == pytest.approx(0.5)
    assert r.sd == pytest.approx(0.5 / 2**0.5) and u.sd == pytest.approx(1 / 2**0.5)
    assert (c.correlation, r.correlation) == (pytest.approx(1), pytest.approx(-1)) and abs(u.correlation) < 1e-9
    assert y.autocorrelation == pytest.approx(np.cos(2 * np.pi / 8), abs=0.01)
    assert c.description == "C" and u.mean == pytest.approx(0.05) and u.unit == "share"


def test_the_filter_takes_out_what_is_slow():
    t = np.arange(2000)
    fast, slow = np.sin(2 * np.pi * t / 12), np.sin(2 * np.pi * t / 400)
    (found,) = moments(dataset(Y=np.exp(0.01 * (fast + 5 * slow))), "quarter", ("Y",))
    assert found.sd == pytest.approx(1 / 2**0.5, rel=0.05)
