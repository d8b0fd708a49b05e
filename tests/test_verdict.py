"""The verdict: what is met, what is missed, and its tables."""

import csv
import io

import pytest
from rich.console import Console

from deepham.algorithm.by_wealth import WealthBin
from deepham.algorithm.evaluation import measure_names
from deepham.reference.compare import GAPS
from deepham.tables import by_wealth_sheet, runs_sheet, runs_table, verdict_sheet, verdict_table
from deepham.verdict import BARS, MOMENTS, judge


@pytest.fixture
def perfect(bm) -> dict[str, float]:
    return dict.fromkeys([*measure_names(bm), *GAPS], 0.0)


def test_no_error_meets_the_bar(perfect):
    assert {row.measure for row in judge(perfect) if row.met} == set(BARS)


@pytest.mark.parametrize("name", BARS)
@pytest.mark.parametrize("sign", [1, -1])
def test_each_bar_is_missed_at_its_own_value(perfect, name, sign):
    rows = judge(perfect | {name: sign * BARS[name][2]})
    assert [row.measure for row in rows if row.met is False] == [name]
    assert all(row.met for row in judge(perfect | {name: 0.99 * sign * BARS[name][2]}) if row.bar is not None)


def test_a_goal_is_reached_below_its_own_value(perfect):
    def met(value):
        (line,) = [line for line in verdict_sheet(judge(perfect | {"wealth_w1": value})).csv().splitlines() if "wealth_w1" in line]
        return line.rpartition(",")[2]

    assert [met(value) for value in (0.49, 0.5, 3.9, 4.0)] == ["goal", "bar", "bar", "NO"]


def test_an_error_that_is_no_number_misses_the_bar(perfect):
    assert [row.measure for row in judge(perfect | {"euler.mean": float("nan")}) if row.met is False] == ["euler.mean"]


def test_moments_stand_beside_those_of_the_reference_and_have_no_bar(perfect):
    rows = {row.measure: row for row in judge(perfect, {"mean_K": 39.4})}
    assert rows["mean_K"].reference == 39.4 and rows["gini"].reference is None
    assert all(rows[name].met is None for name in MOMENTS)


def test_what_was_not_measured_is_not_judged(ks98):
    measured = dict.fromkeys(measure_names(ks98), 0.0)
    assert {row.measure for row in judge(measured)} == set(measured) & (set(BARS) | set(MOMENTS))


def test_the_tables_say_the_same(perfect):
    rows = judge(perfect | {"euler.mean": 0.123456789, "mean_K": 39.3}, {"mean_K": 39.4})
    assert verdict_table(rows, "title").row_count == len(rows)
    assert "| Euler error, mean | 0.123 |  | % cons. | 0.05 | 0.01 | NO |" in verdict_sheet(rows).markdown()
    assert r"Euler error, mean & 0.123 &  & \% cons. & 0.05 & 0.01 & NO \\" in verdict_sheet(rows).latex()
    records = {record["name"]: record for record in csv.DictReader(io.StringIO(verdict_sheet(rows).csv()))}
    assert float(records["euler.mean"]["value"]) == 0.123456789 and float(records["mean_K"]["grid"]) == 39.4
    with_errors = judge(perfect, {"euler.mean": 0.001})
    assert "| Euler error, mean | 0 | 0.001 |" in verdict_sheet(with_errors).markdown(), "the grid's own errors stand beside"


def test_the_verdict_fits_into_eighty_columns(perfect):
    out = io.StringIO()
    Console(file=out, width=80).print(verdict_table(judge(dict.fromkeys(perfect, 1.2345678e-5), dict.fromkeys(perfect, 39.4)), "t"))
    assert "…" not in out.getvalue()


def test_errors_by_wealth_as_tables():
    bins = [WealthBin(0.0, 0.5, 0.0, 36.0, 0.0123, -0.001, 4e-4, 1e-5), WealthBin(0.5, 1.0, 36.0, 120.0, 0.02, 0.02, 1e-3, -1e-4)]
    assert "| 0 | 50 | 0 | 36 | 0.0123 | -0.001 | 0.0004 | 1e-05 |" in by_wealth_sheet(bins).markdown()
    assert by_wealth_sheet(bins).latex().count(r"\\") == 3
    assert [float(row["bellman_signed"]) for row in csv.DictReader(io.StringIO(by_wealth_sheet(bins).csv()))] == [1e-5, -1e-4]


def test_runs_are_summarised_by_mean_and_standard_deviation():
    runs = {"a_1": {"euler.mean": 0.01, "mean_K": 39.0}, "b": {"euler.mean": 0.03, "mean_K": 40.0, "gini": 0.3}}
    assert "| Euler error, mean | % cons. | 0.01 | 0.03 | 0.02 | 0.01414 |" in runs_sheet(runs).markdown()
    assert "Gini" not in runs_sheet(runs).markdown(), "only what every run has"
    assert r"a\_1" in runs_sheet(runs).latex() and runs_table(runs).row_count == 2
    (first, *_) = csv.DictReader(io.StringIO(runs_sheet(runs).csv()))
    assert float(first["mean"]) == pytest.approx(0.02) and float(first["sd"]) == pytest.approx(0.0002**0.5)
    assert " nan |" in runs_sheet({"a": runs["a_1"]}).markdown(), "one run has no standard deviation"


def test_mean_assets_are_called_what_the_economy_calls_them(perfect):
    rows = {row.measure: row.description for row in judge(perfect, assets="B")}
    assert rows["mean_K"] == "mean of B" and rows["path_gap.max"] == "gap of the path of B, max"
    assert {row.measure: row.description for row in judge(perfect)}["mean_K_gap"] == "gap of mean K"
