"""Moments of the cycle: the filter against its definition, and series whose moments are known."""

import numpy as np
import pytest

from deepham.algorithm.business_cycle import SMOOTHING, hodrick_prescott, moments, standard_error


def test_the_trend_solves_the_minimisation():
    series = np.random.default_rng(0).normal(size=40).cumsum()
    difference = np.diff(np.eye(40), 2, axis=0)
    expected = np.linalg.solve(np.eye(40) + 1600 * difference.T @ difference, series)
    np.testing.assert_allclose(hodrick_prescott(series, 1600.0), expected, rtol=1e-9, atol=1e-9)
    line = 3 + 0.2 * np.arange(40.0)
    np.testing.assert_allclose(hodrick_prescott(line, 1600.0), line, rtol=1e-9)  # a straight line is all trend


UNITS = {"Y": "goods", "C": "goods", "r": "percent per period", "u": "share", "flat": "goods"}
VARIABLES = {name: (f"{name}, of the period", unit) for name, unit in UNITS.items()}


def test_moments_of_known_series():
    """Without a filter (a period of no known length): a log wave, another of half its size, and rates in points; two
    paths."""
    wave = np.sin(2 * np.pi * np.array([np.arange(400), np.arange(2, 402)]) / 8)
    y, c, r, u = moments(
        {
            "Y": np.exp(1 + 0.02 * wave),
            "C": np.exp(0.01 * wave),
            "r": 1.0 - 0.5 * wave,
            "u": 0.05 + 0.01 * np.roll(wave, 2, 1),
            "flat": np.ones((2, 400)),
        },
        VARIABLES,
        "period",
    )
    assert (y.sd, c.sd) == (pytest.approx(2 / 2**0.5), pytest.approx(1 / 2**0.5)) and c.relative_sd == pytest.approx(
        0.5
    )
    assert r.sd == pytest.approx(0.5 / 2**0.5) and u.sd == pytest.approx(1 / 2**0.5)
    assert (c.correlation, r.correlation) == (pytest.approx(1), pytest.approx(-1)) and abs(u.correlation) < 1e-9
    assert y.autocorrelation == pytest.approx(np.cos(2 * np.pi / 8), abs=0.01)
    assert c.description == "C" and u.mean == pytest.approx(0.05) and u.unit == "share" and u.mean_se < 1e-9


def test_a_quantity_that_is_not_positive_has_no_moments_and_costs_nothing(recwarn):
    """Investment after a short training can be negative in some period."""
    wave = np.sin(np.arange(60.0))[None]
    found = moments({"Y": np.exp(0.01 * wave), "C": wave}, VARIABLES, "quarter")
    assert [one.name for one in found] == ["Y"] and not recwarn.list
    assert moments({"Y": wave, "C": np.exp(wave)}, VARIABLES, "quarter") == []


def test_the_filter_takes_out_what_is_slow():
    t = np.arange(2000)
    fast, slow = np.sin(2 * np.pi * t / 12), np.sin(2 * np.pi * t / 400)
    (found,) = moments({"Y": np.exp(0.01 * (fast + 5 * slow))[None]}, VARIABLES, "quarter")
    assert found.sd == pytest.approx(1 / 2**0.5, rel=0.05)


@pytest.mark.parametrize("memory", [0.0, 0.99])
def test_standard_errors_are_those_of_many_paths(memory):
    """Autoregressions of 4,000 periods: the mean standard error against the standard deviation of their means."""
    noise = np.random.default_rng(1).normal(size=(4000, 300))
    path = np.zeros_like(noise)
    for t in range(1, len(path)):
        path[t] = memory * path[t - 1] + noise[t]
    claimed = [moments({"Y": np.exp(0.01 * each)[None]}, VARIABLES, "period")[0].mean_se for each in path.T]
    assert np.mean(claimed) == pytest.approx(np.exp(0.01 * path).mean(0).std(), rel=0.25)


def test_the_standard_error_of_too_little_is_none():
    assert np.isnan(standard_error(1.0, [1.0, 2.0, 3.0])) and standard_error(1.0, [1.0] * 5) == 0


@pytest.mark.parametrize(
    "values, memory",
    [
        ([0, 1, 0, 1], 0),  # what turns over and over is not counted as less noise
        ([0, 0, 1, 1], 0.25 + (1 + 3 * 0.25) / 4),  # Kendall's correction of .25
        ([0] * 10 + [1] * 10, 0.9),
    ],
)  # 17/20, which would be corrected to more than one
def test_a_standard_error_by_hand(values, memory):
    """Of a mean the pseudo-values are the blocks themselves."""
    n, values = len(values), np.array(values, float)
    found = standard_error(values.mean(), [(values.sum() - one) / (n - 1) for one in values])
    variance = ((values - values.mean()) ** 2).sum() / (n - 1)
    assert found == pytest.approx((variance / n * (1 + memory) / (1 - memory)) ** 0.5, rel=1e-9)


def test_what_a_mirror_image_takes_out_is_no_error_of_the_mean():
    noise = np.random.default_rng(0).normal(size=400)
    alone, pair = (
        moments({"Y": np.stack(paths)}, {"Y": ("y", "percent")}, "period")[0] for paths in ([noise], [noise, -noise])
    )
    assert alone.mean_se > 0.03 and pair.mean_se < 1e-12


def test_smoothing_is_by_the_fourth_power_of_the_length_of_a_period():
    """Ravn and Uhlig (2002), from the 1600 of a quarter."""
    assert SMOOTHING == {"quarter": 1600, "year": 1600 / 4**4, "month": 1600 * 3**4}
