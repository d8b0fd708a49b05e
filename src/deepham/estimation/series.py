"""Data: a table of series, one row a period, as users have them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepham.economics.economy import Economy
from deepham.errors import InputError, require, show
from deepham.solution.paths import read_table

if TYPE_CHECKING:
    import pandas

LEAST = 20  # periods: of fewer there are no moments to speak of
FREQUENCY = {"quarter": "Q", "year": "Y", "month": "M"}  # of pandas, by what a period of the economy is


def read(economy: Economy, given: Any, variables: Sequence[str]) -> dict[str, np.ndarray]:
    """Series (1, T) of these variables.

    Args:
        given: a DataFrame, or the name of a CSV file with a header; columns go by the economy's names. What labels the
            periods, an index of dates or a column "date", has to follow each other at the economy's frequency.

    Raises:
        InputError: no such file or column, gaps, another frequency, too few periods, or what is no number.
    """
    table = _dated(_table(given))
    columns = [str(name).strip() for name in table.columns]
    for name in variables:
        require(name in columns, f"series: there is no column {name}; there is {', '.join(columns) or 'none'}")
    _check_dates(economy, table.index)
    require(len(table) >= LEAST, f"series: expected at least {LEAST} periods, got {len(table)}")
    return {name: _numbers(name, table.iloc[:, columns.index(name)])[None] for name in variables}


def _table(given: Any) -> pandas.DataFrame:
    import pandas  # slow to import

    if isinstance(given, pandas.DataFrame):
        return given
    require(isinstance(given, str | Path), f"series: expected a DataFrame or the name of a CSV file, got {show(given)}")
    return read_table(given, "series")


def _dated(table: pandas.DataFrame) -> pandas.DataFrame:
    """The table with its column of dates, if it has one, as its index."""
    import pandas

    name = next((each for each in table.columns if str(each).strip().lower() == "date"), None)
    if name is None:
        return table
    texts = [str(text).strip() for text in table[name]]
    quarters = all("Q" in text.upper() for text in texts)
    try:
        index = pandas.PeriodIndex(texts, freq="Q") if quarters else pandas.to_datetime(texts, format="mixed")
    except (ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"series: the column {name} has to hold dates, such as 1984-01-01 or 1984Q1 ({reason})"
        ) from None
    return table.drop(columns=[name]).set_axis(index)


def _check_dates(economy: Economy, index: pandas.Index) -> None:
    """Raise InputError where the dates are not one period of the economy apart; an index that is no dates says
    nothing."""
    import pandas

    if not isinstance(index, pandas.DatetimeIndex | pandas.PeriodIndex):
        return
    dates = index.to_timestamp() if isinstance(index, pandas.PeriodIndex) else index
    require(not dates.hasnans, "series: a date is missing; expected one for every period")
    wanted = FREQUENCY.get(economy.period)
    if wanted is None:
        return
    number = dates.to_period(wanted).astype("int64").to_numpy() if len(dates) else np.zeros(0)
    step = np.diff(number)
    wrong = np.flatnonzero(step != 1)
    if not len(wrong):
        return
    days = np.diff(dates.to_numpy()).astype("timedelta64[D]").astype(int)
    if len(set(step.tolist())) == 1 or days.max() - days.min() <= 3:
        raise InputError(
            f"series: its rows are {abs(int(np.median(days)))} days apart, and a period of this economy is a "
            f"{economy.period}; expected one row a {economy.period}"
        )
    first = int(wrong[0])
    raise InputError(
        f"series: {dates[first]:%Y-%m-%d} is followed by {dates[first + 1]:%Y-%m-%d}; expected one row a "
        f"{economy.period}, in order and without gaps"
    )


def _numbers(name: str, column: pandas.Series) -> np.ndarray:
    """(T,), float64."""
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        where = str(column.index[missing[0]]).removesuffix(" 00:00:00")
        raise InputError(
            f"series: {name} lacks {len(missing)} of {len(column)} values, the first at {where}; fill them in, or give "
            "the part without gaps"
        )
    try:
        values = column.to_numpy(dtype=float)
    except (ValueError, TypeError):
        raise InputError(f"series: {name} holds what are no numbers, such as {show(column.iloc[0])}") from None
    require(bool(np.isfinite(values).all()), f"series: {name} is not finite throughout")
    return values
