"""Generalised impulse responses, from paired simulations (paired.py).

Response = mean over draws of (shocked - baseline), in percent of the baseline's mean in that period (Koop, Pesaran and
Potter, 1996).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deepham.economics.economy import Economy
from deepham.errors import InputError
from deepham.solution import datasets
from deepham.solution.paired import Draws

if TYPE_CHECKING:
    from xarray import Dataset

BANDS = (0.05, 0.25, 0.75, 0.95)  # quantiles over draws: the 50 and the 90 percent band


def responses(economy: Economy, drawn: Draws) -> dict[str, tuple[np.ndarray, str, str]]:
    """Name -> (series (T,), description, unit): each response, its standard error and its quantiles over draws.

    Raises:
        InputError: the response is exactly zero in every draw.
    """
    described, result, moved = datasets.descriptions(economy), {}, False
    weight = drawn.weight.cpu().numpy()
    for name in (name for name in described if name in drawn.shocked):  # the economy's own accounts first
        shocked, (text, unit) = drawn.shocked[name], described[name]
        high, low = shocked.cpu().numpy(), drawn.baseline[name].cpu().numpy()
        gap, mean = high - low, weight @ low
        moved = moved or bool(np.any(gap))
        points = _in_points(unit)
        if points is None:
            # what nobody has, such as the wealth of the poorest where they hold none, has no percent; of debt more is
            # up, too
            size = np.where(mean == 0, np.nan, abs(mean))
            factor, unit = 100 / size, "percent of baseline"
            # of a ratio of means, by the delta method
            noise = gap - (weight @ gap) / np.where(mean == 0, np.nan, mean) * low
        else:
            factor, unit, noise = points, "percentage points", gap
        result[name] = factor * (weight @ gap), f"response of {text}", unit
        result[f"{name}_se"] = factor * _standard_error(noise, drawn), f"standard error of the response of {text}", unit
        bands = np.quantile(factor * gap, BANDS, axis=0, weights=weight, method="inverted_cdf")
        for level, series in zip(BANDS, bands):
            result[f"{name}_q{round(100 * level):02d}"] = series, f"{level:.0%} quantile over draws of {text}", unit
    if not moved:
        draws = len(drawn.weight)
        raise InputError(
            "shock: the response is exactly zero in every draw: "
            + (
                f"the baseline came to the states that are forced by itself ({draws} of {draws}); expected more draws"
                if drawn.could_differ
                else "both copies are the same economy; expected a shock that changes something"
            )
        )
    return result


def _in_points(unit: str) -> float | None:
    """Factor that turns rates and shares into percentage points, None for quantities."""
    return 1.0 if unit.startswith("percent") else 100.0 if unit == "share" else None


def _standard_error(values: np.ndarray, drawn: Draws) -> np.ndarray:
    """Of the weighted mean of values (D, T) in a stratified sample, (T,); NaN where a stratum has a single draw."""
    stratum, weight = drawn.stratum.cpu().numpy(), drawn.weight.cpu().numpy()
    variance = np.zeros(values.shape[1])
    for index in np.unique(stratum):
        members = stratum == index
        number = members.sum()
        scatter = values[members].var(0, ddof=1) if number > 1 else np.full(values.shape[1], np.nan)
        variance += weight[members].sum() ** 2 * scatter / number
    return np.sqrt(variance)


def to_dataset(economy: Economy, drawn: Draws, keep_draws: bool, attributes: dict) -> Dataset:
    """Both copies of every draw as an xarray.Dataset of their differences, of dimension ("period",)."""
    import xarray  # slow to import

    variables: dict[str, tuple] = {
        name: (("period",), series, {"long_name": text, "units": unit})
        for name, (series, text, unit) in responses(economy, drawn).items()
    }
    if keep_draws:
        for copy, paths in (("shocked", drawn.shocked), ("baseline", drawn.baseline)):
            for name, series in paths.items():
                text, unit = datasets.descriptions(economy)[name]
                variables[f"{name}_{copy}"] = (
                    ("draw", "period"),
                    series.cpu().numpy(),
                    {"long_name": f"{text}, {copy} copy", "units": unit},
                )
        variables["weight"] = (
            ("draw",),
            drawn.weight.cpu().numpy(),
            {"long_name": "weight of the draw", "units": "share"},
        )
    time = {"long_name": "periods after the shock", "units": economy.period}
    attributes |= datasets.quality(economy, drawn.resource_gap, drawn.top_mass)
    periods = next(iter(drawn.baseline.values())).shape[1]
    return xarray.Dataset(variables, {"period": ("period", range(periods), time)}, attributes)
