"""The page docs/add-an-economy.md: its two files in an empty folder outside of the package, its check, its commands and
its Python, at tiny sizes."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/add-an-economy.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`(\w+\.\w+)`[^\n]*\n\n```\w+\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))
CHECK, FROM_PYTHON = (b for b in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if b not in FILES.values())
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
GRID = ["k_nodes=40", "K_nodes=5", "histogram_nodes=40", "economies=1", "burn_in=50", "periods=200", "tolerance=1e-3"]
GRID = [f"reference.{text}" for text in GRID]
VERDICT = ["verdict.nodes=20", "verdict.burn_in=2", "verdict.periods=4", "verdict.dates=2"]
SIZES = {
    "train": [*GRID, *VERDICT, "algorithm.outer_iterations=1", "algorithm.policy_steps=1", "algorithm.move=2"]
    + ["algorithm.newton.value_updates=1", "figures=false"],
    "evaluate": [*GRID, *VERDICT, "agents=4"]
    + [f"bellman_paper.{text}" for text in ("economies=2", "burn_in=2", "periods=4", "dates=2")],
    "report": [*GRID, *VERDICT, "workers=1", "study.periods=40", "study.irf_draws=2", "study.risky_periods=20"],
}
FIRST_ORDER = ["outer_iterations=1", "policy_steps=2", "economies=2", "value_economies=2", "agents=4", "burn_in=2"]
FIRST_ORDER = [*VERDICT, "algorithm=deepham", *(f"algorithm.{text}" for text in FIRST_ORDER)]
SMALL = {"k_nodes": 40, "K_nodes": 5, "histogram_nodes": 40, "economies": 1, "burn_in": 50, "periods": 200}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the page's two files, and nothing else."""
    home = tmp_path_factory.mktemp("anywhere")
    for name, text in FILES.items():
        (home / name).write_text(text, encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def python(folder):
    def run(*arguments, code=0):
        environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
        shown = subprocess.run(
            [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert shown.returncode == code, shown.stdout + shown.stderr
        return shown.stdout

    return run


def test_the_page_has_an_economy_of_about_fifty_lines_and_its_model_file():
    assert list(FILES) == ["capital_tax.py", "capital_tax.yaml"]
    assert len([line for line in FILES["capital_tax.py"].splitlines() if line.strip()]) <= 50


def test_the_page_names_every_method_that_an_economy_has_to_state():
    from deepham.economics import Economy

    assert all(f"**{name}**" in PAGE for name in Economy.__abstractmethods__)


RIGHT_AND_WRONG = """
import sys
exec(sys.argv[1], {})
try:
    exec(sys.argv[2], {})
except AssertionError:
    print("the wrong one is found")
"""


def test_the_check_of_the_page_passes_and_is_one(python):
    wrong = CHECK.replace("tax=0.0", "tax=0.001")
    assert wrong != CHECK
    assert python("-c", RIGHT_AND_WRONG, CHECK, wrong) == "the wrong one is found\n"


@pytest.mark.slow
def test_it_keeps_what_every_economy_has_to_keep(python):
    assert COMMANDS[0] == "deepham-check capital_tax.yaml"
    assert "all 17 properties hold" in python("-m", "deepham.commands.check", "capital_tax.yaml")


def test_the_calibration_explains_itself(python):
    said = python(ROOT / "scripts/train.py", "--help", "model=capital_tax.yaml")
    assert "model.tax=0.3" in said and "tax rate on capital income, share" in said


@pytest.mark.slow
def test_the_commands_of_the_page_run(python, folder):
    entries = [shlex.split(line)[1] for line in COMMANDS[1:]]
    assert entries == ["scripts/train.py"] * 2 + ["scripts/evaluate.py", "scripts/report.py"]
    for line, entry in zip(COMMANDS[1:], entries):
        python(ROOT / entry, *shlex.split(line)[2:], *SIZES[Path(entry).stem])
    assert (folder / "checkpoints/taxed/evaluation.json").exists()
    assert (folder / "logs/taxed/report/report.html").exists()


@pytest.mark.slow
def test_the_python_of_the_page_runs(python, folder):
    small = FROM_PYTHON.replace(
        "deepham.solve(CapitalTax(tax=0.2))", f"deepham.solve(CapitalTax(tax=0.2), overrides={FIRST_ORDER})"
    )
    small = small.replace(
        "on_grid(CapitalTax(tax=0.2))", f"on_grid(CapitalTax(tax=0.2), settings={SMALL | {'tolerance': 1e-3}})"
    )
    assert small.count("settings=") == small.count("overrides=['verdict") == 1
    python("-c", small + "assert solution.calibration['tax'] == grid.calibration['tax'] == 0.2\n")
    assert (folder / "taxed/weights.safetensors").exists()
