"""Moments of the data, with how precisely they are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from deepham.economics.economy import Economy
from deepham.errors import InputError, require, show
from deepham.estimation import moments as vocabulary
from deepham.estimation import series as tables
from deepham.estimation.moments import Moment, SeriesMoments
from deepham.solution import arguments

DRAWS = 2000  # of a bootstrap
COVARIANCES = ("model", "bootstrap")


@dataclass(frozen=True)
class Data:
    """What is to be matched.

    Attributes:
        moments: M of them, those of series before those of households.
        values: (M,). errors: (M,), standard errors that were given; NaN where the series or the model say them.
        of_series: the moments of series.
        rows: (1, T - 1, ...), what means over time are taken of, where series were given.
        periods: T, of the series; 0 where no moment is of series.
    """

    moments: list[Moment]
    values: np.ndarray
    errors: np.ndarray
    of_series: SeriesMoments
    rows: np.ndarray | None
    periods: int

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.moments]

    def bootstrapped(self, seed: int) -> np.ndarray:
        """Covariance (m, m) of the moments of series: the moving-block bootstrap (Kuensch, 1989) of the rows, in blocks
        of twice the third root of their number."""
        assert self.rows is not None
        rows = self.rows[0]
        length = min(len(rows), int(np.ceil(2 * len(rows) ** (1 / 3))))
        summed = np.concatenate([np.zeros_like(rows[:1]), rows.cumsum(0)])
        blocks = (summed[length:] - summed[:-length]) / length
        drawn = np.random.default_rng(seed).integers(0, len(blocks), (DRAWS, -(-len(rows) // length)))
        return np.atleast_2d(np.cov(self.of_series.of(blocks[drawn].mean(1)), rowvar=False))


def read(economy: Economy, moments: Any, series: Any, periods: Any, trend: str | None) -> Data:
    """What `deepham.estimate` is given.

    Raises:
        InputError: one line on what does not fit.
    """
    given = _given(moments)
    ordered = sorted(vocabulary.read(economy, list(given)), key=lambda each: not each.variable)
    of_series = SeriesMoments(economy, ordered, vocabulary.trend_of(economy, trend))
    known, rows = {}, None
    length = 0 if periods is None else arguments.whole("periods", periods, tables.LEAST)
    if series is not None and of_series.names:
        found = tables.read(economy, series, of_series.variables)
        rows = of_series.rows(found)
        known = dict(zip(of_series.names, of_series.of(rows.mean(1))[0].tolist()))
        own = next(iter(found.values())).shape[1]
        require(length in (0, own), f"periods: the series have {own}, got {length}; leave it out")
        length = own
    values, errors = [], []
    for each in ordered:
        value, error = given[each.name]
        value = known.get(each.name) if value is None else value
        require(
            value is not None,
            f"moments: {each.name} has no value; give a number"
            + (", or series=, a table that it is computed from" if each.variable else " with its standard error"),
        )
        require(
            bool(each.variable) or error is not None,
            f"moments: {each.name} is of households, how precise which is no series says; expected a pair, "
            "(value, standard error)",
        )
        require(
            value is not None and bool(np.isfinite(value)),
            f"moments: {each.name} is not defined in the series, in which a variable does not move",
        )
        values.append(value)
        errors.append(np.nan if error is None else error)
    require(
        not of_series.names or length > 0,
        f"periods: {of_series.names[0]} is of series; how many periods did it come from? Expected periods=200, say, or "
        "series=",
    )
    return Data(ordered, np.array(values), np.array(errors), of_series, rows, length if of_series.names else 0)


def _given(moments: Any) -> dict[str, tuple[float | None, float | None]]:
    """Name -> value, standard error; None for what was not given."""
    if isinstance(moments, Mapping):
        return {name: _pair(name, value) for name, value in moments.items()}
    require(
        isinstance(moments, Sequence) and not isinstance(moments, str) and len(moments) > 0,
        f"moments: expected names in a list, or with their values, {{'sd.Y': 1.7}}, got {show(moments)}",
    )
    twice = next((each for each in moments if list(moments).count(each) > 1), None)
    require(twice is None, f"moments: there is {show(twice)} twice")
    return {name: (None, None) for name in moments}


def _pair(name: Any, given: Any) -> tuple[float | None, float | None]:
    if given is None or _is_number(given):
        return given, None
    require(
        isinstance(given, Sequence) and len(given) == 2 and all(map(_is_number, given)),
        f"moments: of {show(name)} expected a number, or a pair (value, standard error), got {show(given)}",
    )
    require(given[1] > 0, f"moments: the standard error of {show(name)} has to be positive, got {show(given[1])}")
    return float(given[0]), float(given[1])


def _is_number(given: Any) -> bool:
    return isinstance(given, Real) and not isinstance(given, bool) and bool(np.isfinite(float(given)))


def covariance_of(data: Data, given: Any, samples: np.ndarray, seed: int) -> np.ndarray:
    """Covariance (M, M) of the moments of the data.

    A standard error that is given beside a moment of series is all of it; that of one of households is the survey's, to
    which comes what differs between dates.

    Args:
        given: "model", of samples of the model; "bootstrap", of the series; or a matrix, in the order of `data`.
        samples: (S, M), moments of the model's samples, at the parameters that are believed in.

    Raises:
        InputError: a bootstrap without series, or no covariance matrix.
    """
    number, inner = len(data.moments), len(data.of_series.names)
    if isinstance(given, str):
        require(given in COVARIANCES, f"covariance: expected {' or '.join(COVARIANCES)}, or a matrix, got {given!r}")
        require(given != "bootstrap" or data.rows is not None, "covariance: a bootstrap takes the series; give series=")
        # the inverse of a covariance of few samples is too large by this much (Hartlap, Simon, Schneider, 2007)
        few = (len(samples) - 1) / max(len(samples) - number - 2, 1)
        found = few * np.atleast_2d(np.cov(samples, rowvar=False))
        if given == "bootstrap":
            found[:inner], found[:, :inner] = 0.0, 0.0
            found[:inner, :inner] = data.bootstrapped(seed)
        for at in np.flatnonzero(~np.isnan(data.errors)):
            if at < inner:
                found[at], found[:, at] = 0.0, 0.0
            found[at, at] += data.errors[at] ** 2
        return found
    try:
        found = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"covariance: expected {' or '.join(COVARIANCES)}, or a matrix, got {show(given)}") from None
    require(
        found.shape == (number, number) and bool(np.isfinite(found).all()) and np.allclose(found, found.T),
        f"covariance: expected a symmetric matrix of {number} rows, in the order {', '.join(data.names)}, got "
        f"{show(given)}",
    )
    scale = np.sqrt(np.abs(np.diag(found)).clip(1e-300))
    require(
        bool((np.diag(found) > 0).all()) and np.linalg.eigvalsh(found / np.outer(scale, scale)).min() > -1e-9,
        "covariance: it is no covariance, for a combination of the moments has no positive variance",
    )
    return found
