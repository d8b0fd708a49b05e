"""What a household sees when it chooses, and what follows from its choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from deepham.economics.economy import Economy
from deepham.simulation.population import Population


@dataclass(frozen=True)
class Observation:
    """The information of households in one period, after the aggregate shock is seen.

    Attributes:
        resources: (B, N) resources m of the households asked about.
        k, eps: (B, N) their individual states. They need not be members of the population.
        z: aggregate state, (B,) or (B, d).
        population: the cross-section of each economy, from which aggregates and moments are computed.
        aggregates, prices: name -> (B,), what the households take as given.
    """

    resources: Tensor
    k: Tensor
    eps: Tensor
    z: Tensor
    population: Population
    aggregates: dict[str, Tensor]
    prices: dict[str, Tensor]


# A policy maps an observation to consumption (B, N), a value function to lifetime utility in utils (B, N).
Policy = Callable[[Observation], Tensor]
Value = Callable[[Observation], Tensor]


def observe(
    economy: Economy,
    population: Population,
    z: Tensor,
    k: Tensor | None = None,
    eps: Tensor | None = None,
    price_taking: bool = False,
) -> Observation:
    """Observation of the population's own members, or of households (k, eps), each (B, N), that live beside it.

    price_taking cuts aggregates, prices and population from the graph of gradients: a household in a competitive
    equilibrium does not count on moving prices, only its own k carries a gradient.
    """
    k = population.k if k is None else k
    eps = population.eps if eps is None else eps
    if price_taking:
        population = population.detach()
    aggregates = economy.aggregates(population, z)
    prices = economy.prices(aggregates, z)
    return Observation(economy.resources(k, eps, z, prices), k, eps, z, population, aggregates, prices)
