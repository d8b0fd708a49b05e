"""Several policies, and several periods, beside each other in one panel: what costs little more than one of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from deepham.economics.economy import Wide
from deepham.simulation.period import Observation, Panel, Period, Policy
from deepham.simulation.population import Population


@dataclass(frozen=True)
class Abreast:
    """Policies that are followed in one walk: each in as many of the economies, one policy's after the other's."""

    policies: list[Policy]

    def __call__(self, seen: Observation) -> Tensor:
        parts = seen.split(len(self.policies))
        return torch.cat([policy(part) for policy, part in zip(self.policies, parts, strict=True)])


def all_of(each: list[Wide]) -> Wide:
    """What is economy-wide, name -> (B, 1), of several panels as of one."""
    return {name: torch.cat([one[name] for one in each]) for name in each[0]}


def histograms(people: list[Population]) -> Population:
    """Histograms on the same nodes as of one panel, without a copy of the nodes for each."""
    weight = torch.cat([each.weight for each in people])
    return Population(people[0].k[:1].expand(weight.shape), people[0].eps[:1].expand(weight.shape), weight)


def side_by_side(periods: list[Period]) -> Period:
    """Periods of B economies each, histograms on the same nodes, as one of all of them, with what has been seen and
    chosen; the economies of a period stay together."""
    if len(periods) == 1:
        return periods[0]
    panels = [period.panel for period in periods]
    whole = Period(
        periods[0].world,
        Panel(histograms([panel.population for panel in panels]), torch.cat([panel.z for panel in panels])),
    )
    if any("seen" in vars(period) for period in periods):  # else nothing has been worked out yet
        seen = [period.seen for period in periods]
        resources, k, eps, z = (
            torch.cat([getattr(one, name) for one in seen]) for name in ("resources", "k", "eps", "z")
        )
        aggregates, prices = all_of([one.aggregates for one in seen]), all_of([one.prices for one in seen])
        whole.seen = Observation(resources, k, eps, z, whole.panel.population, aggregates, prices)
        whole.choice = all_of([period.choice for period in periods])
    return whole
