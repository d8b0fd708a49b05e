"""Parameters of an economy: what each means, the range that it lies in, and plain numbers of whatever is given."""

from __future__ import annotations

import copy
import math
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from numbers import Real
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
from torch import Tensor

from deepham.errors import InputError, require, show

ENDS = ("neither", "low", "high", "both")


def parameter(
    meaning: str,
    unit: str = "-",
    *,
    low: float | None = None,
    high: float | None = None,
    closed: str = "neither",
    by: str = "",
    default: Any = MISSING,
) -> Any:
    """A field of an economy's dataclass, such as `beta: float = parameter("discount factor", low=0, high=1)`.

    Args:
        meaning, unit: what a table of the calibration says about it.
        low, high: the range of the number, or of each number of a list; None: there is no bound.
        closed: which of the bounds belong to the range: neither, low, high, or both.
        by: the name of a shock, of a list that has a number for each of its states: all such lists are equally long.
        default: its value where none is given.
    """
    require(closed in ENDS, f"closed: expected {', '.join(ENDS)}, got {show(closed)}")
    about = {
        "meaning": meaning,
        "unit": unit,
        "by": by,
        "range": Range(low, high, closed in ("low", "both"), closed in ("high", "both")),
    }
    if default is MISSING:
        return field(kw_only=True, metadata=about)
    return field(kw_only=True, metadata=about, default_factory=lambda: copy.deepcopy(default))


@dataclass(frozen=True)
class Range:
    """Bounds of a number, None where there is none, and whether each belongs to the range."""

    low: float | None
    high: float | None
    with_low: bool
    with_high: bool

    def has(self, value: float) -> bool:
        above = self.low is None or value > self.low or self.with_low and value == self.low
        below = self.high is None or value < self.high or self.with_high and value == self.high
        return above and below

    def in_words(self, number: str) -> str:
        """What is expected of a number, or of numbers."""
        low, high = self.low, self.high
        if low is not None and high is not None:
            return f"{number} in {'[' if self.with_low else '('}{low:g}, {high:g}{']' if self.with_high else ')'}"
        if low == 0:
            return f"{number} of at least 0" if self.with_low else number.replace("number", "positive number")
        bound = low if low is not None else high
        if bound is None:
            return number
        side, included = ("least", self.with_low) if low is not None else ("most", self.with_high)
        return (
            f"{number} of at {side} {bound:g}"
            if included
            else f"{number} {'above' if side == 'least' else 'below'} {bound:g}"
        )


kinds_of = cache(get_type_hints)  # name of a parameter -> its annotation; slow to read, and asked of every economy


def read_parameters(economy) -> None:
    """Replace what an economy's fields were given by plain data, and refuse what they cannot be.

    Raises:
        InputError: what is of another kind than the annotation says, or out of its range.
    """
    kinds = kinds_of(type(economy))
    for each in fields(economy):
        setattr(
            economy,
            each.name,
            _read(each.name, kinds[each.name], each.metadata.get("range"), getattr(economy, each.name)),
        )

    first: dict[str, str] = {}  # the first parameter by each shock
    for each in fields(economy):
        by = each.metadata.get("by")
        if by:
            numbers = getattr(economy, each.name)
            require(len(numbers) > 0, f"{each.name}: expected a number for each state of {by}, got {numbers}")
            states = len(getattr(economy, first.setdefault(by, each.name)))
            require(
                len(numbers) == states,
                f"{each.name}: expected as many numbers as {first[by]} has, {states}, got {numbers}",
            )


def _read(name: str, kind: Any, within: Range | None, given: Any) -> str | int | float | list:
    if kind is str:  # a convention, of those that `check` knows
        require(isinstance(given, str), f"{name}: expected a text, got {show(given)}")
        return str(given)
    value, listed, whole = plain(given), (get_origin(kind) or kind) is list, kind is int
    expected = "a list of finite numbers" if listed else "a whole number" if whole else "a finite number"
    refusal = f"{name}: expected {expected}, got {show(given)}"
    if isinstance(value, list):
        flat = get_args(kind) == (float,)
        require(listed and not (flat and any(isinstance(item, list) for item in value)), refusal)
    elif value is None or listed or whole and value % 1:
        raise InputError(refusal)
    if within is not None and not all(within.has(number) for number in _numbers(value)):
        words = within.in_words("numbers" if listed else expected.replace("finite ", ""))
        raise InputError(f"{name}: expected {words}, got {value if isinstance(value, list) else f'{value:g}'}")
    return int(value) if whole and not isinstance(value, list) else value


def _numbers(value):
    """The numbers of a number or of lists in lists."""
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    else:
        yield value


def plain(value) -> float | list | None:
    """Finite numbers as floats; lists, tuples, arrays, tensors and tables of them as lists; None for anything else."""
    try:
        if isinstance(value, Tensor):
            value = value.detach().cpu().tolist()
        elif hasattr(value, "to_numpy"):  # of pandas, or xarray
            value = value.to_numpy()
    except (RuntimeError, TypeError):  # a tensor that holds no numbers; a class of tables in place of one
        return None
    if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        return None
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        items = [plain(item) for item in value]
        return None if any(item is None for item in items) else items
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except (OverflowError, TypeError):  # a whole number above 1e308; a time, which NumPy counts among the numbers
        return None
    return number if math.isfinite(number) else None
