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
    "algorithm=deepham",
    "algorithm.outer_iterations=1",
    "algorithm.policy_steps=2",
    "algorithm.economies=2",
    "algorithm.agents=4",
    "verdict.nodes=20",
    "verdict.burn_in=2",
    "verdict.periods=4",
    "verdict.dates=2",
]


OWN = """
from dataclasses import dataclass
from deepham.economics.brock_mirman import BrockMirman

@dataclass(eq=False)
class MyEconomy(BrockMirman):
    pass
"""
FROM_PYTHON = """
import deepham
from my_economy import MyEconomy
calibration = dict(beta=0.9, alpha=0.36, productivity=[0.9, 1.1], stay=0.8)
solution = deepham.solve(MyEconomy(**calibration), overrides={tiny})
solution.save("saved")
again = deepham.load("saved", economy=MyEconomy)
assert again.calibration["beta"] == 0.9 and again.consumption(k=0.1, eps=0, z="bad") > 0
print(deepham.load("checkpoints/r", economy=MyEconomy).name, again.name)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """installed(folder, *arguments) runs Python with nothing of ours but what the wheel put in a folder."""
    home = tmp_path_factory.mktemp("wheel")
    run = [sys.executable, "-m"]
    subprocess.run(
        [*run, "build", "--wheel", "--no-isolation", "--outdir", home], cwd=ROOT, check=True, capture_output=True
    )
    (wheel,) = home.glob("*.whl")
    assert not [name for name in ZipFile(wheel).namelist() if "benchmark" in name]
    site = home / "site"
    subprocess.run(
        [*run, "pip", "install", "--no-deps", "--no-index", "--target", site, wheel], check=True, capture_output=True
    )

    def python(folder, *arguments):
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=folder,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(site)},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return site, python


@pytest.mark.slow
def test_an_installed_package_trains_from_any_folder(installed, tmp_path):
    site, python = installed
    code = (
        "import deepham, sys; from deepham.commands.cli import train; code = train(); print(deepham.__file__);"
        "print(deepham.load('checkpoints/r').name, deepham.load('ks98').name); sys.exit(code)"
    )
    said = python(tmp_path, "-c", code, *TINY)
    assert said.splitlines()[-2:] == [str(site / "deepham/__init__.py"), "ks98 ks98"]
    assert (tmp_path / "checkpoints/r/metrics.json").exists()
    for name in ("train", "estimate", "evaluate", "reference", "report", "summarize"):
        assert "scripts/" not in python(tmp_path, site / f"bin/deepham-{name}", "--help")


@pytest.mark.slow
def test_an_economy_of_an_empty_folder_is_checked_trained_saved_and_loaded(installed, tmp_path):
    """By the commands that the wheel installs, and from Python."""
    site, python = installed
    (tmp_path / "my_economy.py").write_text(OWN)
    calibration = "model: {beta: 0.95, alpha: 0.36, productivity: [0.9, 1.1], stay: 0.8}\n"
    (tmp_path / "my_economy.yaml").write_text("economy: my_economy.py:MyEconomy\n" + calibration)
    assert "all 17 properties hold" in python(tmp_path, site / "bin/deepham-check", "my_economy.yaml")
    assert "Verdict on r" in python(tmp_path, site / "bin/deepham-train", "model=my_economy.yaml", *TINY)
    assert (tmp_path / "checkpoints/r/weights.safetensors").exists()
    code = FROM_PYTHON.format(tiny=[text for text in TINY if not text.startswith("run=")])
    assert python(tmp_path, "-c", code) == "my_economy my_economy\n"
