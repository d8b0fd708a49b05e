"""What a user hands in (household states, cross-sections, shock paths), checked and turned into arrays and tensors.

Discrete states are given by index or by name. Every refusal is an InputError of one line: what was given, what was
expected, how to mend it.
"""

from __future__ import annotations

import operator
from difflib import get_close_matches

import numpy as np
import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.errors import InputError, show
from deepham.simulation.population import Population
from deepham.system.arrays import indices, numbers

MOST_ASSETS = 1e100  # so that squares of them, and products with prices, stay finite


def whole(name: str, given, least: int) -> int:
    """A whole number not below `least`."""
    try:
        number = None if _counts_nothing(given) else operator.index(given)
    except (TypeError, RuntimeError):  # RuntimeError: a tensor of several
        number = None
    if number is None or not least <= number < 2**63:
        raise InputError(f"{name}: expected a whole number of at least {least}, got {show(given)}")
    return number


def _counts_nothing(given) -> bool:
    """NumPy has times among the whole numbers, and Python true among its own."""
    return isinstance(given, bool | np.timedelta64) or getattr(given, "dtype", None) in (np.bool_, torch.bool)


def flag(name: str, given) -> bool:
    """True or False, and nothing that is merely true or false to Python."""
    if not isinstance(given, bool | np.bool_):
        raise InputError(f"{name}: expected True or False, got {show(given)}")
    return bool(given)


def household_states(economy: Economy, call: str, given: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Assets, individual states (...) and aggregate states (..., d) of the households asked about.

    Args:
        call: the name of the method that was called, for the messages.
        given: state name -> asset and individual state (..., n), which broadcast against each other; aggregate state,
            which broadcasts over their leading dimensions, several numbers in its last. The individual state may be
            left out where there is one.
    """
    asset, shock, aggregate = economy.asset, economy.individual_shock, economy.aggregate_shock
    given = _keywords(economy, f"{call}()", given, (asset, shock, aggregate), ("population",))
    k = _assets(economy, asset, given[asset])
    eps = indices(shock, given[shock], economy.names_of(shock, economy.chain.n_eps))
    z = _aggregate_states(economy, given[aggregate])
    try:
        shape = np.broadcast_shapes(k.shape, eps.shape)
    except ValueError:
        raise InputError(
            f"{asset} and {shock}: the shapes {k.shape} and {eps.shape} do not broadcast against each "
            f"other; expected equal lengths, or a single value of one of them"
        ) from None
    try:
        if z.ndim - 1 > max(len(shape) - 1, 0):
            raise ValueError
        shape = np.broadcast_shapes(shape[:-1], z.shape[:-1]) + shape[-1:]
    except ValueError:
        raise InputError(
            f"{aggregate}: the shape {z.shape[:-1]} does not broadcast over the leading dimensions of {asset} "
            f"and {shock}, shape {shape}; give one {aggregate}, or {asset}[None, :] for every household "
            f"in each {aggregate}, or {asset}[:, None] for one household in each"
        ) from None
    z = z[..., None, :] if shape else z
    return np.broadcast_to(k, shape), np.broadcast_to(eps, shape), np.broadcast_to(z, (*shape, z.shape[-1]))


def cross_section(economy: Economy, name: str, given, device) -> Population:
    """One economy's cross-section (1, N) from a mapping of asset, individual state and "weight" to 1-D arrays (N,), or
    from a table of `SolvedEconomy.distribution`.

    The individual state may be left out where there is one. Weights must sum to one within 1e-6.
    """
    asset, shock = economy.asset, economy.individual_shock
    if not hasattr(given, "keys"):
        raise InputError(f"{name}: expected a mapping of {asset}, {shock} and weight to arrays, got {show(given)}")
    # a table of `distribution` says mass
    given = {"weight" if key == "mass" and "weight" not in given else key: given[key] for key in given.keys()}
    given = _keywords(economy, name, given, (asset, shock, "weight"))
    k = _assets(economy, f"{name}[{asset!r}]", given[asset])
    weight = numbers(f"{name}['weight']", given["weight"])
    eps = indices(f"{name}[{shock!r}]", given[shock], economy.names_of(shock, economy.chain.n_eps))
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
    """A cross-section without the aggregate state that a user put beside it, and that state, (B, d), or z where there
    is none."""
    aggregate = economy.aggregate_shock
    if not economy.naming.beside or not hasattr(given, "keys") or aggregate not in given:
        return given, z
    one = _aggregate_states(economy, given[aggregate])
    if one.ndim > 1:
        number = "number" if one.shape[-1] == 1 else "aggregate state"
        raise InputError(f"{name}[{aggregate!r}]: expected one {number}, got {show(given[aggregate])}")
    return {key: given[key] for key in given.keys() if key != aggregate}, torch.tensor(one).to(z).expand_as(z)


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


def _assets(economy: Economy, name: str, given) -> np.ndarray:
    array, limit = numbers(name, given), economy.borrowing_limit
    if (array < limit).any():
        raise InputError(
            f"{name}: expected at least the borrowing limit {limit:g}, got {array.min():g} "
            f"({(array < limit).sum()} of {array.size} values lie below)"
        )
    if (array > MOST_ASSETS).any():
        raise InputError(f"{name}: expected assets of at most {MOST_ASSETS:g}, got {array.max():g}")
    return array


def _aggregate_states(economy: Economy, given) -> np.ndarray:
    """Aggregate states (..., d), of any leading shape: indices of a chain, or numbers with which there can be an
    economy."""
    states = economy.naming.read(given)
    economy.check_domain(torch.tensor(states).reshape(-1, states.shape[-1]), error=InputError)
    return states


def _check_prices(economy: Economy, name: str, population: Population) -> None:
    """Refuse a cross-section in which no prices exist, say because nobody holds capital."""
    z = economy.chain.typical_z()
    every = population.select([0] * len(z))
    aggregates = economy.aggregates(every, z)
    economy.check_domain(z, aggregates, error=InputError)
    at = population.k.new_ones(len(z), 1)
    typical = {key: unknown.typical * at for key, unknown in economy.unknowns.items()}  # which markets then find
    for value in economy.prices(aggregates | typical, z).values():
        if not bool(torch.isfinite(value).all()):
            found = ", ".join(f"{key} = {float(value[0]):g}" for key, value in aggregates.items())
            raise InputError(f"{name}: there are no finite prices with {found}; expected households that hold assets")
