"""The page docs/add-an-economy.md: its files in a copy of the project, its check, and its commands at tiny sizes."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/add-an-economy.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`((?:src|conf)/[\w/]+\.\w+)`[^\n]*\n\n```\w+\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))
CHECKS = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if block not in FILES.values()]
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
GRID = [
    "reference.k_nodes=40",
    "reference.K_nodes=5",
    "reference.histogram_nodes=40",
    "reference.economies=1",
    "reference.burn_in=50",
    "reference.periods=200",
    "reference.tolerance=1e-3",
]
TRAINING = [
    "algorithm.outer_iterations=1",
    "algorithm.policy_steps=2",
    "algorithm.economies=2",
    "algorithm.value_economies=2",
    "algorithm.agents=4",
    "algorithm.burn_in=2",
    *GRID,
    "verdict.nodes=20",
    "verdict.burn_in=2",
    "verdict.periods=4",
    "verdict.dates=2",
    "figures=false",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with the page's files in it, and what runs Python there."""
    folder = tmp_path_factory.mktemp("project")
    for part in ("src", "conf", "scripts"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in FILES.items():
        assert not (folder / path).exists()
        (folder / path).write_text(text, encoding="utf-8")

    def python(*arguments, said=""):
        environment = os.environ | {"PYTHONPATH": str(folder / "src"), "OMP_NUM_THREADS": "1"}
        shown = subprocess.run(
            [sys.executable, *arguments], cwd=folder, env=environment, input=said, capture_output=True, text=True
        )
        assert shown.returncode == 0, shown.stdout + shown.stderr
        return shown.stdout

    return folder, python


def test_the_page_has_one_economy_below_a_hundred_lines_and_its_calibration():
    assert list(FILES) == ["src/deepham/economics/capital_tax.py", "conf/model/capital_tax.yaml"] and len(CHECKS) == 1
    assert len(FILES["src/deepham/economics/capital_tax.py"].splitlines()) < 100


RIGHT_AND_WRONG = """
import sys
exec(sys.argv[1], {})
try:
    exec(sys.argv[2], {})
except AssertionError:
    print("the wrong one is found")
"""


def test_the_check_of_the_page_passes_and_is_one(project):
    _, python = project
    wrong = CHECKS[0].replace("tax=0.0", "tax=0.001")
    assert wrong != CHECKS[0]
    assert python("-c", RIGHT_AND_WRONG, CHECKS[0], wrong) == "the wrong one is found\n"


ONE_AFTER_THE_OTHER = """
import sys
from pathlib import Path
from deepham.commands import cli
for line in sys.stdin.read().splitlines():
    sys.argv = line.split()
    assert getattr(cli, Path(sys.argv[0]).stem)() == 0, line
"""


def test_the_commands_run_and_without_the_tax_the_grid_solution_is_that_of_ks98(project):
    folder, python = project
    assert [line.split()[1] for line in COMMANDS] == ["scripts/reference.py"] * 2 + ["scripts/train.py"] * 2
    lines = [" ".join([*shlex.split(line)[1:], *(TRAINING if "train.py" in line else GRID)]) for line in COMMANDS]
    output = python("-c", ONE_AFTER_THE_OTHER, said="\n".join([*lines, " ".join(["scripts/reference.py", *GRID])]))
    assert output.count("Law of motion") == 3 and output.count("Verdict") == 2 and "no grid solution" not in output
    store = folder / "checkpoints/reference"
    (known,) = store.glob("ks98-*.safetensors")
    grids = [load_file(path) for path in store.glob("capital_tax-*.safetensors")]
    same = [all(torch.equal(grid[key], value) for key, value in load_file(known).items()) for grid in grids]
    assert sorted(same) == [False, True], "taxed and untaxed"


def test_the_calibration_explains_itself(project):
    _, python = project
    assert "tax rate on capital income" in python("scripts/train.py", "--help", "model=capital_tax")
