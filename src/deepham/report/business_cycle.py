"""Business-cycle moments: how much each aggregate moves, with what, and how persistently."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

# by what one period is: Hodrick and Prescott (1997), and Ravn and Uhlig (2002) for years
SMOOTHING = {"quarter": 1600.0, "year": 6.25, "month": 129_600.0}


@dataclass(frozen=True)
class Moments:
    """Of one variable, around its trend.

    Attributes:
        name, description: as in the Dataset.
        mean: of the variable itself, in its unit.
        unit: of the mean.
        sd: standard deviation: percent for quantities (of logs), percentage points for rates and shares.
        relative_sd: sd over the standard deviation of output.
        correlation: with output.
        autocorrelation: with the period before.
    """

    name: str
    description: str
    mean: float
    unit: str
    sd: float
    relative_sd: float
    correlation: float
    autocorrelation: float


def moments(path, period: str, names: tuple[str, ...], output: str = "Y") -> list[Moments]:
    """Moments of variables of a simulated path (a Dataset of `simulate`, its first economy).

    Args:
        period: what one period is. Where SMOOTHING knows it the trend is that of Hodrick and Prescott, else the mean.
        names: variables, in the order of the result; those that the Dataset lacks, or that do not move, are left out.
    """
    cycles = {}
    for name in dict.fromkeys((output, *names)):
        if name in path:
            series = path[name].values[0]
            unit = path[name].attrs["units"]
            factor = 1.0 if unit.startswith("percent") else 100.0
            series = series if unit.startswith("percent") or unit == "share" else np.log(series)
            trend = hodrick_prescott(series, SMOOTHING[period]) if period in SMOOTHING else series.mean()
            cycles[name] = factor * (series - trend)
    lead = cycles[output]
    return [Moments(name, path[name].attrs["long_name"].split(",")[0], float(path[name].values[0].mean()),
                    path[name].attrs["units"], float(cycle.std()), float(cycle.std() / lead.std()),
                    float(np.corrcoef(cycle, lead)[0, 1]), float(np.corrcoef(cycle[1:], cycle[:-1])[0, 1]))
            for name, cycle in cycles.items() if name in names and cycle.std() > 1e-9]


def hodrick_prescott(series: np.ndarray, smoothing: float) -> np.ndarray:
    """The trend (T,) that minimises sum (y - trend)^2 + smoothing * sum (second difference of trend)^2."""
    number = len(series)
    # the normal equations I + smoothing D'D, D the second difference: three bands of a symmetric matrix
    second = np.zeros((3, number))
    for offset, weights in enumerate(((1.0, 4.0, 1.0), (-2.0, -2.0), (1.0,))):
        for start, weight in enumerate(weights):
            second[offset, start : start + number - 2] += weight
    bands = smoothing * second
    bands[0] += 1.0
    return solveh_banded(bands, series, lower=True)
