"""The median rule on planted histories: who is stopped, after which outer iteration, and who is compared with whom."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from deepham.callbacks.early_stop import EarlyStop
from deepham.callbacks.history import History
from deepham.runs.folders import RunFolders
from deepham.system.ranks import ALONE

NAN = float("nan")
LENGTH = 10  # outer iterations of a run
# least after three: .4, .2, .3, .1
FOUR = [[0.9, 0.5, 0.4], [0.9, 0.2, 0.3, 0.1], [0.9, 0.3, 0.6, 0.6], [0.9, 0.8, 0.1]]


@pytest.fixture
def sweep(tmp_path):
    """sweep(others, own, **settings) is the callback after an outer iteration that ends the errors `own`, and whether
    training stops.
    """

    def plant(name, errors, sweep="s", model="ks98", outer_iterations=LENGTH, policy_steps=7, objective="market"):
        checkpoints, logs = tmp_path / "checkpoints" / name, tmp_path / "logs" / name
        checkpoints.mkdir(parents=True), logs.mkdir(parents=True)
        (checkpoints / "status.json").write_text(
            json.dumps({"state": "running", "run": name, "sweep": sweep, "job": 0})
        )
        training = {"outer_iterations": outer_iterations, "policy_steps": policy_steps, "objective": objective}
        (logs / "config.yaml").write_text(yaml.safe_dump({"model": {"name": model}, "algorithm": training}))
        rows = "".join(f"{index},{error}\n" for index, error in enumerate(errors, 1))
        (logs / "metrics.csv").write_text("outer_iteration,errors/euler.mean\n" + rows)

    def after(others, own, job=True, more=(), **settings):
        for number, errors in enumerate(others):
            plant(f"s-{number}-r", errors)
        for number, (errors, differences) in enumerate(more):
            plant(f"s-1{number}-r", errors, **differences)
        plant("s-99-r", [])
        callback = EarlyStop(**settings)
        callback.folders = RunFolders(
            "s-99-r", tmp_path / "checkpoints/s-99-r", tmp_path / "logs/s-99-r", {"sweep": "s"} if job else {}
        )
        history = History(None)
        history.rows = [{"errors/euler.mean": error} for error in own]
        trainer = SimpleNamespace(
            current_epoch=len(own) - 1,
            max_epochs=LENGTH,
            callbacks=[history, callback],
            should_stop=False,
        )
        callback.on_train_epoch_end(trainer, SimpleNamespace(ranks=ALONE))
        return callback, trainer.should_stop

    after.folder = tmp_path
    return after


def test_worse_than_the_median_of_the_others_stops(sweep):
    callback, stops = sweep(FOUR, [0.9, 0.26, 0.7], factor=1.0)  # the median is .25
    assert stops and callback.stopped == {
        "outer_iteration": 3,
        "of": LENGTH,
        "why": "euler.mean 0.26, the median of 4 other jobs 0.25",
    }


@pytest.mark.parametrize(
    "own, settings",
    [
        ([0.9, 0.25, 0.7], {}),  # not worse
        ([0.9, 0.49, 0.7], {"factor": 2.0}),
        ([0.9, 0.9, 0.9], {"jobs": 5}),
        ([0.9, 0.9, 0.9], {"warm_up": 0.31}),
        ([0.9] * 4, {}),  # one other has come as far
        ([0.9] * LENGTH, {"jobs": 1}),
        ([0.9, 0.9, 0.9], {"job": False}),
    ],
)
def test_nobody_else_is_stopped(sweep, own, settings):
    callback, stops = sweep(FOUR, own, **({"factor": 1.0} | settings))
    assert not stops and callback.stopped is None


@pytest.mark.parametrize(
    "own, others, stops",
    [
        ([0.001], [[0.1], [NAN]], False),
        ([0.001], [[NAN], [0.1]], False),
        ([0.001], [[NAN], [NAN]], False),
        ([9.0], [[0.1], [NAN]], False),
        ([9.0], [[0.1], [0.1], [NAN]], True),
        ([9.0], [[NAN, 0.1], [0.1]], False),
        ([9.0, 9.0], [[NAN, 0.1], [0.1, NAN]], True),
        ([NAN], [[0.1], [0.1]], True),
        ([NAN], [[NAN], [NAN]], False),
        ([0.1, NAN], [[0.1, 0.1], [0.1, 0.1]], False),
    ],
)
def test_a_run_without_a_number_is_behind_every_other_and_stops_none(own, others, stops):
    assert (EarlyStop(jobs=2).why(own, others) is not None) == stops


def test_after_the_last_outer_iteration_there_is_nothing_to_stop(sweep):
    callback, stops = sweep([[0.1] * LENGTH] * 4, [0.9] * LENGTH)
    assert not stops and callback.stopped is None


@pytest.mark.parametrize(
    "difference",
    [
        {"model": "brock_mirman"},
        {"objective": "planner"},
        {"outer_iterations": 20},
        {"policy_steps": 70},
        {"sweep": "s-1"},
    ],
)
def test_only_runs_of_the_same_economy_length_and_sweep_are_compared(sweep, difference):
    assert not sweep(FOUR[:3], [0.9, 0.9, 0.9], more=[([0.1] * 3, difference)])[1]


def test_the_fourth_other_job_makes_the_difference(sweep):
    assert sweep(FOUR[:3], [0.9, 0.9, 0.9], more=[([0.1] * 3, {})])[1]


def test_what_another_job_has_left_damaged_is_passed_over(sweep):
    plant = sweep.folder / "checkpoints/s-50-r"
    plant.mkdir(parents=True)
    (plant / "status.json").write_text("{")
    assert not sweep(FOUR, [0.9, 0.9, 0.9])[1]


def test_the_replay_of_a_sweep_stops_those_that_the_rule_does():
    script = runpy.run_path(str(Path(__file__).parents[2] / "docs/early_stop.py"))
    good, bad, stop = [0.1] * LENGTH, [0.2] * LENGTH, EarlyStop(factor=1.5)
    assert script["replay"]([good, good, good, good, bad, good], stop) == [10, 10, 10, 10, 2, 10]
    assert script["replay"]([good, bad, good, good, good], stop) == [10] * 5
    jobs = [(good, 0.4)] * 4 + [(bad, 0.3)]  # it would have been the best
    assert script["outcome"](jobs, stop) == (pytest.approx(8 / 50), True, pytest.approx(1 / 3))
    assert script["outcome"](jobs, EarlyStop(factor=2.0)) == (0, False, 0)
