"""Every file of conf/ composes and trains, and the keys that a user can set are documented where they are set."""

import json
import re
from pathlib import Path

import pytest
import yaml

from deepham import economics
from deepham.paths import conf_folder

GROUPS = ("model", "network", "algorithm", "trainer", "callbacks", "logger", "experiment")
OPTIONS = [f"{group}={path.stem}" for group in GROUPS for path in sorted((conf_folder() / group).glob("*.yaml"))]


def test_every_group_of_conf_is_looked_at():
    assert sorted(GROUPS) == sorted(path.name for path in conf_folder().iterdir() if path.is_dir())


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_trains(command, option):
    steps = ["algorithm.value_steps=2", "algorithm.horizon=3"] if option == "algorithm=deepham_paper" else []
    code, _, errors = command(option, "run=r", *steps)
    assert (code, errors) == (0, [])
    assert json.loads(Path("checkpoints/r/status.json").read_text())["state"] == "finished"


@pytest.mark.parametrize("name", economics.names())
def test_every_economy_trains_with_the_published_procedure(command, name):
    code, _, errors = command(f"model={name}", "algorithm=deepham_paper", "algorithm.value_steps=2",
                              "algorithm.horizon=3", "run=r")
    assert (code, errors) == (0, [])


@pytest.mark.parametrize("path", [conf_folder() / "algorithm/deepham.yaml", conf_folder() / "network/first_moment.yaml",
                                  *sorted((conf_folder() / "model").glob("*.yaml")),
                                  conf_folder() / "trainer/default.yaml"], ids=lambda path: path.name)
def test_every_setting_has_its_sentence(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        if re.match(r"  ?[a-z_]+:|[a-z_]+: ", line) and not line.startswith("name"):
            if path.parent.name != "model" or line.startswith("  ") and "name:" not in line:
                key = line.split(":")[0].strip()
                if path.name != "brock_mirman.yaml" or key in economics.calibration("brock_mirman"):
                    assert "#" in line, f"{path.name}: {key} has no comment"


@pytest.mark.parametrize("name", economics.names())
def test_a_calibration_has_exactly_the_parameters_of_its_economy(name):
    assert economics.create(name).parameters() == economics.calibration(name)


def test_yaml_files_are_plain_data():
    for path in conf_folder().rglob("*.yaml"):
        yaml.safe_load(path.read_text(encoding="utf-8"))
