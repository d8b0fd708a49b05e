"""The verdict: what is met, what is missed, and its tables."""

import csv
import io

import pytest
from rich.console import Console

from deepham import economics
from deepham.algorithm.by_wealth import WealthBin
from deepham.algorithm.evaluation import measure_names
from deepham.errors import InputError
from deepham.measures.verdict import BAR_SETS, JUDGED, MEASURES, bars_of, judge, named
from deepham.presentation.tables import (
    by_wealth_file_table,
    runs_file_table,
    runs_table,
    verdict_file_table,
    verdict_table,
)
from deepham.reference.compare import GAPS, PATHS_BESIDE, PRICE_GAPS

STANDARD, QUICK = BAR_SETS["standard"], BAR_SETS["quick"]


@pytest.fixture
def perfect(bm) -> dict[str, float]:
    every = [*measure_names(bm), *measure_names(economics.create("hank")), *GAPS, *PATHS_BESIDE, *PRICE_GAPS]
    return dict.fromkeys(every, 0.0)


def test_no_error_meets_the_bar(perfect):
    assert {row.measure for row in judge(perfect, STANDARD) if row.met} == set(JUDGED)


@pytest.mark.parametrize("bars", BAR_SETS.values(), ids=BAR_SETS)
@pytest.mark.parametrize("name", JUDGED)
@pytest.mark.parametrize("sign", [1, -1])
def test_each_bar_is_missed_at_its_own_value(perfect, bars, name, sign):
    rows = judge(perfect | {name: sign * bars[name][0]}, bars)
    assert [row.measure for row in rows if row.met is False] == [name]
    assert all(row.met for row in judge(perfect | {name: 0.99 * sign * bars[name][0]}, bars) if row.bar is not None)


def test_a_goal_is_reached_below_its_own_value(perfect):
    def met(value):
        table = verdict_file_table(judge(perfect | {"wealth_w1": value}, QUICK)).csv()
        (line,) = [line for line in table.splitlines() if "wealth_w1" in line]
        return line.rpartition(",")[2]

    assert [met(value) for value in (0.49, 0.5, 3.9, 4.0)] == ["goal", "bar", "bar", "NO"]


def test_a_goal_is_reached_from_either_side(perfect):
    def reached(value):
        (row,) = [row for row in judge(perfect | {"mean_K_gap": value}, QUICK) if row.measure == "mean_K_gap"]
        return row.reached

    goal = QUICK["mean_K_gap"][1]
    assert [reached(factor * goal) for factor in (-1.01, -0.99, 0.99, 1.01)] == [False, True, True, False]


def test_an_economy_has_bars_of_its_own_where_it_says_so():
    bars = bars_of("quick", {"mean_K_gap": [1.0, 0.5], "euler.p99": 0.7})
    assert bars["mean_K_gap"] == (1.0, 0.5) and bars["euler.p99"] == (0.7, None)
    assert {name: bar for name, bar in bars.items() if bar != QUICK[name]}.keys() == {"mean_K_gap", "euler.p99"}
    assert named("quick") == "quick bars" and "mean_K_gap" in named("quick", {"mean_K_gap": [1.0]})


@pytest.mark.parametrize(
    "name, own, word",
    [
        ("easy", {}, "standard or quick, got 'easy'"),
        ("quick", {"gini": [1.0]}, "'gini'"),
        ("quick", {"gini_gap": [-1]}, "own_bars.gini_gap"),
        ("quick", {"gini_gap": [1, 2, 3]}, "own_bars.gini_gap"),
        ("quick", {"gini_gap": "wide"}, "'wide'"),
    ],
)
def test_bars_that_are_none_are_refused(name, own, word):
    with pytest.raises(InputError, match=word):
        bars_of(name, own)


def test_goods_that_do_not_add_up_miss_the_bar_unless_the_economy_says_why(perfect):
    leaking = perfect | {"resource_gap": 0.3}
    (row,) = [row for row in judge(leaking, QUICK) if row.met is False]
    assert row.measure == "resource_gap"
    published = economics.create("rare_event")
    (row,) = [row for row in judge(leaking, QUICK, economy=published) if row.measure == "resource_gap"]
    assert row.met is None and row.value == 0.3


def test_an_error_that_is_no_number_misses_the_bar(perfect):
    rows = judge(perfect | {"euler.mean": float("nan")}, QUICK)
    assert [row.measure for row in rows if row.met is False] == ["euler.mean"]


def test_moments_stand_beside_those_of_the_reference_and_have_no_bar(perfect):
    rows = {
        row.measure: row
        for row in judge(perfect, STANDARD, {"mean_K": 39.4}, errors={"mean_K": 0.002, "gini": float("nan")})
    }
    assert rows["mean_K"].reference == 39.4 and rows["gini"].reference is None
    assert all(rows[name].met is None for name in MEASURES if name in rows and name not in JUDGED)
    assert rows["mean_K"].error == 0.002 and rows["gini"].error is None


def test_what_was_not_measured_is_not_judged(ks98):
    measured = dict.fromkeys(measure_names(ks98), 0.0)
    assert {row.measure for row in judge(measured, STANDARD)} == set(measured) & set(MEASURES)


def test_the_tables_say_the_same(perfect):
    rows = judge(perfect | {"euler.mean": 0.123456789, "mean_K": 39.3}, QUICK, {"mean_K": 39.4})
    assert verdict_table(rows, "title").row_count == len(rows)
    assert "| Euler error, mean | 0.123 |  |  | % cons. | 0.05 | 0.01 | NO |" in verdict_file_table(rows).markdown()
    assert r"Euler error, mean & 0.123 &  &  & \% cons. & 0.05 & 0.01 & NO \\" in verdict_file_table(rows).latex()
    records = {record["name"]: record for record in csv.DictReader(io.StringIO(verdict_file_table(rows).csv()))}
    assert float(records["euler.mean"]["value"]) == 0.123456789 and float(records["mean_K"]["grid"]) == 39.4
    with_errors = judge(perfect, QUICK, {"euler.mean": 0.001})
    assert "| Euler error, mean | 0 |  | 0.001 |" in verdict_file_table(with_errors).markdown(), (
        "the grid's own errors stand beside"
    )


def test_the_verdict_fits_into_eighty_columns(perfect):
    out = io.StringIO()
    Console(file=out, width=80).print(
        verdict_table(
            judge(
                dict.fromkeys(perfect, 1.2345678e-5),
                STANDARD,
                dict.fromkeys(perfect, 39.4),
                errors=dict.fromkeys(perfect, 1.2e-5),
            ),
            "t",
        )
    )
    assert "…" not in out.getvalue()


def test_errors_by_wealth_as_tables():
    bins = [
        WealthBin(0.0, 0.5, 0.0, 36.0, 0.0123, -0.001, 4e-4, 1e-5),
        WealthBin(0.5, 1.0, 36.0, 120.0, 0.02, 0.02, 1e-3, -1e-4),
    ]
    assert "| 0 | 50 | 0 | 36 | 0.0123 | -0.001 | 0.0004 | 1e-05 |" in by_wealth_file_table(bins).markdown()
    assert by_wealth_file_table(bins).latex().count(r"\\") == 3
    assert [float(row["bellman_signed"]) for row in csv.DictReader(io.StringIO(by_wealth_file_table(bins).csv()))] == [
        1e-5,
        -1e-4,
    ]


def test_runs_are_summarised_by_mean_and_standard_deviation():
    runs = {"a_1": {"euler.mean": 0.01, "mean_K": 39.0}, "b": {"euler.mean": 0.03, "mean_K": 40.0, "gini": 0.3}}
    assert "| Euler error, mean | % cons. | 0.01 | 0.03 | 0.02 | 0.01414 |" in runs_file_table(runs).markdown()
    assert r"a\_1" in runs_file_table(runs).latex() and runs_table(runs).row_count == 3
    (first, *_) = csv.DictReader(io.StringIO(runs_file_table(runs).csv()))
    assert float(first["mean"]) == pytest.approx(0.02) and float(first["sd"]) == pytest.approx(0.0002**0.5)
    assert "| 0.01 | 0.01 |  |" in runs_file_table({"a": runs["a_1"]}).markdown(), "one run has no standard deviation"


def test_mean_assets_are_called_what_the_economy_calls_them(perfect):
    rows = {row.measure: row.description for row in judge(perfect, STANDARD, economy=economics.create("jfv"))}
    assert rows["mean_K"] == "mean of B" and rows["path_gap.max"] == "gap of the path of B, max"
    assert {row.measure: row.description for row in judge(perfect, STANDARD)}["mean_K_gap"] == "gap of mean K"


def test_a_known_answer_has_the_bar_that_its_economy_gives_it(perfect, bm):
    bars = bars_of("quick", {"known.saving_rate": [0.1, 0.01]})
    for value, met, reached in ((0.005, True, True), (-0.05, True, False), (0.2, False, False)):
        (row,) = [each for each in judge({"known.saving_rate": value}, bars, economy=bm)]
        assert (row.met, row.reached) == (met, reached) and "alpha beta" in row.description
    (row,) = judge({"known.saving_rate": 0.2}, bars)
    assert row.met is False  # a table of many runs does not know their economy
