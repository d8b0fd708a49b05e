"""An aggregate state of numbers as users speak of it: by value, and by innovations that are forced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real

import numpy as np
import torch
from torch import Tensor

from deepham.economics.naming import Held, Naming, Recorded, held_for
from deepham.economics.process import ShockProcess
from deepham.economics.quadrature import standard_normal
from deepham.errors import InputError, show
from deepham.system.arrays import numbers

UNITS = ("percent", "level")  # of innovations that are given by the name of what they move
WORST = -2.0  # standard deviations of the innovation that a recession is where there are no states
InDeviations = Callable[[np.ndarray, str, int], np.ndarray]


@dataclass(frozen=True)
class Innovation:
    """The innovations of an aggregate state that is a number are forced from period 0 on.

    path: standard deviations, one a period.
    baseline: "drawn", or "forced" to be zero in these periods.
    told: the path in words.
    name: of the number that moves. number: which of several it is.
    """

    path: tuple[float, ...]
    baseline: str
    told: str
    name: str
    number: int = 0
    before: None = None

    @property
    def hold(self) -> int:
        """How many periods are forced."""
        return len(self.path)

    def paths(
        self, chain: ShockProcess, start: Tensor, periods: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Innovations of the shocked and the baseline copy after z = start (D, d), with common draws: each (D, T,
        d)."""
        baseline = chain.draw_path(start, periods, generator)
        count, forced = len(start), baseline.new_tensor(self.path[:periods])
        spread = (torch.arange(count, device=start.device, dtype=start.dtype) + 0.5) / count
        baseline[:, 0, self.number] = standard_normal(spread)
        if self.baseline == "forced":
            baseline[:, : self.hold, self.number] = 0.0
        shocked = baseline.clone()
        shocked[:, : self.hold, self.number] = forced
        return shocked, baseline

    def in_words(self, naming: Naming, period: str) -> str:
        if len(set(self.path)) > 1:
            return f"{self.hold} innovations of {self.name}, the first of {self.told}"
        return f"an innovation of {self.name} of {self.told}{held_for(self.hold, period)}"

    def explained(self, naming: Naming, period: str) -> str:
        return (
            f"What an innovation of {self.told} does to an economy of "
            f"the middle of the ergodic set: the mean difference of two copies with the same luck, of which one has "
            f"its innovation forced in period 0 and the other draws it."
        )


class NamedNumbers(Naming):
    """Of one number or several: values, and innovations in standard deviations, percent or levels.

    numbers: the names of several; one goes by the name of the shock. in_deviations: what turns changes of a number into
    standard deviations of its innovation, `GaussianProcess.in_deviations`.
    """

    names = ("0",)  # of the one cross-section
    beside = True
    recorded = Recorded(
        "innovation",
        ("shock",),
        {"long_name": "innovation that led to this period", "units": "standard deviations"},
    )
    held = Held({"no shocks": 0}, {"no shocks": "no shocks"}, "without shocks", "", "No shocks come")

    def __init__(self, shock: str, numbers: tuple[str, ...], in_deviations: InDeviations):
        self.shock, self.d, self.in_deviations = shock, len(numbers), in_deviations
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
        values = numbers(self.shock, given)
        if self.d == 1:
            return values[..., None]
        if not values.ndim or values.shape[-1] != self.d:
            raise InputError(
                f"{self.shock}: expected {self.d} numbers, {', '.join(self.numbers)}, in the last dimension, got "
                f"{show(given)}"
            )
        return values

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
            tuple(self.in_deviations(path, unit, number).tolist()),
            baseline,
            f"{first} percent" if unit == "percent" else first,
            name,
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
        told = f"{float(path[0]):g} standard deviations"
        return Innovation(tuple(path.tolist()), baseline, told, self.numbers[number], number)

    def _sizes(self, name: str, given, hold: int) -> np.ndarray:
        """Innovations (periods,), from one that is held or a path of them."""
        sizes = numbers(name, given)
        if sizes.ndim > 1 or not sizes.size:
            raise InputError(f"{name}: expected a number, or one for each of the first periods, got {show(given)}")
        if sizes.ndim and hold > 1:
            raise InputError(f"hold: a path of innovations says itself how long, {len(sizes)}; expected hold=1")
        return sizes if sizes.ndim else np.full(hold, sizes)
