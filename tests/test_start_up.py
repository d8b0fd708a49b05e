"""What is imported when: a command, or a line of Python, loads nothing that it does not use. Times are in the benchmark."""

import json
import subprocess
import sys

import pytest

SLOW = {"torch", "numpy", "scipy", "xarray", "matplotlib", "tensorboard", "lightning", "hydra", "pytorch_optimizer", "rich"}
REPORT = "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)"


def loaded(code):
    """Those of SLOW that a fresh interpreter has loaded after the code."""
    result = subprocess.run([sys.executable, "-c", f"{code}\n{REPORT}"], capture_output=True, text=True, check=True)
    return SLOW & set(json.loads(result.stderr.splitlines()[-1]))


def test_the_package_alone_loads_nothing():
    assert loaded("import deepham") == set()


def test_modules_that_users_name_are_there_at_once_and_loaded_when_they_are_named():
    assert loaded("import deepham; assert {'datasets', 'economics'} <= set(dir(deepham))") == set()
    loaded("import deepham; deepham.datasets.save; deepham.economics.create")
    loaded("import deepham; assert not hasattr(deepham, 'training') and not hasattr(deepham, 'nothing')")


def test_a_solution_loads_torch_and_no_figures_or_datasets():
    assert loaded("import deepham; deepham.load('ks98').consumption(k=1.0, eps=0, z=0)") == {"torch", "numpy"}


def test_a_path_of_a_solution_loads_no_figures():
    assert loaded("import deepham; deepham.load('ks98').simulate(periods=2, seed=1)") == {"torch", "numpy", "xarray"}


@pytest.mark.parametrize("script, argument", [
    ("train", "--help"), ("train", "model=nothing"), ("evaluate", "--help"), ("report", "--help"), ("benchmark", "--help")])
def test_help_and_a_wrong_word_load_hydra_alone(script, argument):
    code = (f"import sys; sys.argv = ['{script}.py', '{argument}']\nfrom deepham.training import cli\n"
            f"try: cli.{script}()\nexcept SystemExit: pass")
    assert loaded(code) == {"hydra"}
