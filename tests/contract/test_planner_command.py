"""algorithm.objective=planner from the command line to the saved solution."""

import json
from pathlib import Path

import numpy as np

import deepham
from deepham.training.cli import evaluate, reference, report

PLANNER = ("model=davila12", "calibration=davila12_rest", "algorithm.objective=planner", "network.base=typical")
GRID = ("reference.k_nodes=60", "reference.histogram_nodes=60", "reference.K_nodes=3")
PANELS = ("agents=3", "bellman_paper.agents=3", "bellman_paper.economies=2", "bellman_paper.burn_in=2", "bellman_paper.periods=4",
          "bellman_paper.dates=2", "bellman_paper.draws=3", "verdict.nodes=20", "verdict.burn_in=2", "verdict.periods=4",
          "verdict.dates=2")


def test_a_saved_solution_knows_whose_it_is(command, script):
    code, output, errors = command("run=p", *PLANNER)
    assert (code, errors) == (0, []) and "scripts/reference.py model=davila12 calibration=davila12_rest objective=planner" in output
    solution = deepham.load("checkpoints/p")
    assert solution.economy.objective == "planner" and deepham.load("ks98").economy.objective == "market"
    market = deepham.load("checkpoints/p")
    market.economy = market.economy.under("market")
    errors = (each.errors(dates=2, periods=4)["euler.mean"] for each in (solution, market))
    assert len({f"{error:.3g}" for error in errors}) == 2, "the premium is in the condition that errors are taken of"
    assert script(evaluate, "solution=checkpoints/p", *PANELS, *GRID)[0] == 0
    measures = json.loads(Path("checkpoints/p/evaluation.json").read_text())["measures"]
    assert all(np.isfinite(value) for key, value in measures.items() if value is not None)
    code, _, lines = script(report, "solution=checkpoints/p")
    assert code == 2 and lines == ["error: report: checkpoints/p is a planner's solution, and the page is about markets; measure it "
                                   "with scripts/evaluate.py solution=checkpoints/p"]


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
    code, _, errors = command("run=p", "model=davila12", "algorithm.objective=planner", "network.base=typical", "init_from=checkpoints/m")
    assert code == 2 and len(errors) == 1 and "network.base" in errors[0]
