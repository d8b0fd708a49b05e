"""One period: what households see, what they choose, and what they carry out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from deepham.economics.economy import Economy, Own, Wide
from deepham.simulation.population import Population


@dataclass(frozen=True)
class Panel:
    """The state of B simulated economies: their populations and aggregate states z, (B, d)."""

    population: Population
    z: Tensor

    @classmethod
    def of(cls, k: Tensor, eps: Tensor, weight: Tensor, z: Tensor) -> Panel:
        return cls(Population(k, eps, weight), z)

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What `of` makes a panel from."""
        return self.population.k, self.population.eps, self.population.weight, self.z

    def to(self, device=None, dtype=None) -> Panel:
        """A copy on the device, whose numbers have the floating dtype."""
        floating = (x.to(device=device, dtype=dtype if x.is_floating_point() else None) for x in self.tensors())
        return Panel.of(*floating)

    def select(self, index) -> Panel:
        return Panel(self.population.select(index), self.z[index])


@dataclass(frozen=True)
class Observation:
    """The information of households in one period, after the aggregate shock is seen.

    Attributes:
        resources: (B, N) resources m of the households asked about.
        k, eps: (B, N) their individual states. They need not be members of the population.
        z: aggregate state, (B, d).
        population: the cross-section of each economy, from which aggregates and moments are computed.
        aggregates, prices: name -> (B, 1), what the households take as given.
    """

    resources: Tensor
    k: Tensor
    eps: Tensor
    z: Tensor
    population: Population
    aggregates: Wide
    prices: Wide

    @property
    def wide(self) -> Wide:
        """All that is economy-wide beside z, aggregates and prices: what z may move with."""
        return self.aggregates | self.prices

    @property
    def panel(self) -> Panel:
        """The economies that the households live in."""
        return Panel(self.population, self.z)


# A policy maps an observation to what it decides (`Economy.choices`): consumption (B, N), or several choices (B, N, C);
# a value function to lifetime utility in utils (B, N).
Policy = Callable[[Observation], Tensor]
Value = Callable[[Observation], Tensor]


def _nobody(seen: Observation) -> Tensor:
    raise TypeError("this world was made without the policy or the value function that is asked for")


@dataclass(frozen=True)
class World:
    """An economy and how its households live in it: all that one period of it takes.

    Attributes:
        economy: its equations.
        policy, value: what households choose, and their lifetime utility; each may be left out where nothing asks for
            it.
        price_taking: aggregates, prices and population are cut from the graph of gradients: a household in a
            competitive equilibrium does not count on moving prices, only its own k carries a gradient.
    """

    economy: Economy
    policy: Policy = _nobody
    value: Value = _nobody
    price_taking: bool = True

    def observe(self, panel: Panel, k: Tensor | None = None, eps: Tensor | None = None) -> Observation:
        """What the members of the panel's populations see, or households (k, eps), each (B, N), that live beside
        them.
        """
        population, z = panel.population, panel.z
        k = population.k if k is None else k
        eps = population.eps if eps is None else eps
        if self.price_taking:
            population = population.detach()
        aggregates = self.economy.aggregates(population, z)
        prices = self.economy.prices(aggregates, z)

        def seen_by(k: Tensor, eps: Tensor) -> Observation:
            return Observation(self.economy.resources(k, eps, z, prices), k, eps, z, population, aggregates, prices)

        prices |= self.economy.outcomes(lambda: seen_by(population.k, population.eps), self.policy)
        return seen_by(k, eps)

    def choose(self, seen: Observation) -> Own:
        """All that households choose who see this, by name."""
        return self.economy.complete(self.policy(seen), seen)

    def start_value(self, seen: Observation) -> Tensor:
        """What households have at the start of the period, (B, N), utils: V and what they are paid beside."""
        value, premium = self.value(seen), self.economy.premium(seen)
        return value if premium is None else value + premium

    def period(self, panel: Panel) -> Period:
        """The period that begins in the state of the panel."""
        return Period(self, panel)


class Period:
    """One period of B economies. Each part of it is worked out when it is asked for first, and kept.

    Args:
        world, panel: who lives in it, and their states at its start.
    """

    def __init__(self, world: World, panel: Panel):
        self.world, self.panel = world, panel

    @cached_property
    def seen(self) -> Observation:
        return self.world.observe(self.panel)

    @cached_property
    def choice(self) -> Own:
        """All that households choose, by name."""
        return self.world.choose(self.seen)

    @property
    def consumption(self) -> Tensor:
        """(B, N), goods."""
        return self.choice["c"]

    @cached_property
    def carried(self) -> Tensor:
        """Assets (B, N) that households carry out of the period."""
        return self.world.economy.carry(self.choice, self.seen)

    @cached_property
    def saved(self) -> Population:
        """The population with the assets carried and still this period's individual states."""
        return self.panel.population.with_assets(self.carried)

    @cached_property
    def utility(self) -> Tensor:
        """(B, N), utils."""
        return self.world.economy.utility(self.choice, self.seen)

    @cached_property
    def accounts(self) -> Wide:
        """What the economy accounts for, name -> (B, 1)."""
        return self.world.economy.accounts(self.choice, self.carried, self.seen)
