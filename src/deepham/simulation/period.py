"""One period: what households see, what they choose, and what they carry out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from deepham.economics.economy import Economy, Own, Wide
from deepham.errors import OutOfDomain
from deepham.simulation.clearing import clear
from deepham.simulation.population import Population


@dataclass(frozen=True)
class Panel:
    """The state of B simulated economies: their populations and aggregate states z, (B, d).

    near (B, unknowns): where unknowns of the period are looked for first, in the economy's order: what they were
    before. None: near the typical ones. It is no part of the state: what is found is the same to the tolerance.
    """

    population: Population
    z: Tensor
    near: Tensor | None = None

    @classmethod
    def of(cls, k: Tensor, eps: Tensor, weight: Tensor, z: Tensor, near: Tensor | None = None) -> Panel:
        return cls(Population(k, eps, weight), z, near)

    def tensors(self) -> tuple[Tensor, ...]:
        """What `of` makes a panel from."""
        found = self.population.k, self.population.eps, self.population.weight, self.z
        return found if self.near is None else (*found, self.near)

    def to(self, device=None, dtype=None) -> Panel:
        """A copy on the device, whose numbers have the floating dtype."""
        floating = (x.to(device=device, dtype=dtype if x.is_floating_point() else None) for x in self.tensors())
        return Panel.of(*floating)

    def select(self, index) -> Panel:
        return Panel(self.population.select(index), self.z[index], None if self.near is None else self.near[index])


@dataclass(frozen=True)
class Observation:
    """The information of households in one period, after the aggregate shock is seen.

    Attributes:
        resources: (B, N) resources m of the households asked about.
        k, eps: (B, N) their individual states. They need not be members of the population.
        z: aggregate state, (B, d).
        population: the cross-section of each economy, from which aggregates and moments are computed.
        aggregates, prices: name -> (B, 1), what the households take as given; unknowns are among the aggregates.
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

    def split(self, groups: int) -> list[Observation]:
        """What is seen in so many groups of economies, of equal size."""

        def wide(values: Wide) -> list[Wide]:
            parts = zip(*(value.chunk(groups) for value in values.values()))
            return [dict(zip(values, part)) for part in parts] if values else [{}] * groups

        people = self.population
        own = (self.resources, self.k, self.eps, self.z, people.k, people.eps, people.weight)
        parts = zip(zip(*(each.chunk(groups) for each in own)), wide(self.aggregates), wide(self.prices))
        return [
            Observation(m, k, eps, z, Population(*crowd), aggregates, prices)
            for (m, k, eps, z, *crowd), aggregates, prices in parts
        ]


# A policy maps an observation to what it decides (`Economy.choices`): consumption (B, N), or several choices (B, N, C);
# a value function to lifetime utility in utils (B, N).
Policy = Callable[[Observation], Tensor]
Value = Callable[[Observation], Tensor]


# What is foreseen: unknowns that look ahead, name -> (B, 1), of what is known before anybody chooses.
Outlook = Callable[[Observation], Wide]


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
        clamped: an unknown that clears nowhere in its range is taken to be at the end of it, as training has it, whose
            policies come from nowhere. False: that is OutOfDomain.
        off: name -> (B, 1), how far from where they clear households see unknowns.
        outlook: the unknowns that look ahead; None: the policy brings one along, as a network of such an economy does.
        flow: where a histogram goes, from a panel and tomorrow's z to a population, by a table; None: it is worked out
            from what households choose.
        resting: no market clears, and all unknowns are what they typically are: households that begin to learn.
    """

    economy: Economy
    policy: Policy = _nobody
    value: Value = _nobody
    price_taking: bool = True
    clamped: bool = False
    off: Wide | None = None
    outlook: Outlook | None = None
    flow: Callable[[Panel, Tensor], Population] | None = None
    resting: bool = False

    def observe(self, panel: Panel, k: Tensor | None = None, eps: Tensor | None = None) -> Observation:
        """What the members of the panel's populations see where markets have cleared, or households (k, eps), each
        (B, N), that live beside them.

        Raises:
            OutOfDomain: a market that clears nowhere in the range of its price.
        """
        return self.seen_at(panel, self._cleared(panel), k, eps)

    def before(self, panel: Panel, k: Tensor | None = None, eps: Tensor | None = None) -> Observation:
        """What households know before markets clear: unknowns are what they typically are. V is asked this, so that
        nobody has to clear tomorrow's markets to form an expectation. Without unknowns it is what `observe` says.
        """
        return self.seen_at(panel, self._typical(panel), k, eps)

    def _typical(self, panel: Panel) -> Wide:
        at = panel.population.k[:, :1].detach()
        return {name: at.new_full(at.shape, unknown.typical) for name, unknown in self.economy.unknowns.items()}

    def _cleared(self, panel: Panel) -> Wide:
        if not self.economy.unknowns:
            return {}
        if self.resting:
            return self._typical(panel)
        foreseen = self._foreseen(panel)

        def conditions(unknowns: Wide) -> Wide:
            seen = self.seen_at(panel, foreseen | unknowns)
            choice = self.choose(seen)
            return self.economy.conditions(choice, self.economy.carry(choice, seen), seen)

        start = self._typical(panel)
        if panel.near is not None:
            start = dict(zip(start, panel.near.split(1, 1), strict=True))
        markets = self.economy.cleared
        values = foreseen
        if markets:
            found = clear(markets, conditions, {name: start[name] for name in markets})
            if not self.clamped and not bool(found.done.all()):
                raise OutOfDomain(self._unclear(found.values, conditions, int(found.done.int().argmin())))
            values = foreseen | found.values
        off = self.off or {}
        return {name: values[name] + off[name] if name in off else values[name] for name in self.economy.unknowns}

    def _foreseen(self, panel: Panel) -> Wide:
        """What looks ahead, without a gradient, as households take it."""
        names = self.economy.foreseen
        if not names:
            return {}
        outlook = self.outlook or getattr(self.policy, "outlook", None)
        if outlook is None:
            raise TypeError(f"this world was made without an outlook, which says {', '.join(names)}")
        with torch.no_grad():
            said = outlook(self.before(panel))
        return {name: said[name].clamp(unknown.low, unknown.high) for name, unknown in names.items()}

    def _unclear(self, values: Wide, conditions: Callable[[Wide], Wide], economy: int) -> str:
        """What is wrong in the first economy that does not clear."""
        said = []
        for name, unknown in self.economy.cleared.items():
            ends = [
                float(conditions(values | {name: values[name].new_full(values[name].shape, end)})[name][economy])
                for end in (unknown.low, unknown.high)
            ]
            said.append(
                f"{name}: excess demand is {ends[0]:.3g} of mean income at {unknown.low:.4g} and {ends[1]:.3g} at "
                f"{unknown.high:.4g}, the ends of its range"
            )
        return f"{'; '.join(said)}; expected a price between at which the market clears"

    def seen_at(self, panel: Panel, unknowns: Wide, k: Tensor | None = None, eps: Tensor | None = None) -> Observation:
        """What the members of the panel's populations see, or households (k, eps) beside them, where the unknowns are
        these, name -> (B, 1), whether markets clear or not.
        """
        population, z = panel.population, panel.z
        k = population.k if k is None else k
        eps = population.eps if eps is None else eps
        if self.price_taking:
            population = population.detach()
        aggregates = self.economy.aggregates(population, z) | unknowns
        prices = self.economy.prices(aggregates, z)

        def seen_by(k: Tensor, eps: Tensor) -> Observation:
            return Observation(self.economy.resources(k, eps, z, prices), k, eps, z, population, aggregates, prices)

        prices |= self.economy.outcomes(lambda: seen_by(population.k, population.eps), self.policy)
        return seen_by(k, eps)

    def choose(self, seen: Observation) -> Own:
        """All that households choose who see this, by name."""
        return self.economy.complete(self.policy(seen), seen)

    def start_value(self, seen: Observation) -> Tensor:
        """What households have at the start of the period, (B, N), utils: V and what they are paid beside. They see
        what there is `before` markets clear.
        """
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
    def before(self) -> Observation:
        """What households know before markets clear."""
        return self.world.before(self.panel) if self.world.economy.unknowns else self.seen

    @cached_property
    def seen(self) -> Observation:
        return self.world.observe(self.panel)

    @property
    def found(self) -> Tensor | None:
        """What the unknowns of the economy are, (B, unknowns); None where it has none."""
        names = self.world.economy.unknowns
        return torch.cat([self.seen.aggregates[name] for name in names], 1) if names else None

    @cached_property
    def conditions(self) -> Wide:
        """What is left of the condition of each unknown, name -> (B, 1)."""
        return self.world.economy.conditions(self.choice, self.carried, self.seen)

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
