"""Arrays that a user hands in: numbers, and discrete states by index or by name.

Every refusal is an InputError of one line: what was given, what was expected, how to mend it.
"""

from __future__ import annotations

from difflib import get_close_matches

import numpy as np
from torch import Tensor

from deepham.errors import InputError, show


def indices(name: str, given, names: tuple[str, ...]) -> np.ndarray:
    """Indices, int64, of a discrete state that is given by index or by name. names: of its states, in their order."""
    expected = " or ".join(
        [str(index) if name == str(index) else f"{index} {name!r}" for index, name in enumerate(names)]
    )
    array = _array(name, given, expected)
    if array.dtype.kind in "OT" and array.size and all(isinstance(item, str) for item in array.flat):
        array = np.array(array.tolist(), str)  # astype refuses some StringDType
    if array.dtype.kind == "U":
        unknown = [str(item) for item in np.unique(array) if item not in names]
        if unknown:
            close = get_close_matches(unknown[0].lower(), names, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ";"
            raise InputError(f"{name}: there is no state {show(unknown[0])}{hint} expected {expected}")
        return sum((array == item) * index for index, item in enumerate(names)) + np.zeros(array.shape, np.int64)
    if array.dtype.kind not in "iu":
        raise InputError(
            f"{name}: expected {expected}, got {show(given)} of type {array.dtype}; "
            f"indices must be integers, as in .astype(int)"
        )
    if array.size and (array.min() < 0 or array.max() >= len(names)):
        wrong = array.min() if array.min() < 0 else array.max()
        raise InputError(f"{name}: there is no state {wrong}; expected {expected}")
    return array.astype(np.int64)


def numbers(name: str, given) -> np.ndarray:
    """Finite numbers, float64."""
    array = _array(name, given, "numbers")
    if array.dtype.kind not in "iuf":
        raise InputError(f"{name}: expected numbers, got {show(given)} of type {array.dtype}")
    with np.errstate(over="ignore"):
        array = array.astype(np.float64)  # before the check: what is finite in a longer type need not be
    bad = ~np.isfinite(array)
    if bad.any():
        raise InputError(
            f"{name}: expected finite numbers, got {array[bad].flat[0]} ({bad.sum()} of {array.size} "
            f"values are not finite); leave them out"
        )
    return array


def _array(name: str, given, expected: str) -> np.ndarray:
    if _is_masked(given):
        raise InputError(f"{name}: expected {expected} in every place, got masked ones; leave them out or fill them in")
    try:
        return np.asarray(given.detach().cpu() if isinstance(given, Tensor) else given)
    except (ValueError, TypeError, RuntimeError):  # ragged lists; tensors on a device or with gradients
        raise InputError(f"{name}: expected {expected} in an array, got {show(given)}") from None


def _is_masked(given) -> bool:
    """Whether NumPy would read a number where there is none."""
    if isinstance(given, list | tuple):
        return any(map(_is_masked, given))
    return isinstance(given, np.ma.MaskedArray) and bool(np.ma.getmaskarray(given).any())
