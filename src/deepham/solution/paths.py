"""Paths of the aggregate shock as users have them: lists and arrays, a pandas Series, a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from deepham.economics.economy import Economy
from deepham.errors import InputError, show

if TYPE_CHECKING:
    import pandas


class Given(NamedTuple):
    """A path as it was given.

    Attributes:
        values: states or innovations, (periods,) or (economies, periods), yet to be read.
        periods: how many; None where that cannot be told.
        dates: (periods,) labels of the periods, of a Series or a file that has some.
    """

    values: Any
    periods: int | None
    dates: np.ndarray | None


def read(economy: Economy, given: Any) -> Given:
    """A path of shocks, whatever it comes in.

    Args:
        given: a pandas Series of states or innovations, whose index labels the periods unless it only counts them; a
            DataFrame, or the name of a CSV file (a Path, or a text that ends with .csv) with a header, of which the
            column named after the aggregate state, or after what a Dataset calls the shock, is the path, or else its
            only column; of several the first labels the periods. Anything else is left as it is.

    Raises:
        InputError: no such file or column, or values that are missing.
    """
    if isinstance(given, Path) or isinstance(given, str) and given.lower().endswith(".csv"):
        return _of_series(_column(economy, read_table(given, "shocks"), str(given)))
    if hasattr(given, "columns") and hasattr(given, "isna"):
        return _of_series(_column(economy, given, "the DataFrame"))
    if hasattr(given, "index") and hasattr(given, "isna") and getattr(given, "ndim", 0) == 1:
        return _of_series(given)
    try:
        shape = np.shape(given)
    except ValueError:  # ragged, which is refused where it is read
        shape = ()
    return Given(given, shape[-1] if shape else None, None)


def _of_series(series: Any) -> Given:
    """Of a pandas Series."""
    import pandas  # slow to import

    missing = np.flatnonzero(series.isna().to_numpy())
    if len(missing):
        raise InputError(
            f"shocks: {len(missing)} of {len(series)} values are missing, the first at {show(series.index[missing[0]])}"
            "; fill them in or leave the periods out"
        )
    index = series.index
    if isinstance(index, pandas.PeriodIndex):
        index = index.to_timestamp()
    counted = isinstance(index, pandas.RangeIndex)
    return Given(series.to_numpy(), len(series), None if counted else index.to_numpy())


def read_table(file: str | Path, what: str) -> pandas.DataFrame:
    """A CSV file of texts and numbers without blanks around them.

    Args:
        what: what it is given as, for the message.

    Raises:
        InputError: no such file, or no CSV file with a header.
    """
    import pandas

    try:
        return pandas.read_csv(file, skipinitialspace=True)
    except OSError as error:
        raise InputError(f"{what}: {file} cannot be read ({error.strerror or error})") from None
    except ValueError as error:  # pandas' own errors are such
        reason = str(error).splitlines()[0]
        raise InputError(f"{what}: {file} is no CSV file with a header ({reason})") from None


def _column(economy: Economy, table: Any, source: str):
    """The column of a table that is a path of the shock, as a Series that is labelled by a column before it."""
    columns = [str(name).strip() for name in table.columns]
    names = dict.fromkeys((economy.aggregate_shock, economy.naming.recorded.name))
    found = [name for name in names if name in columns]
    if not found and len(columns) != 1:
        raise InputError(
            f"shocks: {source} has the columns {', '.join(columns)}; expected one named {' or '.join(names)}"
        )
    place = columns.index(found[0]) if found else 0
    series = table.iloc[:, place]
    return series.set_axis(table.iloc[:, 0]) if place else series
