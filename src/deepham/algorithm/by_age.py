"""What households of each age, or of each group, have and choose, and how good their choices are."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.algorithm.residuals import residuals
from deepham.economics.economy import Economy
from deepham.errors import InputError
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

Profile = dict[str, Tensor]  # over the life or over groups, name -> (ages,)


def by_age(world: World, panel: Panel) -> Profile:
    """`profile` of the populations of the panel together, and "euler", the mean Euler error, percent of consumption.

    Raises:
        InputError: an economy in which nobody ages.
    """
    return by_kind(world, panel, ages_of(world.economy))


@torch.no_grad()
def by_kind(world: World, panel: Panel, kind: Tensor) -> Profile:
    """The same by what households are, a number from 0 on for each individual state, (n_eps,)."""
    found = profile(world.economy, panel.population, world.period(panel).consumption, kind)
    errors = residuals(world, panel, optimality=False).euler.abs()
    return found | {"euler": 100 * _means(kind, panel.population, errors)[0]}


def profile(economy: Economy, people: Population, consumption: Tensor, kind: Tensor | None = None) -> Profile:
    """Of each age, or kind, the "share" of households, their mean "assets" at the start of the period and "consumption"
    (B, N), goods, and the standard deviations, "assets_sd" and "consumption_sd".

    Raises:
        InputError: an economy in which nobody ages, and no kind.
    """
    kind = ages_of(economy) if kind is None else kind
    found = {}
    for name, values in (("assets", people.k), ("consumption", consumption)):
        mean, share = _means(kind, people, values)
        square, _ = _means(kind, people, values**2)
        found |= {"share": share, name: mean, f"{name}_sd": (square - mean**2).clamp_min(0).sqrt()}
    return found


def ages_of(economy: Economy) -> Tensor:
    """The age of each individual state, (n_eps,), in whole periods since households enter.

    Raises:
        InputError: an economy in which nobody ages.
    """
    age = economy.age_of(torch.arange(economy.chain.n_eps, device=economy.chain.device))
    if age is None:
        raise InputError(f"by_age: households of {type(economy).__name__} have no age; expected an economy with ages")
    return age


def _means(kind: Tensor, people: Population, values: Tensor) -> tuple[Tensor, Tensor]:
    """Means of values (B, N) over each kind, and the share of households of it, (kinds,) both."""
    weight, zero = people.weight / len(people.weight), people.k.new_zeros(int(kind.max()) + 1)
    here = kind[people.eps].flatten()
    share, total = (zero.scatter_add(0, here, x.flatten()) for x in (weight, weight * values))
    return total / share, share
