"""How users and figures speak of an aggregate state: what it is called, and what of it users may give.

An object of one of two kinds, which the process makes: `ShockProcess.naming`. Every refusal is an InputError of one
line: what was given, what was expected, how to mend it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from deepham.economics.shocks import Innovation, StateShock
from deepham.errors import InputError, show
from deepham.system.arrays import indices, numbers

if TYPE_CHECKING:
    from deepham.economics.gaussian import GaussianProcess
    from deepham.economics.markov import JointChain

UNITS = ("percent", "level")  # of innovations that are given by the name of what they move
WORST = -2.0  # standard deviations of the innovation that a recession is where there are no states


@dataclass(frozen=True)
class Held:
    """What can be held while households go on expecting shocks, and what a report says of it.

    Attributes:
        given: name -> what `risky_steady_state` is asked with.
        labels: name -> what a legend says.
        meanwhile: after a number of periods. heading: of a column of the names. sentence: what happens.
    """

    given: dict[str, str | int]
    labels: dict[str, str]
    meanwhile: str
    heading: str
    sentence: str


@dataclass(frozen=True)
class Recorded:
    """How a Dataset holds a path of shocks (B, T, d): the variable's name, its dimensions beyond those of economy and
    period, and its attributes."""

    name: str
    dimensions: tuple[str, ...]
    attributes: dict


class Naming(ABC):
    """What users call an aggregate state, and what they may give of it.

    Attributes:
        shock: its public name.
        names: of the aggregate states by which cross-sections are told apart.
        beside: whether it may stand beside a cross-section, in a mapping of both.
        series: name -> (description, unit) of the series that it is by itself; empty where there is none: a path of
        shocks says all of a chain, and several numbers are not written down.
        recorded: how a Dataset holds the shocks.
        worst: what a recession is, as `irf` takes it; None where there is none.
        change_in_words: what `irf` takes as a change of it. listed: the states, at the end of a message.
        held: what can be held.
    """

    shock: str
    names: tuple[str, ...]
    beside: bool
    series: dict[str, tuple[str, str]]
    recorded: Recorded
    worst: str | dict | None
    change_in_words: str
    listed: str
    held: Held

    @abstractmethod
    def labels(self, z: Tensor) -> list[tuple[str, int | float | list[float]]]:
        """Aggregate states (n, d) as figures name them, and as users give them."""

    @abstractmethod
    def where(self, cell: int) -> str:
        """In which cross-section of those told apart, at the end of a sentence; empty where there is one."""

    @abstractmethod
    def read(self, given) -> np.ndarray:
        """Aggregate states (..., d), of any leading shape: indices where they are given by index or name, or
        numbers."""

    @abstractmethod
    def read_held(self, given) -> int | float:
        """The shock that is held: one state's index; where z is a number the innovation, zero."""

    @abstractmethod
    def read_path(self, given, economies: int, periods: int, device) -> Tensor:
        """Shocks (B, T, 1) from a path (T,) that all economies share, or one path for each, (B, T): states, or
        innovations in standard deviations where z is a number."""

    @abstractmethod
    def read_before(self, given) -> int | None:
        """The state of the period before a shock, by name; None for "any"."""

    @abstractmethod
    def read_change(self, given, hold: int, baseline: str, unit: str | None = None) -> StateShock | Innovation | None:
        """The change of the aggregate state that a shock is, held for so many periods; None where it is none.

        unit: that the sizes of innovations are given in.
        """


class NamedStates(Naming):
    """Of a finite chain: states by index or by name."""

    beside = False
    series: dict[str, tuple[str, str]] = {}

    def __init__(self, chain: JointChain, shock: str, names: tuple[str, ...]):
        self.chain, self.shock, self.names = chain, shock, names
        self.recorded = Recorded(shock, (), {"long_name": "aggregate state", "units": "index"} | flags(names))
        recession = f"{names[-1]}->{names[0]}"
        self.worst = recession if len(names) > 1 else None
        self.change_in_words = f"a change of state such as '{recession}'"
        self.listed = f"; the states are {', '.join(names)}"
        self.held = Held(
            {name: name for name in names},
            {name: f"{shock} {name} held" for name in names},
            "with the state held",
            "z held",
            "The aggregate state is held",
        )

    def labels(self, z: Tensor) -> list[tuple[str, int | float | list[float]]]:
        return [(f"{self.shock} {self.names[int(one)]}", int(one)) for one in z]

    def where(self, cell: int) -> str:
        return f" where {self.shock} is {self.names[cell]}"

    def read(self, given) -> np.ndarray:
        return indices(self.shock, given, self.names)[..., None]

    def read_held(self, given) -> int:
        index = self.read(given)[..., 0]
        if index.ndim:
            raise InputError(f"{self.shock}: expected one state, got {show(given)}")
        return int(index)

    def read_path(self, given, economies: int, periods: int, device) -> Tensor:
        path = indices("shocks", given, self.names)
        if path.shape not in ((periods,), (economies, periods)):
            raise InputError(
                f"shocks: expected one state a period, shape ({periods},) or ({economies}, {periods}) for "
                f"economies={economies} and periods={periods}, got {path.shape}"
            )
        z = torch.tensor(np.broadcast_to(path, (economies, periods)), device=device)
        impossible = self.chain.aggregate[z[:, :-1], z[:, 1:]] == 0
        if bool(impossible.any()):
            period = int(impossible.any(0).nonzero()[0, 0])
            raise InputError(
                f"shocks: the step from period {period} to {period + 1} has probability zero in the chain of "
                f"{self.shock}; expected a path that can happen"
            )
        return z[..., None]

    def read_before(self, given) -> int | None:
        return None if isinstance(given, str) and given == "any" else self._index(given, ", any")

    def read_change(self, given, hold: int, baseline: str, unit: str | None = None) -> StateShock | None:
        if unit is not None:
            raise InputError(f"unit: {self.shock} has states, and a change of them has no size; got {show(unit)}")
        if not isinstance(given, str) or given.count("->") != 1:
            return None
        before, to = (part.strip() for part in given.split("->"))
        return StateShock(self.read_before(before), self._index(to), hold, baseline)

    def _index(self, name, also: str = "") -> int:
        if not isinstance(name, str) or name not in self.names:
            raise InputError(
                f"shock: there is no state {show(name)} of {self.shock}; there is {', '.join(self.names)}{also}"
            )
        return self.names.index(name)


class NamedNumbers(Naming):
    """Of one number or several: values, and innovations in standard deviations, percent or levels.

    numbers: the names of several; one goes by the name of the shock.
    """

    names = ("0",)  # of the one cross-section
    beside = True
    recorded = Recorded(
        "innovation",
        ("shock",),
        {"long_name": "innovation that led to this period", "units": "standard deviations"},
    )
    held = Held({"no shocks": 0}, {"no shocks": "no shocks"}, "without shocks", "", "No shocks come")

    def __init__(self, process: GaussianProcess, shock: str, numbers: tuple[str, ...]):
        self.process, self.d, self.shock = process, process.draws, shock
        one = self.d == 1
        self.numbers = (shock,) if one else numbers
        self.series = {shock: ("aggregate state", "number")} if one else {}
        self.worst = {"innovation": WORST if one else {numbers[0]: WORST}}
        self.change_in_words = (
            f"an innovation in standard deviations such as {self.worst}, or with unit='percent' or unit='level' "
            f"{{{self.numbers[0]!r}: 1.0}}"
        )
        self.listed = "" if one else f"; the numbers are {', '.join(numbers)}"

    def labels(self, z: Tensor) -> list[tuple[str, int | float | list[float]]]:
        return [
            (f"{self.shock} {', '.join(f'{x:.3g}' for x in one)}", one if self.d > 1 else one[0]) for one in z.tolist()
        ]

    def where(self, cell: int) -> str:
        return ""

    def read(self, given) -> np.ndarray:
        states = numbers(self.shock, given)
        if self.d == 1:
            return states[..., None]
        if not states.ndim or states.shape[-1] != self.d:
            raise InputError(
                f"{self.shock}: expected {self.d} numbers, {', '.join(self.numbers)}, in the last dimension, got "
                f"{show(given)}"
            )
        return states

    def read_held(self, given) -> float:
        if isinstance(given, bool) or not isinstance(given, Real) or given != 0:
            raise InputError(
                f"{self.shock}: it moves continuously, and its innovation is held at 0; expected 0, got {show(given)}"
            )
        return 0.0

    def read_path(self, given, economies: int, periods: int, device) -> Tensor:
        if self.d > 1:
            raise InputError(
                f"shocks: a path is read of an aggregate state that is one number, and {self.shock} is {self.d} "
                "numbers; leave it out, and they are drawn"
            )
        path = numbers("shocks", given)
        if path.shape not in ((periods,), (economies, periods)):
            raise InputError(
                f"shocks: expected one innovation a period, shape ({periods},) or ({economies}, {periods}) for "
                f"economies={economies} and periods={periods}, got {path.shape}"
            )
        return torch.tensor(np.broadcast_to(path, (economies, periods)), device=device)[..., None]

    def read_before(self, given) -> None:
        if not isinstance(given, str) or given != "any":
            raise InputError(
                f"shock: {self.shock} is a number, and no state of it comes before; expected any, got {show(given)}"
            )

    def read_change(self, given, hold: int, baseline: str, unit: str | None = None) -> Innovation | None:
        if not isinstance(given, Mapping) or len(given) != 1 or not set(given) <= {"innovation", *self.numbers}:
            return None
        ((name, sizes),) = given.items()
        if name == "innovation":
            if unit is not None:
                raise InputError(
                    f"unit: an innovation is in standard deviations; expected {{{self.numbers[0]!r}: ...}} for one in "
                    f"{show(unit)}"
                )
            return self._in_deviations(sizes, hold, baseline)
        path, number = self._sizes(f"shock[{name!r}]", sizes, hold), self.numbers.index(name)
        first = f"{float(path[0]):g}"
        if unit not in UNITS:
            deviations = "..." if self.d == 1 else f"{{{name!r}: ...}}"
            raise InputError(
                f"unit: expected {' or '.join(map(repr, UNITS))} for the innovation of {name}, got {show(unit)}; "
                f"in standard deviations it is {{'innovation': {deviations}}}"
            )
        return Innovation(
            tuple(self.process.in_deviations(path, unit, number).tolist()),
            baseline,
            f"{first} percent" if unit == "percent" else first,
            number,
        )

    def _in_deviations(self, given, hold: int, baseline: str) -> Innovation:
        """Innovations in standard deviations: of one number as they are, of several by name."""
        number, name = 0, "shock['innovation']"
        if self.d > 1:
            if not isinstance(given, Mapping) or len(given) != 1 or not set(given) <= set(self.numbers):
                raise InputError(
                    f"{name}: expected one of {', '.join(self.numbers)} and its standard deviations, such as "
                    f"{self.worst}, got {show(given)}"
                )
            ((of, given),) = given.items()
            number, name = self.numbers.index(of), f"{name}[{of!r}]"
        path = self._sizes(name, given, hold)
        return Innovation(tuple(path.tolist()), baseline, f"{float(path[0]):g} standard deviations", number)

    def _sizes(self, name: str, given, hold: int) -> np.ndarray:
        """Innovations (periods,), from one that is held or a path of them."""
        sizes = numbers(name, given)
        if sizes.ndim > 1 or not sizes.size:
            raise InputError(f"{name}: expected a number, or one for each of the first periods, got {show(given)}")
        if sizes.ndim and hold > 1:
            raise InputError(f"hold: a path of innovations says itself how long, {len(sizes)}; expected hold=1")
        return sizes if sizes.ndim else np.full(hold, sizes)


def flags(names: tuple[str, ...]) -> dict[str, object]:
    """Names of the states of a discrete variable, by the convention for coded values in netCDF files."""
    meanings = " ".join(name.replace(" ", "_") for name in names)
    return {"flag_values": list(range(len(names))), "flag_meanings": meanings}
