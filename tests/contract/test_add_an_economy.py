"""The page docs/add-an-economy.md: its files in a copy of the project, its check, and its commands at tiny sizes."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/add-an-economy.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`((?:src|conf)/[\w/]+\.\w+)`[^\n]*\n\n```\w+\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))
CHECKS = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if block not in FILES.values()]
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
TRAINING = ["algorithm.outer_iterations=1", "algorithm.policy_steps=2", "algorithm.economies=2", "algorithm.value_economies=2",
            "algorithm.agents=4", "algorithm.burn_in=2", "verdict.nodes=20", "verdict.burn_in=2", "verdict.periods=4",
            "verdict.dates=2", "figures=false"]
GRID = ["reference.k_nodes=40", "reference.K_nodes=5", "reference.histogram_nodes=40", "reference.economies=1",
        "reference.burn_in=50", "reference.periods=200", "reference.tolerance=1e-3"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with the page's files in it, and what runs Python there."""
    folder = tmp_path_factory.mktemp("project")
    for part in ("src", "conf", "scripts", "tests"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in FILES.items():
        assert not (folder / path).exists()
        (folder / path).write_text(text, encoding="utf-8")

    def python(*arguments):
        environment = os.environ | {"PYTHONPATH": str(folder / "src"), "OMP_NUM_THREADS": "1"}
        shown = subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
        assert shown.returncode == 0, shown.stdout + shown.stderr
        return shown.stdout

    return python


def test_the_page_has_one_economy_below_a_hundred_lines_and_its_calibration():
    assert list(FILES) == ["src/deepham/economics/capital_tax.py", "conf/model/capital_tax.yaml"] and len(CHECKS) == 1
    assert len(FILES["src/deepham/economics/capital_tax.py"].splitlines()) < 100


def test_the_check_of_the_page_passes_and_is_one(project):
    assert project("-c", CHECKS[0]) == ""
    wrong = CHECKS[0].replace("tax=0.0", "tax=0.001")
    with pytest.raises(AssertionError, match="AssertionError"):
        project("-c", wrong)


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_of_the_page_run(project, line):
    _, script, *overrides = shlex.split(line)
    output = project(script, *overrides, *(TRAINING if script.endswith("train.py") else GRID))
    assert ("Verdict" if script.endswith("train.py") else "Law of motion") in output


def test_the_calibration_explains_itself(project):
    assert "tax rate on capital income" in project("scripts/train.py", "--help", "model=capital_tax")
