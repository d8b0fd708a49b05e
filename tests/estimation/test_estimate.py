"""Estimation from end to end in Brock-Mirman, whose closed form networks without weights are where the base is told."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch
from untrained import refused

import deepham
from deepham import economics
from deepham.commands.cli import estimate as command
from deepham.economics.brock_mirman import BrockMirman
from deepham.economics.economy import Frictionless
from deepham.estimation import estimate, model
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.population import Population
from deepham.solution import calibrated
from deepham.solution.solution import Solution

BOX = {"beta": [0.85, 0.95], "alpha": [0.25, 0.45]}
MOMENTS = ["mean.Y", "sd.Y", "autocorrelation.Y", "sd.r"]
SHAPE = NetworkSettings("test", 4, 1, "tanh", "frictionless", 10.0, 1)


@pytest.fixture(scope="module", autouse=True)
def short():
    with pytest.MonkeyPatch.context() as patch:
        for where, name, value in (
            (calibrated, "BURN_IN", 20),
            (calibrated, "PERIODS", 20),
            (model, "SETTLING", 60),
            (estimate, "COVARIANCE_SAMPLES", 72),
            (estimate, "POINTS", 5),
        ):
            patch.setattr(where, name, value)
        patch.setitem(deepham.estimate.__kwdefaults__, "samples", 20)  # which take a third of the time
        patch.setattr(BrockMirman, "frictionless", lambda self: Frictionless(1 - self.beta, 0.0))
        yield


def known(vary=BOX):
    """The closed form at every calibration of a box: networks that add nothing to their base."""
    economy = economics.create("brock_mirman")
    box = economics.box.Box(vary, economy)
    networks = build_networks(economy, SHAPE, 0, box.scaled(economy.parameters()))
    with torch.no_grad():
        for network in networks:
            for leaf in network.parameters():
                leaf.zero_()
    grid = wealth_grid(economy, 40, 8.0)[1:]
    people = Population.panel(
        torch.full((2, 1), economy.scale, dtype=torch.float64), torch.zeros(2, 1, dtype=torch.long)
    )
    return Solution(
        "brock_mirman", economy.parameters(), asdict(SHAPE), *networks, grid, on_grid(grid, people, 1).weight, vary=vary
    )


@pytest.fixture(scope="module")
def solution():
    return known()


def data(beta, alpha, periods, seed):
    """K' = alpha beta Y, written plainly."""
    generator, before = np.random.default_rng(seed), 100
    z, log_k, found = 0, np.log(alpha * beta) / (1 - alpha), []
    for _ in range(before + periods):
        z = z if generator.random() < 0.8 else 1 - z
        log_y = np.log((0.9, 1.1)[z]) + alpha * log_k
        found.append((np.exp(log_y), 100 * (alpha * np.exp(log_y - log_k) - 1)))
        log_k = np.log(alpha * beta) + log_y
    return pd.DataFrame(found[before:], columns=["Y", "r"])


def test_an_estimate_covers_the_truth_and_says_all_of_it(solution, tmp_path):
    found = deepham.estimate(solution, MOMENTS, series=data(0.9, 0.36, 120, 1))
    distance = (found.parameters - [0.9, 0.36]) / found.standard_errors
    assert distance.abs().max() < 3 and found.p > 0.01 and found.df == 2  # how often below 2: see below
    assert not found.not_identified and not found.at_edge
    # what is reported as the model's is what the model says there
    again = model.Model(solution, 120, 20, 0)
    simulated = found.moments["model"].to_numpy()
    paths = again.at(found.unit).series
    assert paths["Y"].mean() == pytest.approx(simulated[0], rel=1e-3)
    names = {"summary.md"} | {
        f"{table}.{ending}" for table in ("parameters", "moments", "sensitivity") for ending in ("md", "csv", "tex")
    }
    names |= {f"{figure}.{ending}" for figure in ("fit", "sensitivity", "profiles") for ending in ("png", "pdf")}
    assert {path.name for path in found.save(tmp_path / "out").iterdir()} == names
    read = pd.read_csv(tmp_path / "out" / "parameters.csv", index_col=0)
    assert read["estimate"].to_numpy() == pytest.approx(found.parameters.to_numpy(), rel=1e-15)
    # the criterion rises by about one at a standard error
    line, at = found.profile("alpha"), found.parameters["alpha"] + found.standard_errors["alpha"]
    assert np.interp(at, line["value"], line["criterion"]) == pytest.approx(1, abs=0.35)


def test_samples_come_in_pairs_whose_luck_cancels(solution):
    paths = np.log(model.Model(solution, 120, 24, 0).at(np.array([0.5, 0.5])).series["Y"]).mean(1)
    assert np.std((paths[:12] + paths[12:]) / 2) < 0.1 * np.std(paths)


@pytest.mark.slow
def test_an_estimate_moves_with_its_moments_as_the_sensitivity_says(solution, monkeypatch):
    monkeypatch.setattr(estimate, "STILL", 0.005)
    first = deepham.estimate(solution, MOMENTS, series=data(0.9, 0.36, 120, 1))
    # where the model fits: elsewhere the formula leaves out what curvature adds
    values, cov = first.moments["model"], np.linalg.inv(first.root @ first.root.T)
    base = deepham.estimate(solution, values.to_dict(), periods=120, covariance=cov)
    for name in ("sd.Y", "autocorrelation.Y"):
        step = 0.1 * first.moments.loc[name, "standard_error"]
        other = deepham.estimate(solution, values.to_dict() | {name: values[name] + step}, periods=120, covariance=cov)
        moved = (other.parameters - base.parameters) / base.standard_errors
        said = base.sensitivity[name] * step / base.standard_errors
        assert said.abs().max() > 0.15 and moved.to_numpy() == pytest.approx(said.to_numpy(), abs=0.05), name


@pytest.mark.slow
def test_what_is_not_identified_and_what_is_at_an_edge_is_named(solution):
    weak = deepham.estimate(solution, ["sd.Y", "autocorrelation.Y"], series=data(0.9, 0.36, 120, 1))
    assert (
        weak.not_identified[0].startswith("+1.00 beta (in sides of the box): ") and weak.standard_errors["beta"] > 0.1
    )
    outside = deepham.estimate(solution, MOMENTS, series=data(0.9, 0.5, 120, 1))
    assert any(line.startswith("alpha is at its upper bound 0.45") for line in outside.at_edge)
    assert np.isnan(outside.standard_errors["alpha"]) and "AT AN EDGE: alpha" in outside.summary()
    # of the others the edge says nothing: they are less sure than if it were known, with the same weights
    white = outside.root.T @ outside.surface.slope(outside.unit)[:, 0]
    assert outside.standard_errors["beta"] > 1.005 * 0.1 * (white @ white) ** -0.5


@pytest.mark.slow
def test_what_is_fixed_stays_and_calibrations_are_kept(solution, monkeypatch):
    series = data(0.9, 0.36, 120, 1)
    one = deepham.estimate(solution, MOMENTS, series=series, fixed={"beta": 0.9})
    assert list(one.parameters.index) == ["alpha"] and one.calibration["beta"] == pytest.approx(0.9)
    assert solution.at(**one.calibration).calibration["alpha"] == pytest.approx(one.parameters["alpha"])
    monkeypatch.setattr(model.Model, "fresh", None)
    with pytest.raises(TypeError):
        deepham.estimate(solution, MOMENTS, series=series, fixed={"beta": 0.91})
    monkeypatch.setattr(estimate.Problem, "solve", lambda self, surface, *_: one)
    assert deepham.estimate(solution, MOMENTS, series=series, fixed={"beta": 0.9}).parameters.equals(one.parameters)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"moments": ["sd.Y"]}, ("1 cannot identify 2 parameters, beta, alpha", "fixed=")),
        ({"fixed": {"stay": 0.7}}, ("stay: does not vary in this solution",)),
        ({"fixed": {"beta": 0.9, "alpha": 0.3}}, ("no parameter is left",)),
        ({"weights": "best"}, ("weights: expected optimal or diagonal, got 'best'",)),
        ({"covariance": "guess"}, ("covariance: expected model or bootstrap, or a matrix, got 'guess'",)),
        ({"covariance": np.eye(3)}, ("covariance: expected a symmetric matrix of 4 rows, in the order mean.Y",)),
        ({"covariance": 1 - 2 * np.eye(4)}, ("covariance: it is no covariance",)),
        ({"trend": "hp"}, ("trend: hp knows the smoothing for a quarter", "expected mean")),
        ({"points": 4}, ("points: expected at least 7 for 2 parameters, got 4",)),
        ({"samples": 1}, ("samples: expected a whole number of at least 2, got 1",)),
        ({"periods": 100}, ("periods: the series have 40, got 100",)),
    ],
)
def test_bad_input_is_one_line(solution, options, words, monkeypatch):
    sampled = {name: np.random.rand(2, 40) + 1 for name in ("Y", "r")}, {"gini": np.random.rand(2)}
    monkeypatch.setattr(model, "_sampled", lambda *_: sampled)
    given = {"moments": MOMENTS, "series": data(0.9, 0.36, 40, 0)} | options
    refused(lambda: deepham.estimate(solution, given.pop("moments"), **given), *words)


def test_a_solution_of_one_calibration_says_how_to_get_a_box():
    refused(lambda: deepham.estimate(deepham.load("ks98"), ["sd.Y"]), "solution: it is of one calibration", "vary=")


def test_the_command_writes_its_folder_and_refuses_in_one_line(solution, tmp_path, monkeypatch, capsys):
    solution.save(tmp_path / "box")
    data(0.9, 0.36, 60, 1).to_csv(tmp_path / "my.csv", index_label="row")
    monkeypatch.chdir(tmp_path)

    def call(*words):
        monkeypatch.setattr("sys.argv", ["estimate.py", *words])
        code = command()
        said = capsys.readouterr()
        return code, said.out, said.err.splitlines()

    few = ["solution=box", "data=my.csv", "samples=4", "points=7"]
    pytest.importorskip("emcee")
    code, output, errors = call(*few, "moments={mean.Y:null,sd.Y:null,sd.r:[9.0,0.5]}", "method=posterior")
    assert (code, errors) == (0, []) and output.count("| beta |") == 2 and "independent draws" in output
    folder = tmp_path / "logs" / "box" / "estimate"
    assert (folder / "parameters.tex").read_text().startswith(r"\begin{tabular}") and (
        folder / "posterior.png"
    ).exists()
    draws, said = pd.read_csv(folder / "draws.csv"), pd.read_csv(folder / "parameters.csv").set_index("parameter")
    assert draws.alpha.mean() == pytest.approx(said.estimate.alpha, abs=1.5 * said.standard_error.alpha)
    for words, said in (
        ((*few, "moments=[sd.X,sd.Y]"), "moments: sd.X takes 'X'"),
        ((*few[1:], "moments=[sd.Y]"), "solution: is missing"),
        (("solution=box", "data=other.csv", "moments=[sd.Y,mean.Y]"), "series: other.csv cannot be read"),
        (("solution=ks98", "data=my.csv", "moments=[sd.Y]"), "solution: it is of one calibration"),
    ):
        code, _, errors = call(*words)
        assert code == 2 and len(errors) == 1 and said in errors[0]


@pytest.mark.slow
def test_intervals_cover_as_often_as_they_say(solution):
    generator, distances, tests, sets = np.random.default_rng(7), [], [], 20
    for seed in range(sets):
        truth = np.array([generator.uniform(0.87, 0.93), generator.uniform(0.29, 0.41)])
        # sd.r is nearly a function of these, along a curve: with it intervals are too wide
        names = ["mean.r", "sd.Y", "autocorrelation.Y"]
        found = deepham.estimate(solution, names, series=data(*truth, 120, seed))
        distances.append(((found.parameters - truth) / found.standard_errors).to_numpy())
        tests.append(found.j)
    far = np.abs(distances)
    for bound, low, high in ((0.674, 5, 15), (1.645, 15, 20), (1.96, 17, 20)):  # binomial ranges of 98 percent and more
        beta, alpha = (far < bound).sum(0)
        # those of alpha are too wide: a covariance does not describe how moments bend in it (docs/estimation.md)
        assert low <= beta <= high and low <= alpha, (bound, far)
    # of a set's own luck, and of that of the model's 20 samples, which all sets share
    assert np.abs(np.mean(distances, 0)).max() < 3 * (1 / sets + 1 / 20) ** 0.5
    assert np.mean(tests) == pytest.approx(1, abs=3 * (2 / sets) ** 0.5)
