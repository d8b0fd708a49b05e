"""What is imported when: a command, or a line of Python, loads nothing that it does not use. Times are in the
benchmark."""

import json
import subprocess
import sys

import pytest

SLOW = {
    "torch",
    "numpy",
    "scipy",
    "xarray",
    "matplotlib",
    "tensorboard",
    "lightning",
    "pytorch_lightning",
    "hydra",
    "omegaconf",
    "pytorch_optimizer",
    "rich",
}
REPORT = """
import json, sys
print(json.dumps(sorted({".".join(name.split(".")[:2 if name.startswith("deepham") else 1]) for name in sys.modules})),
file=sys.stderr)
"""


def loaded(*codes):
    """Those of SLOW, and deepham.training, that a fresh interpreter has loaded after each piece of code."""
    program = "\n".join(f"{code}\n{REPORT}" for code in codes)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return [(SLOW | {"deepham.training"}) & set(json.loads(line)) for line in result.stderr.splitlines()[-len(codes) :]]


def test_modules_that_users_name_are_there_at_once_and_loaded_when_they_are_named():
    alone, named = loaded(
        "import deepham; assert {'datasets', 'economics'} <= set(dir(deepham))\n"
        "assert not hasattr(deepham, 'training') and not hasattr(deepham, 'nothing')",
        "deepham.datasets.save; deepham.economics.create",
    )
    assert alone == set() < named


def test_what_a_user_calls_loads_what_it_takes():
    """Nothing for the package, no datasets for a function, no figures for a path, and never what trains."""
    alone, function, path = loaded(
        "import deepham",
        "deepham.load('ks98').consumption(k=1.0, eps=0, z=0)",
        "deepham.load('ks98').simulate(periods=2, seed=1)",
    )
    assert (alone, function, path) == (set(), {"torch", "numpy"}, {"torch", "numpy", "xarray"})


@pytest.mark.parametrize(
    "script, argument",
    [
        ("train", "--help"),
        ("train", "model=nothing"),
        ("evaluate", "--help"),
        ("report", "--help"),
        ("benchmark", "--help"),
    ],
)
def test_help_and_a_wrong_word_load_hydra_alone(script, argument):
    home = "benchmarks" if script == "benchmark" else "deepham.commands.cli"
    code = (
        f"import sys; sys.argv = ['{script}.py', '{argument}']\nfrom {home} import {script}\n"
        f"try: {script}()\nexcept SystemExit: pass"
    )
    assert loaded(code) == [{"hydra", "omegaconf"}]


NEVER = {
    "matplotlib",
    "scipy",
    "sympy",
    "xarray",
    "pandas",
    "torch._dynamo",
    "torch._inductor",
    "torchmetrics.functional",
}


def test_a_command_gets_to_its_first_update_without_what_it_does_not_use():
    """Lightning asks for metrics of every kind and for a compiler, which together take longer than all else. Who names
    them afterwards still gets them."""
    code = """
import sys
from deepham.system.quick_imports import quicken
quicken()
from deepham.commands import train
from deepham import economics
from deepham.networks.settings import NetworkSettings, build_networks
build_networks(economics.create("ks98"), NetworkSettings("a", 8, 1, "tanh", "frictionless", 10.0, 1), seed=0)
import lightning, torch
print(*(name for name in sys.argv[1:] if name in sys.modules))
import torchmetrics
mean = torchmetrics.MeanMetric()
mean.update(torch.tensor([1.0, 3.0]))
torch.compiler.reset()
print(float(mean.compute()), lightning.__loader__.name, "torch._dynamo" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code, *NEVER], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["", "2.0 lightning True"]
