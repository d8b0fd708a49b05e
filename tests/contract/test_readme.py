"""Every command of the README runs, with small overrides, and every file and key that it names exists."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = [line.split("#")[0].strip() for language, block in BLOCKS if language == "bash"
            for line in block.splitlines() if line.startswith("python scripts/")]
PYTHON = [block for language, block in BLOCKS if language == "python" and "import deepham" in block]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_training_command_of_the_readme_runs(command, line):
    overrides = shlex.split(line)[2:]
    if "ckpt_path=last" in overrides:
        assert command("run=r")[0] == 0
    code, _, errors = command(*overrides)
    if "trainer.gpus=1" in overrides and code == 2:
        assert "sees 0 GPUs" in errors[0]  # on a machine without one
    else:
        assert (code, errors) == (0, [])


def test_the_readme_has_the_commands_that_this_project_promises():
    for line in ("python scripts/train.py", "python scripts/train.py model=ks98 trainer.gpus=1",
                 "python scripts/train.py model=brock_mirman", "python scripts/train.py -m seed=1,2"):
        assert line in COMMANDS
    assert "tensorboard --logdir logs" in README and "make train" in README and "make test" in README


@pytest.mark.parametrize("block", PYTHON)
def test_every_python_example_of_the_readme_runs(command, block, tmp_path):
    assert command("run=my-run")[0] == 0
    shown = subprocess.run([sys.executable, "-c", block.replace("deepham.solve(", "tiny_solve(").replace(
        "import deepham\n", "import deepham\n" + TINY_SOLVE, 1)], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert shown.returncode == 0, shown.stderr


TINY_SOLVE = """
import sys
sys.path.insert(0, {folder!r})
from conftest import TINY
tiny_solve = lambda name, **options: deepham.solve(name, overrides=TINY, **options)
""".format(folder=str(Path(__file__).parent))


def test_every_path_that_the_readme_links_to_exists():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    for path in re.findall(r"`((?:src|conf|scripts|tests)/[\w/.]+)`", README):
        assert (ROOT / path).exists(), path
