"""Whole solves, judged by known answers: Brock-Mirman's closed form and the grid solution of Krusell-Smith."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import deepham

ROOT = Path(__file__).parents[2]


def train(folder, *overrides) -> dict:
    subprocess.run(
        [sys.executable, str(ROOT / "scripts/train.py"), "run=r", *overrides],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return json.loads((folder / "checkpoints/r/metrics.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_brock_mirman_lands_on_its_closed_form(tmp_path, processes):
    report = train(tmp_path, "model=brock_mirman", f"trainer.processes={processes}")
    assert report["measures"]["known.consumption"] < 0.1  # percent of consumption
    assert report["measures"]["euler.mean"] < 0.05
    solution = deepham.load(tmp_path / "checkpoints/r")
    economy = solution.simulate(periods=200, seed=1)
    saved = (economy.I / economy.Y).values
    target = solution.calibration["alpha"] * solution.calibration["beta"]
    assert abs(saved / target - 1).max() < 0.001  # the saving rate is alpha beta at every date


@pytest.mark.slow
def test_brock_mirman_lands_on_its_closed_form_by_a_learned_moment_in_place_of_capital(tmp_path):
    report = train(tmp_path, "model=brock_mirman", "network=generalized_moments")
    assert report["measures"]["known.consumption"] < 0.1  # percent of consumption


@pytest.mark.slow
def test_brock_mirman_with_hours_lands_on_its_closed_form(tmp_path):
    """Hours and consumption of each household, labour, and the saving rate alpha beta, percent."""
    measures = train(tmp_path, "model=brock_mirman_labour")["measures"]
    assert measures["known.hours"] < 0.1 and measures["known.consumption"] < 0.1
    assert abs(measures["known.labour"]) < 0.1 and abs(measures["known.saving_rate"]) < 0.1


@pytest.mark.slow
def test_a_network_learns_hours_that_follow_from_the_wage(tmp_path):
    """GHH in Krusell-Smith, percent of hours, over the ergodic set."""
    measures = train(tmp_path, "experiment=hours_learned", "model=ks98_ghh")["measures"]
    assert 0 < measures["known.hours"] < 0.05  # the largest
    assert measures["euler.mean"] < 0.05


@pytest.mark.slow
def test_a_bond_clears_at_its_known_price(tmp_path):
    """2.3997 % without aggregate risk; and the demand curve is right, too."""
    quick = ("verdict.nodes=500", "verdict.burn_in=300")
    measures = train(tmp_path, "experiment=huggett_certain", *quick)["measures"]
    assert 100 * (1 / measures["mean_K"] - 1) == pytest.approx(2.3997, abs=0.015)
    assert measures["euler.mean"] < 0.05 and measures["schedule.mean"] < 0.1  # percent of consumption
    assert measures["clearing.max"] < 1e-6  # percent of mean income


@pytest.fixture(scope="module")
def krusell_smith(tmp_path_factory):
    """The quick experiment with the default's updates, which met every standard bar in twenty seeds of twenty."""
    folder = tmp_path_factory.mktemp("ks98")
    return train(folder, "experiment=ks98_quick", "algorithm.outer_iterations=8"), deepham.load(
        folder / "checkpoints/r"
    )


@pytest.mark.slow
def test_krusell_smith_meets_every_quick_bar(krusell_smith):
    """Errors, and distances to the grid solution on the same shocks: capital, its path, dispersion, Gini, top
    shares."""
    report, _ = krusell_smith
    assert report["bars"] == "quick" and report["bar_met"], report["missed"]
    assert {"mean_K_gap", "wealth_w1", "gini_gap", "top1_share_gap"} < report["measures"].keys()


@pytest.mark.parametrize("trained", [pytest.param("here", marks=pytest.mark.slow), "in full"])
def test_the_solution_of_krusell_smith_behaves_as_theory_says(request, trained):
    solution = request.getfixturevalue("krusell_smith")[1] if trained == "here" else deepham.load("ks98")
    k = [1.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0]
    for z in ("bad", "good"):
        unemployed = solution.consumption(k=k, eps="unemployed", z=z)
        employed = solution.consumption(k=k, eps="employed", z=z)
        assert (employed > unemployed)[:-1].all()  # at 160, where nobody lives, the two are as good as equal
        assert (employed[1:] > employed[:-1]).all()
        slopes = (employed[1:] - employed[:-1]) / [4, 5, 10, 20, 40, 80]
        # consumption is concave in wealth (Carroll and Kimball, 1996); beyond 80 lives one household in twenty, and the
        # slopes there differ by less than a minute's training resolves
        concave = slopes if trained == "in full" else slopes[:-1]
        assert (concave[1:] < concave[:-1]).all()
        assert abs(slopes[-1] - 0.01) < 0.003  # and the rich spend 1 - beta of an extra good
        assert (solution.value(k=k, eps="employed", z=z) > solution.value(k=k, eps="unemployed", z=z)).all()


def test_panel_and_continuum_of_krusell_smith_agree_on_the_same_shocks():
    solution = deepham.load("ks98")
    continuum = solution.simulate(periods=60, seed=3)
    panel = solution.simulate(periods=60, seed=3, agents=10_000)
    gap = abs(panel.K.values / continuum.K.values - 1)
    assert gap.mean() < 0.01
