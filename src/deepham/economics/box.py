"""A box of calibrations: parameters of an economy that vary, each between two bounds.

One training can learn an economy at every calibration of a box; the networks then see where in the box they are.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from itertools import product
from typing import Any, get_type_hints

from deepham.economics.economy import Economy
from deepham.economics.parameters import plain
from deepham.errors import InputError, require, show

MOST = 8  # parameters at once


@dataclass(frozen=True)
class Side:
    """A number that varies: of the parameter `name`, in a list at the indices `place`, from low to high."""

    name: str
    place: tuple[int, ...]
    low: float
    high: float

    @property
    def label(self) -> str:
        return self.name + "".join(f"[{index}]" for index in self.place)

    def of(self, parameters: Mapping[str, Any]) -> float:
        """What it is in a calibration."""
        value = parameters[self.name]
        for index in self.place:
            value = value[index]
        return value

    def put(self, parameters: dict[str, Any], number: float) -> None:
        """Make it so in a calibration."""
        if not self.place:
            parameters[self.name] = number
            return
        *before, last = self.place
        row = parameters[self.name]
        for index in before:
            row = row[index]
        row[last] = number


class Box:
    """Calibrations of one economy.

    Args:
        vary: parameter -> [low, high]; of a list one pair for each of its numbers, null for those that stay.
        economy: whose calibration lies in the box, and says what does not vary.

    Attributes:
        vary: the same as plain numbers. sides: the numbers that vary, P of them.

    Raises:
        InputError: one line on what can be no box of this economy.
    """

    def __init__(self, vary: Mapping[str, Any], economy: Economy):
        kind = type(economy)
        require(isinstance(vary, Mapping), f"vary: expected parameters with their bounds, got {show(vary)}")
        kinds, own = get_type_hints(kind), economy.parameters()
        known = [each.name for each in fields(kind)]
        self.sides: list[Side] = []
        for name, bounds in vary.items():
            if name not in known:
                close = get_close_matches(str(name), known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"there is {', '.join(known)}"
                raise InputError(f"vary.{name}: there is no such parameter; {hint}")
            require(
                kinds[name] is not int and kinds[name] is not str,
                f"vary.{name}: expected a parameter that is a real number, got one that is "
                f"{'a whole number' if kinds[name] is int else 'a text'}, {own[name]!r}",
            )
            self.sides += _sides(name, (), bounds, own[name])
        require(1 <= len(self.sides) <= MOST, f"vary: expected one to {MOST} numbers that vary, got {len(self.sides)}")
        self.vary = {name: as_plain(bounds) for name, bounds in vary.items()}
        self._own, self._kind = own, kind
        for side in self._outside(own):
            raise InputError(
                f"vary.{side.label}: the model's own calibration has {side.of(own):.6g}, outside of the box {self}; "
                f"give the model one inside, or move the bounds"
            )

    def __str__(self) -> str:
        return ", ".join(f"{side.label} from {side.low:g} to {side.high:g}" for side in self.sides)

    def _outside(self, parameters: Mapping[str, Any]) -> Iterator[Side]:
        """The sides between whose bounds a calibration is not."""
        return (side for side in self.sides if not side.low <= side.of(parameters) <= side.high)

    def moved(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The box's own calibration with these parameters changed.

        Raises:
            InputError: a parameter that does not vary, or a value outside of the box.
        """
        names = list(dict.fromkeys(side.name for side in self.sides))
        for name in changes:
            require(name in names, f"{name}: does not vary in this solution; the box is {self}")
        found = copy.deepcopy(self._own) | {name: plain(value) for name, value in changes.items()}
        for name, value in changes.items():
            require(
                _shape(found[name]) == _shape(self._own[name]),
                f"{name}: expected numbers as in the model's own {show(self._own[name])}, got {show(value)}",
            )
        for side in self._outside(found):
            raise InputError(f"{side.label}: {side.of(found):.6g} is outside of the box, {self}")
        fixed = copy.deepcopy(found)
        for side in self.sides:
            side.put(fixed, side.of(self._own))
        for name in changes:
            require(
                fixed[name] == self._own[name],
                f"{name}: expected {show(self._own[name])} but for what varies, {self}, got {show(found[name])}",
            )
        return found

    def at(self, unit) -> dict[str, Any]:
        """The calibration at a point of the unit cube, P numbers from 0 to 1."""
        found = copy.deepcopy(self._own)
        for side, share in zip(self.sides, unit, strict=True):
            side.put(found, side.low + float(share) * (side.high - side.low))
        return found

    def scaled(self, parameters: Mapping[str, Any]) -> tuple[float, ...]:
        """Where a calibration is, as networks see it: P numbers, -1 at the lower bounds and 1 at the upper ones."""
        return tuple(2 * (side.of(parameters) - side.low) / (side.high - side.low) - 1 for side in self.sides)

    def create(self, parameters: Mapping[str, Any]) -> Economy:
        """The economy of this calibration, in float64 on the CPU. Raises InputError where there can be none."""
        try:
            return self._kind(**parameters)
        except InputError as error:
            at = ", ".join(f"{side.label}={side.of(parameters):.6g}" for side in self.sides)
            raise InputError(f"vary: in the box there is no economy at {at} ({error})") from error

    def corners(self) -> Iterator[Economy]:
        """The economies at the corners of the box.

        Raises:
            InputError: there is none at a corner, or it has another number of states.
        """
        own = self.create(self._own).chain
        for corner in product((0.0, 1.0), repeat=len(self.sides)):
            economy = self.create(self.at(corner))
            states = economy.chain.n_z, economy.chain.n_eps
            require(
                states == (own.n_z, own.n_eps),
                f"vary: expected as many states at every calibration, {own.n_z} of z and {own.n_eps} of eps, got "
                f"{states[0]} and {states[1]} at a corner of the box {self}",
            )
            yield economy


def _shape(value: Any) -> Any:
    """The same with its numbers left out."""
    return [_shape(each) for each in value] if isinstance(value, list) else value is None


def _sides(name: str, place: tuple[int, ...], bounds: Any, own: Any) -> Iterator[Side]:
    """What varies of a parameter, or of a part of it, that is `own` in the model's calibration."""
    label = f"vary.{name}" + "".join(f"[{index}]" for index in place)
    if bounds is None and place:
        return
    if isinstance(own, list):
        given = list(bounds) if isinstance(bounds, list | tuple) else None
        require(
            given is not None and len(given) == len(own),
            f"{label}: expected a pair of bounds, or null, for each of {show(own)}, got {show(bounds)}",
        )
        for index, (each, one) in enumerate(zip(given or (), own)):
            yield from _sides(name, (*place, index), each, one)
        return
    pair = plain(bounds)
    require(
        isinstance(pair, list) and len(pair) == 2 and not any(isinstance(number, list) for number in pair),
        f"{label}: expected two numbers, [low, high], got {show(bounds)}",
    )
    assert isinstance(pair, list)
    low, high = pair
    require(low < high, f"{label}: expected the lower bound first, [low, high], got [{low:g}, {high:g}]")
    yield Side(name, place, low, high)


def as_plain(bounds: Any) -> Any:
    """Bounds as plain numbers in lists, None where nothing varies; what are no numbers as it is."""
    if bounds is None:
        return None
    found = plain(bounds)
    if found is None and isinstance(bounds, list | tuple):
        return [as_plain(each) for each in bounds]
    return bounds if found is None else found
