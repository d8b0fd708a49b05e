"""The two kinds of economy that the grid method solves: by what their aggregate state is.

One of a few states, each with its own law of motion, a line; or one number, which has nodes, with one polynomial. What
differs between them is here, and in the functions among which the law is sought (`laws`); which of the two an economy
is, is asked once, in `family_of`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from deepham.economics.economy import Economy, require
from deepham.errors import NotConverged
from deepham.reference.forecasts import LawOfMotion, PolynomialLaw, PriceLaw, beside_of
from deepham.reference.grid import Grid
from deepham.reference.household import aggregates_at, wide_at
from deepham.reference.laws import LinesByState, Polynomials, PricePolynomials
from deepham.reference.settings import MOST_ORDER, ReferenceSettings
from deepham.simulation.population import Population

FIRST_ORDER = 2  # of a polynomial law: a plane says too little to start from

Law = LawOfMotion | PolynomialLaw | PriceLaw


@dataclass(frozen=True)
class Family(ABC):
    """What the grid method asks of an economy of one kind.

    Attributes:
        saves_at_steady_state: whether households are known to hold at least the mean assets of the deterministic steady
            state if these were capital: at beta R = 1 they save without end.
        law: class of the laws of motion.
        z_tensors: names of the nodes of z among the tensors of a file.
    """

    economy: Economy
    saves_at_steady_state: ClassVar[bool]
    law: ClassVar[type[Law]]
    z_tensors: ClassVar[tuple[str, ...]]

    @abstractmethod
    def fault(self) -> str | None:
        """Why the economy is none that the grid method solves; None where it is."""

    def unset(self, settings: ReferenceSettings) -> str | None:
        """Which of the settings that the kind takes has no value; None where all have."""
        return None

    @abstractmethod
    def nodes(self, settings: ReferenceSettings) -> tuple[Tensor, Tensor | None]:
        """Nodes of mean assets (J,), and of z where it is a number. Raises InputError for settings that miss."""

    @abstractmethod
    def laws(self, grid: Grid, settings: ReferenceSettings, near: bool) -> LinesByState | Polynomials:
        """The functions in which the law of motion is sought on the grid. near: whether another law is known nearby."""

    @abstractmethod
    def resting(self, K: float) -> Tensor:
        """The aggregate state that stays as it is beside K and without shocks, (1, 1). Raises NotConverged."""

    @abstractmethod
    def nodes_at_rest(self, K: float, width: Tensor) -> Tensor | None:
        """Nodes of z around the one that rests beside K, where it is a number. width: distances, relative."""

    @abstractmethod
    def law_at_rest(self, K: float) -> Law:
        """K' = K whatever today's capital; where z is a number, and moves slowly, that of today."""

    @abstractmethod
    def shapes(self, tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
        """Shapes of the stored law, and of what is stored of z. Raises KeyError, and ValueError for tensors of which
        none are right."""


class OfStates(Family):
    """The aggregate state is one of a few."""

    saves_at_steady_state = True
    law = LawOfMotion
    z_tensors = ()

    def fault(self) -> str | None:
        names, tracked = set(self.economy.typical_aggregates()), self.economy.tracked
        if names - set(beside_of(self.economy)) != {tracked}:
            return (
                f"the grid method solves economies whose prices depend on {tracked} alone, this one has the aggregates "
                f"{', '.join(sorted(names))}"
            )
        if self.economy.chain.constant and beside_of(self.economy):
            return (
                f"without aggregate risk the grid method finds {tracked} alone, here there is "
                f"{', '.join(beside_of(self.economy))}, too"
            )
        return None

    def nodes(self, settings: ReferenceSettings) -> tuple[Tensor, None]:
        width = torch.linspace(-1, 1, settings.K_nodes, dtype=torch.float64) * settings.K_width
        return self.economy.typical_aggregates()[self.economy.tracked] * torch.exp(width), None

    def laws(self, grid: Grid, settings: ReferenceSettings, near: bool) -> LinesByState:
        return LinesByState(self.economy)

    def resting(self, K: float) -> Tensor:
        return self.economy.chain.typical_z()

    def nodes_at_rest(self, K: float, width: Tensor) -> None:
        return None

    def law_at_rest(self, K: float) -> LawOfMotion:
        return LawOfMotion(torch.tensor([K], dtype=torch.float64).log(), torch.zeros(1, dtype=torch.float64))

    def shapes(self, tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
        n_z, unknowns = self.economy.chain.n_z, len(beside_of(self.economy))
        beside = {"law.beside": (unknowns, 2, n_z)} if unknowns else {}
        return {"law.intercept": (n_z,), "law.slope": (n_z,)} | beside


class OfANumber(Family):
    """The aggregate state is a number."""

    saves_at_steady_state = False
    law = PolynomialLaw
    z_tensors = ("grid.z",)

    def fault(self) -> str | None:
        economy = self.economy
        if economy.chain.draws > 1:
            return (
                "the grid method solves economies whose aggregate state is a finite chain or one number, this one's, "
                f"{economy.aggregate_shock}, is {economy.chain.draws} numbers"
            )
        if not economy.unknowns.keys() <= {economy.tracked}:
            return f"the grid method finds one price within the period, here there are {', '.join(economy.unknowns)}"
        if economy.pays:
            return "the grid method has a planner for a finite chain only"
        if not _from_the_mean(economy):
            return (
                "the grid method solves economies whose aggregates follow from mean assets and z, this one's depend on "
                "more"
            )
        return None

    def unset(self, settings: ReferenceSettings) -> str | None:
        for name in ("z_nodes", "box", "order"):
            if getattr(settings, name) is None:
                return (
                    f"reference.{name}: expected a value, as the aggregate state of the economy, "
                    f"{self.economy.aggregate_shock}, is a number; see conf/reference/standard.yaml"
                )
        return None

    def nodes(self, settings: ReferenceSettings) -> tuple[Tensor, Tensor]:
        missing = self.unset(settings)
        require(missing is None, str(missing))
        assert settings.box is not None and settings.z_nodes is not None
        (low, high), ends = settings.box
        K = torch.linspace(math.log(low), math.log(high), settings.K_nodes, dtype=torch.float64).exp()
        return K, torch.linspace(ends[0], ends[1], settings.z_nodes, dtype=torch.float64)

    def laws(self, grid: Grid, settings: ReferenceSettings, near: bool) -> Polynomials:
        assert settings.order is not None
        return Polynomials(grid, settings.order if near else min(FIRST_ORDER, settings.order), settings.order)

    def resting(self, K: float) -> Tensor:
        from scipy.optimize import newton  # slow to import, and few commands solve

        z, chain = self.economy.chain.typical_z(), self.economy.chain
        mean = torch.tensor([[K]], dtype=torch.float64)

        def moves(number: float) -> float:
            at = torch.full_like(z, number)
            return float(chain.follow(at, torch.zeros_like(z), wide_at(self.economy, mean, at)) - at)

        rest, fault = z, None
        try:
            rest = torch.full_like(z, newton(moves, float(z), tol=1e-13))
        except RuntimeError:  # newton's own word for it
            fault = "it rests nowhere"
        if fault is None:
            fault = self.economy.fault(rest, aggregates_at(self.economy, mean, rest))
            # where nothing is left of what typically is something
            if float(z) and abs(float(rest)) < 1e-8 * abs(float(z)):
                fault = f"it dies out, {float(rest):.3g}"
        if fault is not None:
            raise NotConverged(
                f"reference: {self.economy.aggregate_shock} beside {self.economy.tracked} = {K:.4g}: {fault}; "
                "expected a calibration with a rest"
            )
        return rest

    def nodes_at_rest(self, K: float, width: Tensor) -> Tensor:
        rest = self.resting(K)[0]
        return rest + width * (rest.abs() if float(rest) else 1.0)

    def law_at_rest(self, K: float) -> PolynomialLaw:
        centre = torch.tensor([math.log(K), float(self.resting(K))], dtype=torch.float64)
        return PolynomialLaw(torch.zeros(3, dtype=torch.float64), centre)

    def shapes(self, tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
        terms = tensors["law.coefficients"].numel()
        if terms not in [(order + 1) * (order + 2) // 2 for order in range(1, MOST_ORDER + 1)]:
            raise ValueError("expected the terms of a polynomial")
        return {
            "law.coefficients": (terms,),
            "law.centre": (2,),
            "grid.z": (tensors["grid.z"].numel(),),
            "z": (1, 1),
        }


class OfAPrice(OfANumber):
    """The aggregate state is a number, and what is forecast is a price that clears a market."""

    law = PriceLaw

    def laws(self, grid: Grid, settings: ReferenceSettings, near: bool) -> PricePolynomials:
        assert settings.order is not None
        order = settings.order if near else min(FIRST_ORDER, settings.order)
        return PricePolynomials(self.economy, grid, order, settings.order)

    def shapes(self, tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
        terms = tensors["law.average"].numel()
        if not 2 <= terms <= MOST_ORDER + 1:
            raise ValueError("expected the terms of a polynomial")
        return {
            "law.coefficients": (terms + 2,),
            "law.average": (terms,),
            "law.centre": (2,),
            "grid.z": (tensors["grid.z"].numel(),),
            "z": (1, 1),
        }


def family_of(economy: Economy) -> Family:
    """Of which kind the economy is: whether its aggregate states can be listed, else whether a price is forecast."""
    if economy.chain.every_z() is not None:
        return OfStates(economy)
    return OfAPrice(economy) if economy.tracked in economy.unknowns else OfANumber(economy)


def _from_the_mean(economy: Economy) -> bool:
    """Whether households of unequal assets and incomes bring about the aggregates of as many equal ones."""
    z, mean = economy.chain.typical_z(), economy.scale
    eps = torch.arange(economy.chain.n_eps, device=z.device).repeat(2)[None]
    k = economy.table([0.5 * mean, 1.5 * mean]).repeat_interleave(economy.chain.n_eps)[None]
    unequal = economy.aggregates(Population.panel(k, eps), z)
    equal = aggregates_at(economy, economy.table([[mean]]), z)
    return all(torch.allclose(unequal[name], equal[name], rtol=1e-9) for name in unequal)
