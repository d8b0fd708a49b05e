"""algorithm.objective=planner from the command line to the saved solution."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

import deepham
from deepham.commands.cli import evaluate, reference, report
from deepham.economics.planner import under

PLANNER = ("model=davila12", "calibration=davila12_rest", "algorithm.objective=planner", "network.base=typical")
GRID = ("reference.k_nodes=60", "reference.histogram_nodes=60", "reference.K_nodes=3")
CONTINUUM = ("algorithm.agents=null", "algorithm.nodes=30")  # of four households all may be poor
VERDICT = ("verdict.nodes=20", "verdict.burn_in=2", "verdict.periods=4", "verdict.dates=2")
STUDY = (
    "study.periods=30",
    "study.irf_periods=3",
    "study.irf_draws=4",
    "study.risky_periods=20",
    "study.agents=50",
    "workers=1",
)
PANELS = (
    "agents=3",
    "bellman_paper.agents=3",
    "bellman_paper.economies=2",
    "bellman_paper.burn_in=2",
    "bellman_paper.periods=4",
    "bellman_paper.dates=2",
    "bellman_paper.draws=3",
    *VERDICT,
)


@pytest.fixture
def short_panels(monkeypatch):
    for name, number in (("PANELS", 3), ("PANEL_BURN_IN", 2), ("PANEL_PERIODS", 4)):
        monkeypatch.setattr(f"deepham.report.takeover.{name}", number)


def figures_of(page):
    return set(re.findall(r'<figure id="([^"]+)"', page))


@pytest.mark.slow
def test_a_saved_solution_knows_whose_it_is_and_a_report_holds_it_against_the_market(command, script, short_panels):
    code, output, errors = command("run=p", *PLANNER)
    assert (code, errors) == (
        0,
        [],
    ) and "scripts/reference.py model=davila12 calibration=davila12_rest objective=planner" in output
    solution = deepham.load("checkpoints/p")
    assert solution.economy.objective == "planner" and deepham.load("ks98").economy.objective == "market"
    market = deepham.load("checkpoints/p")
    market.economy = under(market.economy, "market")
    errors = (each.errors(dates=2, periods=4)["euler.mean"] for each in (solution, market))
    assert len({f"{error:.3g}" for error in errors}) == 2, "the premium is in the condition that errors are taken of"
    assert script(evaluate, "solution=checkpoints/p", *PANELS, *GRID)[0] == 0
    measures = json.loads(Path("checkpoints/p/evaluation.json").read_text())["measures"]
    assert all(np.isfinite(value) for key, value in measures.items() if value is not None)

    assert command("run=m", *PLANNER[:2], *CONTINUUM)[0] == 0
    code, output, errors = script(report, "solution=checkpoints/p", "compare=[checkpoints/m]", *STUDY, *VERDICT, *GRID)
    assert (code, errors) == (0, []) and "p in place of m" in output
    page = Path("logs/p/report/report.html").read_text(encoding="utf-8")
    assert {"planner_statistics", "takeover", "gains", "gains_table"} < figures_of(page)
    assert "externality" not in figures_of(page), "a point is no figure"
    with open("logs/p/report/planner_statistics.csv", encoding="utf-8") as file:
        found = {row["name"]: row for row in csv.DictReader(file)}
    for label in ("p", "m", "grid"):
        assert float(found["K"][f"{label}, continuum"]) > 0 and float(found["K"][f"{label}, panels of 50, s.e."]) > 0
    assert float(found["K/Y"]["p, continuum"]) == pytest.approx(
        float(found["K"]["p, continuum"]) / float(found["Y"]["p, continuum"]), rel=0.1
    )
    with open("logs/p/report/gains_table.csv", encoding="utf-8") as file:
        gains = list(csv.DictReader(file))
    assert len(gains) == 10 and np.isfinite(float(gains[-1]["all"])) and np.isnan(float(gains[-1]["all, s.e."]))


@pytest.mark.slow
def test_a_report_on_a_planner_alone_says_what_is_missing(command, script, short_panels):
    assert command("run=p", "model=davila12", *PLANNER[2:])[0] == 0
    code, _, errors = script(
        report,
        "solution=checkpoints/p",
        *STUDY,
        *VERDICT,
        *GRID,
        "reference.economies=2",
        "reference.burn_in=20",
        "reference.periods=100",
        "reference.tolerance=0.05",
    )
    assert (code, errors) == (0, [])
    page = Path("logs/p/report/report.html").read_text(encoding="utf-8")
    assert {"planner_statistics", "externality"} < figures_of(page) and "gains" not in figures_of(page)
    assert "compare=[checkpoints/&lt;the other&gt;]" in page and "what it is paid for assets" in page


@pytest.mark.slow
def test_of_several_starts_the_sweep_names_the_one_with_most_welfare(command):
    code, output, errors = command("-m", "sweep=planner_starts", "seed=1", *CONTINUUM)
    assert (code, errors) == (0, []) and "job 2, welfare " in output
    welfare = {
        path.parent.name: json.loads(path.read_text())["measures"]["welfare"]
        for path in Path("checkpoints").glob("*/metrics.json")
    }
    best = max(welfare, key=welfare.get)
    assert len(welfare) == 3 and f"most welfare: {best}, {welfare[best]:.5g} goods" in output


def test_a_planner_needs_an_economy_that_states_one(command, script):
    code, _, errors = command("model=brock_mirman", "algorithm.objective=planner")
    assert code == 2 and len(errors) == 1
    assert errors[0].startswith("error: algorithm.objective: BrockMirman states no planner's problem; expected market")
    code, _, errors = script(reference, "model=brock_mirman", "objective=planner")
    assert code == 2 and errors[0].startswith("error: objective: BrockMirman states no planner's problem")
    code, _, errors = command("algorithm.objective=dictator")
    assert code == 2 and errors == ["error: algorithm.objective: expected market or planner, got 'dictator'"]
    assert not Path("checkpoints").exists()


def test_a_base_that_a_planner_has_not_got_is_refused(command):
    code, _, errors = command(*PLANNER[:3])
    assert code == 2 and len(errors) == 1 and "network.base: this economy has no frictionless rule" in errors[0]
    assert errors[0].endswith("set network.base=typical")


def test_a_market_is_no_start_for_another_base(command):
    assert command("run=m", "model=davila12")[0] == 0
    code, _, errors = command(
        "run=p", "model=davila12", "algorithm.objective=planner", "network.base=typical", "init_from=checkpoints/m"
    )
    assert code == 2 and len(errors) == 1 and "network.base" in errors[0]
