"""What runs have left: one setting however it was typed, and measures that were taken alike."""

import json
import shutil

import pytest

from deepham.errors import InputError
from deepham.runs.by_setting import varying
from deepham.runs.outcomes import outcomes
from deepham.solution import folder


@pytest.fixture
def left(tmp_path):
    """left(name, *overrides) is the folder of a finished run of ks98, as a job of a sweep where overrides were
    typed."""

    def make(name, *overrides, sources=("metrics.json",), error=0.01):
        home = tmp_path / name
        shutil.copytree(folder.SHIPPED / "ks98", home)
        job = {"sweep": "s", "job": 0, "overrides": list(overrides)} if overrides else {}
        (home / "status.json").write_text(json.dumps({"state": "finished", "run": name} | job))
        for number, source in enumerate(sources, 1):
            (home / source).write_text(
                json.dumps({"measures": {"euler.mean": number * error}, "verdict_settings": {"periods": 20}})
            )
        return home

    return make


@pytest.mark.parametrize(
    "typed",
    [
        "model.beta=.99",
        "model.beta=0.990",
        "+model.beta=9.9e-1",
        "model.productivity=[.99,1.01]",
        "model.productivity=[0.99, 1.010]",
        "algorithm.restart=False",
        "algorithm.restart=false",
        "algorithm.agents=300",
        "network.name='first_moment'",
        "network=first_moment",
    ],
)
def test_a_setting_is_one_whether_it_was_typed_or_by_default(left, typed):
    runs = outcomes([left("a", typed, "seed=1"), left("b", "seed=2"), left("c")])
    assert varying(runs[:2]) == [] and varying([runs[0], runs[2]]) == []


@pytest.mark.parametrize(
    "typed", ["model.beta=.98", "model.productivity=[0.98,1.01]", "algorithm.restart=true", "network=paper"]
)
def test_another_value_is_another_setting(left, typed):
    assert varying(outcomes([left("a", typed, "seed=1"), left("b", "seed=2")])) == [typed.partition("=")[0]]


def test_measures_of_different_scripts_are_not_mixed(left):
    both, verdict = ("evaluation.json", "metrics.json"), ("metrics.json",)
    runs = outcomes([left("a", sources=both), left("b", sources=both)])
    assert [run.measures["euler.mean"] for run in runs] == [0.01, 0.01] and runs[0].measured == {"periods": 20}
    runs = outcomes([left("c", sources=both), left("d", sources=verdict)])
    assert [run.measures["euler.mean"] for run in runs] == [0.02, 0.01]
    with pytest.raises(InputError, match="evaluate that one, too: python scripts/evaluate.py solution=.*/d"):
        outcomes([left("e", sources=("evaluation.json",)), left("d2", sources=verdict)])
    with pytest.raises(InputError, match="neither evaluation.json nor metrics.json"):
        outcomes([left("f", sources=())])
