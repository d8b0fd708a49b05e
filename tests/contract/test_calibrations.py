"""Calibrations as options and as a sweep, and the grid solution that a run makes for itself."""

import csv
import json
import os
import signal
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir

from deepham import economics
from deepham.commands.cli import reference, summarize
from deepham.economics.markov import JointChain
from deepham.runs.plan import plan
from deepham.system.paths import conf_folder

FOLDER = conf_folder() / "calibration"
SMALL = [
    "reference.k_nodes=40",
    "reference.K_nodes=5",
    "reference.histogram_nodes=40",
    "reference.economies=1",
    "reference.burn_in=50",
    "reference.periods=200",
    "reference.tolerance=1e-3",
]
GRID = "grid solution, iteration 1:"


def of(name):
    """The economy of a calibration that ships."""
    parameters = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return economics.create(parameters.pop("name"), **parameters)


# rates and mean spells of unemployment in quarters, bad and good times
KNOWN = {
    "long_spells": ((0.1, 0.04), (4, 2)),
    "deep_recessions": ((0.14, 0.04), (2.5, 1.5)),
    "risk_averse": ((0.1, 0.04), (2.5, 1.5)),
}


KS98 = sorted(path.stem for path in FOLDER.glob("*.yaml") if "name: ks98" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", KS98)
def test_a_calibration_has_the_unemployment_that_its_file_says(name):
    rates, spells = KNOWN[name]
    chain = JointChain(of(name).chain_matrix, n_z=2, n_eps=2)  # as the file has it
    assert of(name).unemployment == pytest.approx(rates)
    assert [1 / (1 - float(chain.individual[z, z, 0, 0])) for z in (0, 1)] == pytest.approx(spells, rel=1e-5)
    assert chain.aggregate.diagonal().tolist() == pytest.approx([7 / 8, 7 / 8])  # booms and recessions of two years
    stays = [[float(chain.individual[z, y, 0, 0]) for y in (0, 1)] for z in (0, 1)]
    assert stays[1][0] == pytest.approx(1.25 * stays[0][0], rel=1e-5) and stays[0][1] == pytest.approx(
        0.75 * stays[1][1], rel=1e-5
    )


def composed(*overrides):
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return compose("train", overrides=list(overrides))


def test_a_calibration_comes_after_the_economy_and_before_the_command_line():
    long, base = composed("calibration=long_spells", "model.mu=0.4").model, composed().model
    assert long.chain_matrix[0][0] == 0.65625 and long.mu == 0.4
    assert {key for key in base if base[key] != long[key]} == {"chain_matrix", "mu"}
    assert composed("calibration=baseline").model == base
    assert composed("experiment=ks98_quick", "calibration=deep_recessions").model.productivity == [0.98, 1.02]


OWN = "hydra.searchpath=[own]"


@pytest.fixture
def own(command):
    """A folder with a calibration of one's own, which lacks its first line when asked to."""
    folder = Path("own/calibration")
    folder.mkdir(parents=True)

    def write(text, name="mine"):
        (folder / f"{name}.yaml").write_text(text)

    return write


@pytest.mark.parametrize(
    "overrides, says",
    [
        (["calibration=foo"], "choose from baseline"),
        (["-m", "calibration=long_spells,foo"], "choose from baseline"),
        (["calibration=../../x"], "choose from baseline"),
        (["calibration=null"], "the name of an option"),
        (["model=brock_mirman", "calibration=long_spells"], "calibration=... have to be of one economy"),
        (["-m", "model=ks98,brock_mirman", "calibration=long_spells"], "have to be of one economy"),
        (["calibration=mine", OWN], "begin with the line # @package model"),
        (["solve_reference=1"], "true or false"),
    ],
)
def test_a_calibration_that_does_not_fit_is_one_line(command, own, overrides, says):
    own("beta: 0.98\n")
    code, output, errors = command(*overrides)
    assert (code, output) == (2, "") and len(errors) == 1 and says in errors[0], errors
    assert [str(path) for path in Path(".").iterdir()] == ["own"]


def test_the_grid_is_not_solved_for_the_economy_without_the_calibration(script, own):
    own("beta: 0.98\n")
    code, output, errors = script(reference, "calibration=mine", OWN)
    assert (code, output) == (2, "") and "begin with the line # @package model" in errors[0]


def beta_of(folder):
    return yaml.safe_load((folder / "config.yaml").read_text())["model"]["beta"]


@pytest.mark.slow
def test_calibrations_of_a_folder_of_ones_own_are_a_sweep_with_a_grid_solution_each(command, script, own):
    own("# @package model\nname: ks98\nbeta: 0.98\n")
    own("# @package model\nname: ks98\nbeta: 0.97\nmu: 0.3\n", "other")
    again = (
        "-m",
        "calibration=mine,other",
        "seed=1,2",
        OWN,
        "solve_reference=true",
        *SMALL,
        "run=r",
        "optimized_metric=wealth_sd_gap",
        "hydra.sweep.dir=logs/s",
        "ckpt_path=auto",
        "init_from=ks98",
    )
    code, output, errors = command(*again)
    assert (code, errors) == (0, []) and output.count(GRID) == 2, "solved once for both seeds"
    runs = sorted(Path("checkpoints").glob("s-?-r"))
    assert [beta_of(run) for run in runs] == [0.98, 0.98, 0.97, 0.97] and len(
        list(Path("checkpoints/reference").iterdir())
    ) == 2
    metrics = [json.loads((run / "metrics.json").read_text()) for run in runs]
    assert metrics[0]["seconds"]["reference"] > 0 and "reference" not in metrics[1]["seconds"]
    assert script(summarize, "runs=checkpoints/s-*", "measure=gini")[0] == 0
    with open("logs/summary/settings.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["calibration"] for row in rows] == ["mine", "other"]
    for row, pair in zip(rows, (metrics[:2], metrics[2:])):
        assert float(row["gini"]) == pytest.approx(sum(each["measures"]["gini"] for each in pair) / 2)
        assert float(row["gini, grid"]) == pytest.approx(sum(each["reference"]["gini"] for each in pair) / 2)
    code, output, errors = command(*again)
    assert (code, errors) == (0, []) and GRID not in output and "outer iteration 1/1" not in output


def test_a_run_that_is_stopped_while_its_grid_is_solved_says_so(command, monkeypatch):
    monkeypatch.setattr(
        "deepham.commands.train.obtain", lambda *arguments, **more: os.kill(os.getpid(), signal.SIGTERM)
    )
    code, output, _ = command("run=r", "model.beta=0.98", "solve_reference=true")
    assert code == 143 and "outer iteration" not in output and not Path("checkpoints/reference").exists()
    status = json.loads(Path("checkpoints/r/status.json").read_text())
    assert (status["state"], status["signal"], status["resume"]) == ("interrupted", "SIGTERM", None)


def test_a_grid_solution_that_cannot_be_kept_ends_the_run_before_it_trains(command):
    Path("checkpoints").mkdir()
    Path("checkpoints/reference").write_text("a file")
    code, output, errors = command("run=r", "model.beta=0.98", "solve_reference=true", *SMALL)
    assert (
        code == 2
        and len(errors) == 1
        and "solve_reference: cannot write" in errors[0]
        and "outer iteration" not in output
    )
    assert json.loads(Path("checkpoints/r/status.json").read_text())["state"] == "failed"


def test_a_resumed_run_has_its_calibration_and_no_other(command):
    assert command("run=r", "calibration=long_spells")[0] == 0
    assert command("ckpt_path=checkpoints/r")[0] == 0
    code, _, errors = command("ckpt_path=checkpoints/r", "calibration=deep_recessions")
    assert code == 2 and len(errors) == 1 and "model" in errors[0]
    assert command("ckpt_path=checkpoints/r", "calibration=long_spells")[0] == 0


@pytest.mark.slow
def test_a_job_of_a_sweep_says_how_to_make_its_own_grid_solution(command, own):
    own("# @package model\nbeta: 0.98\n")
    _, output, _ = command("-m", "calibration=long_spells,mine", "model.mu=0.2", OWN)
    made = [
        line.split("make it with: ")[1].split(", or")[0] for line in output.splitlines() if "make it with: " in line
    ]
    assert made == [
        f"python scripts/reference.py calibration={name} model.mu=0.2 '{OWN}'" for name in ("long_spells", "mine")
    ]


@pytest.mark.slow
def test_an_experiment_says_how_to_make_the_grid_solution_of_its_economy(command):
    _, output, _ = command("experiment=rare_event", "model.beta=0.95")
    assert "make it with: python scripts/reference.py model=rare_event model.beta=0.95, or" in output


def test_the_study_that_ships_is_of_twelve_calibrations_with_a_grid_solution_each():
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        cfg = compose("train", overrides=["sweep=patience_and_risk"], return_hydra_config=True)
        swept, every = plan([], cfg.hydra.sweeper), plan(["calibration=glob(*)"], cfg.hydra.sweeper)
    assert every.jobs == 12 * len(list(FOLDER.glob("*.yaml")))
    assert swept.jobs == 12 and set(swept.values) == {"model.beta", "model.mu"} and cfg.solve_reference is True
    assert cfg.algorithm == composed("algorithm=neighbour").algorithm
    assert cfg.verdict.burn_in >= 3000 and cfg.verdict.bars == "quick"
