"""Sweeps: bad settings end them before the first job, and at the end there is one table and one figure by setting."""

import csv
import json
from pathlib import Path

import pytest

from deepham.training.cli import summarize


def test_a_sweep_is_one_table_and_one_figure_by_setting(command, script):
    code, output, errors = command("-m", "algorithm.horizon=-1,1", "seed=1,2", "figures=true")
    assert code == 1 and len(errors) == 2 and "By setting" in output
    (home,) = (path.parent for path in Path("logs").glob("*/sweep.json"))
    with open(home / "settings.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["algorithm.horizon"], row["runs"], row["not finished"]) for row in rows] == [("-1", "0", "2"), ("1", "2", "0")]
    values = [json.loads(path.read_text())["measures"]["euler.mean"] for path in Path("checkpoints").glob("*/metrics.json")]
    assert float(rows[1]["euler.mean"]) == pytest.approx(sum(values) / 2)
    assert {path.suffix for path in home.glob("settings.*")} == {".md", ".csv", ".tex", ".png", ".pdf"}

    code, output, errors = script(summarize, f"runs=checkpoints/{home.name}*")
    assert (code, errors) == (0, []) and output.count("failed: algorithm.horizon") == 2 and "2 runs" in output
    assert Path("logs/summary/settings.csv").read_text() == (home / "settings.csv").read_text()
    assert Path("logs/summary/settings.png").is_file()


@pytest.mark.parametrize("overrides, says", [
    (["measure=foo"], "there is euler.mean"), (["measure=[a]"], "there is euler.mean"), ([], "none of 1 is finished")])
def test_what_cannot_be_summarised_is_one_line(script, overrides, says):
    Path("r").mkdir()
    Path("r/status.json").write_text('{"state": "failed", "why": "a reason"}')
    code, _, errors = script(summarize, "runs=r", *overrides)
    assert code == 2 and len(errors) == 1 and says in errors[0]


@pytest.mark.parametrize("overrides, says", [
    (["seed=1,abc"], "seed: expected a whole number"), (["seed=1,2", "network.widht=4"], "did you mean network.width"),
    (["network.width=4,8.5"], "network.width"), (["model.beta=0.98,x"], "model.beta"), (["network=first_moment,foo"], "choose from"),
    (["algorithm.horizon=1,2", "verdict.nodes=20,a"], "verdict.nodes"), (["seed=1,2", "optimized_metric=foo"], "there is euler.mean"),
    (["seed=1,2", "model=ks98,brock_mirman", "model.mu=0.1"], "mu"),
    (["optimized_metric=euler.mean,foo"], "there is euler.mean"), (["seed=range(2,1)"], "no value"),
    (["seed=1,2", "hydra/sweeper=foo"], "choose from basic"), (["seed=1,"], "seed=1,")])
def test_a_sweep_with_a_wrong_setting_ends_before_its_first_job(command, overrides, says):
    code, output, errors = command("-m", *overrides)
    assert code == 2 and len(errors) == 1 and says in errors[0], errors
    assert list(Path(".").iterdir()) == [] and output == ""
