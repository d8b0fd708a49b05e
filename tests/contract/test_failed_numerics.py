"""What is found by computing is no bad input: exit code 1 and one line. And no lack of memory is taken for either."""

import json
from pathlib import Path

import pytest
from test_other_scripts import SHORT, SMALL

import deepham
from deepham.commands.cli import evaluate, reference
from deepham.commands.evaluate import reference_of
from deepham.economics.ks98 import KS98
from deepham.errors import InputError, NotConverged, NotEnoughMemory
from deepham.reference import store
from deepham.reference.settings import ReferenceSettings
from deepham.report.study import StudySettings, study
from deepham.solution.solved import SolvedEconomy

FEW = [*SMALL, "reference.iterations=4"]


@pytest.mark.parametrize(
    "overrides, says",
    [
        (["reference.tolerance=1e-12"], "still moves by"),
        (["reference.K_width=1e-3"], "beyond its nodes; expected more than 0.001"),
    ],
)
def test_a_grid_solution_that_is_not_found_is_one_line_and_exit_code_1(script, overrides, says):
    code, _, errors = script(reference, *FEW, *overrides)
    assert code == 1 and len(errors) == 1 and errors[0].startswith("error: reference") and says in errors[0]
    assert list(Path(".").iterdir()) == []


@pytest.mark.slow
def test_a_sweep_goes_on_after_a_job_whose_grid_solution_is_not_found(command):
    small = [text for text in FEW if "nodes" not in text and "tolerance" not in text]
    nodes = [f"reference.{name}=20" for name in ("k_nodes", "histogram_nodes")] + ["reference.K_nodes=3"]
    code, _, errors = command(
        "-m", "model.beta=0.98", "solve_reference=true", *small, *nodes, "reference.tolerance=1e-12,0.5"
    )
    assert code == 1 and len(errors) == 1 and "still moves by" in errors[0]
    failed, finished = (
        json.loads(path.read_text()) for path in sorted(Path("checkpoints").glob("sweep-*/status.json"))
    )
    assert failed["state"] == "failed" and failed["why"] == "NotConverged: " + errors[0].removeprefix("error: ")
    assert finished["state"] == "finished"


def test_an_economy_that_leaves_its_domain_is_one_line_and_exit_code_1(script, monkeypatch):
    monkeypatch.setattr(
        KS98, "fault", lambda self, z, aggregates=None: "there is none" if len(z) > 2 else None
    )  # a path
    code, _, errors = script(evaluate, "solution=ks98", *SHORT, "output=here")
    assert (code, errors) == (1, ["error: z: there is none"]) and not Path("here").exists()


def raises(error):
    def call(*arguments, **more):
        raise error("why")

    return call


def test_an_evaluation_goes_without_a_grid_solution_for_a_stated_reason_alone(monkeypatch, tmp_path):
    solution, said = deepham.load("ks98"), []
    grid = ReferenceSettings(20, 2, 0.4, 6.0, 20, 1, 50, 100, 1e-3, 0.25, 10, 1)

    def asked():
        return reference_of(None, solution, grid, tmp_path, said.append)

    monkeypatch.setattr(store, "solve_reference", raises(NotConverged))
    assert asked() is None and said == ["no comparison: why"]
    for error in (NotEnoughMemory, InputError):
        monkeypatch.setattr(store, "solve_reference", raises(error))
        with pytest.raises(error):
            asked()
    monkeypatch.setattr("deepham.commands.evaluate.no_comparison", lambda economy, settings: "another kind")
    assert asked() is None and said[1:] == ["no comparison: another kind"]


def test_a_report_leaves_nothing_out_for_a_lack_of_memory(monkeypatch):
    lengths = StudySettings(periods=20, irf_periods=1, irf_draws=1, risky_periods=2, agents=1, paths=1)
    monkeypatch.setattr(SolvedEconomy, "irf", raises(NotEnoughMemory))
    with pytest.raises(NotEnoughMemory):
        study("bm", deepham.load("brock_mirman"), None, lengths, None, seed=1)
