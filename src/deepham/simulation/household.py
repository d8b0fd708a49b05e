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
        z: (B,) aggregate state.
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
    economy: Economy, population: Population, z: Tensor, k: Tensor | None = None, eps: Tensor | None = None
) -> Observation:
    """Observation of the population's own members, or of households (k, eps), each (B, N), that live beside it."""
    k = population.k if k is None else k
    eps = population.eps if eps is None else eps
    aggregates = economy.aggregates(population, z)
    prices = economy.prices(aggregates, z)
    return Observation(economy.resources(k, eps, z, prices), k, eps, z, population, aggregates, prices)


def take_prices(observation: Observation, economy: Economy) -> Observation:
    """The same observation with aggregates, prices and population cut from the graph of gradients.

    A household in a competitive equilibrium does not count on moving prices: only its own k carries a gradient.
    """
    aggregates = {name: value.detach() for name, value in observation.aggregates.items()}
    prices = {name: value.detach() for name, value in observation.prices.items()}
    resources = economy.resources(observation.k, observation.eps, observation.z, prices)
    population = observation.population.detach()
    return Observation(resources, observation.k, observation.eps, observation.z, population, aggregates, prices)
