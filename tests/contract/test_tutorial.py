"""The tutorial runs from top to bottom, and shows what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import deepham

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.py"


def test_the_tutorial_runs_and_draws(tmp_path, tiny):
    text, replaced = re.subn(
        r"quick = \[.*?\]", f"quick = {tiny!r}", TUTORIAL.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    assert replaced == 1, "the settings of its training, which is too long for a test"
    done = subprocess.run(
        [sys.executable, "-c", text.replace("draws=60", "draws=6")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"},
    )
    assert done.returncode == 0, done.stderr
    assert "output: -5" in done.stdout and "units of C: goods per quarter" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"policy.png", "simulation.png", "recession.png", "impatient"}
    assert deepham.load(tmp_path / "impatient").calibration["beta"] == 0.985
