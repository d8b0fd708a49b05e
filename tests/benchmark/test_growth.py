"""Measurements of growth: that they run, and that exponents are those of known powers."""

import pytest

from benchmarks.figure import growth
from benchmarks.growth import AXES, exponent, exponents, measure_growth


@pytest.mark.parametrize("power", [0.5, 1.0, 2.3])
def test_an_exponent_is_the_power_that_the_larger_half_grows_with(power):
    sizes = (1, 2, 5, 10, 20, 30)
    assert exponent(sizes, [3 * n**power for n in sizes]) == pytest.approx(power)
    flat_first = [1.0 if n < 10 else n**power / 10**power for n in sizes]  # an overhead hides what the small cost
    assert exponent(sizes, flat_first) == pytest.approx(power)
    assert exponent((5, 25), [2.0, 2.0 * 5**power]) == pytest.approx(power)


def test_a_grid_grows_in_the_number_of_its_states():
    rows = [{"axis": "grid", "size": d, "states": 5**d, "seconds": 25.0**d, "step_seconds": 5.0**d} for d in (1, 2, 3)]
    rows.append({"axis": "grid", "size": 4, "states": 625, "seconds": None, "step_seconds": 5.0**4})
    assert exponents(rows) == pytest.approx({"grid": 2.0, "grid_step": 1.0})


@pytest.mark.slow
def test_everything_is_measured_and_drawn():
    measured = measure_growth(quick=True)
    rows = measured["rows"]
    assert {row["axis"] for row in rows} == {*AXES, "grid"} and set(measured["exponents"]) == set(AXES)
    assert all(row["seconds"] > 0 for row in rows)
    figure = growth(measured)
    assert len(figure.axes) == 6 and all(axes.get_xlabel() and axes.get_legend() for axes in figure.axes)
