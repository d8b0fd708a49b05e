"""Two and two outer iterations equal four, bit for bit, whatever is trained."""

import csv
from types import SimpleNamespace

import lightning
import pytest
import torch

from deepham.callbacks.history import History
from deepham.runs.folders import RunFolders
from deepham.simulation.period import World
from deepham.training.data import PanelData
from deepham.training.fit import fit
from deepham.training.module import DeepHAM

ADAM = [
    f"algorithm.{network}_optimizer.{field}"
    for network in ("policy", "value")
    for field in ("method=Adam", "schedule=constant")
]


SECOND_ORDER = [
    "network.width=4",
    "algorithm.nodes=20",
    "algorithm.newton.economies=3",
    "algorithm.newton.households=60",
    "algorithm.newton.value_updates=10",
]


AT_REST_AND_ON_FINER_NODES = [
    "algorithm.newton.resting=10",
    "algorithm.newton.outlook_updates=5",
    "algorithm.newton.last_nodes=25",
]


class Stop(Exception):
    """Ends training where a signal would."""


class StopBefore(lightning.Callback):
    """Raises at the start of an outer iteration."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_train_epoch_start(self, trainer, module):
        if trainer.current_epoch == self.epoch:
            raise Stop


@pytest.fixture
def train(settings, tmp_path):
    """train(home, overrides, resume, stop) leaves a module, its data and metrics.csv in a folder."""

    def run(home, overrides, resume=False, stop=None):
        folders = RunFolders(home, tmp_path / home, tmp_path / home)
        folders.checkpoints.mkdir(exist_ok=True)
        callbacks = [History(folders.logs / "metrics.csv"), *([] if stop is None else [StopBefore(stop)])]
        return fit(
            settings("algorithm.outer_iterations=4", *overrides),
            callbacks,
            [],
            folders,
            folders.last if resume else None,
        )

    return run


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return [
            {name: value for name, value in row.items() if not name.startswith("timing/")}
            for row in csv.DictReader(file)
        ]


def state(module: DeepHAM, data) -> dict:
    """Everything that the next step depends on."""
    panel = data.stream.panel
    return {
        "weights": module.state_dict(),
        "updates": module.updates,
        "retreats": module.retreats,
        "learner": module.learner.state(),
        "optimizers": [optimizer.state_dict() for optimizer in module.trainer.optimizers],
        "schedules": [config.scheduler.state_dict() for config in module.trainer.lr_scheduler_configs],
        "generator": data.stream.generator.get_state(),
        "panel": [panel.population.k, panel.population.eps, panel.population.weight, panel.z],
    }


def assert_same(left, right, where=""):
    assert type(left) is type(right), where
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right), where
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), where
        for key in left:
            assert_same(left[key], right[key], f"{where}.{key}")
    elif isinstance(left, list | tuple):
        assert len(left) == len(right), where
        for index, pair in enumerate(zip(left, right)):
            assert_same(*pair, f"{where}[{index}]")
    else:
        assert left == right, where


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["algorithm=deepham_paper", "algorithm.value_steps=3"],
        ["algorithm.agents=null", "algorithm.nodes=30"],
        ["model=brock_mirman", *ADAM],
        pytest.param(["network=generalized_moments"], marks=pytest.mark.slow),
        ["network=generalized_moments", "network.moments_shared=true", "algorithm.fresh=epoch"],
        pytest.param(
            ["network=full_state", "algorithm.value_steps=3", "algorithm.slope=false"], marks=pytest.mark.slow
        ),
        ["algorithm=euler_newton", *SECOND_ORDER],
        pytest.param(
            ["model=hank", "algorithm=euler_newton", *SECOND_ORDER, *AT_REST_AND_ON_FINER_NODES],
            marks=pytest.mark.slow,
        ),
    ],
    ids=" ".join,
)
def test_a_resumed_run_goes_on_as_if_nothing_had_been(train, tmp_path, overrides):
    whole = train("whole", overrides)
    with pytest.raises(Stop):
        train("parts", overrides, stop=2)
    resumed = train("parts", overrides, resume=True)
    assert_same(state(*whole), state(*resumed))
    assert rows(tmp_path / "whole/metrics.csv") == rows(tmp_path / "parts/metrics.csv")
    assert [row["outer_iteration"] for row in rows(tmp_path / "whole/metrics.csv")] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "rows, most, kept", [(5, 2000, [1, 2, 3, 4, 5]), (7, 3, [1, 4, 7]), (6, 3, [2, 4, 6]), (0, 3, None)]
)
def test_a_long_history_is_shown_in_part_and_up_to_its_end(rows, most, kept):
    history = History(None)
    history.load_state_dict({"rows": [{"outer_iteration": row + 1} for row in range(rows)]})
    assert history.columns(most).get("outer_iteration") == kept


@pytest.mark.slow
def test_the_same_holds_from_every_checkpoint_also_the_one_before_the_first_step(train):
    whole = train("whole", [])
    for stop in (0, 1, 3):
        with pytest.raises(Stop):
            train(f"parts{stop}", [], stop=stop)
        assert_same(state(*whole), state(*train(f"parts{stop}", [], resume=True)))


def test_states_of_a_chain_are_read_from_checkpoints_that_hold_them_as_one_dimension(settings, ks98_panel, seeded):
    data, people = PanelData(World(None), settings().algorithm, seed=1), ks98_panel.population
    data.stream = SimpleNamespace(generator=seeded(), panel=None)
    data.stream.go_on_from = lambda panel, coarse: setattr(data.stream, "panel", panel)
    panel = [people.k, people.eps, people.weight, ks98_panel.z[:, 0]]
    data.load_state_dict({"generator": seeded(3).get_state(), "panel": panel})
    assert torch.equal(data.stream.panel.z, ks98_panel.z) and torch.equal(data.stream.panel.population.k, people.k)
