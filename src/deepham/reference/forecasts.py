"""What households forecast: laws of motion of the aggregate that is tracked, each a few coefficients, which are stored
and said in words.

A line of logarithms for each state of a chain (Krusell and Smith, 1998), or a polynomial where the aggregate state is a
number; of a price that clears a polynomial of that number alone (Krusell and Smith, 1997).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from deepham.economics.economy import Economy

Alignment = Literal["left", "right"]


class LawInWords(NamedTuple):
    """A law of motion as a table: lines above it, its title, heading -> alignment of each column, and rows."""

    above: tuple[str, ...]
    title: str | None
    columns: Mapping[str, Alignment]
    rows: list[tuple[str, ...]]


@dataclass(frozen=True)
class LawOfMotion:
    """log K' = intercept[z] + slope[z] log K. Both (n_z,).

    Under a planner also what assets are paid, D = premium_intercept[z] + premium_slope[z] log K, utils a unit
    (economics/planner.py). Of each of U unknowns that are found within the period beside K, log x = beside[., 0, z] +
    beside[., 1, z] log K, in the economy's order: (U, 2, n_z).
    """

    intercept: Tensor
    slope: Tensor
    premium_intercept: Tensor | None = None
    premium_slope: Tensor | None = None
    beside: Tensor | None = None

    def __call__(self, K: Tensor, z: Tensor) -> Tensor:
        """Next period's capital; K and z of one shape."""
        return torch.exp(self.intercept[z] + self.slope[z] * K.log())

    def following(self, K: Tensor, z: Tensor, z_next: Tensor) -> Tensor:
        """Next period's capital where z_next comes, in the shape of z_next; K and z broadcast against it."""
        return self(K, z).expand_as(z_next)

    def outcomes(self, K: Tensor, z: Tensor) -> dict[str, Tensor]:
        """What households forecast beside K', as `Economy.outcomes`: a planner's D; K and z of one shape."""
        if self.premium_intercept is None or self.premium_slope is None:
            return {}
        return {"D": self.premium_intercept[z] + self.premium_slope[z] * K.log()}

    def found(self, economy: Economy, K: Tensor, z: Tensor) -> dict[str, Tensor]:
        """What households forecast of the unknowns of a period; K and z of one shape."""
        if self.beside is None:
            return {}
        return {
            name: torch.exp(line[0][z] + line[1][z] * K.log())
            for name, line in zip(beside_of(economy), self.beside, strict=True)
        }

    def tensors(self) -> dict[str, Tensor]:
        """The laws of K and of unknowns as they are stored."""
        found = {"law.intercept": self.intercept, "law.slope": self.slope}
        return found if self.beside is None else found | {"law.beside": self.beside}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> LawOfMotion:
        """The other way round. Raises KeyError."""
        return cls(tensors["law.intercept"], tensors["law.slope"], beside=tensors.get("law.beside"))

    def in_words(self, economy: Economy, r_squared: Tensor) -> LawInWords:
        """The lines, with the R2 (n_z,) of each."""
        lines = () if self.beside is None else self.beside
        above = tuple(
            f"log {name} = {line[0][index]:.6f} {line[1][index]:+.6f} log K in state {state}"
            for name, line in zip(beside_of(economy), lines)
            for index, state in enumerate(economy.naming.names)
        )
        rows = [
            (name, f"{a:.6f}", f"{b:.6f}", f"{fit:.7f}")
            for name, a, b, fit in zip(
                economy.naming.names, self.intercept.tolist(), self.slope.tolist(), r_squared.tolist()
            )
        ]
        columns: dict[str, Alignment] = dict.fromkeys(("z", "a", "b", "R2"), "left")
        return LawInWords(above, "Law of motion  log K' = a + b log K", columns, rows)


@dataclass(frozen=True)
class PolynomialLaw:
    """log K' = log K + a polynomial of x = log K - centre[0] and y = z - centre[1]: where z is a number.

    Attributes:
        coefficients: (terms,) of x^i y^j with i + j up to the order, as `monomials` has them.
        centre: (2,) of log K and z.
    """

    coefficients: Tensor
    centre: Tensor

    @property
    def order(self) -> int:
        """The largest i + j."""
        return math.isqrt(2 * len(self.coefficients)) - 1

    def __call__(self, K: Tensor, z: Tensor) -> Tensor:
        """Next period's mean assets; K and z of one shape."""
        return K * torch.exp(monomials(K, z, self.centre, self.order) @ self.coefficients)

    def following(self, K: Tensor, z: Tensor, z_next: Tensor) -> Tensor:
        """Next period's mean assets where z_next comes, in the shape of z_next; K and z broadcast against it."""
        return self(K, z).expand_as(z_next)

    def outcomes(self, K: Tensor, z: Tensor) -> dict[str, Tensor]:
        """Nothing: no planner's problem is solved where z is a number."""
        return {}

    def found(self, economy: Economy, K: Tensor, z: Tensor) -> dict[str, Tensor]:
        """Nothing: where z is a number no other price is found."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """The law as it is stored."""
        return {"law.coefficients": self.coefficients, "law.centre": self.centre}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> PolynomialLaw:
        """The other way round. Raises KeyError."""
        return cls(tensors["law.coefficients"], tensors["law.centre"])

    def in_words(self, economy: Economy, r_squared: Tensor) -> LawInWords:
        """The terms, with the R2 (1,) of all."""
        K, z = economy.tracked, economy.aggregate_shock
        level, state = float(self.centre[0].exp()), float(self.centre[1])
        title = f"Law of motion  log {K}'/{K}, a polynomial of x = log {K}/{level:.4g} and y = {z} - {state:.4g}, R2"
        rows = [
            (
                " ".join(f"{name}^{power}" for name, power in (("x", i), ("y", j)) if power) or "1",
                f"{coefficient:.6g}",
            )
            for (i, j), coefficient in zip(powers(self.order), self.coefficients.tolist())
        ]
        columns: dict[str, Alignment] = {"term": "left", "coefficient": "right"}
        return LawInWords((f"{title} {float(r_squared):.6f}",), None, columns, rows)


@dataclass(frozen=True)
class PriceLaw:
    """The price that clears, forecast from z and today's price (Krusell and Smith, 1997), where z is a number:

        log q' = a polynomial of y' + b y + c x,   y = z - centre[0],   x = log q - centre[1].

    Today's price beside today's z tells what of the distribution of wealth moves prices.

    Attributes:
        coefficients: (order + 3,) of 1, y', y'^2, ..., and of y and x, last.
        average: (order + 1,) of 1, y, y^2, ... in the mean of log q in state z, whatever it was before.
        centre: (2,) of z and log q.
    """

    coefficients: Tensor
    average: Tensor
    centre: Tensor

    def __call__(self, K: Tensor, z: Tensor) -> Tensor:
        """The mean price in state z, whatever it is asked beside."""
        return torch.exp(self.terms(z) @ self.average)

    def terms(self, z: Tensor) -> Tensor:
        """1, y, y^2, ... of states z (...), (..., order + 1)."""
        return (z - self.centre[0])[..., None] ** torch.arange(len(self.average))

    def following(self, K: Tensor, z: Tensor, z_next: Tensor) -> Tensor:
        """Next period's price where z_next comes, in the shape of z_next; today's price K and z broadcast against
        it."""
        *_, b, c = self.coefficients
        today = b * (z - self.centre[0]) + c * (K.log() - self.centre[1])
        return torch.exp(self.terms(z_next) @ self.coefficients[:-2] + today)

    def outcomes(self, K: Tensor, z: Tensor) -> dict[str, Tensor]:
        """Nothing beside it."""
        return {}

    def found(self, economy: Economy, K: Tensor, z: Tensor) -> dict[str, Tensor]:
        """Nothing beside it: the price is what is tracked."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """The law as it is stored."""
        return {"law.coefficients": self.coefficients, "law.average": self.average, "law.centre": self.centre}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> PriceLaw:
        """The other way round. Raises KeyError."""
        return cls(tensors["law.coefficients"], tensors["law.average"], tensors["law.centre"])

    def in_words(self, economy: Economy, r_squared: Tensor) -> LawInWords:
        """The terms, with the R2 (1,) of all."""
        q, z = economy.tracked, economy.aggregate_shock
        state, level = float(self.centre[0]), float(self.centre[1].exp())
        title = f"Law of the price  log {q}', of y' and y, {z}' and {z} less {state:.4g}, and x = log {q}/{level:.4g}"
        names = [*(f"y'^{i}" if i else "1" for i in range(len(self.average))), "y", "x"]
        rows = [(name, f"{x:.6g}") for name, x in zip(names, self.coefficients.tolist(), strict=True)]
        return LawInWords(
            (f"{title}, R2 {float(r_squared):.6f}",), None, {"term": "left", "coefficient": "right"}, rows
        )


def powers(order: int) -> list[tuple[int, int]]:
    """(i, j) of the terms of a `PolynomialLaw`, so that those of a lower order come first."""
    return [(i, total - i) for total in range(order + 1) for i in range(total, -1, -1)]


def monomials(K: Tensor, z: Tensor, centre: Tensor, order: int) -> Tensor:
    """x^i y^j with i + j up to the order, (..., terms), of `PolynomialLaw`; K and z (...)."""
    x, y = K.log() - centre[0], z - centre[1]
    return torch.stack([x**i * y**j for i, j in powers(order)], -1)


def beside_of(economy: Economy) -> list[str]:
    """The unknowns of a period beside what is tracked."""
    return [name for name in economy.unknowns if name != economy.tracked]
