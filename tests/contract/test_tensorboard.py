"""What TensorBoard finds in the event files of a run, and what it shows of them in a browser."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import STATUS_SUCCESS

from deepham import economics
from deepham.monitoring.dashboard import settings_of


def read(run):
    """All events of a run."""
    events = EventAccumulator(f"logs/{run}", size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    return events


@pytest.mark.slow
def test_tensorboard_has_scalars_and_figures_under_stable_names(command):
    command(
        "run=r",
        "algorithm.outer_iterations=2",
        "callbacks.solution_figures.figure_every=2",
        "callbacks.asset_distribution.figure_every=2",
        "figures=true",
    )
    events = read("r")
    tags = events.Tags()
    for tag in (
        "train/policy_loss",
        "train/value_loss",
        "errors/euler.mean",
        "errors/bellman_policy.mean",
        "errors/bellman_optimality.mean",
        "distribution/mean",
        "distribution/sd",
        "distribution/gini",
        "distribution/q50",
        "distribution/constrained",
        "aggregates/mean_K",
        "aggregates/sd_K",
        "aggregates/mean_Y",
        "aggregates/mean_C",
        "aggregates/mean_r",
        "train/learning_rate",
        "timing/seconds",
        "timing/updates_per_second",
    ):
        assert [event.step for event in events.Scalars(tag)] == [1, 2]
    assert set(tags["images"]) == {
        "distribution/assets",
        "solution/wealth",
        "solution/policy",
        *(f"verdict/{name}" for name in ("solution", "wealth", "policy", "capital", "errors")),
    }


def test_tensorboard_has_settings_configuration_verdict_and_the_charts_to_watch_first(command):
    assert command("run=r", "network.width=8", "model.beta=0.985", "algorithm.average=0")[0] == 0
    events = read("r")
    hparams = events.PluginTagToContent(metadata.PLUGIN_NAME)
    settings = metadata.parse_session_start_info_plugin_data(hparams[metadata.SESSION_START_INFO_TAG]).hparams
    assert settings["network.width"].number_value == 8 and settings["model.beta"].number_value == 0.985
    assert settings["seed"].number_value == 1 and settings["algorithm.price_taking"].bool_value is True
    assert settings["algorithm.policy_optimizer.method"].string_value == "SOAP"
    end = metadata.parse_session_end_info_plugin_data(hparams[metadata.SESSION_END_INFO_TAG])
    assert end.status == STATUS_SUCCESS
    scalars = events.Tags()["scalars"]
    assert {"accuracy/euler.mean", "accuracy/bellman_policy.mean", "moments/mean_K"} <= set(scalars)
    assert "hp_metric" not in scalars
    (text,) = events.Tensors("config/text_summary")
    assert "    width: 8" in text.tensor_proto.string_val[0].decode() and text.step == 0
    layout = layout_pb2.Layout.FromString(events.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0])
    (watched,) = layout.category
    assert watched.title == "Watch first" and len(watched.chart) == 5
    for chart in watched.chart:
        assert [tag for tag in scalars if re.match(chart.multiline.tag[0], tag)], f"{chart.title} is empty"


def test_a_finished_run_that_is_resumed_says_so_without_a_second_column(command):
    assert command("run=r", "algorithm.outer_iterations=2")[0] == 0
    assert command("ckpt_path=last", "algorithm.outer_iterations=2")[0] == 0
    events = read("r")
    assert [event.step for event in events.Tensors("config/text_summary")] == [0, 2]
    assert [event.step for event in events.Scalars("errors/euler.mean")] == [1, 2]
    assert len({event.value for event in events.Scalars("accuracy/euler.mean")}) == 1


@pytest.mark.parametrize("name", economics.names())
def test_the_settings_of_every_economy_can_be_compared(name):
    calibration = economics.calibration(name)
    settings = settings_of(
        {
            "model": {"name": name} | calibration,
            "seed": 3,
            "algorithm": {"agents": None, "policy_optimizer": {"beta1": 0.5}},
        }
    )
    assert settings["model.name"] == name
    assert all(settings[f"model.{key}"] == value for key, value in calibration.items() if not isinstance(value, list))
    assert settings["algorithm.policy_optimizer.beta1"] == 0.5 and settings["algorithm.agents"] == "null"
    assert all(isinstance(value, bool | int | float | str) and len(str(value)) < 60 for value in settings.values())


def test_watching_changes_nothing_of_what_is_trained(command):
    blind = [
        "logger=none",
        *(
            f"callbacks.{name}=null"
            for name in ("aggregates", "asset_distribution", "bellman_errors", "solution_figures")
        ),
    ]
    watched = [f"callbacks.{name}.figure_every=1" for name in ("asset_distribution", "solution_figures")]
    for run, overrides in (("watched", watched), ("blind", blind)):
        assert command(f"run={run}", "algorithm.outer_iterations=2", *overrides)[0] == 0
    for name in ("weights.safetensors", "ergodic.safetensors"):
        assert Path("checkpoints/watched", name).read_bytes() == Path("checkpoints/blind", name).read_bytes()


@contextmanager
def tensorboard():
    """Address of a TensorBoard of the folder logs, as it is now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = shutil.which("tensorboard", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    process = subprocess.Popen(
        [program, "--logdir", "logs", "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.2)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_browser_shows_the_tags_the_charts_to_watch_first_and_the_runs_of_a_sweep_side_by_side(command, tmp_path):
    assert (
        command(
            "-m",
            "network.width=6,8",
            "algorithm.outer_iterations=2",
            "callbacks.solution_figures.figure_every=1",
            "callbacks.asset_distribution.figure_every=1",
            "figures=true",
        )[0]
        == 0
    )
    with tensorboard() as address, Browser(tmp_path) as browser:
        browser.open(f"{address}#scalars")
        browser.wait_for("accuracy/euler.mean", "aggregates/mean_K", "distribution", "errors", "timing", "train")
        browser.open(f"{address}#custom_scalars")
        browser.wait_for("Watch first", "Euler error, mean, percent of consumption", "Mean of K, goods", "Policy loss")
        browser.open(f"{address}#hparams")
        shown = browser.wait_for("network.width", "accuracy/euler.mean", "6.0000", "8.0000")
        assert shown.index("network.width") < shown.index("algorithm.agents"), "what differs comes first"
        browser.open(f"{address}#text")
        browser.wait_for("config/text_summary", "outer_iterations: 2")
        browser.open(f"{address}#images")
        browser.wait_for("distribution/assets", "solution", "verdict")
