"""The notebooks run from top to bottom at tiny sizes, and show what they say. `make docs` runs them as they are."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import deepham

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
# settings of trainings, and draws of a response, which take longer than a test should
LISTS = re.compile(r"^(quick|short) = \[.*?\]", re.DOTALL | re.MULTILINE)


def run(name, folder, tiny):
    """Run a notebook in an empty folder, each training of it at tiny sizes: what it prints."""
    text = LISTS.sub(lambda found: f"{found[1]} = {tiny!r}", (NOTEBOOKS / f"{name}.py").read_text(encoding="utf-8"))
    text = re.sub(r"draws=\d+", "draws=4", text).replace("periods=800", "periods=600")
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_first_hour_runs(tmp_path, tiny):
    said = run("first_hour", tmp_path, tiny)
    assert "output: -5" in said and "units of C: goods per quarter" in said


@pytest.mark.slow
def test_a_calibration_of_ones_own_is_solved_and_kept(tmp_path, tiny):
    said = run("your_calibration", tmp_path, tiny)
    assert "beta: expected a number in (0, 1), got 1.01" in said
    assert deepham.load(tmp_path / "impatient").calibration["beta"] == 0.985


@pytest.mark.slow
def test_what_to_trust_runs(tmp_path, tiny):
    gap = re.search(r"mean gap ([\d.]+) %", run("what_to_trust", tmp_path, tiny))
    assert float(gap[1]) < 0.15, "the bar of the shipped solution"


@pytest.mark.slow
def test_an_estimation_goes_from_data_to_a_table(tmp_path, tiny):
    said = run("estimate", tmp_path, tiny)
    assert "independent draws" in said and (tmp_path / "my-estimate" / "posterior.png").exists()


@pytest.mark.slow
def test_an_economy_of_ones_own_is_solved_and_loaded(tmp_path, tiny):
    # the start, four households, is forgotten after so many periods, and skills are what they are in the long run
    said = run("your_economy", tmp_path, [text.replace("verdict.burn_in=2", "verdict.burn_in=1000") for text in tiny])
    assert float(re.search(r"goods add up to (\S+) %", said)[1]) < 1e-6
    assert (tmp_path / "skills").is_dir()


# of an economy that Newton steps alone teach: enough of it for its markets to clear along a path
OF_HANK = [
    "algorithm.outer_iterations=9",
    "algorithm.nodes=30",
    "algorithm.newton.economies=6",
    "algorithm.newton.households=60",
    "algorithm.newton.resting=8",
    "algorithm.newton.settling=0",
    "algorithm.newton.outlook_updates=2",
    "algorithm.newton.value_updates=1",
    "algorithm.newton.last_nodes=0",
    "verdict.nodes=30",
    "verdict.burn_in=20",
    "verdict.periods=20",
    "verdict.dates=2",
]


@pytest.mark.slow
def test_a_cut_of_the_rate_raises_output_and_inflation(tmp_path):
    said = run("hank", tmp_path, OF_HANK)
    for name in ("Y", "pi"):
        both, linear = (
            float(re.search(rf"{name}: a cut .*{what} ([\d.]+)", said)[1]) for what in ("difference", "linear")
        )
        assert both == pytest.approx(linear, rel=0.2), "of so short a training"


@pytest.mark.parametrize("name", [path.stem for path in sorted(NOTEBOOKS.glob("*.py"))])
def test_a_notebook_is_plain_python_and_has_its_pair(name):
    text = (NOTEBOOKS / f"{name}.py").read_text(encoding="utf-8")
    ast.parse(text)
    pair = (NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")
    assert '"outputs": []' in pair and '"output_type"' not in pair, "make docs compares the text, and shows outputs"
