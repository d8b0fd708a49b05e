"""What households of each age have and choose, and how good their choices are."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.algorithm.residuals import residuals
from deepham.economics.economy import Economy
from deepham.errors import InputError
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

Profile = dict[str, Tensor]  # over the life, name -> (ages,)


@torch.no_grad()
def by_age(world: World, panel: Panel) -> Profile:
    """`profile` of the populations of the panel together, and "euler", the mean Euler error, percent of consumption.

    Raises:
        InputError: an economy in which nobody ages.
    """
    found = profile(world.economy, panel.population, world.period(panel).consumption)
    errors = residuals(world, panel, optimality=False).euler.abs()
    return found | {"euler": 100 * _means(world.economy, panel.population, errors)[0]}


def profile(economy: Economy, people: Population, consumption: Tensor) -> Profile:
    """Of each age the "share" of households, their mean "assets" at the start of the period and "consumption" (B, N),
    goods, and the standard deviations, "assets_sd" and "consumption_sd".

    Raises:
        InputError: an economy in which nobody ages.
    """
    found = {}
    for name, values in (("assets", people.k), ("consumption", consumption)):
        mean, share = _means(economy, people, values)
        square, _ = _means(economy, people, values**2)
        found |= {"share": share, name: mean, f"{name}_sd": (square - mean**2).clamp_min(0).sqrt()}
    return found


def _means(economy: Economy, people: Population, values: Tensor) -> tuple[Tensor, Tensor]:
    """Means of values (B, N) at each age, and the share of households of it, (ages,) both."""
    age = economy.age_of(people.eps)
    if age is None:
        raise InputError(f"by_age: households of {type(economy).__name__} have no age; expected an economy with ages")
    weight, zero = people.weight / len(people.weight), people.k.new_zeros(int(age.max()) + 1)
    share, total = (zero.scatter_add(0, age.flatten(), x.flatten()) for x in (weight, weight * values))
    return total / share, share
