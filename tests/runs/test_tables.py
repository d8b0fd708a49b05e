"""A sweep by setting: what varies is found, seeds are grouped, failures are counted, and the figure shows the means."""

import csv
import io
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from deepham.errors import InputError
from deepham.measures.verdict import BAR_SETS, bar_met, judge
from deepham.presentation.tables import advice, runs_file_table, runs_table
from deepham.runs.by_setting import SweepRun, by_setting, most_welfare, varying
from deepham.runs.sweep_figure import sweep_figure
from deepham.runs.tables import ECONOMIC, MAIN, settings_file_table, settings_table


def run(error, width, horizon="1", seed="1", **more):
    settings = {"figures": "False", "network.width": width, "algorithm.horizon": horizon, "seed": seed} | more
    return SweepRun(f"{width}-{horizon}-{seed}", settings, None if error is None else {"euler.mean": error})


RUNS = [
    run(0.04, "100"),
    run(0.02, "100", seed="2"),
    run(0.3, "24"),
    run(0.1, "24", seed="2"),
    run(0.01, "24", "10"),
    run(None, "24", "10", "2"),
]


def test_what_varies_is_found_and_seeds_do_not():
    assert varying(RUNS) == ["network.width", "algorithm.horizon"]
    assert varying([run(0.1, "8"), run(0.1, "8", seed="2")]) == []
    assert varying([run(0.1, "8"), run(0.1, "8", network="paper")]) == ["network"]
    assert varying([run(None, "8"), run(0.1, "8", network="paper")]) == []


def test_the_run_with_most_welfare_is_one_that_trained_to_its_end():
    runs = [
        SweepRun(name, {}, {"welfare": welfare}, stopped=stopped)
        for name, welfare, stopped in (
            ("low", 3.4, ""),
            ("high", 3.5, ""),
            ("stopped", 3.9, "stopped after 2 of 9"),
            ("broken", math.nan, ""),
        )
    ]
    assert most_welfare([*runs, *RUNS]).name == "high" and most_welfare(RUNS) is None


def test_settings_are_in_the_order_of_their_numbers_and_words_last():
    runs = [run(0.1, width) for width in ("deep", "100", "24", "1e-3")]
    assert [width for (width,) in by_setting(runs, ["network.width"])] == ["1e-3", "24", "100", "deep"]


def test_the_table_has_mean_and_sd_over_seeds_and_counts_bars_and_failures():
    sheet = settings_file_table(RUNS)
    rows = list(csv.DictReader(io.StringIO(sheet.csv())))
    assert [(row["network.width"], row["algorithm.horizon"]) for row in rows] == [
        ("24", "1"),
        ("24", "10"),
        ("100", "1"),
    ]
    assert [row["runs"] for row in rows] == ["2", "1", "2"] and [row["not finished"] for row in rows] == ["0", "1", "0"]
    assert [row[4] for row in sheet.rows] == ["0 of 2", "1 of 1", "2 of 2"]  # the bar is at .05
    assert float(rows[0]["euler.mean"]) == pytest.approx(0.2)
    assert float(rows[0]["euler.mean, sd"]) == pytest.approx(math.sqrt(0.02))
    assert rows[1]["euler.mean, sd"] == "nan" and sheet.rows[1][-1] == "0.01"
    assert sheet.rows[0][-1] == "0.2 (0.14)" and "wealth_w1" not in sheet.exact_headings


def test_runs_that_were_measured_differently_have_no_mean():
    runs = [
        replace(run(0.1, "8", seed=seed), measured={"periods": periods, "dates": 2.0})
        for seed, periods in (("1", 20.0), ("2", 30.0))
    ]
    with pytest.raises(InputError, match="^runs: measured 8-1-1 with periods=20 and 8-1-2 with periods=30"):
        settings_file_table(runs)
    other = replace(run(0.1, "9"), measured={"periods": 30.0, "dates": 2.0})
    assert len(settings_file_table([runs[0], run(0.1, "8"), other]).rows) == 2  # apart, or not known


def test_a_bar_is_met_by_something_that_was_held_against_it():
    for measures, met in (
        ({}, False),
        ({"mean_K": 39.0}, False),
        ({"euler.mean": 0.01}, True),
        ({"euler.mean": 9.0}, False),
    ):
        assert SweepRun("r", {}, measures).bar_met is met is bar_met(judge(measures, BAR_SETS["quick"]))


def test_a_measure_that_a_run_lacks_is_shown_and_has_no_mean():
    runs = {"a": {"euler.mean": 0.1, "gini": 0.3}, "b": {"euler.mean": 0.2}}
    sheet = runs_file_table(runs)
    assert [row for row in sheet.rows if row[0] == "Gini of wealth"] == [("Gini of wealth", "", "0.3", "", "", "")]
    assert [row[-2] for row in sheet.rows if row[0] == "Euler error, mean"] == ["0.15"]
    text = io.StringIO()
    Console(file=text, width=100).print(runs_table(runs))
    assert re.search(r"Gini of wealth *\n", text.getvalue())


def test_the_table_names_the_setting_that_a_crowded_top_node_asks_for():
    for measures, reference, says in (
        ({"top_mass": 1e-3, "gini": 0.3}, None, "verdict.top"),
        ({"top_mass": 1e-9}, None, None),
        ({"top_mass": 1e-3, "gini": 0.3}, {"gini": 0.3}, "reference.top"),
    ):
        found = advice(judge(measures, BAR_SETS["quick"], reference))
        assert found is None if says is None else f"set {says} higher" in found


def economic(beta, gini, sd):
    found = {"mean_K": 39.0, "gini": gini, "sd.Y": sd}
    return SweepRun(
        f"b{beta}",
        {"model.beta": beta, "seed": "1"},
        found,
        grid={name: 1.01 * value for name, value in found.items()},
        meanings={"model.beta": "discount factor"},
        bars=BAR_SETS["standard"],
    )


def test_a_sweep_over_a_parameter_says_its_meaning_and_what_the_economy_does():
    runs = [economic("0.98", 0.28, 1.6), economic("0.99", 0.27, 1.5)]
    sheet = settings_file_table(runs, (*MAIN, *ECONOMIC))
    assert sheet.headings[0] == "discount factor (beta)"
    (first, _) = csv.DictReader(io.StringIO(sheet.csv()))
    assert (
        first["model.beta"] == "0.98"
        and float(first["gini"]) == 0.28
        and float(first["sd.Y, grid"]) == pytest.approx(1.616)
    )
    assert "sd of Y around its trend, % (sd)" in sheet.headings and "Gini of wealth" in sheet.markdown()
    (axes,) = sweep_figure(runs, "sd.Y").axes
    assert axes.get_xlabel() == "discount factor (beta)" and axes.get_ylabel() == "sd of Y around its trend, %"


def test_the_figure_draws_a_line_through_the_means_for_each_combination_of_the_others():
    figure = sweep_figure(RUNS, "euler.mean")
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.lines}
    # both settings take two values: the first is the axis
    assert axes.get_xlabel() == "network.width" and axes.get_ylabel() == "Euler error, mean, % cons."
    np.testing.assert_allclose(lines["algorithm.horizon=1"].get_xydata(), [[24, 0.2], [100, 0.03]])
    np.testing.assert_allclose(lines["algorithm.horizon=10"].get_xydata(), [[24, 0.01]])
    assert set(lines["bar"].get_ydata()) == {BAR_SETS["quick"]["euler.mean"][0]}
    points = np.concatenate([line.get_xydata() for line in axes.lines if line.get_marker() == "o"])
    assert sorted(points[:, 1].tolist()) == [0.01, 0.02, 0.04, 0.1, 0.3]


def test_words_stand_beside_each_other_and_signed_measures_are_drawn_by_size():
    runs = [
        SweepRun(name, {"network": name}, {"mean_K_gap": gap}) for name, gap in (("paper", -0.2), ("first_moment", 0.1))
    ]
    (axes,) = sweep_figure(runs, "mean_K_gap").axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["first_moment", "paper"]
    assert next(line for line in axes.lines if line.get_label() == "mean over seeds").get_ydata().tolist() == [0.1, 0.2]


def test_a_random_search_is_drawn_as_points_a_panel_a_setting():
    runs = [run(0.1 + i, str(8 + i), str(30 - i)) for i in range(12)]
    panels = sweep_figure(runs, "euler.mean").axes
    assert [axes.get_xlabel() for axes in panels] == ["network.width", "algorithm.horizon"]
    assert [sum(len(line.get_xdata()) for line in axes.lines if line.get_marker() == "o") for axes in panels] == [
        12,
        12,
    ]


def study(beta, mu, gini, grid, **more):
    return SweepRun(
        f"{beta}-{mu}",
        {"model.beta": beta, "model.mu": mu, "seed": "1"} | more,
        {"gini": gini, "mean_K_gap": 0.2},
        grid={} if grid is None else {"gini": grid},
    )


STUDY = [
    study("0.98", "0.15", 0.3, 0.32),
    study("0.98", "0.15", 0.34, 0.34, seed="2"),
    study("0.99", "0.15", 0.27, 0.28),
    study("0.985", "0.15", 0.29, None),
    study("0.98", "0.4", 0.4, 0.41),
]


def test_a_moment_stands_beside_that_of_the_grid_solution_in_the_table():
    rows = list(csv.DictReader(io.StringIO(settings_file_table(STUDY, ["gini"]).csv())))
    assert [float(row["gini, grid"]) for row in rows] == pytest.approx([0.33, 0.41, math.nan, 0.28], nan_ok=True)
    assert float(rows[0]["gini"]) == pytest.approx(0.32)
    sheet = settings_file_table(STUDY, ["gini", "mean_K_gap"])
    assert sheet.headings[4:] == ("Gini of wealth (sd)", "on the grid", "gap of mean K, % (sd)")
    assert [row[4:6] for row in sheet.rows] == [
        ("0.32 (0.028)", "0.33"),
        ("0.4", "0.41"),
        ("0.29", ""),
        ("0.27", "0.28"),
    ]
    text = io.StringIO()
    Console(file=text, width=100).print(settings_table(STUDY, "gini"))
    assert re.search(r"0\.32\xa0\(0\.028\) +0\.33 ", text.getvalue())
    bare = [study("0.98", "0.15", 0.3, None), study("0.99", "0.15", 0.27, None)]
    assert "gini, grid" not in settings_file_table(bare, ["gini"]).exact_headings


def test_the_figure_draws_the_grid_solution_where_a_run_has_one():
    figure = sweep_figure(STUDY, "gini")
    (axes,) = figure.axes
    diamonds = [
        line.get_xydata().tolist() for line in axes.lines if line.get_marker() == "D" and len(line.get_xydata())
    ]
    assert sorted(map(sorted, diamonds)) == [[[0.98, 0.32], [0.98, 0.34], [0.99, 0.28]], [[0.98, 0.41]]]
    assert axes.get_yscale() == "linear" and "grid solution" in [
        text.get_text() for text in figure.legends[0].get_texts()
    ]
    for others, measure in (
        (STUDY, "mean_K_gap"),
        ([study("0.98", "0.15", 0.3, None), study("0.99", "0.15", 0.2, None)], "gini"),
    ):
        labels = [text.get_text() for text in sweep_figure(others, measure).legends[0].get_texts()]
        assert "grid solution" not in labels


def test_a_run_that_was_stopped_early_is_counted_drawn_hollow_and_in_no_mean():
    stopped = replace(run(0.7, "24", seed="3"), stopped="stopped after 2 of 9")
    sheet = settings_file_table([*RUNS, stopped])
    assert sheet.headings[2:5] == ("runs", "stopped early", "not finished")
    assert [row[2:6] for row in sheet.rows] == [
        ("2", "1", "0", "0 of 2"),
        ("1", "0", "1", "1 of 1"),
        ("2", "0", "0", "2 of 2"),
    ]
    assert sheet.rows[0][-1] == settings_file_table(RUNS).rows[0][-1]
    (axes,) = sweep_figure([*RUNS, stopped], "euler.mean").axes
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(lines["algorithm.horizon=1"].get_xydata(), [[24, 0.2], [100, 0.03]])
    hollow = [line for line in axes.lines if line.get_fillstyle() == "none" and len(line.get_xdata())]
    assert [line.get_xydata().tolist() for line in hollow] == [[[24.0, 0.7]]]
    points = [line for line in axes.lines if line.get_marker() == "o" and line.get_fillstyle() == "full"]
    assert 0.7 not in np.concatenate([line.get_ydata() for line in points])
