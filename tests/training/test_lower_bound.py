"""Training at the lower bound, where the answer is known: one skill, whose state is xi alone."""

import dataclasses

import numpy as np
import pytest

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


@pytest.mark.slow
def test_one_skill_learns_what_the_bound_does(tmp_path):
    """Where the bound binds inflation is 9 to 49 basis points a year lower than without one, by how deep the recession
    is. Strong damping first: plans alone hardly say how much is consumed, see docs/economies/hank.md."""
    few = ["network.width=10", "network.poverty=false", "algorithm.newton.households=75"]
    few += ["algorithm.newton.spread_of_wealth=0", "algorithm.newton.largest_step=0.04", "algorithm.newton.settling=0"]
    few += [f"algorithm.newton.{name}=0" for name in ("fine_updates", "outlook_updates")]
    few += ["algorithm.newton.value_updates=1"]
    few += ["verdict.burn_in=0", "verdict.periods=2", "verdict.dates=1"]  # a first plan knows no market far from rest
    first = [*few, "algorithm.outer_iterations=4", "algorithm.newton.resting=8", "algorithm.newton.damping=100"]
    deepham.solve("hank_zlb", overrides=first, **ONE).save(tmp_path / "first")
    then = [*few, "algorithm.outer_iterations=12", "algorithm.newton.damping=10"]
    then += ["algorithm.newton.economies=32", "algorithm.newton.spread_z=3"]  # every state of xi, in each sample
    solution = deepham.solve("hank_zlb", overrides=then, init_from=str(tmp_path / "first"), **ONE)
    economy = solution.economy
    assert isinstance(economy, HankZLB)
    _, pi, often = representative(economy)
    _, free, _ = representative(dataclasses.replace(economy, bound=-0.5))
    off = np.array([float(weight @ gap) for gap, _, weight in gaps(solution)])
    common = often > 0.005
    assert np.abs(off[common]).max() < 6
    assert TOLD * (free - pi)[common].max() > 28, "another bound would be seen"
