"""What a user hands in (household states, cross-sections, shock paths), checked and turned into arrays and tensors.

Discrete states are given by index or by name. Every refusal is an InputError of one line: what was given, what was
expected, how to mend it.
"""

from __future__ import annotations

import math
import operator
from difflib import get_close_matches
from numbers import Real

import numpy as np
import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.errors import InputError, show
from deepham.simulation.population import Population

MOST_ASSETS = 1e100  # so that squares of them, and products with prices, stay finite


def whole(name: str, given, least: int) -> int:
    """A whole number not below `least`."""
    try:
        # NumPy counts times among the whole numbers, and Python true among its own
        yes_or_no = isinstance(given, bool | np.timedelta64) or getattr(given, "dtype", None) in (np.bool_, torch.bool)
        number = -math.inf if yes_or_no else operator.index(given)
    except (TypeError, RuntimeError):  # RuntimeError: a tensor of several
        number = -math.inf
    if not least <= number < 2**63:
        raise InputError(f"{name}: expected a whole number of at least {least}, got {show(given)}")
    return number


def flag(name: str, given) -> bool:
    """True or False, and nothing that is merely true or false to Python."""
    if not isinstance(given, bool | np.bool_):
        raise InputError(f"{name}: expected True or False, got {show(given)}")
    return bool(given)


def labelled(economy: Economy, z: Tensor) -> list[tuple[str, int | float, Tensor]]:
    """Aggregate states (n, ...) as figures name them, as users give them, and as tensors of one economy each."""
    if not economy.chain.finite:
        return [
            (f"{economy.aggregate_shock} {', '.join(f'{x:.3g}' for x in one.tolist())}", float(one[0]), one[None])
            for one in z
        ]
    names = economy.names_of(economy.aggregate_shock, economy.chain.n_z)
    return [(f"{economy.aggregate_shock} {names[int(one)]}", int(one), one[None]) for one in z]


def held_shock(economy: Economy, given) -> int | float:
    """The shock that is held: one aggregate state, by index or by name, as its index; of numbers the innovation,
    zero."""
    if not economy.chain.finite:
        if isinstance(given, bool) or not isinstance(given, Real) or given != 0:
            raise InputError(
                f"{economy.aggregate_shock}: it moves continuously, and its innovation is held at 0; expected 0, got "
                f"{show(given)}"
            )
        return 0.0
    index = _indices(economy, economy.aggregate_shock, given)
    if index.ndim:
        raise InputError(f"{economy.aggregate_shock}: expected one state, got {show(given)}")
    return int(index)


def innovation(economy: Economy, name: str, given) -> float:
    """A shock to an aggregate state that is a number, standard deviations."""
    _values(economy, ())  # says where there are several
    array = _numbers(name, given)
    if array.ndim:
        raise InputError(f"{name}: expected one number of standard deviations, got {show(given)}")
    return float(array)


def household_states(economy: Economy, call: str, given: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Assets, individual and aggregate states of the households asked about, of one shape.

    Args:
        call: the name of the method that was called, for the messages.
        given: state name -> asset and individual state (..., n), which broadcast against each other; aggregate state,
            which broadcasts over their leading dimensions. The individual state may be left out where there is one.
    """
    asset, shock, aggregate = economy.asset, economy.individual_shock, economy.aggregate_shock
    given = _keywords(economy, f"{call}()", given, (asset, shock, aggregate), ("population",))
    k = _assets(economy, asset, given[asset])
    eps = _indices(economy, shock, given[shock])
    z = _indices(economy, aggregate, given[aggregate]) if economy.chain.finite else _values(economy, given[aggregate])
    try:
        shape = np.broadcast_shapes(k.shape, eps.shape)
    except ValueError:
        raise InputError(
            f"{asset} and {shock}: the shapes {k.shape} and {eps.shape} do not broadcast against each "
            f"other; expected equal lengths, or a single value of one of them"
        ) from None
    try:
        if z.ndim > max(len(shape) - 1, 0):
            raise ValueError
        shape = np.broadcast_shapes(shape[:-1], z.shape) + shape[-1:]
    except ValueError:
        raise InputError(
            f"{aggregate}: the shape {z.shape} does not broadcast over the leading dimensions of {asset} "
            f"and {shock}, shape {shape}; give one {aggregate}, or {asset}[None, :] for every household "
            f"in each {aggregate}, or {asset}[:, None] for one household in each"
        ) from None
    z = z[..., None] if shape else z
    return tuple(np.broadcast_to(array, shape) for array in (k, eps, z))


def cross_section(economy: Economy, name: str, given, device) -> Population:
    """One economy's cross-section (1, N) from a mapping of asset, individual state and "weight" to 1-D arrays (N,).

    The individual state may be left out where there is one. Weights must sum to one within 1e-6.
    """
    asset, shock = economy.asset, economy.individual_shock
    if not hasattr(given, "keys"):
        raise InputError(f"{name}: expected a mapping of {asset}, {shock} and weight to arrays, got {show(given)}")
    given = _keywords(economy, name, {key: given[key] for key in given.keys()}, (asset, shock, "weight"))
    k = _assets(economy, f"{name}[{asset!r}]", given[asset])
    weight = _numbers(f"{name}['weight']", given["weight"])
    eps = _indices(economy, shock, given[shock], f"{name}[{shock!r}]")
    if eps.ndim == 0 and economy.chain.n_eps == 1:
        eps = np.broadcast_to(eps, k.shape)
    if k.ndim != 1 or not k.size or not k.shape == eps.shape == weight.shape:
        raise InputError(
            f"{name}: expected 1-D arrays of one length, got shapes {k.shape} of {asset}, {eps.shape} of "
            f"{shock} and {weight.shape} of weight"
        )
    if (weight < 0).any():
        raise InputError(f"{name}['weight']: expected weights of at least 0, got {weight.min():g}")
    if abs(weight.sum() - 1) > 1e-6:
        raise InputError(
            f"{name}['weight']: expected weights that sum to 1, got a sum of {weight.sum():.8g}; divide "
            f"them by their sum"
        )
    arrays = (k, eps, weight / weight.sum())
    population = Population(*(torch.tensor(array, device=device)[None] for array in arrays))
    _check_prices(economy, name, population)
    return population


def with_aggregate_state(economy: Economy, name: str, given, z: Tensor) -> tuple[object, Tensor]:
    """A cross-section without the aggregate state that a user put beside it, and that state, (B, 1), or z where there
    is none."""
    aggregate = economy.aggregate_shock
    if economy.chain.finite or not hasattr(given, "keys") or aggregate not in given:
        return given, z
    one = _values(economy, given[aggregate])
    if one.ndim:
        raise InputError(f"{name}[{aggregate!r}]: expected one number, got {show(given[aggregate])}")
    return {key: given[key] for key in given.keys() if key != aggregate}, torch.full_like(z, float(one))


def shock_path(economy: Economy, given, economies: int, periods: int, device) -> Tensor:
    """Aggregate states (B, T) from a path (T,) that all economies share, or one path for each, (B, T); innovations (B,
    T, 1) where the aggregate state is a number.
    """
    if not economy.chain.finite:
        _values(economy, ())  # says where there are several
        path = _numbers("shocks", given)
        if path.shape not in ((periods,), (economies, periods)):
            raise InputError(
                f"shocks: expected one innovation a period, shape ({periods},) or ({economies}, {periods}) for "
                f"economies={economies} and periods={periods}, got {path.shape}"
            )
        return torch.tensor(np.broadcast_to(path, (economies, periods)), device=device)[..., None]
    path = _indices(economy, economy.aggregate_shock, given, "shocks")
    if path.shape not in ((periods,), (economies, periods)):
        raise InputError(
            f"shocks: expected one state a period, shape ({periods},) or ({economies}, {periods}) for "
            f"economies={economies} and periods={periods}, got {path.shape}"
        )
    z = torch.tensor(np.broadcast_to(path, (economies, periods)), device=device)
    impossible = economy.chain.aggregate[z[:, :-1], z[:, 1:]] == 0
    if bool(impossible.any()):
        period = int(impossible.any(0).nonzero()[0, 0])
        raise InputError(
            f"shocks: the step from period {period} to {period + 1} has probability zero in the chain of "
            f"{economy.aggregate_shock}; expected a path that can happen"
        )
    return z


def _keywords(economy: Economy, what: str, given: dict, known: tuple, optional: tuple = ()) -> dict:
    listed = ", ".join(known + optional)
    for key in given:
        if key not in known:
            close = get_close_matches(str(key).lower(), known + optional, n=1)
            hint = f"; did you mean {close[0]}?" if close else ";"
            raise InputError(f"{what}: there is no {show(key)}{hint} expected {listed}")
    given = ({economy.individual_shock: 0} if economy.chain.n_eps == 1 else {}) | given
    missing = [key for key in known if key not in given]
    if missing:
        raise InputError(f"{what}: {', '.join(missing)} missing; expected {listed}")
    return given


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


def _numbers(name: str, given) -> np.ndarray:
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


def _assets(economy: Economy, name: str, given) -> np.ndarray:
    array, limit = _numbers(name, given), economy.borrowing_limit
    if (array < limit).any():
        raise InputError(
            f"{name}: expected at least the borrowing limit {limit:g}, got {array.min():g} "
            f"({(array < limit).sum()} of {array.size} values lie below)"
        )
    if (array > MOST_ASSETS).any():
        raise InputError(f"{name}: expected assets of at most {MOST_ASSETS:g}, got {array.max():g}")
    return array


def _indices(economy: Economy, state: str, given, name: str | None = None) -> np.ndarray:
    """Indices of a discrete state that is given by index or by name."""
    name = name or state
    number = economy.chain.n_eps if state == economy.individual_shock else economy.chain.n_z
    names = economy.names_of(state, number)
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
    if array.size and (array.min() < 0 or array.max() >= number):
        wrong = array.min() if array.min() < 0 else array.max()
        raise InputError(f"{name}: there is no state {wrong}; expected {expected}")
    return array.astype(np.int64)


def _values(economy: Economy, given) -> np.ndarray:
    """Values of an aggregate state that is one number."""
    name, d = economy.aggregate_shock, economy.chain.draws
    if d > 1:
        raise InputError(
            f"{name}: it is {d} numbers, and only one is asked for by name so far; call policy_function with an "
            "Observation"
        )
    array = _numbers(name, given)
    economy.check_domain(torch.tensor(array).reshape(-1, 1), error=InputError)
    return array


def _check_prices(economy: Economy, name: str, population: Population) -> None:
    """Refuse a cross-section in which no prices exist, say because nobody holds capital."""
    z = economy.chain.typical_z()
    every = population.select([0] * len(z))
    aggregates = economy.aggregates(every, z)
    economy.check_domain(z, aggregates, error=InputError)
    for value in economy.prices(aggregates, z).values():
        if not bool(torch.isfinite(value).all()):
            found = ", ".join(f"{key} = {float(value[0]):g}" for key, value in aggregates.items())
            raise InputError(f"{name}: there are no finite prices with {found}; expected households that hold assets")
