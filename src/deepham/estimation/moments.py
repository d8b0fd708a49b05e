"""Names of moments, and what they are: the one vocabulary of data and model.

    mean.K, sd.Y, relative_sd.C, correlation.C, autocorrelation.Y     as in business_cycle.STATISTICS
    ratio.I                                                           the mean of I over that of Y
    gini, wealth_sd, bottom50_share, ...                              of the cross-section in the last period
    consumption_growth_sd, pass_through                               of households, into the last period

A moment of series is a function of means over time of what stands in one period and the one before (its rows). So data
are resampled by blocks of rows, and a sample of the model and one of data go through the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from deepham.algorithm import business_cycle
from deepham.economics.economy import Economy
from deepham.errors import InputError, require, show

OUTPUT = "Y"
STATISTICS = business_cycle.STATISTICS | {"ratio": ("mean of {} over that of Y", "")}
WEALTH = ("gini", "wealth_sd", "bottom50_share", "top10_share", "top1_share")
HOUSEHOLDS = {  # of households, by name, in words
    **{name: f"{name.replace('_', ' ')} of the cross-section" for name in WEALTH},
    "consumption_growth_sd": "sd of the growth of households' consumption",
    "pass_through": "its pass-through from the growth of their income",
}
WITH_OUTPUT = ("relative_sd", "correlation", "ratio")
LEVELS = ("mean", "ratio")  # what is of the variable itself, and not of its distance to its trend
TRENDS = ("hp", "mean")


class Means(NamedTuple):
    """Means over time of one variable: of itself, of its distance to its trend, of the square of that, of its product
    with that of output, and with its own of the period before."""

    level: np.ndarray
    own: np.ndarray
    square: np.ndarray
    product: np.ndarray
    lagged: np.ndarray

    @property
    def variance(self) -> np.ndarray:
        return self.square - self.own**2


FORMULAS: dict[str, Callable] = {  # of the means of a variable and of output
    "mean": lambda one, output: one.level,
    "ratio": lambda one, output: one.level / output.level,
    "sd": lambda one, output: one.variance**0.5,
    "relative_sd": lambda one, output: (one.variance / output.variance) ** 0.5,
    "correlation": lambda one, output: (one.product - one.own * output.own) / (one.variance * output.variance) ** 0.5,
    "autocorrelation": lambda one, output: (one.lagged - one.own**2) / one.variance,
}


@dataclass(frozen=True)
class Moment:
    """One moment; `variable` is empty of those of households, which a survey tells."""

    name: str
    statistic: str
    variable: str = ""

    def described(self) -> str:
        """In words."""
        if not self.variable:
            return HOUSEHOLDS[self.name]
        return STATISTICS[self.statistic][0].format(self.variable)


def read(economy: Economy, names: Sequence[str]) -> list[Moment]:
    """The moments of these names.

    Raises:
        InputError: a name that is none of the vocabulary, or a variable that the economy does not account for.
    """
    found = []
    for name in names:
        statistic, _, variable = str(name).partition(".")
        if name in HOUSEHOLDS:
            found.append(Moment(name, name))
            continue
        require(
            isinstance(name, str) and bool(variable) and statistic in STATISTICS,
            f"moments: there is no {show(name)}; expected one of {', '.join(HOUSEHOLDS)}, or one of "
            f"{', '.join(STATISTICS)} with a variable, such as sd.Y",
        )
        needed = (variable, OUTPUT) if statistic in WITH_OUTPUT else (variable,)
        for each in needed:
            require(
                each in economy.variables,
                f"moments: {name} takes {show(each)}, which this economy does not account for; there is "
                f"{', '.join(economy.variables)}",
            )
        found.append(Moment(name, statistic, variable))
    return found


class SeriesMoments:
    """Moments of series as functions of means of rows.

    Args:
        economy: says in which unit a variable is: logs of quantities are taken, not of rates and shares.
        moments: of series, those of households are left out.
        trend: "hp", the trend of Hodrick and Prescott with the smoothing of the economy's period, or "mean".

    Attributes:
        names: of the moments. variables: that they take.
    """

    def __init__(self, economy: Economy, moments: Sequence[Moment], trend: str):
        self.economy, self.trend = economy, trend
        self.moments = [each for each in moments if each.variable]
        self.names = [each.name for each in self.moments]
        with_output = any(each.statistic in WITH_OUTPUT for each in self.moments)
        needed = [each.variable for each in self.moments] + [OUTPUT] * with_output
        self.variables: list[str] = list(dict.fromkeys(needed))

    def rows(self, series: Mapping[str, np.ndarray]) -> np.ndarray:
        """What means are taken of: (B, T - 1, variables, 5) of series (B, T).

        Raises:
            InputError: logs of what is not positive throughout.
        """
        period = self.economy.period if self.trend == "hp" else ""
        levels, cycles = {}, {}
        for name in self.variables:
            levels[name] = np.asarray(series[name], dtype=float)
            if any(each.statistic not in LEVELS and name in (each.variable, OUTPUT) for each in self.moments):
                cycles[name] = business_cycle.cycle_of(levels[name], self.economy.variables[name][1], period)
            else:
                cycles[name] = np.zeros_like(levels[name])
            require(
                bool(np.isfinite(cycles[name]).all()),
                f"series: {name} is a quantity, of which logs are taken, and is not positive throughout",
            )
        output = cycles.get(OUTPUT, np.zeros(1))
        return np.stack(
            [
                np.stack([level, own, own**2, own * output, own * np.roll(own, 1, 1)], -1)[:, 1:]
                for level, own in ((levels[name], cycles[name]) for name in self.variables)
            ],
            2,
        )

    def of(self, means: np.ndarray) -> np.ndarray:
        """The moments (..., M) of means of rows (..., variables, 5); NaN where nothing moves."""
        each = {name: Means(*np.moveaxis(means[..., at, :], -1, 0)) for at, name in enumerate(self.variables)}
        with np.errstate(invalid="ignore", divide="ignore"):
            found = [FORMULAS[one.statistic](each[one.variable], each.get(OUTPUT)) for one in self.moments]
        return np.stack(found, -1) if found else np.zeros((*means.shape[:-2], 0))

    def __call__(self, series: Mapping[str, np.ndarray]) -> np.ndarray:
        """The moments of each path, (B, M), of series (B, T)."""
        return self.of(self.rows(series).mean(1))


def trend_of(economy: Economy, trend: str | None) -> str:
    """How a trend is taken out: as asked, or as business-cycle moments of this economy take it.

    Raises:
        InputError: another word, or the filter for a period that it has no smoothing for.
    """
    known = economy.period in business_cycle.SMOOTHING
    if trend is None:
        return "hp" if known else "mean"
    require(trend in TRENDS, f"trend: expected {' or '.join(TRENDS)}, got {show(trend)}")
    if trend == "hp" and not known:
        raise InputError(
            f"trend: hp knows the smoothing for a {', a '.join(business_cycle.SMOOTHING)}, and a period of this "
            f"economy is a {economy.period}; expected mean"
        )
    return trend
