"""Training at the lower bound, where the answer is known: one skill, whose state is xi alone."""

import dataclasses

import numpy as np
import pytest
import torch

import deepham
from benchmarks.hank_zlb import TOLD, gaps, representative
from deepham.economics.hank_zlb import HankZLB
from deepham.training.from_rest import from_rest
from deepham.training.module import DeepHAM

ONE = {"states": 1, "sd": 0.0, "beta": 1 / (1.005 + 1e-8), "phi": 1 / 1.2, "sd_xi": 0.0115}
ONE_SKILL = [f"model.{name}={value!r}" for name, value in ONE.items()] + ["model=hank_zlb"]


def test_households_without_luck_of_their_own_begin_with_what_there_is_of_bonds(settings):
    chosen = settings(*ONE_SKILL, "algorithm=euler_newton", "algorithm.nodes=30")
    people = from_rest(chosen.economy, [DeepHAM(**chosen.hyperparameters()).policy], chosen.algorithm)
    assert people is not None
    assert float(people.mean(people.k)) == pytest.approx(chosen.economy.B)
    assert int((people.weight > 0).sum()) == 2, "at the two nodes beside it"
    afresh = chosen.economy.initial_assets((2, 3), torch.Generator())
    assert bool((afresh == chosen.economy.B).all())


def stage(iterations: int, **newton: float) -> list[str]:
    """Overrides of so many outer iterations, each of which begins with all holding as much."""
    given = newton | {"largest_step": 0.01, "spread_z": 3}  # every state of xi, in each sample
    given |= dict.fromkeys(("fine_updates", "outlook_updates", "spread_of_wealth"), 0) | {"value_updates": 1}
    settings = [f"algorithm.newton.{key}={x}" for key, x in given.items()]
    return [f"algorithm.outer_iterations={iterations}", "algorithm.restart=true", *settings]


@pytest.mark.slow
def test_one_skill_learns_what_the_bound_does(tmp_path):
    """Where the bound binds inflation is 9 to 49 basis points a year lower than without one, by how deep the recession
    is. In two stages, shorter than those on docs/economies/hank.md."""
    few = ["network.width=10", "network.poverty=false"]
    few += ["verdict.burn_in=0", "verdict.periods=2", "verdict.dates=1"]
    stages = {
        "first": stage(14, damping=10, economies=32, households=75, settling=40),
        "second": stage(8, damping=3, economies=48, households=30, settling=0, early=0, memory_late=0.9, together=300),
    }
    solution, before = None, None
    for name, settings in stages.items():
        solution = deepham.solve("hank_zlb", overrides=[*few, *settings], init_from=before, **ONE)
        solution.save(tmp_path / name)
        before = str(tmp_path / name)
    assert solution is not None
    economy = solution.economy
    assert isinstance(economy, HankZLB)
    _, pi, often = representative(economy)
    _, free, _ = representative(dataclasses.replace(economy, bound=-0.5))
    off = np.array([float(weight @ gap) for gap, _, weight in gaps(solution)])
    common = often > 0.005
    assert np.abs(off[common]).max() < 5
    assert TOLD * (free - pi)[common].max() > 28, "another bound would be seen"
