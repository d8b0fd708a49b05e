"""The conditions that a step of second-order training solves, of the economies of one calibration."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from torch import Tensor

from deepham.algorithm.alone import tomorrow_of_all
from deepham.algorithm.ergodic_sample import Sample
from deepham.algorithm.first_order import Linear, first_order_condition
from deepham.algorithm.looking_ahead import looking_ahead
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


def on_average(linear: Linear, samples: list[Sample]) -> Linear:
    """What is left of the condition of all households of each economy together, by what they consume: those see it who
    count, at prices that clear. (B) conditions."""
    shares = torch.cat([_share(each) for each in samples])
    b, n = shares.shape
    residual = (shares * linear.residual.reshape(b, n)).sum(1)
    jacobian, own = (torch.bmm(shares[:, None], part.reshape(b, n, -1))[:, 0] for part in (linear.jacobian, linear.own))
    return Linear(residual, torch.full_like(residual, 1 / b), jacobian, own)


def mean_of(linear: Linear) -> Linear:
    """One condition: the mean of those of several economies. What is left of it lasts, and moves mean prices by many
    times as much."""
    one = linear.weight.sum()[None]
    shares = (linear.weight / one)[None]
    return Linear(shares @ linear.residual, one, shares @ linear.jacobian, shares @ linear.own)


def _share(sample: Sample) -> Tensor:
    """Of what everybody consumes, those who see prices that clear: (B, n), sums to one in each economy."""
    share = sample.spends
    assert share is not None  # it has been drawn
    if sample.off is not None:
        share = share * (sample.off == 0).all(1).reshape(share.shape)
    return share / share.sum(1, keepdim=True)


def double(network: Policy | Value) -> Any:
    """A copy in float64 of a network that learns."""
    return copy.deepcopy(cast(torch.nn.Module, network)).double()
