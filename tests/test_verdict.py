"""The verdict: what is met, what is missed, and when the grid's moments stand beside."""

import pytest

from deepham import economics
from deepham.algorithm.evaluation import measure_names
from deepham.tables import verdict_table
from deepham.verdict import BARS, judge


def good(economy) -> dict[str, float]:
    measures = dict.fromkeys(measure_names(economy), 0.0)
    return measures | {name: value for name, value in economy.published.items() if name in measures}


def test_the_figures_of_the_grid_meet_the_bar(ks98):
    assert all(row.met is not False for row in judge("ks98", ks98, good(ks98)))


@pytest.mark.parametrize("name", [name for name in BARS if name != "closed_form_gap.mean"])
def test_each_bar_is_missed_at_its_own_value(ks98, name):
    at_the_bar = good(ks98) | {name: BARS[name][2]}
    assert [row.measure for row in judge("ks98", ks98, at_the_bar) if row.met is False] == [name]


@pytest.mark.parametrize("name, factor, met", [("mean_K", 1.004, True), ("mean_K", 0.994, False),
                                               ("wealth_sd", 0.86, True), ("wealth_sd", 1.16, False)])
def test_moments_are_judged_by_their_distance_to_the_grid(ks98, name, factor, met):
    measures = good(ks98) | {name: factor * ks98.published[name]}
    (row,) = (row for row in judge("ks98", ks98, measures) if row.measure == name)
    assert row.met is met


def test_another_calibration_is_not_held_against_the_grid_of_this_one():
    economy = economics.create("ks98", beta=0.985)
    assert {row.measure for row in judge("ks98", economy, good(economy))} <= set(BARS)


def test_errors_that_are_no_numbers_miss_the_bar(ks98):
    rows = judge("ks98", ks98, good(ks98) | {"euler.mean": float("nan")})
    assert [row.measure for row in rows if row.met is False] == ["euler.mean"]


def test_the_table_has_a_row_for_each(ks98):
    rows = judge("ks98", ks98, good(ks98))
    assert verdict_table(rows, "title").row_count == len(rows)
