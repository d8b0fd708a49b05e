"""The wheel carries conf/ and trains from any folder."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
TINY = [
    "run=r",
    "algorithm.outer_iterations=1",
    "algorithm.policy_steps=2",
    "algorithm.economies=2",
    "algorithm.agents=4",
    "verdict.nodes=20",
    "verdict.burn_in=2",
    "verdict.periods=4",
    "verdict.dates=2",
]


@pytest.mark.slow
def test_an_installed_package_trains_from_any_folder(tmp_path):
    run = [sys.executable, "-m"]
    subprocess.run(
        [*run, "build", "--wheel", "--no-isolation", "--outdir", tmp_path / "dist"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert not [name for name in ZipFile(wheel).namelist() if "benchmark" in name]
    site = tmp_path / "site"
    subprocess.run(
        [*run, "pip", "install", "--no-deps", "--no-index", "--target", site, wheel], check=True, capture_output=True
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code = (
        "import deepham, sys; from deepham.training.cli import train; code = train(); print(deepham.__file__);"
        "print(deepham.load('checkpoints/r').name, deepham.load('ks98').name); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *TINY],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(site)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [str(site / "deepham/__init__.py"), "ks98 ks98"]
    assert (elsewhere / "checkpoints/r/metrics.json").exists()
