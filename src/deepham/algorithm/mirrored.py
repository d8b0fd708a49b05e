"""Economies in pairs, of which the second has the luck of the first with the opposite sign.

What a network of few weights misses of a household's plan is nearly the same in both: it is there at rest, too. What
shocks move is in their difference, and there it is small beside the rest. In a sample of economies each with luck of
its own the one is an error of the other. So the halves of a sample are pairs, with the same households in both, and
half of what a pair misses differently is an equation of its own, with a weight of its own. (Antithetic variates.)
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from deepham.algorithm.ergodic_sample import Sample
from deepham.algorithm.first_order import Linear
from deepham.simulation.period import Panel


def begin(panel: Panel, typical: Tensor) -> Panel:
    """The panel (B) with the people of its first half in both, and in the second that one's z seen from the typical
    one, (1, d), in a mirror."""
    half = len(panel.z) // 2
    people = panel.population.select([*range(half)] * 2)
    z = panel.z[:half]
    near = None if panel.near is None else torch.cat([panel.near[:half]] * 2)
    return Panel(people, torch.cat([z, 2 * typical - z]), near)


def same_households(sample: Sample) -> Sample:
    """The sample with the households of its first half in both."""

    def both(values: Tensor | None, sign: float = 1.0) -> Tensor | None:
        if values is None:
            return None
        first = values[: len(values) // 2]
        return torch.cat([first, first if sign == 1.0 else sign * first])

    k, eps, weight = both(sample.k), both(sample.eps), both(sample.weight)
    assert k is not None and eps is not None and weight is not None
    return replace(sample, k=k, eps=eps, weight=weight, off=both(sample.off, -1.0), spends=both(sample.spends))


def apart(linear: Linear, weight: Tensor, rows: list[int]) -> tuple[Linear, Tensor]:
    """Half of what is missed in the first halves of samples of so many rows each, less that in the second, and the
    weights of that: those of both."""

    def halves(values: Tensor, sign: float) -> Tensor:
        pairs = [part.chunk(2) for part in values.split(rows)]
        return torch.cat([first + sign * second for first, second in pairs])

    residual, jacobian, own = (halves(part, -1.0) / 2 for part in (linear.residual, linear.jacobian, linear.own))
    both = halves(weight, 1.0)
    return Linear(residual, both, jacobian, own), both
