"""Business-cycle moments: how much each aggregate moves, with what, and how persistently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

# by what one period is: Hodrick and Prescott (1997), and Ravn and Uhlig (2002) for years
SMOOTHING = {"quarter": 1600.0, "year": 6.25, "month": 129_600.0}
BLOCKS = 10  # of a path, from which standard errors are taken


@dataclass(frozen=True)
class Moments:
    """Of one variable, around its trend.

    Attributes:
        name, description: as in `Economy.variables`.
        mean, mean_se: of the variable itself, in its unit, with its standard error; see `standard_error`.
        unit: of the mean.
        sd: standard deviation: percent for quantities (of logs), percentage points for rates and shares.
        relative_sd: sd over the standard deviation of output.
        correlation: with output.
        autocorrelation: with the period before.
    """

    name: str
    description: str
    mean: float
    mean_se: float
    unit: str
    sd: float
    relative_sd: float
    correlation: float
    autocorrelation: float


def moments(
    series: Mapping[str, np.ndarray], variables: Mapping[str, tuple[str, str]], period: str, output: str = "Y"
) -> list[Moments]:
    """Moments of simulated paths, pooled.

    Args:
        series: name -> (B, T). Those that do not move, and quantities that are not positive throughout, are left out;
            all are where that is output.
        variables: name -> (description, unit) of the series that are wanted, in the order of the result.
        period: what one period is. Where SMOOTHING knows it the trend is that of Hodrick and Prescott, else the mean.
    """
    cycles = {name: cycle_of(series[name], unit, period) for name, (_, unit) in variables.items() if name in series}
    lead = cycles.get(output)
    if lead is None or not lead.std() > 1e-9:
        return []
    return [
        Moments(
            name,
            variables[name][0].split(",")[0],
            float(series[name].mean()),
            _mean_se(series[name]),
            variables[name][1],
            float(cycle.std()),
            float(cycle.std() / lead.std()),
            _correlation(cycle, lead),
            _correlation(cycle[:, 1:], cycle[:, :-1]),
        )
        for name, cycle in cycles.items()
        if cycle.std() > 1e-9
    ]


STATISTICS = {
    "mean": ("mean of {}", ""),
    "sd": ("sd of {} around its trend", "%"),
    "relative_sd": ("sd of {} over that of Y", ""),
    "correlation": ("correlation of {} with Y", ""),
    "autocorrelation": ("autocorrelation of {}", ""),
}


def flat(cycle: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Moments by variable and field, as plain data, under one name each: sd.Y, correlation.C, ..."""
    return {f"{statistic}.{name}": one[statistic] for name, one in cycle.items() for statistic in STATISTICS}


def described(name: str) -> tuple[str, str] | None:
    """Description and unit of a moment by such a name; None for another name."""
    statistic, _, variable = name.partition(".")
    text, unit = STATISTICS.get(statistic, ("", ""))
    return (text.format(variable), unit) if text and variable else None


def cycle_of(values: np.ndarray, unit: str, period: str) -> np.ndarray:
    """Distance of each path (B, T) to its trend, percent or percentage points."""
    rate = unit.startswith("percent")
    with np.errstate(invalid="ignore", divide="ignore"):  # of a quantity that is not positive there are no percent: NaN
        values = values if rate or unit == "share" else np.log(values)
    if not np.isfinite(values).all():
        return np.full(values.shape, np.nan)
    trend = (
        np.stack([hodrick_prescott(path, SMOOTHING[period]) for path in values])
        if period in SMOOTHING and values.shape[1] > 2
        else values.mean(1, keepdims=True)
    )
    return (1.0 if rate else 100.0) * (values - trend)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def _mean_se(values: np.ndarray) -> float:
    """Standard error of the mean of paths (B, T)."""
    blocks = np.array_split(values, min(BLOCKS, values.shape[1]), axis=1)
    return standard_error(
        values.mean(),
        [
            np.concatenate(blocks[:i] + blocks[i + 1 :], 1).mean() if len(blocks) > 1 else np.nan
            for i in range(len(blocks))
        ],
    )


def standard_error(whole: float, without: list[float]) -> float:
    """Of a statistic of a long path, or of a path and its mirror image: the jackknife over blocks of periods, for what
    a block remembers of the one before: its pseudo-values are taken for an autoregression of the first order.

    The first autocorrelation is corrected for its bias in a short series (Kendall, 1954) and kept from 0 to 0.9.

    Args:
        whole: the statistic of all blocks.
        without: of all but each of them. Fewer than four have no standard error, which is NaN then.
    """
    number = len(without)
    if number < 4:
        return float("nan")
    values = number * whole - (number - 1) * np.array(without)
    gaps = values - values.mean()
    if not np.any(gaps):
        return 0.0
    memory = gaps[1:] @ gaps[:-1] / (gaps @ gaps)
    memory = np.clip(memory + (1 + 3 * memory) / number, 0, 0.9)
    return float(values.std(ddof=1) / number**0.5 * ((1 + memory) / (1 - memory)) ** 0.5)


def hodrick_prescott(series: np.ndarray, smoothing: float) -> np.ndarray:
    """The trend (T,) that minimises sum (y - trend)^2 + smoothing * sum (second difference of trend)^2."""
    from scipy.linalg import solveh_banded  # slow to import, and a loaded solution does without

    number = len(series)
    # the normal equations I + smoothing D'D, D the second difference: three bands of a symmetric matrix
    second = np.zeros((3, number))
    for offset, weights in enumerate(((1.0, 4.0, 1.0), (-2.0, -2.0), (1.0,))):
        for start, weight in enumerate(weights):
            second[offset, start : start + number - 2] += weight
    bands = smoothing * second
    bands[0] += 1.0
    return solveh_banded(bands, series, lower=True)
