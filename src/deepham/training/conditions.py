"""The conditions that a step of second-order training solves, of the economies of one calibration."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from torch import Tensor

from deepham.algorithm.alone import tomorrow_of_all
from deepham.algorithm.ergodic_sample import Sample
from deepham.algorithm.first_order import Linear, first_order_condition
from deepham.algorithm.looking_ahead import as_it_is, looking_ahead
from deepham.algorithm.newton import shift
from deepham.simulation.period import Policy, Value
from deepham.training.calibrations import Calibration


def conditions(at: Calibration, sample: Sample, resting: bool) -> tuple[Linear, Linear | None]:
    """Of the households of a calibration, and of the unknowns that look ahead in it, where there are such. resting:
    whether all unknowns rest."""
    policy, tomorrow, missed = double(at.world.policy), None, None
    if resting:
        tomorrow = tomorrow_of_all(at.exact, policy, sample.panel, derivative=False)
    elif at.exact.foreseen:
        tomorrow, missed = looking_ahead(at.exact, policy, sample.panel)
    return first_order_condition(at.exact, policy, sample, tomorrow), missed


def left_after(at: Calibration, sample: Sample, change: Tensor) -> tuple[Tensor, Tensor]:
    """What would be left after the step of the conditions of households, (H,), and of what looks ahead, (A,)."""
    policy = double(at.world.policy)
    shift(policy, change)
    tomorrow, ahead = as_it_is(at.exact, policy, sample.panel)
    return first_order_condition(at.exact, policy, sample, tomorrow).residual, ahead.flatten()


def double(network: Policy | Value) -> Any:
    """A copy in float64 of a network that learns."""
    return copy.deepcopy(cast(torch.nn.Module, network)).double()
