"""How users and figures speak of an aggregate state: what it is called, and what of it users may give.

The process makes the object: `ShockProcess.naming`. That of a chain is in named_states.py, that of numbers in
named_numbers.py, each beside the changes that `irf` can be asked for. Every refusal is an InputError of one line: what
was given, what was expected, how to mend it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor


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


class Change(Protocol):
    """A change of the aggregate state that is forced on one of two copies of an economy, as `irf` is asked for it.

    Attributes:
        before: the state of the period before; None: any.
        hold: how many periods are forced.
        baseline: "drawn", what the other copy does in these periods, or "forced" to do nothing.
    """

    @property
    def before(self) -> int | None: ...
    @property
    def hold(self) -> int: ...
    @property
    def baseline(self) -> str: ...

    def in_words(self, naming: Naming, period: str) -> str:
        """What a figure says of it, in an economy whose periods are called so."""
        ...

    def explained(self, naming: Naming, period: str) -> str:
        """What a report says of the response to one period of it."""
        ...


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
    def read_change(self, given, hold: int, baseline: str, unit: str | None = None) -> Change | None:
        """The change of the aggregate state that a shock is, held for so many periods; None where it is none.

        unit: that the sizes of innovations are given in.
        """


def held_for(hold: int, period: str) -> str:
    """How long a change lasts, in words; empty where it is one period."""
    return f", held for {hold} {period}s" if hold > 1 else ""
