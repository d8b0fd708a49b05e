"""Every file of conf/ composes and trains, and the keys that a user can set are documented where they are set."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir

from deepham import economics
from deepham.commands.configuration import read
from deepham.system.paths import conf_folder

GROUPS = ("model", "calibration", "network", "algorithm", "trainer", "reference", "callbacks", "logger", "experiment")
PUBLISHED = "algorithm=deepham_paper"
OPTIONS = [f"{group}={path.stem}" for group in GROUPS for path in sorted((conf_folder() / group).glob("*.yaml"))]


def test_every_group_of_conf_is_looked_at():
    assert sorted((*GROUPS, "hydra", "sweep")) == sorted(path.name for path in conf_folder().iterdir() if path.is_dir())


DEFAULTS = [
    f"{group}={option}"
    for entry in yaml.safe_load((conf_folder() / "train.yaml").read_text(encoding="utf-8"))["defaults"]
    if isinstance(entry, dict)
    for group, option in entry.items()
    if group in GROUPS and option
]
PACKAGES = {f"logger={name}": name for name in ("mlflow", "wandb")}  # options that need a package of their own


# of Newton steps
FEW = ("algorithm.newton.economies=2", "algorithm.newton.households=50", "algorithm.newton.value_updates=1")

# four households of an economy in which most hold nothing for years can all be poor, which is a policy that has run
# away
OF_AN_ECONOMY = {
    "model=ks98_beta": ["algorithm.agents=60"],  # somebody has to be in every individual state
    "model=life_cycle": ["algorithm.agents=5000"],
    "model=brock_mirman_labour": ["algorithm.off_equilibrium=0"],  # what its own settings teach takes horizon=1
    "calibration=life_cycle_rest": ("model=life_cycle", "algorithm.agents=5000"),
    "model=hank": ("algorithm=euler_newton", *FEW),
    "experiment=hank_one_skill": ("algorithm=euler_newton", *FEW),
    # a plan that has learned so little clears no market in a recession as deep as the bound's
    "model=hank_zlb": (
        "algorithm=euler_newton",
        *FEW,
        "algorithm.newton.spread_of_wealth=0",
        "model.sd_xi=0.001",
        "network.poverty=false",
        "network.width=10",
    ),
    "experiment=life_cycle": FEW,
    "calibration=davila12_rest": ("model=davila12", "algorithm.agents=100"),
    "calibration=jfv_rest": ("model=jfv",),
    "calibration=huggett_certain": ("model=huggett",),
    "calibration=huggett_rest": ("model=huggett",),
    "experiment=ks98_vary": ("algorithm.calibrations=2",),
    "experiment=hours_learned": ("model=ks98_ghh",),
}


def test_every_default_is_an_option():
    assert len(DEFAULTS) == len(GROUPS) - 1 and set(DEFAULTS) <= set(OPTIONS)  # no experiment


ECONOMIES = ("calibration=", "experiment=", "model=", "algorithm=neighbour")  # make test composes them


def listed(options: list[str]) -> list:
    return [pytest.param(each, marks=pytest.mark.slow) if each.startswith(ECONOMIES) else each for each in options]


# algorithm=deepham_paper is trained by every economy below, the defaults by the first
@pytest.mark.parametrize(
    "option", listed(["seed=1", *(each for each in OPTIONS if each not in (*DEFAULTS, PUBLISHED))])
)
def test_every_option_trains(command, option):
    code, output, errors = command(option, "run=r", *OF_AN_ECONOMY.get(option, ()))
    package = PACKAGES.get(option)
    if package and importlib.util.find_spec(package) is None:
        assert code == 2 and len(errors) == 1 and f'pip install "deepham[{package}]"' in errors[0]
        assert output == "" and list(Path(".").iterdir()) == [], "before anything is simulated"
        return
    assert (code, errors) == (0, [])
    assert json.loads(Path("checkpoints/r/status.json").read_text())["state"] == "finished"


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.startswith(ECONOMIES)])
def test_every_file_of_an_economy_is_read(option):
    # a file that changes some parameters needs the economy whose parameters these are
    beside = [each for each in [*OF_AN_ECONOMY.get(option, ())] if each.startswith("model=")]
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        read(compose("train", overrides=[*beside, option, "logger=none"]))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in economics.names() if not economics.create(name).foreseen])
def test_every_economy_trains_with_the_published_procedure(command, name):
    # with debts an untrained share of resources is no start; and somebody has to be in every individual state
    start = ["network.base=typical", "algorithm.agents=60"] if economics.create(name).borrowing_limit < 0 else []
    start += OF_AN_ECONOMY.get(f"model={name}", [])
    code, _, errors = command(
        f"model={name}", PUBLISHED, *start, "algorithm.value_steps=2", "algorithm.horizon=3", "run=r"
    )
    assert (code, errors) == (0, [])
    assert json.loads(Path("checkpoints/r/status.json").read_text())["state"] == "finished"


DOCUMENTED = [
    "train.yaml",
    "algorithm/deepham.yaml",
    "network/first_moment.yaml",
    "trainer/default.yaml",
    "reference/standard.yaml",
    *(f"model/{name}.yaml" for name in economics.names()),
]


@pytest.mark.parametrize("file", DOCUMENTED)
def test_every_setting_has_its_sentence(file):
    text = (conf_folder() / file).read_text(encoding="utf-8").split("\ndefaults:")[0]
    for line in text.split("\nalgorithm:")[0].split("\nhydra:")[0].splitlines():
        setting = re.match(r" *([a-z_]+): *\S", line)
        if setting and setting[1] != "name":
            assert "#" in line, f"{file}: {setting[1]} has no comment"


@pytest.mark.parametrize("name", economics.names())
def test_a_calibration_has_exactly_the_parameters_of_its_economy(name):
    assert economics.create(name).parameters() == economics.calibration(name)


def test_the_published_procedure_has_the_published_settings():
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        cfg = compose("train", overrides=["algorithm=deepham_paper"])
    assert (cfg.network.ensemble, cfg.network.width, cfg.network.depth, cfg.network.base) == (3, 24, 2, "share")
    algorithm = cfg.algorithm
    assert (algorithm.outer_iterations, algorithm.policy_steps, algorithm.horizon, algorithm.agents) == (
        5,
        2000,
        150,
        50,
    )
    assert (algorithm.economies, algorithm.value_economies, algorithm.realised_periods) == (384, 128, 800)
    assert (algorithm.players, algorithm.price_taking, algorithm.slope) == ("first", False, False)
    assert (algorithm.policy_optimizer.learning_rate, algorithm.value_optimizer.learning_rate) == (4e-4, 1e-4)
    assert algorithm.policy_optimizer.beta1 == algorithm.policy_optimizer.beta2 == 0.99
